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
 * The accelerator may wait for its back end: for a tag of a busy disk, or for a
 * file system that is frozen.  So it is called without vq->mutex, and whoever
 * only asks or sets something never waits for a back end.  Meanwhile
 * (vq->outside) requests, their lists and the burst belong to the caller;
 * everybody else may read and set what the VMM and the operator set, and who
 * drains waits for the caller's return.
 */
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include "devq.h"
#include "req.h"
#include "round.h"
#include "serve.h"
#include "state.h"

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

/** vh_serve_prepare() - before the ring runs: what its kind of queue does; dev->mutex */
void vh_serve_prepare(struct parley_vhost_vq *vq)
{
	const struct parley_vhost_queue_ops *ops = vq->ops;

	vq->finish = ops->submit ? ops->finish : vh_pull_finish;
	vq->how = (ops->submit ? 0 : VH_REQ_PULLED) | (ops->cost ? VH_REQ_COSTS : 0);
	vq->lack = VH_LACK_NOTHING;
}

void vh_serve_release(struct parley_vhost_vq *vq)
{
	hrtimer_cancel(&vq->look_timer);
}

/* Bytes to be paid for in advance. */
static u64 vh_limit_payload(const struct parley_vhost_vq *vq, const struct parley_chain *c)
{
	return vq->how & VH_REQ_COSTS ? 0 : vh_bound_payload(vq, c);
}

/* How many of the burst's @n chains may go on; the others go back, and wait. */
static unsigned int vh_limit_burst(struct parley_vhost_vq *vq, unsigned int n)
{
	u64 bytes[VH_BURST];
	unsigned int i;

	for (i = 0; i < n; i++)
		bytes[i] = vh_limit_payload(vq, &vq->burst[i]);
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

	if (!vh_limited(vq))
		return;
	parley_limit_charge(vq->limit, ktime_get_ns(), bytes);
	if (req->paid && check_add_overflow(req->paid, bytes, &req->paid))
		req->paid = U64_MAX;
}
PARLEY_EXPORT(parley_vhost_req_charge);

/* ---------------------------------------------------------------- round */

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
static noinline void vh_burst_back(struct parley_vhost_vq *vq,
				   struct parley_vhost_req **reqs, unsigned int from,
				   unsigned int n)
{
	unsigned int i;

	/* A byte at least: not before something has ended, if nothing fits. */
	if (!vq->wants)
		vq->wants = 1;
	vq->refused = vh_vq_ended(vq);
	for (i = n; i > from; i--) {
		vh_limit_give_back(reqs[i - 1], U64_MAX);
		vh_req_free(vq, reqs[i - 1]);
	}
	if (unlikely(vq->waiters))
		wake_up_all(&vq->drained);
	if (parley_devq_untake(vq->devq, &vq->burst[from], n - from))
		vh_vq_break(vq, "chains cannot go back");
}

/* The burst, @paid for or not, becomes requests; returns how many of them were taken. */
static unsigned int vh_burst_submit(struct parley_vhost_vq *vq, unsigned int n, bool paid,
				    struct weight *w)
{
	struct parley_vhost_req *reqs[VH_BURST], *req = vq->free;
	unsigned int i, took;
	u32 now = jiffies;

	for (i = 0; i < n; i++, req = req->next) {
		req->chain = vq->burst[i];
		req->chain.written = 0;
		req->busy = true;
		req->paid = unlikely(paid) ? 1 + vh_limit_payload(vq, &req->chain) : 0;
		req->since = now;
		vh_bound_begin(vq, req);
		w->bytes += (u64)req->chain.len_out + req->chain.len_in;
		w->reads += req->chain.reads;
		reqs[i] = req;
	}
	w->reqs += n;
	vq->free = req;
	WRITE_ONCE(vq->nr_free, vq->nr_free - n);
	vh_vq_go_outside(vq);
	took = vq->ops->submit(vq, reqs, n);
	vh_vq_come_back(vq);
	if (unlikely(took < n))
		vh_burst_back(vq, reqs, took, n);
	return took;
}

static __always_inline enum step vh_round_step(struct parley_vhost_vq *vq, struct weight *w)
{
	unsigned int room = min3(vq->guess, vq->nr_free, VH_WEIGHT_REQS - w->reqs), n, fit, took;
	bool limited = vh_limited(vq);
	int taken;

	if (unlikely(!room || !vh_bound_open(vq)))
		return STEP_FULL;
	/* Whoever ends the wait queues the ring, after he said that it ended. */
	if (limited && parley_limit_waiting(vq->limit))
		return STEP_STOP;
	vq->wants = 0;
	vh_burst_prepare(vq, room);
	taken = parley_devq_take(vq->devq, vq->burst, room);
	if (unlikely(taken <= 0))
		return taken ? STEP_STOP : STEP_DRY;
	fit = vh_bound_burst(vq, taken, VH_WEIGHT_BYTES - w->bytes);
	n = limited ? vh_limit_burst(vq, fit) : fit;
	if (unlikely(n < fit))
		vh_bound_undo(vq, n, fit);
	/* Slots are prepared for what comes, not for what might. */
	vq->guess = min(2 * n + 2, VH_BURST);
	if (likely(n)) {
		took = vh_burst_submit(vq, n, limited, w);
		/* Asked again at once, if what fits was left; but not in vain. */
		if (unlikely(took < n))
			return took ? STEP_FULL : STEP_REFUSED;
	}
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

static __always_inline enum step vh_round_turns(struct parley_vhost_vq *vq,
						const struct vh_turn *turn, struct weight *w)
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

static __always_inline enum step vh_round(struct parley_vhost_vq *vq, struct vh_turn *turn)
{
	struct weight w = {};
	enum step step = vh_round_turns(vq, turn, &w);

	turn->cost += vh_turn_cost(w.reqs, w.bytes);
	return step;
}

/* For kinds whose back end is asked first; the others have it where they are served. */
enum step vh_round_run(struct parley_vhost_vq *vq, struct vh_turn *turn)
{
	return vh_round(vq, turn);
}

/* The accelerator took nothing.  May it do so now? */
static noinline bool vh_refused_again(const struct parley_vhost_vq *vq)
{
	/* Something ended, maybe before we were ready to be told. */
	if (vh_vq_ended(vq) != vq->refused)
		return true;
	/* Nobody would ever come for what was left. */
	return !vq->ops->work && WARN_ON_ONCE(!vh_vq_in_flight(vq));
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
		step = unlikely(vq->ops->work) ? vh_work_run(vq, turn) : vh_round(vq, turn);
	vq->polled = vq->ops->poll && vh_vq_in_flight(vq) && vq->ops->poll(vq);
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
	if (unlikely(step == STEP_REFUSED))
		return vh_refused_again(vq);
	/* Full, but no completion that came while we served has queued it. */
	return step == STEP_ON ||
	       (step == STEP_FULL && vq->nr_free && vh_bound_open(vq));
}
