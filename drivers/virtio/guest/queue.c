// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queues of a device: made for a front-end, handed to the device, joined to
 * its interrupts.  They outlive any reset of it.
 */
#include <linux/dma-mapping.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <parley/export.h>
#include <uapi/linux/virtio_ring.h>
#include "guest.h"

static unsigned int parley_ring_size;
module_param_named(ring_size, parley_ring_size, uint, 0644);
MODULE_PARM_DESC(ring_size, "most descriptors of a ring, for devices bound from now on; 0 (default): as many as the device has");

static bool parley_queue_notify(struct parley_drvq *vq, u32 data)
{
	struct parley_queue *queue = parley_drvq_priv(vq);

	/* Barrier K1 is the ring's F1, before this: pairs with K2. */
	if (unlikely(!READ_ONCE(queue->dev->kicks)))
		return !parley_device_gone(queue->dev);
	return parley_vdev_of(queue)->ops->notify(queue, data);
}

/**
 * parley_kicks_off() - the device is not to be kicked for now
 * @v: device
 *
 * Somebody may publish all the same: parley_kicks_on() kicks for it.
 */
void parley_kicks_off(struct parley_vdev *v)
{
	scoped_guard(spinlock_irqsave, &v->m.irq_lock)
		WRITE_ONCE(v->pd.kicks, false);
}

/**
 * parley_kicks_on() - the device may be kicked from here on
 * @v: device, which has its queues and was told DRIVER_OK
 *
 * Kicks for what was published meanwhile (spec 3.1.1 has none before DRIVER_OK).
 * One kick too many, for a queue whose owner is as fast, does no harm.
 *
 * Context: may sleep; under the model's lock.
 */
void parley_kicks_on(struct parley_vdev *v)
{
	struct parley_queue *queue;

	lockdep_assert_held(&v->m.lock);
	scoped_guard(spinlock_irqsave, &v->m.irq_lock)
		WRITE_ONCE(v->pd.kicks, !v->pd.gone);
	/*
	 * Barrier K2, @kicks before the rings: pairs with K1 in
	 * parley_queue_notify(), which has the ring before @kicks.
	 */
	smp_mb();
	parley_for_each_queue(v, queue)
		if (parley_drvq_free(queue->vq) < parley_drvq_size(queue->vq))
			parley_drvq_kick(queue->vq);
}

/* The device broke the rules.  Any context, also under the queue's lock. */
static void parley_queue_broken(struct parley_drvq *vq)
{
	struct parley_queue *queue = parley_drvq_priv(vq);

	parley_queue_wake(queue);
	parley_fault(parley_vdev_of(queue), PARLEY_FAULT_BROKEN);
}

/* How many descriptors: the device's word, within what is sane and wanted. */
static int parley_queue_size(struct parley_queue *queue)
{
	struct parley_device *pd = queue->dev;
	unsigned int size = to_parley_vdev(pd)->ops->queue_size(pd, queue->index);
	unsigned int most = READ_ONCE(parley_ring_size) ? : PARLEY_VQ_SIZE_MAX;

	if (!size) {
		dev_err(&pd->dev, "queue %u (%s) does not exist\n",
			queue->index, queue->spec.name);
		return -ENOENT;
	}
	size = min3(size, most, PARLEY_VQ_SIZE_MAX);
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
		.features = parley_features_low(&pd->features),
		.indirect_segs = queue->spec.indirect_segs,
		.dev = parley_dma_dev(pd),
		.mem = to_parley_vdev(pd)->ops->mem ?
		       to_parley_vdev(pd)->ops->mem(pd) : NULL,
		.notify = parley_queue_notify,
		.broken = parley_queue_broken,
		.priv = queue,
		.lock = queue->spec.flags & PARLEY_QUEUE_UNLOCKED ?
			NULL : parley_qlock_map(&queue->lock),
	};
	int size = parley_queue_size(queue);
	struct parley_drvq *vq;

	if (size < 0)
		return size;
	cfg.size_max = size;
	cfg.size = min_t(unsigned int, queue->spec.size ?: size, size);
	vq = parley_drvq_create(&cfg);
	/* A large ring is contiguous: a smaller one may still be had. */
	while (IS_ERR(vq) && PTR_ERR(vq) == -ENOMEM && cfg.size_max > 16) {
		cfg.size_max = rounddown_pow_of_two(cfg.size_max - 1);
		cfg.size = min(cfg.size, cfg.size_max);
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

	/* A ring that is new asks for interrupts. */
	if (!parley_queue_interrupts(queue))
		parley_queue_disarm(queue);
	parley_drvq_addr(queue->vq, &addr);
	err = to_parley_vdev(pd)->ops->queue_enable(queue, &addr,
						    parley_drvq_size(queue->vq));
	if (err)
		dev_err(&pd->dev, "queue %u (%s) cannot be enabled (%d)\n",
			queue->index, queue->spec.name, err);
	return err;
}

static void parley_queue_init(struct parley_vdev *v, struct parley_queue *queue,
			      const struct parley_queue_spec *spec)
{
	bool contended = spec->flags & PARLEY_QUEUE_CONTENDED;

	/* Kinds of queues that are nested must not look like one to lockdep. */
	if (spec->key)
		parley_qlock_init_class(&queue->lock, contended, spec->name, spec->key);
	else
		parley_qlock_init(&queue->lock, contended);
	init_waitqueue_head(&queue->waiters);
	queue->dev = &v->pd;
	queue->index = spec->index;
	queue->spec = *spec;
	queue->vector = -1;
}

static int parley_queues_alloc(struct parley_vdev *v,
			       const struct parley_queue_spec *specs,
			       unsigned int nr)
{
	const struct parley_queue_spec *own = NULL;
	struct parley_queue *queues;
	unsigned int i, nr_own = 0;

	if (v->ops->own_queues)
		nr_own = v->ops->own_queues(&v->pd, &own);
	queues = kvcalloc(nr + nr_own, sizeof(*queues), GFP_KERNEL);
	if (!queues)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		parley_queue_init(v, &queues[i], &specs[i]);
	for (i = 0; i < nr_own; i++)
		parley_queue_init(v, &queues[nr + i], &own[i]);
	/* A surprise removal walks them under this lock. */
	scoped_guard(spinlock_irq, &v->m.irq_lock) {
		v->pd.queues = queues;
		v->pd.nr_queues = nr;
		v->m.nr_all = nr + nr_own;
	}
	return 0;
}

/* Rings, interrupts, and the device knows of both. */
static int parley_queues_set_up(struct parley_vdev *v,
				struct irq_affinity *affd)
{
	struct parley_queue *queue;
	int err = 0;

	parley_for_each_queue(v, queue) {
		err = parley_queue_create(queue);
		if (err)
			return err;
	}
	err = v->ops->vectors_alloc(&v->pd, affd);
	if (err)
		return err;
	parley_for_each_queue(v, queue) {
		err = parley_queue_enable(queue);
		if (err)
			return err;
	}
	parley_for_each_queue(v, queue) {
		err = parley_queue_sysfs_add(queue);
		if (err)
			return err;
	}
	return 0;
}

/**
 * parley_device_make_queues() - make the device's queues
 * @pd: the device, negotiated, without queues
 * @specs: what is wanted, @nr of them; copied.  pd->queues[i] is that of
 *	@specs[i], which may lie anywhere in the device
 * @nr: how many, at least one
 * @affd: how to spread the interrupts of the queues that are not
 *	PARLEY_QUEUE_ADMIN over processors; NULL: do not
 *
 * Rings, tables and interrupts are allocated here once, and are the same after
 * any reset of the device.
 *
 * Context: may sleep; from probe().
 * Return: 0; -ENOENT if the device has no such queue; another error.  Nothing
 * is left of the queues then, and the device is reset.
 */
int parley_device_make_queues(struct parley_device *pd,
			      const struct parley_queue_spec *specs,
			      unsigned int nr, struct irq_affinity *affd)
{
	struct parley_vdev *v = to_parley_vdev(pd);
	int err;

	if (!nr || pd->nr_queues || READ_ONCE(v->m.phase) != PARLEY_AGREED)
		return -EINVAL;
	err = parley_queues_alloc(v, specs, nr);
	if (err)
		return err;
	err = parley_queues_set_up(v, affd);
	/* Before the queues are known by it, it could have vanished. */
	if (!err && parley_device_gone(pd))
		err = -ENODEV;
	if (err) {
		parley_status_reset(v);
		parley_queues_drop(v);
		parley_phase_set(v, PARLEY_IDLE);
	}
	return err;
}
PARLEY_EXPORT(parley_device_make_queues);

/**
 * parley_queues_drop() - the mirror of make_queues
 * @v: the device; it is reset, and nothing is in flight
 *
 * Context: may sleep.
 */
void parley_queues_drop(struct parley_vdev *v)
{
	struct parley_device *pd = &v->pd;
	struct parley_queue *queue, *queues;
	unsigned int i, nr;

	if (!pd->nr_queues)
		return;
	parley_for_each_queue(v, queue)
		parley_queue_sysfs_del(queue);
	/* Needs the queues still, and ends the interrupts that use them. */
	v->ops->vectors_free(pd);
	/* A surprise removal walks them under this lock. */
	scoped_guard(spinlock_irq, &v->m.irq_lock) {
		queues = pd->queues;
		nr = v->m.nr_all;
		pd->queues = NULL;
		pd->nr_queues = 0;
		v->m.nr_all = 0;
	}
	for (i = 0; i < nr; i++) {
		if (queues[i].vq)
			parley_drvq_destroy(queues[i].vq);
		parley_qlock_destroy(&queues[i].lock);
	}
	kvfree(queues);
}

static int parley_queue_empty(struct parley_queue *queue, unsigned int size)
{
	unsigned long flags = parley_queue_lock(queue);
	int err = parley_drvq_resize(queue->vq, size);

	parley_queue_unlock(queue, flags);
	return err;
}

/* The ring as it was: the same size, or the requests held back do not fit. */
static int parley_queue_enable_again(struct parley_queue *queue)
{
	struct parley_device *pd = queue->dev;
	unsigned int size = parley_drvq_size(queue->vq);
	int err;

	if (to_parley_vdev(pd)->ops->queue_size(pd, queue->index) < size) {
		dev_err(&pd->dev, "queue %u (%s) came back with less than its %u descriptors\n",
			queue->index, queue->spec.name, size);
		return -EPROTO;
	}
	err = parley_queue_empty(queue, size);
	return err ? err : parley_queue_enable(queue);
}

/**
 * parley_queues_enable_again() - give a device that was reset its queues back
 * @v: the device, negotiated; nothing is in flight
 *
 * Allocates nothing.  Context: may sleep; under the model's lock.
 *
 * Return: 0 or an error.
 */
int parley_queues_enable_again(struct parley_vdev *v)
{
	struct parley_queue *queue;
	int err;

	lockdep_assert_held(&v->m.lock);
	err = v->ops->vectors_again ? v->ops->vectors_again(&v->pd) : 0;
	if (err)
		return err;
	parley_for_each_queue(v, queue) {
		err = parley_queue_enable_again(queue);
		if (err)
			return err;
	}
	return 0;
}

/* Spec 2.6.1: taken from the device, emptied, given back to it. */
static int parley_queue_renew(struct parley_queue *queue, unsigned int size)
{
	int err = parley_vdev_of(queue)->ops->queue_disable(queue);

	if (err)
		return err;
	parley_queue_poll(queue, UINT_MAX, NULL);
	parley_queue_take_back(queue, parley_drvq_broken(queue->vq) ?
			       PARLEY_FAIL : PARLEY_REPEAT);
	err = parley_queue_empty(queue, size);
	return err ? err : parley_queue_enable(queue);
}

static bool parley_queue_can_be(struct parley_queue *queue, unsigned int size)
{
	if (!size || size > parley_drvq_size_max(queue->vq))
		return false;
	return parley_has_feature(queue->dev, VIRTIO_F_RING_PACKED) ||
	       is_power_of_2(size);
}

/**
 * parley_queue_resize() - give a live queue another number of descriptors
 * @queue: the queue
 * @size: at most parley_drvq_size_max(), which is what the device showed and
 *	parley_queue_spec.size_max allowed; a power of two in a split ring
 *
 * The front-end is stopped and started around it, as in a recovery: what is in
 * flight in this queue comes back through complete() or give_back().  Nothing is
 * allocated.  The size outlives resets.
 *
 * Context: may sleep; not from stop(), give_back(), reapply() or start(), nor
 * under a lock that these take.
 * Return: 0; -EOPNOTSUPP without VIRTIO_F_RING_RESET, or stop() and start();
 * -EINVAL; -EAGAIN while the device is stopped; -ENODEV; another error of the
 * device's, which is being started anew then.
 */
int parley_queue_resize(struct parley_queue *queue, unsigned int size)
{
	struct parley_vdev *v = parley_vdev_of(queue);
	struct parley_driver *drv = parley_driver_of(v);
	unsigned int noio;
	int err;

	if (!parley_has_feature(queue->dev, VIRTIO_F_RING_RESET) ||
	    !drv->stop || !drv->start)
		return -EOPNOTSUPP;
	if (!parley_queue_can_be(queue, size))
		return -EINVAL;
	guard(mutex)(&v->m.lock);
	if (parley_device_gone(&v->pd))
		return -ENODEV;
	if (v->m.phase != PARLEY_LIVE)
		return -EAGAIN;
	noio = memalloc_noio_save();
	drv->stop(&v->pd);
	/* Not everybody is held back by stop(): a command is not. */
	parley_kicks_off(v);
	err = parley_queue_renew(queue, size);
	if (err) {
		parley_drvq_break(queue->vq, "cannot be resized");
		/* That is silent on a ring that is detached. */
		parley_fault(v, PARLEY_FAULT_BROKEN);
	}
	parley_kicks_on(v);
	drv->start(&v->pd);
	memalloc_noio_restore(noio);
	return err;
}
PARLEY_EXPORT(parley_queue_resize);

/**
 * parley_queue_affinity() - processors that a queue's interrupt goes to
 * @queue: the queue
 *
 * Return: the mask, or NULL if it is not known.
 */
const struct cpumask *parley_queue_affinity(struct parley_queue *queue)
{
	const struct parley_transport_ops *ops = parley_vdev_of(queue)->ops;

	return ops->queue_affinity ? ops->queue_affinity(queue) : NULL;
}
PARLEY_EXPORT(parley_queue_affinity);

/**
 * parley_queue_set_affinity() - say to which processors an interrupt shall go
 * @queue: the queue
 * @mask: the processors; copied, and shown to user space as a hint.  NULL takes
 *	the hint back
 *
 * Of a group it is the group's interrupt.
 *
 * Context: may sleep; serialised by the caller.
 * Return: 0; -EOPNOTSUPP if the transport cannot, if all queues share one
 * interrupt, or if the kernel spreads it because make_queues was told so;
 * -ENOMEM; or what the interrupt controller says.
 */
int parley_queue_set_affinity(struct parley_queue *queue,
			      const struct cpumask *mask)
{
	const struct parley_transport_ops *ops = parley_vdev_of(queue)->ops;

	return ops->queue_set_affinity ?
	       ops->queue_set_affinity(queue, mask) : -EOPNOTSUPP;
}
PARLEY_EXPORT(parley_queue_set_affinity);

/**
 * parley_queue_irq() - the kernel's number of a queue's interrupt
 * @queue: the queue
 *
 * For netif_napi_set_irq(), say.  It is the same until remove() returns.
 *
 * Return: the number; -ENXIO if the queue has none; -EOPNOTSUPP if the transport
 * has no such numbers.
 */
int parley_queue_irq(struct parley_queue *queue)
{
	const struct parley_transport_ops *ops = parley_vdev_of(queue)->ops;

	if (!parley_queue_interrupts(queue))
		return -ENXIO;
	return ops->queue_irq ? ops->queue_irq(queue) : -EOPNOTSUPP;
}
PARLEY_EXPORT(parley_queue_irq);

/**
 * parley_dma_dev() - the device that does the DMA, for its limits
 * @pd: the device
 *
 * Return: the device.
 */
struct device *parley_dma_dev(struct parley_device *pd)
{
	return to_parley_vdev(pd)->ops->dma_dev(pd);
}
PARLEY_EXPORT(parley_dma_dev);

/**
 * parley_max_mapping() - the longest buffer that the device can be given
 * @pd: the device, negotiated
 *
 * A bounce buffer, where there is one, has a largest size.
 *
 * Return: bytes, at least a page.
 */
size_t parley_max_mapping(struct parley_device *pd)
{
	const struct parley_transport_ops *ops = to_parley_vdev(pd)->ops;

	if (ops->max_mapping)
		return ops->max_mapping(pd);
	if (parley_has_feature(pd, VIRTIO_F_ACCESS_PLATFORM))
		return dma_max_mapping_size(ops->dma_dev(pd));
	return SIZE_MAX;
}
PARLEY_EXPORT(parley_max_mapping);
