/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The lock of a guest's queue: the kernel's spinlock, or a paravirtual one.
 *
 * Which of the two is decided once, when the lock is made, and holds for its life.  It
 * is a paravirtual one if whoever makes it says that several processors contend for it,
 * the parameter parley_guest.pvlock was set, and parley_sched was there, which then
 * cannot be removed before the lock is gone.  Nobody has to have parley_sched: it is
 * found by its table of operations, when a lock is made.
 *
 * While no such lock lives anywhere, asking which kind a lock is costs a branch that is
 * patched out, and nothing is read.  With PREEMPT_RT, where a spinlock sleeps and what
 * is done under it may do so as well, and in kernels that have no parley_sched, it is
 * the spinlock and nothing is asked.
 *
 * The rules are those of spinlock_t, which is also what lockdep takes it for.
 */
#ifndef _PARLEY_QLOCK_H
#define _PARLEY_QLOCK_H

#include <linux/cleanup.h>
#include <linux/jump_label.h>
#include <linux/kconfig.h>
#include <linux/lockdep.h>
#include <linux/spinlock.h>
#include <parley/pvlock.h>

/* Out of tree there are no options of ours, and all modules that a kernel can have. */
#if defined(CONFIG_SMP) && defined(CONFIG_64BIT) && !defined(CONFIG_PREEMPT_RT) && \
	(IS_ENABLED(CONFIG_PARLEY_SCHED) || !IS_ENABLED(CONFIG_PARLEY_GUEST))
#define PARLEY_QLOCK_PV
#endif

/**
 * struct parley_qlock - the lock
 * @spin: it, where @ops is NULL
 * @pv: it, where @ops is not
 * @ops: parley_sched's; never changes while the lock lives
 *
 * All of it is private.
 */
struct parley_qlock {
	union {
		spinlock_t spin;	/* see above */
#ifdef PARLEY_QLOCK_PV
		struct parley_pvlock pv;
#endif
	};
#ifdef PARLEY_QLOCK_PV
	const struct parley_pvlock_ops *ops;
#endif
};

#ifdef PARLEY_QLOCK_PV

DECLARE_STATIC_KEY_FALSE(parley_qlock_pv);

void parley_qlock_init_class(struct parley_qlock *lock, bool contended,
			     const char *name, struct lock_class_key *key);
void parley_qlock_destroy(struct parley_qlock *lock);

/**
 * parley_qlock_is_pv - is this a paravirtual lock?
 * @lock: the lock
 *
 * Context: any.
 *
 * Return: true if it is, false if it is the kernel's spinlock.
 */
static __always_inline bool parley_qlock_is_pv(const struct parley_qlock *lock)
{
	return static_branch_unlikely(&parley_qlock_pv) && lock->ops;
}

static __always_inline const struct parley_pvlock_ops *
parley_qlock_ops(const struct parley_qlock *lock)
{
	return lock->ops;
}

static __always_inline struct parley_pvlock *parley_qlock_to_pv(struct parley_qlock *lock)
{
	return &lock->pv;
}

#else

static inline void parley_qlock_init_class(struct parley_qlock *lock, bool contended,
					   const char *name,
					   struct lock_class_key *key)
{
	spin_lock_init(&lock->spin);
	lockdep_set_class_and_name(&lock->spin, key, name);
}

static inline void parley_qlock_destroy(struct parley_qlock *lock)
{
}

static inline bool parley_qlock_is_pv(const struct parley_qlock *lock)
{
	return false;
}

/* Of what no lock is, for code that is not compiled then. */
static __always_inline const struct parley_pvlock_ops *
parley_qlock_ops(const struct parley_qlock *lock)
{
	return NULL;
}

static __always_inline struct parley_pvlock *parley_qlock_to_pv(struct parley_qlock *lock)
{
	return NULL;
}

#endif /* PARLEY_QLOCK_PV */

/**
 * parley_qlock_init - make a lock that nobody holds
 * @lock: the lock; nobody uses it yet
 * @contended: several processors contend for it, so a paravirtual one is worth it
 *
 * Each place that calls this is a class of locks to lockdep.
 *
 * Context: may sleep.
 */
#define parley_qlock_init(lock, contended)					\
do {										\
	static struct lock_class_key __key;					\
										\
	parley_qlock_init_class(lock, contended, #lock, &__key);		\
} while (0)

/**
 * parley_qlock_lock_irq - take the lock
 * @lock: the lock
 *
 * Context: task or softirq with interrupts on; they are off until it is given back.
 */
static __always_inline void parley_qlock_lock_irq(struct parley_qlock *lock)
	__acquires(lock)
{
	if (parley_qlock_is_pv(lock)) {
		__acquire(lock);
		parley_qlock_ops(lock)->lock_irq(parley_qlock_to_pv(lock));
	} else {
		spin_lock_irq(&lock->spin);
	}
}

/**
 * parley_qlock_unlock_irq - give the lock back and turn interrupts on
 * @lock: the lock, taken with parley_qlock_lock_irq()
 *
 * Context: that of the one who took it.
 */
static __always_inline void parley_qlock_unlock_irq(struct parley_qlock *lock)
	__releases(lock)
{
	if (parley_qlock_is_pv(lock)) {
		__release(lock);
		parley_qlock_ops(lock)->unlock_irq(parley_qlock_to_pv(lock));
	} else {
		spin_unlock_irq(&lock->spin);
	}
}

/**
 * parley_qlock_lock_irqsave - take the lock
 * @lock: the lock
 *
 * Context: any but an NMI.
 *
 * Return: how interrupts were before, for parley_qlock_unlock_irqrestore().
 */
static __always_inline unsigned long __must_check
parley_qlock_lock_irqsave(struct parley_qlock *lock)
	__acquires(lock)
{
	unsigned long flags;

	if (parley_qlock_is_pv(lock)) {
		__acquire(lock);
		flags = parley_qlock_ops(lock)->lock_irqsave(parley_qlock_to_pv(lock));
	} else {
		spin_lock_irqsave(&lock->spin, flags);
	}
	return flags;
}

/**
 * parley_qlock_unlock_irqrestore - give the lock back, interrupts as they were
 * @lock: the lock, taken with parley_qlock_lock_irqsave() or the trylock
 * @flags: what that said
 *
 * Context: that of the one who took it.
 */
static __always_inline void parley_qlock_unlock_irqrestore(struct parley_qlock *lock,
							   unsigned long flags)
	__releases(lock)
{
	if (parley_qlock_is_pv(lock)) {
		__release(lock);
		parley_qlock_ops(lock)->unlock_irqrestore(parley_qlock_to_pv(lock), flags);
	} else {
		spin_unlock_irqrestore(&lock->spin, flags);
	}
}

#ifndef __CHECKER__
/**
 * parley_qlock_trylock_irqsave - take the lock if nobody holds it or waits for it
 * @lock: the lock
 * @flags: set to how interrupts were, for parley_qlock_unlock_irqrestore()
 *
 * Context: any.
 *
 * Return: true if the lock is the caller's now.
 */
static __always_inline bool __must_check
parley_qlock_trylock_irqsave(struct parley_qlock *lock, unsigned long *flags)
{
	if (parley_qlock_is_pv(lock))
		return parley_qlock_ops(lock)->trylock_irqsave(parley_qlock_to_pv(lock), flags);
	return spin_trylock_irqsave(&lock->spin, *flags);
}
#else
/* Sparse knows of a lock that is held if something is true by that macro alone. */
#define parley_qlock_trylock_irqsave(lock, flags) \
	spin_trylock_irqsave(&(lock)->spin, *(flags))
#endif

#ifdef CONFIG_DEBUG_LOCK_ALLOC
/* What lockdep knows of it, see struct parley_drvq_config. */
static inline struct lockdep_map *parley_qlock_map(struct parley_qlock *lock)
{
	return parley_qlock_is_pv(lock) ? &parley_qlock_to_pv(lock)->dep_map :
					  &lock->spin.dep_map;
}

#define parley_qlock_assert_held(lock) \
	lockdep_assert(lock_is_held(parley_qlock_map(lock)) != LOCK_STATE_NOT_HELD)
#else
static inline struct lockdep_map *parley_qlock_map(struct parley_qlock *lock)
{
	return NULL;
}

#define parley_qlock_assert_held(lock)	((void)(lock))
#endif

DEFINE_LOCK_GUARD_1(parley_qlock_irq, struct parley_qlock,
		    parley_qlock_lock_irq(_T->lock),
		    parley_qlock_unlock_irq(_T->lock))

DEFINE_LOCK_GUARD_1(parley_qlock_irqsave, struct parley_qlock,
		    _T->flags = parley_qlock_lock_irqsave(_T->lock),
		    parley_qlock_unlock_irqrestore(_T->lock, _T->flags),
		    unsigned long flags)

#endif /* _PARLEY_QLOCK_H */
