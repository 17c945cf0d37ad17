# SPDX-License-Identifier: GPL-2.0-only
# Vhost devices by netlink and by the parley command: netlink.py does it.
. "$LAB_ENV"; . "$LAB_LIB"

parley=$LAB_ROOT/tools/parley/parley

check "null disks as back ends" modprobe null_blk nr_devices=4 gb=1
load
leaks_forget

check "without a device, status is content" $parley status
export LAB_ROOT LAB_CACHE LAB_KERNEL
verdicts netlink.py

# As a user calls it: another process for each.
out=$($parley loopback /dev/nullb0 --serial shell -- \
	sh -c 'cat "/sys/block/${PARLEY_DISK#/dev/}/serial"; exit 7' 2>&1) && rc=0 || rc=$?
is "$rc:$out" "7:shell" "loopback runs a command, whose exit code it has"
out=$(setpriv --bounding-set=-net_admin --inh-caps=-net_admin \
	$parley loopback /dev/nullb0 -- \
	sh -c "$parley limit \$PARLEY_DEVICE --ops 1; echo \$?" 2>&1)
is "$(tail -n 1 <<<"$out"):$(grep -c CAP_NET_ADMIN <<<"$out")" 1:1 \
	"without CAP_NET_ADMIN a limit is refused, and says why"
[ "$(tail -n 1 <<<"$out")" = 1 ] || note "$out"
what="another network namespace does not see the family"
if [ -e /proc/self/ns/net ]; then
	out=$(unshare -n $parley stats 2>&1) && rc=0 || rc=$?
	is "$rc:$(grep -c 'network namespace' <<<"$out")" 3:1 "$what"
else
	skip "$what" "this kernel has one namespace only"
fi
check "our modules unload" unload
finish
