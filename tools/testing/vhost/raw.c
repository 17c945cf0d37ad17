// SPDX-License-Identifier: GPL-2.0-only
/* A ring written by hand. */
#include "raw.h"
#include "blkreq.h"

#define BREAK_MS	3000

struct raw *raw_new(const struct vmm_cfg *cfg)
{
	struct raw *r = calloc(1, sizeof(*r));
	struct parley_vq_addr addr;

	r->v = vmm_new(cfg);
	r->q = r->v->q[0];
	r->packed = cfg->ring & PACKED;
	queue_addr(r->q, &addr);
	r->desc = guest_ptr(r->v->g, addr.desc, 1);
	r->avail = guest_ptr(r->v->g, addr.driver, 1);
	r->used = guest_ptr(r->v->g, addr.device, 1);
	r->gpa = guest_alloc(r->v->g, RAW_MEM);
	r->mem = guest_ptr(r->v->g, r->gpa, RAW_MEM);
	raw_reset(r);
	return r;
}

void raw_free(struct raw *r)
{
	vmm_free(r->v);
	free(r);
}

void raw_reset(struct raw *r)
{
	unsigned int size = r->q->size;

	memset(r->desc, 0, size * sizeof(*r->desc));
	memset(r->used, 0, r->packed ? sizeof(*r->device) : sizeof(*r->used) +
	       size * sizeof(r->used->ring[0]));
	memset(r->avail, 0, r->packed ? sizeof(*r->driver) : sizeof(*r->avail) +
	       size * sizeof(r->avail->ring[0]) + 2);
	r->at = 0;
	r->wrap = true;
	need(vmm_set_base(r->v, 0, queue_first_base(r->q)));
}

static u16 packed_flags(struct raw *r, u16 flags)
{
	u16 avail = 1 << VRING_PACKED_DESC_F_AVAIL;
	u16 used = 1 << VRING_PACKED_DESC_F_USED;

	return (flags & ~(avail | used)) | (r->wrap ? avail : used);
}

static void put_packed(struct raw *r, const struct rdesc *d, unsigned int n)
{
	unsigned int first = r->at, i;
	u16 head_flags = packed_flags(r, d[0].flags);

	for (i = 0; i < n; i++) {
		struct vring_packed_desc *s = &r->slot[r->at];

		s->addr = htole64(d[i].addr);
		s->len = htole32(d[i].len);
		s->id = htole16(first);
		if (i)
			WRITE_ONCE(s->flags, htole16(packed_flags(r, d[i].flags)));
		if (++r->at == r->q->size) {
			r->at = 0;
			r->wrap = !r->wrap;
		}
	}
	__atomic_store_n(&r->slot[first].flags, htole16(head_flags),
			 __ATOMIC_RELEASE);
}

static void put_split(struct raw *r, const struct rdesc *d, unsigned int n)
{
	unsigned int size = r->q->size, head = r->at % size, i;

	for (i = 0; i < n; i++) {
		r->desc[i % size] = (struct vring_desc){
			htole64(d[i].addr), htole32(d[i].len),
			htole16(d[i].flags), htole16(d[i].next) };
	}
	r->avail->ring[head] = 0;
	r->at++;
	__atomic_store_n(&r->avail->idx, htole16(r->at), __ATOMIC_RELEASE);
}

void raw_put(struct raw *r, const struct rdesc *d, unsigned int n)
{
	if (r->packed)
		put_packed(r, d, n);
	else
		put_split(r, d, n);
}

void raw_table(struct raw *r, void *at, const struct rdesc *d, unsigned int n)
{
	struct vring_packed_desc *p = at;
	struct vring_desc *s = at;
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (r->packed)
			p[i] = (struct vring_packed_desc){
				htole64(d[i].addr), htole32(d[i].len), 0,
				htole16(d[i].flags) };
		else
			s[i] = (struct vring_desc){
				htole64(d[i].addr), htole32(d[i].len),
				htole16(d[i].flags), htole16(d[i].next) };
	}
}

void raw_kick(struct raw *r)
{
	queue_kick(r->q);
}

unsigned int raw_used(struct raw *r)
{
	u16 used = 1 << VRING_PACKED_DESC_F_USED;
	u16 avail = 1 << VRING_PACKED_DESC_F_AVAIL;
	unsigned int n = 0, i;
	u16 f;

	if (!r->packed)
		return le16toh(__atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE));
	for (i = 0; i < r->q->size; i++) {
		f = le16toh(READ_ONCE(r->slot[i].flags));
		n += (f & used) && (f & avail);
	}
	return n;
}

void raw_good(struct raw *r, struct rdesc *d, u32 type)
{
	struct virtio_blk_outhdr *h = (void *)r->mem;

	*h = (struct virtio_blk_outhdr){ .type = htole32(type) };
	r->mem[1024] = STATUS_NONE;
	d[0] = (struct rdesc){ r->gpa, REQ_HEADER, VRING_DESC_F_NEXT, 1 };
	d[1] = (struct rdesc){ r->gpa + 512, SECTOR, VRING_DESC_F_NEXT |
			       (type == VIRTIO_BLK_T_OUT ? 0 : VRING_DESC_F_WRITE),
			       2 };
	d[2] = (struct rdesc){ r->gpa + 1024, 1, VRING_DESC_F_WRITE, 0 };
}

bool raw_expect_alive(struct raw *r, const char *what)
{
	struct rdesc d[3];
	unsigned int before = raw_used(r);

	raw_good(r, d, VIRTIO_BLK_T_IN);
	raw_put(r, d, 3);
	raw_kick(r);
	return expect(wait_until(raw_used(r) != before, BREAK_MS),
		      "%s: a good request is not served", what) &&
	       expect(r->mem[1024] == VIRTIO_BLK_S_OK, "%s: status %u of a good request",
		      what, r->mem[1024]);
}

bool raw_recover(struct raw *r, const char *what)
{
	u32 base;

	need(vmm_enable(r->v, 0, false));
	need(vmm_base(r->v, 0, &base));
	raw_reset(r);
	event_wait(r->q->err, 0);
	need(vmm_enable(r->v, 0, true));
	return raw_expect_alive(r, what);
}

bool raw_expect_broken(struct raw *r, const char *what)
{
	bool told = event_wait(r->q->err, BREAK_MS);

	expect(told, "%s: the ring did not break", what);
	return raw_recover(r, what) && told;
}
