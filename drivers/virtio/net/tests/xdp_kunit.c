// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that see packets before the stack does: what they may do, and what becomes of
 * the packets.  See prog.c for what such a program is.
 */
#include <linux/delay.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <net/page_pool/types.h>
#include "peer.h"

static struct peer *elsewhere;
static struct peer *scribbler;

static u32 passes(struct xdp_buff *xdp)
{
	return XDP_PASS;
}

static u32 drops(struct xdp_buff *xdp)
{
	return XDP_DROP;
}

static u32 sends_back(struct xdp_buff *xdp)
{
	return XDP_TX;
}

static u32 aborts(struct xdp_buff *xdp)
{
	return XDP_ABORTED;
}

static u32 says_nonsense(struct xdp_buff *xdp)
{
	return 77;
}

/* As bpf_redirect() does. */
static u32 redirects(struct xdp_buff *xdp)
{
	struct bpf_redirect_info *ri = bpf_net_ctx_get_ri();

	ri->flags = 0;
	ri->tgt_index = elsewhere->dev->ifindex;
	ri->map_id = INT_MAX;
	ri->map_type = BPF_MAP_TYPE_UNSPEC;
	return XDP_REDIRECT;
}

/* Four bytes go at the front, of which the first are an Ethernet header again. */
static u32 cuts(struct xdp_buff *xdp)
{
	memmove(xdp->data + 4, xdp->data, ETH_HLEN);
	xdp->data += 4;
	xdp->data_meta += 4;
	return XDP_PASS;
}

static u32 leaves_metadata(struct xdp_buff *xdp)
{
	xdp->data_meta = xdp->data - 8;
	memset(xdp->data_meta, 0x5a, 8);
	return XDP_PASS;
}

/* While the program looks, the device writes into all of its buffers again. */
static u32 passes_while_the_device_writes(struct xdp_buff *xdp)
{
	unsigned int i;

	for (i = 0; i < READ_ONCE(scribbler->nr_last); i++)
		memset(scribbler->last[i].kern, 0xee, scribbler->last[i].len);
	return XDP_PASS;
}

static u32 passes_those_of_one_pool(struct xdp_buff *xdp)
{
	const struct skb_shared_info *info = xdp_get_shared_info_from_buff(xdp);
	const struct page_pool *pool = virt_to_head_page(xdp->data_hard_start)->pp;
	unsigned int i;

	for (i = 0; xdp_buff_has_frags(xdp) && i < info->nr_frags; i++)
		if (skb_frag_page(&info->frags[i])->pp != pool)
			return XDP_DROP;
	return XDP_PASS;
}

static u64 counted(const u64_stats_t *what)
{
	return u64_stats_read(what);
}

static bool soon(const u64_stats_t *what, u64 n)
{
	unsigned int ms;

	for (ms = 0; ms < 20000 && counted(what) < n; ms++)
		fsleep(1000);
	return counted(what) == n;
}

static struct parley_net_rx_stats *rx_stats(struct peer *p)
{
	return &p->net->pairs[0].rx.stats;
}

static struct parley_net_tx_stats *tx_stats(struct peer *p)
{
	return &p->net->pairs[0].tx.stats;
}

static void expect(struct kunit *test, struct peer *p, struct list_head *list, u32 len, u32 seed)
{
	struct peer_frame *f = peer_wait(test, p, list);

	KUNIT_ASSERT_NOT_NULL(test, f);
	KUNIT_EXPECT_TRUE(test, peer_matches(f, len, seed));
	kfree(f);
}

/* --------------------------------------------------------------- verdicts */

static const u32 lengths[] = {
	14, 60, 128, 129, 256, 257, 1514, PARLEY_NET_XDP_LINEAR, PARLEY_NET_XDP_LINEAR + 1,
	4084, 4085, 9000, 20000,
};

/* Every byte, also of those that are longer than what a program sees in one piece. */
static void packets_pass(struct kunit *test)
{
	struct bpf_prog *prog;
	struct peer *p = peer_with(test, PEER_ALL, passes, &prog);
	unsigned int i, round;

	for (round = 0; round < 12; round++)
		for (i = 0; i < ARRAY_SIZE(lengths); i++) {
			KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, lengths[i], i, NULL), 0);
			expect(test, p, &p->came, lengths[i], i);
		}
	KUNIT_EXPECT_EQ(test, 12 * (int)ARRAY_SIZE(lengths), atomic_read(&peer_judged));
	KUNIT_EXPECT_EQ(test, 12ull * ARRAY_SIZE(lengths), counted(&rx_stats(p)->xdp_packets));
	KUNIT_EXPECT_EQ(test, 12ull * ARRAY_SIZE(lengths), peer_stats(p).rx_packets);
	KUNIT_EXPECT_EQ(test, 0ull, peer_stats(p).rx_errors + peer_stats(p).rx_dropped);
}

static void packets_of_one_buffer_pass(struct kunit *test)
{
	struct bpf_prog *prog;
	struct peer *p = peer_with(test, PEER_ALL & ~B(MRG_RXBUF), passes, &prog);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		KUNIT_EXPECT_EQ(test, 1, peer_receive_seed(p, 0, lengths[i], i, NULL));
		expect(test, p, &p->came, lengths[i], i);
	}
}

/* More than the ring has buffers: none is lost, and without the program all goes on. */
static void packets_are_dropped(struct kunit *test)
{
	struct bpf_prog *prog;
	struct peer *p = peer_with(test, PEER_ALL, drops, &prog);
	unsigned int i, n = 3 * PEER_RING;

	for (i = 0; i < n; i++)
		KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, i % 2 ? 100 : 9000, i, NULL), 0);
	KUNIT_EXPECT_TRUE(test, soon(&rx_stats(p)->xdp_drops, n));
	KUNIT_EXPECT_TRUE(test, peer_nothing(p, &p->came));
	KUNIT_EXPECT_EQ(test, 0, peer_attach(p, NULL));
	KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 9000, 1));
	KUNIT_EXPECT_EQ(test, (int)n, atomic_read(&peer_judged));
}

static void what_cannot_be_done_is_an_error(struct kunit *test)
{
	struct bpf_prog *prog;
	struct peer *p = peer_with(test, PEER_ALL, aborts, &prog);

	KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, 100, 1, NULL), 0);
	KUNIT_EXPECT_TRUE(test, soon(&rx_stats(p)->xdp_errors, 1));
	WRITE_ONCE(peer_judge, says_nonsense);
	KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, 100, 1, NULL), 0);
	KUNIT_EXPECT_TRUE(test, soon(&rx_stats(p)->xdp_errors, 2));
	KUNIT_EXPECT_TRUE(test, peer_nothing(p, &p->came));
}

static void packets_go_back(struct kunit *test)
{
	struct bpf_prog *prog;
	struct peer *p = peer_with(test, PEER_ALL, sends_back, &prog);
	unsigned int i, slots = peer_free_slots(p), n = 3 * PEER_RING;
	struct peer_frame *f;

	for (i = 0; i < n; i++) {
		u32 len = i % 3 ? 60 + i : 12000 + i;

		KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, len, i, NULL), 0);
		f = peer_wait(test, p, &p->sent);
		KUNIT_ASSERT_NOT_NULL(test, f);
		KUNIT_EXPECT_TRUE(test, peer_matches(f, len, i));
		KUNIT_EXPECT_EQ(test, 0, f->hdr.flags | f->hdr.gso_type);
		kfree(f);
	}
	KUNIT_EXPECT_EQ(test, n, counted(&rx_stats(p)->xdp_tx));
	KUNIT_EXPECT_EQ(test, n, counted(&tx_stats(p)->xdp_packets));
	KUNIT_EXPECT_EQ(test, 0ull, counted(&tx_stats(p)->xdp_dropped));
	for (i = 0; i < 10000 && peer_in_flight(p); i++)
		fsleep(1000);
	peer_up(p, false);
	KUNIT_EXPECT_EQ(test, slots, peer_free_slots(p));
}

/* Where nothing is taken, packets that go back are dropped, and the stack waits. */
static void packets_go_back_to_a_full_ring(struct kunit *test)
{
	struct bpf_prog *prog;
	struct peer *p = peer_with(test, PEER_ALL, sends_back, &prog);
	unsigned int i, slots = peer_free_slots(p), n = 3 * PEER_RING;

	WRITE_ONCE(p->deaf, true);
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, 100, i, NULL), 0);
	KUNIT_EXPECT_TRUE(test, soon(&rx_stats(p)->xdp_tx, n));
	for (i = 0; i < 20000 && !counted(&tx_stats(p)->xdp_dropped); i++)
		fsleep(1000);
	KUNIT_EXPECT_GT(test, counted(&tx_stats(p)->xdp_dropped), 0ull);
	KUNIT_EXPECT_TRUE(test, netif_xmit_stopped(netdev_get_tx_queue(p->dev, 0)));
	peer_listen_again(p);
	WRITE_ONCE(peer_judge, passes);
	KUNIT_EXPECT_TRUE(test, peer_works_again(test, p));
	peer_up(p, false);
	KUNIT_EXPECT_EQ(test, slots, peer_free_slots(p) + peer_in_flight(p));
}

/* Where netpoll asks there is no lock of a page pool to be had: packets of one stay. */
static void netpoll_gives_no_pages_back(struct kunit *test)
{
	struct bpf_prog *prog;
	struct peer *p = peer_with(test, PEER_ALL, sends_back, &prog);
	struct napi_struct *napi = &p->net->pairs[0].napi;
	unsigned int ms;

	WRITE_ONCE(p->deaf, true);
	KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, 100, 1, NULL), 0);
	KUNIT_EXPECT_TRUE(test, soon(&tx_stats(p)->xdp_packets, 1));
	napi_disable(napi);
	peer_listen_again(p);
	expect(test, p, &p->sent, 100, 1);
	/* It is completed by the time that the device lets go of the queue. */
	scoped_guard(mutex, &p->q[1].lock)
		KUNIT_EXPECT_EQ(test, 1u, peer_in_flight(p));
	local_bh_disable();
	KUNIT_EXPECT_EQ(test, 0, napi->poll(napi, 0));
	KUNIT_EXPECT_EQ(test, 1u, peer_in_flight(p));
	local_bh_enable();
	napi_enable(napi);
	local_bh_disable();
	napi_schedule(napi);
	local_bh_enable();
	for (ms = 0; ms < 20000 && peer_in_flight(p); ms++)
		fsleep(1000);
	KUNIT_EXPECT_EQ(test, 0u, peer_in_flight(p));
	WRITE_ONCE(peer_judge, passes);
	KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 500, 1));
}

static void packets_go_elsewhere(struct kunit *test)
{
	struct bpf_prog *prog;
	struct peer *p = peer_with(test, PEER_ALL, redirects, &prog);
	unsigned int i, n = 2 * PEER_RING;

	elsewhere = peer_new(test, PEER_ALL, 1);
	for (i = 0; i < n; i++) {
		KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, 60 + 8 * i, i, NULL), 0);
		expect(test, elsewhere, &elsewhere->sent, 60 + 8 * i, i);
	}
	KUNIT_EXPECT_EQ(test, n, counted(&rx_stats(p)->xdp_redirects));
	KUNIT_EXPECT_EQ(test, n, counted(&tx_stats(elsewhere)->xdp_packets));
	/* An interface that is down takes none, and nobody waits for it. */
	peer_up(elsewhere, false);
	KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, 60, 1, NULL), 0);
	KUNIT_EXPECT_TRUE(test, soon(&rx_stats(p)->xdp_errors, 1));
	peer_up(elsewhere, true);
	KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, 60, 2, NULL), 0);
	expect(test, elsewhere, &elsewhere->sent, 60, 2);
	/* It goes, with packets of the other one's. */
	WRITE_ONCE(elsewhere->deaf, true);
	for (i = 0; i < 20; i++)
		KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, 60, i, NULL), 0);
	KUNIT_EXPECT_TRUE(test, soon(&rx_stats(p)->xdp_redirects, n + 21));
	KUNIT_EXPECT_EQ(test, 0, peer_attach(p, NULL));
	peer_end(test, elsewhere);
	KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 500, 1));
}

/* -------------------------------------------------------- what it changes */

static void the_front_is_cut_off(struct kunit *test)
{
	struct bpf_prog *prog;
	struct peer *p = peer_with(test, PEER_ALL, cuts, &prog);
	struct peer_frame *f;
	u8 data[200];

	peer_fill(data, sizeof(data), 1);
	KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, sizeof(data), 1, NULL), 0);
	f = peer_wait(test, p, &p->came);
	KUNIT_ASSERT_NOT_NULL(test, f);
	KUNIT_ASSERT_EQ(test, sizeof(data) - 4, (size_t)f->len);
	KUNIT_EXPECT_MEMEQ(test, data, f->data, ETH_HLEN);
	KUNIT_EXPECT_MEMEQ(test, data + 4 + ETH_HLEN, f->data + ETH_HLEN,
			   sizeof(data) - 4 - ETH_HLEN);
	kfree(f);
}

static void metadata_comes_along(struct kunit *test)
{
	struct bpf_prog *prog;
	struct peer *p = peer_with(test, PEER_ALL, leaves_metadata, &prog);
	struct peer_frame *f;

	KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, 200, 1, NULL), 0);
	f = peer_wait(test, p, &p->came);
	KUNIT_ASSERT_NOT_NULL(test, f);
	KUNIT_EXPECT_EQ(test, 8u, f->meta);
	KUNIT_EXPECT_TRUE(test, peer_matches(f, 200, 1));
	kfree(f);
}

/* What was judged is what the stack gets, whatever the device does meanwhile. */
static void the_device_writes_after_the_verdict(struct kunit *test)
{
	struct bpf_prog *prog;
	struct peer *p = peer_with(test, PEER_ALL, passes, &prog);
	unsigned int i;

	scribbler = p;
	WRITE_ONCE(peer_judge, passes_while_the_device_writes);
	for (i = 0; i < 2 * ARRAY_SIZE(lengths); i++) {
		const u32 len = lengths[i % ARRAY_SIZE(lengths)];

		KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, len, i, NULL), 0);
		expect(test, p, &p->came, len, i);
	}
	KUNIT_EXPECT_EQ(test, 2 * (int)ARRAY_SIZE(lengths), atomic_read(&peer_judged));
}

/* Who gets a packet may give its pages back in bulk, to the pool of the first one. */
static void a_packet_is_of_one_pool(struct kunit *test)
{
	struct bpf_prog *prog;
	struct peer *p = peer_with(test, PEER_ALL, passes_those_of_one_pool, &prog);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, lengths[i], i, NULL), 0);
		expect(test, p, &p->came, lengths[i], i);
	}
	KUNIT_EXPECT_EQ(test, 0ull, counted(&rx_stats(p)->xdp_drops));
}

/* ------------------------------------------------------ comes and goes */

static u64 told_offloads(struct peer *p)
{
	struct peer_told told = {};
	__le64 bits = 0;

	if (!peer_times_told(p, VIRTIO_NET_CTRL_GUEST_OFFLOADS,
			     VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &told))
		return ~0ull;
	memcpy(&bits, told.data, sizeof(bits));
	return le64_to_cpu(bits);
}

/* The device finishes packets while there is a program; one that does not is caught. */
static void packets_are_finished(struct kunit *test)
{
	const struct virtio_net_hdr_v1 hdr = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = cpu_to_vr16(34), .csum_offset = cpu_to_vr16(16),
	};
	const u64 all = PEER_OFFLOADS & (B(GUEST_CSUM) | B(GUEST_ECN) | B(GUEST_TSO4) |
					 B(GUEST_TSO6) | B(GUEST_USO4) | B(GUEST_USO6));
	struct bpf_prog *prog;
	struct peer *p = peer_with(test, PEER_ALL, passes, &prog);
	u8 data[200];

	peer_fill(data, sizeof(data), 1);
	KUNIT_EXPECT_EQ(test, 0ull, told_offloads(p));
	KUNIT_EXPECT_FALSE(test, p->dev->features & (NETIF_F_RXCSUM | NETIF_F_GRO_HW));
	/* There is a buffer by the time that this one came. */
	KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, 100, 1, NULL), 0);
	expect(test, p, &p->came, 100, 1);
	KUNIT_EXPECT_GT(test, peer_receive(p, 0, &hdr, data, sizeof(data), NULL), 0);
	KUNIT_EXPECT_TRUE(test, soon(&rx_stats(p)->unfinished, 1));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&peer_judged));
	/* Another program in its place changes nothing of this. */
	KUNIT_EXPECT_EQ(test, 0, peer_attach(p, prog));
	KUNIT_EXPECT_EQ(test, 0ull, told_offloads(p));
	KUNIT_EXPECT_EQ(test, 0, peer_attach(p, NULL));
	KUNIT_EXPECT_EQ(test, all, told_offloads(p));
	KUNIT_EXPECT_TRUE(test, p->dev->features & NETIF_F_RXCSUM);
	KUNIT_EXPECT_GT(test, peer_receive(p, 0, &hdr, data, sizeof(data), NULL), 0);
	kfree(peer_wait(test, p, &p->came));
}

static void programs_are_refused(struct kunit *test)
{
	struct bpf_prog *frags = peer_prog(test, true), *plain = peer_prog(test, false);
	struct peer *p = peer_new(test, PEER_ALL & ~B(CTRL_GUEST_OFFLOADS), 1);

	WRITE_ONCE(peer_judge, drops);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, peer_attach(p, frags));
	KUNIT_EXPECT_FALSE(test, p->dev->xdp_features & NETDEV_XDP_ACT_BASIC);
	KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 500, 1));
	peer_end(test, p);

	p = peer_new(test, PEER_ALL & ~B(MTU), 1);
	KUNIT_EXPECT_TRUE(test, p->dev->xdp_features & NETDEV_XDP_ACT_BASIC);
	WRITE_ONCE(p->refuse, VIRTIO_NET_CTRL_GUEST_OFFLOADS);
	KUNIT_EXPECT_EQ(test, -EREMOTEIO, peer_attach(p, frags));
	KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 500, 1));
	KUNIT_EXPECT_TRUE(test, p->dev->features & NETIF_F_RXCSUM);
	WRITE_ONCE(p->refuse, -1);

	rtnl_lock();
	KUNIT_EXPECT_EQ(test, 0, dev_set_mtu(p->dev, 9000));
	rtnl_unlock();
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, peer_attach(p, plain));
	KUNIT_EXPECT_EQ(test, 0, peer_attach(p, frags));
	KUNIT_EXPECT_EQ(test, 0, peer_attach(p, NULL));
	rtnl_lock();
	KUNIT_EXPECT_EQ(test, 0, dev_set_mtu(p->dev, 1500));
	rtnl_unlock();
	KUNIT_EXPECT_EQ(test, 0, peer_attach(p, plain));
	rtnl_lock();
	KUNIT_EXPECT_EQ(test, -EINVAL, dev_set_mtu(p->dev, 9000));
	rtnl_unlock();
	/* Longer than was agreed on: it is not shown to a program that cannot see it. */
	WRITE_ONCE(peer_judge, passes);
	KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, 4000, 1, NULL), 0);
	KUNIT_EXPECT_TRUE(test, soon(&rx_stats(p)->too_long, 1));
	KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, 1000, 1, NULL), 0);
	expect(test, p, &p->came, 1000, 1);
}

/* As public reports of other drivers have it: the queue stands still afterwards. */
static void it_comes_and_goes_under_load(struct kunit *test)
{
	struct bpf_prog *prog = peer_prog(test, true);
	struct peer *p = peer_new(test, PEER_ALL, 1);
	int resets = atomic_read(&p->resets);
	unsigned int i;

	WRITE_ONCE(peer_judge, passes);
	peer_load_start(test, p);
	for (i = 0; i < 30; i++) {
		WRITE_ONCE(peer_judge, i % 3 == 0 ? passes : i % 3 == 1 ? drops : sends_back);
		KUNIT_EXPECT_EQ(test, 0, peer_attach(p, prog));
		fsleep(5000);
		KUNIT_EXPECT_EQ(test, 0, peer_attach(p, NULL));
		fsleep(5000);
	}
	peer_load_stop();
	KUNIT_EXPECT_TRUE(test, peer_works_again(test, p));
	WRITE_ONCE(peer_judge, passes);
	KUNIT_EXPECT_EQ(test, 0, peer_attach(p, prog));
	KUNIT_EXPECT_TRUE(test, peer_works_again(test, p));
	KUNIT_EXPECT_EQ(test, resets, atomic_read(&p->resets));
}

/* The same while everything is full: the transmit ring, and every receive buffer used. */
static void it_comes_and_goes_with_full_rings(struct kunit *test)
{
	struct bpf_prog *prog = peer_prog(test, true);
	struct peer *p = peer_new(test, PEER_ALL, 1);
	unsigned int i;

	WRITE_ONCE(peer_judge, passes);
	peer_fill_ring(test, p);
	for (i = 0; i < 2 * PEER_RING; i++)
		peer_receive_seed(p, 0, 100, i, NULL);
	KUNIT_EXPECT_EQ(test, 0, peer_attach(p, prog));
	for (i = 0; i < 2 * PEER_RING; i++)
		peer_receive_seed(p, 0, 100, i, NULL);
	peer_listen_again(p);
	KUNIT_EXPECT_TRUE(test, peer_works_again(test, p));
	KUNIT_EXPECT_EQ(test, 0, peer_attach(p, NULL));
	KUNIT_EXPECT_TRUE(test, peer_works_again(test, p));
}

/* A reset takes what was sent back and not taken, and the program stays. */
static void it_survives_a_reset(struct kunit *test)
{
	struct bpf_prog *prog;
	struct peer *p = peer_with(test, PEER_ALL, sends_back, &prog);
	unsigned int i, slots = peer_free_slots(p);

	WRITE_ONCE(p->deaf, true);
	for (i = 0; i < 20; i++)
		KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, 100, i, NULL), 0);
	KUNIT_EXPECT_TRUE(test, soon(&rx_stats(p)->xdp_tx, 20));
	peer_forget_told(p);
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(to_parley_vdev(p->pd), PARLEY_HOLD_RESET));
	KUNIT_EXPECT_EQ(test, slots, peer_free_slots(p));
	KUNIT_EXPECT_GT(test, counted(&tx_stats(p)->lost), 0ull);
	WRITE_ONCE(p->deaf, false);
	WRITE_ONCE(peer_judge, passes);
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(to_parley_vdev(p->pd), PARLEY_HOLD_RESET));
	KUNIT_EXPECT_EQ(test, 0ull, told_offloads(p));
	atomic_set(&peer_judged, 0);
	KUNIT_EXPECT_TRUE(test, peer_works_again(test, p));
	KUNIT_EXPECT_GT(test, atomic_read(&peer_judged), 0);
}

/* A packet of which a buffer is lost, and one that is longer than any. */
static void broken_packets_are_not_seen(struct kunit *test)
{
	const struct peer_lie lie = { .num_buffers = -1, .withhold = 1 };
	struct bpf_prog *prog;
	struct peer *p = peer_with(test, PEER_ALL, passes, &prog);

	KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, 9000, 1, &lie), 0);
	KUNIT_EXPECT_TRUE(test, soon(&rx_stats(p)->lost, 1));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&peer_judged));
	peer_end(test, p);

	p = peer_with(test, PEER_ALL, passes, &prog);
	KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, PARLEY_NET_LEN_MAX + 1, 1, NULL), 0);
	KUNIT_EXPECT_TRUE(test, soon(&rx_stats(p)->too_long, 1));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&peer_judged));
	KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, 500, 1, NULL), 0);
	expect(test, p, &p->came, 500, 1);
}

static struct kunit_case xdp_cases[] = {
	KUNIT_CASE_PARAM(packets_pass, peer_format_gen),
	KUNIT_CASE(packets_of_one_buffer_pass),
	KUNIT_CASE_PARAM(packets_are_dropped, peer_format_gen),
	KUNIT_CASE(what_cannot_be_done_is_an_error),
	KUNIT_CASE_PARAM(packets_go_back, peer_format_gen),
	KUNIT_CASE_PARAM(packets_go_back_to_a_full_ring, peer_format_gen),
	KUNIT_CASE_PARAM(netpoll_gives_no_pages_back, peer_format_gen),
	KUNIT_CASE_PARAM(packets_go_elsewhere, peer_format_gen),
	KUNIT_CASE(the_front_is_cut_off),
	KUNIT_CASE(metadata_comes_along),
	KUNIT_CASE(the_device_writes_after_the_verdict),
	KUNIT_CASE(a_packet_is_of_one_pool),
	KUNIT_CASE(packets_are_finished),
	KUNIT_CASE(programs_are_refused),
	KUNIT_CASE_PARAM(it_comes_and_goes_under_load, peer_format_gen),
	KUNIT_CASE_PARAM(it_comes_and_goes_with_full_rings, peer_format_gen),
	KUNIT_CASE_PARAM(it_survives_a_reset, peer_format_gen),
	KUNIT_CASE_PARAM(broken_packets_are_not_seen, peer_format_gen),
	{}
};

static struct kunit_suite xdp_suite = {
	.name = "parley_net_xdp",
	.test_cases = xdp_cases,
};

kunit_test_suite(xdp_suite);
