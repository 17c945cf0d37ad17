// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the device's configuration allows.
 *
 * Every number here comes from the device and is believed only as far as it
 * makes sense.  Where a wrong value only costs speed, a safe one is taken and
 * a warning says so; where it leaves no safe meaning, probe fails.
 */
#include <linux/overflow.h>
#include "blk.h"

#define ALWAYS	0xff

/* Every field is read for itself, at its natural width (spec 4.1.3.1). */
#define FIELD(bit, name) { bit, FIELD_PLACE(name), FIELD_WIDTH(name) }
#define FIELD_PLACE(name)	offsetof(struct virtio_blk_config, name)
#define FIELD_WIDTH(name)	sizeof_field(struct virtio_blk_config, name)

static const struct {
	u8 bit;
	u8 offset;
	u8 len;
} parley_blk_fields[] = {
	FIELD(ALWAYS, capacity),
	FIELD(VIRTIO_BLK_F_SIZE_MAX, size_max),
	FIELD(VIRTIO_BLK_F_SEG_MAX, seg_max),
	FIELD(VIRTIO_BLK_F_GEOMETRY, geometry.cylinders),
	FIELD(VIRTIO_BLK_F_GEOMETRY, geometry.heads),
	FIELD(VIRTIO_BLK_F_GEOMETRY, geometry.sectors),
	FIELD(VIRTIO_BLK_F_BLK_SIZE, blk_size),
	FIELD(VIRTIO_BLK_F_TOPOLOGY, physical_block_exp),
	FIELD(VIRTIO_BLK_F_TOPOLOGY, alignment_offset),
	FIELD(VIRTIO_BLK_F_TOPOLOGY, min_io_size),
	FIELD(VIRTIO_BLK_F_TOPOLOGY, opt_io_size),
	FIELD(VIRTIO_BLK_F_MQ, num_queues),
	FIELD(VIRTIO_BLK_F_DISCARD, max_discard_sectors),
	FIELD(VIRTIO_BLK_F_DISCARD, max_discard_seg),
	FIELD(VIRTIO_BLK_F_DISCARD, discard_sector_alignment),
	FIELD(VIRTIO_BLK_F_WRITE_ZEROES, max_write_zeroes_sectors),
	FIELD(VIRTIO_BLK_F_WRITE_ZEROES, max_write_zeroes_seg),
	FIELD(VIRTIO_BLK_F_WRITE_ZEROES, write_zeroes_may_unmap),
	FIELD(VIRTIO_BLK_F_SECURE_ERASE, max_secure_erase_sectors),
	FIELD(VIRTIO_BLK_F_SECURE_ERASE, max_secure_erase_seg),
	FIELD(VIRTIO_BLK_F_SECURE_ERASE, secure_erase_sector_alignment),
	FIELD(VIRTIO_BLK_F_ZONED, zoned.zone_sectors),
	FIELD(VIRTIO_BLK_F_ZONED, zoned.max_open_zones),
	FIELD(VIRTIO_BLK_F_ZONED, zoned.max_active_zones),
	FIELD(VIRTIO_BLK_F_ZONED, zoned.max_append_sectors),
	FIELD(VIRTIO_BLK_F_ZONED, zoned.write_granularity),
	FIELD(VIRTIO_BLK_F_ZONED, zoned.model),
};

/**
 * parley_blk_check() - drop features that the configuration contradicts
 * @pd: device
 * @features: what the device and this driver have in common
 */
void parley_blk_check(struct parley_device *pd,
		      struct parley_features *features)
{
	u8 model;

	/* Spec 5.2.5.2: cache control without flush is the device's mistake. */
	if (!parley_features_has(features, VIRTIO_BLK_F_FLUSH))
		parley_features_drop(features, VIRTIO_BLK_F_CONFIG_WCE);

	/* Spec 5.2.5.1: no discard on a host-managed zoned device. */
	if (parley_features_has(features, VIRTIO_BLK_F_ZONED) &&
	    !parley_config_read(pd, offsetof(struct virtio_blk_config,
					     zoned.model), &model, 1) &&
	    model == VIRTIO_BLK_Z_HM)
		parley_features_drop(features, VIRTIO_BLK_F_DISCARD);
}

/**
 * parley_blk_read_config() - take a copy of the configuration
 * @pd: device
 * @cfg: filled; fields whose feature was not negotiated are zero
 *
 * Return: 0 or an error, if the device's configuration is too short.
 */
int parley_blk_read_config(struct parley_device *pd,
			   struct virtio_blk_config *cfg)
{
	unsigned int i;
	int err;

	memset(cfg, 0, sizeof(*cfg));
	for (i = 0; i < ARRAY_SIZE(parley_blk_fields); i++) {
		u8 bit = parley_blk_fields[i].bit;
		u8 offset = parley_blk_fields[i].offset;

		if (bit != ALWAYS && !parley_has_feature(pd, bit))
			continue;
		err = parley_config_read(pd, offset, (u8 *)cfg + offset,
					 parley_blk_fields[i].len);
		if (err) {
			dev_err(&pd->dev,
				"configuration has no field at %u although feature %u says so (%d)\n",
				offset, bit, err);
			return err;
		}
	}
	return 0;
}

static int parley_blk_limits_block_size(struct device *dev,
					const struct virtio_blk_config *cfg, u64 features,
					struct queue_limits *lim)
{
	u32 size = SECTOR_SIZE;

	if (features & BIT_ULL(VIRTIO_BLK_F_BLK_SIZE))
		size = vr32_to_cpu(cfg->blk_size);
	if (size < SECTOR_SIZE || size > PAGE_SIZE || !is_power_of_2(size)) {
		dev_err(dev,
			"block size %u is no power of two from %u to %lu: fix the device's blk_size\n",
			size, SECTOR_SIZE, PAGE_SIZE);
		return -EINVAL;
	}
	lim->logical_block_size = size;
	return 0;
}

static int parley_blk_limits_segments(struct device *dev,
				      const struct virtio_blk_config *cfg, u64 features,
				      struct queue_limits *lim)
{
	u32 segs = 1, size = U32_MAX;

	if (features & BIT_ULL(VIRTIO_BLK_F_SEG_MAX)) {
		segs = vr32_to_cpu(cfg->seg_max);
		if (!segs)
			dev_warn(dev, "seg_max is 0, using 1\n");
	}
	lim->max_segments = clamp(segs, 1, PARLEY_VQ_SIZE_MAX -
				  PARLEY_BLK_EXTRA_SEGS);

	if (features & BIT_ULL(VIRTIO_BLK_F_SIZE_MAX))
		size = vr32_to_cpu(cfg->size_max);
	/* Some devices offer the field and never fill it: no limit is meant. */
	if (!size)
		size = U32_MAX;
	if (size < PAGE_SIZE) {
		dev_err(dev, "size_max %u is less than a page (%lu)\n",
			size, PAGE_SIZE);
		return -EINVAL;
	}
	lim->max_segment_size = size;
	/* Lengths and the status must fit into the 32 bits of a used length. */
	lim->max_hw_sectors = round_down(U32_MAX, PAGE_SIZE) >> SECTOR_SHIFT;
	return 0;
}

static void parley_blk_limits_topology(struct device *dev,
				       const struct virtio_blk_config *cfg,
				       struct queue_limits *lim)
{
	u32 block = lim->logical_block_size;
	u8 exp = cfg->physical_block_exp;
	u32 bytes;

	/* 1 MiB is more than any medium has; beyond it lies a mistake. */
	if (exp && exp + ilog2(block) <= 20)
		lim->physical_block_size = block << exp;
	else if (exp)
		dev_warn(dev, "physical_block_exp %u ignored\n", exp);

	bytes = block * cfg->alignment_offset;
	if (bytes && bytes < lim->physical_block_size)
		lim->alignment_offset = bytes;
	else if (bytes)
		dev_warn(dev, "alignment_offset %u ignored\n",
			 cfg->alignment_offset);

	lim->io_min = block * vr16_to_cpu(cfg->min_io_size);

	if (check_mul_overflow(block, vr32_to_cpu(cfg->opt_io_size), &bytes))
		dev_warn(dev, "opt_io_size %u ignored\n",
			 vr32_to_cpu(cfg->opt_io_size));
	else
		lim->io_opt = bytes;
}

/* Bytes of @sectors, if that is a usable granularity; else one block. */
static u32 parley_blk_granularity(u32 sectors, const struct queue_limits *lim)
{
	if (sectors > U32_MAX >> SECTOR_SHIFT)
		return lim->logical_block_size;
	return max(sectors << SECTOR_SHIFT, lim->logical_block_size);
}

/* Largest multiple of a block in a range of @sectors, in sectors. */
static u32 parley_blk_whole_blocks(u32 sectors, const struct queue_limits *lim)
{
	return round_down(sectors, lim->logical_block_size >> SECTOR_SHIFT);
}

static void parley_blk_limits_discard(struct device *dev,
				      const struct virtio_blk_config *cfg,
				      struct queue_limits *lim)
{
	u32 segs = vr32_to_cpu(cfg->max_discard_seg);
	u32 sectors = parley_blk_whole_blocks(vr32_to_cpu(cfg->max_discard_sectors), lim);

	if (!sectors) {
		dev_warn(dev, "discard is off: max_discard_sectors is %u\n",
			 vr32_to_cpu(cfg->max_discard_sectors));
		return;
	}
	lim->max_hw_discard_sectors = sectors;
	lim->max_discard_segments = clamp(segs, 1, PARLEY_BLK_RANGES_MAX);
	lim->discard_granularity =
		parley_blk_granularity(vr32_to_cpu(cfg->discard_sector_alignment), lim);
}

static void parley_blk_limits_secure_erase(struct device *dev,
					   const struct virtio_blk_config *cfg,
					   struct queue_limits *lim)
{
	u32 align = parley_blk_granularity(vr32_to_cpu(cfg->secure_erase_sector_alignment),
					   lim);
	u32 sectors = parley_blk_whole_blocks(vr32_to_cpu(cfg->max_secure_erase_sectors), lim);

	if (!sectors || !cfg->secure_erase_sector_alignment ||
	    !cfg->max_secure_erase_seg) {
		dev_warn(dev,
			 "secure erase is off: a limit of it is zero in the configuration\n");
		return;
	}
	lim->max_secure_erase_sectors = sectors;
	/* The block layer has one granularity for both; the coarser serves. */
	lim->discard_granularity = max(lim->discard_granularity, align);
}

static void parley_blk_limits_write_zeroes(struct device *dev,
					   const struct virtio_blk_config *cfg,
					   struct queue_limits *lim)
{
	u32 sectors = parley_blk_whole_blocks(vr32_to_cpu(cfg->max_write_zeroes_sectors), lim);

	if (!sectors || !cfg->max_write_zeroes_seg)
		dev_warn(dev,
			 "write zeroes is off: a limit of it is zero in the configuration\n");
	else
		lim->max_write_zeroes_sectors = sectors;
}

static int parley_blk_limits_zoned(struct device *dev, const struct virtio_blk_config *cfg,
				   struct queue_limits *lim)
{
	switch (cfg->zoned.model) {
	case VIRTIO_BLK_Z_NONE:
	case VIRTIO_BLK_Z_HA:
		/* Host-aware zones take random writes: a plain disk will do. */
		return 0;
	case VIRTIO_BLK_Z_HM:
		return parley_blk_zone_limits(dev, cfg, lim);
	default:
		dev_err(dev, "unknown zone model %u\n", cfg->zoned.model);
		return -EINVAL;
	}
}

/**
 * parley_blk_limits() - turn the configuration into the block layer's limits
 * @dev: named in messages
 * @cfg: configuration as the device gave it
 * @features: negotiated feature bits
 * @lim: filled
 *
 * Return: 0, or -EINVAL if the device cannot be driven safely (-EOPNOTSUPP: a
 * zoned one on a kernel without zones).
 */
int parley_blk_limits(struct device *dev, const struct virtio_blk_config *cfg,
		      u64 features, struct queue_limits *lim)
{
	int err;

	err = parley_blk_limits_block_size(dev, cfg, features, lim);
	if (err)
		return err;
	err = parley_blk_limits_segments(dev, cfg, features, lim);
	if (err)
		return err;
	if (features & BIT_ULL(VIRTIO_BLK_F_TOPOLOGY))
		parley_blk_limits_topology(dev, cfg, lim);
	if (features & BIT_ULL(VIRTIO_BLK_F_DISCARD))
		parley_blk_limits_discard(dev, cfg, lim);
	if (features & BIT_ULL(VIRTIO_BLK_F_SECURE_ERASE))
		parley_blk_limits_secure_erase(dev, cfg, lim);
	if (features & BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES))
		parley_blk_limits_write_zeroes(dev, cfg, lim);
	if (features & BIT_ULL(VIRTIO_BLK_F_ZONED))
		return parley_blk_limits_zoned(dev, cfg, lim);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_blk_limits);

/**
 * parley_blk_capacity() - check a capacity
 * @dev: named in messages
 * @capacity: in sectors of 512 bytes, from the device
 * @block_size: of the disk, in bytes
 * @sectors: what can be used of it
 *
 * Return: 0, or -EFBIG if it cannot be expressed in bytes.
 */
int parley_blk_capacity(struct device *dev, u64 capacity,
			unsigned int block_size, sector_t *sectors)
{
	u64 whole = round_down(capacity, block_size >> SECTOR_SHIFT);

	if (capacity > LLONG_MAX >> SECTOR_SHIFT) {
		dev_err(dev, "capacity of %llu sectors cannot be addressed\n",
			capacity);
		return -EFBIG;
	}
	if (whole != capacity)
		dev_warn(dev, "last %llu sectors are no whole block, ignored\n",
			 capacity - whole);
	*sectors = whole;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_blk_capacity);

/**
 * parley_blk_pick_queues() - how many queues to use
 * @dev: named in messages
 * @cfg: configuration
 * @features: negotiated feature bits
 * @limit: at most so many; 0 for no limit
 * @want_poll: how many of them should be polled
 * @nr_poll: how many of them are
 *
 * More queues than processors would lie idle.  At least one queue has an
 * interrupt.
 *
 * Return: the number of queues, at least 1.
 */
unsigned int parley_blk_pick_queues(struct device *dev,
				    const struct virtio_blk_config *cfg,
				    u64 features, unsigned int limit,
				    unsigned int want_poll,
				    unsigned int *nr_poll)
{
	unsigned int offered = 1, nr;

	if (features & BIT_ULL(VIRTIO_BLK_F_MQ)) {
		offered = vr16_to_cpu(cfg->num_queues);
		if (!offered) {
			dev_warn(dev, "num_queues is 0, using 1\n");
			offered = 1;
		}
	}
	want_poll = min(want_poll, offered);
	nr = min_not_zero(limit, nr_cpu_ids + want_poll);
	nr = min3(nr, offered, nr_cpu_ids + want_poll);
	*nr_poll = min(want_poll, nr - 1);
	return nr;
}
EXPORT_SYMBOL_IF_KUNIT(parley_blk_pick_queues);

/**
 * parley_blk_depth() - requests in flight and pieces of data for a ring
 * @dev: named in messages
 * @ring: descriptors of the smallest queue
 * @features: negotiated feature bits
 * @want: the user's wish; 0 for none
 * @depth: requests in flight
 * @segs_max: in: what the device allows; out: what the ring does too
 *
 * Spec 2.7.5.3.1 forbids a chain, even an indirect one, longer than the ring.
 *
 * Return: 0, or -EINVAL for a ring that is too small.
 */
int parley_blk_depth(struct device *dev, unsigned int ring, u64 features,
		     unsigned int want, unsigned int *depth,
		     unsigned int *segs_max)
{
	unsigned int most = ring;

	if (ring <= PARLEY_BLK_EXTRA_SEGS) {
		dev_err(dev, "a ring of %u descriptors holds no request\n",
			ring);
		return -EINVAL;
	}
	*segs_max = min(*segs_max, ring - PARLEY_BLK_EXTRA_SEGS);
	/* Without indirect tables even the smallest request takes three. */
	if (!(features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)))
		most = ring / (PARLEY_BLK_EXTRA_SEGS + 1);
	*depth = min_not_zero(want, most);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_blk_depth);

/**
 * parley_blk_writeback() - does the device have a volatile cache now?
 * @pd: device
 *
 * Return: true if writes need a flush to be durable (spec 5.2.5.1).
 */
bool parley_blk_writeback(struct parley_device *pd)
{
	u8 wce;

	if (parley_has_feature(pd, VIRTIO_BLK_F_CONFIG_WCE) &&
	    !parley_config_get(pd, struct virtio_blk_config, wce, &wce))
		return wce;
	return parley_has_feature(pd, VIRTIO_BLK_F_FLUSH);
}
