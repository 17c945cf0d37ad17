// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that several devices share: everything is served, whoever hangs holds
 * nobody up, who is urgent is served first, and nobody who sets something waits.
 */
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>
#include "../dev.h"
#include "../pool.h"
#include "../req.h"
#include "../runq.h"
#include "../serve.h"
#include "../worker.h"
#include "toy.h"

#define POOL	"kunit"

static void pool_end(void *arg)
{
	struct kunit *test = arg;

	KUNIT_EXPECT_EQ(test, vh_pool_remove(POOL), 0);
}

/* To be removed when all devices have left, which are opened later. */
static struct vh_pool *pool_make(struct kunit *test, unsigned int threads)
{
	KUNIT_ASSERT_EQ(test, vh_pool_create(POOL, threads, false), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pool_end, test), 0);
	guard(mutex)(&vh_pools_lock);
	return vh_pool_find(POOL);
}

/* A turn may last as long as it likes. */
static void pool_is_patient(struct vh_pool *pool)
{
	scoped_guard(spinlock_irqsave, &pool->lock)
		pool->stall = 600 * HZ;
}

static u64 turns(struct vh_pool *pool)
{
	u64 turns;

	scoped_guard(spinlock_irqsave, &pool->lock)
		turns = pool->stats.turns;
	return turns;
}

/* Its back end hangs with one request. */
static void hang(struct toy_ring *r)
{
	r->toy->gate = 0;
	toy_send(r, 1);
	KUNIT_ASSERT_TRUE(r->test, wait_for_completion_timeout(&r->toy->entered, 30 * HZ));
}

static void answered(struct toy_ring *r)
{
	KUNIT_EXPECT_TRUE(r->test, toy_wait(r, r->put));
}

static void sent_and_answered(struct toy_ring *r, unsigned int nr)
{
	toy_send(r, nr);
	answered(r);
}

/* Whoever served it has left, so that what comes is a turn of its own. */
static void sleeps(struct toy_ring *r)
{
	struct vh_worker *w = rcu_dereference_raw(r->vq->worker);

	KUNIT_EXPECT_TRUE(r->test, vh_until(READ_ONCE(w->sleeping)));
}

/* From now on, and not only after the round that a start brings. */
static void joins(struct toy_ring *r, unsigned int class, u32 weight)
{
	sleeps(r);
	KUNIT_ASSERT_EQ(r->test, vh_pool_attach(r->toy->dev, POOL, class, weight), 0);
}

/* A device of the pool with one ring, of the greatest size. */
static struct toy_ring *pooled(struct kunit *test, unsigned int class, u32 weight)
{
	struct toy_ring *r = toy_ring_open(test, toy_open(test), 0, TOY_PACKED | TOY_EVENT, 512);

	joins(r, class, weight);
	return r;
}

/* The pool serves what is in it, and nothing else. */
static void pool_serves(struct kunit *test)
{
	struct vh_pool *pool = pool_make(test, 1);
	struct toy_ring *a = pooled(test, VH_LANE_NORMAL, 100);
	struct toy_ring *b = pooled(test, VH_LANE_BULK, 1);
	u64 before;
	int i;

	for (i = 0; i < 100; i++) {
		a->toy->mode = i % 2 ? TOY_LATER : TOY_SYNC;
		toy_send(a, 1 + get_random_u32_below(60));
		toy_send(b, 1 + get_random_u32_below(60));
		answered(a);
		answered(b);
	}
	/* Each had one; what comes while it lasts belongs to the same. */
	KUNIT_EXPECT_GE(test, turns(pool), 2);
	KUNIT_EXPECT_EQ(test, vh_pool_detach(a->toy->dev), 0);
	KUNIT_EXPECT_EQ(test, vh_pool_detach(a->toy->dev), -ENOENT);
	KUNIT_EXPECT_TRUE(test, vh_until(!vh_pool_is_wanted(pool) && !pool->active));
	before = turns(pool);
	sent_and_answered(a, 1);
	KUNIT_EXPECT_EQ(test, turns(pool), before);
	sent_and_answered(b, 1);
	KUNIT_EXPECT_GT(test, turns(pool), before);
	KUNIT_EXPECT_EQ(test, atomic_read(&a->toy->overlaps), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&b->toy->overlaps), 0);
	KUNIT_EXPECT_EQ(test, pool->members, 1);
	KUNIT_EXPECT_EQ(test, pool->nr_seats, 2);
}

/* The time of a worker's turns is its own, and not that of its wait. */
static void pool_counts_time(struct kunit *test)
{
	struct vh_pool *pool = pool_make(test, 1);
	struct toy_ring *a = pooled(test, VH_LANE_NORMAL, 100);
	struct toy_ring *b = pooled(test, VH_LANE_NORMAL, 100);
	struct vh_worker *wa = rcu_dereference_raw(a->vq->worker);
	struct vh_worker *wb = rcu_dereference_raw(b->vq->worker);
	u64 hung;

	pool_is_patient(pool);
	hang(a);
	hung = local_clock();
	toy_send(b, 1);
	msleep(500);
	/* A sleep counts ticks, which a busy machine hands out late, and then at once. */
	hung = local_clock() - hung;
	complete(&a->toy->open);
	answered(a);
	answered(b);
	sleeps(a);
	sleeps(b);
	KUNIT_EXPECT_GE(test, wa->stats.busy_ns, hung);
	KUNIT_EXPECT_LT(test, wb->stats.busy_ns, hung);
}

/* A tenant whose back end hangs holds a thread, and nobody up. */
static void pool_stall(struct kunit *test)
{
	struct vh_pool *pool = pool_make(test, 1);
	struct toy_ring *a = pooled(test, VH_LANE_LATENCY, 1000);
	struct toy_ring *b = pooled(test, VH_LANE_BULK, 1);
	int i;

	hang(a);
	for (i = 0; i < 50; i++)
		sent_and_answered(b, 1);
	/* Another's turn may last as long on a busy machine. */
	KUNIT_EXPECT_GE(test, pool->stats.stalls, 1);
	KUNIT_EXPECT_EQ(test, a->reaped, 0);
	complete(&a->toy->open);
	answered(a);
	/* One at a time again, when the turn that stalled is over. */
	sleeps(a);
	KUNIT_EXPECT_TRUE(test, vh_until(!READ_ONCE(pool->active)));
	hang(a);
	KUNIT_EXPECT_EQ(test, READ_ONCE(pool->active), 1);
	complete(&a->toy->open);
	answered(a);
}

/* As many as there are, but for one, and one that has left. */
static void pool_stalls(struct kunit *test)
{
	struct vh_pool *pool = pool_make(test, 2);
	struct toy_ring *r[6], *left = pooled(test, VH_LANE_NORMAL, 100);
	unsigned int i;

	hang(left);
	KUNIT_ASSERT_EQ(test, vh_pool_detach(left->toy->dev), 0);
	for (i = 0; i < ARRAY_SIZE(r); i++)
		r[i] = pooled(test, VH_LANE_NORMAL, 100);
	for (i = 0; i + 1 < ARRAY_SIZE(r); i++)
		hang(r[i]);
	sent_and_answered(r[i], 100);
	KUNIT_EXPECT_EQ(test, pool->nr_seats, 7);
	while (i--) {
		complete(&r[i]->toy->open);
		answered(r[i]);
	}
	KUNIT_EXPECT_EQ(test, left->reaped, 0);
	complete(&left->toy->open);
	answered(left);
}

/* Nobody waits for a back end but who needs an answer from it: that would be for ever. */
static void pool_never_waits(struct kunit *test)
{
	struct toy_ring *r;

	KUNIT_ASSERT_EQ(test, vh_pool_create(POOL, 1, false), 0);
	r = pooled(test, VH_LANE_NORMAL, 100);
	hang(r);
	toy_send(r, 10);
	KUNIT_EXPECT_EQ(test, vh_pool_remove(POOL), -EBUSY);
	KUNIT_EXPECT_EQ(test, vh_pool_resize(POOL, 3), 0);
	KUNIT_EXPECT_EQ(test, vh_pool_attach(r->toy->dev, POOL, VH_LANE_BULK, 1), 0);
	KUNIT_EXPECT_EQ(test, vh_pool_detach(r->toy->dev), 0);
	/* Its thread is still with the device. */
	KUNIT_EXPECT_EQ(test, vh_pool_remove(POOL), 0);
	KUNIT_EXPECT_EQ(test, vh_pool_create(POOL, 1, false), 0);
	KUNIT_EXPECT_EQ(test, vh_pool_remove(POOL), 0);
	KUNIT_EXPECT_EQ(test, r->reaped, 0);
	complete(&r->toy->open);
	answered(r);
	sent_and_answered(r, 10);
}

/* One thread is busy; who comes first is served last if he is less urgent. */
static void pool_by_class(struct kunit *test)
{
	struct vh_pool *pool = pool_make(test, 1);
	struct toy_ring *busy = pooled(test, VH_LANE_LATENCY, 100);
	struct toy_ring *bulk = pooled(test, VH_LANE_BULK, 1000);
	struct toy_ring *urgent = pooled(test, VH_LANE_LATENCY, 1);

	pool_is_patient(pool);
	hang(busy);
	bulk->toy->gate = 0;
	toy_send(bulk, 1);
	toy_send(urgent, 1);
	complete(&busy->toy->open);
	/* If it were the other's turn, that would hang. */
	answered(urgent);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&bulk->toy->entered, 30 * HZ));
	complete(&bulk->toy->open);
	answered(bulk);
	answered(busy);
}

/* A round that has begun is cut for who is more urgent, not for others. */
static void pool_hurries(struct kunit *test, unsigned int class, bool hurries)
{
	struct vh_pool *pool = pool_make(test, 1);
	struct toy_ring *bulk = pooled(test, VH_LANE_NORMAL, 100);
	struct toy_ring *other = pooled(test, class, 100);

	pool_is_patient(pool);
	hang(bulk);
	toy_send(bulk, 200);
	toy_send(other, 1);
	/* It hangs again, with its second burst. */
	bulk->toy->gate = 0;
	complete(&bulk->toy->open);
	if (hurries)
		answered(other);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&bulk->toy->entered, 30 * HZ));
	KUNIT_EXPECT_EQ(test, pool->stats.hurries, hurries);
	KUNIT_EXPECT_EQ(test, READ_ONCE(other->vq->stats.requests), hurries);
	complete(&bulk->toy->open);
	answered(bulk);
	answered(other);
}

static void pool_hurry(struct kunit *test)
{
	pool_hurries(test, VH_LANE_LATENCY, true);
}

static void pool_no_hurry(struct kunit *test)
{
	pool_hurries(test, VH_LANE_BULK, false);
}

/* The same between the lanes of one worker. */
static void lane_hurry(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct toy_ring *bulk = toy_ring_open(test, toy, 0, TOY_EVENT, 1024);
	struct toy_ring *urgent = toy_ring_open(test, toy, 1, TOY_EVENT, 16);
	unsigned int n;

	/* It was queued when it was started, in the lane that it had. */
	sleeps(urgent);
	urgent->vq->lane = VH_LANE_LATENCY;
	hang(bulk);
	toy_send(bulk, 400);
	toy_send(urgent, 1);
	complete(&toy->open);
	answered(bulk);
	answered(urgent);
	for (n = 0; n < toy->nr_log && toy->log[n] != 1; n++)
		;
	KUNIT_EXPECT_LE(test, n, 1 + VH_BURST);
}

/* By weight, burst by burst, so that nobody has to look fast: nor does time cost. */
static void pool_by_weight(struct kunit *test)
{
	struct vh_pool *pool = pool_make(test, 1);
	struct toy_ring *busy = pooled(test, VH_LANE_LATENCY, 100), *r[2];
	struct toy *toy[2];
	unsigned int i;

	pool_is_patient(pool);
	pool->charged = 0;
	for (i = 0; i < 2; i++) {
		toy[i] = toy_open(test);
		r[i] = toy_ring_open(test, toy[i], 0, TOY_EVENT, 16384);
		joins(r[i], VH_LANE_NORMAL, i ? 1 : 3);
	}
	hang(busy);
	for (i = 0; i < 2; i++) {
		toy[i]->gate = 0;
		toy_send(r[i], 8000);
	}
	complete(&busy->toy->open);
	while (toy[0]->nr_log < 7600) {
		KUNIT_ASSERT_TRUE(test, vh_until(completion_done(&toy[0]->entered) ||
						 completion_done(&toy[1]->entered)));
		i = completion_done(&toy[1]->entered);
		wait_for_completion(&toy[i]->entered);
		toy[i]->gate = 0;
		complete(&toy[i]->open);
	}
	/* Rounds are of 512: one of either, and what a pass may be. */
	KUNIT_EXPECT_LE(test, abs((int)(toy[0]->nr_log - 3 * toy[1]->nr_log)),
			(int)(5 * VH_WEIGHT_REQS));
	for (i = 0; i < 2; i++) {
		toy[i]->gate = -1;
		complete(&toy[i]->open);
	}
	/* Each may have to wait for the other. */
	answered(r[0]);
	answered(r[1]);
	answered(busy);
}

/* Requests that end by looking only, of two devices in one thread. */
static void pool_polls(struct kunit *test)
{
	struct vh_pool *pool = pool_make(test, 1);
	struct toy_ring *a = pooled(test, VH_LANE_NORMAL, 100);
	struct toy_ring *b = pooled(test, VH_LANE_BULK, 100);
	int i;

	a->toy->mode = TOY_POLL;
	b->toy->mode = TOY_POLL;
	scoped_guard(mutex, &b->vq->mutex)
		b->vq->poll.max_us = VH_POLL_MAX_US;
	for (i = 0; i < 50; i++) {
		toy_send(a, 1 + get_random_u32_below(60));
		toy_send(b, 1 + get_random_u32_below(60));
		answered(a);
		answered(b);
	}
	KUNIT_EXPECT_TRUE(test, vh_until(!READ_ONCE(pool->active)));
}

/* A worker that comes later belongs to the pool as well; one that goes leaves it. */
static void pool_workers(struct kunit *test)
{
	struct vh_pool *pool = pool_make(test, 4);
	struct toy_ring *r = pooled(test, VH_LANE_NORMAL, 100);
	struct toy_ring *s = toy_ring_open(test, r->toy, 1, TOY_PACKED | TOY_EVENT, 512);
	struct parley_vhost *dev = r->toy->dev;
	struct vh_worker *w;
	int i;

	scoped_guard(mutex, &dev->mutex) {
		w = vh_worker_create(dev);
		KUNIT_ASSERT_FALSE(test, IS_ERR(w));
		KUNIT_EXPECT_EQ(test, vh_worker_attach(s->vq, w), 0);
	}
	KUNIT_EXPECT_EQ(test, pool->members, 2);
	KUNIT_EXPECT_EQ(test, pool->devices, 1);
	for (i = 0; i < 100; i++) {
		toy_send(r, 1 + get_random_u32_below(60));
		toy_send(s, 1 + get_random_u32_below(60));
		answered(r);
		answered(s);
	}
	KUNIT_EXPECT_GT(test, w->stats.rounds, 0);
	scoped_guard(mutex, &dev->mutex) {
		vh_worker_attach(s->vq, rcu_dereference_raw(r->vq->worker));
		vh_worker_destroy(w);
	}
	KUNIT_EXPECT_EQ(test, pool->members, 1);
	sent_and_answered(s, 3);
}

/* What cannot be is refused. */
static void pool_refuses(struct kunit *test)
{
	static const char long_name[] = "12345678901234567890123456789012";
	struct vh_pool *pool = pool_make(test, VH_POOL_THREADS_MAX);
	struct toy *toy = toy_open(test);
	char name[24];
	int i, n = 0;

	KUNIT_EXPECT_EQ(test, vh_pool_create(POOL, 1, false), -EEXIST);
	KUNIT_EXPECT_EQ(test, vh_pool_create("", 1, false), -EINVAL);
	KUNIT_EXPECT_EQ(test, vh_pool_create(long_name, 1, false), -EINVAL);
	KUNIT_EXPECT_EQ(test, vh_pool_create(long_name + 1, 1, false), 0);
	KUNIT_EXPECT_EQ(test, vh_pool_remove(long_name + 1), 0);
	KUNIT_EXPECT_EQ(test, vh_pool_create("a", 0, false), -EINVAL);
	KUNIT_EXPECT_EQ(test, vh_pool_create("a", VH_POOL_THREADS_MAX + 1, false), -EINVAL);
	KUNIT_EXPECT_EQ(test, vh_pool_resize(POOL, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, vh_pool_resize(POOL, VH_POOL_THREADS_MAX + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, vh_pool_resize("a", 1), -ENOENT);
	KUNIT_EXPECT_EQ(test, vh_pool_remove("a"), -ENOENT);
	KUNIT_EXPECT_EQ(test, vh_pool_attach(toy->dev, "a", 0, 1), -ENOENT);
	for (;; n++) {
		snprintf(name, sizeof(name), "kunit-%d", n);
		if (vh_pool_create(name, 1, false))
			break;
	}
	/* There may be some of others. */
	KUNIT_EXPECT_LT(test, n, VH_POOLS_MAX);
	KUNIT_EXPECT_EQ(test, vh_pool_create("a", 1, false), -ENOSPC);
	for (i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "kunit-%d", i);
		KUNIT_EXPECT_EQ(test, vh_pool_remove(name), 0);
	}
	/* The most devices: the one that is too many leaves none. */
	scoped_guard(mutex, &vh_pools_lock)
		pool->devices += VH_POOL_DEVICES_MAX;
	KUNIT_EXPECT_EQ(test, vh_pool_attach(toy->dev, POOL, 0, 1), -ENOSPC);
	scoped_guard(mutex, &vh_pools_lock) {
		KUNIT_EXPECT_NULL(test, toy->dev->membership.pool);
		pool->devices -= VH_POOL_DEVICES_MAX;
		KUNIT_EXPECT_EQ(test, pool->members, 0);
		KUNIT_EXPECT_EQ(test, pool->devices, 0);
	}
}

/* The seat that serves a ring. */
static struct vh_seat *seat_of(struct vh_pool *pool, struct toy_ring *r)
{
	struct vh_worker *w = rcu_dereference_raw(r->vq->worker);
	struct vh_seat *seat, *found = NULL;

	scoped_guard(spinlock_irqsave, &pool->lock)
		list_for_each_entry(seat, &pool->seats, all)
			if (seat->worker == w)
				found = seat;
	return found;
}

/* Of an owner who is killed: a wait that can be given up is, and the next one's is not. */
static void pool_interrupt(struct kunit *test)
{
	struct vh_pool *pool = pool_make(test, 1);
	struct toy_ring *r = pooled(test, VH_LANE_NORMAL, 100);
	struct vh_worker *w = rcu_dereference_raw(r->vq->worker);
	struct vh_seat *seat;

	pool_is_patient(pool);
	scoped_guard(spinlock_irqsave, &w->lock)
		vh_pool_interrupt(w);
	hang(r);
	toy_send(r, 1);
	seat = seat_of(pool, r);
	KUNIT_ASSERT_NOT_NULL(test, seat);
	KUNIT_EXPECT_FALSE(test, signal_pending(seat->thread));
	scoped_guard(spinlock_irqsave, &w->lock)
		vh_pool_interrupt(w);
	KUNIT_EXPECT_TRUE(test, fatal_signal_pending(seat->thread));
	complete(&r->toy->open);
	KUNIT_EXPECT_TRUE(test, toy_wait(r, 1));
	/* As in a thread that is killed: what is not taken is the successor's. */
	sleeps(r);
	KUNIT_EXPECT_TRUE(test, vh_until(!signal_pending(seat->thread)));
	KUNIT_EXPECT_EQ(test, READ_ONCE(r->vq->stats.requests), 1);
	parley_vhost_vq_wake(r->vq);
	answered(r);
	sent_and_answered(r, 10);
}

/* However many workers others have made: a device has room for one, not for another. */
static void pool_is_full(struct kunit *test)
{
	struct vh_pool *pool = pool_make(test, 1);
	struct toy *toy = toy_open(test);
	struct parley_vhost *dev = toy->dev;

	scoped_guard(mutex, &vh_pools_lock)
		pool->members += VH_POOL_MEMBERS_MAX;
	KUNIT_EXPECT_EQ(test, vh_pool_attach(dev, POOL, 0, 1), 0);
	scoped_guard(mutex, &dev->mutex)
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(vh_worker_create(dev)), -ENOSPC);
	scoped_guard(mutex, &vh_pools_lock) {
		KUNIT_EXPECT_EQ(test, dev->membership.members, 1);
		pool->members -= VH_POOL_MEMBERS_MAX;
		KUNIT_EXPECT_EQ(test, pool->members, 1);
	}
}

/* Who does little, but slowly, pays for the time, but for no more than until it stalls. */
static void pool_time_costs(struct kunit *test)
{
	struct vh_pool *pool = pool_make(test, 1);
	struct toy_ring *r = pooled(test, VH_LANE_NORMAL, 1000);
	const u64 most = 2ull * VH_POOL_STALL_MS * NSEC_PER_MSEC * VH_COST_NS;
	struct vh_turn turn = { .cost = 100000 };
	unsigned int users;
	u64 passes;

	vh_pool_took(pool, &turn, 20000);
	KUNIT_EXPECT_EQ(test, turn.cost, 100000);
	vh_pool_took(pool, &turn, 200000);
	KUNIT_EXPECT_EQ(test, turn.cost, 200000 * VH_COST_NS);
	vh_pool_took(pool, &turn, NSEC_PER_SEC);
	KUNIT_EXPECT_LE(test, turn.cost, most);
	scoped_guard(spinlock_irqsave, &pool->lock)
		passes = pool->order.pass[VH_LANE_NORMAL];
	hang(r);
	msleep(4 * VH_POOL_STALL_MS);
	complete(&r->toy->open);
	answered(r);
	/* It is answered before the turn is over, and the next might come into the same. */
	KUNIT_EXPECT_TRUE(test, vh_until(!READ_ONCE(pool->active)));
	sent_and_answered(r, 1);
	KUNIT_EXPECT_TRUE(test, vh_until(!READ_ONCE(pool->active)));
	scoped_guard(spinlock_irqsave, &pool->lock) {
		passes = pool->order.pass[VH_LANE_NORMAL] - passes;
		users = r->toy->dev->membership.account.users;
	}
	/* Of the first one it had its credit. */
	KUNIT_EXPECT_GE(test, passes, most / 2 / (1000 * VH_CREDIT) - 1);
	KUNIT_EXPECT_EQ(test, users, 0);
}

/* A device that was closed is taken in by nobody, and leaves nothing behind. */
static void pool_closed(struct kunit *test)
{
	struct vh_pool *pool = pool_make(test, 1);
	struct toy *toy = toy_open(test);
	struct parley_vhost *dev = vh_dev_get(toy->dev->id);

	KUNIT_ASSERT_NOT_NULL(test, dev);
	KUNIT_EXPECT_EQ(test, vh_pool_attach(dev, POOL, 0, 1), 0);
	toy_close(toy);
	KUNIT_EXPECT_EQ(test, pool->devices, 0);
	KUNIT_EXPECT_EQ(test, pool->members, 0);
	KUNIT_EXPECT_EQ(test, vh_pool_attach(dev, POOL, 0, 1), -ENODEV);
	vh_dev_put(dev);
}

/* Everything at once: no request is lost, no ring is served twice at a time. */
static void pool_soak(struct kunit *test)
{
	struct toy_ring *r[4];
	unsigned int i, n;

	pool_make(test, 1);
	KUNIT_ASSERT_EQ(test, vh_pool_create(POOL "-2", 2, false), 0);
	for (i = 0; i < ARRAY_SIZE(r); i++)
		r[i] = pooled(test, i % VH_LANES, 1 + i);
	for (n = 0; n < 300; n++) {
		for (i = 0; i < ARRAY_SIZE(r); i++) {
			struct parley_vhost *dev = r[i]->toy->dev;

			r[i]->toy->mode = get_random_u32_below(2) ? TOY_SYNC : TOY_LATER;
			toy_send(r[i], get_random_u32_below(40));
			if (!get_random_u32_below(3))
				vh_pool_attach(dev, get_random_u32_below(2) ? POOL : POOL "-2",
					       get_random_u32_below(VH_LANES),
					       1 + get_random_u32_below(VH_WEIGHT_MAX));
			else if (!get_random_u32_below(3))
				vh_pool_detach(dev);
		}
		vh_pool_resize(POOL, 1 + get_random_u32_below(3));
		for (i = 0; i < ARRAY_SIZE(r); i++)
			KUNIT_ASSERT_TRUE(test, toy_wait(r[i], r[i]->put));
	}
	for (i = 0; i < ARRAY_SIZE(r); i++) {
		KUNIT_EXPECT_EQ(test, atomic_read(&r[i]->toy->overlaps), 0);
		vh_pool_detach(r[i]->toy->dev);
	}
	KUNIT_EXPECT_EQ(test, vh_pool_remove(POOL "-2"), 0);
}

static struct kunit_case pool_cases[] = {
	KUNIT_CASE(pool_serves),
	KUNIT_CASE(pool_counts_time),
	KUNIT_CASE(pool_stall),
	KUNIT_CASE(pool_stalls),
	KUNIT_CASE(pool_never_waits),
	KUNIT_CASE(pool_by_class),
	KUNIT_CASE(pool_hurry),
	KUNIT_CASE(pool_no_hurry),
	KUNIT_CASE(lane_hurry),
	KUNIT_CASE(pool_by_weight),
	KUNIT_CASE(pool_polls),
	KUNIT_CASE(pool_workers),
	KUNIT_CASE(pool_refuses),
	KUNIT_CASE(pool_interrupt),
	KUNIT_CASE(pool_is_full),
	KUNIT_CASE(pool_time_costs),
	KUNIT_CASE(pool_closed),
	KUNIT_CASE(pool_soak),
	{}
};

static struct kunit_suite pool_suite = {
	.name = "parley_vhost_pool",
	.test_cases = pool_cases,
};

kunit_test_suite(pool_suite);
