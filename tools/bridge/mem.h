/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's memory, as the VMM lends it: regions of files, mapped here.
 *
 * Nothing in this process ever reads or writes through these mappings: a VMM may
 * truncate its file at any time, and the fault would be ours.  Only the kernel's
 * workers use them, and they see an error instead.
 */
#ifndef BRIDGE_MEM_H
#define BRIDGE_MEM_H

#include <stdbool.h>
#include "lent.h"
#include "msg.h"

#define MEM_REGIONS	509	/* what the kernel's table holds */

/**
 * struct mem_region - one region
 * @r: as the VMM described it
 * @lent: its mapping
 */
struct mem_region {
	struct msg_region r;
	struct lent lent;
};

/**
 * struct mem - the memory table of a device
 * @nr: regions
 * @region: they overlap neither in guest nor in user addresses
 */
struct mem {
	unsigned int nr;
	struct mem_region region[MEM_REGIONS];
};

const char *mem_check(const struct mem *mem, const struct msg_region *r);
const char *mem_map(struct mem_region *region, const struct msg_region *r,
		    int fd);
void mem_unmap(struct mem_region *region);

const char *mem_build(struct mem *new, struct mem *old,
		      const struct msg_mem_table *table, const int *fds);
const char *mem_add(struct mem *mem, const struct msg_region *r, int fd);
int mem_find(const struct mem *mem, const struct msg_region *r);
void mem_drop(struct mem *mem, unsigned int i);
bool mem_loses(const struct mem *mem, const struct mem *new);
void mem_forget(struct mem *mem, const struct mem *other);
void mem_clear(struct mem *mem);

struct vhost_memory *mem_table(const struct mem *mem);
uint64_t mem_translate(const struct mem *mem, uint64_t user, uint64_t len);
uint64_t mem_top(const struct mem *mem);

#endif
