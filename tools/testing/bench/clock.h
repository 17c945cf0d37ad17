/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Cycles (of the time-stamp counter, which ticks at the nominal frequency),
 * and what keeps a measurement honest on a machine that others use too: pinned
 * threads, runs that were preempted dropped, medians of interleaved runs.
 */
#ifndef _BENCH_CLOCK_H
#define _BENCH_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <x86intrin.h>

#define CLOCK_MAX_RUNS	64

/**
 * struct samples - the runs of one competitor at one load
 * @n: of them
 * @value: cycles per request of each
 */
struct samples {
	unsigned int n;
	double value[CLOCK_MAX_RUNS];
};

/* The fences keep what is measured from leaking out of its bracket. */
static inline uint64_t clock_now(void)
{
	uint64_t t;

	_mm_lfence();
	t = __rdtsc();
	_mm_lfence();
	return t;
}

uint64_t clock_overhead(void);
void clock_pin(unsigned int cpu);
long clock_preemptions(void);
void clock_add(struct samples *samples, double value);
double clock_median(struct samples *samples);
double clock_spread(struct samples *samples);

#endif
