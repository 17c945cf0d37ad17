/* SPDX-License-Identifier: GPL-2.0-only */
/* A ring written by hand, by a driver that keeps no rule. */
#ifndef _VMM_RAW_H
#define _VMM_RAW_H

#include "vmm.h"

/* One descriptor, of either format; next is the split ring's. */
struct rdesc {
	u64 addr;
	u32 len;
	u16 flags;
	u16 next;
};

/**
 * struct raw - hands on the ring of a queue
 * @v: device
 * @q: queue, whose driver role is not used meanwhile
 * @desc: descriptors
 * @avail: available ring, or the driver's event suppression
 * @used: used ring, or the device's event suppression
 * @at: packed: next slot; split: next available index
 * @wrap: packed: its wrap counter
 */
struct raw {
	struct vmm *v;
	struct queue *q;
	union {
		struct vring_desc *desc;
		struct vring_packed_desc *slot;
	};
	union {
		struct vring_avail *avail;
		struct vring_packed_desc_event *driver;
	};
	union {
		struct vring_used *used;
		struct vring_packed_desc_event *device;
	};
	u16 at;
	bool wrap;
	bool packed;
	u8 *mem;	/* 64 KiB for buffers and tables */
	u64 gpa;
};

#define RAW_MEM	(64u << 10)

struct raw *raw_new(const struct vmm_cfg *cfg);	/* device not started */
void raw_free(struct raw *r);
/* The ring as if nobody had touched it, and the device's position with it. */
void raw_reset(struct raw *r);
/* Put descriptors, as next[] or the order of slots links them, and show them. */
void raw_put(struct raw *r, const struct rdesc *d, unsigned int n);
/* Fill tables: what a descriptor looks like in an indirect table. */
void raw_table(struct raw *r, void *at, const struct rdesc *d, unsigned int n);
void raw_kick(struct raw *r);
/* Chains that came back since raw_reset(). */
unsigned int raw_used(struct raw *r);
/* A request that is right: three descriptors. */
void raw_good(struct raw *r, struct rdesc *d, u32 type);
/* Stop, start anew, and see that it works. */
bool raw_recover(struct raw *r, const char *what);
/* The ring broke, and works again after a stop and a start. */
bool raw_expect_broken(struct raw *r, const char *what);
/* A good request is served. */
bool raw_expect_alive(struct raw *r, const char *what);

#endif /* _VMM_RAW_H */
