# SPDX-License-Identifier: GPL-2.0-only
# A mediated virtual function in a process that is no VMM: nvme-vfio.py does it.
. "$LAB_ENV"; . "$LAB_LIB"

load
leaks_forget
inner nvme-vfio.py
check "unload" unload
finish
