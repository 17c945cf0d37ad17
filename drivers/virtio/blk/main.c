// SPDX-License-Identifier: GPL-2.0-only
/*
 * Block front-end: the driver table, probe and its mirror.
 */
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/string_helpers.h>
#include <parley/export.h>
#include <parley/version.h>
#include <uapi/linux/virtio_ids.h>
#include "blk.h"

static unsigned int num_request_queues;
module_param(num_request_queues, uint, 0644);
MODULE_PARM_DESC(num_request_queues,
		 "Most request queues to use for a disk; 0 (default): one for each processor");

static unsigned int poll_queues;
module_param(poll_queues, uint, 0644);
MODULE_PARM_DESC(poll_queues,
		 "How many of a disk's queues are polled, without interrupt; default 0");

static unsigned int queue_depth;
module_param(queue_depth, uint, 0644);
MODULE_PARM_DESC(queue_depth,
		 "Most requests in flight in a queue; 0 (default): as many as the ring holds");

static DEFINE_IDA(parley_blk_ida);

static void parley_blk_free(struct parley_blk *blk)
{
	ida_free(&parley_blk_ida, blk->index);
	kfree(blk);
}

/* The last user of the disk is gone, perhaps long after the device. */
static void parley_blk_free_disk(struct gendisk *disk)
{
	parley_blk_free(disk->private_data);
}

#ifdef PARLEY_COMPAT_GETGEO
static int parley_blk_getgeo_of_bdev(struct block_device *bdev, struct hd_geometry *geo)
{
	return parley_blk_getgeo(bdev->bd_disk, geo);
}

#define parley_blk_getgeo	parley_blk_getgeo_of_bdev
#endif

#ifdef PARLEY_COMPAT_REPORT_ZONES
static int parley_blk_report_zones_to(struct gendisk *disk, sector_t sector,
				      unsigned int nr_zones, report_zones_cb cb, void *data)
{
	struct blk_report_zones_args args = { .cb = cb, .data = data };

	return parley_blk_report_zones(disk, sector, nr_zones, &args);
}

#define parley_blk_report_zones	parley_blk_report_zones_to
#endif

static const struct block_device_operations parley_blk_fops = {
	.owner		= THIS_MODULE,
	.getgeo		= parley_blk_getgeo,
	.report_zones	= parley_blk_report_zones,
	.free_disk	= parley_blk_free_disk,
};

static struct parley_blk *parley_blk_alloc(struct parley_device *pd)
{
	struct parley_blk *blk;

	blk = kzalloc(sizeof(*blk), GFP_KERNEL);
	if (!blk)
		return ERR_PTR(-ENOMEM);
	blk->index = ida_alloc(&parley_blk_ida, GFP_KERNEL);
	if (blk->index < 0) {
		int err = blk->index;

		kfree(blk);
		return ERR_PTR(err);
	}
	blk->pd = pd;
	return blk;
}

/* What is kept of the configuration besides the block layer's limits. */
static void parley_blk_keep_config(struct parley_blk *blk,
				   const struct virtio_blk_config *cfg,
				   const struct queue_limits *lim)
{
	blk->unmap_zeroes = cfg->write_zeroes_may_unmap;
	blk->geo.cylinders = vr16_to_cpu(cfg->geometry.cylinders);
	blk->geo.heads = cfg->geometry.heads;
	blk->geo.sectors = cfg->geometry.sectors;
	if (lim->features & BLK_FEAT_ZONED)
		blk->zone_sectors = lim->chunk_sectors;
}

/* Limits, then queues that fit them, then what the queues leave of them. */
static int parley_blk_size_queues(struct parley_blk *blk,
				  const struct virtio_blk_config *cfg,
				  struct queue_limits *lim)
{
	struct parley_device *pd = blk->pd;
	const u64 features = parley_features_low(&pd->features);
	unsigned int i, ring = PARLEY_VQ_SIZE_MAX;
	int err;

	blk->nr_queues = parley_blk_pick_queues(&pd->dev, cfg, features,
						num_request_queues, poll_queues,
						&blk->nr_poll);
	blk->segs_max = lim->max_segments;
	err = parley_blk_alloc_queues(blk);
	if (err)
		return err;
	err = parley_blk_make_queues(blk);
	if (err)
		goto free;
	for (i = 0; i < pd->nr_queues; i++)
		ring = min(ring, parley_drvq_size(pd->queues[i].vq));
	err = parley_blk_depth(&pd->dev, ring, features, queue_depth,
			       &blk->depth, &blk->segs_max);
	if (err)
		goto free;
	lim->max_segments = blk->segs_max;
	return 0;
free:
	parley_blk_free_queues(blk);
	return err;
}

static int parley_blk_make_disk(struct parley_blk *blk, struct queue_limits *lim)
{
	struct blk_mq_tag_set *tags = &blk->tags;
	struct parley_device *pd = blk->pd;
	struct gendisk *disk;
	int err;

	tags->ops = &parley_blk_mq_ops;
	tags->queue_depth = blk->depth;
	tags->numa_node = dev_to_node(parley_dma_dev(pd));
	tags->cmd_size = sizeof(struct parley_blk_req);
	tags->driver_data = blk;
	tags->nr_hw_queues = blk->nr_queues;
	tags->nr_maps = blk->nr_poll ? HCTX_TYPE_POLL + 1 : 1;
	err = blk_mq_alloc_tag_set(tags);
	if (err)
		return err;

	if (parley_blk_writeback(pd))
		lim->features |= BLK_FEAT_WRITE_CACHE;
	disk = blk_mq_alloc_disk(tags, lim, blk);
	if (IS_ERR(disk)) {
		blk_mq_free_tag_set(tags);
		return PTR_ERR(disk);
	}
	/* No major: partitions and disks get their numbers dynamically. */
	parley_blk_name(blk->index, disk->disk_name);
	disk->private_data = blk;
	disk->fops = &parley_blk_fops;
	set_disk_ro(disk, parley_has_feature(pd, VIRTIO_BLK_F_RO));
	blk->disk = disk;
	return 0;
}

static int parley_blk_set_size(struct parley_blk *blk, u64 capacity, bool resize)
{
	unsigned int block = queue_logical_block_size(blk->disk->queue);
	struct device *dev = &blk->pd->dev;
	char text[16];
	sector_t sectors;
	int err;

	err = parley_blk_capacity(dev, capacity, block, &sectors);
	if (err)
		return err;
	if (resize && sectors == get_capacity(blk->disk))
		return 0;
	string_get_size(sectors, SECTOR_SIZE, STRING_UNITS_2, text,
			sizeof(text));
	dev_info(dev, "%s: %s%llu blocks of %u bytes (%s)\n",
		 blk->disk->disk_name, resize ? "now " : "",
		 (u64)sectors / (block >> SECTOR_SHIFT), block, text);
	/* With a RESIZE=1 event for user space, once the disk is there. */
	set_capacity_and_notify(blk->disk, sectors);
	return 0;
}

static int parley_blk_probe(struct parley_device *pd)
{
	struct queue_limits lim = { .features = BLK_FEAT_ROTATIONAL };
	struct virtio_blk_config cfg;
	struct parley_blk *blk;
	int err;

	err = parley_blk_read_config(pd, &cfg);
	if (err)
		return err;
	err = parley_blk_limits(&pd->dev, &cfg,
				parley_features_low(&pd->features), &lim);
	if (err)
		return err;
	lim.max_segment_size = min_t(size_t, lim.max_segment_size,
				     parley_max_mapping(pd));

	blk = parley_blk_alloc(pd);
	if (IS_ERR(blk))
		return PTR_ERR(blk);
	pd->priv = blk;
	parley_blk_keep_config(blk, &cfg, &lim);
	err = parley_blk_size_queues(blk, &cfg, &lim);
	if (err)
		goto free;
	err = parley_blk_make_disk(blk, &lim);
	if (err)
		goto free_queues;
	err = parley_blk_set_size(blk, vr64_to_cpu(cfg.capacity), false);
	if (err)
		goto put_disk;

	/* What follows does I/O. */
	parley_device_ready(pd);
	err = parley_blk_revalidate_zones(blk);
	if (err)
		goto close;
	err = device_add_disk(&pd->dev, blk->disk, parley_blk_groups);
	if (err)
		goto close;
	return 0;

close:
	parley_device_close(pd);
put_disk:
	put_disk(blk->disk);
	blk_mq_free_tag_set(&blk->tags);
free_queues:
	parley_blk_free_queues(blk);
free:
	parley_blk_free(blk);
	return err;
}

/*
 * With a device that answers, del_gendisk() lets the file system write back and
 * waits for everything.  With one that does not, whatever waits is failed by the
 * model; what comes after fails at once.
 */
static void parley_blk_remove(struct parley_device *pd)
{
	struct parley_blk *blk = pd->priv;

	if (parley_device_gone(pd))
		blk_mark_disk_dead(blk->disk);
	del_gendisk(blk->disk);
	parley_device_close(pd);
	blk_mq_free_tag_set(&blk->tags);
	parley_blk_free_queues(blk);
	put_disk(blk->disk);
}

static void parley_blk_config_changed(struct parley_device *pd)
{
	struct parley_blk *blk = pd->priv;
	u64 capacity;

	if (parley_config_get(pd, struct virtio_blk_config, capacity,
			      &capacity) || parley_blk_set_size(blk, capacity, true))
		return;
	if (parley_blk_revalidate_zones(blk) && !parley_device_gone(pd))
		dev_err(&pd->dev, "%s: the zones do not fit the new size\n",
			blk->disk->disk_name);
}

static const struct virtio_device_id parley_blk_ids[] = {
	{ VIRTIO_ID_BLOCK, VIRTIO_DEV_ANY_ID },
	{ }
};

static const unsigned int parley_blk_features[] = {
	VIRTIO_BLK_F_SIZE_MAX,
	VIRTIO_BLK_F_SEG_MAX,
	VIRTIO_BLK_F_GEOMETRY,
	VIRTIO_BLK_F_RO,
	VIRTIO_BLK_F_BLK_SIZE,
	VIRTIO_BLK_F_FLUSH,
	VIRTIO_BLK_F_TOPOLOGY,
	VIRTIO_BLK_F_CONFIG_WCE,
	VIRTIO_BLK_F_MQ,
	VIRTIO_BLK_F_DISCARD,
	VIRTIO_BLK_F_WRITE_ZEROES,
	VIRTIO_BLK_F_SECURE_ERASE,
	VIRTIO_BLK_F_ZONED,
};

static struct parley_driver parley_blk_driver = {
	.driver.name	= "parley_blk",
	.driver.owner	= THIS_MODULE,
	.ids		= parley_blk_ids,
	.features	= parley_blk_features,
	.nr_features	= ARRAY_SIZE(parley_blk_features),
	.check		= parley_blk_check,
	.probe		= parley_blk_probe,
	.remove		= parley_blk_remove,
	.config_changed	= parley_blk_config_changed,
	.stop		= parley_blk_stop,
	.reapply	= parley_blk_reapply,
	.start		= parley_blk_start,
};

module_parley_driver(parley_blk_driver);

MODULE_DESCRIPTION("Parley block front-end");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
MODULE_ALIAS_PARLEY("00000002");
PARLEY_IMPORT;
