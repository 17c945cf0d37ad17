// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost blk: what may take long, or has no asynchronous way: discard, write
 * zeroes, secure erase, and the flush of a file.  A few at a time, on a
 * workqueue of the device; the ring goes on meanwhile.
 *
 * A request names up to 128 GiB, so it is done piece by piece, and between two of them
 * we look whether the ring is to stop.  A discard is a hint (spec 5.2.6.2), and ends
 * there.  Zeroes and erasing are promises: they count among the bytes in flight as
 * what they are, so as many as a stop can wait for are finished, and a larger one is
 * alone in its ring and is left to who goes on with it.
 */
#include <linux/llist.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "blk.h"

bool vhb_zero_by_writing;
EXPORT_SYMBOL_IF_KUNIT(vhb_zero_by_writing);
module_param_named(zero_by_writing, vhb_zero_by_writing, bool, 0644);
MODULE_PARM_DESC(zero_by_writing,
		 "Write the zeroes of write zeroes where disk or file system cannot zero by itself (of back ends set from now on)");

static void vhb_admin_end(struct vhb_req *r, long err)
{
	r->result = err;
	parley_vhost_req_done(&r->req);
}

/*
 * All that wait when a flush begins are served by it, since what it covers was completed
 * before; those that come later, by the next one.  So however many a guest sends, a stop
 * waits for two.
 */
static void vhb_flush_work_fn(struct work_struct *work)
{
	struct vhb_backend *be = container_of(work, struct vhb_backend, flushing);
	struct llist_node *all = llist_reverse_order(llist_del_all(&be->flushes));
	struct vhb_req *r, *next;
	struct parley_vhost_as was;
	int err;

	if (!all)
		return;
	/* Of one device, so of one owner. */
	parley_vhost_as_owner(llist_entry(all, struct vhb_req, flush)->blk->dev, &was);
	err = be->ops->sync(be);
	parley_vhost_as_before(&was);
	/* After the last one the back end may go. */
	llist_for_each_entry_safe(r, next, all, flush)
		vhb_admin_end(r, err);
}

/* A back end with a workqueue for it. */
void vhb_admin_init(struct vhb_backend *be)
{
	init_llist_head(&be->flushes);
	INIT_WORK(&be->flushing, vhb_flush_work_fn);
}

/* Ends in parley_vhost_req_done(). */
void vhb_admin_flush(struct vhb_req *r)
{
	struct vhb_backend *be = r->blk->be;

	if (llist_add(&r->flush, &be->flushes))
		queue_work(be->admin, &be->flushing);
}

/* Up to the next multiple of what is done at once, in whole grains of the medium. */
static u64 vhb_clear_piece(const struct vhb_backend *be, const struct vhb_range *range)
{
	u64 unit = VHB_CLEAR_STEP, grain = be->limits.block, over;

	if (range->how == VHB_DISCARD) {
		unit = VHB_DISCARD_STEP;
		grain = (u64)be->limits.discard_align << SECTOR_SHIFT;
	} else if (range->how == VHB_ERASE) {
		grain = (u64)be->limits.erase_align << SECTOR_SHIFT;
	}
	unit = max(grain, div64_u64(unit, grain) * grain);
	div64_u64_rem(range->pos, unit, &over);
	return min(range->len, unit - over);
}

/* May it end unfinished, and shall it? */
static bool vhb_clear_stops(const struct vhb_req *r, const struct vhb_range *range)
{
	return parley_vhost_req_stopping(&r->req) &&
	       (range->how == VHB_DISCARD || parley_vhost_req_alone(&r->req));
}

/* What is done is taken out of the range. */
static int vhb_clear_range(struct vhb_req *r, struct vhb_range *range)
{
	const struct vhb_backend *be = r->blk->be;
	int err;

	while (range->len) {
		u64 len = vhb_clear_piece(be, range);

		if (vhb_clear_stops(r, range)) {
			r->cut = range->how != VHB_DISCARD;
			return 0;
		}
		err = be->ops->clear(be, range->how, range->pos, len);
		/* A hint that the medium does not take is no failure. */
		if (err == -EOPNOTSUPP && range->how == VHB_DISCARD)
			return 0;
		if (err)
			return err;
		range->pos += len;
		range->len -= len;
		cond_resched();
	}
	return 0;
}

static void vhb_clear_work_fn(struct work_struct *work)
{
	struct vhb_req *r = container_of(work, struct vhb_req, work);
	struct vhb_backend *be = r->blk->be;
	struct parley_vhost_as was;
	unsigned int i;
	int err = 0;

	parley_vhost_as_owner(r->blk->dev, &was);
	for (i = 0; i < r->nr_ranges && !err && !r->cut; i++)
		err = vhb_clear_range(r, &r->ranges[i]);
	if (!err && !r->cut && READ_ONCE(r->blk->stable))
		err = be->ops->sync(be);
	parley_vhost_as_before(&was);
	vhb_admin_end(r, err);
}

/* Begin, or go on, with the ranges that are left. */
void vhb_admin_step(struct vhb_req *r)
{
	INIT_WORK(&r->work, vhb_clear_work_fn);
	queue_work(r->blk->be->admin, &r->work);
}

/**
 * vhb_admin_finish() - a request without data has ended, or was cut
 * @r: request
 *
 * Return: false if there is more to do, for vhb_admin_step().
 */
bool vhb_admin_finish(struct vhb_req *r)
{
	if (unlikely(r->cut)) {
		r->cut = false;
		return false;
	}
	if (r->result < 0)
		r->status = vhb_status(r->result);
	return true;
}

/**
 * struct clear_rules - what a kind of range has to keep to
 * @how: without flags
 * @flags: flags that are allowed
 * @sectors: most of one range; 0 if the back end cannot do it
 * @feature: that the driver has to have accepted
 */
struct clear_rules {
	enum vhb_clear how;
	u32 flags;
	u32 sectors;
	u32 feature;
};

static void vhb_clear_rules(const struct vhb_limits *lim, u32 type,
			    struct clear_rules *rules)
{
	switch (type) {
	case VIRTIO_BLK_T_DISCARD:
		*rules = (struct clear_rules) {
			.how = VHB_DISCARD,
			.sectors = lim->discard,
			.feature = VIRTIO_BLK_F_DISCARD,
		};
		break;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		*rules = (struct clear_rules) {
			.how = VHB_ZERO,
			.flags = VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP,
			.sectors = lim->zeroes,
			.feature = VIRTIO_BLK_F_WRITE_ZEROES,
		};
		break;
	default:
		*rules = (struct clear_rules) {
			.how = VHB_ERASE,
			.sectors = lim->erase,
			.feature = VIRTIO_BLK_F_SECURE_ERASE,
		};
	}
}

static u8 vhb_range_check(struct vhb *blk, const struct clear_rules *rules,
			  const struct virtio_blk_discard_write_zeroes *raw,
			  struct vhb_range *range)
{
	u64 sector = le64_to_cpu(raw->sector);
	u32 nr = le32_to_cpu(raw->num_sectors);
	u32 flags = le32_to_cpu(raw->flags);

	/* Spec 5.2.6.2: flags that are reserved here are not supported. */
	if (flags & ~rules->flags)
		return VIRTIO_BLK_S_UNSUPP;
	if (nr > rules->sectors || !vhb_on_disk(blk, sector, nr))
		return VIRTIO_BLK_S_IOERR;
	range->how = flags ? VHB_ZERO_UNMAP : rules->how;
	range->pos = sector << SECTOR_SHIFT;
	range->len = (u64)nr << SECTOR_SHIFT;
	return VIRTIO_BLK_S_OK;
}

/* All are read and checked before the first is obeyed. */
static u8 vhb_ranges_read(struct vhb_req *r, const struct clear_rules *rules,
			  unsigned int nr)
{
	struct virtio_blk_discard_write_zeroes raw;
	size_t off = sizeof(struct virtio_blk_outhdr);
	unsigned int i;
	u8 status;

	r->nr_ranges = 0;
	for (i = 0; i < nr; i++, off += sizeof(raw)) {
		if (parley_vhost_req_read(&r->req, off, &raw, sizeof(raw)) !=
		    sizeof(raw))
			return VIRTIO_BLK_S_IOERR;
		status = vhb_range_check(r->blk, rules, &raw,
					 &r->ranges[r->nr_ranges]);
		if (status != VIRTIO_BLK_S_OK)
			return status;
		/* An empty range asks for nothing. */
		if (r->ranges[r->nr_ranges].len)
			r->nr_ranges++;
	}
	return VIRTIO_BLK_S_OK;
}

static u8 vhb_clear_parse(struct vhb_req *r, u32 type)
{
	u32 len = r->req.chain.len_out - sizeof(struct virtio_blk_outhdr);
	const struct vhb_limits *lim = &r->blk->be->limits;
	u32 size = sizeof(struct virtio_blk_discard_write_zeroes);
	struct clear_rules rules;

	vhb_clear_rules(lim, type, &rules);
	if (!rules.sectors ||
	    !(parley_vhost_features(r->blk->dev) & BIT_ULL(rules.feature)))
		return VIRTIO_BLK_S_UNSUPP;
	if (r->blk->be->read_only)
		return VIRTIO_BLK_S_IOERR;
	if (!len || len % size || len / size > VHB_RANGES)
		return VIRTIO_BLK_S_IOERR;
	r->ranges = kmalloc_array(len / size, sizeof(*r->ranges),
				  GFP_KERNEL_ACCOUNT);
	if (!r->ranges)
		return VIRTIO_BLK_S_IOERR;
	return vhb_ranges_read(r, &rules, len / size);
}

/* What a stop would have to wait for. */
static u64 vhb_clear_bytes(const struct vhb_req *r)
{
	unsigned int i;
	u64 bytes = 0;

	for (i = 0; i < r->nr_ranges; i++)
		bytes += r->ranges[i].len;
	return bytes;
}

/* Of what is left, as the limits count it: nobody knows how much the back end writes. */
u64 vhb_clear_cost(const struct vhb_req *r)
{
	u64 cost = 0;
	unsigned int i;

	for (i = 0; i < r->nr_ranges; i++)
		cost += r->ranges[i].how == VHB_DISCARD ?
			r->ranges[i].len / VHB_DISCARD_WEIGHT : r->ranges[i].len;
	return cost;
}

/**
 * vhb_admin_clear() - start a discard, write zeroes or secure erase
 * @r: request
 * @type: VIRTIO_BLK_T_*
 *
 * Context: in the ring's worker.  Ends in parley_vhost_req_done(), if it was taken.
 * Return: whether it was, and whether others may follow.
 */
enum vhb_started vhb_admin_clear(struct vhb_req *r, u32 type)
{
	bool hint = type == VIRTIO_BLK_T_DISCARD;

	r->status = vhb_clear_parse(r, type);
	if (r->status != VIRTIO_BLK_S_OK || !r->nr_ranges) {
		parley_vhost_req_done(&r->req);
		return VHB_STARTED;
	}
	if (!hint && !parley_vhost_req_grow(&r->req, vhb_clear_bytes(r))) {
		kfree(r->ranges);
		r->ranges = NULL;
		return VHB_UNTAKEN;
	}
	r->cost = vhb_clear_cost(r);
	parley_vhost_req_charge(&r->req, r->cost);
	vhb_admin_step(r);
	return hint ? VHB_STARTED : VHB_STARTED_LAST;
}
