// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clock with a counter and a host that do as they please, and read by all processors
 * while they do.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <parley/counter.h>
#include <parley/export.h>
#include "../clock.h"
#include "host.h"

/* Wait until @cond, for at most twenty seconds. */
#define until(cond)							\
({									\
	unsigned long __end = jiffies + 20 * HZ;			\
	bool __true;							\
	while (!(__true = (cond)) && time_before(jiffies, __end))	\
		usleep_range(50, 100);					\
	__true;								\
})

/* -------------------------------------------------------------------- one host */

static void nothing_is_said_yet(struct kunit *test)
{
	struct pclk_host *h = pclk_host_new(test);

	h->clk.read_counter = pclk_read_fake;
	pclk_fake_counter = 1ull << 60;
	KUNIT_EXPECT_EQ(test, pclk_now(h), 0);
	KUNIT_EXPECT_FALSE(test, parley_pclk_fed(&h->clk));
	pclk_host_says(h, GHZ, 5 * SECOND);
	KUNIT_EXPECT_TRUE(test, parley_pclk_fed(&h->clk));
	KUNIT_EXPECT_EQ(test, pclk_now(h), 5 * SECOND);
	parley_pclk_page(&h->clk, NULL);
	KUNIT_EXPECT_FALSE(test, parley_pclk_fed(&h->clk));
	/* It goes on all the same. */
	pclk_turn(h, SECOND);
	KUNIT_EXPECT_EQ(test, pclk_now(h), 6 * SECOND);
}

static void it_is_what_the_host_says(struct kunit *test)
{
	static const u64 rates[] = { 1000000, 24000000, GHZ, 2999999000ull, 16 * GHZ - 1000 };
	struct pclk_host *h;
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(rates); i++) {
		h = pclk_host(test, rates[i], 12345, SECOND);
		for (n = 1; n < 1000; n++) {
			pclk_turn(h, MS);
			/* A rate has 28 bits at least. */
			pclk_expect_near(test, pclk_now(h), SECOND + n * MS, 5);
		}
		kunit_release_action(test, pclk_host_free, h);
	}
}

/* What the same host says anew is not far from what it said; what is, is followed slowly. */
static void a_host_that_corrects_itself(struct kunit *test)
{
	struct pclk_host *h = pclk_host(test, GHZ, 0, SECOND);
	u64 before, at;
	unsigned int n;

	pclk_turn(h, SECOND);
	KUNIT_EXPECT_EQ(test, pclk_now(h), 2 * SECOND);
	pclk_host_says(h, GHZ, 2 * SECOND + MS);
	KUNIT_EXPECT_EQ(test, pclk_now(h), 2 * SECOND);
	pclk_turn(h, 16 * MS);
	pclk_expect_near(test, pclk_now(h), 2 * SECOND + 17 * MS, 2);
	pclk_host_says(h, GHZ, 2 * SECOND + 16 * MS);
	before = pclk_now(h);
	for (n = 0; n < 160; n++) {
		pclk_turn(h, MS / 10);
		at = pclk_now(h);
		/* It never stands, either. */
		KUNIT_ASSERT_GT(test, at, before + MS / 20);
		before = at;
	}
	pclk_expect_near(test, pclk_now(h), 2 * SECOND + 32 * MS, 2);
	KUNIT_EXPECT_EQ(test, h->clk.joins[PCLK_JOIN_BENT], 2);
	KUNIT_EXPECT_EQ(test, h->clk.offset, 0);
}

/* --------------------------------------------------------------- another host */

/* Moved to hosts with other rates: no step anywhere, and the rate is right at once. */
static void other_rates(struct kunit *test)
{
	static const u64 rates[] = { 3 * GHZ, GHZ / 2, 2 * GHZ, GHZ / 8, 2 * GHZ, 1999999999ull };
	struct pclk_host *h = pclk_host(test, GHZ, 1ull << 40, SECOND);
	u64 at = SECOND;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rates); i++) {
		pclk_turn(h, SECOND);
		at += SECOND;
		pclk_expect_near(test, pclk_now(h), at, 2);
		/* As a VMM does it: the counter goes on from where it was. */
		h->epoch++;
		pclk_host_says(h, rates[i], at);
		pclk_expect_near(test, pclk_now(h), at, 2);
		pclk_turn(h, 7);
		pclk_expect_near(test, pclk_now(h), at + 7, 8);
		pclk_fake_counter -= 7 * h->hz / GHZ;
	}
	pclk_turn(h, SECOND);
	pclk_expect_near(test, pclk_now(h), at + SECOND, 2);
	KUNIT_EXPECT_EQ(test, h->clk.epochs, ARRAY_SIZE(rates) + 1);
	KUNIT_EXPECT_EQ(test, h->clk.refused, 0);
}

/* And the counter may be any other one. */
static void another_counter(struct kunit *test)
{
	static const u64 counters[] = { 0, 1ull << 63, U64_MAX - 5, 1, 1ull << 45 };
	struct pclk_host *h = pclk_host(test, GHZ, 1ull << 40, SECOND);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		pclk_turn(h, SECOND);
		pclk_now(h);
		pclk_fake_counter = counters[i];
		h->epoch++;
		pclk_host_says(h, 2 * GHZ, (i + 2) * SECOND);
		pclk_expect_near(test, pclk_now(h), (i + 2) * SECOND, 2);
	}
}

/* It was away, which is told at once; once in a while. */
static void it_was_away(struct kunit *test)
{
	struct pclk_host *h = pclk_host(test, GHZ, 0, SECOND);

	pclk_now(h);
	h->epoch++;
	pclk_host_says(h, GHZ, 6 * SECOND);
	KUNIT_EXPECT_EQ(test, pclk_now(h), 6 * SECOND);
	KUNIT_EXPECT_EQ(test, h->clk.joins[PCLK_JOIN_STEP], 1);
	/* And again, and again: no. */
	h->epoch++;
	pclk_host_says(h, GHZ, 56 * SECOND);
	KUNIT_EXPECT_EQ(test, pclk_now(h), 6 * SECOND);
	KUNIT_EXPECT_EQ(test, h->clk.joins[PCLK_JOIN_KEPT], 1);
	KUNIT_EXPECT_EQ(test, h->clk.offset, -50 * (s64)SECOND);
	/* Its rate is taken, and what it says from then on. */
	pclk_turn(h, 11 * SECOND);
	KUNIT_EXPECT_EQ(test, pclk_now(h), 17 * SECOND);
	h->epoch++;
	pclk_host_says(h, GHZ, 70 * SECOND);
	KUNIT_EXPECT_EQ(test, pclk_now(h), 20 * SECOND);
	/* Nor for a day at once. */
	pclk_turn(h, 11 * SECOND);
	h->epoch++;
	pclk_host_says(h, GHZ, 86400 * SECOND);
	KUNIT_EXPECT_EQ(test, pclk_now(h), 31 * SECOND);
	KUNIT_EXPECT_EQ(test, h->clk.joins[PCLK_JOIN_STEP], 2);
}

static void a_clock_that_is_behind(struct kunit *test)
{
	struct pclk_host *h = pclk_host(test, GHZ, 0, 100 * SECOND);
	u64 before, at;
	unsigned int n;

	pclk_now(h);
	h->epoch++;
	pclk_host_says(h, GHZ, 100 * SECOND - 10 * MS);
	before = pclk_now(h);
	KUNIT_EXPECT_EQ(test, before, 100 * SECOND);
	for (n = 0; n < 1600; n++) {
		pclk_turn(h, MS / 10);
		at = pclk_now(h);
		KUNIT_ASSERT_GT(test, at, before + MS / 20);
		before = at;
	}
	pclk_expect_near(test, pclk_now(h), 100 * SECOND + 150 * MS, 2);
	/* By more than can be made up for. */
	h->epoch++;
	pclk_host_says(h, GHZ, 7 * SECOND);
	at = pclk_now(h);
	pclk_turn(h, SECOND);
	KUNIT_EXPECT_EQ(test, pclk_now(h), at + SECOND);
}

/* --------------------------------------------------------------- hosts that lie */

static void a_record_that_is_never_finished(struct kunit *test)
{
	struct pclk_host *h = pclk_host(test, GHZ, 0, SECOND);

	pclk_now(h);
	/* All of it is nonsense, and it is not looked at. */
	memset(h->page, 0xff, sizeof(*h->page));
	pclk_turn(h, SECOND);
	KUNIT_EXPECT_EQ(test, pclk_now(h), 2 * SECOND);
	KUNIT_EXPECT_FALSE(test, parley_pclk_fed(&h->clk));
	memset(h->page, 0, sizeof(*h->page));
	pclk_turn(h, SECOND);
	KUNIT_EXPECT_EQ(test, pclk_now(h), 3 * SECOND);
	KUNIT_EXPECT_EQ(test, h->clk.refused, 0);
	KUNIT_EXPECT_FALSE(test, parley_pclk_fed(&h->clk));
	pclk_host_says(h, GHZ, 3 * SECOND);
	KUNIT_EXPECT_TRUE(test, parley_pclk_fed(&h->clk));
}

static void what_is_refused_changes_nothing(struct kunit *test)
{
	static const struct { u64 counter, ns; u32 mult, shift; } tries[] = {
		{ 0, 0, 0, 0 }, { 0, 0, 1u << 30, 64 }, { 0, U64_MAX, 1u << 30, 30 },
		{ 1ull << 62, 0, 1u << 30, 30 }, { 0, 0, ~0u, ~0u },
		/* Twice the rate, without another epoch; as long as that a bit of it. */
		{ 0, 3 * SECOND, 1u << 30, 29 }, { 0, 3 * SECOND, (1u << 30) + (1u << 23), 30 },
	};
	struct pclk_host *h = pclk_host(test, GHZ, 0, SECOND);
	unsigned int i;

	pclk_now(h);
	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		pclk_host_write(h, tries[i].counter, tries[i].ns, tries[i].mult, tries[i].shift);
		pclk_turn(h, SECOND);
		KUNIT_EXPECT_EQ(test, pclk_now(h), (i + 2) * SECOND);
		/* Looked at once. */
		pclk_now(h);
		KUNIT_EXPECT_EQ(test, h->clk.refused, i + 1);
		KUNIT_EXPECT_FALSE(test, parley_pclk_fed(&h->clk));
	}
	pclk_host_says(h, GHZ, (i + 1) * SECOND);
	KUNIT_EXPECT_EQ(test, pclk_now(h), (i + 1) * SECOND);
	KUNIT_EXPECT_TRUE(test, parley_pclk_fed(&h->clk));
}

static u64 any_number(void)
{
	return get_random_u64() >> get_random_u32_below(64);
}

/* Anything, with a counter that may be anything: never back, and no leap is too long. */
static void a_host_of_noise(struct kunit *test)
{
	struct pclk_host *h = pclk_host(test, GHZ, 0, SECOND);
	u64 before = pclk_now(h), at;
	unsigned int i;

	for (i = 0; i < 30000; i++) {
		switch (get_random_u32_below(8)) {
		case 0:
			pclk_fake_counter = any_number();
			break;
		case 1:
			h->epoch = get_random_u32();
			break;
		case 2:
			pclk_host_write(h, pclk_fake_counter + any_number(), any_number(),
					any_number(), any_number());
			break;
		case 3:
			pclk_host_says(h, 1000000 + any_number() % (16 * GHZ - 2000000),
				       any_number());
			break;
		case 4:
			h->page->word = cpu_to_le64(any_number());
			break;
		default:
			pclk_fake_counter += any_number() & 0xffffff;
		}
		at = pclk_now(h);
		KUNIT_ASSERT_GE(test, at, before);
		KUNIT_ASSERT_LE(test, at - before, PCLK_LEAP_MAX);
		before = at;
	}
	KUNIT_EXPECT_GT(test, h->clk.refused, 100);
	KUNIT_EXPECT_GT(test, h->clk.leaps, 100);
}

/* ------------------------------------------------------------------ the counter */

static void a_counter_that_wraps(struct kunit *test)
{
	struct pclk_host *h = pclk_host(test, GHZ, U64_MAX - SECOND / 2, SECOND);
	unsigned int n;

	for (n = 1; n <= 1000; n++) {
		pclk_turn(h, MS);
		KUNIT_ASSERT_EQ(test, pclk_now(h), SECOND + n * MS);
	}
	KUNIT_EXPECT_LT(test, pclk_fake_counter, SECOND);
}

static void a_counter_that_leaps(struct kunit *test)
{
	struct pclk_host *h = pclk_host(test, GHZ, 1ull << 50, SECOND);

	pclk_now(h);
	pclk_fake_counter += 2 * PCLK_LEAP_MAX;
	KUNIT_EXPECT_EQ(test, pclk_now(h), SECOND);
	KUNIT_EXPECT_EQ(test, h->clk.leaps, 1);
	pclk_turn(h, SECOND);
	KUNIT_EXPECT_EQ(test, pclk_now(h), 2 * SECOND);
	/* Back to nothing, as after a suspend: it stands until it is told of it. */
	pclk_fake_counter = 0;
	KUNIT_EXPECT_EQ(test, pclk_now(h), 2 * SECOND);
	pclk_turn(h, SECOND);
	KUNIT_EXPECT_EQ(test, pclk_now(h), 2 * SECOND);
	parley_pclk_resume(&h->clk);
	pclk_turn(h, SECOND);
	KUNIT_EXPECT_EQ(test, pclk_now(h), 3 * SECOND);
}

/* A processor whose counter lags behind another one's. */
static void counters_that_differ(struct kunit *test)
{
	struct pclk_host *h = pclk_host(test, GHZ, 1ull << 50, SECOND);

	pclk_turn(h, MS);
	KUNIT_EXPECT_EQ(test, pclk_now(h), SECOND + MS);
	pclk_fake_counter -= MS / 2;
	KUNIT_EXPECT_EQ(test, pclk_now(h), SECOND + MS);
	pclk_fake_counter += MS;
	KUNIT_EXPECT_EQ(test, pclk_now(h), SECOND + MS + MS / 2);
}

/* -------------------------------------------------------------- all processors */

/**
 * struct crowd - who reads
 * @clk: clock
 * @largest: that anybody has seen
 * @back: readings that were less than that
 * @far: that were too far from the one before
 * @read: readings of each
 */
static struct crowd {
	struct pclk *clk;
	atomic64_t largest;
	atomic_t back;
	atomic_t far;
	unsigned long read[8];
} crowd;

static int crowd_one(void *arg)
{
	unsigned long *read = arg;
	s64 seen, at;

	while (!kthread_should_stop()) {
		seen = atomic64_read(&crowd.largest);
		/* Pairs with that of who made it that large: he had read the clock. */
		smp_mb();
		at = parley_pclk_read(crowd.clk);
		if (at < seen)
			atomic_inc(&crowd.back);
		if (at > seen + (s64)PCLK_LEAP_MAX)
			atomic_inc(&crowd.far);
		smp_mb();	/* see above */
		while (at > seen && !atomic64_try_cmpxchg(&crowd.largest, &seen, at))
			;
		WRITE_ONCE(*read, *read + 1);
		if (!(*read & 0xff))
			cond_resched();
	}
	return 0;
}

static unsigned int crowd_start(struct kunit *test, struct pclk *clk,
				struct task_struct *threads[])
{
	unsigned int cpu, n = 0;

	memset(&crowd, 0, sizeof(crowd));
	crowd.clk = clk;
	atomic64_set(&crowd.largest, parley_pclk_read(clk));
	for_each_online_cpu(cpu) {
		if (n == ARRAY_SIZE(crowd.read))
			break;
		threads[n] = kthread_create(crowd_one, &crowd.read[n], "parley-reads-%u", n);
		KUNIT_ASSERT_FALSE(test, IS_ERR(threads[n]));
		kthread_bind(threads[n], cpu);
		wake_up_process(threads[n++]);
	}
	return n;
}

static void crowd_end(struct kunit *test, struct task_struct *threads[], unsigned int n)
{
	while (n)
		kthread_stop(threads[--n]);
	KUNIT_EXPECT_EQ(test, atomic_read(&crowd.back), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&crowd.far), 0);
}

static bool crowd_has_read(unsigned int n, unsigned long each)
{
	while (n)
		if (READ_ONCE(crowd.read[--n]) < each)
			return false;
	return true;
}

/* The processors' own counter, and a host that says something else all the time. */
static void all_read_while_it_changes(struct kunit *test)
{
	struct task_struct *threads[ARRAY_SIZE(crowd.read)];
	u64 hz = parley_counter_hz() ?: GHZ;
	unsigned int n, i = 0;
	struct pclk_host *h;

	if (parley_counter_missing())
		kunit_skip(test, "no counter");
	h = pclk_host_new(test);
	pclk_host_says(h, hz, SECOND);
	n = crowd_start(test, &h->clk, threads);
	KUNIT_EXPECT_TRUE(test, until(({
		/* Rates from a fourth to four times, and where it is, more or less. */
		h->epoch += i % 3 == 0;
		pclk_host_says(h, i & 1 ? hz / 2 + (hz >> (i % 5)) : hz * 2,
			       pclk_now(h) + get_random_u32_below(2 * MS) - (i % 7 ? 0 : MS));
		i++;
		crowd_has_read(n, 3000) && i > 300;
	})));
	crowd_end(test, threads, n);
	KUNIT_EXPECT_GT(test, h->clk.joins[PCLK_JOIN_BENT] + h->clk.joins[PCLK_JOIN_STEP], 10);
	kunit_info(test, "%u changes, %lu readings of the first, %llu refused\n", i,
		   crowd.read[0], h->clk.refused);
}

/* Counters that are not in step, so that only what was shown last holds them together. */
static u64 read_skewed(void)
{
	return parley_counter_read() + (raw_smp_processor_id() & 1 ? (1u << 24) : 0);
}

static void all_read_counters_that_differ(struct kunit *test)
{
	struct task_struct *threads[ARRAY_SIZE(crowd.read)];
	struct pclk_host *h;
	unsigned int n;

	if (parley_counter_missing() || num_online_cpus() < 2)
		kunit_skip(test, "no counter, or no two of them");
	h = pclk_host_new(test);
	h->clk.read_counter = read_skewed;
	pclk_host_says(h, parley_counter_hz() ?: GHZ, SECOND);
	n = crowd_start(test, &h->clk, threads);
	KUNIT_EXPECT_TRUE(test, until(crowd_has_read(n, 3000)));
	crowd_end(test, threads, n);
}

/* A page that goes is not read any more. */
static void pages_come_and_go(struct kunit *test)
{
	struct task_struct *threads[ARRAY_SIZE(crowd.read)];
	struct parley_sched_host_clock *old;
	struct pclk_host *h = pclk_host_new(test);
	unsigned int n, i;

	pclk_host_says(h, parley_counter_hz() ?: GHZ, SECOND);
	n = crowd_start(test, &h->clk, threads);
	for (i = 0; i < 200; i++) {
		old = h->page;
		h->page = kzalloc(sizeof(*h->page), GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, h->page);
		if (!h->page)
			break;
		parley_pclk_page(&h->clk, i & 1 ? h->page : NULL);
		/* Who reads it now says so, on the kernel of these tests. */
		kfree(old);
		pclk_host_says(h, parley_counter_hz() ?: GHZ, SECOND);
		parley_pclk_page(&h->clk, h->page);
	}
	KUNIT_EXPECT_TRUE(test, until(crowd_has_read(n, 1000)));
	crowd_end(test, threads, n);
}

/* Another clock comes and goes, with a host that speaks in between. */
static void all_read_while_another_stands_in(struct kunit *test)
{
	struct task_struct *threads[ARRAY_SIZE(crowd.read)];
	struct pclk_host *h = pclk_host_new(test);
	unsigned int n, i = 0;

	pclk_host_says(h, parley_counter_hz() ?: GHZ, SECOND);
	n = crowd_start(test, &h->clk, threads);
	KUNIT_EXPECT_TRUE(test, until(({
		parley_pclk_stand_in(&h->clk);
		h->epoch++;
		pclk_host_says(h, (parley_counter_hz() ?: GHZ) << (i++ & 1), pclk_now(h) + MS);
		crowd_has_read(n, 3000) && i > 300;
	})));
	crowd_end(test, threads, n);
	KUNIT_EXPECT_GT(test, h->clk.stood_in, 10);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(nothing_is_said_yet),
	KUNIT_CASE(it_is_what_the_host_says),
	KUNIT_CASE(a_host_that_corrects_itself),
	KUNIT_CASE(other_rates),
	KUNIT_CASE(another_counter),
	KUNIT_CASE(it_was_away),
	KUNIT_CASE(a_clock_that_is_behind),
	KUNIT_CASE(a_record_that_is_never_finished),
	KUNIT_CASE(what_is_refused_changes_nothing),
	KUNIT_CASE(a_host_of_noise),
	KUNIT_CASE(a_counter_that_wraps),
	KUNIT_CASE(a_counter_that_leaps),
	KUNIT_CASE(counters_that_differ),
	KUNIT_CASE(all_read_while_it_changes),
	KUNIT_CASE(all_read_counters_that_differ),
	KUNIT_CASE(pages_come_and_go),
	KUNIT_CASE(all_read_while_another_stands_in),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_clock",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_SOFTDEP("pre: parley_clock");
PARLEY_IMPORT;
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of the clock that the host feeds");
MODULE_LICENSE("GPL");
