// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every way in which a device stops, and the ways in which it comes back:
 * between the same fake neighbours as guest_kunit.c.
 */
#include <linux/kthread.h>
#include <linux/module.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ring.h>
#include "fake.h"

#define PACKED		BIT_ULL(VIRTIO_F_RING_PACKED)
#define QUEUE_RESET	BIT_ULL(VIRTIO_F_RING_RESET)

static struct fake_front *const front = &parley_fake_front;

static void *detach_one(struct parley_queue *queue)
{
	void *cookie;

	spin_lock_irq(&queue->lock);
	cookie = parley_drvq_detach(queue->vq);
	spin_unlock_irq(&queue->lock);
	return cookie;
}

/* Removal */

static void unbinding_removes_once(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);

	KUNIT_EXPECT_TRUE(test, fake->vectors);
	device_release_driver(&fake->pd.dev);
	KUNIT_EXPECT_EQ(test, 1, front->removes);
	KUNIT_EXPECT_EQ(test, 2, front->queues_at_remove);
	KUNIT_EXPECT_EQ(test, 0, fake->pd.nr_queues);
	KUNIT_EXPECT_FALSE(test, fake->vectors);
	KUNIT_EXPECT_FALSE(test, fake->vectors_early);
	KUNIT_EXPECT_EQ(test, 0, fake->status);
}

static void removed_device_breaks_its_queues(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);
	u8 val = 0xaa;

	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 0));
	fake->stuck_status = 0xff;
	KUNIT_EXPECT_FALSE(test, parley_device_alive(&fake->pd));
	KUNIT_EXPECT_TRUE(test, parley_device_gone(&fake->pd));
	KUNIT_EXPECT_EQ(test, 2, front->dones);
	KUNIT_EXPECT_TRUE(test, parley_drvq_broken(fake->pd.queues[0].vq));
	KUNIT_EXPECT_EQ(test, -EIO, parley_fake_put(fake, 0));
	KUNIT_EXPECT_EQ(test, -ENODEV,
			parley_config_read(&fake->pd, 0, &val, 1));
	KUNIT_EXPECT_EQ(test, 0, val);
	KUNIT_EXPECT_FALSE(test, parley_device_alive(&fake->pd));
	KUNIT_EXPECT_EQ(test, 2, front->dones);
	fake->reset_err = -ENODEV;
	device_release_driver(&fake->pd.dev);
	KUNIT_EXPECT_EQ(test, 1, front->removes);
	KUNIT_EXPECT_EQ(test, 0, fake->pd.nr_queues);
}

static int surprise_thread(void *pd)
{
	if (wait_for_completion_timeout(&front->waiting, 10 * HZ))
		parley_device_surprise(pd);
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
	thread = kthread_run(surprise_thread, &fake->pd, "parley-surprise");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, thread);
	KUNIT_EXPECT_EQ(test, 0, parley_fake_plug(test, fake));
	KUNIT_EXPECT_EQ(test, 0, kthread_stop(thread));
	KUNIT_EXPECT_EQ(test, 2, front->dones);
	KUNIT_EXPECT_FALSE(test, parley_fake_bound(fake));
}

static void no_interrupt_after_quiesce(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);
	struct parley_queue *queue = &fake->pd.queues[0];

	KUNIT_ASSERT_EQ(test, 0, parley_fake_put(fake, 0));
	/* Whatever the device says about the reset. */
	fake->reset_err = -ETIMEDOUT;
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, parley_device_quiesce(&fake->pd));
	KUNIT_EXPECT_EQ(test, 0, parley_device_quiesce(&fake->pd));
	parley_fake_complete(fake, 0);
	KUNIT_EXPECT_EQ(test, IRQ_NONE, parley_queue_interrupt(queue));
	parley_device_config_interrupt(&fake->pd);
	flush_work(&fake->pd.config_work);
	KUNIT_EXPECT_EQ(test, 0, front->dones);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&front->changes));
	KUNIT_EXPECT_PTR_EQ(test, (void *)fake, detach_one(queue));
}

static void shutdown_stops_the_device(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);

	parley_device_shutdown(&fake->pd);
	KUNIT_EXPECT_EQ(test, 0, fake->enabled);
	KUNIT_EXPECT_EQ(test, 0, fake->status);
	KUNIT_EXPECT_EQ(test, -EIO, parley_fake_put(fake, 0));
	KUNIT_EXPECT_EQ(test, 2, front->dones);
}

/* One queue */

static void one_queue_is_reset_alone(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, QUEUE_RESET);
	struct parley_queue *queue = &fake->pd.queues[1];

	KUNIT_EXPECT_EQ(test, 0, parley_fake_put(fake, 1));
	KUNIT_EXPECT_EQ(test, 0, parley_queue_reset(queue));
	KUNIT_EXPECT_EQ(test, BIT(0), fake->enabled);
	KUNIT_EXPECT_PTR_EQ(test, (void *)fake, detach_one(queue));
	KUNIT_EXPECT_NULL(test, detach_one(queue));
	KUNIT_EXPECT_EQ(test, 0, parley_queue_reenable(queue));
	KUNIT_EXPECT_EQ(test, BIT(0) | BIT(1), fake->enabled);
	KUNIT_EXPECT_EQ(test, 0, parley_fake_put(fake, 1));
	KUNIT_EXPECT_EQ(test, 2, fake->kicks);
	KUNIT_EXPECT_PTR_EQ(test, (void *)fake, detach_one(queue));
}

static void queue_reset_must_be_negotiated(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);

	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			parley_queue_reset(&fake->pd.queues[0]));
	KUNIT_EXPECT_EQ(test, 0, fake->disables);
}

/* Freeze and restore */

static bool restored_once(struct fake *fake)
{
	return READ_ONCE(front->restores) == 1 &&
	       READ_ONCE(fake->pd.state) == PARLEY_LIVE;
}

static bool let_go(struct fake *fake)
{
	return READ_ONCE(front->removes) == 1 && !parley_fake_bound(fake);
}

static void frozen_device_is_made_anew(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, PACKED | FAKE_F_ONE);
	u64 features = fake->accepted;
	unsigned int resets = fake->resets;

	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(&fake->pd));
	KUNIT_EXPECT_EQ(test, 1, front->freezes);
	KUNIT_EXPECT_EQ(test, 0, fake->enabled);
	KUNIT_EXPECT_EQ(test, 0, fake->pd.nr_queues);
	KUNIT_EXPECT_FALSE(test, fake->vectors_early);
	KUNIT_EXPECT_GT(test, fake->resets, resets);

	/* It may offer more than before; that is not taken now. */
	fake->offered |= FAKE_F_TWO;
	fake->accepted = 0;
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(&fake->pd));
	KUNIT_EXPECT_EQ(test, 1, front->restores);
	KUNIT_EXPECT_EQ(test, features, fake->accepted);
	KUNIT_EXPECT_EQ(test, BIT(0) | BIT(1), fake->enabled);
	KUNIT_EXPECT_EQ(test, 0x0f, fake->status);
	KUNIT_EXPECT_EQ(test, PARLEY_LIVE, fake->pd.state);
}

static void freeze_twice_is_freeze_once(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);

	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(&fake->pd));
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(&fake->pd));
	KUNIT_EXPECT_EQ(test, 1, front->freezes);
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(&fake->pd));
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(&fake->pd));
	KUNIT_EXPECT_EQ(test, 1, front->restores);
}

static void refused_freeze_changes_nothing(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);
	unsigned int resets = fake->resets;

	front->freeze_err = -EBUSY;
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_device_freeze(&fake->pd));
	KUNIT_EXPECT_EQ(test, resets, fake->resets);
	KUNIT_EXPECT_EQ(test, PARLEY_LIVE, fake->pd.state);
	KUNIT_EXPECT_TRUE(test, fake->pd.config_armed);
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(&fake->pd));
	KUNIT_EXPECT_EQ(test, 0, front->restores);
}

static void device_without_front_end_freezes(struct kunit *test)
{
	struct fake *fake = parley_fake_make(test);

	fake->pd.id.device++;
	KUNIT_ASSERT_EQ(test, 0, parley_fake_plug(test, fake));
	KUNIT_EXPECT_FALSE(test, parley_fake_bound(fake));
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(&fake->pd));
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(&fake->pd));
	KUNIT_EXPECT_EQ(test, 0, front->restores);
}

static void fewer_features_after_a_reset_let_it_go(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, FAKE_F_ONE);

	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(&fake->pd));
	fake->offered &= ~FAKE_F_ONE;
	KUNIT_EXPECT_EQ(test, -EPROTO, parley_device_restore(&fake->pd));
	KUNIT_EXPECT_TRUE(test, parley_fake_until(let_go, fake));
	KUNIT_EXPECT_EQ(test, 0, front->restores);
	KUNIT_EXPECT_TRUE(test, parley_device_gone(&fake->pd));
}

static void device_that_stays_away_is_let_go(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);

	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(&fake->pd));
	fake->reset_err = -ETIMEDOUT;
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT, parley_device_restore(&fake->pd));
	KUNIT_EXPECT_TRUE(test, parley_fake_until(let_go, fake));
	KUNIT_EXPECT_EQ(test, 0, front->queues_at_remove);
}

/* The device sets DEVICE_NEEDS_RESET and says so (spec 2.1.2). */
static void ask_for_reset(struct fake *fake)
{
	WRITE_ONCE(fake->status, fake->status | VIRTIO_CONFIG_S_NEEDS_RESET);
	parley_device_config_interrupt(&fake->pd);
}

static void device_gets_the_reset_it_needs(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, FAKE_F_ONE);

	ask_for_reset(fake);
	KUNIT_EXPECT_TRUE(test, parley_fake_until(restored_once, fake));
	/* The status is written last. */
	flush_work(&fake->pd.recover_work);
	KUNIT_EXPECT_EQ(test, 0x0f, fake->status);
	KUNIT_EXPECT_EQ(test, 1, front->freezes);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&front->changes));
	KUNIT_EXPECT_EQ(test, 0, front->removes);
}

static void endless_resets_end(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);
	unsigned int i;

	for (i = 0; i < 20 && !let_go(fake); i++) {
		ask_for_reset(fake);
		flush_work(&fake->pd.config_work);
		flush_work(&fake->pd.recover_work);
	}
	KUNIT_EXPECT_TRUE(test, parley_fake_until(let_go, fake));
	KUNIT_EXPECT_GT(test, front->restores, 0);
	KUNIT_EXPECT_LE(test, front->restores, 5);
}

static void wish_for_reset_at_removal_is_forgotten(struct kunit *test)
{
	struct fake *fake = parley_fake_run(test, 0);

	device_lock(&fake->pd.dev);
	ask_for_reset(fake);
	flush_work(&fake->pd.config_work);
	device_unlock(&fake->pd.dev);
	device_release_driver(&fake->pd.dev);
	flush_work(&fake->pd.recover_work);
	KUNIT_EXPECT_EQ(test, 1, front->removes);
	KUNIT_EXPECT_EQ(test, front->freezes, front->restores);
	KUNIT_EXPECT_EQ(test, 0, fake->pd.nr_queues);
}

static struct kunit_case end_cases[] = {
	KUNIT_CASE(unbinding_removes_once),
	KUNIT_CASE(removed_device_breaks_its_queues),
	KUNIT_CASE(removal_wakes_a_waiting_probe),
	KUNIT_CASE(no_interrupt_after_quiesce),
	KUNIT_CASE(shutdown_stops_the_device),
	KUNIT_CASE(one_queue_is_reset_alone),
	KUNIT_CASE(queue_reset_must_be_negotiated),
	KUNIT_CASE(frozen_device_is_made_anew),
	KUNIT_CASE(freeze_twice_is_freeze_once),
	KUNIT_CASE(refused_freeze_changes_nothing),
	KUNIT_CASE(device_without_front_end_freezes),
	KUNIT_CASE(fewer_features_after_a_reset_let_it_go),
	KUNIT_CASE(device_that_stays_away_is_let_go),
	KUNIT_CASE(device_gets_the_reset_it_needs),
	KUNIT_CASE(endless_resets_end),
	KUNIT_CASE(wish_for_reset_at_removal_is_forgotten),
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
