// SPDX-License-Identifier: GPL-2.0-only
/*
 * The netlink family, asked through a socket as any program asks: what it lists,
 * what it sets, what it refuses, and devices that go while they are listed.
 */
#include <kunit/test.h>
#include <linux/net.h>
#include <net/sock.h>
#include "../netlink.h"
#include "../notify.h"
#include "../pool.h"
#include "../worker.h"

#define NL_QUEUES	12u
#define NL_BUFFER	SZ_4K
#define NL_HIGH		66u		/* a feature */
#define NL_REFUSED	(-ERANGE)	/* by the policy, before us */

/* ----------------------------------------------------------- accelerator */

static unsigned int nl_submit(struct parley_vhost_vq *vq,
			      struct parley_vhost_req **reqs, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		parley_vhost_req_done(reqs[i]);
	return nr;
}

static const struct parley_vhost_queue_ops nl_ops = {
	.req_size	= sizeof(struct parley_vhost_req),
	.pieces		= PARLEY_VHOST_PIECES,
	.max_in_flight	= 8,
	.submit		= nl_submit,
};

static const struct parley_vhost_queue_ops *nl_kind(unsigned int index)
{
	return &nl_ops;
}

static const struct parley_vhost_driver nl_driver = {
	.name		= "kunit-nl",
	.owner		= THIS_MODULE,
	.device_id	= 42,
	.features_high	= BIT_ULL(NL_HIGH - 64),
	.queue		= nl_kind,
	.max_queues	= NL_QUEUES,
};

static void nl_release(void *dev)
{
	vh_dev_release(dev);
}

static struct parley_vhost *nl_device(struct kunit *test)
{
	struct parley_vhost *dev = vh_dev_create(&nl_driver, true);

	KUNIT_ASSERT_FALSE(test, IS_ERR(dev));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, nl_release, dev), 0);
	KUNIT_ASSERT_EQ(test, parley_vhost_set_owner(dev), 0);
	return dev;
}

static void nl_close(struct kunit *test, struct parley_vhost *dev)
{
	kunit_release_action(test, nl_release, dev);
}

/* ---------------------------------------------------------------- socket */

/**
 * struct nl - a program that asks
 * @test: the test
 * @sock: its socket
 * @buf: what came last, NL_BUFFER bytes
 * @at: the next message of it
 * @rest: bytes from there on
 * @seq: number of the last question
 */
struct nl {
	struct kunit *test;
	struct socket *sock;
	void *buf;
	struct nlmsghdr *at;
	int rest;
	u32 seq;
};

static void nl_sock_release(void *sock)
{
	sock_release(sock);
}

static struct nl *nl_open(struct kunit *test)
{
	struct nl *nl = kunit_kzalloc(test, sizeof(*nl), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, nl);
	nl->test = test;
	nl->buf = kunit_kzalloc(test, NL_BUFFER, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, nl->buf);
	KUNIT_ASSERT_EQ(test, sock_create_kern(&init_net, AF_NETLINK, SOCK_RAW,
					       NETLINK_GENERIC, &nl->sock), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, nl_sock_release,
							nl->sock), 0);
	return nl;
}

static struct sk_buff *nl_ask(struct nl *nl, u8 cmd, int flags)
{
	struct sk_buff *skb = genlmsg_new(NL_BUFFER / 2, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(nl->test, skb);
	genlmsg_put(skb, 0, ++nl->seq, &parley_nl_family, NLM_F_REQUEST | flags, cmd);
	return skb;
}

/* The message is gone afterwards. */
static void nl_send(struct nl *nl, struct sk_buff *skb)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	struct msghdr msg = { .msg_name = &to, .msg_namelen = sizeof(to) };
	struct kvec vec = { .iov_base = skb->data, .iov_len = skb->len };

	nlmsg_hdr(skb)->nlmsg_len = skb->len;
	KUNIT_EXPECT_EQ(nl->test, kernel_sendmsg(nl->sock, &msg, &vec, 1, vec.iov_len),
			vec.iov_len);
	nlmsg_free(skb);
}

/* The next buffer full of answers. */
static bool nl_receive(struct nl *nl)
{
	struct kvec vec = { .iov_base = nl->buf, .iov_len = NL_BUFFER };
	struct msghdr msg = {};

	nl->rest = kernel_recvmsg(nl->sock, &msg, &vec, 1, NL_BUFFER, MSG_DONTWAIT);
	nl->at = nl->buf;
	return nl->rest > 0;
}

/* The next answer; NULL for none. */
static struct nlmsghdr *nl_next(struct nl *nl)
{
	struct nlmsghdr *h;

	if (!nlmsg_ok(nl->at, nl->rest) && !nl_receive(nl))
		return NULL;
	h = nl->at;
	nl->at = nlmsg_next(h, &nl->rest);
	return h;
}

/* Ask something that is answered by an error, or by error 0: which. */
static int nl_do(struct nl *nl, struct sk_buff *skb)
{
	struct nlmsghdr *h;

	nlmsg_hdr(skb)->nlmsg_flags |= NLM_F_ACK;
	nl_send(nl, skb);
	while ((h = nl_next(nl)))
		if (h->nlmsg_type == NLMSG_ERROR)
			return ((struct nlmsgerr *)nlmsg_data(h))->error;
	KUNIT_FAIL(nl->test, "no answer");
	return 1;
}

/* A question with one number, of @size bytes. */
static int nl_get(struct nl *nl, u8 cmd, int attr, u32 value, int size)
{
	struct sk_buff *skb = nl_ask(nl, cmd, 0);

	nla_put(skb, attr, size, &value);
	return nl_do(nl, skb);
}

static u32 nl_u32(const struct nlmsghdr *h, int attr)
{
	struct nlattr *a = nlmsg_find_attr(h, GENL_HDRLEN, attr);

	return a ? nla_get_u32(a) : U32_MAX;
}

static bool nl_answer(const struct nlmsghdr *h)
{
	return h && h->nlmsg_type == parley_nl_family.id;
}

/* ----------------------------------------------------------------- what is */

/* Every device is listed, with its own numbers, and no more once it is closed. */
static void nl_lists_devices(struct kunit *test)
{
	struct nl *nl = nl_open(test);
	struct parley_vhost *dev = nl_device(test);
	u32 id = dev->id;
	struct nlmsghdr *h;
	unsigned int seen = 0;

	scoped_guard(mutex, &dev->mutex)
		KUNIT_EXPECT_FALSE(test, IS_ERR(vh_worker_create(dev)));
	nl_send(nl, nl_ask(nl, PARLEY_CMD_DEV_GET, NLM_F_DUMP));
	while (nl_answer(h = nl_next(nl))) {
		struct nlattr *name = nlmsg_find_attr(h, GENL_HDRLEN,
						      PARLEY_A_DEVICE_NAME);

		if (nl_u32(h, PARLEY_A_DEVICE_ID) != id)
			continue;
		seen++;
		KUNIT_ASSERT_NOT_NULL(test, name);
		KUNIT_EXPECT_EQ(test, nla_strcmp(name, "kunit-nl"), 0);
		KUNIT_EXPECT_EQ(test, nl_u32(h, PARLEY_A_DEVICE_QUEUES), NL_QUEUES);
		KUNIT_EXPECT_EQ(test, nl_u32(h, PARLEY_A_DEVICE_WORKERS), 2);
		KUNIT_EXPECT_NOT_NULL(test, nlmsg_find_attr(h, GENL_HDRLEN,
							    PARLEY_A_DEVICE_IN_KERNEL));
		KUNIT_EXPECT_NULL(test, nlmsg_find_attr(h, GENL_HDRLEN,
							PARLEY_A_DEVICE_FEATURES_HIGH));
	}
	KUNIT_ASSERT_NOT_NULL(test, h);
	KUNIT_EXPECT_EQ(test, h->nlmsg_type, NLMSG_DONE);
	KUNIT_EXPECT_EQ(test, seen, 1);
	KUNIT_EXPECT_EQ(test, kref_read(&dev->ref), 1);

	nl_close(test, dev);
	nl_send(nl, nl_ask(nl, PARLEY_CMD_DEV_GET, NLM_F_DUMP));
	while (nl_answer(h = nl_next(nl)))
		KUNIT_EXPECT_NE(test, nl_u32(h, PARLEY_A_DEVICE_ID), id);
}

/* Features beyond the first 64 are told where there are any. */
static void nl_tells_all_features(struct kunit *test)
{
	struct nl *nl = nl_open(test);
	struct parley_vhost *dev = nl_device(test);
	struct sk_buff *skb = nl_ask(nl, PARLEY_CMD_DEV_GET, 0);
	struct parley_features set;
	struct nlmsghdr *h;
	struct nlattr *a;

	parley_features_set(&set, BIT_ULL(VIRTIO_F_VERSION_1), BIT_ULL(NL_HIGH - 64));
	KUNIT_ASSERT_EQ(test, parley_vhost_set_features(dev, &set), 0);
	nla_put_u32(skb, PARLEY_A_DEVICE_ID, dev->id);
	nl_send(nl, skb);
	h = nl_next(nl);
	KUNIT_ASSERT_TRUE(test, nl_answer(h));
	a = nlmsg_find_attr(h, GENL_HDRLEN, PARLEY_A_DEVICE_FEATURES);
	KUNIT_EXPECT_EQ(test, a ? nla_get_u64(a) : 0, BIT_ULL(VIRTIO_F_VERSION_1));
	a = nlmsg_find_attr(h, GENL_HDRLEN, PARLEY_A_DEVICE_FEATURES_HIGH);
	KUNIT_EXPECT_EQ(test, a ? nla_get_u64(a) : 0, BIT_ULL(NL_HIGH - 64));
}

/* A worker each, of one device and of no other. */
static void nl_lists_workers(struct kunit *test)
{
	struct nl *nl = nl_open(test);
	struct parley_vhost *other = nl_device(test), *dev = nl_device(test);
	struct sk_buff *skb;
	struct nlmsghdr *h;
	unsigned int seen = 0;

	scoped_guard(mutex, &dev->mutex) {
		KUNIT_EXPECT_FALSE(test, IS_ERR(vh_worker_create(dev)));
		KUNIT_EXPECT_FALSE(test, IS_ERR(vh_worker_create(dev)));
		vh_worker_destroy(vh_worker_find(dev, 1));
	}
	skb = nl_ask(nl, PARLEY_CMD_WORKER_GET, NLM_F_DUMP);
	nla_put_u32(skb, PARLEY_A_WORKER_DEV_ID, dev->id);
	nl_send(nl, skb);
	while (nl_answer(h = nl_next(nl))) {
		u32 id = nl_u32(h, PARLEY_A_WORKER_ID);

		KUNIT_EXPECT_EQ(test, nl_u32(h, PARLEY_A_WORKER_DEV_ID), dev->id);
		KUNIT_EXPECT_EQ(test, id, seen++ ? 2 : 0);
		KUNIT_EXPECT_EQ(test, nl_u32(h, PARLEY_A_WORKER_QUEUES),
				id ? 0 : NL_QUEUES);
	}
	KUNIT_EXPECT_EQ(test, seen, 2);
	KUNIT_EXPECT_EQ(test, kref_read(&dev->ref), 1);
	KUNIT_EXPECT_EQ(test, kref_read(&other->ref), 1);
}

/* Devices go between two parts of a list: the others are listed whole, once. */
static void nl_device_vanishes(struct kunit *test)
{
	struct nl *nl = nl_open(test);
	struct parley_vhost *dev[4];
	u32 id[ARRAY_SIZE(dev)];
	u8 seen[ARRAY_SIZE(dev)][NL_QUEUES] = {};
	unsigned int i, q, gone = 0, first = 0;
	struct nlmsghdr *h;

	for (i = 0; i < ARRAY_SIZE(dev); i++) {
		dev[i] = nl_device(test);
		id[i] = dev[i]->id;
	}
	nl_send(nl, nl_ask(nl, PARLEY_CMD_QUEUE_GET, NLM_F_DUMP));
	while (nl_answer(h = nl_next(nl))) {
		u32 index = nl_u32(h, PARLEY_A_QUEUE_INDEX);

		for (i = 0; i < ARRAY_SIZE(dev); i++)
			if (nl_u32(h, PARLEY_A_QUEUE_DEV_ID) == id[i])
				break;
		KUNIT_ASSERT_LT(test, i, ARRAY_SIZE(dev));
		KUNIT_ASSERT_LT(test, index, NL_QUEUES);
		seen[i][index]++;
		first++;
		/* The first part is read, the second made: it ends in one of these. */
		if (!gone && !nlmsg_ok(nl->at, nl->rest)) {
			gone = first;
			nl_close(test, dev[1]);
			nl_close(test, dev[2]);
		}
	}
	KUNIT_ASSERT_NOT_NULL(test, h);
	KUNIT_EXPECT_EQ(test, h->nlmsg_type, NLMSG_DONE);
	/* Or the parts are larger than this test believes. */
	KUNIT_EXPECT_LT(test, 2 * gone, 3 * NL_QUEUES);
	KUNIT_EXPECT_GT(test, 2 * gone, NL_QUEUES);
	KUNIT_EXPECT_LT(test, first, 4 * NL_QUEUES);
	for (q = 0; q < NL_QUEUES; q++) {
		KUNIT_EXPECT_EQ_MSG(test, seen[0][q], 1, "queue %u", q);
		KUNIT_EXPECT_LE_MSG(test, seen[1][q], 1, "queue %u", q);
		KUNIT_EXPECT_LE_MSG(test, seen[2][q], 1, "queue %u", q);
		KUNIT_EXPECT_EQ_MSG(test, seen[3][q], 1, "queue %u", q);
	}
	KUNIT_EXPECT_EQ(test, kref_read(&dev[0]->ref), 1);
	KUNIT_EXPECT_EQ(test, kref_read(&dev[3]->ref), 1);
}

/* --------------------------------------------------------------- settings */

/* One attribute of a nest of a command for a device, or for its queue 1. */
static int nl_set(struct nl *nl, u8 cmd, u32 id, bool queue, int nest, int attr,
		  u64 value, bool wide)
{
	struct sk_buff *skb = nl_ask(nl, cmd, 0);
	struct nlattr *start;

	nla_put_u32(skb, PARLEY_A_QUEUE_DEV_ID, id);
	if (queue)
		nla_put_u32(skb, PARLEY_A_QUEUE_INDEX, 1);
	start = nla_nest_start(skb, nest);
	if (wide)
		nla_put_u64_64bit(skb, attr, value, PARLEY_A_LIMITS_PAD);
	else
		nla_put_u32(skb, attr, value);
	nla_nest_end(skb, start);
	return nl_do(nl, skb);
}

static int nl_limit(struct nl *nl, u32 id, bool queue, int attr, u64 value)
{
	return nl_set(nl, PARLEY_CMD_LIMIT_SET, id, queue, PARLEY_A_QUEUE_LIMITS, attr,
		      value, true);
}

/* A limit gets where it was meant to, and a bad one nowhere. */
static void nl_sets_limits(struct kunit *test)
{
	struct nl *nl = nl_open(test);
	struct parley_vhost *dev = nl_device(test);
	struct parley_limit *mine = dev->vqs[1]->limit;
	struct parley_limits now;
	u32 id = dev->id;

	KUNIT_EXPECT_EQ(test, nl_limit(nl, id, true, PARLEY_A_LIMITS_OPS_BURST, 5),
			-EINVAL);
	KUNIT_EXPECT_FALSE(test, vh_limit_is_set(mine));
	KUNIT_EXPECT_EQ(test, nl_limit(nl, id, true, PARLEY_A_LIMITS_OPS_RATE,
				       PARLEY_RATE_MAX + 1), NL_REFUSED);
	KUNIT_EXPECT_FALSE(test, vh_limit_is_set(mine));
	KUNIT_EXPECT_EQ(test, nl_limit(nl, id, true, PARLEY_A_LIMITS_OPS_RATE, 1000), 0);
	KUNIT_EXPECT_EQ(test, nl_limit(nl, id, true, PARLEY_A_LIMITS_OPS_BURST, 7), 0);
	parley_limit_get(mine, &now);
	KUNIT_EXPECT_EQ(test, now.ops.rate, 1000);
	KUNIT_EXPECT_EQ(test, now.ops.burst, 7);
	KUNIT_EXPECT_EQ(test, now.bytes.rate, 0);
	KUNIT_EXPECT_FALSE(test, vh_limit_is_set(dev->limits->device));
	KUNIT_EXPECT_FALSE(test, vh_limit_is_set(dev->vqs[0]->limit));

	KUNIT_EXPECT_EQ(test, nl_limit(nl, id, false, PARLEY_A_LIMITS_BYTES_RATE,
				       PARLEY_RATE_MAX), 0);
	parley_limit_get(dev->limits->device, &now);
	KUNIT_EXPECT_EQ(test, now.bytes.rate, PARLEY_RATE_MAX);
	/* A new rate forgets the burst that was made for the old one. */
	KUNIT_EXPECT_EQ(test, nl_limit(nl, id, true, PARLEY_A_LIMITS_OPS_RATE, 500), 0);
	parley_limit_get(mine, &now);
	KUNIT_EXPECT_EQ(test, now.ops.rate, 500);
	KUNIT_EXPECT_NE(test, now.ops.burst, 7);
	KUNIT_EXPECT_EQ(test, nl_limit(nl, id, true, PARLEY_A_LIMITS_OPS_RATE, 0), 0);
	KUNIT_EXPECT_FALSE(test, vh_limit_is_set(mine));
	KUNIT_EXPECT_EQ(test, kref_read(&dev->ref), 1);
}

static int nl_limit_backend(struct nl *nl, u32 id, int attr, u64 value)
{
	struct sk_buff *skb = nl_ask(nl, PARLEY_CMD_LIMIT_SET, 0);
	struct nlattr *start;

	nla_put_u32(skb, PARLEY_A_QUEUE_BACKEND_ID, id);
	start = nla_nest_start(skb, PARLEY_A_QUEUE_LIMITS);
	nla_put_u64_64bit(skb, attr, value, PARLEY_A_LIMITS_PAD);
	nla_nest_end(skb, start);
	return nl_do(nl, skb);
}

static int nl_forget(struct nl *nl, u32 id, const char *name)
{
	struct sk_buff *skb = nl_ask(nl, PARLEY_CMD_BACKEND_FORGET, 0);

	nla_put_u32(skb, PARLEY_A_BACKEND_ID, id);
	if (name)
		nla_put_string(skb, PARLEY_A_BACKEND_NAME, name);
	return nl_do(nl, skb);
}

/* How many devices of a back end are told of; @name of the last. */
static unsigned int nl_kept(struct nl *nl, u32 id, const char *name, bool open)
{
	struct nlmsghdr *h;
	unsigned int n = 0;

	nl_send(nl, nl_ask(nl, PARLEY_CMD_KEPT_GET, NLM_F_DUMP));
	while (nl_answer(h = nl_next(nl))) {
		if (nl_u32(h, PARLEY_A_KEPT_BACKEND_ID) != id)
			continue;
		n++;
		KUNIT_EXPECT_EQ(nl->test, nla_strcmp(nlmsg_find_attr(h, GENL_HDRLEN,
								     PARLEY_A_KEPT_NAME),
						     name), 0);
		KUNIT_EXPECT_EQ(nl->test, !!nlmsg_find_attr(h, GENL_HDRLEN,
							    PARLEY_A_KEPT_DEV_ID), open);
	}
	return n;
}

/* Guarantees stand on limits above them, and stay when the device is closed. */
static void nl_sets_guarantees(struct kunit *test)
{
	const struct parley_vhost_backend what = { .dev = 2, .path = "/nl", .name = "mine" };
	struct nl *nl = nl_open(test);
	struct parley_vhost *dev = nl_device(test);
	u32 backend;

	KUNIT_EXPECT_EQ(test, nl_limit(nl, dev->id, false, PARLEY_A_LIMITS_OPS_GUARANTEED, 95),
			-ENOENT);
	KUNIT_ASSERT_EQ(test, parley_vhost_set_backend(dev, &what), 0);
	backend = dev->limits->backend->id;
	KUNIT_EXPECT_EQ(test, nl_limit_backend(nl, backend + 1, PARLEY_A_LIMITS_OPS_RATE, 100),
			-ENODEV);
	KUNIT_EXPECT_EQ(test, nl_limit_backend(nl, backend, PARLEY_A_LIMITS_OPS_RATE, 100), 0);
	KUNIT_EXPECT_EQ(test, nl_limit(nl, dev->id, false, PARLEY_A_LIMITS_OPS_GUARANTEED, 96),
			-ENOSPC);
	KUNIT_EXPECT_EQ(test, nl_limit(nl, dev->id, false, PARLEY_A_LIMITS_OPS_GUARANTEED, 95),
			0);
	KUNIT_EXPECT_EQ(test, nl_limit(nl, dev->id, false, PARLEY_A_LIMITS_OPS_RATE, 94),
			-ERANGE);
	KUNIT_EXPECT_EQ(test, nl_limit_backend(nl, backend, PARLEY_A_LIMITS_OPS_RATE, 0),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, nl_kept(nl, backend, "mine", true), 1);
	KUNIT_EXPECT_EQ(test, nl_get(nl, PARLEY_CMD_BACKEND_GET, PARLEY_A_BACKEND_ID, backend,
				     4), 0);
	/* Of open devices nothing is forgotten. */
	KUNIT_EXPECT_EQ(test, nl_forget(nl, backend, "mine"), -ENOENT);
	KUNIT_EXPECT_EQ(test, nl_forget(nl, backend, NULL), 0);
	nl_close(test, dev);
	KUNIT_EXPECT_EQ(test, nl_kept(nl, backend, "mine", false), 1);
	KUNIT_EXPECT_EQ(test, nl_forget(nl, backend, "yours"), -ENOENT);
	KUNIT_EXPECT_EQ(test, nl_forget(nl, backend, "mine"), 0);
	/* The last limit goes, and the back end with it. */
	KUNIT_EXPECT_EQ(test, nl_kept(nl, backend, "mine", false), 0);
	KUNIT_EXPECT_EQ(test, nl_limit_backend(nl, backend, PARLEY_A_LIMITS_OPS_RATE, 0), 0);
	KUNIT_EXPECT_EQ(test, nl_forget(nl, backend, NULL), -ENODEV);
}

/* Pairs of numbers that would stop a queue for ever are refused as a whole. */
static void nl_sets_moderation_and_polling(struct kunit *test)
{
	struct nl *nl = nl_open(test);
	struct parley_vhost *dev = nl_device(test);
	struct parley_vhost_vq *vq = dev->vqs[1];

#define MODERATE(attr, value) \
	nl_set(nl, PARLEY_CMD_MODERATION_SET, dev->id, true, \
	       PARLEY_A_QUEUE_MODERATION, PARLEY_A_MODERATION_##attr, value, false)
#define POLL(attr, value) \
	nl_set(nl, PARLEY_CMD_POLLING_SET, dev->id, true, \
	       PARLEY_A_QUEUE_POLLING, PARLEY_A_POLLING_##attr, value, false)
	KUNIT_EXPECT_EQ(test, MODERATE(MAX_REQS, 8), -EINVAL);
	KUNIT_EXPECT_EQ(test, vq->moderation.max_reqs, 0);
	KUNIT_EXPECT_EQ(test, MODERATE(MAX_US, 100), 0);
	KUNIT_EXPECT_EQ(test, MODERATE(MAX_REQS, 8), 0);
	KUNIT_EXPECT_EQ(test, vq->moderation.max_reqs, 8);
	KUNIT_EXPECT_EQ(test, vq->moderation.max_us, 100);
	KUNIT_EXPECT_EQ(test, MODERATE(MAX_US, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, vq->moderation.max_us, 100);

	KUNIT_EXPECT_EQ(test, POLL(MAX_US, VH_POLL_MAX_US + 1), NL_REFUSED);
	KUNIT_EXPECT_EQ(test, POLL(BUDGET, 101), NL_REFUSED);
	KUNIT_EXPECT_EQ(test, POLL(MAX_US, 50), 0);
	KUNIT_EXPECT_EQ(test, POLL(BUDGET, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, vq->poll.max_us, 50);
	KUNIT_EXPECT_EQ(test, vq->poll.budget, VH_POLL_BUDGET);
	KUNIT_EXPECT_EQ(test, dev->vqs[0]->poll.max_us, 0);
#undef MODERATE
#undef POLL
}

static void nl_dim(struct dim *dim, struct dim_sample sample)
{
}

/* Moderation is learnt, or as somebody said, or not at all. */
static void nl_sets_adaptive(struct kunit *test)
{
	void (*was)(struct dim *dim, struct dim_sample sample) = vh_dim;
	struct nl *nl = nl_open(test);
	struct parley_vhost *dev = nl_device(test);
	struct vh_moderation *m = &dev->vqs[1]->moderation;

#define MODERATE(attr, value) \
	nl_set(nl, PARLEY_CMD_MODERATION_SET, dev->id, true, \
	       PARLEY_A_QUEUE_MODERATION, PARLEY_A_MODERATION_##attr, value, false)
	vh_dim = NULL;
	KUNIT_EXPECT_EQ(test, MODERATE(ADAPTIVE, 1), -EOPNOTSUPP);
	vh_dim = nl_dim;
	KUNIT_EXPECT_EQ(test, MODERATE(ADAPTIVE, 2), NL_REFUSED);
	KUNIT_EXPECT_EQ(test, MODERATE(ADAPTIVE, 1), 0);
	KUNIT_EXPECT_TRUE(test, m->adaptive);
	/* What was learnt does not count as said. */
	m->max_us = 8;
	KUNIT_EXPECT_EQ(test, MODERATE(MAX_REQS, 4), -EINVAL);
	KUNIT_EXPECT_TRUE(test, m->adaptive);
	KUNIT_EXPECT_EQ(test, MODERATE(MAX_US, 30), 0);
	KUNIT_EXPECT_FALSE(test, m->adaptive);
	KUNIT_EXPECT_EQ(test, m->max_us, 30);
	KUNIT_EXPECT_EQ(test, MODERATE(ADAPTIVE, 1), 0);
	KUNIT_EXPECT_EQ(test, m->max_us, 0);
	KUNIT_EXPECT_EQ(test, MODERATE(ADAPTIVE, 0), 0);
	KUNIT_EXPECT_FALSE(test, m->adaptive);
	vh_dim = was;
#undef MODERATE
}

/* ------------------------------------------------------------------- pools */

/* A command about a pool; without a name, a device or a number if they are none. */
static int nl_pool(struct nl *nl, u8 cmd, const char *name, u32 id, int attr, u32 value)
{
	struct sk_buff *skb = nl_ask(nl, cmd, 0);

	if (name)
		nla_put_string(skb, PARLEY_A_POOL_NAME, name);
	if (id)
		nla_put_u32(skb, PARLEY_A_POOL_DEV_ID, id);
	if (attr)
		nla_put_u32(skb, attr, value);
	return nl_do(nl, skb);
}

static void nl_pool_end(void *unused)
{
	vh_pool_remove("kunit-nl");
	vh_pool_remove("1234567890123456789012345678901");
}

/* Made, joined, listed, left and removed; what makes no sense is refused. */
static void nl_sets_pools(struct kunit *test)
{
	static const char max_name[] = "1234567890123456789012345678901", name[] = "kunit-nl";
	const u8 add = PARLEY_CMD_POOL_ADD, attach = PARLEY_CMD_POOL_ATTACH;
	const int threads = PARLEY_A_POOL_THREADS, weight = PARLEY_A_POOL_WEIGHT;
	struct nl *nl = nl_open(test);
	struct parley_vhost *dev;
	unsigned int seen = 0;
	struct nlmsghdr *h;

	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, nl_pool_end, NULL), 0);
	dev = nl_device(test);
	KUNIT_EXPECT_EQ(test, nl_pool(nl, add, name, 0, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, nl_pool(nl, add, NULL, 0, threads, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, nl_pool(nl, add, "", 0, threads, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, nl_pool(nl, add, name, 0, threads, 0), NL_REFUSED);
	KUNIT_EXPECT_EQ(test, nl_pool(nl, add, name, 0, threads, VH_POOL_THREADS_MAX + 1),
			NL_REFUSED);
	KUNIT_EXPECT_EQ(test, nl_pool(nl, add, "12345678901234567890123456789012", 0, threads,
				      1), -EINVAL);
	KUNIT_EXPECT_EQ(test, nl_pool(nl, add, max_name, 0, threads, 1), 0);
	KUNIT_EXPECT_EQ(test, nl_pool(nl, add, name, 0, threads, VH_POOL_THREADS_MAX), 0);
	KUNIT_EXPECT_EQ(test, nl_pool(nl, add, name, 0, threads, 1), -EEXIST);

	KUNIT_EXPECT_EQ(test, nl_pool(nl, attach, name, 0, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, nl_pool(nl, attach, "x", dev->id, 0, 0), -ENOENT);
	KUNIT_EXPECT_EQ(test, nl_pool(nl, attach, name, dev->id, weight, 0), NL_REFUSED);
	KUNIT_EXPECT_EQ(test, nl_pool(nl, attach, name, dev->id, weight, VH_WEIGHT_MAX + 1),
			NL_REFUSED);
	KUNIT_EXPECT_EQ(test, nl_pool(nl, attach, name, dev->id, PARLEY_A_POOL_CLASS,
				      VH_LANES), NL_REFUSED);
	KUNIT_EXPECT_NULL(test, dev->membership.pool);
	KUNIT_EXPECT_EQ(test, nl_pool(nl, attach, name, dev->id, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, dev->membership.account.weight, VH_WEIGHT);
	KUNIT_EXPECT_EQ(test, dev->membership.account.class, VH_LANE_NORMAL);
	KUNIT_EXPECT_EQ(test, nl_pool(nl, attach, name, dev->id, weight, VH_WEIGHT_MAX), 0);
	KUNIT_EXPECT_EQ(test, dev->membership.account.weight, VH_WEIGHT_MAX);

	nl_send(nl, nl_ask(nl, PARLEY_CMD_POOL_GET, NLM_F_DUMP));
	while (nl_answer(h = nl_next(nl))) {
		struct nlattr *a = nlmsg_find_attr(h, GENL_HDRLEN, PARLEY_A_POOL_NAME);

		if (!a || nla_strcmp(a, name))
			continue;
		seen++;
		KUNIT_EXPECT_EQ(test, nl_u32(h, threads), VH_POOL_THREADS_MAX);
		KUNIT_EXPECT_EQ(test, nl_u32(h, PARLEY_A_POOL_DEVICES), 1);
		KUNIT_EXPECT_EQ(test, nl_u32(h, PARLEY_A_POOL_WORKERS), 1);
	}
	KUNIT_EXPECT_EQ(test, seen, 1);
	KUNIT_EXPECT_EQ(test, nl_pool(nl, PARLEY_CMD_POOL_SET, name, 0, threads, 2), 0);
	KUNIT_EXPECT_EQ(test, dev->membership.pool->threads, 2);
	KUNIT_EXPECT_EQ(test, nl_pool(nl, PARLEY_CMD_POOL_REMOVE, name, 0, 0, 0), -EBUSY);
	KUNIT_EXPECT_EQ(test, nl_pool(nl, PARLEY_CMD_POOL_DETACH, NULL, dev->id, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, nl_pool(nl, PARLEY_CMD_POOL_DETACH, NULL, dev->id, 0, 0),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, nl_pool(nl, PARLEY_CMD_POOL_REMOVE, name, 0, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, nl_pool(nl, PARLEY_CMD_POOL_REMOVE, name, 0, 0, 0), -ENOENT);
	KUNIT_EXPECT_EQ(test, kref_read(&dev->ref), 1);
}

/* ---------------------------------------------------------------- nonsense */

static int nl_queue(struct nl *nl, u8 cmd, u32 id, u32 index, u32 lane)
{
	struct sk_buff *skb = nl_ask(nl, cmd, 0);

	nla_put_u32(skb, PARLEY_A_QUEUE_DEV_ID, id);
	nla_put_u32(skb, PARLEY_A_QUEUE_INDEX, index);
	if (cmd == PARLEY_CMD_LANE_SET)
		nla_put_u32(skb, PARLEY_A_QUEUE_LANE, lane);
	return nl_do(nl, skb);
}

/* Nothing named, nobody of that name, numbers out of range, words cut short. */
static void bad_19_netlink(struct kunit *test)
{
	struct nl *nl = nl_open(test);
	struct parley_vhost *dev = nl_device(test);
	u32 id = dev->id;

	KUNIT_EXPECT_EQ(test, nl_do(nl, nl_ask(nl, PARLEY_CMD_DEV_GET, 0)), -EINVAL);
	KUNIT_EXPECT_EQ(test, nl_get(nl, PARLEY_CMD_DEV_GET, PARLEY_A_DEVICE_ID, id, 4),
			0);
	KUNIT_EXPECT_EQ(test, nl_get(nl, PARLEY_CMD_DEV_GET, PARLEY_A_DEVICE_ID, id, 2),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, nl_get(nl, PARLEY_CMD_DEV_GET, PARLEY_A_DEVICE_ID, 0, 4),
			-ENODEV);
	KUNIT_EXPECT_EQ(test, nl_get(nl, PARLEY_CMD_DEV_GET, PARLEY_A_DEVICE_ID,
				     U32_MAX, 4), -ENODEV);
	KUNIT_EXPECT_EQ(test, nl_get(nl, PARLEY_CMD_DEV_GET, PARLEY_A_DEVICE_NAME, id,
				     4), -EINVAL);
	KUNIT_EXPECT_EQ(test, nl_get(nl, PARLEY_CMD_QUEUE_GET, PARLEY_A_QUEUE_DEV_ID,
				     id, 4), -EINVAL);
	KUNIT_EXPECT_EQ(test, nl_queue(nl, PARLEY_CMD_QUEUE_GET, id, NL_QUEUES - 1, 0),
			0);
	KUNIT_EXPECT_EQ(test, nl_queue(nl, PARLEY_CMD_QUEUE_GET, id, NL_QUEUES, 0),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, nl_queue(nl, PARLEY_CMD_QUEUE_GET, id, U32_MAX, 0),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, nl_queue(nl, PARLEY_CMD_LANE_SET, id, 1, VH_LANES),
			NL_REFUSED);
	KUNIT_EXPECT_EQ(test, dev->vqs[1]->lane, VH_LANE_NORMAL);
	KUNIT_EXPECT_EQ(test, nl_queue(nl, PARLEY_CMD_LANE_SET, id, 1, VH_LANE_BULK), 0);
	KUNIT_EXPECT_EQ(test, dev->vqs[1]->lane, VH_LANE_BULK);
	KUNIT_EXPECT_EQ(test, kref_read(&dev->ref), 1);
}

static struct kunit_case netlink_cases[] = {
	KUNIT_CASE(nl_lists_devices),
	KUNIT_CASE(nl_tells_all_features),
	KUNIT_CASE(nl_lists_workers),
	KUNIT_CASE(nl_device_vanishes),
	KUNIT_CASE(nl_sets_limits),
	KUNIT_CASE(nl_sets_guarantees),
	KUNIT_CASE(nl_sets_moderation_and_polling),
	KUNIT_CASE(nl_sets_adaptive),
	KUNIT_CASE(nl_sets_pools),
	KUNIT_CASE(bad_19_netlink),
	{}
};

static struct kunit_suite netlink_suite = {
	.name = "parley_vhost_netlink",
	.test_cases = netlink_cases,
};

kunit_test_suite(netlink_suite);
