// SPDX-License-Identifier: GPL-2.0-only
/*
 * Optional commands: what a function that has them may be sent, and no more.
 */
#include <linux/module.h>
#include "fake_vf.h"

static struct fake_vf *rich(struct kunit *test, const struct nvme_id_ctrl_nvm *limits)
{
	struct fake_vf *f = fake_vf_init(test);

	fake_vf_rich(f);
	f->c.limits = limits;
	KUNIT_ASSERT_EQ(test, 0, parley_nvme_vf_up(&f->vf));
	return f;
}

#define RANGES	40

/* What is wrong with it; what is not said is right. */
struct want {
	const char *name;
	u8 opcode;
	u16 control;
	u64 block;
	u32 blocks;
	u16 ranges;
	u32 offset;		/* of the ranges, in their page */
	u32 cattr;		/* of the last range */
	int err;
};

static const struct want wants[] = {
	{ "all zeroes", nvme_cmd_write_zeroes, 0, 0, FAKE_BLOCKS },
	{ "zeroes for good, or not at all", nvme_cmd_write_zeroes,
	  NVME_RW_FUA | NVME_WZ_DEAC, 0, 1 },
	{ "zeroes over the end", nvme_cmd_write_zeroes, 0, 1, FAKE_BLOCKS, .err = -EINVAL },
	{ "no zeroes", nvme_cmd_write_zeroes, .err = -EINVAL },
	{ "zeroes in ranges", nvme_cmd_write_zeroes, 0, 0, 1, 1, .err = -EINVAL },
	{ "zeroes with protection", nvme_cmd_write_zeroes, NVME_RW_PRINFO_PRACT, 0, 1,
	  .err = -EINVAL },
	{ "verified", nvme_cmd_verify, NVME_RW_FUA, FAKE_BLOCKS - 1, 1 },
	{ "verified beyond the end", nvme_cmd_verify, 0, FAKE_BLOCKS, 1, .err = -EINVAL },
	{ "verified and deallocated", nvme_cmd_verify, NVME_WZ_DEAC, 0, 1, .err = -EINVAL },
	{ "compared", nvme_cmd_compare, NVME_RW_FUA, 0, 8 },
	{ "compared beyond the end", nvme_cmd_compare, 0, U64_MAX, 1, .err = -EINVAL },
	{ "a range", nvme_cmd_dsm, 0, FAKE_BLOCKS - 1, 1, 1 },
	{ "many ranges", nvme_cmd_dsm, 0, 0, FAKE_BLOCKS, RANGES },
	{ "a range too long", nvme_cmd_dsm, 0, 1, FAKE_BLOCKS, RANGES, .err = -EINVAL },
	{ "a range of nothing", nvme_cmd_dsm, 0, 0, 0, RANGES, .err = -EINVAL },
	{ "no range", nvme_cmd_dsm, .err = -EINVAL },
	{ "ranges to the end of their page", nvme_cmd_dsm, 0, 0, 1, RANGES,
	  PARLEY_NVME_PAGE - RANGES * sizeof(struct nvme_dsm_range) },
	{ "ranges beyond it", nvme_cmd_dsm, 0, 0, 1, RANGES,
	  PARLEY_NVME_PAGE - RANGES * sizeof(struct nvme_dsm_range) + 16, .err = -EINVAL },
	{ "a range with advice", nvme_cmd_dsm, 0, 0, 1, RANGES, 0, 1, .err = -EINVAL },
	{ "ranges with control", nvme_cmd_dsm, NVME_RW_FUA, 0, 1, 1, .err = -EINVAL },
	{ "a flush of ranges", nvme_cmd_flush, 0, 0, 0, 1, .err = -EINVAL },
	{ "a read of ranges", nvme_cmd_read, 0, 0, 1, 1, .err = -EINVAL },
	{ "uncorrectable", nvme_cmd_write_uncor, 0, 0, 1, .err = -EINVAL },
	{ "a reservation", nvme_cmd_resv_acquire, 0, 0, 1, .err = -EINVAL },
	{ "a copy", 0x19, 0, 0, 1, .err = -EINVAL },
	{ "appended", nvme_cmd_zone_append, 0, 0, 1, .err = -EINVAL },
};

static void want_name(const struct want *want, char *name)
{
	strscpy(name, want->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(want, wants, want_name);

static int send(struct fake_vf *f, const struct want *want, struct try *t)
{
	struct nvme_dsm_range *range;
	struct page_of page;
	unsigned int i;
	int err;

	fake_vf_page(f, &page);
	try_init(t, want->opcode, want->ranges ? 0 : want->block,
		 want->ranges && want->opcode == nvme_cmd_dsm ? 0 : want->blocks,
		 page.dma + want->offset);
	t->io.control = want->control;
	t->io.nr_ranges = want->ranges;
	range = page.memory + min(want->offset, PARLEY_NVME_PAGE - RANGES * sizeof(*range));
	t->io.range = range;
	for (i = 0; i < want->ranges; i++)
		range[i] = (struct nvme_dsm_range) {
			.nlb = cpu_to_le32(i == want->ranges - 1 ? want->blocks : 1),
			.slba = cpu_to_le64(i == want->ranges - 1 ? want->block : i),
			.cattr = cpu_to_le32(i == want->ranges - 1 ? want->cattr : 0),
		};
	err = try_do(f, t, 0);
	fake_vf_page_back(f, &page);
	return err;
}

static void what_it_has_it_may_be_sent(struct kunit *test)
{
	const struct want *want = test->param_value;
	struct fake_vf *f = rich(test, NULL);
	struct try t;

	memset(f->disk, 0xee, FAKE_BLOCKS * FAKE_BLOCK);
	fake_arm(&f->c, FAKE_HONEST, 0);
	KUNIT_EXPECT_EQ(test, want->err, send(f, want, &t));
	KUNIT_EXPECT_EQ(test, !want->err, f->c.commands);
	if (want->err)
		return;
	KUNIT_EXPECT_EQ(test, want->opcode == nvme_cmd_compare ? NVME_SC_COMPARE_FAILED : 0,
			t.status);
	KUNIT_EXPECT_EQ(test, want->control, f->control);
	KUNIT_EXPECT_EQ(test, want->ranges, f->deallocated);
	KUNIT_EXPECT_EQ(test, want->opcode == nvme_cmd_verify, f->verifies);
	if (want->opcode == nvme_cmd_write_zeroes || want->opcode == nvme_cmd_dsm)
		KUNIT_EXPECT_NULL(test, memchr_inv(f->disk + want->block * FAKE_BLOCK, 0,
						   want->blocks * FAKE_BLOCK));
}

/* The optional commands that it may be sent. */
static u16 oncs(struct fake_vf *f)
{
	const struct parley_nvme_verb *verb;
	unsigned int opcode;
	u16 found = 0;

	for (opcode = 0; opcode <= U8_MAX; opcode++) {
		verb = parley_nvme_verb(&f->vf, opcode);
		found |= verb ? verb->oncs : 0;
	}
	return found;
}

/* And if the function lacks it, not one of them. */
static void what_it_lacks_it_is_not_sent(struct kunit *test)
{
	const struct want *want = test->param_value;
	struct fake_vf *f = fake_vf_up(test);
	struct try t;

	fake_arm(&f->c, FAKE_HONEST, 0);
	KUNIT_EXPECT_EQ(test, -EINVAL, send(f, want, &t));
	KUNIT_EXPECT_EQ(test, 0, f->c.commands);
	KUNIT_EXPECT_EQ(test, 0, oncs(f));
}

/* Zeroes that may be deallocated only where the namespace says so. */
static void deallocating_zeroes_is_the_namespaces_to_offer(struct kunit *test)
{
	static const struct want want = { "", nvme_cmd_write_zeroes, NVME_WZ_DEAC, 0, 1 };
	struct fake_vf *f = rich(test, NULL);
	struct try t;

	f->vf.ns.dlfeat = PARLEY_NVME_DLFEAT_READ;
	KUNIT_EXPECT_EQ(test, -EINVAL, send(f, &want, &t));
}

static void limits_are_kept(struct kunit *test)
{
	struct nvme_id_ctrl_nvm *limits = kunit_kzalloc(test, sizeof(*limits), GFP_KERNEL);
	struct want want = { "", nvme_cmd_dsm, 0, 0, 20, 3 };
	struct fake_vf *f;
	struct try t;

	KUNIT_ASSERT_NOT_NULL(test, limits);
	limits->wzsl = 1;
	limits->vsl = 2;
	limits->dmrl = 3;
	limits->dmrsl = cpu_to_le32(20);
	limits->dmsl = cpu_to_le64(22);
	f = rich(test, limits);
	KUNIT_EXPECT_EQ(test, 0, send(f, &want, &t));
	want.blocks = 21;
	KUNIT_EXPECT_EQ(test, -EINVAL, send(f, &want, &t));
	want = (struct want) { "", nvme_cmd_dsm, 0, 0, 1, 4 };
	KUNIT_EXPECT_EQ(test, -EINVAL, send(f, &want, &t));
	f->vf.n.id.ranges_blocks = 21;
	want = (struct want) { "", nvme_cmd_dsm, 0, 0, 20, 3 };
	KUNIT_EXPECT_EQ(test, -EINVAL, send(f, &want, &t));
	want = (struct want) { "", nvme_cmd_write_zeroes, 0, 0, 16 };
	KUNIT_EXPECT_EQ(test, 0, send(f, &want, &t));
	want.blocks = 17;
	KUNIT_EXPECT_EQ(test, -EINVAL, send(f, &want, &t));
	want = (struct want) { "", nvme_cmd_verify, 0, 0, 32 };
	KUNIT_EXPECT_EQ(test, 0, send(f, &want, &t));
	want.blocks = 33;
	KUNIT_EXPECT_EQ(test, -EINVAL, send(f, &want, &t));
}

struct limit_step {
	const char *name;
	enum fake_lie lie;
	int err;
};

static const struct limit_step limit_steps[] = {
	{ "refuses", FAKE_REFUSES, 0 },
	{ "dies", FAKE_DIES, -EIO },
	{ "vanishes", FAKE_VANISHES, -ENODEV },
	{ "late", FAKE_SILENT, -ETIMEDOUT },
};

static void limit_step_name(const struct limit_step *step, char *name)
{
	strscpy(name, step->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(limit_step, limit_steps, limit_step_name);

/* The fourth command of the way up asks for them. */
static void who_does_not_know_limits_has_none(struct kunit *test)
{
	const struct limit_step *step = test->param_value;
	struct fake_vf *f = fake_vf_init(test);

	fake_vf_rich(f);
	fake_arm(&f->c, step->lie, 4);
	if (step->lie == FAKE_SILENT)
		f->vf.n.command_ms = FAKE_SHORT_MS;
	KUNIT_EXPECT_EQ(test, step->err, parley_nvme_vf_up(&f->vf));
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_RANGES_MAX, f->vf.n.id.ranges);
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_PAGE << 19, f->vf.n.id.zeroes);
	if (step->err)
		KUNIT_EXPECT_FALSE(test, f->c.master);
	f->c.gone = false;
}

static struct kunit_case command_cases[] = {
	KUNIT_CASE_PARAM(what_it_has_it_may_be_sent, want_gen_params),
	KUNIT_CASE_PARAM(what_it_lacks_it_is_not_sent, want_gen_params),
	KUNIT_CASE(deallocating_zeroes_is_the_namespaces_to_offer),
	KUNIT_CASE(limits_are_kept),
	KUNIT_CASE_PARAM(who_does_not_know_limits_has_none, limit_step_gen_params),
	{}
};

static struct kunit_suite command_suite = {
	.name = "parley_nvme_vf_command",
	.test_cases = command_cases,
};

kunit_test_suite(command_suite);
