# SPDX-License-Identifier: GPL-2.0-only
# The front-ends on the devices that parley_mock makes from its parameters, as
# somebody without a hypervisor would try them.
. "$LAB_ENV"; . "$LAB_LIB"

load_with()	# load_with PARAMETER...: like load, and these for parley_mock
{
	local module
	load_stock
	for module in $LAB_MODULES; do
		case $module in
		*/parley_mock.ko) insmod "$module" "$@" ;;
		*) insmod "$module" ;;
		esac || bail "cannot load $module"
	done
}

read_rng()	# read_rng BYTES
{
	[ "$(timeout 30 head -c "$1" /dev/hwrng | wc -c)" = "$1" ]
}

stat_of()	# stat_of PARLEY-DEVICE ATTRIBUTE: of its first queue
{
	cat "/sys/bus/parley/devices/$1/queue0/$2"
}

load_with rng=1 disk_mib=64 queues=2 packed="$PACKED"
wait_for 10 disk parley-mock-disk || bail "no disk"
name=$(disk parley-mock-disk)
disk=$(basename "$(readlink -f "/sys/block/$name/device")")
is "$(cat "/sys/bus/parley/devices/$disk/transport")" loopback \
	"the disk is on the loopback transport"
is "$(cat "/sys/block/$name/size")" 131072 "it has 64 MiB"
is "$(find "/sys/block/$name/mq" -mindepth 1 -maxdepth 1 | wc -l)" 2 \
	"and two queues"
format=split
[ "$PACKED" = 0 ] || format=packed
is "$(stat_of "$disk" format)" "$format" "the ring is $format"
check "read 4 KiB of random numbers" read_rng 4096

check "fio writes and verifies" timeout 60 fio --name=verify \
	--filename="/dev/$name" --rw=randwrite --bs=4k --size=16M --iodepth=16 \
	--ioengine=io_uring --direct=1 --verify=crc32c --do_verify=1
is "$(stat_of "$disk" errors)" 0 "no violation was counted"
# fio may have run on the processor of either queue.
cat "/sys/bus/parley/devices/$disk"/queue?/interrupts | grep -qv '^0$'
is $? 0 "interrupts were counted"

check "make a file system" mkfs.ext4 -q -F "/dev/$name"
mkdir -p /tmp/mnt
check "mount it" mount "/dev/$name" /tmp/mnt
head -c 8M /dev/urandom >/tmp/data
check "copy 8 MiB into it" cp /tmp/data /tmp/mnt/data
check "unmount" umount /tmp/mnt
check "drop caches" sh -c "echo 3 >/proc/sys/vm/drop_caches"
check "mount it again" mount "/dev/$name" /tmp/mnt
check "the data is there" cmp /tmp/data /tmp/mnt/data
check "unmount again" umount /tmp/mnt
check "fsck finds nothing" fsck.ext4 -fn "/dev/$name"

# The device stays when its front-end goes, and keeps what was written.
reads()	# reads DISK: how many were completed
{
	local n
	read -r n _ <"/sys/block/$1/stat"
	echo "$n"
}

reading()	# reading DISK BEFORE: the load has begun
{
	[ "$(reads "$1")" -gt $(($2 + 20)) ]
}

cut_short()	# the disk of 16384 blocks ended under the load: EIO, or just EOF
{
	[ "$(sed -n 's/+.*out$//p' /tmp/dd)" -lt 16384 ]
}

short=0
for i in 1 2 3 4 5; do
	before=$(reads "$name")
	dd if="/dev/$name" of=/dev/null bs=4k iflag=direct 2>/tmp/dd &
	job=$!
	wait_for 10 reading "$name" "$before" || break
	echo "$disk" >/sys/bus/parley/drivers/parley_blk/unbind || break
	wait $job
	cut_short && short=$((short + 1))
	echo "$disk" >/sys/bus/parley/drivers/parley_blk/bind || break
	wait_for 10 disk parley-mock-disk || break
	name=$(disk parley-mock-disk)
done
is "$i" 5 "unbind and bind the front-end five times under load"
is $short 5 "while it was read"
check "fsck still finds nothing" fsck.ext4 -fn "/dev/$name"

# Its queues may have our lock, which then keeps its module.
rebind()	# rebind COMMAND...: the disk, which is not there during the command
{
	echo "$disk" >/sys/bus/parley/drivers/parley_blk/unbind || return 1
	"$@" || return 1
	echo "$disk" >/sys/bus/parley/drivers/parley_blk/bind || return 1
	wait_for 10 disk parley-mock-disk || return 1
	name=$(disk parley-mock-disk)
}

locked_by()	# locked_by LOCK DESCRIPTION: the queues' lock is that one
{
	is "$(stat_of "$disk" lock)" "$1" "$2"
}

sched=
for module in $LAB_MODULES; do
	case $module in
	*/parley_sched.ko) sched=$module ;;
	esac
done
locked_by spinlock "its queues have spinlocks"
echo 1 >/sys/module/parley_guest/parameters/pvlock
locked_by spinlock "and keep them when others are wanted"
rebind rmmod parley_sched || not_ok "bound without parley_sched"
locked_by spinlock "without parley_sched there are no others"
rebind insmod "$sched" || not_ok "bound with parley_sched"
locked_by pvlock "with it there are"
rmmod parley_sched 2>/dev/null
is $? 1 "which keep its module"
check "fio writes and verifies with them" timeout 60 fio --name=verify \
	--filename="/dev/$name" --rw=randwrite --bs=4k --size=8M --iodepth=16 \
	--numjobs=2 --ioengine=io_uring --direct=1 --verify=crc32c --do_verify=1 \
	--offset_increment=8M
echo 0 >/sys/module/parley_guest/parameters/pvlock
rebind true || not_ok "bound again"
locked_by spinlock "and are gone with the binding"
rebind rmmod parley_sched
is $? 0 "after which the module goes, too"
insmod "$sched" || bail "it does not come back"

rmmod parley_loopback 2>/dev/null
is $? 1 "the transport cannot be unloaded below its devices"
# Devices go while they are read.
before=$(reads "$name")
dd if="/dev/$name" of=/dev/null bs=4k iflag=direct 2>/tmp/dd &
job=$!
wait_for 10 reading "$name" "$before" || bail "the load does not begin"
check "unload everything" unload
wait $job
check "while it was read" cut_short
finish
