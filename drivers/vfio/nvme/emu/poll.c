// SPDX-License-Identifier: GPL-2.0-only
/*
 * Polling: a thread that looks at the guest's doorbells and at the function's answers, so
 * that neither has to call.
 *
 * How long it looks before it sleeps is learnt: twice as long when looking found something,
 * or when sleep ended so soon that looking would have; half as long when sleep was longer.
 * What is spent in vain comes out of a credit that grows by a part of the time that passes,
 * so an idle guest costs no more than that.  Whoever else wants the processor has it in
 * between, before this thread if it is as nice as most are.
 *
 * Doorbells that are mapped are not taken away again before the guest that touched them has
 * had the time to write: it would touch them over and over.
 *
 * Before it sleeps, doorbells that are mapped are taken from the guest, so that the
 * next one to touch them wakes it, and shadows are armed; then everything is looked at
 * once more.  Nothing gets lost between the two, whoever comes when.
 */
#include <linux/cgroup.h>
#include <linux/kthread.h>
#include <linux/math.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <parley/compat.h>
#include <parley/export.h>
#include "rooms.h"

static unsigned int pne_poll_us = PARLEY_EMU_POLL_US;
module_param_named(poll_us, pne_poll_us, uint, 0644);
MODULE_PARM_DESC(poll_us, "So many microseconds a thread that polls looks at most, of devices opened from now on");

static u32 pne_least_us(const struct parley_emu_poll *p)
{
	return READ_ONCE(p->most_us) / PARLEY_EMU_POLL_STEPS;
}

/**
 * parley_emu_poll_learn() - looking was worth it, or was not
 * @p: what is known of that
 * @hit: it was
 *
 * Context: of whoever looks.
 */
VISIBLE_IF_KUNIT void parley_emu_poll_learn(struct parley_emu_poll *p, bool hit)
{
	const u32 most = READ_ONCE(p->most_us), least = pne_least_us(p);

	if (hit)
		p->us = clamp(2 * p->us, least, most);
	else
		p->us = p->us / 2 < least ? 0 : p->us / 2;
}
EXPORT_SYMBOL_IF_KUNIT(parley_emu_poll_learn);

/**
 * parley_emu_poll_time() - how long to look
 * @p: what is known of that
 * @now: nanoseconds
 *
 * Context: of whoever looks.
 * Return: nanoseconds.
 */
VISIBLE_IF_KUNIT u64 parley_emu_poll_time(struct parley_emu_poll *p, u64 now)
{
	const u64 most = (u64)READ_ONCE(p->most_us) * NSEC_PER_USEC;
	u64 passed;

	if (now > p->credited) {
		passed = min(now - p->credited, 100 * most);
		p->credit = min(p->credit + passed * PARLEY_EMU_POLL_PERCENT / 100, most);
		p->credited = now;
	}
	return min((u64)p->us * NSEC_PER_USEC, p->credit);
}
EXPORT_SYMBOL_IF_KUNIT(parley_emu_poll_time);

/**
 * parley_emu_poll_vain() - looking was in vain
 * @p: what is known of that
 * @ns: for so long
 *
 * Context: of whoever looks.
 */
VISIBLE_IF_KUNIT void parley_emu_poll_vain(struct parley_emu_poll *p, u64 ns)
{
	p->credit -= min(ns, p->credit);
}
EXPORT_SYMBOL_IF_KUNIT(parley_emu_poll_vain);

/* Who comes from now on has to be seen to: before a look, and before a mapping goes. */
static void pne_listen(struct parley_emu *e)
{
	/* Before that look: parley_emu_kick() writes it after what is to be seen. */
	smp_store_mb(e->poll.kicked, false);
}

/* At all there is; whether there was anything. */
static bool pne_once(struct parley_emu *e)
{
	unsigned int vector;

	for (vector = 0; vector < e->vf->vectors; vector++)
		parley_nvme_io_reap(e->vf, vector);
	guard(mutex)(&e->mutex);
	return parley_emu_round(e);
}

/* For a while; whether there was anything. */
static bool pne_look(struct parley_emu *e)
{
	struct parley_emu_poll *p = &e->poll;
	u64 start = local_clock(), now = start, time = parley_emu_poll_time(p, start);

	if (READ_ONCE(p->touched)) {
		WRITE_ONCE(p->touched, false);
		p->stay = start + pne_least_us(p) * NSEC_PER_USEC;
	}
	do {
		pne_listen(e);
		if (pne_once(e)) {
			if (now != start)
				parley_emu_poll_learn(p, true);
			return true;
		}
		if (kthread_should_stop())
			return true;
		cond_resched();
		cpu_relax();
		now = local_clock();
	} while (now - start < time || now < p->stay);
	parley_emu_poll_vain(p, now - start);
	return false;
}

static void pne_sleep(struct parley_emu *e)
{
	struct parley_emu_poll *p = &e->poll;
	u64 since = local_clock();
	bool late;

	pne_listen(e);
	if (e->ops->unmap)
		e->ops->unmap(e);
	late = pne_once(e);
	scoped_guard(mutex, &e->mutex)
		late |= parley_emu_shadow_arm(e);
	if (late) {
		parley_emu_poll_learn(p, true);
		return;
	}
	/* That was in vain as well: whoever wakes it for nothing all the time pays for it. */
	parley_emu_poll_vain(p, local_clock() - since);
	wait_event_idle(p->wait, READ_ONCE(p->kicked) || kthread_should_stop());
	parley_emu_poll_learn(p, local_clock() - since <
				 (u64)READ_ONCE(p->most_us) * NSEC_PER_USEC);
}

static int pne_poll(void *data)
{
	struct parley_emu *e = data;

	set_user_nice(current, PARLEY_EMU_POLL_NICE);
	while (!kthread_should_stop()) {
		if (!pne_look(e))
			pne_sleep(e);
		cond_resched();
	}
	return 0;
}

/**
 * parley_emu_kick() - there is something to see to
 * @e: the controller
 *
 * Context: any.
 */
void parley_emu_kick(struct parley_emu *e)
{
	if (!e->poll.task) {
		kthread_queue_work(e->worker, &e->work);
		return;
	}
	WRITE_ONCE(e->poll.kicked, true);
	/* The wait queue's lock orders that before the look at who sleeps. */
	wake_up(&e->poll.wait);
}
PARLEY_EXPORT(parley_emu_kick);

/**
 * parley_emu_touched() - the guest has its doorbells mapped from now on, and is to write them
 * @e: the controller
 *
 * They stay so for a while.
 *
 * Context: any.
 */
void parley_emu_touched(struct parley_emu *e)
{
	/* parley_emu_kick() orders that before the look of who is woken. */
	WRITE_ONCE(e->poll.touched, true);
	parley_emu_kick(e);
}
PARLEY_EXPORT(parley_emu_touched);

/* What is done for a guest is charged to whoever runs it. */
static int pne_charge(struct task_struct *task)
{
	return cgroup_attach_task_all(current, task);
}

static int pne_poll_create(struct parley_emu *e)
{
	struct task_struct *task;
	int err;

	task = kthread_create(pne_poll, e, "parley_nvme/%s", e->config.serial);
	if (IS_ERR(task))
		return PTR_ERR(task);
	err = pne_charge(task);
	if (err) {
		kthread_stop(task);
		return err;
	}
	e->poll.task = task;
	wake_up_process(task);
	return 0;
}

static int pne_worker_create(struct parley_emu *e)
{
	struct kthread_worker *worker;
	int err;

	worker = kthread_run_worker(0, "parley_nvme/%s", e->config.serial);
	if (IS_ERR(worker))
		return PTR_ERR(worker);
	err = pne_charge(worker->task);
	if (err) {
		kthread_destroy_worker(worker);
		return err;
	}
	e->worker = worker;
	return 0;
}

/**
 * parley_emu_poll_start() - a thread that polls, if its user wants one, or that is called
 * @e: the controller, disabled
 *
 * Context: process context, of who runs the guest; may sleep.
 * Return: 0, -ENOMEM, -EINTR, or why it cannot be in its user's cgroups.
 */
int parley_emu_poll_start(struct parley_emu *e)
{
	init_waitqueue_head(&e->poll.wait);
	e->poll.most_us = min(READ_ONCE(pne_poll_us), PARLEY_EMU_POLL_MAX_US);
	/* What happens at points of time only is not looked for in between. */
	if (e->config.polled && !e->grid.period)
		return pne_poll_create(e);
	return pne_worker_create(e);
}

/**
 * parley_emu_poll_stop() - the mirror of parley_emu_poll_start()
 * @e: the controller, which nobody kicks any more
 *
 * Context: process context; sleeps, as long as a look takes.
 */
void parley_emu_poll_stop(struct parley_emu *e)
{
	if (e->poll.task)
		kthread_stop(e->poll.task);
	e->poll.task = NULL;
	if (e->worker)
		kthread_destroy_worker(e->worker);
	e->worker = NULL;
}
EXPORT_SYMBOL_IF_KUNIT(parley_emu_poll_stop);
