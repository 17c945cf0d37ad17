// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queue of a paravirtual spinlock: who waits, who is next, who wakes whom.
 *
 * The word has two halves, each of which is changed as one, so that no two facts that
 * must agree can be seen apart:
 *
 *	owner	bits 0-15 the holder, bits 16-31 whom the holder has to kick when it
 *		gives the lock back; both as a processor's number + 1, or 0 for nobody
 *	tail	who waits last: the number of its processor + 1, times PVL_CONTEXTS,
 *		plus which of that processor's nodes; 0 if nobody waits
 *
 * The holder's processor stands there for the one who waits: it asks the hypervisor
 * whether that one runs.  Nobody but the first of the queue (the head) sets whom to
 * kick, or the holder on its behalf, see below.
 *
 * A waiter has a node on its processor; each context that can interrupt another has
 * one of its own: task, softirq, interrupt, and one to spare for an exception.  It
 * exchanges itself for the tail and, if there was one, links itself behind that one and
 * waits for its turn.  The head takes the lock when it is free, leaves the queue, and
 * gives the turn to the next.  So the order is that in which the tail was exchanged,
 * and nobody passes: with a queue the word is not 0, which is what the uncontended path
 * compares with.
 *
 *	owner, tail			by		to		how
 *	---------------------------------------------------------------------------
 *	0, 0		free		any (L1)	C, 0		compare 64 bits
 *	C, t		held		waiter (Q1)	C, self		exchange tail
 *	0, t		free		head (L3)	C, t		compare owner
 *	C, self		held by last	holder		C, 0		compare tail
 *	C, t		held		head (K1)	C|kick, t	compare owner
 *	C|kick, t	held		head, awake	C, t		compare owner
 *	C or C|kick, t	held		holder (L2,K2)	0, t		exchange owner
 *
 * A node's state is WAIT; HEAD when its turn has come; ASLEEP while its processor
 * halts or is about to.  From WAIT to ASLEEP and back the waiter compares (S1), to HEAD
 * the one before it exchanges (S2).  From then on nobody else writes it: RESTS says to
 * those behind that the head halts or yields, so that they need not spin for their
 * turns.  The hypervisor calls neither of them preempted.
 *
 * Who sleeps has said so in the very word that the one who has to wake it exchanges.
 * Either the sleeper's compare comes first, and the exchange brings the kick back; or
 * the exchange comes first, and the compare fails.  That needs the order of changes to
 * one location and no barrier, and it is why no wake-up is lost: K1 with K2, S1 with S2.
 * Between the compare and the sleep the hypervisor keeps the kick (hv.h).
 *
 * When the turn comes to one that is asleep, it is left asleep: the lock is held, it
 * could do nothing.  The holder notes in owner that it is to be kicked, as it would have
 * done itself, and wakes it with its unlock.
 *
 * Who gives the lock back does not touch it afterwards: the next holder may free the
 * memory it is in.  Whom to kick, it has from the exchange.
 *
 * Barriers, beside L1, L2 and L3, which are acquire and release of the lock itself:
 *
 *	Q1, Q2	a node is filled before it is found: the exchange of the tail (Q1) is
 *		before the link (Q2), through which the one before finds us, and that
 *		one depends on the address that it read
 *	S2, S3	what was learned is written before the turn is given (S2), and read by
 *		the next after it saw that (S3)
 *
 * More contexts than nodes, or an NMI: that one stays outside the queue and takes the
 * lock whenever it is free.  It is not fair, it never sleeps, and it cannot hang behind
 * a waiter that it has interrupted.
 */
#include <linux/build_bug.h>
#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/hardirq.h>
#include <linux/instruction_pointer.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/processor.h>
#include <linux/smp.h>
#include <linux/threads.h>
#include <linux/timekeeping.h>
#include <kunit/visibility.h>
#include <trace/events/lock.h>

#include "hv.h"
#include "pvlock.h"

/* Turns between two looks whether those we wait for run. */
#define PVL_LOOK	32u
/* Of who is not the head: it may have to wait for several holders. */
#define PVL_WAIT_TURNS	4096u

enum pvl_state { PVL_WAIT, PVL_HEAD, PVL_ASLEEP, PVL_RESTS };

struct pvl_node {
	struct pvl_node *next;
	u32 state;
	int cpu;	/* never changes */
};

struct pvl_cpu {
	struct pvl_node node[PVL_CONTEXTS];
	int depth;	/* contexts of this processor that wait */
};

static DEFINE_PER_CPU_ALIGNED(struct pvl_cpu, pvl_cpus);

DEFINE_PER_CPU(u32, parley_pvl_token);

static u32 pvl_tail(int cpu, int context)
{
	return pvl_token(cpu) * PVL_CONTEXTS + context;
}

static struct pvl_node *pvl_node_of(u32 tail)
{
	return &per_cpu(pvl_cpus, pvl_cpu_of(tail / PVL_CONTEXTS)).node[tail % PVL_CONTEXTS];
}

/* ------------------------------------------------------- behind the head */

/* The one before does not run, or sleeps: our turn is not near.  A hint. */
static bool pvl_far(const struct pvl_node *prev)
{
	return READ_ONCE(prev->state) >= PVL_ASLEEP || parley_hv_preempted(prev->cpu);
}

/* Did the turn come while we spun? */
static bool pvl_spin_turn(struct pvl_node *node, const struct pvl_node *prev)
{
	unsigned int n;
	bool head = false;

	for (n = 0; n < PVL_WAIT_TURNS; n++) {
		/* S3: what was learned is seen after the turn; its partner is S2. */
		head = smp_load_acquire(&node->state) == PVL_HEAD;
		if (head || (n % PVL_LOOK == PVL_LOOK - 1 && pvl_far(prev)))
			break;
		cpu_relax();
	}
	pvl_count(spins, n);
	return head;
}

/* Wait until the queue before us has gone. */
static void pvl_wait_turn(struct pvl_node *node, const struct pvl_node *prev)
{
	u32 state;

	while (!pvl_spin_turn(node, prev)) {
		if (!parley_hv_can(PARLEY_HV_HALT))
			continue;
		/* S1: fails if the turn has come; its partner is S2. */
		state = PVL_WAIT;
		if (!try_cmpxchg(&node->state, &state, PVL_ASLEEP))
			continue;
		pvl_count(halts, 1);
		parley_hv.ops->halt(&node->state, PVL_ASLEEP);
		state = PVL_ASLEEP;
		if (try_cmpxchg(&node->state, &state, PVL_WAIT))
			pvl_count(spurious, 1);
	}
}

/*
 * The turn is the next one's.  S2: its partners are S1 and S3.  One that is asleep
 * sleeps on until we give the lock back; if it woke up by itself and has said already
 * that it sleeps again, there is nothing to do.
 */
static void pvl_hand_over(struct parley_pvlock *lock, struct pvl_node *next)
{
	u32 owner = this_cpu_read(parley_pvl_token);

	if (xchg(&next->state, PVL_HEAD) == PVL_ASLEEP)
		try_cmpxchg_relaxed(&lock->owner, &owner,
				    owner | pvl_token(next->cpu) << PVL_KICK_SHIFT);
}

/* --------------------------------------------------------------- the head */

/* L3: its partner is L2, as L1's is. */
static bool pvl_try_owner(struct parley_pvlock *lock)
{
	u32 free = 0;

	return !READ_ONCE(lock->owner) &&
	       try_cmpxchg_acquire(&lock->owner, &free, this_cpu_read(parley_pvl_token));
}

enum pvl_spun { PVL_TAKEN, PVL_IN_VAIN, PVL_HOPELESS };

/* Spin for the lock, unless its holder does not run. */
static enum pvl_spun pvl_spin_lock(struct parley_pvlock *lock, u32 turns, u32 *spun)
{
	enum pvl_spun result = PVL_IN_VAIN;
	u32 owner, n;

	for (n = 0; n < turns; n++) {
		if (pvl_try_owner(lock)) {
			result = PVL_TAKEN;
			break;
		}
		owner = READ_ONCE(lock->owner);
		if (n % PVL_LOOK == PVL_LOOK - 1 && owner &&
		    parley_hv_preempted(pvl_holder(owner))) {
			result = PVL_HOPELESS;
			break;
		}
		cpu_relax();
	}
	pvl_count(spins, n);
	*spun = n;
	return result;
}

/* How often it pays to spin: up to twice what it took, or less if it was in vain. */
VISIBLE_IF_KUNIT u32 parley_pvl_learn(u32 turns, bool taken, u32 spun)
{
	if (taken)
		turns += ((int)(2 * spun + PVL_TURNS_MIN) - (int)turns) / 8;
	else
		turns -= turns / 4;
	return clamp(turns, PVL_TURNS_MIN, PVL_TURNS_MAX);
}
EXPORT_SYMBOL_IF_KUNIT(parley_pvl_learn);

/* The holder does not run.  Let it, if the hypervisor has a way. */
static bool pvl_yield(struct parley_pvlock *lock, struct pvl_node *node)
{
	u32 owner = READ_ONCE(lock->owner);
	int cpu = pvl_holder(owner);

	if (!owner || !parley_hv_can(PARLEY_HV_YIELD) || !parley_hv_preempted(cpu))
		return false;
	pvl_count(yields, 1);
	WRITE_ONCE(node->state, PVL_RESTS);
	parley_hv.ops->yield(cpu);
	WRITE_ONCE(node->state, PVL_HEAD);
	return true;
}

/*
 * Sleep until the lock is free.  K1: fails if the holder is another or nobody by now;
 * its partner is K2.  Awake, nobody has to kick us.
 */
static void pvl_sleep(struct parley_pvlock *lock, struct pvl_node *node)
{
	u32 kick = pvl_token(smp_processor_id()) << PVL_KICK_SHIFT;
	u32 owner = READ_ONCE(lock->owner), asleep = owner | kick;

	if (!owner || (owner != asleep && !try_cmpxchg(&lock->owner, &owner, asleep)))
		return;
	pvl_count(halts, 1);
	WRITE_ONCE(node->state, PVL_RESTS);
	parley_hv.ops->halt(&lock->owner, asleep);
	WRITE_ONCE(node->state, PVL_HEAD);
	if (try_cmpxchg_relaxed(&lock->owner, &asleep, asleep & PVL_HOLDER))
		pvl_count(spurious, 1);
}

/* Wait for the lock itself: spin, have the holder run, sleep. */
static void pvl_wait_lock(struct parley_pvlock *lock, struct pvl_node *node)
{
	u32 turns = READ_ONCE(lock->turns) ?: PVL_TURNS_FIRST, spun;
	enum pvl_spun result = pvl_spin_lock(lock, turns, &spun);

	/*
	 * What a holder that does not run costs says nothing about the lock.  Of the
	 * head only, and before the turn is given away, so one writes at a time.
	 */
	if (result != PVL_HOPELESS)
		WRITE_ONCE(lock->turns,
			   parley_pvl_learn(turns, result == PVL_TAKEN, spun));
	while (result != PVL_TAKEN) {
		if (pvl_yield(lock, node))
			result = pvl_spin_lock(lock, turns, &spun);
		if (result == PVL_TAKEN)
			break;
		if (parley_hv_can(PARLEY_HV_HALT))
			pvl_sleep(lock, node);
		result = pvl_spin_lock(lock, turns, &spun);
	}
}

/* ---------------------------------------------------------------- the queue */

static void pvl_queue(struct parley_pvlock *lock, struct pvl_node *node, u32 self)
{
	struct pvl_node *prev, *next;
	u32 before;

	node->next = NULL;
	node->state = PVL_WAIT;
	/* Q1: what the node says comes before that it is there; its partner is Q2. */
	before = xchg(&lock->tail, self);
	if (before) {
		prev = pvl_node_of(before);
		/* Q2: the one before finds us; its partner is Q1. */
		WRITE_ONCE(prev->next, node);
		pvl_wait_turn(node, prev);
	}
	pvl_wait_lock(lock, node);

	/* Nobody behind us: the queue is empty.  Release, for what was learned. */
	before = self;
	if (READ_ONCE(lock->tail) == self &&
	    try_cmpxchg_release(&lock->tail, &before, 0))
		return;
	/* Somebody is, and about to link itself. */
	next = smp_cond_load_relaxed(&node->next, VAL);
	pvl_hand_over(lock, next);
}

/* Outside the queue, see above. */
static void pvl_unqueued(struct parley_pvlock *lock)
{
	pvl_count(unqueued, 1);
	if (in_nmi())
		pr_warn_once("parley_sched: %ps is waited for in an NMI, where only a trylock is allowed\n",
			     (void *)_RET_IP_);
	while (!pvl_try_owner(lock))
		cpu_relax();
}

/*
 * Take a lock that was not free.  Interrupts that wait as well count themselves in and
 * out again while we do, so what they leave behind is what they found.
 */
void notrace parley_pvl_wait(struct parley_pvlock *lock)
{
	struct pvl_cpu *me = this_cpu_ptr(&pvl_cpus);
	u64 since = ktime_get_mono_fast_ns(), took;
	int context = me->depth++;

	/* The node is ours before it is written, for an interrupt takes the next. */
	barrier();
	trace_contention_begin(lock, LCB_F_SPIN);
	pvl_count(contended, 1);
	if (likely(context < PVL_CONTEXTS && !in_nmi()))
		pvl_queue(lock, &me->node[context], pvl_tail(smp_processor_id(), context));
	else
		pvl_unqueued(lock);
	trace_contention_end(lock, 0);
	took = ktime_get_mono_fast_ns() - since;
	if (took > this_cpu_read(parley_pvl_counts.longest))
		this_cpu_write(parley_pvl_counts.longest, took);
	barrier();
	me->depth--;
}

/*
 * K2 was the exchange that brought @kick; its partner is K1.  The lock may be gone.  It
 * is passed so that the caller need not move it out of the way of another argument on
 * its way to finding that there is nobody to kick.
 */
void notrace parley_pvl_kick(const void *lock, u32 kick)
{
	pvl_count(kicks, 1);
	parley_hv.ops->kick(pvl_cpu_of(kick));
}

/* Before there is a lock. */
void parley_pvl_init(void)
{
	int cpu, context;

	BUILD_BUG_ON(CONFIG_NR_CPUS >= PVL_HOLDER);
	for_each_possible_cpu(cpu) {
		per_cpu(parley_pvl_token, cpu) = pvl_token(cpu);
		for (context = 0; context < PVL_CONTEXTS; context++)
			per_cpu(pvl_cpus, cpu).node[context].cpu = cpu;
	}
}
