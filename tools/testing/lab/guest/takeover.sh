# SPDX-License-Identifier: GPL-2.0-only
# The parley command: what it refuses, what it moves, and the data meanwhile.
. "$LAB_ENV"; . "$LAB_LIB"

parley=$LAB_ROOT/tools/parley/parley

refuses()	# refuses WORDS COMMAND...: fails, and says so with these words
{
	local words=$1 out
	shift
	out=$("$@" 2>&1) && return 1
	echo "$out"
	[[ $out == *"$words"* ]]
}

# The disk of this scenario, whoever drives it.
find_disk()
{
	wait_for 10 disk data && name=$(disk data)
}

# Every 8 bytes of the image hold their own offset.
block_is()	# block_is NUMBER: of 4 KiB
{
	[ "$(dd if="/dev/$name" bs=4k skip="$1" count=1 iflag=direct 2>/dev/null |
		od -An -tu8 -N8 | tr -d ' ')" = $(($1 * 4096)) ]
}

load
find_disk || bail "no disk with serial data"
address=$(pci_of "$name")
check "before: block 512 is where it belongs" block_is 512
head -c 4M /dev/urandom >/tmp/before
check "before: write 4 MiB" dd if=/tmp/before of="/dev/$name" bs=1M oflag=direct

check "help is given" $parley --help
check "an unknown address is refused" refuses "no PCI device" \
	$parley takeover 0000:1f:1f.0
check "what is not virtio is refused" refuses "no virtio PCI device" \
	$parley takeover 0000:00:00.0
# Python 3.13 lists what there is without quotation marks.
check "a type without a front-end is refused" refuses "invalid choice: '9p'" \
	$parley takeover --all-of-type 9p
check "a device without a front-end is refused" refuses "front-ends for net, blk and rng only" \
	$parley takeover "$($parley status | awk '$2 == "9p" { print $1 }')"

check "swap space on it" sh -c "mkswap /dev/$name && swapon /dev/$name"
check "a disk with swap on it is refused" refuses "is swap space" \
	$parley takeover "$address"
check "swapoff" swapoff "/dev/$name"
check "write 4 MiB again" dd if=/tmp/before of="/dev/$name" bs=1M oflag=direct

check "takeover of every disk" $parley takeover --all-of-type blk
is "$(driver_of "$address")" parley_pci "the disk is Parley's"
check "takeover again changes nothing" $parley takeover "$address"
find_disk || bail "no disk after the takeover"
note "it is $name now"
check "after: what was written is there" cmp -n 4194304 /tmp/before "/dev/$name"
check "after: block 1024 is where it belongs" block_is 1024
head -c 4M /dev/urandom >/tmp/after
check "after: write 4 MiB" dd if=/tmp/after of="/dev/$name" bs=1M oflag=direct
check "takeover of the random source" $parley takeover --all-of-type rng
$parley status | sed 's/^/# /'
is "$($parley status --json | /usr/bin/python3 -c '
import json, sys
print(*sorted(d["front_end"] for d in json.load(sys.stdin)
	      if d["driver"] == "parley_pci"))')" "parley_blk parley_rng" \
	"status shows both in JSON"

check "mkfs" mkfs.ext4 -q -F "/dev/$name"
mkdir -p /tmp/mnt
mount "/dev/$name" /tmp/mnt || bail "cannot mount ext4"
check "a mounted disk is refused" refuses "is mounted on /tmp/mnt" \
	$parley giveback "$address"
check "umount" umount /tmp/mnt
check "write 4 MiB again" dd if=/tmp/after of="/dev/$name" bs=1M oflag=direct

check "giveback of every disk" $parley giveback --all-of-type blk
is "$(driver_of "$address")" virtio-pci "the disk is the stock driver's"
find_disk || bail "no disk after the giveback"
check "given back: what was written is there" \
	cmp -n 4194304 /tmp/after "/dev/$name"
check "giveback of the random source" $parley giveback --all-of-type rng
check "our modules unload" unload
finish
