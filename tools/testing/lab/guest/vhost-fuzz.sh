# SPDX-License-Identifier: GPL-2.0-only
# The calls of /dev/parley-blk and its rings at random; the kernel is the judge.
. "$LAB_ENV"; . "$LAB_LIB"

load
modprobe null_blk nr_devices=0 || bail "no null_blk"
mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config ||
	bail "no configfs"

# A long run may bring its own, see tools/testing/vhost/fuzz.
seconds=10 seed=1
if [ -n "${LONG-}" ]; then
	seconds=60
	[ ! -e "$LAB_ROOT/build/vhost/fuzz.env" ] || . "$LAB_ROOT/build/vhost/fuzz.env"
fi
for what in calls rings; do
	"$LAB_BIN/parley-vmm" --patience 6 --seed "$seed" --seconds "$seconds" "fuzz.$what" |
		sed 's/^/    /'
	is "${PIPESTATUS[0]}" 0 "$what"
done
check "unload everything" unload
finish
