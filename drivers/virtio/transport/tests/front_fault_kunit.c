// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation of the front-ends fails once: in making a mock device and
 * probing parley_rng, parley_blk or parley_net on it, and in the disk's I/O.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <parley/device.h>
#include <uapi/linux/virtio_ids.h>
#include <uapi/linux/virtio_net.h>
#include "disk.h"
#include "tester.h"

/* A discard of several ranges needs memory of its own. */
#define RANGES		5
#define RANGE_SECTORS	8

static int front_case_init(struct kunit *test)
{
	disk_io_free_all();
	return 0;
}

static void front_suite_exit(struct kunit_suite *suite)
{
	disk_io_free_all();
}

/* @arg: set if there was a front-end in the end. */
static void rng_body(struct kunit *test, void *arg)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_mock *mock = parley_mock_rng_create(ring->features);
	bool *probed = arg;

	*probed = false;
	if (IS_ERR(mock))
		return;
	*probed = parley_loopback_device(mock->lb)->dev.driver;
	parley_mock_rng_destroy(mock);
}

static void allocations_of_rng_fail_once(struct kunit *test)
{
	bool probed = false;

	tester_fault_slice(test, rng_body, &probed, 30);
	KUNIT_EXPECT_TRUE_MSG(test, probed, "is parley_rng loaded?");
}

static void disk_body(struct kunit *test, void *arg)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_mock_blk_config cfg = {
		.sectors = DISK_IO_SECTORS,
		.queues = 2,
		.queue_size = 8,
		.features = ring->features | PARLEY_MOCK_BLK_FEATURES,
	};
	struct parley_mock_blk *blk = parley_mock_blk_create(&cfg);
	bool *probed = arg;
	dev_t devt;

	*probed = false;
	if (IS_ERR(blk))
		return;
	*probed = disk_find(parley_mock_blk_mock(blk), &devt);
	parley_mock_blk_destroy(blk);
}

static void allocations_of_disk_fail_once(struct kunit *test)
{
	bool probed = false;

	tester_fault_slice(test, disk_body, &probed, 60);
	KUNIT_EXPECT_TRUE_MSG(test, probed, "is parley_blk loaded?");
}

#ifdef CONFIG_PAGE_POOL	/* without, there is no such front-end */

/* Its interface stays down, so nothing is served but commands, of which none succeeds. */
static void net_serve(struct parley_mock *mock, struct parley_mock_req *req)
{
}

static void net_body(struct kunit *test, void *arg)
{
	const struct tester_ring *ring = test->param_value;
	static const struct parley_mock_ops ops = { .serve = net_serve };
	struct virtio_net_config config = {
		.max_virtqueue_pairs = (__force __virtio16)cpu_to_le16(2),
	};
	struct parley_mock_config cfg = {
		.type = VIRTIO_ID_NET,
		.features = ring->features | BIT_ULL(VIRTIO_NET_F_CTRL_VQ) |
			    BIT_ULL(VIRTIO_NET_F_MQ) | BIT_ULL(VIRTIO_NET_F_MRG_RXBUF),
		.config = &config, .config_len = sizeof(config),
		.nr_queues = 5, .queue_size = 32, .segs_max = 32,
		.ops = &ops,
	};
	struct parley_mock *mock = parley_mock_create(&cfg);
	bool *probed = arg;

	*probed = false;
	if (IS_ERR(mock))
		return;
	*probed = parley_loopback_device(mock->lb)->dev.driver;
	parley_mock_destroy(mock);
}

static void allocations_of_net_fail_once(struct kunit *test)
{
	bool probed = false;

	tester_fault_slice(test, net_body, &probed, 60);
	KUNIT_EXPECT_TRUE_MSG(test, probed, "is parley_net loaded?");
}

#endif

/* The memory of the test itself is none of the sweep's business. */
static struct disk_io *prepared(struct kunit *test, struct disk *d,
				blk_opf_t op, sector_t sector, u32 seed)
{
	unsigned int nth = tester_fault_pause();
	struct disk_io *io = disk_io_prepare(d, op, sector, seed);

	KUNIT_EXPECT_NOT_NULL(test, io);
	tester_fault_set(nth);
	return io;
}

/* Out of memory delays a request; it is no reason to fail it. */
static void disk_io_body(struct kunit *test, void *arg)
{
	struct disk *d = arg;
	struct disk_io *io;

	disk_io_free_all();
	io = prepared(test, d, REQ_OP_WRITE, 0, 3);
	if (!io)
		return;
	submit_bio(&io->bio);
	KUNIT_EXPECT_EQ(test, 0, disk_io_wait(io));
	KUNIT_EXPECT_TRUE(test, disk_store_matches(d, 0, 3));
	io = prepared(test, d, REQ_OP_READ, 0, 0);
	if (!io)
		return;
	submit_bio(&io->bio);
	KUNIT_EXPECT_EQ(test, 0, disk_io_wait(io));
	KUNIT_EXPECT_TRUE(test, disk_io_matches(io, 3));
}

static void every_allocation_of_disk_io_fails_once(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct disk *d = disk_new(test, ring->features, 1);

	tester_fault_sweep(test, disk_io_body, d, 1);
	KUNIT_EXPECT_EQ(test, 0, disk_write_read(test, d, 64, 9));
}

static void discard_end(struct bio *bio)
{
	complete(bio->bi_private);
}

/* Ranges with gaps between them: one request, if they are plugged together. */
static void discard_body(struct kunit *test, void *arg)
{
	struct disk *d = arg;
	struct blk_plug plug;
	struct bio bios[RANGES];
	struct completion done[RANGES];
	unsigned int i;

	blk_start_plug(&plug);
	for (i = 0; i < RANGES; i++) {
		init_completion(&done[i]);
		bio_init(&bios[i], d->bdev, NULL, 0, REQ_OP_DISCARD);
		bios[i].bi_iter.bi_sector = 3 * i * RANGE_SECTORS;
		bios[i].bi_iter.bi_size = RANGE_SECTORS << SECTOR_SHIFT;
		bios[i].bi_private = &done[i];
		bios[i].bi_end_io = discard_end;
		submit_bio(&bios[i]);
	}
	blk_finish_plug(&plug);
	for (i = 0; i < RANGES; i++) {
		wait_for_completion(&done[i]);
		KUNIT_EXPECT_EQ(test, 0, blk_status_to_errno(bios[i].bi_status));
		bio_uninit(&bios[i]);
	}
}

static void every_allocation_of_discard_fails_once(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct disk *d = disk_new(test, ring->features, 1);

	tester_fault_sweep(test, discard_body, d, 1);
	KUNIT_EXPECT_EQ(test, 0, disk_write_read(test, d, 64, 9));
}

static struct kunit_case front_cases[] = {
	KUNIT_CASE_PARAM(allocations_of_rng_fail_once, tester_slice_gen),
	KUNIT_CASE_PARAM(allocations_of_disk_fail_once, tester_slice_gen),
#ifdef CONFIG_PAGE_POOL
	KUNIT_CASE_PARAM(allocations_of_net_fail_once, tester_slice_gen),
#endif
	KUNIT_CASE_PARAM(every_allocation_of_disk_io_fails_once,
			 tester_format_gen),
	KUNIT_CASE_PARAM(every_allocation_of_discard_fails_once,
			 tester_format_gen),
	{}
};

static struct kunit_suite front_suite = {
	.name = "parley_front_faults",
	.init = front_case_init,
	.suite_exit = front_suite_exit,
	.test_cases = front_cases,
};

kunit_test_suite(front_suite);
