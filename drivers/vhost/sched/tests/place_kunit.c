// SPDX-License-Identifier: GPL-2.0-only
/* vCPUs are moved to where their memory is; of two nodes, a processor is in each. */
#include <kunit/static_stub.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include "guest.h"

#define LOOKS	10	/* the same so often, and it is moved */
#define NOWHERE	2	/* a node without processors */

static const struct cpumask *two_nodes(int node)
{
	if (node == NOWHERE)
		return cpu_none_mask;
	return node == 0 || node == 1 ? cpumask_of(node) : NULL;
}

static int idle_fn(void *unused)
{
	while (!kthread_should_stop()) {
		set_current_state(TASK_IDLE);
		if (!kthread_should_stop())
			schedule();
		__set_current_state(TASK_RUNNING);
	}
	return 0;
}

/* A guest whose nodes are the other way round; its threads may run anywhere. */
static struct guest *placed(struct kunit *test, unsigned int vcpus)
{
	static const struct parley_sched_nodes nodes = { .nr = 4, .node = { 1, 0, -1, NOWHERE } };
	struct guest *g = guest_open(test, vcpus, GUEST_ALL);
	struct task_struct *task;
	unsigned int i;

	kunit_activate_static_stub(test, vhs_place_cpus, two_nodes);
	/* Nobody but the test looks. */
	vhs_steps_stop();
	KUNIT_ASSERT_EQ(test, guest_share(g), PARLEY_SCHED_AREA_SHARED);
	for (i = 0; i < vcpus; i++) {
		task = kthread_run(idle_fn, NULL, "parley-node-%u", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(task));
		g->threads[i] = get_task_struct(task);
		KUNIT_ASSERT_EQ(test, parley_vhost_sched_set_task(g->dev, i, task), 0);
	}
	KUNIT_ASSERT_EQ(test, vhs_place_set(g->vm, &nodes), 0);
	return g;
}

static void says(struct guest *g, unsigned int vcpu, int node)
{
	guest_hint(g, vcpu, (u64)(node + 1) << PARLEY_SCHED_H_NODE);
}

static void look(struct guest *g, unsigned int times)
{
	while (times--)
		vhs_place_look(g->vm);
}

static bool runs_on(struct guest *g, unsigned int vcpu, const struct cpumask *cpus)
{
	return cpumask_equal(g->threads[vcpu]->cpus_ptr, cpus);
}

static void it_goes_where_its_memory_is(struct kunit *test)
{
	struct guest *g = placed(test, 1);
	struct cpumask *had = kunit_kzalloc(test, cpumask_size(), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, had);
	cpumask_copy(had, g->threads[0]->cpus_ptr);
	for (i = 0; i < 4; i++) {
		says(g, 0, i % 2);
		look(g, LOOKS);
		KUNIT_EXPECT_TRUE(test, runs_on(g, 0, cpumask_of(!(i % 2))));
	}
	/* It says nothing, or of what its owner has not placed: it stays. */
	for (i = 0; i < 4; i++) {
		static const int others[] = { -1, 2, 4, 1000 };

		says(g, 0, others[i]);
		look(g, 2 * LOOKS);
		KUNIT_EXPECT_TRUE(test, runs_on(g, 0, cpumask_of(0)));
	}
	/* And is back when it is no vCPU. */
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_task(g->dev, 0, NULL), 0);
	KUNIT_EXPECT_TRUE(test, runs_on(g, 0, had));
}

static void it_is_back_without_a_table(struct kunit *test)
{
	static const struct parley_sched_nodes none = {};
	struct guest *g = placed(test, 1);

	says(g, 0, 0);
	look(g, LOOKS);
	KUNIT_EXPECT_TRUE(test, runs_on(g, 0, cpumask_of(1)));
	KUNIT_EXPECT_EQ(test, vhs_place_set(g->vm, &none), 0);
	KUNIT_EXPECT_TRUE(test, cpumask_test_cpu(0, g->threads[0]->cpus_ptr));
	look(g, 2 * LOOKS);
	KUNIT_EXPECT_TRUE(test, cpumask_test_cpu(0, g->threads[0]->cpus_ptr));
}

/* Nobody's processors become none, or more than they were. */
static void what_somebody_else_has_set_stays(struct kunit *test)
{
	struct guest *g = placed(test, 1);
	struct task_struct *task = g->threads[0];

	says(g, 0, 0);
	look(g, LOOKS);
	KUNIT_EXPECT_TRUE(test, runs_on(g, 0, cpumask_of(1)));
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(task, cpumask_of(0)), 0);
	look(g, 2 * LOOKS);
	says(g, 0, 1);
	look(g, 2 * LOOKS);
	KUNIT_EXPECT_TRUE(test, runs_on(g, 0, cpumask_of(0)));
	says(g, 0, 0);
	look(g, 2 * LOOKS);
	KUNIT_EXPECT_TRUE(test, runs_on(g, 0, cpumask_of(0)));
	/* A node that has no processor. */
	says(g, 0, 3);
	look(g, 2 * LOOKS);
	KUNIT_EXPECT_TRUE(test, runs_on(g, 0, cpumask_of(0)));
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_task(g->dev, 0, NULL), 0);
	KUNIT_EXPECT_TRUE(test, runs_on(g, 0, cpumask_of(0)));
}

/* Who says something else each time is not moved, and of many one at a time. */
static void a_liar_moves_nobody_often(struct kunit *test)
{
	struct guest *g = placed(test, 3);
	unsigned int i, moved = 0;

	for (i = 0; i < 10 * LOOKS; i++) {
		says(g, 0, i / (LOOKS / 2) % 2);
		look(g, 1);
		KUNIT_EXPECT_TRUE(test, cpumask_test_cpu(0, g->threads[0]->cpus_ptr));
		KUNIT_EXPECT_TRUE(test, cpumask_test_cpu(1, g->threads[0]->cpus_ptr));
	}
	for (i = 0; i < 3; i++)
		says(g, i, 0);
	look(g, LOOKS - 1);
	for (i = 0; i < 3; i++) {
		look(g, 1);
		moved = runs_on(g, 0, cpumask_of(1)) + runs_on(g, 1, cpumask_of(1)) +
			runs_on(g, 2, cpumask_of(1));
		KUNIT_EXPECT_EQ(test, moved, i + 1);
	}
}

static void tables_that_are_none(struct kunit *test)
{
	static const struct parley_sched_nodes many = { .nr = PARLEY_SCHED_NODES + 1 },
		far = { .nr = 1, .node = { 3 } }, below = { .nr = 2, .node = { 0, -2 } },
		most = { .nr = PARLEY_SCHED_NODES };
	struct guest *g = placed(test, 1);

	KUNIT_EXPECT_EQ(test, vhs_place_set(g->vm, &many), -EINVAL);
	KUNIT_EXPECT_EQ(test, vhs_place_set(g->vm, &far), -EINVAL);
	KUNIT_EXPECT_EQ(test, vhs_place_set(g->vm, &below), -EINVAL);
	KUNIT_EXPECT_EQ(test, g->vm->nodes.nr, 4);
	KUNIT_EXPECT_EQ(test, vhs_place_set(g->vm, &most), 0);
	says(g, 0, PARLEY_SCHED_NODES - 1);
	look(g, LOOKS);
	KUNIT_EXPECT_TRUE(test, runs_on(g, 0, cpumask_of(0)));
}

static struct kunit_case place_cases[] = {
	KUNIT_CASE(it_goes_where_its_memory_is),
	KUNIT_CASE(it_is_back_without_a_table),
	KUNIT_CASE(what_somebody_else_has_set_stays),
	KUNIT_CASE(a_liar_moves_nobody_often),
	KUNIT_CASE(tables_that_are_none),
	{}
};

static struct kunit_suite place_suite = {
	.name = "parley_vhost_sched_place",
	.test_cases = place_cases,
};
kunit_test_suite(place_suite);
