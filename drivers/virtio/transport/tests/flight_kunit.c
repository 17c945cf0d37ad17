// SPDX-License-Identifier: GPL-2.0-only
/*
 * Removal, suspend, reset and loss of a device with requests in flight: each
 * request comes back exactly once, and none that was acknowledged is lost.
 */
#include <linux/delay.h>
#include <linux/slab.h>
#include "tester.h"

static struct parley_vdev *vdev_of(struct parley_mock *mock)
{
	return to_parley_vdev(parley_loopback_device(mock->lb));
}

static void removal_in_flight_fails_each_once(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_mock *mock = tester_mock_of(test, ring->features, 4);
	struct tester_req *req[16];
	unsigned int i;

	WRITE_ONCE(mock->hold, true);
	for (i = 0; i < ARRAY_SIZE(req); i++)
		req[i] = tester_flying(test, tester_of(mock), i % 4, i);
	tester_mock_end(test, mock);
	for (i = 0; i < ARRAY_SIZE(req); i++) {
		KUNIT_EXPECT_EQ(test, -EIO, tester_wait(req[i]));
		KUNIT_EXPECT_EQ(test, 1, atomic_read(&req[i]->acks));
	}
}

/* The device answers while it is taken away: either is right, once. */
static void removal_races_with_answers(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	unsigned int round, i;

	for (round = 0; round < 20; round++) {
		struct parley_mock *mock =
			tester_mock_of(test, ring->features, 2);
		struct tester_req *req[8];

		for (i = 0; i < ARRAY_SIZE(req); i++)
			req[i] = tester_flying(test, tester_of(mock), i % 2, i);
		udelay(10 * round);
		tester_mock_end(test, mock);
		for (i = 0; i < ARRAY_SIZE(req); i++) {
			int err = tester_wait(req[i]);

			KUNIT_EXPECT_EQ(test, 1, atomic_read(&req[i]->acks));
			if (err)
				KUNIT_EXPECT_EQ(test, -EIO, err);
			else
				KUNIT_EXPECT_TRUE(test, tester_answer_right(req[i]));
		}
	}
}

static void freeze_and_restore_lose_nothing(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_mock *mock = tester_mock_of(test, ring->features, 4);
	struct tester *t = tester_of(mock);
	struct parley_vdev *v = vdev_of(mock);
	struct tester_req *req[16];
	unsigned int i;
	int served;

	WRITE_ONCE(mock->hold, true);
	for (i = 0; i < ARRAY_SIZE(req); i++)
		req[i] = tester_flying(test, t, i % 4, i);
	KUNIT_ASSERT_EQ(test, 0, parley_device_freeze(v, PARLEY_HOLD_SLEEP));
	WRITE_ONCE(mock->hold, false);
	served = atomic_read(&mock->served);
	parley_mock_release(mock);
	KUNIT_EXPECT_EQ(test, served, atomic_read(&mock->served));
	KUNIT_ASSERT_EQ(test, 0, parley_device_restore(v, PARLEY_HOLD_SLEEP));
	for (i = 0; i < ARRAY_SIZE(req); i++) {
		KUNIT_EXPECT_EQ(test, 0, tester_wait(req[i]));
		KUNIT_EXPECT_TRUE(test, tester_answer_right(req[i]));
	}
	KUNIT_EXPECT_EQ(test, 0, tester_echo(t, 3, 1, 20));
}

static void freeze_races_with_answers(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_mock *mock = tester_mock_of(test, ring->features, 2);
	struct tester *t = tester_of(mock);
	struct device *host = vdev_of(mock)->pd.dev.parent;
	unsigned int round, i;

	for (round = 0; round < 20; round++) {
		struct tester_req *req[8];

		for (i = 0; i < ARRAY_SIZE(req); i++)
			req[i] = tester_flying(test, t, i % 2, i);
		udelay(10 * round);
		/* The way that a system suspend takes. */
		KUNIT_ASSERT_EQ(test, 0, host->type->pm->suspend(host));
		KUNIT_ASSERT_EQ(test, 0, host->type->pm->resume(host));
		for (i = 0; i < ARRAY_SIZE(req); i++) {
			KUNIT_EXPECT_EQ(test, 0, tester_wait(req[i]));
			KUNIT_EXPECT_TRUE(test, tester_answer_right(req[i]));
		}
	}
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&t->late));
}

static void needs_reset_is_served(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_mock *mock = tester_mock_of(test, ring->features, 1);
	struct tester *t = tester_of(mock);
	struct tester_req *req;
	int resets = atomic_read(&mock->resets);

	WRITE_ONCE(mock->hold, true);
	req = tester_flying(test, t, 0, 9);
	while (!atomic_read(&mock->held))
		fsleep(1000);
	WRITE_ONCE(mock->hold, false);
	parley_loopback_needs_reset(mock->lb);
	KUNIT_EXPECT_EQ(test, 0, tester_wait(req));
	KUNIT_EXPECT_TRUE(test, tester_answer_right(req));
	KUNIT_EXPECT_GT(test, atomic_read(&mock->resets), resets);
	KUNIT_EXPECT_EQ(test, 0, tester_echo(t, 0, 1, 20));
}

static void surprise_removal_wakes_everybody(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_mock *mock = tester_mock_of(test, ring->features, 2);
	struct tester *t = tester_of(mock);
	struct parley_vdev *v = vdev_of(mock);
	struct tester_req *req[8], *late;
	unsigned int i;

	WRITE_ONCE(mock->hold, true);
	for (i = 0; i < ARRAY_SIZE(req); i++)
		req[i] = tester_flying(test, t, i % 2, i);
	parley_loopback_vanish(mock->lb);
	KUNIT_EXPECT_TRUE(test, wait_for_completion_timeout(&t->gone, 10 * HZ));
	KUNIT_EXPECT_EQ(test, 0xff, v->ops->get_status(&v->pd));
	KUNIT_EXPECT_EQ(test, -ENODEV, v->ops->reset(&v->pd));
	KUNIT_EXPECT_FALSE(test, v->ops->notify(&v->pd.queues[0], 0));
	late = tester_req_alloc(1, 0);
	KUNIT_ASSERT_NOT_NULL(test, late);
	KUNIT_EXPECT_EQ(test, -EIO, tester_submit(t, 0, late));
	kfree(late);
	tester_mock_end(test, mock);
	for (i = 0; i < ARRAY_SIZE(req); i++) {
		KUNIT_EXPECT_EQ(test, -EIO, tester_wait(req[i]));
		KUNIT_EXPECT_EQ(test, 1, atomic_read(&req[i]->acks));
	}
}

static struct kunit_case flight_cases[] = {
	KUNIT_CASE_PARAM(removal_in_flight_fails_each_once, tester_ring_gen),
	KUNIT_CASE_PARAM(removal_races_with_answers, tester_format_gen),
	KUNIT_CASE_PARAM(freeze_and_restore_lose_nothing, tester_ring_gen),
	KUNIT_CASE_PARAM(freeze_races_with_answers, tester_format_gen),
	KUNIT_CASE_PARAM(needs_reset_is_served, tester_format_gen),
	KUNIT_CASE_PARAM(surprise_removal_wakes_everybody, tester_format_gen),
	{}
};

static struct kunit_suite flight_suite = {
	.name = "parley_in_flight",
	.suite_init = tester_suite_init,
	.suite_exit = tester_suite_exit,
	.init = tester_case_init,
	.test_cases = flight_cases,
};

kunit_test_suite(flight_suite);
