// SPDX-License-Identifier: GPL-2.0-only
/*
 * Completions on their way to the front-end: from an interrupt, from somebody
 * who polls, from a request that takes too long, from a recovery.
 *
 * All of them take the same way, parley_queue_poll(), and whoever reaps arms
 * again.  So an interrupt that is lost, or that finds that somebody else was
 * faster, costs nothing but itself: the next completion interrupts.
 */
#include <linux/module.h>
#include <parley/export.h>
#include "guest.h"

/*
 * Reap one burst and hand it over.  The lock is held on entry and on return, but
 * not in between: ending requests may take long.
 */
static unsigned int queue_burst(struct parley_queue *queue, unsigned int max,
				void *ctx, unsigned long *flags)
	__must_hold(&queue->lock)
{
	struct parley_done done[PARLEY_QUEUE_BURST];
	unsigned int n;

	lockdep_assert_held(&queue->lock);
	n = parley_drvq_reap(queue->vq, done, min(max, PARLEY_QUEUE_BURST));
	if (!n)
		return 0;
	spin_unlock_irqrestore(&queue->lock, *flags);
	queue->spec.complete(queue, done, n, ctx);
	spin_lock_irqsave(&queue->lock, *flags);
	return n;
}

/**
 * parley_queue_poll() - hand over what the device has completed, and arm
 * @queue: the queue
 * @budget: at most so many; UINT_MAX: all
 * @ctx: for the queue's complete()
 *
 * If the budget was used up there may be more, and no interrupt is asked for:
 * poll again.  Otherwise the next completion interrupts, unless the queue is
 * PARLEY_QUEUE_POLLED.
 *
 * Context: any; calls complete() in it.  Not under the queue's lock.
 * Return: how many came.
 */
unsigned int parley_queue_poll(struct parley_queue *queue, unsigned int budget,
			       void *ctx)
{
	const bool arms = parley_queue_interrupts(queue);
	unsigned int n, left = budget;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	do {
		if (arms)
			parley_drvq_disarm(queue->vq);
		do {
			n = queue_burst(queue, left, ctx, &flags);
			left -= n;
		} while (n == PARLEY_QUEUE_BURST && left);
	} while (left && arms && !parley_drvq_arm(queue->vq, 0));
	spin_unlock_irqrestore(&queue->lock, flags);
	return budget - left;
}
PARLEY_EXPORT(parley_queue_poll);

static bool queue_serve(struct parley_queue *queue)
{
	if (!parley_drvq_pending(queue->vq))
		return false;
	parley_drvq_count_interrupt(queue->vq);
	parley_queue_poll(queue, UINT_MAX, NULL);
	return true;
}

/**
 * parley_queue_interrupt() - the transport took an interrupt of one queue
 * @queue: the queue; not a polled one
 *
 * An interrupt with nothing to reap costs a look at the ring and is counted; a
 * device that sends nothing else wastes its own host's time.
 *
 * Context: hard interrupt, or interrupts off.
 * Return: IRQ_HANDLED if anything came.
 */
irqreturn_t parley_queue_interrupt(struct parley_queue *queue)
{
	if (likely(READ_ONCE(parley_vdev_of(queue)->m.phase) == PARLEY_LIVE) &&
	    likely(queue_serve(queue)))
		return IRQ_HANDLED;
	queue->spurious++;
	return IRQ_NONE;
}
PARLEY_EXPORT(parley_queue_interrupt);

/**
 * parley_device_interrupt() - the transport took an interrupt that several
 *	queues share
 * @v: the device
 *
 * Context: hard interrupt, or interrupts off.
 * Return: IRQ_HANDLED if anything came.
 */
irqreturn_t parley_device_interrupt(struct parley_vdev *v)
{
	irqreturn_t ret = IRQ_NONE;
	unsigned int i;

	if (unlikely(READ_ONCE(v->m.phase) != PARLEY_LIVE))
		goto nothing;
	for (i = 0; i < v->pd.nr_queues; i++)
		if (parley_queue_interrupts(&v->pd.queues[i]) &&
		    queue_serve(&v->pd.queues[i]))
			ret = IRQ_HANDLED;
nothing:
	if (ret == IRQ_NONE)
		v->m.spurious++;
	return ret;
}
PARLEY_EXPORT(parley_device_interrupt);
