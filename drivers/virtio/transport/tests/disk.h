/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The block front-end on a mock disk, driven with bios from a test.
 *
 * Every byte of a write depends on its place on the disk and on a seed, so that
 * data which ended up anywhere else, or came from an earlier write, is seen.
 */
#ifndef _PARLEY_TEST_DISK_H
#define _PARLEY_TEST_DISK_H

#include <kunit/test.h>
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <uapi/linux/virtio_blk.h>
#include <uapi/linux/virtio_ring.h>
#include "mock.h"

#define DISK_SECTORS	(16 * 2048)
/* More than the front-end keeps indirect tables ready for. */
#define DISK_IO_PAGES	40
#define DISK_IO_BYTES	(DISK_IO_PAGES * PAGE_SIZE)
#define DISK_IO_SECTORS	(DISK_IO_BYTES >> SECTOR_SHIFT)
#define DISK_QUEUE_SIZE	64

/**
 * struct disk - a mock disk and the block device on it
 * @blk: the mock
 * @mock: its engine
 * @pd: the guest device
 * @file: the opened block device
 * @bdev: the same
 */
struct disk {
	struct parley_mock_blk *blk;
	struct parley_mock *mock;
	struct parley_device *pd;
	struct file *file;
	struct block_device *bdev;
};

/**
 * struct disk_io - one bio
 * @node: in the list of those that the harness frees
 * @bio: of DISK_IO_PAGES pages
 * @vec: its pages
 * @done: it ended
 * @ends: so often
 * @sector: where
 */
struct disk_io {
	struct list_head node;
	struct bio bio;
	struct bio_vec vec[DISK_IO_PAGES];
	struct completion done;
	atomic_t ends;
	sector_t sector;
};

struct disk *disk_new(struct kunit *test, u64 features, unsigned int queues);
struct disk *disk_new_of(struct kunit *test,
			 const struct parley_mock_blk_config *cfg);
void disk_end(struct kunit *test, struct disk *d);
bool disk_find(struct parley_mock *mock, dev_t *devt);

struct disk_io *disk_io_prepare(struct disk *d, blk_opf_t op, sector_t sector,
				u32 seed);
struct disk_io *disk_io_start(struct kunit *test, struct disk *d,
			      blk_opf_t op, sector_t sector, u32 seed);
int disk_io_wait(struct disk_io *io);
bool disk_io_matches(struct disk_io *io, u32 seed);
bool disk_store_matches(struct disk *d, sector_t sector, u32 seed);
int disk_write_read(struct kunit *test, struct disk *d, sector_t sector,
		    u32 seed);
void disk_io_free_all(void);

/* Longer than the size_max of the mock. */
#define DISK_LONG_BYTES	(256 * 1024)

int disk_write_read_long(struct disk *d, sector_t sector, u32 seed);

#endif /* _PARLEY_TEST_DISK_H */
