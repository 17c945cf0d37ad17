/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A host for tests: it steals what it is told to, and says so when it is told to.
 */
#ifndef _PARLEY_STEAL_TESTS_FAKE_H
#define _PARLEY_STEAL_TESTS_FAKE_H

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/timekeeping.h>
#include "../steal.h"

#define FAKE_CPUS	16
#define MS		((u64)NSEC_PER_MSEC)

/* When it says what it stole. */
enum fake_when { FAKE_AT_ONCE, FAKE_NEXT_TIME, FAKE_IF_NUDGED };

/*
 * struct fake - what was stolen
 * @stolen: from each processor
 * @said: what it said last
 * @when: it says so
 * @skip: so many looks before it says so, for FAKE_NEXT_TIME
 * @nudges: so many there must have been for FAKE_IF_NUDGED
 * @each: this much more with every look at a processor
 * @times: for so many looks
 */
struct fake {
	atomic64_t stolen[FAKE_CPUS];
	u64 said[FAKE_CPUS];
	enum fake_when when;
	atomic_t skip;
	s64 nudges;
	u64 each;
	atomic_t times;
};

extern struct fake fake;

int fake_init(struct kunit *test);
void fake_exit(struct kunit *test);
void fake_use(u64 grain);
void fake_go_to(struct kunit *test, int cpu);

static inline void fake_steal(int cpu, u64 ns)
{
	atomic64_add(ns, &fake.stolen[cpu]);
}

/* Until this moment, without sleeping. */
static inline void fake_spin(u64 until)
{
	while (ktime_get_ns() < until)
		cpu_relax();
}

/* Skip what needs more processors than there are. */
#define needs_cpus(test, n)							\
do {										\
	if (num_online_cpus() < (n))						\
		kunit_skip(test, "needs %d processors", n);			\
} while (0)

#endif /* _PARLEY_STEAL_TESTS_FAKE_H */
