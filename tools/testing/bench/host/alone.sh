# SPDX-License-Identifier: GPL-2.0-only
# A host without a guest: what parley-vmm measures as $STAGE; host.py makes the table.
. "$LAB_ENV"; . "$LAB_LIB"

load
modprobe null_blk nr_devices=0 || bail "no null_blk"
mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config ||
	bail "no configfs"
"$LAB_BIN/parley-vmm" ${BRIEF:+--brief} "$STAGE" | sed -u 's/^/    /'
is "${PIPESTATUS[0]}" 0 "$STAGE came to its end"
finish
