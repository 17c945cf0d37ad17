# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# What every kernel of a handover does with the two disks, be its shell bash or
# busybox's. is, check, qmp and wait_for are the caller's.
#
# The first 8 MiB of a disk are only read, and are as the host made them. The next 8
# are written: each block says where it belongs and has a checksum, so it is told from
# any other whether it was written before a kernel ended or never came to it.

disks="vdpara vdparb"

pace()		# pace OPERATIONS: what QEMU lets both disks do in a second; 0: no limit
{
	qmp qom-set "{\"path\": \"/objects/slow\", \"property\": \"limits\"," \
		"\"value\": {\"iops-total\": $1}}" >/dev/null
}

sum_of()	# sum_of FILE: of its first 8 MiB
{
	head -c 8388608 "$1" | sha256sum | cut -c 1-64
}

blocks()	# blocks write|read: those with a checksum, on both disks
{
	fio --minimal --name=global --direct=1 --ioengine=io_uring --iodepth=32 \
		--thread --bs=4k --offset=8m --size=8m "--rw=$1" --verify=crc32c \
		--verify_fatal=1 --do_verify=0 --end_fsync=1 \
		--name=split --filename=/dev/vdpara --name=packed --filename=/dev/vdparb
}

contents()	# contents SUM: are the disks what earlier kernels left?
{
	for name in $disks; do
		is "$(sum_of "/dev/$name")" "$1" "$name holds what the host made"
	done
	check "both hold what was written, each block in its place" blocks read
}

in_flight()	# in_flight: many reads and writes, on both disks
{
	for name in $disks; do
		read -r reads writes <"/sys/block/$name/inflight"
		[ "$reads" -ge 32 ] && [ "$writes" -ge 32 ] || return 1
	done
}

keep_busy()	# keep_busy: reads and writes until this kernel ends
{
	for name in $disks; do
		cat <<-JOB
		[reads-$name]
		filename=/dev/$name
		rw=randread
		bs=64k
		size=8m
		[writes-$name]
		filename=/dev/$name
		rw=randwrite
		bs=4k
		offset=8m
		size=8m
		verify=crc32c
		do_verify=0
		JOB
	done >/tmp/busy.jobs
	fio --minimal --direct=1 --ioengine=io_uring --iodepth=64 --thread --time_based \
		--runtime=600 /tmp/busy.jobs >/tmp/busy.out 2>&1 </dev/null &
	# 256 requests at five a second: the last ones end most of a minute from now.
	pace 5 && check "reads and writes are in flight" wait_for 20 in_flight
}

sound()		# sound: tests that the devices kept to the rules
{
	is "$(cat /sys/bus/pci/devices/*/parley*/queue*/errors | sort -u)" 0 \
		"no queue saw a violation"
	is "$(dmesg | grep -c 'asks for a reset')" 0 "no device asked for a reset"
}
