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

	return fmt_id_ok(p, id) && sh->cookie &&
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

/* A chain that was used is its owner's again. */
static __always_inline void drv_hand_back(struct parley_done *done,
					  struct vq_shadow *sh, u32 len)
{
	u32 len_in = sh->len_in;

	done->cookie = sh->cookie;
	done->len = len;
	sh->cookie = NULL;
	done->len_in = len_in;
}

/*
 * A chain that is longer than one descriptor or has something to release is at
 * rest again.  Returns how many slots it took beyond the first; *tail is its
 * last id's shadow.
 */
static __always_inline u32 drv_retire(struct parley_drvq *q, struct vq_shadow *sh,
				      u32 id, struct vq_shadow **tail)
{
	const u8 kind = sh->kind;
	u32 more = 0;

	sh->kind = 0;
	if (kind & VQ_CHAIN) {
		*tail = &q->shadow[sh->tail];
		more = sh->ndesc - 1;
	}
	if (kind & VQ_ONE)
		vq_unmap(&q->mem, sh->bus, sh->len, sh->len_in);
	if (kind & VQ_MAPS) {
		struct vq_extra *x = &q->extra[id];

		vq_unmap_all(&q->mem, x->home, x->n_out, x->nmaps);
		x->nmaps = 0;
	}
	if (kind & VQ_EXTRA)
		parley_shadow_release(q, &q->extra[id]);
	return more;
}

static __always_inline void drv_reap_begin(struct parley_drvq *q,
					   struct vq_reap *p)
{
	p->held_back = q->seq_put - q->seq_pub;
	p->held_seq = q->seq_pub;
	fmt_reap_begin(q, p);
}

/* So many chains were reaped, of so many slots. */
static __always_inline void drv_reap_end(struct parley_drvq *q,
					 const struct vq_reap *p, u32 n, u32 slots)
{
	fmt_reap_end(q, p);
	q->free += slots;
	q->seq_done += n;
	q->ring.stats.completed += n;
}

/* Completions in any order. */
static __always_inline unsigned int drv_reap_any(struct parley_drvq *q,
						 struct parley_done *done,
						 unsigned int max)
{
	struct parley_done *at = done, *end;
	struct vq_shadow *tail;
	struct vq_reap p;
	u32 more = 0;
	bool ids_out;
	int left;

	drv_reap_begin(q, &p);
	left = fmt_used_count(q, &p, max);
	if (left <= 0)
		return 0;
	ids_out = fmt_ids_out(q);
	tail = ids_out ? &q->empty : q->tail;
	for (end = done + left; at != end; at++) {
		struct vq_shadow *sh;
		u32 id, len, beyond = 0;
		bool wrote;

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
		drv_hand_back(at, sh, len);
		tail->next = id;
		tail = sh;
		if (sh->kind)
			beyond = drv_retire(q, sh, id, &tail);
		more += beyond;
		fmt_used_advance(&p, 1, beyond + 1);
	}
	if (ids_out)
		q->free_id = q->empty.next;
	q->tail = tail;
	drv_reap_end(q, &p, at - done, at - done + more);
	return at - done;
}

/* One completion, the same without a loop: 85 instructions (packed 97). */
static noinline unsigned int VQ_FN(drv_reap_one)(struct parley_drvq *q,
						 struct parley_done *done)
{
	return drv_reap_any(q, done, 1);
}

/* 37 instructions a completion (packed 44), of a chain 18 more. */
static noinline unsigned int VQ_FN(drv_reap_many)(struct parley_drvq *q,
						  struct parley_done *done,
						  unsigned int max)
{
	return drv_reap_any(q, done, max);
}

/*
 * The used entry that ends a batch of completions in order.  Mostly it is the
 * oldest chain's own, which is with the device if any is: @n were reaped.
 */
static __always_inline bool drv_batch(struct parley_drvq *q, struct vq_reap *p,
				      u32 oldest, u32 n, u32 *id, u32 *len)
{
	bool wrote;

	if (!fmt_used(p, id, len, &wrote))
		return false;
	if (unlikely(*id == oldest ? vq_published(q) == n
				   : !drv_owned_by_device(p, *id))) {
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
static noinline void VQ_FN(drv_keep_batch)(struct parley_drvq *q, u32 id, u32 len,
					   bool left)
{
	q->in_batch = true;
	q->batch_id = id;
	q->batch_len = len;
	if (unlikely(!left))
		parley_ring_break(&q->ring, "in-order batch up to id %u passes the used index",
				  id);
}

/*
 * Completions in order: one used entry ends a batch, and the chains before its
 * own were used completely (spec 2.7.9, 2.8.9).  The batch is turned into single
 * chains.  Ids go round, so the free list needs no linking: the next chain of
 * the ring has the id after this one's last.  24 instructions a completion in
 * either format.
 */
static noinline unsigned int VQ_FN(drv_reap_ordered)(struct parley_drvq *q,
						     struct parley_done *done,
						     unsigned int max)
{
	struct parley_done *at = done, *end;
	bool in_batch = q->in_batch;
	u32 id, last, len, all = 0;
	struct vq_reap p;
	int left;

	drv_reap_begin(q, &p);
	left = fmt_used_count(q, &p, max);
	if (unlikely(left <= 0))
		return 0;
	end = done + left;
	id = q->oldest;
	if (unlikely(in_batch)) {
		last = q->batch_id;
		len = q->batch_len;
		q->in_batch = false;
	}
	while (at != end) {
		const struct parley_done *from = at;
		u32 more = 0;

		if (!in_batch && !drv_batch(q, &p, id, at - done, &last, &len))
			break;
		for (;;) {
			struct vq_shadow *sh = &p.shadow[id], *tail = sh;

			drv_hand_back(at, sh, sh->len_in);
			if (unlikely(sh->kind))
				more += drv_retire(q, sh, id, &tail);
			in_batch = id != last;
			id = tail->next;
			if (!in_batch || ++at == end)
				break;
		}
		if (!in_batch)
			at++->len = len;
		more += at - from;
		all += more;
		fmt_used_advance(&p, at - from, more);
	}
	q->oldest = id;
	drv_reap_end(q, &p, at - done, all);
	if (unlikely(in_batch))
		VQ_FN(drv_keep_batch)(q, last, len, fmt_used_left(&p));
	return at - done;
}

/*
 * One completion in order that is a batch by itself, the oldest chain's: 70
 * instructions (packed 69), which as a batch of one are twice as many.
 */
static noinline unsigned int VQ_FN(drv_reap_oldest)(struct parley_drvq *q,
						    struct parley_done *done)
{
	struct vq_shadow *sh, *tail;
	u32 id, len, slots = 1;
	struct vq_reap p;
	bool wrote;

	if (unlikely(q->in_batch))
		return VQ_FN(drv_reap_ordered)(q, done, 1);
	fmt_reap_begin(q, &p);
	if (fmt_used_count(q, &p, 1) <= 0 || !fmt_used(&p, &id, &len, &wrote))
		return 0;
	if (unlikely(id != q->oldest || !vq_published(q)))
		return VQ_FN(drv_reap_ordered)(q, done, 1);
	sh = &p.shadow[id];
	tail = sh;
	if (unlikely(!drv_written(&len, sh->len_in, wrote))) {
		drv_lie_about_length(q, id, len, sh->len_in);
		return 0;
	}
	drv_hand_back(done, sh, len);
	if (sh->kind)
		slots += drv_retire(q, sh, id, &tail);
	q->oldest = tail->next;
	fmt_used_advance(&p, 1, slots);
	drv_reap_end(q, &p, 1, slots);
	return 1;
}

unsigned int VQ_FN(drv_reap)(struct parley_drvq *q, struct parley_done *done,
			     unsigned int max)
{
	if (q->ring.in_order)
		return max == 1 ? VQ_FN(drv_reap_oldest)(q, done)
				: VQ_FN(drv_reap_ordered)(q, done, max);
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
