// SPDX-License-Identifier: GPL-2.0-only
/* Several waiters: their order, and those behind the head that sleep. */
#include "fake.h"

/* ---------------------------------------------------------------- the order */

/* Everybody else in a row, each queued before the next one comes. */
static void queue_is_fair(struct kunit *test)
{
	unsigned int n = min(num_online_cpus(), FAKE_CPUS) - 1, i;
	struct parley_pvlock lock;
	atomic_t places = ATOMIC_INIT(0);
	struct waiter *w;
	bool ok = true;

	needs_cpus(test, 3);
	w = kunit_kcalloc(test, n, sizeof(*w), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w);
	parley_pvlock_init(&lock);
	for (i = 0; i < n; i++) {
		w[i].places = &places;
		waiter_start(test, &w[i], i + 1, &lock);
	}
	parley_pvlock_lock(&lock);
	for (i = 0; i < n; i++)
		ok &= waiter_queued(&w[i]);
	parley_pvlock_unlock(&lock);
	for (i = 0; i < n; i++) {
		KUNIT_EXPECT_TRUE(test, waiter_done(&w[i]));
		KUNIT_EXPECT_EQ(test, w[i].place, i + 1);
	}
	KUNIT_EXPECT_TRUE(test, ok);
	KUNIT_EXPECT_EQ(test, lock.word, 0);
}

/* The same with halts that end by themselves all the time. */
static void queue_is_fair_if_spurious(struct kunit *test)
{
	fake.spurious = 2;
	queue_is_fair(test);
}

/* And where nobody can sleep. */
static void queue_is_fair_without_halt(struct kunit *test)
{
	fake_use(0);
	queue_is_fair(test);
}

/*
 * Told at random that processors are preempted which are not, waiters lose time and
 * nothing else (CVE-2022-39189: a virtual processor was said to be preempted that was in
 * the middle of something).
 */
static void bad_62_wrongly_preempted(struct kunit *test)
{
	fake.preempted = ~0ul;
	queue_is_fair(test);
	KUNIT_EXPECT_GT(test, fake_sum(fake.yields), 0);
}

/* ------------------------------------------------------------ behind the head */

/* @spins: of the second, until it slept */
struct two {
	struct parley_pvlock lock;
	struct waiter w[2];
	u64 spins;
	bool ok;
};

/* We hold the lock; the first, who will keep it for a while, and the second wait for it. */
static struct two *two_make(struct kunit *test)
	__acquires(lock)
{
	struct two *t;
	int i;

	needs_cpus(test, 3);
	t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t);
	parley_pvlock_init(&t->lock);
	t->w[0].hold = true;
	for (i = 0; i < 2; i++)
		waiter_start(test, &t->w[i], i + 1, &t->lock);
	parley_pvlock_lock(&t->lock);
	t->ok = true;
	return t;
}

/* Both sleep. */
static struct two *two_asleep(struct kunit *test)
	__acquires(lock)
{
	struct parley_pvl_counts before, after;
	struct two *t = two_make(test);
	int i;

	for (i = 0; i < 2; i++) {
		parley_pvl_sum(&before);
		t->ok &= waiter_queued(&t->w[i]) && fake_until(fake_sleeps(i + 1));
		parley_pvl_sum(&after);
		t->spins = after.spins - before.spins;
	}
	return t;
}

static void two_end(struct kunit *test, struct two *t)
{
	WRITE_ONCE(t->w[0].hold, false);
	KUNIT_EXPECT_TRUE(test, waiter_done(&t->w[0]));
	KUNIT_EXPECT_TRUE(test, waiter_done(&t->w[1]));
	KUNIT_EXPECT_TRUE(test, t->ok);
	KUNIT_EXPECT_EQ(test, t->lock.word, 0);
}

/* The turn comes to one that is asleep: it is woken when the lock is free. */
static void queue_sleeps_until_free(struct kunit *test)
{
	struct two *t = two_asleep(test);
	u32 owner;

	parley_pvlock_unlock(&t->lock);
	t->ok &= fake_until(waiter_has(&t->w[0]));
	owner = READ_ONCE(t->lock.owner);
	t->ok &= fake_sum(fake.kicks) == 1 && fake_sleeps(2);
	two_end(test, t);
	KUNIT_EXPECT_EQ(test, pvl_holder(owner), 1);
	KUNIT_EXPECT_EQ(test, pvl_cpu_of(owner >> PVL_KICK_SHIFT), 2);
	KUNIT_EXPECT_EQ(test, fake_sum(fake.kicks), 2);
	KUNIT_EXPECT_EQ(test, fake.order[0], 1);
	KUNIT_EXPECT_EQ(test, fake.order[1], 2);
}

/* The head sleeps: its turn is not near, and who comes behind it need not spin for it. */
static void queue_sleeps_behind_sleeper(struct kunit *test)
{
	struct two *t = two_asleep(test);

	parley_pvlock_unlock(&t->lock);
	two_end(test, t);
	KUNIT_EXPECT_LT(test, t->spins, 64);
}

/* And while the head is away to have the holder run. */
static void queue_sleeps_behind_yielder(struct kunit *test)
{
	struct parley_pvl_counts before, after;
	struct two *t = two_make(test);

	WRITE_ONCE(fake.stop, FAKE_IN_YIELD);
	set_bit(0, &fake.preempted);
	t->ok &= waiter_queued(&t->w[0]) && fake_until(atomic_read(&fake.stopped));
	parley_pvl_sum(&before);
	t->ok &= waiter_queued(&t->w[1]) && fake_until(fake_sleeps(2));
	parley_pvl_sum(&after);
	clear_bit(0, &fake.preempted);
	fake_go();
	parley_pvlock_unlock(&t->lock);
	two_end(test, t);
	KUNIT_EXPECT_LT(test, after.spins - before.spins, 64);
}

/* It wakes up by itself after its turn has come, and sleeps again as the head. */
static void queue_wakes_as_head(struct kunit *test)
{
	struct two *t = two_asleep(test);
	int halts;

	parley_pvlock_unlock(&t->lock);
	t->ok &= fake_until(waiter_has(&t->w[0]));
	halts = atomic_read(&fake.halts);
	WRITE_ONCE(fake.wake, true);
	t->ok &= fake_until(atomic_read(&fake.halts) > halts);
	WRITE_ONCE(fake.wake, false);
	t->ok &= fake_until(fake_sleeps(2));
	two_end(test, t);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake.kicks[2]), 1);
}

/* It wakes up by itself before its turn: it waits on behind the other. */
static void queue_wakes_early(struct kunit *test)
{
	struct two *t = two_asleep(test);
	int halts = atomic_read(&fake.halts);
	bool passed;

	WRITE_ONCE(fake.wake, true);
	t->ok &= fake_until(atomic_read(&fake.halts) > halts + 3);
	WRITE_ONCE(fake.wake, false);
	t->ok &= fake_until(fake_sleeps(1) && fake_sleeps(2));
	parley_pvlock_unlock(&t->lock);
	t->ok &= fake_until(waiter_has(&t->w[0]));
	passed = waiter_has(&t->w[1]);
	two_end(test, t);
	KUNIT_EXPECT_FALSE(test, passed);
}

static struct kunit_case queue_cases[] = {
	KUNIT_CASE(queue_is_fair),
	KUNIT_CASE(queue_is_fair_if_spurious),
	KUNIT_CASE(queue_is_fair_without_halt),
	KUNIT_CASE(bad_62_wrongly_preempted),
	KUNIT_CASE(queue_sleeps_until_free),
	KUNIT_CASE(queue_sleeps_behind_sleeper),
	KUNIT_CASE(queue_sleeps_behind_yielder),
	KUNIT_CASE(queue_wakes_as_head),
	KUNIT_CASE(queue_wakes_early),
	{}
};

static struct kunit_suite queue_suite = {
	.name = "parley_sched_queue",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = queue_cases,
};
kunit_test_suite(queue_suite);
