/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A kernel for tests: a table of functions that remembers what it was told and
 * checks what the real one relies on.  Used by the unit tests and by the fuzzer.
 */
#ifndef BRIDGE_FAKE_H
#define BRIDGE_FAKE_H

#include <stdbool.h>
#include "../device.h"

#define FAKE_QUEUES	16
#define FAKE_FEATURES	(1ull << 32 | 1ull << 34 | 1ull << 35 | 1ull << 29 | 1ull << 28 | \
			 1ull << 33 | 1ull << 40 | 1ull << 12 | 1ull << 9 | \
			 1ull << VHOST_F_LOG_ALL)
#define FAKE_CONFIG	60
#define FAKE_ID		7

#define FAKE_IN_FLIGHT	8	/* of a ring */
#define FAKE_STATUS	0xa5	/* what a request writes when it completes */

/**
 * struct fake_ring - a ring
 * @flying: addresses of ours that requests in flight will write a byte to: they
 *	were translated when the request was taken, and stay so until the ring is
 *	stopped
 * @in_flight: how many
 */
struct fake_ring {
	uint64_t flying[FAKE_IN_FLIGHT];
	unsigned int in_flight;
	uint32_t num;
	uint32_t base;
	struct vhost_vring_addr addr;
	int kick;
	int call;
	int err;
	uint64_t keep;
	bool on;
	unsigned int starts;
	unsigned int worker;
};

/**
 * struct fake - see above
 * @open: how many devices are open
 * @calls: ioctls so far
 * @fail_at: this ioctl fails; 0 for none
 * @last: number of the last ioctl
 * @node: name of the device that was opened
 * @backend: file given by PARLEY_BLK_SET_BACKEND
 * @vcpus: of a scheduling device
 * @budget: of its guest
 * @steps: of its hints
 * @poor: whoever asks may not schedule others
 * @mem: the memory table in use; NULL for none
 * @owned: since it was opened
 * @queues: how many rings it was asked to have
 * @cache: PARLEY_BLK_CACHE_*: what the guest wrote, or was kept, or follows from
 *	the base of the first ring
 * @advance: how far a ring gets between its start and its stop
 * @busy: each start takes requests, one for each region of memory
 * @stuck: no ring can be stopped, but by closing the device
 */
struct fake {
	unsigned int open;
	unsigned int calls;
	unsigned int fail_at;
	unsigned long last;
	const char *node;
	struct parley_blk_backend backend;
	uint32_t vcpus;
	struct parley_sched_budget budget;
	struct parley_sched_steps steps;
	bool poor;
	uint64_t features;
	struct vhost_memory *mem;
	uint64_t log;
	int config_call;
	uint8_t config[FAKE_CONFIG];
	unsigned int workers;
	unsigned int sizes_updated;
	bool owned;
	unsigned int queues;
	uint32_t cache;
	uint32_t advance;
	bool busy;
	bool stuck;
	struct fake_ring ring[FAKE_QUEUES];
};

extern const struct kernel_ops fake_ops;

void fake_init(struct fake *f);
void fake_release(struct fake *f);
void fake_check(const struct fake *f);
void fake_take(struct fake *f, unsigned int ring, uint64_t guest);
void fake_finish(struct fake_ring *r);

#endif
