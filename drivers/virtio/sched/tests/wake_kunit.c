// SPDX-License-Identifier: GPL-2.0-only
/* Who sleeps, who is woken, who is told to run, and in which order. */
#include "fake.h"

/*
 * struct one - a lock that we hold on processor 0, and one who waits on processor 1
 * @ok: everything came as it should; what is found while the lock is held is judged
 *	when it is not
 */
struct one {
	struct parley_pvlock lock;
	struct waiter w;
	bool ok;
};

static struct one *one_held_turns(struct kunit *test, enum fake_stop stop, u32 turns)
	__acquires(lock)
{
	struct one *o;

	needs_cpus(test, 2);
	o = kunit_kzalloc(test, sizeof(*o), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, o);
	parley_pvlock_init(&o->lock);
	o->lock.turns = turns;
	WRITE_ONCE(fake.stop, stop);
	waiter_start(test, &o->w, 1, &o->lock);
	parley_pvlock_lock(&o->lock);
	o->ok = waiter_queued(&o->w);
	return o;
}

static struct one *one_held(struct kunit *test, enum fake_stop stop)
	__acquires(lock)
{
	return one_held_turns(test, stop, 0);
}

static void one_ends(struct kunit *test, struct one *o)
	__releases(lock)
{
	parley_pvlock_unlock(&o->lock);
	fake_go();
	KUNIT_EXPECT_TRUE(test, waiter_done(&o->w));
	KUNIT_EXPECT_TRUE(test, o->ok);
	KUNIT_EXPECT_EQ(test, o->lock.word, 0);
}

/* Spun, slept, kicked once. */
static void wake_head(struct kunit *test)
{
	struct one *o = one_held(test, FAKE_NOWHERE);

	o->ok &= fake_until(fake_sleeps(1));
	o->ok &= !fake_sum(fake.kicks);
	one_ends(test, o);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake.kicks[1]), 1);
	KUNIT_EXPECT_EQ(test, fake_sum(fake.kicks), 1);
}

/* The lock is given back before the sleeper looks: it sees that, and does not sleep. */
static void wake_before_look(struct kunit *test)
{
	struct one *o = one_held(test, FAKE_BEFORE_LOOK);

	o->ok &= fake_until(atomic_read(&fake.stopped));
	one_ends(test, o);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake.halts), 0);
	KUNIT_EXPECT_EQ(test, fake_sum(fake.kicks), 1);
}

/* It is given back between the look and the sleep: the kick is kept. */
static void wake_kick_before_halt(struct kunit *test)
{
	struct one *o = one_held(test, FAKE_BEFORE_SLEEP);

	o->ok &= fake_until(atomic_read(&fake.stopped));
	one_ends(test, o);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake.halts), 1);
	KUNIT_EXPECT_EQ(test, fake_sum(fake.kicks), 1);
}

/* It wakes up by itself and sleeps again: it is kicked for that. */
static void wake_kick_after_time_out(struct kunit *test)
{
	struct parley_pvl_counts before, after;
	struct one *o = one_held(test, FAKE_NOWHERE);

	parley_pvl_sum(&before);
	o->ok &= fake_until(fake_sleeps(1));
	WRITE_ONCE(fake.stop, FAKE_BEFORE_LOOK);
	WRITE_ONCE(fake.wake, true);
	/* It has spun again and said again that it sleeps. */
	o->ok &= fake_until(atomic_read(&fake.stopped));
	parley_pvl_sum(&after);
	WRITE_ONCE(fake.wake, false);
	one_ends(test, o);
	KUNIT_EXPECT_EQ(test, after.spurious, before.spurious + 1);
	KUNIT_EXPECT_EQ(test, fake_sum(fake.kicks), 1);
}

/* It wakes up by itself and spins: nobody has to kick it, and nobody does. */
static void wake_awake_is_not_kicked(struct kunit *test)
{
	struct one *o = one_held(test, FAKE_NOWHERE);

	o->ok &= fake_until(fake_sleeps(1));
	/* So that it does not sleep again. */
	WRITE_ONCE(parley_hv.can, PARLEY_HV_SEES);
	WRITE_ONCE(fake.wake, true);
	o->ok &= fake_until(!(READ_ONCE(o->lock.owner) >> PVL_KICK_SHIFT));
	one_ends(test, o);
	KUNIT_EXPECT_EQ(test, fake_sum(fake.kicks), 0);
}

/* A kick of long ago ends a halt too early, and nothing else. */
static void wake_stale_kick(struct kunit *test)
{
	struct one *o;

	needs_cpus(test, 2);
	atomic_set(&fake.kept[1], 1);
	o = one_held(test, FAKE_NOWHERE);
	o->ok &= fake_until(atomic_read(&fake.halts) > 1 && fake_sleeps(1));
	one_ends(test, o);
	KUNIT_EXPECT_EQ(test, fake_sum(fake.kicks), 1);
}

/* Every halt ends at once: the lock is had all the same. */
static void wake_spurious(struct kunit *test)
{
	struct one *o;

	needs_cpus(test, 2);
	fake.spurious = 1;
	o = one_held(test, FAKE_NOWHERE);
	o->ok &= fake_until(atomic_read(&fake.halts) > 20);
	one_ends(test, o);
	KUNIT_EXPECT_LE(test, fake_sum(fake.kicks), 1);
}

/*
 * The announcement to sleep and the release of the lock are changes to one word, and
 * neither may undo the other (CVE-2019-3016: a bit of a shared byte was lost).
 */
static void bad_61_request_is_kept(struct kunit *test)
{
	struct one *o = one_held(test, FAKE_BEFORE_LOOK);
	u32 owner;

	o->ok &= fake_until(atomic_read(&fake.stopped));
	owner = READ_ONCE(o->lock.owner);
	one_ends(test, o);
	KUNIT_EXPECT_EQ(test, pvl_holder(owner), 0);
	KUNIT_EXPECT_EQ(test, pvl_cpu_of(owner >> PVL_KICK_SHIFT), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake.kicks[1]), 1);
}

/* -------------------------------------------------------- preempted holders */

static void wake_yield_to_holder(struct kunit *test)
{
	struct one *o;

	needs_cpus(test, 2);
	fake.preempted = BIT(0);
	o = one_held(test, FAKE_NOWHERE);
	o->ok &= fake_until(fake_sleeps(1));
	one_ends(test, o);
	KUNIT_EXPECT_GE(test, atomic_read(&fake.yields[0]), 1);
	KUNIT_EXPECT_EQ(test, fake_sum(fake.yields), atomic_read(&fake.yields[0]));
	/* Nothing is learned from that. */
	KUNIT_EXPECT_EQ(test, o->lock.turns, 0);
}

/* Of a holder that runs nobody asks anything. */
static void wake_no_yield(struct kunit *test)
{
	struct one *o;

	needs_cpus(test, 2);
	fake.preempted = ~BIT(0);
	o = one_held(test, FAKE_NOWHERE);
	o->ok &= fake_until(fake_sleeps(1));
	one_ends(test, o);
	KUNIT_EXPECT_EQ(test, fake_sum(fake.yields), 0);
}

static void wake_yield_only(struct kunit *test)
{
	struct one *o;

	needs_cpus(test, 2);
	fake_use(PARLEY_HV_SEES | PARLEY_HV_YIELD);
	fake.preempted = BIT(0);
	o = one_held(test, FAKE_NOWHERE);
	o->ok &= fake_until(atomic_read(&fake.yields[0]) > 3);
	one_ends(test, o);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake.halts), 0);
}

static void wake_halt_only(struct kunit *test)
{
	struct one *o;

	needs_cpus(test, 2);
	fake_use(PARLEY_HV_HALT);
	fake.preempted = BIT(0);
	o = one_held(test, FAKE_NOWHERE);
	o->ok &= fake_until(fake_sleeps(1));
	one_ends(test, o);
	KUNIT_EXPECT_EQ(test, fake_sum(fake.yields), 0);
	KUNIT_EXPECT_EQ(test, fake_sum(fake.kicks), 1);
}

/* Without a hypervisor's help a waiter spins, and is asked for nothing. */
static void wake_none(struct kunit *test)
{
	struct parley_pvl_counts before, after;
	struct one *o;

	needs_cpus(test, 2);
	parley_pvl_sum(&before);
	fake_use(0);
	fake.preempted = ~0ul;
	o = one_held(test, FAKE_NOWHERE);
	o->ok &= fake_until(READ_ONCE(o->lock.turns));
	one_ends(test, o);
	parley_pvl_sum(&after);
	KUNIT_EXPECT_EQ(test, atomic_read(&fake.halts), 0);
	KUNIT_EXPECT_EQ(test, fake_sum(fake.yields) + fake_sum(fake.kicks), 0);
	KUNIT_EXPECT_EQ(test, after.contended, before.contended + 1);
	KUNIT_EXPECT_GT(test, after.spins, before.spins);
	KUNIT_EXPECT_GT(test, after.longest, 0);
}

/* ------------------------------------------------------------------ learned */

/* In vain: fewer turns the next time, but some always. */
static void wake_learns_to_sleep(struct kunit *test)
{
	u32 turns = 2 * PVL_TURNS_MIN;
	struct one *o;
	int i;

	for (i = 0; i < 4; i++) {
		o = one_held_turns(test, FAKE_NOWHERE, turns);
		o->ok &= fake_until(fake_sleeps(1));
		one_ends(test, o);
		KUNIT_EXPECT_LE(test, o->lock.turns, max(turns, PVL_TURNS_MIN));
		turns = o->lock.turns;
	}
	KUNIT_EXPECT_EQ(test, turns, PVL_TURNS_MIN);
}

static void wake_learns(struct kunit *test)
{
	u32 turns, i;

	/* What took n turns is worth between n and twice as many. */
	for (turns = PVL_TURNS_MIN, i = 0; i < 100; i++)
		turns = parley_pvl_learn(turns, true, 500);
	KUNIT_EXPECT_GE(test, turns, 900);
	KUNIT_EXPECT_LE(test, turns, 1000 + PVL_TURNS_MIN);
	for (i = 0; i < 100; i++)
		turns = parley_pvl_learn(turns, true, 5);
	KUNIT_EXPECT_LE(test, turns, 2 * PVL_TURNS_MIN);
	for (i = 0; i < 100; i++)
		turns = parley_pvl_learn(turns, true, 100 * PVL_TURNS_MAX);
	KUNIT_EXPECT_EQ(test, turns, PVL_TURNS_MAX);
	for (i = 0; i < 100; i++)
		turns = parley_pvl_learn(turns, false, turns);
	KUNIT_EXPECT_EQ(test, turns, PVL_TURNS_MIN);
}

static struct kunit_case wake_cases[] = {
	KUNIT_CASE(wake_head),
	KUNIT_CASE(wake_before_look),
	KUNIT_CASE(wake_kick_before_halt),
	KUNIT_CASE(wake_kick_after_time_out),
	KUNIT_CASE(wake_awake_is_not_kicked),
	KUNIT_CASE(wake_stale_kick),
	KUNIT_CASE(wake_spurious),
	KUNIT_CASE(bad_61_request_is_kept),
	KUNIT_CASE(wake_yield_to_holder),
	KUNIT_CASE(wake_no_yield),
	KUNIT_CASE(wake_yield_only),
	KUNIT_CASE(wake_halt_only),
	KUNIT_CASE(wake_none),
	KUNIT_CASE(wake_learns_to_sleep),
	KUNIT_CASE(wake_learns),
	{}
};

static struct kunit_suite wake_suite = {
	.name = "parley_sched_wake",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = wake_cases,
};
kunit_test_suite(wake_suite);
