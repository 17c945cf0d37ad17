/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A disk in memory for the tests of vhost blk: counts what it is asked, ends its
 * bios at once, later in an interrupt, when polled, or when told, fails where
 * told, and can be pulled out.
 */
#ifndef _PARLEY_VHOST_TEST_RAM_H
#define _PARLEY_VHOST_TEST_RAM_H

#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/hrtimer.h>
#include <parley/compat.h>

/* What a disk has; one that is made larger has the same again and again. */
#define RAM_SECTORS	8192u	/* 4 MiB */
#define RAM_BYTES	((size_t)RAM_SECTORS << SECTOR_SHIFT)

/**
 * enum ram_end - when bios end
 * @RAM_NOW: inside submit_bio()
 * @RAM_LATER: in a hard interrupt
 * @RAM_HELD: at ram_release()
 * @RAM_POLLED: at every third poll those with REQ_POLLED, and others at once
 * @RAM_SLOW: one after the other, 100 MB of data or zeroes in a second
 */
enum ram_end {
	RAM_NOW,
	RAM_LATER,
	RAM_HELD,
	RAM_POLLED,
	RAM_SLOW,
};

/**
 * struct ram - a disk
 * @disk: the disk
 * @file: it, opened; what a VMM would hand over
 * @data: what is on it
 * @end: when bios end; set while nothing is in flight
 * @splits: bios are cut to the queue's limits
 * @bad_start: first sector that cannot be read or written
 * @bad_nr: how many
 * @bad_status: what comes of it
 * @bad_flush: flushes fail
 * @counts: bios with data or a range, by operation
 * @bytes: data that was read and written
 * @flushes: with REQ_PREFLUSH
 * @fua: with REQ_FUA
 * @polled: with REQ_POLLED
 * @polls: looks for their completions
 * @ioprio: of the last bio with data
 * @lock: protects @waiting, @nr_waiting, @bytes_waiting
 * @waiting: bios to be ended later
 * @nr_waiting: how many
 * @bytes_waiting: their bytes
 * @timer: for RAM_LATER and RAM_SLOW
 */
struct ram {
	struct gendisk *disk;
	struct file *file;
	u8 *data;
	enum ram_end end;
	bool splits;
	u64 bad_start;
	u64 bad_nr;
	blk_status_t bad_status;
	bool bad_flush;
	atomic_t counts[REQ_OP_LAST];
	atomic64_t bytes;
	atomic_t flushes;
	atomic_t fua;
	atomic_t polled;
	atomic_t polls;
	u16 ioprio;
	spinlock_t lock;
	struct bio_list waiting;
	unsigned int nr_waiting;
	u64 bytes_waiting;
	struct hrtimer timer;
};

/* How many bios of this operation there were. */
static inline atomic_t *ram_count(struct ram *ram, enum req_op op)
{
	return &ram->counts[(__force unsigned int)op];
}

struct ram *ram_create(unsigned int block, blk_mode_t mode);
void ram_destroy(struct ram *ram);
void ram_release(struct ram *ram);
unsigned int ram_waiting(struct ram *ram);
u64 ram_bytes_waiting(struct ram *ram);
void ram_pull(struct ram *ram);

#endif /* _PARLEY_VHOST_TEST_RAM_H */
