// SPDX-License-Identifier: GPL-2.0-only
/* Periods: that none is lost, none comes too early, and which event they share. */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/kthread.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>
#include <kunit/test.h>
#include <parley/export.h>
#include <parley/version.h>
#include "../timer.h"

#define MS	((u64)NSEC_PER_MSEC)

/*
 * struct beat - a timer, and what became of it
 * @wanted: periods after which it ends; 0: never
 * @served, @events: periods and calls
 * @most: periods of one call
 * @next: when the next period has to be over
 * @early: calls before their last period was over
 * @gaps: calls that did not go on where the one before had ended
 */
struct beat {
	struct parley_timer timer;
	struct completion done;
	u64 wanted, served, events, most, next;
	int early, gaps;
};

static bool beat_fn(struct parley_timer *timer, u64 due, u64 periods)
{
	struct beat *b = container_of(timer, struct beat, timer);

	b->early += ktime_get_ns() < due + (periods - 1) * timer->period;
	b->gaps += b->next && due != b->next;
	b->next = due + periods * timer->period;
	b->served += periods;
	b->most = max(b->most, periods);
	b->events++;
	if (!b->wanted || b->served < b->wanted)
		return true;
	complete(&b->done);
	return false;
}

static struct beat *beat_make(struct kunit *test, u64 wanted)
{
	struct beat *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	init_completion(&b->done);
	b->wanted = wanted;
	parley_timer_init(&b->timer, beat_fn);
	return b;
}

static void beat_sound(struct kunit *test, const struct beat *b)
{
	KUNIT_EXPECT_EQ(test, b->early, 0);
	KUNIT_EXPECT_EQ(test, b->gaps, 0);
}

/* It ends by itself, and then nothing of it is left. */
static void beat_ends(struct kunit *test, struct beat *b)
{
	KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&b->done, 60 * HZ), 0);
	KUNIT_EXPECT_FALSE(test, parley_timer_cancel(&b->timer));
	KUNIT_EXPECT_FALSE(test, parley_timer_active(&b->timer));
	KUNIT_EXPECT_GE(test, b->served, b->wanted);
	beat_sound(test, b);
}

static void timer_ordinary(struct kunit *test)
{
	struct beat *b = beat_make(test, 20);

	KUNIT_ASSERT_EQ(test, parley_timer_start(&b->timer, MS, 0), 0);
	beat_ends(test, b);
}

static void timer_tolerant(struct kunit *test)
{
	struct beat *b = beat_make(test, 100);
	s64 events = atomic64_read(&parley_timer_counts.events);
	s64 periods = atomic64_read(&parley_timer_counts.periods);

	KUNIT_ASSERT_EQ(test, parley_timer_start(&b->timer, MS, 20 * MS), 0);
	beat_ends(test, b);
	/* Others have timers, too. */
	KUNIT_EXPECT_GE(test, atomic64_read(&parley_timer_counts.events),
			events + (s64)b->events);
	KUNIT_EXPECT_GE(test, atomic64_read(&parley_timer_counts.periods),
			periods + (s64)b->served);
}

/* The hardware is asked for the end of the range, and others may serve it from its begin. */
static void timer_range(struct kunit *test)
{
	struct beat *b = beat_make(test, 0);
	u64 due, soft, hard;
	unsigned long flags;
	int err;

	local_irq_save(flags);
	err = parley_timer_start(&b->timer, MS, 40 * MS);
	due = b->timer.due;
	soft = ktime_to_ns(hrtimer_get_softexpires(&b->timer.timer));
	hard = ktime_to_ns(hrtimer_get_expires(&b->timer.timer));
	local_irq_restore(flags);
	KUNIT_ASSERT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, soft, due);
	KUNIT_EXPECT_EQ(test, hard, parley_timer_latest(due, 40 * MS));
	KUNIT_EXPECT_GT(test, hard, due + 29 * MS);
	KUNIT_EXPECT_TRUE(test, parley_timer_active(&b->timer));
	parley_timer_cancel(&b->timer);
	beat_sound(test, b);
}

/* What went by while it could not be called is made up for by one call. */
static void timer_makes_up(struct kunit *test)
{
	struct beat *b = beat_make(test, 10);
	s64 late = atomic64_read(&parley_timer_counts.late);
	unsigned long flags;
	int err;

	local_irq_save(flags);
	err = parley_timer_start(&b->timer, MS, 0);
	mdelay(8);
	local_irq_restore(flags);
	KUNIT_ASSERT_EQ(test, err, 0);
	beat_ends(test, b);
	KUNIT_EXPECT_GE(test, b->most, 7);
	KUNIT_EXPECT_GT(test, atomic64_read(&parley_timer_counts.late), late);
}

static void timer_refuses(struct kunit *test)
{
	struct beat *b = beat_make(test, 0);

	KUNIT_EXPECT_EQ(test, parley_timer_start(&b->timer, 0, MS), -EINVAL);
	KUNIT_EXPECT_EQ(test, parley_timer_start(&b->timer, PARLEY_TIMER_LEAST - 1, MS),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, parley_timer_start(&b->timer, PARLEY_TIMER_MOST + 1, MS),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, parley_timer_start(&b->timer, MS, PARLEY_TIMER_MOST + 1),
			-EINVAL);
	KUNIT_EXPECT_FALSE(test, parley_timer_active(&b->timer));
	KUNIT_EXPECT_EQ(test, parley_timer_start(&b->timer, PARLEY_TIMER_MOST,
						 PARLEY_TIMER_MOST), 0);
	KUNIT_EXPECT_EQ(test, parley_timer_start(&b->timer, MS, MS), -EBUSY);
	KUNIT_EXPECT_TRUE(test, parley_timer_cancel(&b->timer));
	KUNIT_EXPECT_FALSE(test, parley_timer_cancel(&b->timer));
	KUNIT_EXPECT_EQ(test, b->events, 0);
}

/* Started and cancelled again and again, at any moment of its life. */
static void timer_cancelled(struct kunit *test)
{
	struct beat *b = beat_make(test, 0);
	int i;

	for (i = 0; i < 200; i++) {
		b->next = 0;
		KUNIT_ASSERT_EQ(test, parley_timer_start(&b->timer, 20 * NSEC_PER_USEC,
							 i % 2 ? 0 : MS), 0);
		udelay(i % 100);
		KUNIT_ASSERT_TRUE(test, parley_timer_cancel(&b->timer));
		KUNIT_ASSERT_FALSE(test, parley_timer_active(&b->timer));
	}
	beat_sound(test, b);
}

static void latest_bounds(struct kunit *test)
{
	u64 due, tolerance, latest;
	int i;

	for (i = 0; i < 10000; i++) {
		due = get_random_u64() >> (2 + i % 30);
		tolerance = get_random_u64() % (PARLEY_TIMER_MOST + 1) >> i % 42;
		latest = parley_timer_latest(due, tolerance);
		if (latest < due || latest > due + tolerance ||
		    latest < due + tolerance - tolerance / 4)
			KUNIT_FAIL(test, "due %llu, tolerance %llu: %llu", due, tolerance,
				   latest);
	}
}

/* Timers of one tolerance have few ends to share, whenever they began. */
static void latest_meets(struct kunit *test)
{
	u64 tolerance = 50 * MS, step = rounddown_pow_of_two(tolerance) / 4, latest;
	u64 due, last = 0;
	int ends = 0;

	for (due = 1000 * MS; due < 1050 * MS; due += MS) {
		latest = parley_timer_latest(due, tolerance);
		KUNIT_EXPECT_EQ(test, latest % step, 0);
		ends += latest != last;
		last = latest;
	}
	KUNIT_EXPECT_LE(test, ends, 50 * MS / step + 2);
}

static struct kunit_case timer_cases[] = {
	KUNIT_CASE(timer_ordinary),
	KUNIT_CASE(timer_tolerant),
	KUNIT_CASE(timer_range),
	KUNIT_CASE(timer_makes_up),
	KUNIT_CASE(timer_refuses),
	KUNIT_CASE(timer_cancelled),
	KUNIT_CASE(latest_bounds),
	KUNIT_CASE(latest_meets),
	{}
};

static struct kunit_suite timer_suite = {
	.name = "parley_timer",
	.test_cases = timer_cases,
};

kunit_test_suite(timer_suite);

MODULE_DESCRIPTION("Parley: tests of timers that share events");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
PARLEY_IMPORT;
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
