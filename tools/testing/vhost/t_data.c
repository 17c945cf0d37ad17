// SPDX-License-Identifier: GPL-2.0-only
/* Data: all requests, all rings, any vectors, held against a model. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "disk.h"
#include "groups.h"
#include "load.h"

#define RUN_MS	150

/* -------------------------------------------------------- the matrix */

static void each_kind(struct vmm_cfg cfg, unsigned int depth)
{
	const struct ring_kind *k;
	struct vmm *v;

	for_each_kind(k) {
		cfg.ring = k->features;
		v = vmm_start_new(&cfg);
		load_run(v, depth, RUN_MS);
		vmm_free(v);
		if (failed())
			note("with %s", k->name);
	}
}

static void one_queue(void)
{
	each_kind((struct vmm_cfg){ 0 }, 16);
}

static void four_queues(void)
{
	each_kind((struct vmm_cfg){ .queues = 4, .layout = LAYOUT_HOLES }, 12);
}

static void four_workers(void)
{
	each_kind((struct vmm_cfg){ .queues = 4, .workers = 4,
				    .layout = LAYOUT_ALIAS }, 12);
}

static void two_workers_of_kernel(void)
{
	each_kind((struct vmm_cfg){ .queues = 4, .workers = 2, .kthread = 1,
				    .layout = LAYOUT_HOLES }, 12);
}

static void small_rings(void)
{
	each_kind((struct vmm_cfg){ .size = 4, .queues = 2 }, 8);
}

static void big_ring(void)
{
	each_kind((struct vmm_cfg){ .size = 1024, .segs = 32 }, 24);
}

static void file(void)
{
	each_kind((struct vmm_cfg){ .disk = disk_file(), .queues = 2 }, 12);
}

static void file_direct(void)
{
	each_kind((struct vmm_cfg){ .disk = disk_file(), .queues = 2,
				    .disk_flags = O_DIRECT }, 12);
}

static void slow_disk(void)
{
	each_kind((struct vmm_cfg){ .disk = disk_slow(), .queues = 2 }, 16);
}

/* A packed ring may have any size (spec 2.8.10.1). */
static void odd_packed_ring(void)
{
	struct vmm_cfg cfg = { .ring = PACKED | EVENT, .size = 47 };
	struct vmm *v = vmm_start_new(&cfg);

	load_run(v, 12, RUN_MS);
	vmm_free(v);
}

/* ------------------------------------------------------- one request */

static struct vmm *v;
static struct queue *q;

static void begin(struct vmm_cfg cfg)
{
	v = vmm_start_new(&cfg);
	q = v->q[0];
}

/* Reads and writes of every length and shape, by turns. */
static void shapes(void)
{
	struct rng rng = rng_for("shapes", 0);
	struct breq *w, *r;
	unsigned int shape, sectors;

	begin((struct vmm_cfg){ .ring = EVENT | INDIRECT, .size = 256, .segs = 256 });
	w = breq_new(v->g);
	r = breq_new(v->g);
	for (sectors = 1; sectors <= REQ_BYTES_MAX / SECTOR; sectors += 9) {
		for (shape = 0; shape < SHAPES; shape++) {
			w->type = VIRTIO_BLK_T_OUT;
			r->type = VIRTIO_BLK_T_IN;
			w->sector = rng_below(&rng, 1000);
			r->sector = w->sector;
			w->bytes = sectors * SECTOR;
			r->bytes = w->bytes;
			for (u32 i = 0; i < w->bytes / 8; i++)
				((u64 *)w->data)[i] = rng_next(&rng);
			want(breq_run(q, w, shape, &rng), VIRTIO_BLK_S_OK);
			want(breq_run(q, r, shape, &rng), VIRTIO_BLK_S_OK);
			must(!memcmp(w->data, r->data, w->bytes),
			     "shape %u, %u sectors: data differs", shape, sectors);
		}
	}
}

/* Data in one page is pinned in another way than data that crosses an edge. */
static void page_edges(void)
{
	static const u32 skews[] = { 0, 1, SECTOR, PAGE - SECTOR, PAGE - 1 };
	const unsigned int nr = sizeof(skews) / sizeof(skews[0]);
	struct rng rng = rng_for("edges", 0);
	struct breq *w, *r;
	unsigned int i;
	u32 bytes;

	begin((struct vmm_cfg){ 0 });
	w = breq_new(v->g);
	r = breq_new(v->g);
	w->type = VIRTIO_BLK_T_OUT;
	r->type = VIRTIO_BLK_T_IN;
	for (bytes = SECTOR; bytes <= 2 * PAGE; bytes *= 2)
		for (i = 0; i < nr; i++) {
			w->skew = skews[i];
			r->skew = skews[nr - 1 - i];
			w->bytes = bytes;
			r->bytes = bytes;
			for (u32 n = 0; n < bytes / 8; n++)
				((u64 *)w->data)[n] = rng_next(&rng);
			want(breq_run(q, w, SHAPE_PLAIN, &rng), VIRTIO_BLK_S_OK);
			want(breq_run(q, r, SHAPE_PLAIN, &rng), VIRTIO_BLK_S_OK);
			must(!memcmp(w->data, r->data, bytes),
			     "%u bytes from %u to %u: data differs", bytes,
			     w->skew, r->skew);
		}
}

/* One request whose data the VMM's own mapping does not give away. */
static u8 protected(struct breq *r, u32 type, u32 bytes, int prot)
{
	struct rng rng = rng_for("protected", type);
	u8 status;

	r->type = type;
	r->bytes = bytes;
	breq_build(r, SHAPE_PLAIN, queue_longest(q), &rng);
	/* The piece after the header, which has its pages to itself. */
	mprotect(r->host[1], bytes, prot);
	status = breq_answer(q, r);
	mprotect(r->host[1], bytes, PROT_READ | PROT_WRITE);
	return status;
}

static void protected_pages(void)
{
	struct breq *r;
	u32 bytes;

	begin((struct vmm_cfg){ 0 });
	r = breq_new(v->g);
	for (bytes = PAGE; bytes <= 2 * PAGE; bytes *= 2) {
		want(protected(r, VIRTIO_BLK_T_IN, bytes, PROT_READ),
		     VIRTIO_BLK_S_IOERR);
		want(protected(r, VIRTIO_BLK_T_OUT, bytes, PROT_READ),
		     VIRTIO_BLK_S_OK);
		want(protected(r, VIRTIO_BLK_T_OUT, bytes, PROT_NONE),
		     VIRTIO_BLK_S_IOERR);
		want(protected(r, VIRTIO_BLK_T_IN, bytes, PROT_READ | PROT_WRITE),
		     VIRTIO_BLK_S_OK);
	}
}

static void fill(u8 *data, u32 len, u64 tag)
{
	struct rng rng = rng_for("fill", tag);

	while (len--)
		*data++ = rng_next(&rng);
}

static bool is_zero(const u8 *p, u32 len)
{
	while (len && !*p++)
		len--;
	return !len;
}

static void write_zeroes_and_discard(void)
{
	struct virtio_blk_discard_write_zeroes d[3] = {
		{ .sector = htole64(16), .num_sectors = htole32(8) },
		{ .sector = htole64(40), .num_sectors = htole32(1) },
		{ .sector = htole64(60), .num_sectors = htole32(3) },
	};
	static u8 data[64 * SECTOR], back[64 * SECTOR];

	/* A file, which shows what was discarded, and whose zeroes are written. */
	disk_zeroes(true);
	begin((struct vmm_cfg){ .disk = disk_file() });
	disk_zeroes(false);
	fill(data, sizeof(data), 1);
	want(blk_do(q, v->g, VIRTIO_BLK_T_OUT, 0, data, sizeof(data)), 0);
	want(blk_do(q, v->g, VIRTIO_BLK_T_WRITE_ZEROES, 0, d, sizeof(d[0])), 0);
	want(blk_do(q, v->g, VIRTIO_BLK_T_IN, 0, back, sizeof(back)), 0);
	expect(is_zero(back + 16 * SECTOR, 8 * SECTOR), "sectors are not zero");
	memset(data + 16 * SECTOR, 0, 8 * SECTOR);
	expect(!memcmp(data, back, sizeof(data)), "others changed");
	/* What is discarded is a hole in the file, and was data before. */
	want(blk_do(q, v->g, VIRTIO_BLK_T_DISCARD, 0, d + 1, 2 * sizeof(d[0])), 0);
	want(blk_do(q, v->g, VIRTIO_BLK_T_IN, 0, back, sizeof(back)), 0);
	expect(is_zero(back + 40 * SECTOR, SECTOR), "the first range is not discarded");
	expect(is_zero(back + 60 * SECTOR, 3 * SECTOR), "the second is not");
	memset(data + 40 * SECTOR, 0, SECTOR);
	memset(data + 60 * SECTOR, 0, 3 * SECTOR);
	expect(!memcmp(data, back, sizeof(data)), "discard changed others");
	/* Bad ones: beyond the end, cut short, flags that are none. */
	d[0].sector = htole64(vmm_capacity(v) - 1);
	want(blk_do(q, v->g, VIRTIO_BLK_T_WRITE_ZEROES, 0, d, sizeof(d[0])),
	     VIRTIO_BLK_S_IOERR);
	want(blk_do(q, v->g, VIRTIO_BLK_T_DISCARD, 0, d, sizeof(d[0])),
	     VIRTIO_BLK_S_IOERR);
	d[0].sector = htole64(~0ull - 2);
	want(blk_do(q, v->g, VIRTIO_BLK_T_WRITE_ZEROES, 0, d, sizeof(d[0])),
	     VIRTIO_BLK_S_IOERR);
	d[0].sector = htole64(16);
	want(blk_do(q, v->g, VIRTIO_BLK_T_DISCARD, 0, d, 15),
	     VIRTIO_BLK_S_IOERR);
	d[0].flags = htole32(0x80);
	want(blk_do(q, v->g, VIRTIO_BLK_T_DISCARD, 0, d, sizeof(d[0])),
	     VIRTIO_BLK_S_UNSUPP);
	want(blk_do(q, v->g, VIRTIO_BLK_T_WRITE_ZEROES, 0, d, sizeof(d[0])),
	     VIRTIO_BLK_S_UNSUPP);
	want(blk_do(q, v->g, VIRTIO_BLK_T_IN, 0, back, sizeof(back)), 0);
	expect(!memcmp(data, back, sizeof(data)), "bad requests changed the disk");
}

static void statuses(void)
{
	static u8 data[4096];
	u64 end;

	begin((struct vmm_cfg){ 0 });
	end = vmm_capacity(v);
	expect(end == DISK_MIB * 2048, "capacity is %llu", (unsigned long long)end);
	want(blk_do(q, v->g, VIRTIO_BLK_T_IN, end - 8, data, 4096), 0);
	want(blk_do(q, v->g, VIRTIO_BLK_T_IN, end - 7, data, 4096), VIRTIO_BLK_S_IOERR);
	want(blk_do(q, v->g, VIRTIO_BLK_T_OUT, end - 7, data, 4096), VIRTIO_BLK_S_IOERR);
	want(blk_do(q, v->g, VIRTIO_BLK_T_IN, end, data, 512), VIRTIO_BLK_S_IOERR);
	want(blk_do(q, v->g, VIRTIO_BLK_T_OUT, ~0ull, data, 512), VIRTIO_BLK_S_IOERR);
	want(blk_do(q, v->g, VIRTIO_BLK_T_OUT, ~0ull / 512, data, 512),
	     VIRTIO_BLK_S_IOERR);
	want(blk_do(q, v->g, VIRTIO_BLK_T_IN, 0, data, 511), VIRTIO_BLK_S_IOERR);
	want(blk_do(q, v->g, VIRTIO_BLK_T_OUT, 0, data, 513), VIRTIO_BLK_S_IOERR);
	want(blk_do(q, v->g, VIRTIO_BLK_T_FLUSH, 0, NULL, 0), 0);
	want(blk_do(q, v->g, 0x7fffffff, 0, NULL, 0), VIRTIO_BLK_S_UNSUPP);
	want(blk_do(q, v->g, VIRTIO_BLK_T_GET_ID, 0, data, 20), 0);
	expect(!strcmp((char *)data, "vmm"), "serial is %.20s", data);
	/* After all that, it still works. */
	want(blk_do(q, v->g, VIRTIO_BLK_T_OUT, 5, data, 512), 0);
}

static void backend_errors(void)
{
	static u8 data[4096];

	begin((struct vmm_cfg){ .queues = 1 });
	must(disk_bad(100, 103), "cannot make sectors bad");
	want(blk_do(q, v->g, VIRTIO_BLK_T_IN, 96, data, 4096), VIRTIO_BLK_S_IOERR);
	want(blk_do(q, v->g, VIRTIO_BLK_T_OUT, 100, data, 512), VIRTIO_BLK_S_IOERR);
	want(blk_do(q, v->g, VIRTIO_BLK_T_IN, 104, data, 4096), 0);
	disk_bad(0, 0);
	want(blk_do(q, v->g, VIRTIO_BLK_T_IN, 96, data, 4096), 0);
}

static void read_only(void)
{
	struct virtio_blk_discard_write_zeroes d = { .num_sectors = htole32(8) };
	static u8 data[512];

	begin((struct vmm_cfg){ .read_only = true });
	expect(v->offered & BIT_ULL(VIRTIO_BLK_F_RO), "RO is not offered");
	want(blk_do(q, v->g, VIRTIO_BLK_T_IN, 0, data, 512), 0);
	want(blk_do(q, v->g, VIRTIO_BLK_T_OUT, 0, data, 512), VIRTIO_BLK_S_IOERR);
	expect(blk_do(q, v->g, VIRTIO_BLK_T_DISCARD, 0, &d, sizeof(d)),
	       "a read-only disk was discarded");
	expect(blk_do(q, v->g, VIRTIO_BLK_T_WRITE_ZEROES, 0, &d, sizeof(d)),
	       "zeroes were written to a read-only disk");
	vmm_free(v);
	begin((struct vmm_cfg){ .backend_flags = PARLEY_BLK_READ_ONLY });
	expect(v->offered & BIT_ULL(VIRTIO_BLK_F_RO), "RO is not offered");
	want(blk_do(q, v->g, VIRTIO_BLK_T_OUT, 0, data, 512), VIRTIO_BLK_S_IOERR);
}

/* ------------------------------------------------- stop, start, kicks */

static void stop_and_start(struct vmm_cfg cfg)
{
	struct rng rng = rng_for("bounce", cfg.ring);
	struct load *l;
	unsigned int i;

	begin(cfg);
	l = load_new(v, 12);
	load_start(l);
	for (i = 0; i < 25 && !failed(); i++) {
		sleep_ms(rng_below(&rng, 12));
		vmm_bounce(v, rng_below(&rng, v->cfg.queues));
	}
	load_for(l, 20);
	load_end(l);
	load_free(l);
	vmm_free(v);
}

static void bounce_split(void)
{
	stop_and_start((struct vmm_cfg){ .ring = EVENT, .queues = 2 });
	stop_and_start((struct vmm_cfg){ .ring = INDIRECT | IN_ORDER, .queues = 2,
					 .disk = disk_slow() });
}

static void bounce_packed(void)
{
	stop_and_start((struct vmm_cfg){ .ring = PACKED | EVENT, .queues = 2,
					 .size = 31 });
	stop_and_start((struct vmm_cfg){ .ring = PACKED | INDIRECT | IN_ORDER,
					 .queues = 2, .disk = disk_slow() });
}

/* What was put while nobody served is served without a kick. */
static void put_while_stopped(void)
{
	const struct ring_kind *k;
	struct breq *r, *done;
	struct rng rng = rng_for("stopped", 0);

	for_each_kind(k) {
		struct vmm_cfg cfg = { .ring = k->features };

		v = vmm_new(&cfg);
		q = v->q[0];
		r = breq_new(v->g);
		r->type = VIRTIO_BLK_T_GET_ID;
		r->bytes = 20;
		breq_build(r, SHAPE_PLAIN, 8, &rng);
		q->muted = true;
		want(breq_put(q, r), 0);
		breq_publish(q);
		need(vmm_enable(v, 0, true));
		q->muted = false;
		expect(wait_until(breq_reap(q, &done, 1), 5000),
		       "%s: not served", k->name);
		vmm_free(v);
	}
}

/* An eventfd that is set while the ring runs takes over (bad_09). */
static void replace_eventfds(void)
{
	struct load *l;
	unsigned int i;
	int old;

	begin((struct vmm_cfg){ .ring = EVENT });
	l = load_new(v, 8);
	load_start(l);
	for (i = 0; i < 40 && !failed(); i++) {
		sleep_ms(2);
		old = dup(q->call);
		dup3(event_new(), q->call, O_CLOEXEC);
		want(vmm_eventfd(v, VHOST_SET_VRING_CALL, 0, q->call), 0);
		close(old);
	}
	load_for(l, 50);
	load_end(l);
}

static const struct test tests[] = {
	{ "shapes", shapes, 60 },
	{ "page-edges", page_edges, 20 },
	{ "protected-pages", protected_pages, 20 },
	{ "statuses", statuses, 20 },
	{ "write-zeroes-and-discard", write_zeroes_and_discard, 20 },
	{ "backend-errors", backend_errors, 20 },
	{ "read-only", read_only, 20 },
	{ "one-queue", one_queue, 60 },
	{ "four-queues", four_queues, 60 },
	{ "four-workers", four_workers, 60 },
	{ "two-kernel-threads", two_workers_of_kernel, 60 },
	{ "small-rings", small_rings, 60 },
	{ "big-ring", big_ring, 60 },
	{ "odd-packed-ring", odd_packed_ring, 30 },
	{ "file", file, 60 },
	{ "file-direct", file_direct, 60 },
	{ "slow-disk", slow_disk, 60 },
	{ "stop-and-start-split", bounce_split, 60 },
	{ "stop-and-start-packed", bounce_packed, 60 },
	{ "put-while-stopped", put_while_stopped, 40 },
	{ "bad_09-replace-eventfds", replace_eventfds, 30 },
	{ NULL },
};

const struct group group_data = { "data", "requests, rings, vectors, models", tests };
