// SPDX-License-Identifier: GPL-2.0-only
/*
 * The whole way in one kernel: a lock's question through parley_sched_device, the guest
 * model, the loopback transport, both roles of the core and a vhost worker, to vhost
 * sched, and the answer in a record.
 */
#include <linux/device.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <parley/device.h>
#include <parley/loopback.h>
#include "../../loopback/loopback.h"
#include "../../../virtio/sched/hv.h"
#include "guest.h"

/**
 * struct way - this kernel as its own guest
 * @dev: the host's side
 * @vl: joined
 * @threads: vCPUs 0 and 1, both on processor 1
 */
struct way {
	struct parley_vhost *dev;
	struct parley_vhost_loopback *vl;
	struct task_struct *threads[2];
};

static int way_busy(void *unused)
{
	while (!kthread_should_stop())
		cond_resched();
	return 0;
}

static void way_end(void *arg)
{
	struct way *w = arg;
	unsigned int i;

	if (!IS_ERR_OR_NULL(w->vl))
		parley_vhost_loopback_destroy(w->vl, true);
	if (!IS_ERR_OR_NULL(w->dev))
		parley_vhost_close(w->dev);
	for (i = 0; i < 2; i++) {
		if (!w->threads[i])
			continue;
		kthread_stop(w->threads[i]);
		put_task_struct(w->threads[i]);
	}
	kfree(w);
}

static void way_thread(struct kunit *test, struct way *w, unsigned int i)
{
	struct task_struct *task = kthread_create(way_busy, NULL, "parley-vcpu-%u", i);

	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	w->threads[i] = get_task_struct(task);
	kthread_bind(task, 1);
	wake_up_process(task);
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_sched_set_task(w->dev, i, task));
}

static struct way *way(struct kunit *test)
{
	struct parley_loopback_join join = {
		.nr_queues = 2, .queue_size = 16, .features = GUEST_ALL,
	};
	struct way *w = kzalloc(sizeof(*w), GFP_KERNEL);
	struct parley_loopback *lb;

	KUNIT_ASSERT_NOT_NULL(test, w);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, way_end, w));
	w->dev = parley_vhost_open("sched");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, w->dev);
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_set_owner(w->dev));
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_sched_set_nr(w->dev, 2));
	w->vl = parley_vhost_loopback_create(w->dev, &join);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, w->vl);
	lb = parley_vhost_loopback_device(w->vl);
	KUNIT_ASSERT_NOT_NULL_MSG(test, parley_loopback_device(lb)->dev.driver,
				  "no driver: is parley_sched_device loaded?");
	return w;
}

static struct parley_sched_counts counts(struct way *w)
{
	struct parley_sched_counts c;

	parley_vhost_sched_counts(w->dev, &c);
	return c;
}

static bool view(int cpu, struct parley_sched_view *v)
{
	return !parley_sched_view(cpu, v);
}

static void a_guest_sees_its_processors(struct kunit *test)
{
	struct parley_sched_view v = {};
	struct way *w = way(test);

	KUNIT_EXPECT_TRUE(test, vh_until(view(0, &v)));
	KUNIT_EXPECT_EQ(test, v.state, PARLEY_SCHED_UNKNOWN);
	way_thread(test, w, 0);
	way_thread(test, w, 1);
	KUNIT_EXPECT_TRUE(test, vh_until(view(0, &v) && v.stolen_ns > NSEC_PER_MSEC));
	KUNIT_EXPECT_TRUE(test, vh_until(view(1, &v) && v.state == PARLEY_SCHED_PREEMPTED));
	KUNIT_EXPECT_TRUE(test, vh_until(view(1, &v) && v.state == PARLEY_SCHED_RUNNING));
}

/* As who waits for a lock does it: is the holder preempted?  Then have it run. */
static void a_lock_has_its_holder_run(struct kunit *test)
{
	struct way *w = way(test);
	unsigned int asked = 0;
	bool helped;

	way_thread(test, w, 0);
	way_thread(test, w, 1);
	if (strcmp(parley_hv.ops->name, "parley"))
		kunit_skip(test, "the hypervisor needs no help");
	KUNIT_ASSERT_EQ(test, 0, set_cpus_allowed_ptr(current, cpumask_of(0)));
	helped = vh_until(({
		scoped_guard(preempt) {
			if (parley_hv_preempted(1)) {
				parley_hv.ops->yield(1);
				asked++;
			}
		}
		counts(w).boosts;
	}));
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	KUNIT_EXPECT_TRUE(test, helped);
	KUNIT_EXPECT_GT(test, asked, 0);
	KUNIT_EXPECT_EQ(test, counts(w).bad, 0);
	kunit_info(test, "%u questions, %llu boosts\n", asked, counts(w).boosts);
}

/* Queues stop and start again, and the area is given anew. */
static void a_device_that_is_joined_again(struct kunit *test)
{
	struct parley_loopback_join join = {
		.nr_queues = 2, .queue_size = 16, .features = GUEST_ALL,
	};
	struct parley_sched_view v = {};
	struct way *w = way(test);
	unsigned int i;

	way_thread(test, w, 0);
	for (i = 0; i < 5; i++) {
		KUNIT_EXPECT_TRUE(test, vh_until(view(0, &v) &&
						 v.state != PARLEY_SCHED_UNKNOWN));
		parley_vhost_loopback_destroy(w->vl, i & 1);
		KUNIT_EXPECT_FALSE(test, view(0, &v));
		w->vl = parley_vhost_loopback_create(w->dev, &join);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, w->vl);
	}
	KUNIT_EXPECT_TRUE(test, vh_until(counts(w).areas == 6));
	KUNIT_EXPECT_EQ(test, counts(w).areas_refused, 0);
}

/* Nobody wants any, and that is an answer. */
static void a_guest_asks_for_counters(struct kunit *test)
{
	struct parley_sched_counted c;
	struct way *w = way(test);

	KUNIT_EXPECT_EQ(test, parley_sched_count(0, &c), 0);
	KUNIT_EXPECT_EQ(test, c.nr, 0);
	KUNIT_EXPECT_EQ(test, parley_sched_count(2, &c), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, counts(w).requests, 1);
	KUNIT_EXPECT_EQ(test, counts(w).bad, 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(a_guest_sees_its_processors),
	KUNIT_CASE(a_lock_has_its_holder_run),
	KUNIT_CASE(a_device_that_is_joined_again),
	KUNIT_CASE(a_guest_asks_for_counters),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_vhost_sched_device",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_SOFTDEP("pre: parley_sched_device");
