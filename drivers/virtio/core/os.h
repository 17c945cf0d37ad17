/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the core meets the world it is compiled for.  In the kernel these are
 * the kernel's own headers; in user space what <parley/types.h> includes stands
 * in for all of them.  Nothing else in the core asks which of the two it is, except for
 * memory.c (how ring memory is allocated and mapped) and the files that only
 * the kernel compiles (debugfs.c, main.c).
 */
#ifndef _PARLEY_CORE_OS_H
#define _PARLEY_CORE_OS_H

#include <parley/byteorder.h>
#include <parley/export.h>
#include <parley/virtqueue.h>

#ifdef __KERNEL__

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/cache.h>
#include <linux/dev_printk.h>
#include <linux/debug_locks.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/log2.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/prefetch.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/sprintf.h>
#include <linux/stdarg.h>
#include <linux/uaccess.h>
#include <asm/barrier.h>
#include <asm/byteorder.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ring.h>

/* The queue's owner promised to hold this lock; NULL promises nothing. */
#ifdef CONFIG_LOCKDEP
#define vq_assert_held(map)						\
	WARN_ON_ONCE((map) && debug_locks && !lock_is_held(map))
#else
#define vq_assert_held(map)	((void)(map))
#endif

#define vq_log(dev, fmt, ...) do {					\
	if (dev)							\
		dev_err(dev, fmt, ##__VA_ARGS__);			\
	else								\
		pr_err("parley: " fmt, ##__VA_ARGS__);			\
} while (0)

#else /* user space */

#define vq_assert_held(map)	((void)(map))
/* Tests provoke errors by the million: they ask for the text when they want it. */
extern bool parley_user_verbose;
#define vq_log(dev, fmt, ...) do {					\
	(void)(dev);							\
	if (parley_user_verbose)					\
		fprintf(stderr, "parley: " fmt, ##__VA_ARGS__);		\
} while (0)

#endif

/* Where memory of the core's own lies for a device that looks at it directly. */
#ifdef __KERNEL__
#define vq_phys(p)	virt_to_phys(p)
#else
#define vq_phys(p)	((u64)(uintptr_t)(p))
#endif

#endif /* _PARLEY_CORE_OS_H */
