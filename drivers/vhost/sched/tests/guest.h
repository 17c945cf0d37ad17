/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest in a KUnit test: the driver's end of both queues, and kernel threads that are
 * its vCPUs.
 */
#ifndef _PARLEY_VHOST_SCHED_TESTS_GUEST_H
#define _PARLEY_VHOST_SCHED_TESTS_GUEST_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <parley/sched.h>
#include "../../core/tests/until.h"
#include "../sched.h"

#define GUEST_VCPUS_MAX	4
#define GUEST_ALL	(BIT_ULL(PARLEY_SCHED_F_YIELD) | BIT_ULL(PARLEY_SCHED_F_HINTS) | \
			 BIT_ULL(PARLEY_SCHED_F_COUNT))

/**
 * struct guest_queue - one queue
 * @vq: the device's
 * @drv: the driver's end
 * @devq: what the device is lent
 * @joined: it is
 * @called: the driver was
 */
struct guest_queue {
	struct parley_vhost_vq *vq;
	struct parley_drvq *drv;
	struct parley_devq *devq;
	bool joined;
	struct completion called;
};

/**
 * struct guest - it
 * @test: the test
 * @dev: the device; NULL once it was closed
 * @vm: what is inside
 * @nr: vCPUs
 * @q: queues
 * @region: all memory of this kernel
 * @map: the same
 * @says: the page that the guest writes
 * @reads: and the one that it reads
 * @command: memory of one request
 * @threads: of its vCPUs
 * @busy: for each: spins, or sleeps
 */
struct guest {
	struct kunit *test;
	struct parley_vhost *dev;
	struct vhs *vm;
	unsigned int nr;
	struct guest_queue q[2];
	struct parley_region region;
	struct parley_memmap map;
	void *says;
	void *reads;
	void *command;
	struct task_struct *threads[GUEST_VCPUS_MAX];
	bool busy[GUEST_VCPUS_MAX];
};

/* With a device that has so many vCPUs, none of them with a thread. */
struct guest *guest_open(struct kunit *test, unsigned int nr, u64 features);
void guest_close(struct guest *g);	/* the test's end does it as well */
int guest_run(struct guest *g, unsigned int index);	/* a queue */
void guest_stop(struct guest *g, unsigned int index);

/* A thread for a vCPU, on one processor, and the device knows of it. */
void guest_thread(struct guest *g, unsigned int vcpu, unsigned int cpu, bool busy);
void guest_thread_end(struct guest *g, unsigned int vcpu);
void guest_busy(struct guest *g, unsigned int vcpu, bool busy);

/* An area whose header says this; what its header says when the device has looked. */
u32 guest_offer(struct guest *g, u16 version, u16 kind, u32 nr);
u32 guest_share(struct guest *g);
/* The same memory, of pieces that the test names. */
u32 guest_offer_pieces(struct guest *g, const struct parley_seg *segs, unsigned int n_out,
		       unsigned int n_in);
/* Does an area come back? */
bool guest_area_back(struct guest *g);

u32 guest_ask(struct guest *g, u16 op, u32 vcpu, u32 target);
/* What is counted of a vCPU, as its guest reads it. */
struct parley_sched_counted guest_count(struct guest *g, u32 target);
/* Any bytes as a request; the device's answer, or ~0 for none. */
u32 guest_ask_bytes(struct guest *g, const void *bytes, u32 len, u32 room);

struct parley_sched_view guest_view(struct guest *g, unsigned int vcpu);
void guest_hint(struct guest *g, unsigned int vcpu, u64 word);

static inline struct parley_sched_host_record *guest_record(struct guest *g,
							    unsigned int vcpu)
{
	return (struct parley_sched_host_record *)g->reads + 1 + vcpu;
}

static inline struct vhs_vcpu *guest_vcpu(struct guest *g, unsigned int vcpu)
{
	return &g->vm->vcpus[vcpu];
}

#endif /* _PARLEY_VHOST_SCHED_TESTS_GUEST_H */
