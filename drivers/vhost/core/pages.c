// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages behind a request: for back ends that move data by themselves.
 *
 * A user's pages are pinned as long as the back end has them.  A loopback's are the
 * kernel's own, which its front-end keeps until the request is over: those are lent as
 * they are.
 *
 * Pinned is what direct I/O pins, for as long as a request takes, and like that it is
 * not accounted: RLIMIT_MEMLOCK is for what stays (pin.c).  What is in flight bounds it
 * (bound.c), by bytes and by pieces.  So it is not for buffers that wait for what may
 * never come: a page that is pinned so keeps movable memory from being moved.
 *
 * Whoever takes memory from the table, or a translation from a device IOMMU, waits for
 * the requests that use it.  He may then give it to another guest, so a back end lets go
 * of the pages before the request is over, and not after.
 *
 * Each vector, and each entry of a scatterlist, is a page of its own, whatever lies
 * side by side or twice.  So letting go of each is enough.
 */
#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/uio.h>
#include "req.h"
#include "state.h"

#define PAGES_AT_ONCE	16u	/* of a long request; few enough for the stack */

/**
 * parley_vhost_req_vecs() - the pages of a part of a request
 * @req: request
 * @iter: what parley_vhost_req_iter() set up of it; advanced by what was found
 * @vecs: filled, one for each page
 * @room: of them, at least 1
 *
 * Pages are pinned to be written if the guest wants the bytes from us, and else only to
 * be read.  parley_vhost_vecs_put() lets go of them, before the request is done or in
 * finish().
 *
 * Context: where the iterator can be used; may sleep.
 * Return: how many were filled, fewer than there is room for at the end of the
 * iterator, or where what follows cannot be reached.  If that is none: -EFAULT for
 * memory that is not there or cannot be pinned, a window of a device, say; -EINTR or
 * -EAGAIN while the owner is being killed; -ENOMEM.  Such memory can often be copied
 * all the same, with parley_vhost_req_read() and parley_vhost_req_write().
 */
int parley_vhost_req_vecs(const struct parley_vhost_req *req, struct iov_iter *iter,
			  struct bio_vec *vecs, unsigned int room)
{
	struct page *pages[PAGES_AT_ONCE], **to = pages;
	unsigned int nr = 0, len, i;
	ssize_t got;
	size_t off;

	/* Set up in the worker, say, and used by somebody else. */
	if (unlikely(!vh_req_reachable(req->vq)))
		return -EFAULT;
	do {
		got = iov_iter_extract_pages(iter, &to, iov_iter_count(iter),
					     min(room - nr, PAGES_AT_ONCE), 0, &off);
		if (got <= 0)
			break;
		for (i = 0; got; i++, got -= len, off = 0) {
			len = min_t(size_t, got, PAGE_SIZE - off);
			bvec_set_page(&vecs[nr++], pages[i], len, off);
		}
	} while (nr < room && iov_iter_count(iter));
	return nr ? nr : got ?: -EFAULT;
}
PARLEY_EXPORT(parley_vhost_req_vecs);

/**
 * parley_vhost_vecs_put() - let go of pages
 * @req: their request
 * @vecs: what parley_vhost_req_vecs() filled
 * @nr: of them
 * @dirty: they may have been written; only of those that the guest wants from us
 *
 * The dirty log is none of its affair: all that a request may write is logged when it is
 * over.
 *
 * Context: may sleep, for pages that are marked dirty: in finish(), say, and not in an
 * interrupt.  Nobody's memory need be current.
 */
void parley_vhost_vecs_put(const struct parley_vhost_req *req, const struct bio_vec *vecs,
			   unsigned int nr, bool dirty)
{
	struct page *page;
	unsigned int i;

	/* Lent. */
	if (req->vq->joined)
		return;
	for (i = 0; i < nr; i++) {
		page = vecs[i].bv_page;
		unpin_user_pages_dirty_lock(&page, 1, dirty);
	}
}
PARLEY_EXPORT(parley_vhost_vecs_put);

/* ---------------------------------------------------------- scatterlists */

/* All of the iterator.  An entry that was not reached has no page. */
static int vh_sg_fill(const struct parley_vhost_req *req, struct iov_iter *iter,
		      struct sg_table *sgt)
{
	struct bio_vec vecs[PAGES_AT_ONCE];
	struct scatterlist *sg = sgt->sgl;
	unsigned int room = sgt->orig_nents;
	int i, nr;

	for (; iov_iter_count(iter); room -= nr) {
		nr = parley_vhost_req_vecs(req, iter, vecs, min(room, PAGES_AT_ONCE));
		if (nr < 0)
			return nr;
		for (i = 0; i < nr; i++, sg = sg_next(sg))
			sg_set_page(sg, vecs[i].bv_page, vecs[i].bv_len, vecs[i].bv_offset);
	}
	return 0;
}

/**
 * parley_vhost_req_sg() - a part of a request as a scatterlist
 * @req: request
 * @direction: as parley_vhost_req_iter()
 * @off: the same
 * @len: bytes, at least 1 and at most PARLEY_VHOST_STEP: a request may be larger
 * @sgt: filled, an entry for each page
 *
 * Context: where parley_vhost_req_iter() has something; may sleep, and allocates.
 * Return: 0, then parley_vhost_req_sg_put() lets go of it, as of vectors; -E2BIG for
 * more than a step; -EFAULT if the request ends earlier or its memory cannot be reached;
 * -ENOMEM; else as parley_vhost_req_vecs().
 */
int parley_vhost_req_sg(struct parley_vhost_req *req, unsigned int direction, size_t off,
			size_t len, struct sg_table *sgt)
{
	struct iov_iter iter;
	int err;

	if (len > PARLEY_VHOST_STEP)
		return -E2BIG;
	parley_vhost_req_iter(req, direction, off, len, &iter);
	if (!len || iov_iter_count(&iter) < len)
		return -EFAULT;
	err = sg_alloc_table(sgt, iov_iter_npages(&iter, INT_MAX), GFP_KERNEL_ACCOUNT);
	if (err)
		return err;
	err = vh_sg_fill(req, &iter, sgt);
	if (err)
		parley_vhost_req_sg_put(req, sgt, false);
	return err;
}
PARLEY_EXPORT(parley_vhost_req_sg);

/**
 * parley_vhost_req_sg_put() - the mirror of parley_vhost_req_sg()
 * @req: the request
 * @sgt: the scatterlist; not mapped for a device any more
 * @dirty: as parley_vhost_vecs_put()
 *
 * Context: as parley_vhost_vecs_put().
 */
void parley_vhost_req_sg_put(const struct parley_vhost_req *req, struct sg_table *sgt,
			     bool dirty)
{
	struct bio_vec vec = {};
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_sg(sgt, sg, i) {
		vec.bv_page = sg_page(sg);
		if (!vec.bv_page)
			break;
		parley_vhost_vecs_put(req, &vec, 1, dirty);
	}
	sg_free_table(sgt);
}
PARLEY_EXPORT(parley_vhost_req_sg_put);
