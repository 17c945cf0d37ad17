# SPDX-License-Identifier: GPL-2.0-only
# Two controllers of BlueZ's emulator, and a third one above the first: hci.py does it.
. "$LAB_ENV"; . "$LAB_LIB"

load
leaks_forget
inner hci.py
check "unload" unload
finish
