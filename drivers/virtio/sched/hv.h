/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the lock wants of a hypervisor.  A new one is a file with a table of these
 * and a line in hv.c.
 *
 * All but probe() are called with preemption off, in any context but an NMI, with
 * interrupts on or off.  Processors are the kernel's numbers.
 */
#ifndef _PARLEY_SCHED_HV_H
#define _PARLEY_SCHED_HV_H

#include <linux/bits.h>
#include <linux/types.h>

#define PARLEY_HV_SEES	BIT(0)	/* preempted() */
#define PARLEY_HV_YIELD	BIT(1)	/* yield() */
#define PARLEY_HV_HALT	BIT(2)	/* halt() and kick() */

/**
 * struct parley_hv_ops - a hypervisor
 * @name: for the log and the module's parameter
 * @probe: are we its guest?  Which of the rest it can do, PARLEY_HV_*, or -ENODEV
 * @preempted: did the host take the time of this processor away?  A hint: a wrong
 *	answer costs time and nothing else
 * @yield: have the host run this processor rather than the caller's
 * @halt: let the caller's processor sleep while @word is @value.  Returns when it was
 *	kicked, when an interrupt was served, when @word differs, or for no reason at
 *	all.  A kick that comes after the look at @word is never lost: not if it comes
 *	before the sleep, nor if the handler of an interrupt that ends the sleep waits
 *	for a lock as well and the kick ends that one's sleep
 * @kick: wake this processor.  It may be awake, or anywhere else by now
 */
struct parley_hv_ops {
	const char *name;
	int (*probe)(void);
	bool (*preempted)(int cpu);
	void (*yield)(int cpu);
	void (*halt)(const u32 *word, u32 value);
	void (*kick)(int cpu);
};

/* Chosen once, before there is a lock; what it cannot do may be lent later. */
struct parley_hv {
	const struct parley_hv_ops *ops;
	unsigned int can;
};

extern struct parley_hv parley_hv;

static inline bool parley_hv_can(unsigned int what)
{
	return parley_hv.can & what;
}

static inline bool parley_hv_preempted(int cpu)
{
	return parley_hv_can(PARLEY_HV_SEES) && parley_hv.ops->preempted(cpu);
}

int parley_hv_choose(const char *name);
void parley_hv_lend(const struct parley_hv_ops *ops, unsigned int can);
void parley_hv_withdraw(const struct parley_hv_ops *ops);

/* The one place that says which hypervisors are for which kernels. */
#ifdef PARLEY_HV_WITH_KVM
extern const struct parley_hv_ops parley_hv_kvm;
#endif
extern const struct parley_hv_ops parley_hv_none;

#endif /* _PARLEY_SCHED_HV_H */
