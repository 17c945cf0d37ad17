// SPDX-License-Identifier: GPL-2.0-only
/*
 * One round of a ring.
 *
 *	disarm -> [ reap -> take -> limits -> submit ]... -> arm
 *
 * A round ends when the ring is dry, when every request or enough bytes are in
 * flight, when a limit says no, or when it has had its weight.  Whoever ends it
 * early is sure to be queued again: by the kick it armed, by the first
 * completion, by the limits, or at once.
 *
 * Completions come from any context and end on the list vq->done.  Two
 * orderings make sure that one which comes first is never left there:
 *
 *	S1 req_done: add to done,   full barrier (llist_add), read server
 *	S2 serve:    server = NULL, full barrier,             read done
 *
 *	   Either S1 sees that nobody serves and queues the ring, or S2 sees the
 *	   request and reaps it.
 *
 *	W1 req_done: add to done,  full barrier (llist_add), is anybody waiting?
 *	W2 wait.c:   wait_event(): enter the wait queue, full barrier, read done
 *
 *	   Either W1 wakes, or W2 does not sleep.
 *
 * The accelerator may wait for its back end: for a tag of a busy disk, or for a
 * file system that is frozen.  So it is called without vq->mutex, and whoever
 * only asks or sets something never waits for a back end.  Meanwhile
 * (vq->outside) requests, their lists and the burst belong to the caller;
 * everybody else may read and set what the VMM and the operator set, and who
 * drains waits for the caller's return.
 */
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include "bound.h"
#include "devq.h"
#include "dirty.h"
#include "notify.h"
#include "req.h"
#include "runq.h"
#include "serve.h"
#include "state.h"

/* ----------------------------------------------------------- completion */

/**
 * parley_vhost_req_done() - a request is finished
 * @req: request that was submitted; the library's again
 *
 * The completions of one submit() that end inside it cost no wake-up.
 *
 * Context: any.
 */
void parley_vhost_req_done(struct parley_vhost_req *req)
{
	struct parley_vhost_vq *vq = req->vq;

	/* Inside submit(), nobody else is near. */
	if (READ_ONCE(vq->server) == current && in_task()) {
		req->next = NULL;
		*vq->last_ended = req;
		vq->last_ended = &req->next;
		return;
	}
	/* The ring is freed a grace period after its last request was reaped. */
	rcu_read_lock();
	if (llist_add(&req->done, &vq->done)) {	/* S1, pairs with S2 */
		if (!READ_ONCE(vq->server))
			vh_vq_queue(vq);
		/* W1, pairs with W2 in vh_vq_wait(): llist_add() was a barrier */
		if (unlikely(waitqueue_active(&vq->drained)))
			wake_up_all(&vq->drained);
	}
	rcu_read_unlock();
}
PARLEY_EXPORT(parley_vhost_req_done);

/* Can ring memory be written from here?  Not after its owner died. */
static bool vh_ring_reachable(const struct parley_vhost_vq *vq)
{
	return vq->space == PARLEY_SPACE_KERNEL || current->mm == vq->dev->owner.mm;
}

static void vh_req_free(struct parley_vhost_vq *vq, struct parley_vhost_req *req)
{
	req->busy = false;
	if (unlikely(req->awaited)) {
		req->awaited = false;
		vq->nr_awaited--;
	}
	vh_bound_end(vq, req);
	req->next = vq->free;
	vq->free = req;
	WRITE_ONCE(vq->nr_free, vq->nr_free + 1);
}

/* Used entries for what vq->burst holds; a fault is the caller's to look for. */
static void vh_reap_complete(struct parley_vhost_vq *vq, unsigned int n)
{
	if (n)
		parley_devq_complete(vq->devq, vq->burst, n);
}

/* Account for and log a finished request; its chain goes to vq->burst. */
static void vh_reap_one(struct parley_vhost_vq *vq, struct parley_vhost_req *req,
			struct parley_chain *chain)
{
	if (WARN_ON_ONCE(req->chain.written > req->chain.len_in))
		req->chain.written = req->chain.len_in;
	if (unlikely(vq->logging))
		vh_log_req(req);
	vq->stats.bytes_read += req->chain.len_out;
	vq->stats.bytes_written += req->chain.written;
	*chain = req->chain;
}

/*
 * Nothing is published on a broken ring, or if a used entry could not be written:
 * the core breaks it and parley_devq_publish() says no.
 */
static void vh_reap_publish(struct parley_vhost_vq *vq, unsigned int n)
{
	bool wanted = parley_devq_publish(vq->devq);

	if (unlikely(parley_devq_broken(vq->devq)))
		return;
	if (unlikely(vq->logging))
		vh_log_ring(vq);
	vh_call(vq, n, wanted);
}

/*
 * The accelerator left a request unfinished: it is the only one in flight, so what
 * was taken last.  Who goes on with the ring takes it again.
 */
static noinline void vh_reap_back(struct parley_vhost_vq *vq, struct parley_vhost_req *req)
{
	/* The guest's memory was written. */
	if (unlikely(vq->logging))
		vh_log_req(req);
	if (WARN_ON_ONCE(parley_devq_untake(vq->devq, &req->chain, 1)))
		vh_vq_break(vq, "a request cannot go back");
	/* Not stopped after all, say. */
	if (vq->state == VH_VQ_RUNNING)
		vh_vq_queue(vq);
}

/* The burst while it is gathered, the requests that were, and those that go on. */
struct reap {
	unsigned int n;
	unsigned int all;
	bool dead;
	struct parley_vhost_req *on;
};

static __always_inline void vh_reap_req(struct parley_vhost_vq *vq, struct reap *r,
					struct parley_vhost_req *req)
{
	bool (*finish)(struct parley_vhost_req *req) = vq->dev->drv->finish;

	if (finish && unlikely(!finish(req))) {
		req->next = r->on;
		r->on = req;
		return;
	}
	if (unlikely(req->back)) {
		if (!r->dead)
			vh_reap_back(vq, req);
		vh_req_free(vq, req);
		return;
	}
	if (likely(!r->dead))
		vh_reap_one(vq, req, &vq->burst[r->n++]);
	vh_req_free(vq, req);
	r->all++;
	if (r->n == VH_BURST) {
		vh_reap_complete(vq, r->n);
		r->n = 0;
	}
}

/* Those that ended inside submit(); finish() may make it more. */
static void vh_reap_ended(struct parley_vhost_vq *vq, struct reap *r)
{
	struct parley_vhost_req *req = vq->ended, *next;

	vq->ended = NULL;
	vq->last_ended = &vq->ended;
	for (; req; req = next) {
		next = req->next;
		vh_reap_req(vq, r, req);
	}
}

static void vh_reap_done(struct parley_vhost_vq *vq, struct reap *r)
{
	struct llist_node *done = llist_reverse_order(llist_del_all(&vq->done));
	struct parley_vhost_req *req, *next;

	llist_for_each_entry_safe(req, next, done, done)
		vh_reap_req(vq, r, req);
}

/* Into the accelerator, where it may wait for its back end: without vq->mutex. */
static void vh_vq_go_outside(struct parley_vhost_vq *vq)
{
	lockdep_assert_held(&vq->mutex);
	WRITE_ONCE(vq->outside, true);
	mutex_unlock(&vq->mutex);
}

static void vh_vq_come_back(struct parley_vhost_vq *vq)
{
	mutex_lock(&vq->mutex);
	WRITE_ONCE(vq->outside, false);
	/* The lock of the wait queue orders this after it. */
	if (unlikely(vq->waiters))
		wake_up_all(&vq->drained);
	if (unlikely(vq->missed)) {
		vq->missed = false;
		vh_vq_queue(vq);
	}
}

/* Requests of several steps: the next one of each. */
static noinline void vh_reap_go_on(struct parley_vhost_vq *vq,
				   struct parley_vhost_req *req)
{
	struct parley_vhost_req *next;

	vh_vq_go_outside(vq);
	for (; req; req = next) {
		next = req->next;
		vq->dev->drv->go_on(req);
	}
	vh_vq_come_back(vq);
}

/**
 * vh_vq_reap() - give back to the guest what is done
 * @vq: ring that was started
 *
 * The data was written before parley_vhost_req_done(), is logged first, then
 * used entries are written, then published: so a log that was read before the
 * guest saw the request misses nothing.
 *
 * Context: vq->mutex, with nobody outside; let go of and taken again if requests
 * go on with another step, after which vq->state may be another.
 * Return: requests that the guest has back.
 */
unsigned int vh_vq_reap(struct parley_vhost_vq *vq)
{
	struct reap r = {};

	lockdep_assert_held(&vq->mutex);
	if (llist_empty(&vq->done) && !vq->ended)
		return 0;
	/* A device IOMMU may have hidden the ring meanwhile. */
	if (vq->devq && unlikely(!vh_ring_reachable(vq)))
		parley_devq_break(vq->devq, NULL);
	r.dead = !vq->devq || parley_devq_broken(vq->devq);
	if (vq->ended)
		vh_reap_ended(vq, &r);
	if (!llist_empty(&vq->done))
		vh_reap_done(vq, &r);
	WRITE_ONCE(vq->stats.requests, vq->stats.requests + r.all);
	/*
	 * Several may wait, and whoever sleeps must learn that it was another.
	 * The lock of the wait queue orders this after nr_free.
	 */
	if (unlikely(vq->waiters))
		wake_up_all(&vq->drained);
	if (likely(!r.dead)) {
		vh_reap_complete(vq, r.n);
		if (r.all)
			vh_reap_publish(vq, r.all);
	}
	if (unlikely(r.on))
		vh_reap_go_on(vq, r.on);
	return r.all;
}

/* --------------------------------------------------------------- limits */

/* Nobody kicks: look. */
static enum hrtimer_restart vh_look_timer(struct hrtimer *timer)
{
	vh_vq_queue(container_of(timer, struct parley_vhost_vq, look_timer));
	return HRTIMER_NORESTART;
}

void vh_serve_init(struct parley_vhost_vq *vq)
{
	hrtimer_setup(&vq->look_timer, vh_look_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_SOFT);
	init_llist_head(&vq->done);
	vq->last_ended = &vq->ended;
	init_waitqueue_head(&vq->drained);
	vq->node = NUMA_NO_NODE;
}

void vh_serve_release(struct parley_vhost_vq *vq)
{
	hrtimer_cancel(&vq->look_timer);
}

/* Of a ring that runs. */
static bool vh_limited(const struct parley_vhost_vq *vq)
{
	return unlikely(parley_limit_active(vq->limit));
}

/* How many of the burst's @n chains may go on; the others go back, and wait. */
static unsigned int vh_limit_burst(struct parley_vhost_vq *vq, unsigned int n)
{
	u64 bytes[VH_BURST];
	unsigned int i;

	for (i = 0; i < n; i++)
		bytes[i] = vh_bound_payload(vq, &vq->burst[i]);
	i = parley_limit_admit(vq->limit, ktime_get_ns(), bytes, n);
	if (i == n)
		return n;
	parley_devq_untake(vq->devq, &vq->burst[i], n - i);
	vq->stats.throttled++;
	return i;
}

/**
 * parley_vhost_req_charge() - a request costs more than its descriptors say
 * @req: request that was submitted and is not done
 * @bytes: how much more, for the limits of bytes
 *
 * What a device does for a request may stand in its header only, which is read
 * in submit().  The limits are charged for it as soon as it is known: the next
 * requests of this ring wait until it is paid.
 *
 * Context: any.
 */
void parley_vhost_req_charge(struct parley_vhost_req *req, u64 bytes)
{
	struct parley_vhost_vq *vq = req->vq;

	if (vh_limited(vq))
		parley_limit_charge(vq->limit, ktime_get_ns(), bytes);
}
PARLEY_EXPORT(parley_vhost_req_charge);

/* ---------------------------------------------------------------- round */

/* How a step, or a round, ended. */
enum step {
	STEP_ON,	/* something was done, there may be more */
	STEP_DRY,	/* nothing is available */
	STEP_FULL,	/* enough is in flight; the first one that ends goes on */
	STEP_STOP,	/* whoever we wait for will queue the ring */
};

/* Give each slot of the burst the pieces of a free request. */
static void vh_burst_prepare(struct parley_vhost_vq *vq, unsigned int room)
{
	const struct parley_vhost_req *req = vq->free;
	unsigned int i;

	for (i = 0; i < room; i++, req = req->next)
		vq->burst[i].iov = req->chain.iov;
}

/* What a round has taken so far. */
struct weight {
	unsigned int reqs;
	unsigned int reads;
	u64 bytes;
};

static bool vh_weight_reached(const struct weight *w)
{
	return w->reqs >= VH_WEIGHT_REQS || w->reads >= VH_WEIGHT_READS ||
	       w->bytes >= VH_WEIGHT_BYTES;
}

/*
 * The accelerator did not take all of the burst: the others go back, and what was
 * reckoned for them.
 */
static noinline void vh_burst_back(struct parley_vhost_vq *vq, unsigned int from,
				   unsigned int n)
{
	unsigned int i;
	u64 bytes = 0;

	for (i = from; i < n; i++)
		bytes += vh_bound_payload(vq, &vq->burst[i]);
	if (vh_limited(vq))
		parley_limit_refund(vq->limit, ktime_get_ns(), n - from, bytes);
	if (parley_devq_untake(vq->devq, &vq->burst[from], n - from))
		vh_vq_break(vq, "chains cannot go back");
}

/* The burst becomes requests; returns how many of them were taken. */
static unsigned int vh_burst_submit(struct parley_vhost_vq *vq, unsigned int n,
				    struct weight *w)
{
	struct parley_vhost_req *reqs[VH_BURST], *req = vq->free;
	unsigned int i, took;

	for (i = 0; i < n; i++, req = req->next) {
		req->chain = vq->burst[i];
		req->chain.written = 0;
		req->busy = true;
		vh_bound_begin(vq, req);
		w->bytes += (u64)req->chain.len_out + req->chain.len_in;
		w->reads += req->chain.reads;
		reqs[i] = req;
	}
	w->reqs += n;
	vq->free = req;
	WRITE_ONCE(vq->nr_free, vq->nr_free - n);
	vh_vq_go_outside(vq);
	took = vq->dev->drv->submit(vq, reqs, n);
	vh_vq_come_back(vq);
	if (likely(took == n))
		return n;
	/* A byte at least: not before something has ended, if nothing fits. */
	if (!vq->wants)
		vq->wants = 1;
	for (i = n; i > took; i--)
		vh_req_free(vq, reqs[i - 1]);
	if (unlikely(vq->waiters))
		wake_up_all(&vq->drained);
	vh_burst_back(vq, took, n);
	return took;
}

static enum step vh_round_step(struct parley_vhost_vq *vq, struct weight *w)
{
	unsigned int room = min3(vq->guess, vq->nr_free, VH_WEIGHT_REQS - w->reqs), n, fit;
	int taken;

	if (unlikely(!room || !vh_bound_open(vq)))
		return STEP_FULL;
	/* Whoever ends the wait queues the ring, after he said that it ended. */
	if (vh_limited(vq) && parley_limit_waiting(vq->limit))
		return STEP_STOP;
	vq->wants = 0;
	vh_burst_prepare(vq, room);
	taken = parley_devq_take(vq->devq, vq->burst, room);
	if (unlikely(taken <= 0))
		return taken ? STEP_STOP : STEP_DRY;
	fit = vh_bound_burst(vq, taken, VH_WEIGHT_BYTES - w->bytes);
	n = vh_limited(vq) ? vh_limit_burst(vq, fit) : fit;
	if (unlikely(n < fit))
		vh_bound_undo(vq, n, fit);
	/* Slots are prepared for what comes, not for what might. */
	vq->guess = min(2 * n + 2, VH_BURST);
	if (likely(n) && unlikely(vh_burst_submit(vq, n, w) < n))
		return STEP_FULL;
	if (unlikely(n < fit))
		return STEP_STOP;
	return vq->wants ? STEP_FULL : STEP_ON;
}

/* At least between two looks at a ring without kicks, whatever its owner says. */
#define NO_KICK_US	100u

/**
 * vh_vq_arm() - be told of what becomes available
 * @vq: ring that ran dry, under vq->mutex
 *
 * An owner that polls need not give kicks (VHOST_SET_VRING_BUSYLOOP_TIMEOUT).  When
 * polling does not pay, a timer looks in their place.
 *
 * Return: false if something is available already.
 */
bool vh_vq_arm(struct parley_vhost_vq *vq)
{
	lockdep_assert_held(&vq->mutex);
	if (!parley_devq_arm(vq->devq))
		return false;
	if (unlikely(!vq->kick.file && !vq->joined))
		hrtimer_start(&vq->look_timer,
			      ns_to_ktime((u64)NSEC_PER_USEC *
					  max(READ_ONCE(vq->poll.max_us), NO_KICK_US)),
			      HRTIMER_MODE_REL_SOFT);
	return true;
}

/* Dry: may the round end?  Not if something became available meanwhile. */
static bool vh_round_dry(struct parley_vhost_vq *vq)
{
	/* What was set aside while it waited is of use to others. */
	if (vh_limited(vq) && parley_limit_spare(vq->limit))
		vh_limit_idle(vq);
	if (vh_poll_wanted(vq)) {
		vq->unarmed = true;
		return true;
	}
	if (vh_vq_arm(vq))
		return true;
	parley_devq_disarm(vq->devq);
	return false;
}

static enum step vh_round_run(struct parley_vhost_vq *vq, const struct vh_turn *turn,
			      struct weight *w)
{
	unsigned int turns;

	parley_devq_disarm(vq->devq);
	vq->unarmed = false;
	/* A turn that found nothing counts as well: so no guest keeps us here. */
	for (turns = 0; turns < VH_WEIGHT_REQS; turns++) {
		enum step step;

		vh_vq_reap(vq);
		/* Somebody stopped it while we were outside. */
		if (unlikely(vq->state != VH_VQ_RUNNING))
			return STEP_STOP;
		/* Being killed: what is not taken is the successor's. */
		if (unlikely(fatal_signal_pending(current)))
			return STEP_STOP;
		step = vh_round_step(vq, w);
		if (step == STEP_DRY && !vh_round_dry(vq))
			continue;
		if (step != STEP_ON || unlikely(parley_devq_broken(vq->devq)))
			return step;
		if (vh_weight_reached(w) || unlikely(READ_ONCE(turn->hurry)))
			break;
	}
	vq->stats.weight_yields++;
	return STEP_ON;
}

/**
 * vh_vq_serve() - one round
 * @vq: ring, in any state
 * @turn: whether it is to be short; what it has cost is added
 *
 * Context: the ring's worker.
 * Return: true if it wants another round at once.
 */
bool vh_vq_serve(struct parley_vhost_vq *vq, struct vh_turn *turn)
{
	enum step step = STEP_STOP;
	struct weight w = {};

	guard(mutex)(&vq->mutex);
	/* By the worker that it had before, or by who waits: he queues it again. */
	if (unlikely(vq->outside)) {
		vq->missed = true;
		return false;
	}
	if (unlikely(vq->state == VH_VQ_IDLE || !vh_vq_ready(vq)))
		return false;
	vq->stats.rounds++;
	WRITE_ONCE(vq->server, current);
	if (likely(vq->state == VH_VQ_RUNNING))
		step = vh_round_run(vq, turn, &w);
	turn->cost += (u64)w.reqs * VH_COST_REQ + w.bytes;
	vq->polled = vq->dev->drv->poll && vh_vq_in_flight(vq) &&
		     vq->dev->drv->poll(vq);
	do {
		/* What submit() finished at the end, and what came just now. */
		do
			vh_vq_reap(vq);
		while (unlikely(vq->ended));
		WRITE_ONCE(vq->server, NULL);
		smp_mb();	/* S2, pairs with S1 in parley_vhost_req_done() */
	} while (!llist_empty(&vq->done));
	if (unlikely(vq->state == VH_VQ_RUNNING && parley_devq_broken(vq->devq)))
		vh_vq_break(vq, NULL);	/* the core has said why */
	if (unlikely(vq->state != VH_VQ_RUNNING))
		return false;
	/* Full, but no completion that came while we served has queued it. */
	return step == STEP_ON ||
	       (step == STEP_FULL && vq->nr_free && vh_bound_open(vq));
}
