/* SPDX-License-Identifier: GPL-2.0-only */
/* The processes that the supervisor started: one for each VMM. */
#ifndef BRIDGE_CHILD_H
#define BRIDGE_CHILD_H

#include <stdbool.h>
#include <sys/types.h>
#include "options.h"

/**
 * struct child - one process
 * @disk: that it serves
 * @pid: of it
 * @number: of its connection
 * @vmm: process at the other side of the connection
 * @sock: the connection: kept so that the VMM hears of its end only when the
 *	process is gone with all its requests, and we of the VMM's; -1 for a probe
 * @control: our end of the notes; -1 when it was told to stop
 * @since: when it began, in milliseconds of the monotonic clock
 * @device: number of its device
 * @probe: it only looks whether the disk can be served
 * @gone: its VMM has left
 * @deaf: no more notes will come
 * @next: in the list
 */
struct child {
	struct disk *disk;
	pid_t pid;
	unsigned int number;
	int vmm;
	int sock;
	int control;
	long since;
	uint32_t device;
	bool probe;
	bool gone;
	bool deaf;
	struct child *next;
};

long child_now(void);
int child_start(struct child **list, struct options *o, struct disk *disk,
		int sock);
bool child_hear(struct child *c);
void child_stop(struct child *c);
bool child_leaving(struct child *list, const struct disk *disk);
struct child *child_find(struct child *list, pid_t pid);
void child_forget(struct child **list, struct child *c);

#endif
