// SPDX-License-Identifier: GPL-2.0-only
/* Random steps of both roles, each held against plain lists. */
#include "oracle.h"

static void reqs_push(struct oracle *o, struct reqs *l, struct req *r)
{
	KUNIT_ASSERT_LT(o->test, l->n, ORACLE_MAX);
	l->at[l->n++] = r;
}

static struct req *reqs_remove(struct oracle *o, struct reqs *l, unsigned int i)
{
	struct req *r;

	KUNIT_ASSERT_LT(o->test, i, l->n);
	r = l->at[i];
	l->n--;
	memmove(&l->at[i], &l->at[i + 1], (l->n - i) * sizeof(l->at[0]));
	return r;
}

static u64 units(const struct oracle *o, const struct req *r)
{
	return o->packed ? r->slots : 1;
}

static u64 reqs_units(const struct oracle *o, const struct reqs *l)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < l->n; i++)
		sum += units(o, l->at[i]);
	return sum;
}

/*
 * Does the step from @from to @to pass the event?  An old one comes round again
 * whenever the format's counter does.
 */
static bool wished(const struct oracle *o, const struct wish *w, u64 from, u64 to)
{
	u64 period = o->packed ? 2 * o->p->size : 65536, at = w->at;

	if (w->mode != WISH_AT)
		return w->mode == WISH_ALWAYS;
	while (at < from)
		at += period;
	return at < to;
}

/* ------------------------------------------------------------ driver role */

/* Byte @at of piece @i: of a question, or of its answer. */
static u8 req_byte(const struct req *r, unsigned int i, u32 at)
{
	return r->serial * 41 + i * 11 + at + (i >= r->n_out) * 128;
}

static struct req *req_new(struct oracle *o)
{
	struct pair *p = o->p;
	unsigned int i, n = 1;
	struct req *r = NULL;

	for (i = 0; i < ORACLE_POOL; i++)
		if (!o->pool[i].busy)
			r = &o->pool[i];
	KUNIT_ASSERT_NOT_NULL(o->test, r);
	memset(r, 0, sizeof(*r));
	r->serial = o->serial++;
	if (rnd_below(&o->rnd, 2))
		n += rnd_below(&o->rnd, min(PAIR_SEGS, p->size));
	r->n_out = rnd_below(&o->rnd, n + 1);
	r->n_in = n - r->n_out;
	for (i = 0; i < n; i++) {
		u32 len = 1 + rnd_below(&o->rnd, ORACLE_SEG), k;
		u32 at = ((r - o->pool) * PAIR_SEGS + i) * ORACLE_SEG +
			 rnd_below(&o->rnd, ORACLE_SEG + 1 - len);

		r->segs[i].addr = parley_pair_phys(p->arena + at);
		r->segs[i].len = len;
		*(i < r->n_out ? &r->len_out : &r->len_in) += len;
		for (k = 0; k < len; k++)
			p->arena[at + k] = i < r->n_out ? req_byte(r, i, k) : 0xee;
	}
	r->slots = o->indirect && n > 1 ? 1 : n;
	return r;
}

/* The owner maps it, not the core. */
static void req_premap(struct oracle *o, struct req *r)
{
	unsigned int i;

	for (i = 0; i < r->n_out + r->n_in; i++) {
		r->bus[i].len = r->segs[i].len;
		KUNIT_ASSERT_EQ(o->test,
				parley_mem_map(parley_drvq_mem(o->p->drv),
					       r->segs[i].addr, r->segs[i].len,
					       i >= r->n_out, &r->bus[i].addr), 0);
	}
	r->premapped = true;
}

/* It came back, or was not wanted. */
static void req_end(struct oracle *o, struct req *r)
{
	unsigned int i;

	for (i = 0; r->premapped && i < r->n_out + r->n_in; i++)
		parley_mem_unmap(parley_drvq_mem(o->p->drv), r->bus[i].addr,
				 r->bus[i].len, i >= r->n_out);
	r->busy = false;
}

static void step_put(struct oracle *o)
{
	struct req *reqs[4];
	struct parley_buf bufs[4] = {};
	unsigned int nr = 1 + rnd_below(&o->rnd, 4), fit = 0, i;
	unsigned int free = o->free;
	bool full = false;
	int n;

	for (i = 0; i < nr; i++) {
		struct req *r = req_new(o);

		reqs[i] = r;
		r->busy = true;
		if (rnd_below(&o->rnd, 2))
			req_premap(o, r);
		bufs[i] = (struct parley_buf){
			.segs = r->premapped ? r->bus : r->segs, .cookie = r,
			.n_out = r->n_out, .n_in = r->n_in,
			.flags = r->premapped ? PARLEY_BUF_PREMAPPED : 0,
		};
		full |= reqs[i]->slots > free;
		if (!full) {
			free -= reqs[i]->slots;
			fit++;
		}
		if (full) {
			nr = i + 1;
			break;
		}
	}
	n = parley_drvq_put(o->p->drv, bufs, nr, GFP_KERNEL);
	KUNIT_ASSERT_EQ(o->test, n, fit ? (int)fit : -ENOSPC);
	for (i = 0; i < nr; i++) {
		if (i >= fit) {
			req_end(o, reqs[i]);
			continue;
		}
		o->pos_put += units(o, reqs[i]);
		reqs_push(o, &o->put, reqs[i]);
	}
	o->free = free;
	o->drv_stats.buffers += fit;
}

static void check_notify_data(struct oracle *o)
{
	struct pair *p = o->p;
	u32 data = 3, kicks = p->kicks;

	if (p->features & PAIR_DATA) {
		u32 at = o->pos_published & 0xffff;

		if (o->packed)
			at = o->pos_published % p->size |
			     (o->pos_published / p->size % 2 ? 0 : 0x8000);
		data |= at << 16;
	}
	KUNIT_EXPECT_TRUE(o->test, parley_drvq_kick(p->drv));
	KUNIT_EXPECT_EQ(o->test, p->kicks, kicks + 1);
	KUNIT_EXPECT_EQ(o->test, p->kick_data, data);
}

static void step_publish(struct oracle *o)
{
	bool any = o->put.n;
	bool want = any && wished(o, &o->dev_wish, o->pos_published, o->pos_put);

	KUNIT_ASSERT_EQ(o->test, parley_drvq_publish(o->p->drv), want);
	o->pos_published = o->pos_put;
	while (o->put.n)
		reqs_push(o, &o->avail, reqs_remove(o, &o->put, 0));
	o->drv_stats.publishes += any;
	o->drv_stats.notified += want;
	o->drv_stats.suppressed += any && !want;
	if (want)
		check_notify_data(o);
}

/* What the device wrote is there. */
static void check_answer(struct oracle *o, const struct req *r)
{
	u32 left = r->chain.written, k;
	unsigned int i;

	for (i = r->n_out; left; i++) {
		const u8 *at = parley_pair_virt(r->segs[i].addr);

		for (k = 0; left && k < r->segs[i].len; k++, left--)
			KUNIT_EXPECT_EQ(o->test, at[k], req_byte(r, i, k));
	}
}

static void step_reap(struct oracle *o)
{
	struct parley_done done[8];
	unsigned int max = rnd_below(&o->rnd, 9), n, i;

	n = parley_drvq_reap(o->p->drv, done, max);
	KUNIT_ASSERT_EQ(o->test, n, min(max, o->used.n));
	for (i = 0; i < n; i++) {
		struct req *r = reqs_remove(o, &o->used, 0);

		KUNIT_ASSERT_PTR_EQ(o->test, done[i].cookie, (void *)r);
		KUNIT_EXPECT_EQ(o->test, done[i].len, r->chain.written);
		KUNIT_EXPECT_EQ(o->test, done[i].len_in, r->len_in);
		o->pos_reaped += units(o, r);
		o->free += r->slots;
		req_end(o, r);
		check_answer(o, r);
	}
	o->drv_stats.completed += n;
}

static void step_drv_arm(struct oracle *o)
{
	u64 most = reqs_units(o, &o->avail) + reqs_units(o, &o->taken) +
		   reqs_units(o, &o->done) + reqs_units(o, &o->used);
	unsigned int after = rnd_below(&o->rnd, 3) ? 0 : rnd_below(&o->rnd, 40);

	if (!rnd_below(&o->rnd, 3)) {
		parley_drvq_disarm(o->p->drv);
		if (o->packed || !o->event)
			o->drv_wish.mode = WISH_NEVER;
		return;
	}
	KUNIT_ASSERT_EQ(o->test, parley_drvq_arm(o->p->drv, after), !o->used.n);
	o->drv_wish.mode = o->event ? WISH_AT : WISH_ALWAYS;
	o->drv_wish.at = o->pos_reaped + (most ? min_t(u64, after, most - 1) : 0);
}

/* ------------------------------------------------------------ device role */

static void check_chain(struct oracle *o, struct req *r)
{
	const struct parley_chain *c = &r->chain;
	unsigned int i;

	KUNIT_ASSERT_EQ(o->test, c->n_out, r->n_out);
	KUNIT_ASSERT_EQ(o->test, c->n_in, r->n_in);
	KUNIT_EXPECT_EQ(o->test, c->len_out, r->len_out);
	KUNIT_EXPECT_EQ(o->test, c->len_in, r->len_in);
	for (i = 0; i < r->n_out + r->n_in; i++) {
		const u8 *at = c->iov[i].kern;
		u32 k;

		KUNIT_ASSERT_EQ(o->test, c->iov[i].len, (size_t)r->segs[i].len);
		for (k = 0; i < r->n_out && k < r->segs[i].len; k++)
			KUNIT_EXPECT_EQ(o->test, at[k], req_byte(r, i, k));
	}
}

/* As far as it says that it wrote. */
static void answer(const struct req *r)
{
	u32 left = r->chain.written, k;
	unsigned int i;

	for (i = r->n_out; left; i++)
		for (k = 0; left && k < r->chain.iov[i].len; k++, left--)
			((u8 *)r->chain.iov[i].kern)[k] = req_byte(r, i, k);
}

static void step_take(struct oracle *o)
{
	struct parley_chain chains[4];
	struct parley_iov iov[4][PAIR_SEGS];
	unsigned int nr = 1 + rnd_below(&o->rnd, 4), i;
	int n;

	KUNIT_EXPECT_EQ(o->test, parley_devq_peek(o->p->dev), !!o->avail.n);
	for (i = 0; i < nr; i++)
		chains[i] = (struct parley_chain){ .iov = iov[i], .max = PAIR_SEGS };
	n = parley_devq_take(o->p->dev, chains, nr);
	KUNIT_ASSERT_EQ(o->test, n, (int)min(nr, o->avail.n));
	for (i = 0; i < n; i++) {
		struct req *r = reqs_remove(o, &o->avail, 0);

		memcpy(r->iov, iov[i], sizeof(iov[i]));
		r->chain = chains[i];
		r->chain.iov = r->iov;
		check_chain(o, r);
		r->order = o->takes++;
		o->pos_taken += units(o, r);
		reqs_push(o, &o->taken, r);
	}
	o->dev_stats.buffers += n;
}

/* Give back the last ones taken; nobody shall ever know. */
static void step_untake(struct oracle *o)
{
	struct parley_chain chains[4];
	struct reqs back = {};
	unsigned int nr = rnd_below(&o->rnd, 5), i;

	/* Only as long as nothing taken later was completed. */
	for (i = 0; i < nr; i++) {
		struct req *r;

		if (!o->taken.n)
			break;
		r = o->taken.at[o->taken.n - 1];
		if (r->completed || r->order != o->takes - 1 - i)
			break;
		reqs_push(o, &back, reqs_remove(o, &o->taken, o->taken.n - 1));
	}
	nr = i;
	for (i = 0; i < nr; i++)
		chains[i] = back.at[nr - 1 - i]->chain;
	KUNIT_ASSERT_EQ(o->test, parley_devq_untake(o->p->dev, chains, nr), 0);
	for (i = 0; i < nr; i++) {
		unsigned int j;

		reqs_push(o, &o->avail, NULL);
		for (j = o->avail.n - 1; j; j--)
			o->avail.at[j] = o->avail.at[j - 1];
		o->avail.at[0] = back.at[i];
		o->pos_taken -= units(o, back.at[i]);
	}
	o->takes -= nr;
	o->dev_stats.buffers -= nr;
}

/* In order, used entries are written for what forms an unbroken row. */
static void settle(struct oracle *o)
{
	while (o->taken.n && o->taken.at[0]->completed) {
		struct req *r = reqs_remove(o, &o->taken, 0);

		o->pos_done += units(o, r);
		reqs_push(o, &o->done, r);
	}
}

static void step_complete(struct oracle *o)
{
	struct parley_chain chains[4];
	unsigned int nr = rnd_below(&o->rnd, 5), n = 0;

	while (n < nr) {
		unsigned int i, open = 0;
		struct req *r;

		for (i = 0; i < o->taken.n; i++)
			open += !o->taken.at[i]->completed;
		if (!open)
			break;
		do {
			i = rnd_below(&o->rnd, o->taken.n);
		} while (o->taken.at[i]->completed);
		r = o->taken.at[i];
		r->completed = true;
		r->chain.written = rnd_below(&o->rnd, 2) ? r->len_in :
				   rnd_below(&o->rnd, r->len_in + 1);
		answer(r);
		chains[n++] = r->chain;
		if (!o->in_order) {
			reqs_remove(o, &o->taken, i);
			o->pos_done += units(o, r);
			reqs_push(o, &o->done, r);
		}
	}
	KUNIT_ASSERT_EQ(o->test, parley_devq_complete(o->p->dev, chains, n), 0);
	if (o->in_order)
		settle(o);
	o->dev_stats.completed += n;
}

static void step_dev_publish(struct oracle *o)
{
	bool any = o->done.n;
	bool want = any && wished(o, &o->drv_wish, o->pos_used, o->pos_done);

	KUNIT_ASSERT_EQ(o->test, parley_devq_publish(o->p->dev), want);
	o->pos_used = o->pos_done;
	while (o->done.n)
		reqs_push(o, &o->used, reqs_remove(o, &o->done, 0));
	o->dev_stats.publishes += any;
	o->dev_stats.notified += want;
	o->dev_stats.suppressed += any && !want;
}

static void step_dev_arm(struct oracle *o)
{
	if (!rnd_below(&o->rnd, 3)) {
		parley_devq_disarm(o->p->dev);
		if (o->packed || !o->event)
			o->dev_wish.mode = WISH_NEVER;
		return;
	}
	KUNIT_ASSERT_EQ(o->test, parley_devq_arm(o->p->dev), !o->avail.n);
	o->dev_wish.mode = o->event ? WISH_AT : WISH_ALWAYS;
	o->dev_wish.at = o->pos_taken;
}

/* ------------------------------------------------------------- both roles */

static u32 vring_base(const struct oracle *o)
{
	u64 size = o->p->size;
	u32 half;

	if (!o->packed)
		return o->pos_taken & 0xffff;
	half = o->pos_taken % size | (o->pos_taken / size % 2 ? 0 : 0x8000);
	return half | half << 16;
}

/* Another device goes on where this one stopped. */
static void step_move(struct oracle *o)
{
	u32 base = 0;
	int err = parley_devq_save(o->p->dev, &base);

	if (o->taken.n || o->done.n) {
		KUNIT_ASSERT_EQ(o->test, err, -EBUSY);
		return;
	}
	KUNIT_ASSERT_EQ(o->test, err, 0);
	KUNIT_ASSERT_EQ(o->test, base, vring_base(o));
	parley_pair_new_device(o->p);
	KUNIT_ASSERT_EQ(o->test, parley_devq_load(o->p->dev, base), 0);
	memset(&o->dev_stats, 0, sizeof(o->dev_stats));
	o->dev_wish.mode = o->event ? WISH_AT : WISH_ALWAYS;
	o->dev_wish.at = o->pos_taken;
}

/* A ring of zeroes: the split event index asks for the first, flags for all. */
static void start_over(struct oracle *o)
{
	o->free = o->p->size;
	o->pos_put = 0;
	o->pos_published = 0;
	o->pos_taken = 0;
	o->pos_done = 0;
	o->pos_used = 0;
	o->pos_reaped = 0;
	o->drv_wish.mode = o->event && !o->packed ? WISH_AT : WISH_ALWAYS;
	o->drv_wish.at = 0;
	o->dev_wish = o->drv_wish;
}

/* Everything that is not reaped comes back from detach, each once. */
static void step_reset(struct oracle *o)
{
	struct reqs *lists[] = { &o->put, &o->avail, &o->taken, &o->done, &o->used };
	unsigned int i, left = 0;
	struct req *r;

	for (i = 0; i < 5; i++)
		left += lists[i]->n;
	KUNIT_EXPECT_EQ(o->test, parley_drvq_reset(o->p->drv), left ? -EBUSY : 0);
	while ((r = parley_drvq_detach(o->p->drv))) {
		KUNIT_ASSERT_TRUE(o->test, r->busy);
		req_end(o, r);
		left--;
	}
	KUNIT_ASSERT_EQ(o->test, left, 0);
	for (i = 0; i < 5; i++)
		lists[i]->n = 0;
	parley_pair_reset(o->p);
	start_over(o);
}

static void check_stats(struct oracle *o, const struct parley_vq_stats *is,
			const struct parley_vq_stats *want)
{
	KUNIT_EXPECT_EQ(o->test, is->buffers, want->buffers);
	KUNIT_EXPECT_EQ(o->test, is->completed, want->completed);
	KUNIT_EXPECT_EQ(o->test, is->publishes, want->publishes);
	KUNIT_EXPECT_EQ(o->test, is->notified, want->notified);
	KUNIT_EXPECT_EQ(o->test, is->suppressed, want->suppressed);
	KUNIT_EXPECT_EQ(o->test, is->errors, 0ull);
}

void parley_oracle_check(struct oracle *o)
{
	struct pair *p = o->p;

	KUNIT_ASSERT_EQ(o->test, parley_drvq_free(p->drv), o->free);
	KUNIT_ASSERT_EQ(o->test, parley_devq_in_flight(p->dev), o->taken.n);
	KUNIT_ASSERT_EQ(o->test, parley_drvq_pending(p->drv), !!o->used.n);
	KUNIT_ASSERT_FALSE(o->test, parley_drvq_broken(p->drv));
	KUNIT_ASSERT_FALSE(o->test, parley_devq_broken(p->dev));
	check_stats(o, parley_drvq_stats(p->drv), &o->drv_stats);
	check_stats(o, parley_devq_stats(p->dev), &o->dev_stats);
}

void parley_oracle_step(struct oracle *o)
{
	switch (rnd_below(&o->rnd, 40)) {
	case 0 ... 6:
		step_put(o);
		break;
	case 7 ... 12:
		step_publish(o);
		break;
	case 13 ... 18:
		step_take(o);
		break;
	case 19 ... 23:
		step_complete(o);
		break;
	case 24 ... 28:
		step_dev_publish(o);
		break;
	case 29 ... 33:
		step_reap(o);
		break;
	case 34:
		step_drv_arm(o);
		break;
	case 35:
		step_dev_arm(o);
		break;
	case 36 ... 37:
		step_untake(o);
		break;
	case 38:
		step_move(o);
		break;
	default:
		if (!rnd_below(&o->rnd, 20))
			step_reset(o);
	}
	parley_oracle_check(o);
}

/* Finish whatever is under way. */
void parley_oracle_drain(struct oracle *o)
{
	unsigned int rounds;

	for (rounds = 0; o->free < o->p->size && rounds < 100000; rounds++) {
		step_publish(o);
		step_take(o);
		step_complete(o);
		step_dev_publish(o);
		step_reap(o);
	}
	KUNIT_EXPECT_EQ(o->test, o->free, o->p->size);
	parley_oracle_check(o);
}

struct oracle *parley_oracle_open(struct kunit *test, struct pair *p, u64 seed)
{
	struct oracle *o = kunit_kzalloc(test, sizeof(*o), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, o);
	BUILD_BUG_ON(ORACLE_POOL * PAIR_SEGS * ORACLE_SEG > PAIR_ARENA);
	o->pool = kunit_kzalloc(test, ORACLE_POOL * sizeof(*o->pool), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, o->pool);
	o->test = test;
	o->p = p;
	o->rnd.state = seed;
	o->packed = p->features & PAIR_PACKED;
	o->event = p->features & PAIR_EVENT;
	o->indirect = p->features & PAIR_INDIRECT;
	o->in_order = p->features & PAIR_IN_ORDER;
	o->drv_stats = *parley_drvq_stats(p->drv);
	start_over(o);
	return o;
}
