/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the fuzzers share.  They run in episodes: each is a process with a seed
 * of its own, so that an episode that ends badly can be run again alone.
 */
#ifndef _VMM_FUZZ_H
#define _VMM_FUZZ_H

#include "vmm.h"

#define FUZZ_THREADS	4

extern unsigned int fuzz_seconds;	/* of each fuzzer */

/*
 * Run episodes until the time is over.  Each calls step() in FUZZ_THREADS
 * threads until its own time is over; make() is called once before.
 */
struct fuzz {
	const char *name;
	void *(*make)(struct rng *rng);
	void (*step)(void *world, struct rng *rng, unsigned int thread);
};

extern const struct fuzz fuzz_ioctl, fuzz_ring;

/* Pools that its devices come into and leave. */
#define FUZZ_POOL		"vmm-fuzz"
#define FUZZ_POOL_ONE_VM	"vmm-fuzz-vm"

#endif /* _VMM_FUZZ_H */
