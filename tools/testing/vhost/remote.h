/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A remote disk, whose other end a command takes away and brings back: the lab's
 * remote-disk.sh, given with --remote.
 */
#ifndef _VMM_REMOTE_H
#define _VMM_REMOTE_H

#include "harness.h"

/* "... remote-disk.sh nvme"; NULL without --remote. */
extern const char *remote_command;

/*
 * Made anew by each call: waits for its other end for ever ("wait"), fails after
 * some seconds without it ("fail"), or is gone after them ("gone").  The test is
 * skipped where there is no such disk.
 */
const char *remote_disk(const char *policy, unsigned int seconds);
void remote_down(void);
void remote_up(void);

#endif /* _VMM_REMOTE_H */
