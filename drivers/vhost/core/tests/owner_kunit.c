// SPDX-License-Identifier: GPL-2.0-only
/* Threads that work in an owner's place have the owner's rights and limits. */
#include <linux/cred.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <parley/compat.h>
#include "vmm.h"

struct errand {
	struct work_struct work;
	struct parley_vhost *dev;
	kuid_t before, during, after;
};

static void errand_work(struct work_struct *work)
{
	struct errand *e = container_of(work, struct errand, work);
	struct parley_vhost_as was;

	e->before = current_fsuid();
	parley_vhost_as_owner(e->dev, &was);
	e->during = current_fsuid();
	parley_vhost_as_before(&was);
	e->after = current_fsuid();
}

static void errand_run(struct errand *e, struct parley_vhost *dev)
{
	e->dev = dev;
	INIT_WORK_ONSTACK(&e->work, errand_work);
	queue_work(system_dfl_wq, &e->work);
	flush_work(&e->work);
	destroy_work_on_stack(&e->work);
}

/* A work item is the owner while it says so. */
static void work_is_the_owners(struct kunit *test)
{
	struct vmm *v = vmm_open_somebody(test);
	struct errand e;

	errand_run(&e, v->dev);
	KUNIT_EXPECT_TRUE(test, uid_eq(e.before, GLOBAL_ROOT_UID));
	KUNIT_EXPECT_TRUE(test, uid_eq(e.during, VMM_SOMEBODY));
	KUNIT_EXPECT_TRUE(test, uid_eq(e.after, GLOBAL_ROOT_UID));
	/* Without an owner it is nobody else. */
	KUNIT_ASSERT_EQ(test, vmm_call_at(v, VHOST_RESET_OWNER, 0), 0);
	errand_run(&e, v->dev);
	KUNIT_EXPECT_TRUE(test, uid_eq(e.during, GLOBAL_ROOT_UID));
}

/* So is a worker that is a kernel thread. */
static void worker_is_the_owners(struct kunit *test)
{
	struct vmm *v = vmm_open_somebody(test);

	vmm_start(v, 0);
	vmm_send_one(v, SZ_2M);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	KUNIT_EXPECT_TRUE(test, uid_eq(v->fsuid, VMM_SOMEBODY));
}

/* Pages of the log that a worker pins count against the owner's limit. */
static void pages_are_the_owners(struct kunit *test)
{
	struct rlimit *limit = &current->signal->rlim[RLIMIT_MEMLOCK];
	const unsigned long was = limit->rlim_cur;
	const unsigned long pages[] = { 0, 4, 64 }, kept[] = { 0, 1, 1 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pages); i++) {
		struct vmm *v = vmm_open(test);
		u64 base = v->user + VMM_LOG;

		/* The test's thread may lock what it likes. */
		v->dev->owner.may_lock = false;
		limit->rlim_cur = pages[i] * PAGE_SIZE;
		KUNIT_EXPECT_EQ(test, vmm_call(v, VHOST_SET_LOG_BASE, &base), 0);
		vmm_start(v, BIT_ULL(VHOST_F_LOG_ALL));
		vmm_send_one(v, SZ_2M);
		KUNIT_EXPECT_TRUE(test, vmm_wait(v));
		scoped_guard(mutex, &vmm_vq(v)->mutex) {
			KUNIT_EXPECT_EQ(test, v->dev->log.nr_pages, kept[i]);
			KUNIT_EXPECT_EQ(test, v->dev->log.errors, 0);
		}
		/* Three of the ring, where they are allowed. */
		KUNIT_EXPECT_EQ(test, current->mm->locked_vm, kept[i] ? 4 : 0);
		vmm_close(v);
		limit->rlim_cur = was;
		KUNIT_EXPECT_EQ(test, current->mm->locked_vm, 0);
	}
}

/**
 * struct reader - somebody who keeps grace periods from ending
 * @in: he does
 * @stop: he need not any more
 * @late: he had to leave by himself: somebody waited for him
 */
struct reader {
	bool in;
	bool stop;
	bool late;
};

static int reader_run(void *arg)
{
	unsigned long end = jiffies + 2 * HZ;
	struct reader *r = arg;

	rcu_read_lock();
	WRITE_ONCE(r->in, true);
	while (!READ_ONCE(r->stop) && time_before(jiffies, end))
		cpu_relax();
	r->late = !READ_ONCE(r->stop);
	rcu_read_unlock();
	while (!kthread_should_stop())
		usleep_range(1000, 2000);
	return 0;
}

/* Does this end without a grace period? */
static void expect_no_wait(struct kunit *test, void (*fn)(struct vmm *v), struct vmm *v)
{
	struct reader r = {};
	struct task_struct *task = kthread_run(reader_run, &r, "owner-reader");

	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(r.in)));
	fn(v);
	WRITE_ONCE(r.stop, true);
	kthread_stop(task);
	KUNIT_EXPECT_FALSE(test, r.late);
}

static void owner_reset(struct vmm *v)
{
	KUNIT_EXPECT_EQ(v->test, vmm_call_at(v, VHOST_RESET_OWNER, 0), 0);
}

/* Nobody can have the other processors disturbed by coming and going. */
static void owners_come_and_go_quietly(struct kunit *test)
{
	struct vmm *v = vmm_open(test);

	vmm_start(v, 0);
	vmm_send_one(v, SZ_2M);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	expect_no_wait(test, owner_reset, v);
	KUNIT_ASSERT_EQ(test, vmm_call_at(v, VHOST_SET_OWNER, 0), 0);
	expect_no_wait(test, vmm_close, v);
}

static struct kunit_case owner_cases[] = {
	KUNIT_CASE(work_is_the_owners),
	KUNIT_CASE(worker_is_the_owners),
	KUNIT_CASE(pages_are_the_owners),
	KUNIT_CASE(owners_come_and_go_quietly),
	{}
};

static struct kunit_suite owner_suite = {
	.name = "parley_vhost_owner",
	.test_cases = owner_cases,
};
kunit_test_suite(owner_suite);
