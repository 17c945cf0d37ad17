// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cycles per request of each role with a single thread playing both ends.
 * Competitors take turns run by run; prints, for each load,
 * TABLE FORMAT VALUE COMPETITOR ROLE MEDIAN SPREAD.
 */
#include <stdio.h>
#include "clock.h"
#include "load.h"

#define RUNS		15
#define ATTEMPTS	60
#define MAX_WHO		4
#define MAX_QUEUES	8

struct shape {
	const char *table;
	unsigned int size, batch, queues, value;
	bool indirect;
};

/* Cycles of a run, in total. */
struct cost {
	uint64_t driver, device;
};

static uint64_t overhead;

static struct cost run(struct load *loads, unsigned int queues,
		       unsigned int rounds)
{
	struct cost cost = { 0 };
	unsigned int i;

	for (i = 0; i < rounds; i++) {
		struct load *load = &loads[i % queues];
		uint64_t start = clock_now(), put, served, reaped;

		load_put(load);
		put = clock_now();
		load_serve(load);
		served = clock_now();
		load_reap(load);
		reaped = clock_now();
		cost.driver += put - start + reaped - served - 2 * overhead;
		cost.device += served - put - overhead;
		load_check(load);
	}
	return cost;
}

static unsigned int rounds_of(const struct shape *shape)
{
	unsigned int requests = 2 * shape->size * shape->queues;

	return (requests < 8192 ? 8192 : requests) / shape->batch;
}

static void measure(const struct shape *shape, bool packed)
{
	struct bench_conf conf = {
		.packed = packed, .size = shape->size,
		.segs = shape->indirect ? 3 : 1, .n_out = shape->indirect,
		.indirect = shape->indirect,
	};
	static struct samples driver[MAX_WHO], device[MAX_WHO];
	static struct load loads[MAX_WHO][MAX_QUEUES];
	unsigned int rounds = rounds_of(shape), try, w, q;
	double requests = (double)rounds * shape->batch;

	for (w = 0; bench_all[w]; w++) {
		driver[w].n = 0;
		device[w].n = 0;
		for (q = 0; q < shape->queues; q++)
			load_init(&loads[w][q], bench_all[w]->driver,
				  bench_all[w]->device, &conf, shape->batch);
		run(loads[w], shape->queues, rounds);
	}
	for (try = 0; try < ATTEMPTS; try++) {
		for (w = 0; bench_all[w]; w++) {
			long before = clock_preemptions();
			struct cost cost = run(loads[w], shape->queues, rounds);

			if (driver[w].n == RUNS ||
			    clock_preemptions() != before)
				continue;
			clock_add(&driver[w], cost.driver / requests);
			clock_add(&device[w], cost.device / requests);
		}
		for (w = 0; bench_all[w] && driver[w].n == RUNS;)
			w++;
		if (!bench_all[w])
			break;
	}
	for (w = 0; bench_all[w]; w++) {
		const char *fmt = packed ? "packed" : "split";
		const char *name = bench_all[w]->name;

		printf("%s %s %u %s driver %.1f %.3f\n", shape->table, fmt,
		       shape->value, name, clock_median(&driver[w]),
		       clock_spread(&driver[w]));
		printf("%s %s %u %s device %.1f %.3f\n", shape->table, fmt,
		       shape->value, name, clock_median(&device[w]),
		       clock_spread(&device[w]));
		for (q = 0; q < shape->queues; q++)
			load_exit(&loads[w][q]);
	}
}

static void both(const struct shape *shape)
{
	measure(shape, false);
	measure(shape, true);
	fflush(stdout);
}

int main(void)
{
	unsigned int v;

	clock_pin(0);
	overhead = clock_overhead();
	both(&(struct shape){ "one", 256, 32, 1, 32 });
	both(&(struct shape){ "three", 256, 32, 1, 32, .indirect = true });
	for (v = 1; v <= BENCH_MAX_BATCH; v *= 2)
		both(&(struct shape){ "batch", 256, v, 1, v });
	for (v = 64; v <= 32768; v *= 2)
		both(&(struct shape){ "size", v, 32, 1, v });
	for (v = 1; v <= MAX_QUEUES; v *= 2)
		both(&(struct shape){ "queues", 256, 32, v, v });
	return 0;
}
