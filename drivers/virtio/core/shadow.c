// SPDX-License-Identifier: GPL-2.0-only
/*
 * Private state per buffer id of the driver role, and what a chain may own
 * besides its ring slots: an indirect table and DMA mappings.
 *
 * An id is free (cookie NULL, linked from free_id), heads a chain in flight
 * (cookie set), or belongs to the tail of a direct split chain.
 *
 * The free list is first in, first out: as long as the device completes in
 * order, ids go round, and so do the descriptors of the split table, which is
 * what a processor can fetch ahead.  In order (VIRTIO_F_IN_ORDER) they must go
 * round (spec 2.7.5), and the id after a chain's last is the next chain's.
 */
#include "memory.h"
#include "ring.h"

/* Mappings that are kept ready for each id at least: longer chains allocate. */
#define SHADOW_MAPS	8u

/* Every id of the ring free, in ascending order, the last linked to the first. */
void parley_shadow_init(struct parley_drvq *q)
{
	unsigned int i;

	for (i = 0; i < q->ring.num; i++)
		q->shadow[i] = (struct vq_shadow){
			.next = i + 1 < q->ring.num ? i + 1 : 0,
		};
	q->free_id = 0;
	q->tail = &q->shadow[q->ring.num - 1];
	q->oldest = 0;
	/* Tables are for the largest ring; no chain is longer than this (2.7.5.3.1). */
	q->table_max = min_t(u32, q->table_segs, q->ring.num);
}

/* A table for each id, none over the edge of a block, blocks of pages. */
static int vq_shadow_make_tables(struct parley_drvq *q)
{
	const size_t table = q->table_segs * sizeof(struct vring_desc);
	const unsigned int each = max_t(size_t, PAGE_SIZE / table, 1);
	unsigned int i;

	q->nr_blocks = (q->num_max + each - 1) / each;
	q->blocks = kvcalloc(q->nr_blocks, sizeof(*q->blocks), GFP_KERNEL);
	if (!q->blocks)
		return -ENOMEM;
	for (i = 0; i < q->nr_blocks; i++) {
		struct vq_area *b = &q->blocks[i];

		b->size = PAGE_ALIGN(each * table);
		b->mem = parley_mem_alloc(&q->mem, b->size, &b->bus, GFP_KERNEL);
		if (!b->mem)
			return -ENOMEM;
	}
	for (i = 0; i < q->num_max; i++) {
		struct vq_area *b = &q->blocks[i / each];

		q->extra[i].ready.mem = b->mem + i % each * table;
		q->extra[i].ready.bus = b->bus + i % each * table;
	}
	return 0;
}

/* Where the mappings of each id are noted. */
static int vq_shadow_make_maps(struct parley_drvq *q)
{
	unsigned int i;

	q->maps = kvcalloc((size_t)q->num_max * q->map_segs, sizeof(*q->maps),
			   GFP_KERNEL);
	if (!q->maps)
		return -ENOMEM;
	for (i = 0; i < q->num_max; i++) {
		q->extra[i].home = &q->maps[i * q->map_segs];
		q->extra[i].maps = q->extra[i].home;
	}
	return 0;
}

/* For the largest ring that the queue may have; what is left, destroy frees. */
int parley_shadow_create(struct parley_drvq *q, unsigned int segs)
{
	const unsigned int num = q->num_max;
	int err = 0;

	segs = min(segs, num);
	q->shadow = kvcalloc(num, sizeof(*q->shadow), GFP_KERNEL);
	if (!q->shadow)
		return -ENOMEM;
	if (q->map || q->ring.indirect) {
		q->extra = kvcalloc(num, sizeof(*q->extra), GFP_KERNEL);
		if (!q->extra)
			return -ENOMEM;
	}
	if (q->ring.indirect && segs > 1) {
		q->table_segs = segs;
		err = vq_shadow_make_tables(q);
	}
	if (!err && q->map) {
		q->map_segs = max(segs, SHADOW_MAPS);
		err = vq_shadow_make_maps(q);
	}
	if (!err)
		parley_shadow_init(q);
	return err;
}

/* Also after a create that failed half-way. */
void parley_shadow_destroy(struct parley_drvq *q)
{
	unsigned int i;

	for (i = 0; q->blocks && i < q->nr_blocks; i++)
		parley_mem_free(&q->mem, q->blocks[i].size, q->blocks[i].mem,
				q->blocks[i].bus);
	kvfree(q->blocks);
	kvfree(q->maps);
	kvfree(q->extra);
	kvfree(q->shadow);
}

/* Map a buffer's segments into x->maps; on failure none stays mapped. */
int parley_shadow_map(struct parley_drvq *q, const struct parley_buf *buf,
		      struct vq_extra *x, gfp_t gfp)
{
	const u16 n = buf->n_out + buf->n_in;
	int err;

	if (n > q->map_segs) {
		struct parley_seg *maps = kmalloc_array(n, sizeof(*maps), gfp);

		if (!maps)
			return -ENOMEM;
		x->maps = maps;
	}
	x->n_out = buf->n_out;
	for (x->nmaps = 0; x->nmaps < n; x->nmaps++) {
		const struct parley_seg *seg = &buf->segs[x->nmaps];
		struct parley_seg *map = &x->maps[x->nmaps];

		map->len = seg->len;
		err = vq_map(&q->mem, seg->addr, seg->len, x->nmaps >= x->n_out,
			     &map->addr);
		if (err) {
			parley_shadow_unmap(q, x);
			return err;
		}
	}
	return 0;
}

/* Nothing of it stays mapped or allocated. */
void parley_shadow_unmap(struct parley_drvq *q, struct vq_extra *x)
{
	vq_unmap_all(&q->mem, x->maps, x->n_out, x->nmaps);
	x->nmaps = 0;
	if (unlikely(x->maps != x->home)) {
		kfree(x->maps);
		x->maps = x->home;
	}
}

/*
 * An indirect table of n entries for the chain that id will head, to be filled
 * and then shown.  NULL: none to be had; the chain may still go directly.
 */
void *parley_shadow_table(struct parley_drvq *q, unsigned int id,
			  unsigned int n, gfp_t gfp)
{
	struct vq_extra *x = &q->extra[id];

	if (n <= q->table_segs)
		return x->ready.mem;
	x->table = kmalloc_array(n, sizeof(struct vring_desc), gfp);
	return x->table;
}

/*
 * Show the device the table, which is complete: an allocated one is mapped like
 * any buffer, so the device may see a copy.  seg describes it then.  False: it
 * cannot be shown, and is no more.
 */
bool parley_shadow_show(struct parley_drvq *q, unsigned int id, unsigned int n,
			struct parley_seg *seg)
{
	struct vq_extra *x = &q->extra[id];

	seg->len = n * sizeof(struct vring_desc);
	if (!x->table) {
		seg->addr = x->ready.bus;
		return true;
	}
	if (parley_mem_map(&q->mem, vq_phys(x->table), seg->len, false,
			   &seg->addr)) {
		kfree(x->table);
		x->table = NULL;
		return false;
	}
	x->table_map = *seg;
	return true;
}

/* The chain was used or is given up: nothing of it stays mapped or allocated. */
void parley_shadow_release(struct parley_drvq *q, struct vq_extra *x)
{
	if (unlikely(x->table)) {
		parley_mem_unmap(&q->mem, x->table_map.addr, x->table_map.len,
				 false);
		kfree(x->table);
		x->table = NULL;
	}
	if (x->nmaps)
		parley_shadow_unmap(q, x);
}
