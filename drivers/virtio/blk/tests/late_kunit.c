// SPDX-License-Identifier: GPL-2.0-only
/*
 * What comes late: a time-out for a request that is complete, and a recovery that
 * ends after its disk was deleted.
 */
#include <kunit/test.h>
#include <linux/bio.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/sizes.h>
#include <parley/transport.h>
#include "../../transport/tests/mock.h"
#include "../blk.h"

#define PATIENCE	(20 * HZ)

/* One test at a time runs, so its disk may be global. */
static struct {
	struct parley_mock_blk *disk;
	struct parley_mock *mock;
	struct parley_device *pd;
	struct parley_blk *blk;
	struct request_queue *queue;
	struct bio bio;
	struct bio_vec vec;
	struct completion done;
} t;

static void late_end(void *unused)
{
	parley_mock_blk_destroy(t.disk);
}

/* Two queues, so that there is no scheduler and requests end in batches. */
static void late_make(struct kunit *test)
{
	const struct parley_mock_blk_config cfg = {
		.sectors = 8192,
		.queues = 2,
		.queue_size = 64,
		.features = PARLEY_MOCK_BLK_FEATURES |
			    BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |
			    BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC),
	};

	t.disk = parley_mock_blk_create(&cfg);
	KUNIT_ASSERT_FALSE(test, IS_ERR(t.disk));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, late_end, NULL));
	t.mock = parley_mock_blk_mock(t.disk);
	t.pd = parley_loopback_device(t.mock->lb);
	KUNIT_ASSERT_NOT_NULL(test, t.pd->dev.driver);
	t.blk = t.pd->priv;
	t.queue = t.blk->disk->queue;
}

/* Time-outs */

static void late_done(struct bio *bio)
{
	complete(&t.done);
}

static void submit(struct kunit *test)
{
	void *data = kunit_kzalloc(test, SZ_4K, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, data);
	init_completion(&t.done);
	bio_init(&t.bio, t.blk->disk->part0, &t.vec, 1, REQ_OP_WRITE);
	t.bio.bi_end_io = late_done;
	__bio_add_page(&t.bio, virt_to_page(data), SZ_4K, offset_in_page(data));
	submit_bio(&t.bio);
}

static void expect_success(struct kunit *test)
{
	KUNIT_ASSERT_NE(test, 0, wait_for_completion_timeout(&t.done, PATIENCE));
	KUNIT_EXPECT_EQ(test, 0, blk_status_to_errno(t.bio.bi_status));
	bio_uninit(&t.bio);
}

/* In the block layer's own way: from an iterator that holds the request. */
static bool time_out(struct request *rq, void *verdict)
{
	*(enum blk_eh_timer_return *)verdict = parley_blk_timeout(rq);
	return true;
}

/* What the look of a time-out ended needs no further one, and is no slow device. */
static void a_lost_interrupt_is_found(struct kunit *test)
{
	enum blk_eh_timer_return verdict = BLK_EH_RESET_TIMER;
	unsigned long end = jiffies + PATIENCE;

	late_make(test);
	blk_queue_rq_timeout(t.queue, 600 * HZ);
	/* A request ends where it was reaped, without an interrupt between. */
	clear_bit(QUEUE_FLAG_SAME_COMP, &t.queue->queue_flags);
	atomic_set(&t.mock->lose, 1);
	submit(test);
	while (atomic_read(&t.mock->lose) && time_before(jiffies, end))
		fsleep(1000);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&t.mock->lose));
	blk_mq_tagset_busy_iter(&t.blk->tags, time_out, &verdict);
	KUNIT_EXPECT_EQ(test, BLK_EH_DONE, verdict);
	expect_success(test);
}

static void a_slow_device_gets_more_time(struct kunit *test)
{
	enum blk_eh_timer_return verdict = BLK_EH_DONE;
	unsigned long end = jiffies + PATIENCE;

	late_make(test);
	WRITE_ONCE(t.mock->hold, true);
	submit(test);
	while (!atomic_read(&t.mock->held) && time_before(jiffies, end))
		fsleep(1000);
	blk_mq_tagset_busy_iter(&t.blk->tags, time_out, &verdict);
	KUNIT_EXPECT_EQ(test, BLK_EH_RESET_TIMER, verdict);
	WRITE_ONCE(t.mock->hold, false);
	parley_mock_release(t.mock);
	expect_success(test);
}

/* Recoveries */

static const struct parley_transport_ops *real_ops;
static struct completion restarting, go_on;
static atomic_t requeued;

/* A recovery comes by here before it starts the disk. */
static int queue_enable_waits(struct parley_queue *queue,
			      const struct parley_vq_addr *addr,
			      unsigned int size)
{
	complete_all(&restarting);
	wait_for_completion_timeout(&go_on, PATIENCE);
	return real_ops->queue_enable(queue, addr, size);
}

static void count_requeue(struct work_struct *work)
{
	atomic_inc(&requeued);
}

static int unbind(void *unbound)
{
	device_release_driver(&t.pd->dev);
	complete(unbound);
	return 0;
}

/* As the model does; a device that is being unbound is not listened to. */
static void ask_for_reset(void)
{
	struct parley_vdev *v = to_parley_vdev(t.pd);

	set_bit(PARLEY_FAULT_WISH, &v->m.faults);
	get_device(&t.pd->dev);
	if (!queue_work(system_percpu_wq, &v->m.recover_work))
		put_device(&t.pd->dev);
}

/* del_gendisk() has ended the block layer's work, and nothing may begin it again. */
static void a_recovery_may_end_after_the_disk(struct kunit *test)
{
	DECLARE_COMPLETION_ONSTACK(unbound);
	unsigned long end = jiffies + PATIENCE;
	struct parley_transport_ops ops;
	struct task_struct *thread;
	struct percpu_ref *usage;

	late_make(test);
	usage = &t.queue->q_usage_counter;
	KUNIT_ASSERT_TRUE(test, blk_get_queue(t.queue));
	init_completion(&restarting);
	init_completion(&go_on);
	atomic_set(&requeued, 0);
	real_ops = to_parley_vdev(t.pd)->ops;
	ops = *real_ops;
	ops.queue_enable = queue_enable_waits;
	to_parley_vdev(t.pd)->ops = &ops;
	/* del_gendisk() waits for this one, and the recovery begins meanwhile. */
	percpu_ref_get(usage);
	thread = kthread_run(unbind, &unbound, "parley-unbind");
	KUNIT_EXPECT_FALSE(test, IS_ERR(thread));
	while (!blk_queue_dying(t.queue) && time_before(jiffies, end))
		fsleep(1000);
	ask_for_reset();
	KUNIT_EXPECT_NE(test, 0, wait_for_completion_timeout(&restarting, PATIENCE));
	/* Nobody has a request: whoever queues it from now on is too late. */
	flush_delayed_work(&t.queue->requeue_work);
	t.queue->requeue_work.work.func = count_requeue;
	percpu_ref_put(usage);
	while (!percpu_ref_is_zero(usage) && time_before(jiffies, end))
		fsleep(1000);
	KUNIT_EXPECT_TRUE(test, percpu_ref_is_zero(usage));
	msleep(100);
	complete_all(&go_on);
	if (!IS_ERR(thread))
		wait_for_completion(&unbound);
	msleep(20);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&requeued));
	cancel_delayed_work_sync(&t.queue->requeue_work);
	to_parley_vdev(t.pd)->ops = real_ops;
	blk_put_queue(t.queue);
}

static struct kunit_case late_cases[] = {
	KUNIT_CASE(a_lost_interrupt_is_found),
	KUNIT_CASE(a_slow_device_gets_more_time),
	KUNIT_CASE(a_recovery_may_end_after_the_disk),
	{}
};

static struct kunit_suite late_suite = {
	.name = "parley_blk_late",
	.test_cases = late_cases,
};

kunit_test_suite(late_suite);
