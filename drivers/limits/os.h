/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the limits meet the world they are compiled for: the kernel, or user
 * space for tests (tools/testing/user).  Only timer.c is the kernel's alone.
 */
#ifndef _PARLEY_LIMITS_OS_H
#define _PARLEY_LIMITS_OS_H

#ifdef __KERNEL__
#include <kunit/visibility.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/time64.h>
#include <parley/compat.h>
#else
#include <parley/user_limits.h>
#endif

#include <parley/export.h>
#include <parley/limits.h>

#endif /* _PARLEY_LIMITS_OS_H */
