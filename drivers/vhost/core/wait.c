// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting for requests in flight: before a ring stops, before memory goes, before
 * a translation is no more.  Who waits reaps by himself, so no worker is needed;
 * where one is at it, or is in the accelerator (vq->outside), he tells of what he
 * reaped.
 */
#include <linux/sched/signal.h>

#include "serve.h"
#include "state.h"

/*
 * What who waits has seen: requests that had ended, and whether somebody was outside, so
 * that buffers could not be recalled.
 */
struct wait_seen {
	u64 ended;
	bool outside;
};

/* What there is to do, or to look at again, for who waits. */
static bool vh_wait_due(struct parley_vhost_vq *vq, const struct wait_seen *seen)
{
	bool outside = READ_ONCE(vq->outside);

	return (!outside && (seen->outside || !llist_empty(&vq->done))) ||
	       vh_vq_ended(vq) != seen->ended ||
	       vh_vq_is_empty(vq);
}

/* One look: reap unless another is at it; true if it is time to look for polled ones. */
static bool vh_wait_look(struct parley_vhost_vq *vq)
{
	const struct parley_vhost_queue_ops *ops = vq->ops;
	bool poll = false;

	lockdep_assert_held(&vq->mutex);
	if (vq->outside)
		return false;
	/* Closed: it may be another who looks, after the accelerator's vq_stop(). */
	if (ops->poll && vq->devq && vh_vq_in_flight(vq))
		poll = ops->poll(vq);
	vh_vq_reap(vq);
	if (unlikely(!ops->submit))
		vh_pull_recall(vq);
	/* Some may have gone on with a step that ends by polling only. */
	return poll || vq->polled;
}

/**
 * vh_vq_wait() - wait for requests in flight, reaping them
 * @vq: ring in any state
 * @clear: has everything ended that is waited for?  Under vq->mutex
 * @arg: for @clear
 * @killable: give up when the caller is being killed
 *
 * Needs no worker.
 *
 * Context: any thread that may wait for the accelerator's device; without
 * vq->mutex.
 * Return: 0, or -EINTR if the caller is being killed.
 */
int vh_vq_wait(struct parley_vhost_vq *vq,
	       bool (*clear)(const struct parley_vhost_vq *vq, const void *arg),
	       const void *arg, bool killable)
{
	bool done = false, poll;
	struct wait_seen seen;
	int err = 0;

	scoped_guard(mutex, &vq->mutex)
		vq->waiters++;
	for (;;) {
		scoped_guard(mutex, &vq->mutex) {
			seen.outside = vq->outside;
			poll = vh_wait_look(vq);
			seen.ended = vh_vq_ended(vq);
			done = clear(vq, arg);
			if (done || err)
				vq->waiters--;
		}
		if (done || err)
			return done ? 0 : err;
		/* Polled requests end by looking only, now and then is enough. */
		if (poll)
			wait_event_timeout(vq->drained, vh_wait_due(vq, &seen), 1);
		else if (!killable)
			wait_event(vq->drained, vh_wait_due(vq, &seen));	/* W2 */
		else
			err = wait_event_killable(vq->drained, vh_wait_due(vq, &seen)) ?
			      -EINTR : 0;
		if (killable && fatal_signal_pending(current))
			err = -EINTR;
	}
}
EXPORT_SYMBOL_IF_KUNIT(vh_vq_wait);

static bool vh_drained(const struct parley_vhost_vq *vq, const void *arg)
{
	return vh_vq_is_empty(vq);
}

/**
 * vh_vq_drain() - wait until nothing is in flight
 * @vq: ring of which nobody takes requests any more
 * @killable: as vh_vq_wait(), and so is the context
 *
 * Return: as vh_vq_wait().
 */
int vh_vq_drain(struct parley_vhost_vq *vq, bool killable)
{
	return vh_vq_wait(vq, vh_drained, NULL, killable);
}
