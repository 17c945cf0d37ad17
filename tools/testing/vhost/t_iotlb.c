// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device IOMMU: misses, translations, and what a VMM may do to them.  The
 * guest's addresses are I/O addresses; its physical ones lie elsewhere.
 */
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include "disk.h"
#include "groups.h"
#include "load.h"
#include "raw.h"

#define IOMMU	BIT_ULL(VIRTIO_F_ACCESS_PLATFORM)
#define V2	BIT_ULL(VHOST_BACKEND_F_IOTLB_MSG_V2)
#define PHYS	(16ull << 30)	/* physical addresses minus I/O addresses */

/**
 * struct mmu - an IOMMU, emulated by a thread
 * @v: device
 * @v2: messages are of version 2
 * @pages: most pages of one translation
 * @blind: misses are read and not answered
 * @stop: end
 * @misses: so far
 */
struct mmu {
	struct vmm *v;
	bool v2;
	unsigned int pages;
	bool blind;
	bool stop;
	u64 misses;
	struct rng rng;
	pthread_t thread;
};

static long message(struct vmm *v, bool v2, const struct vhost_iotlb_msg *iotlb)
{
	struct vhost_msg_v2 m2 = { .type = VHOST_IOTLB_MSG_V2, .iotlb = *iotlb };
	struct vhost_msg m1 = { .type = VHOST_IOTLB_MSG, .iotlb = *iotlb };
	ssize_t n = v2 ? write(v->fd, &m2, sizeof(m2)) :
			 write(v->fd, &m1, sizeof(m1));

	return n < 0 ? -errno : n == sizeof(m1) ? 0 : -EIO;
}

static long map(struct vmm *v, bool v2, u64 iova, u64 size, void *hva, u8 perm)
{
	struct vhost_iotlb_msg m = {
		.iova = iova, .size = size, .uaddr = (uintptr_t)hva,
		.perm = perm, .type = VHOST_IOTLB_UPDATE,
	};

	return message(v, v2, &m);
}

static long unmap(struct vmm *v, bool v2, u64 iova, u64 size)
{
	struct vhost_iotlb_msg m = {
		.iova = iova, .size = size, .type = VHOST_IOTLB_INVALIDATE,
	};

	return message(v, v2, &m);
}

static void answer(struct mmu *m, const struct vhost_iotlb_msg *miss)
{
	u64 iova = miss->iova & ~(PAGE - 1);
	u64 size = PAGE * rng_between(&m->rng, 1, m->pages);
	void *hva;

	m->misses++;
	expect(miss->type == VHOST_IOTLB_MISS, "message of type %u", miss->type);
	expect(miss->perm == VHOST_ACCESS_RO || miss->perm == VHOST_ACCESS_WO ||
	       miss->perm == VHOST_ACCESS_RW, "a miss for access %u", miss->perm);
	if (m->blind)
		return;
	while (!(hva = guest_ptr(m->v->g, iova, size)) && size > PAGE)
		size -= PAGE;
	if (hva)
		want(map(m->v, m->v2, iova, size, hva, VHOST_ACCESS_RW), 0);
}

static bool next_miss(struct mmu *m, struct vhost_iotlb_msg *miss, int ms)
{
	struct pollfd p = { m->v->fd, POLLIN };
	union {
		struct vhost_msg v1;
		struct vhost_msg_v2 v2;
	} msg;
	ssize_t n;

	if (poll(&p, 1, ms) != 1)
		return false;
	n = read(m->v->fd, &msg, sizeof(msg));
	if (n < 0)
		return false;
	expect(n == sizeof(msg), "%zd bytes read", n);
	expect(msg.v1.type == (m->v2 ? VHOST_IOTLB_MSG_V2 : VHOST_IOTLB_MSG),
	       "a message of version %d", msg.v1.type);
	*miss = m->v2 ? msg.v2.iotlb : msg.v1.iotlb;
	return true;
}

static void *run(void *priv)
{
	struct mmu *m = priv;
	struct vhost_iotlb_msg miss;

	while (!READ_ONCE(m->stop))
		if (next_miss(m, &miss, 20))
			answer(m, &miss);
	return NULL;
}

/* The memory table says physical addresses: for the dirty log. */
static void set_phys(struct vmm *v)
{
	struct vhost_memory *t = guest_table(v->g);
	unsigned int i;

	for (i = 0; i < t->nregions; i++)
		t->regions[i].guest_phys_addr += PHYS;
	need(vio(v->fd, VHOST_SET_MEM_TABLE, t));
	free(t);
}

static struct mmu *mmu_new(struct vmm_cfg cfg, bool v2)
{
	struct mmu *m = calloc(1, sizeof(*m));

	cfg.ring |= IOMMU;
	cfg.backend_features = v2 ? V2 : 0;
	m->v = vmm_new(&cfg);
	m->v2 = v2;
	m->pages = 4;
	m->rng = rng_for("mmu", cfg.ring);
	fcntl(m->v->fd, F_SETFL, O_NONBLOCK);
	if (!cfg.no_table)
		set_phys(m->v);
	return m;
}

static void mmu_start(struct mmu *m)
{
	must(!pthread_create(&m->thread, NULL, run, m), "no thread");
	vmm_enable_all(m->v, true);
}

static void mmu_free(struct mmu *m)
{
	WRITE_ONCE(m->stop, true);
	pthread_join(m->thread, NULL);
	vmm_free(m->v);
	free(m);
}

/* ---------------------------------------------------------------- loads */

static void kinds(bool v2)
{
	const struct ring_kind *k;
	struct mmu *m;

	for_each_kind(k) {
		m = mmu_new((struct vmm_cfg){ .ring = k->features, .queues = 2,
					      .layout = LAYOUT_HOLES }, v2);
		m->pages = 64;
		mmu_start(m);
		load_run(m->v, 8, 200);
		expect(m->misses, "%s: no misses", k->name);
		mmu_free(m);
	}
}

static void misses_v1(void)
{
	kinds(false);
}

static void misses_v2(void)
{
	kinds(true);
}

/* The guest unmaps at random, also what the rings lie in; nothing is lost. */
static void invalidate(u64 ring, bool rings_too)
{
	struct mmu *m = mmu_new((struct vmm_cfg){ .ring = ring, .queues = 2 }, true);
	struct rng rng = rng_for("invalidate", ring);
	struct load *l;
	u64 first = rings_too ? 0 : 2 << 20, at;
	unsigned int i;

	m->pages = 32;
	mmu_start(m);
	l = load_new(m->v, 8);
	load_start(l);
	for (i = 0; i < 60 && !failed(); i++) {
		at = first + PAGE * rng_below(&rng, (m->v->g->size - first) / PAGE);
		want(unmap(m->v, true, at, PAGE * rng_between(&rng, 1, 256)), 0);
		if (rings_too && rng_chance(&rng, 20))
			want(unmap(m->v, true, 0, m->v->g->size), 0);
		sleep_ms(rng_below(&rng, 6));
	}
	load_for(l, 50);
	load_end(l);
	load_free(l);
	mmu_free(m);
}

static void invalidate_buffers(void)
{
	invalidate(EVENT, false);
	invalidate(PACKED | EVENT | INDIRECT, false);
}

static void invalidate_rings(void)
{
	invalidate(EVENT, true);
	invalidate(PACKED | EVENT, true);
	invalidate(PACKED | INDIRECT | IN_ORDER, true);
}

/* More translations than are kept. */
static void flood(void)
{
	struct mmu *m = mmu_new((struct vmm_cfg){ .ring = EVENT }, true);
	struct load *l;
	unsigned int i;

	m->pages = 16;
	mmu_start(m);
	l = load_new(m->v, 8);
	load_start(l);
	for (i = 0; i < 2200 && !failed(); i++) {
		u64 iova = (1ull << 40) + i * 2 * PAGE;

		want(map(m->v, true, iova, PAGE, m->v->g->r[0].hva, VHOST_ACCESS_RW), 0);
	}
	load_for(l, 100);
	load_end(l);
	load_free(l);
	mmu_free(m);
}

/* ------------------------------------------------------- one by one */

static void map_all(struct mmu *m, u8 perm)
{
	struct guest_region *r = &m->v->g->r[0];

	want(map(m->v, m->v2, r->gpa, r->size, r->hva, perm), 0);
}

/* After an invalidation the old place is not written any more. */
static void remap(void)
{
	struct mmu *m = mmu_new((struct vmm_cfg){ .ring = EVENT }, true);
	struct guest *g = m->v->g;
	struct breq *r = breq_new(g);
	struct rng rng = rng_for("remap", 0);
	u64 iova = 1ull << 41, places[2];
	u8 *mem[2], zero[PAGE];
	unsigned int i;

	memset(zero, 0, sizeof(zero));
	mmu_start(m);
	map_all(m, VHOST_ACCESS_RW);
	for (i = 0; i < 2; i++) {
		places[i] = guest_alloc(g, PAGE);
		mem[i] = guest_ptr(g, places[i], PAGE);
	}
	r->type = VIRTIO_BLK_T_OUT;
	r->bytes = PAGE;
	memset(r->data, 0, PAGE);
	want(breq_run(m->v->q[0], r, SHAPE_PLAIN, &rng), 0);
	for (i = 0; i < 10 && !failed(); i++) {
		u8 *here = mem[i % 2], *there = mem[(i + 1) % 2];
		struct parley_done d;

		memset(here, 0xaa, PAGE);
		memset(there, 0xbb, PAGE);
		want(unmap(m->v, true, iova, PAGE), 0);
		want(map(m->v, true, iova, PAGE, here, VHOST_ACCESS_RW), 0);
		r->type = VIRTIO_BLK_T_IN;
		breq_build(r, SHAPE_PLAIN, 4, &rng);
		r->segs[1].addr = iova;
		want(breq_put(m->v->q[0], r), 0);
		breq_publish(m->v->q[0]);
		must(wait_until(parley_drvq_pending(m->v->q[0]->drv), 5000), "lost");
		expect(!memcmp(here, zero, PAGE), "the data is not where it belongs");
		expect(there[0] == 0xbb && there[PAGE - 1] == 0xbb,
		       "the place of before was written");
		must(parley_drvq_reap(m->v->q[0]->drv, &d, 1) == 1, "lost");
		m->v->q[0]->flight--;
	}
	mmu_free(m);
}

/* Read-only memory is not written: the device asks for more. */
static void permissions(void)
{
	struct mmu *m = mmu_new((struct vmm_cfg){ .ring = EVENT }, true);
	struct raw r = { .v = m->v, .q = m->v->q[0] };
	struct guest *g = m->v->g;
	struct vhost_iotlb_msg miss = { 0 };
	u64 iova = 1ull << 41;
	struct parley_vq_addr addr;
	struct rdesc d[3];
	u8 *page;
	u64 gpa;

	queue_addr(r.q, &addr);
	r.desc = guest_ptr(g, addr.desc, 1);
	r.avail = guest_ptr(g, addr.driver, 1);
	r.used = guest_ptr(g, addr.device, 1);
	r.gpa = guest_alloc(g, RAW_MEM);
	r.mem = guest_ptr(g, r.gpa, RAW_MEM);
	gpa = guest_alloc(g, PAGE);
	page = guest_ptr(g, gpa, PAGE);
	map_all(m, VHOST_ACCESS_RW);
	want(map(m->v, true, iova, PAGE, page, VHOST_ACCESS_RO), 0);
	vmm_enable_all(m->v, true);
	raw_good(&r, d, VIRTIO_BLK_T_IN);
	memset(page, 0xaa, PAGE);
	d[1].addr = iova;
	raw_put(&r, d, 3);
	raw_kick(&r);
	expect(next_miss(m, &miss, 3000 * patience), "no miss");
	expect(miss.iova == iova && miss.perm & VHOST_ACCESS_WO,
	       "asked for %#llx, access %u", (unsigned long long)miss.iova, miss.perm);
	sleep_ms(20);
	expect(page[0] == 0xaa && !raw_used(&r), "read-only memory was written");
	want(map(m->v, true, iova, PAGE, page, VHOST_ACCESS_RW), 0);
	expect(wait_until(raw_used(&r) == 1, 3000), "not served");
	expect(page[0] != 0xaa && r.mem[1024] == 0, "not written");
	/* Write-only memory is not read. */
	want(map(m->v, true, iova, PAGE, page, VHOST_ACCESS_WO), 0);
	raw_good(&r, d, VIRTIO_BLK_T_OUT);
	d[1].addr = iova;
	raw_put(&r, d, 3);
	raw_kick(&r);
	/* A ring that was served again before the last answer may have asked twice. */
	do {
		must(next_miss(m, &miss, 3000 * patience) && miss.iova == iova,
		     "no miss for reading, the last for %#llx", (unsigned long long)miss.iova);
	} while (!(miss.perm & VHOST_ACCESS_RO));
	expect(raw_used(&r) == 1, "write-only memory was read");
	need(vmm_enable(m->v, 0, false));
}

/* A VMM that never answers: everything stops all the same. */
static void never_answered(void)
{
	struct mmu *m = mmu_new((struct vmm_cfg){ .ring = EVENT, .queues = 4 }, false);
	struct breq *r = breq_new(m->v->g);
	struct rng rng = rng_for("never", 0);
	u64 start = now_ms();

	m->blind = true;
	mmu_start(m);
	r->type = VIRTIO_BLK_T_GET_ID;
	r->bytes = 20;
	breq_build(r, SHAPE_PLAIN, 8, &rng);
	want(breq_put(m->v->q[0], r), 0);
	breq_publish(m->v->q[0]);
	expect(wait_until(m->misses, 3000), "no misses");
	vmm_enable_all(m->v, false);
	expect(now_ms() - start < 5000 * patience, "stopping took %llu ms",
	       (unsigned long long)(now_ms() - start));
	vmm_enable_all(m->v, true);
	mmu_free(m);
}

/* An address behind which there is nothing: that request waits, and can go. */
static void nothing_there(void)
{
	struct mmu *m = mmu_new((struct vmm_cfg){ .ring = EVENT }, true);
	struct rng rng = rng_for("nothing", 0);
	struct breq *r = breq_new(m->v->g);
	u32 base;

	mmu_start(m);
	r->type = VIRTIO_BLK_T_IN;
	r->bytes = 512;
	breq_build(r, SHAPE_PLAIN, 8, &rng);
	r->segs[1].addr = 1ull << 50;
	want(breq_put(m->v->q[0], r), 0);
	breq_publish(m->v->q[0]);
	sleep_ms(100);
	expect(!parley_drvq_pending(m->v->q[0]->drv), "served from nowhere");
	need(vmm_enable(m->v, 0, false));
	need(vmm_base(m->v, 0, &base));
	expect(base == 0, "base is %u: the request is lost", base);
	mmu_free(m);
}

/* -------------------------------------------------------------- messages */

static void refused(struct vmm *v, const char *what, struct vhost_iotlb_msg m)
{
	expect(message(v, true, &m) < 0, "%s: taken", what);
	expect(message(v, false, &m) < 0, "%s: taken", what);
}

static void garbage(void)
{
	struct mmu *m = mmu_new((struct vmm_cfg){ .ring = EVENT }, true);
	struct vhost_iotlb_msg ok = {
		.iova = 0, .size = PAGE, .uaddr = (uintptr_t)m->v->g->r[0].hva,
		.perm = VHOST_ACCESS_RW, .type = VHOST_IOTLB_UPDATE,
	}, x;
	struct rng rng = rng_for("garbage", 0);
	char junk[200];
	unsigned int i;

	x = ok;
	x.size = 0;
	refused(m->v, "an empty update", x);
	x = ok;
	x.iova = ~0ull - PAGE + 2;
	refused(m->v, "an update that wraps", x);
	x = ok;
	x.uaddr = 0xffff888000000000;
	refused(m->v, "memory of the kernel", x);
	x = ok;
	x.uaddr = ~0ull - 100;
	refused(m->v, "memory around the end", x);
	x = ok;
	x.size = ~0ull;
	refused(m->v, "memory of 2^64", x);
	x = ok;
	x.perm = 0;
	refused(m->v, "no access", x);
	x = ok;
	x.perm = 0x80;
	refused(m->v, "unknown access", x);
	x = ok;
	x.type = VHOST_IOTLB_MISS;
	refused(m->v, "a miss", x);
	x = ok;
	x.type = 0;
	refused(m->v, "type 0", x);
	x = ok;
	x.type = 77;
	refused(m->v, "type 77", x);
	x = ok;
	x.type = VHOST_IOTLB_INVALIDATE, x.iova = ~0ull, x.size = 100;
	refused(m->v, "an invalidation that wraps", x);
	for (i = 0; i < sizeof(struct vhost_iotlb_msg); i++) {
		memset(junk, 0, sizeof(junk));
		junk[0] = VHOST_IOTLB_MSG_V2;
		expect(write(m->v->fd, junk, i) < 0, "%u bytes are a message", i);
	}
	for (i = 0; i < 500; i++) {
		unsigned int n;

		for (n = 0; n < sizeof(junk); n++)
			junk[n] = rng_next(&rng);
		junk[0] = rng_between(&rng, 0, 3);
		memset(junk + 1, 0, 3);
		if (write(m->v->fd, junk, rng_below(&rng, sizeof(junk))) > 0)
			junk[1] = 1;	/* by chance a message: allowed */
	}
	expect(write(m->v->fd, m->v->g->r[0].hva - PAGE, 72) < 0,
	       "a message from nowhere");
	/* Reading: no room, nothing there. */
	expect(read(m->v->fd, junk, 8) <= 0, "half a message was read");
	expect(read(m->v->fd, junk, 200) < 0 && errno == EAGAIN, "a message from nowhere");
	unmap(m->v, true, 0, ~0ull);
	mmu_start(m);
	load_run(m->v, 8, 100);
	mmu_free(m);
}

/* Without a device IOMMU there are no messages. */
static void not_on(void)
{
	struct vmm_cfg cfg = { .ring = EVENT };
	struct vmm *v = vmm_start_new(&cfg);
	char junk[200];
	int fd = vmm_device();

	expect(map(v, true, 0, PAGE, v->g->r[0].hva, VHOST_ACCESS_RW) < 0, "taken");
	expect(unmap(v, false, 0, PAGE) < 0, "taken");
	expect(read(v->fd, junk, 200) < 0, "read");
	memset(junk, 0, sizeof(junk));
	junk[0] = VHOST_IOTLB_MSG_V2;
	expect(write(fd, junk, sizeof(struct vhost_msg_v2)) < 0,
	       "taken without an owner");
	close(fd);
	load_run(v, 8, 50);
	vmm_free(v);
}

/* Read two pages, with everything that is written logged to @log. */
static struct breq *read_logged(struct mmu *m, u8 *log, struct rng *rng)
{
	u64 f = m->v->features | BIT_ULL(VHOST_F_LOG_ALL);
	struct breq *r = breq_new(m->v->g);
	u64 base = (uintptr_t)log;

	need(vio(m->v->fd, VHOST_SET_LOG_BASE, &base));
	need(vio(m->v->fd, VHOST_SET_FEATURES, &f));
	mmu_start(m);
	r->type = VIRTIO_BLK_T_IN;
	r->bytes = 2 * PAGE;
	want(breq_run(m->v->q[0], r, SHAPE_PAGES, rng), 0);
	return r;
}

/* The dirty log is of physical addresses, whatever the driver calls them. */
static void logged(void)
{
	static const u64 rings[] = { EVENT, PACKED };
	unsigned int n, i;

	for (n = 0; n < 2; n++) {
		struct mmu *m = mmu_new((struct vmm_cfg){ .ring = rings[n] }, true);
		u64 bytes = (PHYS + m->v->g->size) / PAGE / 8, page;
		u8 *all = aligned_alloc(64, bytes);
		struct rng rng = rng_for("logged", n);
		struct breq *r;

		memset(all, 0, bytes);
		r = read_logged(m, all, &rng);
		for (i = r->n_out; i < r->n_out + r->n_in; i++) {
			page = (r->segs[i].addr + PHYS) / PAGE;
			expect(all[page / 8] >> page % 8 & 1, "piece %u is not logged", i);
		}
		for (page = 0; page < PHYS / PAGE; page++)
			if (!expect(!(all[page / 8] >> page % 8 & 1),
				    "I/O address %#llx is logged",
				    (unsigned long long)page * PAGE))
				break;
		mmu_free(m);
		free(all);
	}
}

/* With translations a ring needs no memory table, but the log does. */
static void logged_nowhere(void)
{
	static const u64 rings[] = { EVENT, PACKED };
	unsigned int n;

	for (n = 0; n < 2; n++) {
		struct mmu *m = mmu_new((struct vmm_cfg){ .ring = rings[n],
							  .no_table = true }, true);
		u8 *all = aligned_alloc(64, PAGE);
		struct rng rng = rng_for("logged nowhere", n);

		read_logged(m, all, &rng);
		expect(event_wait(m->v->q[0]->err, 3000), "nobody was told");
		mmu_free(m);
		free(all);
	}
}

static const struct test tests[] = {
	{ "misses-v1", misses_v1, 60 },
	{ "misses-v2", misses_v2, 60 },
	{ "invalidate-buffers", invalidate_buffers, 60 },
	{ "invalidate-rings", invalidate_rings, 60 },
	{ "flood", flood, 60 },
	{ "remap", remap, 30 },
	{ "permissions", permissions, 30 },
	{ "never-answered", never_answered, 30 },
	{ "nothing-there", nothing_there, 30 },
	{ "garbage", garbage, 30 },
	{ "not-on", not_on, 30 },
	{ "bad_17-logged", logged, 30 },
	{ "bad_17-logged-nowhere", logged_nowhere, 30 },
	{ NULL },
};

const struct group group_iotlb = { "iotlb", "a device IOMMU", tests };
