// SPDX-License-Identifier: GPL-2.0-only
/*
 * The front-end of the loopback tests; see tester.h.
 */
#include <linux/io.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <parley/export.h>
#include <uapi/linux/virtio_ring.h>
#include "tester.h"

#define TESTER_BURST	8
#define TESTER_TIMEOUT	(20 * HZ)

struct tester_options tester_options;
struct tester_echo tester_echo_state;

/*
 * Requests of tester_flying().  They outlive the mock, which may end in the
 * test or after it, and are freed when the next test begins.
 */
static LIST_HEAD(owned);

static void tester_finish(struct tester_req *req, int status, u32 len)
{
	req->status = status;
	req->len = len;
	atomic_inc(&req->acks);
	complete_all(&req->answered);
}

static void tester_complete(struct parley_queue *queue,
			    const struct parley_done *done, unsigned int nr,
			    void *ctx)
{
	struct tester *t = queue->dev->priv;
	unsigned int i;

	atomic_inc(&t->calls);
	/* What was complete when the device was stopped comes by its own way. */
	if (!in_hardirq() && !READ_ONCE(t->stopped))
		atomic_inc(&t->soft);
	if (READ_ONCE(t->closed))
		atomic_inc(&t->late);
	for (i = 0; i < nr; i++)
		tester_finish(done[i].cookie, 0, done[i].len);
}

static void tester_give_back(struct parley_queue *queue, void *cookie,
			     enum parley_fate fate)
{
	struct tester *t = queue->dev->priv;
	struct tester_req *req = cookie;

	if (fate == PARLEY_REPEAT)
		list_add_tail(&req->node, &t->kept[queue->index]);
	else
		tester_finish(req, -EIO, 0);
}

static int tester_put(struct parley_queue *queue, struct tester_req *req)
{
	unsigned int part = TESTER_BYTES / req->pieces, i;
	struct parley_seg segs[2 * TESTER_PIECES_MAX];
	struct parley_buf buf = {
		.segs = segs,
		.cookie = req,
		.n_out = req->pieces,
		.n_in = req->pieces,
	};
	unsigned long flags;
	int err;

	for (i = 0; i < req->pieces; i++) {
		segs[i].addr = virt_to_phys(req->out + i * part);
		segs[i].len = part;
		segs[req->pieces + i].addr = virt_to_phys(req->in + i * part);
		segs[req->pieces + i].len = part;
	}
	flags = parley_qlock_lock_irqsave(&queue->lock);
	err = parley_drvq_put(queue->vq, &buf, 1, GFP_ATOMIC);
	if (err > 0 && parley_drvq_publish(queue->vq))
		parley_drvq_kick(queue->vq);
	parley_qlock_unlock_irqrestore(&queue->lock, flags);
	return err < 0 ? err : 0;
}

static int tester_make(struct tester *t)
{
	struct parley_queue_spec specs[TESTER_QUEUES_MAX];
	unsigned int i, nr = tester_options.nr_queues;
	int err;

	for (i = 0; i < nr; i++)
		specs[i] = (struct parley_queue_spec) {
			.name = "echo",
			.index = i,
			.complete = tester_complete,
			.give_back = tester_give_back,
			.indirect_segs = 2,
			.flags = tester_options.flags,
		};
	err = parley_device_make_queues(t->pd, specs, nr, NULL);
	if (err)
		return err;
	if (t->early)
		err = tester_put(&t->pd->queues[0], t->early);
	if (err)
		parley_device_close(t->pd);
	else
		parley_device_ready(t->pd);
	return err;
}

static int tester_probe(struct parley_device *pd)
{
	struct tester *t = kzalloc(sizeof(*t), GFP_KERNEL);
	unsigned int i;
	int err;

	if (!t)
		return -ENOMEM;
	t->pd = pd;
	pd->priv = t;
	init_completion(&t->gone);
	for (i = 0; i < TESTER_QUEUES_MAX; i++)
		INIT_LIST_HEAD(&t->kept[i]);
	if (tester_options.early) {
		t->early = tester_req_alloc(1, 0x77);
		if (!t->early) {
			kfree(t);
			return -ENOMEM;
		}
	}
	err = tester_make(t);
	if (err) {
		kfree(t->early);
		kfree(t);
	}
	return err;
}

static void tester_remove(struct parley_device *pd)
{
	struct tester *t = pd->priv;

	parley_device_close(pd);
	WRITE_ONCE(t->closed, true);
	WARN_ON(atomic_read(&t->late));
	kfree(t->early);
	kfree(t);
}

static void tester_stop(struct parley_device *pd)
{
	struct tester *t = pd->priv;

	WRITE_ONCE(t->stopped, true);
}

/* What was kept is put again; a device that is gone takes nothing. */
static void tester_start(struct parley_device *pd)
{
	struct tester *t = pd->priv;
	unsigned int i;

	WRITE_ONCE(t->stopped, false);
	for (i = 0; i < pd->nr_queues; i++) {
		struct tester_req *req, *next;

		list_for_each_entry_safe(req, next, &t->kept[i], node) {
			list_del_init(&req->node);
			if (tester_put(&pd->queues[i], req))
				tester_finish(req, -EIO, 0);
		}
	}
	if (parley_device_gone(pd))
		complete_all(&t->gone);
}

static void tester_config_changed(struct parley_device *pd)
{
	struct tester *t = pd->priv;

	atomic_inc(&t->config_changes);
}

static const struct virtio_device_id tester_ids[] = {
	{ TESTER_TYPE, VIRTIO_DEV_ANY_ID },
	{ }
};

static struct parley_driver tester_driver = {
	.driver.name = "parley_tester",
	.driver.owner = THIS_MODULE,
	.ids = tester_ids,
	.probe = tester_probe,
	.remove = tester_remove,
	.config_changed = tester_config_changed,
	.stop = tester_stop,
	.start = tester_start,
};

int tester_suite_init(struct kunit_suite *suite)
{
	return parley_driver_register(&tester_driver);
}

static void owned_free(void)
{
	struct tester_req *req, *next;

	list_for_each_entry_safe(req, next, &owned, owned)
		kfree(req);
	INIT_LIST_HEAD(&owned);
}

void tester_suite_exit(struct kunit_suite *suite)
{
	owned_free();
	parley_driver_unregister(&tester_driver);
}

int tester_case_init(struct kunit *test)
{
	owned_free();
	tester_options = (struct tester_options) { .nr_queues = 1 };
	memset(&tester_echo_state, 0, sizeof(tester_echo_state));
	return 0;
}

/* The index of a ring among all is the set of these that it has. */
static const struct {
	const char *name;
	unsigned int bit;
} ring_bits[] = {
	{ "packed", VIRTIO_F_RING_PACKED },
	{ "event", VIRTIO_RING_F_EVENT_IDX },
	{ "indirect", VIRTIO_RING_F_INDIRECT_DESC },
	{ "order", VIRTIO_F_IN_ORDER },
};

static const void *ring_next(unsigned int set, char *desc)
{
	static struct tester_ring rings[BIT(ARRAY_SIZE(ring_bits))];
	struct tester_ring *r = &rings[set];
	unsigned int i, at;

	r->index = set;
	r->features = 0;
	at = scnprintf(desc, KUNIT_PARAM_DESC_SIZE, set & 1 ? "packed" : "split");
	for (i = 0; i < ARRAY_SIZE(ring_bits); i++) {
		if (!(set & BIT(i)))
			continue;
		r->features |= BIT_ULL(ring_bits[i].bit);
		if (i)
			at += scnprintf(desc + at, KUNIT_PARAM_DESC_SIZE - at,
					" %s", ring_bits[i].name);
	}
	return r;
}

/* Each format with all combinations of event index, indirect and in-order. */
const void *tester_ring_gen(struct kunit *test, const void *prev, char *desc)
{
	const struct tester_ring *r = prev;
	unsigned int set = r ? r->index + 1 : 0;

	return set < BIT(ARRAY_SIZE(ring_bits)) ? ring_next(set, desc) : NULL;
}

/* Each format, as devices commonly offer it: event index and indirect. */
const void *tester_format_gen(struct kunit *test, const void *prev, char *desc)
{
	const struct tester_ring *r = prev;

	if (!r)
		return ring_next(6, desc);
	return r->index == 6 ? ring_next(7, desc) : NULL;
}

static u8 echo_status(struct parley_mock *mock, u8 status)
{
	if (status & VIRTIO_CONFIG_S_DRIVER_OK)
		WRITE_ONCE(tester_echo_state.driver_ok, true);
	return status;
}

static void echo_serve(struct parley_mock *mock, struct parley_mock_req *req)
{
	u32 i, len = min(req->chain.len_out, req->chain.len_in);
	u8 bytes[TESTER_BYTES];

	if (!READ_ONCE(tester_echo_state.driver_ok))
		atomic_inc(&tester_echo_state.too_early);
	if (tester_echo_state.entered) {
		complete(tester_echo_state.entered);
		wait_for_completion(tester_echo_state.leave);
	}

	len = parley_mock_pull(req, 0, bytes, min_t(u32, len, sizeof(bytes)));
	for (i = 0; i < len; i++)
		bytes[i] ^= TESTER_ECHO;
	req->chain.written = parley_mock_push(req, 0, bytes, len);
}

static const struct parley_mock_ops echo_ops = {
	.serve = echo_serve,
	.status = echo_status,
};

/**
 * tester_mock() - make an echo device
 * @features: ring features to offer
 * @queues: number of its queues
 *
 * Return: the mock, or an error pointer.
 */
struct parley_mock *tester_mock(u64 features, unsigned int queues)
{
	static const struct tester_config config;
	struct parley_mock_config cfg = {
		.type = TESTER_TYPE,
		.features = features,
		.config = &config,
		.config_len = sizeof(config),
		.nr_queues = queues,
		.queue_size = TESTER_QUEUE_SIZE,
		.segs_max = 2 * TESTER_PIECES_MAX,
		.ops = &echo_ops,
	};

	return parley_mock_create(&cfg);
}

static void mock_end(void *mock)
{
	parley_mock_destroy(mock);
}

/* A mock that has its front-end, and goes with the test at the latest. */
struct parley_mock *tester_mock_of(struct kunit *test, u64 features,
				   unsigned int queues)
{
	struct parley_mock *mock;

	tester_options.nr_queues = queues;
	mock = tester_mock(features, queues);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mock);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, mock_end, mock));
	KUNIT_ASSERT_NOT_NULL(test, tester_of(mock));
	return mock;
}

/* Destroy it now. */
void tester_mock_end(struct kunit *test, struct parley_mock *mock)
{
	kunit_release_action(test, mock_end, mock);
}

/* The front-end of a mock, NULL if it did not bind. */
struct tester *tester_of(struct parley_mock *mock)
{
	struct parley_device *pd = parley_loopback_device(mock->lb);
	struct tester *t = NULL;

	device_lock(&pd->dev);
	if (pd->dev.driver)
		t = pd->priv;
	device_unlock(&pd->dev);
	return t;
}

struct tester_req *tester_req_alloc(unsigned int pieces, u8 seed)
{
	struct tester_req *req = kzalloc(sizeof(*req), GFP_KERNEL);
	unsigned int i;

	if (!req)
		return NULL;
	INIT_LIST_HEAD(&req->node);
	init_completion(&req->answered);
	req->pieces = pieces;
	for (i = 0; i < TESTER_BYTES; i++)
		req->out[i] = seed + 31 * i;
	return req;
}

int tester_submit(struct tester *t, unsigned int queue, struct tester_req *req)
{
	return tester_put(&t->pd->queues[queue], req);
}

/* Submit a request that the test does not wait for now, nor frees. */
struct tester_req *tester_flying(struct kunit *test, struct tester *t,
				 unsigned int queue, u8 seed)
{
	struct tester_req *req = tester_req_alloc(2, seed);

	KUNIT_ASSERT_NOT_NULL(test, req);
	list_add(&req->owned, &owned);
	KUNIT_ASSERT_EQ(test, 0, tester_submit(t, queue, req));
	return req;
}

/* Return: the status of the request, -ETIMEDOUT if there is no answer. */
int tester_wait(struct tester_req *req)
{
	if (!wait_for_completion_timeout(&req->answered, TESTER_TIMEOUT))
		return -ETIMEDOUT;
	return req->status;
}

bool tester_answer_right(const struct tester_req *req)
{
	unsigned int i;

	for (i = 0; i < TESTER_BYTES; i++)
		if (req->in[i] != (u8)(req->out[i] ^ TESTER_ECHO))
			return false;
	return req->len == TESTER_BYTES && atomic_read(&req->acks) == 1;
}

/**
 * tester_echo() - several requests, one after the other
 * @t: front-end
 * @queue: number of the queue
 * @pieces: descriptors for each direction
 * @times: requests
 *
 * Return: 0 if each was answered rightly, -EILSEQ if one was answered wrongly,
 * another error.
 */
int tester_echo(struct tester *t, unsigned int queue, unsigned int pieces,
		unsigned int times)
{
	while (times--) {
		struct tester_req *req = tester_req_alloc(pieces, times);
		int err;

		if (!req)
			return -ENOMEM;
		err = tester_submit(t, queue, req);
		if (!err)
			err = tester_wait(req);
		if (!err && !tester_answer_right(req))
			err = -EILSEQ;
		/* Unanswered means in flight still: rather lost than reused. */
		if (err != -ETIMEDOUT)
			kfree(req);
		if (err)
			return err;
	}
	return 0;
}
