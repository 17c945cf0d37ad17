/* SPDX-License-Identifier: GPL-2.0-only */
/* Serving a ring, and waiting for what it has in flight; see serve.c, pull.c, wait.c. */
#ifndef _PARLEY_VHOST_SERVE_H
#define _PARLEY_VHOST_SERVE_H

#include <linux/types.h>

struct parley_vhost_vq;
struct vh_turn;

#define VH_WEIGHT_REQS	512	/* requests of one ring before the next */
#define VH_WEIGHT_READS	8192	/* descriptors of them */
#define VH_WEIGHT_BYTES	(16u << 20)

/* When the ring is made, and before it is freed. */
void vh_serve_init(struct parley_vhost_vq *vq);
void vh_serve_release(struct parley_vhost_vq *vq);
/* Before it runs: what its kind of queue does. */
void vh_serve_prepare(struct parley_vhost_vq *vq);
/* Kicks from now on; false if something is available already.  Under vq->mutex. */
bool vh_vq_arm(struct parley_vhost_vq *vq);
/* One round; true if there is more to do at once.  In the worker. */
bool vh_vq_serve(struct parley_vhost_vq *vq, struct vh_turn *turn);
/* Log, complete, publish and call what is done.  Under vq->mutex, nobody outside. */
unsigned int vh_vq_reap(struct parley_vhost_vq *vq);
/* Of a ring that is pulled: have buffers back that somebody waits for.  The same. */
void vh_pull_recall(struct parley_vhost_vq *vq);
/*
 * Wait until nothing is in flight, or until what @clear asks for is so, reaping;
 * without vq->mutex.  Several may do so at a time.  What a broken ring had in
 * flight is not published.
 */
int vh_vq_drain(struct parley_vhost_vq *vq, bool killable);
int vh_vq_wait(struct parley_vhost_vq *vq,
	       bool (*clear)(const struct parley_vhost_vq *vq, const void *arg),
	       const void *arg, bool killable);

#endif /* _PARLEY_VHOST_SERVE_H */
