// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands over the fake device: each reason for which whoever waits is woken,
 * and whose the memory is meanwhile.
 */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <parley/command.h>
#include <uapi/linux/virtio_config.h>
#include "fake.h"

#define OUT	24
#define IN	5

static struct fake_front *const front = &parley_fake_front;

static void put_command(void *cmd)
{
	parley_command_put(cmd);
}

/* The test's reference lasts until its end. */
static struct parley_command *command_new(struct kunit *test)
{
	struct parley_command *cmd = parley_command_alloc(OUT, IN, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cmd);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, put_command,
							   cmd));
	return cmd;
}

static struct fake *command_device(struct kunit *test)
{
	front->spec.complete = parley_command_complete;
	front->spec.give_back = parley_command_give_back;
	return parley_fake_run(test, 0);
}

static struct parley_queue *queue_of(struct fake *fake)
{
	return &fake->v.pd.queues[0];
}

static void memory_is_its_own(struct kunit *test)
{
	struct parley_command *cmd = command_new(test);

	KUNIT_EXPECT_NULL(test, memchr_inv(cmd->out, 0, OUT));
	KUNIT_EXPECT_NULL(test, memchr_inv(cmd->in, 0, IN));
	/* The device's lines are nobody else's. */
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)cmd->in,
					   SMP_CACHE_BYTES));
	KUNIT_EXPECT_GE(test, (unsigned long)(cmd->in - cmd->out),
			(unsigned long)SMP_CACHE_BYTES);
	KUNIT_EXPECT_NULL(test, parley_command_alloc(0, 0, GFP_KERNEL));
}

/* Somebody who waits while the test does something about it. */
struct waiter {
	struct parley_command *cmd;
	unsigned int flags;
	int err;
	struct task_struct *task;
	struct completion done;
};

static int waiter_thread(void *arg)
{
	struct waiter *w = arg;

	allow_signal(SIGKILL);
	w->err = parley_command_wait(w->cmd, 60 * HZ, w->flags);
	complete(&w->done);
	return 0;
}

static void waiter_start(struct kunit *test, struct waiter *w,
			 struct parley_command *cmd, unsigned int flags)
{
	unsigned int i;

	w->cmd = cmd;
	w->flags = flags;
	w->err = 1;
	init_completion(&w->done);
	w->task = kthread_run(waiter_thread, w, "parley-waiter");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, w->task);
	for (i = 0; i < 2000 && !wq_has_sleeper(&cmd->queue->waiters); i++)
		fsleep(1000);
	KUNIT_ASSERT_EQ(test, 1, w->err);
}

static void expect_woken(struct kunit *test, struct waiter *w, int err)
{
	/* An expectation: somebody may hold a lock here. */
	KUNIT_EXPECT_GT(test, wait_for_completion_timeout(&w->done, 20 * HZ),
			0ul);
	KUNIT_EXPECT_EQ(test, err, w->err);
}

static void wake_by_completion(struct fake *fake)
{
	parley_fake_use(fake, 0, IN);
	parley_queue_interrupt(queue_of(fake));
}

static void wake_by_poll(struct fake *fake)
{
	parley_fake_use(fake, 0, IN);
	parley_queue_poll(queue_of(fake), UINT_MAX, NULL);
}

static void wake_by_break(struct fake *fake)
{
	parley_drvq_break(queue_of(fake)->vq, "test");
}

static void wake_by_removal(struct fake *fake)
{
	parley_device_surprise(&fake->v);
}

static void wake_by_shutdown(struct fake *fake)
{
	parley_device_shutdown(&fake->v);
}

static void wake_by_freeze(struct fake *fake)
{
	parley_device_freeze(&fake->v, PARLEY_HOLD_SLEEP);
}

static void wake_by_wish(struct fake *fake)
{
	parley_fake_ask_for_reset(fake);
}

static void wake_by_close(struct fake *fake)
{
	parley_device_close(&fake->v.pd);
}

static const struct wake {
	const char *name;
	void (*act)(struct fake *fake);
	int err;
	bool alone;	/* no recovery brings it back meanwhile */
} wakes[] = {
	{ "completion", wake_by_completion, 0 },
	{ "somebody who polls", wake_by_poll, 0 },
	{ "broken queue", wake_by_break, -EIO, true },
	{ "surprise removal", wake_by_removal, -ENODEV, true },
	{ "shutdown", wake_by_shutdown, -ENODEV },
	{ "freeze", wake_by_freeze, -EAGAIN },
	{ "recovery", wake_by_wish, -EAGAIN },
	{ "close", wake_by_close, -EIO },
};

KUNIT_ARRAY_PARAM_DESC(wake, wakes, name);

static void whoever_waits_is_woken_by(struct kunit *test)
{
	const struct wake *wake = test->param_value;
	struct fake *fake = command_device(test);
	struct parley_command *cmd = command_new(test);
	static struct waiter w;

	KUNIT_ASSERT_EQ(test, 0, parley_command_submit(queue_of(fake), cmd));
	KUNIT_EXPECT_EQ(test, PARLEY_COMMAND_FLIGHT, parley_command_state(cmd));
	KUNIT_EXPECT_EQ(test, 2, refcount_read(&cmd->users));
	waiter_start(test, &w, cmd, 0);
	if (wake->alone)
		mutex_lock(&fake->v.m.lock);
	wake->act(fake);
	expect_woken(test, &w, wake->err);
	if (wake->alone)
		mutex_unlock(&fake->v.m.lock);
	if (!wake->err)
		KUNIT_EXPECT_EQ(test, IN, cmd->len);
	/* By now or soon the device has let go of it, exactly once. */
	flush_work(&fake->v.m.recover_work);
	KUNIT_EXPECT_EQ(test, 1, refcount_read(&cmd->users));
}

static void whoever_waits_may_be_killed(struct kunit *test)
{
	struct fake *fake = command_device(test);
	struct parley_command *cmd = command_new(test);
	static struct waiter w;

	KUNIT_ASSERT_EQ(test, 0, parley_command_submit(queue_of(fake), cmd));
	waiter_start(test, &w, cmd, PARLEY_COMMAND_KILLABLE);
	send_sig(SIGKILL, w.task, 1);
	expect_woken(test, &w, -ERESTARTSYS);
	/* It is the device's still. */
	KUNIT_EXPECT_EQ(test, 2, refcount_read(&cmd->users));
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_command_submit(queue_of(fake), cmd));
	wake_by_completion(fake);
	KUNIT_EXPECT_EQ(test, 1, refcount_read(&cmd->users));
}

/* Whoever waited let go of it first: the device's answer frees it. */
static void late_answer_frees_it(struct kunit *test)
{
	struct fake *fake = command_device(test);
	struct parley_command *cmd = parley_command_alloc(OUT, IN, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, cmd);
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT,
			parley_command_run(queue_of(fake), cmd, HZ / 20, 0));
	KUNIT_EXPECT_EQ(test, 2, refcount_read(&cmd->users));
	memset(cmd->in, 0xaa, IN);
	parley_command_put(cmd);
	wake_by_completion(fake);
	KUNIT_EXPECT_EQ(test, fake->num[0],
			parley_drvq_free(queue_of(fake)->vq));
}

static void reset_frees_what_timed_out(struct kunit *test)
{
	struct fake *fake = command_device(test);
	struct parley_command *cmd = command_new(test);

	KUNIT_EXPECT_EQ(test, -ETIMEDOUT,
			parley_command_run(queue_of(fake), cmd, 1, 0));
	wake_by_freeze(fake);
	KUNIT_EXPECT_EQ(test, 1, refcount_read(&cmd->users));
	KUNIT_EXPECT_EQ(test, -EAGAIN, parley_command_submit(queue_of(fake), cmd));
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(&fake->v, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 0, parley_command_submit(queue_of(fake), cmd));
}

static void lost_interrupt_is_made_up_for(struct kunit *test)
{
	struct fake *fake = command_device(test);
	struct parley_command *cmd = command_new(test);

	KUNIT_ASSERT_EQ(test, 0, parley_command_submit(queue_of(fake), cmd));
	parley_fake_use(fake, 0, 1);
	KUNIT_EXPECT_EQ(test, 0, parley_command_wait(cmd, HZ / 20, 0));
	KUNIT_EXPECT_EQ(test, 1, cmd->len);
}

/* A device that forgot its driver will not answer; whoever waits finds out. */
static void time_out_looks_at_the_device(struct kunit *test)
{
	struct fake *fake = command_device(test);
	struct parley_command *cmd = command_new(test);

	KUNIT_ASSERT_EQ(test, 0, parley_command_submit(queue_of(fake), cmd));
	fake->stuck_status = 0xff;
	KUNIT_EXPECT_EQ(test, -ENODEV, parley_command_wait(cmd, HZ / 20, 0));
}

static void queue_without_interrupt_is_polled(struct kunit *test)
{
	struct parley_command *cmd = command_new(test);
	struct fake *fake;
	static struct waiter w;

	front->spec.flags = PARLEY_QUEUE_POLLED;
	fake = command_device(test);
	KUNIT_ASSERT_EQ(test, 0, parley_command_submit(queue_of(fake), cmd));
	waiter_start(test, &w, cmd, 0);
	parley_fake_use(fake, 0, IN);
	expect_woken(test, &w, 0);
}

static void several_are_in_flight(struct kunit *test)
{
	struct fake *fake = command_device(test);
	struct parley_command *cmds[3];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		cmds[i] = command_new(test);
		KUNIT_ASSERT_EQ(test, 0, parley_command_submit(queue_of(fake),
							       cmds[i]));
	}
	for (i = 0; i < ARRAY_SIZE(cmds); i++)
		parley_fake_use(fake, 0, i + 1);
	parley_queue_interrupt(queue_of(fake));
	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		KUNIT_EXPECT_EQ(test, 0, parley_command_wait(cmds[i], HZ, 0));
		KUNIT_EXPECT_EQ(test, i + 1, cmds[i]->len);
	}
}

static void full_ring_is_an_error(struct kunit *test)
{
	struct fake *fake = command_device(test);
	struct parley_command *cmd;
	unsigned int i;

	/* Two descriptors each. */
	for (i = 0; i < fake->num[0] / 2; i++)
		KUNIT_ASSERT_EQ(test, 0, parley_command_submit(queue_of(fake),
							       command_new(test)));
	cmd = command_new(test);
	KUNIT_EXPECT_EQ(test, -ENOSPC, parley_command_submit(queue_of(fake), cmd));
	KUNIT_EXPECT_EQ(test, 1, refcount_read(&cmd->users));
	KUNIT_EXPECT_EQ(test, PARLEY_COMMAND_NEW, parley_command_state(cmd));
}

/* Through a suspend: start() submits again what a patient one waits for. */
static void patient_one_waits_through_a_reset(struct kunit *test)
{
	struct fake *fake = command_device(test);
	struct parley_command *cmd = command_new(test);
	static struct waiter w;

	KUNIT_ASSERT_EQ(test, 0, parley_command_submit(queue_of(fake), cmd));
	waiter_start(test, &w, cmd, PARLEY_COMMAND_PATIENT);
	wake_by_freeze(fake);
	KUNIT_EXPECT_EQ(test, PARLEY_COMMAND_RESET, parley_command_state(cmd));
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(&fake->v, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 0, parley_command_submit(queue_of(fake), cmd));
	KUNIT_EXPECT_FALSE(test, completion_done(&w.done));
	wake_by_completion(fake);
	expect_woken(test, &w, 0);
}

/* ... and if that fails for lack of room, say, nobody waits for it in vain. */
static void patient_one_hears_that_start_failed(struct kunit *test)
{
	struct fake *fake = command_device(test);
	struct parley_command *cmd = command_new(test);
	static struct waiter w;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, parley_command_submit(queue_of(fake), cmd));
	waiter_start(test, &w, cmd, PARLEY_COMMAND_PATIENT);
	wake_by_freeze(fake);
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(&fake->v, PARLEY_HOLD_SLEEP));
	for (i = 0; i < fake->num[0] / 2; i++)
		KUNIT_ASSERT_EQ(test, 0, parley_command_submit(queue_of(fake),
							       command_new(test)));
	KUNIT_EXPECT_EQ(test, -ENOSPC, parley_command_submit(queue_of(fake), cmd));
	expect_woken(test, &w, -EIO);
	KUNIT_EXPECT_EQ(test, PARLEY_COMMAND_FAILED, parley_command_state(cmd));
	KUNIT_EXPECT_EQ(test, 1, refcount_read(&cmd->users));
}

/* Inside a recovery, which holds the model's lock while it waits. */

static struct parley_command *again;

static int tell_again(struct parley_device *pd)
{
	complete(&front->waiting);
	return parley_command_run(&pd->queues[0], again, 60 * HZ, 0);
}

static const struct wake reapply_wakes[] = {
	{ "completion", wake_by_completion, 0 },
	{ "surprise removal", wake_by_removal, -ENODEV },
	{ "broken queue", wake_by_break, -EIO },
};

KUNIT_ARRAY_PARAM_DESC(reapply_wake, reapply_wakes, name);

static int restore_thread(void *arg)
{
	struct waiter *w = arg;
	struct parley_queue *queue = w->cmd->queue;

	w->err = parley_device_restore(to_parley_vdev(queue->dev),
				       PARLEY_HOLD_SLEEP);
	complete(&w->done);
	return 0;
}

static void reapply_is_woken_by(struct kunit *test)
{
	const struct wake *wake = test->param_value;
	struct fake *fake = command_device(test);
	static struct waiter w;
	unsigned int i;

	again = command_new(test);
	again->queue = queue_of(fake);
	front->reapply = tell_again;
	w = (struct waiter) { .cmd = again };
	init_completion(&w.done);
	wake_by_freeze(fake);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kthread_run(restore_thread, &w,
						       "parley-restore"));
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&front->waiting,
							  20 * HZ), 0ul);
	for (i = 0; i < 2000 && !wq_has_sleeper(&queue_of(fake)->waiters); i++)
		fsleep(1000);
	wake->act(fake);
	/* One that fails in reapply() is lost. */
	expect_woken(test, &w, wake->err ? -ENODEV : 0);
	flush_work(&fake->v.m.recover_work);
	KUNIT_EXPECT_EQ(test, 1, refcount_read(&again->users));
}

static struct kunit_case command_cases[] = {
	KUNIT_CASE(memory_is_its_own),
	KUNIT_CASE_PARAM(whoever_waits_is_woken_by, wake_gen_params),
	KUNIT_CASE(whoever_waits_may_be_killed),
	KUNIT_CASE(late_answer_frees_it),
	KUNIT_CASE(reset_frees_what_timed_out),
	KUNIT_CASE(lost_interrupt_is_made_up_for),
	KUNIT_CASE(time_out_looks_at_the_device),
	KUNIT_CASE(queue_without_interrupt_is_polled),
	KUNIT_CASE(several_are_in_flight),
	KUNIT_CASE(full_ring_is_an_error),
	KUNIT_CASE(patient_one_waits_through_a_reset),
	KUNIT_CASE(patient_one_hears_that_start_failed),
	KUNIT_CASE_PARAM(reapply_is_woken_by, reapply_wake_gen_params),
	{}
};

static struct kunit_suite command_suite = {
	.name = "parley_guest_commands",
	.suite_init = parley_fake_suite_init,
	.suite_exit = parley_fake_suite_exit,
	.init = parley_fake_case_init,
	.test_cases = command_cases,
};

kunit_test_suite(command_suite);
