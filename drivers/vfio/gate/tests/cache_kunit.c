// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the gate keeps: how much, for how long, and that the function reaches none of it
 * once it is the guest's no longer.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/random.h>
#include <parley/compat.h>
#include "gate_fake.h"

/* Pages of a large command. */
#define MANY	33

static void use(struct fake_gate *f, unsigned int nr)
{
	KUNIT_EXPECT_EQ(f->test, 0, pin(f, nr));
	unpin(f, nr);
}

static struct parley_gate_stats *stats(struct fake_gate *f)
{
	return &f->g.stats;
}

static void what_was_used_is_there(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	unsigned int i;

	for (i = 0; i < 10; i++)
		use(f, 7);
	KUNIT_EXPECT_EQ(test, 9, stats(f)->hits);
	KUNIT_EXPECT_EQ(test, 1, stats(f)->misses);
	KUNIT_EXPECT_EQ(test, 1, f->pins);
	KUNIT_EXPECT_EQ(test, 1, f->g.nr);
}

static void one_direction_is_not_the_other(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	dma_addr_t out, in;

	KUNIT_EXPECT_EQ(test, 0, pin_way(f, 7, false, &out));
	unpin(f, 7);
	KUNIT_EXPECT_EQ(test, 0, pin_way(f, 7, true, &in));
	parley_gate_unpin(&f->g, AT(7), true);
	KUNIT_EXPECT_EQ(test, 0, stats(f)->hits);
	KUNIT_EXPECT_NE(test, in, out);
}

static void the_bound_holds(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	unsigned int i;

	f->g.room = 16;
	f->g.most = 16;
	for (i = 0; i < 100; i++) {
		use(f, i);
		KUNIT_EXPECT_LE(test, f->g.nr, 16);
	}
	KUNIT_EXPECT_EQ(test, 16, f->g.nr);
	KUNIT_EXPECT_EQ(test, 16, f->pins);
	KUNIT_EXPECT_EQ(test, 16, stats(f)->most);
	KUNIT_EXPECT_EQ(test, 84, stats(f)->evictions);
	KUNIT_EXPECT_EQ(test, 0, stats(f)->hits);
}

static void what_is_used_again_stays(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	unsigned int i;

	f->g.room = 16;
	use(f, 1000);
	for (i = 0; i < 100; i++) {
		use(f, 1000);
		use(f, i);
	}
	KUNIT_EXPECT_EQ(test, 100, stats(f)->hits);
}

static void what_is_held_is_not_evicted(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	dma_addr_t dma;
	unsigned int i;

	f->g.room = 4;
	f->g.most = 4;
	KUNIT_EXPECT_EQ(test, 0, pin_way(f, 500, false, &dma));
	for (i = 0; i < 50; i++) {
		use(f, i);
		KUNIT_EXPECT_TRUE(test, fake_reaches(f, dma));
	}
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, 0, pin(f, i));
	KUNIT_EXPECT_EQ(test, -ENOSPC, pin(f, 4));
	unpin(f, 2);
	KUNIT_EXPECT_EQ(test, 0, pin(f, 4));
	for (i = 0; i < 2; i++)
		unpin(f, i);
	unpin(f, 4);
	unpin(f, 500);
}

/* Each step of each of some uses, in a gate that is full. */
static void a_step_that_fails_leaves_nothing_but_what_was_there(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	unsigned int nth, i, bad;

	f->g.room = 3;
	for (nth = 1; nth <= 16; nth++) {
		f->fails_in = nth;
		for (i = 0, bad = 0; i < 8; i++) {
			if (pin(f, i))
				bad++;
			else
				unpin(f, i);
			KUNIT_EXPECT_EQ(test, f->g.nr, f->pins);
			KUNIT_EXPECT_EQ(test, f->g.nr, f->maps);
		}
		KUNIT_EXPECT_EQ(test, 1, bad);
		parley_gate_empty(&f->g);
		KUNIT_EXPECT_EQ(test, 0, f->g.nr);
	}
}

static void when_no_more_may_be_pinned_less_is_kept(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	unsigned int i;

	f->most = 200;
	for (i = 0; i < 200; i++)
		use(f, i);
	KUNIT_EXPECT_EQ(test, 0, stats(f)->evictions);
	use(f, 200);
	KUNIT_EXPECT_EQ(test, PARLEY_GATE_SHRINK, stats(f)->evictions);
	KUNIT_EXPECT_EQ(test, 201 - PARLEY_GATE_SHRINK, f->g.room);
	/* Some is left to others, of which there is more with time, and not before. */
	for (i = 0; i < 2 * PARLEY_GATE_GROW; i++)
		use(f, 1200 + i);
	KUNIT_EXPECT_EQ(test, 201 - PARLEY_GATE_SHRINK, f->g.room);
	passes(f, PARLEY_GATE_GROW_MS);
	f->g.grown = 1;
	for (i = 0; i < PARLEY_GATE_GROW - 2; i++)
		use(f, 1000 + i);
	KUNIT_EXPECT_EQ(test, f->g.room, f->g.nr);
	KUNIT_EXPECT_EQ(test, 201 - PARLEY_GATE_SHRINK, f->g.room);
	use(f, 1100);
	use(f, 1101);
	KUNIT_EXPECT_EQ(test, f->g.room, f->g.nr);
	KUNIT_EXPECT_EQ(test, 202 - PARLEY_GATE_SHRINK, f->g.room);
	/* As much as is held cannot go. */
	parley_gate_empty(&f->g);
	f->most = 2;
	KUNIT_EXPECT_EQ(test, 0, pin(f, 0));
	KUNIT_EXPECT_EQ(test, 0, pin(f, 1));
	KUNIT_EXPECT_EQ(test, -ENOMEM, pin(f, 2));
	unpin(f, 1);
	KUNIT_EXPECT_EQ(test, 0, pin(f, 2));
	unpin(f, 2);
	unpin(f, 0);
	/* Another guest is not to blame. */
	KUNIT_EXPECT_EQ(test, 0, parley_gate_begin(&f->g));
	KUNIT_EXPECT_EQ(test, PARLEY_GATE_PAGES, f->g.room);
}

/* Another device of the VMM's has it all, when this one has kept little. */
static void want_of_memory_passes(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	unsigned int i;

	for (i = 0; i < 5; i++)
		use(f, i);
	f->most = 5;
	use(f, 5);
	KUNIT_EXPECT_EQ(test, 1, f->g.nr);
	f->most = 0;
	/* A command of many pages. */
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_EQ(test, 0, pin(f, i));
	for (i = 0; i < MANY; i++)
		unpin(f, i);
	/* It is not all kept after that, as long as little was. */
	use(f, 100);
	KUNIT_EXPECT_EQ(test, f->g.room, f->g.nr);
	KUNIT_EXPECT_LT(test, f->g.nr, 5);
}

/* A guest that reads in a loop does not fill the host's log. */
static void who_is_refused_does_not_ask_without_end(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	unsigned int second, i;

	f->most = -1;
	for (second = 1; second <= 3; second++) {
		for (i = 0; i < 500; i++)
			KUNIT_EXPECT_EQ(test, -ENOMEM, pin(f, i));
		KUNIT_EXPECT_LE(test, f->refused, second * PARLEY_GATE_LINES);
		KUNIT_EXPECT_GE(test, f->refused, second);
		passes(f, MSEC_PER_SEC);
	}
	f->most = 0;
	use(f, 0);
}

/* Up to there it is asked for, and what is only kept makes room. */
static void what_may_be_pinned_is_pinned_by_who_was_refused(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	unsigned int i;

	f->most = 2;
	KUNIT_EXPECT_EQ(test, 0, pin(f, 0));
	KUNIT_EXPECT_EQ(test, 0, pin(f, 1));
	for (i = 2; i < 500; i++)
		KUNIT_EXPECT_EQ(test, -ENOMEM, pin(f, i));
	unpin(f, 1);
	for (i = 2; i < 500; i++)
		use(f, i);
	KUNIT_EXPECT_LE(test, f->refused, PARLEY_GATE_LINES);
	unpin(f, 0);
}

static void one_page_is_not_asked_for_hundreds_of_times(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	unsigned int i;

	for (i = 0; i < 2000; i++)
		use(f, i);
	f->most = 1;
	use(f, 2001);
	KUNIT_EXPECT_LE(test, f->refused, PARLEY_GATE_LINES);
	KUNIT_EXPECT_EQ(test, 1, f->g.nr);
}

static void what_is_held_has_room_whatever_is_kept(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	unsigned int i;

	f->g.room = 2;
	f->g.most = 9;
	for (i = 0; i < 9; i++)
		KUNIT_EXPECT_EQ(test, 0, pin(f, i));
	KUNIT_EXPECT_EQ(test, -ENOSPC, pin(f, 9));
	for (i = 0; i < 9; i++)
		unpin(f, i);
	use(f, 9);
	KUNIT_EXPECT_EQ(test, 2, f->g.nr);
}

/* --------------------------------------------------- it is taken away */

static void what_is_taken_away_is_not_kept(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	unsigned int i;

	for (i = 0; i < 20; i++)
		use(f, i);
	/* A part. */
	KUNIT_EXPECT_TRUE(test, ask(f, 5, 10));
	KUNIT_EXPECT_EQ(test, 10, f->g.nr);
	KUNIT_EXPECT_EQ(test, 10, f->pins);
	KUNIT_EXPECT_EQ(test, 10, stats(f)->invalidations);
	use(f, 4);
	use(f, 15);
	KUNIT_EXPECT_EQ(test, -EBUSY, pin(f, 5));
	/* And everything. */
	KUNIT_EXPECT_TRUE(test, parley_gate_leave(&f->g, 0, ULONG_MAX));
	KUNIT_EXPECT_EQ(test, 0, f->pins);
	KUNIT_EXPECT_EQ(test, 20, stats(f)->invalidations);
}

static void other_memory_in_its_place_is_what_is_reached(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	dma_addr_t old, now;
	unsigned int i;

	for (i = 0; i < 5; i++) {
		KUNIT_EXPECT_EQ(test, 0, pin_way(f, 9, true, &old));
		parley_gate_unpin(&f->g, AT(9), true);
		replace(f, 9, 1);
		KUNIT_EXPECT_FALSE(test, fake_reaches(f, old));
		KUNIT_EXPECT_EQ(test, 0, pin_way(f, 9, true, &now));
		KUNIT_EXPECT_NE(test, old, now);
		KUNIT_EXPECT_FALSE(test, fake_reaches(f, old));
		parley_gate_unpin(&f->g, AT(9), true);
	}
}

/* As a guest does with an IOMMU of its own: it maps, uses, unmaps the same address. */
static void what_is_given_again_is_used_again(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	unsigned int i;

	for (i = 0; i < 20; i++) {
		use(f, 9);
		replace(f, 9, 1);
		KUNIT_EXPECT_EQ(test, 0, pin(f, 9));
		unpin(f, 9);
	}
}

static void what_is_kept_is_out_of_reach_even_if_late(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	dma_addr_t kept, held;

	KUNIT_EXPECT_EQ(test, 0, pin_way(f, 10, false, &kept));
	unpin(f, 10);
	KUNIT_EXPECT_EQ(test, 0, pin_way(f, 11, false, &held));
	KUNIT_EXPECT_FALSE(test, leave(f, 10, 2));
	KUNIT_EXPECT_FALSE(test, fake_reaches(f, kept));
	/* The function has it still, and it is the guest's still. */
	KUNIT_EXPECT_TRUE(test, fake_reaches(f, held));
	/* It is not held anew, also when the mark is gone. */
	KUNIT_EXPECT_EQ(test, 0, parley_gate_begin(&f->g));
	KUNIT_EXPECT_EQ(test, -EBUSY, pin(f, 11));
	unpin(f, 11);
	KUNIT_EXPECT_FALSE(test, fake_reaches(f, held));
	KUNIT_EXPECT_EQ(test, 0, f->pins);
}

static void what_is_shared_is_told_of(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	struct page *memory;

	KUNIT_EXPECT_EQ(test, 0, parley_gate_share(&f->g, AT(30), &memory));
	KUNIT_EXPECT_EQ(test, 0, parley_gate_share(&f->g, AT(30), &memory));
	KUNIT_EXPECT_EQ(test, 0, parley_gate_share(&f->g, AT(31), &memory));
	KUNIT_EXPECT_EQ(test, 2, f->pins);
	KUNIT_EXPECT_EQ(test, 0, f->maps);
	parley_gate_unshare(&f->g, AT(30));
	KUNIT_EXPECT_TRUE(test, ask(f, 30, 1));
	KUNIT_EXPECT_TRUE(test, f->page[30].told);
	/* Rule 9: before it is unpinned. */
	KUNIT_EXPECT_EQ(test, 1, f->page[30].told_pins);
	KUNIT_EXPECT_FALSE(test, f->page[31].told);
	KUNIT_EXPECT_EQ(test, 1, f->pins);
	/* Whoever did not see it yet gives it back in vain. */
	parley_gate_unshare(&f->g, AT(30));
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_gate_share(&f->g, AT(30), &memory));
	back(f);
	parley_gate_unshare(&f->g, AT(31));
	/* Nobody shares it any more, so nobody is told. */
	KUNIT_EXPECT_TRUE(test, leave(f, 31, 1));
	KUNIT_EXPECT_FALSE(test, f->page[31].told);
	KUNIT_EXPECT_EQ(test, 0, f->pins);
}

static void who_closes_waits_for_who_takes_away(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	struct page *memory;
	struct leaver l;

	KUNIT_EXPECT_EQ(test, 0, parley_gate_share(&f->g, AT(30), &memory));
	use(f, 31);
	f->slow_ms = 4 * BEGUN_MS;
	leaver_begin(&l, f, 30, 2);
	parley_gate_unshare(&f->g, AT(30));
	/* The other page is in the hands of who takes it away. */
	KUNIT_EXPECT_EQ(test, 1, f->pins);
	parley_gate_end(&f->g);
	KUNIT_EXPECT_EQ(test, 0, f->pins);
	leaver_end(&l);
	KUNIT_EXPECT_TRUE(test, l.gone);
}

/* ----------------------------------------------------------- at any time */

#define RACE_PAGES	24
#define RACE_MS		700

static int taker_thread(void *data)
{
	struct fake_gate *f = data;

	while (!kthread_should_stop()) {
		replace(f, get_random_u32_below(RACE_PAGES), 1 + get_random_u32_below(6));
		usleep_range(100, 400);
	}
	return 0;
}

static unsigned int race_use(struct fake_gate *f)
{
	unsigned int nr = get_random_u32_below(RACE_PAGES);
	bool in = get_random_u32_below(2);
	struct page *memory;
	dma_addr_t dma;

	if (!get_random_u32_below(8)) {
		if (!parley_gate_share(&f->g, AT(nr), &memory))
			parley_gate_unshare(&f->g, AT(nr));
		return 0;
	}
	if (pin_way(f, nr, in, &dma))
		return 0;
	if (!get_random_u32_below(4))
		usleep_range(10, 100);
	/* However long it was held, it was the guest's. */
	KUNIT_EXPECT_TRUE(f->test, fake_reaches(f, dma));
	parley_gate_unpin(&f->g, AT(nr), in);
	return 1;
}

static void a_page_of_all_ways_at_any_time(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	u64 end = get_jiffies_64() + msecs_to_jiffies(RACE_MS);
	struct task_struct *taker;
	unsigned int uses = 0;

	f->g.room = RACE_PAGES / 2;
	taker = kthread_run(taker_thread, f, "parley-taker");
	KUNIT_ASSERT_FALSE(test, IS_ERR(taker));
	while (time_before64(get_jiffies_64(), end)) {
		uses += race_use(f);
		cond_resched();
	}
	kthread_stop(taker);
	KUNIT_EXPECT_GT(test, uses, 100);
}

static struct kunit_case cache_cases[] = {
	KUNIT_CASE(what_was_used_is_there),
	KUNIT_CASE(one_direction_is_not_the_other),
	KUNIT_CASE(the_bound_holds),
	KUNIT_CASE(what_is_used_again_stays),
	KUNIT_CASE(what_is_held_is_not_evicted),
	KUNIT_CASE(a_step_that_fails_leaves_nothing_but_what_was_there),
	KUNIT_CASE(when_no_more_may_be_pinned_less_is_kept),
	KUNIT_CASE(want_of_memory_passes),
	KUNIT_CASE(who_is_refused_does_not_ask_without_end),
	KUNIT_CASE(what_may_be_pinned_is_pinned_by_who_was_refused),
	KUNIT_CASE(one_page_is_not_asked_for_hundreds_of_times),
	KUNIT_CASE(what_is_held_has_room_whatever_is_kept),
	KUNIT_CASE(what_is_taken_away_is_not_kept),
	KUNIT_CASE(other_memory_in_its_place_is_what_is_reached),
	KUNIT_CASE(what_is_given_again_is_used_again),
	KUNIT_CASE(what_is_kept_is_out_of_reach_even_if_late),
	KUNIT_CASE(what_is_shared_is_told_of),
	KUNIT_CASE(who_closes_waits_for_who_takes_away),
	KUNIT_CASE(a_page_of_all_ways_at_any_time),
	{}
};

static struct kunit_suite cache_suite = {
	.name = "parley_gate_cache",
	.test_cases = cache_cases,
};

kunit_test_suite(cache_suite);
