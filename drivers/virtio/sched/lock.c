// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lock as its users see it, and its uncontended path.
 *
 * That path is one compare-and-exchange to take the lock and one exchange to give it
 * back, each with one branch.  It is notrace as a whole: the functions are too short to
 * be told apart from their callers, and who traces takes locks.
 *
 * Preemption and interrupts come back after the lock is free and in the same order as
 * with spinlock_t, so that a task which was woken meanwhile is not overlooked.
 */
#include <linux/bottom_half.h>
#include <linux/compiler.h>
#include <linux/irqflags.h>
#include <linux/preempt.h>
#include <parley/export.h>

/* Of the functions that are defined here sparse sees the real ones. */
#define PARLEY_PVLOCK_INSIDE
#include "pvlock.h"

/* L1: what the holder before us wrote is seen; its partner is L2. */
static __always_inline bool pvl_try(struct parley_pvlock *lock)
{
	u64 free = 0;

	return likely(try_cmpxchg_acquire(&lock->word, &free,
					  this_cpu_read(parley_pvl_token)));
}

static __always_inline void pvl_take(struct parley_pvlock *lock)
{
	__acquire(lock);
	if (!pvl_try(lock))
		parley_pvl_wait(lock);
}

/*
 * L2: what we wrote comes before the lock is free; its partners are L1, and L3 of who
 * waits.  Whom to kick comes with the same exchange, for then the lock may be another's
 * and its memory gone.
 */
static __always_inline void pvl_give(struct parley_pvlock *lock)
{
	u32 kick = xchg_release(&lock->owner, 0) >> PVL_KICK_SHIFT;

	__release(lock);
	if (unlikely(kick))
		parley_pvl_kick(lock, kick);
}

/* Preemption is off. */
static __always_inline void pvl_lock(struct parley_pvlock *lock, unsigned long ip)
{
	spin_acquire(&lock->dep_map, 0, 0, ip);
	LOCK_CONTENDED(lock, pvl_try, pvl_take);
}

static __always_inline bool pvl_trylock(struct parley_pvlock *lock, unsigned long ip)
{
	/* The look spares who fails the line, and who holds the lock as well. */
	if (READ_ONCE(lock->word) || !pvl_try(lock))
		return false;
	spin_acquire(&lock->dep_map, 0, 1, ip);
	return true;
}

static __always_inline void pvl_unlock(struct parley_pvlock *lock, unsigned long ip)
{
	spin_release(&lock->dep_map, ip);
	pvl_give(lock);
}

/**
 * parley_pvlock_init_class - make a lock that nobody holds, of this class
 * @lock: the lock; nobody uses it yet
 * @name: for lockdep's messages
 * @key: of the class
 *
 * What parley_pvlock_init() calls; for who makes locks of several classes in one place.
 *
 * Context: any.
 */
void parley_pvlock_init_class(struct parley_pvlock *lock, const char *name,
			      struct lock_class_key *key)
{
	lock->word = 0;
	lock->turns = 0;
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	debug_check_no_locks_freed((void *)lock, sizeof(*lock));
	lockdep_init_map_wait(&lock->dep_map, name, key, 0, LD_WAIT_SPIN);
#endif
}
PARLEY_EXPORT(parley_pvlock_init_class);

/**
 * parley_pvlock_lock - take the lock
 * @lock: the lock
 *
 * Waits for as long as it takes.  Preemption is off until it is given back.
 *
 * Context: any but an NMI, if the lock is never taken in a context that may interrupt
 * this one.
 */
void notrace parley_pvlock_lock(struct parley_pvlock *lock) __acquires(lock)
{
	preempt_disable();
	pvl_lock(lock, _RET_IP_);
}
PARLEY_EXPORT(parley_pvlock_lock);

/**
 * parley_pvlock_lock_bh - take a lock that softirqs take as well
 * @lock: the lock
 *
 * Context: task or softirq; it is not taken in interrupts.
 */
void notrace parley_pvlock_lock_bh(struct parley_pvlock *lock) __acquires(lock)
{
	local_bh_disable();
	preempt_disable();
	pvl_lock(lock, _RET_IP_);
}
PARLEY_EXPORT(parley_pvlock_lock_bh);

/**
 * parley_pvlock_lock_irq - take a lock that interrupts take as well
 * @lock: the lock
 *
 * Context: task or softirq with interrupts on; they are off until it is given back.
 */
void notrace parley_pvlock_lock_irq(struct parley_pvlock *lock) __acquires(lock)
{
	local_irq_disable();
	preempt_disable();
	pvl_lock(lock, _RET_IP_);
}
PARLEY_EXPORT(parley_pvlock_lock_irq);

/**
 * parley_pvlock_lock_irqsave - take a lock that interrupts take as well
 * @lock: the lock
 *
 * Context: any but an NMI.
 *
 * Return: how interrupts were before, for parley_pvlock_unlock_irqrestore().
 */
unsigned long notrace parley_pvlock_lock_irqsave(struct parley_pvlock *lock) __acquires(lock)
{
	unsigned long flags;

	local_irq_save(flags);
	preempt_disable();
	pvl_lock(lock, _RET_IP_);
	return flags;
}
PARLEY_EXPORT(parley_pvlock_lock_irqsave);

/**
 * parley_pvlock_trylock - take the lock if nobody holds it or waits for it
 * @lock: the lock
 *
 * Never waits and is never in the queue.
 *
 * Context: any.
 *
 * Return: true if the lock is the caller's now.
 */
bool notrace parley_pvlock_trylock(struct parley_pvlock *lock)
{
	preempt_disable();
	if (pvl_trylock(lock, _RET_IP_))
		return true;
	preempt_enable();
	return false;
}
PARLEY_EXPORT(parley_pvlock_trylock);

/**
 * parley_pvlock_trylock_bh - the same, with softirqs off if it succeeds
 * @lock: the lock
 *
 * Context: task or softirq.
 *
 * Return: true if the lock is the caller's now.
 */
bool notrace parley_pvlock_trylock_bh(struct parley_pvlock *lock)
{
	local_bh_disable();
	preempt_disable();
	if (pvl_trylock(lock, _RET_IP_))
		return true;
	preempt_enable();
	local_bh_enable();
	return false;
}
PARLEY_EXPORT(parley_pvlock_trylock_bh);

/**
 * parley_pvlock_trylock_irq - the same, with interrupts off if it succeeds
 * @lock: the lock
 *
 * Context: task or softirq with interrupts on.
 *
 * Return: true if the lock is the caller's now.
 */
bool notrace parley_pvlock_trylock_irq(struct parley_pvlock *lock)
{
	local_irq_disable();
	preempt_disable();
	if (pvl_trylock(lock, _RET_IP_))
		return true;
	local_irq_enable();
	preempt_enable();
	return false;
}
PARLEY_EXPORT(parley_pvlock_trylock_irq);

/**
 * parley_pvlock_trylock_irqsave - the same, with interrupts off if it succeeds
 * @lock: the lock
 * @flags: set to how interrupts were, for parley_pvlock_unlock_irqrestore()
 *
 * Context: any.
 *
 * Return: true if the lock is the caller's now.
 */
bool notrace parley_pvlock_trylock_irqsave(struct parley_pvlock *lock, unsigned long *flags)
{
	local_irq_save(*flags);
	preempt_disable();
	if (pvl_trylock(lock, _RET_IP_))
		return true;
	local_irq_restore(*flags);
	preempt_enable();
	return false;
}
PARLEY_EXPORT(parley_pvlock_trylock_irqsave);

/**
 * parley_pvlock_unlock - give the lock back
 * @lock: the lock, taken with parley_pvlock_lock() or parley_pvlock_trylock()
 *
 * Context: that of the one who took it.
 */
void notrace parley_pvlock_unlock(struct parley_pvlock *lock) __releases(lock)
{
	pvl_unlock(lock, _RET_IP_);
	preempt_enable();
}
PARLEY_EXPORT(parley_pvlock_unlock);

/**
 * parley_pvlock_unlock_bh - give the lock back and let softirqs run
 * @lock: the lock, taken with one of the functions whose names end in _bh
 *
 * Context: that of the one who took it.
 */
void notrace parley_pvlock_unlock_bh(struct parley_pvlock *lock) __releases(lock)
{
	pvl_unlock(lock, _RET_IP_);
	preempt_enable();
	local_bh_enable();
}
PARLEY_EXPORT(parley_pvlock_unlock_bh);

/**
 * parley_pvlock_unlock_irq - give the lock back and turn interrupts on
 * @lock: the lock, taken with one of the functions whose names end in _irq
 *
 * Context: that of the one who took it.
 */
void notrace parley_pvlock_unlock_irq(struct parley_pvlock *lock) __releases(lock)
{
	pvl_unlock(lock, _RET_IP_);
	local_irq_enable();
	preempt_enable();
}
PARLEY_EXPORT(parley_pvlock_unlock_irq);

/**
 * parley_pvlock_unlock_irqrestore - give the lock back, interrupts as they were
 * @lock: the lock, taken with one of the functions whose names end in _irqsave
 * @flags: what that said
 *
 * Context: that of the one who took it.
 */
void notrace parley_pvlock_unlock_irqrestore(struct parley_pvlock *lock, unsigned long flags)
	__releases(lock)
{
	pvl_unlock(lock, _RET_IP_);
	local_irq_restore(flags);
	preempt_enable();
}
PARLEY_EXPORT(parley_pvlock_unlock_irqrestore);

const struct parley_pvlock_ops parley_pvlock_ops = {
	.lock_irq = parley_pvlock_lock_irq,
	.unlock_irq = parley_pvlock_unlock_irq,
	.lock_irqsave = parley_pvlock_lock_irqsave,
	.unlock_irqrestore = parley_pvlock_unlock_irqrestore,
	.trylock_irqsave = parley_pvlock_trylock_irqsave,
};
PARLEY_EXPORT(parley_pvlock_ops);
