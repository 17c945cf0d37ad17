// SPDX-License-Identifier: GPL-2.0-only
/* Which hypervisor it is. */
#include <linux/array_size.h>
#include <linux/cache.h>
#include <linux/errno.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <kunit/visibility.h>
#include <parley/export.h>

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
		pr_info("parley_sched: hypervisor %s:%s%s%s%s\n", hv_all[i]->name,
			can & PARLEY_HV_SEES ? " tells who is preempted" : "",
			can & PARLEY_HV_YIELD ? " yields" : "",
			can & PARLEY_HV_HALT ? " halts and kicks" : "",
			can ? "" : " waiters spin");
		return 0;
	}
	pr_err("parley_sched: hypervisor %s is not here; load without hypervisor= to have it found\n",
	       name);
	return -ENODEV;
}

/* ------------------------------------------------------------------- lent */

static DEFINE_MUTEX(hv_lent_lock);	/* of who lends and withdraws */
static const struct parley_hv_ops *hv_lender;
static struct parley_hv hv_before;
static struct parley_hv_ops hv_lent;

/**
 * parley_hv_lend() - what a hypervisor cannot do by itself, something else can
 * @ops: preempted() and yield(), as far as @can says
 * @can: PARLEY_HV_SEES, PARLEY_HV_YIELD; what the hypervisor can do stays as it is
 *
 * Both are hints, so they may come and go while locks are waited for: who asks does that
 * with preemption off, looks first whether he can, and then for the function.  So
 * functions come before, and go after, what says that they are there, with a grace
 * period in between.  One at a time lends.
 *
 * Context: process; sleeps.
 */
void parley_hv_lend(const struct parley_hv_ops *ops, unsigned int can)
{
	guard(mutex)(&hv_lent_lock);
	can &= (PARLEY_HV_SEES | PARLEY_HV_YIELD) & ~parley_hv.can;
	if (!can || hv_lender)
		return;
	hv_lender = ops;
	hv_before = parley_hv;
	hv_lent = *hv_before.ops;
	hv_lent.name = ops->name;
	if (can & PARLEY_HV_SEES)
		hv_lent.preempted = ops->preempted;
	if (can & PARLEY_HV_YIELD)
		hv_lent.yield = ops->yield;
	/* What it says is there before it can be found; pairs with the grace period. */
	smp_store_release(&parley_hv.ops, &hv_lent);
	synchronize_rcu();
	WRITE_ONCE(parley_hv.can, hv_before.can | can);
	pr_info("parley_sched: %s helps hypervisor %s:%s%s\n", ops->name, hv_before.ops->name,
		can & PARLEY_HV_SEES ? " tells who is preempted" : "",
		can & PARLEY_HV_YIELD ? " yields" : "");
}
PARLEY_EXPORT(parley_hv_lend);

/**
 * parley_hv_withdraw() - the mirror of parley_hv_lend()
 * @ops: the same; may have lent nothing
 *
 * Context: process; sleeps.  When it returns, nobody is in a function of @ops.
 */
void parley_hv_withdraw(const struct parley_hv_ops *ops)
{
	guard(mutex)(&hv_lent_lock);
	if (hv_lender != ops)
		return;
	hv_lender = NULL;
	WRITE_ONCE(parley_hv.can, hv_before.can);
	synchronize_rcu();
	WRITE_ONCE(parley_hv.ops, hv_before.ops);
	/* Nobody reads hv_lent any more, which the next lender writes. */
	synchronize_rcu();
}
PARLEY_EXPORT(parley_hv_withdraw);
