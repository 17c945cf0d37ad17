/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the device role reaches ring memory: at kernel addresses, or at user
 * addresses of the current mm.  The space is a constant wherever these are
 * expanded, so kernel addresses cost one load and cannot fail.
 *
 * Every field is read exactly once: a second read could see another value.  A
 * user access that fails is tried again only by the queue's owner, if that can
 * do what the current thread cannot; the first try saw nothing then.
 */
#ifndef _PARLEY_CORE_ACCESS_H
#define _PARLEY_CORE_ACCESS_H

#include "ring.h"

/* Load *p into *v (an lvalue of p's type); 0 or -EFAULT. */
#define ring_load(q, space, v, p) ({					\
	int __r = 0;							\
	if ((space) == PARLEY_SPACE_KERNEL)				\
		(v) = READ_ONCE(*(p));					\
	else								\
		__r = __get_user(v, (typeof(*(p)) __user *)(unsigned long)(p)); \
	if (unlikely(__r)) {						\
		u64 __again;						\
									\
		__r = parley_user_load(q, &__again, (unsigned long)(p),	\
				       sizeof(*(p)));			\
		(v) = (__force typeof(v))__again;			\
	}								\
	__r;								\
})

/*
 * Load 16 bytes, the size of a descriptor, as two words of which each is read
 * once: in user space one opening of its memory serves for both.
 */
static __always_inline int ring_load_16(const struct parley_devq *q,
					const enum parley_space space, u64 v[2],
					const void *from)
{
	const u64 *p = from;

	if (space == PARLEY_SPACE_KERNEL) {
		v[0] = READ_ONCE(p[0]);
		v[1] = READ_ONCE(p[1]);
		return 0;
	}
	if (unlikely(!user_read_access_begin((const u64 __user *)(unsigned long)p,
					     2 * sizeof(*p))))
		return -EFAULT;
	unsafe_get_user(v[0], (const u64 __user *)(unsigned long)p, fault);
	unsafe_get_user(v[1], (const u64 __user *)(unsigned long)(p + 1), fault);
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return parley_user_load(q, &v[0], (unsigned long)p, sizeof(*p)) ?:
	       parley_user_load(q, &v[1], (unsigned long)(p + 1), sizeof(*p));
}

/* Store v into *p; 0 or -EFAULT. */
#define ring_store(q, space, v, p) ({					\
	typeof(*(p)) __v = (v);						\
	int __r = 0;							\
	if ((space) == PARLEY_SPACE_KERNEL)				\
		WRITE_ONCE(*(p), __v);					\
	else								\
		__r = __put_user(__v, (typeof(*(p)) __user *)(unsigned long)(p)); \
	if (unlikely(__r))						\
		__r = parley_user_store(q, (__force u64)__v,		\
					(unsigned long)(p), sizeof(*(p))); \
	__r;								\
})

#endif /* _PARLEY_CORE_ACCESS_H */
