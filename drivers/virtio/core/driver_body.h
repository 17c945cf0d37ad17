/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver role, written once and compiled over each format's primitives.
 * The including file defines VQ_FN(verb), the name of the instance.
 */

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

/* Enter a chain that was written into private state. */
static __always_inline struct vq_shadow *drv_note(struct vq_put *p, u16 id,
						  void *cookie, u32 len_in)
{
	struct vq_shadow *sh = &p->shadow[id];

	sh->cookie = cookie;
	sh->len_in = len_in;
	sh->seq = p->seq++;
	return sh;
}

/* So many ring slots are taken, and not yet visible. */
static __always_inline void drv_slots(struct vq_put *p, u16 n)
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

/* The same checks for a chain that has no table. */
static int drv_check(const struct parley_buf *b, u16 n, u32 *len_in)
{
	u64 total = 0, in = 0;
	u16 i;

	for (i = 0; i < n; i++) {
		if (!b->segs[i].len)
			return -EINVAL;
		total += b->segs[i].len;
		if (i >= b->n_out)
			in += b->segs[i].len;
	}
	if (total > U32_MAX)
		return -EINVAL;
	*len_in = in;
	return 0;
}

/*
 * Whatever is not the common case: mappings, allocated tables, direct chains,
 * mistakes.  Nothing is visible or changed when this fails.
 */
static noinline int drv_put_slow(struct parley_drvq *q,
				 const struct parley_buf *b, gfp_t gfp)
{
	const struct parley_seg *segs = b->segs;
	u32 n = (u32)b->n_out + b->n_in, len_in;
	struct vq_extra *x = q->extra ? &q->extra[q->free_id] : NULL;
	bool mapped = q->map && !(b->flags & PARLEY_BUF_PREMAPPED);
	struct parley_seg seg;
	struct vq_shadow *sh;
	void *table = NULL;
	struct vq_put p;
	u16 id;
	int err;

	if (unlikely(!n || n > q->ring.num || !b->cookie))
		return -EINVAL;
	err = drv_check(b, n, &len_in);
	if (unlikely(err))
		return err;
	if (unlikely(!q->free))
		return -ENOSPC;

	if (mapped) {
		err = parley_shadow_map(q, b, x, gfp);
		if (unlikely(err))
			return err;
		segs = x->maps;
	}
	if (n > 1 && q->ring.indirect)
		table = parley_shadow_table(q, q->free_id, n, gfp);
	if (table) {
		drv_fill_table(table, segs, b->n_out, n, &len_in);
		if (!parley_shadow_show(q, q->free_id, n, &seg))
			table = NULL;
	}
	if (unlikely(!table && n > q->free)) {
		if (mapped)
			parley_shadow_unmap(q, x);
		return -ENOSPC;
	}
	fmt_put_begin(q, &p);
	if (table) {
		id = fmt_put_one(&p, seg.addr, seg.len, VRING_DESC_F_INDIRECT,
				 !p.pub_desc);
		n = 1;
	} else if (n > 1) {
		id = fmt_put_chain(&p, segs, b->n_out, n);
	} else {
		id = fmt_put_one(&p, segs->addr, segs->len,
				 b->n_in ? VRING_DESC_F_WRITE : 0, !p.pub_desc);
	}
	sh = drv_note(&p, id, b->cookie, len_in);
	drv_slots(&p, n);
	sh->ndesc = n;
	sh->extra = mapped || (table && x->table);
	sh->special = sh->extra || n > 1;
	fmt_put_end(q, &p);
	return 0;
}

/* A single unmapped segment; false, with nothing changed, if it is not one. */
static __always_inline bool drv_put_step(struct vq_put *p,
					 const struct parley_buf *b,
					 const bool first)
{
	u32 n_in = b->n_in, len;
	u16 id;

	if (unlikely(b->n_out + n_in != 1 || !b->cookie))
		return false;
	len = b->segs->len;
	if (unlikely(!len))
		return false;
	id = fmt_put_one(p, b->segs->addr, len, n_in * VRING_DESC_F_WRITE, first);
	drv_note(p, id, b->cookie, n_in ? len : 0);
	return true;
}

/* The first buffers, as long as they are single unmapped segments and fit. */
static __always_inline unsigned int drv_put_plain(struct parley_drvq *q,
						  const struct parley_buf *bufs,
						  unsigned int nr)
{
	struct vq_put p;
	unsigned int i = 0;

	if (unlikely(q->map))
		return 0;
	fmt_put_begin(q, &p);
	nr = min_t(u32, nr, p.free);
	if (nr && !p.pub_desc && drv_put_step(&p, bufs, true))
		i = 1;
	if (i || p.pub_desc)
		while (i < nr && drv_put_step(&p, &bufs[i], false))
			i++;
	drv_slots(&p, i);
	fmt_put_end(q, &p);
	q->ring.stats.buffers += i;
	return i;
}

/*
 * The first buffers, as long as they are several unmapped segments that fit
 * into a table that is kept ready.
 */
static noinline unsigned int drv_put_ready(struct parley_drvq *q,
					   const struct parley_buf *bufs,
					   unsigned int nr)
{
	const u32 most = q->map ? 0 : q->table_stride;
	const u32 stride = most * sizeof(struct vring_desc);
	struct vq_put p;
	unsigned int i;

	fmt_put_begin(q, &p);
	nr = min_t(u32, nr, p.free);
	for (i = 0; i < nr; i++) {
		const struct parley_buf *b = &bufs[i];
		u32 n = (u32)b->n_out + b->n_in, len_in;
		size_t at = (size_t)p.free_id * stride;
		u16 id;

		if (unlikely(n < 2 || n > most || !b->cookie) ||
		    unlikely(drv_fill_table(q->tables.mem + at, b->segs,
					    b->n_out, n, &len_in)))
			break;
		id = fmt_put_one(&p, q->tables.bus + at,
				 n * sizeof(struct vring_desc),
				 VRING_DESC_F_INDIRECT, !p.pub_desc);
		drv_note(&p, id, b->cookie, len_in);
		drv_slots(&p, 1);
	}
	fmt_put_end(q, &p);
	q->ring.stats.buffers += i;
	return i;
}

/* Runs of one kind each; what is neither is put, or refused, by itself. */
static noinline int drv_put_many(struct parley_drvq *q,
				 const struct parley_buf *bufs, unsigned int nr,
				 gfp_t gfp)
{
	unsigned int put = 0;

	while (put < nr) {
		unsigned int n = 0;

		/* Looking for what is not there costs a request of its own. */
		if (bufs[put].n_out + bufs[put].n_in == 1)
			n = drv_put_plain(q, bufs + put, nr - put);
		if (put + n < nr)
			n += drv_put_ready(q, bufs + put + n, nr - put - n);
		if (unlikely(!n)) {
			int err = drv_put_slow(q, &bufs[put], gfp);

			if (unlikely(err))
				return put ? put : err;
			q->ring.stats.buffers++;
			n = 1;
		}
		put += n;
	}
	return put;
}

/* One buffer: the same without a loop, so with next to no set-up. */
static noinline int drv_put_one(struct parley_drvq *q,
				const struct parley_buf *buf, gfp_t gfp)
{
	if (likely(drv_put_plain(q, buf, 1)))
		return 1;
	return drv_put_many(q, buf, 1, gfp);
}

int VQ_FN(drv_put)(struct parley_drvq *q, const struct parley_buf *bufs,
		   unsigned int nr, gfp_t gfp)
{
	return nr == 1 ? drv_put_one(q, bufs, gfp)
		       : drv_put_many(q, bufs, nr, gfp);
}

static __always_inline bool drv_publish_all(struct parley_drvq *q)
{
	bool kick;

	fmt_drv_publish(q);
	kick = fmt_kick_wanted(q);
	vq_count_publish(&q->ring, kick);
	trace_parley_publish(&q->ring, q->seq_put - q->seq_pub, kick);
	q->seq_pub = q->seq_put;
	q->pub_desc = 0;
	return kick;
}

bool VQ_FN(drv_publish)(struct parley_drvq *q)
{
	return drv_publish_all(q);
}

static __always_inline bool drv_notify(struct parley_drvq *q)
{
	u32 data = unlikely(q->notify_data) ? fmt_notify_data(q) : q->ring.index;

	if (likely(q->notify && q->notify(q, data)))
		return true;
	parley_ring_break(&q->ring, "the device does not take notifications");
	return false;
}

bool VQ_FN(drv_kick)(struct parley_drvq *q)
{
	return drv_notify(q);
}

static noinline int drv_submit_slow(struct parley_drvq *q,
				    const struct parley_buf *buf, gfp_t gfp)
{
	int err = drv_put_many(q, buf, 1, gfp);

	if (unlikely(err < 0))
		return err;
	if (VQ_FN(drv_publish)(q))
		VQ_FN(drv_kick)(q);
	return 0;
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

	if (unlikely(q->map || !q->free || q->pub_desc))
		return drv_submit_slow(q, buf, gfp);
	fmt_put_begin(q, &p);
	p.pub_desc = 0;
	if (unlikely(!drv_put_step(&p, buf, true)))
		return drv_submit_slow(q, buf, gfp);
	drv_slots(&p, 1);
	fmt_put_end(q, &p);
	q->ring.stats.buffers++;
	if (drv_publish_all(q))
		drv_notify(q);
	return 0;
}

/*
 * Was the id given to the device, as the head of a chain, and not handed back?
 * A chain that was put and not yet published does not count: once its owner
 * had it back, publishing would show the device memory that is not the ring's.
 * A chain's age says nothing else: while the device keeps it, any number of
 * later ones may come and go.
 */
static __always_inline bool drv_owned_by_device(const struct vq_reap *p, u32 id)
{
	const struct vq_shadow *sh = &p->shadow[id];

	return id < p->num && sh->cookie &&
	       !(p->held_back && sh->seq - p->held_seq < p->held_back);
}

/*
 * Is what the device says that it wrote possible?  A length is the device's word
 * only where it had something to write: for what was only read, devices leave
 * there what they like (spec 2.8.6; DPDK the descriptor's own length, a vhost
 * that counts what it read that), and it is to be ignored.  @wrote is what a
 * packed ring's used descriptor says of itself; without it, too, the length is
 * reserved, but QEMU's devices write lengths without it, so one that is possible
 * is taken.
 */
static __always_inline bool drv_written(u32 *len, u32 len_in, bool wrote)
{
	if (likely(*len <= len_in))
		return true;
	if (len_in && wrote)
		return false;
	*len = 0;
	return true;
}

/*
 * In order: one used entry ends a batch, and the chains before its own were
 * used completely (spec 2.7.9, 2.8.9).  Turns the batch into single chains.
 */
static __always_inline bool drv_used_in_order(struct parley_drvq *q,
					      struct vq_reap *p, u32 *id,
					      u32 *len, bool *wrote)
{
	if (!q->in_batch) {
		if (!fmt_used(p, id, len, &q->batch_wrote))
			return false;
		if (unlikely(!drv_owned_by_device(p, *id))) {
			parley_ring_break(&q->ring, "id %u used, not in flight", *id);
			return false;
		}
		q->batch_id = *id;
		q->batch_len = *len;
		q->in_batch = true;
	}
	*id = q->oldest;
	if (*id == q->batch_id) {
		*len = q->batch_len;
		*wrote = q->batch_wrote;
		q->in_batch = false;
	} else {
		*len = p->shadow[*id].len_in;
		*wrote = true;
	}
	return true;
}

static __always_inline void drv_reap_begin(struct parley_drvq *q,
					   struct vq_reap *p)
{
	fmt_reap_begin(q, p);
	p->held_back = q->seq_put - q->seq_pub;
	p->held_seq = q->seq_pub;
	p->tail = fmt_ids_out(q) ? &q->empty : q->tail;
	p->free = q->free;
}

static __always_inline void drv_reap_end(struct parley_drvq *q,
					 const struct vq_reap *p)
{
	if (fmt_ids_out(q))
		q->free_id = q->empty.next;
	fmt_reap_end(q, p);
	q->tail = p->tail;
	q->free = p->free;
}

/*
 * The first completions of one descriptor each, with nothing to release.
 * *rest: the next one is of another kind, or a lie; it was not consumed.
 */
static __always_inline unsigned int drv_reap_plain(struct parley_drvq *q,
						   struct parley_done *done,
						   unsigned int max, bool *rest)
{
	struct parley_done *at = done, *end;
	struct vq_reap p;
	unsigned int n;
	int left;

	*rest = false;
	drv_reap_begin(q, &p);
	left = fmt_used_count(q, &p, max);
	if (left <= 0)
		return 0;
	for (end = done + left; at != end; at++) {
		struct vq_shadow *sh;
		u32 id, len;
		bool wrote;

		if (!fmt_used(&p, &id, &len, &wrote))
			break;
		sh = &p.shadow[id];
		if (unlikely(!drv_owned_by_device(&p, id) || sh->special ||
			     !drv_written(&len, sh->len_in, wrote))) {
			*rest = true;
			break;
		}
		at->cookie = sh->cookie;
		at->len = len;
		at->len_in = sh->len_in;
		sh->cookie = NULL;
		p.tail->next = id;
		p.tail = sh;
		p.done++;
		fmt_used_advance(&p, 1);
	}
	n = at - done;
	p.free += n;
	drv_reap_end(q, &p);
	q->ring.stats.completed += n;
	return n;
}

/* Longer than one descriptor, or with something to release. */
static noinline u16 drv_retire_special(struct parley_drvq *q, u16 id)
{
	struct vq_shadow *sh = &q->shadow[id];
	u16 ndesc = sh->ndesc;

	if (sh->extra)
		parley_shadow_release(q, id);
	sh->ndesc = 1;
	sh->tail = id;
	sh->special = false;
	return ndesc;
}

/* One completion of any kind, or a lie about one. */
static __always_inline bool drv_retire(struct parley_drvq *q, struct vq_reap *p,
				       u32 id, u32 len, bool wrote,
				       struct parley_done *done)
{
	struct vq_shadow *sh = &p->shadow[id], *tail = sh;
	u16 ndesc = 1;

	if (unlikely(!drv_owned_by_device(p, id))) {
		parley_ring_break(&q->ring, "id %u used, not in flight", id);
		return false;
	}
	if (unlikely(!drv_written(&len, sh->len_in, wrote))) {
		parley_ring_break(&q->ring, "id %u: %u bytes written into %u",
				  id, len, sh->len_in);
		return false;
	}
	done->cookie = sh->cookie;
	done->len = len;
	done->len_in = sh->len_in;
	sh->cookie = NULL;
	if (sh->special) {
		tail = &p->shadow[sh->tail];
		ndesc = drv_retire_special(q, id);
	}
	q->oldest = tail->next;
	p->tail->next = id;
	p->tail = tail;
	p->free += ndesc;
	p->done++;
	fmt_used_advance(p, ndesc);
	return true;
}

/* The other completions, after @n of the call. */
static noinline unsigned int drv_reap_rest(struct parley_drvq *q,
					   struct parley_done *done,
					   unsigned int max, unsigned int n)
{
	const bool in_order = q->ring.in_order;
	const unsigned int first = n;
	struct vq_reap p;
	bool wrote;
	u32 id, len;
	int left;

	drv_reap_begin(q, &p);
	for (left = fmt_used_count(q, &p, max - n); left > 0; left--, n++)
		if (!(in_order ? drv_used_in_order(q, &p, &id, &len, &wrote)
			       : fmt_used(&p, &id, &len, &wrote)) ||
		    !drv_retire(q, &p, id, len, wrote, &done[n]))
			break;
	drv_reap_end(q, &p);
	if (unlikely(q->in_batch && !fmt_used_left(&p)))
		parley_ring_break(&q->ring, "in-order batch up to id %u passes the used index",
				  q->batch_id);
	q->ring.stats.completed += n - first;
	return n;
}

/* One completion: the same without a loop, so with next to no set-up. */
static noinline unsigned int drv_reap_one(struct parley_drvq *q,
					  struct parley_done *done)
{
	bool rest;
	unsigned int n = drv_reap_plain(q, done, 1, &rest);

	return unlikely(rest) ? drv_reap_rest(q, done, 1, 0) : n;
}

static noinline unsigned int drv_reap_many(struct parley_drvq *q,
					   struct parley_done *done,
					   unsigned int max)
{
	bool rest;
	unsigned int n = drv_reap_plain(q, done, max, &rest);

	return unlikely(rest) ? drv_reap_rest(q, done, max, n) : n;
}

unsigned int VQ_FN(drv_reap)(struct parley_drvq *q, struct parley_done *done,
			     unsigned int max)
{
	if (unlikely(q->ring.in_order))
		return drv_reap_rest(q, done, max, 0);
	return max == 1 ? drv_reap_one(q, done) : drv_reap_many(q, done, max);
}

bool VQ_FN(drv_pending)(const struct parley_drvq *q)
{
	return q->in_batch || fmt_used_pending(q);
}

/*
 * The event never lies beyond what is in flight, or it would not come.  What
 * became pending before the event was written is the caller's to reap: that is
 * the look after the full barrier.
 */
bool VQ_FN(drv_arm)(struct parley_drvq *q, unsigned int after)
{
	unsigned int most = vq_published(q);

	if (q->ring.packed)
		most = q->ring.num - q->free - q->pub_desc;
	fmt_drv_arm(q, most ? min(after, most - 1) : 0);
	return !VQ_FN(drv_pending)(q);
}

void VQ_FN(drv_disarm)(struct parley_drvq *q)
{
	fmt_drv_disarm(q);
}

u32 VQ_FN(drv_notify_data)(const struct parley_drvq *q)
{
	return fmt_notify_data(q);
}
