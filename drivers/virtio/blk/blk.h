/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Block front-end: what its files share.
 *
 *	main.c		driver table, probe and its mirror
 *	config.c	what the device's configuration allows
 *	request.c	one request: built, checked, ended
 *	queue.c		submission, interrupt, polling
 *	recover.c	what a recovery means to a disk, requests that take long
 *	zone.c		zoned devices
 *	admin.c		name, serial number, sysfs attributes, geometry
 *
 * Who owns what: struct parley_blk lives from probe until the last reference
 * to the disk is dropped (an open file may outlive the device).  The device's
 * queues live from probe until remove has returned, whatever recoveries come
 * between, and nobody submits, polls or waits for a time-out after
 * del_gendisk().
 *
 * Locks: the queue's spinlock (put, publish, reap) is the only one.
 */
#ifndef _PARLEY_BLK_H
#define _PARLEY_BLK_H

#include <kunit/visibility.h>
#include <linux/blk-mq.h>
#include <parley/byteorder.h>
#include <parley/compat.h>
#include <parley/device.h>
#include <parley/export.h>
#include <uapi/linux/virtio_blk.h>
#include <uapi/linux/virtio_ring.h>

/* Requests that are put, or reaped, under one hold of the queue's lock. */
#define PARLEY_BLK_BATCH	32
/* Indirect tables kept ready cover this many pieces of data. */
#define PARLEY_BLK_READY_SEGS	32
/* Beside its data, a request has a header and a status. */
#define PARLEY_BLK_EXTRA_SEGS	2
/* Ranges of one discard fit into a page. */
#define PARLEY_BLK_RANGES_MAX	256
/* What the status byte holds until the device writes it. */
#define PARLEY_BLK_S_UNWRITTEN	0xff

/**
 * struct parley_blk_req - the driver's part of a request
 * @pad: see below
 * @in: what the device writes last
 * @hdr: what the device reads first
 * @range: of a discard (or similar) with one range
 * @ranges: of a discard with several; allocated
 * @phys: physical address of this structure; constant
 * @written_min: bytes that the device writes if it succeeds
 * @nr_ranges: zero unless the data are ranges
 * @in_len: bytes of @in that this request uses; the status is the last one
 * @result: outcome, once the device has completed it
 *
 * The processor does not touch the structure between put and reap, so that a
 * device that is not coherent never meets a dirty line.  The block layer does
 * touch its struct request, which lies right before this one, so @in begins a
 * line of its own where such devices exist (elsewhere @pad is empty).
 */
struct parley_blk_req {
	u8 pad[-sizeof(struct request) & (ARCH_DMA_MINALIGN - 1)];
	union {
		u8 status;
		struct {
			__le64 sector;
			u8 status;
		} __packed append;
		u8 bytes[9];
	} in;
	struct virtio_blk_outhdr hdr;
	struct virtio_blk_discard_write_zeroes range;
	struct virtio_blk_discard_write_zeroes *ranges;
	u64 phys;
	u32 written_min;
	u16 nr_ranges;
	u8 in_len;
	blk_status_t result;
};

/**
 * struct parley_blk_queue - a hardware context's way to its queue
 * @q: the queue
 * @blk: the disk's
 * @starved: a request did not fit; completions must tell the block layer
 * @segs_max: entries of @segs
 * @segs: scratch of a submission, under the queue's lock: the pieces of the
 *	requests in @bufs
 * @bufs: likewise
 */
struct parley_blk_queue {
	struct parley_queue *q;
	struct parley_blk *blk;
	bool starved;
	unsigned int segs_max;
	struct parley_seg *segs;
	struct parley_buf bufs[PARLEY_BLK_BATCH];
} ____cacheline_aligned_in_smp;

/**
 * struct parley_blk - a disk
 * @pd: its device; valid until remove() returns
 * @disk: its block device
 * @tags: of the block layer
 * @queues: @nr_queues of them, those that are polled last
 * @nr_queues: hardware queues
 * @nr_poll: how many of them are polled
 * @depth: requests in flight in one queue
 * @segs_max: pieces of data in a request
 * @unmap_zeroes: write zeroes may deallocate
 * @counts_oddly: the device's used lengths are wrong, which was said
 * @zone_sectors: size of a zone; 0 if not zoned
 * @geo: what HDIO_GETGEO says
 * @index: which name the disk has, see parley_blk_name()
 */
struct parley_blk {
	struct parley_device *pd;
	struct gendisk *disk;
	struct blk_mq_tag_set tags;
	struct parley_blk_queue *queues;
	unsigned int nr_queues;
	unsigned int nr_poll;
	unsigned int depth;
	unsigned int segs_max;
	bool unmap_zeroes;
	bool counts_oddly;
	u32 zone_sectors;
	struct {
		u16 cylinders;
		u8 heads;
		u8 sectors;
	} geo;
	int index;
};

/* config.c */
void parley_blk_check(struct parley_device *pd,
		      struct parley_features *features);
int parley_blk_read_config(struct parley_device *pd,
			   struct virtio_blk_config *cfg);
int parley_blk_limits(struct device *dev, const struct virtio_blk_config *cfg,
		      u64 features, struct queue_limits *lim);
int parley_blk_capacity(struct device *dev, u64 capacity,
			unsigned int block_size, sector_t *sectors);
unsigned int parley_blk_pick_queues(struct device *dev,
				    const struct virtio_blk_config *cfg,
				    u64 features, unsigned int limit,
				    unsigned int want_poll,
				    unsigned int *nr_poll);
int parley_blk_depth(struct device *dev, unsigned int ring, u64 features,
		     unsigned int want, unsigned int *depth,
		     unsigned int *segs_max);
bool parley_blk_writeback(struct parley_device *pd);

/* request.c */
blk_status_t parley_blk_prepare(struct parley_blk *blk, struct request *rq);
int parley_blk_describe(struct request *rq, struct parley_seg *segs,
			unsigned int max, struct parley_buf *buf);
blk_status_t parley_blk_judge(struct parley_blk *blk,
			      const struct parley_blk_req *req, u32 written);
blk_status_t parley_blk_judge_append(struct parley_blk *blk,
				     struct request *rq);
void parley_blk_free_ranges(struct parley_blk_req *req);
int parley_blk_init_request(struct blk_mq_tag_set *set, struct request *rq,
			    unsigned int hctx, int node);

/* queue.c */
extern const struct blk_mq_ops parley_blk_mq_ops;
int parley_blk_alloc_queues(struct parley_blk *blk);
void parley_blk_free_queues(struct parley_blk *blk);
int parley_blk_make_queues(struct parley_blk *blk);
void parley_blk_end(struct request *rq);

/* recover.c */
void parley_blk_stop(struct parley_device *pd);
void parley_blk_start(struct parley_device *pd);
void parley_blk_give_back(struct parley_queue *q, void *cookie,
			  enum parley_fate fate);
enum blk_eh_timer_return parley_blk_timeout(struct request *rq);

/* admin.c */
extern const struct attribute_group *parley_blk_groups[];
int parley_blk_reapply(struct parley_device *pd);
int parley_blk_getgeo(struct gendisk *disk, struct hd_geometry *geo);
void parley_blk_name(unsigned int index, char name[DISK_NAME_LEN]);
int parley_blk_command(struct parley_blk *blk, u32 type, u64 sector,
		       void *buf, unsigned int len);

/* zone.c */
int parley_blk_zone_limits(struct device *dev,
			   const struct virtio_blk_config *cfg,
			   struct queue_limits *lim);
#ifdef CONFIG_BLK_DEV_ZONED
int parley_blk_report_zones(struct gendisk *disk, sector_t sector,
			    unsigned int nr_zones,
			    struct blk_report_zones_args *args);
int parley_blk_revalidate_zones(struct parley_blk *blk);
#else
#define parley_blk_report_zones NULL
static inline int parley_blk_revalidate_zones(struct parley_blk *blk)
{
	return 0;
}
#endif

/* What only the suites of tests/ call from outside its file. */
#if IS_ENABLED(CONFIG_KUNIT)
blk_status_t parley_blk_status(u8 status);
int parley_blk_parse_zone(struct device *dev,
			  const struct virtio_blk_zone_descriptor *desc,
			  u32 zone_sectors, sector_t capacity,
			  struct blk_zone *zone);
#endif

#endif /* _PARLEY_BLK_H */
