/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest device model, as a transport sees it: the operations that it
 * provides, and the events that it tells.
 *
 * A transport embeds a struct parley_vdev in its own object, fills vdev.ops,
 * vdev.pd.id and vdev.pd.dev.release, and registers it.  The object is freed by
 * release(); parley_device_free() is the release() that does not need the
 * transport's module any more.
 */
#ifndef _PARLEY_TRANSPORT_H
#define _PARLEY_TRANSPORT_H

#include <parley/device.h>
#include <parley/model.h>

/* What the device status reads as when nothing answers behind the bus. */
#define PARLEY_STATUS_GONE	0xff

/**
 * struct parley_transport_ops - what a transport provides
 * @name: "pci", "loopback" ...
 * @local: the device is a part of this kernel: it sees memory that is hidden from
 *	a host
 * @get_status: device status; PARLEY_STATUS_GONE when the device no longer
 *	answers
 * @set_status: write the status (never 0; that is @reset)
 * @reset: reset and wait until the device says so; may sleep; -ETIMEDOUT or
 *	-ENODEV when it never does.  Whatever it returns, afterwards no interrupt
 *	handler is still running, and the device does not touch memory
 * @get_features: the features on offer
 * @set_features: write the accepted ones
 * @config_read: copy @len bytes of configuration from @offset with accesses of
 *	natural width; the model has checked the bounds
 * @config_write: likewise
 * @config_len: bytes of device configuration
 * @generation: configuration generation
 * @own_queues: optional: how many queues the transport wants for itself, and
 *	what they are like: an administration queue, say (spec 2.13).  Asked when
 *	the front-end makes its own, which does not see them.  They live and are
 *	recovered like these; see parley_own_queue()
 * @vectors_alloc: interrupts for all queues, spread as @affd says where @affd is
 *	not NULL, one for each group; fills parley_queue.vector; falls back to
 *	fewer or one
 * @vectors_free: its mirror; no handler runs when it returns
 * @vectors_again: optional: a reset made the device forget its interrupts; they
 *	are still allocated.  Must not allocate memory
 * @queue_size: largest size the device offers, 0 if there is no such queue
 * @queue_enable: hand the ring's addresses to the device and enable it
 * @queue_disable: reset this one queue (spec 2.6.1.1); afterwards no handler of
 *	it is running; NULL if the transport cannot.  @queue_enable enables it
 *	again.
 * @notify: kick; any context; false if the device is gone
 * @queue_affinity: processors that a queue's interrupt goes to; NULL if unknown
 * @queue_set_affinity: optional: let it go to these, and say so to user space
 * @queue_irq: optional: its number in the kernel
 * @shm: look a shared-memory region up; -ENOENT
 * @dma_dev: device for the DMA API
 * @mem: optional: memory of the transport's own, the only one that the device sees;
 *	NULL: none after all.  It is there as long as the device is registered
 * @max_mapping: with @mem: the longest buffer that it takes, at least a page
 */
struct parley_transport_ops {
	const char *name;
	bool local;
	u8 (*get_status)(struct parley_device *pd);
	void (*set_status)(struct parley_device *pd, u8 status);
	int (*reset)(struct parley_device *pd);
	void (*get_features)(struct parley_device *pd,
			     struct parley_features *offered);
	int (*set_features)(struct parley_device *pd,
			    const struct parley_features *accepted);
	void (*config_read)(struct parley_device *pd, unsigned int offset,
			    void *buf, unsigned int len);
	void (*config_write)(struct parley_device *pd, unsigned int offset,
			     const void *buf, unsigned int len);
	unsigned int (*config_len)(struct parley_device *pd);
	u32 (*generation)(struct parley_device *pd);
	unsigned int (*own_queues)(struct parley_device *pd,
				   const struct parley_queue_spec **specs);
	int (*vectors_alloc)(struct parley_device *pd,
			     struct irq_affinity *affd);
	void (*vectors_free)(struct parley_device *pd);
	int (*vectors_again)(struct parley_device *pd);
	unsigned int (*queue_size)(struct parley_device *pd, unsigned int index);
	int (*queue_enable)(struct parley_queue *queue,
			    const struct parley_vq_addr *addr,
			    unsigned int size);
	int (*queue_disable)(struct parley_queue *queue);
	bool (*notify)(struct parley_queue *queue, u32 data);
	const struct cpumask *(*queue_affinity)(struct parley_queue *queue);
	int (*queue_set_affinity)(struct parley_queue *queue,
				  const struct cpumask *mask);
	int (*queue_irq)(struct parley_queue *queue);
	int (*shm)(struct parley_device *pd, u8 id, struct parley_shm *shm);
	struct device *(*dma_dev)(struct parley_device *pd);
	const struct parley_mem *(*mem)(struct parley_device *pd);
	size_t (*max_mapping)(struct parley_device *pd);
};

/**
 * struct parley_vdev - a guest device with what a front-end does not see
 * @pd: the device
 * @ops: its transport
 * @m: the model's
 */
struct parley_vdev {
	struct parley_device pd;
	const struct parley_transport_ops *ops;
	struct parley_model m;
};

#define to_parley_vdev(p)	container_of_const(p, struct parley_vdev, pd)

int parley_device_register(struct parley_vdev *v, struct device *parent);
void parley_device_unregister(struct parley_vdev *v);
void parley_device_free(struct device *dev);

int parley_device_freeze(struct parley_vdev *v, enum parley_hold why);
int parley_device_restore(struct parley_vdev *v, enum parley_hold why);
void parley_device_surprise(struct parley_vdev *v);
void parley_device_shutdown(struct parley_vdev *v);

void parley_device_config_interrupt(struct parley_vdev *v);
irqreturn_t parley_queue_interrupt(struct parley_queue *queue);
irqreturn_t parley_vector_interrupt(struct parley_vdev *v, int vector);
irqreturn_t parley_device_interrupt(struct parley_vdev *v);

/* The front-end's queues and the transport's own. */
#define parley_for_each_queue(v, queue)					\
	for ((queue) = (v)->pd.queues;					\
	     (queue) < (v)->pd.queues + (v)->m.nr_all; (queue)++)

/**
 * parley_own_queue() - a queue that the transport asked for
 * @v: the device
 * @i: which, in the order of own_queues
 *
 * Context: from ready to the end of the front-end's remove().
 * Return: the queue, or NULL.
 */
static inline struct parley_queue *parley_own_queue(struct parley_vdev *v,
						    unsigned int i)
{
	return i < v->m.nr_all - v->pd.nr_queues ?
	       &v->pd.queues[v->pd.nr_queues + i] : NULL;
}

/* Does the transport have to give the queue an interrupt? */
static inline bool parley_queue_interrupts(const struct parley_queue *queue)
{
	return !(queue->spec.flags & PARLEY_QUEUE_POLLED);
}

#endif /* _PARLEY_TRANSPORT_H */
