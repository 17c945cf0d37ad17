#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# /sys/bus/parley/drivers/parley_blk: a front-end leaves its device and returns.
. ./ktap.sh

need_device parley_blk
disk=$(disk_of "$device") || skip_all "$device has no disk"
driver=$BUS/drivers/parley_blk

before=$(dd if="/dev/$disk" bs=64k count=16 iflag=direct status=none | cksum)
check "unbind" sh -c "echo $device >$driver/unbind"
check "the disk is gone" wait_for 5 test ! -e "/dev/$disk"
is "$(find "$dir/" -maxdepth 1 -name 'queue[0-9]*' | wc -l)" 0 "its queues are gone"
is $(($(<"$dir/status") & 4)) 0 "the device is not driven"
is "$(tr -d 0 <"$dir/features")" "" "nothing is agreed on"
check "unbind again is refused" refused sh -c "echo $device >$driver/unbind"

check "bind" sh -c "echo $device >$driver/bind"
check "the disk is back" wait_for 10 disk_of "$device"
disk=$(disk_of "$device")
is $(($(<"$dir/status") & 4)) 4 "the device is driven"
is "$(dd if="/dev/$disk" bs=64k count=16 iflag=direct status=none | cksum)" "$before" \
	"its contents are the same"
check "bind again is refused" refused sh -c "echo $device >$driver/bind"
finish
