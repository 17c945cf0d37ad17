// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's controller stops, becomes bytes, and another one becomes what it was; and
 * bytes that are none, or of another, or of one that there cannot be.
 */
#include <linux/delay.h>
#include <linux/prandom.h>
#include <parley/compat.h>
#include "../state.h"
#include "guest.h"
#include "moves.h"

#define DATA	GUEST_AT(GUEST_DATA)

/* Back and forth, with its queues anywhere in their rounds. */
static void back_and_forth(struct kunit *test, bool shadow)
{
	struct guest *g[2] = { guest_ready(test), guest_new(test) };
	struct guest *here = g[0];
	u8 *data = guest_at(here, GUEST_DATA);
	unsigned int i;

	if (shadow)
		KUNIT_ASSERT_EQ(test, 0, guest_shadow(here));
	moves_feature(here, nvme_admin_set_features, NVME_FEAT_ARBITRATION, 0x1234567);
	for (i = 0; i < 3 * GUEST_DEPTH; i++) {
		memset(data, i, 2 * PARLEY_NVME_PAGE);
		KUNIT_ASSERT_EQ(test, 0, guest_rw(here, nvme_cmd_write, i, 16, DATA));
		if (i % 7 == 6) {
			moves_on(g[i / 7 % 2], g[!(i / 7 % 2)]);
			here = g[!(i / 7 % 2)];
			data = guest_at(here, GUEST_DATA);
		}
		memset(data, 0xee, 2 * PARLEY_NVME_PAGE);
		KUNIT_ASSERT_EQ(test, 0, guest_rw(here, nvme_cmd_read, i, 16, DATA));
		KUNIT_ASSERT_NULL(test, memchr_inv(data, i, 2 * PARLEY_NVME_PAGE));
	}
	KUNIT_EXPECT_EQ(test, 0x1234567,
			moves_feature(here, nvme_admin_get_features, NVME_FEAT_ARBITRATION, 0));
	KUNIT_EXPECT_GT(test, here->interrupts[1], 0);
}

static void a_guest_goes_on_elsewhere(struct kunit *test)
{
	back_and_forth(test, false);
}

static void one_with_doorbells_in_its_memory_does_so(struct kunit *test)
{
	back_and_forth(test, true);
}

static void events_are_waited_for_on_the_other_side(struct kunit *test)
{
	struct guest *from = guest_enabled(test), *to = guest_new(test);
	struct nvme_command cmd = { .common.opcode = nvme_admin_async_event };
	unsigned int i;

	for (i = 0; i < PARLEY_EMU_EVENTS; i++) {
		memset(&cmd, 0, sizeof(cmd));
		cmd.common.opcode = nvme_admin_async_event;
		guest_put(from, 0, &cmd);
	}
	moves_feature(from, nvme_admin_get_features, NVME_FEAT_ARBITRATION, 0);
	moves_on(from, to);
	KUNIT_EXPECT_EQ(test, PARLEY_EMU_EVENTS, to->e.nr_events);
	KUNIT_EXPECT_MEMEQ(test, from->e.event, to->e.event, sizeof(to->e.event));
	/* So there is no room for another. */
	KUNIT_EXPECT_EQ(test, PARLEY_EMU_NO(NVME_SC_ASYNC_LIMIT), guest_do(to, 0, &cmd));
}

/* The largest state there can be has room. */
static void all_queues_and_features_have_room(struct kunit *test)
{
	struct guest *g = guest_enabled(test);
	u8 *data = moves_bytes(test);
	unsigned int i;

	parley_emu_stop(&g->e);
	for (i = 0; i < PARLEY_EMU_QUEUES; i++) {
		g->e.sq[i].there = true;
		g->e.cq[i].there = true;
	}
	for (i = 0; i < PARLEY_EMU_FEATURES; i++)
		g->e.feature[i] = 1;
	g->e.nr_events = PARLEY_EMU_EVENTS;
	KUNIT_EXPECT_LT(test, moves_state(g, data), PARLEY_STATE_MAX);
	parley_emu_reset(&g->e);
}

static void one_that_is_too_long_is_not_written(struct kunit *test)
{
	u8 *data = moves_bytes(test), *more = moves_bytes(test);
	struct parley_state_out out;
	size_t room;

	parley_state_begin(&out, data);
	room = PARLEY_STATE_MAX - out.len - sizeof(struct parley_state_section);
	KUNIT_EXPECT_EQ(test, -ENOSPC, parley_state_put(&out, PARLEY_STATE_CONFIG, more,
							room + 1));
	KUNIT_EXPECT_EQ(test, -ENOSPC, parley_state_put(&out, PARLEY_STATE_CONFIG, more,
							U32_MAX));
	KUNIT_EXPECT_EQ(test, 0, parley_state_put(&out, PARLEY_STATE_CONFIG, more, room));
	KUNIT_EXPECT_EQ(test, PARLEY_STATE_MAX, out.len);
	KUNIT_EXPECT_EQ(test, -ENOSPC, parley_state_put(&out, PARLEY_STATE_END, NULL, 0));
}

/* ------------------------------------------------------------ it stops */

static void what_is_stopped_does_nothing_until_it_goes_on(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	struct nvme_command cmd = { .rw = { .opcode = nvme_cmd_flush, .nsid = cpu_to_le32(1) } };
	struct nvme_completion cqe;
	unsigned int interrupts;

	parley_emu_stop(&g->e);
	interrupts = g->interrupts[1];
	fake_arm(&g->f->c, FAKE_HONEST, 0);
	guest_put(g, 1, &cmd);
	msleep(50);
	kthread_flush_work(&g->e.work);
	KUNIT_EXPECT_EQ(test, 0, g->f->c.commands);
	KUNIT_EXPECT_EQ(test, interrupts, g->interrupts[1]);
	KUNIT_EXPECT_EQ(test, 0, g->e.sq[1].head);
	parley_emu_go(&g->e);
	KUNIT_EXPECT_EQ(test, 0, guest_take(g, 1, &cqe));
	KUNIT_EXPECT_GT(test, READ_ONCE(g->interrupts[1]), interrupts);
}

static void it_stops_when_nothing_is_in_flight(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	struct nvme_completion cqe;
	struct nvme_command cmd;
	unsigned int i;

	g->f->vf.io_ms = FAKE_SHORT_MS;
	fake_arm(&g->f->c, FAKE_SILENT, 0);
	for (i = 0; i < 3; i++) {
		cmd = (struct nvme_command) {
			.rw = {
				.opcode = nvme_cmd_read,
				.nsid = cpu_to_le32(1),
				.dptr.prp1 = cpu_to_le64(GUEST_AT(GUEST_DATA + i)),
			},
		};
		guest_put(g, 1, &cmd);
	}
	for (i = 0; i < FAKE_LONG_MS / 20 && READ_ONCE(g->f->c.nr_kept) < 3; i++)
		msleep(20);
	/* The function keeps them for good, and loses memory for that. */
	parley_emu_stop(&g->e);
	KUNIT_EXPECT_EQ(test, 0, g->e.sq[1].flying);
	guest_expect_idle(g);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, NVME_SC_INTERNAL, guest_take(g, 1, &cqe));
}

/* Its line is lowered, and not raised, whoever looks at it meanwhile. */
static void what_is_stopped_raises_no_line(struct kunit *test)
{
	struct nvme_command cmd = { .common.opcode = nvme_admin_keep_alive };
	struct guest *g = guest_ready(test);
	struct nvme_completion cqe;

	guest_put(g, 0, &cmd);
	guest_rest(g);
	parley_emu_stop(&g->e);
	parley_emu_wire(&g->e, true);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(g->raised));
	parley_emu_go(&g->e);
	guest_rest(g);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(g->raised));
	KUNIT_EXPECT_EQ(test, 0, guest_take(g, 0, &cqe));
	parley_emu_wire(&g->e, false);
}

/* An interrupt of before may be lost: there is one more. */
static void answers_that_were_not_taken_are_told_of_again(struct kunit *test)
{
	struct guest *from = guest_ready(test), *to = guest_new(test);
	struct nvme_command cmd = { .rw = { .opcode = nvme_cmd_flush, .nsid = cpu_to_le32(1) } };
	struct nvme_completion cqe;
	unsigned int i;

	guest_put(from, 1, &cmd);
	for (i = 0; i < FAKE_LONG_MS / 20 && !READ_ONCE(from->interrupts[1]); i++)
		msleep(20);
	moves_on(from, to);
	for (i = 0; i < FAKE_LONG_MS / 20 && !READ_ONCE(to->interrupts[1]); i++)
		msleep(20);
	KUNIT_EXPECT_EQ(test, 1, to->interrupts[1]);
	KUNIT_EXPECT_EQ(test, 0, to->interrupts[0]);
	KUNIT_EXPECT_EQ(test, 0, guest_take(to, 1, &cqe));
}

/* ------------------------------------------- a controller of every state */

static void one_that_is_disabled_stays_so(struct kunit *test)
{
	struct guest *from = guest_new(test), *to = guest_ready(test);

	parley_emu_write32(&from->e, NVME_REG_AQA, 0x30007);
	parley_emu_write32(&from->e, NVME_REG_ASQ, 0x5000);
	parley_emu_write32(&from->e, NVME_REG_ACQ + 4, 7);
	moves_on(from, to);
	KUNIT_EXPECT_EQ(test, 0, parley_emu_read32(&to->e, NVME_REG_CSTS));
	KUNIT_EXPECT_EQ(test, 0x30007, parley_emu_read32(&to->e, NVME_REG_AQA));
	KUNIT_EXPECT_EQ(test, 0x5000, parley_emu_read32(&to->e, NVME_REG_ASQ));
	KUNIT_EXPECT_EQ(test, 7, parley_emu_read32(&to->e, NVME_REG_ACQ + 4));
	KUNIT_EXPECT_FALSE(test, to->e.sq[1].there);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, guest_enable(to));
}

static void one_that_failed_stays_so(struct kunit *test)
{
	struct guest *from = guest_ready(test), *to = guest_new(test);

	guest_doorbell(from, 1, false, GUEST_DEPTH);
	kthread_flush_work(&from->e.work);
	moves_on(from, to);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY | NVME_CSTS_CFS,
			parley_emu_read32(&to->e, NVME_REG_CSTS));
	parley_emu_write32(&to->e, NVME_REG_CC, 0);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, guest_enable(to));
}

static void one_that_was_shut_down_stays_so(struct kunit *test)
{
	struct guest *from = guest_ready(test), *to = guest_new(test);
	u32 cc = parley_emu_read32(&from->e, NVME_REG_CC) | NVME_CC_SHN_NORMAL;

	parley_emu_write32(&from->e, NVME_REG_CC, cc);
	moves_on(from, to);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY | NVME_CSTS_SHST_CMPLT,
			parley_emu_read32(&to->e, NVME_REG_CSTS));
	KUNIT_EXPECT_EQ(test, cc, parley_emu_read32(&to->e, NVME_REG_CC));
	KUNIT_EXPECT_FALSE(test, to->e.sq[1].there);
	moves_feature(to, nvme_admin_get_features, NVME_FEAT_ARBITRATION, 0);
}

/* A doorbell that is wrong was not looked at yet: it is a fault on the other side. */
static void a_wrong_doorbell_is_a_fault_where_it_is_seen(struct kunit *test)
{
	struct guest *from = guest_ready(test), *to = guest_new(test);

	parley_emu_stop(&from->e);
	guest_doorbell(from, 1, false, U32_MAX);
	moves_on(from, to);
	kthread_flush_work(&to->e.work);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY | NVME_CSTS_CFS,
			parley_emu_read32(&to->e, NVME_REG_CSTS));
}

/* ---------------------------------------------------- bytes that are none */

static void as_after_a_reset(struct guest *g)
{
	KUNIT_EXPECT_EQ(g->test, 0, g->e.cc);
	KUNIT_EXPECT_EQ(g->test, 0, g->e.csts);
	KUNIT_EXPECT_EQ(g->test, 0, g->e.asq);
	KUNIT_EXPECT_EQ(g->test, 0, g->e.nr_events);
	KUNIT_EXPECT_NULL(g->test, memchr_inv(g->e.sq, 0, sizeof(g->e.sq)));
	KUNIT_EXPECT_NULL(g->test, memchr_inv(g->e.cq, 0, sizeof(g->e.cq)));
	KUNIT_EXPECT_NULL(g->test, memchr_inv(g->e.feature, 0, sizeof(g->e.feature)));
}

static void one_that_was_altered_is_refused(struct kunit *test)
{
	struct parley_state_part part[PARLEY_STATE_TYPES];
	struct guest *g = guest_ready(test);
	u8 *data = moves_bytes(test);
	const char *why;
	size_t len, at;
	u8 bit;

	parley_emu_stop(&g->e);
	len = moves_state(g, data);
	KUNIT_ASSERT_EQ(test, 0, parley_state_parse(data, len, part, &why));
	for (at = 0; at < len; at++)
		for (bit = 1; bit; bit <<= 1) {
			data[at] ^= bit;
			why = NULL;
			KUNIT_ASSERT_NE(test, 0, parley_state_parse(data, len, part, &why));
			KUNIT_ASSERT_NOT_NULL(test, why);
			data[at] ^= bit;
		}
	KUNIT_EXPECT_EQ(test, 0, parley_state_parse(data, len, part, &why));
}

static void one_that_is_cut_off_is_not_whole(struct kunit *test)
{
	struct parley_state_part part[PARLEY_STATE_TYPES];
	struct guest *g = guest_ready(test);
	u8 *data = moves_bytes(test);
	const char *why;
	size_t len, at;

	parley_emu_stop(&g->e);
	len = moves_state(g, data);
	for (at = 0; at < len; at++)
		KUNIT_ASSERT_EQ(test, -EAGAIN, parley_state_parse(data, at, part, &why));
	KUNIT_EXPECT_EQ(test, 0, parley_state_parse(data, len, part, &why));
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_state_parse(data, len + 1, part, &why));
	/* Nothing is read behind it: that is all there is. */
	KUNIT_EXPECT_EQ(test, -EAGAIN, parley_state_parse(data, 0, part, &why));
}

static void sections_are_known_and_in_their_order(struct kunit *test)
{
	struct parley_state_part part[PARLEY_STATE_TYPES];
	struct parley_state_out out;
	u8 *data = moves_bytes(test);
	u8 name[PARLEY_STATE_NAME_LEN] = {};
	const char *why;

	parley_state_begin(&out, data);
	parley_state_put(&out, PARLEY_STATE_NAME, name, sizeof(name));
	KUNIT_EXPECT_EQ(test, -EAGAIN, parley_state_parse(data, out.len, part, &why));
	parley_state_put(&out, PARLEY_STATE_NAME, name, sizeof(name));
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_state_parse(data, out.len, part, &why));
	parley_state_begin(&out, data);
	parley_state_put(&out, PARLEY_STATE_TYPES, name, sizeof(name));
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_state_parse(data, out.len, part, &why));
	parley_state_begin(&out, data);
	parley_state_put(&out, 0, name, sizeof(name));
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_state_parse(data, out.len, part, &why));
	parley_state_begin(&out, data);
	parley_state_put(&out, PARLEY_STATE_NAME, name, sizeof(name) - 1);
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_state_parse(data, out.len, part, &why));
	parley_state_begin(&out, data);
	parley_state_put(&out, PARLEY_STATE_END, name, 1);
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_state_parse(data, out.len, part, &why));
	parley_state_begin(&out, data);
	parley_state_put(&out, PARLEY_STATE_END, NULL, 0);
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_state_parse(data, out.len, part, &why));
	KUNIT_EXPECT_STREQ(test, why, "lacks a section");
}

/* ------------------------------------------ right checksums, wrong content */

/* The same with some bytes of a section replaced; how long it is. */
static size_t replace(struct kunit *test, const u8 *data, size_t len, u8 *to, u16 type,
		      u32 at, u64 value, unsigned int size)
{
	struct parley_state_part part[PARLEY_STATE_TYPES];
	u8 *section = moves_bytes(test);
	struct parley_state_out out;
	const char *why;
	u16 i;

	KUNIT_ASSERT_EQ(test, 0, parley_state_parse(data, len, part, &why));
	parley_state_begin(&out, to);
	for (i = 1; i < PARLEY_STATE_TYPES; i++) {
		memcpy(section, part[i].data, part[i].len);
		if (i == type) {
			KUNIT_ASSERT_LE(test, at + size, part[i].len);
			value = (__force u64)cpu_to_le64(value);
			memcpy(section + at, &value, size);
		}
		parley_state_put(&out, i, section, part[i].len);
	}
	parley_state_put(&out, PARLEY_STATE_END, NULL, 0);
	kunit_kfree(test, section);
	return out.len;
}

struct wrong {
	const char *name;
	u16 type;
	u32 at;
	u64 value;
	unsigned int size;
};

#define REGS(field, value)	PARLEY_STATE_REGS, offsetof(struct parley_state_regs, field), \
				value, sizeof_field(struct parley_state_regs, field)
/* Of the queue for I/O, or of that of admin commands. */
#define CQ(nr, field, value)	PARLEY_STATE_CQS, (nr) * sizeof(struct parley_state_cq) + \
				offsetof(struct parley_state_cq, field), value, \
				sizeof_field(struct parley_state_cq, field)
#define SQ(nr, field, value)	PARLEY_STATE_SQS, (nr) * sizeof(struct parley_state_sq) + \
				offsetof(struct parley_state_sq, field), value, \
				sizeof_field(struct parley_state_sq, field)

static const struct wrong wrongs[] = {
	{ "an event that there is none of", REGS(events_due, 0x100) },
	{ "a status that there is none of", REGS(csts, NVME_CSTS_RDY | 0x10) },
	{ "enabled and not ready", REGS(csts, 0) },
	{ "ready and not enabled", REGS(cc, 0) },
	{ "pages of another size", REGS(cc, NVME_CC_ENABLE | NVME_CC_IOSQES | NVME_CC_IOCQES |
					0x80) },
	{ "shut down with queues", REGS(csts, NVME_CSTS_RDY | NVME_CSTS_SHST_CMPLT) },
	{ "failed with queues", REGS(csts, NVME_CSTS_RDY | NVME_CSTS_CFS) },
	{ "a feature that is not kept", PARLEY_STATE_FEATURES, 0, NVME_FEAT_VOLATILE_WC, 4 },
	{ "a feature of another number", PARLEY_STATE_FEATURES, 0, PARLEY_EMU_FEATURES, 4 },
	{ "the feature with the largest", PARLEY_STATE_FEATURES, 0, U32_MAX, 4 },
	{ "no admin completion queue", CQ(0, id, 2) },
	{ "a completion queue twice", CQ(1, id, 0) },
	{ "a completion queue too many", CQ(1, id, PARLEY_EMU_QUEUES) },
	{ "more than the function has", CQ(1, id, U16_MAX) },
	{ "a completion queue inside of a page", CQ(1, base, GUEST_AT(GUEST_CQ) + 16) },
	{ "a completion queue of one", CQ(1, size, 1) },
	{ "a completion queue of none", CQ(1, size, 0) },
	{ "a completion queue that is too long", CQ(1, size, PARLEY_EMU_ENTRIES + 1) },
	{ "a tail beyond the end", CQ(1, tail, GUEST_DEPTH) },
	{ "the largest tail", CQ(1, tail, U16_MAX) },
	{ "a phase that is none", CQ(1, phase, 2) },
	{ "an interrupt that there is none of", CQ(1, vector, PARLEY_EMU_QUEUES) },
	{ "admin answers with another", CQ(0, vector, 1) },
	{ "admin answers without one", CQ(0, interrupts, 0) },
	{ "neither with nor without", CQ(1, interrupts, 2) },
	{ "no admin submission queue", SQ(0, id, 1) },
	{ "a submission queue twice", SQ(1, id, 0) },
	{ "a submission queue too many", SQ(1, id, PARLEY_EMU_QUEUES) },
	{ "a submission queue inside of a page", SQ(1, base, GUEST_AT(GUEST_SQ) + 64) },
	{ "a submission queue of one", SQ(1, size, 1) },
	{ "a submission queue that is too long", SQ(1, size, PARLEY_EMU_ENTRIES + 1) },
	{ "a head beyond the end", SQ(1, head, GUEST_DEPTH) },
	{ "answers nowhere", SQ(1, cq, 2) },
	{ "answers beyond all", SQ(1, cq, U16_MAX) },
	{ "answers among admin ones", SQ(1, cq, 0) },
	{ "admin answers among others", SQ(0, cq, 1) },
	{ "a free field of a queue", SQ(1, zero, 1) },
};

static void wrong_name(const struct wrong *wrong, char *name)
{
	strscpy(name, wrong->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(wrong, wrongs, wrong_name);

static void what_a_guest_could_not_have_asked_for_is_refused(struct kunit *test)
{
	const struct wrong *wrong = test->param_value;
	struct guest *from = guest_ready(test), *to = guest_new(test);
	u8 *data = moves_bytes(test), *other = moves_bytes(test);
	const char *why = NULL;
	size_t len;

	moves_feature(from, nvme_admin_set_features, NVME_FEAT_ARBITRATION, 3);
	parley_emu_stop(&from->e);
	len = moves_state(from, data);
	KUNIT_ASSERT_EQ(test, 0, moves_become(to, data, len, &why));
	len = replace(test, data, len, other, wrong->type, wrong->at, wrong->value,
		      wrong->size);
	KUNIT_EXPECT_EQ(test, -EINVAL, moves_become(to, other, len, &why));
	KUNIT_EXPECT_NOT_NULL(test, why);
	as_after_a_reset(to);
	parley_emu_go(&to->e);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, guest_enable(to));
}

/* Anything may be refused or not: either way nothing is held, and nothing breaks. */
static void whatever_comes_is_bounded(struct kunit *test)
{
	struct guest *from = guest_ready(test), *to = guest_new(test);
	u8 *data = moves_bytes(test), *one = moves_bytes(test), *other = moves_bytes(test);
	unsigned int i, k, loaded = 0;
	struct rnd_state rnd;
	const char *why;
	size_t len;
	u32 dice;

	moves_feature(from, nvme_admin_set_features, NVME_FEAT_ARBITRATION, 3);
	parley_emu_stop(&from->e);
	len = moves_state(from, data);
	guest_move(from, to);
	prandom_seed_state(&rnd, 8);
	for (i = 0; i < 500; i++) {
		memcpy(one, data, len);
		for (k = prandom_u32_state(&rnd) % 3 + 1; k; k--) {
			dice = prandom_u32_state(&rnd);
			replace(test, one, len, other,
				dice & 1 ? PARLEY_STATE_CQS : dice & 2 ? PARLEY_STATE_SQS :
				PARLEY_STATE_REGS, dice >> 8 & 31,
				dice & 4 ? 1ULL << (dice >> 16 & 31) : dice >> 16, 1);
			memcpy(one, other, len);
		}
		if (moves_become(to, one, len, &why)) {
			as_after_a_reset(to);
			continue;
		}
		loaded++;
		parley_emu_go(&to->e);
		guest_doorbell(to, 1, false, prandom_u32_state(&rnd) % GUEST_DEPTH);
		guest_doorbell(to, 0, true, prandom_u32_state(&rnd) % GUEST_DEPTH);
		kthread_flush_work(&to->e.work);
		parley_emu_reset(&to->e);
		guest_expect_free(to);
	}
	KUNIT_EXPECT_GT(test, loaded, 0);
	KUNIT_EXPECT_LT(test, loaded, i);
	parley_emu_go(&to->e);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, guest_enable(to));
}

static void a_disk_that_is_another_is_refused(struct kunit *test)
{
	struct guest *g = guest_new(test);
	struct parley_state_disk own, other;
	const char *why = NULL;
	unsigned int at;

	KUNIT_ASSERT_EQ(test, 0, parley_state_disk_of(&g->e, &own));
	KUNIT_EXPECT_EQ(test, 0, parley_state_disk_check(&own, &own, &why));
	for (at = 0; at < sizeof(other); at++) {
		other = own;
		((u8 *)&other)[at] ^= 0x10;
		why = NULL;
		KUNIT_EXPECT_EQ(test, -EINVAL, parley_state_disk_check(&own, &other, &why));
		KUNIT_EXPECT_NOT_NULL(test, why);
	}
	/* What it says of itself is in there, and its serial number is not. */
	g->f->vf.n.id.vwc = !g->f->vf.n.id.vwc;
	KUNIT_ASSERT_EQ(test, 0, parley_state_disk_of(&g->e, &other));
	KUNIT_EXPECT_FALSE(test, own.says == other.says);
}

static struct kunit_case state_cases[] = {
	KUNIT_CASE(a_guest_goes_on_elsewhere),
	KUNIT_CASE(one_with_doorbells_in_its_memory_does_so),
	KUNIT_CASE(events_are_waited_for_on_the_other_side),
	KUNIT_CASE(all_queues_and_features_have_room),
	KUNIT_CASE(one_that_is_too_long_is_not_written),
	KUNIT_CASE(what_is_stopped_does_nothing_until_it_goes_on),
	KUNIT_CASE(it_stops_when_nothing_is_in_flight),
	KUNIT_CASE(what_is_stopped_raises_no_line),
	KUNIT_CASE(answers_that_were_not_taken_are_told_of_again),
	KUNIT_CASE(one_that_is_disabled_stays_so),
	KUNIT_CASE(one_that_failed_stays_so),
	KUNIT_CASE(one_that_was_shut_down_stays_so),
	KUNIT_CASE(a_wrong_doorbell_is_a_fault_where_it_is_seen),
	KUNIT_CASE(one_that_was_altered_is_refused),
	KUNIT_CASE(one_that_is_cut_off_is_not_whole),
	KUNIT_CASE(sections_are_known_and_in_their_order),
	KUNIT_CASE_PARAM(what_a_guest_could_not_have_asked_for_is_refused, wrong_gen_params),
	KUNIT_CASE(whatever_comes_is_bounded),
	KUNIT_CASE(a_disk_that_is_another_is_refused),
	{}
};

static struct kunit_suite state_suite = {
	.name = "parley_nvme_emu_state",
	.test_cases = state_cases,
};

kunit_test_suite(state_suite);
