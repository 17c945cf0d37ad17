// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device as a hypervisor for locks: it tells who is preempted, and yields.  It cannot
 * halt and kick: a request takes longer than what one waits for, and wakes nobody.
 */
#include "../hv.h"
#include "device.h"

/* Preemption is off in both. */
static bool psd_hv_preempted(int cpu)
{
	const struct psd *psd = READ_ONCE(parley_psd_one);

	return psd && cpu < psd->nr &&
	       parley_sched_state(psd_record(psd, cpu)) == PARLEY_SCHED_PREEMPTED;
}

static void psd_hv_yield(int cpu)
{
	struct psd *psd = READ_ONCE(parley_psd_one);

	if (psd)
		parley_psd_yield(psd, cpu);
}

static const struct parley_hv_ops psd_hv_ops = {
	.name = "parley",
	.preempted = psd_hv_preempted,
	.yield = psd_hv_yield,
};

/** parley_psd_hv_lend() - locks may use what the device offers */
void parley_psd_hv_lend(struct psd *psd)
{
	unsigned int can = PARLEY_HV_SEES;

	/* Where spinlocks sleep none can be taken by who waits for a lock of this kind. */
	if (!IS_ENABLED(CONFIG_PREEMPT_RT) &&
	    parley_has_feature(psd->pd, PARLEY_SCHED_F_YIELD))
		can |= PARLEY_HV_YIELD;
	parley_hv_lend(&psd_hv_ops, can);
}

/** parley_psd_hv_withdraw() - and do not any more, when this returns */
void parley_psd_hv_withdraw(struct psd *psd)
{
	parley_hv_withdraw(&psd_hv_ops);
}
