// SPDX-License-Identifier: GPL-2.0-only
/* Bytes in flight, at the edges of each bound, and what a stop leaves. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include "../req.h"
#include "../runq.h"
#include "../serve.h"
#include "toy.h"

#define MORE	12u			/* pieces of a request that is large here */
#define LARGE	(TOY_BYTES + 8 * MORE)	/* and its payload */

static bool bound_held(struct toy *toy, unsigned int nr)
{
	if (!vh_until(READ_ONCE(toy->nr_held) == nr))
		return false;
	msleep(20);
	return READ_ONCE(toy->nr_held) == nr;
}

/* Everything comes back, and nothing is reckoned for it any more. */
static void bound_finish(struct kunit *test, struct toy *toy, struct toy_ring *r)
{
	toy->mode = TOY_SYNC;
	while (r->reaped < r->put) {
		u64 before = r->reaped;

		while (toy_release(toy, 64))
			;
		KUNIT_ASSERT_TRUE(test, toy_wait(r, before + 1));
	}
	KUNIT_EXPECT_TRUE(test, vh_until(!vh_vq_in_flight(r->vq)));
	KUNIT_EXPECT_EQ(test, r->vq->bytes, 0);
	KUNIT_EXPECT_EQ(test, r->vq->shared, 0);
}

/* ------------------------------------------------------------- of a ring */

/* Requests of ten bytes: a byte more or less in the bound is one of them. */
static void bad_20_bytes_of_a_ring(struct kunit *test)
{
	static const struct {
		u32 max;
		unsigned int held;
	} edges[] = { { 99, 9 }, { 100, 10 }, { 101, 10 }, { 1, 1 }, { 10, 1 } };
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		struct toy_ring *r;
		struct toy *toy;

		toy_bound(edges[i].max, edges[i].max, 0);
		toy = toy_open(test);
		r = toy_ring_open(test, toy, 0, TOY_PACKED | TOY_EVENT, 128);
		toy->mode = TOY_HOLD;
		toy_send(r, 40);
		KUNIT_EXPECT_TRUE(test, bound_held(toy, edges[i].held));
		KUNIT_EXPECT_EQ(test, vh_vq_in_flight(r->vq), edges[i].held);
		/* Each that ends makes room for one. */
		for (k = 0; k < 5; k++) {
			KUNIT_ASSERT_EQ(test, toy_release(toy, 1), 1);
			KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(toy->nr_held) ==
							 edges[i].held));
		}
		bound_finish(test, toy, r);
		KUNIT_EXPECT_EQ(test, toy->most_held, edges[i].held);
		toy_ring_close(r);
		toy_close(toy);
	}
}

/* One that is as large as the ring's bound, or larger, is served, and alone. */
static void bad_20_larger_than_the_ring(struct kunit *test)
{
	static const u32 maxes[] = { 1, LARGE - 1, LARGE, LARGE + 1,
				     LARGE + TOY_BYTES - 1 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(maxes); i++) {
		struct toy_ring *r;
		struct toy *toy;

		toy_bound(maxes[i], maxes[i], 0);
		toy = toy_open(test);
		r = toy_ring_open(test, toy, 0, TOY_EVENT, 128);
		toy->mode = TOY_HOLD;
		toy_put(r, 1);
		r->more = MORE;
		toy_put(r, 1);
		r->more = 0;
		toy_put(r, 1);
		toy_publish(r);
		/* The small one, then the large one, then the other small one. */
		KUNIT_EXPECT_TRUE(test, bound_held(toy, 1));
		KUNIT_EXPECT_EQ(test, r->vq->bytes, min(maxes[i], TOY_BYTES));
		toy_release(toy, 1);
		KUNIT_EXPECT_TRUE(test, toy_wait(r, 1));
		KUNIT_EXPECT_TRUE(test, bound_held(toy, 1));
		KUNIT_EXPECT_EQ(test, r->vq->bytes, min(maxes[i], LARGE));
		toy_release(toy, 1);
		KUNIT_EXPECT_TRUE(test, toy_wait(r, 2));
		KUNIT_EXPECT_TRUE(test, bound_held(toy, 1));
		bound_finish(test, toy, r);
		toy_ring_close(r);
		toy_close(toy);
	}
}

/* --------------------------------------------------------- of a device */

/* 20 bytes for each ring, the rest from what they share. */
static void bad_20_bytes_of_a_device(struct kunit *test)
{
	static const struct {
		u64 shared;
		unsigned int held;
	} edges[] = { { 29, 4 }, { 30, 5 }, { 31, 5 } };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		struct toy_ring *r, *other, *large;
		unsigned int held = edges[i].held;
		struct toy *toy;

		toy_bound(100, 20, edges[i].shared);
		toy = toy_open(test);
		r = toy_ring_open(test, toy, 0, TOY_EVENT, 128);
		other = toy_ring_open(test, toy, 1, TOY_EVENT, 128);
		large = toy_ring_open(test, toy, 2, TOY_EVENT, 128);
		toy->mode = TOY_HOLD;
		toy_send(r, 20);
		KUNIT_EXPECT_TRUE(test, bound_held(toy, held));
		KUNIT_EXPECT_EQ(test, atomic64_read(&toy->dev->shared), 10 * held - 20);
		/* What others have does not keep a ring from its own. */
		toy_send(other, 20);
		KUNIT_EXPECT_TRUE(test, bound_held(toy, held + 2));
		KUNIT_EXPECT_EQ(test, vh_vq_in_flight(other->vq), 2);
		/* Nor from one request of any size. */
		large->more = MORE;
		toy_send(large, 2);
		KUNIT_EXPECT_TRUE(test, bound_held(toy, held + 3));
		KUNIT_EXPECT_EQ(test, vh_vq_in_flight(large->vq), 1);
		/* And all go on to the end. */
		bound_finish(test, toy, r);
		bound_finish(test, toy, other);
		bound_finish(test, toy, large);
		KUNIT_EXPECT_EQ(test, atomic64_read(&toy->dev->shared), 0);
		toy_ring_close(large);
		toy_ring_close(other);
		toy_ring_close(r);
		toy_close(toy);
	}
}

/* Ends what is held once the ring stops. */
static int bound_ender(void *arg)
{
	struct toy_ring *r = arg;

	vh_until(READ_ONCE(r->vq->state) == VH_VQ_STOPPING);
	while (toy_release(r->toy, 64))
		;
	while (!kthread_should_stop())
		usleep_range(1000, 2000);
	return 0;
}

/* One that is beyond what is shared now is taken alone, and left at a stop. */
static void what_does_not_fit_is_alone(struct kunit *test)
{
	struct toy_ring *r, *other;
	struct task_struct *ender;
	struct toy *toy;

	toy_bound(100, 20, 30);
	toy = toy_open(test);
	toy->leave = true;
	r = toy_ring_open(test, toy, 0, TOY_EVENT, 128);
	other = toy_ring_open(test, toy, 1, TOY_EVENT, 128);
	toy->mode = TOY_HOLD;
	toy_send(r, 6);
	KUNIT_EXPECT_TRUE(test, bound_held(toy, 5));
	/* At the edge: the ring's own 20, and 26 where nothing more is shared. */
	other->more = 2;
	toy_put(other, 1);
	other->more = 0;
	toy_send(other, 1);
	KUNIT_EXPECT_TRUE(test, bound_held(toy, 6));
	KUNIT_EXPECT_TRUE(test, other->vq->alone);
	KUNIT_EXPECT_EQ(test, other->vq->bytes, 100);
	KUNIT_EXPECT_EQ(test, atomic64_read(&toy->dev->shared), 30);
	ender = kthread_run(bound_ender, other, "bound-ender");
	KUNIT_ASSERT_FALSE(test, IS_ERR(ender));
	toy_ring_leave(other);
	kthread_stop(ender);
	KUNIT_EXPECT_EQ(test, toy->left, 1);
	KUNIT_EXPECT_EQ(test, toy_reap(other), 0);
	KUNIT_EXPECT_FALSE(test, other->vq->alone);
	bound_finish(test, toy, r);
	/* Now there is room for both. */
	toy->mode = TOY_HOLD;
	toy_ring_join(other);
	KUNIT_EXPECT_TRUE(test, bound_held(toy, 2));
	KUNIT_EXPECT_FALSE(test, other->vq->alone);
	KUNIT_EXPECT_EQ(test, other->vq->bytes, 36);
	KUNIT_EXPECT_EQ(test, atomic64_read(&toy->dev->shared), 16);
	bound_finish(test, toy, other);
	KUNIT_EXPECT_EQ(test, atomic64_read(&toy->dev->shared), 0);
}

/* ------------------------------------------- work that is named, not sent */

/* The limits are charged once for what was taken, left and taken again. */
static void bad_20_requests_that_grow(struct kunit *test)
{
	static const struct {
		u64 grow;
		unsigned int held;
	} edges[] = { { 50, 2 }, { 51, 1 }, { 100, 1 }, { 101, 1 }, { ~0ull, 1 } };
	struct parley_limits cfg = { .bytes = { 1, 1000 } };
	const u64 left = 1000 - 10 * TOY_BYTES, more = 20;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		struct toy_ring *r;
		struct toy *toy;

		toy_bound(100, 100, 0);
		toy = toy_open(test);
		r = toy_ring_open(test, toy, 0, TOY_PACKED | TOY_EVENT, 128);
		KUNIT_ASSERT_EQ(test, parley_limit_set(r->vq->limit, &cfg,
						       ktime_get_ns()), 0);
		toy->mode = TOY_HOLD;
		toy->grow = edges[i].grow;
		toy_send(r, 10);
		KUNIT_EXPECT_TRUE(test, bound_held(toy, edges[i].held));
		KUNIT_EXPECT_LE(test, r->vq->bytes, 100);
		bound_finish(test, toy, r);
		KUNIT_EXPECT_EQ(test, toy->most_held, edges[i].held);
		/* So much is left of the burst, but for the second's token. */
		KUNIT_EXPECT_EQ(test, parley_limit_admit(r->vq->limit, ktime_get_ns(),
							 &left, 1), 1);
		KUNIT_EXPECT_EQ(test, parley_limit_admit(r->vq->limit, ktime_get_ns(),
							 &more, 1), 0);
		toy_ring_close(r);
		toy_close(toy);
	}
}

/* -------------------------------------------------------------- a stop */

static const u64 formats[] = {
	TOY_EVENT, TOY_PACKED | TOY_EVENT, TOY_IN_ORDER | TOY_EVENT,
	TOY_PACKED | TOY_IN_ORDER | TOY_EVENT,
};

static void format_desc(const u64 *f, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s%s", *f & TOY_PACKED ? "packed" : "split",
		 *f & TOY_IN_ORDER ? ", in order" : "");
}

KUNIT_ARRAY_PARAM(format, formats, format_desc);

/* Stop with one request of that size in flight; true if it came back. */
static bool bound_stop(struct kunit *test, struct toy_ring *r, unsigned int more)
{
	struct toy *toy = r->toy;
	struct task_struct *ender;
	unsigned int back;

	/* So that it is not the first of the ring, and later not the last. */
	toy_send(r, 3);
	KUNIT_ASSERT_TRUE(test, toy_wait(r, r->put));
	toy->mode = TOY_HOLD;
	r->more = more;
	toy_send(r, 1);
	r->more = 0;
	toy_send(r, 1);
	KUNIT_ASSERT_TRUE(test, bound_held(toy, 1));
	ender = kthread_run(bound_ender, r, "bound-ender");
	KUNIT_ASSERT_FALSE(test, IS_ERR(ender));
	toy_ring_leave(r);
	kthread_stop(ender);
	KUNIT_EXPECT_EQ(test, vh_vq_in_flight(r->vq), 0);
	KUNIT_EXPECT_EQ(test, r->vq->bytes, 0);
	back = toy_reap(r);
	/* Whoever goes on does all that is left, once. */
	toy->mode = TOY_SYNC;
	toy_ring_join(r);
	KUNIT_EXPECT_TRUE(test, toy_wait(r, r->put));
	KUNIT_EXPECT_EQ(test, r->nr_free, r->size / 2);
	return back;
}

/* Too large to be finished: left where it was, for who goes on. */
static void a_stop_leaves_what_is_alone(struct kunit *test)
{
	const u64 *features = test->param_value;
	struct toy_ring *r;
	struct toy *toy;

	toy_bound(LARGE, LARGE, 0);
	toy = toy_open(test);
	toy->leave = true;
	r = toy_ring_open(test, toy, 0, *features, 128);
	KUNIT_EXPECT_FALSE(test, bound_stop(test, r, MORE + 1));
	KUNIT_EXPECT_EQ(test, toy->left, 1);
	KUNIT_EXPECT_FALSE(test, bound_stop(test, r, MORE));
	KUNIT_EXPECT_EQ(test, toy->left, 2);
	/* Below the bound others may be in flight beside it, so it is done. */
	KUNIT_EXPECT_TRUE(test, bound_stop(test, r, MORE - 1));
	KUNIT_EXPECT_EQ(test, toy->left, 2);
	KUNIT_EXPECT_EQ(test, r->vq->stats.errors, 0);
}

/* Operations that a leaf would admit now, of its burst of BURST. */
#define BURST	1000u
static unsigned int bound_ops(struct kunit *test, struct parley_limit *l)
{
	u64 *none = kunit_kcalloc(test, BURST, sizeof(*none), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, none);
	return parley_limit_admit(l, ktime_get_ns(), none, BURST);
}

/* What is left and taken again is paid once, but for what the device did twice. */
static void what_is_left_is_paid_once(struct kunit *test)
{
	static const struct {
		u64 rest;
		u64 done;	/* of the first time */
	} edges[] = { { U64_MAX, 0 }, { 2 * LARGE, 0 }, { LARGE, LARGE }, { 0, 2 * LARGE } };
	const struct parley_limits cfg = { .ops = { 1, BURST }, .bytes = { 1, 100000 } };
	const u64 five = 4 * (TOY_BYTES + LARGE) + 2 * LARGE, times = 8;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		const u64 most = 100000 - times * (five + edges[i].done), more = LARGE;
		struct toy_ring *r;
		struct toy *toy;

		toy_bound(LARGE, LARGE, 0);
		toy = toy_open(test);
		toy->leave = true;
		toy->rest = edges[i].rest;
		toy->charge = LARGE;
		r = toy_ring_open(test, toy, 0, TOY_PACKED | TOY_EVENT, 128);
		KUNIT_ASSERT_EQ(test, parley_limit_set(r->vq->limit, &cfg, ktime_get_ns()), 0);
		for (k = 0; k < times; k++)
			KUNIT_EXPECT_FALSE(test, bound_stop(test, r, MORE));
		KUNIT_EXPECT_EQ(test, toy->left, times);
		/* To the byte, but for a second's token or two; and to the operation. */
		KUNIT_EXPECT_EQ(test, parley_limit_admit(r->vq->limit, ktime_get_ns(), &most, 1),
				1);
		KUNIT_EXPECT_EQ(test, parley_limit_admit(r->vq->limit, ktime_get_ns(), &more, 1),
				0);
		KUNIT_EXPECT_GE(test, bound_ops(test, r->vq->limit), BURST - 5 * times - 1);
		toy_ring_close(r);
		toy_close(toy);
	}
}

/* ------------------------------------------------------- memory that goes */

static bool bound_unawaited(const struct parley_vhost_vq *vq, const void *arg)
{
	return !vq->nr_awaited;
}

/* Ends one step for who waits, and the rest if he waits in vain. */
static int bound_one_step(void *arg)
{
	struct toy_ring *r = arg;

	vh_until(READ_ONCE(r->vq->waiters));
	msleep(20);
	toy_release(r->toy, 1);
	if (!vh_until(!READ_ONCE(r->vq->waiters)))
		KUNIT_FAIL(r->test, "one step is not enough");
	while (!kthread_should_stop()) {
		if (READ_ONCE(r->vq->waiters))
			toy_release(r->toy, 1);
		usleep_range(1000, 2000);
	}
	return 0;
}

/* What would be alone is left between two steps; what is not is finished. */
static void what_is_awaited_is_left(struct kunit *test)
{
	static const struct {
		unsigned int more;
		unsigned int steps;
		unsigned int left;
	} edges[] = { { MORE, 3, 1 }, { MORE - 1, 1, 0 } };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		struct task_struct *other;
		struct toy_ring *r;
		struct toy *toy;

		toy_bound(LARGE, LARGE, 0);
		toy = toy_open(test);
		toy->leave = true;
		toy->steps = edges[i].steps;
		r = toy_ring_open(test, toy, 0, TOY_PACKED | TOY_EVENT, 128);
		toy->mode = TOY_HOLD;
		r->more = edges[i].more;
		toy_send(r, 1);
		KUNIT_ASSERT_TRUE(test, bound_held(toy, 1));
		scoped_guard(mutex, &r->vq->mutex)
			vh_reqs_await(r->vq, 0, U64_MAX);
		KUNIT_EXPECT_EQ(test, r->vq->nr_awaited, 1);
		other = kthread_run(bound_one_step, r, "bound-one-step");
		KUNIT_ASSERT_FALSE(test, IS_ERR(other));
		KUNIT_EXPECT_EQ(test, vh_vq_wait(r->vq, bound_unawaited, NULL, true), 0);
		kthread_stop(other);
		KUNIT_EXPECT_EQ(test, toy->left, edges[i].left);
		/* The ring runs, and does it from the beginning. */
		KUNIT_EXPECT_EQ(test, r->vq->state, VH_VQ_RUNNING);
		KUNIT_EXPECT_TRUE(test, edges[i].left ? bound_held(toy, 1) : toy_wait(r, 1));
		bound_finish(test, toy, r);
		KUNIT_EXPECT_EQ(test, toy->left, edges[i].left);
		toy_ring_close(r);
		toy_close(toy);
	}
}

/* ---------------------------------------------------- of the back end's own */

/* Of a kind without work() and of one with it. */
static const unsigned int kinds[] = { 0, TOY_SMALL };

static struct vh_worker *bound_worker(const struct toy_ring *r)
{
	return rcu_dereference_raw(r->vq->worker);
}

/* A back end that takes one at a time: the others wait in the ring, and nobody spins. */
static void room_is_waited_for(struct kunit *test)
{
	unsigned int k, i;
	u64 rounds;

	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct toy *toy = toy_open(test);
		struct toy_ring *r = toy_ring_open(test, toy, kinds[k], TOY_EVENT, 64);

		toy->mode = TOY_HOLD;
		toy->room = 1;
		toy_send(r, 5);
		for (i = 0; i < 5; i++) {
			KUNIT_ASSERT_TRUE(test, bound_held(toy, 1));
			KUNIT_EXPECT_EQ(test, vh_vq_in_flight(r->vq), 1);
			rounds = READ_ONCE(bound_worker(r)->stats.rounds);
			msleep(20);
			KUNIT_EXPECT_EQ(test, READ_ONCE(bound_worker(r)->stats.rounds), rounds);
			KUNIT_EXPECT_EQ(test, toy_release(toy, 1), 1);
		}
		KUNIT_EXPECT_TRUE(test, toy_wait(r, 5));
		KUNIT_EXPECT_EQ(test, toy->most_held, 1);
		toy_ring_close(r);
		toy_close(toy);
	}
}

static int room_thread(void *toy)
{
	while (!kthread_should_stop())
		if (!toy_release(toy, 1))
			cond_resched();
	return 0;
}

static void room_thread_stop(void *thread)
{
	kthread_stop(thread);
}

/* One that ends when the round that was refused is about to end is heard as well. */
static void room_is_not_missed(struct kunit *test)
{
	struct task_struct *thread;
	unsigned int k, i;

	for (k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct toy *toy = toy_open(test);
		struct toy_ring *r = toy_ring_open(test, toy, kinds[k], TOY_EVENT, 128);

		toy->mode = TOY_HOLD;
		toy->room = 1;
		thread = kthread_run(room_thread, toy, "room");
		KUNIT_ASSERT_FALSE(test, IS_ERR(thread));
		KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, room_thread_stop,
								thread), 0);
		for (i = 0; i < 50; i++) {
			toy_send(r, 60);
			KUNIT_ASSERT_TRUE(test, toy_wait(r, r->put));
		}
		kunit_release_action(test, room_thread_stop, thread);
		toy_ring_close(r);
		toy_close(toy);
	}
}

static struct kunit_case bound_cases[] = {
	KUNIT_CASE(bad_20_bytes_of_a_ring),
	KUNIT_CASE(bad_20_larger_than_the_ring),
	KUNIT_CASE(bad_20_bytes_of_a_device),
	KUNIT_CASE(what_does_not_fit_is_alone),
	KUNIT_CASE(bad_20_requests_that_grow),
	KUNIT_CASE_PARAM(a_stop_leaves_what_is_alone, format_gen_params),
	KUNIT_CASE_SLOW(what_is_left_is_paid_once),
	KUNIT_CASE(what_is_awaited_is_left),
	KUNIT_CASE(room_is_waited_for),
	KUNIT_CASE(room_is_not_missed),
	{}
};

static struct kunit_suite bound_suite = {
	.name = "parley_vhost_bound",
	.test_cases = bound_cases,
};

kunit_test_suite(bound_suite);
