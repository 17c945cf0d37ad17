// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers and admin commands of the emulated controller.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include "guest.h"

#define DATA		GUEST_AT(GUEST_DATA)
#define NO(status)	PARLEY_EMU_NO(status)

static void it_is_enabled_and_disabled(struct kunit *test)
{
	struct guest *g = guest_new(test);
	struct parley_emu *e = &g->e;

	KUNIT_EXPECT_EQ(test, 0, parley_emu_read32(e, NVME_REG_CSTS));
	KUNIT_EXPECT_EQ(test, PARLEY_EMU_ENTRIES - 1,
			NVME_CAP_MQES(parley_emu_read32(e, NVME_REG_CAP)));
	KUNIT_EXPECT_EQ(test, PARLEY_EMU_VERSION, parley_emu_read32(e, NVME_REG_VS));
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, guest_enable(g));
	KUNIT_EXPECT_TRUE(test, parley_emu_read32(e, NVME_REG_CC) & NVME_CC_ENABLE);
	parley_emu_write32(e, NVME_REG_CC, parley_emu_read32(e, NVME_REG_CC) |
			   NVME_CC_SHN_NORMAL);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY | NVME_CSTS_SHST_CMPLT,
			parley_emu_read32(e, NVME_REG_CSTS));
	parley_emu_write32(e, NVME_REG_CC, 0);
	KUNIT_EXPECT_EQ(test, 0, parley_emu_read32(e, NVME_REG_CSTS));
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, guest_enable(g));
	parley_emu_reset(e);
	KUNIT_EXPECT_EQ(test, 0, parley_emu_read32(e, NVME_REG_CSTS));
	KUNIT_EXPECT_EQ(test, 0, parley_emu_read32(e, NVME_REG_AQA));
}

static void registers_that_are_none_do_nothing(struct kunit *test)
{
	struct guest *g = guest_enabled(test);
	u32 reg;

	for (reg = 0; reg < 2 * PARLEY_EMU_BAR; reg += sizeof(u32)) {
		/* Those that there are, and doorbells of the admin queue. */
		if ((reg >= NVME_REG_CC && reg < NVME_REG_CC + 4) ||
		    reg == NVME_REG_INTMS || reg == NVME_REG_INTMC ||
		    (reg >= NVME_REG_DBS && reg < NVME_REG_DBS + 8))
			continue;
		parley_emu_read32(&g->e, reg);
		if (reg < NVME_REG_AQA || reg >= NVME_REG_ACQ + 8)
			parley_emu_write32(&g->e, reg, U32_MAX);
	}
	parley_emu_read32(&g->e, U32_MAX - 3);
	parley_emu_write32(&g->e, U32_MAX - 3, U32_MAX);
	KUNIT_EXPECT_EQ(test, PARLEY_EMU_VERSION, parley_emu_read32(&g->e, NVME_REG_VS));
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, parley_emu_read32(&g->e, NVME_REG_CSTS));
}

struct start {
	const char *name;
	u32 aqa;
	u64 asq;
	u64 acq;
	u32 cc;
};

#define CC	(NVME_CC_ENABLE | NVME_CC_IOSQES | NVME_CC_IOCQES)

static const struct start starts[] = {
	{ "queues of one entry", 0, DATA, DATA, CC },
	{ "queues too large", 0x01000100, DATA, DATA, CC },
	{ "commands inside a page", 0x1f001f, DATA + 64, DATA, CC },
	{ "answers inside a page", 0x1f001f, DATA, DATA + 16, CC },
	{ "large pages", 0x1f001f, DATA, DATA, CC | 1 << NVME_CC_MPS_SHIFT },
	{ "another command set", 0x1f001f, DATA, DATA, CC | 6 << NVME_CC_CSS_SHIFT },
	{ "small entries", 0x1f001f, DATA, DATA, NVME_CC_ENABLE },
	{ "reserved bits", 0x1f001f, DATA, DATA, CC | 1U << 31 },
};

static void start_name(const struct start *start, char *name)
{
	strscpy(name, start->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(start, starts, start_name);

static void what_cannot_be_is_not_ready(struct kunit *test)
{
	const struct start *start = test->param_value;
	struct guest *g = guest_new(test);
	struct parley_emu *e = &g->e;

	parley_emu_write32(e, NVME_REG_AQA, start->aqa);
	parley_emu_write32(e, NVME_REG_ASQ, lower_32_bits(start->asq));
	parley_emu_write32(e, NVME_REG_ASQ + 4, upper_32_bits(start->asq));
	parley_emu_write32(e, NVME_REG_ACQ, lower_32_bits(start->acq));
	parley_emu_write32(e, NVME_REG_ACQ + 4, upper_32_bits(start->acq));
	parley_emu_write32(e, NVME_REG_CC, start->cc);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_CFS, parley_emu_read32(e, NVME_REG_CSTS));
	guest_doorbell(g, 0, false, 1);
	parley_emu_write32(e, NVME_REG_CC, 0);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, guest_enable(g));
}

/* Whatever there is of queues. */
static void one_that_is_not_ready_fetches_nothing(struct kunit *test)
{
	struct nvme_command cmd = { .common.opcode = nvme_admin_keep_alive };
	struct guest *g = guest_enabled(test);
	struct nvme_completion cqe;

	scoped_guard(mutex, &g->e.mutex)
		WRITE_ONCE(g->e.csts, 0);
	guest_put(g, 0, &cmd);
	guest_rest(g);
	KUNIT_EXPECT_NE(test, g->queue[0].tail, g->e.sq[0].head);
	scoped_guard(mutex, &g->e.mutex)
		WRITE_ONCE(g->e.csts, NVME_CSTS_RDY);
	parley_emu_kick(&g->e);
	KUNIT_EXPECT_EQ(test, 0, guest_take(g, 0, &cqe));
}

static void a_doorbell_beyond_its_queue_is_a_fatal_fault(struct kunit *test)
{
	struct guest *g = guest_ready(test);

	guest_doorbell(g, 1, false, GUEST_DEPTH);
	KUNIT_EXPECT_TRUE(test, guest_failed(g));
	parley_emu_write32(&g->e, NVME_REG_CC, 0);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, guest_enable(g));
	guest_doorbell(g, 0, true, U32_MAX);
	guest_doorbell(g, 0, false, 1);
	KUNIT_EXPECT_TRUE(test, guest_failed(g));
}

static void queues_without_memory_are_a_fatal_fault(struct kunit *test)
{
	struct guest *g = guest_enabled(test);

	g->hidden[GUEST_ASQ] = true;
	guest_doorbell(g, 0, false, 1);
	KUNIT_EXPECT_TRUE(test, guest_failed(g));
	g->hidden[GUEST_ASQ] = false;
	parley_emu_write32(&g->e, NVME_REG_CC, 0);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, guest_enable(g));
	memset(guest_at(g, GUEST_ASQ), 0xff, PARLEY_NVME_PAGE);
	g->hidden[GUEST_ACQ] = true;
	guest_doorbell(g, 0, false, 1);
	KUNIT_EXPECT_TRUE(test, guest_failed(g));
}

/* ------------------------------------------------------- commands */

static u16 identify(struct guest *g, u8 cns, u32 nsid, u64 prp1, u64 prp2)
{
	struct nvme_command cmd = {
		.identify = {
			.opcode = nvme_admin_identify,
			.nsid = cpu_to_le32(nsid),
			.cns = cns,
			.dptr.prp1 = cpu_to_le64(prp1),
			.dptr.prp2 = cpu_to_le64(prp2),
		},
	};

	return guest_do(g, 0, &cmd);
}

static void it_says_what_it_is(struct kunit *test)
{
	struct guest *g = guest_enabled(test);
	struct nvme_id_ctrl *id = guest_at(g, GUEST_DATA);
	struct nvme_id_ns *ns = guest_at(g, GUEST_DATA);
	__le32 *list = guest_at(g, GUEST_DATA);

	KUNIT_EXPECT_EQ(test, 0, identify(g, NVME_ID_CNS_CTRL, 0, DATA, 0));
	KUNIT_EXPECT_EQ(test, 1, le32_to_cpu(id->nn));
	KUNIT_EXPECT_EQ(test, NVME_CTRL_OACS_DBBUF_SUPP, le16_to_cpu(id->oacs));
	KUNIT_EXPECT_EQ(test, 0, le16_to_cpu(id->oncs));
	KUNIT_EXPECT_MEMEQ(test, id->sn, "guest               ", sizeof(id->sn));
	KUNIT_EXPECT_EQ(test, 0, identify(g, NVME_ID_CNS_NS, 1, DATA, 0));
	KUNIT_EXPECT_EQ(test, FAKE_BLOCKS, le64_to_cpu(ns->nsze));
	KUNIT_EXPECT_EQ(test, 9, ns->lbaf[0].ds);
	KUNIT_EXPECT_EQ(test, 0, identify(g, NVME_ID_CNS_NS_ACTIVE_LIST, 0, DATA, 0));
	KUNIT_EXPECT_EQ(test, 1, le32_to_cpu(list[0]));
	KUNIT_EXPECT_EQ(test, 0, le32_to_cpu(list[1]));
	KUNIT_EXPECT_EQ(test, 0, identify(g, NVME_ID_CNS_NS_ACTIVE_LIST, 1, DATA, 0));
	KUNIT_EXPECT_EQ(test, 0, le32_to_cpu(list[0]));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_NS), identify(g, NVME_ID_CNS_NS, 2, DATA, 0));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_FIELD),
			identify(g, NVME_ID_CNS_CTRL_LIST, 0, DATA, 0));
	KUNIT_EXPECT_EQ(test, NVME_SC_DATA_XFER_ERROR,
			identify(g, NVME_ID_CNS_CTRL, 0, 0x1000, 0));
}

/* Over two pages, and nothing beside them. */
static void data_end_where_they_should(struct kunit *test)
{
	struct guest *g = guest_enabled(test);
	u8 *data = guest_at(g, GUEST_DATA);

	memset(data, 0xee, 4 * PARLEY_NVME_PAGE);
	KUNIT_EXPECT_EQ(test, 0, identify(g, NVME_ID_CNS_NS_ACTIVE_LIST, 1, DATA + 4000,
					  GUEST_AT(GUEST_DATA + 2)));
	KUNIT_EXPECT_NULL(test, memchr_inv(data, 0xee, 4000));
	KUNIT_EXPECT_NULL(test, memchr_inv(data + 4000, 0, 96));
	KUNIT_EXPECT_NULL(test, memchr_inv(data + 4096, 0xee, 4096));
	KUNIT_EXPECT_NULL(test, memchr_inv(data + 8192, 0, 4000));
	KUNIT_EXPECT_NULL(test, memchr_inv(data + 8192 + 4000, 0xee, 96 + 4096));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_PRP_INVALID_OFFSET),
			identify(g, NVME_ID_CNS_CTRL, 0, DATA + 4000, DATA + 4));
}

struct queue {
	const char *name;
	u8 opcode;
	u16 id;
	u16 size;
	u16 flags;
	u16 other;		/* the interrupt, or the completion queue */
	u64 prp;
	u16 status;
};

#define CQ	nvme_admin_create_cq
#define SQ	nvme_admin_create_sq
#define BOTH	(NVME_QUEUE_PHYS_CONTIG | NVME_CQ_IRQ_ENABLED)
#define ONE	NVME_QUEUE_PHYS_CONTIG

/* There is the pair 1 already; 2 and 3 can be. */
static const struct queue queues[] = {
	{ "a completion queue", CQ, 2, 31, BOTH, 2, DATA, 0 },
	{ "a submission queue", SQ, 2, 31, ONE, 1, DATA, 0 },
	{ "bad_19 number 0", CQ, 0, 31, BOTH, 0, DATA, NO(NVME_SC_QID_INVALID) },
	{ "bad_19 number beyond", CQ, 4, 31, BOTH, 0, DATA, NO(NVME_SC_QID_INVALID) },
	{ "bad_19 largest number", SQ, 0xffff, 31, ONE, 1, DATA, NO(NVME_SC_QID_INVALID) },
	{ "completion queue again", CQ, 1, 31, BOTH, 0, DATA, NO(NVME_SC_QID_INVALID) },
	{ "submission queue again", SQ, 1, 31, ONE, 1, DATA, NO(NVME_SC_QID_INVALID) },
	{ "one entry", CQ, 2, 0, BOTH, 0, DATA, NO(NVME_SC_QUEUE_SIZE) },
	{ "an entry too many", CQ, 2, PARLEY_EMU_ENTRIES, BOTH, 0, DATA,
	  NO(NVME_SC_QUEUE_SIZE) },
	{ "bad_32 size of 16 bits", SQ, 2, 0xffff, ONE, 1, DATA, NO(NVME_SC_QUEUE_SIZE) },
	{ "in pieces", CQ, 2, 31, NVME_CQ_IRQ_ENABLED, 0, DATA, NO(NVME_SC_INVALID_FIELD) },
	{ "commands in pieces", SQ, 2, 31, 0, 1, DATA, NO(NVME_SC_INVALID_FIELD) },
	{ "interrupt beyond", CQ, 2, 31, BOTH, 4, DATA, NO(NVME_SC_INVALID_VECTOR) },
	{ "largest interrupt", CQ, 2, 31, BOTH, 0xffff, DATA, NO(NVME_SC_INVALID_VECTOR) },
	{ "inside a page", CQ, 2, 31, BOTH, 0, DATA + 16, NO(NVME_SC_PRP_INVALID_OFFSET) },
	{ "no completion queue", SQ, 2, 31, ONE, 2, DATA, NO(NVME_SC_CQ_INVALID) },
	{ "the admin's", SQ, 2, 31, ONE, 0, DATA, NO(NVME_SC_CQ_INVALID) },
	{ "completion queue beyond", SQ, 2, 31, ONE, 0xffff, DATA, NO(NVME_SC_CQ_INVALID) },
	{ "bad_31 wraps", SQ, 2, 255, ONE, 1, ~0xfffULL, NO(NVME_SC_PRP_INVALID_OFFSET) },
};

static void queue_name(const struct queue *queue, char *name)
{
	strscpy(name, queue->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(queue, queues, queue_name);

static u16 create(struct guest *g, const struct queue *queue)
{
	struct nvme_command cmd = {
		.create_cq = {
			.opcode = queue->opcode,
			.prp1 = cpu_to_le64(queue->prp),
			.cqid = cpu_to_le16(queue->id),
			.qsize = cpu_to_le16(queue->size),
			.cq_flags = cpu_to_le16(queue->flags),
			.irq_vector = cpu_to_le16(queue->other),
		},
	};

	return guest_do(g, 0, &cmd);
}

static void bad_19_queues_are_checked(struct kunit *test)
{
	const struct queue *queue = test->param_value;
	struct guest *g = guest_ready(test);

	KUNIT_EXPECT_EQ(test, queue->status, create(g, queue));
}

static u16 delete(struct guest *g, u8 opcode, u16 id)
{
	struct nvme_command cmd = {
		.delete_queue = {
			.opcode = opcode,
			.qid = cpu_to_le16(id),
		},
	};

	return guest_do(g, 0, &cmd);
}

static void queues_are_deleted_in_their_order(struct kunit *test)
{
	struct guest *g = guest_ready(test);

	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_QUEUE),
			delete(g, nvme_admin_delete_cq, 1));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_QID_INVALID), delete(g, nvme_admin_delete_sq, 0));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_QID_INVALID), delete(g, nvme_admin_delete_cq, 0));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_QID_INVALID),
			delete(g, nvme_admin_delete_sq, 0xffff));
	KUNIT_EXPECT_EQ(test, 0, delete(g, nvme_admin_delete_sq, 1));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_QID_INVALID), delete(g, nvme_admin_delete_sq, 1));
	/* Nothing is fetched from one that is no more. */
	fake_arm(&g->f->c, FAKE_HONEST, 0);
	guest_doorbell(g, 1, false, 1);
	KUNIT_EXPECT_EQ(test, 0, delete(g, nvme_admin_delete_cq, 1));
	KUNIT_EXPECT_EQ(test, 0, g->f->c.commands);
}

#define SET	nvme_admin_set_features
#define GET	nvme_admin_get_features

static void features_are_those_that_every_controller_has(struct kunit *test)
{
	struct guest *g = guest_enabled(test);
	u32 fid, result, known = 0;

	for (fid = 0; fid < 256; fid++)
		known += !guest_feature(g, GET, fid, 0, &result);
	/* Seven that are kept, the number of queues, the power state, keep alive. */
	KUNIT_EXPECT_EQ(test, 10, known);
	KUNIT_EXPECT_EQ(test, 0, guest_feature(g, SET, NVME_FEAT_NUM_QUEUES, U32_MAX, &result));
	KUNIT_EXPECT_EQ(test, (FAKE_QUEUES - 2) * 0x10001, result);
	KUNIT_EXPECT_EQ(test, 0, guest_feature(g, SET, NVME_FEAT_TEMP_THRESH, 0x155, &result));
	KUNIT_EXPECT_EQ(test, 0, guest_feature(g, GET, NVME_FEAT_TEMP_THRESH, 0, &result));
	KUNIT_EXPECT_EQ(test, 0x155, result);
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_FIELD),
			guest_feature(g, SET, NVME_FEAT_TEMP_THRESH | 1U << 31, 0, &result));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_FIELD),
			guest_feature(g, GET, NVME_FEAT_TEMP_THRESH | 1 << 8, 0, &result));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_FIELD),
			guest_feature(g, SET, NVME_FEAT_POWER_MGMT, 1, &result));
	/* The function has a write cache, which is not the guest's to turn off. */
	g->f->vf.n.id.vwc = true;
	KUNIT_EXPECT_EQ(test, 0, guest_feature(g, GET, NVME_FEAT_VOLATILE_WC, 0, &result));
	KUNIT_EXPECT_EQ(test, 1, result);
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_FEATURE_NOT_CHANGEABLE),
			guest_feature(g, SET, NVME_FEAT_VOLATILE_WC, 0, &result));
}

/* Whatever the function has: the guest has no more than its user wants, and no less. */
static void queues_are_as_many_as_are_wanted(struct kunit *test)
{
	struct guest *g = guest_with(test, 1);
	struct queue queue = { "", CQ, 2, 31, BOTH, 0, DATA };
	u32 result;

	KUNIT_ASSERT_EQ(test, NVME_CSTS_RDY, guest_enable(g));
	KUNIT_EXPECT_EQ(test, 0, guest_feature(g, GET, NVME_FEAT_NUM_QUEUES, 0, &result));
	KUNIT_EXPECT_EQ(test, 0, result);
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_QID_INVALID), create(g, &queue));
	queue.id = 1;
	queue.other = 2;
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_VECTOR), create(g, &queue));
	queue.other = 1;
	KUNIT_EXPECT_EQ(test, 0, create(g, &queue));
	/* What is behind it has no memory, and no doorbell that does anything. */
	KUNIT_EXPECT_NULL(test, g->e.lane[1].req);
	guest_doorbell(g, 2, false, 1);
	KUNIT_EXPECT_EQ(test, 0, guest_feature(g, GET, NVME_FEAT_NUM_QUEUES, 0, &result));
}

static void logs_are_as_long_as_they_are_asked_for(struct kunit *test)
{
	struct guest *g = guest_enabled(test);
	u8 *data = guest_at(g, GUEST_DATA);
	struct nvme_command cmd = {
		.get_log_page = {
			.opcode = nvme_admin_get_log_page,
			.lid = NVME_LOG_SMART,
			.numdl = cpu_to_le16(127),
			.dptr.prp1 = cpu_to_le64(DATA),
		},
	};

	memset(data, 0xee, PARLEY_NVME_PAGE);
	KUNIT_EXPECT_EQ(test, 0, guest_do(g, 0, &cmd));
	KUNIT_EXPECT_EQ(test, 100, ((struct nvme_smart_log *)data)->avail_spare);
	KUNIT_EXPECT_NULL(test, memchr_inv(data + 512, 0xee, PARLEY_NVME_PAGE - 512));
	cmd.get_log_page.numdl = cpu_to_le16(1024);
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_FIELD), guest_do(g, 0, &cmd));
	cmd.get_log_page.numdl = 0;
	cmd.get_log_page.lid = 0xc0;
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_LOG_PAGE), guest_do(g, 0, &cmd));
}

static void events_wait_and_are_not_without_number(struct kunit *test)
{
	struct guest *g = guest_enabled(test);
	struct nvme_command cmd = { .common.opcode = nvme_admin_async_event };
	unsigned int i;

	for (i = 0; i < PARLEY_EMU_EVENTS; i++)
		guest_put(g, 0, &cmd);
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_ASYNC_LIMIT), guest_do(g, 0, &cmd));
	KUNIT_EXPECT_EQ(test, 0, identify(g, NVME_ID_CNS_CTRL, 0, DATA, 0));
}

/* Not one of all admin commands reaches the function. */
static void dangerous_commands_are_unknown(struct kunit *test)
{
	struct guest *g = guest_enabled(test);
	unsigned int opcode, unknown = 0;
	struct nvme_command cmd;
	u16 status;

	fake_arm(&g->f->c, FAKE_HONEST, 0);
	for (opcode = 0; opcode < 256; opcode++) {
		if (opcode == nvme_admin_async_event)
			continue;
		cmd = (struct nvme_command) {
			.common = {
				.opcode = opcode,
				.nsid = cpu_to_le32(1),
				.dptr.prp1 = cpu_to_le64(DATA),
			},
		};
		status = guest_do(g, 0, &cmd);
		unknown += status == NO(NVME_SC_INVALID_OPCODE);
	}
	KUNIT_EXPECT_EQ(test, 256 - 12, unknown);
	KUNIT_EXPECT_EQ(test, 0, g->f->c.commands);
}

/* The line, for a guest without messages: raised as long as there are answers. */
static void the_line_is_raised_until_answers_are_taken(struct kunit *test)
{
	struct nvme_command cmd = { .common.opcode = nvme_admin_abort_cmd };
	struct guest *g = guest_enabled(test);
	struct parley_emu *e = &g->e;
	struct nvme_completion cqe;

	guest_put(g, 0, &cmd);
	KUNIT_EXPECT_EQ(test, 0, guest_take(g, 0, &cqe));
	KUNIT_EXPECT_FALSE(test, g->raised);
	parley_emu_wire(e, true);
	KUNIT_EXPECT_FALSE(test, g->raised);
	guest_put(g, 0, &cmd);
	kthread_flush_work(&e->work);
	KUNIT_EXPECT_TRUE(test, g->raised);
	/* Masked, and by what is read as the mask. */
	parley_emu_write32(e, NVME_REG_INTMS, BIT(1));
	KUNIT_EXPECT_TRUE(test, g->raised);
	parley_emu_write32(e, NVME_REG_INTMS, BIT(0));
	KUNIT_EXPECT_FALSE(test, g->raised);
	KUNIT_EXPECT_EQ(test, 3, parley_emu_read32(e, NVME_REG_INTMS));
	parley_emu_write32(e, NVME_REG_INTMC, BIT(0));
	KUNIT_EXPECT_TRUE(test, g->raised);
	KUNIT_EXPECT_EQ(test, 2, parley_emu_read32(e, NVME_REG_INTMC));
	/* It is lowered by the time that the doorbell is written, and not later. */
	KUNIT_EXPECT_EQ(test, 0, guest_take(g, 0, &cqe));
	KUNIT_EXPECT_FALSE(test, g->raised);
	guest_put(g, 0, &cmd);
	kthread_flush_work(&e->work);
	KUNIT_EXPECT_TRUE(test, g->raised);
	parley_emu_write32(e, NVME_REG_CC, 0);
	KUNIT_EXPECT_FALSE(test, g->raised);
	KUNIT_EXPECT_EQ(test, 0, parley_emu_read32(e, NVME_REG_INTMS));
	KUNIT_ASSERT_EQ(test, NVME_CSTS_RDY, guest_enable(g));
	guest_put(g, 0, &cmd);
	kthread_flush_work(&e->work);
	parley_emu_wire(e, false);
	KUNIT_EXPECT_FALSE(test, g->raised);
}

static struct kunit_case admin_cases[] = {
	KUNIT_CASE(the_line_is_raised_until_answers_are_taken),
	KUNIT_CASE(it_is_enabled_and_disabled),
	KUNIT_CASE(registers_that_are_none_do_nothing),
	KUNIT_CASE_PARAM(what_cannot_be_is_not_ready, start_gen_params),
	KUNIT_CASE(one_that_is_not_ready_fetches_nothing),
	KUNIT_CASE(a_doorbell_beyond_its_queue_is_a_fatal_fault),
	KUNIT_CASE(queues_without_memory_are_a_fatal_fault),
	KUNIT_CASE(it_says_what_it_is),
	KUNIT_CASE(data_end_where_they_should),
	KUNIT_CASE_PARAM(bad_19_queues_are_checked, queue_gen_params),
	KUNIT_CASE(queues_are_deleted_in_their_order),
	KUNIT_CASE(features_are_those_that_every_controller_has),
	KUNIT_CASE(queues_are_as_many_as_are_wanted),
	KUNIT_CASE(logs_are_as_long_as_they_are_asked_for),
	KUNIT_CASE(events_wait_and_are_not_without_number),
	KUNIT_CASE(dangerous_commands_are_unknown),
	{}
};

static struct kunit_suite admin_suite = {
	.name = "parley_nvme_emu_admin",
	.test_cases = admin_cases,
};

kunit_test_suite(admin_suite);
