// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads and writes of a guest: data against a naive disk, lists of pages of every
 * shape, and guests that lie, change their minds or lose their memory.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <parley/export.h>
#include "guest.h"

static void data_are_those_of_the_blocks(struct kunit *test)
{
	u8 *oracle = kunit_kzalloc(test, FAKE_BLOCKS * FAKE_BLOCK, GFP_KERNEL);
	struct guest *g = guest_ready(test);
	u8 *data = guest_at(g, GUEST_DATA);
	u32 i, block, blocks, offset, len;
	struct rnd_state rnd;
	bool out;

	KUNIT_ASSERT_NOT_NULL(test, oracle);
	prandom_seed_state(&rnd, 11);
	for (i = 0; i < 6 * GUEST_DEPTH; i++) {
		out = prandom_u32_state(&rnd) & 1;
		blocks = 1 + prandom_u32_state(&rnd) % (i % 4 ? 40 : 256);
		block = prandom_u32_state(&rnd) % (FAKE_BLOCKS - blocks + 1);
		offset = prandom_u32_state(&rnd) % (PARLEY_NVME_PAGE / 4) * 4;
		len = blocks * FAKE_BLOCK;
		prandom_bytes_state(&rnd, data + offset, len);
		if (out)
			memcpy(oracle + block * FAKE_BLOCK, data + offset, len);
		KUNIT_ASSERT_EQ(test, 0, guest_rw(g, out ? nvme_cmd_write : nvme_cmd_read,
						  block, blocks,
						  GUEST_AT(GUEST_DATA) + offset));
		KUNIT_ASSERT_MEMEQ(test, data + offset, oracle + block * FAKE_BLOCK, len);
		guest_expect_idle(g);
	}
	KUNIT_EXPECT_MEMEQ(test, g->f->disk, oracle, sizeof(g->f->disk));
	KUNIT_EXPECT_GT(test, g->interrupts[1], 0);
}

static struct nvme_command rw(u8 opcode, u64 block, u32 blocks, u64 prp1, u64 prp2)
{
	return (struct nvme_command) {
		.rw = {
			.opcode = opcode,
			.nsid = cpu_to_le32(1),
			.slba = cpu_to_le64(block),
			.length = cpu_to_le16(blocks - 1),
			.dptr.prp1 = cpu_to_le64(prp1),
			.dptr.prp2 = cpu_to_le64(prp2),
		},
	};
}

struct bad {
	const char *name;
	u8 opcode;
	u64 block;
	u32 blocks;
	u64 prp1;
	u64 prp2;
	u16 status;
};

#define DATA	GUEST_AT(GUEST_DATA)
#define LIST	GUEST_AT(GUEST_LIST)
#define NOWHERE	0x1000
#define NO(status)	PARLEY_EMU_NO(status)

static const struct bad bads[] = {
	{ "last block", nvme_cmd_read, FAKE_BLOCKS - 1, 1, DATA, 0, 0 },
	{ "flush", nvme_cmd_flush, 0, 1, 0, 0, 0 },
	{ "flush does not look at pages", nvme_cmd_flush, 0, 1, NOWHERE, 3, 0 },
	{ "beyond the end", nvme_cmd_read, FAKE_BLOCKS, 1, DATA, 0, NO(NVME_SC_LBA_RANGE) },
	{ "over the end", nvme_cmd_write, FAKE_BLOCKS - 1, 2, DATA, 0,
	  NO(NVME_SC_LBA_RANGE) },
	{ "wraps", nvme_cmd_write, U64_MAX, 2, DATA, 0, NO(NVME_SC_LBA_RANGE) },
	{ "too long", nvme_cmd_read, 0, 257, DATA, LIST, NO(NVME_SC_INVALID_FIELD) },
	{ "longest of all", nvme_cmd_read, 0, 65536, DATA, LIST, NO(NVME_SC_LBA_RANGE) },
	{ "no memory", nvme_cmd_write, 0, 1, NOWHERE, 0, NVME_SC_DATA_XFER_ERROR },
	{ "last page of all", nvme_cmd_read, 0, 1, ~0xfffULL, 0, NVME_SC_DATA_XFER_ERROR },
	{ "second page no memory", nvme_cmd_read, 0, 16, DATA, NOWHERE,
	  NVME_SC_DATA_XFER_ERROR },
	{ "list no memory", nvme_cmd_read, 0, 24, DATA, NOWHERE, NVME_SC_DATA_XFER_ERROR },
	{ "list wraps", nvme_cmd_read, 0, 24, DATA, U64_MAX - 7, NVME_SC_DATA_XFER_ERROR },
	{ "odd address", nvme_cmd_read, 0, 1, DATA + 2, 0,
	  NO(NVME_SC_PRP_INVALID_OFFSET) },
	{ "bad_59 second page inside", nvme_cmd_read, 0, 16, DATA, DATA + 4,
	  NO(NVME_SC_PRP_INVALID_OFFSET) },
	{ "bad_59 list at half an entry", nvme_cmd_read, 0, 24, DATA, LIST + 4,
	  NO(NVME_SC_PRP_INVALID_OFFSET) },
	{ "zeroes", nvme_cmd_write_zeroes, 0, 1, 0, 0, NO(NVME_SC_INVALID_OPCODE) },
	{ "deallocate", nvme_cmd_dsm, 0, 1, DATA, 0, NO(NVME_SC_INVALID_OPCODE) },
	{ "uncorrectable", nvme_cmd_write_uncor, 0, 1, 0, 0, NO(NVME_SC_INVALID_OPCODE) },
	{ "reservation", nvme_cmd_resv_acquire, 0, 1, DATA, 0, NO(NVME_SC_INVALID_OPCODE) },
	{ "vendor's", 0x80, 0, 1, DATA, 0, NO(NVME_SC_INVALID_OPCODE) },
};

static void bad_name(const struct bad *bad, char *name)
{
	strscpy(name, bad->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(bad, bads, bad_name);

static void bad_59_what_is_wrong_is_answered_and_goes_nowhere(struct kunit *test)
{
	const struct bad *bad = test->param_value;
	struct guest *g = guest_ready(test);
	struct nvme_command cmd = rw(bad->opcode, bad->block, bad->blocks, bad->prp1,
				     bad->prp2);

	fake_arm(&g->f->c, FAKE_HONEST, 0);
	KUNIT_EXPECT_EQ(test, bad->status, guest_do(g, 1, &cmd));
	KUNIT_EXPECT_EQ(test, !bad->status, g->f->c.commands);
	guest_expect_idle(g);
	/* And the next one is served. */
	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
}

static void no_other_opcode_reaches_the_function(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	struct nvme_command cmd;
	unsigned int opcode;

	fake_arm(&g->f->c, FAKE_HONEST, 0);
	for (opcode = 0; opcode < 256; opcode++) {
		if (opcode <= nvme_cmd_read)
			continue;
		cmd = rw(opcode, 0, 1, DATA, 0);
		KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_OPCODE), guest_do(g, 1, &cmd));
	}
	KUNIT_EXPECT_EQ(test, 0, g->f->c.commands);
}

static void fields_that_are_not_served_are_refused(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	struct nvme_command cmd = rw(nvme_cmd_read, 0, 1, DATA, 0);

	cmd.rw.flags = NVME_CMD_SGL_METABUF;
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_FIELD), guest_do(g, 1, &cmd));
	cmd.rw.flags = NVME_CMD_FUSE_FIRST;
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_FIELD), guest_do(g, 1, &cmd));
	cmd.rw.flags = 0;
	cmd.rw.nsid = cpu_to_le32(2);
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_NS), guest_do(g, 1, &cmd));
	cmd.rw.nsid = cpu_to_le32(PARLEY_NVME_NSID_ALL);
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_NS), guest_do(g, 1, &cmd));
}

static void no_more_than_the_function_takes_at_a_time(struct kunit *test)
{
	struct guest *g = guest_ready(test);

	g->f->vf.n.id.transfer = 2 * PARLEY_NVME_PAGE;
	KUNIT_EXPECT_EQ(test, 2 * PARLEY_NVME_PAGE, parley_emu_most(&g->e));
	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 16, DATA));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_FIELD),
			guest_rw(g, nvme_cmd_read, 0, 17, DATA));
}

/* ------------------------------------------------------ lists of pages */

/* A list that begins near the end of a page, or at its last entry. */
static void a_list_goes_on_in_its_next_page(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	const unsigned int nr = 6, per = PARLEY_NVME_PAGE / sizeof(__le64);
	__le64 *list = guest_at(g, GUEST_LIST), *next = guest_at(g, GUEST_LIST2);
	unsigned int room, i;
	struct nvme_command cmd;

	for (room = 1; room <= nr; room++) {
		for (i = 0; i < nr; i++)
			*(i < room - 1 || room == nr ? &list[per - room + i] :
			  &next[i - (room - 1)]) =
				cpu_to_le64(GUEST_AT(GUEST_DATA + 1 + i));
		if (room < nr)
			list[per - 1] = cpu_to_le64(GUEST_AT(GUEST_LIST2));
		memset(guest_at(g, GUEST_DATA), room, (nr + 1) * PARLEY_NVME_PAGE);
		cmd = rw(nvme_cmd_write, 0, (nr + 1) * PARLEY_NVME_PAGE / FAKE_BLOCK, DATA,
			 LIST + (per - room) * sizeof(__le64));
		KUNIT_EXPECT_EQ(test, 0, guest_do(g, 1, &cmd));
		KUNIT_EXPECT_NULL(test, memchr_inv(g->f->disk, room,
						   (nr + 1) * PARLEY_NVME_PAGE));
	}
}

static void bad_06_a_list_that_leads_to_itself_ends(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	__le64 *list = guest_at(g, GUEST_LIST);
	struct nvme_command cmd = rw(nvme_cmd_read, 0, 256, DATA + 512,
				     LIST + PARLEY_NVME_PAGE - sizeof(__le64));
	unsigned int i;

	memset(list, 0, PARLEY_NVME_PAGE);
	/* Its entries are read as pages from there on: those of its own page. */
	for (i = 0; i < PARLEY_NVME_PAGE / sizeof(*list); i++)
		list[i] = cpu_to_le64(LIST);
	KUNIT_EXPECT_EQ(test, 0, guest_do(g, 1, &cmd));
	/* To where no page begins, it does not lead. */
	memset(list, 0, PARLEY_NVME_PAGE);
	list[PARLEY_NVME_PAGE / sizeof(*list) - 1] =
		cpu_to_le64(LIST + PARLEY_NVME_PAGE - sizeof(__le64));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_PRP_INVALID_OFFSET), guest_do(g, 1, &cmd));
	guest_expect_idle(g);
}

static void one_bad_page_lets_go_of_all(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	unsigned int i;

	fake_arm(&g->f->c, FAKE_HONEST, 0);
	for (i = 0; i < 9; i++) {
		g->hidden[GUEST_DATA + i] = true;
		KUNIT_EXPECT_EQ(test, NVME_SC_DATA_XFER_ERROR,
				guest_rw(g, nvme_cmd_read, 0, 72, DATA));
		g->hidden[GUEST_DATA + i] = false;
		guest_expect_idle(g);
	}
	KUNIT_EXPECT_EQ(test, 0, g->f->c.commands);
}

/* ------------------------------------- the function lies, dies, is late */

static void an_error_of_the_function_is_the_guests(struct kunit *test)
{
	struct guest *g = guest_ready(test);

	fake_arm(&g->f->c, FAKE_REFUSES, 1);
	KUNIT_EXPECT_EQ(test, FAKE_REFUSED, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
}

static void a_disk_that_is_lost_is_a_fatal_fault(struct kunit *test)
{
	struct guest *g = guest_ready(test);

	fake_arm(&g->f->c, FAKE_VANISHES, 1);
	KUNIT_EXPECT_EQ(test, NVME_SC_INTERNAL, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	guest_expect_idle(g);
	KUNIT_EXPECT_TRUE(test, guest_failed(g));
	/* A reset leads to no controller, as there is no function. */
	parley_emu_write32(&g->e, NVME_REG_CC, 0);
	KUNIT_EXPECT_EQ(test, 0, parley_emu_read32(&g->e, NVME_REG_CSTS));
	KUNIT_EXPECT_EQ(test, U32_MAX, (u32)guest_enable(g));
	/* Until there is one. */
	g->f->c.gone = false;
	parley_emu_write32(&g->e, NVME_REG_CC, 0);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, guest_enable(g));
}

static void memory_is_held_as_long_as_it_is_used(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	struct nvme_completion cqe;
	unsigned int i;

	guest_keep(g, 3);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, 1, g->pins[GUEST_DATA + i]);
	fake_release(&g->f->c);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, 0, guest_take(g, 1, &cqe));
	/* Before the guest is told. */
	guest_expect_idle(g);
}

/* ------------------------------------------- its memory is taken away */

static void put_read(struct guest *g)
{
	struct nvme_command cmd = rw(nvme_cmd_read, 0, 1, DATA, 0);

	guest_put(g, 1, &cmd);
}

/* How much was asked for, all rules together. */
static u64 asked(struct guest *g)
{
	const size_t size = 4 * PAGE_SIZE;
	char *text = kunit_kzalloc(g->test, size, GFP_KERNEL), *at = text;
	unsigned long long count;
	unsigned int rule;
	u64 sum = 0;

	KUNIT_ASSERT_NOT_NULL(g->test, text);
	KUNIT_ASSERT_LT(g->test, parley_policy_audit(g->e.policy, text, size), size);
	for (; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (sscanf(at, "%llu %u", &count, &rule) == 2)
			sum += count;
	kunit_kfree(g->test, text);
	return sum;
}

static void expect_waits(struct kunit *test, struct guest *g)
{
	u64 before = asked(g);
	struct nvme_completion cqe;

	memset(g->f->disk, 0x5a, sizeof(g->f->disk));
	WRITE_ONCE(g->leaves, 3);
	/* Nobody rings for it again. */
	put_read(g);
	KUNIT_EXPECT_EQ(test, 0, guest_take(g, 1, &cqe));
	KUNIT_EXPECT_EQ(test, 0, g->leaves);
	/* However often it was looked at. */
	KUNIT_EXPECT_EQ(test, before + 1, asked(g));
	KUNIT_EXPECT_NULL(test, memchr_inv(guest_at(g, GUEST_DATA), 0x5a, FAKE_BLOCK));
	KUNIT_EXPECT_EQ(test, 0, g->pins[GUEST_DATA]);
}

static void what_is_being_taken_away_is_waited_for(struct kunit *test)
{
	struct guest *g = guest_ready(test);

	expect_waits(test, g);
	KUNIT_ASSERT_EQ(test, 0, guest_shadow(g));
	expect_waits(test, g);
}

static void who_is_polled_waits_for_it_as_well(struct kunit *test)
{
	struct guest *g = guest_polled(test);

	guest_begin(g);
	KUNIT_ASSERT_EQ(test, 0, guest_shadow(g));
	expect_waits(test, g);
}

static void nobody_waits_for_who_waits_for_it(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	struct nvme_command cmd = { .common.opcode = nvme_admin_abort_cmd };
	unsigned int i;

	WRITE_ONCE(g->leaves, U32_MAX);
	put_read(g);
	put_read(g);
	/* It is looked at now and then, and not all the time. */
	msleep(3 * PARLEY_EMU_WAIT_MS);
	KUNIT_EXPECT_LT(test, U32_MAX - READ_ONCE(g->leaves), 50);
	for (i = 0; i < FAKE_LONG_MS / 20 && READ_ONCE(g->leaves) > U32_MAX - 2; i++)
		msleep(20);
	KUNIT_EXPECT_LE(test, READ_ONCE(g->leaves), U32_MAX - 2);
	KUNIT_EXPECT_EQ(test, 0, guest_do(g, 0, &cmd));
	guest_expect_idle(g);
	parley_emu_write32(&g->e, NVME_REG_CC, 0);
	KUNIT_EXPECT_EQ(test, 0, parley_emu_read32(&g->e, NVME_REG_CSTS));
	WRITE_ONCE(g->leaves, 0);
	guest_begin(g);
	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
}

/* The same number twice is the guest's own affair: it gets two answers. */
static void numbers_that_come_twice_are_two_commands(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	struct nvme_completion cqe;

	guest_keep(g, 1);
	g->cid--;
	fake_truth(&g->f->c);
	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	fake_release(&g->f->c);
	KUNIT_EXPECT_EQ(test, 0, guest_take(g, 1, &cqe));
	KUNIT_EXPECT_EQ(test, g->cid, cqe.command_id);
}

static void a_reset_waits_for_what_is_in_flight(struct kunit *test)
{
	struct guest *g = guest_ready(test);

	g->f->vf.io_ms = FAKE_SHORT_MS;
	guest_keep(g, 3);
	/* The function keeps them for good, and is taken from memory for that. */
	parley_emu_write32(&g->e, NVME_REG_CC, 0);
	guest_expect_free(g);
	KUNIT_EXPECT_FALSE(test, g->f->c.master);
	KUNIT_EXPECT_EQ(test, 0, parley_emu_read32(&g->e, NVME_REG_CSTS));
}

static void bad_20_a_queue_that_is_never_read_does_not_run_over(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	struct nvme_completion cqe;
	struct nvme_command cmd;
	unsigned int i;

	fake_arm(&g->f->c, FAKE_HONEST, 0);
	/* More than its completion queue holds, and it reads none. */
	for (i = 0; i < GUEST_DEPTH - 1; i++) {
		cmd = rw(nvme_cmd_flush, 0, 1, 0, 0);
		guest_put(g, 1, &cmd);
	}
	for (i = 0; i < FAKE_LONG_MS / 20 && READ_ONCE(g->f->c.commands) < GUEST_DEPTH - 1;
	     i++)
		msleep(20);
	for (i = 0; i < 5; i++) {
		cmd = rw(nvme_cmd_flush, 0, 1, 0, 0);
		guest_put(g, 1, &cmd);
	}
	msleep(100);
	KUNIT_EXPECT_EQ(test, GUEST_DEPTH - 1, g->f->c.commands);
	for (i = 0; i < GUEST_DEPTH - 1 + 5; i++)
		KUNIT_ASSERT_EQ(test, 0, guest_take(g, 1, &cqe));
}

static struct kunit_case io_cases[] = {
	KUNIT_CASE(data_are_those_of_the_blocks),
	KUNIT_CASE_PARAM(bad_59_what_is_wrong_is_answered_and_goes_nowhere, bad_gen_params),
	KUNIT_CASE(no_other_opcode_reaches_the_function),
	KUNIT_CASE(fields_that_are_not_served_are_refused),
	KUNIT_CASE(no_more_than_the_function_takes_at_a_time),
	KUNIT_CASE(a_list_goes_on_in_its_next_page),
	KUNIT_CASE(bad_06_a_list_that_leads_to_itself_ends),
	KUNIT_CASE(one_bad_page_lets_go_of_all),
	KUNIT_CASE(an_error_of_the_function_is_the_guests),
	KUNIT_CASE(a_disk_that_is_lost_is_a_fatal_fault),
	KUNIT_CASE(memory_is_held_as_long_as_it_is_used),
	KUNIT_CASE(what_is_being_taken_away_is_waited_for),
	KUNIT_CASE(who_is_polled_waits_for_it_as_well),
	KUNIT_CASE(nobody_waits_for_who_waits_for_it),
	KUNIT_CASE(numbers_that_come_twice_are_two_commands),
	KUNIT_CASE(a_reset_waits_for_what_is_in_flight),
	KUNIT_CASE(bad_20_a_queue_that_is_never_read_does_not_run_over),
	{}
};

static struct kunit_suite io_suite = {
	.name = "parley_nvme_emu_io",
	.test_cases = io_cases,
};

kunit_test_suite(io_suite);

PARLEY_IMPORT;
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Parley: KUnit tests of the emulated NVMe controller");
MODULE_LICENSE("GPL");
