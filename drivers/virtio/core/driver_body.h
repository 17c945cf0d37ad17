/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver role, written once and compiled over each format's primitives: put,
 * publish and kick here, the way back in driver_reap.h.  The including file
 * defines VQ_FN(verb), the name of the instance.
 *
 * Each way to put, submit and reap says what it costs, split and packed: the
 * instructions of its function a request, as callgrind counts them under
 * `bench shapes` without the DMA API, at batch 32 or of a single request.
 */
#include "memory.h"

void VQ_FN(drv_init)(struct parley_drvq *q)
{
	fmt_drv_init(q);
	q->event_flags = 0;
	q->seq_put = 0;
	q->seq_pub = 0;
	q->seq_done = 0;
	q->in_batch = false;
	q->free = q->ring.num;
}

/* Enter the chain with this id into private state; it is in the ring already. */
static __always_inline struct vq_shadow *drv_note(struct vq_put *p, u32 id,
						  void *cookie, u32 len_in)
{
	struct vq_shadow *sh = &p->shadow[id];

	sh->cookie = cookie;
	sh->len_in = len_in;
	sh->seq = p->seq++;
	return sh;
}

/* Must the core map this buffer? */
static __always_inline bool drv_maps(const struct parley_drvq *q,
				     const struct parley_buf *b)
{
	return q->map && !(b->flags & PARLEY_BUF_PREMAPPED);
}

/* Where the segments of a buffer go: into slots, or into a table. */
struct drv_fill {
	const struct parley_seg *segs;
	struct parley_seg *maps;	/* what to unmap, if they are mapped */
	void *table;
	struct vq_slots slots;
	u64 sum;			/* bytes so far */
	u32 n;				/* segments so far */
};

/* The segments of one direction, up to the one with number @end. */
static __always_inline bool drv_fill_some(struct parley_drvq *q, struct drv_fill *f,
					  u32 end, const bool write,
					  const bool table, const bool map)
{
	const u16 flags = write ? VRING_DESC_F_WRITE : 0;
	u32 i;

	for (i = f->n; i < end; i++) {
		u64 addr = f->segs[i].addr;
		u32 len = f->segs[i].len;

		f->n = i;
		if (unlikely(!len))
			return false;
		if (map) {
			if (unlikely(vq_map(&q->mem, addr, len, write, &addr)))
				return false;
			f->maps[i].addr = addr;
			f->maps[i].len = len;
		}
		if (table)
			fmt_table_set(f->table, i, addr, len, flags);
		else
			fmt_slot_set(&f->slots, addr, len, flags);
		f->sum += len;
	}
	f->n = i;
	return true;
}

/*
 * Write a buffer of @n segments, @n_out of them to be read, checking, mapping and
 * summing as it goes: nobody sees any of it before it is put.  False: it was
 * wrong or could not be mapped; f->n segments are mapped.  Spec 2.7.5.2: no
 * chain of more than 2^32 bytes.
 */
static __always_inline bool drv_fill(struct parley_drvq *q, struct drv_fill *f,
				     u32 n_out, u32 n, u32 *len_in,
				     const bool table, const bool map)
{
	u64 out;

	f->sum = 0;
	f->n = 0;
	if (unlikely(!drv_fill_some(q, f, n_out, false, table, map)))
		return false;
	out = f->sum;
	if (unlikely(!drv_fill_some(q, f, n, true, table, map)))
		return false;
	if (unlikely(f->sum > U32_MAX))
		return false;
	*len_in = f->sum - out;
	if (table)
		fmt_table_end(f->table, n);
	return true;
}

/* The same where what to map, if anything, is noted in @x. */
static __always_inline bool drv_fill_mapped(struct parley_drvq *q,
					    struct drv_fill *f, struct vq_extra *x,
					    const struct parley_buf *b, u32 n,
					    u32 *len_in, const bool table)
{
	bool good;

	f->maps = x->home;
	good = drv_fill(q, f, b->n_out, n, len_in, table, true);
	x->n_out = b->n_out;
	x->nmaps = f->n;
	if (unlikely(!good))
		parley_shadow_unmap(q, x);
	return good;
}

/*
 * A buffer into the table that is kept ready for its id.  false, with nothing
 * changed, if it is not one, here and below.
 */
static __always_inline bool drv_put_table(struct parley_drvq *q, struct vq_put *p,
					  const struct parley_buf *b, u32 n,
					  const bool first)
{
	u32 id = p->free_id, len_in;
	struct vq_extra *x = &q->extra[id];
	struct drv_fill f = { .segs = b->segs, .table = x->ready.mem };
	u8 kind = 0;

	if (unlikely(n > q->table_max))
		return false;
	if (drv_maps(q, b)) {
		if (unlikely(!drv_fill_mapped(q, &f, x, b, n, &len_in, true)))
			return false;
		kind = VQ_MAPS;
	} else if (unlikely(!drv_fill(q, &f, b->n_out, n, &len_in, true, false))) {
		return false;
	}
	fmt_put_one(p, id, x->ready.bus, n * sizeof(struct vring_desc),
		    VRING_DESC_F_INDIRECT, first);
	fmt_put_took(p, 1);
	drv_note(p, id, b->cookie, len_in)->kind = kind;
	return true;
}

/* A buffer of several segments into as many slots. */
static __always_inline bool drv_put_direct(struct parley_drvq *q, struct vq_put *p,
					   const struct parley_buf *b, u32 n,
					   const bool first)
{
	u32 id = p->free_id, len_in;
	struct drv_fill f = { .segs = b->segs };
	u8 kind = VQ_CHAIN;

	if (unlikely(n > p->free))
		return false;
	fmt_slots_begin(p, &f.slots, id, first);
	if (drv_maps(q, b)) {
		if (unlikely(n > q->map_segs ||
			     !drv_fill_mapped(q, &f, &q->extra[id], b, n, &len_in, false)))
			goto undo;
		kind |= VQ_MAPS;
	} else if (unlikely(!drv_fill(q, &f, b->n_out, n, &len_in, false, false))) {
		goto undo;
	}
	fmt_put_slots(p, &f.slots, id, n, first);
	drv_note(p, id, b->cookie, len_in)->kind = kind;
	return true;
undo:
	fmt_slots_undo(p, &f.slots);
	return false;
}

/* A single segment; what to unmap is kept in the shadow itself. */
static __always_inline bool drv_put_single(struct parley_drvq *q, struct vq_put *p,
					   const struct parley_buf *b,
					   const bool first)
{
	u32 id = p->free_id, len = b->segs->len;
	bool write = b->n_in, map = drv_maps(q, b);
	u64 addr = b->segs->addr;
	struct vq_shadow *sh;

	if (unlikely(!len))
		return false;
	if (map && unlikely(vq_map(&q->mem, addr, len, write, &addr)))
		return false;
	fmt_put_one(p, id, addr, len, write * VRING_DESC_F_WRITE, first);
	fmt_put_took(p, 1);
	sh = drv_note(p, id, b->cookie, write ? len : 0);
	if (map) {
		sh->kind = VQ_ONE;
		sh->bus = addr;
		sh->len = len;
	}
	return true;
}

/* A buffer for which all is kept ready. */
static __always_inline bool drv_put_ready(struct parley_drvq *q, struct vq_put *p,
					  const struct parley_buf *b,
					  const bool first)
{
	u32 n = (u32)b->n_out + b->n_in;

	if (unlikely(!b->cookie || !p->free))
		return false;
	if (n > 1)
		return q->ring.indirect ? drv_put_table(q, p, b, n, first)
					: drv_put_direct(q, p, b, n, first);
	return n && drv_put_single(q, p, b, first);
}

/* The checks of a buffer before anything is allocated or mapped for it. */
static __always_inline bool drv_sum(const struct parley_seg *segs, u32 n_out,
				    u32 n, u32 *len_in)
{
	const struct parley_seg *seg = segs, *mid = segs + n_out, *end = segs + n;
	u64 out = 0, in = 0;

	for (; seg != mid; out += seg->len, seg++)
		if (unlikely(!seg->len))
			return false;
	for (; seg != end; in += seg->len, seg++)
		if (unlikely(!seg->len))
			return false;
	*len_in = in;
	return out + in <= U32_MAX;
}

/*
 * Whatever needs an allocation: tables and mappings that are not kept ready.
 * And mistakes.  Nothing is visible or changed when this fails.
 */
static noinline int VQ_FN(drv_put_slow)(struct parley_drvq *q,
					const struct parley_buf *b, gfp_t gfp)
{
	u32 n = (u32)b->n_out + b->n_in, id = q->free_id, len_in;
	struct vq_extra *x = q->extra ? &q->extra[id] : NULL;
	struct drv_fill f = { .segs = b->segs };
	struct parley_seg seg;
	struct vq_put p;
	u8 kind = 0;
	int err;

	if (unlikely(!n || n > q->ring.num || !b->cookie ||
		     !drv_sum(b->segs, b->n_out, n, &len_in)))
		return -EINVAL;
	if (unlikely(!q->free))
		return -ENOSPC;
	if (drv_maps(q, b)) {
		err = parley_shadow_map(q, b, x, gfp);
		if (unlikely(err))
			return err;
		f.segs = x->maps;
		kind |= VQ_EXTRA;
	}
	if (n > 1 && q->ring.indirect)
		f.table = parley_shadow_table(q, id, n, gfp);
	if (f.table) {
		drv_fill(q, &f, b->n_out, n, &len_in, true, false);
		if (!parley_shadow_show(q, id, n, &seg))
			f.table = NULL;
	}
	if (unlikely(!f.table && n > q->free)) {
		if (kind)
			parley_shadow_unmap(q, x);
		return -ENOSPC;
	}
	fmt_put_begin(q, &p);
	if (f.table) {
		fmt_put_one(&p, id, seg.addr, seg.len, VRING_DESC_F_INDIRECT,
			    fmt_put_first(&p));
		fmt_put_took(&p, 1);
		drv_note(&p, id, b->cookie, len_in)->kind = kind | VQ_EXTRA;
	} else if (n > 1) {
		fmt_slots_begin(&p, &f.slots, id, fmt_put_first(&p));
		drv_fill(q, &f, b->n_out, n, &len_in, false, false);
		fmt_put_slots(&p, &f.slots, id, n, fmt_put_first(&p));
		drv_note(&p, id, b->cookie, len_in)->kind = kind | VQ_CHAIN;
	} else {
		fmt_put_one(&p, id, f.segs->addr, f.segs->len,
			    b->n_in ? VRING_DESC_F_WRITE : 0, fmt_put_first(&p));
		fmt_put_took(&p, 1);
		drv_note(&p, id, b->cookie, len_in)->kind = kind;
	}
	fmt_put_end(q, &p);
	return 0;
}

/*
 * From the first buffer on that is not plain: 122 instructions for a chain of two
 * (packed 132), 137 for a table of three (134).
 */
static noinline int VQ_FN(drv_put_rest)(struct parley_drvq *q,
					const struct parley_buf *bufs,
					unsigned int nr, gfp_t gfp, unsigned int put)
{
	unsigned int i = put;
	struct vq_put p;
	int err = 0;

	fmt_put_begin(q, &p);
	for (; i < nr; i++) {
		if (likely(drv_put_ready(q, &p, &bufs[i], fmt_put_first(&p))))
			continue;
		fmt_put_end(q, &p);
		err = VQ_FN(drv_put_slow)(q, &bufs[i], gfp);
		fmt_put_begin(q, &p);
		if (unlikely(err))
			break;
	}
	fmt_put_end(q, &p);
	q->ring.stats.buffers += i - put;
	return i ? i : err;
}

/*
 * One that is not plain, the same without a loop: 152 for a chain of two (packed
 * 170), where the loop's set-up costs 24 (39) more.
 */
static noinline int VQ_FN(drv_put_other)(struct parley_drvq *q,
					 const struct parley_buf *buf, gfp_t gfp)
{
	struct vq_put p;

	fmt_put_begin(q, &p);
	if (unlikely(!drv_put_ready(q, &p, buf, fmt_put_first(&p))))
		return VQ_FN(drv_put_rest)(q, buf, 1, gfp, 0);
	fmt_put_end(q, &p);
	q->ring.stats.buffers++;
	return 1;
}

/* A single segment that needs no mapping? */
static __always_inline bool drv_is_plain(const struct parley_drvq *q,
					 const struct parley_buf *b)
{
	return b->n_out + b->n_in == 1 && !drv_maps(q, b);
}

/* What a buffer that needs no mapping has in its flags. */
static __always_inline u32 drv_plain_flags(const struct parley_drvq *q)
{
	return q->map ? PARLEY_BUF_PREMAPPED : 0;
}

/* Such a one; false, with nothing changed, if it is not. */
static __always_inline bool drv_put_plain(struct vq_put *p,
					  const struct parley_buf *b,
					  const u32 flags, const bool first)
{
	u32 id = p->free_id, n_in = b->n_in, len;
	void *cookie = b->cookie;
	u64 addr;

	if (unlikely(b->n_out + n_in != 1 || !cookie || (b->flags & flags) != flags))
		return false;
	addr = b->segs->addr;
	len = b->segs->len;
	if (unlikely(!len))
		return false;
	fmt_put_one(p, id, addr, len, n_in * VRING_DESC_F_WRITE, first);
	drv_note(p, id, cookie, n_in ? len : 0);
	return true;
}

/* The first buffers, as long as they are plain, of which there is one at least. */
static __always_inline int drv_put_run(struct parley_drvq *q,
				       const struct parley_buf *bufs,
				       unsigned int nr, gfp_t gfp)
{
	const u32 flags = drv_plain_flags(q);
	const struct parley_buf *b = bufs;
	struct vq_put p;
	u32 left, put;

	fmt_put_begin(q, &p);
	left = min_t(u32, nr, p.free);
	if (FMT_HOLDS_FIRST && fmt_put_first(&p))
		left = drv_put_plain(&p, b++, flags, true) ? left - 1 : 0;
	for (; left; left--)
		if (unlikely(!drv_put_plain(&p, b++, flags, false)))
			break;
	put = p.seq - q->seq_put;
	fmt_put_took(&p, put);
	fmt_put_end(q, &p);
	q->ring.stats.buffers += put;
	if (likely(put == nr))
		return put;
	return VQ_FN(drv_put_rest)(q, bufs, nr, gfp, put);
}

/* 47 instructions a buffer (packed 46). */
static noinline int VQ_FN(drv_put_many)(struct parley_drvq *q,
					const struct parley_buf *bufs,
					unsigned int nr, gfp_t gfp)
{
	return drv_put_run(q, bufs, nr, gfp);
}

/* One, the same without a loop: 80 (packed 105), with it 21 more on a split ring. */
static noinline int VQ_FN(drv_put_one)(struct parley_drvq *q,
				       const struct parley_buf *buf, gfp_t gfp)
{
	return drv_put_run(q, buf, 1, gfp);
}

int VQ_FN(drv_put)(struct parley_drvq *q, const struct parley_buf *bufs,
		   unsigned int nr, gfp_t gfp)
{
	if (unlikely(!nr))
		return 0;
	if (!drv_is_plain(q, bufs) || unlikely(!q->free))
		return nr == 1 ? VQ_FN(drv_put_other)(q, bufs, gfp)
			       : VQ_FN(drv_put_rest)(q, bufs, nr, gfp, 0);
	return nr == 1 ? VQ_FN(drv_put_one)(q, bufs, gfp)
		       : VQ_FN(drv_put_many)(q, bufs, nr, gfp);
}

static __always_inline bool drv_publish_all(struct parley_drvq *q)
{
	bool kick;

	fmt_drv_publish(q);
	kick = fmt_kick_wanted(q);
	vq_count_publish(&q->ring, kick);
	trace_parley_publish(&q->ring, q->seq_put - q->seq_pub, kick);
	WRITE_ONCE(q->seq_pub, q->seq_put);
	return kick;
}

bool VQ_FN(drv_publish)(struct parley_drvq *q)
{
	return drv_publish_all(q);
}

static __always_inline bool drv_notify_once(struct parley_drvq *q, u32 data)
{
	if (likely(q->notify && q->notify(q, data)))
		return true;
	parley_ring_break(&q->ring, "the device does not take notifications");
	return false;
}

/*
 * A kick with data says where the ring stands, and what it says must not go back
 * in time: kicks need no lock, and of two that race the older could be written
 * last.  So one processor at a time kicks, with what it reads then; who comes
 * meanwhile leaves word, and the one goes round again (spec 2.9).
 */
static noinline bool VQ_FN(drv_notify_data_once)(struct parley_drvq *q)
{
	bool taken = true;
	int seen;

	if (atomic_fetch_inc(&q->kicks))
		return true;
	do {
		/* Pairs with the increment: what was published before it is seen. */
		seen = atomic_read_acquire(&q->kicks);
		taken = drv_notify_once(q, fmt_notify_data(q));
	} while (atomic_cmpxchg(&q->kicks, seen, 0) != seen);
	return taken;
}

static __always_inline bool drv_notify(struct parley_drvq *q)
{
	if (unlikely(q->notify_data))
		return VQ_FN(drv_notify_data_once)(q);
	return drv_notify_once(q, q->ring.index);
}

bool VQ_FN(drv_kick)(struct parley_drvq *q)
{
	return drv_notify(q);
}

/* The end of a submission. */
static __always_inline int drv_submitted(struct parley_drvq *q,
					 const struct vq_put *p)
{
	fmt_put_end(q, p);
	q->ring.stats.buffers++;
	if (drv_publish_all(q))
		drv_notify(q);
	return 0;
}

static noinline int VQ_FN(drv_submit_slow)(struct parley_drvq *q,
					   const struct parley_buf *buf, gfp_t gfp)
{
	int err = VQ_FN(drv_put)(q, buf, 1, gfp);

	if (unlikely(err < 0))
		return err;
	if (VQ_FN(drv_publish)(q))
		VQ_FN(drv_kick)(q);
	return 0;
}

/*
 * What is not plain, with nothing unpublished before it: 204 for a chain of two
 * (packed 228), where put and publish would cost 18 (27) more.
 */
static noinline int VQ_FN(drv_submit_other)(struct parley_drvq *q,
					    const struct parley_buf *buf,
					    gfp_t gfp)
{
	struct vq_put p;

	fmt_put_begin(q, &p);
	if (unlikely(!drv_put_ready(q, &p, buf, true)))
		return VQ_FN(drv_submit_slow)(q, buf, gfp);
	return drv_submitted(q, &p);
}

/*
 * One buffer from put to kick.  With nothing unpublished before it, which is
 * what callers of this do, it is the first of a burst of one, and the state of
 * the burst need not be stored in between.  95 instructions for a single segment
 * (packed 115); put and publish cost 49 (61) more.
 */
int VQ_FN(drv_submit)(struct parley_drvq *q, const struct parley_buf *buf,
		      gfp_t gfp)
{
	struct vq_put p;

	if (unlikely(!q->free || q->seq_pub != q->seq_put))
		return VQ_FN(drv_submit_slow)(q, buf, gfp);
	if (!drv_is_plain(q, buf))
		return VQ_FN(drv_submit_other)(q, buf, gfp);
	fmt_put_begin(q, &p);
	if (unlikely(!drv_put_plain(&p, buf, 0, true)))
		return VQ_FN(drv_submit_slow)(q, buf, gfp);
	fmt_put_took(&p, 1);
	return drv_submitted(q, &p);
}

#include "driver_reap.h"
