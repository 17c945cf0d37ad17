/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a competitor must offer to be measured. The workloads are written once
 * against this table; a competitor is one small adapter behind it, and every
 * adapter hands over prepared buffers and collects tokens in the same way, so
 * that what differs between two columns of a table is the ring code alone.
 */
#ifndef _BENCH_H
#define _BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_LINE	128	/* two lines: the prefetcher takes them in pairs */
#define BENCH_MAX_BATCH	64
#define BENCH_SEGS	3	/* segments of a request: out, in, in */
#define BENCH_SEG_LEN	512

/**
 * struct bench_conf - one shape of ring and load
 * @packed: packed format, else split
 * @size: ring size in descriptors
 * @indirect: three-segment indirect chains, else one segment without a table
 */
struct bench_conf {
	bool packed;
	unsigned int size;
	bool indirect;
};

/* One completion, as reap hands it back. */
struct bench_done {
	void *token;
	uint32_t len;
};

/**
 * struct bench_ops - the verbs of a competitor
 * @name: the column's name
 * @create: set up a ring with both its ends; aborts when out of memory
 * @destroy: free all of it
 * @put: driver: offer requests @slot to @slot + @n - 1, publish them and kick
 *	if the device asked for it; never called with more than the ring takes
 * @reap: driver: collect up to @max completions
 * @arm: driver: ask for an interrupt on the next completion
 * @serve: device: take up to @max chains, complete and publish them, and
 *	interrupt if the driver asked for it
 * @listen: device: ask for a kick on the next request
 * @kicks: notifications sent by put since create
 */
struct bench_ops {
	const char *name;
	void *(*create)(const struct bench_conf *conf);
	void (*destroy)(void *ring);
	void (*put)(void *ring, unsigned int slot, unsigned int n);
	unsigned int (*reap)(void *ring, struct bench_done *done,
			     unsigned int max);
	void (*arm)(void *ring);
	unsigned int (*serve)(void *ring, unsigned int max);
	void (*listen)(void *ring);
	unsigned long (*kicks)(void *ring);
};

extern const struct bench_ops bench_mainline;
extern const struct bench_ops bench_parley;

/* All competitors of this build, ended by NULL. */
extern const struct bench_ops *const bench_all[];

/* What the adapters share, kept away from the kernel headers they need. */
void *bench_alloc(size_t size);		/* zeroed, on lines of its own */
void bench_free(void *p);
void bench_fail(const char *what) __attribute__((noreturn));

/*
 * A request's token: its slot, moved away from NULL. What put was given must
 * come back from reap.
 */
static inline void *bench_token(unsigned int slot)
{
	return (void *)(uintptr_t)(slot + 1);
}

#endif
