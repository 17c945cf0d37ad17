// SPDX-License-Identifier: GPL-2.0-only
/* A back end of the test's own, and a guest; see wire.h. */
#include <linux/file.h>
#include <linux/if_vlan.h>
#include <linux/slab.h>
#include "wire.h"

static u8 wire_byte(u32 at, u8 seed)
{
	return (at * 2654435761u >> 13) + seed;
}

void wire_make(u8 *data, u32 len, u8 seed)
{
	u32 i;

	for (i = 0; i < len; i++)
		data[i] = wire_byte(i, seed);
}

bool wire_is(const u8 *data, u32 from, u32 len, u8 seed)
{
	u32 i;

	for (i = 0; i < len; i++)
		if (data[i] != wire_byte(from + i, seed))
			return false;
	return true;
}

/* --------------------------------------------------------------- back end */

static struct wire *wire_of(struct socket *sock)
{
	return sock->sk->sk_user_data;
}

static struct wire_frame *wire_frame(u32 len)
{
	struct wire_frame *f = kvzalloc(struct_size(f, data, len), GFP_KERNEL);

	if (f)
		f->len = len;
	return f;
}

static int wire_sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct wire *w = wire_of(sock);
	struct wire_frame *f;

	WRITE_ONCE(w->sends, w->sends + 1);
	if (w->err)
		return w->err;
	if (!READ_ONCE(w->room))
		return -EAGAIN;
	f = wire_frame(len);
	if (!f)
		return -ENOMEM;
	if (copy_from_iter(f->data, len, &msg->msg_iter) != len) {
		kvfree(f);
		return -EFAULT;
	}
	scoped_guard(spinlock_bh, &w->lock) {
		if (w->room > 0)
			w->room--;
		list_add_tail(&f->node, &w->sent);
	}
	return len;
}

static struct wire_frame *wire_first(struct wire *w, struct list_head *list, bool take)
{
	struct wire_frame *f = NULL;

	scoped_guard(spinlock_bh, &w->lock) {
		f = list_first_entry_or_null(list, struct wire_frame, node);
		if (f && take)
			list_del(&f->node);
	}
	return f;
}

/* As a tap: what cannot be written is of no account. */
static void wire_write(struct wire *w, const void *data, size_t len, struct iov_iter *to)
{
	if (copy_to_iter(data, len, to) != len)
		WRITE_ONCE(w->cut, w->cut + 1);
}

/* As a tap: what it knows of a header, and the bytes after it as they were. */
static int wire_recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct wire *w = wire_of(sock);
	u8 hdr[sizeof(struct virtio_net_hdr)];
	struct wire_frame *f = wire_first(w, &w->coming, true);
	int n;

	if (!f)
		return -EAGAIN;
	n = w->wrong ? -EIO : (int)(w->hdr + f->len) + f->more;
	if (w->hdr) {
		memset(hdr, WIRE_HEADER, sizeof(hdr));
		wire_write(w, hdr, sizeof(hdr), &msg->msg_iter);
		iov_iter_advance(&msg->msg_iter, min(w->hdr - sizeof(hdr),
						     iov_iter_count(&msg->msg_iter)));
	}
	wire_write(w, f->data, f->len, &msg->msg_iter);
	kvfree(f);
	return n;
}

static int wire_peek_len(struct socket *sock)
{
	struct wire *w = wire_of(sock);
	struct wire_frame *f = wire_first(w, &w->coming, false);

	return f ? f->len : 0;
}

static int wire_recv_queued(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct sk_buff *skb = skb_dequeue(&sock->sk->sk_receive_queue);
	int n;

	if (!skb)
		return -EAGAIN;
	n = skb->len;
	if (skb_copy_datagram_msg(skb, 0, msg, min_t(size_t, len, n)))
		n = -EFAULT;
	kfree_skb(skb);
	return n;
}

static __poll_t wire_poll(struct file *file, struct socket *sock, poll_table *wait)
{
	struct wire *w = wire_of(sock);
	__poll_t mask = 0;

	sock_poll_wait(file, sock, wait);
	if (!list_empty(&w->coming) || !skb_queue_empty(&sock->sk->sk_receive_queue))
		mask |= EPOLLIN;
	scoped_guard(spinlock_bh, &w->lock) {
		if (w->room)
			mask |= EPOLLOUT;
		else
			w->asked = true;
	}
	return mask;
}

static int wire_release(struct socket *sock)
{
	struct sock *sk = sock->sk;

	skb_queue_purge(&sk->sk_receive_queue);
	sock_orphan(sk);
	sock->sk = NULL;
	sock_put(sk);
	return 0;
}

static const struct proto_ops wire_ops = {
	.family = PF_PACKET, .owner = THIS_MODULE,
	.release = wire_release, .poll = wire_poll,
	.sendmsg = wire_sendmsg, .recvmsg = wire_recvmsg, .peek_len = wire_peek_len,
};

static const struct proto_ops wire_queued_ops = {
	.family = PF_PACKET, .owner = THIS_MODULE,
	.release = wire_release, .poll = wire_poll,
	.sendmsg = wire_sendmsg, .recvmsg = wire_recv_queued,
};

static struct proto wire_proto = {
	.name = "parley-wire", .owner = THIS_MODULE, .obj_size = sizeof(struct sock),
};

static void wire_plug(struct wire *w)
{
	struct kunit *test = w->test;
	struct socket *sock;
	struct sock *sk;

	KUNIT_ASSERT_EQ(test, sock_create_lite(PF_PACKET, SOCK_RAW, 0, &sock), 0);
	sk = sk_alloc(&init_net, PF_PACKET, GFP_KERNEL, &wire_proto, 1);
	if (!sk)
		sock_release(sock);
	KUNIT_ASSERT_NOT_NULL(test, sk);
	sock_init_data(sock, sk);
	sk->sk_user_data = w;
	/* Let go of with the socket. */
	__module_get(THIS_MODULE);
	sock->ops = &wire_ops;
	w->sock = sock;
	w->file = sock_alloc_file(sock, 0, "wire");
	if (IS_ERR(w->file))
		w->file = NULL;
	KUNIT_ASSERT_NOT_NULL(test, w->file);
}

void wire_as_packet_socket(struct wire *w)
{
	w->sock->ops = &wire_queued_ops;
	w->hdr = 0;
}

static void wire_tell(struct wire *w, __poll_t events)
{
	wake_up_interruptible_poll(&w->sock->wq.wait, events);
}

static void wire_put_skb(struct wire *w, u32 len, u8 seed, bool tagged)
{
	struct sk_buff *skb = alloc_skb(len, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(w->test, skb);
	wire_make(skb_put(skb, len), len, seed);
	if (tagged)
		__vlan_hwaccel_put_tag(skb, htons(ETH_P_8021Q), 7);
	skb_queue_tail(&w->sock->sk->sk_receive_queue, skb);
	wire_tell(w, EPOLLIN);
}

void wire_put(struct wire *w, u32 len, u8 seed)
{
	struct wire_frame *f;

	if (!w->sock->ops->peek_len) {
		wire_put_skb(w, len, seed, false);
		return;
	}
	f = wire_frame(len);
	KUNIT_ASSERT_NOT_NULL(w->test, f);
	f->more = w->more;
	wire_make(f->data, len, seed);
	scoped_guard(spinlock_bh, &w->lock)
		list_add_tail(&f->node, &w->coming);
	wire_tell(w, EPOLLIN);
}

void wire_put_tagged(struct wire *w, u32 len, u8 seed)
{
	wire_put_skb(w, len, seed, true);
}

static unsigned int wire_count(struct wire *w, struct list_head *list)
{
	unsigned int n = 0;

	scoped_guard(spinlock_bh, &w->lock)
		n = list_count_nodes(list);
	return n;
}

unsigned int wire_nr_sent(struct wire *w)
{
	return wire_count(w, &w->sent);
}

unsigned int wire_nr_coming(struct wire *w)
{
	return wire_count(w, &w->coming);
}

/* Header and packet, or the packet alone. */
void wire_expect_sent(struct wire *w, u32 len, u8 seed)
{
	struct wire_frame *f;
	u32 hdr = w->hdr;

	KUNIT_ASSERT_TRUE(w->test, vh_until(wire_nr_sent(w)));
	f = wire_first(w, &w->sent, true);
	KUNIT_EXPECT_EQ(w->test, f->len, hdr + len);
	if (f->len == hdr + len)
		KUNIT_EXPECT_TRUE(w->test, wire_is(f->data, VHN_HDR - hdr, f->len, seed));
	kvfree(f);
}

void wire_make_room(struct wire *w, int room)
{
	bool asked = false;

	scoped_guard(spinlock_bh, &w->lock) {
		WRITE_ONCE(w->room, room);
		if (room)
			swap(asked, w->asked);
	}
	if (asked)
		wire_tell(w, EPOLLOUT);
}

/* ------------------------------------------------------------------ guest */

static bool wire_notify(struct parley_drvq *q, u32 data)
{
	struct wire_ring *r = parley_drvq_priv(q);

	parley_vhost_vq_wake(r->vq);
	return true;
}

/* The test looks by itself, and counts. */
static void wire_called(void *priv)
{
	struct wire_ring *r = priv;

	atomic_inc(&r->calls);
}

void wire_chain(struct wire *w, unsigned int index, const u32 *out, unsigned int n_out,
		const u32 *in, unsigned int n_in, u8 seed)
{
	struct parley_seg *segs = kunit_kcalloc(w->test, n_out + n_in, sizeof(*segs),
						GFP_KERNEL);
	struct parley_buf buf = { .segs = segs, .n_out = n_out, .n_in = n_in };
	struct parley_drvq *drv = w->rings[index].drv;
	struct wire_buf *b;
	u32 size = 0, n;
	unsigned int i;

	for (i = 0; i < n_out + n_in; i++)
		size += i < n_out ? out[i] : in[i - n_out];
	b = kmalloc(struct_size(b, data, size), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(w->test, segs);
	KUNIT_ASSERT_NOT_NULL(w->test, b);
	b->size = size;
	memset(b->data, WIRE_POISON, size);
	for (i = 0, size = 0; i < n_out + n_in; i++, size += n) {
		n = i < n_out ? out[i] : in[i - n_out];
		segs[i] = (struct parley_seg){ virt_to_phys(b->data + size), n };
		if (i + 1 == n_out)
			wire_make(b->data, size + n, seed);
	}
	if (w->plain && n_out)
		memset(b->data, 0, VHN_HDR);
	buf.cookie = b;
	KUNIT_ASSERT_EQ(w->test, parley_drvq_put(drv, &buf, 1, GFP_KERNEL), 1);
	kunit_kfree(w->test, segs);
	if (parley_drvq_publish(drv))
		parley_drvq_kick(drv);
}

void wire_post(struct wire *w, u32 size)
{
	wire_chain(w, WIRE_RX, NULL, 0, &size, 1, 0);
}

void wire_send(struct wire *w, u32 len, u8 seed)
{
	u32 out[] = { VHN_HDR, len };

	wire_chain(w, WIRE_TX, out, 2, NULL, 0, seed);
}

struct wire_buf *wire_next(struct wire *w, unsigned int index)
{
	struct parley_done done;
	struct wire_buf *b;

	if (!vh_until(parley_drvq_reap(w->rings[index].drv, &done, 1)))
		return NULL;
	b = done.cookie;
	b->len = done.len;
	return b;
}

void wire_expect_back(struct wire *w, unsigned int index, u32 len)
{
	struct wire_buf *b = wire_next(w, index);

	KUNIT_ASSERT_NOT_NULL(w->test, b);
	KUNIT_EXPECT_EQ(w->test, b->len, len);
	kfree(b);
}

/* The header: the back end's, or ours; how many buffers is always ours. */
static unsigned int wire_header(struct wire *w, const struct wire_buf *b)
{
	struct virtio_net_hdr_v1 hdr;

	memcpy(&hdr, b->data, sizeof(hdr));
	KUNIT_EXPECT_EQ(w->test, hdr.flags, w->hdr ? WIRE_HEADER : 0);
	KUNIT_EXPECT_EQ(w->test, hdr.gso_type, w->hdr ? WIRE_HEADER : 0);
	return vr16_to_cpu(hdr.num_buffers);
}

void wire_expect_packet(struct wire *w, u32 len, u8 seed, unsigned int nr)
{
	u32 skip = VHN_HDR, done = 0;
	struct wire_buf *b;
	unsigned int i;

	for (i = 0; i < nr; i++, skip = 0) {
		b = wire_next(w, WIRE_RX);
		KUNIT_ASSERT_NOT_NULL(w->test, b);
		KUNIT_ASSERT_GE(w->test, b->len, skip);
		if (!i)
			KUNIT_EXPECT_EQ(w->test, wire_header(w, b), nr);
		/* All but the last one are full. */
		KUNIT_EXPECT_EQ(w->test, b->len, min(b->size, len + skip - done));
		KUNIT_EXPECT_TRUE(w->test, wire_is(b->data + skip, done, b->len - skip,
						   seed));
		KUNIT_EXPECT_PTR_EQ(w->test, memchr_inv(b->data + b->len, WIRE_POISON,
							b->size - b->len), NULL);
		done += b->len - skip;
		kfree(b);
	}
	KUNIT_EXPECT_EQ(w->test, done, len);
}

void wire_expect_nothing(struct wire *w, unsigned int index)
{
	struct parley_done done;

	msleep(20);
	KUNIT_EXPECT_EQ(w->test, parley_drvq_reap(w->rings[index].drv, &done, 1), 0);
}

u64 wire_dropped(struct wire *w, unsigned int index)
{
	const struct vhn_vq *q = parley_vhost_vq_priv(w->rings[index].vq);

	return READ_ONCE(q->dropped);
}

/* ------------------------------------------------------------------- life */

static void wire_pair(struct wire *w, unsigned int index)
{
	struct wire_ring *r = &w->rings[index];
	struct parley_drvq_config drv = {
		.name = "wire", .index = index, .size = WIRE_RING,
		.features = w->features, .notify = wire_notify, .priv = r,
	};
	struct parley_devq_config dev = {
		.name = "wire", .index = index, .size = WIRE_RING,
		.features = w->features, .map = &w->map,
	};

	r->wire = w;
	r->vq = parley_vhost_get_vq(w->dev, index);
	r->drv = parley_drvq_create(&drv);
	KUNIT_ASSERT_FALSE(w->test, IS_ERR(r->drv));
	parley_drvq_addr(r->drv, &dev.addr);
	dev.addr.desc = (unsigned long)phys_to_virt(dev.addr.desc);
	dev.addr.driver = (unsigned long)phys_to_virt(dev.addr.driver);
	dev.addr.device = (unsigned long)phys_to_virt(dev.addr.device);
	r->dev = parley_devq_create(&dev);
	KUNIT_ASSERT_FALSE(w->test, IS_ERR(r->dev));
}

static void wire_unpair(struct wire_ring *r)
{
	void *cookie;

	if (!IS_ERR_OR_NULL(r->dev))
		parley_devq_destroy(r->dev);
	if (IS_ERR_OR_NULL(r->drv))
		return;
	while ((cookie = parley_drvq_detach(r->drv)))
		kfree(cookie);
	parley_drvq_destroy(r->drv);
}

int wire_attach(struct wire *w, unsigned int index, struct file *file)
{
	guard(mutex)(&w->dev->mutex);
	return parley_vhost_net_attach(w->dev, index, file);
}

void wire_join(struct wire *w, unsigned int index)
{
	struct wire_ring *r = &w->rings[index];
	struct parley_vhost_ring ring = { .vq = r->dev, .call = wire_called, .priv = r };

	KUNIT_ASSERT_EQ(w->test, parley_vhost_vq_join(r->vq, &ring), 0);
	r->joined = true;
}

void wire_leave(struct wire *w, unsigned int index)
{
	struct wire_ring *r = &w->rings[index];

	if (r->joined)
		parley_vhost_vq_leave(r->vq);
	r->joined = false;
}

void wire_run(struct wire *w)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(w->rings); i++) {
		KUNIT_ASSERT_EQ(w->test, wire_attach(w, i, w->file), 0);
		wire_join(w, i);
	}
}

void wire_stop(struct wire *w)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(w->rings); i++)
		wire_leave(w, i);
}

static void wire_forget(struct wire *w, struct list_head *list)
{
	struct wire_frame *f, *next;

	list_for_each_entry_safe(f, next, list, node)
		kvfree(f);
}

static void wire_close(void *priv)
{
	struct wire *w = priv;
	unsigned int i;

	wire_stop(w);
	for (i = 0; i < ARRAY_SIZE(w->rings); i++)
		wire_unpair(&w->rings[i]);
	if (!IS_ERR_OR_NULL(w->dev))
		parley_vhost_close(w->dev);
	/* The last reference: the device has let go of its own. */
	if (w->file)
		__fput_sync(w->file);
	wire_forget(w, &w->sent);
	wire_forget(w, &w->coming);
}

struct wire *wire_open(struct kunit *test, u64 features)
{
	struct wire *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	struct parley_features set;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->test = test;
	w->features = features | BIT_ULL(VIRTIO_F_VERSION_1);
	w->hdr = features & BIT_ULL(VHOST_NET_F_VIRTIO_NET_HDR) ? 0 : VHN_HDR;
	w->room = -1;
	spin_lock_init(&w->lock);
	INIT_LIST_HEAD(&w->sent);
	INIT_LIST_HEAD(&w->coming);
	w->region = (struct parley_region){
		.size = 1ull << 46, .host = (unsigned long)phys_to_virt(0),
		.perm = PARLEY_MEM_READ | PARLEY_MEM_WRITE,
	};
	w->map = (struct parley_memmap){ .nr = 1, .regions = &w->region };
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, wire_close, w), 0);
	wire_plug(w);
	w->dev = parley_vhost_open("net");
	KUNIT_ASSERT_FALSE(test, IS_ERR(w->dev));
	KUNIT_ASSERT_EQ(test, parley_vhost_set_owner(w->dev), 0);
	parley_features_set(&set, w->features, 0);
	KUNIT_ASSERT_EQ(test, parley_vhost_set_features(w->dev, &set), 0);
	for (i = 0; i < ARRAY_SIZE(w->rings); i++)
		wire_pair(w, i);
	return w;
}
