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
#include <linux/bits.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/sched/vhost_task.h>

#include "runq.h"

/* Take the first ring off the queue, of the lane whose turn it is.  Under w->lock. */
struct parley_vhost_vq *vh_worker_first(struct vh_worker *w)
{
	struct parley_vhost_vq *vq;
	unsigned long ready = 0;
	unsigned int lane;

	for (lane = 0; lane < VH_LANES; lane++)
		ready |= list_empty(&w->queue[lane]) ? 0 : BIT(lane);
	if (!ready) {
		w->lane = VH_LANE_LATENCY;
		return NULL;
	}
	w->lane = vh_floor_turn(&w->floor, ready);
	vq = list_first_entry(&w->queue[w->lane], struct parley_vhost_vq, entry);
	vh_worker_take_off(vq);
	return vq;
}

bool vh_worker_is_queued(const struct vh_worker *w)
{
	unsigned int i;

	for (i = 0; i < VH_LANES; i++)
		if (!list_empty_careful(&w->queue[i]))
			return true;
	return false;
}

bool vh_worker_has_work(const struct vh_worker *w)
{
	return vh_worker_is_queued(w) || w->look;
}
EXPORT_SYMBOL_IF_KUNIT(vh_worker_has_work);

/** vh_worker_drop_all() - nothing is to be done: the memory for it is gone */
void vh_worker_drop_all(struct vh_worker *w)
{
	scoped_guard(spinlock_irqsave, &w->lock) {
		while (vh_worker_first(w))
			;
		w->look = false;
	}
}
EXPORT_SYMBOL_IF_KUNIT(vh_worker_drop_all);

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

/* Nobody has the run queue, and there is something to do.  Under w->lock. */
static void vh_worker_rouse(struct vh_worker *w)
{
	if (w->pool) {
		vh_pool_queue(w);
		return;
	}
	w->sleeping = false;
	vh_worker_wake(w);
}

/* Nobody has the run queue any more.  Under w->lock. */
static void vh_worker_sleep(struct vh_worker *w)
{
	if (w->pool)
		vh_pool_idle(w);
	w->pooled = false;
	w->sleeping = true;
	if (!w->woken)
		return;
	w->slept = local_clock();
	w->stats.sleeps++;
	w->woken = 0;
}

/**
 * vh_worker_pass_on() - who had the run queue has done with it
 * @w: worker; its own thread has it, or one of a pool
 *
 * It goes to its pool or to its own thread, if there is something to do.
 *
 * Context: w->lock.
 */
void vh_worker_pass_on(struct vh_worker *w)
{
	lockdep_assert_held(&w->lock);
	/* The thread of a process that was killed is not there to be woken. */
	if (w->killed || !vh_worker_has_work(w)) {
		vh_worker_sleep(w);
	} else if (w->pool) {
		vh_pool_queue(w);
	} else {
		w->pooled = false;
		w->woken = local_clock();
		vh_worker_wake(w);
	}
}

/* Its own thread has the run queue: what it has spent.  Under w->lock. */
static void vh_worker_spent(struct vh_worker *w)
{
	if (w->woken)
		w->stats.busy_ns += local_clock() - w->woken;
}

/**
 * vh_worker_next() - take the next ring off the queue
 * @w: worker
 * @sleep: it goes to sleep if there is nothing to do, and is to be woken by who queues
 *	a ring
 *
 * Context: the worker's own thread.
 * Return: the ring, or NULL; VH_NOT_OURS if it is to sleep: a pool has the run queue, or
 * may have it as soon as there is something to do, and with it all that its threads use.
 */
struct parley_vhost_vq *vh_worker_next(struct vh_worker *w, bool sleep)
{
	struct parley_vhost_vq *vq;
	unsigned long flags;

	spin_lock_irqsave(&w->lock, flags);
	if (unlikely(w->pool || w->pooled)) {
		vq = VH_NOT_OURS;
		if (!w->pooled && !w->sleeping) {
			vh_worker_spent(w);
			vh_worker_pass_on(w);
		}
	} else {
		w->turn.hurry = false;
		vq = vh_worker_first(w);
		w->sleeping = false;
		if (!vq && sleep && !w->look) {
			vh_worker_spent(w);
			vh_worker_sleep(w);
			vq = VH_NOT_OURS;
		}
	}
	spin_unlock_irqrestore(&w->lock, flags);
	return vq;
}

/* False: it is not the ring's worker any more, and the ring is to be asked again. */
static bool vh_worker_add(struct vh_worker *w, struct parley_vhost_vq *vq)
{
	enum vh_lane lane = READ_ONCE(vq->lane);
	unsigned long flags;
	bool mine;

	spin_lock_irqsave(&w->lock, flags);
	mine = rcu_access_pointer(vq->worker) == w;
	if (likely(mine) && !vq->queued && !w->killed) {
		list_add_tail(&vq->entry, &w->queue[lane]);
		vq->queued = true;
		if (w->sleeping)
			vh_worker_rouse(w);
		else if (unlikely(lane < w->lane))
			WRITE_ONCE(w->turn.hurry, true);
	}
	spin_unlock_irqrestore(&w->lock, flags);
	return mine;
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

	guard(rcu)();
	do
		w = rcu_dereference(vq->worker);
	while (w && unlikely(!vh_worker_add(w, vq)));
}

/* The same. */
static bool vh_worker_drop(struct vh_worker *w, struct parley_vhost_vq *vq)
{
	unsigned long flags;
	bool mine;

	spin_lock_irqsave(&w->lock, flags);
	mine = rcu_access_pointer(vq->worker) == w;
	if (mine)
		vh_worker_take_off(vq);
	spin_unlock_irqrestore(&w->lock, flags);
	return mine;
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

	guard(rcu)();
	do
		w = rcu_dereference(vq->worker);
	while (w && unlikely(!vh_worker_drop(w, vq)));
}

/** parley_vhost_vq_wake() - there is something to do for a ring; any context */
void parley_vhost_vq_wake(struct parley_vhost_vq *vq)
{
	vh_vq_queue(vq);
}
PARLEY_EXPORT(parley_vhost_vq_wake);
