# SPDX-License-Identifier: GPL-2.0-only
# The scheduling device as a VMM and as people see it: sched.py does it.
. "$LAB_ENV"; . "$LAB_LIB"

mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
load
ended=no
while IFS=$'\t' read -r verdict what detail; do
	case $verdict in
	ok)	ok "$what" ;;
	bad)	not_ok "$what"; note "$detail" ;;
	end)	ended=yes ;;
	*)	note "$verdict $what $detail" ;;
	esac
done < <(/usr/bin/python3 "$LAB_ROOT/tools/testing/lab/guest/sched.py" 2>&1 </dev/null)
is $ended yes "sched.py came to its end"
check "our modules unload" unload
finish
