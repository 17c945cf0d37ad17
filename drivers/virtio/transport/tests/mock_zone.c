// SPDX-License-Identifier: GPL-2.0-only
/*
 * The zones of a mock disk: their states, writes, appends and commands.  The
 * report is in mock_zone_report.c.
 */
#include <linux/math64.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/virtio_byteorder.h>
#include <parley/export.h>
#include "mock_blk.h"
#include "mock_zone.h"
#include "mock_zone_priv.h"

static u64 zone_start(const struct parley_mock_zones *zones,
		      const struct parley_mock_zone *z)
{
	return (u64)(z - zones->zone) * zones->cfg.size;
}

u64 parley_mock_zone_capacity(const struct parley_mock_zones *zones,
			      unsigned int i)
{
	u64 len = min_t(u64, zones->cfg.size,
			zones->sectors - (u64)i * zones->cfg.size);

	return i < zones->cfg.conventional ? len :
		min_t(u64, len, zones->cfg.capacity);
}

static u64 zone_end(const struct parley_mock_zones *zones,
		    const struct parley_mock_zone *z)
{
	return zone_start(zones, z) +
	       parley_mock_zone_capacity(zones, z - zones->zone);
}

static struct parley_mock_zone *zone_at(struct parley_mock_zones *zones,
					u64 sector)
{
	return sector < zones->sectors ?
		&zones->zone[div_u64(sector, zones->cfg.size)] : NULL;
}

static bool is_open(const struct parley_mock_zone *z)
{
	return z->state == VIRTIO_BLK_ZS_IOPEN ||
	       z->state == VIRTIO_BLK_ZS_EOPEN;
}

static bool is_active(const struct parley_mock_zone *z)
{
	return is_open(z) || z->state == VIRTIO_BLK_ZS_CLOSED;
}

static unsigned int count(const struct parley_mock_zones *zones,
			  bool (*is)(const struct parley_mock_zone *z))
{
	unsigned int i, n = 0;

	for (i = 0; i < zones->nr; i++)
		n += is(&zones->zone[i]);
	return n;
}

/* At the limit the device closes a zone that nobody asked it to open. */
static bool close_one(struct parley_mock_zones *zones)
{
	unsigned int i;

	for (i = 0; i < zones->nr; i++) {
		if (zones->zone[i].state == VIRTIO_BLK_ZS_IOPEN) {
			zones->zone[i].state = VIRTIO_BLK_ZS_CLOSED;
			return true;
		}
	}
	return false;
}

/* Bring an empty or closed zone into an open state, within the limits. */
static u8 open_as(struct parley_mock_zones *zones, struct parley_mock_zone *z,
		  u8 state)
{
	const struct parley_mock_zone_config *cfg = &zones->cfg;

	if (!is_active(z) && cfg->max_active &&
	    count(zones, is_active) >= cfg->max_active)
		return VIRTIO_BLK_S_ZONE_ACTIVE_RESOURCE;
	if (!is_open(z) && cfg->max_open &&
	    count(zones, is_open) >= cfg->max_open && !close_one(zones))
		return VIRTIO_BLK_S_ZONE_OPEN_RESOURCE;
	z->state = state;
	return VIRTIO_BLK_S_OK;
}

static bool writable(const struct parley_mock_zone *z)
{
	return z->state == VIRTIO_BLK_ZS_EMPTY || is_active(z);
}

/* May this be written, and is the zone open for it then? */
static u8 begin_write(struct parley_mock_zones *zones,
		      struct parley_mock_zone *z, u64 sector, u64 n)
{
	if (!writable(z))
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	if (sector != z->wp ||
	    ((sector + n) << SECTOR_SHIFT) % MOCK_ZONE_GRAIN)
		return VIRTIO_BLK_S_ZONE_UNALIGNED_WP;
	if (!n || n > zone_end(zones, z) - sector)
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	return is_open(z) ? VIRTIO_BLK_S_OK :
		open_as(zones, z, VIRTIO_BLK_ZS_IOPEN);
}

static u8 write_zone(struct parley_mock_blk *blk, struct parley_mock_req *req,
		     struct parley_mock_zone *z, u64 sector, u64 n)
{
	struct parley_mock_zones *zones = blk->zones;
	u8 status = begin_write(zones, z, sector, n);

	if (status != VIRTIO_BLK_S_OK)
		return status;
	parley_mock_pull(req, sizeof(struct virtio_blk_outhdr),
			 blk->data + (sector << SECTOR_SHIFT),
			 n << SECTOR_SHIFT);
	z->wp += n;
	if (z->wp == zone_end(zones, z))
		z->state = VIRTIO_BLK_ZS_FULL;
	return VIRTIO_BLK_S_OK;
}

/**
 * parley_mock_zone_write() - serve a write to a zoned disk
 * @blk: disk; the sectors are within its capacity
 * @req: request
 * @sector: where
 * @n: sectors
 *
 * Return: status byte.
 */
u8 parley_mock_zone_write(struct parley_mock_blk *blk,
			  struct parley_mock_req *req, u64 sector, u64 n)
{
	struct parley_mock_zones *zones = blk->zones;
	struct parley_mock_zone *z;

	guard(mutex)(&zones->lock);
	z = zone_at(zones, sector);
	if (!z)
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	if (z->state != VIRTIO_BLK_ZS_NOT_WP)
		return write_zone(blk, req, z, sector, n);
	/* Out of conventional zones nothing leads into a sequential one. */
	if (sector + n > (u64)zones->cfg.conventional * zones->cfg.size)
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	parley_mock_pull(req, sizeof(struct virtio_blk_outhdr),
			 blk->data + (sector << SECTOR_SHIFT),
			 n << SECTOR_SHIFT);
	return VIRTIO_BLK_S_OK;
}

static u8 append(struct parley_mock_blk *blk, struct parley_mock_req *req,
		 struct parley_mock_zone *z)
{
	struct parley_mock_zones *zones = blk->zones;
	size_t len = req->chain.len_out - sizeof(struct virtio_blk_outhdr);
	__le64 where = cpu_to_le64(z->wp);
	u64 n = len >> SECTOR_SHIFT;
	u8 status;

	if (len & (SECTOR_SIZE - 1) || n > zones->cfg.max_append ||
	    req->chain.len_in != sizeof(where) + 1)
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	status = parley_mock_blk_check(blk, z->wp, n);
	if (status == VIRTIO_BLK_S_OK)
		status = write_zone(blk, req, z, z->wp, n);
	if (status != VIRTIO_BLK_S_OK)
		return status;
	if (zones->cfg.lie == MOCK_ZONE_APPEND)
		where = cpu_to_le64(zone_start(zones, z) - 8);
	parley_mock_push(req, 0, &where, sizeof(where));
	return VIRTIO_BLK_S_OK;
}

static u8 reset(struct parley_mock_blk *blk, struct parley_mock_zone *z)
{
	u64 start = zone_start(blk->zones, z);

	if (z->state != VIRTIO_BLK_ZS_FULL && !writable(z))
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	memset(blk->data + (start << SECTOR_SHIFT), 0,
	       (zone_end(blk->zones, z) - start) << SECTOR_SHIFT);
	z->state = VIRTIO_BLK_ZS_EMPTY;
	z->wp = start;
	return VIRTIO_BLK_S_OK;
}

static u8 reset_all(struct parley_mock_blk *blk)
{
	unsigned int i;

	/* "All applicable zones": others are no error. */
	for (i = blk->zones->cfg.conventional; i < blk->zones->nr; i++)
		reset(blk, &blk->zones->zone[i]);
	return VIRTIO_BLK_S_OK;
}

static u8 change_state(struct parley_mock_zones *zones,
		       struct parley_mock_zone *z, u32 type)
{
	switch (type) {
	case VIRTIO_BLK_T_ZONE_OPEN:
		return writable(z) ? open_as(zones, z, VIRTIO_BLK_ZS_EOPEN) :
			VIRTIO_BLK_S_ZONE_INVALID_CMD;
	case VIRTIO_BLK_T_ZONE_CLOSE:
		if (!is_active(z))
			return VIRTIO_BLK_S_ZONE_INVALID_CMD;
		z->state = z->wp == zone_start(zones, z) ?
			VIRTIO_BLK_ZS_EMPTY : VIRTIO_BLK_ZS_CLOSED;
		return VIRTIO_BLK_S_OK;
	default:
		if (z->state != VIRTIO_BLK_ZS_FULL && !writable(z))
			return VIRTIO_BLK_S_ZONE_INVALID_CMD;
		z->state = VIRTIO_BLK_ZS_FULL;
		z->wp = zone_end(zones, z);
		return VIRTIO_BLK_S_OK;
	}
}

bool parley_mock_zone_knows(u32 type)
{
	switch (type) {
	case VIRTIO_BLK_T_ZONE_APPEND:
	case VIRTIO_BLK_T_ZONE_REPORT:
	case VIRTIO_BLK_T_ZONE_OPEN:
	case VIRTIO_BLK_T_ZONE_CLOSE:
	case VIRTIO_BLK_T_ZONE_FINISH:
	case VIRTIO_BLK_T_ZONE_RESET:
	case VIRTIO_BLK_T_ZONE_RESET_ALL:
		return true;
	default:
		return false;
	}
}

/**
 * parley_mock_zone_command() - serve a command on zones
 * @blk: disk with zones
 * @req: request
 * @type: of which parley_mock_zone_knows()
 * @sector: first one of a zone; of a report, any
 *
 * Return: status byte.
 */
u8 parley_mock_zone_command(struct parley_mock_blk *blk,
			    struct parley_mock_req *req, u32 type, u64 sector)
{
	struct parley_mock_zones *zones = blk->zones;
	struct parley_mock_zone *z;

	guard(mutex)(&zones->lock);
	if (type == VIRTIO_BLK_T_ZONE_RESET_ALL)
		return reset_all(blk);
	z = zone_at(zones, sector);
	if (!z)
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	if (type == VIRTIO_BLK_T_ZONE_REPORT)
		return parley_mock_zone_report(zones, req, z - zones->zone);
	if (sector != zone_start(zones, z) || z->state == VIRTIO_BLK_ZS_NOT_WP)
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	if (type == VIRTIO_BLK_T_ZONE_APPEND)
		return append(blk, req, z);
	if (type == VIRTIO_BLK_T_ZONE_RESET)
		return reset(blk, z);
	return change_state(zones, z, type);
}

/**
 * parley_mock_zones_create() - make the zones of a disk
 * @cfg: what they are
 * @sectors: capacity of the disk
 *
 * Return: the zones, or NULL if memory is short.
 */
struct parley_mock_zones *
parley_mock_zones_create(const struct parley_mock_zone_config *cfg, u64 sectors)
{
	unsigned int i, nr = DIV_ROUND_UP_ULL(sectors, cfg->size);
	struct parley_mock_zones *zones;

	zones = kvzalloc(struct_size(zones, zone, nr), GFP_KERNEL);
	if (!zones)
		return NULL;
	mutex_init(&zones->lock);
	zones->cfg = *cfg;
	zones->sectors = sectors;
	zones->nr = nr;
	for (i = 0; i < nr; i++) {
		zones->zone[i].wp = (u64)i * cfg->size;
		zones->zone[i].state = i < cfg->conventional ?
			VIRTIO_BLK_ZS_NOT_WP : VIRTIO_BLK_ZS_EMPTY;
	}
	return zones;
}

void parley_mock_zones_destroy(struct parley_mock_zones *zones)
{
	if (!zones)
		return;
	mutex_destroy(&zones->lock);
	kvfree(zones);
}

/* What the configuration of the disk says of them. */
void parley_mock_zones_describe(const struct parley_mock_zones *zones,
				struct virtio_blk_config *config)
{
	const struct parley_mock_zone_config *cfg = &zones->cfg;

	config->zoned.zone_sectors = __cpu_to_virtio32(true, cfg->size);
	config->zoned.max_open_zones = __cpu_to_virtio32(true, cfg->max_open);
	config->zoned.max_active_zones =
		__cpu_to_virtio32(true, cfg->max_active);
	config->zoned.max_append_sectors =
		__cpu_to_virtio32(true, cfg->max_append);
	config->zoned.write_granularity =
		__cpu_to_virtio32(true, MOCK_ZONE_GRAIN);
	config->zoned.model = VIRTIO_BLK_Z_HM;
}

struct parley_mock_zones *parley_mock_blk_zones(struct parley_mock_blk *blk)
{
	return blk->zones;
}
PARLEY_EXPORT(parley_mock_blk_zones);
