# SPDX-License-Identifier: GPL-2.0-only
# Places of vCPUs on two NUMA nodes: sched-numa.py does it.
. "$LAB_ENV"; . "$LAB_LIB"

mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
check "there are two nodes" test -e /sys/devices/system/node/node1
check "the kernel looks where memory is" \
	sh -c 'echo 1 >/proc/sys/kernel/numa_balancing'
load
verdicts sched-numa.py
check "our modules unload" unload
finish
