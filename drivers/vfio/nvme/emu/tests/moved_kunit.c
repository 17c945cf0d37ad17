// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guests that would rather stay, and states that claim what the policy denies.
 */
#include <linux/prandom.h>
#include <linux/slab.h>
#include "moves.h"

#define ROUNDS	300
#define CC	(NVME_CC_ENABLE | NVME_CC_IOSQES | NVME_CC_IOCQES)

/* Whether the guest's controller, as it is, can be had elsewhere. */
static void expect_moves(struct guest *from, struct guest *to)
{
	struct kunit *test = from->test;
	u8 *data = moves_bytes(test);
	const char *why = "";
	size_t len;

	parley_emu_stop(&from->e);
	len = moves_state(from, data);
	KUNIT_EXPECT_EQ_MSG(test, 0, moves_become(to, data, len, &why), "it %s", why);
	KUNIT_EXPECT_EQ(test, from->e.csts, to->e.csts);
	KUNIT_EXPECT_EQ(test, from->e.cc, to->e.cc);
	parley_emu_reset(&to->e);
	parley_emu_go(&from->e);
	kunit_kfree(test, data);
}

/* ------------------------------------------------------- who would stay */

static void one_that_changes_what_is_enabled_does_not(struct kunit *test)
{
	struct guest *from = guest_ready(test), *to = guest_new(test);

	parley_emu_write32(&from->e, NVME_REG_CC, NVME_CC_ENABLE);
	KUNIT_EXPECT_EQ(test, CC, parley_emu_read32(&from->e, NVME_REG_CC));
	expect_moves(from, to);
	parley_emu_write32(&from->e, NVME_REG_CC, CC | 0xff000000);
	expect_moves(from, to);
	KUNIT_EXPECT_EQ(test, 0, guest_rw(from, nvme_cmd_read, 0, 1, GUEST_AT(GUEST_DATA)));
}

static void one_that_was_shut_down_gets_no_queues(struct kunit *test)
{
	struct guest *from = guest_ready(test), *to = guest_new(test);
	struct nvme_command cmd = {
		.create_sq = {
			.opcode = nvme_admin_create_sq,
			.prp1 = cpu_to_le64(GUEST_AT(GUEST_SQ)),
			.sqid = cpu_to_le16(1),
			.qsize = cpu_to_le16(GUEST_DEPTH - 1),
			.sq_flags = cpu_to_le16(NVME_QUEUE_PHYS_CONTIG),
			.cqid = cpu_to_le16(1),
		},
	};

	parley_emu_write32(&from->e, NVME_REG_CC, CC | NVME_CC_SHN_NORMAL);
	KUNIT_EXPECT_EQ(test, PARLEY_EMU_NO(NVME_SC_CMD_SEQ_ERROR), guest_do(from, 0, &cmd));
	expect_moves(from, to);
}

static u32 dice(struct rnd_state *rnd, u32 below)
{
	return prandom_u32_state(rnd) % below;
}

static u32 some_cc(struct rnd_state *rnd)
{
	static const u32 cc[] = {
		0, CC, NVME_CC_ENABLE, CC | NVME_CC_SHN_NORMAL, CC | NVME_CC_SHN_ABRUPT,
		CC | 0x80, NVME_CC_SHN_NORMAL, CC | NVME_CC_SHN_MASK,
	};
	u32 which = dice(rnd, ARRAY_SIZE(cc) + 1);

	return which < ARRAY_SIZE(cc) ? cc[which] : prandom_u32_state(rnd);
}

static void write_something(struct guest *g, struct rnd_state *rnd)
{
	static const u32 regs[] = {
		NVME_REG_INTMS, NVME_REG_INTMC, NVME_REG_AQA, NVME_REG_ASQ, NVME_REG_ASQ + 4,
		NVME_REG_ACQ, NVME_REG_ACQ + 4, NVME_REG_CSTS,
	};

	if (dice(rnd, 2))
		parley_emu_write32(&g->e, NVME_REG_CC, some_cc(rnd));
	else
		parley_emu_write32(&g->e, regs[dice(rnd, ARRAY_SIZE(regs))],
				   prandom_u32_state(rnd));
}

/* Right more often than not. */
static void put_something(struct guest *g, struct rnd_state *rnd)
{
	static const u8 opcodes[] = {
		nvme_admin_create_cq, nvme_admin_create_cq, nvme_admin_create_sq,
		nvme_admin_create_sq, nvme_admin_delete_sq, nvme_admin_delete_cq,
		nvme_admin_set_features, nvme_admin_set_features, nvme_admin_async_event,
		nvme_admin_dbbuf, nvme_admin_keep_alive, nvme_admin_abort_cmd,
	};
	struct nvme_command cmd = {
		.common = {
			.opcode = opcodes[dice(rnd, ARRAY_SIZE(opcodes))],
			.dptr.prp1 = cpu_to_le64(GUEST_AT(GUEST_BELLS)),
			.dptr.prp2 = cpu_to_le64(GUEST_AT(GUEST_EVENTS)),
			/* The number of a queue, and its size; or a feature. */
			.cdw10 = cpu_to_le32(dice(rnd, 4) | dice(rnd, 300) << 16),
			/* That it is contiguous, and where answers or interrupts go. */
			.cdw11 = cpu_to_le32(dice(rnd, 4) | dice(rnd, 4) << 16),
		},
	};

	if (cmd.common.opcode == nvme_admin_set_features) {
		cmd.common.cdw10 = cpu_to_le32(dice(rnd, 0x11));
		cmd.common.cdw11 = cpu_to_le32(prandom_u32_state(rnd));
	}
	guest_put(g, 0, &cmd);
	kthread_flush_work(&g->e.work);
}

static void whatever_a_guest_writes_can_be_moved(struct kunit *test)
{
	struct guest *from = guest_new(test), *to = guest_new(test);
	unsigned int i, k, ready = 0, shut = 0;
	struct rnd_state rnd;

	prandom_seed_state(&rnd, 88);
	for (i = 0; i < ROUNDS; i++) {
		memset(guest_at(from, GUEST_BELLS), 0, 2 * PARLEY_NVME_PAGE);
		KUNIT_ASSERT_EQ(test, NVME_CSTS_RDY, guest_enable(from));
		for (k = 0; k < 12; k++)
			if (dice(&rnd, 4))
				put_something(from, &rnd);
			else
				write_something(from, &rnd);
		ready += from->e.csts == NVME_CSTS_RDY;
		shut += from->e.csts == (NVME_CSTS_RDY | NVME_CSTS_SHST_CMPLT);
		expect_moves(from, to);
		parley_emu_reset(&from->e);
	}
	KUNIT_EXPECT_GT(test, ready, ROUNDS / 10);
	KUNIT_EXPECT_GT(test, shut, ROUNDS / 20);
}

/* ---------------------------------------------------- what a policy denies */

struct denied {
	const char *name;
	const char *line;	/* that the destination's policy does not have */
};

static const struct denied denieds[] = {
	{ "nothing", "" },
	{ "doorbells", "emulate admin doorbell-buffer\n" },
	{ "completion queues", "emulate admin create-cq\n" },
	{ "submission queues", "emulate admin create-sq\n" },
	{ "events", "emulate admin async-event\n" },
	{ "keep alive", "emulate admin set-features feature=keep-alive\n" },
	{ "a feature", "emulate admin set-features feature=arbitration\n" },
};

static void denied_name(const struct denied *denied, char *name)
{
	strscpy(name, denied->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(denied, denieds, denied_name);

/* The default without a line. */
static char *policy_without(struct kunit *test, const char *line)
{
	size_t len = strlen(parley_emu_default_policy) + 1;
	char *text = kunit_kzalloc(test, len, GFP_KERNEL), *at;

	KUNIT_ASSERT_NOT_NULL(test, text);
	memcpy(text, parley_emu_default_policy, len);
	at = strstr(text, line);
	KUNIT_ASSERT_NOT_NULL(test, at);
	memmove(at, at + strlen(line), strlen(at + strlen(line)) + 1);
	return text;
}

/* With all that a state can have. */
static struct guest *rich_guest(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	struct nvme_command cmd = { .common.opcode = nvme_admin_async_event };

	moves_feature(g, nvme_admin_set_features, NVME_FEAT_ARBITRATION, 3);
	moves_feature(g, nvme_admin_set_features, NVME_FEAT_KATO, 60000);
	KUNIT_ASSERT_EQ(test, 0, guest_shadow(g));
	guest_put(g, 0, &cmd);
	kthread_flush_work(&g->e.work);
	KUNIT_ASSERT_EQ(test, 1, g->e.nr_events);
	return g;
}

static void a_state_is_held_against_the_policy(struct kunit *test)
{
	const struct denied *denied = test->param_value;
	struct guest *from = rich_guest(test), *to;
	u8 *data = moves_bytes(test);
	const char *why = "";
	size_t len;

	parley_emu_stop(&from->e);
	len = moves_state(from, data);
	test->priv = policy_without(test, denied->line);
	to = guest_new(test);
	KUNIT_EXPECT_EQ_MSG(test, *denied->line ? -EINVAL : 0,
			    moves_become(to, data, len, &why), "it %s", why);
	if (*denied->line)
		KUNIT_EXPECT_NOT_NULL(test, strstr(why, "policy"));
	parley_emu_reset(&to->e);
	parley_emu_go(&to->e);
}

static struct kunit_case moved_cases[] = {
	KUNIT_CASE(one_that_changes_what_is_enabled_does_not),
	KUNIT_CASE(one_that_was_shut_down_gets_no_queues),
	KUNIT_CASE(whatever_a_guest_writes_can_be_moved),
	KUNIT_CASE_PARAM(a_state_is_held_against_the_policy, denied_gen_params),
	{}
};

static struct kunit_suite moved_suite = {
	.name = "parley_nvme_emu_moved",
	.test_cases = moved_cases,
};

kunit_test_suite(moved_suite);
