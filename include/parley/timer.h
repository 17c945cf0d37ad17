/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Timers of a guest that share events.
 *
 * A timer's event costs a guest some exits: the processor halts, the timer interrupts,
 * the interrupt is acknowledged, and the next event is written to the hardware.  Who has
 * to do something a thousand times a second, but may do it some milliseconds late, says
 * so here, and is called once for several periods.
 *
 * All times are nanoseconds of CLOCK_MONOTONIC.
 *
 * Unless stated otherwise everything here may be called in any context but an NMI.
 */
#ifndef _PARLEY_TIMER_H
#define _PARLEY_TIMER_H

#include <linux/hrtimer.h>
#include <linux/types.h>

/* The bounds of a period, and of what it may be late by. */
#define PARLEY_TIMER_LEAST	(10 * (u64)NSEC_PER_USEC)
#define PARLEY_TIMER_MOST	(3600 * (u64)NSEC_PER_SEC)

struct parley_timer;

/**
 * typedef parley_timer_fn - what a timer does
 * @timer: the timer
 * @due: when the first of the periods was over
 * @periods: how many are over since the last call; at least 1
 *
 * Called in interrupts, with PREEMPT_RT in softirqs, so a long row of periods that were
 * missed while the machine stood is for the function to shorten.
 *
 * Return: true if the timer goes on.
 */
typedef bool (*parley_timer_fn)(struct parley_timer *timer, u64 due, u64 periods);

/**
 * struct parley_timer - is called for each period, several at a time
 * @timer: fires when the first of them must not wait any longer, or sooner
 * @fn: what to do
 * @period: of this length
 * @tolerance: a period may be served so much later than it is over
 * @due: when the first that was not served is over
 *
 * All of it is private.
 */
struct parley_timer {
	struct hrtimer timer;
	parley_timer_fn fn;
	u64 period;
	u64 tolerance;
	u64 due;
};

void parley_timer_init(struct parley_timer *timer, parley_timer_fn fn);
int parley_timer_start(struct parley_timer *timer, u64 period, u64 tolerance);
bool parley_timer_cancel(struct parley_timer *timer);

/**
 * parley_timer_active - will its function be called?
 * @timer: the timer
 *
 * Return: true if it was started, and neither cancelled nor ended by its function.
 */
static inline bool parley_timer_active(const struct parley_timer *timer)
{
	return hrtimer_active(&timer->timer);
}

#endif /* _PARLEY_TIMER_H */
