// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the addresses that a driver names to ours: the look-up that misses the
 * queue's cached region, and ranges that cross from one region into the next.
 */
#include "ring.h"

/* What a queue that has looked nothing up has cached: it covers nothing. */
const struct parley_region parley_region_none;

/**
 * parley_memmap_check() - is a memory map fit to be handed in?
 * @map: the map
 *
 * Return: 0; -EINVAL if regions are empty, wrap, overlap, or are not sorted.
 */
int parley_memmap_check(const struct parley_memmap *map)
{
	unsigned int i;

	for (i = 0; i < map->nr; i++) {
		const struct parley_region *g = &map->regions[i];

		if (!g->size || g->start + (g->size - 1) < g->start ||
		    g->host + (g->size - 1) < g->host)
			return -EINVAL;
		if (i && g->start - map->regions[i - 1].start <
			 map->regions[i - 1].size)
			return -EINVAL;
		if (i && g->start < map->regions[i - 1].start)
			return -EINVAL;
	}
	return 0;
}
PARLEY_EXPORT(parley_memmap_check);

static const struct parley_region *vq_memmap_find(const struct parley_memmap *map,
						  u64 addr)
{
	unsigned int lo = 0, hi = map->nr;

	while (lo < hi) {
		unsigned int mid = lo + (hi - lo) / 2;
		const struct parley_region *g = &map->regions[mid];

		if (addr < g->start)
			hi = mid;
		else if (addr - g->start >= g->size)
			lo = mid + 1;
		else
			return g;
	}
	return NULL;
}

/* A region with the permission, asking the owner once where there is none. */
static const struct parley_region *vq_translate_find(struct parley_devq *q,
						     u64 addr, u32 len, u32 perm,
						     int *err)
{
	const struct parley_region *g;
	bool asked = false;

	if (!q->map) {
		*err = -EFAULT;
		return NULL;
	}
	for (;;) {
		g = vq_memmap_find(q->map, addr);
		if (g && (g->perm & perm) == perm)
			return g;
		if (asked || !q->map->miss) {
			*err = -EFAULT;
			return NULL;
		}
		q->hit = &parley_region_none;	/* the map may change now */
		*err = q->map->miss(q->map, addr, len, perm);
		if (*err)
			return NULL;
		asked = true;
	}
}

/**
 * parley_translate_slow() - translate a range into pieces of a chain
 * @q: device queue
 * @c: chain; the pieces go to @c->iov from @at on
 * @at: pieces that @c has already
 * @addr: the driver's address
 * @len: bytes, not zero
 * @perm: PARLEY_MEM_READ or PARLEY_MEM_WRITE
 *
 * Return: number of pieces, more than one where the range crosses regions;
 * -EAGAIN if the owner will know later; -EIO and a broken queue otherwise.
 */
int parley_translate_slow(struct parley_devq *q, struct parley_chain *c,
			  unsigned int at, u64 addr, u32 len, u32 perm)
{
	unsigned int n;
	int err;

	if (addr + (len - 1) < addr) {
		parley_ring_break(&q->ring, "chain %u: address %#llx + %u wraps",
				  c->id, (unsigned long long)addr, len);
		return -EIO;
	}
	for (n = 0; len; n++) {
		const struct parley_region *g;
		u32 piece;
		u64 off;

		if (at + n >= c->max) {
			parley_ring_break(&q->ring, "chain %u has more than %u pieces",
					  c->id, c->max);
			return -EIO;
		}
		g = vq_translate_find(q, addr, len, perm, &err);
		if (!g) {
			if (err == -EAGAIN)
				return err;
			parley_ring_break(&q->ring, "chain %u: no memory to %s at %#llx + %u",
					  c->id, perm == PARLEY_MEM_WRITE ?
					  "write" : "read",
					  (unsigned long long)addr, len);
			return -EIO;
		}
		off = addr - g->start;
		piece = min_t(u64, len, g->size - off);
		c->iov[at + n].addr = g->host + off;
		c->iov[at + n].len = piece;
		if (g->perm == (PARLEY_MEM_READ | PARLEY_MEM_WRITE))
			q->hit = g;
		addr += piece;
		len -= piece;
	}
	return n;
}
