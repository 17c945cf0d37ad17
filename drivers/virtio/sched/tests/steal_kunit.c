// SPDX-License-Identifier: GPL-2.0-only
/* What of a hypervisor's number is believed, and the effective clock of a processor. */
#include "time.h"

#define US	NSEC_PER_USEC

static void steal_counts(struct kunit *test)
{
	u64 before = parley_effective_ns();

	KUNIT_EXPECT_TRUE(test, parley_steal_known());
	KUNIT_EXPECT_EQ(test, parley_stolen_ns(0), 0);
	fake_now += 100 * US;
	fake.said[0] += 30 * US;
	KUNIT_EXPECT_EQ(test, parley_stolen_ns(0), 30 * US);
	KUNIT_EXPECT_EQ(test, parley_effective_ns() - before, 70 * US);
	KUNIT_EXPECT_EQ(test, parley_steal_copy(0).longest, 30 * US);
	KUNIT_EXPECT_EQ(test, parley_steal_copy(0).times, 1);
	/* Of one processor, and of no other. */
	KUNIT_EXPECT_EQ(test, parley_stolen_ns(1), 0);
}

/* What was said before anybody asked is no theft of ours. */
static void steal_begins_at_zero(struct kunit *test)
{
	fake.said[0] = 12345 * US;
	parley_steal_forget();
	fake_now += US;
	KUNIT_EXPECT_EQ(test, parley_stolen_ns(0), 0);
	fake_now += US;
	fake.said[0] += US;
	KUNIT_EXPECT_EQ(test, parley_stolen_ns(0), US);
}

/* A host that claims more than there was: the clock stands still, and no more. */
static void steal_jump(struct kunit *test)
{
	u64 before = parley_effective_ns();

	fake_now += 100 * US;
	fake.said[0] += 365ull * 86400 * NSEC_PER_SEC;
	KUNIT_EXPECT_EQ(test, parley_effective_ns(), before);
	KUNIT_EXPECT_EQ(test, parley_stolen_ns(0), 100 * US);
	KUNIT_EXPECT_EQ(test, parley_steal_copy(0).excess,
			365ull * 86400 * NSEC_PER_SEC - 100 * US);
	/* And it is not held against the time to come. */
	fake_now += 50 * US;
	KUNIT_EXPECT_EQ(test, parley_effective_ns(), before + 50 * US);
}

static void steal_backwards(struct kunit *test)
{
	u64 before;

	fake.said[0] = 500 * US;
	parley_steal_forget();
	before = parley_effective_ns();
	fake_now += 100 * US;
	fake.said[0] = 20 * US;
	KUNIT_EXPECT_EQ(test, parley_effective_ns(), before + 100 * US);
	KUNIT_EXPECT_EQ(test, parley_steal_copy(0).backwards, 1);
	/* From there it counts. */
	fake_now += 100 * US;
	fake.said[0] += 40 * US;
	KUNIT_EXPECT_EQ(test, parley_effective_ns(), before + 160 * US);
}

static void steal_wraps(struct kunit *test)
{
	fake.said[0] = U64_MAX - 9;
	parley_steal_forget();
	fake_now += 100 * US;
	fake.said[0] = 20;
	KUNIT_EXPECT_EQ(test, parley_stolen_ns(0), 30);
	KUNIT_EXPECT_EQ(test, parley_steal_copy(0).backwards, 0);
}

/* Nothing is said for a while; what is said then is a new beginning. */
static void steal_absent(struct kunit *test)
{
	u64 before = parley_effective_ns();

	fake_now += 100 * US;
	fake.said[0] += 10 * US;
	KUNIT_EXPECT_EQ(test, parley_stolen_ns(0), 10 * US);
	fake.absent = true;
	KUNIT_EXPECT_FALSE(test, parley_steal_known());
	fake_now += 100 * US;
	fake.said[0] += 10 * US;
	KUNIT_EXPECT_EQ(test, parley_stolen_ns(0), 10 * US);
	fake.absent = false;
	KUNIT_EXPECT_EQ(test, parley_stolen_ns(0), 10 * US);
	fake_now += 100 * US;
	fake.said[0] += 10 * US;
	KUNIT_EXPECT_EQ(test, parley_stolen_ns(0), 20 * US);
	KUNIT_EXPECT_EQ(test, parley_effective_ns(), before + 280 * US);
}

static void steal_without(struct kunit *test)
{
	fake_use(0);
	parley_steal_forget();
	fake.said[0] += 50 * US;
	fake_now += 100 * US;
	KUNIT_EXPECT_FALSE(test, parley_steal_known());
	KUNIT_EXPECT_EQ(test, parley_stolen_ns(0), 0);
	KUNIT_EXPECT_EQ(test, parley_effective_ns(), fake_now);
}

/*
 * The processor is taken away in the midst of a look: each time that the number is
 * read, or only once.  What was added after the number was read must not be lost.
 */
static unsigned int steal_asked, steal_until;

static bool steal_while_looking(int cpu, u64 *ns)
{
	if (++steal_asked <= steal_until) {
		/* Away after the number was read. */
		*ns = fake.said[cpu];
		fake.said[cpu] += 40 * US;
		fake_now += 40 * US;
		return true;
	}
	*ns = fake.said[cpu];
	return true;
}

static void steal_amid_look(struct kunit *test)
{
	u64 before = parley_effective_ns(), start = fake_now;

	steal_asked = 0;
	steal_until = 1;
	fake.stolen = steal_while_looking;
	KUNIT_EXPECT_EQ(test, parley_effective_ns(), before);
	KUNIT_EXPECT_EQ(test, fake_now, start + 40 * US);
	KUNIT_EXPECT_EQ(test, parley_steal_copy(0).excess, 0);
	/* If it goes on and on, the look has an end. */
	steal_asked = 0;
	steal_until = UINT_MAX;
	KUNIT_EXPECT_GE(test, parley_effective_ns(), before);
	KUNIT_EXPECT_LT(test, steal_asked, 100);
}

/* Another processor's clock is behind: no time passes, and none is given back. */
static void steal_clock_behind(struct kunit *test)
{
	struct parley_steal s = {};

	parley_steal_step(&s, 1000, true, 0);
	KUNIT_EXPECT_EQ(test, parley_steal_step(&s, 900, true, 50), 0);
	KUNIT_EXPECT_EQ(test, s.mono, 1000);
	KUNIT_EXPECT_EQ(test, s.excess, 50);
	KUNIT_EXPECT_EQ(test, parley_steal_step(&s, 1100, true, 80), 30);
}

/* The worst that can be said, at random: never back, and never faster than time. */
static void steal_hostile(struct kunit *test)
{
	struct parley_steal s = {};
	u32 random = 3, n;
	u64 mono = 0, raw = 0;

	for (n = 0; n < 20000; n++) {
		u64 effective = s.mono - s.stolen, was = s.mono, stolen = s.stolen;

		mono += time_random(&random, 1000);
		switch (time_random(&random, 6)) {
		case 0:
			raw = (u64)time_random(&random, 1 << 24) << 40;
			break;
		case 1:
			raw -= time_random(&random, 5000);
			break;
		case 2:
			raw = U64_MAX - time_random(&random, 3);
			break;
		default:
			raw += time_random(&random, 1500);
		}
		parley_steal_step(&s, mono, time_random(&random, 10), raw);
		if (s.stolen < stolen || s.mono - s.stolen < effective ||
		    s.mono - s.stolen > effective + (s.mono - was))
			break;
	}
	KUNIT_EXPECT_EQ(test, n, 20000);
}

/*
 * Who peeks while the processor is away must not make it forget what is being stolen:
 * that is said later, for a time that began before the peek.
 */
static void steal_peek_keeps(struct kunit *test)
{
	u64 before;

	needs_cpus(test, 2);
	before = parley_effective_ns();
	fake_now += 200 * US;
	time_move(test, 1);
	KUNIT_EXPECT_EQ(test, parley_stolen_ns(0), 0);
	fake_now += 100 * US;
	fake.said[0] += 300 * US;
	KUNIT_EXPECT_EQ(test, parley_stolen_ns(0), 300 * US);
	time_move(test, 0);
	KUNIT_EXPECT_EQ(test, parley_stolen_ns(0), 300 * US);
	KUNIT_EXPECT_EQ(test, parley_effective_ns(), before);
	KUNIT_EXPECT_EQ(test, parley_steal_copy(0).excess, 0);
}

static struct kunit_case steal_cases[] = {
	KUNIT_CASE(steal_counts),
	KUNIT_CASE(steal_begins_at_zero),
	KUNIT_CASE(steal_jump),
	KUNIT_CASE(steal_backwards),
	KUNIT_CASE(steal_wraps),
	KUNIT_CASE(steal_absent),
	KUNIT_CASE(steal_without),
	KUNIT_CASE(steal_amid_look),
	KUNIT_CASE(steal_clock_behind),
	KUNIT_CASE(steal_peek_keeps),
	KUNIT_CASE(steal_hostile),
	{}
};

static struct kunit_suite steal_suite = {
	.name = "parley_sched_steal",
	.init = fake_time_init,
	.exit = fake_time_exit,
	.test_cases = steal_cases,
};

kunit_test_suite(steal_suite);
