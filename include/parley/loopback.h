/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The loopback transport: a device implemented in this kernel, for a front-end
 * in the same kernel.  No virtual machine and no bus is involved.
 *
 * The front-end sees an ordinary guest device.  The implementation sees queues
 * in the device role of the core, over kernel addresses:
 *
 *	front-end -> guest model -> loopback transport -> implementation
 *	    put, publish, kick  ........................>  kick()
 *	complete()  <......................  parley_loopback_call()
 *
 * Phases of a queue, as an implementation lives through them:
 *
 *	queue_start  the driver enabled the queue.  queue->vq exists, and must not
 *		     be used yet: the driver has not said DRIVER_OK.
 *	kick	     from DRIVER_OK on.  The first one comes unasked, because
 *		     buffers may have been published before DRIVER_OK.
 *	queue_stop   reset of the device or of this queue, or the end.  No kick()
 *		     runs any more.  When queue_stop() returns, the
 *		     implementation must not touch queue->vq nor the driver's
 *		     memory again: both may be gone at once.
 *
 * Serialisation: the kick() of one queue never runs concurrently with itself,
 * with queue_start() or with queue_stop() of that queue; those of different
 * queues do run in parallel.  An implementation that uses queue->vq from
 * kick() and queue_stop() only needs no lock.  One that completes from
 * elsewhere (a timer, a work item) has to serialise that with kick() itself,
 * and to stop it in queue_stop().  status(), reset(), queue_start() and
 * queue_stop() of one device are serialised by the transport with a mutex.
 *
 * Contexts: kick() runs in a work item of the device's own workqueue and may
 * sleep; so may all other operations.  The front-end's complete() is called as by
 * a real interrupt, never inside parley_loopback_call() or any operation's locks:
 * an irq_work runs it, in hard interrupt context, or with PREEMPT_RT in the thread
 * that stands for it, where a spinlock may sleep.
 *
 * Lifetime: parley_loopback_destroy() ends everything: when it returns, no
 * operation runs and none will run again.  The object itself goes when the
 * last user of the device (an open sysfs file, say) lets go of it.
 */
#ifndef _PARLEY_LOOPBACK_H
#define _PARLEY_LOOPBACK_H

#include <linux/mod_devicetable.h>
#include <linux/types.h>
#include <parley/virtqueue.h>

struct parley_device;
struct parley_loopback;

/**
 * struct parley_loopback_queue - a queue as the implementation sees it
 * @vq: device queue of the core, between queue_start() and queue_stop()
 * @lb: the device
 * @index: number of the queue in the device
 * @size: descriptors that the driver chose
 * @addr: host addresses of the three areas of the ring, for a mock that wants
 *	to misbehave; a well-behaved device has no use for them
 * @priv: the implementation's
 */
struct parley_loopback_queue {
	struct parley_devq *vq;
	struct parley_loopback *lb;
	unsigned int index;
	unsigned int size;
	struct parley_vq_addr addr;
	void *priv;
};

/**
 * struct parley_loopback_ops - a device implementation
 * @status: optional: the driver wrote @status (never 0); returns what the
 *	driver will read back.  A device that does not like the negotiated
 *	features returns it without VIRTIO_CONFIG_S_FEATURES_OK.
 * @reset: optional: the driver resets the device.  All queues are stopped
 *	already.  An error is handed to the driver (-ETIMEDOUT for a device
 *	that never finishes its reset).
 * @config_write: optional: the driver wrote these bytes of the configuration,
 *	which the implementation may act on; parley_loopback_config_update()
 *	makes them readable.  Without it the configuration is read-only.
 * @queue_start: optional; an error makes the driver's attempt to enable the
 *	queue fail
 * @queue_stop: optional: the mirror of @queue_start
 * @kick: the driver published buffers, or parley_loopback_kick() was called
 */
struct parley_loopback_ops {
	u8 (*status)(struct parley_loopback *lb, u8 status);
	int (*reset)(struct parley_loopback *lb);
	void (*config_write)(struct parley_loopback *lb, unsigned int offset,
			     const void *buf, unsigned int len);
	int (*queue_start)(struct parley_loopback_queue *queue);
	void (*queue_stop)(struct parley_loopback_queue *queue);
	void (*kick)(struct parley_loopback_queue *queue);
};

/**
 * struct parley_loopback_config - how to make a loopback device
 * @id: virtio device type and vendor
 * @features: what the device offers, of its type and of the ring.  The
 *	transport adds VIRTIO_F_VERSION_1 and refuses bits that make no sense
 *	without a bus (ACCESS_PLATFORM, SR_IOV).
 * @features_high: likewise, bits 64 to 127
 * @config: initial configuration, copied; little-endian as in the spec
 * @config_len: bytes of configuration, may be zero
 * @nr_queues: number of queues
 * @queue_size: largest size of each
 * @ops: the implementation
 * @priv: the implementation's, see parley_loopback_priv()
 */
struct parley_loopback_config {
	struct virtio_device_id id;
	u64 features;
	u64 features_high;
	const void *config;
	unsigned int config_len;
	unsigned int nr_queues;
	unsigned int queue_size;
	const struct parley_loopback_ops *ops;
	void *priv;
};

struct parley_loopback *
parley_loopback_create(const struct parley_loopback_config *cfg);
void parley_loopback_destroy(struct parley_loopback *lb);

void *parley_loopback_priv(const struct parley_loopback *lb);
u64 parley_loopback_features(const struct parley_loopback *lb);
struct parley_device *parley_loopback_device(struct parley_loopback *lb);

void parley_loopback_call(struct parley_loopback_queue *queue);
void parley_loopback_kick(struct parley_loopback_queue *queue);
void parley_loopback_config_update(struct parley_loopback *lb,
				   unsigned int offset, const void *buf,
				   unsigned int len);
void parley_loopback_config_changed(struct parley_loopback *lb);
void parley_loopback_needs_reset(struct parley_loopback *lb);
void parley_loopback_vanish(struct parley_loopback *lb);

#endif /* _PARLEY_LOOPBACK_H */
