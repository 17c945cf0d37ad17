// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nodes of the limits: made, moved, configured.
 *
 * What a node is allowed, and what its share is, depends on those above and
 * below: it is reckoned anew with every change, so that admission only looks it up.
 *
 * Who makes, moves and configures nodes is one at a time, so for him the shape of the
 * tree and what is set there stand still without its lock.  He takes that for one
 * node at a time: a tree of thousands keeps no processor from its interrupts.  While
 * he is at it some leaves go by the old rules and some by the new ones.
 */
#include "tree.h"

/* Enough, for who has no limit of that kind. */
#define LEAST_NONE	((u64)S64_MAX)
/* Between two looks at who waits: rather a few requests than a wake-up for each. */
#define PAUSE_NS	(200 * NSEC_PER_USEC)
/* Nor is the clock finer than this, however small a burst is. */
#define PAUSE_MIN_NS	(20 * NSEC_PER_USEC)

/* ------------------------------------------------------------- consistency */

/*
 * What is guaranteed at or below @n, if all of it can be kept.  @above: kinds that
 * are limited above it.
 */
static int limit_check(struct limit_node *n, const bool *above, u64 *guaranteed)
{
	u64 sum[LIMIT_KINDS] = {}, one[LIMIT_KINDS];
	bool here[LIMIT_KINDS];
	struct limit_node *c;
	int k, err;

	for_each_kind(k)
		here[k] = above[k] || limit_rate(&n->cfg, k)->rate;
	list_for_each_entry(c, &n->children, sibling) {
		err = limit_check(c, here, one);
		if (err)
			return err;
		for_each_kind(k)
			sum[k] += one[k];
	}
	for_each_kind(k) {
		u64 own = limit_guaranteed(&n->cfg, k), rate = limit_rate(&n->cfg, k)->rate;

		guaranteed[k] = max(own, sum[k]);
		if (own && rate && own > rate)
			return -ERANGE;
		if ((own && sum[k] > own) ||
		    (rate && sum[k] > div_u64(rate * PARLEY_LIMIT_GUARANTEED, 100)))
			return -ENOSPC;
		if (own && !above[k])
			return -ENOENT;
	}
	return 0;
}

static int limit_check_tree(struct limit_tree *tree)
{
	const bool above[LIMIT_KINDS] = {};
	u64 guaranteed[LIMIT_KINDS];

	return limit_check(tree->root, above, guaranteed);
}

/* ----------------------------------------------------------------- reckoning */

/* Nanoseconds in which a quarter of a bucket fills; any large number for longer. */
static u64 limit_pause(const struct parley_bucket *b)
{
	/* A quotient that does not fit is a fault, on x86. */
	if (b->burst >= b->rate)
		return NSEC_PER_SEC / 4;
	return mul_u64_u64_div_u64(b->burst, NSEC_PER_SEC / 4, b->rate);
}

/**
 * struct limit_survey - what is so of a whole tree
 * @limited: as in struct limit_tree
 * @pause: the same
 */
struct limit_survey {
	bool limited[LIMIT_KINDS];
	u64 pause;
};

/* What is guaranteed at or below @n, from the bottom up, and what all need. */
static void limit_survey(struct limit_node *n, struct limit_survey *s)
{
	struct limit_node *c;
	bool below = false;
	int k;

	for_each_kind(k)
		n->promised[k] = 0;
	list_for_each_entry(c, &n->children, sibling) {
		limit_survey(c, s);
		for_each_kind(k)
			n->promised[k] += c->promised[k];
	}
	for_each_kind(k) {
		below |= n->promised[k];
		n->promised[k] = max(n->promised[k], limit_guaranteed(&n->cfg, k));
		s->limited[k] |= limit_rate(&n->cfg, k)->rate;
		s->pause = min3(s->pause, limit_pause(&n->limit[k]),
				limit_pause(&n->guarantee[k]));
	}
	WRITE_ONCE(n->guarded, below);
	cond_resched();
}

/* What those above say. */
static void limit_refresh_down(struct limit_node *n)
{
	struct limit_node *p = n->parent;
	int k;

	for_each_kind(k) {
		const struct parley_bucket *b = &n->limit[k];
		bool limited = b->rate || (p && p->limited[k]);

		n->unit[k] = b->rate ?: p ? p->unit[k] : 0;
		n->least[k] = min(b->rate ? b->burst : LEAST_NONE,
				  p ? p->least[k] : LEAST_NONE);
		if (!limited || !n->limited[k]) {
			n->account[k] = 0;
			n->want[k] = 0;
		}
		n->limited[k] = limited;
	}
	WRITE_ONCE(n->pub.active, n->limited[LIMIT_OPS] || n->limited[LIMIT_BYTES]);
}

/* And what those below do: the share, from what is guaranteed to them all. */
static void limit_refresh_up(struct limit_node *n)
{
	struct limit_node *p = n->parent;
	u64 share = PARLEY_LIMIT_SHARE;
	int k;

	for_each_kind(k)
		if (p && p->unit[k])
			share = max(share, div64_u64(n->promised[k] * PARLEY_LIMIT_SHARES,
						     p->unit[k]));
	n->share = min_t(u64, share, PARLEY_LIMIT_SHARES);
}

static void limit_refresh_node(struct limit_node *n)
{
	limit_refresh_down(n);
	limit_refresh_up(n);
	if (!limit_is_leaf(n))
		return;
	/* Who waits asks again: what he waits for may be something else now. */
	parley_limit_settle(n);
	if (n->pub.waiting)
		parley_limit_wake(n);
}

/* Each of a subtree, those above first, with the lock for each by itself. */
static void limit_each(struct limit_node *n, void (*fn)(struct limit_node *n))
{
	struct limit_node *c;
	unsigned long flags;

	spin_lock_irqsave(&n->tree->lock, flags);
	fn(n);
	spin_unlock_irqrestore(&n->tree->lock, flags);
	list_for_each_entry(c, &n->children, sibling)
		limit_each(c, fn);
	cond_resched();
}

/* @now: 0 for as late as it was. */
static void limit_pay_who_waits(struct limit_tree *tree, u64 now)
{
	unsigned long flags;

	spin_lock_irqsave(&tree->lock, flags);
	now = max(now, tree->root->stamp);
	parley_limit_run(tree, now);
	parley_limit_timer_arm(tree, now);
	spin_unlock_irqrestore(&tree->lock, flags);
}

/* Something is set, or is not any more, at or below a child of @n, or at @n. */
static void limit_refresh_way(struct limit_node *n)
{
	struct limit_survey s = { .pause = PAUSE_NS };
	struct limit_tree *tree = n->tree;
	unsigned long flags;

	limit_survey(tree->root, &s);
	spin_lock_irqsave(&tree->lock, flags);
	memcpy(tree->limited, s.limited, sizeof(s.limited));
	tree->pause = max(s.pause, PAUSE_MIN_NS);
	for (; n; n = n->parent)
		limit_refresh_up(n);
	spin_unlock_irqrestore(&tree->lock, flags);
}

/* --------------------------------------------------------------------- life */

static struct limit_node *limit_node_alloc(void)
{
	struct limit_node *n = kzalloc(sizeof(*n), GFP_KERNEL_ACCOUNT);
	int k;

	if (!n)
		return NULL;
	for_each_kind(k)
		n->least[k] = LEAST_NONE;
	INIT_LIST_HEAD(&n->children);
	INIT_LIST_HEAD(&n->sibling);
	INIT_LIST_HEAD(&n->hungry);
	n->share = PARLEY_LIMIT_SHARE;
	return n;
}

static void limit_adopt(struct limit_node *n, struct limit_node *parent)
{
	n->tree = parent->tree;
	n->parent = parent;
	n->stamp = max(n->stamp, parent->stamp);
	list_add_tail(&n->sibling, &parent->children);
}

static struct limit_node *limit_root_alloc(void)
{
	struct limit_tree *tree = kzalloc(sizeof(*tree), GFP_KERNEL_ACCOUNT);

	if (!tree)
		return NULL;
	spin_lock_init(&tree->lock);
	tree->root = limit_node_alloc();
	tree->heir = limit_node_alloc();
	if (!tree->root || !tree->heir) {
		kfree(tree->root);
		kfree(tree->heir);
		kfree(tree);
		return NULL;
	}
	tree->pause = PAUSE_NS;
	tree->root->tree = tree;
	limit_adopt(tree->heir, tree->root);
	parley_limit_timer_init(tree);
	return tree->root;
}

/**
 * parley_limit_create() - a node, without limits of its own
 * @parent: node of whose limits it gets a part, at most PARLEY_LIMIT_DEPTH - 1
 *	above it; NULL for the root of a new tree.  Not one that admits.
 *
 * Context: may sleep.
 * Return: the node, or NULL without memory.
 */
struct parley_limit *parley_limit_create(struct parley_limit *parent)
{
	struct limit_node *n, *p;
	unsigned long flags;

	if (!parent) {
		n = limit_root_alloc();
		return n ? &n->pub : NULL;
	}
	n = limit_node_alloc();
	if (!n)
		return NULL;
	p = to_node(parent);
	spin_lock_irqsave(&p->tree->lock, flags);
	limit_adopt(n, p);
	limit_refresh_node(n);
	spin_unlock_irqrestore(&p->tree->lock, flags);
	return &n->pub;
}
PARLEY_EXPORT(parley_limit_create);

/* What is owed stays owed, by the tree. */
static void limit_bequeath(struct limit_node *n)
{
	struct limit_node *heir = n->tree->heir;
	int k;

	if (!limit_is_leaf(n))
		return;
	for_each_kind(k) {
		n->want[k] = 0;
		n->asks = false;
		parley_limit_give_back(n, k, 0);
		if (heir->limited[k])
			heir->account[k] = max(heir->account[k] + n->account[k],
					       -(s64)COST_MAX);
		n->account[k] = 0;
	}
	WRITE_ONCE(n->pub.waiting, false);
	parley_limit_settle(heir);
	parley_limit_settle(n);
}

/* Is anything set at or below it? */
static bool limit_is_set(struct limit_node *n)
{
	struct limit_node *c;
	int k;

	for_each_kind(k)
		if (limit_rate(&n->cfg, k)->rate || limit_guaranteed(&n->cfg, k))
			return true;
	list_for_each_entry(c, &n->children, sibling)
		if (limit_is_set(c))
			return true;
	return false;
}

static void limit_leave(struct limit_node *n)
{
	struct limit_tree *tree = n->tree;
	unsigned long flags;

	limit_each(n, limit_bequeath);
	spin_lock_irqsave(&tree->lock, flags);
	parley_limit_forget(n);
	list_del_init(&n->sibling);
	spin_unlock_irqrestore(&tree->lock, flags);
	if (limit_is_set(n))
		limit_refresh_way(n->parent);
	limit_pay_who_waits(tree, 0);
}

static void limit_root_free(struct limit_node *root)
{
	struct limit_tree *tree = root->tree;

	parley_limit_timer_end(tree);
	kfree(tree->heir);
	kfree(root);
	kfree(tree);
}

/**
 * parley_limit_destroy() - the end of a node
 * @limit: node that nothing is below; NULL for none
 *
 * What it owes is owed by the tree from then on.
 *
 * Context: may sleep.
 */
void parley_limit_destroy(struct parley_limit *limit)
{
	struct limit_node *n;

	if (!limit)
		return;
	n = to_node(limit);
	if (!n->parent) {
		WARN_ON_ONCE(!list_is_singular(&n->children));
		limit_root_free(n);
		return;
	}
	WARN_ON_ONCE(!limit_is_leaf(n));
	limit_leave(n);
	kfree(n);
}
PARLEY_EXPORT(parley_limit_destroy);

static void limit_take_along(struct limit_node *n, struct limit_tree *tree)
{
	struct limit_node *c;

	n->tree = tree;
	n->got = 0;
	n->now = 0;
	list_for_each_entry(c, &n->children, sibling)
		limit_take_along(c, tree);
}

/* No guarantee at or below it any more. */
static void limit_strip(struct limit_node *n)
{
	const struct parley_rate none = {};
	struct limit_node *c;
	int k;

	n->cfg.ops_guaranteed = 0;
	n->cfg.bytes_guaranteed = 0;
	for_each_kind(k)
		parley_bucket_set(&n->guarantee[k], &none);
	list_for_each_entry(c, &n->children, sibling)
		limit_strip(c);
}

/**
 * parley_limit_move() - a node, and what is below it, gets another parent
 * @limit: not a root; nobody asks for admission below it meanwhile
 * @parent: in any tree, not below @limit
 * @now: as everywhere
 *
 * What they owed is owed by the tree that they leave.
 *
 * Context: may sleep.
 * Return: 0; -ENOSPC, -ENOENT or -ERANGE as parley_limit_set(), if what was
 * guaranteed to them cannot be kept there: then it is not guaranteed any more.
 */
int parley_limit_move(struct parley_limit *limit, struct parley_limit *parent, u64 now)
{
	struct limit_node *n = to_node(limit), *p = to_node(parent);
	unsigned long flags;
	int err = 0;

	limit_leave(n);
	limit_take_along(n, p->tree);
	spin_lock_irqsave(&p->tree->lock, flags);
	limit_adopt(n, p);
	spin_unlock_irqrestore(&p->tree->lock, flags);
	if (limit_is_set(n)) {
		err = limit_check_tree(p->tree);
		if (err)
			limit_strip(n);
		limit_refresh_way(n);
	}
	limit_each(n, limit_refresh_node);
	limit_pay_who_waits(p->tree, now);
	return err;
}
PARLEY_EXPORT(parley_limit_move);

/**
 * parley_limit_user() - who uses a leaf from now on
 * @limit: leaf
 * @wake: called when a request that waits may go: any context, the tree's lock
 *	held.  NULL for nobody: it is not called any more when this returns.
 * @priv: for it
 *
 * Context: any.
 */
void parley_limit_user(struct parley_limit *limit, void (*wake)(void *priv), void *priv)
{
	struct limit_node *n = to_node(limit);
	unsigned long flags;

	spin_lock_irqsave(&n->tree->lock, flags);
	n->wake = wake;
	n->priv = priv;
	spin_unlock_irqrestore(&n->tree->lock, flags);
}
PARLEY_EXPORT(parley_limit_user);

/* ------------------------------------------------------------- configuration */

static bool limit_in_range(const struct parley_limits *cfg)
{
	return cfg->ops.rate <= PARLEY_RATE_MAX && cfg->ops.burst <= PARLEY_RATE_MAX &&
	       cfg->bytes.rate <= PARLEY_RATE_MAX && cfg->bytes.burst <= PARLEY_RATE_MAX &&
	       cfg->ops_guaranteed <= PARLEY_RATE_MAX &&
	       cfg->bytes_guaranteed <= PARLEY_RATE_MAX;
}

static void limit_apply(struct limit_node *n)
{
	int k;

	for_each_kind(k) {
		struct parley_rate guaranteed = { limit_guaranteed(&n->cfg, k) };
		struct parley_rate *rate = limit_rate(&n->cfg, k);

		parley_bucket_set(&n->limit[k], rate);
		parley_bucket_set(&n->guarantee[k], &guaranteed);
		/* Shown as it was chosen. */
		rate->burst = n->limit[k].burst;
	}
}

/**
 * parley_limit_set() - limits and guarantees of a node from now on
 * @limit: node, in use or not
 * @cfg: what is asked; a rate of 0 takes that limit or guarantee away
 * @now: as everywhere
 *
 * A bucket that was not in use begins full.  Another keeps what it holds, as far
 * as its new burst goes, and a debt.  Who waits below it is looked at again at once.
 * The leaves below come under a new limit one after the other, while this runs.
 *
 * What is guaranteed has to be there: a guarantee needs a limit of its kind above
 * it, is no more than the limit of the node itself, no less than what is
 * guaranteed below it, and all that is guaranteed below a limit is at most
 * PARLEY_LIMIT_GUARANTEED percent of it: so something is left for the others.
 *
 * Context: may sleep.
 * Return: 0; -EINVAL for a rate or a burst above PARLEY_RATE_MAX; -ERANGE for more
 * guaranteed than allowed to the node itself; -ENOSPC for more than there is to
 * guarantee; -ENOENT if there is no limit above.  Nothing has changed then.
 */
int parley_limit_set(struct parley_limit *limit, const struct parley_limits *cfg, u64 now)
{
	struct limit_node *n = to_node(limit);
	struct parley_limits old;
	unsigned long flags;
	int err;

	if (!limit_in_range(cfg))
		return -EINVAL;
	old = n->cfg;
	n->cfg = *cfg;
	err = limit_check_tree(n->tree);
	if (err) {
		n->cfg = old;
		return err;
	}
	spin_lock_irqsave(&n->tree->lock, flags);
	parley_limit_fill_way(n, now);
	limit_apply(n);
	spin_unlock_irqrestore(&n->tree->lock, flags);
	limit_refresh_way(n);
	limit_each(n, limit_refresh_node);
	limit_pay_who_waits(n->tree, now);
	return 0;
}
PARLEY_EXPORT(parley_limit_set);

/**
 * parley_limit_get() - what is asked of a node now
 * @limit: node
 * @cfg: filled; a burst that was left to us is shown as it was chosen
 *
 * Takes no lock: who asks, however often, is in nobody's way.
 *
 * Context: any; the caller keeps it apart from set and move in this tree.
 */
void parley_limit_get(struct parley_limit *limit, struct parley_limits *cfg)
{
	*cfg = to_node(limit)->cfg;
}
PARLEY_EXPORT(parley_limit_get);
