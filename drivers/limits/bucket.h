/* SPDX-License-Identifier: GPL-2.0-only */
/* A token bucket, exact; see bucket.c. */
#ifndef _PARLEY_LIMITS_BUCKET_H
#define _PARLEY_LIMITS_BUCKET_H

#include "os.h"

/**
 * struct parley_bucket - a bucket
 * @rate: tokens a second; 0: not in use
 * @burst: tokens it holds
 * @level: whole tokens; negative is a debt
 * @frac: of a token, in units of 1 / NSEC_PER_SEC
 * @whole: tokens that each nanosecond brings
 * @part: and units of @frac
 */
struct parley_bucket {
	u64 rate;
	u64 burst;
	s64 level;
	u64 frac;
	u32 whole;
	u32 part;
};

/* The largest cost, debt or credit. */
#define COST_MAX	BIT_ULL(62)

void parley_bucket_set(struct parley_bucket *b, const struct parley_rate *cfg);
void parley_bucket_fill(struct parley_bucket *b, u64 sec, u32 ns, s64 cap);
u64 parley_bucket_wait(const struct parley_bucket *b, u64 tokens);

static inline bool parley_bucket_has(const struct parley_bucket *b)
{
	return b->level > 0;
}

/* Take tokens, or with a negative number give them back. */
static inline void parley_bucket_take(struct parley_bucket *b, s64 tokens)
{
	if (!b->rate)
		return;
	b->level = max(b->level - tokens, -(s64)COST_MAX);
	if (b->level >= (s64)b->burst) {
		b->level = b->burst;
		b->frac = 0;
	}
}

#endif /* _PARLEY_LIMITS_BUCKET_H */
