# SPDX-License-Identifier: GPL-2.0-only
# What a device with few vectors and a bus with errors lead to.
. "$LAB_ENV"; . "$LAB_LIB"

start_io()
{
	fio --name=io --filename="/dev/$name" --rw=randread --bs=4k --iodepth=8 \
		--ioengine=libaio --direct=1 --time_based --runtime=300 \
		>/tmp/fio 2>&1 </dev/null &
	io=$!
	sleep 1
}

end_io()	# end_io DESCRIPTION: it was not hurt
{
	kill -0 $io 2>/dev/null
	is $? 0 "$1: I/O goes on"
	kill $io 2>/dev/null
	wait $io
	is "$(grep -c 'io_u error' /tmp/fio)" 0 "$1: no request failed"
}

inject()	# inject ERROR: into the function; QEMU says "OK ..." if it knows it
{
	hmp pcie_aer_inject_error disk "$1" | grep OK
}

recovered()	# recovered: the kernel said so
{
	dmesg | grep -q 'device recovery successful'
}

block_512()
{
	dd if="/dev/$name" bs=4k skip=512 count=1 iflag=direct 2>/dev/null |
		od -An -tu8 -N8 | tr -d ' '
}

load
pci=0000:01:00.0
check "take it over" bind_to parley_pci "$pci"
wait_for 10 disk data || bail "no disk with serial data"
name=$(disk data)
bus=$(basename "$(readlink -f "/sys/block/$name/device")")
is "$(find "/sys/block/$name/mq" -mindepth 1 -maxdepth 1 | wc -l)" 2 \
	"it has two queues"
is "$(grep -c "MSI.*$bus-queues" /proc/interrupts)" 1 "they share one message"
is "$(grep -c "MSI.*$bus-" /proc/interrupts)" 2 "the configuration has the other"
check "write and verify on both" fio --name=verify --filename="/dev/$name" \
	--rw=randwrite --bs=4k --offset=16M --size=8M --numjobs=1 --iodepth=16 \
	--ioengine=libaio --direct=1 --verify=crc32c --do_verify=1
for queue in 0 1; do
	for cpu in 0 1; do
		taskset -c $cpu dd if="/dev/$name" of=/dev/null bs=4k count=50 \
			iflag=direct 2>/dev/null
	done
	[ "$(cat "/sys/bus/parley/devices/$bus/queue$queue/completed")" -gt 0 ]
	is $? 0 "queue $queue completed requests"
done

# RING_RESET is bit 40: QEMU offers it, and it is agreed upon.
is "$(cut -c 41 "/sys/bus/parley/devices/$bus/features")" 1 \
	"RING_RESET is negotiated"

# A fatal error stops here: the kernel cannot reset what is below QEMU's port.
start_io
check "an error that is not fatal" inject POISON_TLP
check "is recovered from" wait_for 60 recovered
end_io "after it"

is "$(block_512)" 2097152 "the disk is the same"
is "$(cat "/sys/bus/parley/devices/$bus/queue0/errors")" 0 \
	"no violation was counted"
check "unload" unload
finish
