// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eight threads and timers' interrupts on three locks, for some seconds: one holder at
 * a time, everything that a holder wrote is seen by the next, and nobody waits for ever.
 *
 * Halts end by themselves now and then, and processors are said to be preempted or not
 * as it comes.
 */
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <parley/compat.h>
#include "fake.h"

static unsigned int torture_ms = 2000;
module_param(torture_ms, uint, 0444);
MODULE_PARM_DESC(torture_ms, "how long each torture lasts, in milliseconds");

#define THREADS		8
#define WORDS		16	/* on several lines */
#define TIMER_NS	(500 * NSEC_PER_USEC)

/*
 * struct field - what a lock guards: words that are all equal while it is free
 * @inside: somebody is
 * @broken: how often something was not as it must be
 */
struct field {
	struct parley_pvlock lock;
	unsigned long words[WORDS];
	int inside;
	unsigned long broken;
};

/*
 * @plain: taken by tasks only
 * @irq: taken by the timers too
 * @soft: taken by tasks with softirqs off
 */
struct torture {
	struct field plain, irq, soft;
	struct hrtimer timer[FAKE_CPUS];
	unsigned long ticks[FAKE_CPUS];
	bool stop;
};

struct torturer {
	struct torture *t;
	struct task_struct *task;
	struct rnd_state rnd;
	unsigned long did[3];
};

/* Now and then for so long that others come. */
static void field_use(struct field *f)
{
	unsigned long first = f->words[0];
	int i;

	if (f->inside++)
		f->broken++;
	for (i = 0; first % 4 == 0 && i < 500; i++)
		cpu_relax();
	for (i = 0; i < WORDS; i++)
		f->broken += f->words[i]++ != first;
	f->inside--;
}

static void torture_plain(struct torturer *me, u32 dice)
{
	struct field *f = &me->t->plain;

	if (dice & 1) {
		if (!parley_pvlock_trylock(&f->lock))
			return;
	} else {
		parley_pvlock_lock(&f->lock);
	}
	field_use(f);
	me->did[0]++;
	parley_pvlock_unlock(&f->lock);
}

static void torture_irq(struct torturer *me, u32 dice)
{
	struct field *f = &me->t->irq;
	unsigned long flags;

	if (dice & 1) {
		parley_pvlock_lock_irq(&f->lock);
		field_use(f);
		me->did[1]++;
		parley_pvlock_unlock_irq(&f->lock);
		return;
	}
	flags = parley_pvlock_lock_irqsave(&f->lock);
	field_use(f);
	me->did[1]++;
	parley_pvlock_unlock_irqrestore(&f->lock, flags);
}

static void torture_soft(struct torturer *me)
{
	struct field *f = &me->t->soft;

	parley_pvlock_lock_bh(&f->lock);
	field_use(f);
	me->did[2]++;
	parley_pvlock_unlock_bh(&f->lock);
}

static int torture_main(void *arg)
{
	struct torturer *me = arg;
	u32 dice;

	while (!kthread_should_stop()) {
		dice = prandom_u32_state(&me->rnd);
		if (dice % 64 == 0)
			WRITE_ONCE(fake.preempted, dice >> 8);
		if (dice & BIT(31))
			torture_irq(me, dice >> 8);
		else if (dice & BIT(30))
			torture_soft(me);
		else
			torture_plain(me, dice >> 8);
		cond_resched();
	}
	return 0;
}

/* In an interrupt, on top of who waits for whichever lock. */
static enum hrtimer_restart torture_tick(struct hrtimer *timer)
{
	int cpu = smp_processor_id();
	struct torture *t = container_of(timer - cpu, struct torture, timer[0]);
	unsigned long flags;

	flags = parley_pvlock_lock_irqsave(&t->irq.lock);
	field_use(&t->irq);
	t->ticks[cpu]++;
	parley_pvlock_unlock_irqrestore(&t->irq.lock, flags);
	if (READ_ONCE(t->stop))
		return HRTIMER_NORESTART;
	hrtimer_forward_now(timer, TIMER_NS);
	return HRTIMER_RESTART;
}

static void torture_start_tick(void *arg)
{
	struct torture *t = arg;

	hrtimer_start(&t->timer[smp_processor_id()], TIMER_NS, HRTIMER_MODE_REL_PINNED_HARD);
}

static void torture_judge(struct kunit *test, const struct field *f, unsigned long did)
{
	KUNIT_EXPECT_EQ(test, f->broken, 0);
	KUNIT_EXPECT_EQ(test, f->words[0], did);
	KUNIT_EXPECT_EQ(test, f->words[WORDS - 1], did);
	KUNIT_EXPECT_EQ(test, f->inside, 0);
	KUNIT_EXPECT_EQ(test, f->lock.word, 0);
	KUNIT_EXPECT_GT(test, did, 0);
}

static void torture_threads(struct kunit *test, struct torture *t, struct torturer *them)
{
	int i;

	for (i = 0; i < THREADS; i++) {
		them[i].t = t;
		prandom_seed_state(&them[i].rnd, i + 1);
		them[i].task = kthread_run(torture_main, &them[i], "parley-torture/%d", i);
		KUNIT_EXPECT_FALSE(test, IS_ERR(them[i].task));
	}
}

static void torture_end(struct torture *t, struct torturer *them, unsigned long *did)
{
	int i, k;

	WRITE_ONCE(t->stop, true);
	for (i = 0; i < FAKE_CPUS; i++) {
		hrtimer_cancel(&t->timer[i]);
		did[1] += t->ticks[i];
	}
	for (i = 0; i < THREADS; i++) {
		if (!IS_ERR(them[i].task))
			kthread_stop(them[i].task);
		for (k = 0; k < 3; k++)
			did[k] += them[i].did[k];
	}
}

static void torture_run(struct kunit *test)
{
	struct torturer *them = kunit_kcalloc(test, THREADS, sizeof(*them), GFP_KERNEL);
	struct torture *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct parley_pvl_counts before, after;
	unsigned long did[3] = {};
	int i;

	KUNIT_ASSERT_TRUE(test, them && t);
	parley_pvlock_init(&t->plain.lock);
	parley_pvlock_init(&t->irq.lock);
	parley_pvlock_init(&t->soft.lock);
	for (i = 0; i < FAKE_CPUS; i++)
		hrtimer_setup(&t->timer[i], torture_tick, CLOCK_MONOTONIC,
			      HRTIMER_MODE_REL_PINNED_HARD);
	parley_pvl_sum(&before);
	torture_threads(test, t, them);
	on_each_cpu(torture_start_tick, t, true);
	msleep(torture_ms);
	torture_end(t, them, did);
	parley_pvl_sum(&after);
	torture_judge(test, &t->plain, did[0]);
	torture_judge(test, &t->irq, did[1]);
	torture_judge(test, &t->soft, did[2]);
	kunit_info(test, "%lu, %lu, %lu times; waited %llu, slept %llu, yielded %llu, kicked %llu\n",
		   did[0], did[1], did[2], after.contended - before.contended,
		   after.halts - before.halts, after.yields - before.yields,
		   after.kicks - before.kicks);
}

static void torture_all(struct kunit *test)
{
	fake.spurious = 7;
	torture_run(test);
}

/* Nothing ends a halt but a kick: the one that would be lost is missed. */
static void torture_kicks(struct kunit *test)
{
	torture_run(test);
}

/* Nobody may sleep. */
static void torture_spinning(struct kunit *test)
{
	fake_use(PARLEY_HV_SEES | PARLEY_HV_YIELD);
	torture_run(test);
}

static struct kunit_case torture_cases[] = {
	KUNIT_CASE_SLOW(torture_all),
	KUNIT_CASE_SLOW(torture_kicks),
	KUNIT_CASE_SLOW(torture_spinning),
	{}
};

static struct kunit_suite torture_suite = {
	.name = "parley_sched_torture",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = torture_cases,
};
kunit_test_suite(torture_suite);
