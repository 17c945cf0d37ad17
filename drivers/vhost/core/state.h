/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the vhost library consists of: its rooms, a ring, a device.
 *
 * The rooms, the topmost first.  A file includes headers of its own room and of
 * rooms below it, never of one above; "make check" (part layers) reads this table.
 *
 * module
 *	main.c		the library as a module, accelerators, character devices
 * netlink: netlink.h, netlink_gen.h
 *	netlink.c	the family "parley": settings and events
 *	netlink_show.c	its messages about what there is
 *	netlink_limit.c	its limits and back ends
 *	netlink_pool.c	its pools
 *	netlink_gen.c	its policies, made by a generator
 * ABI: ioctl.h
 *	ioctl.c		the VMM's calls: one table row, one small function each
 *	vdpa.c		what mainline has for vDPA devices only
 * device: dev.h
 *	dev.c		a device: made, owned, reset, released; the registry
 *	features.c	what it offers, and what was agreed upon
 *	switch.c	rings started and stopped from outside a VMM's call
 * configuration: config.h
 *	config.c	configuration space, and who is told of changes
 * limits: limit.h
 *	limit.c		limits of back ends, devices and rings, and how they are kept
 * workers: worker.h, pool.h
 *	worker.c	threads that serve rings
 *	poll.c		adaptive busy polling
 *	pool.c		threads that several devices share
 * device IOMMU: iotlb.h
 *	iotlb.c		on and off, and what the VMM says
 * ring: vq.h
 *	vq.c		the life of a ring: started, held, stopped, lent
 * service: serve.h, round.h, bound.h
 *	serve.c		one round of a ring: reap, take, limit, submit
 *	pull.c		the same where the back end begins: work, pull
 *	reap.c		what is done: log, complete, publish, call
 *	wait.c		waiting for the end of requests in flight
 *	bound.c		bytes in flight, of a ring and of a device
 * queue: devq.h
 *	devq.c		the core's queue of a ring: opened, closed, broken, kept
 * dirty log: dirty.h
 *	dirty.c		what a device writes, told to the log
 * areas: ring.h
 *	ring.c		the areas of a ring: found, pinned
 * requests: req.h
 *	req.c		their memory, and the guest's bytes in them
 *	pages.c		and the pages of these
 *	area.c		and those of them that are kept for long
 * notification: notify.h
 *	notify.c	kicks and calls: eventfds, moderation
 *	watch.c		a file of the back end that tells of work
 *	adapt.c		moderation that learns
 * run queue: runq.h, turn.h
 *	runq.c		rings that wait for their worker
 *	turn.c		workers that wait for a thread of their pool
 * state: state.h, trace.h
 *	state.c		what may be asked of a device or a ring
 * translations: tlb.h
 *	tlb.c		of a device IOMMU: a ring's table, and misses
 * log: log.h
 *	log.c		the bitmap of the dirty log
 * memory: memory.h
 *	memory.c	the memory table: the guest's addresses to ours and back
 * pinning: pin.h
 *	pin.c		an area of user memory, pinned, accounted and mapped
 * owner: owner.h
 *	owner.c		what the owner may do, for who works in its place
 *	mm.c		his memory, reached with more patience
 * order: order.h
 *	order.c		who is served next, by class and weight
 *
 * Lock order, outermost first (Documentation/locking.rst has it as a picture):
 *
 *	parley_vhost_registry_lock (mutex)	list of devices and drivers
 *	dev->mutex				the VMM's calls, worker list
 *	vh_pools_lock (mutex)			which device is in which pool
 *	vq->mutex				one ring; not held in submit(), go_on(), work()
 *	dev->log.lock (mutex)			pinned pages of the dirty log
 *	vh_limit_lock (mutex)			limits: which, whose, kept
 *	dev->iotlb.lock (spinlock)		messages to and from the VMM
 *	dev->config_lock (spinlock, irqsave)	who is told of new configuration
 *	worker->lock (spinlock, irqsave)	the worker's run queue
 *	pool->lock (spinlock, irqsave)		workers that wait for a thread
 *
 * Names: what is global inside this module begins with vh_, since a kernel may
 * have mainline's vhost_* built in beside it.
 *
 * A worker takes vq->mutex only, and lets go of it whenever it calls what may
 * wait for a back end (vq->outside).  Who waits for requests in flight holds
 * dev->mutex at most, never vq->mutex, and reaps by itself: so stopping needs no
 * worker, and a killed worker stops its rings without dev->mutex.
 */
#ifndef _PARLEY_VHOST_STATE_H
#define _PARLEY_VHOST_STATE_H

#include <kunit/visibility.h>
#include <linux/dim.h>
#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/vhost.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <parley/compat.h>
#include <parley/export.h>
#include <parley/vhost.h>
#include <uapi/linux/parley_vhost.h>

#include "log.h"
#include "memory.h"
#include "order.h"
#include "owner.h"
#include "pin.h"
#include "tlb.h"

struct vh_limits;
struct vh_pool;
struct vh_worker;

/* Not every 6.12 has the choice; without it workers are the owner's threads. */
#ifndef VHOST_FORK_OWNER_TASK
#define VHOST_FORK_OWNER_KTHREAD	0
#define VHOST_FORK_OWNER_TASK		1
#endif

#define VH_POLL_MAX_US	10000
#define VH_POLL_BUDGET	25	/* percent, unless told otherwise */

/* ----------------------------------------------------- parts of a ring */

/* Who is served first; a lower lane still gets every eighth round. */
enum vh_lane {
	VH_LANE_LATENCY,
	VH_LANE_NORMAL,
	VH_LANE_BULK,
	VH_LANES,
};

/**
 * struct vh_poll_policy - how long to look for work before sleeping
 * @max_us: the most; 0 never polls (VHOST_SET_VRING_BUSYLOOP_TIMEOUT, netlink)
 * @budget: percent of the worker's time that polling in vain may take
 * @now_us: what it is at present: doubled when polling paid, halved when not
 */
struct vh_poll_policy {
	u32 max_us;
	u32 budget;
	u32 now_us;
};

/**
 * struct vh_kick - the guest's notification
 * @file: eventfd; NULL for none
 * @table: how we get to @head
 * @wait: our entry in its wait queue
 * @head: its wait queue, while hooked
 * @count: kicks so far
 */
struct vh_kick {
	struct file *file;
	poll_table table;
	wait_queue_entry_t wait;
	wait_queue_head_t *head;
	u64 count;
};

/**
 * struct vh_moderation - calls held back
 * @max_reqs: completions for one call; 0 or 1 for no moderation
 * @max_us: but no later than this
 * @pending: completions since the driver wanted a call; under vq->mutex
 * @wanted: it wants one, and @timer runs; exchanged, so that one side calls
 * @timer: fires at @max_us
 * @fired: calls that it made
 * @adaptive: @max_reqs and @max_us are learnt, see adapt.c; under vq->mutex
 * @done: completions since then, for @dim
 * @dim: who learns
 */
struct vh_moderation {
	u32 max_reqs;
	u32 max_us;
	u32 pending;
	bool wanted;
	struct hrtimer timer;
	u64 fired;
	bool adaptive;
	u32 done;
	struct dim dim;
};

/* Wait queues of one file: sockets and tun devices have one, pipes two. */
#define VH_WATCH_QUEUES	2

/**
 * struct vh_watch - what a ring hears of a file
 * @file: held; NULL for none
 * @events: EPOLL* that are worth a round
 * @table: how we get to its wait queues; for the call of vfs_poll() that hooks
 * @nr: wait queues that it has
 * @hooks: our entry in each of them, of @vq; @head is NULL where there is none, or
 *	where the wait queue has gone
 */
struct vh_watch {
	struct file *file;
	__poll_t events;
	poll_table table;
	unsigned int nr;
	struct vh_hook {
		struct parley_vhost_vq *vq;
		wait_queue_entry_t wait;
		wait_queue_head_t *head;
	} hooks[VH_WATCH_QUEUES];
};

/* What the last pull of a ring lacked; see pull.c. */
enum vh_lack {
	VH_LACK_NOTHING,
	VH_LACK_BUFFERS,	/* of the guest's: its kick queues the ring */
	VH_LACK_REQUESTS,	/* of ours: the end of one in flight does */
	VH_LACK_LEAVE,		/* a limit's, the VMM's, or the ring's: they do */
	VH_LACK_TURN,		/* it is the turn of others; then it goes on */
};

/* -------------------------------------------------------------- a ring */

enum vh_vq_state {
	VH_VQ_IDLE,
	VH_VQ_RUNNING,
	VH_VQ_STOPPING,
	VH_VQ_BROKEN,
};

/**
 * struct parley_vhost_vq - a ring of a device; lines of the cache by who writes them
 * @dev: its device
 * @index: its number
 * @ops: what its kind of queue does
 * @mutex: serialises everything about it; held while it is served
 * @state: changed under @mutex
 * @num: descriptors, as the VMM set (0: not yet)
 * @addr: areas as the VMM set: its addresses, or I/O addresses with an IOMMU
 * @addr_set: they are set
 * @log_ring: VHOST_VRING_F_LOG was given
 * @log_addr: guest address for it, as given
 * @base: where to start, or where it stopped
 * @base_set: somebody said so; else it is a new ring
 * @devq: the core's queue, while started; NULL all the same while a device IOMMU
 *	hides the ring, see vh_vq_ready()
 * @desc: its descriptors, while started and pinned
 * @driver: the area that the driver writes, the same
 * @device: the area that the device writes, the same
 * @host: host addresses of the areas, while started
 * @ring: a lent ring instead (parley_vhost_vq_join())
 * @joined: there is one
 * @logging: the dirty log is on for this ring
 * @space: where the areas lie for @devq
 * @keep: where to keep the state for a successor; pinned
 * @tlb: translations, with a device IOMMU
 * @worker: who serves it; RCU
 * @entry: on worker->queue; under worker->lock
 * @queued: so it is
 * @reqs: all requests, while started
 * @iovs: their pieces
 * @burst: room for the chains of one burst
 * @guess: chains to ask for next
 * @node: NUMA node of its memory
 * @placed: its worker has looked at that
 * @free: requests not in flight; under @mutex
 * @nr_reqs: all of them
 * @nr_free: how many
 * @bytes: payload in flight, as far as it counts; see bound.c
 * @shared: of these, taken from what all rings of the device share
 * @alone: the only request in flight is beyond a bound, and may be left
 * @wants: bytes of the first chain that was left untaken; 0 for none
 * @outside: somebody is in the accelerator for it, without @mutex; requests, their
 *	lists and @burst are his; changed under @mutex
 * @missed: a worker came meanwhile
 * @held: it would run, but the VMM is taking memory away; under dev->mutex
 * @finish: what @ops has, or the library's for what is pulled
 * @how: VH_REQ_* of each request
 * @lack: why the last pull got nothing
 * @unfit: pulls of this round for which there will never be enough room
 * @pulled: requests of a ring that is pulled, in flight or put by, in the order in
 *	which they were taken
 * @went_back: requests that went back to the ring, so far
 * @refused: vh_vq_ended() when submit() last took nothing
 * @watch: file of which the accelerator wants to hear
 * @ask: starts or stops it, as @ask_on says; holds the device
 * @ask_on: what was asked for last
 * @nr_awaited: requests in flight that somebody waits for, see parley_vhost_req
 * @waiters: how many wait for requests to end
 * @server: who serves it; he reaps before he leaves
 * @ended: requests that ended inside submit(), the first one first; the server's
 * @last_ended: where to put the next one
 * @unarmed: ran dry while its worker polls, so kicks are not armed
 * @polled: the accelerator has requests that end by polling only
 * @done: requests that ended, from any context
 * @drained: @waiters wait here: woken when @done gets its first, when requests were
 *	reaped, and when nobody is @outside any more
 * @kick: eventfd by which the guest tells us
 * @call: eventfd by which we tell the guest
 * @err: eventfd by which we tell the VMM that it broke
 * @moderation: how calls are held back
 * @poll: how it is polled
 * @lane: who is served first
 * @limit: its own limit; NULL after its device was closed
 * @look_timer: looks at a ring whose owner gave no kick
 * @stats: under @mutex
 * @priv: the accelerator's
 * @rcu: freed after whoever ended its last request is gone
 */
struct parley_vhost_vq {
	struct parley_vhost *dev;
	unsigned int index;
	const struct parley_vhost_queue_ops *ops;
	struct mutex mutex;
	enum vh_vq_state state;
	unsigned int num;
	struct parley_vq_addr addr;
	bool addr_set;
	bool log_ring;
	u64 log_addr;
	u32 base;
	bool base_set;
	struct parley_devq *devq;
	struct vh_area desc;
	struct vh_area driver;
	struct vh_area device;
	struct parley_vq_addr host;
	struct parley_vhost_ring ring;
	bool joined;
	bool logging;
	enum parley_space space;
	struct vh_area keep;
	struct vh_tlb *tlb;
	void *reqs;
	struct parley_iov *iovs;
	struct parley_chain *burst;
	unsigned int guess;
	int node;
	bool placed;
	struct parley_vhost_req *free;
	unsigned int nr_reqs;
	unsigned int nr_free;
	u32 bytes;
	u32 shared;
	bool alone;
	u32 wants;
	struct parley_vhost_req *ended;
	struct parley_vhost_req **last_ended;
	bool unarmed;
	bool polled;
	bool outside;
	bool missed;
	bool held;
	bool (*finish)(struct parley_vhost_req *req);
	u8 how;
	enum vh_lack lack;
	unsigned int unfit;
	struct list_head pulled;
	u64 went_back;
	u64 refused;
	struct vh_watch watch;
	struct work_struct ask;
	bool ask_on;
	unsigned int nr_awaited;
	unsigned int waiters;
	struct eventfd_ctx *call;
	struct eventfd_ctx *err;
	struct vh_moderation moderation;
	struct vh_poll_policy poll;
	struct parley_limit *limit;
	struct hrtimer look_timer;
	struct {
		u64 kicks;		/* only in what a snapshot shows */
		u64 rounds;
		u64 requests;
		u64 bytes_read;		/* from the guest */
		u64 bytes_written;	/* to the guest */
		u64 calls;
		u64 calls_suppressed;
		u64 calls_moderated;
		u64 throttled;
		u64 weight_yields;
		u64 errors;
	} stats;
	void *priv;
	struct rcu_head rcu;

	/* Written by who kicks. */
	struct vh_worker __rcu *worker ____cacheline_aligned_in_smp;
	struct list_head entry;
	bool queued;
	enum vh_lane lane;
	struct vh_kick kick;

	/* Written by who ends requests. */
	struct llist_head done ____cacheline_aligned_in_smp;
	struct task_struct *server;
	wait_queue_head_t drained;
};

static inline unsigned int vh_vq_in_flight(const struct parley_vhost_vq *vq)
{
	return READ_ONCE(vq->nr_reqs) - READ_ONCE(vq->nr_free);
}

/* Requests that have ended, in whatever way. */
static inline u64 vh_vq_ended(const struct parley_vhost_vq *vq)
{
	return READ_ONCE(vq->stats.requests) + READ_ONCE(vq->went_back);
}

/* Nothing is in flight, and nobody is about to leave the accelerator. */
static inline bool vh_vq_is_empty(const struct parley_vhost_vq *vq)
{
	return !READ_ONCE(vq->outside) && !vh_vq_in_flight(vq);
}

/* It has something to deliver, and no buffers for it.  Under vq->mutex. */
static inline bool vh_pull_hungry(const struct parley_vhost_vq *vq)
{
	return vq->lack == VH_LACK_BUFFERS;
}

/* Does it pay to leave kicks off when this ring runs dry?  Under vq->mutex. */
static inline bool vh_poll_wanted(const struct parley_vhost_vq *vq)
{
	return READ_ONCE(vq->poll.max_us) && vq->poll.now_us;
}

/* Nothing is taken from it any more: it waits for no limit.  Under vq->mutex. */
static inline void vh_limit_idle(struct parley_vhost_vq *vq)
{
	lockdep_assert_held(&vq->mutex);
	parley_limit_idle(vq->limit, ktime_get_ns());
}

/*
 * A request that goes back to its ring is not paid for, but what the back end did of
 * it: all but @rest bytes.  Under vq->mutex.
 */
static inline void vh_limit_give_back(struct parley_vhost_req *req, u64 rest)
{
	struct parley_vhost_vq *vq = req->vq;

	lockdep_assert_held(&vq->mutex);
	if (likely(!req->paid))
		return;
	parley_limit_refund(vq->limit, ktime_get_ns(), 1, min(rest, req->paid - 1));
	req->paid = 0;
}

/* ------------------------------------------------------------ a device */

/**
 * struct vh_membership - in a pool; under vh_pools_lock
 * @pool: pool, or NULL
 * @account: what all its workers together may have there; its class is VH_LANE_*, and
 *	that and its weight stay as they are, the rest is under pool->lock
 * @members: its workers there
 */
struct vh_membership {
	struct vh_pool *pool;
	struct vh_account account;
	unsigned int members;
};

/**
 * struct parley_vhost - a device: one open file of /dev/parley-NAME
 * @drv: its accelerator
 * @ref: file, netlink look-ups, workers
 * @id: number in the registry
 * @label: name and number, for messages of the core and debugfs
 * @mutex: serialises the VMM's calls
 * @owner: his memory, and what threads put on that work in his place
 * @owner_pid: for people
 * @owned: VHOST_SET_OWNER was called
 * @dead: released, or its owner died
 * @in_kernel: opened by parley_vhost_open(); has no mm
 * @fork_owner: VHOST_FORK_OWNER_TASK or _KTHREAD
 * @features: acknowledged
 * @backend_features: acknowledged
 * @mem: memory table; replaced under dev->mutex and every vq->mutex
 * @nr_regions: of @mem, for who asks without a lock
 * @iotlb: device IOMMU
 * @log: dirty log
 * @workers: by id
 * @membership: the pool that serves it
 * @limits: its own and its rings'; under vh_limit_lock
 * @shared: bytes in flight of all rings, beyond what each has for itself
 * @config_lock: protects the three below
 * @config_call: eventfd of configuration changes
 * @config_changed: the same for a loopback
 * @config_priv: for @config_changed
 * @want_vqs: how many rings it shall have, as the VMM says; 0 for what is usual
 * @nr_vqs: how many it has: none before it is owned, then always the same
 * @vqs: these
 * @priv: the accelerator's
 */
struct parley_vhost {
	const struct parley_vhost_driver *drv;
	struct kref ref;
	u32 id;
	char label[24];
	struct mutex mutex;
	struct vh_owner owner;
	pid_t owner_pid;
	bool owned;
	bool dead;
	bool in_kernel;
	u8 fork_owner;
	struct parley_features features;
	u64 backend_features;
	struct vh_mem *mem;
	unsigned int nr_regions;
	struct vh_iotlb iotlb;
	struct vh_log log;
	struct xarray workers;
	struct vh_membership membership;
	struct vh_limits *limits;	/* limit.h */
	atomic64_t shared;
	spinlock_t config_lock;
	struct eventfd_ctx *config_call;
	void (*config_changed)(void *priv);
	void *config_priv;
	unsigned int want_vqs;
	unsigned int nr_vqs;
	struct parley_vhost_vq **vqs;
	void *priv;
};

static inline bool vh_vq_packed(const struct parley_vhost_vq *vq)
{
	return parley_features_has(&vq->dev->features, VIRTIO_F_RING_PACKED);
}

/* For who has not dev->mutex. */
static inline unsigned int vh_dev_nr_vqs(const struct parley_vhost *dev)
{
	/* Pairs with the release of vh_limit_rings(): who sees the number sees the rings. */
	return smp_load_acquire(&dev->nr_vqs);
}

/* How many rings it has or will have. */
static inline unsigned int vh_dev_max_vqs(const struct parley_vhost *dev)
{
	return READ_ONCE(dev->want_vqs) ?: dev->drv->usual_queues ?: dev->drv->max_queues;
}

long vh_dev_check_owner(const struct parley_vhost *dev);
/* All of vq->mutex, under dev->mutex. */
void vh_dev_lock_vqs(struct parley_vhost *dev);
void vh_dev_unlock_vqs(struct parley_vhost *dev);

/* "parley-blk 3: " before every message; queues add their number. */
#define dev_say(dev, fmt, ...) \
	pr_err_ratelimited("parley-%s %u: " fmt, (dev)->drv->name, (dev)->id, ##__VA_ARGS__)
#define vq_say(vq, fmt, ...) \
	dev_say((vq)->dev, "queue %u: " fmt, (vq)->index, ##__VA_ARGS__)

#endif /* _PARLEY_VHOST_STATE_H */
