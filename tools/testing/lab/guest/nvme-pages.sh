# SPDX-License-Identifier: GPL-2.0-only
# The commands of our pages, line by line as they stand there, on a disk as it was
# delivered. A line that fails is one that a reader would have been left with.
. "$LAB_ENV"; . "$LAB_LIB"

mdev=/sys/bus/mdev/devices
vmms=

# What the pages call, and where it is here

modprobe()	# modprobe [-a] MODULE...: ours were loaded from where they were built
{
	local name
	for name in "$@"; do
		case $name in
		-a) ;;
		parley_*) [ -d "/sys/module/$name" ] || return 1 ;;
		*) command modprobe "$name" || return 1 ;;
		esac
	done
}

parley()	# parley WORD...
{
	"$LAB_ROOT/tools/parley/parley" "$@"
}

qemu-system-x86_64()	# qemu-system-x86_64 ARGUMENT...: not waited for
{
	command qemu-system-x86_64 "$@" -display none &
	vmms="$vmms $!"
}

mdevctl()	# mdevctl WORD...: of the package, unpacked
{
	"$LAB_PACKAGES/usr/bin/mdevctl" "$@"
}

# Pages

block()		# block PAGE HEADING: the first literal block below it, a command a line,
		# without what is said of it
{
	awk -v heading="$2" '
		$0 == heading { found = 1 }
		found && /::$/ { inside = 1; next }
		inside && /^[^ ]/ { exit }
		inside && /\\$/ { sub(/\\$/, ""); line = line substr($0, 3); next }
		inside && NF {
			line = line substr($0, 3)
			sub(/  +# .*/, "", line)
			gsub(/; /, "\n", line)
			print line
			line = ""
		}
	' "$LAB_ROOT/Documentation/$1.rst"
}

typed()		# typed LINE: as at a prompt
{
	local rc=0
	eval "$1" >/tmp/typed 2>&1 </dev/null || rc=$?
	is "$rc" 0 "$ $1"
	sed 's/^/#   /' /tmp/typed
}

page()		# page PAGE HEADING COMMAND: each line, and COMMAND after it
{
	local line lines=0
	note "$1.rst: $2"
	while read -r line; do
		typed "${line//UUID/$u}"
		"$3" "$line"
		lines=$((lines + 1))
	done <<<"$(block "$1" "$2")"
	[ "$lines" -gt 1 ] || not_ok "$1.rst has lines below $2"
}

# Guests

runs()		# runs: whoever has the device is at work
{
	[ "$(cat "$mdev/$u/../parley/owner")" = "$u" ] &&
		[ "$(cat "$mdev/$u/../parley/state")" = live ]
}

guest()		# guest LINE: what is to be seen after a line that begins a guest
{
	case $1 in
	qemu-system-*)
		check "a guest has the disk" wait_for 120 runs
		# shellcheck disable=SC2086
		kill $vmms; wait; vmms= ;;
	"parley vf take"*)
		# The page deletes it to make room; QEMU has no command for that.
		check "the disk's own is free" put "1 0" "$d/parley/ns_detach" ;;
	"parley vf birth"*)
		u=$(grep -o '[0-9a-f]\{8\}-[-0-9a-f]*' /tmp/typed | head -n 1) ;;
	esac
}

load
check "KVM is there" test -c /dev/kvm
wait_for 60 test -b /dev/nvme0n1 || bail "no NVMe disk"
u= v= d=
page vfio-nvme "From a disk to a guest" guest

# mdevctl, as it stands below "A mediated device"; it wants its folders
cp -r "$LAB_PACKAGES/etc/mdevctl.d" /etc
parent=$(basename "$v")
check "removed" put 1 "$mdev/$u/remove"
line=$(grep -o 'mdevctl start[^`]*' "$LAB_ROOT/Documentation/vfio-nvme.rst")
is "$(wc -l <<<"$line")" 1 "the page has one line of mdevctl"
check "mdevctl lists our types" test -n "$(mdevctl types | grep parley_nvme_vf-q1)"
typed "${line//0000:01:00.1/$parent}"
is "$(mdevctl list -u "$u" | tr -s ' ')" "$u $parent parley_nvme_vf-1 manual" "mdevctl lists it"
check "mdevctl stops it" mdevctl stop -u "$u"
is "$(ls $mdev)" "" "none is left"
check "mdevctl defines one" mdevctl define -u "$u" -p "$parent" -t parley_nvme_vf-q1
check "and starts what is defined" mdevctl start -u "$u"
is "$(cat "$mdev/$u/mdev_type/available_instances")" 0 "it is there"

page vfio-nvme "finds a disk without one::" :
page vfio-nvme "And back::" :
wait_for 60 test -b /dev/nvme0n1 || bail "the disk does not come back"
page vfio-provision "From a bare server to a VM" guest
check "the kernel has the disk again" wait_for 60 test -d "$d/nvme"
check "unload" unload
finish
