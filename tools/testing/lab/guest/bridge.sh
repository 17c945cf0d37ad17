# SPDX-License-Identifier: GPL-2.0-only
# parley-bridge on a real kernel, without a second guest: a program of ours is
# the VMM and the driver (tools/bridge/tests/vmm.py).
. "$LAB_ENV"; . "$LAB_LIB"

bridge=$LAB_BRIDGE
vmm=$LAB_ROOT/tools/bridge/tests/vmm.py
socket=/tmp/plain.sock

modprobe null_blk nr_devices=0
load
check "it tells its version" "$bridge" --version

# So that there is something in flight.
[ -d /sys/kernel/config/nullb ] || mount -t configfs none /sys/kernel/config
null=/sys/kernel/config/nullb
medium()	# medium NAME NANOSECONDS: a disk in memory that completes late
{
	local setting

	mkdir "$null/$1"
	for setting in size=64 memory_backed=1 submit_queues=1 irqmode=2 \
		completion_nsec="$2" power=1; do
		echo "${setting#*=}" >"$null/$1/${setting%=*}"
	done
}
medium late 2000000
medium slow 2000000000
truncate -s 64M /tmp/image /tmp/other
loop=$(losetup -f --show /tmp/other) || bail "no loop device"

# What a test does between two bridges.
export RELOAD="bash -c '. $LAB_ENV; . $LAB_LIB; unload && LAB_STOCK_MODULES= load'"

try()		# try IMAGE TEST...
{
	local rc
	python3 -u "$vmm" "$bridge" "$1" "$FORMAT" "${@:2}" </dev/null 2>&1 |
		sed -u 's/^/    /'
	rc=${PIPESTATUS[0]}
	is "$rc" 0 "$FORMAT, $1: ${*:2}"
}

try /dev/late io kill alone dirty slots twice old hostile
try /dev/slow drained
try "$loop" kill upgraded
try /tmp/image io kill kill twice starved resize limited

# While the bridge serves nobody it holds nothing, and ends when told to.
"$bridge" --disk "socket=$socket,path=/tmp/image" 2>/tmp/bridge.log &
wait_for 10 test -S "$socket"
"$bridge" --disk "socket=$socket,path=/tmp/image" 2>/tmp/second.log
is $? 1 "a second bridge on the same socket is refused"
check "and says why" grep -q "another process listens" /tmp/second.log
kill -TERM $!
wait $!
is $? 0 "SIGTERM ends it"
[ ! -e "$socket" ]
is $? 0 "and its socket is gone"

is "$("${bridge%/*}/parley_vmm" "$loop" 2>&1)" \
	"the disk is called example
stopped at 1" "the example of the documentation works"
losetup -d "$loop"
rmdir "$null/late" "$null/slow"
check "unload everything" unload
"$bridge" --disk "socket=$socket,path=/tmp/image" 2>/tmp/bridge.log
is $? 1 "without the module it does not start"
check "and says what to do" grep -q "modprobe parley_vhost_blk" /tmp/bridge.log
finish
