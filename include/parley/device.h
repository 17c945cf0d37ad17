/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest device model: what a front-end sees of its device, and what a
 * transport has to provide.
 *
 * Phases of a device, as a front-end lives through them:
 *
 *	register   The transport found a device and registers it.  The bus looks
 *		   for a front-end by type.
 *	negotiate  The model resets the device, acknowledges it, takes what the
 *		   front-end's table and the device have in common, lets
 *		   check() drop features that the configuration contradicts, and
 *		   writes the result (spec 3.1.1).
 *	probe	   The front-end reads its configuration, makes its queues with
 *		   parley_device_make_queues() and calls parley_device_ready()
 *		   once it can take completions.
 *	run	   done() of a queue is called from interrupt context,
 *		   config_changed() from a work item that may sleep.
 *	freeze	   (suspend, function-level reset, a device that asks for a
 *		   reset) freeze() stops new work and must leave no request
 *		   lost: what is in flight is either waited for or kept to be
 *		   put again.  A device that asks for a reset completes nothing
 *		   more, so keeping is the way that always works: call
 *		   parley_device_quiesce(), then parley_drvq_detach().  The
 *		   model then resets the device and drops its queues.
 *	restore	   The model negotiates the very same features again; restore()
 *		   makes the queues anew, as in probe.
 *	remove	   From the front-end's view the last call: stop new work, finish
 *		   or fail what is in flight.  If the device is already gone
 *		   (parley_device_gone()), every queue is broken before remove()
 *		   is called, so nothing waits for a device that cannot answer.
 *		   remove() may come after freeze() with no restore between (the
 *		   device did not come back): there are no queues then.
 *
 * Ownership: a transport allocates struct parley_device inside its own object
 * and frees it in release(); parley_device_free() is the release() that does not
 * need the transport's module any more.  Queues belong to the model; a front-end
 * uses them between make_queues and the end of freeze or remove.
 *
 * Locking: parley_queue.lock is taken by the front-end around every verb of
 * queue->vq (lockdep checks it).  It is a spinlock taken with interrupts off,
 * because done() runs in hard interrupt context without it.  The device lock of
 * the driver core serialises probe, remove, freeze and restore.
 * parley_device.config_lock is taken outside parley_queue.lock.
 */
#ifndef _PARLEY_DEVICE_H
#define _PARLEY_DEVICE_H

#include <linux/cpumask.h>
#include <linux/device.h>
#include <linux/interrupt.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/ratelimit_types.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <parley/virtqueue.h>
#include <uapi/linux/virtio_config.h>

struct parley_device;
struct parley_queue;

/* No interrupt: the front-end polls this queue. */
#define PARLEY_QUEUE_POLLED	0x1
/* Configuration-like queue: keep it out of the spreading over processors. */
#define PARLEY_QUEUE_ADMIN	0x2

/**
 * struct parley_queue_spec - a queue that a front-end wants
 * @name: short, for messages and statistics ("req", "rx" ...)
 * @done: completions may be there; hard interrupt context; NULL if polled.
 *	Called once more when a removed device broke the queue: look at
 *	parley_drvq_broken() and fail what waits
 * @size_max: at most so many descriptors; 0 for what the device offers
 * @indirect_segs: see struct parley_drvq_config
 * @flags: PARLEY_QUEUE_*
 */
struct parley_queue_spec {
	const char *name;
	void (*done)(struct parley_queue *queue);
	u16 size_max;
	u16 indirect_segs;
	u32 flags;
};

/**
 * struct parley_queue - a queue of a guest device
 * @vq: the driver queue; call its verbs under @lock
 * @lock: serialises @vq
 * @dev: the device
 * @index: number in the device
 * @spec: what was asked for
 * @priv: the front-end's
 * @kobj: its directory of statistics in sysfs (the model's)
 * @notify: where the transport kicks (the transport's)
 * @vector: interrupt vector, or -1 (the transport's)
 * @spurious: interrupts that found nothing to reap
 */
struct parley_queue {
	struct parley_drvq *vq;
	spinlock_t lock;
	struct parley_device *dev;
	unsigned int index;
	struct parley_queue_spec spec;
	void *priv;
	struct kobject *kobj;
	void __iomem *notify;
	int vector;
	u64 spurious;
};

/**
 * struct parley_shm - a shared-memory region of the device (spec 2.10)
 * @addr: physical address in the guest
 * @len: bytes
 */
struct parley_shm {
	u64 addr;
	u64 len;
};

/**
 * struct parley_transport_ops - what a transport provides
 * @name: "pci", "loopback" ...
 * @get_status: device status; 0xff when the device no longer answers
 * @set_status: write the status (never 0; that is @reset)
 * @reset: reset and wait until the device says so; may sleep; -ETIMEDOUT or
 *	-ENODEV when it never does.  Whatever it returns, afterwards no done()
 *	and no configuration interrupt is still running, and the device does
 *	not touch memory
 * @get_features: the 64 feature bits on offer
 * @set_features: write the accepted ones
 * @config_read: copy @len bytes of configuration from @offset with accesses of
 *	natural width; the model has checked the bounds
 * @config_write: likewise
 * @config_len: bytes of device configuration
 * @generation: configuration generation
 * @vectors_alloc: interrupts for @nr queues, spread as @affd says where @affd is
 *	not NULL; fills parley_queue.vector; falls back to fewer or one
 * @vectors_free: its mirror; no done() runs when it returns
 * @queue_size: largest size the device offers, 0 if there is no such queue
 * @queue_enable: hand the ring's addresses to the device and enable it
 * @queue_disable: reset this one queue (spec 2.6.1.1); afterwards no done() of
 *	it is running; NULL if the transport cannot.  @queue_enable enables it
 *	again.
 * @notify: kick; any context; false if the device is gone
 * @queue_affinity: processors that a queue's interrupt goes to; NULL if unknown
 * @shm: look a shared-memory region up; -ENOENT
 * @dma_dev: device for the DMA API
 */
struct parley_transport_ops {
	const char *name;
	u8 (*get_status)(struct parley_device *pd);
	void (*set_status)(struct parley_device *pd, u8 status);
	int (*reset)(struct parley_device *pd);
	u64 (*get_features)(struct parley_device *pd);
	int (*set_features)(struct parley_device *pd, u64 features);
	void (*config_read)(struct parley_device *pd, unsigned int offset,
			    void *buf, unsigned int len);
	void (*config_write)(struct parley_device *pd, unsigned int offset,
			     const void *buf, unsigned int len);
	unsigned int (*config_len)(struct parley_device *pd);
	u32 (*generation)(struct parley_device *pd);
	int (*vectors_alloc)(struct parley_device *pd, unsigned int nr,
			     struct irq_affinity *affd);
	void (*vectors_free)(struct parley_device *pd);
	unsigned int (*queue_size)(struct parley_device *pd, unsigned int index);
	int (*queue_enable)(struct parley_queue *queue,
			    const struct parley_vq_addr *addr,
			    unsigned int size);
	int (*queue_disable)(struct parley_queue *queue);
	bool (*notify)(struct parley_queue *queue, u32 data);
	const struct cpumask *(*queue_affinity)(struct parley_queue *queue);
	int (*shm)(struct parley_device *pd, u8 id, struct parley_shm *shm);
	struct device *(*dma_dev)(struct parley_device *pd);
};

/**
 * enum parley_state - how far a device has come
 * @PARLEY_IDLE: reset, or never touched: it uses no memory and interrupts of it
 *	go nowhere
 * @PARLEY_NEGOTIATED: FEATURES_OK; it may know some of the queues
 * @PARLEY_LIVE: DRIVER_OK; interrupts reach the front-end
 */
enum parley_state {
	PARLEY_IDLE,
	PARLEY_NEGOTIATED,
	PARLEY_LIVE,
};

/**
 * struct parley_device - a guest device
 * @dev: in the bus; named parleyN
 * @id: virtio type and vendor
 * @ops: its transport
 * @offered: feature bits that the device offers
 * @features: those negotiated; constant from probe to remove
 * @queues: its queues, @nr_queues of them, between make and drop
 * @nr_queues: see @queues
 * @gone: surprise removal; nothing will answer any more
 * @number: N of its name
 * @config_work: runs the front-end's config_changed()
 * @config_lock: protects @config_armed, @config_missed, changes of @gone and of
 *	@state, and the publication of @queues
 * @config_armed: configuration interrupts are passed on
 * @config_missed: one came while they were not
 * @priv: the front-end's
 * @state: how far it has come
 * @status: the bits of the device status that were written
 * @frozen: between freeze and restore
 * @lost: did not come back from a reset; its front-end is to be unbound
 * @spurious: interrupts on a shared vector that found nothing to reap
 * @recover_work: resets a device that asks for it, unbinds a lost one
 * @recover_limit: no more resets than this at the device's wish
 */
struct parley_device {
	struct device dev;
	struct virtio_device_id id;
	const struct parley_transport_ops *ops;
	u64 offered;
	u64 features;
	struct parley_queue *queues;
	unsigned int nr_queues;
	bool gone;
	int number;
	struct work_struct config_work;
	spinlock_t config_lock;
	bool config_armed;
	bool config_missed;
	void *priv;
	enum parley_state state;
	u8 status;
	bool frozen;
	bool lost;
	u64 spurious;
	struct work_struct recover_work;
	struct ratelimit_state recover_limit;
};

#define to_parley_device(d)	container_of_const(d, struct parley_device, dev)

/**
 * struct parley_driver - a front-end
 * @driver: the front-end fills the name
 * @ids: virtio types it serves, ended by an entry of zeroes
 * @features: feature bits it understands; the model adds the ring's
 * @check: optional, before features are accepted: return a subset of
 *	@features that the configuration does not contradict
 * @probe: see the phases above; may sleep, as all that follow
 * @remove: cannot fail
 * @config_changed: optional
 * @freeze: optional: without it the device cannot be suspended or reset
 * @restore: its mirror
 */
struct parley_driver {
	struct device_driver driver;
	const struct virtio_device_id *ids;
	u64 features;
	u64 (*check)(struct parley_device *pd, u64 features);
	int (*probe)(struct parley_device *pd);
	void (*remove)(struct parley_device *pd);
	void (*config_changed)(struct parley_device *pd);
	int (*freeze)(struct parley_device *pd);
	int (*restore)(struct parley_device *pd);
};

#define to_parley_driver(d)	container_of_const(d, struct parley_driver, driver)

/* For front-ends. */
int parley_driver_register_owner(struct parley_driver *drv,
				 struct module *owner);
#define parley_driver_register(drv) \
	parley_driver_register_owner(drv, THIS_MODULE)
void parley_driver_unregister(struct parley_driver *drv);
#define module_parley_driver(drv) \
	module_driver(drv, parley_driver_register, parley_driver_unregister)
/* The type in eight upper-case hexadecimal digits, as a string. */
#define MODULE_ALIAS_PARLEY(type)	MODULE_ALIAS("parley:d" type "v*")

int parley_device_make_queues(struct parley_device *pd,
			      const struct parley_queue_spec *specs,
			      unsigned int nr, struct irq_affinity *affd);
void parley_device_drop_queues(struct parley_device *pd);
void parley_device_ready(struct parley_device *pd);
int parley_device_quiesce(struct parley_device *pd);
int parley_device_recover(struct parley_device *pd);
bool parley_device_alive(struct parley_device *pd);
int parley_queue_reset(struct parley_queue *queue);
int parley_queue_reenable(struct parley_queue *queue);
const struct cpumask *parley_queue_affinity(struct parley_queue *queue);
int parley_config_read(struct parley_device *pd, unsigned int offset,
		       void *buf, unsigned int len);
int parley_config_write(struct parley_device *pd, unsigned int offset,
			const void *buf, unsigned int len);

static inline bool parley_has_feature(const struct parley_device *pd,
				      unsigned int bit)
{
	return pd->features & BIT_ULL(bit);
}

static inline bool parley_device_gone(const struct parley_device *pd)
{
	return READ_ONCE(pd->gone);
}

/**
 * parley_device_forgot() - was the device reset behind its driver's back?
 * @pd: device that answers, see parley_device_alive()
 *
 * One that was has dropped its requests and will never complete them.  Context:
 * any; reads a register of the device.
 *
 * Return: true if a live device does not know of its driver, or asks for a
 * reset.
 */
static inline bool parley_device_forgot(struct parley_device *pd)
{
	u8 status = pd->ops->get_status(pd);

	return READ_ONCE(pd->state) == PARLEY_LIVE &&
	       (!(status & VIRTIO_CONFIG_S_DRIVER_OK) ||
		status & VIRTIO_CONFIG_S_NEEDS_RESET);
}

/* The device that does the DMA, for its limits. */
static inline struct device *parley_dma_dev(struct parley_device *pd)
{
	return pd->ops->dma_dev(pd);
}

/*
 * Read one little-endian field of a configuration structure, consistently:
 *	err = parley_config_get(pd, struct virtio_blk_config, capacity, &v64);
 * The width of *val must be the field's (checked at compile time).
 */
#define parley_config_get(pd, type, field, val) ({			\
	static_assert(sizeof(*(val)) == sizeof_field(type, field));	\
	int __e = parley_config_read(pd, offsetof(type, field), (val),	\
				     sizeof(*(val)));			\
	if (!__e)							\
		*(val) = parley_le_to_cpu(*(val));			\
	__e;								\
})
#define parley_le_to_cpu(v) ((typeof(v))_Generic((v),			\
	u8: (v),							\
	u16: le16_to_cpu((__force __le16)(u16)(v)),			\
	u32: le32_to_cpu((__force __le32)(u32)(v)),			\
	u64: le64_to_cpu((__force __le64)(u64)(v))))

/* For transports. */
int parley_device_register(struct parley_device *pd, struct device *parent);
void parley_device_unregister(struct parley_device *pd);
void parley_device_free(struct device *dev);
void parley_device_surprise(struct parley_device *pd);
void parley_device_shutdown(struct parley_device *pd);
int parley_device_freeze(struct parley_device *pd);
int parley_device_restore(struct parley_device *pd);
void parley_device_config_interrupt(struct parley_device *pd);
irqreturn_t parley_queue_interrupt(struct parley_queue *queue);
irqreturn_t parley_device_interrupt(struct parley_device *pd);

#endif /* _PARLEY_DEVICE_H */
