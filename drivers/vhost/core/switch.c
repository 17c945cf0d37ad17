// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rings started and stopped by who is no VMM: a configuration file system, a socket
 * that was closed, an accelerator that has seen enough.
 *
 * Such a caller has not the owner's memory, in which a ring is pinned, and may be
 * where dev->mutex must not be waited for: in the ring's worker, for which a VMM's call
 * may wait with that mutex, or under a lock that release() takes.  So it is done by a
 * work item: it takes dev->mutex as a VMM's call does, borrows the owner's memory, and
 * holds nothing that anybody waits for.  It holds the device's memory (dev->ref), and
 * finds out whether the device is still in use.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/mmu_context.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "dev.h"
#include "state.h"

/* Of our own, since the end of the module has to wait for what is in it. */
static struct workqueue_struct *switch_wq;

int vh_switch_init(void)
{
	/* One that waits for a back end takes nobody else's place. */
	switch_wq = alloc_workqueue("parley-vhost", WQ_UNBOUND, WQ_MAX_ACTIVE);
	return switch_wq ? 0 : -ENOMEM;
}

void vh_switch_exit(void)
{
	destroy_workqueue(switch_wq);
}

static int vh_switch_do(struct parley_vhost_vq *vq, bool on)
{
	lockdep_assert_held(&vq->dev->mutex);
	if (vq->dev->dead)
		return -ENODEV;
	if (vq->joined)
		return -EBUSY;
	if (on)
		return parley_vhost_vq_start(vq);
	parley_vhost_vq_stop(vq);
	return 0;
}

/* In a kernel thread; a stop borrows the memory by itself, if it is still there. */
static int vh_switch(struct parley_vhost_vq *vq, bool on)
{
	struct parley_vhost *dev = vq->dev;
	struct mm_struct *mm = NULL;
	struct parley_vhost_as was;
	int err;

	mutex_lock(&dev->mutex);
	if (on && dev->owner.mm) {
		if (!mmget_not_zero(dev->owner.mm)) {
			mutex_unlock(&dev->mutex);
			return -ESRCH;
		}
		mm = dev->owner.mm;
		kthread_use_mm(mm);
		parley_vhost_as_owner(dev, &was);
	}
	err = vh_switch_do(vq, on);
	if (mm) {
		parley_vhost_as_before(&was);
		kthread_unuse_mm(mm);
	}
	mutex_unlock(&dev->mutex);
	if (mm)
		mmput(mm);
	return err;
}

/* ------------------------------------------------------- without waiting */

static void vh_ask_work(struct work_struct *work)
{
	struct parley_vhost_vq *vq = container_of(work, struct parley_vhost_vq, ask);
	bool on = READ_ONCE(vq->ask_on);
	int err = vh_switch(vq, on);

	if (err && err != -ENODEV)
		vq_say(vq, "cannot be %s as its back end asked (%d)\n",
		       on ? "started" : "stopped", err);
	vh_dev_put(vq->dev);
}

void vh_ask_init(struct parley_vhost_vq *vq)
{
	INIT_WORK(&vq->ask, vh_ask_work);
}

/**
 * parley_vhost_vq_ask() - have a ring started or stopped soon
 * @vq: ring of a device that was not released, or is held (parley_vhost_hold())
 * @on: start it; else stop it
 *
 * Of several the last one counts.  What goes wrong is said in the kernel log; nothing
 * is done if the device is released before.
 *
 * Context: any, also in the ring's worker and under vq->mutex.
 */
void parley_vhost_vq_ask(struct parley_vhost_vq *vq, bool on)
{
	kref_get(&vq->dev->ref);
	WRITE_ONCE(vq->ask_on, on);
	/* Pending: it holds the device, and has not looked at what is asked. */
	if (!queue_work(switch_wq, &vq->ask))
		vh_dev_put(vq->dev);
}
PARLEY_EXPORT(parley_vhost_vq_ask);

/* ----------------------------------------------------------- and waiting */

/**
 * struct vh_command - a command that somebody waits for
 * @work: does it
 * @done: it was done
 * @ref: who waits, and @work
 * @vq: ring
 * @on: start it
 * @err: what came of it
 */
struct vh_command {
	struct work_struct work;
	struct completion done;
	refcount_t ref;
	struct parley_vhost_vq *vq;
	bool on;
	int err;
};

static void vh_command_put(struct vh_command *command)
{
	if (!refcount_dec_and_test(&command->ref))
		return;
	vh_dev_put(command->vq->dev);
	kfree(command);
}

static void vh_command_work(struct work_struct *work)
{
	struct vh_command *command = container_of(work, struct vh_command, work);

	command->err = vh_switch(command->vq, command->on);
	complete(&command->done);
	vh_command_put(command);
}

/**
 * parley_vhost_vq_switch() - start or stop a ring, from outside a VMM's call
 * @vq: ring of a device that was not released, or is held (parley_vhost_hold())
 * @on: start it; else stop it
 *
 * As parley_vhost_vq_start() and parley_vhost_vq_stop(), which are for who has
 * dev->mutex and the owner's memory.
 *
 * Context: may sleep: for a call of the VMM that is under way, and for the back end.
 * Not in a worker, and not with a lock that the accelerator's own release(), ioctl()
 * or vq_stop() takes: use parley_vhost_vq_ask() there.
 * Return: 0; -ENODEV if the device was released; -ESRCH if its owner's memory is gone;
 * -EBUSY for a lent ring, which is its lender's to start; -ENOMEM; -EDEADLK in the
 * ring's worker; -EINTR if the caller is being killed, and it is done all the same;
 * else as parley_vhost_vq_start().
 */
int parley_vhost_vq_switch(struct parley_vhost_vq *vq, bool on)
{
	struct vh_command *command;
	int err;

	lockdep_assert_not_held(&vq->dev->mutex);
	if (WARN_ON_ONCE(READ_ONCE(vq->server) == current))
		return -EDEADLK;
	command = kzalloc(sizeof(*command), GFP_KERNEL);
	if (!command)
		return -ENOMEM;
	INIT_WORK(&command->work, vh_command_work);
	init_completion(&command->done);
	refcount_set(&command->ref, 2);
	command->vq = vq;
	command->on = on;
	kref_get(&vq->dev->ref);
	queue_work(switch_wq, &command->work);
	err = wait_for_completion_killable(&command->done) ? -EINTR : command->err;
	vh_command_put(command);
	return err;
}
PARLEY_EXPORT(parley_vhost_vq_switch);

/* ---------------------------------------------------------------- holding */

/**
 * parley_vhost_hold() - a device may be named after it was released
 * @dev: device that was not released, or is held
 *
 * For who finds a device by a way of his own, without a lock that release() would
 * have to wait for.  The device is as dead as it may be, but its rings can be named in
 * parley_vhost_vq_ask() and parley_vhost_vq_switch(), and the accelerator's module
 * stays.
 *
 * Context: any.
 */
void parley_vhost_hold(struct parley_vhost *dev)
{
	kref_get(&dev->ref);
}
PARLEY_EXPORT(parley_vhost_hold);

/** parley_vhost_drop() - the mirror of parley_vhost_hold(); may sleep */
void parley_vhost_drop(struct parley_vhost *dev)
{
	vh_dev_put(dev);
}
PARLEY_EXPORT(parley_vhost_drop);
