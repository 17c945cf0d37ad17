// SPDX-License-Identifier: GPL-2.0-only
/*
 * io DEVICE read|write DEPTH COUNT [PROCESSES]: direct 4 KiB I/O with DEPTH
 * requests in flight, marked for the plugin, so that the window holds exactly
 * COUNT requests from first submission to last completion. PROCESSES do so at
 * once, the n-th on processor n, each COUNT requests. With "waits" for DEPTH
 * it is one read or write after another, and how long each took is told, by every
 * process and inside of the window. Another size is said by the variable BLOCK.
 *
 * Static and without libaio; prints how long it took, how often each device
 * interrupt came, and how often the process slept. What it prints comes after
 * the window.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <sys/wait.h>
#include <sched.h>
#include <time.h>
#include <linux/fs.h>

#define MAX_DEPTH	128
#define WARM_UP		512
#define MAX_IRQS	64

static long block = 4096;

struct irq {
	char name[64];
	unsigned long count;
};

static void fail(const char *what)
{
	printf("# io: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* How often an interrupt came, on all processors; returns what follows. */
static char *sum_columns(char *line, unsigned long *count)
{
	unsigned long n;
	char *end;

	for (*count = 0; n = strtoul(line, &end, 10), end != line; line = end)
		*count += n;
	return line;
}

/* Message-signalled interrupts: those of PCI devices. */
static unsigned int read_irqs(struct irq *irqs)
{
	FILE *file = fopen("/proc/interrupts", "r");
	char line[512], *colon, *rest;
	unsigned int n = 0;

	if (!file)
		fail("/proc/interrupts");
	while (n < MAX_IRQS && fgets(line, sizeof(line), file)) {
		colon = strchr(line, ':');
		if (!colon || !strstr(line, "MSI"))
			continue;
		rest = sum_columns(colon + 1, &irqs[n].count);
		/* The chip, the interrupt's number there, its user's name. */
		if (sscanf(rest, "%*s %*s %63s", irqs[n].name) == 1)
			n++;
	}
	fclose(file);
	return n;
}

/* See plugin.c: the tag says which of the two it is. */
#define MARK_OPEN	0
#define MARK_CLOSE	1

static inline __attribute__((always_inline)) void mark(const unsigned char tag)
{
	asm volatile(".byte 0x0f, 0x1f, 0x80, %c0, 'M', 'R', 'K'"
		     : : "i" (tag) : "memory");
}

struct load {
	aio_context_t context;
	struct iocb iocbs[MAX_DEPTH];
	unsigned long blocks, next;
};

/* A stride that is odd visits every block and never the next one. */
static void aim(struct load *load, struct iocb *iocb)
{
	iocb->aio_offset = load->next * block;
	load->next = (load->next + 1021) % load->blocks;
}

static void submit(struct load *load, struct iocb **list, long n)
{
	long done;

	while (n) {
		done = syscall(SYS_io_submit, load->context, n, list);
		if (done < 0)
			fail("io_submit");
		list += done;
		n -= done;
	}
}

static void run(struct load *load, unsigned int depth, unsigned long count)
{
	struct iocb *list[MAX_DEPTH];
	struct io_event events[MAX_DEPTH];
	unsigned long sent, seen = 0;
	long i, n;

	for (sent = 0; sent < depth && sent < count; sent++) {
		list[sent] = &load->iocbs[sent];
		aim(load, list[sent]);
	}
	submit(load, list, sent);
	while (seen < count) {
		unsigned long again = 0;

		n = syscall(SYS_io_getevents, load->context, 1L, (long)depth,
			    events, NULL);
		if (n < 0)
			fail("io_getevents");
		for (i = 0; i < n; i++) {
			struct iocb *iocb = (void *)(uintptr_t)events[i].obj;

			if (events[i].res != block) {
				errno = -events[i].res;
				fail("a request");
			}
			if (sent + again < count) {
				aim(load, iocb);
				list[again++] = iocb;
			}
		}
		seen += n;
		submit(load, list, again);
		sent += again;
	}
}

static unsigned long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ul + t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return x < y ? -1 : x > y;
}

/* One after another, by the clock. */
static void run_waiting(struct load *load, unsigned long count)
{
	unsigned long *took = calloc(count, sizeof(*took)), i;

	if (!took)
		fail("calloc");
	for (i = 0; i < count; i++) {
		took[i] = now_ns();
		run(load, 1, 1);
		took[i] = now_ns() - took[i];
	}
	qsort(took, count, sizeof(*took), by_size);
	printf("# p50 %lu p99 %lu longest %lu\n", took[count / 2], took[count * 99 / 100],
	       took[count - 1]);
	fflush(stdout);
}

static void prepare(struct load *load, const char *path, int write,
		    unsigned int depth)
{
	int fd = open(path, O_RDWR | O_DIRECT);
	unsigned long bytes;
	unsigned int i;
	char *data;

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes))
		fail(path);
	load->blocks = bytes / block;
	data = mmap(NULL, (size_t)depth * block, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (data == MAP_FAILED)
		fail("mmap");
	if (syscall(SYS_io_setup, MAX_DEPTH, &load->context))
		fail("io_setup");
	for (i = 0; i < depth; i++)
		load->iocbs[i] = (struct iocb){
			.aio_lio_opcode = write ? IOCB_CMD_PWRITE :
						  IOCB_CMD_PREAD,
			.aio_fildes = fd,
			.aio_buf = (uintptr_t)data + (size_t)i * block,
			.aio_nbytes = block,
		};
}

/* What a process does: get ready, say so, wait for the word, run. */
struct gate {
	int ready[2];
	int go[2];
};

static void worker(struct load *load, char **argv, unsigned int depth,
		   unsigned long count, int cpu, struct gate *gate)
{
	cpu_set_t set;
	char byte = 0;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail("sched_setaffinity");
	prepare(load, argv[1], !strcmp(argv[2], "write"), depth);
	load->next = cpu * 7919ul % load->blocks;
	run(load, depth, WARM_UP);
	if (write(gate->ready[1], &byte, 1) != 1 ||
	    read(gate->go[0], &byte, 1) != 1)
		fail("a pipe");
	if (!strcmp(argv[3], "waits"))
		run_waiting(load, count);
	else
		run(load, depth, count);
	exit(0);
}

/* All processes are ready when this returns. */
static void start_all(struct load *load, char **argv, unsigned int depth,
		      unsigned long count, int processes, struct gate *gate)
{
	char byte;
	int i;

	if (pipe(gate->ready) || pipe(gate->go))
		fail("pipe");
	for (i = 0; i < processes; i++)
		if (!fork())
			worker(load, argv, depth, count, i, gate);
	close(gate->ready[1]);
	for (i = 0; i < processes; i++)
		if (read(gate->ready[0], &byte, 1) != 1)
			fail("a process");
}

static void wait_all(int processes)
{
	int status, i;

	for (i = 0; i < processes; i++)
		if (wait(&status) < 0 || status)
			exit(1);
}

static void report(const struct irq *before, const struct irq *after,
		   unsigned int n, const struct rusage *a,
		   const struct rusage *b)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (after[i].count != before[i].count)
			printf("# irq %s %lu\n", after[i].name,
			       after[i].count - before[i].count);
	printf("# slept %lu preempted %lu\n", b->ru_nvcsw - a->ru_nvcsw,
	       b->ru_nivcsw - a->ru_nivcsw);
}

int main(int argc, char **argv)
{
	static struct irq before[MAX_IRQS], after[MAX_IRQS];
	static struct load load;
	static const char go[64];
	unsigned int depth, n;
	struct rusage a, b;
	unsigned long count, from, took;
	struct gate gate;
	int processes, waits;

	if (argc != 5 && argc != 6)
		return 2;
	if (getenv("BLOCK"))
		block = atol(getenv("BLOCK"));
	waits = !strcmp(argv[3], "waits");
	depth = waits ? 1 : atoi(argv[3]);
	count = strtoul(argv[4], NULL, 0);
	processes = argc == 6 ? atoi(argv[5]) : 0;
	if (!depth || depth > MAX_DEPTH || !count || processes > (int)sizeof(go))
		return 2;
	if (processes) {
		start_all(&load, argv, depth, count, processes, &gate);
	} else {
		prepare(&load, argv[1], !strcmp(argv[2], "write"), depth);
		mlockall(MCL_CURRENT);
		run(&load, depth, WARM_UP);
	}
	read_irqs(before);
	getrusage(RUSAGE_SELF, &a);
	from = now_ns();
	mark(MARK_OPEN);
	if (!processes && waits)
		run_waiting(&load, count);
	else if (!processes)
		run(&load, depth, count);
	else if (write(gate.go[1], go, processes) == processes)
		wait_all(processes);
	else
		fail("a pipe");
	mark(MARK_CLOSE);
	took = now_ns() - from;
	getrusage(RUSAGE_SELF, &b);
	n = read_irqs(after);
	printf("# took %lu\n", took);
	report(before, after, n, &a, &b);
	return 0;
}
