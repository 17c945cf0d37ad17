# SPDX-License-Identifier: GPL-2.0-only
# Zones as an administrator and a program see them.  The disk is the mock's,
# because QEMU 7.2 has no zoned one: 24 zones of 2 MiB, 1.5 MiB of each can be
# written, the first two are conventional, four may be open.
. "$LAB_ENV"; . "$LAB_LIB"

zone=4096		# sectors

report()	# report ZONE: its line of blkzone report
{
	blkzone report --offset $(($1 * zone)) --count 1 "/dev/$name"
}

has()		# has DESCRIPTION ZONE PATTERN: of its line
{
	local line
	line=$(report "$2")
	case $line in
	*$3*) ok "$1" ;;
	*) not_ok "$1"; note "$line" ;;
	esac
}

leaks_forget
for module in $LAB_MODULES; do
	case $module in
	*/parley_mock.ko) insmod "$module" disk_mib=48 queues=2 zone_mib=2 \
		zone_conv=2 zone_open=4 packed=1 ;;
	*) insmod "$module" ;;
	esac || bail "cannot load $module"
done
wait_for 10 disk parley-mock-disk || bail "no disk"
name=$(disk parley-mock-disk)
queue=/sys/block/$name/queue
is "$(cat "$queue/zoned")" host-managed "the disk is host-managed"
is "$(cat "$queue/nr_zones") $(cat "$queue/chunk_sectors")" "24 $zone" \
	"it has 24 zones of 2 MiB"
is "$(cat "$queue/max_open_zones")" 4 "four may be open"
is "$(cat "$queue/zone_append_max_bytes")" 65536 "64 KiB can be appended"
is "$(blkzone report "/dev/$name" | wc -l)" 24 "blkzone reports all of them"
is "$(blkzone report "/dev/$name" | grep -c CONVENTIONAL)" 2 \
	"two are conventional"
is "$(blkzone capacity "/dev/$name")" "$(printf '0x%09x' $((22 * zone * 3 / 4 + 2 * zone)))" \
	"their capacity is that of the model"

check "write into a zone" dd if=/dev/urandom of="/dev/$name" bs=64k count=4 \
	seek=$((5 * 32)) oflag=direct
has "its write pointer has moved" 5 "wptr 0x000200"
has "and it is open" 5 "zcond: 2(oi)"
dd if=/dev/zero of="/dev/$name" bs=64k count=1 seek=$((5 * 32 + 8)) \
	oflag=direct 2>/dev/null
is $? 1 "a write elsewhere in the zone is refused"
dd if=/dev/zero of="/dev/$name" bs=64k count=1 seek=$((5 * 32)) \
	oflag=direct 2>/dev/null
is $? 1 "so is one to where data lies"
has "neither moved the pointer" 5 "wptr 0x000200"
check "the next block can be written" dd if=/dev/zero of="/dev/$name" bs=64k \
	count=1 seek=$((5 * 32 + 4)) oflag=direct
check "finish it" blkzone finish --offset $((5 * zone)) --length $zone "/dev/$name"
has "it is full" 5 "zcond:14(fu)"
check "reset it" blkzone reset --offset $((5 * zone)) --length $zone "/dev/$name"
has "it is empty" 5 "zcond: 1(em)"
check "open one" blkzone open --offset $((6 * zone)) --length $zone "/dev/$name"
has "it is open" 6 "zcond: 3(oe)"
check "close it" blkzone close --offset $((6 * zone)) --length $zone "/dev/$name"
has "it is empty again" 6 "zcond: 1(em)"
blkzone open --offset $((2 * zone)) --length $((5 * zone)) "/dev/$name" 2>/dev/null
is $? 1 "a fifth zone cannot be opened"
check "reset all" blkzone reset "/dev/$name"

for rw in write randwrite; do
	check "fio writes and verifies zones: $rw" timeout 90 fio --name=zbd \
		--filename="/dev/$name" --zonemode=zbd --max_open_zones=4 \
		--rw=$rw --bs=16k --offset=2z --size=12z --iodepth=8 \
		--ioengine=libaio --direct=1 --verify=crc32c --do_verify=1 \
		--verify_fatal=1
	check "reset all after it" blkzone reset "/dev/$name"
done
is "$(blkzone report "/dev/$name" | grep -c 'zcond: 1(em)')" 22 \
	"all sequential zones are empty"
check "unload" unload
finish
