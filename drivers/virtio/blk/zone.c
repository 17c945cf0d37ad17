// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host-managed zoned devices (spec 5.2.6, VIRTIO_BLK_F_ZONED): their limits and
 * the report of their zones.  Commands on zones are ordinary requests, see
 * request.c.
 */
#include <linux/log2.h>
#include <linux/vmalloc.h>
#include "blk.h"

/**
 * parley_blk_zone_limits() - limits of a host-managed device
 * @dev: named in messages
 * @cfg: configuration as the device gave it
 * @lim: its logical block size is set; filled
 *
 * Return: 0, -EINVAL for numbers that Linux cannot work with, -EOPNOTSUPP if
 * the kernel knows no zones.
 */
int parley_blk_zone_limits(struct device *dev,
			   const struct virtio_blk_config *cfg,
			   struct queue_limits *lim)
{
	u32 zone = vr32_to_cpu(cfg->zoned.zone_sectors);
	u32 append = vr32_to_cpu(cfg->zoned.max_append_sectors);
	u32 grain = vr32_to_cpu(cfg->zoned.write_granularity);

	if (!IS_ENABLED(CONFIG_BLK_DEV_ZONED)) {
		dev_err(dev, "zoned device, but this kernel has no CONFIG_BLK_DEV_ZONED\n");
		return -EOPNOTSUPP;
	}
	if (!is_power_of_2(zone) || zone < PAGE_SIZE >> SECTOR_SHIFT) {
		dev_err(dev, "zone size of %u sectors is no power of two of at least a page\n",
			zone);
		return -EINVAL;
	}
	if (!is_power_of_2(grain) || grain < lim->logical_block_size ||
	    grain >> SECTOR_SHIFT > zone) {
		dev_err(dev, "write granularity %u does not fit blocks of %u and zones of %u sectors\n",
			grain, lim->logical_block_size, zone);
		return -EINVAL;
	}
	/* Spec 5.2.5: 0 is "no appends"; the block layer makes them of writes. */
	if (append && append < grain >> SECTOR_SHIFT) {
		dev_err(dev, "max_append_sectors %u is less than one write of %u bytes\n",
			append, grain);
		return -EINVAL;
	}
	lim->features |= BLK_FEAT_ZONED;
	lim->chunk_sectors = zone;
	lim->max_open_zones = vr32_to_cpu(cfg->zoned.max_open_zones);
	lim->max_active_zones = vr32_to_cpu(cfg->zoned.max_active_zones);
	/* A zone that is open is active, too. */
	if (lim->max_active_zones)
		lim->max_open_zones = min(lim->max_open_zones,
					  lim->max_active_zones);
	lim->zone_write_granularity = grain;
	lim->physical_block_size = grain;
	lim->io_min = grain;
	lim->max_hw_zone_append_sectors = min(append, zone);
	/*
	 * The specification has no word on what these do to a write pointer.
	 * Zones are cleared by a reset, ranges of them by writing zeroes.
	 */
	lim->max_hw_discard_sectors = 0;
	lim->max_secure_erase_sectors = 0;
	lim->max_write_zeroes_sectors = 0;
	return 0;
}

static int parley_blk_zone_type(u8 type, struct blk_zone *zone)
{
	switch (type) {
	case VIRTIO_BLK_ZT_SWR:
		zone->type = BLK_ZONE_TYPE_SEQWRITE_REQ;
		return 0;
	case VIRTIO_BLK_ZT_SWP:
		zone->type = BLK_ZONE_TYPE_SEQWRITE_PREF;
		return 0;
	case VIRTIO_BLK_ZT_CONV:
		zone->type = BLK_ZONE_TYPE_CONVENTIONAL;
		return 0;
	default:
		return -EINVAL;
	}
}

static int parley_blk_zone_cond(u8 state, struct blk_zone *zone)
{
	/* The specification's numbers are those of the block layer. */
	static_assert((int)VIRTIO_BLK_ZS_NOT_WP == BLK_ZONE_COND_NOT_WP);
	static_assert((int)VIRTIO_BLK_ZS_EMPTY == BLK_ZONE_COND_EMPTY);
	static_assert((int)VIRTIO_BLK_ZS_IOPEN == BLK_ZONE_COND_IMP_OPEN);
	static_assert((int)VIRTIO_BLK_ZS_EOPEN == BLK_ZONE_COND_EXP_OPEN);
	static_assert((int)VIRTIO_BLK_ZS_CLOSED == BLK_ZONE_COND_CLOSED);
	static_assert((int)VIRTIO_BLK_ZS_RDONLY == BLK_ZONE_COND_READONLY);
	static_assert((int)VIRTIO_BLK_ZS_FULL == BLK_ZONE_COND_FULL);
	static_assert((int)VIRTIO_BLK_ZS_OFFLINE == BLK_ZONE_COND_OFFLINE);

	if (state > VIRTIO_BLK_ZS_CLOSED &&
	    (state < VIRTIO_BLK_ZS_RDONLY || state > VIRTIO_BLK_ZS_OFFLINE))
		return -EINVAL;
	zone->cond = state;
	/* Spec 5.2.6: conventional zones have no write pointer, others have. */
	return (zone->type == BLK_ZONE_TYPE_CONVENTIONAL) ==
	       (zone->cond == BLK_ZONE_COND_NOT_WP) ? 0 : -EINVAL;
}

/*
 * Where the next write goes.  The block layer takes the pointer of a zone that
 * is in use for true, so it has to lie in the zone; others mean nothing.
 */
static int parley_blk_zone_wp(u64 wp, struct blk_zone *zone)
{
	switch (zone->cond) {
	case BLK_ZONE_COND_IMP_OPEN:
	case BLK_ZONE_COND_EXP_OPEN:
	case BLK_ZONE_COND_CLOSED:
		zone->wp = wp;
		return wp >= zone->start && wp - zone->start <= zone->capacity ?
			0 : -EINVAL;
	case BLK_ZONE_COND_EMPTY:
		zone->wp = zone->start;
		return 0;
	case BLK_ZONE_COND_FULL:
		zone->wp = zone->start + zone->len;
		return 0;
	default:
		zone->wp = ULONG_MAX;
		return 0;
	}
}

/**
 * parley_blk_parse_zone() - one zone of a report
 * @dev: named in messages
 * @desc: from the device
 * @zone_sectors: size of a zone
 * @capacity: of the disk, in sectors
 * @zone: filled
 *
 * On a kernel without zones only the suite calls it.
 *
 * Return: 0, or -EIO for a zone that cannot be.
 */
VISIBLE_IF_KUNIT __maybe_unused
int parley_blk_parse_zone(struct device *dev,
			  const struct virtio_blk_zone_descriptor *desc,
			  u32 zone_sectors, sector_t capacity,
			  struct blk_zone *zone)
{
	memset(zone, 0, sizeof(*zone));
	zone->start = vr64_to_cpu(desc->z_start);
	zone->capacity = vr64_to_cpu(desc->z_cap);
	if (zone->start >= capacity || zone->start & (zone_sectors - 1)) {
		dev_err(dev, "zone at sector %llu: no zone begins there\n",
			zone->start);
		return -EIO;
	}
	zone->len = min_t(u64, zone_sectors, capacity - zone->start);
	if (zone->capacity > zone->len || parley_blk_zone_type(desc->z_type, zone) ||
	    parley_blk_zone_cond(desc->z_state, zone) ||
	    parley_blk_zone_wp(vr64_to_cpu(desc->z_wp), zone)) {
		dev_err(dev, "zone at sector %llu: type %u, state %u, capacity %llu, write pointer %llu make no sense\n",
			zone->start, desc->z_type, desc->z_state,
			zone->capacity, vr64_to_cpu(desc->z_wp));
		return -EIO;
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_blk_parse_zone);

#ifdef CONFIG_BLK_DEV_ZONED

/* As large as one request allows; less will do, for more reports. */
static void *parley_blk_report_alloc(struct parley_blk *blk, unsigned int nr_zones,
				     size_t *len)
{
	struct request_queue *q = blk->disk->queue;
	u64 zones = DIV_ROUND_UP_ULL(get_capacity(blk->disk),
				     blk->zone_sectors);
	size_t least = sizeof(struct virtio_blk_zone_report) +
		       sizeof(struct virtio_blk_zone_descriptor);
	u64 size;
	void *buf;

	zones = min_t(u64, zones, nr_zones);
	size = sizeof(struct virtio_blk_zone_report) +
	       zones * sizeof(struct virtio_blk_zone_descriptor);
	size = min_t(u64, size, (u64)queue_max_hw_sectors(q) << SECTOR_SHIFT);
	size = min_t(u64, size, (u64)queue_max_segments(q) << PAGE_SHIFT);
	/* The length of data is in sectors (spec 5.2.6.1). */
	for (size = round_up(size, SECTOR_SIZE); size >= least; size >>= 1) {
		buf = __vmalloc(size, GFP_KERNEL | __GFP_NORETRY | __GFP_ZERO);
		if (buf) {
			*len = size;
			return buf;
		}
	}
	return NULL;
}

/* Hand the zones of one report on, unless @args is NULL. */
static int parley_blk_report_pass_on(struct parley_blk *blk,
				     const struct virtio_blk_zone_report *report,
				     size_t len, sector_t *sector, unsigned int *idx,
				     unsigned int nr_zones,
				     struct blk_report_zones_args *args)
{
	u64 nr = vr64_to_cpu(report->nr_zones), i;
	sector_t capacity = get_capacity(blk->disk);
	struct blk_zone zone;
	int err;

	nr = min_t(u64, nr, (len - sizeof(*report)) / sizeof(report->zones[0]));
	for (i = 0; i < nr && *idx < nr_zones && *sector < capacity; i++) {
		err = parley_blk_parse_zone(&blk->pd->dev, &report->zones[i],
					    blk->zone_sectors, capacity, &zone);
		if (err)
			return err;
		/* The next one, or a report could go on forever. */
		if (zone.start != round_down(*sector, blk->zone_sectors)) {
			dev_err(&blk->pd->dev,
				"zone at sector %llu reported where that of sector %llu was due\n",
				zone.start, *sector);
			return -EIO;
		}
		err = disk_report_zone(blk->disk, &zone, *idx, args);
		if (err)
			return err;
		*sector = zone.start + zone.len;
		(*idx)++;
	}
	return i;
}

int parley_blk_report_zones(struct gendisk *disk, sector_t sector,
			    unsigned int nr_zones,
			    struct blk_report_zones_args *args)
{
	struct parley_blk *blk = disk->private_data;
	struct virtio_blk_zone_report *report;
	unsigned int idx = 0;
	size_t len;
	int err = 0;

	if (!blk->zone_sectors)
		return -EOPNOTSUPP;
	report = parley_blk_report_alloc(blk, nr_zones, &len);
	if (!report)
		return -ENOMEM;
	while (idx < nr_zones && sector < get_capacity(disk)) {
		memset(report, 0, len);
		err = parley_blk_command(blk, VIRTIO_BLK_T_ZONE_REPORT, sector,
					 report, len);
		if (err)
			break;
		err = parley_blk_report_pass_on(blk, report, len, &sector, &idx, nr_zones,
						args);
		if (err <= 0)
			break;
	}
	vfree(report);
	return err < 0 ? err : idx;
}

/**
 * parley_blk_revalidate_zones() - tell the block layer about the zones
 * @blk: disk, zoned or not
 *
 * Context: may sleep; does I/O.
 * Return: 0 or an error.
 */
int parley_blk_revalidate_zones(struct parley_blk *blk)
{
	int nr;

	if (!blk->zone_sectors)
		return 0;
	/*
	 * A rehearsal: blk_revalidate_disk_zones() leaks its bitmap of
	 * conventional zones if a report fails half-way (6.12).
	 */
	nr = parley_blk_report_zones(blk->disk, 0, UINT_MAX, NULL);
	return nr < 0 ? nr : blk_revalidate_disk_zones(blk->disk);
}

#endif /* CONFIG_BLK_DEV_ZONED */
