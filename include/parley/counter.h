/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The counter that a guest's clock is made of: one that a processor reads by itself,
 * without an exit, and that a hypervisor may start anywhere and have run at another rate
 * on each host.
 *
 * An architecture is one block below.  Reading is in program order with the loads before
 * it.
 */
#ifndef _PARLEY_COUNTER_H
#define _PARLEY_COUNTER_H

#include <linux/types.h>

#if defined(CONFIG_X86)
#include <asm/cpufeature.h>
#include <asm/tsc.h>

static inline const char *parley_counter_missing(void)
{
	return boot_cpu_has(X86_FEATURE_TSC) ? NULL : "this processor has no TSC";
}

static __always_inline u64 parley_counter_read(void)
{
	return rdtsc_ordered();
}

/* Turns in a second, as far as this kernel knows; 0: it does not. */
static inline u64 parley_counter_hz(void)
{
	return tsc_khz * 1000ull;
}
#elif defined(CONFIG_ARM64)
#include <asm/arch_timer.h>

static inline const char *parley_counter_missing(void)
{
	return NULL;
}

static __always_inline u64 parley_counter_read(void)
{
	return __arch_counter_get_cntvct();
}

static inline u64 parley_counter_hz(void)
{
	return arch_timer_get_cntfrq();
}
#else
static inline const char *parley_counter_missing(void)
{
	return "no counter of this architecture is known";
}

static __always_inline u64 parley_counter_read(void)
{
	return 0;
}

static inline u64 parley_counter_hz(void)
{
	return 0;
}
#endif

#endif /* _PARLEY_COUNTER_H */
