/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The split format (spec 2.7): a descriptor table, an available ring that the
 * driver writes and a used ring that the device writes.
 *
 * Cursors run freely over 16 bits, as the indices in the ring do; a slot is
 * the cursor below num, a power of two.  A buffer id is the index of a chain's
 * first descriptor, and the driver links free ones in its shadow, never in the
 * table, which the device may scribble over.
 */
#ifndef _PARLEY_CORE_SPLIT_H
#define _PARLEY_CORE_SPLIT_H

#include "access.h"
#include "barrier.h"
#include "event.h"

/* ------------------------------------------------------------ driver role */

/* A burst of put: what it needs, in registers. */
struct vq_put {
	struct vring_desc *desc;
	__virtio16 *avail;
	struct vq_shadow *shadow;
	u32 mask;
	u32 seq;
	u32 free;
	u32 free_id;
};

/* The slots of a chain that is being written, each linked to the next free one. */
struct vq_slots {
	struct vring_desc *desc;
	struct vq_shadow *shadow;
	u32 next;
	u32 tail;		/* the last one written */
};

/* A burst of reap. */
struct vq_reap {
	struct vring_used_elem *ring;
	struct vq_shadow *shadow;
	u32 mask;		/* num - 1 */
	u32 done;
	u16 seen;
	u32 held_seq;		/* seq of the first chain not published */
	u32 held_back;		/* how many there are */
};

static inline void fmt_drv_init(struct parley_drvq *q)
{
	q->used_seen = 0;
}

static __always_inline void fmt_put_begin(struct parley_drvq *q, struct vq_put *p)
{
	p->desc = q->ring.desc;
	p->avail = q->ring.avail->ring;
	p->shadow = q->shadow;
	p->mask = q->ring.num - 1;
	p->seq = q->seq_put;
	p->free = q->free;
	p->free_id = q->free_id;
}

static __always_inline void fmt_put_end(struct parley_drvq *q,
					const struct vq_put *p)
{
	q->seq_put = p->seq;
	q->free = p->free;
	q->free_id = p->free_id;
}

/* The index alone makes what was written visible: no first one is held back. */
#define FMT_HOLDS_FIRST		false

static __always_inline bool fmt_put_first(const struct vq_put *p)
{
	return false;
}

/* So many slots were written. */
static __always_inline void fmt_put_took(struct vq_put *p, u32 slots)
{
	p->free -= slots;
}

/* Make the chain that begins with descriptor @head the next available one. */
static __always_inline void split_avail(struct vq_put *p, u32 head)
{
	p->avail[p->seq & p->mask] = cpu_to_vr16(head);
}

static __always_inline void fmt_put_one(struct vq_put *p, u32 id, u64 addr, u32 len,
					u16 flags, const bool first)
{
	struct vring_desc *d = &p->desc[id];

	d->addr = cpu_to_vr64(addr);
	d->len = cpu_to_vr32(len);
	d->flags = cpu_to_vr16(flags);
	split_avail(p, id);
	p->free_id = p->shadow[id].next;
}

static __always_inline void fmt_slots_begin(const struct vq_put *p,
					    struct vq_slots *s, u32 id,
					    const bool first)
{
	s->desc = p->desc;
	s->shadow = p->shadow;
	s->next = id;
	s->tail = id;
}

/* Descriptors are taken in the order of the free list, and linked by it. */
static __always_inline void fmt_slot_set(struct vq_slots *s, u64 addr, u32 len,
					 u16 flags)
{
	struct vring_desc *d = &s->desc[s->next];

	s->tail = s->next;
	s->next = s->shadow[s->next].next;
	d->addr = cpu_to_vr64(addr);
	d->len = cpu_to_vr32(len);
	d->flags = cpu_to_vr16(flags | VRING_DESC_F_NEXT);
	d->next = cpu_to_vr16(s->next);
}

/* All @n are written. */
static __always_inline void fmt_put_slots(struct vq_put *p, const struct vq_slots *s,
					  u32 id, u32 n, const bool first)
{
	struct vq_shadow *sh = &p->shadow[id];

	p->desc[s->tail].flags &= ~cpu_to_vr16(VRING_DESC_F_NEXT);
	sh->tail = s->tail;
	sh->ndesc = n;
	split_avail(p, id);
	fmt_put_took(p, n);
	p->free_id = s->next;
}

/* What no available index leads to is nothing. */
static __always_inline void fmt_slots_undo(struct vq_put *p, struct vq_slots *s)
{
}

/* Entry i of a table, linked to the one after it. */
static __always_inline void fmt_table_set(void *table, u32 i, u64 addr, u32 len,
					  u16 flags)
{
	struct vring_desc *d = (struct vring_desc *)table + i;

	d->addr = cpu_to_vr64(addr);
	d->len = cpu_to_vr32(len);
	d->flags = cpu_to_vr16(flags | VRING_DESC_F_NEXT);
	d->next = cpu_to_vr16(i + 1);
}

/* The last entry, which was just set, is linked to none. */
static __always_inline void fmt_table_end(void *table, u32 n)
{
	struct vring_desc *d = (struct vring_desc *)table + n - 1;

	d->flags &= ~cpu_to_vr16(VRING_DESC_F_NEXT);
}

static __always_inline void fmt_drv_publish(struct parley_drvq *q)
{
	vq_wmb();	/* D1, pairs with D2 in fmt_avail() */
	WRITE_ONCE(q->ring.avail->idx, cpu_to_vr16(q->seq_put));
}

static __always_inline bool fmt_kick_wanted(struct parley_drvq *q)
{
	struct vq_ring *r = &q->ring;
	struct vring_used *used = r->used;

	vq_mb(r);		/* F1, pairs with F4 in fmt_dev_arm() */
	if (r->event)
		return vq_event_split(vr16_to_cpu(READ_ONCE(*(__virtio16 *)
							    &used->ring[r->num])),
				      q->seq_pub, q->seq_put);
	return !(vr16_to_cpu(READ_ONCE(used->flags)) & VRING_USED_F_NO_NOTIFY);
}

/* Every descriptor has an id. */
static __always_inline bool fmt_ids_out(const struct parley_drvq *q)
{
	return !q->free;
}

static __always_inline void fmt_reap_begin(const struct parley_drvq *q,
					   struct vq_reap *p)
{
	p->ring = q->ring.used->ring;
	p->shadow = q->shadow;
	p->mask = q->ring.num - 1;
	p->done = q->seq_done;
	p->seen = q->used_seen;
}

static __always_inline void fmt_reap_end(struct parley_drvq *q,
					 const struct vq_reap *p)
{
	q->used_seen = p->seen;
}

static __always_inline bool fmt_id_ok(const struct vq_reap *p, u32 id)
{
	return id <= p->mask;
}

/* How many used entries there are, up to @max; -EIO: broken. */
static __always_inline int fmt_used_count(struct parley_drvq *q,
					  struct vq_reap *p, unsigned int max)
{
	struct vq_ring *r = &q->ring;
	u16 idx;

	if ((u16)(p->seen - p->done) >= max)
		return max;
	idx = vr16_to_cpu(READ_ONCE(r->used->idx));
	if (unlikely((u16)(idx - p->done) > (u16)(q->seq_pub - p->done))) {
		parley_ring_break(r, "used index jumped from %u to %u, %u published",
				  p->seen, idx, (u16)(q->seq_pub - p->done));
		return -EIO;
	}
	p->seen = idx;
	vq_rmb();		/* U2, pairs with U1 in fmt_dev_publish() */
	return min_t(u32, (u16)(idx - p->done), max);
}

/* The next used entry, one of those that were counted. */
static __always_inline bool fmt_used(const struct vq_reap *p, u32 *id, u32 *len,
				     bool *wrote)
{
	struct vring_used_elem *e = &p->ring[p->done & p->mask];

	*id = vr32_to_cpu(READ_ONCE(e->id));
	*len = vr32_to_cpu(READ_ONCE(e->len));
	*wrote = true;
	return true;
}

static __always_inline bool fmt_used_pending(const struct parley_drvq *q)
{
	return q->seq_done != vr16_to_cpu(READ_ONCE(q->ring.used->idx));
}

/* One entry may stand for a batch, but not for more than the index says. */
static __always_inline bool fmt_used_left(const struct vq_reap *p)
{
	return (u16)p->done != p->seen;
}

/* The used index counts chains. */
static __always_inline void fmt_used_advance(struct vq_reap *p, u32 chains, u32 slots)
{
	p->done += chains;
}

static __always_inline void split_set_event(struct parley_drvq *q, u16 flags)
{
	WRITE_ONCE(q->event_flags, flags);
	WRITE_ONCE(q->ring.avail->flags, cpu_to_vr16(flags));
}

/*
 * Written even if the device was told the same before: a disarm that raced with
 * the last arm may have had the last word.
 */
static __always_inline void fmt_drv_arm(struct parley_drvq *q, u16 after)
{
	struct vq_ring *r = &q->ring;

	if (r->event)
		WRITE_ONCE(r->avail->ring[r->num],
			   cpu_to_vr16(q->seq_done + after));
	else
		split_set_event(q, 0);
	vq_mb(r);		/* F2, pairs with F3 in fmt_call_wanted() */
}

/* With the event index, an event that lies behind is as good as none. */
static __always_inline void fmt_drv_disarm(struct parley_drvq *q)
{
	if (!q->ring.event && !READ_ONCE(q->event_flags))
		split_set_event(q, VRING_AVAIL_F_NO_INTERRUPT);
}

static __always_inline u32 fmt_notify_data(const struct parley_drvq *q)
{
	return q->ring.index | READ_ONCE(q->seq_pub) << 16;
}

/* ------------------------------------------------------------ device role */

static inline void fmt_dev_init(struct parley_devq *q)
{
	q->done = (struct vq_cursor){};
	q->pub = q->done;
}

/* A burst of take: what it needs, in registers. */
struct vq_take {
	const struct vring_desc *desc;
	const __virtio16 *avail;
	u32 mask;		/* num - 1 */
	u32 seq;
	u16 seen;
};

static __always_inline void fmt_take_begin(const struct parley_devq *q,
					   struct vq_take *t)
{
	t->desc = q->ring.desc;
	t->avail = q->ring.avail->ring;
	t->mask = q->ring.num - 1;
	t->seen = q->avail_seen;
	t->seq = q->seq;
}

static __always_inline void fmt_take_end(struct parley_devq *q,
					 const struct vq_take *t, u32 slots)
{
	q->avail_seen = t->seen;
	q->seq = t->seq;
}

/* How many heads are available, up to @max; negative: fault or violation. */
static __always_inline int fmt_avail(struct parley_devq *q, struct vq_take *t,
				     const enum parley_space s, unsigned int max)
{
	u16 left, idx;
	__virtio16 v;

	if ((u16)(t->seen - t->seq) >= max)
		return max;
	if (unlikely(ring_load(q, s, v, &q->ring.avail->idx)))
		return -EFAULT;
	idx = vr16_to_cpu(v);
	/*
	 * The driver has num descriptors, so no more than num unused chains;
	 * and the index never moves back (spec 2.7.6.1).
	 */
	left = t->mask + 1 - (u16)(t->seen - q->done.idx);
	if (unlikely((u16)(idx - t->seen) > left)) {
		parley_ring_break(&q->ring, "available index jumped from %u to %u, used up to %u",
				  t->seen, idx, q->done.idx);
		return -EIO;
	}
	t->seen = idx;
	vq_rmb();		/* D2, pairs with D1 in fmt_drv_publish() */
	return min_t(u32, (u16)(idx - t->seq), max);
}

/* Is there one at all?  Negative: fault or violation. */
static __always_inline int fmt_peek(struct parley_devq *q,
				    const enum parley_space s)
{
	struct vq_take t;
	int n;

	fmt_take_begin(q, &t);
	n = fmt_avail(q, &t, s, q->ring.num);
	fmt_take_end(q, &t, 0);
	return n;
}

/* Fetch a descriptor of the ring or of a table, with its link. */
static __always_inline int split_fetch(struct parley_devq *q,
				       const enum parley_space s,
				       const struct vring_desc *from,
				       struct vq_desc *d)
{
	u64 v[2], w;

	if (unlikely(ring_load_16(q, s, v, from)))
		return -EFAULT;
	w = le64_to_cpu((__force __le64)v[1]);
	d->addr = le64_to_cpu((__force __le64)v[0]);
	d->len = w;
	d->flags = w >> 32;
	d->next = w >> 48;
	return 0;
}

/* The next head, one of those that were counted: 1, or negative. */
static __always_inline int fmt_head(struct parley_devq *q,
				    const struct vq_take *t,
				    const enum parley_space s,
				    struct vq_desc *d, u16 *id)
{
	__virtio16 v;
	u16 at;

	if (unlikely(ring_load(q, s, v, &t->avail[t->seq & t->mask])))
		return -EFAULT;
	at = vr16_to_cpu(v);
	*id = at;
	if (unlikely(at > t->mask)) {
		parley_ring_break(&q->ring, "head %u made available, ring size %u",
				  at, q->ring.num);
		return -EIO;
	}
	return split_fetch(q, s, t->desc + at, d) ? : 1;
}

/* The link of a descriptor says where its chain goes on. */
static __always_inline const void *fmt_at(const struct vq_take *t)
{
	return NULL;
}

/* Slots that a chain may take. */
static __always_inline u32 fmt_room(const struct parley_devq *q)
{
	return q->ring.num;
}

/* The descriptor after @d of a direct chain. */
static __always_inline int fmt_follow(struct parley_devq *q, const void *head,
				      const enum parley_space s,
				      struct vq_desc *d, u32 n, u16 *id)
{
	if (unlikely(d->next >= q->ring.num)) {
		parley_ring_break(&q->ring, "chain %u: link to %u, ring size %u",
				  *id, d->next, q->ring.num);
		return -EIO;
	}
	return split_fetch(q, s, q->ring.desc + d->next, d);
}

/* Indirect tables are linked too; a link may go anywhere inside the table. */
static __always_inline bool fmt_table_last(const struct vq_desc *d, u32 at,
					   u32 entries)
{
	return !(d->flags & VRING_DESC_F_NEXT);
}

static __always_inline u32 fmt_table_next(const struct vq_desc *d, u32 at)
{
	return d->next;
}

static __always_inline int fmt_table_get(struct parley_devq *q,
					 const enum parley_space s,
					 const void *entry, struct vq_desc *d)
{
	return split_fetch(q, s, entry, d);
}

/* A chain before an indirect table is legal here (spec 2.7.5.3.2). */
#define FMT_NEXT_THEN_INDIRECT	true
/* A table that refers to a table is not (spec 2.7.5.3.1). */
#define FMT_TABLE_FLAGS		(VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT)
/* Chains are counted by the available index, however many slots they take. */
#define FMT_HEADS_ARE_SLOTS	false

static __always_inline void fmt_take_advance(struct vq_take *t, u32 ndesc)
{
}

static __always_inline void fmt_take_rewind(struct parley_devq *q, u16 ndesc)
{
}

/* A burst of complete. */
struct vq_use {
	struct vring_used_elem *ring;
	u32 mask;		/* num - 1 */
	u32 idx;
	u32 pub_count;
};

static __always_inline void fmt_use_begin(const struct parley_devq *q,
					  struct vq_use *u)
{
	u->ring = q->ring.used->ring;
	u->mask = q->ring.num - 1;
	u->idx = q->done.idx;
	u->pub_count = q->pub_count;
}

static __always_inline void fmt_use_end(struct parley_devq *q,
					const struct vq_use *u)
{
	q->done.idx = u->idx;
	q->pub_count = u->pub_count;
}

static __always_inline int fmt_used_write(struct parley_devq *q, struct vq_use *u,
					  const enum parley_space s, u16 id,
					  u32 len, const bool first)
{
	struct vring_used_elem *e = u->ring + (u->idx & u->mask);

	return ring_store(q, s, cpu_to_vr32(id), &e->id) |
	       ring_store(q, s, cpu_to_vr32(len), &e->len);
}

/* Step over so many chains that were used, of so many slots. */
static __always_inline void fmt_used_step(struct vq_use *u, u32 chains, u32 slots)
{
	u->idx += chains;
	u->pub_count += chains;
}

static __always_inline int fmt_dev_publish(struct parley_devq *q,
					   const enum parley_space s)
{
	vq_wmb();	/* U1, pairs with U2 in fmt_used() */
	return ring_store(q, s, cpu_to_vr16(q->done.idx), &q->ring.used->idx);
}

/* 1: call, 0: do not, negative: fault. */
static __always_inline int fmt_call_wanted(struct parley_devq *q,
					   const enum parley_space s)
{
	struct vq_ring *r = &q->ring;
	__virtio16 v;

	vq_mb(r);		/* F3, pairs with F2 in fmt_drv_arm() */
	if (r->event) {
		if (unlikely(ring_load(q, s, v, &r->avail->ring[r->num])))
			return -EFAULT;
		return vq_event_split(vr16_to_cpu(v), q->pub.idx, q->done.idx);
	}
	if (unlikely(ring_load(q, s, v, &r->avail->flags)))
		return -EFAULT;
	return !(vr16_to_cpu(v) & VRING_AVAIL_F_NO_INTERRUPT);
}

static __always_inline int fmt_dev_arm(struct parley_devq *q,
				       const enum parley_space s)
{
	struct vq_ring *r = &q->ring;
	int err = 0;

	if (r->event)
		err = ring_store(q, s, cpu_to_vr16(q->seq),
				 (__virtio16 *)&r->used->ring[r->num]);
	else if (q->event_flags)
		err = ring_store(q, s, cpu_to_vr16(q->event_flags = 0),
				 &r->used->flags);
	vq_mb(r);		/* F4, pairs with F1 in fmt_kick_wanted() */
	return err;
}

static __always_inline int fmt_dev_disarm(struct parley_devq *q,
					  const enum parley_space s)
{
	if (q->ring.event || q->event_flags)
		return 0;
	q->event_flags = VRING_USED_F_NO_NOTIFY;
	return ring_store(q, s, cpu_to_vr16(q->event_flags), &q->ring.used->flags);
}

static inline u32 fmt_save(const struct parley_devq *q)
{
	return q->seq;
}

/* The base is the available index alone; the used one lies in the ring. */
static inline int fmt_load(struct parley_devq *q, const enum parley_space s,
			   u32 base)
{
	__virtio16 v;

	if (base > U16_MAX)
		return -EINVAL;
	if (ring_load(q, s, v, &q->ring.used->idx))
		return -EFAULT;
	if ((u16)(base - vr16_to_cpu(v)) > q->ring.num)
		return -EINVAL;
	q->seq = base;
	q->avail_seen = base;
	q->done.idx = vr16_to_cpu(v);
	q->pub = q->done;
	return 0;
}

#endif /* _PARLEY_CORE_SPLIT_H */
