// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that several devices share: pools, their threads, and which device is in
 * which.  Whose turn it is: turn.c, where it is said how a pool serves.
 */
#include <linux/cgroup.h>
#include <linux/kthread.h>
#include <linux/mmu_context.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>
#include <parley/export.h>

#include "pool.h"
#include "runq.h"
#include "state.h"
#include "worker.h"

DEFINE_MUTEX(vh_pools_lock);
EXPORT_SYMBOL_IF_KUNIT(vh_pools_lock);
LIST_HEAD(vh_pools);
static unsigned int nr_pools;
static u64 last_id;
static struct workqueue_struct *free_wq;

/* --------------------------------------------------------------- threads */

static void vh_pool_serve(struct vh_pool *pool, struct vh_seat *seat)
{
	struct vh_worker *w = seat->worker;
	struct parley_vhost *dev = w->dev;
	struct mm_struct *mm = dev->owner.mm;
	struct parley_vhost_as was;

	/* Gone, and killed with it: file and rings will follow. */
	if (mm && !mmget_not_zero(mm)) {
		vh_worker_drop_all(w);
		vh_pool_leave(pool, seat);
		return;
	}
	if (mm)
		kthread_use_mm(mm);
	parley_vhost_as_owner(dev, &was);
	do
		vh_worker_turn(w);
	while (vh_pool_again(pool, seat));
	parley_vhost_as_before(&was);
	if (mm)
		kthread_unuse_mm(mm);
	vh_pool_leave(pool, seat);
	/* Should it be the last, then not at the others' cost. */
	if (mm)
		mmput_async(mm);
}

static int vh_pool_thread(void *arg)
{
	struct vh_seat *seat = arg;

	allow_kernel_signal(SIGKILL);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		if (!vh_pool_next(seat->pool, seat)) {
			schedule();
			continue;
		}
		__set_current_state(TASK_RUNNING);
		vh_pool_serve(seat->pool, seat);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static int vh_seat_add(struct vh_pool *pool, struct parley_vhost *dev)
{
	struct vh_seat *seat = kzalloc(sizeof(*seat), GFP_KERNEL);
	int err = 0;

	if (!seat)
		return -ENOMEM;
	seat->pool = pool;
	seat->thread = kthread_create(vh_pool_thread, seat, "parley+%s", pool->name);
	if (IS_ERR(seat->thread)) {
		err = PTR_ERR(seat->thread);
		kfree(seat);
		return err;
	}
	get_task_struct(seat->thread);
	if (pool->one_vm && dev->owner.task)
		err = cgroup_attach_task_all(dev->owner.task, seat->thread);
	if (err) {
		kthread_stop_put(seat->thread);
		kfree(seat);
		return err;
	}
	scoped_guard(spinlock_irqsave, &pool->lock) {
		list_add_tail(&seat->all, &pool->seats);
		list_add_tail(&seat->entry, &pool->idle);
	}
	pool->nr_seats++;
	wake_up_process(seat->thread);
	return 0;
}

/*
 * The threads of a pool for one VM go where @like is, in the control groups, so that
 * their time is the VM's.  Under vh_pools_lock.
 */
static int vh_pool_move(struct vh_pool *pool, struct task_struct *like)
{
	struct vh_seat *seat;
	int err = 0;

	list_for_each_entry(seat, &pool->seats, all)
		err = cgroup_attach_task_all(like, seat->thread) ?: err;
	return err;
}

/* No device is in it; a thread may still be with one that left. */
static void vh_pool_free(struct work_struct *work)
{
	struct vh_pool *pool = container_of(work, struct vh_pool, free);
	struct vh_seat *seat, *next;

	timer_shutdown_sync(&pool->watch);
	list_for_each_entry_safe(seat, next, &pool->seats, all) {
		kthread_stop_put(seat->thread);
		kfree(seat);
	}
	kfree(pool);
}

/* --------------------------------------------------------------- members */

/* Under vh_pools_lock: from now on a pool has it, or its own thread (NULL). */
static void vh_worker_set_pool(struct vh_worker *w, struct vh_pool *pool)
{
	struct vh_pool *old = w->pool;
	unsigned long flags;
	bool waits = false;

	lockdep_assert_held(&vh_pools_lock);
	spin_lock_irqsave(&w->lock, flags);
	if (old) {
		spin_lock(&old->lock);
		waits = w->share.ready;
		vh_order_idle(&old->order, &w->share);
		w->pool = NULL;
		spin_unlock(&old->lock);
	}
	if (pool) {
		spin_lock(&pool->lock);
		vh_order_join(&w->share, &w->dev->membership.account);
		w->pool = pool;
		spin_unlock(&pool->lock);
	}
	/* In a list of the old one: nobody else would hand it over. */
	if (waits)
		vh_worker_pass_on(w);
	spin_unlock_irqrestore(&w->lock, flags);
}

/* Threads that are still with workers which left. */
static unsigned int vh_pool_strangers(struct vh_pool *pool)
{
	struct vh_seat *seat;
	unsigned int nr = 0;

	scoped_guard(spinlock_irqsave, &pool->lock)
		list_for_each_entry(seat, &pool->seats, all)
			nr += seat->worker && seat->worker->pool != pool;
	return nr;
}

/* Under vh_pools_lock: the worker's device belongs to a pool. */
static int vh_pool_take_in(struct vh_pool *pool, struct vh_worker *w)
{
	int err;

	/* One of each device has its place: no tenant takes it by having many. */
	if (pool->members >= VH_POOL_MEMBERS_MAX && w->dev->membership.members)
		return -ENOSPC;
	/* Strangers become fewer by themselves, and more as members become fewer. */
	if (pool->nr_seats <= pool->members + vh_pool_strangers(pool)) {
		err = vh_seat_add(pool, w->dev);
		if (err)
			return err;
	}
	pool->members++;
	w->dev->membership.members++;
	vh_worker_set_pool(w, pool);
	return 0;
}

static void vh_pool_let_out(struct vh_worker *w)
{
	w->pool->members--;
	w->dev->membership.members--;
	vh_worker_set_pool(w, NULL);
}

/**
 * vh_pool_welcome() - a device has one more worker
 * @w: worker, in dev->workers
 *
 * Context: dev->mutex.
 * Return: 0, whether the device belongs to a pool or not; -ENOSPC if the pool has
 * VH_POOL_MEMBERS_MAX, and the device one of them; -ENOMEM.
 */
int vh_pool_welcome(struct vh_worker *w)
{
	struct vh_membership *m = &w->dev->membership;

	guard(mutex)(&vh_pools_lock);
	w->settled = true;
	return m->pool ? vh_pool_take_in(m->pool, w) : 0;
}

/**
 * vh_pool_farewell() - a worker goes
 * @w: worker to which no ring is attached
 *
 * Afterwards no thread of a pool has it, nor will have.  Waits for a turn of it that
 * has not ended, as who stops its own thread does.
 *
 * Context: dev->mutex.
 */
void vh_pool_farewell(struct vh_worker *w)
{
	scoped_guard(mutex, &vh_pools_lock) {
		if (w->pool)
			vh_pool_let_out(w);
		w->settled = false;
	}
	wait_var_event(&w->pooled, !READ_ONCE(w->pooled));
}

/* Under vh_pools_lock. */
static void vh_pool_detach_locked(struct parley_vhost *dev)
{
	struct vh_pool *pool = dev->membership.pool;
	struct vh_worker *w;
	unsigned long id;

	xa_for_each(&dev->workers, id, w)
		if (w->pool)
			vh_pool_let_out(w);
	dev->membership.pool = NULL;
	if (--pool->devices)
		return;
	pool->mm = NULL;
	/* The VM's groups are to go; if there is no memory for that, later. */
	if (pool->one_vm)
		vh_pool_move(pool, &init_task);
}

/**
 * vh_pool_attach() - from now on a pool serves the device
 * @dev: device, with a reference
 * @name: of the pool
 * @class: VH_LANE_*
 * @weight: within the class, 1 to VH_WEIGHT_MAX
 *
 * One that belongs to a pool already changes pool, class or weight.
 *
 * Context: may sleep; takes vh_pools_lock, and no dev->mutex.
 * Return: 0; -ENOENT for no such pool; -ENODEV if the device was closed; -EXDEV if
 * the pool is for one VM and this is another's, or nobody's yet; -ENOSPC, -ENOMEM:
 * then it belongs to no pool.
 */
int vh_pool_attach(struct parley_vhost *dev, const char *name, unsigned int class, u32 weight)
{
	struct vh_membership *m = &dev->membership;
	struct vh_pool *pool;
	struct vh_worker *w;
	unsigned long id;
	int err = 0;

	guard(mutex)(&vh_pools_lock);
	pool = vh_pool_find(name);
	if (!pool)
		return -ENOENT;
	if (READ_ONCE(dev->dead))
		return -ENODEV;
	/* Pairs with vh_dev_set_owner(); an owner does not go without vh_pools_lock. */
	if (pool->one_vm && (!smp_load_acquire(&dev->owned) ||
			     (pool->devices && pool->mm != dev->owner.mm)))
		return -EXDEV;
	if (m->pool)
		vh_pool_detach_locked(dev);
	if (pool->devices == VH_POOL_DEVICES_MAX)
		return -ENOSPC;
	*m = (struct vh_membership){
		.pool = pool,
		.account = { .class = class, .weight = weight },
	};
	if (!pool->devices++ && pool->one_vm && dev->owner.task)
		err = vh_pool_move(pool, dev->owner.task);
	pool->mm = dev->owner.mm;
	xa_for_each(&dev->workers, id, w)
		if (!err && w->settled)
			err = vh_pool_take_in(pool, w);
	if (err)
		vh_pool_detach_locked(dev);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(vh_pool_attach);

/**
 * vh_pool_detach() - its own threads serve the device again
 * @dev: device, with a reference
 *
 * Context: may sleep; takes vh_pools_lock.
 * Return: 0; -ENOENT if it belongs to no pool.
 */
int vh_pool_detach(struct parley_vhost *dev)
{
	guard(mutex)(&vh_pools_lock);
	if (!dev->membership.pool)
		return -ENOENT;
	vh_pool_detach_locked(dev);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vh_pool_detach);

/**
 * vh_pool_disown() - a device has no owner any more
 * @dev: device without workers
 *
 * Context: dev->mutex, while dev->owner is still what it was.
 */
void vh_pool_disown(struct parley_vhost *dev)
{
	guard(mutex)(&vh_pools_lock);
	WRITE_ONCE(dev->owned, false);
	if (dev->membership.pool)
		vh_pool_detach_locked(dev);
}

/* ----------------------------------------------------------------- pools */

/** vh_pool_find() - a pool by its name; NULL for none.  Under vh_pools_lock. */
struct vh_pool *vh_pool_find(const char *name)
{
	struct vh_pool *pool;

	lockdep_assert_held(&vh_pools_lock);
	list_for_each_entry(pool, &vh_pools, entry)
		if (!strcmp(pool->name, name))
			return pool;
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(vh_pool_find);

/**
 * vh_pool_create() - make a pool
 * @name: of at most VH_POOL_NAME_MAX bytes
 * @threads: how many serve at a time, 1 to VH_POOL_THREADS_MAX
 * @one_vm: for the devices of one owner only, and on its account
 *
 * Return: 0; -EINVAL for such a name or number; -EEXIST; -ENOSPC if there are
 * VH_POOLS_MAX; -ENOMEM.
 */
int vh_pool_create(const char *name, unsigned int threads, bool one_vm)
{
	struct vh_pool *pool;

	if (!*name || strlen(name) > VH_POOL_NAME_MAX || !threads ||
	    threads > VH_POOL_THREADS_MAX)
		return -EINVAL;
	guard(mutex)(&vh_pools_lock);
	if (vh_pool_find(name))
		return -EEXIST;
	if (nr_pools == VH_POOLS_MAX)
		return -ENOSPC;
	pool = kzalloc(sizeof(*pool), GFP_KERNEL);
	if (!pool)
		return -ENOMEM;
	strscpy(pool->name, name, sizeof(pool->name));
	pool->id = ++last_id;
	pool->one_vm = one_vm;
	vh_pool_order_init(pool, threads);
	INIT_WORK(&pool->free, vh_pool_free);
	list_add_tail(&pool->entry, &vh_pools);
	nr_pools++;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vh_pool_create);

/**
 * vh_pool_resize() - more or fewer threads at a time
 * @name: of the pool
 * @threads: 1 to VH_POOL_THREADS_MAX
 *
 * Return: 0; -EINVAL for such a number; -ENOENT for no such pool.
 */
int vh_pool_resize(const char *name, unsigned int threads)
{
	struct vh_pool *pool;

	if (!threads || threads > VH_POOL_THREADS_MAX)
		return -EINVAL;
	guard(mutex)(&vh_pools_lock);
	pool = vh_pool_find(name);
	if (!pool)
		return -ENOENT;
	vh_pool_set_threads(pool, threads);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vh_pool_resize);

/**
 * vh_pool_remove() - a pool without devices goes
 * @name: of the pool
 *
 * Its threads end in their own time: one may still be with a device that left, and
 * wait for its back end.
 *
 * Return: 0; -ENOENT for no such pool; -EBUSY if devices belong to it.
 */
int vh_pool_remove(const char *name)
{
	struct vh_pool *pool;

	guard(mutex)(&vh_pools_lock);
	pool = vh_pool_find(name);
	if (!pool)
		return -ENOENT;
	if (pool->devices)
		return -EBUSY;
	list_del(&pool->entry);
	nr_pools--;
	queue_work(free_wq, &pool->free);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vh_pool_remove);

int vh_pools_init(void)
{
	free_wq = alloc_workqueue("parley-pools", WQ_UNBOUND, 0);
	return free_wq ? 0 : -ENOMEM;
}

/** vh_pools_exit() - no pool and no thread of one is left; there is no device */
void vh_pools_exit(void)
{
	struct vh_pool *pool, *next;

	list_for_each_entry_safe(pool, next, &vh_pools, entry)
		queue_work(free_wq, &pool->free);
	destroy_workqueue(free_wq);
}
