/* SPDX-License-Identifier: GPL-2.0-only */
/* Disks served by a supervisor and its processes, on a fake kernel. */
#ifndef BRIDGE_SERVED_H
#define BRIDGE_SERVED_H

#include "../options.h"
#include "test.h"

#define DISKS	2
#define CALL_S	10	/* longer than any answer takes */

/**
 * struct seen - what all processes share
 * @opens: devices opened
 * @pid: by whom the last one was
 * @rescans: looks for a new size
 * @hang: whoever looks for a new size never comes back
 * @try: at the next such look, things are tried that are forbidden
 * @forbidden: how many of them were
 * @limited: devices that were to be limited
 * @unlimited: none can be
 */
struct seen {
	unsigned int opens;
	int pid;
	unsigned int rescans;
	bool hang;
	bool try;
	unsigned int forbidden;
	unsigned int limited;
	bool unlimited;
};

/**
 * struct served - disks being served by a process
 * @fake: the kernel, as each process that is forked finds it: untouched
 * @seen: shared
 * @o: the disks
 * @path: their sockets
 * @pid: the supervisor
 */
struct served {
	struct fake fake;
	struct seen *seen;
	struct options o;
	struct disk disk[DISKS];
	char path[DISKS][64];
	pid_t pid;
};

/* Made, with both disks ready; launched, and its sockets waited for; both. */
struct served *served_new(unsigned int disks);
void served_launch(struct served *s);
bool served_there(const char *path);
struct served *served_start(unsigned int disks);

/* Its exit status, -1 if it took longer than it may; SIGTERM, and all is gone. */
int served_ended(struct served *s);
void served_free(struct served *s);
void served_end(struct served *s);

/* A VMM: the features, 0 if the disk closes the connection instead. */
int served_dial(const char *path);
uint64_t served_features(int s);
bool served_closed(int s);

#endif
