// SPDX-License-Identifier: GPL-2.0-only
/* A disk: its socket and its thread. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "conn.h"

#define TICK_MS		1	/* rings without a kick are looked at so often */
#define HOLD_MS		5	/* a memory table that changes takes no longer */

/**
 * disk_open_file - open the back end
 * @o: options
 *
 * Return: a file descriptor or -errno.
 */
int disk_open_file(const struct disk_options *o)
{
	int flags = (o->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC;
	int fd = open(o->path, flags);

	return fd < 0 ? -errno : fd;
}

/* Who connected? */
static int peer(int sock)
{
	struct ucred cred = { .pid = 0 };
	socklen_t len = sizeof(cred);

	getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	return cred.pid;
}

static void leave(struct disk *disk)
{
	if (!disk->conn)
		return;
	conn_close(disk->conn);
	free(disk->conn);
	disk->conn = NULL;
	say(&disk->who, "closed");
	disk->who.conn = 0;
}

/* Begin to serve a VMM; the socket is ours. */
static void enter(struct disk *disk, int sock)
{
	struct conn *c = malloc(sizeof(*c));
	const char *why;

	if (!c) {
		close(sock);
		return;
	}
	disk->who.conn = ++disk->conns;
	disk->who.pid = peer(sock);
	disk->conn = c;
	why = conn_open(c, disk, &disk->who, sock);
	if (why) {
		say(&disk->who, "%s", why);
		leave(disk);
		return;
	}
	say(&disk->who, "serving %s with %u queues", disk->options.path,
	    c->d.nr_rings);
}

static void accept_one(struct disk *disk)
{
	int sock = accept4(disk->listen_fd, NULL, NULL,
			   SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (sock < 0)
		return;
	if (disk->conn) {
		say(&disk->who, "refused pid %d: this disk is in use",
		    peer(sock));
		close(sock);
		return;
	}
	enter(disk, sock);
}

static void resize(struct disk *disk)
{
	int ret;

	if (!disk->conn)
		return;
	ret = kernel_update_size(&disk->conn->d.kernel);
	if (ret)
		say(&disk->who, "cannot learn the size of %s: %s",
		    disk->options.path, strerror(-ret));
}

static int timeout(const struct disk *disk)
{
	if (disk->conn && device_ticks(&disk->conn->d))
		return TICK_MS;
	if (disk->conn && device_held(&disk->conn->d))
		return HOLD_MS;
	if (disk->conn && disk->options.rescan)
		return (int)disk->options.rescan * 1000;
	return -1;
}

static void timed_out(struct disk *disk)
{
	if (device_ticks(&disk->conn->d))
		device_tick(&disk->conn->d);
	else if (device_held(&disk->conn->d))
		device_resume(&disk->conn->d);
	else
		resize(disk);
}

static void *run(void *arg)
{
	struct disk *disk = arg;
	struct pollfd p[5];
	uint64_t count;
	int n;

	for (;;) {
		struct conn *c = disk->conn;

		p[0] = (struct pollfd){ disk->stop_fd, POLLIN, 0 };
		p[1] = (struct pollfd){ disk->resize_fd, POLLIN, 0 };
		p[2] = (struct pollfd){ c ? c->sock : -1, POLLIN, 0 };
		p[3] = (struct pollfd){ c ? c->config_fd : -1, POLLIN, 0 };
		p[4] = (struct pollfd){ disk->listen_fd, POLLIN, 0 };
		n = poll(p, 5, timeout(disk));
		if (n == 0)
			timed_out(disk);
		if (n <= 0)
			continue;
		if (p[0].revents)
			break;
		if (p[1].revents && read(disk->resize_fd, &count, sizeof(count)) > 0)
			resize(disk);
		if (p[3].revents)
			conn_config_changed(c);
		/* A connection that ended makes room for the next one. */
		if (p[2].revents && conn_input(c))
			leave(disk);
		if (p[4].revents)
			accept_one(disk);
		if (!disk->conn && disk->listen_fd < 0)
			kill(getpid(), SIGTERM);
	}
	leave(disk);
	return NULL;
}

/**
 * disk_probe - can this disk be served at all?
 * @disk: options and the way to the kernel are set
 *
 * Tells a user at once what a VMM would learn only when it connects.
 *
 * Return: 0, or -1 after the reason was said.
 */
int disk_probe(struct disk *disk)
{
	struct conn *c = malloc(sizeof(*c));
	const char *why = "no memory";

	if (c) {
		why = conn_open(c, disk, &disk->who, -1);
		if (!why && disk->options.queues > c->d.nr_rings)
			say(&disk->who, "only %u queues, not %u: the kernel has no more",
			    c->d.nr_rings, disk->options.queues);
		if (why)
			say(&disk->who, "%s", why);
		conn_close(c);
		free(c);
	}
	return why ? -1 : 0;
}

/* The socket, as the options ask. */
static int open_socket(struct disk *disk)
{
	const struct disk_options *o = &disk->options;
	socklen_t len = sizeof(int);
	const char *why;
	int listens = 0;

	if (o->fd < 0) {
		disk->listen_fd = sock_listen(o->socket, &why);
		if (disk->listen_fd < 0) {
			say(&disk->who, "%s: %s", why, strerror(errno));
			return -1;
		}
		if (chmod(o->socket, o->mode) ||
		    (o->gid != (gid_t)-1 && chown(o->socket, (uid_t)-1, o->gid))) {
			say(&disk->who, "cannot give the socket its mode and group: %s",
			    strerror(errno));
			return -1;
		}
		return 0;
	}
	if (getsockopt(o->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len)) {
		say(&disk->who, "file descriptor %d is no socket", o->fd);
		return -1;
	}
	fcntl(o->fd, F_SETFD, FD_CLOEXEC);
	fcntl(o->fd, F_SETFL, O_NONBLOCK);
	disk->listen_fd = listens ? o->fd : -1;
	if (!listens)
		enter(disk, o->fd);
	return 0;
}

/* What disk_start() opened. */
static void close_socket(struct disk *disk)
{
	if (disk->listen_fd >= 0) {
		close(disk->listen_fd);
		if (disk->options.socket)
			unlink(disk->options.socket);
	}
	if (disk->resize_fd >= 0)
		close(disk->resize_fd);
	disk->listen_fd = -1;
	disk->resize_fd = -1;
}

/**
 * disk_start - listen, and serve whoever connects
 * @disk: probed
 * @stop_fd: eventfd of the process, readable when all is to end
 *
 * Return: 0, or -1 after the reason was said.
 */
int disk_start(struct disk *disk, int stop_fd)
{
	int ret;

	disk->listen_fd = -1;
	disk->stop_fd = stop_fd;
	disk->resize_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (disk->resize_fd < 0 || open_socket(disk)) {
		close_socket(disk);
		return -1;
	}
	ret = pthread_create(&disk->thread, NULL, run, disk);
	if (!ret)
		return 0;
	say(&disk->who, "no thread: %s", strerror(ret));
	leave(disk);
	close_socket(disk);
	return -1;
}

/* Wait until the thread has ended; the process's stop eventfd is readable. */
void disk_stop(struct disk *disk)
{
	pthread_join(disk->thread, NULL);
	close_socket(disk);
}

void disk_resize(struct disk *disk)
{
	uint64_t one = 1;

	if (write(disk->resize_fd, &one, sizeof(one)) < 0)
		say(&disk->who, "the size will be looked at later");
}
