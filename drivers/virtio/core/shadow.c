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

/* Every id free, in ascending order, the last linked to the first. */
void parley_shadow_init(struct parley_drvq *q)
{
	unsigned int i;

	for (i = 0; i < q->ring.num; i++) {
		q->shadow[i] = (struct vq_shadow){
			.next = i + 1 < q->ring.num ? i + 1 : 0,
			.tail = i,
			.ndesc = 1,
		};
	}
	q->free_id = 0;
	q->tail = &q->shadow[q->ring.num - 1];
	q->oldest = 0;
}

int parley_shadow_create(struct parley_drvq *q, unsigned int segs)
{
	unsigned int num = q->num_max, i;

	q->shadow = kvcalloc(num, sizeof(*q->shadow), GFP_KERNEL);
	if (!q->shadow)
		return -ENOMEM;
	if (q->map || q->ring.indirect) {
		q->extra = kvcalloc(num, sizeof(*q->extra), GFP_KERNEL);
		if (!q->extra)
			return -ENOMEM;
	}
	if (q->ring.indirect && segs > 1) {
		q->table_stride = min(segs, num);
		q->tables.size = (size_t)num * q->table_stride *
				 sizeof(struct vring_desc);
		q->tables.mem = parley_mem_alloc(&q->mem, q->tables.size,
						 &q->tables.bus, GFP_KERNEL);
		if (!q->tables.mem)
			return -ENOMEM;
	}
	if (q->map) {
		q->map_stride = min(max(segs, 1u), num);
		q->maps = kvcalloc((size_t)num * q->map_stride,
				   sizeof(*q->maps), GFP_KERNEL);
		if (!q->maps)
			return -ENOMEM;
		for (i = 0; i < num; i++)
			q->extra[i].maps = &q->maps[i * q->map_stride];
	}
	parley_shadow_init(q);
	return 0;
}

/* Also after a create that failed half-way. */
void parley_shadow_destroy(struct parley_drvq *q)
{
	parley_mem_free(&q->mem, q->tables.size, q->tables.mem, q->tables.bus);
	kvfree(q->maps);
	kvfree(q->extra);
	kvfree(q->shadow);
}

/* Map a buffer's segments into x->maps; on failure none stays mapped. */
int parley_shadow_map(struct parley_drvq *q, const struct parley_buf *buf,
		      struct vq_extra *x, gfp_t gfp)
{
	u16 n = buf->n_out + buf->n_in;
	int err;

	if (n > q->map_stride) {
		x->maps_big = kmalloc_array(n, sizeof(*x->maps_big), gfp);
		if (!x->maps_big)
			return -ENOMEM;
		x->maps = x->maps_big;
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

void parley_shadow_unmap(struct parley_drvq *q, struct vq_extra *x)
{
	while (x->nmaps) {
		const struct parley_seg *map = &x->maps[--x->nmaps];

		vq_unmap(&q->mem, map->addr, map->len, x->nmaps >= x->n_out);
	}
	if (x->maps_big) {
		kfree(x->maps_big);
		x->maps_big = NULL;
		x->maps = &q->maps[(x - q->extra) * q->map_stride];
	}
}

/*
 * An indirect table of n entries for the chain that id will head, to be filled
 * and then shown.  NULL: none to be had; the chain may still go directly.
 */
void *parley_shadow_table(struct parley_drvq *q, unsigned int id,
			  unsigned int n, gfp_t gfp)
{
	const size_t entry = sizeof(struct vring_desc);

	if (n <= q->table_stride)
		return q->tables.mem + (size_t)id * q->table_stride * entry;
	q->extra[id].table = kmalloc_array(n, entry, gfp);
	return q->extra[id].table;
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
		seg->addr = q->tables.bus + (size_t)id * q->table_stride *
					    sizeof(struct vring_desc);
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
void parley_shadow_release(struct parley_drvq *q, unsigned int id)
{
	struct vq_extra *x = &q->extra[id];

	if (x->table) {
		parley_mem_unmap(&q->mem, x->table_map.addr, x->table_map.len,
				 false);
		kfree(x->table);
		x->table = NULL;
	}
	parley_shadow_unmap(q, x);
	q->shadow[id].extra = false;
}
