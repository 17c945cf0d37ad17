/* SPDX-License-Identifier: GPL-2.0-only */
/* The life of a ring; see vq.c. */
#ifndef _PARLEY_VHOST_VQ_H
#define _PARLEY_VHOST_VQ_H

#include <linux/types.h>

struct parley_vhost;
struct parley_vhost_vq;

void vh_vq_init(struct parley_vhost_vq *vq, struct parley_vhost *dev,
		unsigned int index);
void vh_vq_reset(struct parley_vhost_vq *vq);
void vh_vq_release(struct parley_vhost_vq *vq);
/*
 * Stop taking, wait for what is in flight, publish it, keep the base.  Without
 * dev->mutex and vq->mutex: for a worker that is being killed, whose mm still
 * lives.  parley_vhost_vq_stop() does the rest later.
 */
void vh_vq_kill(struct parley_vhost_vq *vq);
/*
 * Take nothing, and wait for what is in flight; behind a device IOMMU the ring's
 * pages are given back as well.  Until the release the ring is not idle, and
 * nobody starts it.  Both under dev->mutex, without vq->mutex; the first may end
 * with -EINTR, and is to be released all the same.
 */
int vh_vq_hold(struct parley_vhost_vq *vq);
void vh_vq_let_go(struct parley_vhost_vq *vq);
/* The one and the other. */
void vh_vq_suspend(struct parley_vhost_vq *vq);

#endif /* _PARLEY_VHOST_VQ_H */
