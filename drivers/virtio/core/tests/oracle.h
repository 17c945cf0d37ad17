/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a virtqueue ought to do, naively: requests in plain lists, positions
 * that never wrap, events compared as such.  Every step does the same to the
 * pair of queues and to the lists, and compares the two.
 */
#ifndef _PARLEY_CORE_TESTS_ORACLE_H
#define _PARLEY_CORE_TESTS_ORACLE_H

#include "pair.h"

#define ORACLE_MAX	64u	/* largest ring that is walked at random */
#define ORACLE_POOL	(ORACLE_MAX + 4)	/* a full ring and one batch */

/* Bytes for each segment: the DMA API wants cache lines for each alone. */
#define ORACLE_SEG	192u

/* One request; it is its own cookie. */
struct req {
	struct parley_seg segs[PAIR_SEGS];
	struct parley_seg bus[PAIR_SEGS];	/* the same, if premapped */
	struct parley_iov iov[PAIR_SEGS];
	struct parley_chain chain;
	u16 n_out, n_in;
	u16 slots;
	u32 len_out, len_in;
	u64 order;	/* of being taken */
	u32 serial;	/* what its bytes are made of */
	bool premapped;
	bool completed;
	bool busy;
};

struct reqs {
	struct req *at[ORACLE_MAX];
	unsigned int n;
};

/* What one side last told the other of its wish to be notified. */
struct wish {
	enum { WISH_ALWAYS, WISH_NEVER, WISH_AT } mode;
	u64 at;
};

struct oracle {
	struct kunit *test;
	struct pair *p;
	struct rnd rnd;
	struct req *pool;
	bool packed, event, indirect, in_order;

	struct reqs put;	/* written, not published */
	struct reqs avail;	/* published, not taken */
	struct reqs taken;	/* with the device */
	struct reqs done;	/* used entry written, not published */
	struct reqs used;	/* published by the device, not reaped */
	unsigned int free;
	u64 takes;
	u32 serial;

	/* Positions: chains (split) or slots (packed). */
	u64 pos_put, pos_published, pos_taken, pos_done, pos_used, pos_reaped;
	struct wish drv_wish, dev_wish;
	struct parley_vq_stats drv_stats, dev_stats;
};

struct oracle *parley_oracle_open(struct kunit *test, struct pair *p, u64 seed);
void parley_oracle_step(struct oracle *o);
void parley_oracle_drain(struct oracle *o);
void parley_oracle_check(struct oracle *o);

#endif /* _PARLEY_CORE_TESTS_ORACLE_H */
