// SPDX-License-Identifier: GPL-2.0-only
/* The limits, obviously right; see oracle.h. */
#include "oracle.h"

#define SEC	((s128)NSEC_PER_SEC)

static void bucket_init(struct oracle_bucket *b, u64 rate, u64 burst)
{
	b->rate = rate;
	b->burst = burst ?: max(rate / 10, 1ull);
	b->level = rate ? b->burst * SEC : 0;
}

static u64 whole(const struct oracle_bucket *b)
{
	/* Kernels do not divide 128 bits: by 512 first. */
	return b->level > 0 ? div_u64((u64)(b->level >> 9), NSEC_PER_SEC >> 9) : 0;
}

void oracle_init(struct oracle *o, u64 now)
{
	memset(o, 0, sizeof(*o));
	o->now = now;
}

int oracle_add(struct oracle *o, int parent, const struct parley_limits *cfg)
{
	struct oracle_node *n = &o->node[o->nr];

	n->parent = parent;
	if (parent >= 0)
		o->node[parent].inner = true;
	bucket_init(&n->limit[LIMIT_OPS], cfg->ops.rate, cfg->ops.burst);
	bucket_init(&n->limit[LIMIT_BYTES], cfg->bytes.rate, cfg->bytes.burst);
	bucket_init(&n->guarantee[LIMIT_OPS], cfg->ops_guaranteed, 0);
	bucket_init(&n->guarantee[LIMIT_BYTES], cfg->bytes_guaranteed, 0);
	return o->nr++;
}

/* ------------------------------------------------------------ what follows */

static bool limited(struct oracle *o, int i, int k)
{
	for (; i >= 0; i = o->node[i].parent)
		if (o->node[i].limit[k].rate)
			return true;
	return false;
}

static u64 least(struct oracle *o, int i, int k)
{
	u64 found = S64_MAX;

	for (; i >= 0; i = o->node[i].parent)
		if (o->node[i].limit[k].rate)
			found = min(found, o->node[i].limit[k].burst);
	return found;
}

static u64 nearest(struct oracle *o, int i, int k)
{
	for (; i >= 0; i = o->node[i].parent)
		if (o->node[i].limit[k].rate)
			return o->node[i].limit[k].rate;
	return 0;
}

/* All that is guaranteed at or below. */
static u64 guaranteed(struct oracle *o, int i, int k)
{
	u64 sum = 0;
	int c;

	for (c = 0; c < o->nr; c++)
		if (o->node[c].parent == i)
			sum += guaranteed(o, c, k);
	return max(sum, o->node[i].guarantee[k].rate);
}

static u64 share(struct oracle *o, int i)
{
	u64 found = PARLEY_LIMIT_SHARE, unit;
	int k;

	for_each_kind(k) {
		unit = nearest(o, o->node[i].parent, k);
		if (unit)
			found = max(found, div64_u64(guaranteed(o, i, k) * 1024, unit));
	}
	return min(found, 1024ull);
}

static u64 lack(struct oracle *o, int i, int k)
{
	struct oracle_node *n = &o->node[i];
	s128 min_account = 0;

	if (n->inner || !limited(o, i, k))
		return 0;
	if (n->asks)
		min_account = k == LIMIT_OPS ? 1 : min(n->first, least(o, i, k));
	return (u64)max(min_account - n->account[k], (s128)0);
}

static u64 need(struct oracle *o, int i, int k)
{
	struct oracle_node *n = &o->node[i];

	if (n->inner || !limited(o, i, k))
		return 0;
	if (n->account[k] >= n->want[k])
		return lack(o, i, k);
	return max_t(u64, lack(o, i, k), n->want[k] - n->account[k]);
}

/* The nearest node that lends, or -1. */
static int lender(struct oracle *o, int i, int k)
{
	for (;; i = o->node[i].parent) {
		struct oracle_node *n = &o->node[i];

		if (n->limit[k].rate && !whole(&n->limit[k]))
			return -1;
		if (whole(&n->guarantee[k]) || n->parent < 0)
			return i;
	}
}

bool oracle_payable(struct oracle *o, int i)
{
	bool lacks[LIMIT_KINDS], lent[LIMIT_KINDS];
	int k;

	for_each_kind(k) {
		lacks[k] = lack(o, i, k);
		lent[k] = lender(o, i, k) >= 0;
	}
	if (lacks[0] || lacks[1])
		return (!lacks[0] || lent[0]) && (!lacks[1] || lent[1]);
	return (need(o, i, 0) && lent[0]) || (need(o, i, 1) && lent[1]);
}

static bool may_go(struct oracle *o, int i, u64 bytes)
{
	struct oracle_node *n = &o->node[i];

	return (!limited(o, i, LIMIT_OPS) || n->account[LIMIT_OPS] >= 1) &&
	       (!limited(o, i, LIMIT_BYTES) ||
		n->account[LIMIT_BYTES] >= (s128)min(bytes, least(o, i, LIMIT_BYTES)));
}

/* ------------------------------------------------------------------- time */

static void fill(struct oracle_bucket *b, u64 ns, s128 cap)
{
	if (b->rate)
		b->level = min(b->level + (s128)b->rate * ns, cap * SEC);
}

static void advance_time(struct oracle *o, u64 now)
{
	s128 held;
	int i, k;

	for (i = 0; now > o->now && i < o->nr; i++) {
		struct oracle_node *n = &o->node[i];

		for_each_kind(k) {
			held = n->inner ? 0 : clamp_t(s128, n->account[k], 0, n->limit[k].burst);
			fill(&n->limit[k], now - o->now, n->limit[k].burst - held);
			fill(&n->guarantee[k], now - o->now, n->guarantee[k].burst);
		}
	}
	o->now = max(now, o->now);
}

/* ------------------------------------------------------------------- turns */

static bool is_hungry(struct oracle *o, int i)
{
	int c;

	for (c = 0; c < o->nr; c++)
		if (o->node[c].parent == i && o->node[c].hungry)
			return true;
	return need(o, i, LIMIT_OPS) || need(o, i, LIMIT_BYTES);
}

static void settle(struct oracle *o, int i)
{
	for (; i >= 0; i = o->node[i].parent) {
		struct oracle_node *n = &o->node[i];
		bool hungry = is_hungry(o, i);

		if (hungry && !n->hungry && n->parent >= 0) {
			if ((s64)(n->got - o->node[n->parent].served) < 0)
				n->got = o->node[n->parent].served;
			n->since = o->places++;
		}
		n->hungry = hungry;
	}
}

static bool below(struct oracle *o, int i, int top)
{
	for (; i >= 0; i = o->node[i].parent)
		if (i == top)
			return true;
	return false;
}

static bool somebody_payable(struct oracle *o, int top)
{
	int i;

	for (i = 0; i < o->nr; i++)
		if (below(o, i, top) && !o->node[i].inner && oracle_payable(o, i))
			return true;
	return false;
}

static bool earlier(const struct oracle_node *a, const struct oracle_node *b)
{
	return a->got == b->got ? a->since < b->since : (s64)(a->got - b->got) < 0;
}

static int pick(struct oracle *o)
{
	int at = 0, c, best;

	if (!somebody_payable(o, 0))
		return -1;
	while (o->node[at].inner) {
		best = -1;
		for (c = 0; c < o->nr; c++)
			if (o->node[c].parent == at && somebody_payable(o, c) &&
			    (best < 0 || earlier(&o->node[c], &o->node[best])))
				best = c;
		at = best;
	}
	return at;
}

static void serve(struct oracle *o, int i, const u64 *paid)
{
	struct oracle_node *n = &o->node[i], *p = &o->node[n->parent];
	u64 cost = 1, unit;
	int k;

	if ((s64)(n->got - p->served) < 0)
		n->got = p->served;
	p->served = n->got;
	for_each_kind(k) {
		unit = nearest(o, n->parent, k);
		if (unit && paid[k] < unit << 22)
			cost = max(cost, mul_u64_u64_div_u64(paid[k], NSEC_PER_SEC, unit));
		else if (unit)
			cost = (u64)NSEC_PER_SEC << 22;
	}
	n->got += div_u64(cost * 1024, share(o, i));
	n->since = o->places++;
}

static void pay(struct oracle *o, int leaf)
{
	u64 paid[LIMIT_KINDS] = {}, most;
	const u64 piece[LIMIT_KINDS] = { 1, 4096 };
	int top = leaf, from, i, k;

	for_each_kind(k) {
		if (!need(o, leaf, k))
			continue;
		from = lender(o, leaf, k);
		if (from < 0)
			continue;
		most = S64_MAX;
		for (i = leaf; ; i = o->node[i].parent) {
			if (o->node[i].limit[k].rate)
				most = min(most, whole(&o->node[i].limit[k]));
			if (i == from)
				break;
		}
		if (whole(&o->node[from].guarantee[k]))
			most = min(most, whole(&o->node[from].guarantee[k]));
		paid[k] = min(need(o, leaf, k), min(most, max(piece[k], most / 16)));
		o->node[leaf].account[k] += paid[k];
		for (i = leaf; i >= 0; i = o->node[i].parent)
			if (o->node[i].limit[k].rate)
				o->node[i].limit[k].level -= paid[k] * SEC;
		for (i = from; i >= 0; i = o->node[i].parent)
			if (o->node[i].guarantee[k].rate)
				o->node[i].guarantee[k].level -= paid[k] * SEC;
		if (below(o, top, from))
			top = from;
	}
	for (i = leaf; i != top; i = o->node[i].parent)
		serve(o, i, paid);
	settle(o, leaf);
	if (o->node[leaf].waiting && may_go(o, leaf, o->node[leaf].first))
		o->node[leaf].waiting = false;
}

void oracle_look(struct oracle *o, u64 now)
{
	int leaf;

	advance_time(o, now);
	while ((leaf = pick(o)) >= 0)
		pay(o, leaf);
}

/* --------------------------------------------------------------- questions */

static void set_aside(struct oracle *o, int leaf, bool waits, u64 first, bool keep)
{
	struct oracle_node *n = &o->node[leaf];
	int i, k;

	for_each_kind(k) {
		u64 small = least(o, leaf, k);
		u64 one = k == LIMIT_OPS ? 1 : min(first, small);

		n->want[k] = waits ? max(one, small / 4) : 0;
		if (keep || n->account[k] <= n->want[k])
			continue;
		for (i = leaf; i >= 0; i = o->node[i].parent) {
			struct oracle_bucket *b = &o->node[i].limit[k];

			if (b->rate)
				b->level = min(b->level + (n->account[k] - n->want[k]) * SEC,
					       b->burst * SEC);
		}
		n->account[k] = n->want[k];
	}
}

unsigned int oracle_admit(struct oracle *o, int leaf, u64 now, const u64 *bytes,
			  unsigned int nr)
{
	struct oracle_node *n = &o->node[leaf];
	unsigned int i, j;
	s128 sum = 0;

	if (!limited(o, leaf, LIMIT_OPS) && !limited(o, leaf, LIMIT_BYTES))
		return nr;
	for (j = 0; j < nr; j++)
		sum += bytes[j];
	advance_time(o, now);
	n->waiting = false;
	n->asks = true;
	n->first = bytes[0];
	n->want[LIMIT_OPS] = nr;
	n->want[LIMIT_BYTES] = sum;
	settle(o, leaf);
	oracle_look(o, now);
	for (i = 0; i < nr && may_go(o, leaf, bytes[i]); i++) {
		if (limited(o, leaf, LIMIT_OPS))
			n->account[LIMIT_OPS]--;
		if (limited(o, leaf, LIMIT_BYTES))
			n->account[LIMIT_BYTES] -= bytes[i];
	}
	set_aside(o, leaf, i < nr, i < nr ? bytes[i] : 0, i == nr);
	n->waiting = i < nr;
	n->asks = i < nr;
	n->first = i < nr ? bytes[i] : 0;
	settle(o, leaf);
	oracle_look(o, now);
	return i;
}

void oracle_charge(struct oracle *o, int leaf, u64 now, u64 bytes)
{
	if (!limited(o, leaf, LIMIT_BYTES))
		return;
	advance_time(o, now);
	o->node[leaf].account[LIMIT_BYTES] -= bytes;
	settle(o, leaf);
	oracle_look(o, now);
}

void oracle_idle(struct oracle *o, int leaf, u64 now)
{
	advance_time(o, now);
	o->node[leaf].waiting = false;
	o->node[leaf].asks = false;
	set_aside(o, leaf, false, 0, false);
	settle(o, leaf);
	oracle_look(o, now);
}
