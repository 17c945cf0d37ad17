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
#include <linux/sched.h>
#include "inject.h"

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
