/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The packed format (spec 2.8): one ring of descriptors that the driver makes
 * available and the device overwrites with used ones, told apart by two flag
 * bits against a wrap counter; and an event suppression structure each way.
 *
 * A cursor is a slot below num (any number up to 32768) and the flag bits
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

/* Does a descriptor belong to the round that a cursor is in? */
static __always_inline bool packed_match(u16 flags, u16 bits)
{
	return !((flags ^ bits) & PACKED_BITS);
}

/* Step n <= num slots from *at in a ring of num that ends at end. */
static __always_inline void packed_step(struct vring_packed_desc **at,
					const struct vring_packed_desc *end,
					u32 num, u16 *bits, u32 n)
{
	*at += n;
	if (unlikely(*at >= end)) {
		*at -= num;
		*bits ^= PACKED_BITS;
	}
}

static __always_inline bool packed_wrap(u16 bits)
{
	return bits & PACKED_AVAIL;
}

static __always_inline u16 packed_off_wrap(u16 idx, u16 bits)
{
	return idx | packed_wrap(bits) << VRING_PACKED_EVENT_F_WRAP_CTR;
}

/* ------------------------------------------------------------ driver role */

/* A burst of put: what it needs, in registers. */
struct vq_put {
	struct vring_packed_desc *at;	/* the slot */
	struct vring_packed_desc *end;	/* of the ring */
	struct vq_shadow *shadow;
	u32 num;
	u32 seq;
	u32 free;
	u32 free_id;
	u32 pub_desc;
	u16 bits;
	__le16 *held;		/* where flags are held back */
};

/* The slots of a chain that is being written. */
struct vq_slots {
	struct vring_packed_desc *at;
	struct vring_packed_desc *end;
	__le16 *flags;		/* of the next slot, or where they are held back */
	u32 num;
	u16 bits;
	u16 id;
};

/* A burst of reap. */
struct vq_reap {
	struct vring_packed_desc *at;	/* the slot */
	struct vring_packed_desc *end;	/* of the ring */
	struct vq_shadow *shadow;
	u32 num;
	u16 bits;
	u32 held_seq;		/* seq of the first chain not published */
	u32 held_back;		/* how many there are */
};

static inline void fmt_drv_init(struct parley_drvq *q)
{
	q->put = (struct vq_cursor){ .bits = PACKED_AVAIL };
	q->pub = q->put;
	q->pub_desc = 0;
	q->next_used = (struct vq_cursor){ .bits = PACKED_BITS };
}

static __always_inline void fmt_put_begin(struct parley_drvq *q, struct vq_put *p)
{
	p->at = q->ring.pdesc + q->put.idx;
	p->end = q->ring.pdesc + q->ring.num;
	p->shadow = q->shadow;
	p->num = q->ring.num;
	p->bits = q->put.bits;
	p->seq = q->seq_put;
	p->free = q->free;
	p->free_id = q->free_id;
	p->pub_desc = q->pub_desc;
	p->held = &q->pub_flags;
}

static __always_inline void fmt_put_end(struct parley_drvq *q,
					const struct vq_put *p)
{
	q->put.idx = p->at - q->ring.pdesc;
	q->put.bits = p->bits;
	q->seq_put = p->seq;
	q->free = p->free;
	q->free_id = p->free_id;
	q->pub_desc = p->pub_desc;
}

/* The flags of the first of a publication are held back. */
#define FMT_HOLDS_FIRST		true

static __always_inline bool fmt_put_first(const struct vq_put *p)
{
	return !p->pub_desc;
}

/* So many slots were written. */
static __always_inline void fmt_put_took(struct vq_put *p, u32 slots)
{
	p->free -= slots;
	p->pub_desc += slots;
}

static __always_inline void fmt_put_one(struct vq_put *p, u32 id, u64 addr, u32 len,
					u16 flags, const bool first)
{
	struct vring_packed_desc *d = p->at;

	flags |= p->bits;
	d->addr = cpu_to_le64(addr);
	d->len = cpu_to_le32(len);
	d->id = cpu_to_le16(id);
	*(first ? p->held : &d->flags) = cpu_to_le16(flags);
	packed_step(&p->at, p->end, p->num, &p->bits, 1);
	p->free_id = p->shadow[id].next;
}

static __always_inline void fmt_slots_begin(const struct vq_put *p,
					    struct vq_slots *s, u32 id,
					    const bool first)
{
	s->at = p->at;
	s->end = p->end;
	s->num = p->num;
	s->bits = p->bits;
	s->id = id;
	s->flags = first ? p->held : &s->at->flags;
}

static __always_inline void fmt_slot_set(struct vq_slots *s, u64 addr, u32 len,
					 u16 flags)
{
	struct vring_packed_desc *d = s->at;

	d->addr = cpu_to_le64(addr);
	d->len = cpu_to_le32(len);
	d->id = cpu_to_le16(s->id);
	*s->flags = cpu_to_le16(flags | VRING_DESC_F_NEXT | s->bits);
	packed_step(&s->at, s->end, s->num, &s->bits, 1);
	s->flags = &s->at->flags;
}

/* All @n are written. */
static __always_inline void fmt_put_slots(struct vq_put *p, const struct vq_slots *s,
					  u32 id, u32 n, const bool first)
{
	struct vring_packed_desc *start = p->end - p->num;
	struct vring_packed_desc *tail = (s->at == start ? p->end : s->at) - 1;
	struct vq_shadow *sh = &p->shadow[id];

	tail->flags &= ~cpu_to_le16(VRING_DESC_F_NEXT);
	sh->tail = id;
	sh->ndesc = n;
	p->free_id = sh->next;
	p->at = s->at;
	p->bits = s->bits;
	fmt_put_took(p, n);
}

/*
 * The chain is none after all.  Slots that were written look available in this
 * round, and the device will come by; let them look used in the one before.
 */
static __always_inline void fmt_slots_undo(struct vq_put *p, struct vq_slots *s)
{
	struct vring_packed_desc *d = p->at;
	u16 bits = p->bits;

	while (d != s->at) {
		d->flags = cpu_to_le16(packed_wrap(bits) ? 0 : PACKED_BITS);
		packed_step(&d, p->end, p->num, &bits, 1);
	}
}

/* Entry i of a table; tables are read straight through (spec 2.8.7). */
static __always_inline void fmt_table_set(void *table, u32 i, u64 addr, u32 len,
					  u16 flags)
{
	struct vring_packed_desc *d = (struct vring_packed_desc *)table + i;

	d->addr = cpu_to_le64(addr);
	d->len = cpu_to_le32(len);
	d->id = 0;
	d->flags = cpu_to_le16(flags);
}

static __always_inline void fmt_table_end(void *table, u32 n)
{
}

static __always_inline void fmt_drv_publish(struct parley_drvq *q)
{
	vq_wmb();	/* D1, pairs with D2 in fmt_avail() */
	WRITE_ONCE(q->ring.pdesc[q->pub.idx].flags, q->pub_flags);
	WRITE_ONCE(q->pub.word, q->put.word);
}

static __always_inline bool fmt_kick_wanted(struct parley_drvq *q)
{
	struct vq_ring *r = &q->ring;
	u16 count = q->pub_desc;
	u32 event;

	q->pub_desc = 0;
	vq_mb(r);		/* F1, pairs with F4 in fmt_dev_arm() */
	event = le32_to_cpu(READ_ONCE(*(__le32 *)r->dev_event));
	return vq_event_packed(event, q->put.idx, packed_wrap(q->put.bits), count, r->num);
}

/* Every chain has an id, however many slots it takes. */
static __always_inline bool fmt_ids_out(const struct parley_drvq *q)
{
	return vq_in_flight(q) == q->ring.num;
}

static __always_inline void fmt_reap_begin(const struct parley_drvq *q,
					   struct vq_reap *p)
{
	p->at = q->ring.pdesc + q->next_used.idx;
	p->end = q->ring.pdesc + q->ring.num;
	p->shadow = q->shadow;
	p->num = q->ring.num;
	p->bits = q->next_used.bits;
}

static __always_inline void fmt_reap_end(struct parley_drvq *q,
					 const struct vq_reap *p)
{
	q->next_used.idx = p->at - q->ring.pdesc;
	q->next_used.bits = p->bits;
}

static __always_inline bool fmt_id_ok(const struct vq_reap *p, u32 id)
{
	return id < p->num;
}

static __always_inline bool fmt_used_pending(const struct parley_drvq *q)
{
	return packed_match(le16_to_cpu(READ_ONCE(q->ring.pdesc[q->next_used.idx].flags)),
			      q->next_used.bits);
}

/* Only the descriptors themselves tell. */
static __always_inline int fmt_used_count(struct parley_drvq *q,
					  struct vq_reap *p, unsigned int max)
{
	return max;
}

/* The next used descriptor, if there is one. */
static __always_inline bool fmt_used(const struct vq_reap *p, u32 *id, u32 *len,
				     bool *wrote)
{
	struct vring_packed_desc *d = p->at;
	u16 flags = le16_to_cpu(READ_ONCE(d->flags));

	if (!packed_match(flags, p->bits))
		return false;
	vq_rmb();		/* U2, pairs with U1 in fmt_dev_publish() */
	*id = le16_to_cpu(READ_ONCE(d->id));
	*len = le32_to_cpu(READ_ONCE(d->len));
	*wrote = flags & VRING_DESC_F_WRITE;
	return true;
}

/* The id alone says where an in-order batch ends. */
static __always_inline bool fmt_used_left(const struct vq_reap *p)
{
	return true;
}

static __always_inline void fmt_used_advance(struct vq_reap *p, u32 chains, u32 slots)
{
	packed_step(&p->at, p->end, p->num, &p->bits, slots);
}

static __always_inline void packed_set_event(struct parley_drvq *q, u16 flags)
{
	WRITE_ONCE(q->event_flags, flags);
	WRITE_ONCE(q->ring.drv_event->flags, cpu_to_le16(flags));
}

/*
 * @after counts slots here: the driver cannot know how chains will be used.  The
 * flags are written even if the device was told the same before: a disarm that
 * raced with the last arm may have had the last word.
 */
static __always_inline void fmt_drv_arm(struct parley_drvq *q, u16 after)
{
	struct vq_ring *r = &q->ring;

	if (r->event) {
		struct vring_packed_desc *at = r->pdesc + q->next_used.idx;
		u16 bits = q->next_used.bits;

		packed_step(&at, r->pdesc + r->num, r->num, &bits, after);
		WRITE_ONCE(r->drv_event->off_wrap,
			   cpu_to_le16(packed_off_wrap(at - r->pdesc, bits)));
		vq_wmb();	/* offset before flags; the device reads both at once */
		packed_set_event(q, VRING_PACKED_EVENT_FLAG_DESC);
	} else {
		packed_set_event(q, VRING_PACKED_EVENT_FLAG_ENABLE);
	}
	vq_mb(r);		/* F2, pairs with F3 in fmt_call_wanted() */
}

static __always_inline void fmt_drv_disarm(struct parley_drvq *q)
{
	if (READ_ONCE(q->event_flags) != VRING_PACKED_EVENT_FLAG_DISABLE)
		packed_set_event(q, VRING_PACKED_EVENT_FLAG_DISABLE);
}

static __always_inline u32 fmt_notify_data(const struct parley_drvq *q)
{
	struct vq_cursor pub = { .word = READ_ONCE(q->pub.word) };

	return q->ring.index | (u32)packed_off_wrap(pub.idx, pub.bits) << 16;
}

/* ------------------------------------------------------------ device role */

static inline void fmt_dev_init(struct parley_devq *q)
{
	q->take = (struct vq_cursor){ .bits = PACKED_AVAIL };
	q->done = (struct vq_cursor){ .bits = PACKED_BITS };
	q->pub = q->done;
}

/* A burst of take: what it needs, in registers. */
struct vq_take {
	struct vring_packed_desc *at;	/* the slot */
	struct vring_packed_desc *end;	/* of the ring */
	u32 num;
	u32 seq;
	u16 bits;
};

static __always_inline void fmt_take_begin(const struct parley_devq *q,
					   struct vq_take *t)
{
	t->at = q->ring.pdesc + q->take.idx;
	t->end = q->ring.pdesc + q->ring.num;
	t->num = q->ring.num;
	t->bits = q->take.bits;
	t->seq = q->seq;
}

static __always_inline void fmt_take_end(struct parley_devq *q,
					 const struct vq_take *t, u32 slots)
{
	q->take.idx = t->at - q->ring.pdesc;
	q->take.bits = t->bits;
	q->seq = t->seq;
	q->busy += slots;
}

/* Slots that the driver may own, and that a chain may take. */
static __always_inline u32 fmt_room(const struct parley_devq *q)
{
	return q->ring.num - q->busy;
}

/*
 * How many heads may be available: as many as the driver may own.  A full
 * ring's next slot is its oldest, which is ours until it is used, whatever the
 * driver writes there.
 */
static __always_inline int fmt_avail(struct parley_devq *q, struct vq_take *t,
				     const enum parley_space s, unsigned int max)
{
	return min_t(u32, fmt_room(q), max);
}

/* Is there one at all?  Negative: fault. */
static __always_inline int fmt_peek(struct parley_devq *q,
				    const enum parley_space s)
{
	__le16 v;

	if (!fmt_room(q))
		return 0;
	if (unlikely(ring_load(q, s, v, &q->ring.pdesc[q->take.idx].flags)))
		return -EFAULT;
	return packed_match(le16_to_cpu(v), q->take.bits);
}

/* Fetch a descriptor of the ring or of a table; returns the word of its flags. */
static __always_inline int packed_fetch(struct parley_devq *q,
					const enum parley_space s,
					const struct vring_packed_desc *from,
					struct vq_desc *d, u64 *word)
{
	u64 v[2];

	if (unlikely(ring_load_16(q, s, v, from)))
		return -EFAULT;
	*word = le64_to_cpu((__force __le64)v[1]);
	d->addr = le64_to_cpu((__force __le64)v[0]);
	d->len = *word;
	return 0;
}

/* The next slot: 1 if it heads a chain, 0 if not, or negative. */
static __always_inline int fmt_head(struct parley_devq *q,
				    const struct vq_take *t,
				    const enum parley_space s,
				    struct vq_desc *d, u16 *id)
{
	__le16 v;
	u64 w;

	if (unlikely(ring_load(q, s, v, &t->at->flags)))
		return -EFAULT;
	/* What the flags say counts from here on, not how they look later. */
	d->flags = le16_to_cpu(v);
	if (!packed_match(d->flags, t->bits))
		return 0;
	vq_rmb();		/* D2, pairs with D1 in fmt_drv_publish() */
	if (unlikely(packed_fetch(q, s, t->at, d, &w)))
		return -EFAULT;
	*id = w >> 32;
	return 1;
}

/* A chain goes on in the slot after its head's, and so on. */
static __always_inline const void *fmt_at(const struct vq_take *t)
{
	return t->at;
}

/*
 * The descriptor @n slots after the head of a direct chain.  Its two bits need
 * no look: the driver wrote it before the first one (spec 2.8.21).  The buffer
 * id is that of the last.
 */
static __always_inline int fmt_follow(struct parley_devq *q, const void *head,
				      const enum parley_space s,
				      struct vq_desc *d, u32 n, u16 *id)
{
	struct vring_packed_desc *p = (struct vring_packed_desc *)head;
	u16 bits = 0;
	u64 w;

	packed_step(&p, q->ring.pdesc + q->ring.num, q->ring.num, &bits, n);
	if (unlikely(packed_fetch(q, s, p, d, &w)))
		return -EFAULT;
	*id = w >> 32;
	d->flags = w >> 48;
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

static __always_inline int fmt_table_get(struct parley_devq *q,
					 const enum parley_space s,
					 const void *entry, struct vq_desc *d)
{
	u64 w;

	if (unlikely(packed_fetch(q, s, entry, d, &w)))
		return -EFAULT;
	d->flags = w >> 48;
	return 0;
}

/* An indirect descriptor stands alone here (spec 2.8.19). */
#define FMT_NEXT_THEN_INDIRECT	false
/* What else the flags of a table's entries say is ignored (spec 2.8.7). */
#define FMT_TABLE_FLAGS		VRING_DESC_F_WRITE
/* Each slot may head a chain, unless it belongs to one that is with us. */
#define FMT_HEADS_ARE_SLOTS	true

static __always_inline void fmt_take_advance(struct vq_take *t, u32 ndesc)
{
	packed_step(&t->at, t->end, t->num, &t->bits, ndesc);
}

static __always_inline void fmt_take_rewind(struct parley_devq *q, u16 ndesc)
{
	if (q->take.idx < ndesc) {
		q->take.idx += q->ring.num;
		q->take.bits ^= PACKED_BITS;
	}
	q->take.idx -= ndesc;
	q->busy -= ndesc;
}

/* A burst of complete. */
struct vq_use {
	struct vring_packed_desc *at;	/* the slot */
	struct vring_packed_desc *end;	/* of the ring */
	u32 num;
	u32 pub_count;
	u16 bits;
};

static __always_inline void fmt_use_begin(const struct parley_devq *q,
					  struct vq_use *u)
{
	u->at = q->ring.pdesc + q->done.idx;
	u->end = q->ring.pdesc + q->ring.num;
	u->num = q->ring.num;
	u->bits = q->done.bits;
	u->pub_count = q->pub_count;
}

static __always_inline void fmt_use_end(struct parley_devq *q,
					const struct vq_use *u)
{
	q->done.idx = u->at - q->ring.pdesc;
	q->done.bits = u->bits;
	q->busy -= u->pub_count - q->pub_count;
	q->pub_count = u->pub_count;
}

/* The flags of a publication's first one are held back. */
static __always_inline int fmt_used_write(struct parley_devq *q, struct vq_use *u,
					  const enum parley_space s, u16 id,
					  u32 len, const bool first)
{
	struct vring_packed_desc *d = u->at;
	u16 flags = u->bits;
	int err;

	if (len)
		flags |= VRING_DESC_F_WRITE;
	err = ring_store(q, s, cpu_to_le32(len), &d->len) |
	      ring_store(q, s, cpu_to_le16(id), &d->id);
	if (!first)
		return err | ring_store(q, s, cpu_to_le16(flags), &d->flags);
	q->pub_flags = flags;
	return err;
}

/* Step over so many chains that were used, of so many slots. */
static __always_inline void fmt_used_step(struct vq_use *u, u32 chains, u32 slots)
{
	packed_step(&u->at, u->end, u->num, &u->bits, slots);
	u->pub_count += slots;
}

static __always_inline int fmt_dev_publish(struct parley_devq *q,
					   const enum parley_space s)
{
	vq_wmb();	/* U1, pairs with U2 in fmt_used() */
	return ring_store(q, s, cpu_to_le16(q->pub_flags),
			  &q->ring.pdesc[q->pub.idx].flags);
}

/* 1: call, 0: do not, negative: fault. */
static __always_inline int fmt_call_wanted(struct parley_devq *q,
					   const enum parley_space s)
{
	__le32 event;

	vq_mb(&q->ring);	/* F3, pairs with F2 in fmt_drv_arm() */
	if (unlikely(ring_load(q, s, event, (__le32 *)q->ring.drv_event)))
		return -EFAULT;
	return vq_event_packed(le32_to_cpu(event), q->done.idx,
			       packed_wrap(q->done.bits), q->pub_count, q->ring.num);
}

static __always_inline int fmt_dev_arm(struct parley_devq *q,
				       const enum parley_space s)
{
	struct vq_ring *r = &q->ring;
	u16 flags = VRING_PACKED_EVENT_FLAG_ENABLE;
	int err = 0;

	if (r->event) {
		flags = VRING_PACKED_EVENT_FLAG_DESC;
		err = ring_store(q, s, cpu_to_le16(packed_off_wrap(q->take.idx, q->take.bits)),
				 &r->dev_event->off_wrap);
		vq_wmb();	/* offset before flags; the driver reads both at once */
	}
	if (q->event_flags != flags) {
		q->event_flags = flags;
		err |= ring_store(q, s, cpu_to_le16(flags), &r->dev_event->flags);
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
	return ring_store(q, s, cpu_to_le16(q->event_flags),
			  &q->ring.dev_event->flags);
}

/* Available cursor in the low half, used cursor in the high one. */
static inline u32 fmt_save(const struct parley_devq *q)
{
	return packed_off_wrap(q->take.idx, q->take.bits) |
	       (u32)packed_off_wrap(q->done.idx, q->done.bits) << 16;
}

static inline int fmt_load(struct parley_devq *q, const enum parley_space s,
			   u32 base)
{
	struct vq_cursor take = {
		.idx = base & 0x7fff,
		.bits = base & 1u << 15 ? PACKED_AVAIL : PACKED_USED,
	};
	struct vq_cursor done = {
		.idx = base >> 16 & 0x7fff,
		.bits = base & 1u << 31 ? PACKED_BITS : 0,
	};

	if (take.idx >= q->ring.num || done.idx >= q->ring.num)
		return -EINVAL;
	q->take = take;
	q->done = done;
	q->pub = done;
	return 0;
}

#endif /* _PARLEY_CORE_PACKED_H */
