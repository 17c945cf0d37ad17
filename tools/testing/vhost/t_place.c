// SPDX-License-Identifier: GPL-2.0-only
/*
 * On machines with several NUMA nodes: workers run, and requests lie, where the
 * ring's memory is, wherever the VMM's own threads are.
 */
#include <dirent.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "disk.h"
#include "groups.h"
#include "load.h"

#define NODES	2
#define WORKER	"parley-blk"	/* how a worker's name begins */
#define LIST	100		/* characters of a list of processors */

static bool first_line(const char *path, char *text, int size)
{
	FILE *f = fopen(path, "r");
	bool ok = f && fgets(text, size, f);

	if (f)
		fclose(f);
	if (ok)
		text[strcspn(text, "\n")] = 0;
	return ok && *text;
}

/* The processors of a node, as the kernel writes them. */
static void node_cpus(unsigned int node, char *list)
{
	char path[100];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/cpulist", node);
	if (!first_line(path, list, LIST))
		skip("node %u has no processors", node);
}

static void run_on(unsigned int node)
{
	char list[LIST];
	cpu_set_t set;

	node_cpus(node, list);
	CPU_ZERO(&set);
	CPU_SET(strtoul(list, NULL, 10), &set);
	must(!sched_setaffinity(0, sizeof(set), &set), "cannot run on %s", list);
}

/* The pages of a ring, of at most a page for each area, move to a node. */
static void ring_to(struct vmm *v, unsigned int i, unsigned int node)
{
	unsigned long mask = 1ul << node;
	struct vhost_vring_addr a;
	u64 at[3];
	int k;

	vmm_addr(v, i, &a);
	at[0] = a.desc_user_addr;
	at[1] = a.avail_user_addr;
	at[2] = a.used_user_addr;
	for (k = 0; k < 3; k++)
		must(!syscall(SYS_mbind, at[k] & ~(PAGE - 1), PAGE, MPOL_BIND, &mask,
			      8 * sizeof(mask), MPOL_MF_MOVE | MPOL_MF_STRICT),
		     "no memory of node %u: %s", node, strerror(errno));
}

/* Where each worker of ours may run; returns how many there are. */
static unsigned int workers_cpus(char lists[][LIST], unsigned int max)
{
	char path[300], line[LIST];
	struct dirent *d;
	unsigned int n = 0;
	DIR *dir = opendir("/proc/self/task");
	FILE *f;

	must(dir, "no /proc");
	while ((d = readdir(dir)) && n < max) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", d->d_name);
		if (!first_line(path, line, sizeof(line)) ||
		    strncmp(line, WORKER, strlen(WORKER)))
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", d->d_name);
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f))
			n += sscanf(line, "Cpus_allowed_list: %99s", lists[n]) == 1;
		if (f)
			fclose(f);
	}
	closedir(dir);
	return n;
}

/* KiB of a node that requests may have come from: slab, and vmalloc for them. */
static long requests_kib(unsigned int node)
{
	char path[100], line[500], key[10], *at;
	long kib = 0, found;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/meminfo", node);
	f = fopen(path, "r");
	must(f, "no %s", path);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Node %*u SUnreclaim: %ld", &found) == 1)
			kib += found;
	fclose(f);
	snprintf(key, sizeof(key), " N%u=", node);
	f = fopen("/proc/vmallocinfo", "r");
	must(f, "no /proc/vmallocinfo");
	while (fgets(line, sizeof(line), f)) {
		at = strstr(line, "vh_reqs_alloc") ? strstr(line, key) : NULL;
		if (at)
			kib += strtol(at + strlen(key), NULL, 10) * (PAGE / 1024);
	}
	fclose(f);
	return kib;
}

static void serve_some(struct vmm *v)
{
	unsigned int i, k;
	u8 data[4096];

	for (k = 0; k < 5; k++)
		for (i = 0; i < v->cfg.queues; i++)
			want(blk_do(v->q[i], v->g, VIRTIO_BLK_T_IN, 8 * k, data,
				    sizeof(data)), VIRTIO_BLK_S_OK);
}

/* Rings of 256 have more than 2 MiB of requests. */
static void worker_and_requests(void)
{
	static const u64 rings[] = { EVENT, PACKED | EVENT };
	char cpus[NODES][LIST], at[4][LIST];
	unsigned int node, other, k;
	cpu_set_t everywhere;
	long kib[NODES];
	struct vmm *v;

	sched_getaffinity(0, sizeof(everywhere), &everywhere);
	for (node = 0; node < NODES; node++)
		node_cpus(node, cpus[node]);
	for (k = 0; k < 2 * NODES; k++) {
		struct vmm_cfg cfg = { .ring = rings[k / NODES], .size = 256 };

		node = k % NODES;
		other = (node + 1) % NODES;
		v = vmm_new(&cfg);
		ring_to(v, 0, node);
		run_on(other);
		kib[node] = requests_kib(node);
		kib[other] = requests_kib(other);
		vmm_enable_all(v, true);
		serve_some(v);
		kib[node] = requests_kib(node) - kib[node];
		kib[other] = requests_kib(other) - kib[other];
		expect(workers_cpus(at, 4) == 1, "not one worker");
		expect(!strcmp(at[0], cpus[node]),
		       "the worker may run on %s; node %u has %s", at[0], node,
		       cpus[node]);
		expect(kib[node] > 1800 && kib[other] < 400,
		       "%ld KiB on node %u, and %ld elsewhere", kib[node], node,
		       kib[other]);
		vmm_free(v);
		/* The next worker begins as one that nobody has placed. */
		sched_setaffinity(0, sizeof(everywhere), &everywhere);
	}
}

/* A worker for each ring follows it; one for both is where it was. */
static void rings_apart(void)
{
	char cpus[NODES][LIST], all[LIST], at[4][LIST];
	unsigned int workers, i;
	struct vmm *v;

	for (i = 0; i < NODES; i++)
		node_cpus(i, cpus[i]);
	must(first_line("/sys/devices/system/cpu/possible", all, LIST), "no sysfs");
	for (workers = 1; workers <= 2; workers++) {
		struct vmm_cfg cfg = { .ring = EVENT, .queues = 2, .workers = workers };

		v = vmm_new(&cfg);
		ring_to(v, 0, 0);
		ring_to(v, 1, 1);
		vmm_enable_all(v, true);
		serve_some(v);
		must(workers_cpus(at, 4) == workers, "not %u workers", workers);
		if (workers == 1) {
			expect(!strcmp(at[0], all), "one for both may run on %s", at[0]);
		} else {
			i = strcmp(at[0], cpus[0]) != 0;
			expect(!strcmp(at[i], cpus[0]) && !strcmp(at[!i], cpus[1]),
			       "they may run on %s and on %s", at[0], at[1]);
		}
		vmm_free(v);
	}
}

/* A worker is where the thread was that made it, if somebody had placed that. */
static void left_alone(void)
{
	struct vmm_cfg cfg = { .ring = EVENT };
	char cpus[LIST], at[4][LIST];
	struct vmm *v;

	node_cpus(1, cpus);	/* it has some, or there is nothing to test */
	node_cpus(0, cpus);
	run_on(0);
	v = vmm_new(&cfg);
	ring_to(v, 0, 1);
	vmm_enable_all(v, true);
	serve_some(v);
	must(workers_cpus(at, 4) == 1, "not one worker");
	expect(!strncmp(at[0], cpus, strcspn(cpus, "-,")),
	       "placed on %s, it was moved to %s", cpus, at[0]);
	vmm_free(v);
}

static const struct test tests[] = {
	{ "worker-and-requests", worker_and_requests, 30 },
	{ "rings-apart", rings_apart, 20 },
	{ "left-alone", left_alone, 20 },
	{ NULL },
};

const struct group group_place = { "place", "NUMA nodes", tests };
