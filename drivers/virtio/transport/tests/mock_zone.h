/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The zones of a mock disk that is host-managed (spec 5.2.6, ZONED).
 *
 * The first zones are conventional, the others must be written sequentially.
 * The model keeps a state and a write pointer for each and judges every write
 * and every command on a zone by them.  It can lie, too, in its reports and
 * about where appended data went.
 */
#ifndef _PARLEY_MOCK_ZONE_H
#define _PARLEY_MOCK_ZONE_H

#include <linux/mutex.h>
#include <linux/types.h>
#include <uapi/linux/virtio_blk.h>
#include "mock.h"

/* Writes begin and end at multiples of this. */
#define MOCK_ZONE_GRAIN		4096

/**
 * enum parley_mock_zone_lie - how a hostile disk speaks of its zones
 * @MOCK_ZONE_HONEST: as they are
 * @MOCK_ZONE_COUNT: a report claims more zones than its buffer holds
 * @MOCK_ZONE_NONE: a report has no zone
 * @MOCK_ZONE_TYPE: a zone's type is none of the specification
 * @MOCK_ZONE_STATE: a zone's state is none of the specification
 * @MOCK_ZONE_MIXED: a sequential zone says that it has no write pointer
 * @MOCK_ZONE_WP: a write pointer lies in another zone
 * @MOCK_ZONE_CAP: more can be written into a zone than it is long
 * @MOCK_ZONE_START: a zone begins where none does
 * @MOCK_ZONE_GAP: a zone is left out
 * @MOCK_ZONE_AGAIN: every report begins with the first zone
 * @MOCK_ZONE_APPEND: data was appended to another zone, it says
 */
enum parley_mock_zone_lie {
	MOCK_ZONE_HONEST,
	MOCK_ZONE_COUNT,
	MOCK_ZONE_NONE,
	MOCK_ZONE_TYPE,
	MOCK_ZONE_STATE,
	MOCK_ZONE_MIXED,
	MOCK_ZONE_WP,
	MOCK_ZONE_CAP,
	MOCK_ZONE_START,
	MOCK_ZONE_GAP,
	MOCK_ZONE_AGAIN,
	MOCK_ZONE_APPEND,
};

/**
 * struct parley_mock_zone_config - the zones of a mock disk; all in sectors
 * @size: of a zone, but for a shorter last one
 * @capacity: of a sequential zone, what can be written of it
 * @conventional: how many of the first zones are
 * @max_open: zones open at a time; 0: any number
 * @max_active: zones open or closed at a time; likewise
 * @max_append: longest append; 0: there is none
 * @lie: from the beginning
 */
struct parley_mock_zone_config {
	u32 size;
	u32 capacity;
	unsigned int conventional;
	u32 max_open;
	u32 max_active;
	u32 max_append;
	enum parley_mock_zone_lie lie;
};

/**
 * struct parley_mock_zone - a zone
 * @wp: sector where the next write goes
 * @state: VIRTIO_BLK_ZS_*
 */
struct parley_mock_zone {
	u64 wp;
	u8 state;
};

/**
 * struct parley_mock_zones - all of a disk
 * @lock: protects what follows, and holds while data moves
 * @cfg: what they are
 * @sectors: capacity of the disk
 * @nr: number of @zone
 * @zone: them
 */
struct parley_mock_zones {
	struct mutex lock;	/* of what follows */
	struct parley_mock_zone_config cfg;
	u64 sectors;
	unsigned int nr;
	struct parley_mock_zone zone[];
};

struct parley_mock_blk;

struct parley_mock_zones *
parley_mock_zones_create(const struct parley_mock_zone_config *cfg,
			 u64 sectors);
void parley_mock_zones_destroy(struct parley_mock_zones *zones);
void parley_mock_zones_describe(const struct parley_mock_zones *zones,
				struct virtio_blk_config *config);
bool parley_mock_zone_knows(u32 type);
u8 parley_mock_zone_command(struct parley_mock_blk *blk,
			    struct parley_mock_req *req, u32 type, u64 sector);
u8 parley_mock_zone_write(struct parley_mock_blk *blk,
			  struct parley_mock_req *req, u64 sector, u64 n);

/* For a test: look at the model, or change it, under its lock. */
struct parley_mock_zones *parley_mock_blk_zones(struct parley_mock_blk *blk);

#endif /* _PARLEY_MOCK_ZONE_H */
