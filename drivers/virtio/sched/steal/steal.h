/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rooms of this module: where stolen time is read (source.c, kvm.c), the clocks
 * made of it (clock.c), and the timers on them (timer.c).
 */
#ifndef _PARLEY_STEAL_PRIV_H
#define _PARLEY_STEAL_PRIV_H

#include <linux/percpu.h>
#include <linux/spinlock.h>
#include <parley/steal.h>

/**
 * struct parley_steal_source - who knows what was stolen
 * @name: for the log and the module's parameter
 * @start: can it be read here?  0, or -ENODEV
 * @stop: undo start()
 * @read: what was stolen from this processor since some moment.  Called with
 *	interrupts off, for any possible processor.  Nothing is believed: it may go
 *	backwards and say anything
 * @grain: what was stolen is known after so much time in which the processor runs; 0:
 *	at once, when it runs again
 */
struct parley_steal_source {
	const char *name;
	int (*start)(void);
	void (*stop)(void);
	u64 (*read)(int cpu);
	u64 grain;
};

extern const struct parley_steal_source parley_steal_kcpustat;
#if defined(CONFIG_X86) && defined(CONFIG_KVM_GUEST)
extern const struct parley_steal_source parley_steal_kvm;
#endif

int parley_steal_source_start(const char *name);
void parley_steal_source_stop(void);

/**
 * struct steal_sum - a clock, of one processor or of all
 * @stolen: what is believed to be stolen
 * @clock: what the effective clock said last
 * @refused: of what the source said, that was not believed
 */
struct steal_sum {
	u64 stolen;
	u64 clock;
	u64 refused;
};

/**
 * struct steal_cpu - a processor
 * @lock: of the rest
 * @source: where its stolen time is read
 * @raw: what that said last
 * @sum: its clock
 * @backwards: how often the source went backwards
 * @counted: of @sum.stolen, what is in the clock of all; protected by that one's lock
 */
struct steal_cpu {
	raw_spinlock_t lock;
	const struct parley_steal_source *source;
	u64 raw;
	struct steal_sum sum;
	u64 backwards;
	u64 counted;
};

DECLARE_PER_CPU(struct steal_cpu, parley_steal_cpu);

/* What timers did. */
struct steal_counts {
	atomic64_t fired;	/* timers */
	atomic64_t held;	/* that would have fired too early */
	atomic64_t rearmed;	/* because something was stolen */
	atomic64_t settled;	/* because something may not have been accounted */
	atomic64_t cut;		/* ended by their second limit */
	atomic64_t nudged;	/* processors, to count what was stolen */
};

extern struct steal_counts parley_steal_counts;

void parley_steal_clock_init(void);
void parley_steal_begin(const struct parley_steal_source *source);
void parley_steal_wait_look(struct parley_steal_wait *wait);
void parley_steal_nudge_init(void);
void parley_steal_nudge_exit(void);

void parley_steal_view_init(void);
void parley_steal_view_exit(void);

int parley_steal_device_init(void);
void parley_steal_device_exit(void);

#endif /* _PARLEY_STEAL_PRIV_H */
