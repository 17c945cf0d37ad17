// SPDX-License-Identifier: GPL-2.0-only
/* Time-outs, for requests that are complete and for others. */
#include <kunit/test.h>
#include <linux/bio.h>
#include <linux/completion.h>
#include <linux/delay.h>
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

static struct kunit_case late_cases[] = {
	KUNIT_CASE(a_lost_interrupt_is_found),
	KUNIT_CASE(a_slow_device_gets_more_time),
	{}
};

static struct kunit_suite late_suite = {
	.name = "parley_blk_late",
	.test_cases = late_cases,
};

kunit_test_suite(late_suite);
