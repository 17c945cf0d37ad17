// SPDX-License-Identifier: GPL-2.0-only
/*
 * The whole way in one kernel: bios through blk-mq, parley_blk, the guest model,
 * the loopback transport, both roles of the core, a vhost worker, vhost blk, to
 * a disk in memory.
 */
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <parley/device.h>
#include <parley/loopback.h>
#include "../loopback.h"
#include "../../blk/tests/vblk.h"

#define LOOP_BYTES	SZ_128K

/**
 * struct loop - a disk that is served to this kernel
 * @ram: the medium
 * @dev: the vhost device
 * @vl: joined
 * @file: the block device that the front-end made
 * @page: LOOP_BYTES of memory
 */
struct loop {
	struct ram *ram;
	struct parley_vhost *dev;
	struct parley_vhost_loopback *vl;
	struct file *file;
	struct page *page;
};

static int take_disk(struct device *dev, void *devt)
{
	if (!dev->class || strcmp(dev->class->name, "block"))
		return 0;
	*(dev_t *)devt = dev->devt;
	return 1;
}

static struct file *loop_file(struct loop *l)
{
	struct parley_loopback *lb = parley_vhost_loopback_device(l->vl);
	dev_t devt;

	if (!device_for_each_child(&parley_loopback_device(lb)->dev, &devt,
				   take_disk))
		return ERR_PTR(-ENOENT);
	return bdev_file_open_by_dev(devt, BLK_OPEN_READ | BLK_OPEN_WRITE,
				     NULL, NULL);
}

static void loop_end(struct loop *l, bool answers)
{
	if (!IS_ERR_OR_NULL(l->vl))
		parley_vhost_loopback_destroy(l->vl, answers);
	l->vl = NULL;
}

static void loop_close(void *arg)
{
	struct loop *l = arg;

	if (!IS_ERR_OR_NULL(l->file))
		bdev_fput(l->file);
	loop_end(l, true);
	if (!IS_ERR_OR_NULL(l->dev))
		parley_vhost_close(l->dev);
	if (l->ram)
		ram_destroy(l->ram);
	if (l->page)
		__free_pages(l->page, get_order(LOOP_BYTES));
	kfree(l);
}

static struct parley_vhost_loopback *loop_join(struct loop *l, u64 features,
					       unsigned int queues)
{
	const u64 ring = BIT_ULL(VIRTIO_F_RING_PACKED) |
			 BIT_ULL(VIRTIO_F_IN_ORDER);
	struct parley_loopback_join join = {
		.nr_queues = queues,
		.queue_size = 64,
	};
	struct parley_features offered;

	parley_vhost_offered(l->dev, &offered);
	join.features = (parley_features_low(&offered) & ~ring) | features;
	return parley_vhost_loopback_create(l->dev, &join);
}

static struct loop *loop_new(struct kunit *test)
{
	struct loop *l = kzalloc(sizeof(*l), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, l);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, loop_close, l));
	l->page = alloc_pages(GFP_KERNEL | __GFP_COMP, get_order(LOOP_BYTES));
	KUNIT_ASSERT_NOT_NULL(test, l->page);
	l->ram = ram_create(SECTOR_SIZE, BLK_OPEN_READ | BLK_OPEN_WRITE);
	KUNIT_ASSERT_NOT_NULL(test, l->ram);
	l->dev = parley_vhost_open("blk");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, l->dev);
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_set_owner(l->dev));
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_blk_attach(l->dev, l->ram->file, 0,
							 VBLK_SERIAL));
	return l;
}

static struct loop *loop_disk(struct kunit *test, unsigned int queues)
{
	const struct vblk_ring *ring = test->param_value;
	struct loop *l = loop_new(test);
	u64 features = ring ? ring->features & (BIT_ULL(VIRTIO_F_RING_PACKED) |
						BIT_ULL(VIRTIO_F_IN_ORDER)) : 0;

	l->vl = loop_join(l, features, queues);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, l->vl);
	l->file = loop_file(l);
	KUNIT_ASSERT_FALSE_MSG(test, IS_ERR(l->file),
			       "no disk: is parley_blk loaded?");
	return l;
}

static int loop_io(struct loop *l, blk_opf_t op, u64 sector)
{
	struct bio_vec vec;
	struct bio bio;

	bio_init(&bio, file_bdev(l->file), &vec, 1, op);
	bio.bi_iter.bi_sector = sector;
	__bio_add_page(&bio, l->page, LOOP_BYTES, 0);
	return submit_bio_wait(&bio);
}

static int loop_write_read(struct loop *l, u64 sector, u32 seed)
{
	u8 *bytes = page_address(l->page);
	u64 pos = sector << SECTOR_SHIFT;
	int err;

	vblk_pattern(bytes, pos, LOOP_BYTES, seed);
	err = loop_io(l, REQ_OP_WRITE, sector);
	if (err)
		return err;
	if (!vblk_matches(l->ram->data + pos, pos, LOOP_BYTES, seed))
		return -EILSEQ;
	memset(bytes, 0, LOOP_BYTES);
	err = loop_io(l, REQ_OP_READ, sector);
	if (err)
		return err;
	return vblk_matches(bytes, pos, LOOP_BYTES, seed) ? 0 : -EILSEQ;
}

static void the_whole_way(struct kunit *test)
{
	struct loop *l = loop_disk(test, 2);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, RAM_SECTORS, bdev_nr_sectors(file_bdev(l->file)));
	for (i = 0; i < 20; i++) {
		l->ram->end = i & 1 ? RAM_LATER : RAM_NOW;
		KUNIT_ASSERT_EQ(test, 0, loop_write_read(l, 256 * i, i));
	}
	KUNIT_EXPECT_EQ(test, 0, blkdev_issue_flush(file_bdev(l->file)));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&l->ram->flushes));
	KUNIT_EXPECT_EQ(test, 0, blkdev_issue_discard(file_bdev(l->file), 0, 256,
						      GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, memchr_inv(l->ram->data, 0, LOOP_BYTES));
}

static void the_configuration_follows_the_disk(struct kunit *test)
{
	struct loop *l = loop_disk(test, 1);
	unsigned int i;

	set_capacity(l->ram->disk, RAM_SECTORS / 2);
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_blk_update_size(l->dev));
	for (i = 0; i < 2000 && bdev_nr_sectors(file_bdev(l->file)) != RAM_SECTORS / 2;
	     i++)
		usleep_range(1000, 2000);
	KUNIT_EXPECT_EQ(test, RAM_SECTORS / 2, bdev_nr_sectors(file_bdev(l->file)));
	KUNIT_EXPECT_EQ(test, 0, loop_write_read(l, 0, 1));
}

/* The accelerator has more queues; how many there are says who joins it. */
static void a_disk_has_the_queues_that_were_asked_for(struct kunit *test)
{
	struct loop *l = loop_disk(test, 3);
	struct parley_loopback *lb = parley_vhost_loopback_device(l->vl);
	struct virtio_blk_config cfg = {};
	u16 nr = 0;
	int err;

	KUNIT_ASSERT_EQ(test, 0, parley_vhost_config(l->dev, &cfg));
	KUNIT_ASSERT_EQ(test, VHB_QUEUES, le16_to_cpu((__force __le16)cfg.num_queues));
	err = parley_config_get(parley_loopback_device(lb), struct virtio_blk_config,
				num_queues, &nr);
	KUNIT_EXPECT_EQ(test, 0, err);
	KUNIT_EXPECT_EQ(test, 3, nr);
}

/*
 * No disk of a virtual machine can be erased so, and few real ones: the disk in
 * memory leaves other bytes behind than a discard does.
 */
static void a_secure_erase_goes_the_whole_way(struct kunit *test)
{
	struct loop *l = loop_disk(test, 1);
	struct block_device *bdev = file_bdev(l->file);
	atomic_t *erased = ram_count(l->ram, REQ_OP_SECURE_ERASE);

	KUNIT_ASSERT_NE(test, 0, bdev_max_secure_erase_sectors(bdev));
	KUNIT_ASSERT_EQ(test, 0, loop_write_read(l, 0, 1));
	KUNIT_EXPECT_EQ(test, 0, blkdev_issue_secure_erase(bdev, 64, 128, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(erased));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(ram_count(l->ram, REQ_OP_DISCARD)));
	/* That range, and not a byte beside it. */
	KUNIT_EXPECT_TRUE(test, vblk_matches(l->ram->data, 0, SZ_32K, 1));
	KUNIT_EXPECT_NULL(test, memchr_inv(l->ram->data + SZ_32K, 0xee, SZ_64K));
	KUNIT_EXPECT_TRUE(test, vblk_matches(l->ram->data + SZ_32K + SZ_64K,
					     SZ_32K + SZ_64K, SZ_32K, 1));
	/* A medium that fails says so at the other end. */
	l->ram->bad_status = BLK_STS_MEDIUM;
	l->ram->bad_nr = 8;
	KUNIT_EXPECT_EQ(test, -EIO, blkdev_issue_secure_erase(bdev, 0, 8, GFP_KERNEL));
}

/* Nobody serves any more: the front-end is told, and does not wait. */
static void a_device_that_vanishes_with_a_request_in_flight(struct kunit *test)
{
	struct loop *l = loop_disk(test, 1);

	KUNIT_ASSERT_EQ(test, 0, loop_write_read(l, 0, 1));
	loop_end(l, false);
	KUNIT_EXPECT_EQ(test, -EIO, loop_io(l, REQ_OP_READ, 0));
	/* And the vhost device can be joined again. */
	bdev_fput(l->file);
	l->vl = loop_join(l, 0, 1);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, l->vl);
	l->file = loop_file(l);
	KUNIT_ASSERT_FALSE(test, IS_ERR(l->file));
	KUNIT_EXPECT_EQ(test, 0, loop_write_read(l, 0, 2));
}

static void what_cannot_be_joined(struct kunit *test)
{
	struct loop *l = loop_new(test);
	struct parley_vhost_loopback *second;

	/* Queues and features that it does not have. */
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EINVAL), loop_join(l, 0, 0));
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EINVAL),
			    loop_join(l, 0, VHB_QUEUES + 1));
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EOPNOTSUPP),
			    loop_join(l, BIT_ULL(VIRTIO_BLK_F_ZONED), 1));
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EINVAL),
			    loop_join(l, BIT_ULL(VHOST_F_LOG_ALL), 1));
	/* One device is made of it, and not two. */
	l->vl = loop_join(l, 0, 1);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, l->vl);
	second = loop_join(l, 0, 1);
	KUNIT_EXPECT_PTR_EQ(test, ERR_PTR(-EBUSY), second);
	if (!IS_ERR(second))
		parley_vhost_loopback_destroy(second, true);
	l->file = loop_file(l);
	KUNIT_ASSERT_FALSE(test, IS_ERR(l->file));
	KUNIT_EXPECT_EQ(test, 0, loop_write_read(l, 0, 1));
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(the_whole_way, vblk_ring_gen),
	KUNIT_CASE_PARAM(a_secure_erase_goes_the_whole_way, vblk_ring_gen),
	KUNIT_CASE(the_configuration_follows_the_disk),
	KUNIT_CASE(a_disk_has_the_queues_that_were_asked_for),
	KUNIT_CASE(a_device_that_vanishes_with_a_request_in_flight),
	KUNIT_CASE(what_cannot_be_joined),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_vhost_loopback",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_SOFTDEP("pre: parley_blk");
