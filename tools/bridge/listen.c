// SPDX-License-Identifier: GPL-2.0-only
/* Where a disk listens. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "listen.h"
#include "sock.h"

/* A socket of ours, with mode and group as the options ask. */
static int listen_here(struct disk *disk)
{
	const struct disk_options *o = &disk->options;
	const char *why;

	disk->listen_fd = systemd_socket(o->socket);
	if (disk->listen_fd >= 0)
		return 0;
	disk->listen_fd = sock_listen(o->socket, &why);
	if (disk->listen_fd < 0) {
		say(&disk->who, "%s: %s", why, strerror(errno));
		return -1;
	}
	disk->ours = true;
	if (!chmod(o->socket, o->mode) &&
	    (o->gid == (gid_t)-1 || !chown(o->socket, (uid_t)-1, o->gid)))
		return 0;
	say(&disk->who, "cannot give the socket its mode and group: %s",
	    strerror(errno));
	listen_stop(disk);
	return -1;
}

/**
 * listen_start - make or take a disk's socket
 * @disk: options are set; @listen_fd is set if somebody can connect
 * @connected: set to a VMM that is connected already, or -1
 *
 * Return: 0, or -1 after the reason was said.
 */
int listen_start(struct disk *disk, int *connected)
{
	int fd = disk->options.fd, listens = 0;
	socklen_t len = sizeof(listens);

	*connected = -1;
	if (fd < 0)
		return listen_here(disk);
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len)) {
		say(&disk->who, "file descriptor %d is no socket", fd);
		return -1;
	}
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (listens)
		disk->listen_fd = fd;
	else
		*connected = fd;
	return 0;
}

void listen_stop(struct disk *disk)
{
	if (disk->listen_fd < 0)
		return;
	close(disk->listen_fd);
	if (disk->ours)
		unlink(disk->options.socket);
	disk->listen_fd = -1;
	disk->ours = false;
}
