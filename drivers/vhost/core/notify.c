// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kicks and calls.
 *
 * A kick is an eventfd that we never read: whoever signals it runs our callback
 * on the spot, which queues the ring.  A call is an eventfd that we signal, or
 * the lender's function for a lent ring.
 *
 * Moderation holds calls back.  From the first completion for which the driver
 * wants one until the call is made, moderation.wanted is set and the timer runs.
 * Both ends that may make the call exchange wanted for false first, so it is made
 * once; whoever finds it false and sets it starts the timer, so it is never lost.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/fs.h>
#include "notify.h"
#include "runq.h"
#include "state.h"

/* ---------------------------------------------------------------- kicks */

/*
 * Interrupts off, the wait queue's lock held.  EPOLLHUP cannot come: it would
 * take the last reference to the file, and we hold one.
 */
static int vh_kick_wake(wait_queue_entry_t *wait, unsigned int mode, int sync,
			void *key)
{
	struct parley_vhost_vq *vq =
		container_of(wait, struct parley_vhost_vq, kick.wait);

	if (key_to_poll(key) & EPOLLIN) {
		vq->kick.count++;	/* nobody else writes it */
		vh_vq_queue(vq);
	}
	return 0;
}

/* vfs_poll() tells us which wait queue it is. */
static void vh_kick_hook(struct file *file, wait_queue_head_t *head, poll_table *table)
{
	struct vh_kick *kick = container_of(table, struct vh_kick, table);

	kick->head = head;
	add_wait_queue(head, &kick->wait);
}

/**
 * vh_kick_start() - from now on kicks queue the ring
 * @vq: ring; nothing happens if it has no eventfd, or is hooked
 *
 * A kick that came before counts as well.  Context: vq->mutex.
 */
void vh_kick_start(struct parley_vhost_vq *vq)
{
	struct vh_kick *kick = &vq->kick;

	lockdep_assert_held(&vq->mutex);
	if (!kick->file || kick->head)
		return;
	if (vfs_poll(kick->file, &kick->table) & EPOLLIN)
		vh_vq_queue(vq);
}

/** vh_kick_stop() - no kick queues the ring after; vq->mutex */
void vh_kick_stop(struct parley_vhost_vq *vq)
{
	struct vh_kick *kick = &vq->kick;

	lockdep_assert_held(&vq->mutex);
	if (!kick->head)
		return;
	remove_wait_queue(kick->head, &kick->wait);
	kick->head = NULL;
}

/**
 * vh_kick_set() - be kicked through another eventfd
 * @vq: ring
 * @fd: eventfd, or VHOST_FILE_UNBIND for none; the one before is let go
 *
 * Context: vq->mutex.
 * Return: 0, -EBADF, or -EINVAL if it is no eventfd.
 */
int vh_kick_set(struct parley_vhost_vq *vq, int fd)
{
	struct file *file = NULL;

	lockdep_assert_held(&vq->mutex);
	if (fd != VHOST_FILE_UNBIND) {
		file = eventfd_fget(fd);
		if (IS_ERR(file))
			return PTR_ERR(file);
	}
	vh_kick_stop(vq);
	if (vq->kick.file)
		fput(vq->kick.file);
	vq->kick.file = file;
	if (vq->state == VH_VQ_RUNNING)
		vh_kick_start(vq);
	return 0;
}

/* ---------------------------------------------------------------- calls */

static void vh_call_now(struct parley_vhost_vq *vq)
{
	if (vq->joined)
		vq->ring.call(vq->ring.priv);
	else if (vq->call)
		eventfd_signal(vq->call);
}

/* The oldest completion was held back for long enough. */
static enum hrtimer_restart vh_call_timer(struct hrtimer *timer)
{
	struct parley_vhost_vq *vq =
		container_of(timer, struct parley_vhost_vq, moderation.timer);

	if (xchg(&vq->moderation.wanted, false)) {
		vq->moderation.fired++;
		vh_call_now(vq);
	}
	return HRTIMER_NORESTART;
}

static bool vh_moderated(const struct vh_moderation *m)
{
	return READ_ONCE(m->max_us) && READ_ONCE(m->max_reqs) > 1;
}

/* The driver wants a call: hold it back, or true if it is due. */
static bool vh_moderation_due(struct vh_moderation *m, unsigned int nr)
{
	u64 ns = (u64)READ_ONCE(m->max_us) * NSEC_PER_USEC;

	if (!xchg(&m->wanted, true)) {
		m->pending = 0;
		hrtimer_start(&m->timer, ns_to_ktime(ns), HRTIMER_MODE_REL_SOFT);
	}
	m->pending += nr;
	return m->pending >= READ_ONCE(m->max_reqs);
}

/**
 * vh_call() - completions were published
 * @vq: ring
 * @nr: how many
 * @wanted: what the core said: the driver wants a call for them
 *
 * While a call is held back, completions count towards it whether they are
 * wanted or not.  Context: vq->mutex.
 */
void vh_call(struct parley_vhost_vq *vq, unsigned int nr, bool wanted)
{
	struct vh_moderation *m = &vq->moderation;

	lockdep_assert_held(&vq->mutex);
	if (unlikely(m->adaptive))
		vh_adapt(vq, nr, ktime_get());
	if (!wanted && !READ_ONCE(m->wanted)) {
		vq->stats.calls_suppressed++;
		return;
	}
	if (vh_moderated(m) && !vh_moderation_due(m, nr)) {
		vq->stats.calls_moderated++;
		return;
	}
	if (unlikely(READ_ONCE(m->wanted))) {
		hrtimer_try_to_cancel(&m->timer);
		/* If the timer was faster, it has called for what we published. */
		if (!xchg(&m->wanted, false))
			return;
	}
	vq->stats.calls++;
	vh_call_now(vq);
}

/**
 * vh_call_flush() - make a call that is held back
 * @vq: ring
 *
 * Nothing is held back after, and the timer does not run.  Context: vq->mutex.
 */
void vh_call_flush(struct parley_vhost_vq *vq)
{
	lockdep_assert_held(&vq->mutex);
	hrtimer_cancel(&vq->moderation.timer);
	if (xchg(&vq->moderation.wanted, false)) {
		vq->stats.calls++;
		vh_call_now(vq);
	}
}

static int vh_ctx_get(int fd, struct eventfd_ctx **ctx)
{
	*ctx = fd == VHOST_FILE_UNBIND ? NULL : eventfd_ctx_fdget(fd);
	return PTR_ERR_OR_ZERO(*ctx);
}

static void vh_ctx_put(struct eventfd_ctx *ctx)
{
	if (ctx)
		eventfd_ctx_put(ctx);
}

/**
 * vh_call_set() - call through another eventfd
 * @vq: ring
 * @fd: eventfd, or VHOST_FILE_UNBIND for none; the one before is let go
 *
 * Context: vq->mutex.
 * Return: 0, -EBADF, or -EINVAL if it is no eventfd.
 */
int vh_call_set(struct parley_vhost_vq *vq, int fd)
{
	struct eventfd_ctx *ctx;
	int err;

	lockdep_assert_held(&vq->mutex);
	err = vh_ctx_get(fd, &ctx);
	if (err)
		return err;
	/* The timer reads vq->call without a lock, and does not run now. */
	hrtimer_cancel(&vq->moderation.timer);
	swap(vq->call, ctx);
	vh_call_flush(vq);
	vh_ctx_put(ctx);
	return 0;
}

/** vh_err_set() - the same for the eventfd that tells of a broken ring */
int vh_err_set(struct parley_vhost_vq *vq, int fd)
{
	struct eventfd_ctx *ctx;
	int err;

	lockdep_assert_held(&vq->mutex);
	err = vh_ctx_get(fd, &ctx);
	if (err)
		return err;
	swap(vq->err, ctx);
	vh_ctx_put(ctx);
	return 0;
}

/** vh_notify_init() - when the ring is made */
void vh_notify_init(struct parley_vhost_vq *vq)
{
	init_waitqueue_func_entry(&vq->kick.wait, vh_kick_wake);
	init_poll_funcptr(&vq->kick.table, vh_kick_hook);
	hrtimer_setup(&vq->moderation.timer, vh_call_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_SOFT);
	vh_adapt_init(&vq->moderation);
}

/** vh_notify_release() - before it is freed; it does not run */
void vh_notify_release(struct parley_vhost_vq *vq)
{
	guard(mutex)(&vq->mutex);
	vh_kick_set(vq, VHOST_FILE_UNBIND);
	vh_call_set(vq, VHOST_FILE_UNBIND);
	vh_err_set(vq, VHOST_FILE_UNBIND);
	vh_adapt_set(vq, false);
}
