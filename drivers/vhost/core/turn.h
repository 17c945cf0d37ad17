/* SPDX-License-Identifier: GPL-2.0-only */
/* Pools: workers that share threads, and whose turn it is.  See turn.c. */
#ifndef _PARLEY_VHOST_TURN_H
#define _PARLEY_VHOST_TURN_H

#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#include "order.h"

struct mm_struct;
struct task_struct;
struct vh_pool;
struct vh_worker;

#define VH_POOL_NAME_MAX	31
#define VH_POOL_STALL_MS	10	/* a turn that lasts longer makes room for another */

#define VH_COST_REQ	4096	/* a request costs as much as so many bytes */
#define VH_COST_TURN	4096	/* so does a turn */
#define VH_COST_NS	1	/* and the time of a turn, if that is more */

/**
 * struct vh_turn - one round of a ring, between who serves and who orders
 * @hurry: somebody more urgent has come; the round ends after its burst
 * @cost: what it has cost so far
 * @pool: of the thread that serves it; NULL for the worker's own
 */
struct vh_turn {
	bool hurry;
	u64 cost;
	struct vh_pool *pool;
};

static inline u64 vh_turn_cost(u64 reqs, u64 bytes)
{
	return reqs * VH_COST_REQ + bytes;
}

/**
 * struct vh_seat - a thread of a pool
 * @pool: its pool
 * @thread: it
 * @entry: in pool->idle, while it sleeps
 * @all: in pool->seats
 * @worker: whom it serves
 * @class: of that worker
 * @since: jiffies at which the turn began
 * @active: it is counted in pool->active
 * @awake: it is not in pool->idle
 */
struct vh_seat {
	struct vh_pool *pool;
	struct task_struct *thread;
	struct list_head entry;
	struct list_head all;
	struct vh_worker *worker;
	unsigned int class;
	unsigned long since;
	bool active;
	bool awake;
};

/**
 * struct vh_pool - threads, and the workers of devices that they serve
 * @entry: in the list of pools; under vh_pools_lock, as are the six below
 * @id: for who lists them; that of a later one is higher
 * @name: for people
 * @one_vm: devices of one owner only, on whose account the threads are
 * @devices: how many belong to it
 * @members: their workers
 * @nr_seats: of @seats; at least as many as there are members
 * @mm: of the owner, with @one_vm and @devices
 * @lock: protects the rest; irqsave, taken under worker->lock
 * @order: members that have something to do and are not being served
 * @idle: seats that sleep
 * @seats: all
 * @threads: how many may be active
 * @active: seats that serve, without those that stall
 * @watch: looks for those
 * @stall: jiffies of a turn after which it stalls
 * @charged: ns of a turn that cost something, at most
 * @stats: under @lock
 * @free: ends the threads, when the pool is removed
 */
struct vh_pool {
	struct list_head entry;
	u64 id;
	char name[VH_POOL_NAME_MAX + 1];
	bool one_vm;
	unsigned int devices;
	unsigned int members;
	unsigned int nr_seats;
	struct mm_struct *mm;
	spinlock_t lock;
	struct vh_order order;
	struct list_head idle;
	struct list_head seats;
	unsigned int threads;
	unsigned int active;
	struct timer_list watch;
	unsigned long stall;
	u64 charged;
	struct {
		u64 turns;		/* rounds of all members */
		u64 wakeups;		/* of threads */
		u64 stalls;		/* turns that made room for another */
		u64 hurries;		/* rounds cut short for who is more urgent */
	} stats;
	struct work_struct free;
};

/* Under w->lock: it has something to do, for a thread of w->pool; it has nothing more. */
void vh_pool_queue(struct vh_worker *w);
void vh_pool_idle(struct vh_worker *w);
/* Under w->lock: its owner was killed. */
void vh_pool_interrupt(struct vh_worker *w);
bool vh_pool_is_wanted(const struct vh_pool *pool);
void vh_pool_order_init(struct vh_pool *pool, unsigned int threads);
void vh_pool_set_threads(struct vh_pool *pool, unsigned int threads);
/* For its threads. */
struct vh_worker *vh_pool_next(struct vh_pool *pool, struct vh_seat *seat);
bool vh_pool_again(struct vh_pool *pool, struct vh_seat *seat);
void vh_pool_took(const struct vh_pool *pool, struct vh_turn *turn, u64 ns);
void vh_pool_leave(struct vh_pool *pool, struct vh_seat *seat);

#endif /* _PARLEY_VHOST_TURN_H */
