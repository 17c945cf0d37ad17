// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the scheduler does with threads of vCPUs, from the tracepoint at which it changes
 * from one thread to another.
 *
 * It is there for all threads of the host, so the first thing is a look into the hash:
 * for a thread that is none of ours that is a multiplication and a load, twice.  There is
 * no probe while no thread is registered.
 *
 * A probe runs under the run queue's lock with interrupts off.  It takes vcpu->lock,
 * writes to memory that is pinned and mapped, and wakes nobody: what takes longer is left
 * to an irq_work.
 */
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "sched.h"

static struct tracepoint *vhs_tracepoint;
static unsigned int vhs_probe_users;

/* A thread leaves its processor.  What it had to wait until it got it has been added up. */
static void vhs_probe_out(struct vhs_vcpu *vcpu, const struct task_struct *task,
			  bool preempt, unsigned int task_state)
{
	u32 state = PARLEY_SCHED_ASLEEP;

	if (preempt || task_state == TASK_RUNNING)
		state = PARLEY_SCHED_PREEMPTED;
	else if (task_state & TASK_DEAD)
		state = PARLEY_SCHED_GONE;
	vhs_record_state(vcpu, state, task->sched_info.run_delay);
	if (state == PARLEY_SCHED_PREEMPTED &&
	    vhs_record_hints(vcpu) & PARLEY_SCHED_H_HOLDER)
		vhs_boost_wish(vcpu);
}

/*
 * A thread gets a processor.  For how long it waited is added up when the tracepoint is
 * over, so it is computed here in the same way.
 */
static void vhs_probe_in(struct vhs_vcpu *vcpu, const struct task_struct *task)
{
	u64 delay = task->sched_info.run_delay, queued = task->sched_info.last_queued;
	u64 now = local_clock();

	if (queued && now > queued)
		delay += now - queued;
	vhs_record_state(vcpu, PARLEY_SCHED_RUNNING, delay);
}

static void vhs_probe_switch(void *unused, bool preempt, struct task_struct *prev,
			     struct task_struct *next, unsigned int prev_state)
{
	struct vhs_vcpu *vcpu = vhs_vcpu_of(prev);

	if (unlikely(vcpu))
		vhs_probe_out(vcpu, prev, preempt, prev_state);
	vcpu = vhs_vcpu_of(next);
	if (unlikely(vcpu))
		vhs_probe_in(vcpu, next);
}

/* It is not exported by name. */
static void vhs_probe_find(struct tracepoint *tp, void *found)
{
	if (!strcmp(tp->name, "sched_switch"))
		*(struct tracepoint **)found = tp;
}

/**
 * vhs_probe_get() - a thread is about to be registered
 *
 * Context: vhs_threads_lock held.
 * Return: 0, then vhs_probe_put() is the mirror; -EOPNOTSUPP for a kernel without the
 * tracepoint; -ENOMEM.
 */
int vhs_probe_get(void)
{
	int err;

	if (vhs_probe_users++)
		return 0;
	if (!vhs_tracepoint)
		for_each_kernel_tracepoint(vhs_probe_find, &vhs_tracepoint);
	err = vhs_tracepoint ? tracepoint_probe_register(vhs_tracepoint, vhs_probe_switch,
							 NULL) : -EOPNOTSUPP;
	if (err)
		vhs_probe_users--;
	return err;
}

/** vhs_probe_put() - a thread is not registered any more; vhs_threads_lock is held */
void vhs_probe_put(void)
{
	if (--vhs_probe_users)
		return;
	tracepoint_probe_unregister(vhs_tracepoint, vhs_probe_switch, NULL);
	tracepoint_synchronize_unregister();
}
