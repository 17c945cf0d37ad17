/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Completes tools/virtio's <linux/kernel.h> so that mainline's rings build and
 * cost in user space what they cost in a kernel: rings come zeroed and aligned
 * as from the page allocator, and the page size is a constant, not a call.
 */
#ifndef _BENCH_KERNEL_H
#define _BENCH_KERNEL_H

#define alloc_pages_exact bench_stub_alloc_pages_exact
#include_next <linux/kernel.h>
#undef alloc_pages_exact

#undef PAGE_SIZE
#define PAGE_SIZE	4096UL

#ifndef data_race
#define data_race(expr)	(expr)
#endif

static inline void *alloc_pages_exact(size_t size, gfp_t gfp)
{
	void *p;

	if (posix_memalign(&p, PAGE_SIZE, PAGE_ALIGN(size)))
		return NULL;
	return memset(p, 0, PAGE_ALIGN(size));
}

#endif
