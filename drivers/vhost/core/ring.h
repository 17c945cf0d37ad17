/* SPDX-License-Identifier: GPL-2.0-only */
/* The areas of a ring; see ring.c. */
#ifndef _PARLEY_VHOST_RING_H
#define _PARLEY_VHOST_RING_H

#include <linux/kconfig.h>
#include <linux/types.h>

struct parley_region;
struct parley_vhost_vq;
struct parley_vq_addr;
struct vh_mem;

/* How rings are reached where there is a choice: a parameter of the module. */
enum vh_ring_access {
	VH_RING_PIN,
	VH_RING_USER,
};

#if IS_ENABLED(CONFIG_KUNIT)
extern int vh_ring_access;
#endif

/* All under vq->mutex. */
bool vh_vq_covers(const struct parley_vhost_vq *vq, u64 addr, u64 last);
/* Did a ring's own memory lie in @gone, and is not all in @mem? */
bool vh_vq_loses(const struct parley_vhost_vq *vq, const struct parley_region *gone,
		 const struct vh_mem *mem);
int vh_ring_find(struct parley_vhost_vq *vq, struct parley_vq_addr *at);
void vh_ring_unpin(struct parley_vhost_vq *vq);
bool vh_ring_is_unused(const struct parley_vhost_vq *vq);

#endif /* _PARLEY_VHOST_RING_H */
