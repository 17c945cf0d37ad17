// SPDX-License-Identifier: GPL-2.0-only
/*
 * The function forgets everything: the guest sees nothing of it, or a controller that
 * failed and works when it is reset.
 */
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/kthread.h>
#include "guest.h"

#define DATA	GUEST_AT(GUEST_DATA)
#define ROUNDS	40

static void pause(struct guest *g)
{
	guard(device)(g->f->c.dev);
	parley_nvme_vf_pause(&g->f->vf, true);
}

static int resume(struct guest *g)
{
	guard(device)(g->f->c.dev);
	return parley_nvme_vf_resume(&g->f->vf);
}

/* As the file reset of a function. */
static int reset(struct guest *g)
{
	guard(device)(g->f->c.dev);
	parley_nvme_vf_pause(&g->f->vf, true);
	fake_reset(&g->f->c);
	return parley_nvme_vf_resume(&g->f->vf);
}

static void expect_parked(struct guest *g, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < FAKE_LONG_MS / 20 && READ_ONCE(g->e.nr_parked) < nr; i++)
		msleep(20);
	KUNIT_ASSERT_EQ(g->test, nr, READ_ONCE(g->e.nr_parked));
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_EQ(g->test, 1, g->pins[GUEST_DATA + i]);
}

/* What its driver does when it finds it failed. */
static void expect_works_when_reset(struct guest *g)
{
	KUNIT_EXPECT_TRUE(g->test, parley_emu_read32(&g->e, NVME_REG_CSTS) & NVME_CSTS_CFS);
	parley_emu_write32(&g->e, NVME_REG_CC, 0);
	KUNIT_EXPECT_EQ(g->test, 0, parley_emu_read32(&g->e, NVME_REG_CSTS));
	guest_begin(g);
	KUNIT_EXPECT_EQ(g->test, 0, guest_rw(g, nvme_cmd_read, 0, 8, DATA));
	guest_expect_idle(g);
}

static void what_it_forgot_is_submitted_again(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	struct nvme_completion cqe;
	unsigned int i;

	memset(g->f->disk, 0x5a, FAKE_BLOCK);
	guest_keep(g, 3);
	pause(g);
	expect_parked(g, 3);
	/* Nothing of it is to be seen, for as long as it takes. */
	msleep(50);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, parley_emu_read32(&g->e, NVME_REG_CSTS));
	KUNIT_EXPECT_EQ(test, 0, g->interrupts[1]);
	fake_truth(&g->f->c);
	KUNIT_EXPECT_EQ(test, 0, resume(g));
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, 0, guest_take(g, 1, &cqe));
		KUNIT_EXPECT_NULL(test, memchr_inv(guest_at(g, GUEST_DATA + i), 0x5a,
						   FAKE_BLOCK));
	}
	guest_expect_idle(g);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, parley_emu_read32(&g->e, NVME_REG_CSTS));
}

static void what_comes_meanwhile_waits(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	struct nvme_command cmd = {
		.rw = {
			.opcode = nvme_cmd_write,
			.nsid = cpu_to_le32(1),
			.dptr.prp1 = cpu_to_le64(DATA),
		},
	};
	struct nvme_completion cqe;
	unsigned int i;

	memset(guest_at(g, GUEST_DATA), 0xa5, FAKE_BLOCK);
	pause(g);
	for (i = 0; i < 5; i++) {
		cmd.rw.slba = cpu_to_le64(i);
		guest_put(g, 1, &cmd);
	}
	msleep(50);
	/* Admin commands need no function. */
	cmd = (struct nvme_command) { .common.opcode = nvme_admin_abort_cmd };
	KUNIT_EXPECT_EQ(test, 0, guest_do(g, 0, &cmd));
	KUNIT_EXPECT_EQ(test, 0, resume(g));
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, 0, guest_take(g, 1, &cqe));
	KUNIT_EXPECT_NULL(test, memchr_inv(g->f->disk, 0xa5, 5 * FAKE_BLOCK));
}

static void who_resets_his_controller_does_not_wait(struct kunit *test)
{
	struct guest *g = guest_ready(test);

	guest_keep(g, 3);
	pause(g);
	expect_parked(g, 3);
	parley_emu_write32(&g->e, NVME_REG_CC, 0);
	KUNIT_EXPECT_EQ(test, 0, g->e.nr_parked);
	guest_expect_idle(g);
	fake_truth(&g->f->c);
	KUNIT_EXPECT_EQ(test, 0, resume(g));
	guest_begin(g);
	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
}

static void who_deletes_a_queue_is_told_that_they_are_aborted(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	struct nvme_command cmd = {
		.delete_queue = {
			.opcode = nvme_admin_delete_sq,
			.qid = cpu_to_le16(1),
		},
	};
	struct nvme_completion cqe;
	unsigned int i;

	guest_keep(g, 3);
	pause(g);
	expect_parked(g, 3);
	KUNIT_EXPECT_EQ(test, 0, guest_do(g, 0, &cmd));
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, NVME_SC_ABORT_QUEUE, guest_take(g, 1, &cqe));
	guest_expect_idle(g);
}

struct lost {
	const char *name;
	void (*make)(struct fake_vf *f);
	void (*mend)(struct fake_vf *f);
};

static void no_reset(struct fake_vf *f)
{
	f->c.reset_fails = true;
}

static void shrinks(struct fake_vf *f)
{
	f->c.ns[0].blocks--;
}

static void grows(struct fake_vf *f)
{
	f->c.ns[0].blocks++;
}

static void vanishes(struct fake_vf *f)
{
	f->c.gone = true;
}

static void comes_back(struct fake_vf *f)
{
	f->c.gone = false;
}

static void fewer_queues(struct fake_vf *f)
{
	f->c.allowed--;
}

static void more_queues(struct fake_vf *f)
{
	f->c.allowed++;
}

static const struct lost losses[] = {
	{ "cannot be reset", no_reset },
	{ "has another size", shrinks, grows },
	{ "is gone", vanishes, comes_back },
	{ "has fewer queues", fewer_queues, more_queues },
};

static void lost_name(const struct lost *lost, char *name)
{
	strscpy(name, lost->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(lost, losses, lost_name);

static void what_does_not_come_back_ends(struct kunit *test)
{
	const struct lost *lost = test->param_value;
	struct guest *g = guest_ready(test);
	struct nvme_completion cqe;
	unsigned int i;

	guest_keep(g, 3);
	pause(g);
	expect_parked(g, 3);
	fake_truth(&g->f->c);
	lost->make(g->f);
	KUNIT_EXPECT_LT(test, resume(g), 0);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, NVME_SC_INTERNAL, guest_take(g, 1, &cqe));
	guest_expect_idle(g);
	KUNIT_EXPECT_FALSE(test, g->f->c.master);
	/* And what comes later, on a controller that its guest does not reset. */
	fake_truth(&g->f->c);
	if (lost->mend)
		lost->mend(g->f);
	expect_works_when_reset(g);
}

/* Nothing was under way when it was lost: whoever comes next is told. */
static void who_comes_later_finds_it_lost(struct kunit *test)
{
	struct guest *g = guest_ready(test);

	pause(g);
	g->f->c.reset_fails = true;
	KUNIT_EXPECT_EQ(test, -EIO, resume(g));
	KUNIT_EXPECT_EQ(test, NVME_SC_INTERNAL, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	fake_truth(&g->f->c);
	expect_works_when_reset(g);
}

/* The same of one that died: its guest must not try in vain until it gives up. */
static void who_comes_later_finds_it_dead(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	struct nvme_command cmd = {
		.rw = {
			.opcode = nvme_cmd_read,
			.nsid = cpu_to_le32(1),
			.dptr.prp1 = cpu_to_le64(DATA),
		},
	};
	struct nvme_completion cqe;

	parley_nvme_fail(&g->f->vf.n, PARLEY_NVME_DEAD, "dies in a test");
	KUNIT_EXPECT_EQ(test, NVME_SC_INTERNAL, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	/* What it sends now waits for the reset. */
	guest_put(g, 1, &cmd);
	KUNIT_EXPECT_EQ(test, U16_MAX, guest_take(g, 1, &cqe));
	expect_works_when_reset(g);
}

/* Its guest is not to wait for it, as it would not at the function's own registers. */
static void one_that_is_gone_has_no_registers(struct kunit *test)
{
	static const u32 regs[] = { NVME_REG_CAP, NVME_REG_CAP + 4, NVME_REG_VS, NVME_REG_CC,
				    NVME_REG_CSTS, NVME_REG_AQA };
	struct guest *g = guest_ready(test);
	unsigned int i, again;

	vanishes(g->f);
	parley_nvme_look(&g->f->vf.n);
	for (again = 0; again < 2; again++) {
		parley_emu_write32(&g->e, NVME_REG_CC, 0);
		KUNIT_EXPECT_EQ(test, 0, parley_emu_read32(&g->e, NVME_REG_CSTS));
		KUNIT_EXPECT_EQ(test, U32_MAX, (u32)guest_enable(g));
		for (i = 0; i < ARRAY_SIZE(regs); i++)
			KUNIT_EXPECT_EQ(test, U32_MAX, parley_emu_read32(&g->e, regs[i]));
	}
	/* Whoever asks anew is told anew. */
	comes_back(g->f);
	parley_emu_reset(&g->e);
	KUNIT_EXPECT_EQ(test, 0, parley_emu_read32(&g->e, NVME_REG_CSTS));
	guest_begin(g);
	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
}

/* A smaller one is no disk for a controller with more queues. */
static void one_that_does_not_fit_is_no_disk(struct kunit *test)
{
	struct guest *g = guest_ready(test);

	g->f->c.allowed--;
	pause(g);
	KUNIT_EXPECT_EQ(test, -ESTALE, resume(g));
	parley_emu_write32(&g->e, NVME_REG_CC, 0);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_CFS, guest_enable(g));
	/* What it was is what it was last. */
	g->f->c.allowed++;
	KUNIT_EXPECT_EQ(test, -ESTALE, reset(g));
	expect_works_when_reset(g);
}

struct death {
	const char *name;
	enum fake_lie lie;
};

static const struct death deaths[] = {
	{ "a fatal fault", FAKE_DIES },
	{ "it stops", FAKE_STOPS },
	{ "a lie", FAKE_WRONG_CID },
	{ "it vanishes", FAKE_VANISHES },
};

static void death_name(const struct death *death, char *name)
{
	strscpy(name, death->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(death, deaths, death_name);

/* Nobody was told before: that is a controller that failed. */
static void one_that_fails_is_made_anew(struct kunit *test)
{
	const struct death *death = test->param_value;
	struct guest *g = guest_ready(test);

	memset(g->f->disk, 0x11, FAKE_BLOCK);
	fake_arm(&g->f->c, death->lie, 1);
	KUNIT_EXPECT_EQ(test, NVME_SC_INTERNAL, guest_rw(g, nvme_cmd_read, 0, 1, DATA));
	fake_truth(&g->f->c);
	comes_back(g->f);
	expect_works_when_reset(g);
	KUNIT_EXPECT_NULL(test, memchr_inv(guest_at(g, GUEST_DATA), 0x11, FAKE_BLOCK));
}

/* Its user leaves it meanwhile: see guest_end(). */
static void it_is_left_while_it_is_away(struct kunit *test)
{
	struct guest *g = guest_ready(test);

	guest_keep(g, 3);
	pause(g);
	expect_parked(g, 3);
}

static int resets(void *data)
{
	struct guest *g = data;
	int err = 0;

	while (!kthread_should_stop()) {
		err = err ?: reset(g);
		usleep_range(500, 3000);
	}
	return err;
}

/* It is reset all the time, and the guest finds what it wrote. */
static void nothing_is_to_be_seen_of_resets(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	struct task_struct *thread = kthread_run(resets, g, "parley-resets");
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, thread);
	for (i = 0; i < ROUNDS; i++) {
		memset(guest_at(g, GUEST_DATA), i + 1, FAKE_BLOCK);
		KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_write, i, 1, DATA));
		memset(guest_at(g, GUEST_DATA), 0, FAKE_BLOCK);
		KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_read, i, 1, DATA));
		KUNIT_EXPECT_NULL(test, memchr_inv(guest_at(g, GUEST_DATA), i + 1, FAKE_BLOCK));
	}
	KUNIT_EXPECT_EQ(test, 0, kthread_stop(thread));
	KUNIT_EXPECT_EQ(test, NVME_CSTS_RDY, parley_emu_read32(&g->e, NVME_REG_CSTS));
}

static struct kunit_case again_cases[] = {
	KUNIT_CASE(what_it_forgot_is_submitted_again),
	KUNIT_CASE(what_comes_meanwhile_waits),
	KUNIT_CASE(who_resets_his_controller_does_not_wait),
	KUNIT_CASE(who_deletes_a_queue_is_told_that_they_are_aborted),
	KUNIT_CASE_PARAM(what_does_not_come_back_ends, lost_gen_params),
	KUNIT_CASE(who_comes_later_finds_it_lost),
	KUNIT_CASE(who_comes_later_finds_it_dead),
	KUNIT_CASE(one_that_is_gone_has_no_registers),
	KUNIT_CASE(one_that_does_not_fit_is_no_disk),
	KUNIT_CASE_PARAM(one_that_fails_is_made_anew, death_gen_params),
	KUNIT_CASE(it_is_left_while_it_is_away),
	KUNIT_CASE(nothing_is_to_be_seen_of_resets),
	{}
};

static struct kunit_suite again_suite = {
	.name = "parley_nvme_emu_again",
	.test_cases = again_cases,
};

kunit_test_suite(again_suite);
