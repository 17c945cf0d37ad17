/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packed format (spec 2.8): one ring of descriptors that the driver makes
 * available and the device overwrites with used ones, told apart by two flag
 * bits against a wrap counter; and an event suppression structure each way.
 *
 * A cursor is a slot below num (any number up to 32768) and the wrap counter
 * there.  A publication writes everything but the flags of its first
 * descriptor, then, after a barrier, those: the peer reads in ring order, so
 * it sees all of a burst or nothing.  Buffer ids are ours alone; the device
 * hands them back.
 */
#ifndef _PARLEY_CORE_PACKED_H
#define _PARLEY_CORE_PACKED_H

#include "access.h"
#include "barrier.h"
#include "event.h"

#define PACKED_AVAIL	(1 << VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED	(1 << VRING_PACKED_DESC_F_USED)
#define PACKED_BITS	(PACKED_AVAIL | PACKED_USED)

/* The two bits of a descriptor that is available, or used, in this round. */
static __always_inline u16 packed_avail_bits(bool wrap)
{
	return wrap ? PACKED_AVAIL : PACKED_USED;
}

static __always_inline u16 packed_used_bits(bool wrap)
{
	return wrap ? PACKED_BITS : 0;
}

static __always_inline void packed_step(const struct vq_ring *r,
					struct vq_cursor *c, u16 n)
{
	u32 idx = c->idx + n;

	if (idx >= r->num) {
		idx -= r->num;
		c->wrap ^= 1;
	}
	c->idx = idx;
}

static __always_inline u16 packed_off_wrap(const struct vq_cursor *c)
{
	return c->idx | c->wrap << VRING_PACKED_EVENT_F_WRAP_CTR;
}

/* ------------------------------------------------------------ driver role */

static inline void fmt_drv_init(struct parley_drvq *q)
{
	q->put = q->pub = q->last = (struct vq_cursor){ .wrap = 1 };
	q->pub_desc = 0;
}

/* Returns the id of the chain; the caller has made sure that n slots are free. */
static __always_inline u16 fmt_put(struct parley_drvq *q,
				   const struct parley_seg *segs, u16 n_out,
				   u16 n, u16 flags)
{
	struct vq_ring *r = &q->ring;
	u16 id = q->free_id, i;

	for (i = 0; i < n; i++) {
		struct vring_packed_desc *d = &r->pdesc[q->put.idx];
		u16 f = flags | packed_avail_bits(q->put.wrap);

		if (i >= n_out)
			f |= VRING_DESC_F_WRITE;
		if (i + 1 < n)
			f |= VRING_DESC_F_NEXT;
		d->addr = cpu_to_le64(segs[i].addr);
		d->len = cpu_to_le32(segs[i].len);
		d->id = cpu_to_le16(id);
		if (q->pub_desc + i)
			d->flags = cpu_to_le16(f);
		else
			q->pub_flags = f;
		packed_step(r, &q->put, 1);
	}
	q->pub_desc += n;
	q->shadow[id].tail = id;
	q->free_id = q->shadow[id].next;
	return id;
}

static __always_inline void fmt_table_write(void *table,
					    const struct parley_seg *segs,
					    u16 n_out, u16 n)
{
	struct vring_packed_desc *d = table;
	u16 i;

	for (i = 0; i < n; i++, d++) {
		d->addr = cpu_to_le64(segs[i].addr);
		d->len = cpu_to_le32(segs[i].len);
		d->id = 0;
		d->flags = cpu_to_le16(i < n_out ? 0 : VRING_DESC_F_WRITE);
	}
}

static __always_inline void fmt_drv_publish(struct parley_drvq *q)
{
	vq_wmb(&q->ring);	/* D1, pairs with D2 in fmt_avail() */
	WRITE_ONCE(q->ring.pdesc[q->pub.idx].flags, cpu_to_le16(q->pub_flags));
	q->pub = q->put;
}

static __always_inline bool fmt_kick_wanted(struct parley_drvq *q)
{
	struct vq_ring *r = &q->ring;
	u32 event;

	vq_mb(r);		/* F1, pairs with F4 in fmt_dev_arm() */
	event = le32_to_cpu(READ_ONCE(*(__le32 *)r->dev_event));
	return vq_event_packed(event, q->put.idx, q->put.wrap, q->pub_desc,
			       r->num);
}

static __always_inline bool fmt_used_pending(const struct parley_drvq *q)
{
	u16 flags = le16_to_cpu(READ_ONCE(q->ring.pdesc[q->last.idx].flags));

	return (flags & PACKED_BITS) == packed_used_bits(q->last.wrap);
}

/* 1: *id and *len are those of the next used descriptor; 0: none. */
static __always_inline int fmt_used(struct parley_drvq *q, u32 *id, u32 *len)
{
	struct vring_packed_desc *d = &q->ring.pdesc[q->last.idx];

	if (!fmt_used_pending(q))
		return 0;
	vq_rmb(&q->ring);	/* U2, pairs with U1 in fmt_dev_publish() */
	*id = le16_to_cpu(READ_ONCE(d->id));
	*len = le32_to_cpu(READ_ONCE(d->len));
	return 1;
}

/* The id alone says where an in-order batch ends. */
static __always_inline bool fmt_used_left(const struct parley_drvq *q)
{
	return true;
}

static __always_inline void fmt_used_advance(struct parley_drvq *q, u16 ndesc)
{
	packed_step(&q->ring, &q->last, ndesc);
}

static __always_inline void packed_set_event(struct parley_drvq *q, u16 flags)
{
	if (q->event_flags == flags)
		return;
	q->event_flags = flags;
	WRITE_ONCE(q->ring.drv_event->flags, cpu_to_le16(flags));
}

/* @after counts slots here: the driver cannot know how chains will be used. */
static __always_inline void fmt_drv_arm(struct parley_drvq *q, u16 after)
{
	struct vq_ring *r = &q->ring;

	if (r->event) {
		struct vq_cursor c = q->last;

		packed_step(r, &c, after);
		WRITE_ONCE(r->drv_event->off_wrap,
			   cpu_to_le16(packed_off_wrap(&c)));
		vq_wmb(r);	/* offset before flags; the device reads both at once */
		packed_set_event(q, VRING_PACKED_EVENT_FLAG_DESC);
	} else {
		packed_set_event(q, VRING_PACKED_EVENT_FLAG_ENABLE);
	}
	vq_mb(r);		/* F2, pairs with F3 in fmt_call_wanted() */
}

static __always_inline void fmt_drv_disarm(struct parley_drvq *q)
{
	packed_set_event(q, VRING_PACKED_EVENT_FLAG_DISABLE);
}

static __always_inline u32 fmt_notify_data(const struct parley_drvq *q)
{
	return q->ring.index | (u32)packed_off_wrap(&q->pub) << 16;
}

/* ------------------------------------------------------------ device role */

static inline void fmt_dev_init(struct parley_devq *q)
{
	q->take = q->done = q->pub = (struct vq_cursor){ .wrap = 1 };
	q->pub_count = 0;
}

/* 1: the next slot heads a chain; 0: it does not; negative: fault. */
static __always_inline int fmt_avail(struct parley_devq *q,
				     const enum parley_space s)
{
	struct vq_ring *r = &q->ring;
	__le16 v;

	/* A full ring's next slot is its oldest, which is ours until used. */
	if (unlikely(q->busy >= r->num))
		return 0;
	if (unlikely(ring_load(s, v, &r->pdesc[q->take.idx].flags))) {
		parley_ring_break(r, "cannot read descriptor %u", q->take.idx);
		return -EFAULT;
	}
	if ((le16_to_cpu(v) & PACKED_BITS) != packed_avail_bits(q->take.wrap))
		return 0;
	q->avail_seen = le16_to_cpu(v);
	vq_rmb(r);		/* D2, pairs with D1 in fmt_drv_publish() */
	return 1;
}

static __always_inline int packed_fetch(struct parley_devq *q,
					const enum parley_space s,
					const struct vring_packed_desc *p,
					struct vq_desc *d)
{
	__le64 addr;
	__le32 len;
	__le16 id;

	if (unlikely(ring_load(s, addr, &p->addr) |
		     ring_load(s, len, &p->len) |
		     ring_load(s, id, &p->id)))
		return -EFAULT;
	d->addr = le64_to_cpu(addr);
	d->len = le32_to_cpu(len);
	d->next = le16_to_cpu(id);
	return 0;
}

/* The flags were read by fmt_avail(), and are not read a second time. */
static __always_inline int fmt_head(struct parley_devq *q,
				    const enum parley_space s,
				    struct vq_desc *d, u16 *id)
{
	int err = packed_fetch(q, s, &q->ring.pdesc[q->take.idx], d);

	d->flags = q->avail_seen;
	*id = d->next;
	return err;
}

/*
 * The descriptor after @d of a direct chain, its @n-th.  Its two bits need no
 * look: the driver wrote it before the first one (spec 2.8.21).  The buffer id
 * is that of the last.
 */
static __always_inline int fmt_follow(struct parley_devq *q,
				      const enum parley_space s,
				      struct vq_desc *d, u16 n, u16 *id)
{
	struct vq_cursor c = q->take;
	__le16 flags;
	int err;

	if (unlikely(n >= q->ring.num - q->busy)) {
		parley_ring_break(&q->ring, "chain at %u longer than the %u free slots",
				  c.idx, q->ring.num - q->busy);
		return -EIO;
	}
	packed_step(&q->ring, &c, n);
	err = ring_load(s, flags, &q->ring.pdesc[c.idx].flags) |
	      packed_fetch(q, s, &q->ring.pdesc[c.idx], d);
	if (unlikely(err))
		return -EFAULT;
	d->flags = le16_to_cpu(flags);
	*id = d->next;
	return 0;
}

/* Indirect tables are read straight through (spec 2.8.7). */
static __always_inline bool fmt_table_last(const struct vq_desc *d, u32 at,
					   u32 entries)
{
	return at + 1 == entries;
}

static __always_inline u32 fmt_table_next(const struct vq_desc *d, u32 at)
{
	return at + 1;
}

static __always_inline int fmt_table_entry(const enum parley_space s,
					   const void *entry, struct vq_desc *d)
{
	const struct vring_packed_desc *p = entry;
	__le64 addr;
	__le32 len;
	__le16 flags;

	if (unlikely(ring_load(s, addr, &p->addr) |
		     ring_load(s, len, &p->len) |
		     ring_load(s, flags, &p->flags)))
		return -EFAULT;
	d->addr = le64_to_cpu(addr);
	d->len = le32_to_cpu(len);
	d->flags = le16_to_cpu(flags);
	return 0;
}

/* An indirect descriptor stands alone here (spec 2.8.19). */
#define FMT_NEXT_THEN_INDIRECT	false

static __always_inline void fmt_take_advance(struct parley_devq *q, u16 ndesc)
{
	packed_step(&q->ring, &q->take, ndesc);
}

static __always_inline void fmt_take_rewind(struct parley_devq *q, u16 ndesc)
{
	if (q->take.idx < ndesc) {
		q->take.idx += q->ring.num;
		q->take.wrap ^= 1;
	}
	q->take.idx -= ndesc;
}

static __always_inline int fmt_used_write(struct parley_devq *q,
					  const enum parley_space s, u16 id,
					  u32 len)
{
	struct vring_packed_desc *d = &q->ring.pdesc[q->done.idx];
	u16 flags = packed_used_bits(q->done.wrap);
	int err;

	if (len)
		flags |= VRING_DESC_F_WRITE;
	err = ring_store(s, cpu_to_le32(len), &d->len) |
	      ring_store(s, cpu_to_le16(id), &d->id);
	if (q->pub_count)
		return err | ring_store(s, cpu_to_le16(flags), &d->flags);
	q->pub_flags = flags;
	return err;
}

static __always_inline void fmt_used_step(struct parley_devq *q, u16 ndesc)
{
	packed_step(&q->ring, &q->done, ndesc);
	q->pub_count += ndesc;
}

static __always_inline int fmt_dev_publish(struct parley_devq *q,
					   const enum parley_space s)
{
	vq_wmb(&q->ring);	/* U1, pairs with U2 in fmt_used() */
	return ring_store(s, cpu_to_le16(q->pub_flags),
			  &q->ring.pdesc[q->pub.idx].flags);
}

/* 1: call, 0: do not, negative: fault. */
static __always_inline int fmt_call_wanted(struct parley_devq *q,
					   const enum parley_space s)
{
	__le32 event;

	vq_mb(&q->ring);	/* F3, pairs with F2 in fmt_drv_arm() */
	if (unlikely(ring_load(s, event, (__le32 *)q->ring.drv_event)))
		return -EFAULT;
	return vq_event_packed(le32_to_cpu(event), q->done.idx, q->done.wrap,
			       q->pub_count, q->ring.num);
}

static __always_inline int fmt_dev_arm(struct parley_devq *q,
				       const enum parley_space s)
{
	struct vq_ring *r = &q->ring;
	u16 flags = VRING_PACKED_EVENT_FLAG_ENABLE;
	int err = 0;

	if (r->event) {
		flags = VRING_PACKED_EVENT_FLAG_DESC;
		err = ring_store(s, cpu_to_le16(packed_off_wrap(&q->take)),
				 &r->dev_event->off_wrap);
		vq_wmb(r);	/* offset before flags; the driver reads both at once */
	}
	if (q->event_flags != flags) {
		q->event_flags = flags;
		err |= ring_store(s, cpu_to_le16(flags), &r->dev_event->flags);
	}
	vq_mb(r);		/* F4, pairs with F1 in fmt_kick_wanted() */
	return err;
}

static __always_inline int fmt_dev_disarm(struct parley_devq *q,
					  const enum parley_space s)
{
	if (q->event_flags == VRING_PACKED_EVENT_FLAG_DISABLE)
		return 0;
	q->event_flags = VRING_PACKED_EVENT_FLAG_DISABLE;
	return ring_store(s, cpu_to_le16(q->event_flags),
			  &q->ring.dev_event->flags);
}

/* Available cursor in the low half, used cursor in the high one. */
static inline u32 fmt_save(const struct parley_devq *q)
{
	return packed_off_wrap(&q->take) | (u32)packed_off_wrap(&q->done) << 16;
}

static inline int fmt_load(struct parley_devq *q, const enum parley_space s,
			   u32 base)
{
	struct vq_cursor take = { base & 0x7fff, base >> 15 & 1 };
	struct vq_cursor done = { base >> 16 & 0x7fff, base >> 31 };

	if (take.idx >= q->ring.num || done.idx >= q->ring.num)
		return -EINVAL;
	q->take = take;
	q->done = done;
	q->pub = done;
	return 0;
}

#endif /* _PARLEY_CORE_PACKED_H */
