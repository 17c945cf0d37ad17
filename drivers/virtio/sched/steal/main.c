// SPDX-License-Identifier: GPL-2.0-only
/* The module: a source of stolen time, and what is made of it. */
#include <linux/init.h>
#include <linux/module.h>
#include <parley/version.h>

#include "steal.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static char *source = "auto";
module_param(source, charp, 0444);
MODULE_PARM_DESC(source, "kvm, kcpustat, or auto: the first of these (default)");

static int __init parley_steal_init(void)
{
	int err;

	parley_steal_clock_init();
	parley_steal_nudge_init();
	err = parley_steal_source_start(source);
	if (err)
		return err;
	err = parley_steal_device_init();
	if (err) {
		parley_steal_source_stop();
		return err;
	}
	parley_steal_view_init();
	return 0;
}

static void __exit parley_steal_exit(void)
{
	parley_steal_view_exit();
	parley_steal_device_exit();
	parley_steal_nudge_exit();
	parley_steal_source_stop();
}

module_init(parley_steal_init);
module_exit(parley_steal_exit);

MODULE_DESCRIPTION("Parley: clocks and timers without the time that the host stole");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
