# SPDX-License-Identifier: GPL-2.0-only
# The network front-end as the standby of another interface: packets go by that one while
# it is there, and every byte arrives when it goes and comes.  What is sent to port 7 at
# the other end of either wire comes back, and is compared.
. "$LAB_ENV"; . "$LAB_LIB"

parley=$LAB_ROOT/tools/parley/parley

of()		# of PCI-ADDRESS: names of the interfaces below it
{
	local found
	for found in /sys/bus/pci/devices/"$1"/net/* /sys/bus/pci/devices/"$1"/parley*/net/*; do
		[ -e "$found" ] && echo "${found##*/}"
	done
	return 0
}

both()		# both: the interface that stands for both
{
	local name
	for name in $(of "$card"); do
		[ -e "/sys/class/net/$name/master" ] || echo "$name"
	done
}

standby()	# standby: ours, if there is one
{
	local name
	for name in $(of "$card"); do
		[ -e "/sys/class/net/$name/master" ] && echo "$name" && return
	done
	return 1
}

echoed()	# echoed MEGABYTES: sent, and back, all of it
{
	/usr/bin/python3 "$LAB_ROOT/tools/testing/lab/guest/net-echo.py" 10.0.1.100 "$1"
}

sent_by()	# sent_by NAME: bytes
{
	cat "/sys/class/net/$1/statistics/tx_bytes"
}

primary()	# primary: the other one, if it is below what stands for both
{
	local address name
	address=$(behind 11) && name=$(of "$address") && [ -n "$name" ] || return 1
	[ -e "/sys/class/net/$name/master" ] && echo "$name"
}

plug_in()	# the function, which QEMU keeps back until somebody has accepted the feature
{
	qmp device_add driver=e1000e id=primary netdev=wire2 bus=port2 \
		mac=52:54:00:00:00:01 failover_pair_id=net1
}

gone()
{
	! behind 11
}

leaks_forget
load
ip link set lo up
card=$(behind 10) || bail "there is no device"
check "a function is given" plug_in
sleep 2
check "and kept back" gone
check "takeover" $parley takeover "$card"
wait_for 10 standby || bail "nothing is a standby"
master=$(both) ours=$(standby)
is "$(cat "/sys/class/net/$ours/phys_port_name")" sby "ours says what it is"
is "$(cat "/sys/class/net/$master/address")" 52:54:00:00:00:01 "both have one address"
check "then it is plugged in" wait_for 30 primary
ip address add 10.0.1.15/24 dev "$master"
ip link set "$master" up
check "it has a link" wait_for 20 grep -qx 1 "/sys/class/net/$(primary)/carrier"

before=$(sent_by "$ours")
check "4 MiB go both ways" echoed 4
[ $(($(sent_by "$ours") - before)) -lt 1000000 ]
is $? 0 "by the function"

for i in 1 2; do
	check "it goes, $i" qmp device_del id=primary
	check "QEMU has it back, $i" qmp_event DEVICE_DELETED device=primary
	check "and it is gone, $i" wait_for 20 gone
	before=$(sent_by "$ours")
	check "4 MiB go both ways without it, $i" echoed 4
	[ $(($(sent_by "$ours") - before)) -gt 4000000 ]
	is $? 0 "by ours, $i"
	check "it comes, $i" plug_in
	check "and is one of two, $i" wait_for 30 primary
	check "with a link, $i" wait_for 20 grep -qx 1 "/sys/class/net/$(primary)/carrier"
	before=$(sent_by "$ours")
	check "4 MiB go both ways with it, $i" echoed 4
	[ $(($(sent_by "$ours") - before)) -lt 1000000 ]
	is $? 0 "by the function, $i"
done

# What holds for any device of ours, holds for a standby

check "a function-level reset" sh -c "echo 1 >/sys/bus/pci/devices/$card/reset"
check "what stands for both goes down" ip link set "$master" down
check "and up" ip link set "$master" up
check "4 MiB go both ways after that" echoed 4
ip link set "$master" down
check "giveback" $parley giveback "$card"
is "$(of "$card")" "" "nothing is left of it"
check "our modules unload" unload
finish
