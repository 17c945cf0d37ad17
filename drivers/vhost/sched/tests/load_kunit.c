// SPDX-License-Identifier: GPL-2.0-only
/* What a guest says of all its vCPUs. */
#include <linux/string.h>
#include "guest.h"

static void threads_of_all_vcpus_are_added_up(struct kunit *test)
{
	struct guest *g = guest_open(test, 3, GUEST_ALL);
	struct parley_sched_load l;

	parley_vhost_sched_load(g->dev, &l);
	KUNIT_EXPECT_NULL(test, memchr_inv(&l, 0, sizeof(l)));
	KUNIT_ASSERT_EQ(test, guest_share(g), PARLEY_SCHED_AREA_SHARED);
	guest_thread(g, 0, 1, true);
	guest_thread(g, 1, 1, false);
	KUNIT_ASSERT_TRUE(test, vh_until(parley_sched_state(guest_record(g, 0)) ==
					 PARLEY_SCHED_RUNNING));
	KUNIT_ASSERT_TRUE(test, vh_until(parley_sched_state(guest_record(g, 1)) ==
					 PARLEY_SCHED_ASLEEP));
	guest_hint(g, 0, 7 | (u64)PARLEY_SCHED_U_URGENT << PARLEY_SCHED_H_URGENCY);
	/* Of one that has halted it is old, and one has no thread. */
	guest_hint(g, 1, 100);
	guest_hint(g, 2, ~0ull);
	parley_vhost_sched_load(g->dev, &l);
	KUNIT_EXPECT_EQ(test, l.vcpus, 2);
	KUNIT_EXPECT_EQ(test, l.saying, 2);
	KUNIT_EXPECT_EQ(test, l.threads, 7);
	KUNIT_EXPECT_EQ(test, l.urgent, 1);
	guest_hint(g, 0, ~0ull);
	guest_hint(g, 1, 0);
	parley_vhost_sched_load(g->dev, &l);
	KUNIT_EXPECT_EQ(test, l.saying, 1);
	KUNIT_EXPECT_EQ(test, l.threads, 0xffff);
	KUNIT_EXPECT_EQ(test, l.urgent, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(threads_of_all_vcpus_are_added_up),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_vhost_sched_load",
	.test_cases = cases,
};

kunit_test_suite(suite);
