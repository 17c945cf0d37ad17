// SPDX-License-Identifier: GPL-2.0-only
/* The lock as its users see it: states, contexts, guards, what lockdep knows. */
#include <linux/bottom_half.h>
#include <linux/irqflags.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <parley/export.h>
#include "fake.h"

static bool recursion;
module_param(recursion, bool, 0444);
MODULE_PARM_DESC(recursion, "take a second lock of a class, for lockdep to object");

static DEFINE_PARLEY_PVLOCK(static_lock);

static void lock_states(struct kunit *test)
{
	struct parley_pvlock lock;
	bool again, locked, contended;
	int holder;

	parley_pvlock_init(&lock);
	KUNIT_EXPECT_FALSE(test, parley_pvlock_is_locked(&lock));
	parley_pvlock_lock(&lock);
	locked = parley_pvlock_is_locked(&lock);
	contended = parley_pvlock_is_contended(&lock);
	holder = pvl_holder(lock.owner);
	again = parley_pvlock_trylock(&lock);
	if (again)
		parley_pvlock_unlock(&lock);
	parley_pvlock_unlock(&lock);
	KUNIT_EXPECT_TRUE(test, locked);
	KUNIT_EXPECT_FALSE(test, contended);
	KUNIT_EXPECT_EQ(test, holder, 0);
	KUNIT_EXPECT_FALSE(test, again);
	KUNIT_EXPECT_EQ(test, lock.word, 0);
	KUNIT_EXPECT_EQ(test, sizeof(lock.word), sizeof(lock.owner) + sizeof(lock.tail));
}

static void lock_static(struct kunit *test)
{
	bool taken = parley_pvlock_trylock(&static_lock);

	if (taken)
		parley_pvlock_unlock(&static_lock);
	KUNIT_EXPECT_TRUE(test, taken);
	KUNIT_EXPECT_FALSE(test, parley_pvlock_is_locked(&static_lock));
}

/* What is off while the lock is held. */
struct off {
	int preempt;
	bool bh;
	bool irqs;
};

static struct off off_now(int before)
{
	return (struct off){ preempt_count() - before, in_softirq(), irqs_disabled() };
}

static void expect_off(struct kunit *test, struct off is, int preempt, bool bh, bool irqs)
{
	struct off now = off_now(preempt_count());

	if (IS_ENABLED(CONFIG_PREEMPT_COUNT))
		KUNIT_EXPECT_EQ(test, is.preempt, preempt);
	KUNIT_EXPECT_EQ(test, is.bh, bh);
	KUNIT_EXPECT_EQ(test, is.irqs, irqs);
	KUNIT_EXPECT_FALSE(test, now.bh);
	KUNIT_EXPECT_FALSE(test, now.irqs);
}

static void lock_contexts(struct kunit *test)
{
	int before = preempt_count(), bh = SOFTIRQ_DISABLE_OFFSET;
	struct parley_pvlock lock;
	unsigned long flags;
	struct off off;

	parley_pvlock_init(&lock);

	parley_pvlock_lock(&lock);
	off = off_now(before);
	parley_pvlock_unlock(&lock);
	expect_off(test, off, 1, false, false);

	parley_pvlock_lock_irq(&lock);
	off = off_now(before);
	parley_pvlock_unlock_irq(&lock);
	expect_off(test, off, 1, false, true);

	flags = parley_pvlock_lock_irqsave(&lock);
	off = off_now(before);
	parley_pvlock_unlock_irqrestore(&lock, flags);
	expect_off(test, off, 1, false, true);

	/* A lock that softirqs take is none that interrupts take. */
	parley_pvlock_init(&lock);
	parley_pvlock_lock_bh(&lock);
	off = off_now(before);
	parley_pvlock_unlock_bh(&lock);
	expect_off(test, off, 1 + bh, true, false);
	KUNIT_EXPECT_EQ(test, preempt_count(), before);
}

static void lock_irqsave_keeps_interrupts_off(struct kunit *test)
{
	struct parley_pvlock lock;
	unsigned long flags;
	bool off;

	parley_pvlock_init(&lock);
	local_irq_disable();
	flags = parley_pvlock_lock_irqsave(&lock);
	parley_pvlock_unlock_irqrestore(&lock, flags);
	off = irqs_disabled();
	local_irq_enable();
	KUNIT_EXPECT_TRUE(test, off);
}

static void lock_try_contexts(struct kunit *test)
{
	int before = preempt_count(), bh = SOFTIRQ_DISABLE_OFFSET;
	struct parley_pvlock lock, soft;
	unsigned long flags;
	struct off off = {};

	parley_pvlock_init(&lock);
	parley_pvlock_init(&soft);
	if (parley_pvlock_trylock_irq(&lock)) {
		off = off_now(before);
		parley_pvlock_unlock_irq(&lock);
	}
	expect_off(test, off, 1, false, true);
	off = (struct off){};
	if (parley_pvlock_trylock_irqsave(&lock, &flags)) {
		off = off_now(before);
		parley_pvlock_unlock_irqrestore(&lock, flags);
	}
	expect_off(test, off, 1, false, true);
	off = (struct off){};
	if (parley_pvlock_trylock_bh(&soft)) {
		off = off_now(before);
		parley_pvlock_unlock_bh(&soft);
	}
	expect_off(test, off, 1 + bh, true, false);
	KUNIT_EXPECT_EQ(test, preempt_count(), before);
}

static bool try_all(struct parley_pvlock *lock)
{
	unsigned long flags;

	if (parley_pvlock_trylock(lock)) {
		parley_pvlock_unlock(lock);
		return true;
	}
	if (parley_pvlock_trylock_irq(lock)) {
		parley_pvlock_unlock_irq(lock);
		return true;
	}
	if (parley_pvlock_trylock_irqsave(lock, &flags)) {
		parley_pvlock_unlock_irqrestore(lock, flags);
		return true;
	}
	return false;
}

/* One that fails leaves everything as it was. */
static void lock_try_fails(struct kunit *test)
{
	struct parley_pvlock lock;
	struct waiter w = { .go = true, .hold = true };
	int before = preempt_count();
	bool taken;
	u32 tail;

	needs_cpus(test, 2);
	parley_pvlock_init(&lock);
	waiter_start(test, &w, 1, &lock);
	KUNIT_EXPECT_TRUE(test, fake_until(waiter_has(&w)));
	taken = try_all(&lock);
	tail = lock.tail;
	expect_off(test, off_now(before), 0, false, false);
	WRITE_ONCE(w.hold, false);
	KUNIT_EXPECT_TRUE(test, waiter_done(&w));
	KUNIT_EXPECT_FALSE(test, taken);
	KUNIT_EXPECT_EQ_MSG(test, tail, 0, "a trylock was in the queue");
	KUNIT_EXPECT_EQ(test, lock.word, 0);
}

/* Nor does it pass those that wait, in the moment when nobody holds the lock. */
static void lock_try_does_not_pass(struct kunit *test)
{
	struct parley_pvlock lock;
	bool taken;

	parley_pvlock_init(&lock);
	lock.tail = pvl_token(1) << 2;
	taken = parley_pvlock_trylock(&lock);
	if (taken)
		parley_pvlock_unlock(&lock);
	KUNIT_EXPECT_FALSE(test, taken);
}

static void lock_guards(struct kunit *test)
{
	struct parley_pvlock lock, soft;
	bool held[5] = {};

	parley_pvlock_init(&lock);
	parley_pvlock_init(&soft);
	scoped_guard(parley_pvlock_irq, &lock)
		held[0] = parley_pvlock_is_locked(&lock) && irqs_disabled();
	scoped_guard(parley_pvlock_irqsave, &lock)
		held[1] = parley_pvlock_is_locked(&lock) && irqs_disabled();
	scoped_guard(parley_pvlock_bh, &soft)
		held[2] = parley_pvlock_is_locked(&soft) && in_softirq();
	parley_pvlock_init(&lock);
	scoped_guard(parley_pvlock, &lock)
		held[3] = parley_pvlock_is_locked(&lock);
	scoped_cond_guard(parley_pvlock_try, return, &lock)
		held[4] = parley_pvlock_is_locked(&lock);
	KUNIT_EXPECT_TRUE(test, held[0] && held[1] && held[2] && held[3] && held[4]);
	KUNIT_EXPECT_EQ(test, lock.word | soft.word, 0);
	expect_off(test, off_now(preempt_count()), 0, false, false);
}

static void lock_lockdep_knows(struct kunit *test)
{
	struct parley_pvlock a, b;
	bool held[3];

	if (!IS_ENABLED(CONFIG_LOCKDEP))
		kunit_skip(test, "no lockdep");
	parley_pvlock_init(&a);
	parley_pvlock_init(&b);
	parley_pvlock_lock(&a);
	held[0] = lockdep_is_held(&a);
	held[1] = lockdep_is_held(&b);
	parley_pvlock_unlock(&a);
	held[2] = lockdep_is_held(&a);
	KUNIT_EXPECT_TRUE(test, held[0]);
	KUNIT_EXPECT_FALSE(test, held[1]);
	KUNIT_EXPECT_FALSE(test, held[2]);
}

/*
 * A second lock of the same class, which to lockdep is the same lock taken twice, but
 * does not hang.  It reports once and is off from then on: only when asked for.
 */
static void lock_recursion(struct kunit *test)
{
	struct parley_pvlock lock[2];
	int i;

	if (!recursion || !IS_ENABLED(CONFIG_PROVE_LOCKING))
		kunit_skip(test, "not asked for");
	for (i = 0; i < 2; i++)
		parley_pvlock_init(&lock[i]);
	parley_pvlock_lock(&lock[0]);
	parley_pvlock_lock(&lock[1]);
	parley_pvlock_unlock(&lock[1]);
	parley_pvlock_unlock(&lock[0]);
	KUNIT_EXPECT_EQ(test, debug_locks, 0);
}

static struct kunit_case lock_cases[] = {
	KUNIT_CASE(lock_states),
	KUNIT_CASE(lock_static),
	KUNIT_CASE(lock_contexts),
	KUNIT_CASE(lock_irqsave_keeps_interrupts_off),
	KUNIT_CASE(lock_try_contexts),
	KUNIT_CASE(lock_try_fails),
	KUNIT_CASE(lock_try_does_not_pass),
	KUNIT_CASE(lock_guards),
	KUNIT_CASE(lock_lockdep_knows),
	KUNIT_CASE(lock_recursion),
	{}
};

static struct kunit_suite lock_suite = {
	.name = "parley_sched_lock",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = lock_cases,
};
kunit_test_suite(lock_suite);

PARLEY_IMPORT;
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of Parley's paravirtual spinlock and effective time");
MODULE_LICENSE("GPL");
