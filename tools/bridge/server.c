// SPDX-License-Identifier: GPL-2.0-only
/* A process that serves one VMM, from its first moment to its last. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "conn.h"
#include "note.h"
#include "shm.h"
#include "server.h"

#define TICK_MS		1	/* rings without a kick are looked at so often */
#define HOLD_MS		5	/* a memory table that changes takes no longer */

/* Who connected?  0 if the kernel does not say. */
int server_peer(int sock)
{
	struct ucred cred = { .pid = 0 };
	socklen_t len = sizeof(cred);

	getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	return cred.pid;
}

static void resize(struct conn *c)
{
	int ret = c->d.kind->resize ? c->d.kind->resize(c) : 0;

	if (ret)
		say(c->d.who, "cannot learn the size of %s: %s",
		    c->disk->options.path, strerror(-ret));
}

/* A client of ivshmem says nothing; false when it is gone. */
static bool listens(int sock)
{
	char rest[64];
	ssize_t n = recv(sock, rest, sizeof(rest), MSG_DONTWAIT);

	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static int timeout(struct conn *c)
{
	if (device_ticks(&c->d))
		return TICK_MS;
	if (device_held(&c->d))
		return HOLD_MS;
	if (c->disk->options.rescan)
		return (int)c->disk->options.rescan * 1000;
	return -1;
}

static void timed_out(struct conn *c)
{
	if (device_ticks(&c->d))
		device_tick(&c->d);
	else if (device_held(&c->d))
		device_resume(&c->d);
	else
		resize(c);
}

/* True when the process is to end. */
static bool told(struct conn *c)
{
	switch (note_receive(c->disk->control).kind) {
	case NOTE_CLOSED:
		return true;
	case NOTE_RESCAN:
		resize(c);
		return false;
	default:
		return false;
	}
}

static enum server_end serve(struct conn *c)
{
	struct pollfd p[3];
	int n;

	for (;;) {
		p[0] = (struct pollfd){ c->disk->control, POLLIN, 0 };
		p[1] = (struct pollfd){ c->sock, POLLIN, 0 };
		p[2] = (struct pollfd){ c->config_fd, POLLIN, 0 };
		n = poll(p, 3, timeout(c));
		if (n == 0)
			timed_out(c);
		if (n <= 0)
			continue;
		if (p[0].revents && told(c))
			return SERVER_LEFT;
		if (p[2].revents)
			conn_config_changed(c);
		if (p[1].revents && conn_input(c))
			return c->refused ? SERVER_REFUSED : SERVER_LEFT;
	}
}

static enum server_end serve_shared(struct conn *c, struct shm *s)
{
	struct pollfd p[5];
	int n;

	while (!c->d.lost) {
		p[0] = (struct pollfd){ c->disk->control, POLLIN, 0 };
		p[1] = (struct pollfd){ c->sock, POLLIN, 0 };
		p[2] = (struct pollfd){ c->config_fd, POLLIN, 0 };
		p[3] = (struct pollfd){ s->iv->ring[0], POLLIN, 0 };
		p[4] = (struct pollfd){ s->err, POLLIN, 0 };
		n = poll(p, 5, timeout(c));
		if (n == 0)
			timed_out(c);
		if (n <= 0)
			continue;
		if (p[1].revents && !listens(c->sock))
			return SERVER_LEFT;
		if (p[0].revents && told(c)) {
			device_reset(&c->d);
			shm_gone(s);
			return SERVER_LEFT;
		}
		if (p[2].revents)
			shm_config_changed(s);
		if (p[3].revents)
			shm_serve(s);
		if (p[4].revents)
			shm_ring_broken(s);
	}
	return SERVER_REFUSED;
}

/* With a guest that has no device of vhost-user, but memory that it shares with us. */
static enum server_end share(struct conn *c)
{
	enum server_end end = SERVER_REFUSED;
	struct shm s;
	const char *why = shm_open_device(&s, c, c->disk->iv);

	if (why)
		say(c->d.who, "%s", why);
	else
		end = serve_shared(c, &s);
	shm_close(&s);
	return end;
}

/* Tell the supervisor of the device, and wait until it has its limits. */
static bool agreed(const struct disk *disk, uint32_t id)
{
	struct pollfd p = { .fd = disk->control, .events = POLLIN };
	struct note note;

	note_send(disk->control, NOTE_SERVING, id);
	do {
		poll(&p, 1, -1);
		note = note_receive(disk->control);
	} while (note.kind != NOTE_AGREED && note.kind != NOTE_CLOSED);
	return note.kind == NOTE_AGREED;
}

/**
 * server_run - serve a VMM until it leaves or we are told to
 * @disk: which disk, with a number for the connection and our end of the notes
 * @sock: of the VMM; closed
 *
 * Return: what the process shall end with.
 */
enum server_end server_run(struct disk *disk, int sock)
{
	const struct disk_options *o = &disk->options;
	struct conn *c = malloc(sizeof(*c));
	enum server_end end = SERVER_REFUSED;
	const char *why;

	if (!c) {
		close(sock);
		return end;
	}
	why = conn_open(c, disk, &disk->who, sock);
	if (why) {
		say(&disk->who, "%s; the connection is closed", why);
	} else {
		say(&disk->who, "serving %s%s%s as device %u with %u queues (process %d)",
		    o->path, *o->serial ? ", serial " : "", o->serial, c->id,
		    c->d.nr_rings, getpid());
		if (agreed(disk, c->id))
			end = disk->iv ? share(c) : serve(c);
	}
	conn_close(c);
	free(c);
	if (!why)
		say(&disk->who, "closed");
	return end;
}

/* Options that promise what will not be; before privileges are dropped. */
static void say_vain(struct disk *disk)
{
	const struct disk_options *o = &disk->options;
	unsigned long memlock;

	if (o->poll && !image_polls(o->path))
		say(&disk->who, "'poll' does nothing: %s has no polled queues", o->path);
	if (o->workers > o->queues)
		say(&disk->who, "only %u workers, not %u: one for each queue", o->queues,
		    o->workers);
	if (!disk->confined)
		return;
	memlock = confine_memlock(&o->confine);
	if (memlock < o->confine.memlock)
		say(&disk->who, "only %lu MiB may be pinned, not %u (LimitMEMLOCK, ulimit -l)",
		    memlock, o->confine.memlock);
}

/**
 * server_probe - can this disk be served at all?
 * @disk: which
 *
 * Tells a user at once what a VMM would learn only when it connects.
 *
 * Return: SERVER_LEFT if so, SERVER_REFUSED after the reason was said.
 */
enum server_end server_probe(struct disk *disk)
{
	struct conn *c = malloc(sizeof(*c));
	const char *why, *busy, *doubts;
	bool good;

	if (!c)
		return SERVER_REFUSED;
	say_vain(disk);
	why = conn_open(c, disk, &disk->who, -1);
	if (why) {
		say(&disk->who, "%s", why);
	} else {
		if (disk->options.queues > c->d.nr_rings)
			say(&disk->who, "only %u queues, not %u: the kernel has no more",
			    c->d.nr_rings, disk->options.queues);
		busy = image_claim(&c->d.image);
		if (busy)
			say(&disk->who, "%s; no guest will be served until it lets go",
			    busy);
		doubts = c->d.kind->doubts ? c->d.kind->doubts(c) : NULL;
		if (doubts)
			say(&disk->who, "%s", doubts);
	}
	good = !why && agreed(disk, c->id);
	conn_close(c);
	free(c);
	return good ? SERVER_LEFT : SERVER_REFUSED;
}
