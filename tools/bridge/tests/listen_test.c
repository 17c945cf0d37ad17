// SPDX-License-Identifier: GPL-2.0-only
/* Sockets: ours, systemd's, inherited ones. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../listen.h"
#include "../supervise.h"
#include "served.h"

static void a_left_over_socket_is_replaced(void)
{
	const char *why = NULL, *path = "/tmp/parley-bridge-test.sock";
	char name[128] = "";
	int a, b;

	unlink(path);
	a = sock_listen(path, &why);
	EXPECT(a >= 0);
	b = sock_listen(path, &why);
	EXPECT(b < 0 && errno == EADDRINUSE);
	close(a);
	a = sock_listen(path, &why);
	EXPECT(a >= 0);
	close(a);
	unlink(path);
	EXPECT(!mkdir(path, 0700));
	EXPECT(sock_listen(path, &why) < 0 && errno == EEXIST);
	rmdir(path);
	EXPECT(sock_listen("/nonexistent/x", &why) < 0);
	memset(name, 'x', sizeof(name) - 1);
	EXPECT(sock_listen(name, &why) < 0 && errno == ENAMETOOLONG);
}

/* In a process of its own, since systemd counts descriptors from 3. */
static void sockets_of_systemd_are_used(void)
{
	struct served *s = served_new(1);
	const char *why;
	char pid[16];
	int a, fd;

	fd = sock_listen(s->path[0], &why);
	s->pid = fork();
	if (!s->pid) {
		if (fd != 4)
			dup2(fd, 4);
		dup2(STDERR_FILENO, 3);	/* a socket of somebody else's */
		snprintf(pid, sizeof(pid), "%d", getpid());
		setenv("LISTEN_PID", pid, 1);
		setenv("LISTEN_FDS", "2", 1);
		systemd_begin();
		if (getenv("LISTEN_FDS"))
			_exit(9);
		_exit(supervise(&s->o));
	}
	close(fd);
	a = served_dial(s->path[0]);
	EXPECT(served_features(a));
	close(a);
	kill(s->pid, SIGTERM);
	EXPECT(served_ended(s) == 0);
	EXPECT(!access(s->path[0], F_OK));	/* systemd's, so it stays */
	unlink(s->path[0]);
	served_free(s);
}

/* As QEMU's conventions have it: the process ends with the connection. */
static void an_inherited_connection_is_all_there_is(void)
{
	struct served *s = served_new(1);
	int pair[2];

	EXPECT(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	s->disk[0].options.socket = NULL;
	s->pid = fork();
	if (!s->pid) {
		close(pair[0]);
		s->disk[0].options.fd = pair[1];
		_exit(supervise(&s->o));
	}
	close(pair[1]);
	EXPECT(served_features(pair[0]));
	close(pair[0]);
	EXPECT(served_ended(s) == 0);
	served_free(s);
}

const struct test listen_tests[] = {
	{ "a_left_over_socket_is_replaced", a_left_over_socket_is_replaced },
	{ "sockets_of_systemd_are_used", sockets_of_systemd_are_used },
	{ "an_inherited_connection_is_all_there_is",
	  an_inherited_connection_is_all_there_is },
	{ NULL, NULL },
};
