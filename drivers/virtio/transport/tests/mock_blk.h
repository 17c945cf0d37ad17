/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mock disk: a piece of memory with the commands of spec 5.2.6.
 */
#ifndef _PARLEY_MOCK_BLK_H
#define _PARLEY_MOCK_BLK_H

#include <linux/atomic.h>
#include <linux/blk_types.h>
#include <linux/spinlock.h>
#include <uapi/linux/virtio_blk.h>
#include "mock.h"

/* Largest ranges and numbers of them in one command. */
#define BLK_SEG_MAX		126
#define BLK_RANGES_MAX		8
#define BLK_RANGE_SECTORS	4096
#define BLK_ID			"parley-mock-disk"

/* Command codes that are counted; all known ones are below. */
#define BLK_TYPES		32

/**
 * struct parley_mock_blk - a mock disk
 * @mock: its device
 * @data: its contents
 * @room: sectors of memory at @data
 * @lock: protects @sectors and the injected error
 * @sectors: capacity now, at most @room
 * @bad_start: first sector of those that fail
 * @bad_sectors: how many
 * @bad_status: what commands that touch them return
 * @count: commands served, by type
 * @zones: of a zoned disk; or NULL
 * @wce_first: cache mode that a reset returns to
 * @stubborn: the driver's writes of the cache mode change nothing
 * @volatile_writes: writes served while there was a write-back cache
 * @config: device configuration, for its writable field
 */
struct parley_mock_blk {
	struct parley_mock *mock;
	void *data;
	u64 room;
	spinlock_t lock;	/* of what follows, but for @count */
	u64 sectors;
	u64 bad_start;
	u64 bad_sectors;
	u8 bad_status;
	atomic_t count[BLK_TYPES];
	struct parley_mock_zones *zones;
	u8 wce_first;
	bool stubborn;
	atomic_t volatile_writes;
	struct virtio_blk_config config;
};

u8 parley_mock_blk_check(struct parley_mock_blk *blk, u64 sector, u64 n);
void parley_mock_blk_serve(struct parley_mock *mock,
			   struct parley_mock_req *req);

#endif /* _PARLEY_MOCK_BLK_H */
