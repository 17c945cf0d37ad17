/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's memory: a memfd, seen by us at some addresses and by the "guest" at
 * others.  Shared, so that it outlives a VMM that is killed.
 */
#ifndef _VMM_GUEST_H
#define _VMM_GUEST_H

#include "compat.h"
#include "harness.h"
#include <parley/memory.h>

#define PAGE		4096ul
#define GUEST_REGIONS	8

enum layout {
	LAYOUT_FLAT,	/* one region at 0 */
	LAYOUT_HOLES,	/* four: with holes, side by side, above 4 GiB */
	LAYOUT_ALIAS,	/* LAYOUT_HOLES, and a part again under another address */
	LAYOUTS,
};

/**
 * struct guest_region - one contiguous piece of the guest's addresses
 * @gpa: where the guest sees it
 * @size: bytes
 * @hva: where we see it
 * @next: first byte not allocated yet
 */
struct guest_region {
	u64 gpa;
	u64 size;
	u8 *hva;
	u64 next;
};

struct guest_hole;	/* memory given back */

struct guest {
	int memfd;
	u64 size;
	enum layout layout;
	unsigned int nr;
	struct guest_region r[GUEST_REGIONS];
	unsigned int turn;
	struct guest_hole *free;
};

/*
 * Rings and tables of queues that are made with @guest_mem come from the current
 * guest's memory.  Queues have tables ready for every chain that we send.
 */
extern struct guest *guest_current;
extern const struct parley_mem guest_mem;

struct guest *guest_new(enum layout layout, u64 size, bool private);
void guest_delete(struct guest *g);
u64 guest_alloc(struct guest *g, u64 size);		/* whole pages */
void guest_free(struct guest *g, u64 gpa, u64 size);
void *guest_ptr(const struct guest *g, u64 gpa, u64 len); /* NULL: not there */
u64 guest_gpa(const struct guest *g, const void *hva);
u64 guest_top(const struct guest *g);
u64 guest_hole(const struct guest *g);	/* an address that is not memory */
struct vhost_memory *guest_table(const struct guest *g);

#endif /* _VMM_GUEST_H */
