#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# A disk that is remote, in a guest of the lab, and whose other end can be taken
# away: served to this very machine over TCP on loopback.
#
#   remote-disk.sh nvme|nbd make wait         make it; prints its block device. What
#                                             it is asked for waits for ever
#   remote-disk.sh nvme|nbd make fail N       fails after so many seconds without
#                                             the other end, which may come back
#   remote-disk.sh nvme|nbd make gone N       fails, and the disk is gone for good
#   remote-disk.sh nvme|nbd down|up           the other end goes, and comes back
#   remote-disk.sh nvme|nbd drop              no trace of it
#
# nvme: the kernel's own target, with a null_blk that keeps its data, and the kernel's
# initiator. Down is the port's: connections are closed, and refused from then on.
# nbd: Debian's server and client. Down is a server that says nothing more.
set -euo pipefail

MIB=64
CONFIG=/sys/kernel/config
TARGET=$CONFIG/nvmet
SUBSYSTEM=$TARGET/subsystems/lab-remote
PORT=$TARGET/ports/4420
NULL=$CONFIG/nullb/remote
NBD=/dev/nbd0
STATE=/run/remote-disk

die() { echo "remote-disk: $*" >&2; exit 1; }

wait_for()	# wait_for SECONDS COMMAND...
{
	local until=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $until ] || die "waited for: $*"
		sleep 0.1
	done
}

set_all()	# set_all FOLDER NAME=VALUE...
{
	local folder=$1 word
	for word in "${@:2}"; do
		echo "${word#*=}" >"$folder/${word%%=*}"
	done
}

# nvme

nvme_controllers()
{
	local nqn
	for nqn in /sys/class/nvme/*/subsysnqn; do
		[ ! -e "$nqn" ] || [ "$(cat "$nqn")" != lab-remote ] || echo "${nqn%/*}"
	done
}

nvme_disk()	# of the namespace; not one of its paths
{
	local nqn folder disk
	for nqn in /sys/class/nvme-subsystem/*/subsysnqn; do
		[ -e "$nqn" ] || continue
		[ "$(cat "$nqn")" = lab-remote ] || continue
		folder=${nqn%/*}
		# With one path only it is below the controller.
		for disk in "$folder"/nvme*n* "$folder"/nvme*/nvme*n*; do
			disk=/dev/${disk##*/}
			[ ! -b "$disk" ] || { echo "$disk"; return; }
		done
	done
	return 1
}

nvme_make()	# nvme_make OPTIONS
{
	mkdir "$NULL" "$SUBSYSTEM" "$SUBSYSTEM/namespaces/1" "$PORT"
	set_all "$NULL" size=$MIB memory_backed=1 blocksize=512 discard=1 power=1
	set_all "$SUBSYSTEM" attr_allow_any_host=1
	set_all "$SUBSYSTEM/namespaces/1" device_path=/dev/remote enable=1
	set_all "$PORT" addr_trtype=tcp addr_adrfam=ipv4 addr_traddr=127.0.0.1 \
		addr_trsvcid=4420
	nvme_up
	# Less tags than a ring has requests, so that who submits has to wait.
	echo -n "transport=tcp,traddr=127.0.0.1,trsvcid=4420,nqn=lab-remote,nr_io_queues=2,queue_size=16,reconnect_delay=1,keep_alive_tmo=600,$1" \
		>/dev/nvme-fabrics
	wait_for 30 nvme_disk
	nvme_disk
}

nvme_down() { rm "$PORT/subsystems/lab-remote"; }
nvme_up() { [ -e "$PORT/subsystems/lab-remote" ] || ln -s "$SUBSYSTEM" "$PORT/subsystems/"; }

nvme_drop()
{
	local controller
	for controller in $(nvme_controllers); do
		echo 1 >"$controller/delete_controller" || true
	done
	[ ! -e "$PORT/subsystems/lab-remote" ] || nvme_down
	[ ! -d "$PORT" ] || rmdir "$PORT"
	if [ -d "$SUBSYSTEM" ]; then
		[ ! -d "$SUBSYSTEM/namespaces/1" ] || {
			echo 0 >"$SUBSYSTEM/namespaces/1/enable"
			rmdir "$SUBSYSTEM/namespaces/1"
		}
		rmdir "$SUBSYSTEM"
	fi
	[ ! -d "$NULL" ] || { echo 0 >"$NULL/power"; rmdir "$NULL"; }
}

# nbd

nbd_make()	# nbd_make OPTIONS
{
	mkdir -p $STATE
	truncate -s ${MIB}M $STATE/image
	cat >$STATE/conf <<-END
		[generic]
		listenaddr = 127.0.0.1
		[remote]
		exportname = $STATE/image
		flush = true
		fua = true
	END
	# It leads a group, which its processes for each client are in.
	nbd-server -C $STATE/conf -p $STATE/pid >$STATE/log 2>&1 </dev/null
	wait_for 10 test -s $STATE/pid
	# shellcheck disable=SC2086 # none, or two words
	wait_for 20 nbd-client 127.0.0.1 $NBD -N remote -b 512 $1
	echo $NBD
}

nbd_down() { kill -STOP -- "-$(cat $STATE/pid)"; }
nbd_up() { kill -CONT -- "-$(cat $STATE/pid)"; }

nbd_drop()
{
	[ -d $STATE ] || return 0
	nbd_up 2>/dev/null || true
	nbd-client -d $NBD >/dev/null 2>&1 || true
	kill -KILL -- "-$(cat $STATE/pid)" 2>/dev/null || true
	rm -r $STATE
}

options()	# options KIND POLICY [SECONDS]
{
	case "$1 $2" in
	"nvme wait") echo "ctrl_loss_tmo=-1" ;;
	"nvme fail") echo "ctrl_loss_tmo=600,fast_io_fail_tmo=$3" ;;
	"nvme gone") echo "ctrl_loss_tmo=$3" ;;
	"nbd wait") ;;
	"nbd gone") echo "-timeout $3" ;;
	*) die "$1 knows no $2" ;;
	esac
}

kind=$1
case $kind in
nvme | nbd) ;;
*) die "no kind of disk: $kind" ;;
esac
case $2 in
make)
	"${kind}_drop" >&2
	"${kind}_make" "$(options "$kind" "${@:3}")"
	;;
down | up | drop) "${kind}_$2" >&2 ;;
*) die "what is $2?" ;;
esac
