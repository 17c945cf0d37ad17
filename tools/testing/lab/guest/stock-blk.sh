# SPDX-License-Identifier: GPL-2.0-only
# Mainline's own driver on QEMU's disk: shows that the lab works.
. "$LAB_ENV"; . "$LAB_LIB"

load
wait_for 10 disk data || bail "no disk with serial data"
name=$(disk data)
is "$(driver_of "$(pci_of "$name")")" virtio-pci "the stock driver has it"
is "$(cat "/sys/block/$name/size")" 65536 "the disk has 32 MiB"

# Every 8 bytes of the image hold their own offset.
is "$(dd if="/dev/$name" bs=4k skip=512 count=1 iflag=direct 2>/dev/null |
	od -An -tu8 -N8 | tr -d ' ')" 2097152 "block 512 is where it belongs"

head -c 8M /dev/urandom >/tmp/data
check "write 8 MiB" dd if=/tmp/data of="/dev/$name" bs=1M oflag=direct
check "drop caches" sh -c "echo 3 >/proc/sys/vm/drop_caches"
check "read them back" cmp -n 8388608 /tmp/data "/dev/$name"
check "QEMU answers" qmp query-status
finish
