# SPDX-License-Identifier: GPL-2.0-only
# The scheduling device as a VMM and as people see it: sched.py does it.
. "$LAB_ENV"; . "$LAB_LIB"

mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
load
verdicts sched.py
check "our modules unload" unload
finish
