// SPDX-License-Identifier: GPL-2.0-only
/* parley-bridge: start the disks, wait for a signal, stop them. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "options.h"

/* Tell systemd, if it started us: one datagram to the socket it named. */
static void notify(const char *state)
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
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return;
	if (sendto(s, state, strlen(state), MSG_NOSIGNAL,
		   (struct sockaddr *)&addr,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		say(NULL, "cannot tell %s: %s", path, strerror(errno));
	close(s);
}

static unsigned int start(struct options *o, int stop_fd)
{
	unsigned int i;

	for (i = 0; i < o->nr; i++) {
		struct disk *disk = &o->disk[i];

		disk->who.disk = disk->options.socket ? disk->options.socket :
			       disk->options.path;
		if (disk_probe(disk) || disk_start(disk, stop_fd))
			break;
	}
	return i;
}

static void wait_for_end(struct options *o, const sigset_t *signals)
{
	unsigned int i;
	int sig;

	for (;;) {
		sig = sigwaitinfo(signals, NULL);
		if (sig == SIGTERM || sig == SIGINT)
			return;
		for (i = 0; i < o->nr && sig == SIGHUP; i++)
			disk_resize(&o->disk[i]);
	}
}

int main(int argc, char **argv)
{
	unsigned int i, started;
	struct options o;
	uint64_t one = 1;
	sigset_t signals;
	int stop_fd;

	switch (options_parse(&o, argc, argv)) {
	case OPTIONS_DONE:
		options_free(&o);
		return 0;
	case OPTIONS_BAD:
		options_free(&o);
		return 2;
	case OPTIONS_RUN:
		break;
	}
	/* Before any thread exists, so that all of them leave signals to us. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (stop_fd < 0) {
		say(NULL, "no eventfd: %s", strerror(errno));
		return 1;
	}

	started = start(&o, stop_fd);
	if (started == o.nr) {
		notify("READY=1");
		wait_for_end(&o, &signals);
		notify("STOPPING=1");
	}
	if (write(stop_fd, &one, sizeof(one)) < 0)
		say(NULL, "cannot stop the disks: %s", strerror(errno));
	for (i = 0; i < started; i++)
		disk_stop(&o.disk[i]);
	i = started == o.nr ? 0 : 1;
	options_free(&o);
	close(stop_fd);
	return (int)i;
}
