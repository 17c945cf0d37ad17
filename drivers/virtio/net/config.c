// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the device's configuration and features allow.
 *
 * Every number here comes from the device and is believed only as far as it makes
 * sense.  A wrong one costs the feature that it belongs to.
 */
#include <linux/ethtool.h>
#include <linux/netdevice.h>
#include "net.h"

#define F(name)		VIRTIO_NET_F_##name
#define B(name)		BIT_ULL(VIRTIO_NET_F_##name)
#define ANY_GUEST_GSO	(B(GUEST_TSO4) | B(GUEST_TSO6) | B(GUEST_USO4) | B(GUEST_USO6))

const unsigned int parley_net_features[] = {
	F(CSUM), F(GUEST_CSUM), F(CTRL_GUEST_OFFLOADS), F(MTU), F(MAC),
	F(GUEST_TSO4), F(GUEST_TSO6), F(GUEST_ECN),
	F(HOST_TSO4), F(HOST_TSO6), F(HOST_ECN),
	F(MRG_RXBUF), F(STATUS), F(CTRL_VQ), F(CTRL_RX), F(CTRL_VLAN),
	F(GUEST_ANNOUNCE), F(MQ), F(CTRL_MAC_ADDR),
	F(VQ_NOTF_COAL), F(NOTF_COAL),
	F(GUEST_USO4), F(GUEST_USO6), F(HOST_USO), F(HASH_REPORT),
	F(GUEST_HDRLEN), F(RSS), F(STANDBY), F(SPEED_DUPLEX),
};

const unsigned int parley_net_nr_features = ARRAY_SIZE(parley_net_features);

/* Spec 5.1.3.1: a feature, and those of which it takes one; in that order. */
static const struct {
	unsigned int feature;
	u64 needs;
} parley_net_needs[] = {
	{ F(GUEST_TSO4), B(GUEST_CSUM) },
	{ F(GUEST_TSO6), B(GUEST_CSUM) },
	{ F(GUEST_USO4), B(GUEST_CSUM) },
	{ F(GUEST_USO6), B(GUEST_CSUM) },
	{ F(GUEST_ECN), B(GUEST_TSO4) | B(GUEST_TSO6) },
	{ F(HOST_TSO4), B(CSUM) },
	{ F(HOST_TSO6), B(CSUM) },
	{ F(HOST_USO), B(CSUM) },
	{ F(HOST_ECN), B(HOST_TSO4) | B(HOST_TSO6) },
	{ F(CTRL_GUEST_OFFLOADS), B(CTRL_VQ) },
	{ F(CTRL_RX), B(CTRL_VQ) },
	{ F(CTRL_VLAN), B(CTRL_VQ) },
	{ F(CTRL_MAC_ADDR), B(CTRL_VQ) },
	{ F(GUEST_ANNOUNCE), B(CTRL_VQ) },
	{ F(GUEST_ANNOUNCE), B(STATUS) },
	{ F(MQ), B(CTRL_VQ) },
	{ F(RSS), B(CTRL_VQ) },
	{ F(HASH_REPORT), B(CTRL_VQ) },
	{ F(NOTF_COAL), B(CTRL_VQ) },
	{ F(VQ_NOTF_COAL), B(CTRL_VQ) },
	/* By their address the two are known to be one. */
	{ F(STANDBY), B(MAC) },
};

/**
 * parley_net_check() - drop features that contradict each other or the configuration
 * @pd: device
 * @features: what the device and this driver have in common
 */
void parley_net_check(struct parley_device *pd, struct parley_features *features)
{
	unsigned int i;
	u16 mtu;

	for (i = 0; i < ARRAY_SIZE(parley_net_needs); i++) {
		const unsigned int feature = parley_net_needs[i].feature;

		if (!parley_features_has(features, feature) ||
		    parley_features_low(features) & parley_net_needs[i].needs)
			continue;
		dev_warn(&pd->dev, "feature %u is offered without those that it needs, not used\n",
			 feature);
		parley_features_drop(features, feature);
	}
	parley_net_rss_check(pd, features);
	parley_net_standby_check(pd, features);
	if (!parley_features_has(features, F(MTU)))
		return;
	if (parley_config_get(pd, struct virtio_net_config, mtu, &mtu) || mtu < ETH_MIN_MTU) {
		dev_warn(&pd->dev, "MTU %u is none, not used\n", mtu);
		parley_features_drop(features, F(MTU));
	}
}

/**
 * parley_net_pairs_max() - pairs of queues that the device has
 * @pd: device, negotiated
 *
 * Return: at least 1.
 */
unsigned int parley_net_pairs_max(struct parley_device *pd)
{
	u16 pairs;

	if ((!parley_has_feature(pd, F(MQ)) && !parley_has_feature(pd, F(RSS))) ||
	    parley_config_get(pd, struct virtio_net_config, max_virtqueue_pairs, &pairs))
		return 1;
	if (pairs >= VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MIN &&
	    pairs <= VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MAX)
		return pairs;
	dev_warn(&pd->dev, "%u pairs of queues cannot be, using 1\n", pairs);
	return 1;
}

static void parley_net_read_mac(struct parley_net *net)
{
	u8 mac[ETH_ALEN] = {};

	if (parley_has_feature(net->pd, F(MAC)) &&
	    !parley_config_read(net->pd, offsetof(struct virtio_net_config, mac), mac,
				sizeof(mac)) && is_valid_ether_addr(mac))
		eth_hw_addr_set(net->dev, mac);
	else
		eth_hw_addr_random(net->dev);
	ether_addr_copy(net->mac, net->dev->dev_addr);
}

static int parley_net_read_mtu(struct parley_net *net, bool any)
{
	struct net_device *dev = net->dev;
	u16 mtu;
	int err;

	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = any ? ETH_MAX_MTU : ETH_DATA_LEN;
	if (!parley_has_feature(net->pd, F(MTU)))
		return 0;
	err = parley_config_get(net->pd, struct virtio_net_config, mtu, &mtu);
	/* It is not what was checked before: do not go on with such a device. */
	if (!err && mtu < ETH_MIN_MTU)
		err = -EINVAL;
	if (err)
		return err;
	dev->max_mtu = mtu;
	dev->mtu = mtu;
	return 0;
}

/* How long a receive buffer has to be where a packet comes in one. */
static void parley_net_size_buffers(struct parley_net *net, bool gso)
{
	unsigned int len = VLAN_ETH_HLEN + max_t(unsigned int, net->dev->max_mtu,
						 ETH_DATA_LEN);

	net->rx_pages = 1;
	if (net->mergeable)
		return;
	if (gso)
		len = PARLEY_NET_LEN_MAX;
	net->rx_len = net->hdr_len + len;
	net->rx_pages = DIV_ROUND_UP(net->rx_len, (unsigned int)PAGE_SIZE);
}

/* What the stack may leave to the device, and the device to the stack. */
static void parley_net_set_features(struct parley_net *net, u64 f)
{
	const bool switched = f & B(CTRL_GUEST_OFFLOADS);
	struct net_device *dev = net->dev;
	netdev_features_t rx = 0;

	if (f & B(CSUM))
		dev->hw_features |= NETIF_F_HW_CSUM | NETIF_F_SG;
	if (f & B(HOST_TSO4))
		dev->hw_features |= NETIF_F_TSO;
	if (f & B(HOST_TSO6))
		dev->hw_features |= NETIF_F_TSO6;
	if (f & B(HOST_ECN))
		dev->hw_features |= NETIF_F_TSO_ECN;
	if (f & B(HOST_USO))
		dev->hw_features |= NETIF_F_GSO_UDP_L4;
	dev->features |= dev->hw_features | NETIF_F_HIGHDMA;
	dev->vlan_features = dev->features;
	if (f & B(GUEST_CSUM))
		rx |= NETIF_F_RXCSUM;
	if (f & ANY_GUEST_GSO)
		rx |= NETIF_F_GRO_HW;
	dev->features |= rx;
	if (switched)
		dev->hw_features |= rx;
	if (f & B(CTRL_VLAN))
		dev->features |= NETIF_F_HW_VLAN_CTAG_FILTER;
}

/**
 * parley_net_guest_offloads() - what the device may hand over unfinished
 * @net: interface
 * @features: its features, as they are or shall be
 *
 * Return: bits of VIRTIO_NET_F_GUEST_*.
 */
u64 parley_net_guest_offloads(const struct parley_net *net, netdev_features_t features)
{
	u64 f = parley_net_feature_bits(net) &
		(B(GUEST_CSUM) | B(GUEST_ECN) | ANY_GUEST_GSO);

	if (!(features & NETIF_F_GRO_HW))
		f &= B(GUEST_CSUM);
	if (!(features & NETIF_F_RXCSUM))
		f = 0;
	return f;
}

static void parley_net_read_link(struct parley_net *net)
{
	u32 speed = SPEED_UNKNOWN;
	u8 duplex = DUPLEX_UNKNOWN;

	if (parley_has_feature(net->pd, F(SPEED_DUPLEX))) {
		if (parley_config_get(net->pd, struct virtio_net_config, speed, &speed) ||
		    speed > INT_MAX)
			speed = SPEED_UNKNOWN;
		if (parley_config_get(net->pd, struct virtio_net_config, duplex, &duplex) ||
		    duplex > DUPLEX_FULL)
			duplex = DUPLEX_UNKNOWN;
	}
	WRITE_ONCE(net->link.speed, speed);
	WRITE_ONCE(net->link.duplex, duplex);
}

/**
 * parley_net_configure() - the interface, as the device says that it is
 * @net: interface, not registered yet
 *
 * Return: 0 or an error.
 */
int parley_net_configure(struct parley_net *net)
{
	const u64 f = parley_net_feature_bits(net);
	int err;

	net->mergeable = f & B(MRG_RXBUF);
	net->hdr_len = f & B(HASH_REPORT) ? sizeof(struct virtio_net_hdr_v1_hash) :
					    sizeof(struct virtio_net_hdr_v1);
	net->dev->needed_headroom = net->hdr_len;
	err = parley_net_read_mtu(net, net->mergeable || f & ANY_GUEST_GSO);
	if (err)
		return err;
	parley_net_read_mac(net);
	parley_net_read_link(net);
	parley_net_size_buffers(net, f & ANY_GUEST_GSO);
	parley_net_set_features(net, f);
	err = parley_net_rss_configure(net);
	if (err)
		return err;
	net->offloads = parley_net_guest_offloads(net, net->dev->features);
	net->dev->xdp_features = parley_net_xdp_features(net);
	return 0;
}

/* The status field, or that the link is up where there is none. */
static u16 parley_net_status(struct parley_net *net)
{
	u16 status;

	if (!parley_has_feature(net->pd, F(STATUS)))
		return VIRTIO_NET_S_LINK_UP;
	/* Stopped, or gone: what is known stays, config_changed() comes again. */
	if (parley_config_get(net->pd, struct virtio_net_config, status, &status))
		return netif_carrier_ok(net->dev) ? VIRTIO_NET_S_LINK_UP : 0;
	return status;
}

static void parley_net_set_carrier(struct parley_net *net, bool up)
{
	if (up == netif_carrier_ok(net->dev))
		return;
	if (up)
		netif_carrier_on(net->dev);
	else
		netif_carrier_off(net->dev);
}

/**
 * parley_net_link() - is there a link?
 * @net: interface
 *
 * Context: may sleep.
 */
void parley_net_link(struct parley_net *net)
{
	parley_net_set_carrier(net, parley_net_status(net) & VIRTIO_NET_S_LINK_UP);
}

/*
 * The link, its speed, and that the guest shall say where it is now, after a migration
 * say (spec 5.1.6.5.4).
 */
void parley_net_config_changed(struct parley_device *pd)
{
	struct parley_net *net = pd->priv;
	u16 status = parley_net_status(net);

	parley_net_read_link(net);
	parley_net_set_carrier(net, status & VIRTIO_NET_S_LINK_UP);
	if (!(status & VIRTIO_NET_S_ANNOUNCE) || !parley_has_feature(pd, F(GUEST_ANNOUNCE)))
		return;
	parley_net_announce(net);
}
