/* SPDX-License-Identifier: GPL-2.0-only */
/* The requests of a ring; see req.c. */
#ifndef _PARLEY_VHOST_REQ_H
#define _PARLEY_VHOST_REQ_H

#include <linux/sched.h>
#include <linux/types.h>

#include "state.h"

#define VH_BURST		32	/* chains of one submit() */

/* Before the ring runs, under dev->mutex: vq->num, vq->joined are known. */
int vh_reqs_alloc(struct parley_vhost_vq *vq);
void vh_reqs_free(struct parley_vhost_vq *vq);
/* Those in flight that touch host..last are awaited; under vq->mutex. */
void vh_reqs_await(struct parley_vhost_vq *vq, u64 host, u64 last);
/* How long the oldest one is in flight, or -1; under vq->mutex. */
s64 vh_reqs_oldest_ms(const struct parley_vhost_vq *vq);

/* Can the guest's memory be used here?  A worker can; who drains a ring, perhaps not. */
static inline bool vh_req_reachable(const struct parley_vhost_vq *vq)
{
	return vq->joined || likely(current->mm == vq->dev->owner.mm);
}

#endif /* _PARLEY_VHOST_REQ_H */
