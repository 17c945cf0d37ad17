// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages behind a request: for back ends that move data by themselves.
 *
 * A user's pages are pinned as long as the back end has them.  A loopback's are the
 * kernel's own, which its front-end keeps until the request is over: those are lent as
 * they are.  Pinned is what direct I/O pins, for as long as a request takes; it is not
 * accounted, but bounded by what may be in flight (bound.c).
 *
 * Each vector, and each entry of a scatterlist, is a page of its own, whatever lies
 * side by side or twice.  So letting go of each is enough.
 */
#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/uio.h>
#include "state.h"

#define PAGES_AT_ONCE	16u	/* of a long request; few enough for the stack */

/**
 * parley_vhost_req_pins() - are the pages of this request pinned?
 * @req: request
 *
 * Context: any, while the request is the accelerator's.
 * Return: true if so; false if they stay anyway.
 */
bool parley_vhost_req_pins(const struct parley_vhost_req *req)
{
	return !req->vq->joined;
}
PARLEY_EXPORT(parley_vhost_req_pins);

/**
 * parley_vhost_iter_vecs() - the pages of a part of a request
 * @iter: what parley_vhost_req_iter() set up; advanced by what was found
 * @vecs: filled, one for each page
 * @room: of them
 *
 * Context: where the iterator can be used; may sleep.
 * Return: how many were filled, fewer than there is room for at the end of the
 * iterator, or where what follows cannot be reached.  Of none: -EFAULT, or why it
 * is none, for memory that cannot be pinned: a window of a device, say, or while the
 * owner is being killed (-EINTR, -EAGAIN).  To be let go of with
 * parley_vhost_vecs_put().
 */
int parley_vhost_iter_vecs(struct iov_iter *iter, struct bio_vec *vecs, unsigned int room)
{
	struct page *pages[PAGES_AT_ONCE], **to = pages;
	unsigned int nr = 0, len, i;
	ssize_t got = -EFAULT;
	size_t off;

	while (nr < room && iov_iter_count(iter)) {
		got = iov_iter_extract_pages(iter, &to, iov_iter_count(iter),
					     min(room - nr, PAGES_AT_ONCE), 0, &off);
		if (got <= 0)
			break;
		for (i = 0; got; i++, got -= len, off = 0) {
			len = min_t(size_t, got, PAGE_SIZE - off);
			bvec_set_page(&vecs[nr++], pages[i], len, off);
		}
	}
	return nr ? nr : got ?: -EFAULT;
}
PARLEY_EXPORT(parley_vhost_iter_vecs);

/**
 * parley_vhost_vecs_put() - let go of pages
 * @req: their request
 * @vecs: what parley_vhost_iter_vecs() filled
 * @nr: of them
 * @dirty: they may have been written
 *
 * Context: may sleep, for pages that are marked dirty: in finish(), say.
 */
void parley_vhost_vecs_put(const struct parley_vhost_req *req, const struct bio_vec *vecs,
			   unsigned int nr, bool dirty)
{
	struct page *page;
	unsigned int i;

	if (!parley_vhost_req_pins(req))
		return;
	for (i = 0; i < nr; i++) {
		page = vecs[i].bv_page;
		unpin_user_pages_dirty_lock(&page, 1, dirty);
	}
}
PARLEY_EXPORT(parley_vhost_vecs_put);

/* ---------------------------------------------------------- scatterlists */

/* Entries @from and on are none. */
static void vh_sg_let_go(const struct parley_vhost_req *req, struct sg_table *sgt,
			 unsigned int from, bool dirty)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_sg(sgt, sg, i) {
		struct bio_vec vec = { .bv_page = sg_page(sg) };

		if (i == from)
			break;
		parley_vhost_vecs_put(req, &vec, 1, dirty);
	}
	sg_free_table(sgt);
}

/* All of the iterator; else how many entries have a page is in @done. */
static int vh_sg_fill(struct iov_iter *iter, struct sg_table *sgt, unsigned int *done)
{
	struct bio_vec vecs[PAGES_AT_ONCE];
	struct scatterlist *sg = sgt->sgl;
	int i, nr;

	while (iov_iter_count(iter)) {
		nr = parley_vhost_iter_vecs(iter, vecs,
					    min(sgt->orig_nents - *done, PAGES_AT_ONCE));
		if (nr < 0)
			return nr;
		for (i = 0; i < nr; i++, sg = sg_next(sg))
			sg_set_page(sg, vecs[i].bv_page, vecs[i].bv_len, vecs[i].bv_offset);
		*done += nr;
	}
	return 0;
}

/**
 * parley_vhost_req_sg() - a part of a request as a scatterlist
 * @req: request
 * @direction: as parley_vhost_req_iter()
 * @off: the same
 * @len: bytes, at least 1; of one step, since a guest may ask for 4 GiB
 * @sgt: filled, an entry for each page
 *
 * Context: where the iterator can be used; may sleep.
 * Return: 0, then parley_vhost_req_sg_put() lets go of it; -EFAULT if the request ends
 * earlier or its memory cannot be reached; -ENOMEM; else as parley_vhost_iter_vecs().
 */
int parley_vhost_req_sg(struct parley_vhost_req *req, unsigned int direction, size_t off,
			size_t len, struct sg_table *sgt)
{
	unsigned int done = 0;
	struct iov_iter iter;
	int err;

	parley_vhost_req_iter(req, direction, off, len, &iter);
	if (!len || iov_iter_count(&iter) < len)
		return -EFAULT;
	err = sg_alloc_table(sgt, iov_iter_npages(&iter, INT_MAX), GFP_KERNEL_ACCOUNT);
	if (err)
		return err;
	err = vh_sg_fill(&iter, sgt, &done);
	if (err)
		vh_sg_let_go(req, sgt, done, false);
	return err;
}
PARLEY_EXPORT(parley_vhost_req_sg);

/**
 * parley_vhost_req_sg_put() - the mirror of parley_vhost_req_sg()
 * @req: the request
 * @sgt: the scatterlist; not mapped for a device any more
 * @dirty: its pages may have been written
 *
 * Context: as parley_vhost_vecs_put().
 */
void parley_vhost_req_sg_put(const struct parley_vhost_req *req, struct sg_table *sgt,
			     bool dirty)
{
	vh_sg_let_go(req, sgt, sgt->orig_nents, dirty);
}
PARLEY_EXPORT(parley_vhost_req_sg_put);
