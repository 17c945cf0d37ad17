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
	q->in_flight = 0;
	q->in_batch = false;
	q->free = q->ring.num;
}

/* Enter a chain that fmt_put() wrote into private state. */
static __always_inline void drv_note(struct parley_drvq *q, u16 id,
				     void *cookie, u32 len_in, u16 ndesc)
{
	struct vq_shadow *sh = &q->shadow[id];

	sh->cookie = cookie;
	sh->len_in = len_in;
	sh->seq = q->seq_put;
	sh->ndesc = ndesc;
	q->free -= ndesc;
	q->in_flight++;
	q->seq_put++;
}

/* Sum of the device-writable bytes; -EINVAL for a buffer that no device gets. */
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
	/* Spec 2.7.5.2: a chain never describes more than 2^32 bytes. */
	if (total > U32_MAX)
		return -EINVAL;
	*len_in = in;
	return 0;
}

/*
 * Everything but a single unmapped segment: several segments, an indirect
 * table, mappings.  Nothing is visible or changed when this fails.
 */
static noinline int drv_put_chain(struct parley_drvq *q,
				  const struct parley_buf *b, gfp_t gfp)
{
	const struct parley_seg *segs = b->segs;
	u32 n = (u32)b->n_out + b->n_in, len_in;
	struct vq_extra *x = q->extra ? &q->extra[q->free_id] : NULL;
	bool mapped = q->dma && !(b->flags & PARLEY_BUF_PREMAPPED);
	struct parley_seg seg;
	void *table = NULL;
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
		table = parley_shadow_table(q, q->free_id, n, &seg, gfp);
	if (table) {
		fmt_table_write(table, segs, b->n_out, n);
		id = fmt_put(q, &seg, 1, 1, VRING_DESC_F_INDIRECT);
		n = 1;
	} else if (n <= q->free) {
		id = fmt_put(q, segs, b->n_out, n, 0);
	} else {
		if (mapped)
			parley_shadow_unmap(q, x);
		return -ENOSPC;
	}
	q->shadow[id].extra = mapped || (table && x->table);
	drv_note(q, id, b->cookie, len_in, n);
	return 0;
}

int VQ_FN(drv_put)(struct parley_drvq *q, const struct parley_buf *bufs,
		   unsigned int nr, gfp_t gfp)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < nr; i++) {
		const struct parley_buf *b = &bufs[i];

		if (likely(b->n_out + b->n_in == 1 && b->segs->len &&
			   b->cookie && q->free && !q->dma)) {
			u16 id = fmt_put(q, b->segs, b->n_out, 1, 0);

			drv_note(q, id, b->cookie, b->n_in ? b->segs->len : 0, 1);
			continue;
		}
		err = drv_put_chain(q, b, gfp);
		if (unlikely(err))
			break;
	}
	q->ring.stats.buffers += i;
	return i ? i : err;
}

bool VQ_FN(drv_publish)(struct parley_drvq *q)
{
	bool kick;

	if (q->seq_put == q->seq_pub)
		return false;
	fmt_drv_publish(q);
	kick = fmt_kick_wanted(q);
	q->seq_pub = q->seq_put;
	q->pub_desc = 0;
	return kick;
}

/* Was the id given to the device, as the head of a chain, and not handed back? */
static __always_inline bool drv_in_flight(const struct parley_drvq *q, u32 id)
{
	const struct vq_shadow *sh = &q->shadow[id];

	return id < q->ring.num && sh->cookie &&
	       (u16)(q->seq_pub - 1 - sh->seq) < q->ring.num;
}

/*
 * In order: one used entry ends a batch, and the chains before its own were
 * used completely (spec 2.7.9, 2.8.9).  Turns the batch into single chains.
 */
static noinline int drv_used_in_order(struct parley_drvq *q, u32 *id, u32 *len)
{
	int ret;

	if (!q->in_batch) {
		ret = fmt_used(q, id, len);
		if (ret <= 0)
			return ret;
		if (unlikely(!drv_in_flight(q, *id))) {
			parley_ring_break(&q->ring, "id %u used, not in flight", *id);
			return -EIO;
		}
		q->batch_id = *id;
		q->batch_len = *len;
		q->in_batch = true;
	} else if (unlikely(!fmt_used_left(q))) {
		parley_ring_break(&q->ring, "in-order batch up to id %u passes the used index",
				  q->batch_id);
		return -EIO;
	}
	*id = q->oldest;
	if (*id == q->batch_id) {
		*len = q->batch_len;
		q->in_batch = false;
	} else {
		*len = q->shadow[*id].len_in;
	}
	return 1;
}

static __always_inline bool drv_retire(struct parley_drvq *q, u32 id, u32 len,
				       struct parley_done *done)
{
	struct vq_shadow *sh = &q->shadow[id];

	if (unlikely(!drv_in_flight(q, id))) {
		parley_ring_break(&q->ring, "id %u used, not in flight", id);
		return false;
	}
	if (unlikely(len > sh->len_in)) {
		parley_ring_break(&q->ring, "id %u: %u bytes written into %u",
				  id, len, sh->len_in);
		return false;
	}
	done->cookie = sh->cookie;
	done->len = len;
	if (unlikely(sh->extra))
		parley_shadow_release(q, id);
	sh->cookie = NULL;
	q->free += sh->ndesc;
	q->in_flight--;
	fmt_used_advance(q, sh->ndesc);
	if (q->ring.in_order) {
		q->oldest = q->shadow[sh->tail].next;
	} else {
		q->shadow[sh->tail].next = q->free_id;
		q->free_id = id;
	}
	return true;
}

unsigned int VQ_FN(drv_reap)(struct parley_drvq *q, struct parley_done *done,
			     unsigned int max)
{
	unsigned int n;
	u32 id, len;

	for (n = 0; n < max; n++) {
		if (q->ring.in_order) {
			if (drv_used_in_order(q, &id, &len) <= 0)
				break;
		} else if (fmt_used(q, &id, &len) <= 0) {
			break;
		}
		if (unlikely(!drv_retire(q, id, len, &done[n])))
			break;
	}
	q->ring.stats.completed += n;
	return n;
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
	unsigned int most = q->ring.packed ? vq_slots_in_flight(q) - q->pub_desc
					   : (u16)(q->in_flight -
						   (u16)(q->seq_put - q->seq_pub));

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
