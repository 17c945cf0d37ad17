// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nice values that follow the guest's hints, so that time goes to threads and not to
 * vCPUs: a vCPU on which four threads would run gets more than one with a single thread.
 *
 * A step of the nice value is a quarter of weight, so twice the threads are three steps.
 * A vCPU's step comes of its own hints and of its owner's bounds alone: whatever a guest
 * says, it cannot move another's, and gains no more than its owner has been given.  One
 * that says nothing stays where it was.
 */
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/sched.h>

#include "sched.h"

#define VHS_STEP_PERIOD		(HZ / 10)
#define VHS_STEP_URGENT		3	/* as if it had twice the threads */
#define VHS_STEP_MAX		(2 * VHS_STEPS_MAX)

static void vhs_step_work_fn(struct work_struct *work);
static DECLARE_DELAYED_WORK(vhs_step_work, vhs_step_work_fn);

/* How often is @n a quarter more than 1? */
static int vhs_step_log(u32 n)
{
	u32 have = 1000;
	int steps;

	for (steps = 0; steps < VHS_STEP_MAX; steps++) {
		have += have / 4;
		/* The nearer one. */
		if (have > n * 1000 + n * 125)
			break;
	}
	return steps;
}

/**
 * vhs_step_of() - by how much is a vCPU's nice value to move?
 * @hints: word of the guest's record
 * @steps: how far it may
 *
 * Return: -@steps->down for many threads to @steps->up for one.
 */
int vhs_step_of(u64 hints, const struct parley_sched_steps *steps)
{
	u32 n = hints & PARLEY_SCHED_H_RUNNABLE;
	u32 urgency = hints >> PARLEY_SCHED_H_URGENCY & 0xf;
	int step = steps->up;

	if (urgency == PARLEY_SCHED_U_IDLE)
		return step;
	if (!n)
		return 0;
	step -= vhs_step_log(n);
	if (urgency == PARLEY_SCHED_U_URGENT)
		step -= VHS_STEP_URGENT;
	return max(step, -(int)steps->down);
}
EXPORT_SYMBOL_IF_KUNIT(vhs_step_of);

static bool vhs_step_wanted(const struct vhs *vm)
{
	return READ_ONCE(vm->steps.down) || READ_ONCE(vm->steps.up);
}

/* A guest whose owner allows no steps is not asked, while another's does. */
static void vhs_step_vm(struct vhs *vm)
{
	bool wanted = vhs_step_wanted(vm);
	struct vhs_vcpu *vcpu;
	int step;

	guard(vhs_boost)(&vm->boost);
	if (vm->closing)
		return;
	for (vcpu = vm->vcpus; vcpu < vm->vcpus + vm->nr; vcpu++) {
		step = wanted ? vhs_step_of(vhs_record_hints(vcpu), &vm->steps) : 0;
		if (!vcpu->task || vcpu->leaves || step == vcpu->step)
			continue;
		vcpu->step = step;
		vhs_nice_apply(vcpu);
	}
}

static void vhs_step_work_fn(struct work_struct *work)
{
	bool again = false;
	struct vhs *vm;

	guard(mutex)(&vhs_all_lock);
	list_for_each_entry(vm, &vhs_all, all) {
		/* Once more after they were taken away. */
		vhs_step_vm(vm);
		again |= vhs_step_wanted(vm);
		again |= vhs_place_look(vm);
	}
	if (again)
		queue_delayed_work(vhs_wq, &vhs_step_work, VHS_STEP_PERIOD);
}

/** vhs_steps_start() - what hints may do is something else now */
void vhs_steps_start(void)
{
	mod_delayed_work(vhs_wq, &vhs_step_work, 0);
}

/** vhs_steps_stop() - the module goes; there is no guest any more */
void vhs_steps_stop(void)
{
	cancel_delayed_work_sync(&vhs_step_work);
}
EXPORT_SYMBOL_IF_KUNIT(vhs_steps_stop);
