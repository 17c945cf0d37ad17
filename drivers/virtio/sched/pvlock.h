/* SPDX-License-Identifier: GPL-2.0-only */
/* The lock's inside: what its uncontended and its contended path share. */
#ifndef _PARLEY_SCHED_PVLOCK_H
#define _PARLEY_SCHED_PVLOCK_H

#include <linux/percpu.h>
#include <parley/pvlock.h>

/* Halves of owner. */
#define PVL_HOLDER		0x0000ffffu
#define PVL_KICK_SHIFT		16

/* Contexts of a processor that may wait at a time, each with a node in a queue. */
#define PVL_CONTEXTS		4

/* How often to spin: the first time for a lock, and between which it is learned. */
#define PVL_TURNS_FIRST		1024u
#define PVL_TURNS_MIN		64u
#define PVL_TURNS_MAX		16384u

/* This processor as a holder: its number + 1. */
DECLARE_PER_CPU(u32, parley_pvl_token);

static inline u32 pvl_token(int cpu)
{
	return cpu + 1;
}

static inline int pvl_cpu_of(u32 token)
{
	return (int)token - 1;
}

static inline int pvl_holder(u32 owner)
{
	return pvl_cpu_of(owner & PVL_HOLDER);
}

void parley_pvl_wait(struct parley_pvlock *lock);
void parley_pvl_kick(const void *lock, u32 kick);
void parley_pvl_init(void);
#if IS_ENABLED(CONFIG_KUNIT)
u32 parley_pvl_learn(u32 turns, bool taken, u32 spun);
#endif

/* What waiting cost, for each processor; in no path where nobody waits. */
struct parley_pvl_counts {
	u64 contended;	/* acquisitions that had to wait */
	u64 spins;	/* turns of all waiters */
	u64 yields;
	u64 halts;
	u64 spurious;	/* halts that ended without the lock or a turn */
	u64 kicks;
	u64 unqueued;	/* waited outside the queue: a fifth context, an NMI */
	u64 longest;	/* wait, in nanoseconds */
};

DECLARE_PER_CPU(struct parley_pvl_counts, parley_pvl_counts);

#define pvl_count(what, n)	this_cpu_add(parley_pvl_counts.what, n)

void parley_pvl_sum(struct parley_pvl_counts *sum);
void parley_pvl_debugfs_init(void);
void parley_pvl_debugfs_exit(void);

#endif /* _PARLEY_SCHED_PVLOCK_H */
