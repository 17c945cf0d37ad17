# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the scripts here stand on: results as KTAP on standard output, and the
# exit codes of kselftest (0 passed, 1 failed, 4 skipped).

BUS=/sys/bus/parley
# shellcheck disable=SC2034 # for the scripts that source this
DEBUGFS=/sys/kernel/debug/parley
count=0 failures=0
device='' dir=''

ok()		# ok DESCRIPTION
{
	count=$((count + 1))
	echo "ok $count $*"
}

not_ok()	# not_ok DESCRIPTION
{
	count=$((count + 1)) failures=$((failures + 1))
	echo "not ok $count $*"
}

check()		# check DESCRIPTION COMMAND...: passes if the command does
{
	local what=$1 out rc=0
	shift
	out=$("$@" 2>&1 </dev/null) || rc=$?
	if [ "$rc" = 0 ]; then
		ok "$what"
	else
		not_ok "$what"
		echo "# $* exited with $rc"
		[ -z "$out" ] || sed 's/^/#   /' <<<"$out"
	fi
}

is()		# is GOT WANTED DESCRIPTION
{
	if [ "$1" = "$2" ]; then
		ok "$3"
	else
		not_ok "$3"
		printf '# got    %s\n# wanted %s\n' "$1" "$2"
	fi
}

matches()	# matches GOT REGEX DESCRIPTION
{
	if [[ $1 =~ ^$2$ ]]; then
		ok "$3"
	else
		not_ok "$3"
		printf '# got    %s\n# wanted %s\n' "$1" "$2"
	fi
}

skip_all()	# skip_all REASON: nothing here can be tested
{
	echo "1..0 # SKIP $*"
	exit 4
}

finish()	# finish: call last
{
	echo "1..$count"
	[ "$failures" = 0 ]
	exit
}

wait_for()	# wait_for SECONDS COMMAND...: until the command succeeds
{
	local until=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1 </dev/null; do
		[ "$SECONDS" -lt "$until" ] || return 1
		sleep 0.1
	done
}

refused()	# refused COMMAND...: passes when the command fails
{
	! "$@"
}

# The devices of the guest bus

device_of()	# device_of FRONT-END: the first device it drives, by name
{
	local link
	for link in "$BUS/drivers/$1"/parley[0-9]*; do
		[ -e "$link" ] || continue
		echo "${link##*/}"
		return 0
	done
	return 1
}

need_device()	# need_device FRONT-END: sets device and dir, or skips all
{
	[ "$(id -u)" = 0 ] || skip_all "not root"
	device=$(device_of "$1") || skip_all "no device is driven by $1"
	dir=$BUS/devices/$device
}

disk_of()	# disk_of DEVICE: its name in /dev; fails if it has none
{
	local block
	for block in "$BUS/devices/$1"/block/*; do
		[ -b "/dev/${block##*/}" ] || return 1
		echo "${block##*/}"
		return 0
	done
	return 1
}

total()		# total ATTRIBUTE: summed over the queues of $dir
{
	local sum=0 file value
	for file in "$dir"/queue[0-9]*/"$1"; do
		read -r value <"$file" && sum=$((sum + value))
	done
	echo "$sum"
}

read_blocks()	# read_blocks DISK COUNT: single 4 KiB reads past the cache
{
	dd if="/dev/$1" of=/dev/null bs=4k count="$2" iflag=direct status=none
}
