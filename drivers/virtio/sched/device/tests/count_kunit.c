// SPDX-License-Identifier: GPL-2.0-only
/* Counters of hosts that count, lie, or say nothing. */
#include <parley/sched.h>
#include "host.h"

static void counters_of_the_host(struct kunit *test)
{
	struct parley_sched_counted c;
	struct host *h;

	KUNIT_EXPECT_EQ(test, parley_sched_count(0, &c), -ENODEV);
	h = host_open(test);
	h->counted = (struct parley_sched_counted){
		.nr = cpu_to_le32(PARLEY_SCHED_PMCS),
		.counter[3] = { cpu_to_le32(~0), 0, cpu_to_le64(~0ull) },
	};
	h->written = sizeof(c);
	KUNIT_EXPECT_EQ(test, parley_sched_count(2, &c), 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(h->last.target), 2);
	KUNIT_EXPECT_EQ(test, memcmp(&c, &h->counted, sizeof(c)), 0);
	KUNIT_EXPECT_EQ(test, parley_sched_count(VCPUS, &c), -EOPNOTSUPP);
	/* Answers that there are not. */
	h->counted.nr = cpu_to_le32(PARLEY_SCHED_PMCS + 1);
	KUNIT_EXPECT_EQ(test, parley_sched_count(2, &c), -EPROTO);
	h->counted.nr = cpu_to_le32(~0);
	KUNIT_EXPECT_EQ(test, parley_sched_count(2, &c), -EPROTO);
	h->counted.nr = 0;
	h->written = sizeof(c) - 1;
	KUNIT_EXPECT_EQ(test, parley_sched_count(2, &c), -EPROTO);
	h->written = 0;
	KUNIT_EXPECT_EQ(test, parley_sched_count(2, &c), -EIO);
	h->written = sizeof(c.status);
	h->counted.status = cpu_to_le32(PARLEY_SCHED_S_UNSUPP);
	KUNIT_EXPECT_EQ(test, parley_sched_count(2, &c), -EOPNOTSUPP);
	h->counted.status = cpu_to_le32(~0);
	KUNIT_EXPECT_EQ(test, parley_sched_count(2, &c), -EOPNOTSUPP);
	host_close(test, h);
}

/* It is waited for, but not for ever; a reset brings the request back. */
static void counters_of_a_host_that_is_silent(struct kunit *test)
{
	struct parley_sched_counted c;
	struct host *h = host_open(test);

	h->written = sizeof(c);
	h->mute = true;
	KUNIT_EXPECT_EQ(test, parley_sched_count(0, &c), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, parley_sched_count(0, &c), -EBUSY);
	KUNIT_EXPECT_EQ(test, atomic_read(&h->asked), 1);
	h->mute = false;
	parley_loopback_needs_reset(h->lb);
	KUNIT_EXPECT_TRUE(test, until(!parley_sched_count(0, &c)));
	/* And the end with one under way. */
	h->mute = true;
	KUNIT_EXPECT_EQ(test, parley_sched_count(0, &c), -ETIMEDOUT);
	host_close(test, h);
	KUNIT_EXPECT_EQ(test, parley_sched_count(0, &c), -ENODEV);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(counters_of_the_host),
	KUNIT_CASE_SLOW(counters_of_a_host_that_is_silent),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_sched_device_count",
	.test_cases = cases,
};

kunit_test_suite(suite);
