/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few kernel primitives that the limits use besides the core's, for tests in
 * user space.  One thread: locks are nothing.
 */
#ifndef _PARLEY_USER_LIMITS_H
#define _PARLEY_USER_LIMITS_H

#include <parley/user.h>

#define GFP_KERNEL_ACCOUNT	GFP_KERNEL

typedef int64_t s64;
typedef __int128 s128;

typedef struct {
	int held;
} spinlock_t;

/*
 * What a test asks of them: how often one was taken, and how many list entries were
 * looked at, at most, while one was held.
 */
struct user_locks {
	unsigned long taken;
	unsigned long held;
	unsigned long steps;
	unsigned long most_steps;
};

static inline struct user_locks *user_locks(void)
{
	extern struct user_locks the_user_locks;

	return &the_user_locks;
}

static inline void user_lock(spinlock_t *l)
{
	if (l->held++)
		abort();
	user_locks()->taken++;
	user_locks()->held++;
	user_locks()->steps = 0;
}

static inline void user_unlock(spinlock_t *l)
{
	if (--l->held)
		abort();
	user_locks()->held--;
}

static inline void user_may_sleep(void)
{
	if (user_locks()->held)
		abort();
}

static inline void user_step(void)
{
	struct user_locks *u = user_locks();

	if (u->held && ++u->steps > u->most_steps)
		u->most_steps = u->steps;
}

#define spin_lock_init(l)		((void)(l))
#define spin_lock_irqsave(l, flags)	(user_lock(l), (flags) = 0)
#define spin_unlock_irqrestore(l, flags) (user_unlock(l), (void)(flags))
#define cond_resched()			user_may_sleep()
#define lockdep_assert_held(l)		((void)(l))

#define NSEC_PER_SEC	1000000000ll
#define NSEC_PER_MSEC	1000000ll
#define NSEC_PER_USEC	1000ll
#define U64_MAX		UINT64_MAX
#define S64_MAX		INT64_MAX

#define EXPORT_SYMBOL_IF_KUNIT(sym)

#undef min
#undef max
/* The kernel's take a literal with either sign. */
#define min(a, b)	({ typeof((a) + (b)) __a = (a), __b = (b); __a < __b ? __a : __b; })
#define max(a, b)	({ typeof((a) + (b)) __a = (a), __b = (b); __a > __b ? __a : __b; })
#define min3(a, b, c)	min(min(a, b), c)
#define clamp(v, lo, hi)	min(max(v, lo), hi)
#define clamp_t(t, v, lo, hi)	clamp((t)(v), (t)(lo), (t)(hi))

static inline u64 div_u64(u64 a, u32 b)
{
	return a / b;
}

static inline s64 div_s64(s64 a, int b)
{
	return a / b;
}

static inline u64 div64_u64(u64 a, u64 b)
{
	return a / b;
}

static inline u64 div_u64_rem(u64 a, u32 b, u32 *rest)
{
	*rest = a % b;
	return a / b;
}

static inline u64 div64_u64_rem(u64 a, u64 b, u64 *rest)
{
	*rest = a % b;
	return a / b;
}

/* As on x86, a quotient that does not fit is a fault. */
static inline u64 mul_u64_u64_div_u64(u64 a, u64 b, u64 c)
{
	unsigned __int128 q = (unsigned __int128)a * b / c;

	if (q > UINT64_MAX)
		abort();
	return q;
}

/* ------------------------------------------------------------------- lists */

struct list_head {
	struct list_head *next, *prev;
};

static inline void INIT_LIST_HEAD(struct list_head *l)
{
	l->next = l;
	l->prev = l;
}

static inline bool list_empty(const struct list_head *l)
{
	return l->next == l;
}

static inline bool list_is_singular(const struct list_head *l)
{
	return !list_empty(l) && l->next == l->prev;
}

static inline void list_add(struct list_head *new, struct list_head *at)
{
	new->next = at->next;
	new->prev = at;
	at->next->prev = new;
	at->next = new;
}

static inline void list_add_tail(struct list_head *new, struct list_head *at)
{
	list_add(new, at->prev);
}

static inline void list_del(struct list_head *l)
{
	l->next->prev = l->prev;
	l->prev->next = l->next;
}

static inline void list_move_tail(struct list_head *l, struct list_head *at)
{
	list_del(l);
	list_add_tail(l, at);
}

static inline void list_del_init(struct list_head *l)
{
	list_del(l);
	INIT_LIST_HEAD(l);
}

#define list_entry(p, type, m)	container_of(p, type, m)
#define list_for_each_entry(p, head, m)					\
	for (p = list_entry((head)->next, typeof(*p), m); &p->m != (head);	\
	     user_step(), p = list_entry(p->m.next, typeof(*p), m))
#define list_for_each_entry_reverse(p, head, m)				\
	for (p = list_entry((head)->prev, typeof(*p), m); &p->m != (head);	\
	     user_step(), p = list_entry(p->m.prev, typeof(*p), m))

#endif /* _PARLEY_USER_LIMITS_H */
