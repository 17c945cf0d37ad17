// SPDX-License-Identifier: GPL-2.0-only
/* Notes between the supervisor and a process that serves a VMM. */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/socket.h>
#include "note.h"

/* Return: 0 or -errno. */
int note_pair(int fd[2])
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
			  0, fd) ? -errno : 0;
}

/* Never waits: who does not read has more than enough to do already. */
void note_send(int fd, enum note_kind kind, uint32_t value)
{
	struct note note = { kind, value };

	send(fd, &note, sizeof(note), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Does not wait either. */
struct note note_receive(int fd)
{
	struct note note;
	ssize_t n;

	do {
		n = recv(fd, &note, sizeof(note), MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n == sizeof(note))
		return note;
	note.kind = n < 0 && errno == EAGAIN ? NOTE_NOTHING : NOTE_CLOSED;
	return note;
}
