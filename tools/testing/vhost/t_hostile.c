// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hostile driver: rings written by hand.  What breaks the rules breaks the
 * ring, is told through the error eventfd, and a stop and a start mend it.
 */
#include "disk.h"
#include "groups.h"
#include "load.h"
#include "raw.h"

#define NEXT	VRING_DESC_F_NEXT
#define WRITE	VRING_DESC_F_WRITE
#define TABLE	VRING_DESC_F_INDIRECT

#define SIZE	16u

/* ------------------------------------------- both formats, case by case */

static const struct ring_kind kinds[] = {
	{ "split", 0 },
	{ "split-indirect", INDIRECT },
	{ "packed", PACKED },
	{ "packed-indirect", PACKED | INDIRECT },
	{ NULL },
};

typedef void (*prey)(struct raw *r, const char *kind);

static void on_each(prey fn)
{
	const struct ring_kind *k;

	for (k = kinds; k->name && !failed(); k++) {
		struct vmm_cfg cfg = { .ring = k->features, .size = SIZE,
				       .layout = LAYOUT_HOLES };
		struct raw *r = raw_new(&cfg);

		need(vmm_enable(r->v, 0, true));
		fn(r, k->name);
		raw_expect_alive(r, k->name);
		raw_free(r);
	}
}

/* One chain that is wrong. */
static void bad_chain(struct raw *r, const char *what, struct rdesc *d,
		      unsigned int n)
{
	raw_put(r, d, n);
	raw_kick(r);
	raw_expect_broken(r, what);
}

/* One that is odd: it is answered, or breaks the ring; and the host goes on. */
static void odd_chain(struct raw *r, const char *what, struct rdesc *d,
		      unsigned int n)
{
	unsigned int before = raw_used(r);

	raw_put(r, d, n);
	raw_kick(r);
	expect(wait_until(raw_used(r) != before || event_wait(r->q->err, 0), 3000),
	       "%s: neither answered nor broken", what);
	raw_recover(r, what);
}

/* A read whose data descriptor is at addr. */
static void bad_buffer(struct raw *r, const char *what, u64 addr, u32 len)
{
	struct rdesc d[3];

	raw_good(r, d, VIRTIO_BLK_T_IN);
	d[1].addr = addr;
	d[1].len = len;
	bad_chain(r, what, d, 3);
}

static void regions(struct raw *r, const char *kind)
{
	struct guest_region *g = r->v->g->r;

	bad_buffer(r, "beyond the end of a region", g[0].gpa + g[0].size - 256, 512);
	bad_buffer(r, "before a region", g[1].gpa - 256, 512);
	bad_buffer(r, "in a hole", guest_hole(r->v->g), 512);
	bad_buffer(r, "beyond all", ~0ull - 511, 512);
	bad_buffer(r, "around the end", ~0ull - 255, 512);
	bad_buffer(r, "over everything", 0, ~0u);
	bad_buffer(r, "an address of the kernel", 0xffff888000000000, 512);
}

static void bad_05(void)
{
	on_each(regions);
}

/* Side by side in the guest, apart in the VMM: that is no fault. */
static void adjacent_regions(void)
{
	const struct ring_kind *k;
	u8 zero[512] = { 0 };
	struct rdesc d[3];

	for (k = kinds; k->name; k++) {
		struct vmm_cfg cfg = { .ring = k->features, .size = SIZE,
				       .layout = LAYOUT_HOLES };
		struct raw *r = raw_new(&cfg);
		struct guest_region *g = r->v->g->r;

		need(vmm_enable(r->v, 0, true));
		raw_good(r, d, VIRTIO_BLK_T_OUT);
		memset(r->mem + 512, 0, 512);
		raw_put(r, d, 3);
		raw_kick(r);
		must(wait_until(raw_used(r) == 1, 3000), "%s: not written", k->name);
		raw_good(r, d, VIRTIO_BLK_T_IN);
		d[1].addr = g[2].gpa - 256;
		memset(g[1].hva + g[1].size - 256, 0xaa, 256);
		memset(g[2].hva, 0xaa, 256);
		raw_put(r, d, 3);
		raw_kick(r);
		must(wait_until(raw_used(r) == 2, 3000), "%s: not served", k->name);
		expect(!memcmp(g[1].hva + g[1].size - 256, zero, 256) &&
		       !memcmp(g[2].hva, zero, 256),
		       "%s: the data did not arrive", k->name);
		raw_free(r);
	}
}

static void empty(struct raw *r, const char *kind)
{
	struct rdesc d[3];
	unsigned int i;

	for (i = 0; i < 4; i++) {
		raw_good(r, d, VIRTIO_BLK_T_IN);
		d[i % 3].len = 0;
		/* Outside of memory, too: nobody needs to look that up. */
		if (i == 3)
			d[0].addr = guest_hole(r->v->g);
		odd_chain(r, "an empty descriptor", d, 3);
	}
}

static void bad_07(void)
{
	on_each(empty);
}

/* Readable after writable. */
static void order(struct raw *r, const char *kind)
{
	struct rdesc d[3];

	raw_good(r, d, VIRTIO_BLK_T_IN);
	d[2].flags = 0;
	bad_chain(r, "readable after writable", d, 3);
}

static void readable_after_writable(void)
{
	on_each(order);
}

static void loops(struct raw *r, const char *kind)
{
	struct rdesc d[SIZE + 8];
	unsigned int i;

	if (r->packed) {
		/* A ring of nothing but "next". */
		for (i = 0; i < SIZE; i++)
			d[i] = (struct rdesc){ r->gpa, 16, NEXT };
		bad_chain(r, "a chain without an end", d, SIZE);
		return;
	}
	raw_good(r, d, VIRTIO_BLK_T_IN);
	d[2].flags |= NEXT;
	d[2].next = 2;
	bad_chain(r, "a descriptor that follows itself", d, 3);
	raw_good(r, d, VIRTIO_BLK_T_IN);
	d[2].flags |= NEXT;
	d[2].next = 0;
	bad_chain(r, "a circle", d, 3);
	raw_good(r, d, VIRTIO_BLK_T_IN);
	d[1].next = SIZE;
	bad_chain(r, "next beyond the ring", d, 3);
	raw_good(r, d, VIRTIO_BLK_T_IN);
	d[1].next = 0xffff;
	bad_chain(r, "next far beyond the ring", d, 3);
}

static void bad_06_loops(void)
{
	on_each(loops);
}

static void tables(struct raw *r, const char *kind)
{
	struct rdesc d[3], t;
	u8 *at = r->mem + 4096;

	raw_good(r, d, VIRTIO_BLK_T_IN);
	raw_table(r, at, d, 3);
	t = (struct rdesc){ r->gpa + 4096, 48, TABLE };
	if (!(r->q->features & INDIRECT)) {
		bad_chain(r, "a table that was not negotiated", &t, 1);
		return;
	}
	t.len = 0;
	bad_chain(r, "an empty table", &t, 1);
	t.len = 40;
	bad_chain(r, "a table of two and a half", &t, 1);
	t.len = ~0u & ~15u;
	odd_chain(r, "a table of 4 GiB", &t, 1);
	t.len = (SIZE + 1) * 16;
	t.addr = guest_hole(r->v->g);
	bad_chain(r, "a table in a hole", &t, 1);
	t = (struct rdesc){ r->v->g->r[0].gpa + r->v->g->r[0].size - 16, 48, TABLE };
	raw_table(r, guest_ptr(r->v->g, t.addr, 16), d, 1);
	bad_chain(r, "a table over the end of memory", &t, 1);
	/*
	 * A table in a table.  In a packed one every flag but WRITE is reserved
	 * (2.8.7), so there it is a buffer of 48 bytes, which no request has.
	 */
	raw_good(r, d, VIRTIO_BLK_T_IN);
	d[1] = (struct rdesc){ r->gpa + 4096, 48, NEXT | TABLE, 2 };
	raw_table(r, at, d, 3);
	t = (struct rdesc){ r->gpa + 4096, 48, TABLE };
	if (r->packed)
		odd_chain(r, "a table in itself", &t, 1);
	else
		bad_chain(r, "a table in itself", &t, 1);
	if (!r->packed) {
		raw_good(r, d, VIRTIO_BLK_T_IN);
		d[2].flags |= NEXT;
		d[2].next = 0;
		raw_table(r, at, d, 3);
		bad_chain(r, "a circle in a table", &t, 1);
		d[2].next = 3;
		raw_table(r, at, d, 3);
		bad_chain(r, "next beyond the table", &t, 1);
	}
	t.flags |= NEXT;
	t.next = 1;
	bad_chain(r, "a table that goes on", &t, 1);
}

static void indirect(void)
{
	on_each(tables);
}

/* More pieces than the device has room for (272). */
static void too_long(void)
{
	static const u64 features[] = { INDIRECT, PACKED | INDIRECT };
	struct rdesc d[513];
	unsigned int i, n;

	for (n = 0; n < 2; n++) {
		struct vmm_cfg cfg = { .ring = features[n], .size = 512 };
		struct raw *r = raw_new(&cfg);
		struct rdesc t = { r->gpa + 4096, 0, TABLE };

		need(vmm_enable(r->v, 0, true));
		for (i = 0; i < 513; i++)
			d[i] = (struct rdesc){ r->gpa + 512, 1,
					       NEXT | (i ? WRITE : 0), i + 1 };
		d[0] = (struct rdesc){ r->gpa, 16, NEXT, 1 };
		d[511].flags &= ~NEXT;
		raw_table(r, r->mem + 4096, d, 512);
		t.len = 512 * 16;
		bad_chain(r, "a table of 512", &t, 1);
		raw_free(r);
	}
}

/* ------------------------------------------------- the split ring alone */

static struct raw *split(unsigned int size)
{
	struct vmm_cfg cfg = { .size = size };
	struct raw *r = raw_new(&cfg);

	need(vmm_enable(r->v, 0, true));
	return r;
}

static void bad_32(void)
{
	struct raw *r = split(SIZE);
	static const u16 jumps[] = { SIZE + 1, 0x7fff, 0x8000, 0xffff };
	unsigned int i;

	for (i = 0; i < 4; i++) {
		r->avail->idx = htole16(jumps[i]);
		raw_kick(r);
		raw_expect_broken(r, "an index that jumps");
	}
	raw_expect_alive(r, "after jumps");
}

static void index_backwards(void)
{
	struct raw *r = split(SIZE);

	raw_expect_alive(r, "at first");
	raw_expect_alive(r, "again");
	r->avail->idx = htole16(1);
	raw_kick(r);
	raw_expect_broken(r, "an index that goes back");
}

static void heads(void)
{
	struct raw *r = split(SIZE);
	static const u16 bad[] = { SIZE, SIZE + 1, 0x7fff, 0x8000, 0xffff };
	struct rdesc d[3];
	unsigned int i;

	for (i = 0; i < 5; i++) {
		raw_good(r, d, VIRTIO_BLK_T_IN);
		r->desc[0] = (struct vring_desc){ htole64(d[0].addr), htole32(d[0].len),
						  0, 0 };
		r->avail->ring[r->at % SIZE] = htole16(bad[i]);
		r->avail->idx = htole16(++r->at);
		raw_kick(r);
		if (!raw_expect_broken(r, "a head beyond the ring"))
			return;
	}
}

/* The same head again and again: as many requests as the ring has entries. */
static void same_head(void)
{
	struct raw *r = split(SIZE);
	struct rdesc d[3];
	unsigned int i;

	raw_good(r, d, VIRTIO_BLK_T_IN);
	for (i = 0; i < SIZE; i++)
		raw_put(r, d, 3);
	raw_kick(r);
	/* Harmless to the host: they are served, or the ring breaks. */
	if (!wait_until(raw_used(r) == SIZE, 3000))
		raw_expect_broken(r, "one head many times");
	else
		raw_expect_alive(r, "one head many times");
}

/* -------------------------------------------------- requests, not rings */

/* A chain that cannot carry a status: the ring breaks, or goes on without it. */
static void formless(struct raw *r, const char *kind)
{
	struct rdesc d[3];
	unsigned int i, n;

	for (i = 0; i < 5; i++) {
		unsigned int before = raw_used(r);

		raw_good(r, d, VIRTIO_BLK_T_IN);
		n = 3;
		switch (i) {
		case 0:		/* nothing writable */
			d[1].flags = 0;
			n = 2;
			break;
		case 1:		/* no header: all writable */
			d[0].flags |= WRITE;
			break;
		case 2:		/* half a header */
			d[0].len = 8;
			break;
		case 3:		/* a header alone */
			d[0].flags = 0;
			n = 1;
			break;
		case 4:		/* a table's worth of a header for a write of nothing */
			d[0].len = 17;
			break;
		}
		raw_put(r, d, n);
		raw_kick(r);
		expect(wait_until(raw_used(r) != before || event_wait(r->q->err, 0),
				  3000), "%s: case %u: neither answered nor broken",
		       kind, i);
		expect(d[n - 1].flags & WRITE || r->mem[1024] == STATUS_NONE,
		       "%s: case %u: a status where none belongs", kind, i);
		if (!raw_recover(r, kind))
			return;
	}
}

static void bad_38(void)
{
	on_each(formless);
}

/* The header split into bytes is no fault (spec 2.7.4: framing is free). */
static void header_in_bytes(void)
{
	struct vmm_cfg cfg = { .ring = PACKED, .size = 32 };
	struct raw *r = raw_new(&cfg);
	struct rdesc d[18];
	unsigned int i;

	need(vmm_enable(r->v, 0, true));
	raw_good(r, d, VIRTIO_BLK_T_IN);
	for (i = 0; i < 16; i++)
		d[i] = (struct rdesc){ r->gpa + i, 1, NEXT };
	d[16] = (struct rdesc){ r->gpa + 512, SECTOR, NEXT | WRITE };
	d[17] = (struct rdesc){ r->gpa + 1024, 1, WRITE };
	raw_put(r, d, 18);
	raw_kick(r);
	expect(wait_until(raw_used(r), 3000), "not served");
	expect(r->mem[1024] == VIRTIO_BLK_S_OK, "status %u", r->mem[1024]);
}

/* Data of 4 GiB in one chain: refused, by status or by breaking. */
static void bad_37(void)
{
	struct vmm_cfg cfg = { .ring = INDIRECT, .size = 256, .memory = 64 << 20 };
	struct raw *r = raw_new(&cfg);
	struct rdesc d[200], t = { r->gpa + 4096, 200 * 16, TABLE };
	unsigned int i;

	need(vmm_enable(r->v, 0, true));
	raw_good(r, d, VIRTIO_BLK_T_IN);
	for (i = 1; i < 199; i++)
		d[i] = (struct rdesc){ 0, 32 << 20, NEXT | WRITE, i + 1 };
	d[199] = (struct rdesc){ r->gpa + 1024, 1, WRITE };
	raw_table(r, r->mem + 4096, d, 200);
	raw_put(r, &t, 1);
	raw_kick(r);
	expect(wait_until(raw_used(r) || event_wait(r->q->err, 0), 5000),
	       "neither answered nor broken");
	expect(r->mem[1024] != VIRTIO_BLK_S_OK, "6 GiB were read");
	raw_recover(r, "after 6 GiB");
}

/* A guest that kicks without end, and one that always has more. */
static void bad_06_weight(void)
{
	struct vmm_cfg cfg = { .queues = 2, .size = 256 };
	struct raw r = { 0 };
	struct vmm *v = vmm_start_new(&cfg);
	struct rng rng = rng_for("weight", 0);
	struct breq *req = breq_new(v->g);
	struct parley_vq_addr addr;
	u64 end, served = 0;
	struct rdesc d[3];
	unsigned int i;
	u16 idx;

	/* Queue 0 always has 200 more. */
	queue_addr(v->q[0], &addr);
	r.v = v;
	r.q = v->q[0];
	r.desc = guest_ptr(v->g, addr.desc, 1);
	r.avail = guest_ptr(v->g, addr.driver, 1);
	r.used = guest_ptr(v->g, addr.device, 1);
	r.gpa = guest_alloc(v->g, RAW_MEM);
	r.mem = guest_ptr(v->g, r.gpa, RAW_MEM);
	raw_good(&r, d, VIRTIO_BLK_T_IN);
	for (i = 0; i < 255; i++)
		r.desc[i] = (struct vring_desc){
			htole64(d[i % 3].addr), htole32(d[i % 3].len),
			htole16(d[i % 3].flags), htole16(i + 1) };
	for (i = 0; i < 256; i++)
		r.avail->ring[i] = htole16(i % 85 * 3);
	req->type = VIRTIO_BLK_T_GET_ID;
	req->bytes = 20;
	for (end = now_ms() + 1000; now_ms() < end; served++) {
		idx = le16toh(READ_ONCE(r.used->idx));
		WRITE_ONCE(r.avail->idx, htole16(idx + 200));
		queue_kick(v->q[0]);
		want(breq_run(v->q[1], req, SHAPE_PLAIN, &rng), VIRTIO_BLK_S_OK);
	}
	expect(!event_wait(v->q[0]->err, 0), "a busy ring broke");
	note("%llu requests beside a full ring", (unsigned long long)served);
	expect(served > 5, "the other queue starves");
	need(vmm_enable(v, 0, false));
}

static const struct test tests[] = {
	{ "bad_05-regions", bad_05, 60 },
	{ "adjacent-regions", adjacent_regions, 30 },
	{ "bad_07_31-empty", bad_07, 30 },
	{ "readable-after-writable", readable_after_writable, 30 },
	{ "bad_06-loops", bad_06_loops, 60 },
	{ "bad_06-weight", bad_06_weight, 30 },
	{ "indirect", indirect, 60 },
	{ "bad_01-too-long", too_long, 30 },
	{ "bad_32-index-jumps", bad_32, 30 },
	{ "index-backwards", index_backwards, 30 },
	{ "bad_02-heads", heads, 30 },
	{ "same-head", same_head, 30 },
	{ "bad_38-formless", bad_38, 60 },
	{ "header-in-bytes", header_in_bytes, 30 },
	{ "bad_37-lengths", bad_37, 30 },
	{ NULL },
};

const struct group group_hostile = { "hostile", "rings written by hand", tests };
