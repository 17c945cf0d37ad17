/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the mock engine share.
 */
#ifndef _PARLEY_MOCK_PRIV_H
#define _PARLEY_MOCK_PRIV_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>
#include "mock.h"

/* Requests taken, served and completed in one go. */
#define MOCK_BATCH	16

/**
 * struct parley_mock_queue - one queue of a mock
 * @mock: the device
 * @lq: its queue in the transport, between start and stop
 * @lock: serialises the verbs of the queue and all that follows
 * @late: serves what waits for its delay
 * @stopping: no request may be taken nor served any more
 * @free: requests that are not in use
 * @held: requests that are taken and not served, oldest first
 * @reqs: memory of all of them
 * @slot: packed ring, for lies: where the next used descriptor goes
 * @wrap: packed ring, for lies: the wrap counter there
 */
struct parley_mock_queue {
	struct parley_mock *mock;
	struct parley_loopback_queue *lq;
	struct mutex lock;	/* of the queue, and of what follows */
	struct delayed_work late;
	bool stopping;
	struct list_head free;
	struct list_head held;
	void *reqs;
	u16 slot;
	bool wrap;
};

void parley_mock_slot_advance(struct parley_mock_queue *mq, unsigned int n);
void parley_mock_lie_complete(struct parley_mock_queue *mq,
			      const struct parley_chain *chain,
			      enum parley_mock_lie lie);
bool parley_mock_ring_clean(const struct parley_loopback_queue *lq,
			    u64 features);

#endif /* _PARLEY_MOCK_PRIV_H */
