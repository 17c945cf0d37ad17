/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small language for tests.
 */
#ifndef _PARLEY_POLICY_TESTS_WORDS_H
#define _PARLEY_POLICY_TESTS_WORDS_H

#include <parley/policy.h>

/* Sets. */
enum { WORDS_MILL, WORDS_POND };
/* Scopes. */
enum { WORDS_MINE, WORDS_YOURS };
/* What denials say. */
enum {
	WORDS_NO_OP = 10, WORDS_NO_SCOPE, WORDS_NO_SIZE, WORDS_CLOSED,
	WORDS_NO_POND_OP, WORDS_NO_POND_SCOPE
};

#define WORDS_OPS	64

extern const struct parley_policy_language words_language;
/* The same, with neither scopes nor anything else that need not be. */
extern const struct parley_policy_language words_bare;

#endif /* _PARLEY_POLICY_TESTS_WORDS_H */
