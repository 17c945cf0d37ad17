# SPDX-License-Identifier: GPL-2.0-only
# Sixteen disks, each of another shape, at the same time: data verified, a file
# system made, used and checked on each.
. "$LAB_ENV"; . "$LAB_LIB"

load
pcis=
for slot in 0f 10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e; do
	pcis+=" 0000:00:$slot.0"
	bind_to parley_pci "0000:00:$slot.0" || bail "cannot take slot $slot over"
done
disks=$(cd /sys/block && echo vdpar*)
is "$(wc -w <<<"$disks")" 16 "sixteen disks"

# Only builtins from here to the end of the loop: a fork is slow under TCG.
wrong=
interrupts=$(</proc/interrupts)
for pci in $pcis; do
	parley=$(echo /sys/bus/pci/devices/$pci/parley*)
	disk=$(echo "$parley"/block/*)
	read -r features <"$parley/features"
	read -r name <"$disk/serial"
	set -- "$disk"/mq/*
	shape=q$#
	case $interrupts in
	*parley_pci*"$pci"*|*"$pci"*"$pci"*) shape+=-msix ;;
	*) shape+=-intx ;;
	esac
	[ "${features:28:1}" = 1 ] && shape+=-i || shape+=-n
	[ "${features:29:1}" = 1 ] && shape+=e || shape+=n
	case $PACKED${features:34:1} in
	on1|off0) ;;
	*) shape+=-wrong-format ;;
	esac
	[ "$shape" = "$name" ] || wrong+=" $disk:$name=$shape"
done
is "$wrong" "" "each has the shape it was given"
grep -i "parley\|0000:00:1" /proc/interrupts | sed 's/^/# /'

jobs=$(for disk in $disks; do
	echo "[$disk]"
	echo "filename=/dev/$disk"
done)
fio_all()	# fio_all DESCRIPTION OPTION...
{
	local what=$1
	shift
	{ echo "[global]"; printf '%s\n' "$@"; echo "$jobs"; } >/tmp/job
	check "$what" fio --output-format=terse --minimal /tmp/job
}

fio_all "random writes of all sizes, verified" rw=randwrite bsrange=512-128k \
	bs_unaligned=0 blockalign=512 direct=1 ioengine=io_uring iodepth=16 \
	size=4M verify=crc32c verify_fatal=1 end_fsync=1
fio_all "plugged bursts of 4 KiB, verified" rw=randwrite bs=4k direct=1 \
	ioengine=libaio iodepth=64 iodepth_batch=32 iodepth_batch_complete_max=32 \
	size=4M verify=pattern verify_pattern=%o verify_fatal=1

fs_on()		# fs_on DISK: a file system made, used, checked and read again
{
	local at=/tmp/at-$1
	mkdir "$at"
	mkfs.ext4 -q -F "/dev/$1" && mount "/dev/$1" "$at" || return 1
	cp /tmp/data "$at/" && umount "$at" || return 1
	e2fsck -fn "/dev/$1" >/dev/null 2>&1 || return 1
	mount -o ro "/dev/$1" "$at" && cmp /tmp/data "$at/data" &&
		umount "$at" && rmdir "$at"
}
head -c 4M /dev/urandom >/tmp/data
for half in 1 2; do
	number=0
	for disk in $disks; do
		if [ $((number++ % 2 + 1)) = $half ]; then
			fs_on "$disk" || echo "$disk" >>/tmp/failed
		fi
	done &
done
wait
is "$(sort /tmp/failed 2>/dev/null)" "" "a file system lives on each"

stats=$(cat /sys/bus/pci/devices/*/parley*/queue*/errors | sort -u)
is "$stats" 0 "no queue saw an error"
for pci in $pcis; do
	echo "$pci" >"/sys/bus/pci/drivers/parley_pci/unbind"
done
check "unload" unload
finish
