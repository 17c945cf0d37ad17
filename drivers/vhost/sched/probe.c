// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the scheduler does with threads of vCPUs, from the tracepoint at which it changes
 * from one thread to another; and what threads these make.
 *
 * The first is there for all threads of the host, so the first thing is a look into the hash:
 * for a thread that is none of ours that is a multiplication and a load, twice.  There is
 * no probe while no thread is registered, and was not for a while: to add and to remove one
 * changes the kernel's text on all processors, which guests that come and go must not do
 * again and again.
 *
 * A probe runs under the run queue's lock with interrupts off.  It takes vcpu->lock,
 * writes to memory that is pinned and mapped, and wakes nobody: what takes longer is left
 * to an irq_work.
 */
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/workqueue.h>

#include "sched.h"

/* Probes stay for so long when nobody needs them any more. */
#define VHS_PROBE_IDLE	(10 * HZ)

static unsigned int vhs_probe_users;
static bool vhs_probe_there;

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

/* Threads inherit nice values, see nice.c. */
static void vhs_probe_fork(void *unused, struct task_struct *parent, struct task_struct *child)
{
	struct vhs_vcpu *vcpu;

	guard(preempt)();
	vcpu = vhs_vcpu_of(parent);
	if (unlikely(vcpu))
		vhs_nice_child(vcpu, child);
}

static void vhs_probe_new(void *unused, struct task_struct *task)
{
	struct vhs_vcpu *vcpu;

	if (likely(!(task->flags & PF_USER_WORKER)))
		return;
	vcpu = vhs_vcpu_of(current);
	if (vcpu)
		vhs_nice_worker(vcpu, task);
}

/* Tracepoints are not exported by name. */
static struct {
	const char *name;
	void *probe;
	struct tracepoint *tp;
} vhs_probes[] = {
	{ "sched_process_fork", vhs_probe_fork },
	{ "sched_wakeup_new", vhs_probe_new },
	{ "sched_switch", vhs_probe_switch },
};

static void vhs_probe_find(struct tracepoint *tp, void *unused)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vhs_probes); i++)
		if (!strcmp(tp->name, vhs_probes[i].name))
			vhs_probes[i].tp = tp;
}

static void vhs_probe_remove(unsigned int nr)
{
	while (nr--)
		tracepoint_probe_unregister(vhs_probes[nr].tp, vhs_probes[nr].probe, NULL);
	tracepoint_synchronize_unregister();
}

static int vhs_probe_add(void)
{
	unsigned int i;
	int err;

	for_each_kernel_tracepoint(vhs_probe_find, NULL);
	for (i = 0; i < ARRAY_SIZE(vhs_probes); i++) {
		err = vhs_probes[i].tp ? tracepoint_probe_register(vhs_probes[i].tp,
								    vhs_probes[i].probe, NULL) :
					 -EOPNOTSUPP;
		if (err) {
			vhs_probe_remove(i);
			return err;
		}
	}
	return 0;
}

static void vhs_probe_idle_fn(struct work_struct *work)
{
	guard(mutex)(&vhs_threads_lock);
	if (vhs_probe_users || !vhs_probe_there)
		return;
	vhs_probe_remove(ARRAY_SIZE(vhs_probes));
	vhs_probe_there = false;
}

static DECLARE_DELAYED_WORK(vhs_probe_idle, vhs_probe_idle_fn);

/**
 * vhs_probe_get() - a thread is about to be registered
 *
 * Context: vhs_threads_lock held.
 * Return: 0, then vhs_probe_put() is the mirror; -EOPNOTSUPP for a kernel without one of
 * the tracepoints; -ENOMEM.
 */
int vhs_probe_get(void)
{
	int err;

	if (!vhs_probe_there) {
		err = vhs_probe_add();
		if (err)
			return err;
		vhs_probe_there = true;
	}
	vhs_probe_users++;
	return 0;
}

/** vhs_probe_put() - a thread is not registered any more; vhs_threads_lock is held */
void vhs_probe_put(void)
{
	if (!--vhs_probe_users)
		mod_delayed_work(vhs_wq, &vhs_probe_idle, VHS_PROBE_IDLE);
}

/** vhs_probe_exit() - the module goes; there is no thread any more */
void vhs_probe_exit(void)
{
	mod_delayed_work(vhs_wq, &vhs_probe_idle, 0);
	flush_delayed_work(&vhs_probe_idle);
}
