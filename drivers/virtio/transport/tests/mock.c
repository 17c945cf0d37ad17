// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine of the mock devices: takes requests, keeps them as long as it was
 * told to, has them served, and completes them.
 */
#include <linux/slab.h>
#include <linux/virtio_config.h>
#include <parley/compat.h>
#include <parley/export.h>
#include "mock_priv.h"

static struct parley_mock_queue *mock_queue(struct parley_loopback_queue *lq)
{
	return lq->priv;
}

unsigned int parley_mock_req_queue(const struct parley_mock_req *req)
{
	return req->mq->lq->index;
}
PARLEY_EXPORT(parley_mock_req_queue);

/* Copy between a buffer and pieces of a chain, from an offset on. */
static size_t mock_copy(const struct parley_iov *iov, unsigned int n,
			size_t offset, void *buf, size_t len, bool push)
{
	size_t done = 0;

	for (; n && done < len; n--, iov++) {
		size_t part;

		if (offset >= iov->len) {
			offset -= iov->len;
			continue;
		}
		part = min(len - done, iov->len - offset);
		if (push)
			memcpy(iov->kern + offset, buf + done, part);
		else
			memcpy(buf + done, iov->kern + offset, part);
		done += part;
		offset = 0;
	}
	return done;
}

/**
 * parley_mock_pull() - copy from what the driver wants read
 * @req: request
 * @offset: bytes to skip
 * @buf: destination
 * @len: bytes
 *
 * Return: bytes copied, fewer than @len where the request is shorter.
 */
size_t parley_mock_pull(const struct parley_mock_req *req, size_t offset,
			void *buf, size_t len)
{
	return mock_copy(req->iov, req->chain.n_out, offset, buf, len, false);
}
PARLEY_EXPORT(parley_mock_pull);

/**
 * parley_mock_push() - copy to what the driver wants written
 * @req: request
 * @offset: bytes to skip
 * @buf: source
 * @len: bytes
 *
 * Return: bytes copied, fewer than @len where the request is shorter.
 */
size_t parley_mock_push(struct parley_mock_req *req, size_t offset,
			const void *buf, size_t len)
{
	return mock_copy(req->iov + req->chain.n_out, req->chain.n_in, offset,
			 (void *)buf, len, true);
}
PARLEY_EXPORT(parley_mock_push);

static void mock_complete_one(struct parley_mock_queue *mq,
			      struct parley_mock_req *req)
{
	enum parley_mock_lie lie = READ_ONCE(mq->mock->lie);

	switch (lie) {
	case PARLEY_MOCK_HONEST:
	case PARLEY_MOCK_STORM:
		if (!parley_devq_complete(mq->lq->vq, &req->chain, 1))
			parley_mock_slot_advance(mq, req->chain.ndesc);
		break;
	default:
		parley_mock_lie_complete(mq, &req->chain, lie);
	}
}

/* Completes requests that were served, and tells the driver once. */
static void mock_complete(struct parley_mock_queue *mq, struct list_head *done)
{
	struct parley_mock_req *req, *next;
	unsigned int calls = 0;

	lockdep_assert_held(&mq->lock);
	list_for_each_entry_safe(req, next, done, node) {
		mock_complete_one(mq, req);
		list_move(&req->node, &mq->free);
	}
	if (READ_ONCE(mq->mock->lie) == PARLEY_MOCK_STORM)
		calls = PARLEY_MOCK_STORM_CALLS;
	else if (READ_ONCE(mq->mock->lie) != PARLEY_MOCK_HONEST)
		calls = 1;
	if (parley_devq_publish(mq->lq->vq))
		calls++;
	while (calls--)
		if (atomic_dec_if_positive(&mq->mock->lose) < 0)
			parley_loopback_call(mq->lq);
}

static bool mock_may_shuffle(const struct parley_mock *mock)
{
	return READ_ONCE(mock->shuffle) &&
	       !(parley_loopback_features(mock->lb) &
		 BIT_ULL(VIRTIO_F_IN_ORDER));
}

/* Serves a list of requests and completes them. */
static void mock_serve(struct parley_mock_queue *mq, struct list_head *todo)
{
	struct parley_mock *mock = mq->mock;
	struct parley_mock_req *req, *next;
	LIST_HEAD(done);

	list_for_each_entry_safe(req, next, todo, node) {
		req->chain.written = 0;
		mock->ops->serve(mock, req);
		atomic_inc(&mock->served);
		if (mock_may_shuffle(mock))
			list_move(&req->node, &done);
		else
			list_move_tail(&req->node, &done);
	}
	mock_complete(mq, &done);
}

/* Takes what is there, at most a batch, onto @todo. */
static int mock_take(struct parley_mock_queue *mq, struct list_head *todo)
{
	struct parley_mock_req *reqs[MOCK_BATCH], *req;
	struct parley_chain chains[MOCK_BATCH];
	unsigned int n = 0;
	int i, taken;

	list_for_each_entry(req, &mq->free, node) {
		chains[n] = (struct parley_chain) {
			.iov = req->iov,
			.max = mq->mock->segs_max,
		};
		reqs[n++] = req;
		if (n == MOCK_BATCH)
			break;
	}
	if (!n)
		return 0;
	taken = parley_devq_take(mq->lq->vq, chains, n);
	for (i = 0; i < taken; i++) {
		reqs[i]->chain = chains[i];
		list_move_tail(&reqs[i]->node, todo);
	}
	if (taken > 0)
		atomic_add(taken, &mq->mock->taken);
	return taken;
}

static bool mock_keeps(struct parley_mock_queue *mq)
{
	struct parley_mock *mock = mq->mock;
	unsigned int delay = READ_ONCE(mock->delay_us);

	if (READ_ONCE(mock->hold))
		return true;
	if (!delay)
		return false;
	mod_delayed_work(system_percpu_wq, &mq->late, usecs_to_jiffies(delay));
	return true;
}

static int mock_batch(struct parley_mock_queue *mq)
{
	LIST_HEAD(todo);
	int n = mock_take(mq, &todo);

	if (n <= 0)
		return n;
	if (mock_keeps(mq)) {
		atomic_add(n, &mq->mock->held);
		list_splice_tail(&todo, &mq->held);
	} else {
		mock_serve(mq, &todo);
	}
	return n;
}

static void mock_kick(struct parley_loopback_queue *lq)
{
	struct parley_mock_queue *mq = mock_queue(lq);
	int n;

	guard(mutex)(&mq->lock);
	do {
		parley_devq_disarm(lq->vq);
		do {
			n = mock_batch(mq);
		} while (n > 0);
	} while (!n && !parley_devq_arm(lq->vq));
}

/* Serve what was held. */
static void mock_release_queue(struct parley_mock_queue *mq)
{
	struct parley_mock_req *req;
	LIST_HEAD(todo);

	guard(mutex)(&mq->lock);
	if (mq->stopping)
		return;
	list_splice_init(&mq->held, &todo);
	list_for_each_entry(req, &todo, node)
		atomic_dec(&mq->mock->held);
	if (!list_empty(&todo))
		mock_serve(mq, &todo);
}

static void mock_late(struct work_struct *work)
{
	mock_release_queue(container_of(to_delayed_work(work),
					struct parley_mock_queue, late));
}

/**
 * parley_mock_release() - serve all requests that are held
 * @mock: the device
 *
 * Context: may sleep.
 */
void parley_mock_release(struct parley_mock *mock)
{
	unsigned int i;

	for (i = 0; i < mock->nr_queues; i++)
		mock_release_queue(mock->queues[i]);
}
PARLEY_EXPORT(parley_mock_release);

static int mock_queue_start(struct parley_loopback_queue *lq)
{
	struct parley_mock *mock = parley_loopback_priv(lq->lb);
	struct parley_mock_queue *mq = mock->queues[lq->index];
	size_t each = struct_size_t(struct parley_mock_req, iov,
				    mock->segs_max);
	unsigned int i;

	mq->reqs = kvcalloc(lq->size, each, GFP_KERNEL);
	if (!mq->reqs)
		return -ENOMEM;
	if (!parley_mock_ring_clean(lq, parley_loopback_features(lq->lb)))
		atomic_inc(&mock->dirty);
	guard(mutex)(&mq->lock);
	for (i = 0; i < lq->size; i++) {
		struct parley_mock_req *req = mq->reqs + i * each;

		req->mq = mq;
		list_add_tail(&req->node, &mq->free);
	}
	mq->lq = lq;
	mq->slot = 0;
	mq->wrap = true;
	mq->stopping = false;
	lq->priv = mq;
	return 0;
}

static void mock_queue_stop(struct parley_loopback_queue *lq)
{
	struct parley_mock_queue *mq = mock_queue(lq);
	struct parley_mock_req *req;

	scoped_guard(mutex, &mq->lock)
		mq->stopping = true;
	cancel_delayed_work_sync(&mq->late);
	guard(mutex)(&mq->lock);
	list_for_each_entry(req, &mq->held, node)
		atomic_dec(&mq->mock->held);
	INIT_LIST_HEAD(&mq->held);
	INIT_LIST_HEAD(&mq->free);
	kvfree(mq->reqs);
	mq->reqs = NULL;
	mq->lq = NULL;
}

static void mock_config_write(struct parley_loopback *lb, unsigned int offset,
			      const void *buf, unsigned int len)
{
	struct parley_mock *mock = parley_loopback_priv(lb);

	if (mock->ops->config_write)
		mock->ops->config_write(mock, offset, buf, len);
}

static u8 mock_status(struct parley_loopback *lb, u8 status)
{
	struct parley_mock *mock = parley_loopback_priv(lb);

	return mock->ops->status ? mock->ops->status(mock, status) : status;
}

static int mock_reset(struct parley_loopback *lb)
{
	struct parley_mock *mock = parley_loopback_priv(lb);

	/* The first operation of all: whatever follows may use it. */
	mock->lb = lb;
	atomic_inc(&mock->resets);
	return mock->ops->reset ? mock->ops->reset(mock) : 0;
}

static const struct parley_loopback_ops mock_loopback_ops = {
	.status = mock_status,
	.reset = mock_reset,
	.config_write = mock_config_write,
	.queue_start = mock_queue_start,
	.queue_stop = mock_queue_stop,
	.kick = mock_kick,
};

static void mock_free(struct parley_mock *mock)
{
	unsigned int i;

	for (i = 0; i < mock->nr_queues; i++)
		kfree(mock->queues[i]);
	kfree(mock);
}

static struct parley_mock *mock_alloc(const struct parley_mock_config *cfg)
{
	struct parley_mock *mock;
	unsigned int i;

	mock = kzalloc(struct_size(mock, queues, cfg->nr_queues), GFP_KERNEL);
	if (!mock)
		return NULL;
	mock->ops = cfg->ops;
	mock->priv = cfg->priv;
	mock->segs_max = cfg->segs_max;
	for (i = 0; i < cfg->nr_queues; i++) {
		struct parley_mock_queue *mq = kzalloc(sizeof(*mq), GFP_KERNEL);

		if (!mq) {
			mock_free(mock);
			return NULL;
		}
		mq->mock = mock;
		mq->stopping = true;
		mutex_init(&mq->lock);
		INIT_DELAYED_WORK(&mq->late, mock_late);
		INIT_LIST_HEAD(&mq->free);
		INIT_LIST_HEAD(&mq->held);
		mock->queues[i] = mq;
		mock->nr_queues++;
	}
	return mock;
}

/**
 * parley_mock_create() - make a mock device
 * @cfg: what it is
 *
 * Context: may sleep; a front-end may be probed before this returns, so that
 * everything that @cfg names must be ready.
 * Return: the mock or an error pointer.
 */
struct parley_mock *parley_mock_create(const struct parley_mock_config *cfg)
{
	struct parley_mock *mock = mock_alloc(cfg);
	struct parley_loopback_config lcfg = {
		.id = { .device = cfg->type, .vendor = 0x1af4 },
		.features = cfg->features,
		.config = cfg->config,
		.config_len = cfg->config_len,
		.nr_queues = cfg->nr_queues,
		.queue_size = cfg->queue_size,
		.ops = &mock_loopback_ops,
		.priv = mock,
	};
	struct parley_loopback *lb;

	if (!mock)
		return ERR_PTR(-ENOMEM);
	lb = parley_loopback_create(&lcfg);
	if (IS_ERR(lb)) {
		mock_free(mock);
		return ERR_CAST(lb);
	}
	return mock;
}
PARLEY_EXPORT(parley_mock_create);

void parley_mock_destroy(struct parley_mock *mock)
{
	parley_loopback_destroy(mock->lb);
	mock_free(mock);
}
PARLEY_EXPORT(parley_mock_destroy);
