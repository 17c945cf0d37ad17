// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits of a queue of the guest's, with a clock of the test's: how much may be fetched, and
 * what becomes of who waits.
 */
#include <linux/delay.h>
#include "../../../../limits/tests/clock.h"
#include "guest.h"

#define BYTES		4096
#define BLOCKS		(BYTES / FAKE_BLOCK)
/* So many commands are kept in the queue. */
#define LOAD		16
#define STEP_NS		(10 * NSEC_PER_MSEC)

struct limited {
	struct guest *g;
	struct parley_limit *root;
	struct parley_limit *device;
	struct parley_limit *leaf[PARLEY_NVME_IO_QUEUES];
	unsigned int put;
	unsigned int taken;
};

static u64 limited_now(struct parley_emu *e)
{
	return READ_ONCE(container_of(e, struct guest, e)->now);
}

static struct limited *limited_tree(struct kunit *test, bool manual)
{
	struct limited *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, l);
	l->root = parley_limit_create(NULL);
	KUNIT_ASSERT_NOT_NULL(test, l->root);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, clock_end, l->root));
	if (manual)
		parley_limit_manual(l->root);
	l->device = clock_node(test, l->root);
	return l;
}

/* One queue, with a leaf of its own; the clock of the machine if it is not @manual. */
static struct limited *limited_new(struct kunit *test, bool manual)
{
	struct limited *l = limited_tree(test, manual);
	struct parley_emu_config config = {
		.serial = "guest",
		.queues = 1,
		.limits = l->leaf,
		.now = manual ? limited_now : NULL,
	};

	l->leaf[0] = clock_node(test, l->device);
	/* Each optional command is of use to somebody. */
	l->g = guest_rich_like(test, &config);
	l->g->now = START;
	guest_begin(l->g);
	return l;
}

static void set(struct limited *l, struct parley_limit *limit, struct parley_limits cfg)
{
	KUNIT_ASSERT_EQ(l->g->test, 0, parley_limit_set(limit, &cfg, l->g->now));
}

#define SET(l, limit, ...) set(l, limit, (struct parley_limits) { __VA_ARGS__ })

static void put(struct limited *l, u8 opcode, u64 block)
{
	struct nvme_command cmd = {
		.rw = {
			.opcode = opcode,
			.nsid = cpu_to_le32(1),
			.slba = cpu_to_le64(block),
			.length = cpu_to_le16(opcode == nvme_cmd_flush ? 0 : BLOCKS - 1),
			.dptr.prp1 = cpu_to_le64(GUEST_AT(GUEST_DATA)),
		},
	};

	guest_put(l->g, 1, &cmd);
	l->put++;
}

static unsigned int flying(struct guest *g)
{
	guard(mutex)(&g->e.mutex);
	return g->e.sq[1].flying;
}

/* Commands that were fetched so far, all of which are answered. */
static unsigned int fetched(struct limited *l)
{
	struct guest *g = l->g;
	struct nvme_completion cqe;
	unsigned int left;

	kthread_flush_work(&g->e.work);
	while (flying(g)) {
		usleep_range(100, 300);
		kthread_flush_work(&g->e.work);
	}
	scoped_guard(mutex, &g->e.mutex)
		left = (g->queue[1].tail + GUEST_DEPTH - g->e.sq[1].head) % GUEST_DEPTH;
	for (; l->taken < l->put - left; l->taken++)
		KUNIT_EXPECT_NE(g->test, U16_MAX, guest_take(g, 1, &cqe));
	return l->taken;
}

static void load(struct limited *l, u8 opcode)
{
	while (l->put - l->taken < LOAD)
		put(l, opcode, 0);
}

static void pass(struct limited *l, u64 ns)
{
	u64 from = l->g->now;

	WRITE_ONCE(l->g->now, from + ns);
	clock_run(l->root, from, from + ns);
}

/* Under load for some time: what was fetched, which never was more than may be. */
static unsigned int run(struct limited *l, u8 opcode, unsigned int steps, u64 burst,
			u64 rate, u64 each)
{
	unsigned int i, before = l->taken;
	u64 may;

	for (i = 0; i <= steps; i++) {
		load(l, opcode);
		may = burst + div_u64(rate * (i * STEP_NS), NSEC_PER_SEC);
		KUNIT_EXPECT_LE(l->g->test, (fetched(l) - before) * each, may);
		if (i < steps)
			pass(l, STEP_NS);
	}
	return l->taken - before;
}

static void bytes_are_never_more_than_burst_and_rate(struct kunit *test)
{
	struct limited *l = limited_new(test, true);
	unsigned int nr;

	SET(l, l->leaf[0], .bytes = { 100 * BYTES, 4 * BYTES });
	nr = run(l, nvme_cmd_read, 50, 4 * BYTES, 100 * BYTES, BYTES);
	/* And no less than what was there. */
	KUNIT_EXPECT_GE(test, nr, 53);
	KUNIT_EXPECT_NE(test, 0, l->leaf[0]->throttled);
}

static void operations_are_never_more_than_burst_and_rate(struct kunit *test)
{
	struct limited *l = limited_new(test, true);

	SET(l, l->leaf[0], .ops = { 100, 5 });
	KUNIT_EXPECT_GE(test, run(l, nvme_cmd_flush, 50, 5, 100, 1), 54);
}

/* Flushes move nothing. */
static void a_flush_costs_no_bytes(struct kunit *test)
{
	struct limited *l = limited_new(test, true);

	SET(l, l->leaf[0], .bytes = { 1000, BYTES });
	load(l, nvme_cmd_flush);
	KUNIT_EXPECT_EQ(test, LOAD, fetched(l));
}

static void what_moves_nothing_gets_its_bytes_back(struct kunit *test)
{
	struct limited *l = limited_new(test, true);
	unsigned int i;

	SET(l, l->leaf[0], .bytes = { 1000, BYTES }, .ops = { 10, 8 });
	for (i = 0; i < 10; i++)
		put(l, nvme_cmd_read, FAKE_BLOCKS);
	/* Not its operations. */
	KUNIT_EXPECT_EQ(test, 8, fetched(l));
	pass(l, NSEC_PER_SEC / 5);
	KUNIT_EXPECT_EQ(test, 10, fetched(l));
	pass(l, NSEC_PER_SEC / 10);
	put(l, nvme_cmd_read, 0);
	KUNIT_EXPECT_EQ(test, 11, fetched(l));
	/* That one moved something. */
	pass(l, NSEC_PER_SEC / 10);
	put(l, nvme_cmd_read, 0);
	KUNIT_EXPECT_EQ(test, 11, fetched(l));
	KUNIT_EXPECT_TRUE(test, parley_limit_waiting(l->leaf[0]));
}

/* However often it is looked at before it begins. */
static void what_waits_for_its_memory_pays_once(struct kunit *test)
{
	struct limited *l = limited_new(test, true);
	unsigned int i;

	SET(l, l->leaf[0], .bytes = { 1000, 3 * BYTES }, .ops = { 1, 3 });
	WRITE_ONCE(l->g->leaves, 10);
	put(l, nvme_cmd_read, 0);
	for (i = 0; i < 200 && READ_ONCE(l->g->leaves); i++)
		msleep(PARLEY_EMU_WAIT_MS);
	msleep(3 * PARLEY_EMU_WAIT_MS);
	KUNIT_EXPECT_EQ(test, 1, fetched(l));
	put(l, nvme_cmd_read, 0);
	put(l, nvme_cmd_read, 0);
	put(l, nvme_cmd_read, 0);
	KUNIT_EXPECT_EQ(test, 3, fetched(l));
}

/* All ranges that a command can have, of all blocks each. */
static void put_deallocate(struct limited *l)
{
	struct nvme_dsm_range *range = guest_at(l->g, GUEST_DATA + 1);
	struct nvme_command cmd = {
		.dsm = {
			.opcode = nvme_cmd_dsm,
			.nsid = cpu_to_le32(1),
			.dptr.prp1 = cpu_to_le64(GUEST_AT(GUEST_DATA + 1)),
			.nr = cpu_to_le32(PARLEY_NVME_RANGES_MAX - 1),
			.attributes = cpu_to_le32(NVME_DSMGMT_AD),
		},
	};
	unsigned int i;

	for (i = 0; i < PARLEY_NVME_RANGES_MAX; i++)
		range[i] = (struct nvme_dsm_range) { .nlb = cpu_to_le32(FAKE_BLOCKS) };
	guest_put(l->g, 1, &cmd);
	l->put++;
}

static void a_large_deallocation_is_over_in_a_second(struct kunit *test)
{
	struct limited *l = limited_new(test, true);
	const u64 all = (u64)PARLEY_NVME_RANGES_MAX * FAKE_BLOCKS * FAKE_BLOCK;

	SET(l, l->device, .bytes = { 4 * BYTES, BYTES });
	KUNIT_ASSERT_GT(test, all / PARLEY_EMU_RANGE_PART, 20 * 4 * BYTES);
	put_deallocate(l);
	KUNIT_EXPECT_EQ(test, 1, fetched(l));
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_RANGES_MAX, l->g->f->deallocated);
	put(l, nvme_cmd_read, 0);
	KUNIT_EXPECT_EQ(test, 1, fetched(l));
	pass(l, NSEC_PER_SEC / 4 * 3);
	/* It costs something all the same. */
	KUNIT_EXPECT_EQ(test, 1, fetched(l));
	pass(l, NSEC_PER_SEC / 2);
	KUNIT_EXPECT_EQ(test, 2, fetched(l));
}

static void a_guarantee_holds_beside_the_greedy(struct kunit *test)
{
	struct limited *l = limited_new(test, true);
	struct parley_limit *device = clock_node(test, l->root);
	struct parley_limit *other = clock_node(test, device);
	const u64 all[] = { 64 * BYTES };
	unsigned int i;

	SET(l, l->root, .bytes = { 200 * BYTES, 20 * BYTES });
	SET(l, l->device, .bytes_guaranteed = 100 * BYTES);
	for (i = 0; i < 50; i++) {
		while (parley_limit_admit(other, l->g->now, all, 1))
			;
		load(l, nvme_cmd_read);
		fetched(l);
		pass(l, STEP_NS);
	}
	/* Half a second's, but for what had begun. */
	KUNIT_EXPECT_GE(test, fetched(l), 48);
	parley_limit_idle(other, l->g->now);
}

static void limits_change_under_load(struct kunit *test)
{
	struct limited *l = limited_new(test, true);

	SET(l, l->leaf[0], .ops = { 10, 1 });
	KUNIT_EXPECT_LE(test, run(l, nvme_cmd_read, 20, 1, 10, 1), 3);
	/* Ten times as much, of the device. */
	SET(l, l->device, .ops = { 100, 2 });
	SET(l, l->leaf[0], .ops = { 0 });
	KUNIT_EXPECT_GE(test, run(l, nvme_cmd_read, 20, 3, 100, 1), 20);
	/* None: who waits is woken. */
	load(l, nvme_cmd_read);
	fetched(l);
	KUNIT_EXPECT_TRUE(test, parley_limit_waiting(l->leaf[0]));
	SET(l, l->device, .ops = { 0 });
	KUNIT_EXPECT_EQ(test, l->put, fetched(l));
}

static void who_waits_can_be_closed(struct kunit *test)
{
	struct limited *l = limited_new(test, true);

	SET(l, l->leaf[0], .ops = { 10, 1 });
	load(l, nvme_cmd_read);
	KUNIT_EXPECT_EQ(test, 1, fetched(l));
	KUNIT_EXPECT_TRUE(test, parley_limit_waiting(l->leaf[0]));
	parley_emu_reset(&l->g->e);
	KUNIT_EXPECT_FALSE(test, parley_limit_waiting(l->leaf[0]));
	KUNIT_EXPECT_FALSE(test, parley_limit_spare(l->leaf[0]));
	pass(l, NSEC_PER_SEC);
	/* Closed for good while it waits: the end of the next test sees to it. */
	guest_begin(l->g);
	l->put = 0;
	l->taken = 0;
	load(l, nvme_cmd_read);
	KUNIT_EXPECT_LT(test, fetched(l), LOAD);
	KUNIT_EXPECT_TRUE(test, parley_limit_waiting(l->leaf[0]));
}

/* With the machine's own clock, and nobody who looks. */
static void who_waits_is_woken_in_time(struct kunit *test)
{
	struct limited *l = limited_new(test, false);
	u64 begun;
	unsigned int i;

	l->g->now = ktime_get_ns();
	SET(l, l->leaf[0], .ops = { 50, 1 });
	begun = ktime_get_ns();
	for (i = 0; i < 6; i++)
		put(l, nvme_cmd_read, 0);
	for (i = 0; i < 200 && fetched(l) < 6; i++)
		usleep_range(5000, 10000);
	KUNIT_EXPECT_EQ(test, 6, l->taken);
	KUNIT_EXPECT_GE(test, ktime_get_ns() - begun, 90 * NSEC_PER_MSEC);
}

static struct kunit_case limit_cases[] = {
	KUNIT_CASE(bytes_are_never_more_than_burst_and_rate),
	KUNIT_CASE(operations_are_never_more_than_burst_and_rate),
	KUNIT_CASE(a_flush_costs_no_bytes),
	KUNIT_CASE(what_moves_nothing_gets_its_bytes_back),
	KUNIT_CASE(what_waits_for_its_memory_pays_once),
	KUNIT_CASE(a_large_deallocation_is_over_in_a_second),
	KUNIT_CASE(a_guarantee_holds_beside_the_greedy),
	KUNIT_CASE(limits_change_under_load),
	KUNIT_CASE(who_waits_can_be_closed),
	KUNIT_CASE(who_waits_is_woken_in_time),
	{}
};

static struct kunit_suite limit_suite = {
	.name = "parley_nvme_emu_limit",
	.test_cases = limit_cases,
};

kunit_test_suite(limit_suite);
