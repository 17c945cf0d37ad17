// SPDX-License-Identifier: GPL-2.0-only
/*
 * Admission: what a leaf is asked, and told.  Payment and order are in turn.c.
 */
#include "tree.h"

/* Those that are admitted are taken off the account. */
static unsigned int limit_consume(struct limit_node *l, const u64 *bytes, unsigned int nr)
{
	unsigned int i;
	u64 cost;

	for (i = 0; i < nr; i++) {
		cost = min(bytes[i], COST_MAX);
		if (!parley_limit_may_go(l, cost))
			break;
		if (l->limited[LIMIT_OPS])
			l->account[LIMIT_OPS]--;
		if (l->limited[LIMIT_BYTES])
			l->account[LIMIT_BYTES] = max_t(s64, l->account[LIMIT_BYTES] - (s64)cost,
							-(s64)COST_MAX);
	}
	return i;
}

/*
 * For a request that waits: so much is set aside, for it and for
 * what is likely to come after it.  What is not used then goes back.
 */
static void limit_set_aside(struct limit_node *l)
{
	const u64 one[LIMIT_KINDS] = { 1, min(l->first, l->least[LIMIT_BYTES]) };
	int k;

	for_each_kind(k) {
		l->want[k] = max(one[k], l->least[k] / ASIDE_PART);
		parley_limit_give_back(l, k, l->want[k]);
	}
}

/* Count it where it was refused: every limit on the way that has nothing left. */
static void limit_count(struct limit_node *l)
{
	struct limit_node *n;
	int k;

	for (n = l; n; n = n->parent)
		for_each_kind(k)
			if (n->limit[k].rate && !parley_bucket_has(&n->limit[k])) {
				WRITE_ONCE(n->pub.throttled, n->pub.throttled + 1);
				break;
			}
}

static u64 limit_sum(const u64 *bytes, unsigned int nr)
{
	u64 sum = 0;

	while (nr)
		sum = min(sum + min(bytes[--nr], COST_MAX), COST_MAX);
	return sum;
}

/* Something changed in an account: those whom it helps or hurts. */
static void limit_changed(struct limit_node *l, u64 now)
{
	parley_limit_settle(l);
	parley_limit_run(l->tree, now);
	parley_limit_timer_arm(l->tree, now);
}

/**
 * parley_limit_admit() - which of these operations may go on?
 * @limit: leaf
 * @now: as everywhere
 * @bytes: what each of them costs, in the order in which they are to go
 * @nr: how many
 *
 * Those that may go are paid for.  The others wait: something is set aside for
 * them, and as soon as the first of them may go, @wake is called and
 * parley_limit_waiting() is false.  To ask again earlier does no harm.
 *
 * Context: any.
 * Return: how many may go, the first ones.
 */
unsigned int parley_limit_admit(struct parley_limit *limit, u64 now, const u64 *bytes,
				unsigned int nr)
{
	struct limit_node *l = to_node(limit);
	struct limit_tree *tree = l->tree;
	unsigned long flags;
	unsigned int n;

	if (!parley_limit_active(limit))
		return nr;
	spin_lock_irqsave(&tree->lock, flags);
	parley_limit_fill_way(l, now);
	WRITE_ONCE(l->pub.waiting, false);
	l->asks = nr;
	l->first = nr ? min(bytes[0], COST_MAX) : 0;
	l->want[LIMIT_OPS] = nr;
	l->want[LIMIT_BYTES] = limit_sum(bytes, nr);
	parley_limit_settle(l);
	parley_limit_run(tree, now);
	n = limit_consume(l, bytes, nr);
	l->asks = n < nr;
	if (l->asks) {
		l->first = min(bytes[n], COST_MAX);
		limit_set_aside(l);
		WRITE_ONCE(l->pub.waiting, true);
		limit_count(l);
	} else {
		l->want[LIMIT_OPS] = 0;
		l->want[LIMIT_BYTES] = 0;
	}
	WRITE_ONCE(l->pub.spare, l->account[LIMIT_OPS] > 0 || l->account[LIMIT_BYTES] > 0);
	/* What was given back may be somebody else's. */
	limit_changed(l, now);
	spin_unlock_irqrestore(&tree->lock, flags);
	return n;
}
PARLEY_EXPORT(parley_limit_admit);

/* So much more, as far as that leads to no more debt than @most. */
static void limit_owe(struct limit_node *l, u64 bytes, s64 most)
{
	s64 *account = &l->account[LIMIT_BYTES], before = *account;

	*account = max(before - (s64)min(bytes, COST_MAX), min(before, -most));
	*account = max(*account, -(s64)COST_MAX);
}

/* Bytes that those limits let pass in a second that are on its way. */
static s64 limit_second(const struct limit_node *l)
{
	u64 least = PARLEY_RATE_MAX;

	for (; l; l = l->parent)
		if (l->limit[LIMIT_BYTES].rate)
			least = min(least, l->limit[LIMIT_BYTES].rate);
	return least;
}

static void limit_charge(struct parley_limit *limit, u64 now, u64 bytes, bool second)
{
	struct limit_node *l = to_node(limit);
	struct limit_tree *tree = l->tree;
	unsigned long flags;

	if (!parley_limit_active(limit))
		return;
	spin_lock_irqsave(&tree->lock, flags);
	parley_limit_fill_way(l, now);
	if (l->limited[LIMIT_BYTES]) {
		limit_owe(l, bytes, second ? limit_second(l) : COST_MAX);
		limit_changed(l, now);
	}
	spin_unlock_irqrestore(&tree->lock, flags);
}

/**
 * parley_limit_charge() - an operation costs more than was asked for
 * @limit: leaf
 * @now: as everywhere
 * @bytes: so much more
 *
 * It is owed: nothing else of this leaf is admitted until it is paid.
 *
 * Context: any.
 */
void parley_limit_charge(struct parley_limit *limit, u64 now, u64 bytes)
{
	limit_charge(limit, now, bytes, false);
}
PARLEY_EXPORT(parley_limit_charge);

/**
 * parley_limit_charge_second() - the same, as far as it can be paid in a second
 * @limit: leaf
 * @now: as everywhere
 * @bytes: so much more
 *
 * For what is only guessed: then no guess, nor many of them, keeps the leaf waiting for
 * longer than that, if nobody else asks.
 *
 * Context: any.
 */
void parley_limit_charge_second(struct parley_limit *limit, u64 now, u64 bytes)
{
	limit_charge(limit, now, bytes, true);
}
PARLEY_EXPORT(parley_limit_charge_second);

/**
 * parley_limit_refund() - admitted operations did not go on after all
 * @limit: leaf
 * @now: as everywhere
 * @ops: how many
 * @bytes: and what was paid for them
 *
 * Others may go instead, and are woken.
 *
 * Context: any.
 */
void parley_limit_refund(struct parley_limit *limit, u64 now, u64 ops, u64 bytes)
{
	const u64 back[LIMIT_KINDS] = { min(ops, COST_MAX / 2), min(bytes, COST_MAX / 2) };
	struct limit_node *l = to_node(limit);
	struct limit_tree *tree = l->tree;
	unsigned long flags;
	int k;

	if (!parley_limit_active(limit))
		return;
	spin_lock_irqsave(&tree->lock, flags);
	parley_limit_fill_way(l, now);
	for_each_kind(k) {
		if (!l->limited[k])
			continue;
		l->account[k] += back[k];
		parley_limit_give_back(l, k, l->want[k]);
	}
	limit_changed(l, now);
	parley_limit_wake_if(l);
	spin_unlock_irqrestore(&tree->lock, flags);
}
PARLEY_EXPORT(parley_limit_refund);

/**
 * parley_limit_idle() - nothing waits here, and nothing more is there to ask for
 * @limit: leaf
 * @now: as everywhere
 *
 * What was set aside goes back, what is owed stays owed.
 *
 * Context: any.
 */
void parley_limit_idle(struct parley_limit *limit, u64 now)
{
	struct limit_node *l = to_node(limit);
	struct limit_tree *tree = l->tree;
	unsigned long flags;
	int k;

	spin_lock_irqsave(&tree->lock, flags);
	parley_limit_fill_way(l, now);
	WRITE_ONCE(l->pub.waiting, false);
	WRITE_ONCE(l->pub.spare, false);
	l->asks = false;
	for_each_kind(k) {
		l->want[k] = 0;
		parley_limit_give_back(l, k, 0);
	}
	limit_changed(l, now);
	spin_unlock_irqrestore(&tree->lock, flags);
}
PARLEY_EXPORT(parley_limit_idle);

/* ------------------------------------------------------------------ for tests */

/**
 * parley_limit_manual() - this tree has no clock
 * @root: its root, just created
 */
void parley_limit_manual(struct parley_limit *root)
{
	to_node(root)->tree->timer.manual = true;
}
EXPORT_SYMBOL_IF_KUNIT(parley_limit_manual);

/**
 * parley_limit_look() - what the clock does
 * @root: of any tree
 * @now: as everywhere
 *
 * Return: as parley_limit_next().
 */
u64 parley_limit_look(struct parley_limit *root, u64 now)
{
	struct limit_tree *tree = to_node(root)->tree;
	unsigned long flags;
	u64 next;

	spin_lock_irqsave(&tree->lock, flags);
	parley_limit_run(tree, now);
	next = parley_limit_next(tree, now);
	spin_unlock_irqrestore(&tree->lock, flags);
	return next;
}
EXPORT_SYMBOL_IF_KUNIT(parley_limit_look);
