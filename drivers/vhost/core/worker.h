/* SPDX-License-Identifier: GPL-2.0-only */
/* Threads that serve rings; see worker.c, poll.c.  Who queues a ring: runq.h. */
#ifndef _PARLEY_VHOST_WORKER_H
#define _PARLEY_VHOST_WORKER_H

#include <linux/types.h>

struct parley_vhost;
struct parley_vhost_vq;
struct vh_worker;

#define VH_WORKERS_MAX	64	/* of one device */

/*
 * These four under dev->mutex.  Create puts the worker into dev->workers under
 * a new id, and may fail (ERR_PTR); destroy takes it out, waits for the thread
 * and frees; nothing may be attached.  Attach takes vq->mutex by itself, moves
 * a ring that is queued, and takes NULL for "nobody serves it".
 */
struct vh_worker *vh_worker_create(struct parley_vhost *dev);
void vh_worker_destroy(struct vh_worker *worker);
/* All of them, and no ring is attached any more.  No request is in flight. */
void vh_workers_destroy(struct parley_vhost *dev);
struct vh_worker *vh_worker_find(struct parley_vhost *dev, u32 id);
int vh_worker_attach(struct parley_vhost_vq *vq, struct vh_worker *worker);

/* For the thread of a pool. */
void vh_worker_turn(struct vh_worker *w);
/* In the worker, with nothing queued.  After it, kicks are armed. */
void vh_worker_poll(struct vh_worker *worker);
/* The worker slept for so long before this ring had work. */
void vh_poll_slept(struct parley_vhost_vq *vq, u64 ns);

#endif /* _PARLEY_VHOST_WORKER_H */
