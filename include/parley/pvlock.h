/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A spinlock for guests: a fair queue whose waiters do not burn the time of a
 * virtual processor that the host has taken away from somebody else.
 *
 * It is a lock of its own.  The kernel's spinlock_t stays what it is, and neither
 * can stand in for the other.  Who waits spins for a while, which is learned; then
 * has the host run the virtual processor that holds the lock, if that one is known
 * not to run; then halts until the lock is his.  What of this is possible depends
 * on the hypervisor, see Documentation/pvlock.rst; on bare metal the lock is a plain
 * queued spinlock.
 *
 * Who holds it may not sleep, and is not preempted.  Which of the calls to use is
 * the same question as for spinlock_t: the lock is taken in interrupts (irq,
 * irqsave), in softirqs (bh), or in tasks only.  To lockdep it is a raw spinlock,
 * also with PREEMPT_RT.  In an NMI only parley_pvlock_trylock() is allowed.
 *
 * Everything here may be called as soon as the module parley_sched is there; built
 * in, that is from core_initcall() on.
 */
#ifndef _PARLEY_PVLOCK_H
#define _PARLEY_PVLOCK_H

#include <linux/cleanup.h>
#include <linux/compiler.h>
#include <linux/lockdep.h>
#include <linux/types.h>
#include <asm/byteorder.h>

/**
 * struct parley_pvlock - the lock
 * @word: free if 0, see drivers/virtio/sched/pvlock.c
 * @owner: the half of @word that says who holds the lock and whom to wake
 * @tail: the half of @word that says who waits last
 * @turns: how long it pays to spin, learned by those who wait; 0: nobody waited yet
 * @dep_map: what lockdep knows of it
 *
 * All of it is private.  Zeroed memory is a lock that nobody holds, but for lockdep.
 */
struct parley_pvlock {
	union {
		u64 word;
		struct {
#ifdef __LITTLE_ENDIAN
			u32 owner;
			u32 tail;
#else
			u32 tail;
			u32 owner;
#endif
		};
	};
	u32 turns;
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	struct lockdep_map dep_map;
#endif
};

#ifdef CONFIG_DEBUG_LOCK_ALLOC
#define PARLEY_PVLOCK_DEP_MAP(lockname)						\
	.dep_map = { .name = #lockname, .wait_type_inner = LD_WAIT_SPIN },
#else
#define PARLEY_PVLOCK_DEP_MAP(lockname)
#endif

/**
 * PARLEY_PVLOCK_INIT - a lock that nobody holds, as an initialiser
 * @lockname: the lock, for lockdep's messages
 */
#define PARLEY_PVLOCK_INIT(lockname)	{ PARLEY_PVLOCK_DEP_MAP(lockname) }

/**
 * DEFINE_PARLEY_PVLOCK - define a lock that nobody holds
 * @lockname: the variable
 */
#define DEFINE_PARLEY_PVLOCK(lockname)						\
	struct parley_pvlock lockname = PARLEY_PVLOCK_INIT(lockname)

void parley_pvlock_init_class(struct parley_pvlock *lock, const char *name,
			      struct lock_class_key *key);

/**
 * parley_pvlock_init - make a lock that nobody holds
 * @lock: the lock; nobody uses it yet
 *
 * Each place that calls this is a class of locks to lockdep.
 *
 * Context: any.
 */
#define parley_pvlock_init(lock)						\
do {										\
	static struct lock_class_key __key;					\
										\
	parley_pvlock_init_class(lock, #lock, &__key);				\
} while (0)

#ifndef CONFIG_PREEMPT_RT
static inline void parley_pvlock_init_spin_class(struct parley_pvlock *lock, const char *name,
						 struct lock_class_key *key)
{
	lock->word = 0;
	lock->turns = 0;
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	lockdep_init_map_wait(&lock->dep_map, name, key, 0, LD_WAIT_CONFIG);
#endif
}

/**
 * parley_pvlock_init_spin - the same, of a lock that stands where a spinlock_t did
 * @lock: the lock; nobody uses it yet
 *
 * To lockdep it is no raw spinlock, so spinlocks may be taken, and memory allocated, with
 * it held.  With PREEMPT_RT, where these sleep, there is no such lock.
 *
 * Context: any.
 */
#define parley_pvlock_init_spin(lock)						\
do {										\
	static struct lock_class_key __key;					\
										\
	parley_pvlock_init_spin_class(lock, #lock, &__key);			\
} while (0)
#endif

void parley_pvlock_lock(struct parley_pvlock *lock) __acquires(lock);
void parley_pvlock_lock_bh(struct parley_pvlock *lock) __acquires(lock);
void parley_pvlock_lock_irq(struct parley_pvlock *lock) __acquires(lock);
unsigned long __must_check parley_pvlock_lock_irqsave(struct parley_pvlock *lock)
	__acquires(lock);

bool __must_check parley_pvlock_trylock(struct parley_pvlock *lock);
bool __must_check parley_pvlock_trylock_bh(struct parley_pvlock *lock);
bool __must_check parley_pvlock_trylock_irq(struct parley_pvlock *lock);
bool __must_check parley_pvlock_trylock_irqsave(struct parley_pvlock *lock,
						unsigned long *flags);

void parley_pvlock_unlock(struct parley_pvlock *lock) __releases(lock);
void parley_pvlock_unlock_bh(struct parley_pvlock *lock) __releases(lock);
void parley_pvlock_unlock_irq(struct parley_pvlock *lock) __releases(lock);
void parley_pvlock_unlock_irqrestore(struct parley_pvlock *lock, unsigned long flags)
	__releases(lock);

#if defined(__CHECKER__) && !defined(PARLEY_PVLOCK_INSIDE)
/* How sparse is told of a lock that is held if something is true. */
#define PARLEY_PVLOCK_TRIED(lock, taken) \
	((taken) ? ({ __acquire(lock); true; }) : false)
#define parley_pvlock_trylock(lock) \
	PARLEY_PVLOCK_TRIED(lock, (parley_pvlock_trylock)(lock))
#define parley_pvlock_trylock_bh(lock) \
	PARLEY_PVLOCK_TRIED(lock, (parley_pvlock_trylock_bh)(lock))
#define parley_pvlock_trylock_irq(lock) \
	PARLEY_PVLOCK_TRIED(lock, (parley_pvlock_trylock_irq)(lock))
#define parley_pvlock_trylock_irqsave(lock, flags) \
	PARLEY_PVLOCK_TRIED(lock, (parley_pvlock_trylock_irqsave)(lock, flags))
#endif

/**
 * parley_pvlock_is_locked - does somebody hold the lock?
 * @lock: the lock
 *
 * Context: any.  The answer may be old; to state that the caller holds it there is
 * lockdep_assert_held().
 *
 * Return: true if it is held.
 */
static inline bool parley_pvlock_is_locked(const struct parley_pvlock *lock)
{
	return READ_ONCE(lock->owner);
}

/**
 * parley_pvlock_is_contended - does somebody wait for the lock?
 * @lock: the lock
 *
 * For who holds a lock for long and could let others in.
 *
 * Context: any.  The answer may be old.
 *
 * Return: true if somebody is in the queue.
 */
static inline bool parley_pvlock_is_contended(const struct parley_pvlock *lock)
{
	return READ_ONCE(lock->tail);
}

/**
 * struct parley_pvlock_ops - the lock, for who must do without the module as well
 * @lock_irq: parley_pvlock_lock_irq()
 * @unlock_irq: parley_pvlock_unlock_irq()
 * @lock_irqsave: parley_pvlock_lock_irqsave()
 * @unlock_irqrestore: parley_pvlock_unlock_irqrestore()
 * @trylock_irqsave: parley_pvlock_trylock_irqsave()
 *
 * symbol_get(parley_pvlock_ops) finds it where the module is loaded, and keeps it there.
 */
struct parley_pvlock_ops {
	void (*lock_irq)(struct parley_pvlock *lock);
	void (*unlock_irq)(struct parley_pvlock *lock);
	unsigned long (*lock_irqsave)(struct parley_pvlock *lock);
	void (*unlock_irqrestore)(struct parley_pvlock *lock, unsigned long flags);
	bool (*trylock_irqsave)(struct parley_pvlock *lock, unsigned long *flags);
};

extern const struct parley_pvlock_ops parley_pvlock_ops;

DEFINE_LOCK_GUARD_1(parley_pvlock, struct parley_pvlock,
		    parley_pvlock_lock(_T->lock),
		    parley_pvlock_unlock(_T->lock))
DEFINE_LOCK_GUARD_1_COND(parley_pvlock, _try, parley_pvlock_trylock(_T->lock))

DEFINE_LOCK_GUARD_1(parley_pvlock_bh, struct parley_pvlock,
		    parley_pvlock_lock_bh(_T->lock),
		    parley_pvlock_unlock_bh(_T->lock))

DEFINE_LOCK_GUARD_1(parley_pvlock_irq, struct parley_pvlock,
		    parley_pvlock_lock_irq(_T->lock),
		    parley_pvlock_unlock_irq(_T->lock))

DEFINE_LOCK_GUARD_1(parley_pvlock_irqsave, struct parley_pvlock,
		    _T->flags = parley_pvlock_lock_irqsave(_T->lock),
		    parley_pvlock_unlock_irqrestore(_T->lock, _T->flags),
		    unsigned long flags)

#endif /* _PARLEY_PVLOCK_H */
