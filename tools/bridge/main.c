// SPDX-License-Identifier: GPL-2.0-only
/* parley-bridge: what is asked for, and the supervisor that does it. */
#define _GNU_SOURCE
#include "listen.h"
#include "supervise.h"

int main(int argc, char **argv)
{
	struct options o;
	int status = 0;

	systemd_begin();
	switch (options_parse(&o, argc, argv)) {
	case OPTIONS_DONE:
		break;
	case OPTIONS_BAD:
		status = 2;
		break;
	case OPTIONS_RUN:
		status = supervise(&o);
		break;
	}
	options_free(&o);
	return status;
}
