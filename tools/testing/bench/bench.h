/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a competitor must offer to be measured. The workloads are written once
 * against this table; a competitor is two small adapters behind it, one for
 * each role, and every adapter hands over prepared buffers and collects tokens
 * in the same way, so that what differs between two columns of a table is the
 * ring code alone. Roles of different competitors may share a ring.
 */
#ifndef _BENCH_H
#define _BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_LINE	128	/* two lines: the prefetcher takes them in pairs */
#define BENCH_MAX_BATCH	64
#define BENCH_MAX_SEGS	32
#define BENCH_SEG_LEN	512

/**
 * enum bench_memory - what the driver's addresses are
 * @BENCH_PHYSICAL: physical ones, without the DMA API
 * @BENCH_MAPPED: the driver maps each segment and unmaps it
 * @BENCH_PREMAPPED: each segment was mapped beforehand by its owner
 */
enum bench_memory {
	BENCH_PHYSICAL,
	BENCH_MAPPED,
	BENCH_PREMAPPED,
};

/**
 * struct bench_conf - one shape of ring and load
 * @packed: packed format, else split
 * @in_order: with VIRTIO_F_IN_ORDER
 * @indirect: chains of several segments go into a table
 * @apart: put, publish and kick by a call each, also for a single request
 * @memory: what the driver's addresses are
 * @size: ring size in descriptors
 * @segs: segments of a request
 * @n_out: of these, those that the device reads: none or the first, and with
 *	premapped buffers, which mainline takes in one direction only, none
 */
struct bench_conf {
	bool packed;
	bool in_order;
	bool indirect;
	bool apart;
	enum bench_memory memory;
	unsigned int size;
	unsigned int segs;
	unsigned int n_out;
};

/* One completion, as reap hands it back. */
struct bench_done {
	void *token;
	uint32_t len;
};

/**
 * struct bench_driver - the driver role of a competitor
 * @create: set up a ring; aborts when out of memory or when it cannot be done
 * @destroy: free all of it
 * @where: where its three areas lie
 * @put: offer requests @slot to @slot + @n - 1, publish them and kick if the
 *	device asked for it; never called with more than the ring takes
 * @reap: collect up to @max completions
 * @arm: ask for an interrupt on the next completion
 * @kicks: notifications sent by put since create
 */
struct bench_driver {
	void *(*create)(const struct bench_conf *conf);
	void (*destroy)(void *ring);
	void (*where)(void *ring, uint64_t area[3]);
	void (*put)(void *ring, unsigned int slot, unsigned int n);
	unsigned int (*reap)(void *ring, struct bench_done *done,
			     unsigned int max);
	void (*arm)(void *ring);
	unsigned long (*kicks)(void *ring);
};

/**
 * struct bench_device - the device role of a competitor
 * @create: serve the ring whose areas lie there
 * @destroy: free what create made
 * @serve: take up to @max chains, complete and publish them as written to the
 *	end, and interrupt if the driver asked for it
 * @listen: ask for a kick on the next request
 */
struct bench_device {
	void *(*create)(const struct bench_conf *conf, const uint64_t area[3]);
	void (*destroy)(void *ring);
	unsigned int (*serve)(void *ring, unsigned int max);
	void (*listen)(void *ring);
};

/**
 * struct bench_ops - a competitor
 * @name: the column's name
 * @driver: its driver role
 * @device: its device role
 */
struct bench_ops {
	const char *name;
	const struct bench_driver *driver;
	const struct bench_device *device;
};

extern const struct bench_driver bench_mainline_driver, bench_parley_driver;
extern const struct bench_device bench_mainline_device, bench_parley_device;
extern const struct bench_ops bench_mainline, bench_parley;

/* Both of them, ended by NULL. */
extern const struct bench_ops *const bench_all[];

/* What the adapters share, kept away from the kernel headers they need. */
void *bench_alloc(size_t size);		/* zeroed, on lines of its own */
void bench_free(void *p);
void bench_fail(const char *what) __attribute__((noreturn));

/* What the ring's shape asks for, in either role. */
uint64_t bench_features(const struct bench_conf *conf);

/* What the device writes into each request. */
static inline uint32_t bench_written(const struct bench_conf *conf)
{
	return (conf->segs - conf->n_out) * BENCH_SEG_LEN;
}

/*
 * A request's token: its slot, moved away from NULL. What put was given must
 * come back from reap.
 */
static inline void *bench_token(unsigned int slot)
{
	return (void *)(uintptr_t)(slot + 1);
}

#endif
