/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits: a token bucket for operations and one for bytes, for whoever serves
 * requests of somebody else (a vhost queue, a mediated device).
 *
 * A bucket fills at its rate, guaranteed in the long run, and holds at most its
 * burst.  A request is admitted when both buckets hold its cost; a request that
 * costs more than the whole burst is admitted when the bucket is full, and the
 * debt is paid before the next.  Nothing is rounded away: over any time the
 * admitted cost is at most burst + rate * time (+ the one oversized request).
 *
 * Time is the caller's, in nanoseconds that never run backwards (ktime_get_ns()
 * outside tests), so that tests bring their own clock.
 *
 * Locking: each limit has a spinlock of its own, taken inside these functions
 * and never together with another limit's.  An unlimited limit is decided
 * without it.  Contexts: any.
 */
#ifndef _PARLEY_LIMITS_H
#define _PARLEY_LIMITS_H

#include <linux/bits.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/**
 * struct parley_rate - what is asked of one bucket
 * @rate: tokens a second; 0 for no limit
 * @burst: tokens that the bucket holds; 0 chooses a tenth of a second's
 */
struct parley_rate {
	u64 rate;
	u64 burst;
};

/* Of a rate and of a burst: 4 TB (a second); keeps the sums exact. */
#define PARLEY_RATE_MAX		BIT_ULL(42)

/**
 * struct parley_limits - a limit's configuration
 * @ops: operations
 * @bytes: payload bytes
 */
struct parley_limits {
	struct parley_rate ops;
	struct parley_rate bytes;
};

/**
 * struct parley_bucket - private to limits.c
 * @rate: tokens a second
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

/**
 * struct parley_limit - one limit in use
 * @lock: protects everything below
 * @active: some rate is set; read without the lock
 * @ops: bucket of operations
 * @bytes: bucket of bytes
 * @stamp: time up to which both were filled
 * @throttled: how often admission was refused, for statistics
 */
struct parley_limit {
	spinlock_t lock;
	bool active;
	struct parley_bucket ops;
	struct parley_bucket bytes;
	u64 stamp;
	u64 throttled;
};

void parley_limit_init(struct parley_limit *l);
int parley_limit_set(struct parley_limit *l, const struct parley_limits *cfg,
		     u64 now);
void parley_limit_get(struct parley_limit *l, struct parley_limits *cfg);

u64 parley_limit_admit(struct parley_limit *l, u64 now, u64 bytes);
void parley_limit_refund(struct parley_limit *l, u64 bytes);
u64 parley_limit_slack(struct parley_limit *l);

/* Whether admission needs to be asked for at all. */
static inline bool parley_limit_active(const struct parley_limit *l)
{
	return READ_ONCE(l->active);
}

#endif /* _PARLEY_LIMITS_H */
