/* SPDX-License-Identifier: GPL-2.0-only */
/* Stolen time: what the clock, the timer and their view share. */
#ifndef _PARLEY_SCHED_STEAL_H
#define _PARLEY_SCHED_STEAL_H

#include <linux/dcache.h>
#include <linux/percpu.h>
#include <linux/time64.h>
#include <parley/efftime.h>

/*
 * struct parley_steal - what we believe was stolen from a processor
 * @told: the last look found a number
 * @raw: that number; only its differences mean something
 * @mono: CLOCK_MONOTONIC of the last look
 * @stolen: since the module was loaded; never falls, and never grows faster than @mono
 * @longest: grown between two looks
 * @times: looks that found more than the one before
 * @backwards: looks that found less, of which nothing is believed
 * @excess: what was said beyond the time that had passed, and not believed
 */
struct parley_steal {
	bool told;
	u64 raw;
	u64 mono;
	u64 stolen;
	u64 longest;
	u64 times;
	u64 backwards;
	u64 excess;
};

/* A moment, and what had been stolen by then. */
struct parley_steal_at {
	u64 mono;
	u64 stolen;
};

/* What came of the timers that ended on a processor. */
struct parley_eff_counts {
	u64 fired;
	u64 rearmed;	/* the time was over, but part of it had been stolen */
	u64 limited;	/* fired by their limit */
};

DECLARE_PER_CPU(struct parley_eff_counts, parley_eff_counts);

/* The least that a timer waits again, so that it does not do so all the time. */
#define EFFTIMER_GRAIN	(10 * NSEC_PER_USEC)

/* What a timer finds when it wakes up; anew: it was started again meanwhile. */
enum efftimer_found { EFFTIMER_NOT_YET, EFFTIMER_OVER, EFFTIMER_LIMIT, EFFTIMER_ANEW };

struct parley_steal_at parley_steal_look(void);
struct parley_steal_at parley_steal_peek(int cpu);
struct parley_steal parley_steal_copy(int cpu);
int parley_steal_init(void);
void parley_steal_exit(void);
void parley_steal_debugfs_init(struct dentry *dir);

#if IS_ENABLED(CONFIG_KUNIT)
extern u64 (*parley_steal_mono)(void);
u64 parley_steal_step(struct parley_steal *s, u64 mono, bool told, u64 raw);
void parley_steal_forget(void);
enum efftimer_found parley_efftimer_look(struct parley_efftimer *timer, u64 *ns);
#endif

#endif /* _PARLEY_SCHED_STEAL_H */
