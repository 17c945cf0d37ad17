// SPDX-License-Identifier: GPL-2.0-only
/* Messages on a socket; a VMM may send them in any pieces, and anything else. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "sock.h"

/* Put the file descriptors of one piece to those of the message. */
static const char *take_fds(struct msg *msg, struct msghdr *mh)
{
	const char *why = NULL;
	struct cmsghdr *c;
	unsigned int i, n;
	int fd;

	for (c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (msg->nr_fds < MSG_FDS) {
				msg->fds[msg->nr_fds++] = fd;
			} else {
				close(fd);
				why = "more file descriptors than any message has";
			}
		}
	}
	/* The kernel has already closed what did not fit. */
	if (mh->msg_flags & MSG_CTRUNC)
		why = "more file descriptors than any message has";
	return why;
}

/* One recvmsg() into the message: bytes, 0 at the end, or -errno. */
static ssize_t receive(struct reader *r, int sock, size_t want,
		       const char **why)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(MSG_FDS * sizeof(int))];
	} control;
	char *at = r->have < sizeof(struct msg_header) ?
		   (char *)&r->msg.header + r->have :
		   (char *)&r->msg.p + r->have - sizeof(struct msg_header);
	struct iovec iov = { .iov_base = at, .iov_len = want };
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	ssize_t n = recvmsg(sock, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0)
		return -errno;
	*why = take_fds(&r->msg, &mh);
	return n;
}

/**
 * reader_read - read on, without waiting
 * @r: reader, all zero at first
 * @sock: of the VMM
 * @why: set for READER_BAD
 *
 * Return: what came of it.
 */
enum reader_result reader_read(struct reader *r, int sock, const char **why)
{
	const size_t head = sizeof(struct msg_header);
	size_t want;
	ssize_t n;

	for (;;) {
		want = head;
		if (r->have >= head) {
			*why = msg_check_header(&r->msg.header);
			if (*why)
				return READER_BAD;
			want += r->msg.header.size;
		}
		if (r->have >= head && r->have == want)
			return READER_MESSAGE;
		n = receive(r, sock, want - r->have, why);
		if (n == -EINTR)
			continue;
		if (n == -EAGAIN)
			return READER_AGAIN;
		if (n > 0)
			r->have += (size_t)n;
		if (n >= 0 && *why)
			return READER_BAD;
		if (n <= 0)
			return READER_CLOSED;
	}
}

/* Done with this message, or with all. */
void reader_next(struct reader *r)
{
	msg_close_fds(&r->msg);
	memset(r, 0, sizeof(*r));
}

/**
 * sock_send - send a message whole
 * @sock: socket
 * @buf: message
 * @len: bytes
 * @fd: file descriptor to go with it, or -1
 *
 * Never waits: who does not read our answers is not worth waiting for.
 *
 * Return: 0 or -errno.
 */
int sock_send(int sock, const void *buf, size_t len, int fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = { .buf = { 0 } };
	struct iovec iov = { .iov_base = (void *)buf, .iov_len = len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;
	ssize_t n;

	if (fd >= 0) {
		mh.msg_control = control.buf;
		mh.msg_controllen = sizeof(control.buf);
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	do {
		n = sendmsg(sock, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == (ssize_t)len ? 0 : -EAGAIN;
}

/* Does somebody listen there?  A socket that nobody listens on is left over. */
static int alive(const struct sockaddr_un *addr)
{
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret;

	if (s < 0)
		return 1;
	ret = !connect(s, (const struct sockaddr *)addr, sizeof(*addr)) ||
	      errno == EAGAIN;
	close(s);
	return ret;
}

/**
 * sock_listen - listen on a path
 * @path: of the socket; one that was left over is replaced
 * @why: what is wrong, on error
 *
 * Return: a file descriptor, or -1 with errno set.
 */
int sock_listen(const char *path, const char **why)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	int s;

	errno = ENAMETOOLONG;
	*why = "the path is too long for a socket";
	if (strlen(path) >= sizeof(addr.sun_path))
		return -1;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	if (!lstat(path, &st)) {
		*why = "it exists and is no socket";
		errno = EEXIST;
		if (!S_ISSOCK(st.st_mode))
			return -1;
		*why = "another process listens there";
		errno = EADDRINUSE;
		if (alive(&addr))
			return -1;
		unlink(path);
	}
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	*why = "no socket";
	if (s < 0)
		return -1;
	*why = "cannot listen; does the folder exist?";
	if (bind(s, (struct sockaddr *)&addr, sizeof(addr)) || listen(s, 8)) {
		close(s);
		return -1;
	}
	return s;
}
