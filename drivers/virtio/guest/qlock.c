// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which kind a queue's lock is, see <parley/qlock.h>.
 *
 * The bus must not depend on parley_sched, and parley_sched stands on nothing of ours.
 * So its table of operations is looked for when a lock is made; whoever finds it has a
 * reference to its module.
 */
#include <kunit/visibility.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <parley/export.h>
#include "guest.h"

#ifdef PARLEY_QLOCK_PV

VISIBLE_IF_KUNIT bool parley_qlock_wanted;
EXPORT_SYMBOL_IF_KUNIT(parley_qlock_wanted);
module_param_named(pvlock, parley_qlock_wanted, bool, 0644);
MODULE_PARM_DESC(pvlock, "paravirtual locks for queues that several processors use, of devices bound from now on; needs parley_sched (default: no)");

/* How many there are. */
DEFINE_STATIC_KEY_FALSE(parley_qlock_pv);
PARLEY_EXPORT(parley_qlock_pv);

static const struct parley_pvlock_ops *parley_qlock_find(void)
{
	const struct parley_pvlock_ops *ops = symbol_get(parley_pvlock_ops);

	if (!ops)
		pr_notice_ratelimited("parley_guest: a queue has the kernel's lock: there is no parley_sched\n");
	return ops;
}

/**
 * parley_qlock_init_class() - make a lock that nobody holds, of this class
 * @lock: the lock; nobody uses it yet
 * @contended: several processors contend for it, so a paravirtual one is worth it
 * @name: for lockdep's messages
 * @key: of the class
 *
 * What parley_qlock_init() calls; for who makes locks of several classes in one place.
 *
 * Context: may sleep.
 */
void parley_qlock_init_class(struct parley_qlock *lock, bool contended,
			     const char *name, struct lock_class_key *key)
{
	lock->ops = contended && READ_ONCE(parley_qlock_wanted) ?
		    parley_qlock_find() : NULL;
	if (!lock->ops) {
		spin_lock_init(&lock->spin);
		lockdep_set_class_and_name(&lock->spin, key, name);
		return;
	}
	static_branch_inc(&parley_qlock_pv);
	parley_pvlock_init_spin_class(&lock->pv, name, key);
}
PARLEY_EXPORT(parley_qlock_init_class);

/**
 * parley_qlock_destroy() - the mirror of init
 * @lock: the lock; nobody holds it, and nobody will
 *
 * Context: may sleep.
 */
void parley_qlock_destroy(struct parley_qlock *lock)
{
	if (!lock->ops)
		return;
	lock->ops = NULL;
	static_branch_dec(&parley_qlock_pv);
	symbol_put(parley_pvlock_ops);
}
PARLEY_EXPORT(parley_qlock_destroy);

#endif /* PARLEY_QLOCK_PV */
