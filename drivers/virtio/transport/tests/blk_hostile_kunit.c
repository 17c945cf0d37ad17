// SPDX-License-Identifier: GPL-2.0-only
/*
 * The block front-end with a disk that lies: in its completions, and in its
 * configuration.
 */
#include <linux/delay.h>
#include <parley/device.h>
#include "../../blk/blk.h"
#include "disk.h"
#include "tester.h"

static int hostile_case_init(struct kunit *test)
{
	disk_io_free_all();
	return 0;
}

static void hostile_suite_exit(struct kunit_suite *suite)
{
	disk_io_free_all();
}

/* The driver starts a device anew by itself; until then requests fail. */
static int recovers(struct kunit *test, struct disk *d)
{
	unsigned int ms;
	int err = -EIO;

	for (ms = 0; ms < 10000 && err == -EIO; ms += 20) {
		err = disk_write_read(test, d, 64, ms);
		msleep(20);
	}
	return err;
}

/* One lie; the request fails, or what it says is true. */
static void lie_once(struct kunit *test, enum parley_mock_lie lie, bool truth)
{
	const struct tester_ring *ring = test->param_value;
	struct disk *d = disk_new(test, ring->features, 1);
	struct disk_io *io;
	int resets, err;

	KUNIT_ASSERT_EQ(test, 0, disk_write_read(test, d, 8, 1));
	resets = atomic_read(&d->mock->resets);
	WRITE_ONCE(d->mock->lie, lie);
	io = disk_io_start(test, d, REQ_OP_READ, 8, 0);
	KUNIT_ASSERT_NOT_NULL(test, io);
	err = disk_io_wait(io);
	WRITE_ONCE(d->mock->lie, PARLEY_MOCK_HONEST);
	if (!truth)
		KUNIT_EXPECT_EQ(test, -EIO, err);
	else if (!err)
		KUNIT_EXPECT_TRUE(test, disk_io_matches(io, 1));
	else
		KUNIT_EXPECT_EQ(test, -EIO, err);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&io->ends));
	KUNIT_EXPECT_EQ(test, 0, recovers(test, d));
	/* It was noticed, and answered with a reset. */
	KUNIT_EXPECT_GT(test, atomic_read(&d->mock->resets), resets);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&io->ends));
}

static void bad_44_disk_used_length_beyond_the_buffer(struct kunit *test)
{
	lie_once(test, PARLEY_MOCK_LEN, false);
}

static void disk_used_id_outside_the_ring(struct kunit *test)
{
	lie_once(test, PARLEY_MOCK_ID_RANGE, false);
}

static void disk_used_id_of_no_request(struct kunit *test)
{
	lie_once(test, PARLEY_MOCK_ID_FREE, false);
}

static void bad_43_disk_completes_twice(struct kunit *test)
{
	lie_once(test, PARLEY_MOCK_TWICE, true);
}

static void bad_06_disk_announces_more_than_the_ring(struct kunit *test)
{
	lie_once(test, PARLEY_MOCK_JUMP, true);
}

static void bad_50_disk_event_storm(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct disk *d = disk_new(test, ring->features, 2);
	unsigned int i;
	u64 spurious;

	WRITE_ONCE(d->mock->lie, PARLEY_MOCK_STORM);
	for (i = 0; i < 50; i++)
		KUNIT_ASSERT_EQ(test, 0, disk_write_read(test, d, 64 * i, i));
	spurious = d->pd->queues[0].spurious + d->pd->queues[1].spurious;
	KUNIT_EXPECT_GT(test, spurious, 0ull);
}

/*
 * A device that counts oddly, as some in wide use do: nothing, the status alone,
 * the data alone.  Its data is right, and so are its errors.
 */
static const struct parley_mock_ops *honest;
static u32 claimed;

static void serve_and_count_oddly(struct parley_mock *mock,
				  struct parley_mock_req *req)
{
	honest->serve(mock, req);
	req->chain.written = min(claimed, req->chain.len_in - 1);
}

static void oddly_counted_reads_are_taken(struct kunit *test)
{
	static const u32 counts[] = { 0, 1, U32_MAX };
	const struct tester_ring *ring = test->param_value;
	struct disk *d = disk_new(test, ring->features, 1);
	struct parley_blk *blk = d->pd->priv;
	struct parley_mock_ops ops;
	struct disk_io *io;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, disk_write_read(test, d, 0, 7));
	KUNIT_EXPECT_FALSE(test, blk->counts_oddly);
	honest = d->mock->ops;
	ops = *honest;
	ops.serve = serve_and_count_oddly;
	WRITE_ONCE(d->mock->ops, &ops);
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		WRITE_ONCE(claimed, counts[i]);
		KUNIT_EXPECT_EQ(test, 0, disk_write_read(test, d, 64, i));
		KUNIT_EXPECT_TRUE(test, blk->counts_oddly);
		parley_mock_blk_fail(d->blk, 64, 8, VIRTIO_BLK_S_IOERR);
		io = disk_io_start(test, d, REQ_OP_READ, 64, 0);
		KUNIT_ASSERT_NOT_NULL(test, io);
		KUNIT_EXPECT_EQ(test, -EIO, disk_io_wait(io));
		parley_mock_blk_fail(d->blk, 0, 0, 0);
	}
	WRITE_ONCE(d->mock->ops, honest);
}

/* Configuration */

#define c16(x)	((__force __virtio16)cpu_to_le16(x))
#define c32(x)	((__force __virtio32)cpu_to_le32(x))
#define c64(x)	((__force __virtio64)cpu_to_le64(x))

#define TWEAK(name, field, value)					\
	static void tweak_##name(struct virtio_blk_config *c)		\
	{								\
		(c)->field = value;					\
	}

TWEAK(block_zero, blk_size, c32(0))
TWEAK(block_odd, blk_size, c32(520))
TWEAK(block_large, blk_size, c32(2 * PAGE_SIZE))
TWEAK(size_max_zero, size_max, c32(0))
TWEAK(seg_max_zero, seg_max, c32(0))
TWEAK(seg_max_all, seg_max, c32(U32_MAX))
TWEAK(no_queues, num_queues, c16(0))
TWEAK(too_many_queues, num_queues, c16(U16_MAX))
TWEAK(capacity_overflow, capacity, c64(U64_MAX))
TWEAK(capacity_sign, capacity, c64(BIT_ULL(63) >> SECTOR_SHIFT))
TWEAK(exponent, physical_block_exp, 255)
TWEAK(alignment, alignment_offset, 255)
TWEAK(min_io, min_io_size, c16(U16_MAX))
TWEAK(opt_io, opt_io_size, c32(U32_MAX))
TWEAK(discard_zero, max_discard_sectors, c32(0))
TWEAK(discard_all, max_discard_sectors, c32(U32_MAX))
TWEAK(discard_segs_zero, max_discard_seg, c32(0))
TWEAK(discard_align, discard_sector_alignment, c32(U32_MAX))
TWEAK(zeroes_zero, max_write_zeroes_sectors, c32(0))
TWEAK(erase_zero, max_secure_erase_sectors, c32(0))
TWEAK(erase_align, secure_erase_sector_alignment, c32(U32_MAX))

enum outcome { REFUSED, SERVED, EITHER };

struct wrong {
	const char *name;
	void (*tweak)(struct virtio_blk_config *config);
	enum outcome outcome;
};

static const struct wrong wrongs[] = {
	{ "block size 0", tweak_block_zero, REFUSED },
	{ "block size 520", tweak_block_odd, REFUSED },
	{ "block size of two pages", tweak_block_large, REFUSED },
	{ "size_max 0", tweak_size_max_zero, SERVED },
	{ "capacity of all ones", tweak_capacity_overflow, REFUSED },
	{ "capacity of 2^63 bytes", tweak_capacity_sign, REFUSED },
	{ "seg_max 0", tweak_seg_max_zero, SERVED },
	{ "seg_max of all ones", tweak_seg_max_all, SERVED },
	{ "num_queues 0", tweak_no_queues, SERVED },
	{ "num_queues 65535, has 1", tweak_too_many_queues, EITHER },
	{ "physical_block_exp 255", tweak_exponent, SERVED },
	{ "alignment_offset 255", tweak_alignment, SERVED },
	{ "min_io_size 65535", tweak_min_io, SERVED },
	{ "opt_io_size of all ones", tweak_opt_io, SERVED },
	{ "max_discard_sectors 0", tweak_discard_zero, SERVED },
	{ "max_discard_sectors of all ones", tweak_discard_all, SERVED },
	{ "max_discard_seg 0", tweak_discard_segs_zero, SERVED },
	{ "discard alignment of all ones", tweak_discard_align, SERVED },
	{ "max_write_zeroes_sectors 0", tweak_zeroes_zero, SERVED },
	{ "max_secure_erase_sectors 0", tweak_erase_zero, SERVED },
	{ "erase alignment of all ones", tweak_erase_align, SERVED },
};

static void wrong_desc(const struct wrong *w, char *desc)
{
	strscpy(desc, w->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(wrong, wrongs, wrong_desc);

static void end_disk(void *blk)
{
	parley_mock_blk_destroy(blk);
}

/* A disk that may have a front-end or not. */
static bool served(struct kunit *test, const struct parley_mock_blk_config *cfg)
{
	struct parley_mock_blk *blk = parley_mock_blk_create(cfg);
	dev_t devt;
	bool has;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, blk);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, end_disk, blk));
	has = disk_find(parley_mock_blk_mock(blk), &devt);
	kunit_release_action(test, end_disk, blk);
	return has;
}

static void wrong_configuration(struct kunit *test)
{
	const struct wrong *wrong = test->param_value;
	struct parley_mock_blk_config cfg = {
		.sectors = DISK_SECTORS,
		.queues = 1,
		.queue_size = DISK_QUEUE_SIZE,
		.features = PARLEY_MOCK_BLK_FEATURES |
			    BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC),
		.tweak = wrong->tweak,
	};
	bool has = served(test, &cfg);
	struct disk *d;

	if (wrong->outcome != EITHER)
		KUNIT_EXPECT_EQ(test, wrong->outcome == SERVED, has);
	if (!has)
		return;
	d = disk_new_of(test, &cfg);
	KUNIT_EXPECT_GE(test, bdev_logical_block_size(d->bdev), SECTOR_SIZE);
	KUNIT_EXPECT_LE(test, bdev_logical_block_size(d->bdev), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0, disk_write_read(test, d, 64, 1));
	KUNIT_EXPECT_EQ(test, 0,
			disk_write_read(test, d, DISK_SECTORS - DISK_IO_SECTORS,
					2));
}

static struct kunit_case hostile_cases[] = {
	KUNIT_CASE_PARAM(bad_44_disk_used_length_beyond_the_buffer,
			 tester_format_gen),
	KUNIT_CASE_PARAM(disk_used_id_outside_the_ring, tester_format_gen),
	KUNIT_CASE_PARAM(disk_used_id_of_no_request, tester_format_gen),
	KUNIT_CASE_PARAM(bad_43_disk_completes_twice, tester_format_gen),
	KUNIT_CASE_PARAM(bad_06_disk_announces_more_than_the_ring,
			 tester_format_gen),
	KUNIT_CASE_PARAM(bad_50_disk_event_storm, tester_format_gen),
	KUNIT_CASE_PARAM(oddly_counted_reads_are_taken, tester_format_gen),
	KUNIT_CASE_PARAM(wrong_configuration, wrong_gen_params),
	{}
};

static struct kunit_suite hostile_suite = {
	.name = "parley_hostile_disk",
	.suite_exit = hostile_suite_exit,
	.init = hostile_case_init,
	.test_cases = hostile_cases,
};

kunit_test_suite(hostile_suite);
