// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory gate, with steps that are only noted: their order, what is left when
 * one fails, and what becomes of memory that is taken away.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <parley/compat.h>
#include "doomed.h"
#include <linux/module.h>
#include <parley/export.h>
#include "gate_fake.h"

/* More than unpin at a time, and than their lock is given away. */
#define CROWD_PAGES	(2 * PARLEY_GATE_UNPINNERS + 100)

/* ----------------------------------------------------------- the steps */

#define EXPECT_STEPS(f, ...)							\
do {										\
	static const enum step order[] = { __VA_ARGS__ };			\
										\
	KUNIT_EXPECT_EQ((f)->test, ARRAY_SIZE(order), (f)->nr);			\
	KUNIT_EXPECT_MEMEQ((f)->test, (f)->step, order, sizeof(order));		\
	(f)->nr = 0;								\
} while (0)

static void they_are_undone_in_the_reverse_order(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);

	KUNIT_EXPECT_EQ(test, 0, pin(f, 3));
	KUNIT_EXPECT_EQ(test, 1, f->g.nr);
	unpin(f, 3);
	EXPECT_STEPS(f, PIN, MAP);
	parley_gate_empty(&f->g);
	EXPECT_STEPS(f, UNMAP, UNPIN);
	KUNIT_EXPECT_EQ(test, 0, f->g.nr);
}

static void a_step_that_fails_leaves_nothing(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);

	f->g.most = 0;
	f->g.room = 0;
	KUNIT_EXPECT_EQ(test, -ENOSPC, pin(f, 3));
	KUNIT_EXPECT_EQ(test, 0, f->nr);
	f->g.most = 1;
	f->fails_in = 1;
	KUNIT_EXPECT_EQ(test, -EIO, pin(f, 3));
	EXPECT_STEPS(f, PIN);
	f->fails_in = 2;
	KUNIT_EXPECT_EQ(test, -EIO, pin(f, 3));
	EXPECT_STEPS(f, PIN, MAP, UNPIN);
	KUNIT_EXPECT_EQ(test, 0, f->g.nr);
	KUNIT_EXPECT_EQ(test, 0, pin(f, 3));
	unpin(f, 3);
}

static void no_more_are_held_than_may_be(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	unsigned int i;

	f->g.most = 8;
	f->g.room = 8;
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, 0, pin(f, i));
	KUNIT_EXPECT_EQ(test, -ENOSPC, pin(f, 8));
	/* One that is held may be held by another. */
	KUNIT_EXPECT_EQ(test, 0, pin(f, 0));
	unpin(f, 0);
	for (i = 0; i < 8; i++)
		unpin(f, i);
}

/* Rule 2: for each direction it is pinned and mapped apart. */
static void one_that_is_used_by_several_is_held_for_all(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	dma_addr_t in;

	KUNIT_EXPECT_EQ(test, 0, pin(f, 5));
	KUNIT_EXPECT_EQ(test, 0, pin(f, 5));
	KUNIT_EXPECT_EQ(test, 0, pin_way(f, 5, true, &in));
	EXPECT_STEPS(f, PIN, MAP, PIN, MAP);
	KUNIT_EXPECT_EQ(test, 2, f->g.nr);
	unpin(f, 5);
	parley_gate_empty(&f->g);
	unpin(f, 5);
	EXPECT_STEPS(f);
	parley_gate_empty(&f->g);
	EXPECT_STEPS(f, UNMAP, UNPIN);
	KUNIT_EXPECT_EQ(test, 1, f->g.nr);
	parley_gate_unpin(&f->g, AT(5), true);
	parley_gate_empty(&f->g);
	EXPECT_STEPS(f, UNMAP, UNPIN);
}

static void the_last_page_is_one_like_others(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	const u64 last = U64_MAX - PARLEY_GATE_PAGE + 1;
	dma_addr_t dma;

	KUNIT_EXPECT_EQ(test, 0, parley_gate_pin(&f->g, last, true, &dma));
	KUNIT_EXPECT_TRUE(test, parley_gate_leave(&f->g, 0, last));
	parley_gate_unpin(&f->g, last, true);
	KUNIT_EXPECT_EQ(test, 1, f->g.nr);
	KUNIT_EXPECT_TRUE(test, parley_gate_leave(&f->g, last, PARLEY_GATE_PAGE));
	KUNIT_EXPECT_EQ(test, 0, f->g.nr);
}

/* ------------------------------------------- memory is taken away */

static void who_takes_memory_away_waits_for_who_holds_it(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	struct leaver l;

	KUNIT_EXPECT_EQ(test, 0, pin(f, 10));
	KUNIT_EXPECT_EQ(test, 0, pin(f, 19));
	leaver_begin(&l, f, 10, 10);
	KUNIT_EXPECT_FALSE(test, completion_done(&l.done));
	/* Nothing of it is held anew meanwhile, what lies beside it is. */
	KUNIT_EXPECT_EQ(test, -EBUSY, pin(f, 10));
	KUNIT_EXPECT_EQ(test, -EBUSY, pin(f, 15));
	KUNIT_EXPECT_EQ(test, -EBUSY, pin(f, 19));
	KUNIT_EXPECT_EQ(test, 0, pin(f, 9));
	KUNIT_EXPECT_EQ(test, 0, pin(f, 20));
	unpin(f, 10);
	msleep(BEGUN_MS);
	KUNIT_EXPECT_FALSE(test, completion_done(&l.done));
	unpin(f, 19);
	leaver_end(&l);
	KUNIT_EXPECT_TRUE(test, l.gone);
	unpin(f, 9);
	unpin(f, 20);
}

/* So that VFIO finds it free, whatever the guest does, and for as long as it may look. */
static void what_may_be_asked_for_again_is_not_held(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);

	KUNIT_EXPECT_TRUE(test, ask(f, 10, 10));
	KUNIT_EXPECT_EQ(test, -EBUSY, pin(f, 10));
	KUNIT_EXPECT_EQ(test, -EBUSY, pin(f, 19));
	KUNIT_EXPECT_EQ(test, 0, pin(f, 9));
	KUNIT_EXPECT_EQ(test, 0, pin(f, 20));
	KUNIT_EXPECT_TRUE(test, ask(f, 10, 10));
	KUNIT_EXPECT_EQ(test, -EBUSY, pin(f, 10));
	/* Who asks for another area has got this one. */
	KUNIT_EXPECT_TRUE(test, ask(f, 30, 1));
	KUNIT_EXPECT_EQ(test, 0, pin(f, 10));
	KUNIT_EXPECT_EQ(test, -EBUSY, pin(f, 30));
	back(f);
	KUNIT_EXPECT_EQ(test, 0, pin(f, 30));
	unpin(f, 9);
	unpin(f, 10);
	unpin(f, 20);
	unpin(f, 30);
}

/* It would be waited for with VFIO's locks held. */
static void who_takes_memory_away_alone_needs_none(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	struct parley_gate_leaving *spare = f->g.spare;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_TRUE(test, ask(f, i, 1));
		KUNIT_EXPECT_PTR_EQ(test, spare, f->left[0]);
		back(f);
		KUNIT_EXPECT_PTR_EQ(test, spare, f->g.spare);
	}
}

static void who_does_not_come_back_leaves_no_mark(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	struct parley_gate_leaving l = { .who = NULL };
	unsigned int i;

	for (i = 0; i < FAKE_LEAVERS; i++)
		f->left[i] = &l;
	KUNIT_EXPECT_TRUE(test, ask(f, 10, 1));
	memset(f->left, 0, sizeof(f->left));
	KUNIT_EXPECT_TRUE(test, list_empty(&f->g.leaving));
	KUNIT_EXPECT_EQ(test, 0, pin(f, 10));
	unpin(f, 10);
}

/* The next one may have the same container: who asks there finds nothing of it pinned. */
static void while_somebody_may_ask_again_nobody_begins(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);

	KUNIT_EXPECT_TRUE(test, ask(f, 5, 1));
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_gate_begin(&f->g));
	KUNIT_EXPECT_EQ(test, -EBUSY, pin(f, 5));
	back(f);
	KUNIT_EXPECT_EQ(test, 0, parley_gate_begin(&f->g));
	KUNIT_EXPECT_EQ(test, 0, pin(f, 5));
	unpin(f, 5);
}

static void who_comes_back_soon_is_waited_for(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	struct page *memory;
	struct leaver l;

	KUNIT_EXPECT_EQ(test, 0, parley_gate_share(&f->g, AT(30), &memory));
	f->slow_ms = 4 * BEGUN_MS;
	leaver_begin(&l, f, 30, 1);
	KUNIT_EXPECT_FALSE(test, list_empty(&f->g.leaving));
	KUNIT_EXPECT_EQ(test, 0, parley_gate_begin(&f->g));
	KUNIT_EXPECT_TRUE(test, list_empty(&f->g.leaving));
	leaver_end(&l);
}

static void begin_killed(void *data)
{
	struct fake_gate *f = data;

	KUNIT_EXPECT_EQ(f->test, -ERESTARTSYS, parley_gate_begin(&f->g));
}

static void who_is_killed_does_not_wait_to_begin(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	u64 begun = get_jiffies_64();
	struct doomed d;

	KUNIT_EXPECT_TRUE(test, ask(f, 5, 1));
	doomed_begin(test, &d, begin_killed, f);
	doomed_end(test, &d);
	KUNIT_EXPECT_LT(test, get_jiffies_64() - begun, msecs_to_jiffies(PARLEY_GATE_BEGIN_MS));
	back(f);
}

static void who_takes_memory_away_waits_not_too_long(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	u64 begun = get_jiffies_64();

	KUNIT_EXPECT_EQ(test, 0, pin(f, 10));
	KUNIT_EXPECT_FALSE(test, leave(f, 10, 1));
	KUNIT_EXPECT_GE(test, get_jiffies_64() - begun,
			msecs_to_jiffies(PARLEY_GATE_UNMAP_MS));
	KUNIT_EXPECT_EQ(test, -EBUSY, pin(f, 10));
	unpin(f, 10);
}

/* As often as he may be told that it is held still. */
static void ask_in_vain(struct fake_gate *f, unsigned int first)
{
	unsigned int i;

	f->g.unmap_ms = BEGUN_MS;
	for (i = 0; i < PARLEY_GATE_LATE; i++)
		KUNIT_EXPECT_FALSE(f->test, ask(f, first, 1));
}

static void leave_page(void *data)
{
	KUNIT_EXPECT_TRUE(((struct fake_gate *)data)->test, leave(data, 10, 1));
}

static void leave_page_after_all(void *data)
{
	struct fake_gate *f = data;

	ask_in_vain(f, 10);
	WRITE_ONCE(f->abandoned, false);
	leave_page(f);
}

/* He has locks that others want.  However often somebody was late before. */
static void who_is_killed_waits_for_nothing_but_its_end(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	unsigned int late, i;
	struct doomed d;

	for (late = 0; late < 2; late++) {
		f->abandoned = false;
		KUNIT_EXPECT_EQ(test, 0, pin(f, 10));
		doomed_begin(test, &d, late ? leave_page_after_all : leave_page, f);
		msleep(late * 2 * PARLEY_GATE_LATE * BEGUN_MS);
		for (i = 0; i < DOOMED_MS / BEGUN_MS && !READ_ONCE(f->abandoned); i++)
			msleep(BEGUN_MS);
		KUNIT_EXPECT_TRUE(test, READ_ONCE(f->abandoned));
		KUNIT_EXPECT_EQ(test, 1, f->pins);
		unpin(f, 10);
		doomed_end(test, &d);
	}
	KUNIT_EXPECT_EQ(test, 0, f->pins);
}

/* VFIO counts to ten. */
static void who_was_late_too_often_waits_for_good(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	struct stubborn s;

	KUNIT_EXPECT_LT(test, PARLEY_GATE_LATE, 10);
	f->g.unmap_ms = BEGUN_MS;
	KUNIT_EXPECT_EQ(test, 0, pin(f, 10));
	stubborn_begin(&s, f, NULL, 10, 1);
	msleep(3 * PARLEY_GATE_LATE * BEGUN_MS);
	KUNIT_EXPECT_FALSE(test, completion_done(&s.done));
	unpin(f, 10);
	stubborn_end(&s);
	KUNIT_EXPECT_EQ(test, PARLEY_GATE_LATE + 1, s.asked);
}

/* VFIO counts how often it asks, whichever device is late: one may be opened meanwhile. */
static void who_asks_is_late_for_all_gates_together(struct kunit *test)
{
	struct fake_gate *f = gate_new(test), *other = gate_new(test);
	struct stubborn s;

	f->g.unmap_ms = BEGUN_MS;
	other->g.unmap_ms = BEGUN_MS;
	KUNIT_EXPECT_EQ(test, 0, pin(f, 10));
	stubborn_begin(&s, f, other, 10, 1);
	msleep(5 * BEGUN_MS / 2);
	KUNIT_EXPECT_EQ(test, 0, pin(other, 10));
	WRITE_ONCE(s.both, true);
	msleep(3 * PARLEY_GATE_LATE * BEGUN_MS);
	unpin(f, 10);
	msleep(5 * BEGUN_MS);
	KUNIT_EXPECT_FALSE(test, completion_done(&s.done));
	unpin(other, 10);
	stubborn_end(&s);
	KUNIT_EXPECT_EQ(test, PARLEY_GATE_LATE + 1, s.asked);
}

/* One page at a time goes by their lock, and they give it away a few times. */
static void what_is_let_go_of_leaves_though_two_wait_for_another(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	struct stubborn first, second;
	unsigned int i;

	f->g.unmap_ms = 20 * BEGUN_MS;
	for (i = 0; i < CROWD_PAGES; i++)
		KUNIT_EXPECT_EQ(test, 0, pin(f, 2 * i));
	KUNIT_EXPECT_EQ(test, 0, pin(f, 2000));
	stubborn_begin(&first, f, NULL, 0, 2 * CROWD_PAGES);
	stubborn_begin(&second, f, NULL, 2000, 1);
	/* Commands end, and who lets go does not wait in VFIO for that. */
	for (i = 0; i < CROWD_PAGES; i++)
		unpin(f, 2 * i);
	KUNIT_EXPECT_EQ(test, CROWD_PAGES + 1, READ_ONCE(f->pins));
	stubborn_end(&first);
	KUNIT_EXPECT_LE(test, first.asked, PARLEY_GATE_LATE);
	KUNIT_EXPECT_FALSE(test, second.gave_up);
	KUNIT_EXPECT_EQ(test, 1, READ_ONCE(f->pins));
	/* Nor does who wants a page, once somebody was told that he has to wait. */
	while (READ_ONCE(second.asked) < 2)
		msleep(BEGUN_MS);
	KUNIT_EXPECT_EQ(test, -EBUSY, pin(f, 1999));
	unpin(f, 2000);
	stubborn_end(&second);
	KUNIT_EXPECT_EQ(test, 0, f->pins);
	KUNIT_EXPECT_EQ(test, 0, pin(f, 1999));
	unpin(f, 1999);
}

static void each_who_takes_away_has_his_own_mark(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	struct leaver l;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, 0, pin(f, 1000));
	leaver_begin(&l, f, 1000, 1);
	for (i = 0; i < 50; i++)
		KUNIT_EXPECT_TRUE(test, leave(f, i, 1));
	/* Another's is not to blame for it. */
	KUNIT_EXPECT_EQ(test, -EBUSY, pin(f, 1000));
	unpin(f, 1000);
	leaver_end(&l);
	KUNIT_EXPECT_TRUE(test, l.gone);
}

static struct kunit_case gate_cases[] = {
	KUNIT_CASE(they_are_undone_in_the_reverse_order),
	KUNIT_CASE(a_step_that_fails_leaves_nothing),
	KUNIT_CASE(no_more_are_held_than_may_be),
	KUNIT_CASE(one_that_is_used_by_several_is_held_for_all),
	KUNIT_CASE(the_last_page_is_one_like_others),
	KUNIT_CASE(who_takes_memory_away_waits_for_who_holds_it),
	KUNIT_CASE(who_takes_memory_away_waits_not_too_long),
	KUNIT_CASE(who_was_late_too_often_waits_for_good),
	KUNIT_CASE(who_asks_is_late_for_all_gates_together),
	KUNIT_CASE(what_is_let_go_of_leaves_though_two_wait_for_another),
	KUNIT_CASE(who_is_killed_waits_for_nothing_but_its_end),
	KUNIT_CASE(what_may_be_asked_for_again_is_not_held),
	KUNIT_CASE(who_takes_memory_away_alone_needs_none),
	KUNIT_CASE(who_does_not_come_back_leaves_no_mark),
	KUNIT_CASE(while_somebody_may_ask_again_nobody_begins),
	KUNIT_CASE(who_comes_back_soon_is_waited_for),
	KUNIT_CASE(who_is_killed_does_not_wait_to_begin),
	KUNIT_CASE(each_who_takes_away_has_his_own_mark),
	{}
};

static struct kunit_suite gate_suite = {
	.name = "parley_gate",
	.test_cases = gate_cases,
};

kunit_test_suite(gate_suite);

PARLEY_IMPORT;
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Parley: KUnit suites of memory gates");
MODULE_LICENSE("GPL");
