// SPDX-License-Identifier: GPL-2.0-only
/*
 * Of which fields of a packet its hash is: ethtool -n and -N, rx-flow-hash.
 *
 * The device knows kinds of hashes, each of addresses alone or of addresses and ports, and
 * takes the most specific one that is on and that the packet has (spec 5.1.6.4.3.1).  So
 * TCP over IPv4 is hashed by addresses where only the kind of IPv4 is on, and a kind of
 * addresses that is turned off is off for all that was hashed by it.
 */
#include <linux/ethtool.h>
#include "net.h"

#define IP4		VIRTIO_NET_RSS_HASH_TYPE_IPv4
#define TCP4		VIRTIO_NET_RSS_HASH_TYPE_TCPv4
#define UDP4		VIRTIO_NET_RSS_HASH_TYPE_UDPv4
/* With those of packets with options. */
#define IP6		(VIRTIO_NET_RSS_HASH_TYPE_IPv6 | VIRTIO_NET_RSS_HASH_TYPE_IP_EX)
#define TCP6		(VIRTIO_NET_RSS_HASH_TYPE_TCPv6 | VIRTIO_NET_RSS_HASH_TYPE_TCP_EX)
#define UDP6		(VIRTIO_NET_RSS_HASH_TYPE_UDPv6 | VIRTIO_NET_RSS_HASH_TYPE_UDP_EX)
#define ADDRESSES	(RXH_IP_SRC | RXH_IP_DST)
#define PORTS		(RXH_L4_B_0_1 | RXH_L4_B_2_3)

/**
 * struct parley_net_flow - packets of one protocol
 * @type: the stack's name for them
 * @address: kinds of hashes of their addresses
 * @port: of addresses and ports; 0: they have none
 */
struct parley_net_flow {
	u32 type;
	u32 address;
	u32 port;
};

static const struct parley_net_flow flows[] = {
	{ IPV4_FLOW,	IP4,	0 },
	{ TCP_V4_FLOW,	IP4,	TCP4 },
	{ UDP_V4_FLOW,	IP4,	UDP4 },
	{ IPV6_FLOW,	IP6,	0 },
	{ TCP_V6_FLOW,	IP6,	TCP6 },
	{ UDP_V6_FLOW,	IP6,	UDP6 },
};

static const struct parley_net_flow *parley_net_flow(u32 type)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flows); i++)
		if (flows[i].type == type)
			return &flows[i];
	return NULL;
}

static u32 parley_net_fields(const struct parley_net_flow *flow, u32 kinds)
{
	if (kinds & flow->port)
		return ADDRESSES | PORTS;
	return kinds & flow->address ? ADDRESSES : 0;
}

/* The kinds with which @flow is hashed by @fields, as near to @kinds as can be. */
static u32 parley_net_kinds(const struct parley_net_flow *flow, u32 kinds, u32 fields)
{
	if (fields == (ADDRESSES | PORTS))
		return kinds | flow->port;
	kinds &= ~flow->port;
	if (fields == ADDRESSES)
		return kinds | flow->address;
	return flow->port ? kinds : kinds & ~flow->address;
}

int parley_net_get_rxfh_fields(struct net_device *dev, struct ethtool_rxfh_fields *fields)
{
	const struct parley_net_flow *flow = parley_net_flow(fields->flow_type);
	struct parley_net *net = netdev_priv(dev);

	if (!net->rss.offered)
		return -EOPNOTSUPP;
	guard(mutex)(&net->ctrl_lock);
	fields->data = flow ? parley_net_fields(flow, net->rss.kinds) : 0;
	return 0;
}

int parley_net_set_rxfh_fields(struct net_device *dev,
			       const struct ethtool_rxfh_fields *fields,
			       struct netlink_ext_ack *extack)
{
	const struct parley_net_flow *flow = parley_net_flow(fields->flow_type);
	struct parley_net *net = netdev_priv(dev);
	u32 kinds;

	if (!flow || !net->rss.offered)
		return -EOPNOTSUPP;
	guard(mutex)(&net->ctrl_lock);
	kinds = parley_net_kinds(flow, net->rss.kinds, fields->data) & net->rss.offered;
	if (parley_net_fields(flow, kinds) != fields->data) {
		NL_SET_ERR_MSG_MOD(extack, "the device has no hash of these fields alone");
		return -EINVAL;
	}
	return parley_net_rss_use(net, kinds);
}

#ifdef PARLEY_COMPAT_RXFH_FIELDS
/* Before, both were asked among the rules that say where packets go. */
int parley_net_get_fields_nfc(struct net_device *dev, struct ethtool_rxnfc *info)
{
	struct ethtool_rxfh_fields fields = { .flow_type = info->flow_type };
	int err = parley_net_get_rxfh_fields(dev, &fields);

	info->data = fields.data;
	return err;
}

int parley_net_set_rxnfc(struct net_device *dev, struct ethtool_rxnfc *info)
{
	struct ethtool_rxfh_fields fields = { .flow_type = info->flow_type };

	if (info->cmd != ETHTOOL_SRXFH || info->data != (u32)info->data)
		return -EOPNOTSUPP;
	fields.data = info->data;
	return parley_net_set_rxfh_fields(dev, &fields, NULL);
}
#endif
