// SPDX-License-Identifier: GPL-2.0-only
/* Rings started and stopped by who is no VMM, beside a VMM that does so as well. */
#include <linux/kthread.h>
#include "vmm.h"

/* In a thread without the owner's memory, and pinned for the owner all the same. */
static void switch_on_and_off(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct parley_vhost_vq *vq = vmm_vq(v);

	KUNIT_EXPECT_EQ(test, parley_vhost_vq_switch(vq, true), -EINVAL);
	KUNIT_EXPECT_EQ(test, parley_vhost_vq_switch(vq, false), 0);
	vmm_set_up(v, 0);
	KUNIT_ASSERT_EQ(test, parley_vhost_vq_switch(vq, true), 0);
	KUNIT_EXPECT_EQ(test, vq->state, VH_VQ_RUNNING);
	KUNIT_EXPECT_EQ(test, current->mm->locked_vm, 3);
	KUNIT_EXPECT_EQ(test, parley_vhost_vq_switch(vq, true), 0);
	vmm_send_one(v, SZ_2M);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	KUNIT_EXPECT_TRUE(test, vmm_answered(v, SZ_2M));
	KUNIT_EXPECT_EQ(test, parley_vhost_vq_switch(vq, false), 0);
	KUNIT_EXPECT_EQ(test, vq->state, VH_VQ_IDLE);
	KUNIT_EXPECT_EQ(test, current->mm->locked_vm, 0);
	KUNIT_EXPECT_EQ(test, vmm_base(v), 1);
	/* What is in flight is waited for, and published. */
	KUNIT_ASSERT_EQ(test, parley_vhost_vq_switch(vq, true), 0);
	v->hold = true;
	vmm_send_one(v, SZ_2M + SZ_4K);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(v->nr_held) == 1));
	parley_vhost_vq_ask(vq, false);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(vq->state) == VH_VQ_STOPPING));
	vmm_release(v);
	KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(vq->state) == VH_VQ_IDLE));
	KUNIT_EXPECT_TRUE(test, vmm_answered(v, SZ_2M + SZ_4K));
}

/* The accelerator itself has seen enough: it says so where nothing can wait. */
static void switch_off_in_the_worker(struct kunit *test)
{
	struct vmm *v = vmm_open(test);

	vmm_start(v, 0);
	v->quits = true;
	vmm_send_one(v, SZ_2M);
	KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(vmm_vq(v)->state) == VH_VQ_IDLE));
	KUNIT_EXPECT_TRUE(test, vmm_answered(v, SZ_2M));
	KUNIT_EXPECT_EQ(test, vmm_base(v), 1);
	v->quits = false;
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 1), 0);
	vmm_send_one(v, SZ_2M + SZ_4K);
	KUNIT_EXPECT_TRUE(test, vmm_wait(v));
}

static int switch_thread(void *arg)
{
	struct vmm *v = arg;
	unsigned int i;

	for (i = 0; !kthread_should_stop(); i++) {
		parley_vhost_vq_ask(vmm_vq(v), i % 3);
		parley_vhost_vq_switch(vmm_vq(v), i % 2);
		cond_resched();
	}
	return 0;
}

static void switch_thread_stop(void *thread)
{
	kthread_stop(thread);
}

/* Two who do not know of each other, and traffic: nobody waits for ever. */
static void switch_beside_the_vmm(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct task_struct *thread;
	unsigned int i;

	vmm_set_up(v, 0);
	thread = kthread_run(switch_thread, v, "switch");
	KUNIT_ASSERT_FALSE(test, IS_ERR(thread));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, switch_thread_stop, thread), 0);
	for (i = 0; i < 200; i++) {
		KUNIT_EXPECT_EQ(test, vmm_enable(v, i % 2), 0);
		if ((u16)(v->avail - vmm_used(v)) < VMM_NUM / 2)
			vmm_send_one(v, SZ_2M + i * SZ_4K);
	}
	kunit_release_action(test, switch_thread_stop, thread);
	flush_work(&vmm_vq(v)->ask);
	KUNIT_ASSERT_EQ(test, vmm_enable(v, 1), 0);
	parley_vhost_vq_wake(vmm_vq(v));
	KUNIT_EXPECT_TRUE(test, vmm_wait(v));
	KUNIT_EXPECT_EQ(test, vmm_vq(v)->stats.errors, 0);
}

/* A device that was released says so, as long as it is held. */
static void switch_after_the_end(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct parley_vhost_vq *vq = vmm_vq(v);
	struct parley_vhost *dev = v->dev;

	vmm_start(v, 0);
	parley_vhost_hold(dev);
	vmm_close(v);
	KUNIT_EXPECT_EQ(test, parley_vhost_vq_switch(vq, true), -ENODEV);
	KUNIT_EXPECT_EQ(test, parley_vhost_vq_switch(vq, false), -ENODEV);
	parley_vhost_vq_ask(vq, true);
	flush_work(&vq->ask);
	KUNIT_EXPECT_EQ(test, vq->state, VH_VQ_IDLE);
	parley_vhost_drop(dev);
}

/* Nobody's device has no rings to start. */
static void switch_without_an_owner(struct kunit *test)
{
	struct vmm *v = vmm_open(test);

	vmm_start(v, 0);
	KUNIT_ASSERT_EQ(test, vmm_call_at(v, VHOST_RESET_OWNER, 0), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_vq_switch(vmm_vq(v), true), -EPERM);
	KUNIT_EXPECT_EQ(test, parley_vhost_vq_switch(vmm_vq(v), false), 0);
}

static struct kunit_case switch_cases[] = {
	KUNIT_CASE(switch_on_and_off),
	KUNIT_CASE(switch_off_in_the_worker),
	KUNIT_CASE(switch_beside_the_vmm),
	KUNIT_CASE(switch_after_the_end),
	KUNIT_CASE(switch_without_an_owner),
	{}
};

static struct kunit_suite switch_suite = {
	.name = "parley_vhost_switch",
	.test_cases = switch_cases,
};

kunit_test_suite(switch_suite);
