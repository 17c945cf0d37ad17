// SPDX-License-Identifier: GPL-2.0-only
/* The module: its lock, its clock, and the hypervisor that helps them. */
#include <linux/init.h>
#include <linux/module.h>
#include <parley/version.h>

#include "hv.h"
#include "pvlock.h"
#include "steal.h"

static char *hypervisor = "auto";
module_param(hypervisor, charp, 0444);
MODULE_PARM_DESC(hypervisor, "kvm, none, or auto: what is found (default)");

static int __init parley_sched_init(void)
{
	int err = parley_hv_choose(hypervisor);

	if (err)
		return err;
	parley_pvl_init();
	err = parley_steal_init();
	if (err)
		return err;
	parley_pvl_debugfs_init();
	return 0;
}

static void __exit parley_sched_exit(void)
{
	parley_pvl_debugfs_exit();
	parley_steal_exit();
}

/* Built in, drivers may use a lock from their own initcalls on. */
core_initcall(parley_sched_init);
module_exit(parley_sched_exit);

MODULE_DESCRIPTION("Parley: spinlock and clock for guests whose processors are taken away");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
