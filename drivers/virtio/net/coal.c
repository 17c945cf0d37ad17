// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moderation: how long, and for how many packets, the device holds an interrupt back
 * (spec 5.1.6.5.7).
 *
 * What was set for all queues of a kind is kept in parley_net, what a queue has now with
 * the queue; the device is told again after a reset, and of a queue that was enabled or
 * whose ring was made anew, for it has forgotten then.  Where queues can be told one by
 * one, the kernel's own judge of traffic (net_dim) may set a receive queue's.
 */
#include <linux/dim.h>
#include <linux/ethtool.h>
#include "net.h"

static int parley_net_send_coal(struct parley_net *net, bool rx,
				const struct parley_net_coal *coal)
{
	struct virtio_net_ctrl_coal data = {
		.max_packets = cpu_to_le32(coal->packets),
		.max_usecs = cpu_to_le32(coal->usecs),
	};

	return parley_net_tell(net, VIRTIO_NET_CTRL_NOTF_COAL,
			       rx ? VIRTIO_NET_CTRL_NOTF_COAL_RX_SET :
				    VIRTIO_NET_CTRL_NOTF_COAL_TX_SET, &data, sizeof(data));
}

static int parley_net_send_vq_coal(struct parley_net *net, const struct parley_queue *queue,
				   const struct parley_net_coal *coal)
{
	struct virtio_net_ctrl_coal_vq data = {
		.vqn = cpu_to_le16(queue->index),
		.coal.max_packets = cpu_to_le32(coal->packets),
		.coal.max_usecs = cpu_to_le32(coal->usecs),
	};

	return parley_net_tell(net, VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET,
			       &data, sizeof(data));
}

static bool parley_net_can_coal(const struct parley_net *net, bool each)
{
	return parley_has_feature(net->pd, each ? VIRTIO_NET_F_VQ_NOTF_COAL :
						  VIRTIO_NET_F_NOTF_COAL);
}

static struct parley_net_coal *parley_net_coal_of(struct parley_net_pair *pair, bool rx)
{
	return rx ? &pair->rx.coal : &pair->tx.coal;
}

static struct parley_queue *parley_net_queue_of(struct parley_net_pair *pair, bool rx)
{
	return rx ? pair->rx.queue : pair->tx.queue;
}

/* What was set for all queues of a kind. */
static struct parley_net_coal *parley_net_coal_for(struct parley_net *net, bool rx)
{
	return rx ? &net->rx_coal : &net->tx_coal;
}

/* One queue, which is in use. */
static int parley_net_coal_one(struct parley_net_pair *pair, bool rx,
			       const struct parley_net_coal *coal)
{
	int err = parley_net_send_vq_coal(pair->net, parley_net_queue_of(pair, rx), coal);

	if (!err)
		*parley_net_coal_of(pair, rx) = *coal;
	return err;
}

static bool parley_net_coal_is(const struct parley_net_coal *a, const struct parley_net_coal *b)
{
	return a->usecs == b->usecs && a->packets == b->packets;
}

/* All queues of a kind: at once, or each that is in use where it has to be so. */
static int parley_net_send_coal_all(struct parley_net *net, bool rx,
				    const struct parley_net_coal *coal)
{
	unsigned int i;
	int err = 0;

	if (parley_net_can_coal(net, false))
		return parley_net_send_coal(net, rx, coal);
	for (i = 0; i < net->used && !err; i++)
		err = parley_net_send_vq_coal(net, parley_net_queue_of(&net->pairs[i], rx), coal);
	return err;
}

static void parley_net_keep_coal_all(struct parley_net *net, bool rx,
				     const struct parley_net_coal *coal)
{
	unsigned int i;

	*parley_net_coal_for(net, rx) = *coal;
	for (i = 0; i < net->nr_pairs; i++)
		*parley_net_coal_of(&net->pairs[i], rx) = *coal;
}

/* What was told of a kind is not to be after all: each queue has what it had. */
static int parley_net_coal_back(struct parley_net *net, bool rx)
{
	const struct parley_net_coal *all = parley_net_coal_for(net, rx), *own;
	const bool at_once = parley_net_can_coal(net, false);
	unsigned int i;
	int err = 0;

	if (at_once)
		err = parley_net_send_coal(net, rx, all);
	for (i = 0; parley_net_can_coal(net, true) && i < net->used && !err; i++) {
		own = parley_net_coal_of(&net->pairs[i], rx);
		if (!at_once || !parley_net_coal_is(own, all))
			err = parley_net_send_vq_coal(net, parley_net_queue_of(&net->pairs[i], rx),
						      own);
	}
	return err;
}

/* ------------------------------------------------------------ told again */

static int parley_net_recoal_one(struct parley_net_pair *pair, bool rx)
{
	static const struct parley_net_coal none;
	struct parley_net *net = pair->net;
	const struct parley_net_coal *coal = parley_net_coal_of(pair, rx), *has = &none;

	/* What it has by itself. */
	if (parley_net_can_coal(net, false))
		has = parley_net_coal_for(net, rx);
	if (parley_net_coal_is(coal, has))
		return 0;
	return parley_net_send_vq_coal(net, parley_net_queue_of(pair, rx), coal);
}

/**
 * parley_net_recoal_pair() - tell again what the queues of a pair have
 * @pair: pair, which was enabled or got other rings
 *
 * Context: may sleep; under parley_net.ctrl_lock.
 * Return: 0 or an error.
 */
int parley_net_recoal_pair(struct parley_net_pair *pair)
{
	int err;

	if (!parley_net_can_coal(pair->net, true) || pair->index >= pair->net->used)
		return 0;
	err = parley_net_recoal_one(pair, true);
	return err ? err : parley_net_recoal_one(pair, false);
}

/**
 * parley_net_recoal() - tell again all of it, to a device that was reset
 * @net: interface
 *
 * Context: may sleep; under parley_net.ctrl_lock.
 * Return: 0 or an error.
 */
int parley_net_recoal(struct parley_net *net)
{
	static const struct parley_net_coal none;
	unsigned int i;
	int err = 0;

	if (parley_net_can_coal(net, false)) {
		if (!parley_net_coal_is(&net->rx_coal, &none))
			err = parley_net_send_coal(net, true, &net->rx_coal);
		if (!err && !parley_net_coal_is(&net->tx_coal, &none))
			err = parley_net_send_coal(net, false, &net->tx_coal);
	}
	for (i = 0; i < net->used && !err; i++)
		err = parley_net_recoal_pair(&net->pairs[i]);
	return err;
}

/* -------------------------------------------------------------- adaptive */

static struct parley_net_coal parley_net_judgement(const struct dim *dim)
{
	struct dim_cq_moder moder = {};

	if (IS_REACHABLE(CONFIG_DIMLIB))
		moder = net_dim_get_rx_moderation(dim->mode, dim->profile_ix);
	return (struct parley_net_coal) { .usecs = moder.usec, .packets = moder.pkts };
}

/* The judge's own work item, in which no command may wait: see frontend.rst. */
static void parley_net_dim_work(struct work_struct *work)
{
	struct parley_net_rx *rx = container_of(work, struct parley_net_rx, dim.work);

	queue_work(system_freezable_wq, &rx->moderate);
}

/* What the judge came to is told, and it may judge again. */
static void parley_net_moderate(struct work_struct *work)
{
	struct parley_net_rx *rx = container_of(work, struct parley_net_rx, moderate);
	struct parley_net_pair *pair = container_of(rx, struct parley_net_pair, rx);
	const struct parley_net_coal coal = parley_net_judgement(&rx->dim);
	int err = 0;

	guard(mutex)(&pair->net->ctrl_lock);
	if (rx->adaptive && pair->index < pair->net->used && !parley_net_coal_is(&coal, &rx->coal))
		err = parley_net_coal_one(pair, true, &coal);
	parley_net_refused(pair->net, "how to moderate", err);
	/* It would refuse the next judgement as well. */
	if (err)
		WRITE_ONCE(rx->adaptive, false);
	rx->dim.state = DIM_START_MEASURE;
}

/**
 * parley_net_judge() - a NAPI has nothing left to do: how is the traffic?
 * @pair: pair, whose NAPI this is, and is not over yet
 */
void parley_net_judge(struct parley_net_pair *pair)
{
	struct parley_net_rx *rx = &pair->rx;
	struct dim_sample sample = {};

	if (!IS_REACHABLE(CONFIG_DIMLIB) || likely(!READ_ONCE(rx->adaptive)))
		return;
	dim_update_sample(++rx->events, u64_stats_read(&rx->stats.packets),
			  u64_stats_read(&rx->stats.bytes), &sample);
	net_dim(&rx->dim, &sample);
}

/**
 * parley_net_coal_init() - before a pair is used
 * @pair: pair
 */
void parley_net_coal_init(struct parley_net_pair *pair)
{
	INIT_WORK(&pair->rx.dim.work, parley_net_dim_work);
	INIT_WORK(&pair->rx.moderate, parley_net_moderate);
	pair->rx.dim.mode = DIM_CQ_PERIOD_MODE_START_FROM_EQE;
}

/**
 * parley_net_coal_end() - after a pair was used
 * @pair: pair, whose NAPI is gone
 */
void parley_net_coal_end(struct parley_net_pair *pair)
{
	cancel_work_sync(&pair->rx.dim.work);
	cancel_work_sync(&pair->rx.moderate);
}

static bool parley_net_can_adapt(const struct parley_net *net)
{
	return IS_REACHABLE(CONFIG_DIMLIB) && parley_net_can_coal(net, true);
}

/* --------------------------------------------------------------- ethtool */

static void parley_net_say_coal(struct ethtool_coalesce *ec, const struct parley_net_coal *rx,
				const struct parley_net_coal *tx, bool adaptive)
{
	ec->rx_coalesce_usecs = rx->usecs;
	ec->rx_max_coalesced_frames = rx->packets;
	ec->tx_coalesce_usecs = tx->usecs;
	ec->tx_max_coalesced_frames = tx->packets;
	ec->use_adaptive_rx_coalesce = adaptive;
}

static struct parley_net_coal parley_net_asked(const struct ethtool_coalesce *ec, bool rx)
{
	return rx ? (struct parley_net_coal) { ec->rx_coalesce_usecs, ec->rx_max_coalesced_frames }
		  : (struct parley_net_coal) { ec->tx_coalesce_usecs, ec->tx_max_coalesced_frames };
}

int parley_net_get_coalesce(struct net_device *dev, struct ethtool_coalesce *ec,
			    struct kernel_ethtool_coalesce *kec, struct netlink_ext_ack *extack)
{
	struct parley_net *net = netdev_priv(dev);

	if (!parley_net_can_coal(net, false) && !parley_net_can_coal(net, true))
		return -EOPNOTSUPP;
	guard(mutex)(&net->ctrl_lock);
	parley_net_say_coal(ec, &net->rx_coal, &net->tx_coal, net->pairs[0].rx.adaptive);
	return 0;
}

/*
 * With a judge nobody else sets a receive queue's; without, it has what was set.  Both
 * kinds are told before either is kept, so that what the device has of one can be put back
 * when it refuses the other.
 */
static int parley_net_tell_coal(struct parley_net *net, const struct parley_net_coal *rx,
				const struct parley_net_coal *tx)
{
	int err = 0;

	if (rx)
		err = parley_net_send_coal_all(net, true, rx);
	if (!err)
		err = parley_net_send_coal_all(net, false, tx);
	if (!err)
		return 0;
	if (!rx || !parley_net_coal_back(net, true))
		parley_net_coal_back(net, false);
	return err;
}

int parley_net_set_coalesce(struct net_device *dev, struct ethtool_coalesce *ec,
			    struct kernel_ethtool_coalesce *kec, struct netlink_ext_ack *extack)
{
	struct parley_net *net = netdev_priv(dev);
	const bool adaptive = ec->use_adaptive_rx_coalesce;
	const struct parley_net_coal rx = parley_net_asked(ec, true);
	const struct parley_net_coal tx = parley_net_asked(ec, false);
	unsigned int i;
	int err;

	if (!parley_net_can_coal(net, false) && !parley_net_can_coal(net, true))
		return -EOPNOTSUPP;
	if (adaptive && !parley_net_can_adapt(net))
		return -EOPNOTSUPP;
	guard(mutex)(&net->ctrl_lock);
	if (adaptive && !parley_net_coal_is(&rx, &net->rx_coal))
		return -EINVAL;
	err = parley_net_tell_coal(net, adaptive ? NULL : &rx, &tx);
	if (err)
		return err;
	if (!adaptive)
		parley_net_keep_coal_all(net, true, &rx);
	parley_net_keep_coal_all(net, false, &tx);
	for (i = 0; i < net->nr_pairs; i++)
		WRITE_ONCE(net->pairs[i].rx.adaptive, adaptive);
	return 0;
}

int parley_net_get_queue_coalesce(struct net_device *dev, u32 queue, struct ethtool_coalesce *ec)
{
	struct parley_net *net = netdev_priv(dev);
	struct parley_net_pair *pair;

	if (!parley_net_can_coal(net, true))
		return -EOPNOTSUPP;
	guard(mutex)(&net->ctrl_lock);
	if (queue >= net->used)
		return -EINVAL;
	pair = &net->pairs[queue];
	parley_net_say_coal(ec, &pair->rx.coal, &pair->tx.coal, pair->rx.adaptive);
	return 0;
}

static int parley_net_set_pair_coal(struct parley_net_pair *pair,
				    const struct ethtool_coalesce *ec)
{
	const bool adaptive = ec->use_adaptive_rx_coalesce;
	const struct parley_net_coal rx = parley_net_asked(ec, true);
	const struct parley_net_coal tx = parley_net_asked(ec, false);
	const struct parley_net_coal before = pair->rx.coal;
	int err = 0;

	if (adaptive && !parley_net_can_adapt(pair->net))
		return -EOPNOTSUPP;
	if (!adaptive)
		err = parley_net_coal_one(pair, true, &rx);
	if (err)
		return err;
	err = parley_net_coal_one(pair, false, &tx);
	if (!err)
		WRITE_ONCE(pair->rx.adaptive, adaptive);
	else if (!adaptive)
		parley_net_refused(pair->net, "how to moderate",
				   parley_net_coal_one(pair, true, &before));
	return err;
}

int parley_net_set_queue_coalesce(struct net_device *dev, u32 queue, struct ethtool_coalesce *ec)
{
	struct parley_net *net = netdev_priv(dev);

	if (!parley_net_can_coal(net, true))
		return -EOPNOTSUPP;
	guard(mutex)(&net->ctrl_lock);
	return queue < net->used ? parley_net_set_pair_coal(&net->pairs[queue], ec) : -EINVAL;
}
