/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The environment of the core in user space: the few kernel primitives that
 * it uses, so that tests, fuzzers, the model checker's conformance runs and
 * benchmarks compile the very files that the kernel does.  Wire structures and
 * constants come from the kernel's UAPI headers in both worlds.
 */
#ifndef _PARLEY_USER_H
#define _PARLEY_USER_H

#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

/* Debian 12's user-space headers are of 6.1, which had no name for this bit. */
#ifndef VIRTIO_F_NOTIFICATION_DATA
#define VIRTIO_F_NOTIFICATION_DATA	38
#endif

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef unsigned int gfp_t;

struct parley_mem;

#define GFP_KERNEL	0u
#define GFP_ATOMIC	1u

#define __user
#define __force
#undef __always_inline	/* the C library has one of its own */
#define __always_inline	inline __attribute__((always_inline))
#define noinline	__attribute__((noinline))
#define __must_check	__attribute__((warn_unused_result))
#define __packed	__attribute__((packed))
#define __cold		__attribute__((cold))
#define __printf(a, b)	__attribute__((format(printf, a, b)))
#define ____cacheline_aligned	__attribute__((aligned(64)))

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define prefetch(x)	__builtin_prefetch(x)

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) && !defined(__SANITIZE_THREAD__)
#define __SANITIZE_THREAD__
#endif
#endif

/*
 * The thread sanitiser knows atomics but no fences: there, each marked store
 * releases and each marked load acquires.
 */
#ifdef __SANITIZE_THREAD__
#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), (v), __ATOMIC_RELEASE)
#else
#define READ_ONCE(x)		(*(const volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile typeof(x) *)&(x) = (v))
#endif

#define BIT_ULL(n)	(1ULL << (n))
#define PAGE_SIZE	4096ul
#define PAGE_ALIGN(n)	(((n) + PAGE_SIZE - 1) & ~(PAGE_SIZE - 1))
#define U16_MAX		UINT16_MAX
#define U32_MAX		UINT32_MAX
#define min(a, b)	({ __auto_type __a = (a); __auto_type __b = (b);	\
			   __a < __b ? __a : __b; })
#define max(a, b)	({ __auto_type __a = (a); __auto_type __b = (b);	\
			   __a > __b ? __a : __b; })
#define check_sub_overflow(a, b, d)	__builtin_sub_overflow(a, b, d)
#define min_t(t, a, b)	min((t)(a), (t)(b))
#define max_t(t, a, b)	max((t)(a), (t)(b))
#define is_power_of_2(n) ((n) && !((n) & ((n) - 1)))
static inline unsigned long roundup_pow_of_two(unsigned long n)
{
	return n > 1 ? 1ul << (64 - __builtin_clzl(n - 1)) : 1;
}

/*
 * A device of a test.  Its DMA API does what @dma says; without one, addresses
 * are ours and nothing is copied.
 */
struct device {
	const struct parley_mem *dma;
};

/* The bench wants mapping to cost nothing, not even the look for such a test. */
#ifdef PARLEY_USER_MAPS_FREELY
#define parley_user_dma(dev)	((void)(dev), (const struct parley_mem *)NULL)
#else
#define parley_user_dma(dev)	((dev)->dma)
#endif

#define IS_ALIGNED(x, a) (((x) & ((a) - 1)) == 0)
#define __is_constexpr(x) __builtin_constant_p(x)
#define container_of(p, type, member)					\
	((type *)((char *)(p) - offsetof(type, member)))
#define WARN_ON_ONCE(c)	({						\
	bool __c = !!(c);						\
	if (unlikely(__c))						\
		fprintf(stderr, "WARN: %s:%d: %s\n", __FILE__, __LINE__, #c); \
	unlikely(__c);							\
})

typedef struct {
	int counter;
} atomic_t;

#define atomic_read_acquire(v)	__atomic_load_n(&(v)->counter, __ATOMIC_ACQUIRE)
#define atomic_fetch_inc(v)	__atomic_fetch_add(&(v)->counter, 1, __ATOMIC_SEQ_CST)

static inline int atomic_cmpxchg(atomic_t *v, int old, int new)
{
	__atomic_compare_exchange_n(&v->counter, &old, new, false,
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return old;
}

#define cpu_to_le16(x)	htole16(x)
#define cpu_to_le32(x)	htole32(x)
#define cpu_to_le64(x)	htole64(x)
#define le16_to_cpu(x)	le16toh(x)
#define le32_to_cpu(x)	le32toh(x)
#define le64_to_cpu(x)	le64toh(x)

static inline void *ERR_PTR(long err)
{
	return (void *)err;
}

static inline long PTR_ERR(const void *p)
{
	return (long)p;
}

static inline bool IS_ERR(const void *p)
{
	return (unsigned long)p >= (unsigned long)-4095;
}

/*
 * On x86 the light barriers are compiler barriers, as they are in the kernel.
 * An architecture without such an order, and the thread sanitiser, get fences.
 */
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
#define dma_wmb()	__asm__ __volatile__("" ::: "memory")
#define dma_rmb()	__asm__ __volatile__("" ::: "memory")
#define virt_mb()	__asm__ __volatile__("lock; addl $0,-4(%%rsp)" \
					     ::: "memory", "cc")
#else
#define dma_wmb()	__atomic_thread_fence(__ATOMIC_RELEASE)
#define dma_rmb()	__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define virt_mb()	__atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif
#define mb()		__atomic_thread_fence(__ATOMIC_SEQ_CST)

/*
 * Allocation, with a knob for tests: when parley_user_fail_nth is n > 0, the
 * n-th allocation from now fails, once.
 */
extern int parley_user_fail_nth;

static inline bool parley_user_fail(void)
{
	return parley_user_fail_nth > 0 && --parley_user_fail_nth == 0;
}

static inline void *kvcalloc(size_t n, size_t size, gfp_t gfp)
{
	(void)gfp;
	return parley_user_fail() ? NULL : calloc(n, size);
}

#define kcalloc(n, size, gfp)	kvcalloc(n, size, gfp)
#define kzalloc(size, gfp)	kvcalloc(1, size, gfp)
#define kmalloc_array(n, size, gfp) kvcalloc(n, size, gfp)
#define kfree(p)		free(p)
#define kvfree(p)		free(p)

/*
 * "User addresses under a borrowed mm" are plain addresses here, except for
 * one range that a test may declare to fault.
 */
extern uintptr_t parley_user_fault_start, parley_user_fault_end;

static inline int parley_user_access(const volatile void *p)
{
	uintptr_t a = (uintptr_t)p;

	return a >= parley_user_fault_start && a < parley_user_fault_end ?
	       -EFAULT : 0;
}

#define __get_user(x, p) ({						\
	int __err = parley_user_access(p);				\
	(x) = __err ? 0 : READ_ONCE(*(p));				\
	__err;								\
})
#define __put_user(x, p) ({						\
	int __err = parley_user_access(p);				\
	if (!__err)							\
		WRITE_ONCE(*(p), (x));					\
	__err;								\
})
#define get_user(x, p)		__get_user(x, p)
#define put_user(x, p)		__put_user(x, p)
#define access_ok(p, len)	((void)(p), (void)(len), true)
#define user_read_access_begin(p, len)	access_ok(p, len)
#define user_read_access_end()		((void)0)
#define unsafe_get_user(x, p, label) do {				\
	if (__get_user(x, p))						\
		goto label;						\
} while (0)

#endif /* _PARLEY_USER_H */
