/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest device model, as a front-end sees it.  What a transport provides is
 * in transport.h.
 *
 * Phases of a device, as a front-end lives through them:
 *
 *	negotiate  The model resets the device, acknowledges it, takes what the
 *		   front-end's table and the device have in common, lets
 *		   check() drop features that the configuration contradicts, and
 *		   writes the result (spec 3.1.1).
 *	probe	   The front-end reads its configuration, makes its queues with
 *		   parley_device_make_queues() and calls parley_device_ready()
 *		   once it can take completions.
 *	run	   complete() of a queue is called in interrupt context, or by
 *		   whoever polls; config_changed() from a work item that may
 *		   sleep.
 *	recovery   (suspend, function-level reset, a device that asks for a
 *		   reset, that forgot its driver, that broke the rules or is
 *		   gone)  All of it is the model's, see
 *		   Documentation/recovery.rst.  The front-end gives
 *			stop()		hold new work back
 *			give_back()	of a queue: take a buffer back that the
 *					device will not complete
 *			reapply()	tell the device again what was set
 *			start()		let work go on
 *		   and nothing more.  Queues, rings and interrupts are the same
 *		   before and after.  A device that does not come back is started
 *		   too: its queues take nothing, so that work fails.
 *	remove	   From the front-end's view the last call: take the upper layer
 *		   down, then parley_device_close(): no callback of any kind runs
 *		   after that, and whatever was in flight was given back.
 *		   Recovery goes on meanwhile, so nothing waits for a device that
 *		   cannot answer.
 *
 * From parley_device_ready() to the return of parley_device_close() stop() and
 * start() may be called at any time, in turn, also while probe() or remove() is
 * running: what they need is set up before and freed after.
 *
 * Ownership: queues belong to the model; a front-end uses them from make_queues
 * until remove() returns.
 *
 * Locking: parley_queue.lock is taken by the front-end around every verb of
 * queue->vq that needs it (lockdep checks it), and by the model when it reaps.
 * It is a spinlock taken with interrupts off, of one of two kinds, see qlock.h.
 * complete() and give_back() are called without it.  A queue may be serialised by
 * its owner instead, see PARLEY_QUEUE_UNLOCKED.  See Documentation/locking.rst.
 */
#ifndef _PARLEY_DEVICE_H
#define _PARLEY_DEVICE_H

#include <linux/cache.h>
#include <linux/cpumask.h>
#include <linux/device.h>
#include <linux/interrupt.h>
#include <linux/mod_devicetable.h>
#include <linux/module.h>
#include <linux/wait.h>
#include <parley/features.h>
#include <parley/qlock.h>
#include <parley/virtqueue.h>
#include <uapi/linux/virtio_config.h>

struct parley_device;
struct parley_queue;

/* No interrupt: the front-end polls this queue. */
#define PARLEY_QUEUE_POLLED	0x1
/* Configuration-like queue: keep it out of the spreading over processors. */
#define PARLEY_QUEUE_ADMIN	0x2
/*
 * Its owner serialises the verbs himself, by NAPI say: the model takes no lock
 * when it reaps for him, and parley_queue.lock is not used.  stop() ends his use
 * of the queue, and so does whoever calls parley_device_close().
 */
#define PARLEY_QUEUE_UNLOCKED	0x4
/*
 * Several processors put into it, or reap, at a time: its lock is one to wait for, and
 * may be a paravirtual one.
 */
#define PARLEY_QUEUE_CONTENDED	0x8

/* Completions that are handed over at once, at most. */
#define PARLEY_QUEUE_BURST	32

/**
 * enum parley_fate - what became of a buffer that the device will not complete
 * @PARLEY_REPEAT: nobody was told anything about it; put it again after start()
 * @PARLEY_FAIL: what the device did of it is unknown and cannot be found out:
 *	it broke the rules, or is gone
 */
enum parley_fate {
	PARLEY_REPEAT,
	PARLEY_FAIL,
};

/**
 * struct parley_queue_spec - a queue that a front-end wants
 * @name: short, for messages and statistics ("req", "rx" ...)
 * @index: number of the queue in the device
 * @complete: @nr buffers came back, at most PARLEY_QUEUE_BURST; @ctx is that of
 *	parley_queue_poll(), NULL from an interrupt.  Any context, also hard
 *	interrupt (with PREEMPT_RT always a thread, so that a spinlock may be
 *	taken); no lock of the queue is held
 * @interrupt: optional: called by an interrupt instead of @complete, which only
 *	parley_queue_poll() calls then: @queue has something to reap and does not
 *	interrupt any more; poll, and say parley_queue_arm().  Hard interrupt
 * @give_back: a buffer that the device will not complete, between stop() and
 *	start() or in parley_device_close().  May sleep
 * @group: queues of the same number share an interrupt, a console's many say;
 *	0: it has one of its own, if there are enough
 * @size_max: at most so many descriptors; 0 for what the device offers.  Memory
 *	is there for as many
 * @size: so many to begin with, see parley_queue_resize(); 0 for all
 * @indirect_segs: see struct parley_drvq_config
 * @flags: PARLEY_QUEUE_*
 * @key: lockdep class of the lock of such queues; NULL: that of all
 */
struct parley_queue_spec {
	const char *name;
	u16 index;
	u16 size_max;
	u16 size;
	u16 indirect_segs;
	u16 group;
	u32 flags;
	struct lock_class_key *key;
	void (*interrupt)(struct parley_queue *queue);
	void (*complete)(struct parley_queue *queue,
			 const struct parley_done *done, unsigned int nr,
			 void *ctx);
	void (*give_back)(struct parley_queue *queue, void *cookie,
			  enum parley_fate fate);
};

/**
 * struct parley_queue - a queue of a guest device
 * @vq: the driver queue; call its verbs under @lock
 * @lock: serialises @vq, unless the owner does
 * @dev: the device
 * @index: number in the device
 * @spec: what was asked for
 * @priv: the front-end's
 * @kobj: its directory of statistics in sysfs (the model's)
 * @notify: where the transport kicks (the transport's)
 * @vector: interrupt vector, or -1 (the transport's)
 * @spurious: interrupts that found nothing to reap
 * @waiters: who waits for a command, see command.h
 * @breaks: how often it broke or lost its device
 *
 * Queues are neighbours in memory and used by different processors.
 */
struct parley_queue {
	struct parley_drvq *vq;
	struct parley_qlock lock;
	unsigned int index;
	int vector;
	struct parley_device *dev;
	void *priv;
	void __iomem *notify;
	u64 spurious;
	wait_queue_head_t waiters;
	atomic_t breaks;
	struct parley_queue_spec spec;
	struct kobject *kobj;
} ____cacheline_aligned_in_smp;

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
 * struct parley_device - a guest device
 * @dev: in the bus; named parleyN
 * @id: virtio type and vendor
 * @features: those negotiated; constant from probe to remove
 * @queues: in the order in which they were asked for, @nr_queues of them, from
 *	make_queues until remove() returned
 * @nr_queues: see @queues
 * @gone: nothing will answer any more; see parley_device_gone()
 * @kicks: DRIVER_OK was written and no queue is being made anew: kicks reach the
 *	device (the model's)
 * @number: N of its name
 * @priv: the front-end's
 */
struct parley_device {
	struct device dev;
	struct virtio_device_id id;
	struct parley_features features;
	struct parley_queue *queues;
	unsigned int nr_queues;
	bool gone;
	bool kicks;
	int number;
	void *priv;
};

#define to_parley_device(d)	container_of_const(d, struct parley_device, dev)

/**
 * struct parley_driver - a front-end
 * @driver: the front-end fills the name
 * @ids: virtio types it serves, ended by an entry of zeroes
 * @features: numbers of the features it understands, @nr_features of them; the
 *	model adds the ring's
 * @nr_features: see @features
 * @check: optional, before features are accepted: drop those that the
 *	configuration contradicts
 * @probe: see the phases above; may sleep, as all that follow
 * @remove: cannot fail; calls parley_device_close()
 * @config_changed: optional; the device's configuration may be another.  Also
 *	called after each recovery.  May wait for the device, but not without end:
 *	remove() is called when it has returned
 * @stop: hold new work back, and wait for nothing: while
 *	parley_device_answers() is true, work in flight may be waited for, but
 *	not for ever.  Without it the device cannot be suspended or reset
 * @reapply: optional; the device was reset and works: tell it again what was
 *	set since probe().  Commands may be sent.  An error: the device is lost
 * @start: the mirror of @stop
 */
struct parley_driver {
	struct device_driver driver;
	const struct virtio_device_id *ids;
	const unsigned int *features;
	unsigned int nr_features;
	void (*check)(struct parley_device *pd,
		      struct parley_features *features);
	int (*probe)(struct parley_device *pd);
	void (*remove)(struct parley_device *pd);
	void (*config_changed)(struct parley_device *pd);
	void (*stop)(struct parley_device *pd);
	int (*reapply)(struct parley_device *pd);
	void (*start)(struct parley_device *pd);
};

#define to_parley_driver(d)	container_of_const(d, struct parley_driver, driver)

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
void parley_device_ready(struct parley_device *pd);
void parley_device_close(struct parley_device *pd);
bool parley_device_check(struct parley_device *pd);
bool parley_device_answers(struct parley_device *pd);
struct device *parley_dma_dev(struct parley_device *pd);
size_t parley_max_mapping(struct parley_device *pd);
unsigned int parley_queue_poll(struct parley_queue *queue, unsigned int budget,
			       void *ctx);
bool parley_queue_arm(struct parley_queue *queue);
void parley_queue_disarm(struct parley_queue *queue);
int parley_queue_resize(struct parley_queue *queue, unsigned int size);
const struct cpumask *parley_queue_affinity(struct parley_queue *queue);
int parley_queue_set_affinity(struct parley_queue *queue,
			      const struct cpumask *mask);
int parley_queue_irq(struct parley_queue *queue);
int parley_device_shm(struct parley_device *pd, u8 id, struct parley_shm *shm);
int parley_config_read(struct parley_device *pd, unsigned int offset,
		       void *buf, unsigned int len);
int parley_config_write(struct parley_device *pd, unsigned int offset,
			const void *buf, unsigned int len);

static inline bool parley_has_feature(const struct parley_device *pd,
				      unsigned int bit)
{
	return parley_features_has(&pd->features, bit);
}

/* Removed without a word, or lost in a recovery: whatever is put fails. */
static inline bool parley_device_gone(const struct parley_device *pd)
{
	return READ_ONCE(pd->gone);
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

#endif /* _PARLEY_DEVICE_H */
