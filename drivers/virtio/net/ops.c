// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the stack asks of the interface.
 */
#include <linux/etherdevice.h>
#include <linux/rtnetlink.h>
#include <net/netdev_queues.h>
#include "net.h"

static int parley_net_open(struct net_device *dev)
{
	struct parley_net *net = netdev_priv(dev);

	parley_net_set_up(net, true);
	parley_net_link(net);
	return 0;
}

static int parley_net_close(struct net_device *dev)
{
	parley_net_set_up(netdev_priv(dev), false);
	return 0;
}

static void parley_net_set_rx_mode(struct net_device *dev)
{
	struct parley_net *net = netdev_priv(dev);

	if (net->ctrl)
		queue_work(system_freezable_wq, &net->rx_mode);
}

static int parley_net_set_mac_address(struct net_device *dev, void *p)
{
	struct sockaddr *addr = p;
	int err = eth_prepare_mac_addr_change(dev, p);

	if (!err)
		err = parley_net_tell_mac(netdev_priv(dev), addr->sa_data);
	if (!err)
		eth_commit_mac_addr_change(dev, p);
	return err;
}

static int parley_net_vlan_add(struct net_device *dev, __be16 proto, u16 vid)
{
	return parley_net_tell_vlan(netdev_priv(dev), vid, true);
}

static int parley_net_vlan_kill(struct net_device *dev, __be16 proto, u16 vid)
{
	return parley_net_tell_vlan(netdev_priv(dev), vid, false);
}

/* While a program sees packets, they are finished when they come. */
static netdev_features_t parley_net_fix_features(struct net_device *dev,
						 netdev_features_t features)
{
	const struct parley_net *net = netdev_priv(dev);

	return net->finished ? features & ~(NETIF_F_GRO_HW | NETIF_F_RXCSUM) : features;
}

static int parley_net_change_mtu(struct net_device *dev, int mtu)
{
	struct parley_net *net = netdev_priv(dev);

	if (!parley_net_xdp_fits(net, rtnl_dereference(net->prog), mtu))
		return -EINVAL;
	WRITE_ONCE(dev->mtu, mtu);
	return 0;
}

static int parley_net_set_features(struct net_device *dev, netdev_features_t features)
{
	struct parley_net *net = netdev_priv(dev);

	if (!parley_has_feature(net->pd, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS))
		return 0;
	return parley_net_tell_offloads(net, parley_net_guest_offloads(net, features));
}

static void parley_net_add_rx(struct rtnl_link_stats64 *sum, const struct parley_net_rx_stats *s)
{
	u64 packets, bytes, length, frame, dropped;
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&s->sync);
		packets = u64_stats_read(&s->packets);
		bytes = u64_stats_read(&s->bytes);
		length = u64_stats_read(&s->runts) + u64_stats_read(&s->too_long) +
			 u64_stats_read(&s->lost);
		frame = u64_stats_read(&s->bad_header) + u64_stats_read(&s->unfinished);
		dropped = u64_stats_read(&s->no_memory);
	} while (u64_stats_fetch_retry(&s->sync, start));
	sum->rx_packets += packets;
	sum->rx_bytes += bytes;
	sum->rx_length_errors += length;
	sum->rx_frame_errors += frame;
	sum->rx_errors += length + frame;
	sum->rx_dropped += dropped;
}

static void parley_net_add_tx(struct rtnl_link_stats64 *sum, const struct parley_net_tx_stats *s)
{
	u64 packets, bytes, dropped, lost;
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&s->sync);
		packets = u64_stats_read(&s->packets);
		bytes = u64_stats_read(&s->bytes);
		dropped = u64_stats_read(&s->dropped) + u64_stats_read(&s->xdp_dropped);
		lost = u64_stats_read(&s->lost);
	} while (u64_stats_fetch_retry(&s->sync, start));
	sum->tx_packets += packets;
	sum->tx_bytes += bytes;
	sum->tx_dropped += dropped + lost;
}

static void parley_net_get_stats64(struct net_device *dev, struct rtnl_link_stats64 *sum)
{
	struct parley_net *net = netdev_priv(dev);
	unsigned int i;

	for (i = 0; i < net->nr_pairs; i++) {
		parley_net_add_rx(sum, &net->pairs[i].rx.stats);
		parley_net_add_tx(sum, &net->pairs[i].tx.stats);
	}
}

/*
 * It is unregistered, and config_changed() has ended, so the carrier stays off.  A recovery
 * may come to its end until the device is closed: one that finds the device gone must have
 * no carrier to turn off, since nobody waits for the link's watcher any more.
 */
static void parley_net_uninit(struct net_device *dev)
{
	netif_carrier_off(dev);
}

static const struct net_device_ops parley_net_ops = {
	.ndo_uninit		= parley_net_uninit,
	.ndo_open		= parley_net_open,
	.ndo_stop		= parley_net_close,
	.ndo_start_xmit		= parley_net_xmit,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_set_mac_address	= parley_net_set_mac_address,
	.ndo_set_rx_mode	= parley_net_set_rx_mode,
	.ndo_vlan_rx_add_vid	= parley_net_vlan_add,
	.ndo_vlan_rx_kill_vid	= parley_net_vlan_kill,
	.ndo_fix_features	= parley_net_fix_features,
	.ndo_set_features	= parley_net_set_features,
	.ndo_change_mtu		= parley_net_change_mtu,
	.ndo_bpf		= parley_net_bpf,
	.ndo_xdp_xmit		= parley_net_xdp_xmit,
	.ndo_get_stats64	= parley_net_get_stats64,
	.ndo_tx_timeout		= parley_net_tx_timeout,
	.ndo_get_phys_port_name	= parley_net_phys_port_name,
};

/* Statistics of one queue, for user space that asks by queue. */

static void parley_net_queue_stats_rx(struct net_device *dev, int i,
				      struct netdev_queue_stats_rx *stats)
{
	struct parley_net *net = netdev_priv(dev);
	const struct parley_net_rx_stats *s = &net->pairs[i].rx.stats;
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&s->sync);
		stats->packets = u64_stats_read(&s->packets);
		stats->bytes = u64_stats_read(&s->bytes);
		stats->alloc_fail = u64_stats_read(&s->no_memory) +
				    u64_stats_read(&s->no_buffer);
	} while (u64_stats_fetch_retry(&s->sync, start));
}

static void parley_net_queue_stats_tx(struct net_device *dev, int i,
				      struct netdev_queue_stats_tx *stats)
{
	struct parley_net *net = netdev_priv(dev);
	const struct parley_net_tx_stats *s = &net->pairs[i].tx.stats;
	unsigned int start;

	do {
		start = u64_stats_fetch_begin(&s->sync);
		stats->packets = u64_stats_read(&s->packets);
		stats->bytes = u64_stats_read(&s->bytes);
		stats->stop = u64_stats_read(&s->stops);
	} while (u64_stats_fetch_retry(&s->sync, start));
}

/* Of queues that are not used now, which nobody asks for. */
static void parley_net_base_stats(struct net_device *dev, struct netdev_queue_stats_rx *rx,
				  struct netdev_queue_stats_tx *tx)
{
	struct parley_net *net = netdev_priv(dev);
	unsigned int i;

	*rx = (struct netdev_queue_stats_rx) {};
	*tx = (struct netdev_queue_stats_tx) {};
	for (i = dev->real_num_rx_queues; i < net->nr_pairs; i++) {
		struct netdev_queue_stats_rx one_rx = {};
		struct netdev_queue_stats_tx one_tx = {};

		parley_net_queue_stats_rx(dev, i, &one_rx);
		parley_net_queue_stats_tx(dev, i, &one_tx);
		rx->packets += one_rx.packets;
		rx->bytes += one_rx.bytes;
		rx->alloc_fail += one_rx.alloc_fail;
		tx->packets += one_tx.packets;
		tx->bytes += one_tx.bytes;
		tx->stop += one_tx.stop;
	}
}

static const struct netdev_stat_ops parley_net_stat_ops = {
	.get_queue_stats_rx	= parley_net_queue_stats_rx,
	.get_queue_stats_tx	= parley_net_queue_stats_tx,
	.get_base_stats		= parley_net_base_stats,
};

void parley_net_set_ops(struct net_device *dev)
{
	dev->netdev_ops = &parley_net_ops;
	dev->stat_ops = &parley_net_stat_ops;
}
