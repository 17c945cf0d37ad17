// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stopwatch of effective time, which may be read on one processor now and on another
 * later.
 *
 * Between two readings, at M1 on processor A and at M2 on B, it advances by
 *
 *	(M2 - M1) - min(M2 - M1, what A said between them that was stolen)
 *
 * If A is B, that is what the effective clock of this processor advanced by, exactly.
 * If not, when the owner left A is not known, and what B had stolen before the owner
 * came is none of its business.  What A said while the owner was there or on its way is
 * taken off, and nothing of B's.
 *
 * What holds for any two readings, whatever the hypervisor says and wherever they are:
 * the advance is not below 0 and not above M2 - M1.  Sums of such advances have the
 * same bounds.  So the stopwatch is monotone, and it is continuous: it cannot jump by
 * more than the time that passed, least of all because its owner changed processors.
 */
#include <linux/cleanup.h>
#include <linux/minmax.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <parley/export.h>

#include "steal.h"

/**
 * parley_effclock_start - begin at 0
 * @clock: the stopwatch
 *
 * Context: any but an NMI.
 */
void parley_effclock_start(struct parley_effclock *clock)
{
	struct parley_steal_at now;

	guard(preempt)();
	clock->cpu = smp_processor_id();
	now = parley_steal_look();
	clock->ns = 0;
	clock->mono = now.mono;
	clock->stolen = now.stolen;
}
PARLEY_EXPORT(parley_effclock_start);

/**
 * parley_effclock_read - effective time since the start
 * @clock: the stopwatch, started
 *
 * Context: any but an NMI; not at the same time as another call for this stopwatch.
 *
 * Return: nanoseconds; not less than at the last reading, and more than that by no more
 * than CLOCK_MONOTONIC advanced.
 */
u64 parley_effclock_read(struct parley_effclock *clock)
{
	struct parley_steal_at was, now;
	u64 mono, passed, lost;
	int cpu;

	guard(preempt)();
	cpu = smp_processor_id();
	now = parley_steal_look();
	was = cpu == clock->cpu ? now : parley_steal_peek(clock->cpu);
	mono = max3(clock->mono, was.mono, now.mono);
	passed = mono - clock->mono;
	/* What was said of another processor may have been taken back. */
	lost = was.stolen > clock->stolen ? was.stolen - clock->stolen : 0;
	clock->ns += passed - min(passed, lost);
	clock->mono = mono;
	clock->stolen = now.stolen;
	clock->cpu = cpu;
	return clock->ns;
}
PARLEY_EXPORT(parley_effclock_read);
