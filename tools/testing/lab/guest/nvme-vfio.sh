# SPDX-License-Identifier: GPL-2.0-only
# A mediated virtual function in a process that is no VMM.
. "$LAB_ENV"; . "$LAB_LIB"

load
leaks_forget
inner "${LAB_NAME%%[[]*}.py"
check "unload" unload
finish
