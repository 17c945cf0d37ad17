// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lives that end: processes killed, memory taken away, disks removed.  Where a
 * guest outlives its VMM, this process is the guest and a child is the VMM.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "disk.h"
#include "groups.h"
#include "heir.h"
#include "load.h"
#include "raw.h"

#define STOP_MS	15000

/* ------------------------------------------------- a VMM that is killed */

/*
 * Killed again and again, with requests in flight.  The load sees each request
 * come back once, with the right data; and for requests of a page, which are one
 * bio, the disk counts that each was written once, however often a VMM died on
 * it.  (Of a larger one, part may be written once more before it is completed,
 * since its pages cannot be pinned any more when the process is being killed.)
 */
static void kill_vmm(struct vmm_cfg cfg, unsigned int rounds, bool pages,
		     bool restless)
{
	struct rng rng = rng_for("kill", cfg.ring);
	struct vmm *v = vmm_guest_new(&cfg);
	const char *disk = cfg.disk ? cfg.disk : disk_fast();
	struct shared *s = shared_new();
	struct load *l;
	u64 before, after = 0, written = 0;
	unsigned int i;
	pid_t pid;

	s->restless = restless;
	pid = vmm_fork(v, s);
	l = heir_load(v, 12);
	for (i = 0; i < v->cfg.queues; i++)
		l[i].pages = pages;
	before = pages ? disk_sectors_written(disk) : 0;
	load_start(l);
	if (brief)
		rounds = 3;
	for (i = 0; i < rounds && !failed(); i++) {
		sleep_ms(rng_between(&rng, 5, 60));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		must(wait_until(all_stopped(v, s), STOP_MS),
		     "the rings of a killed VMM were not finished");
		pid = vmm_fork(v, s);
	}
	load_for(l, 50);
	load_end(l);
	for (i = 0; i < v->cfg.queues; i++)
		written += l[i].written;
	after = pages ? disk_sectors_written(disk) : 0;
	expect(!pages || after - before == written,
	       "%llu sectors were written for requests of %llu",
	       (unsigned long long)(after - before), (unsigned long long)written);
	note("%llu requests, %u killed VMMs", (unsigned long long)load_done(l), rounds);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	load_free(l);
	vmm_free(v);
}

static void kill_split(void)
{
	kill_vmm((struct vmm_cfg){ .ring = EVENT, .queues = 2 }, 6, false, false);
	kill_vmm((struct vmm_cfg){ .ring = INDIRECT | IN_ORDER, .queues = 2,
				   .disk = disk_slow() }, 6, true, false);
}

static void kill_packed(void)
{
	kill_vmm((struct vmm_cfg){ .ring = PACKED | EVENT, .queues = 2,
				   .disk = disk_slow() }, 6, true, false);
	kill_vmm((struct vmm_cfg){ .ring = PACKED | INDIRECT | IN_ORDER,
				   .queues = 4, .workers = 4, .size = 31 }, 6, false, false);
}

static void kill_kernel_thread(void)
{
	kill_vmm((struct vmm_cfg){ .ring = EVENT, .queues = 2, .workers = 2,
				   .kthread = 1, .disk = disk_slow() }, 6, true, false);
	kill_vmm((struct vmm_cfg){ .ring = PACKED | EVENT, .kthread = 1,
				   .disk = disk_file() }, 6, false, false);
}

static void kill_restless(void)
{
	kill_vmm((struct vmm_cfg){ .ring = PACKED | EVENT | INDIRECT, .queues = 4,
				   .workers = 4 }, 12, false, true);
	kill_vmm((struct vmm_cfg){ .ring = EVENT, .queues = 2, .workers = 2,
				   .disk = disk_file(), .disk_flags = O_DIRECT },
		 12, false, true);
}

#define LARGE_PIECES	48u
#define LARGE_PIECE	(4u << 20)
#define LARGE_REQS	8u
#define KILL_MS		2000u

/* Reads of 192 MiB each, into the same memory again and again. */
static void put_large(struct vmm *v)
{
	struct rng rng = rng_for("large", v->cfg.ring);
	u64 data = guest_alloc(v->g, LARGE_PIECE);
	unsigned int i, k;

	for (i = 0; i < LARGE_REQS; i++) {
		struct breq *r = breq_new(v->g);

		r->type = VIRTIO_BLK_T_IN;
		r->bytes = SECTOR;
		breq_build(r, SHAPE_PLAIN, 8, &rng);
		/* Header, data, status; of data there is more. */
		r->segs[LARGE_PIECES + 1] = r->segs[2];
		for (k = 1; k <= LARGE_PIECES; k++)
			r->segs[k] = (struct parley_seg){ data, LARGE_PIECE };
		r->n_in = LARGE_PIECES + 1;
		want(breq_put(v->q[0], r), 0);
	}
	breq_publish(v->q[0]);
}

/*
 * A ring full of requests that take a quarter of a minute: the process is gone soon
 * all the same, and what it did not finish is the successor's.
 */
static void kill_large_of(u64 ring, u8 kthread)
{
	struct vmm_cfg cfg = { .ring = ring, .disk = disk_limited(), .kthread = kthread };
	struct vmm *v = vmm_guest_new(&cfg);
	struct shared *s = shared_new();
	u64 start;
	pid_t pid;

	put_large(v);
	pid = vmm_fork(v, s);
	sleep_ms(300);
	start = now_ms();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	must(wait_until(all_stopped(v, s), STOP_MS),
	     "the ring of a killed VMM was not finished");
	start = now_ms() - start;
	note("%u MiB queued: killed in %llu ms", LARGE_REQS * LARGE_PIECES * 4,
	     (unsigned long long)start);
	expect(start < KILL_MS * patience, "a kill took %llu ms",
	       (unsigned long long)start);
	expect(go_on_at(v, s, 0) == queue_first_base(v->q[0]),
	       "a request that was not finished is not the successor's");
	expect(!parley_drvq_pending(v->q[0]->drv), "it was told all the same");
	vmm_free(v);
}

static void kill_large(void)
{
	kill_large_of(EVENT | INDIRECT, 0);
	kill_large_of(PACKED | INDIRECT | IN_ORDER, 0);
	kill_large_of(EVENT | INDIRECT, 1);
}

/* The owner dies, another process still has the file. */
static void owner_dies(void)
{
	struct vmm_cfg cfg = { .ring = EVENT, .disk = disk_slow() };
	struct vmm *v = vmm_guest_new(&cfg);
	struct shared *s = shared_new();
	struct vhost_vring_state state = { 0, 64 };
	struct rng rng = rng_for("owner", 0);
	struct breq *r[8], *done;
	unsigned int i, n = 0;
	u64 features;
	pid_t pid;
	int fd;

	pid = vmm_fork(v, s);
	fd = syscall(SYS_pidfd_open, pid, 0);
	/* The child's first descriptor that is a device: found by trying. */
	for (i = 3; i < 64; i++) {
		int got = syscall(SYS_pidfd_getfd, fd, i, 0);

		if (got < 0)
			continue;
		if (!vio(got, VHOST_GET_FEATURES, &features)) {
			v->fd = got;
			break;
		}
		close(got);
	}
	must(v->fd >= 0, "the device's file cannot be had");
	want(vio(v->fd, VHOST_SET_VRING_NUM, &state), -EPERM);
	for (i = 0; i < 8; i++) {
		r[i] = breq_new(v->g);
		r[i]->type = VIRTIO_BLK_T_OUT;
		r[i]->sector = 100 * i;
		r[i]->bytes = 4096;
		breq_build(r[i], SHAPE_PLAIN, 8, &rng);
		want(breq_put(v->q[0], r[i]), 0);
	}
	breq_publish(v->q[0]);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	expect(wait_until(all_stopped(v, s), STOP_MS), "not finished while the file is open");
	while (breq_reap(v->q[0], &done, 1))
		n++;
	note("%u of 8 were done when the owner died", n);
	want(vio(v->fd, VHOST_SET_VRING_NUM, &state), -EPERM);
	expect(vio(v->fd, VHOST_SET_OWNER, NULL) < 0, "it has a new owner");
	close(v->fd);
	v->fd = -1;
	/* The successor does the rest. */
	pid = vmm_fork(v, s);
	for (; n < 8 && wait_until(breq_reap(v->q[0], &done, 1), 5000); n++)
		;
	expect(n == 8, "%u of 8 requests came back", n);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ------------------------------------------------------- memory goes */

/* Another view of the guest's memory, which the device alone uses. */
static u8 *second_view(struct vmm *v, bool rings)
{
	struct vhost_memory *t = guest_table(v->g);
	struct vhost_vring_addr a;
	u8 *view = mmap(NULL, v->g->size, PROT_READ | PROT_WRITE, MAP_SHARED,
			v->g->memfd, 0);
	u64 move;

	must(view != MAP_FAILED, "no memory");
	move = view - v->g->r[0].hva;
	t->regions[0].userspace_addr += move;
	need(vio(v->fd, VHOST_SET_MEM_TABLE, t));
	free(t);
	if (!rings)
		return view;
	vmm_addr(v, 0, &a);
	a.desc_user_addr += move;
	a.avail_user_addr += move;
	a.used_user_addr += move;
	need(vio(v->fd, VHOST_SET_VRING_ADDR, &a));
	return view;
}

static void put_some(struct vmm *v, struct breq **r, unsigned int n)
{
	struct rng rng = rng_for("some", n);
	unsigned int i;

	for (i = 0; i < n; i++) {
		r[i] = breq_new(v->g);
		r[i]->type = i % 2 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
		r[i]->sector = 100 * i;
		r[i]->bytes = 8192;
		breq_build(r[i], SHAPE_PAGES, 16, &rng);
		want(breq_put(v->q[0], r[i]), 0);
	}
	breq_publish(v->q[0]);
}

/* The VMM unmaps the guest under load: errors, or a broken ring; no hang. */
static void unmapped(u64 ring, bool rings, const char *disk)
{
	struct vmm_cfg cfg = { .ring = ring, .disk = disk };
	struct vmm *v = vmm_new(&cfg);
	u8 *view = second_view(v, rings);
	struct breq *r[12];

	vmm_enable_all(v, true);
	put_some(v, r, 6);
	munmap(view, v->g->size);
	put_some(v, r + 6, 6);
	queue_kick(v->q[0]);
	sleep_ms(30);
	need(vmm_enable(v, 0, false));
	vmm_free(v);
}

static void munmap_under_load(void)
{
	const struct ring_kind *k;

	for_each_kind(k) {
		unmapped(k->features, false, NULL);
		unmapped(k->features, true, disk_slow());
	}
	unmapped(EVENT, true, disk_file());
}

/* The table is cut differently, again and again; it is the same memory. */
static void table_replaced(void)
{
	struct vmm_cfg cfg = { .ring = EVENT, .queues = 2, .workers = 2 };
	struct vmm *v = vmm_start_new(&cfg);
	struct vhost_memory *t = calloc(1, sizeof(*t) + 64 * sizeof(t->regions[0]));
	struct rng rng = rng_for("table", 0);
	struct load *l = load_new(v, 8);
	unsigned int i, n;

	load_start(l);
	for (i = 0; i < 100 && !failed(); i++) {
		u64 at = 0, size = v->g->size;

		for (n = 0; at < size; n++) {
			u64 part = n == 63 ? size - at :
				   min(size - at, PAGE * rng_between(&rng, 64, 2048));

			t->regions[n] = (struct vhost_memory_region){
				at, part, (uintptr_t)v->g->r[0].hva + at };
			at += part;
		}
		t->nregions = n;
		want(vio(v->fd, VHOST_SET_MEM_TABLE, t), 0);
		sleep_ms(rng_below(&rng, 4));
	}
	load_for(l, 30);
	load_end(l);
	load_free(l);
	vmm_free(v);
}

/* Memory is plugged, used, and unplugged. */
static void hot_plug(void)
{
	struct vmm_cfg cfg = { .ring = EVENT };
	struct raw *r = raw_new(&cfg);
	struct {
		struct vhost_memory head;
		struct vhost_memory_region r[2];
	} table;
	struct guest_region *all = &r->v->g->r[0];
	u64 half = all->size / 2;
	struct rdesc d[3];

	/* What the ring and its buffers use lies in the lower half. */
	must(all->next < half, "too much is in use");
	table.head = (struct vhost_memory){ .nregions = 1 };
	table.r[0] = (struct vhost_memory_region){ 0, half, (uintptr_t)all->hva };
	table.r[1] = (struct vhost_memory_region){ 8ull << 30, half,
						   (uintptr_t)all->hva + half };
	need(vio(r->v->fd, VHOST_SET_MEM_TABLE, &table));
	need(vmm_enable(r->v, 0, true));
	raw_expect_alive(r, "before");
	table.head.nregions++;
	need(vio(r->v->fd, VHOST_SET_MEM_TABLE, &table));
	raw_good(r, d, VIRTIO_BLK_T_IN);
	d[1].addr = (8ull << 30) + half - 512;
	raw_put(r, d, 3);
	raw_kick(r);
	expect(wait_until(raw_used(r) == 2, 3000), "plugged memory is not used");
	table.head.nregions--;
	need(vio(r->v->fd, VHOST_SET_MEM_TABLE, &table));
	raw_put(r, d, 3);
	raw_kick(r);
	raw_expect_broken(r, "unplugged memory");
	raw_free(r);
}

/* The owner forks: what is written goes to the parent's memory. */
static void fork_under_load(void)
{
	static const u64 rings[] = { EVENT, PACKED | EVENT | INDIRECT };
	unsigned int n, i;
	pid_t pid;

	for (n = 0; n < 2; n++) {
		struct vmm_cfg cfg = { .ring = rings[n], .queues = 2, .private = true };
		struct vmm *v = vmm_start_new(&cfg);
		struct load *l = load_new(v, 8);

		load_start(l);
		for (i = 0; i < 12 && !failed(); i++) {
			pid = fork();
			if (!pid) {
				sleep_ms(20);
				_exit(0);
			}
			sleep_ms(10);
		}
		load_for(l, 20);
		load_end(l);
		load_free(l);
		vmm_free(v);
	}
}

/* Pages are taken out of the page tables under the device. */
static void balloon(void)
{
	struct vmm_cfg cfg = { .ring = EVENT, .queues = 2, .layout = LAYOUT_HOLES };
	struct vmm *v = vmm_start_new(&cfg);
	struct rng rng = rng_for("balloon", 0);
	struct load *l = load_new(v, 8);
	unsigned int i;

	load_start(l);
	for (i = 0; i < 200 && !failed(); i++) {
		struct guest_region *r = &v->g->r[rng_below(&rng, v->g->nr)];
		u64 at = PAGE * rng_below(&rng, r->size / PAGE);
		u64 len = min(r->size - at, PAGE * rng_between(&rng, 1, 1024));

		/* Shared memory keeps its content. */
		madvise(r->hva + at, len, MADV_DONTNEED);
		/* And what nobody uses really goes, and comes back. */
		if (at >= r->next)
			madvise(r->hva + at, len, MADV_REMOVE);
		sleep_ms(1);
	}
	load_for(l, 20);
	load_end(l);
	load_free(l);
	vmm_free(v);
}

/* Buffers that the guest gave away are gone: the device reads zeroes there. */
static void balloon_private(void)
{
	struct vmm_cfg cfg = { .ring = EVENT, .private = true, .disk = disk_slow() };
	struct vmm *v = vmm_start_new(&cfg);
	struct breq *r[12];
	unsigned int i;

	put_some(v, r, 12);
	for (i = 0; i < 12; i++)
		madvise(r[i]->mem, REQ_ARENA, MADV_DONTNEED);
	need(vmm_enable(v, 0, false));
	vmm_free(v);
}

/* ---------------------------------------------------- the disk goes */

static void back_end_removed(void)
{
	struct vmm_cfg cfg = { .ring = EVENT, .disk = disk_doomed() };
	struct vmm *v = vmm_start_new(&cfg);
	struct rng rng = rng_for("removed", 0);
	struct breq *r[16], *done;
	unsigned int i, n = 0, errors = 0;

	for (i = 0; i < 16; i++) {
		r[i] = breq_new(v->g);
		r[i]->type = i % 2 ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
		r[i]->bytes = 8192;
		r[i]->sector = i * 16;
		breq_build(r[i], SHAPE_PLAIN, 8, &rng);
		want(breq_put(v->q[0], r[i]), 0);
		if (i == 7) {
			breq_publish(v->q[0]);
			expect(disk_remove(), "cannot remove the disk");
		}
	}
	breq_publish(v->q[0]);
	while (n < 16 && wait_until(breq_reap(v->q[0], &done, 1), 10000)) {
		n++;
		errors += done->status == VIRTIO_BLK_S_IOERR;
	}
	expect(n == 16, "%u of 16 requests came back", n);
	expect(errors >= 8, "%u of 8 failed on a disk that is gone", errors);
	vmm_bounce(v, 0);
	vmm_free(v);
}

/* ------------------------------------------------------ many, and none */

static void opens_under_load(void)
{
	struct vmm_cfg cfg = { .ring = EVENT, .queues = 2 };
	struct vmm *v = vmm_start_new(&cfg), *other;
	struct load *l = load_new(v, 8);
	struct guest *g = guest_current;
	unsigned int i;

	load_start(l);
	for (i = 0; i < (brief ? 30 : 100) && !failed(); i++) {
		struct vmm_cfg small = {
			.ring = ring_kinds[i % 8].features, .memory = 1 << 20,
			.queues = 1 + i % 4, .size = 16, .segs = 4,
			.workers = 1 + i % 2, .disk = disk_file(),
		};

		if (i % 4) {
			int fd = vmm_device();

			if (i % 4 > 1)
				need(vio(fd, VHOST_SET_OWNER, NULL));
			close(fd);
			continue;
		}
		other = i % 8 ? vmm_start_new(&small) : vmm_new(&small);
		vmm_free(other);
	}
	guest_current = g;
	load_for(l, 20);
	load_end(l);
	load_free(l);
	vmm_free(v);
}

static void rmmod_refused(void)
{
	static const char * const names[] = { "parley_vhost_blk", "parley_vhost" };
	struct vmm_cfg cfg = { .ring = EVENT };
	struct vmm *v = vmm_start_new(&cfg);
	unsigned int i;

	for (i = 0; i < 2; i++) {
		long ret = syscall(SYS_delete_module, names[i], O_NONBLOCK);

		expect(ret < 0 && (errno == EWOULDBLOCK || errno == EBUSY),
		       "%s: %s", names[i], ret ? strerror(errno) : "gone");
	}
	load_run(v, 8, 50);
	vmm_free(v);
}

static void drop_capability(unsigned int cap)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	must(!syscall(SYS_capget, &head, data), "capget");
	data[cap / 32].effective &= ~(1u << cap % 32);
	data[cap / 32].permitted &= ~(1u << cap % 32);
	must(!syscall(SYS_capset, &head, data), "capset");
}

/* Nothing may be pinned: rings are reached otherwise, keeping is refused. */
static void no_memlock(void)
{
	struct rlimit none = { 0, 0 };
	const struct ring_kind *k;

	drop_capability(CAP_IPC_LOCK);
	must(!setrlimit(RLIMIT_MEMLOCK, &none), "setrlimit");
	for_each_kind(k) {
		struct vmm_cfg cfg = { .ring = k->features, .queues = 2 };
		struct vmm *v = vmm_new(&cfg);
		struct shared *s = shared_new();
		struct parley_vhost_keep keep = { 0, 0, (uintptr_t)&s->kept[0] };
		long ret = vio(v->fd, PARLEY_VHOST_SET_VRING_KEEP, &keep);

		expect(ret == -ENOMEM || ret == -EPERM, "keep: %s", name_of(ret));
		vmm_enable_all(v, true);
		load_run(v, 8, 100);
		vmm_bounce(v, 0);
		load_run(v, 8, 50);
		vmm_free(v);
	}
}

/* A ring that is kept is reached by the successor of one that ends politely. */
static void close_and_go_on(void)
{
	const struct ring_kind *k;

	for_each_kind(k) {
		struct vmm_cfg cfg = { .ring = k->features, .disk = disk_slow() };
		struct vmm *v = vmm_guest_new(&cfg);
		struct shared *s = shared_new();
		struct breq *r[12], *done;
		unsigned int n = 0, round;

		put_some(v, r, 12);
		for (round = 0; round < 3; round++) {
			struct parley_vhost_keep keep = {
				0, 0, (uintptr_t)&s->kept[0] };

			vmm_attach(v);
			vmm_queue(v, 0, go_on_at(v, s, 0));
			need(vio(v->fd, PARLEY_VHOST_SET_VRING_KEEP, &keep));
			vmm_enable_all(v, true);
			expect(s->kept[0].state == PARLEY_VHOST_KEPT_RUNNING,
			       "state %u", s->kept[0].state);
			sleep_ms(2);
			/* Who comes last has the time that it takes. */
			if (round == 2)
				wait_until((n += breq_reap(v->q[0], &done, 1)) == 12, 10000);
			vmm_detach(v);
		}
		expect(n == 12, "%s: %u of 12 came back", k->name, n);
		vmm_free(v);
	}
}

static const struct test tests[] = {
	{ "kill-split", kill_split, 60 },
	{ "kill-packed", kill_packed, 60 },
	{ "kill-restless", kill_restless, 60 },
	{ "kill-kernel-thread", kill_kernel_thread, 60 },
	{ "kill-large", kill_large, 60 },
	{ "owner-dies", owner_dies, 60 },
	{ "close-and-go-on", close_and_go_on, 60 },
	{ "munmap-under-load", munmap_under_load, 60 },
	{ "table-replaced", table_replaced, 30 },
	{ "hot-plug", hot_plug, 30 },
	{ "fork-under-load", fork_under_load, 60 },
	{ "balloon", balloon, 30 },
	{ "balloon-private", balloon_private, 30 },
	{ "back-end-removed", back_end_removed, 40 },
	{ "opens-under-load", opens_under_load, 60 },
	{ "rmmod-refused", rmmod_refused, 20 },
	{ "no-memlock", no_memlock, 60 },
	{ NULL },
};

const struct group group_life = { "life", "what ends, and who goes on", tests };
