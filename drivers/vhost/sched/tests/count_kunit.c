// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of vCPUs.  What the hardware here may not have is taken from the scheduler: the
 * time that a thread runs, which is as much its own as its instructions are.
 */
#include <kunit/static_stub.h>
#include <linux/kthread.h>
#include <linux/perf_event.h>
#include <linux/sched/task.h>
#include "guest.h"

#define ENOUGH	(100 * (u64)NSEC_PER_MSEC)
#define COUNT	PARLEY_SCHED_OP_COUNT

static const struct parley_sched_pmcs one = { .nr = 1, .what = { PARLEY_SCHED_PMC_CYCLES } };

static int attr_time(u32 what, struct perf_event_attr *attr)
{
	*attr = (struct perf_event_attr){
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(*attr),
		.config = PERF_COUNT_SW_TASK_CLOCK,
	};
	return what ? 0 : -EINVAL;
}

/* The second kind of thing is one that this processor cannot count. */
static int attr_nobody(u32 what, struct perf_event_attr *attr)
{
	int err = attr_time(what, attr);

	if (what == PARLEY_SCHED_PMC_INSTRUCTIONS)
		attr->type = INT_MAX;
	return err;
}

/* The scheduler's clock does not leave out the host. */
static int try_nothing(u32 what)
{
	return 0;
}

static u64 value(struct guest *g, u32 vcpu)
{
	struct parley_sched_counted c = guest_count(g, vcpu);

	KUNIT_EXPECT_EQ(g->test, le32_to_cpu(c.status), PARLEY_SCHED_S_OK);
	KUNIT_EXPECT_EQ(g->test, le32_to_cpu(c.nr), 1);
	KUNIT_EXPECT_EQ(g->test, le32_to_cpu(c.counter[0].what), PARLEY_SCHED_PMC_CYCLES);
	KUNIT_EXPECT_LE(g->test, le64_to_cpu(c.counter[0].running_ns),
			le64_to_cpu(c.counter[0].enabled_ns));
	return le64_to_cpu(c.counter[0].value);
}

static struct guest *counted(struct kunit *test)
{
	struct guest *g = guest_open(test, 2, GUEST_ALL);

	kunit_activate_static_stub(test, vhs_count_attr, attr_time);
	kunit_activate_static_stub(test, vhs_count_try, try_nothing);
	KUNIT_ASSERT_EQ(test, parley_vhost_sched_set_pmcs(g->dev, &one), 0);
	return g;
}

static void a_neighbour_changes_nothing(struct kunit *test)
{
	struct guest *g = counted(test), *other = counted(test);
	u64 before;

	guest_thread(g, 0, 1, false);
	/* It has run, to where it sleeps, and all of that is counted. */
	KUNIT_ASSERT_TRUE(test, vh_until(({
		before = value(g, 0);
		before && guest_vcpu(g, 0)->state == PARLEY_SCHED_ASLEEP &&
		vhs_record_ran(guest_vcpu(g, 0)) && value(g, 0) == before;
	})));
	/* On the same processor, of another guest. */
	guest_thread(other, 0, 1, true);
	KUNIT_EXPECT_TRUE(test, vh_until(value(other, 0) > ENOUGH));
	KUNIT_EXPECT_EQ(test, value(g, 0), before);
	/* Both run by turns: each has its own. */
	guest_busy(g, 0, true);
	KUNIT_EXPECT_TRUE(test, vh_until(value(g, 0) > ENOUGH));
	/* By two clocks, which a slow machine reads at different moments. */
	kunit_info(test, "ran %llu ns, of which %llu were counted\n",
		   vhs_record_ran(guest_vcpu(g, 0)), value(g, 0));
}

static void another_thread_goes_on(struct kunit *test)
{
	struct guest *g = counted(test);
	u64 before;

	KUNIT_EXPECT_EQ(test, value(g, 0), 0);
	guest_thread(g, 0, 1, true);
	KUNIT_EXPECT_TRUE(test, vh_until(value(g, 0) > ENOUGH));
	guest_thread_end(g, 0);
	before = value(g, 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_task(g->dev, 0, NULL), 0);
	KUNIT_EXPECT_EQ(test, value(g, 0), before);
	guest_thread(g, 0, 1, true);
	KUNIT_EXPECT_TRUE(test, vh_until(value(g, 0) > before + ENOUGH));
	/* And anew when it is said anew. */
	guest_busy(g, 0, false);
	KUNIT_EXPECT_TRUE(test, vh_until(guest_vcpu(g, 0)->state == PARLEY_SCHED_ASLEEP));
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_pmcs(g->dev, &one), 0);
	KUNIT_EXPECT_EQ(test, value(g, 0), 0);
	KUNIT_EXPECT_EQ(test, value(g, 1), 0);
}

/* A driver may say that it leaves out the host, and count it: the guest would see it. */
static void a_counter_of_the_host_is_none(struct kunit *test)
{
	struct guest *g = guest_open(test, 1, GUEST_ALL);

	kunit_activate_static_stub(test, vhs_count_attr, attr_time);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_pmcs(g->dev, &one), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, guest_count(g, 0).nr, 0);
}

static void what_cannot_be_counted(struct kunit *test)
{
	static const struct parley_sched_pmcs two = {
		.nr = 2, .what = { PARLEY_SCHED_PMC_CYCLES, PARLEY_SCHED_PMC_INSTRUCTIONS },
	};
	struct guest *g = guest_open(test, 2, GUEST_ALL);
	struct task_struct *task;

	kunit_activate_static_stub(test, vhs_count_attr, attr_nobody);
	kunit_activate_static_stub(test, vhs_count_try, try_nothing);
	guest_thread(g, 0, 1, false);
	task = g->threads[0];
	KUNIT_EXPECT_LT(test, parley_vhost_sched_set_pmcs(g->dev, &two), 0);
	KUNIT_EXPECT_EQ(test, guest_count(g, 0).nr, 0);
	KUNIT_EXPECT_NULL(test, guest_vcpu(g, 0)->event[0]);
	/* It was a vCPU before, and still is. */
	KUNIT_EXPECT_PTR_EQ(test, guest_vcpu(g, 0)->task, task);
	/* Said before there are threads, and then there is one. */
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_task(g->dev, 0, NULL), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_pmcs(g->dev, &two), 0);
	KUNIT_EXPECT_LT(test, parley_vhost_sched_set_task(g->dev, 0, task), 0);
	KUNIT_EXPECT_NULL(test, guest_vcpu(g, 0)->task);
	KUNIT_EXPECT_NULL(test, guest_vcpu(g, 0)->event[0]);
}

static void bad_counters(struct kunit *test)
{
	struct parley_sched_pmcs c = { .nr = PARLEY_SCHED_PMCS + 1 };
	struct parley_sched_request r = { .op = cpu_to_le16(COUNT) };
	struct guest *g = guest_open(test, 2, GUEST_ALL);

	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_pmcs(g->dev, &c), -EINVAL);
	c.nr = ~0;
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_pmcs(g->dev, &c), -EINVAL);
	c.nr = 1;
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_pmcs(g->dev, &c), -EINVAL);
	c.what[0] = PARLEY_SCHED_PMC_BRANCH_MISSES + 1;
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_pmcs(g->dev, &c), -EINVAL);
	c.what[0] = ~0;
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_pmcs(g->dev, &c), -EINVAL);
	/* Nobody wants any. */
	KUNIT_EXPECT_EQ(test, guest_count(g, 0).status, 0);
	KUNIT_EXPECT_EQ(test, guest_count(g, 0).nr, 0);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(guest_count(g, 2).status), PARLEY_SCHED_S_INVAL);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(guest_count(g, ~0).status), PARLEY_SCHED_S_INVAL);
	/* Without room for all of it. */
	KUNIT_EXPECT_EQ(test, guest_ask_bytes(g, &r, sizeof(r), 4), PARLEY_SCHED_S_INVAL);
	KUNIT_EXPECT_EQ(test, guest_ask_bytes(g, &r, sizeof(r),
					      sizeof(struct parley_sched_counted) - 1),
			PARLEY_SCHED_S_INVAL);
	guest_close(g);
	g = guest_open(test, 1, BIT_ULL(PARLEY_SCHED_F_YIELD));
	KUNIT_EXPECT_EQ(test, le32_to_cpu(guest_count(g, 0).status), PARLEY_SCHED_S_UNSUPP);
}

/* Its guest reads without end while threads come and go. */
static int reader(void *arg)
{
	struct guest *g = arg;

	while (!kthread_should_stop()) {
		guest_count(g, 0);
		cond_resched();
	}
	return 0;
}

static void threads_go_while_they_are_read(struct kunit *test)
{
	struct guest *g = counted(test);
	struct task_struct *task;
	unsigned int i;

	task = kthread_run(reader, g, "parley-reader");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	for (i = 0; i < 20; i++) {
		guest_thread(g, 0, 1, true);
		usleep_range(500, 1000);
		if (i & 1)
			KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_task(g->dev, 0, NULL), 0);
		guest_thread_end(g, 0);
	}
	kthread_stop(task);
	guest_close(g);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_neighbour_changes_nothing),
	KUNIT_CASE(another_thread_goes_on),
	KUNIT_CASE(a_counter_of_the_host_is_none),
	KUNIT_CASE(what_cannot_be_counted),
	KUNIT_CASE(bad_counters),
	KUNIT_CASE_SLOW(threads_go_while_they_are_read),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_vhost_sched_count",
	.test_cases = cases,
};

kunit_test_suite(suite);
