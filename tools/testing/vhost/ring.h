/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's side of a ring: the core's driver role and its eventfds.  It knows
 * nothing of who serves it, so that it outlives a VMM.
 */
#ifndef _VMM_RING_H
#define _VMM_RING_H

#include <parley/virtqueue.h>
#include "harness.h"

/* Ring features that tests combine. */
#define EVENT		BIT_ULL(VIRTIO_RING_F_EVENT_IDX)
#define INDIRECT	BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)
#define PACKED		BIT_ULL(VIRTIO_F_RING_PACKED)
#define IN_ORDER	BIT_ULL(VIRTIO_F_IN_ORDER)

struct ring_kind {
	const char *name;
	u64 features;
};

#define RING_KINDS	8

/* Ends without a name. */
extern const struct ring_kind ring_kinds[];

/* For each kind of ring; of a brief run two, which the seed decides. */
#define for_each_kind(k)						\
	for (k = ring_kinds; k->name && !failed(); k++)			\
		if (!brief || (k - ring_kinds) % 4 == seed % 4)

/**
 * struct queue - a ring of the guest
 * @drv: the core's queue
 * @index: its number
 * @size: descriptors
 * @segs: longest chain
 * @features: as negotiated
 * @kick: what the guest writes
 * @call: what the device writes when it completed requests
 * @err: what the device writes when the ring breaks
 * @flight: requests not completed
 * @muted: kicks go nowhere (a VMM that loses them)
 */
struct queue {
	struct parley_drvq *drv;
	unsigned int index;
	unsigned int size;
	unsigned int segs;
	u64 features;
	int kick, call, err;
	unsigned int flight;
	bool muted;
};

struct queue *queue_new(unsigned int index, unsigned int size,
			unsigned int segs, u64 features);
void queue_free(struct queue *q);
void queue_addr(const struct queue *q, struct parley_vq_addr *addr);
u32 queue_first_base(const struct queue *q);
void queue_kick(struct queue *q);		/* whether wanted or not */
unsigned int queue_longest(const struct queue *q);
/* Wait for a call; false if none came. */
bool queue_wait(struct queue *q, unsigned int ms);
bool event_wait(int fd, unsigned int ms);	/* of an eventfd, and takes it */
int event_new(void);

#endif /* _VMM_RING_H */
