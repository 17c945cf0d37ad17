// SPDX-License-Identifier: GPL-2.0-only
/*
 * The whole driver, from bio to mock disk: data, errors, a device that lies,
 * that forgets, that vanishes.
 */
#include <kunit/test.h>
#include <linux/bio.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <parley/transport.h>
#include "../../transport/tests/mock.h"
#include "../blk.h"

#define SECTORS		8192
#define PATIENCE	(20 * HZ)
#define FLYING		16

struct format {
	const char *name;
	u64 features;
	unsigned int ring;
};

static const struct format formats[] = {
	{ "split", BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |
		   BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC), 64 },
	{ "split, small and direct", 0, 16 },
	{ "packed", BIT_ULL(VIRTIO_F_RING_PACKED) |
		    BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |
		    BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC), 64 },
	{ "packed, small and direct", BIT_ULL(VIRTIO_F_RING_PACKED), 15 },
};

static void format_name(const struct format *f, char *name)
{
	strscpy(name, f->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(format, formats, format_name);

/* One test at a time runs, so its disk may be global. */
static struct {
	struct parley_mock_blk *disk;
	struct parley_mock *mock;
	struct parley_device *pd;
	struct parley_blk *blk;
	struct block_device *bdev;
	u8 *buf;
} t;

static void disk_end(void *unused)
{
	parley_mock_blk_destroy(t.disk);
}

static void disk_make(struct kunit *test, void (*tweak)(struct virtio_blk_config *))
{
	const struct format *f = test->param_value ?: &formats[0];
	struct parley_mock_blk_config cfg = {
		.sectors = SECTORS,
		.queues = 2,
		.queue_size = f->ring,
		.features = PARLEY_MOCK_BLK_FEATURES | f->features,
		.tweak = tweak,
	};

	t.buf = kunit_kzalloc(test, SZ_64K, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t.buf);
	t.disk = parley_mock_blk_create(&cfg);
	KUNIT_ASSERT_FALSE(test, IS_ERR(t.disk));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, disk_end, NULL));
	t.mock = parley_mock_blk_mock(t.disk);
	t.pd = parley_loopback_device(t.mock->lb);
	t.blk = NULL;
	if (t.pd->dev.driver) {
		t.blk = t.pd->priv;
		t.bdev = t.blk->disk->part0;
	}
}

static void disk_of(struct kunit *test)
{
	disk_make(test, NULL);
	KUNIT_ASSERT_NOT_NULL(test, t.blk);
}

static int io(blk_opf_t opf, sector_t sector, void *buf, unsigned int len)
{
	struct bio_vec bv;
	struct bio bio;
	int err;

	bio_init(&bio, t.bdev, &bv, 1, opf);
	bio.bi_iter.bi_sector = sector;
	__bio_add_page(&bio, virt_to_page(buf), len, offset_in_page(buf));
	err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return err;
}

/* Requests in flight */

struct flying {
	struct bio bio;
	struct bio_vec bv;
	struct completion done;
	int acks;
};

static struct flying flying[FLYING];
static unsigned int nr_flying;

static void flying_end(struct bio *bio)
{
	struct flying *f = container_of(bio, struct flying, bio);

	f->acks++;
	complete(&f->done);
}

/* Writes of 4 KiB with different contents. */
static void fly(unsigned int nr)
{
	unsigned int i;

	static_assert(FLYING * SZ_4K <= SZ_64K);
	nr_flying = nr;
	for (i = 0; i < nr; i++) {
		struct flying *f = &flying[i];
		void *data = t.buf + i * SZ_4K;

		memset(data, 0x40 + i, SZ_4K);
		init_completion(&f->done);
		f->acks = 0;
		bio_init(&f->bio, t.bdev, &f->bv, 1, REQ_OP_WRITE | REQ_SYNC);
		f->bio.bi_iter.bi_sector = i * 16;
		f->bio.bi_end_io = flying_end;
		__bio_add_page(&f->bio, virt_to_page(data), SZ_4K,
			       offset_in_page(data));
		submit_bio(&f->bio);
	}
}

static void hold_and_fly(struct kunit *test)
{
	unsigned long end = jiffies + PATIENCE;

	WRITE_ONCE(t.mock->hold, true);
	/* One more than there are tags, and submitting it would wait. */
	fly(min_t(unsigned int, FLYING, t.blk->depth));
	while (!atomic_read(&t.mock->held) && time_before(jiffies, end))
		fsleep(1000);
	KUNIT_ASSERT_GT(test, atomic_read(&t.mock->held), 0);
}

static void release(void)
{
	WRITE_ONCE(t.mock->hold, false);
	parley_mock_release(t.mock);
}

/* Each ends once, with @err; successful ones have left their data. */
static void land(struct kunit *test, int err)
{
	u8 *data = parley_mock_blk_data(t.disk);
	unsigned int i;

	for (i = 0; i < nr_flying; i++) {
		struct flying *f = &flying[i];

		KUNIT_ASSERT_NE_MSG(test, 0,
				    wait_for_completion_timeout(&f->done,
								PATIENCE),
				    "write %u never ended", i);
		KUNIT_EXPECT_EQ(test, err, blk_status_to_errno(f->bio.bi_status));
		if (!err)
			KUNIT_EXPECT_EQ(test, 0,
					memcmp(data + i * SZ_8K,
					       t.buf + i * SZ_4K, SZ_4K));
	}
	for (i = 0; i < nr_flying; i++) {
		KUNIT_EXPECT_EQ(test, 1, flying[i].acks);
		bio_uninit(&flying[i].bio);
	}
}

static void wait_until_it_works(struct kunit *test)
{
	unsigned long end = jiffies + PATIENCE;
	int err;

	do {
		err = io(REQ_OP_READ, 0, t.buf, SZ_4K);
		if (err)
			fsleep(10000);
	} while (err && time_before(jiffies, end));
	KUNIT_EXPECT_EQ_MSG(test, 0, err, "the device was not started anew");
}

/* Commands */

static void data_comes_back(struct kunit *test)
{
	static const unsigned int sizes[] = { 512, SZ_4K, 3 * 512, SZ_64K };
	u8 *data, *copy = kunit_kzalloc(test, SZ_64K, GFP_KERNEL);
	unsigned int i;

	disk_of(test);
	data = parley_mock_blk_data(t.disk);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		memset(copy, 0xa0 + i, sizes[i]);
		KUNIT_EXPECT_EQ(test, 0, io(REQ_OP_WRITE, 100, copy, sizes[i]));
		KUNIT_EXPECT_EQ(test, 0, memcmp(data + 51200, copy, sizes[i]));
		KUNIT_EXPECT_EQ(test, 0, io(REQ_OP_READ, 100, t.buf, sizes[i]));
		KUNIT_EXPECT_EQ(test, 0, memcmp(t.buf, copy, sizes[i]));
	}
	/* More in flight than a small ring holds. */
	fly(FLYING);
	land(test, 0);
}

static void durable_means_flushed(struct kunit *test)
{
	unsigned int before;

	disk_of(test);
	before = parley_mock_blk_count(t.disk, VIRTIO_BLK_T_FLUSH);
	KUNIT_EXPECT_EQ(test, 0, io(REQ_OP_WRITE | REQ_FUA, 0, t.buf, SZ_4K));
	KUNIT_EXPECT_GT(test, parley_mock_blk_count(t.disk, VIRTIO_BLK_T_FLUSH),
			before);
	before = parley_mock_blk_count(t.disk, VIRTIO_BLK_T_FLUSH);
	KUNIT_EXPECT_EQ(test, 0, blkdev_issue_flush(t.bdev));
	KUNIT_EXPECT_EQ(test, before + 1,
			parley_mock_blk_count(t.disk, VIRTIO_BLK_T_FLUSH));
}

static void ranges_are_cleared(struct kunit *test)
{
	u8 *data;

	disk_of(test);
	data = parley_mock_blk_data(t.disk);
	memset(data, 0xff, SECTORS << SECTOR_SHIFT);
	KUNIT_EXPECT_EQ(test, 0, blkdev_issue_discard(t.bdev, 8, 64, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, 0, blkdev_issue_secure_erase(t.bdev, 128, 64,
							   GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, 0, blkdev_issue_zeroout(t.bdev, 256, 64, GFP_KERNEL,
						      BLKDEV_ZERO_NOFALLBACK));
	KUNIT_EXPECT_NULL(test, memchr_inv(data + 8 * 512, 0, 64 * 512));
	KUNIT_EXPECT_NULL(test, memchr_inv(data + 128 * 512, 0, 64 * 512));
	KUNIT_EXPECT_NULL(test, memchr_inv(data + 256 * 512, 0, 64 * 512));
	KUNIT_EXPECT_EQ(test, 0xff, data[8 * 512 - 1]);
	KUNIT_EXPECT_EQ(test, 0xff, data[72 * 512]);
	KUNIT_EXPECT_EQ(test, 1,
			parley_mock_blk_count(t.disk, VIRTIO_BLK_T_SECURE_ERASE));
}

/* Discards that were plugged together become one command of several ranges. */
static void discards_share_a_command(struct kunit *test)
{
	struct blk_plug plug;
	unsigned int i;
	u8 *data;

	disk_of(test);
	data = parley_mock_blk_data(t.disk);
	memset(data, 0xff, SECTORS << SECTOR_SHIFT);
	nr_flying = 4;
	blk_start_plug(&plug);
	for (i = 0; i < nr_flying; i++) {
		struct flying *f = &flying[i];

		init_completion(&f->done);
		f->acks = 0;
		bio_init(&f->bio, t.bdev, NULL, 0, REQ_OP_DISCARD);
		f->bio.bi_iter.bi_sector = 64 * i;
		f->bio.bi_iter.bi_size = 8 << SECTOR_SHIFT;
		f->bio.bi_end_io = flying_end;
		submit_bio(&f->bio);
	}
	blk_finish_plug(&plug);
	for (i = 0; i < nr_flying; i++) {
		KUNIT_ASSERT_NE(test, 0,
				wait_for_completion_timeout(&flying[i].done,
							    PATIENCE));
		KUNIT_EXPECT_EQ(test, 0,
				(__force int)flying[i].bio.bi_status);
		KUNIT_EXPECT_NULL(test, memchr_inv(data + i * 32768, 0, 4096));
		KUNIT_EXPECT_EQ(test, 0xff, data[i * 32768 + 4096]);
		bio_uninit(&flying[i].bio);
	}
	KUNIT_EXPECT_EQ(test, 1,
			parley_mock_blk_count(t.disk, VIRTIO_BLK_T_DISCARD));
}

static void it_has_a_serial_number(struct kunit *test)
{
	char *id = kunit_kzalloc(test, VIRTIO_BLK_ID_BYTES + 1, GFP_KERNEL);

	disk_of(test);
	KUNIT_EXPECT_EQ(test, 0,
			parley_blk_command(t.blk, VIRTIO_BLK_T_GET_ID, 0, id,
					   VIRTIO_BLK_ID_BYTES));
	KUNIT_EXPECT_STREQ(test, "parley-mock-disk", id);
}

/* Whatever ends here has its own outcome, also among others that ended well. */
static void errors_of_commands_are_told(struct kunit *test)
{
	disk_of(test);
	/* Ended where they are reaped, so in a batch with what else is there. */
	clear_bit(QUEUE_FLAG_SAME_COMP, &t.blk->disk->queue->queue_flags);
	/* There is no room for the number, and there are no zones. */
	KUNIT_EXPECT_EQ(test, -EIO,
			parley_blk_command(t.blk, VIRTIO_BLK_T_GET_ID, 0, t.buf,
					   VIRTIO_BLK_ID_BYTES / 2));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			parley_blk_command(t.blk, VIRTIO_BLK_T_ZONE_REPORT, 0,
					   t.buf, SZ_4K));
	KUNIT_EXPECT_EQ(test, 0,
			parley_blk_command(t.blk, VIRTIO_BLK_T_GET_ID, 0, t.buf,
					   VIRTIO_BLK_ID_BYTES));
}

static void a_request_is_described_in_order(struct kunit *test)
{
	struct parley_seg segs[8];
	struct parley_blk_req *req;
	struct parley_buf buf;
	struct request *rq;

	disk_of(test);
	rq = blk_mq_alloc_request(t.blk->disk->queue, REQ_OP_DRV_IN, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(rq));
	req = blk_mq_rq_to_pdu(rq);
	KUNIT_ASSERT_EQ(test, 0, blk_rq_map_kern(rq, t.buf, SZ_64K,
						 GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, 0, (__force int)parley_blk_prepare(t.blk, rq));
	KUNIT_ASSERT_EQ(test, 3, parley_blk_describe(rq, segs, 8, &buf));
	KUNIT_EXPECT_EQ(test, 1, buf.n_out);
	KUNIT_EXPECT_EQ(test, 2, buf.n_in);
	KUNIT_EXPECT_PTR_EQ(test, rq, buf.cookie);
	KUNIT_EXPECT_EQ(test, virt_to_phys(&req->hdr), segs[0].addr);
	KUNIT_EXPECT_EQ(test, sizeof(req->hdr), segs[0].len);
	KUNIT_EXPECT_EQ(test, virt_to_phys(t.buf), segs[1].addr);
	KUNIT_EXPECT_EQ(test, SZ_64K, segs[1].len);
	KUNIT_EXPECT_EQ(test, virt_to_phys(&req->in.status), segs[2].addr);
	KUNIT_EXPECT_EQ(test, 1, segs[2].len);
	/* Never sent; its bio is to be let go of all the same. */
	blk_update_request(rq, BLK_STS_OK, blk_rq_bytes(rq));
	blk_mq_free_request(rq);
}

/* Errors and lies */

static void errors_keep_their_meaning(struct kunit *test)
{
	static const struct {
		u8 status;
		int err;
	} table[] = {
		{ VIRTIO_BLK_S_IOERR, -EIO },
		{ VIRTIO_BLK_S_UNSUPP, -EOPNOTSUPP },
		{ VIRTIO_BLK_S_ZONE_INVALID_CMD, -EIO },
		{ VIRTIO_BLK_S_ZONE_OPEN_RESOURCE, -ETOOMANYREFS },
		{ VIRTIO_BLK_S_ZONE_ACTIVE_RESOURCE, -EOVERFLOW },
		{ 0x77, -EIO },
		{ PARLEY_BLK_S_UNWRITTEN, -EIO },
	};
	unsigned int i;

	disk_of(test);
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		parley_mock_blk_fail(t.disk, 64, 8, table[i].status);
		KUNIT_EXPECT_EQ(test, table[i].err,
				io(REQ_OP_READ, 64, t.buf, SZ_4K));
		KUNIT_EXPECT_EQ(test, table[i].err,
				io(REQ_OP_WRITE, 64, t.buf, SZ_4K));
		KUNIT_EXPECT_EQ(test, 0, io(REQ_OP_READ, 72, t.buf, SZ_4K));
	}
	parley_mock_blk_fail(t.disk, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, 0, io(REQ_OP_READ, 64, t.buf, SZ_4K));
}

static const struct parley_mock_ops *honest;
static u32 claimed;

static void serve_and_claim(struct parley_mock *mock,
			    struct parley_mock_req *req)
{
	honest->serve(mock, req);
	req->chain.written = min(claimed, req->chain.len_in);
}

static void serve_nothing(struct parley_mock *mock, struct parley_mock_req *req)
{
	req->chain.written = req->chain.len_in;
}

static void bad_49_short_reads_are_errors(struct kunit *test)
{
	static const u32 torn[] = { 2, 511, 512, SZ_4K - 512, SZ_4K - 1 };
	struct parley_mock_ops ops;
	unsigned int i;

	disk_of(test);
	honest = t.mock->ops;
	ops = *honest;
	ops.serve = serve_and_claim;
	WRITE_ONCE(t.mock->ops, &ops);
	for (i = 0; i < ARRAY_SIZE(torn); i++) {
		claimed = torn[i];
		KUNIT_EXPECT_EQ(test, -EIO, io(REQ_OP_READ, 0, t.buf, SZ_4K));
	}
	KUNIT_EXPECT_FALSE(test, t.blk->counts_oddly);
	/* Whatever is claimed: a status that was not written is an error. */
	ops.serve = serve_nothing;
	KUNIT_EXPECT_EQ(test, -EIO, io(REQ_OP_WRITE, 0, t.buf, SZ_4K));
	KUNIT_EXPECT_EQ(test, -EIO, io(REQ_OP_READ, 0, t.buf, SZ_4K));
	WRITE_ONCE(t.mock->ops, honest);
	KUNIT_EXPECT_EQ(test, 0, io(REQ_OP_READ, 0, t.buf, SZ_4K));
}

static void lie_and_recover(struct kunit *test, enum parley_mock_lie lie)
{
	unsigned int resets;

	disk_of(test);
	resets = atomic_read(&t.mock->resets);
	WRITE_ONCE(t.mock->lie, lie);
	/* It may be answered rightly before the lie; it must be answered. */
	io(REQ_OP_WRITE, 0, t.buf, SZ_4K);
	io(REQ_OP_READ, 0, t.buf, SZ_4K);
	WRITE_ONCE(t.mock->lie, PARLEY_MOCK_HONEST);
	wait_until_it_works(test);
	KUNIT_EXPECT_GT(test, atomic_read(&t.mock->resets), resets);
	fly(FLYING);
	land(test, 0);
}

static void bad_44_used_length_beyond_the_buffer(struct kunit *test)
{
	lie_and_recover(test, PARLEY_MOCK_LEN);
}

static void bad_02_used_id_outside_the_ring(struct kunit *test)
{
	lie_and_recover(test, PARLEY_MOCK_ID_RANGE);
}

static void bad_43_completed_twice(struct kunit *test)
{
	lie_and_recover(test, PARLEY_MOCK_TWICE);
}

/* Life and death */

static void freeze_keeps_what_is_in_flight(struct kunit *test)
{
	unsigned int i;

	disk_of(test);
	hold_and_fly(test);
	KUNIT_ASSERT_EQ(test, 0, parley_device_freeze(to_parley_vdev(t.pd),
						      PARLEY_HOLD_SLEEP));
	msleep(20);
	/* Nobody was told anything about them. */
	for (i = 0; i < nr_flying; i++)
		KUNIT_EXPECT_EQ(test, 0, flying[i].acks);
	release();
	KUNIT_ASSERT_EQ(test, 0, parley_device_restore(to_parley_vdev(t.pd),
						       PARLEY_HOLD_SLEEP));
	land(test, 0);
	KUNIT_EXPECT_EQ(test, 0, io(REQ_OP_READ, 0, t.buf, SZ_4K));
}

static void a_device_that_wants_a_reset_gets_it(struct kunit *test)
{
	disk_of(test);
	hold_and_fly(test);
	parley_loopback_needs_reset(t.mock->lb);
	release();
	land(test, 0);
}

static void a_vanished_device_fails_each_once(struct kunit *test)
{
	disk_of(test);
	hold_and_fly(test);
	parley_loopback_vanish(t.mock->lb);
	land(test, -EIO);
	KUNIT_EXPECT_NE(test, 0, io(REQ_OP_READ, 0, t.buf, SZ_4K));
}

static void a_slow_device_is_waited_for(struct kunit *test)
{
	disk_of(test);
	blk_queue_rq_timeout(t.blk->disk->queue, HZ / 5);
	hold_and_fly(test);
	msleep(1000);
	KUNIT_EXPECT_EQ(test, 0, flying[0].acks);
	release();
	land(test, 0);
}

static bool size_is(sector_t sectors)
{
	unsigned long end = jiffies + PATIENCE;

	while (get_capacity(t.blk->disk) != sectors && time_before(jiffies, end))
		fsleep(1000);
	return get_capacity(t.blk->disk) == sectors;
}

static void the_size_follows_within_reason(struct kunit *test)
{
	disk_of(test);
	KUNIT_EXPECT_TRUE(test, size_is(SECTORS));
	parley_mock_blk_resize(t.disk, SECTORS / 2);
	KUNIT_EXPECT_TRUE(test, size_is(SECTORS / 2));
	KUNIT_EXPECT_EQ(test, -EIO, io(REQ_OP_READ, SECTORS - 8, t.buf, SZ_4K));
	parley_mock_blk_resize(t.disk, U64_MAX);
	msleep(50);
	KUNIT_EXPECT_TRUE(test, size_is(SECTORS / 2));
	parley_mock_blk_resize(t.disk, SECTORS);
	KUNIT_EXPECT_TRUE(test, size_is(SECTORS));
	KUNIT_EXPECT_EQ(test, 0, io(REQ_OP_READ, SECTORS - 8, t.buf, SZ_4K));
}

/* Configurations */

static void spoil_block_size(struct virtio_blk_config *c)
{
	c->blk_size = 0;
}

static void spoil_capacity(struct virtio_blk_config *c)
{
	c->capacity = __cpu_to_virtio64(true, U64_MAX);
}

static void spoil_what_can_be_mended(struct virtio_blk_config *c)
{
	c->seg_max = 0;
	c->num_queues = 0;
	c->physical_block_exp = 0xff;
	c->alignment_offset = 0xff;
	c->discard_sector_alignment = 0;
	c->max_write_zeroes_sectors = 0;
	c->max_secure_erase_seg = 0;
}

static void spoiled_configurations(struct kunit *test)
{
	disk_make(test, spoil_block_size);
	KUNIT_EXPECT_NULL(test, t.blk);
	kunit_release_action(test, disk_end, NULL);
	disk_make(test, spoil_capacity);
	KUNIT_EXPECT_NULL(test, t.blk);
	kunit_release_action(test, disk_end, NULL);
	disk_make(test, spoil_what_can_be_mended);
	KUNIT_ASSERT_NOT_NULL(test, t.blk);
	KUNIT_EXPECT_EQ(test, 1, t.blk->nr_queues);
	fly(FLYING);
	land(test, 0);
}

static struct kunit_case disk_cases[] = {
	KUNIT_CASE_PARAM(data_comes_back, format_gen_params),
	KUNIT_CASE(durable_means_flushed),
	KUNIT_CASE(ranges_are_cleared),
	KUNIT_CASE(discards_share_a_command),
	KUNIT_CASE(it_has_a_serial_number),
	KUNIT_CASE(errors_of_commands_are_told),
	KUNIT_CASE(a_request_is_described_in_order),
	KUNIT_CASE(errors_keep_their_meaning),
	KUNIT_CASE(bad_49_short_reads_are_errors),
	KUNIT_CASE_PARAM(bad_44_used_length_beyond_the_buffer, format_gen_params),
	KUNIT_CASE_PARAM(bad_02_used_id_outside_the_ring, format_gen_params),
	KUNIT_CASE_PARAM(bad_43_completed_twice, format_gen_params),
	KUNIT_CASE_PARAM(freeze_keeps_what_is_in_flight, format_gen_params),
	KUNIT_CASE_PARAM(a_device_that_wants_a_reset_gets_it, format_gen_params),
	KUNIT_CASE_PARAM(a_vanished_device_fails_each_once, format_gen_params),
	KUNIT_CASE(a_slow_device_is_waited_for),
	KUNIT_CASE(the_size_follows_within_reason),
	KUNIT_CASE(spoiled_configurations),
	{}
};

static struct kunit_suite disk_suite = {
	.name = "parley_blk_disk",
	.test_cases = disk_cases,
};

kunit_test_suite(disk_suite);
