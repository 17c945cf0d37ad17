/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside vhost blk.  One noun for each file:
 *
 *	main.c		the device: driver table, its life, the VMM's own calls
 *	backend.c	the back end: taken from a file descriptor, let go
 *	config.c	configuration space and features, from the back end
 *	cache.c		is the guest's write cache on?
 *	request.c	a request: parsed, started, finished
 *	rw.c		reads and writes, in as many steps as it takes
 *	bounce.c	data by way of our own pages, where its shape does not fit
 *	bdev.c		back end: a block device, by bios
 *	file.c		back end: a regular file, by kiocbs; or a block device with
 *			blocks larger than the guest's
 *	admin.c		what may take long: discard, zeroes, erase, a file's flush
 *
 * The life of a request:
 *
 *	submit()   parsed, checked, started by the back end; in the worker
 *	(the end)  bio end, ki_complete or a work item: any context, which leaves
 *		   its result and calls parley_vhost_req_done()
 *	finish()   in the worker again: pages let go, data copied where it was
 *		   bounced, the next step started if there is one, unless the
 *		   ring stops and the request is left to who goes on with it;
 *		   else the status byte is written and the library publishes
 *
 * Locking: struct vhb and its back end change only under dev->mutex while no
 * ring runs (exceptions say so); a request belongs to one context at a time, as
 * above.  Nothing here has a lock of its own.
 */
#ifndef _PARLEY_VHOST_BLK_H
#define _PARLEY_VHOST_BLK_H

#include <kunit/visibility.h>
#include <linux/bio.h>
#include <linux/bitmap.h>
#include <linux/blkdev.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/uio.h>
#include <linux/workqueue.h>
#include <parley/byteorder.h>
#include <parley/compat.h>
#include <parley/vhost.h>
#include <uapi/linux/parley_vhost.h>
#include <uapi/linux/virtio_blk.h>

struct vhb;
struct vhb_req;

#define VHB_QUEUES	64
#define VHB_IN_FLIGHT	256	/* requests of one ring */
/*
 * seg_max: with header and status no more than the 128 descriptors that rings of
 * QEMU have by default, since a chain may not be longer than its ring.
 */
#define VHB_SEGS	126
#define VHB_RANGES	32	/* of one discard or write zeroes */
#define VHB_VECS	8	/* of the bio inside a request: 32 KiB at least */
#define VHB_BOUNCE_PAGES 32	/* of one step */
/*
 * Bytes that one request has with the back end at a time: more than a guest's block
 * layer sends at once, and little enough to be waited for.
 */
#define VHB_STEP	SZ_2M
/*
 * Bytes in flight.  A kill waits for what the back end has been given: what 64 rings
 * share, and a step of each, is 160 MiB, less than two seconds of a slow disk.
 */
#define VHB_RING_BYTES	SZ_16M	/* of a ring */
#define VHB_SHARED_BYTES SZ_32M	/* of a device, beyond one step of each ring */
/* Bytes that are zeroed or erased between two looks at whether to stop. */
#define VHB_CLEAR_STEP	SZ_4M
/* Likewise for discards, which cost by the number: a whole unit of the medium. */
#define VHB_DISCARD_STEP SZ_64M
#define VHB_DISCARD_WEIGHT 64	/* a discard of so many bytes costs what one written does */
/* What a VMM may ask for. */
#define VHB_FLAGS	(PARLEY_BLK_READ_ONLY | PARLEY_BLK_POLL | \
			 PARLEY_BLK_512 | PARLEY_BLK_4096)
/* A range's sectors, and its bytes, stay within 32 bits. */
#define VHB_RANGE_SECTORS (U32_MAX >> SECTOR_SHIFT)

/**
 * enum vhb_clear - ways to do away with data
 * @VHB_DISCARD: a hint
 * @VHB_ZERO: reads as zeroes, stays allocated
 * @VHB_ZERO_UNMAP: reads as zeroes, may be deallocated
 * @VHB_ERASE: cannot be recovered
 */
enum vhb_clear {
	VHB_DISCARD,
	VHB_ZERO,
	VHB_ZERO_UNMAP,
	VHB_ERASE,
};

/**
 * enum vhb_started - what came of an attempt to start a request
 * @VHB_STARTED: it is under way, or over
 * @VHB_STARTED_LAST: the same, and none may be started after it now
 * @VHB_UNTAKEN: it has to wait until others have ended
 */
enum vhb_started {
	VHB_STARTED,
	VHB_STARTED_LAST,
	VHB_UNTAKEN,
};

/**
 * struct vhb_limits - what a back end can do
 * @block: logical block in bytes, 512 to PAGE_SIZE
 * @physical: physical block in bytes
 * @align: offset of the first physical block in bytes
 * @io_min: smallest good request in bytes, or 0
 * @io_opt: best request in bytes, or 0
 * @discard: sectors of one range; 0: no discard
 * @discard_align: sectors
 * @zeroes: likewise, for write zeroes
 * @may_unmap: write zeroes may deallocate
 * @erase: likewise, for secure erase
 * @erase_align: sectors
 * @write_cache: writes need a flush to be durable
 */
struct vhb_limits {
	u32 block;
	u32 physical;
	u32 align;
	u32 io_min;
	u32 io_opt;
	u32 discard;
	u32 discard_align;
	u32 zeroes;
	bool may_unmap;
	u32 erase;
	u32 erase_align;
	bool write_cache;
};

/**
 * struct vhb_backend - what a device serves
 * @ops: how
 * @file: as the VMM opened it; held
 * @bdev: if it is a block device that gets bios
 * @coarse: if it is a block device whose blocks are larger than the guest's: it is
 *	served as a file is, by its page cache
 * @read_only: writes fail
 * @poll: bios are polled for
 * @direct: file: IOCB_DIRECT can be used
 * @flags: file: IOCB_* that the VMM's way of opening implies
 * @mem_mask: bits of a piece's address that must be zero, or it is bounced
 * @len_mask: the same for a piece's length, and for the place on the medium
 * @serial: answer to GET_ID
 * @writes_zeroes: write zeroes by writing them, if there is no other way
 * @admin: what may take long, few at a time; NULL if nothing does
 * @flushing: makes durable what was completed, for all of @flushes at once
 * @flushes: requests that wait for that
 * @io: buffered reads and writes of a file
 * @limits: what it can do
 */
struct vhb_backend {
	const struct vhb_ops *ops;
	struct file *file;
	struct block_device *bdev;
	struct block_device *coarse;
	bool read_only;
	bool poll;
	bool direct;
	int flags;
	u32 mem_mask;
	u32 len_mask;
	u8 serial[VIRTIO_BLK_ID_BYTES];
	bool writes_zeroes;
	struct workqueue_struct *admin;
	struct work_struct flushing;
	struct llist_head flushes;
	struct workqueue_struct *io;
	struct vhb_limits limits;
};

/**
 * struct vhb_ops - a kind of back end
 * @limits: fill be->limits and the masks; 0 or an error for the VMM
 * @size: bytes now
 * @rw: move r->step bytes at @pos by @iter; leaves r->result and ends the step
 *	with parley_vhost_req_done(), in any context; where submit() is called
 * @rw_user: optional: the same for r->step bytes at a user address, if they lie
 *	as it likes; false: they do not, and nothing was done
 * @rw_end: optional: its mirror, in the worker
 * @flush: make durable what was completed; leaves r->result, ends the same way
 * @sync: the same, waiting
 * @clear: @len bytes at @pos, waiting
 */
struct vhb_ops {
	int (*limits)(struct vhb_backend *be);
	u64 (*size)(const struct vhb_backend *be);
	void (*rw)(struct vhb_req *r, struct iov_iter *iter, u64 pos);
	bool (*rw_user)(struct vhb_req *r, void __user *data, u64 pos);
	void (*rw_end)(struct vhb_req *r);
	void (*flush)(struct vhb_req *r);
	int (*sync)(const struct vhb_backend *be);
	int (*clear)(const struct vhb_backend *be, enum vhb_clear how, u64 pos,
		     u64 len);
};

/**
 * struct vhb - a device
 * @dev: the library's
 * @be: its back end, or NULL
 * @capacity: in sectors, whole blocks; changes while rings run
 * @cache: PARLEY_BLK_CACHE_*, what is known of the guest; see cache.c
 * @cache_assumed: nobody said so, it follows from what we saw
 * @cache_told: the VMM has read our configuration space
 * @cache_flushes: the last driver could flush, or there was none
 * @config_moved: the VMM was told of a change of it
 * @ran: rings that we have served
 * @stable: a write completes when it is durable; follows @cache and the
 *	negotiated features; changes while rings run
 */
struct vhb {
	struct parley_vhost *dev;
	struct vhb_backend *be;
	u64 capacity;
	u32 cache;
	bool cache_assumed;
	bool cache_told;
	bool cache_flushes;
	bool config_moved;
	DECLARE_BITMAP(ran, VHB_QUEUES);
	bool stable;
};

/**
 * struct vhb_bounce - pages of ours that stand in for the guest's
 * @nr: pages
 * @vecs: as the back end is given them
 */
struct vhb_bounce {
	unsigned int nr;
	struct bio_vec vecs[VHB_BOUNCE_PAGES];
};

/**
 * struct vhb_range - one range of a discard or its like, checked
 * @how: what to do
 * @pos: first byte
 * @len: bytes
 */
struct vhb_range {
	enum vhb_clear how;
	u64 pos;
	u64 len;
};

/**
 * struct vhb_bio - a bio beyond the one inside the request
 * @next: in vhb_req.more
 * @bio: the bio
 * @vecs: its vectors
 */
struct vhb_bio {
	struct vhb_bio *next;
	struct bio bio;
	struct bio_vec vecs[];
};

/**
 * struct vhb_req - a request
 * @req: the library's part
 * @blk: its device
 * @result: of a step: bytes, or a negative error; a late bio may overwrite it
 *	with another error
 * @status: VIRTIO_BLK_S_*, for the guest
 * @rw: it is a read or a write
 * @write: it is a write
 * @bounced: its data goes by way of @bounce
 * @buffered: file: without IOCB_DIRECT, on vhb_backend.io
 * @cut: clearing ended early, because the ring stops
 * @plain: a write of which some step was not durable by itself
 * @flushed: a write that is over, and is flushed because the cache was turned off
 * @embedded: @bio is in use
 * @polling: it is in @poll_list
 * @multi: several bios, counted by @bios
 * @ioprio: of its bios or its kiocb
 * @payload: bytes written to the guest before the status, from the start
 * @pos: first byte on the medium
 * @len: bytes of data
 * @done: of these, moved by earlier steps
 * @step: bytes that this step is to move
 * @nr_ranges: in @ranges; what is done is taken out of them
 * @cost: of all of them, as the limits count it
 * @bios: bios in flight, and one for who submits them
 * @more: bios beyond @bio
 * @ranges: of a discard and its like
 * @bounce: of a bounced read or write
 * @poll_list: the ring's requests that are polled for, under vq->mutex
 * @polled: in that list
 * @work: for the two workqueues
 * @flush: in vhb_backend.flushes
 * @page: pinned by rw_user(), or NULL
 * @bio: first or only bio of a step
 * @vecs: its vectors
 * @iocb: of a file
 */
struct vhb_req {
	struct parley_vhost_req req;
	struct vhb *blk;
	long result;
	u8 status;
	bool rw;
	bool write;
	bool bounced;
	bool buffered;
	bool cut;
	bool plain;
	bool flushed;
	bool embedded;
	bool polling;
	bool multi;
	u16 ioprio;
	u32 payload;
	u64 pos;
	u32 len;
	u32 done;
	u32 step;
	unsigned int nr_ranges;
	u64 cost;
	atomic_t bios;
	struct vhb_bio *more;
	struct vhb_range *ranges;
	struct vhb_bounce *bounce;
	struct list_head *poll_list;
	struct list_head polled;
	union {
		struct work_struct work;
		struct llist_node flush;
	};
	struct page *page;
	union {
		struct {
			struct bio bio;
			struct bio_vec vecs[VHB_VECS];
		};
		struct kiocb iocb;
	};
};

static inline struct vhb_req *to_vhb_req(struct parley_vhost_req *req)
{
	return container_of(req, struct vhb_req, req);
}

/* "parley-blk 3: " before every message, as the library does. */
#define vhb_say(blk, fmt, ...) \
	pr_err_ratelimited("parley-blk %u: " fmt, \
			   parley_vhost_id((blk)->dev), ##__VA_ARGS__)

/* backend.c */
int vhb_backend_set(struct vhb *blk, struct file *file, u32 flags,
		    const u8 *serial);
void vhb_backend_drop(struct vhb *blk);
void vhb_capacity_update(struct vhb *blk);
extern const struct vhb_ops vhb_bdev_ops;
extern const struct vhb_ops vhb_file_ops;
extern const struct vhb_ops vhb_coarse_ops;
void vhb_coarse_start(const struct vhb_backend *be);

/* config.c */
extern const u64 vhb_features;
void vhb_device_features(struct parley_vhost *dev, struct parley_features *offered);
void vhb_config_read(struct parley_vhost *dev, void *config);
int vhb_config_write(struct parley_vhost *dev, unsigned int off, const void *buf,
		     unsigned int len);
void vhb_config_queues(void *config, unsigned int nr);

/* cache.c */
void vhb_cache_forget(struct vhb *blk);
u8 vhb_cache_read(struct vhb *blk);
int vhb_cache_write(struct vhb *blk, bool wce);
int vhb_cache_start(struct vhb *blk, const struct parley_vhost_vq *vq);

/* request.c */
extern bool vhb_guest_ioprio;
enum vhb_started vhb_start(struct vhb_req *r);
bool vhb_finish(struct parley_vhost_req *req);
u8 vhb_status(long err);

/* Is [sector, sector + nr) on the disk, in whole blocks? */
static inline bool vhb_on_disk(const struct vhb *blk, u64 sector, u64 nr)
{
	u64 capacity = READ_ONCE(blk->capacity);
	u32 mask = (blk->be->limits.block >> SECTOR_SHIFT) - 1;

	return sector <= capacity && nr <= capacity - sector &&
	       !((sector | nr) & mask);
}

/* rw.c */
void vhb_rw_start(struct vhb_req *r);
void vhb_rw_step(struct vhb_req *r);
bool vhb_rw_finish(struct vhb_req *r);
void vhb_go_on(struct parley_vhost_req *req);

/* bounce.c */
int vhb_bounce_fill(struct vhb_req *r, struct iov_iter *iter);
int vhb_bounce_drain(struct vhb_req *r, u32 len);
void vhb_bounce_iter(struct vhb_req *r, struct iov_iter *iter);
void vhb_bounce_free(struct vhb_req *r);

/* bdev.c */
bool vhb_bdev_poll(struct list_head *polled);

/* admin.c */
extern bool vhb_zero_by_writing;
enum vhb_started vhb_admin_clear(struct vhb_req *r, u32 type);
void vhb_admin_step(struct vhb_req *r);
bool vhb_admin_finish(struct vhb_req *r);
u64 vhb_clear_cost(const struct vhb_req *r);
void vhb_admin_flush(struct vhb_req *r);
void vhb_admin_init(struct vhb_backend *be);

/* For KUnit, which has no file descriptors. */
#if IS_ENABLED(CONFIG_KUNIT)
int parley_vhost_blk_attach(struct parley_vhost *dev, struct file *file,
			    u32 flags, const u8 *serial);
int parley_vhost_blk_update_size(struct parley_vhost *dev);
#endif
int parley_vhost_blk_set_cache(struct parley_vhost *dev, u32 cache);
u32 parley_vhost_blk_get_cache(struct parley_vhost *dev);

#endif /* _PARLEY_VHOST_BLK_H */
