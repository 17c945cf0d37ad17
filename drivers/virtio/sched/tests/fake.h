/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hypervisor for tests, and threads that wait for locks.
 *
 * It remembers everything that it was asked for.  Its processors are real ones: one
 * that halts stays in halt() until it is kicked, as it would under KVM, and a kick for
 * one that is awake is kept.  One that nobody kicks comes back after FAKE_LOST_MS and
 * is counted as lost, so a lost wake-up is a failed test and not a dead machine.
 *
 * The test itself runs on processor 0, and its threads on others: who waits for a lock
 * is not preempted.
 */
#ifndef _PARLEY_SCHED_TESTS_FAKE_H
#define _PARLEY_SCHED_TESTS_FAKE_H

#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/timekeeping.h>
#include "../hv.h"
#include "../pvlock.h"

#define FAKE_CPUS	16
#define FAKE_LOST_MS	50000
#define FAKE_ALL	(PARLEY_HV_SEES | PARLEY_HV_YIELD | PARLEY_HV_HALT)

/* Where a processor that halts, or yields, waits for the test. */
enum fake_stop { FAKE_NOWHERE, FAKE_BEFORE_LOOK, FAKE_BEFORE_SLEEP, FAKE_IN_YIELD };

/*
 * struct fake - what it was asked for
 * @preempted: processors that do not run, if one believes it
 * @spurious: one halt in so many ends by itself; 0: none
 * @stop: processors stop there until the test says go
 * @stopped: how many are there
 * @kept: kicks that wait for a processor to halt
 * @asleep: processors that sleep
 * @wake: let those that sleep go, without a kick
 * @depth: contexts of a processor that sleep
 * @ended: bit of those whose sleep was ended by the interrupt in which another slept
 * @lost: halts that nobody ended
 * @kicks, @yields: how often for which processor
 * @order: processors in the order in which they were kicked
 */
struct fake {
	unsigned long preempted;
	unsigned int spurious;
	enum fake_stop stop;
	atomic_t stopped;
	atomic_t kept[FAKE_CPUS];
	unsigned long asleep;
	bool wake;
	int depth[FAKE_CPUS];
	unsigned long ended[FAKE_CPUS];
	atomic_t lost;
	atomic_t halts;
	atomic_t kicks[FAKE_CPUS];
	atomic_t yields[FAKE_CPUS];
	atomic_t nr_order;
	int order[FAKE_CPUS];
};

extern struct fake fake;

/* Until @cond or a time-out, without sleeping: the caller may hold a lock. */
#define fake_until(cond)							\
({										\
	u64 __end = ktime_get_mono_fast_ns() + FAKE_LOST_MS * (u64)NSEC_PER_MSEC; \
	bool __ok;								\
										\
	do {									\
		__ok = (cond);							\
		cpu_relax();							\
	} while (!__ok && ktime_get_mono_fast_ns() < __end);			\
	__ok;									\
})

int fake_init(struct kunit *test);
void fake_exit(struct kunit *test);
void fake_use(unsigned int can);
void fake_go(void);
bool fake_sleeps(int cpu);
unsigned int fake_sum(const atomic_t *counts);

/*
 * struct waiter - a thread that takes a lock once, on a processor of its own
 * @go: it may
 * @place: it was the @place-th to have the lock, of those that share @places
 * @hold: it holds the lock until this is cleared
 */
struct waiter {
	struct parley_pvlock *lock;
	int cpu;
	atomic_t *places;
	int place;
	bool go;
	bool hold;
	bool has;
	struct completion done;
};

void waiter_start(struct kunit *test, struct waiter *w, int cpu, struct parley_pvlock *lock);
bool waiter_queued(struct waiter *w);
bool waiter_done(struct waiter *w);

static inline bool waiter_has(const struct waiter *w)
{
	return READ_ONCE(w->has);
}

/* Skip what needs more processors than there are. */
#define needs_cpus(test, n)							\
do {										\
	if (num_online_cpus() < (n))						\
		kunit_skip(test, "needs %d processors", n);			\
} while (0)

#endif /* _PARLEY_SCHED_TESTS_FAKE_H */
