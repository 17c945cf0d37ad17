# SPDX-License-Identifier: GPL-2.0-only
# Each fault has to be seen by the lab; the scenario counts that as success.
. "$LAB_ENV"; . "$LAB_LIB"

ok "the guest runs"
case $FAULT in
panic)
	echo c >/proc/sysrq-trigger
	;;
hang)
	sleep 1000
	;;
chatter)
	while sleep 1; do
		note "and so on"
	done
	;;
warning)
	# What the kernel prints is what counts, not who made it print.
	echo "WARNING: CPU: 0 PID: 1 at nowhere.c:1 nothing+0x0/0x0" >/dev/kmsg
	;;
failed-test)
	is $((2 + 2)) 5 "two and two"
	;;
missing-test)
	echo "1..2"
	exit 0
	;;
bad-exit)
	exit 7
	;;
bad-request)
	check "QEMU refuses device_del" qmp device_del id=nothing
	;;
esac
finish
