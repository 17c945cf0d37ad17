// SPDX-License-Identifier: GPL-2.0-only
/*
 * Listening to an eventfd of user space's.
 *
 * The file is held meanwhile, so the eventfd never goes by itself.
 */
#include <linux/cleanup.h>
#include <linux/eventfd.h>
#include <linux/file.h>
#include "mdev.h"

static int parley_mdev_listen_wake(struct wait_queue_entry *wait, unsigned int mode, int sync,
				   void *key)
{
	struct parley_mdev_listener *l = container_of(wait, struct parley_mdev_listener, wait);
	u64 count;

	if (key_to_poll(key) & EPOLLIN) {
		eventfd_ctx_do_read(l->ctx, &count);
		l->heard(l);
	}
	return 0;
}

static void parley_mdev_listen_queue(struct file *file, wait_queue_head_t *head,
				     poll_table *table)
{
	struct parley_mdev_listener *l = container_of(table, struct parley_mdev_listener,
						      table);

	add_wait_queue(head, &l->wait);
}

/**
 * parley_mdev_deafen() - listen no more
 * @l: zeroed, or listening
 *
 * When this returns nothing is heard any more, nor is somebody hearing it.
 *
 * Context: process context.
 */
void parley_mdev_deafen(struct parley_mdev_listener *l)
{
	u64 count;

	if (!l->file)
		return;
	eventfd_ctx_remove_wait_queue(l->ctx, &l->wait, &count);
	eventfd_ctx_put(l->ctx);
	fput(l->file);
	l->file = NULL;
}

/**
 * parley_mdev_listen() - hear whenever an eventfd is told
 * @l: zeroed, or listening to another one, which it does no more then
 * @fd: of the eventfd
 * @heard: called then, in any context; who tells it twice may be heard once
 *
 * Context: process context; may sleep; the caller serialises this and
 *	parley_mdev_deafen().
 * Return: 0; or -EBADF or -EINVAL: it is none, and nothing changed.
 */
int parley_mdev_listen(struct parley_mdev_listener *l, s32 fd,
		       void (*heard)(struct parley_mdev_listener *l))
{
	struct eventfd_ctx *ctx;
	struct file *file;

	file = fget(fd);
	if (!file)
		return -EBADF;
	ctx = eventfd_ctx_fileget(file);
	if (IS_ERR(ctx)) {
		fput(file);
		return PTR_ERR(ctx);
	}
	parley_mdev_deafen(l);
	l->file = file;
	l->ctx = ctx;
	l->heard = heard;
	init_waitqueue_func_entry(&l->wait, parley_mdev_listen_wake);
	init_poll_funcptr(&l->table, parley_mdev_listen_queue);
	/* It may have been told before we listened. */
	if (vfs_poll(file, &l->table) & EPOLLIN)
		heard(l);
	return 0;
}
