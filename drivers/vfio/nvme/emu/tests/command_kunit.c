// SPDX-License-Identifier: GPL-2.0-only
/*
 * Optional I/O commands of a guest, above a function that has them all.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include "guest.h"

#define DATA		GUEST_AT(GUEST_DATA)
#define NO(status)	PARLEY_EMU_NO(status)

static struct guest *ready(struct kunit *test)
{
	struct guest *g = guest_rich(test);

	guest_begin(g);
	memset(g->f->disk, 0xee, sizeof(g->f->disk));
	fake_arm(&g->f->c, FAKE_HONEST, 0);
	return g;
}

static u16 blocks_do(struct guest *g, u8 opcode, u64 block, u32 blocks, u16 control)
{
	struct nvme_command cmd = {
		.rw = {
			.opcode = opcode,
			.nsid = cpu_to_le32(1),
			.slba = cpu_to_le64(block),
			.length = cpu_to_le16(blocks - 1),
			.control = cpu_to_le16(control),
			.dptr.prp1 = cpu_to_le64(DATA),
		},
	};

	return guest_do(g, 1, &cmd);
}

static void zeroes_are_written(struct kunit *test)
{
	struct guest *g = ready(test);

	KUNIT_EXPECT_EQ(test, 0, blocks_do(g, nvme_cmd_write_zeroes, 1, FAKE_BLOCKS - 2,
					   NVME_RW_FUA | NVME_WZ_DEAC));
	KUNIT_EXPECT_EQ(test, NVME_RW_FUA | NVME_WZ_DEAC, g->f->control);
	KUNIT_EXPECT_NULL(test, memchr_inv(g->f->disk + FAKE_BLOCK, 0,
					   (FAKE_BLOCKS - 2) * FAKE_BLOCK));
	KUNIT_EXPECT_NULL(test, memchr_inv(g->f->disk, 0xee, FAKE_BLOCK));
	/* What is about metadata, which there is none of, does not reach the function. */
	KUNIT_EXPECT_EQ(test, 0, blocks_do(g, nvme_cmd_write_zeroes, 0, 1, U16_MAX));
	KUNIT_EXPECT_EQ(test, NVME_RW_FUA | NVME_WZ_DEAC, g->f->control);
	/* To deallocate is a wish, which is granted where it is offered. */
	g->f->vf.ns.dlfeat = 0;
	KUNIT_EXPECT_EQ(test, 0, blocks_do(g, nvme_cmd_write_zeroes, 0, 1, NVME_WZ_DEAC));
	KUNIT_EXPECT_EQ(test, 0, g->f->control);
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_LBA_RANGE),
			blocks_do(g, nvme_cmd_write_zeroes, 1, FAKE_BLOCKS, 0));
	g->f->vf.n.id.zeroes = 2 * PARLEY_NVME_PAGE;
	KUNIT_EXPECT_EQ(test, 0, blocks_do(g, nvme_cmd_write_zeroes, 0, 16, 0));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_FIELD),
			blocks_do(g, nvme_cmd_write_zeroes, 0, 17, 0));
	guest_expect_idle(g);
}

static void blocks_are_compared(struct kunit *test)
{
	struct guest *g = ready(test);
	u8 *data = guest_at(g, GUEST_DATA);

	memset(data, 0xee, PARLEY_NVME_PAGE);
	KUNIT_EXPECT_EQ(test, 0, blocks_do(g, nvme_cmd_compare, 0, 8, NVME_RW_FUA));
	data[PARLEY_NVME_PAGE - 1] = 0;
	KUNIT_EXPECT_EQ(test, NVME_SC_COMPARE_FAILED,
			blocks_do(g, nvme_cmd_compare, 0, 8, 0));
	KUNIT_EXPECT_EQ(test, 0, data[PARLEY_NVME_PAGE - 1]);
	KUNIT_EXPECT_NULL(test, memchr_inv(g->f->disk, 0xee, PARLEY_NVME_PAGE));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_LBA_RANGE),
			blocks_do(g, nvme_cmd_compare, FAKE_BLOCKS, 1, 0));
	g->hidden[GUEST_DATA] = true;
	KUNIT_EXPECT_EQ(test, NVME_SC_DATA_XFER_ERROR,
			blocks_do(g, nvme_cmd_compare, 0, 1, 0));
	guest_expect_idle(g);
}

static void blocks_are_verified_without_memory(struct kunit *test)
{
	struct guest *g = ready(test);

	g->hidden[GUEST_DATA] = true;
	KUNIT_EXPECT_EQ(test, 0, blocks_do(g, nvme_cmd_verify, 0, FAKE_BLOCKS, 0));
	KUNIT_EXPECT_EQ(test, 1, g->f->verifies);
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_LBA_RANGE),
			blocks_do(g, nvme_cmd_verify, 1, FAKE_BLOCKS, 0));
	g->f->vf.n.id.verify = PARLEY_NVME_PAGE;
	KUNIT_EXPECT_EQ(test, 0, blocks_do(g, nvme_cmd_verify, 0, 8, 0));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_FIELD),
			blocks_do(g, nvme_cmd_verify, 0, 9, 0));
}

/* ------------------------------------------------------------ ranges */

static struct nvme_dsm_range *ranges(struct guest *g)
{
	return guest_at(g, GUEST_DATA);
}

static void range(struct guest *g, unsigned int i, u64 block, u32 blocks)
{
	ranges(g)[i] = (struct nvme_dsm_range) {
		/* Advice, which the fake would complain of. */
		.cattr = cpu_to_le32(U32_MAX),
		.nlb = cpu_to_le32(blocks),
		.slba = cpu_to_le64(block),
	};
}

/* @nr as in the command: of 0 there is one. */
static struct nvme_command dsm(u32 nr, u32 attributes)
{
	return (struct nvme_command) {
		.dsm = {
			.opcode = nvme_cmd_dsm,
			.nsid = cpu_to_le32(1),
			.nr = cpu_to_le32(nr),
			.attributes = cpu_to_le32(attributes),
			.dptr.prp1 = cpu_to_le64(DATA),
		},
	};
}

static u16 deallocate(struct guest *g, u32 nr, u32 attributes)
{
	struct nvme_command cmd = dsm(nr, attributes);

	return guest_do(g, 1, &cmd);
}

#define AD	NVME_DSMGMT_AD

static void all_ranges_are_deallocated_in_pieces(struct kunit *test)
{
	struct guest *g = ready(test);
	unsigned int i;

	for (i = 0; i < PARLEY_NVME_RANGES_MAX; i++)
		range(g, i, 2 * i, 1);
	KUNIT_EXPECT_EQ(test, 0, deallocate(g, U8_MAX, AD));
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_RANGES_MAX, g->f->deallocated);
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_RANGES_MAX /
			(PARLEY_EMU_LIST / sizeof(struct nvme_dsm_range)), g->f->c.commands);
	for (i = 0; i < FAKE_BLOCKS; i++)
		KUNIT_EXPECT_NULL(test, memchr_inv(g->f->disk + i * FAKE_BLOCK,
						   i % 2 ? 0xee : 0, FAKE_BLOCK));
	/* And in as many as the function wants. */
	fake_arm(&g->f->c, FAKE_HONEST, 0);
	g->f->vf.n.id.ranges = 10;
	KUNIT_EXPECT_EQ(test, 0, deallocate(g, 20, AD));
	KUNIT_EXPECT_EQ(test, 3, g->f->c.commands);
	/* A later one has nothing of an earlier. */
	fake_arm(&g->f->c, FAKE_HONEST, 0);
	g->f->deallocated = 0;
	range(g, 0, 0, FAKE_BLOCKS);
	KUNIT_EXPECT_EQ(test, 0, deallocate(g, 0, AD));
	KUNIT_EXPECT_EQ(test, 1, g->f->deallocated);
	KUNIT_EXPECT_NULL(test, memchr_inv(g->f->disk, 0, sizeof(g->f->disk)));
}

static void advice_is_not_passed_on(struct kunit *test)
{
	struct guest *g = ready(test);

	range(g, 0, 0, 1);
	/* Not to deallocate, with all attributes that there are not. */
	KUNIT_EXPECT_EQ(test, 0, deallocate(g, 0, ~AD));
	KUNIT_EXPECT_EQ(test, 0, g->f->c.commands);
	/* What is reserved beside the number of ranges does not count. */
	KUNIT_EXPECT_EQ(test, 0, deallocate(g, 0xffffff00, U32_MAX));
	KUNIT_EXPECT_EQ(test, 1, g->f->deallocated);
}

static void ranges_of_nothing_are_nothing(struct kunit *test)
{
	struct guest *g = ready(test);
	unsigned int i;

	for (i = 0; i < PARLEY_NVME_RANGES_MAX; i++)
		range(g, i, U64_MAX, 0);
	KUNIT_EXPECT_EQ(test, 0, deallocate(g, U8_MAX, AD));
	KUNIT_EXPECT_EQ(test, 0, g->f->c.commands);
	range(g, U8_MAX, FAKE_BLOCKS - 1, 1);
	KUNIT_EXPECT_EQ(test, 0, deallocate(g, U8_MAX, AD));
	KUNIT_EXPECT_EQ(test, 1, g->f->deallocated);
}

struct bad_range {
	const char *name;
	u64 block;
	u32 blocks;
	u16 status;
};

static const struct bad_range bad_ranges[] = {
	{ "beyond the end", FAKE_BLOCKS, 1, NO(NVME_SC_LBA_RANGE) },
	{ "over the end", FAKE_BLOCKS - 1, 2, NO(NVME_SC_LBA_RANGE) },
	{ "one more than all", 0, FAKE_BLOCKS + 1, NO(NVME_SC_LBA_RANGE) },
	{ "wraps", U64_MAX, 2, NO(NVME_SC_LBA_RANGE) },
	{ "largest of all", 0, U32_MAX, NO(NVME_SC_LBA_RANGE) },
	{ "longer than the function takes", 0, 101, NO(NVME_SC_CMD_SIZE_LIM_EXCEEDED) },
	{ "more than it takes in all", 0, 96, NO(NVME_SC_CMD_SIZE_LIM_EXCEEDED) },
	{ "just as much", 0, 95, 0 },
};

static void bad_range_name(const struct bad_range *bad, char *name)
{
	strscpy(name, bad->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(bad_range, bad_ranges, bad_range_name);

/* The last of many, so that nothing of the others is done either. */
static void one_bad_range_is_all_of_them(struct kunit *test)
{
	const struct bad_range *bad = test->param_value;
	struct guest *g = ready(test);
	unsigned int i;

	g->f->vf.n.id.range_blocks = 100;
	g->f->vf.n.id.ranges_blocks = PARLEY_NVME_RANGES_MAX - 1 + 95;
	for (i = 0; i < PARLEY_NVME_RANGES_MAX; i++)
		range(g, i, i, 1);
	range(g, U8_MAX, bad->block, bad->blocks);
	KUNIT_EXPECT_EQ(test, bad->status, deallocate(g, U8_MAX, AD));
	KUNIT_EXPECT_EQ(test, bad->status ? 0 : PARLEY_NVME_RANGES_MAX, g->f->deallocated);
	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
}

static void ranges_are_where_there_is_memory(struct kunit *test)
{
	struct guest *g = ready(test);
	struct nvme_command cmd;
	unsigned int i;

	/* Over two pages that do not follow each other, the second of them last. */
	for (i = 0; i < 4; i++)
		range(g, i + 256 - 2, i, 1);
	memcpy(guest_at(g, GUEST_DATA + 2), ranges(g) + 256, 2 * sizeof(*ranges(g)));
	cmd = dsm(3, AD);
	cmd.dsm.dptr.prp1 = cpu_to_le64(DATA + 254 * sizeof(*ranges(g)));
	cmd.dsm.dptr.prp2 = cpu_to_le64(GUEST_AT(GUEST_DATA + 2));
	KUNIT_EXPECT_EQ(test, 0, guest_do(g, 1, &cmd));
	KUNIT_EXPECT_EQ(test, 4, g->f->deallocated);
	g->hidden[GUEST_DATA + 2] = true;
	KUNIT_EXPECT_EQ(test, NVME_SC_DATA_XFER_ERROR, guest_do(g, 1, &cmd));
	cmd.dsm.dptr.prp2 = cpu_to_le64(GUEST_AT(GUEST_DATA + 1) + 8);
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_PRP_INVALID_OFFSET), guest_do(g, 1, &cmd));
	KUNIT_EXPECT_EQ(test, 4, g->f->deallocated);
}

static bool kept(struct guest *g)
{
	unsigned int i;

	for (i = 0; i < FAKE_LONG_MS / 20 && !READ_ONCE(g->f->c.nr_kept); i++)
		msleep(20);
	return READ_ONCE(g->f->c.nr_kept);
}

/* What the guest writes to its list after that is not read any more. */
static void a_list_that_changes_is_what_it_was(struct kunit *test)
{
	struct guest *g = ready(test);
	struct nvme_completion cqe;
	struct nvme_command cmd;
	unsigned int i;

	for (i = 0; i < 64; i++)
		range(g, i, i, 1);
	/* The first piece is never done, the second one is. */
	fake_arm(&g->f->c, FAKE_SILENT, 1);
	cmd = dsm(63, AD);
	guest_put(g, 1, &cmd);
	KUNIT_ASSERT_TRUE(test, kept(g));
	for (i = 0; i < 64; i++)
		range(g, i, U64_MAX, U32_MAX);
	fake_release(&g->f->c);
	KUNIT_EXPECT_EQ(test, 0, guest_take(g, 1, &cqe));
	KUNIT_EXPECT_EQ(test, 32, g->f->deallocated);
	KUNIT_EXPECT_NULL(test, memchr_inv(g->f->disk + 32 * FAKE_BLOCK, 0,
					   32 * FAKE_BLOCK));
	KUNIT_EXPECT_NULL(test, memchr_inv(g->f->disk, 0xee, 32 * FAKE_BLOCK));
}

static void an_error_ends_what_is_left(struct kunit *test)
{
	struct guest *g = ready(test);
	unsigned int i;

	for (i = 0; i < 128; i++)
		range(g, i, i, 1);
	fake_arm(&g->f->c, FAKE_REFUSES, 2);
	KUNIT_EXPECT_EQ(test, FAKE_REFUSED, deallocate(g, 127, AD));
	KUNIT_EXPECT_EQ(test, 2, g->f->c.commands);
	fake_arm(&g->f->c, FAKE_VANISHES, 2);
	KUNIT_EXPECT_EQ(test, NVME_SC_INTERNAL, deallocate(g, 127, AD));
	KUNIT_EXPECT_TRUE(test, guest_failed(g));
	g->f->c.gone = false;
}

/* It has as long as one command of the function, not as many as there are. */
static void a_reset_does_not_wait_for_what_is_left(struct kunit *test)
{
	struct guest *g = ready(test);
	struct nvme_command cmd;
	unsigned int i;

	for (i = 0; i < 128; i++)
		range(g, i, i, 1);
	g->f->vf.io_ms = FAKE_SHORT_MS;
	fake_arm(&g->f->c, FAKE_SILENT, 1);
	cmd = dsm(127, AD);
	guest_put(g, 1, &cmd);
	KUNIT_ASSERT_TRUE(test, kept(g));
	parley_emu_write32(&g->e, NVME_REG_CC, 0);
	KUNIT_EXPECT_EQ(test, 1, g->f->c.commands);
	KUNIT_EXPECT_EQ(test, 0, parley_emu_read32(&g->e, NVME_REG_CSTS));
}

/* --------------------------------------------------- what is said of it */

static u16 limits_of(struct guest *g, u8 csi)
{
	struct nvme_command cmd = {
		.identify = {
			.opcode = nvme_admin_identify,
			.cns = NVME_ID_CNS_CS_CTRL,
			.csi = csi,
			.dptr.prp1 = cpu_to_le64(DATA),
		},
	};

	return guest_do(g, 0, &cmd);
}

static void what_there_is_is_told(struct kunit *test)
{
	struct guest *g = ready(test);
	struct nvme_id_ctrl_nvm *limits = guest_at(g, GUEST_DATA);
	struct nvme_id_ctrl *ctrl = guest_at(g, GUEST_DATA);
	struct nvme_id_ns *ns = guest_at(g, GUEST_DATA);
	struct nvme_command cmd = {
		.identify = {
			.opcode = nvme_admin_identify,
			.cns = NVME_ID_CNS_CTRL,
			.dptr.prp1 = cpu_to_le64(DATA),
		},
	};

	KUNIT_EXPECT_EQ(test, 0, guest_do(g, 0, &cmd));
	KUNIT_EXPECT_EQ(test, NVME_CTRL_ONCS_COMPARE | NVME_CTRL_ONCS_DSM |
			NVME_CTRL_ONCS_WRITE_ZEROES | PARLEY_NVME_ONCS_VERIFY,
			le16_to_cpu(ctrl->oncs));
	KUNIT_EXPECT_EQ(test, 0, le32_to_cpu(ctrl->sgls));
	KUNIT_EXPECT_EQ(test, 0, le16_to_cpu(ctrl->fuses));
	cmd.identify.cns = NVME_ID_CNS_NS;
	cmd.identify.nsid = cpu_to_le32(1);
	KUNIT_EXPECT_EQ(test, 0, guest_do(g, 0, &cmd));
	KUNIT_EXPECT_EQ(test, 1 | PARLEY_NVME_DLFEAT_DEAC, ns->dlfeat);
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_FIELD), limits_of(g, 2));
	KUNIT_EXPECT_EQ(test, 0, limits_of(g, NVME_CSI_NVM));
	/* 65536 blocks, and nothing that limits ranges. */
	KUNIT_EXPECT_EQ(test, 13, limits->wzsl);
	KUNIT_EXPECT_EQ(test, 13, limits->vsl);
	KUNIT_EXPECT_EQ(test, 0, limits->dmrl);
	KUNIT_EXPECT_EQ(test, 0, le32_to_cpu(limits->dmrsl));
	KUNIT_EXPECT_EQ(test, 0, le64_to_cpu(limits->dmsl));
	g->f->vf.n.id.zeroes = 4 * PARLEY_NVME_PAGE;
	g->f->vf.n.id.range_blocks = 77;
	g->f->vf.n.id.ranges_blocks = 78;
	KUNIT_EXPECT_EQ(test, 0, limits_of(g, NVME_CSI_NVM));
	KUNIT_EXPECT_EQ(test, 2, limits->wzsl);
	KUNIT_EXPECT_EQ(test, 77, le32_to_cpu(limits->dmrsl));
	KUNIT_EXPECT_EQ(test, 78, le64_to_cpu(limits->dmsl));
}

static void what_there_is_not_is_not(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	struct nvme_id_ctrl_nvm *limits = guest_at(g, GUEST_DATA);

	memset(limits, 0xff, sizeof(*limits));
	KUNIT_EXPECT_EQ(test, 0, limits_of(g, NVME_CSI_NVM));
	KUNIT_EXPECT_NULL(test, memchr_inv(limits, 0, sizeof(*limits)));
	/* Each of them alone. */
	g->f->vf.n.id.oncs = NVME_CTRL_ONCS_WRITE_ZEROES;
	g->f->c.oncs = NVME_CTRL_ONCS_WRITE_ZEROES;
	KUNIT_EXPECT_EQ(test, 0, blocks_do(g, nvme_cmd_write_zeroes, 0, 1, 0));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_OPCODE), deallocate(g, 0, AD));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_OPCODE),
			blocks_do(g, nvme_cmd_compare, 0, 1, 0));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_OPCODE),
			blocks_do(g, nvme_cmd_verify, 0, 1, 0));
}

/* Of all opcodes, also where the function claims to have everything. */
static void no_other_opcode_reaches_a_rich_function(struct kunit *test)
{
	struct guest *g = ready(test);
	unsigned int opcode, unknown = 0;

	range(g, 0, 0, 1);
	for (opcode = 0; opcode < 256; opcode++)
		unknown += blocks_do(g, opcode, 0, 1, 0) == NO(NVME_SC_INVALID_OPCODE);
	/* Flush, write, read, compare, zeroes, ranges, verify. */
	KUNIT_EXPECT_EQ(test, 256 - 7, unknown);
	KUNIT_EXPECT_EQ(test, 6, g->f->c.commands);
}

static struct kunit_case command_cases[] = {
	KUNIT_CASE(zeroes_are_written),
	KUNIT_CASE(blocks_are_compared),
	KUNIT_CASE(blocks_are_verified_without_memory),
	KUNIT_CASE(all_ranges_are_deallocated_in_pieces),
	KUNIT_CASE(advice_is_not_passed_on),
	KUNIT_CASE(ranges_of_nothing_are_nothing),
	KUNIT_CASE_PARAM(one_bad_range_is_all_of_them, bad_range_gen_params),
	KUNIT_CASE(ranges_are_where_there_is_memory),
	KUNIT_CASE(a_list_that_changes_is_what_it_was),
	KUNIT_CASE(an_error_ends_what_is_left),
	KUNIT_CASE(a_reset_does_not_wait_for_what_is_left),
	KUNIT_CASE(what_there_is_is_told),
	KUNIT_CASE(what_there_is_not_is_not),
	KUNIT_CASE(no_other_opcode_reaches_a_rich_function),
	{}
};

static struct kunit_suite command_suite = {
	.name = "parley_nvme_emu_command",
	.test_cases = command_cases,
};

kunit_test_suite(command_suite);
