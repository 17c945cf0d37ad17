// SPDX-License-Identifier: GPL-2.0-only
/* vhost blk: blocks of another size than the back end's, and numbers that are odd. */
#include <linux/shmem_fs.h>
#include <parley/export.h>
#include "vblk.h"

#define OK	VIRTIO_BLK_S_OK
#define IOERR	VIRTIO_BLK_S_IOERR
#define UNSUPP	VIRTIO_BLK_S_UNSUPP
#define RW	(BLK_OPEN_READ | BLK_OPEN_WRITE)

static struct virtio_blk_config config_of(struct vblk *v)
{
	struct virtio_blk_config cfg;

	memset(&cfg, 0xaa, sizeof(cfg));
	KUNIT_ASSERT_EQ(v->test, 0, parley_vhost_config(v->dev, &cfg));
	return cfg;
}

static struct vblk *open_ram(struct kunit *test, unsigned int block, u32 flags)
{
	const struct vblk_ring *ring = test->param_value;
	struct ram *ram = ram_create(block, RW);

	KUNIT_ASSERT_NOT_NULL(test, ram);
	return vblk_open(test, ring ? ring->features : 0, ram, NULL, flags);
}

/* Is the disk as vblk_write() with this seed left it? */
static bool on_disk(struct vblk *v, u64 sector, size_t len, u32 seed)
{
	u64 pos = sector << SECTOR_SHIFT;

	return vblk_matches(v->ram->data + pos, pos, len, seed);
}

/*
 * An image that was made for blocks of 512 on a disk of larger ones.  What is written
 * in part leaves its neighbours alone, and is on the medium when it completes.
 */
static void small_blocks_on_large_ones(struct kunit *test)
{
	struct vblk *v = open_ram(test, 4096, PARLEY_BLK_512);
	struct virtio_blk_config cfg = config_of(v);
	unsigned int shape;
	u64 sector;

	KUNIT_EXPECT_EQ(test, 512, __virtio32_to_cpu(true, cfg.blk_size));
	KUNIT_EXPECT_EQ(test, 3, cfg.physical_block_exp);
	KUNIT_EXPECT_EQ(test, RAM_SECTORS, __virtio64_to_cpu(true, cfg.capacity));
	KUNIT_EXPECT_EQ(test, 0, cfg.wce);
	KUNIT_ASSERT_EQ(test, OK, vblk_write(v, VBLK_PARTS, 0, SZ_64K, 7));
	for (shape = 0; shape < VBLK_SHAPES; shape++) {
		sector = 16 * shape + 3;
		KUNIT_ASSERT_EQ(test, OK, vblk_write(v, shape, sector, 512, shape));
		KUNIT_EXPECT_TRUE(test, on_disk(v, sector, 512, shape));
		KUNIT_EXPECT_TRUE(test, on_disk(v, 16 * shape, 3 * 512, 7));
		KUNIT_EXPECT_TRUE(test, on_disk(v, sector + 1, 12 * 512, 7));
		KUNIT_ASSERT_EQ(test, OK, vblk_read(v, shape, sector, 512));
		KUNIT_EXPECT_TRUE(test, vblk_matches(vblk_in(v), sector << SECTOR_SHIFT, 512,
						     shape));
	}
	/* Over the border of two blocks, and whole ones. */
	KUNIT_ASSERT_EQ(test, OK, vblk_write(v, VBLK_ODD, 70, 5120, 9));
	KUNIT_EXPECT_TRUE(test, on_disk(v, 70, 5120, 9));
	KUNIT_ASSERT_EQ(test, OK, vblk_write(v, VBLK_PARTS, 80, 200704, 10));
	KUNIT_EXPECT_TRUE(test, on_disk(v, 80, 200704, 10));
	KUNIT_EXPECT_EQ(test, OK, vblk_simple(v, VIRTIO_BLK_T_FLUSH));
	KUNIT_EXPECT_EQ(test, UNSUPP, vblk_clear(v, VIRTIO_BLK_T_DISCARD, 0, 8, 0));
	KUNIT_EXPECT_EQ(test, OK, vblk_write(v, VBLK_PARTS, RAM_SECTORS - 1, 512, 1));
	KUNIT_EXPECT_EQ(test, IOERR, vblk_write(v, VBLK_PARTS, RAM_SECTORS, 512, 1));
}

/* What the host read meanwhile is not what a ring that starts finds. */
static void a_start_forgets_what_was_read(struct kunit *test)
{
	struct vblk *v = open_ram(test, 4096, PARLEY_BLK_512);

	KUNIT_ASSERT_EQ(test, OK, vblk_write(v, VBLK_PARTS, 1, 512, 1));
	vblk_stop(v);
	/* Another host. */
	vblk_pattern(v->ram->data + 512, 512, 512, 2);
	KUNIT_ASSERT_EQ(test, 0, vblk_run(v, 0));
	KUNIT_ASSERT_EQ(test, OK, vblk_read(v, VBLK_PARTS, 1, 512));
	KUNIT_EXPECT_TRUE(test, vblk_matches(vblk_in(v), 512, 512, 2));
}

/* Where the blocks are small already, nothing changes: no page cache. */
static void small_blocks_on_small_ones(struct kunit *test)
{
	struct vblk *v = open_ram(test, SECTOR_SIZE, PARLEY_BLK_512);
	struct vhb *blk = parley_vhost_priv(v->dev);

	KUNIT_EXPECT_NULL(test, blk->be->coarse);
	KUNIT_EXPECT_EQ(test, 512, __virtio32_to_cpu(true, config_of(v).blk_size));
	KUNIT_EXPECT_EQ(test, 1, config_of(v).wce);
}

/* Larger ones than the disk's: whole ones only, in capacity and requests. */
static void large_blocks(struct kunit *test, struct vblk *v)
{
	struct virtio_blk_config cfg = config_of(v);
	u32 align = __virtio32_to_cpu(true, cfg.discard_sector_alignment);

	KUNIT_EXPECT_EQ(test, 4096, __virtio32_to_cpu(true, cfg.blk_size));
	KUNIT_EXPECT_EQ(test, 0, align % 8);
	KUNIT_EXPECT_EQ(test, 0, __virtio32_to_cpu(true, cfg.max_discard_sectors) % align);
	KUNIT_EXPECT_EQ(test, 0, __virtio32_to_cpu(true, cfg.max_write_zeroes_sectors) % 8);
	KUNIT_EXPECT_EQ(test, 0, __virtio64_to_cpu(true, cfg.capacity) % 8);
	KUNIT_EXPECT_EQ(test, OK, vblk_write(v, VBLK_PARTS, 8, 4096, 1));
	KUNIT_EXPECT_EQ(test, IOERR, vblk_write(v, VBLK_PARTS, 9, 4096, 1));
	KUNIT_EXPECT_EQ(test, IOERR, vblk_write(v, VBLK_PARTS, 8, 512, 1));
}

static void large_blocks_on_small_ones(struct kunit *test)
{
	struct vblk *v = open_ram(test, SECTOR_SIZE, PARLEY_BLK_4096);

	set_capacity(v->ram->disk, RAM_SECTORS - 1);
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_blk_update_size(v->dev));
	KUNIT_EXPECT_EQ(test, RAM_SECTORS - 8,
			__virtio64_to_cpu(true, config_of(v).capacity));
	large_blocks(test, v);
}

static void file_put(void *file)
{
	fput(file);
}

static void large_blocks_of_a_file(struct kunit *test)
{
	struct file *file = shmem_file_setup("parley-test", RAM_BYTES - 512,
					     EMPTY_VMA_FLAGS);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, file_put, file));
	large_blocks(test, vblk_open(test, 0, NULL, file, PARLEY_BLK_4096));
}

/* ---------------------------------------------------------------- odd numbers */

/* The configuration of a back end with these limits. */
static struct virtio_blk_config config_with(struct vblk *v, struct vhb_limits lim)
{
	struct vhb *blk = parley_vhost_priv(v->dev);
	struct vhb_limits was = blk->be->limits;
	struct virtio_blk_config cfg;

	blk->be->limits = lim;
	cfg = config_of(v);
	blk->be->limits = was;
	return cfg;
}

/* A number that its field cannot hold is no hint, and no other number. */
static void a_hint_that_does_not_fit_is_none(struct kunit *test)
{
	struct vblk *v = open_ram(test, SECTOR_SIZE, 0);
	struct vhb_limits lim = {
		.block = 512, .physical = 4096, .align = 3584,
		.io_min = 65535 * 512, .io_opt = 65536 * 512,
	};
	struct virtio_blk_config cfg = config_with(v, lim);

	KUNIT_EXPECT_EQ(test, 7, cfg.alignment_offset);
	KUNIT_EXPECT_EQ(test, 65535, __virtio16_to_cpu(true, cfg.min_io_size));
	KUNIT_EXPECT_EQ(test, 65536, __virtio32_to_cpu(true, cfg.opt_io_size));
	lim.align = 256 * 512;
	lim.io_min = 65536 * 512;
	cfg = config_with(v, lim);
	KUNIT_EXPECT_EQ(test, 0, cfg.alignment_offset);
	KUNIT_EXPECT_EQ(test, 0, __virtio16_to_cpu(true, cfg.min_io_size));
	lim = (struct vhb_limits) {
		.block = 4096, .physical = 4096, .align = 3584, .io_min = 4096 + 512,
		.io_opt = 2048,
	};
	cfg = config_with(v, lim);
	KUNIT_EXPECT_EQ(test, 0, cfg.alignment_offset);
	KUNIT_EXPECT_EQ(test, 0, __virtio16_to_cpu(true, cfg.min_io_size));
	KUNIT_EXPECT_EQ(test, 0, __virtio32_to_cpu(true, cfg.opt_io_size));
}

/* A disk smaller than a block has none, and every request says so. */
static void a_disk_smaller_than_a_block(struct kunit *test)
{
	struct vblk *v = open_ram(test, SECTOR_SIZE, PARLEY_BLK_4096);

	set_capacity(v->ram->disk, 7);
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_blk_update_size(v->dev));
	KUNIT_EXPECT_EQ(test, 0, __virtio64_to_cpu(true, config_of(v).capacity));
	KUNIT_EXPECT_EQ(test, IOERR, vblk_read(v, VBLK_PARTS, 0, 4096));
	KUNIT_EXPECT_EQ(test, OK, vblk_simple(v, VIRTIO_BLK_T_FLUSH));
}

static struct kunit_case blk_block_cases[] = {
	KUNIT_CASE_PARAM(small_blocks_on_large_ones, vblk_ring_gen),
	KUNIT_CASE(a_start_forgets_what_was_read),
	KUNIT_CASE(small_blocks_on_small_ones),
	KUNIT_CASE(large_blocks_on_small_ones),
	KUNIT_CASE(large_blocks_of_a_file),
	KUNIT_CASE(a_hint_that_does_not_fit_is_none),
	KUNIT_CASE(a_disk_smaller_than_a_block),
	{}
};

static struct kunit_suite blk_block_suite = {
	.name = "parley_vhost_blk_block",
	.test_cases = blk_block_cases,
};

kunit_test_suite(blk_block_suite);
