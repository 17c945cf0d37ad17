/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking chains: fetch, check and translate, written once and compiled over
 * each format's primitives.  The including file defines VQ_FN(verb).
 *
 * One loop takes all.  Instructions a chain at batch 32, split and packed, as
 * `bench shapes` counts them: of a single piece in the region that was looked up
 * last 50 and 47, of direct descriptors 91 and 44 for each (packed 99 and 48),
 * of a table, by a call of its own, 150 and 42 for each (packed 161 and 34).
 */

/*
 * Translate what the cached region holds; the common case, inline.  Only
 * regions that may be read and written are cached.  Nothing is not held: an
 * empty range has no address.
 */
static __always_inline bool dev_translate(const struct parley_region *g, u64 addr,
					  u32 len, struct parley_iov *iov)
{
	u64 off = addr - g->start, left;

	/* At the very end nothing is left, and that no length fits into. */
	if (unlikely(check_sub_overflow(g->size, off, &left) || (u64)len - 1 >= left))
		return false;
	iov->addr = g->host + off;
	iov->len = len;
	return true;
}

/* A chain while it is gathered; in registers, as a burst's state is. */
struct dev_gather {
	struct parley_iov *at;	/* where the next piece goes */
	struct parley_iov *end;	/* of the room for pieces */
	struct parley_iov *in;	/* the first writable one; once dir says so */
	const struct parley_region *hit;	/* the queue's */
	u64 len;		/* bytes of the current direction */
	u64 len_out;		/* of the other, once dir says so */
	u32 empty;		/* descriptors of no bytes */
	u32 dir;		/* VRING_DESC_F_WRITE: writable pieces have begun */
};

static __always_inline struct dev_gather dev_gather_begin(const struct parley_devq *q,
							  const struct parley_chain *c)
{
	return (struct dev_gather){
		.at = c->iov, .end = c->iov + c->max, .hit = q->hit };
}

/*
 * Whatever is no single piece in the cached region.  Returns how many it is; an
 * empty one is none: nothing to access, nothing to translate, no piece to stand
 * still on.
 */
static noinline int VQ_FN(dev_add_slow)(struct parley_devq *q, struct parley_chain *c,
					unsigned int at, u64 addr, u32 len, u32 dir)
{
	if (!len)
		return 0;
	return parley_translate_slow(q, c, at, addr, len,
				     dir ? PARLEY_MEM_WRITE : PARLEY_MEM_READ);
}

/* Add one fetched descriptor to the chain. */
static __always_inline int dev_add(struct parley_devq *q, struct parley_chain *c,
				   struct dev_gather *g, const struct vq_desc *d)
{
	u32 dir = d->flags & VRING_DESC_F_WRITE;
	int n;

	if (dir != g->dir) {
		if (unlikely(!dir)) {
			parley_ring_break(&q->ring, "chain %u: readable after writable",
					  c->id);
			return -EIO;
		}
		g->dir = dir;
		g->in = g->at;
		g->len_out = g->len;
		g->len = 0;
	}
	g->len += d->len;
	if (likely(g->at != g->end && dev_translate(g->hit, d->addr, d->len, g->at))) {
		g->at++;
		return 0;
	}
	n = VQ_FN(dev_add_slow)(q, c, g->at - c->iov, d->addr, d->len, dir);
	if (unlikely(n < 0))
		return n;
	g->hit = q->hit;
	g->at += n;
	if (unlikely(!n && ++g->empty > c->max)) {
		parley_ring_break(&q->ring, "chain %u has more than %u empty descriptors",
				  c->id, c->max);
		return -EIO;
	}
	return 0;
}

/* The chain is whole, of @ndesc ring slots and @reads descriptors. */
static __always_inline int dev_gathered(struct parley_devq *q, struct parley_chain *c,
					struct dev_gather *g, u16 ndesc, u32 reads)
{
	if (!g->dir) {
		g->in = g->at;
		g->len_out = g->len;
		g->len = 0;
	}
	if (unlikely((g->len | g->len_out) > U32_MAX)) {
		parley_ring_break(&q->ring, "chain %u is longer than 4 GiB", c->id);
		return -EIO;
	}
	c->len_out = g->len_out;
	c->len_in = g->len;
	c->n_out = g->in - c->iov;
	c->n_in = g->at - g->in;
	c->ndesc = ndesc;
	c->reads = min_t(u32, reads, U16_MAX);
	return 0;
}

/* Our address of an entry of a table that no single region holds. */
static int dev_table_piece(struct parley_devq *q, u16 id, u64 addr,
			   struct parley_iov *iov)
{
	struct parley_chain one = { .iov = iov, .max = 1, .id = id };
	int err;

	err = parley_translate_slow(q, &one, 0, addr, sizeof(struct vring_desc),
				    PARLEY_MEM_READ);
	return err < 0 ? err : 0;
}

/*
 * Follow an indirect table.  It lies where buffers do, mostly in one region;
 * where it does not, each entry is translated by itself, and an entry that
 * straddles two regions is refused.  A table that is linked in a circle ends
 * with the room for pieces, or for empty ones.
 */
static __always_inline int dev_walk(struct parley_devq *q, struct parley_chain *c,
				    struct dev_gather *g, const struct vq_desc *head,
				    u32 *reads, const enum parley_space s)
{
	u32 entries = head->len / sizeof(struct vring_desc), at = 0, n;
	struct parley_iov table = {};
	struct vq_desc d;
	int err;

	dev_translate(q->hit, head->addr, head->len, &table);
	for (n = 1; ; n++) {
		size_t off = (size_t)at * sizeof(struct vring_desc);
		unsigned long entry = table.addr + off;

		if (unlikely(!table.len)) {
			struct parley_iov piece;

			err = dev_table_piece(q, c->id, head->addr + off, &piece);
			if (unlikely(err))
				return err;
			g->hit = q->hit;
			entry = piece.addr;
		}
		if (unlikely(fmt_table_get(q, s, (void *)entry, &d)))
			return -EFAULT;
		if (unlikely(d.flags & FMT_TABLE_FLAGS & VRING_DESC_F_INDIRECT)) {
			parley_ring_break(&q->ring, "chain %u: indirect inside indirect",
					  c->id);
			return -EIO;
		}
		err = dev_add(q, c, g, &d);
		if (unlikely(err))
			return err;
		if (fmt_table_last(&d, at, entries))
			break;
		at = fmt_table_next(&d, at);
		if (unlikely(at >= entries)) {
			parley_ring_break(&q->ring, "chain %u: link to %u in a table of %u",
					  c->id, at, entries);
			return -EIO;
		}
	}
	*reads += n;
	return 0;
}

/* A chain that ends with a table, of which its @n-th descriptor, @head, tells. */
static __always_inline int dev_end_table(struct parley_devq *q,
					 struct parley_chain *c, struct dev_gather g,
					 const struct vq_desc *head, u32 n)
{
	u32 reads = n;
	int err;

	if (unlikely(head->flags & VRING_DESC_F_NEXT ||
		     (n > 1 && !FMT_NEXT_THEN_INDIRECT))) {
		parley_ring_break(&q->ring, "chain %u: indirect and next", c->id);
		return -EIO;
	}
	if (unlikely(!q->ring.indirect || !head->len ||
		     head->len % sizeof(struct vring_desc))) {
		parley_ring_break(&q->ring, "chain %u: bad indirect table of %u bytes",
				  c->id, head->len);
		return -EIO;
	}
	if (likely(q->map_space == PARLEY_SPACE_KERNEL))
		err = dev_walk(q, c, &g, head, &reads, PARLEY_SPACE_KERNEL);
	else
		err = dev_walk(q, c, &g, head, &reads, PARLEY_SPACE_USER);
	if (unlikely(err))
		return err;
	return dev_gathered(q, c, &g, n, reads);
}

static noinline int VQ_FN(dev_take_table)(struct parley_devq *q,
					  struct parley_chain *c, struct vq_desc head)
{
	return dev_end_table(q, c, dev_gather_begin(q, c), &head, 1);
}

/* After direct ones: no driver that we know of does that. */
static noinline int VQ_FN(dev_take_mixed)(struct parley_devq *q,
					  struct parley_chain *c, struct vq_desc head,
					  const struct dev_gather *before, u32 n)
{
	return dev_end_table(q, c, *before, &head, n);
}

/* A chain that begins with a direct descriptor, @d, at @head of the ring. */
static __always_inline int dev_take_direct(struct parley_devq *q,
					   struct parley_chain *c, struct vq_desc d,
					   const void *head, u32 room,
					   const enum parley_space s)
{
	struct dev_gather g = dev_gather_begin(q, c);
	u32 n;
	int err;

	for (n = 1; ; n++) {
		err = dev_add(q, c, &g, &d);
		if (unlikely(err))
			return err;
		if (!(d.flags & VRING_DESC_F_NEXT))
			break;
		if (unlikely(n >= room)) {
			parley_ring_break(&q->ring, "chain %u takes more than %u slots",
					  c->id, room);
			return -EIO;
		}
		err = fmt_follow(q, head, s, &d, n, &c->id);
		if (unlikely(err))
			return err;
		if (unlikely(d.flags & VRING_DESC_F_INDIRECT)) {
			struct dev_gather before = g;

			return VQ_FN(dev_take_mixed)(q, c, d, &before, n + 1);
		}
	}
	return dev_gathered(q, c, &g, n, n);
}

/* A chain that is not plain. */
static __always_inline int dev_take_long(struct parley_devq *q,
					 struct parley_chain *c, struct vq_desc d,
					 const void *head, u32 room,
					 const enum parley_space s)
{
	if (d.flags & VRING_DESC_F_INDIRECT)
		return VQ_FN(dev_take_table)(q, c, d);
	return dev_take_direct(q, c, d, head, room, s);
}

/* A single direct descriptor in the cached region; false: not that simple. */
static __always_inline bool dev_take_plain(const struct parley_region *g,
					   struct parley_chain *c,
					   const struct vq_desc *d)
{
	u32 write = d->flags / VRING_DESC_F_WRITE & 1;

	if (unlikely(d->flags & (VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT) ||
		     !dev_translate(g, d->addr, d->len, c->iov)))
		return false;
	c->ndesc = 1;
	c->reads = 1;
	c->n_out = 0;
	c->n_in = 0;
	c->n[write] = 1;
	c->len_out = 0;
	c->len_in = 0;
	c->len[write] = d->len;
	return true;
}

static __cold int dev_take_failed(struct parley_devq *q, int got, int err)
{
	if (err == -EFAULT)
		parley_ring_break(&q->ring, "cannot read the ring");
	return got ? got : err;
}

static __always_inline int dev_take(struct parley_devq *q,
				    struct parley_chain *c, unsigned int nr,
				    const enum parley_space s)
{
	const struct parley_region *hit = q->hit;
	u32 slots = 0, left;
	struct vq_take t;
	int err;
	u16 got;

	fmt_take_begin(q, &t);
	err = fmt_avail(q, &t, s, nr);
	for (left = max(err, 0); left; left--) {
		struct vq_desc d;
		int head = fmt_head(q, &t, s, &d, &c->id);

		if (unlikely(head <= 0)) {
			err = head;
			break;
		}
		if (likely(dev_take_plain(hit, c, &d))) {
			fmt_take_advance(&t, 1);
		} else {
			u32 room = fmt_room(q) - (t.seq - q->seq) - slots;

			err = dev_take_long(q, c, d, fmt_at(&t), room, s);
			if (unlikely(err))
				break;
			hit = q->hit;
			slots += c->ndesc - 1;
			if (FMT_HEADS_ARE_SLOTS)
				left = min(left, 1 + room - c->ndesc);
			fmt_take_advance(&t, c->ndesc);
		}
		c->seq = t.seq++;
		c++;
	}
	got = (u16)t.seq - q->seq;
	fmt_take_end(q, &t, got + slots);
	q->in_flight += got;
	q->fresh += got;
	q->ring.stats.buffers += got;
	return likely(err >= 0) ? got : dev_take_failed(q, got, err);
}

static noinline int VQ_FN(dev_take_kernel)(struct parley_devq *q,
					   struct parley_chain *chains,
					   unsigned int nr)
{
	return dev_take(q, chains, nr, PARLEY_SPACE_KERNEL);
}

static noinline int VQ_FN(dev_take_user)(struct parley_devq *q,
					 struct parley_chain *chains,
					 unsigned int nr)
{
	return dev_take(q, chains, nr, PARLEY_SPACE_USER);
}

/* The end of taking one chain. */
static __always_inline int dev_took_one(struct parley_devq *q,
					struct parley_chain *c, struct vq_take *t)
{
	c->seq = t->seq++;
	fmt_take_advance(t, c->ndesc);
	fmt_take_end(q, t, c->ndesc);
	q->in_flight++;
	q->fresh++;
	q->ring.stats.buffers++;
	return 1;
}

/* One that is not plain: 234 instructions for two descriptors (packed 245). */
static noinline int VQ_FN(dev_take_one_long)(struct parley_devq *q,
					     struct parley_chain *c, struct vq_desc d)
{
	struct vq_take t;
	int err;

	fmt_take_begin(q, &t);
	err = dev_take_long(q, c, d, fmt_at(&t), fmt_room(q), PARLEY_SPACE_KERNEL);
	return likely(!err) ? dev_took_one(q, c, &t) : dev_take_failed(q, 0, err);
}

/* One, the same without a loop: 87 instructions (packed 80). */
static noinline int VQ_FN(dev_take_one)(struct parley_devq *q, struct parley_chain *c)
{
	struct vq_desc d;
	struct vq_take t;
	int err;

	fmt_take_begin(q, &t);
	err = fmt_avail(q, &t, PARLEY_SPACE_KERNEL, 1);
	if (likely(err > 0))
		err = fmt_head(q, &t, PARLEY_SPACE_KERNEL, &d, &c->id);
	if (unlikely(err <= 0))
		return err;
	if (likely(dev_take_plain(q->hit, c, &d)))
		return dev_took_one(q, c, &t);
	fmt_take_end(q, &t, 0);
	return VQ_FN(dev_take_one_long)(q, c, d);
}
