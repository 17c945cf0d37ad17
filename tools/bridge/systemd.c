// SPDX-License-Identifier: GPL-2.0-only
/* What systemd and its services agree on, without its library. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "listen.h"

#define FIRST	3	/* the first inherited descriptor */
#define MAX	1024	/* more than any unit may pass */

static unsigned int inherited;
static bool taken[MAX];

static unsigned int number(const char *name)
{
	const char *text = getenv(name);
	unsigned long n = text ? strtoul(text, NULL, 10) : 0;

	return n > UINT32_MAX ? 0 : (unsigned int)n;
}

/* Take note of what we were given; once, and not for processes that we start. */
void systemd_begin(void)
{
	unsigned int i;

	inherited = number("LISTEN_PID") == (unsigned int)getpid() ?
		    number("LISTEN_FDS") : 0;
	if (inherited > MAX)
		inherited = MAX;
	for (i = 0; i < inherited; i++)
		fcntl((int)(FIRST + i), F_SETFD, FD_CLOEXEC);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

/* Does this descriptor listen on this path? */
static bool listens_on(int fd, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNSPEC };
	socklen_t len = sizeof(addr), size = sizeof(int);
	int listens = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) ||
	    !listens || getsockname(fd, (struct sockaddr *)&addr, &len))
		return false;
	return addr.sun_family == AF_UNIX &&
	       !strncmp(addr.sun_path, path, sizeof(addr.sun_path));
}

/**
 * systemd_socket - a socket that systemd listens on for us
 * @path: of it
 *
 * Return: its file descriptor, ours from now on, or -1.
 */
int systemd_socket(const char *path)
{
	unsigned int i;
	int fd;

	for (i = 0; i < inherited; i++) {
		fd = (int)(FIRST + i);
		if (!listens_on(fd, path))
			continue;
		fcntl(fd, F_SETFL, O_NONBLOCK);
		taken[i] = true;
		return fd;
	}
	return -1;
}

/* Say of sockets that no disk has: who connects there would wait for ever. */
void systemd_leftover(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNSPEC };
	unsigned int i;

	for (i = 0; i < inherited; i++) {
		socklen_t len = sizeof(addr) - 1;

		memset(&addr, 0, sizeof(addr));
		if (taken[i] || getsockname((int)(FIRST + i), (struct sockaddr *)&addr, &len))
			continue;
		say(NULL, "systemd listens on %s, and no disk has that socket=; it is closed",
		    addr.sun_family == AF_UNIX ? addr.sun_path : "something else");
		close((int)(FIRST + i));
	}
}

/* One datagram to the socket that it named. */
void systemd_tell(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;
	int s;

	if (!len || len >= sizeof(addr.sun_path))
		return;
	memcpy(addr.sun_path, path, len);
	if (*path == '@')
		addr.sun_path[0] = '\0';	/* an abstract name */
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s < 0)
		return;
	if (sendto(s, state, strlen(state), MSG_NOSIGNAL,
		   (struct sockaddr *)&addr,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		say(NULL, "cannot tell %s: %s", path, strerror(errno));
	close(s);
}
