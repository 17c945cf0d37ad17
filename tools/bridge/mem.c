// SPDX-License-Identifier: GPL-2.0-only
/* The guest's memory: checked, mapped, translated. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "mem.h"

/* The kernel's table has whole pages of this size, whatever the machine's is. */
#define PAGE		4096ull

static bool wraps(uint64_t start, uint64_t len)
{
	return start + len < start;
}

static bool overlap(uint64_t a, uint64_t alen, uint64_t b, uint64_t blen)
{
	return a < b + blen && b < a + alen;
}

static uint64_t page_start(uint64_t at)
{
	return at & ~(PAGE - 1);
}

/* Bytes of the pages that hold something of this. */
static uint64_t pages(uint64_t start, uint64_t len)
{
	return page_start(start + len - 1) + PAGE - page_start(start);
}

/**
 * mem_check - may this region join the others?
 * @mem: the others
 * @r: as the VMM described it
 *
 * A region need not be whole pages.  The kernel is given all pages that hold
 * something of it, which is what a processor could give the guest at the least;
 * so no other region may lie in them.
 *
 * Return: NULL, or what is wrong.
 */
const char *mem_check(const struct mem *mem, const struct msg_region *r)
{
	unsigned int i;

	if (mem->nr >= MEM_REGIONS)
		return "more regions than we have slots for";
	if (!r->size)
		return "a region of no bytes";
	if (wraps(r->guest, r->size) || wraps(r->user, r->size) ||
	    wraps(r->offset, r->size))
		return "a region that ends beyond 64 bits";
	if (!pages(r->guest, r->size) ||
	    wraps(page_start(r->guest), pages(r->guest, r->size)))
		return "a region in the last page of 64 bits";
	if ((r->guest ^ r->offset) % PAGE)
		return "a region that begins elsewhere in its page than in its file's";
	for (i = 0; i < mem->nr; i++) {
		const struct msg_region *o = &mem->region[i].r;

		if (overlap(o->guest, o->size, r->guest, r->size))
			return "two regions at the same guest address";
		if (overlap(page_start(o->guest), pages(o->guest, o->size),
			    page_start(r->guest), pages(r->guest, r->size)))
			return "two regions in one page of 4 KiB of the guest's";
		if (overlap(o->user, o->size, r->user, r->size))
			return "two regions at the same user address";
	}
	return NULL;
}

/**
 * mem_map - map a region
 * @region: filled in
 * @r: checked with mem_check()
 * @fd: its file; stays the caller's
 *
 * Return: NULL, or what is wrong.
 */
const char *mem_map(struct mem_region *region, const struct msg_region *r,
		    int fd)
{
	region->r = *r;
	switch (lent_map(&region->lent, fd, r->offset, r->size)) {
	case LENT_GOOD:
		return NULL;
	case LENT_NO_FILE:
		return "the memory is not a file; give the guest memory with share=on";
	case LENT_ON_DISK:
		return "the memory is a file on a disk; memory-backend-memfd or hugetlbfs";
	case LENT_SHORT:
		return "a region ends beyond its file";
	case LENT_TOO_MUCH:
		return "no memory left to map a region";
	default:
		return "a region cannot be mapped; was its file opened for writing?";
	}
}

void mem_unmap(struct mem_region *region)
{
	lent_unmap(&region->lent);
}

/* The very region, of the very file: then its mapping may stay. */
static struct mem_region *same(struct mem *old, const struct msg_region *r,
			       int fd)
{
	int i = mem_find(old, r);
	struct mem_region *region;
	struct stat st;

	if (i < 0 || fstat(fd, &st))
		return NULL;
	region = &old->region[i];
	if (!region->lent.map || region->r.offset != r->offset ||
	    region->lent.dev != st.st_dev || region->lent.ino != st.st_ino)
		return NULL;
	return region;
}

/**
 * mem_build - make a memory table of what SET_MEM_TABLE brought
 * @new: empty; filled in
 * @old: the table it will replace, all regions mapped
 * @table: checked with msg_check()
 * @fds: one for each region; stay the caller's
 *
 * A region that @old has as well is not mapped again: both then hold its mapping.
 * Let one of them go with mem_forget(), whatever the answer.
 *
 * Return: NULL, or what is wrong.
 */
const char *mem_build(struct mem *new, struct mem *old,
		      const struct msg_mem_table *table, const int *fds)
{
	struct mem_region *kept;
	const char *why;
	unsigned int i;

	new->nr = 0;
	for (i = 0; i < table->nr; i++) {
		why = mem_check(new, &table->region[i]);
		if (why)
			return why;
		kept = same(old, &table->region[i], fds[i]);
		if (kept) {
			new->region[new->nr++] = *kept;
			continue;
		}
		why = mem_map(&new->region[new->nr], &table->region[i], fds[i]);
		if (why)
			return why;
		new->nr++;
	}
	return NULL;
}

/**
 * mem_add - add one region
 * @mem: table
 * @r: as the VMM described it
 * @fd: its file; stays the caller's
 *
 * Return: NULL, or what is wrong.
 */
const char *mem_add(struct mem *mem, const struct msg_region *r, int fd)
{
	const char *why = mem_check(mem, r);

	if (!why)
		why = mem_map(&mem->region[mem->nr], r, fd);
	if (!why)
		mem->nr++;
	return why;
}

/**
 * mem_find - a region with these addresses and this size
 * @mem: table
 * @r: its offset is not looked at, as the protocol says
 *
 * Return: its place, or -1.
 */
int mem_find(const struct mem *mem, const struct msg_region *r)
{
	unsigned int i;

	for (i = 0; i < mem->nr; i++) {
		const struct msg_region *o = &mem->region[i].r;

		if (o->guest == r->guest && o->user == r->user &&
		    o->size == r->size)
			return (int)i;
	}
	return -1;
}

/* Forget region i; its mapping is the caller's affair. */
void mem_drop(struct mem *mem, unsigned int i)
{
	mem->nr--;
	memmove(&mem->region[i], &mem->region[i + 1],
		(mem->nr - i) * sizeof(mem->region[0]));
}

static bool holds(const struct mem *mem, const void *map)
{
	unsigned int i;

	for (i = 0; i < mem->nr; i++)
		if (mem->region[i].lent.map == map)
			return true;
	return false;
}

/**
 * mem_loses - would a mapping go away with this table?
 * @mem: table in use
 * @new: the one to come
 *
 * Return: true if so.
 */
bool mem_loses(const struct mem *mem, const struct mem *new)
{
	unsigned int i;

	for (i = 0; i < mem->nr; i++)
		if (!holds(new, mem->region[i].lent.map))
			return true;
	return false;
}

/**
 * mem_forget - unmap what only one of two tables holds
 * @mem: this one, empty afterwards
 * @other: stays
 */
void mem_forget(struct mem *mem, const struct mem *other)
{
	unsigned int i;

	for (i = 0; i < mem->nr; i++)
		if (!holds(other, mem->region[i].lent.map))
			mem_unmap(&mem->region[i]);
	mem->nr = 0;
}

void mem_clear(struct mem *mem)
{
	unsigned int i;

	for (i = 0; i < mem->nr; i++)
		mem_unmap(&mem->region[i]);
	mem->nr = 0;
}

/**
 * mem_table - the table as the kernel wants it
 * @mem: table
 *
 * Return: to be freed with free(), or NULL without memory.
 */
struct vhost_memory *mem_table(const struct mem *mem)
{
	struct vhost_memory *out;
	unsigned int i;

	out = calloc(1, sizeof(*out) + mem->nr * sizeof(out->regions[0]));
	if (!out)
		return NULL;
	out->nregions = mem->nr;
	for (i = 0; i < mem->nr; i++) {
		const struct mem_region *m = &mem->region[i];

		out->regions[i].guest_phys_addr = page_start(m->r.guest);
		out->regions[i].memory_size = pages(m->r.guest, m->r.size);
		out->regions[i].userspace_addr = page_start(m->lent.at);
	}
	return out;
}

/**
 * mem_translate - an address of the VMM's to ours
 * @mem: table
 * @user: address in the VMM
 * @len: bytes that must lie in one region
 *
 * Return: our address, or 0.
 */
uint64_t mem_translate(const struct mem *mem, uint64_t user, uint64_t len)
{
	unsigned int i;

	for (i = 0; i < mem->nr; i++) {
		const struct mem_region *m = &mem->region[i];
		uint64_t off = user - m->r.user;

		if (user >= m->r.user && off < m->r.size && len <= m->r.size - off)
			return m->lent.at + off;
	}
	return 0;
}

/* One past the guest's last address. */
uint64_t mem_top(const struct mem *mem)
{
	uint64_t top = 0;
	unsigned int i;

	for (i = 0; i < mem->nr; i++)
		if (mem->region[i].r.guest + mem->region[i].r.size > top)
			top = mem->region[i].r.guest + mem->region[i].r.size;
	return top;
}
