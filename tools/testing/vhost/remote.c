// SPDX-License-Identifier: GPL-2.0-only
/* See remote.h. */
#include <stdlib.h>
#include "remote.h"

const char *remote_command;

/* The last line that it prints; false if it fails. */
static bool tell(const char *what, char *said, size_t size)
{
	char command[400], line[200];
	FILE *f;

	snprintf(command, sizeof(command), "%s %s", remote_command, what);
	f = popen(command, "re");
	must(f, "%s: %s", command, strerror(errno));
	while (fgets(line, sizeof(line), f))
		snprintf(said, size, "%.*s", (int)strcspn(line, "\n"), line);
	return !pclose(f);
}

const char *remote_disk(const char *policy, unsigned int seconds)
{
	static char path[100];
	char what[100];

	if (!remote_command)
		skip("no --remote");
	if (!strcmp(policy, "fail") && strstr(remote_command, "nbd"))
		skip("a disk that fails is gone for good here");
	snprintf(what, sizeof(what), "make %s %u", policy, seconds);
	must(tell(what, path, sizeof(path)), "no remote disk: %s", what);
	return path;
}

void remote_down(void)
{
	char said[100];

	must(tell("down", said, sizeof(said)), "the other end does not go");
}

void remote_up(void)
{
	char said[100];

	must(tell("up", said, sizeof(said)), "the other end does not come back");
}
