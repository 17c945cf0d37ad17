# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Runs the same I/O through mainline's driver and through ours, on the same
# device, which moves to and fro ROUNDS times. Each line "window WHO OP DEPTH"
# belongs to one window of the plugin, in the same order.
. "$LAB_ENV"; . "$LAB_LIB"

pci=0000:00:10.0

windows()	# windows WHO
{
	local name op depth
	wait_for 10 disk data || bail "no disk with serial data"
	name=$(disk data)
	echo none >"/sys/block/$name/queue/scheduler"
	echo 2 >"/sys/block/$name/queue/nomerges"
	for op in read write; do
		for depth in $DEPTHS; do
			note "window $1 $op $depth"
			"$BENCH_IO" "/dev/$name" "$op" "$depth" "$COUNT" ||
				bail "$1: $op at depth $depth failed"
		done
	done
}

load
mkdir /tmp/out
mount -t 9p -o trans=virtio,version=9p2000.L bench-out /tmp/out ||
	bail "no place for the symbols"
cat /proc/kallsyms >/tmp/out/symbols

for round in $(seq "$ROUNDS"); do
	windows mainline
	case " $LAB_MODULES" in
	*parley_blk*)
		bind_to parley_pci $pci || bail "ours does not take the device"
		windows parley
		bind_back $pci || bail "ours does not give the device back"
		;;
	esac
	ok "round $round"
done
finish
