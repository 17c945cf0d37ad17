// SPDX-License-Identifier: GPL-2.0-only
/* Random requests, held against a model of the disk. */
#include "disk.h"
#include "load.h"

#define LOST_MS		10000

/* What is known of a sector. */
enum {
	KNOWN = 0x1,	/* the model has its content */
	CLAIMED = 0x2,	/* a request in flight reads or changes it */
};

struct kind {
	u32 type;
	unsigned int weight;
	u64 feature;	/* bit needed, or 0 */
};

static const struct kind kinds[] = {
	{ VIRTIO_BLK_T_IN, 45 },
	{ VIRTIO_BLK_T_OUT, 40 },
	{ VIRTIO_BLK_T_FLUSH, 4, BIT_ULL(VIRTIO_BLK_F_FLUSH) },
	{ VIRTIO_BLK_T_WRITE_ZEROES, 4, BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES) },
	{ VIRTIO_BLK_T_DISCARD, 4, BIT_ULL(VIRTIO_BLK_F_DISCARD) },
	{ VIRTIO_BLK_T_GET_ID, 2 },
	{ 77, 1 },	/* there is no such type */
};

static u32 choose_type(struct load *l)
{
	unsigned int n = sizeof(kinds) / sizeof(kinds[0]), i, at;

	if (l->pages)
		return rng_chance(&l->rng, 50) ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT;
	at = rng_below(&l->rng, 100);
	for (i = 0; i < n - 1 && at >= kinds[i].weight; i++)
		at -= kinds[i].weight;
	if (kinds[i].feature && !(l->v->features & kinds[i].feature))
		return VIRTIO_BLK_T_IN;
	return kinds[i].type;
}

static bool changes(u32 type)
{
	return breq_out(type);
}

/* Sectors that a request concerns; 0 for those that concern none. */
static u64 span(const struct breq *r)
{
	return r->type == VIRTIO_BLK_T_IN || changes(r->type) ? r->priv : 0;
}

/* Requests in flight never share a sector: what they do is then determined. */
static bool claim(struct load *l, struct breq *r)
{
	u64 at = r->sector - l->first, i;

	for (i = 0; i < span(r); i++)
		if (l->state[at + i] & CLAIMED)
			return false;
	for (i = 0; i < span(r); i++)
		l->state[at + i] |= CLAIMED;
	return true;
}

/* What a write will have changed, once it has. */
static void foresee(struct load *l, struct breq *r)
{
	u64 at = r->sector - l->first, i;
	u8 *model = l->model + at * SECTOR;

	if (r->type == VIRTIO_BLK_T_OUT)
		memcpy(model, r->data, r->bytes);
	else if (r->type == VIRTIO_BLK_T_WRITE_ZEROES)
		memset(model, 0, span(r) * SECTOR);
	for (i = 0; i < span(r) && changes(r->type); i++) {
		l->state[at + i] |= KNOWN;
		if (r->type == VIRTIO_BLK_T_DISCARD)
			l->state[at + i] &= ~KNOWN;
	}
}

static void fill_data(struct load *l, struct breq *r)
{
	u64 *p = (u64 *)r->data, tag = rng_next(&l->rng);
	u32 i;

	for (i = 0; i < r->bytes / 8; i++)
		p[i] = tag + i * 0x100000001ull + r->sector;
}

static bool make(struct load *l, struct breq *r)
{
	u64 most = l->pages ? PAGE / SECTOR :
		   min(REQ_BYTES_MAX / SECTOR, (u32)l->sectors);
	enum shape shape;

	r->type = choose_type(l);
	r->priv = rng_chance(&l->rng, 60) ? 8 : rng_between(&l->rng, 1, most);
	r->priv = min(r->priv, most);
	r->sector = l->first + rng_below(&l->rng, l->sectors - r->priv + 1);
	r->bytes = 0;
	if (!claim(l, r))
		return false;
	shape = rng_chance(&l->rng, 50) ? SHAPE_PLAIN : rng_below(&l->rng, SHAPES);
	if (l->pages)
		shape = SHAPE_PAGES;
	if (r->type == VIRTIO_BLK_T_IN || r->type == VIRTIO_BLK_T_OUT) {
		r->bytes = r->priv * SECTOR;
	} else if (r->type == VIRTIO_BLK_T_GET_ID) {
		r->bytes = VIRTIO_BLK_ID_BYTES;
	} else if (changes(r->type)) {
		struct virtio_blk_discard_write_zeroes d = {
			.sector = htole64(r->sector),
			.num_sectors = htole32(r->priv),
		};

		memcpy(r->data, &d, sizeof(d));
		r->bytes = sizeof(d);
	}
	if (r->type == VIRTIO_BLK_T_OUT)
		fill_data(l, r);
	foresee(l, r);
	breq_build(r, shape, queue_longest(l->q), &l->rng);
	return true;
}

static void unclaim(struct load *l, struct breq *r)
{
	u64 at = r->sector - l->first, i;

	for (i = 0; i < span(r); i++)
		l->state[at + i] &= ~CLAIMED;
}

static void check_read(struct load *l, struct breq *r)
{
	u64 at = r->sector - l->first, i;

	for (i = 0; i < span(r); i++) {
		if (!(l->state[at + i] & KNOWN))
			continue;
		if (!expect(!memcmp(r->data + i * SECTOR,
				    l->model + (at + i) * SECTOR, SECTOR),
			    "queue %u: sector %llu reads %#llx, not %#llx", l->q->index,
			    (unsigned long long)(r->sector + i),
			    (unsigned long long)*(u64 *)(r->data + i * SECTOR),
			    (unsigned long long)*(u64 *)(l->model + (at + i) * SECTOR)))
			return;
	}
}

static void forget(struct load *l, struct breq *r)
{
	u64 at = r->sector - l->first, i;

	for (i = 0; i < span(r); i++)
		l->state[at + i] &= ~KNOWN;
}

/*
 * A file system that cannot zero a range says so only when it is asked.  What the model
 * foresaw did not happen.
 */
static bool refused(struct load *l, struct breq *r)
{
	const char *disk = l->v->cfg.disk;

	if (r->type != VIRTIO_BLK_T_WRITE_ZEROES || r->status != VIRTIO_BLK_S_UNSUPP ||
	    !disk || strcmp(disk, disk_file()))
		return false;
	forget(l, r);
	return true;
}

/* Whether a write that failed was performed, nobody knows. */
static bool failed_rightly(struct load *l, struct breq *r)
{
	if (!READ_ONCE(l->may_fail) || r->status != VIRTIO_BLK_S_IOERR)
		return false;
	if (changes(r->type))
		forget(l, r);
	__atomic_add_fetch(&l->errors, 1, __ATOMIC_RELAXED);
	return true;
}

static void ended(struct load *l, struct breq *r)
{
	u8 wanted = VIRTIO_BLK_S_OK;

	if (r->type == 77)
		wanted = VIRTIO_BLK_S_UNSUPP;
	expect(r->status == wanted || refused(l, r) || failed_rightly(l, r),
	       "type %u, sector %llu + %llu: status %u",
	       r->type, (unsigned long long)r->sector,
	       (unsigned long long)r->priv, r->status);
	if (r->type == VIRTIO_BLK_T_IN && r->status == VIRTIO_BLK_S_OK)
		check_read(l, r);
	if (r->type == VIRTIO_BLK_T_GET_ID && r->status == VIRTIO_BLK_S_OK)
		expect(!strcmp((char *)r->data, "vmm"), "serial is %.20s", r->data);
	if (r->type == VIRTIO_BLK_T_OUT && r->status == VIRTIO_BLK_S_OK)
		l->written += r->bytes / SECTOR;
	unclaim(l, r);
	__atomic_add_fetch(&l->requests, 1, __ATOMIC_RELAXED);
}

static unsigned int reap(struct load *l)
{
	struct breq *done[16];
	unsigned int n = breq_reap(l->q, done, 16), i;

	for (i = 0; i < n; i++)
		ended(l, done[i]);
	return n;
}

static void submit(struct load *l)
{
	unsigned int i, burst = rng_between(&l->rng, 1, l->depth);
	bool put = false;

	for (i = 0; i < l->depth && burst; i++) {
		struct breq *r = l->reqs[i];

		if (r->busy || !make(l, r))
			continue;
		burst--;
		if (breq_put(l->q, r)) {
			/* No room: what it would have changed is not known. */
			if (changes(r->type))
				forget(l, r);
			unclaim(l, r);
			break;
		}
		put = true;
	}
	if (put)
		breq_publish(l->q);
}

/* Requests come back in time, or they are lost. */
static bool get_some(struct load *l)
{
	u64 end = now_ms() + (u64)l->lost_ms * patience;

	while (!reap(l)) {
		if (l->abandon)
			return false;
		if (!expect(now_ms() < end, "queue %u: %u requests are lost",
			    l->q->index, l->q->flight))
			return false;
		queue_wait(l->q, 50);
	}
	return true;
}

static void *run(void *priv)
{
	struct load *l = priv;

	while (!READ_ONCE(l->stop) && !READ_ONCE(l->abandon) && !failed()) {
		submit(l);
		if (l->q->flight && rng_chance(&l->rng, 80) && !get_some(l))
			break;
	}
	while (l->q->flight && !READ_ONCE(l->abandon) && get_some(l))
		;
	return NULL;
}

static void init(struct load *l, struct vmm *v, unsigned int i, unsigned int depth)
{
	u64 part = vmm_capacity(v) / v->cfg.queues;
	unsigned int n;

	/* Small enough that sectors are met again and again. */
	l->v = v;
	l->q = v->q[i];
	l->first = part * i;
	l->sectors = min(part, (u64)(2u << 20) / SECTOR);
	l->depth = depth;
	l->lost_ms = LOST_MS;
	l->rng = rng_for("load", i);
	l->model = calloc(l->sectors, SECTOR);
	l->state = calloc(l->sectors, 1);
	l->reqs = calloc(depth, sizeof(*l->reqs));
	for (n = 0; n < depth; n++)
		l->reqs[n] = breq_new(v->g);
}

struct load *load_new(struct vmm *v, unsigned int depth)
{
	struct load *l = calloc(v->cfg.queues, sizeof(*l));
	unsigned int i;

	for (i = 0; i < v->cfg.queues; i++)
		init(&l[i], v, i, depth);
	return l;
}

void load_start(struct load *l)
{
	unsigned int i;

	for (i = 0; i < l->v->cfg.queues; i++) {
		l[i].stop = false;
		l[i].abandon = false;
		must(!pthread_create(&l[i].thread, NULL, run, &l[i]), "no thread");
	}
}

static void join(struct load *l, bool *flag)
{
	unsigned int i, n = l->v->cfg.queues;
	size_t at = (u8 *)flag - (u8 *)l;

	for (i = 0; i < n; i++)
		WRITE_ONCE(*(bool *)((u8 *)&l[i] + at), true);
	for (i = 0; i < n; i++)
		pthread_join(l[i].thread, NULL);
}

void load_stop(struct load *l)
{
	join(l, &l->stop);
}

void load_end(struct load *l)
{
	load_stop(l);
	load_check(l);
}

void load_abandon(struct load *l)
{
	join(l, &l->abandon);
}

void load_check(struct load *l)
{
	unsigned int i;
	u64 at;

	for (i = 0; i < l->v->cfg.queues && !failed(); i++) {
		struct load *part = &l[i];
		struct breq *r = part->reqs[0];

		for (at = 0; at < part->sectors && !failed(); at += r->priv) {
			r->type = VIRTIO_BLK_T_IN;
			r->sector = part->first + at;
			r->priv = min(part->sectors - at,
				      (u64)REQ_BYTES_MAX / SECTOR);
			r->bytes = r->priv * SECTOR;
			expect(breq_run(part->q, r, SHAPE_PLAIN, &part->rng) ==
			       VIRTIO_BLK_S_OK, "sector %llu cannot be read",
			       (unsigned long long)r->sector);
			check_read(part, r);
		}
	}
}

void load_free(struct load *l)
{
	unsigned int i, n, queues = l->v->cfg.queues;

	for (i = 0; i < queues; i++) {
		for (n = 0; n < l[i].depth; n++)
			breq_free(l[i].reqs[n]);
		free(l[i].reqs);
		free(l[i].model);
		free(l[i].state);
	}
	free(l);
}

u64 load_done(struct load *l)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < l->v->cfg.queues; i++)
		sum += __atomic_load_n(&l[i].requests, __ATOMIC_RELAXED);
	return sum;
}

u64 load_errors(struct load *l)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < l->v->cfg.queues; i++)
		sum += __atomic_load_n(&l[i].errors, __ATOMIC_RELAXED);
	return sum;
}

void load_may_fail(struct load *l, bool may)
{
	unsigned int i;

	for (i = 0; i < l->v->cfg.queues; i++)
		WRITE_ONCE(l[i].may_fail, may);
}

void load_for(struct load *l, unsigned int ms)
{
	u64 end = now_ms() + ms, before = load_done(l);

	while (now_ms() < end && !failed())
		sleep_ms(5);
	expect(wait_until(load_done(l) != before, LOST_MS), "the load stands still");
}

void load_run(struct vmm *v, unsigned int depth, unsigned int ms)
{
	struct load *l = load_new(v, depth);

	load_start(l);
	load_for(l, ms);
	load_end(l);
	load_free(l);
}
