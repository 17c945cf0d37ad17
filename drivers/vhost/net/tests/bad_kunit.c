// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost net against a hostile driver, a broken back end and a careless VMM.
 * bad_NN_: see Documentation/testing.rst.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include "wire.h"

#define MERGEABLE	BIT_ULL(VIRTIO_NET_F_MRG_RXBUF)
#define EVENT		BIT_ULL(VIRTIO_RING_F_EVENT_IDX)
#define PACKED		BIT_ULL(VIRTIO_F_RING_PACKED)

struct bad_shape {
	const char *name;
	u64 features;
};

static const struct bad_shape bad_shapes[] = {
	{ "split", 0 },
	{ "split bare", BIT_ULL(VHOST_NET_F_VIRTIO_NET_HDR) },
	{ "packed event", PACKED | EVENT },
};

static void bad_shape_desc(const struct bad_shape *s, char *desc)
{
	strscpy(desc, s->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(bad_shape, bad_shapes, bad_shape_desc);

static struct wire *bad_open(struct kunit *test)
{
	const struct bad_shape *shape = test->param_value;
	struct wire *w = wire_open(test, MERGEABLE | (shape ? shape->features : 0));

	wire_run(w);
	return w;
}

/* Both rings are as good as new. */
static void bad_expect_sound(struct wire *w)
{
	wire_send(w, 1514, 77);
	wire_expect_sent(w, 1514, 77);
	wire_expect_back(w, WIRE_TX, 0);
	wire_post(w, 2000);
	wire_put(w, 1514, 78);
	wire_expect_packet(w, 1514, 78, 1);
	KUNIT_EXPECT_EQ(w->test, w->rings[WIRE_RX].vq->state, VH_VQ_RUNNING);
	KUNIT_EXPECT_EQ(w->test, w->rings[WIRE_TX].vq->state, VH_VQ_RUNNING);
}

/* One that is sent, comes back, and is not there. */
static void bad_expect_dropped(struct wire *w, const u32 *out, unsigned int n_out,
			       const u32 *in, unsigned int n_in)
{
	u64 dropped = wire_dropped(w, WIRE_TX);

	wire_chain(w, WIRE_TX, out, n_out, in, n_in, 0);
	wire_expect_back(w, WIRE_TX, 0);
	KUNIT_EXPECT_EQ(w->test, wire_dropped(w, WIRE_TX), dropped + 1);
	KUNIT_EXPECT_EQ(w->test, wire_nr_sent(w), 0);
}

/* Sent: what is longer than any packet is; the longest one is sent. */
static void bad_03_a_packet_that_is_too_long(struct kunit *test)
{
	struct wire *w = bad_open(test);
	u32 pieces[VHN_PIECES], len;

	len = VHN_HDR + VHN_PACKET + 1;
	bad_expect_dropped(w, &len, 1, NULL, 0);
	len = SZ_1M;
	bad_expect_dropped(w, &len, 1, NULL, 0);
	memset32(pieces, SZ_16K, ARRAY_SIZE(pieces));
	bad_expect_dropped(w, pieces, ARRAY_SIZE(pieces), NULL, 0);
	wire_send(w, VHN_PACKET, 5);
	wire_expect_sent(w, VHN_PACKET, 5);
	wire_expect_back(w, WIRE_TX, 0);
	bad_expect_sound(w);
}

/* Received: it is as long as it was said to be, or it is lost, and the buffers stay. */
static void bad_03_a_packet_that_is_longer_than_it_was(struct kunit *test)
{
	struct wire *w = bad_open(test);
	static const int more[] = { 1, -1, 1000, -20, 65536 };
	unsigned int i;

	wire_post(w, 2000);
	for (i = 0; i < ARRAY_SIZE(more); i++) {
		w->more = more[i];
		wire_put(w, 100, i);
		KUNIT_EXPECT_TRUE(test, vh_until(wire_dropped(w, WIRE_RX) == i + 1));
	}
	w->more = 0;
	wire_put(w, 100, 99);
	wire_expect_packet(w, 100, 99, 1);
	bad_expect_sound(w);
}

/* The buffers of one that was lost are filled next, so the ring can stop at any time. */
static void bad_14_buffers_go_back_in_their_order(struct kunit *test)
{
	struct wire *w = bad_open(test);
	unsigned int i;

	for (i = 0; i < 10; i++) {
		w->more = i % 3 ? 0 : 7;
		wire_put(w, 600, i);
	}
	for (i = 0; i < 6 * 3; i++)
		wire_post(w, 256);
	for (i = 0; i < 10; i++)
		if (i % 3)
			wire_expect_packet(w, 600, i, 3);
	/* The last one waits for buffers, to be lost as well. */
	KUNIT_EXPECT_EQ(test, wire_dropped(w, WIRE_RX), 3);
	/* And one more, with buffers behind it. */
	for (i = 0; i < 6; i++)
		wire_post(w, 256);
	w->more = 7;
	wire_put(w, 600, 1);
	KUNIT_EXPECT_TRUE(test, vh_until(wire_dropped(w, WIRE_RX) == 5));
	wire_leave(w, WIRE_RX);
	wire_join(w, WIRE_RX);
	w->more = 0;
	wire_put(w, 600, 2);
	wire_put(w, 600, 3);
	wire_expect_packet(w, 600, 2, 3);
	wire_expect_packet(w, 600, 3, 3);
	bad_expect_sound(w);
}

/* What sending or receiving says is not taken for a number of bytes. */
static void bad_04_errors_of_the_back_end(struct kunit *test)
{
	struct wire *w = bad_open(test);
	static const int errors[] = { -EIO, -EFAULT, -EINVAL, -ENOBUFS, -EBADFD, -EMSGSIZE };
	u32 len = VHN_HDR + 60;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		w->err = errors[i];
		bad_expect_dropped(w, &len, 1, NULL, 0);
	}
	w->err = 0;
	wire_post(w, 2000);
	w->wrong = true;
	for (i = 0; i < 5; i++)
		wire_put(w, 100, i);
	KUNIT_EXPECT_TRUE(test, vh_until(wire_dropped(w, WIRE_RX) == 5));
	w->wrong = false;
	wire_put(w, 100, 99);
	wire_expect_packet(w, 100, 99, 1);
	bad_expect_sound(w);
}

/* More packets that nothing can hold than a round has turns. */
static void bad_06_packets_that_fit_nowhere(struct kunit *test)
{
	struct wire *w = bad_open(test);
	unsigned int i;

	for (i = 0; i < VHN_RX_BUFFERS; i++)
		wire_post(w, VHN_HDR);
	for (i = 0; i < 600; i++)
		wire_put(w, VHN_RX_BUFFERS * VHN_HDR, i);
	KUNIT_EXPECT_TRUE(test, vh_until(wire_dropped(w, WIRE_RX) == 600));
	wire_put(w, 5, 99);
	wire_expect_packet(w, 5, 99, 2);
	KUNIT_EXPECT_EQ(test, wire_dropped(w, WIRE_RX), 600);
}

/* Nothing, or nothing but a header. */
static void bad_38_chains_shorter_than_their_header(struct kunit *test)
{
	struct wire *w = bad_open(test);
	u32 pieces[2], len;

	for (len = 1; len <= VHN_HDR; len++) {
		bad_expect_dropped(w, &len, 1, NULL, 0);
		pieces[0] = len / 2;
		pieces[1] = len - len / 2;
		if (pieces[0])
			bad_expect_dropped(w, pieces, 2, NULL, 0);
	}
	bad_expect_sound(w);
}

/* A header, and the shortest packet, a byte each: that is allowed. */
static void bad_38_a_header_in_pieces(struct kunit *test)
{
	struct wire *w = bad_open(test);
	u32 pieces[VHN_HDR + 1];

	memset32(pieces, 1, ARRAY_SIZE(pieces));
	wire_chain(w, WIRE_TX, pieces, ARRAY_SIZE(pieces), NULL, 0, 9);
	wire_expect_sent(w, 1, 9);
	wire_expect_back(w, WIRE_TX, 0);
	wire_chain(w, WIRE_RX, NULL, 0, pieces, ARRAY_SIZE(pieces), 0);
	wire_put(w, 1, 10);
	wire_expect_packet(w, 1, 10, 1);
	bad_expect_sound(w);
}

/* Who sends wants nothing written, and who receives nothing read. */
static void bad_37_descriptors_of_the_wrong_direction(struct kunit *test)
{
	struct wire *w = bad_open(test);
	u32 hdr = VHN_HDR + 60, len = 100;

	bad_expect_dropped(w, &hdr, 1, &len, 1);
	bad_expect_dropped(w, NULL, 0, &len, 1);
	bad_expect_sound(w);
	wire_chain(w, WIRE_RX, &hdr, 1, &len, 1, 0);
	wire_put(w, 20, 1);
	KUNIT_EXPECT_TRUE(test, vh_until(wire_dropped(w, WIRE_RX) == 1));
	wire_expect_nothing(w, WIRE_RX);
	KUNIT_EXPECT_EQ(test, w->rings[WIRE_RX].vq->state, VH_VQ_RUNNING);
}

/* A buffer into which no header goes is in nobody's way but its owner's. */
static void bad_45_buffers_shorter_than_the_header(struct kunit *test)
{
	struct wire *w = bad_open(test);
	unsigned int i;

	for (i = 0; i < 10; i++)
		wire_post(w, VHN_HDR - 1);
	for (i = 0; i < 10; i++)
		wire_put(w, 60, i);
	KUNIT_EXPECT_TRUE(test, vh_until(wire_dropped(w, WIRE_RX) == 10));
	wire_expect_nothing(w, WIRE_RX);
	KUNIT_EXPECT_EQ(test, w->rings[WIRE_RX].vq->state, VH_VQ_RUNNING);
	wire_send(w, 60, 1);
	wire_expect_sent(w, 60, 1);
	wire_expect_back(w, WIRE_TX, 0);
}

/* All buffers of a packet have so many pieces together, and no more. */
static void bad_46_too_many_pieces(struct kunit *test)
{
	struct wire *w = wire_open(test, MERGEABLE | BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC));
	u32 pieces[VHN_PIECES], all = VHN_HDR + ARRAY_SIZE(pieces) - 1;
	unsigned int i, most = VHN_RX_PIECES / VHN_PIECES;

	wire_run(w);
	pieces[0] = VHN_HDR;
	memset32(pieces + 1, 1, ARRAY_SIZE(pieces) - 1);
	for (i = 0; i < 2 * most + 1; i++)
		wire_chain(w, WIRE_RX, NULL, 0, pieces, ARRAY_SIZE(pieces), 0);
	wire_put(w, most * all - VHN_HDR, 1);
	wire_expect_packet(w, most * all - VHN_HDR, 1, most);
	KUNIT_EXPECT_EQ(test, wire_dropped(w, WIRE_RX), 0);
	wire_put(w, most * all - VHN_HDR + 1, 2);
	KUNIT_EXPECT_TRUE(test, vh_until(wire_dropped(w, WIRE_RX) == 1));
	wire_put(w, 60, 3);
	wire_expect_packet(w, 60, 3, 1);
	KUNIT_EXPECT_EQ(test, w->rings[WIRE_RX].vq->state, VH_VQ_RUNNING);
}

static const struct file_operations bad_fops = { .owner = THIS_MODULE };

static void bad_11_files_that_are_no_back_end(struct kunit *test)
{
	struct wire *w = bad_open(test);
	struct file *file;

	file = anon_inode_getfile("parley-bad", &bad_fops, NULL, O_RDWR);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	KUNIT_EXPECT_EQ(test, wire_attach(w, WIRE_TX, file), -ENOTSOCK);
	__fput_sync(file);
	/* A socket, and even one for packets, but of another type, or family. */
	w->sock->sk->sk_type = SOCK_DGRAM;
	KUNIT_EXPECT_EQ(test, wire_attach(w, WIRE_TX, w->file), -ENOTSOCK);
	w->sock->sk->sk_type = SOCK_RAW;
	w->sock->sk->sk_family = AF_INET;
	KUNIT_EXPECT_EQ(test, wire_attach(w, WIRE_TX, w->file), -ENOTSOCK);
	w->sock->sk->sk_family = AF_PACKET;
	KUNIT_EXPECT_EQ(test, wire_attach(w, VHN_USUAL_QUEUES, w->file), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, wire_attach(w, U32_MAX, NULL), -ENOBUFS);
	/* The rings have not noticed. */
	bad_expect_sound(w);
}

static void bad_a_ring_without_a_back_end(struct kunit *test)
{
	struct wire *w = wire_open(test, 0);
	struct wire_ring *r = &w->rings[WIRE_RX];
	struct parley_vhost_ring ring = { .vq = r->dev };

	KUNIT_EXPECT_EQ(test, parley_vhost_vq_join(r->vq, &ring), -ENODEV);
	wire_run(w);
	wire_post(w, 2000);
	wire_put(w, 1514, 1);
	wire_expect_packet(w, 1514, 1, 1);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(bad_03_a_packet_that_is_too_long, bad_shape_gen_params),
	KUNIT_CASE_PARAM(bad_03_a_packet_that_is_longer_than_it_was, bad_shape_gen_params),
	KUNIT_CASE_PARAM(bad_04_errors_of_the_back_end, bad_shape_gen_params),
	KUNIT_CASE_PARAM(bad_06_packets_that_fit_nowhere, bad_shape_gen_params),
	KUNIT_CASE(bad_11_files_that_are_no_back_end),
	KUNIT_CASE_PARAM(bad_14_buffers_go_back_in_their_order, bad_shape_gen_params),
	KUNIT_CASE_PARAM(bad_37_descriptors_of_the_wrong_direction, bad_shape_gen_params),
	KUNIT_CASE_PARAM(bad_38_chains_shorter_than_their_header, bad_shape_gen_params),
	KUNIT_CASE_PARAM(bad_38_a_header_in_pieces, bad_shape_gen_params),
	KUNIT_CASE_PARAM(bad_45_buffers_shorter_than_the_header, bad_shape_gen_params),
	KUNIT_CASE(bad_46_too_many_pieces),
	KUNIT_CASE(bad_a_ring_without_a_back_end),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_vhost_net_bad",
	.test_cases = cases,
};

kunit_test_suite(suite);
