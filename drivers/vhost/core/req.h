/* SPDX-License-Identifier: GPL-2.0-only */
/* The requests of a ring; see req.c. */
#ifndef _PARLEY_VHOST_REQ_H
#define _PARLEY_VHOST_REQ_H

#include <linux/types.h>

struct parley_vhost_vq;

#define VH_BURST		32	/* chains of one submit() */

/* Before the ring runs, under dev->mutex: vq->num, vq->joined are known. */
int vh_reqs_alloc(struct parley_vhost_vq *vq);
void vh_reqs_free(struct parley_vhost_vq *vq);
/* Those in flight that touch host..last are awaited; under vq->mutex. */
void vh_reqs_await(struct parley_vhost_vq *vq, u64 host, u64 last);

#endif /* _PARLEY_VHOST_REQ_H */
