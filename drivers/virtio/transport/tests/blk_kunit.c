// SPDX-License-Identifier: GPL-2.0-only
/*
 * The block front-end end to end: bios through blk-mq, parley_blk, the guest
 * model, the loopback transport, both roles of the core, to a mock disk.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/workqueue.h>
#include <parley/export.h>
#include <parley/transport.h>
#include "../../guest/guest.h"
#include "disk.h"
#include "tester.h"

#define BURST	16

static int blk_case_init(struct kunit *test)
{
	disk_io_free_all();
	return 0;
}

static void blk_suite_exit(struct kunit_suite *suite)
{
	disk_io_free_all();
}

static sector_t spot(unsigned int n)
{
	return (sector_t)n * 2 * DISK_IO_SECTORS;
}

/* Data */

static void write_read(struct kunit *test, unsigned int queues)
{
	const struct tester_ring *ring = test->param_value;
	struct disk *d = disk_new(test, ring->features, queues);
	struct disk_io *io[BURST];
	struct blk_plug plug;
	unsigned int i;

	for (i = 0; i < 20; i++)
		KUNIT_ASSERT_EQ(test, 0, disk_write_read(test, d, spot(i), i));
	/* Many at once, answered in another order where that is allowed. */
	WRITE_ONCE(d->mock->shuffle, true);
	blk_start_plug(&plug);
	for (i = 0; i < BURST; i++)
		io[i] = disk_io_start(test, d, REQ_OP_WRITE, spot(i), 100 + i);
	blk_finish_plug(&plug);
	for (i = 0; i < BURST; i++) {
		KUNIT_ASSERT_NOT_NULL(test, io[i]);
		KUNIT_ASSERT_EQ(test, 0, disk_io_wait(io[i]));
	}
	for (i = 0; i < BURST; i++) {
		KUNIT_EXPECT_TRUE(test, disk_store_matches(d, spot(i), 100 + i));
		io[i] = disk_io_start(test, d, REQ_OP_READ, spot(i), 0);
		KUNIT_ASSERT_NOT_NULL(test, io[i]);
	}
	for (i = 0; i < BURST; i++) {
		KUNIT_ASSERT_EQ(test, 0, disk_io_wait(io[i]));
		KUNIT_EXPECT_TRUE(test, disk_io_matches(io[i], 100 + i));
		KUNIT_EXPECT_EQ(test, 1, atomic_read(&io[i]->ends));
	}
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&d->mock->dirty));
}

static void one_queue_writes_and_reads(struct kunit *test)
{
	write_read(test, 1);
}

static void four_queues_write_and_read(struct kunit *test)
{
	write_read(test, 4);
}

struct sender {
	struct work_struct work;
	struct disk_io *io;
};

static void send_it(struct work_struct *work)
{
	submit_bio(&container_of(work, struct sender, work)->io->bio);
}

/* Every processor puts into the one queue at a time. */
static void all_write(struct kunit *test, struct disk *d, u32 seed)
{
	struct sender senders[BURST];
	unsigned int i;

	for (i = 0; i < BURST; i++) {
		senders[i].io = disk_io_prepare(d, REQ_OP_WRITE, spot(i), seed + i);
		KUNIT_ASSERT_NOT_NULL(test, senders[i].io);
	}
	for (i = 0; i < BURST; i++) {
		INIT_WORK_ONSTACK(&senders[i].work, send_it);
		schedule_work_on(cpumask_nth(i % num_online_cpus(), cpu_online_mask),
				 &senders[i].work);
	}
	for (i = 0; i < BURST; i++) {
		flush_work(&senders[i].work);
		destroy_work_on_stack(&senders[i].work);
		KUNIT_EXPECT_EQ(test, 0, disk_io_wait(senders[i].io));
		KUNIT_EXPECT_EQ(test, 1, atomic_read(&senders[i].io->ends));
		KUNIT_EXPECT_TRUE(test, disk_store_matches(d, spot(i), seed + i));
	}
}

static void processors_share_a_queue(struct kunit *test, bool pv)
{
	const struct tester_ring *ring = test->param_value;
	struct disk *d;
	unsigned int i;

#ifdef PARLEY_QLOCK_PV
	WRITE_ONCE(parley_qlock_wanted, pv);
#endif
	d = disk_new(test, ring->features, 1);
#ifdef PARLEY_QLOCK_PV
	WRITE_ONCE(parley_qlock_wanted, false);
#endif
	/* In a kernel of its own there need not be another. */
	if (pv && IS_ENABLED(CONFIG_PARLEY_GUEST) &&
	    !parley_qlock_is_pv(&d->pd->queues[0].lock))
		kunit_skip(test, "no parley_sched");
	KUNIT_ASSERT_EQ(test, pv, parley_qlock_is_pv(&d->pd->queues[0].lock));
	for (i = 0; i < 8; i++)
		all_write(test, d, 100 * i);
}

static void processors_share_a_spinlock(struct kunit *test)
{
	processors_share_a_queue(test, false);
}

static void processors_share_a_pvlock(struct kunit *test)
{
	processors_share_a_queue(test, true);
}

/* One vector of the block layer, several segments for the device. */
static void vectors_are_cut_to_size_max(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct disk *d = disk_new(test, ring->features, 1);
	unsigned int i;

	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, 0, disk_write_read_long(d, spot(i), i));
}

static void flush_and_fua_reach_the_disk(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct disk *d = disk_new(test, ring->features, 1);
	unsigned int before = parley_mock_blk_count(d->blk, VIRTIO_BLK_T_FLUSH);
	struct disk_io *io;

	KUNIT_ASSERT_EQ(test, 0, blkdev_issue_flush(d->bdev));
	KUNIT_EXPECT_EQ(test, before + 1,
			parley_mock_blk_count(d->blk, VIRTIO_BLK_T_FLUSH));
	io = disk_io_start(test, d, REQ_OP_WRITE | REQ_FUA, 0, 5);
	KUNIT_ASSERT_NOT_NULL(test, io);
	KUNIT_ASSERT_EQ(test, 0, disk_io_wait(io));
	KUNIT_EXPECT_EQ(test, before + 2,
			parley_mock_blk_count(d->blk, VIRTIO_BLK_T_FLUSH));
	KUNIT_EXPECT_TRUE(test, disk_store_matches(d, 0, 5));
}

static int discard(struct block_device *bdev, sector_t at, sector_t n)
{
	return blkdev_issue_discard(bdev, at, n, GFP_KERNEL);
}

static int zeroes(struct block_device *bdev, sector_t at, sector_t n)
{
	return blkdev_issue_zeroout(bdev, at, n, GFP_KERNEL,
				    BLKDEV_ZERO_NOFALLBACK);
}

static int erase(struct block_device *bdev, sector_t at, sector_t n)
{
	return blkdev_issue_secure_erase(bdev, at, n, GFP_KERNEL);
}

static void the_ways_to_clear(struct kunit *test)
{
	static const struct {
		int (*clear)(struct block_device *bdev, sector_t at, sector_t n);
		u32 type;
	} ways[] = {
		{ discard, VIRTIO_BLK_T_DISCARD },
		{ zeroes, VIRTIO_BLK_T_WRITE_ZEROES },
		{ erase, VIRTIO_BLK_T_SECURE_ERASE },
	};
	const struct tester_ring *ring = test->param_value;
	struct disk *d = disk_new(test, ring->features, 1);
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		u8 *data = parley_mock_blk_data(d->blk);

		for (k = 0; k < 3; k++)
			KUNIT_ASSERT_EQ(test, 0,
					disk_write_read(test, d,
							k * DISK_IO_SECTORS, k));
		KUNIT_ASSERT_EQ(test, 0,
				ways[i].clear(d->bdev, DISK_IO_SECTORS,
					      DISK_IO_SECTORS));
		KUNIT_EXPECT_GT(test,
				parley_mock_blk_count(d->blk, ways[i].type), 0);
		/* That range, and not a byte beside it. */
		KUNIT_EXPECT_NULL(test, memchr_inv(data + DISK_IO_BYTES, 0,
						   DISK_IO_BYTES));
		KUNIT_EXPECT_TRUE(test, disk_store_matches(d, 0, 0));
		KUNIT_EXPECT_TRUE(test,
				  disk_store_matches(d, 2 * DISK_IO_SECTORS, 2));
	}
}

static bool capacity_becomes(struct disk *d, sector_t sectors)
{
	unsigned int ms;

	for (ms = 0; ms < 5000; ms++) {
		if (bdev_nr_sectors(d->bdev) == sectors)
			return true;
		fsleep(1000);
	}
	return false;
}

static void resize_is_noticed(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct disk *d = disk_new(test, ring->features, 1);
	struct disk_io *io;

	KUNIT_EXPECT_EQ(test, (sector_t)DISK_SECTORS, bdev_nr_sectors(d->bdev));
	parley_mock_blk_resize(d->blk, DISK_SECTORS / 2);
	KUNIT_ASSERT_TRUE(test, capacity_becomes(d, DISK_SECTORS / 2));
	io = disk_io_start(test, d, REQ_OP_WRITE, DISK_SECTORS / 2, 1);
	KUNIT_ASSERT_NOT_NULL(test, io);
	KUNIT_EXPECT_NE(test, 0, disk_io_wait(io));
	parley_mock_blk_resize(d->blk, DISK_SECTORS);
	KUNIT_ASSERT_TRUE(test, capacity_becomes(d, DISK_SECTORS));
	KUNIT_EXPECT_EQ(test, 0,
			disk_write_read(test, d, DISK_SECTORS / 2, 2));
	/* Nonsense is not believed: the disk stays as it is. */
	parley_mock_blk_resize(d->blk, U64_MAX);
	msleep(50);
	KUNIT_EXPECT_EQ(test, (sector_t)DISK_SECTORS, bdev_nr_sectors(d->bdev));
}

static void errors_keep_their_meaning(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct disk *d = disk_new(test, ring->features, 1);
	struct disk_io *io;

	parley_mock_blk_fail(d->blk, 100, 1, VIRTIO_BLK_S_IOERR);
	io = disk_io_start(test, d, REQ_OP_READ, 96, 0);
	KUNIT_ASSERT_NOT_NULL(test, io);
	KUNIT_EXPECT_EQ(test, -EIO, disk_io_wait(io));
	parley_mock_blk_fail(d->blk, 100, 1, VIRTIO_BLK_S_UNSUPP);
	io = disk_io_start(test, d, REQ_OP_READ, 96, 0);
	KUNIT_ASSERT_NOT_NULL(test, io);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, disk_io_wait(io));
	/* A status that the specification does not have is no success. */
	parley_mock_blk_fail(d->blk, 100, 1, 77);
	io = disk_io_start(test, d, REQ_OP_READ, 96, 0);
	KUNIT_ASSERT_NOT_NULL(test, io);
	KUNIT_EXPECT_EQ(test, -EIO, disk_io_wait(io));
	parley_mock_blk_fail(d->blk, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, 0, disk_write_read(test, d, 96, 3));
}

/* In mid-flight */

static void start_burst(struct kunit *test, struct disk *d,
			struct disk_io **io, u32 seed)
{
	unsigned int i;

	for (i = 0; i < BURST; i++) {
		io[i] = disk_io_start(test, d, REQ_OP_WRITE, spot(i), seed + i);
		KUNIT_ASSERT_NOT_NULL(test, io[i]);
	}
}

static void suspend_loses_no_write(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct disk *d = disk_new(test, ring->features, 4);
	struct disk_io *io[BURST];
	unsigned int i;

	WRITE_ONCE(d->mock->hold, true);
	start_burst(test, d, io, 1);
	KUNIT_ASSERT_EQ(test, 0, parley_device_freeze(to_parley_vdev(d->pd),
						      PARLEY_HOLD_SLEEP));
	for (i = 0; i < BURST; i++)
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&io[i]->ends));
	WRITE_ONCE(d->mock->hold, false);
	KUNIT_ASSERT_EQ(test, 0, parley_device_restore(to_parley_vdev(d->pd),
						       PARLEY_HOLD_SLEEP));
	for (i = 0; i < BURST; i++) {
		KUNIT_EXPECT_EQ(test, 0, disk_io_wait(io[i]));
		KUNIT_EXPECT_EQ(test, 1, atomic_read(&io[i]->ends));
		KUNIT_EXPECT_TRUE(test, disk_store_matches(d, spot(i), 1 + i));
	}
	KUNIT_EXPECT_EQ(test, 0, disk_write_read(test, d, spot(30), 7));
}

static void suspend_races_with_answers(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct disk *d = disk_new(test, ring->features, 4);
	struct disk_io *io[BURST];
	unsigned int round, i;

	for (round = 0; round < 12; round++) {
		start_burst(test, d, io, 50 * round);
		udelay(20 * round);
		KUNIT_ASSERT_EQ(test, 0, parley_device_freeze(to_parley_vdev(d->pd),
							      PARLEY_HOLD_SLEEP));
		KUNIT_ASSERT_EQ(test, 0, parley_device_restore(to_parley_vdev(d->pd),
							       PARLEY_HOLD_SLEEP));
		for (i = 0; i < BURST; i++) {
			KUNIT_EXPECT_EQ(test, 0, disk_io_wait(io[i]));
			KUNIT_EXPECT_EQ(test, 1, atomic_read(&io[i]->ends));
			KUNIT_EXPECT_TRUE(test,
					  disk_store_matches(d, spot(i),
							     50 * round + i));
		}
	}
}

static void a_device_that_asks_for_a_reset_gets_it(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct disk *d = disk_new(test, ring->features, 2);
	struct disk_io *io[BURST];
	unsigned int i;

	WRITE_ONCE(d->mock->hold, true);
	start_burst(test, d, io, 1);
	/* It completes nothing more, so nothing may wait for it to. */
	parley_loopback_needs_reset(d->mock->lb);
	WRITE_ONCE(d->mock->hold, false);
	for (i = 0; i < BURST; i++) {
		KUNIT_EXPECT_EQ(test, 0, disk_io_wait(io[i]));
		KUNIT_EXPECT_TRUE(test, disk_store_matches(d, spot(i), 1 + i));
	}
}

static void surprise_removal_fails_what_is_in_flight(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct disk *d = disk_new(test, ring->features, 4);
	struct disk_io *io[BURST], *late;
	unsigned int i;

	WRITE_ONCE(d->mock->hold, true);
	start_burst(test, d, io, 1);
	parley_loopback_vanish(d->mock->lb);
	/* Before the device object goes: nobody has to unplug it for that. */
	for (i = 0; i < BURST; i++) {
		KUNIT_EXPECT_EQ(test, -EIO, disk_io_wait(io[i]));
		KUNIT_EXPECT_EQ(test, 1, atomic_read(&io[i]->ends));
	}
	late = disk_io_start(test, d, REQ_OP_READ, 0, 0);
	KUNIT_ASSERT_NOT_NULL(test, late);
	KUNIT_EXPECT_EQ(test, -EIO, disk_io_wait(late));
	disk_end(test, d);
	/* The block device is open still. */
	late = disk_io_start(test, d, REQ_OP_READ, 0, 0);
	KUNIT_ASSERT_NOT_NULL(test, late);
	KUNIT_EXPECT_NE(test, 0, disk_io_wait(late));
}

static void removal_under_load_ends_every_request(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	unsigned int round, i;

	for (round = 0; round < 8; round++) {
		struct disk *d = disk_new(test, ring->features, 2);
		struct disk_io *io[BURST];

		WRITE_ONCE(d->mock->delay_us, 200 * round);
		start_burst(test, d, io, 1);
		udelay(30 * round);
		disk_end(test, d);
		for (i = 0; i < BURST; i++) {
			KUNIT_EXPECT_NE(test, -ETIMEDOUT, disk_io_wait(io[i]));
			KUNIT_EXPECT_EQ(test, 1, atomic_read(&io[i]->ends));
		}
	}
}

static struct kunit_case blk_cases[] = {
	KUNIT_CASE_PARAM(one_queue_writes_and_reads, tester_ring_gen),
	KUNIT_CASE_PARAM(four_queues_write_and_read, tester_ring_gen),
	KUNIT_CASE_PARAM(processors_share_a_spinlock, tester_format_gen),
	KUNIT_CASE_PARAM(processors_share_a_pvlock, tester_format_gen),
	KUNIT_CASE_PARAM(vectors_are_cut_to_size_max, tester_format_gen),
	KUNIT_CASE_PARAM(flush_and_fua_reach_the_disk, tester_format_gen),
	KUNIT_CASE_PARAM(the_ways_to_clear, tester_format_gen),
	KUNIT_CASE_PARAM(resize_is_noticed, tester_format_gen),
	KUNIT_CASE_PARAM(errors_keep_their_meaning, tester_format_gen),
	KUNIT_CASE_PARAM(suspend_loses_no_write, tester_ring_gen),
	KUNIT_CASE_PARAM(suspend_races_with_answers, tester_format_gen),
	KUNIT_CASE_PARAM(a_device_that_asks_for_a_reset_gets_it,
			 tester_format_gen),
	KUNIT_CASE_PARAM(surprise_removal_fails_what_is_in_flight,
			 tester_format_gen),
	KUNIT_CASE_PARAM(removal_under_load_ends_every_request,
			 tester_format_gen),
	{}
};

static struct kunit_suite blk_suite = {
	.name = "parley_mock_disk",
	.suite_exit = blk_suite_exit,
	.init = blk_case_init,
	.test_cases = blk_cases,
};

kunit_test_suite(blk_suite);

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
