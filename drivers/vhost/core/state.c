// SPDX-License-Identifier: GPL-2.0-only
/*
 * What may be asked of a device or a ring, and needs nothing but what stands in them.
 */
#include <linux/ioprio.h>
#include <linux/mm_types.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>

#include "state.h"

/* Every vq->mutex, below dev->mutex, which keeps two from doing so at once. */
void vh_dev_lock_vqs(struct parley_vhost *dev)
{
	unsigned int i;

	lockdep_assert_held(&dev->mutex);
	for (i = 0; i < dev->nr_vqs; i++)
		mutex_lock_nest_lock(&dev->vqs[i]->mutex, &dev->mutex);
}

void vh_dev_unlock_vqs(struct parley_vhost *dev)
{
	unsigned int i;

	for (i = 0; i < dev->nr_vqs; i++)
		mutex_unlock(&dev->vqs[i]->mutex);
}

long vh_dev_check_owner(const struct parley_vhost *dev)
{
	return dev->owned && dev->owner.mm == current->mm ? 0 : -EPERM;
}

/**
 * parley_vhost_as_owner() - go on as the owner of a device
 * @dev: device with requests in flight
 * @was: for parley_vhost_as_before(), its mirror
 *
 * For work items of an accelerator.  A device of the kernel's own has no owner to
 * be like.  The device may go before the mirror is called.
 *
 * Context: task.
 */
void parley_vhost_as_owner(struct parley_vhost *dev, struct parley_vhost_as *was)
{
	vh_owner_put_on(&dev->owner, was);
}
PARLEY_EXPORT(parley_vhost_as_owner);

/**
 * parley_vhost_ioprio() - the I/O priority of who works for a device
 * @dev: device
 *
 * A thread of the owner's has its own, which may change.  A kernel thread has what the
 * owner had when it became the owner.
 *
 * Context: task; a worker, or as the owner.
 * Return: IOPRIO_PRIO_VALUE().
 */
u16 parley_vhost_ioprio(const struct parley_vhost *dev)
{
	if (current->flags & PF_KTHREAD && dev->owner.task)
		return dev->owner.ioprio;
	return get_current_ioprio();
}
PARLEY_EXPORT(parley_vhost_ioprio);

/** parley_vhost_priv() - the accelerator's private data */
void *parley_vhost_priv(const struct parley_vhost *dev)
{
	return dev->priv;
}
PARLEY_EXPORT(parley_vhost_priv);

/** parley_vhost_id() - the number under which netlink and messages know it */
u32 parley_vhost_id(const struct parley_vhost *dev)
{
	return dev->id;
}
PARLEY_EXPORT(parley_vhost_id);

/**
 * parley_vhost_mm_get() - the owner's memory, for another thread than the worker
 * @dev: device
 *
 * The worker has it already (current->mm) in submit(), go_on() and work().  Who drains a
 * ring may not have it; a work item of an accelerator borrows it with kthread_use_mm(),
 * and after that can do with a request what the worker can.  It is more patient than
 * that, for nobody kills it: who backs the memory (userfaultfd, FUSE) may have it wait
 * after the process has ended, and the device's last close with it.
 *
 * Context: any, with a request of the device in flight, whose owner stays as long.
 * Return: the memory, which stays until parley_vhost_mm_put(); NULL if it is gone, since
 * its process was killed, and of a device of the kernel's own, which has none.
 */
struct mm_struct *parley_vhost_mm_get(const struct parley_vhost *dev)
{
	struct mm_struct *mm = dev->owner.mm;

	return mm && mmget_not_zero(mm) ? mm : NULL;
}
PARLEY_EXPORT(parley_vhost_mm_get);

/**
 * parley_vhost_mm_put() - the mirror of parley_vhost_mm_get()
 * @mm: what that returned; the request may be over by now
 *
 * If the process was killed meanwhile, its memory is torn down by somebody else: that
 * may take long, and waits for pages.
 *
 * Context: any; current has it no more.
 */
void parley_vhost_mm_put(struct mm_struct *mm)
{
	if (mm)
		mmput_async(mm);
}
PARLEY_EXPORT(parley_vhost_mm_put);

/** parley_vhost_driver() - whose device it is */
const struct parley_vhost_driver *
parley_vhost_driver(const struct parley_vhost *dev)
{
	return dev->drv;
}
PARLEY_EXPORT(parley_vhost_driver);

/** parley_vhost_running() - is any ring not idle?  Under dev->mutex. */
bool parley_vhost_running(const struct parley_vhost *dev)
{
	unsigned int i;

	for (i = 0; i < dev->nr_vqs; i++)
		if (READ_ONCE(dev->vqs[i]->state) != VH_VQ_IDLE)
			return true;
	return false;
}
PARLEY_EXPORT(parley_vhost_running);

/** parley_vhost_vq_dev() - the device of a ring */
struct parley_vhost *parley_vhost_vq_dev(const struct parley_vhost_vq *vq)
{
	return vq->dev;
}
PARLEY_EXPORT(parley_vhost_vq_dev);

/** parley_vhost_vq_index() - the number of a ring */
unsigned int parley_vhost_vq_index(const struct parley_vhost_vq *vq)
{
	return vq->index;
}
PARLEY_EXPORT(parley_vhost_vq_index);

/** parley_vhost_vq_priv() - what parley_vhost_vq_set_priv() was given */
void *parley_vhost_vq_priv(const struct parley_vhost_vq *vq)
{
	return vq->priv;
}
PARLEY_EXPORT(parley_vhost_vq_priv);

/** parley_vhost_vq_set_priv() - the accelerator's pointer of a ring */
void parley_vhost_vq_set_priv(struct parley_vhost_vq *vq, void *priv)
{
	vq->priv = priv;
}
PARLEY_EXPORT(parley_vhost_vq_set_priv);

/** parley_vhost_nr_queues() - how many rings it has, or will have when it is owned */
unsigned int parley_vhost_nr_queues(const struct parley_vhost *dev)
{
	return vh_dev_max_vqs(dev);
}
PARLEY_EXPORT(parley_vhost_nr_queues);

/** parley_vhost_get_vq() - a ring by its number; NULL if there is none (yet) */
struct parley_vhost_vq *parley_vhost_get_vq(struct parley_vhost *dev,
					    unsigned int index)
{
	return index < vh_dev_nr_vqs(dev) ? dev->vqs[index] : NULL;
}
PARLEY_EXPORT(parley_vhost_get_vq);
