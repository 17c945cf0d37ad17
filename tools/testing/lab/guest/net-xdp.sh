# SPDX-License-Identifier: GPL-2.0-only
# XDP programs on the network front-end: they come and go while megabytes are echoed,
# and afterwards nothing stands still.  Then other ways of polling.
. "$LAB_ENV"; . "$LAB_LIB"

parley=$LAB_ROOT/tools/parley/parley
guest=$LAB_ROOT/tools/testing/lab/guest

interface()	# interface PCI-ADDRESS: its name, whoever drives it
{
	local found
	found=$(echo /sys/bus/pci/devices/"$1"/*/net/*)
	[ -e "$found" ] || return 1
	echo "${found##*/}"
}

echoed()	# echoed NUMBER MEGABYTES: sent on that wire, and back, all of it
{
	/usr/bin/python3 "$guest/net-echo.py" "10.0.$1.100" "$2"
}

program()	# program NUMBER VERDICT TIMES SECONDS
{
	/usr/bin/python3 "$guest/net-xdp.py" "$(interface "${card[$1]}")" "$2" "$3" "$4"
}

received()	# received NUMBER: packets, with those that a program dropped
{
	cat "/sys/class/net/$(interface "${card[$1]}")/statistics/rx_packets"
}

leaks_forget
load
ip link set lo up
for n in 1 2; do
	card[n]=$(behind 1$((n - 1))) || bail "there is no device $n"
	check "takeover $n" $parley takeover "${card[n]}"
	wait_for 10 interface "${card[n]}" || bail "no interface $n"
	name=$(interface "${card[n]}")
	ip address add "10.0.$n.15/24" dev "$name"
	ip link set "$name" up
	check "1 MiB goes both ways, $n" echoed $n 1
done

for n in 1 2; do
	# It says pass, forty times, while traffic flows
	echoed $n 12 >/tmp/out 2>&1 &
	job=$!
	check "a program that passes all comes and goes forty times, $n" \
		program $n pass 40 0.05
	if wait $job; then
		ok "12 MiB went both ways meanwhile, $n"
	else
		not_ok "12 MiB went both ways meanwhile, $n"
		sed 's/^/# /' /tmp/out
	fi
	check "1 MiB goes both ways after that, $n" echoed $n 1

	# It drops all for a while: TCP makes up for it
	echoed $n 8 >/tmp/out 2>&1 &
	job=$!
	check "a program that drops all comes and goes ten times, $n" \
		program $n drop 10 0.1
	if wait $job; then
		ok "8 MiB went both ways in spite of it, $n"
	else
		not_ok "8 MiB went both ways in spite of it, $n"
		sed 's/^/# /' /tmp/out
	fi

	# Nothing gets through while it is there, and it is counted still
	program $n drop 1 6 &
	job=$!
	sleep 2
	before=$(received $n)
	timeout 3 /usr/bin/python3 "$guest/net-echo.py" "10.0.$n.100" 1 >/dev/null 2>&1 &&
		not_ok "nothing gets through a program that drops all, $n" ||
		ok "nothing gets through a program that drops all, $n"
	[ "$(received $n)" -gt "$before" ]
	is $? 0 "what it dropped was received, $n"
	wait $job
	check "1 MiB goes both ways when it is gone, $n" echoed $n 1

	# The interface goes down and up, and the program stays
	program $n pass 1 4 &
	job=$!
	sleep 1
	name=$(interface "${card[n]}")
	check "down with a program, $n" ip link set "$name" down
	check "and up, $n" ip link set "$name" up
	check "1 MiB goes both ways through it, $n" echoed $n 1
	wait $job
	is "$(cat /sys/bus/pci/devices/"${card[n]}"/parley*/queue*/errors | sort -u)" 0 \
		"no violation was counted, $n"
done

# Polled by a thread of its own, and by whoever waits for a packet

for n in 1 2; do
	name=$(interface "${card[n]}")
	check "a thread polls, $n" sh -c "echo 1 >/sys/class/net/$name/threaded"
	check "there is one, $n" grep -qs "^napi/$name" /proc/[0-9]*/comm
	check "4 MiB go both ways by it, $n" echoed $n 4
	check "no thread polls, $n" sh -c "echo 0 >/sys/class/net/$name/threaded"
	check "who waits polls, $n" sh -c "echo 50 >/proc/sys/net/core/busy_read"
	check "4 MiB go both ways by that, $n" echoed $n 4
	check "nobody polls who waits, $n" sh -c "echo 0 >/proc/sys/net/core/busy_read"
done

for n in 1 2; do
	ip link set "$(interface "${card[n]}")" down
	check "giveback $n" $parley giveback "${card[n]}"
done
check "our modules unload" unload
finish
