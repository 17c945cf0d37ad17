// SPDX-License-Identifier: GPL-2.0-only
/*
 * Answers on a grid of time: nothing happens between its points.
 */
#include <linux/delay.h>
#include "guest.h"

#define DATA	GUEST_AT(GUEST_DATA)
/* So narrow that points come by themselves, and so wide that none does. */
#define NARROW_US	5000
#define WIDE_NS		(3600ULL * NSEC_PER_SEC)

static struct guest *guest_on_grid(struct kunit *test)
{
	const struct parley_emu_config config = {
		.serial = "guest",
		.queues = PARLEY_NVME_IO_QUEUES,
		.grid_us = NARROW_US,
	};
	struct guest *g = guest_like(test, &config);

	guest_begin(g);
	return g;
}

static void narrow(void *data)
{
	struct guest *g = data;

	g->e.grid.period = NARROW_US * (u64)NSEC_PER_USEC;
}

/* Points come by hand alone, until the test ends. */
static struct guest *guest_by_hand(struct kunit *test)
{
	struct guest *g = guest_on_grid(test);

	msleep(50);
	scoped_guard(mutex, &g->e.mutex)
		g->e.grid.period = WIDE_NS;
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, narrow, g));
	hrtimer_cancel(&g->e.grid.timer);
	kthread_flush_work(&g->e.work);
	hrtimer_cancel(&g->e.grid.timer);
	WRITE_ONCE(g->e.grid.due, false);
	return g;
}

struct point {
	u64 base;
	u64 period;
	u64 now;
	u64 point;
};

static void points_are_multiples(struct kunit *test)
{
	static const struct point points[] = {
		{ 0, 1, 0, 1 },
		{ 0, 1000, 0, 1000 },
		{ 0, 1000, 999, 1000 },
		{ 0, 1000, 1000, 2000 },
		{ 7, 1000, 7, 1007 },
		{ 7, 1000, 1006, 1007 },
		{ 7, 1000, 1007, 2007 },
		{ 5, 1000000000, 1ULL << 40, 1100000000005 },
	};
	const struct point *p;

	for (p = points; p < points + ARRAY_SIZE(points); p++)
		KUNIT_EXPECT_EQ(test, p->point,
				parley_emu_grid_after(p->base, p->period, p->now));
}

/* A point, by hand. */
static void tick(struct guest *g)
{
	parley_emu_grid_tick(&g->e);
	kthread_flush_work(&g->e.work);
}

static bool answered(struct guest *g, unsigned int nr)
{
	struct guest_queue *q = &g->queue[nr];
	struct nvme_completion *at;

	at = (void *)(g->memory + (q->cq - GUEST_BASE) + q->head * sizeof(*at));
	/* The rest after the phase, which is written last. */
	return (le16_to_cpu(smp_load_acquire(&at->status)) & 1) == q->phase;
}

static void put_read(struct guest *g)
{
	struct nvme_command cmd = {
		.rw = {
			.opcode = nvme_cmd_read,
			.nsid = cpu_to_le32(1),
			.dptr.prp1 = cpu_to_le64(DATA),
		},
	};

	guest_put(g, 1, &cmd);
}

static void it_is_begun_at_a_point_and_over_at_the_next(struct kunit *test)
{
	struct guest *g = guest_by_hand(test);
	struct nvme_completion cqe;
	unsigned int told;

	fake_arm(&g->f->c, FAKE_HONEST, 0);
	told = g->interrupts[1];
	put_read(g);
	msleep(50);
	KUNIT_EXPECT_EQ(test, 0, READ_ONCE(g->f->c.commands));
	tick(g);
	/* The function is done with it at once, and that is not to be seen. */
	flush_work(&g->f->c.work);
	kthread_flush_work(&g->e.work);
	KUNIT_EXPECT_EQ(test, 1, READ_ONCE(g->f->c.commands));
	msleep(50);
	KUNIT_EXPECT_FALSE(test, answered(g, 1));
	KUNIT_EXPECT_EQ(test, told, g->interrupts[1]);
	tick(g);
	KUNIT_EXPECT_TRUE(test, answered(g, 1));
	KUNIT_EXPECT_EQ(test, told + 1, g->interrupts[1]);
	KUNIT_EXPECT_EQ(test, 0, guest_take(g, 1, &cqe));
}

/* One that takes longer than the grid is wide is over at a later point. */
static void what_takes_long_is_over_at_a_later_point(struct kunit *test)
{
	struct guest *g = guest_by_hand(test);
	struct nvme_completion cqe;
	unsigned int i;

	fake_arm(&g->f->c, FAKE_SILENT, 0);
	put_read(g);
	for (i = 0; i < 4; i++) {
		tick(g);
		flush_work(&g->f->c.work);
		KUNIT_EXPECT_FALSE(test, answered(g, 1));
	}
	fake_release(&g->f->c);
	msleep(50);
	KUNIT_EXPECT_FALSE(test, answered(g, 1));
	tick(g);
	KUNIT_EXPECT_EQ(test, 0, guest_take(g, 1, &cqe));
}

/* An abort, and whatever else needs no function, is no faster. */
static void admin_commands_have_their_points_as_well(struct kunit *test)
{
	struct guest *g = guest_by_hand(test);
	struct nvme_command cmd = { .common.opcode = nvme_admin_abort_cmd };
	struct nvme_completion cqe;

	guest_put(g, 0, &cmd);
	msleep(50);
	KUNIT_EXPECT_FALSE(test, answered(g, 0));
	tick(g);
	KUNIT_EXPECT_EQ(test, 0, guest_take(g, 0, &cqe));
}

static void points_come_by_themselves_while_there_is_something_to_do(struct kunit *test)
{
	struct guest *g = guest_on_grid(test);
	unsigned int i;

	for (i = 0; i < 20; i++)
		KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_read, i, 1, DATA));
	guest_expect_idle(g);
	msleep(50);
	kthread_flush_work(&g->e.work);
	msleep(50);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&g->e.grid.timer));
}

/* The function answers a while later. */
struct later {
	struct delayed_work work;
	struct fake *f;
};

static void release(struct work_struct *work)
{
	fake_release(container_of(to_delayed_work(work), struct later, work)->f);
}

static void a_reset_needs_no_point_and_ends_at_one(struct kunit *test)
{
	struct guest *g = guest_on_grid(test);
	struct later later = { .f = &g->f->c };
	u64 was;

	INIT_DELAYED_WORK_ONSTACK(&later.work, release);
	put_read(g);
	msleep(50);
	put_read(g);
	parley_emu_write32(&g->e, NVME_REG_CC, 0);
	guest_expect_idle(g);
	KUNIT_EXPECT_EQ(test, 0, parley_emu_read32(&g->e, NVME_REG_CSTS));
	guest_begin(g);
	/* With something in flight. */
	guest_keep(g, 2);
	schedule_delayed_work(&later.work, msecs_to_jiffies(50));
	was = parley_emu_grid_after(g->e.grid.base, g->e.grid.period, ktime_get_ns());
	parley_emu_reset(&g->e);
	KUNIT_EXPECT_LE(test, was, ktime_get_ns());
	guest_expect_idle(g);
	flush_delayed_work(&later.work);
	destroy_delayed_work_on_stack(&later.work);
}

/* Closed with all of it under way: see guest_end(). */
static void it_is_left_between_two_points(struct kunit *test)
{
	struct guest *g = guest_by_hand(test);

	put_read(g);
	tick(g);
	put_read(g);
}

static struct kunit_case grid_cases[] = {
	KUNIT_CASE(points_are_multiples),
	KUNIT_CASE(it_is_begun_at_a_point_and_over_at_the_next),
	KUNIT_CASE(what_takes_long_is_over_at_a_later_point),
	KUNIT_CASE(admin_commands_have_their_points_as_well),
	KUNIT_CASE(points_come_by_themselves_while_there_is_something_to_do),
	KUNIT_CASE(a_reset_needs_no_point_and_ends_at_one),
	KUNIT_CASE(it_is_left_between_two_points),
	{}
};

static struct kunit_suite grid_suite = {
	.name = "parley_nvme_emu_grid",
	.test_cases = grid_cases,
};

kunit_test_suite(grid_suite);
