// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lock of a queue, of either kind: chosen once, alike to who uses it and to lockdep,
 * and a lock.
 */
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <parley/export.h>
#include "../guest.h"
#include "fake.h"

#define THREADS	4
#define TURNS	20000

static struct fake_front *const front = &parley_fake_front;

static const struct lock_kind {
	const char *name;
	bool wanted;
} lock_kinds[] = {
	{ "spinlock", false },
#ifdef PARLEY_QLOCK_PV
	{ "pvlock", true },
#endif
};

KUNIT_ARRAY_PARAM_DESC(lock_kind, lock_kinds, name);

static struct lock_class_key qlock_class;

static void want(bool wanted)
{
#ifdef PARLEY_QLOCK_PV
	WRITE_ONCE(parley_qlock_wanted, wanted);
#endif
}

/* Where the kernel was made without it there is nothing to try. */
static void need_provider(struct kunit *test)
{
#ifdef PARLEY_QLOCK_PV
	if (symbol_get(parley_pvlock_ops)) {
		symbol_put(parley_pvlock_ops);
		return;
	}
	/* Built in, a module may have to be waited for; the lab always has it. */
	KUNIT_ASSERT_TRUE(test, IS_ENABLED(CONFIG_PARLEY_GUEST));
#endif
	kunit_skip(test, "no parley_sched");
}

static void qlock_end(void *lock)
{
	parley_qlock_destroy(lock);
}

/* A lock of the kind that the test is about. */
static struct parley_qlock *qlock_new(struct kunit *test)
{
	const struct lock_kind *kind = test->param_value;
	struct parley_qlock *lock = kunit_kzalloc(test, sizeof(*lock), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, lock);
	if (kind->wanted)
		need_provider(test);
	want(kind->wanted);
	parley_qlock_init_class(lock, true, "qlock test", &qlock_class);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, qlock_end, lock));
	return lock;
}

static void kind_never_changes(struct kunit *test)
{
	const struct lock_kind *kind = test->param_value;
	struct parley_qlock *lock = qlock_new(test);
	unsigned long flags;

	KUNIT_EXPECT_EQ(test, kind->wanted, parley_qlock_is_pv(lock));
	flags = parley_qlock_lock_irqsave(lock);
	want(!kind->wanted);
	KUNIT_EXPECT_EQ(test, kind->wanted, parley_qlock_is_pv(lock));
	parley_qlock_unlock_irqrestore(lock, flags);
	KUNIT_EXPECT_EQ(test, kind->wanted, parley_qlock_is_pv(lock));
}

/* Both kinds at a time, and one that nobody says is contended for. */
static void every_lock_has_its_own_kind(struct kunit *test)
{
	const struct lock_kind *kind = test->param_value;
	struct parley_qlock *lock = qlock_new(test), other;

	want(!kind->wanted);
	parley_qlock_init(&other, false);
	KUNIT_EXPECT_FALSE(test, parley_qlock_is_pv(&other));
	KUNIT_EXPECT_EQ(test, kind->wanted, parley_qlock_is_pv(lock));
	scoped_guard(parley_qlock_irq, lock)
		scoped_guard(parley_qlock_irqsave, &other)
			KUNIT_EXPECT_TRUE(test, irqs_disabled());
	KUNIT_EXPECT_FALSE(test, irqs_disabled());
	parley_qlock_destroy(&other);
}

/* It was free, and interrupts were off while it was held. */
static bool try_it(struct parley_qlock *lock)
{
	unsigned long flags;
	bool off;

	if (!parley_qlock_trylock_irqsave(lock, &flags))
		return false;
	off = irqs_disabled();
	parley_qlock_unlock_irqrestore(lock, flags);
	return off;
}

static void contexts_are_as_they_were(struct kunit *test)
{
	struct parley_qlock *lock = qlock_new(test);
	unsigned long flags, inner;

	parley_qlock_lock_irq(lock);
	KUNIT_EXPECT_TRUE(test, irqs_disabled());
	KUNIT_EXPECT_FALSE(test, try_it(lock));
	KUNIT_EXPECT_TRUE(test, irqs_disabled());
	parley_qlock_unlock_irq(lock);
	KUNIT_EXPECT_FALSE(test, irqs_disabled());

	local_irq_save(flags);
	inner = parley_qlock_lock_irqsave(lock);
	parley_qlock_unlock_irqrestore(lock, inner);
	KUNIT_EXPECT_TRUE(test, irqs_disabled());
	local_irq_restore(flags);

	KUNIT_EXPECT_TRUE(test, try_it(lock));
	KUNIT_EXPECT_FALSE(test, irqs_disabled());
}

static void lockdep_knows_it(struct kunit *test)
{
#ifdef CONFIG_LOCKDEP
	struct parley_qlock *lock = qlock_new(test);
	struct lockdep_map *map = parley_qlock_map(lock);
	void *some;

	KUNIT_EXPECT_TRUE(test, lockdep_match_key(map, &qlock_class));
	KUNIT_EXPECT_STREQ(test, "qlock test", map->name);
	KUNIT_EXPECT_EQ(test, LOCK_STATE_NOT_HELD, lock_is_held(map));
	parley_qlock_lock_irq(lock);
	KUNIT_EXPECT_EQ(test, LOCK_STATE_HELD, lock_is_held(map));
	parley_qlock_assert_held(lock);
	/* Takes locks that are not raw ones: that is why it is not one either. */
	some = kmalloc(PAGE_SIZE, GFP_ATOMIC);
	parley_qlock_unlock_irq(lock);
	KUNIT_EXPECT_EQ(test, LOCK_STATE_NOT_HELD, lock_is_held(map));
	kfree(some);
#else
	kunit_skip(test, "needs lockdep");
#endif
}

struct field {
	struct parley_qlock *lock;
	unsigned long sum;
	int inside;
	unsigned long broken;
};

static void field_use(struct field *f)
{
	f->broken += f->inside++ != 0;
	f->sum++;
	f->inside--;
}

static int field_main(void *arg)
{
	struct field *f = arg;
	unsigned long flags;
	int i;

	for (i = 0; i < TURNS; i++) {
		if (i & 1) {
			scoped_guard(parley_qlock_irq, f->lock)
				field_use(f);
		} else {
			flags = parley_qlock_lock_irqsave(f->lock);
			field_use(f);
			parley_qlock_unlock_irqrestore(f->lock, flags);
		}
		cond_resched();
	}
	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static void one_holder_at_a_time(struct kunit *test)
{
	struct field f = { .lock = qlock_new(test) };
	struct task_struct *task[THREADS];
	unsigned long started = 0;
	int i;

	for (i = 0; i < THREADS; i++) {
		task[i] = kthread_run(field_main, &f, "qlock/%d", i);
		if (IS_ERR(task[i]))
			break;
		started++;
	}
	while (READ_ONCE(f.sum) < started * TURNS)
		schedule_timeout_uninterruptible(1);
	while (i--)
		kthread_stop(task[i]);
	KUNIT_EXPECT_EQ(test, THREADS, started);
	KUNIT_EXPECT_EQ(test, started * TURNS, f.sum);
	KUNIT_EXPECT_EQ(test, 0, f.broken);
}

/* What the model does with a queue's lock, whichever it is. */
static void queue_has_it(struct kunit *test)
{
	const struct lock_kind *kind = test->param_value;
	struct fake *fake;
	int i;

	if (kind->wanted)
		need_provider(test);
	want(kind->wanted);
	front->spec.flags = PARLEY_QUEUE_CONTENDED;
	fake = parley_fake_run(test, 0);
	want(false);
	KUNIT_EXPECT_EQ(test, kind->wanted, parley_qlock_is_pv(&fake->v.pd.queues[0].lock));
	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 0));
		parley_fake_use(fake, 0, 0);
		KUNIT_EXPECT_EQ(test, IRQ_HANDLED, parley_device_interrupt(&fake->v));
	}
	KUNIT_EXPECT_EQ(test, 3, front->done);
	/* A reset neither makes nor drops it. */
	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 0));
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(&fake->v, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(&fake->v, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 1, front->repeated);
	KUNIT_EXPECT_EQ(test, kind->wanted, parley_qlock_is_pv(&fake->v.pd.queues[0].lock));
	KUNIT_EXPECT_EQ(test, 0, parley_fake_put(fake, 0));
}

/* Of a front-end that does not say so, however much it is wanted. */
static void nobody_contends_for_others(struct kunit *test)
{
	struct fake *fake;

	want(true);
	fake = parley_fake_run(test, 0);
	KUNIT_EXPECT_FALSE(test, parley_qlock_is_pv(&fake->v.pd.queues[0].lock));
}

static void qlock_case_exit(struct kunit *test)
{
	want(false);
}

static struct kunit_case qlock_cases[] = {
	KUNIT_CASE_PARAM(kind_never_changes, lock_kind_gen_params),
	KUNIT_CASE_PARAM(every_lock_has_its_own_kind, lock_kind_gen_params),
	KUNIT_CASE_PARAM(contexts_are_as_they_were, lock_kind_gen_params),
	KUNIT_CASE_PARAM(lockdep_knows_it, lock_kind_gen_params),
	KUNIT_CASE_PARAM(one_holder_at_a_time, lock_kind_gen_params),
	KUNIT_CASE_PARAM(queue_has_it, lock_kind_gen_params),
	KUNIT_CASE(nobody_contends_for_others),
	{}
};

static struct kunit_suite qlock_suite = {
	.name = "parley_guest_qlock",
	.suite_init = parley_fake_suite_init,
	.suite_exit = parley_fake_suite_exit,
	.init = parley_fake_case_init,
	.exit = qlock_case_exit,
	.test_cases = qlock_cases,
};

kunit_test_suite(qlock_suite);

/* It is not needed by what a linker sees. */
MODULE_SOFTDEP("pre: parley_sched");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
