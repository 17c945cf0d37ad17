# SPDX-License-Identifier: GPL-2.0-only
# A guest that waits for each request beside one that does not; host.py makes the table.
. "$LAB_ENV"; . "$LAB_LIB"

load
modprobe null_blk nr_devices=0 || bail "no null_blk"
mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config ||
	bail "no configfs"
"$LAB_BIN/parley-vmm" ${BRIEF:+--brief} lanes | sed -u 's/^/    /'
is "${PIPESTATUS[0]}" 0 "both guests were served to the end"
finish
