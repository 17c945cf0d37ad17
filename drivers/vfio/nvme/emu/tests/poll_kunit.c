// SPDX-License-Identifier: GPL-2.0-only
/*
 * A controller that is polled: what is learnt, what it costs in vain, and that nothing is
 * lost between looking and sleeping.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include "guest.h"

#define DATA		GUEST_AT(GUEST_DATA)
#define LEAST		(PARLEY_EMU_POLL_US / PARLEY_EMU_POLL_STEPS)
#define MOST_NS		((u64)PARLEY_EMU_POLL_US * NSEC_PER_USEC)

static void how_long_it_looks_is_learnt(struct kunit *test)
{
	struct parley_emu_poll p = { .most_us = PARLEY_EMU_POLL_US };
	unsigned int i;

	parley_emu_poll_learn(&p, false);
	KUNIT_EXPECT_EQ(test, 0, p.us);
	parley_emu_poll_learn(&p, true);
	KUNIT_EXPECT_EQ(test, LEAST, p.us);
	for (i = 0; i < 10; i++)
		parley_emu_poll_learn(&p, true);
	KUNIT_EXPECT_EQ(test, PARLEY_EMU_POLL_US, p.us);
	for (i = LEAST; i < PARLEY_EMU_POLL_US; i *= 2)
		parley_emu_poll_learn(&p, false);
	KUNIT_EXPECT_EQ(test, LEAST, p.us);
	parley_emu_poll_learn(&p, false);
	KUNIT_EXPECT_EQ(test, 0, p.us);
}

/* One after the other, with a pause that is longer than the shortest look. */
static void who_takes_longer_is_looked_for_longer(struct kunit *test)
{
	struct parley_emu_poll p = { .most_us = PARLEY_EMU_POLL_US };
	const u64 pause = 3 * LEAST * NSEC_PER_USEC;
	u64 now = NSEC_PER_SEC, time, vain = 0;
	unsigned int i;

	for (i = 0; i < 100; i++) {
		time = parley_emu_poll_time(&p, now);
		if (time < pause) {
			parley_emu_poll_vain(&p, time);
			vain++;
		}
		/* Found, or sleep that looking would have spared. */
		parley_emu_poll_learn(&p, true);
		now += pause;
	}
	KUNIT_EXPECT_LE(test, vain, 10);
	KUNIT_EXPECT_EQ(test, PARLEY_EMU_POLL_US, p.us);
}

static void looking_in_vain_costs_a_part_of_the_time(struct kunit *test)
{
	struct parley_emu_poll p = { .most_us = PARLEY_EMU_POLL_US };
	u64 now = 1000, spent = 0, time;

	/* Of the first second, with one who never finds anything and never learns. */
	while (now < NSEC_PER_SEC) {
		p.us = PARLEY_EMU_POLL_US;
		time = parley_emu_poll_time(&p, now);
		KUNIT_ASSERT_LE(test, time, MOST_NS);
		parley_emu_poll_vain(&p, time);
		spent += time;
		now += time + 1000;
	}
	KUNIT_EXPECT_LE(test, spent, NSEC_PER_SEC / 100 * PARLEY_EMU_POLL_PERCENT + MOST_NS);
	KUNIT_EXPECT_GE(test, spent, NSEC_PER_SEC / 100 * (PARLEY_EMU_POLL_PERCENT - 1));
	/* What was saved up is no more than one long look. */
	p.us = PARLEY_EMU_POLL_US;
	KUNIT_EXPECT_EQ(test, MOST_NS, parley_emu_poll_time(&p, U64_MAX));
	/* A look that took longer than it might, and a clock that goes back. */
	parley_emu_poll_vain(&p, U64_MAX);
	KUNIT_EXPECT_EQ(test, 0, parley_emu_poll_time(&p, 0));
}

static bool sleeps(struct guest *g)
{
	unsigned int i;

	for (i = 0; i < FAKE_LONG_MS / 20; i++) {
		/* Only a look: whoever comes meanwhile is seen at the next. */
		if (waitqueue_active(&g->e.poll.wait))
			return true;
		msleep(20);
	}
	return false;
}

static void works(struct kunit *test, struct guest *g, unsigned int nr)
{
	u8 *oracle = kunit_kzalloc(test, FAKE_BLOCKS * FAKE_BLOCK, GFP_KERNEL);
	u8 *data = guest_at(g, GUEST_DATA);
	u32 i, block, blocks, len;
	struct rnd_state rnd;
	bool out;

	KUNIT_ASSERT_NOT_NULL(test, oracle);
	memcpy(oracle, g->f->disk, sizeof(g->f->disk));
	prandom_seed_state(&rnd, 14);
	for (i = 0; i < nr; i++) {
		out = prandom_u32_state(&rnd) & 1;
		blocks = 1 + prandom_u32_state(&rnd) % 40;
		block = prandom_u32_state(&rnd) % (FAKE_BLOCKS - blocks + 1);
		len = blocks * FAKE_BLOCK;
		prandom_bytes_state(&rnd, data, len);
		if (out)
			memcpy(oracle + block * FAKE_BLOCK, data, len);
		/* Between two of them it may have gone to sleep, or be about to. */
		if (prandom_u32_state(&rnd) & 1)
			usleep_range(1, 500);
		KUNIT_ASSERT_EQ(test, 0, guest_rw(g, out ? nvme_cmd_write : nvme_cmd_read,
						  block, blocks, DATA));
		KUNIT_ASSERT_EQ(test, 0, memcmp(data, oracle + block * FAKE_BLOCK, len));
	}
	KUNIT_EXPECT_TRUE(test, sleeps(g));
}

static void with_registers_it_works_and_sleeps(struct kunit *test)
{
	struct guest *g = guest_polled(test);

	guest_begin(g);
	works(test, g, 4 * GUEST_DEPTH);
}

static void so_it_does_with_shadows(struct kunit *test)
{
	struct guest *g = guest_polled(test);

	guest_begin(g);
	KUNIT_ASSERT_EQ(test, 0, guest_shadow(g));
	works(test, g, 8 * GUEST_DEPTH);
}

/* Doorbells that are memory: what is written there while it goes to sleep is found. */
static void so_it_does_with_mapped_doorbells(struct kunit *test)
{
	struct guest *g = guest_polled(test);

	KUNIT_EXPECT_PTR_EQ(test, virt_to_page(g->e.doorbell), parley_emu_bells(&g->e));
	g->maps = true;
	guest_begin(g);
	works(test, g, 8 * GUEST_DEPTH);
	KUNIT_EXPECT_EQ(test, 0, g->rings);
	KUNIT_EXPECT_GT(test, g->faults, 0);
	/* And with both. */
	KUNIT_ASSERT_EQ(test, 0, guest_shadow(g));
	works(test, g, 4 * GUEST_DEPTH);
	KUNIT_EXPECT_EQ(test, 0, g->rings);
}

/* So long that this machine is not too slow for it. */
static void looks_for(struct guest *g, u32 us)
{
	KUNIT_ASSERT_TRUE(g->test, sleeps(g));
	g->e.poll.most_us = us;
	g->e.poll.us = us;
	/* Long ago: it may be spent in vain. */
	g->e.poll.credited = 0;
	parley_emu_kick(&g->e);
}

/* While it looks, nobody rings, and nobody's page faults: not once, one at a time. */
static void while_it_looks_nobody_rings(struct kunit *test)
{
	struct guest *g = guest_polled(test);
	unsigned int i;

	guest_begin(g);
	KUNIT_ASSERT_EQ(test, 0, guest_shadow(g));
	looks_for(g, 30 * USEC_PER_SEC);
	KUNIT_ASSERT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	g->rings = 0;
	for (i = 0; i < 4 * GUEST_DEPTH; i++)
		KUNIT_ASSERT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	KUNIT_EXPECT_EQ(test, 0, g->rings);
	/* And with doorbells that are mapped, and no shadow. */
	parley_emu_reset(&g->e);
	g->shadow = false;
	g->maps = true;
	guest_begin(g);
	g->faults = 0;
	for (i = 0; i < 4 * GUEST_DEPTH; i++)
		KUNIT_ASSERT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	KUNIT_EXPECT_EQ(test, 0, g->faults);
	KUNIT_EXPECT_EQ(test, 0, g->rings);
}

/* Who sleeps at once, and a guest that needs a while from its fault to its write. */
static void who_touches_doorbells_has_time_to_write(struct kunit *test)
{
	struct guest *g = guest_polled(test);
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, sleeps(g));
	g->e.poll.most_us = PARLEY_EMU_POLL_MAX_US;
	g->maps = true;
	g->slow_us = PARLEY_EMU_POLL_MAX_US / PARLEY_EMU_POLL_STEPS / 4;
	guest_begin(g);
	g->faults = 0;
	for (i = 0; i < GUEST_DEPTH; i++) {
		KUNIT_ASSERT_TRUE(test, sleeps(g));
		g->e.poll.us = 0;
		g->e.poll.credit = 0;
		KUNIT_ASSERT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	}
	/* Once to ring for it, and once to say that the answer was taken. */
	KUNIT_EXPECT_LE(test, g->faults, 2 * GUEST_DEPTH);
}

static void after_a_reset_mapped_doorbells_are_zeroes(struct kunit *test)
{
	struct guest *g = guest_polled(test);

	g->maps = true;
	guest_begin(g);
	memset(g->e.doorbell, 0xff, PAGE_SIZE);
	parley_emu_reset(&g->e);
	KUNIT_EXPECT_NULL(test, memchr_inv(g->e.doorbell, 0, PAGE_SIZE));
	guest_begin(g);
	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
}

static void who_does_not_poll_has_none_to_map(struct kunit *test)
{
	struct guest *g = guest_ready(test);

	KUNIT_EXPECT_NULL(test, parley_emu_bells(&g->e));
	KUNIT_EXPECT_NULL(test, g->e.poll.task);
}

/* A guest that keeps it busy for good, and whose VMM is killed. */
static void it_stops_at_once_when_it_is_busy(struct kunit *test)
{
	struct guest *g = guest_polled(test);
	unsigned long start;
	unsigned int i;

	guest_begin(g);
	memset(guest_at(g, GUEST_SQ), 0xff, PARLEY_NVME_PAGE);
	for (i = 0; i < 1000; i++) {
		g->e.doorbell[2] = i % GUEST_DEPTH;
		g->e.doorbell[3] = (i + 1) % GUEST_DEPTH;
		parley_emu_kick(&g->e);
	}
	start = jiffies;
	parley_emu_reset(&g->e);
	parley_emu_poll_stop(&g->e);
	KUNIT_EXPECT_LT(test, jiffies - start, 2UL * HZ);
	KUNIT_EXPECT_NULL(test, g->e.poll.task);
}

static struct kunit_case poll_cases[] = {
	KUNIT_CASE(how_long_it_looks_is_learnt),
	KUNIT_CASE(who_takes_longer_is_looked_for_longer),
	KUNIT_CASE(looking_in_vain_costs_a_part_of_the_time),
	KUNIT_CASE(with_registers_it_works_and_sleeps),
	KUNIT_CASE(so_it_does_with_shadows),
	KUNIT_CASE(so_it_does_with_mapped_doorbells),
	KUNIT_CASE(while_it_looks_nobody_rings),
	KUNIT_CASE(who_touches_doorbells_has_time_to_write),
	KUNIT_CASE(after_a_reset_mapped_doorbells_are_zeroes),
	KUNIT_CASE(who_does_not_poll_has_none_to_map),
	KUNIT_CASE(it_stops_at_once_when_it_is_busy),
	{}
};

static struct kunit_suite poll_suite = {
	.name = "parley_nvme_emu_poll",
	.test_cases = poll_cases,
};

kunit_test_suite(poll_suite);
