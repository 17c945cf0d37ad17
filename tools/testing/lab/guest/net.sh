# SPDX-License-Identifier: GPL-2.0-only
# The network front-end on QEMU's devices: taken over from the distribution's driver,
# used, reset, unplugged and given back.  What is sent to port 7 at the other end of a
# wire comes back, and is compared.
. "$LAB_ENV"; . "$LAB_LIB"

parley=$LAB_ROOT/tools/parley/parley

interface()	# interface PCI-ADDRESS: its name, whoever drives it
{
	local found
	found=$(echo /sys/bus/pci/devices/"$1"/*/net/*)
	[ -e "$found" ] || return 1
	echo "${found##*/}"
}

plug()		# plug PCI-ADDRESS NUMBER: up, and an address on that wire
{
	local name
	wait_for 10 interface "$1" && name=$(interface "$1") || return 1
	ip address flush dev "$name"
	ip address add "10.0.$2.15/24" dev "$name"
	ip link set "$name" up
}

unplug()	# unplug PCI-ADDRESS: its interface is down
{
	ip link set "$(interface "$1")" down
}

echoed()	# echoed NUMBER MEGABYTES: sent on that wire, and back, all of it
{
	/usr/bin/python3 "$LAB_ROOT/tools/testing/lab/guest/net-echo.py" \
		"10.0.$1.100" "$2"
}

rings()		# rings NAME: how many receive, asked as ethtool -x and -X do first
{
	/usr/bin/python3 - "$1" <<-'EOF'
	import array, fcntl, socket, struct, sys
	SIOCETHTOOL, ETHTOOL_GRXRINGS = 0x8946, 0x2d
	info = array.array("B", struct.pack("I", ETHTOOL_GRXRINGS) + bytes(252))
	ifr = struct.pack("16sQ16x", sys.argv[1].encode(), info.buffer_info()[0])
	fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), SIOCETHTOOL, ifr)
	print(struct.unpack_from("Q", info, 8)[0])
	EOF
}

stat_of()	# stat_of NUMBER NAME
{
	cat "/sys/class/net/$(interface "${card[$1]}")/statistics/$2"
}

leaks_forget
load
ip link set lo up
for n in 1 2 3; do
	card[n]=$(behind 1$((n - 1))) || bail "there is no device $n"
	is "$(driver_of "${card[n]}")" virtio-pci "loading the modules steals nothing, $n"
	plug "${card[n]}" $n || bail "the stock driver has no interface $n"
	check "the stock driver echoes, $n" echoed $n 1
done

# Taken over

for n in 1 2 3; do
	$parley takeover "${card[n]}" 2>/tmp/out && not_ok "one that is up is refused, $n"
	check "one that is up is refused, $n" grep -q "is up" /tmp/out
	unplug "${card[n]}"
	check "takeover $n" $parley takeover "${card[n]}"
	is "$(driver_of "${card[n]}")" parley_pci "our transport has it, $n"
	bus[n]=$(echo "/sys/bus/pci/devices/${card[n]}"/parley*)
	is "$(cat "${bus[n]}/device")" 0x0001 "its type is network, $n"
	is "$(basename "$(readlink "${bus[n]}/driver")")" parley_net "our front-end drives it, $n"
	plug "${card[n]}" $n || bail "no interface $n"
	name=$(interface "${card[n]}")
	is "$(cat "/sys/class/net/$name/address")" "52:54:00:00:00:0$n" "it has its address, $n"
	is "$(cat "/sys/class/net/$name/carrier")" 1 "it has a link, $n"
	is "$(rings "$name")" 1 "ethtool may show and set where packets go, $n"
	format=split
	[ "$PACKED" = off ] || format=packed
	is "$(cat "${bus[n]}/queue0/format")" $format "the ring is $format, $n"
	check "8 MiB go both ways, $n" echoed $n 8
	is "$(cat "${bus[n]}"/queue*/errors | sort -u)" 0 "no violation was counted, $n"
	is "$(stat_of $n rx_errors) $(stat_of $n tx_errors)" "0 0" "and no packet was bad, $n"
	[ "$(stat_of $n rx_bytes)" -gt 8388608 ] && [ "$(stat_of $n tx_bytes)" -gt 8388608 ]
	is $? 0 "and all were counted, $n"
done

# Settings

name=$(interface "${card[1]}")
check "another address" ip link set "$name" address 52:54:00:00:00:99
check "promiscuous" ip link set "$name" promisc on
check "MTU 1000" ip link set "$name" mtu 1000
check "1 MiB goes both ways with these" echoed 1 1
check "MTU 1500" ip link set "$name" mtu 1500
check "the link is cut" qmp set_link '{"name": "net1", "up": false}'
check "that is seen" wait_for 10 grep -qx 0 "/sys/class/net/$name/carrier"
check "the link is back" qmp set_link '{"name": "net1", "up": true}'
check "that is seen" wait_for 10 grep -qx 1 "/sys/class/net/$name/carrier"
check "1 MiB goes both ways again" echoed 1 1
for ((i = 0; i < 10; i++)); do
	ip link set "$name" down && ip link set "$name" up || break
done
is "$i" 10 "down and up ten times"
check "1 MiB goes both ways after that" echoed 1 1

# Reset under traffic: TCP makes up for what is lost

for n in 1 2 3; do
	echoed $n 8 >/tmp/out 2>&1 &
	job=$!
	resets=0
	for i in 1 2 3 4 5; do
		sleep 0.2
		echo 1 >"/sys/bus/pci/devices/${card[n]}/reset" && resets=$((resets + 1))
	done
	is $resets 5 "five function-level resets, $n"
	if wait $job; then
		ok "8 MiB went both ways meanwhile, $n"
	else
		not_ok "8 MiB went both ways meanwhile, $n"
		sed 's/^/# /' /tmp/out
	fi
done
is "$(cat "/sys/class/net/$name/address")" 52:54:00:00:00:99 "the address is what was set"

# Unbound and bound, and unplugged, under traffic

for n in 1 2; do
	echoed $n 8 >/tmp/out 2>&1 &
	job=$!
	for ((i = 0; i < 5; i++)); do
		echo "${bus[n]##*/}" >/sys/bus/parley/drivers/parley_net/unbind || break
		echo "${bus[n]##*/}" >/sys/bus/parley/drivers/parley_net/bind || break
		plug "${card[n]}" $n || break
	done
	is "$i" 5 "unbind and bind the front-end five times, $n"
	wait $job || note "the transfer was broken off, $n"
	check "1 MiB goes both ways after that, $n" echoed $n 1
done

echoed 2 4096 >/tmp/out 2>&1 &
job=$!
sleep 0.5
check "unplug it under traffic" qmp device_del id=net2
check "QEMU has it back" qmp_event DEVICE_DELETED device=net2
gone()
{
	! [ -e "/sys/bus/pci/devices/${card[2]}" ]
}
check "the device is gone" wait_for 10 gone
wait $job && not_ok "whoever sends is told" || ok "whoever sends is told"
check "plug in another" qmp device_add driver=virtio-net-pci netdev=wire2 id=net4 \
	bus=port2
wait_for 10 behind 11 || bail "no device appears"
card[2]=$(behind 11)
wait_for 10 interface "${card[2]}" && unplug "${card[2]}"
check "take it over" wait_for 10 $parley takeover "${card[2]}"
plug "${card[2]}" 2 || bail "no interface of the device that was plugged in"
check "4 MiB go both ways through it" echoed 2 4

# Given back

for n in 1 2 3; do
	unplug "${card[n]}"
	check "giveback $n" $parley giveback "${card[n]}"
	is "$(driver_of "${card[n]}")" virtio-pci "the stock driver has it again, $n"
	plug "${card[n]}" $n || bail "the stock driver has no interface $n"
	check "and echoes, $n" echoed $n 1
done
check "our modules unload" unload
finish
