// SPDX-License-Identifier: GPL-2.0-only
/* What is believed of a host, and how lines are joined. */
#include <kunit/test.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/random.h>
#include "../clock.h"

#define SECOND	((s64)NSEC_PER_SEC)
#define GHZ	1000000000ull

/* A host of a counter of so many turns in a second, which shows @ns at @counter. */
static struct pclk_said said_of(u64 hz, u64 counter, u64 ns)
{
	struct pclk_said said = { .word = 2, .counter = counter, .ns = ns, .shift = 32 };
	u64 mult = (GHZ << 32) / hz;

	for (; mult > PCLK_MULT_MAX; mult >>= 1)
		said.shift--;
	said.mult = mult;
	return said;
}

static void what_is_believed(struct kunit *test)
{
	const u64 now = 1ull << 50;
	const struct { u64 counter, ns, error_ns; u32 mult, shift; bool good; } tries[] = {
		{ now, 0, 0, 1, 0, true },
		{ now, 0, 0, 1u << 31, 31 },
		{ now, 0, 0, (1u << 31) - 1, 31, true },
		/* Nothing to divide by, and nothing that stands. */
		{ now, 0, 0, 0, 0 },
		{ now, 0, 0, 0, 32 },
		{ now, 0, 0, 1, 32 },
		/* 16 GHz and 1 MHz are counters; what is beyond is none. */
		{ now, 0, 0, 1u << 28, 32, true },
		{ now, 0, 0, (1u << 28) - 1, 32 },
		{ now, 0, 0, 1000, 0, true },
		{ now, 0, 0, 1001, 0 },
		{ now, 0, 0, ~0u, 32 },
		{ now, 0, 0, 1u << 30, 33 },
		{ now, 0, 0, 1u << 30, 64 },
		{ now, 0, 0, 1u << 30, ~0u },
		{ now, PCLK_NS_MAX, 0, 1u << 30, 30, true },
		{ now, PCLK_NS_MAX + 1, 0, 1u << 30, 30 },
		{ now, U64_MAX, 0, 1u << 30, 30 },
		{ now, 0, SECOND, 1u << 30, 30, true },
		{ now, 0, SECOND + 1, 1u << 30, 30 },
		{ now, 0, U64_MAX, 1u << 30, 30 },
		/* A turn is a nanosecond here. */
		{ now - PCLK_AGE_MAX, 0, 0, 1u << 30, 30, true },
		{ now - PCLK_AGE_MAX - 1, 0, 0, 1u << 30, 30 },
		{ now + PCLK_AHEAD_MAX, 0, 0, 1u << 30, 30, true },
		{ now + PCLK_AHEAD_MAX + 1, 0, 0, 1u << 30, 30 },
		{ now + (1ull << 63), 0, 0, 1u << 30, 30 },
		{ now - (1ull << 62), 0, 0, 1u << 30, 30 },
		{ 0, 0, 0, 1u << 30, 30 },
	};
	struct pclk_said said;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		said = (struct pclk_said){
			.word = 2, .counter = tries[i].counter, .ns = tries[i].ns,
			.error_ns = tries[i].error_ns, .mult = tries[i].mult,
			.shift = tries[i].shift,
		};
		KUNIT_EXPECT_EQ_MSG(test, !parley_pclk_wrong(&said, now), tries[i].good, "%u", i);
	}
}

static void rates_that_leap(struct kunit *test)
{
	const u64 rate = pclk_rate(1u << 30, 30);
	const struct { u64 hz; bool same, other; } tries[] = {
		{ GHZ, true, true },
		{ GHZ + GHZ / 1000, true, true }, { GHZ - GHZ / 1000, true, true },
		{ GHZ + GHZ / 100, false, true }, { GHZ - GHZ / 100, false, true },
		{ 3 * GHZ, false, true }, { 16 * GHZ, false, true }, { GHZ / 15, false, true },
		{ GHZ / 17, false, false }, { 1000000, false, false },
	};
	struct pclk_said said;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		said = said_of(tries[i].hz, 0, 0);
		KUNIT_EXPECT_EQ_MSG(test, !parley_pclk_leaps(&said, rate, false), tries[i].same,
				    "%u", i);
		KUNIT_EXPECT_EQ_MSG(test, !parley_pclk_leaps(&said, rate, true), tries[i].other,
				    "%u", i);
	}
}

/* Each turn near where a line begins and where it stops to be bent, and a few of the rest. */
static u64 pace(u64 turn, u64 span)
{
	if (turn < 2000 || turn + 2000 >= span)
		return 1;
	return min((span - turn) / 7 + 1, span - 2000 - turn);
}

/* It goes on from what is shown, never back, and is where the host's is when it has to. */
static void check_join(struct kunit *test, u64 hz, s64 ahead, bool may_step,
		       enum pclk_join wanted)
{
	const u64 counter = 1ull << 40, shown = 1ull << 50;
	struct pclk_said said = said_of(hz, counter, shown - ahead);
	u64 end, turn, at, before = 0;
	struct pclk_line line;
	s64 offset = 0, found;

	KUNIT_EXPECT_EQ_MSG(test, parley_pclk_join(&line, &said, counter, shown, may_step, &offset,
						   &found), wanted, "%llu %lld", hz, ahead);
	KUNIT_EXPECT_EQ(test, found, ahead);
	at = parley_pclk_line_at(&line, counter);
	KUNIT_EXPECT_EQ(test, at, wanted == PCLK_JOIN_STEP ? shown - ahead : shown);
	KUNIT_EXPECT_EQ(test, offset, wanted == PCLK_JOIN_KEPT ? ahead : 0);
	/* Where it stops to be bent, too. */
	end = line.span + 1000;
	for (turn = 0; turn < end; turn += pace(turn, line.span)) {
		at = parley_pclk_line_at(&line, counter + turn);
		KUNIT_ASSERT_GE_MSG(test, at + 1, before, "%llu %lld: turn %llu", hz, ahead, turn);
		before = at;
	}
	/* To a nanosecond, an hour later. */
	at = parley_pclk_line_at(&line, counter + 3600 * hz);
	before = said.ns + offset + mul_u64_u32_shr(3600 * hz, said.mult, said.shift);
	KUNIT_EXPECT_LE_MSG(test, abs((s64)(at - before)), 1, "%llu %lld", hz, ahead);
}

static void lines_are_joined(struct kunit *test)
{
	static const u64 rates[] = {
		1000000, 24000000, GHZ / 3, GHZ, 2400000001ull, 16 * GHZ - 1000,
	};
	static const struct { s64 ahead; bool may_step; enum pclk_join join; } tries[] = {
		{ 0, false, PCLK_JOIN_EVEN }, { 0, true, PCLK_JOIN_EVEN },
		{ 5000000, false, PCLK_JOIN_BENT }, { 5000000, true, PCLK_JOIN_BENT },
		{ -5000000, false, PCLK_JOIN_BENT }, { -5000000, true, PCLK_JOIN_STEP },
		{ SECOND, true, PCLK_JOIN_BENT }, { -SECOND, false, PCLK_JOIN_BENT },
		{ SECOND + 1, true, PCLK_JOIN_KEPT }, { -SECOND - 1, false, PCLK_JOIN_KEPT },
		{ -60 * SECOND, true, PCLK_JOIN_STEP }, { -60 * SECOND - 1, true, PCLK_JOIN_KEPT },
		{ 1ll << 49, true, PCLK_JOIN_KEPT }, { -(1ll << 61), true, PCLK_JOIN_KEPT },
		{ S64_MIN, true, PCLK_JOIN_KEPT }, { S64_MIN, false, PCLK_JOIN_KEPT },
	};
	unsigned int i, r;

	for (r = 0; r < ARRAY_SIZE(rates); r++)
		for (i = 0; i < ARRAY_SIZE(tries); i++)
			check_join(test, rates[r], tries[i].ahead, tries[i].may_step,
				   tries[i].join);
}

/* Rounding leaves less than a turn of a slow counter. */
static void what_is_bent_a_little(struct kunit *test)
{
	struct pclk_line line;
	struct pclk_said said;
	s64 offset, ahead, n;

	for (n = -3000; n <= 3000; n++) {
		offset = 0;
		said = said_of(2400000001ull, 1000, 1000000 - n);
		parley_pclk_join(&line, &said, 1000, 1000000, false, &offset, &ahead);
		KUNIT_ASSERT_EQ(test, parley_pclk_line_at(&line, 1000), 1000000);
		KUNIT_ASSERT_LE(test, line.span, (u64)(abs(n) + 1) * 16 * 3);
		KUNIT_ASSERT_LE(test, abs((s64)(line.straight -
						parley_pclk_line_at(&line, 1000 + line.span - 1))),
				2);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(what_is_believed),
	KUNIT_CASE(rates_that_leap),
	KUNIT_CASE(lines_are_joined),
	KUNIT_CASE(what_is_bent_a_little),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_clock_line",
	.test_cases = cases,
};

kunit_test_suite(suite);
