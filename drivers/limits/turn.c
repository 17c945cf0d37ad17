// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose turn it is.  The rules are in <parley/limits.h>; here is how.
 *
 * A leaf has an account.  What it wants in there, and has not, makes it hungry,
 * and with it every node above: those are linked in the order of their turns, so
 * that a look from the root meets the next one first.  A look goes down only
 * where somebody could be paid.  One payment is a piece; then the next turn is
 * another's.  What a request lacks of both kinds is paid together, or none: so
 * nobody sits on tokens of one kind while he lacks the other.
 *
 * Turns are start-time fair queueing: a node's @got is where its next service
 * starts, its parent's @now where the last one did.  Who comes back to the queue
 * starts no earlier than that, and who could not be served, for want of tokens of
 * his own, has lost that turn.
 */
#include "tree.h"

/* A piece: no less, even if the bucket is nearly empty. */
#define PIECE_OPS	1
#define PIECE_BYTES	4096
/* Nor more than this part of what is there. */
#define PIECE_PART	16
/* The clock of a crowd, of which nobody knows who is next. */
#define CROWD_NS	((u64)NSEC_PER_MSEC)
/* For one piece: keeps the sums in range. */
#define COST_SECONDS	BIT_ULL(22)

/* Tokens without which its next request cannot go, or that it owes. */
static u64 limit_lack(const struct limit_node *l, int kind)
{
	s64 least = 0;

	if (!l->limited[kind])
		return 0;
	if (l->asks)
		least = kind == LIMIT_OPS ? 1 : min(l->first, l->least[kind]);
	return l->account[kind] < least ? least - l->account[kind] : 0;
}

/* Tokens that the account may get: those, and what is to be set aside. */
static u64 limit_need(const struct limit_node *l, int kind)
{
	u64 lack = limit_lack(l, kind);

	if (!l->limited[kind] || l->account[kind] >= l->want[kind])
		return lack;
	return max(lack, (u64)(l->want[kind] - l->account[kind]));
}

/* What its own limit holds besides what is set aside of it already. */
static s64 limit_cap(const struct limit_node *n, int kind)
{
	s64 burst = n->limit[kind].burst;

	return limit_is_leaf(n) ? burst - clamp_t(s64, n->account[kind], 0, burst) : burst;
}

/* A clock that runs backwards stands still. */
void parley_limit_fill(struct limit_node *n, u64 now)
{
	u64 sec;
	u32 ns;
	int k;

	if (now <= n->stamp)
		return;
	sec = div_u64_rem(now - n->stamp, NSEC_PER_SEC, &ns);
	n->stamp = now;
	for_each_kind(k) {
		if (n->limit[k].rate)
			parley_bucket_fill(&n->limit[k], sec, ns, limit_cap(n, k));
		if (n->guarantee[k].rate)
			parley_bucket_fill(&n->guarantee[k], sec, ns,
					   n->guarantee[k].burst);
	}
}
EXPORT_SYMBOL_IF_KUNIT(parley_limit_fill);

/* Before an account changes, since its own limit holds the less the more is in it. */
void parley_limit_fill_way(struct limit_node *n, u64 now)
{
	for (; n; n = n->parent)
		parley_limit_fill(n, now);
}

/* ---------------------------------------------------------------- the order */

static bool limit_before(u64 a, u64 b)
{
	return (s64)(a - b) < 0;
}

static struct limit_node *limit_turn(struct list_head *turn)
{
	return list_entry(turn, struct limit_node, turn);
}

/*
 * Most come at one of the ends, so from both.  Where so many wait that neither finds
 * its place, somewhere in the middle will do.
 */
static void limit_insert(struct limit_node *n)
{
	struct list_head *order = &n->parent->hungry;
	struct list_head *first = order->next, *last = order->prev;
	unsigned int i;

	for (i = 0; i < LIMIT_LOOKS / 2; i++) {
		if (last == order || !limit_before(n->got, limit_turn(last)->got))
			break;
		if (limit_before(n->got, limit_turn(first)->got)) {
			list_add_tail(&n->turn, first);
			return;
		}
		first = first->next;
		last = last->prev;
	}
	list_add(&n->turn, last);
}

static void limit_enqueue(struct limit_node *n)
{
	for (; n && !n->queued; n = n->parent) {
		n->queued = true;
		if (!n->parent)
			return;
		if (limit_before(n->got, n->parent->now))
			n->got = n->parent->now;
		limit_insert(n);
	}
}

static void limit_dequeue(struct limit_node *n)
{
	while (n && n->queued && list_empty(&n->hungry)) {
		n->queued = false;
		if (n->parent)
			list_del(&n->turn);
		n = n->parent;
	}
}

/* Hungry or not, as its account says. */
void parley_limit_settle(struct limit_node *l)
{
	if (limit_need(l, LIMIT_OPS) || limit_need(l, LIMIT_BYTES))
		limit_enqueue(l);
	else
		limit_dequeue(l);
}

/* Its place in the order, before it moves elsewhere; any node. */
void parley_limit_forget(struct limit_node *n)
{
	if (!n->queued)
		return;
	n->queued = false;
	list_del(&n->turn);
	limit_dequeue(n->parent);
}

/* Nanoseconds that the limit above needs for it, times what all have to a share. */
static u64 limit_cost(const struct limit_node *parent, const u64 *paid, u32 share)
{
	u64 cost = 1;
	int k;

	for_each_kind(k) {
		u64 rate = parent->unit[k];

		if (!rate || !paid[k])
			continue;
		if (div64_u64(paid[k], rate) >= COST_SECONDS)
			cost = COST_SECONDS * NSEC_PER_SEC;
		else
			cost = max(cost, mul_u64_u64_div_u64(paid[k], NSEC_PER_SEC, rate));
	}
	return div_u64(cost * PARLEY_LIMIT_SHARES, share);
}

/* It was served with what its parent, or one above, has lent. */
static void limit_advance(struct limit_node *n, const u64 *paid)
{
	struct limit_node *p = n->parent;

	if (limit_before(n->got, p->now))
		n->got = p->now;
	p->now = n->got;
	n->got += limit_cost(p, paid, n->share);
	list_del(&n->turn);
	limit_insert(n);
}

/* -------------------------------------------------------------- the payment */

/* All that its next request lacks is lent; or nothing is lacked, and some of it. */
static bool limit_payable(const struct limit_node *l, const bool *lent)
{
	bool lacks = false, some = false;
	int k;

	for_each_kind(k) {
		if (limit_lack(l, k)) {
			if (!lent[k])
				return false;
			lacks = true;
		}
		some |= lent[k] && limit_need(l, k);
	}
	return lacks || some;
}

static struct limit_node *limit_in_vain(struct limit_tree *tree)
{
	if (tree->looks)
		tree->looks--;
	return NULL;
}

/*
 * The leaf at or below @n whose turn it is.  @above: kinds that are lent at @n's
 * parent.  As deep as PARLEY_LIMIT_DEPTH.
 */
static struct limit_node *limit_pick(struct limit_node *n, const bool *above, u64 now)
{
	struct limit_tree *tree = n->tree;
	struct limit_node *child, *found;
	bool lent[LIMIT_KINDS], hope = READ_ONCE(n->guarded);
	int k;

	if (!tree->looks)
		return NULL;
	parley_limit_fill(n, now);
	for_each_kind(k) {
		lent[k] = (!n->limit[k].rate || parley_bucket_has(&n->limit[k])) &&
			  (above[k] || parley_bucket_has(&n->guarantee[k]));
		hope |= lent[k] && tree->limited[k];
	}
	if (limit_is_leaf(n))
		return limit_payable(n, lent) ? n : limit_in_vain(tree);
	if (!hope)
		return limit_in_vain(tree);
	list_for_each_entry(child, &n->hungry, turn) {
		found = limit_pick(child, lent, now);
		if (found)
			return found;
		if (tree->looks)
			continue;
		/* Those before had their turn, in vain; the next look begins here. */
		list_move_tail(&n->hungry, &child->turn);
		break;
	}
	return limit_in_vain(tree);
}

/* Who lends to it, the nearest one, and how much at most; NULL for nobody. */
static struct limit_node *limit_lender(struct limit_node *n, int kind, s64 *room)
{
	*room = S64_MAX;
	for (;; n = n->parent) {
		if (n->limit[kind].rate) {
			if (!parley_bucket_has(&n->limit[kind]))
				return NULL;
			*room = min(*room, n->limit[kind].level);
		}
		if (parley_bucket_has(&n->guarantee[kind])) {
			*room = min(*room, n->guarantee[kind].level);
			return n;
		}
		if (!n->parent)
			return n;
	}
}

/* A piece of one kind; returns who lent it, or NULL. */
static struct limit_node *limit_pay_kind(struct limit_node *l, int kind, u64 *paid)
{
	const s64 piece[LIMIT_KINDS] = { PIECE_OPS, PIECE_BYTES };
	struct limit_node *lender, *n;
	s64 room, most;

	lender = limit_lender(l, kind, &room);
	if (!lender)
		return NULL;
	most = min(room, max(piece[kind], div_s64(room, PIECE_PART)));
	*paid = min_t(u64, limit_need(l, kind), most);
	l->account[kind] += *paid;
	for (n = l; n; n = n->parent)
		parley_bucket_take(&n->limit[kind], *paid);
	for (n = lender; n; n = n->parent)
		parley_bucket_take(&n->guarantee[kind], *paid);
	return lender;
}

/* A piece of each kind that it needs and that is lent. */
static void limit_pay(struct limit_node *l)
{
	struct limit_node *top = l, *lender, *n;
	u64 paid[LIMIT_KINDS] = {};
	int k;

	for_each_kind(k) {
		if (!limit_need(l, k))
			continue;
		lender = limit_pay_kind(l, k, &paid[k]);
		if (!lender)
			continue;
		/* The higher one of two. */
		for (n = lender; n && n != top; n = n->parent)
			;
		if (!n)
			top = lender;
	}
	for (n = l; n != top; n = n->parent)
		limit_advance(n, paid);
}

/* May a request of so many bytes go, as the account stands? */
bool parley_limit_may_go(const struct limit_node *l, u64 bytes)
{
	return (!l->limited[LIMIT_OPS] || l->account[LIMIT_OPS] >= 1) &&
	       (!l->limited[LIMIT_BYTES] ||
		l->account[LIMIT_BYTES] >= (s64)min(bytes, l->least[LIMIT_BYTES]));
}

/* It need not wait any more, or has to ask again. */
void parley_limit_wake(struct limit_node *l)
{
	/* Before the call: who is woken looks whether he still waits. */
	WRITE_ONCE(l->pub.waiting, false);
	if (l->wake)
		l->wake(l->priv);
}

void parley_limit_wake_if(struct limit_node *l)
{
	if (l->pub.waiting && parley_limit_may_go(l, l->first))
		parley_limit_wake(l);
}

/**
 * parley_limit_run() - pay whoever can be paid, in turn
 * @tree: tree, locked
 * @now: as everywhere
 *
 * Each piece is at least a sixteenth of what one bucket on its way holds, or
 * PIECE_*: the number of turns is bounded by the logarithm of the bursts, for
 * each leaf.  And there are LIMIT_PAYMENTS at most, and LIMIT_LOOKS nodes that are
 * looked at in vain: where more wait, the next look goes on behind them, and what was
 * an order of turns is there one of coming.
 */
void parley_limit_run(struct limit_tree *tree, u64 now)
{
	const bool above[LIMIT_KINDS] = { true, true };
	unsigned int payments = LIMIT_PAYMENTS;
	struct limit_node *l;

	tree->looks = LIMIT_LOOKS;
	while (tree->root->queued && payments) {
		l = limit_pick(tree->root, above, now);
		if (!l)
			break;
		payments--;
		limit_pay(l);
		parley_limit_settle(l);
		parley_limit_wake_if(l);
	}
	tree->more = !tree->looks || !payments;
}

/* Beyond @keep, what is in the account goes back to the limits that it came from. */
void parley_limit_give_back(struct limit_node *l, int kind, s64 keep)
{
	s64 over = l->account[kind] - keep;
	struct limit_node *n;

	if (over <= 0)
		return;
	l->account[kind] = keep;
	for (n = l; n; n = n->parent)
		parley_bucket_take(&n->limit[kind], -over);
}

/* ------------------------------------------------------------ what comes next */

/* A bucket that is a quarter full loses nothing yet. */
static u64 limit_bucket_wait(const struct parley_bucket *b, u64 tokens)
{
	return parley_bucket_wait(b, min(tokens, max_t(u64, b->burst / ASIDE_PART, 1)));
}

/* How long until so much of a kind is lent to a leaf, if nobody else takes it? */
static u64 limit_leaf_wait(struct limit_node *n, int kind, u64 tokens, u64 now)
{
	u64 way = 0, best = U64_MAX;

	for (; n; n = n->parent) {
		parley_limit_fill(n, now);
		way = max(way, limit_bucket_wait(&n->limit[kind], tokens));
		if (n->guarantee[kind].rate)
			best = min(best, max(way, limit_bucket_wait(&n->guarantee[kind],
								    tokens)));
	}
	return min(best, way);
}

static u64 limit_node_next(struct limit_node *n, u64 now)
{
	struct limit_node *child;
	u64 wait = 0, best = U64_MAX, tokens;
	int k;

	if (n->tree->looks)
		n->tree->looks--;
	if (limit_is_leaf(n)) {
		for_each_kind(k) {
			tokens = limit_lack(n, k);
			if (tokens)
				wait = max(wait, limit_leaf_wait(n, k, tokens, now));
			tokens = limit_need(n, k);
			if (tokens)
				best = min(best, limit_leaf_wait(n, k, tokens, now));
		}
		return wait ?: best;
	}
	list_for_each_entry(child, &n->hungry, turn) {
		best = min(best, limit_node_next(child, now));
		if (!n->tree->looks)
			return min(best, CROWD_NS);
	}
	return best;
}

/**
 * parley_limit_next() - when is it worth while to look again?
 * @tree: tree, locked, after parley_limit_run()
 * @now: as there
 *
 * Return: nanoseconds after which somebody can be paid what he needs, or a
 * quarter of a bucket, or CROWD_NS where so many wait that not all of them are
 * asked; U64_MAX if nobody needs anything.
 */
u64 parley_limit_next(struct limit_tree *tree, u64 now)
{
	u64 stamp = max(now, tree->root->stamp);

	if (!tree->root->queued)
		return U64_MAX;
	/* Not at once: the others may all wait for limits of their own. */
	if (tree->more)
		return CROWD_NS;
	tree->looks = LIMIT_LOOKS;
	/* The wait counts from where the buckets stand. */
	return stamp - now + limit_node_next(tree->root, stamp);
}
