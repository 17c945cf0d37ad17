// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost blk: configuration space and features.  What the back end cannot do is
 * not offered, and its numbers are the back end's.
 */
#include <linux/log2.h>
#include "blk.h"

#define ALWAYS	(BIT_ULL(VIRTIO_BLK_F_SEG_MAX) | \
		 BIT_ULL(VIRTIO_BLK_F_BLK_SIZE) | \
		 BIT_ULL(VIRTIO_BLK_F_FLUSH) | \
		 BIT_ULL(VIRTIO_BLK_F_TOPOLOGY) | \
		 BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE) | \
		 BIT_ULL(VIRTIO_BLK_F_MQ))

const u64 vhb_features = ALWAYS |
			 BIT_ULL(VIRTIO_BLK_F_RO) |
			 BIT_ULL(VIRTIO_BLK_F_DISCARD) |
			 BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES) |
			 BIT_ULL(VIRTIO_BLK_F_SECURE_ERASE);

void vhb_device_features(struct parley_vhost *dev, struct parley_features *offered)
{
	struct vhb *blk = parley_vhost_priv(dev);
	bool writes = blk->be && !blk->be->read_only;

	if (!blk->be || writes)
		parley_features_drop(offered, VIRTIO_BLK_F_RO);
	if (!writes || !blk->be->limits.discard)
		parley_features_drop(offered, VIRTIO_BLK_F_DISCARD);
	if (!writes || !blk->be->limits.zeroes)
		parley_features_drop(offered, VIRTIO_BLK_F_WRITE_ZEROES);
	if (!writes || !blk->be->limits.erase)
		parley_features_drop(offered, VIRTIO_BLK_F_SECURE_ERASE);
}

/* A hint in blocks; 0, which is none, if it is no number of them or does not fit. */
static u32 vhb_config_hint(const struct vhb_limits *lim, u32 bytes, u32 max)
{
	u32 blocks = bytes / lim->block;

	return bytes % lim->block || blocks > max ? 0 : blocks;
}

static void vhb_config_topology(struct virtio_blk_config *cfg,
				const struct vhb_limits *lim)
{
	cfg->blk_size = cpu_to_vr32(lim->block);
	if (lim->physical > lim->block)
		cfg->physical_block_exp = ilog2(lim->physical / lim->block);
	cfg->alignment_offset = vhb_config_hint(lim, lim->align, U8_MAX);
	cfg->min_io_size = cpu_to_vr16(vhb_config_hint(lim, lim->io_min, U16_MAX));
	cfg->opt_io_size = cpu_to_vr32(vhb_config_hint(lim, lim->io_opt, U32_MAX));
}

static void vhb_config_clearing(struct virtio_blk_config *cfg,
				const struct vhb_limits *lim)
{
	if (lim->discard) {
		cfg->max_discard_sectors = cpu_to_vr32(lim->discard);
		cfg->max_discard_seg = cpu_to_vr32(VHB_RANGES);
		cfg->discard_sector_alignment = cpu_to_vr32(lim->discard_align);
	}
	if (lim->zeroes) {
		cfg->max_write_zeroes_sectors = cpu_to_vr32(lim->zeroes);
		cfg->max_write_zeroes_seg = cpu_to_vr32(VHB_RANGES);
		cfg->write_zeroes_may_unmap = lim->may_unmap;
	}
	if (lim->erase) {
		cfg->max_secure_erase_sectors = cpu_to_vr32(lim->erase);
		cfg->max_secure_erase_seg = cpu_to_vr32(VHB_RANGES);
		cfg->secure_erase_sector_alignment = cpu_to_vr32(lim->erase_align);
	}
}

void vhb_config_read(struct parley_vhost *dev, void *config)
{
	struct vhb *blk = parley_vhost_priv(dev);
	/* Whole, so that no byte of it is left as it was. */
	struct virtio_blk_config cfg = {
		.capacity = cpu_to_vr64(blk->capacity),
		.seg_max = cpu_to_vr32(VHB_SEGS),
		.wce = vhb_cache_read(blk),
		.num_queues = cpu_to_vr16(parley_vhost_nr_queues(dev)),
	};

	if (blk->be) {
		vhb_config_topology(&cfg, &blk->be->limits);
		vhb_config_clearing(&cfg, &blk->be->limits);
	}
	memcpy(config, &cfg, offsetof(struct virtio_blk_config, zoned));
}

void vhb_config_queues(void *config, unsigned int nr)
{
	struct virtio_blk_config *cfg = config;

	cfg->num_queues = cpu_to_vr16(nr);
}

/* One field can be written: wce. */
int vhb_config_write(struct parley_vhost *dev, unsigned int off, const void *buf,
		     unsigned int len)
{
	struct vhb *blk = parley_vhost_priv(dev);
	u8 wce;

	if (off != offsetof(struct virtio_blk_config, wce) || len != 1)
		return -EINVAL;
	memcpy(&wce, buf, 1);
	return wce > 1 ? -EINVAL : vhb_cache_write(blk, wce);
}
