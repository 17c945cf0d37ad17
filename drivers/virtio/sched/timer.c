// SPDX-License-Identifier: GPL-2.0-only
/*
 * A timer that runs out when so much effective time has passed.
 *
 * It waits by CLOCK_MONOTONIC for what is left.  The effective clock is never faster,
 * so it is not late then; and if it stood still for a while, that much is left again,
 * and the timer waits for it once more.  Nothing has to be done while time is stolen.
 *
 * Late, by its own clock, is what an hrtimer would be late, and EFFTIMER_GRAIN at most
 * if it had to wait again.
 */
#include <linux/cleanup.h>
#include <linux/container_of.h>
#include <linux/ktime.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <kunit/visibility.h>
#include <parley/compat.h>
#include <parley/export.h>

#include "steal.h"
#include "trace.h"

DEFINE_PER_CPU(struct parley_eff_counts, parley_eff_counts);
EXPORT_SYMBOL_IF_KUNIT(parley_eff_counts);

#define eff_count(what)	this_cpu_inc(parley_eff_counts.what)

/*
 * What is to be done, and in @ns how much is left or how late it is.  Whoever started it
 * anew meanwhile has queued it, and its time is another.
 */
VISIBLE_IF_KUNIT enum efftimer_found parley_efftimer_look(struct parley_efftimer *timer, u64 *ns)
{
	struct parley_effclock *clock = &timer->clock;
	u64 ran, wait;

	lockdep_assert_held(&timer->lock);
	*ns = 0;
	if (hrtimer_is_queued(&timer->timer))
		return EFFTIMER_ANEW;
	ran = parley_effclock_read(clock);
	if (ran >= timer->due) {
		*ns = ran - timer->due;
		return EFFTIMER_OVER;
	}
	*ns = timer->due - ran;
	if (clock->mono >= timer->limit)
		return EFFTIMER_LIMIT;
	wait = min(max(*ns, EFFTIMER_GRAIN), timer->limit - clock->mono);
	hrtimer_set_expires(&timer->timer,
			    ns_to_ktime(min(size_add(clock->mono, wait), KTIME_MAX)));
	return EFFTIMER_NOT_YET;
}
EXPORT_SYMBOL_IF_KUNIT(parley_efftimer_look);

static enum hrtimer_restart efftimer_expired(struct hrtimer *hrtimer)
{
	struct parley_efftimer *timer = container_of(hrtimer, struct parley_efftimer, timer);
	enum efftimer_found found;
	u64 ns;

	scoped_guard(raw_spinlock_irqsave, &timer->lock)
		found = parley_efftimer_look(timer, &ns);
	switch (found) {
	case EFFTIMER_ANEW:
		return HRTIMER_NORESTART;
	case EFFTIMER_NOT_YET:
		eff_count(rearmed);
		trace_parley_efftimer_rearm(timer, ns);
		return HRTIMER_RESTART;
	case EFFTIMER_LIMIT:
		eff_count(limited);
		trace_parley_efftimer_limit(timer, ns);
		break;
	case EFFTIMER_OVER:
		trace_parley_efftimer_fire(timer, ns);
		break;
	}
	eff_count(fired);
	timer->fire(timer);
	return HRTIMER_NORESTART;
}

/**
 * parley_efftimer_init - make a timer that does not run
 * @timer: the timer; nobody uses it yet
 * @fire: called when its time is over, in a hard interrupt; it may start it again
 *
 * Context: any.
 */
void parley_efftimer_init(struct parley_efftimer *timer,
			  void (*fire)(struct parley_efftimer *timer))
{
	raw_spin_lock_init(&timer->lock);
	timer->fire = fire;
	hrtimer_setup(&timer->timer, efftimer_expired, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
}
PARLEY_EXPORT(parley_efftimer_init);

/**
 * parley_efftimer_start - have it fire when so much effective time has passed
 * @timer: the timer; if it runs, it begins anew
 * @ns: effective time, of the processor that this is called on
 * @at_most: and after this much of CLOCK_MONOTONIC in any case, or
 *	PARLEY_EFFTIMER_NO_LIMIT; for the host may take everything
 *
 * It never fires before @ns have passed by CLOCK_MONOTONIC, unless @at_most is less.
 *
 * Context: any but an NMI; the caller sees to it that two do not start or cancel it at
 * a time.
 */
void parley_efftimer_start(struct parley_efftimer *timer, u64 ns, u64 at_most)
{
	ktime_t wait = ns_to_ktime(min3(ns, at_most, (u64)KTIME_MAX));

	scoped_guard(raw_spinlock_irqsave, &timer->lock) {
		parley_effclock_start(&timer->clock);
		timer->due = ns;
		timer->limit = size_add(timer->clock.mono, at_most);
		hrtimer_start(&timer->timer, wait, HRTIMER_MODE_REL_PINNED_HARD);
	}
}
PARLEY_EXPORT(parley_efftimer_start);

/**
 * parley_efftimer_cancel - stop it
 * @timer: the timer
 *
 * When it returns, the timer does not run, nor does its function.
 *
 * Context: task or softirq, without a lock that the timer's function takes; not the
 * timer's function itself.
 *
 * Return: true if it had been running.
 */
bool parley_efftimer_cancel(struct parley_efftimer *timer)
{
	return hrtimer_cancel(&timer->timer) > 0;
}
PARLEY_EXPORT(parley_efftimer_cancel);
