# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What guest scripts stand on: sourced, after LAB_ENV told the run's variables.
# Standard output goes to the lab: TAP, comments, and requests that begin with
# "@" and are answered on standard input by one line "OK ..." or "ERR ...".

export PATH=$LAB_BIN:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
count=${LAB_COUNT:-0}

# Results

ok()		# ok DESCRIPTION
{
	count=$((count + 1))
	echo "ok $count - $*"
}

not_ok()	# not_ok DESCRIPTION
{
	count=$((count + 1))
	echo "not ok $count - $*"
}

skip()		# skip DESCRIPTION REASON
{
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
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
		printf '# %s\n# exited with %s\n' "$*" "$rc"
		[ -z "$out" ] || tail -n 20 <<<"$out" | sed 's/^/#   /'
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

note()		# note TEXT: for the log only
{
	echo "# $*"
}

bail()		# bail TEXT: nothing further makes sense
{
	echo "Bail out! $*"
	exit 1
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

# Talking to the lab

request()	# request LINE: prints the answer
{
	local answer
	echo "$*" >"/dev/$LAB_TTY"
	IFS= read -r answer <"/dev/$LAB_TTY" || return 1
	case $answer in
	OK*)	answer=${answer#OK}; echo "${answer# }" ;;
	*)	echo "${answer#ERR }"; return 1 ;;
	esac
}

qmp()		# qmp COMMAND [KEY=VALUE... or JSON]
{
	request "@QMP $*"
}

hmp()		# hmp COMMAND...: a line for QEMU's human monitor
{
	request "@HMP $*"
}

qmp_event()	# qmp_event NAME [KEY=VALUE...]: waits until QEMU has sent it
{
	request "@EVENT $*"
}

suspend()	# suspend [SECONDS]: to memory and, after SECONDS, back; that QEMU
{		# slept is waited for, a kernel that did not sleep notices nothing
	local answer
	[ -e /in-memory ] || bail "suspend: the root would be dead, say to_memory before"
	answer=$(request "@WAKE ${1:-1}") || bail "suspend: $answer"
	echo mem >/sys/power/state && request "@EVENT WAKEUP" >/dev/null
}

to_memory()	# to_memory PROGRAM...: the script begins anew, with these programs (or files,
{		# or folders) and bash in memory, and /in-memory is there: mainline's 9p,
		# and with it the root, does not outlive a suspend
	local own=/tmp/own name files=()
	mkdir -p $own/dev $own/proc $own/sys $own/tmp
	for name in /bin/bash env cat sleep sed "$@"; do
		[ ! -e "$name" ] || { files+=("$name"); continue; }
		files+=("$(type -P "$name")") || bail "to_memory: there is no $name"
	done
	# shellcheck disable=SC2046
	cp -rL --parents "${files[@]}" "$LAB_ENV" "$LAB_LIB" "$LAB_SCRIPT" $(ldd "${files[@]}" \
		2>/dev/null | grep -o '[[:space:]]/[^ ]*' | sort -u) $own ||
		bail "to_memory: cannot copy"
	touch $own/in-memory
	for name in dev proc sys; do
		mount --rbind /$name $own/$name
	done
	exec chroot $own "$(type -P env)" -i "LAB_ENV=$LAB_ENV" "LAB_COUNT=$count" \
		/bin/bash "$LAB_SCRIPT"
}

finish_by_reset() # finish_by_reset: call last where the guest slept: neither its root
{		# nor the chipset's power registers came back
	finish
	echo "@EXIT 0"
	sleep 0.2
	echo b >/proc/sysrq-trigger
}

# Modules and devices

load_stock()	# load_stock: the scenario's modules of the kernel's own
{
	local module
	for module in $LAB_STOCK_MODULES; do
		modprobe "$module" || bail "cannot load stock module $module"
	done
}

load()		# load: the scenario's modules, stock ones first
{
	local module
	load_stock
	for module in $LAB_MODULES; do
		insmod "$module" || bail "cannot load $module"
	done
}

unload()	# unload: our modules again, last one first
{
	local module names=
	for module in $LAB_MODULES; do
		module=${module##*/}
		names="${module%.ko} $names"
	done
	for module in $names; do
		rmmod "$module" || return 1
	done
}

disk()		# disk SERIAL: the name in /sys/block of the disk with it
{
	local file
	for file in /sys/block/*/serial /sys/block/*/device/serial; do
		[ -e "$file" ] && [ "$(cat "$file")" = "$1" ] || continue
		file=${file#/sys/block/}
		echo "${file%%/*}"
		return 0
	done
	return 1
}

pci_of()	# pci_of DISK: the address of the PCI device it is on
{
	readlink -f "/sys/block/$1/device" | grep -o '[0-9a-f:]*:[0-9a-f.]*' |
		tail -n 1
}

behind()	# behind SLOT: address of the device behind a root port
{
	local found
	found=$(echo /sys/bus/pci/devices/0000:00:$1.0/0000:*/driver_override)
	[ -e "$found" ] || return 1
	found=${found%/driver_override}
	echo "${found##*/}"
}

virtfn()	# virtfn FOLDER NUMBER: address of a virtual function, from 1
{
	basename "$(readlink "$1/virtfn$(($2 - 1))")"
}

put()		# put TEXT FILE
{
	echo "$1" >"$2"
}

driver_of()	# driver_of PCI-ADDRESS: the name of the driver bound to it
{
	local link
	link=$(readlink "/sys/bus/pci/devices/$1/driver") && echo "${link##*/}"
}

bind_to()	# bind_to DRIVER PCI-ADDRESS: move a device to another driver
{
	local device=/sys/bus/pci/devices/$2
	echo "$1" >"$device/driver_override" || return 1
	[ ! -e "$device/driver" ] || echo "$2" >"$device/driver/unbind" || return 1
	echo "$2" >/sys/bus/pci/drivers_probe
	[ "$(driver_of "$2")" = "$1" ]
}

bind_back()	# bind_back PCI-ADDRESS: undo bind_to
{
	local device=/sys/bus/pci/devices/$1
	[ ! -e "$device/driver" ] || echo "$1" >"$device/driver/unbind" || return 1
	echo >"$device/driver_override"
	echo "$1" >/sys/bus/pci/drivers_probe
}

# For a person

at_home()	# at_home: what a shell on any machine has
{
	# The kernel looks for modprobe in the root of the first process, which has
	# none: a file system or a cipher that a command asks for loads through this.
	cat >/run/modprobe <<-'END'
		#!/bin/busybox sh
		exec /bin/busybox chroot /mnt /sbin/modprobe "$@"
	END
	chmod +x /run/modprobe
	echo /mnt/run/modprobe >/proc/sys/kernel/modprobe
	export PATH=$PATH:$LAB_ROOT/tools/parley:${LAB_BRIDGE%/*}
}

# Two levels

inner()		# inner PROGRAM: a Python program that drives guests of this
{		# guest; its tests count
	local rc
	(
		set -a
		. "$LAB_ENV"
		PYTHONPATH=$LAB_ROOT/tools/testing/lab PARLEY_CACHE=$LAB_CACHE \
			exec python3 -u "$LAB_ROOT/tools/testing/lab/guest/$1"
	) </dev/null 2>&1 | sed -u 's/^/    /'
	rc=${PIPESTATUS[0]}
	is "$rc" 0 "$1"
}

# Checkers of the debug kernel

leaks=/sys/kernel/debug/kmemleak

leaks_forget()	# leaks_forget: what was lost up to now is not ours
{
	[ ! -w $leaks ] || echo clear >$leaks
}

leaks_check()	# leaks_check: a test that nothing was leaked since
{
	local found
	[ -w $leaks ] || return 0
	# Twice, and not too soon: a block younger than 5 s is not judged, and
	# a pointer on its way through a register is missed by one scan.
	sleep 5
	echo scan >$leaks
	echo scan >$leaks
	# debugfs files have no size: only reading tells.
	found=$(head -n 60 $leaks)
	is "${found:+leaks}" "" "no memory leaked"
	[ -z "$found" ] || echo "$found"
}

# Fault injection, on the debug kernel

faults=/sys/kernel/debug

faults_on()	# faults_on [MODULE]: let fail-nth fail any allocation, or only
{		# those with a function of MODULE on the call stack
	local kind first=0 last=0xffffffffffffffff
	if [ -n "${1-}" ]; then
		first=0x$(functions "$1" | head -n 1)
		# Up to the end of the last function's page.
		last=0x$(functions "$1" | tail -n 1 | sed 's/...$/fff/')
	fi
	for kind in failslab fail_page_alloc; do
		echo N >$faults/$kind/ignore-gfp-wait
		echo 0 >$faults/$kind/verbose
		echo "$first" >$faults/$kind/require-start
		echo "$last" >$faults/$kind/require-end
	done
	echo 0 >$faults/fail_page_alloc/min-order
}

functions()	# functions MODULE: the addresses of its functions, in order
{
	grep -i " t .*\[$1\]" /proc/kallsyms | cut -d ' ' -f 1 | sort
}

fail_sweep()	# fail_sweep MAX UNDO OPERATION...: one test; fail-nth does the
{		# operation with its 1st, 2nd, ... allocation failing, or with
		# every so manieth (FAIL_STEP). UNDO (a command) runs after each.
	local max=$1 undo=$2 step=${FAIL_STEP:-1} rc nth out
	shift 2
	for ((nth = 1; nth <= max; nth += step)); do
		# A sweep is one test; on a slow machine its faults are signs of life.
		((nth / step % 50)) || note "$*: fault $nth"
		rc=0
		out=$(fail-nth "$nth" "$@" 2>&1) || rc=$?
		[ "$rc" = 0 ] || [ "$rc" = 3 ] || break
		$undo || { out="$out; then $undo failed"; rc=1; break; }
		if [ "$rc" = 3 ]; then
			is "${out##*: }" success "$* with $((nth - 1)) faults, step $step"
			return
		fi
	done
	not_ok "$*: stopped at fault $nth, status $rc: $out"
}

verdicts()	# verdicts PROGRAM: a Python program beside this file says what it finds, in
{		# lines of words with tabs between: ok WHAT, bad WHAT WHY, end, or notes
	local verdict what detail ended=no
	while IFS=$'\t' read -r verdict what detail; do
		case $verdict in
		ok)	ok "$what" ;;
		bad)	not_ok "$what"; note "$detail" ;;
		end)	ended=yes ;;
		*)	note "$verdict $what $detail" ;;
		esac
	done < <(/usr/bin/python3 "$LAB_ROOT/tools/testing/lab/guest/$1" 2>&1 </dev/null)
	is $ended yes "$1 came to its end"
}

finish()	# finish: call last; leak check and the plan
{
	leaks_check
	echo "1..$count"
}
