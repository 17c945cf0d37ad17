// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that lies: in headers, in numbers of buffers, in lengths.  Each lie costs
 * the packet that it is about, is counted, and the next packet is right again.
 */
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <net/gso.h>
#include "peer.h"

/* The next packet comes, and is the right one. */
static void expect_next(struct kunit *test, struct peer *p, u32 len, u32 seed)
{
	struct peer_frame *f;

	KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, len, seed, NULL), 0);
	f = peer_wait(test, p, &p->came);
	KUNIT_ASSERT_NOT_NULL(test, f);
	KUNIT_EXPECT_TRUE(test, peer_matches(f, len, seed));
	kfree(f);
}

/* ------------------------------------------------------------- the header */

struct header {
	const char *name;
	u8 flags;
	u8 gso_type;
	u16 gso_size;
	u16 csum_start;
	u16 csum_offset;
	u64 without;		/* features that are not negotiated */
	bool fine;
};

#define NEEDS	VIRTIO_NET_HDR_F_NEEDS_CSUM
#define TCP4	VIRTIO_NET_HDR_GSO_TCPV4
#define TCP6	VIRTIO_NET_HDR_GSO_TCPV6
#define USO	VIRTIO_NET_HDR_GSO_UDP_L4
#define CUT_ECN	VIRTIO_NET_HDR_GSO_ECN
/* Of a packet of so many bytes. */
#define LEN	4000u

static const struct header headers[] = {
	{ "nothing", .fine = true },
	{ "checksum is valid", VIRTIO_NET_HDR_F_DATA_VALID, .fine = true },
	{ "checksum to be done", NEEDS, 0, 0, 34, 16, .fine = true },
	{ "at the end", NEEDS, 0, 0, LEN - 2, 0, .fine = true },
	{ "bad_39 beyond the end", NEEDS, 0, 0, LEN - 1, 0 },
	{ "bad_39 field beyond the end", NEEDS, 0, 0, 34, LEN - 35 },
	{ "bad_39 start far beyond", NEEDS, 0, 0, 0xffff, 0 },
	{ "bad_39 offset far beyond", NEEDS, 0, 0, 34, 0xffff },
	{ "bad_39 sum beyond 16 bits", NEEDS, 0, 0, 0xffff, 0xffff },
	{ "bad_39 in the Ethernet header", NEEDS, 0, 0, 13, 0 },
	{ "checksum, not agreed on", NEEDS, 0, 0, 34, 16, B(GUEST_CSUM) },
	{ "TCP over IPv4", NEEDS, TCP4, 1400, 34, 16, .fine = true },
	{ "the same with ECN", NEEDS, TCP4 | CUT_ECN, 1400, 34, 16, .fine = true },
	{ "ECN, not agreed on", NEEDS, TCP4 | CUT_ECN, 1400, 34, 16, B(GUEST_ECN) },
	{ "TCP, not agreed on", NEEDS, TCP4, 1400, 34, 16, B(GUEST_TSO4) },
	{ "TCP over IPv6", NEEDS, TCP6, 1400, 54, 16, .fine = true },
	{ "TCPv6, not agreed on", NEEDS, TCP6, 1400, 54, 16, B(GUEST_TSO6) },
	{ "UDP", NEEDS, USO, 1400, 34, 6, .fine = true },
	{ "UDP, not agreed on", NEEDS, USO, 1400, 34, 6, B(GUEST_USO4) | B(GUEST_USO6) },
	{ "UDP with ECN", NEEDS, USO | CUT_ECN, 1400, 34, 6 },
	{ "bad_40 segments of nothing", NEEDS, TCP4, 0, 34, 16 },
	{ "bad_40 segments by fragments", NEEDS, TCP4, GSO_BY_FRAGS, 34, 16 },
	{ "bad_40 no checksum", 0, TCP4, 1400, 34, 16 },
	{ "bad_40 TCP in place of UDP", NEEDS, TCP4, 1400, 34, 6 },
	{ "bad_40 UDP in place of TCP", NEEDS, USO, 1400, 34, 16 },
	{ "bad_40 no room for TCP", NEEDS, TCP4, 1400, LEN - 19, 16 },
	{ "bad_40 no type", NEEDS, 2, 1400, 34, 16 },
	{ "bad_40 UFO", NEEDS, VIRTIO_NET_HDR_GSO_UDP, 1400, 34, 6 },
	{ "bad_40 ECN of nothing", NEEDS, CUT_ECN, 1400, 34, 16 },
	{ "bad_40 all bits", 0xff, 0xff, 0xffff, 0xffff, 0xffff },
};

static void header_desc(const struct header *h, char *desc)
{
	strscpy(desc, h->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(header, headers, header_desc);

static struct virtio_net_hdr_v1 wire(const struct header *h)
{
	return (struct virtio_net_hdr_v1) {
		.flags = h->flags, .gso_type = h->gso_type,
		.gso_size = cpu_to_vr16(h->gso_size),
		.csum_start = cpu_to_vr16(h->csum_start),
		.csum_offset = cpu_to_vr16(h->csum_offset),
	};
}

static void header_is_judged(struct kunit *test)
{
	const struct header *h = test->param_value;
	struct virtio_net_hdr_v1 hdr = wire(h);
	const u64 features = PEER_ALL & ~h->without;

	KUNIT_EXPECT_EQ(test, h->fine ? 0 : -EINVAL,
			parley_net_hdr_check(&hdr, LEN, features));
	/* A packet that is shorter than what it says of itself. */
	if (h->gso_type || h->flags & NEEDS)
		KUNIT_EXPECT_EQ(test, -EINVAL, parley_net_hdr_check(&hdr, 34, features));
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_net_hdr_check(&hdr, ETH_HLEN - 1, features));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			parley_net_hdr_check(&hdr, PARLEY_NET_LEN_MAX + 1, features));
}

/* The whole way: the stack gets it or not, and lives. */
static void header_of_a_packet(struct kunit *test)
{
	const struct header *h = test->param_value;
	struct peer *p = peer_new(test, PEER_ALL & ~h->without, 1);
	struct virtio_net_hdr_v1 hdr = wire(h);
	u8 *data = kunit_kzalloc(test, LEN, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, data);
	peer_fill(data, LEN, 1);
	expect_next(test, p, 100, 1);
	KUNIT_EXPECT_GT(test, peer_receive(p, 0, &hdr, data, LEN, NULL), 0);
	if (!h->fine)
		KUNIT_EXPECT_TRUE(test, peer_nothing(p, &p->came));
	else
		kfree(peer_wait(test, p, &p->came));
	if (!h->fine)
		KUNIT_EXPECT_EQ(test, 1ull, peer_stats(p).rx_frame_errors);
	expect_next(test, p, 200, 2);
}

/* Segments of a packet that says what is not so are counted by the stack itself. */
static void bad_40_segments_are_not_believed(struct kunit *test)
{
	struct virtio_net_hdr_v1 hdr = {
		.flags = NEEDS, .gso_type = TCP4, .gso_size = cpu_to_vr16(1),
		.csum_start = cpu_to_vr16(34), .csum_offset = cpu_to_vr16(16),
	};
	struct sk_buff *skb = alloc_skb(LEN, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	peer_fill(skb_put(skb, LEN), LEN, 1);
	*(__be16 *)(skb->data + 12) = htons(ETH_P_IP);
	KUNIT_EXPECT_EQ(test, 0, parley_net_hdr_apply(skb, &hdr, PEER_ALL));
	KUNIT_EXPECT_TRUE(test, skb_shinfo(skb)->gso_type & SKB_GSO_DODGY);
	KUNIT_EXPECT_EQ(test, 0, skb_shinfo(skb)->gso_segs);
	kfree_skb(skb);
}

/* ------------------------------------------------------ number of buffers */

static void receive_lie(struct kunit *test, struct peer *p, u32 len, int num_buffers,
			unsigned int withhold)
{
	struct peer_lie lie = { .num_buffers = num_buffers, .withhold = withhold };

	KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, len, 3, &lie), 0);
	KUNIT_EXPECT_TRUE(test, peer_nothing(p, &p->came));
}

static void buffers_are_none_or_too_many(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);

	expect_next(test, p, 100, 1);
	receive_lie(test, p, 100, 0, 0);
	expect_next(test, p, 100, 2);
	receive_lie(test, p, 100, 0xffff, 0);
	expect_next(test, p, 100, 3);
	receive_lie(test, p, 100, PEER_RING + 1, 0);
	expect_next(test, p, 100, 4);
	KUNIT_EXPECT_EQ(test, 3ull, peer_stats(p).rx_frame_errors);
}

/* As public reports of other drivers have it: a buffer of a packet never comes. */
static void a_buffer_of_a_packet_is_lost(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	/* In order, what follows a buffer that is kept back is, too. */
	const bool keep = !parley_has_feature(p->pd, VIRTIO_F_IN_ORDER);
	unsigned int i;

	for (i = 0; i < 5; i++) {
		expect_next(test, p, 100, i);
		/* The header speaks of one more than there are ... */
		receive_lie(test, p, 100, 2, 0);
		expect_next(test, p, 1000, i);
		/* ... or the last one is kept back. */
		if (keep)
			receive_lie(test, p, 9000, -1, 1);
	}
	expect_next(test, p, 1514, 9);
	KUNIT_EXPECT_EQ(test, keep ? 10ull : 5ull, peer_stats(p).rx_length_errors);
	KUNIT_EXPECT_EQ(test, 11ull, peer_stats(p).rx_packets);
}

/* Fewer than there are: the rest are packets of their own, or none. */
static void a_packet_has_more_buffers_than_it_says(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	struct peer_lie lie = { .num_buffers = 1 };
	struct peer_frame *f;

	expect_next(test, p, 100, 1);
	KUNIT_EXPECT_GT(test, peer_receive_seed(p, 0, 60000, 3, &lie), 1);
	msleep(100);
	/* What the bytes of a packet are taken for is the device's affair. */
	while ((f = peer_next(p, &p->came)))
		kfree(f);
	expect_next(test, p, 1514, 9);
}

static void a_packet_is_longer_than_any(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);

	receive_lie(test, p, PARLEY_NET_LEN_MAX + 1, -1, 0);
	receive_lie(test, p, 80000, -1, 0);
	KUNIT_EXPECT_EQ(test, 2ull, peer_stats(p).rx_length_errors);
	expect_next(test, p, 65000, 9);
}

/* ------------------------------------------------------------- lengths */

static void bad_38_a_buffer_is_shorter_than_its_header(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	u32 cut;

	for (cut = 1; cut < PEER_HDR + ETH_HLEN; cut++) {
		struct peer_lie lie = { .num_buffers = 1, .cut = cut };

		KUNIT_EXPECT_EQ(test, 1, peer_receive_seed(p, 0, 100, 3, &lie));
	}
	KUNIT_EXPECT_TRUE(test, peer_nothing(p, &p->came));
	KUNIT_EXPECT_EQ(test, PEER_HDR + ETH_HLEN - 1, (size_t)peer_stats(p).rx_length_errors);
	expect_next(test, p, 100, 1);
}

/* A byte more than was posted: nothing of it is believed, and all begins anew. */
static void bad_45_a_packet_is_longer_than_its_buffer(struct kunit *test)
{
	struct peer *p = peer_new(test, PEER_ALL, 1);
	int resets = atomic_read(&p->resets);
	unsigned int ms;

	expect_next(test, p, 100, 1);
	KUNIT_EXPECT_EQ(test, 0, peer_overrun(p, 0));
	for (ms = 0; ms < 10000 && atomic_read(&p->resets) == resets; ms++)
		fsleep(1000);
	KUNIT_EXPECT_GT(test, atomic_read(&p->resets), resets);
	KUNIT_EXPECT_TRUE(test, peer_works_again(test, p));
}

#define DIRTY	512

/* So that pages which are had next have something in them. */
static void leave_something(struct kunit *test)
{
	struct page **pages = kunit_kcalloc(test, DIRTY, sizeof(*pages), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, pages);
	for (i = 0; i < DIRTY; i++) {
		pages[i] = alloc_page(GFP_KERNEL);
		if (pages[i])
			memset(page_address(pages[i]), 0x5a, PAGE_SIZE);
	}
	while (i--)
		if (pages[i])
			__free_page(pages[i]);
}

/* What a receive buffer held before is nothing that the host is to see. */
static void bad_49_what_was_there_before_is_not_shown(struct kunit *test)
{
	const u64 features[] = { PEER_ALL, PEER_ALL & ~B(MRG_RXBUF) };
	unsigned int i, ms, dirty;
	struct peer *p;
	int nr;

	for (i = 0; i < ARRAY_SIZE(features); i++) {
		leave_something(test);
		p = peer_new(test, features[i], 1);
		nr = 0;
		for (ms = 0; ms < 20000 && !nr; ms++) {
			fsleep(1000);
			nr = peer_look_at_buffers(p, 0, &dirty);
		}
		KUNIT_EXPECT_GT(test, nr, 0);
		KUNIT_EXPECT_EQ(test, 0u, dirty);
		KUNIT_EXPECT_EQ(test, 2, peer_both_ways(test, p, 500, 1));
		peer_end(test, p);
	}
}

static struct kunit_case lie_cases[] = {
	KUNIT_CASE_PARAM(header_is_judged, header_gen_params),
	KUNIT_CASE_PARAM(header_of_a_packet, header_gen_params),
	KUNIT_CASE(bad_40_segments_are_not_believed),
	KUNIT_CASE_PARAM(buffers_are_none_or_too_many, peer_format_gen),
	KUNIT_CASE_PARAM(a_buffer_of_a_packet_is_lost, peer_format_gen),
	KUNIT_CASE_PARAM(a_packet_has_more_buffers_than_it_says, peer_format_gen),
	KUNIT_CASE_PARAM(a_packet_is_longer_than_any, peer_format_gen),
	KUNIT_CASE_PARAM(bad_38_a_buffer_is_shorter_than_its_header, peer_format_gen),
	KUNIT_CASE_PARAM(bad_45_a_packet_is_longer_than_its_buffer, peer_format_gen),
	KUNIT_CASE(bad_49_what_was_there_before_is_not_shown),
	{}
};

static struct kunit_suite lie_suite = {
	.name = "parley_net_lies",
	.test_cases = lie_cases,
};

kunit_test_suite(lie_suite);
