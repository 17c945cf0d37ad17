// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens to a device while packets are under way: it is reset, asleep, gone,
 * unbound, stops to take packets; and what its settings are afterwards.
 */
#include <linux/delay.h>
#include <linux/ethtool.h>
#include <linux/etherdevice.h>
#include <linux/rtnetlink.h>
#include "peer.h"

/* ------------------------------------------------------------ under way */

static struct parley_vdev *vdev(struct peer *p)
{
	return to_parley_vdev(p->pd);
}

static void sleeps_and_wakes_under_load(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	unsigned int i;

	peer_load_start(test, p);
	for (i = 0; i < 10; i++) {
		KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(vdev(p), PARLEY_HOLD_SLEEP));
		fsleep(10000);
		KUNIT_EXPECT_EQ(test, 0, parley_device_restore(vdev(p), PARLEY_HOLD_SLEEP));
		fsleep(10000);
	}
	peer_load_stop();
	KUNIT_EXPECT_TRUE(test, peer_works_again(test, p));
}

static void a_full_ring_survives_a_reset(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	unsigned int slots = peer_free_slots(p), n;

	peer_fill_ring(test, p);
	n = peer_in_flight(p);
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(vdev(p), PARLEY_HOLD_RESET));
	KUNIT_EXPECT_EQ(test, slots, peer_free_slots(p));
	KUNIT_EXPECT_GT(test, n, 0u);
	WRITE_ONCE(p->deaf, false);
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(vdev(p), PARLEY_HOLD_RESET));
	KUNIT_EXPECT_TRUE(test, peer_works_again(test, p));
	KUNIT_EXPECT_GT(test, peer_stats(p).tx_dropped, 0ull);
}

static void asks_for_a_reset_under_load(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	int resets = atomic_read(&p->resets);
	unsigned int ms;

	peer_load_start(test, p);
	parley_loopback_needs_reset(p->lb);
	for (ms = 0; ms < 10000 && atomic_read(&p->resets) == resets; ms++)
		fsleep(1000);
	peer_load_stop();
	KUNIT_EXPECT_GT(test, atomic_read(&p->resets), resets);
	KUNIT_EXPECT_TRUE(test, peer_works_again(test, p));
}

static void vanishes_under_load(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	unsigned int ms, slots = peer_free_slots(p);

	peer_load_start(test, p);
	parley_loopback_vanish(p->lb);
	for (ms = 0; ms < 10000 && netif_carrier_ok(p->dev); ms++)
		fsleep(1000);
	KUNIT_EXPECT_FALSE(test, netif_carrier_ok(p->dev));
	msleep(50);
	peer_load_stop();
	KUNIT_EXPECT_EQ(test, slots, peer_free_slots(p));
	peer_end(test, p);
}

static void vanishes_with_a_full_ring(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);

	peer_fill_ring(test, p);
	parley_loopback_vanish(p->lb);
	peer_end(test, p);
}

static void is_unbound_with_a_full_ring(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);

	peer_fill_ring(test, p);
	peer_end(test, p);
}

/* ------------------------------------------------------ refused packets */

/* What cannot be put is dropped, and nothing of the ring or the slots is lost. */
static void refused_packets_leak_nothing(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	struct netdev_queue *txq = netdev_get_tx_queue(p->dev, 0);
	unsigned int i, slots = peer_free_slots(p);
	struct sk_buff *skb;

	peer_fill_ring(test, p);
	for (i = 0; i < 3 * PEER_RING; i++) {
		skb = peer_skb(p, 1514, i, 64, 3);
		KUNIT_ASSERT_NOT_NULL(test, skb);
		skb_set_queue_mapping(skb, 0);
		/* The stack would not, while the queue is stopped. */
		__netif_tx_lock_bh(txq);
		p->dev->netdev_ops->ndo_start_xmit(skb, p->dev);
		__netif_tx_unlock_bh(txq);
	}
	KUNIT_EXPECT_GT(test, peer_stats(p).tx_dropped, (u64)PEER_RING);
	peer_listen_again(p);
	/* A slot is free a moment after its descriptors are. */
	for (i = 0; i < 10000 && (peer_in_flight(p) || peer_free_slots(p) != slots); i++)
		fsleep(1000);
	KUNIT_EXPECT_EQ(test, 0u, peer_in_flight(p));
	KUNIT_EXPECT_EQ(test, slots, peer_free_slots(p));
	KUNIT_EXPECT_TRUE(test, peer_works_again(test, p));
}

/* Nobody but the driver can stop these. */
static void send_directly(struct kunit *test, struct peer *p, unsigned int n)
{
	struct sk_buff *skb;

	while (n--) {
		skb = peer_skb(p, 100, n, 64, 0);
		KUNIT_ASSERT_NOT_NULL(test, skb);
		dev_direct_xmit(skb, 0);
	}
}

/* Up again with the ring as full as it was, it takes none that it would only drop. */
static void a_full_ring_stays_full(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	struct netdev_queue *txq = netdev_get_tx_queue(p->dev, 0);

	/* Beyond the byte limits, which stop the stack before the ring is full. */
	peer_fill_ring(test, p);
	send_directly(test, p, 2 * PEER_RING);
	KUNIT_EXPECT_TRUE(test, netif_tx_queue_stopped(txq));
	peer_up(p, false);
	KUNIT_EXPECT_EQ(test, 0, peer_up(p, true));
	KUNIT_EXPECT_EQ(test, 0ull, u64_stats_read(&p->net->pairs[0].tx.stats.dropped));
	send_directly(test, p, 10);
	KUNIT_EXPECT_TRUE(test, netif_tx_queue_stopped(txq));
	KUNIT_EXPECT_LE(test, u64_stats_read(&p->net->pairs[0].tx.stats.dropped), 1ull);
	peer_listen_again(p);
	KUNIT_EXPECT_TRUE(test, peer_works_again(test, p));
}

/* A packet of a kind that was never offered to take. */
static void odd_packets_leak_nothing(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	struct netdev_queue *txq = netdev_get_tx_queue(p->dev, 0);
	unsigned int i, slots = peer_free_slots(p);

	for (i = 0; i < 3 * PEER_RING; i++) {
		struct sk_buff *skb = peer_skb(p, 4000, i, 64, 0);

		KUNIT_ASSERT_NOT_NULL(test, skb);
		skb_shinfo(skb)->gso_size = 1000;
		skb_shinfo(skb)->gso_type = SKB_GSO_FCOE;
		skb_set_queue_mapping(skb, 0);
		__netif_tx_lock_bh(txq);
		p->dev->netdev_ops->ndo_start_xmit(skb, p->dev);
		__netif_tx_unlock_bh(txq);
	}
	KUNIT_EXPECT_EQ(test, 3ull * PEER_RING, peer_stats(p).tx_dropped);
	KUNIT_EXPECT_EQ(test, slots, peer_free_slots(p));
	KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 500, 1));
}

/* ------------------------------------------------------- takes nothing */

/* The stack's timer is set when the interface goes up. */
static void hurry(struct kunit *test, struct peer *p, int timeo)
{
	peer_up(p, false);
	p->dev->watchdog_timeo = timeo;
	KUNIT_ASSERT_EQ(test, 0, peer_up(p, true));
}

/* One that is slow is waited for: what it has is sent in the end, and once. */
static void a_slow_device_is_waited_for(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	int resets = atomic_read(&p->resets);
	struct parley_net_tx *tx = &p->net->pairs[0].tx;
	struct peer_frame *f;
	unsigned int i, n;

	hurry(test, p, 4 * HZ);
	peer_fill_ring(test, p);
	n = peer_in_flight(p);
	for (i = 0; i < 20000 && !READ_ONCE(tx->stuck); i++)
		fsleep(1000);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(tx->stuck));
	peer_listen_again(p);
	for (i = 0; i < n; i++) {
		f = peer_wait(test, p, &p->sent);
		KUNIT_ASSERT_NOT_NULL(test, f);
		KUNIT_EXPECT_TRUE(test, peer_matches(f, 60, i));
		kfree(f);
	}
	KUNIT_EXPECT_EQ(test, resets, atomic_read(&p->resets));
	KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 500, 1));
}

/* One that takes nothing although it was kicked again is started anew. */
static void a_device_that_takes_nothing_is_started_anew(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	int resets = atomic_read(&p->resets);
	unsigned int ms;

	hurry(test, p, HZ / 2);
	peer_fill_ring(test, p);
	for (ms = 0; ms < 20000 && atomic_read(&p->resets) == resets; ms++)
		fsleep(1000);
	KUNIT_EXPECT_GT(test, atomic_read(&p->resets), resets);
	WRITE_ONCE(p->deaf, false);
	KUNIT_EXPECT_TRUE(test, peer_works_again(test, p));
}

/* The device is told of fewer pairs after the stack, and need not look at the others. */
static void pairs_that_are_not_used_rest(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, PEER_PAIRS);
	const unsigned int pairs = p->net->used;
	int resets = atomic_read(&p->resets);
	struct parley_net_tx *tx;
	unsigned int i;

	if (pairs < 2)
		kunit_skip(test, "one processor, one pair");
	tx = &p->net->pairs[pairs - 1].tx;
	peer_fill_ring_of(test, p, pairs - 1);
	KUNIT_EXPECT_EQ(test, 0, peer_set_pairs(p, 1));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&p->early));
	KUNIT_EXPECT_EQ(test, 1u, p->dev->real_num_tx_queues);
	KUNIT_EXPECT_EQ(test, 1u, p->dev->real_num_rx_queues);
	for (i = 0; i < 3; i++) {
		p->dev->netdev_ops->ndo_tx_timeout(p->dev, pairs - 1);
		flush_work(&p->net->timeout);
		KUNIT_EXPECT_FALSE(test, READ_ONCE(tx->stuck));
	}
	/* Refused, they are as many as before, for the stack as well. */
	peer_listen_again(p);
	KUNIT_EXPECT_EQ(test, 0, peer_set_pairs(p, pairs));
	WRITE_ONCE(p->refuse, VIRTIO_NET_CTRL_MQ);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, peer_set_pairs(p, 1));
	KUNIT_EXPECT_EQ(test, pairs, p->dev->real_num_tx_queues);
	KUNIT_EXPECT_EQ(test, pairs, p->dev->real_num_rx_queues);
	KUNIT_EXPECT_EQ(test, pairs, p->net->used);
	WRITE_ONCE(p->refuse, -1);
	KUNIT_EXPECT_TRUE(test, peer_works_again(test, p));
	KUNIT_EXPECT_EQ(test, resets, atomic_read(&p->resets));
}

/* ------------------------------------------------------------- settings */

static void told(struct kunit *test, struct peer *p, u8 class, u8 cmd, const void *data, u32 len)
{
	struct peer_told last = {};
	unsigned int ms;

	for (ms = 0; ms < 10000; ms++) {
		if (peer_times_told(p, class, cmd, &last) && !memcmp(last.data, data, len))
			break;
		fsleep(1000);
	}
	KUNIT_EXPECT_EQ_MSG(test, len, last.len, "class %u command %u", class, cmd);
	KUNIT_EXPECT_MEMEQ(test, data, last.data, len);
}

static void set_all(struct kunit *test, struct peer *p, const u8 *mac)
{
	struct sockaddr_storage addr = { .ss_family = p->dev->type };
	const struct net_device_ops *ops = p->dev->netdev_ops;
	static const u8 other[] = { 0x02, 1, 2, 3, 4, 5 };

	memcpy(((struct sockaddr *)&addr)->sa_data, mac, ETH_ALEN);
	rtnl_lock();
	KUNIT_EXPECT_EQ(test, 0, ops->ndo_set_mac_address(p->dev, &addr));
	KUNIT_EXPECT_EQ(test, 0, dev_uc_add(p->dev, other));
	KUNIT_EXPECT_EQ(test, 0, dev_set_allmulti(p->dev, 1));
	KUNIT_EXPECT_EQ(test, 0, ops->ndo_vlan_rx_add_vid(p->dev, htons(ETH_P_8021Q), 77));
	p->dev->wanted_features &= ~NETIF_F_GRO_HW;
	netdev_update_features(p->dev);
	rtnl_unlock();
	KUNIT_EXPECT_MEMEQ(test, p->dev->dev_addr, mac, ETH_ALEN);
}

static void told_all(struct kunit *test, struct peer *p, const u8 *mac)
{
	const __le64 offloads = cpu_to_le64(B(GUEST_CSUM));
	const __le16 vid = cpu_to_le16(77);
	const u8 one = 1;
	struct peer_told last;
	unsigned int ms;

	told(test, p, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, mac, ETH_ALEN);
	told(test, p, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, &one, 1);
	told(test, p, VIRTIO_NET_CTRL_VLAN, VIRTIO_NET_CTRL_VLAN_ADD, &vid, sizeof(vid));
	told(test, p, VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET,
	     &offloads, sizeof(offloads));
	for (ms = 0; ms < 10000; ms++) {
		last = (struct peer_told) {};
		peer_times_told(p, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, &last);
		if (last.data[0] == 1)
			break;
		fsleep(1000);
	}
	/* One address, and it is this one. */
	KUNIT_EXPECT_EQ(test, 1, last.data[0]);
	KUNIT_EXPECT_EQ(test, 0x02, last.data[4]);
}

static void settings_are_told_and_told_again(struct kunit *test)
{
	static const u8 mac[] = { 0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0xee };
	struct peer *p = peer_new(test, PEER_ALL, 1);

	set_all(test, p, mac);
	told_all(test, p, mac);
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(vdev(p), PARLEY_HOLD_SLEEP));
	peer_forget_told(p);
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(vdev(p), PARLEY_HOLD_SLEEP));
	told_all(test, p, mac);
	KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 500, 1));
}

/* Some devices refuse what they do anyway, QEMU's without a header for its back end. */
static void what_is_so_after_a_reset_is_not_told(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);

	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(vdev(p), PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(vdev(p), PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_TRUE(test, peer_works_again(test, p));
	KUNIT_EXPECT_EQ(test, 0u, peer_times_told(p, VIRTIO_NET_CTRL_GUEST_OFFLOADS,
						  VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, NULL));
	KUNIT_EXPECT_EQ(test, 0u, peer_times_told(p, VIRTIO_NET_CTRL_MAC,
						  VIRTIO_NET_CTRL_MAC_ADDR_SET, NULL));
}

/* A refusal is an error, and what was before stays. */
static void a_refused_setting_is_put_back(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	struct sockaddr_storage addr = { .ss_family = p->dev->type };
	u8 before[ETH_ALEN];

	ether_addr_copy(before, p->dev->dev_addr);
	((struct sockaddr *)&addr)->sa_data[0] = 2;
	WRITE_ONCE(p->refuse, VIRTIO_NET_CTRL_MAC);
	rtnl_lock();
	KUNIT_EXPECT_NE(test, 0, p->dev->netdev_ops->ndo_set_mac_address(p->dev, &addr));
	rtnl_unlock();
	KUNIT_EXPECT_MEMEQ(test, before, p->dev->dev_addr, ETH_ALEN);
	KUNIT_EXPECT_MEMEQ(test, before, p->net->mac, ETH_ALEN);
	WRITE_ONCE(p->refuse, -1);
}

/* While the device is held a setting is kept, and told when it is back. */
static void a_setting_of_a_device_asleep_is_kept(struct kunit *test)
{
	static const u8 mac[] = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 };
	struct peer *p = peer_new(test, PEER_ALL, 1);
	struct sockaddr_storage addr = { .ss_family = p->dev->type };

	memcpy(((struct sockaddr *)&addr)->sa_data, mac, ETH_ALEN);
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(vdev(p), PARLEY_HOLD_SLEEP));
	rtnl_lock();
	KUNIT_EXPECT_EQ(test, 0, p->dev->netdev_ops->ndo_set_mac_address(p->dev, &addr));
	rtnl_unlock();
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(vdev(p), PARLEY_HOLD_SLEEP));
	told(test, p, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, mac, ETH_ALEN);
}

/* A device that answers no command is waited for, and not for ever. */
static void a_command_that_is_not_answered_ends(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	struct sockaddr_storage addr = { .ss_family = p->dev->type };
	unsigned long begin = jiffies;

	((struct sockaddr *)&addr)->sa_data[0] = 2;
	WRITE_ONCE(p->mute, true);
	rtnl_lock();
	KUNIT_EXPECT_EQ(test, -ETIMEDOUT,
			p->dev->netdev_ops->ndo_set_mac_address(p->dev, &addr));
	rtnl_unlock();
	KUNIT_EXPECT_LT(test, jiffies - begin, 60ul * HZ);
	parley_loopback_vanish(p->lb);
	peer_end(test, p);
}

struct ending {
	struct work_struct work;
	struct kunit *test;
	struct peer *p;
};

static void end_work(struct work_struct *work)
{
	struct ending *e = container_of(work, struct ending, work);

	peer_end(e->test, e->p);
}

/* A recovery that ends as late as can be has no carrier to turn off. */
static void one_that_is_unregistered_has_no_carrier(struct kunit *test)
{
	struct ending e = { .test = test, .p = peer_new(test, PEER_ALL, 1) };
	struct net_device *dev = e.p->dev;
	unsigned int ms;

	KUNIT_EXPECT_TRUE(test, netif_carrier_ok(dev));
	INIT_WORK_ONSTACK(&e.work, end_work);
	dev_hold(dev);
	schedule_work(&e.work);
	for (ms = 0; ms < 30000 && READ_ONCE(dev->reg_state) != NETREG_UNREGISTERED; ms++)
		fsleep(1000);
	KUNIT_EXPECT_EQ(test, dev->reg_state, NETREG_UNREGISTERED);
	KUNIT_EXPECT_FALSE(test, netif_carrier_ok(dev));
	dev_put(dev);
	flush_work(&e.work);
	destroy_work_on_stack(&e.work);
}

static struct kunit_case life_cases[] = {
	KUNIT_CASE_PARAM(sleeps_and_wakes_under_load, peer_format_gen),
	KUNIT_CASE_PARAM(a_full_ring_survives_a_reset, peer_format_gen),
	KUNIT_CASE_PARAM(asks_for_a_reset_under_load, peer_format_gen),
	KUNIT_CASE_PARAM(vanishes_under_load, peer_format_gen),
	KUNIT_CASE_PARAM(vanishes_with_a_full_ring, peer_format_gen),
	KUNIT_CASE_PARAM(is_unbound_with_a_full_ring, peer_format_gen),
	KUNIT_CASE_PARAM(refused_packets_leak_nothing, peer_format_gen),
	KUNIT_CASE_PARAM(a_full_ring_stays_full, peer_format_gen),
	KUNIT_CASE_PARAM(odd_packets_leak_nothing, peer_format_gen),
	KUNIT_CASE_PARAM(a_slow_device_is_waited_for, peer_format_gen),
	KUNIT_CASE_PARAM(a_device_that_takes_nothing_is_started_anew, peer_format_gen),
	KUNIT_CASE(pairs_that_are_not_used_rest),
	KUNIT_CASE_PARAM(settings_are_told_and_told_again, peer_format_gen),
	KUNIT_CASE(what_is_so_after_a_reset_is_not_told),
	KUNIT_CASE(a_refused_setting_is_put_back),
	KUNIT_CASE(a_setting_of_a_device_asleep_is_kept),
	KUNIT_CASE(a_command_that_is_not_answered_ends),
	KUNIT_CASE(one_that_is_unregistered_has_no_carrier),
	{}
};

static struct kunit_suite life_suite = {
	.name = "parley_net_life",
	.test_cases = life_cases,
};

kunit_test_suite(life_suite);
