# SPDX-License-Identifier: GPL-2.0-only
# /dev/parley-blk under a VMM that keeps the rules, and under others.
. "$LAB_ENV"; . "$LAB_LIB"

load
modprobe null_blk nr_devices=0 || bail "no null_blk"
mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config ||
	bail "no configfs"

pinned()	# pages pinned since boot and not let go
{
	# Processors keep some of both counts to themselves until told.
	cat /proc/sys/vm/stat_refresh
	awk '/^nr_foll_pin_acquired/ { n += $2 } /^nr_foll_pin_released/ { n -= $2 }
	     END { print n }' /proc/vmstat
}

before=$(pinned)
for group in ${TEST_GROUPS:-abi device data log iotlb hostile tenants life limits}; do
	echo "# group $group"
	"$LAB_BIN/parley-vmm" --patience 6 --seed "${SEED:-1}" ${BRIEF:+--brief} "$group" | sed 's/^/    /'
	is "${PIPESTATUS[0]}" 0 "$group"
done
is "$(pinned)" "$before" "every page that was pinned was let go"
check "unload everything" unload
finish
