// SPDX-License-Identifier: GPL-2.0-only
/*
 * I/O queues: data against a naive disk, and a controller that lies, keeps what it
 * was given, dies or goes away.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <parley/export.h>
#include "fake_vf.h"

static void data_are_those_of_the_blocks(struct kunit *test)
{
	u8 *oracle = kunit_kzalloc(test, FAKE_BLOCKS * FAKE_BLOCK, GFP_KERNEL);
	struct fake_vf *f = fake_vf_up(test);
	unsigned int i, block, blocks;
	struct rnd_state rnd;
	struct page_of page;
	struct try t;
	size_t len;
	bool out;

	KUNIT_ASSERT_NOT_NULL(test, oracle);
	fake_vf_page(f, &page);
	prandom_seed_state(&rnd, 7);
	for (i = 0; i < 10 * PARLEY_NVME_IO_DEPTH; i++) {
		out = prandom_u32_state(&rnd) & 1;
		blocks = 1 + prandom_u32_state(&rnd) % (PARLEY_NVME_PAGE / FAKE_BLOCK);
		block = prandom_u32_state(&rnd) % (FAKE_BLOCKS - blocks + 1);
		len = blocks * FAKE_BLOCK;
		prandom_bytes_state(&rnd, page.memory, PARLEY_NVME_PAGE);
		if (out)
			memcpy(oracle + block * FAKE_BLOCK, page.memory, len);
		try_init(&t, out ? nvme_cmd_write : nvme_cmd_read, block, blocks, page.dma);
		KUNIT_EXPECT_EQ(test, 0, try_do(f, &t, i % f->vf.nr_queues));
		KUNIT_EXPECT_EQ(test, 0, t.status);
		KUNIT_EXPECT_MEMEQ(test, page.memory, oracle + block * FAKE_BLOCK, len);
	}
	KUNIT_EXPECT_MEMEQ(test, f->disk, oracle, sizeof(f->disk));
	try_init(&t, nvme_cmd_flush, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, 0, try_do(f, &t, 0));
	KUNIT_EXPECT_EQ(test, 1, f->flushes);
	fake_vf_page_back(f, &page);
}

struct bad {
	const char *name;
	u8 opcode;
	u16 control;
	u64 block;
	u32 blocks;
	unsigned int queue;
	int err;
};

static const struct bad bads[] = {
	{ "last block", nvme_cmd_read, 0, FAKE_BLOCKS - 1, 1, 0, 0 },
	{ "with FUA", nvme_cmd_read, NVME_RW_FUA, 0, 1, 0, 0 },
	{ "beyond the end", nvme_cmd_read, 0, FAKE_BLOCKS, 1, 0, -EINVAL },
	{ "over the end", nvme_cmd_write, 0, FAKE_BLOCKS - 1, 2, 0, -EINVAL },
	{ "wraps", nvme_cmd_write, 0, U64_MAX, 2, 0, -EINVAL },
	{ "no blocks", nvme_cmd_read, 0, 0, 0, 0, -EINVAL },
	{ "more blocks than 16 bits", nvme_cmd_read, 0, 0, U16_MAX + 2, 0, -EINVAL },
	{ "all blocks of 32 bits", nvme_cmd_read, 0, 0, U32_MAX, 0, -EINVAL },
	{ "flush of blocks", nvme_cmd_flush, 0, 0, 1, 0, -EINVAL },
	{ "other control", nvme_cmd_read, NVME_RW_LR, 0, 1, 0, -EINVAL },
	{ "write uncorrectable", nvme_cmd_write_uncor, 0, 0, 1, 0, -EINVAL },
	{ "deallocate", nvme_cmd_dsm, 0, 0, 1, 0, -EINVAL },
	{ "zeroes", nvme_cmd_write_zeroes, 0, 0, 1, 0, -EINVAL },
	{ "reservation", nvme_cmd_resv_register, 0, 0, 1, 0, -EINVAL },
	{ "vendor's", 0xff, 0, 0, 1, 0, -EINVAL },
	{ "no such queue", nvme_cmd_read, 0, 0, 1, PARLEY_NVME_IO_QUEUES, -EINVAL },
	{ "a queue that it has not", nvme_cmd_read, 0, 0, 1, FAKE_QUEUES - 1, -ENETDOWN },
};

static void bad_name(const struct bad *bad, char *name)
{
	strscpy(name, bad->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(bad, bads, bad_name);

static void only_what_is_harmless_gets_there(struct kunit *test)
{
	const struct bad *bad = test->param_value;
	struct fake_vf *f = fake_vf_up(test);
	struct page_of page;
	struct try t;

	fake_vf_page(f, &page);
	fake_arm(&f->c, FAKE_HONEST, 0);
	try_init(&t, bad->opcode, bad->block, bad->blocks, page.dma);
	t.io.control = bad->control;
	KUNIT_EXPECT_EQ(test, bad->err, try_do(f, &t, bad->queue));
	KUNIT_EXPECT_EQ(test, !bad->err, f->c.commands);
	KUNIT_EXPECT_EQ(test, !bad->err, t.ended);
	fake_vf_page_back(f, &page);
}

/* All opcodes, since which one is dangerous the next revision may say. */
static void no_other_opcode_gets_there(struct kunit *test)
{
	struct fake_vf *f = fake_vf_up(test);
	unsigned int opcode;
	struct try t;

	fake_arm(&f->c, FAKE_HONEST, 0);
	for (opcode = 0; opcode < 256; opcode++) {
		if (opcode == nvme_cmd_read || opcode == nvme_cmd_write)
			continue;
		try_init(&t, opcode, 0, opcode == nvme_cmd_flush ? 1 : 0, 0);
		KUNIT_EXPECT_EQ(test, -EINVAL, try_do(f, &t, 0));
		try_init(&t, opcode, 0, 1, 0);
		KUNIT_EXPECT_EQ(test, -EINVAL, try_do(f, &t, 0));
	}
	KUNIT_EXPECT_EQ(test, 0, f->c.commands);
}

struct lie {
	const char *name;
	enum fake_lie lie;
	int err;
	u16 status;
	enum parley_nvme_state state;
};

static const struct lie lies[] = {
	{ "refuses", FAKE_REFUSES, 0, FAKE_REFUSED, PARLEY_NVME_LIVE },
	{ "no interrupt", FAKE_NO_INTERRUPT, 0, 0, PARLEY_NVME_LIVE },
	{ "keeps it", FAKE_SILENT, -EIO, 0, PARLEY_NVME_DEAD },
	{ "wrong number", FAKE_WRONG_CID, -EIO, 0, PARLEY_NVME_DEAD },
	{ "foreign queue", FAKE_FOREIGN_QUEUE, -EIO, 0, PARLEY_NVME_DEAD },
	{ "head beyond the queue", FAKE_BAD_HEAD, -EIO, 0, PARLEY_NVME_DEAD },
	{ "stale phase", FAKE_STALE_PHASE, -EIO, 0, PARLEY_NVME_DEAD },
	{ "fatal fault", FAKE_DIES, -EIO, 0, PARLEY_NVME_DEAD },
	{ "stops", FAKE_STOPS, -EIO, 0, PARLEY_NVME_DEAD },
	{ "vanishes", FAKE_VANISHES, -ENODEV, 0, PARLEY_NVME_GONE },
};

static void lie_name(const struct lie *lie, char *name)
{
	strscpy(name, lie->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(lie, lies, lie_name);

static void a_lie_is_seen(struct kunit *test)
{
	const struct lie *lie = test->param_value;
	struct fake_vf *f = fake_vf_up(test);
	struct try t;

	if (lie->lie == FAKE_SILENT || lie->lie == FAKE_STALE_PHASE)
		f->vf.io_ms = FAKE_SHORT_MS;
	fake_arm(&f->c, lie->lie, 1);
	try_init(&t, nvme_cmd_flush, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, lie->err, try_do(f, &t, 1));
	KUNIT_EXPECT_EQ(test, lie->status, t.status);
	KUNIT_EXPECT_EQ(test, lie->state, READ_ONCE(f->vf.n.state));
	KUNIT_EXPECT_EQ(test, lie->state == PARLEY_NVME_LIVE, f->c.master);
	fake_truth(&f->c);
	f->vf.io_ms = FAKE_LONG_MS;
	/* As the state says; and when it was handed out anew, as if nothing had been. */
	try_init(&t, nvme_cmd_flush, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, lie->err, try_do(f, &t, 0));
	parley_nvme_vf_down(&f->vf);
	f->c.gone = false;
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_up(&f->vf));
	try_init(&t, nvme_cmd_flush, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, 0, try_do(f, &t, 1));
	KUNIT_EXPECT_EQ(test, 1, t.ended);
}

/* The second answer to a command is to one that nobody gave. */
static void two_answers_are_one_too_many(struct kunit *test)
{
	struct fake_vf *f = fake_vf_up(test);
	unsigned int i;
	struct try t;

	fake_arm(&f->c, FAKE_TWICE, 1);
	try_init(&t, nvme_cmd_flush, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, 0, try_do(f, &t, 0));
	for (i = 0; i < FAKE_LONG_MS / 20 &&
	     READ_ONCE(f->vf.n.state) != PARLEY_NVME_DEAD; i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_DEAD, READ_ONCE(f->vf.n.state));
	KUNIT_EXPECT_EQ(test, 1, t.ended);
}

/* --------------------------------------- what is in flight ends, and once */

static struct try *kept(struct fake_vf *f, unsigned int nr)
{
	struct try *t = kunit_kcalloc(f->c.test, nr, sizeof(*t), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(f->c.test, t);
	fake_arm(&f->c, FAKE_SILENT, 0);
	for (i = 0; i < nr; i++) {
		try_init(&t[i], nvme_cmd_flush, 0, 0, 0);
		KUNIT_EXPECT_EQ(f->c.test, 0, parley_nvme_io_submit(&f->vf, 0, &t[i].io));
	}
	for (i = 0; i < FAKE_LONG_MS / 20 && READ_ONCE(f->c.nr_kept) < nr; i++)
		msleep(20);
	KUNIT_EXPECT_EQ(f->c.test, nr, f->c.nr_kept);
	return t;
}

static void all_ended(struct fake_vf *f, struct try *t, unsigned int nr, int err)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		wait_for_completion(&t[i].done);
		KUNIT_EXPECT_EQ(f->c.test, err, t[i].err);
	}
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ(f->c.test, 1, t[i].ended);
	KUNIT_EXPECT_FALSE(f->c.test, f->c.master);
}

static void a_full_queue_takes_no_more(struct kunit *test)
{
	struct fake_vf *f = fake_vf_up(test);
	struct try *t = kept(f, PARLEY_NVME_IO_SLOTS), more;

	try_init(&more, nvme_cmd_flush, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_nvme_io_submit(&f->vf, 0, &more.io));
	/* Another queue is not this one. */
	fake_truth(&f->c);
	KUNIT_EXPECT_EQ(test, 0, try_do(f, &more, 1));
	parley_nvme_vf_down(&f->vf);
	all_ended(f, t, PARLEY_NVME_IO_SLOTS, -ENETDOWN);
	KUNIT_EXPECT_EQ(test, -ENETDOWN, parley_nvme_io_submit(&f->vf, 0, &more.io));
}

static void a_dead_one_ends_every_command(struct kunit *test)
{
	struct fake_vf *f = fake_vf_up(test);
	struct try *t = kept(f, 5);

	f->c.dead = true;
	all_ended(f, t, 5, -EIO);
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_DEAD, READ_ONCE(f->vf.n.state));
}

static void so_does_one_that_is_pulled_out(struct kunit *test)
{
	struct fake_vf *f = fake_vf_up(test);
	struct try *t = kept(f, 5);

	f->c.gone = true;
	parley_nvme_fail(&f->vf.n, PARLEY_NVME_GONE, "was pulled out");
	all_ended(f, t, 5, -ENODEV);
}

static void so_does_a_reset_of_somebody_else(struct kunit *test)
{
	struct fake_vf *f = fake_vf_up(test);
	struct try *t = kept(f, 5);

	parley_nvme_vf_pause(&f->vf, false);
	fake_reset(&f->c);
	all_ended(f, t, 5, -ENETDOWN);
	parley_nvme_vf_down(&f->vf);
	fake_truth(&f->c);
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_up(&f->vf));
	try_init(&t[0], nvme_cmd_flush, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, 0, try_do(f, &t[0], 0));
}

/* An answer of long ago, when its slot has another command. */
static void an_old_answer_is_not_taken_for_a_new_one(struct kunit *test)
{
	struct fake_vf *f = fake_vf_up(test);
	struct parley_nvme_queue *queue = &f->vf.queue[0].queue;
	struct nvme_completion old;
	struct try first, *t;

	try_init(&first, nvme_cmd_flush, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, 0, try_do(f, &first, 0));
	old = queue->cq[0];
	t = kept(f, 1);
	KUNIT_EXPECT_EQ(test, 0, old.command_id % PARLEY_NVME_IO_SLOTS);
	old.status = cpu_to_le16(queue->phase);
	queue->cq[queue->cq_head] = old;
	parley_nvme_vf_interrupt(&f->vf, 1);
	all_ended(f, t, 1, -EIO);
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_DEAD, READ_ONCE(f->vf.n.state));
}

static struct kunit_case io_cases[] = {
	KUNIT_CASE(data_are_those_of_the_blocks),
	KUNIT_CASE_PARAM(only_what_is_harmless_gets_there, bad_gen_params),
	KUNIT_CASE(no_other_opcode_gets_there),
	KUNIT_CASE_PARAM(a_lie_is_seen, lie_gen_params),
	KUNIT_CASE(two_answers_are_one_too_many),
	KUNIT_CASE(a_full_queue_takes_no_more),
	KUNIT_CASE(a_dead_one_ends_every_command),
	KUNIT_CASE(so_does_one_that_is_pulled_out),
	KUNIT_CASE(so_does_a_reset_of_somebody_else),
	KUNIT_CASE(an_old_answer_is_not_taken_for_a_new_one),
	{}
};

static struct kunit_suite io_suite = {
	.name = "parley_nvme_vf_io",
	.test_cases = io_cases,
};

kunit_test_suite(io_suite);

PARLEY_IMPORT;
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Parley: KUnit tests of NVMe virtual functions");
MODULE_LICENSE("GPL");
