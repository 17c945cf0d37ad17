// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory table: where the guest's memory lies in the VMM's.
 *
 * A table is made once, checked wholly, and never changed: a new one replaces
 * it (VHOST_SET_MEM_TABLE, at memory hot-plug for instance) under the mutex of
 * each ring, one after the other, and the old one is freed when no ring can use
 * it any more.  The same regions are kept a second time, sorted by the VMM's
 * addresses, to find the guest's for the dirty log.
 *
 * A region that goes, or moves in the VMM, is unmapped there when the call is
 * over, and something else may be mapped in its place: another guest's memory
 * where one process serves several.  Requests in flight know addresses of it; so
 * they end first (vh_dev_set_mem()), and are logged by the old table.
 */
#include <kunit/visibility.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>

#include "memory.h"

static int vh_mem_by_start(const void *a, const void *b)
{
	const struct parley_region *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static int vh_mem_by_host(const void *a, const void *b)
{
	const struct parley_region *x = a, *y = b;

	return x->host < y->host ? -1 : x->host > y->host;
}

/* One region of the VMM's.  What is not whole pages cannot be logged by page. */
static int vh_mem_region(struct parley_region *to,
			 const struct vhost_memory_region *from)
{
	u64 end;

	if (!from->memory_size ||
	    !IS_ALIGNED(from->guest_phys_addr | from->memory_size |
			from->userspace_addr, VHOST_PAGE_SIZE))
		return -EINVAL;
	if (check_add_overflow(from->guest_phys_addr, from->memory_size, &end))
		return -EINVAL;
	if (from->userspace_addr > ULONG_MAX ||
	    from->memory_size > ULONG_MAX ||
	    !access_ok((void __user *)(unsigned long)from->userspace_addr,
		       from->memory_size))
		return -EFAULT;
	*to = (struct parley_region){
		.start = from->guest_phys_addr,
		.size = from->memory_size,
		.host = from->userspace_addr,
		.perm = PARLEY_MEM_READ | PARLEY_MEM_WRITE,
	};
	return 0;
}

/**
 * vh_mem_from_user() - make a table of what VHOST_SET_MEM_TABLE was given
 * @arg: the VMM's table; read once
 *
 * Return: the table, to be freed with vh_mem_free(); ERR_PTR(-EFAULT) for
 * memory that is none, -EOPNOTSUPP for a padding in use, -E2BIG for more than
 * VH_REGIONS_MAX regions, -EINVAL for regions that are empty, not whole pages,
 * wrap or overlap, -ENOMEM.
 */
struct vh_mem *vh_mem_from_user(const struct vhost_memory __user *arg)
{
	struct vhost_memory_region *from __free(kvfree) = NULL;
	struct vhost_memory head;
	struct vh_mem *mem;
	unsigned int i;
	int err;

	if (copy_from_user(&head, arg, sizeof(head)))
		return ERR_PTR(-EFAULT);
	if (head.padding)
		return ERR_PTR(-EOPNOTSUPP);
	if (head.nregions > VH_REGIONS_MAX)
		return ERR_PTR(-E2BIG);
	from = kvmalloc_array(head.nregions, sizeof(*from), GFP_KERNEL);
	mem = kvzalloc(struct_size(mem, regions, 2 * head.nregions), GFP_KERNEL);
	err = -ENOMEM;
	if (!mem || (!from && head.nregions))
		goto fail;
	err = -EFAULT;
	if (copy_from_user(from, arg->regions, head.nregions * sizeof(*from)))
		goto fail;
	for (i = 0; i < head.nregions; i++) {
		err = vh_mem_region(&mem->regions[i], &from[i]);
		if (err)
			goto fail;
	}
	mem->map.nr = head.nregions;
	mem->map.regions = mem->regions;
	mem->by_host = mem->regions + head.nregions;
	sort(mem->regions, head.nregions, sizeof(*mem->regions), vh_mem_by_start,
	     NULL);
	memcpy(mem->by_host, mem->regions,
	       head.nregions * sizeof(*mem->regions));
	sort(mem->by_host, head.nregions, sizeof(*mem->by_host), vh_mem_by_host,
	     NULL);
	err = parley_memmap_check(&mem->map);
	if (err)
		goto fail;
	return mem;
fail:
	kvfree(mem);
	return ERR_PTR(err);
}

/** vh_mem_free() - free a table that no ring uses; NULL is fine */
void vh_mem_free(struct vh_mem *mem)
{
	kvfree(mem);
}

/* Is all of @r in @mem, at the same address of the VMM's? */
static bool vh_mem_has(const struct vh_mem *mem, const struct parley_region *r)
{
	u64 addr = r->start, end = r->start + r->size;
	unsigned int i;

	for (i = 0; mem && i < mem->map.nr && addr < end; i++) {
		const struct parley_region *o = &mem->map.regions[i];

		if (o->start + o->size <= addr)
			continue;
		if (o->start > addr || o->host - o->start != r->host - r->start)
			return false;
		addr = o->start + o->size;
	}
	return addr >= end;
}

/**
 * vh_mem_next_gone() - the next region that a new table does not have any more
 * @old: the table that was; may be NULL
 * @new: the one that replaces it; may be NULL
 * @at: where to begin; one past the region that was found
 *
 * A region that was joined with its neighbour, or cut in two, is there as long as
 * each of its addresses means the same.
 *
 * Return: a region of @old, or NULL: there is no other.
 */
const struct parley_region *vh_mem_next_gone(const struct vh_mem *old,
					     const struct vh_mem *new, unsigned int *at)
{
	while (old && *at < old->map.nr) {
		const struct parley_region *r = &old->map.regions[(*at)++];

		if (!vh_mem_has(new, r))
			return r;
	}
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(vh_mem_next_gone);

/** vh_mem_top() - one past the guest's last address; 0 for no memory */
u64 vh_mem_top(const struct vh_mem *mem)
{
	const struct parley_region *last;

	if (!mem || !mem->map.nr)
		return 0;
	last = &mem->map.regions[mem->map.nr - 1];
	return last->start + last->size;
}
EXPORT_SYMBOL_IF_KUNIT(vh_mem_top);

/**
 * vh_mem_reverse() - which guest memory lies behind a host range?
 * @mem: the table; NULL, as may be with a device IOMMU, knows of no memory
 * @host: the VMM's address
 * @len: bytes; zero is nothing
 * @fn: called for each guest range; a host range that several regions show
 *	(aliases) gives each of them
 * @arg: for @fn
 *
 * The regions are few, and sorted, so that a gap shows as a region that begins
 * too late.
 *
 * Return: 0; -EFAULT if some of it is nobody's memory (@fn was called for the
 * rest before the gap); or what @fn returned other than 0.
 */
int vh_mem_reverse(const struct vh_mem *mem, u64 host, u64 len,
		   int (*fn)(void *arg, u64 guest, u64 len), void *arg)
{
	u64 end = host + len, covered = host;
	unsigned int i;
	int err;

	if (!len)
		return 0;
	if (!mem || end < host)
		return -EFAULT;
	for (i = 0; i < mem->map.nr; i++) {
		const struct parley_region *r = &mem->by_host[i];
		u64 r_end = r->host + r->size, from = max(r->host, host);
		u64 to = min(r_end, end);

		if (r->host >= end || r->host > covered)
			break;
		if (from >= to)
			continue;
		err = fn(arg, r->start + (from - r->host), to - from);
		if (err)
			return err;
		covered = max(covered, to);
	}
	return covered < end ? -EFAULT : 0;
}
EXPORT_SYMBOL_IF_KUNIT(vh_mem_reverse);

static int vh_mem_seen(void *arg, u64 guest, u64 len)
{
	return 0;
}

/** vh_mem_shows() - is all of this the VMM's memory by a table?  NULL knows of none. */
bool vh_mem_shows(const struct vh_mem *mem, u64 host, u64 len)
{
	return !vh_mem_reverse(mem, host, len, vh_mem_seen, NULL);
}
