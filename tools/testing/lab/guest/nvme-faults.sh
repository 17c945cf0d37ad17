# SPDX-License-Identifier: GPL-2.0-only
# A mediated virtual function while memory is short, each time somewhere else.
. "$LAB_ENV"; . "$LAB_LIB"

load
leaks_forget
inner nvme-faults.py
check "unload" unload
finish
