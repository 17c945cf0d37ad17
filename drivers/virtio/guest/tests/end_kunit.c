// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every way in which a device stops, and the ways in which it comes back:
 * between the same fake neighbours as guest_kunit.c.  phase_kunit.c has the
 * whole table of the machine behind it.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ring.h>
#include "fake.h"

#define PACKED		BIT_ULL(VIRTIO_F_RING_PACKED)
#define QUEUE_RESET	BIT_ULL(VIRTIO_F_RING_RESET)
#define EVENT		BIT_ULL(VIRTIO_RING_F_EVENT_IDX)

static struct fake_front *const front = &parley_fake_front;

static bool let_go(struct fake *fake)
{
	return READ_ONCE(front->removes) == 1 && !parley_fake_bound(fake);
}

static bool started(struct fake *fake)
{
	return READ_ONCE(front->starts);
}

static bool failed_one(struct fake *fake)
{
	return READ_ONCE(front->failed) == 1;
}

/* Removal */

static void unbinding_removes_once(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);

	KUNIT_EXPECT_TRUE(test, fake->vectors);
	device_release_driver(&fake->v.pd.dev);
	KUNIT_EXPECT_EQ(test, 1, front->removes);
	KUNIT_EXPECT_EQ(test, 2, front->queues_at_remove);
	KUNIT_EXPECT_EQ(test, 0, fake->v.pd.nr_queues);
	KUNIT_EXPECT_FALSE(test, fake->vectors);
	KUNIT_EXPECT_FALSE(test, fake->vectors_early);
	KUNIT_EXPECT_EQ(test, 0, fake->status);
}

static void removed_device_breaks_its_queues(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);
	struct parley_device *pd = &fake->v.pd;
	u8 val = 0xaa;

	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 0));
	fake->stuck_status = 0xff;
	KUNIT_EXPECT_FALSE(test, parley_device_check(pd));
	KUNIT_EXPECT_TRUE(test, parley_device_gone(pd));
	KUNIT_EXPECT_TRUE(test, parley_drvq_broken(pd->queues[0].vq));
	KUNIT_EXPECT_EQ(test, -EIO, parley_fake_put(fake, 0));
	KUNIT_EXPECT_EQ(test, -ENODEV, parley_config_read(pd, 0, &val, 1));
	KUNIT_EXPECT_EQ(test, 0, val);
	KUNIT_EXPECT_TRUE(test, parley_fake_until(failed_one, fake));
	KUNIT_EXPECT_TRUE(test, parley_fake_until(started, fake));
	KUNIT_EXPECT_FALSE(test, parley_device_check(pd));
	fake->reset_err = -ENODEV;
	device_release_driver(&pd->dev);
	KUNIT_EXPECT_EQ(test, 1, front->removes);
	KUNIT_EXPECT_EQ(test, 1, front->failed);
	KUNIT_EXPECT_EQ(test, 0, pd->nr_queues);
}

static int surprise_thread(void *v)
{
	if (wait_for_completion_timeout(&front->waiting, 10 * HZ))
		parley_device_surprise(v);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

/* The device lock is held by a probe that waits for the device. */
static void removal_wakes_a_waiting_probe(struct kunit *test)
{
	struct fake *fake = parley_fake_make(test);
	struct task_struct *thread;

	front->wait_in_probe = true;
	front->own_ready = true;
	front->probe_err = -ENODEV;
	thread = kthread_run(surprise_thread, &fake->v, "parley-surprise");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, thread);
	KUNIT_EXPECT_EQ(test, 0, parley_fake_plug(test, fake));
	KUNIT_EXPECT_EQ(test, 0, kthread_stop(thread));
	KUNIT_EXPECT_EQ(test, 1, front->failed);
	KUNIT_EXPECT_FALSE(test, parley_fake_bound(fake));
}

static void nothing_runs_after_close(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);
	struct parley_queue *queue = &fake->v.pd.queues[0];

	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 0));
	/* Whatever the device says about the reset. */
	fake->reset_err = -ETIMEDOUT;
	parley_device_close(&fake->v.pd);
	parley_device_close(&fake->v.pd);
	KUNIT_EXPECT_EQ(test, 1, front->failed);
	parley_fake_complete(fake, 0);
	KUNIT_EXPECT_EQ(test, IRQ_NONE, parley_queue_interrupt(queue));
	parley_device_config_interrupt(&fake->v);
	flush_work(&fake->v.m.config_work);
	parley_drvq_break(queue->vq, "test");
	flush_work(&fake->v.m.recover_work);
	KUNIT_EXPECT_EQ(test, 0, front->done);
	KUNIT_EXPECT_EQ(test, 0, front->stops);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&front->changes));
}

/* A recovery goes live, and says so, while the front-end is taking leave. */
static void recovery_during_remove_calls_nothing(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);

	front->break_in_remove = true;
	device_release_driver(&fake->v.pd.dev);
	KUNIT_EXPECT_EQ(test, 1, front->starts);
	parley_device_config_interrupt(&fake->v);
	flush_work(&fake->v.m.config_work);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&front->changes));
	KUNIT_EXPECT_FALSE(test, fake->v.m.config_armed);
	KUNIT_EXPECT_EQ(test, 0, front->wrong);
}

static void shutdown_stops_the_device(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);

	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 0));
	parley_device_shutdown(&fake->v);
	KUNIT_EXPECT_EQ(test, 0, fake->enabled);
	KUNIT_EXPECT_EQ(test, 0, fake->status);
	KUNIT_EXPECT_EQ(test, -EIO, parley_fake_put(fake, 0));
	KUNIT_EXPECT_EQ(test, 1, front->failed);
}

/* One queue */

/* Freeze and restore */

static void frozen_device_is_started_from_scratch(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, PACKED | FAKE_F_ONE);
	struct parley_queue *queues = fake->v.pd.queues;
	struct parley_vq_addr addr = fake->addr[0];
	u64 features = fake->accepted;
	unsigned int resets = fake->resets;

	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(&fake->v, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 1, front->stops);
	KUNIT_EXPECT_EQ(test, 0, fake->enabled);
	KUNIT_EXPECT_FALSE(test, fake->vectors_early);
	KUNIT_EXPECT_GT(test, fake->resets, resets);

	/* It may offer more than before; that is not taken now. */
	fake->offered |= FAKE_F_TWO;
	fake->accepted = 0;
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(&fake->v, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 1, front->reapplies);
	KUNIT_EXPECT_EQ(test, 1, front->starts);
	KUNIT_EXPECT_EQ(test, features, fake->accepted);
	KUNIT_EXPECT_EQ(test, BIT(0) | BIT(1), fake->enabled);
	KUNIT_EXPECT_EQ(test, 0x0f, fake->status);
	KUNIT_EXPECT_EQ(test, PARLEY_LIVE, fake->v.m.phase);
	/* Nothing was allocated anew. */
	KUNIT_EXPECT_PTR_EQ(test, queues, fake->v.pd.queues);
	KUNIT_EXPECT_EQ(test, addr.desc, fake->addr[0].desc);
	KUNIT_EXPECT_EQ(test, 1, fake->agains);
	KUNIT_EXPECT_TRUE(test, fake->vectors);
}

/* Its power is off: its registers read as those of a device that is gone. */
static void sleeping_device_is_not_gone(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);

	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(&fake->v, PARLEY_HOLD_SLEEP));
	fake->stuck_status = 0xff;
	KUNIT_EXPECT_TRUE(test, parley_device_check(&fake->v.pd));
	KUNIT_EXPECT_FALSE(test, parley_device_gone(&fake->v.pd));
	fake->stuck_status = 0;
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(&fake->v, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 1, front->starts);
}

/* The device is itself again, after a freeze and a restore. */
static void sleep_and_wake(struct fake *fake)
{
	fake->stuck_status = 0;
	fake->no_status = 0;
	parley_device_freeze(&fake->v, PARLEY_HOLD_SLEEP);
	parley_device_restore(&fake->v, PARLEY_HOLD_SLEEP);
}

static const struct old_status {
	const char *name;
	u8 stuck, hidden;
} old_statuses[] = {
	{ "gone", 0xff, 0 },
	{ "wish", VIRTIO_CONFIG_S_NEEDS_RESET, 0 },
	{ "forgot", 0, VIRTIO_CONFIG_S_DRIVER_OK },
};

KUNIT_ARRAY_PARAM_DESC(old_status, old_statuses, name);

/* What was read before a reset says nothing of the device after it. */
static void old_status_is_void(struct kunit *test)
{
	const struct old_status *old = test->param_value;
	struct fake *fake = parley_fake_run(test, 0);

	fake->stuck_status = old->stuck;
	fake->no_status = old->hidden;
	fake->in_status = sleep_and_wake;
	KUNIT_EXPECT_TRUE(test, parley_device_check(&fake->v.pd));
	KUNIT_EXPECT_FALSE(test, parley_device_gone(&fake->v.pd));
	flush_work(&fake->v.m.recover_work);
	KUNIT_EXPECT_EQ(test, 1, front->starts);
}

static void held_device_is_not_bound(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);

	device_release_driver(&fake->v.pd.dev);
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(&fake->v, PARLEY_HOLD_RESET));
	KUNIT_EXPECT_NE(test, 1, device_attach(&fake->v.pd.dev));
	KUNIT_EXPECT_EQ(test, 1, front->probes);
	KUNIT_EXPECT_EQ(test, 0, fake->status);
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(&fake->v, PARLEY_HOLD_RESET));
	KUNIT_EXPECT_EQ(test, 1, device_attach(&fake->v.pd.dev));
	KUNIT_EXPECT_EQ(test, PARLEY_LIVE, fake->v.m.phase);
}

static void freeze_twice_is_freeze_once(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);

	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(&fake->v, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(&fake->v, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 1, front->stops);
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(&fake->v, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(&fake->v, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 1, front->starts);
}

static void device_without_front_end_freezes(struct kunit *test)
{
	struct fake *fake = parley_fake_make(test);

	fake->v.pd.id.device++;
	KUNIT_ASSERT_EQ(test, 0, parley_fake_plug(test, fake));
	KUNIT_EXPECT_FALSE(test, parley_fake_bound(fake));
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(&fake->v, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(&fake->v, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 0, front->starts);
}

/* What keeps a device from coming back; each lets its front-end go. */
static void break_features(struct fake *fake)
{
	fake->offered &= ~FAKE_F_ONE;
}

static void break_reset(struct fake *fake)
{
	fake->reset_err = -ETIMEDOUT;
}

static void break_enable(struct fake *fake)
{
	fake->enable_err = -EBUSY;
}

static void break_size(struct fake *fake)
{
	fake->size /= 2;
}

static void break_vectors(struct fake *fake)
{
	fake->again_err = -EBUSY;
}

static void break_reapply(struct fake *fake)
{
	front->reapply_err = -EPROTO;
}

static const struct breakage {
	const char *name;
	void (*act)(struct fake *fake);
} breakages[] = {
	{ "features", break_features }, { "reset", break_reset },
	{ "enable", break_enable }, { "size", break_size },
	{ "vectors", break_vectors }, { "reapply", break_reapply },
};

KUNIT_ARRAY_PARAM_DESC(breakage, breakages, name);

static void device_that_stays_away_is_let_go(struct kunit *test)
{
	const struct breakage *breakage = test->param_value;
	struct fake *fake = parley_fake_run(test, FAKE_F_ONE);

	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 0));
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(&fake->v, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 1, front->repeated);
	breakage->act(fake);
	KUNIT_EXPECT_EQ(test, -ENODEV,
			parley_device_restore(&fake->v, PARLEY_HOLD_SLEEP));
	/* What the front-end holds back is let go, and fails. */
	KUNIT_EXPECT_EQ(test, 1, front->starts);
	KUNIT_EXPECT_TRUE(test, parley_fake_until(let_go, fake));
	KUNIT_EXPECT_TRUE(test, parley_device_gone(&fake->v.pd));
	KUNIT_EXPECT_EQ(test, 0, front->wrong);
}

static void device_gets_the_reset_it_needs(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, FAKE_F_ONE);

	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 0));
	parley_fake_ask_for_reset(fake);
	KUNIT_EXPECT_TRUE(test, parley_fake_until(started, fake));
	flush_work(&fake->v.m.recover_work);
	KUNIT_EXPECT_EQ(test, 0x0f, fake->status);
	KUNIT_EXPECT_EQ(test, 1, front->stops);
	KUNIT_EXPECT_EQ(test, 1, front->repeated);
	KUNIT_EXPECT_EQ(test, 0, front->removes);
	/* Its configuration is looked at again. */
	flush_work(&fake->v.m.config_work);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&front->changes));
}

static void forgotten_device_is_started_anew(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);

	KUNIT_EXPECT_TRUE(test, parley_device_check(&fake->v.pd));
	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 0));
	fake->status = 0;
	KUNIT_EXPECT_FALSE(test, parley_device_check(&fake->v.pd));
	KUNIT_EXPECT_TRUE(test, parley_fake_until(started, fake));
	KUNIT_EXPECT_EQ(test, 1, front->repeated);
	KUNIT_EXPECT_EQ(test, 0, parley_fake_put(fake, 0));
}

static void endless_resets_end(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);
	unsigned int i;

	for (i = 0; i < 20 && !let_go(fake); i++) {
		parley_fake_ask_for_reset(fake);
		flush_work(&fake->v.m.config_work);
		flush_work(&fake->v.m.recover_work);
	}
	KUNIT_EXPECT_TRUE(test, parley_fake_until(let_go, fake));
	KUNIT_EXPECT_GT(test, front->reapplies, 0);
	KUNIT_EXPECT_LE(test, front->reapplies, 5);
	KUNIT_EXPECT_EQ(test, 0, front->wrong);
}

static void wish_for_reset_at_removal_is_forgotten(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);

	mutex_lock(&fake->v.m.lock);
	parley_fake_ask_for_reset(fake);
	/* Heard, and not yet granted: that waits for the lock. */
	KUNIT_EXPECT_FALSE(test, parley_device_check(&fake->v.pd));
	mutex_unlock(&fake->v.m.lock);
	device_release_driver(&fake->v.pd.dev);
	flush_work(&fake->v.m.recover_work);
	KUNIT_EXPECT_EQ(test, 1, front->removes);
	KUNIT_EXPECT_EQ(test, front->stops, front->starts);
	KUNIT_EXPECT_EQ(test, 0, fake->v.pd.nr_queues);
}

/*
 * config_changed() may wait for I/O of the very device that is being stopped:
 * neither a freeze nor a reset waits for it.
 */
static void stop_does_not_wait_for_config_changed(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);

	front->wait_in_change = true;
	parley_device_config_interrupt(&fake->v);
	KUNIT_ASSERT_TRUE(test, wait_for_completion_timeout(&front->waiting,
							    10 * HZ));
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(&fake->v, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 1, front->stops);
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(&fake->v, PARLEY_HOLD_SLEEP));
	front->wait_in_change = false;
	complete(&front->go_on);
	flush_work(&fake->v.m.config_work);
	KUNIT_EXPECT_EQ(test, 0, front->wrong);
}

/* Unplugged while it sleeps: nobody will wake it for this front-end. */
static void held_device_that_is_removed_lets_go(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);

	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 0));
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(&fake->v, PARLEY_HOLD_SLEEP));
	device_release_driver(&fake->v.pd.dev);
	KUNIT_EXPECT_EQ(test, 1, front->starts);
	KUNIT_EXPECT_EQ(test, 1, front->removes);
	KUNIT_EXPECT_EQ(test, 0, front->wrong);
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(&fake->v, PARLEY_HOLD_SLEEP));
}

/* Interrupts that do not come, and those that come too late */

static void whoever_reaps_arms_again(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, EVENT);
	struct parley_queue *queue = &fake->v.pd.queues[0];
	__virtio16 *event;

	/* The driver's event index lies behind the available ring. */
	event = phys_to_virt(fake->addr[0].driver);
	event += 2 + fake->num[0];
	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 0));
	parley_fake_complete(fake, 0);
	/* A time-out is faster than the interrupt, which finds nothing. */
	KUNIT_EXPECT_EQ(test, 1, parley_queue_poll(queue, UINT_MAX, NULL));
	KUNIT_EXPECT_EQ(test, IRQ_NONE, parley_queue_interrupt(queue));
	KUNIT_EXPECT_EQ(test, 1, (u16)le16_to_cpu((__force __le16)READ_ONCE(*event)));
	KUNIT_EXPECT_EQ(test, 1, front->done);
}

static void used_up_budget_does_not_arm(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, EVENT);
	struct parley_queue *queue = &fake->v.pd.queues[0];

	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 0));
	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 0));
	KUNIT_EXPECT_EQ(test, 0, parley_queue_poll(queue, 1, NULL));
	parley_fake_complete(fake, 0);
	KUNIT_EXPECT_EQ(test, 1, parley_queue_poll(queue, 1, NULL));
	KUNIT_EXPECT_FALSE(test, parley_fake_wants_interrupt(fake, 0));
	KUNIT_EXPECT_EQ(test, 0, parley_queue_poll(queue, 1, NULL));
	KUNIT_EXPECT_TRUE(test, parley_fake_wants_interrupt(fake, 0));
}

static struct kunit_case end_cases[] = {
	KUNIT_CASE(unbinding_removes_once),
	KUNIT_CASE(removed_device_breaks_its_queues),
	KUNIT_CASE(removal_wakes_a_waiting_probe),
	KUNIT_CASE(nothing_runs_after_close),
	KUNIT_CASE(recovery_during_remove_calls_nothing),
	KUNIT_CASE(shutdown_stops_the_device),
	KUNIT_CASE(frozen_device_is_started_from_scratch),
	KUNIT_CASE(sleeping_device_is_not_gone),
	KUNIT_CASE_PARAM(old_status_is_void, old_status_gen_params),
	KUNIT_CASE(held_device_is_not_bound),
	KUNIT_CASE(freeze_twice_is_freeze_once),
	KUNIT_CASE(device_without_front_end_freezes),
	KUNIT_CASE_PARAM(device_that_stays_away_is_let_go, breakage_gen_params),
	KUNIT_CASE(device_gets_the_reset_it_needs),
	KUNIT_CASE(forgotten_device_is_started_anew),
	KUNIT_CASE(endless_resets_end),
	KUNIT_CASE(wish_for_reset_at_removal_is_forgotten),
	KUNIT_CASE(stop_does_not_wait_for_config_changed),
	KUNIT_CASE(held_device_that_is_removed_lets_go),
	KUNIT_CASE(whoever_reaps_arms_again),
	KUNIT_CASE(used_up_budget_does_not_arm),
	{}
};

static struct kunit_suite end_suite = {
	.name = "parley_guest_end",
	.suite_init = parley_fake_suite_init,
	.suite_exit = parley_fake_suite_exit,
	.init = parley_fake_case_init,
	.test_cases = end_cases,
};

kunit_test_suite(end_suite);
