// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes rings: a device that is set up well, and a driver that writes to its
 * rings, tables and headers whatever it likes, in several threads.  One thread
 * is the VMM, which stops and starts what broke.
 */
#include "disk.h"
#include "fuzz.h"
#include "groups.h"

#define NR_QUEUES	2
#define DATA		(256u << 10)

struct prey {
	struct vmm *v;
	struct parley_vq_addr addr[NR_QUEUES];
	u64 data;
	bool packed;
};

/* Mostly addresses that are memory. */
static u64 any_gpa(struct prey *p, struct rng *r)
{
	const struct guest_region *g = &p->v->g->r[rng_below(r, p->v->g->nr)];

	switch (rng_below(r, 20)) {
	case 0:
		return rng_next(r);
	case 1:
		return g->gpa + g->size - rng_below(r, 600);
	case 2:
		return p->addr[rng_below(r, NR_QUEUES)].desc + rng_below(r, 4096);
	default:
		return p->data + rng_below(r, DATA);
	}
}

static u32 any_len(struct rng *r)
{
	switch (rng_below(r, 12)) {
	case 0:
		return 0;
	case 1:
		return rng_next(r);
	case 2:
		return 1;
	case 3:
	case 4:
		return 16 * rng_between(r, 1, 70);
	case 5:
	case 6:
		return 16;
	default:
		return 512 * rng_between(r, 1, 16);
	}
}

static u16 any_flags(struct rng *r)
{
	return rng_chance(r, 4) ? rng_next(r) : rng_below(r, 4) |
	       (rng_chance(r, 10) ? VRING_DESC_F_INDIRECT : 0);
}

static void write_desc(struct prey *p, struct rng *r, void *at, u16 extra,
		       unsigned int limit)
{
	if (p->packed) {
		struct vring_packed_desc d = {
			any_gpa(p, r), any_len(r), rng_below(r, limit + 1),
			any_flags(r) | extra };

		*(struct vring_packed_desc *)at = d;
	} else {
		struct vring_desc d = { any_gpa(p, r), any_len(r), any_flags(r),
					rng_below(r, limit + 1) };

		*(struct vring_desc *)at = d;
	}
}

static void write_ring(struct prey *p, struct rng *r)
{
	struct queue *q = p->v->q[rng_below(r, NR_QUEUES)];
	struct parley_vq_addr *a = &p->addr[q->index];
	u8 *desc = guest_ptr(p->v->g, a->desc, 1);
	struct vring_avail *avail = guest_ptr(p->v->g, a->driver, 1);
	u16 phase = rng_chance(r, 50) ? 1 << VRING_PACKED_DESC_F_AVAIL :
					1 << VRING_PACKED_DESC_F_USED;
	unsigned int i, n = rng_between(r, 1, 8);

	for (i = 0; i < n; i++)
		write_desc(p, r, desc + 16 * rng_below(r, q->size), phase, q->size);
	if (p->packed) {
		/* Event suppression, too. */
		*(u32 *)avail = rng_chance(r, 50) ? 0 : rng_next(r);
	} else {
		for (i = 0; i < n; i++)
			avail->ring[rng_below(r, q->size)] =
				rng_below(r, q->size + (rng_chance(r, 2) ? 3 : 0));
		if (rng_chance(r, 2))
			avail->idx = rng_next(r);
		else
			avail->idx += rng_below(r, 3);
		if (rng_chance(r, 20))
			avail->flags = rng_next(r);
	}
	queue_kick(q);
}

/* Headers, tables and ranges that descriptors point to. */
static void write_data(struct prey *p, struct rng *r)
{
	u64 at = p->data + (rng_below(r, DATA - 1024) & ~(rng_chance(r, 50) ? 15u : 0));
	u8 *mem = guest_ptr(p->v->g, at, 1024);
	struct virtio_blk_outhdr h = {
		.type = rng_below(r, 15), .sector = rng_below(r, 40000),
	};
	unsigned int i, n = rng_between(r, 1, 40);

	if (rng_chance(r, 50)) {
		memcpy(mem, &h, sizeof(h));
		return;
	}
	for (i = 0; i < n; i++)
		write_desc(p, r, mem + 16 * i, 0, n);
}

static void mend(struct prey *p, struct rng *r)
{
	unsigned int i = rng_below(r, NR_QUEUES);
	struct queue *q = p->v->q[i];
	u32 base;

	if (!event_wait(q->err, 1) && !rng_chance(r, 5))
		return;
	if (!want(vmm_enable(p->v, i, false), 0))
		return;
	/* Some begin anew, some go on in the mess. */
	if (rng_chance(r, 50) || vmm_base(p->v, i, &base)) {
		struct vring_avail *avail = guest_ptr(p->v->g, p->addr[i].driver, 1);
		struct vring_used *used = guest_ptr(p->v->g, p->addr[i].device, 1);

		base = queue_first_base(q);
		if (!p->packed) {
			avail->idx = 0;
			used->idx = 0;
		}
	}
	vmm_set_base(p->v, i, base);
	/* What lies in the used ring may forbid a start there. */
	if (vmm_enable(p->v, i, true)) {
		vmm_set_base(p->v, i, queue_first_base(q));
		vmm_enable(p->v, i, true);
	}
}

static void step(void *world, struct rng *r, unsigned int thread)
{
	struct prey *p = world;

	if (thread == 0)
		mend(p, r);
	else if (rng_chance(r, 60))
		write_ring(p, r);
	else
		write_data(p, r);
}

static void *make(struct rng *rng)
{
	unsigned int kind = rng_below(rng, 8), i;
	struct vmm_cfg cfg = {
		.ring = ring_kinds[kind].features, .queues = NR_QUEUES,
		.workers = rng_between(rng, 1, 2), .layout = rng_below(rng, LAYOUTS),
		.size = 8u << rng_below(rng, 6), .memory = 8 << 20,
		.disk = rng_chance(rng, 50) ? disk_fast() :
			rng_chance(rng, 50) ? disk_slow() : disk_file(),
	};
	struct prey *p = calloc(1, sizeof(*p));

	p->packed = cfg.ring & PACKED;
	p->v = vmm_start_new(&cfg);
	p->data = guest_alloc(p->v->g, DATA);
	for (i = 0; i < NR_QUEUES; i++)
		queue_addr(p->v->q[i], &p->addr[i]);
	return p;
}

const struct fuzz fuzz_ring = { "ring", make, step };
