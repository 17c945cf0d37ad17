// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rings whose back end begins.
 *
 * A ring that is pulled (receive, events) holds buffers for what a back end may have
 * to say some time.  Nothing is taken when the guest makes them available; a round
 * asks the accelerator, which takes what it needs:
 *
 *	disarm -> [ reap -> work -> pull... ]... -> arm, if buffers were lacking
 *
 * vq->pulled has all buffers that were taken, in the order of taking: those that the
 * accelerator has, and those that are put by (req->spare): taken for something that
 * needs more of them than there are, or given back.  Whoever pulls next gets these
 * first.  At the end of a round, and when somebody waits for the ring, what is put by
 * at the end of the list goes back to the ring as if it had not been taken.
 *
 * Only a ring that lacks something keeps what it has.  If it is buffers, the driver is
 * to kick for what comes after these, and the event index says so only if they are
 * taken.
 *
 * A buffer that went to the guest was taken before all that can still go back.  So an
 * accelerator fills buffers in the order in which it got them; where it does not, and
 * an earlier one is never filled, the ring has no base and breaks when it is stopped.
 */
#include <linux/sched/signal.h>
#include "devq.h"
#include "dirty.h"
#include "req.h"
#include "round.h"
#include "serve.h"

/* ---------------------------------------------------------------- taking */

/* Take @want more buffers, or as many as there are; they are put by.  The first one. */
static struct parley_vhost_req *vh_pull_take(struct parley_vhost_vq *vq, unsigned int want)
{
	struct parley_vhost_req *req, *first = vq->free;
	int taken, i;

	want = min3(want, vq->nr_free, VH_BURST);
	if (!want) {
		vq->lack = VH_LACK_REQUESTS;
		return NULL;
	}
	vh_burst_prepare(vq, want);
	taken = parley_devq_take(vq->devq, vq->burst, want);
	if (taken <= 0) {
		/* Broken, or the VMM knows where they are and will tell. */
		vq->lack = taken ? VH_LACK_LEAVE : VH_LACK_BUFFERS;
		return NULL;
	}
	for (i = 0; i < taken; i++) {
		req = vq->free;
		vq->free = req->next;
		req->chain = vq->burst[i];
		req->busy = true;
		req->paid = 0;
		req->since = jiffies;
		req->spare = true;
		vh_bound_begin(vq, req);
		list_add_tail(&req->taken, &vq->pulled);
	}
	WRITE_ONCE(vq->nr_free, vq->nr_free - taken);
	return first;
}

/* The next one that is put by, after @req; others are taken if there is none. */
static struct parley_vhost_req *vh_pull_next(struct parley_vhost_vq *vq,
					     struct parley_vhost_req *req, unsigned int want)
{
	if (!req)
		req = list_entry(&vq->pulled, struct parley_vhost_req, taken);
	list_for_each_entry_continue(req, &vq->pulled, taken)
		if (req->spare)
			return req;
	return vh_pull_take(vq, want);
}

/* @n buffers of @slots descriptors are too few.  Will there ever be enough? */
static int vh_pull_short(struct parley_vhost_vq *vq, unsigned int n, unsigned int nr,
			 unsigned int slots)
{
	/* All that was asked for, all requests, or the whole ring. */
	if (n != nr && n != vq->nr_reqs && slots < vq->num)
		return 0;
	vq->lack = VH_LACK_NOTHING;
	vq->unfit++;
	return -EMSGSIZE;
}

/*
 * What is delivered as one is one operation, whatever it takes; else each buffer is.
 * How many may go.
 */
static unsigned int vh_pull_admit(struct parley_vhost_vq *vq, struct parley_vhost_req **reqs,
				  unsigned int n, bool one)
{
	static const u64 nothing[VH_BURST];
	unsigned int i, ops = one ? 1 : n, got;

	if (!vh_limited(vq))
		return n;
	got = parley_limit_admit(vq->limit, ktime_get_ns(), nothing, ops);
	for (i = 0; i < got; i++)
		reqs[i]->how |= VH_REQ_PAID;
	if (got == ops)
		return n;
	vq->stats.throttled++;
	vq->lack = VH_LACK_LEAVE;
	return got;
}

/**
 * parley_vhost_pull() - take buffers for what there is to deliver
 * @vq: ring of a kind that is pulled
 * @reqs: filled with requests
 * @nr: how many at most; without @bytes no more than 32 at a time
 * @bytes: take as few as have room for so many; 0: take @nr of any size
 *
 * Each ends in parley_vhost_req_done() or parley_vhost_reqs_done(), with chain.written
 * set, or in parley_vhost_req_untake(), then as if it had not been taken.  They are to
 * be filled in this order.  It need not be in work(): what is not filled when the ring
 * stops, recall() has to give back.
 *
 * Whatever is lacking, work() is called again when it is there.
 *
 * Context: in work().  Takes vq->mutex; may sleep.
 * Return: how many; 0 if there are not enough now, the ring is to stop, or it is the
 * turn of others;
 * -EMSGSIZE if there never will be: @nr buffers, all that may be in flight or all of
 * the ring have not enough room.  Then what was to be delivered is to be dropped, or it
 * stays in the way of all that comes after it.
 */
int parley_vhost_pull(struct parley_vhost_vq *vq, struct parley_vhost_req **reqs,
		      unsigned int nr, u64 bytes)
{
	struct parley_vhost_req *req = NULL;
	unsigned int n, slots = 0;
	u64 have = 0;

	guard(mutex)(&vq->mutex);
	vq->lack = VH_LACK_LEAVE;
	if (WARN_ON_ONCE(vq->ops->submit || READ_ONCE(vq->server) != current) ||
	    vq->state != VH_VQ_RUNNING)
		return 0;
	vq->lack = VH_LACK_TURN;
	if (vq->unfit >= VH_WEIGHT_REQS)
		return 0;
	vq->lack = VH_LACK_NOTHING;
	if (!bytes)
		nr = min(nr, VH_BURST);
	for (n = 0; n < nr && (!bytes || have < bytes); n++) {
		req = vh_pull_next(vq, req, bytes ? max(vq->guess, n + 1) - n : nr - n);
		if (!req)
			break;
		have += req->chain.len_in;
		slots += req->chain.ndesc;
		reqs[n] = req;
	}
	if (bytes && have < bytes)
		return vh_pull_short(vq, n, nr, slots);
	vq->guess = clamp(n, 1, VH_BURST);
	if (n)
		n = vh_pull_admit(vq, reqs, n, bytes);
	for (nr = n; nr--;) {
		reqs[nr]->spare = false;
		reqs[nr]->chain.written = 0;
	}
	return n;
}
PARLEY_EXPORT(parley_vhost_pull);

/* ---------------------------------------------------------------- ending */

/**
 * parley_vhost_req_untake() - a buffer is not needed after all
 * @req: request that was pulled; the library's again
 *
 * What was written to it is of no account.
 *
 * Context: any.
 */
void parley_vhost_req_untake(struct parley_vhost_req *req)
{
	req->how |= VH_REQ_BACK;
	parley_vhost_req_done(req);
}
PARLEY_EXPORT(parley_vhost_req_untake);

/* As finish(): there are no steps, and nothing to finish of what goes back. */
bool vh_pull_finish(struct parley_vhost_req *req)
{
	const struct parley_vhost_queue_ops *ops = req->vq->ops;

	if (!(req->how & VH_REQ_BACK) && ops->finish)
		WARN_ON_ONCE(!ops->finish(req));
	return true;
}

void vh_pull_ended(struct parley_vhost_vq *vq, struct parley_vhost_req *req)
{
	lockdep_assert_held(&vq->mutex);
	list_del(&req->taken);
}

void vh_pull_came_back(struct parley_vhost_vq *vq, struct parley_vhost_req *req)
{
	lockdep_assert_held(&vq->mutex);
	if (req->how & VH_REQ_PAID && vh_limited(vq))
		parley_limit_refund(vq->limit, ktime_get_ns(), 1, 0);
	/* The guest's memory may have been written all the same. */
	if (unlikely(vq->logging))
		vh_log_req(req);
	req->how = vq->how;
	req->spare = true;
}

/* What is put by goes back to the ring; true if anything did. */
static bool vh_pull_trim(struct parley_vhost_vq *vq)
{
	bool dead = !vq->devq || parley_devq_broken(vq->devq);
	struct parley_vhost_req *req;
	u64 before = vq->went_back;

	lockdep_assert_held(&vq->mutex);
	while (!list_empty(&vq->pulled)) {
		req = list_last_entry(&vq->pulled, struct parley_vhost_req, taken);
		if (!req->spare)
			break;
		if (!dead && parley_devq_untake(vq->devq, &req->chain, 1)) {
			vh_vq_break(vq, "a buffer cannot go back: a later one was filled");
			dead = true;
		}
		list_del(&req->taken);
		vh_req_free(vq, req);
		WRITE_ONCE(vq->went_back, vq->went_back + 1);
	}
	if (vq->went_back == before)
		return false;
	if (unlikely(vq->waiters))
		wake_up_all(&vq->drained);
	return true;
}

/* Does the accelerator have any? */
static bool vh_pull_is_out(const struct parley_vhost_vq *vq)
{
	const struct parley_vhost_req *req;

	list_for_each_entry(req, &vq->pulled, taken)
		if (!req->spare)
			return true;
	return false;
}

/**
 * vh_pull_recall() - somebody waits for buffers: have them back
 * @vq: ring that is pulled
 *
 * A ring that goes on is queued: what it lacked, it lacks again.
 *
 * Context: vq->mutex, with nobody outside.
 */
void vh_pull_recall(struct parley_vhost_vq *vq)
{
	bool runs = vq->state == VH_VQ_RUNNING;

	lockdep_assert_held(&vq->mutex);
	if (runs && !vq->nr_awaited)
		return;
	if (vq->ops->recall && vh_pull_is_out(vq)) {
		vq->ops->recall(vq);
		vh_vq_reap(vq);
	}
	if (vh_pull_trim(vq) && runs)
		vh_vq_queue(vq);
}

/* ---------------------------------------------------------------- rounds */

/* Into the accelerator; true if it has more to say. */
static bool vh_work_call(struct parley_vhost_vq *vq)
{
	bool more;

	vq->lack = VH_LACK_NOTHING;
	vh_vq_go_outside(vq);
	more = vq->ops->work(vq);
	vh_vq_come_back(vq);
	return more;
}

/* May another turn begin? */
static bool vh_pull_may_go_on(struct parley_vhost_vq *vq)
{
	return vq->state == VH_VQ_RUNNING && !parley_devq_broken(vq->devq) &&
	       !fatal_signal_pending(current) &&
	       !(vh_limited(vq) && parley_limit_waiting(vq->limit));
}

/* The back end has nothing more; it will tell. */
static enum step vh_pull_idle(struct parley_vhost_vq *vq)
{
	if (vh_limited(vq) && parley_limit_spare(vq->limit))
		vh_limit_idle(vq);
	vq->unarmed = vh_poll_wanted(vq);
	return STEP_DRY;
}

/* One turn, which delivers no more than may be in flight. */
static enum step vh_pull_turn(struct parley_vhost_vq *vq)
{
	bool more = vh_work_call(vq);

	vh_vq_reap(vq);
	if (unlikely(!vh_pull_may_go_on(vq)))
		return STEP_STOP;
	/* Who waits for some of the buffers may never see that nobody is outside. */
	if (unlikely(vq->nr_awaited))
		vh_pull_recall(vq);
	switch (vq->lack) {
	case VH_LACK_BUFFERS:
		return vh_round_dry(vq) ? STEP_DRY : STEP_ON;
	case VH_LACK_REQUESTS:
		return vq->nr_free ? STEP_ON : STEP_FULL;
	case VH_LACK_LEAVE:
		return STEP_STOP;
	case VH_LACK_TURN:
		return STEP_ON;
	case VH_LACK_NOTHING:
		break;
	}
	return more ? STEP_ON : vh_pull_idle(vq);
}

static enum step vh_pull_turns(struct parley_vhost_vq *vq, const struct vh_turn *turn)
{
	u64 reqs = vq->stats.requests, bytes = vq->stats.bytes_written;
	enum step step = STEP_STOP;
	unsigned int turns;

	vq->unfit = 0;
	vh_vq_reap(vq);
	if (!vh_pull_may_go_on(vq))
		return STEP_STOP;
	/* A turn that delivered nothing counts as well, and what had to be dropped. */
	for (turns = 0; turns < VH_WEIGHT_REQS; turns++) {
		step = vh_pull_turn(vq);
		if (step != STEP_ON)
			return step;
		if (vq->stats.requests - reqs >= VH_WEIGHT_REQS ||
		    vq->unfit >= VH_WEIGHT_REQS ||
		    vq->stats.bytes_written - bytes >= VH_WEIGHT_BYTES ||
		    unlikely(READ_ONCE(turn->hurry)))
			break;
	}
	vq->stats.weight_yields++;
	return step;
}

static enum step vh_pull_run(struct parley_vhost_vq *vq, struct vh_turn *turn)
{
	u64 reqs = vq->stats.requests, bytes = vq->stats.bytes_written;
	enum step step;

	parley_devq_disarm(vq->devq);
	vq->unarmed = false;
	step = vh_pull_turns(vq, turn);
	turn->cost += vh_turn_cost(vq->stats.requests - reqs + vq->unfit,
				   vq->stats.bytes_written - bytes);
	/* Who waits for requests of ours is not to be taken for one who has some now. */
	if (!vh_pull_hungry(vq) && vq->lack != VH_LACK_REQUESTS)
		vh_pull_trim(vq);
	return step;
}

/**
 * vh_work_run() - one round of a ring whose kind has work()
 * @vq: ring that runs
 * @turn: as vh_vq_serve()
 *
 * Context: the ring's worker, under vq->mutex.
 * Return: how it ended.
 */
enum step vh_work_run(struct parley_vhost_vq *vq, struct vh_turn *turn)
{
	enum step step;
	bool more;

	if (!vq->ops->submit)
		return vh_pull_run(vq, turn);
	more = vh_work_call(vq);
	if (unlikely(vq->state != VH_VQ_RUNNING))
		return STEP_STOP;
	step = vh_round_run(vq, turn);
	return more && vq->state == VH_VQ_RUNNING ? STEP_ON : step;
}
