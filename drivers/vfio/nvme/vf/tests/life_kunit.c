// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must be there before what: each step done and undone in each state.
 */
#include <kunit/test.h>
#include "../vf.h"

#define DOMAIN		PARLEY_LIFE_DOMAIN
#define INTERRUPTS	PARLEY_LIFE_INTERRUPTS
#define PRESENT		PARLEY_LIFE_PRESENT
#define ENABLED		PARLEY_LIFE_ENABLED
#define QUEUES		PARLEY_LIFE_QUEUES
#define MEMORY		PARLEY_LIFE_MEMORY
#define STATES		BIT(PARLEY_LIFE_STEPS)

/* The rules, as they are said: the first before the second, and gone after it. */
struct rule {
	enum parley_life_step first;
	enum parley_life_step then;
	bool begins;		/* only before */
};

static const struct rule rules[] = {
	{ DOMAIN, INTERRUPTS },
	{ DOMAIN, PRESENT },
	{ INTERRUPTS, PRESENT },
	{ DOMAIN, ENABLED },
	{ INTERRUPTS, ENABLED },
	{ INTERRUPTS, QUEUES },
	{ ENABLED, QUEUES },
	{ DOMAIN, MEMORY },
	{ PRESENT, MEMORY },
	{ QUEUES, MEMORY, true },
};

static bool may_do(unsigned long there, enum parley_life_step step)
{
	const struct rule *r;

	if (there & BIT(step))
		return false;
	for (r = rules; r < rules + ARRAY_SIZE(rules); r++)
		if (r->then == step && !(there & BIT(r->first)))
			return false;
	return true;
}

static bool may_undo(unsigned long there, enum parley_life_step step)
{
	const struct rule *r;

	if (!(there & BIT(step)))
		return false;
	for (r = rules; r < rules + ARRAY_SIZE(rules); r++)
		if (r->first == step && (there & BIT(r->then)) && !r->begins)
			return false;
	return true;
}

static void each_step_in_each_state_is_as_the_rules_say(struct kunit *test)
{
	unsigned long there;
	unsigned int step;

	for (there = 0; there < STATES; there++)
		for (step = 0; step < PARLEY_LIFE_STEPS; step++) {
			KUNIT_EXPECT_EQ_MSG(test, may_do(there, step),
					    parley_life_can_do(there, step),
					    "%#lx does %u", there, step);
			KUNIT_EXPECT_EQ_MSG(test, may_undo(there, step),
					    parley_life_can_undo(there, step),
					    "%#lx undoes %u", there, step);
		}
}

static bool holds(unsigned long there)
{
	const struct rule *r;

	for (r = rules; r < rules + ARRAY_SIZE(rules); r++)
		if ((there & BIT(r->then)) && !(there & BIT(r->first)) && !r->begins)
			return false;
	return true;
}

/* All that can come of nothing, by whatever steps. */
static void no_order_of_steps_breaks_a_rule(struct kunit *test)
{
	DECLARE_BITMAP(seen, STATES) = {};
	unsigned long there;
	unsigned int step, round, nr = 0;

	__set_bit(0, seen);
	for (round = 0; round < STATES; round++)
		for_each_set_bit(there, seen, STATES)
			for (step = 0; step < PARLEY_LIFE_STEPS; step++) {
				if (parley_life_can_do(there, step))
					__set_bit(there | BIT(step), seen);
				if (parley_life_can_undo(there, step))
					__set_bit(there & ~BIT(step), seen);
			}
	for_each_set_bit(there, seen, STATES) {
		KUNIT_EXPECT_TRUE_MSG(test, holds(there), "%#lx", there);
		nr++;
	}
	/* And what may be can be: nothing is forbidden without a rule. */
	for (there = 0; there < STATES; there++)
		if (holds(there))
			KUNIT_EXPECT_TRUE_MSG(test, test_bit(there, seen), "%#lx", there);
	/* Up to the interrupts, 3; then presence or not, enabled, with queues; memory. */
	KUNIT_EXPECT_EQ(test, 2 + 2 * 3 + 3, nr);
}

static void the_way_up_and_down_is_permitted(struct kunit *test)
{
	struct parley_life life = {};
	unsigned int step;

	spin_lock_init(&life.lock);
	for (step = 0; step < PARLEY_LIFE_STEPS; step++)
		KUNIT_EXPECT_EQ(test, 0, parley_life_do(&life, step));
	KUNIT_EXPECT_EQ(test, STATES - 1, life.there);
	/* A reset while a guest has it. */
	KUNIT_EXPECT_TRUE(test, parley_life_undo(&life, QUEUES));
	KUNIT_EXPECT_TRUE(test, parley_life_undo(&life, ENABLED));
	KUNIT_EXPECT_EQ(test, 0, parley_life_do(&life, ENABLED));
	KUNIT_EXPECT_EQ(test, 0, parley_life_do(&life, QUEUES));
	while (step--)
		KUNIT_EXPECT_TRUE(test, parley_life_undo(&life, step));
	KUNIT_EXPECT_EQ(test, 0, life.there);
}

static struct kunit_case life_cases[] = {
	KUNIT_CASE(each_step_in_each_state_is_as_the_rules_say),
	KUNIT_CASE(no_order_of_steps_breaks_a_rule),
	KUNIT_CASE(the_way_up_and_down_is_permitted),
	{}
};

static struct kunit_suite life_suite = {
	.name = "parley_nvme_life",
	.test_cases = life_cases,
};

kunit_test_suite(life_suite);
