/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits and guarantees, for whoever serves requests of somebody else (a vhost
 * queue, a mediated device): a tree of back end, device and queue, whose leaves
 * ask for admission.
 *
 * Each node may have, for operations and for bytes:
 *
 *	a limit		a rate that nothing below it exceeds, and a burst, which
 *			may go at once after a pause
 *	a guarantee	a rate that those below it get whatever the others do
 *
 * Each is a bucket that fills at its rate and holds at most its burst (of a
 * guarantee: a tenth of a second's).  A request is paid for by its leaf's
 * account before it goes.  The account is filled from the tree:
 *
 *	A node lends while its guarantee holds a token; the root always lends.  A
 *	leaf may be paid if it finds a lender at or above itself, and no limit on
 *	the way to there, ends included, is exhausted.  What is paid is taken
 *	from every limit up to the root, and from every guarantee from the lender
 *	upwards.
 *
 *	Of those that may be paid, it is the turn of the one that has got least of
 *	what was lent to it and its siblings, at each step down from the root.
 *	"Least" counts the time that the limit above needed for it, divided by
 *	its share, which is its part of that limit that is guaranteed to it, and
 *	at least PARLEY_LIMIT_SHARE of PARLEY_LIMIT_SHARES.
 *
 * Therefore, for a leaf that waits:
 *
 *	With a guarantee g it is paid at least g, whoever else asks for whatever.
 *	A limit above it that others have used up does not hold it: they repay.
 *	Without one, of what the guarantees leave of the limit above, which is at
 *	least a twentieth (see parley_limit_set()), it gets its share among those
 *	that wait as well.  So a request of k bytes waits at most
 *	((k + piece) * shares of all / its own + a piece of each of the others) /
 *	what is left, at each level; a piece is at most 4 KiB or a sixteenth of
 *	the burst.
 *	Nobody waits where no limit is exhausted.
 *
 * And over any time, what a limit lets pass is at most burst + rate * time, and
 * for each leaf below what was set aside for it: at most a quarter of the burst
 * or one request.  (A limit of the leaf itself: no more than burst + rate * time.)
 * What guarantees take out of an exhausted limit is repaid first.
 *
 * A request that costs more than the smallest burst on its way goes when the
 * account has as much as that; the rest is owed, as is what
 * parley_limit_charge() says: nothing of that leaf goes until it is paid.  (Of what
 * parley_limit_charge_second() says, no more than is paid in a second.)
 *
 * Time is the caller's, in nanoseconds that never run backwards (ktime_get_ns()
 * outside tests), so that tests bring their own clock.
 *
 * Locking: one spinlock for each tree, taken inside these functions.  Where
 * nothing on the way to the root is limited, it is not taken: see
 * parley_limit_active().  @wake is called with it held.  create, destroy, move
 * and set of one tree are serialised by the caller.
 */
#ifndef _PARLEY_LIMITS_H
#define _PARLEY_LIMITS_H

#include <parley/types.h>

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
/* Nodes between a leaf and the root, both counted. */
#define PARLEY_LIMIT_DEPTH	4
/* Percent of a limit that can be guaranteed to those below it. */
#define PARLEY_LIMIT_GUARANTEED	95
/* What somebody without a guarantee counts in the order, and who has all. */
#define PARLEY_LIMIT_SHARE	16
#define PARLEY_LIMIT_SHARES	1024

/**
 * struct parley_limits - a node's configuration
 * @ops: limit of operations
 * @bytes: limit of bytes
 * @ops_guaranteed: operations a second; 0 for none
 * @bytes_guaranteed: bytes a second
 */
struct parley_limits {
	struct parley_rate ops;
	struct parley_rate bytes;
	u64 ops_guaranteed;
	u64 bytes_guaranteed;
};

/**
 * struct parley_limit - a node; the rest of it is private
 * @active: a request has to ask; read without the lock
 * @waiting: a request was refused and @wake was not called since; the same
 * @spare: something is set aside though nothing waits; the same
 * @throttled: how often this node's limits made a request wait
 */
struct parley_limit {
	bool active;
	bool waiting;
	bool spare;
	u64 throttled;
};

struct parley_limit *parley_limit_create(struct parley_limit *parent);
void parley_limit_destroy(struct parley_limit *l);
int parley_limit_move(struct parley_limit *l, struct parley_limit *parent, u64 now);
void parley_limit_user(struct parley_limit *l, void (*wake)(void *priv), void *priv);
int parley_limit_set(struct parley_limit *l, const struct parley_limits *cfg, u64 now);
void parley_limit_get(struct parley_limit *l, struct parley_limits *cfg);

unsigned int parley_limit_admit(struct parley_limit *l, u64 now, const u64 *bytes,
				unsigned int nr);
void parley_limit_charge(struct parley_limit *l, u64 now, u64 bytes);
void parley_limit_charge_second(struct parley_limit *l, u64 now, u64 bytes);
void parley_limit_refund(struct parley_limit *l, u64 now, u64 ops, u64 bytes);
void parley_limit_idle(struct parley_limit *l, u64 now);

/* Whether admission needs to be asked for at all. */
static inline bool parley_limit_active(const struct parley_limit *l)
{
	return READ_ONCE(l->active);
}

/* Whether it was asked for, and the answer is still out. */
static inline bool parley_limit_waiting(const struct parley_limit *l)
{
	return READ_ONCE(l->waiting);
}

/* Whether parley_limit_idle() would give something back. */
static inline bool parley_limit_spare(const struct parley_limit *l)
{
	return READ_ONCE(l->spare);
}

#endif /* _PARLEY_LIMITS_H */
