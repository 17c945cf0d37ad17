// SPDX-License-Identifier: GPL-2.0-only
/*
 * A network front-end, in outline: what its queues, its polling, its memory and
 * its settings ask of the model.  It compiles, and shows that the model carries
 * it; it registers no network device and transmits nothing, so nobody loads it.
 * See ../queues.rst, which walks through it.
 */
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/module.h>
#include <net/page_pool/helpers.h>
#include <parley/command.h>
#include <parley/device.h>
#include <parley/export.h>
#include <uapi/linux/virtio_ids.h>
#include <uapi/linux/virtio_net.h>

#define SKETCH_PAIRS	8	/* that we use; the device may have 256 */

struct sketch_rx {
	struct parley_queue *queue;
	struct page_pool *pool;	/* its pages are mapped for the device already */
	struct napi_struct napi;
};

struct sketch {
	struct net_device *dev;
	struct parley_queue *control;
	unsigned int pairs;
	struct sketch_rx rx[SKETCH_PAIRS];
	struct mutex lock;	/* of the two that follow, and of what they say */
	bool up;		/* the interface is */
	bool held;		/* between stop() and start() */
	/* What was set and a reset forgets: MAC filter, VLANs, RSS. */
	u8 filter[8 + ETH_ALEN];
	DECLARE_BITMAP(vlans, VLAN_N_VID);
	u8 rss[256];
	unsigned int rss_len;
};

/* Receive: pages of a pool, premapped; the NAPI owns the queue. */

static void sketch_refill(struct sketch_rx *rx)
{
	struct page *page;

	while ((page = page_pool_dev_alloc_pages(rx->pool))) {
		struct parley_seg seg = {
			page_pool_get_dma_addr(page), PAGE_SIZE };
		struct parley_buf buf = { .segs = &seg, .cookie = page, .n_in = 1,
					  .flags = PARLEY_BUF_PREMAPPED };

		if (parley_drvq_put(rx->queue->vq, &buf, 1, GFP_ATOMIC) < 1) {
			page_pool_put_full_page(rx->pool, page, true);
			break;
		}
	}
	if (parley_drvq_publish(rx->queue->vq))
		parley_drvq_kick(rx->queue->vq);
}

static void sketch_received(struct parley_queue *queue,
			    const struct parley_done *done, unsigned int nr,
			    void *ctx)
{
	struct sketch_rx *rx = queue->priv;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct sk_buff *skb = napi_get_frags(&rx->napi);
		struct page *page = done[i].cookie;

		/* In a recovery there is no NAPI to give a packet to. */
		if (!ctx || !skb || done[i].len <= sizeof(struct virtio_net_hdr_v1)) {
			page_pool_put_full_page(rx->pool, page, false);
			continue;
		}
		/* What it occupies is what we offered, not what came. */
		skb_add_rx_frag(skb, 0, page, sizeof(struct virtio_net_hdr_v1),
				done[i].len - sizeof(struct virtio_net_hdr_v1),
				done[i].len_in);
		skb_mark_for_recycle(skb);
		napi_gro_frags(&rx->napi);
	}
}

static void sketch_give_back(struct parley_queue *queue, void *cookie,
			     enum parley_fate fate)
{
	struct sketch_rx *rx = queue->priv;

	page_pool_put_full_page(rx->pool, cookie, false);
}

static void sketch_interrupt(struct parley_queue *queue)
{
	struct sketch_rx *rx = queue->priv;

	napi_schedule(&rx->napi);
}

static int sketch_poll(struct napi_struct *napi, int budget)
{
	struct sketch_rx *rx = container_of(napi, struct sketch_rx, napi);
	int n = parley_queue_poll(rx->queue, budget, napi);

	sketch_refill(rx);
	if (n < budget) {
		if (!parley_queue_arm(rx->queue))
			return budget;
		if (!napi_complete_done(napi, n))
			parley_queue_disarm(rx->queue);
	}
	return n;
}

/* Settings: commands of the control queue. */

static int sketch_command(struct sketch *net, u8 class, u8 cmd,
			  const void *data, u32 len)
{
	struct parley_command *c __free(parley_command) =
		parley_command_alloc(sizeof(struct virtio_net_ctrl_hdr) + len,
				     sizeof(virtio_net_ctrl_ack), GFP_KERNEL);
	int err;

	if (!c)
		return -ENOMEM;
	*(struct virtio_net_ctrl_hdr *)c->out =
		(struct virtio_net_ctrl_hdr){ .class = class, .cmd = cmd };
	memcpy(c->out + sizeof(struct virtio_net_ctrl_hdr), data, len);
	err = parley_command_run(net->control, c, 5 * HZ, 0);
	if (err)
		return err;
	return c->len && *(u8 *)c->in == VIRTIO_NET_OK ? 0 : -EIO;
}

static int sketch_reapply(struct parley_device *pd)
{
	struct sketch *net = pd->priv;
	unsigned int vid;
	int err;

	err = sketch_command(net, VIRTIO_NET_CTRL_MAC,
			     VIRTIO_NET_CTRL_MAC_TABLE_SET, net->filter,
			     sizeof(net->filter));
	for_each_set_bit(vid, net->vlans, VLAN_N_VID) {
		__le16 v = cpu_to_le16(vid);

		if (!err)
			err = sketch_command(net, VIRTIO_NET_CTRL_VLAN,
					     VIRTIO_NET_CTRL_VLAN_ADD, &v,
					     sizeof(v));
	}
	if (!err && net->rss_len)
		err = sketch_command(net, VIRTIO_NET_CTRL_MQ,
				     VIRTIO_NET_CTRL_MQ_RSS_CONFIG, net->rss,
				     net->rss_len);
	return err;
}

/*
 * A queue that its owner serialises is polled while the interface is up and the
 * device not held, and is the model's otherwise.
 */
static void sketch_run(struct sketch *net, bool up, bool held)
{
	const bool ran = net->up && !net->held, runs = up && !held;
	unsigned int i;

	lockdep_assert_held(&net->lock);
	net->up = up;
	net->held = held;
	for (i = 0; ran != runs && i < net->pairs; i++) {
		struct napi_struct *napi = &net->rx[i].napi;

		if (!runs) {
			napi_disable(napi);
			continue;
		}
		napi_enable(napi);
		/* It fills the ring, and arms it. */
		local_bh_disable();
		napi_schedule(napi);
		local_bh_enable();
	}
}

static void sketch_stop(struct parley_device *pd)
{
	struct sketch *net = pd->priv;

	guard(mutex)(&net->lock);
	sketch_run(net, net->up, true);
}

static void sketch_start(struct parley_device *pd)
{
	struct sketch *net = pd->priv;

	guard(mutex)(&net->lock);
	sketch_run(net, net->up, false);
}

/* What ndo_open() and ndo_stop() do. */
static void sketch_set_up(struct sketch *net, bool up)
{
	guard(mutex)(&net->lock);
	sketch_run(net, up, net->held);
}

/* ethtool -G: stop() and start() come from inside, so not under our lock. */
static int __maybe_unused sketch_set_ring(struct sketch *net, u32 size)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < net->pairs && !err; i++)
		err = parley_queue_resize(net->rx[i].queue, size);
	return err;
}

/* Queues: 2i and 2i + 1 for each pair, control behind the last pair there is. */

static struct lock_class_key sketch_control_key;

static int sketch_make_queues(struct parley_device *pd, struct sketch *net)
{
	struct parley_queue_spec specs[SKETCH_PAIRS + 1] = {};
	struct irq_affinity affd = {};
	unsigned int i;
	u16 max = 1;
	int err;

	if (parley_has_feature(pd, VIRTIO_NET_F_MQ)) {
		err = parley_config_get(pd, struct virtio_net_config,
					max_virtqueue_pairs, &max);
		if (err)
			return err;
	}
	net->pairs = min_t(unsigned int, max, SKETCH_PAIRS);
	for (i = 0; i < net->pairs; i++)
		specs[i] = (struct parley_queue_spec) {
			.name = "rx", .index = 2 * i, .size = 256,
			.flags = PARLEY_QUEUE_UNLOCKED,
			.interrupt = sketch_interrupt,
			.complete = sketch_received,
			.give_back = sketch_give_back,
		};
	specs[i] = (struct parley_queue_spec) {
		.name = "control", .index = 2 * max, .size_max = 64,
		.flags = PARLEY_QUEUE_ADMIN, .key = &sketch_control_key,
		.complete = parley_command_complete,
		.give_back = parley_command_give_back,
	};
	err = parley_device_make_queues(pd, specs, net->pairs + 1, &affd);
	if (err)
		return err;
	for (i = 0; i < net->pairs; i++) {
		net->rx[i].queue = &pd->queues[i];
		net->rx[i].queue->priv = &net->rx[i];
	}
	net->control = &pd->queues[i];
	return 0;
}

static int sketch_make_pool(struct parley_device *pd, struct sketch *net,
			    struct sketch_rx *rx)
{
	struct page_pool_params params = {
		.flags = PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV,
		.pool_size = parley_drvq_size(rx->queue->vq),
		.nid = NUMA_NO_NODE, .max_len = PAGE_SIZE,
		.dev = parley_dma_dev(pd), .napi = &rx->napi,
		.dma_dir = DMA_FROM_DEVICE,
	};

	rx->pool = page_pool_create(&params);
	if (IS_ERR(rx->pool))
		return PTR_ERR(no_free_ptr(rx->pool));
	netif_napi_add(net->dev, &rx->napi, sketch_poll);
	return 0;
}

static void sketch_free(struct sketch *net)
{
	unsigned int i;

	for (i = 0; i < net->pairs; i++) {
		if (!net->rx[i].pool)
			continue;
		netif_napi_del(&net->rx[i].napi);
		page_pool_destroy(net->rx[i].pool);
	}
	free_netdev(net->dev);
}

static int sketch_probe(struct parley_device *pd)
{
	struct net_device *dev = alloc_etherdev(sizeof(struct sketch));
	struct sketch *net;
	unsigned int i;
	int err;

	if (!dev)
		return -ENOMEM;
	net = netdev_priv(dev);
	net->dev = dev;
	mutex_init(&net->lock);
	pd->priv = net;
	err = sketch_make_queues(pd, net);
	for (i = 0; i < net->pairs && !err; i++)
		err = sketch_make_pool(pd, net, &net->rx[i]);
	if (err) {
		sketch_free(net);
		return err;
	}
	/* From here on stop() may come at any time. */
	parley_device_ready(pd);
	sketch_set_up(net, true);
	return 0;
}

static void sketch_remove(struct parley_device *pd)
{
	struct sketch *net = pd->priv;

	sketch_set_up(net, false);
	parley_device_close(pd);
	sketch_free(net);
}

static const unsigned int sketch_features[] = {
	VIRTIO_NET_F_MAC, VIRTIO_NET_F_MQ, VIRTIO_NET_F_CTRL_VQ,
	VIRTIO_NET_F_CTRL_RX, VIRTIO_NET_F_CTRL_VLAN, VIRTIO_NET_F_RSS,
};

static const struct virtio_device_id sketch_ids[] = {
	{ VIRTIO_ID_NET, VIRTIO_DEV_ANY_ID },
	{ }
};

static struct parley_driver sketch_driver = {
	.driver.name = "parley_sketch",
	.ids = sketch_ids,
	.features = sketch_features,
	.nr_features = ARRAY_SIZE(sketch_features),
	.probe = sketch_probe,
	.remove = sketch_remove,
	.stop = sketch_stop,
	.reapply = sketch_reapply,
	.start = sketch_start,
};
module_parley_driver(sketch_driver);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: a network front-end in outline");
MODULE_LICENSE("GPL");
