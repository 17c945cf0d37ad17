// SPDX-License-Identifier: GPL-2.0-only
/*
 * A small language for tests.
 */
#include <linux/bits.h>
#include "words.h"

#define MINE	BIT(WORDS_MINE)
#define BOTH	(BIT(WORDS_MINE) | BIT(WORDS_YOURS))

static const struct parley_policy_value words_sizes[] = {
	{ "small", 1, PARLEY_CAN(ALLOW) | PARLEY_CAN(EMULATE), BOTH },
	{ "large", 2, PARLEY_CAN(REWRITE), MINE },
	{ "huge", 255, 0, 0 },
	{}
};

static const struct parley_policy_field words_size = {
	.name = "size",
	.value = words_sizes,
	.status = WORDS_NO_SIZE,
};

static const struct parley_policy_op words_mill[] = {
	{ "grind", 1, 0, PARLEY_CAN(ALLOW), BOTH },
	{ "sieve", 2, 0, PARLEY_CAN(EMULATE) | PARLEY_CAN(REWRITE), MINE },
	{ "bake", 3, .field = &words_size },
	{ "burn", 4, .dangerous = true },
	{ "break", 32, 47, .dangerous = true },
	{}
};

static const struct parley_policy_op words_pond[] = {
	{ "swim", 0, 0, PARLEY_CAN(ALLOW), BOTH },
	{ "dive", WORDS_OPS - 1, .field = &words_size },
	{}
};

static const struct parley_policy_set words_sets[] = {
	[WORDS_MILL] = { "mill", WORDS_OPS, words_mill, WORDS_NO_OP, WORDS_NO_SCOPE },
	[WORDS_POND] = { "pond", WORDS_OPS, words_pond, WORDS_NO_POND_OP,
			 WORDS_NO_POND_SCOPE },
	{}
};

static const char *const words_scopes[] = { "mine", "yours", NULL };

static const struct parley_policy_status words_statuses[] = {
	{ "closed", WORDS_CLOSED },
	{ "shut", WORDS_CLOSED },
	{}
};

static const struct parley_policy_setting words_settings[] = {
	{ "depth", 2, 10, 5 },
	{ "width", 0, U64_MAX, 0 },
	{}
};

const struct parley_policy_language words_language = {
	.name = "words",
	.set = words_sets,
	.scope = words_scopes,
	.status = words_statuses,
	.setting = words_settings,
};

static const struct parley_policy_op words_few[] = {
	{ "go", 0, 0, PARLEY_CAN(ALLOW), BIT(0) },
	{}
};

static const struct parley_policy_set words_one[] = {
	{ "only", 1, words_few, WORDS_NO_OP, WORDS_NO_SCOPE },
	{}
};

const struct parley_policy_language words_bare = {
	.name = "bare",
	.set = words_one,
};
