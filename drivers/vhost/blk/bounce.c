// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost blk: pages of ours, where the guest's do not suit the back end.
 *
 * They are charged to the VMM's memory cgroup, as all that a guest can make us
 * allocate: at most VHB_BOUNCE_PAGES for each request in flight.
 */
#include <linux/bvec.h>
#include <linux/slab.h>
#include "blk.h"

static int vhb_bounce_alloc(struct vhb_req *r, u32 len)
{
	unsigned int nr = DIV_ROUND_UP(len, PAGE_SIZE);
	struct vhb_bounce *b;

	b = kzalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);
	if (!b)
		return -ENOMEM;
	r->bounce = b;
	while (b->nr < nr) {
		struct page *page = alloc_page(GFP_KERNEL_ACCOUNT);

		if (!page)
			return -ENOMEM;
		bvec_set_page(&b->vecs[b->nr++], page, PAGE_SIZE, 0);
	}
	return 0;
}

void vhb_bounce_free(struct vhb_req *r)
{
	struct vhb_bounce *b = r->bounce;

	r->bounce = NULL;
	while (b->nr)
		__free_page(b->vecs[--b->nr].bv_page);
	kfree(b);
}

/* An iterator over the pages, for the step's bytes. */
void vhb_bounce_iter(struct vhb_req *r, struct iov_iter *iter)
{
	iov_iter_bvec(iter, r->write ? ITER_SOURCE : ITER_DEST, r->bounce->vecs,
		      DIV_ROUND_UP(r->step, PAGE_SIZE), r->step);
}

/**
 * vhb_bounce_fill() - make a bounced step
 * @r: request; r->step is what is left of it, and shrinks to what fits
 * @iter: filled, with the data of a write copied
 *
 * Context: in the ring's worker.
 * Return: 0, -ENOMEM, or -EFAULT if the guest's memory cannot be read.
 */
int vhb_bounce_fill(struct vhb_req *r, struct iov_iter *iter)
{
	u32 at, n;
	int err;

	r->step = min_t(u32, r->step, VHB_BOUNCE_PAGES * PAGE_SIZE);
	if (!r->bounce) {
		err = vhb_bounce_alloc(r, r->step);
		if (err)
			return err;
	}
	for (at = 0; r->write && at < r->step; at += n) {
		void *page = bvec_virt(&r->bounce->vecs[at / PAGE_SIZE]);
		size_t off = sizeof(struct virtio_blk_outhdr) + r->done + at;

		n = min_t(u32, r->step - at, PAGE_SIZE);
		if (parley_vhost_req_read(&r->req, off, page, n) != n)
			return -EFAULT;
	}
	vhb_bounce_iter(r, iter);
	return 0;
}

/**
 * vhb_bounce_drain() - hand what was read to the guest
 * @r: request
 * @len: bytes that the back end gave, of this step
 *
 * Context: in the ring's worker.
 * Return: 0, or -EFAULT.
 */
int vhb_bounce_drain(struct vhb_req *r, u32 len)
{
	u32 at, n;

	for (at = 0; at < len; at += n) {
		const void *page = bvec_virt(&r->bounce->vecs[at / PAGE_SIZE]);

		n = min_t(u32, len - at, PAGE_SIZE);
		if (parley_vhost_req_write(&r->req, r->done + at, page, n) != n)
			return -EFAULT;
	}
	return 0;
}
