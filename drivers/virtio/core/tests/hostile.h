/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests against hostile peers.  They are called bad_NN_* after the number of
 * the fault in the catalogue of Documentation/testing.rst; each fails if the
 * check it is about is taken out (tools/testing/user/mutants shows that).
 */
#ifndef _PARLEY_CORE_TESTS_HOSTILE_H
#define _PARLEY_CORE_TESTS_HOSTILE_H

#include "pair.h"

struct hostile_case {
	const char *name;
	u64 features;
};

#define HOSTILE_CASES(array)						\
static const struct hostile_case array[] = {				\
	{ "split", 0 },							\
	{ "packed", PAIR_PACKED },					\
	{ "split-event-indirect", PAIR_EVENT | PAIR_INDIRECT },		\
	{ "packed-event-indirect",					\
	  PAIR_PACKED | PAIR_EVENT | PAIR_INDIRECT },			\
	{ "split-inorder", PAIR_IN_ORDER },				\
	{ "packed-inorder", PAIR_PACKED | PAIR_IN_ORDER },		\
}

/*
 * The same, and every way to memory: for the driver role.  Buffers of these tests
 * lie one over the other, which the debugging of the kernel's DMA API takes for a
 * mistake: that one is left to the suite of the rings.
 */
#ifdef __KERNEL__
#define HOSTILE_MEMORY(name, features)					\
	{ name, (features) },						\
	{ name "-window", (features) | PAIR_WINDOW }
#else
#define HOSTILE_MEMORY(name, features)	PAIR_MEMORY(name, features)
#endif

#define HOSTILE_MEMORY_CASES(array)					\
static const struct hostile_case array[] = {				\
	HOSTILE_MEMORY("split", 0),					\
	HOSTILE_MEMORY("packed", PAIR_PACKED),				\
	HOSTILE_MEMORY("split-event-indirect", PAIR_EVENT | PAIR_INDIRECT), \
	HOSTILE_MEMORY("packed-event-indirect",				\
		       PAIR_PACKED | PAIR_EVENT | PAIR_INDIRECT),	\
	HOSTILE_MEMORY("split-inorder", PAIR_IN_ORDER),			\
	HOSTILE_MEMORY("packed-inorder", PAIR_PACKED | PAIR_IN_ORDER),	\
}

static inline void hostile_desc(const struct hostile_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

static inline u64 hostile_features(struct kunit *test)
{
	return ((const struct hostile_case *)test->param_value)->features;
}

#endif /* _PARLEY_CORE_TESTS_HOSTILE_H */
