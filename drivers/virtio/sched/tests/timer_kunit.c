// SPDX-License-Identifier: GPL-2.0-only
/*
 * Effective timers: what they decide, in a time that the test makes, and that they come,
 * in the real one.  There a machine may be late by any amount, so only "not too early"
 * and "at all" are judged; how late they are is judged in the made one.
 */
#include <kunit/resource.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include "time.h"

#define US	NSEC_PER_USEC
#define MS	NSEC_PER_MSEC
/* For what has to come at all. */
#define PATIENCE	(60 * HZ)

/*
 * struct shot - a timer of a test
 * @again: how often it starts itself again
 * @at: CLOCK_MONOTONIC when it fired last
 */
struct shot {
	struct parley_efftimer timer;
	unsigned int again;
	u64 at;
	atomic_t fired;
	struct completion done;
};

static void shot_fired(struct parley_efftimer *timer)
{
	struct shot *s = container_of(timer, struct shot, timer);

	s->at = ktime_get_ns();
	atomic_inc(&s->fired);
	if (s->again) {
		s->again--;
		parley_efftimer_start(timer, MS, PARLEY_EFFTIMER_NO_LIMIT);
	} else {
		complete(&s->done);
	}
}

static void shot_cancel(void *arg)
{
	struct shot *s = arg;

	parley_efftimer_cancel(&s->timer);
}

static struct shot *shot_make(struct kunit *test)
{
	struct shot *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	parley_efftimer_init(&s->timer, shot_fired);
	init_completion(&s->done);
	/* Whatever becomes of the test, before its memory goes. */
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, shot_cancel, s), 0);
	return s;
}

static struct parley_eff_counts shot_counts(void)
{
	struct parley_eff_counts sum = {}, *c;
	int cpu;

	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(&parley_eff_counts, cpu);
		sum.fired += READ_ONCE(c->fired);
		sum.rearmed += READ_ONCE(c->rearmed);
		sum.limited += READ_ONCE(c->limited);
	}
	return sum;
}

/* -------------------------------------------------- decisions, in a made time */

static enum efftimer_found timer_looks(struct shot *s, u64 *ns)
{
	unsigned long flags;
	enum efftimer_found found;

	raw_spin_lock_irqsave(&s->timer.lock, flags);
	found = parley_efftimer_look(&s->timer, ns);
	raw_spin_unlock_irqrestore(&s->timer.lock, flags);
	return found;
}

/* As parley_efftimer_start() does, but nothing waits. */
static struct shot *timer_made(struct kunit *test, u64 ns, u64 at_most)
{
	struct shot *s = shot_make(test);

	parley_effclock_start(&s->timer.clock);
	s->timer.due = ns;
	s->timer.limit = at_most == PARLEY_EFFTIMER_NO_LIMIT ? at_most : fake_now + at_most;
	hrtimer_set_expires(&s->timer.timer, ns_to_ktime(fake_now + ns));
	return s;
}

/* It wakes up at its time, and so much later. */
static void timer_wakes(struct shot *s, u64 late)
{
	fake_now = max(fake_now, (u64)hrtimer_get_expires_ns(&s->timer.timer)) + late;
}

static void timer_nothing_stolen(struct kunit *test)
{
	struct shot *s = timer_made(test, 100 * US, PARLEY_EFFTIMER_NO_LIMIT);
	u64 ns;

	timer_wakes(s, 7 * US);
	KUNIT_EXPECT_EQ(test, timer_looks(s, &ns), EFFTIMER_OVER);
	KUNIT_EXPECT_EQ(test, ns, 7 * US);
}

/* 300 of 400 us are stolen: it waits for 300 more, of which nothing is stolen. */
static void timer_waits_again(struct kunit *test)
{
	struct shot *s = timer_made(test, 100 * US, PARLEY_EFFTIMER_NO_LIMIT);
	u64 start = fake_now, ns;

	fake_now += 310 * US;
	fake.said[0] += 290 * US;
	KUNIT_EXPECT_EQ(test, timer_looks(s, &ns), EFFTIMER_NOT_YET);
	KUNIT_EXPECT_EQ(test, ns, 80 * US);
	KUNIT_EXPECT_EQ(test, hrtimer_get_expires_ns(&s->timer.timer), start + 390 * US);
	timer_wakes(s, 0);
	KUNIT_EXPECT_EQ(test, timer_looks(s, &ns), EFFTIMER_OVER);
	KUNIT_EXPECT_EQ(test, ns, 0);
}

/*
 * Thefts of all kinds while it waits, and interrupts that come late: it fires, by the
 * effective clock not too early, and later than due by no more than the last interrupt
 * was late and the grain.
 */
static void timer_bounds(struct kunit *test)
{
	u32 random = 11, round, looks;
	u64 late, stolen, ns, due, start, total, before;
	enum efftimer_found found;
	struct shot *s;

	for (round = 0; round < 200; round++) {
		due = 1 + time_random(&random, 300 * US);
		start = fake_now;
		total = 0;
		s = timer_made(test, due, PARLEY_EFFTIMER_NO_LIMIT);
		for (looks = 1;; looks++) {
			late = time_random(&random, 3) ? time_random(&random, 20 * US) : 0;
			stolen = time_random(&random, 3) ? time_random(&random, 90 * US) : 0;
			before = fake_now;
			timer_wakes(s, late);
			stolen = looks > 20 ? 0 : min(stolen, fake_now - before);
			total += stolen;
			fake.said[0] += stolen;
			found = timer_looks(s, &ns);
			if (found != EFFTIMER_NOT_YET)
				break;
		}
		KUNIT_ASSERT_EQ(test, found, EFFTIMER_OVER);
		/* The naive clock: what passed without what was stolen. */
		KUNIT_ASSERT_GE(test, fake_now - start - total, due);
		KUNIT_ASSERT_LE(test, fake_now - start - total, due + late + EFFTIMER_GRAIN);
		KUNIT_ASSERT_EQ(test, ns, fake_now - start - total - due);
		KUNIT_ASSERT_LE(test, looks, 22);
	}
}

/* A tiny rest is waited for in one go. */
static void timer_grain(struct kunit *test)
{
	struct shot *s = timer_made(test, 100 * US, PARLEY_EFFTIMER_NO_LIMIT);
	u64 ns;

	timer_wakes(s, 0);
	fake.said[0] += 3;
	KUNIT_EXPECT_EQ(test, timer_looks(s, &ns), EFFTIMER_NOT_YET);
	KUNIT_EXPECT_EQ(test, ns, 3);
	KUNIT_EXPECT_EQ(test, hrtimer_get_expires_ns(&s->timer.timer), fake_now + EFFTIMER_GRAIN);
}

/* The host says that it takes everything, for good. */
static void timer_limit(struct kunit *test)
{
	struct shot *s = timer_made(test, 100 * US, 450 * US);
	u64 start = fake_now, ns;
	int looks = 0;

	do {
		timer_wakes(s, 0);
		fake.said[0] += NSEC_PER_SEC;
		looks++;
	} while (timer_looks(s, &ns) == EFFTIMER_NOT_YET && looks < 100);
	KUNIT_EXPECT_EQ(test, ns, 100 * US);
	KUNIT_EXPECT_EQ(test, fake_now, start + 450 * US);
	KUNIT_EXPECT_EQ(test, looks, 5);
}

/* A limit that comes first is no reason to wait for the rest. */
static void timer_limit_first(struct kunit *test)
{
	struct shot *s = timer_made(test, 100 * US, 30 * US);
	u64 ns;

	fake_now += 30 * US;
	KUNIT_EXPECT_EQ(test, timer_looks(s, &ns), EFFTIMER_LIMIT);
	KUNIT_EXPECT_EQ(test, ns, 70 * US);
}

static struct kunit_case made_cases[] = {
	KUNIT_CASE(timer_nothing_stolen),
	KUNIT_CASE(timer_waits_again),
	KUNIT_CASE(timer_bounds),
	KUNIT_CASE(timer_grain),
	KUNIT_CASE(timer_limit),
	KUNIT_CASE(timer_limit_first),
	{}
};

static struct kunit_suite made_suite = {
	.name = "parley_sched_timer_made",
	.init = fake_time_init,
	.exit = fake_time_exit,
	.test_cases = made_cases,
};

/* ------------------------------------------------------------ in real time */

/* The host has taken so much when it is over, and says so then. */
static u64 theft_from, theft_ns;

static bool theft_stolen(int cpu, u64 *ns)
{
	*ns = ktime_get_ns() < theft_from + theft_ns ? 0 : theft_ns;
	return true;
}

/* It says that it takes much more than there is. */
static bool theft_of_all(int cpu, u64 *ns)
{
	*ns = (ktime_get_ns() - theft_from) * 1000;
	return true;
}

static void theft(u64 ns)
{
	theft_from = ktime_get_ns();
	theft_ns = ns;
	fake.stolen = ns ? theft_stolen : theft_of_all;
	parley_steal_forget();
}

static void shot_comes(struct kunit *test, struct shot *s)
{
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&s->done, PATIENCE), 0);
	KUNIT_EXPECT_FALSE(test, parley_efftimer_cancel(&s->timer));
}

static void real_fires(struct kunit *test)
{
	struct parley_eff_counts before = shot_counts();
	struct shot *s = shot_make(test);
	u64 start = ktime_get_ns();

	parley_efftimer_start(&s->timer, 5 * MS, PARLEY_EFFTIMER_NO_LIMIT);
	shot_comes(test, s);
	KUNIT_EXPECT_GE(test, s->at, start + 5 * MS);
	KUNIT_EXPECT_EQ(test, atomic_read(&s->fired), 1);
	KUNIT_EXPECT_EQ(test, shot_counts().fired, before.fired + 1);
	KUNIT_EXPECT_EQ(test, shot_counts().rearmed, before.rearmed);
	KUNIT_EXPECT_FALSE(test, parley_efftimer_active(&s->timer));
}

/* Of no time at all, at once; and with a hypervisor that says nothing. */
static void real_at_once(struct kunit *test)
{
	struct shot *s = shot_make(test);

	fake_use(0);
	parley_efftimer_start(&s->timer, 0, PARLEY_EFFTIMER_NO_LIMIT);
	shot_comes(test, s);
	KUNIT_EXPECT_EQ(test, atomic_read(&s->fired), 1);
}

static void real_theft(struct kunit *test)
{
	struct parley_eff_counts before = shot_counts();
	struct shot *s = shot_make(test);
	u64 start;

	theft(500 * MS);
	start = ktime_get_ns();
	parley_efftimer_start(&s->timer, 700 * MS, PARLEY_EFFTIMER_NO_LIMIT);
	/* Unless the machine stood still until all was over. */
	if (ktime_get_ns() >= theft_from + 500 * MS)
		kunit_skip(test, "too slow");
	shot_comes(test, s);
	KUNIT_EXPECT_GE(test, s->at, start + 1200 * MS);
	KUNIT_EXPECT_GE(test, shot_counts().rearmed, before.rearmed + 1);
	KUNIT_EXPECT_EQ(test, shot_counts().fired, before.fired + 1);
	KUNIT_EXPECT_EQ(test, shot_counts().limited, before.limited);
}

static void real_limit(struct kunit *test)
{
	struct parley_eff_counts before = shot_counts();
	struct shot *s = shot_make(test);
	u64 start;

	theft(0);
	start = ktime_get_ns();
	parley_efftimer_start(&s->timer, 10 * MS, 55 * MS);
	shot_comes(test, s);
	KUNIT_EXPECT_GE(test, s->at, start + 55 * MS);
	KUNIT_EXPECT_EQ(test, shot_counts().limited, before.limited + 1);
}

static void real_again(struct kunit *test)
{
	struct shot *s = shot_make(test);
	u64 start = ktime_get_ns();

	s->again = 9;
	parley_efftimer_start(&s->timer, MS, PARLEY_EFFTIMER_NO_LIMIT);
	shot_comes(test, s);
	KUNIT_EXPECT_EQ(test, atomic_read(&s->fired), 10);
	KUNIT_EXPECT_GE(test, s->at, start + 10 * MS);
}

static void real_cancel(struct kunit *test)
{
	struct shot *s = shot_make(test);

	parley_efftimer_start(&s->timer, 3600ull * NSEC_PER_SEC, PARLEY_EFFTIMER_NO_LIMIT);
	KUNIT_EXPECT_TRUE(test, parley_efftimer_active(&s->timer));
	/* The longest that there is, and no overflow. */
	parley_efftimer_start(&s->timer, U64_MAX, U64_MAX);
	KUNIT_EXPECT_TRUE(test, parley_efftimer_cancel(&s->timer));
	KUNIT_EXPECT_FALSE(test, parley_efftimer_cancel(&s->timer));
	/* One that has waited again, too. */
	theft(0);
	parley_efftimer_start(&s->timer, MS, PARLEY_EFFTIMER_NO_LIMIT);
	msleep(20);
	KUNIT_EXPECT_TRUE(test, parley_efftimer_cancel(&s->timer));
	KUNIT_EXPECT_EQ(test, atomic_read(&s->fired), 0);
}

/* Started again and again while it runs out: it fires after the last of them. */
static void real_restart(struct kunit *test)
{
	struct shot *s = shot_make(test);
	u32 random = 13, n;
	u64 start;

	for (n = 0; n < 500; n++) {
		parley_efftimer_start(&s->timer, time_random(&random, 100 * US),
				      PARLEY_EFFTIMER_NO_LIMIT);
		if (n % 8 == 0)
			usleep_range(10, 150);
	}
	/* What has fired so far is of no interest. */
	parley_efftimer_cancel(&s->timer);
	reinit_completion(&s->done);
	n = atomic_read(&s->fired);
	start = ktime_get_ns();
	parley_efftimer_start(&s->timer, MS, PARLEY_EFFTIMER_NO_LIMIT);
	parley_efftimer_start(&s->timer, 30 * MS, PARLEY_EFFTIMER_NO_LIMIT);
	shot_comes(test, s);
	/* Twice if the machine stood still between the two. */
	if (atomic_read(&s->fired) != n + 2) {
		KUNIT_EXPECT_EQ(test, atomic_read(&s->fired), n + 1);
		KUNIT_EXPECT_GE(test, s->at, start + 30 * MS);
	}
}

/* Its processor goes: it fires on another one, and no earlier. */
static void real_unplug(struct kunit *test)
{
	struct shot *s = shot_make(test);
	unsigned int last = cpumask_last(cpu_online_mask);
	u64 start;

	if (!IS_ENABLED(CONFIG_HOTPLUG_CPU) || !last)
		kunit_skip(test, "no processor can go");
	time_move(test, last);
	start = ktime_get_ns();
	parley_efftimer_start(&s->timer, 300 * MS, PARLEY_EFFTIMER_NO_LIMIT);
	time_move(test, 0);
#ifdef CONFIG_HOTPLUG_CPU
	KUNIT_EXPECT_EQ(test, remove_cpu(last), 0);
	shot_comes(test, s);
	KUNIT_EXPECT_EQ(test, add_cpu(last), 0);
#endif
	KUNIT_EXPECT_GE(test, s->at, start + 300 * MS);
	KUNIT_EXPECT_EQ(test, atomic_read(&s->fired), 1);
}

static struct kunit_case real_cases[] = {
	KUNIT_CASE(real_fires),
	KUNIT_CASE(real_at_once),
	KUNIT_CASE(real_theft),
	KUNIT_CASE(real_limit),
	KUNIT_CASE(real_again),
	KUNIT_CASE(real_cancel),
	KUNIT_CASE(real_restart),
	KUNIT_CASE(real_unplug),
	{}
};

static struct kunit_suite real_suite = {
	.name = "parley_sched_timer",
	.init = fake_real_init,
	.exit = fake_real_exit,
	.test_cases = real_cases,
};

kunit_test_suites(&made_suite, &real_suite);
