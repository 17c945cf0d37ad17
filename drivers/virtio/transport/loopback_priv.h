/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the loopback transport share.
 *
 * Locks, from the outside in:
 *
 *	lb->mutex	status machine and life of the queues.  Taken by what the
 *			driver does from process context (status, reset, enable
 *			and disable of a queue) and by vanish and destroy.  Held
 *			around the implementation's operations except kick() and
 *			config_write().
 *	lb->lock	status word, configuration bytes and its generation.  Any
 *			context.
 *	lq->lock	whether kicks and calls of one queue still go through.
 *			Any context.  Clearing a flag under it and waiting for
 *			the work afterwards is what makes a stop final: whoever
 *			comes later sees the flag, whoever came earlier is waited
 *			for.
 *
 * No lock is held while kick() or the driver's handler runs.
 */
#ifndef _PARLEY_LOOPBACK_PRIV_H
#define _PARLEY_LOOPBACK_PRIV_H

#include <linux/device.h>
#include <linux/irq_work.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include <parley/export.h>
#include <parley/loopback.h>
#include <parley/transport.h>

/**
 * struct lb_queue - one queue of a loopback device
 * @pub: what the implementation sees
 * @lock: protects @kicks, @calls, @queue
 * @kicks: kick() may be scheduled
 * @calls: interrupts may be raised
 * @started: between queue_start() and queue_stop(); under the device's mutex
 * @queue: the driver's queue
 * @kick: runs kick()
 * @call: runs the driver's interrupt handler
 * @map: the memory that the driver may name
 * @name: for messages
 */
struct lb_queue {
	struct parley_loopback_queue pub;
	spinlock_t lock;	/* see above */
	bool kicks;
	bool calls;
	bool started;
	struct parley_queue *queue;
	struct work_struct kick;
	struct irq_work call;
	struct parley_memmap *map;
	char name[16];
};

#define to_lb_queue(q)	container_of_const(q, struct lb_queue, pub)

/**
 * struct parley_loopback - a loopback device
 * @host: parent of the guest device; takes part in system sleep
 * @vdev: the guest device
 * @ops: the implementation; NULL once destroyed
 * @priv: the implementation's
 * @features: on offer
 * @accepted: written by the driver
 * @mutex: see above
 * @lock: see above
 * @status: device status as the driver reads it
 * @gone: surprise removal
 * @vectors: the driver has its interrupts
 * @config_calls: configuration interrupts may be raised, under @lock
 * @frozen: the system sleeps and the device was frozen for it
 * @generation: of the configuration
 * @config: @config_len bytes of it
 * @config_len: see @config
 * @config_call: runs the driver's configuration interrupt
 * @wq: runs the kicks
 * @number: of its name
 * @queue_size: largest size of a queue
 * @nr_queues: number of @queues
 * @queues: the queues
 */
struct parley_loopback {
	struct device host;
	struct parley_vdev vdev;
	const struct parley_loopback_ops *ops;
	void *priv;
	struct parley_features features;
	struct parley_features accepted;
	struct mutex mutex;	/* see above */
	spinlock_t lock;	/* see above */
	u8 status;
	bool gone;
	bool vectors;
	bool config_calls;
	bool frozen;
	u32 generation;
	void *config;
	unsigned int config_len;
	struct irq_work config_call;
	struct workqueue_struct *wq;
	int number;
	unsigned int queue_size;
	unsigned int nr_queues;
	struct lb_queue queues[] __counted_by(nr_queues);
};

#define pd_to_lb(p)	container_of(p, struct parley_loopback, vdev.pd)

extern const struct parley_transport_ops parley_loopback_transport;

void parley_lb_queue_init(struct parley_loopback *lb, unsigned int index);
int parley_lb_queue_start(struct lb_queue *lq, struct parley_queue *queue,
			  const struct parley_vq_addr *addr, unsigned int size);
void parley_lb_queue_stop(struct lb_queue *lq);
void parley_lb_queues_stop(struct parley_loopback *lb);
void parley_lb_queues_go(struct parley_loopback *lb);
void parley_lb_calls_on(struct parley_loopback *lb);
void parley_lb_calls_off(struct parley_loopback *lb);
void parley_lb_config_calls_off(struct parley_loopback *lb);

struct parley_memmap *parley_lb_map_create(void);
void parley_lb_map_free(struct parley_memmap *map);
int parley_lb_map_host(const struct parley_memmap *map, u64 addr, u64 len,
		       u64 *host);

#endif /* _PARLEY_LOOPBACK_PRIV_H */
