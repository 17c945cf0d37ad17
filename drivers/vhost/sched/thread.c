// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads of vCPUs: which may be registered, and which is whose.
 *
 * Who registers a thread learns when it runs, and has the host run it earlier.  So it has
 * to be one of the caller's own process, or the caller may change how it is scheduled.
 * That the same user started both is not enough: a user's guests are strangers.
 *
 * A thread that ends is told to the guest as gone.  Its task_struct is held, one for each
 * vCPU, until the vCPU gets another one or the device goes.
 */
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/hash.h>
#include <linux/nospec.h>
#include <linux/pid.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/user_namespace.h>

#include "sched.h"

#define VHS_HASH_BITS	10

/* Of the hash, of the probe, and of numbers. */
DEFINE_MUTEX(vhs_threads_lock);
EXPORT_SYMBOL_IF_KUNIT(vhs_threads_lock);
static struct hlist_head vhs_threads[1 << VHS_HASH_BITS];

/**
 * vhs_vcpu_of() - of which vCPU is this the thread?
 * @task: thread
 *
 * Context: preemption off.
 * Return: the vCPU, or NULL for most threads.
 */
struct vhs_vcpu *vhs_vcpu_of(const struct task_struct *task)
{
	struct hlist_head *head = &vhs_threads[hash_ptr(task, VHS_HASH_BITS)];
	struct vhs_vcpu *vcpu;

	hlist_for_each_entry_rcu(vcpu, head, node, rcu_read_lock_sched_held())
		if (vcpu->task == task)
			return vcpu;
	return NULL;
}

static bool vhs_thread_taken(const struct task_struct *task)
{
	guard(preempt)();
	return vhs_vcpu_of(task);
}

static int vhs_thread_add(struct vhs_vcpu *vcpu, struct task_struct *task)
{
	struct vhs_user *user;
	int err;

	guard(mutex)(&vhs_threads_lock);
	if (vhs_thread_taken(task))
		return -EBUSY;
	user = vhs_quota_get(current_euid());
	if (IS_ERR(user))
		return PTR_ERR(user);
	err = vhs_probe_get();
	if (err) {
		vhs_quota_put(user);
		return err;
	}
	vcpu->user = user;
	guard(vhs_boost)(&vcpu->vm->boost);
	vcpu->task = get_task_struct(task);
	vhs_nice_begin(vcpu);
	hlist_add_head_rcu(&vcpu->node, &vhs_threads[hash_ptr(task, VHS_HASH_BITS)]);
	vhs_record_begin(vcpu, task);
	return 0;
}

static bool vhs_vcpu_leave(struct vhs_vcpu *vcpu)
{
	guard(mutex)(&vhs_threads_lock);
	scoped_guard(vhs_boost, &vcpu->vm->boost) {
		if (!vcpu->task)
			return false;
		vhs_boost_stop(vcpu);
		vcpu->leaves = true;
		hlist_del_rcu(&vcpu->node);
	}
	vhs_probe_put();
	vhs_quota_put(vcpu->user);
	return true;
}

static void vhs_vcpu_left(struct vhs_vcpu *vcpu)
{
	guard(vhs_boost)(&vcpu->vm->boost);
	if (!vcpu->leaves)
		return;
	vhs_record_end(vcpu);
	put_task_struct(vcpu->task);
	vcpu->task = NULL;
	vcpu->leaves = false;
}

/**
 * vhs_vcpus_forget() - vCPUs have no thread any more
 * @vm: theirs
 * @from: the first one
 * @nr: of them; each may have none
 *
 * What we did to the threads is undone.
 *
 * Context: sleeps; dev->mutex held.
 */
void vhs_vcpus_forget(struct vhs *vm, unsigned int from, unsigned int nr)
{
	bool any = false;
	unsigned int i;

	for (i = from; i < from + nr; i++) {
		vhs_count_end(&vm->vcpus[i]);
		any |= vhs_vcpu_leave(&vm->vcpus[i]);
	}
	if (!any)
		return;
	/* Probes that found one are over, and what they asked for is done. */
	synchronize_rcu();
	vhs_nice_settle(vm, from, nr);
	for (i = from; i < from + nr; i++) {
		vhs_place_end(&vm->vcpus[i]);
		vhs_vcpu_left(&vm->vcpus[i]);
	}
}

/**
 * parley_vhost_sched_set_task() - say which thread a vCPU is
 * @dev: device
 * @index: vCPU
 * @task: thread; NULL: none any more.  Whether it may be is not asked
 *
 * Context: sleeps; dev->mutex held, or the device is not shared.
 * Return: as PARLEY_SCHED_SET_VCPU.
 */
VISIBLE_IF_KUNIT
int parley_vhost_sched_set_task(struct parley_vhost *dev, u32 index,
				struct task_struct *task)
{
	struct vhs *vm = parley_vhost_priv(dev);
	struct vhs_vcpu *vcpu;
	int err;

	if (index >= vm->nr)
		return -EINVAL;
	index = array_index_nospec(index, vm->nr);
	vcpu = &vm->vcpus[index];
	if (task && vhs_thread_taken(task))
		return -EBUSY;
	vhs_vcpus_forget(vm, index, 1);
	if (!task)
		return 0;
	err = vhs_thread_add(vcpu, task);
	err = err ?: vhs_count_begin(vcpu);
	if (err)
		vhs_vcpus_forget(vm, index, 1);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(parley_vhost_sched_set_task);

static bool vhs_thread_allowed(struct task_struct *task)
{
	/* Of the kernel: workers of processes as well as threads of its own. */
	if (task->flags & (PF_KTHREAD | PF_USER_WORKER))
		return false;
	if (same_thread_group(task, current))
		return true;
	guard(rcu)();
	return ns_capable(__task_cred(task)->user_ns, CAP_SYS_NICE);
}

/**
 * parley_vhost_sched_set_tid() - say which thread a vCPU is, as a VMM does
 * @dev: device
 * @index: vCPU
 * @tid: thread as the caller sees it; 0: none any more
 *
 * Context: as parley_vhost_sched_set_task().
 * Return: as PARLEY_SCHED_SET_VCPU.
 */
int parley_vhost_sched_set_tid(struct parley_vhost *dev, u32 index, pid_t tid)
{
	struct task_struct *task = NULL;
	struct pid *pid;
	int err;

	if (tid < 0)
		return -EINVAL;
	if (tid) {
		pid = find_get_pid(tid);
		task = get_pid_task(pid, PIDTYPE_PID);
		put_pid(pid);
		if (!task)
			return -ESRCH;
	}
	err = task && !vhs_thread_allowed(task) ? -EPERM : 0;
	err = err ?: parley_vhost_sched_set_task(dev, index, task);
	if (task)
		put_task_struct(task);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(parley_vhost_sched_set_tid);
