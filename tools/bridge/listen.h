/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a disk listens: a socket of ours, an inherited one, or systemd's. */
#ifndef BRIDGE_LISTEN_H
#define BRIDGE_LISTEN_H

#include "disk.h"

int listen_start(struct disk *disk, int *connected);
void listen_stop(struct disk *disk);

/* systemd.c: see sd_listen_fds(3) and sd_notify(3). */
void systemd_begin(void);
int systemd_socket(const char *path);
void systemd_leftover(void);
void systemd_tell(const char *state);

#endif
