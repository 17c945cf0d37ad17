// SPDX-License-Identifier: GPL-2.0-only
/*
 * How many bytes of a guest's are in flight.
 *
 * What is in flight is pinned, holds memory of ours, keeps the back end busy and
 * has to be waited for by whoever stops a ring.  A guest may ask for terabytes at
 * once.  So there are three numbers, which the accelerator declares:
 *
 *	max_bytes	of one ring.
 *	own_bytes	what each ring may have in flight whatever others do; no
 *			less than one step of a request.
 *	shared_bytes	what the rings of a device have together beyond that.
 *
 * A request that would exceed them goes back to its ring untouched, and those
 * behind it.  The ring goes on when one of its own requests has ended: a ring with
 * nothing in flight may always take one, so there is something to wait for, no ring
 * waits for another's, and nobody starves.
 *
 * A request that was taken so, beyond a bound, is alone in its ring (vq->alone) and is
 * served in steps.  When its ring is to stop, it is not finished: nothing was taken
 * after it, so it can go back as if it had not been taken, and whoever goes on with the
 * ring does it from the beginning.  So what a stop of all rings waits for is at most
 * shared_bytes, and own_bytes for each.
 */
#include <linux/sched/signal.h>
#include "round.h"

/* Payload, as far as it counts; at least 1, so that a full ring takes no flush. */
static u32 vh_bound_count(const struct parley_vhost_queue_ops *ops, u64 bytes)
{
	return clamp_t(u64, bytes, 1, ops->max_bytes);
}

/* Bytes that the ring takes from what all share, with @bytes in flight. */
static u32 vh_bound_beyond(const struct parley_vhost_queue_ops *ops, u32 bytes)
{
	return bytes - min(bytes, ops->own_bytes);
}

/* May a ring that has @bytes in flight have @count more beside them? */
static bool vh_bound_fits(const struct parley_vhost_vq *vq, u32 bytes, u32 count)
{
	const struct parley_vhost_queue_ops *ops = vq->ops;
	u32 shared;

	if (bytes >= ops->max_bytes || count > ops->max_bytes - bytes)
		return false;
	shared = vh_bound_beyond(ops, bytes + count);
	return shared <= vq->shared ||
	       atomic64_read(&vq->dev->shared) + (shared - vq->shared) <=
	       vq->dev->drv->shared_bytes;
}

/* Have so many in flight.  Who is alone is left between two steps: he shares nothing. */
static void vh_bound_set(struct parley_vhost_vq *vq, u32 bytes, bool alone)
{
	u32 shared = alone ? 0 : vh_bound_beyond(vq->ops, bytes);

	vq->bytes = bytes;
	WRITE_ONCE(vq->alone, alone);
	if (unlikely(shared != vq->shared)) {
		atomic64_add((s64)shared - vq->shared, &vq->dev->shared);
		vq->shared = shared;
	}
}

/*
 * Have @count more than @bytes, if they fit; what does not, if it is the only one.  Of
 * two rings that ask for the last of what is shared at a time, none may get it.
 */
static bool vh_bound_take(struct parley_vhost_vq *vq, u32 bytes, u32 count)
{
	const struct parley_vhost_queue_ops *ops = vq->ops;
	u32 before = vq->bytes, shared = vq->shared;

	if (likely(count < ops->max_bytes || bytes) && likely(vh_bound_fits(vq, bytes, count))) {
		vh_bound_set(vq, bytes + count, false);
		if (likely(vq->shared <= shared ||
			   atomic64_read(&vq->dev->shared) <= vq->dev->drv->shared_bytes))
			return true;
		vh_bound_set(vq, before, false);
	}
	if (bytes)
		return false;
	/* As much as a ring can have: so nothing is taken beside it. */
	vh_bound_set(vq, ops->max_bytes, true);
	return true;
}

/* What ended, or what a limit or the accelerator gave back after all. */
static void vh_bound_give(struct parley_vhost_vq *vq, u32 count)
{
	vh_bound_set(vq, unlikely(vq->alone) ? 0 : vq->bytes - count, false);
}

/**
 * vh_bound_payload() - bytes that count, of limits and bounds
 * @vq: ring
 * @c: one of its chains
 *
 * Return: bytes without those of the framing.
 */
u64 vh_bound_payload(const struct parley_vhost_vq *vq, const struct parley_chain *c)
{
	u64 bytes = (u64)c->len_out + c->len_in;

	return bytes - min_t(u64, bytes, vq->ops->framing);
}

/**
 * vh_bound_burst() - how many chains of a burst may be in flight
 * @vq: ring; under vq->mutex
 * @n: chains that were just taken, in vq->burst
 * @left: bytes after which the round has had its weight
 *
 * The others go back.  If that is because of a bound, vq->wants says so.
 *
 * Return: chains that are counted as in flight now.
 */
unsigned int vh_bound_burst(struct parley_vhost_vq *vq, unsigned int n, u64 left)
{
	const struct parley_vhost_queue_ops *ops = vq->ops;
	unsigned int i;
	u64 bytes = 0;

	for (i = 0; i < n && bytes < left; i++) {
		const struct parley_chain *c = &vq->burst[i];
		u32 count;

		bytes += (u64)c->len_out + c->len_in;
		if (!ops->max_bytes)
			continue;
		count = vh_bound_count(ops, vh_bound_payload(vq, c));
		if (unlikely(!vh_bound_take(vq, vq->bytes, count))) {
			vq->wants = count;
			break;
		}
	}
	if (unlikely(i < n))
		parley_devq_untake(vq->devq, &vq->burst[i], n - i);
	return i;
}

/**
 * vh_bound_undo() - chains that were counted do not go on after all
 * @vq: ring
 * @from: first of them, in vq->burst
 * @to: one past the last
 */
void vh_bound_undo(struct parley_vhost_vq *vq, unsigned int from, unsigned int to)
{
	const struct parley_vhost_queue_ops *ops = vq->ops;

	for (; ops->max_bytes && from < to; from++)
		vh_bound_give(vq, vh_bound_count(ops, vh_bound_payload(vq, &vq->burst[from])));
}

/** vh_bound_begin() - a chain that was counted becomes a request */
void vh_bound_begin(struct parley_vhost_vq *vq, struct parley_vhost_req *req)
{
	const struct parley_vhost_queue_ops *ops = vq->ops;

	req->how = vq->how;
	req->bytes = 0;
	if (unlikely(vq->alone))
		req->bytes = vq->bytes;
	else if (likely(ops->max_bytes))
		req->bytes = vh_bound_count(ops, vh_bound_payload(vq, &req->chain));
}

/** vh_bound_end() - it is in flight no more */
void vh_bound_end(struct parley_vhost_vq *vq, struct parley_vhost_req *req)
{
	if (likely(req->bytes))
		vh_bound_give(vq, req->bytes);
	req->bytes = 0;
}

/**
 * vh_bound_open() - may the ring take what it left untaken?
 * @vq: ring
 *
 * Return: true if so; if not, one of its own requests is in flight, whose end
 * queues it.
 */
bool vh_bound_open(const struct parley_vhost_vq *vq)
{
	return !vq->wants || !vq->bytes || vh_bound_fits(vq, vq->bytes, vq->wants);
}

/* ------------------------------------------------------ for accelerators */

/**
 * parley_vhost_req_grow() - a request is more work than its payload says
 * @req: request that was just submitted, and not begun
 * @bytes: what it really is
 *
 * For work that is named and not sent: 16 bytes may ask for gigabytes of zeroes.
 * If this says no, submit() leaves this request and all behind it; if it says yes,
 * all behind it.
 *
 * Context: in submit().
 * Return: may it be begun?  The only request in flight always may.
 */
bool parley_vhost_req_grow(struct parley_vhost_req *req, u64 bytes)
{
	struct parley_vhost_vq *vq = req->vq;
	const struct parley_vhost_queue_ops *ops = vq->ops;
	struct parley_vhost_req *r;
	u32 count, later = 0;

	if (!ops->max_bytes)
		return true;
	count = max(vh_bound_count(ops, bytes), req->bytes);
	/* The rest of its burst, up to the first free request, is not begun either. */
	for (r = req->next; r != vq->free; r = r->next)
		later += r->bytes;
	if (!vh_bound_take(vq, vq->bytes - later - req->bytes, count)) {
		vq->wants = count;
		return false;
	}
	for (r = req->next; r != vq->free; r = r->next)
		r->bytes = 0;
	req->bytes = vq->alone ? vq->bytes : count;
	return true;
}
PARLEY_EXPORT(parley_vhost_req_grow);

/**
 * parley_vhost_req_alone() - is a request too large to have others beside it?
 * @req: request in flight
 *
 * As large as its ring's bound, or larger than what it may have now.
 *
 * Context: any, as long as the request is the accelerator's.
 * Return: true if so: then nothing else of its ring is in flight, and
 * parley_vhost_req_leave() can give it back.
 */
bool parley_vhost_req_alone(const struct parley_vhost_req *req)
{
	/* It changes only while nothing is in flight. */
	return READ_ONCE(req->vq->alone);
}
PARLEY_EXPORT(parley_vhost_req_alone);

/**
 * parley_vhost_req_stopping() - does somebody wait for the request's end?
 * @req: request in flight
 *
 * Its ring is to stop, or memory that it uses is to go.  What takes long should look
 * now and then.
 *
 * Context: as parley_vhost_req_alone().
 * Return: true if so.
 */
bool parley_vhost_req_stopping(const struct parley_vhost_req *req)
{
	return READ_ONCE(req->vq->state) != VH_VQ_RUNNING || READ_ONCE(req->awaited);
}
PARLEY_EXPORT(parley_vhost_req_stopping);

/**
 * parley_vhost_req_leave() - shall a request end here, between two steps?
 * @req: request that is not finished
 * @rest: bytes, of what it costs, that the back end did not do; more than it costs
 *	if it did nothing
 *
 * It shall if its ring stops, if its owner is being killed, or if the VMM waits for it
 * because its memory is to go, and the request can go back to the ring; and if the
 * ring is broken, when nobody hears of it.  Others are to be finished: there is only so
 * much of them.
 *
 * It is paid for anew when it is taken again: what the back end has done stays paid,
 * the rest is given back, and the operation.
 *
 * Context: in finish().
 * Return: true if finish() is to let go of all that belongs to the request, and to
 * return true: nothing of it is told to the guest.
 */
bool parley_vhost_req_leave(struct parley_vhost_req *req, u64 rest)
{
	struct parley_vhost_vq *vq = req->vq;

	lockdep_assert_held(&vq->mutex);
	if (likely(vq->state == VH_VQ_RUNNING && !req->awaited &&
		   !fatal_signal_pending(current)))
		return false;
	if (vq->state != VH_VQ_BROKEN) {
		if (!parley_vhost_req_alone(req))
			return false;
		req->how |= VH_REQ_BACK;
	}
	vh_limit_give_back(req, rest);
	return true;
}
PARLEY_EXPORT(parley_vhost_req_leave);
