// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tree promises, under mixes of users: limits and guarantees over a long
 * time, nothing left unused, shares, and how long anybody waits.
 */
#include "clock.h"

#define USERS	80
#define FEW	8
#define BATCH	4u
#define M	1000000ull
/* Seconds; an emulated machine with every checker is slow. */
#ifdef __KERNEL__
#define LONG	3ull
#else
#define LONG	30ull
#endif

/**
 * struct tenant - who asks for as much as he may, if he does
 * @l: his leaf
 * @least: bytes of his smallest request
 * @most: and of the largest
 * @charge: what each turns out to cost besides
 * @idle: he asks for nothing
 * @next: what he wants next
 * @since: since when
 * @got: bytes that he got, with what was charged
 * @ops: requests
 * @worst: longest wait of one
 */
struct tenant {
	struct parley_limit *l;
	u64 least;
	u64 most;
	u64 charge;
	bool idle;
	u64 next[BATCH];
	u64 since;
	u64 got;
	u64 ops;
	u64 worst;
};

struct mix {
	struct kunit *test;
	struct parley_limit *root;
	struct rng rng;
	u64 now;
	struct tenant user[USERS];
	unsigned int nr;
};

static void limit_to(struct kunit *test, struct parley_limit *l, u64 bytes, u64 guaranteed)
{
	struct parley_limits cfg = { .bytes.rate = bytes, .bytes_guaranteed = guaranteed };

	KUNIT_ASSERT_EQ(test, parley_limit_set(l, &cfg, START), 0);
}

static struct mix *mix_new(struct kunit *test, u64 bytes)
{
	struct mix *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->test = test;
	m->root = clock_root(test);
	m->now = START;
	m->rng.state = bytes;
	limit_to(test, m->root, bytes, 0);
	return m;
}

static struct tenant *mix_user(struct mix *m, struct parley_limit *parent, u64 least, u64 most)
{
	struct tenant *u = &m->user[m->nr++];
	unsigned int i;

	u->l = clock_node(m->test, parent);
	u->least = least;
	u->most = most;
	u->since = m->now;
	for (i = 0; i < BATCH; i++)
		u->next[i] = least + rng_below(&m->rng, most - least + 1);
	return u;
}

/* All that he may have now. */
static void user_asks(struct mix *m, struct tenant *u)
{
	unsigned int n, i;

	while (!u->idle && !parley_limit_waiting(u->l)) {
		n = parley_limit_admit(u->l, m->now, u->next, BATCH);
		if (n) {
			u->worst = max(u->worst, m->now - u->since);
			u->since = m->now;
		}
		for (i = 0; i < n; i++) {
			u->got += u->next[i] + u->charge;
			u->ops++;
			if (u->charge)
				parley_limit_charge(u->l, m->now, u->charge);
		}
		for (i = 0; i + n < BATCH; i++)
			u->next[i] = u->next[i + n];
		for (; i < BATCH; i++)
			u->next[i] = u->least + rng_below(&m->rng, u->most - u->least + 1);
	}
}

static void mix_run(struct mix *m, u64 seconds)
{
	u64 end = m->now + seconds * NSEC_PER_SEC, wait;
	unsigned int i, first;

	for (i = 0; i < m->nr; i++)
		m->user[i].since = m->now;
	while (m->now < end) {
		first = rng_below(&m->rng, m->nr);
		for (i = 0; i < m->nr; i++)
			user_asks(m, &m->user[(first + i) % m->nr]);
		wait = parley_limit_look(m->root, m->now);
		m->now += clamp(wait, 200ull * NSEC_PER_USEC, 100ull * NSEC_PER_MSEC);
		parley_limit_look(m->root, m->now);
	}
}

static void mix_forget(struct mix *m)
{
	unsigned int i;

	for (i = 0; i < m->nr; i++) {
		/* What is owed was got before, and what is set aside comes now. */
		m->user[i].got = -to_node(m->user[i].l)->account[LIMIT_BYTES];
		m->user[i].ops = 0;
		m->user[i].worst = 0;
	}
}

/* What all have got, and paid. */
static u64 mix_sum(const struct mix *m)
{
	u64 sum = 0;
	unsigned int i;

	for (i = 0; i < m->nr; i++)
		sum += m->user[i].got + to_node(m->user[i].l)->account[LIMIT_BYTES];
	return sum;
}

/* Within a thousandth, and what comes at the ends. */
static void expect_near(struct kunit *test, u64 got, u64 due, u64 ends)
{
	u64 slack = due / 1000 + ends;

	KUNIT_EXPECT_LE(test, got, due + slack);
	KUNIT_EXPECT_GE(test, got + slack, due);
}

/* A guarantee is kept whatever the others do, and what it leaves is not lost. */
static void tree_guarantee(struct kunit *test)
{
	struct mix *m = mix_new(test, 10 * M);
	struct parley_limit *a = clock_node(test, m->root), *b = clock_node(test, m->root);
	struct tenant *mine, *u;

	limit_to(test, a, 0, 3 * M);
	mine = mix_user(m, a, 4096, 65536);
	/* Small ones, large ones, larger than any burst, and a liar. */
	mix_user(m, b, 512, 512);
	mix_user(m, b, 512 << 10, 1 << 20);
	mix_user(m, b, 4 << 20, 8 << 20);
	u = mix_user(m, clock_node(test, m->root), 512, 512);
	u->charge = 16 << 20;
	mix_run(m, LONG);
	KUNIT_EXPECT_GE(test, mine->got, LONG * 3 * M * 999 / 1000);
	expect_near(test, mix_sum(m), LONG * 10 * M, M + M / 10);
	/* At most the time that his own request needs at his own rate. */
	KUNIT_EXPECT_LE(test, mine->worst, 65536 * NSEC_PER_SEC / (3 * M) +
			2 * NSEC_PER_MSEC);

	/* He stops: the others have all of it. */
	mix_forget(m);
	mine->idle = true;
	mix_run(m, LONG);
	expect_near(test, mix_sum(m), LONG * 10 * M, M + M / 10);
	/* He is back, and has it at once. */
	mix_forget(m);
	mine->idle = false;
	mix_run(m, 1);
	KUNIT_EXPECT_GE(test, mine->got, 3 * M);
}

/* What is guaranteed goes at once, and the others repay it. */
static void tree_at_once(struct kunit *test)
{
	struct parley_limit *root = clock_root(test), *a = clock_node(test, root);
	struct parley_limit *b = clock_node(test, root);

	limit_to(test, root, 1000, 0);
	limit_to(test, a, 0, 500);
	KUNIT_EXPECT_EQ(test, clock_ask(b, START, 100), 0);
	KUNIT_EXPECT_EQ(test, clock_ask(a, START, 50), 0);
	KUNIT_EXPECT_GT(test, clock_ask(a, START, 1), 0);
	parley_limit_idle(a, START);
	KUNIT_EXPECT_EQ(test, clock_go(test, b, START, 1), START + 51 * NSEC_PER_MSEC);
}

/* So many without a guarantee that their shares together are more than his. */
static void tree_crowd(struct kunit *test)
{
	struct mix *m = mix_new(test, 10 * M);
	struct tenant *mine = mix_user(m, m->root, 4096, 32768);

	limit_to(test, mine->l, 0, 5 * M);
	while (m->nr < USERS)
		mix_user(m, m->root, 512, 65536);
	mix_run(m, 3);
	KUNIT_EXPECT_GE(test, mine->got, 3 * 5 * M * 999 / 1000);
	expect_near(test, mix_sum(m), 3 * 10 * M, M + M / 10);
}

/* Three of ten are guaranteed, with bursts above when the others leave them. */
static void tree_borrows(struct kunit *test)
{
	struct mix *m = mix_new(test, 10 * M);
	struct parley_limit *a = clock_node(test, m->root), *b = clock_node(test, m->root);
	struct tenant *one, *two;

	limit_to(test, a, 8 * M, 3 * M);
	limit_to(test, b, 0, 5 * M);
	one = mix_user(m, a, 4096, 32768);
	two = mix_user(m, b, 4096, 32768);
	two->idle = true;
	mix_run(m, LONG);
	/* Alone: up to his own limit. */
	expect_near(test, one->got, LONG * 8 * M, M);
	two->idle = false;
	mix_forget(m);
	mix_run(m, LONG);
	/* Both: the rest is divided as what is guaranteed, 307 to 512 of 1024. */
	expect_near(test, mix_sum(m), LONG * 10 * M, M);
	expect_near(test, one->got, LONG * (3 * M + 2 * M * 307 / 819), 2 * M);
	expect_near(test, two->got, LONG * (5 * M + 2 * M * 512 / 819), 2 * M);
}

/* Queues of one device divide what is guaranteed to the device. */
static void tree_inner(struct kunit *test)
{
	struct mix *m = mix_new(test, 10 * M);
	struct parley_limit *a = clock_node(test, m->root), *b = clock_node(test, m->root);
	struct tenant *q[3], *other;

	limit_to(test, a, 4 * M, 4 * M);
	q[0] = mix_user(m, a, 4096, 32768);
	q[1] = mix_user(m, a, 4096, 4096);
	q[2] = mix_user(m, a, 512, 131072);
	limit_to(test, q[0]->l, 0, 2 * M);
	other = mix_user(m, b, 4096, 1 << 20);
	mix_run(m, LONG);
	/* The device has all of its limit, by its guarantee. */
	expect_near(test, q[0]->got + q[1]->got + q[2]->got, LONG * 4 * M, 2 * M);
	expect_near(test, other->got, LONG * 6 * M, 4 * M);
	KUNIT_EXPECT_GE(test, q[0]->got, LONG * 2 * M);
	/* Two without a guarantee have the same of what is left. */
	expect_near(test, q[1]->got, q[2]->got, 2 * M);
}

/* Small requests do not keep a large one out, nor does the large one pass. */
static void tree_small_and_large(struct kunit *test)
{
	struct mix *m = mix_new(test, 10 * M);
	struct tenant *small = mix_user(m, m->root, 512, 512);
	struct tenant *large = mix_user(m, m->root, 4 << 20, 4 << 20);
	struct tenant *huge = mix_user(m, m->root, 64 << 20, 64 << 20);

	mix_run(m, LONG);
	expect_near(test, mix_sum(m), LONG * 10 * M, M + M / 10);
	expect_near(test, small->got, LONG * 10 * M / 3, 4 << 20);
	expect_near(test, large->got, LONG * 10 * M / 3, 8 << 20);
	expect_near(test, huge->got, LONG * 10 * M / 3, 128 << 20);
	/* Three shares of it and of a piece, and a piece of each of the others. */
	KUNIT_EXPECT_LE(test, large->worst, (3 * ((4ull << 20) + M / 16) + M / 8) *
			NSEC_PER_SEC / (10 * M) + NSEC_PER_MSEC);
	KUNIT_EXPECT_LE(test, huge->worst, (3 * ((64ull << 20) + M / 16) + M / 8) *
			NSEC_PER_SEC / (10 * M) + NSEC_PER_MSEC);
	KUNIT_EXPECT_LE(test, small->worst, (3 * (512 + M / 16) + M / 8) *
			NSEC_PER_SEC / (10 * M) + NSEC_PER_MSEC);
}

/*
 * 512 bytes that turn out to be 128 GiB: the device did it, so it is owed, and
 * nothing more of that leaf goes until it is paid; the neighbour has his half.
 */
static void tree_owed(struct kunit *test)
{
	struct mix *m = mix_new(test, 1000 * M);
	struct tenant *liar = mix_user(m, m->root, 512, 512);
	struct tenant *other = mix_user(m, m->root, 4096, 262144);

	liar->charge = 128ull << 30;
	mix_run(m, LONG);
	/* What he got before it was known: one batch. */
	KUNIT_EXPECT_LE(test, liar->ops, BATCH);
	expect_near(test, other->got, LONG * 500 * M, 200 * M);
	/* Exactly what he does not owe any more has been paid. */
	expect_near(test, liar->got + to_node(liar->l)->account[LIMIT_BYTES],
		    LONG * 500 * M, 200 * M);
	KUNIT_EXPECT_TRUE(test, parley_limit_waiting(liar->l));
	/* To ask again and again, or to give up, helps him not at all. */
	parley_limit_idle(liar->l, m->now);
	KUNIT_EXPECT_GT(test, clock_ask(liar->l, m->now, 0), 0);
}

/* Of what is only guessed: a second of the tightest limit, however often and much it is. */
static void tree_owes_a_second(struct kunit *test)
{
	struct parley_limit *root = clock_root(test), *dev = clock_node(test, root);
	struct parley_limit *q = clock_node(test, dev);
	s64 *account = &to_node(q)->account[LIMIT_BYTES];
	u64 now = START;

	parley_limit_charge_second(q, now, M);
	KUNIT_EXPECT_EQ(test, *account, 0);
	limit_to(test, root, 2 * M, 0);
	limit_to(test, dev, M, 0);
	/* The burst pays for it at once. */
	parley_limit_charge_second(q, now, 1000);
	KUNIT_EXPECT_EQ(test, *account, 0);
	parley_limit_charge_second(q, now, U64_MAX);
	KUNIT_EXPECT_EQ(test, *account, -(s64)M + M / 10 - 1000);
	parley_limit_charge_second(q, now, M);
	KUNIT_EXPECT_EQ(test, *account, -(s64)M);
	/* What was moved indeed comes on top, and is not forgiven for that. */
	parley_limit_charge(q, now, 5 * M);
	KUNIT_EXPECT_EQ(test, *account, -(s64)(6 * M));
	parley_limit_charge_second(q, now, M);
	KUNIT_EXPECT_EQ(test, *account, -(s64)(6 * M));
}

/* Who goes away does not take his debts along. */
static void tree_heir(struct kunit *test)
{
	struct parley_limit *root = clock_root(test), *a, *b = clock_node(test, root);
	u64 now = START;

	limit_to(test, root, M, 0);
	a = parley_limit_create(root);
	KUNIT_ASSERT_NOT_NULL(test, a);
	KUNIT_ASSERT_EQ(test, clock_ask(a, now, 100000), 0);
	parley_limit_charge(a, now, M);
	parley_limit_destroy(a);
	KUNIT_EXPECT_EQ(test, to_node(root)->tree->heir->account[LIMIT_BYTES], -(s64)M);
	/* Two share a second's tokens until the debt is paid, which takes two. */
	KUNIT_EXPECT_GE(test, clock_go(test, b, now, 100000), now + 180 * NSEC_PER_MSEC);
	clock_run(b, now, now + 2 * NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, to_node(root)->tree->heir->account[LIMIT_BYTES], 0);
}

/* Every mix that can be thought of: limits, guarantees, no waste, bounded waits. */
static void tree_any_mix(struct kunit *test)
{
	struct rng rng = { 7 };
	int round;

	for (round = 0; round < 12; round++) {
		u64 rate = M + rng_below(&rng, 20 * M), aside = 0, sure = 0, due;
		struct mix *m = mix_new(test, rate);
		u64 guarantee[FEW] = {}, shares = 0, left;
		unsigned int i;

		m->rng.state = round;
		for (i = 0; i < FEW; i++) {
			u64 most = 512 + rng_below(&rng, 1ull << (9 + rng_below(&rng, 13)));
			struct tenant *u = mix_user(m, m->root, 1 + rng_below(&rng, most), most);

			if (rng_below(&rng, 2) && sure < rate * 3 / 4)
				guarantee[i] = 1 + rng_below(&rng, rate / 5);
			limit_to(test, u->l, 0, guarantee[i]);
			sure += guarantee[i];
			shares += to_node(u->l)->share;
			aside += max(most, rate / 40);
		}
		left = rate - sure;
		mix_run(m, LONG);
		due = rate / 10 + LONG * rate;
		/* What guarantees took out of an exhausted limit is their bursts. */
		KUNIT_EXPECT_LE(test, mix_sum(m), due + aside + sure / 10);
		KUNIT_EXPECT_GE(test, mix_sum(m) + due / 1000 + aside, due);
		for (i = 0; i < FEW; i++) {
			struct tenant *u = &m->user[i];
			u64 own = guarantee[i] + left * to_node(u->l)->share / shares;
			u64 piece = max(rate / 160, 4096ull);

			KUNIT_EXPECT_GE(test, u->got + aside, LONG * guarantee[i] * 999 / 1000);
			KUNIT_EXPECT_LE(test, u->worst,
					(u->most + piece) * NSEC_PER_SEC / own +
					(FEW - 1) * piece * NSEC_PER_SEC / left +
					NSEC_PER_MSEC);
		}
	}
}

/* What cannot be kept is not promised. */
static void tree_refuses(struct kunit *test)
{
	struct parley_limit *root = clock_root(test), *a = clock_node(test, root);
	struct parley_limit *b = clock_node(test, root), *q = clock_node(test, a);
	struct parley_limits cfg = { .bytes_guaranteed = 50 }, now;

	/* Of what? */
	KUNIT_EXPECT_EQ(test, parley_limit_set(root, &cfg, START), -ENOENT);
	KUNIT_EXPECT_EQ(test, parley_limit_set(a, &cfg, START), -ENOENT);
	cfg = (struct parley_limits){ .ops = { 100 } };
	KUNIT_EXPECT_EQ(test, parley_limit_set(root, &cfg, START), 0);
	cfg = (struct parley_limits){ .bytes_guaranteed = 50 };
	KUNIT_EXPECT_EQ(test, parley_limit_set(a, &cfg, START), -ENOENT);
	limit_to(test, root, 100, 0);
	/* The edge: 95 of 100. */
	limit_to(test, a, 0, 50);
	cfg.bytes_guaranteed = 46;
	KUNIT_EXPECT_EQ(test, parley_limit_set(b, &cfg, START), -ENOSPC);
	parley_limit_get(b, &now);
	KUNIT_EXPECT_EQ(test, now.bytes_guaranteed, 0);
	limit_to(test, b, 0, 45);
	/* Below it: as much as the device has, and no more. */
	cfg.bytes_guaranteed = 51;
	KUNIT_EXPECT_EQ(test, parley_limit_set(q, &cfg, START), -ENOSPC);
	limit_to(test, q, 0, 50);
	/* More than its own limit. */
	cfg = (struct parley_limits){ .bytes = { 49 }, .bytes_guaranteed = 50 };
	KUNIT_EXPECT_EQ(test, parley_limit_set(q, &cfg, START), -ERANGE);
	cfg.bytes.rate = 50;
	KUNIT_EXPECT_EQ(test, parley_limit_set(q, &cfg, START), 0);
	/* What guarantees stand on cannot be taken away. */
	cfg = (struct parley_limits){ .bytes = { 99 } };
	KUNIT_EXPECT_EQ(test, parley_limit_set(root, &cfg, START), -ENOSPC);
	cfg = (struct parley_limits){};
	KUNIT_EXPECT_EQ(test, parley_limit_set(root, &cfg, START), -ENOENT);
	parley_limit_get(root, &now);
	KUNIT_EXPECT_EQ(test, now.bytes.rate, 100);
}

static void count_wake(void *priv)
{
	++*(int *)priv;
}

/* Each who was refused is woken, once, by whatever helps him. */
static void tree_wakes(struct kunit *test)
{
	struct parley_limit *root = clock_root(test), *a = clock_node(test, root);
	struct parley_limit *b = clock_node(test, root);
	struct parley_limits cfg = {};
	int woken[2] = {};

	limit_to(test, root, 1000, 0);
	parley_limit_user(a, count_wake, &woken[0]);
	parley_limit_user(b, count_wake, &woken[1]);
	KUNIT_EXPECT_EQ(test, clock_ask(a, START, 100), 0);
	KUNIT_EXPECT_GT(test, clock_ask(b, START, 50), 0);
	KUNIT_EXPECT_EQ(test, woken[1], 0);
	/* Somebody did not go on after all. */
	parley_limit_refund(a, START, 1, 100);
	KUNIT_EXPECT_EQ(test, woken[1], 1);
	KUNIT_EXPECT_FALSE(test, parley_limit_waiting(b));
	KUNIT_EXPECT_EQ(test, clock_ask(b, START, 50), 0);
	/* Somebody waits no more. */
	KUNIT_EXPECT_EQ(test, clock_ask(a, START, 50), 0);
	KUNIT_EXPECT_GT(test, clock_ask(a, START, 100), 0);
	KUNIT_EXPECT_GT(test, clock_ask(b, START, 10), 0);
	parley_limit_look(root, START + 10 * NSEC_PER_MSEC);
	parley_limit_idle(a, START + 10 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, woken[1], 2);
	/* Time. */
	KUNIT_EXPECT_EQ(test, clock_ask(b, START + 10 * NSEC_PER_MSEC, 10), 0);
	KUNIT_EXPECT_GT(test, clock_ask(b, START + 10 * NSEC_PER_MSEC, 10), 0);
	parley_limit_look(root, START + 20 * NSEC_PER_MSEC - 1);
	KUNIT_EXPECT_EQ(test, woken[1], 2);
	parley_limit_look(root, START + 20 * NSEC_PER_MSEC);
	parley_limit_look(root, START + 21 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, woken[1], 3);
	/* Another limit. */
	KUNIT_EXPECT_EQ(test, clock_ask(b, START + 21 * NSEC_PER_MSEC, 10), 0);
	KUNIT_EXPECT_GT(test, clock_ask(b, START + 21 * NSEC_PER_MSEC, 99), 0);
	KUNIT_EXPECT_EQ(test, parley_limit_set(root, &cfg, START + 21 * NSEC_PER_MSEC), 0);
	KUNIT_EXPECT_EQ(test, woken[1], 4);
	KUNIT_EXPECT_EQ(test, woken[0], 0);
}

/* From one back end to another: its limits go along, its debts do not. */
static void tree_moves(struct kunit *test)
{
	struct parley_limit *one = clock_root(test), *two = clock_root(test);
	struct parley_limit *dev = clock_node(test, one), *q = clock_node(test, dev);
	struct parley_limits now;

	limit_to(test, one, 1000, 0);
	limit_to(test, two, 100, 0);
	limit_to(test, dev, 800, 500);
	KUNIT_EXPECT_EQ(test, clock_ask(q, START, 800), 0);
	KUNIT_EXPECT_GT(test, clock_ask(q, START, 1), 0);
	/* There are not 500 to guarantee. */
	KUNIT_EXPECT_EQ(test, parley_limit_move(dev, two, START), -ENOSPC);
	parley_limit_get(dev, &now);
	KUNIT_EXPECT_EQ(test, now.bytes.rate, 800);
	KUNIT_EXPECT_EQ(test, now.bytes_guaranteed, 0);
	KUNIT_EXPECT_FALSE(test, parley_limit_waiting(q));
	KUNIT_EXPECT_PTR_EQ(test, clock_root_of(q), two);
	KUNIT_EXPECT_EQ(test, to_node(one)->tree->heir->account[LIMIT_BYTES], -700);
	KUNIT_EXPECT_EQ(test, to_node(q)->least[LIMIT_BYTES], 10);
	/* Its own bucket is as empty as it was. */
	KUNIT_EXPECT_EQ(test, clock_go(test, q, START, 10), START + 12500 * NSEC_PER_USEC);
	KUNIT_EXPECT_EQ(test, clock_ask(q, START + NSEC_PER_SEC, 10), 0);
	KUNIT_EXPECT_GT(test, clock_ask(q, START + NSEC_PER_SEC, 10), 0);
	KUNIT_EXPECT_EQ(test, two->throttled, 1);
	parley_limit_idle(q, START + NSEC_PER_SEC);
	/* Back again, and guaranteed again. */
	limit_to(test, two, 100, 0);
	KUNIT_EXPECT_EQ(test, parley_limit_move(dev, one, START), 0);
	limit_to(test, dev, 800, 500);
}

static struct kunit_case tree_cases[] = {
	KUNIT_CASE(tree_guarantee),
	KUNIT_CASE(tree_at_once),
	KUNIT_CASE(tree_crowd),
	KUNIT_CASE(tree_borrows),
	KUNIT_CASE(tree_inner),
	KUNIT_CASE(tree_small_and_large),
	KUNIT_CASE(tree_owed),
	KUNIT_CASE(tree_owes_a_second),
	KUNIT_CASE(tree_heir),
	KUNIT_CASE(tree_any_mix),
	KUNIT_CASE(tree_refuses),
	KUNIT_CASE(tree_wakes),
	KUNIT_CASE(tree_moves),
	{}
};

static struct kunit_suite tree_suite = {
	.name = "parley_limits_tree",
	.test_cases = tree_cases,
};

kunit_test_suites(&tree_suite);
