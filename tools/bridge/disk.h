/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A disk: a back end behind a socket, and the thread that serves it.
 *
 * A thread each, because stopping a ring waits for the back end: a disk that
 * hangs must not hold up the others.  No request passes through it.
 */
#ifndef BRIDGE_DISK_H
#define BRIDGE_DISK_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>
#include "kernel.h"
#include "say.h"

#define DISK_SERIAL	20

/**
 * struct disk_options - what the user asked for
 * @socket: path to listen on; NULL with @fd
 * @path: block device or file
 * @serial: what the guest sees; empty for none
 * @queues: rings, 1 to 256; the kernel may have fewer
 * @workers: threads in the kernel, at least 1
 * @read_only: the guest cannot write
 * @poll: poll for completions
 * @mode: permissions of the socket
 * @gid: its group; -1 for ours
 * @rescan: seconds between looks at the size; 0 for never
 * @fd: inherited socket, listening or connected; -1 for none
 */
struct disk_options {
	char *socket;
	char *path;
	char serial[DISK_SERIAL + 1];
	unsigned int queues;
	unsigned int workers;
	bool read_only;
	bool poll;
	mode_t mode;
	gid_t gid;
	unsigned int rescan;
	int fd;
};

struct conn;

/**
 * struct disk - a disk
 * @options: see above
 * @ops: the way to the kernel
 * @ops_priv: for @ops
 * @who: for messages
 * @listen_fd: socket; -1 once an inherited connection is all there is
 * @stop_fd: eventfd, readable when the thread is to end
 * @resize_fd: eventfd, readable when the size is to be looked at
 * @thread: that serves it
 * @conn: the connection; NULL if none
 * @conns: connections so far
 */
struct disk {
	struct disk_options options;
	const struct kernel_ops *ops;
	void *ops_priv;
	struct who who;
	int listen_fd;
	int stop_fd;
	int resize_fd;
	pthread_t thread;
	struct conn *conn;
	unsigned int conns;
};

int disk_open_file(const struct disk_options *o);
int disk_probe(struct disk *disk);
int disk_start(struct disk *disk, int stop_fd);
void disk_stop(struct disk *disk);
void disk_resize(struct disk *disk);

#endif
