// SPDX-License-Identifier: GPL-2.0-only
/*
 * Contexts that interrupt each other, each waiting for a lock of its own on one
 * processor; and who may not be in the queue.
 */
#include <linux/hardirq.h>
#include <linux/interrupt.h>
#include <linux/smp.h>
#include "fake.h"

enum { TASK, SOFT, HARD, LEVELS };

/*
 * struct nest - three locks that processor 0 holds, and three contexts of processor 1
 * @has: that context got its lock
 * @right: it was the context that it is called after
 */
struct nest {
	struct parley_pvlock lock[LEVELS];
	struct lock_class_key key[LEVELS];
	bool has[LEVELS];
	bool right[LEVELS];
	bool go;
	call_single_data_t hard;
	struct tasklet_struct soft;
	struct completion done;
};

static void nest_take(struct nest *n, int level)
{
	parley_pvlock_lock(&n->lock[level]);
	WRITE_ONCE(n->has[level], true);
	parley_pvlock_unlock(&n->lock[level]);
}

static void nest_hard(void *arg)
{
	struct nest *n = arg;

	n->right[HARD] = in_hardirq();
	nest_take(n, HARD);
}

static void nest_soft(struct tasklet_struct *t)
{
	struct nest *n = from_tasklet(n, t, soft);

	n->right[SOFT] = in_serving_softirq();
	nest_take(n, SOFT);
}

static int nest_task(void *arg)
{
	struct nest *n = arg;

	while (!READ_ONCE(n->go))
		cond_resched();
	n->right[TASK] = in_task();
	nest_take(n, TASK);
	complete(&n->done);
	return 0;
}

/* On processor 1, in an interrupt: the softirq comes when that one ends. */
static void nest_start_soft(void *arg)
{
	struct nest *n = arg;

	tasklet_schedule(&n->soft);
}

/* Which context of which processor waits last. */
static bool nest_waits(struct nest *n, int level)
{
	return fake_until(READ_ONCE(n->lock[level].tail) ==
			  pvl_token(1) * PVL_CONTEXTS + level);
}

static struct nest *nest_make(struct kunit *test)
{
	static const char * const names[] = { "nest task", "nest soft", "nest hard" };
	struct nest *n = kunit_kzalloc(test, sizeof(*n), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, n);
	for (i = 0; i < LEVELS; i++) {
		lockdep_register_key(&n->key[i]);
		parley_pvlock_init_class(&n->lock[i], names[i], &n->key[i]);
	}
	init_completion(&n->done);
	tasklet_setup(&n->soft, nest_soft);
	INIT_CSD(&n->hard, nest_hard, n);
	return n;
}

static void nest_free(struct nest *n)
{
	int i;

	tasklet_kill(&n->soft);
	for (i = 0; i < LEVELS; i++)
		lockdep_unregister_key(&n->key[i]);
}

static void nest_run(struct kunit *test)
{
	struct task_struct *task;
	unsigned long flags;
	struct nest *n;
	bool ok, early;

	needs_cpus(test, 2);
	n = nest_make(test);
	task = kthread_run_on_cpu(nest_task, n, 1, "parley-nest/%u");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	parley_pvlock_lock(&n->lock[TASK]);
	local_bh_disable();
	parley_pvlock_lock(&n->lock[SOFT]);
	WRITE_ONCE(n->go, true);
	ok = nest_waits(n, TASK);
	smp_call_function_single(1, nest_start_soft, n, false);
	ok &= nest_waits(n, SOFT);
	flags = parley_pvlock_lock_irqsave(&n->lock[HARD]);
	smp_call_function_single_async(1, &n->hard);
	ok &= nest_waits(n, HARD);
	early = n->has[TASK] || n->has[SOFT] || n->has[HARD];
	parley_pvlock_unlock_irqrestore(&n->lock[HARD], flags);
	ok &= fake_until(READ_ONCE(n->has[HARD]));
	parley_pvlock_unlock(&n->lock[SOFT]);
	ok &= fake_until(READ_ONCE(n->has[SOFT]));
	local_bh_enable();
	parley_pvlock_unlock(&n->lock[TASK]);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&n->done, 30 * HZ));
	KUNIT_EXPECT_TRUE(test, ok);
	KUNIT_EXPECT_FALSE(test, early);
	KUNIT_EXPECT_TRUE(test, n->has[TASK]);
	KUNIT_EXPECT_TRUE(test, n->right[TASK] && n->right[SOFT] && n->right[HARD]);
	nest_free(n);
}

static void nest_sleeping(struct kunit *test)
{
	nest_run(test);
}

static void nest_spinning(struct kunit *test)
{
	fake_use(0);
	nest_run(test);
}

/* -------------------------------------------------------------------- NMI */

struct nmi {
	struct parley_pvlock lock;
	bool go;
	bool has;
	bool tried;
	struct completion done;
};

/*
 * With interrupts off, and counted as an NMI is: that is all that tells one.  A trylock
 * is allowed there.
 */
static int nmi_main(void *arg)
{
	struct nmi *n = arg;

	while (!READ_ONCE(n->go))
		cond_resched();
	local_irq_disable();
	__preempt_count_add(NMI_OFFSET);
	if (parley_pvlock_trylock(&n->lock)) {
		n->tried = true;
		parley_pvlock_unlock(&n->lock);
	}
	parley_pvlock_lock(&n->lock);
	WRITE_ONCE(n->has, true);
	parley_pvlock_unlock(&n->lock);
	__preempt_count_sub(NMI_OFFSET);
	local_irq_enable();
	complete(&n->done);
	return 0;
}

/* It is not in the queue, does not sleep, and has the lock when that is free. */
static void nest_nmi_is_refused(struct kunit *test)
{
	struct parley_pvl_counts before, now;
	struct task_struct *task;
	unsigned long flags;
	struct nmi *n;
	bool waits;
	u32 owner, tail;

	needs_cpus(test, 2);
	n = kunit_kzalloc(test, sizeof(*n), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, n);
	parley_pvlock_init(&n->lock);
	init_completion(&n->done);
	parley_pvl_sum(&before);
	task = kthread_run_on_cpu(nmi_main, n, 1, "parley-nmi/%u");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	flags = parley_pvlock_lock_irqsave(&n->lock);
	WRITE_ONCE(n->go, true);
	waits = fake_until((parley_pvl_sum(&now), now.unqueued > before.unqueued));
	owner = READ_ONCE(n->lock.owner);
	tail = READ_ONCE(n->lock.tail);
	parley_pvlock_unlock_irqrestore(&n->lock, flags);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&n->done, 30 * HZ));
	KUNIT_EXPECT_TRUE(test, waits);
	KUNIT_EXPECT_EQ(test, owner, pvl_token(0));
	KUNIT_EXPECT_EQ(test, tail, 0);
	KUNIT_EXPECT_FALSE(test, n->tried);
	KUNIT_EXPECT_TRUE(test, n->has);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake.halts), 0);
	KUNIT_EXPECT_EQ(test, n->lock.word, 0);
}

static struct kunit_case nest_cases[] = {
	KUNIT_CASE(nest_sleeping),
	KUNIT_CASE(nest_spinning),
	KUNIT_CASE(nest_nmi_is_refused),
	{}
};

static struct kunit_suite nest_suite = {
	.name = "parley_sched_nest",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = nest_cases,
};
kunit_test_suite(nest_suite);
