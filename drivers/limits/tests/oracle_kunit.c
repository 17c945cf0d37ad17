// SPDX-License-Identifier: GPL-2.0-only
/* Random trees and traffic: the limits and the oracle agree in every answer. */
#include "oracle.h"

/* An emulated machine with every checker is slow. */
#ifdef __KERNEL__
#define TREES	20
#else
#define TREES	500
#endif
#define STEPS	600

struct pair {
	struct kunit *test;
	struct rng rng;
	struct oracle oracle;
	struct parley_limit *node[ORACLE_NODES];
	u64 now;
};

/* Something between a token a second and the most, smaller ones more often. */
static u64 random_rate(struct pair *p, u64 most)
{
	return 1 + rng_below(&p->rng, max(most >> rng_below(&p->rng, 24), 1ull));
}

static void random_limits(struct pair *p, struct parley_limits *cfg, u64 most)
{
	*cfg = (struct parley_limits){};
	if (rng_below(&p->rng, 2))
		cfg->bytes = (struct parley_rate){ random_rate(p, most),
			rng_below(&p->rng, 2) ? 0 : random_rate(p, most) };
	if (!rng_below(&p->rng, 3))
		cfg->ops = (struct parley_rate){ random_rate(p, most >> 10),
			rng_below(&p->rng, 2) ? 0 : random_rate(p, most >> 10) };
	if (!rng_below(&p->rng, 3))
		cfg->bytes_guaranteed = random_rate(p, most / 8);
	if (!rng_below(&p->rng, 4))
		cfg->ops_guaranteed = random_rate(p, most >> 13);
}

static int pair_add(struct pair *p, int parent)
{
	struct parley_limit *l = parent < 0 ? clock_root(p->test) :
				 clock_node(p->test, p->node[parent]);
	struct parley_limits cfg;
	int i;

	/* What cannot be guaranteed is refused; without it nothing is. */
	random_limits(p, &cfg, parent < 0 ? BIT_ULL(32) : BIT_ULL(31));
	if (parley_limit_set(l, &cfg, START)) {
		cfg.ops_guaranteed = 0;
		cfg.bytes_guaranteed = 0;
		KUNIT_ASSERT_EQ(p->test, parley_limit_set(l, &cfg, START), 0);
	}
	i = oracle_add(&p->oracle, parent, &cfg);
	p->node[i] = l;
	return i;
}

static void pair_grow(struct pair *p)
{
	int root, dev, d, q, devs = 1 + rng_below(&p->rng, 4);

	oracle_init(&p->oracle, START);
	root = pair_add(p, -1);
	for (d = 0; d < devs; d++) {
		dev = pair_add(p, root);
		for (q = rng_below(&p->rng, 4); q >= 0; q--)
			pair_add(p, dev);
	}
}

static void random_costs(struct pair *p, u64 *bytes, unsigned int nr)
{
	u64 most = 1ull << rng_below(&p->rng, 28);

	while (nr--)
		bytes[nr] = rng_below(&p->rng, 8) ? rng_below(&p->rng, most) : 0;
}

static void pair_step(struct pair *p, int leaf)
{
	struct parley_limit *l = p->node[leaf];
	unsigned int nr = 1 + rng_below(&p->rng, 8);
	u64 bytes[8];

	random_costs(p, bytes, nr);
	switch (rng_below(&p->rng, 16)) {
	case 0:
		parley_limit_charge(l, p->now, bytes[0]);
		oracle_charge(&p->oracle, leaf, p->now, bytes[0]);
		break;
	case 1:
		parley_limit_idle(l, p->now);
		oracle_idle(&p->oracle, leaf, p->now);
		break;
	case 2 ... 5:
		parley_limit_look(p->node[0], p->now);
		oracle_look(&p->oracle, p->now);
		break;
	default:
		KUNIT_ASSERT_EQ(p->test, parley_limit_admit(l, p->now, bytes, nr),
				oracle_admit(&p->oracle, leaf, p->now, bytes, nr));
	}
}

/* Nobody who could be paid is left: nothing is idle while somebody waits. */
static void pair_compare(struct pair *p, bool levels)
{
	int i, k;

	if (levels) {
		parley_limit_look(p->node[0], p->now);
		oracle_look(&p->oracle, p->now);
	}
	for (i = 0; i < p->oracle.nr; i++) {
		struct limit_node *n = to_node(p->node[i]);
		struct oracle_node *o = &p->oracle.node[i];

		if (levels)
			parley_limit_fill(n, p->now);
		if (!o->inner) {
			KUNIT_ASSERT_EQ(p->test, n->pub.waiting, o->waiting);
			KUNIT_ASSERT_FALSE(p->test, oracle_payable(&p->oracle, i));
		}
		for_each_kind(k) {
			KUNIT_ASSERT_EQ(p->test, n->account[k], (s64)o->account[k]);
			if (!levels)
				continue;
			KUNIT_ASSERT_TRUE(p->test, n->limit[k].level * (s128)NSEC_PER_SEC +
					  n->limit[k].frac == o->limit[k].level);
			KUNIT_ASSERT_TRUE(p->test, n->guarantee[k].level * (s128)NSEC_PER_SEC +
					  n->guarantee[k].frac == o->guarantee[k].level);
		}
	}
}

static void oracle_agrees(struct kunit *test)
{
	struct pair *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	unsigned int tree, step;
	int leaf;

	KUNIT_ASSERT_NOT_NULL(test, p);
	p->test = test;
	for (tree = 0; tree < TREES; tree++) {
		p->rng.state = tree;
		p->now = START;
		pair_grow(p);
		for (step = 0; step < STEPS; step++) {
			p->now += rng_below(&p->rng, 1ull << rng_below(&p->rng, 31));
			do
				leaf = rng_below(&p->rng, p->oracle.nr);
			while (p->oracle.node[leaf].inner);
			pair_step(p, leaf);
			pair_compare(p, step % 64 == 63);
			if (test->status == KUNIT_FAILURE)
				return;
		}
	}
}

static struct kunit_case oracle_cases[] = {
	KUNIT_CASE(oracle_agrees),
	{}
};

static struct kunit_suite oracle_suite = {
	.name = "parley_limits_oracle",
	.test_cases = oracle_cases,
};

kunit_test_suites(&oracle_suite);
