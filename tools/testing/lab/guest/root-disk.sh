#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# /sbin/init on a root disk of ours: there is busybox and nothing else here.

b=/bin/busybox
export PATH=/bin:/sbin
$b --install -s /bin
exec </dev/ttyS1 >/dev/ttyS1 2>&1
stty raw -echo
count=0

is()		# is GOT WANTED DESCRIPTION
{
	count=$((count + 1))
	if [ "$1" = "$2" ]; then
		echo "ok $count - $3"
	else
		echo "not ok $count - $3"
		echo "# got $1, wanted $2"
	fi
}

root=$(awk '$2 == "/" && $3 == "ext4" { print $1 }' /proc/mounts)
is "$root" /dev/vdpara "the root file system is on a disk of ours"
driver=$(readlink -f /sys/block/vdpara/device/../driver)
is "${driver##*/}" parley_pci "through our transport"
[ -e /sys/bus/pci/drivers/virtio-pci ]
is $? 1 "the built-in driver is not there"

head -c 4194304 /dev/urandom >/tmp/data
before=$(sha256sum </tmp/data)
cp /tmp/data /copy && sync
is $? 0 "write 4 MiB to the root"
echo 3 >/proc/sys/vm/drop_caches
is "$(sha256sum </copy)" "$before" "they are still there without the page cache"
is "$(cat /sys/block/vdpara/device/queue0/errors)" 0 "the queue saw no error"

mount -o remount,ro /
is $? 0 "make the root read-only"
echo "1..$count"
echo "@EXIT 0"
usleep 50000
poweroff -f
