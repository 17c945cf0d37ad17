// SPDX-License-Identifier: GPL-2.0-only
/* When timers fire, and when they do not. */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/kthread.h>
#include <linux/random.h>
#include "fake.h"

/* For what nobody hinders. */
#define SOON	(10 * MS)
#define LONG	(60 * (u64)NSEC_PER_SEC)
#define GRAIN	(4 * MS)
#define STEP	(50 * (u64)NSEC_PER_USEC)

/*
 * struct clock - a timer, and what became of it
 * @again: it starts itself so often
 * @try: what parley_steal_timer_try_to_cancel() said in its function
 */
struct clock {
	struct parley_steal_timer timer;
	struct completion done;
	u64 elapsed;
	int fired;
	int again;
	int cpu;
	int try;
};

static void clock_fires(struct parley_steal_timer *timer)
{
	struct clock *c = container_of(timer, struct clock, timer);

	c->elapsed = ktime_get_ns() - timer->wait.began;
	c->cpu = raw_smp_processor_id();
	c->fired++;
	c->try = parley_steal_timer_try_to_cancel(timer);
	if (c->again-- > 0)
		parley_steal_timer_start(timer, timer->ns, timer->most);
	else
		complete(&c->done);
}

static struct clock *clock_make(struct kunit *test)
{
	struct clock *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, c);
	init_completion(&c->done);
	parley_steal_timer_init(&c->timer, clock_fires);
	fake_go_to(test, 0);
	return c;
}

static void clock_start(struct kunit *test, struct clock *c, u64 ns, u64 most)
{
	KUNIT_ASSERT_EQ(test, parley_steal_timer_start(&c->timer, ns, most), 0);
}

/* So much is stolen from @cpu then, before anything can fire here. */
static void clock_start_stolen(struct kunit *test, struct clock *c, int cpu, u64 stolen)
{
	unsigned long flags;
	int err;

	local_irq_save(flags);
	err = parley_steal_timer_start(&c->timer, SOON, LONG);
	fake_steal(cpu, stolen);
	local_irq_restore(flags);
	KUNIT_ASSERT_EQ(test, err, 0);
}

/* From now on @each is stolen with each look, @times times. */
static void steal_each(u64 each, int times)
{
	atomic_set(&fake.times, times);
	WRITE_ONCE(fake.each, each);
}

/* It fires once, and then nothing of it is left. */
static void clock_ends(struct kunit *test, struct clock *c)
{
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&c->done, 50 * HZ), 0);
	parley_steal_timer_cancel(&c->timer);
	KUNIT_EXPECT_FALSE(test, parley_steal_timer_active(&c->timer));
}

static void timer_alone(struct kunit *test)
{
	struct clock *c = clock_make(test);

	clock_start(test, c, SOON, LONG);
	clock_ends(test, c);
	KUNIT_EXPECT_GE(test, c->elapsed, SOON);
	KUNIT_EXPECT_EQ(test, c->timer.rounds, 1);
	KUNIT_EXPECT_EQ(test, c->fired, 1);
	KUNIT_EXPECT_EQ(test, c->cpu, 0);
}

static void timer_stolen(struct kunit *test)
{
	s64 held = atomic64_read(&parley_steal_counts.held);
	struct clock *c = clock_make(test);

	fake_steal(0, SOON);
	clock_start_stolen(test, c, 0, 3 * SOON);
	clock_ends(test, c);
	KUNIT_EXPECT_GE(test, c->elapsed, 4 * SOON);
	KUNIT_EXPECT_GE(test, c->timer.rounds, 2);
	KUNIT_EXPECT_EQ(test, c->timer.wait.stolen, 3 * SOON);
	KUNIT_EXPECT_EQ(test, atomic64_read(&parley_steal_counts.held), held + 1);
}

/* From another processor something is stolen: that is not its affair. */
static void timer_of_others(struct kunit *test)
{
	struct clock *c = clock_make(test);

	needs_cpus(test, 2);
	clock_start_stolen(test, c, 1, LONG);
	clock_ends(test, c);
	KUNIT_EXPECT_EQ(test, c->timer.wait.stolen, 0);
	KUNIT_EXPECT_EQ(test, c->timer.rounds, 1);
}

/* With each look there is more, for some looks. */
static void timer_rounds(struct kunit *test)
{
	struct clock *c = clock_make(test);

	/* Of which the start is the first. */
	steal_each(SOON / 2, 6);
	clock_start(test, c, SOON, LONG);
	clock_ends(test, c);
	/* Looks that are late may be fewer. */
	KUNIT_EXPECT_GT(test, c->timer.rounds, 1);
	KUNIT_EXPECT_LE(test, c->timer.rounds, 6);
	KUNIT_EXPECT_EQ(test, c->timer.wait.stolen, min(c->timer.rounds, 5u) * SOON / 2);
	KUNIT_EXPECT_GE(test, c->elapsed, SOON + c->timer.wait.stolen);
}

/* It always says that more was stolen than there was: the second limit ends it. */
static void bad_timer_cut(struct kunit *test)
{
	s64 cut = atomic64_read(&parley_steal_counts.cut);
	struct clock *c = clock_make(test);

	steal_each(LONG, INT_MAX);
	clock_start(test, c, SOON, 5 * SOON);
	clock_ends(test, c);
	KUNIT_EXPECT_GE(test, c->elapsed, 5 * SOON);
	KUNIT_EXPECT_LE(test, c->timer.rounds, 6);
	KUNIT_EXPECT_EQ(test, atomic64_read(&parley_steal_counts.cut), cut + 1);
}

/* A little at a time: there is no storm of interrupts. */
static void bad_timer_storm(struct kunit *test)
{
	struct clock *c = clock_make(test);

	steal_each(STEP + 1, INT_MAX);
	clock_start(test, c, SOON, 3 * SOON);
	clock_ends(test, c);
	KUNIT_EXPECT_LE(test, c->timer.rounds, 2 + 3 * SOON / STEP);
}

static void bad_timer_arguments(struct kunit *test)
{
	struct clock *c = clock_make(test);

	KUNIT_EXPECT_EQ(test, parley_steal_timer_start(&c->timer, 0, LONG), -EINVAL);
	KUNIT_EXPECT_EQ(test, parley_steal_timer_start(&c->timer, 2, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, parley_steal_timer_start(&c->timer, 1, U64_MAX), -EINVAL);
	KUNIT_EXPECT_FALSE(test, parley_steal_timer_active(&c->timer));
	KUNIT_EXPECT_FALSE(test, parley_steal_timer_cancel(&c->timer));
}

/* ---------------------------------------------------------------- in ticks */

/*
 * The processor is away, with interrupts off for us, over the timer's time, and the tick
 * that tells so comes after the timer's interrupt.
 */
static void timer_before_tick(struct kunit *test)
{
	s64 settled = atomic64_read(&parley_steal_counts.settled);
	struct clock *c = clock_make(test);
	unsigned long flags;

	fake_use(GRAIN);
	local_irq_save(flags);
	clock_start(test, c, SOON, LONG);
	fake_spin(ktime_get_ns() + 5 * SOON);
	atomic_set(&fake.skip, 1);
	WRITE_ONCE(fake.when, FAKE_NEXT_TIME);
	fake_steal(0, 5 * SOON);
	local_irq_restore(flags);
	clock_ends(test, c);
	KUNIT_EXPECT_EQ(test, c->timer.wait.stolen, 5 * SOON);
	KUNIT_EXPECT_GE(test, c->elapsed, 6 * SOON);
	KUNIT_EXPECT_GT(test, atomic64_read(&parley_steal_counts.settled), settled);
}

/* It was late for another reason: it fires after that tick. */
static void timer_only_late(struct kunit *test)
{
	struct clock *c = clock_make(test);
	unsigned long flags;

	fake_use(GRAIN);
	local_irq_save(flags);
	clock_start(test, c, SOON, LONG);
	fake_spin(ktime_get_ns() + 5 * SOON);
	local_irq_restore(flags);
	clock_ends(test, c);
	KUNIT_EXPECT_GE(test, c->timer.rounds, 2);
	KUNIT_EXPECT_EQ(test, c->timer.wait.stolen, 0);
}

/* The processor is idle, and tells what was stolen only if it is given something to do. */
static void timer_idle(struct kunit *test)
{
	struct clock *c = clock_make(test);

	needs_cpus(test, 2);
	fake_use(GRAIN);
	WRITE_ONCE(fake.nudges, atomic64_read(&parley_steal_counts.nudged) + 1);
	WRITE_ONCE(fake.when, FAKE_IF_NUDGED);
	clock_start_stolen(test, c, 0, 3 * SOON);
	/* Away from there, so that it is idle. */
	fake_go_to(test, 1);
	fake_spin(ktime_get_ns() + 2 * SOON);
	clock_ends(test, c);
	if (!c->timer.wait.stolen)
		kunit_skip(test, "it was not idle");
	KUNIT_EXPECT_EQ(test, c->timer.wait.stolen, 3 * SOON);
	KUNIT_EXPECT_GE(test, c->elapsed, 4 * SOON);
}

/* ------------------------------------------------------------------ cancel */

static void timer_cancel(struct kunit *test)
{
	struct clock *c = clock_make(test);

	clock_start(test, c, LONG, LONG);
	KUNIT_EXPECT_TRUE(test, parley_steal_timer_active(&c->timer));
	KUNIT_EXPECT_TRUE(test, parley_steal_timer_cancel(&c->timer));
	KUNIT_EXPECT_FALSE(test, parley_steal_timer_cancel(&c->timer));
	clock_start(test, c, LONG, LONG);
	KUNIT_EXPECT_EQ(test, parley_steal_timer_try_to_cancel(&c->timer), 1);
	KUNIT_EXPECT_EQ(test, parley_steal_timer_try_to_cancel(&c->timer), 0);
	KUNIT_EXPECT_EQ(test, c->fired, 0);
}

/* In its own function one cannot wait for it. */
static void timer_cancel_inside(struct kunit *test)
{
	struct clock *c = clock_make(test);

	clock_start(test, c, SOON, LONG);
	clock_ends(test, c);
	KUNIT_EXPECT_EQ(test, c->try, -1);
	KUNIT_EXPECT_EQ(test, c->fired, 1);
}

static void timer_starts_itself(struct kunit *test)
{
	struct clock *c = clock_make(test);

	c->again = 3;
	clock_start(test, c, SOON / 4, LONG);
	clock_ends(test, c);
	KUNIT_EXPECT_EQ(test, c->fired, 4);
}

/* Cancelled while it looks and starts itself anew, which it does all the time. */
static void timer_cancel_race(struct kunit *test)
{
	struct clock *c = clock_make(test);
	int i, fired;

	steal_each(2 * STEP, INT_MAX);
	for (i = 0; i < 300; i++) {
		clock_start(test, c, STEP, LONG);
		udelay(get_random_u32_below(300));
		parley_steal_timer_cancel(&c->timer);
		fired = READ_ONCE(c->fired);
		KUNIT_ASSERT_FALSE(test, parley_steal_timer_active(&c->timer));
		usleep_range(100, 200);
		KUNIT_ASSERT_EQ(test, READ_ONCE(c->fired), fired);
	}
}

struct starter {
	struct clock *c;
	u64 starts;
};

static int starter_run(void *data)
{
	struct starter *s = data;

	while (!kthread_should_stop()) {
		parley_steal_timer_start(&s->c->timer, 1 + get_random_u32_below(200000), LONG);
		s->starts++;
		usleep_range(20, 100);
	}
	return 0;
}

/* Two start it again and again, on two processors, while it fires and looks. */
static void timer_start_race(struct kunit *test)
{
	struct clock *c = clock_make(test);
	struct starter s[2] = { { c }, { c } };
	struct task_struct *task[2];
	int i;

	needs_cpus(test, 2);
	steal_each(30 * NSEC_PER_USEC, INT_MAX);
	for (i = 0; i < 2; i++) {
		task[i] = kthread_run_on_cpu(starter_run, &s[i], i, "steal-start/%u");
		KUNIT_EXPECT_FALSE(test, IS_ERR(task[i]));
	}
	msleep(300);
	for (i = 0; i < 2; i++) {
		if (!IS_ERR(task[i]))
			kthread_stop(task[i]);
		KUNIT_EXPECT_GT(test, s[i].starts, 0);
	}
	parley_steal_timer_cancel(&c->timer);
	KUNIT_EXPECT_GT(test, c->fired, 0);
}

/* ------------------------------------------------------------------ unplug */

/* Longer than it takes to take a processor away, also on a machine that is busy. */
#define UNPLUG	(300 * SOON)

static void start_there(void *data)
{
	struct clock *c = data;

	parley_steal_timer_start(&c->timer, UNPLUG, LONG);
}

/* Its processor goes: another one has it, whose stolen time counts from then on. */
static void timer_unplug(struct kunit *test)
{
	struct clock *c = clock_make(test);
	int cpu = cpumask_last(cpu_online_mask);

	needs_cpus(test, 2);
	KUNIT_ASSERT_EQ(test, smp_call_function_single(cpu, start_there, c, 1), 0);
	KUNIT_EXPECT_EQ(test, c->timer.wait.cpu, cpu);
	fake_steal(cpu, 2 * SOON);
	if (remove_cpu(cpu)) {
		parley_steal_timer_cancel(&c->timer);
		kunit_skip(test, "processors stay online here");
	}
	clock_ends(test, c);
	KUNIT_EXPECT_EQ(test, c->timer.wait.stolen, 2 * SOON);
	KUNIT_EXPECT_GE(test, c->elapsed, UNPLUG + 2 * SOON);
	KUNIT_EXPECT_NE(test, c->cpu, cpu);
	KUNIT_EXPECT_EQ(test, c->timer.wait.cpu, c->cpu);
	/* Its clock goes on meanwhile, and so does that of all. */
	KUNIT_EXPECT_NE(test, parley_steal_clock(cpu), 0);
	KUNIT_EXPECT_NE(test, parley_steal_clock(PARLEY_STEAL_ALL), 0);
	KUNIT_EXPECT_EQ(test, add_cpu(cpu), 0);
	KUNIT_EXPECT_NE(test, parley_steal_clock(PARLEY_STEAL_ALL), 0);
}

static struct kunit_case timer_cases[] = {
	KUNIT_CASE(timer_alone),
	KUNIT_CASE(timer_stolen),
	KUNIT_CASE(timer_of_others),
	KUNIT_CASE(timer_rounds),
	KUNIT_CASE(bad_timer_cut),
	KUNIT_CASE(bad_timer_storm),
	KUNIT_CASE(bad_timer_arguments),
	KUNIT_CASE(timer_before_tick),
	KUNIT_CASE(timer_only_late),
	KUNIT_CASE(timer_idle),
	KUNIT_CASE(timer_cancel),
	KUNIT_CASE(timer_cancel_inside),
	KUNIT_CASE(timer_starts_itself),
	KUNIT_CASE(timer_cancel_race),
	KUNIT_CASE(timer_start_race),
	KUNIT_CASE_SLOW(timer_unplug),
	{}
};

static struct kunit_suite timer_suite = {
	.name = "parley_steal_timer",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = timer_cases,
};
kunit_test_suite(timer_suite);
