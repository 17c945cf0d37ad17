// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the guest model asks of the loopback transport: the "registers" of a
 * device that has none.
 */
#include <linux/slab.h>
#include "loopback_priv.h"

static u8 lb_get_status(struct parley_device *pd)
{
	struct parley_loopback *lb = pd_to_lb(pd);

	/* One byte: nothing to be consistent with. */
	return READ_ONCE(lb->gone) ? PARLEY_STATUS_GONE :
				     READ_ONCE(lb->status);
}

static void lb_set_status(struct parley_device *pd, u8 status)
{
	struct parley_loopback *lb = pd_to_lb(pd);

	guard(mutex)(&lb->mutex);
	if (READ_ONCE(lb->gone) || !lb->ops)
		return;
	if (lb->ops->status)
		status = lb->ops->status(lb, status);
	scoped_guard(spinlock_irqsave, &lb->lock) {
		WRITE_ONCE(lb->status, status |
			   (lb->status & VIRTIO_CONFIG_S_NEEDS_RESET));
		lb->config_calls = status & VIRTIO_CONFIG_S_DRIVER_OK;
	}
	if (status & VIRTIO_CONFIG_S_DRIVER_OK)
		parley_lb_queues_go(lb);
}

static int lb_reset(struct parley_device *pd)
{
	struct parley_loopback *lb = pd_to_lb(pd);
	int err;

	guard(mutex)(&lb->mutex);
	/* Whatever comes of the reset, the driver is left in peace. */
	parley_lb_config_calls_off(lb);
	parley_lb_queues_stop(lb);
	if (READ_ONCE(lb->gone) || !lb->ops)
		return -ENODEV;
	err = lb->ops->reset ? lb->ops->reset(lb) : 0;
	if (err)
		return err;
	scoped_guard(spinlock_irqsave, &lb->lock)
		WRITE_ONCE(lb->status, 0);
	parley_features_set(&lb->accepted, 0, 0);
	return 0;
}

static void lb_get_features(struct parley_device *pd,
			    struct parley_features *offered)
{
	*offered = pd_to_lb(pd)->features;
}

static int lb_set_features(struct parley_device *pd,
			   const struct parley_features *accepted)
{
	struct parley_loopback *lb = pd_to_lb(pd);

	guard(mutex)(&lb->mutex);
	if (!bitmap_subset(accepted->bits, lb->features.bits,
			   PARLEY_FEATURE_BITS))
		return -EINVAL;
	lb->accepted = *accepted;
	return 0;
}

static void lb_config_read(struct parley_device *pd, unsigned int offset,
			   void *buf, unsigned int len)
{
	struct parley_loopback *lb = pd_to_lb(pd);

	scoped_guard(spinlock_irqsave, &lb->lock) {
		if (lb->gone)
			memset(buf, PARLEY_STATUS_GONE, len);
		else
			memcpy(buf, lb->config + offset, len);
	}
}

static void lb_config_write(struct parley_device *pd, unsigned int offset,
			    const void *buf, unsigned int len)
{
	struct parley_loopback *lb = pd_to_lb(pd);
	const struct parley_loopback_ops *ops = READ_ONCE(lb->ops);

	if (!READ_ONCE(lb->gone) && ops && ops->config_write)
		ops->config_write(lb, offset, buf, len);
}

static unsigned int lb_config_len(struct parley_device *pd)
{
	return pd_to_lb(pd)->config_len;
}

static u32 lb_generation(struct parley_device *pd)
{
	return READ_ONCE(pd_to_lb(pd)->generation);
}

/* Every queue has a call of its own; the number only says who asked to share. */
static int lb_vectors_alloc(struct parley_device *pd,
			    struct irq_affinity *affd)
{
	unsigned int i, first;

	for (i = 0; i < pd->nr_queues; i++) {
		const struct parley_queue *queue = &pd->queues[i];

		if (!parley_queue_interrupts(queue))
			continue;
		for (first = 0; first < i; first++)
			if (queue->spec.group &&
			    pd->queues[first].spec.group == queue->spec.group)
				break;
		pd->queues[i].vector = first;
	}
	parley_lb_calls_on(pd_to_lb(pd));
	return 0;
}

static void lb_vectors_free(struct parley_device *pd)
{
	struct parley_loopback *lb = pd_to_lb(pd);

	parley_lb_calls_off(lb);
	parley_lb_config_calls_off(lb);
}

static unsigned int lb_queue_size(struct parley_device *pd, unsigned int index)
{
	struct parley_loopback *lb = pd_to_lb(pd);

	return index < lb->nr_queues && !READ_ONCE(lb->gone) ?
	       lb->queue_size : 0;
}

static int lb_queue_enable(struct parley_queue *queue,
			   const struct parley_vq_addr *addr, unsigned int size)
{
	struct parley_loopback *lb = pd_to_lb(queue->dev);

	if (queue->index >= lb->nr_queues || size > lb->queue_size)
		return -EINVAL;
	guard(mutex)(&lb->mutex);
	return parley_lb_queue_start(&lb->queues[queue->index], queue, addr,
				     size);
}

static int lb_queue_disable(struct parley_queue *queue)
{
	struct parley_loopback *lb = pd_to_lb(queue->dev);

	if (queue->index >= lb->nr_queues)
		return -EINVAL;
	guard(mutex)(&lb->mutex);
	if (!parley_features_has(&lb->accepted, VIRTIO_F_RING_RESET))
		return -EOPNOTSUPP;
	parley_lb_queue_stop(&lb->queues[queue->index]);
	return READ_ONCE(lb->gone) ? -ENODEV : 0;
}

/* The data of VIRTIO_F_NOTIFICATION_DATA tells nothing that we need. */
static bool lb_notify(struct parley_queue *queue, u32 data)
{
	struct parley_loopback *lb = pd_to_lb(queue->dev);

	if (READ_ONCE(lb->gone))
		return false;
	parley_loopback_kick(&lb->queues[queue->index].pub);
	return true;
}

static struct device *lb_dma_dev(struct parley_device *pd)
{
	return &pd_to_lb(pd)->host;
}

const struct parley_transport_ops parley_loopback_transport = {
	.name = "loopback",
	.local = true,
	.get_status = lb_get_status,
	.set_status = lb_set_status,
	.reset = lb_reset,
	.get_features = lb_get_features,
	.set_features = lb_set_features,
	.config_read = lb_config_read,
	.config_write = lb_config_write,
	.config_len = lb_config_len,
	.generation = lb_generation,
	.vectors_alloc = lb_vectors_alloc,
	.vectors_free = lb_vectors_free,
	.queue_size = lb_queue_size,
	.queue_enable = lb_queue_enable,
	.queue_disable = lb_queue_disable,
	.notify = lb_notify,
	.dma_dev = lb_dma_dev,
};
