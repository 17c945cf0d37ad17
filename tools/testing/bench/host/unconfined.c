// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for confine.c of the bridge: nothing is given up.  Only to measure what
 * confinement costs; nobody shall serve a guest so.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/resource.h>
#include "confine.h"

unsigned long confine_memlock(const struct confinement *c)
{
	struct rlimit r = { (rlim_t)c->memlock << 20, (rlim_t)c->memlock << 20 };

	return setrlimit(RLIMIT_MEMLOCK, &r) ? 0 : c->memlock;
}

const char *confine(const struct confinement *c)
{
	(void)c;
	return NULL;
}
