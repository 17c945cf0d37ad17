# SPDX-License-Identifier: GPL-2.0-only
# Suspend to memory and resume with a reader on the rng front-end.
. "$LAB_ENV"; . "$LAB_LIB"

if [ ! -e /in-memory ]; then
	load
	bind_to parley_pci 0000:00:10.0 || bail "cannot take the device over"
	to_memory dd timeout
fi

queue=(/sys/bus/parley/devices/parley*/queue0)

read_rng()	# read_rng: 1 KiB, anew from the device
{
	timeout 20 dd if=/dev/hwrng of=/tmp/bytes bs=64 count=16 2>/dev/null
}

while :; do
	dd if=/dev/hwrng of=/dev/null bs=64 count=1000 2>/dev/null
done &
reader=$!

for ((round = 1; round <= ${ROUNDS:-2}; round++)); do
	if suspend 1; then
		ok "suspend and resume, round $round"
	else
		not_ok "suspend and resume, round $round"
	fi
	if read_rng; then
		ok "read afterwards, round $round"
	else
		not_ok "read afterwards, round $round"
	fi
	before=$(<"${queue[0]}/completed")
	sleep 1
	after=$(<"${queue[0]}/completed")
	[ "$after" -gt "$before" ]
	is $? 0 "the reader goes on, round $round"
done
kill $reader
is "$(<"${queue[0]}/errors")" 0 "the queue saw no violation"
finish_by_reset
