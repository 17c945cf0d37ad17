// SPDX-License-Identifier: GPL-2.0-only
/* Messages for people, one line each, on standard error. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include "say.h"

int say_quiet;

/* May this disk say something now? */
static int admitted(struct who *who)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (who->second != now.tv_sec) {
		who->second = now.tv_sec;
		who->said = 0;
	}
	if (who->said++ < SAY_PER_SECOND)
		return 1;
	who->dropped++;
	return 0;
}

/**
 * say - one line to standard error
 * @who: whom it is about; NULL for the whole process
 * @fmt: as printf, without a newline
 *
 * The line is put together first, so that disks do not mix theirs.
 */
void say(struct who *who, const char *fmt, ...)
{
	char text[512], head[256] = "", dropped[48] = "";
	va_list args;

	if (say_quiet || (who && !admitted(who)))
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
	if (who && who->dropped)
		snprintf(dropped, sizeof(dropped), " (%u messages left out)",
			 who->dropped);
	if (who)
		who->dropped = 0;
	fprintf(stderr, "parley-bridge: %s%s%s\n", head, text, dropped);
}
