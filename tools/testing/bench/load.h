/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The load of a single thread that plays both ends of a ring in turn: the
 * driver's half of a batch, then the device's, then the driver's again. Every
 * token is checked, outside what is measured.
 */
#ifndef _BENCH_LOAD_H
#define _BENCH_LOAD_H

#include "bench.h"

/**
 * struct load - one ring under load
 * @driver: the driver role
 * @device: the device role
 * @ring: the former's end of the ring
 * @served: the latter's
 * @conf: of the ring
 * @batch: requests a round; divides the ring size
 * @kick: the device asks for a kick after every round
 * @irq: the driver asks for an interrupt after every round
 * @slot: where the next batch begins
 * @done: completions of the round
 */
struct load {
	const struct bench_driver *driver;
	const struct bench_device *device;
	void *ring;
	void *served;
	struct bench_conf conf;
	unsigned int batch;
	bool kick, irq;
	unsigned int slot;
	struct bench_done done[BENCH_MAX_BATCH];
};

void load_init(struct load *load, const struct bench_driver *driver,
	       const struct bench_device *device, const struct bench_conf *conf,
	       unsigned int batch);
void load_notify(struct load *load, bool kick, bool irq);
void load_exit(struct load *load);

static inline void load_put(struct load *load)
{
	load->driver->put(load->ring, load->slot, load->batch);
}

static inline void load_serve(struct load *load)
{
	if (load->device->serve(load->served, load->batch) != load->batch)
		bench_fail("device role did not see the whole batch");
	if (load->kick)
		load->device->listen(load->served);
}

static inline void load_reap(struct load *load)
{
	if (load->driver->reap(load->ring, load->done, load->batch) !=
	    load->batch)
		bench_fail("driver role did not see the whole batch");
	if (load->irq)
		load->driver->arm(load->ring);
}

void load_check(struct load *load);

/* All of a round that nobody times. */
static inline void load_round(struct load *load)
{
	load_put(load);
	load_serve(load);
	load_reap(load);
	load_check(load);
}

#endif
