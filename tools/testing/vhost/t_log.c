// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log, held against memory: whatever the device changed is marked.
 */
#include <sys/mman.h>
#include <unistd.h>
#include "disk.h"
#include "groups.h"
#include "load.h"
#include "raw.h"

#define LOG_ALL	BIT_ULL(VHOST_F_LOG_ALL)

/**
 * struct dirty - a dirty log and what was collected from it
 * @bits: shared with the device
 * @seen: all that was ever taken from it
 * @bytes: of each
 */
struct dirty {
	struct vmm *v;
	u8 *bits, *seen;
	u64 bytes;
};

/* As QEMU does: a bit for each page, in words, begun anywhere. */
static struct dirty *dirty_new(struct vmm *v, unsigned int shift)
{
	struct dirty *d = calloc(1, sizeof(*d));
	u64 size;

	d->v = v;
	d->bytes = (guest_top(v->g) / PAGE + 63) / 64 * 8;
	size = (d->bytes + shift + 2 * PAGE) & ~(PAGE - 1);
	d->bits = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(d->bits != MAP_FAILED, "no memory");
	d->bits += shift;
	d->seen = calloc(1, d->bytes);
	return d;
}

static void log_to(struct dirty *d, bool on)
{
	u64 base = on ? (uintptr_t)d->bits : 0;

	need(vio(d->v->fd, VHOST_SET_LOG_BASE, &base));
}

static void log_on(struct vmm *v, bool on)
{
	u64 f = v->features | (on ? LOG_ALL : 0);

	need(vio(v->fd, VHOST_SET_FEATURES, &f));
}

/* Take the bits away as a migration does: exchange, then look at the pages. */
static void collect(struct dirty *d)
{
	u64 i;

	for (i = 0; i < d->bytes; i++)
		if (READ_ONCE(d->bits[i]))
			d->seen[i] |= __atomic_exchange_n(&d->bits[i], 0, __ATOMIC_SEQ_CST);
}

static bool marked(const struct dirty *d, u64 gpa)
{
	return d->seen[gpa / PAGE / 8] >> (gpa / PAGE % 8) & 1;
}

/* Begin to look now. */
static void forget(struct dirty *d)
{
	collect(d);
	memset(d->seen, 0, d->bytes);
}

static unsigned int count(const struct dirty *d)
{
	unsigned int n = 0;
	u64 i;

	for (i = 0; i < d->bytes; i++)
		n += __builtin_popcount(d->seen[i]);
	return n;
}

/* Is there guest memory behind every bit that is set? */
static void no_stray(const struct dirty *d)
{
	u64 page;

	for (page = 0; page < d->bytes * 8; page++)
		if (marked(d, page * PAGE) &&
		    !expect(guest_ptr(d->v->g, page * PAGE, PAGE),
			    "page %#llx is no memory", (unsigned long long)page))
			return;
}

/* ------------------------------------------- one request, exactly known */

static void one_request(u64 ring, enum layout layout, unsigned int shift)
{
	struct vmm_cfg cfg = { .ring = ring, .layout = layout };
	struct vmm *v = vmm_new(&cfg);
	struct dirty *d = dirty_new(v, shift);
	struct rng rng = rng_for("log", ring);
	struct breq *r = breq_new(v->g);
	struct parley_vq_addr addr;
	unsigned int i;

	log_to(d, true);
	log_on(v, true);
	vmm_enable_all(v, true);
	queue_addr(v->q[0], &addr);
	r->type = VIRTIO_BLK_T_IN;
	r->bytes = 3 * PAGE;
	want(breq_run(v->q[0], r, SHAPE_PAGES, &rng), VIRTIO_BLK_S_OK);
	/* Logged before it was published. */
	collect(d);
	for (i = r->n_out; i < r->n_out + r->n_in; i++) {
		u64 at = r->segs[i].addr, last = at + r->segs[i].len - 1;

		expect(marked(d, at) && marked(d, last), "piece %u is not marked", i);
	}
	expect(marked(d, ring & PACKED ? addr.desc : addr.device) ||
	       wait_until((collect(d), marked(d, ring & PACKED ? addr.desc : addr.device)),
			  1000), "the ring is not marked");
	expect(!marked(d, r->segs[0].addr), "a page that was only read is marked");
	no_stray(d);
	note("%u pages are marked", count(d));
	vmm_free(v);
}

static void bad_17(void)
{
	one_request(EVENT, LAYOUT_FLAT, 0);
	one_request(PACKED, LAYOUT_FLAT, 0);
	one_request(EVENT | INDIRECT, LAYOUT_HOLES, 0);
	one_request(PACKED | INDIRECT, LAYOUT_HOLES, 0);
	/* A bitmap that begins inside a page. */
	one_request(EVENT, LAYOUT_HOLES, 808);
}

/* More pages than the request has descriptors (bad_01). */
static void bad_01(void)
{
	struct vmm_cfg cfg = { .ring = EVENT | INDIRECT, .size = 256, .segs = 256,
			       .layout = LAYOUT_HOLES };
	struct vmm *v = vmm_new(&cfg);
	struct dirty *d = dirty_new(v, 0);
	struct rng rng = rng_for("log", 1);
	struct breq *r = breq_new(v->g);
	unsigned int shape, i;
	u64 at;

	log_to(d, true);
	log_on(v, true);
	vmm_enable_all(v, true);
	for (shape = 0; shape < SHAPES; shape++) {
		memset(d->seen, 0, d->bytes);
		collect(d);
		memset(d->seen, 0, d->bytes);
		r->type = VIRTIO_BLK_T_IN;
		r->bytes = REQ_BYTES_MAX;
		want(breq_run(v->q[0], r, shape, &rng), VIRTIO_BLK_S_OK);
		collect(d);
		for (i = r->n_out; i < r->n_out + r->n_in; i++)
			for (at = r->segs[i].addr & ~(PAGE - 1);
			     at < r->segs[i].addr + r->segs[i].len; at += PAGE)
				expect(marked(d, at), "shape %u: %#llx is not marked", shape,
				       (unsigned long long)at);
	}
	no_stray(d);
	vmm_free(v);
}

/* The same memory under two names: both are dirty. */
static void aliases(void)
{
	struct vmm_cfg cfg = { .ring = EVENT, .layout = LAYOUT_ALIAS };
	struct raw *r = raw_new(&cfg);
	struct dirty *d = dirty_new(r->v, 0);
	struct guest_region *first = &r->v->g->r[1];
	struct guest_region *alias = &r->v->g->r[r->v->g->nr - 1];
	struct rdesc desc[3];
	u64 off = first->size - PAGE;
	struct vhost_memory *t = guest_table(r->v->g);

	/* One host address for both, as a VMM with one mapping has it. */
	t->regions[r->v->g->nr - 1].userspace_addr = (uintptr_t)first->hva;
	need(vio(r->v->fd, VHOST_SET_MEM_TABLE, t));
	log_to(d, true);
	log_on(r->v, true);
	need(vmm_enable(r->v, 0, true));
	raw_good(r, desc, VIRTIO_BLK_T_IN);
	desc[1].addr = alias->gpa + off;
	raw_put(r, desc, 3);
	raw_kick(r);
	must(wait_until(raw_used(r) == 1, 3000), "not served");
	collect(d);
	expect(marked(d, alias->gpa + off), "the name that was used is not marked");
	expect(marked(d, first->gpa + off), "the other name is not marked");
	raw_free(r);
}

/* ---------------------------------------------- a migration under load */

static u8 *copy_of(struct guest *g)
{
	u8 *all = malloc(g->size);

	must(pread(g->memfd, all, g->size, 0) == g->size, "cannot read the guest");
	return all;
}

/*
 * A load in which the device alone writes: reads into arenas that the driver
 * does not touch while it looks.  What differs between two looks at memory must
 * be marked in between.
 */
static void memory_difference(u64 ring, const char *disk)
{
	struct vmm_cfg cfg = { .ring = ring, .disk = disk, .memory = 8 << 20 };
	struct vmm *v = vmm_new(&cfg);
	struct dirty *d = dirty_new(v, 0);
	struct rng rng = rng_for("difference", ring);
	struct breq *r[16], *done;
	unsigned int i, round, n, missing = 0;
	u8 *before, *after;
	u64 at;

	log_to(d, true);
	log_on(v, true);
	vmm_enable_all(v, true);
	for (i = 0; i < 16; i++)
		r[i] = breq_new(v->g);
	for (round = 0; round < 4 && !failed(); round++) {
		/* A disk with something to read. */
		r[0]->type = VIRTIO_BLK_T_OUT;
		r[0]->bytes = REQ_BYTES_MAX;
		r[0]->sector = round * (REQ_BYTES_MAX / SECTOR);
		for (at = 0; at < REQ_BYTES_MAX; at++)
			r[0]->data[at] = rng_next(&rng);
		want(breq_run(v->q[0], r[0], SHAPE_PLAIN, &rng), 0);
		for (i = 0; i < 16; i++) {
			r[i]->type = VIRTIO_BLK_T_IN;
			r[i]->bytes = SECTOR * rng_between(&rng, 1, 64);
			r[i]->sector = rng_below(&rng, 64 * (round + 1));
			breq_build(r[i], rng_below(&rng, SHAPES), 20, &rng);
		}
		v->q[0]->muted = true;
		need(vmm_enable(v, 0, false));
		for (n = 0; n < 16 && !breq_put(v->q[0], r[n]); n++)
			;
		breq_publish(v->q[0]);
		parley_drvq_disarm(v->q[0]->drv);
		v->q[0]->muted = false;
		collect(d);
		memset(d->seen, 0, d->bytes);
		before = copy_of(v->g);
		need(vmm_enable(v, 0, true));
		must(wait_until(parley_drvq_pending(v->q[0]->drv), 5000), "not served");
		need(vmm_enable(v, 0, false));
		after = copy_of(v->g);
		collect(d);
		for (at = 0; at < v->g->size; at += PAGE) {
			if (!memcmp(before + at, after + at, PAGE) ||
			    marked(d, at))
				continue;
			missing++;
			expect(missing > 3, "page %#llx changed and is not marked",
			       (unsigned long long)at);
		}
		free(before);
		free(after);
		need(vmm_enable(v, 0, true));
		while (n)
			n -= wait_until(breq_reap(v->q[0], &done, 1), 5000) ? 1 : n;
		must(!v->q[0]->flight, "%u requests are lost", v->q[0]->flight);
	}
	expect(!missing, "%u pages changed and are not marked", missing);
	vmm_free(v);
}

static void bad_33(void)
{
	memory_difference(EVENT, NULL);
	memory_difference(PACKED, NULL);
	memory_difference(EVENT | INDIRECT | IN_ORDER, NULL);
	memory_difference(PACKED | INDIRECT | IN_ORDER, disk_file());
	memory_difference(EVENT, disk_slow());
}

/*
 * A migration: rounds of exchange and copy while the load goes on, then a stop
 * and the rest.  The copy must be the memory, for what the device wrote.
 */
static void live(u64 ring)
{
	struct vmm_cfg cfg = { .ring = ring, .queues = 2, .layout = LAYOUT_HOLES };
	struct vmm *v = vmm_start_new(&cfg);
	struct dirty *d = dirty_new(v, 0);
	struct load *l = load_new(v, 8);
	unsigned int round, i;
	u32 base[2];
	u64 before;

	load_start(l);
	load_for(l, 30);
	log_to(d, true);
	log_on(v, true);
	for (round = 0; round < 10 && !failed(); round++) {
		load_for(l, 10);
		collect(d);
	}
	for (i = 0; i < 2; i++) {
		need(vmm_enable(v, i, false));
		need(vmm_base(v, i, &base[i]));
	}
	collect(d);
	before = count(d);
	expect(before > 16, "a load marked %llu pages", (unsigned long long)before);
	no_stray(d);
	/* Nothing runs: nothing is marked. */
	memset(d->seen, 0, d->bytes);
	sleep_ms(20);
	collect(d);
	expect(!count(d), "a stopped device marked %u pages", count(d));
	for (i = 0; i < 2; i++) {
		need(vmm_set_base(v, i, base[i]));
		need(vmm_enable(v, i, true));
	}
	load_for(l, 20);
	load_end(l);
	log_on(v, false);
	log_to(d, false);
	collect(d);
	memset(d->seen, 0, d->bytes);
	load_run(v, 4, 30);
	collect(d);
	expect(!count(d), "without a log %u pages are marked", count(d));
	load_free(l);
	vmm_free(v);
}

static void live_migration(void)
{
	live(EVENT);
	live(PACKED | EVENT | INDIRECT);
}

/*
 * On and off, and elsewhere, under load (bad_18): as soon as a call has returned, all
 * that is written is marked in the log that it names, and nothing in another one.
 */
static void bad_18(void)
{
	struct vmm_cfg cfg = { .ring = EVENT, .queues = 2, .workers = 2 };
	struct vmm *v = vmm_start_new(&cfg);
	struct dirty *d[2] = { dirty_new(v, 0), dirty_new(v, 8) };
	struct rng rng = rng_for("toggle", 0);
	struct load *l = load_new(v, 8);
	unsigned int i, turned_on = 0;
	int log = event_new();

	load_start(l);
	need(vio(v->fd, VHOST_SET_LOG_FD, &log));
	for (i = 0; i < 60 && !failed(); i++) {
		unsigned int to = rng_below(&rng, 2);
		bool on = rng_chance(&rng, 70);
		u64 before;

		log_to(d[to], true);
		log_on(v, on);
		forget(d[0]);
		forget(d[1]);
		before = load_done(l);
		/* More than are in flight. */
		must(wait_until(load_done(l) >= before + 64, 5000), "the load stands still");
		collect(d[0]);
		collect(d[1]);
		expect(!count(d[to]) == !on, "on is %u, %u pages are marked", on,
		       count(d[to]));
		expect(!count(d[!to]), "%u pages are marked in the log before",
		       count(d[!to]));
		turned_on += on;
	}
	expect(turned_on && turned_on < i, "never on, or never off");
	log_on(v, false);
	log_to(d[0], false);
	load_for(l, 20);
	load_end(l);
	expect(event_wait(log, 0), "the log's eventfd was never signalled");
	load_free(l);
	vmm_free(v);
}

/* A log that cannot be written is said to the VMM; no memory is harmed. */
static void log_gone(void)
{
	struct vmm_cfg cfg = { .ring = EVENT };
	struct vmm *v = vmm_start_new(&cfg);
	u64 base = 0xffff888000000000;
	struct dirty *d = dirty_new(v, 0);
	u8 data[512];

	want(vio(v->fd, VHOST_SET_LOG_BASE, &base), -EFAULT);
	base = ~0ull - 4095;
	want(vio(v->fd, VHOST_SET_LOG_BASE, &base), -EFAULT);
	want(vio(v->fd, VHOST_SET_LOG_BASE, (void *)8), -EFAULT);
	log_to(d, true);
	log_on(v, true);
	munmap(d->bits, d->bytes);
	blk_do(v->q[0], v->g, VIRTIO_BLK_T_IN, 0, data, 512);
	expect(event_wait(v->q[0]->err, 3000), "nobody was told");
	vmm_free(v);
}

static const struct test tests[] = {
	{ "bad_17-buffers-and-rings", bad_17, 30 },
	{ "bad_01-more-pages-than-descriptors", bad_01, 30 },
	{ "aliases", aliases, 30 },
	{ "bad_33-memory-difference", bad_33, 60 },
	{ "live-migration", live_migration, 60 },
	{ "bad_18-toggled-under-load", bad_18, 30 },
	{ "log-gone", log_gone, 30 },
	{ NULL },
};

const struct group group_log = { "log", "the dirty log against memory", tests };
