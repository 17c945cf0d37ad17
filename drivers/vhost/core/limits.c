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
#include <linux/errno.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/time64.h>
#include <parley/export.h>
#include <parley/limits.h>
#include <parley/version.h>

#define COST_MAX	BIT_ULL(62)

/* Tokens that are missing; a full bucket has no fraction. */
static u64 parley_bucket_missing(const struct parley_bucket *b)
{
	return b->burst - b->level;
}

static void parley_bucket_clamp(struct parley_bucket *b)
{
	if (b->level >= (s64)b->burst) {
		b->level = b->burst;
		b->frac = 0;
	}
}

/* Add what @sec seconds and @ns nanoseconds bring. */
static void parley_bucket_fill(struct parley_bucket *b, u64 sec, u32 ns)
{
	u64 units;
	u32 rest;

	if (!b->rate)
		return;
	if (unlikely(sec)) {
		/* At most a second's tokens too many: below 2^62 + 2^43. */
		if (sec > div64_u64(parley_bucket_missing(b), b->rate)) {
			b->level = b->burst;
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
	parley_bucket_clamp(b);
}

/*
 * Nanoseconds until @cost is there, rounded up; 0 if it is.  More than the
 * bucket holds is there when the bucket is full.
 */
static u64 parley_bucket_wait(const struct parley_bucket *b, u64 cost)
{
	s64 target = min(cost, b->burst);
	u64 need, rest, ns, over;

	if (!b->rate || b->level >= target)
		return 0;
	need = target - b->level;
	ns = div64_u64_rem(need, b->rate, &rest);
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

static void parley_bucket_pay(struct parley_bucket *b, u64 cost)
{
	if (b->rate)
		b->level -= cost;
}

static void parley_bucket_set(struct parley_bucket *b, const struct parley_rate *cfg)
{
	bool fresh = !b->rate;

	b->rate = cfg->rate;
	b->burst = cfg->burst ?: max_t(u64, cfg->rate / 10, 1);
	b->whole = div_u64_rem(cfg->rate, NSEC_PER_SEC, &b->part);
	if (fresh) {
		b->level = b->burst;
		b->frac = 0;
	}
	parley_bucket_clamp(b);
}

/* A clock that runs backwards stands still. */
static void parley_limit_fill(struct parley_limit *l, u64 now)
{
	u64 sec;
	u32 ns;

	if (now <= l->stamp)
		return;
	sec = div_u64_rem(now - l->stamp, NSEC_PER_SEC, &ns);
	l->stamp = now;
	parley_bucket_fill(&l->ops, sec, ns);
	parley_bucket_fill(&l->bytes, sec, ns);
}

/** parley_limit_init() - nothing is limited yet */
void parley_limit_init(struct parley_limit *l)
{
	*l = (struct parley_limit){};
	spin_lock_init(&l->lock);
}
PARLEY_EXPORT(parley_limit_init);

/**
 * parley_limit_set() - limit from now on, or no more
 * @l: limit, in use or not
 * @cfg: what is asked; a rate of 0 takes that bucket's limit away
 * @now: as everywhere
 *
 * A bucket that was unlimited begins full.  Another keeps what it holds, as far
 * as its new burst goes, and a debt.
 *
 * Context: any.
 * Return: 0, or -EINVAL for a rate or a burst above PARLEY_RATE_MAX.
 */
int parley_limit_set(struct parley_limit *l, const struct parley_limits *cfg,
		     u64 now)
{
	unsigned long flags;

	if (cfg->ops.rate > PARLEY_RATE_MAX || cfg->ops.burst > PARLEY_RATE_MAX ||
	    cfg->bytes.rate > PARLEY_RATE_MAX || cfg->bytes.burst > PARLEY_RATE_MAX)
		return -EINVAL;
	spin_lock_irqsave(&l->lock, flags);
	parley_limit_fill(l, now);
	parley_bucket_set(&l->ops, &cfg->ops);
	parley_bucket_set(&l->bytes, &cfg->bytes);
	WRITE_ONCE(l->active, cfg->ops.rate || cfg->bytes.rate);
	spin_unlock_irqrestore(&l->lock, flags);
	return 0;
}
PARLEY_EXPORT(parley_limit_set);

/**
 * parley_limit_get() - what is asked of a limit now
 * @l: limit
 * @cfg: filled; a burst that was left to us is shown as it was chosen
 *
 * Context: any.
 */
void parley_limit_get(struct parley_limit *l, struct parley_limits *cfg)
{
	unsigned long flags;

	spin_lock_irqsave(&l->lock, flags);
	*cfg = (struct parley_limits){};
	if (l->ops.rate)
		cfg->ops = (struct parley_rate){ l->ops.rate, l->ops.burst };
	if (l->bytes.rate)
		cfg->bytes = (struct parley_rate){ l->bytes.rate, l->bytes.burst };
	spin_unlock_irqrestore(&l->lock, flags);
}
PARLEY_EXPORT(parley_limit_get);

/**
 * parley_limit_admit() - may one operation of so many bytes go on?
 * @l: limit
 * @now: as everywhere
 * @bytes: its payload, below 2^62
 *
 * Context: any.
 * Return: 0 if it may, and is paid for; else nanoseconds after which to ask
 * again, which will be granted if nobody else asks before.
 */
u64 parley_limit_admit(struct parley_limit *l, u64 now, u64 bytes)
{
	unsigned long flags;
	u64 wait;

	if (!parley_limit_active(l))
		return 0;
	bytes = min(bytes, COST_MAX);
	spin_lock_irqsave(&l->lock, flags);
	parley_limit_fill(l, now);
	wait = max(parley_bucket_wait(&l->ops, 1), parley_bucket_wait(&l->bytes, bytes));
	if (wait) {
		/* The wait counts from where the buckets stand. */
		wait += l->stamp > now ? l->stamp - now : 0;
		l->throttled++;
	} else {
		parley_bucket_pay(&l->ops, 1);
		parley_bucket_pay(&l->bytes, bytes);
	}
	spin_unlock_irqrestore(&l->lock, flags);
	return wait;
}
PARLEY_EXPORT(parley_limit_admit);

/**
 * parley_limit_refund() - an admitted operation did not go on after all
 * @l: limit
 * @bytes: as admitted
 *
 * For who asks two limits, and was refused by the second.  Context: any.
 */
void parley_limit_refund(struct parley_limit *l, u64 bytes)
{
	unsigned long flags;

	if (!parley_limit_active(l))
		return;
	spin_lock_irqsave(&l->lock, flags);
	if (l->ops.rate) {
		l->ops.level++;
		parley_bucket_clamp(&l->ops);
	}
	if (l->bytes.rate) {
		l->bytes.level += min(bytes, COST_MAX);
		parley_bucket_clamp(&l->bytes);
	}
	spin_unlock_irqrestore(&l->lock, flags);
}
PARLEY_EXPORT(parley_limit_refund);

static u64 parley_bucket_slack(const struct parley_bucket *b)
{
	return b->rate ? mul_u64_u64_div_u64(b->burst, NSEC_PER_SEC / 4, b->rate) :
			 U64_MAX;
}

/**
 * parley_limit_slack() - how late may one ask again, and lose nothing?
 * @l: limit
 *
 * For who was refused and would rather be admitted for several requests at once
 * than be woken for each: a bucket that was short of a request does not
 * overflow meanwhile, unless the request was most of it.
 *
 * Context: any.
 * Return: nanoseconds in which a quarter of the smaller bucket fills; U64_MAX if
 * nothing is limited.
 */
u64 parley_limit_slack(struct parley_limit *l)
{
	unsigned long flags;
	u64 slack;

	spin_lock_irqsave(&l->lock, flags);
	slack = min(parley_bucket_slack(&l->ops), parley_bucket_slack(&l->bytes));
	spin_unlock_irqrestore(&l->lock, flags);
	return slack;
}
PARLEY_EXPORT(parley_limit_slack);

MODULE_DESCRIPTION("Parley: token buckets for operations and bytes");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
