// SPDX-License-Identifier: GPL-2.0-only
/* The budget, to its edge; and the steps of hints. */
#include <linux/prandom.h>
#include "guest.h"

#define LIMIT	(2 * NSEC_PER_MSEC)
#define PERIOD	(500 * NSEC_PER_MSEC)
#define GRANT	(500 * NSEC_PER_USEC)
#define LEAST	(100 * NSEC_PER_USEC)
#define BEGIN	(7 * NSEC_PER_SEC + 12345)

static struct vhs_budget fresh(void)
{
	struct vhs_budget b = {};

	vhs_budget_set(&b, LIMIT, PERIOD, BEGIN);
	return b;
}

static u64 spend(struct vhs_budget *b, u64 now)
{
	u64 got = vhs_budget_hold(b, now, LEAST, GRANT);

	if (got)
		vhs_budget_spend(b, now, got, got);
	return got;
}

static void the_limit_and_not_a_nanosecond_more(struct kunit *test)
{
	struct vhs_budget b = fresh();
	unsigned int i;

	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, spend(&b, BEGIN), GRANT);
	KUNIT_EXPECT_EQ(test, spend(&b, BEGIN), 0);
	/* Before the period is over, and when all of its slots are. */
	KUNIT_EXPECT_EQ(test, spend(&b, BEGIN + PERIOD - 1), 0);
	KUNIT_EXPECT_EQ(test, spend(&b, BEGIN + PERIOD + PERIOD / VHS_SLOTS), GRANT);
	/* What is left is given, if it is worth it. */
	b = fresh();
	vhs_budget_spend(&b, BEGIN, 0, LIMIT - LEAST);
	KUNIT_EXPECT_EQ(test, spend(&b, BEGIN), LEAST);
	b = fresh();
	vhs_budget_spend(&b, BEGIN, 0, LIMIT - LEAST + 1);
	KUNIT_EXPECT_EQ(test, spend(&b, BEGIN), 0);
}

static void what_is_held_is_not_given_twice(struct kunit *test)
{
	struct vhs_budget b = fresh();
	unsigned int i;

	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, vhs_budget_hold(&b, BEGIN, LEAST, GRANT), GRANT);
	/* However long it takes until it is spent. */
	KUNIT_EXPECT_EQ(test, vhs_budget_hold(&b, BEGIN + 9 * PERIOD, LEAST, GRANT), 0);
	/* Not used at all: it is there again. */
	vhs_budget_spend(&b, BEGIN + 9 * PERIOD, GRANT, 0);
	KUNIT_EXPECT_EQ(test, vhs_budget_hold(&b, BEGIN + 9 * PERIOD, LEAST, GRANT), GRANT);
}

static void what_is_overdrawn_is_missing_later(struct kunit *test)
{
	struct vhs_budget b = fresh();
	u64 got = vhs_budget_hold(&b, BEGIN, LEAST, GRANT);

	vhs_budget_spend(&b, BEGIN, got, 3 * LIMIT);
	KUNIT_EXPECT_EQ(test, spend(&b, BEGIN + PERIOD - 1), 0);
	/* Three periods' worth: so there is nothing in the next two. */
	KUNIT_EXPECT_EQ(test, spend(&b, BEGIN + 3 * PERIOD - 1), 0);
	KUNIT_EXPECT_EQ(test, spend(&b, BEGIN + 4 * PERIOD), GRANT);
}

/* It makes no difference whether anybody looks in between. */
static void a_debt_is_paid_whoever_looks(struct kunit *test)
{
	unsigned int periods, i;

	for (periods = 1; periods < 12; periods++) {
		struct vhs_budget often = fresh(), once = fresh();
		u64 end = BEGIN + periods * PERIOD + 12345 * periods, now;

		for (i = 0; i < 4; i++) {
			now = BEGIN + i * PERIOD / 5;
			vhs_budget_spend(&often, now, 0, LIMIT / 3);
			vhs_budget_spend(&once, now, 0, LIMIT / 3);
		}
		vhs_budget_spend(&often, now, 0, 7 * LIMIT + 11);
		vhs_budget_spend(&once, now, 0, 7 * LIMIT + 11);
		for (; now < end; now += PERIOD / 100)
			vhs_budget_hold(&often, now, U64_MAX, 0);
		KUNIT_EXPECT_EQ(test, vhs_budget_hold(&often, end, 1, LIMIT),
				vhs_budget_hold(&once, end, 1, LIMIT));
		KUNIT_EXPECT_EQ(test, often.debt, once.debt);
		KUNIT_EXPECT_MEMEQ(test, often.spent, once.spent, sizeof(once.spent));
	}
}

/* A month later, in slots of half a millisecond: who counts them does not come back. */
static void a_debt_without_a_budget_stays(struct kunit *test)
{
	const u64 month = 30 * 86400 * NSEC_PER_SEC;
	struct vhs_budget b = fresh();
	unsigned int i;

	vhs_budget_spend(&b, BEGIN, 0, 3 * LIMIT);
	vhs_budget_set(&b, 0, 10 * NSEC_PER_MSEC, BEGIN);
	for (i = 1; i < 1000; i++)
		KUNIT_EXPECT_EQ(test, spend(&b, BEGIN + i * month), 0);
	KUNIT_EXPECT_EQ(test, b.debt, 3 * LIMIT);
	vhs_budget_set(&b, LIMIT, PERIOD, BEGIN + i * month);
	KUNIT_EXPECT_EQ(test, spend(&b, BEGIN + i * month + 2 * PERIOD), 0);
	KUNIT_EXPECT_EQ(test, spend(&b, BEGIN + i * month + 4 * PERIOD), GRANT);
}

/* Each boost ends late, by up to ten times: on the long run nothing is gained. */
static void who_always_overdraws_gains_nothing(struct kunit *test)
{
	struct vhs_budget b = fresh();
	u64 now, got, sum = 0, used;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 42);
	for (now = BEGIN; now < BEGIN + 400 * PERIOD; now += NSEC_PER_MSEC) {
		got = vhs_budget_hold(&b, now, LEAST, GRANT);
		if (!got)
			continue;
		used = got + prandom_u32_state(&rnd) % (9 * GRANT);
		vhs_budget_spend(&b, now, got, used);
		sum += used;
	}
	KUNIT_EXPECT_LE(test, sum, 401 * LIMIT + 10 * GRANT);
	KUNIT_EXPECT_GT(test, sum, 300 * LIMIT);
}

static void setting_it_again_gains_nothing(struct kunit *test)
{
	struct vhs_budget b = fresh();
	unsigned int i;
	u64 sum = 0;

	for (i = 0; i < 100; i++) {
		sum += spend(&b, BEGIN + i);
		vhs_budget_set(&b, LIMIT, i & 1 ? PERIOD : 2 * PERIOD, BEGIN + i);
	}
	KUNIT_EXPECT_EQ(test, sum, LIMIT);
}

/* Any times of asking: no window of a period holds more than the limit. */
static void no_window_holds_more(struct kunit *test)
{
	static struct { u64 at, got; } log[2000];
	struct vhs_budget b = fresh();
	unsigned int i, first = 0, over = 0;
	struct rnd_state rnd;
	u64 now = BEGIN, sum = 0, all = 0;

	prandom_seed_state(&rnd, 4711);
	for (i = 0; i < ARRAY_SIZE(log); i++) {
		now += prandom_u32_state(&rnd) % (40 * NSEC_PER_MSEC);
		log[i].at = now;
		log[i].got = spend(&b, now);
		sum += log[i].got;
		all += log[i].got;
		for (; log[first].at + PERIOD <= now; first++)
			sum -= log[first].got;
		over += sum > LIMIT;
	}
	KUNIT_EXPECT_EQ(test, over, 0);
	/* And it is given away, but for what slots are coarse. */
	KUNIT_EXPECT_GT(test, all, (now - BEGIN) / PERIOD * LIMIT * 3 / 4);
}

static void bounds_of_what_may_be_asked_for(struct kunit *test)
{
	static const struct { u32 budget, period; int err; } tries[] = {
		{ 2000, 500000, 0 }, { 0, 500000, 0 }, { 250000, 500000, 0 },
		{ 250001, 500000, -EINVAL }, { 5000, VHS_PERIOD_MIN_US, 0 },
		{ 1, VHS_PERIOD_MIN_US - 1, -EINVAL }, { 1, VHS_PERIOD_MAX_US, 0 },
		{ 1, VHS_PERIOD_MAX_US + 1, -EINVAL }, { ~0u, ~0u, -EINVAL }, { 0, 0, -EINVAL },
	};
	static const struct parley_sched_steps none = { VHS_STEPS_MAX + 1, 0 },
					       most = { VHS_STEPS_MAX, VHS_STEPS_MAX },
					       up = { 0, VHS_STEPS_MAX + 1 };
	struct guest *g = guest_open(test, 1, GUEST_ALL);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		struct parley_sched_budget b = { tries[i].budget, tries[i].period };

		KUNIT_EXPECT_EQ_MSG(test, parley_vhost_sched_set_budget(g->dev, &b),
				    tries[i].err, "%u of %u", b.budget_us, b.period_us);
	}
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_steps(g->dev, &none), -EINVAL);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_steps(g->dev, &up), -EINVAL);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_steps(g->dev, &most), 0);
}

static void steps_follow_threads(struct kunit *test)
{
	static const struct parley_sched_steps s = { .down = 6, .up = 4 }, none = {};
	static const struct { u64 hints; int step; } tries[] = {
		{ 0, 0 }, { 1, 4 }, { 2, 1 }, { 4, -2 }, { 8, -5 }, { 16, -6 }, { 0xffff, -6 },
		{ 8 | (u64)PARLEY_SCHED_U_IDLE << PARLEY_SCHED_H_URGENCY, 4 },
		{ 1 | (u64)PARLEY_SCHED_U_URGENT << PARLEY_SCHED_H_URGENCY, 1 },
		{ ~0ull, -6 },
		/* Bits without a name, and those of other things. */
		{ 0xffffffffff0e0001ull, 4 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		KUNIT_EXPECT_EQ_MSG(test, vhs_step_of(tries[i].hints, &s), tries[i].step,
				    "%#llx", tries[i].hints);
		KUNIT_EXPECT_EQ(test, vhs_step_of(tries[i].hints, &none), 0);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(the_limit_and_not_a_nanosecond_more),
	KUNIT_CASE(what_is_held_is_not_given_twice),
	KUNIT_CASE(what_is_overdrawn_is_missing_later),
	KUNIT_CASE(a_debt_is_paid_whoever_looks),
	KUNIT_CASE(a_debt_without_a_budget_stays),
	KUNIT_CASE(who_always_overdraws_gains_nothing),
	KUNIT_CASE(setting_it_again_gains_nothing),
	KUNIT_CASE(no_window_holds_more),
	KUNIT_CASE(bounds_of_what_may_be_asked_for),
	KUNIT_CASE(steps_follow_threads),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_vhost_sched_budget",
	.test_cases = cases,
};

kunit_test_suite(suite);
