// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost blk: a block device as back end, by bios over the guest's own pages.
 *
 * The pages of user memory are pinned in submit() and let go in finish(), in the
 * worker: there a page that was read into can be locked to mark it dirty, which a
 * bio's end cannot do.  Data within one page, which is what most requests are,
 * is pinned as that.  The library finds the pages: the block layer's own
 * bio_iov_iter_get_pages() is for modules no longer.
 */
#include <linux/blk-mq.h>
#include <linux/slab.h>
#include "blk.h"

static int vhb_bdev_fill_limits(struct vhb_backend *be)
{
	struct block_device *bdev = be->bdev;
	struct vhb_limits *lim = &be->limits;
	u32 granularity = bdev_discard_granularity(bdev) >> SECTOR_SHIFT;

	lim->block = bdev_logical_block_size(bdev);
	/* Larger ones are possible, but no guest of ours would take them. */
	if (lim->block > PAGE_SIZE)
		return -EOPNOTSUPP;
	lim->physical = bdev_physical_block_size(bdev);
	lim->align = max(bdev_alignment_offset(bdev), 0);
	lim->io_min = bdev_io_min(bdev);
	lim->io_opt = bdev_io_opt(bdev);
	lim->write_cache = bdev_write_cache(bdev);
	be->mem_mask = bdev_dma_alignment(bdev);
	be->len_mask = lim->block - 1;

	/* The block layer cuts ranges to what the device takes at once. */
	if (bdev_max_discard_sectors(bdev)) {
		lim->discard = VHB_RANGE_SECTORS;
		lim->discard_align = max(granularity, lim->block >> SECTOR_SHIFT);
	}
	if (bdev_write_zeroes_sectors(bdev) || be->writes_zeroes) {
		lim->zeroes = VHB_RANGE_SECTORS;
		lim->may_unmap = true;
	}
	if (bdev_max_secure_erase_sectors(bdev)) {
		lim->erase = VHB_RANGE_SECTORS;
		lim->erase_align = max(granularity, lim->block >> SECTOR_SHIFT);
	}
	return 0;
}

static u64 vhb_bdev_size(const struct vhb_backend *be)
{
	return bdev_nr_bytes(be->bdev);
}

/* Any context.  Of several bios the last one ends the step. */
static void vhb_bio_end(struct bio *bio)
{
	struct vhb_req *r = bio->bi_private;

	if (unlikely(bio->bi_status))
		WRITE_ONCE(r->result, blk_status_to_errno(bio->bi_status));
	/* Fully ordered: the errors of others are seen by who ends it. */
	if (!r->multi || atomic_dec_and_test(&r->bios))
		parley_vhost_req_done(&r->req);
}

/* Let go of what is behind the last whole block: @over bytes. */
static noinline int vhb_bio_trim(struct bio *bio, struct iov_iter *iter, u32 over)
{
	struct bio_vec *last;
	u32 n;

	iov_iter_revert(iter, over);
	bio->bi_iter.bi_size -= over;
	for (; over; over -= n) {
		last = &bio->bi_io_vec[bio->bi_vcnt - 1];
		n = min(over, last->bv_len);
		last->bv_len -= n;
		if (last->bv_len)
			continue;
		if (bio_flagged(bio, BIO_PAGE_PINNED))
			unpin_user_page(last->bv_page);
		bio->bi_vcnt--;
	}
	return bio->bi_vcnt ? 0 : -EFAULT;
}

/*
 * As much of the owner's memory as the bio holds, in whole blocks: the VMM's is
 * pinned, the kernel's own, which is a loopback's, stays anyway.  Each page has a
 * vector of its own, so that the block layer can let go of them, as the library would.
 *
 * Return: 0 if that is anything, or why it is nothing.
 */
static __always_inline int vhb_bio_add(struct vhb_req *r, struct bio *bio,
				       struct iov_iter *iter)
{
	size_t before = iov_iter_count(iter);
	int nr = parley_vhost_req_vecs(&r->req, iter, bio->bi_io_vec, bio->bi_max_vecs);
	u32 over;

	if (unlikely(nr < 0))
		return nr;
	if (iov_iter_extract_will_pin(iter))
		bio_set_flag(bio, BIO_PAGE_PINNED);
	bio->bi_vcnt = nr;
	bio->bi_iter.bi_size = before - iov_iter_count(iter);
	over = bio->bi_iter.bi_size & r->blk->be->len_mask;
	return unlikely(over) ? vhb_bio_trim(bio, iter, over) : 0;
}

/* The only bio of bounced data, which uses their vectors where they are. */
static void vhb_bio_add_bounced(struct bio *bio, struct iov_iter *iter)
{
	bio->bi_vcnt = iter->nr_segs;
	bio->bi_iter.bi_size = iov_iter_count(iter);
	iov_iter_advance(iter, bio->bi_iter.bi_size);
}

static int vhb_bio_first(struct vhb_req *r, struct iov_iter *iter, blk_opf_t opf)
{
	struct vhb_backend *be = r->blk->be;

	r->embedded = true;
	if (iov_iter_is_bvec(iter)) {
		bio_init(&r->bio, be->bdev, r->bounce->vecs, r->bounce->nr, opf);
		vhb_bio_add_bounced(&r->bio, iter);
		return 0;
	}
	bio_init(&r->bio, be->bdev, r->vecs, VHB_VECS, opf);
	return vhb_bio_add(r, &r->bio, iter);
}

/*
 * No mempool: its elements come back in finish() only, in this very thread, so
 * waiting for one here could be for ever.
 */
static struct bio *vhb_bio_next(struct vhb_req *r, struct block_device *bdev,
				struct iov_iter *iter, blk_opf_t opf)
{
	unsigned int nr = bio_iov_vecs_to_alloc(iter, BIO_MAX_VECS);
	struct vhb_bio *b = kmalloc(struct_size(b, vecs, nr),
				    GFP_KERNEL_ACCOUNT);

	if (!b)
		return NULL;
	bio_init(&b->bio, bdev, b->vecs, nr, opf);
	b->next = r->more;
	r->more = b;
	return &b->bio;
}

static void vhb_bio_aim(struct bio *bio, struct vhb_req *r, u64 pos)
{
	bio->bi_iter.bi_sector = pos >> SECTOR_SHIFT;
	bio->bi_private = r;
	bio->bi_end_io = vhb_bio_end;
	bio->bi_ioprio = r->ioprio;
}

static blk_opf_t vhb_rw_opf(struct vhb_req *r)
{
	bool stable;

	if (!r->write)
		return REQ_OP_READ | REQ_SYNC;
	stable = READ_ONCE(r->blk->stable);
	r->plain |= !stable;
	return REQ_OP_WRITE | REQ_SYNC | REQ_IDLE | (stable ? REQ_FUA : 0);
}

/* More than one bio: who submits them counts as one, so none ends it early. */
static noinline void vhb_rw_more(struct vhb_req *r, struct iov_iter *iter, u64 pos)
{
	struct vhb_backend *be = r->blk->be;
	blk_opf_t opf = vhb_rw_opf(r);
	struct bio *bio;
	int err;

	while (iov_iter_count(iter)) {
		bio = vhb_bio_next(r, be->bdev, iter, opf);
		if (!bio) {
			WRITE_ONCE(r->result, -ENOMEM);
			break;
		}
		vhb_bio_aim(bio, r, pos);
		err = vhb_bio_add(r, bio, iter);
		if (err) {
			WRITE_ONCE(r->result, err);
			break;
		}
		pos += bio->bi_iter.bi_size;
		atomic_inc(&r->bios);
		submit_bio(bio);
	}
	if (atomic_dec_and_test(&r->bios))
		parley_vhost_req_done(&r->req);
}

/* The only bio of a step is complete. */
static void vhb_rw_submit(struct vhb_req *r, struct bio *bio)
{
	if (r->blk->be->poll) {
		/* Before it is submitted: it may end at once. */
		bio->bi_opf |= REQ_POLLED;
		r->polling = true;
		list_add_tail(&r->polled, r->poll_list);
	}
	submit_bio(bio);
}

/*
 * A page that cannot be pinned so is left to vhb_bdev_rw(), which knows of more kinds
 * and says what is wrong.
 */
static bool vhb_bdev_rw_user(struct vhb_req *r, void __user *data, u64 pos)
{
	struct bio *bio = &r->bio;

	if (!parley_vhost_user_page(data, r->step, !r->write, &r->page))
		return false;
	r->result = r->step;
	r->multi = false;
	r->embedded = true;
	bio_init(bio, r->blk->be->bdev, r->vecs, VHB_VECS, vhb_rw_opf(r));
	vhb_bio_aim(bio, r, pos);
	__bio_add_page(bio, r->page, r->step, offset_in_page(data));
	vhb_rw_submit(r, bio);
	return true;
}

static void vhb_bdev_rw(struct vhb_req *r, struct iov_iter *iter, u64 pos)
{
	struct bio *bio = &r->bio;
	int err;

	r->result = r->step;
	/*
	 * Many pages: large bios at once, instead of a small one first.  Few
	 * bytes are not worth counting them.
	 */
	if (unlikely(r->step > (VHB_VECS - 2) * PAGE_SIZE &&
		     !iov_iter_is_bvec(iter) &&
		     iov_iter_npages(iter, VHB_VECS + 1) > VHB_VECS)) {
		r->multi = true;
		atomic_set(&r->bios, 1);
		vhb_rw_more(r, iter, pos);
		return;
	}
	err = vhb_bio_first(r, iter, vhb_rw_opf(r));
	vhb_bio_aim(bio, r, pos);
	if (unlikely(err)) {
		r->result = err;
		parley_vhost_req_done(&r->req);
		return;
	}
	r->multi = iov_iter_count(iter);
	if (unlikely(r->multi)) {
		pos += bio->bi_iter.bi_size;
		atomic_set(&r->bios, 2);
		submit_bio(bio);
		vhb_rw_more(r, iter, pos);
		return;
	}
	vhb_rw_submit(r, bio);
}

/* In the worker: what submit() pinned or allocated. */
static void vhb_bdev_rw_end(struct vhb_req *r)
{
	struct vhb_bio *b;

	if (unlikely(r->polling)) {
		list_del(&r->polled);
		r->polling = false;
	}
	if (likely(r->page))
		parley_vhost_user_page_put(&r->page, !r->write);
	if (likely(r->embedded)) {
		bio_release_pages(&r->bio, !r->write);
		bio_uninit(&r->bio);
		r->embedded = false;
	}
	while (unlikely(r->more)) {
		b = r->more;
		r->more = b->next;
		bio_release_pages(&b->bio, !r->write);
		bio_uninit(&b->bio);
		kfree(b);
	}
}

static void vhb_flush_end(struct bio *bio)
{
	struct vhb_req *r = bio->bi_private;

	r->result = blk_status_to_errno(bio->bi_status);
	bio_uninit(bio);
	parley_vhost_req_done(&r->req);
}

/* An empty bio, which covers every write that was completed before it. */
static void vhb_bdev_flush(struct vhb_req *r)
{
	bio_init(&r->bio, r->blk->be->bdev, NULL, 0,
		 REQ_OP_WRITE | REQ_PREFLUSH);
	r->bio.bi_private = r;
	r->bio.bi_end_io = vhb_flush_end;
	submit_bio(&r->bio);
}

static int vhb_bdev_sync(const struct vhb_backend *be)
{
	return blkdev_issue_flush(be->bdev);
}

static int vhb_bdev_clear(const struct vhb_backend *be, enum vhb_clear how, u64 pos,
			  u64 len)
{
	sector_t sector = pos >> SECTOR_SHIFT;
	sector_t nr = len >> SECTOR_SHIFT;
	unsigned int native = be->writes_zeroes ? 0 : BLKDEV_ZERO_NOFALLBACK;

	switch (how) {
	case VHB_DISCARD:
		return blkdev_issue_discard(be->bdev, sector, nr, GFP_KERNEL);
	case VHB_ZERO:
		return blkdev_issue_zeroout(be->bdev, sector, nr, GFP_KERNEL,
					    BLKDEV_ZERO_NOUNMAP | native);
	case VHB_ZERO_UNMAP:
		return blkdev_issue_zeroout(be->bdev, sector, nr, GFP_KERNEL, native);
	case VHB_ERASE:
		return blkdev_issue_secure_erase(be->bdev, sector, nr,
						 GFP_KERNEL);
	}
	return -EOPNOTSUPP;
}

/**
 * vhb_bdev_poll() - look for completions of polled bios
 * @polled: the ring's requests that are polled for, oldest first
 *
 * The oldest decides where to look; the block layer finds all others there.  A bio
 * that it had to cut is not polled for after all, and ends by an interrupt: with
 * nothing else to look for, the worker sleeps.
 * Its bio may have ended already, which does no harm: it belongs to the request
 * until finish().
 *
 * Context: as poll(): by who serves or drains the ring, under vq->mutex.
 * Return: true if some are in flight.
 */
bool vhb_bdev_poll(struct list_head *polled)
{
	DEFINE_IO_COMP_BATCH(iob);
	struct vhb_req *r;

	for (;;) {
		r = list_first_entry_or_null(polled, struct vhb_req, polled);
		if (!r)
			return false;
		if (likely(READ_ONCE(r->bio.bi_opf) & REQ_POLLED))
			break;
		list_del(&r->polled);
		r->polling = false;
	}
	bio_poll(&r->bio, &iob, BLK_POLL_ONESHOT);
	if (iob.complete)
		iob.complete(&iob);
	return true;
}

const struct vhb_ops vhb_bdev_ops = {
	.limits	= vhb_bdev_fill_limits,
	.size	= vhb_bdev_size,
	.rw	= vhb_bdev_rw,
	.rw_user = vhb_bdev_rw_user,
	.rw_end	= vhb_bdev_rw_end,
	.flush	= vhb_bdev_flush,
	.sync	= vhb_bdev_sync,
	.clear	= vhb_bdev_clear,
};
