// SPDX-License-Identifier: GPL-2.0-only
/* Messages for people, one line each, on standard error. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include "say.h"

int say_quiet;

/* May this disk say something now? */
static bool admitted(struct say_budget *b)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (b->second != now.tv_sec) {
		b->second = now.tv_sec;
		b->said = 0;
	}
	if (b->said++ < SAY_PER_SECOND)
		return true;
	b->dropped++;
	return false;
}

/*
 * Never waits for the reader of a pipe: a log that nobody reads must not stop a
 * disk.  What cannot be asked not to wait (a terminal) is looked at before.
 */
static bool put(const char *line, size_t len)
{
	struct iovec iov = { .iov_base = (void *)line, .iov_len = len };
	struct pollfd p = { STDERR_FILENO, POLLOUT, 0 };
	struct stat st;

	if (pwritev2(STDERR_FILENO, &iov, 1, -1, RWF_NOWAIT) >= 0)
		return true;
	if (errno == EAGAIN && (fstat(STDERR_FILENO, &st) || !S_ISREG(st.st_mode)))
		return false;
	return poll(&p, 1, 0) == 1 && p.revents & POLLOUT &&
	       write(STDERR_FILENO, line, len) >= 0;
}

/**
 * say - one line to standard error
 * @who: whom it is about; NULL for the whole process
 * @fmt: as printf, without a newline
 *
 * The line is put together first, so that processes do not mix theirs.
 */
void say(struct who *who, const char *fmt, ...)
{
	char text[600], head[256] = "", dropped[48] = "", line[1024];
	struct say_budget *b = who ? who->budget : NULL;
	va_list args;
	int len;

	if (say_quiet || (b && !admitted(b)))
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (who && who->conn)
		snprintf(head, sizeof(head), "%s: connection %u (pid %d): %s%s",
			 who->disk, who->conn, who->pid,
			 who->doing ? who->doing : "", who->doing ? ": " : "");
	else if (who)
		snprintf(head, sizeof(head), "%s: ", who->disk);
	if (b && b->dropped)
		snprintf(dropped, sizeof(dropped), " (%u messages left out)",
			 b->dropped);
	len = snprintf(line, sizeof(line), "parley-bridge: %s%s%s\n", head, text,
		       dropped);
	if (put(line, (size_t)len) && b)
		b->dropped = 0;
	else if (b)
		b->dropped++;
}
