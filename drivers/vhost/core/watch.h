/* SPDX-License-Identifier: GPL-2.0-only */
/* A file of the back end that tells of work; see watch.c. */
#ifndef _PARLEY_VHOST_WATCH_H
#define _PARLEY_VHOST_WATCH_H

#include <linux/poll.h>
#include <linux/types.h>
#include <linux/wait.h>

struct file;
struct parley_vhost_vq;

/* Wait queues of one file: sockets and tun devices have one, pipes two. */
#define VH_WATCH_QUEUES	2

/**
 * struct vh_watch - what a ring hears of a file
 * @file: held; NULL for none
 * @events: EPOLL* that are worth a round
 * @table: how we get to its wait queues; for the call of vfs_poll() that hooks
 * @nr: wait queues that it has
 * @hooks: our entry in each of them, of @vq; @head is NULL where there is none, or
 *	where the wait queue has gone
 */
struct vh_watch {
	struct file *file;
	__poll_t events;
	poll_table table;
	unsigned int nr;
	struct vh_hook {
		struct parley_vhost_vq *vq;
		wait_queue_entry_t wait;
		wait_queue_head_t *head;
	} hooks[VH_WATCH_QUEUES];
};

/* Has the back end something to say?  Under vq->mutex, nobody outside. */
bool vh_watch_pending(struct parley_vhost_vq *vq);

#endif /* _PARLEY_VHOST_WATCH_H */
