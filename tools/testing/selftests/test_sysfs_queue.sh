#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# /sys/bus/parley/devices/parleyN/queueN: shape and statistics of each queue.
. ./ktap.sh

need_device parley_blk
disk=$(disk_of "$device") || skip_all "$device has no disk"

queues=("$dir"/queue[0-9]*)
check "there is a queue" test -d "${queues[0]}"
format="split"
features=$(<"$dir/features")
[ "${features:34:1}" = 0 ] || format=packed

odd=
for queue in "${queues[@]}"; do
	[[ $(<"$queue/name") =~ ^[a-z]+$ ]] || odd+=" $queue/name"
	[[ $(<"$queue/size") =~ ^[1-9][0-9]*$ ]] || odd+=" $queue/size"
	[ "$(<"$queue/format")" = $format ] || odd+=" $queue/format"
	[[ $(<"$queue/vector") =~ ^-?[0-9]+$ ]] || odd+=" $queue/vector"
	[ "$(<"$queue/broken")" = 0 ] || odd+=" $queue/broken"
	[ "$(<"$queue/errors")" = 0 ] || odd+=" $queue/errors"
	for counter in buffers completed publishes notified suppressed interrupts spurious; do
		[[ $(<"$queue/$counter") =~ ^[0-9]+$ ]] || odd+=" $queue/$counter"
	done
done
is "$odd" "" "every attribute of every queue is well formed"
is "$(find "${queues[@]}" -type f -perm /222)" "" "none can be written"

before_buffers=$(total buffers)
before_completed=$(total completed)
before_notified=$(total notified)
before_publishes=$(total publishes)
before_interrupts=$(total interrupts)
check "read 100 blocks, one by one" read_blocks "$disk" 100
buffers=$(($(total buffers) - before_buffers))
publishes=$(($(total publishes) - before_publishes))
notified=$(($(total notified) - before_notified))
check "100 buffers or more were put ($buffers)" test "$buffers" -ge 100
is "$(($(total completed) - before_completed))" "$buffers" "as many came back"
check "no more publications than buffers ($publishes)" test "$publishes" -le "$buffers"
check "no more kicks than publications ($notified)" test "$notified" -le "$publishes"
check "a kick each at queue depth 1" test "$notified" -ge 100
check "interrupts are counted" test "$(($(total interrupts) - before_interrupts))" -ge 1
is "$(($(total publishes)))" "$(($(total notified) + $(total suppressed)))" \
	"each publication was a kick or was spared one"
finish
