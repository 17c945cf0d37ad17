// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory of a request that an accelerator keeps for long, and uses in any context.
 *
 * A guest that shares memory with a device makes it available as a buffer of a queue
 * that is pulled, and the accelerator does not end that request until somebody waits for
 * it.  So all that the library does for requests holds for what is shared: addresses are
 * the guest's and translated once, who takes memory away waits for recall(), what was
 * written is logged when it ends, and a ring that stops has nothing of it left.
 *
 * What stays for long is pinned as the rings are (pin.c), and accounted.
 */
#include <linux/slab.h>
#include "pin.h"
#include "req.h"
#include "state.h"

static int vh_keep_pin(struct parley_vhost_req *req, const struct parley_iov *iov,
		       struct parley_vhost_area *area)
{
	struct vh_area *pinned = kzalloc(sizeof(*pinned), GFP_KERNEL_ACCOUNT);
	int err;

	if (!pinned)
		return -ENOMEM;
	err = vh_area_pin(pinned, &req->vq->dev->owner, iov->addr, iov->len);
	if (err) {
		kfree(pinned);
		return err;
	}
	area->pinned = pinned;
	area->kern = pinned->kern;
	return 0;
}

/**
 * parley_vhost_area_get() - keep one direction of a request at hand
 * @req: request
 * @direction: ITER_SOURCE for what the guest wrote for us, ITER_DEST for what it wants
 *	from us
 * @area: filled
 *
 * The guest may change what lies there at any time.  parley_vhost_area_put() lets go of
 * it, before the request ends.
 *
 * Context: as parley_vhost_req_read(); may sleep.
 * Return: 0; -EINVAL if it is none or more than one piece; -EFAULT if it cannot be
 * reached; -ENOMEM, also for the owner's RLIMIT_MEMLOCK; else as pin_user_pages().
 */
int parley_vhost_area_get(struct parley_vhost_req *req, unsigned int direction,
			  struct parley_vhost_area *area)
{
	const struct parley_chain *c = &req->chain;
	bool in = direction == ITER_DEST;
	const struct parley_iov *iov = c->iov + (in ? c->n_out : 0);

	*area = (struct parley_vhost_area){};
	if ((in ? c->n_in : c->n_out) != 1)
		return -EINVAL;
	if (!vh_req_reachable(req->vq))
		return -EFAULT;
	area->len = iov->len;
	if (!req->vq->joined)
		return vh_keep_pin(req, iov, area);
	/* The front-end's, which keeps it as long as the request. */
	area->kern = iov->kern;
	return 0;
}
PARLEY_EXPORT(parley_vhost_area_get);

/**
 * parley_vhost_area_put() - the mirror of parley_vhost_area_get()
 * @area: it; empty is fine, and it is afterwards
 *
 * Context: may sleep; any mm.
 */
void parley_vhost_area_put(struct parley_vhost_area *area)
{
	if (area->pinned) {
		vh_area_unpin(area->pinned);
		kfree(area->pinned);
	}
	*area = (struct parley_vhost_area){};
}
PARLEY_EXPORT(parley_vhost_area_put);
