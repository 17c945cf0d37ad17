// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is done: from the accelerator's word to the guest's used ring.
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
 */
#include <linux/sched.h>
#include "devq.h"
#include "dirty.h"
#include "notify.h"
#include "req.h"
#include "round.h"
#include "serve.h"

/* In submit() or work() of the ring: nobody else is near. */
static __always_inline bool vh_done_inside(const struct parley_vhost_vq *vq)
{
	return READ_ONCE(vq->server) == current && in_task();
}

static __always_inline void vh_done_add(struct parley_vhost_vq *vq,
					struct parley_vhost_req *req)
{
	req->next = NULL;
	*vq->last_ended = req;
	vq->last_ended = &req->next;
}

/* The first ones on vq->done: somebody has to come for them.  Under RCU. */
static __always_inline void vh_done_tell(struct parley_vhost_vq *vq)
{
	if (!READ_ONCE(vq->server))
		vh_vq_queue(vq);
	/* W1, pairs with W2 in vh_vq_wait(): llist_add() was a barrier */
	if (unlikely(waitqueue_active(&vq->drained)))
		wake_up_all(&vq->drained);
}

/**
 * parley_vhost_req_done() - a request is finished
 * @req: request that was submitted or pulled; the library's again
 *
 * The completions of one submit() that end inside it cost no wake-up.
 *
 * Context: any.
 */
void parley_vhost_req_done(struct parley_vhost_req *req)
{
	struct parley_vhost_vq *vq = req->vq;

	if (vh_done_inside(vq)) {
		vh_done_add(vq, req);
		return;
	}
	/* The ring is freed a grace period after its last request was reaped. */
	rcu_read_lock();
	if (llist_add(&req->done, &vq->done))	/* S1, pairs with S2 */
		vh_done_tell(vq);
	rcu_read_unlock();
}
PARLEY_EXPORT(parley_vhost_req_done);

/**
 * parley_vhost_reqs_done() - requests that are finished as one
 * @reqs: requests of one ring, in the order in which they were taken
 * @nr: how many, at least 1
 *
 * The guest sees all of them, or none: they are published together, by one step of
 * the used index, or by the flags of the first one in a packed ring (spec 2.7.8,
 * 2.8.22), and count as one step for what the driver's event index asks.  So does a
 * network device with one packet in several buffers (VIRTIO_NET_F_MRG_RXBUF, spec
 * 5.1.6.4).  None of them may have another step (@finish).  With VIRTIO_F_IN_ORDER
 * this holds for requests that were taken one after the other.
 *
 * Context: any.
 */
void parley_vhost_reqs_done(struct parley_vhost_req **reqs, unsigned int nr)
{
	struct parley_vhost_vq *vq = reqs[0]->vq;
	unsigned int i;

	if (vh_done_inside(vq)) {
		for (i = 0; i < nr; i++)
			vh_done_add(vq, reqs[i]);
		return;
	}
	/* The list is turned round by who takes all of it. */
	for (i = 1; i < nr; i++)
		reqs[i]->done.next = &reqs[i - 1]->done;
	rcu_read_lock();
	if (llist_add_batch(&reqs[nr - 1]->done, &reqs[0]->done, &vq->done)) /* S1 */
		vh_done_tell(vq);
	rcu_read_unlock();
}
PARLEY_EXPORT(parley_vhost_reqs_done);

/* Can ring memory be written from here?  Not after its owner died. */
static bool vh_ring_reachable(const struct parley_vhost_vq *vq)
{
	return vq->space == PARLEY_SPACE_KERNEL || current->mm == vq->dev->owner.mm;
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

/* What it cost is known only now. */
static void vh_reap_pay(struct parley_vhost_vq *vq, const struct parley_vhost_req *req)
{
	u32 written = req->chain.written;
	u64 bytes;

	if (!vh_limited(vq))
		return;
	bytes = vq->ops->cost ? vq->ops->cost(req) :
				written - min(written, vq->ops->framing);
	if (bytes)
		parley_limit_charge(vq->limit, ktime_get_ns(), bytes);
}

/* One of those that are not as usual; false: nothing is to be told of it. */
static noinline bool vh_reap_odd(struct parley_vhost_vq *vq, struct parley_vhost_req *req,
				 bool dead)
{
	if (!(req->how & VH_REQ_BACK)) {
		if (req->how & VH_REQ_PULLED)
			vh_pull_ended(vq, req);
		vh_reap_pay(vq, req);
		return true;
	}
	if (req->how & VH_REQ_PULLED) {
		vh_pull_came_back(vq, req);
		return false;
	}
	if (!dead)
		vh_reap_back(vq, req);
	vh_req_free(vq, req);
	/* Who waits for it sees that something happened, though nothing was served. */
	WRITE_ONCE(vq->went_back, vq->went_back + 1);
	return false;
}

static __always_inline void vh_reap_req(struct parley_vhost_vq *vq, struct reap *r,
					struct parley_vhost_req *req)
{
	bool (*finish)(struct parley_vhost_req *req) = vq->finish;

	if (finish && unlikely(!finish(req))) {
		req->next = r->on;
		r->on = req;
		return;
	}
	if (unlikely(req->how) && !vh_reap_odd(vq, req, r->dead))
		return;
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

/* Requests of several steps: the next one of each. */
static noinline void vh_reap_go_on(struct parley_vhost_vq *vq,
				   struct parley_vhost_req *req)
{
	struct parley_vhost_req *next;

	vh_vq_go_outside(vq);
	for (; req; req = next) {
		next = req->next;
		vq->ops->go_on(req);
	}
	vh_vq_come_back(vq);
	/* Who looked for those that end by polling only did so before these went on. */
	vq->polled = vq->ops->poll;
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
