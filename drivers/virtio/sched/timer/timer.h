/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of parley_timer. */
#ifndef _SCHED_TIMER_H
#define _SCHED_TIMER_H

#include <linux/atomic.h>
#include <parley/timer.h>

/*
 * struct timer_counts - of all timers together
 * @events: calls of functions
 * @periods: that they were called for
 * @late: events that were late by more than their tolerance
 */
struct timer_counts {
	atomic64_t events;
	atomic64_t periods;
	atomic64_t late;
};

extern struct timer_counts parley_timer_counts;

u64 parley_timer_latest(u64 due, u64 tolerance);

#endif /* _SCHED_TIMER_H */
