/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the vhost library.  One noun for each file; those of memory, from memory.c
 * to log.c, are declared in mem.h:
 *
 *	dev.c		a device: made, owned, reset, released; the registry
 *	features.c	what a device offers, and what was agreed upon
 *	ioctl.c		the VMM's calls: one table row, one small function each
 *	config.c	configuration space and what mainline has for vDPA only
 *	owner.c		what the owner may do, for who works in its place
 *	ring.c		the areas of a ring: found, pinned
 *	vq.c		a ring: set up, started, stopped, broken, kept
 *	memory.c	the memory table: the guest's addresses to ours and back
 *	iotlb.c		a device IOMMU: messages, look-ups, misses
 *	pin.c		an area of user memory, pinned, accounted and mapped
 *	log.c		the dirty log
 *	worker.c	threads that serve rings
 *	serve.c		one round of a ring: reap, take, limit, submit
 *	pull.c		the same where the back end begins: work, pull
 *	reap.c		what is done: log, complete, publish, call
 *	switch.c	starting and stopping from outside a VMM's call
 *	watch.c		a file of the back end that tells of work
 *	wait.c		waiting for the end of requests in flight
 *	bound.c		bytes in flight, of a ring and of a device
 *	limit.c		limits of back ends, devices and rings, and how they are kept
 *	req.c		a request: its memory, its end
 *	notify.c	kicks and calls: eventfds, moderation
 *	poll.c		adaptive busy polling
 *	netlink.c	the family "parley": settings and events (policies: netlink_gen.c)
 *	netlink_show.c	its messages about what there is
 *	netlink_limit.c	its limits and back ends
 *
 * Lock order, outermost first:
 *
 *	parley_vhost_registry_lock (mutex)	list of devices and drivers
 *	dev->mutex				the VMM's calls, worker list
 *	vq->mutex				one ring; not held in submit() and go_on()
 *	dev->log.lock (mutex)			pinned pages of the dirty log
 *	vh_limit_lock (mutex)			limits: which, whose, kept
 *	dev->iotlb.lock (spinlock)		messages to and from the VMM
 *	dev->config_lock (spinlock, irqsave)	who is told of new configuration
 *	worker->lock (spinlock, irqsave)	the worker's run queue
 *
 * Names: what is global inside this module begins with vh_, since a kernel may
 * have mainline's vhost_* built in beside it.
 *
 * A worker takes vq->mutex only, and lets go of it whenever it calls what may
 * wait for a back end (vq->outside).  Who waits for requests in flight holds
 * dev->mutex at most, never vq->mutex, and reaps by itself: so stopping needs no
 * worker, and a killed worker stops its rings without dev->mutex.
 */
#ifndef _PARLEY_VHOST_PRIV_H
#define _PARLEY_VHOST_PRIV_H

#include <kunit/visibility.h>
#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/sched/mm.h>
#include <linux/vhost.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <parley/compat.h>
#include <parley/export.h>
#include <parley/vhost.h>
#include <uapi/linux/parley_vhost.h>

#include "mem.h"
#include "watch.h"

/* Not every 6.12 has the choice; without it workers are the owner's threads. */
#ifndef VHOST_FORK_OWNER_TASK
#define VHOST_FORK_OWNER_KTHREAD	0
#define VHOST_FORK_OWNER_TASK		1
#endif

#define VH_WORKERS_MAX	64	/* of one device */
#define VH_BURST		32	/* chains of one submit() */
#define VH_WEIGHT_REQS	512	/* requests of one ring before the next */
#define VH_WEIGHT_READS	8192	/* descriptors of them */
#define VH_WEIGHT_BYTES	(16u << 20)
#define VH_POLL_MAX_US	10000
#define VH_POLL_BUDGET	25	/* percent, unless told otherwise */

/* ---------------------------------------------------------- worker.c */

/* Who is served first; a lower lane still gets every eighth round. */
enum vh_lane {
	VH_LANE_LATENCY,
	VH_LANE_NORMAL,
	VH_LANE_BULK,
	VH_LANES,
};

/**
 * struct vh_worker - a thread that serves rings, fairly in turn
 * @dev: its device
 * @id: as VHOST_NEW_WORKER returned
 * @task: vhost_task, or NULL if @thread is used
 * @thread: kthread: for VHOST_FORK_OWNER_KTHREAD and for owners without mm
 * @attached: rings; under dev->mutex
 * @lock: protects @queue, @killed
 * @queue: rings to serve, a list for each lane, first come first served
 * @sleeping: found nothing to do; under @lock.  Who queues wakes it.
 * @killed: its process was killed; nothing will be served again
 * @turn: counts rounds, for the lanes' turns; under @lock
 * @node: NUMA node that it keeps to, NUMA_NO_NODE for none
 * @look: there are rings to look at before it sleeps
 * @looking: which, by index: they were left without kicks armed, or have requests
 *	that end by polling only
 * @slept: when it went to sleep
 * @woken: when it woke up
 * @credit: ns that it may still poll in vain
 * @credited: when @credit was reckoned
 * @stats: written by the thread only
 * @rcu: freed after everybody who looked at vq->worker is gone
 */
struct vh_worker {
	struct parley_vhost *dev;
	u32 id;
	struct vhost_task *task;
	struct task_struct *thread;
	unsigned int attached;
	spinlock_t lock;
	struct list_head queue[VH_LANES];
	bool sleeping;
	bool killed;
	unsigned int turn;
	int node;
	bool look;
	unsigned long *looking;
	u64 slept;
	u64 woken;
	s64 credit;
	u64 credited;
	struct {
		u64 rounds;
		u64 sleeps;
		u64 wakeups;
		u64 polls;
		u64 poll_hits;
		u64 poll_ns;
		u64 busy_ns;
	} stats;
	struct rcu_head rcu;
};

/*
 * These four under dev->mutex.  Create puts the worker into dev->workers under
 * a new id, and may fail (ERR_PTR); destroy takes it out, waits for the thread
 * and frees; nothing may be attached.  Attach takes vq->mutex by itself, moves
 * a ring that is queued, and takes NULL for "nobody serves it".
 */
struct vh_worker *vh_worker_create(struct parley_vhost *dev);
void vh_worker_destroy(struct vh_worker *worker);
/* All of them, and no ring is attached any more.  No request is in flight. */
void vh_workers_destroy(struct parley_vhost *dev);
struct vh_worker *vh_worker_find(struct parley_vhost *dev, u32 id);
int vh_worker_attach(struct parley_vhost_vq *vq, struct vh_worker *worker);
/* Put the ring on its worker's queue and wake it; any context. */
void vh_vq_queue(struct parley_vhost_vq *vq);
/*
 * Take the ring off its worker's queue.  The caller made vq->state something
 * else than running, so no later round serves it; without vq->mutex.
 */
void vh_vq_unqueue(struct parley_vhost_vq *vq);

/* ------------------------------------------------------------- poll.c */

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

/* In the worker, with nothing queued.  After it, kicks are armed. */
void vh_worker_poll(struct vh_worker *worker);
/* Does it pay to leave kicks off when this ring runs dry?  Under vq->mutex. */
bool vh_poll_wanted(struct parley_vhost_vq *vq);
/* The worker slept for so long before this ring had work. */
void vh_poll_slept(struct parley_vhost_vq *vq, u64 ns);

/* ----------------------------------------------------------- notify.c */

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
 */
struct vh_moderation {
	u32 max_reqs;
	u32 max_us;
	u32 pending;
	bool wanted;
	struct hrtimer timer;
	u64 fired;
};

/*
 * All under vq->mutex.  The setters take an eventfd or VHOST_FILE_UNBIND and
 * release what was set before; vh_kick_set() hooks the new one at once if the
 * ring runs.
 */
int vh_kick_set(struct parley_vhost_vq *vq, int fd);
void vh_kick_start(struct parley_vhost_vq *vq);	/* hook the eventfd, if any */
void vh_kick_stop(struct parley_vhost_vq *vq);
int vh_call_set(struct parley_vhost_vq *vq, int fd);
int vh_err_set(struct parley_vhost_vq *vq, int fd);
/* nr completions were published, the driver wants a call or not. */
void vh_call(struct parley_vhost_vq *vq, unsigned int nr, bool wanted);
void vh_call_flush(struct parley_vhost_vq *vq);	/* nothing is held back after */
/* When the ring is made and before it is freed; the latter lets go of all. */
void vh_notify_init(struct parley_vhost_vq *vq);
void vh_notify_release(struct parley_vhost_vq *vq);

/* ------------------------------------------------------------- pull.c */

/* What the last pull of a ring lacked. */
enum vh_lack {
	VH_LACK_NOTHING,
	VH_LACK_BUFFERS,	/* of the guest's: its kick queues the ring */
	VH_LACK_REQUESTS,	/* of ours: the end of one in flight does */
	VH_LACK_LEAVE,		/* a limit's, the VMM's, or the ring's: they do */
};

/* -------------------------------------------------------- ring.c, vq.c */

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
 * @wants: bytes of the first chain that was left untaken; 0 for none
 * @outside: somebody is in the accelerator for it, without @mutex; requests, their
 *	lists and @burst are his; changed under @mutex
 * @missed: a worker came meanwhile
 * @held: it would run, but the VMM is taking memory away; under dev->mutex
 * @finish: what @ops has, or the library's for what is pulled
 * @how: VH_REQ_* of each request
 * @lack: why the last pull got nothing; see pull.c
 * @pulled: requests of a ring that is pulled, in flight or put by, in the order in
 *	which they were taken
 * @went_back: requests that did so
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
	struct list_head pulled;
	u64 went_back;
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

/* How rings are reached where there is a choice: a parameter of the module. */
enum vh_ring_access {
	VH_RING_PIN,
	VH_RING_USER,
};

#if IS_ENABLED(CONFIG_KUNIT)
extern int vh_ring_access;
#endif

bool vh_vq_covers(const struct parley_vhost_vq *vq, u64 addr, u64 last);
int vh_ring_find(struct parley_vhost_vq *vq, struct parley_vq_addr *at);
void vh_ring_unpin(struct parley_vhost_vq *vq);
bool vh_ring_is_unused(const struct parley_vhost_vq *vq);

/* --------------------------------------------------------------- vq.c */

void vh_vq_init(struct parley_vhost_vq *vq, struct parley_vhost *dev,
		unsigned int index);
void vh_vq_reset(struct parley_vhost_vq *vq);
void vh_vq_release(struct parley_vhost_vq *vq);
/* Under vq->mutex: take no more, tell the VMM; NULL if it was said already. */
void vh_vq_break(struct parley_vhost_vq *vq, const char *why);
/* Under vq->mutex: the map changed, or the memory table did. */
void vh_vq_set_map(struct parley_vhost_vq *vq);
/*
 * Under vq->mutex, in the worker, first thing in a round: is vq->devq there?
 * With a device IOMMU it may have to wait for the VMM; the round ends then, and
 * the VMM's answer queues the ring again.
 */
bool vh_vq_ready(struct parley_vhost_vq *vq);
/*
 * Stop taking, wait for what is in flight, publish it, keep the base.  Without
 * dev->mutex and vq->mutex: for a worker that is being killed, whose mm still
 * lives.  parley_vhost_vq_stop() does the rest later.
 */
void vh_vq_kill(struct parley_vhost_vq *vq);
/*
 * Take nothing, and wait for what is in flight; behind a device IOMMU the ring's
 * pages are given back as well.  Until the release the ring is not idle, and
 * nobody starts it.  Both under dev->mutex, without vq->mutex; the first may end
 * with -EINTR, and is to be released all the same.
 */
int vh_vq_hold(struct parley_vhost_vq *vq);
void vh_vq_let_go(struct parley_vhost_vq *vq);
/* The one and the other. */
void vh_vq_suspend(struct parley_vhost_vq *vq);
/* Did a ring's own memory lie in @gone, and is not all in @mem?  Under vq->mutex. */
bool vh_vq_loses(const struct parley_vhost_vq *vq, const struct parley_region *gone,
		 const struct vh_mem *mem);
/* VHOST_F_LOG_ALL or VHOST_VRING_F_LOG may have changed; under vq->mutex. */
void vh_vq_update_log(struct parley_vhost_vq *vq);
int vh_vq_set_keep(struct parley_vhost_vq *vq, u64 uaddr);

/* ----------------------------------------------------------- switch.c */

int vh_switch_init(void);
void vh_switch_exit(void);	/* no device exists */
void vh_ask_init(struct parley_vhost_vq *vq);

/* ------------------------------------------------------ serve.c, req.c */

/* When the ring is made, and before it is freed. */
void vh_serve_init(struct parley_vhost_vq *vq);
void vh_serve_release(struct parley_vhost_vq *vq);
/* Before the ring runs, under dev->mutex: vq->num, vq->joined are known. */
int vh_reqs_alloc(struct parley_vhost_vq *vq);
void vh_reqs_free(struct parley_vhost_vq *vq);
/* Those in flight that touch host..last are awaited; under vq->mutex. */
void vh_reqs_await(struct parley_vhost_vq *vq, u64 host, u64 last);
/* Kicks from now on; false if something is available already.  Under vq->mutex. */
bool vh_vq_arm(struct parley_vhost_vq *vq);
/* One round; true if there is more to do at once.  In the worker. */
bool vh_vq_serve(struct parley_vhost_vq *vq);
/* Log, complete, publish and call what is done.  Under vq->mutex, nobody outside. */
unsigned int vh_vq_reap(struct parley_vhost_vq *vq);
/*
 * Wait until nothing is in flight, or until what @clear asks for is so, reaping;
 * without vq->mutex.  Several may do so at a time.  What a broken ring had in
 * flight is not published.
 */
int vh_vq_drain(struct parley_vhost_vq *vq, bool killable);
int vh_vq_wait(struct parley_vhost_vq *vq,
	       bool (*clear)(const struct parley_vhost_vq *vq, const void *arg),
	       const void *arg, bool killable);
/* Nothing is taken from it any more: it waits for no limit. */
void vh_limit_idle(struct parley_vhost_vq *vq);

static inline unsigned int vh_vq_in_flight(const struct parley_vhost_vq *vq)
{
	return READ_ONCE(vq->nr_reqs) - READ_ONCE(vq->nr_free);
}

/* Nothing is in flight, and nobody is about to leave the accelerator. */
static inline bool vh_vq_is_empty(const struct parley_vhost_vq *vq)
{
	return !READ_ONCE(vq->outside) && !vh_vq_in_flight(vq);
}

/* -------------------------------------------------------------- dev.c */

/**
 * struct parley_vhost - a device: one open file of /dev/parley-NAME
 * @drv: its accelerator
 * @ref: file, netlink look-ups, workers
 * @id: number in the registry
 * @label: name and number, for messages of the core and debugfs
 * @mutex: serialises the VMM's calls
 * @mm: the owner's; held by mmgrab(), users of it by the workers
 * @owner: what threads put on that work in its place
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
 * @limits: its own and its rings'; under vh_limit_lock
 * @shared: bytes in flight of all rings, beyond what each has for itself
 * @config_lock: protects the three below
 * @config_call: eventfd of configuration changes
 * @config_changed: the same for a loopback
 * @config_priv: for @config_changed
 * @vqs: drv->max_queues of them
 * @priv: the accelerator's
 */
struct parley_vhost {
	const struct parley_vhost_driver *drv;
	struct kref ref;
	u32 id;
	char label[24];
	struct mutex mutex;
	struct mm_struct *mm;
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
	struct vh_limits *limits;	/* limit.h */
	atomic64_t shared;
	spinlock_t config_lock;
	struct eventfd_ctx *config_call;
	void (*config_changed)(void *priv);
	void *config_priv;
	struct parley_vhost_vq **vqs;
	void *priv;
};

static inline bool vh_vq_packed(const struct parley_vhost_vq *vq)
{
	return parley_features_has(&vq->dev->features, VIRTIO_F_RING_PACKED);
}

extern struct mutex parley_vhost_registry_lock;

struct parley_vhost *vh_dev_create(const struct parley_vhost_driver *drv,
				   bool in_kernel);
void vh_dev_release(struct parley_vhost *dev);
long vh_dev_set_owner(struct parley_vhost *dev);	/* under dev->mutex */
long vh_dev_reset_owner(struct parley_vhost *dev);	/* the same */
long vh_dev_check_owner(const struct parley_vhost *dev);
long vh_dev_set_features(struct parley_vhost *dev, const struct parley_features *features);
void vh_dev_forget_features(struct parley_vhost *dev);
int vh_dev_set_mem(struct parley_vhost *dev, struct vh_mem *mem);
/* All of vq->mutex, under dev->mutex. */
void vh_dev_lock_vqs(struct parley_vhost *dev);
void vh_dev_unlock_vqs(struct parley_vhost *dev);

struct parley_vhost *vh_dev_get(u32 id);		/* NULL, or with a reference */
struct parley_vhost *vh_dev_next(u32 *id);		/* the first from *id on */
void vh_dev_put(struct parley_vhost *dev);

/* ----------------------------------------------------------------- mm.c */

int vh_in_owner_mm(struct parley_vhost *dev, int (*fn)(void *arg), void *arg);
int vh_access_again(int (*access)(void *arg), void *arg);

/* "parley-blk 3: " before every message; queues add their number. */
#define dev_say(dev, fmt, ...) \
	pr_err_ratelimited("parley-%s %u: " fmt, (dev)->drv->name, (dev)->id, ##__VA_ARGS__)
#define vq_say(vq, fmt, ...) \
	dev_say((vq)->dev, "queue %u: " fmt, (vq)->index, ##__VA_ARGS__)

/* ------------------------------------------- ioctl.c, config.c, netlink.c */

long vh_ioctl(struct parley_vhost *dev, unsigned int cmd, unsigned long arg);
int vh_config_call_set(struct parley_vhost *dev, int fd);

int vh_netlink_init(void);
void vh_netlink_exit(void);
/* The device is in the registry now, or is not any more: tell who listens. */
void vh_netlink_added(const struct parley_vhost *dev);
void vh_netlink_removed(const struct parley_vhost *dev);

#endif /* _PARLEY_VHOST_PRIV_H */
