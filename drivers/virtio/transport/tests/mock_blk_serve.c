// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands of the mock disk (spec 5.2.6).
 *
 * A request is a header to read, data either way, and one status byte, which
 * is the last byte that may be written.  How that is cut into descriptors is
 * the driver's affair (spec 2.7.4), so nothing here looks at pieces.
 */
#include <linux/string.h>
#include "mock_blk.h"
#include "mock_zone.h"

static struct parley_mock_blk *blk_of(struct parley_mock *mock)
{
	return mock->priv;
}

static bool overlaps(u64 start, u64 n, u64 start2, u64 n2)
{
	return n && n2 && start < start2 + n2 && start2 < start + n;
}

/* May these sectors be touched?  Returns a status byte. */
u8 parley_mock_blk_check(struct parley_mock_blk *blk, u64 sector, u64 n)
{
	u8 status = VIRTIO_BLK_S_OK;

	spin_lock(&blk->lock);
	if (sector > blk->sectors || n > blk->sectors - sector)
		status = VIRTIO_BLK_S_IOERR;
	else if (overlaps(sector, n, blk->bad_start, blk->bad_sectors))
		status = blk->bad_status;
	spin_unlock(&blk->lock);
	return status;
}

static void *blk_at(struct parley_mock_blk *blk, u64 sector)
{
	return blk->data + (sector << SECTOR_SHIFT);
}

static u8 blk_read(struct parley_mock_blk *blk, struct parley_mock_req *req,
		   u64 sector)
{
	size_t len = req->chain.len_in - 1;
	u8 status = parley_mock_blk_check(blk, sector, len >> SECTOR_SHIFT);

	if (len & (SECTOR_SIZE - 1))
		return VIRTIO_BLK_S_IOERR;
	if (status == VIRTIO_BLK_S_OK)
		parley_mock_push(req, 0, blk_at(blk, sector), len);
	return status;
}

static u8 blk_write(struct parley_mock_blk *blk, struct parley_mock_req *req,
		    u64 sector)
{
	size_t hdr = sizeof(struct virtio_blk_outhdr);
	size_t len = req->chain.len_out - hdr;
	u8 status = parley_mock_blk_check(blk, sector, len >> SECTOR_SHIFT);

	if (len & (SECTOR_SIZE - 1))
		return VIRTIO_BLK_S_IOERR;
	if (status != VIRTIO_BLK_S_OK)
		return status;
	if (READ_ONCE(blk->config.wce))
		atomic_inc(&blk->volatile_writes);
	if (blk->zones)
		return parley_mock_zone_write(blk, req, sector,
					      len >> SECTOR_SHIFT);
	parley_mock_pull(req, hdr, blk_at(blk, sector), len);
	return VIRTIO_BLK_S_OK;
}

static u8 blk_get_id(struct parley_mock_req *req)
{
	char id[VIRTIO_BLK_ID_BYTES] = BLK_ID;

	if (req->chain.len_in < sizeof(id) + 1)
		return VIRTIO_BLK_S_IOERR;
	parley_mock_push(req, 0, id, sizeof(id));
	return VIRTIO_BLK_S_OK;
}

/* Discard, write zeroes and secure erase: all leave zeroes behind. */
static u8 blk_clear(struct parley_mock_blk *blk, struct parley_mock_req *req,
		    u32 type)
{
	size_t hdr = sizeof(struct virtio_blk_outhdr);
	size_t len = req->chain.len_out - hdr, at;
	struct virtio_blk_discard_write_zeroes range;

	if (!len || len % sizeof(range) || len / sizeof(range) > BLK_RANGES_MAX)
		return VIRTIO_BLK_S_IOERR;
	for (at = 0; at < len; at += sizeof(range)) {
		u64 sector;
		u32 n;
		u8 status;

		parley_mock_pull(req, hdr + at, &range, sizeof(range));
		sector = le64_to_cpu(range.sector);
		n = le32_to_cpu(range.num_sectors);
		if (range.flags && type != VIRTIO_BLK_T_WRITE_ZEROES)
			return VIRTIO_BLK_S_UNSUPP;
		if (n > BLK_RANGE_SECTORS)
			return VIRTIO_BLK_S_IOERR;
		status = parley_mock_blk_check(blk, sector, n);
		if (status != VIRTIO_BLK_S_OK)
			return status;
		memset(blk_at(blk, sector), 0, (size_t)n << SECTOR_SHIFT);
	}
	return VIRTIO_BLK_S_OK;
}

static u8 blk_command(struct parley_mock_blk *blk, struct parley_mock_req *req,
		      u32 type, u64 sector)
{
	switch (type) {
	case VIRTIO_BLK_T_IN:
		return blk_read(blk, req, sector);
	case VIRTIO_BLK_T_OUT:
		return blk_write(blk, req, sector);
	case VIRTIO_BLK_T_FLUSH:
		return VIRTIO_BLK_S_OK;
	case VIRTIO_BLK_T_GET_ID:
		return blk_get_id(req);
	case VIRTIO_BLK_T_DISCARD:
	case VIRTIO_BLK_T_WRITE_ZEROES:
	case VIRTIO_BLK_T_SECURE_ERASE:
		return blk_clear(blk, req, type);
	default:
		if (blk->zones && parley_mock_zone_knows(type))
			return parley_mock_zone_command(blk, req, type, sector);
		return VIRTIO_BLK_S_UNSUPP;
	}
}

void parley_mock_blk_serve(struct parley_mock *mock, struct parley_mock_req *req)
{
	struct parley_mock_blk *blk = blk_of(mock);
	struct virtio_blk_outhdr hdr;
	u32 type;
	u8 status;

	/* Without a status byte there is nobody to tell. */
	if (!req->chain.len_in)
		return;
	if (parley_mock_pull(req, 0, &hdr, sizeof(hdr)) < sizeof(hdr)) {
		status = VIRTIO_BLK_S_IOERR;
	} else {
		type = le32_to_cpu((__force __le32)hdr.type);
		if (type < BLK_TYPES)
			atomic_inc(&blk->count[type]);
		status = blk_command(blk, req, type,
				     le64_to_cpu((__force __le64)hdr.sector));
	}
	parley_mock_push(req, req->chain.len_in - 1, &status, 1);
	req->chain.written = req->chain.len_in;
}
