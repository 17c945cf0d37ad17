// SPDX-License-Identifier: GPL-2.0-only
/*
 * A test's body once for each of its allocations, which then fails.
 */
#include <linux/moduleparam.h>
#include "tester.h"

/*
 * Our test device has some 330 in its probe, the entropy device 240, the disk 900.  All
 * of them in one test would take longer than KUnit and the hung-task watch wait for one,
 * so each so manieth is a test of its own.
 */
#define FAULT_STEP	11u

static unsigned int fault_slices = 1;
module_param(fault_slices, uint, 0444);
MODULE_PARM_DESC(fault_slices, "of 11, so many elevenths of a probe's allocations fail; default 1");

/**
 * struct fault_slice - a format, and some of the allocations
 * @ring: what a test of it expects as its parameter
 * @first: allocation that fails first; then each FAULT_STEP-th
 */
struct fault_slice {
	struct tester_ring ring;
	unsigned int first;
};

/* Each format with each slice that is asked for, another one if that is only one. */
const void *tester_slice_gen(struct kunit *test, const void *prev, char *desc)
{
	static struct fault_slice slices[2 * FAULT_STEP];
	const struct fault_slice *last = prev;
	unsigned int nr = clamp(fault_slices, 1u, FAULT_STEP);
	unsigned int i = last ? last - slices + 1 : 0;
	const struct tester_ring *ring;

	if (i == 2 * nr)
		return NULL;
	ring = tester_format_gen(test, NULL, desc);
	if (i >= nr)
		ring = tester_format_gen(test, ring, desc);
	slices[i].ring = *ring;
	slices[i].first = 1 + (ring->index + i) % FAULT_STEP;
	if (nr > 1)
		scnprintf(desc + strlen(desc), KUNIT_PARAM_DESC_SIZE - strlen(desc),
			  " from %u", slices[i].first);
	return &slices[i];
}

/* More allocations than any of the bodies has. */
#define NTH_MAX	5000

/* Each @step-th from the @nth on. */
static void fault_sweep(struct kunit *test, void (*body)(struct kunit *test, void *arg),
			void *arg, unsigned int least, unsigned int nth, unsigned int step)
{
	bool injected = true;

	if (!tester_faults_ready())
		kunit_skip(test, "no FAULT_INJECTION_DEBUG_FS, FAILSLAB, FAIL_PAGE_ALLOC");
	for (; injected && nth < NTH_MAX; nth += step) {
		tester_fault_set(nth);
		body(test, arg);
		injected = !tester_fault_pause();
	}
	KUNIT_EXPECT_FALSE(test, injected);
	KUNIT_EXPECT_GT(test, nth, least);
	kunit_info(test, "%u allocations failed in turn", nth / step - 1);
	/* Nothing is left over that would disturb the next. */
	body(test, arg);
}

/**
 * tester_fault_sweep() - run a body once for each of its allocations, which then fails
 * @test: test
 * @body: does its thing, undoes it, and says nothing if it failed
 * @arg: for @body
 * @least: of so many allocations at the least, to be sure that they were seen
 */
void tester_fault_sweep(struct kunit *test,
			void (*body)(struct kunit *test, void *arg), void *arg,
			unsigned int least)
{
	fault_sweep(test, body, arg, least, 1, 1);
}

/* As tester_fault_sweep(), of those in the slice that is the test's parameter. */
void tester_fault_slice(struct kunit *test,
			void (*body)(struct kunit *test, void *arg), void *arg,
			unsigned int least)
{
	const struct fault_slice *slice = test->param_value;

	fault_sweep(test, body, arg, least, slice->first, FAULT_STEP);
}
