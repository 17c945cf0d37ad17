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
static unsigned int parley_queue_burst(struct parley_queue *queue, unsigned int max,
				       void *ctx, unsigned long *flags)
	__must_hold(&queue->lock)
{
	struct parley_done done[PARLEY_QUEUE_BURST];
	unsigned int n;

	n = parley_drvq_reap(queue->vq, done, min(max, PARLEY_QUEUE_BURST));
	if (!n)
		return 0;
	parley_queue_unlock(queue, *flags);
	queue->spec.complete(queue, done, n, ctx);
	*flags = parley_queue_lock(queue);
	return n;
}

/* Does poll arm, or is that the owner's to say, or nobody's? */
static bool parley_queue_arms(const struct parley_queue *queue)
{
	return parley_queue_interrupts(queue) && !queue->spec.interrupt;
}

/**
 * parley_queue_poll() - hand over what the device has completed, and arm
 * @queue: the queue
 * @budget: at most so many; UINT_MAX: all
 * @ctx: for the queue's complete()
 *
 * If the budget was used up there may be more, and no interrupt is asked for:
 * poll again.  Otherwise the next completion interrupts, unless the queue is
 * PARLEY_QUEUE_POLLED, or its owner arms it himself because it has interrupt():
 * see parley_queue_arm().  A budget of 0, as netpoll's, changes nothing.
 *
 * Context: any; calls complete() in it.  Not under the queue's lock; of a queue
 * that is PARLEY_QUEUE_UNLOCKED its owner, or whoever stopped him.
 * Return: how many came.
 */
unsigned int parley_queue_poll(struct parley_queue *queue, unsigned int budget,
			       void *ctx)
{
	const bool arms = parley_queue_arms(queue);
	unsigned int n, left = budget;
	unsigned long flags;

	if (!budget)
		return 0;
	flags = parley_queue_lock(queue);
	do {
		parley_drvq_disarm(queue->vq);
		do {
			n = parley_queue_burst(queue, left, ctx, &flags);
			left -= n;
		} while (n == PARLEY_QUEUE_BURST && left);
	} while (left && arms && !parley_drvq_arm(queue->vq, 0));
	parley_queue_unlock(queue, flags);
	return budget - left;
}
PARLEY_EXPORT(parley_queue_poll);

/**
 * parley_queue_arm() - let the next completion interrupt
 * @queue: the queue, which has interrupt()
 *
 * The whole poll() of a NAPI that owns such a queue::
 *
 *	n = parley_queue_poll(queue, budget, napi);
 *	if (n < budget) {
 *		if (!parley_queue_arm(queue))
 *			return budget;
 *		if (!napi_complete_done(napi, n))
 *			parley_queue_disarm(queue);
 *	}
 *	return n;
 *
 * It arms while the NAPI is its own, since as soon as that is complete another
 * processor may be polling.  An interrupt that comes in between is not lost: the
 * kernel remembers that the NAPI was scheduled, and napi_complete_done() says so.
 *
 * Context: that of poll.
 * Return: true if armed; false if more came, for which no interrupt will come:
 * poll again.
 */
bool parley_queue_arm(struct parley_queue *queue)
{
	unsigned long flags = parley_queue_lock(queue);
	bool armed = parley_drvq_arm(queue->vq, 0);

	parley_queue_unlock(queue, flags);
	return armed;
}
PARLEY_EXPORT(parley_queue_arm);

/**
 * parley_queue_disarm() - no interrupts, please
 * @queue: the queue
 *
 * A hint: one may come all the same.
 *
 * Context: any, not under the queue's lock.
 */
void parley_queue_disarm(struct parley_queue *queue)
{
	unsigned long flags = parley_queue_lock(queue);

	parley_drvq_disarm(queue->vq);
	parley_queue_unlock(queue, flags);
}
PARLEY_EXPORT(parley_queue_disarm);

/*
 * The owner's poll may be arming on another processor, and of an unlocked queue
 * nothing keeps the two apart.  Then the ring may be left armed, which costs an
 * interrupt, or disarmed, which the poll that interrupt() asks for puts right: it
 * begins with a disarm and ends with an arm of its own.
 */
static void parley_queue_interrupt_owner(struct parley_queue *queue)
{
	parley_queue_disarm(queue);
	queue->spec.interrupt(queue);
}

/**
 * parley_queue_take_back() - give the front-end what the device will not complete
 * @queue: a queue that the device does not look at any more
 * @fate: what became of it
 *
 * Context: may sleep.
 */
void parley_queue_take_back(struct parley_queue *queue, enum parley_fate fate)
{
	unsigned long flags;
	void *cookie;

	for (;;) {
		flags = parley_queue_lock(queue);
		cookie = parley_drvq_detach(queue->vq);
		parley_queue_unlock(queue, flags);
		if (!cookie)
			return;
		queue->spec.give_back(queue, cookie, fate);
	}
}

static bool parley_queue_serve(struct parley_queue *queue)
{
	if (!parley_drvq_pending(queue->vq))
		return false;
	parley_drvq_count_interrupt(queue->vq);
	if (queue->spec.interrupt)
		parley_queue_interrupt_owner(queue);
	else
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
 * Context: hard interrupt, or interrupts off; with PREEMPT_RT a thread, for the
 * locks that are taken sleep there.
 * Return: IRQ_HANDLED if anything came.
 */
irqreturn_t parley_queue_interrupt(struct parley_queue *queue)
{
	if (likely(READ_ONCE(parley_vdev_of(queue)->m.phase) == PARLEY_LIVE) &&
	    likely(parley_queue_serve(queue)))
		return IRQ_HANDLED;
	queue->spurious++;
	return IRQ_NONE;
}
PARLEY_EXPORT(parley_queue_interrupt);

/* Queues that share an interrupt: those of a vector, or all that have any. */
static irqreturn_t parley_device_serve(struct parley_vdev *v, bool all, int vector)
{
	irqreturn_t ret = IRQ_NONE;
	struct parley_queue *queue;

	if (unlikely(READ_ONCE(v->m.phase) != PARLEY_LIVE))
		goto nothing;
	parley_for_each_queue(v, queue)
		if ((all || queue->vector == vector) &&
		    parley_queue_interrupts(queue) && parley_queue_serve(queue))
			ret = IRQ_HANDLED;
nothing:
	if (ret == IRQ_NONE)
		v->m.spurious++;
	return ret;
}

/**
 * parley_vector_interrupt() - the transport took an interrupt that a group of
 *	queues shares
 * @v: the device
 * @vector: that of the group, see struct parley_queue
 *
 * Context: hard interrupt, or interrupts off.
 * Return: IRQ_HANDLED if anything came.
 */
irqreturn_t parley_vector_interrupt(struct parley_vdev *v, int vector)
{
	return parley_device_serve(v, false, vector);
}
PARLEY_EXPORT(parley_vector_interrupt);

/**
 * parley_device_interrupt() - the transport took an interrupt that all queues
 *	share
 * @v: the device
 *
 * Context: hard interrupt, or interrupts off; with PREEMPT_RT a thread, for the
 * locks that are taken sleep there.
 * Return: IRQ_HANDLED if anything came.
 */
irqreturn_t parley_device_interrupt(struct parley_vdev *v)
{
	return parley_device_serve(v, true, 0);
}
PARLEY_EXPORT(parley_device_interrupt);
