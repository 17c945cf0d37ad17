// SPDX-License-Identifier: GPL-2.0-only
/* How rings are served: rounds, lanes, bounds, completions, moving and ending. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/virtio_byteorder.h>
#include "../limit.h"
#include "../req.h"
#include "../runq.h"
#include "../serve.h"
#include "../worker.h"
#include "toy.h"

struct shape {
	const char *name;
	u64 features;
	enum toy_mode mode;
};

static const struct shape shapes[] = {
	{ "split, at once", 0, TOY_SYNC },
	{ "split event, at once", TOY_EVENT, TOY_SYNC },
	{ "packed event, at once", TOY_PACKED | TOY_EVENT, TOY_SYNC },
	{ "split, later", 0, TOY_LATER },
	{ "split event, later", TOY_EVENT, TOY_LATER },
	{ "packed, later", TOY_PACKED, TOY_LATER },
	{ "packed event, later", TOY_PACKED | TOY_EVENT, TOY_LATER },
	{ "packed event in order, later", TOY_PACKED | TOY_EVENT | TOY_IN_ORDER,
	  TOY_LATER },
};

static void shape_desc(const struct shape *s, char *desc)
{
	strscpy(desc, s->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(shape, shapes, shape_desc);

/* Bursts of any size, waiting asleep for each: nothing is lost, all answers right. */
static void serve_traffic(struct kunit *test)
{
	const struct shape *s = test->param_value;
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, s->features, 128);
	int i;

	toy->mode = s->mode;
	for (i = 0; i < 100; i++) {
		unsigned int n = 1 + get_random_u32_below(r->nr_free);

		toy_send(r, n);
		/* Some rounds overlap with the next. */
		KUNIT_ASSERT_TRUE(test, toy_wait(r, i % 3 ? r->put : r->put - n / 2));
	}
	KUNIT_EXPECT_TRUE(test, toy_wait(r, r->put));
	toy_ring_leave(r);
	KUNIT_EXPECT_EQ(test, r->vq->stats.requests, r->put);
	KUNIT_EXPECT_EQ(test, r->vq->stats.bytes_read, 8 * r->put);
	KUNIT_EXPECT_EQ(test, r->vq->stats.bytes_written, 8 * r->put);
	KUNIT_EXPECT_EQ(test, r->vq->stats.errors, 0);
}

/* Completions inside submit() are published in bursts, and wake nobody. */
static void serve_sync_is_cheap(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, TOY_PACKED | TOY_EVENT, 1024);
	struct vh_worker *w = rcu_dereference_raw(r->vq->worker);
	u64 rounds, publishes;

	toy_send(r, 1);
	KUNIT_ASSERT_TRUE(test, toy_wait(r, 1));
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(w->sleeping)));
	rounds = w->stats.rounds;
	publishes = parley_devq_stats(r->dev)->publishes;
	toy_send(r, 256);
	KUNIT_ASSERT_TRUE(test, toy_wait(r, 257));
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(w->sleeping)));
	KUNIT_EXPECT_EQ(test, w->stats.rounds - rounds, 1);
	/* 4, 10, 22, then 32 each. */
	KUNIT_EXPECT_LE(test, parley_devq_stats(r->dev)->publishes - publishes, 11);
}

/* Fill rings while the worker waits at the gate of the last; then open it. */
static void gate_close(struct kunit *test, struct toy *toy, struct toy_ring *gate)
{
	toy->gate = gate->vq->index;
	toy_send(gate, 1);
	KUNIT_ASSERT_TRUE(test, wait_for_completion_timeout(&toy->entered, 30 * HZ));
}

/* A ring that is always full does not keep the worker from the others. */
static void bad_06_weight(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *gate = toy_ring_open(test, toy, 3, TOY_EVENT, 16);
	struct toy_ring *greedy = toy_ring_open(test, toy, 0, TOY_EVENT, 8192);
	struct toy_ring *modest = toy_ring_open(test, toy, 1, TOY_EVENT, 16);
	unsigned int i, n = 0;

	gate_close(test, toy, gate);
	toy_send(greedy, 4096);
	toy_send(modest, 1);
	complete(&toy->open);
	KUNIT_ASSERT_TRUE(test, toy_wait(greedy, 4096));
	KUNIT_ASSERT_TRUE(test, toy_wait(modest, 1));
	for (i = 0; i < toy->nr_log && toy->log[i] != 1; i++)
		n += toy->log[i] == 0;
	KUNIT_EXPECT_LT(test, i, toy->nr_log);
	KUNIT_EXPECT_LE(test, n, VH_WEIGHT_REQS + VH_BURST);
	KUNIT_EXPECT_GT(test, greedy->vq->stats.weight_yields, 0);
}

/* Nor does one of few requests, each of which takes long to gather. */
static void bad_06_weight_of_descriptors(struct kunit *test)
{
	const unsigned int reads = TOY_MORE + 2, reqs = 30000 / reads;
	struct toy *toy = toy_open(test);
	struct toy_ring *gate = toy_ring_open(test, toy, 3, TOY_EVENT, 16);
	struct toy_ring *greedy = toy_ring_open(test, toy, 0, TOY_EVENT, 32768);
	struct toy_ring *modest = toy_ring_open(test, toy, 1, TOY_EVENT, 16);
	unsigned int i, n = 0;

	greedy->more = TOY_MORE;
	gate_close(test, toy, gate);
	toy_send(greedy, reqs);
	toy_send(modest, 1);
	complete(&toy->open);
	KUNIT_ASSERT_TRUE(test, toy_wait(greedy, reqs));
	KUNIT_ASSERT_TRUE(test, toy_wait(modest, 1));
	for (i = 0; i < toy->nr_log && toy->log[i] != 1; i++)
		n += toy->log[i] == 0;
	KUNIT_EXPECT_LT(test, i, toy->nr_log);
	KUNIT_EXPECT_LE(test, n, VH_WEIGHT_READS / reads + VH_BURST + 1);
	KUNIT_EXPECT_GT(test, greedy->vq->stats.weight_yields, 0);
}

/* The latency lane goes first; the others get every eighth round, not less. */
static void bad_06_lanes(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *gate = toy_ring_open(test, toy, 3, TOY_EVENT, 16);
	struct toy_ring *lane[3];
	unsigned int i, got[3] = {};

	for (i = 0; i < 3; i++) {
		lane[i] = toy_ring_open(test, toy, i, TOY_EVENT, 8192);
		lane[i]->vq->lane = i;
	}
	gate_close(test, toy, gate);
	/* The lowest lane is the first to ask. */
	toy_send(lane[2], 4096);
	toy_send(lane[1], 4096);
	toy_send(lane[0], 4096);
	complete(&toy->open);
	for (i = 0; i < 3; i++)
		KUNIT_ASSERT_TRUE(test, toy_wait(lane[i], 4096));
	for (i = 0; i < toy->nr_log && got[0] < 4096; i++)
		if (toy->log[i] < 3)
			got[toy->log[i]]++;
	/* Eight rounds of the latency lane; once or twice another had its turn. */
	KUNIT_EXPECT_EQ(test, got[0], 4096);
	KUNIT_EXPECT_GE(test, got[1] + got[2], VH_WEIGHT_REQS);
	KUNIT_EXPECT_LE(test, got[1] + got[2], 2 * (VH_WEIGHT_REQS + VH_BURST));
	/* Then normal before bulk. */
	for (i = toy->nr_log; i--;)
		if (toy->log[i] < 3)
			break;
	KUNIT_EXPECT_EQ(test, toy->log[i], 2);
}

/* However much is available, no more than max_in_flight is taken. */
static void bad_20_in_flight(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, TOY_PACKED | TOY_EVENT, 1024);
	unsigned int i;

	toy->mode = TOY_HOLD;
	toy_send(r, 500);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(toy->nr_held) == TOY_IN_FLIGHT));
	msleep(20);
	KUNIT_EXPECT_EQ(test, toy->nr_held, TOY_IN_FLIGHT);
	KUNIT_EXPECT_EQ(test, vh_vq_in_flight(r->vq), TOY_IN_FLIGHT);
	/* Each that ends makes room for one, and restarts service. */
	for (i = 0; i < 436; i++) {
		KUNIT_ASSERT_EQ(test, toy_release(toy, 1), 1);
		KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(toy->nr_held) ==
						  TOY_IN_FLIGHT));
	}
	toy_release(toy, TOY_IN_FLIGHT);
	KUNIT_EXPECT_TRUE(test, toy_wait(r, 500));
	KUNIT_EXPECT_EQ(test, toy->most_held, TOY_IN_FLIGHT);
}

/* All completions come while the ring is full and being served. */
static void serve_full_restarts(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, TOY_EVENT, 2048);
	int i;

	toy->mode = TOY_LATER;
	for (i = 0; i < 8; i++) {
		toy_send(r, 1000);
		KUNIT_ASSERT_TRUE(test, toy_wait(r, r->put));
	}
	KUNIT_EXPECT_LE(test, toy->most_held, TOY_IN_FLIGHT);
}

/* Nothing is published on a ring that broke, though requests finish. */
static void bad_13_broken(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, 0, 64);
	struct parley_vq_addr addr;
	struct vring_used *used;
	int calls;

	toy->mode = TOY_HOLD;
	toy_send(r, 20);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(toy->nr_held) == 20));
	toy_release(toy, 5);
	KUNIT_ASSERT_TRUE(test, toy_wait(r, 5));
	parley_drvq_addr(r->drv, &addr);
	used = phys_to_virt(addr.device);
	calls = atomic_read(&r->calls);

	parley_devq_break(r->dev, "a test wants it");
	toy_release(toy, 5);
	KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(r->vq->state) == VH_VQ_BROKEN));
	KUNIT_EXPECT_TRUE(test, vh_until(vh_vq_in_flight(r->vq) == 10));
	/* Released only now: the ring is stopped without its worker's help. */
	toy_release(toy, 10);
	toy_ring_leave(r);
	KUNIT_EXPECT_EQ(test, __virtio16_to_cpu(true, used->idx), 5);
	KUNIT_EXPECT_EQ(test, atomic_read(&r->calls), calls);
	KUNIT_EXPECT_EQ(test, r->vq->stats.requests, 20);
	KUNIT_EXPECT_EQ(test, r->vq->stats.errors, 1);
}

struct ender {
	struct toy *toy;
	struct completion done;
};

/* Ends what is held, slowly, from another thread. */
static int ender_thread(void *arg)
{
	struct ender *e = arg;

	while (READ_ONCE(e->toy->nr_held)) {
		toy_release(e->toy, 1 + get_random_u32_below(3));
		if (get_random_u32_below(4) == 0)
			usleep_range(10, 200);
	}
	complete(&e->done);
	return 0;
}

/*
 * Rings leave, and the device goes, while others are ending its requests: who
 * ends the last one may still be inside parley_vhost_req_done().
 */
static void bad_43_end(struct kunit *test)
{
	struct ender e;
	int i;

	for (i = 0; i < 20; i++) {
		struct toy *toy = toy_open(test);
		struct toy_ring *r = toy_ring_open(test, toy, 0, TOY_PACKED, 128);

		toy->mode = TOY_HOLD;
		toy_send(r, 48);
		KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(toy->nr_held) == 48));
		e.toy = toy;
		init_completion(&e.done);
		KUNIT_ASSERT_FALSE(test, IS_ERR(kthread_run(ender_thread, &e, "ender")));
		if (i % 2)
			usleep_range(10, 500);
		toy_ring_leave(r);
		/* Everything was finished, and published before. */
		KUNIT_EXPECT_EQ(test, toy_reap(r), 48);
		KUNIT_EXPECT_EQ(test, vh_vq_in_flight(r->vq), 0);
		toy_ring_close(r);
		toy_close(toy);
		wait_for_completion(&e.done);
	}
}

/* A ring goes from worker to worker under load. */
static void serve_moves(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, TOY_EVENT, 512);
	struct toy_ring *still = toy_ring_open(test, toy, 1, TOY_EVENT, 512);
	struct vh_worker *home = rcu_dereference_raw(r->vq->worker), *other;
	int i;

	scoped_guard(mutex, &toy->dev->mutex) {
		other = vh_worker_create(toy->dev);
		KUNIT_ASSERT_FALSE(test, IS_ERR(other));
		KUNIT_EXPECT_PTR_EQ(test, vh_worker_find(toy->dev, other->id), other);
		KUNIT_EXPECT_NE(test, other->id, home->id);
	}
	toy->mode = TOY_LATER;
	for (i = 0; i < 80; i++) {
		toy_send(r, 1 + get_random_u32_below(200));
		toy_send(still, 1 + get_random_u32_below(20));
		mutex_lock(&toy->dev->mutex);
		KUNIT_ASSERT_EQ(test, vh_worker_attach(r->vq, i % 2 ? home : other), 0);
		mutex_unlock(&toy->dev->mutex);
		KUNIT_ASSERT_TRUE(test, toy_wait(r, r->put));
		KUNIT_ASSERT_TRUE(test, toy_wait(still, still->put));
	}
	KUNIT_EXPECT_GT(test, other->stats.rounds, 0);
	KUNIT_EXPECT_EQ(test, other->attached, 0);
	scoped_guard(mutex, &toy->dev->mutex)
		vh_worker_destroy(other);
	/* Unserved, nothing happens; attached again, what waits is served. */
	scoped_guard(mutex, &toy->dev->mutex)
		vh_worker_attach(r->vq, NULL);
	/* A round that had begun goes on to its end. */
	KUNIT_ASSERT_TRUE(test, vh_until(!READ_ONCE(r->vq->server)));
	toy_send(r, 3);
	msleep(20);
	KUNIT_EXPECT_EQ(test, toy_reap(r), 0);
	scoped_guard(mutex, &toy->dev->mutex)
		vh_worker_attach(r->vq, home);
	KUNIT_EXPECT_TRUE(test, toy_wait(r, r->put));
}

/*
 * The accelerator waits for its back end: everybody else who wants the ring gets it
 * meanwhile, but a second worker does not get into the accelerator.
 */
static void serve_waits_outside(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, TOY_EVENT, 64);
	struct vh_worker *home = rcu_dereference_raw(r->vq->worker), *other;

	gate_close(test, toy, r);
	KUNIT_ASSERT_TRUE(test, mutex_trylock(&r->vq->mutex));
	KUNIT_EXPECT_EQ(test, vh_vq_in_flight(r->vq), 1);
	KUNIT_EXPECT_FALSE(test, vh_vq_is_empty(r->vq));
	mutex_unlock(&r->vq->mutex);
	scoped_guard(mutex, &toy->dev->mutex) {
		other = vh_worker_create(toy->dev);
		KUNIT_ASSERT_FALSE(test, IS_ERR(other));
		KUNIT_EXPECT_EQ(test, vh_worker_attach(r->vq, other), 0);
	}
	toy_send(r, 5);
	KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(r->vq->missed)));
	KUNIT_EXPECT_EQ(test, toy_reap(r), 0);
	complete_all(&toy->open);
	KUNIT_EXPECT_TRUE(test, toy_wait(r, 6));
	KUNIT_EXPECT_EQ(test, atomic_read(&toy->overlaps), 0);
	scoped_guard(mutex, &toy->dev->mutex) {
		KUNIT_EXPECT_EQ(test, vh_worker_attach(r->vq, home), 0);
		vh_worker_destroy(other);
	}
}

/* Requests of several steps, which end in whatever way, and a stop among them. */
static void serve_steps(struct kunit *test)
{
	static const enum toy_mode modes[] = { TOY_SYNC, TOY_LATER, TOY_POLL };
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		struct toy *toy = toy_open(test);
		struct toy_ring *r = toy_ring_open(test, toy, 0, TOY_PACKED, 256);

		toy->mode = modes[i];
		toy->steps = 5;
		for (n = 0; n < 20; n++) {
			toy_send(r, 1 + get_random_u32_below(60));
			KUNIT_ASSERT_TRUE(test, toy_wait(r, r->put));
		}
		toy_send(r, 60);
		toy_ring_leave(r);
		toy_reap(r);
		KUNIT_EXPECT_EQ(test, vh_vq_in_flight(r->vq), 0);
		KUNIT_EXPECT_EQ(test, r->vq->stats.requests, r->reaped);
		KUNIT_EXPECT_EQ(test, atomic_read(&toy->overlaps), 0);
		toy_ring_close(r);
		toy_close(toy);
	}
}

/*
 * So few that one look ends a step of all: nobody but who had them go on knows that there
 * is something to look for again.  A stop finds some of them, too.
 */
static void serve_polled_steps(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, TOY_PACKED, 256);
	unsigned int n;

	toy->mode = TOY_POLL;
	toy->steps = 5;
	for (n = 0; n < 60; n++) {
		toy_send(r, 1 + n % 3);
		KUNIT_ASSERT_TRUE(test, toy_wait(r, r->put));
	}
	toy->late = true;
	for (n = 0; n < 20; n++) {
		toy_send(r, 1 + n % 3);
		KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(toy->nr_held) == 1 + n % 3));
		toy_ring_leave(r);
		KUNIT_EXPECT_EQ(test, vh_vq_in_flight(r->vq), 0);
		KUNIT_EXPECT_EQ(test, toy_reap(r), 1 + n % 3);
		toy_ring_join(r);
	}
}

static void serve_worker_bound(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct vh_worker *w[VH_WORKERS_MAX], *more;
	int i;

	guard(mutex)(&toy->dev->mutex);
	for (i = 1; i < VH_WORKERS_MAX; i++) {
		w[i] = vh_worker_create(toy->dev);
		KUNIT_ASSERT_FALSE(test, IS_ERR(w[i]));
	}
	more = vh_worker_create(toy->dev);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(more), -EBUSY);
	for (i = 1; i < VH_WORKERS_MAX; i++)
		vh_worker_destroy(w[i]);
}

/* ---------------------------------------------------------------- limits */

static void limit_to(struct kunit *test, struct parley_limit *l, struct parley_rate ops,
		     struct parley_rate bytes)
{
	struct parley_limits cfg = { .ops = ops, .bytes = bytes };

	KUNIT_ASSERT_EQ(test, parley_limit_set(l, &cfg, ktime_get_ns()), 0);
}

#define NONE	((struct parley_rate){})
#define RATE(...) ((struct parley_rate){ __VA_ARGS__ })

/* Burst at once, the rest at its rate; a new limit counts at once. */
static void serve_limited(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, TOY_EVENT, 1024);
	u64 start, took;

	limit_to(test, r->vq->limit, RATE(1000, 10), NONE);
	start = ktime_get_ns();
	toy_send(r, 210);
	KUNIT_ASSERT_TRUE(test, toy_wait(r, 210));
	took = ktime_get_ns() - start;
	KUNIT_EXPECT_GE(test, took, 200 * NSEC_PER_MSEC);
	KUNIT_EXPECT_LT(test, took, 1000 * NSEC_PER_MSEC);
	KUNIT_EXPECT_GT(test, r->vq->stats.throttled, 0);

	/* Of the device; the queue is not charged for what the device refuses. */
	limit_to(test, toy->dev->limits->device, RATE(1, 1), NONE);
	toy_send(r, 100);
	KUNIT_ASSERT_TRUE(test, toy_wait(r, 211));
	msleep(50);
	KUNIT_EXPECT_EQ(test, toy_reap(r), 0);
	KUNIT_EXPECT_GT(test, toy->dev->limits->device->throttled, 0);
	limit_to(test, toy->dev->limits->device, NONE, NONE);
	limit_to(test, r->vq->limit, NONE, NONE);
	KUNIT_EXPECT_TRUE(test, toy_wait(r, 310));

	/* And a throttled ring can leave. */
	limit_to(test, r->vq->limit, RATE(1), NONE);
	toy_send(r, 100);
	KUNIT_EXPECT_TRUE(test, toy_wait(r, 311));
	toy_ring_leave(r);
	KUNIT_EXPECT_FALSE(test, parley_limit_waiting(r->vq->limit));
}

/* Bytes are those of the payload: 16 of each request, less 6 of framing. */
static void serve_limited_bytes(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, TOY_PACKED, 64);

	limit_to(test, r->vq->limit, NONE, RATE(1, 55));
	toy_send(r, 20);
	KUNIT_ASSERT_TRUE(test, toy_wait(r, 5));
	msleep(50);
	KUNIT_EXPECT_EQ(test, toy_reap(r), 0);
	KUNIT_EXPECT_EQ(test, vh_vq_in_flight(r->vq), 0);
}

/*
 * What a request really costs is said in submit(), when others of its burst are
 * under way.  They are all that pass: the rest waits, whatever else is done.
 */
static void serve_owes_what_the_header_says(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, TOY_EVENT, 1024);
	u64 got;

	toy->charge = BIT_ULL(37);
	limit_to(test, r->vq->limit, NONE, RATE(BIT_ULL(30)));
	toy_send(r, 500);
	KUNIT_ASSERT_TRUE(test, toy_wait(r, 1));
	msleep(50);
	toy_reap(r);
	got = r->reaped;
	KUNIT_EXPECT_LE(test, got, VH_BURST);
	/* To stop the ring does not pay. */
	toy_ring_leave(r);
	toy_ring_join(r);
	msleep(50);
	toy_reap(r);
	KUNIT_EXPECT_EQ(test, r->reaped, got);
	/* Without a limit, nothing is owed. */
	limit_to(test, r->vq->limit, NONE, NONE);
	KUNIT_EXPECT_TRUE(test, toy_wait(r, 500));
}

/* Two rings at one limit: who has a guarantee gets it, and nobody waits for ever. */
static void serve_guaranteed(struct kunit *test)
{
	struct parley_limits cfg = { .ops_guaranteed = 1500 };
	struct toy *toy = toy_open(test);
	struct toy_ring *sure = toy_ring_open(test, toy, 0, TOY_EVENT, 2048);
	struct toy_ring *other = toy_ring_open(test, toy, 1, TOY_EVENT, 2048);

	limit_to(test, toy->dev->limits->device, RATE(2000, 20), NONE);
	KUNIT_ASSERT_EQ(test, parley_limit_set(sure->vq->limit, &cfg, ktime_get_ns()), 0);
	toy_send(other, 1000);
	toy_send(sure, 1000);
	KUNIT_ASSERT_TRUE(test, toy_wait(sure, 800));
	toy_reap(other);
	KUNIT_EXPECT_GT(test, other->reaped, 5);
	KUNIT_EXPECT_LT(test, other->reaped, 350);
	/* The rest of it: nobody is in the way. */
	KUNIT_EXPECT_TRUE(test, toy_wait(sure, 1000));
	KUNIT_EXPECT_TRUE(test, toy_wait(other, 1000));
}

static struct kunit_case serve_cases[] = {
	KUNIT_CASE_PARAM(serve_traffic, shape_gen_params),
	KUNIT_CASE(serve_sync_is_cheap),
	KUNIT_CASE(bad_06_weight),
	KUNIT_CASE(bad_06_weight_of_descriptors),
	KUNIT_CASE(bad_06_lanes),
	KUNIT_CASE(bad_20_in_flight),
	KUNIT_CASE(serve_full_restarts),
	KUNIT_CASE(bad_13_broken),
	KUNIT_CASE(bad_43_end),
	KUNIT_CASE(serve_moves),
	KUNIT_CASE(serve_waits_outside),
	KUNIT_CASE(serve_steps),
	KUNIT_CASE_SLOW(serve_polled_steps),
	KUNIT_CASE(serve_worker_bound),
	KUNIT_CASE(serve_limited),
	KUNIT_CASE(serve_limited_bytes),
	KUNIT_CASE(serve_owes_what_the_header_says),
	KUNIT_CASE(serve_guaranteed),
	{}
};

static struct kunit_suite serve_suite = {
	.name = "parley_vhost_serve",
	.test_cases = serve_cases,
};

kunit_test_suite(serve_suite);

PARLEY_IMPORT;
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Parley: KUnit tests of how rings are served");
MODULE_LICENSE("GPL");
