// SPDX-License-Identifier: GPL-2.0-only
/* Requests of virtio-blk, in any shape. */
#include "blkreq.h"
#include "compat.h"

#define WAIT_MS		8000	/* for a completion: then it is lost */
#define GAP_MAX		200u

struct breq *breq_new(struct guest *g)
{
	struct breq *r = calloc(1, sizeof(*r));

	r->g = g;
	r->arena = guest_alloc(g, REQ_ARENA);
	r->mem = guest_ptr(g, r->arena, REQ_ARENA);
	r->data = calloc(1, REQ_BYTES_MAX);
	return r;
}

void breq_free(struct breq *r)
{
	guest_free(r->g, r->arena, REQ_ARENA);
	free(r->data);
	free(r);
}

bool breq_in(u32 type)
{
	return type == VIRTIO_BLK_T_IN || type == VIRTIO_BLK_T_GET_ID;
}

bool breq_out(u32 type)
{
	return type == VIRTIO_BLK_T_OUT || type == VIRTIO_BLK_T_DISCARD ||
	       type == VIRTIO_BLK_T_WRITE_ZEROES ||
	       type == VIRTIO_BLK_T_SECURE_ERASE;
}

/* The same memory under its other name, where the layout has one. */
static u64 rename_gpa(struct breq *r, u64 gpa, struct rng *rng)
{
	struct guest_region *alias = &r->g->r[r->g->nr - 1];
	struct guest_region *first = &r->g->r[1];

	if (r->g->layout != LAYOUT_ALIAS || gpa < first->gpa ||
	    gpa >= first->gpa + first->size || rng_chance(rng, 50))
		return gpa;
	return gpa - first->gpa + alias->gpa;
}

static void add_piece(struct breq *r, u32 len, u32 gap, struct rng *rng)
{
	unsigned int n = r->n_out + r->n_in;

	r->at += gap;
	must(n < REQ_SEGS_MAX && r->at + len <= REQ_ARENA, "request too big");
	r->segs[n].addr = rename_gpa(r, r->arena + r->at, rng);
	r->segs[n].len = len;
	r->host[n] = r->mem + r->at;
	r->at += len;
}

/* Bytes of the next piece of a stream, of which left bytes remain. */
static u32 cut(enum shape shape, u32 pos, u32 left, bool out, u32 data,
	       struct rng *rng)
{
	u32 head = out ? REQ_HEADER : 0;

	switch (shape) {
	case SHAPE_ONE:
		return left;
	case SHAPE_TINY:
		return min(left, (u32)rng_between(rng, 1, 7));
	case SHAPE_RANDOM:
		return min(left, (u32)(rng_chance(rng, 30) ?
				       rng_between(rng, 1, 40) :
				       rng_between(rng, 1, 5000)));
	default:
		break;
	}
	if (pos < head)
		return head - pos;
	if (pos >= head + data)
		return left;
	left = head + data - pos;
	return shape == SHAPE_PAGES ? min_t(u32, left, PAGE) : left;
}

static unsigned int cut_stream(struct breq *r, enum shape shape, u32 len,
			       bool out, unsigned int most, struct rng *rng)
{
	u32 data = out ? len - REQ_HEADER : len - 1;
	unsigned int n = 0, *count = out ? &r->n_out : &r->n_in;
	u32 pos = 0, take, gap;

	while (pos < len) {
		take = n + 1 >= most ? len - pos :
		       cut(shape, pos, len - pos, out, data, rng);
		gap = rng_chance(rng, 50) ? 0 : rng_below(rng, GAP_MAX);
		if (shape == SHAPE_PAGES || (shape == SHAPE_PLAIN && take >= SECTOR))
			gap = (r->skew - r->at) & (PAGE - 1);
		add_piece(r, take, gap, rng);
		(*count)++;
		n++;
		pos += take;
	}
	return n;
}

static void scatter(struct breq *r, const u8 *stream)
{
	unsigned int i;

	for (i = 0; i < r->n_out; i++) {
		memcpy(r->host[i], stream, r->segs[i].len);
		stream += r->segs[i].len;
	}
}

static void gather(struct breq *r, u8 *stream)
{
	unsigned int i;

	for (i = r->n_out; i < r->n_out + r->n_in; i++) {
		memcpy(stream, r->host[i], r->segs[i].len);
		stream += r->segs[i].len;
	}
}

void breq_build(struct breq *r, enum shape shape, unsigned int longest,
		struct rng *rng)
{
	u32 out = REQ_HEADER + (breq_out(r->type) ? r->bytes : 0);
	u32 in = 1 + (breq_in(r->type) ? r->bytes : 0);
	struct virtio_blk_outhdr header = {
		.type = htole32(r->type),
		.sector = htole64(r->type <= VIRTIO_BLK_T_OUT ? r->sector : 0),
	};
	u8 *stream = malloc(out);
	unsigned int used;

	longest = min(longest, REQ_SEGS_MAX);
	memset(r->mem, CANARY, r->at);
	r->at = 0;
	r->n_out = 0;
	r->n_in = 0;
	if (out > in) {
		used = cut_stream(r, shape, out, true, longest - 1, rng);
		cut_stream(r, shape, in, false, longest - used, rng);
	} else {
		used = shape == SHAPE_RANDOM || shape == SHAPE_TINY ?
		       rng_between(rng, 1, min(longest - 1, 8u)) : 1;
		used = cut_stream(r, shape, out, true, used, rng);
		cut_stream(r, shape, in, false, longest - used, rng);
	}
	memcpy(stream, &header, REQ_HEADER);
	memcpy(stream + REQ_HEADER, r->data, out - REQ_HEADER);
	memset(r->mem, CANARY, r->at);
	scatter(r, stream);
	r->host[r->n_out + r->n_in - 1][r->segs[r->n_out + r->n_in - 1].len - 1] =
		STATUS_NONE;
	r->status = STATUS_NONE;
	free(stream);
}

int breq_put(struct queue *q, struct breq *r)
{
	struct parley_buf buf = {
		.segs = r->segs, .cookie = r, .n_out = r->n_out, .n_in = r->n_in,
	};
	int ret = parley_drvq_put(q->drv, &buf, 1, GFP_KERNEL);

	if (ret == 1) {
		r->busy = true;
		q->flight++;
	}
	return ret < 0 ? ret : 0;
}

void breq_publish(struct queue *q)
{
	if (parley_drvq_publish(q->drv))
		parley_drvq_kick(q->drv);
}

/* Nothing but the writable pieces may have changed. */
static void check_canaries(struct breq *r)
{
	unsigned int i, n = r->n_out + r->n_in;
	u8 *p = r->mem, *end = r->mem + r->at;

	for (i = 0; i <= n; i++) {
		u8 *stop = i < n ? r->host[i] : end;

		while (p < stop && *p == CANARY)
			p++;
		if (!expect(p >= stop, "type %u: byte %ld beside the pieces changed",
			    r->type, (long)(p - r->mem)))
			return;
		if (i < n)
			p = r->host[i] + r->segs[i].len;
	}
}

static void finish(struct breq *r, u32 used)
{
	u32 in = 1 + (breq_in(r->type) ? r->bytes : 0);
	u8 *stream = malloc(in);

	gather(r, stream);
	r->status = stream[in - 1];
	r->used = used;
	if (breq_in(r->type) && r->status == VIRTIO_BLK_S_OK)
		memcpy(r->data, stream, r->bytes);
	free(stream);
	expect(r->status != STATUS_NONE, "type %u, sector %llu: no status",
	       r->type, (unsigned long long)r->sector);
	if (r->status == VIRTIO_BLK_S_OK)
		expect(used == in, "type %u: %u bytes used, not %u", r->type, used, in);
	check_canaries(r);
}

unsigned int breq_reap(struct queue *q, struct breq **done, unsigned int max)
{
	struct parley_done d[32];
	unsigned int n, i;

	n = parley_drvq_reap(q->drv, d, min(max, 32u));
	for (i = 0; i < n; i++) {
		struct breq *r = d[i].cookie;

		expect(r->busy, "a request was completed twice");
		r->busy = false;
		q->flight--;
		finish(r, d[i].len);
		done[i] = r;
	}
	expect(!parley_drvq_broken(q->drv), "the device broke the ring's rules");
	return n;
}

u8 breq_answer(struct queue *q, struct breq *r)
{
	u64 end = now_ms() + WAIT_MS * patience;
	struct breq *done;

	if (!want(breq_put(q, r), 0))
		give_up();
	breq_publish(q);
	while (!breq_reap(q, &done, 1)) {
		must(now_ms() < end, "queue %u: no answer to type %u", q->index,
		     r->type);
		queue_wait(q, 1000);
	}
	must(done == r, "another request came back");
	return r->status;
}

u8 breq_run(struct queue *q, struct breq *r, enum shape shape, struct rng *rng)
{
	breq_build(r, shape, queue_longest(q), rng);
	return breq_answer(q, r);
}

u8 blk_do(struct queue *q, struct guest *g, u32 type, u64 sector, void *data,
	  u32 bytes)
{
	struct rng rng = rng_for("blk_do", sector);
	struct breq *r = breq_new(g);
	u8 status;

	r->type = type;
	r->sector = sector;
	r->bytes = bytes;
	if (breq_out(type))
		memcpy(r->data, data, bytes);
	status = breq_run(q, r, SHAPE_PLAIN, &rng);
	if (breq_in(type) && status == VIRTIO_BLK_S_OK)
		memcpy(data, r->data, bytes);
	breq_free(r);
	return status;
}
