/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device role but for taking chains (device_take.h), written once and
 * compiled over each format's primitives.  The including file defines
 * VQ_FN(verb), the name of the instance.
 *
 * Every helper takes the space of the ring as a constant; the verbs at the end
 * choose it, once for each call.
 */

void VQ_FN(dev_init)(struct parley_devq *q)
{
	fmt_dev_init(q);
	q->avail_seen = 0;
	q->pub_count = 0;
	q->event_flags = 0;
	q->in_flight = 0;
	q->fresh = 0;
	q->waiting = 0;
	q->busy = 0;
	q->seq = 0;
	q->oldest = 0;
}

static __always_inline struct vq_order *dev_order(struct parley_devq *q, u16 seq)
{
	return &q->order[seq & q->order_mask];
}

/* No more than the chains taken after @seq can be put back from now on. */
static __always_inline u32 dev_fresh(u32 fresh, u32 next, u16 seq)
{
	return min_t(u32, fresh, (u16)(next - seq - 1));
}

/* Write and step over the used entry of one chain. */
static __always_inline int dev_use(struct parley_devq *q, struct vq_use *u,
				   const struct parley_chain *c,
				   const enum parley_space s, const bool first)
{
	if (unlikely(c->written > c->len_in))
		return -EINVAL;
	if (unlikely(fmt_used_write(q, u, s, c->id, c->written, first)))
		return -EFAULT;
	fmt_used_step(u, 1, c->ndesc);
	return 0;
}

/* In any order, 20 instructions a chain at batch 32 (packed 28). */
static __always_inline int dev_complete(struct parley_devq *q,
					const struct parley_chain *c,
					unsigned int nr, const enum parley_space s)
{
	u32 fresh = q->fresh, next = q->seq;
	unsigned int left = nr;
	struct vq_use u;
	int err = 0;

	/* Also if there are none. */
	if (unlikely(nr - 1 >= q->in_flight))
		return nr ? -EINVAL : 0;
	fmt_use_begin(q, &u);
	if (FMT_HOLDS_FIRST && !u.pub_count) {
		err = dev_use(q, &u, c, s, true);
		if (unlikely(err))
			goto out;
		fresh = dev_fresh(fresh, next, c->seq);
		c++;
		left--;
	}
	for (; left; left--, c++) {
		err = dev_use(q, &u, c, s, false);
		if (unlikely(err))
			break;
		fresh = dev_fresh(fresh, next, c->seq);
	}
out:
	nr -= left;
	fmt_use_end(q, &u);
	q->fresh = fresh;
	q->in_flight -= nr;
	q->ring.stats.completed += nr;
	if (unlikely(err == -EFAULT))
		parley_ring_break(&q->ring, "cannot write used entry %u", q->done.idx);
	return err;
}

static noinline int VQ_FN(dev_complete_kernel)(struct parley_devq *q,
					       const struct parley_chain *chains,
					       unsigned int nr)
{
	return dev_complete(q, chains, nr, PARLEY_SPACE_KERNEL);
}

/* One, the same without a loop: 44 instructions (packed 69). */
static noinline int VQ_FN(dev_complete_one)(struct parley_devq *q,
					    const struct parley_chain *chain)
{
	return dev_complete(q, chain, 1, PARLEY_SPACE_KERNEL);
}

static noinline int VQ_FN(dev_complete_user)(struct parley_devq *q,
					     const struct parley_chain *chains,
					     unsigned int nr)
{
	return dev_complete(q, chains, nr, PARLEY_SPACE_USER);
}

/* In order, a chain whose turn has not come: keep it until then. */
static int dev_note_done(struct parley_devq *q, const struct parley_chain *c)
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
	q->waiting++;
	q->fresh = dev_fresh(q->fresh, q->seq, c->seq);
	return 0;
}

/*
 * Chains that wait and whose turn has come.  Runs of chains that were written
 * completely are used by one entry, that of the last (spec 2.7.9, 2.8.9).
 */
static int dev_release(struct parley_devq *q, struct vq_use *u,
		       const enum parley_space s)
{
	while (q->waiting && dev_order(q, q->oldest)->done) {
		u32 run = 0, slots = 0;
		struct vq_order *o;

		do {
			o = dev_order(q, q->oldest + run++);
			slots += o->ndesc;
		} while (o->full && run < q->waiting &&
			 dev_order(q, q->oldest + run)->done);
		if (unlikely(fmt_used_write(q, u, s, o->id, o->written, !u->pub_count)))
			return -EFAULT;
		fmt_used_step(u, run, slots);
		q->waiting -= run;
		q->in_flight -= run;
		while (run--)
			dev_order(q, q->oldest++)->done = false;
	}
	return 0;
}

/* The rest of a call in which not all chains came in their turn. */
static noinline int VQ_FN(dev_complete_late)(struct parley_devq *q,
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
	if (unlikely(dev_release(q, &u, q->space)))
		err = -EFAULT;
	fmt_use_end(q, &u);
	if (unlikely(err == -EFAULT))
		parley_ring_break(&q->ring, "cannot write used entry %u", q->done.idx);
	return err;
}

/* A run of @n chains in their turn, used by one entry, that of the last. */
static __always_inline int dev_use_run(struct parley_devq *q, struct vq_use *u,
				       const struct parley_chain *last, u32 n,
				       u32 slots, const enum parley_space s)
{
	if (unlikely(fmt_used_write(q, u, s, last->id, last->written, !u->pub_count)))
		return -EFAULT;
	fmt_used_step(u, n, slots);
	return 0;
}

/*
 * In order: chains that are complete in their turn are used at once, and a run
 * of completely written ones by one entry, that of the last.  12 instructions a
 * chain at batch 32 (packed 14).
 */
static __always_inline int dev_complete_in_order(struct parley_devq *q,
						 const struct parley_chain *c,
						 unsigned int nr,
						 const enum parley_space s)
{
	const struct parley_chain *end = c + nr;
	const u32 oldest = q->oldest;
	u32 turn = oldest, used = oldest, slots = 0, done;
	struct vq_use u;
	int err = 0;

	if (unlikely(nr - 1 >= q->in_flight || q->waiting))
		return VQ_FN(dev_complete_late)(q, c, nr);
	fmt_use_begin(q, &u);
	do {
		if (unlikely(c->seq != (u16)turn))
			break;
		if (likely(c->written == c->len_in)) {
			slots += c->ndesc;
			turn++;
			continue;
		}
		if (unlikely(c->written > c->len_in))
			break;
		turn++;
		err = dev_use_run(q, &u, c, turn - used, slots + c->ndesc, s);
		if (unlikely(err))
			goto out;
		used = turn;
		slots = 0;
	} while (++c != end);
	if (turn != used) {
		err = dev_use_run(q, &u, c - 1, turn - used, slots, s);
		if (likely(!err))
			used = turn;
	}
out:
	done = used - oldest;
	fmt_use_end(q, &u);
	q->oldest = oldest + done;
	q->in_flight -= done;
	q->fresh = q->in_flight;	/* none of these is complete */
	q->ring.stats.completed += done;
	if (unlikely(err))
		parley_ring_break(&q->ring, "cannot write used entry %u", q->done.idx);
	else if (unlikely(c != end))
		err = VQ_FN(dev_complete_late)(q, c, end - c);
	return err;
}

static noinline int VQ_FN(dev_in_order_kernel)(struct parley_devq *q,
					       const struct parley_chain *chains,
					       unsigned int nr)
{
	return dev_complete_in_order(q, chains, nr, PARLEY_SPACE_KERNEL);
}

/* One, in its turn, by an entry of its own: 35 instructions (packed 58). */
static noinline int VQ_FN(dev_in_order_one)(struct parley_devq *q,
					    const struct parley_chain *c)
{
	u32 in_flight = q->in_flight;
	struct vq_use u;
	int err;

	if (unlikely(!in_flight || q->waiting || c->seq != q->oldest))
		return VQ_FN(dev_complete_late)(q, c, 1);
	fmt_use_begin(q, &u);
	err = dev_use(q, &u, c, PARLEY_SPACE_KERNEL, !u.pub_count);
	if (unlikely(err))
		return err;
	fmt_use_end(q, &u);
	q->oldest++;
	q->in_flight = in_flight - 1;
	q->fresh = in_flight - 1;	/* none of these is complete */
	q->ring.stats.completed++;
	return 0;
}

static noinline int VQ_FN(dev_in_order_user)(struct parley_devq *q,
					     const struct parley_chain *chains,
					     unsigned int nr)
{
	return dev_complete_in_order(q, chains, nr, PARLEY_SPACE_USER);
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

bool VQ_FN(dev_peek)(struct parley_devq *q)
{
	int n = dev_by_space(q, fmt_peek(q, PARLEY_SPACE_KERNEL),
			     fmt_peek(q, PARLEY_SPACE_USER));

	if (unlikely(n == -EFAULT))
		parley_ring_break(&q->ring, "cannot read the available ring");
	return n > 0;
}

int VQ_FN(dev_take)(struct parley_devq *q, struct parley_chain *chains,
		    unsigned int nr)
{
	return dev_by_space(q, nr == 1 ? VQ_FN(dev_take_one)(q, chains)
				       : VQ_FN(dev_take_kernel)(q, chains, nr),
			    VQ_FN(dev_take_user)(q, chains, nr));
}

/* The chains must be the last that were taken, in the order of taking. */
int VQ_FN(dev_untake)(struct parley_devq *q, const struct parley_chain *chains,
		      unsigned int nr)
{
	unsigned int n;

	if (nr > q->fresh)
		return -EINVAL;
	for (n = 0; n < nr; n++)
		if (chains[n].seq != (u16)(q->seq - nr + n))
			return -EINVAL;
	for (n = nr; n; n--)
		fmt_take_rewind(q, chains[n - 1].ndesc);
	q->seq -= nr;
	q->fresh -= nr;
	q->in_flight -= nr;
	q->ring.stats.buffers -= nr;
	return 0;
}

int VQ_FN(dev_complete)(struct parley_devq *q, const struct parley_chain *chains,
			unsigned int nr)
{
	if (q->order)
		return dev_by_space(q, nr == 1 ? VQ_FN(dev_in_order_one)(q, chains)
					       : VQ_FN(dev_in_order_kernel)(q, chains, nr),
				    VQ_FN(dev_in_order_user)(q, chains, nr));
	return dev_by_space(q, nr == 1 ? VQ_FN(dev_complete_one)(q, chains)
				       : VQ_FN(dev_complete_kernel)(q, chains, nr),
			    VQ_FN(dev_complete_user)(q, chains, nr));
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
