// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include "bench.h"
#include "clock.h"

/* Cycles that an empty bracket of two readings shows. */
uint64_t clock_overhead(void)
{
	uint64_t best = ~0ULL, t;
	unsigned int i;

	for (i = 0; i < 1000; i++) {
		t = clock_now();
		t = clock_now() - t;
		if (t < best)
			best = t;
	}
	return best;
}

/*
 * Pin the calling thread, and ask that no ordinary thread preempts it: the
 * runs are far shorter than what the kernel allows real-time threads a second.
 * Without the privilege the runs that were preempted are dropped all the same.
 */
void clock_pin(unsigned int cpu)
{
	struct sched_param param = { .sched_priority = 1 };
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bench_fail("cannot pin a thread: are there two processors?");
	(void)pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
}

/* How often the calling thread lost its processor against its will. */
long clock_preemptions(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nivcsw;
}

void clock_add(struct samples *samples, double value)
{
	if (samples->n < CLOCK_MAX_RUNS)
		samples->value[samples->n++] = value;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double clock_median(struct samples *samples)
{
	if (!samples->n)
		bench_fail("every run was preempted: is the machine busy?");
	qsort(samples->value, samples->n, sizeof(double), by_value);
	return samples->value[samples->n / 2];
}

/* Half the distance between the quartiles, in parts of the median. */
double clock_spread(struct samples *samples)
{
	double median = clock_median(samples);

	return (samples->value[samples->n * 3 / 4] -
		samples->value[samples->n / 4]) / 2 / median;
}
