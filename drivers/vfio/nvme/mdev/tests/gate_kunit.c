// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory gate, with steps that are only noted: their order, what is left when
 * one fails, and what becomes of memory that is taken away.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/workqueue.h>
#include <parley/compat.h>
#include "../mdev.h"

#define AT(nr)		((u64)(nr) * PARLEY_NVME_PAGE)
#define DMA(address)	((dma_addr_t)(address) + 0x100000000ULL)
/* Enough for whoever waits to have begun to. */
#define BEGUN_MS	50

enum step { PIN, MAP, UNMAP, UNPIN, STEPS };

struct fake_gate {
	struct parley_mdev_gate g;
	struct kunit *test;
	enum step step[64];
	unsigned int nr;
	enum step fails;		/* STEPS: none */
	int pins;
	int maps;
	bool in;
};

static struct fake_gate *of(struct parley_mdev_gate *g)
{
	return container_of(g, struct fake_gate, g);
}

static int fake_step(struct parley_mdev_gate *g, enum step step)
{
	struct fake_gate *f = of(g);

	/* From before the first until after the last the page is noted. */
	KUNIT_EXPECT_NE(f->test, 0, g->pinned);
	if (f->nr < ARRAY_SIZE(f->step))
		f->step[f->nr++] = step;
	return f->fails == step ? -EIO : 0;
}

static int fake_pin(struct parley_mdev_gate *g, u64 address, bool in, struct page **page)
{
	int err = fake_step(g, PIN);

	*page = (struct page *)(unsigned long)address;
	of(g)->in = in;
	of(g)->pins += !err;
	return err;
}

static void fake_unpin(struct parley_mdev_gate *g, u64 address)
{
	fake_step(g, UNPIN);
	of(g)->pins--;
	/* What is mapped is pinned. */
	KUNIT_EXPECT_LE(of(g)->test, of(g)->maps, of(g)->pins);
}

static int fake_map(struct parley_mdev_gate *g, struct page *page, unsigned int offset,
		    bool in, dma_addr_t *dma)
{
	int err = fake_step(g, MAP);

	KUNIT_EXPECT_EQ(of(g)->test, of(g)->in, in);
	*dma = DMA((unsigned long)page + offset) + in;
	of(g)->maps += !err;
	KUNIT_EXPECT_LE(of(g)->test, of(g)->maps, of(g)->pins);
	return err;
}

static void fake_unmap(struct parley_mdev_gate *g, dma_addr_t dma, bool in)
{
	fake_step(g, UNMAP);
	of(g)->maps--;
}

static const struct parley_mdev_gate_ops fake_ops = {
	.pin = fake_pin,
	.unpin = fake_unpin,
	.map = fake_map,
	.unmap = fake_unmap,
};

static void fake_end(void *data)
{
	struct fake_gate *f = data;

	KUNIT_EXPECT_EQ(f->test, 0, f->pins);
	KUNIT_EXPECT_EQ(f->test, 0, f->maps);
	KUNIT_EXPECT_EQ(f->test, 0, f->g.pinned);
	KUNIT_EXPECT_TRUE(f->test, xa_empty(&f->g.pages));
	parley_mdev_gate_exit(&f->g);
}

static struct fake_gate *gate_new(struct kunit *test)
{
	struct fake_gate *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->test = test;
	f->fails = STEPS;
	parley_mdev_gate_init(&f->g, &fake_ops);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, fake_end, f));
	return f;
}

static int pin(struct fake_gate *f, unsigned int nr)
{
	dma_addr_t dma = 0;
	int err = parley_mdev_gate_pin(&f->g, AT(nr), false, &dma);

	if (!err)
		KUNIT_EXPECT_EQ(f->test, DMA(AT(nr)), dma);
	return err;
}

static void unpin(struct fake_gate *f, unsigned int nr)
{
	parley_mdev_gate_unpin(&f->g, AT(nr), false);
}

/* ----------------------------------------------------------- the steps */

static void they_are_undone_in_the_reverse_order(struct kunit *test)
{
	static const enum step order[] = { PIN, MAP, UNMAP, UNPIN };
	struct fake_gate *f = gate_new(test);

	KUNIT_EXPECT_EQ(test, 0, pin(f, 3));
	KUNIT_EXPECT_EQ(test, 1, f->g.pinned);
	unpin(f, 3);
	KUNIT_EXPECT_EQ(test, ARRAY_SIZE(order), f->nr);
	KUNIT_EXPECT_MEMEQ(test, f->step, order, sizeof(order));
}

static void a_step_that_fails_leaves_nothing(struct kunit *test)
{
	static const enum step pinned[] = { PIN };
	static const enum step mapped[] = { PIN, MAP, UNPIN };
	struct fake_gate *f = gate_new(test);

	f->g.most = 0;
	KUNIT_EXPECT_EQ(test, -ENOSPC, pin(f, 3));
	KUNIT_EXPECT_EQ(test, 0, f->nr);
	f->g.most = 1;
	f->fails = PIN;
	KUNIT_EXPECT_EQ(test, -EIO, pin(f, 3));
	KUNIT_EXPECT_EQ(test, ARRAY_SIZE(pinned), f->nr);
	KUNIT_EXPECT_MEMEQ(test, f->step, pinned, sizeof(pinned));
	f->nr = 0;
	f->fails = MAP;
	KUNIT_EXPECT_EQ(test, -EIO, pin(f, 3));
	KUNIT_EXPECT_EQ(test, ARRAY_SIZE(mapped), f->nr);
	KUNIT_EXPECT_MEMEQ(test, f->step, mapped, sizeof(mapped));
	KUNIT_EXPECT_EQ(test, 0, f->g.pinned);
	f->fails = STEPS;
	KUNIT_EXPECT_EQ(test, 0, pin(f, 3));
	unpin(f, 3);
}

static void no_more_are_held_than_may_be(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	unsigned int i;

	f->g.most = 8;
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_EQ(test, 0, pin(f, i));
	KUNIT_EXPECT_EQ(test, -ENOSPC, pin(f, 8));
	KUNIT_EXPECT_EQ(test, -ENOSPC, pin(f, 0));
	for (i = 0; i < 8; i++)
		unpin(f, i);
}

/* A page of several commands is held until all are over, and mapped once for each way. */
static void one_that_is_used_by_several_is_held_for_all(struct kunit *test)
{
	static const enum step order[] = { PIN, MAP, PIN, PIN, MAP, UNPIN, UNMAP, UNPIN,
					   UNMAP, UNPIN };
	struct fake_gate *f = gate_new(test);
	dma_addr_t in;

	KUNIT_EXPECT_EQ(test, 0, pin(f, 5));
	KUNIT_EXPECT_EQ(test, 0, pin(f, 5));
	KUNIT_EXPECT_EQ(test, 0, parley_mdev_gate_pin(&f->g, AT(5), true, &in));
	KUNIT_EXPECT_EQ(test, DMA(AT(5)) + 1, in);
	KUNIT_EXPECT_EQ(test, 3, f->g.pinned);
	unpin(f, 5);
	unpin(f, 5);
	KUNIT_EXPECT_EQ(test, 1, f->maps);
	KUNIT_EXPECT_FALSE(test, xa_empty(&f->g.pages));
	parley_mdev_gate_unpin(&f->g, AT(5), true);
	KUNIT_EXPECT_TRUE(test, xa_empty(&f->g.pages));
	KUNIT_EXPECT_EQ(test, ARRAY_SIZE(order), f->nr);
	KUNIT_EXPECT_MEMEQ(test, f->step, order, sizeof(order));
}

static void the_last_page_is_one_like_others(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	const u64 last = U64_MAX - PARLEY_NVME_PAGE + 1;
	dma_addr_t dma;

	KUNIT_EXPECT_EQ(test, 0, parley_mdev_gate_pin(&f->g, last, true, &dma));
	KUNIT_EXPECT_TRUE(test, f->in);
	KUNIT_EXPECT_TRUE(test, parley_mdev_gate_leave(&f->g, 0, last));
	parley_mdev_gate_unpin(&f->g, last, true);
	KUNIT_EXPECT_TRUE(test, parley_mdev_gate_leave(&f->g, last, PARLEY_NVME_PAGE));
}

/* ------------------------------------------- memory is taken away */

struct leaver {
	struct work_struct work;
	struct completion done;
	struct fake_gate *f;
	unsigned int first;
	unsigned int nr;
	bool gone;
};

static void leaver_work(struct work_struct *work)
{
	struct leaver *l = container_of(work, struct leaver, work);

	l->gone = parley_mdev_gate_leave(&l->f->g, AT(l->first), AT(l->nr));
	complete(&l->done);
}

static void leaver_begin(struct leaver *l, struct fake_gate *f, unsigned int first,
			 unsigned int nr)
{
	INIT_WORK_ONSTACK(&l->work, leaver_work);
	init_completion(&l->done);
	l->f = f;
	l->first = first;
	l->nr = nr;
	queue_work(system_dfl_wq, &l->work);
	msleep(BEGUN_MS);
}

static void leaver_end(struct leaver *l)
{
	wait_for_completion(&l->done);
	flush_work(&l->work);
	destroy_work_on_stack(&l->work);
}

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

/* So that VFIO finds it free, whatever the guest does. */
static void what_was_just_taken_away_is_not_held_at_once(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);

	KUNIT_EXPECT_TRUE(test, parley_mdev_gate_leave(&f->g, AT(10), AT(10)));
	KUNIT_EXPECT_EQ(test, -EBUSY, pin(f, 10));
	KUNIT_EXPECT_EQ(test, -EBUSY, pin(f, 19));
	KUNIT_EXPECT_EQ(test, 0, pin(f, 9));
	KUNIT_EXPECT_EQ(test, 0, pin(f, 20));
	msleep(PARLEY_MDEV_SETTLE_MS + BEGUN_MS);
	KUNIT_EXPECT_EQ(test, 0, pin(f, 10));
	unpin(f, 9);
	unpin(f, 10);
	unpin(f, 20);
}

static void who_takes_memory_away_waits_not_too_long(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	u64 begun = get_jiffies_64();

	KUNIT_EXPECT_EQ(test, 0, pin(f, 10));
	KUNIT_EXPECT_FALSE(test, parley_mdev_gate_leave(&f->g, AT(10), AT(1)));
	KUNIT_EXPECT_GE(test, get_jiffies_64() - begun,
			msecs_to_jiffies(PARLEY_MDEV_UNMAP_MS));
	KUNIT_EXPECT_EQ(test, 1, f->g.late);
	unpin(f, 10);
	KUNIT_EXPECT_EQ(test, 0, f->g.late);
}

/* VFIO counts to ten. */
static void who_was_late_too_often_waits_for_good(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	struct leaver l;

	KUNIT_EXPECT_LT(test, PARLEY_MDEV_LATE, 10);
	f->g.late = PARLEY_MDEV_LATE;
	KUNIT_EXPECT_EQ(test, 0, pin(f, 10));
	leaver_begin(&l, f, 10, 1);
	msleep(PARLEY_MDEV_UNMAP_MS + BEGUN_MS);
	KUNIT_EXPECT_FALSE(test, completion_done(&l.done));
	unpin(f, 10);
	leaver_end(&l);
	KUNIT_EXPECT_TRUE(test, l.gone);
}

/* How often the time is doubled in which an area is not held. */
static unsigned int doubled(struct fake_gate *f, unsigned int nr)
{
	parley_mdev_gate_leave(&f->g, AT(nr), AT(1));
	return f->g.leaving[0].again;
}

static void each_time_again_it_is_twice_as_long(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	unsigned int i;

	for (i = 0; i <= PARLEY_MDEV_DOUBLINGS; i++)
		KUNIT_EXPECT_EQ(test, i, doubled(f, 5));
	KUNIT_EXPECT_EQ(test, PARLEY_MDEV_DOUBLINGS, doubled(f, 5));
	/* As long as it may take until VFIO has asked all devices of a guest. */
	KUNIT_EXPECT_GE(test, PARLEY_MDEV_SETTLE_MS << PARLEY_MDEV_DOUBLINGS,
			PARLEY_MDEV_UNMAP_MS);
	KUNIT_EXPECT_EQ(test, -EBUSY, pin(f, 5));
	/* Not so for another guest. */
	parley_mdev_gate_begin(&f->g);
	KUNIT_EXPECT_EQ(test, 0, pin(f, 5));
	unpin(f, 5);
	KUNIT_EXPECT_EQ(test, 0, doubled(f, 5));
	KUNIT_EXPECT_EQ(test, 1, doubled(f, 5));
	/* An area that is forgotten begins anew. */
	f->g.leaving[0].until = get_jiffies_64() -
				msecs_to_jiffies(PARLEY_MDEV_REMEMBER_MS) - 1;
	KUNIT_EXPECT_EQ(test, 0, pin(f, 5));
	unpin(f, 5);
	KUNIT_EXPECT_EQ(test, 0, doubled(f, 5));
}

static void more_may_be_taken_away_than_is_kept_in_mind(struct kunit *test)
{
	struct fake_gate *f = gate_new(test);
	struct leaver l;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, 0, pin(f, 1000));
	leaver_begin(&l, f, 1000, 1);
	for (i = 0; i < 3 * PARLEY_MDEV_LEAVING; i++)
		KUNIT_EXPECT_TRUE(test, parley_mdev_gate_leave(&f->g, AT(i), AT(1)));
	/* One that is waited for is not forgotten for them. */
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
	KUNIT_CASE(what_was_just_taken_away_is_not_held_at_once),
	KUNIT_CASE(each_time_again_it_is_twice_as_long),
	KUNIT_CASE(more_may_be_taken_away_than_is_kept_in_mind),
	{}
};

static struct kunit_suite gate_suite = {
	.name = "parley_nvme_mdev_gate",
	.test_cases = gate_cases,
};

kunit_test_suite(gate_suite);
