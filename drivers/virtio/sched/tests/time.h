/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A time that a test makes, and a hypervisor that steals from it.
 *
 * All who look at what was stolen see fake_now for CLOCK_MONOTONIC, on every processor.
 * hrtimers know nothing of it: no effective timer may run.
 */
#ifndef _PARLEY_SCHED_TESTS_TIME_H
#define _PARLEY_SCHED_TESTS_TIME_H

#include "../steal.h"
#include "fake.h"

extern u64 fake_now;

int fake_time_init(struct kunit *test);
void fake_time_exit(struct kunit *test);
int fake_real_init(struct kunit *test);
void fake_real_exit(struct kunit *test);

/* The same each time that a test runs. */
static inline u32 time_random(u32 *state, u32 below)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 8) % below;
}

/* Go on, on this processor. */
static inline void time_move(struct kunit *test, int cpu)
{
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current, cpumask_of(cpu)), 0);
}

#endif /* _PARLEY_SCHED_TESTS_TIME_H */
