/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A toy accelerator and its guest, in one kernel.
 *
 * A request is eight bytes to read and eight to write, each in a piece of its
 * own; the answer is the complement.  The accelerator answers at once, holds
 * requests until it is told, or answers them from another context in any order.
 */
#ifndef _PARLEY_VHOST_TESTS_TOY_H
#define _PARLEY_VHOST_TESTS_TOY_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/prandom.h>
#include <linux/workqueue.h>
#include "../state.h"
#include "until.h"

#define TOY_QUEUES	5u
#define TOY_IN_FLIGHT	64u
#define TOY_SMALL	4u	/* a ring of another kind */
#define TOY_SMALL_PIECES 3u
#define TOY_SMALL_IN_FLIGHT 2u
#define TOY_LOG		16384u
#define TOY_SIZE_MAX	4096u

#define TOY_EVENT	BIT_ULL(VIRTIO_RING_F_EVENT_IDX)
#define TOY_PACKED	BIT_ULL(VIRTIO_F_RING_PACKED)
#define TOY_IN_ORDER	BIT_ULL(VIRTIO_F_IN_ORDER)

enum toy_mode {
	TOY_SYNC,	/* done in submit() */
	TOY_HOLD,	/* done by toy_release() */
	TOY_LATER,	/* done by a work item and by a timer, in any order */
	TOY_POLL,	/* done when somebody looks */
};

/*
 * struct toy - the accelerator's device
 * @lock: protects @held, @nr_held, @most_held
 * @room: requests that it takes at a time; 0 for any number
 * @registered: it is the one that registered the accelerator
 * @gate: queue whose submit() waits for @open; negative for none
 * @steps: steps of each request; 0 and 1 are one
 * @busy: somebody is in submit() or go_on() for that queue
 * @overlaps: how often two were
 * @charge: bytes that each request costs besides
 * @log: queues in the order in which their requests were submitted
 * @grow: bytes that each request is, whatever it looks like; 0 for its own
 * @late: looks end nothing while the ring runs
 * @leave: requests that are alone are left when their ring stops
 * @left: how many were
 * @rest: bytes of their cost that were not done then
 */
struct toy {
	struct kunit *test;
	struct parley_vhost *dev;
	bool registered;
	enum toy_mode mode;
	spinlock_t lock;	/* see above */
	struct list_head held;
	unsigned int nr_held;
	unsigned int most_held;
	unsigned int room;
	struct work_struct work;
	struct hrtimer timer;
	struct rnd_state rnd;
	int gate;
	struct completion entered;
	struct completion open;
	unsigned int steps;
	atomic_t busy[TOY_QUEUES];
	atomic_t overlaps;
	u64 charge;
	u8 log[TOY_LOG];
	unsigned int nr_log;
	unsigned int looks;
	bool late;
	u64 grow;
	bool leave;
	unsigned int left;
	u64 rest;
};

#define TOY_MORE	200u	/* pieces that serve nothing, at most */

/*
 * struct toy_ring - one ring of the guest
 * @slots: request and answer of each, eight bytes each
 * @free: slots not in flight
 * @more: pieces of each request that serve nothing
 * @segs: of the request that is being put
 * @calls: how often the device called
 */
struct toy_ring {
	struct kunit *test;
	struct toy *toy;
	struct parley_vhost_vq *vq;
	struct parley_drvq *drv;
	struct parley_devq *dev;
	struct parley_region region;
	struct parley_memmap map;
	__le64 (*slots)[2];
	u16 *free;
	unsigned int nr_free;
	unsigned int size;
	unsigned int more;
	struct parley_seg segs[2 + TOY_MORE];
	bool joined;
	atomic_t calls;
	wait_queue_head_t wait;
	u64 seq;
	u64 put;
	u64 reaped;
	unsigned int kicks;
};

/* A request's payload: 16 bytes less 6 of framing, and 8 for each piece more. */
#define TOY_BYTES	10u

void toy_bound(u32 max, u32 own, u64 shared);	/* until the toy is closed */
struct toy *toy_open(struct kunit *test);
void toy_close(struct toy *toy);	/* the test's end does it as well */
unsigned int toy_release(struct toy *toy, unsigned int max);
struct parley_vhost_req *toy_held(struct toy *toy);	/* the first one */
unsigned int toy_release_as_one(struct toy *toy, unsigned int group);

struct toy_ring *toy_ring_open(struct kunit *test, struct toy *toy,
			       unsigned int index, u64 features, unsigned int size);
void toy_ring_close(struct toy_ring *r);	/* and this */
/* Both sides of a ring alone, for another accelerator; r->test and r->size are set. */
void toy_ring_pair(struct toy_ring *r, struct parley_vhost *vhost, unsigned int index,
		   u64 features);
void toy_ring_unpair(struct toy_ring *r);
void toy_ring_join(struct toy_ring *r);
void toy_ring_leave(struct toy_ring *r);
void toy_put(struct toy_ring *r, unsigned int nr);
bool toy_publish(struct toy_ring *r);
void toy_send(struct toy_ring *r, unsigned int nr);
unsigned int toy_reap(struct toy_ring *r);
bool toy_wait(struct toy_ring *r, u64 reaped);

#endif /* _PARLEY_VHOST_TESTS_TOY_H */
