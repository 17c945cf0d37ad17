// SPDX-License-Identifier: GPL-2.0-only
/* The table of kinds. */
#include "blk.h"
#include "sched.h"

const struct kind *const kind_table[KINDS] = {
	[KIND_BLK] = &blk_kind,
	[KIND_SCHED] = &sched_kind,
};
