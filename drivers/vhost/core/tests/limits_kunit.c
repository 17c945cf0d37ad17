// SPDX-License-Identifier: GPL-2.0-only
/* Token buckets under a clock of our own. */
#include <kunit/test.h>
#include <linux/math64.h>
#include <linux/prandom.h>
#include <linux/time64.h>
#include <parley/export.h>
#include <parley/limits.h>

#define START	(5ull * NSEC_PER_SEC)

static const u64 rates[] = {
	1, 3, 7, 999, 65536, 1000003, 999999937, NSEC_PER_SEC, 1000000007,
	123456789012, PARLEY_RATE_MAX - 1, PARLEY_RATE_MAX,
};

static void rate_desc(const u64 *rate, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%llu", *rate);
}

KUNIT_ARRAY_PARAM(rate, rates, rate_desc);

static struct parley_limit *limit_make(struct kunit *test, struct parley_rate ops,
				       struct parley_rate bytes)
{
	struct parley_limits cfg = { .ops = ops, .bytes = bytes };
	struct parley_limit *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, l);
	parley_limit_init(l);
	KUNIT_ASSERT_EQ(test, parley_limit_set(l, &cfg, START), 0);
	return l;
}

static struct parley_limit *limit_bytes(struct kunit *test, u64 rate, u64 burst)
{
	return limit_make(test, (struct parley_rate){},
			  (struct parley_rate){ rate, burst });
}

/* All that the bucket holds now, taken one token at a time where few are left. */
static u64 level(struct parley_limit *l, u64 now)
{
	u64 step, sum = 0;

	for (step = BIT_ULL(42); step; step >>= 1)
		while (step <= l->bytes.burst && !parley_limit_admit(l, now, step))
			sum += step;
	return sum;
}

/* Nobody is asked to wait where nothing is limited. */
static void limit_none(struct kunit *test)
{
	struct parley_limit *l = limit_bytes(test, 0, 0);

	KUNIT_EXPECT_FALSE(test, parley_limit_active(l));
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, START, U64_MAX), 0);
	l = limit_make(test, (struct parley_rate){ 10, 1 }, (struct parley_rate){});
	KUNIT_EXPECT_TRUE(test, parley_limit_active(l));
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, START, U64_MAX), 0);
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, START, 0), NSEC_PER_SEC / 10);
	KUNIT_EXPECT_EQ(test, l->throttled, 1);
}

/*
 * Somebody who always wants more, and comes late: what he got is burst and rate
 * times time, to the token.
 */
static void limit_long_run(struct kunit *test)
{
	u64 rate = *(const u64 *)test->param_value, burst = max(rate / 10, 2ull);
	u64 most = max(burst / 50, 1ull), now = START, sum = 0, cost = 1;
	struct parley_limit *l = limit_bytes(test, rate, burst);
	struct rnd_state rnd;
	s128 due;
	int i;

	prandom_seed_state(&rnd, rate);
	for (i = 0; i < 20000; i++) {
		u64 wait;

		cost = 1 + (u64)prandom_u32_state(&rnd) % most;
		wait = parley_limit_admit(l, now, cost);
		if (wait) {
			now += wait + prandom_u32_state(&rnd) % 10000;
			KUNIT_ASSERT_EQ(test, parley_limit_admit(l, now, cost), 0);
		}
		sum += cost;
	}
	/* He never left it full, so nothing was lost, and nothing invented. */
	due = (s128)burst * NSEC_PER_SEC + (s128)rate * (now - START);
	sum += level(l, now);
	KUNIT_EXPECT_TRUE(test, (s128)sum * NSEC_PER_SEC <= due);
	KUNIT_EXPECT_TRUE(test, (s128)(sum + 1) * NSEC_PER_SEC > due);
}

/* Not a nanosecond too early, and none too late. */
static void limit_wait_exact(struct kunit *test)
{
	u64 rate = *(const u64 *)test->param_value, burst = max(rate / 10, 2ull);
	struct parley_limit *l = limit_bytes(test, rate, burst);
	u64 now = START;
	struct rnd_state rnd;
	int i;

	prandom_seed_state(&rnd, rate);
	for (i = 0; i < 2000; i++) {
		u64 cost, wait;

		div64_u64_rem((u64)prandom_u32_state(&rnd) << 12, burst, &cost);
		wait = parley_limit_admit(l, now, cost);
		if (!wait)
			continue;
		KUNIT_ASSERT_GT(test, parley_limit_admit(l, now + wait - 1, cost), 0);
		now += wait;
		KUNIT_ASSERT_EQ(test, parley_limit_admit(l, now, cost), 0);
	}
}

/*
 * Random traffic: whatever window is looked at, no more than the burst and the
 * rate times its length went through.  For all windows at once: the largest
 * excess so far against the smallest before.
 */
static void limit_burst_window(struct kunit *test)
{
	u64 rate = *(const u64 *)test->param_value, burst = max(rate / 7, 5ull);
	struct parley_limit *l = limit_bytes(test, rate, burst);
	u64 span = div64_u64(burst * 2, rate) + 2, now = START;
	s128 sum = 0, least = 0;
	struct rnd_state rnd;
	int i;

	prandom_seed_state(&rnd, ~rate);
	for (i = 0; i < 20000; i++) {
		u64 cost, pause;

		div64_u64_rem((u64)prandom_u32_state(&rnd) << 11, burst, &cost);
		cost++;
		if (prandom_u32_state(&rnd) % 8)
			cost = cost / 64 + 1;
		if (!parley_limit_admit(l, now, cost)) {
			s128 before = sum * NSEC_PER_SEC - (s128)rate * (now - START);

			least = i ? min(least, before) : before;
			sum += cost;
			KUNIT_ASSERT_TRUE(test, sum * NSEC_PER_SEC -
					  (s128)rate * (now - START) - least <=
					  (s128)burst * NSEC_PER_SEC);
		}
		div64_u64_rem((u64)prandom_u32_state(&rnd) << 6,
			      span * NSEC_PER_SEC / 64, &pause);
		now += prandom_u32_state(&rnd) % 4 ? pause / 256 : pause;
	}
	KUNIT_EXPECT_GT(test, (u64)sum, burst);
}

/* In a million steps or in one, the level is the same. */
static void limit_steps(struct kunit *test)
{
	struct parley_limit *a = limit_bytes(test, 999999937, 1ull << 40);
	struct parley_limit *b = limit_bytes(test, 999999937, 1ull << 40);
	u64 now = START;
	struct rnd_state rnd;
	int i;

	prandom_seed_state(&rnd, 1);
	KUNIT_ASSERT_EQ(test, parley_limit_admit(a, now, 1ull << 40), 0);
	KUNIT_ASSERT_EQ(test, parley_limit_admit(b, now, 1ull << 40), 0);
	for (i = 0; i < 100000; i++) {
		now += prandom_u32_state(&rnd) % 300;
		parley_limit_admit(a, now, 1ull << 40);
	}
	KUNIT_EXPECT_GT(test, parley_limit_admit(b, now, 1ull << 40), 0);
	KUNIT_EXPECT_EQ(test, a->bytes.level, b->bytes.level);
	KUNIT_EXPECT_EQ(test, a->bytes.frac, b->bytes.frac);
	KUNIT_EXPECT_EQ(test, a->bytes.level, div_u64((now - START) * 999999937,
						      NSEC_PER_SEC));
}

/* More than the bucket holds goes when it is full, and is paid for after. */
static void limit_oversized(struct kunit *test)
{
	struct parley_limit *l = limit_bytes(test, 1000, 100);
	u64 now = START;

	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, now, 1), 0);
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, now, 5000), NSEC_PER_SEC / 1000);
	now += NSEC_PER_SEC / 1000;
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, now, 5000), 0);
	KUNIT_EXPECT_EQ(test, l->bytes.level, -4900);
	/* Nothing costs nothing, but debts come first. */
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, now, 0), 4900 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, now, 7000), 5000 * NSEC_PER_MSEC);
	now += 4901 * NSEC_PER_MSEC;
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, now, 1), 0);
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, now, 1), NSEC_PER_MSEC);
}

/* Whatever the clock says, nothing overflows and the bucket holds its burst. */
static void limit_far(struct kunit *test)
{
	u64 rate = *(const u64 *)test->param_value;
	struct parley_limit *l = limit_bytes(test, rate, PARLEY_RATE_MAX);
	u64 wait;

	KUNIT_ASSERT_EQ(test, parley_limit_admit(l, START, BIT_ULL(62)), 0);
	KUNIT_EXPECT_EQ(test, l->bytes.level, (s64)(PARLEY_RATE_MAX - BIT_ULL(62)));
	wait = parley_limit_admit(l, START, 1);
	KUNIT_EXPECT_GT(test, wait, div64_u64(BIT_ULL(61), rate));
	if (rate == PARLEY_RATE_MAX)
		KUNIT_EXPECT_EQ(test, wait / NSEC_PER_SEC, BIT_ULL(20) - 1);
	if (wait < U64_MAX / 4) {
		KUNIT_EXPECT_GT(test, parley_limit_admit(l, START + wait - 1, 1), 0);
		KUNIT_EXPECT_EQ(test, parley_limit_admit(l, START + wait, 1), 0);
	}
	parley_limit_admit(l, U64_MAX, 1);
	KUNIT_EXPECT_LE(test, l->bytes.level, (s64)PARLEY_RATE_MAX);

	l = limit_bytes(test, rate, 1000);
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, START, 1000), 0);
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, U64_MAX, 1000), 0);
	KUNIT_EXPECT_EQ(test, l->bytes.level, 0);
	KUNIT_EXPECT_GT(test, parley_limit_admit(l, U64_MAX, 1), 0);
}

static void limit_backwards(struct kunit *test)
{
	struct parley_limit *l = limit_bytes(test, 1000, 10);

	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, START, 10), 0);
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, START - 5 * NSEC_PER_SEC, 1),
			5 * NSEC_PER_SEC + NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, 0, 1), START + NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, START, 1), NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, START + NSEC_PER_MSEC, 1), 0);
}

/* A new rate counts from now; what was saved up stays, as far as it fits. */
static void limit_change(struct kunit *test)
{
	struct parley_limit *l = limit_bytes(test, 1000, 1000);
	struct parley_limits cfg = { .bytes = { 10, 1000 } };
	u64 now = START;

	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, now, 1000), 0);
	now += NSEC_PER_SEC / 2;
	KUNIT_EXPECT_EQ(test, parley_limit_set(l, &cfg, now), 0);
	KUNIT_EXPECT_EQ(test, l->bytes.level, 500);
	now += NSEC_PER_SEC;
	KUNIT_EXPECT_GT(test, parley_limit_admit(l, now, 511), 0);
	KUNIT_EXPECT_EQ(test, l->bytes.level, 510);

	cfg.bytes.burst = 100;
	KUNIT_EXPECT_EQ(test, parley_limit_set(l, &cfg, now), 0);
	KUNIT_EXPECT_EQ(test, l->bytes.level, 100);
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, now, 5000), 0);
	cfg.bytes = (struct parley_rate){ 4900, 0 };
	KUNIT_EXPECT_EQ(test, parley_limit_set(l, &cfg, now), 0);
	parley_limit_get(l, &cfg);
	KUNIT_EXPECT_EQ(test, cfg.bytes.burst, 490);
	KUNIT_EXPECT_EQ(test, cfg.ops.rate, 0);
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, now, 0), NSEC_PER_SEC);

	cfg = (struct parley_limits){};
	KUNIT_EXPECT_EQ(test, parley_limit_set(l, &cfg, now), 0);
	KUNIT_EXPECT_FALSE(test, parley_limit_active(l));
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, now, 5000), 0);
}

/* Rates changed at random under a saturating load: the sums still agree. */
static void limit_change_long_run(struct kunit *test)
{
	u64 now = START, last = START, sum = 0, rate = 1000000, burst = 1000000;
	struct parley_limit *l = limit_bytes(test, rate, burst);
	s128 due = (s128)burst * NSEC_PER_SEC;
	struct rnd_state rnd;
	int i;

	prandom_seed_state(&rnd, 42);
	for (i = 0; i < 20000; i++) {
		u64 cost = 1 + prandom_u32_state(&rnd) % 4096;
		u64 wait = parley_limit_admit(l, now, cost);

		if (wait) {
			now += wait;
			KUNIT_ASSERT_EQ(test, parley_limit_admit(l, now, cost), 0);
		}
		sum += cost;
		if (prandom_u32_state(&rnd) % 16 == 0) {
			struct parley_limits cfg = { .bytes = {
				.rate = 1 + prandom_u32_state(&rnd), .burst = burst } };

			due += (s128)rate * (now - last);
			last = now;
			rate = cfg.bytes.rate;
			KUNIT_ASSERT_EQ(test, parley_limit_set(l, &cfg, now), 0);
		}
	}
	due += (s128)rate * (now - last);
	sum += l->bytes.level;
	KUNIT_EXPECT_TRUE(test, (s128)sum * NSEC_PER_SEC <= due);
	/* A fraction of less than a token is still in the bucket. */
	KUNIT_EXPECT_TRUE(test, (s128)(sum + 1) * NSEC_PER_SEC > due);
}

/* Both buckets must have it, and neither pays if one refuses. */
static void limit_both(struct kunit *test)
{
	struct parley_limit *l = limit_make(test, (struct parley_rate){ 100, 2 },
					    (struct parley_rate){ 1000, 1000 });

	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, START, 600), 0);
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, START, 600), 200 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, l->ops.level, 1);
	KUNIT_EXPECT_EQ(test, l->bytes.level, 400);
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, START, 1), 0);
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, START, 1), 10 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, l->bytes.level, 399);
}

/* A queue's limit and its device's: what the device refuses, the queue gets back. */
static void limit_refund(struct kunit *test)
{
	struct parley_limit *queue[2], *dev = limit_bytes(test, 10000, 1000);
	u64 now = START, got[2] = {};
	struct rnd_state rnd;
	int i;

	queue[0] = limit_bytes(test, 2000, 1000);
	queue[1] = limit_bytes(test, 20000, 1000);
	prandom_seed_state(&rnd, 3);
	for (i = 0; i < 50000; i++) {
		int q = i & 1;
		u64 cost = 1 + prandom_u32_state(&rnd) % 100;

		now += prandom_u32_state(&rnd) % NSEC_PER_MSEC;
		if (parley_limit_admit(queue[q], now, cost))
			continue;
		if (parley_limit_admit(dev, now, cost))
			parley_limit_refund(queue[q], cost);
		else
			got[q] += cost;
	}
	/* The device gave all it had; so did the first queue; nothing leaked. */
	KUNIT_EXPECT_LE(test, got[0] + got[1],
			1000 + div_u64((now - START) * 10, NSEC_PER_MSEC));
	KUNIT_EXPECT_GE(test, got[0] + got[1] + 200,
			1000 + div_u64((now - START) * 10, NSEC_PER_MSEC));
	KUNIT_EXPECT_LE(test, got[0], 1000 + div_u64((now - START) * 2, NSEC_PER_MSEC));

	/* More comes back than was taken: not above the burst. */
	parley_limit_refund(dev, 1ull << 40);
	KUNIT_EXPECT_EQ(test, dev->bytes.level, 1000);
}

/* Whoever asks so much later than he might gets all the same. */
static void limit_slack(struct kunit *test)
{
	struct parley_limit *l = limit_bytes(test, 0, 0);
	u64 now = START, sum = 0;

	KUNIT_EXPECT_EQ(test, parley_limit_slack(l), U64_MAX);
	l = limit_make(test, (struct parley_rate){ 1000, 10 }, (struct parley_rate){});
	KUNIT_EXPECT_EQ(test, parley_limit_slack(l), 2500 * NSEC_PER_USEC);
	l = limit_make(test, (struct parley_rate){ 1000, 10 },
		       (struct parley_rate){ PARLEY_RATE_MAX, PARLEY_RATE_MAX / 2000 });
	KUNIT_EXPECT_EQ(test, parley_limit_slack(l), 124 * NSEC_PER_USEC + 999);

	l = limit_bytes(test, 100000, 10000);
	while (sum < 200000) {
		u64 wait = parley_limit_admit(l, now, 100);

		if (wait)
			now += max(wait, parley_limit_slack(l));
		else
			sum += 100;
	}
	KUNIT_EXPECT_EQ(test, sum + l->bytes.level, 10000 + div_u64(now - START, 10000));
}

static void limit_refuses(struct kunit *test)
{
	struct parley_limit *l = limit_bytes(test, 1000, 10);
	struct parley_limits cfg[4] = {
		{ .ops.rate = PARLEY_RATE_MAX + 1 },
		{ .ops = { 1, PARLEY_RATE_MAX + 1 } },
		{ .bytes.rate = PARLEY_RATE_MAX + 1 },
		{ .bytes = { 1, U64_MAX } },
	};
	int i;

	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, parley_limit_set(l, &cfg[i], START), -EINVAL);
	parley_limit_get(l, &cfg[0]);
	KUNIT_EXPECT_EQ(test, cfg[0].bytes.rate, 1000);
	KUNIT_EXPECT_EQ(test, cfg[0].bytes.burst, 10);
	KUNIT_EXPECT_EQ(test, level(l, START), 10);
}

static struct kunit_case limits_cases[] = {
	KUNIT_CASE(limit_none),
	KUNIT_CASE_PARAM(limit_long_run, rate_gen_params),
	KUNIT_CASE_PARAM(limit_wait_exact, rate_gen_params),
	KUNIT_CASE_PARAM(limit_burst_window, rate_gen_params),
	KUNIT_CASE(limit_steps),
	KUNIT_CASE(limit_oversized),
	KUNIT_CASE_PARAM(limit_far, rate_gen_params),
	KUNIT_CASE(limit_backwards),
	KUNIT_CASE(limit_change),
	KUNIT_CASE(limit_change_long_run),
	KUNIT_CASE(limit_both),
	KUNIT_CASE(limit_refund),
	KUNIT_CASE(limit_slack),
	KUNIT_CASE(limit_refuses),
	{}
};

static struct kunit_suite limits_suite = {
	.name = "parley_limits",
	.test_cases = limits_cases,
};

kunit_test_suite(limits_suite);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: KUnit tests of the token buckets");
MODULE_LICENSE("GPL");
