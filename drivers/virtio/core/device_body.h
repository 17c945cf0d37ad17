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
	q->pub_count = 0;
	q->event_flags = 0;
	q->in_flight = 0;
	q->busy = 0;
	q->seq = 0;
	q->oldest = 0;
}

/* Translate what one region holds; the common case, inline. */
static __always_inline bool dev_translate(struct parley_devq *q, u64 addr,
					  u32 len, u32 perm, struct parley_iov *iov)
{
	const struct parley_region *g = q->hit;
	u64 off = addr - g->start;

	if (unlikely(off >= g->size || len > g->size - off || !(g->perm & perm)))
		return false;
	iov->addr = g->host + off;
	iov->len = len;
	return true;
}

/* Add one fetched descriptor to the chain. */
static __always_inline int dev_add(struct parley_devq *q, struct parley_chain *c,
				   const struct vq_desc *d)
{
	bool write = d->flags & VRING_DESC_F_WRITE;
	unsigned int at = c->n_out + c->n_in;
	u32 *total = write ? &c->len_in : &c->len_out;
	u32 perm = write ? PARLEY_MEM_WRITE : PARLEY_MEM_READ;
	int n = 1;

	if (unlikely(!write && c->n_in)) {
		parley_ring_break(&q->ring, "chain %u: readable after writable", c->id);
		return -EIO;
	}
	/* Nothing to access, nothing to translate, no piece to stand still on. */
	if (unlikely(!d->len))
		return 0;
	if (unlikely(U32_MAX - d->len < *total)) {
		parley_ring_break(&q->ring, "chain %u is longer than 4 GiB", c->id);
		return -EIO;
	}
	if (unlikely(at >= c->max ||
		     !dev_translate(q, d->addr, d->len, perm, &c->iov[at]))) {
		n = parley_translate_slow(q, c, at, d->addr, d->len, perm);
		if (unlikely(n < 0))
			return n;
	}
	*total += d->len;
	if (write)
		c->n_in += n;
	else
		c->n_out += n;
	return 0;
}

/*
 * Follow an indirect table.  It lies where buffers do and need not be
 * contiguous for us, so each entry's address is translated; an entry that
 * straddles two regions is refused.
 */
static int dev_take_table(struct parley_devq *q, struct parley_chain *c,
			  const struct vq_desc *head)
{
	u32 entries = head->len / sizeof(struct vring_desc), at = 0, n;
	u32 most = max_t(u32, q->ring.num, DEV_TABLE_MAX);
	struct vq_desc d;
	int err;

	if (unlikely(!q->ring.indirect || !entries ||
		     head->len % sizeof(struct vring_desc))) {
		parley_ring_break(&q->ring, "chain %u: bad indirect table of %u bytes",
				  c->id, head->len);
		return -EIO;
	}
	for (n = 0; n < most; n++) {
		u64 addr = head->addr + (u64)at * sizeof(struct vring_desc);
		struct parley_chain one = { .max = 1, .id = c->id };
		struct parley_iov iov;

		one.iov = &iov;
		if (unlikely(!dev_translate(q, addr, sizeof(struct vring_desc),
					    PARLEY_MEM_READ, &iov))) {
			err = parley_translate_slow(q, &one, 0, addr,
						    sizeof(struct vring_desc),
						    PARLEY_MEM_READ);
			if (err < 0)
				return err;
		}
		if (unlikely(fmt_table_entry(q->map_space, (void *)iov.addr, &d)))
			return -EFAULT;
		if (unlikely(d.flags & VRING_DESC_F_INDIRECT)) {
			parley_ring_break(&q->ring, "chain %u: indirect inside indirect", c->id);
			return -EIO;
		}
		err = dev_add(q, c, &d);
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

/* All chains but those of a single direct descriptor. */
static noinline int dev_take_chain(struct parley_devq *q, struct parley_chain *c,
				   struct vq_desc *d, const enum parley_space s)
{
	u16 n;
	int err;

	for (n = 1; ; n++) {
		if (d->flags & VRING_DESC_F_INDIRECT) {
			if (unlikely(d->flags & VRING_DESC_F_NEXT ||
				     (n > 1 && !FMT_NEXT_THEN_INDIRECT))) {
				parley_ring_break(&q->ring, "chain %u: indirect and next", c->id);
				return -EIO;
			}
			c->ndesc = n;
			return dev_take_table(q, c, d);
		}
		err = dev_add(q, c, d);
		if (unlikely(err))
			return err;
		if (!(d->flags & VRING_DESC_F_NEXT))
			break;
		if (unlikely(n >= q->ring.num)) {
			parley_ring_break(&q->ring, "chain %u is longer than the ring",
					  c->id);
			return -EIO;
		}
		err = fmt_follow(q, s, d, n, &c->id);
		if (unlikely(err))
			return err;
	}
	c->ndesc = n;
	return 0;
}

/* 1: taken; 0: nothing there; negative: fault, violation or -EAGAIN. */
static __always_inline int dev_take_one(struct parley_devq *q,
					struct parley_chain *c,
					const enum parley_space s)
{
	struct vq_desc d;
	int err;

	err = fmt_avail(q, s);
	if (err <= 0)
		return err;
	c->n_out = 0;
	c->n_in = 0;
	c->len_out = 0;
	c->len_in = 0;
	c->ndesc = 1;
	err = fmt_head(q, s, &d, &c->id);
	if (likely(!err)) {
		if (likely(!(d.flags & (VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT))))
			err = dev_add(q, c, &d);
		else
			err = dev_take_chain(q, c, &d, s);
	}
	if (unlikely(err)) {
		if (err == -EFAULT)
			parley_ring_break(&q->ring, "cannot read descriptors of chain %u",
					  c->id);
		return err;
	}
	c->seq = q->seq;
	if (++q->seq == q->ring.num)
		q->seq = 0;
	fmt_take_advance(q, c->ndesc);
	q->in_flight++;
	q->busy += c->ndesc;
	return 1;
}

static __always_inline int dev_take(struct parley_devq *q,
				    struct parley_chain *chains, unsigned int nr,
				    const enum parley_space s)
{
	unsigned int n;
	int ret = 0;

	for (n = 0; n < nr; n++) {
		ret = dev_take_one(q, &chains[n], s);
		if (ret <= 0)
			break;
	}
	q->ring.stats.buffers += n;
	return n ? n : ret;
}

/* Before a chain's used entry: it is one that we took, and the sums are right. */
static __always_inline int dev_check_used(struct parley_devq *q,
					  const struct parley_chain *c)
{
	if (unlikely(!q->in_flight || c->written > c->len_in ||
		     c->ndesc > q->busy))
		return -EINVAL;
	return 0;
}

static __always_inline int dev_use(struct parley_devq *q, u16 id, u32 written,
				   const enum parley_space s)
{
	if (likely(!fmt_used_write(q, s, id, written)))
		return 0;
	parley_ring_break(&q->ring, "cannot write used entry %u", q->done.idx);
	return -EFAULT;
}

static __always_inline void dev_leave(struct parley_devq *q, u16 ndesc)
{
	fmt_used_step(q, ndesc);
	q->in_flight--;
	q->busy -= ndesc;
}

/*
 * In order: chains wait for their turn.  Runs of chains that were written
 * completely are used by one entry, that of the last (spec 2.7.9, 2.8.9).
 */
static __always_inline int dev_release_in_order(struct parley_devq *q,
						const enum parley_space s)
{
	while (q->in_flight) {
		u16 i, last = q->oldest, run = 1;
		int err;

		if (!q->order[last].done)
			break;
		while (q->order[last].full && run < q->in_flight) {
			u16 next = last + 1 == q->ring.num ? 0 : last + 1;

			if (!q->order[next].done)
				break;
			last = next;
			run++;
		}
		err = dev_use(q, q->order[last].id, q->order[last].written, s);
		if (unlikely(err))
			return err;
		for (i = 0; i < run; i++) {
			q->order[q->oldest].done = false;
			dev_leave(q, q->order[q->oldest].ndesc);
			if (++q->oldest == q->ring.num)
				q->oldest = 0;
		}
	}
	return 0;
}

static __always_inline int dev_note_done(struct parley_devq *q,
					 const struct parley_chain *c)
{
	struct vq_order *o = &q->order[c->seq];
	u16 age = c->seq >= q->oldest ? c->seq - q->oldest
				      : c->seq + q->ring.num - q->oldest;

	if (unlikely(age >= q->in_flight || o->done))
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

static __always_inline int dev_complete(struct parley_devq *q,
					const struct parley_chain *chains,
					unsigned int nr, const enum parley_space s)
{
	unsigned int n;
	int err = 0;

	for (n = 0; n < nr; n++) {
		const struct parley_chain *c = &chains[n];

		err = dev_check_used(q, c);
		if (unlikely(err))
			break;
		if (q->order) {
			err = dev_note_done(q, c);
		} else {
			err = dev_use(q, c->id, c->written, s);
			if (likely(!err))
				dev_leave(q, c->ndesc);
		}
		if (unlikely(err))
			break;
	}
	q->ring.stats.completed += n;
	if (q->order && n) {
		int err2 = dev_release_in_order(q, s);

		err = err ? : err2;
	}
	return err;
}

static __always_inline bool dev_publish(struct parley_devq *q,
					const enum parley_space s)
{
	int call;

	if (!q->pub_count)
		return false;
	if (unlikely(fmt_dev_publish(q, s)))
		goto fault;
	call = fmt_call_wanted(q, s);
	if (unlikely(call < 0))
		goto fault;
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
	int n = dev_by_space(q, fmt_avail(q, PARLEY_SPACE_KERNEL),
			     fmt_avail(q, PARLEY_SPACE_USER));

	return n < 0 ? 0 : n;
}

int VQ_FN(dev_take)(struct parley_devq *q, struct parley_chain *chains,
		    unsigned int nr)
{
	return dev_by_space(q, dev_take(q, chains, nr, PARLEY_SPACE_KERNEL),
			    dev_take(q, chains, nr, PARLEY_SPACE_USER));
}

/* The chains must be the last that were taken, in the order of taking. */
int VQ_FN(dev_untake)(struct parley_devq *q, const struct parley_chain *chains,
		      unsigned int nr)
{
	unsigned int n;
	u16 seq = q->seq;

	for (n = nr; n; n--) {
		seq = seq ? seq - 1 : q->ring.num - 1;
		if (nr > q->in_flight || chains[n - 1].seq != seq ||
		    (q->order && q->order[seq].done))
			return -EINVAL;
	}
	for (n = nr; n; n--) {
		fmt_take_rewind(q, chains[n - 1].ndesc);
		q->busy -= chains[n - 1].ndesc;
		q->in_flight--;
	}
	q->seq = seq;
	q->ring.stats.buffers -= nr;
	return 0;
}

int VQ_FN(dev_complete)(struct parley_devq *q, const struct parley_chain *chains,
			unsigned int nr)
{
	return dev_by_space(q, dev_complete(q, chains, nr, PARLEY_SPACE_KERNEL),
			    dev_complete(q, chains, nr, PARLEY_SPACE_USER));
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
	/* Whoever served the ring before us may have left any event there. */
	q->event_flags = U16_MAX;
	VQ_FN(dev_arm)(q);
	return 0;
}
