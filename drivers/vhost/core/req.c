// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests: their memory, and the guest's bytes in them.
 *
 * A ring has as many requests as may be in flight, each with its table of pieces,
 * made before the ring runs: nothing is allocated while it is served.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/topology.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include "req.h"
#include "state.h"

/* Where the ring's own memory lies, which is where its worker should run. */
static int vh_reqs_node(const struct parley_vhost_vq *vq)
{
	if (vq->desc.nr)
		return page_to_nid(vq->desc.pages[0]);
	if (vq->joined)
		return numa_mem_id();
	return NUMA_NO_NODE;
}

static struct parley_vhost_req *vh_req_at(const struct parley_vhost_vq *vq, unsigned int i)
{
	return vq->reqs + i * vq->ops->req_size;
}

/**
 * vh_reqs_alloc() - make the requests of a ring that is about to run
 * @vq: ring with none
 *
 * The memory is accounted to the control group of the caller.
 *
 * Context: dev->mutex.
 * Return: 0 or -ENOMEM.
 */
int vh_reqs_alloc(struct parley_vhost_vq *vq)
{
	const struct parley_vhost_queue_ops *ops = vq->ops;
	unsigned int nr, i, size = vq->num;
	int node = vh_reqs_node(vq);

	if (vq->joined)
		size = parley_devq_size(vq->ring.vq);
	nr = min(size, ops->max_in_flight);
	vq->reqs = kvcalloc_node(nr, ops->req_size, GFP_KERNEL_ACCOUNT, node);
	vq->iovs = kvcalloc_node(nr * ops->pieces, sizeof(*vq->iovs),
				 GFP_KERNEL_ACCOUNT, node);
	vq->burst = kcalloc_node(VH_BURST, sizeof(*vq->burst), GFP_KERNEL_ACCOUNT,
				 node);
	if (!vq->reqs || !vq->iovs || !vq->burst) {
		vh_reqs_free(vq);
		return -ENOMEM;
	}
	for (i = 0; i < VH_BURST; i++)
		vq->burst[i].max = ops->pieces;
	for (i = nr; i--;) {
		struct parley_vhost_req *req = vh_req_at(vq, i);

		req->vq = vq;
		req->chain.iov = vq->iovs + i * ops->pieces;
		req->next = vq->free;
		vq->free = req;
	}
	vq->guess = 2;
	vq->wants = 0;
	vq->nr_free = nr;
	vq->nr_reqs = nr;
	WRITE_ONCE(vq->node, node);
	WRITE_ONCE(vq->placed, false);
	return 0;
}

/** vh_reqs_free() - their end: nothing is in flight, and nothing will be taken */
void vh_reqs_free(struct parley_vhost_vq *vq)
{
	WARN_ON_ONCE(vh_vq_in_flight(vq));
	vq->free = NULL;
	vq->nr_reqs = 0;
	vq->nr_free = 0;
	kvfree(vq->reqs);
	kvfree(vq->iovs);
	kfree(vq->burst);
	vq->reqs = NULL;
	vq->iovs = NULL;
	vq->burst = NULL;
	WRITE_ONCE(vq->node, NUMA_NO_NODE);
}

static bool vh_req_hits(const struct parley_vhost_req *req, u64 host, u64 last)
{
	const struct parley_chain *c = &req->chain;
	unsigned int i;

	for (i = 0; i < c->n_out + c->n_in; i++) {
		u64 at = (unsigned long)c->iov[i].user;

		if (c->iov[i].len && at <= last && host <= at + (c->iov[i].len - 1))
			return true;
	}
	return false;
}

/**
 * vh_reqs_await() - wait for the end of what uses this memory
 * @vq: ring, under vq->mutex
 * @host: the VMM's address
 * @last: of the last byte; 0..U64_MAX is everything that is in flight
 *
 * Marks the requests; vq->nr_awaited counts those that have not ended.
 */
void vh_reqs_await(struct parley_vhost_vq *vq, u64 host, u64 last)
{
	unsigned int i;

	lockdep_assert_held(&vq->mutex);
	if (!vh_vq_in_flight(vq))
		return;
	for (i = 0; i < vq->nr_reqs; i++) {
		struct parley_vhost_req *req = vh_req_at(vq, i);

		if (req->busy && !req->awaited && vh_req_hits(req, host, last)) {
			WRITE_ONCE(req->awaited, true);
			vq->nr_awaited++;
		}
	}
}
EXPORT_SYMBOL_IF_KUNIT(vh_reqs_await);

/**
 * vh_reqs_oldest_ms() - how long the oldest request is in flight
 * @vq: ring, under vq->mutex
 *
 * Return: milliseconds, to a jiffy; -1 if there is none.
 */
s64 vh_reqs_oldest_ms(const struct parley_vhost_vq *vq)
{
	u32 now = jiffies, age = 0;
	bool found = false;
	unsigned int i;

	lockdep_assert_held(&vq->mutex);
	/* Without a core queue nothing is in flight, and requests may be on their way. */
	if (!vq->devq || vq->state == VH_VQ_IDLE || !vh_vq_in_flight(vq))
		return -1;
	for (i = 0; i < vq->nr_reqs; i++) {
		const struct parley_vhost_req *req = vh_req_at(vq, i);

		/* What is put by, nobody works at. */
		if (!req->busy || req->spare)
			continue;
		found = true;
		age = max(age, now - req->since);
	}
	return found ? jiffies_to_msecs(age) : -1;
}
EXPORT_SYMBOL_IF_KUNIT(vh_reqs_oldest_ms);

/* ------------------------------------------------------------- contents */

/*
 * Headers mostly lie in the first piece and status bytes in the last one: those
 * are reached without an iterator, which costs more than the bytes.  Returns the
 * piece that holds all of off..off+len, and where in it; NULL if it is not so
 * simple.
 */
static const struct parley_iov *vh_req_piece(const struct parley_iov *iov,
					     unsigned int nr, size_t total,
					     size_t *off, size_t len)
{
	if (unlikely(!nr || len > total || *off > total - len))
		return NULL;
	if (*off < iov->len)
		return len <= iov->len - *off ? iov : NULL;
	iov += nr - 1;
	if (*off < total - iov->len)
		return NULL;
	*off -= total - iov->len;
	return iov;
}

/* Over pieces that lie in this kernel's memory, or in the owner's if that can be had. */
static void vh_iter_init(const struct parley_vhost_vq *vq, unsigned int direction,
			 struct parley_iov *iov, unsigned int nr, size_t len,
			 struct iov_iter *iter)
{
	if (vq->joined)
		iov_iter_kvec(iter, direction, parley_iov_kvec(iov), nr, len);
	else
		/* Laid out alike, see struct parley_iov. */
		iov_iter_init(iter, direction, (const struct iovec *)iov, nr,
			      likely(vh_req_reachable(vq)) ? len : 0);
}

/**
 * parley_vhost_req_iter() - walk over the guest's bytes of a request
 * @req: request
 * @direction: ITER_SOURCE for those that the guest wrote for us, ITER_DEST for
 *	those that it wants from us
 * @off: first byte, counted from the first of that direction
 * @len: bytes
 * @iter: set up; holds fewer than @len bytes if the request ends earlier, and
 *	none where its owner's memory is out of reach.  Valid while the request is.
 *
 * Context: any to set it up; where buffers lie in user memory, its owner's must
 * be current to use it.
 */
void parley_vhost_req_iter(struct parley_vhost_req *req, unsigned int direction,
			   size_t off, size_t len, struct iov_iter *iter)
{
	const struct parley_chain *c = &req->chain;
	bool in = direction == ITER_DEST;
	struct parley_iov *iov = c->iov + (in ? c->n_out : 0);
	size_t total = in ? c->len_in : c->len_out;
	unsigned int nr = in ? c->n_in : c->n_out;

	off = min(off, total);
	len = min(len, total - off);
	vh_iter_init(req->vq, direction, iov, nr, off + len, iter);
	iov_iter_advance(iter, off);
}
PARLEY_EXPORT(parley_vhost_req_iter);

/* The pieces that several requests want written, one after the other; 0: too many. */
static unsigned int vh_reqs_gather(struct parley_vhost_req **reqs, unsigned int nr,
				   struct parley_iov *room, unsigned int max)
{
	const struct parley_chain *c;
	unsigned int i, n = 0;

	for (i = 0; i < nr; i++) {
		c = &reqs[i]->chain;
		if (c->n_in > max - n)
			return 0;
		memcpy(room + n, c->iov + c->n_out, c->n_in * sizeof(*room));
		n += c->n_in;
	}
	return n;
}

/**
 * parley_vhost_reqs_iter() - walk over what several requests want from us, as one
 * @reqs: requests of one ring, in their order
 * @nr: how many, at least 1
 * @len: bytes
 * @room: for their pieces, as long as @iter is in use
 * @max: pieces that it holds
 * @iter: set up for ITER_DEST, as by parley_vhost_req_iter()
 *
 * For a packet that takes several buffers.
 *
 * Context: as parley_vhost_req_iter().
 * Return: false if they have more pieces than @max, or none.
 */
bool parley_vhost_reqs_iter(struct parley_vhost_req **reqs, unsigned int nr, size_t len,
			    struct parley_iov *room, unsigned int max,
			    struct iov_iter *iter)
{
	size_t total = 0;
	unsigned int i, n;

	if (nr == 1) {
		parley_vhost_req_iter(reqs[0], ITER_DEST, 0, len, iter);
		return reqs[0]->chain.n_in;
	}
	n = vh_reqs_gather(reqs, nr, room, max);
	if (!n)
		return false;
	for (i = 0; i < nr; i++)
		total += reqs[i]->chain.len_in;
	vh_iter_init(reqs[0]->vq, ITER_DEST, room, n, min(len, total), iter);
	return true;
}
PARLEY_EXPORT(parley_vhost_reqs_iter);

/**
 * parley_vhost_req_user() - where bytes of a request lie, if that is simple
 * @req: request
 * @direction: as parley_vhost_req_iter()
 * @off: the same
 * @len: bytes
 *
 * Context: as parley_vhost_req_read().
 * Return: their user address; NULL if they lie in several pieces, in the kernel,
 * out of reach, or if the request ends earlier: use parley_vhost_req_iter().
 */
void __user *parley_vhost_req_user(const struct parley_vhost_req *req,
				   unsigned int direction, size_t off, size_t len)
{
	const struct parley_chain *c = &req->chain;
	bool in = direction == ITER_DEST;
	const struct parley_iov *iov;

	if (unlikely(req->vq->joined || !vh_req_reachable(req->vq)))
		return NULL;
	iov = vh_req_piece(c->iov + (in ? c->n_out : 0), in ? c->n_in : c->n_out,
			   in ? c->len_in : c->len_out, &off, len);
	return iov ? iov->user + off : NULL;
}
PARLEY_EXPORT(parley_vhost_req_user);

/* Copy in either direction; fewer bytes than asked for, or all. */
static size_t vh_req_copy(struct parley_vhost_req *req, unsigned int direction,
			  size_t off, void *buf, size_t len)
{
	struct iov_iter iter;

	parley_vhost_req_iter(req, direction, off, len, &iter);
	len = iov_iter_count(&iter);
	return direction == ITER_SOURCE ? copy_from_iter(buf, len, &iter) :
					  copy_to_iter(buf, len, &iter);
}

struct req_bytes {
	struct parley_vhost_req *req;
	unsigned int direction;
	size_t off;
	void *buf;
	size_t len;
	size_t done;
};

static int vh_req_copy_fn(void *arg)
{
	struct req_bytes *b = arg;

	b->done = vh_req_copy(b->req, b->direction, b->off, b->buf, b->len);
	return 0;
}

/*
 * Out of reach for who is being killed, though it may be there: the guest, which
 * lives on, would be told that its request is done and see nothing of it.
 */
static noinline size_t vh_req_copy_killed(struct parley_vhost_req *req,
					  unsigned int direction, size_t off,
					  void *buf, size_t len)
{
	struct req_bytes b = {
		.req = req, .direction = direction, .off = off, .buf = buf,
		.len = len,
	};

	vh_in_owner_mm(&req->vq->dev->owner, vh_req_copy_fn, &b);
	return b.done;
}

static size_t vh_req_copy_all(struct parley_vhost_req *req, unsigned int direction,
			      size_t off, void *buf, size_t len)
{
	size_t n = vh_req_copy(req, direction, off, buf, len);

	if (likely(n == len) || !fatal_signal_pending(current) ||
	    current->mm != req->vq->dev->owner.mm || req->vq->joined)
		return n;
	return vh_req_copy_killed(req, direction, off, buf, len);
}

/*
 * A header and a status byte are most of what is copied, once for each request:
 * 16 bytes and 1 are worth a way of their own, without the checks that a copy of
 * any length to anywhere needs.  False: not so, or not there; copy.
 */
static __always_inline bool vh_req_get16(void *buf, const void __user *from)
{
	const u64 __user *p = from;
	u64 two[2];

	if (unlikely(!IS_ALIGNED((unsigned long)p, sizeof(*p)) ||
		     !user_read_access_begin(p, sizeof(two))))
		return false;
	unsafe_get_user(two[0], p, fault);
	unsafe_get_user(two[1], p + 1, fault);
	user_read_access_end();
	memcpy(buf, two, sizeof(two));
	return true;
fault:
	user_read_access_end();
	return false;
}

static __always_inline bool vh_req_get(void *buf, const void __user *from, size_t len)
{
	might_fault();
	if (likely(len == 2 * sizeof(u64)) && likely(vh_req_get16(buf, from)))
		return true;
	return !copy_from_user(buf, from, len);
}

static __always_inline bool vh_req_put(void __user *to, const void *buf, size_t len)
{
	if (likely(len == 1))
		return !put_user(*(const u8 *)buf, (u8 __user *)to);
	return !copy_to_user(to, buf, len);
}

/**
 * parley_vhost_req_read() - copy from a request
 * @req: request
 * @off: first byte, counted from the first that the guest wrote for us
 * @buf: where to
 * @len: bytes
 *
 * The guest may change its memory at any time: read once, then check.
 *
 * Context: may fault; the owner's memory is current, as in submit().
 * Return: bytes copied; fewer than @len if the request is shorter, or its memory
 * cannot be read.
 */
size_t parley_vhost_req_read(struct parley_vhost_req *req, size_t off, void *buf,
			     size_t len)
{
	const struct parley_chain *c = &req->chain;
	const struct parley_iov *iov;
	size_t at = off;

	iov = vh_req_piece(c->iov, c->n_out, c->len_out, &at, len);
	if (likely(iov && vh_req_reachable(req->vq))) {
		if (likely(!req->vq->joined &&
			   vh_req_get(buf, iov->user + at, len)))
			return len;
		if (req->vq->joined) {
			memcpy(buf, iov->kern + at, len);
			return len;
		}
	}
	return vh_req_copy_all(req, ITER_SOURCE, off, buf, len);
}
PARLEY_EXPORT(parley_vhost_req_read);

/**
 * parley_vhost_req_write() - copy to a request
 * @req: request
 * @off: first byte, counted from the first that the guest wants from us
 * @buf: where from
 * @len: bytes
 *
 * Does not touch chain.written.
 *
 * Context: as parley_vhost_req_read().
 * Return: bytes copied; fewer than @len if the request is shorter, or its memory
 * cannot be written.
 */
size_t parley_vhost_req_write(struct parley_vhost_req *req, size_t off,
			      const void *buf, size_t len)
{
	const struct parley_chain *c = &req->chain;
	const struct parley_iov *iov;
	size_t at = off;

	iov = vh_req_piece(c->iov + c->n_out, c->n_in, c->len_in, &at, len);
	if (likely(iov && vh_req_reachable(req->vq))) {
		if (likely(!req->vq->joined &&
			   vh_req_put(iov->user + at, buf, len)))
			return len;
		if (req->vq->joined) {
			memcpy(iov->kern + at, buf, len);
			return len;
		}
	}
	return vh_req_copy_all(req, ITER_DEST, off, (void *)buf, len);
}
PARLEY_EXPORT(parley_vhost_req_write);
