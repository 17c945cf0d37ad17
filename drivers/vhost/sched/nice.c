// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nice values of vCPUs' threads: what we make of them, and that nobody keeps it.
 *
 * What a thread has without us is its base.  Boosts and steps move it from there, and back.
 * A value that somebody else sets meanwhile is the new base, with one exception: the kernel
 * lets a thread raise its nice value as it likes, and while it is lowered by us that covers
 * values below its base.  Such a one is not believed of a thread that could not have had it
 * without us.
 *
 * Threads inherit the nice value of who makes them, so a vCPU's gets children corrected:
 *
 *	by clone() or fork()	before they run, at the tracepoint sched_process_fork
 *	workers of the kernel's	of io_uring, vhost and the like, which that one does not
 *				tell of: soon after they were woken (sched_wakeup_new), by
 *				a look through the process for young ones
 */
#include <linux/capability.h>
#include <linux/cleanup.h>
#include <linux/cred.h>
#include <linux/sched.h>
#include <linux/sched/prio.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/timekeeping.h>
#include <linux/user_namespace.h>

#include "sched.h"

/* Could a thread have set this nice value without us? */
static bool vhs_nice_is_own(const struct task_struct *task, int nice)
{
	const struct cred *cred;

	if (nice_to_rlimit(nice) <= task_rlimit(task, RLIMIT_NICE))
		return true;
	guard(rcu)();
	cred = __task_cred(task);
	return cred->user_ns == &init_user_ns && cap_raised(cred->cap_effective, CAP_SYS_NICE);
}

/* The thread has @now, which we did not set: is that its base from now on? */
static bool vhs_nice_counts(const struct vhs_vcpu *vcpu, int now)
{
	return now >= vcpu->nice || now < vcpu->nice_set || vhs_nice_is_own(vcpu->task, now);
}

/**
 * vhs_nice_begin() - a vCPU's thread is one that we have not moved
 * @vcpu: it; has a thread that is not in the hash yet
 *
 * Context: vm->boost held.
 */
void vhs_nice_begin(struct vhs_vcpu *vcpu)
{
	lockdep_assert_held(&vcpu->vm->boost);
	vcpu->moved = false;
	WRITE_ONCE(vcpu->nice, task_nice(vcpu->task));
	vcpu->known_since = ktime_get_ns();
}

/**
 * vhs_nice_apply() - give a vCPU's thread the nice value that it should have
 * @vcpu: it; has a thread
 *
 * Context: vm->boost held.
 */
void vhs_nice_apply(struct vhs_vcpu *vcpu)
{
	int now = task_nice(vcpu->task);
	int want;

	lockdep_assert_held(&vcpu->vm->boost);
	if (!vcpu->moved || (now != vcpu->nice_set && vhs_nice_counts(vcpu, now)))
		WRITE_ONCE(vcpu->nice, now);
	want = vcpu->nice + vcpu->step - (vcpu->boosted ? VHS_BOOST_STEPS : 0);
	want = clamp(want, MIN_NICE, MAX_NICE);
	WRITE_ONCE(vcpu->nice_set, want);
	if (want != vcpu->nice)
		WRITE_ONCE(vcpu->moved, true);
	if (want != now)
		set_user_nice(vcpu->task, want);
	if (want == vcpu->nice) {
		/*
		 * Who inherited something of ours finds that it is ours, or that its parent
		 * has less by now.  Pairs with vhs_nice_base().
		 */
		smp_store_release(&vcpu->moved, false);
	}
}
EXPORT_SYMBOL_IF_KUNIT(vhs_nice_apply);

/* What the thread has without us, for a look that does not wait. */
static int vhs_nice_base(const struct vhs_vcpu *vcpu)
{
	/* Pairs with vhs_nice_apply(). */
	return smp_load_acquire(&vcpu->moved) ? READ_ONCE(vcpu->nice) : task_nice(vcpu->task);
}

/* Did it inherit what is ours?  What somebody set for its parent it may keep. */
static bool vhs_nice_is_ours(const struct vhs_vcpu *vcpu, const struct task_struct *child,
			     int base)
{
	int nice = task_nice(child);

	return nice != base && (nice < base || nice == READ_ONCE(vcpu->nice_set));
}

/**
 * vhs_nice_child() - the thread of a vCPU has made another one, which does not run yet
 * @vcpu: it
 * @child: the new one
 *
 * Context: preemption off, of the vCPU's thread.
 */
void vhs_nice_child(struct vhs_vcpu *vcpu, struct task_struct *child)
{
	int base = vhs_nice_base(vcpu);

	if (!current->sched_reset_on_fork && vhs_nice_is_ours(vcpu, child, base))
		set_user_nice(child, base);
}
EXPORT_SYMBOL_IF_KUNIT(vhs_nice_child);

/**
 * vhs_nice_worker() - the kernel has woken a new worker for the thread of a vCPU
 * @vcpu: it
 * @worker: the new one
 *
 * Context: of the vCPU's thread, under the scheduler's locks.
 */
void vhs_nice_worker(struct vhs_vcpu *vcpu, const struct task_struct *worker)
{
	if (vhs_nice_is_ours(vcpu, worker, vhs_nice_base(vcpu)))
		irq_work_queue(&vcpu->bred);
}

static void vhs_nice_workers(struct work_struct *work)
{
	struct vhs_vcpu *vcpu = container_of(work, struct vhs_vcpu, workers);
	struct task_struct *task;
	int base;

	guard(vhs_boost)(&vcpu->vm->boost);
	if (!vcpu->task)
		return;
	base = vhs_nice_base(vcpu);
	guard(rcu)();
	for_each_thread(vcpu->task, task)
		if (task->flags & PF_USER_WORKER && task->start_time >= vcpu->known_since &&
		    vhs_nice_is_ours(vcpu, task, base))
			set_user_nice(task, base);
}

static void vhs_nice_bred(struct irq_work *bred)
{
	struct vhs_vcpu *vcpu = container_of(bred, struct vhs_vcpu, bred);

	queue_work(vhs_wq, &vcpu->workers);
}

/** vhs_nice_init() - for a new vCPU; what it starts is over after vhs_nice_settle() */
void vhs_nice_init(struct vhs_vcpu *vcpu)
{
	INIT_WORK(&vcpu->workers, vhs_nice_workers);
	init_irq_work(&vcpu->bred, vhs_nice_bred);
}

/**
 * vhs_nice_settle() - no worker keeps what is ours
 * @vm: whose vCPUs are about to lose their threads, and are in no hash any more
 * @from: the first one
 * @nr: of them
 *
 * Nobody looks for children of theirs from here on.
 *
 * Context: sleeps; without vm->boost.
 */
void vhs_nice_settle(struct vhs *vm, unsigned int from, unsigned int nr)
{
	unsigned int i;

	for (i = from; i < from + nr; i++) {
		irq_work_sync(&vm->vcpus[i].bred);
		flush_work(&vm->vcpus[i].workers);
	}
}
