// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timers that share events, with each other and with whatever else has one.
 *
 * Such a timer is one of the kernel's hrtimers with a range.  At the end of the range the
 * hardware is programmed to fire.  Any event of this processor that comes earlier, but
 * after the range began, serves the timer as well: a tick, if the processor is busy, or
 * another timer.  So a timer whose period is shorter than its tolerance costs one event
 * for many periods, and none where something else has events often enough.
 *
 * Ends of ranges lie on a grid, so that timers which began at different times meet: an
 * event serves all whose ends are one.  The grid's step is a power of two, an eighth to a
 * quarter of the tolerance, so a coarse grid's points are points of each finer one.
 */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/timekeeping.h>
#include <kunit/visibility.h>
#include <parley/compat.h>
#include <parley/export.h>
#include <parley/version.h>

#include "timer.h"

/* Less tolerance than this has no grid: nobody would be met. */
#define TIMER_GRID_LEAST	(64 * (u64)NSEC_PER_USEC)

struct timer_counts parley_timer_counts;
EXPORT_SYMBOL_IF_KUNIT(parley_timer_counts);

static struct dentry *timer_dir;

/**
 * parley_timer_latest - when a timer fires if nothing else does
 * @due: when the first period is over
 * @tolerance: how much later it may be served
 *
 * Return: not less than @due, nor more than @due + @tolerance.
 */
u64 parley_timer_latest(u64 due, u64 tolerance)
{
	if (tolerance < TIMER_GRID_LEAST)
		return due + tolerance;
	return (due + tolerance) & ~(rounddown_pow_of_two(tolerance) / 4 - 1);
}
EXPORT_SYMBOL_IF_KUNIT(parley_timer_latest);

static void timer_aim(struct parley_timer *timer)
{
	u64 latest = parley_timer_latest(timer->due, timer->tolerance);

	hrtimer_set_expires_range_ns(&timer->timer, ns_to_ktime(timer->due),
				     latest - timer->due);
}

static enum hrtimer_restart timer_event(struct hrtimer *hrtimer)
{
	struct parley_timer *timer = container_of(hrtimer, struct parley_timer, timer);
	u64 now = ktime_get_ns(), due = timer->due, late, n;

	/* It is over, or this would not be called; how long it is over is asked once. */
	late = now - min(now, due);
	n = late / timer->period + 1;
	timer->due += n * timer->period;
	atomic64_inc(&parley_timer_counts.events);
	atomic64_add(n, &parley_timer_counts.periods);
	if (late > timer->tolerance)
		atomic64_inc(&parley_timer_counts.late);
	if (!timer->fn(timer, due, n))
		return HRTIMER_NORESTART;
	timer_aim(timer);
	return HRTIMER_RESTART;
}

/**
 * parley_timer_init - make a timer
 * @timer: the timer
 * @fn: called for its periods
 */
void parley_timer_init(struct parley_timer *timer, parley_timer_fn fn)
{
	*timer = (struct parley_timer){ .fn = fn };
	hrtimer_setup(&timer->timer, timer_event, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED);
}
PARLEY_EXPORT(parley_timer_init);

/**
 * parley_timer_start - have a function called for each period
 * @timer: the timer; not one that is started, nor its own function
 * @period: %PARLEY_TIMER_LEAST to %PARLEY_TIMER_MOST
 * @tolerance: so much later than a period is over its call may come; 0 is an ordinary
 *	timer; at most %PARLEY_TIMER_MOST
 *
 * No call comes before its periods are over.  One comes later than @tolerance only if the
 * processor did not run, or had interrupts off; its number of periods makes up for that.
 *
 * It is called on the processor of the caller, or on another one once that one was taken
 * offline.  One at a time may start and cancel a timer.
 *
 * Return: 0, -EINVAL, or -EBUSY if it is started.
 */
int parley_timer_start(struct parley_timer *timer, u64 period, u64 tolerance)
{
	if (period < PARLEY_TIMER_LEAST || period > PARLEY_TIMER_MOST ||
	    tolerance > PARLEY_TIMER_MOST)
		return -EINVAL;
	if (hrtimer_active(&timer->timer))
		return -EBUSY;
	timer->period = period;
	timer->tolerance = tolerance;
	timer->due = ktime_get_ns() + period;
	timer_aim(timer);
	hrtimer_start_expires(&timer->timer, HRTIMER_MODE_ABS_PINNED);
	return 0;
}
PARLEY_EXPORT(parley_timer_start);

/**
 * parley_timer_cancel - have its function called no more, and wait if it is
 * @timer: the timer
 *
 * Context: where its function may be waited for, so not in that one, nor with a lock that
 * it takes.
 *
 * Return: true if it was started and had not ended.
 */
bool parley_timer_cancel(struct parley_timer *timer)
{
	return hrtimer_cancel(&timer->timer) > 0;
}
PARLEY_EXPORT(parley_timer_cancel);

static int parley_timer_timers_show(struct seq_file *s, void *unused)
{
	seq_printf(s, "events %lld\n", atomic64_read(&parley_timer_counts.events));
	seq_printf(s, "periods %lld\n", atomic64_read(&parley_timer_counts.periods));
	seq_printf(s, "late %lld\n", atomic64_read(&parley_timer_counts.late));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(parley_timer_timers);

static int __init parley_timer_module_init(void)
{
	timer_dir = debugfs_create_dir("parley_timer", NULL);
	debugfs_create_file("timers", 0400, timer_dir, NULL, &parley_timer_timers_fops);
	return 0;
}

static void __exit parley_timer_module_exit(void)
{
	debugfs_remove(timer_dir);
}

module_init(parley_timer_module_init);
module_exit(parley_timer_module_exit);

MODULE_DESCRIPTION("Parley: timers that share events");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
