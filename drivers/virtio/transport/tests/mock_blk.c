// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making a mock disk, and what a test does to it.  Its commands are in
 * mock_blk_serve.c.
 */
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <parley/export.h>
#include "mock_blk.h"
#include "mock_zone.h"

#define v16(x)	((__force __virtio16)cpu_to_le16(x))
#define v32(x)	((__force __virtio32)cpu_to_le32(x))
#define v64(x)	((__force __virtio64)cpu_to_le64(x))

static void blk_config_fill(struct virtio_blk_config *c,
			    const struct parley_mock_blk_config *cfg)
{
	*c = (struct virtio_blk_config) {
		.capacity = v64(cfg->sectors),
		.size_max = v32(SZ_64K),
		.seg_max = v32(BLK_SEG_MAX),
		.blk_size = v32(SECTOR_SIZE),
		.physical_block_exp = 3,
		.min_io_size = v16(8),
		.opt_io_size = v32(64),
		.wce = 1,
		.num_queues = v16(cfg->queues),
		.max_discard_sectors = v32(BLK_RANGE_SECTORS),
		.max_discard_seg = v32(BLK_RANGES_MAX),
		.discard_sector_alignment = v32(1),
		.max_write_zeroes_sectors = v32(BLK_RANGE_SECTORS),
		.max_write_zeroes_seg = v32(BLK_RANGES_MAX),
		.write_zeroes_may_unmap = 1,
		.max_secure_erase_sectors = v32(BLK_RANGE_SECTORS),
		.max_secure_erase_seg = v32(BLK_RANGES_MAX),
		.secure_erase_sector_alignment = v32(1),
	};
}

static void blk_set_wce(struct parley_mock *mock, u8 wce)
{
	struct parley_mock_blk *blk = mock->priv;

	WRITE_ONCE(blk->config.wce, wce);
	parley_loopback_config_update(mock->lb,
				      offsetof(struct virtio_blk_config, wce),
				      &wce, sizeof(wce));
}

/* The driver may write one field, the cache mode (spec 5.2.5). */
static void blk_config_write(struct parley_mock *mock, unsigned int offset,
			     const void *buf, unsigned int len)
{
	struct parley_mock_blk *blk = mock->priv;

	if (offset != offsetof(struct virtio_blk_config, wce) || len != 1 ||
	    READ_ONCE(blk->stubborn))
		return;
	blk_set_wce(mock, *(const u8 *)buf & 1);
}

/* And a reset forgets what it wrote. */
static int blk_reset(struct parley_mock *mock)
{
	struct parley_mock_blk *blk = mock->priv;

	blk_set_wce(mock, READ_ONCE(blk->wce_first));
	return 0;
}

static const struct parley_mock_ops blk_ops = {
	.serve = parley_mock_blk_serve,
	.config_write = blk_config_write,
	.reset = blk_reset,
};

static void blk_free(struct parley_mock_blk *blk)
{
	parley_mock_zones_destroy(blk->zones);
	vfree(blk->data);
	kfree(blk);
}

/* All but the device. */
static int blk_contents(struct parley_mock_blk *blk,
			const struct parley_mock_blk_config *cfg)
{
	spin_lock_init(&blk->lock);
	blk->room = cfg->sectors;
	blk->sectors = cfg->sectors;
	blk->data = vzalloc(cfg->sectors << SECTOR_SHIFT);
	if (!blk->data)
		return -ENOMEM;
	blk_config_fill(&blk->config, cfg);
	if (cfg->zoned) {
		blk->zones = parley_mock_zones_create(cfg->zoned, cfg->sectors);
		if (!blk->zones)
			return -ENOMEM;
		parley_mock_zones_describe(blk->zones, &blk->config);
	}
	if (cfg->tweak)
		cfg->tweak(&blk->config);
	blk->wce_first = blk->config.wce;
	return 0;
}

/**
 * parley_mock_blk_create() - make a mock disk
 * @cfg: what it is
 *
 * The disk's memory is there for the capacity of @cfg; it can shrink and grow
 * again up to that.
 *
 * Return: the disk or an error pointer.
 */
struct parley_mock_blk *
parley_mock_blk_create(const struct parley_mock_blk_config *cfg)
{
	struct parley_mock_blk *blk = kzalloc(sizeof(*blk), GFP_KERNEL);
	struct parley_mock_config mcfg = {
		.type = VIRTIO_ID_BLOCK,
		.features = cfg->features,
		.config_len = sizeof(blk->config),
		.nr_queues = cfg->queues,
		.queue_size = cfg->queue_size,
		.segs_max = BLK_SEG_MAX + 2,
		.ops = &blk_ops,
		.priv = blk,
	};

	if (!blk)
		return ERR_PTR(-ENOMEM);
	if (blk_contents(blk, cfg)) {
		blk_free(blk);
		return ERR_PTR(-ENOMEM);
	}
	mcfg.config = &blk->config;
	blk->mock = parley_mock_create(&mcfg);
	if (IS_ERR(blk->mock)) {
		struct parley_mock *err = blk->mock;

		blk_free(blk);
		return ERR_CAST(err);
	}
	return blk;
}
PARLEY_EXPORT(parley_mock_blk_create);

void parley_mock_blk_destroy(struct parley_mock_blk *blk)
{
	parley_mock_destroy(blk->mock);
	blk_free(blk);
}
PARLEY_EXPORT(parley_mock_blk_destroy);

struct parley_mock *parley_mock_blk_mock(struct parley_mock_blk *blk)
{
	return blk->mock;
}
PARLEY_EXPORT(parley_mock_blk_mock);

/* The contents of the disk, for a test to compare with. */
void *parley_mock_blk_data(struct parley_mock_blk *blk)
{
	return blk->data;
}
PARLEY_EXPORT(parley_mock_blk_data);

/* How many commands of a type were served. */
unsigned int parley_mock_blk_count(struct parley_mock_blk *blk, u32 type)
{
	return type < BLK_TYPES ? atomic_read(&blk->count[type]) : 0;
}
PARLEY_EXPORT(parley_mock_blk_count);

/**
 * parley_mock_blk_fail() - let some sectors fail
 * @blk: disk
 * @sector: first of them
 * @sectors: how many; 0 heals the disk
 * @status: what a command that touches one of them returns
 */
void parley_mock_blk_fail(struct parley_mock_blk *blk, u64 sector, u64 sectors,
			  u8 status)
{
	spin_lock(&blk->lock);
	blk->bad_start = sector;
	blk->bad_sectors = sectors;
	blk->bad_status = status;
	spin_unlock(&blk->lock);
}
PARLEY_EXPORT(parley_mock_blk_fail);

/**
 * parley_mock_blk_resize() - change the capacity and say so
 * @blk: disk
 * @sectors: new capacity; the disk itself does not grow beyond what it was
 *	made with, but may claim to
 */
void parley_mock_blk_resize(struct parley_mock_blk *blk, u64 sectors)
{
	__virtio64 capacity = v64(sectors);

	spin_lock(&blk->lock);
	blk->sectors = min(sectors, blk->room);
	spin_unlock(&blk->lock);
	parley_loopback_config_update(blk->mock->lb,
				      offsetof(struct virtio_blk_config,
					       capacity),
				      &capacity, sizeof(capacity));
	parley_loopback_config_changed(blk->mock->lb);
}
PARLEY_EXPORT(parley_mock_blk_resize);
