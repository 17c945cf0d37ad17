// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands of a control queue: submitted, waited for, given up.
 *
 * Whoever waits is woken by the command's end, or by the queue's: when it breaks
 * or its device is gone, nobody may be there to bring the command back (a
 * recovery may itself be waiting here, in reapply()), so that the counter of
 * breaks is looked at as well.  See include/parley/command.h.
 */
#include <linux/cache.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <parley/command.h>
#include <parley/export.h>
#include "guest.h"

/* What the device writes shares no cache line with anything else. */
#define COMMAND_ALIGN	max(ARCH_DMA_MINALIGN, SMP_CACHE_BYTES)

/**
 * parley_command_alloc() - make a command
 * @out_len: bytes that the device reads
 * @in_len: bytes that it writes
 * @gfp: how to allocate
 *
 * Return: a command of the caller's, for parley_command_put(); NULL without
 * memory, or if both lengths are 0.
 */
struct parley_command *parley_command_alloc(u32 out_len, u32 in_len, gfp_t gfp)
{
	size_t out = ALIGN((size_t)out_len, COMMAND_ALIGN);
	size_t in = ALIGN((size_t)in_len, COMMAND_ALIGN);
	struct parley_command *cmd;

	if (!out_len && !in_len)
		return NULL;
	cmd = kzalloc(sizeof(*cmd) + COMMAND_ALIGN - 1 + out + in, gfp);
	if (!cmd)
		return NULL;
	cmd->out = PTR_ALIGN((void *)(cmd + 1), COMMAND_ALIGN);
	cmd->in = cmd->out + out;
	cmd->out_len = out_len;
	cmd->in_len = in_len;
	refcount_set(&cmd->users, 1);
	return cmd;
}
PARLEY_EXPORT(parley_command_alloc);

/**
 * parley_command_put() - a user of a command is done with it
 * @cmd: the command; NULL is fine
 *
 * Its memory may carry secrets, and is cleared before it is freed.
 * Context: any.
 */
void parley_command_put(struct parley_command *cmd)
{
	if (cmd && refcount_dec_and_test(&cmd->users))
		kfree_sensitive(cmd);
}
PARLEY_EXPORT(parley_command_put);

/* The device does not look at it any more: drops the device's reference. */
static void parley_command_end(struct parley_queue *queue, struct parley_command *cmd,
			       enum parley_command_state state)
{
	/* Pairs with parley_command_state(): @len and @in are there. */
	smp_store_release(&cmd->state, state);
	wake_up_all(&queue->waiters);
	parley_command_put(cmd);
}

/**
 * parley_command_complete() - complete() of a queue of commands
 * @queue: the queue
 * @done: completed commands
 * @nr: how many
 * @ctx: unused
 *
 * Context: any.
 */
void parley_command_complete(struct parley_queue *queue,
			     const struct parley_done *done, unsigned int nr,
			     void *ctx)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		struct parley_command *cmd = done[i].cookie;

		cmd->len = done[i].len;
		parley_command_end(queue, cmd, PARLEY_COMMAND_DONE);
	}
}
PARLEY_EXPORT(parley_command_complete);

/**
 * parley_command_give_back() - give_back() of a queue of commands
 * @queue: the queue
 * @cookie: a command
 * @fate: its fate
 *
 * Context: any.
 */
void parley_command_give_back(struct parley_queue *queue, void *cookie,
			      enum parley_fate fate)
{
	parley_command_end(queue, cookie, fate == PARLEY_REPEAT ?
			   PARLEY_COMMAND_RESET : PARLEY_COMMAND_FAILED);
}
PARLEY_EXPORT(parley_command_give_back);

/**
 * parley_queue_wake() - nothing more comes of a queue before it is reset
 * @queue: broken just now
 *
 * Context: any, also under the queue's lock.
 */
void parley_queue_wake(struct parley_queue *queue)
{
	atomic_inc(&queue->breaks);
	wake_up_all(&queue->waiters);
}

/* Why a queue takes nothing, or will not complete what it has. */
static int parley_command_refused(const struct parley_queue *queue)
{
	struct parley_vdev *v = to_parley_vdev(queue->dev);

	if (parley_device_gone(&v->pd))
		return -ENODEV;
	return READ_ONCE(v->m.phase) == PARLEY_STOPPED ? -EAGAIN : -EIO;
}

static int parley_command_queue(struct parley_queue *queue, struct parley_command *cmd)
{
	struct parley_seg segs[2];
	struct parley_buf buf = { .segs = segs, .cookie = cmd };
	int err;

	if (cmd->out_len)
		segs[buf.n_out++] = (struct parley_seg) {
			virt_to_phys(cmd->out), cmd->out_len };
	if (cmd->in_len)
		segs[buf.n_out + buf.n_in++] = (struct parley_seg) {
			virt_to_phys(cmd->in), cmd->in_len };
	scoped_guard(parley_qlock_irqsave, &queue->lock)
		err = parley_drvq_submit(queue->vq, &buf, GFP_ATOMIC);
	return err;
}

/**
 * parley_command_submit() - give a command to the device
 * @queue: the queue, whose callbacks are those of this file; serialised by its
 *	lock
 * @cmd: the command; may have been used before
 *
 * Several may be in flight, as many as the ring has room for.  From here on
 * until parley_command_state() is another than PARLEY_COMMAND_FLIGHT, its memory
 * is the device's.
 *
 * Context: any, not under the queue's lock; also in reapply() and start().
 * Return: 0; -EBUSY if the device has it still; -ENOSPC if the ring is full;
 * -EAGAIN while the device is stopped, it is PARLEY_COMMAND_RESET then, and
 * reapply() and start() are called afterwards; -EIO if the queue is broken;
 * -ENODEV; -ENOMEM.  One that was PARLEY_COMMAND_RESET is PARLEY_COMMAND_FAILED
 * after another error than -EAGAIN, and whoever waits for it is told.
 */
int parley_command_submit(struct parley_queue *queue,
			  struct parley_command *cmd)
{
	enum parley_command_state before = parley_command_state(cmd);
	int err;

	if (WARN_ON_ONCE(queue->spec.flags & PARLEY_QUEUE_UNLOCKED))
		return -EINVAL;
	if (before == PARLEY_COMMAND_FLIGHT)
		return -EBUSY;
	cmd->queue = queue;
	cmd->len = 0;
	/* A break from here on is seen by the submit or by whoever waits. */
	cmd->breaks = atomic_read(&queue->breaks);
	/* The device's, which may be faster than we are. */
	refcount_inc(&cmd->users);
	/* Pairs with parley_command_state(): @breaks is there. */
	smp_store_release(&cmd->state, PARLEY_COMMAND_FLIGHT);
	err = parley_command_queue(queue, cmd);
	if (!err)
		return 0;
	if (err == -EIO)
		err = parley_command_refused(queue);
	if (err == -EAGAIN)
		before = PARLEY_COMMAND_RESET;
	else if (before == PARLEY_COMMAND_RESET)
		before = PARLEY_COMMAND_FAILED;
	/* Whoever is patient waits since before the reset. */
	parley_command_end(queue, cmd, before);
	return err;
}
PARLEY_EXPORT(parley_command_submit);

/* What whoever waits is told; -EINPROGRESS: go on waiting. */
static int parley_command_result(struct parley_command *cmd, unsigned int flags)
{
	const bool gone = parley_device_gone(cmd->queue->dev);

	switch (parley_command_state(cmd)) {
	case PARLEY_COMMAND_NEW:
		return -EINVAL;
	case PARLEY_COMMAND_FLIGHT:
		if (atomic_read(&cmd->queue->breaks) == cmd->breaks)
			return -EINPROGRESS;
		break;
	case PARLEY_COMMAND_DONE:
		return 0;
	case PARLEY_COMMAND_RESET:
		if (gone)
			break;
		return flags & PARLEY_COMMAND_PATIENT ? -EINPROGRESS : -EAGAIN;
	case PARLEY_COMMAND_FAILED:
		break;
	}
	return gone ? -ENODEV : -EIO;
}

/* Sleep until there is a result: jiffies that are left, or an error. */
static long parley_command_sleep(struct parley_command *cmd, long timeout,
				 unsigned int flags)
{
	wait_queue_head_t *wq = &cmd->queue->waiters;

	if (flags & PARLEY_COMMAND_KILLABLE)
		return wait_event_killable_timeout(*wq,
				parley_command_result(cmd, flags) != -EINPROGRESS,
				timeout);
	return wait_event_timeout(*wq,
				  parley_command_result(cmd, flags) != -EINPROGRESS,
				  timeout);
}

/* A queue without interrupt: look by ourselves, once in a jiffy. */
static long parley_command_poll(struct parley_command *cmd, long timeout,
				unsigned int flags)
{
	long left = 0;

	while (timeout-- > 0 && left == 0) {
		parley_queue_poll(cmd->queue, UINT_MAX, NULL);
		left = parley_command_sleep(cmd, 1, flags);
	}
	return left;
}

/**
 * parley_command_wait() - wait for a command that was submitted
 * @cmd: the command
 * @timeout: jiffies at most; MAX_SCHEDULE_TIMEOUT: as long as it takes
 * @flags: PARLEY_COMMAND_*
 *
 * A time-out first looks whether only an interrupt was lost, and then whether
 * the device is well, see parley_device_check().
 *
 * Context: may sleep; also in reapply().  The queue has to outlive the call:
 * whatever lets somebody come here is taken down in remove().
 * Return: 0, the device completed it; -EAGAIN if the device was reset instead:
 * what it was told before, reapply() tells it again; -EIO if the queue broke;
 * -ENODEV if the device is gone; -ETIMEDOUT; -ERESTARTSYS if killed.
 */
int parley_command_wait(struct parley_command *cmd, long timeout,
			unsigned int flags)
{
	long left;
	int err;

	might_sleep();
	if (parley_queue_interrupts(cmd->queue))
		left = parley_command_sleep(cmd, timeout, flags);
	else
		left = parley_command_poll(cmd, timeout, flags);
	if (left < 0)
		return left;
	if (!left)
		parley_queue_poll(cmd->queue, UINT_MAX, NULL);
	err = parley_command_result(cmd, flags);
	if (err != -EINPROGRESS)
		return err;
	/* It may break the queue, which is as good an answer. */
	parley_device_check(cmd->queue->dev);
	err = parley_command_result(cmd, flags);
	return err == -EINPROGRESS ? -ETIMEDOUT : err;
}
PARLEY_EXPORT(parley_command_wait);

/**
 * parley_command_run() - submit a command and wait for it
 * @queue: the queue, whose callbacks are those of this file
 * @cmd: the command; whatever this returns, its user puts it
 * @timeout: jiffies at most
 * @flags: PARLEY_COMMAND_*
 *
 * Context: may sleep.
 * Return: as parley_command_submit() and parley_command_wait().
 */
int parley_command_run(struct parley_queue *queue, struct parley_command *cmd,
		       long timeout, unsigned int flags)
{
	int err = parley_command_submit(queue, cmd);

	return err ? err : parley_command_wait(cmd, timeout, flags);
}
PARLEY_EXPORT(parley_command_run);
