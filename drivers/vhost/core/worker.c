// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that serve rings.
 *
 * A worker takes the first ring off its run queue (runq.c), gives it one round, and
 * puts it back at the end if it has more: however fast a guest refills its ring, the
 * others get their turn.
 *
 * No grace period is waited for, which an owner could otherwise ask for as often as he
 * likes: workers and rings are freed after one.
 *
 * A run queue may be taken by a pool, see turn.c; the worker's own thread sleeps then.
 */
#include <linux/bitmap.h>
#include <linux/cgroup.h>
#include <linux/kthread.h>
#include <linux/nodemask.h>
#include <linux/pid.h>
#include <linux/sched/clock.h>
#include <linux/sched/signal.h>
#include <linux/sched/vhost_task.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "pool.h"
#include "runq.h"
#include "serve.h"
#include "state.h"
#include "vq.h"
#include "worker.h"

/* Rounds between two looks at signals and the order to stop. */
#define WORKER_ROUNDS	8

/* Nobody serves the ring, and nobody queues it to this worker any more. */
static void vh_worker_detach(struct parley_vhost_vq *vq, struct vh_worker *w)
{
	scoped_guard(spinlock_irqsave, &w->lock) {
		rcu_assign_pointer(vq->worker, NULL);
		vh_worker_take_off(vq);
	}
	WRITE_ONCE(w->attached, w->attached - 1);
}

/* --------------------------------------------------------------- thread */

/*
 * Nearest to the memory of its rings, unless somebody placed the thread.  Asked
 * once for each ring that starts or comes here.
 */
static void vh_worker_place(struct vh_worker *w, int node)
{
	const struct cpumask *now = w->node == NUMA_NO_NODE ?
				    cpu_possible_mask : cpumask_of_node(w->node);
	struct parley_vhost *dev = w->dev;
	unsigned int i;

	for (i = 0; i < dev->nr_vqs; i++) {
		struct parley_vhost_vq *vq = dev->vqs[i];

		if (rcu_access_pointer(vq->worker) == w &&
		    READ_ONCE(vq->node) != NUMA_NO_NODE &&
		    READ_ONCE(vq->node) != node)
			node = NUMA_NO_NODE;
	}
	/* A node without processors is nobody's place. */
	if (node != NUMA_NO_NODE && cpumask_empty(cpumask_of_node(node)))
		node = NUMA_NO_NODE;
	if (node == w->node || !cpumask_equal(current->cpus_ptr, now))
		return;
	if (!set_cpus_allowed_ptr(current, node == NUMA_NO_NODE ?
				  cpu_possible_mask : cpumask_of_node(node)))
		w->node = node;
}

/*
 * The first round of a ring with this thread: where should it run, and who is it?  What
 * vhost_task_create() returns does not say.
 */
static noinline void vh_worker_first_round(struct vh_worker *w, struct parley_vhost_vq *vq)
{
	int node = READ_ONCE(vq->node);

	scoped_guard(spinlock_irqsave, &w->lock) {
		/* If it went to another worker meanwhile, the first round there is to come. */
		if (rcu_access_pointer(vq->worker) == w)
			WRITE_ONCE(vq->placed, true);
		if (!w->pid)
			w->pid = get_task_pid(current, PIDTYPE_PID);
	}
	if (node != NUMA_NO_NODE && num_online_nodes() > 1)
		vh_worker_place(w, node);
}

static void vh_worker_serve(struct vh_worker *w, struct parley_vhost_vq *vq)
{
	/* A pool's threads are placed by who made it. */
	if (unlikely(!READ_ONCE(vq->placed)) && !w->turn.pool)
		vh_worker_first_round(w, vq);
	w->stats.rounds++;
	if (vh_vq_serve(vq, &w->turn))
		vh_vq_queue(vq);
	if (READ_ONCE(vq->unarmed) || READ_ONCE(vq->polled)) {
		__set_bit(vq->index, w->looking);
		w->look = true;
	}
	cond_resched();
}

/*
 * Called in a loop by the thread, its state set to sleep.  Returns false, with
 * the state still so, if there is nothing to do.
 */
static bool vh_worker_run(void *arg)
{
	struct vh_worker *w = arg;
	struct parley_vhost_vq *vq;
	unsigned int n;

	vq = vh_worker_next(w, true);
	if (IS_ERR(vq))
		return false;
	__set_current_state(TASK_RUNNING);
	if (!w->woken) {
		w->woken = local_clock();
		w->stats.wakeups++;
		if (vq)
			vh_poll_slept(vq, w->woken - w->slept);
	}
	for (n = 0; vq && n < WORKER_ROUNDS; n++) {
		vh_worker_serve(w, vq);
		vq = n + 1 < WORKER_ROUNDS ? vh_worker_next(w, false) : NULL;
		if (IS_ERR(vq))
			return true;
	}
	if (n < WORKER_ROUNDS && w->look)
		vh_worker_poll(w);
	return true;
}

/**
 * vh_worker_turn() - one round of one ring, or a look at all that want one
 * @w: worker
 *
 * Its cost is in w->turn afterwards.
 *
 * Context: the thread of a pool that has it, with the owner's memory.
 */
void vh_worker_turn(struct vh_worker *w)
{
	struct parley_vhost_vq *vq;
	u64 start = local_clock(), took;

	scoped_guard(spinlock_irqsave, &w->lock)
		vq = vh_worker_first(w);
	if (!w->woken) {
		w->stats.wakeups++;
		if (vq)
			vh_poll_slept(vq, start - w->slept);
	}
	w->woken = start;
	w->turn.cost += VH_COST_TURN;
	if (vq)
		vh_worker_serve(w, vq);
	else if (w->look)
		vh_worker_poll(w);
	took = local_clock() - start;
	w->stats.busy_ns += took;
	vh_pool_took(w->turn.pool, &w->turn, took);
}

/* The owner's process was killed; its memory lives until this thread ends. */
static void vh_worker_killed(void *arg)
{
	struct vh_worker *w = arg;
	struct parley_vhost *dev = w->dev;
	unsigned int i;

	/* A thread of its pool may be at it, and finds nothing more. */
	scoped_guard(spinlock_irqsave, &w->lock) {
		w->killed = true;
		while (vh_worker_first(w))
			;
		vh_pool_interrupt(w);
	}
	for (i = 0; i < dev->nr_vqs; i++)
		if (rcu_access_pointer(dev->vqs[i]->worker) == w)
			vh_vq_kill(dev->vqs[i]);
}

static int vh_worker_thread(void *arg)
{
	struct vh_worker *w = arg;
	struct mm_struct *mm = w->dev->owner.mm;
	struct parley_vhost_as was;

	if (mm)
		kthread_use_mm(mm);
	parley_vhost_as_owner(w->dev, &was);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop()) {
			__set_current_state(TASK_RUNNING);
			break;
		}
		if (!vh_worker_run(w))
			schedule();
	}
	parley_vhost_as_before(&was);
	if (mm)
		kthread_unuse_mm(mm);
	return 0;
}

/* The thread shares the owner's memory, name space, limits and fate. */
static int vh_worker_start_task(struct vh_worker *w, const char *name)
{
	struct vhost_task *task;

	task = vhost_task_create(vh_worker_run, vh_worker_killed, w, name);
	if (IS_ERR(task))
		return PTR_ERR(task);
	w->task = task;
	vhost_task_start(task);
	return 0;
}

/* The thread borrows the owner's memory and goes into its control groups. */
static int vh_worker_start_kthread(struct vh_worker *w, const char *name)
{
	struct mm_struct *mm = w->dev->owner.mm;
	struct task_struct *thread;
	int err = 0;

	if (mm && !mmget_not_zero(mm))
		return -ESRCH;
	thread = kthread_create(vh_worker_thread, w, "%s", name);
	if (IS_ERR(thread)) {
		if (mm)
			mmput(mm);
		return PTR_ERR(thread);
	}
	get_task_struct(thread);
	if (mm)
		err = cgroup_attach_task_all(current, thread);
	w->thread = thread;
	wake_up_process(thread);
	return err;
}

static void vh_worker_stop(struct vh_worker *w)
{
	if (w->task) {
		vhost_task_stop(w->task);
	} else if (w->thread) {
		kthread_stop_put(w->thread);
		if (w->dev->owner.mm)
			mmput(w->dev->owner.mm);
	}
}

static void vh_worker_free(struct vh_worker *w)
{
	bitmap_free(w->looking);
	/* Who still looks at it finds no ring of its own there, and takes no reference. */
	put_pid(w->pid);
	kfree_rcu(w, rcu);
}

/* ---------------------------------------------------------------- verbs */

/**
 * vh_worker_create() - one more worker
 * @dev: owned device
 *
 * Context: dev->mutex; with an mm, the owner's is current.
 * Return: the worker, found under its id from now on; ERR_PTR(-EBUSY) if there
 * are VH_WORKERS_MAX, or what making a thread or joining the device's pool returned.
 */
struct vh_worker *vh_worker_create(struct parley_vhost *dev)
{
	char name[TASK_COMM_LEN];
	struct vh_worker *w;
	unsigned int i;
	int err;

	lockdep_assert_held(&dev->mutex);
	w = kzalloc(sizeof(*w), GFP_KERNEL_ACCOUNT);
	if (!w)
		return ERR_PTR(-ENOMEM);
	w->looking = bitmap_zalloc(dev->nr_vqs, GFP_KERNEL_ACCOUNT);
	if (!w->looking) {
		err = -ENOMEM;
		goto free;
	}
	w->dev = dev;
	w->node = NUMA_NO_NODE;
	w->slept = local_clock();
	spin_lock_init(&w->lock);
	for (i = 0; i < VH_LANES; i++)
		INIT_LIST_HEAD(&w->queue[i]);

	err = xa_alloc(&dev->workers, &w->id, w, XA_LIMIT(0, VH_WORKERS_MAX - 1),
		       GFP_KERNEL);
	if (err)
		goto free;
	snprintf(name, sizeof(name), "parley-%s-%u", dev->drv->name, dev->id);
	if (dev->owner.mm && dev->fork_owner == VHOST_FORK_OWNER_TASK)
		err = vh_worker_start_task(w, name);
	else
		err = vh_worker_start_kthread(w, name);
	if (!err)
		err = vh_pool_welcome(w);
	if (!err)
		return w;
	xa_erase(&dev->workers, w->id);
	vh_pool_farewell(w);
	vh_worker_stop(w);
free:
	vh_worker_free(w);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_IF_KUNIT(vh_worker_create);

/**
 * vh_worker_destroy() - stop and free a worker
 * @w: worker to which no ring is attached
 *
 * Context: dev->mutex; waits for the thread, so without any vq->mutex.
 */
void vh_worker_destroy(struct vh_worker *w)
{
	lockdep_assert_held(&w->dev->mutex);
	WARN_ON_ONCE(w->attached);
	xa_erase(&w->dev->workers, w->id);
	vh_pool_farewell(w);
	vh_worker_stop(w);
	vh_worker_free(w);
}
EXPORT_SYMBOL_IF_KUNIT(vh_worker_destroy);

/**
 * vh_workers_destroy() - the end of all workers
 * @dev: device of which no ring runs
 *
 * Context: dev->mutex.
 */
void vh_workers_destroy(struct parley_vhost *dev)
{
	struct vh_worker *w;
	unsigned long id;
	unsigned int i;

	lockdep_assert_held(&dev->mutex);
	/* Not: without workers.  The last may have been freed with nothing attached. */
	if (!dev->owned)
		return;
	for (i = 0; i < dev->nr_vqs; i++)
		vh_worker_attach(dev->vqs[i], NULL);
	xa_for_each(&dev->workers, id, w)
		vh_worker_destroy(w);
}

/** vh_worker_find() - by id; NULL if there is none.  Under dev->mutex. */
struct vh_worker *vh_worker_find(struct parley_vhost *dev, u32 id)
{
	lockdep_assert_held(&dev->mutex);
	return xa_load(&dev->workers, id);
}
EXPORT_SYMBOL_IF_KUNIT(vh_worker_find);

/**
 * parley_vhost_vq_worker() - which thread serves a ring?
 * @vq: ring
 *
 * For who places it or says how it is to be scheduled.  It may end, or serve the ring no
 * longer, at any time; but this stays its name, and nobody else's.
 *
 * Context: any.
 * Return: the thread, with a reference that put_pid() gives back; NULL if there is none,
 * if it has served nothing yet, if its process was killed, or if a pool serves the ring,
 * by another thread each time.
 */
struct pid *parley_vhost_vq_worker(const struct parley_vhost_vq *vq)
{
	struct vh_worker *w;
	struct pid *pid = NULL;

	guard(rcu)();
	w = rcu_dereference(vq->worker);
	if (!w)
		return NULL;
	/* Rings are taken from it under its lock, and before it goes. */
	scoped_guard(spinlock_irqsave, &w->lock)
		if (rcu_access_pointer(vq->worker) == w && !w->pool && !w->pooled &&
		    !w->killed)
			pid = get_pid(w->pid);
	return pid;
}
PARLEY_EXPORT(parley_vhost_vq_worker);

/**
 * vh_worker_attach() - from now on this worker serves the ring
 * @vq: ring, running or not
 * @w: worker of the same device, or NULL for nobody
 *
 * A ring that is being served meanwhile finishes its round with the old worker;
 * vq->mutex and vq->outside keep the two apart.
 *
 * Context: dev->mutex.
 * Return: 0, or -EIO if the worker was killed: nobody serves the ring then.
 */
int vh_worker_attach(struct parley_vhost_vq *vq, struct vh_worker *w)
{
	struct vh_worker *old;
	bool killed;

	lockdep_assert_held(&vq->dev->mutex);
	old = rcu_dereference_protected(vq->worker, lockdep_is_held(&vq->dev->mutex));
	if (old == w)
		return 0;
	if (old)
		vh_worker_detach(vq, old);
	if (!w)
		return 0;
	/* Either killed is seen here, or the ring is by vh_worker_killed(). */
	scoped_guard(spinlock_irqsave, &w->lock) {
		killed = w->killed;
		if (!killed)
			rcu_assign_pointer(vq->worker, w);
	}
	if (killed)
		return -EIO;
	WRITE_ONCE(w->attached, w->attached + 1);
	WRITE_ONCE(vq->placed, false);
	vh_vq_queue(vq);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vh_worker_attach);
