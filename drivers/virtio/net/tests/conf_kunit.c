// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the configuration says, right and wrong, and what is asked for by ethtool.
 */
#include <linux/delay.h>
#include <linux/ethtool.h>
#include <linux/etherdevice.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include "peer.h"

static bool soon(bool (*is)(struct peer *p), struct peer *p)
{
	unsigned int ms;

	for (ms = 0; ms < 10000 && !is(p); ms++)
		fsleep(1000);
	return is(p);
}

static bool has_link(struct peer *p)
{
	return netif_carrier_ok(p->dev);
}

static bool has_no_link(struct peer *p)
{
	return !netif_carrier_ok(p->dev);
}

static void the_link_goes_and_comes(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL | B(SPEED_DUPLEX), 1);
	unsigned int i;

	KUNIT_EXPECT_TRUE(test, soon(has_link, p));
	for (i = 0; i < 5; i++) {
		p->config.status = 0;
		peer_set_config(p);
		KUNIT_EXPECT_TRUE(test, soon(has_no_link, p));
		p->config.status = cpu_to_vr16(VIRTIO_NET_S_LINK_UP);
		p->config.speed = cpu_to_le32(1000 + i);
		p->config.duplex = DUPLEX_FULL;
		peer_set_config(p);
		KUNIT_EXPECT_TRUE(test, soon(has_link, p));
	}
	KUNIT_EXPECT_EQ(test, 1004u, p->net->link.speed);
	KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 500, 1));
}

static bool has_announced(struct peer *p)
{
	return peer_times_told(p, VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, NULL);
}

static void it_announces_itself(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);

	KUNIT_EXPECT_FALSE(test, has_announced(p));
	p->config.status = cpu_to_vr16(VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE);
	peer_set_config(p);
	KUNIT_EXPECT_TRUE(test, soon(has_announced, p));
	KUNIT_EXPECT_TRUE(test, has_link(p));
}

/* Without a status field there is a link. */
static void a_device_without_status_has_a_link(struct kunit *test)
{
	struct peer *p = peer_new(test, B(MAC), 1);

	p->config.status = 0;
	peer_set_config(p);
	msleep(50);
	KUNIT_EXPECT_TRUE(test, has_link(p));
}

/* ------------------------------------------------------------- numbers */

struct number {
	const char *name;
	u64 features;
	u16 pairs;
	u16 mtu;
	unsigned int max_mtu;
};

static const struct number numbers[] = {
	{ "MTU 1500", PEER_ALL, 1, 1500, 1500 },
	{ "MTU 68", PEER_ALL, 1, 68, 68 },
	{ "MTU 67", PEER_ALL, 1, 67, ETH_MAX_MTU },
	{ "MTU 0", PEER_ALL, 1, 0, ETH_MAX_MTU },
	{ "MTU 65535", PEER_ALL, 1, 65535, 65535 },
	{ "MTU 9000, not mergeable", B(MAC) | B(MTU), 1, 9000, 9000 },
	{ "no pairs", PEER_ALL, 0, 1500, 1500 },
	{ "more pairs than can be", PEER_ALL, 0x8001, 1500, 1500 },
	{ "features without those that they need",
	  B(MAC) | (PEER_OFFLOADS & ~(B(CSUM) | B(GUEST_CSUM))) | (PEER_CTRL & ~B(CTRL_VQ)),
	  4, 1500, ETH_DATA_LEN },
};

static void number_desc(const struct number *n, char *desc)
{
	strscpy(desc, n->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(number, numbers, number_desc);

static void end_peer(void *p)
{
	peer_destroy(p);
}

static void numbers_of_the_configuration(struct kunit *test)
{
	const struct number *n = test->param_value;
	struct peer *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	p->config.mtu = cpu_to_vr16(n->mtu);
	p->config.max_virtqueue_pairs = cpu_to_vr16(n->pairs);
	p->config.status = cpu_to_vr16(VIRTIO_NET_S_LINK_UP);
	KUNIT_ASSERT_EQ(test, 0, peer_create(p, n->features | BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC),
					     1, PEER_RING));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, end_peer, p));
	KUNIT_ASSERT_NOT_NULL(test, p->pd->dev.driver);
	p->net = p->pd->priv;
	p->dev = p->net->dev;
	KUNIT_EXPECT_EQ(test, n->max_mtu, p->dev->max_mtu);
	KUNIT_EXPECT_EQ(test, 1u, p->net->nr_pairs);
	/* Its address is of zeroes, which is none. */
	KUNIT_EXPECT_TRUE(test, is_valid_ether_addr(p->dev->dev_addr));
	KUNIT_EXPECT_EQ(test, 0, peer_up(p, true));
	peer_up(p, false);
}

/* ------------------------------------------------------------- ethtool */

static void channels_are_changed_under_way(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, PEER_PAIRS);
	const struct ethtool_ops *ops = p->dev->ethtool_ops;
	struct ethtool_channels ch = {};
	struct peer_told told = {};
	unsigned int i;

	ops->get_channels(p->dev, &ch);
	KUNIT_EXPECT_EQ(test, p->net->nr_pairs, ch.max_combined);
	for (i = 0; i < 6; i++) {
		ch = (struct ethtool_channels) { .combined_count = 1 + i % p->net->nr_pairs };
		rtnl_lock();
		KUNIT_EXPECT_EQ(test, 0, ops->set_channels(p->dev, &ch));
		rtnl_unlock();
		KUNIT_EXPECT_EQ(test, ch.combined_count, p->dev->real_num_tx_queues);
		peer_times_told(p, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &told);
		KUNIT_EXPECT_EQ(test, ch.combined_count, (u32)told.data[0]);
		KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 300, i));
	}
	ch.combined_count = 0;
	rtnl_lock();
	KUNIT_EXPECT_EQ(test, -EINVAL, ops->set_channels(p->dev, &ch));
	WRITE_ONCE(p->refuse, VIRTIO_NET_CTRL_MQ);
	ch.combined_count = READ_ONCE(p->net->used) == 1 ? p->net->nr_pairs : 1;
	if (p->net->nr_pairs > 1)
		KUNIT_EXPECT_EQ(test, -EREMOTEIO, ops->set_channels(p->dev, &ch));
	rtnl_unlock();
}

static void rings_are_changed_under_way(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL | BIT_ULL(VIRTIO_F_RING_RESET), 1);
	const struct ethtool_ops *ops = p->dev->ethtool_ops;
	struct kernel_ethtool_ringparam kring = {};
	static const u32 sizes[] = { 32, 32, 64 };
	struct ethtool_ringparam ring = {};
	unsigned int i;

	ops->get_ringparam(p->dev, &ring, &kring, NULL);
	for (i = 0; i < 6; i++) {
		/* All that there are, if that is not a power of two. */
		ring.rx_pending = min(sizes[i % 3], ring.rx_max_pending);
		ring.tx_pending = min(sizes[(i + 1) % 3], ring.tx_max_pending);
		rtnl_lock();
		KUNIT_EXPECT_EQ(test, 0, ops->set_ringparam(p->dev, &ring, &kring, NULL));
		rtnl_unlock();
		KUNIT_EXPECT_EQ(test, ring.rx_pending,
				parley_drvq_size(p->net->pairs[0].rx.queue->vq));
		KUNIT_EXPECT_EQ(test, ring.tx_pending,
				parley_drvq_size(p->net->pairs[0].tx.queue->vq));
		KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 300, i));
	}
	ring.tx_pending = 16;
	rtnl_lock();
	KUNIT_EXPECT_EQ(test, -EINVAL, ops->set_ringparam(p->dev, &ring, &kring, NULL));
	rtnl_unlock();
}

static void statistics_have_names(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	const struct ethtool_ops *ops = p->dev->ethtool_ops;
	int i, n = ops->get_sset_count(p->dev, ETH_SS_STATS);
	u8 *names = kunit_kzalloc(test, n * ETH_GSTRING_LEN, GFP_KERNEL);
	u64 *values = kunit_kcalloc(test, n, sizeof(*values), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, names);
	KUNIT_ASSERT_NOT_NULL(test, values);
	KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 300, 1));
	ops->get_strings(p->dev, ETH_SS_STATS, names);
	ops->get_ethtool_stats(p->dev, NULL, values);
	KUNIT_EXPECT_STREQ(test, "rx0_packets", (char *)names);
	KUNIT_EXPECT_EQ(test, 1ull, values[0]);
	KUNIT_EXPECT_EQ(test, 300ull, values[1]);
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_NE(test, 0, names[i * ETH_GSTRING_LEN]);
}

/* The timer that fills again after a want of memory, beside traffic. */
static void a_fill_that_is_repeated_does_no_harm(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	struct parley_net_pair *pair = &p->net->pairs[0];
	unsigned int i;

	KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 300, 1));
	for (i = 0; i < 3; i++) {
		mod_timer(&pair->refill, jiffies);
		msleep(20);
		KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 300, i));
	}
}

/*
 * It asks without end where the guest is, and is never content: the guest says so now and
 * then.  What is not taken after all that still works.
 */
static void it_is_not_announced_without_end(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	const unsigned long begin = jiffies;
	unsigned int i, n;

	WRITE_ONCE(p->refuse, VIRTIO_NET_CTRL_ANNOUNCE);
	p->config.status = cpu_to_vr16(VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE);
	for (i = 0; i < 100; i++) {
		peer_set_config(p);
		fsleep(5000);
	}
	KUNIT_EXPECT_TRUE(test, soon(has_announced, p));
	n = peer_times_told(p, VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, NULL);
	KUNIT_EXPECT_LE(test, n, 2 * (unsigned int)((jiffies - begin) / HZ) + 5);
	KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 500, 1));
}

/* ------------------------------------------------------------- standby */

static struct net_device *master_of(struct net_device *dev)
{
	struct net_device *master;

	rtnl_lock();
	master = netdev_master_upper_dev_get(dev);
	rtnl_unlock();
	return master;
}

/*
 * It is known by its address, so without one there is none.  With one see the lab's
 * net-standby: net_failover takes a lock that it never initialises, which ends lockdep here.
 */
static void a_standby_has_an_address(struct kunit *test)
{
	struct peer *p = peer_new(test, (PEER_ALL | B(STANDBY)) & ~B(MAC), 1);
	char name[IFNAMSIZ];

	KUNIT_EXPECT_NULL(test, master_of(p->dev));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			p->dev->netdev_ops->ndo_get_phys_port_name(p->dev, name, sizeof(name)));
}

static struct kunit_case conf_cases[] = {
	KUNIT_CASE(the_link_goes_and_comes),
	KUNIT_CASE(it_announces_itself),
	KUNIT_CASE(it_is_not_announced_without_end),
	KUNIT_CASE(a_device_without_status_has_a_link),
	KUNIT_CASE_PARAM(numbers_of_the_configuration, number_gen_params),
	KUNIT_CASE_PARAM(channels_are_changed_under_way, peer_format_gen),
	KUNIT_CASE_PARAM(rings_are_changed_under_way, peer_format_gen),
	KUNIT_CASE(statistics_have_names),
	KUNIT_CASE(a_fill_that_is_repeated_does_no_harm),
	KUNIT_CASE(a_standby_has_an_address),
	{}
};

static struct kunit_suite conf_suite = {
	.name = "parley_net_conf",
	.test_cases = conf_cases,
};

kunit_test_suite(conf_suite);
