// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost blk: reads and writes.  Most are one step: the guest's pieces go to the
 * back end as they are.  A larger one has steps of VHB_STEP, so that no back end
 * gets gigabytes at once, and we can stop in between.  A shape that the back end
 * does not take (a piece that is no whole block, an address that its DMA cannot
 * reach) goes by way of our pages in steps of at most VHB_BOUNCE_PAGES.  So
 * whatever the guest sends costs a bounded amount of memory and of time.
 */
#include "blk.h"

/* Where the data begins, among the bytes of its direction. */
static size_t vhb_data_off(const struct vhb_req *r)
{
	return r->write ? sizeof(struct virtio_blk_outhdr) : 0;
}

static void vhb_step_failed(struct vhb_req *r, int err)
{
	r->result = err;
	parley_vhost_req_done(&r->req);
}

static noinline void vhb_step_bounced(struct vhb_req *r)
{
	struct iov_iter iter;
	int err;

	err = vhb_bounce_fill(r, &iter);
	if (err)
		vhb_step_failed(r, err);
	else
		r->blk->be->ops->rw(r, &iter, r->pos + r->done);
}

/* One piece of the guest's memory, as the back end likes it: without an iterator. */
static bool vhb_step_user(struct vhb_req *r, unsigned int direction, u64 pos)
{
	struct vhb_backend *be = r->blk->be;
	void __user *data;

	if (!be->ops->rw_user)
		return false;
	data = parley_vhost_req_user(&r->req, direction, vhb_data_off(r) + r->done,
				     r->step);
	if (unlikely(!data || (unsigned long)data & be->mem_mask ||
		     r->step & be->len_mask))
		return false;
	return be->ops->rw_user(r, data, pos);
}

/* Does the back end take the guest's pieces where and as long as they are? */
static bool vhb_step_fits(const struct vhb_backend *be, struct iov_iter iter)
{
	while (iov_iter_count(&iter)) {
		size_t len = iov_iter_single_seg_count(&iter);

		/* Of kernel memory, too: the two kinds are laid out alike. */
		if (((unsigned long)iter_iov_addr(&iter) | len) & be->mem_mask ||
		    len & be->len_mask)
			return false;
		iov_iter_advance(&iter, len);
	}
	return true;
}

/* The next step, which ends in parley_vhost_req_done(). */
void vhb_rw_step(struct vhb_req *r)
{
	unsigned int direction = r->write ? ITER_SOURCE : ITER_DEST;
	struct vhb_backend *be = r->blk->be;
	u64 pos = r->pos + r->done;
	struct iov_iter iter;

	r->step = min_t(u32, r->len - r->done, VHB_STEP);
	if (unlikely(r->bounced)) {
		vhb_step_bounced(r);
		return;
	}
	if (likely(vhb_step_user(r, direction, pos)))
		return;
	parley_vhost_req_iter(&r->req, direction, vhb_data_off(r) + r->done, r->step,
			      &iter);
	if (likely(iov_iter_count(&iter) == r->step && vhb_step_fits(be, iter))) {
		be->ops->rw(r, &iter, pos);
		return;
	}
	r->bounced = true;
	vhb_step_bounced(r);
}

/* Parsed and checked; ends in parley_vhost_req_done(). */
void vhb_rw_start(struct vhb_req *r)
{
	struct vhb_backend *be = r->blk->be;

	r->done = 0;
	/* A place that IOCB_DIRECT does not reach: through the page cache. */
	if (unlikely(!be->bdev &&
		     (!be->direct || (r->pos | r->len) & be->len_mask)))
		r->bounced = true;
	r->buffered = r->bounced;
	vhb_rw_step(r);
}

/* The file ends before the disk does: what lies beyond reads as zeroes. */
static int vhb_zero_step(struct vhb_req *r)
{
	const void *zeroes = page_address(ZERO_PAGE(0));
	u32 end = r->done + r->step;

	while (r->done < end) {
		size_t n = min_t(size_t, end - r->done, PAGE_SIZE);

		if (parley_vhost_req_write(&r->req, r->done, zeroes, n) != n)
			return -EFAULT;
		r->done += n;
	}
	return 0;
}

/* What a step that did not fail has moved. */
static int vhb_step_account(struct vhb_req *r)
{
	u32 moved = min_t(unsigned long, r->result, r->step);

	if (moved && r->bounced && !r->write &&
	    vhb_bounce_drain(r, moved))
		return -EFAULT;
	r->done += moved;
	if (likely(moved))
		return 0;
	/* A write that moves nothing never will. */
	return r->write ? -EIO : vhb_zero_step(r);
}

/* By way of our pages and a kernel thread, the most patient of all ways. */
static bool vhb_step_buffer(struct vhb_req *r)
{
	if (r->buffered)
		return false;
	r->buffered = true;
	r->bounced = true;
	return true;
}

/* Did a step fail in a way that a more patient one may not? */
static bool vhb_step_retry(struct vhb_req *r)
{
	bool file = !r->blk->be->bdev;

	switch (r->result) {
	case -EINTR:
	case -EAGAIN:
		/*
		 * We are being killed.  Pinning fails then (with EAGAIN while
		 * another thread changes the mappings), and so do writes of some
		 * file systems (generic_perform_write() gives up), but not in a
		 * kernel thread.
		 */
		if (file)
			return vhb_step_buffer(r);
		fallthrough;
	case -EFAULT:
		/*
		 * Memory that cannot be pinned: a window of a device, say.  It
		 * can perhaps be copied.
		 */
		if (r->bounced)
			return false;
		r->bounced = true;
		return true;
	case -EINVAL:
		/* No direct I/O here, whatever the file system has said. */
		return file && vhb_step_buffer(r);
	default:
		return false;
	}
}

/*
 * The cache was turned off while it was under way: the driver will not flush it, so it
 * does not complete before we did.
 */
static bool vhb_rw_flushes(struct vhb_req *r)
{
	if (likely(!r->plain) || likely(!READ_ONCE(r->blk->stable)))
		return false;
	r->flushed = true;
	return true;
}

/**
 * vhb_rw_finish() - after a step: is there another, or what came of it?
 * @r: request
 *
 * Return: false if there is another step, for vhb_go_on().
 */
bool vhb_rw_finish(struct vhb_req *r)
{
	const struct vhb_ops *ops = r->blk->be->ops;
	int err;

	if (ops->rw_end)
		ops->rw_end(r);
	if (unlikely(r->result < 0 && vhb_step_retry(r)))
		return false;
	err = r->result < 0 ? r->result : vhb_step_account(r);
	if (unlikely(!err && r->done < r->len))
		return false;
	if (unlikely(!err && vhb_rw_flushes(r)))
		return false;
	r->status = vhb_status(err);
	if (!err && !r->write)
		r->payload = r->len;
	return true;
}
