// SPDX-License-Identifier: GPL-2.0-only
/* The core as a module. */
#include <linux/module.h>
#include <parley/version.h>

#include "ring.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static int __init parley_core_init(void)
{
	parley_debugfs_init();
	return 0;
}

static void __exit parley_core_exit(void)
{
	parley_debugfs_exit();
}

module_init(parley_core_init);
module_exit(parley_core_exit);

MODULE_DESCRIPTION("Parley virtqueue core: split and packed, driver and device role");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
