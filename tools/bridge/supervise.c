// SPDX-License-Identifier: GPL-2.0-only
/* The first process: accept, fork, reap. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "child.h"
#include "listen.h"
#include "note.h"
#include "server.h"
#include "supervise.h"

#define PROBE_MS	2000	/* a back end that answers later is not waited for */
#define SUCCEED_MS	2000	/* a VMM waits so long for the one before to end */
#define STARVED_MS	1000	/* without descriptors or processes, try again then */
#define STARTS		10	/* connections of a disk in a second */
#define POLITE_MS	1500	/* at the end, before processes are killed */
#define END_MS		1900	/* then nobody is waited for any more */
#define PATIENT		2	/* failures in a row that cost nothing */
#define QUIET_MAX	32	/* seconds */
#define LASTED_MS	10000	/* a connection that was a good one */

/**
 * struct supervisor - all there is
 * @o: the disks
 * @children: processes
 * @signals: signalfd
 * @ending: we were told to end
 * @good: disks whose probe ended well
 */
struct supervisor {
	struct options *o;
	struct child *children;
	int signals;
	bool ending;
	unsigned int good;
};

/* --------------------------------------------------------------- reaping */

/* Remember who failed: it is turned away for longer and longer. */
static void remember(struct disk *disk, const struct child *c, bool failed)
{
	unsigned int seconds;

	if (c->vmm != disk->failed_pid || child_now() - c->since > LASTED_MS)
		disk->failures = 0;
	if (!failed)
		return;
	disk->failed_pid = c->vmm;
	if (++disk->failures <= PATIENT)
		return;
	seconds = disk->failures - PATIENT > 5 ? QUIET_MAX :
		  1u << (disk->failures - PATIENT - 1);
	disk->quiet_until = child_now() + seconds * 1000l;
	say(&disk->who, "pid %d failed %u times in a row; it is turned away for %u s",
	    c->vmm, disk->failures, seconds);
}

static void tell_status(const struct supervisor *s)
{
	unsigned int i, used = 0;
	char text[80];

	for (i = 0; i < s->o->nr; i++)
		used += s->o->disk[i].clients > 0;
	snprintf(text, sizeof(text), "STATUS=%u of %u disks in use", used,
		 s->o->nr);
	systemd_tell(text);
}

/*
 * A guest that shares memory with its device cannot connect again: it gets another
 * process, unless its VMM has left.
 */
static void succeed(struct supervisor *s, struct child *c, bool well)
{
	struct disk *disk = c->disk;

	if (well || c->gone || s->ending) {
		ivshmem_free(disk->iv);
		disk->iv = NULL;
		return;
	}
	disk->waiting = c->sock;
	c->sock = -1;
	disk->wait_until = LONG_MAX;
	disk->pause_until = disk->quiet_until;
}

static void buried(struct supervisor *s, struct child *c, int status)
{
	struct disk *disk = c->disk;
	bool well = WIFEXITED(status) && WEXITSTATUS(status) == SERVER_LEFT;
	bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;

	if (WIFSIGNALED(status))
		say(&disk->who, "process %d, connection %u (pid %d): ended by signal %d (%s)",
		    c->pid, c->number, c->vmm, WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	if (c->probe) {
		s->good += well;
	} else {
		/* Whoever killed it, the VMM is not to blame. */
		remember(disk, c, !well && !killed);
		disk->clients--;
		if (disk->iv)
			succeed(s, c, well);
		tell_status(s);
	}
	child_forget(&s->children, c);
}

static void reap(struct supervisor *s)
{
	struct child *c;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		c = child_find(s->children, pid);
		if (c)
			buried(s, c, status);
	}
}

/* ------------------------------------------------------------- accepting */

/* Descriptors, processes or memory ran out: say so once, and try again later. */
static void starve(struct disk *disk, int error)
{
	disk->pause_until = child_now() + STARVED_MS;
	if (!disk->starved)
		say(&disk->who, "a VMM waits: %s; tried again every second (LimitNOFILE, TasksMax)",
		    strerror(error));
	disk->starved = true;
}

/* A guest that will share memory with its device: it is told of it once. */
static bool introduced(struct disk *disk, int sock)
{
	const struct disk_options *o = &disk->options;
	unsigned int queues = o->queues < IVSHMEM_QUEUES ? o->queues : IVSHMEM_QUEUES;
	int ret;

	if (!o->ivshmem || disk->iv)
		return true;
	disk->iv = ivshmem_new(o->ivshmem, queues);
	ret = disk->iv ? ivshmem_introduce(disk->iv, sock) : -errno;
	if (!ret)
		return true;
	say(&disk->who, "pid %d: nothing to be shared with it: %s",
	    server_peer(sock), strerror(-ret));
	ivshmem_free(disk->iv);
	disk->iv = NULL;
	close(sock);
	return false;
}

static void start(struct supervisor *s, struct disk *disk, int sock)
{
	int ret;

	disk->waiting = -1;
	if (!introduced(disk, sock))
		return;
	disk->conns++;
	ret = child_start(&s->children, s->o, disk, sock);
	if (ret) {
		starve(disk, -ret);
		disk->conns--;
		disk->waiting = sock;
		disk->wait_until = LONG_MAX;
		return;
	}
	if (disk->starved)
		say(&disk->who, "VMMs are served again");
	disk->starved = false;
	disk->clients++;
	tell_status(s);
}

static void refuse(struct disk *disk, int sock, const char *why)
{
	say(&disk->who, "refused pid %d: %s", server_peer(sock), why);
	close(sock);
}

/* Somebody connected.  Is there room, or will there be soon? */
static void admit(struct supervisor *s, struct disk *disk, int sock)
{
	int pid = server_peer(sock);

	if (pid == disk->failed_pid && child_now() < disk->quiet_until) {
		close(sock);
		return;
	}
	if (disk->clients < disk->options.clients) {
		start(s, disk, sock);
		return;
	}
	if (!child_leaving(s->children, disk)) {
		refuse(disk, sock, "this disk is in use");
		return;
	}
	disk->waiting = sock;
	disk->wait_until = child_now() + SUCCEED_MS;
}

static bool starved(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS ||
	       error == ENOMEM;
}

/* A VMM that connects in a loop must not keep us from the others. */
static bool too_fast(struct disk *disk)
{
	long now = child_now();

	if (now >= disk->second) {
		disk->second = now + 1000;
		disk->started = 0;
	}
	if (disk->started++ < STARTS)
		return false;
	disk->pause_until = disk->second;
	return true;
}

static void accept_one(struct supervisor *s, struct disk *disk)
{
	int sock;

	if (too_fast(disk))
		return;
	sock = accept4(disk->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (sock >= 0)
		admit(s, disk, sock);
	else if (starved(errno))
		starve(disk, errno);
}

/*
 * A process has set up a device, and waits: no request shall come before its limits.
 * Without them it might take what others were promised, so it is not served then.
 */
static void agree(struct child *c)
{
	const struct limits *l = &c->disk->options.limits;
	int ret = l->given ? c->disk->limit(c->device, l) : 0;

	if (!ret) {
		note_send(c->control, NOTE_AGREED, 0);
		return;
	}
	say(&c->disk->who, "its limits cannot be set: %s%s; it is not served without",
	    strerror(-ret), ret == -EPERM || ret == -ENOENT || ret == -EAFNOSUPPORT ?
	    " (CAP_NET_ADMIN, AF_NETLINK, the host's network namespace)" : "");
	child_stop(c);
}

/* Those who wait until another one has ended. */
static void look_after(struct supervisor *s, struct disk *disk)
{
	int sock = disk->waiting;

	if (sock < 0)
		return;
	if (disk->clients < disk->options.clients) {
		if (child_now() >= disk->pause_until)
			start(s, disk, sock);
	} else if (child_now() >= disk->wait_until) {
		disk->waiting = -1;
		refuse(disk, sock, "the one before still ends; its back end hangs?");
	}
}

/* --------------------------------------------------------------- signals */

static void report_one(struct child *c)
{
	const struct disk_options *o = &c->disk->options;

	say(&c->disk->who, "%s%s%s: device %u, connection %u of pid %d, process %d",
	    o->path, *o->serial ? ", serial " : "", o->serial, c->device,
	    c->number, c->vmm, c->pid);
}

/* Which disk is which device: for people who see one of both. */
static void report(struct supervisor *s)
{
	struct disk *disk;
	struct child *c;
	unsigned int i;

	for (i = 0; i < s->o->nr; i++) {
		disk = &s->o->disk[i];
		if (!disk->clients)
			say(&disk->who, "%s: no VMM", disk->options.path);
		for (c = s->children; c; c = c->next)
			if (c->disk == disk && !c->probe)
				report_one(c);
	}
}

static void take_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;
	struct child *c;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info))
		switch (info.ssi_signo) {
		case SIGTERM:
		case SIGINT:
			s->ending = true;
			break;
		case SIGUSR1:
			report(s);
			break;
		case SIGHUP:
			say(NULL, "looking for new sizes; a new configuration takes a restart");
			for (c = s->children; c; c = c->next)
				note_send(c->control, NOTE_RESCAN, 0);
			break;
		}
	/* One SIGCHLD may stand for several. */
	reap(s);
}

/* --------------------------------------------------------------- the loop */

static bool listening(const struct disk *disk)
{
	return disk->listen_fd >= 0 && disk->waiting < 0 &&
	       child_now() >= disk->pause_until;
}

static long sooner(long left, long then)
{
	return then > 0 && (left < 0 || then < left) ? then : left;
}

/* Milliseconds until something is due, at most @left; -1 for never. */
static int due(const struct supervisor *s, long left)
{
	long now = child_now();
	unsigned int i;

	for (i = 0; i < s->o->nr; i++) {
		const struct disk *disk = &s->o->disk[i];

		if (disk->waiting >= 0)
			left = sooner(left, disk->wait_until - now);
		if (disk->waiting >= 0 || disk->listen_fd >= 0)
			left = sooner(left, disk->pause_until - now);
	}
	return left > INT_MAX ? INT_MAX : (int)left;
}

/* Wait for something to happen, @ms at most (-1: as long as it takes). */
static void step(struct supervisor *s, long ms)
{
	unsigned int n = 1, i, nr = s->o->nr + 1;
	struct child *c, *next;
	struct pollfd *p;

	for (c = s->children; c; c = c->next)
		nr += 2;
	p = calloc(nr, sizeof(*p));
	if (!p) {
		usleep(STARVED_MS * 1000);
		return;
	}
	p[0] = (struct pollfd){ s->signals, POLLIN, 0 };
	for (i = 0; i < s->o->nr; i++)
		p[n++] = (struct pollfd){ listening(&s->o->disk[i]) ?
					  s->o->disk[i].listen_fd : -1, POLLIN, 0 };
	for (c = s->children; c; c = c->next) {
		p[n++] = (struct pollfd){ c->deaf ? -1 : c->control, POLLIN, 0 };
		p[n++] = (struct pollfd){ c->gone ? -1 : c->sock, 0, 0 };
	}
	if (poll(p, nr, due(s, ms)) < 0)
		memset(p, 0, nr * sizeof(*p));
	for (c = s->children, n = s->o->nr + 1; c; c = next, n += 2) {
		next = c->next;
		if (p[n].revents && child_hear(c))
			agree(c);
		if (p[n + 1].revents)
			c->gone = true;
	}
	take_signals(s);
	for (i = 0; i < s->o->nr; i++) {
		if (p[1 + i].revents)
			accept_one(s, &s->o->disk[i]);
		look_after(s, &s->o->disk[i]);
	}
	free(p);
}

/* ----------------------------------------------------- beginning and end */

/* Can the disks be served?  Asked of all at once, in processes of their own. */
static bool probe(struct supervisor *s)
{
	long until = child_now() + PROBE_MS;
	struct child *c;
	unsigned int i;
	int ret;

	for (i = 0; i < s->o->nr; i++) {
		ret = child_start(&s->children, s->o, &s->o->disk[i], -1);
		if (ret)
			say(&s->o->disk[i].who, "no process: %s", strerror(-ret));
	}
	while (s->children && !s->ending && child_now() < until)
		step(s, until - child_now());
	for (c = s->children; c && !s->ending; c = c->next) {
		say(&c->disk->who, "%s does not answer; served as soon as it does",
		    c->disk->options.path);
		s->good++;
	}
	return s->good;
}

static unsigned int start_listening(struct supervisor *s)
{
	unsigned int i, n = 0;
	int connected;

	for (i = 0; i < s->o->nr; i++) {
		if (listen_start(&s->o->disk[i], &connected))
			continue;
		n++;
		if (connected >= 0)
			start(s, &s->o->disk[i], connected);
		else
			say(&s->o->disk[i].who, "waiting for a VMM of %s",
			    s->o->disk[i].options.path);
	}
	systemd_leftover();
	return n;
}

/* With an inherited connection all ends when that does. */
static bool anything_left(const struct supervisor *s)
{
	unsigned int i;

	for (i = 0; i < s->o->nr; i++)
		if (s->o->disk[i].listen_fd >= 0 || s->o->disk[i].clients)
			return true;
	return false;
}

/*
 * Everybody stops its rings.  Who does not in time is killed, which loses nothing
 * either: the kernel then finishes what is in flight.
 */
static void finish(struct supervisor *s)
{
	long begun = child_now(), left;
	bool killed = false;
	struct child *c;
	unsigned int i;

	for (i = 0; i < s->o->nr; i++) {
		listen_stop(&s->o->disk[i]);
		if (s->o->disk[i].waiting >= 0)
			close(s->o->disk[i].waiting);
		s->o->disk[i].waiting = -1;
	}
	for (c = s->children; c; c = c->next)
		child_stop(c);
	while (s->children) {
		left = begun + (killed ? END_MS : POLITE_MS) - child_now();
		if (left > 0) {
			step(s, left);
			continue;
		}
		if (killed)
			break;
		killed = true;
		for (c = s->children; c; c = c->next) {
			say(&c->disk->who, "process %d does not end and is killed; nothing is lost",
			    c->pid);
			kill(c->pid, SIGKILL);
		}
	}
	while (s->children)
		child_forget(&s->children, s->children);
	for (i = 0; i < s->o->nr; i++) {
		ivshmem_free(s->o->disk[i].iv);
		s->o->disk[i].iv = NULL;
	}
}

/*
 * What each disk is called in messages, and how many there may be: shared with the
 * processes that serve it, so that it says no more by having many.
 */
static int give_voices(struct options *o)
{
	struct who *who;
	unsigned int i;

	for (i = 0; i < o->nr; i++) {
		who = &o->disk[i].who;
		who->disk = o->disk[i].options.socket ?
			    o->disk[i].options.socket : o->disk[i].options.path;
		who->budget = mmap(NULL, sizeof(*who->budget),
				   PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (who->budget != MAP_FAILED)
			continue;
		who->budget = NULL;
		say(NULL, "no memory: %s", strerror(errno));
		return -1;
	}
	return 0;
}

/**
 * supervise - serve the disks until SIGTERM or SIGINT
 * @o: which
 *
 * Return: the exit status of the process.
 */
int supervise(struct options *o)
{
	struct supervisor s = { .o = o };
	sigset_t signals;
	int status = 1;

	if (give_voices(o))
		return status;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	s.signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s.signals < 0) {
		say(NULL, "no signalfd: %s", strerror(errno));
		return status;
	}
	if (probe(&s) && !s.ending && start_listening(&s)) {
		status = 0;
		systemd_tell("READY=1");
		tell_status(&s);
		while (!s.ending && anything_left(&s))
			step(&s, -1);
		systemd_tell("STOPPING=1");
	} else if (s.ending) {
		status = 0;
	}
	finish(&s);
	close(s.signals);
	return status;
}
