// SPDX-License-Identifier: GPL-2.0-only
/*
 * The report of a mock disk's zones, true or not.
 */
#include <asm/byteorder.h>
#include <linux/virtio_byteorder.h>
#include "mock_zone_priv.h"

static __virtio64 v64(u64 x)
{
	return __cpu_to_virtio64(true, x);
}

static struct virtio_blk_zone_descriptor
describe(const struct parley_mock_zones *zones, unsigned int i)
{
	const struct parley_mock_zone *z = &zones->zone[i];

	return (struct virtio_blk_zone_descriptor) {
		.z_cap = v64(parley_mock_zone_capacity(zones, i)),
		.z_start = v64((u64)i * zones->cfg.size),
		.z_wp = v64(z->wp),
		.z_type = i < zones->cfg.conventional ? VIRTIO_BLK_ZT_CONV :
							VIRTIO_BLK_ZT_SWR,
		.z_state = z->state,
	};
}

/* Lies about a zone; a sequential one, so that all of them are. */
static void lie_about(const struct parley_mock_zones *zones, unsigned int i,
		      struct virtio_blk_zone_descriptor *desc)
{
	if (i != zones->cfg.conventional)
		return;
	switch (zones->cfg.lie) {
	case MOCK_ZONE_TYPE:
		desc->z_type = 0xee;
		break;
	case MOCK_ZONE_STATE:
		desc->z_state = 0xee;
		break;
	case MOCK_ZONE_MIXED:
		desc->z_state = VIRTIO_BLK_ZS_NOT_WP;
		break;
	case MOCK_ZONE_WP:
		desc->z_state = VIRTIO_BLK_ZS_CLOSED;
		desc->z_wp = v64((u64)(i + 1) * zones->cfg.size + 8);
		break;
	case MOCK_ZONE_CAP:
		desc->z_cap = v64(zones->cfg.size + 8);
		break;
	case MOCK_ZONE_START:
		desc->z_start = v64((u64)i * zones->cfg.size + 8);
		break;
	default:
		break;
	}
}

/**
 * parley_mock_zone_report() - serve a report
 * @zones: of the disk
 * @req: request
 * @first: zone to begin with
 *
 * Return: status byte.
 */
u8 parley_mock_zone_report(const struct parley_mock_zones *zones,
			   struct parley_mock_req *req, unsigned int first)
{
	enum parley_mock_zone_lie lie = zones->cfg.lie;
	struct virtio_blk_zone_report head = {};
	struct virtio_blk_zone_descriptor desc;
	size_t len = req->chain.len_in - 1, at;
	u64 nr = 0;
	unsigned int i;

	lockdep_assert_held(&zones->lock);
	if (len < sizeof(head))
		return VIRTIO_BLK_S_ZONE_INVALID_CMD;
	if (lie == MOCK_ZONE_AGAIN)
		first = 0;
	for (i = first, at = sizeof(head);
	     i < zones->nr && len - at >= sizeof(desc); i++) {
		if (lie == MOCK_ZONE_GAP && i == zones->cfg.conventional)
			continue;
		desc = describe(zones, i);
		lie_about(zones, i, &desc);
		parley_mock_push(req, at, &desc, sizeof(desc));
		at += sizeof(desc);
		nr++;
	}
	if (lie == MOCK_ZONE_COUNT)
		nr = U64_MAX;
	else if (lie == MOCK_ZONE_NONE)
		nr = 0;
	head.nr_zones = v64(nr);
	parley_mock_push(req, 0, &head, sizeof(head));
	return VIRTIO_BLK_S_OK;
}
