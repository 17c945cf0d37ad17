// SPDX-License-Identifier: GPL-2.0-only
/* Rings whose back end begins: a network device's, over lent rings of each kind. */
#include <linux/kthread.h>
#include <net/sock.h>
#include <parley/compat.h>
#include "../devq.h"
#include "../req.h"
#include "../serve.h"
#include "net.h"

struct pull_shape {
	const char *name;
	u64 features;
};

static const struct pull_shape pull_shapes[] = {
	{ "split", 0 },
	{ "split event", TOY_EVENT },
	{ "split event in order", TOY_EVENT | TOY_IN_ORDER },
	{ "packed", TOY_PACKED },
	{ "packed event", TOY_PACKED | TOY_EVENT },
	{ "packed event in order", TOY_PACKED | TOY_EVENT | TOY_IN_ORDER },
};

static void pull_shape_desc(const struct pull_shape *s, char *desc)
{
	strscpy(desc, s->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(pull_shape, pull_shapes, pull_shape_desc);

static u64 pull_features(struct kunit *test)
{
	return ((const struct pull_shape *)test->param_value)->features;
}

#define SIZE	128u			/* bytes of a buffer */

/* Lets work() go on, a little later. */
struct nic_later {
	struct work_struct work;
	struct nic *net;
};

static void packet_make(u8 *packet, unsigned int len, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < len; i++)
		packet[i] = nr + i * 7;
}

/* The next one that arrives is this one. */
static void packet_expect(struct net_ring *rx, unsigned int len, unsigned int nr)
{
	u8 *got = kunit_kzalloc(rx->r.test, 2 * NET_PACKET, GFP_KERNEL);
	u8 *want = got + NET_PACKET;

	KUNIT_ASSERT_NOT_NULL(rx->r.test, got);
	packet_make(want, len, nr);
	KUNIT_ASSERT_EQ(rx->r.test, net_receive(rx, got), len);
	KUNIT_EXPECT_EQ(rx->r.test, memcmp(got, want, len), 0);
	kunit_kfree(rx->r.test, got);
}

static void packet_put(struct nic *net, unsigned int len, unsigned int nr)
{
	u8 *packet = kunit_kzalloc(net->test, NET_PACKET, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(net->test, packet);
	packet_make(packet, len, nr);
	net_wire_put(net, packet, len);
	kunit_kfree(net->test, packet);
}

/* Nothing is with the device any more, and both ends of the ring agree. */
static void ring_expect_even(struct net_ring *g)
{
	KUNIT_EXPECT_EQ(g->r.test, vh_vq_in_flight(g->r.vq), 0);
	KUNIT_EXPECT_EQ(g->r.test, parley_devq_in_flight(g->r.dev), 0);
	KUNIT_EXPECT_EQ(g->r.test, g->r.vq->stats.errors, 0);
	KUNIT_EXPECT_FALSE(g->r.test, parley_drvq_pending(g->r.drv));
	KUNIT_EXPECT_TRUE(g->r.test, list_empty(&g->r.vq->pulled));
}

/* Sent and received again, in one buffer or several: contents, order and counts. */
static void pull_echo(struct kunit *test)
{
	struct nic *net = net_open(test);
	struct net_ring *rx = net_ring_open(net, NET_RX, pull_features(test), 64, SIZE);
	struct net_ring *tx = net_ring_open(net, NET_TX, pull_features(test), 64,
					    NET_HDR + NET_PACKET);
	u8 *packet = kunit_kzalloc(test, NET_PACKET, GFP_KERNEL);
	unsigned int i, n, len[4], most = NET_BUFFERS * SIZE - NET_HDR;

	KUNIT_ASSERT_NOT_NULL(test, packet);
	net->echo = true;
	for (i = 0; i < 200; i += n) {
		n = 1 + get_random_u32_below(ARRAY_SIZE(len));
		net_post(rx, rx->nr_free);
		for (unsigned int k = 0; k < n; k++) {
			len[k] = 1 + get_random_u32_below(most);
			packet_make(packet, len[k], i + k);
			net_send(tx, packet, len[k]);
		}
		for (unsigned int k = 0; k < n; k++)
			packet_expect(rx, len[k], i + k);
		KUNIT_ASSERT_TRUE(test, vh_until((net_sent(tx), tx->r.reaped == tx->r.put)));
	}
	KUNIT_EXPECT_EQ(test, net->dropped, 0);
	KUNIT_ASSERT_TRUE(test, net_rests(net));
	toy_ring_leave(&rx->r);
	toy_ring_leave(&tx->r);
	ring_expect_even(rx);
	ring_expect_even(tx);
	KUNIT_EXPECT_EQ(test, rx->r.vq->stats.requests, rx->r.reaped);
}

/*
 * A packet waits for as many buffers as it needs, and each that comes too early is
 * looked at once; nobody spins meanwhile.
 */
static void pull_waits_for_buffers(struct kunit *test)
{
	struct nic *net = net_open(test);
	struct net_ring *rx = net_ring_open(net, NET_RX, pull_features(test), 16, SIZE);
	unsigned int i, works;

	packet_put(net, 3 * SIZE, 1);	/* and a header: four */
	packet_put(net, 5, 2);
	KUNIT_ASSERT_TRUE(test, vh_until(vh_pull_hungry(rx->r.vq)));
	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_TRUE(test, net_rests(net));
		KUNIT_EXPECT_TRUE(test, net_post(rx, 1));
		KUNIT_ASSERT_TRUE(test, net_rests(net));
		works = READ_ONCE(net->works);
		msleep(20);
		KUNIT_EXPECT_EQ(test, READ_ONCE(net->works), works);
		KUNIT_EXPECT_FALSE(test, parley_drvq_pending(rx->r.drv));
		KUNIT_EXPECT_EQ(test, vh_vq_in_flight(rx->r.vq), i + 1);
	}
	KUNIT_EXPECT_TRUE(test, net_post(rx, 1));
	packet_expect(rx, 3 * SIZE, 1);
	KUNIT_ASSERT_TRUE(test, net_rests(net));
	KUNIT_EXPECT_TRUE(test, net_post(rx, 1));
	packet_expect(rx, 5, 2);
	/* With nothing to deliver, nothing is kept. */
	KUNIT_ASSERT_TRUE(test, net_rests(net));
	net_post(rx, 4);
	KUNIT_ASSERT_TRUE(test, net_rests(net));
	KUNIT_EXPECT_EQ(test, vh_vq_in_flight(rx->r.vq), 0);
	toy_ring_leave(&rx->r);
	ring_expect_even(rx);
}

/* A ring that waits with some buffers stops, and has them when it starts again. */
static void pull_hungry_stops(struct kunit *test)
{
	struct nic *net = net_open(test);
	struct net_ring *rx = net_ring_open(net, NET_RX, pull_features(test), 16, SIZE);

	packet_put(net, 3 * SIZE, 1);
	net_post(rx, 3);
	KUNIT_ASSERT_TRUE(test, vh_until(vh_vq_in_flight(rx->r.vq) == 3));
	toy_ring_leave(&rx->r);
	ring_expect_even(rx);
	toy_ring_join(&rx->r);
	KUNIT_ASSERT_TRUE(test, vh_until(vh_vq_in_flight(rx->r.vq) == 3));
	net_post(rx, 1);
	packet_expect(rx, 3 * SIZE, 1);
	toy_ring_leave(&rx->r);
	ring_expect_even(rx);
}

/* What no number of buffers holds is said so, and does not stay in the way. */
static void bad_20_too_large(struct kunit *test)
{
	struct nic *net = net_open(test);
	/* Of four descriptors: the whole ring. */
	struct net_ring *rx = net_ring_open(net, NET_RX, pull_features(test), 4, SIZE);
	unsigned int all = 4 * SIZE - NET_HDR;

	packet_put(net, all + 1, 1);
	packet_put(net, all, 2);
	KUNIT_ASSERT_TRUE(test, net_rests(net));
	net_post(rx, 3);
	KUNIT_ASSERT_TRUE(test, net_rests(net));
	KUNIT_EXPECT_EQ(test, net->dropped, 0);
	net_post(rx, 1);
	packet_expect(rx, all, 2);
	KUNIT_EXPECT_EQ(test, net->dropped, 1);
	toy_ring_leave(&rx->r);
	net_ring_close(rx);

	/* As many as the accelerator asks for. */
	rx = net_ring_open(net, NET_RX, pull_features(test), 16, 32);
	all = NET_BUFFERS * 32 - NET_HDR;
	packet_put(net, all + 1, 1);
	packet_put(net, all, 2);
	net_post(rx, 16);
	packet_expect(rx, all, 2);
	KUNIT_EXPECT_EQ(test, net->dropped, 2);
	toy_ring_leave(&rx->r);
	ring_expect_even(rx);
}

/*
 * Buffers that the accelerator has for long: of six, the first two are filled.  A stop
 * publishes these, and the others are as if they had never been taken.
 */
static void pull_stop_leaves_no_entry(struct kunit *test)
{
	struct nic *net = net_open(test);
	struct net_ring *rx = net_ring_open(net, NET_RX, pull_features(test), 8, SIZE);
	struct parley_done done[8];
	unsigned int i;

	net_post(rx, 8);
	net_keep(net, 6);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(net->nr_kept) == 6));
	net_fill(net, 0, 0x11);
	net_fill(net, 0, 0x22);
	toy_ring_leave(&rx->r);
	KUNIT_EXPECT_EQ(test, net->nr_kept, 0);
	KUNIT_ASSERT_EQ(test, parley_drvq_reap(rx->r.drv, done, 8), 2);
	ring_expect_even(rx);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, done[i].len, NET_HDR + 1);
		KUNIT_EXPECT_EQ(test, ((u8 *)done[i].cookie)[NET_HDR], 0x11 * (i + 1));
	}
	/* The other six are there, and in their order. */
	toy_ring_join(&rx->r);
	packet_put(net, 6 * SIZE - NET_HDR, 3);
	packet_expect(rx, 6 * SIZE - NET_HDR, 3);
	toy_ring_leave(&rx->r);
	ring_expect_even(rx);
}

static void pull_go_later(struct work_struct *work)
{
	msleep(100);
	complete_all(&container_of(work, struct nic_later, work)->net->go);
}

/* Who stops the ring comes while work() has buffers, and is in there for long. */
static void pull_stop_while_at_work(struct kunit *test)
{
	struct nic *net = net_open(test);
	struct net_ring *rx = net_ring_open(net, NET_RX, pull_features(test), 8, SIZE);
	struct nic_later later = { .net = net };

	net_post(rx, 8);
	net->stays = true;
	net_keep(net, 3);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(net->nr_kept) == 3));
	INIT_WORK_ONSTACK(&later.work, pull_go_later);
	queue_work(system_dfl_wq, &later.work);
	toy_ring_leave(&rx->r);
	flush_work(&later.work);
	destroy_work_on_stack(&later.work);
	KUNIT_EXPECT_EQ(test, net->nr_kept, 0);
	ring_expect_even(rx);
}

static bool pull_none_awaited(const struct parley_vhost_vq *vq, const void *arg)
{
	return !vq->nr_awaited;
}

static void pull_go_once(struct work_struct *work)
{
	msleep(100);
	complete(&container_of(work, struct nic_later, work)->net->go);
}

/*
 * Who waits for buffers of a ring that goes on, whose worker is in work() all the time
 * but for moments: he has them, though he need not see one of these.
 */
static void pull_awaited_while_at_work(struct kunit *test)
{
	struct nic *net = net_open(test);
	struct net_ring *rx = net_ring_open(net, NET_RX, pull_features(test), 8, SIZE);
	struct nic_later later = { .net = net };
	struct parley_vhost_vq *vq = rx->r.vq;

	net_post(rx, 8);
	net->stays = true;
	net->keep = 3;
	packet_put(net, 9, 1);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(net->nr_kept) == 3));
	scoped_guard(mutex, &vq->mutex)
		vh_reqs_await(vq, 0, U64_MAX);
	KUNIT_EXPECT_EQ(test, vq->nr_awaited, 3);
	INIT_WORK_ONSTACK(&later.work, pull_go_once);
	queue_work(system_dfl_wq, &later.work);
	KUNIT_EXPECT_EQ(test, vh_vq_wait(vq, pull_none_awaited, NULL, true), 0);
	flush_work(&later.work);
	destroy_work_on_stack(&later.work);
	KUNIT_EXPECT_EQ(test, net->nr_kept, 0);
	complete_all(&net->go);
	packet_expect(rx, 9, 1);
	toy_ring_leave(&rx->r);
	ring_expect_even(rx);
}

/* An earlier buffer that is never filled leaves the ring without a base. */
static void pull_out_of_order_breaks(struct kunit *test)
{
	struct nic *net = net_open(test);
	struct net_ring *rx = net_ring_open(net, NET_RX, pull_features(test), 8, SIZE);

	net_post(rx, 3);
	net_keep(net, 3);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(net->nr_kept) == 3));
	net_fill(net, 1, 0x11);
	KUNIT_ASSERT_TRUE(test, vh_until(vh_vq_in_flight(rx->r.vq) == 2));
	toy_ring_leave(&rx->r);
	KUNIT_EXPECT_TRUE(test, parley_devq_broken(rx->r.dev));
	KUNIT_EXPECT_EQ(test, rx->r.vq->stats.errors, 1);
	KUNIT_EXPECT_EQ(test, vh_vq_in_flight(rx->r.vq), 0);
}

/* A ring that breaks has buffers out: none is told of, and all come back. */
static void bad_13_pulled(struct kunit *test)
{
	struct nic *net = net_open(test);
	struct net_ring *rx = net_ring_open(net, NET_RX, pull_features(test), 16, SIZE);
	struct parley_done done;

	net_post(rx, 5);
	net_keep(net, 5);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(net->nr_kept) == 5));
	KUNIT_ASSERT_TRUE(test, net_rests(net));
	scoped_guard(mutex, &rx->r.vq->mutex)
		vh_vq_break(rx->r.vq, "a test");
	net_fill(net, 0, 0x11);
	KUNIT_EXPECT_TRUE(test, vh_until(vh_vq_in_flight(rx->r.vq) == 4));
	toy_ring_leave(&rx->r);
	KUNIT_EXPECT_EQ(test, vh_vq_in_flight(rx->r.vq), 0);
	KUNIT_EXPECT_EQ(test, net->nr_kept, 0);
	KUNIT_EXPECT_EQ(test, parley_drvq_reap(rx->r.drv, &done, 1), 0);
}

/* What needs more requests than are left waits for those that are out, and spins not. */
static void pull_waits_for_requests(struct kunit *test)
{
	struct nic *net = net_open(test);
	struct net_ring *rx = net_ring_open(net, NET_RX, pull_features(test), 64, SIZE);
	u64 rounds;

	net_post(rx, 64);
	net->keep = NET_IN_FLIGHT - 2;
	packet_put(net, 3 * SIZE - NET_HDR, 1);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(net->nr_kept) == NET_IN_FLIGHT - 2));
	KUNIT_ASSERT_TRUE(test, net_rests(net));
	rounds = net_worker(net)->stats.rounds;
	msleep(20);
	KUNIT_EXPECT_EQ(test, net_worker(net)->stats.rounds, rounds);
	KUNIT_EXPECT_EQ(test, rx->r.vq->stats.requests, 0);
	net_fill(net, 0, 0x11);
	KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(rx->r.vq->stats.requests) == 4));
	while (net->nr_kept)
		net_fill(net, 0, 0x22);
	toy_ring_leave(&rx->r);
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(rx->r.dev), 0);
	KUNIT_EXPECT_EQ(test, rx->r.vq->stats.errors, 0);
}

/* However many buffers there are, so many are out at a time. */
static void bad_20_pulled(struct kunit *test)
{
	struct nic *net = net_open(test);
	struct net_ring *rx = net_ring_open(net, NET_RX, pull_features(test), 64, SIZE);
	unsigned int i;

	net_post(rx, 64);
	net_keep(net, 40);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(net->nr_kept) == NET_IN_FLIGHT));
	KUNIT_ASSERT_TRUE(test, net_rests(net));
	KUNIT_EXPECT_EQ(test, net->nr_kept, NET_IN_FLIGHT);
	/* Each that ends makes room for one. */
	for (i = 0; i < 8; i++) {
		net_fill(net, 0, i);
		KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(net->nr_kept) ==
						 NET_IN_FLIGHT));
	}
	KUNIT_EXPECT_EQ(test, net->keep, 0);
	toy_ring_leave(&rx->r);
	KUNIT_EXPECT_EQ(test, vh_vq_in_flight(rx->r.vq), 0);
	KUNIT_EXPECT_EQ(test, rx->r.vq->stats.requests, 8);
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(rx->r.dev), 0);
}

/* ------------------------------------------------------------ back pressure */

/* The wire is full: the ring waits for it with nothing in flight, and goes on. */
static void pull_wire_is_full(struct kunit *test)
{
	struct nic *net = net_open(test);
	struct net_ring *tx = net_ring_open(net, NET_TX, pull_features(test), 64, 256);
	struct vh_worker *w = net_worker(net);
	unsigned int i, got = 0;
	u64 rounds;
	u8 buf[8];

	WRITE_ONCE(net->ours->sk->sk_sndbuf, 8192);
	for (i = 0; i < 60; i++) {
		memset(buf, i, sizeof(buf));
		net_send(tx, buf, sizeof(buf));
	}
	KUNIT_ASSERT_TRUE(test, net_rests(net));
	net_sent(tx);
	KUNIT_EXPECT_GT(test, tx->r.reaped, 0);
	KUNIT_ASSERT_LT(test, tx->r.reaped, 60);
	KUNIT_EXPECT_EQ(test, vh_vq_in_flight(tx->r.vq), 0);
	rounds = w->stats.rounds;
	msleep(20);
	KUNIT_EXPECT_EQ(test, w->stats.rounds, rounds);
	while (got < 60) {
		KUNIT_ASSERT_TRUE(test, vh_until(net_wire_get(net, buf, 8) == 8));
		KUNIT_EXPECT_EQ(test, buf[0], got++);
	}
	KUNIT_EXPECT_TRUE(test, vh_until((net_sent(tx), tx->r.reaped == 60)));
	toy_ring_leave(&tx->r);
	ring_expect_even(tx);
}

/* The other end is closed: said once, and nobody spins. */
static void pull_wire_is_cut(struct kunit *test)
{
	struct nic *net = net_open(test);
	struct net_ring *rx = net_ring_open(net, NET_RX, pull_features(test), 16, SIZE);
	unsigned int works;

	packet_put(net, 9, 1);
	sock_release(net->theirs);
	net->theirs = NULL;
	/* What was on its way arrives. */
	net_post(rx, 4);
	packet_expect(rx, 9, 1);
	KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(net->ended)));
	KUNIT_ASSERT_TRUE(test, net_rests(net));
	KUNIT_EXPECT_PTR_EQ(test, rx->r.vq->watch.file, NULL);
	works = READ_ONCE(net->works);
	msleep(20);
	KUNIT_EXPECT_EQ(test, READ_ONCE(net->works), works);
	toy_ring_leave(&rx->r);
	ring_expect_even(rx);
}

/* ----------------------------------------------------------------- as one */

#define GROUP	3u

static int as_one_thread(void *toy)
{
	while (!kthread_should_stop())
		if (!toy_release_as_one(toy, GROUP))
			cond_resched();
	return 0;
}

static void as_one_stop(void *thread)
{
	kthread_stop(thread);
}

/* All of them, in whole groups; false if they do not come. */
static bool as_one_reap(struct kunit *test, struct toy_ring *r, unsigned int nr)
{
	unsigned long end = jiffies + 10 * HZ;
	struct parley_done done[16 * GROUP];
	unsigned int i, n, all;

	for (all = 0; all < nr; all += n) {
		n = parley_drvq_reap(r->drv, done, ARRAY_SIZE(done));
		KUNIT_EXPECT_EQ(test, n % GROUP, 0);
		for (i = 0; i < n; i++)
			r->free[r->nr_free++] = ((__le64 *)done[i].cookie - r->slots[0]) / 2;
		if (time_after(jiffies, end))
			return false;
		cond_resched();
	}
	return all == nr;
}

/*
 * Groups end in another thread while the worker reaps and the driver looks all the
 * time: it finds whole groups.
 */
static void done_as_one(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, pull_features(test), 128);
	struct task_struct *thread;
	unsigned int i, publishes;

	toy->mode = TOY_HOLD;
	thread = kthread_run(as_one_thread, toy, "as-one");
	KUNIT_ASSERT_FALSE(test, IS_ERR(thread));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, as_one_stop, thread), 0);
	for (i = 0; i < 100; i++) {
		toy_send(r, 16 * GROUP);
		KUNIT_ASSERT_TRUE(test, as_one_reap(test, r, 16 * GROUP));
	}
	kunit_release_action(test, as_one_stop, thread);
	/* And one group is one step of publication. */
	toy_send(r, 12);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(toy->nr_held) == 12));
	publishes = parley_devq_stats(r->dev)->publishes;
	KUNIT_EXPECT_EQ(test, toy_release_as_one(toy, 12), 12);
	KUNIT_EXPECT_TRUE(test, vh_until(vh_vq_in_flight(r->vq) == 0));
	/* They are free before they are published, under the mutex. */
	scoped_guard(mutex, &r->vq->mutex)
		publishes = parley_devq_stats(r->dev)->publishes - publishes;
	KUNIT_EXPECT_EQ(test, publishes, 1);
	KUNIT_EXPECT_TRUE(test, as_one_reap(test, r, 12));
}

static struct kunit_case pull_cases[] = {
	KUNIT_CASE_PARAM(pull_echo, pull_shape_gen_params),
	KUNIT_CASE_PARAM(pull_waits_for_buffers, pull_shape_gen_params),
	KUNIT_CASE_PARAM(pull_hungry_stops, pull_shape_gen_params),
	KUNIT_CASE_PARAM(bad_20_too_large, pull_shape_gen_params),
	KUNIT_CASE_PARAM(pull_stop_leaves_no_entry, pull_shape_gen_params),
	KUNIT_CASE_PARAM(pull_stop_while_at_work, pull_shape_gen_params),
	KUNIT_CASE_PARAM(pull_awaited_while_at_work, pull_shape_gen_params),
	KUNIT_CASE_PARAM(pull_out_of_order_breaks, pull_shape_gen_params),
	KUNIT_CASE_PARAM(bad_13_pulled, pull_shape_gen_params),
	KUNIT_CASE_PARAM(bad_20_pulled, pull_shape_gen_params),
	KUNIT_CASE_PARAM(pull_waits_for_requests, pull_shape_gen_params),
	KUNIT_CASE_PARAM(pull_wire_is_full, pull_shape_gen_params),
	KUNIT_CASE_PARAM(pull_wire_is_cut, pull_shape_gen_params),
	KUNIT_CASE_PARAM(done_as_one, pull_shape_gen_params),
	{}
};

static struct kunit_suite pull_suite = {
	.name = "parley_vhost_pull",
	.test_cases = pull_cases,
};

kunit_test_suite(pull_suite);
