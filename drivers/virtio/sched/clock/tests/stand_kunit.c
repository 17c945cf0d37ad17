// SPDX-License-Identifier: GPL-2.0-only
/* Without a host: another clock stands in, until one speaks again. */
#include "host.h"

static u64 stand_in;

static u64 read_stand_in(void)
{
	return stand_in;
}

/* It shows @ns when its page goes; from there on the counter has no say. */
static struct pclk_host *left(struct kunit *test, u64 ns)
{
	struct pclk_host *h = pclk_host(test, 2 * GHZ, 1ull << 50, ns);

	h->clk.stand_in = read_stand_in;
	stand_in = 77 * SECOND;
	KUNIT_EXPECT_EQ(test, pclk_now(h), ns);
	parley_pclk_page(&h->clk, NULL);
	parley_pclk_stand_in(&h->clk);
	return h;
}

static void back(struct pclk_host *h, u64 hz, u64 ns)
{
	h->epoch = 1000;
	parley_pclk_page(&h->clk, h->page);
	pclk_host_says(h, hz, ns);
}

static void the_counter_is_another_one(struct kunit *test)
{
	struct pclk_host *h = left(test, 5 * SECOND);
	unsigned int i;

	/* Another rate, another value, and back to nothing. */
	for (i = 1; i <= 1000; i++) {
		pclk_fake_counter = i & 1 ? i * 12345678ull : (1ull << 60) / i;
		stand_in += MS;
		KUNIT_EXPECT_EQ(test, pclk_now(h), 5 * SECOND + i * MS);
	}
	KUNIT_EXPECT_FALSE(test, parley_pclk_fed(&h->clk));
	KUNIT_EXPECT_EQ(test, h->clk.leaps, 0);
	/* The next host agrees, but for 20 ms by which it is ahead. */
	back(h, 3 * GHZ, 6 * SECOND + 20 * MS);
	KUNIT_EXPECT_TRUE(test, parley_pclk_fed(&h->clk));
	KUNIT_EXPECT_EQ(test, pclk_now(h), 6 * SECOND + 20 * MS);
	/* And what stood in has no say any more. */
	stand_in += 40 * SECOND;
	pclk_turn(h, SECOND);
	pclk_expect_near(test, pclk_now(h), 7 * SECOND + 20 * MS, 10);
}

/* A host of which nobody has told the next one: its clock is its own, its rate is good. */
static void a_host_that_knows_nothing(struct kunit *test)
{
	struct pclk_host *h = left(test, 1000 * SECOND);

	stand_in += 3 * SECOND;
	back(h, GHZ, 0);
	KUNIT_EXPECT_EQ(test, pclk_now(h), 1003 * SECOND);
	pclk_turn(h, 10 * SECOND);
	pclk_expect_near(test, pclk_now(h), 1013 * SECOND, 10);
	KUNIT_EXPECT_EQ(test, h->clk.joins[PCLK_JOIN_KEPT], 1);
}

/* It is ahead of the next host: it goes slower, and never back. */
static void a_host_that_is_behind(struct kunit *test)
{
	struct pclk_host *h = left(test, 5 * SECOND);
	u64 before, at;
	unsigned int i;

	stand_in += SECOND;
	before = pclk_now(h);
	KUNIT_EXPECT_EQ(test, before, 6 * SECOND);
	back(h, GHZ, 6 * SECOND - 100 * MS);
	KUNIT_EXPECT_EQ(test, pclk_now(h), before);
	for (i = 1; i <= 2000; i++) {
		pclk_turn(h, MS);
		at = pclk_now(h);
		KUNIT_EXPECT_GT(test, at, before);
		before = at;
	}
	pclk_expect_near(test, before, 8 * SECOND - 100 * MS, 100);
}

/* What stands in may go back, as clocks of an interrupted update do; this one does not. */
static void what_stands_in_goes_back(struct kunit *test)
{
	struct pclk_host *h = left(test, 5 * SECOND);

	stand_in += MS;
	KUNIT_EXPECT_EQ(test, pclk_now(h), 5 * SECOND + MS);
	stand_in -= 10;
	KUNIT_EXPECT_EQ(test, pclk_now(h), 5 * SECOND + MS);
	stand_in = 0;
	KUNIT_EXPECT_EQ(test, pclk_now(h), 5 * SECOND + MS);
	/* Over a suspend it stands, wherever the other one is then. */
	parley_pclk_resume(&h->clk);
	stand_in += MS;
	KUNIT_EXPECT_EQ(test, pclk_now(h), 5 * SECOND + 2 * MS);
}

/* Twice is once; and there is nothing to stand in for before anything was said. */
static void for_nothing(struct kunit *test)
{
	struct pclk_host *h = pclk_host_new(test);

	parley_pclk_stand_in(&h->clk);
	KUNIT_EXPECT_EQ(test, pclk_now(h), 0);
	KUNIT_EXPECT_EQ(test, h->clk.stood_in, 0);
	h = left(test, 5 * SECOND);
	stand_in += MS;
	parley_pclk_stand_in(&h->clk);
	stand_in += MS;
	KUNIT_EXPECT_EQ(test, pclk_now(h), 5 * SECOND + 2 * MS);
	KUNIT_EXPECT_EQ(test, h->clk.stood_in, 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(the_counter_is_another_one),
	KUNIT_CASE(a_host_that_knows_nothing),
	KUNIT_CASE(a_host_that_is_behind),
	KUNIT_CASE(what_stands_in_goes_back),
	KUNIT_CASE(for_nothing),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_clock_stand_in",
	.test_cases = cases,
};

kunit_test_suite(suite);
