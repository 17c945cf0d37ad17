// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the emulated controller tells by itself, whether its guest still lives, and what
 * stock drivers and tools ask for.
 */
#include <linux/delay.h>
#include <linux/hex.h>
#include <linux/module.h>
#include "guest.h"

#define DATA		GUEST_AT(GUEST_DATA)
#define NO(status)	PARLEY_EMU_NO(status)

static u16 wait_for_event(struct guest *g)
{
	struct nvme_command cmd = { .common.opcode = nvme_admin_async_event };

	return guest_put(g, 0, &cmd);
}

static u16 set(struct guest *g, u32 fid, u32 value)
{
	struct nvme_command cmd = {
		.features = {
			.opcode = nvme_admin_set_features,
			.fid = cpu_to_le32(fid),
			.dword11 = cpu_to_le32(value),
		},
	};

	return guest_do(g, 0, &cmd);
}

static u16 log_page(struct guest *g, u8 lid, u32 len, bool retain)
{
	struct nvme_command cmd = {
		.get_log_page = {
			.opcode = nvme_admin_get_log_page,
			.lid = lid,
			.lsp = retain ? BIT(7) : 0,
			.numdl = cpu_to_le16(len / sizeof(u32) - 1),
			.dptr.prp1 = cpu_to_le64(DATA),
		},
	};

	return guest_do(g, 0, &cmd);
}

static void the_loss_of_its_disk_is_told(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	struct nvme_completion cqe;
	u16 cid = wait_for_event(g);

	fake_arm(&g->f->c, FAKE_VANISHES, 1);
	KUNIT_EXPECT_EQ(test, NVME_SC_INTERNAL, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	KUNIT_EXPECT_EQ(test, 0, guest_take(g, 0, &cqe));
	KUNIT_EXPECT_EQ(test, cid, cqe.command_id);
	/* An error, a persistent internal one, for which there is the log of errors. */
	KUNIT_EXPECT_EQ(test, 0x010300, le32_to_cpu(cqe.result.u32));
	KUNIT_EXPECT_TRUE(test, guest_failed(g));
	g->f->c.gone = false;
}

static u32 told(struct guest *g)
{
	struct nvme_completion cqe;

	KUNIT_EXPECT_EQ(g->test, 0, guest_take(g, 0, &cqe));
	return le32_to_cpu(cqe.result.u32);
}

static void a_threshold_that_is_passed_is_told_once(struct kunit *test)
{
	struct guest *g = guest_enabled(test);
	struct nvme_smart_log *log = guest_at(g, GUEST_DATA);

	KUNIT_EXPECT_EQ(test, 0, set(g, NVME_FEAT_ASYNC_EVENT, NVME_SMART_CRIT_TEMPERATURE));
	wait_for_event(g);
	/* One above what it is, and one for a sensor that there is not. */
	KUNIT_EXPECT_EQ(test, 0, set(g, NVME_FEAT_TEMP_THRESH, PARLEY_EMU_KELVIN + 1));
	KUNIT_EXPECT_EQ(test, 0, set(g, NVME_FEAT_TEMP_THRESH, PARLEY_EMU_KELVIN | 2 << 16));
	KUNIT_EXPECT_EQ(test, 1, g->e.nr_events);
	KUNIT_EXPECT_EQ(test, 0, set(g, NVME_FEAT_TEMP_THRESH, PARLEY_EMU_KELVIN));
	KUNIT_EXPECT_EQ(test, 0x020101, told(g));
	/* Not again, until its log was read; and not if that is to be kept. */
	wait_for_event(g);
	KUNIT_EXPECT_EQ(test, 0, set(g, NVME_FEAT_TEMP_THRESH, PARLEY_EMU_KELVIN));
	KUNIT_EXPECT_EQ(test, 0, log_page(g, NVME_LOG_SMART, sizeof(*log), true));
	KUNIT_EXPECT_EQ(test, NVME_SMART_CRIT_TEMPERATURE, log->critical_warning);
	KUNIT_EXPECT_EQ(test, 1, g->e.nr_events);
	KUNIT_EXPECT_EQ(test, 0, log_page(g, NVME_LOG_SMART, sizeof(*log), false));
	KUNIT_EXPECT_EQ(test, 0x020101, told(g));
	/* The threshold below which it is too cold. */
	KUNIT_EXPECT_EQ(test, 0, set(g, NVME_FEAT_TEMP_THRESH,
				     (PARLEY_EMU_KELVIN - 1) | 1 << 20));
	KUNIT_EXPECT_EQ(test, 0, log_page(g, NVME_LOG_SMART, sizeof(*log), false));
	KUNIT_EXPECT_EQ(test, 0, log->critical_warning);
}

/* An event that nobody waits for is told when somebody does. */
static void an_event_waits_for_who_waits_for_it(struct kunit *test)
{
	struct guest *g = guest_enabled(test);

	KUNIT_EXPECT_EQ(test, 0, set(g, NVME_FEAT_ASYNC_EVENT, U32_MAX));
	KUNIT_EXPECT_EQ(test, 0, set(g, NVME_FEAT_TEMP_THRESH, 1));
	wait_for_event(g);
	KUNIT_EXPECT_EQ(test, 0x020101, told(g));
	/* And a reset forgets. */
	KUNIT_EXPECT_EQ(test, 0, set(g, NVME_FEAT_TEMP_THRESH, 1));
	parley_emu_write32(&g->e, NVME_REG_CC, 0);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, guest_enable(g));
	wait_for_event(g);
	KUNIT_EXPECT_EQ(test, 0, log_page(g, NVME_LOG_ERROR, 64, false));
	KUNIT_EXPECT_EQ(test, 1, g->e.nr_events);
}

static u32 aborted(struct guest *g, u16 sq, u16 cid)
{
	struct nvme_command cmd = {
		.abort = {
			.opcode = nvme_admin_abort_cmd,
			.sqid = cpu_to_le16(sq),
			.cid = cid,
		},
	};
	struct nvme_completion cqe;
	u16 own = guest_put(g, 0, &cmd);

	KUNIT_EXPECT_EQ(g->test, 0, guest_take(g, 0, &cqe));
	KUNIT_EXPECT_EQ(g->test, own, cqe.command_id);
	return le32_to_cpu(cqe.result.u32);
}

static void what_waits_can_be_aborted_and_nothing_else(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	u16 first = wait_for_event(g), second = wait_for_event(g);
	struct nvme_completion cqe;
	struct nvme_command cmd = {
		.abort = {
			.opcode = nvme_admin_abort_cmd,
			.cid = first,
		},
	};

	KUNIT_EXPECT_EQ(test, 1, aborted(g, 0, second + 100));
	KUNIT_EXPECT_EQ(test, 1, aborted(g, 1, first));
	KUNIT_EXPECT_EQ(test, 1, aborted(g, U16_MAX, first));
	/* First what was aborted, then the command that did it. */
	guest_put(g, 0, &cmd);
	KUNIT_EXPECT_EQ(test, NVME_SC_ABORT_REQ, guest_take(g, 0, &cqe));
	KUNIT_EXPECT_EQ(test, first, cqe.command_id);
	KUNIT_EXPECT_EQ(test, 0, guest_take(g, 0, &cqe));
	KUNIT_EXPECT_EQ(test, 0, le32_to_cpu(cqe.result.u32));
	KUNIT_EXPECT_EQ(test, 1, g->e.nr_events);
	KUNIT_EXPECT_EQ(test, second, g->e.event[0]);
	KUNIT_EXPECT_EQ(test, 1, aborted(g, 0, first));
}

static u16 alive(struct guest *g)
{
	struct nvme_command cmd = { .common.opcode = nvme_admin_keep_alive };

	return guest_do(g, 0, &cmd);
}

static void who_is_to_keep_it_alive_does_or_loses_it(struct kunit *test)
{
	struct guest *g = guest_enabled(test);
	unsigned int i;

	/* It may, also if it need not. */
	KUNIT_EXPECT_EQ(test, 0, alive(g));
	KUNIT_EXPECT_EQ(test, 0, set(g, NVME_FEAT_KATO, U32_MAX));
	KUNIT_EXPECT_EQ(test, 4294967000, g->e.kato);
	KUNIT_EXPECT_EQ(test, 0, set(g, NVME_FEAT_KATO, 2001));
	KUNIT_EXPECT_EQ(test, 3000, g->e.kato);
	for (i = 0; i < 5; i++) {
		msleep(800);
		KUNIT_EXPECT_EQ(test, 0, alive(g));
	}
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, READ_ONCE(g->e.csts));
	KUNIT_EXPECT_EQ(test, 0, set(g, NVME_FEAT_KATO, 1));
	KUNIT_EXPECT_TRUE(test, guest_failed(g));
	/* With a reset it is not wanted any more. */
	parley_emu_write32(&g->e, NVME_REG_CC, 0);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, guest_enable(g));
	KUNIT_EXPECT_EQ(test, 0, g->e.kato);
	msleep(1500);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, READ_ONCE(g->e.csts));
}

/* Exactly those that are not unknown. */
static void the_log_of_commands_tells_what_there_is(struct kunit *test)
{
	struct guest *g = guest_rich(test);
	struct nvme_effects_log *log;
	struct nvme_command cmd;
	unsigned int i;
	bool is;

	log = kunit_kzalloc(test, sizeof(*log), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, log);
	guest_begin(g);
	KUNIT_EXPECT_EQ(test, 0, log_page(g, NVME_LOG_CMD_EFFECTS, sizeof(*log), false));
	memcpy(log, guest_at(g, GUEST_DATA), sizeof(*log));
	memset(guest_at(g, GUEST_DATA), 0, sizeof(*log));
	for (i = 0; i < 256; i++) {
		cmd = (struct nvme_command) {
			.common.opcode = i,
			.common.nsid = cpu_to_le32(1),
			.common.dptr.prp1 = cpu_to_le64(DATA),
		};
		is = guest_do(g, 1, &cmd) != NO(NVME_SC_INVALID_OPCODE);
		KUNIT_EXPECT_EQ(test, is, le32_to_cpu(log->iocs[i]) & NVME_CMD_EFFECTS_CSUPP);
		is = i == nvme_admin_async_event || guest_do(g, 0, &cmd) !=
		     NO(NVME_SC_INVALID_OPCODE);
		KUNIT_EXPECT_EQ(test, is, le32_to_cpu(log->acs[i]) & NVME_CMD_EFFECTS_CSUPP);
	}
	KUNIT_EXPECT_TRUE(test, le32_to_cpu(log->iocs[nvme_cmd_dsm]) & NVME_CMD_EFFECTS_LBCC);
	KUNIT_EXPECT_TRUE(test, le32_to_cpu(log->iocs[nvme_cmd_write]) & NVME_CMD_EFFECTS_LBCC);
	KUNIT_EXPECT_FALSE(test, le32_to_cpu(log->iocs[nvme_cmd_compare]) &
			   NVME_CMD_EFFECTS_LBCC);
}

static u16 names(struct guest *g, u32 nsid)
{
	struct nvme_command cmd = {
		.identify = {
			.opcode = nvme_admin_identify,
			.nsid = cpu_to_le32(nsid),
			.cns = NVME_ID_CNS_NS_DESC_LIST,
			.dptr.prp1 = cpu_to_le64(DATA),
		},
	};

	return guest_do(g, 0, &cmd);
}

/* Wherever it goes with its serial number. */
static void a_disk_has_a_name(struct kunit *test)
{
	struct guest *g = guest_enabled(test);
	struct nvme_ns_id_desc *desc = guest_at(g, GUEST_DATA);
	u8 want[16] = { 0x4b, 0x0c, 0x7a, 0x52, 0x59, 0xa2, 0x4d, 0x0c, 0x9a, 0x80 };

	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_NS), names(g, 0));
	KUNIT_EXPECT_EQ(test, NO(NVME_SC_INVALID_NS), names(g, 2));
	KUNIT_EXPECT_EQ(test, 0, names(g, 1));
	KUNIT_EXPECT_EQ(test, NVME_NIDT_UUID, desc->nidt);
	KUNIT_EXPECT_EQ(test, NVME_NIDT_UUID_LEN, desc->nidl);
	KUNIT_EXPECT_MEMEQ(test, desc + 1, "guest\0\0\0\0\0Parley", 16);
	/* And no other. */
	KUNIT_EXPECT_EQ(test, 0, desc[5].nidt);
	g->e.config.serial = "4b0c7a5259a24d0c9a80";
	memcpy(want + 10, "Parley", 6);
	KUNIT_EXPECT_EQ(test, 0, names(g, 1));
	KUNIT_EXPECT_MEMEQ(test, desc + 1, want, sizeof(want));
}

static struct kunit_case event_cases[] = {
	KUNIT_CASE(the_loss_of_its_disk_is_told),
	KUNIT_CASE(a_threshold_that_is_passed_is_told_once),
	KUNIT_CASE(an_event_waits_for_who_waits_for_it),
	KUNIT_CASE(what_waits_can_be_aborted_and_nothing_else),
	KUNIT_CASE(who_is_to_keep_it_alive_does_or_loses_it),
	KUNIT_CASE(the_log_of_commands_tells_what_there_is),
	KUNIT_CASE(a_disk_has_a_name),
	{}
};

static struct kunit_suite event_suite = {
	.name = "parley_nvme_emu_event",
	.test_cases = event_cases,
};

kunit_test_suite(event_suite);
