// SPDX-License-Identifier: GPL-2.0-only
/*
 * Effective timers: they fire after some time in which their processor could run.
 *
 * Such a timer is an ordinary one on the processor that started it.  When that fires, we
 * look at what was stolen meanwhile and start it again for so long, until nothing was.
 *
 * Where stolen time is known in ticks only, the look may come too early: of two things
 * that both should have happened while the processor was away, the timer's interrupt and
 * the tick, the timer's comes first if it was to come first.  There are two signs of
 * that.  The interrupt is late by more than a tick; or the processor is idle, for then
 * ticks are off and the kernel counts what was stolen when it is idle no more.  So a
 * timer that would fire at such a moment waits for one tick more, and the processor is
 * given something to do, which has the kernel count.  What may be missed without either
 * sign was stolen since the last tick, which is less than two of them.
 */
#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>
#include <kunit/visibility.h>
#include <parley/compat.h>
#include <parley/export.h>

#include "steal.h"
#include "trace.h"

/* Whatever a source says, a timer does not look more often than that. */
#define STEAL_STEP_MIN	(50 * (u64)NSEC_PER_USEC)

struct steal_counts parley_steal_counts;
EXPORT_SYMBOL_IF_KUNIT(parley_steal_counts);

/* ------------------------------------------------------------------- nudge */

/* That it runs is all that matters: the processor is not idle then. */
static void steal_nudged(struct work_struct *work)
{
	atomic64_inc(&parley_steal_counts.nudged);
}

static DEFINE_PER_CPU(struct work_struct, steal_nudge);

static void steal_nudge_here(void)
{
	queue_work_on(smp_processor_id(), system_highpri_wq, this_cpu_ptr(&steal_nudge));
}

/* There is no timer yet. */
void parley_steal_nudge_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		INIT_WORK(per_cpu_ptr(&steal_nudge, cpu), steal_nudged);
}

/* No timer is left. */
void parley_steal_nudge_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		cancel_work_sync(per_cpu_ptr(&steal_nudge, cpu));
}

/* ------------------------------------------------------------------ timers */

enum steal_verdict { STEAL_FIRE, STEAL_CUT, STEAL_AGAIN, STEAL_SETTLE };

static const char *const verdicts[] = { "fires", "cut", "again", "settles" };

static bool steal_unsettled(const struct parley_steal_timer *timer, u64 late)
{
	u64 grain = parley_steal_grain();

	if (!grain)
		return false;
	return late > grain || (is_idle_task(current) && !timer->settling);
}

/* What to do after @elapsed; @more: when to look again. */
static enum steal_verdict steal_judge(struct parley_steal_timer *timer, u64 elapsed,
				      u64 late, u64 *more)
{
	u64 ran = elapsed - min(elapsed, timer->wait.stolen);

	if (ran < timer->ns) {
		*more = max(timer->ns - ran, STEAL_STEP_MIN);
		return elapsed < timer->most ? STEAL_AGAIN : STEAL_CUT;
	}
	if (elapsed >= timer->most || !steal_unsettled(timer, late))
		return STEAL_FIRE;
	/* A tick, and some time for it. */
	*more = parley_steal_grain() + parley_steal_grain() / 4;
	return STEAL_SETTLE;
}

static void steal_account(const struct parley_steal_timer *timer,
			  enum steal_verdict verdict, bool first)
{
	struct steal_counts *counts = &parley_steal_counts;

	if (verdict == STEAL_AGAIN) {
		atomic64_inc(&counts->rearmed);
		if (first)
			atomic64_inc(&counts->held);
	} else if (verdict == STEAL_SETTLE) {
		atomic64_inc(&counts->settled);
	} else {
		atomic64_inc(&counts->fired);
		if (verdict == STEAL_CUT)
			atomic64_inc(&counts->cut);
	}
}

static void steal_start_at(struct parley_steal_timer *timer, u64 elapsed)
{
	u64 at = timer->wait.began + min(elapsed, timer->most);

	hrtimer_start(&timer->timer, ns_to_ktime(at), HRTIMER_MODE_ABS_PINNED);
}

/* Its time is over by the monotonic clock.  By the effective one, too? */
static enum steal_verdict steal_timer_look(struct parley_steal_timer *timer)
{
	u64 due = ktime_to_ns(hrtimer_get_expires(&timer->timer)), now, elapsed, more;
	bool first = timer->wait.stolen == 0;
	enum steal_verdict verdict;

	parley_steal_wait_look(&timer->wait);
	now = ktime_get_ns();
	elapsed = now - timer->wait.began;
	timer->rounds++;
	verdict = steal_judge(timer, elapsed, now - min(now, due), &more);
	timer->settling = verdict == STEAL_SETTLE;
	timer->cut = verdict == STEAL_CUT;
	steal_account(timer, verdict, first);
	trace_parley_steal_timer(timer, elapsed, verdicts[verdict]);
	if (verdict >= STEAL_AGAIN)
		steal_start_at(timer, elapsed + more);
	return verdict;
}

static enum hrtimer_restart steal_timer_fn(struct hrtimer *hrtimer)
{
	struct parley_steal_timer *timer =
		container_of(hrtimer, struct parley_steal_timer, timer);
	enum steal_verdict verdict = STEAL_AGAIN;

	scoped_guard(raw_spinlock_irqsave, &timer->lock) {
		/* Unless somebody starts it anew at this very moment. */
		if (!hrtimer_is_queued(hrtimer))
			verdict = steal_timer_look(timer);
	}
	if (verdict == STEAL_SETTLE)
		steal_nudge_here();
	else if (verdict != STEAL_AGAIN)
		timer->fn(timer);
	return HRTIMER_NORESTART;
}

/**
 * parley_steal_timer_init - make a timer
 * @timer: the timer
 * @fn: called when it fires
 *
 * Context: any, also an NMI.
 */
void parley_steal_timer_init(struct parley_steal_timer *timer, parley_steal_timer_fn fn)
{
	*timer = (struct parley_steal_timer){ .fn = fn };
	raw_spin_lock_init(&timer->lock);
	hrtimer_setup(&timer->timer, steal_timer_fn, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_PINNED);
}
PARLEY_EXPORT(parley_steal_timer_init);

/**
 * parley_steal_timer_start - have it fire
 * @timer: the timer; if it was started before, that is forgotten
 * @ns: after so much time in which the processor of the caller could run; not 0
 * @most: after so much time in any case; not less than @ns, nor more than %PARLEY_STEAL_MOST
 *
 * It fires on the processor of the caller, or on another one once that one was taken
 * offline, and from then on it is the stolen time of that other one that counts.
 *
 * It may fire late, as every timer: where stolen time is known in ticks only it is late
 * by a tick if the processor is idle.  And it may fire early, by what was stolen in less
 * than two ticks, see parley_steal_grain().
 *
 * Return: 0, or -EINVAL.
 */
int parley_steal_timer_start(struct parley_steal_timer *timer, u64 ns, u64 most)
{
	if (!ns || ns > most || most > PARLEY_STEAL_MOST)
		return -EINVAL;
	scoped_guard(raw_spinlock_irqsave, &timer->lock) {
		timer->ns = ns;
		timer->most = most;
		timer->rounds = 0;
		timer->settling = false;
		parley_steal_wait_begin(&timer->wait);
		steal_start_at(timer, ns);
	}
	return 0;
}
PARLEY_EXPORT(parley_steal_timer_start);

/**
 * parley_steal_timer_cancel - have it not fire, and wait if it does
 * @timer: the timer
 *
 * When this returns, nothing of the timer is used, unless somebody starts it again.
 *
 * Context: where its function may be waited for, so not in that one, nor with a lock
 * that it takes.
 *
 * Return: true if it was started and has not fired.
 */
bool parley_steal_timer_cancel(struct parley_steal_timer *timer)
{
	return hrtimer_cancel(&timer->timer) > 0;
}
PARLEY_EXPORT(parley_steal_timer_cancel);

/**
 * parley_steal_timer_try_to_cancel - have it not fire, without waiting
 * @timer: the timer
 *
 * Return: 1 if it was started and will not fire, 0 if it was not started or has fired,
 * -1 if it fires, or looks whether it shall, at this very moment.
 */
int parley_steal_timer_try_to_cancel(struct parley_steal_timer *timer)
{
	return hrtimer_try_to_cancel(&timer->timer);
}
PARLEY_EXPORT(parley_steal_timer_try_to_cancel);
