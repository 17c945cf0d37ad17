# SPDX-License-Identifier: GPL-2.0-only
# A disk moves from mainline's driver to ours and back, with I/O in each.
. "$LAB_ENV"; . "$LAB_LIB"

pci=0000:00:10.0

block_512()
{
	dd if="/dev/$1" bs=4k skip=512 count=1 iflag=direct 2>/dev/null |
		od -An -tu8 -N8 | tr -d ' '
}

load
wait_for 10 disk data || bail "no disk with serial data"
stock=$(disk data)
is "$(block_512 "$stock")" 2097152 "mainline reads the disk"

check "take it over" bind_to parley_pci $pci
wait_for 10 test -b /dev/vdpara || bail "no disk of ours"
is "$(disk data)" vdpara "it has its serial number"
is "$(cat /sys/block/vdpara/size)" 65536 "it has 32 MiB"
is "$(block_512 vdpara)" 2097152 "ours reads the disk"
head -c 8M /dev/urandom >/tmp/data
check "write 8 MiB" dd if=/tmp/data of=/dev/vdpara bs=1M oflag=direct
check "drop caches" sh -c "echo 3 >/proc/sys/vm/drop_caches"
check "read them back" cmp -n 8388608 /tmp/data /dev/vdpara

check "give it back" bind_back $pci
wait_for 10 disk data || bail "no disk with serial data"
is "$(driver_of $pci)" virtio-pci "mainline has it again"
check "mainline reads what ours wrote" cmp -n 8388608 /tmp/data "/dev/$(disk data)"
check "unload" unload
finish
