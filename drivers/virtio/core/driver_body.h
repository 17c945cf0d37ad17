/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver role, written once and compiled over each format's primitives: put,
 * publish and kick here, the way back in driver_reap.h.  The including file
 * defines VQ_FN(verb), the name of the instance.
 */
#include "memory.h"

void VQ_FN(drv_init)(struct parley_drvq *q)
{
	fmt_drv_init(q);
	q->pub_desc = 0;
	q->event_flags = 0;
	q->seq_put = 0;
	q->seq_pub = 0;
	q->seq_done = 0;
	q->in_batch = false;
	q->free = q->ring.num;
}

/* Enter the next chain into private state; it is written to the ring then. */
static __always_inline struct vq_shadow *drv_note(struct vq_put *p, u16 id,
						  void *cookie, u32 len_in)
{
	struct vq_shadow *sh = &p->shadow[id];

	sh->cookie = cookie;
	sh->len_in = len_in;
	sh->seq = p->seq;
	return sh;
}

/* So many ring slots are taken, and not yet visible. */
static __always_inline void drv_slots(struct vq_put *p, u32 n)
{
	p->free -= n;
	p->pub_desc += n;
}

/*
 * Fill an indirect table, checking and summing as it goes: nobody sees the
 * table before it is put.  Spec 2.7.5.2: no chain of more than 2^32 bytes.
 */
static __always_inline int drv_fill_table(void *table,
					  const struct parley_seg *segs,
					  u32 n_out, u32 n, u32 *len_in)
{
	u64 out = 0, in = 0;
	u32 i;

	for (i = 0; i < n_out; i++) {
		u32 len = segs[i].len;

		if (unlikely(!len))
			return -EINVAL;
		fmt_table_set(table, i, segs[i].addr, len, 0);
		out += len;
	}
	for (; i < n; i++) {
		u32 len = segs[i].len;

		if (unlikely(!len))
			return -EINVAL;
		fmt_table_set(table, i, segs[i].addr, len, VRING_DESC_F_WRITE);
		in += len;
	}
	fmt_table_end(table, n);
	if (unlikely(out + in > U32_MAX))
		return -EINVAL;
	*len_in = in;
	return 0;
}

/* The same checks for a buffer that needs no table. */
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

/* Must the core map this buffer? */
static __always_inline bool drv_maps(const struct parley_drvq *q,
				     const struct parley_buf *b)
{
	return q->map && !(b->flags & PARLEY_BUF_PREMAPPED);
}

/*
 * Whatever needs an allocation: tables and mappings that are not kept ready.
 * And mistakes.  Nothing is visible or changed when this fails.
 */
static noinline int VQ_FN(drv_put_slow)(struct parley_drvq *q,
					const struct parley_buf *b, gfp_t gfp)
{
	const struct parley_seg *segs = b->segs;
	u32 n = (u32)b->n_out + b->n_in, len_in;
	struct vq_extra *x = q->extra ? &q->extra[q->free_id] : NULL;
	struct parley_seg seg;
	struct vq_shadow *sh;
	void *table = NULL;
	struct vq_put p;
	u8 kind = 0;
	int err;

	if (unlikely(!n || n > q->ring.num || !b->cookie ||
		     !drv_sum(segs, b->n_out, n, &len_in)))
		return -EINVAL;
	if (unlikely(!q->free))
		return -ENOSPC;
	if (drv_maps(q, b)) {
		err = parley_shadow_map(q, b, x, gfp);
		if (unlikely(err))
			return err;
		segs = x->maps;
		kind |= VQ_EXTRA;
	}
	if (n > 1 && q->ring.indirect)
		table = parley_shadow_table(q, q->free_id, n, gfp);
	if (table) {
		drv_fill_table(table, segs, b->n_out, n, &len_in);
		if (!parley_shadow_show(q, q->free_id, n, &seg))
			table = NULL;
	}
	if (unlikely(!table && n > q->free)) {
		if (kind)
			parley_shadow_unmap(q, x);
		return -ENOSPC;
	}
	fmt_put_begin(q, &p);
	sh = drv_note(&p, p.free_id, b->cookie, len_in);
	if (table) {
		fmt_put_one(&p, seg.addr, seg.len, VRING_DESC_F_INDIRECT,
			    !p.pub_desc);
		kind |= VQ_EXTRA;
		n = 1;
	} else if (n > 1) {
		fmt_put_chain(&p, sh, segs, b->n_out, n, !p.pub_desc);
		kind |= VQ_CHAIN;
	} else {
		fmt_put_one(&p, segs->addr, segs->len,
			    b->n_in ? VRING_DESC_F_WRITE : 0, !p.pub_desc);
	}
	sh->kind = kind;
	drv_slots(&p, n);
	fmt_put_end(q, &p);
	q->ring.stats.buffers++;
	return 1;
}

/*
 * Map the segments from *@at up to @end, enter them into the table, and note
 * what to unmap; false if one cannot be, with *@at the first that is not.
 */
static __always_inline bool drv_map_table(struct parley_drvq *q,
					  struct vq_extra *x, void *table,
					  const struct parley_seg *segs,
					  u32 *at, u32 end, const bool write,
					  u64 *sum)
{
	struct parley_seg *map = x->maps;
	u32 i;

	for (i = *at; i < end; i++) {
		u32 len = segs[i].len;
		u64 addr;

		*at = i;
		if (unlikely(!len || vq_map(&q->mem, segs[i].addr, len, write, &addr)))
			return false;
		fmt_table_set(table, i, addr, len, write ? VRING_DESC_F_WRITE : 0);
		map[i].addr = addr;
		map[i].len = len;
		*sum += len;
	}
	*at = i;
	return true;
}

/* drv_fill_table() for a buffer that is mapped; none of it stays so on failure. */
static __always_inline bool drv_fill_mapped(struct parley_drvq *q,
					    struct vq_extra *x,
					    const struct parley_buf *b, u32 n,
					    u32 *len_in)
{
	void *table = x->ready.mem;
	u64 out = 0, in = 0;
	u32 at = 0;
	bool good;

	good = drv_map_table(q, x, table, b->segs, &at, b->n_out, false, &out) &&
	       drv_map_table(q, x, table, b->segs, &at, n, true, &in) &&
	       out + in <= U32_MAX;
	x->n_out = b->n_out;
	x->nmaps = at;
	if (unlikely(!good)) {
		parley_shadow_unmap(q, x);
		return false;
	}
	fmt_table_end(table, n);
	*len_in = in;
	return true;
}

/* A buffer into the table that is kept ready for its id. */
static __always_inline bool drv_put_table(struct parley_drvq *q,
					  struct vq_put *p,
					  const struct parley_buf *b, u32 n,
					  const bool first)
{
	struct vq_extra *x = &q->extra[p->free_id];
	bool map = drv_maps(q, b);
	struct vq_shadow *sh;
	u32 len_in;

	if (unlikely(!p->free || n > q->table_max))
		return false;
	if (map) {
		if (unlikely(!drv_fill_mapped(q, x, b, n, &len_in)))
			return false;
	} else if (unlikely(drv_fill_table(x->ready.mem, b->segs, b->n_out, n,
					   &len_in))) {
		return false;
	}
	sh = drv_note(p, p->free_id, b->cookie, len_in);
	if (map)
		sh->kind = VQ_EXTRA;
	fmt_put_one(p, x->ready.bus, n * sizeof(struct vring_desc),
		    VRING_DESC_F_INDIRECT, first);
	drv_slots(p, 1);
	return true;
}

/* A buffer of several segments into as many slots. */
static __always_inline bool drv_put_direct(struct parley_drvq *q,
					   struct vq_put *p,
					   const struct parley_buf *b, u32 n,
					   const bool first)
{
	const struct parley_seg *segs = b->segs;
	struct vq_shadow *sh;
	u8 kind = VQ_CHAIN;
	u32 len_in;

	if (unlikely(n > p->free || !drv_sum(segs, b->n_out, n, &len_in)))
		return false;
	if (drv_maps(q, b)) {
		struct vq_extra *x = &q->extra[p->free_id];

		if (unlikely(n > q->map_segs || parley_shadow_map(q, b, x, 0)))
			return false;
		segs = x->maps;
		kind |= VQ_EXTRA;
	}
	sh = drv_note(p, p->free_id, b->cookie, len_in);
	sh->kind = kind;
	fmt_put_chain(p, sh, segs, b->n_out, n, first);
	drv_slots(p, n);
	return true;
}

/* A single segment, to be mapped: what to unmap is kept in the shadow itself. */
static __always_inline bool drv_put_mapped(struct parley_drvq *q,
					   struct vq_put *p,
					   const struct parley_buf *b,
					   const bool first)
{
	bool write = b->n_in;
	struct vq_shadow *sh;
	u32 len = b->segs->len;
	u64 addr;

	if (unlikely(!len || !p->free ||
		     vq_map(&q->mem, b->segs->addr, len, write, &addr)))
		return false;
	sh = drv_note(p, p->free_id, b->cookie, write ? len : 0);
	sh->kind = VQ_ONE;
	sh->bus = addr;
	sh->len = len;
	fmt_put_one(p, addr, len, write * VRING_DESC_F_WRITE, first);
	drv_slots(p, 1);
	return true;
}

/*
 * A buffer that drv_put_step() does not take and for which all is kept ready;
 * false, with nothing changed, if it is not one.
 */
static __always_inline bool drv_put_ready(struct parley_drvq *q,
					  struct vq_put *p,
					  const struct parley_buf *b,
					  const bool first)
{
	u32 n = (u32)b->n_out + b->n_in;

	if (unlikely(!b->cookie))
		return false;
	if (n > 1)
		return q->ring.indirect ? drv_put_table(q, p, b, n, first)
					: drv_put_direct(q, p, b, n, first);
	return n && drv_maps(q, b) && drv_put_mapped(q, p, b, first);
}

/* A single segment that needs no mapping? */
static __always_inline bool drv_is_plain(const struct parley_drvq *q,
					 const struct parley_buf *b)
{
	return b->n_out + b->n_in == 1 && !drv_maps(q, b);
}

/* Such a one; false, with nothing changed, if it is not. */
static __always_inline bool drv_put_step(struct vq_put *p,
					 const struct parley_buf *b,
					 const u32 flags, const bool first)
{
	u32 n_in = b->n_in, len;

	if (unlikely(b->n_out + n_in != 1 || !b->cookie ||
		     (b->flags & flags) != flags))
		return false;
	len = b->segs->len;
	if (unlikely(!len))
		return false;
	drv_note(p, p->free_id, b->cookie, n_in ? len : 0);
	fmt_put_one(p, b->segs->addr, len, n_in * VRING_DESC_F_WRITE, first);
	return true;
}

/* What a buffer that needs no mapping has in its flags. */
static __always_inline u32 drv_plain_flags(const struct parley_drvq *q)
{
	return q->map ? PARLEY_BUF_PREMAPPED : 0;
}

/* The first buffers, as long as they are single segments and need no mapping. */
static __always_inline unsigned int drv_put_plain(struct parley_drvq *q,
						  const struct parley_buf *bufs,
						  unsigned int nr)
{
	const u32 flags = drv_plain_flags(q);
	struct vq_put p;
	unsigned int i = 0;

	fmt_put_begin(q, &p);
	nr = min_t(u32, nr, p.free);
	if (nr && !p.pub_desc && drv_put_step(&p, bufs, flags, true))
		i = 1;
	if (i || p.pub_desc)
		while (i < nr && drv_put_step(&p, &bufs[i], flags, false))
			i++;
	drv_slots(&p, i);
	fmt_put_end(q, &p);
	q->ring.stats.buffers += i;
	return i;
}

/* The first buffers, as long as all is kept ready for them. */
static __always_inline unsigned int drv_put_run(struct parley_drvq *q,
						const struct parley_buf *bufs,
						unsigned int nr)
{
	struct vq_put p;
	unsigned int i;

	fmt_put_begin(q, &p);
	for (i = 0; i < nr; i++)
		if (unlikely(!drv_put_ready(q, &p, &bufs[i], !p.pub_desc)))
			break;
	fmt_put_end(q, &p);
	q->ring.stats.buffers += i;
	return i;
}

/* Runs of one kind each; what is neither is put, or refused, by itself. */
static noinline int VQ_FN(drv_put_many)(struct parley_drvq *q,
					const struct parley_buf *bufs,
					unsigned int nr, gfp_t gfp)
{
	unsigned int put = 0;

	while (put < nr) {
		unsigned int n = 0;

		/* Looking for what is not there costs a request of its own. */
		if (drv_is_plain(q, &bufs[put]))
			n = drv_put_plain(q, bufs + put, nr - put);
		if (put + n < nr)
			n += drv_put_run(q, bufs + put + n, nr - put - n);
		if (unlikely(!n)) {
			int err = VQ_FN(drv_put_slow)(q, &bufs[put], gfp);

			if (unlikely(err < 0))
				return put ? put : err;
			n = 1;
		}
		put += n;
	}
	return put;
}

/* One plain buffer: the same without a loop, so with next to no set-up. */
static noinline int VQ_FN(drv_put_one)(struct parley_drvq *q,
				       const struct parley_buf *buf, gfp_t gfp)
{
	return likely(drv_put_plain(q, buf, 1)) ? 1 :
	       VQ_FN(drv_put_slow)(q, buf, gfp);
}

/* One of any other kind. */
static noinline int VQ_FN(drv_put_other)(struct parley_drvq *q,
					 const struct parley_buf *buf, gfp_t gfp)
{
	return likely(drv_put_run(q, buf, 1)) ? 1 :
	       VQ_FN(drv_put_slow)(q, buf, gfp);
}

int VQ_FN(drv_put)(struct parley_drvq *q, const struct parley_buf *bufs,
		   unsigned int nr, gfp_t gfp)
{
	if (nr != 1)
		return VQ_FN(drv_put_many)(q, bufs, nr, gfp);
	return drv_is_plain(q, bufs) ? VQ_FN(drv_put_one)(q, bufs, gfp)
				     : VQ_FN(drv_put_other)(q, bufs, gfp);
}

static __always_inline bool drv_publish_all(struct parley_drvq *q)
{
	bool kick;

	fmt_drv_publish(q);
	kick = fmt_kick_wanted(q);
	vq_count_publish(&q->ring, kick);
	trace_parley_publish(&q->ring, q->seq_put - q->seq_pub, kick);
	WRITE_ONCE(q->seq_pub, q->seq_put);
	q->pub_desc = 0;
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

/* What is not plain, with nothing unpublished before it. */
static noinline int VQ_FN(drv_submit_other)(struct parley_drvq *q,
					    const struct parley_buf *buf,
					    gfp_t gfp)
{
	struct vq_put p;

	fmt_put_begin(q, &p);
	p.pub_desc = 0;
	if (unlikely(!drv_put_ready(q, &p, buf, true)))
		return VQ_FN(drv_submit_slow)(q, buf, gfp);
	return drv_submitted(q, &p);
}

/*
 * One buffer from put to kick.  With nothing unpublished before it, which is
 * what callers of this do, it is the first of a burst of one, and the state of
 * the burst need not be stored in between.
 */
int VQ_FN(drv_submit)(struct parley_drvq *q, const struct parley_buf *buf,
		      gfp_t gfp)
{
	struct vq_put p;

	if (unlikely(!q->free || q->pub_desc))
		return VQ_FN(drv_submit_slow)(q, buf, gfp);
	if (!drv_is_plain(q, buf))
		return VQ_FN(drv_submit_other)(q, buf, gfp);
	fmt_put_begin(q, &p);
	p.pub_desc = 0;
	if (unlikely(!drv_put_step(&p, buf, 0, true)))
		return VQ_FN(drv_submit_slow)(q, buf, gfp);
	drv_slots(&p, 1);
	return drv_submitted(q, &p);
}

#include "driver_reap.h"
