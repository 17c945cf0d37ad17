/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of a process that serves one VMM: it is forked for the connection, has
 * its own memory, and ends with it.
 */
#ifndef BRIDGE_SERVER_H
#define BRIDGE_SERVER_H

#include "disk.h"

/* How it ended: the process's exit status. */
enum server_end {
	SERVER_LEFT = 0,	/* the VMM went away, or we were told to */
	SERVER_REFUSED = 3,	/* the connection was closed by us */
};

int server_peer(int sock);
enum server_end server_run(struct disk *disk, int sock);
enum server_end server_probe(struct disk *disk);

#endif
