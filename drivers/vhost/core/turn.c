// SPDX-License-Identifier: GPL-2.0-only
/*
 * Workers that wait for a thread of their pool.
 *
 * A device's worker is a run queue of its rings, and a thread of its owner.  In a
 * pool the run queue stays what it is, but a thread of the pool takes it, for one
 * round at a time, and puts the owner's memory, credentials and control groups on
 * (owner.c); that own thread sleeps.  It is there to notice when the owner is killed
 * (vh_worker_killed()), and serves again when the device leaves the pool.
 *
 *	worker->sleeping  ->pooled   who has the run queue
 *	================  =========  ============================================
 *	true              -          nobody: there is nothing to do.  Who queues a
 *				     ring gives it to the pool, or wakes the thread
 *	false             false      its own thread
 *	false             true       the pool: in order.c's lists, or a thread of it
 *
 * The pool to which a worker belongs (worker->pool) may change at any time; whoever
 * has the run queue then hands it over when his round is over.  So nobody who sets
 * something waits for a round, which may be waiting for a back end.
 *
 * No tenant holds another up.  Of a pool's threads so many serve as the operator
 * said; but there are as many as there are workers, the others asleep.  A worker is in one
 * thread at a time.  So if some of them hang in their back ends, each with a thread,
 * the others have a thread each as well: a turn that has lasted for VH_POOL_STALL_MS
 * while somebody waits is no longer counted, and another thread goes on.  What that
 * bounds: the wait of any other tenant by that time, threads by
 * VH_POOL_MEMBERS_MAX, and those that run at once, beyond what the operator said, by
 * those that come back from a stall, for one round.
 *
 * The owner's memory is held for the turn only (mmget()), while its own thread holds
 * it anyway; and what a killed owner left is torn down in a work item, should the
 * turn have been the last to hold it.  The time of a turn is counted for the worker
 * (stats.busy_ns).  The scheduler has no way to charge another control group for
 * it: the threads of a pool are in the one of who made it, except that those of a
 * pool for one VM are in that VM's.
 *
 * Lock order: dev->mutex, vh_pools_lock, worker->lock, pool->lock.
 */
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/wait_bit.h>

#include "runq.h"
#include "state.h"
#include "turn.h"

static_assert(VH_CLASSES == VH_LANES);

/* ----------------------------------------------------------- whose turn */

/* Under pool->lock: wake a thread, if one may run. */
static bool vh_pool_call_seat(struct vh_pool *pool)
{
	struct vh_seat *seat;

	if (pool->active >= pool->threads)
		return false;
	seat = list_first_entry_or_null(&pool->idle, struct vh_seat, entry);
	if (!seat)
		return false;
	list_del(&seat->entry);
	seat->awake = true;
	seat->active = true;
	pool->active++;
	pool->stats.wakeups++;
	wake_up_process(seat->thread);
	return true;
}

/*
 * Under pool->lock: somebody waits.  The least urgent one's round is cut, if it is less,
 * unless threads enough are between two turns.
 */
static void vh_pool_hurry(struct vh_pool *pool, unsigned int class)
{
	struct vh_seat *seat, *least = NULL;
	unsigned int between = 0;

	list_for_each_entry(seat, &pool->seats, all) {
		if (!seat->active)
			continue;
		if (!seat->worker)
			between++;
		else if (seat->class > class && (!least || seat->class > least->class))
			least = seat;
	}
	if (!least || between >= vh_order_ahead(&pool->order, class) ||
	    READ_ONCE(least->worker->turn.hurry))
		return;
	WRITE_ONCE(least->worker->turn.hurry, true);
	pool->stats.hurries++;
}

/* Under pool->lock. */
static void vh_pool_watch(struct vh_pool *pool)
{
	if (!timer_pending(&pool->watch))
		mod_timer(&pool->watch, jiffies + pool->stall);
}

/* Under pool->lock: as many threads as may run, and have somebody to serve. */
static void vh_pool_call_seats(struct vh_pool *pool)
{
	unsigned int waiting = pool->order.nr_ready;

	while (waiting && vh_pool_call_seat(pool))
		waiting--;
}

/* Under pool->lock: turns that last too long are not counted, others begin. */
static void vh_pool_look(struct vh_pool *pool)
{
	struct vh_seat *seat;

	lockdep_assert_held(&pool->lock);
	list_for_each_entry(seat, &pool->seats, all) {
		if (!seat->active || !seat->worker ||
		    time_before(jiffies, seat->since + pool->stall))
			continue;
		seat->active = false;
		pool->active--;
		pool->stats.stalls++;
	}
	vh_pool_call_seats(pool);
	vh_pool_watch(pool);
}

/* Does somebody wait? */
static void vh_pool_watch_timer(struct timer_list *timer)
{
	struct vh_pool *pool = container_of(timer, struct vh_pool, watch);

	scoped_guard(spinlock_irqsave, &pool->lock)
		if (pool->order.nr_ready)
			vh_pool_look(pool);
}

/**
 * vh_pool_queue() - a worker has something to do
 * @w: worker with a pool, that nobody has
 *
 * Context: w->lock, which is taken in any context.
 */
void vh_pool_queue(struct vh_worker *w)
{
	struct vh_pool *pool = w->pool;

	lockdep_assert_held(&w->lock);
	scoped_guard(spinlock, &pool->lock) {
		w->sleeping = false;
		w->pooled = true;
		vh_order_add(&pool->order, &w->share);
		if (!vh_pool_call_seat(pool)) {
			vh_pool_hurry(pool, w->share.account->class);
			vh_pool_watch(pool);
		}
	}
}

/**
 * vh_pool_idle() - a worker has nothing more to do
 * @w: worker with a pool, that was served until now
 *
 * Context: w->lock.
 */
void vh_pool_idle(struct vh_worker *w)
{
	lockdep_assert_held(&w->lock);
	scoped_guard(spinlock, &w->pool->lock)
		vh_order_idle(&w->pool->order, &w->share);
}

/**
 * vh_pool_interrupt() - who serves it waits no longer than he must
 * @w: worker whose owner was killed, and that has nothing to do any more
 *
 * Where a thread of the owner would have given up, for being killed, the pool's does.
 * Its signal is flushed when the turn is over.
 *
 * Context: w->lock.
 */
void vh_pool_interrupt(struct vh_worker *w)
{
	struct vh_pool *pool = w->turn.pool;
	struct vh_seat *seat;

	lockdep_assert_held(&w->lock);
	/* Who takes it from now on finds nothing. */
	if (!pool)
		return;
	/* It is there as long as a thread of its own is: that clears it under w->lock. */
	scoped_guard(spinlock, &pool->lock)
		list_for_each_entry(seat, &pool->seats, all)
			if (seat->worker == w)
				send_sig(SIGKILL, seat->thread, 1);
}
EXPORT_SYMBOL_IF_KUNIT(vh_pool_interrupt);

/** vh_pool_is_wanted() - does anybody wait for a turn?  Any context; at some time. */
bool vh_pool_is_wanted(const struct vh_pool *pool)
{
	return READ_ONCE(pool->order.nr_ready);
}
EXPORT_SYMBOL_IF_KUNIT(vh_pool_is_wanted);

/* Under pool->lock: whom a thread that is awake serves; NULL: it is to sleep. */
static struct vh_worker *vh_pool_choose(struct vh_pool *pool, struct vh_seat *seat)
{
	struct vh_share *share = NULL;

	/* Back from a stall, and others have its place; or there are fewer places. */
	if (!seat->active && pool->active < pool->threads) {
		seat->active = true;
		pool->active++;
	}
	if (seat->active && pool->active <= pool->threads)
		share = vh_order_next(&pool->order);
	if (!share) {
		pool->active -= seat->active;
		seat->active = false;
		seat->awake = false;
		list_add(&seat->entry, &pool->idle);
		return NULL;
	}
	seat->worker = container_of(share, struct vh_worker, share);
	seat->class = share->account->class;
	seat->since = jiffies;
	seat->worker->turn = (struct vh_turn){ .pool = pool };
	pool->stats.turns++;
	return seat->worker;
}

/**
 * vh_pool_next() - whom to serve
 * @pool: pool
 * @seat: the thread that asks
 *
 * Return: a worker, which is in seat->worker as well and is to be given up with
 * vh_pool_leave(); NULL: the thread is to sleep.
 */
struct vh_worker *vh_pool_next(struct vh_pool *pool, struct vh_seat *seat)
{
	struct vh_worker *w = NULL;

	scoped_guard(spinlock_irqsave, &pool->lock)
		if (seat->awake)
			w = vh_pool_choose(pool, seat);
	return w;
}

/* ----------------------------------------------------------------- turns */

/**
 * vh_pool_took() - a turn took so long
 * @pool: pool
 * @turn: turn
 * @ns: time
 *
 * Who does little, but slowly, holds a thread all the same.  When it stalls it does no
 * more: others have its place then.
 */
void vh_pool_took(const struct vh_pool *pool, struct vh_turn *turn, u64 ns)
{
	turn->cost = max(turn->cost, min(ns, pool->charged) * VH_COST_NS);
}
EXPORT_SYMBOL_IF_KUNIT(vh_pool_took);

/* Under pool->lock: another turn, if nobody else waits. */
static bool vh_pool_renew(struct vh_pool *pool, struct vh_seat *seat)
{
	struct vh_worker *w = seat->worker;

	if (w->pool != pool || pool->order.nr_ready || !seat->active ||
	    pool->active > pool->threads)
		return false;
	vh_order_charge(&pool->order, &w->share, w->turn.cost);
	vh_order_alone(&pool->order, &w->share);
	w->turn.cost = 0;
	w->turn.hurry = false;
	seat->since = jiffies;
	pool->stats.turns++;
	return true;
}

/**
 * vh_pool_again() - a turn is over: may it go on?
 * @pool: pool
 * @seat: the thread that served it
 *
 * Return: true if it has more to do and nobody else waits.
 */
bool vh_pool_again(struct vh_pool *pool, struct vh_seat *seat)
{
	bool again = false;

	if (!vh_worker_has_work(seat->worker))
		return false;
	scoped_guard(spinlock_irqsave, &pool->lock)
		again = vh_pool_renew(pool, seat);
	return again;
}

/**
 * vh_pool_leave() - a turn is over: hand the run queue on
 * @pool: pool
 * @seat: the thread that served it; the worker may be gone afterwards
 */
void vh_pool_leave(struct vh_pool *pool, struct vh_seat *seat)
{
	struct vh_worker *w = seat->worker;
	unsigned long flags;

	/* Who frees it waits for it to be let go, and for a grace period. */
	guard(rcu)();
	spin_lock_irqsave(&w->lock, flags);
	scoped_guard(spinlock, &pool->lock) {
		seat->worker = NULL;
		if (w->pool == pool)
			vh_order_charge(&pool->order, &w->share, w->turn.cost);
	}
	w->turn = (struct vh_turn){};
	vh_worker_pass_on(w);
	spin_unlock_irqrestore(&w->lock, flags);
	/* See vh_pool_interrupt(); nobody signals for this worker any more. */
	if (unlikely(signal_pending(current)))
		flush_signals(current);
	smp_mb();	/* pairs with vh_pool_farewell(), which goes to sleep, then looks */
	/* By its address alone. */
	wake_up_var(&w->pooled);
}

/* ---------------------------------------------------------- set by others */

/** vh_pool_order_init() - nobody waits, and there is no thread */
void vh_pool_order_init(struct vh_pool *pool, unsigned int threads)
{
	spin_lock_init(&pool->lock);
	vh_order_init(&pool->order);
	INIT_LIST_HEAD(&pool->idle);
	INIT_LIST_HEAD(&pool->seats);
	pool->threads = threads;
	pool->stall = msecs_to_jiffies(VH_POOL_STALL_MS);
	pool->charged = VH_POOL_STALL_MS * NSEC_PER_MSEC;
	timer_setup(&pool->watch, vh_pool_watch_timer, 0);
}

/** vh_pool_set_threads() - so many at a time from now on; any context */
void vh_pool_set_threads(struct vh_pool *pool, unsigned int threads)
{
	scoped_guard(spinlock_irqsave, &pool->lock) {
		WRITE_ONCE(pool->threads, threads);
		vh_pool_call_seats(pool);
	}
}
