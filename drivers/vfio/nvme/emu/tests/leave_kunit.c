// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who ran the guest is gone, or is being killed, in the midst of the function's work: he
 * waits for none of it, and nothing of the guest's memory is held after that.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include "../../../gate/tests/doomed.h"
#include "guest.h"

#define FLYING	16

/* The function keeps what it is given, and may for long. */
static struct guest *busy_guest(struct kunit *test)
{
	struct guest *g = guest_ready(test);

	g->f->vf.io_ms = PARLEY_NVME_IO_MS;
	guest_keep(g, FLYING);
	return g;
}

static void expect_abandoned(struct guest *g)
{
	guest_expect_idle(g);
	KUNIT_EXPECT_FALSE(g->test, g->f->c.master);
	KUNIT_EXPECT_EQ(g->test, PARLEY_NVME_DEAD, g->f->vf.n.state);
}

static void who_leaves_does_not_wait_for_the_function(struct kunit *test)
{
	struct guest *g = busy_guest(test);
	unsigned long begun = jiffies;

	guest_leave(g);
	KUNIT_EXPECT_LT(test, jiffies_to_msecs(jiffies - begun), DOOMED_MS);
	expect_abandoned(g);
}

static void put_delete(struct guest *g)
{
	struct nvme_command cmd = {
		.delete_queue = {
			.opcode = nvme_admin_delete_sq,
			.qid = cpu_to_le16(1),
		},
	};
	unsigned int i;

	guest_put(g, 0, &cmd);
	for (i = 0; i < FAKE_LONG_MS / 20 && !READ_ONCE(g->e.draining); i++)
		msleep(20);
	KUNIT_EXPECT_TRUE(g->test, READ_ONCE(g->e.draining));
}

/* The controller's own work does, for a queue that is deleted. */
static void who_leaves_does_not_wait_for_who_does(struct kunit *test)
{
	struct guest *g = busy_guest(test);
	unsigned long begun = jiffies;

	put_delete(g);
	guest_leave(g);
	KUNIT_EXPECT_LT(test, jiffies_to_msecs(jiffies - begun), DOOMED_MS);
	expect_abandoned(g);
}

/* Nobody is left to read the answers, and his memory may not be there any more. */
static void who_leaves_is_not_answered(struct kunit *test)
{
	u8 *was = kunit_kzalloc(test, PARLEY_NVME_PAGE, GFP_KERNEL);
	struct guest *g = busy_guest(test);

	KUNIT_ASSERT_NOT_NULL(test, was);
	memcpy(was, guest_at(g, GUEST_CQ), PARLEY_NVME_PAGE);
	guest_leave(g);
	KUNIT_EXPECT_MEMEQ(test, was, guest_at(g, GUEST_CQ), PARLEY_NVME_PAGE);
}

/* Nothing is under way: the function is left as it is, to be shut down as it should. */
static void who_leaves_in_peace_leaves_peace(struct kunit *test)
{
	struct guest *g = guest_ready(test);

	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, GUEST_AT(GUEST_DATA)));
	guest_leave(g);
	guest_expect_free(g);
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_LIVE, g->f->vf.n.state);
	/* Its lists, which it does not use, are taken from it while it lives. */
	g->f->c.complaint = NULL;
}

static void disable(void *data)
{
	parley_emu_write32(&((struct guest *)data)->e, NVME_REG_CC, 0);
}

static void look(void *data)
{
	parley_emu_read32(&((struct guest *)data)->e, NVME_REG_CC);
}

static void who_is_killed_does_not_wait_for_the_function(struct kunit *test)
{
	struct guest *g = busy_guest(test);
	struct doomed d;

	doomed_begin(test, &d, disable, g);
	doomed_end(test, &d);
	expect_abandoned(g);
	KUNIT_EXPECT_EQ(test, 0, parley_emu_read32(&g->e, NVME_REG_CSTS));
	/* Whoever else has the device resets it, as ever. */
	fake_truth(&g->f->c);
	guest_begin(g);
	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, GUEST_AT(GUEST_DATA)));
}

static void nor_for_who_does(struct kunit *test)
{
	struct guest *g = busy_guest(test);
	struct doomed d;

	put_delete(g);
	doomed_begin(test, &d, look, g);
	doomed_end(test, &d);
	expect_abandoned(g);
}

/* One that nobody has to wait for does not hurt. */
static void who_is_killed_and_need_not_wait_does_no_harm(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	struct doomed d;

	doomed_begin(test, &d, look, g);
	doomed_end(test, &d);
	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, GUEST_AT(GUEST_DATA)));
}

/* ------------------------- somebody resets the function, and takes his time */

static int pause(void *data)
{
	struct guest *g = data;

	guard(device)(g->f->c.dev);
	parley_nvme_vf_pause(&g->f->vf, true);
	return 0;
}

static void expect_parked(struct guest *g)
{
	unsigned int i;

	for (i = 0; i < FAKE_LONG_MS / 20 && READ_ONCE(g->e.nr_parked) < FLYING; i++)
		msleep(20);
	KUNIT_ASSERT_EQ(g->test, FLYING, READ_ONCE(g->e.nr_parked));
}

/* As who takes memory away asks for it. */
static void expect_dropped(struct guest *g)
{
	unsigned int i;

	parley_nvme_abandon(&g->f->vf.n);
	for (i = 0; i < DOOMED_MS / 20 && READ_ONCE(g->e.sq[1].flying); i++)
		msleep(20);
	KUNIT_EXPECT_EQ(g->test, 0, READ_ONCE(g->e.nr_parked));
	guest_expect_idle(g);
}

static void what_is_parked_is_dropped(struct kunit *test)
{
	struct guest *g = busy_guest(test);

	pause(g);
	expect_parked(g);
	expect_dropped(g);
	/* Nothing is left for when it is back, and it has nothing more to do. */
	fake_truth(&g->f->c);
	scoped_guard(device, g->f->c.dev)
		KUNIT_EXPECT_EQ(test, 0, parley_nvme_vf_resume(&g->f->vf));
	KUNIT_EXPECT_EQ(test, PARLEY_NVME_DEAD, g->f->vf.n.state);
	/* Whoever has it all the same resets his controller. */
	parley_emu_write32(&g->e, NVME_REG_CC, 0);
	guest_begin(g);
	KUNIT_EXPECT_EQ(test, 0, guest_rw(g, nvme_cmd_read, 0, 1, GUEST_AT(GUEST_DATA)));
}

/* It does not come to rest, and has not let go of anything yet. */
static struct task_struct *begin_pause(struct guest *g)
{
	struct task_struct *task;
	unsigned int i;

	g->f->vf.n.id.shutdown_ms = FAKE_LONG_MS;
	g->f->c.no_shutdown = true;
	task = kthread_create(pause, g, "parley-pause");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(g->test, task);
	get_task_struct(task);
	wake_up_process(task);
	for (i = 0; i < FAKE_LONG_MS / 20 && !READ_ONCE(g->f->c.shutdowns); i++)
		msleep(20);
	KUNIT_EXPECT_TRUE(g->test, READ_ONCE(g->f->c.shutdowns));
	KUNIT_EXPECT_EQ(g->test, 0, READ_ONCE(g->e.nr_parked));
	KUNIT_EXPECT_TRUE(g->test, g->f->c.master);
	return task;
}

static void end_pause(struct guest *g, struct task_struct *task)
{
	KUNIT_EXPECT_FALSE(g->test, g->f->c.master);
	g->f->c.no_shutdown = false;
	kthread_stop(task);
	put_task_struct(task);
}

static void so_is_what_it_has_until_it_is_at_rest(struct kunit *test)
{
	struct guest *g = busy_guest(test);
	struct task_struct *task = begin_pause(g);

	expect_dropped(g);
	end_pause(g, task);
}

static void who_leaves_does_not_wait_for_who_resets(struct kunit *test)
{
	struct guest *g = busy_guest(test);
	struct task_struct *task = begin_pause(g);
	unsigned long begun = jiffies;

	guest_leave(g);
	KUNIT_EXPECT_LT(test, jiffies_to_msecs(jiffies - begun), DOOMED_MS);
	guest_expect_idle(g);
	end_pause(g, task);
}

/* ----------------------------- the function is made anew, and takes its time */

static void enable(void *data)
{
	guest_enable(data);
}

static void who_enables_it_does_not_wait_until_it_is_ready(struct kunit *test)
{
	struct guest *g = guest_ready(test);
	struct fake *c = &g->f->c;
	unsigned long begun;
	struct doomed d;

	parley_nvme_fail(&g->f->vf.n, PARLEY_NVME_DEAD, "dies in a test");
	parley_emu_write32(&g->e, NVME_REG_CC, 0);
	scoped_guard(spinlock_irqsave, &c->lock) {
		c->cap |= 80ULL << 24;
		c->enable_ms = 40 * MSEC_PER_SEC;
	}
	doomed_begin(test, &d, enable, g);
	doomed_end(test, &d);
	KUNIT_EXPECT_EQ(test, NVME_CSTS_CFS, parley_emu_read32(&g->e, NVME_REG_CSTS));
	begun = jiffies;
	guest_leave(g);
	KUNIT_EXPECT_LT(test, jiffies_to_msecs(jiffies - begun), DOOMED_MS);
	guest_expect_free(g);
	/* Its lists go while it is on its way. */
	c->complaint = NULL;
	scoped_guard(spinlock_irqsave, &c->lock) {
		c->enable_ms = 0;
		c->ready_at = jiffies;
	}
}

static struct kunit_case leave_cases[] = {
	KUNIT_CASE(who_leaves_does_not_wait_for_the_function),
	KUNIT_CASE(who_leaves_does_not_wait_for_who_does),
	KUNIT_CASE(who_leaves_is_not_answered),
	KUNIT_CASE(who_leaves_in_peace_leaves_peace),
	KUNIT_CASE(who_is_killed_does_not_wait_for_the_function),
	KUNIT_CASE(nor_for_who_does),
	KUNIT_CASE(who_is_killed_and_need_not_wait_does_no_harm),
	KUNIT_CASE(what_is_parked_is_dropped),
	KUNIT_CASE(so_is_what_it_has_until_it_is_at_rest),
	KUNIT_CASE(who_leaves_does_not_wait_for_who_resets),
	KUNIT_CASE(who_enables_it_does_not_wait_until_it_is_ready),
	{}
};

static struct kunit_suite leave_suite = {
	.name = "parley_nvme_emu_leave",
	.test_cases = leave_cases,
};

kunit_test_suite(leave_suite);
