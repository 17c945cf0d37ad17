// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a stop, a kill and a change of memory take while every ring of a disk is
 * full of requests: rows for make bench, which judge nothing.  A row is one line
 * "# row {...}" of JSON.
 *
 * All requests of a load are reads, and have their header, status and data in
 * common: nobody looks at the data, and memory for all of them there is none.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include "blkreq.h"
#include "disk.h"
#include "groups.h"
#include "heir.h"
#include "nl.h"

#define RINGS		64u
#define DEPTH		128u
#define WORKERS		4u
#define PIECE		(4u << 20)
#define PIECES_MAX	48u
#define ROUNDS		3u
#define SETTLE_MS	200	/* much is in flight, and little has ended */
#define END_MS		120000
#define VIEW		BIT_ULL(40)	/* where memory is that is taken away */

/**
 * struct size - of the requests of a load
 * @name: for people
 * @pieces: of @bytes each
 * @bytes: of a piece
 */
struct size {
	const char *name;
	u32 pieces;
	u32 bytes;
};

static const struct size sizes[] = {
	{ "4 KiB", 1, 4096 },
	/* The largest that a stop finishes, and one that it leaves. */
	{ "16 MiB less 4 KiB", 4, PIECE - 1024 },
	{ "192 MiB", PIECES_MAX, PIECE },
};

/* What is measured; the VMM is a child where it is killed. */
enum op { OP_STOP, OP_MEMORY, OP_KILL, OPS };

static const char * const op_names[] = { "stop", "memory", "kill" };

static void fill(struct vmm *v, const struct size *size)
{
	u64 head = guest_alloc(v->g, PAGE), data = guest_alloc(v->g, PIECE);
	struct virtio_blk_outhdr *h = guest_ptr(v->g, head, sizeof(*h));
	struct parley_seg segs[PIECES_MAX + 2];
	struct parley_buf buf = {
		.segs = segs, .n_out = 1, .n_in = size->pieces + 1,
	};
	unsigned int i, k;

	*h = (struct virtio_blk_outhdr){ .type = htole32(VIRTIO_BLK_T_IN) };
	segs[0] = (struct parley_seg){ head, sizeof(*h) };
	for (k = 1; k <= size->pieces; k++)
		segs[k] = (struct parley_seg){ data, size->bytes };
	segs[k] = (struct parley_seg){ head + 512, 1 };
	for (i = 0; i < RINGS; i++) {
		for (k = 0; k < DEPTH; k++) {
			buf.cookie = v;
			must(parley_drvq_put(v->q[i]->drv, &buf, 1, GFP_KERNEL) == 1,
			     "ring %u holds %u requests only", i, k);
		}
		breq_publish(v->q[i]);
	}
}

/* The guest's memory, and a part of it once more, which is not used. */
static long table(struct vmm *v, bool more)
{
	struct vhost_memory *t = guest_table(v->g);
	long ret;

	t = realloc(t, sizeof(*t) + (t->nregions + 1) * sizeof(t->regions[0]));
	t->regions[t->nregions] = (struct vhost_memory_region){
		.guest_phys_addr = VIEW, .memory_size = PIECE,
		.userspace_addr = (uintptr_t)v->g->r[0].hva,
	};
	t->nregions += more;
	ret = vio(v->fd, VHOST_SET_MEM_TABLE, t);
	free(t);
	return ret;
}

static unsigned int in_flight(u32 id)
{
	struct nl_queue q;
	unsigned int i, n = 0;

	for (i = 0; i < RINGS; i++) {
		need(nl_queue_get(id, i, &q));
		n += q.in_flight;
	}
	return n;
}

/* Rings that were not full when they began, so that others go on elsewhere. */
static struct vmm *guest_with(const char *disk, const struct size *size, bool child)
{
	struct vmm_cfg cfg = {
		.ring = EVENT | INDIRECT, .queues = RINGS, .workers = WORKERS,
		.size = DEPTH, .memory = 64 << 20, .disk = disk,
	};
	struct vmm *v = child ? vmm_guest_new(&cfg) : vmm_new(&cfg);

	fill(v, size);
	return v;
}

static void print_row(const char *disk, const struct size *size, enum op op,
		      unsigned int round, unsigned int flight, u64 ms)
{
	printf("# row {\"disk\": \"%s\", \"size\": \"%s\", \"op\": \"%s\", ", disk,
	       size->name, op_names[op]);
	printf("\"round\": %u, \"flight\": %u, \"ms\": %llu}\n", round, flight,
	       (unsigned long long)ms);
	fflush(stdout);
}

static void measure_calls(const char *name, const char *disk, const struct size *size,
			  enum op op, unsigned int round)
{
	struct vmm *v = guest_with(disk, size, false);
	unsigned int flight;
	u64 start;
	u32 id;

	need(table(v, true));
	need(vio(v->fd, PARLEY_VHOST_GET_ID, &id));
	vmm_enable_all(v, true);
	sleep_ms(SETTLE_MS);
	flight = in_flight(id);
	start = now_ms();
	if (op == OP_STOP)
		vmm_enable_all(v, false);
	else
		need(table(v, false));
	print_row(name, size, op, round, flight, now_ms() - start);
	vmm_free(v);
}

static void measure_kill(const char *name, const char *disk, const struct size *size,
			 unsigned int round)
{
	struct vmm *v = guest_with(disk, size, true);
	struct shared *s = shared_new();
	pid_t pid = vmm_fork(v, s);
	unsigned int flight;
	u64 start;

	sleep_ms(SETTLE_MS);
	flight = in_flight(s->id);
	start = now_ms();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	must(wait_until(all_stopped(v, s), END_MS), "the rings were not finished");
	print_row(name, size, OP_KILL, round, flight, now_ms() - start);
	vmm_free(v);
}

static void measure(const char *name, const char *disk)
{
	unsigned int i, round;
	enum op op;

	for (round = 0; round < (brief ? 1 : ROUNDS); round++) {
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && !failed(); i++) {
			for (op = 0; op < OP_KILL; op++)
				measure_calls(name, disk, &sizes[i], op, round);
			measure_kill(name, disk, &sizes[i], round);
		}
	}
}

static void late(void)
{
	measure("null_blk, each after 100 ms", disk_late());
}

static void limited(void)
{
	measure("null_blk, 100 MB a second", disk_limited());
}

static void in_file(void)
{
	measure("a file in tmpfs", disk_large_file());
}

static const struct test tests[] = {
	{ "late", late, 600 },
	{ "limited", limited, 1200 },
	{ "file", in_file, 600 },
	{ NULL },
};

const struct group group_latency = {
	"latency", "how long a stop, a kill, a change of memory take: measures", tests
};
