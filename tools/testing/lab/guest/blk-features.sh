# SPDX-License-Identifier: GPL-2.0-only
# What a disk can do besides reading and writing, and what it says of errors.
. "$LAB_ENV"; . "$LAB_LIB"

load
echo 2 >/sys/module/parley_blk/parameters/poll_queues
bind_to parley_pci 0000:00:10.0 || bail "cannot take the plain disk over"
echo 0 >/sys/module/parley_blk/parameters/poll_queues
for slot in 11 12 13; do
	bind_to parley_pci "0000:00:$slot.0" || bail "cannot take slot $slot over"
done
cd /sys/block || bail "no /sys/block"
is "$(echo vdpar*)" "vdpara vdparb vdparc vdpard" "four disks"

# Names, shape, limits

limit()		# limit DISK ATTRIBUTE
{
	cat "$1/queue/$2"
}

is "$(cat vdpara/serial)" a-serial-of-20-chars "a full serial number"
is "$(cat vdparb/serial)" "" "an empty serial number"
is "$(limit vdparb logical_block_size)" 4096 "logical block size"
is "$(limit vdparb physical_block_size)" 16384 "physical block size"
is "$(limit vdparb minimum_io_size)" 32768 "minimum I/O size"
is "$(limit vdparb optimal_io_size)" 1048576 "optimal I/O size"
is "$(limit vdparb discard_granularity)" 65536 "discard granularity"
is "$(limit vdparb discard_max_hw_bytes)" 4194304 "largest discard"
is "$(limit vdparb write_zeroes_max_bytes)" 2097152 "largest write zeroes"
is "$(limit vdparb max_segments)" 62 "a chain fits into the ring"
is "$(limit vdparc discard_max_bytes)" 0 "no discard where it is not offered"
is "$(cat vdparc/ro)" 1 "read-only"
check "a read-only disk is read" dd if=/dev/vdparc of=/dev/null iflag=direct
is "$(dd if=/dev/zero of=/dev/vdparc count=1 2>&1 | grep -c 'not permitted')" 1 \
	"a read-only disk is not written"
bind_to parley_pci 0000:00:14.0
is "$(echo /sys/bus/pci/devices/0000:00:14.0/parley*/block)" \
	"/sys/bus/pci/devices/0000:00:14.0/parley*/block" \
	"a block size that Linux has not is refused"

# Queues: two with interrupts, two polled

is "$(ls vdpara/mq | wc -l)" 4 "four queues"
names=$(cat /sys/bus/pci/devices/0000:00:10.0/parley*/queue*/name)
is "${names//$'\n'/ }" "req req poll poll" "two of them are polled"
interrupts()
{
	cat /sys/bus/pci/devices/0000:00:10.0/parley*/queue*/interrupts |
		awk '{ sum += $1 } END { print sum }'
}
polled()
{
	cat /sys/bus/pci/devices/0000:00:10.0/parley*/queue[23]/completed |
		awk '{ sum += $1 } END { print sum }'
}
before=$(interrupts)
check "polled reads and writes, verified" fio --name=polled \
	--ioengine=io_uring --hipri --filename=/dev/vdpara --direct=1 --rw=randwrite \
	--bs=4k --size=2M --iodepth=8 --verify=crc32c --minimal
[ "$(polled)" -ge 1024 ] && ok "the polled queues did them" ||
	not_ok "the polled queues did $(polled)"
[ $(($(interrupts) - before)) -lt 100 ] &&
	ok "hardly an interrupt" || not_ok "$(($(interrupts) - before)) interrupts"

# The cache and flushes

flushes()
{
	qmp query-blockstats | python3 -c 'import json, sys
for entry in json.load(sys.stdin):
    if "plain" in (entry.get("qdev", ""), entry.get("node-name", "")):
        print(entry["stats"]["flush_operations"])'
}
is "$(cat vdpara/cache_type)" "write back" "a write-back cache"
is "$(limit vdpara fua)" 0 "no FUA: it is done by a flush"
before=$(flushes)
check "a durable write" dd if=/dev/zero of=/dev/vdpara bs=4k count=1 \
	oflag=direct,dsync
[ "$(flushes)" -gt "$before" ] && ok "QEMU saw a flush" ||
	not_ok "QEMU saw no flush ($before, $(flushes))"
check "write through" sh -c "echo write through >vdpara/cache_type"
is "$(cat vdpara/cache_type):$(limit vdpara write_cache)" \
	"write through:write through" "the mode changed on both sides"
before=$(flushes)
check "a durable write again" dd if=/dev/zero of=/dev/vdpara bs=4k count=1 \
	oflag=direct,dsync
check "write back" sh -c "echo write back >vdpara/cache_type"
is "$(limit vdpara write_cache)" "write back" "and back"
check "no mode but these" sh -c "! echo no cache >vdpara/cache_type"
is "$(stat -c %a vdparb/cache_type)" 444 "fixed where the device says so"

# Discard and write zeroes: seen in the image

used()		# used NODE: bytes that its image takes on the host
{
	qmp query-named-block-nodes | python3 -c 'import json, sys
for node in json.load(sys.stdin):
    if node["node-name"] == sys.argv[1]:
        print(node["image"]["actual-size"] >> 20)' "$1"
}
is_zero()	# is_zero DISK OFFSET-MB SIZE-MB
{
	cmp -n $(($3 << 20)) -i $(($2 << 20)):0 "/dev/$1" /dev/zero
}
is "$(used plain)" 64 "the image is full"
check "discard 16 MiB" blkdiscard -o 16M -l 16M /dev/vdpara
is "$(used plain)" 48 "the image has a hole"
check "it reads as zeroes" is_zero vdpara 16 16
check "zero 16 MiB, may unmap" blkdiscard -z -o 32M -l 16M /dev/vdpara
check "they are zero" is_zero vdpara 32 16
check "zero 8 MiB of a shaped disk" fallocate -z -o 8M -l 8M /dev/vdparb
check "discard a shaped disk" blkdiscard /dev/vdparb

# Errors keep their meaning

errno_of()	# errno_of dd-ARGUMENTS...
{
	LC_ALL=C dd "$@" 2>&1 | sed -n 's/.*: \([A-Z].* error\|.*device\)$/\1/p'
}
is "$(errno_of if=/dev/vdpard of=/dev/null iflag=direct bs=512 skip=2048 \
	count=1)" "Input/output error" "a read error is EIO"
check "its neighbour reads" dd if=/dev/vdpard of=/dev/null iflag=direct bs=512 \
	skip=2049 count=1
# The protocol has one error only: what was ENOSPC on the host is EIO here.
is "$(errno_of if=/dev/zero of=/dev/vdpard oflag=direct bs=512 seek=4096 \
	count=1)" "Input/output error" "a full host is EIO"
check "its neighbour is written" dd if=/dev/zero of=/dev/vdpard oflag=direct \
	bs=512 seek=4097 count=1
check "a failed discard is told" sh -c "! blkdiscard -f -o 4M -l 64K /dev/vdpard"
check "a discard elsewhere works" blkdiscard -f -o 8M -l 64K /dev/vdpard

# Resize on line

cat >/tmp/uevents.py <<'PY'
import os, socket, sys
sock = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 15)
sock.bind((0, 1))
sock.settimeout(10)
print("listening", flush=True)
while True:
    words = sock.recv(8192).split(b"\0")
    if b"RESIZE=1" in words and b"DEVNAME=vdpara" in words:
        sys.exit()
PY
coproc listener { python3 /tmp/uevents.py; }
told=$listener_PID
read -r _ <&"${listener[0]}"
check "QEMU grows the disk" qmp block_resize node-name=plain size=100663296
check "the size follows" wait_for 5 grep -qx 196608 vdpara/size
wait "$told" && ok "user space is told" || not_ok "user space is told"
check "the new end is written" dd if=/dev/zero of=/dev/vdpara bs=1M seek=95 \
	count=1 oflag=direct

errors=$(cat /sys/bus/pci/devices/*/parley*/queue*/errors | sort -u)
is "$errors" 0 "no queue saw a violation"
cd /
for slot in 10 11 12 13 14; do
	echo "0000:00:$slot.0" >/sys/bus/pci/drivers/parley_pci/unbind
done
check "unload" unload
finish
