// SPDX-License-Identifier: GPL-2.0-only
/* The processes that the supervisor started. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include "child.h"
#include "note.h"
#include "server.h"

/* Milliseconds of the monotonic clock. */
long child_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Close all descriptors from @from to @to, both included. */
static void close_between(int from, int to)
{
	if (from <= to)
		close_range((unsigned int)from, (unsigned int)to, 0);
}

static int ascending(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* All descriptors but these, and the three that everybody has. */
static void close_others(int *keep, unsigned int nr)
{
	int last = STDERR_FILENO;
	unsigned int i;

	qsort(keep, nr, sizeof(*keep), ascending);
	for (i = 0; i < nr; i++) {
		close_between(last + 1, keep[i] - 1);
		last = keep[i];
	}
	close_range((unsigned int)last + 1, ~0u, 0);
}

/* What the supervisor has open and mapped is no business of this process. */
static void leave_behind(struct options *o, struct disk *disk, int a, int b)
{
	int keep[IVSHMEM_FDS + 2] = { a, b };
	unsigned int i, nr = 2;

	if (disk->iv)
		nr += ivshmem_fds(disk->iv, keep + nr);
	close_others(keep, nr);
	for (i = 0; i < o->nr; i++)
		if (&o->disk[i] != disk && o->disk[i].who.budget)
			munmap(o->disk[i].who.budget, sizeof(struct say_budget));
	disk->listen_fd = -1;
}

/* After its socket: ps and "parley status" show this name of a device's owner. */
static void call_itself(const struct disk *disk)
{
	const char *slash = strrchr(disk->who.disk, '/');

	prctl(PR_SET_NAME, slash && slash[1] ? slash + 1 : disk->who.disk);
}

/* The whole life of the process. */
static void __attribute__((noreturn)) live(struct options *o, struct disk *disk,
					   int sock, int control)
{
	enum server_end end;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* What the whole group gets is for the supervisor, who tells us. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	leave_behind(o, disk, sock < 0 ? control : sock, control);
	call_itself(disk);
	disk->control = control;
	if (sock < 0) {
		end = server_probe(disk);
	} else {
		disk->who.conn = disk->conns;
		disk->who.pid = server_peer(sock);
		end = server_run(disk, sock);
	}
	_exit(end);
}

/**
 * child_start - start a process for a VMM, or for a probe
 * @list: added to
 * @o: all disks
 * @disk: which
 * @sock: of the VMM, ours to close on success; -1 for a probe
 *
 * Return: 0 or -errno.
 */
int child_start(struct child **list, struct options *o, struct disk *disk,
		int sock)
{
	struct child *c = calloc(1, sizeof(*c));
	int pair[2], ret;

	if (!c)
		return -ENOMEM;
	ret = note_pair(pair);
	if (ret)
		goto free;
	c->pid = fork();
	if (!c->pid)
		live(o, disk, sock, pair[1]);
	ret = c->pid < 0 ? -errno : 0;
	close(pair[1]);
	if (ret) {
		close(pair[0]);
		goto free;
	}
	c->disk = disk;
	c->number = disk->conns;
	c->vmm = sock < 0 ? 0 : server_peer(sock);
	c->sock = sock;
	c->control = pair[0];
	c->since = child_now();
	c->probe = sock < 0;
	c->next = *list;
	*list = c;
	return 0;
free:
	free(c);
	return ret;
}

/*
 * A note has come, or the process has closed its end.
 *
 * Return: true if it waits for us to agree to its device.
 */
bool child_hear(struct child *c)
{
	struct note note = note_receive(c->control);

	if (note.kind == NOTE_CLOSED)
		c->deaf = true;
	if (note.kind != NOTE_SERVING)
		return false;
	c->device = note.value;
	return true;
}

/* Have it stop its rings and end. */
void child_stop(struct child *c)
{
	if (c->control >= 0)
		close(c->control);
	c->control = -1;
}

/**
 * child_leaving - is one that serves this disk about to end?
 * @list: of all
 * @disk: which
 *
 * Return: true if the VMM of one has left.
 */
bool child_leaving(struct child *list, const struct disk *disk)
{
	struct pollfd p = { .events = 0 };

	for (; list; list = list->next) {
		if (list->disk != disk || list->probe)
			continue;
		p.fd = list->sock;
		if (list->gone || list->deaf || poll(&p, 1, 0) > 0)
			return true;
	}
	return false;
}

struct child *child_find(struct child *list, pid_t pid)
{
	while (list && list->pid != pid)
		list = list->next;
	return list;
}

/* It has ended, or is not waited for: let its descriptors go. */
void child_forget(struct child **list, struct child *c)
{
	while (*list != c)
		list = &(*list)->next;
	*list = c->next;
	child_stop(c);
	if (c->sock >= 0)
		close(c->sock);
	free(c);
}
