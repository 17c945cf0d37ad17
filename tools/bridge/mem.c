// SPDX-License-Identifier: GPL-2.0-only
/* The guest's memory: checked, mapped, translated. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "mem.h"

#define HUGETLBFS	0x958458f6	/* linux/magic.h */

static bool wraps(uint64_t start, uint64_t len)
{
	return start + len < start;
}

static bool overlap(uint64_t a, uint64_t alen, uint64_t b, uint64_t blen)
{
	return a < b + blen && b < a + alen;
}

/**
 * mem_check - may this region join the others?
 * @mem: the others
 * @r: as the VMM described it
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
	for (i = 0; i < mem->nr; i++) {
		const struct msg_region *o = &mem->region[i].r;

		if (overlap(o->guest, o->size, r->guest, r->size))
			return "two regions at the same guest address";
		if (overlap(o->user, o->size, r->user, r->size))
			return "two regions at the same user address";
	}
	return NULL;
}

/* What a mapping of this file must be aligned to. */
static uint64_t alignment(int fd)
{
	struct statfs fs;

	if (!fstatfs(fd, &fs) && (unsigned long)fs.f_type == HUGETLBFS &&
	    fs.f_bsize > 0)
		return (uint64_t)fs.f_bsize;
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

/**
 * mem_map - map a region
 * @region: filled in
 * @r: checked with mem_check()
 * @fd: its file; stays the caller's
 *
 * Return: 0 or -errno; -ENXIO if the file is shorter than the region, -EBADF if
 * it is no file that can be shared.
 */
int mem_map(struct mem_region *region, const struct msg_region *r, int fd)
{
	uint64_t align, before, len;
	struct stat st;
	void *map;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADF;
	if ((uint64_t)st.st_size < r->offset + r->size)
		return -ENXIO;
	align = alignment(fd);
	before = r->offset % align;
	len = before + r->size;
	if (wraps(len, align - 1))
		return -EINVAL;
	len = (len + align - 1) / align * align;
	map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
		   fd, (off_t)(r->offset - before));
	if (map == MAP_FAILED)
		return -errno;
	madvise(map, len, MADV_DONTDUMP);
	region->r = *r;
	region->dev = st.st_dev;
	region->ino = st.st_ino;
	region->map = map;
	region->map_len = len;
	region->host = (uintptr_t)map + before;
	return 0;
}

void mem_unmap(struct mem_region *region)
{
	if (region->map)
		munmap(region->map, region->map_len);
	region->map = NULL;
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
	if (!region->map || region->r.offset != r->offset ||
	    region->dev != st.st_dev || region->ino != st.st_ino)
		return NULL;
	return region;
}

static const char *map_error(int ret)
{
	switch (ret) {
	case -EBADF:
		return "the memory is not a file; give the guest memory with share=on";
	case -ENXIO:
		return "a region ends beyond its file";
	case -ENOMEM:
		return "no memory left to map a region";
	default:
		return "a region cannot be mapped";
	}
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
	int ret;

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
		ret = mem_map(&new->region[new->nr], &table->region[i], fds[i]);
		if (ret)
			return map_error(ret);
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
	int ret;

	if (why)
		return why;
	ret = mem_map(&mem->region[mem->nr], r, fd);
	if (ret)
		return map_error(ret);
	mem->nr++;
	return NULL;
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
		if (mem->region[i].map == map)
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
		if (!holds(other, mem->region[i].map))
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
		out->regions[i].guest_phys_addr = mem->region[i].r.guest;
		out->regions[i].memory_size = mem->region[i].r.size;
		out->regions[i].userspace_addr = mem->region[i].host;
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
			return m->host + off;
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
