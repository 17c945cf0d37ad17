// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which queue a packet comes in: what the device is told, what of its numbers is
 * believed; and what it says a packet's hash is.
 */
#include <linux/delay.h>
#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <linux/unaligned.h>
#include "peer.h"

#define RSS_ALL	(PEER_ALL | B(RSS) | B(HASH_REPORT))
#define KINDS	0x1ff

struct numbers {
	const char *name;
	u64 features;
	u8 key;
	u16 entries;
	u32 kinds;
	unsigned int used;	/* entries; 0: no table */
	bool hash;
};

static const struct numbers numbers[] = {
	{ "as the spec has it", RSS_ALL, 40, 128, KINDS, 128, true },
	{ "more than we have", RSS_ALL, 255, 0xffff, 0xffffffff, 128, true },
	{ "no power of two", RSS_ALL, 52, 100, 1, 64, true },
	{ "one entry", RSS_ALL, 40, 1, KINDS, 1, true },
	{ "no entry", RSS_ALL, 40, 0, KINDS, 0, true },
	{ "a short key", RSS_ALL, 39, 128, KINDS, 0, false },
	{ "no key", RSS_ALL, 0, 128, KINDS, 0, false },
	{ "no kind", RSS_ALL, 40, 128, 0, 0, false },
	{ "kinds of the future only", RSS_ALL, 40, 128, ~KINDS, 0, false },
	{ "a hash and no table", PEER_ALL | B(HASH_REPORT), 40, 128, KINDS, 0, true },
	{ "a table and no hash", PEER_ALL | B(RSS), 40, 128, KINDS, 128, false },
	{ "no control queue", B(MAC) | B(RSS) | B(HASH_REPORT), 40, 128, KINDS, 0, false },
};

static void numbers_desc(const struct numbers *n, char *desc)
{
	strscpy(desc, n->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(numbers, numbers, numbers_desc);

/* The configuration is what the next device says. */
static struct peer *rss_new(struct kunit *test, const struct numbers *n, unsigned int pairs)
{
	return peer_new_with(test, n->features, pairs, (struct virtio_net_config) {
		.rss_max_key_size = n->key,
		.rss_max_indirection_table_length = cpu_to_le16(n->entries),
		.supported_hash_types = cpu_to_le32(n->kinds),
	});
}

static void numbers_of_the_device(struct kunit *test)
{
	const struct numbers *n = test->param_value;
	struct peer *p = rss_new(test, n, PEER_PAIRS);
	const struct ethtool_ops *ops = p->dev->ethtool_ops;

	KUNIT_EXPECT_EQ(test, n->used, ops->get_rxfh_indir_size(p->dev));
	KUNIT_EXPECT_EQ(test, n->used || n->hash ? 40u : 0u, ops->get_rxfh_key_size(p->dev));
	KUNIT_EXPECT_EQ(test, n->hash, !!(p->dev->features & NETIF_F_RXHASH));
	KUNIT_EXPECT_EQ(test, n->hash ? 20u : 12u, p->net->hdr_len);
	KUNIT_EXPECT_EQ(test, n->used > 0,
			peer_times_told(p, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_RSS_CONFIG,
					NULL) > 0);
	KUNIT_EXPECT_EQ(test, !n->used && n->hash,
			peer_times_told(p, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_HASH_CONFIG,
					NULL) > 0);
	KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 1000, 1));
}

/* ------------------------------------------------------------- the table */

/* What the device was told last is what the interface has, and in the right form. */
static void expect_table(struct kunit *test, struct peer *p)
{
	const struct parley_net_rss *rss = &p->net->rss;
	const u32 n = rss->entries;
	struct peer_told *told = kunit_kzalloc(test, sizeof(*told), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, told);
	KUNIT_ASSERT_GT(test, peer_times_told(p, VIRTIO_NET_CTRL_MQ,
					      VIRTIO_NET_CTRL_MQ_RSS_CONFIG, told), 0u);
	KUNIT_EXPECT_EQ(test, 8 + 2 * n + 2 + 1 + 40, told->len);
	KUNIT_EXPECT_EQ(test, rss->kinds, get_unaligned_le32(told->data));
	KUNIT_EXPECT_EQ(test, n - 1, (u32)get_unaligned_le16(told->data + 4));
	KUNIT_EXPECT_EQ(test, 0, get_unaligned_le16(told->data + 6));
	for (i = 0; i < n; i++) {
		KUNIT_EXPECT_EQ(test, rss->table[i], get_unaligned_le16(told->data + 8 + 2 * i));
		KUNIT_EXPECT_LT(test, rss->table[i], p->net->used);
	}
	KUNIT_EXPECT_EQ(test, p->net->used, (u32)get_unaligned_le16(told->data + 8 + 2 * n));
	KUNIT_EXPECT_EQ(test, 40, told->data[10 + 2 * n]);
	KUNIT_EXPECT_MEMEQ(test, rss->key, told->data + 11 + 2 * n, 40);
}

static int set_channels(struct peer *p, unsigned int n)
{
	struct ethtool_channels ch = { .combined_count = n };
	int err;

	rtnl_lock();
	err = p->dev->ethtool_ops->set_channels(p->dev, &ch);
	rtnl_unlock();
	return err;
}

/* What the kernel asks before it lets a table be shown or set. */
static u32 rx_rings(struct kunit *test, struct peer *p)
{
	const struct ethtool_ops *ops = p->dev->ethtool_ops;
#ifdef PARLEY_COMPAT_RX_RINGS
	struct ethtool_rxnfc info = { .cmd = ETHTOOL_GRXRINGS };

	KUNIT_ASSERT_NOT_NULL(test, ops->get_rxnfc);
	KUNIT_EXPECT_EQ(test, 0, ops->get_rxnfc(p->dev, &info, NULL));
	return info.data;
#else
	KUNIT_ASSERT_NOT_NULL(test, ops->get_rx_ring_count);
	return ops->get_rx_ring_count(p->dev);
#endif
}

static void packets_are_spread_over_what_is_used(struct kunit *test)
{
	struct peer *p = rss_new(test, &numbers[0], PEER_PAIRS);
	struct parley_vdev *vdev = to_parley_vdev(p->pd);
	unsigned int i, pairs = p->net->nr_pairs;

	expect_table(test, p);
	for (i = 1; i <= pairs; i++) {
		KUNIT_EXPECT_EQ(test, 0, set_channels(p, i));
		expect_table(test, p);
		KUNIT_EXPECT_EQ(test, i - 1, (u32)p->net->rss.table[i - 1]);
		KUNIT_EXPECT_EQ(test, i, rx_rings(test, p));
	}
	/* The other command would take it away again. */
	KUNIT_EXPECT_EQ(test, 0u, peer_times_told(p, VIRTIO_NET_CTRL_MQ,
						  VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, NULL));
	peer_forget_told(p);
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(vdev, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(vdev, PARLEY_HOLD_SLEEP));
	expect_table(test, p);
	KUNIT_EXPECT_TRUE(test, peer_works_again(test, p));
	/* Refused, nothing is another than it was. */
	WRITE_ONCE(p->refuse, VIRTIO_NET_CTRL_MQ);
	if (pairs > 1)
		KUNIT_EXPECT_EQ(test, -EREMOTEIO, set_channels(p, 1));
	KUNIT_EXPECT_EQ(test, pairs - 1, (u32)p->net->rss.table[pairs - 1]);
}

static int set_rxfh(struct peer *p, u32 *table, u8 *key, u8 hfunc)
{
	struct ethtool_rxfh_param rxfh = {
		.hfunc = hfunc, .indir = table, .indir_size = table ? 128 : 0,
		.key = key, .key_size = key ? 40 : 0,
	};
	int err;

	rtnl_lock();
	err = p->dev->ethtool_ops->set_rxfh(p->dev, &rxfh, NULL);
	rtnl_unlock();
	return err;
}

static void a_table_is_set_by_hand(struct kunit *test)
{
	struct peer *p = rss_new(test, &numbers[0], PEER_PAIRS);
	struct ethtool_rxfh_param rxfh = {};
	struct parley_vdev *vdev = to_parley_vdev(p->pd);
	struct parley_net_rss *before = kunit_kzalloc(test, sizeof(*before), GFP_KERNEL);
	u32 *table = kunit_kcalloc(test, 128, sizeof(*table), GFP_KERNEL);
	u8 key[40];

	KUNIT_ASSERT_NOT_NULL(test, table);
	KUNIT_ASSERT_NOT_NULL(test, before);
	memset(key, 0x5a, sizeof(key));
	table[5] = p->net->used - 1;
	KUNIT_EXPECT_EQ(test, 0, set_rxfh(p, table, key, ETH_RSS_HASH_TOP));
	KUNIT_EXPECT_MEMEQ(test, p->net->rss.key, key, sizeof(key));
	KUNIT_EXPECT_EQ(test, 0, p->net->rss.table[1]);
	KUNIT_EXPECT_EQ(test, table[5], (u32)p->net->rss.table[5]);
	expect_table(test, p);
	*before = p->net->rss;
	/* A queue that is not used, another function, a refusal: all stays. */
	table[7] = p->net->used;
	KUNIT_EXPECT_EQ(test, -EINVAL, set_rxfh(p, table, NULL, ETH_RSS_HASH_NO_CHANGE));
	table[7] = 0;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, set_rxfh(p, table, NULL, ETH_RSS_HASH_XOR));
	WRITE_ONCE(p->refuse, VIRTIO_NET_CTRL_MQ);
	memset(key, 0xa5, sizeof(key));
	table[6] = p->net->used - 1;
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, set_rxfh(p, table, key, ETH_RSS_HASH_NO_CHANGE));
	KUNIT_EXPECT_MEMEQ(test, before, &p->net->rss, sizeof(*before));
	WRITE_ONCE(p->refuse, -1);
	/* It is told again, and not spread anew. */
	peer_forget_told(p);
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(vdev, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(vdev, PARLEY_HOLD_SLEEP));
	expect_table(test, p);
	KUNIT_EXPECT_MEMEQ(test, before, &p->net->rss, sizeof(*before));
	rxfh.indir = table;
	KUNIT_EXPECT_EQ(test, 0, p->dev->ethtool_ops->get_rxfh(p->dev, &rxfh));
	KUNIT_EXPECT_EQ(test, p->net->used - 1, table[5]);
}

/* --------------------------------------------------------------- the hash */

static void expect_hash(struct kunit *test, struct peer *p, u16 kind, u32 hash, bool l4)
{
	struct peer_frame *f;

	WRITE_ONCE(p->kind, kind);
	WRITE_ONCE(p->hash, 0x12345678);
	KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, 300, 1, NULL), 0);
	f = peer_wait(test, p, &p->came);
	KUNIT_ASSERT_NOT_NULL(test, f);
	KUNIT_EXPECT_TRUE(test, peer_matches(f, 300, 1));
	KUNIT_EXPECT_EQ_MSG(test, hash, f->hash, "kind %u", kind);
	KUNIT_EXPECT_EQ_MSG(test, l4, f->l4, "kind %u", kind);
	kfree(f);
}

/* Of the kinds that were agreed on it is believed, of others it is not. */
static void the_hash_of_a_packet(struct kunit *test)
{
	struct numbers some = numbers[0];
	struct peer *p = rss_new(test, &numbers[0], 1);

	expect_hash(test, p, VIRTIO_NET_HASH_REPORT_NONE, 0, false);
	expect_hash(test, p, VIRTIO_NET_HASH_REPORT_IPv4, 0x12345678, false);
	expect_hash(test, p, VIRTIO_NET_HASH_REPORT_TCPv4, 0x12345678, true);
	expect_hash(test, p, VIRTIO_NET_HASH_REPORT_UDPv6, 0x12345678, true);
	expect_hash(test, p, VIRTIO_NET_HASH_REPORT_IPv6_EX, 0x12345678, false);
	expect_hash(test, p, VIRTIO_NET_HASH_REPORT_UDPv6_EX, 0x12345678, true);
	expect_hash(test, p, VIRTIO_NET_HASH_REPORT_UDPv6_EX + 1, 0, false);
	expect_hash(test, p, 32, 0, false);
	expect_hash(test, p, 33, 0, false);
	expect_hash(test, p, 0xffff, 0, false);
	rtnl_lock();
	p->dev->wanted_features &= ~NETIF_F_RXHASH;
	netdev_update_features(p->dev);
	rtnl_unlock();
	expect_hash(test, p, VIRTIO_NET_HASH_REPORT_TCPv4, 0, false);
	peer_end(test, p);

	some.kinds = VIRTIO_NET_RSS_HASH_TYPE_IPv4;
	p = rss_new(test, &some, 1);
	expect_hash(test, p, VIRTIO_NET_HASH_REPORT_TCPv4, 0, false);
	expect_hash(test, p, VIRTIO_NET_HASH_REPORT_IPv4, 0x12345678, false);
}

/* The longer header, on every way that a packet takes. */
static void packets_with_a_hash_go_both_ways(struct kunit *test)
{
	static const u32 lengths[] = { 14, 60, 256, 257, 1514, 4076, 4077, 9000, 65000 };
	struct numbers one = numbers[0];
	struct peer *p = rss_new(test, &numbers[0], 1);
	unsigned int i, room;
	struct peer_frame *f;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, lengths[i], i, NULL), 0);
		f = peer_wait(test, p, &p->came);
		KUNIT_ASSERT_NOT_NULL(test, f);
		KUNIT_EXPECT_TRUE(test, peer_matches(f, lengths[i], i));
		kfree(f);
	}
	for (room = 0; room < 64; room++) {
		struct sk_buff *skb = peer_skb(p, 1514, room, room, room % 4);

		KUNIT_ASSERT_NOT_NULL(test, skb);
		KUNIT_EXPECT_EQ(test, 0, dev_queue_xmit(skb));
		f = peer_wait(test, p, &p->sent);
		KUNIT_ASSERT_NOT_NULL(test, f);
		KUNIT_EXPECT_TRUE(test, peer_matches(f, 1514, room));
		kfree(f);
	}
	peer_end(test, p);

	one.features &= ~B(MRG_RXBUF);
	p = rss_new(test, &one, 1);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		KUNIT_EXPECT_EQ(test, 1, peer_receive_seed(p, 0, lengths[i], i, NULL));
		f = peer_wait(test, p, &p->came);
		KUNIT_ASSERT_NOT_NULL(test, f);
		KUNIT_EXPECT_TRUE(test, peer_matches(f, lengths[i], i));
		kfree(f);
	}
}

static struct kunit_case rss_cases[] = {
	KUNIT_CASE_PARAM(numbers_of_the_device, numbers_gen_params),
	KUNIT_CASE(packets_are_spread_over_what_is_used),
	KUNIT_CASE(a_table_is_set_by_hand),
	KUNIT_CASE(the_hash_of_a_packet),
	KUNIT_CASE_PARAM(packets_with_a_hash_go_both_ways, peer_format_gen),
	{}
};

static struct kunit_suite rss_suite = {
	.name = "parley_net_rss",
	.test_cases = rss_cases,
};

kunit_test_suite(rss_suite);
