// SPDX-License-Identifier: GPL-2.0-only
/*
 * Moderation of interrupts: what the device is told, when it is told again, and what a
 * refusal leaves.
 */
#include <linux/delay.h>
#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include "peer.h"

#define COAL_ALL	(PEER_ALL | B(NOTF_COAL) | B(VQ_NOTF_COAL))

static int set_all(struct peer *p, u32 usecs, u32 frames, bool adaptive)
{
	struct ethtool_coalesce ec = {
		.rx_coalesce_usecs = usecs, .rx_max_coalesced_frames = frames,
		.tx_coalesce_usecs = usecs + 1, .tx_max_coalesced_frames = frames + 1,
		.use_adaptive_rx_coalesce = adaptive,
	};
	struct kernel_ethtool_coalesce kec = {};
	int err;

	rtnl_lock();
	err = p->dev->ethtool_ops->set_coalesce(p->dev, &ec, &kec, NULL);
	rtnl_unlock();
	return err;
}

static int set_one(struct peer *p, u32 queue, u32 usecs, u32 frames, bool adaptive)
{
	struct ethtool_coalesce ec = {
		.rx_coalesce_usecs = usecs, .rx_max_coalesced_frames = frames,
		.tx_coalesce_usecs = usecs + 1, .tx_max_coalesced_frames = frames + 1,
		.use_adaptive_rx_coalesce = adaptive,
	};
	int err;

	rtnl_lock();
	err = p->dev->ethtool_ops->set_per_queue_coalesce(p->dev, queue, &ec);
	rtnl_unlock();
	return err;
}

static struct ethtool_coalesce get_one(struct kunit *test, struct peer *p, u32 queue)
{
	struct ethtool_coalesce ec = {};

	rtnl_lock();
	KUNIT_EXPECT_EQ(test, 0, p->dev->ethtool_ops->get_per_queue_coalesce(p->dev, queue, &ec));
	rtnl_unlock();
	return ec;
}

static struct ethtool_coalesce get_all(struct kunit *test, struct peer *p)
{
	struct kernel_ethtool_coalesce kec = {};
	struct ethtool_coalesce ec = {};

	rtnl_lock();
	KUNIT_EXPECT_EQ(test, 0, p->dev->ethtool_ops->get_coalesce(p->dev, &ec, &kec, NULL));
	rtnl_unlock();
	return ec;
}

static unsigned int times(struct peer *p, u8 cmd, struct peer_told *last)
{
	return peer_times_told(p, VIRTIO_NET_CTRL_NOTF_COAL, cmd, last);
}

/* The last of this command says so, of this queue if it is about one. */
static void told(struct kunit *test, struct peer *p, u8 cmd, u16 vq, u32 usecs, u32 frames)
{
	const struct virtio_net_ctrl_coal_vq want = {
		.vqn = cpu_to_le16(vq),
		.coal = { cpu_to_le32(frames), cpu_to_le32(usecs) },
	};
	struct peer_told last = {};

	KUNIT_EXPECT_GT(test, times(p, cmd, &last), 0u);
	if (cmd == VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET) {
		KUNIT_EXPECT_EQ(test, sizeof(want), (size_t)last.len);
		KUNIT_EXPECT_MEMEQ(test, &want, last.data, sizeof(want));
	} else {
		KUNIT_EXPECT_EQ(test, sizeof(want.coal), (size_t)last.len);
		KUNIT_EXPECT_MEMEQ(test, &want.coal, last.data, sizeof(want.coal));
	}
}

static void sleep_and_wake(struct kunit *test, struct peer *p)
{
	struct parley_vdev *vdev = to_parley_vdev(p->pd);

	peer_forget_told(p);
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(vdev, PARLEY_HOLD_SLEEP));
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(vdev, PARLEY_HOLD_SLEEP));
}

static void all_queues_are_moderated(struct kunit *test)
{
	struct peer *p = peer_new(test, COAL_ALL, 1);

	KUNIT_EXPECT_EQ(test, 0u, times(p, VIRTIO_NET_CTRL_NOTF_COAL_RX_SET, NULL));
	KUNIT_EXPECT_EQ(test, 0, set_all(p, 50, 20, false));
	told(test, p, VIRTIO_NET_CTRL_NOTF_COAL_RX_SET, 0, 50, 20);
	told(test, p, VIRTIO_NET_CTRL_NOTF_COAL_TX_SET, 0, 51, 21);
	KUNIT_EXPECT_EQ(test, 0u, times(p, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, NULL));
	KUNIT_EXPECT_EQ(test, 50u, get_all(test, p).rx_coalesce_usecs);
	KUNIT_EXPECT_EQ(test, 21u, get_one(test, p, 0).tx_max_coalesced_frames);
	/* A reset takes it from the device. */
	sleep_and_wake(test, p);
	told(test, p, VIRTIO_NET_CTRL_NOTF_COAL_RX_SET, 0, 50, 20);
	told(test, p, VIRTIO_NET_CTRL_NOTF_COAL_TX_SET, 0, 51, 21);
	KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 500, 1));
}

/* What one queue has of its own is told again: after a reset, and with a new ring. */
static void a_queue_is_moderated(struct kunit *test)
{
	struct peer *p = peer_new(test, COAL_ALL | BIT_ULL(VIRTIO_F_RING_RESET), 1);
	struct kernel_ethtool_ringparam kring = {};
	struct ethtool_ringparam ring = { .rx_pending = 32, .tx_pending = PEER_RING };

	KUNIT_EXPECT_EQ(test, 0, set_all(p, 50, 20, false));
	KUNIT_EXPECT_EQ(test, 0, set_one(p, 0, 7, 3, false));
	KUNIT_EXPECT_EQ(test, 2u, times(p, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, NULL));
	told(test, p, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, 1, 8, 4);
	KUNIT_EXPECT_EQ(test, 7u, get_one(test, p, 0).rx_coalesce_usecs);
	KUNIT_EXPECT_EQ(test, 50u, get_all(test, p).rx_coalesce_usecs);
	sleep_and_wake(test, p);
	KUNIT_EXPECT_EQ(test, 2u, times(p, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, NULL));
	told(test, p, VIRTIO_NET_CTRL_NOTF_COAL_RX_SET, 0, 50, 20);
	told(test, p, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, 1, 8, 4);
	peer_forget_told(p);
	rtnl_lock();
	KUNIT_EXPECT_EQ(test, 0, p->dev->ethtool_ops->set_ringparam(p->dev, &ring, &kring, NULL));
	rtnl_unlock();
	KUNIT_EXPECT_EQ(test, 2u, times(p, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, NULL));
	/* There is no such queue, or none in use. */
	KUNIT_EXPECT_EQ(test, -EINVAL, set_one(p, 1, 7, 3, false));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_one(p, U32_MAX, 7, 3, false));
	/* What all have is what each has again. */
	KUNIT_EXPECT_EQ(test, 0, set_all(p, 5, 2, false));
	KUNIT_EXPECT_EQ(test, 5u, get_one(test, p, 0).rx_coalesce_usecs);
	sleep_and_wake(test, p);
	KUNIT_EXPECT_EQ(test, 0u, times(p, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, NULL));
}

/* Queues that come into use later have what was set, told of each where it must be. */
static void queues_that_come_later_are_moderated(struct kunit *test)
{
	struct peer *p = peer_new(test, COAL_ALL & ~B(NOTF_COAL), PEER_PAIRS);
	struct ethtool_channels ch = { .combined_count = 1 };
	unsigned int pairs = p->net->nr_pairs;

	rtnl_lock();
	KUNIT_EXPECT_EQ(test, 0, p->dev->ethtool_ops->set_channels(p->dev, &ch));
	rtnl_unlock();
	KUNIT_EXPECT_EQ(test, 0, set_all(p, 50, 20, false));
	KUNIT_EXPECT_EQ(test, 2u, times(p, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, NULL));
	KUNIT_EXPECT_EQ(test, 0u, times(p, VIRTIO_NET_CTRL_NOTF_COAL_RX_SET, NULL));
	ch.combined_count = pairs;
	rtnl_lock();
	KUNIT_EXPECT_EQ(test, 0, p->dev->ethtool_ops->set_channels(p->dev, &ch));
	rtnl_unlock();
	KUNIT_EXPECT_EQ(test, 2 * pairs, times(p, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, NULL));
	told(test, p, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, 2 * pairs - 1, 51, 21);
}

static void a_refused_moderation_is_not_kept(struct kunit *test)
{
	struct peer *p = peer_new(test, COAL_ALL, 1);

	KUNIT_EXPECT_EQ(test, 0, set_all(p, 50, 20, false));
	WRITE_ONCE(p->refuse, VIRTIO_NET_CTRL_NOTF_COAL);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, set_all(p, 60, 30, false));
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, set_one(p, 0, 60, 30, false));
	KUNIT_EXPECT_EQ(test, 50u, get_all(test, p).rx_coalesce_usecs);
	KUNIT_EXPECT_EQ(test, 50u, get_one(test, p, 0).rx_coalesce_usecs);
	WRITE_ONCE(p->refuse, -1);
	peer_end(test, p);

	p = peer_new(test, PEER_ALL, 1);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, set_all(p, 50, 20, false));
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, set_one(p, 0, 50, 20, false));
	peer_end(test, p);

	/* Offered without a control queue, it is not used. */
	p = peer_new(test, B(MAC) | B(NOTF_COAL) | B(VQ_NOTF_COAL), 1);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, set_all(p, 50, 20, false));
}

/* It takes one half and refuses the other, once: then it has of both what it had before. */
static void half_a_moderation_is_put_back(struct kunit *test)
{
	const u64 features[] = { COAL_ALL, COAL_ALL & ~B(NOTF_COAL) };
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(features); i++) {
		struct peer *p = peer_new(test, features[i], PEER_PAIRS);
		u8 cmd = i ? VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET : VIRTIO_NET_CTRL_NOTF_COAL_RX_SET;

		KUNIT_EXPECT_EQ(test, 0, set_all(p, 50, 20, false));
		/* Receive queues, all of them, and then no more. */
		n = i ? p->net->used : 1;
		WRITE_ONCE(p->obey, n);
		WRITE_ONCE(p->once, true);
		WRITE_ONCE(p->refuse, VIRTIO_NET_CTRL_NOTF_COAL);
		peer_forget_told(p);
		KUNIT_EXPECT_EQ(test, -EREMOTEIO, set_all(p, 60, 30, false));
		KUNIT_EXPECT_EQ(test, 50u, get_all(test, p).rx_coalesce_usecs);
		KUNIT_EXPECT_EQ(test, 51u, get_one(test, p, 0).tx_coalesce_usecs);
		if (!i)
			told(test, p, cmd, 0, 50, 20);
		else
			told(test, p, cmd, 2 * p->net->used - 1, 51, 21);
		/* The same for one queue. */
		WRITE_ONCE(p->obey, 1);
		WRITE_ONCE(p->refuse, VIRTIO_NET_CTRL_NOTF_COAL);
		KUNIT_EXPECT_EQ(test, -EREMOTEIO, set_one(p, 0, 7, 3, false));
		KUNIT_EXPECT_EQ(test, 50u, get_one(test, p, 0).rx_coalesce_usecs);
		told(test, p, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, 0, 50, 20);
		peer_end(test, p);
	}
}

/* What the kernel judges of the traffic reaches the device, and ends with it. */
static void it_adapts(struct kunit *test)
{
	struct peer *p = peer_new(test, COAL_ALL, 1);
	struct parley_net_rx *rx = &p->net->pairs[0].rx;
	unsigned int ms;

	if (!IS_REACHABLE(CONFIG_DIMLIB))
		kunit_skip(test, "this kernel has no DIMLIB");
	KUNIT_EXPECT_EQ(test, 0, set_all(p, 50, 20, false));
	KUNIT_EXPECT_EQ(test, -EINVAL, set_all(p, 51, 20, true));
	KUNIT_EXPECT_EQ(test, 0, set_all(p, 50, 20, true));
	KUNIT_EXPECT_TRUE(test, get_all(test, p).use_adaptive_rx_coalesce);
	/* Another judgement than what it has. */
	rx->dim.profile_ix = 2;
	queue_work(system_freezable_wq, &rx->moderate);
	for (ms = 0; ms < 10000 && !times(p, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, NULL); ms++)
		fsleep(1000);
	KUNIT_EXPECT_GT(test, times(p, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET, NULL), 0u);
	KUNIT_EXPECT_NE(test, 50u, get_one(test, p, 0).rx_coalesce_usecs);
	/* Under traffic, and beside resets. */
	peer_load_start(test, p);
	for (ms = 0; ms < 5; ms++) {
		msleep(50);
		sleep_and_wake(test, p);
	}
	peer_load_stop();
	KUNIT_EXPECT_GT(test, READ_ONCE(rx->events), (u16)0);
	KUNIT_EXPECT_EQ(test, 0, set_all(p, 50, 20, false));
	flush_work(&rx->dim.work);
	flush_work(&rx->moderate);
	KUNIT_EXPECT_EQ(test, 50u, get_one(test, p, 0).rx_coalesce_usecs);
	KUNIT_EXPECT_FALSE(test, get_one(test, p, 0).use_adaptive_rx_coalesce);
	KUNIT_EXPECT_TRUE(test, peer_works_again(test, p));
	peer_end(test, p);

	/* Queues cannot be told one by one. */
	p = peer_new(test, COAL_ALL & ~B(VQ_NOTF_COAL), 1);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, set_all(p, 0, 0, true));
}

/* What was judged is refused: then it is no longer judged, so that it ends. */
static void it_does_not_adapt_against_its_will(struct kunit *test)
{
	struct peer *p = peer_new(test, COAL_ALL, 1);
	struct parley_net_rx *rx = &p->net->pairs[0].rx;

	if (!IS_REACHABLE(CONFIG_DIMLIB))
		kunit_skip(test, "this kernel has no DIMLIB");
	KUNIT_EXPECT_EQ(test, 0, set_all(p, 0, 0, true));
	WRITE_ONCE(p->refuse, VIRTIO_NET_CTRL_NOTF_COAL);
	rx->dim.profile_ix = 2;
	queue_work(system_freezable_wq, &rx->moderate);
	flush_work(&rx->moderate);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(rx->adaptive));
	KUNIT_EXPECT_EQ(test, 0u, get_one(test, p, 0).rx_coalesce_usecs);
	KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 500, 1));
}

static struct kunit_case coal_cases[] = {
	KUNIT_CASE(all_queues_are_moderated),
	KUNIT_CASE(a_queue_is_moderated),
	KUNIT_CASE(queues_that_come_later_are_moderated),
	KUNIT_CASE(a_refused_moderation_is_not_kept),
	KUNIT_CASE(half_a_moderation_is_put_back),
	KUNIT_CASE(it_adapts),
	KUNIT_CASE(it_does_not_adapt_against_its_will),
	{}
};

static struct kunit_suite coal_suite = {
	.name = "parley_net_moderation",
	.test_cases = coal_cases,
};

kunit_test_suite(coal_suite);
