// SPDX-License-Identifier: GPL-2.0-only
/* The knobs of the core's user-space environment; see parley/user.h. */
#include <parley/user.h>

int parley_user_fail_nth;
uintptr_t parley_user_fault_start, parley_user_fault_end;
bool parley_user_verbose;
