# SPDX-License-Identifier: GPL-2.0-only
# What happens to PCI devices in a long life, with a reader on them throughout.
. "$LAB_ENV"; . "$LAB_LIB"

parley=$LAB_ROOT/tools/parley/parley
fixed=0000:00:10.0
off=/sys/module/parley_guest/parameters/ring_off

read_rng()	# read_rng BYTES
{
	[ "$(timeout 30 head -c "$1" /dev/hwrng | wc -c)" = "$1" ]
}

start_reader()
{
	while :; do
		dd if=/dev/hwrng of=/dev/null bs=64 count=100 2>/dev/null
	done &
	reader=$!
}

stop_reader()
{
	kill $reader
	wait $reader 2>/dev/null
}

bus_of()	# bus_of PCI-ADDRESS: parleyN
{
	local dir
	for dir in "/sys/bus/pci/devices/$1"/parley*; do
		echo "${dir##*/}"
	done
}

feature()	# feature BIT: of the fixed device, 0 or 1
{
	cut -c $(($1 + 1)) "/sys/bus/parley/devices/$(bus_of $fixed)/features"
}

leaks_forget
load
check "takeover" $parley takeover $fixed

# Ring features
is "$(feature 34)$(feature 29)$(feature 28)" 111 \
	"packed, event index and indirect are on"
check "an unknown ring feature is refused" \
	sh -c "! echo packed,nonsense >$off"
echo packed,event,indirect >$off
is "$(cat $off)" packed,event,indirect "the parameter reads as written"
check "unbind" sh -c "echo $fixed >/sys/bus/pci/drivers/parley_pci/unbind"
check "bind" sh -c "echo $fixed >/sys/bus/pci/drivers/parley_pci/bind"
is "$(feature 34)$(feature 29)$(feature 28)" 000 \
	"packed, event index and indirect are off"
check "read without them" read_rng 1024
echo "" >$off

# Rebinding; the debug kernel takes a second or two for each round
rounds=100
[ "$LAB_KERNEL" = stock ] || rounds=20
start_reader
for ((i = 0; i < rounds; i++)); do
	echo $fixed >/sys/bus/pci/drivers/parley_pci/unbind || break
	echo $fixed >/sys/bus/pci/drivers/parley_pci/bind || break
done
is "$i" $rounds "unbind and bind the transport $rounds times with a reader"
check "read after that" read_rng 1024

# Hot-plug
for i in 1 2 3; do
	check "plug in" qmp device_add \
		'{"driver": "virtio-rng-pci", "id": "hot", "bus": "slot1"}'
	wait_for 20 test -e /sys/bus/pci/devices/0000:01:00.0/driver ||
		bail "no device was plugged in"
	is "$(driver_of 0000:01:00.0)" virtio-pci \
		"a new device is not taken without being given"
	check "takeover of the new device" $parley takeover 01:00.0
	hot=$(bus_of 0000:01:00.0)
	echo "$hot" >/sys/class/misc/hw_random/rng_current
	check "read from the new device" read_rng 1024
	check "unplug while it is read" qmp device_del id=hot
	check "it is deleted" qmp_event DEVICE_DELETED device=hot
	[ ! -e "/sys/bus/parley/devices/$hot" ]
	is $? 0 "it is off the bus"
done
stop_reader

# The parameter claim
check "giveback" $parley giveback $fixed
check "our modules unload" unload
echo $fixed >/sys/bus/pci/drivers/virtio-pci/unbind
for module in $LAB_MODULES; do
	case $module in
	*/parley_pci.ko) insmod "$module" claim=1 ;;
	*) insmod "$module" ;;
	esac
done
is "$(driver_of $fixed)" parley_pci "claim=1 takes a device that is free"
check "read from it" read_rng 1024
check "our modules unload again" unload
finish
