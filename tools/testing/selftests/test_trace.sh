#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Trace events of the core: they are there, and tell what happened.
. ./ktap.sh

need_device parley_blk
disk=$(disk_of "$device") || skip_all "$device has no disk"
tracing=/sys/kernel/tracing
[ -d $tracing/events ] || skip_all "tracefs is not mounted"

events=$tracing/events/parley
check "publications can be traced" test -d $events/parley_publish
check "completions can be traced" test -d $events/parley_reap

echo >$tracing/trace
echo 1 >$events/enable
check "read 50 blocks" read_blocks "$disk" 50
echo 0 >$events/enable
trace=$(grep parley_ $tracing/trace)
published=$(grep -c 'parley_publish: .*queue=[0-9]* count=[0-9]* notify=[01]' <<<"$trace")
check "each read was published ($published)" test "$published" -ge 50
reaped=$(sed -n 's/.*parley_reap: .*count=\([0-9]*\).*/\1/p' <<<"$trace" |
	awk '{ sum += $1 } END { print sum + 0 }')
check "each read was reaped ($reaped)" test "$reaped" -ge 50
echo >$tracing/trace
check "read 10 blocks more" read_blocks "$disk" 10
is "$(grep -c parley_ $tracing/trace)" 0 "silent when disabled"
finish
