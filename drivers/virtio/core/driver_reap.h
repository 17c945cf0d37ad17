/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver role's way back, compiled over each format's primitives as
 * driver_body.h is, which includes it: reap, arm and disarm.
 */

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

static __cold void drv_lie_about_id(struct parley_drvq *q, u32 id)
{
	parley_ring_break(&q->ring, "id %u used, not in flight", id);
}

static __cold void drv_lie_about_length(struct parley_drvq *q, u32 id, u32 len,
					u32 len_in)
{
	parley_ring_break(&q->ring, "id %u: %u bytes written into %u", id, len,
			  len_in);
}

/*
 * A chain that is longer than one descriptor or has something to release is at
 * rest again.  Returns its slots; *tail is its last id's shadow.
 */
static __always_inline u16 drv_retire(struct parley_drvq *q, struct vq_shadow *sh,
				      u32 id, struct vq_shadow **tail)
{
	u8 kind = sh->kind;
	u16 ndesc = 1;

	sh->kind = 0;
	if (kind & VQ_ONE)
		vq_unmap(&q->mem, sh->bus, sh->len, sh->len_in);
	if (kind & VQ_EXTRA)
		parley_shadow_release(q, &q->extra[id]);
	if (kind & VQ_CHAIN) {
		*tail = &q->shadow[sh->tail];
		ndesc = sh->ndesc;
	}
	return ndesc;
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

/* Completions in any order. */
static __always_inline unsigned int drv_reap_any(struct parley_drvq *q,
						 struct parley_done *done,
						 unsigned int max)
{
	struct parley_done *at = done, *end;
	struct vq_reap p;
	int left;

	drv_reap_begin(q, &p);
	left = fmt_used_count(q, &p, max);
	if (left <= 0)
		return 0;
	for (end = done + left; at != end; at++) {
		struct vq_shadow *sh, *tail;
		u16 ndesc = 1;
		bool wrote;
		u32 id, len;

		if (!fmt_used(&p, &id, &len, &wrote))
			break;
		sh = &p.shadow[id];
		if (unlikely(!drv_owned_by_device(&p, id))) {
			drv_lie_about_id(q, id);
			break;
		}
		if (unlikely(!drv_written(&len, sh->len_in, wrote))) {
			drv_lie_about_length(q, id, len, sh->len_in);
			break;
		}
		at->cookie = sh->cookie;
		at->len = len;
		at->len_in = sh->len_in;
		sh->cookie = NULL;
		tail = sh;
		if (sh->kind)
			ndesc = drv_retire(q, sh, id, &tail);
		p.tail->next = id;
		p.tail = tail;
		p.free += ndesc;
		p.done++;
		fmt_used_advance(&p, ndesc);
	}
	drv_reap_end(q, &p);
	q->ring.stats.completed += at - done;
	return at - done;
}

/* One completion: the same without a loop, so with next to no set-up. */
static noinline unsigned int VQ_FN(drv_reap_one)(struct parley_drvq *q,
						 struct parley_done *done)
{
	return drv_reap_any(q, done, 1);
}

static noinline unsigned int VQ_FN(drv_reap_many)(struct parley_drvq *q,
						  struct parley_done *done,
						  unsigned int max)
{
	return drv_reap_any(q, done, max);
}

/* The used entry that ends a batch of completions in order. */
static __always_inline bool drv_batch(struct parley_drvq *q, struct vq_reap *p,
				      u32 *id, u32 *len)
{
	bool wrote;

	if (!fmt_used(p, id, len, &wrote))
		return false;
	if (unlikely(!drv_owned_by_device(p, *id))) {
		drv_lie_about_id(q, *id);
		return false;
	}
	if (unlikely(!drv_written(len, p->shadow[*id].len_in, wrote))) {
		drv_lie_about_length(q, *id, *len, p->shadow[*id].len_in);
		return false;
	}
	return true;
}

/* The caller has no room for the rest of a batch, or it is none. */
static noinline void VQ_FN(drv_keep_batch)(struct parley_drvq *q,
					   const struct vq_reap *p, u32 id, u32 len)
{
	q->in_batch = true;
	q->batch_id = id;
	q->batch_len = len;
	if (unlikely(!fmt_used_left(p)))
		parley_ring_break(&q->ring, "in-order batch up to id %u passes the used index",
				  id);
}

/*
 * Completions in order: one used entry ends a batch, and the chains before its
 * own were used completely (spec 2.7.9, 2.8.9).  The batch is turned into single
 * chains.  Ids go round, so the free list needs no linking: the next chain of
 * the ring has the id after this one's last.
 */
static __always_inline unsigned int drv_reap_ordered(struct parley_drvq *q,
						     struct parley_done *done,
						     unsigned int max)
{
	struct parley_done *at = done, *end;
	u32 id = q->oldest, last = q->batch_id, len = q->batch_len;
	bool in_batch = q->in_batch;
	struct vq_reap p;
	int left;

	drv_reap_begin(q, &p);
	left = fmt_used_count(q, &p, max);
	if (unlikely(left <= 0))
		return 0;
	for (end = done + left; at != end; at++) {
		struct vq_shadow *sh = &p.shadow[id], *tail = sh;
		u16 ndesc = 1;

		if (!in_batch && !drv_batch(q, &p, &last, &len))
			break;
		at->cookie = sh->cookie;
		at->len_in = sh->len_in;
		in_batch = id != last;
		at->len = in_batch ? sh->len_in : len;
		sh->cookie = NULL;
		if (sh->kind)
			ndesc = drv_retire(q, sh, id, &tail);
		id = tail->next;
		p.free += ndesc;
		p.done++;
		fmt_used_advance(&p, ndesc);
	}
	q->oldest = id;
	q->free = p.free;
	q->in_batch = false;
	fmt_reap_end(q, &p);
	if (unlikely(in_batch))
		VQ_FN(drv_keep_batch)(q, &p, last, len);
	q->ring.stats.completed += at - done;
	return at - done;
}

static noinline unsigned int VQ_FN(drv_reap_ordered_one)(struct parley_drvq *q,
							 struct parley_done *done)
{
	return drv_reap_ordered(q, done, 1);
}

static noinline unsigned int VQ_FN(drv_reap_ordered_many)(struct parley_drvq *q,
							  struct parley_done *done,
							  unsigned int max)
{
	return drv_reap_ordered(q, done, max);
}

unsigned int VQ_FN(drv_reap)(struct parley_drvq *q, struct parley_done *done,
			     unsigned int max)
{
	if (q->ring.in_order)
		return max == 1 ? VQ_FN(drv_reap_ordered_one)(q, done)
				: VQ_FN(drv_reap_ordered_many)(q, done, max);
	return max == 1 ? VQ_FN(drv_reap_one)(q, done)
			: VQ_FN(drv_reap_many)(q, done, max);
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
