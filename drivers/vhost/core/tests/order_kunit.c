// SPDX-License-Identifier: GPL-2.0-only
/* Who is served next: against what was promised, and against a slow twin. */
#include <kunit/test.h>
#include <linux/math64.h>
#include <linux/prandom.h>
#include <linux/sizes.h>
#include "../order.h"

#define ORDER_MANY	12u
#define ORDER_COST	SZ_1M

/**
 * struct who - somebody who takes turns
 * @share: his
 * @account: who pays, if it is not another
 * @cost: of all his turns so far
 */
struct who {
	struct vh_share share;
	struct vh_account account;
	u64 cost;
};

struct crowd {
	struct kunit *test;
	struct vh_order order;
	struct who who[ORDER_MANY];
	unsigned int nr;
	struct rnd_state rnd;
};

static struct crowd *crowd_make(struct kunit *test, u64 seed)
{
	struct crowd *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, c);
	c->test = test;
	prandom_seed_state(&c->rnd, seed);
	vh_order_init(&c->order);
	return c;
}

static u32 crowd_random(struct crowd *c, u32 below)
{
	return prandom_u32_state(&c->rnd) % below;
}

static struct who *crowd_join(struct crowd *c, unsigned int class, u32 weight)
{
	struct who *w = &c->who[c->nr++];

	w->account = (struct vh_account){ .class = class, .weight = weight };
	vh_order_join(&w->share, &w->account);
	KUNIT_EXPECT_FALSE(c->test, vh_order_add(&c->order, &w->share));
	return w;
}

/* One more on the account of @other. */
static struct who *crowd_split(struct crowd *c, struct who *other)
{
	struct who *w = &c->who[c->nr++];

	vh_order_join(&w->share, &other->account);
	KUNIT_EXPECT_FALSE(c->test, vh_order_add(&c->order, &w->share));
	return w;
}

static struct who *crowd_next(struct crowd *c)
{
	struct vh_share *s = vh_order_next(&c->order);

	return s ? container_of(s, struct who, share) : NULL;
}

static void crowd_charge(struct crowd *c, struct who *w, u64 cost)
{
	w->cost += cost;
	vh_order_charge(&c->order, &w->share, cost);
}

static void crowd_turn(struct crowd *c, u64 cost)
{
	struct who *w = crowd_next(c);

	KUNIT_ASSERT_NOT_NULL(c->test, w);
	crowd_charge(c, w, cost);
	vh_order_add(&c->order, &w->share);
}

/* What two had is as their weights, but for a pass and a turn. */
static void crowd_check(struct crowd *c)
{
	unsigned int i, j;

	for (i = 0; i < c->nr; i++) {
		for (j = 0; j < i; j++) {
			struct who *a = &c->who[i], *b = &c->who[j];
			s64 diff = div_u64(a->cost, a->account.weight) -
				   div_u64(b->cost, b->account.weight);

			KUNIT_EXPECT_LE(c->test, abs(diff), (s64)VH_CREDIT + 2 + ORDER_COST /
					min(a->account.weight, b->account.weight));
		}
	}
}

/* Whatever turns cost, the error of the shares does not grow. */
static void order_by_weight(struct kunit *test)
{
	u64 seed;

	for (seed = 1; seed <= 8; seed++) {
		struct crowd *c = crowd_make(test, seed);
		unsigned int i, nr = 2 + crowd_random(c, ORDER_MANY - 2);

		for (i = 0; i < nr; i++)
			crowd_join(c, 1, seed % 2 ? 1 + crowd_random(c, VH_WEIGHT_MAX) :
				   i ? VH_WEIGHT_MAX : 1);
		for (i = 0; i < 20000; i++) {
			crowd_turn(c, 1 + crowd_random(c, crowd_random(c, 8) ? 8192 :
						       ORDER_COST));
			if (i % 997 == 0)
				crowd_check(c);
		}
		crowd_check(c);
	}
}

/* In the long run, to a thousandth. */
static void order_exact(struct kunit *test)
{
	struct crowd *c = crowd_make(test, 3);
	struct who *a = crowd_join(c, 0, 300), *b = crowd_join(c, 0, 100);
	unsigned int i;

	/* The first one's turns are small, those of the other large. */
	for (i = 0; i < 200000; i++) {
		struct who *w = crowd_next(c);

		crowd_charge(c, w, w == a ? 8192 : 1 + crowd_random(c, SZ_64K));
		vh_order_add(&c->order, &w->share);
	}
	KUNIT_EXPECT_LT(test, abs((s64)(a->cost - 3 * b->cost)), (s64)(a->cost / 1000));
}

/**
 * struct twin - the same, pass by pass
 * @line: who is ready, the next one first
 * @nr: how many
 * @credit: of each
 */
struct twin {
	unsigned int line[ORDER_MANY];
	unsigned int nr;
	s64 credit[ORDER_MANY];
};

static void twin_add(struct twin *t, unsigned int who, bool again)
{
	if (again && t->credit[who] > 0) {
		memmove(t->line + 1, t->line, t->nr++ * sizeof(t->line[0]));
		t->line[0] = who;
		return;
	}
	if (!again)
		t->credit[who] = min(t->credit[who], 0);
	t->line[t->nr++] = who;
}

static unsigned int twin_next(struct twin *t, const struct crowd *c)
{
	unsigned int i, who;

	for (;;) {
		for (i = 0; i < t->nr; i++) {
			who = t->line[i];
			if (t->credit[who] <= 0)
				continue;
			t->nr--;
			memmove(t->line + i, t->line + i + 1,
				(t->nr - i) * sizeof(t->line[0]));
			return who;
		}
		for (i = 0; i < t->nr; i++) {
			s64 one = (s64)c->who[t->line[i]].account.weight * VH_CREDIT;

			who = t->line[i];
			t->credit[who] = min(t->credit[who] + one, one);
		}
	}
}

/* Turns, sleeps and wake-ups in any order: passes that are reckoned are as if walked. */
static void order_like_its_twin(struct kunit *test)
{
	struct crowd *c = crowd_make(test, 11);
	struct twin *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	bool asleep[ORDER_MANY] = {};
	unsigned int i, n, who;

	KUNIT_ASSERT_NOT_NULL(test, t);
	for (i = 0; i < ORDER_MANY; i++) {
		crowd_join(c, 0, 1 + crowd_random(c, VH_WEIGHT_MAX));
		twin_add(t, i, false);
	}
	for (n = 0; n < 20000; n++) {
		u64 cost = 1 + crowd_random(c, SZ_4M);
		struct who *w = crowd_next(c);

		if (w) {
			who = twin_next(t, c);
			KUNIT_ASSERT_EQ(test, w - c->who, who);
			crowd_charge(c, w, cost);
			t->credit[who] -= cost;
			asleep[who] = crowd_random(c, 3) == 0;
			if (!asleep[who]) {
				vh_order_add(&c->order, &w->share);
				twin_add(t, who, true);
			}
		}
		who = crowd_random(c, ORDER_MANY);
		if (asleep[who]) {
			asleep[who] = false;
			vh_order_idle(&c->order, &c->who[who].share);
			vh_order_add(&c->order, &c->who[who].share);
			twin_add(t, who, false);
		}
	}
}

/* Classes: first the first, and one that was passed over seven times has the eighth turn. */
static void order_floor(struct kunit *test)
{
	const u64 all[] = { 601, 100, 100 }, without[] = { 0, 700, 100 };
	struct crowd *c = crowd_make(test, 5);
	unsigned int i;

	for (i = 0; i < VH_CLASSES; i++)
		crowd_join(c, i, 100);
	for (i = 0; i < 801; i++)
		crowd_turn(c, 1);
	for (i = 0; i < VH_CLASSES; i++) {
		KUNIT_EXPECT_EQ(test, c->who[i].cost, all[i]);
		c->who[i].cost = 0;
	}
	vh_order_idle(&c->order, &c->who[0].share);
	for (i = 0; i < 800; i++)
		crowd_turn(c, 1);
	for (i = 0; i < VH_CLASSES; i++)
		KUNIT_EXPECT_EQ(test, c->who[i].cost, without[i]);
}

/* Whatever is ready when: no class waits longer, and none has a turn before its time. */
static void order_floor_is_a_floor(struct kunit *test)
{
	struct crowd *c = crowd_make(test, 14);
	unsigned int passed[VH_CLASSES] = {}, turn, class, i;
	struct vh_floor f = {};

	for (i = 0; i < 20000; i++) {
		unsigned long ready = 1 + crowd_random(c, BIT(VH_CLASSES) - 1);

		turn = vh_floor_turn(&f, ready);
		KUNIT_ASSERT_TRUE(test, ready & BIT(turn));
		KUNIT_ASSERT_TRUE(test, turn == __ffs(ready) || passed[turn] >= VH_FLOOR - 1);
		for (class = 0; class < VH_CLASSES; class++) {
			passed[class] = class != turn && ready & BIT(class) ?
					passed[class] + 1 : 0;
			KUNIT_ASSERT_LT(test, passed[class], VH_FLOOR + VH_CLASSES - 2);
		}
	}
}

/* One with a request now and then beside a busy one: it never waits for a floor. */
static void order_floor_leaves_alone(struct kunit *test)
{
	struct vh_floor f = {};
	unsigned int i;

	for (i = 0; i < 100; i++) {
		KUNIT_ASSERT_EQ(test, vh_floor_turn(&f, BIT(0) | BIT(2)), 0);
		KUNIT_ASSERT_EQ(test, vh_floor_turn(&f, BIT(2)), 2);
	}
}

/* Who was alone for long does not pay for it when another comes. */
static void order_alone_owes_nothing(struct kunit *test)
{
	struct crowd *c = crowd_make(test, 6);
	struct who *a = crowd_join(c, 1, 100), *b;
	unsigned int i;

	KUNIT_ASSERT_PTR_EQ(test, crowd_next(c), a);
	for (i = 0; i < 1000; i++) {
		vh_order_charge(&c->order, &a->share, ORDER_COST);
		vh_order_alone(&c->order, &a->share);
	}
	vh_order_add(&c->order, &a->share);
	b = crowd_join(c, 1, 100);
	for (i = 0; i < 2000; i++)
		crowd_turn(c, 4096);
	KUNIT_EXPECT_LE(test, abs((s64)(a->cost - b->cost)), 2 * 100 * VH_CREDIT + 4096);
}

/* Nor does who owes get rid of it by a nap. */
static void order_debt_stays(struct kunit *test)
{
	struct crowd *c = crowd_make(test, 7);
	struct who *a = crowd_join(c, 1, 1), *b = crowd_join(c, 1, 1);
	unsigned int i;

	KUNIT_ASSERT_PTR_EQ(test, crowd_next(c), a);
	vh_order_charge(&c->order, &a->share, 10 * VH_CREDIT);
	vh_order_idle(&c->order, &a->share);
	vh_order_add(&c->order, &a->share);
	for (i = 0; i < 9; i++) {
		KUNIT_EXPECT_PTR_EQ(test, crowd_next(c), b);
		crowd_charge(c, b, VH_CREDIT);
		vh_order_add(&c->order, &b->share);
	}
	/* And who had credit when he went to sleep does not save it. */
	vh_order_idle(&c->order, &b->share);
	b->account.credit = VH_CREDIT;
	vh_order_add(&c->order, &b->share);
	KUNIT_EXPECT_EQ(test, b->account.credit, 0);
	/* A new share, as of a worker that its owner made anew, owes what the old one did. */
	vh_order_charge(&c->order, &b->share, 10 * VH_CREDIT);
	vh_order_idle(&c->order, &b->share);
	vh_order_join(&b->share, &b->account);
	vh_order_add(&c->order, &b->share);
	KUNIT_EXPECT_EQ(test, b->account.credit, -10 * VH_CREDIT);
}

/* Who splits his work has no more of it: one of many shares against one of one. */
static void order_split(struct kunit *test)
{
	struct crowd *c = crowd_make(test, 12);
	struct who *a = crowd_join(c, 1, 100), *b = crowd_join(c, 1, 100);
	u64 split = 0;
	unsigned int i;

	while (c->nr < ORDER_MANY)
		crowd_split(c, b);
	for (i = 0; i < 20000; i++)
		crowd_turn(c, 1 + crowd_random(c, ORDER_COST));
	for (i = 1; i < ORDER_MANY; i++) {
		split += c->who[i].cost;
		/* And each of the shares has its turns. */
		KUNIT_EXPECT_GT(test, c->who[i].cost, 0);
	}
	KUNIT_EXPECT_LE(test, abs((s64)(a->cost - split)), 100 * VH_CREDIT + 2 * ORDER_COST);
	KUNIT_EXPECT_EQ(test, b->account.users, ORDER_MANY - 1);
	for (i = 1; i < ORDER_MANY; i++)
		vh_order_idle(&c->order, &c->who[i].share);
	KUNIT_EXPECT_EQ(test, b->account.users, 0);
	KUNIT_EXPECT_EQ(test, c->order.nr_ready, 1);
}

/* Two of one account are served at once: both are charged, passes count once. */
static void order_split_at_once(struct kunit *test)
{
	struct crowd *c = crowd_make(test, 13);
	struct who *a = crowd_join(c, 1, 10), *b = crowd_join(c, 1, 10);
	struct who *d = crowd_split(c, b);
	unsigned int i;

	vh_order_idle(&c->order, &a->share);
	KUNIT_ASSERT_PTR_EQ(test, crowd_next(c), b);
	KUNIT_ASSERT_PTR_EQ(test, crowd_next(c), d);
	vh_order_add(&c->order, &a->share);
	for (i = 0; i < 7; i++)
		crowd_turn(c, 10 * VH_CREDIT);
	crowd_charge(c, b, 30 * VH_CREDIT);
	crowd_charge(c, d, 20 * VH_CREDIT);
	vh_order_add(&c->order, &b->share);
	vh_order_add(&c->order, &d->share);
	/* A pass of the start, and the seven since: 8 of 5, of which one is saved. */
	KUNIT_EXPECT_EQ(test, b->account.credit, 10 * VH_CREDIT);
}

/* Passes that go by while another thread serves it are its own as well, but for one. */
static void order_served_elsewhere(struct kunit *test)
{
	struct crowd *c = crowd_make(test, 8);
	struct who *a = crowd_join(c, 1, 10), *b = crowd_join(c, 1, 10);
	unsigned int i;

	KUNIT_ASSERT_PTR_EQ(test, crowd_next(c), a);
	for (i = 0; i < 5; i++)
		crowd_turn(c, 10 * VH_CREDIT);
	KUNIT_EXPECT_EQ(test, b->cost, 50 * VH_CREDIT);
	crowd_charge(c, a, 35 * VH_CREDIT);
	vh_order_add(&c->order, &a->share);
	/* One pass of credit from the start, and four that it missed: 5 of 3.5. */
	KUNIT_EXPECT_EQ(test, a->account.credit, 10 * VH_CREDIT);
	KUNIT_EXPECT_PTR_EQ(test, crowd_next(c), a);
}

/* A turn of any cost is reckoned with: no loop, no overflow. */
static void order_any_cost(struct kunit *test)
{
	struct crowd *c = crowd_make(test, 9);
	struct who *a = crowd_join(c, 2, 1), *b = crowd_join(c, 2, VH_WEIGHT_MAX);
	unsigned int i;

	for (i = 0; i < 100; i++) {
		KUNIT_ASSERT_NOT_NULL(test, crowd_next(c));
		vh_order_charge(&c->order, &a->share, U64_MAX);
		vh_order_charge(&c->order, &b->share, U64_MAX);
		vh_order_add(&c->order, a->share.ready ? &b->share : &a->share);
		KUNIT_ASSERT_LT(test, a->account.credit, 0);
	}
	KUNIT_EXPECT_EQ(test, c->order.nr_ready, 2);
}

static struct kunit_case order_cases[] = {
	KUNIT_CASE(order_by_weight),
	KUNIT_CASE(order_exact),
	KUNIT_CASE(order_like_its_twin),
	KUNIT_CASE(order_floor),
	KUNIT_CASE(order_floor_is_a_floor),
	KUNIT_CASE(order_floor_leaves_alone),
	KUNIT_CASE(order_alone_owes_nothing),
	KUNIT_CASE(order_debt_stays),
	KUNIT_CASE(order_split),
	KUNIT_CASE(order_split_at_once),
	KUNIT_CASE(order_served_elsewhere),
	KUNIT_CASE(order_any_cost),
	{}
};

static struct kunit_suite order_suite = {
	.name = "parley_vhost_order",
	.test_cases = order_cases,
};

kunit_test_suite(order_suite);
