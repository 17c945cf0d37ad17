# SPDX-License-Identifier: GPL-2.0-only
# A disk whose other end goes away, under verified load: without any VM, through the
# bridge, and as an operator sees it. KIND is the disk's, see remote-disk.sh.
. "$LAB_ENV"; . "$LAB_LIB"

remote="bash $LAB_ROOT/tools/testing/lab/guest/remote-disk.sh $KIND"
parley=$LAB_ROOT/tools/parley/parley
export LAB_ROOT

if [ "$KIND" = nbd ] && ! command -v nbd-server >/dev/null; then
	skip "a disk by NBD" "no nbd-server: apt-get install nbd-server nbd-client"
	finish
	exit 0
fi
modprobe null_blk nr_devices=0 || bail "no null_blk"
load
mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config ||
	bail "no configfs"
# shellcheck disable=SC2086 # several
modprobe -a $STOCK || bail "this kernel has none of: $STOCK"

"$LAB_BIN/parley-vmm" --patience 6 --remote "$remote" "remote${TEST:+.$TEST}" 2>&1 |
	sed -u 's/^/    /'
is "${PIPESTATUS[0]}" 0 "a program that is VMM and driver"

through_bridge()	# through_bridge FORMAT
{
	local rc
	# shellcheck disable=SC2086 # several words
	/usr/bin/python3 -u "$LAB_ROOT/tools/testing/lab/guest/remote-bridge.py" "$LAB_BRIDGE" \
		"$1" $remote </dev/null 2>&1 | sed -u 's/^/    /'
	rc=${PIPESTATUS[0]}
	is "$rc" 0 "through the bridge, $1"
}
for format in $BRIDGE; do
	through_bridge "$format"
done

# A disk of this very kernel that reads without end, and is looked at meanwhile.
look()
{
	dd if="$PARLEY_DISK" of=/dev/null bs=4k iflag=direct 2>/dev/null &
	sleep 0.5
	$remote down
	# Until then a request is young.
	sleep 7
	$parley status "$PARLEY_DEVICE" >/run/seen
	$remote up
	wait $!
	echo $? >/run/read
	$parley status "$PARLEY_DEVICE" >/run/after
}
if [ -n "$LOOK" ]; then
	disk=$($remote make wait </dev/null) || bail "no remote disk"
	export -f look
	export remote parley
	check "a disk of this kernel is read through the outage" \
		$parley loopback "$disk" -- bash -c look
	is "$(cat /run/read)" 0 "to its end"
	check "parley status says that the back end is waited for" \
		grep -qE 'waits for its back end \([0-9]+ s\)' /run/seen
	check "and how long the queue's oldest request is under way" \
		grep -qE '^ +0 +running +[0-9]+ +1 +[0-9]+\.[0-9] s ' /run/seen
	sed 's/^/# /' /run/seen
	is "$(grep -c 'waits' /run/after)" 0 "and that it is not any more"
fi

$remote drop </dev/null || not_ok "the remote disk goes"
check "unload everything" unload
finish
