/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory tables; see memory.c. */
#ifndef _PARLEY_VHOST_MEMORY_H
#define _PARLEY_VHOST_MEMORY_H

#include <linux/types.h>
#include <linux/vhost.h>
#include <parley/virtqueue.h>

#define VH_REGIONS_MAX	509	/* as mainline's default */

/**
 * struct vh_mem - a memory table, immutable once made
 * @map: the guest's addresses to the VMM's, for the core
 * @by_host: the same regions sorted by host address, for the dirty log
 * @regions: of @map
 */
struct vh_mem {
	struct parley_memmap map;
	struct parley_region *by_host;
	struct parley_region regions[];
};

struct vh_mem *vh_mem_from_user(const struct vhost_memory __user *arg);
void vh_mem_free(struct vh_mem *mem);
u64 vh_mem_top(const struct vh_mem *mem);	/* one past the last address */
bool vh_mem_shows(const struct vh_mem *mem, u64 host, u64 len);
/* Each region of old that new has not, from *at on; NULL at the end. */
const struct parley_region *vh_mem_next_gone(const struct vh_mem *old,
					     const struct vh_mem *new, unsigned int *at);
/* Calls fn for each guest range behind a host range; aliases more than once. */
int vh_mem_reverse(const struct vh_mem *mem, u64 host, u64 len,
		   int (*fn)(void *arg, u64 guest, u64 len), void *arg);

#endif /* _PARLEY_VHOST_MEMORY_H */
