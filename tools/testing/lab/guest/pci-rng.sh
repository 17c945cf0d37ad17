# SPDX-License-Identifier: GPL-2.0-only
# The rng front-end on QEMU's device, taken over, used, removed and given back.
. "$LAB_ENV"; . "$LAB_LIB"

parley=$LAB_ROOT/tools/parley/parley

read_rng()	# read_rng BYTES
{
	[ "$(timeout 30 head -c "$1" /dev/hwrng | wc -c)" = "$1" ]
}

stat_of()	# stat_of ATTRIBUTE: of the device's queue
{
	cat "$bus/queue0/$1"
}

leaks_forget
load
address=$($parley status | awk '$2 == "rng" { print $1 }')
is "$(driver_of "$address")" virtio-pci "loading the modules steals nothing"
check "takeover" $parley takeover "$address"
is "$(driver_of "$address")" parley_pci "our transport has it"
bus=$(echo "/sys/bus/pci/devices/$address"/parley*)
is "$(cat "$bus/device")" 0x0004 "its type is entropy"
is "$(cat "$bus/status")" 0x0f "its status is DRIVER_OK"
is "$(cat "$bus/transport")" pci "its transport is pci"
is "$(cut -c 33 "$bus/features")" 1 "VERSION_1 is negotiated"
is "$(cat /sys/class/misc/hw_random/rng_current)" "${bus##*/}" \
	"the kernel reads from it"
format=split
[ "$PACKED" = off ] || format=packed
is "$(stat_of format)" "$format" "the ring is $format"
case $VECTORS in
0)	is "$(grep -c "IO-APIC.*${bus##*/}-intx" /proc/interrupts)" 1 \
		"it interrupts by its pin" ;;
*)	is "$(grep -c "MSI.*${bus##*/}-" /proc/interrupts)" 2 \
		"it interrupts by two messages" ;;
esac
check "read 4 KiB" read_rng 4096
[ "$(head -c 32 /dev/hwrng | od -An -tx8)" != \
	"$(head -c 32 /dev/hwrng | od -An -tx8)" ]
is $? 0 "two reads differ"
is "$(stat_of errors)" 0 "no violation was counted"
[ "$(stat_of interrupts)" -gt 0 ]
is $? 0 "interrupts were counted"

# A reader is in the middle of it while the device goes.
dd if=/dev/hwrng of=/dev/null bs=64 count=1000000 2>/dev/null &
reader=$!
check "reset of the function" sh -c "echo 1 >/sys/bus/pci/devices/$address/reset"
check "read after the reset" read_rng 1024
for i in 1 2 3 4 5 6 7 8 9 10; do
	echo "${bus##*/}" >/sys/bus/parley/drivers/parley_rng/unbind || break
	echo "${bus##*/}" >/sys/bus/parley/drivers/parley_rng/bind || break
done
is "$i" 10 "unbind and bind the front-end ten times with a reader"
check "giveback" $parley giveback "$address"
is "$(driver_of "$address")" virtio-pci "the stock driver has it again"
kill $reader 2>/dev/null
wait
check "our modules unload" unload
finish
