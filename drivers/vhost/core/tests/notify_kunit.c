// SPDX-License-Identifier: GPL-2.0-only
/* Calls that are held back, and polling instead of kicks. */
#include <linux/delay.h>
#include <linux/sched/clock.h>
#include "../runq.h"
#include "toy.h"

/* The device's requests are held; the guest wants a call for each completion. */
static struct toy_ring *held_ring(struct kunit *test, struct toy **toy, unsigned int n)
{
	struct toy_ring *r;

	*toy = toy_open(test);
	r = toy_ring_open(test, *toy, 0, TOY_EVENT, 512);
	(*toy)->mode = TOY_HOLD;
	toy_send(r, n);
	if (!vh_until(READ_ONCE((*toy)->nr_held) == n))
		KUNIT_FAIL(test, "only %u requests came", (*toy)->nr_held);
	KUNIT_EXPECT_TRUE(test, parley_drvq_arm(r->drv, 0));
	return r;
}

static void moderate(struct toy_ring *r, u32 max_reqs, u32 max_us)
{
	guard(mutex)(&r->vq->mutex);
	r->vq->moderation.max_reqs = max_reqs;
	r->vq->moderation.max_us = max_us;
}

static unsigned int calls(struct toy_ring *r)
{
	return atomic_read(&r->calls);
}

/* One by one, each published by itself. */
static void end_singly(struct toy_ring *r, unsigned int n)
{
	while (n--) {
		u64 done = READ_ONCE(r->vq->stats.requests);

		KUNIT_ASSERT_EQ(r->test, toy_release(r->toy, 1), 1);
		KUNIT_ASSERT_TRUE(r->test, vh_until(READ_ONCE(r->vq->stats.requests) >
						     done));
	}
	/* The call comes before vq->mutex is let go. */
	guard(mutex)(&r->vq->mutex);
}

static void call_unmoderated(struct kunit *test)
{
	struct toy *toy;
	struct toy_ring *r = held_ring(test, &toy, 10);

	end_singly(r, 1);
	KUNIT_EXPECT_EQ(test, calls(r), 1);
	/* Not armed again: nobody wants one. */
	end_singly(r, 2);
	KUNIT_EXPECT_EQ(test, calls(r), 1);
	KUNIT_EXPECT_EQ(test, r->vq->stats.calls_suppressed, 2);
	KUNIT_EXPECT_EQ(test, r->vq->stats.calls, 1);
	toy_release(toy, 7);
	KUNIT_EXPECT_TRUE(test, toy_wait(r, 10));
}

/* One call for eight completions, at the eighth. */
static void call_by_count(struct kunit *test)
{
	struct toy *toy;
	struct toy_ring *r = held_ring(test, &toy, 20);

	moderate(r, 8, 100 * USEC_PER_SEC);
	end_singly(r, 7);
	KUNIT_EXPECT_EQ(test, calls(r), 0);
	KUNIT_EXPECT_EQ(test, r->vq->stats.calls_moderated, 7);
	end_singly(r, 1);
	KUNIT_EXPECT_EQ(test, calls(r), 1);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&r->vq->moderation.timer));
	/* It counts anew for the next. */
	toy_reap(r);
	KUNIT_EXPECT_TRUE(test, parley_drvq_arm(r->drv, 0));
	end_singly(r, 7);
	KUNIT_EXPECT_EQ(test, calls(r), 1);
	end_singly(r, 1);
	KUNIT_EXPECT_EQ(test, calls(r), 2);
	KUNIT_EXPECT_EQ(test, r->vq->moderation.fired, 0);
	toy_release(toy, 4);
}

/* But no later than its time. */
static void call_by_time(struct kunit *test)
{
	struct toy *toy;
	struct toy_ring *r = held_ring(test, &toy, 20);
	u64 start;

	moderate(r, 1000, 30 * USEC_PER_MSEC);
	start = ktime_get_ns();
	end_singly(r, 3);
	KUNIT_EXPECT_TRUE(test, vh_until(calls(r)));
	KUNIT_EXPECT_GE(test, ktime_get_ns() - start, 30 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, r->vq->moderation.fired, 1);
	msleep(60);
	KUNIT_EXPECT_EQ(test, calls(r), 1);
	toy_release(toy, 17);
}

/* Taking moderation away, or the ring, does not take the call away. */
static void call_flushed(struct kunit *test)
{
	struct toy *toy;
	struct toy_ring *r = held_ring(test, &toy, 10);

	moderate(r, 1000, 100 * USEC_PER_SEC);
	end_singly(r, 2);
	KUNIT_EXPECT_EQ(test, calls(r), 0);
	moderate(r, 0, 0);
	end_singly(r, 1);
	KUNIT_EXPECT_EQ(test, calls(r), 1);
	toy_reap(r);

	moderate(r, 1000, 100 * USEC_PER_SEC);
	KUNIT_EXPECT_TRUE(test, parley_drvq_arm(r->drv, 0));
	end_singly(r, 2);
	KUNIT_EXPECT_EQ(test, calls(r), 1);
	toy_release(toy, 5);
	toy_ring_leave(r);
	KUNIT_EXPECT_EQ(test, calls(r), 2);
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&r->vq->moderation.timer));
}

/* The timer, the count and the driver's arming race; no request waits for ever. */
static void call_never_lost(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, TOY_PACKED | TOY_EVENT, 256);
	int i;

	toy->mode = TOY_LATER;
	for (i = 0; i < 200; i++) {
		moderate(r, get_random_u32_below(20), get_random_u32_below(300));
		toy_send(r, 1 + get_random_u32_below(min(r->nr_free, 40u)));
		KUNIT_ASSERT_TRUE(test, toy_wait(r, i % 2 ? r->put : r->put - 1));
	}
	KUNIT_EXPECT_TRUE(test, toy_wait(r, r->put));
}

/* --------------------------------------------------------------- polling */

static void polling(struct toy_ring *r, u32 max_us, u32 budget)
{
	guard(mutex)(&r->vq->mutex);
	r->vq->poll.max_us = max_us;
	r->vq->poll.budget = budget;
}

/*
 * Requests that follow each other closely: the worker learns to look, finds them
 * without kicks, and gives up when they stop; then kicks are armed.
 */
static void poll_learns(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, TOY_EVENT, 64);
	struct vh_worker *w = rcu_dereference_raw(r->vq->worker);
	unsigned int kicks, i;

	polling(r, VH_POLL_MAX_US, 100);
	for (i = 0; i < 300; i++) {
		toy_send(r, 1);
		KUNIT_ASSERT_TRUE(test, toy_wait(r, r->put));
	}
	/* How often depends on who else runs on this machine. */
	KUNIT_EXPECT_GT(test, w->stats.poll_hits, 5);
	KUNIT_EXPECT_LT(test, r->kicks, 300);
	KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(w->sleeping)));
	KUNIT_EXPECT_FALSE(test, READ_ONCE(r->vq->unarmed));
	kicks = r->kicks;
	toy_send(r, 1);
	KUNIT_EXPECT_EQ(test, r->kicks, kicks + 1);
	KUNIT_EXPECT_TRUE(test, toy_wait(r, r->put));
}

/* Requests that are far apart: looking does not pay, so it ends. */
static void poll_forgets(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, TOY_PACKED | TOY_EVENT, 64);
	struct vh_worker *w = rcu_dereference_raw(r->vq->worker);
	u64 vain;
	int i;

	polling(r, 200, 100);
	r->vq->poll.now_us = 200;
	for (i = 0; i < 8; i++) {
		toy_send(r, 1);
		KUNIT_ASSERT_TRUE(test, toy_wait(r, r->put));
		msleep(20);
	}
	KUNIT_EXPECT_EQ(test, r->vq->poll.now_us, 0);
	vain = w->stats.poll_ns;
	for (i = 0; i < 5; i++) {
		toy_send(r, 1);
		KUNIT_ASSERT_TRUE(test, toy_wait(r, r->put));
		msleep(20);
	}
	KUNIT_EXPECT_EQ(test, w->stats.poll_ns, vain);
}

/* However eager a ring, vain looking stays within the budget. */
static void poll_budget(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, TOY_EVENT, 64);
	struct vh_worker *w = rcu_dereference_raw(r->vq->worker);
	u64 start = local_clock(), took;

	polling(r, VH_POLL_MAX_US, 10);
	while (local_clock() - start < NSEC_PER_SEC) {
		/* As if looking had always paid. */
		WRITE_ONCE(r->vq->poll.now_us, VH_POLL_MAX_US);
		toy_send(r, 1);
		KUNIT_ASSERT_TRUE(test, toy_wait(r, r->put));
		msleep(20);
	}
	took = local_clock() - start;
	KUNIT_EXPECT_GT(test, w->stats.poll_ns, took / 50);
	/* A tenth and what was saved up before; what it took too long is owed. */
	KUNIT_EXPECT_LE(test, (s64)w->stats.poll_ns + w->credit,
			(s64)(took / 10 + 2 * VH_POLL_MAX_US * NSEC_PER_USEC));
}

/* Traffic at every pace: kicks left off are never missed. */
static void poll_never_lost(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, TOY_PACKED | TOY_EVENT, 256);
	struct toy_ring *s = toy_ring_open(test, toy, 1, TOY_PACKED | TOY_EVENT, 256);
	int i;

	for (i = 0; i < 200; i++) {
		polling(r, get_random_u32_below(400), get_random_u32_below(101));
		polling(s, get_random_u32_below(400), get_random_u32_below(101));
		toy->mode = i % 3 ? TOY_SYNC : TOY_LATER;
		toy_send(r, 1 + get_random_u32_below(30));
		if (i % 2)
			toy_send(s, 1);
		KUNIT_ASSERT_TRUE(test, toy_wait(r, r->put));
		KUNIT_ASSERT_TRUE(test, toy_wait(s, s->put));
		if (i % 5 == 0)
			usleep_range(10, 1000);
	}
}

/* Requests that end by looking only: the worker looks, and so does who stops. */
static void poll_for_requests(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *r = toy_ring_open(test, toy, 0, TOY_EVENT, 256);
	struct vh_worker *w = rcu_dereference_raw(r->vq->worker);
	unsigned int looks;
	int i;

	toy->mode = TOY_POLL;
	for (i = 0; i < 50; i++) {
		toy_send(r, 1 + get_random_u32_below(100));
		KUNIT_ASSERT_TRUE(test, toy_wait(r, r->put));
	}
	/* With nothing in flight it sleeps. */
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(w->sleeping)));
	looks = toy->looks;
	msleep(20);
	KUNIT_EXPECT_EQ(test, toy->looks, looks);

	toy_send(r, 60);
	toy_ring_leave(r);
	KUNIT_EXPECT_EQ(test, vh_vq_in_flight(r->vq), 0);
	toy_reap(r);
	KUNIT_EXPECT_EQ(test, toy->nr_held, 0);
}

static struct kunit_case notify_cases[] = {
	KUNIT_CASE(call_unmoderated),
	KUNIT_CASE(call_by_count),
	KUNIT_CASE(call_by_time),
	KUNIT_CASE(call_flushed),
	KUNIT_CASE(call_never_lost),
	KUNIT_CASE(poll_learns),
	KUNIT_CASE(poll_forgets),
	KUNIT_CASE(poll_budget),
	KUNIT_CASE(poll_never_lost),
	KUNIT_CASE(poll_for_requests),
	{}
};

static struct kunit_suite notify_suite = {
	.name = "parley_vhost_notify",
	.test_cases = notify_cases,
};

kunit_test_suite(notify_suite);
