// SPDX-License-Identifier: GPL-2.0-only
/* What clocks say, whatever the host says. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/random.h>
#include <parley/export.h>
#include "fake.h"

#define STOLEN	(5 * MS)

static struct parley_steal look(struct kunit *test, int cpu)
{
	struct parley_steal now = {};

	KUNIT_EXPECT_EQ(test, parley_steal_read(cpu, &now), 0);
	return now;
}

/* Nothing is stolen: it is the monotonic clock. */
static void clock_alone(struct kunit *test)
{
	struct parley_steal now = look(test, 0);
	u64 before = ktime_get_ns();

	KUNIT_EXPECT_EQ(test, now.stolen, 0);
	KUNIT_EXPECT_EQ(test, now.clock, now.mono);
	KUNIT_EXPECT_GE(test, parley_steal_clock(0), before);
}

/* What is stolen is missing, from this processor and from no other. */
static void clock_stolen(struct kunit *test)
{
	struct parley_steal now;

	needs_cpus(test, 2);
	fake_spin(look(test, 0).mono + STOLEN);
	fake_steal(0, STOLEN);
	now = look(test, 0);
	KUNIT_EXPECT_EQ(test, now.stolen, STOLEN);
	KUNIT_EXPECT_EQ(test, now.clock, now.mono - STOLEN);
	now = look(test, 1);
	KUNIT_EXPECT_EQ(test, now.stolen, 0);
	KUNIT_EXPECT_EQ(test, now.clock, now.mono);
}

/* Known when the clock has already gone on: it stands, and then it is right. */
static void clock_late(struct kunit *test)
{
	struct parley_steal before, now;

	before = look(test, 0);
	fake_steal(0, 20 * STOLEN);
	do {
		now = look(test, 0);
		KUNIT_ASSERT_EQ(test, now.clock,
				max(before.clock, now.mono - 20 * STOLEN));
	} while (now.clock == before.clock);
	KUNIT_EXPECT_EQ(test, now.stolen, 20 * STOLEN);
	KUNIT_EXPECT_EQ(test, now.clock, now.mono - 20 * STOLEN);
}

/* Since boot, and what was stolen before anybody looked counts. */
static void clock_since_boot(struct kunit *test)
{
	fake_steal(0, STOLEN);
	fake_use(0);
	KUNIT_EXPECT_EQ(test, look(test, 0).stolen, STOLEN);
	/* More than there was cannot be. */
	fake_steal(0, 2 * ktime_get_ns() + 2 * PARLEY_STEAL_LATE);
	fake_use(0);
	KUNIT_EXPECT_LE(test, look(test, 0).stolen, ktime_get_ns() + PARLEY_STEAL_LATE);
}

/* A counter that begins anew is believed from there on. */
static void bad_clock_backwards(struct kunit *test)
{
	struct parley_steal now;

	fake_spin(look(test, 0).mono + 2 * STOLEN);
	fake_steal(0, STOLEN);
	look(test, 0);
	atomic64_set(&fake.stolen[0], 0);
	now = look(test, 0);
	KUNIT_EXPECT_EQ(test, now.stolen, STOLEN);
	fake_spin(now.mono + STOLEN);
	fake_steal(0, STOLEN);
	now = look(test, 0);
	KUNIT_EXPECT_EQ(test, now.stolen, 2 * STOLEN);
	KUNIT_EXPECT_EQ(test, now.clock, now.mono - 2 * STOLEN);
	KUNIT_EXPECT_EQ(test, per_cpu(parley_steal_cpu, 0).backwards, 1);
}

/* A lie holds the clock back for no longer than was said, not for ever. */
static void bad_clock_lie(struct kunit *test)
{
	struct parley_steal before = look(test, 0), now;

	fake_steal(0, S64_MAX);
	now = look(test, 0);
	KUNIT_EXPECT_EQ(test, now.clock, before.clock);
	KUNIT_EXPECT_EQ(test, now.mono - now.stolen, now.clock - PARLEY_STEAL_LATE);
	KUNIT_EXPECT_EQ(test, now.stolen + per_cpu(parley_steal_cpu, 0).sum.refused, S64_MAX);
	/* Again, and no less truth in it: not one nanosecond more than has passed. */
	fake_steal(0, PARLEY_STEAL_LATE);
	before = now;
	now = look(test, 0);
	KUNIT_EXPECT_EQ(test, now.stolen - before.stolen, now.mono - before.mono);
}

/* Anything. */
static void bad_clock_noise(struct kunit *test)
{
	struct parley_steal before = look(test, 0), now;
	int i;

	for (i = 0; i < 20000; i++) {
		if (get_random_u32_below(2))
			atomic64_set(&fake.stolen[0], get_random_u64());
		else
			fake_steal(0, get_random_u32());
		now = look(test, 0);
		KUNIT_ASSERT_GE(test, now.clock, before.clock);
		KUNIT_ASSERT_GE(test, now.stolen, before.stolen);
		KUNIT_ASSERT_LE(test, now.clock, now.mono);
		KUNIT_ASSERT_GE(test, now.mono + PARLEY_STEAL_LATE, now.clock + now.stolen);
		before = now;
	}
	KUNIT_EXPECT_GT(test, per_cpu(parley_steal_cpu, 0).backwards, 0);
}

static void bad_clock_nobody(struct kunit *test)
{
	struct parley_steal now;

	KUNIT_EXPECT_EQ(test, parley_steal_read(nr_cpu_ids, &now), -EINVAL);
	KUNIT_EXPECT_EQ(test, parley_steal_read(-2, &now), -EINVAL);
	KUNIT_EXPECT_EQ(test, parley_steal_read(INT_MIN, &now), -EINVAL);
	KUNIT_EXPECT_EQ(test, parley_steal_clock(INT_MAX), 0);
}

/* ----------------------------------------------------------------- of all */

static void clock_all(struct kunit *test)
{
	unsigned int n = num_online_cpus();
	struct parley_steal now;
	u64 sum = 0;
	int i, cpu;

	/* In pieces that cannot be divided: nothing is lost of them. */
	for (i = 0; i < 1000; i++) {
		fake_steal(0, 1);
		sum += 1;
		look(test, PARLEY_STEAL_ALL);
	}
	KUNIT_EXPECT_EQ(test, look(test, PARLEY_STEAL_ALL).stolen, sum / n);
	fake_spin(ktime_get_ns() + STOLEN);
	for_each_online_cpu(cpu)
		fake_steal(cpu, STOLEN);
	now = look(test, PARLEY_STEAL_ALL);
	KUNIT_EXPECT_EQ(test, now.stolen, sum / n + STOLEN);
	KUNIT_EXPECT_EQ(test, now.clock, now.mono - now.stolen);
}

static void bad_clock_all_lie(struct kunit *test)
{
	struct parley_steal before = look(test, PARLEY_STEAL_ALL), now;
	int i;

	for (i = 0; i < 1000; i++) {
		atomic64_set(&fake.stolen[i % nr_cpu_ids], get_random_u64());
		now = look(test, PARLEY_STEAL_ALL);
		KUNIT_ASSERT_GE(test, now.clock, before.clock);
		KUNIT_ASSERT_GE(test, now.mono + PARLEY_STEAL_LATE, now.clock + now.stolen);
		before = now;
	}
}

/* ------------------------------------------------------------------- waits */

static void wait_stolen(struct kunit *test)
{
	struct parley_steal_wait wait;
	u64 began, ran;

	fake_go_to(test, 0);
	fake_steal(0, STOLEN);
	began = ktime_get_ns();
	parley_steal_wait_begin(&wait);
	fake_spin(ktime_get_ns() + 2 * STOLEN);
	KUNIT_EXPECT_GE(test, parley_steal_wait_ran(&wait), 2 * STOLEN);
	fake_spin(ktime_get_ns() + 2 * STOLEN);
	fake_steal(0, STOLEN);
	ran = parley_steal_wait_ran(&wait);
	KUNIT_EXPECT_GE(test, ran, 3 * STOLEN);
	KUNIT_EXPECT_LE(test, ran, ktime_get_ns() - began - STOLEN);
	KUNIT_EXPECT_EQ(test, wait.stolen, STOLEN);
}

/* What is known late does not make it less than it was. */
static void wait_late(struct kunit *test)
{
	struct parley_steal_wait wait;
	u64 ran;

	fake_go_to(test, 0);
	parley_steal_wait_begin(&wait);
	fake_spin(ktime_get_ns() + STOLEN);
	ran = parley_steal_wait_ran(&wait);
	fake_steal(0, 1000 * STOLEN);
	KUNIT_EXPECT_EQ(test, parley_steal_wait_ran(&wait), ran);
}

/* Until it looks the former processor counts, and then the new one. */
static void wait_migrates(struct kunit *test)
{
	struct parley_steal_wait wait;

	needs_cpus(test, 2);
	fake_go_to(test, 0);
	parley_steal_wait_begin(&wait);
	fake_steal(0, 1 * MS);
	fake_go_to(test, 1);
	fake_steal(0, 2 * MS);
	/* Nobody knows when it came, so this is what happened before it did. */
	fake_steal(1, 4 * MS);
	parley_steal_wait_ran(&wait);
	KUNIT_EXPECT_EQ(test, wait.stolen, 3 * MS);
	fake_steal(0, 8 * MS);
	fake_steal(1, 16 * MS);
	parley_steal_wait_ran(&wait);
	KUNIT_EXPECT_EQ(test, wait.stolen, 19 * MS);
	fake_go_to(test, 0);
	parley_steal_wait_ran(&wait);
	fake_steal(0, 32 * MS);
	parley_steal_wait_ran(&wait);
	KUNIT_EXPECT_EQ(test, wait.stolen, 51 * MS);
}

/* --------------------------------------------------------------- in parallel */

#define MANY	4

struct many {
	struct task_struct *task;
	u64 looks;
	bool backwards;
};

/* Each looks at all, while something is stolen from all. */
static int many_look(void *data)
{
	struct many *m = data;
	u64 before[FAKE_CPUS + 1] = {}, now;
	int cpu;

	while (!kthread_should_stop()) {
		for (cpu = PARLEY_STEAL_ALL; cpu < (int)nr_cpu_ids; cpu++) {
			if (cpu >= 0 && !cpu_possible(cpu))
				continue;
			now = parley_steal_clock(cpu);
			m->backwards |= now < before[cpu + 1];
			before[cpu + 1] = now;
			if (cpu >= 0)
				fake_steal(cpu, get_random_u32_below(STOLEN));
		}
		m->looks++;
		cond_resched();
	}
	return 0;
}

static void clock_many(struct kunit *test)
{
	struct many many[MANY] = {};
	int i;

	for (i = 0; i < MANY; i++) {
		many[i].task = kthread_run(many_look, &many[i], "steal-many");
		if (IS_ERR(many[i].task))
			break;
	}
	msleep(300);
	KUNIT_EXPECT_EQ(test, i, MANY);
	while (i--) {
		kthread_stop(many[i].task);
		KUNIT_EXPECT_FALSE(test, many[i].backwards);
		KUNIT_EXPECT_GT(test, many[i].looks, 0);
	}
}

static struct kunit_case clock_cases[] = {
	KUNIT_CASE(clock_alone),
	KUNIT_CASE(clock_stolen),
	KUNIT_CASE(clock_late),
	KUNIT_CASE(clock_since_boot),
	KUNIT_CASE(bad_clock_backwards),
	KUNIT_CASE(bad_clock_lie),
	KUNIT_CASE(bad_clock_noise),
	KUNIT_CASE(bad_clock_nobody),
	KUNIT_CASE(clock_all),
	KUNIT_CASE(bad_clock_all_lie),
	KUNIT_CASE(wait_stolen),
	KUNIT_CASE(wait_late),
	KUNIT_CASE(wait_migrates),
	KUNIT_CASE(clock_many),
	{}
};

static struct kunit_suite clock_suite = {
	.name = "parley_steal_clock",
	.init = fake_init,
	.exit = fake_exit,
	.test_cases = clock_cases,
};
kunit_test_suite(clock_suite);

PARLEY_IMPORT;
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of Parley's clocks without stolen time");
MODULE_LICENSE("GPL");
