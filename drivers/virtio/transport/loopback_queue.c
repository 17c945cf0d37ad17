// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of one queue of a loopback device, and its two notifications: kicks
 * from the driver to the implementation (a work item) and calls the other way
 * (an irq_work, so that the driver sees the context of a real interrupt: a hard
 * one, or with PREEMPT_RT a thread).
 */
#include <linux/slab.h>
#include <linux/virtio_ring.h>
#include "loopback_priv.h"

static void lb_kick_work(struct work_struct *work)
{
	struct lb_queue *lq = container_of(work, struct lb_queue, kick);

	parley_devq_count_kick(lq->pub.vq);
	lq->pub.lb->ops->kick(&lq->pub);
}

static void lb_call_irq(struct irq_work *work)
{
	struct lb_queue *lq = container_of(work, struct lb_queue, call);

	/* Not changed before irq_work_sync() of whoever changes it. */
	parley_queue_interrupt(lq->queue);
}

void parley_lb_queue_init(struct parley_loopback *lb, unsigned int index)
{
	struct lb_queue *lq = &lb->queues[index];

	lq->pub.lb = lb;
	lq->pub.index = index;
	spin_lock_init(&lq->lock);
	INIT_WORK(&lq->kick, lb_kick_work);
	/* Not a hard one: under PREEMPT_RT the driver's locks may sleep. */
	init_irq_work(&lq->call, lb_call_irq);
	snprintf(lq->name, sizeof(lq->name), "loopback%d.%u", lb->number, index);
}

/**
 * parley_loopback_kick() - have kick() run for a queue
 * @queue: the queue
 *
 * For an implementation that left work behind and wants to be called again, and
 * for the driver's own kicks.  Does nothing before DRIVER_OK or after the queue
 * was stopped.
 *
 * Context: any.
 */
void parley_loopback_kick(struct parley_loopback_queue *queue)
{
	struct lb_queue *lq = to_lb_queue(queue);

	scoped_guard(spinlock_irqsave, &lq->lock) {
		if (lq->kicks)
			queue_work(queue->lb->wq, &lq->kick);
	}
}
PARLEY_EXPORT(parley_loopback_kick);

/**
 * parley_loopback_call() - interrupt the driver for a queue
 * @queue: the queue, between queue_start() and the end of queue_stop()
 *
 * To be called when parley_devq_publish() says so.  The driver's complete() runs
 * in interrupt context (a thread with PREEMPT_RT) soon after, not inside this
 * call if interrupts are off.  Dropped when the driver has no interrupt for the queue.
 *
 * Context: any.
 */
void parley_loopback_call(struct parley_loopback_queue *queue)
{
	struct lb_queue *lq = to_lb_queue(queue);

	scoped_guard(spinlock_irqsave, &lq->lock) {
		if (lq->calls)
			irq_work_queue(&lq->call);
	}
}
PARLEY_EXPORT(parley_loopback_call);

static void lb_calls_set(struct lb_queue *lq, bool on)
{
	scoped_guard(spinlock_irqsave, &lq->lock)
		lq->calls = on && lq->started && lq->queue->vector >= 0;
	if (!on)
		irq_work_sync(&lq->call);
}

/* The driver has its vectors: let the calls of started queues through. */
void parley_lb_calls_on(struct parley_loopback *lb)
{
	unsigned int i;

	guard(mutex)(&lb->mutex);
	lb->vectors = true;
	for (i = 0; i < lb->nr_queues; i++)
		lb_calls_set(&lb->queues[i], true);
}

/* When this returns no interrupt is being handled and none will be. */
void parley_lb_calls_off(struct parley_loopback *lb)
{
	unsigned int i;

	guard(mutex)(&lb->mutex);
	lb->vectors = false;
	for (i = 0; i < lb->nr_queues; i++)
		lb_calls_set(&lb->queues[i], false);
}

static int lb_ring_host(struct lb_queue *lq, const struct parley_vq_addr *bus,
			unsigned int size, struct parley_vq_addr *host)
{
	bool packed = parley_features_has(&lq->pub.lb->accepted,
					  VIRTIO_F_RING_PACKED);
	size_t bytes[3];
	int err;

	parley_vq_sizes(size, packed, bytes);
	err = parley_lb_map_host(lq->map, bus->desc, bytes[0], &host->desc);
	if (!err)
		err = parley_lb_map_host(lq->map, bus->driver, bytes[1],
					 &host->driver);
	if (!err)
		err = parley_lb_map_host(lq->map, bus->device, bytes[2],
					 &host->device);
	return err;
}

static int lb_queue_open(struct lb_queue *lq, const struct parley_vq_addr *addr,
			 unsigned int size)
{
	struct parley_loopback *lb = lq->pub.lb;
	struct parley_devq_config cfg = {
		.name = lq->name,
		.index = lq->pub.index,
		.size = size,
		.features = parley_features_low(&lb->accepted),
		.space = PARLEY_SPACE_KERNEL,
		.dev = &lb->host,
	};
	struct parley_devq *vq;
	int err;

	lq->map = parley_lb_map_create();
	if (IS_ERR(lq->map))
		return PTR_ERR(no_free_ptr(lq->map));
	cfg.map = lq->map;
	err = lb_ring_host(lq, addr, size, &cfg.addr);
	if (err) {
		dev_err(&lb->host, "queue %u: its ring does not lie in RAM\n",
			lq->pub.index);
		goto free_map;
	}
	vq = parley_devq_create(&cfg);
	if (IS_ERR(vq)) {
		err = PTR_ERR(vq);
		goto free_map;
	}
	lq->pub.vq = vq;
	lq->pub.size = size;
	lq->pub.addr = cfg.addr;
	return 0;

free_map:
	parley_lb_map_free(no_free_ptr(lq->map));
	return err;
}

static void lb_queue_close(struct lb_queue *lq)
{
	parley_devq_destroy(no_free_ptr(lq->pub.vq));
	parley_lb_map_free(no_free_ptr(lq->map));
}

/**
 * parley_lb_queue_start() - the driver enables a queue
 * @lq: the queue
 * @queue: the driver's
 * @addr: physical addresses of the ring
 * @size: descriptors
 *
 * Return: 0 or an error of the implementation, of the core (-EINVAL, -ENOMEM)
 * or -EBUSY for a queue that is enabled already.
 */
int parley_lb_queue_start(struct lb_queue *lq, struct parley_queue *queue,
			  const struct parley_vq_addr *addr, unsigned int size)
{
	struct parley_loopback *lb = lq->pub.lb;
	int err;

	lockdep_assert_held(&lb->mutex);
	if (lq->started)
		return -EBUSY;
	if (READ_ONCE(lb->gone) || !lb->ops)
		return -ENODEV;
	err = lb_queue_open(lq, addr, size);
	if (err)
		return err;
	lq->queue = queue;
	lq->started = true;
	lb_calls_set(lq, lb->vectors);
	err = lb->ops->queue_start ? lb->ops->queue_start(&lq->pub) : 0;
	if (err) {
		lb_calls_set(lq, false);
		lq->started = false;
		lb_queue_close(lq);
		return err;
	}
	/* After a reset of this queue alone there is no DRIVER_OK to come. */
	if (lb->status & VIRTIO_CONFIG_S_DRIVER_OK)
		parley_lb_queues_go(lb);
	return 0;
}

/**
 * parley_lb_queue_stop() - end a queue
 * @lq: the queue
 *
 * When this returns nothing of the queue runs on either side: kicks are off and
 * waited for before queue_stop(), calls after it, so that a device may complete
 * what it holds from queue_stop().
 */
void parley_lb_queue_stop(struct lb_queue *lq)
{
	struct parley_loopback *lb = lq->pub.lb;

	lockdep_assert_held(&lb->mutex);
	if (!lq->started)
		return;
	scoped_guard(spinlock_irqsave, &lq->lock)
		lq->kicks = false;
	cancel_work_sync(&lq->kick);
	if (lb->ops->queue_stop)
		lb->ops->queue_stop(&lq->pub);
	lb_calls_set(lq, false);
	lq->started = false;
	lq->queue = NULL;
	lb_queue_close(lq);
}

void parley_lb_queues_stop(struct parley_loopback *lb)
{
	unsigned int i;

	lockdep_assert_held(&lb->mutex);
	for (i = 0; i < lb->nr_queues; i++)
		parley_lb_queue_stop(&lb->queues[i]);
}

/* DRIVER_OK: let the kicks through; some buffers may be waiting already. */
void parley_lb_queues_go(struct parley_loopback *lb)
{
	struct lb_queue *lq;

	lockdep_assert_held(&lb->mutex);
	for (lq = lb->queues; lq < lb->queues + lb->nr_queues; lq++) {
		if (lq->kicks || !lq->started)
			continue;
		scoped_guard(spinlock_irqsave, &lq->lock)
			lq->kicks = true;
		queue_work(lb->wq, &lq->kick);
	}
}
