// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost blk: what may take long, or has no asynchronous way: discard, write
 * zeroes, secure erase, and the flush of a file.  A few at a time, on a
 * workqueue of the device; the ring goes on meanwhile.
 */
#include <linux/slab.h>
#include "blk.h"

static void vhb_admin_end(struct vhb_req *r, long err)
{
	r->result = err;
	parley_vhost_req_done(&r->req);
}

static void vhb_flush_work_fn(struct work_struct *work)
{
	struct vhb_req *r = container_of(work, struct vhb_req, work);
	struct vhb_backend *be = r->blk->be;
	struct parley_vhost_as was;
	int err;

	parley_vhost_as_owner(r->blk->dev, &was);
	err = be->ops->sync(be);
	parley_vhost_as_before(&was);
	vhb_admin_end(r, err);
}

/* Ends in parley_vhost_req_done(). */
void vhb_admin_flush(struct vhb_req *r)
{
	INIT_WORK(&r->work, vhb_flush_work_fn);
	queue_work(r->blk->admin, &r->work);
}

static void vhb_clear_work_fn(struct work_struct *work)
{
	struct vhb_req *r = container_of(work, struct vhb_req, work);
	struct vhb_backend *be = r->blk->be;
	struct parley_vhost_as was;
	unsigned int i;
	int err = 0;

	parley_vhost_as_owner(r->blk->dev, &was);
	for (i = 0; i < r->nr_ranges && !err; i++) {
		struct vhb_range *range = &r->ranges[i];

		err = be->ops->clear(be, range->how, range->pos, range->len);
		/* A hint that the medium does not take is no failure. */
		if (err == -EOPNOTSUPP && range->how == VHB_DISCARD)
			err = 0;
	}
	if (!err && READ_ONCE(r->blk->stable))
		err = be->ops->sync(be);
	parley_vhost_as_before(&was);
	vhb_admin_end(r, err);
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

/**
 * vhb_admin_clear() - start a discard, write zeroes or secure erase
 * @r: request
 * @type: VIRTIO_BLK_T_*
 *
 * Context: in the ring's worker.  Ends in parley_vhost_req_done().
 */
void vhb_admin_clear(struct vhb_req *r, u32 type)
{
	r->status = vhb_clear_parse(r, type);
	if (r->status != VIRTIO_BLK_S_OK || !r->nr_ranges) {
		parley_vhost_req_done(&r->req);
		return;
	}
	INIT_WORK(&r->work, vhb_clear_work_fn);
	queue_work(r->blk->admin, &r->work);
}
