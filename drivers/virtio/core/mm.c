// SPDX-License-Identifier: GPL-2.0-only
/*
 * User memory, reached with more patience than its process has.
 *
 * A thread that is being killed waits neither for the lock of its memory nor for
 * a page that has to be fetched: what is not mapped is out of its reach, though
 * it is there.  The peer, whose ring and buffers it is, lives on and has done
 * nothing wrong.  A kernel thread that borrows the memory can wait.
 */
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/mmu_context.h>
#include <linux/sched/signal.h>
#include <linux/workqueue.h>
#include <parley/compat.h>
#include <parley/mm.h>

#include "ring.h"

struct mm_errand {
	struct work_struct work;
	struct completion done;
	struct mm_struct *mm;
	int (*fn)(void *arg);
	void *arg;
	int ret;
};

static void mm_errand_run(struct work_struct *work)
{
	struct mm_errand *e = container_of(work, struct mm_errand, work);

	kthread_use_mm(e->mm);
	e->ret = e->fn(e->arg);
	kthread_unuse_mm(e->mm);
	complete(&e->done);
}

/**
 * parley_in_mm() - have a kernel thread do something in a process's memory
 * @mm: the memory, of which the caller is a user (mmget(), or current->mm)
 * @fn: what
 * @arg: for @fn
 *
 * Context: any in which @fn may be waited for.  Locks that the caller holds
 * protect @fn as well, but it is not who holds them.
 * Return: what @fn returns.
 */
int parley_in_mm(struct mm_struct *mm, int (*fn)(void *arg), void *arg)
{
	struct mm_errand e = { .mm = mm, .fn = fn, .arg = arg };

	init_completion(&e.done);
	INIT_WORK_ONSTACK(&e.work, mm_errand_run);
	queue_work(system_dfl_wq, &e.work);
	/*
	 * Not flush_work(): all errands are one to lockdep, and some are waited
	 * for under a lock that others take.
	 */
	wait_for_completion(&e.done);
	destroy_work_on_stack(&e.work);
	return e.ret;
}
PARLEY_EXPORT(parley_in_mm);

/* A field of a ring or table: 2, 4 or 8 bytes at once, as a peer expects. */
struct mm_field {
	unsigned long at;
	size_t size;
	u64 value;
};

static int mm_field_load(void *arg)
{
	struct mm_field *f = arg;
	void __user *at = (void __user *)f->at;

	switch (f->size) {
	case sizeof(u16):
		return get_user(f->value, (u16 __user *)at);
	case sizeof(u32):
		return get_user(f->value, (u32 __user *)at);
	default:
		return get_user(f->value, (u64 __user *)at);
	}
}

static int mm_field_store(void *arg)
{
	struct mm_field *f = arg;
	void __user *at = (void __user *)f->at;

	switch (f->size) {
	case sizeof(u16):
		return put_user(f->value, (u16 __user *)at);
	case sizeof(u32):
		return put_user(f->value, (u32 __user *)at);
	default:
		return put_user(f->value, (u64 __user *)at);
	}
}

/* Was it no more than haste? */
static int mm_again(int (*fn)(void *arg), struct mm_field *f)
{
	if (!fatal_signal_pending(current) || !current->mm)
		return -EFAULT;
	return parley_in_mm(current->mm, fn, f);
}

int parley_user_load(u64 *value, unsigned long at, size_t size)
{
	struct mm_field f = { .at = at, .size = size };
	int err = mm_again(mm_field_load, &f);

	*value = f.value;
	return err;
}

int parley_user_store(u64 value, unsigned long at, size_t size)
{
	struct mm_field f = { .at = at, .size = size, .value = value };

	return mm_again(mm_field_store, &f);
}
