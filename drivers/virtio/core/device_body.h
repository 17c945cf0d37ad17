/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device role, written once and compiled over each format's primitives.
 * The including file defines VQ_FN(verb), the name of the instance.
 *
 * Every helper takes the space of the ring as a constant; the verbs at the end
 * choose it, once for each call.
 */

/* The longest indirect table that is read, for small rings. */
#define DEV_TABLE_MAX	1024u

void VQ_FN(dev_init)(struct parley_devq *q)
{
	fmt_dev_init(q);
	q->avail_seen = 0;
	q->pub_count = 0;
	q->event_flags = 0;
	q->in_flight = 0;
	q->busy = 0;
	q->seq = 0;
	q->oldest = 0;
}

/*
 * Translate what the cached region holds; the common case, inline.  Only
 * regions that may be read and written are cached.
 */
static __always_inline bool dev_translate(const struct parley_region *g, u64 addr,
					  u32 len, struct parley_iov *iov)
{
	u64 off = addr - g->start;

	if (unlikely(off >= g->size || len > g->size - off))
		return false;
	iov->addr = g->host + off;
	iov->len = len;
	return true;
}

/* A chain while it is gathered; in registers, as a burst's state is. */
struct dev_gather {
	u32 n;			/* pieces so far */
	u32 n_out;		/* of these, readable; valid once in is set */
	u64 len;		/* bytes of the current direction */
	u64 len_out;
	bool in;		/* writable pieces have begun */
};

/* Add one fetched descriptor to the chain. */
static __always_inline int dev_add(struct parley_devq *q, struct parley_chain *c,
				   struct dev_gather *g, const struct vq_desc *d)
{
	bool write = d->flags & VRING_DESC_F_WRITE;
	int n = 1;

	if (write && !g->in) {
		g->in = true;
		g->n_out = g->n;
		g->len_out = g->len;
		g->len = 0;
	} else if (unlikely(!write && g->in)) {
		parley_ring_break(&q->ring, "chain %u: readable after writable", c->id);
		return -EIO;
	}
	/* Nothing to access, nothing to translate, no piece to stand still on. */
	if (unlikely(!d->len))
		return 0;
	if (unlikely(g->n >= c->max ||
		     !dev_translate(q->hit, d->addr, d->len, &c->iov[g->n]))) {
		n = parley_translate_slow(q, c, g->n, d->addr, d->len,
					  write ? PARLEY_MEM_WRITE : PARLEY_MEM_READ);
		if (unlikely(n < 0))
			return n;
	}
	g->len += d->len;
	g->n += n;
	return 0;
}

/* The chain is whole. */
static __always_inline int dev_gathered(struct parley_devq *q,
					struct parley_chain *c,
					struct dev_gather *g, u16 ndesc)
{
	if (!g->in) {
		g->n_out = g->n;
		g->len_out = g->len;
		g->len = 0;
	}
	if (unlikely(g->len > U32_MAX || g->len_out > U32_MAX)) {
		parley_ring_break(&q->ring, "chain %u is longer than 4 GiB", c->id);
		return -EIO;
	}
	c->len_out = g->len_out;
	c->len_in = g->len;
	c->n_out = g->n_out;
	c->n_in = g->n - g->n_out;
	c->ndesc = ndesc;
	return 0;
}

/* Our address of entry @at of a table that no single region holds. */
static int dev_table_piece(struct parley_devq *q, u16 id, u64 addr,
			   struct parley_iov *iov)
{
	struct parley_chain one = { .max = 1, .id = id };
	int err;

	one.iov = iov;
	err = parley_translate_slow(q, &one, 0, addr, sizeof(struct vring_desc),
				    PARLEY_MEM_READ);
	return err < 0 ? err : 0;
}

/*
 * Follow an indirect table.  It lies where buffers do, mostly in one region;
 * where it does not, each entry is translated by itself, and an entry that
 * straddles two regions is refused.
 */
static __always_inline int dev_take_table(struct parley_devq *q,
					  struct parley_chain *c,
					  struct dev_gather *g,
					  const struct vq_desc *head)
{
	u32 entries = head->len / sizeof(struct vring_desc), at = 0, n;
	u32 most = max_t(u32, q->ring.num, DEV_TABLE_MAX);
	const enum parley_space s = q->map_space;
	struct parley_iov table, entry;
	struct vq_desc d;
	bool whole;
	int err;

	if (unlikely(!q->ring.indirect || !entries ||
		     head->len % sizeof(struct vring_desc))) {
		parley_ring_break(&q->ring, "chain %u: bad indirect table of %u bytes",
				  c->id, head->len);
		return -EIO;
	}
	whole = dev_translate(q->hit, head->addr, head->len, &table);
	for (n = 0; n < most; n++) {
		size_t off = at * sizeof(struct vring_desc);

		if (likely(whole)) {
			entry.addr = table.addr + off;
		} else {
			err = dev_table_piece(q, c->id, head->addr + off, &entry);
			if (unlikely(err))
				return err;
		}
		if (unlikely(fmt_table_get(s, entry.kern, &d)))
			return -EFAULT;
		if (unlikely(d.flags & VRING_DESC_F_INDIRECT)) {
			parley_ring_break(&q->ring, "chain %u: indirect inside indirect",
					  c->id);
			return -EIO;
		}
		err = dev_add(q, c, g, &d);
		if (unlikely(err))
			return err;
		if (fmt_table_last(&d, at, entries))
			return 0;
		at = fmt_table_next(&d, at);
		if (unlikely(at >= entries)) {
			parley_ring_break(&q->ring, "chain %u: link to %u in a table of %u",
					  c->id, at, entries);
			return -EIO;
		}
	}
	parley_ring_break(&q->ring, "chain %u: more than %u indirect descriptors",
			  c->id, most);
	return -EIO;
}

/* A chain of any shape, of which @d is the first descriptor. */
static __always_inline int dev_take_chain(struct parley_devq *q,
					  struct parley_chain *c,
					  const struct vq_take *t,
					  struct vq_desc *d,
					  const enum parley_space s)
{
	struct dev_gather g = {};
	u32 n;
	int err;

	for (n = 1; ; n++) {
		if (d->flags & VRING_DESC_F_INDIRECT) {
			if (unlikely(d->flags & VRING_DESC_F_NEXT ||
				     (n > 1 && !FMT_NEXT_THEN_INDIRECT))) {
				parley_ring_break(&q->ring, "chain %u: indirect and next",
						  c->id);
				return -EIO;
			}
			err = dev_take_table(q, c, &g, d);
			if (unlikely(err))
				return err;
			break;
		}
		err = dev_add(q, c, &g, d);
		if (unlikely(err))
			return err;
		if (!(d->flags & VRING_DESC_F_NEXT))
			break;
		if (unlikely(n >= t->num)) {
			parley_ring_break(&q->ring, "chain %u is longer than the ring",
					  c->id);
			return -EIO;
		}
		err = fmt_follow(q, t, s, d, n, &c->id);
		if (unlikely(err))
			return err;
	}
	return dev_gathered(q, c, &g, n);
}

/* A single direct descriptor in the cached region; false: not that simple. */
static __always_inline bool dev_take_plain(const struct parley_region *g,
					   struct parley_chain *c,
					   const struct vq_desc *d)
{
	if (unlikely(d->flags & (VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT) ||
		     !d->len || !dev_translate(g, d->addr, d->len, c->iov)))
		return false;
	if (d->flags & VRING_DESC_F_WRITE) {
		c->len_out = 0;
		c->len_in = d->len;
		c->n_out = 0;
		c->n_in = 1;
	} else {
		c->len_out = d->len;
		c->len_in = 0;
		c->n_out = 1;
		c->n_in = 0;
	}
	c->ndesc = 1;
	return true;
}

/*
 * The first chains, as long as they are plain.  Returns how many, *ret being 0
 * if there are no more, negative for a fault, or 1: the next chain is not
 * plain, and its head is in *head and its chain's id.
 */
static __always_inline unsigned int dev_take_plains(struct parley_devq *q,
						    struct parley_chain *chains,
						    unsigned int nr,
						    const enum parley_space s,
						    struct vq_desc *head, int *ret)
{
	const struct parley_region *hit = q->hit;
	struct parley_chain *c, *end;
	struct vq_take t;
	unsigned int n;
	int left;

	fmt_take_begin(q, &t);
	left = fmt_avail(q, &t, s, nr);
	*ret = min(left, 0);
	end = chains + max(left, 0);
	for (c = chains; c != end; c++) {
		struct vq_desc d;
		int err;

		err = fmt_head(q, &t, s, &d, &c->id);
		if (unlikely(err <= 0)) {
			*ret = err;
			break;
		}
		if (unlikely(!dev_take_plain(hit, c, &d))) {
			*head = d;
			*ret = 1;
			break;
		}
		c->seq = t.seq++;
		fmt_take_advance(&t, 1);
	}
	n = c - chains;
	t.busy += n;
	fmt_take_end(q, &t);
	q->in_flight += n;
	q->ring.stats.buffers += n;
	return n;
}

/*
 * The other chains, of any shape, after @taken of the call; the first one's
 * head is at hand.  Returns what take returns.
 */
static noinline int dev_take_rest(struct parley_devq *q,
				  struct parley_chain *chains,
				  unsigned int nr, unsigned int taken,
				  enum parley_space s,
				  const struct vq_desc *head)
{
	struct vq_desc d = *head;
	struct vq_take t;
	unsigned int n = 0;
	int err;

	fmt_take_begin(q, &t);
	for (;;) {
		struct parley_chain *c = &chains[n];

		err = dev_take_chain(q, c, &t, &d, s);
		if (unlikely(err))
			break;
		c->seq = t.seq++;
		fmt_take_advance(&t, c->ndesc);
		t.busy += c->ndesc;
		if (++n == nr)
			break;
		err = fmt_avail(q, &t, s, nr - n);
		if (err <= 0)
			break;
		err = fmt_head(q, &t, s, &d, &chains[n].id);
		if (unlikely(err <= 0))
			break;
	}
	fmt_take_end(q, &t);
	q->in_flight += n;
	q->ring.stats.buffers += n;
	taken += n;
	if (unlikely(err == -EFAULT))
		parley_ring_break(&q->ring, "cannot read descriptors");
	return taken ? taken : err;
}

static __always_inline int dev_take(struct parley_devq *q,
				    struct parley_chain *chains, unsigned int nr,
				    const enum parley_space s)
{
	struct vq_desc head;
	unsigned int n;
	int ret;

	n = dev_take_plains(q, chains, nr, s, &head, &ret);
	if (ret > 0)
		return dev_take_rest(q, chains + n, nr - n, n, s, &head);
	if (unlikely(ret == -EFAULT))
		parley_ring_break(&q->ring, "cannot read the available ring");
	return n ? n : ret;
}

static noinline int dev_take_kernel(struct parley_devq *q,
				    struct parley_chain *chains, unsigned int nr)
{
	return dev_take(q, chains, nr, PARLEY_SPACE_KERNEL);
}

static noinline int dev_take_user(struct parley_devq *q,
				  struct parley_chain *chains, unsigned int nr)
{
	return dev_take(q, chains, nr, PARLEY_SPACE_USER);
}

static __always_inline struct vq_order *dev_order(struct parley_devq *q, u16 seq)
{
	return &q->order[seq & q->order_mask];
}

/*
 * In order: chains wait for their turn.  Runs of chains that were written
 * completely are used by one entry, that of the last (spec 2.7.9, 2.8.9).
 */
static __always_inline int dev_release_in_order(struct parley_devq *q,
						struct vq_use *u,
						const enum parley_space s)
{
	while (q->in_flight && dev_order(q, q->oldest)->done) {
		struct vq_order *last = dev_order(q, q->oldest);
		u16 i, run = 1;

		while (last->full && run < q->in_flight &&
		       dev_order(q, q->oldest + run)->done) {
			last = dev_order(q, q->oldest + run);
			run++;
		}
		if (unlikely(fmt_used_write(u, s, last->id, last->written,
					    !u->pub_count)))
			return -EFAULT;
		for (i = 0; i < run; i++) {
			struct vq_order *o = dev_order(q, q->oldest++);

			o->done = false;
			fmt_used_step(u, o->ndesc);
		}
		q->in_flight -= run;
	}
	return 0;
}

static __always_inline int dev_note_done(struct parley_devq *q,
					 const struct parley_chain *c)
{
	struct vq_order *o = dev_order(q, c->seq);

	if (unlikely((u16)(c->seq - q->oldest) >= q->in_flight || o->done ||
		     c->written > c->len_in))
		return -EINVAL;
	*o = (struct vq_order){
		.written = c->written,
		.id = c->id,
		.ndesc = c->ndesc,
		.done = true,
		.full = c->written == c->len_in,
	};
	return 0;
}

/* Write and step over the used entry of one chain. */
static __always_inline int dev_use(struct vq_use *u, const struct parley_chain *c,
				   const enum parley_space s, const bool first)
{
	if (unlikely(c->written > c->len_in))
		return -EINVAL;
	if (unlikely(fmt_used_write(u, s, c->id, c->written, first)))
		return -EFAULT;
	fmt_used_step(u, c->ndesc);
	return 0;
}

static __always_inline int dev_complete(struct parley_devq *q,
					const struct parley_chain *chains,
					unsigned int nr, const enum parley_space s)
{
	const struct parley_chain *c = chains, *end = chains + nr;
	struct vq_use u;
	unsigned int n;
	int err = 0;

	if (unlikely(!nr || nr > q->in_flight))
		return nr ? -EINVAL : 0;
	fmt_use_begin(q, &u);
	if (!u.pub_count) {
		err = dev_use(&u, c, s, true);
		c += !err;
	}
	for (; !err && c != end; c += !err)
		err = dev_use(&u, c, s, false);
	n = c - chains;
	fmt_use_end(q, &u);
	q->in_flight -= n;
	q->ring.stats.completed += n;
	if (unlikely(err == -EFAULT))
		parley_ring_break(&q->ring, "cannot write used entry %u", q->done.idx);
	return err;
}

static noinline int dev_complete_kernel(struct parley_devq *q,
					const struct parley_chain *chains,
					unsigned int nr)
{
	return dev_complete(q, chains, nr, PARLEY_SPACE_KERNEL);
}

static noinline int dev_complete_user(struct parley_devq *q,
				      const struct parley_chain *chains,
				      unsigned int nr)
{
	return dev_complete(q, chains, nr, PARLEY_SPACE_USER);
}

/* In order: note which are done, then use those whose turn it is. */
static noinline int dev_complete_in_order(struct parley_devq *q,
					  const struct parley_chain *chains,
					  unsigned int nr)
{
	struct vq_use u;
	unsigned int n;
	int err = 0;

	for (n = 0; n < nr; n++) {
		err = dev_note_done(q, &chains[n]);
		if (unlikely(err))
			break;
	}
	q->ring.stats.completed += n;
	fmt_use_begin(q, &u);
	if (unlikely(dev_release_in_order(q, &u, q->space)))
		err = -EFAULT;
	fmt_use_end(q, &u);
	if (unlikely(err == -EFAULT))
		parley_ring_break(&q->ring, "cannot write used entry %u", q->done.idx);
	return err;
}

static __always_inline bool dev_publish(struct parley_devq *q,
					const enum parley_space s)
{
	int call;

	if (unlikely(fmt_dev_publish(q, s)))
		goto fault;
	call = fmt_call_wanted(q, s);
	if (unlikely(call < 0))
		goto fault;
	vq_count_publish(&q->ring, call);
	trace_parley_publish(&q->ring, q->pub_count, call);
	q->pub = q->done;
	q->pub_count = 0;
	return call;
fault:
	parley_ring_break(&q->ring, "cannot publish used entries");
	return false;
}

/* ------------------------------------------------- verbs: choose the space */

#define dev_by_space(q, call_kernel, call_user)				\
	(likely((q)->space == PARLEY_SPACE_KERNEL) ? (call_kernel) : (call_user))

unsigned int VQ_FN(dev_peek)(struct parley_devq *q)
{
	struct vq_take t;
	int n;

	fmt_take_begin(q, &t);
	n = dev_by_space(q, fmt_avail(q, &t, PARLEY_SPACE_KERNEL, q->ring.num),
			 fmt_avail(q, &t, PARLEY_SPACE_USER, q->ring.num));
	fmt_take_end(q, &t);
	if (unlikely(n == -EFAULT))
		parley_ring_break(&q->ring, "cannot read the available ring");
	return n < 0 ? 0 : n;
}

int VQ_FN(dev_take)(struct parley_devq *q, struct parley_chain *chains,
		    unsigned int nr)
{
	return dev_by_space(q, dev_take_kernel(q, chains, nr),
			    dev_take_user(q, chains, nr));
}

/* The chains must be the last that were taken, in the order of taking. */
int VQ_FN(dev_untake)(struct parley_devq *q, const struct parley_chain *chains,
		      unsigned int nr)
{
	unsigned int n;

	if (nr > q->in_flight)
		return -EINVAL;
	for (n = 0; n < nr; n++)
		if (chains[n].seq != (u16)(q->seq - nr + n) ||
		    (q->order && dev_order(q, chains[n].seq)->done))
			return -EINVAL;
	for (n = nr; n; n--)
		fmt_take_rewind(q, chains[n - 1].ndesc);
	q->seq -= nr;
	q->in_flight -= nr;
	q->ring.stats.buffers -= nr;
	return 0;
}

int VQ_FN(dev_complete)(struct parley_devq *q, const struct parley_chain *chains,
			unsigned int nr)
{
	if (unlikely(q->order))
		return dev_complete_in_order(q, chains, nr);
	return dev_by_space(q, dev_complete_kernel(q, chains, nr),
			    dev_complete_user(q, chains, nr));
}

bool VQ_FN(dev_publish)(struct parley_devq *q)
{
	return dev_by_space(q, dev_publish(q, PARLEY_SPACE_KERNEL),
			    dev_publish(q, PARLEY_SPACE_USER));
}

/* What came before the event was written is the caller's to take. */
bool VQ_FN(dev_arm)(struct parley_devq *q)
{
	int err = dev_by_space(q, fmt_dev_arm(q, PARLEY_SPACE_KERNEL),
			       fmt_dev_arm(q, PARLEY_SPACE_USER));

	if (unlikely(err)) {
		parley_ring_break(&q->ring, "cannot write the event field");
		return true;
	}
	return !VQ_FN(dev_peek)(q);
}

void VQ_FN(dev_disarm)(struct parley_devq *q)
{
	int err = dev_by_space(q, fmt_dev_disarm(q, PARLEY_SPACE_KERNEL),
			       fmt_dev_disarm(q, PARLEY_SPACE_USER));

	if (unlikely(err))
		parley_ring_break(&q->ring, "cannot write the event field");
}

/* A base says nothing of chains that are with us, so there may be none. */
int VQ_FN(dev_save)(const struct parley_devq *q, u32 *base)
{
	if (q->in_flight || q->pub_count)
		return -EBUSY;
	*base = fmt_save(q);
	return 0;
}

int VQ_FN(dev_load)(struct parley_devq *q, u32 base)
{
	int err;

	if (q->in_flight || q->pub_count)
		return -EBUSY;
	err = dev_by_space(q, fmt_load(q, PARLEY_SPACE_KERNEL, base),
			   fmt_load(q, PARLEY_SPACE_USER, base));
	if (err)
		return err;
	q->oldest = q->seq;
	/* Whoever served the ring before us may have left any event there. */
	q->event_flags = U16_MAX;
	VQ_FN(dev_arm)(q);
	return 0;
}
