// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queues of a device: made for a front-end, handed to the device, joined to
 * its interrupts, broken when it is removed.
 */
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <parley/export.h>
#include <uapi/linux/virtio_ring.h>
#include "guest.h"

static bool parley_queue_notify(struct parley_drvq *vq, u32 data)
{
	struct parley_queue *queue = parley_drvq_priv(vq);
	struct parley_device *pd = queue->dev;

	if (unlikely(parley_device_gone(pd)))
		return false;
	return pd->ops->notify(queue, data);
}

/* How many descriptors: the device's word, within what is sane and wanted. */
static int parley_queue_size(struct parley_queue *queue)
{
	struct parley_device *pd = queue->dev;
	unsigned int size = pd->ops->queue_size(pd, queue->index);

	if (!size) {
		dev_err(&pd->dev, "queue %u (%s) does not exist\n",
			queue->index, queue->spec.name);
		return -ENOENT;
	}
	size = min(size, PARLEY_VQ_SIZE_MAX);
	if (queue->spec.size_max)
		size = min_t(unsigned int, size, queue->spec.size_max);
	/* The driver may always use less than the device offers (4.1.5.1.3). */
	if (!parley_has_feature(pd, VIRTIO_F_RING_PACKED))
		size = rounddown_pow_of_two(size);
	return size;
}

static int parley_queue_create(struct parley_queue *queue)
{
	struct parley_device *pd = queue->dev;
	struct parley_drvq_config cfg = {
		.name = queue->spec.name,
		.index = queue->index,
		.features = pd->features,
		.indirect_segs = queue->spec.indirect_segs,
		.dev = parley_dma_dev(pd),
		.notify = parley_queue_notify,
		.priv = queue,
#ifdef CONFIG_DEBUG_LOCK_ALLOC
		.lock = &queue->lock.dep_map,
#endif
	};
	int size = parley_queue_size(queue);
	struct parley_drvq *vq;

	if (size < 0)
		return size;
	cfg.size = size;
	vq = parley_drvq_create(&cfg);
	/* A large ring is contiguous: a smaller one may still be had. */
	while (IS_ERR(vq) && PTR_ERR(vq) == -ENOMEM && cfg.size > 16) {
		cfg.size = rounddown_pow_of_two(cfg.size - 1);
		vq = parley_drvq_create(&cfg);
	}
	if (IS_ERR(vq)) {
		dev_err(&pd->dev, "queue %u (%s): cannot make a ring of %d (%ld)\n",
			queue->index, queue->spec.name, size, PTR_ERR(vq));
		return PTR_ERR(vq);
	}
	queue->vq = vq;
	return 0;
}

static int parley_queue_enable(struct parley_queue *queue)
{
	struct parley_device *pd = queue->dev;
	struct parley_vq_addr addr;
	int err;

	parley_drvq_addr(queue->vq, &addr);
	err = pd->ops->queue_enable(queue, &addr, parley_drvq_size(queue->vq));
	if (err)
		dev_err(&pd->dev, "queue %u (%s) cannot be enabled (%d)\n",
			queue->index, queue->spec.name, err);
	return err;
}

static int parley_queues_alloc(struct parley_device *pd,
			       const struct parley_queue_spec *specs,
			       unsigned int nr)
{
	struct parley_queue *queues;
	unsigned int i;

	queues = kvcalloc(nr, sizeof(*queues), GFP_KERNEL);
	if (!queues)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		struct parley_queue *queue = &queues[i];

		spin_lock_init(&queue->lock);
		queue->dev = pd;
		queue->index = i;
		queue->spec = specs[i];
		queue->vector = -1;
	}
	pd->queues = queues;
	pd->nr_queues = nr;
	return 0;
}

/**
 * parley_device_make_queues() - make the queues 0 to @nr - 1
 * @pd: the device, negotiated, without queues
 * @specs: what is wanted, @nr of them; copied
 * @nr: how many, at least one
 * @affd: how to spread the interrupts of the queues that are not
 *	PARLEY_QUEUE_ADMIN over processors; NULL: do not
 *
 * Context: may sleep; from probe() or restore().
 * Return: 0; -ENOENT if the device has no such queue; another error.  Nothing
 * is left of the queues then, and the device is reset.
 */
int parley_device_make_queues(struct parley_device *pd,
			      const struct parley_queue_spec *specs,
			      unsigned int nr, struct irq_affinity *affd)
{
	unsigned int i;
	int err;

	if (!nr || pd->nr_queues || pd->state != PARLEY_NEGOTIATED)
		return -EINVAL;
	err = parley_queues_alloc(pd, specs, nr);
	if (err)
		return err;
	for (i = 0; !err && i < nr; i++)
		err = parley_queue_create(&pd->queues[i]);
	if (!err)
		err = pd->ops->vectors_alloc(pd, nr, affd);
	for (i = 0; !err && i < nr; i++)
		err = parley_queue_enable(&pd->queues[i]);
	for (i = 0; !err && i < nr; i++)
		err = parley_queue_sysfs_add(&pd->queues[i]);
	if (err)
		parley_device_drop_queues(pd);
	return err;
}
PARLEY_EXPORT(parley_device_make_queues);

/**
 * parley_device_drop_queues() - the mirror of make_queues
 * @pd: the device; it is reset first unless parley_device_quiesce() was called
 *
 * The front-end has taken back what was in flight.  The model calls this after
 * freeze() and remove(), so a front-end needs it only to make its queues anew.
 *
 * Context: may sleep.
 */
void parley_device_drop_queues(struct parley_device *pd)
{
	struct parley_queue *queues;
	unsigned int i, nr;

	if (!pd->nr_queues)
		return;
	parley_device_quiesce(pd);
	for (i = 0; i < pd->nr_queues; i++)
		parley_queue_sysfs_del(&pd->queues[i]);
	/* Needs the queues still, and ends the interrupts that use them. */
	pd->ops->vectors_free(pd);
	/* A surprise removal walks them under this lock. */
	spin_lock_irq(&pd->config_lock);
	queues = pd->queues;
	nr = pd->nr_queues;
	pd->queues = NULL;
	pd->nr_queues = 0;
	spin_unlock_irq(&pd->config_lock);
	for (i = 0; i < nr; i++)
		if (queues[i].vq)
			parley_drvq_destroy(queues[i].vq);
	kvfree(queues);
}
PARLEY_EXPORT(parley_device_drop_queues);

/**
 * parley_queue_reset() - take one queue away from the device
 * @queue: the queue; the front-end puts nothing more into it
 *
 * The first half of a queue reset (spec 2.6.1.1): the device then neither uses
 * the queue nor interrupts for it, and the front-end may take back what was in
 * flight with parley_drvq_detach().
 *
 * Context: may sleep.
 * Return: 0; -EOPNOTSUPP without VIRTIO_F_RING_RESET; -ETIMEDOUT or -ENODEV.
 */
int parley_queue_reset(struct parley_queue *queue)
{
	struct parley_device *pd = queue->dev;

	if (!parley_has_feature(pd, VIRTIO_F_RING_RESET))
		return -EOPNOTSUPP;
	if (parley_device_gone(pd))
		return -ENODEV;
	return pd->ops->queue_disable(queue);
}
PARLEY_EXPORT(parley_queue_reset);

/**
 * parley_queue_reenable() - give a queue that was reset back to the device
 * @queue: the queue, empty
 *
 * The second half of a queue reset (spec 2.6.1.2).
 *
 * Context: may sleep.
 * Return: 0 or an error; the queue is unusable then until the whole device is
 * reset.
 */
int parley_queue_reenable(struct parley_queue *queue)
{
	int err;

	spin_lock_irq(&queue->lock);
	err = parley_drvq_reset(queue->vq);
	spin_unlock_irq(&queue->lock);
	if (err)
		return err;
	return parley_queue_enable(queue);
}
PARLEY_EXPORT(parley_queue_reenable);

/**
 * parley_queue_affinity() - processors that a queue's interrupt goes to
 * @queue: the queue
 *
 * Return: the mask, or NULL if it is not known.
 */
const struct cpumask *parley_queue_affinity(struct parley_queue *queue)
{
	const struct parley_transport_ops *ops = queue->dev->ops;

	return ops->queue_affinity ? ops->queue_affinity(queue) : NULL;
}
PARLEY_EXPORT(parley_queue_affinity);

static bool parley_queue_serve(struct parley_queue *queue)
{
	if (!parley_drvq_pending(queue->vq))
		return false;
	parley_drvq_count_interrupt(queue->vq);
	queue->spec.done(queue);
	return true;
}

/**
 * parley_queue_interrupt() - the transport took an interrupt of one queue
 * @queue: the queue; it has a done()
 *
 * An interrupt with nothing to reap costs a look at the ring and is counted; a
 * device that sends nothing else wastes its own host's time.
 *
 * Context: hard interrupt, or interrupts off.
 * Return: IRQ_HANDLED if done() was called.
 */
irqreturn_t parley_queue_interrupt(struct parley_queue *queue)
{
	if (likely(READ_ONCE(queue->dev->state) == PARLEY_LIVE) &&
	    likely(parley_queue_serve(queue)))
		return IRQ_HANDLED;
	queue->spurious++;
	return IRQ_NONE;
}
PARLEY_EXPORT(parley_queue_interrupt);

/**
 * parley_device_interrupt() - the transport took an interrupt that several
 *	queues share
 * @pd: the device
 *
 * Context: hard interrupt, or interrupts off.
 * Return: IRQ_HANDLED if any done() was called.
 */
irqreturn_t parley_device_interrupt(struct parley_device *pd)
{
	irqreturn_t ret = IRQ_NONE;
	unsigned int i;

	if (unlikely(READ_ONCE(pd->state) != PARLEY_LIVE))
		goto nothing;
	for (i = 0; i < pd->nr_queues; i++)
		if (pd->queues[i].spec.done &&
		    parley_queue_serve(&pd->queues[i]))
			ret = IRQ_HANDLED;
nothing:
	if (ret == IRQ_NONE)
		pd->spurious++;
	return ret;
}
PARLEY_EXPORT(parley_device_interrupt);

static void parley_queue_break(struct parley_queue *queue, const char *why)
{
	struct parley_device *pd = queue->dev;

	lockdep_assert_held(&pd->config_lock);
	if (!queue->vq)
		return;
	spin_lock(&queue->lock);
	parley_drvq_break(queue->vq, why);
	spin_unlock(&queue->lock);
	if (queue->spec.done && pd->state == PARLEY_LIVE)
		queue->spec.done(queue);
}

/**
 * parley_device_cut_off() - break every queue and wake the front-end
 * @pd: the device
 * @why: said once for each queue; NULL: nothing is wrong
 *
 * Also wakes a front-end that waits in probe() or remove(): it takes no lock
 * that may be held meanwhile.  Once is enough; again does nothing.
 *
 * Context: process context, does not sleep.
 */
void parley_device_cut_off(struct parley_device *pd, const char *why)
{
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&pd->config_lock, flags);
	if (!pd->gone) {
		WRITE_ONCE(pd->gone, true);
		pd->config_armed = false;
		for (i = 0; i < pd->nr_queues; i++)
			parley_queue_break(&pd->queues[i], why);
	}
	spin_unlock_irqrestore(&pd->config_lock, flags);
}

/**
 * parley_device_surprise() - the device is gone without a word
 * @pd: the device
 *
 * Context: as parley_device_cut_off().
 */
void parley_device_surprise(struct parley_device *pd)
{
	parley_device_cut_off(pd, "device removed");
}
PARLEY_EXPORT(parley_device_surprise);

/**
 * parley_device_alive() - does the device still answer?
 * @pd: the device
 *
 * For a front-end whose request takes too long.  A device that does not answer
 * is treated as removed.
 *
 * Context: process context.
 * Return: true if it does.
 */
bool parley_device_alive(struct parley_device *pd)
{
	if (parley_device_gone(pd))
		return false;
	if (pd->ops->get_status(pd) != PARLEY_STATUS_GONE)
		return true;
	dev_err(&pd->dev, "device does not answer any more\n");
	parley_device_surprise(pd);
	return false;
}
PARLEY_EXPORT(parley_device_alive);
