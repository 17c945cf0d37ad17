// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation fails once: in making a device and probing its front-end (of
 * these a sample), in its I/O, in freeze and restore.  Each attempt ends with
 * everything given back (kmemleak and KASAN watch), and the next one is none the
 * worse for it.
 */
#include "tester.h"

static void probe_body(struct kunit *test, void *arg)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_mock *mock = tester_mock(ring->features, 2);
	struct tester *t;

	if (IS_ERR(mock))
		return;
	t = tester_of(mock);
	if (t)
		tester_echo(t, 1, 2, 1);
	parley_mock_destroy(mock);
}

static void allocations_of_probe_fail_once(struct kunit *test)
{
	tester_options.nr_queues = 2;
	tester_fault_slice(test, probe_body, NULL, 30);
	tester_mock_of(test, 0, 2);
}

static void io_body(struct kunit *test, void *arg)
{
	struct tester *t = arg;
	int err = tester_echo(t, 0, TESTER_PIECES_MAX, 1);

	/* Out of memory is an answer; a wrong one or none is not. */
	if (err)
		KUNIT_EXPECT_EQ(test, -ENOMEM, err);
}

static void every_allocation_of_io_fails_once(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_mock *mock = tester_mock_of(test, ring->features, 1);
	struct tester *t = tester_of(mock);

	/* Chains this long need a table of their own. */
	tester_fault_sweep(test, io_body, t, 2);
	KUNIT_EXPECT_EQ(test, 0, tester_echo(t, 0, TESTER_PIECES_MAX, 20));
}

static void freeze_body(struct kunit *test, void *arg)
{
	const struct tester_ring *ring = test->param_value;
	struct parley_mock *mock;
	struct tester_req *req;
	struct parley_vdev *v;
	struct tester *t;
	unsigned int nth;

	/* The device is made without faults. */
	nth = tester_fault_pause();
	mock = tester_mock_of(test, ring->features, 1);
	t = tester_of(mock);
	v = to_parley_vdev(t->pd);
	WRITE_ONCE(mock->hold, true);
	req = tester_flying(test, t, 0, nth);
	WRITE_ONCE(mock->hold, false);
	tester_fault_set(nth);

	if (!parley_device_freeze(v, PARLEY_HOLD_SLEEP) &&
	    !parley_device_restore(v, PARLEY_HOLD_SLEEP)) {
		KUNIT_EXPECT_EQ(test, 0, tester_wait(req));
		KUNIT_EXPECT_TRUE(test, tester_answer_right(req));
	}
	nth = tester_fault_pause();
	tester_mock_end(test, mock);
	/* Answered or failed, and once, whatever happened. */
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&req->acks));
	tester_fault_set(nth);
}

static void every_allocation_of_restore_fails_once(struct kunit *test)
{
	tester_fault_sweep(test, freeze_body, NULL, 5);
}

static struct kunit_case fault_cases[] = {
	KUNIT_CASE_PARAM(allocations_of_probe_fail_once, tester_slice_gen),
	KUNIT_CASE_PARAM(every_allocation_of_io_fails_once, tester_format_gen),
	KUNIT_CASE_PARAM(every_allocation_of_restore_fails_once,
			 tester_format_gen),
	{}
};

static struct kunit_suite fault_suite = {
	.name = "parley_faults",
	.suite_init = tester_suite_init,
	.suite_exit = tester_suite_exit,
	.init = tester_case_init,
	.test_cases = fault_cases,
};

kunit_test_suite(fault_suite);
