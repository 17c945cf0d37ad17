// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trees of a thousand devices: what is set gets everywhere, who made, moves and sets
 * holds the lock for a node at a time, and who only asks does not take it.
 */
#include "clock.h"

#define DEVICES	1000u
#define QUEUES	4u
#define FEW	16u	/* list entries in one go; nobody waits in these trees */

#ifdef __KERNEL__
/* How long the lock is held shows in user space, where the locks count. */
#define crowd_begin()		((void)0)
#define crowd_steps()		0u
#define crowd_taken()		0u
#else
struct user_locks the_user_locks;

static void crowd_begin(void)
{
	the_user_locks.taken = 0;
	the_user_locks.most_steps = 0;
}

static unsigned long crowd_steps(void)
{
	return the_user_locks.most_steps;
}

static unsigned long crowd_taken(void)
{
	return the_user_locks.taken;
}
#endif

struct crowd {
	struct parley_limit *root;
	struct parley_limit *device[DEVICES];
	struct parley_limit *queue[DEVICES][QUEUES];
	unsigned int woken;
};

static void crowd_end(void *arg)
{
	struct crowd *c = arg;
	unsigned int d, q;

	for (d = 0; d < DEVICES; d++) {
		for (q = 0; q < QUEUES; q++)
			parley_limit_destroy(c->queue[d][q]);
		parley_limit_destroy(c->device[d]);
	}
	parley_limit_destroy(c->root);
}

static struct crowd *crowd_new(struct kunit *test)
{
	struct crowd *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	unsigned int d, q;

	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, crowd_end, c), 0);
	c->root = parley_limit_create(NULL);
	KUNIT_ASSERT_NOT_NULL(test, c->root);
	parley_limit_manual(c->root);
	for (d = 0; d < DEVICES; d++) {
		c->device[d] = parley_limit_create(c->root);
		KUNIT_ASSERT_NOT_NULL(test, c->device[d]);
		for (q = 0; q < QUEUES; q++) {
			c->queue[d][q] = parley_limit_create(c->device[d]);
			KUNIT_ASSERT_NOT_NULL(test, c->queue[d][q]);
		}
	}
	return c;
}

static void crowd_set(struct kunit *test, struct parley_limit *l, u64 bytes, u64 guaranteed)
{
	struct parley_limits cfg = { .bytes.rate = bytes, .bytes_guaranteed = guaranteed };

	KUNIT_ASSERT_EQ(test, parley_limit_set(l, &cfg, START), 0);
}

/* Every leaf knows of it: the least burst, and who is active. */
static void crowd_knows(struct kunit *test, struct crowd *c, u64 least, bool active)
{
	unsigned int d, q, wrong = 0;

	for (d = 0; d < DEVICES; d++)
		for (q = 0; q < QUEUES; q++)
			wrong += to_node(c->queue[d][q])->least[LIMIT_BYTES] != least ||
				 parley_limit_active(c->queue[d][q]) != active;
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

/* Whatever is done to a large tree, the lock is never held for much of it. */
static void crowd_is_walked_in_pieces(struct kunit *test)
{
	struct parley_limit *other = clock_root(test), *more;
	struct crowd *c;

	crowd_begin();
	c = crowd_new(test);
	crowd_knows(test, c, S64_MAX, false);
	crowd_set(test, c->root, 1000000, 0);
	crowd_knows(test, c, 100000, true);
	crowd_set(test, c->device[1], 500000, 300000);
	crowd_set(test, c->queue[1][1], 0, 200000);
	KUNIT_EXPECT_EQ(test, to_node(c->queue[1][1])->share,
			200000ull * PARLEY_LIMIT_SHARES / 500000);
	KUNIT_EXPECT_EQ(test, to_node(c->device[1])->share,
			300000ull * PARLEY_LIMIT_SHARES / 1000000);
	KUNIT_EXPECT_TRUE(test, to_node(c->root)->guarded);
	/* Another joins, leaves and goes; so does one for which something is set. */
	more = parley_limit_create(c->root);
	KUNIT_ASSERT_NOT_NULL(test, more);
	KUNIT_EXPECT_TRUE(test, parley_limit_active(more));
	KUNIT_EXPECT_EQ(test, parley_limit_move(more, other, START), 0);
	KUNIT_EXPECT_FALSE(test, parley_limit_active(more));
	KUNIT_EXPECT_EQ(test, parley_limit_move(more, c->root, START), 0);
	KUNIT_EXPECT_TRUE(test, parley_limit_active(more));
	crowd_set(test, more, 1, 0);
	parley_limit_destroy(more);
	KUNIT_EXPECT_EQ(test, parley_limit_move(c->device[1], other, START), -ENOENT);
	KUNIT_EXPECT_FALSE(test, to_node(c->root)->guarded);
	KUNIT_EXPECT_EQ(test, parley_limit_move(c->device[1], c->root, START), 0);
	crowd_set(test, c->device[1], 0, 0);
	crowd_set(test, c->root, 0, 0);
	crowd_knows(test, c, S64_MAX, false);
	KUNIT_EXPECT_LE(test, crowd_steps(), FEW);
}

static void crowd_wake(void *priv)
{
	++*(unsigned int *)priv;
}

/* All that wait are asked again, once, and what they asked for is theirs. */
static void crowd_is_woken(struct kunit *test)
{
	struct crowd *c = crowd_new(test);
	unsigned int d, went = 0;
	const u64 one = 1;

	crowd_set(test, c->root, 1, 0);
	for (d = 0; d < DEVICES; d++) {
		parley_limit_user(c->queue[d][0], crowd_wake, &c->woken);
		went += parley_limit_admit(c->queue[d][0], START, &one, 1);
	}
	KUNIT_EXPECT_EQ(test, went, 1);
	KUNIT_EXPECT_EQ(test, c->woken, 0);
	crowd_set(test, c->root, 0, 0);
	KUNIT_EXPECT_EQ(test, c->woken, DEVICES - 1);
	for (d = 0; d < DEVICES; d++)
		went += parley_limit_admit(c->queue[d][0], START, &one, 1);
	KUNIT_EXPECT_EQ(test, went, 1 + DEVICES);
}

/* Who shows what is set is not in the way of who is limited by it. */
static void crowd_may_look(struct kunit *test)
{
	struct parley_limit *root = clock_root(test), *l = clock_node(test, root);
	struct parley_limits now;

	crowd_set(test, root, 1000, 0);
	crowd_set(test, l, 100, 50);
	crowd_begin();
	parley_limit_get(l, &now);
	KUNIT_EXPECT_EQ(test, now.bytes.rate, 100);
	KUNIT_EXPECT_EQ(test, now.bytes.burst, 10);
	KUNIT_EXPECT_EQ(test, now.bytes_guaranteed, 50);
	KUNIT_EXPECT_EQ(test, crowd_taken(), 0);
}

/* How many of a device's queues are asked for: all, or one. */
static unsigned int crowd_queues(unsigned int d, unsigned int whole)
{
	return d < whole ? QUEUES : 1;
}

/* Each of the queues asks for an operation, the one of the last device last. */
static void crowd_ask(struct kunit *test, struct crowd *c, unsigned int whole,
		      unsigned int last, unsigned int goes)
{
	const u64 one = 1;
	unsigned int d, q;

	for (d = 0; d <= last; d++)
		for (q = 0; q < crowd_queues(d, whole); q++)
			KUNIT_ASSERT_EQ(test, goes,
					parley_limit_admit(c->queue[d][q], START, &one, 1));
}

/*
 * @whole devices whose queues all wait for limits of their own, @more that wait for the
 * device's, and behind them one that waits for the root's only; returns after how many
 * looks it went.
 */
static unsigned int crowd_turn(struct kunit *test, unsigned int whole, unsigned int more)
{
	unsigned int d, q, looks = 0, nr = whole * QUEUES + more;
	struct parley_limits some = { .ops.rate = 1000, .ops.burst = nr + 1 };
	const struct parley_limits few = { .ops.rate = 1 };
	struct crowd *c = crowd_new(test);
	struct parley_limit *last = c->queue[whole + more][0];
	const u64 one = 1, now = START + NSEC_PER_MSEC;

	KUNIT_ASSERT_EQ(test, parley_limit_set(c->root, &some, START), 0);
	for (d = 0; d < whole + more; d++)
		for (q = 0; q < crowd_queues(d, whole); q++)
			KUNIT_ASSERT_EQ(test, parley_limit_set(d < whole ? c->queue[d][q] :
							       c->device[d], &few, START), 0);
	/* What there is goes to each of them once; then all wait. */
	crowd_ask(test, c, whole, whole + more, 1);
	crowd_ask(test, c, whole, whole + more, 0);
	crowd_begin();
	while (parley_limit_waiting(last) && looks < DEVICES) {
		KUNIT_EXPECT_GT(test, parley_limit_look(c->root, now), 0);
		looks++;
	}
	KUNIT_EXPECT_LE(test, crowd_steps(), 2 * LIMIT_LOOKS);
	KUNIT_EXPECT_EQ(test, parley_limit_admit(last, now, &one, 1), 1);
	return looks;
}

/* A device whose queues are looked at in vain is one more; who is last is not. */
#define WHOLE	((LIMIT_LOOKS - 1) / (QUEUES + 1))
#define MORE	((LIMIT_LOOKS - 1) % (QUEUES + 1))

/* Nobody is looked at for long, and nobody is passed for ever. */
static void crowd_is_looked_at_in_pieces(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, crowd_turn(test, 0, 1), 1);
	KUNIT_EXPECT_EQ(test, crowd_turn(test, WHOLE, MORE), 1);
	KUNIT_EXPECT_EQ(test, crowd_turn(test, WHOLE, MORE + 1), 2);
	KUNIT_EXPECT_EQ(test, crowd_turn(test, DEVICES - 1, 0),
			(DEVICES - 1) * (QUEUES + 1) / LIMIT_LOOKS + 1);
}

static struct kunit_case crowd_cases[] = {
	KUNIT_CASE(crowd_is_walked_in_pieces),
	KUNIT_CASE(crowd_is_woken),
	KUNIT_CASE(crowd_may_look),
	KUNIT_CASE(crowd_is_looked_at_in_pieces),
	{}
};

static struct kunit_suite crowd_suite = {
	.name = "parley_limits_crowd",
	.test_cases = crowd_cases,
};

kunit_test_suites(&crowd_suite);
