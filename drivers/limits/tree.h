/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the limits.  One noun for each file:
 *
 *	bucket.c	a token bucket
 *	tree.c		nodes: made, moved, configured
 *	turn.c		whose turn it is: payment and order
 *	admit.c		what a leaf is asked, and told
 *	timer.c		the clock that serves who waits
 *
 * Everything of a tree is protected by its lock, but for what belongs to who makes,
 * moves and configures nodes, of which there is one at a time: parent, children,
 * sibling, cfg and promised, which he reads without it; the first three he changes
 * under it.
 */
#ifndef _PARLEY_LIMITS_TREE_H
#define _PARLEY_LIMITS_TREE_H

#include "bucket.h"

enum limit_kind {
	LIMIT_OPS,
	LIMIT_BYTES,
	LIMIT_KINDS,
};

/*
 * What is done in one go, with the lock held: nodes that are looked at in vain, and
 * payments.  Whoever that does not reach is the next look's.
 */
#define LIMIT_LOOKS	4096u
#define LIMIT_PAYMENTS	2048u

#define for_each_kind(k) for (k = 0; k < LIMIT_KINDS; k++)

struct limit_tree;

/**
 * struct limit_node - a node; members from @limited on are of leaves only
 * @pub: what others know of it
 * @tree: whose lock protects it
 * @parent: NULL for the root
 * @children: all of them
 * @sibling: in parent->children
 * @cfg: as it was set, with the bursts that were chosen
 * @limit: its limits
 * @guarantee: its guarantees
 * @stamp: time up to which these were filled
 * @unit: rates of the nearest limits at or above; 0 for none
 * @guarded: a node below has a guarantee; a hint, written without the lock
 * @promised: what is guaranteed at or below it
 * @share: its part in its parent's order
 * @hungry: children that need something, in the order of their turns
 * @turn: in parent->hungry
 * @queued: it is in there (the root: somebody is hungry)
 * @got: time that what was lent to it took, divided by its share; wraps
 * @now: the largest @got, before it was served, of children that were served
 * @limited: there is a limit on the way to the root
 * @least: the smallest burst on that way
 * @account: what is paid and not used; negative is owed
 * @want: what the account is to be filled to
 * @asks: a request is asked for, or waits
 * @first: its bytes
 * @wake: called when that may go; optional
 * @priv: for @wake
 */
struct limit_node {
	struct parley_limit pub;
	struct limit_tree *tree;
	struct limit_node *parent;
	struct list_head children;
	struct list_head sibling;
	struct parley_limits cfg;
	struct parley_bucket limit[LIMIT_KINDS];
	struct parley_bucket guarantee[LIMIT_KINDS];
	u64 stamp;
	u64 unit[LIMIT_KINDS];
	bool guarded;
	u64 promised[LIMIT_KINDS];
	u32 share;
	struct list_head hungry;
	struct list_head turn;
	bool queued;
	u64 got;
	u64 now;
	bool limited[LIMIT_KINDS];
	u64 least[LIMIT_KINDS];
	s64 account[LIMIT_KINDS];
	s64 want[LIMIT_KINDS];
	bool asks;
	u64 first;
	void (*wake)(void *priv);
	void *priv;
};

/**
 * struct limit_timer - the clock of a tree
 * @timer: for the next look
 * @due: when that is
 * @armed: it will come
 * @manual: it never does: a test looks
 */
struct limit_timer {
#ifdef __KERNEL__
	struct hrtimer timer;
#endif
	u64 due;
	bool armed;
	bool manual;
};

/**
 * struct limit_tree - a tree
 * @lock: protects it all
 * @root: its root; lives as long
 * @heir: a leaf below the root that owes what nodes owed that are gone
 * @limited: kinds of which there is a limit at all
 * @pause: nanoseconds to leave between two looks at who waits
 * @looks: nodes at which this look may still look in vain
 * @more: the last one ended before it had seen all
 * @timer: for the next look
 */
struct limit_tree {
	spinlock_t lock;	/* see above */
	struct limit_node *root;
	struct limit_node *heir;
	bool limited[LIMIT_KINDS];
	u64 pause;
	unsigned int looks;
	bool more;
	struct limit_timer timer;
};

static inline struct limit_node *to_node(struct parley_limit *l)
{
	return container_of(l, struct limit_node, pub);
}

static inline bool limit_is_leaf(const struct limit_node *n)
{
	return list_empty(&n->children);
}

static inline struct parley_rate *limit_rate(struct parley_limits *cfg, int kind)
{
	return kind == LIMIT_OPS ? &cfg->ops : &cfg->bytes;
}

static inline u64 limit_guaranteed(const struct parley_limits *cfg, int kind)
{
	return kind == LIMIT_OPS ? cfg->ops_guaranteed : cfg->bytes_guaranteed;
}

/* Set aside for a request that waits: at most this part of the burst, or itself. */
#define ASIDE_PART	4

/* turn.c; all under the tree's lock */
void parley_limit_fill(struct limit_node *n, u64 now);
void parley_limit_fill_way(struct limit_node *n, u64 now);
bool parley_limit_may_go(const struct limit_node *l, u64 bytes);
void parley_limit_wake_if(struct limit_node *l);
void parley_limit_settle(struct limit_node *l);
void parley_limit_forget(struct limit_node *l);
void parley_limit_give_back(struct limit_node *l, int kind, s64 keep);
void parley_limit_run(struct limit_tree *tree, u64 now);
u64 parley_limit_next(struct limit_tree *tree, u64 now);
void parley_limit_wake(struct limit_node *l);

/* For tests with a clock of their own: nobody looks but they, by the second. */
void parley_limit_manual(struct parley_limit *root);
u64 parley_limit_look(struct parley_limit *root, u64 now);

/* timer.c */
#ifdef __KERNEL__
void parley_limit_timer_init(struct limit_tree *tree);
void parley_limit_timer_end(struct limit_tree *tree);
void parley_limit_timer_arm(struct limit_tree *tree, u64 now);
#else
static inline void parley_limit_timer_init(struct limit_tree *tree) {}
static inline void parley_limit_timer_end(struct limit_tree *tree) {}
static inline void parley_limit_timer_arm(struct limit_tree *tree, u64 now) {}
#endif

#endif /* _PARLEY_LIMITS_TREE_H */
