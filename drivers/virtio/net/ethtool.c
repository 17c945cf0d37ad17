// SPDX-License-Identifier: GPL-2.0-only
/*
 * ethtool: channels, rings, link, statistics.
 */
#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include "net.h"

static void parley_net_get_drvinfo(struct net_device *dev, struct ethtool_drvinfo *info)
{
	struct parley_net *net = netdev_priv(dev);

	strscpy(info->driver, "parley_net", sizeof(info->driver));
	strscpy(info->bus_info, dev_name(&net->pd->dev), sizeof(info->bus_info));
}

static int parley_net_get_link_ksettings(struct net_device *dev,
					 struct ethtool_link_ksettings *cmd)
{
	struct parley_net *net = netdev_priv(dev);

	cmd->base.speed = READ_ONCE(net->link.speed);
	cmd->base.duplex = READ_ONCE(net->link.duplex);
	cmd->base.port = PORT_OTHER;
	return 0;
}

/* Channels: pairs of queues */

static void parley_net_get_channels(struct net_device *dev, struct ethtool_channels *ch)
{
	struct parley_net *net = netdev_priv(dev);

	ch->max_combined = net->nr_pairs;
	ch->combined_count = READ_ONCE(net->used);
}

/*
 * A device that is told of fewer may not be sent anything over the others from then on
 * (spec 5.1.6.5.5), so the stack ends that first; but they may receive until it is told.
 */
static int parley_net_use_fewer(struct parley_net *net, unsigned int pairs)
{
	struct net_device *dev = net->dev;
	const unsigned int before = dev->real_num_tx_queues;
	int err = netif_set_real_num_tx_queues(dev, pairs);

	if (err)
		return err;
	err = parley_net_tell_pairs(net, pairs);
	if (!err)
		return netif_set_real_num_rx_queues(dev, pairs);
	if (netif_set_real_num_tx_queues(dev, before))
		netdev_warn(dev, "it sends by %u queues from now on\n", pairs);
	return err;
}

static int parley_net_use_more(struct parley_net *net, unsigned int pairs)
{
	const unsigned int before = READ_ONCE(net->used);
	int err = parley_net_tell_pairs(net, pairs);

	if (err)
		return err;
	err = netif_set_real_num_queues(net->dev, pairs, pairs);
	if (err)
		parley_net_refused(net, "how many queues are used",
				   parley_net_tell_pairs(net, before));
	return err;
}

static int parley_net_set_channels(struct net_device *dev, struct ethtool_channels *ch)
{
	struct parley_net *net = netdev_priv(dev);

	/* The stack has compared with the maxima. */
	if (ch->rx_count || ch->tx_count || ch->other_count || !ch->combined_count)
		return -EINVAL;
	if (ch->combined_count < READ_ONCE(net->used))
		return parley_net_use_fewer(net, ch->combined_count);
	return parley_net_use_more(net, ch->combined_count);
}

/* Rings */

static void parley_net_get_ringparam(struct net_device *dev, struct ethtool_ringparam *ring,
				     struct kernel_ethtool_ringparam *kring,
				     struct netlink_ext_ack *extack)
{
	struct parley_net *net = netdev_priv(dev);

	ring->rx_max_pending = parley_drvq_size_max(net->pairs[0].rx.queue->vq);
	ring->tx_max_pending = parley_drvq_size_max(net->pairs[0].tx.queue->vq);
	ring->rx_pending = parley_drvq_size(net->pairs[0].rx.queue->vq);
	ring->tx_pending = parley_drvq_size(net->pairs[0].tx.queue->vq);
}

static int parley_net_resize(struct parley_queue *queue, unsigned int size, unsigned int least,
			     struct netlink_ext_ack *extack)
{
	if (size == parley_drvq_size(queue->vq))
		return 0;
	if (size < least) {
		NL_SET_ERR_MSG(extack, "one packet would not fit");
		return -EINVAL;
	}
	return parley_queue_resize(queue, size);
}

static int parley_net_set_ringparam(struct net_device *dev, struct ethtool_ringparam *ring,
				    struct kernel_ethtool_ringparam *kring,
				    struct netlink_ext_ack *extack)
{
	struct parley_net *net = netdev_priv(dev);
	unsigned int i;
	int err = 0;

	if (ring->rx_mini_pending || ring->rx_jumbo_pending)
		return -EINVAL;
	for (i = 0; i < net->nr_pairs && !err; i++) {
		struct parley_net_pair *pair = &net->pairs[i];

		err = parley_net_resize(pair->rx.queue, ring->rx_pending, net->rx_pages, extack);
		if (!err)
			err = parley_net_resize(pair->tx.queue, ring->tx_pending,
						PARLEY_NET_TX_SEGS, extack);
		/* A queue that was made anew has forgotten it (5.1.6.5.7). */
		scoped_guard(mutex, &net->ctrl_lock)
			parley_net_refused(net, "how to moderate", parley_net_recoal_pair(pair));
	}
	return err;
}

/* Statistics that have no place elsewhere */

#define RX_STAT(name)	{ #name, offsetof(struct parley_net_rx_stats, name) }
#define TX_STAT(name)	{ #name, offsetof(struct parley_net_tx_stats, name) }

struct parley_net_stat {
	const char *name;
	size_t offset;
};

static const struct parley_net_stat parley_net_rx_stat[] = {
	RX_STAT(packets), RX_STAT(bytes), RX_STAT(runts), RX_STAT(too_long),
	RX_STAT(bad_header), RX_STAT(lost), RX_STAT(no_memory), RX_STAT(no_buffer),
	RX_STAT(unfinished), RX_STAT(xdp_packets), RX_STAT(xdp_drops), RX_STAT(xdp_errors),
	RX_STAT(xdp_tx), RX_STAT(xdp_redirects),
};

static const struct parley_net_stat parley_net_tx_stat[] = {
	TX_STAT(packets), TX_STAT(bytes), TX_STAT(dropped), TX_STAT(lost), TX_STAT(stops),
	TX_STAT(xdp_packets), TX_STAT(xdp_dropped),
};

#define NR_STATS (ARRAY_SIZE(parley_net_rx_stat) + ARRAY_SIZE(parley_net_tx_stat))

static int parley_net_get_sset_count(struct net_device *dev, int set)
{
	struct parley_net *net = netdev_priv(dev);

	return set == ETH_SS_STATS ? net->nr_pairs * NR_STATS : -EOPNOTSUPP;
}

static void parley_net_get_strings(struct net_device *dev, u32 set, u8 *data)
{
	struct parley_net *net = netdev_priv(dev);
	unsigned int i, s;

	if (set != ETH_SS_STATS)
		return;
	for (i = 0; i < net->nr_pairs; i++) {
		for (s = 0; s < ARRAY_SIZE(parley_net_rx_stat); s++)
			ethtool_sprintf(&data, "rx%u_%s", i, parley_net_rx_stat[s].name);
		for (s = 0; s < ARRAY_SIZE(parley_net_tx_stat); s++)
			ethtool_sprintf(&data, "tx%u_%s", i, parley_net_tx_stat[s].name);
	}
}

static u64 *parley_net_read_stats(u64 *data, const void *stats,
				  const struct u64_stats_sync *sync,
				  const struct parley_net_stat *table, unsigned int nr)
{
	unsigned int start, s;

	do {
		start = u64_stats_fetch_begin(sync);
		for (s = 0; s < nr; s++)
			data[s] = u64_stats_read((const u64_stats_t *)(stats +
								       table[s].offset));
	} while (u64_stats_fetch_retry(sync, start));
	return data + nr;
}

static void parley_net_get_ethtool_stats(struct net_device *dev, struct ethtool_stats *stats,
					 u64 *data)
{
	struct parley_net *net = netdev_priv(dev);
	unsigned int i;

	for (i = 0; i < net->nr_pairs; i++) {
		struct parley_net_pair *pair = &net->pairs[i];

		data = parley_net_read_stats(data, &pair->rx.stats, &pair->rx.stats.sync,
					     parley_net_rx_stat,
					     ARRAY_SIZE(parley_net_rx_stat));
		data = parley_net_read_stats(data, &pair->tx.stats, &pair->tx.stats.sync,
					     parley_net_tx_stat,
					     ARRAY_SIZE(parley_net_tx_stat));
	}
}

static const struct ethtool_ops parley_net_ethtool_ops = {
	.supported_coalesce_params = ETHTOOL_COALESCE_USECS | ETHTOOL_COALESCE_MAX_FRAMES |
				     ETHTOOL_COALESCE_USE_ADAPTIVE_RX,
	.get_drvinfo		= parley_net_get_drvinfo,
	.get_link		= ethtool_op_get_link,
	.get_link_ksettings	= parley_net_get_link_ksettings,
	.get_channels		= parley_net_get_channels,
	.set_channels		= parley_net_set_channels,
	.get_ringparam		= parley_net_get_ringparam,
	.set_ringparam		= parley_net_set_ringparam,
	.get_coalesce		= parley_net_get_coalesce,
	.set_coalesce		= parley_net_set_coalesce,
	.get_per_queue_coalesce	= parley_net_get_queue_coalesce,
	.set_per_queue_coalesce	= parley_net_set_queue_coalesce,
#ifdef PARLEY_COMPAT_RX_RINGS
	.get_rxnfc		= parley_net_get_rxnfc,
#else
	.get_rx_ring_count	= parley_net_get_rx_ring_count,
#endif
#ifdef PARLEY_COMPAT_RXFH_FIELDS
	.set_rxnfc		= parley_net_set_rxnfc,
#else
	.get_rxfh_fields	= parley_net_get_rxfh_fields,
	.set_rxfh_fields	= parley_net_set_rxfh_fields,
#endif
	.get_rxfh_key_size	= parley_net_get_rxfh_key_size,
	.get_rxfh_indir_size	= parley_net_get_rxfh_indir_size,
	.get_rxfh		= parley_net_get_rxfh,
	.set_rxfh		= parley_net_set_rxfh,
	.get_ts_info		= ethtool_op_get_ts_info,
	.get_sset_count		= parley_net_get_sset_count,
	.get_strings		= parley_net_get_strings,
	.get_ethtool_stats	= parley_net_get_ethtool_stats,
};

void parley_net_set_ethtool(struct net_device *dev)
{
	dev->ethtool_ops = &parley_net_ethtool_ops;
}
