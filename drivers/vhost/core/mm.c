// SPDX-License-Identifier: GPL-2.0-only
/*
 * The owner's memory, reached with more patience than its process has.
 *
 * A thread that is being killed waits neither for the lock of its memory nor for
 * a page that has to be fetched: what is not mapped is out of its reach, though
 * it is there.  The peer, whose ring and buffers it is, lives on and has done
 * nothing wrong.  A kernel thread that borrows the memory can wait.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/mmu_context.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>
#include <parley/compat.h>

#include "owner.h"

struct mm_errand {
	struct work_struct work;
	struct completion done;
	struct mm_struct *mm;
	const struct vh_owner *owner;
	int (*fn)(void *arg);
	void *arg;
	int ret;
};

static void vh_mm_errand_run(struct work_struct *work)
{
	struct mm_errand *e = container_of(work, struct mm_errand, work);
	struct parley_vhost_as was;

	kthread_use_mm(e->mm);
	if (e->owner)
		vh_owner_put_on(e->owner, &was);
	e->ret = e->fn(e->arg);
	if (e->owner)
		parley_vhost_as_before(&was);
	kthread_unuse_mm(e->mm);
	complete(&e->done);
}

/* Have a kernel thread do it in memory of which the caller is a user, as @owner. */
static int vh_mm_errand(struct mm_struct *mm, const struct vh_owner *owner,
			int (*fn)(void *arg), void *arg)
{
	struct mm_errand e = { .mm = mm, .owner = owner, .fn = fn, .arg = arg };

	init_completion(&e.done);
	INIT_WORK_ONSTACK(&e.work, vh_mm_errand_run);
	queue_work(system_dfl_wq, &e.work);
	/*
	 * Not flush_work(): all errands are one to lockdep, and some are waited
	 * for under a lock that others take.
	 */
	wait_for_completion(&e.done);
	destroy_work_on_stack(&e.work);
	return e.ret;
}

/**
 * vh_in_owner_mm() - have a kernel thread do something in the owner's memory
 * @owner: one that has memory
 * @fn: what
 * @arg: for @fn
 *
 * For those who have not that memory, or no more, and for those who are being
 * killed.
 *
 * Context: any in which @fn may be waited for.  Locks that the caller holds
 * protect @fn as well, but it is not who holds them.
 * Return: what @fn returns; -ESRCH if the memory is gone.
 */
int vh_in_owner_mm(struct vh_owner *owner, int (*fn)(void *arg), void *arg)
{
	int ret;

	if (!mmget_not_zero(owner->mm))
		return -ESRCH;
	ret = vh_mm_errand(owner->mm, owner, fn, arg);
	mmput(owner->mm);
	return ret;
}

/* An access of the core's failed: was it no more than haste? */
int vh_access_again(int (*access)(void *arg), void *arg)
{
	if (!fatal_signal_pending(current) || !current->mm)
		return -EFAULT;
	return vh_mm_errand(current->mm, NULL, access, arg);
}
