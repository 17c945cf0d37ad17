// SPDX-License-Identifier: GPL-2.0-only
/*
 * Token buckets, exact.
 *
 * A bucket counts whole tokens and, in units of 1 / NSEC_PER_SEC, the fraction
 * of the next one.  A rate is a whole number of tokens a second, so what one
 * nanosecond adds is a whole number of these units, and nothing is ever rounded:
 * filling in one step or in a million gives the same level.
 *
 * The sums fit because rates and bursts are at most PARLEY_RATE_MAX = 2^42 and a
 * debt is at most 2^62: a time that would fill the bucket anyway is recognised
 * before anything is multiplied by it.
 */
#include "bucket.h"

/**
 * parley_bucket_fill() - add what time brings
 * @b: bucket
 * @sec: seconds
 * @ns: and nanoseconds, less than a second
 * @cap: tokens at which it is full, at most its burst
 *
 * A full bucket has no fraction.
 */
void parley_bucket_fill(struct parley_bucket *b, u64 sec, u32 ns, s64 cap)
{
	u64 units;
	u32 rest;

	if (!b->rate)
		return;
	if (unlikely(sec)) {
		/* At most a second's tokens too many: below 2^62 + 2^43. */
		if (sec > div64_u64(b->burst - b->level, b->rate)) {
			b->level = cap;
			b->frac = 0;
			return;
		}
		b->level += b->rate * sec;
	}
	/*
	 * rate * ns may be 2^72, so whole tokens of a nanosecond go by themselves:
	 * below 2^42.  What is left is below 2^60.
	 */
	b->level += (u64)b->whole * ns;
	units = (u64)b->part * ns + b->frac;
	b->level += div_u64_rem(units, NSEC_PER_SEC, &rest);
	b->frac = rest;
	if (b->level >= cap) {
		b->level = cap;
		b->frac = 0;
	}
}

/**
 * parley_bucket_wait() - how long until there is so much?
 * @b: bucket
 * @tokens: at most what it can hold is waited for
 *
 * Return: nanoseconds, rounded up; 0 if it is there.
 */
u64 parley_bucket_wait(const struct parley_bucket *b, u64 tokens)
{
	s64 target = min(tokens, b->burst);
	u64 need, rest, ns, over;

	if (!b->rate || b->level >= target)
		return 0;
	need = target - b->level;
	ns = div64_u64(need, b->rate);
	rest = need - ns * b->rate;
	if (ns >= U64_MAX / NSEC_PER_SEC - 1)
		return U64_MAX / 2;	/* centuries */
	ns *= NSEC_PER_SEC;
	/* (rest * NSEC_PER_SEC - frac) / rate, rounded up; rest is below 2^42. */
	need = mul_u64_u64_div_u64(rest, NSEC_PER_SEC, b->rate);
	over = rest * NSEC_PER_SEC - need * b->rate;	/* exact modulo 2^64 */
	if (over > b->frac)
		return ns + need + 1;
	return ns + need - div64_u64(b->frac - over, b->rate);
}

/**
 * parley_bucket_set() - another rate from now on
 * @b: bucket, filled up to now
 * @cfg: rate and burst; a rate of 0 takes it out of use
 *
 * One that was not in use begins full.  Another keeps what it holds, as far as
 * its new burst goes, and a debt.
 */
void parley_bucket_set(struct parley_bucket *b, const struct parley_rate *cfg)
{
	bool fresh = !b->rate;

	if (!cfg->rate) {
		*b = (struct parley_bucket){};
		return;
	}
	b->rate = cfg->rate;
	b->burst = cfg->burst ?: max_t(u64, div_u64(cfg->rate, 10), 1);
	b->whole = div_u64_rem(cfg->rate, NSEC_PER_SEC, &b->part);
	if (fresh || b->level >= (s64)b->burst) {
		b->level = b->burst;
		b->frac = 0;
	}
}
