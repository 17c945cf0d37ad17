/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Time that the host took away from this guest's processors, clocks that leave it
 * out, and timers that do not fire because of it.
 *
 * "Stolen" from a processor is the time in which it wanted to run and the host ran
 * something else.  Where it had nothing to do, nothing is stolen.  The effective clock
 * of a processor is the monotonic clock minus what was stolen from that processor: it
 * goes on while the processor runs or is idle.  It never goes backwards.  What was
 * stolen may become known late; the clock then stands until it has made up for it.
 *
 * All times are nanoseconds.  Clocks are those of CLOCK_MONOTONIC: they stand while the
 * machine sleeps.  Whatever the host says of stolen time, a clock lags behind by no more
 * than PARLEY_STEAL_LATE once the host says no more, and a timer fires when its second
 * limit is reached.
 *
 * Unless stated otherwise everything here may be called in any context but an NMI.
 */
#ifndef _PARLEY_STEAL_H
#define _PARLEY_STEAL_H

#include <linux/hrtimer.h>
#include <linux/spinlock_types.h>
#include <linux/types.h>

/* How much of what was stolen may become known after a look at the clock. */
#define PARLEY_STEAL_LATE	(10 * (u64)NSEC_PER_SEC)

/* The second limit of a timer is no more than a day. */
#define PARLEY_STEAL_MOST	(24 * 3600 * (u64)NSEC_PER_SEC)

/* Instead of a processor: the mean of all that are online. */
#define PARLEY_STEAL_ALL	(-1)

/**
 * struct parley_steal - what is known of a processor, or of all
 * @mono: the monotonic clock at this moment
 * @stolen: so much was taken away since boot
 * @clock: the effective clock
 */
struct parley_steal {
	u64 mono;
	u64 stolen;
	u64 clock;
};

int parley_steal_read(int cpu, struct parley_steal *now);
u64 parley_steal_clock(int cpu);
u64 parley_steal_grain(void);

/**
 * struct parley_steal_wait - one who waits
 * @began: when, by the monotonic clock
 * @cpu: the processor whose stolen time counts at present
 * @seen: what was stolen from it until the last look
 * @stolen: of this wait until the last look
 * @ran: what the last look returned
 *
 * What counts is what was stolen from the processor that waits.  Who migrates is found
 * on another one at the next look: until that look the stolen time of the former
 * counts, from then on that of the new one.  So a wait takes notice of a migration when
 * it looks, and what was stolen from a processor before the wait came there never
 * counts.
 *
 * All of it is private.  One at a time may look.
 */
struct parley_steal_wait {
	u64 began;
	int cpu;
	u64 seen;
	u64 stolen;
	u64 ran;
};

void parley_steal_wait_begin(struct parley_steal_wait *wait);
u64 parley_steal_wait_ran(struct parley_steal_wait *wait);

struct parley_steal_timer;

/**
 * typedef parley_steal_timer_fn - what a timer does when it fires
 * @timer: the timer; it may be started again, and the rest of it read
 *
 * Called in interrupts, with PREEMPT_RT in softirqs.
 */
typedef void (*parley_steal_timer_fn)(struct parley_steal_timer *timer);

/**
 * struct parley_steal_timer - fires after some time in which its processor could run
 * @timer: fires in between
 * @lock: of the rest
 * @fn: what to do
 * @wait: since when, and what was stolen
 * @ns: how much of the effective clock
 * @most: how much of the monotonic clock at most
 * @rounds: how often it looked
 * @settling: it looked, and waits for what may not be accounted yet
 * @cut: it fired because of @most
 *
 * All of it is private, but who is called may read @wait, @rounds and @cut.
 */
struct parley_steal_timer {
	struct hrtimer timer;
	raw_spinlock_t lock;
	parley_steal_timer_fn fn;
	struct parley_steal_wait wait;
	u64 ns;
	u64 most;
	unsigned int rounds;
	bool settling;
	bool cut;
};

void parley_steal_timer_init(struct parley_steal_timer *timer, parley_steal_timer_fn fn);
int parley_steal_timer_start(struct parley_steal_timer *timer, u64 ns, u64 most);
bool parley_steal_timer_cancel(struct parley_steal_timer *timer);
int parley_steal_timer_try_to_cancel(struct parley_steal_timer *timer);

/**
 * parley_steal_timer_active - will it fire?
 * @timer: the timer
 *
 * Return: true if it was started and its function has not returned yet.
 */
static inline bool parley_steal_timer_active(const struct parley_steal_timer *timer)
{
	return hrtimer_active(&timer->timer);
}

#endif /* _PARLEY_STEAL_H */
