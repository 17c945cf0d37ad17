// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest says of its vCPUs, as one: for who divides time between guests rather than
 * between vCPUs, by weights of control groups, which a module cannot set.
 *
 * What is said of a vCPU that has halted is old, so threads of those are not counted.  The
 * numbers are the guest's, and are bounded by nothing but their bits: who uses them has
 * bounds of his own.
 */
#include <linux/sched.h>

#include "sched.h"

static bool vhs_load_wants(u32 state)
{
	return state == PARLEY_SCHED_RUNNING || state == PARLEY_SCHED_PREEMPTED;
}

static void vhs_load_add(struct parley_sched_load *l, struct vhs_vcpu *vcpu)
{
	u64 hints = vhs_record_hints(vcpu);

	l->vcpus++;
	l->saying += !!hints;
	if (!vhs_load_wants(READ_ONCE(vcpu->state)))
		return;
	l->threads += hints & PARLEY_SCHED_H_RUNNABLE;
	l->urgent += (hints >> PARLEY_SCHED_H_URGENCY & 0xf) == PARLEY_SCHED_U_URGENT;
}

/**
 * vhs_load() - what a guest says of its vCPUs
 * @vm: the guest
 * @l: filled
 *
 * Context: sleeps; vm->boost not held.
 */
void vhs_load(struct vhs *vm, struct parley_sched_load *l)
{
	struct vhs_vcpu *vcpu;

	*l = (struct parley_sched_load){};
	guard(vhs_boost)(&vm->boost);
	for (vcpu = vm->vcpus; vcpu < vm->vcpus + vm->nr; vcpu++)
		if (vcpu->task && !vcpu->leaves)
			vhs_load_add(l, vcpu);
}
