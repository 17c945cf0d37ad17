// SPDX-License-Identifier: GPL-2.0-only
/* A small network device and its guest; see net.h. */
#include <linux/file.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/virtio_byteorder.h>
#include <net/sock.h>
#include <parley/compat.h>
#include "net.h"

struct net_req {
	struct parley_vhost_req req;
	struct list_head entry;
};

static struct nic *nic_of(struct parley_vhost_vq *vq)
{
	return *(struct nic **)parley_vhost_priv(parley_vhost_vq_dev(vq));
}

/* ------------------------------------------------------------- receiving */

/* Bytes of the next packet; 0 for none, or if there will be none. */
static int net_peek(struct nic *net)
{
	struct msghdr msg = { .msg_flags = MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT };
	struct kvec vec = { .iov_base = net->packet, .iov_len = 1 };
	int n = kernel_recvmsg(net->ours, &msg, &vec, 1, 1, msg.msg_flags);

	net->ended |= !n;
	return max(n, 0);
}

static int net_take(struct nic *net)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	struct kvec vec = { .iov_base = net->packet, .iov_len = NET_PACKET };

	return kernel_recvmsg(net->ours, &msg, &vec, 1, NET_PACKET, msg.msg_flags);
}

/* Header and packet over the buffers, in their order, which end as one. */
static void net_scatter(struct nic *net, struct parley_vhost_req **reqs, unsigned int nr,
			u32 len)
{
	struct virtio_net_hdr_mrg_rxbuf hdr = {
		.num_buffers = __cpu_to_virtio16(true, nr),
	};
	u32 done = 0, skip = NET_HDR, n;
	unsigned int i;

	parley_vhost_req_write(reqs[0], 0, &hdr, sizeof(hdr));
	for (i = 0; i < nr; i++, skip = 0) {
		n = min(len - done, reqs[i]->chain.len_in - skip);
		parley_vhost_req_write(reqs[i], skip, net->packet + done, n);
		reqs[i]->chain.written = skip + n;
		done += n;
	}
	parley_vhost_reqs_done(reqs, nr);
}

static bool net_keep_one(struct nic *net, struct parley_vhost_vq *vq)
{
	struct parley_vhost_req *req;
	struct net_req *r;

	if (parley_vhost_pull(vq, &req, 1, 0) != 1)
		return false;
	r = container_of(req, struct net_req, req);
	net->keep--;
	scoped_guard(spinlock_irqsave, &net->lock) {
		list_add_tail(&r->entry, &net->kept);
		WRITE_ONCE(net->nr_kept, net->nr_kept + 1);
	}
	return true;
}

static bool net_deliver(struct nic *net, struct parley_vhost_vq *vq)
{
	struct parley_vhost_req *reqs[NET_BUFFERS];
	int len = net_peek(net), nr;

	if (!len)
		return false;
	nr = parley_vhost_pull(vq, reqs, NET_BUFFERS, NET_HDR + len);
	if (!nr)
		return false;
	len = net_take(net);
	if (nr < 0)
		net->dropped++;
	else if (len <= 0)
		parley_vhost_req_untake(reqs[0]);
	else
		net_scatter(net, reqs, nr, len);
	return true;
}

static bool net_rx_work(struct parley_vhost_vq *vq)
{
	struct nic *net = nic_of(vq);
	unsigned int n;

	lockdep_assert_not_held(&vq->mutex);
	WRITE_ONCE(net->works, net->works + 1);
	for (n = 0; n < NET_IN_FLIGHT; n++) {
		if (net->keep ? !net_keep_one(net, vq) : !net_deliver(net, vq)) {
			if (net->ended)
				parley_vhost_vq_unwatch(vq);
			return false;
		}
		if (net->stays && !net->keep) {
			wait_for_completion(&net->go);
			return true;
		}
	}
	return true;
}

static void net_rx_recall(struct parley_vhost_vq *vq)
{
	struct nic *net = nic_of(vq);
	struct net_req *r, *next;
	LIST_HEAD(kept);

	lockdep_assert_held(&vq->mutex);
	scoped_guard(spinlock_irqsave, &net->lock) {
		list_splice_init(&net->kept, &kept);
		WRITE_ONCE(net->nr_kept, 0);
	}
	list_for_each_entry_safe(r, next, &kept, entry)
		parley_vhost_req_untake(&r->req);
}

void net_keep(struct nic *net, unsigned int nr)
{
	net->keep = nr;
	parley_vhost_vq_wake(parley_vhost_get_vq(net->dev, NET_RX));
}

void net_fill(struct nic *net, unsigned int at, u8 byte)
{
	struct net_req *r;

	scoped_guard(spinlock_irqsave, &net->lock) {
		list_for_each_entry(r, &net->kept, entry)
			if (!at--)
				break;
		list_del(&r->entry);
		WRITE_ONCE(net->nr_kept, net->nr_kept - 1);
	}
	r->req.chain.written = parley_vhost_req_write(&r->req, NET_HDR, &byte, 1) + NET_HDR;
	parley_vhost_req_done(&r->req);
}

/* --------------------------------------------------------------- sending */

/* False: the wire is full. */
static bool net_transmit(struct nic *net, struct parley_vhost_req *req)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	u32 len = min(req->chain.len_out - NET_HDR, NET_PACKET);
	u8 *packet = kmalloc(NET_PACKET, GFP_KERNEL);
	struct kvec vec = { .iov_base = packet, .iov_len = len };
	int n;

	if (!packet)
		return false;
	parley_vhost_req_read(req, NET_HDR, packet, len);
	n = kernel_sendmsg(net->echo ? net->theirs : net->ours, &msg, &vec, 1, len);
	kfree(packet);
	return n != -EAGAIN;
}

static unsigned int net_tx_submit(struct parley_vhost_vq *vq,
				  struct parley_vhost_req **reqs, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr && net_transmit(nic_of(vq), reqs[i]); i++)
		parley_vhost_req_done(reqs[i]);
	return i;
}

/* The wire can be written again: what was left is submitted anew. */
static bool net_tx_work(struct parley_vhost_vq *vq)
{
	return false;
}

static const struct parley_vhost_queue_ops net_rx = {
	.req_size	= sizeof(struct net_req),
	.pieces		= 2,
	.max_in_flight	= NET_IN_FLIGHT,
	.framing	= NET_HDR,
	.work		= net_rx_work,
	.recall		= net_rx_recall,
};

static const struct parley_vhost_queue_ops net_tx = {
	.req_size	= sizeof(struct parley_vhost_req),
	.pieces		= 2,
	.max_in_flight	= NET_IN_FLIGHT,
	.framing	= NET_HDR,
	.submit		= net_tx_submit,
	.work		= net_tx_work,
};

static const struct parley_vhost_queue_ops *net_queue(unsigned int index)
{
	return index % 2 ? &net_tx : &net_rx;
}

static const struct parley_vhost_driver net_driver = {
	.name		= "kunit-net",
	.owner		= THIS_MODULE,
	.device_id	= 42,
	.priv_size	= sizeof(struct nic *),
	.queue		= net_queue,
	.max_queues	= 2,
};

/* ----------------------------------------------------------------- device */

static void net_end(void *priv)
{
	struct nic *net = priv;

	if (net->dev)
		parley_vhost_close(net->dev);
	if (net->file)
		fput(net->file);
	else if (net->ours)
		sock_release(net->ours);
	if (net->theirs)
		sock_release(net->theirs);
	parley_vhost_unregister(&net_driver);
}

void net_close(struct nic *net)
{
	kunit_release_action(net->test, net_end, net);
}

static void net_plug(struct nic *net)
{
	struct kunit *test = net->test;

	KUNIT_ASSERT_EQ(test, sock_create_kern(&init_net, AF_UNIX, SOCK_SEQPACKET, 0,
					       &net->ours), 0);
	KUNIT_ASSERT_EQ(test, sock_create_kern(&init_net, AF_UNIX, SOCK_SEQPACKET, 0,
					       &net->theirs), 0);
	KUNIT_ASSERT_EQ(test, net->ours->ops->socketpair(net->ours, net->theirs), 0);
	net->file = sock_alloc_file(net->ours, 0, NULL);
	if (IS_ERR(net->file)) {
		/* It has released the socket. */
		net->file = NULL;
		net->ours = NULL;
	}
	KUNIT_ASSERT_NOT_NULL(test, net->file);
	KUNIT_ASSERT_EQ(test, parley_vhost_vq_watch(parley_vhost_get_vq(net->dev, NET_RX),
						    net->file, EPOLLIN), 0);
	KUNIT_ASSERT_EQ(test, parley_vhost_vq_watch(parley_vhost_get_vq(net->dev, NET_TX),
						    net->file, EPOLLOUT), 0);
}

struct nic *net_open(struct kunit *test)
{
	struct nic *net = kunit_kzalloc(test, sizeof(*net), GFP_KERNEL);
	struct parley_vhost *dev;

	KUNIT_ASSERT_NOT_NULL(test, net);
	net->test = test;
	spin_lock_init(&net->lock);
	INIT_LIST_HEAD(&net->kept);
	init_completion(&net->go);
	KUNIT_ASSERT_EQ(test, parley_vhost_register(&net_driver), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, net_end, net), 0);
	dev = parley_vhost_open("kunit-net");
	KUNIT_ASSERT_FALSE(test, IS_ERR(dev));
	net->dev = dev;
	*(struct nic **)parley_vhost_priv(dev) = net;
	KUNIT_ASSERT_EQ(test, parley_vhost_set_owner(dev), 0);
	net_plug(net);
	return net;
}

struct vh_worker *net_worker(struct nic *net)
{
	return rcu_dereference_raw(parley_vhost_get_vq(net->dev, NET_RX)->worker);
}

bool net_rests(struct nic *net)
{
	return vh_until(READ_ONCE(net_worker(net)->sleeping));
}

void net_wire_put(struct nic *net, const void *data, size_t len)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	struct kvec vec = { .iov_base = (void *)data, .iov_len = len };

	KUNIT_ASSERT_EQ(net->test, kernel_sendmsg(net->theirs, &msg, &vec, 1, len), len);
}

int net_wire_get(struct nic *net, void *data, size_t len)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };
	struct kvec vec = { .iov_base = data, .iov_len = len };

	return kernel_recvmsg(net->theirs, &msg, &vec, 1, len, msg.msg_flags);
}

/* ------------------------------------------------------------------ guest */

static void net_end_ring(void *priv)
{
	struct net_ring *g = priv;

	toy_ring_unpair(&g->r);
	kfree(g->mem);
}

void net_ring_close(struct net_ring *g)
{
	kunit_release_action(g->r.test, net_end_ring, g);
}

struct net_ring *net_ring_open(struct nic *net, unsigned int index, u64 features,
			       unsigned int num, unsigned int size)
{
	struct kunit *test = net->test;
	struct net_ring *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, g);
	g->r.test = test;
	g->r.size = num;
	g->size = size;
	g->nr = min(num, ARRAY_SIZE(g->free));
	for (g->nr_free = 0; g->nr_free < g->nr; g->nr_free++)
		g->free[g->nr_free] = g->nr - 1 - g->nr_free;
	g->mem = kcalloc(g->nr, size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, g->mem);
	toy_ring_pair(&g->r, net->dev, index, features | BIT_ULL(VIRTIO_F_VERSION_1));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, net_end_ring, g), 0);
	toy_ring_join(&g->r);
	return g;
}

static u8 *net_put(struct net_ring *g, u32 len, bool out)
{
	u8 *at = g->mem + g->free[--g->nr_free] * g->size;
	struct parley_seg seg = { virt_to_phys(at), len };
	struct parley_buf buf = { .segs = &seg, .n_out = out, .n_in = !out, .cookie = at };

	KUNIT_ASSERT_EQ(g->r.test, parley_drvq_put(g->r.drv, &buf, 1, GFP_KERNEL), 1);
	g->r.put++;
	return at;
}

bool net_post(struct net_ring *g, unsigned int nr)
{
	while (nr--)
		net_put(g, g->size, false);
	return toy_publish(&g->r);
}

void net_send(struct net_ring *g, const void *data, size_t len)
{
	u8 *at = net_put(g, NET_HDR + len, true);

	memcpy(at + NET_HDR, data, len);
	toy_publish(&g->r);
}

static void net_ring_free(struct net_ring *g, const u8 *at)
{
	g->free[g->nr_free++] = (at - g->mem) / g->size;
	g->r.reaped++;
}

unsigned int net_sent(struct net_ring *g)
{
	struct parley_done done;
	unsigned int n = 0;

	for (; parley_drvq_reap(g->r.drv, &done, 1); n++)
		net_ring_free(g, done.cookie);
	return n;
}

/* The next buffer, with its bytes. */
static bool net_next(struct net_ring *g, struct parley_done *done)
{
	unsigned long end = jiffies + 30 * HZ;

	while (!parley_drvq_reap(g->r.drv, done, 1)) {
		int seen = atomic_read(&g->r.calls);

		if (!parley_drvq_arm(g->r.drv, 0))
			continue;
		if (time_after(jiffies, end))
			return false;
		wait_event_timeout(g->r.wait, atomic_read(&g->r.calls) != seen, HZ);
	}
	return true;
}

int net_receive(struct net_ring *g, void *data)
{
	struct virtio_net_hdr_mrg_rxbuf hdr;
	unsigned int left = 1, skip = NET_HDR, len = 0;
	struct parley_done done;

	while (left--) {
		if (!net_next(g, &done))
			return -ETIMEDOUT;
		if (skip) {
			memcpy(&hdr, done.cookie, sizeof(hdr));
			left = __virtio16_to_cpu(true, hdr.num_buffers) - 1;
		}
		if (done.len < skip || len + done.len - skip > NET_PACKET || left > NET_BUFFERS)
			return -EBADMSG;
		memcpy(data + len, done.cookie + skip, done.len - skip);
		len += done.len - skip;
		skip = 0;
		net_ring_free(g, done.cookie);
	}
	return len;
}
