/* SPDX-License-Identifier: GPL-2.0-only */
/* Between who serves rings (serve.c, pull.c) and who gives back what is done (reap.c). */
#ifndef _PARLEY_VHOST_ROUND_H
#define _PARLEY_VHOST_ROUND_H

#include "bound.h"
#include "runq.h"
#include "serve.h"
#include "state.h"

/* What is unusual about a request (parley_vhost_req.how). */
#define VH_REQ_BACK	0x1	/* it goes back to the ring as if it had not been taken */
#define VH_REQ_PULLED	0x2	/* it was pulled, not submitted */
#define VH_REQ_PAID	0x4	/* pulled: an operation was asked for, of the limits */
#define VH_REQ_COSTS	0x8	/* it is paid for when it ends */

/* How a step, or a round, ended. */
enum step {
	STEP_ON,	/* something was done, there may be more */
	STEP_DRY,	/* nothing is available */
	STEP_FULL,	/* enough is in flight; the first one that ends goes on */
	STEP_REFUSED,	/* the accelerator takes none; the same, or who queues the ring */
	STEP_STOP,	/* whoever we wait for will queue the ring */
};

/* Of a ring that runs. */
static inline bool vh_limited(const struct parley_vhost_vq *vq)
{
	return unlikely(parley_limit_active(vq->limit));
}

/* Into the accelerator, where it may wait for its back end: without vq->mutex. */
static inline void vh_vq_go_outside(struct parley_vhost_vq *vq)
{
	lockdep_assert_held(&vq->mutex);
	WRITE_ONCE(vq->outside, true);
	mutex_unlock(&vq->mutex);
}

static inline void vh_vq_come_back(struct parley_vhost_vq *vq)
{
	mutex_lock(&vq->mutex);
	WRITE_ONCE(vq->outside, false);
	/* The lock of the wait queue orders this after it. */
	if (unlikely(vq->waiters))
		wake_up_all(&vq->drained);
	if (unlikely(vq->missed)) {
		vq->missed = false;
		vh_vq_queue(vq);
	}
}

static inline void vh_req_free(struct parley_vhost_vq *vq, struct parley_vhost_req *req)
{
	req->busy = false;
	if (unlikely(req->awaited)) {
		req->awaited = false;
		vq->nr_awaited--;
	}
	vh_bound_end(vq, req);
	req->next = vq->free;
	vq->free = req;
	WRITE_ONCE(vq->nr_free, vq->nr_free + 1);
}

/* Give each slot of the burst the pieces of a free request. */
static inline void vh_burst_prepare(struct parley_vhost_vq *vq, unsigned int room)
{
	const struct parley_vhost_req *req = vq->free;
	unsigned int i;

	for (i = 0; i < room; i++, req = req->next)
		vq->burst[i].iov = req->chain.iov;
}

/* Dry: may the round end?  Not if something became available meanwhile. */
static inline bool vh_round_dry(struct parley_vhost_vq *vq)
{
	/* What was set aside while it waited is of use to others. */
	if (vh_limited(vq) && parley_limit_spare(vq->limit))
		vh_limit_idle(vq);
	if (vh_poll_wanted(vq)) {
		vq->unarmed = true;
		return true;
	}
	if (vh_vq_arm(vq))
		return true;
	parley_devq_disarm(vq->devq);
	return false;
}

/* serve.c: a round of a ring whose requests are submitted. */
enum step vh_round_run(struct parley_vhost_vq *vq, struct vh_turn *turn);

/* pull.c: a round of a ring whose back end has something to say. */
enum step vh_work_run(struct parley_vhost_vq *vq, struct vh_turn *turn);
/* A pulled request ended, filled or not; under vq->mutex, nobody outside. */
bool vh_pull_finish(struct parley_vhost_req *req);
void vh_pull_ended(struct parley_vhost_vq *vq, struct parley_vhost_req *req);
void vh_pull_came_back(struct parley_vhost_vq *vq, struct parley_vhost_req *req);

#endif /* _PARLEY_VHOST_ROUND_H */
