/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A load: random requests on one queue, in a thread, held against a model of the
 * disk's content.  Each load has a part of the disk for itself.
 */
#ifndef _VMM_LOAD_H
#define _VMM_LOAD_H

#include <pthread.h>
#include "blkreq.h"
#include "vmm.h"

/**
 * struct load - one queue's workload
 * @v: device
 * @q: queue
 * @first: first sector of its part
 * @sectors: of its part
 * @depth: most requests in flight
 * @pages: only reads and writes of a page's part
 * @plug: hold requests back: nothing is published
 * @stop: end, after all that is in flight came back
 * @abandon: end at once
 * @may_fail: errors of the disk are none of the load's
 * @lost_ms: how long a completion may take
 * @stuck: nothing comes back any more, and the load said so
 * @requests: done
 * @written: sectors of successful writes
 * @errors: requests that failed where they may
 */
struct load {
	struct vmm *v;
	struct queue *q;
	u64 first;
	u64 sectors;
	unsigned int depth;
	bool pages;
	bool stop;
	bool abandon;
	bool may_fail;
	unsigned int lost_ms;
	u64 requests;
	u64 written;
	u64 errors;
	/* private */
	pthread_t thread;
	struct rng rng;
	u8 *model;
	u8 *state;		/* of each sector */
	struct breq **reqs;
};

/* One load on each queue of v; running after load_start(). */
struct load *load_new(struct vmm *v, unsigned int depth);
void load_start(struct load *l);
void load_end(struct load *l);		/* finish what is in flight; check all */
void load_stop(struct load *l);		/* the same without a check */
void load_abandon(struct load *l);
void load_check(struct load *l);	/* the disk's content, read anew */
void load_free(struct load *l);
u64 load_done(struct load *l);		/* requests of all queues so far */
u64 load_errors(struct load *l);	/* of them, those that failed */
void load_may_fail(struct load *l, bool may);

/* Let it run for so long, and see that it gets on. */
void load_for(struct load *l, unsigned int ms);
/* All of it. */
void load_run(struct vmm *v, unsigned int depth, unsigned int ms);

#endif /* _VMM_LOAD_H */
