// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file of the back end (a socket, a tap) that tells of work.
 *
 * As a kick does, whoever makes the file ready runs our callback on the spot, which
 * queues the ring; its worker then calls the accelerator's work().  The file is held
 * as long as it is watched, so its wait queues stay, but for those that say that they
 * go (POLLFREE): such a queue is left in the callback itself, before RCU frees it.
 *
 * A ring that does not run is not queued.  When it starts, it gets its first round in
 * any case, so what was said before is not lost.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include "notify.h"
#include "runq.h"
#include "state.h"

/* These come whether they are asked for or not. */
#define WATCH_ALWAYS	(EPOLLERR | EPOLLHUP)

/* Interrupts off, the wait queue's lock held. */
static int vh_watch_wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct vh_hook *hook = container_of(wait, struct vh_hook, wait);
	struct parley_vhost_vq *vq = hook->vq;
	__poll_t events = key_to_poll(key);

	/* Who says nothing may mean anything. */
	if (events && !(events & (vq->watch.events | POLLFREE)))
		return 0;
	if (READ_ONCE(vq->state) == VH_VQ_RUNNING)
		vh_vq_queue(vq);
	if (unlikely(events & POLLFREE)) {
		list_del_init(&wait->entry);
		/* The last word: who sees it does not look at the queue. */
		smp_store_release(&hook->head, NULL);
	}
	return 0;
}

/* vfs_poll() tells us of each wait queue. */
static void vh_watch_hook(struct file *file, wait_queue_head_t *head, poll_table *table)
{
	struct vh_watch *w = container_of(table, struct vh_watch, table);
	struct vh_hook *hook;

	if (w->nr++ >= VH_WATCH_QUEUES)
		return;
	hook = &w->hooks[w->nr - 1];
	hook->head = head;
	add_wait_queue(head, &hook->wait);
}

static void vh_watch_unhook(struct vh_hook *hook)
{
	wait_queue_head_t *head;

	/* A queue that goes is freed a grace period after it has told us. */
	guard(rcu)();
	/* Pairs with vh_watch_wake(): without a head, the entry is left alone. */
	head = smp_load_acquire(&hook->head);
	if (!head)
		return;
	scoped_guard(spinlock_irq, &head->lock)
		list_del_init(&hook->wait.entry);
	hook->head = NULL;
}

static void vh_watch_init(struct parley_vhost_vq *vq, struct file *file, __poll_t events)
{
	struct vh_watch *w = &vq->watch;
	unsigned int i;

	w->file = get_file(file);
	w->events = events | WATCH_ALWAYS;
	w->nr = 0;
	init_poll_funcptr(&w->table, vh_watch_hook);
	w->table._key = w->events;
	for (i = 0; i < VH_WATCH_QUEUES; i++) {
		w->hooks[i].vq = vq;
		w->hooks[i].head = NULL;
		init_waitqueue_func_entry(&w->hooks[i].wait, vh_watch_wake);
		INIT_LIST_HEAD(&w->hooks[i].wait.entry);
	}
}

/* The file, for the caller to let go of; NULL if there was none. */
static struct file *vh_watch_end(struct parley_vhost_vq *vq)
{
	struct vh_watch *w = &vq->watch;
	struct file *file = w->file;
	unsigned int i;

	lockdep_assert_held(&vq->mutex);
	for (i = 0; file && i < VH_WATCH_QUEUES; i++)
		vh_watch_unhook(&w->hooks[i]);
	w->file = NULL;
	return file;
}

/**
 * parley_vhost_vq_unwatch() - hear of a file no more
 * @vq: ring; one that watches none is fine
 *
 * A round that has begun is not waited for: who takes a back end away stops the ring
 * first, or sees to it that work() finds none.
 *
 * Context: may sleep; takes vq->mutex, so not in finish() and poll().
 */
void parley_vhost_vq_unwatch(struct parley_vhost_vq *vq)
{
	struct file *file;

	scoped_guard(mutex, &vq->mutex)
		file = vh_watch_end(vq);
	if (file)
		fput(file);
}
PARLEY_EXPORT(parley_vhost_vq_unwatch);

/**
 * parley_vhost_vq_watch() - have work() called when a file becomes ready
 * @vq: ring of a kind that has work()
 * @file: what its back end is behind; held until parley_vhost_vq_unwatch(), which the
 *	library calls itself after release().  What was watched before is not any more.
 *	It is for the accelerator to see that it is a file of a kind that it knows (a
 *	socket, a tap): asking it must not wait for anybody, as a FUSE server's does,
 *	and it must not hold files of the owner's in turn, among them this device's.
 * @events: EPOLLIN, EPOLLOUT and the like; EPOLLERR and EPOLLHUP are added
 *
 * A file that is ready already counts as one that becomes it, where the ring runs.
 * One that has come to its end (EPOLLHUP) stays ready for ever: work() sees that, and
 * calls parley_vhost_vq_unwatch(), or polling goes on.
 *
 * Context: may sleep; takes vq->mutex, so not in finish() and poll().
 * Return: 0; -EINVAL for a queue without work(), or a vhost device; -EPERM for a file
 * that cannot be polled; -EOPNOTSUPP for one of more than two wait queues, which is
 * all that is ever heard of it, and then nothing is watched.
 */
int parley_vhost_vq_watch(struct parley_vhost_vq *vq, struct file *file, __poll_t events)
{
	struct file *before;
	__poll_t now;
	int err = 0;

	/* Two devices that watch one another would live for ever. */
	if (!vq->ops->work || parley_vhost_from_file(file))
		return -EINVAL;
	if (!file_can_poll(file))
		return -EPERM;
	scoped_guard(mutex, &vq->mutex) {
		before = vh_watch_end(vq);
		vh_watch_init(vq, file, events);
		now = vfs_poll(file, &vq->watch.table) & vq->watch.events;
		if (vq->watch.nr > VH_WATCH_QUEUES) {
			fput(vh_watch_end(vq));
			err = -EOPNOTSUPP;
		}
		if (now && vq->state == VH_VQ_RUNNING)
			vh_vq_queue(vq);
	}
	if (before)
		fput(before);
	return err;
}
PARLEY_EXPORT(parley_vhost_vq_watch);

bool vh_watch_pending(struct parley_vhost_vq *vq)
{
	lockdep_assert_held(&vq->mutex);
	if (vq->ops->pending)
		return vq->ops->pending(vq);
	/* That more can be sent is no work as long as nothing is to be sent. */
	return !vq->ops->submit && vq->watch.file &&
	       vfs_poll(vq->watch.file, NULL) & vq->watch.events;
}
