// SPDX-License-Identifier: GPL-2.0-only
/* Of which fields a packet's hash is: what is asked for, and what the device is told then. */
#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <linux/unaligned.h>
#include "peer.h"

#define IP4		VIRTIO_NET_RSS_HASH_TYPE_IPv4
#define TCP4		VIRTIO_NET_RSS_HASH_TYPE_TCPv4
#define UDP4		VIRTIO_NET_RSS_HASH_TYPE_UDPv4
#define IP6		(VIRTIO_NET_RSS_HASH_TYPE_IPv6 | VIRTIO_NET_RSS_HASH_TYPE_IP_EX)
#define TCP6		(VIRTIO_NET_RSS_HASH_TYPE_TCPv6 | VIRTIO_NET_RSS_HASH_TYPE_TCP_EX)
#define UDP6		(VIRTIO_NET_RSS_HASH_TYPE_UDPv6 | VIRTIO_NET_RSS_HASH_TYPE_UDP_EX)
#define ALL		0x1ffu
#define SD		(RXH_IP_SRC | RXH_IP_DST)
#define SDFN		(SD | RXH_L4_B_0_1 | RXH_L4_B_2_3)

/* Kinds that the device offers, what is asked of it with all of them on, what is on then. */
struct wish {
	const char *name;
	u32 offered;
	u32 type;
	u32 fields;
	u32 kinds;
	int err;
};

static const struct wish wishes[] = {
	{ "TCP by all", ALL, TCP_V4_FLOW, SDFN, ALL, 0 },
	{ "TCP by addresses", ALL, TCP_V4_FLOW, SD, ALL & ~TCP4, 0 },
	{ "UDP by addresses", ALL, UDP_V4_FLOW, SD, ALL & ~UDP4, 0 },
	{ "TCP over IPv6 by addresses", ALL, TCP_V6_FLOW, SD, ALL & ~TCP6, 0 },
	{ "UDP over IPv6 by addresses", ALL, UDP_V6_FLOW, SD, ALL & ~UDP6, 0 },
	{ "IPv4 by nothing", ALL, IPV4_FLOW, 0, ALL & ~IP4, 0 },
	{ "IPv6 by nothing", ALL, IPV6_FLOW, 0, ALL & ~IP6, 0 },
	{ "TCP by nothing but as IPv4", ALL, TCP_V4_FLOW, 0, ALL, -EINVAL },
	{ "TCP alone by nothing", TCP4, TCP_V4_FLOW, 0, 0, 0 },
	{ "TCP by ports alone", ALL, TCP_V4_FLOW, SDFN & ~SD, ALL, -EINVAL },
	{ "TCP by the source alone", ALL, TCP_V4_FLOW, RXH_IP_SRC, ALL, -EINVAL },
	{ "IPv4 by ports", ALL, IPV4_FLOW, SDFN, ALL, -EINVAL },
	{ "by a tag", ALL, TCP_V4_FLOW, SDFN | RXH_VLAN, ALL, -EINVAL },
	{ "what drops it", ALL, TCP_V4_FLOW, RXH_DISCARD, ALL, -EINVAL },
	{ "ports that are not offered", IP4, TCP_V4_FLOW, SDFN, IP4, -EINVAL },
	{ "addresses that are not offered", TCP4, TCP_V4_FLOW, SD, TCP4, -EINVAL },
	{ "SCTP", ALL, SCTP_V4_FLOW, SD, ALL, -EOPNOTSUPP },
	{ "no hash at all", 0, TCP_V4_FLOW, SD, 0, -EOPNOTSUPP },
};

static void wishes_desc(const struct wish *w, char *desc)
{
	strscpy(desc, w->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(wishes, wishes, wishes_desc);

#ifdef PARLEY_COMPAT_RXFH_FIELDS
static int ask(struct net_device *dev, u32 cmd, struct ethtool_rxfh_fields *fields)
{
	struct ethtool_rxnfc info = {
		.cmd = cmd, .flow_type = fields->flow_type, .data = fields->data,
	};
	int err;

	if (cmd == ETHTOOL_SRXFH)
		return dev->ethtool_ops->set_rxnfc(dev, &info);
	err = dev->ethtool_ops->get_rxnfc(dev, &info, NULL);
	fields->data = info.data;
	return err;
}
#else
static int ask(struct net_device *dev, u32 cmd, struct ethtool_rxfh_fields *fields)
{
	if (cmd == ETHTOOL_SRXFH)
		return dev->ethtool_ops->set_rxfh_fields(dev, fields, NULL);
	return dev->ethtool_ops->get_rxfh_fields(dev, fields);
}
#endif

static int set_fields(struct peer *p, u32 type, u32 data)
{
	struct ethtool_rxfh_fields fields = { .flow_type = type, .data = data };
	int err;

	rtnl_lock();
	err = ask(p->dev, ETHTOOL_SRXFH, &fields);
	rtnl_unlock();
	return err;
}

/* The fields, or an error. */
static int get_fields(struct peer *p, u32 type)
{
	struct ethtool_rxfh_fields fields = { .flow_type = type };
	int err;

	rtnl_lock();
	err = ask(p->dev, ETHTOOL_GRXFH, &fields);
	rtnl_unlock();
	return err ?: (int)fields.data;
}

static struct peer *fields_new(struct kunit *test, u64 hash, u32 kinds)
{
	return peer_new_with(test, PEER_ALL | hash, PEER_PAIRS, (struct virtio_net_config) {
		.rss_max_key_size = 40,
		.rss_max_indirection_table_length = cpu_to_le16(128),
		.supported_hash_types = cpu_to_le32(kinds),
	});
}

/* What the device was told last, by either command; -1: nothing. */
static s64 kinds_told(struct kunit *test, struct peer *p, u8 cmd)
{
	struct peer_told *told = kunit_kzalloc(test, sizeof(*told), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, told);
	if (!peer_times_told(p, VIRTIO_NET_CTRL_MQ, cmd, told))
		return -1;
	return get_unaligned_le32(told->data);
}

static void fields_are_set(struct kunit *test, u64 hash, u8 cmd)
{
	const struct wish *w = test->param_value;
	struct peer *p = fields_new(test, hash, w->offered);
	int was = get_fields(p, w->type);

	peer_forget_told(p);
	KUNIT_EXPECT_EQ(test, w->err, set_fields(p, w->type, w->fields));
	KUNIT_EXPECT_EQ(test, w->kinds, p->net->rss.kinds);
	KUNIT_EXPECT_EQ(test, w->err ? -1ll : w->kinds, kinds_told(test, p, cmd));
	KUNIT_EXPECT_EQ(test, w->err ? was : (int)w->fields, get_fields(p, w->type));
}

static void fields_for_a_table(struct kunit *test)
{
	fields_are_set(test, B(RSS), VIRTIO_NET_CTRL_MQ_RSS_CONFIG);
}

static void fields_for_a_report(struct kunit *test)
{
	fields_are_set(test, B(HASH_REPORT), VIRTIO_NET_CTRL_MQ_HASH_CONFIG);
}

/* There and back, refused by the device, and told again after a reset. */
static void fields_stay(struct kunit *test)
{
	struct peer *p = fields_new(test, B(RSS) | B(HASH_REPORT), ALL);
	struct parley_vdev *vdev = to_parley_vdev(p->pd);
	const u32 some = ALL & ~TCP4;

	KUNIT_EXPECT_EQ(test, SDFN, (u32)get_fields(p, TCP_V4_FLOW));
	KUNIT_EXPECT_EQ(test, SD, (u32)get_fields(p, IPV6_FLOW));
	KUNIT_EXPECT_EQ(test, 0, get_fields(p, SCTP_V4_FLOW));
	KUNIT_EXPECT_EQ(test, 0, set_fields(p, TCP_V4_FLOW, SD));
	KUNIT_EXPECT_EQ(test, SDFN, (u32)get_fields(p, UDP_V4_FLOW));
	WRITE_ONCE(p->refuse, VIRTIO_NET_CTRL_MQ);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, set_fields(p, TCP_V4_FLOW, SDFN));
	KUNIT_EXPECT_EQ(test, some, p->net->rss.kinds);
	WRITE_ONCE(p->refuse, -1);
	peer_forget_told(p);
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(vdev, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(vdev, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, (s64)some, kinds_told(test, p, VIRTIO_NET_CTRL_MQ_RSS_CONFIG));
	KUNIT_EXPECT_EQ(test, 0, set_fields(p, TCP_V4_FLOW, SDFN));
	KUNIT_EXPECT_EQ(test, ALL, p->net->rss.kinds);
}

static struct kunit_case fields_cases[] = {
	KUNIT_CASE_PARAM(fields_for_a_table, wishes_gen_params),
	KUNIT_CASE_PARAM(fields_for_a_report, wishes_gen_params),
	KUNIT_CASE(fields_stay),
	{}
};

static struct kunit_suite fields_suite = {
	.name = "parley_net_fields",
	.test_cases = fields_cases,
};

kunit_test_suite(fields_suite);
