// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's side, and what tests have in common; see peer.h.
 */
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/kthread.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include "peer.h"

#define PATIENCE_MS	20000

static const struct peer_format formats[] = {
	{ "split", BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |
		   BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC), PEER_RING },
	{ "split, direct", 0, PEER_RING },
	{ "packed", BIT_ULL(VIRTIO_F_RING_PACKED) | BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |
		    BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC), PEER_RING },
	{ "packed, direct, in order", BIT_ULL(VIRTIO_F_RING_PACKED) |
				      BIT_ULL(VIRTIO_F_IN_ORDER), PEER_RING - 1 },
};

const void *peer_format_gen(struct kunit *test, const void *prev, char *desc)
{
	const struct peer_format *f = prev;

	f = f ? f + 1 : formats;
	if (f == formats + ARRAY_SIZE(formats))
		return NULL;
	strscpy(desc, f->name, KUNIT_PARAM_DESC_SIZE);
	return f;
}

/* What the stack says of a packet, in the words of a header. */
static void peer_note_skb(struct peer_frame *f, const struct sk_buff *skb)
{
	const struct skb_shared_info *info = skb_shinfo(skb);

	f->queue = skb_get_rx_queue(skb);
	f->meta = skb_metadata_len(skb);
	f->hash = skb->hash;
	f->l4 = skb->l4_hash;
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		f->hdr.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		f->hdr.csum_start = cpu_to_vr16(skb_checksum_start_offset(skb) + ETH_HLEN);
		f->hdr.csum_offset = cpu_to_vr16(skb->csum_offset);
	} else if (skb->ip_summed == CHECKSUM_UNNECESSARY) {
		f->hdr.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	}
	f->hdr.gso_size = cpu_to_vr16(info->gso_size);
	if (info->gso_type & SKB_GSO_TCPV4)
		f->hdr.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
	else if (info->gso_type & SKB_GSO_TCPV6)
		f->hdr.gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
	else if (info->gso_type & SKB_GSO_UDP_L4)
		f->hdr.gso_type = VIRTIO_NET_HDR_GSO_UDP_L4;
}

static int peer_tap(struct sk_buff *skb, struct net_device *dev, struct packet_type *tap,
		    struct net_device *orig)
{
	struct peer *p = container_of(tap, struct peer, tap);
	struct peer_frame *f;
	u32 len = skb->len + ETH_HLEN;

	if (skb->pkt_type == PACKET_OUTGOING)
		goto free;
	f = kzalloc(struct_size(f, data, len), GFP_ATOMIC);
	if (!f)
		goto free;
	f->len = len;
	/* The Ethernet header is before what the stack calls data. */
	memcpy(f->data, skb_mac_header(skb), ETH_HLEN);
	if (skb_copy_bits(skb, 0, f->data + ETH_HLEN, skb->len))
		f->len = 0;
	peer_note_skb(f, skb);
	scoped_guard(spinlock_bh, &p->lock)
		list_add_tail(&f->node, &p->came);
free:
	kfree_skb(skb);
	return 0;
}

int peer_up(struct peer *p, bool up)
{
	int err = 0;

	rtnl_lock();
	if (up)
		err = dev_open(p->dev, NULL);
	else
		dev_close(p->dev);
	rtnl_unlock();
	return err;
}

static void peer_free(void *arg)
{
	struct peer *p = arg;

	if (p->tap.dev)
		dev_remove_pack(&p->tap);
	peer_destroy(p);
}

void peer_end(struct kunit *test, struct peer *p)
{
	kunit_release_action(test, peer_free, p);
}

/* The test's, or the first one: a parameter may be something else. */
static const struct peer_format *format_of(const struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(formats); i++)
		if (test->param_value == &formats[i])
			return &formats[i];
	return &formats[0];
}

/* A device of the test's format, taken by the front-end, and the interface up. */
struct peer *peer_new(struct kunit *test, u64 features, unsigned int pairs)
{
	return peer_new_with(test, features, pairs, (struct virtio_net_config) {});
}

/* The same; its configuration is completed. */
struct peer *peer_new_with(struct kunit *test, u64 features, unsigned int pairs,
			   struct virtio_net_config config)
{
	const struct peer_format *format = format_of(test);
	static const u8 mac[ETH_ALEN] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
	struct peer *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	p->config = config;
	memcpy(p->config.mac, mac, ETH_ALEN);
	p->config.status = cpu_to_vr16(VIRTIO_NET_S_LINK_UP);
	p->config.max_virtqueue_pairs = cpu_to_vr16(pairs);
	p->config.mtu = cpu_to_vr16(ETH_DATA_LEN);
	KUNIT_ASSERT_EQ(test, 0, peer_create(p, features | format->features, pairs,
					     format->ring));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, peer_free, p));
	KUNIT_ASSERT_NOT_NULL_MSG(test, p->pd->dev.driver, "is parley_net loaded?");
	p->net = p->pd->priv;
	p->dev = p->net->dev;
	p->tap.type = htons(ETH_P_ALL);
	p->tap.func = peer_tap;
	p->tap.dev = p->dev;
	dev_add_pack(&p->tap);
	KUNIT_ASSERT_EQ(test, 0, peer_up(p, true));
	return p;
}

/* An Ethernet header for the guest, and bytes of which each depends on its place. */
void peer_fill(u8 *data, u32 len, u32 seed)
{
	u32 i;

	for (i = 0; i < len; i++)
		data[i] = (i * 2654435761u + seed * 40503u) >> 13;
	memset(data, 0xff, min_t(u32, len, ETH_ALEN));
	if (len >= ETH_HLEN)
		*(__be16 *)(data + 2 * ETH_ALEN) = htons(PEER_ETHERTYPE);
	/* Not a group's address, as a source. */
	if (len >= 2 * ETH_ALEN)
		data[ETH_ALEN] &= ~1;
}

bool peer_matches(const struct peer_frame *f, u32 len, u32 seed)
{
	u8 *want = kvmalloc(len, GFP_KERNEL);
	bool same = false;

	if (want && f->len == len) {
		peer_fill(want, len, seed);
		same = !memcmp(want, f->data, len);
	}
	kvfree(want);
	return same;
}

/* A packet of the stack's: all linear, or with the rest in so many fragments. */
struct sk_buff *peer_skb(struct peer *p, u32 len, u32 seed, unsigned int headroom,
			 unsigned int frags)
{
	u32 linear = frags ? min_t(u32, len, 64) : len, at = linear, i;
	struct sk_buff *skb = alloc_skb(headroom + len, GFP_KERNEL);
	u8 *data = kvmalloc(len, GFP_KERNEL);

	if (!skb || !data)
		goto free;
	peer_fill(data, len, seed);
	skb_reserve(skb, headroom);
	skb_put_data(skb, data, linear);
	for (i = 0; i < frags; i++) {
		u32 part = i + 1 < frags ? (len - linear) / frags : len - at;
		struct page *page = alloc_pages(GFP_KERNEL, get_order(part));

		if (!page)
			goto free;
		/* Not from the page's beginning, where there is room. */
		memcpy(page_address(page), data + at, part);
		skb_add_rx_frag(skb, i, page, 0, part, part);
		at += part;
	}
	kvfree(data);
	skb->dev = p->dev;
	skb->protocol = htons(PEER_ETHERTYPE);
	skb_reset_mac_header(skb);
	skb_set_network_header(skb, ETH_HLEN);
	return skb;
free:
	kvfree(data);
	kfree_skb(skb);
	return NULL;
}

/* By the way that everything goes. */
int peer_transmit(struct peer *p, u32 len, u32 seed)
{
	struct sk_buff *skb = peer_skb(p, len, seed, 64, 0);

	return skb ? dev_queue_xmit(skb) : -ENOMEM;
}

/* The next that came, for kfree(); NULL: none. */
struct peer_frame *peer_next(struct peer *p, struct list_head *list)
{
	struct peer_frame *f;

	spin_lock_bh(&p->lock);
	f = list_first_entry_or_null(list, struct peer_frame, node);
	if (f)
		list_del(&f->node);
	spin_unlock_bh(&p->lock);
	return f;
}

/* The next, soon. */
struct peer_frame *peer_wait(struct kunit *test, struct peer *p, struct list_head *list)
{
	struct peer_frame *f;
	unsigned int ms;

	for (ms = 0; ms < PATIENCE_MS; ms++) {
		f = peer_next(p, list);
		if (f)
			return f;
		fsleep(1000);
	}
	KUNIT_FAIL(test, "no packet came");
	return NULL;
}

/* None has come, and none does. */
bool peer_nothing(struct peer *p, struct list_head *list)
{
	bool none;

	msleep(50);
	scoped_guard(spinlock_bh, &p->lock)
		none = list_empty(list);
	return none;
}

int peer_receive_seed(struct peer *p, unsigned int pair, u32 len, u32 seed,
		      const struct peer_lie *lie)
{
	u8 *data = kvmalloc(len, GFP_KERNEL);
	unsigned int ms;
	int err = -ENOMEM;

	if (data) {
		peer_fill(data, len, seed);
		/* The guest may be about to give it buffers. */
		for (ms = 0; ms < PATIENCE_MS; ms++) {
			err = peer_receive(p, pair, NULL, data, len, lie);
			if (err != -ENOSPC && err != -ENODEV)
				break;
			fsleep(1000);
		}
	}
	kvfree(data);
	return err;
}

/* One packet each way, right to the last byte: how many were. */
int peer_both_ways(struct kunit *test, struct peer *p, u32 len, u32 seed)
{
	struct peer_frame *f;
	int right = 0;

	KUNIT_EXPECT_EQ(test, 0, peer_transmit(p, len, seed));
	f = peer_wait(test, p, &p->sent);
	right += f && peer_matches(f, len, seed);
	kfree(f);
	KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, len, ~seed, NULL), 0);
	f = peer_wait(test, p, &p->came);
	right += f && peer_matches(f, len, ~seed);
	kfree(f);
	return right;
}

static void peer_drain(struct peer *p, struct list_head *list)
{
	struct peer_frame *f;

	while ((f = peer_next(p, list)))
		kfree(f);
}

/* It may be in the middle of a recovery, in which packets are lost. */
bool peer_works_again(struct kunit *test, struct peer *p)
{
	unsigned int tries;

	for (tries = 0; tries < 200; tries++) {
		struct peer_frame *out = NULL, *in = NULL;
		bool right;

		peer_drain(p, &p->sent);
		peer_drain(p, &p->came);
		peer_transmit(p, 100, 7);
		peer_receive_seed(p, 0, 100, 8, NULL);
		msleep(50);
		out = peer_next(p, &p->sent);
		in = peer_next(p, &p->came);
		right = out && in && peer_matches(out, 100, 7) && peer_matches(in, 100, 8);
		kfree(out);
		kfree(in);
		if (right)
			return true;
	}
	return false;
}

struct rtnl_link_stats64 peer_stats(struct peer *p)
{
	struct rtnl_link_stats64 stats;

	dev_get_stats(p->dev, &stats);
	return stats;
}

/* ------------------------------------------------------------ under way */

static struct task_struct *load;

/* Sends and receives as fast as it goes, whatever becomes of it. */
static int load_thread(void *arg)
{
	struct peer *p = arg;
	u8 data[200];
	u32 i;

	for (i = 0; !kthread_should_stop(); i++) {
		struct peer_frame *f;

		peer_transmit(p, 60 + i % 1400, i);
		peer_fill(data, sizeof(data), i);
		peer_receive(p, 0, NULL, data, sizeof(data), NULL);
		while ((f = peer_next(p, &p->sent)))
			kfree(f);
		while ((f = peer_next(p, &p->came)))
			kfree(f);
		if (i % 64 == 0)
			fsleep(1000);
	}
	return 0;
}

void peer_load_start(struct kunit *test, struct peer *p)
{
	load = kthread_run(load_thread, p, "net-load");
	KUNIT_ASSERT_FALSE(test, IS_ERR(load));
	msleep(50);
}

void peer_load_stop(void)
{
	kthread_stop(load);
}

int peer_set_pairs(struct peer *p, unsigned int pairs)
{
	struct ethtool_channels ch = { .combined_count = pairs };
	int err;

	rtnl_lock();
	err = p->dev->ethtool_ops->set_channels(p->dev, &ch);
	rtnl_unlock();
	return err;
}

unsigned int peer_in_flight(struct peer *p)
{
	const struct parley_drvq *vq = p->net->pairs[0].tx.queue->vq;

	return parley_drvq_size(vq) - parley_drvq_free(vq);
}

unsigned int peer_free_slots(struct peer *p)
{
	const struct parley_net_slot *slot = p->net->pairs[0].tx.free;
	unsigned int n = 0;

	for (; slot; slot = slot->next)
		n++;
	return n;
}

/* Packets that the device has and does not take, until the ring is full. */
void peer_fill_ring_of(struct kunit *test, struct peer *p, unsigned int pair)
{
	struct netdev_queue *txq = netdev_get_tx_queue(p->dev, pair);
	unsigned int i;

	WRITE_ONCE(p->deaf, true);
	for (i = 0; i < 2 * PEER_RING && !netif_xmit_stopped(txq); i++) {
		struct sk_buff *skb = peer_skb(p, 60, i, 64, 0);

		KUNIT_ASSERT_NOT_NULL(test, skb);
		dev_direct_xmit(skb, pair);
	}
	KUNIT_EXPECT_TRUE(test, netif_xmit_stopped(txq));
}

void peer_fill_ring(struct kunit *test, struct peer *p)
{
	peer_fill_ring_of(test, p, 0);
	KUNIT_EXPECT_GT(test, peer_in_flight(p), 0u);
}

void peer_listen_again(struct peer *p)
{
	WRITE_ONCE(p->deaf, false);
	peer_serve(p);
}
