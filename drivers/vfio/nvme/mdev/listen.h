/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Listening to an eventfd of user space's.
 */
#ifndef _PARLEY_NVME_MDEV_LISTEN_H
#define _PARLEY_NVME_MDEV_LISTEN_H

#include <linux/poll.h>
#include <linux/wait.h>

struct eventfd_ctx;
struct file;

/**
 * struct parley_mdev_listener - listens to an eventfd of user space's
 * @file: held; NULL: there is none, and nothing of the rest
 * @ctx: of the eventfd
 * @wait: in its queue
 * @table: how it comes there
 * @heard: called when it is told, or was before; with the lock of the eventfd held
 */
struct parley_mdev_listener {
	struct file *file;
	struct eventfd_ctx *ctx;
	wait_queue_entry_t wait;
	poll_table table;
	void (*heard)(struct parley_mdev_listener *l);
};

int parley_mdev_listen(struct parley_mdev_listener *l, s32 fd,
		       void (*heard)(struct parley_mdev_listener *l));
void parley_mdev_deafen(struct parley_mdev_listener *l);

#endif /* _PARLEY_NVME_MDEV_LISTEN_H */
