// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is looked at for a while need not ring, and who is not looked at does.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include "guest.h"

#define DATA	GUEST_AT(GUEST_DATA)
#define BATCH	(2 * PARLEY_EMU_BUSY)

/* So long that this machine is not too slow for it. */
static struct guest *lingering(struct kunit *test)
{
	struct guest *g = guest_ready(test);

	g->e.linger.most_ns = 30 * NSEC_PER_SEC;
	KUNIT_ASSERT_EQ(test, 0, guest_shadow(g));
	return g;
}

static void take(struct guest *g, unsigned int nr)
{
	struct nvme_completion cqe;
	unsigned int i;

	for (i = 0; i < nr; i++)
		KUNIT_ASSERT_EQ(g->test, 0, guest_take(g, 1, &cqe));
}

static void each_look_is_a_quarter_further(struct kunit *test)
{
	struct parley_emu_linger l = { .first_ns = 1000, .most_ns = 10000 };
	static const u64 looks[][2] = {
		{ 0, 1000 }, { 1, 1000 }, { 800, 1000 }, { 1000, 1250 }, { 4000, 5000 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(looks); i++)
		KUNIT_EXPECT_EQ(test, looks[i][1], parley_emu_linger_next(&l, looks[i][0]));
}

static void when_the_guest_puts_something_is_learnt(struct kunit *test)
{
	const u64 least = PARLEY_EMU_LINGER_LEAST_US * NSEC_PER_USEC;
	struct parley_emu_linger l = { .first_ns = least, .most_ns = 100 * least };

	parley_emu_linger_found(&l, 40 * least);
	KUNIT_EXPECT_EQ(test, 30 * least, l.first_ns);
	/* Sooner, look by look. */
	parley_emu_linger_found(&l, 30 * least);
	KUNIT_EXPECT_GT(test, 30 * least, l.first_ns);
	parley_emu_linger_found(&l, 0);
	KUNIT_EXPECT_EQ(test, least, l.first_ns);
	parley_emu_linger_found(&l, U64_MAX);
	KUNIT_EXPECT_EQ(test, 100 * least, l.first_ns);
}

/* The function has none of its commands when it puts the next ones. */
static void one_batch_after_the_other_rings_never(struct kunit *test)
{
	struct guest *g = lingering(test);
	unsigned int i;

	guest_put_reads(g, BATCH);
	take(g, BATCH);
	guest_rest(g);
	g->rings = 0;
	for (i = 0; i < 3 * GUEST_DEPTH / BATCH; i++) {
		guest_put_reads(g, BATCH);
		take(g, BATCH);
		guest_rest(g);
		KUNIT_ASSERT_EQ(test, 0, g->e.sq[1].flying);
	}
	KUNIT_EXPECT_EQ(test, 0, g->rings);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(g->e.linger.lingers));
}

/* The function has several, and is long about them: who comes then need not ring. */
static void who_comes_behind_slow_ones_is_found(struct kunit *test)
{
	struct guest *g = lingering(test);
	unsigned int i;

	guest_keep(g, PARLEY_EMU_BUSY);
	guest_rest(g);
	g->rings = 0;
	for (i = 1; i <= PARLEY_EMU_BUSY; i++) {
		guest_put_reads(g, 1);
		KUNIT_ASSERT_TRUE(test, guest_sees(&g->f->c.nr_kept, PARLEY_EMU_BUSY + i));
		guest_rest(g);
	}
	KUNIT_EXPECT_EQ(test, 0, g->rings);
	fake_truth(&g->f->c);
	fake_release(&g->f->c);
	take(g, 2 * PARLEY_EMU_BUSY);
}

/* And rings when the while is over, although the function has them still. */
static void when_the_while_is_over_it_rings(struct kunit *test)
{
	struct guest *g = lingering(test);
	unsigned int i;

	g->e.linger.most_ns = 10 * NSEC_PER_MSEC;
	guest_keep(g, PARLEY_EMU_BUSY);
	for (i = 0; i < FAKE_LONG_MS / 20 && READ_ONCE(g->e.linger.lingers); i++)
		msleep(20);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(g->e.linger.lingers));
	guest_rest(g);
	g->rings = 0;
	guest_put_reads(g, 1);
	KUNIT_EXPECT_EQ(test, 1, g->rings);
	KUNIT_EXPECT_TRUE(test, guest_sees(&g->f->c.nr_kept, PARLEY_EMU_BUSY + 1));
	fake_truth(&g->f->c);
	fake_release(&g->f->c);
	take(g, PARLEY_EMU_BUSY + 1);
}

/* For it a look is as dear as its exit. */
static void one_at_a_time_is_not_looked_at(struct kunit *test)
{
	struct guest *g = lingering(test);
	unsigned int i;

	for (i = 0; i < GUEST_DEPTH; i++) {
		KUNIT_ASSERT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
		guest_rest(g);
		KUNIT_ASSERT_FALSE(test, READ_ONCE(g->e.linger.lingers));
	}
}

static void its_pages_may_be_taken_away(struct kunit *test)
{
	struct guest *g = lingering(test);
	unsigned int i;

	/* What cannot be looked at is not, so it rings soon. */
	g->e.linger.most_ns = 200 * NSEC_PER_MSEC;
	for (i = 0; i < 5; i++) {
		guest_put_reads(g, BATCH);
		take(g, BATCH);
		guest_rest(g);
		guest_take_away(g, GUEST_BELLS, 2);
		g->hidden[GUEST_BELLS] = false;
		g->hidden[GUEST_EVENTS] = false;
	}
	guest_put_reads(g, BATCH);
	take(g, BATCH);
}

static struct guest *after_a_batch(struct kunit *test)
{
	struct guest *g = lingering(test);

	guest_put_reads(g, BATCH);
	take(g, BATCH);
	guest_rest(g);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(g->e.linger.lingers));
	return g;
}

/* The next one finds nothing of it. */
static void a_reset_ends_it(struct kunit *test)
{
	struct guest *g = after_a_batch(test);

	parley_emu_reset(&g->e);
	g->shadow = false;
	guest_rest(g);
	parley_emu_kick(&g->e);
	guest_rest(g);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(g->e.linger.lingers));
	guest_begin(g);
	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
}

/* Its timer is not left behind. */
static void whoever_ran_it_may_go_meanwhile(struct kunit *test)
{
	struct guest *g = after_a_batch(test);

	guest_leave(g);
	/* Its lists, which it does not use, are taken from it while it lives. */
	g->f->c.complaint = NULL;
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&g->e.linger.timer));
}

static struct kunit_case linger_cases[] = {
	KUNIT_CASE(each_look_is_a_quarter_further),
	KUNIT_CASE(when_the_guest_puts_something_is_learnt),
	KUNIT_CASE(one_batch_after_the_other_rings_never),
	KUNIT_CASE(who_comes_behind_slow_ones_is_found),
	KUNIT_CASE(when_the_while_is_over_it_rings),
	KUNIT_CASE(one_at_a_time_is_not_looked_at),
	KUNIT_CASE(its_pages_may_be_taken_away),
	KUNIT_CASE(a_reset_ends_it),
	KUNIT_CASE(whoever_ran_it_may_go_meanwhile),
	{}
};

static struct kunit_suite linger_suite = {
	.name = "parley_nvme_emu_linger",
	.test_cases = linger_cases,
};

kunit_test_suite(linger_suite);
