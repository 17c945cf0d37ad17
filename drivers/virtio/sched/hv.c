// SPDX-License-Identifier: GPL-2.0-only
/* Which hypervisor it is. */
#include <linux/array_size.h>
#include <linux/cache.h>
#include <linux/errno.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <kunit/visibility.h>

#include "hv.h"

struct parley_hv parley_hv __read_mostly = { .ops = &parley_hv_none };
EXPORT_SYMBOL_IF_KUNIT(parley_hv);

/* In the order in which they are asked; the last one always says yes. */
static const struct parley_hv_ops *const hv_all[] = {
#ifdef PARLEY_HV_WITH_KVM
	&parley_hv_kvm,
#endif
	&parley_hv_none,
};

/**
 * parley_hv_choose - find out whose guest we are
 * @name: of the only one that may be, or "auto"
 *
 * Context: process, while there is no lock.
 *
 * Return: 0, or -ENODEV if it is not the one of that name.
 */
int parley_hv_choose(const char *name)
{
	bool any = !strcmp(name, "auto");
	unsigned int i;
	int can;

	for (i = 0; i < ARRAY_SIZE(hv_all); i++) {
		if (!any && strcmp(name, hv_all[i]->name))
			continue;
		can = hv_all[i]->probe();
		if (can < 0)
			continue;
		parley_hv.ops = hv_all[i];
		parley_hv.can = can;
		pr_info("parley_sched: hypervisor %s:%s%s%s%s%s\n", hv_all[i]->name,
			can & PARLEY_HV_SEES ? " tells who is preempted" : "",
			can & PARLEY_HV_YIELD ? " yields" : "",
			can & PARLEY_HV_HALT ? " halts and kicks" : "",
			can & PARLEY_HV_LOCK ? "" : " waiters spin",
			can & PARLEY_HV_STEAL ? " tells what it steals" : "");
		return 0;
	}
	pr_err("parley_sched: hypervisor %s is not here; load without hypervisor= to have it found\n",
	       name);
	return -ENODEV;
}
