// SPDX-License-Identifier: GPL-2.0-only
/*
 * Adaptive busy polling.
 *
 * A kick costs the guest an exit and us a wake-up.  While more work is likely to
 * come at once, it is cheaper to leave kicks off and look at the ring for a
 * while before sleeping.  How long is learnt for each ring: twice as long when
 * looking found something, half as long when it did not; and when sleep ended so
 * soon that looking would have found it, we begin to look.
 *
 * What is spent in vain comes out of a credit that grows by the budget's percent
 * of the time that passes, so an idle guest costs no more than that.  Looking
 * ends at once when something is queued, or the processor is wanted.
 *
 * Requests that end by polling only (ops->poll) are another matter: while there
 * are any, the worker does not sleep.
 */
#include <linux/bitmap.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>
#include "notify.h"
#include "runq.h"
#include "serve.h"
#include "state.h"
#include "worker.h"

/* Vain polling that may be saved up. */
#define CREDIT_MAX	(VH_POLL_MAX_US * NSEC_PER_USEC)
/* Nothing shorter than an eighth of the most is worth its overhead. */
#define POLL_STEPS	8

static void vh_poll_grow(struct vh_poll_policy *p)
{
	u32 max = READ_ONCE(p->max_us);

	WRITE_ONCE(p->now_us, min(max, p->now_us ? 2 * p->now_us :
				  DIV_ROUND_UP(max, POLL_STEPS)));
}

static void vh_poll_shrink(struct vh_poll_policy *p)
{
	u32 now = min(p->now_us, READ_ONCE(p->max_us)) / 2;

	WRITE_ONCE(p->now_us, now < READ_ONCE(p->max_us) / POLL_STEPS ? 0 : now);
}

/**
 * vh_poll_slept() - a worker was woken
 * @vq: for this ring, first of all
 * @ns: so long after it went to sleep
 */
void vh_poll_slept(struct parley_vhost_vq *vq, u64 ns)
{
	if (ns < (u64)READ_ONCE(vq->poll.max_us) * NSEC_PER_USEC)
		vh_poll_grow(&vq->poll);
}

/* ---------------------------------------------------------------- a look */

/* Of the guest's, or of the back end's. */
static bool vh_look_for_work(struct parley_vhost_vq *vq)
{
	if (unlikely(vq->ops->work)) {
		/* What cannot be delivered is no work. */
		if (!vh_pull_hungry(vq) && vh_watch_pending(vq))
			return true;
		if (!vq->ops->submit && !vh_pull_hungry(vq))
			return false;
	}
	return vq->nr_free && parley_devq_peek(vq->devq);
}

/*
 * Look at one ring.  A ring that has moved to another worker meanwhile may still
 * be among ours, which does no harm.
 */
static bool vh_look_at(struct parley_vhost_vq *vq, bool *later)
{
	bool work = false;

	/* Somebody changes it; he leaves it armed or queued. */
	if (!mutex_trylock(&vq->mutex))
		return false;
	if (vq->state == VH_VQ_RUNNING && vq->devq && !vq->outside) {
		if (vq->polled)
			vq->polled = vh_vq_in_flight(vq) && vq->ops->poll(vq);
		if (vq->polled)
			*later = true;
		work = !llist_empty(&vq->done) || (vq->unarmed && vh_look_for_work(vq));
	}
	mutex_unlock(&vq->mutex);
	return work;
}

/* Look at every ring once; queue those that have work. */
static bool vh_look_around(struct vh_worker *w, bool *later)
{
	bool hit = false;
	unsigned int i;

	*later = false;
	for_each_set_bit(i, w->looking, w->dev->nr_vqs) {
		struct parley_vhost_vq *vq = w->dev->vqs[i];

		if (vh_look_at(vq, later)) {
			if (READ_ONCE(vq->unarmed))
				vh_poll_grow(&vq->poll);
			vh_vq_queue(vq);
			hit = true;
		}
	}
	return hit;
}

static bool vh_is_disturbed(const struct vh_worker *w)
{
	return vh_worker_is_queued(w) || need_resched() || signal_pending(current);
}

/* ---------------------------------------------------------------- policy */

/* How long to look, from what its rings want and the worker can afford. */
static u64 vh_poll_time(struct vh_worker *w, u64 now)
{
	u32 us = 0, budget = 0;
	unsigned int i;

	for_each_set_bit(i, w->looking, w->dev->nr_vqs) {
		struct parley_vhost_vq *vq = w->dev->vqs[i];

		if (!READ_ONCE(vq->unarmed))
			continue;
		us = max(us, min(READ_ONCE(vq->poll.now_us), READ_ONCE(vq->poll.max_us)));
		budget = max(budget, READ_ONCE(vq->poll.budget));
	}
	if (now > w->credited) {
		u64 passed = min(now - w->credited, 100ull * CREDIT_MAX);

		w->credit = min(w->credit + (s64)(passed * min(budget, 100u) / 100),
				(s64)CREDIT_MAX);
		w->credited = now;
	}
	return w->credit > 0 ? min((u64)us * NSEC_PER_USEC, (u64)w->credit) : 0;
}

/* The worker is about to sleep, but for rings whose requests it polls for. */
static void vh_arm_all(struct vh_worker *w, bool vain)
{
	unsigned int i;

	for_each_set_bit(i, w->looking, w->dev->nr_vqs) {
		struct parley_vhost_vq *vq = w->dev->vqs[i];

		guard(mutex)(&vq->mutex);
		if (!vq->polled)
			__clear_bit(i, w->looking);
		if (!vq->unarmed)
			continue;
		if (vain)
			vh_poll_shrink(&vq->poll);
		vq->unarmed = false;
		if (vq->state == VH_VQ_RUNNING && vq->devq &&
		    (vq->ops->submit || vh_pull_hungry(vq)) && !vh_vq_arm(vq))
			vh_vq_queue(vq);
	}
}

/**
 * vh_worker_poll() - look for work, or get ready to sleep
 * @w: the worker that runs, with nothing queued
 *
 * Afterwards w->look says whether to come here again before sleeping; if not,
 * every ring of the worker is queued or armed.
 *
 * Context: the worker's thread.
 */
void vh_worker_poll(struct vh_worker *w)
{
	u64 start = local_clock(), now = start, time = vh_poll_time(w, start);
	bool hit, later, disturbed, wanted;

	do {
		hit = vh_look_around(w, &later);
		disturbed = vh_is_disturbed(w);
		/* Not a disturbance: two of a pool would keep each other looking for ever. */
		wanted = w->turn.pool && vh_pool_is_wanted(w->turn.pool);
		if (hit || disturbed || wanted)
			break;
		cpu_relax();
		now = local_clock();
	} while (now - start < time);

	if (time) {
		w->stats.polls++;
		w->stats.poll_hits += hit;
		w->stats.poll_ns += now - start;
		if (!hit)
			w->credit -= now - start;
	}
	if (!hit && !disturbed)
		vh_arm_all(w, time && !wanted);
	w->look = !bitmap_empty(w->looking, w->dev->nr_vqs);
	cond_resched();
}
