// SPDX-License-Identifier: GPL-2.0-only
/* vhost net with a driver and a back end that do what they should. */
#include "wire.h"

#define MERGEABLE	BIT_ULL(VIRTIO_NET_F_MRG_RXBUF)
#define BARE		BIT_ULL(VHOST_NET_F_VIRTIO_NET_HDR)
#define EVENT		BIT_ULL(VIRTIO_RING_F_EVENT_IDX)
#define PACKED		BIT_ULL(VIRTIO_F_RING_PACKED)
#define IN_ORDER	BIT_ULL(VIRTIO_F_IN_ORDER)

#define SIZE		256u	/* of a small buffer */

struct net_shape {
	const char *name;
	u64 features;
};

static const struct net_shape net_shapes[] = {
	{ "split", 0 },
	{ "split event bare", EVENT | BARE },
	{ "split event in order", EVENT | IN_ORDER },
	{ "packed", PACKED },
	{ "packed event", PACKED | EVENT },
	{ "packed event in order bare", PACKED | EVENT | IN_ORDER | BARE },
};

static void net_shape_desc(const struct net_shape *s, char *desc)
{
	strscpy(desc, s->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(net_shape, net_shapes, net_shape_desc);

static u64 net_features(struct kunit *test)
{
	return ((const struct net_shape *)test->param_value)->features;
}

static struct wire *net_open(struct kunit *test, u64 features)
{
	struct wire *w = wire_open(test, features | net_features(test));

	wire_run(w);
	return w;
}

static const u32 net_lengths[] = { 1, 13, 14, 60, 1514, 4095, 4096, 9014, 65536, 65550 };

static void net_sends(struct kunit *test)
{
	struct wire *w = net_open(test, 0);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(net_lengths); i++) {
		wire_send(w, net_lengths[i], i);
		wire_expect_sent(w, net_lengths[i], i);
		wire_expect_back(w, WIRE_TX, 0);
	}
	/* Many at a time, in their order. */
	for (i = 0; i < 100; i++)
		wire_send(w, 60 + i, i);
	for (i = 0; i < 100; i++) {
		wire_expect_sent(w, 60 + i, i);
		wire_expect_back(w, WIRE_TX, 0);
	}
	KUNIT_EXPECT_EQ(test, wire_dropped(w, WIRE_TX), 0);
}

/* Without mergeable buffers each has one, and the header says so all the same. */
static void net_receives(struct kunit *test)
{
	struct wire *w = net_open(test, 0);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(net_lengths); i++) {
		/* Exactly so many bytes, then a byte more. */
		wire_post(w, VHN_HDR + net_lengths[i]);
		wire_put(w, net_lengths[i], i);
		wire_expect_packet(w, net_lengths[i], i, 1);
		wire_post(w, VHN_HDR + net_lengths[i] + 1);
		wire_put(w, net_lengths[i], i);
		wire_expect_packet(w, net_lengths[i], i, 1);
	}
	KUNIT_EXPECT_EQ(test, wire_dropped(w, WIRE_RX), 0);
}

/* A byte more or less is a buffer more or less. */
static void net_merges(struct kunit *test)
{
	struct wire *w = net_open(test, MERGEABLE);
	static const unsigned int numbers[] = { 1, 2, 3, 17, 31, 32, 33, 127 };
	unsigned int i, j, n;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		n = numbers[i];
		for (j = 0; j < 2 * n + 1; j++)
			wire_post(w, SIZE);
		wire_put(w, n * SIZE - VHN_HDR, i);
		wire_expect_packet(w, n * SIZE - VHN_HDR, i, n);
		wire_put(w, n * SIZE - VHN_HDR + 1, i);
		wire_expect_packet(w, n * SIZE - VHN_HDR + 1, i, n + 1);
	}
	KUNIT_EXPECT_EQ(test, wire_dropped(w, WIRE_RX), 0);
}

/* As many buffers as a packet may have; one more, and it is lost, but not the next. */
static void net_merges_no_more(struct kunit *test)
{
	struct wire *w = net_open(test, MERGEABLE);
	unsigned int i;

	for (i = 0; i < VHN_RX_BUFFERS; i++)
		wire_post(w, SIZE);
	wire_put(w, VHN_RX_BUFFERS * SIZE - VHN_HDR, 1);
	wire_expect_packet(w, VHN_RX_BUFFERS * SIZE - VHN_HDR, 1, VHN_RX_BUFFERS);
	for (i = 0; i < VHN_RX_BUFFERS + 1; i++)
		wire_post(w, SIZE);
	wire_put(w, VHN_RX_BUFFERS * SIZE - VHN_HDR + 1, 2);
	wire_put(w, 100, 3);
	wire_expect_packet(w, 100, 3, 1);
	KUNIT_EXPECT_EQ(test, wire_dropped(w, WIRE_RX), 1);
}

/* Buffers of all sizes, of one piece and of many, where the header is cut anywhere. */
static void net_pieces(struct kunit *test)
{
	struct wire *w = net_open(test, MERGEABLE);
	u32 pieces[] = { 0, 0, 90, 1, 200 };
	unsigned int i, sum;

	for (i = 1; i < VHN_HDR; i++) {
		pieces[0] = i;
		pieces[1] = VHN_HDR - i;
		sum = VHN_HDR + 291;
		wire_chain(w, WIRE_RX, NULL, 0, pieces, ARRAY_SIZE(pieces), 0);
		wire_chain(w, WIRE_RX, NULL, 0, pieces, ARRAY_SIZE(pieces), 0);
		wire_put(w, 291 + sum, i);
		wire_expect_packet(w, 291 + sum, i, 2);
		wire_chain(w, WIRE_TX, pieces, ARRAY_SIZE(pieces), NULL, 0, i);
		wire_expect_sent(w, 291, i);
		wire_expect_back(w, WIRE_TX, 0);
	}
	KUNIT_EXPECT_EQ(test, wire_dropped(w, WIRE_RX) + wire_dropped(w, WIRE_TX), 0);
}

/* What arrives waits for buffers, in its order; what is posted, for packets. */
static void net_waits_for_buffers(struct kunit *test)
{
	struct wire *w = net_open(test, MERGEABLE);
	unsigned int i;

	for (i = 0; i < 10; i++)
		wire_put(w, 600, i);
	wire_expect_nothing(w, WIRE_RX);
	/* Two of three that the first one needs. */
	wire_post(w, SIZE);
	wire_post(w, SIZE);
	wire_expect_nothing(w, WIRE_RX);
	KUNIT_EXPECT_EQ(test, wire_nr_coming(w), 10);
	for (i = 0; i < 28; i++)
		wire_post(w, SIZE);
	for (i = 0; i < 10; i++)
		wire_expect_packet(w, 600, i, 3);
	KUNIT_EXPECT_EQ(test, wire_nr_coming(w), 0);
	KUNIT_EXPECT_EQ(test, wire_dropped(w, WIRE_RX), 0);
}

/* A back end that is full is left alone until it tells, and nothing is lost. */
static void net_waits_for_room(struct kunit *test)
{
	struct wire *w = net_open(test, 0);
	unsigned int i, tried;

	wire_make_room(w, 0);
	for (i = 0; i < 40; i++)
		wire_send(w, 60 + i, i);
	wire_expect_nothing(w, WIRE_TX);
	tried = READ_ONCE(w->sends);
	/* Once for each kick at most. */
	KUNIT_EXPECT_LE(test, tried, 40 + 1);
	msleep(100);
	KUNIT_EXPECT_EQ(test, READ_ONCE(w->sends), tried);
	for (i = 0; i < 40; i += 5) {
		wire_make_room(w, 5);
		KUNIT_ASSERT_TRUE(test, vh_until(wire_nr_sent(w) == i + 5));
	}
	wire_make_room(w, -1);
	for (i = 0; i < 40; i++) {
		wire_expect_sent(w, 60 + i, i);
		wire_expect_back(w, WIRE_TX, 0);
	}
	KUNIT_EXPECT_EQ(test, wire_dropped(w, WIRE_TX), 0);
}

/* A ring that stops has everything that was not sent or received in front of it. */
static void net_stops_with_packets_waiting(struct kunit *test)
{
	struct wire *w = net_open(test, MERGEABLE);
	unsigned int i;

	wire_make_room(w, 3);
	for (i = 0; i < 50; i++) {
		wire_send(w, 60 + i, i);
		wire_put(w, 300, i);
	}
	for (i = 0; i < 5; i++)
		wire_post(w, SIZE);
	KUNIT_ASSERT_TRUE(test, vh_until(wire_nr_sent(w) == 3 && wire_nr_coming(w) == 48));
	wire_stop(w);
	wire_make_room(w, -1);
	msleep(20);
	KUNIT_EXPECT_EQ(test, wire_nr_sent(w), 3);
	KUNIT_EXPECT_EQ(test, wire_nr_coming(w), 48);
	wire_join(w, WIRE_RX);
	wire_join(w, WIRE_TX);
	for (i = 0; i < 95; i++)
		wire_post(w, SIZE);
	for (i = 0; i < 50; i++) {
		wire_expect_sent(w, 60 + i, i);
		wire_expect_back(w, WIRE_TX, 0);
		wire_expect_packet(w, 300, i, 2);
	}
	KUNIT_EXPECT_EQ(test, wire_dropped(w, WIRE_RX) + wire_dropped(w, WIRE_TX), 0);
}

/* The back end goes while it is used, and comes back. */
static void net_back_end_goes_and_comes(struct kunit *test)
{
	struct wire *w = net_open(test, 0);
	unsigned int i, index;

	for (i = 0; i < 5; i++) {
		wire_send(w, 100, i);
		wire_expect_sent(w, 100, i);
		wire_expect_back(w, WIRE_TX, 0);
		for (index = WIRE_RX; index <= WIRE_TX; index++) {
			KUNIT_EXPECT_EQ(test, wire_attach(w, index, NULL), 0);
			KUNIT_EXPECT_EQ(test, w->rings[index].vq->state, VH_VQ_IDLE);
			wire_leave(w, index);
		}
		/* Nobody else holds it. */
		KUNIT_EXPECT_EQ(test, file_count(w->file), 1);
		wire_post(w, 2000);
		wire_put(w, 1000, i);
		wire_send(w, 200, i);
		wire_expect_nothing(w, WIRE_RX);
		KUNIT_EXPECT_EQ(test, wire_nr_sent(w), 0);
		wire_run(w);
		wire_expect_packet(w, 1000, i, 1);
		wire_expect_sent(w, 200, i);
		wire_expect_back(w, WIRE_TX, 0);
	}
}

/* A packet socket: the packet's length is that of the first one of its queue. */
static void net_packet_socket(struct kunit *test)
{
	struct wire *w = wire_open(test, BARE | MERGEABLE);
	unsigned int i;

	wire_as_packet_socket(w);
	wire_run(w);
	for (i = 0; i < 40; i++)
		wire_post(w, SIZE);
	wire_put(w, 60, 1);
	wire_put(w, 1514, 2);
	/* The tag would be lost. */
	wire_put_tagged(w, 200, 3);
	wire_put(w, 200, 4);
	wire_expect_packet(w, 60, 1, 1);
	wire_expect_packet(w, 1514, 2, 6);
	wire_expect_packet(w, 200, 4, 1);
	KUNIT_EXPECT_EQ(test, wire_dropped(w, WIRE_RX), 1);
}

static void net_limit(struct wire *w, const struct parley_limits *limits)
{
	struct parley_limit *l = w->rings[WIRE_RX].vq->limit;

	KUNIT_ASSERT_EQ(w->test, parley_limit_set(l, limits, ktime_get_ns()), 0);
}

/* Milliseconds until so many packets have come. */
static u64 net_takes(struct wire *w, unsigned int nr, u32 len, unsigned int buffers)
{
	u64 start = ktime_get_ns();
	unsigned int i;

	for (i = 0; i < nr * buffers; i++)
		wire_post(w, SIZE);
	for (i = 0; i < nr; i++)
		wire_put(w, len, i);
	for (i = 0; i < nr; i++)
		wire_expect_packet(w, len, i, buffers);
	return div_u64(ktime_get_ns() - start, NSEC_PER_MSEC);
}

/* A packet is one operation, whatever it takes, and costs its bytes without a header. */
static void net_limits_count_packets(struct kunit *test)
{
	const struct parley_limits none = {};
	const struct parley_limits ops = { .ops = { 10, 1 } };
	const struct parley_limits bytes = { .bytes = { 10000, 1000 } };
	struct wire *w = net_open(test, MERGEABLE);
	u64 took;

	net_limit(w, &ops);
	took = net_takes(w, 10, 600, 3);
	KUNIT_EXPECT_GE(test, took, 850);
	/* Three for each would be three seconds. */
	KUNIT_EXPECT_LE(test, took, 2000);
	/* What came is charged when a turn is over; whoever is next waits for it. */
	net_limit(w, &bytes);
	took = net_takes(w, 10, 1000, 4) + net_takes(w, 1, 1000, 4);
	KUNIT_EXPECT_GE(test, took, 850);
	KUNIT_EXPECT_LE(test, took, 2000);
	net_limit(w, &none);
	KUNIT_EXPECT_LE(test, net_takes(w, 10, 1000, 4), 500);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(net_sends, net_shape_gen_params),
	KUNIT_CASE_PARAM(net_receives, net_shape_gen_params),
	KUNIT_CASE_PARAM(net_merges, net_shape_gen_params),
	KUNIT_CASE_PARAM(net_merges_no_more, net_shape_gen_params),
	KUNIT_CASE_PARAM(net_pieces, net_shape_gen_params),
	KUNIT_CASE_PARAM(net_waits_for_buffers, net_shape_gen_params),
	KUNIT_CASE_PARAM(net_waits_for_room, net_shape_gen_params),
	KUNIT_CASE_PARAM(net_stops_with_packets_waiting, net_shape_gen_params),
	KUNIT_CASE_PARAM(net_back_end_goes_and_comes, net_shape_gen_params),
	KUNIT_CASE(net_packet_socket),
	KUNIT_CASE_PARAM(net_limits_count_packets, net_shape_gen_params),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_vhost_net",
	.test_cases = cases,
};

kunit_test_suite(suite);

PARLEY_IMPORT;
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Parley KUnit suites: vhost net");
MODULE_LICENSE("GPL");
