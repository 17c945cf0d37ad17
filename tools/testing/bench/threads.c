// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cycles per request with the two ends on two processors, both polling.
 *
 * What that costs is mostly how far the processors are apart, and a virtual
 * machine's are moved: now they share a cache, now they do not, and the round
 * trip of a line differs four times. So each run tosses a line to and fro
 * before and after, and is filed under what that showed.
 *
 * Competitors take turns run by run; prints, for each way to poll and each
 * distance that was seen often enough,
 * TABLE FORMAT VALUE COMPETITOR DISTANCE MEDIAN SPREAD.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"
#include "clock.h"

#define RUNS		21	/* wanted of each, far apart */
#define ENOUGH		5	/* fewer are not shown */
#define MAX_WHO		4
#define RING		256
#define TOSSES		256
#define FAR_CYCLES	450	/* seen: 230 within a cache, 940 without one */

enum distance { NEAR, FAR, DISTANCES };

static const char *const distance_name[] = { "near", "far" };

struct shape {
	const char *table;
	unsigned int in_flight, batch, pauses;
	unsigned long requests;
};

static const struct shape shapes[] = {
	{ "poll", RING, 32, 0, 1 << 17 },
	{ "pause", RING, 32, 64, 1 << 17 },
	{ "pingpong", 1, 1, 0, 1 << 14 },
};

#define SHAPES	(sizeof(shapes) / sizeof(shapes[0]))

/* All runs: of each way to poll, each format, competitor and distance. */
static struct samples samples[SHAPES][2][MAX_WHO][DISTANCES];
static struct samples trips[DISTANCES];

/**
 * struct duel - one run
 * @ops: whose
 * @ring: the driver's end of the ring between the threads
 * @served: the device's
 * @shape: how they poll
 * @stop: the driver has all it wants
 * @preempted: the device lost its processor
 * @ball: tossed to find out the distance
 */
struct duel {
	const struct bench_ops *ops;
	void *ring;
	void *served;
	const struct shape *shape;
	atomic_bool stop;
	bool preempted;
	_Alignas(BENCH_LINE) atomic_uint ball;
};

static inline void relax(unsigned int pauses)
{
	while (pauses--)
		_mm_pause();
}

/* One side sends odd numbers, the other answers with the next even one. */
static void catch(atomic_uint *ball)
{
	unsigned int i;

	for (i = 0; i < TOSSES; i++) {
		while (atomic_load_explicit(ball, memory_order_acquire) != 2 * i + 1)
			;
		atomic_store_explicit(ball, 2 * i + 2, memory_order_release);
	}
}

static double toss(atomic_uint *ball)
{
	uint64_t start = 0;
	unsigned int i;

	for (i = 0; i < TOSSES; i++) {
		if (i == TOSSES / 2)
			start = clock_now();
		atomic_store_explicit(ball, 2 * i + 1, memory_order_release);
		while (atomic_load_explicit(ball, memory_order_acquire) != 2 * i + 2)
			;
	}
	start = clock_now() - start;
	atomic_store(ball, 0);
	return (double)start / (TOSSES / 2);
}

static enum distance distance(double trip)
{
	return trip > FAR_CYCLES ? FAR : NEAR;
}

static void *device(void *arg)
{
	struct duel *duel = arg;
	const struct shape *shape = duel->shape;
	unsigned int batch = shape->batch, pauses = shape->pauses;
	unsigned int (*serve)(void *, unsigned int) = duel->ops->device->serve;
	void *ring = duel->served;
	long before = clock_preemptions();

	catch(&duel->ball);
	while (!atomic_load_explicit(&duel->stop, memory_order_relaxed))
		if (!serve(ring, batch))
			relax(pauses);
	catch(&duel->ball);
	duel->preempted = clock_preemptions() != before;
	return NULL;
}

static void drive(struct duel *duel, unsigned long requests)
{
	unsigned int batch = duel->shape->batch, pauses = duel->shape->pauses;
	unsigned int room = duel->shape->in_flight - batch, n;
	const struct bench_driver *ops = duel->ops->driver;
	struct bench_done done[BENCH_MAX_BATCH];
	unsigned long sent = 0, seen = 0;
	void *ring = duel->ring;

	while (seen < requests) {
		if (sent < requests && sent - seen <= room) {
			ops->put(ring, sent % RING, batch);
			sent += batch;
		}
		n = ops->reap(ring, done, batch);
		seen += n;
		if (!n)
			relax(pauses);
	}
}

/*
 * The device's thread starts on its processor: it would never get to move
 * there by itself while the driver's holds the one where it began.
 */
static pthread_t start_device(struct duel *duel)
{
	pthread_attr_t attr;
	pthread_t thread;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(1, &set);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	if (pthread_create(&thread, &attr, device, duel))
		bench_fail("cannot start a thread on the second processor");
	pthread_attr_destroy(&attr);
	return thread;
}

/* File one run, unless it was preempted or the processors were moved. */
static void run(const struct bench_ops *ops, const struct shape *shape,
		bool packed, struct samples *out)
{
	struct bench_conf conf = { .packed = packed, .size = RING, .segs = 1 };
	struct duel duel = { .ops = ops, .shape = shape };
	double before, after;
	uint64_t area[3], cycles;
	pthread_t thread;
	bool preempted;
	long switches;

	duel.ring = ops->driver->create(&conf);
	ops->driver->where(duel.ring, area);
	duel.served = ops->device->create(&conf, area);
	thread = start_device(&duel);
	before = toss(&duel.ball);
	drive(&duel, shape->requests / 8 / RING * RING);
	switches = clock_preemptions();
	cycles = clock_now();
	drive(&duel, shape->requests);
	cycles = clock_now() - cycles;
	preempted = clock_preemptions() != switches;
	atomic_store(&duel.stop, true);
	after = toss(&duel.ball);
	pthread_join(thread, NULL);
	ops->device->destroy(duel.served);
	ops->driver->destroy(duel.ring);
	if (preempted || duel.preempted || distance(before) != distance(after))
		return;
	clock_add(&out[distance(before)], (double)cycles / shape->requests);
	clock_add(&trips[distance(before)], before);
}

/* One run of everything; returns whether more are wanted. */
static bool round_of_runs(void)
{
	bool more = false;
	unsigned int s, packed, w;

	for (s = 0; s < SHAPES; s++)
		for (packed = 0; packed < 2; packed++)
			for (w = 0; bench_all[w]; w++) {
				struct samples *cell = samples[s][packed][w];

				run(bench_all[w], &shapes[s], packed, cell);
				more |= cell[FAR].n < RUNS;
			}
	return more;
}

static void show(unsigned int s, unsigned int packed, unsigned int w)
{
	enum distance d;

	for (d = 0; d < DISTANCES; d++) {
		struct samples *cell = &samples[s][packed][w][d];

		if (cell->n >= ENOUGH)
			printf("%s %s %u %s %s %.1f %.3f\n", shapes[s].table,
			       packed ? "packed" : "split", shapes[s].batch,
			       bench_all[w]->name, distance_name[d],
			       clock_median(cell), clock_spread(cell));
	}
}

int main(int argc, char **argv)
{
	time_t limit = time(NULL) + (argc > 1 ? atoi(argv[1]) : 60);
	unsigned int s, packed, w, d;

	clock_pin(0);
	while (round_of_runs() && time(NULL) < limit)
		usleep(100000);
	for (d = 0; d < DISTANCES; d++)
		if (trips[d].n >= ENOUGH)
			printf("trip - 1 line %s %.1f %.3f\n", distance_name[d],
			       clock_median(&trips[d]), clock_spread(&trips[d]));
	for (s = 0; s < SHAPES; s++)
		for (packed = 0; packed < 2; packed++)
			for (w = 0; bench_all[w]; w++)
				show(s, packed, w);
	return 0;
}
