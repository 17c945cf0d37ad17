// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shadow doorbells: how often a guest has to ring, and what becomes of one that lies,
 * loses them, or has old ones.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include "guest.h"

#define DATA		GUEST_AT(GUEST_DATA)
#define NO(status)	PARLEY_EMU_NO(status)
/* Doorbells of the first pair of queues. */
#define SQ1		2
#define CQ1		3

static struct guest *shadowed(struct kunit *test)
{
	struct guest *g = guest_ready(test);

	KUNIT_ASSERT_EQ(test, 0, guest_shadow(g));
	return g;
}

static u32 event_of(struct guest *g, unsigned int bell)
{
	__le32 *events = guest_at(g, GUEST_EVENTS);

	return le32_to_cpu(READ_ONCE(events[bell]));
}

static void bell_is(struct guest *g, unsigned int bell, u32 value)
{
	__le32 *bells = guest_at(g, GUEST_BELLS);

	WRITE_ONCE(bells[bell], cpu_to_le32(value));
}

static void data_are_those_of_the_blocks(struct kunit *test)
{
	u8 *oracle = kunit_kzalloc(test, FAKE_BLOCKS * FAKE_BLOCK, GFP_KERNEL);
	struct guest *g = shadowed(test);
	u8 *data = guest_at(g, GUEST_DATA);
	u32 i, block, blocks, len;
	struct rnd_state rnd;
	bool out;

	KUNIT_ASSERT_NOT_NULL(test, oracle);
	prandom_seed_state(&rnd, 12);
	for (i = 0; i < 6 * GUEST_DEPTH; i++) {
		out = prandom_u32_state(&rnd) & 1;
		blocks = 1 + prandom_u32_state(&rnd) % 40;
		block = prandom_u32_state(&rnd) % (FAKE_BLOCKS - blocks + 1);
		len = blocks * FAKE_BLOCK;
		prandom_bytes_state(&rnd, data, len);
		if (out)
			memcpy(oracle + block * FAKE_BLOCK, data, len);
		KUNIT_ASSERT_EQ(test, 0, guest_rw(g, out ? nvme_cmd_write : nvme_cmd_read,
						  block, blocks, DATA));
		KUNIT_ASSERT_MEMEQ(test, data, oracle + block * FAKE_BLOCK, len);
	}
	KUNIT_EXPECT_MEMEQ(test, g->f->disk, oracle, sizeof(g->f->disk));
}

/* One at a time, with nothing under way: the command rings, and the answer does not. */
static void one_at_a_time_rings_once(struct kunit *test)
{
	struct guest *g = shadowed(test);
	unsigned int i;

	guest_rest(g);
	g->rings = 0;
	/* The first answers find an index that is not yet behind. */
	KUNIT_ASSERT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	guest_rest(g);
	g->rings = 0;
	for (i = 0; i < 2 * GUEST_DEPTH; i++) {
		KUNIT_ASSERT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
		guest_rest(g);
	}
	KUNIT_EXPECT_EQ(test, 2 * GUEST_DEPTH, g->rings);
}

/* -------------------------------------------- guests of other kinds */

static void whoever_has_no_shadow_for_a_queue_rings(struct kunit *test)
{
	struct guest *g = shadowed(test);
	struct nvme_command cmd = { .common.opcode = nvme_admin_keep_alive };
	unsigned int i;

	/* As Linux does for admin commands: its shadow stays what it was. */
	for (i = 0; i < 2 * GUEST_DEPTH; i++)
		KUNIT_ASSERT_EQ(test, 0, guest_do(g, 0, &cmd));
	/* And one that has a shadow for these as well. */
	bell_is(g, 0, g->queue[0].tail);
	bell_is(g, 1, g->queue[0].head);
	g->shadow_admin = true;
	for (i = 0; i < 2 * GUEST_DEPTH; i++)
		KUNIT_ASSERT_EQ(test, 0, guest_do(g, 0, &cmd));
}

/* It has used its queue before, and its shadow begins with zeroes. */
static void a_shadow_that_comes_later_counts_when_it_moves(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	unsigned int i;

	for (i = 0; i < 5; i++)
		KUNIT_ASSERT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	KUNIT_ASSERT_EQ(test, 0, guest_shadow(g));
	fake_arm(&g->f->c, FAKE_HONEST, 0);
	g->shadow = false;
	guest_rest(g);
	KUNIT_EXPECT_EQ(test, 0, g->f->c.commands);
	KUNIT_ASSERT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	KUNIT_EXPECT_EQ(test, 1, g->f->c.commands);
	g->shadow = true;
	for (i = 0; i < 2 * GUEST_DEPTH; i++)
		KUNIT_ASSERT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	KUNIT_EXPECT_EQ(test, 2 * GUEST_DEPTH + 1, g->f->c.commands);
}

static void a_queue_that_comes_later_has_one(struct kunit *test)
{
	struct guest *g = guest_enabled(test);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, guest_shadow(g));
	g->shadow = false;
	/* What an earlier queue left there is nothing of this one's. */
	bell_is(g, SQ1, 17);
	bell_is(g, CQ1, 30);
	guest_queues(g);
	fake_arm(&g->f->c, FAKE_HONEST, 0);
	guest_rest(g);
	KUNIT_EXPECT_EQ(test, 0, g->f->c.commands);
	bell_is(g, SQ1, 0);
	bell_is(g, CQ1, 0);
	g->shadow = true;
	for (i = 0; i < GUEST_DEPTH; i++)
		KUNIT_ASSERT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
}

/* Its driver does not ring, since the index says that somebody looks. */
static void what_comes_just_before_it_is_armed_is_seen(struct kunit *test)
{
	struct guest *g = shadowed(test);
	bool late, again;

	KUNIT_ASSERT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	scoped_guard(mutex, &g->e.mutex) {
		while (parley_emu_round(&g->e))
			;
		parley_emu_shadow_seen(&g->e, 1);
		bell_is(g, SQ1, (g->e.sq[1].head + 1) % GUEST_DEPTH);
		late = parley_emu_shadow_arm(&g->e);
		/* What has to wait is not looked at in vain. */
		WRITE_ONCE(g->e.vf->paused, true);
		again = parley_emu_shadow_arm(&g->e);
		WRITE_ONCE(g->e.vf->paused, false);
	}
	KUNIT_EXPECT_TRUE(test, late);
	KUNIT_EXPECT_FALSE(test, again);
}

/* ---------------------------------------------------------- the liar */

static void a_shadow_beyond_its_queue_is_a_fatal_fault(struct kunit *test)
{
	struct guest *g = shadowed(test);

	bell_is(g, SQ1, GUEST_DEPTH);
	parley_emu_write32(&g->e, NVME_REG_DBS + SQ1 * sizeof(u32), 1);
	KUNIT_EXPECT_TRUE(test, guest_failed(g));
	parley_emu_write32(&g->e, NVME_REG_CC, 0);
	g->shadow = false;
	guest_begin(g);
	KUNIT_ASSERT_EQ(test, 0, guest_shadow(g));
	bell_is(g, CQ1, U32_MAX);
	guest_put_reads(g, 1);
	KUNIT_EXPECT_TRUE(test, guest_failed(g));
}

/* Somebody who writes all of both pages all the time harms nobody but himself. */
static void both_pages_may_be_anything_at_any_time(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	struct rnd_state rnd;
	unsigned int i, bell;

	prandom_seed_state(&rnd, 13);
	fake_arm(&g->f->c, FAKE_HONEST, 0);
	memset(guest_at(g, GUEST_SQ), nvme_cmd_flush, PARLEY_NVME_PAGE);
	KUNIT_ASSERT_EQ(test, 0, guest_shadow(g));
	for (i = 0; i < 3000; i++) {
		bell = prandom_u32_state(&rnd) % (2 * PARLEY_EMU_QUEUES);
		bell_is(g, bell, prandom_u32_state(&rnd) % GUEST_DEPTH);
		((__le32 *)guest_at(g, GUEST_EVENTS))[bell] =
			cpu_to_le32(prandom_u32_state(&rnd));
		parley_emu_write32(&g->e, NVME_REG_DBS + bell * sizeof(u32),
				   prandom_u32_state(&rnd) % GUEST_DEPTH);
		if (!(i % 100))
			usleep_range(100, 1000);
	}
	g->shadow = false;
	parley_emu_write32(&g->e, NVME_REG_CC, 0);
	KUNIT_EXPECT_EQ(test, 0, parley_emu_read32(&g->e, NVME_REG_CSTS));
	guest_begin(g);
	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	guest_expect_idle(g);
}

static void a_shadow_that_is_lost_is_a_fatal_fault(struct kunit *test)
{
	struct guest *g = shadowed(test);

	guest_take_away(g, GUEST_BELLS, 1);
	parley_emu_write32(&g->e, NVME_REG_DBS + SQ1 * sizeof(u32), 1);
	KUNIT_EXPECT_TRUE(test, guest_failed(g));
	g->hidden[GUEST_BELLS] = false;
	parley_emu_write32(&g->e, NVME_REG_CC, 0);
	g->shadow = false;
	guest_begin(g);
	KUNIT_ASSERT_EQ(test, 0, guest_shadow(g));
	guest_rest(g);
	guest_take_away(g, GUEST_EVENTS, 1);
	guest_put_reads(g, 1);
	KUNIT_EXPECT_TRUE(test, guest_failed(g));
	g->hidden[GUEST_EVENTS] = false;
}

static void after_a_reset_there_is_none(struct kunit *test)
{
	struct guest *g = shadowed(test);
	u32 was;

	KUNIT_ASSERT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	parley_emu_reset(&g->e);
	g->shadow = false;
	was = event_of(g, SQ1);
	/* Neither read nor written any more. */
	g->hidden[GUEST_BELLS] = true;
	g->hidden[GUEST_EVENTS] = true;
	guest_begin(g);
	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	KUNIT_EXPECT_EQ(test, was, event_of(g, SQ1));
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, READ_ONCE(g->e.csts));
}

struct where {
	const char *name;
	u64 bells;
	u64 events;
};

static const struct where wheres[] = {
	{ "inside a page", DATA + 4, DATA + PARLEY_NVME_PAGE },
	{ "indexes inside a page", DATA, DATA + PARLEY_NVME_PAGE + 8 },
	{ "the same page", DATA, DATA },
	{ "no memory", 0x1000, DATA },
	{ "no memory for indexes", DATA, 0x1000 },
	{ "last page of all", ~0xfffULL, DATA },
	{ "indexes in the last page of all", DATA, ~0xfffULL },
};

static void where_name(const struct where *where, char *name)
{
	strscpy(name, where->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(where, wheres, where_name);

static void a_shadow_is_where_there_is_memory(struct kunit *test)
{
	const struct where *where = test->param_value;
	struct guest *g = shadowed(test);
	struct nvme_command cmd = {
		.dbbuf = {
			.opcode = nvme_admin_dbbuf,
			.prp1 = cpu_to_le64(where->bells),
			.prp2 = cpu_to_le64(where->events),
		},
	};

	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_FIELD), guest_do(g, 0, &cmd));
	/* The one that there was is still there. */
	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	KUNIT_EXPECT_TRUE(test, g->e.shadow.on);
}

static void a_full_queue_goes_on_when_it_was_read(struct kunit *test)
{
	struct guest *g = shadowed(test);
	struct nvme_completion cqe;
	struct nvme_command cmd;
	unsigned int i;

	fake_arm(&g->f->c, FAKE_HONEST, 0);
	for (i = 0; i < GUEST_DEPTH - 1; i++) {
		cmd = (struct nvme_command) { .common.opcode = nvme_cmd_flush,
					      .common.nsid = cpu_to_le32(1) };
		guest_put(g, 1, &cmd);
	}
	KUNIT_ASSERT_TRUE(test, guest_sees(&g->f->c.commands, GUEST_DEPTH - 1));
	for (i = 0; i < 5; i++) {
		cmd = (struct nvme_command) { .common.opcode = nvme_cmd_flush,
					      .common.nsid = cpu_to_le32(1) };
		guest_put(g, 1, &cmd);
	}
	guest_rest(g);
	KUNIT_EXPECT_EQ(test, GUEST_DEPTH - 1, g->f->c.commands);
	g->rings = 0;
	for (i = 0; i < GUEST_DEPTH - 1 + 5; i++)
		KUNIT_ASSERT_EQ(test, 0, guest_take(g, 1, &cqe));
	/* That it has read some had to be said. */
	KUNIT_EXPECT_GE(test, g->rings, 1);
}

/* Both pages are used directly, until they are taken away, and again when they are back. */
static void pages_that_are_taken_away_are_not_touched(struct kunit *test)
{
	struct guest *g = shadowed(test);
	unsigned int i;
	u32 was;

	KUNIT_EXPECT_EQ(test, 1, g->shared[GUEST_BELLS]);
	KUNIT_EXPECT_EQ(test, 1, g->shared[GUEST_EVENTS]);
	for (i = 0; i < 5; i++) {
		KUNIT_ASSERT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
		guest_rest(g);
		was = event_of(g, SQ1);
		guest_take_away(g, GUEST_BELLS, 2);
		KUNIT_EXPECT_NULL(test, parley_emu_shared(&g->e.pages.bells));
		KUNIT_EXPECT_NULL(test, parley_emu_shared(&g->e.pages.events));
		KUNIT_EXPECT_EQ(test, was, event_of(g, SQ1));
		/* As long as it is asleep, nobody misses them. */
		g->hidden[GUEST_BELLS] = false;
		g->hidden[GUEST_EVENTS] = false;
		msleep(i % 2 ? 2 * PARLEY_EMU_SHARE_MS : 0);
		KUNIT_ASSERT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	}
	msleep(2 * PARLEY_EMU_SHARE_MS);
	KUNIT_ASSERT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	guest_rest(g);
	KUNIT_EXPECT_EQ(test, 1, g->shared[GUEST_BELLS]);
	/* Taken away for good, in mid-run. */
	guest_take_away(g, GUEST_BELLS, 1);
	parley_emu_write32(&g->e, NVME_REG_DBS + SQ1 * sizeof(u32), 1);
	KUNIT_EXPECT_TRUE(test, guest_failed(g));
	parley_emu_reset(&g->e);
	KUNIT_EXPECT_EQ(test, 0, g->shared[GUEST_EVENTS]);
}

/* It has to be lowered at once: what is taken has to be told of, each time. */
static void with_a_line_each_answer_that_is_taken_rings(struct kunit *test)
{
	struct guest *g = shadowed(test);
	unsigned int i;

	parley_emu_wire(&g->e, true);
	for (i = 0; i < 3 * GUEST_DEPTH; i++) {
		KUNIT_ASSERT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
		guest_rest(g);
		KUNIT_ASSERT_FALSE(test, READ_ONCE(g->raised));
	}
	parley_emu_wire(&g->e, false);
}

static struct kunit_case shadow_cases[] = {
	KUNIT_CASE(data_are_those_of_the_blocks),
	KUNIT_CASE(one_at_a_time_rings_once),
	KUNIT_CASE(whoever_has_no_shadow_for_a_queue_rings),
	KUNIT_CASE(a_shadow_that_comes_later_counts_when_it_moves),
	KUNIT_CASE(a_queue_that_comes_later_has_one),
	KUNIT_CASE(what_comes_just_before_it_is_armed_is_seen),
	KUNIT_CASE(a_shadow_beyond_its_queue_is_a_fatal_fault),
	KUNIT_CASE(both_pages_may_be_anything_at_any_time),
	KUNIT_CASE(a_shadow_that_is_lost_is_a_fatal_fault),
	KUNIT_CASE(after_a_reset_there_is_none),
	KUNIT_CASE_PARAM(a_shadow_is_where_there_is_memory, where_gen_params),
	KUNIT_CASE(a_full_queue_goes_on_when_it_was_read),
	KUNIT_CASE(pages_that_are_taken_away_are_not_touched),
	KUNIT_CASE(with_a_line_each_answer_that_is_taken_rings),
	{}
};

static struct kunit_suite shadow_suite = {
	.name = "parley_nvme_emu_shadow",
	.test_cases = shadow_cases,
};

kunit_test_suite(shadow_suite);
