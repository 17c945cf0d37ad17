// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts every shape of ring and load for one competitor, as count.c does for
 * its loads. The peer is Parley's other role each time, so that all competitors
 * of a role meet the same one.
 *
 * usage: shapes mainline|parley [no-order] [REQUESTS]
 *
 * A profile is named ROLE/COMPETITOR/FORMAT/SHAPE/MEMORY/ORDER/BATCH/REQUESTS,
 * where BATCH is a number, or "submit": one request by the shortest way.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>
#include "load.h"

#define RING		256

static const char *const memory_name[] = {
	[BENCH_PHYSICAL] = "none",
	[BENCH_MAPPED] = "mapped",
	[BENCH_PREMAPPED] = "premapped",
};

static const struct shape {
	unsigned int segs;
	bool indirect;
} shapes[] = {
	{ 1, false }, { 2, false }, { 3, false }, { 8, false },
	{ 3, true }, { 8, true }, { 32, true },
};

static const struct batch {
	const char *name;
	unsigned int n;
	bool apart;
} batches[] = {
	{ "32", 32, true }, { "4", 4, true }, { "1", 1, true },
	{ "submit", 1, false },
};

#define LENGTH(array)	(sizeof(array) / sizeof((array)[0]))

/**
 * struct run - what the command line asks for
 * @who: the competitor
 * @in_order: it knows of VIRTIO_F_IN_ORDER
 * @requests: that are counted of each cell
 */
struct run {
	const struct bench_ops *who;
	bool in_order;
	unsigned int requests;
};

static void count(const struct run *run, bool device,
		  const struct bench_conf *conf, const struct batch *batch)
{
	const struct bench_driver *driver = run->who->driver;
	unsigned int rounds = (run->requests + batch->n - 1) / batch->n, i;
	struct load load;
	char label[128];

	if (device)
		driver = bench_parley.driver;
	load_init(&load, driver, device ? run->who->device : bench_parley.device,
		  conf, batch->n);
	/* Every slot was used before. */
	for (i = 0; i < 2 * RING / batch->n; i++)
		load_round(&load);
	CALLGRIND_ZERO_STATS;
	CALLGRIND_TOGGLE_COLLECT;
	for (i = 0; i < rounds; i++)
		load_round(&load);
	CALLGRIND_TOGGLE_COLLECT;
	snprintf(label, sizeof(label), "%s/%s/%s/%u-%s/%s/%s/%s/%u",
		 device ? "device" : "driver", run->who->name,
		 conf->packed ? "packed" : "split", conf->segs,
		 conf->indirect ? "indirect" : "direct",
		 memory_name[conf->memory], conf->in_order ? "on" : "off",
		 batch->name, rounds * batch->n);
	CALLGRIND_DUMP_STATS_AT(label);
	load_exit(&load);
}

static void count_shape(const struct run *run, const struct bench_conf *base)
{
	struct bench_conf conf = *base;
	unsigned int b;

	for (b = 0; b < LENGTH(batches); b++) {
		conf.apart = batches[b].apart;
		for (conf.memory = 0; conf.memory <= BENCH_PREMAPPED;
		     conf.memory++)
			if (run->in_order || !conf.in_order)
				count(run, false, &conf, &batches[b]);
		conf.memory = BENCH_PHYSICAL;
		/* vringh has one format, and no order of its own. */
		if (batches[b].apart &&
		    (run->who == &bench_parley || !(conf.packed || conf.in_order)))
			count(run, true, &conf, &batches[b]);
	}
}

int main(int argc, char **argv)
{
	struct run run = { .in_order = true, .requests = 8192 };
	unsigned int s, packed, in_order;
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "mainline"))
			run.who = &bench_mainline;
		else if (!strcmp(argv[i], "parley"))
			run.who = &bench_parley;
		else if (!strcmp(argv[i], "no-order"))
			run.in_order = false;
		else
			run.requests = atoi(argv[i]);
	}
	if (!run.who || !run.requests)
		bench_fail("usage: shapes mainline|parley [no-order] [REQUESTS]");
	for (s = 0; s < LENGTH(shapes); s++)
		for (packed = 0; packed < 2; packed++)
			for (in_order = 0; in_order < 2; in_order++)
				count_shape(&run, &(struct bench_conf){
					.packed = packed, .in_order = in_order,
					.size = RING, .segs = shapes[s].segs,
					.indirect = shapes[s].indirect });
	return 0;
}
