// SPDX-License-Identifier: GPL-2.0-only
/* One leaf with limits of its own, under a clock of our own: exact to the token. */
#include "clock.h"

static const u64 rates[] = {
	1, 3, 7, 999, 65536, 1000003, 999999937, NSEC_PER_SEC, 1000000007,
	123456789012, PARLEY_RATE_MAX - 1, PARLEY_RATE_MAX,
};

static void rate_desc(const u64 *rate, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%llu", (unsigned long long)*rate);
}

KUNIT_ARRAY_PARAM(rate, rates, rate_desc);

static struct parley_limit *limit_make(struct kunit *test, struct parley_rate ops,
				       struct parley_rate bytes)
{
	struct parley_limits cfg = { .ops = ops, .bytes = bytes };
	struct parley_limit *l = clock_node(test, clock_root(test));

	KUNIT_ASSERT_EQ(test, parley_limit_set(l, &cfg, START), 0);
	return l;
}

static struct parley_limit *limit_bytes(struct kunit *test, u64 rate, u64 burst)
{
	return limit_make(test, (struct parley_rate){},
			  (struct parley_rate){ rate, burst });
}

static s64 level(struct parley_limit *l, int kind)
{
	return to_node(l)->limit[kind].level;
}

/* All that is there now, in the bucket or set aside. */
static u64 drain(struct parley_limit *l, u64 now)
{
	u64 step, sum = 0;

	for (step = BIT_ULL(42); step; step >>= 1)
		while (step <= to_node(l)->limit[LIMIT_BYTES].burst &&
		       !clock_ask(l, now, step))
			sum += step;
	return sum;
}

/* Nobody is asked to wait where nothing is limited. */
static void limit_none(struct kunit *test)
{
	struct parley_limit *l = limit_bytes(test, 0, 0);

	KUNIT_EXPECT_FALSE(test, parley_limit_active(l));
	KUNIT_EXPECT_EQ(test, clock_ask(l, START, U64_MAX), 0);
	l = limit_make(test, (struct parley_rate){ 10, 1 }, (struct parley_rate){});
	KUNIT_EXPECT_TRUE(test, parley_limit_active(l));
	KUNIT_EXPECT_EQ(test, clock_ask(l, START, U64_MAX), 0);
	KUNIT_EXPECT_EQ(test, clock_ask(l, START, 0), NSEC_PER_SEC / 10);
	KUNIT_EXPECT_TRUE(test, parley_limit_waiting(l));
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
	struct rng rng = { rate };
	s128 due;
	int i;

	for (i = 0; i < 20000; i++) {
		cost = 1 + rng_below(&rng, most);
		if (clock_ask(l, now, cost)) {
			now = clock_go(test, l, now, cost) + rng_below(&rng, 10000);
			parley_limit_look(clock_root_of(l), now);
		}
		sum += cost;
	}
	/* He never left it full, so nothing was lost, and nothing invented. */
	due = (s128)burst * NSEC_PER_SEC + (s128)rate * (now - START);
	sum += drain(l, now);
	KUNIT_EXPECT_TRUE(test, (s128)sum * NSEC_PER_SEC <= due);
	KUNIT_EXPECT_TRUE(test, (s128)(sum + 1) * NSEC_PER_SEC > due);
}

/* Not a nanosecond too early, and none too late. */
static void limit_wait_exact(struct kunit *test)
{
	u64 rate = *(const u64 *)test->param_value, burst = max(rate / 10, 2ull);
	struct parley_limit *l = limit_bytes(test, rate, burst);
	u64 now = START, sum = 0, cost, wait;
	struct rng rng = { rate };
	s128 due;
	int i;

	for (i = 0; i < 2000; i++) {
		cost = rng_below(&rng, burst);
		wait = clock_ask(l, now, cost);
		while (wait) {
			parley_limit_look(clock_root_of(l), now + wait - 1);
			KUNIT_ASSERT_TRUE(test, parley_limit_waiting(l));
			now += wait;
			wait = parley_limit_look(clock_root_of(l), now);
			if (parley_limit_waiting(l))
				continue;
			KUNIT_ASSERT_EQ(test, clock_ask(l, now, cost), 0);
			wait = 0;
			/* Whoever had to wait went as soon as it was due. */
			due = (s128)burst * NSEC_PER_SEC + (s128)rate * (now - START);
			KUNIT_ASSERT_TRUE(test, (s128)(sum + cost) * NSEC_PER_SEC <= due);
			KUNIT_ASSERT_TRUE(test, (s128)(sum + cost) * NSEC_PER_SEC >
					  due - (s128)rate);
		}
		sum += cost;
	}
}

/*
 * Random traffic, of which what is refused does not come again: whatever window
 * is looked at, no more than the burst and the rate times its length went
 * through.  For all windows at once: the largest excess so far against the
 * smallest before.
 */
static void limit_burst_window(struct kunit *test)
{
	u64 rate = *(const u64 *)test->param_value, burst = max(rate / 7, 5ull);
	struct parley_limit *l = limit_bytes(test, rate, burst);
	u64 span = div64_u64(burst * 2, rate) + 2, now = START, pause;
	struct rng rng = { ~rate };
	s128 sum = 0, least = 0;
	int i;

	for (i = 0; i < 20000; i++) {
		u64 cost = 1 + rng_below(&rng, burst);

		if (rng_below(&rng, 8))
			cost = cost / 64 + 1;
		if (!clock_ask(l, now, cost)) {
			s128 before = sum * NSEC_PER_SEC - (s128)rate * (now - START);

			least = i ? min(least, before) : before;
			sum += cost;
			KUNIT_ASSERT_TRUE(test, sum * NSEC_PER_SEC -
					  (s128)rate * (now - START) - least <=
					  (s128)burst * NSEC_PER_SEC);
		}
		pause = rng_below(&rng, span * NSEC_PER_SEC / 64);
		now += rng_below(&rng, 4) ? pause / 256 : pause;
		if (!rng_below(&rng, 3))
			parley_limit_look(clock_root_of(l), now);
	}
	KUNIT_EXPECT_GT(test, (u64)sum, burst);
}

/* In a million steps or in one, the level is the same. */
static void limit_steps(struct kunit *test)
{
	struct parley_limit *a = limit_bytes(test, 999999937, 1ull << 40);
	struct parley_limit *b = limit_bytes(test, 999999937, 1ull << 40);
	struct rng rng = { 1 };
	u64 now = START;
	int i;

	KUNIT_ASSERT_EQ(test, clock_ask(a, now, 1ull << 40), 0);
	KUNIT_ASSERT_EQ(test, clock_ask(b, now, 1ull << 40), 0);
	for (i = 0; i < 100000; i++) {
		now += rng_below(&rng, 300);
		parley_limit_fill(to_node(a), now);
	}
	parley_limit_fill(to_node(b), now);
	KUNIT_EXPECT_EQ(test, level(a, LIMIT_BYTES), level(b, LIMIT_BYTES));
	KUNIT_EXPECT_EQ(test, to_node(a)->limit[LIMIT_BYTES].frac,
			to_node(b)->limit[LIMIT_BYTES].frac);
	KUNIT_EXPECT_EQ(test, level(a, LIMIT_BYTES),
			(s64)div_u64((now - START) * 999999937, NSEC_PER_SEC));
}

/* More than the bucket holds goes when it is full, and is paid for after. */
static void limit_oversized(struct kunit *test)
{
	struct parley_limit *l = limit_bytes(test, 1000, 100);
	u64 now = START;

	KUNIT_EXPECT_EQ(test, clock_ask(l, now, 1), 0);
	/* A token is missing. */
	KUNIT_EXPECT_EQ(test, clock_go(test, l, now, 5000), now + NSEC_PER_SEC / 1000);
	now += NSEC_PER_SEC / 1000;
	KUNIT_EXPECT_EQ(test, to_node(l)->account[LIMIT_BYTES], -4900);
	/* Nothing costs nothing, but debts come first. */
	KUNIT_EXPECT_EQ(test, clock_go(test, l, now, 0), now + 4900 * NSEC_PER_MSEC);
	now += 4900 * NSEC_PER_MSEC;
	KUNIT_EXPECT_EQ(test, clock_go(test, l, now, 7000), now + 100 * NSEC_PER_MSEC);
	now += 100 * NSEC_PER_MSEC;
	clock_run(l, now, now + 6901 * NSEC_PER_MSEC);
	now += 6901 * NSEC_PER_MSEC;
	KUNIT_EXPECT_EQ(test, clock_ask(l, now, 1), 0);
	KUNIT_EXPECT_EQ(test, clock_ask(l, now, 1), NSEC_PER_MSEC);
}

/* Whatever the clock says, nothing overflows and the bucket holds its burst. */
static void limit_far(struct kunit *test)
{
	u64 rate = *(const u64 *)test->param_value;
	struct parley_limit *l = limit_bytes(test, rate, PARLEY_RATE_MAX);
	u64 wait;

	KUNIT_ASSERT_EQ(test, clock_ask(l, START, BIT_ULL(62)), 0);
	KUNIT_EXPECT_EQ(test, to_node(l)->account[LIMIT_BYTES],
			(s64)(PARLEY_RATE_MAX - BIT_ULL(62)));
	/* The debt is paid by and by; nobody waits for a quarter of the bucket longer. */
	wait = clock_ask(l, START, 1);
	KUNIT_EXPECT_GT(test, wait, 0);
	KUNIT_EXPECT_LE(test, wait, div64_u64(PARLEY_RATE_MAX / 4, rate) * NSEC_PER_SEC +
			NSEC_PER_SEC);
	parley_limit_look(clock_root_of(l), U64_MAX / 2);
	parley_limit_look(clock_root_of(l), U64_MAX);
	KUNIT_EXPECT_TRUE(test, parley_limit_waiting(l));
	KUNIT_EXPECT_LE(test, level(l, LIMIT_BYTES), (s64)PARLEY_RATE_MAX);

	l = limit_bytes(test, rate, 1000);
	KUNIT_EXPECT_EQ(test, clock_ask(l, START, 1000), 0);
	KUNIT_EXPECT_EQ(test, clock_ask(l, U64_MAX, 1000), 0);
	KUNIT_EXPECT_EQ(test, level(l, LIMIT_BYTES), 0);
	KUNIT_EXPECT_GT(test, clock_ask(l, U64_MAX, 1), 0);
}

static void limit_backwards(struct kunit *test)
{
	struct parley_limit *l = limit_bytes(test, 1000, 10);

	KUNIT_EXPECT_EQ(test, clock_ask(l, START, 10), 0);
	parley_limit_look(clock_root_of(l), START);
	KUNIT_EXPECT_EQ(test, clock_ask(l, START - 5 * NSEC_PER_SEC, 1),
			5 * NSEC_PER_SEC + NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, clock_ask(l, 0, 1), START + NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, clock_ask(l, START, 1), NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, clock_ask(l, START + NSEC_PER_MSEC, 1), 0);
}

/* A new rate counts from now; what was saved up stays, as far as it fits. */
static void limit_change(struct kunit *test)
{
	struct parley_limit *l = limit_bytes(test, 1000, 1000);
	struct parley_limits cfg = { .bytes = { 10, 1000 } };
	u64 now = START;

	KUNIT_EXPECT_EQ(test, clock_ask(l, now, 1000), 0);
	now += NSEC_PER_SEC / 2;
	KUNIT_EXPECT_EQ(test, parley_limit_set(l, &cfg, now), 0);
	KUNIT_EXPECT_EQ(test, level(l, LIMIT_BYTES), 500);
	now += NSEC_PER_SEC;
	KUNIT_EXPECT_GT(test, clock_ask(l, now, 511), 0);
	parley_limit_idle(l, now);
	KUNIT_EXPECT_EQ(test, level(l, LIMIT_BYTES), 510);

	cfg.bytes.burst = 100;
	KUNIT_EXPECT_EQ(test, parley_limit_set(l, &cfg, now), 0);
	KUNIT_EXPECT_EQ(test, level(l, LIMIT_BYTES), 100);
	KUNIT_EXPECT_EQ(test, clock_ask(l, now, 5000), 0);
	cfg.bytes = (struct parley_rate){ 4900, 0 };
	KUNIT_EXPECT_EQ(test, parley_limit_set(l, &cfg, now), 0);
	parley_limit_get(l, &cfg);
	KUNIT_EXPECT_EQ(test, cfg.bytes.burst, 490);
	KUNIT_EXPECT_EQ(test, cfg.ops.rate, 0);
	KUNIT_EXPECT_EQ(test, clock_go(test, l, now, 0), now + NSEC_PER_SEC);

	/* Who waits for a limit that is gone asks again, and goes. */
	now += NSEC_PER_SEC;
	KUNIT_EXPECT_GT(test, clock_ask(l, now, 200), 0);
	cfg = (struct parley_limits){};
	KUNIT_EXPECT_EQ(test, parley_limit_set(l, &cfg, now), 0);
	KUNIT_EXPECT_FALSE(test, parley_limit_active(l));
	KUNIT_EXPECT_FALSE(test, parley_limit_waiting(l));
	KUNIT_EXPECT_EQ(test, clock_ask(l, now, 5000), 0);

	/* And who waits gets a limit of the other kind as well. */
	cfg.ops = (struct parley_rate){ 1, 1 };
	KUNIT_EXPECT_EQ(test, parley_limit_set(l, &cfg, now), 0);
	KUNIT_EXPECT_EQ(test, clock_ask(l, now, 50), 0);
	KUNIT_EXPECT_GT(test, clock_ask(l, now, 50), 0);
	cfg.bytes = (struct parley_rate){ 10, 1 };
	KUNIT_EXPECT_EQ(test, parley_limit_set(l, &cfg, now), 0);
	KUNIT_EXPECT_FALSE(test, parley_limit_waiting(l));
	KUNIT_EXPECT_EQ(test, clock_go(test, l, now, 50), now + NSEC_PER_SEC);
}

/* Rates changed at random under a saturating load: the sums still agree. */
static void limit_change_long_run(struct kunit *test)
{
	u64 now = START, last = START, sum = 0, rate = 1000000, burst = 1000000;
	struct parley_limit *l = limit_bytes(test, rate, burst);
	s128 due = (s128)burst * NSEC_PER_SEC;
	struct rng rng = { 42 };
	int i;

	for (i = 0; i < 20000; i++) {
		u64 cost = 1 + rng_below(&rng, 4096);

		now = clock_go(test, l, now, cost);
		sum += cost;
		if (rng_below(&rng, 16) == 0) {
			struct parley_limits cfg = { .bytes = {
				.rate = 1 + rng_u32(&rng), .burst = burst } };

			due += (s128)rate * (now - last);
			last = now;
			rate = cfg.bytes.rate;
			KUNIT_ASSERT_EQ(test, parley_limit_set(l, &cfg, now), 0);
		}
	}
	due += (s128)rate * (now - last);
	parley_limit_fill(to_node(l), now);
	sum += level(l, LIMIT_BYTES) + to_node(l)->account[LIMIT_BYTES];
	KUNIT_EXPECT_TRUE(test, (s128)sum * NSEC_PER_SEC <= due);
	/* A fraction of less than a token is still in the bucket. */
	KUNIT_EXPECT_TRUE(test, (s128)(sum + 1) * NSEC_PER_SEC > due);
}

/* Both buckets must have it, and neither pays if one refuses. */
static void limit_both(struct kunit *test)
{
	struct parley_limit *l = limit_make(test, (struct parley_rate){ 100, 2 },
					    (struct parley_rate){ 1000, 1000 });

	KUNIT_EXPECT_EQ(test, clock_ask(l, START, 600), 0);
	KUNIT_EXPECT_GT(test, clock_ask(l, START, 600), 0);
	parley_limit_idle(l, START);
	KUNIT_EXPECT_EQ(test, level(l, LIMIT_OPS), 1);
	KUNIT_EXPECT_EQ(test, level(l, LIMIT_BYTES), 400);
	KUNIT_EXPECT_EQ(test, clock_ask(l, START, 1), 0);
	KUNIT_EXPECT_EQ(test, clock_ask(l, START, 1), 10 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, level(l, LIMIT_BYTES), 399);
	KUNIT_EXPECT_EQ(test, to_node(l)->account[LIMIT_BYTES], 0);
}

/* A burst of requests is one question. */
static void limit_many(struct kunit *test)
{
	struct parley_limit *l = limit_make(test, (struct parley_rate){ 1000, 5 },
					    (struct parley_rate){ 100000, 1000 });
	const u64 bytes[] = { 100, 0, 800, 101, 1, 1 };

	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, START, bytes, 6), 3);
	KUNIT_EXPECT_TRUE(test, parley_limit_waiting(l));
	parley_limit_look(clock_root_of(l), START + 9999);
	KUNIT_EXPECT_TRUE(test, parley_limit_waiting(l));
	parley_limit_look(clock_root_of(l), START + 10000);
	KUNIT_EXPECT_FALSE(test, parley_limit_waiting(l));
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, START + 20000, bytes + 3, 3), 2);
	KUNIT_EXPECT_EQ(test, parley_limit_admit(l, START + NSEC_PER_MSEC, bytes + 5, 1), 1);
}

/* What did not go on comes back, and no more than that. */
static void limit_refund(struct kunit *test)
{
	struct parley_limit *l = limit_make(test, (struct parley_rate){ 100, 2 },
					    (struct parley_rate){ 1000, 1000 });

	KUNIT_EXPECT_EQ(test, clock_ask(l, START, 600), 0);
	parley_limit_refund(l, START, 1, 600);
	KUNIT_EXPECT_EQ(test, level(l, LIMIT_OPS), 2);
	KUNIT_EXPECT_EQ(test, level(l, LIMIT_BYTES), 1000);
	parley_limit_refund(l, START, U64_MAX, U64_MAX);
	KUNIT_EXPECT_EQ(test, level(l, LIMIT_OPS), 2);
	KUNIT_EXPECT_EQ(test, level(l, LIMIT_BYTES), 1000);
	KUNIT_EXPECT_EQ(test, to_node(l)->account[LIMIT_BYTES], 0);
}

static void limit_refuses(struct kunit *test)
{
	struct parley_limit *l = limit_bytes(test, 1000, 10);
	struct parley_limits cfg[] = {
		{ .ops.rate = PARLEY_RATE_MAX + 1 },
		{ .ops = { 1, PARLEY_RATE_MAX + 1 } },
		{ .bytes.rate = PARLEY_RATE_MAX + 1 },
		{ .bytes = { 1, U64_MAX } },
		{ .ops_guaranteed = PARLEY_RATE_MAX + 1 },
		{ .bytes_guaranteed = U64_MAX },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cfg); i++)
		KUNIT_EXPECT_EQ(test, parley_limit_set(l, &cfg[i], START), -EINVAL);
	parley_limit_get(l, &cfg[0]);
	KUNIT_EXPECT_EQ(test, cfg[0].bytes.rate, 1000);
	KUNIT_EXPECT_EQ(test, cfg[0].bytes.burst, 10);
	KUNIT_EXPECT_EQ(test, drain(l, START), 10);
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
	KUNIT_CASE(limit_many),
	KUNIT_CASE(limit_refund),
	KUNIT_CASE(limit_refuses),
	{}
};

static struct kunit_suite limits_suite = {
	.name = "parley_limits",
	.test_cases = limits_cases,
};

kunit_test_suites(&limits_suite);

PARLEY_IMPORT;
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Parley: KUnit tests of the limits");
MODULE_LICENSE("GPL");
