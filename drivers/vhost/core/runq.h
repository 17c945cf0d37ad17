/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A worker as a ring knows it: where to wait for one's turn, and whom to wake.
 * See runq.c; the thread itself: worker.h.
 */
#ifndef _PARLEY_VHOST_RUNQ_H
#define _PARLEY_VHOST_RUNQ_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "state.h"
#include "turn.h"

struct pid;
struct task_struct;
struct vhost_task;

/**
 * struct vh_worker - a thread that serves rings, fairly in turn
 * @dev: its device
 * @id: as VHOST_NEW_WORKER returned
 * @task: vhost_task, or NULL if @thread is used
 * @thread: kthread: for VHOST_FORK_OWNER_KTHREAD and for owners without mm
 * @pid: the same, for who asks; NULL until it has served a ring; under @lock
 * @attached: rings; under dev->mutex
 * @lock: protects @queue, @killed
 * @queue: rings to serve, a list for each lane, first come first served
 * @sleeping: nothing to do was found; under @lock.  Who queues sees that somebody
 *	serves it.
 * @killed: its process was killed; nothing will be served again
 * @pooled: a pool has it, see turn.c; under @lock
 * @settled: it may be taken in by a pool; under vh_pools_lock
 * @floor: that no lane is kept out; under @lock
 * @lane: of the ring that is being served; under @lock
 * @turn: the round that is being served
 * @pool: whose threads serve it, NULL for its own; changed under @lock, the lock of
 *	the pool before, and vh_pools_lock
 * @share: its turns there, on its device's account; under @lock and the pool's
 * @node: NUMA node that it keeps to, NUMA_NO_NODE for none
 * @look: there are rings to look at before it sleeps
 * @looking: which, by index: they were left without kicks armed, or have requests
 *	that end by polling only
 * @slept: when it went to sleep
 * @woken: when it woke up
 * @credit: ns that it may still poll in vain
 * @credited: when @credit was reckoned
 * @stats: written by the thread only
 * @rcu: freed after everybody who looked at vq->worker is gone
 */
struct vh_worker {
	struct parley_vhost *dev;
	u32 id;
	struct vhost_task *task;
	struct task_struct *thread;
	struct pid *pid;
	unsigned int attached;
	spinlock_t lock;
	struct list_head queue[VH_LANES];
	bool sleeping;
	bool killed;
	bool pooled;
	bool settled;
	struct vh_floor floor;
	enum vh_lane lane;
	struct vh_turn turn;
	struct vh_pool *pool;
	struct vh_share share;
	int node;
	bool look;
	unsigned long *looking;
	u64 slept;
	u64 woken;
	s64 credit;
	u64 credited;
	struct {
		u64 rounds;
		u64 sleeps;
		u64 wakeups;
		u64 polls;
		u64 poll_hits;
		u64 poll_ns;
		u64 busy_ns;
	} stats;
	struct rcu_head rcu;
};

/* Put the ring on its worker's queue and wake it; any context. */
void vh_vq_queue(struct parley_vhost_vq *vq);
/*
 * Take the ring off its worker's queue.  The caller made vq->state something
 * else than running, so no later round serves it; without vq->mutex.
 */
void vh_vq_unqueue(struct parley_vhost_vq *vq);
/* For the worker's own thread: see there. */
struct parley_vhost_vq *vh_worker_next(struct vh_worker *w, bool sleep);
#define VH_NOT_OURS	((struct parley_vhost_vq *)ERR_PTR(-EAGAIN))
/* Under worker->lock: take the next ring off, hand the run queue on. */
struct parley_vhost_vq *vh_worker_first(struct vh_worker *w);
void vh_worker_pass_on(struct vh_worker *w);
/* Is there a ring to serve?  Anything to do?  At some time, or under worker->lock. */
bool vh_worker_is_queued(const struct vh_worker *w);
bool vh_worker_has_work(const struct vh_worker *w);
void vh_worker_drop_all(struct vh_worker *w);

/* Under worker->lock. */
static inline void vh_worker_take_off(struct parley_vhost_vq *vq)
{
	if (vq->queued) {
		list_del(&vq->entry);
		vq->queued = false;
	}
}

#endif /* _PARLEY_VHOST_RUNQ_H */
