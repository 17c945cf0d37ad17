// SPDX-License-Identifier: GPL-2.0-only
/* A host for tests; see fake.h. */
#include <linux/sched.h>
#include "fake.h"

struct fake fake;

static const struct parley_steal_source *fake_before;

static bool fake_says(void)
{
	switch (READ_ONCE(fake.when)) {
	case FAKE_NEXT_TIME:
		return atomic_dec_if_positive(&fake.skip) < 0;
	case FAKE_IF_NUDGED:
		return atomic64_read(&parley_steal_counts.nudged) >= READ_ONCE(fake.nudges);
	default:
		return true;
	}
}

static u64 fake_read(int cpu)
{
	if (fake.each && atomic_dec_if_positive(&fake.times) >= 0)
		fake_steal(cpu, fake.each);
	if (fake_says())
		fake.said[cpu] = atomic64_read(&fake.stolen[cpu]);
	return fake.said[cpu];
}

static struct parley_steal_source fake_source = {
	.name = "fake",
	.read = fake_read,
};

/* A host that tells of what it stole after @grain, with nothing stolen yet. */
void fake_use(u64 grain)
{
	fake_source.grain = grain;
	parley_steal_begin(&fake_source);
}

int fake_init(struct kunit *test)
{
	if (nr_cpu_ids > FAKE_CPUS)
		kunit_skip(test, "more processors than were thought of");
	fake_before = raw_cpu_ptr(&parley_steal_cpu)->source;
	memset(&fake, 0, sizeof(fake));
	fake_use(0);
	return 0;
}

void fake_exit(struct kunit *test)
{
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	if (fake_before)
		parley_steal_begin(fake_before);
	fake_before = NULL;
}

/* The processor of the test, which stays there. */
void fake_go_to(struct kunit *test, int cpu)
{
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(cpu)), 0);
	KUNIT_ASSERT_EQ(test, raw_smp_processor_id(), cpu);
}
