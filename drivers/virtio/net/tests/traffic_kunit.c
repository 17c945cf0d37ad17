// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets both ways, every byte of them, over both formats of the ring: small and
 * large, in one buffer and in many, with offloads and without.
 */
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/ip.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/page_pool/types.h>
#include "peer.h"

#define MSS	1400
#define HEADERS	(ETH_HLEN + sizeof(struct iphdr) + sizeof(struct tcphdr))

static const u32 lengths[] = {
	14, 15, 60, 64, 127, 128, 129, 255, 256, 257, 300, 511, 1000, 1513, 1514,
};

static void packets_go_both_ways(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	unsigned int i, round;

	/* More than once around the rings. */
	for (round = 0; round < 12; round++)
		for (i = 0; i < ARRAY_SIZE(lengths); i++) {
			int right = peer_both_ways(test, p, lengths[i], 16 * round + i);

			KUNIT_EXPECT_EQ(test, 2, right);
		}
	KUNIT_EXPECT_EQ(test, 12 * ARRAY_SIZE(lengths), peer_stats(p).rx_packets);
	KUNIT_EXPECT_EQ(test, 0ull, peer_stats(p).rx_errors + peer_stats(p).rx_dropped);
}

static void bursts_keep_their_order(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	unsigned int i, n = 500;
	struct peer_frame *f;

	for (i = 0; i < n; i++)
		KUNIT_EXPECT_EQ(test, 0, peer_transmit(p, 60 + i, i));
	for (i = 0; i < n; i++) {
		f = peer_wait(test, p, &p->sent);
		KUNIT_ASSERT_NOT_NULL(test, f);
		KUNIT_EXPECT_TRUE(test, peer_matches(f, 60 + i, i));
		kfree(f);
	}
}

/* The header is the packet's own, whatever room it has, and says nothing. */
static void sent_packets_in_any_shape(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	static const struct virtio_net_hdr_v1 zeroes;
	unsigned int room, frags, seed = 0;

	for (room = 0; room < 64; room += 7) {
		for (frags = 0; frags <= MAX_SKB_FRAGS; frags += 3, seed++) {
			struct sk_buff *skb = peer_skb(p, 1514, seed, room, frags);
			struct peer_frame *f;

			KUNIT_ASSERT_NOT_NULL(test, skb);
			KUNIT_EXPECT_EQ(test, 0, dev_queue_xmit(skb));
			f = peer_wait(test, p, &p->sent);
			KUNIT_ASSERT_NOT_NULL(test, f);
			KUNIT_EXPECT_TRUE(test, peer_matches(f, 1514, seed));
			KUNIT_EXPECT_MEMEQ(test, &f->hdr, &zeroes, sizeof(zeroes));
			kfree(f);
		}
	}
}

/* Packets that need many buffers, more than a packet has fragments, and then few. */
static void large_packets_in_many_buffers(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	int first, last = 0, i;
	struct peer_frame *f;

	first = peer_receive_seed(p, 0, 65000, 1, NULL);
	KUNIT_EXPECT_GT(test, first, MAX_SKB_FRAGS);
	f = peer_wait(test, p, &p->came);
	KUNIT_ASSERT_NOT_NULL(test, f);
	KUNIT_EXPECT_TRUE(test, peer_matches(f, 65000, 1));
	kfree(f);
	/* It learns, and what is in the ring still is used up. */
	for (i = 0; i < 200; i++) {
		last = peer_receive_seed(p, 0, 65000, i, NULL);
		f = peer_wait(test, p, &p->came);
		KUNIT_ASSERT_NOT_NULL(test, f);
		KUNIT_EXPECT_TRUE(test, peer_matches(f, 65000, i));
		kfree(f);
	}
	KUNIT_EXPECT_EQ(test, DIV_ROUND_UP(65000 + PEER_HDR, PAGE_SIZE), (unsigned long)last);
	KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 100, 3));
}

/* Without mergeable buffers a packet has one, as long as any can be. */
static void large_packets_in_one_buffer(struct kunit *test)
{
	struct peer *p = peer_new(test, B(MAC) | PEER_OFFLOADS, 1);
	static const u32 sizes[] = { 65000, 14, 4096 - 12, 4096 - 11, 8192, 60, 1514 };
	struct peer_frame *f;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, PARLEY_NET_BIG_PAGES, p->net->rx_pages);
	for (i = 0; i < 50; i++) {
		u32 len = sizes[i % ARRAY_SIZE(sizes)];

		KUNIT_EXPECT_EQ(test, 1, peer_receive_seed(p, 0, len, i, NULL));
		f = peer_wait(test, p, &p->came);
		KUNIT_ASSERT_NOT_NULL(test, f);
		KUNIT_EXPECT_TRUE(test, peer_matches(f, len, i));
		kfree(f);
	}
}

static void small_packets_without_offloads(struct kunit *test)
{
	struct peer *p = peer_new(test, B(MAC), 1);
	unsigned int i;

	KUNIT_EXPECT_EQ(test, 1u, p->net->rx_pages);
	KUNIT_EXPECT_EQ(test, (unsigned int)ETH_DATA_LEN, p->dev->max_mtu);
	for (i = 0; i < 3 * PEER_RING; i++)
		KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 60 + i, i));
	/* It does not fit into one, and more there cannot be. */
	KUNIT_EXPECT_EQ(test, -ENOSPC, peer_receive(p, 0, NULL, p, PAGE_SIZE, NULL));
}

/* ------------------------------------------------------------- offloads */

/* A TCP or UDP packet over IPv4, with its checksum to be done. */
static void make_ip(u8 *data, u32 len, u8 protocol)
{
	struct iphdr *ip = (void *)data + ETH_HLEN;
	struct tcphdr *tcp = (void *)(ip + 1);

	peer_fill(data, len, 5);
	*(__be16 *)(data + 2 * ETH_ALEN) = htons(ETH_P_IP);
	*ip = (struct iphdr) {
		.version = 4, .ihl = 5, .ttl = 64, .protocol = protocol,
		.tot_len = htons(len - ETH_HLEN),
		.saddr = htonl(0x0a000001), .daddr = htonl(0x0a000002),
	};
	ip->check = ip_fast_csum(ip, 5);
	if (protocol == IPPROTO_TCP)
		*tcp = (struct tcphdr) { .source = htons(1), .dest = htons(2), .doff = 5,
					 .ack = 1, .window = htons(1000) };
	else
		*(struct udphdr *)tcp = (struct udphdr) {
			.source = htons(1), .dest = htons(2),
			.len = htons(len - ETH_HLEN - sizeof(*ip)) };
}

static struct virtio_net_hdr_v1 hdr_of(u8 type, u16 offset)
{
	return (struct virtio_net_hdr_v1) {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = type,
		.gso_size = cpu_to_vr16(type ? MSS : 0),
		.csum_start = cpu_to_vr16(ETH_HLEN + sizeof(struct iphdr)),
		.csum_offset = cpu_to_vr16(offset),
	};
}

static void receive_offloaded(struct kunit *test, struct peer *p, u8 type, u8 protocol)
{
	struct virtio_net_hdr_v1 hdr = hdr_of(type, protocol == IPPROTO_TCP ? 16 : 6);
	u32 len = type ? 20000 : 1000;
	u8 *data = kunit_kzalloc(test, len, GFP_KERNEL);
	struct peer_frame *f;

	KUNIT_ASSERT_NOT_NULL(test, data);
	make_ip(data, len, protocol);
	KUNIT_EXPECT_GT(test, peer_receive(p, 0, &hdr, data, len, NULL), 0);
	f = peer_wait(test, p, &p->came);
	KUNIT_ASSERT_NOT_NULL(test, f);
	KUNIT_EXPECT_EQ(test, len, f->len);
	KUNIT_EXPECT_MEMEQ(test, data, f->data, len);
	f->hdr.num_buffers = hdr.num_buffers;
	KUNIT_EXPECT_MEMEQ(test, &hdr, &f->hdr, sizeof(hdr));
	kfree(f);
}

static void received_packets_are_left_to_the_stack(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);

	msleep(50);
	receive_offloaded(test, p, VIRTIO_NET_HDR_GSO_NONE, IPPROTO_TCP);
	receive_offloaded(test, p, VIRTIO_NET_HDR_GSO_NONE, IPPROTO_UDP);
	receive_offloaded(test, p, VIRTIO_NET_HDR_GSO_TCPV4, IPPROTO_TCP);
	receive_offloaded(test, p, VIRTIO_NET_HDR_GSO_UDP_L4, IPPROTO_UDP);
	KUNIT_EXPECT_EQ(test, 0ull, peer_stats(p).rx_errors);
}

static struct sk_buff *gso_skb(struct peer *p, u32 len, u32 type, u8 protocol)
{
	struct sk_buff *skb = peer_skb(p, len, 5, 64, 0);
	u16 offset = protocol == IPPROTO_TCP ? 16 : 6;

	if (!skb)
		return NULL;
	make_ip(skb->data, len, protocol);
	skb->protocol = htons(ETH_P_IP);
	skb_set_transport_header(skb, ETH_HLEN + sizeof(struct iphdr));
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offset;
	if (type) {
		skb_shinfo(skb)->gso_type = type;
		skb_shinfo(skb)->gso_size = MSS;
		skb_shinfo(skb)->gso_segs = DIV_ROUND_UP(len - HEADERS, MSS);
	}
	return skb;
}

static void send_offloaded(struct kunit *test, struct peer *p, u8 hdr_type, u32 type,
			   u8 protocol)
{
	struct virtio_net_hdr_v1 hdr = hdr_of(hdr_type, protocol == IPPROTO_TCP ? 16 : 6);
	struct sk_buff *skb = gso_skb(p, type ? 20000 : 1000, type, protocol);
	struct peer_frame *f;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	if (type)
		hdr.hdr_len = cpu_to_vr16(ETH_HLEN + sizeof(struct iphdr) +
					  (protocol == IPPROTO_TCP ? 20 : 8));
	KUNIT_EXPECT_EQ(test, 0, dev_queue_xmit(skb));
	f = peer_wait(test, p, &p->sent);
	KUNIT_ASSERT_NOT_NULL(test, f);
	KUNIT_EXPECT_EQ(test, type ? 20000u : 1000u, f->len);
	KUNIT_EXPECT_MEMEQ(test, &hdr, &f->hdr, sizeof(hdr));
	kfree(f);
}

static void sent_packets_are_left_to_the_device(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);

	send_offloaded(test, p, 0, 0, IPPROTO_TCP);
	send_offloaded(test, p, 0, 0, IPPROTO_UDP);
	send_offloaded(test, p, VIRTIO_NET_HDR_GSO_TCPV4, SKB_GSO_TCPV4, IPPROTO_TCP);
	send_offloaded(test, p, VIRTIO_NET_HDR_GSO_UDP_L4, SKB_GSO_UDP_L4, IPPROTO_UDP);
}

/* A device that does no checksums is never asked for one. */
static void nothing_is_left_to_a_simple_device(struct kunit *test)
{
	struct peer *p = peer_new(test, B(MAC), 1);
	struct sk_buff *skb = gso_skb(p, 4254, SKB_GSO_TCPV4, IPPROTO_TCP);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	KUNIT_EXPECT_FALSE(test, p->dev->features & (NETIF_F_HW_CSUM | NETIF_F_ALL_TSO |
						     NETIF_F_RXCSUM | NETIF_F_GRO_HW));
	KUNIT_EXPECT_EQ(test, 0, dev_queue_xmit(skb));
	for (i = 0; i < 3; i++) {
		struct peer_frame *f = peer_wait(test, p, &p->sent);

		KUNIT_ASSERT_NOT_NULL(test, f);
		KUNIT_EXPECT_EQ(test, 0, f->hdr.flags);
		KUNIT_EXPECT_EQ(test, 0, f->hdr.gso_type);
		KUNIT_EXPECT_EQ(test, HEADERS + MSS, (size_t)f->len);
		kfree(f);
	}
}

/* --------------------------------------------------------------- several */

static void pairs_receive_and_send(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, PEER_PAIRS);
	unsigned int i, pairs = p->dev->real_num_rx_queues;
	struct peer_frame *f;
	struct sk_buff *skb;

	KUNIT_EXPECT_EQ(test, min_t(unsigned int, PEER_PAIRS, num_online_cpus()), pairs);
	for (i = 0; i < 10 * pairs; i++) {
		KUNIT_EXPECT_GT(test, peer_receive_seed(p, i % pairs, 500, i, NULL), 0);
		f = peer_wait(test, p, &p->came);
		KUNIT_ASSERT_NOT_NULL(test, f);
		KUNIT_EXPECT_EQ(test, i % pairs, f->queue);
		KUNIT_EXPECT_TRUE(test, peer_matches(f, 500, i));
		kfree(f);
		skb = peer_skb(p, 500, i, 64, 0);
		KUNIT_ASSERT_NOT_NULL(test, skb);
		KUNIT_EXPECT_EQ(test, 0, dev_direct_xmit(skb, i % pairs));
		f = peer_wait(test, p, &p->sent);
		KUNIT_ASSERT_NOT_NULL(test, f);
		KUNIT_EXPECT_EQ(test, i % pairs, f->queue);
		KUNIT_EXPECT_TRUE(test, peer_matches(f, 500, i));
		kfree(f);
	}
}

/* One packet that is in the ring when this returns, and in no queue of the stack's. */
static void put_one(struct kunit *test, struct peer *p, u32 seed)
{
	unsigned int ms;

	for (ms = 0; ms < 10000; ms++) {
		struct sk_buff *skb = peer_skb(p, 100, seed, 64, 0);

		KUNIT_ASSERT_NOT_NULL(test, skb);
		if (dev_direct_xmit(skb, 0) == NETDEV_TX_OK)
			return;
		fsleep(1000);
	}
	KUNIT_FAIL(test, "the transmit queue stays stopped");
}

static void down_and_up(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	struct peer_frame *f;
	unsigned int i;

	for (i = 0; i < 20; i++) {
		KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 200, i));
		/* Something is under way on both sides. */
		WRITE_ONCE(p->deaf, true);
		put_one(test, p, i);
		peer_up(p, false);
		KUNIT_ASSERT_EQ(test, 0, peer_up(p, true));
		WRITE_ONCE(p->deaf, false);
		peer_serve(p);
		f = peer_wait(test, p, &p->sent);
		KUNIT_ASSERT_NOT_NULL(test, f);
		KUNIT_EXPECT_TRUE(test, peer_matches(f, 100, i));
		kfree(f);
	}
}

static struct kunit_case traffic_cases[] = {
	KUNIT_CASE_PARAM(packets_go_both_ways, peer_format_gen),
	KUNIT_CASE_PARAM(bursts_keep_their_order, peer_format_gen),
	KUNIT_CASE_PARAM(sent_packets_in_any_shape, peer_format_gen),
	KUNIT_CASE_PARAM(large_packets_in_many_buffers, peer_format_gen),
	KUNIT_CASE_PARAM(large_packets_in_one_buffer, peer_format_gen),
	KUNIT_CASE_PARAM(small_packets_without_offloads, peer_format_gen),
	KUNIT_CASE_PARAM(received_packets_are_left_to_the_stack, peer_format_gen),
	KUNIT_CASE_PARAM(sent_packets_are_left_to_the_device, peer_format_gen),
	KUNIT_CASE_PARAM(nothing_is_left_to_a_simple_device, peer_format_gen),
	KUNIT_CASE_PARAM(pairs_receive_and_send, peer_format_gen),
	KUNIT_CASE_PARAM(down_and_up, peer_format_gen),
	{}
};

static struct kunit_suite traffic_suite = {
	.name = "parley_net_traffic",
	.test_cases = traffic_cases,
};

kunit_test_suite(traffic_suite);

MODULE_DESCRIPTION("Parley: tests of the network front-end");
MODULE_LICENSE("GPL");
PARLEY_IMPORT;
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
