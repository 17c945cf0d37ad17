// SPDX-License-Identifier: GPL-2.0-only
/* The stopwatch, compared with one that looks at each tick by itself. */
#include <linux/bitmap.h>
#include <linux/delay.h>
#include "time.h"

#define US	NSEC_PER_USEC
/* A tick is a microsecond; so many are there, on so many processors. */
#define TICKS	2048
#define CPUS	4
/* Of them, the ones that the test's thread uses. */
#define MOVES	2

/*
 * struct story - what is stolen when, a bit for each tick
 * @start: of the first tick
 */
struct story {
	unsigned long stolen[CPUS][BITS_TO_LONGS(TICKS)];
	u64 start;
};

static struct story *story;

static bool story_away(int cpu, u32 tick)
{
	return test_bit(tick, story->stolen[cpu]);
}

/* What a processor has said by then: nothing of a theft that is not over. */
static u32 story_said(int cpu, u32 tick)
{
	u32 n, said = 0, current_theft = 0;

	for (n = 0; n < tick; n++) {
		current_theft = story_away(cpu, n) ? current_theft + 1 : 0;
		said += story_away(cpu, n);
	}
	return story_away(cpu, tick) ? said - current_theft : said;
}

static u32 story_now(void)
{
	return (fake_now - story->start) / US;
}

static bool story_stolen(int cpu, u64 *ns)
{
	*ns = cpu < CPUS ? story_said(cpu, story_now()) * (u64)US : 0;
	return true;
}

/* Thefts of some ticks each, with some between them. */
static void story_make(struct kunit *test, u32 *random, u32 longest, u32 between)
{
	u32 at, len;
	int cpu;

	story = kunit_kzalloc(test, sizeof(*story), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, story);
	for (cpu = 0; cpu < CPUS; cpu++) {
		for (at = time_random(random, between); at < TICKS; at += len + 1) {
			len = min(1 + time_random(random, longest), TICKS - at);
			bitmap_set(story->stolen[cpu], at, len);
			len += time_random(random, between);
		}
	}
	story->start = fake_now;
	fake.stolen = story_stolen;
	parley_steal_forget();
}

/* At a tick or, if this processor is away then, the first after it that it has. */
static u32 story_go(int cpu, u32 tick)
{
	while (tick < TICKS - 1 && story_away(cpu, tick))
		tick++;
	fake_now = story->start + tick * (u64)US;
	return tick;
}

/* Ticks of these that were not stolen from a processor. */
static u32 story_ran(int cpu, u32 from, u32 to)
{
	u32 ran = 0;

	for (; from < to; from++)
		ran += !story_away(cpu, from);
	return ran;
}

/* On one processor the stopwatch is right to the tick, read often or seldom. */
static void clock_exact(struct kunit *test)
{
	struct parley_effclock clock;
	u32 random = 1, step, tick, first;

	for (step = 2; step <= 1000; step *= 5) {
		fake_now += NSEC_PER_SEC;
		story_make(test, &random, 60, 80);
		first = story_go(0, 0);
		parley_effclock_start(&clock);
		for (tick = first; tick < TICKS - step;) {
			tick = story_go(0, tick + 1 + time_random(&random, step - 1));
			if (story_away(0, tick))
				break;
			KUNIT_ASSERT_EQ(test, parley_effclock_read(&clock),
					story_ran(0, first, tick) * (u64)US);
		}
	}
}

/* The clock of a processor is what it is where the stopwatch was started, but for a sum. */
static void clock_agrees(struct kunit *test)
{
	struct parley_effclock clock;
	u32 random = 2, tick = 0;
	u64 zero;

	story_make(test, &random, 30, 30);
	tick = story_go(0, 0);
	parley_effclock_start(&clock);
	zero = parley_effective_ns();
	while (tick < TICKS - 200) {
		tick = story_go(0, tick + 1 + time_random(&random, 100));
		KUNIT_ASSERT_EQ(test, parley_effclock_read(&clock),
				parley_effective_ns() - zero);
	}
}

/* Its owner moves about: what the definition says, and never a jump. */
static void clock_moves(struct kunit *test)
{
	struct parley_effclock clock;
	u32 random = 5, tick, next;
	int cpu = 0, to;
	u64 sum = 0, ran;

	needs_cpus(test, MOVES);
	story_make(test, &random, 40, 50);
	tick = story_go(0, 0);
	parley_effclock_start(&clock);
	while (tick < TICKS - 200) {
		to = time_random(&random, MOVES);
		time_move(test, to);
		next = story_go(to, tick + 1 + time_random(&random, 60));
		ran = (next - tick) - (story_said(cpu, next) - story_said(cpu, tick));
		KUNIT_ASSERT_LE(test, ran, next - tick);
		sum += ran * US;
		KUNIT_ASSERT_EQ(test, parley_effclock_read(&clock), sum);
		tick = next;
		cpu = to;
	}
	time_move(test, 0);
}

/* Where it comes to, much has been stolen, or nothing: that is no affair of its. */
static void clock_moves_far(struct kunit *test)
{
	struct parley_effclock clock;

	needs_cpus(test, 2);
	fake.said[1] = 3600 * NSEC_PER_SEC;
	parley_steal_forget();
	parley_effclock_start(&clock);
	fake_now += 10 * NSEC_PER_SEC;
	fake.said[1] += 9 * NSEC_PER_SEC;
	time_move(test, 1);
	KUNIT_EXPECT_EQ(test, parley_effclock_read(&clock), 10 * NSEC_PER_SEC);
	/* There it counts from now on. */
	fake_now += 10 * NSEC_PER_SEC;
	fake.said[1] += 4 * NSEC_PER_SEC;
	fake.said[0] += 10 * NSEC_PER_SEC;
	KUNIT_EXPECT_EQ(test, parley_effclock_read(&clock), 16 * NSEC_PER_SEC);
	/* What it is told late of the one it was on is not held against it. */
	time_move(test, 0);
	fake_now += NSEC_PER_SEC;
	KUNIT_EXPECT_EQ(test, parley_effclock_read(&clock), 17 * NSEC_PER_SEC);
}

/* Two ways to the same moment differ by what was stolen on the way, and by no more. */
static void clock_hostile(struct kunit *test)
{
	struct parley_effclock clock;
	u32 random = 7, n;
	u64 before, after, passed;

	needs_cpus(test, MOVES);
	parley_effclock_start(&clock);
	for (n = 0; n < 500; n++) {
		before = parley_effclock_read(&clock);
		passed = time_random(&random, 5000);
		fake_now += passed;
		fake.said[time_random(&random, MOVES)] +=
			(u64)time_random(&random, 9000) << (time_random(&random, 8) ? 0 : 45);
		fake.said[time_random(&random, MOVES)] -= time_random(&random, 2000);
		fake.absent = !time_random(&random, 9);
		if (!time_random(&random, 4))
			time_move(test, time_random(&random, MOVES));
		after = parley_effclock_read(&clock);
		if (after < before || after - before > passed)
			break;
	}
	KUNIT_EXPECT_EQ(test, n, 500);
	time_move(test, 0);
}

static struct kunit_case clock_cases[] = {
	KUNIT_CASE(clock_exact),
	KUNIT_CASE(clock_agrees),
	KUNIT_CASE(clock_moves),
	KUNIT_CASE(clock_moves_far),
	KUNIT_CASE(clock_hostile),
	{}
};

static struct kunit_suite clock_suite = {
	.name = "parley_sched_clock",
	.init = fake_time_init,
	.exit = fake_time_exit,
	.test_cases = clock_cases,
};

kunit_test_suite(clock_suite);

/* ------------------------------------------------------------- in real time */

/* A host that takes a third of everything, as far as it says. */
static bool real_stolen(int cpu, u64 *ns)
{
	*ns = ktime_get_ns() / 3;
	return true;
}

/*
 * struct reader - reads all clocks, and a stopwatch that moves with it
 * @bad: a clock went back, or was faster than time
 */
struct reader {
	unsigned long until;
	unsigned long reads;
	bool bad;
	struct completion done;
};

static bool reader_looks(struct reader *r, struct parley_effclock *clock, u64 *stolen,
			 u64 *effective)
{
	u64 before = clock->ns, now;
	int cpu;

	/* The test is skipped where there are more processors. */
	for_each_online_cpu(cpu) {
		now = parley_stolen_ns(cpu);
		if (now < stolen[cpu])
			return false;
		stolen[cpu] = now;
	}
	scoped_guard(preempt) {
		cpu = smp_processor_id();
		now = parley_effective_ns();
		if (now < effective[cpu])
			return false;
		effective[cpu] = now;
	}
	now = parley_effclock_read(clock);
	r->reads++;
	return now >= before;
}

static int reader_main(void *arg)
{
	struct reader *r = arg;
	struct parley_effclock clock;
	u64 stolen[FAKE_CPUS] = {}, effective[FAKE_CPUS] = {};
	u64 mono = ktime_get_ns();

	parley_effclock_start(&clock);
	while (time_before(jiffies, r->until) && !r->bad) {
		r->bad = !reader_looks(r, &clock, stolen, effective);
		/* Time may have been stolen, but it cannot have been made. */
		r->bad |= clock.ns > ktime_get_ns() - mono;
		if (r->reads % 64 == 0)
			usleep_range(500, 1500);
		cond_resched();
	}
	complete(&r->done);
	return 0;
}

/* Threads on all processors look at all processors. */
static void real_readers(struct kunit *test)
{
	struct reader *r;
	struct task_struct *task;
	int i;

	fake.stolen = real_stolen;
	parley_steal_forget();
	r = kunit_kcalloc(test, CPUS, sizeof(*r), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, r);
	for (i = 0; i < CPUS; i++) {
		init_completion(&r[i].done);
		r[i].until = jiffies + HZ;
		task = kthread_run(reader_main, &r[i], "parley-read/%d", i);
		if (IS_ERR(task)) {
			complete(&r[i].done);
			KUNIT_FAIL(test, "no thread");
		}
	}
	for (i = 0; i < CPUS; i++) {
		wait_for_completion(&r[i].done);
		KUNIT_EXPECT_FALSE(test, r[i].bad);
	}
	KUNIT_EXPECT_GT(test, parley_stolen_ns(0), 0);
	KUNIT_EXPECT_EQ(test, parley_steal_copy(0).backwards, 0);
}

static struct kunit_case real_cases[] = {
	KUNIT_CASE(real_readers),
	{}
};

static struct kunit_suite real_suite = {
	.name = "parley_sched_readers",
	.init = fake_real_init,
	.exit = fake_real_exit,
	.test_cases = real_cases,
};

kunit_test_suite(real_suite);
