/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the device role reaches ring memory: at kernel addresses, or at user
 * addresses of the current mm.  The space is a constant wherever these are
 * expanded, so kernel addresses cost one load and cannot fail.
 *
 * Every field is read exactly once: a second read could see another value.
 */
#ifndef _PARLEY_CORE_ACCESS_H
#define _PARLEY_CORE_ACCESS_H

#include "ring.h"

/* Load *p into *v (an lvalue of p's type); 0 or -EFAULT. */
#define ring_load(space, v, p) ({					\
	int __r = 0;							\
	if ((space) == PARLEY_SPACE_KERNEL)				\
		(v) = READ_ONCE(*(p));					\
	else								\
		__r = __get_user(v, (typeof(*(p)) __user *)(unsigned long)(p)); \
	__r;								\
})

/* Store v into *p; 0 or -EFAULT. */
#define ring_store(space, v, p) ({					\
	int __r = 0;							\
	if ((space) == PARLEY_SPACE_KERNEL)				\
		WRITE_ONCE(*(p), v);					\
	else								\
		__r = __put_user(v, (typeof(*(p)) __user *)(unsigned long)(p)); \
	__r;								\
})

#endif /* _PARLEY_CORE_ACCESS_H */
