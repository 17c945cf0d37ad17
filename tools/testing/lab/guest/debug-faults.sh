# SPDX-License-Identifier: GPL-2.0-only
# Over PCI, with what KUnit's sweeps on the loopback transport do not have:
# registers, interrupts, the DMA API.  BELOW says whose allocations fail, and
# BIND_STEP how many of those of a bind are passed over from one to the next.
. "$LAB_ENV"; . "$LAB_LIB"

rng=0000:00:10.0
blk=0000:00:11.0
driver=/sys/bus/pci/drivers/parley_pci

drop()		# drop PCI-ADDRESS: unbound, if it was bound
{
	[ ! -e "/sys/bus/pci/devices/$1/driver" ] || echo "$1" >$driver/unbind
}

sweep_bind()	# sweep_bind PCI-ADDRESS MODULE
{
	note "$1: below $2"
	faults_on "$2"
	FAIL_STEP=$BIND_STEP fail_sweep 1500 "drop $1" write $driver/bind "$1"
}

load
for pci in $rng $blk; do
	check "$pci: taken over" bind_to parley_pci $pci
	drop $pci
done
leaks_forget

# Below the bus (guest) the drivers' probes fail as well: it calls them.
sweep_bind $rng "parley_$BELOW"
sweep_bind $blk "parley_$BELOW"

check "bind the entropy device at last" sh -c "echo $rng >$driver/bind"
check "it works" sh -c "head -c 256 /dev/hwrng | wc -c | grep -qx 256"
check "bind the disk at last" sh -c "echo $blk >$driver/bind"
wait_for 10 disk data || bail "no disk with serial data"
name=$(disk data)
# Requests are put off when memory is short, and do not fail.
faults_on parley_blk
fail_sweep 50 true read "/dev/$name" 262144
fail_sweep 50 true pwrite "/dev/$name" 262144
faults_on parley_core
fail_sweep 50 true read "/dev/$name" 1048576
is "$(cat "/sys/block/$name/device/queue0/errors")" 0 "no violation was counted"
check "unload" unload
finish
