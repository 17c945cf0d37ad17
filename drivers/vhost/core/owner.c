// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device's owner may do, for threads that work in its place.
 *
 * A worker is mostly a thread of the owner's process, and everything is as if the
 * process did it.  A kernel thread is not: work that an accelerator leaves to a
 * workqueue would run with all rights, on nobody's account, and past every limit
 * that an operator has set on the tenant's control groups.  So it puts these on:
 *
 *	I/O priority	for who asks for it, parley_vhost_ioprio()
 *	credentials	quota, security modules, files that ask again (NFS)
 *	I/O group	throttling and accounting of what the medium does
 *	memory group	pages of the page cache, and what the block layer allocates
 *
 * And pages that are pinned for the owner count against its RLIMIT_MEMLOCK, whoever
 * pins them.
 */
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/ioprio.h>
#include <linux/kthread.h>
#include <linux/memcontrol.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <parley/export.h>

#include "owner.h"

#ifdef CONFIG_BLK_CGROUP
static struct cgroup_subsys_state *vh_owner_io_group(void)
{
	return task_get_css(current, io_cgrp_id);
}

static bool vh_owner_join_io(const struct vh_owner *owner)
{
	if (!owner->io || !(current->flags & PF_KTHREAD))
		return false;
	kthread_associate_blkcg(owner->io);
	return true;
}

static void vh_owner_leave_io(void)
{
	kthread_associate_blkcg(NULL);
}
#else
static struct cgroup_subsys_state *vh_owner_io_group(void)
{
	return NULL;
}

static bool vh_owner_join_io(const struct vh_owner *owner)
{
	return false;
}

static void vh_owner_leave_io(void)
{
}
#endif

/**
 * vh_owner_take() - remember who calls
 * @owner: of a device that gets one with memory
 *
 * Context: the owner's process; under dev->mutex.
 */
void vh_owner_take(struct vh_owner *owner)
{
	owner->mm = current->mm;
	mmgrab(owner->mm);
	owner->task = get_task_struct(current);
	owner->cred = get_current_cred();
	owner->may_lock = capable(CAP_IPC_LOCK);
	owner->ioprio = get_current_ioprio();
	owner->io = vh_owner_io_group();
	owner->memory = get_mem_cgroup_from_mm(owner->mm);
}

/**
 * vh_owner_drop() - nobody works in the owner's place any more
 * @owner: of a device; none is fine
 *
 * Context: under dev->mutex, with nothing in flight.
 */
void vh_owner_drop(struct vh_owner *owner)
{
	if (!owner->task)
		return;
	mmdrop(owner->mm);
	put_task_struct(owner->task);
	put_cred(owner->cred);
	if (owner->io)
		css_put(owner->io);
	mem_cgroup_put(owner->memory);
	*owner = (struct vh_owner){};
}

/**
 * vh_owner_lock_pages() - pages are about to be pinned for the owner
 * @owner: one that has memory
 * @nr: how many; account_locked_vm() gives them back
 *
 * Context: any thread; takes mmap_lock for writing.
 * Return: 0, or -ENOMEM: the owner's RLIMIT_MEMLOCK does not allow it.
 */
int vh_owner_lock_pages(struct vh_owner *owner, unsigned long nr)
{
	int err;

	mmap_write_lock(owner->mm);
	err = __account_locked_vm(owner->mm, nr, true, owner->task, owner->may_lock);
	mmap_write_unlock(owner->mm);
	return err;
}

/**
 * vh_owner_put_on() - go on as the owner
 * @owner: of a device with requests in flight; nobody is nobody to be like
 * @was: for parley_vhost_as_before(), its mirror
 *
 * The owner may be dropped before the mirror is called.
 *
 * Context: task.
 */
void vh_owner_put_on(const struct vh_owner *owner, struct parley_vhost_as *was)
{
	was->now = get_cred(owner->cred);
	if (!was->now)
		return;
	was->cred = override_creds(was->now);
	was->group = mem_cgroup_tryget(owner->memory) ? owner->memory : NULL;
	was->memory = set_active_memcg(was->group);
	was->io = vh_owner_join_io(owner);
}

/** parley_vhost_as_before() - the mirror of parley_vhost_as_owner() */
void parley_vhost_as_before(const struct parley_vhost_as *was)
{
	if (!was->now)
		return;
	if (was->io)
		vh_owner_leave_io();
	set_active_memcg(was->memory);
	mem_cgroup_put(was->group);
	revert_creds(was->cred);
	put_cred(was->now);
}
PARLEY_EXPORT(parley_vhost_as_before);
