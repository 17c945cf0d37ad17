# SPDX-License-Identifier: GPL-2.0-only
# vhost blk serves disks of this kernel to this kernel: the whole way from the
# front-end to the back end and back, without a virtual machine.
. "$LAB_ENV"; . "$LAB_LIB"

tool=$(dirname "$LAB_LIB")/../tools/vhost-loop.py
options=()
[ "$PACKED" = 0 ] || options=(--packed --in-order)
mkdir -p /tmp/mnt

serve()		# serve SERIAL FILE OPTION...: sets $name and $loop (its process)
{
	local serial=$1 file=$2 line
	shift 2
	coproc LOOP { exec "$tool" --serial "$serial" "${options[@]}" "$@" "$file" \
		2>/tmp/loop.err; }
	# The variables of a coprocess go with it.
	loop=$LOOP_PID
	exec {to}>&"${LOOP[1]}" {from}<&"${LOOP[0]}"
	read -r -t 60 line <&"$from"
	[ "$line" = ready ] && wait_for 10 disk "$serial" && name=$(disk "$serial") ||
		bail "no disk $serial: $line $(tail -n 1 /tmp/loop.err)"
}

tell()		# tell WORD...: a command to the tool; fails unless it says "ok"
{
	local line
	echo "$*" >&"$to"
	read -r -t 240 line <&"$from"
	[ "$line" = ok ] || { echo "$line"; return 1; }
}

unserve()	# unserve: the disk goes, when it has written everything
{
	tell quit && wait "$loop"
	exec {to}>&- {from}<&-
}

fio_on()	# fio_on DISK OPTION...
{
	local disk=$1
	shift
	timeout 200 fio --minimal --name=load --filename="/dev/$disk" --direct=1 \
		--ioengine=io_uring --iodepth=16 "$@"
}

# Everything costs ten times as much under KASAN and lockdep.
size=8M cycles=25
[ ! -e /sys/kernel/debug/kmemleak ] || { size=3M; cycles=10; }

verify()	# verify DISK: writes of many sizes, and what comes back
{
	fio_on "$1" --rw=randwrite --bsrange=512-256k --size=$size \
		--verify=crc32c --do_verify=1 --verify_fatal=1
}

file_system()	# file_system DISK [OPTION...]: through the page cache, from mkfs to fsck
{
	mkfs.ext4 -q -F "${@:2}" "/dev/$1" && mount -o discard "/dev/$1" /tmp/mnt &&
		cp /tmp/data /tmp/mnt/data && sync &&
		cp /tmp/data /tmp/mnt/more && rm /tmp/mnt/more && fstrim /tmp/mnt &&
		umount /tmp/mnt && echo 3 >/proc/sys/vm/drop_caches &&
		mount "/dev/$1" /tmp/mnt && cmp /tmp/data /tmp/mnt/data &&
		umount /tmp/mnt && fsck.ext4 -fn "/dev/$1"
}

zeroes()	# zeroes FILE OFFSET LENGTH: reads so
{
	cmp -n "$3" --ignore-initial="$2:0" "$1" /dev/zero
}

error_soon()	# error_soon COMMAND...: fails, and not by the time limit
{
	local rc=0
	timeout 60 "$@" >/dev/null 2>&1 || rc=$?
	[ $rc != 0 ] && [ $rc != 124 ]
}

leaks_forget
load
head -c 3M /dev/urandom >/tmp/data

# A block device, many queues and workers

modprobe null_blk gb=1 memory_backed=1 discard=1 completion_nsec=0 ||
	bail "no null_blk"
serve null /dev/nullb0 --queues 2 --workers 2
is "$(cat "/sys/block/$name/size")" 2097152 "null_blk: the disk has 1 GiB"
is "$(find "/sys/block/$name/mq" -mindepth 1 -maxdepth 1 | wc -l)" 2 \
	"and two queues"
check "fio writes and verifies" verify "$name"
check "a file system, from mkfs to fsck" file_system "$name"
check "write a pattern" dd if=/tmp/data of="/dev/$name" bs=1M oflag=direct
check "discard some of it" blkdiscard -o 1M -l 1M "/dev/$name"
check "it reads as zeroes" zeroes "/dev/$name" 1048576 1048576
check "and the rest as before" cmp -n 1048576 /tmp/data "/dev/$name"
check "write zeroes" blkdiscard -z -o 2M -l 1M "/dev/$name"
check "they read so" zeroes "/dev/$name" 2097152 1048576
check "flush" sync "/dev/$name"
rmmod parley_vhost_blk 2>/dev/null
is $? 1 "the accelerator cannot be unloaded while it serves"
rmmod parley_vhost_loopback 2>/dev/null
is $? 1 "nor can the loopback"
check "close" unserve
check "what was written is on the medium" cmp -n 1048576 /tmp/data /dev/nullb0
check "what was zeroed too" zeroes /dev/nullb0 2097152 1048576

# A loop device that grows and shrinks

truncate -s 64M /tmp/image
device=$(losetup --find --show /tmp/image)
serve loop "$device"
check "loop: fio writes and verifies" verify "$name"
truncate -s 96M /tmp/image
losetup -c "$device"
check "tell of the new size" tell resize
check "the disk has grown" \
	wait_for 10 grep -qx 196608 "/sys/block/$name/size"
check "write at its end" dd if=/tmp/data of="/dev/$name" bs=1M seek=93 \
	oflag=direct
truncate -s 64M /tmp/image
losetup -c "$device"
check "tell of the old size" tell resize
check "the disk has shrunk" \
	wait_for 10 grep -qx 131072 "/sys/block/$name/size"
check "close and open it $cycles times" tell cycle "$cycles"
check "it is there again" wait_for 10 disk loop
check "and sound" verify "$(disk loop)"
check "close" unserve

# A file, and one that cannot be written

truncate -s 64M /tmp/disk
serve file /tmp/disk --queues 2
check "file: fio writes and verifies" verify "$name"
check "a file system, from mkfs to fsck" file_system "$name"
check "close" unserve
check "the file is sound" fsck.ext4 -fn /tmp/disk
serve locked /tmp/disk --read-only
is "$(cat "/sys/block/$name/ro")" 1 "read-only: the disk says so"
check "reading works" dd if="/dev/$name" of=/dev/null bs=1M iflag=direct
dd if=/tmp/data of="/dev/$name" bs=4k count=1 oflag=direct 2>/dev/null
is $? 1 "writing does not"
check "close" unserve

# An image that was made for blocks of 512, on a disk of larger ones

truncate -s 64M /tmp/disk4k
printf 'label: gpt\n2048,40960\n,\n' | sfdisk -q /tmp/disk4k
coarse=$(losetup --find --show --sector-size 4096 /tmp/disk4k)
is "$(cat "/sys/block/${coarse#/dev/}/queue/logical_block_size")" 4096 \
	"4Kn: a disk of blocks of 4096"
serve coarse "$coarse"
is "$(ls -d /sys/block/$name/$name* 2>/dev/null)" "" "as it is, nobody finds its partitions"
check "close" unserve
serve fine "$coarse" --block-size 512 --queues 2
check "with blocks of 512 they are found" wait_for 5 test -b "/dev/${name}p1"
is "$(cat "/sys/block/$name/queue/logical_block_size")" 512 "which the disk has"
is "$(cat "/sys/block/$name/queue/physical_block_size")" 4096 "though not the medium"
check "a file system of small blocks, from mkfs to fsck" file_system "${name}p1" -b 1024
check "fio writes and verifies" verify "${name}p2"
check "close" unserve
losetup -d "$coarse"
check "and the partition is sound" fsck.ext4 -fn \
	"/tmp/disk4k?offset=1048576"
rm -f /tmp/disk4k

# A disk that is pulled out below us

modprobe scsi_debug dev_size_mb=64 lbpu=1 ||
	bail "no scsi_debug"
medium()
{
	grep -l scsi_debug /sys/block/sd*/device/model
}
wait_for 20 medium || bail "no disk of scsi_debug"
medium=$(medium | cut -d / -f 4)
serve scsi "/dev/$medium"
check "scsi_debug: fio writes and verifies" verify "$name"
check "discard" blkdiscard -o 1M -l 1M "/dev/$name"
fio_on "$name" --rw=randrw --bs=4k --time_based --runtime=60 >/dev/null 2>&1 &
load=$!
sleep 1
echo 1 >"/sys/block/$medium/device/delete"
check "no request hangs when it goes" wait_for 30 sh -c "! kill -0 $load"
wait $load
[ $? != 0 ] && ok "its user is told" || not_ok "its user is told"
check "and further ones fail" error_soon dd if="/dev/$name" of=/dev/null bs=4k \
	count=1 iflag=direct
check "close" unserve

# The process that serves is killed

serve killed /dev/nullb0
fio_on "$name" --rw=randrw --bs=4k --time_based --runtime=60 >/dev/null 2>&1 &
load=$!
sleep 1
kill -9 "$loop"
check "the disk is gone with its process" wait_for 30 sh -c "! [ -e /sys/block/$name ]"
check "and its user was told" wait_for 30 sh -c "! kill -0 $load"
wait "$loop" 2>/dev/null
exec {to}>&- {from}<&-

losetup -d "$device"
rm -f /tmp/image /tmp/disk
check "unload" unload
rmmod scsi_debug null_blk
finish
