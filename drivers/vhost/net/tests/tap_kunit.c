// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost net on a real tap of this kernel: what is sent is seen on its interface, and
 * what is received was sent by it.
 */
#include <linux/file.h>
#include <linux/if_vlan.h>
#include <linux/if_tun.h>
#include <linux/mman.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <parley/compat.h>
#include "wire.h"

#define MERGEABLE	BIT_ULL(VIRTIO_NET_F_MRG_RXBUF)
#define BARE		BIT_ULL(VHOST_NET_F_VIRTIO_NET_HDR)
#define EVENT		BIT_ULL(VIRTIO_RING_F_EVENT_IDX)
#define PACKED		BIT_ULL(VIRTIO_F_RING_PACKED)
#define IN_ORDER	BIT_ULL(VIRTIO_F_IN_ORDER)

#define MANY		96u	/* packets that are there at once */
#define SMALL		200u	/* bytes of one of them */

struct tap_shape {
	const char *name;
	u64 features;
};

static const struct tap_shape tap_shapes[] = {
	{ "split", 0 },
	{ "split event in order bare", EVENT | IN_ORDER | BARE },
	{ "packed event", PACKED | EVENT },
	{ "packed in order bare", PACKED | IN_ORDER | BARE },
};

static void tap_shape_desc(const struct tap_shape *s, char *desc)
{
	strscpy(desc, s->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(tap_shape, tap_shapes, tap_shape_desc);

/**
 * struct tap - a tap, and a guest on it
 * @w: the guest
 * @file: the tap
 * @dev: its interface
 * @user: memory for arguments
 * @look: at what comes from the interface
 * @looks: that is hooked in
 * @seen: what came
 */
struct tap {
	struct wire *w;
	struct file *file;
	struct net_device *dev;
	unsigned long user;
	struct packet_type look;
	bool looks;
	struct sk_buff_head seen;
};

static int tap_look(struct sk_buff *skb, struct net_device *dev, struct packet_type *look,
		    struct net_device *orig)
{
	struct tap *t = look->af_packet_priv;

	if (skb->pkt_type == PACKET_OUTGOING) {
		consume_skb(skb);
		return 0;
	}
	skb = skb_share_check(skb, GFP_ATOMIC);
	if (skb)
		skb_queue_tail(&t->seen, skb);
	return 0;
}

static void tap_call(struct tap *t, unsigned int cmd, const void *arg, size_t len)
{
	struct kunit *test = t->w->test;

	KUNIT_ASSERT_EQ(test, copy_to_user((void __user *)t->user, arg, len), 0);
	KUNIT_ASSERT_EQ(test, t->file->f_op->unlocked_ioctl(t->file, cmd, t->user), 0);
}

static void tap_unlook(struct tap *t)
{
	if (t->looks)
		dev_remove_pack(&t->look);
	t->looks = false;
	if (t->dev)
		dev_put(t->dev);
	t->dev = NULL;
}

/* Before the device goes: it holds the tap, and the tap's last user takes it away. */
static void tap_close(void *priv)
{
	struct tap *t = priv;
	unsigned int i;

	for (i = WIRE_RX; i <= WIRE_TX; i++) {
		wire_leave(t->w, i);
		wire_attach(t->w, i, NULL);
	}
	tap_unlook(t);
	skb_queue_purge(&t->seen);
	if (t->file)
		__fput_sync(t->file);
}

static void tap_make(struct tap *t)
{
	bool bare = t->w->features & BARE;
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | (bare ? 0 : IFF_VNET_HDR) };
	struct kunit *test = t->w->test;
	struct file *file = NULL;
	int hdr = VHN_HDR;

	scoped_with_init_fs()
		file = filp_open("/dev/net/tun", O_RDWR | O_NONBLOCK, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	t->file = file;
	strscpy(ifr.ifr_name, "parley-tap%d");
	tap_call(t, TUNSETIFF, &ifr, sizeof(ifr));
	KUNIT_ASSERT_EQ(test, copy_from_user(&ifr, (void __user *)t->user, sizeof(ifr)), 0);
	tap_call(t, TUNSETVNETHDRSZ, &hdr, sizeof(hdr));
	t->dev = dev_get_by_name(&init_net, ifr.ifr_name);
	KUNIT_ASSERT_NOT_NULL(test, t->dev);
	/* Nobody says anything on it by himself. */
	t->dev->priv_flags |= IFF_NO_ADDRCONF;
	rtnl_lock();
	KUNIT_EXPECT_EQ(test, dev_open(t->dev, NULL), 0);
	rtnl_unlock();
	t->look.type = htons(ETH_P_ALL);
	t->look.dev = t->dev;
	t->look.func = tap_look;
	t->look.af_packet_priv = t;
	dev_add_pack(&t->look);
	t->looks = true;
}

static struct tap *tap_open(struct kunit *test, u64 features)
{
	struct tap *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, t);
	if (test->param_value)
		features |= ((const struct tap_shape *)test->param_value)->features;
	t->user = kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ | PROT_WRITE,
				MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, t->user, 0);
	t->w = wire_open(test, features);
	t->w->plain = true;
	skb_queue_head_init(&t->seen);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, tap_close, t), 0);
	tap_make(t);
	for (i = WIRE_RX; i <= WIRE_TX; i++)
		KUNIT_ASSERT_EQ(test, wire_attach(t->w, i, t->file), 0);
	return t;
}

static void tap_run(struct tap *t)
{
	wire_join(t->w, WIRE_RX);
	wire_join(t->w, WIRE_TX);
}

/* What the guest sent is on the interface, and its buffer is back. */
static void tap_expect_seen(struct tap *t, u32 len, u8 seed)
{
	struct kunit *test = t->w->test;
	struct sk_buff *skb;

	KUNIT_ASSERT_TRUE(test, vh_until(!skb_queue_empty(&t->seen)));
	skb = skb_dequeue(&t->seen);
	KUNIT_EXPECT_EQ(test, skb->len + ETH_HLEN, len);
	if (skb->len + ETH_HLEN == len && !skb_linearize(skb))
		KUNIT_EXPECT_TRUE(test, wire_is(skb_mac_header(skb), VHN_HDR, len, seed));
	kfree_skb(skb);
	wire_expect_back(t->w, WIRE_TX, 0);
}

/* The interface has something for the guest. */
static void tap_put(struct tap *t, u32 len, u8 seed, bool tagged)
{
	struct sk_buff *skb = alloc_skb(len + LL_MAX_HEADER, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(t->w->test, skb);
	skb_reserve(skb, LL_MAX_HEADER);
	wire_make(skb_put(skb, len), len, seed);
	skb_reset_mac_header(skb);
	skb->dev = t->dev;
	skb->protocol = htons(ETH_P_LOOPBACK);
	if (tagged)
		__vlan_hwaccel_put_tag(skb, htons(ETH_P_8021Q), 7);
	KUNIT_EXPECT_EQ(t->w->test, dev_queue_xmit(skb), 0);
}

/* A packet in one buffer, and its bytes; for kfree(). */
static struct wire_buf *tap_next(struct tap *t, u32 len)
{
	struct wire_buf *b = wire_next(t->w, WIRE_RX);
	struct virtio_net_hdr_v1 hdr;

	KUNIT_ASSERT_NOT_NULL(t->w->test, b);
	KUNIT_EXPECT_EQ(t->w->test, b->len, VHN_HDR + len);
	memcpy(&hdr, b->data, sizeof(hdr));
	KUNIT_EXPECT_EQ(t->w->test, vr16_to_cpu(hdr.num_buffers), 1);
	KUNIT_EXPECT_EQ(t->w->test, hdr.flags | hdr.gso_type, 0);
	return b;
}

static void tap_expect_packet(struct tap *t, u32 len, u8 seed)
{
	struct wire_buf *b = tap_next(t, len);

	KUNIT_EXPECT_TRUE(t->w->test, wire_is(b->data + VHN_HDR, 0, len, seed));
	kfree(b);
}

static const struct vhn_vq *tap_vq(struct tap *t, unsigned int index)
{
	return parley_vhost_vq_priv(t->w->rings[index].vq);
}

/* ------------------------------------------------------------------ tests */

/* Small ones, which go together, and others, which do not; in their order. */
static void tap_sends(struct kunit *test)
{
	static const u32 lengths[] = { 14, 60, 1514, 60, 3000, 9014, 14, 65535, 61 };
	struct tap *t = tap_open(test, 0);
	unsigned int i;

	tap_run(t);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		wire_send(t->w, lengths[i], i);
		tap_expect_seen(t, lengths[i], i);
	}
	wire_leave(t->w, WIRE_TX);
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		wire_send(t->w, lengths[i], i);
	wire_join(t->w, WIRE_TX);
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		tap_expect_seen(t, lengths[i], i);
	KUNIT_EXPECT_EQ(test, wire_dropped(t->w, WIRE_TX), 0);
}

/* Calls into the tap for packets that are there at once. */
static u64 tap_calls_to_send(struct tap *t)
{
	unsigned int i;

	for (i = 0; i < MANY; i++)
		wire_send(t->w, SMALL, i);
	wire_join(t->w, WIRE_TX);
	for (i = 0; i < MANY; i++)
		tap_expect_seen(t, SMALL, i);
	KUNIT_EXPECT_EQ(t->w->test, tap_vq(t, WIRE_TX)->packets, MANY);
	return tap_vq(t, WIRE_TX)->calls;
}

/* A limit of what is under way has to be kept packet by packet. */
static void tap_sends_many(struct kunit *test)
{
	struct tap *t = tap_open(test, 0);
	int sndbuf = SZ_4M;
	u64 many, one;

	many = tap_calls_to_send(t);
	KUNIT_EXPECT_LE(test, many, MANY / 8);
	wire_leave(t->w, WIRE_TX);
	tap_call(t, TUNSETSNDBUF, &sndbuf, sizeof(sndbuf));
	one = tap_calls_to_send(t);
	KUNIT_EXPECT_EQ(test, one, MANY);
	kunit_info(test, "%u packets sent: %llu calls, %llu one by one, %d signals\n", MANY,
		   many, one, atomic_read(&t->w->rings[WIRE_TX].calls));
}

static void tap_receives(struct kunit *test)
{
	struct tap *t = tap_open(test, 0);
	unsigned int i;
	u64 calls;

	for (i = 0; i < MANY; i++) {
		wire_post(t->w, 2000);
		tap_put(t, SMALL + i, i, false);
	}
	wire_join(t->w, WIRE_RX);
	for (i = 0; i < MANY; i++)
		tap_expect_packet(t, SMALL + i, i);
	calls = tap_vq(t, WIRE_RX)->calls;
	/* Each is filled in by itself; to find them takes few more. */
	KUNIT_EXPECT_LE(test, calls, MANY + MANY / VHN_RX_TAKEN + 4);
	KUNIT_EXPECT_LE(test, atomic_read(&t->w->rings[WIRE_RX].calls),
			(int)(MANY / VHN_RX_TURN) + 1);
	KUNIT_EXPECT_EQ(test, wire_dropped(t->w, WIRE_RX), 0);
	kunit_info(test, "%u packets received: %llu calls, %u one by one, %d signals\n", MANY,
		   calls, 2 * MANY, atomic_read(&t->w->rings[WIRE_RX].calls));
}

/* What was taken and has no buffer goes back to the tap when the ring stops. */
static void tap_stops_with_packets_taken(struct kunit *test)
{
	struct tap *t = tap_open(test, MERGEABLE);
	unsigned int i, n = 0;

	for (i = 0; i < MANY; i++)
		tap_put(t, SMALL, i, false);
	for (; n < MANY; n += 16) {
		for (i = 0; i < 16; i++)
			wire_post(t->w, 2000);
		wire_join(t->w, WIRE_RX);
		for (i = 0; i < 16; i++)
			tap_expect_packet(t, SMALL, n + i);
		wire_leave(t->w, WIRE_RX);
	}
	wire_join(t->w, WIRE_RX);
	wire_post(t->w, 2000);
	tap_put(t, SMALL, 200, false);
	tap_expect_packet(t, SMALL, 200);
}

/* A tag beside the bytes is among them afterwards, and was counted. */
static void tap_receives_tagged(struct kunit *test)
{
	struct tap *t = tap_open(test, 0);
	struct vlan_ethhdr *eth;
	struct wire_buf *b;

	tap_run(t);
	wire_post(t->w, VHN_HDR + SMALL + VLAN_HLEN);
	tap_put(t, SMALL, 1, true);
	b = tap_next(t, SMALL + VLAN_HLEN);
	eth = (struct vlan_ethhdr *)(b->data + VHN_HDR);
	KUNIT_EXPECT_EQ(test, ntohs(eth->h_vlan_proto), ETH_P_8021Q);
	KUNIT_EXPECT_EQ(test, ntohs(eth->h_vlan_TCI), 7);
	KUNIT_EXPECT_TRUE(test, wire_is(b->data + VHN_HDR, 0, 2 * ETH_ALEN, 1));
	KUNIT_EXPECT_TRUE(test, wire_is(b->data + VHN_HDR + 2 * ETH_ALEN + VLAN_HLEN,
					2 * ETH_ALEN, SMALL - 2 * ETH_ALEN, 1));
	kfree(b);
}

/*
 * Whoever does not read his packets, or does not take those of his guest, holds up
 * nobody: neither his own guest's other ring, nor another guest on another tap.
 */
static void tap_slow_readers(struct kunit *test)
{
	struct tap *fast = tap_open(test, 0);
	struct wire *slow = wire_open(test, MERGEABLE);
	unsigned int i;

	wire_make_room(slow, 0);
	wire_run(slow);
	tap_run(fast);
	for (i = 0; i < MANY; i++) {
		wire_send(slow, SMALL, i);
		wire_put(slow, SMALL, i);
	}
	for (i = 0; i < MANY; i++) {
		wire_send(fast->w, SMALL, i);
		tap_expect_seen(fast, SMALL, i);
		wire_post(fast->w, 2000);
		tap_put(fast, SMALL, i, false);
		tap_expect_packet(fast, SMALL, i);
		wire_post(slow, 2000);
		wire_expect_packet(slow, SMALL, i, 1);
	}
	KUNIT_EXPECT_EQ(test, wire_nr_sent(slow), 0);
	wire_make_room(slow, -1);
	for (i = 0; i < MANY; i++) {
		wire_expect_sent(slow, SMALL, i);
		wire_expect_back(slow, WIRE_TX, 0);
	}
	KUNIT_EXPECT_EQ(test, wire_dropped(slow, WIRE_TX) + wire_dropped(slow, WIRE_RX), 0);
}

/* One that fits nowhere is lost, and not those that were taken with it. */
static void bad_03_a_packet_of_a_tap_that_is_too_long(struct kunit *test)
{
	struct tap *t = tap_open(test, 0);
	unsigned int i;

	for (i = 0; i < 3; i++) {
		wire_post(t->w, VHN_HDR + SMALL);
		tap_put(t, SMALL, i, false);
		tap_put(t, SMALL + 1, 100, false);
	}
	wire_join(t->w, WIRE_RX);
	for (i = 0; i < 3; i++)
		tap_expect_packet(t, SMALL, i);
	KUNIT_EXPECT_TRUE(test, vh_until(wire_dropped(t->w, WIRE_RX) >= 2));
}

/* Headers that make no sense, and packets shorter than those of Ethernet. */
static void bad_38_headers_that_a_tap_refuses(struct kunit *test)
{
	struct tap *t = tap_open(test, 0);
	unsigned int i;

	wire_leave(t->w, WIRE_TX);
	t->w->plain = false;
	for (i = 0; i < 20; i++) {
		wire_send(t->w, SMALL, i);
		wire_send(t->w, 1 + i % (ETH_HLEN - 1), i);
	}
	t->w->plain = true;
	wire_send(t->w, SMALL, 100);
	wire_join(t->w, WIRE_TX);
	for (i = 0; i < 40; i++)
		wire_expect_back(t->w, WIRE_TX, 0);
	wire_expect_back(t->w, WIRE_TX, 0);
	/* Some of the headers may be good by accident. */
	KUNIT_ASSERT_TRUE(test, vh_until(!skb_queue_empty(&t->seen)));
	KUNIT_EXPECT_LE(test, skb_queue_len(&t->seen), 21);
	KUNIT_EXPECT_GE(test, wire_dropped(t->w, WIRE_TX), 20);
}

static void tap_up(struct tap *t, bool up)
{
	rtnl_lock();
	if (up)
		KUNIT_EXPECT_EQ(t->w->test, dev_open(t->dev, NULL), 0);
	else
		dev_close(t->dev);
	rtnl_unlock();
}

/* A guest whose interface is down is cut off, however many packets it sends. */
static void bad_11_an_interface_that_is_down(struct kunit *test)
{
	struct tap *t = tap_open(test, 0);
	unsigned int i;

	tap_up(t, false);
	for (i = 0; i < MANY; i++)
		wire_send(t->w, SMALL, i);
	wire_join(t->w, WIRE_TX);
	for (i = 0; i < MANY; i++)
		wire_expect_back(t->w, WIRE_TX, 0);
	KUNIT_EXPECT_TRUE(test, skb_queue_empty(&t->seen));
	KUNIT_EXPECT_EQ(test, wire_dropped(t->w, WIRE_TX), MANY);
	tap_up(t, true);
	wire_send(t->w, SMALL, 1);
	tap_expect_seen(t, SMALL, 1);
}

/* The interface goes under a guest that sends and receives. */
static void bad_11_an_interface_that_goes(struct kunit *test)
{
	struct tap *t = tap_open(test, 0);
	unsigned int i;

	for (i = 0; i < MANY; i++)
		tap_put(t, SMALL, i, false);
	wire_post(t->w, 2000);
	tap_run(t);
	tap_expect_packet(t, SMALL, 0);
	rtnl_lock();
	unregister_netdevice(t->dev);
	/* It is gone when the lock is let go of, and waits for us there. */
	tap_unlook(t);
	rtnl_unlock();
	for (i = 0; i < 10; i++) {
		wire_post(t->w, 2000);
		wire_send(t->w, SMALL, i);
		wire_expect_back(t->w, WIRE_TX, 0);
	}
	KUNIT_EXPECT_EQ(test, wire_dropped(t->w, WIRE_TX), 10);
	/* What was taken before is nobody's, and no packet that it did not fill is told of. */
	KUNIT_EXPECT_TRUE(test, vh_until(wire_dropped(t->w, WIRE_RX) == VHN_RX_TAKEN - 1));
	wire_expect_nothing(t->w, WIRE_RX);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(tap_sends, tap_shape_gen_params),
	KUNIT_CASE_PARAM(tap_sends_many, tap_shape_gen_params),
	KUNIT_CASE_PARAM(tap_receives, tap_shape_gen_params),
	KUNIT_CASE_PARAM(tap_stops_with_packets_taken, tap_shape_gen_params),
	KUNIT_CASE(tap_receives_tagged),
	KUNIT_CASE(tap_slow_readers),
	KUNIT_CASE(bad_03_a_packet_of_a_tap_that_is_too_long),
	KUNIT_CASE(bad_11_an_interface_that_goes),
	KUNIT_CASE(bad_11_an_interface_that_is_down),
	KUNIT_CASE(bad_38_headers_that_a_tap_refuses),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_vhost_net_tap",
	.test_cases = cases,
};

kunit_test_suite(suite);
