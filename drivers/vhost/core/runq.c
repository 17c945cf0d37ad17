// SPDX-License-Identifier: GPL-2.0-only
/*
 * Run queues.
 *
 * A ring with something to do lies on the run queue of its worker, in the list of its
 * lane, until the worker takes it off.
 *
 * Who queues a ring takes the lock of the worker that it found and looks again
 * whether that is still the ring's.  So vq->worker changes under the lock of the
 * old worker, where the ring comes off its queue as well, and a ring is never on
 * two queues; and who wakes a worker does so under its lock, so that none is woken
 * after its last ring has left.
 */
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/vhost_task.h>

#include "runq.h"

/* The first ring, of the lane whose turn it is; lower lanes every 8th time. */
static struct parley_vhost_vq *vh_worker_first(struct vh_worker *w)
{
	unsigned int first = 0, i;

	if (!(++w->turn % 8))
		first = 1 + w->turn / 8 % (VH_LANES - 1);
	for (i = 0; i < VH_LANES; i++) {
		struct list_head *lane = &w->queue[(first + i) % VH_LANES];

		if (!list_empty(lane))
			return list_first_entry(lane, struct parley_vhost_vq, entry);
	}
	return NULL;
}

/**
 * vh_worker_next() - take the next ring off the queue
 * @w: worker
 * @sleep: it goes to sleep if there is none, and is to be woken by who queues one
 *
 * Context: the worker's thread.
 * Return: the ring, or NULL.
 */
struct parley_vhost_vq *vh_worker_next(struct vh_worker *w, bool sleep)
{
	struct parley_vhost_vq *vq;
	unsigned long flags;

	spin_lock_irqsave(&w->lock, flags);
	vq = vh_worker_first(w);
	if (vq) {
		list_del(&vq->entry);
		vq->queued = false;
	} else {
		w->sleeping = sleep;
	}
	spin_unlock_irqrestore(&w->lock, flags);
	return vq;
}

/*
 * The state of the worker's task was set before it took w->lock to say that it
 * sleeps, so a wake-up from here on is not lost.
 */
static void vh_worker_wake(struct vh_worker *w)
{
	if (w->task)
		vhost_task_wake(w->task);
	else
		wake_up_process(w->thread);
}

/* The ring's worker, locked; NULL if it has none.  Under RCU. */
static struct vh_worker *vh_worker_lock(struct parley_vhost_vq *vq, unsigned long *flags)
{
	struct vh_worker *w;

	while ((w = rcu_dereference(vq->worker))) {
		spin_lock_irqsave(&w->lock, *flags);
		if (likely(rcu_access_pointer(vq->worker) == w))
			break;
		spin_unlock_irqrestore(&w->lock, *flags);
	}
	return w;
}

/**
 * vh_vq_queue() - have the ring's worker give it a round
 * @vq: ring, in any state; one that does not run gets a round that does nothing
 *
 * Context: any.  A ring without a worker is left alone: who attaches one queues
 * it then.
 */
void vh_vq_queue(struct parley_vhost_vq *vq)
{
	struct vh_worker *w;
	unsigned long flags;

	guard(rcu)();
	w = vh_worker_lock(vq, &flags);
	if (!w)
		return;
	if (!vq->queued && !w->killed) {
		list_add_tail(&vq->entry, &w->queue[READ_ONCE(vq->lane)]);
		vq->queued = true;
		if (w->sleeping)
			vh_worker_wake(w);
		w->sleeping = false;
	}
	spin_unlock_irqrestore(&w->lock, flags);
}

/**
 * vh_vq_unqueue() - take the ring off its worker's queue
 * @vq: ring that does not run any more
 *
 * A round that has begun is not waited for.  Context: any.
 */
void vh_vq_unqueue(struct parley_vhost_vq *vq)
{
	struct vh_worker *w;
	unsigned long flags;

	guard(rcu)();
	w = vh_worker_lock(vq, &flags);
	if (!w)
		return;
	vh_worker_take_off(vq);
	spin_unlock_irqrestore(&w->lock, flags);
}

/** parley_vhost_vq_wake() - there is something to do for a ring; any context */
void parley_vhost_vq_wake(struct parley_vhost_vq *vq)
{
	vh_vq_queue(vq);
}
PARLEY_EXPORT(parley_vhost_vq_wake);
