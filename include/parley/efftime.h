/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Time in which a virtual processor could run.
 *
 * A host that has other things to do takes a guest's processor away, and the guest's
 * clocks go on.  A time-out that the guest set then runs out, although the guest had
 * no time to do what it waits for.  The effective clock stands still meanwhile: it is
 * CLOCK_MONOTONIC without what was stolen.  All times are in nanoseconds.
 *
 * Three things are made of it:
 *
 *	parley_effective_ns()	   the effective clock of a processor
 *	struct parley_effclock	   a stopwatch that may be carried to another processor
 *	struct parley_efftimer	   a timer that runs out by such a stopwatch
 *
 * What is stolen is known when the processor runs again, and not before.  Where the
 * hypervisor does not tell, nothing is stolen: the effective clock is CLOCK_MONOTONIC
 * and the timer an ordinary one.  Documentation/steal.rst says which ones do.
 *
 * Everything here may be called as soon as the module parley_sched is there, but not
 * in an NMI.
 */
#ifndef _PARLEY_EFFTIME_H
#define _PARLEY_EFFTIME_H

#include <linux/hrtimer.h>
#include <linux/limits.h>
#include <linux/spinlock.h>
#include <linux/types.h>

bool parley_steal_known(void);
u64 parley_stolen_ns(int cpu);
u64 parley_effective_ns(void);

/**
 * struct parley_effclock - a stopwatch of effective time
 * @ns: effective time up to the last reading
 * @mono: CLOCK_MONOTONIC then
 * @stolen: what had been stolen by then from the processor @cpu
 * @cpu: on which it was read
 *
 * All of it is private.  Whoever owns it sees to it that two do not read it at a time.
 */
struct parley_effclock {
	u64 ns;
	u64 mono;
	u64 stolen;
	int cpu;
};

void parley_effclock_start(struct parley_effclock *clock);
u64 parley_effclock_read(struct parley_effclock *clock);

/* The longest that an effective timer waits by CLOCK_MONOTONIC: for ever. */
#define PARLEY_EFFTIMER_NO_LIMIT	U64_MAX

/**
 * struct parley_efftimer - a timer of effective time
 * @timer: what waits
 * @lock: one starts it or finds that it has run out at a time; a leaf, taken in hard
 *	interrupts
 * @clock: started with it, under @lock
 * @due: what @clock shows when the time is over
 * @limit: CLOCK_MONOTONIC when it is over in any case
 * @fire: called then
 *
 * All of it is private.  Its memory may go after parley_efftimer_cancel().
 */
struct parley_efftimer {
	struct hrtimer timer;
	raw_spinlock_t lock;
	struct parley_effclock clock;
	u64 due;
	u64 limit;
	void (*fire)(struct parley_efftimer *timer);
};

void parley_efftimer_init(struct parley_efftimer *timer,
			  void (*fire)(struct parley_efftimer *timer));
void parley_efftimer_start(struct parley_efftimer *timer, u64 ns, u64 at_most);
bool parley_efftimer_cancel(struct parley_efftimer *timer);

/**
 * parley_efftimer_active - does it run?
 * @timer: the timer
 *
 * Context: any.  The answer may be old.
 *
 * Return: true if it waits or its function runs.
 */
static inline bool parley_efftimer_active(const struct parley_efftimer *timer)
{
	return hrtimer_active(&timer->timer);
}

#endif /* _PARLEY_EFFTIME_H */
