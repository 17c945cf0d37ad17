/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the suites of the limits share: a clock of their own, random numbers that
 * are the same everywhere, and a leaf that asks like a thread which sleeps.
 */
#ifndef _PARLEY_LIMITS_TESTS_CLOCK_H
#define _PARLEY_LIMITS_TESTS_CLOCK_H

#include <kunit/test.h>
#include "../tree.h"

#define START	(5ull * NSEC_PER_SEC)

struct rng {
	u64 state;
};

static inline u32 rng_u32(struct rng *r)
{
	r->state = r->state * 6364136223846793005ull + 1442695040888963407ull;
	return r->state >> 33 ^ r->state >> 13;
}

/* Below n, which is at least 1. */
static inline u64 rng_below(struct rng *r, u64 n)
{
	u64 v = (u64)rng_u32(r) << 32 | rng_u32(r);

	return v - div64_u64(v, n) * n;
}

static inline void clock_end(void *limit)
{
	parley_limit_destroy(limit);
}

/* A root whose clock is the test's. */
static inline struct parley_limit *clock_root(struct kunit *test)
{
	struct parley_limit *root = parley_limit_create(NULL);

	KUNIT_ASSERT_NOT_NULL(test, root);
	parley_limit_manual(root);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, clock_end, root), 0);
	return root;
}

static inline struct parley_limit *clock_node(struct kunit *test,
					      struct parley_limit *parent)
{
	struct parley_limit *l = parley_limit_create(parent);

	KUNIT_ASSERT_NOT_NULL(test, l);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, clock_end, l), 0);
	return l;
}

static inline struct parley_limit *clock_root_of(struct parley_limit *l)
{
	return &to_node(l)->tree->root->pub;
}

/* One request: 0 if it may go, else it waits and this is how long at least. */
static inline u64 clock_ask(struct parley_limit *l, u64 now, u64 bytes)
{
	if (parley_limit_admit(l, now, &bytes, 1))
		return 0;
	return parley_limit_look(clock_root_of(l), now);
}

/* What the timer would do until @now. */
static inline void clock_run(struct parley_limit *l, u64 from, u64 now)
{
	u64 wait;

	while ((wait = parley_limit_look(clock_root_of(l), from)) && wait <= now - from)
		from += wait;
	parley_limit_look(clock_root_of(l), now);
}

/* One request, and patience: returns when it went. */
static inline u64 clock_go(struct kunit *test, struct parley_limit *l, u64 now, u64 bytes)
{
	u64 wait;

	while (!parley_limit_admit(l, now, &bytes, 1)) {
		while (parley_limit_waiting(l)) {
			wait = parley_limit_look(clock_root_of(l), now);
			if (!parley_limit_waiting(l))
				break;
			KUNIT_ASSERT_TRUE(test, wait && wait < U64_MAX / 4);
			now += wait;
			parley_limit_look(clock_root_of(l), now);
		}
	}
	return now;
}

#endif /* _PARLEY_LIMITS_TESTS_CLOCK_H */
