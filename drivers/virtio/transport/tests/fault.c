// SPDX-License-Identifier: GPL-2.0-only
/*
 * Letting the nth allocation of the current task fail, as /proc/self/fail-nth
 * does for a process, or all of them.
 *
 * The injectors spare allocations that may sleep unless told otherwise, and
 * print a stack for each fault.  Their switches are files in debugfs; a kernel
 * thread cannot count on a mount of it, but can look the files up and reach the
 * variables behind them.
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include "tester.h"

#ifdef CONFIG_FAULT_INJECTION_DEBUG_FS

static void *fault_switch(const char *injector, const char *name)
{
	struct dentry *dir = debugfs_lookup(injector, NULL);
	struct dentry *file = dir ? debugfs_lookup(name, dir) : NULL;
	void *variable = file ? d_inode(file)->i_private : NULL;

	dput(file);
	dput(dir);
	return variable;
}

static bool fault_open(const char *injector)
{
	unsigned long *verbose = fault_switch(injector, "verbose");
	unsigned long *percent = fault_switch(injector, "probability");
	bool *by_task = fault_switch(injector, "task-filter");
	bool *spare = fault_switch(injector, "ignore-gfp-wait");
	atomic_t *times = fault_switch(injector, "times");

	if (!verbose || !percent || !by_task || !spare || !times)
		return false;
	*verbose = 0;
	*spare = false;
	/* Always, in tasks that ask for it: see tester_fault_all(). */
	*by_task = true;
	atomic_set(times, -1);
	*percent = 100;
	return true;
}

/**
 * tester_faults_ready() - have the injectors fail any allocation, silently
 *
 * Return: false if this kernel has no fault injection.
 */
bool tester_faults_ready(void)
{
	u32 *min_order = fault_switch("fail_page_alloc", "min-order");

	if (!min_order)
		return false;
	*min_order = 0;
	return fault_open("failslab") && fault_open("fail_page_alloc");
}

void tester_fault_set(unsigned int nth)
{
	WRITE_ONCE(current->fail_nth, nth);
}

/* Let each allocation of the current task fail, or none. */
void tester_fault_all(bool on)
{
	current->make_it_fail = on;
}

/* Return: what to give to tester_fault_set() to go on; 0 once injected. */
unsigned int tester_fault_pause(void)
{
	unsigned int nth = READ_ONCE(current->fail_nth);

	WRITE_ONCE(current->fail_nth, 0);
	return nth;
}

#else

bool tester_faults_ready(void)
{
	return false;
}

void tester_fault_set(unsigned int nth)
{
}

void tester_fault_all(bool on)
{
}

unsigned int tester_fault_pause(void)
{
	return 0;
}

#endif

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
