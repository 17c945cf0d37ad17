// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two guests on one disk: one waits for each read, the other has many in flight.  Each
 * alone, both with workers of their own, and both in a pool of one thread or two: rows for
 * make bench, which judge nothing.  A row is one line "# row {...}" of JSON.
 *
 * A guest is a process, VMM and driver in one, as all here.  How long a request of the
 * first one took is told in time and, since that means little on an emulated machine, in
 * requests of the other that ended meanwhile.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "blkreq.h"
#include "disk.h"
#include "groups.h"
#include "nl.h"
#include "vmm.h"

#define POOL		"vmm-lanes"
#define BLOCK		4096u
#define DEPTH		64u
#define ROUNDS		3u
#define SAMPLES		(1u << 12)	/* at least as many as are waited for */
#define WANTED		(brief ? 50u : 1000u)
#define SETTLE_MS	500
#define END_MS		120000

enum who { WAITS, BULK, WHOS };

/**
 * struct mode - who serves whom
 * @name: for people
 * @there: which guests
 * @threads: of the pool; 0: there is none
 * @class: in it, of each
 */
struct mode {
	const char *name;
	bool there[WHOS];
	u32 threads;
	u32 class[WHOS];
};

static const struct mode modes[] = {
	{ "alone, own workers", { true, false } },
	{ "alone, own workers", { false, true } },
	{ "both, own workers", { true, true } },
	{ "alone, one thread", { true, false }, 1, { PARLEY_LANE_NORMAL } },
	{ "both, one thread, one class", { true, true }, 1,
	  { PARLEY_LANE_NORMAL, PARLEY_LANE_NORMAL } },
	{ "both, one thread, two classes", { true, true }, 1,
	  { PARLEY_LANE_LATENCY, PARLEY_LANE_BULK } },
	{ "both, two threads, two classes", { true, true }, 2,
	  { PARLEY_LANE_LATENCY, PARLEY_LANE_BULK } },
};

/* How long a request took, and how many of the other guest's ended meanwhile. */
struct sample {
	u64 ns;
	u64 others;
};

/**
 * struct both - what the processes share
 * @id: of the device of each; 0 before it is there
 * @go: begin
 * @done: requests of each
 * @sample: of the one that waits, round and round
 */
struct both {
	u32 id[WHOS];
	bool go;
	u64 done[WHOS];
	struct sample sample[SAMPLES];
};

static u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* -------------------------------------------------------------- a guest */

/* A read of which nobody looks at the data. */
struct read {
	struct virtio_blk_outhdr *head;
	struct parley_seg segs[3];
};

static void read_put(struct queue *q, struct read *r, struct rng *rng)
{
	struct parley_buf buf = {
		.segs = r->segs, .cookie = r, .n_out = 1, .n_in = 2,
	};

	r->head->sector = htole64(8 * rng_below(rng, 100000));
	must(parley_drvq_put(q->drv, &buf, 1, GFP_KERNEL) == 1, "the ring is full");
}

static struct read *reads_make(struct guest *g, unsigned int nr)
{
	struct read *r = calloc(nr, sizeof(*r));
	unsigned int i;

	for (i = 0; i < nr; i++) {
		u64 head = guest_alloc(g, PAGE), data = guest_alloc(g, BLOCK);

		r[i].head = guest_ptr(g, head, sizeof(*r[i].head));
		*r[i].head = (struct virtio_blk_outhdr){ .type = htole32(VIRTIO_BLK_T_IN) };
		r[i].segs[0] = (struct parley_seg){ head, sizeof(*r[i].head) };
		r[i].segs[1] = (struct parley_seg){ data, BLOCK };
		r[i].segs[2] = (struct parley_seg){ head + 512, 1 };
	}
	return r;
}

/* So many reads in flight, for ever; as any driver does it. */
static void bulk_run(struct queue *q, struct both *b, struct read *r, struct rng *rng)
{
	struct parley_done done[DEPTH];
	unsigned int i, n;

	for (i = 0; i < DEPTH; i++)
		read_put(q, &r[i], rng);
	breq_publish(q);
	for (;;) {
		n = parley_drvq_reap(q->drv, done, DEPTH);
		for (i = 0; i < n; i++)
			read_put(q, done[i].cookie, rng);
		__atomic_add_fetch(&b->done[BULK], n, __ATOMIC_RELAXED);
		if (n)
			breq_publish(q);
		else
			queue_wait(q, END_MS);
	}
}

static void waits_run(struct queue *q, struct both *b, struct read *r, struct rng *rng)
{
	struct parley_done done;
	u64 n;

	for (n = 0;; n++) {
		struct sample s = { now_ns(), READ_ONCE(b->done[BULK]) };

		read_put(q, r, rng);
		breq_publish(q);
		while (!parley_drvq_reap(q->drv, &done, 1))
			queue_wait(q, END_MS);
		s.ns = now_ns() - s.ns;
		s.others = READ_ONCE(b->done[BULK]) - s.others;
		b->sample[n % SAMPLES] = s;
		__atomic_store_n(&b->done[WAITS], n + 1, __ATOMIC_RELEASE);
	}
}

static void guest_run(const char *disk, struct both *b, enum who who)
{
	struct vmm_cfg cfg = { .ring = EVENT | INDIRECT, .size = 2 * DEPTH, .disk = disk };
	struct rng rng = rng_for("lanes", who);
	struct vmm *v;
	struct read *r;
	u32 id;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	v = vmm_start_new(&cfg);
	r = reads_make(v->g, DEPTH);
	need(vio(v->fd, PARLEY_VHOST_GET_ID, &id));
	__atomic_store_n(&b->id[who], id, __ATOMIC_RELEASE);
	while (!READ_ONCE(b->go))
		sleep_ms(1);
	(who == BULK ? bulk_run : waits_run)(v->q[0], b, r, &rng);
}

static pid_t guest_fork(const char *disk, struct both *b, enum who who)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	must(pid >= 0, "cannot fork");
	if (!pid) {
		guest_run(disk, b, who);
		_exit(0);
	}
	must(wait_until(__atomic_load_n(&b->id[who], __ATOMIC_ACQUIRE) || failed(), 10000) &&
	     !failed(), "the guest does not start");
	return pid;
}

/* ------------------------------------------------------------- counting */

/**
 * struct mark - what was counted so far
 * @ns: when
 * @switches: of the whole machine
 * @q: of each guest's ring
 * @pool: of the pool
 */
struct mark {
	u64 ns;
	u64 switches;
	u64 done[WHOS];
	struct nl_stats q[WHOS];
	struct nl_pool_stats pool;
};

static u64 switches(void)
{
	FILE *f = fopen("/proc/stat", "r");
	unsigned long long n = 0;
	char line[4096];

	must(f, "no /proc/stat");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "ctxt %llu", &n) == 1)
			break;
	fclose(f);
	return n;
}

static struct mark mark(const struct mode *m, const struct both *b)
{
	struct mark k = { .ns = now_ns(), .switches = switches() };
	enum who who;

	for (who = 0; who < WHOS; who++) {
		k.done[who] = __atomic_load_n(&b->done[who], __ATOMIC_ACQUIRE);
		if (m->there[who])
			need(nl_stats_get(b->id[who], 0, &k.q[who]));
	}
	if (m->threads)
		need(nl_pool_get(&k.pool));
	return k;
}

static int by_ns(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	return x->ns < y->ns ? -1 : x->ns > y->ns;
}

static int by_others(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	return x->others < y->others ? -1 : x->others > y->others;
}

static double per(u64 what, u64 of)
{
	return of ? (double)what / of : 0;
}

/* How a guest fared between two marks. */
static void print_guest(const char *name, enum who who, const struct mark *a,
			const struct mark *z)
{
	u64 n = z->done[who] - a->done[who];

	printf("\"%s\": {\"requests\": %llu, \"rate\": %.1f, \"kicks\": %.3f, ", name,
	       (unsigned long long)n, per(n * 1000000000, z->ns - a->ns),
	       per(z->q[who].kicks - a->q[who].kicks, n));
	printf("\"calls\": %.3f, \"rounds\": %.3f}, ",
	       per(z->q[who].calls - a->q[who].calls, n),
	       per(z->q[who].rounds - a->q[who].rounds, n));
}

static void print_samples(const struct both *b, u64 from, u64 to)
{
	struct sample *s = calloc(SAMPLES, sizeof(*s));
	unsigned int n = 0;

	must(to - from <= SAMPLES, "it was faster than we");
	for (; from < to; from++)
		s[n++] = b->sample[from % SAMPLES];
	qsort(s, n, sizeof(*s), by_ns);
	printf("\"us\": [%llu, %llu], ", (unsigned long long)s[n / 2].ns / 1000,
	       (unsigned long long)s[n * 99 / 100].ns / 1000);
	qsort(s, n, sizeof(*s), by_others);
	printf("\"others\": [%llu, %llu], ", (unsigned long long)s[n / 2].others,
	       (unsigned long long)s[n * 99 / 100].others);
	free(s);
}

static void print_row(const struct mode *m, unsigned int round, const struct both *b,
		      const struct mark *a, const struct mark *z)
{
	u64 all = z->done[WAITS] + z->done[BULK] - a->done[WAITS] - a->done[BULK];

	printf("# row {\"mode\": \"%s\", \"round\": %u, ", m->name, round);
	if (m->there[WAITS]) {
		print_guest("waits", WAITS, a, z);
		print_samples(b, a->done[WAITS], z->done[WAITS]);
	}
	if (m->there[BULK])
		print_guest("bulk", BULK, a, z);
	printf("\"turns\": %.3f, \"wakeups\": %.3f, \"stalls\": %llu, \"hurries\": %.3f, ",
	       per(z->pool.turns - a->pool.turns, all),
	       per(z->pool.wakeups - a->pool.wakeups, all),
	       (unsigned long long)(z->pool.stalls - a->pool.stalls),
	       per(z->pool.hurries - a->pool.hurries, all));
	printf("\"switches\": %.3f}\n", per(z->switches - a->switches, all));
	fflush(stdout);
}

/* Until the one that waits has had enough; the other alone has its time. */
static struct mark mark_end(const struct mode *m, const struct both *b, u64 from)
{
	if (m->there[WAITS])
		must(wait_until(READ_ONCE(b->done[WAITS]) - from >= WANTED, END_MS),
		     "it does not get on");
	else
		sleep_ms(4 * SETTLE_MS);
	return mark(m, b);
}

static void measure_mode(const struct mode *m, const char *disk, unsigned int round)
{
	struct both *b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[WHOS] = {};
	struct mark a, z;
	enum who who;

	must(b != MAP_FAILED, "no memory");
	if (m->threads)
		need(nl_pool_set(POOL, m->threads));
	for (who = 0; who < WHOS; who++) {
		if (!m->there[who])
			continue;
		pid[who] = guest_fork(disk, b, who);
		if (m->threads)
			need(nl_pool_attach(POOL, b->id[who], m->class[who]));
	}
	WRITE_ONCE(b->go, true);
	sleep_ms(SETTLE_MS);
	a = mark(m, b);
	z = mark_end(m, b, a.done[WAITS]);
	print_row(m, round, b, &a, &z);
	for (who = 0; who < WHOS; who++) {
		if (!pid[who])
			continue;
		kill(pid[who], SIGKILL);
		waitpid(pid[who], NULL, 0);
	}
	munmap(b, sizeof(*b));
}

static void measure(void)
{
	const char *disk = disk_steady();
	unsigned int round, i;

	need(nl_pool_add(POOL, 1, false));
	for (round = 0; round < (brief ? 1 : ROUNDS); round++)
		for (i = 0; i < sizeof(modes) / sizeof(modes[0]) && !failed(); i++)
			measure_mode(&modes[i], disk, round);
	must(wait_until(!nl_pool_remove(POOL), 5000), "the pool does not go");
}

static const struct test tests[] = {
	{ "two-guests", measure, 1200 },
	{ NULL },
};

const struct group group_lanes = {
	"lanes", "a guest that waits and one that does not: measures", tests
};
