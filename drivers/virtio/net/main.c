// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network front-end: the driver table, probe and its mirror.
 */
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <net/page_pool/helpers.h>
#include <parley/command.h>
#include <parley/version.h>
#include <uapi/linux/virtio_ids.h>
#include "net.h"

static unsigned int queue_pairs;
module_param(queue_pairs, uint, 0644);
MODULE_PARM_DESC(queue_pairs,
		 "Most pairs of queues to use for an interface; 0 (default): one for each processor");

/* So long a transmit queue may stand still before it is looked after. */
#define WATCHDOG	(15 * HZ)

/* A NAPI's queues may be locked while a command is submitted. */
static struct lock_class_key parley_net_ctrl_key;

static void parley_net_describe_pair(struct parley_queue_spec *rx,
				     struct parley_queue_spec *tx, unsigned int i)
{
	*rx = (struct parley_queue_spec) {
		.name = "rx", .index = 2 * i, .group = i + 1,
		.size = PARLEY_NET_RING, .size_max = PARLEY_NET_RING_MAX,
		.indirect_segs = PARLEY_NET_BIG_PAGES,
		.flags = PARLEY_QUEUE_UNLOCKED,
		.interrupt = parley_net_interrupt,
		.complete = parley_net_rx_complete,
		.give_back = parley_net_rx_give_back,
	};
	*tx = (struct parley_queue_spec) {
		.name = "tx", .index = 2 * i + 1, .group = i + 1,
		.size = PARLEY_NET_RING, .size_max = PARLEY_NET_RING_MAX,
		.indirect_segs = PARLEY_NET_TX_SEGS,
		.flags = PARLEY_QUEUE_UNLOCKED,
		.interrupt = parley_net_interrupt,
		.complete = parley_net_tx_complete,
		.give_back = parley_net_tx_give_back,
	};
}

/*
 * Receive and transmit queues by turns, and the control queue behind the last pair
 * that the device has, used or not (spec 5.1.2).
 */
static int parley_net_make_queues(struct parley_net *net, unsigned int max)
{
	struct parley_device *pd = net->pd;
	struct parley_queue_spec *specs;
	struct irq_affinity affd = {};
	unsigned int i, nr = 2 * net->nr_pairs;
	int err;

	specs = kcalloc(nr + 1, sizeof(*specs), GFP_KERNEL);
	if (!specs)
		return -ENOMEM;
	for (i = 0; i < net->nr_pairs; i++) {
		parley_net_describe_pair(&specs[2 * i], &specs[2 * i + 1], i);
		/* Mergeable or small, a receive buffer is one segment. */
		if (net->rx_pages == 1)
			specs[2 * i].indirect_segs = 0;
	}
	if (parley_has_feature(pd, VIRTIO_NET_F_CTRL_VQ))
		specs[nr++] = (struct parley_queue_spec) {
			.name = "control", .index = 2 * max,
			.size_max = PARLEY_NET_CTRL_RING, .flags = PARLEY_QUEUE_ADMIN,
			.key = &parley_net_ctrl_key,
			.complete = parley_command_complete,
			.give_back = parley_command_give_back,
		};
	err = parley_device_make_queues(pd, specs, nr, &affd);
	kfree(specs);
	if (!err && nr > 2 * net->nr_pairs)
		net->ctrl = &pd->queues[nr - 1];
	return err;
}

static void parley_net_init_stats(struct parley_net_pair *pair)
{
	u64_stats_init(&pair->rx.stats.sync);
	u64_stats_init(&pair->tx.stats.sync);
}

/* A pair's memory, for the queues that it has. */
static int parley_net_make_pair(struct parley_net *net, unsigned int i)
{
	const bool direct = !parley_has_feature(net->pd, VIRTIO_RING_F_INDIRECT_DESC);
	struct parley_net_pair *pair = &net->pairs[i];
	int err, irq;

	pair->rx.queue = &net->pd->queues[2 * i];
	pair->tx.queue = &net->pd->queues[2 * i + 1];
	pair->rx.queue->priv = pair;
	pair->tx.queue->priv = pair;
	/* Without tables a packet takes a descriptor for each piece. */
	pair->tx.hdr_len = net->hdr_len;
	pair->tx.need = direct ? PARLEY_NET_TX_SEGS : 1;
	if (parley_drvq_size(pair->tx.queue->vq) < PARLEY_NET_TX_SEGS ||
	    parley_drvq_size(pair->rx.queue->vq) < net->rx_pages) {
		dev_err(&net->pd->dev, "pair %u has rings that are smaller than a packet\n", i);
		return -EINVAL;
	}
	netif_napi_add(net->dev, &pair->napi, parley_net_poll);
	irq = parley_queue_irq(pair->rx.queue);
	if (irq >= 0)
		netif_napi_set_irq(&pair->napi, irq);
	err = parley_net_make_pool(pair);
	if (!err)
		err = parley_net_xdp_make(pair);
	return err ? err : parley_net_make_slots(&pair->tx);
}

static void parley_net_free_pairs(struct parley_net *net)
{
	unsigned int i;

	for (i = 0; i < net->nr_pairs; i++) {
		struct parley_net_pair *pair = &net->pairs[i];

		if (pair->napi.dev)
			netif_napi_del(&pair->napi);
		parley_net_xdp_free(pair);
		if (pair->rx.pool)
			page_pool_destroy(pair->rx.pool);
		kfree(pair->tx.slots);
	}
	kvfree(net->pairs);
}

/* Queues and all that they need. */
static int parley_net_make_pairs(struct parley_net *net, unsigned int max)
{
	unsigned int i;
	int err;

	net->pairs = kvcalloc(net->nr_pairs, sizeof(*net->pairs), GFP_KERNEL);
	if (!net->pairs)
		return -ENOMEM;
	for (i = 0; i < net->nr_pairs; i++) {
		struct parley_net_pair *pair = &net->pairs[i];

		pair->net = net;
		pair->index = i;
		timer_setup(&pair->refill, parley_net_refill, 0);
		parley_net_init_stats(pair);
		parley_net_coal_init(pair);
	}
	err = parley_net_make_queues(net, max);
	for (i = 0; i < net->nr_pairs && !err; i++)
		err = parley_net_make_pair(net, i);
	if (err)
		parley_net_free_pairs(net);
	return err;
}

static struct parley_net *parley_net_alloc(struct parley_device *pd, unsigned int max)
{
	unsigned int pairs = min_t(unsigned int, max, queue_pairs ?: num_possible_cpus());
	struct net_device *dev = alloc_etherdev_mq(sizeof(struct parley_net), pairs);
	struct parley_net *net;

	if (!dev)
		return NULL;
	SET_NETDEV_DEV(dev, &pd->dev);
	parley_net_set_ops(dev);
	parley_net_set_ethtool(dev);
	dev->watchdog_timeo = WATCHDOG;
	dev->priv_flags |= IFF_UNICAST_FLT | IFF_LIVE_ADDR_CHANGE;
	net = netdev_priv(dev);
	net->dev = dev;
	net->pd = pd;
	net->nr_pairs = pairs;
	net->used = 1;
	mutex_init(&net->lock);
	mutex_init(&net->ctrl_lock);
	INIT_WORK(&net->rx_mode, parley_net_rx_mode_work);
	INIT_WORK(&net->timeout, parley_net_timeout_work);
	INIT_DELAYED_WORK(&net->announce, parley_net_announce_work);
	net->announced = jiffies - HZ;
	ratelimit_state_init(&net->refusals, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);
	return net;
}

/* All pairs that the processors can use at once; one, if the device will not. */
static int parley_net_use_pairs(struct parley_net *net)
{
	unsigned int pairs = min(net->nr_pairs, num_online_cpus());

	if (parley_net_tell_pairs(net, pairs)) {
		dev_warn(&net->pd->dev, "it uses one pair of queues only\n");
		pairs = 1;
	}
	return netif_set_real_num_queues(net->dev, pairs, pairs);
}

static void parley_net_cancel(struct parley_net *net)
{
	unsigned int i;

	cancel_work_sync(&net->rx_mode);
	cancel_work_sync(&net->timeout);
	cancel_delayed_work_sync(&net->announce);
	for (i = 0; i < net->nr_pairs; i++)
		parley_net_coal_end(&net->pairs[i]);
}

static int parley_net_register(struct parley_net *net)
{
	int err = parley_net_standby_join(net);

	if (err)
		return err;
	rtnl_lock();
	err = parley_net_use_pairs(net);
	netif_carrier_off(net->dev);
	if (!err)
		err = register_netdevice(net->dev);
	rtnl_unlock();
	if (err)
		parley_net_standby_leave(net);
	else
		parley_net_link(net);
	return err;
}

static int parley_net_probe(struct parley_device *pd)
{
	unsigned int max = parley_net_pairs_max(pd);
	struct parley_net *net = parley_net_alloc(pd, max);
	int err;

	if (!net)
		return -ENOMEM;
	pd->priv = net;
	err = parley_net_configure(net);
	if (!err)
		err = parley_net_make_pairs(net, max);
	if (err)
		goto free;
	/* From here on stop() and start() may come at any time. */
	parley_device_ready(pd);
	err = parley_net_register(net);
	if (err)
		goto close;
	return 0;

close:
	parley_device_close(pd);
	parley_net_cancel(net);
	parley_net_free_pairs(net);
free:
	free_netdev(net->dev);
	return err;
}

/*
 * The interface goes first: it is down then, no NAPI runs, and what the device has
 * still is given back when it is closed.
 */
static void parley_net_remove(struct parley_device *pd)
{
	struct parley_net *net = pd->priv;

	/* config_changed() has ended, so that it is not asked for again. */
	cancel_delayed_work_sync(&net->announce);
	unregister_netdev(net->dev);
	parley_net_standby_leave(net);
	parley_device_close(pd);
	parley_net_cancel(net);
	parley_net_free_pairs(net);
	free_netdev(net->dev);
}

static const struct virtio_device_id parley_net_ids[] = {
	{ VIRTIO_ID_NET, VIRTIO_DEV_ANY_ID },
	{ }
};

static struct parley_driver parley_net_driver = {
	.driver.name	= "parley_net",
	.driver.owner	= THIS_MODULE,
	.ids		= parley_net_ids,
	.features	= parley_net_features,
	.check		= parley_net_check,
	.probe		= parley_net_probe,
	.remove		= parley_net_remove,
	.config_changed	= parley_net_config_changed,
	.stop		= parley_net_stop,
	.reapply	= parley_net_reapply,
	.start		= parley_net_start,
};

static int __init parley_net_init(void)
{
	parley_net_driver.nr_features = parley_net_nr_features;
	return parley_driver_register(&parley_net_driver);
}
module_init(parley_net_init);

static void __exit parley_net_exit(void)
{
	parley_driver_unregister(&parley_net_driver);
}
module_exit(parley_net_exit);

MODULE_DESCRIPTION("Parley network front-end");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
MODULE_ALIAS_PARLEY("00000001");
PARLEY_IMPORT;
