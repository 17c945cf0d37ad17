// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs one load after another for callgrind to count: `tables.py` reads, from
 * the profile that is dumped after each, what the calls to put, reap, arm,
 * serve and listen cost with all that they call. Built with -g; run under
 * valgrind --tool=callgrind --collect-atstart=no.
 *
 * A profile is named TABLE/COMPETITOR/FORMAT/VALUE/REQUESTS.
 */
#include <stdio.h>
#include <valgrind/callgrind.h>
#include "load.h"

#define REQUESTS	8192
#define MAX_QUEUES	8

struct shape {
	const char *table;
	unsigned int size, batch, queues, value;
	bool indirect, kick, irq;
};

static void count(const struct bench_ops *ops, const struct shape *shape,
		  bool packed)
{
	struct bench_conf conf = {
		.packed = packed, .size = shape->size,
		.segs = shape->indirect ? 3 : 1, .n_out = shape->indirect,
		.indirect = shape->indirect,
	};
	unsigned int rounds = REQUESTS / shape->batch, i;
	static struct load loads[MAX_QUEUES];
	char label[128];

	for (i = 0; i < shape->queues; i++) {
		load_init(&loads[i], ops->driver, ops->device, &conf,
			  shape->batch);
		load_notify(&loads[i], shape->kick, shape->irq);
	}
	for (i = 0; i < rounds; i++)
		load_round(&loads[i % shape->queues]);
	CALLGRIND_ZERO_STATS;
	CALLGRIND_TOGGLE_COLLECT;
	for (i = 0; i < rounds; i++)
		load_round(&loads[i % shape->queues]);
	CALLGRIND_TOGGLE_COLLECT;
	snprintf(label, sizeof(label), "%s/%s/%s/%u/%u", shape->table,
		 ops->name, packed ? "packed" : "split", shape->value,
		 rounds * shape->batch);
	CALLGRIND_DUMP_STATS_AT(label);
	if (shape->kick && ops->driver->kicks(loads[0].ring) < rounds)
		bench_fail("a round went without its kick");
	for (i = 0; i < shape->queues; i++)
		load_exit(&loads[i]);
}

static void both(const struct shape *shape)
{
	unsigned int i;

	for (i = 0; bench_all[i]; i++) {
		count(bench_all[i], shape, false);
		count(bench_all[i], shape, true);
	}
}

int main(void)
{
	unsigned int v;

	both(&(struct shape){ "one", 256, 32, 1, 32 });
	both(&(struct shape){ "three", 256, 32, 1, 32, .indirect = true });
	both(&(struct shape){ "kick", 256, 1, 1, 1, .kick = true });
	both(&(struct shape){ "notify", 256, 1, 1, 1, .kick = true, .irq = true });
	for (v = 1; v <= BENCH_MAX_BATCH; v *= 2)
		both(&(struct shape){ "batch", 256, v, 1, v });
	for (v = 64; v <= 32768; v *= 2)
		both(&(struct shape){ "size", v, 32, 1, v });
	for (v = 1; v <= MAX_QUEUES; v *= 2)
		both(&(struct shape){ "queues", 256, 32, v, v });
	return 0;
}
