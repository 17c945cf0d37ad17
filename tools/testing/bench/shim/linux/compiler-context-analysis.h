/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Missing from the stub headers of linux-source's tools/virtio: the empty
 * lock annotations that compiler_types.h expects.
 */
#ifndef _BENCH_COMPILER_CONTEXT_ANALYSIS_H
#define _BENCH_COMPILER_CONTEXT_ANALYSIS_H

#define __must_hold(x)
#define __acquires(x)
#define __cond_acquires(x)
#define __releases(x)
#define __acquire(x)		((void)0)
#define __release(x)		((void)0)
#define __cond_lock(x, c)	(c)

#endif
