#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Readers of sysfs and debugfs never meet a queue that is half made or gone.
. ./ktap.sh

need_device parley_blk
disk_of "$device" >/dev/null || skip_all "$device has no disk"
driver=$BUS/drivers/parley_blk
TURNS=20

readers=()
for _ in 1 2; do
	while :; do
		cat "$dir"/queue*/* "$dir"/{status,features} "$DEBUGFS"/* || true
	done >/dev/null 2>&1 &
	readers+=($!)
done
turns=0
for ((i = 0; i < TURNS; i++)); do
	echo "$device" >$driver/unbind || break
	echo "$device" >$driver/bind || break
	turns=$((turns + 1))
done
kill "${readers[@]}"
wait "${readers[@]}" 2>/dev/null
is $turns $TURNS "unbound and bound $TURNS times under the eyes of two readers"
check "the disk is back" wait_for 10 disk_of "$device"
check "it reads" read_blocks "$(disk_of "$device")" 10
is "$(total errors)" 0 "no queue saw a violation"
finish
