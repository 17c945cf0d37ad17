/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests: each runs in a process of its own with a time limit, so that one that
 * hangs or crashes fails alone.  Results are TAP on standard output.
 */
#ifndef _VMM_HARNESS_H
#define _VMM_HARNESS_H

#include <parley/user.h>

/**
 * struct test - one line of TAP
 * @name: stable, since people and logs name it
 * @run: returns when it passed; see must(), expect(), skip()
 * @limit: seconds
 */
struct test {
	const char *name;
	void (*run)(void);
	unsigned int limit;
};

/**
 * struct group - tests that are run together
 * @name: "abi": its tests are called abi.NAME
 * @what: one line for --list
 * @tests: ends with one without a name
 */
struct group {
	const char *name;
	const char *what;
	const struct test *tests;
};

/* Returns the number of failures. */
unsigned int harness_run(const struct group *g, const char *only);

/* Every limit and every wait is multiplied by this. */
extern unsigned int patience;
/* Do less of what repeats: for slow kernels. */
extern bool brief;
/* What this run's random numbers begin with; each test adds its name. */
extern u64 seed;

/* ------------------------------------------------------ inside a test */

__printf(3, 4) void fault(const char *file, int line, const char *fmt, ...);
__printf(1, 2) __attribute__((noreturn)) void skip(const char *fmt, ...);
__printf(1, 2) void note(const char *fmt, ...);
__attribute__((noreturn)) void give_up(void);
const char *name_of(long err);
bool failed(void);

/* The test fails, and goes on. */
#define expect(cond, fmt, ...) ({					\
	bool __ok = !!(cond);						\
	if (!__ok)							\
		fault(__FILE__, __LINE__, fmt, ##__VA_ARGS__);		\
	__ok;								\
})

/* The test fails and ends. */
#define must(cond, fmt, ...) do {					\
	if (!expect(cond, fmt, ##__VA_ARGS__))				\
		give_up();						\
} while (0)

/* A call's result: 0 or positive, or -errno. */
#define want(call, wanted) ({						\
	long __got = (call), __want = (wanted);				\
	expect(__got == __want, "%s: %ld (%s), not %ld (%s)", #call,	\
	       __got, name_of(__got), __want, name_of(__want));		\
})
#define need(call) do {							\
	if (!want(call, 0))						\
		give_up();						\
} while (0)

/* --------------------------------------------------- numbers and time */

/* A stream of random numbers (splitmix64); each thread has its own. */
struct rng {
	u64 state;
};

struct rng rng_for(const char *what, u64 number);
u64 rng_next(struct rng *r);

static inline u64 rng_below(struct rng *r, u64 n)
{
	return rng_next(r) % n;
}

static inline u64 rng_between(struct rng *r, u64 low, u64 high)
{
	return low + rng_below(r, high - low + 1);
}

static inline bool rng_chance(struct rng *r, unsigned int percent)
{
	return rng_below(r, 100) < percent;
}

u64 now_ms(void);
void sleep_ms(unsigned int ms);
/* Wait until cond holds; false if it does not within so many milliseconds. */
#define wait_until(cond, ms) ({						\
	u64 __end = now_ms() + (u64)(ms) * patience;			\
	bool __ok;							\
	while (!(__ok = !!(cond)) && now_ms() < __end)			\
		sleep_ms(1);						\
	__ok;								\
})

#endif /* _VMM_HARNESS_H */
