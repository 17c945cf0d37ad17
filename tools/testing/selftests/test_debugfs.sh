#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# /sys/kernel/debug/parley: one file for each queue, the same truth as sysfs.
. ./ktap.sh

need_device parley_blk
disk=$(disk_of "$device") || skip_all "$device has no disk"
[ -d /sys/kernel/debug/block ] || skip_all "debugfs is not mounted"

field()		# field FILE NAME: its value
{
	sed -n "s/^$2  *//p" "$1"
}

check "the folder is there" test -d $DEBUGFS
dumps=()
for queue in "$dir"/queue[0-9]*; do
	found=("$DEBUGFS"/*-"${queue##*/queue}"-driver)
	for dump in "${found[@]}"; do
		[[ $(field "$dump" queue) == "${queue##*/queue} ($(<"$queue/name"))" ]] &&
			[[ ${dump##*/} == *"$(basename "$(readlink -f "$dir/..")")"* ||
			   ${dump##*/} == "$device"-* ]] && dumps+=("$dump")
	done
done
queues=("$dir"/queue[0-9]*)
is ${#dumps[@]} ${#queues[@]} "a file for each queue"
[ ${#dumps[@]} = ${#queues[@]} ] || { find $DEBUGFS | sed 's/^/# /'; finish; }

is "$(stat -c %a "${dumps[@]}" | sort -u)" 400 "for root's eyes only"
check "read some blocks" read_blocks "$disk" 20
wrong=
for i in "${!queues[@]}"; do
	queue=${queues[i]} dump=${dumps[i]}
	[ "$(field "$dump" role)" = driver ] || wrong+=" role"
	[ "$(field "$dump" state)" = working ] || wrong+=" state"
	[ "$(field "$dump" format)" = "$(<"$queue/format")" ] || wrong+=" format"
	[ "$(field "$dump" size)" = "$(<"$queue/size")" ] || wrong+=" size"
	for counter in buffers completed publishes notified suppressed interrupts errors; do
		[ "$(field "$dump" $counter)" = "$(<"$queue/$counter")" ] ||
			wrong+=" $counter"
	done
done
is "$wrong" "" "each says what sysfs says"

wrong=
for dump in "${dumps[@]}"; do
	[ "$(field "$dump" "in flight")" = 0 ] || wrong+=" ${dump##*/}:in-flight"
	[ "$(field "$dump" put)" = "$(field "$dump" published)" ] ||
		wrong+=" ${dump##*/}:published"
	[ "$(field "$dump" put)" = "$(field "$dump" reaped)" ] ||
		wrong+=" ${dump##*/}:reaped"
done
is "$wrong" "" "an idle queue has nothing on its way"
finish
