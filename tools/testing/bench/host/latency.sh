# SPDX-License-Identifier: GPL-2.0-only
# How long a stop, a kill and a change of memory take; host.py makes the table.
. "$LAB_ENV"; . "$LAB_LIB"

load
modprobe null_blk nr_devices=0 || bail "no null_blk"
mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config ||
	bail "no configfs"
"$LAB_BIN/parley-vmm" ${BRIEF:+--brief} latency | sed -u 's/^/    /'
is "${PIPESTATUS[0]}" 0 "every stop, kill and change came to its end"
finish
