/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the policy engine wants of a kernel, in user space: enough for texts to be
 * loaded and shown.
 */
#ifndef _PARLEY_TESTS_KERNEL_H
#define _PARLEY_TESTS_KERNEL_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;

#define U64_MAX			(~0ULL)
#define BIT(n)			(1UL << (n))
#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define container_of(p, t, m)	((typeof(t) *)((char *)(p) - offsetof(t, m)))
#define READ_ONCE(x)		(x)
#define __printf(a, b)		__attribute__((format(printf, a, b)))

/* Errors in pointers. */
#define ERR_PTR(err)		((void *)(long)(err))
#define IS_ERR(p)		((unsigned long)(p) >= (unsigned long)-4095)

/* Memory; there is one processor. */
#define __percpu
#define GFP_KERNEL		0
#define kzalloc(size, gfp)	calloc(1, size)
#define kvcalloc(n, size, gfp)	calloc(n, size)
#define kfree			free
#define kvfree			free
#define array_size(n, size)	((n) * (size))
#define __alloc_percpu(size, align)	calloc(1, size)
#define free_percpu		free
#define for_each_possible_cpu(cpu)	for ((cpu) = 0; (cpu) < 1; (cpu)++)
#define per_cpu_ptr(p, cpu)	((p) + (cpu))

/* Nothing is exported, and nothing is logged. */
#define PARLEY_EXPORT(symbol)
#define DEFAULT_RATELIMIT_INTERVAL	0
#define DEFAULT_RATELIMIT_BURST	0
#define ratelimit_state_init(state, interval, burst) ((void)(state))

struct ratelimit_state {
	int unused;
};

struct kref {
	int count;
};

static inline void kref_init(struct kref *ref)
{
	ref->count = 1;
}

static inline void kref_get(struct kref *ref)
{
	ref->count++;
}

static inline void kref_put(struct kref *ref, void (*release)(struct kref *ref))
{
	if (!--ref->count)
		release(ref);
}

/* Whatever the locale. */
#define isdigit(c)		((c) >= '0' && (c) <= '9')
#define isxdigit(c)		(isdigit(c) || (((c) | 32) >= 'a' && ((c) | 32) <= 'f'))

static inline int kstrtoull(const char *text, int base, u64 *value)
{
	errno = 0;
	*value = strtoull(text, NULL, base);
	return errno;
}

static inline int vscnprintf(char *buf, size_t size, const char *text, va_list args)
{
	int len = vsnprintf(buf, size, text, args);

	return len < (int)size ? len : (int)size - 1;
}

#endif /* _PARLEY_TESTS_KERNEL_H */
