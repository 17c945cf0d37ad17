# SPDX-License-Identifier: GPL-2.0-only
# What happens to a device while it is in use: reset, removal, return.
. "$LAB_ENV"; . "$LAB_LIB"

load_on()	# load_on SECONDS DISK...: verified writes until they end
{
	local seconds=$1 disk
	shift
	{
		cat <<-JOB
		[global]
		rw=randwrite
		bsrange=4k-32k
		direct=1
		ioengine=io_uring
		iodepth=32
		size=2M
		time_based
		runtime=$seconds
		verify=crc32c
		verify_fatal=1
		JOB
		for disk in "$@"; do
			printf '[%s]\nfilename=/dev/%s\n' "$disk" "$disk"
		done
	} >/tmp/load.fio
	exec fio --minimal /tmp/load.fio
}

verified()	# verified JOB DESCRIPTION: the load ended and found its data
{
	if wait "$1"; then
		ok "$2"
	else
		not_ok "$2"
		tail -n 5 /tmp/out | cut -c1-300 | sed 's/^/# /'
	fi
}

in_flight()	# in_flight DISK: some requests are
{
	local reads writes
	read -r reads writes <"/sys/block/$1/inflight"
	[ $((reads + writes)) -ge 8 ]
}

load
split=$(behind 10)
packed=$(behind 11)
bind_to parley_pci "$split" && bind_to parley_pci "$packed" ||
	bail "cannot take the disks over"

# Function-level reset

read -r method _ <"/sys/bus/pci/devices/$split/reset_method"
is "$method" flr "the device has a function-level reset"
# QEMU forgets this in a reset, and must be told again.
echo "write through" >/sys/block/vdpara/cache_type
load_on 6 vdpara vdparb >/tmp/out 2>&1 &
job=$!
wait_for 5 in_flight vdpara
resets=0 busy=0
for _ in 1 2 3 4 5 6 7 8 9 10; do
	in_flight vdpara && in_flight vdparb && busy=$((busy + 1))
	echo 1 >"/sys/bus/pci/devices/$split/reset" &&
		echo 1 >"/sys/bus/pci/devices/$packed/reset" &&
		resets=$((resets + 1))
	sleep 0.3
done
is "$resets" 10 "ten function-level resets"
[ $busy -ge 1 ] && ok "with requests in flight" || not_ok "busy only $busy times"
verified $job "no write was lost and none was false"
is "$(cat /sys/block/vdpara/cache_type)" "write through" \
	"the device has the cache mode that was set"
is "$(cat /sys/block/vdparb/cache_type)" "write back" "and the other has its own"

# A hundred times unbound and bound

free=0000:00:13.0
bind_to parley_pci $free || bail "cannot take the third disk over"
touch /tmp/go
while [ -e /tmp/go ]; do
	[ -b /dev/vdparc ] &&
		dd if=/dev/vdparc of=/dev/null bs=4k iflag=direct 2>/dev/null &&
		echo >>/tmp/read
done &
job=$!
bound=0
cd /sys/bus || bail "no /sys/bus"
for round in {1..50}; do
	echo $free >pci/drivers/parley_pci/unbind
	echo $free >pci/drivers/parley_pci/bind && bound=$((bound + 1))
	# The same one floor up: the transport stays.
	parley=$(echo pci/devices/$free/parley*)
	parley=${parley##*/}
	echo "$parley" >parley/drivers/parley_blk/unbind
	echo "$parley" >parley/drivers/parley_blk/bind && bound=$((bound + 1))
done
cd /
sleep 1
rm /tmp/go
wait $job
is "$bound" 100 "bound a hundred times under load"
[ -s /tmp/read ] && ok "and read now and then" || not_ok "never read"
check "and still sound" dd if=/dev/vdparc of=/dev/null bs=64k count=64 \
	iflag=direct

# Hot-unplug and hot-plug

gone()
{
	! [ -e "/sys/bus/pci/devices/$1" ]
}
for round in 1 2 3; do
	check "plug in, round $round" qmp device_add driver=virtio-blk-pci \
		drive=plug id=plug bus=port2 serial=plug$round
	wait_for 10 behind 12 || bail "no device appears"
	plug=$(behind 12)
	wait_for 5 bind_to parley_pci "$plug" || bail "cannot take it over"
	disk=$(disk plug$round) || bail "no disk appears"
	load_on 30 "$disk" >/tmp/out 2>&1 &
	job=$!
	wait_for 5 in_flight "$disk"
	check "unplug it under load" qmp device_del id=plug
	check "QEMU has it back" qmp_event DEVICE_DELETED device=plug
	check "the device is gone" wait_for 5 gone "$plug"
	wait $job && not_ok "the load is told" || ok "the load is told"
done

# A device that decodes no access any more: status and features read as 0. Not the
# packed one: a kick that comes with that hangs QEMU, see Documentation/lab.rst.

command_of()	# command_of PCI-ADDRESS VALUE: its PCI command register
{
	printf "\\x$2\\x00" | dd of="/sys/bus/pci/devices/$1/config" bs=2 seek=2 \
		count=1 conv=notrunc 2>/dev/null
}
echo 1000 >/sys/block/vdpara/queue/io_timeout
load_on 30 vdpara >/tmp/out 2>&1 &
job=$!
wait_for 5 in_flight vdpara
command_of "$split" 00
SECONDS=0
wait $job && not_ok "the load is told" || ok "the load is told"
[ $SECONDS -le 15 ] && ok "soon" || not_ok "after $SECONDS s"
command_of "$split" 06
echo "$split" >/sys/bus/pci/drivers/parley_pci/unbind
check "after a new start it comes back" bind_to parley_pci "$split"
disk=$(disk split)
check "and works" dd if=/dev/zero of="/dev/$disk" bs=64k count=16 oflag=direct

for pci in $split $packed $free; do
	echo "$pci" >/sys/bus/pci/drivers/parley_pci/unbind
done
check "unload" unload
finish
