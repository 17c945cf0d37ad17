/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a process that serves a VMM may still do, once it has opened what it needs.
 *
 * A VMM that finds a fault in us finds a process without privileges, that can
 * open nothing, reach no network and start nothing.
 */
#ifndef BRIDGE_CONFINE_H
#define BRIDGE_CONFINE_H

#include <stdbool.h>
#include <sys/types.h>

#define CONFINE_MEMLOCK	256	/* MiB, unless the user says something else */
#define CONFINE_FILES	1024	/* three for each of 256 rings, and some */

/**
 * struct confinement - how far
 * @uid: user to become; -1 to stay who we are, without privileges
 * @gid: its group
 * @memlock: MiB that may be pinned
 */
struct confinement {
	uid_t uid;
	gid_t gid;
	unsigned int memlock;
};

/* NULL, or what could not be done: then nothing may be served. */
unsigned long confine_memlock(const struct confinement *c);
const char *confine(const struct confinement *c);
const char *confine_calls(void);

#endif
