// SPDX-License-Identifier: GPL-2.0-only
/* A pool's thread in an owner's memory: as the owner, and no longer than a turn. */
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <parley/compat.h>
#include "../pool.h"
#include "../runq.h"
#include "../vq.h"
#include "../worker.h"
#include "vmm.h"

#define POOL		"kunit-mm"

static void pool_end(void *arg)
{
	struct kunit *test = arg;

	KUNIT_EXPECT_EQ(test, vh_pool_remove(POOL), 0);
}

static struct vh_pool *pool_make(struct kunit *test, bool one_vm)
{
	KUNIT_ASSERT_EQ(test, vh_pool_create(POOL, 1, one_vm), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pool_end, test), 0);
	guard(mutex)(&vh_pools_lock);
	return vh_pool_find(POOL);
}

/*
 * A device of somebody else than the kernel, served by the pool.  Its own thread is
 * one of the @users of its memory, as without a pool.
 */
static struct vmm *pooled(struct kunit *test, int *users)
{
	struct vmm *v = vmm_open_somebody(test);

	*users = atomic_read(&current->mm->mm_users);
	KUNIT_ASSERT_EQ(test, vh_pool_attach(v->dev, POOL, VH_LANE_NORMAL, 100), 0);
	vmm_start(v, 0);
	return v;
}

static void served(struct vmm *v, u64 at)
{
	vmm_send_one(v, at);
	KUNIT_EXPECT_TRUE(v->test, vmm_wait(v));
	KUNIT_EXPECT_TRUE(v->test, vmm_answered(v, at));
}

/* Memory and rights of the owner, which are let go of after each turn. */
static void pool_as_owner(struct kunit *test)
{
	struct vh_pool *pool = pool_make(test, false);
	int users, i;
	struct vmm *v = pooled(test, &users);
	u64 turns;

	for (i = 0; i < 20; i++)
		served(v, SZ_2M + 64 * i);
	KUNIT_EXPECT_TRUE(test, uid_eq(v->fsuid, VMM_SOMEBODY));
	scoped_guard(spinlock_irqsave, &pool->lock)
		turns = pool->stats.turns;
	KUNIT_EXPECT_GE(test, turns, 20);
	/* A ring without kicks has turns now and then. */
	KUNIT_EXPECT_TRUE(test, vh_until(atomic_read(&current->mm->mm_users) == users));
	vmm_close(v);
	KUNIT_EXPECT_TRUE(test, vh_until(atomic_read(&current->mm->mm_users) == users - 1));
}

/* A ring is stopped while the pool has it: nothing is lost, nobody waits for ever. */
static void pool_stops(struct kunit *test)
{
	struct vmm_later later;
	struct vmm *v;
	int users;

	pool_make(test, false);
	v = pooled(test, &users);
	v->hold = true;
	vmm_send_one(v, SZ_2M);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(v->nr_held) == 1));
	vmm_release_later(v, &later);
	vh_vq_kill(vmm_vq(v));
	vmm_release_wait(&later);
	KUNIT_EXPECT_TRUE(test, vmm_answered(v, SZ_2M));
	KUNIT_EXPECT_EQ(test, vmm_vq(v)->state, VH_VQ_STOPPING);
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 0), 0);
	KUNIT_EXPECT_EQ(test, vmm_enable(v, 1), 0);
	served(v, SZ_2M + 64);
}

/* Where the memory is gone, what is queued is dropped. */
static void pool_after_the_owner(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct parley_vhost_vq *vq = parley_vhost_get_vq(v->dev, 1);
	struct vh_worker *w;

	guard(mutex)(&v->dev->mutex);
	w = vh_worker_create(v->dev);
	KUNIT_ASSERT_FALSE(test, IS_ERR(w));
	KUNIT_EXPECT_EQ(test, vh_worker_attach(vq, w), 0);
	KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(w->sleeping)));
	/* As if a thread of a pool had it. */
	scoped_guard(spinlock_irqsave, &w->lock) {
		w->sleeping = false;
		w->pooled = true;
		w->look = true;
	}
	parley_vhost_vq_wake(vq);
	KUNIT_EXPECT_TRUE(test, vq->queued);
	vh_worker_drop_all(w);
	KUNIT_EXPECT_FALSE(test, vh_worker_has_work(w));
	KUNIT_EXPECT_FALSE(test, vq->queued);
	scoped_guard(spinlock_irqsave, &w->lock) {
		w->sleeping = true;
		w->pooled = false;
	}
	KUNIT_EXPECT_EQ(test, vh_worker_attach(vq, NULL), 0);
	vh_worker_destroy(w);
}

/* A pool for one VM takes in no other, and nobody's device. */
static void pool_of_one(struct kunit *test)
{
	struct vh_pool *pool = pool_make(test, true);
	struct vmm *a = vmm_open(test), *b = vmm_open(test);
	struct mm_struct *mm = b->dev->owner.mm;

	KUNIT_EXPECT_EQ(test, vh_pool_attach(a->dev, POOL, VH_LANE_NORMAL, 100), 0);
	KUNIT_EXPECT_EQ(test, vh_pool_attach(b->dev, POOL, VH_LANE_LATENCY, 1), 0);
	KUNIT_EXPECT_EQ(test, pool->devices, 2);
	KUNIT_EXPECT_EQ(test, vh_pool_detach(b->dev), 0);
	/* As if it were another's. */
	b->dev->owner.mm = (struct mm_struct *)b;
	KUNIT_EXPECT_EQ(test, vh_pool_attach(b->dev, POOL, VH_LANE_LATENCY, 1), -EXDEV);
	b->dev->owner.mm = mm;
	KUNIT_ASSERT_EQ(test, vmm_call_at(b, VHOST_RESET_OWNER, 0), 0);
	KUNIT_EXPECT_EQ(test, vh_pool_attach(b->dev, POOL, VH_LANE_LATENCY, 1), -EXDEV);
	/* Who goes makes room for another VM. */
	KUNIT_ASSERT_EQ(test, vmm_call_at(a, VHOST_RESET_OWNER, 0), 0);
	KUNIT_EXPECT_EQ(test, pool->devices, 0);
	KUNIT_EXPECT_NULL(test, pool->mm);
	KUNIT_ASSERT_EQ(test, vmm_call_at(b, VHOST_SET_OWNER, 0), 0);
	KUNIT_EXPECT_EQ(test, vh_pool_attach(b->dev, POOL, VH_LANE_LATENCY, 1), 0);
	vmm_start(b, 0);
	served(b, SZ_2M);
}

/* A thread by its number, as the whole system sees it; 0 for none. */
static pid_t worker_nr(struct vmm *v)
{
	struct pid *pid = parley_vhost_vq_worker(vmm_vq(v));
	pid_t nr = pid_nr(pid);

	put_pid(pid);
	return nr;
}

/* Who serves a ring can be asked for, as long as it is one. */
static void worker_of_a_ring(struct kunit *test)
{
	struct vmm *v = vmm_open(test);

	pool_make(test, false);
	vmm_start(v, 0);
	served(v, SZ_2M);
	KUNIT_EXPECT_NE(test, v->pid, 0);
	KUNIT_EXPECT_EQ(test, worker_nr(v), v->pid);
	KUNIT_ASSERT_EQ(test, vh_pool_attach(v->dev, POOL, VH_LANE_NORMAL, 100), 0);
	KUNIT_EXPECT_EQ(test, worker_nr(v), 0);
	served(v, SZ_2M + 64);
	KUNIT_ASSERT_EQ(test, vh_pool_detach(v->dev), 0);
	/* The pool's thread may still be at it. */
	KUNIT_EXPECT_TRUE(test, vh_until(worker_nr(v)));
	served(v, SZ_2M + 128);
	KUNIT_EXPECT_EQ(test, worker_nr(v), v->pid);
	KUNIT_ASSERT_EQ(test, vmm_call_at(v, VHOST_RESET_OWNER, 0), 0);
	KUNIT_EXPECT_EQ(test, worker_nr(v), 0);
}

static struct kunit_case pool_mm_cases[] = {
	KUNIT_CASE(pool_as_owner),
	KUNIT_CASE(pool_stops),
	KUNIT_CASE(pool_after_the_owner),
	KUNIT_CASE(pool_of_one),
	KUNIT_CASE(worker_of_a_ring),
	{}
};

static struct kunit_suite pool_mm_suite = {
	.name = "parley_vhost_pool_mm",
	.test_cases = pool_mm_cases,
};
kunit_test_suite(pool_mm_suite);
