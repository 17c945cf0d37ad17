// SPDX-License-Identifier: GPL-2.0-only
/* What the host says of vCPUs, and which threads may be some. */
#include <linux/cred.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <parley/export.h>
#include "guest.h"

static struct guest *shared(struct kunit *test, unsigned int nr)
{
	struct guest *g = guest_open(test, nr, GUEST_ALL);

	KUNIT_ASSERT_EQ(test, guest_share(g), PARLEY_SCHED_AREA_SHARED);
	return g;
}

static u32 state(struct guest *g, unsigned int vcpu)
{
	return parley_sched_state(guest_record(g, vcpu));
}

static void running_and_asleep(struct kunit *test)
{
	struct guest *g = shared(test, 2);
	struct parley_sched_view v;

	KUNIT_EXPECT_EQ(test, state(g, 0), PARLEY_SCHED_UNKNOWN);
	guest_thread(g, 0, 0, false);
	KUNIT_EXPECT_TRUE(test, vh_until(state(g, 0) == PARLEY_SCHED_ASLEEP));
	/* What runs here is this thread, so it is on the other processor. */
	guest_thread(g, 1, 1, true);
	KUNIT_EXPECT_TRUE(test, vh_until(state(g, 1) == PARLEY_SCHED_RUNNING));
	KUNIT_EXPECT_TRUE(test, vh_until(guest_view(g, 1).changes > 0));
	guest_busy(g, 1, false);
	KUNIT_EXPECT_TRUE(test, vh_until(state(g, 1) == PARLEY_SCHED_ASLEEP));
	v = guest_view(g, 1);
	KUNIT_EXPECT_GT(test, v.ran_ns, 0);
	KUNIT_EXPECT_GT(test, v.stamp_ns, 0);
	KUNIT_EXPECT_FALSE(test, v.boosted);
	/* The other one was not touched. */
	KUNIT_EXPECT_EQ(test, state(g, 0), PARLEY_SCHED_ASLEEP);
}

/* A thread that has waited less than the one before it is stolen from all the same. */
static void stolen_goes_on_with_another_thread(struct kunit *test)
{
	struct guest *g = shared(test, 1);
	struct vhs_vcpu *vcpu = guest_vcpu(g, 0);
	unsigned int i;

	for (i = 0; i < 3; i++) {
		u64 before = guest_view(g, 0).stolen_ns, delay;

		guest_thread(g, 0, 1, false);
		delay = READ_ONCE(g->threads[0]->sched_info.run_delay);
		vhs_record_state(vcpu, PARLEY_SCHED_RUNNING, delay + NSEC_PER_SEC);
		KUNIT_EXPECT_GE(test, guest_view(g, 0).stolen_ns, before + NSEC_PER_SEC);
		KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_task(g->dev, 0, NULL), 0);
		KUNIT_EXPECT_LT(test, guest_view(g, 0).stolen_ns, before + 2ull * NSEC_PER_SEC);
		guest_thread_end(g, 0);
	}
}

#define STOLEN_NS	(100 * NSEC_PER_MSEC)
#define LONG_NS		(30 * (u64)NSEC_PER_SEC)

/* Two vCPUs on one processor: each is seen preempted, and what one had was stolen. */
static void who_waits_is_preempted(struct kunit *test)
{
	struct guest *g = shared(test, 2);
	bool running[2] = {}, preempted[2] = {};
	struct parley_sched_view v[2], before;
	unsigned int vcpu, order = 0;
	u64 end = ktime_get_ns() + LONG_NS;
	bool seen;

	guest_thread(g, 0, 1, true);
	guest_thread(g, 1, 1, true);
	before = guest_view(g, 0);
	do {
		for (vcpu = 0; vcpu < 2; vcpu++) {
			running[vcpu] |= state(g, vcpu) == PARLEY_SCHED_RUNNING;
			preempted[vcpu] |= state(g, vcpu) == PARLEY_SCHED_PREEMPTED;
		}
		v[0] = guest_view(g, 0);
		order += v[0].stolen_ns < before.stolen_ns || v[0].ran_ns < before.ran_ns;
		before = v[0];
		seen = running[0] && running[1] && preempted[0] && preempted[1] &&
		       v[0].stolen_ns > STOLEN_NS && guest_view(g, 1).stolen_ns > STOLEN_NS;
		usleep_range(100, 200);
	} while (!seen && ktime_get_ns() < end);
	/* Both come to rest, and their last word is complete. */
	guest_busy(g, 0, false);
	guest_busy(g, 1, false);
	KUNIT_EXPECT_TRUE(test, vh_until(state(g, 0) == PARLEY_SCHED_ASLEEP &&
					 state(g, 1) == PARLEY_SCHED_ASLEEP));
	KUNIT_EXPECT_EQ(test, order, 0);
	for (vcpu = 0; vcpu < 2; vcpu++) {
		v[vcpu] = guest_view(g, vcpu);
		KUNIT_EXPECT_TRUE(test, running[vcpu]);
		KUNIT_EXPECT_TRUE(test, preempted[vcpu]);
		KUNIT_EXPECT_GT(test, v[vcpu].stolen_ns, STOLEN_NS);
		kunit_info(test, "vcpu %u ran %llu stolen %llu changes %u\n", vcpu,
			   v[vcpu].ran_ns, v[vcpu].stolen_ns, v[vcpu].changes);
	}
	/* While one runs, the other's time is stolen, and by nobody else for the most part. */
	KUNIT_EXPECT_GE(test, v[0].stolen_ns + v[0].stolen_ns / 4, v[1].ran_ns / 2);
	KUNIT_EXPECT_GE(test, v[1].stolen_ns + v[1].stolen_ns / 4, v[0].ran_ns / 2);
}

/* -------------------------------------------------------------------- torn */

#define TORN_STEP	1000ull
#define TORN_LOOKS	2000u

static int torn_writer(void *arg)
{
	struct vhs_vcpu *vcpu = arg;
	u64 delay = 0;
	u32 next = PARLEY_SCHED_RUNNING;

	/* As many changes as thousands of nanoseconds, whenever it is looked at. */
	while (!kthread_should_stop()) {
		delay += TORN_STEP;
		vhs_record_state(vcpu, next, delay);
		next ^= PARLEY_SCHED_RUNNING ^ PARLEY_SCHED_PREEMPTED;
		cond_resched();
	}
	return 0;
}

static void nothing_is_torn(struct kunit *test)
{
	struct guest *g = shared(test, 1);
	unsigned int torn = 0, looked = 0, missed = 0;
	struct task_struct *writer;
	struct parley_sched_view v;
	u64 end = ktime_get_ns() + LONG_NS;
	u32 changes = 0;

	writer = kthread_run(torn_writer, guest_vcpu(g, 0), "parley-torn");
	KUNIT_ASSERT_FALSE(test, IS_ERR(writer));
	while ((looked < TORN_LOOKS || changes < TORN_LOOKS) && ktime_get_ns() < end) {
		if (!parley_sched_read(guest_record(g, 0), &v)) {
			missed++;
			continue;
		}
		looked++;
		torn += v.stolen_ns != v.changes * TORN_STEP;
		torn += v.changes && v.state != (v.changes & 1 ? PARLEY_SCHED_RUNNING :
							       PARLEY_SCHED_PREEMPTED);
		torn += v.changes < changes;
		changes = v.changes;
		cond_resched();
	}
	kthread_stop(writer);
	KUNIT_EXPECT_EQ(test, torn, 0);
	KUNIT_EXPECT_GE(test, looked, TORN_LOOKS);
	KUNIT_EXPECT_GE(test, changes, TORN_LOOKS);
	kunit_info(test, "%u looks, %u in vain, %u changes\n", looked, missed, changes);
}

/* Whatever a guest writes to its pages is the guest's affair. */
static void bad_61_a_guest_that_writes_everywhere(struct kunit *test)
{
	struct guest *g = shared(test, 2);
	struct parley_sched_view v;
	unsigned int i;

	guest_thread(g, 0, 0, false);
	KUNIT_ASSERT_TRUE(test, vh_until(state(g, 0) == PARLEY_SCHED_ASLEEP));
	for (i = 0; i < 20; i++) {
		memset(g->reads, i & 1 ? 0xff : 0, PAGE_SIZE);
		memset(g->says, i & 1 ? 0 : 0xff, PAGE_SIZE);
		guest_busy(g, 0, true);
		usleep_range(500, 1000);
		guest_busy(g, 0, false);
		usleep_range(500, 1000);
	}
	memset(g->reads, 0xff, PAGE_SIZE);
	guest_busy(g, 0, true);
	usleep_range(500, 1000);
	guest_busy(g, 0, false);
	KUNIT_EXPECT_TRUE(test, vh_until(state(g, 0) == PARLEY_SCHED_ASLEEP));
	/* The host's own numbers are written anew, and are what they would have been. */
	v = guest_view(g, 0);
	KUNIT_EXPECT_LT(test, v.stolen_ns, 10 * NSEC_PER_SEC);
	KUNIT_EXPECT_LT(test, v.ran_ns, 10 * NSEC_PER_SEC);
	/* Many, where this machine is not too slow to see each; not what the guest wrote. */
	KUNIT_EXPECT_GT(test, v.changes, 2);
	KUNIT_EXPECT_LT(test, v.changes, 1000);
	/* Its own area still comes back when the queue stops. */
	guest_stop(g, PARLEY_SCHED_QUEUE_AREAS);
	KUNIT_EXPECT_NULL(test, g->vm->areas[PARLEY_SCHED_AREA_VCPUS - 1].req);
}

/* ----------------------------------------------------------------- threads */

static void a_thread_that_ends(struct kunit *test)
{
	struct guest *g = shared(test, 1);
	struct task_struct *task;

	guest_thread(g, 0, 0, true);
	KUNIT_EXPECT_TRUE(test, vh_until(guest_view(g, 0).changes > 0));
	task = get_task_struct(g->threads[0]);
	guest_thread_end(g, 0);
	KUNIT_EXPECT_TRUE(test, vh_until(state(g, 0) == PARLEY_SCHED_GONE));
	KUNIT_EXPECT_EQ(test, guest_ask(g, PARLEY_SCHED_OP_BOOST, 0, 0),
			PARLEY_SCHED_S_NEEDLESS);
	/* Held by us and for the vCPU, and not any more when that gets another one. */
	KUNIT_EXPECT_TRUE(test, vh_until(refcount_read(&task->usage) == 2));
	guest_thread(g, 0, 0, true);
	KUNIT_EXPECT_EQ(test, refcount_read(&task->usage), 1);
	KUNIT_EXPECT_TRUE(test, vh_until(state(g, 0) == PARLEY_SCHED_RUNNING ||
					 state(g, 0) == PARLEY_SCHED_PREEMPTED));
	put_task_struct(task);
}

static void a_device_that_goes_lets_go_of_its_threads(struct kunit *test)
{
	struct guest *g = shared(test, 1), *other;
	unsigned int users;

	guest_thread(g, 0, 0, false);
	users = refcount_read(&g->threads[0]->usage);
	other = shared(test, 1);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_task(other->dev, 0, g->threads[0]),
			-EBUSY);
	guest_close(g);
	KUNIT_EXPECT_EQ(test, refcount_read(&g->threads[0]->usage), users - 1);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_task(other->dev, 0, g->threads[0]), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_task(other->dev, 0, NULL), 0);
	KUNIT_EXPECT_EQ(test, state(other, 0), PARLEY_SCHED_UNKNOWN);
	KUNIT_EXPECT_EQ(test, refcount_read(&g->threads[0]->usage), users - 1);
}

static int as_nobody(struct guest *g, pid_t tid)
{
	struct cred *nobody = prepare_creds();
	const struct cred *before;
	int err;

	KUNIT_ASSERT_NOT_NULL(g->test, nobody);
	cap_clear(nobody->cap_effective);
	before = override_creds(nobody);
	err = parley_vhost_sched_set_tid(g->dev, 0, tid);
	revert_creds(before);
	put_cred(nobody);
	return err;
}

static void threads_that_may_not_be(struct kunit *test)
{
	struct guest *g = shared(test, 1);

	guest_thread(g, 0, 0, false);
	/* A kernel thread, whoever asks; what is there stays. */
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_tid(g->dev, 0,
							 task_pid_nr(g->threads[0])),
			-EPERM);
	KUNIT_EXPECT_NOT_NULL(test, guest_vcpu(g, 0)->task);
	/* Another process, for who may not set its scheduling; and for who may. */
	KUNIT_EXPECT_EQ(test, as_nobody(g, 1), -EPERM);
	KUNIT_EXPECT_PTR_EQ(test, guest_vcpu(g, 0)->task, g->threads[0]);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_tid(g->dev, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_tid(g->dev, 0, 1), -EBUSY);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_tid(g->dev, 0, 0), 0);
	/* Nobody, and no vCPU. */
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_tid(g->dev, 0, -1), -EINVAL);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_tid(g->dev, 0, PID_MAX_LIMIT), -ESRCH);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_tid(g->dev, 1, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_tid(g->dev, ~0u, 1), -EINVAL);
}

static void numbers_of_vcpus(struct kunit *test)
{
	struct parley_vhost *dev = parley_vhost_open("sched");

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_nr(dev, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_nr(dev, PARLEY_SCHED_VCPUS_MAX + 1),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_tid(dev, 0, 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_nr(dev, PARLEY_SCHED_VCPUS_MAX), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_sched_set_nr(dev, 1), -EBUSY);
	parley_vhost_close(dev);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(running_and_asleep),
	KUNIT_CASE(stolen_goes_on_with_another_thread),
	KUNIT_CASE(who_waits_is_preempted),
	KUNIT_CASE(nothing_is_torn),
	KUNIT_CASE(bad_61_a_guest_that_writes_everywhere),
	KUNIT_CASE(a_thread_that_ends),
	KUNIT_CASE(a_device_that_goes_lets_go_of_its_threads),
	KUNIT_CASE(threads_that_may_not_be),
	KUNIT_CASE(numbers_of_vcpus),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_vhost_sched_record",
	.test_cases = cases,
};

kunit_test_suite(suite);

PARLEY_IMPORT;
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("KUnit tests of Parley's vhost sched");
MODULE_LICENSE("GPL");
