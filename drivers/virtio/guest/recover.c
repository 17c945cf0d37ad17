// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stopping a device and starting it from scratch: one machine for suspend,
 * function-level reset, a device that asks for a reset, forgot its driver, broke
 * the rules, is gone, and shutdown.  Documentation/recovery.rst has the whole
 * table.
 *
 * An event never acts by itself.  It leaves a mark (a hold, a fault, or that the
 * device is gone), and settle() takes the device from where it is to where the
 * marks say that it belongs:
 *
 *	LIVE	 to STOPPED	any mark
 *	STOPPED	 to LIVE	no hold, not gone
 *	STOPPED	 to DEAD	gone
 *
 * So the order of events does not matter: a fault in a frozen device waits for
 * the thaw, and a thaw of a device that was lost lets its work fail.
 *
 * Model.lock serialises all of it.  It is not the device lock, whose holder may
 * be in probe() or remove() and wait for the very requests that are given back
 * here.  What is needed was allocated before: rings, tables and interrupts
 * survive a reset, and the work queue has a thread of its own, so a disk that
 * holds the swap comes back without memory.
 */
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <parley/compat.h>
#include <parley/export.h>
#include "guest.h"

static struct workqueue_struct *parley_wq;

/* The work's reference; who cancels it drops it. */
static void parley_model_queue(struct parley_vdev *v, struct workqueue_struct *wq,
			       struct work_struct *work)
{
	get_device(&v->pd.dev);
	if (!queue_work(wq, work))
		put_device(&v->pd.dev);
}

static void parley_model_cancel(struct parley_vdev *v, struct work_struct *work)
{
	if (cancel_work_sync(work))
		put_device(&v->pd.dev);
}

/**
 * parley_phase_set() - the device has come so far
 * @v: device, under its lock; before it is ready the front-end's probe() may be
 *	without that, since nothing of the model changes the phase then
 * @phase: how far
 */
void parley_phase_set(struct parley_vdev *v, enum parley_phase phase)
{
	scoped_guard(spinlock_irqsave, &v->m.irq_lock) {
		WRITE_ONCE(v->m.phase, phase);
		/* Again after DRIVER_OK, see parley_kicks_on(). */
		if (phase != PARLEY_LIVE)
			WRITE_ONCE(v->pd.kicks, false);
		if (phase == PARLEY_STOPPED || phase == PARLEY_IDLE)
			v->m.epoch++;
	}
}

/**
 * parley_fault() - the device has to be started anew
 * @v: device
 * @fault: why
 *
 * Context: any.
 */
void parley_fault(struct parley_vdev *v, enum parley_fault fault)
{
	set_bit(fault, &v->m.faults);
	parley_model_queue(v, parley_wq, &v->m.recover_work);
}

static void parley_model_mark_gone(struct parley_vdev *v, const char *why)
{
	struct parley_queue *queue;

	lockdep_assert_held(&v->m.irq_lock);
	WRITE_ONCE(v->pd.gone, true);
	WRITE_ONCE(v->pd.kicks, false);
	v->m.config_armed = false;
	parley_for_each_queue(v, queue) {
		if (!queue->vq)
			continue;
		parley_drvq_break(queue->vq, why);
		parley_queue_wake(queue);
	}
}

/* Mark it, and make whoever puts, kicks or waits notice at once. */
static void parley_model_cut_off(struct parley_vdev *v, const char *why)
{
	scoped_guard(spinlock_irqsave, &v->m.irq_lock) {
		if (!v->pd.gone)
			parley_model_mark_gone(v, why);
	}
}

/*
 * The front-end holds work back that nobody will serve.  Starting it makes that
 * fail; unbinding it, which whoever is here cannot do, makes it stop asking.
 */
static void parley_model_lose(struct parley_vdev *v, int err)
{
	lockdep_assert_held(&v->m.lock);
	if (parley_device_gone(&v->pd))
		return;
	dev_err(&v->pd.dev, "device did not come back from a reset (%d): its requests fail, unbind and bind the transport's device to try again\n",
		err);
	parley_model_cut_off(v, "device lost");
	parley_model_queue(v, system_percpu_wq, &v->m.unbind_work);
}

/*
 * After the reset: first what the device had completed, which ends as if nothing
 * had happened, then what it never will.  Of a queue that is broken, as those of
 * a device that is gone or shut down are, nothing is reaped: what the device says
 * there is not believed, and all of it fails.
 */
static void parley_model_take_back(struct parley_vdev *v, enum parley_fate fate)
{
	struct parley_queue *queue;

	lockdep_assert_held(&v->m.lock);
	parley_for_each_queue(v, queue)
		parley_queue_poll(queue, UINT_MAX, NULL);
	if (parley_device_gone(&v->pd) ||
	    test_bit(PARLEY_FAULT_BROKEN, &v->m.faults))
		fate = PARLEY_FAIL;
	parley_for_each_queue(v, queue)
		parley_queue_take_back(queue, fate);
}

static void parley_model_reset(struct parley_vdev *v)
{
	int err;

	lockdep_assert_held(&v->m.lock);
	err = parley_status_reset(v);
	if (err && !parley_device_gone(&v->pd))
		dev_err(&v->pd.dev, "device does not finish a reset (%d)\n", err);
}

static void parley_model_stop(struct parley_vdev *v)
{
	struct parley_driver *drv = parley_driver_of(v);
	unsigned long faults;

	lockdep_assert_held(&v->m.lock);
	parley_config_disarm(v);
	if (drv->stop)
		drv->stop(&v->pd);
	parley_phase_set(v, PARLEY_STOPPED);
	/* An error means that it is gone: its memory is ours anyway. */
	parley_model_reset(v);
	parley_model_take_back(v, PARLEY_REPEAT);
	faults = xchg(&v->m.faults, 0);
	if (!faults || parley_device_gone(&v->pd))
		return;
	if (!drv->stop)
		parley_model_lose(v, -EOPNOTSUPP);
	else if (!__ratelimit(&v->m.recover_limit))
		parley_model_lose(v, -ELOOP);
}

static int parley_model_restart(struct parley_vdev *v)
{
	struct parley_driver *drv = parley_driver_of(v);
	int err;

	lockdep_assert_held(&v->m.lock);
	err = parley_negotiate_again(v);
	if (!err)
		err = parley_queues_enable_again(v);
	if (err)
		return err;
	/* Those that came meanwhile were about the device of before. */
	xchg(&v->m.faults, 0);
	parley_go_live(v);
	return drv->reapply ? drv->reapply(&v->pd) : 0;
}

static void parley_model_start(struct parley_vdev *v)
{
	struct parley_driver *drv = parley_driver_of(v);
	int err;

	lockdep_assert_held(&v->m.lock);
	err = parley_model_restart(v);
	if (err) {
		parley_model_lose(v, err);
		parley_phase_set(v, PARLEY_STOPPED);
		parley_model_reset(v);
		parley_model_take_back(v, PARLEY_FAIL);
		return;
	}
	drv->start(&v->pd);
	/* It may have changed while nobody listened. */
	parley_device_config_interrupt(v);
}

static void parley_model_bury(struct parley_vdev *v)
{
	struct parley_driver *drv = parley_driver_of(v);

	lockdep_assert_held(&v->m.lock);
	parley_phase_set(v, PARLEY_DEAD);
	if (drv->start)
		drv->start(&v->pd);
}

/*
 * See the top of this file.  Whatever a front-end allocates meanwhile must not
 * wait for the disk that is being brought back.
 */
static void parley_model_settle(struct parley_vdev *v)
{
	unsigned int noio = memalloc_noio_save();
	struct parley_model *m = &v->m;

	lockdep_assert_held(&m->lock);
	if (m->phase == PARLEY_LIVE &&
	    (m->holds || READ_ONCE(m->faults) || parley_device_gone(&v->pd)))
		parley_model_stop(v);
	if (m->phase == PARLEY_STOPPED && !m->holds &&
	    !parley_device_gone(&v->pd))
		parley_model_start(v);
	if (m->phase == PARLEY_STOPPED && parley_device_gone(&v->pd))
		parley_model_bury(v);
	memalloc_noio_restore(noio);
}

static void parley_recover_work(struct work_struct *work)
{
	struct parley_vdev *v =
		container_of(work, struct parley_vdev, m.recover_work);

	scoped_guard(mutex, &v->m.lock) {
		if (v->m.phase == PARLEY_LIVE)
			parley_device_check(&v->pd);
		parley_model_settle(v);
	}
	put_device(&v->pd.dev);
}

/**
 * parley_model_listen() - a configuration interrupt may be a call for help
 * @v: device
 *
 * It is heard here, and not where config_changed() is called: that may itself be
 * waiting for the device (spec 2.1.2).
 *
 * Context: any.
 */
void parley_model_listen(struct parley_vdev *v)
{
	parley_model_queue(v, parley_wq, &v->m.recover_work);
}

static void parley_unbind_work(struct work_struct *work)
{
	struct parley_vdev *v =
		container_of(work, struct parley_vdev, m.unbind_work);

	/* Does nothing if somebody else was faster. */
	device_release_driver(&v->pd.dev);
	put_device(&v->pd.dev);
}

/**
 * parley_device_freeze() - before the device loses its state
 * @v: device
 * @why: who holds it; each has a hold of its own
 *
 * When this returns 0, the device is reset and touches no memory.
 *
 * Context: may sleep; takes the device lock.
 * Return: 0; -EOPNOTSUPP if its front-end knows no stop: it goes on as before.
 */
int parley_device_freeze(struct parley_vdev *v, enum parley_hold why)
{
	struct parley_driver *drv;

	guard(device)(&v->pd.dev);
	drv = parley_driver_of(v);
	if (drv && !(drv->stop && drv->start)) {
		dev_err(&v->pd.dev, "front-end %s cannot be suspended or reset; unbind it first\n",
			drv->driver.name);
		return -EOPNOTSUPP;
	}
	guard(mutex)(&v->m.lock);
	__set_bit(why, &v->m.holds);
	parley_model_settle(v);
	return 0;
}
PARLEY_EXPORT(parley_device_freeze);

/**
 * parley_device_restore() - after the device lost its state
 * @v: device
 * @why: whose hold ends; nothing happens without one
 *
 * If the device does not come back, its work fails and its front-end is unbound,
 * so that nothing waits for it for ever.
 *
 * Context: may sleep; takes the device lock.
 * Return: 0, also if somebody else still holds it; -ENODEV if it is lost.
 */
int parley_device_restore(struct parley_vdev *v, enum parley_hold why)
{
	guard(device)(&v->pd.dev);
	guard(mutex)(&v->m.lock);
	if (!__test_and_clear_bit(why, &v->m.holds))
		return 0;
	parley_model_settle(v);
	return v->m.phase == PARLEY_DEAD ? -ENODEV : 0;
}
PARLEY_EXPORT(parley_device_restore);

/**
 * parley_device_surprise() - the device is gone without a word
 * @v: device
 *
 * Whoever puts or kicks is refused from now on; what is in flight is given back
 * soon, by a work item that waits for nobody who waits for the device.
 *
 * Context: any.
 */
void parley_device_surprise(struct parley_vdev *v)
{
	parley_model_cut_off(v, "device removed");
	parley_model_queue(v, parley_wq, &v->m.recover_work);
}
PARLEY_EXPORT(parley_device_surprise);

/**
 * parley_device_shutdown() - the machine goes down or into another kernel
 * @v: device
 *
 * The device must not write into memory that is somebody else's afterwards.
 * What is still in flight fails, so that nothing waits for it.
 *
 * Context: may sleep.
 */
void parley_device_shutdown(struct parley_vdev *v)
{
	parley_model_cut_off(v, NULL);
	guard(mutex)(&v->m.lock);
	parley_model_settle(v);
	if (v->m.phase == PARLEY_AGREED)
		parley_model_reset(v);
}
PARLEY_EXPORT(parley_device_shutdown);

/**
 * parley_device_close() - the end of a front-end's use of its device
 * @pd: device
 *
 * When this returns, the device is reset and touches no memory, what was in
 * flight was given back (PARLEY_FAIL), and no callback of any kind runs or will
 * run.  The queues stay until remove() or a failed probe() returns.  Twice does
 * no harm.
 *
 * Context: may sleep; not from a callback other than probe() and remove().
 */
void parley_device_close(struct parley_device *pd)
{
	struct parley_vdev *v = to_parley_vdev(pd);
	enum parley_phase phase;

	parley_config_end(v);
	scoped_guard(mutex, &v->m.lock) {
		phase = v->m.phase;
		parley_phase_set(v, PARLEY_IDLE);
		if (phase != PARLEY_IDLE) {
			parley_model_reset(v);
			parley_model_take_back(v, PARLEY_FAIL);
		}
	}
	/* Finds an idle device and leaves it alone. */
	parley_model_cancel(v, &v->m.recover_work);
}
PARLEY_EXPORT(parley_device_close);

/**
 * parley_model_abandon() - a device that is held is taken from its front-end
 * @v: device
 *
 * Nobody will start it for this front-end, which waits for work perhaps.
 */
void parley_model_abandon(struct parley_vdev *v)
{
	guard(mutex)(&v->m.lock);
	if (v->m.phase != PARLEY_STOPPED)
		return;
	parley_model_cut_off(v, NULL);
	parley_model_settle(v);
}

/**
 * parley_device_answers() - may work in flight be waited for?
 * @pd: device
 *
 * For stop().  Context: any.
 *
 * Return: true if the device works as far as anybody knows.
 */
bool parley_device_answers(struct parley_device *pd)
{
	return !parley_device_gone(pd) &&
	       !READ_ONCE(to_parley_vdev(pd)->m.faults);
}
PARLEY_EXPORT(parley_device_answers);

/**
 * parley_model_awake() - can the device be asked?
 * @v: device
 * @epoch: since which stop
 *
 * What was read between two calls is the device's word if both say yes, and the
 * same epoch.  Context: any.
 *
 * Return: false while it is stopped.
 */
bool parley_model_awake(struct parley_vdev *v, u32 *epoch)
{
	bool awake;

	scoped_guard(spinlock_irqsave, &v->m.irq_lock) {
		awake = v->m.phase != PARLEY_STOPPED;
		*epoch = v->m.epoch;
	}
	return awake;
}

/**
 * parley_device_check() - is the device well?
 * @pd: device
 *
 * For a front-end whose request takes too long, after it has polled the queue.
 * A device that does not answer is treated as removed, one that was reset behind
 * its driver's back, or asks for a reset, is started anew: both give back what
 * is in flight.
 *
 * Context: process context; reads a register.
 * Return: true if the device is well, and slow.
 */
bool parley_device_check(struct parley_device *pd)
{
	struct parley_vdev *v = to_parley_vdev(pd);
	u32 before, after;
	u8 status;

	if (parley_device_gone(pd))
		return false;
	if (!parley_model_awake(v, &before))
		return true;
	status = v->ops->get_status(pd);
	/*
	 * Asked again: a function that sleeps reads as one that is gone, and what
	 * was read before a reset says nothing of the device after it.
	 */
	if (!parley_model_awake(v, &after) || after != before)
		return true;
	if (status == PARLEY_STATUS_GONE) {
		dev_err(&pd->dev, "device does not answer any more\n");
		parley_device_surprise(v);
		return false;
	}
	if (READ_ONCE(v->m.phase) != PARLEY_LIVE)
		return true;
	if (status & VIRTIO_CONFIG_S_NEEDS_RESET) {
		dev_err_ratelimited(&pd->dev, "device asks for a reset\n");
		parley_fault(v, PARLEY_FAULT_WISH);
		return false;
	}
	if (!(status & VIRTIO_CONFIG_S_DRIVER_OK)) {
		dev_err(&pd->dev, "device has lost its state, starting it anew\n");
		parley_fault(v, PARLEY_FAULT_FORGOT);
		return false;
	}
	return true;
}
PARLEY_EXPORT(parley_device_check);

/**
 * parley_model_open() - a front-end is about to be given the device
 * @v: device, idle
 *
 * What the one before it left behind is none of its business.
 */
void parley_model_open(struct parley_vdev *v)
{
	xchg(&v->m.faults, 0);
	scoped_guard(spinlock_irqsave, &v->m.irq_lock)
		v->m.config_over = false;
}

/**
 * parley_model_look() - a device went live: did something happen before?
 * @v: device
 *
 * Context: any.
 */
void parley_model_look(struct parley_vdev *v)
{
	if (READ_ONCE(v->m.holds) || READ_ONCE(v->m.faults) ||
	    parley_device_gone(&v->pd))
		parley_model_queue(v, parley_wq, &v->m.recover_work);
}

/**
 * parley_model_init() - the beginning
 * @v: zeroed
 */
void parley_model_init(struct parley_vdev *v)
{
	struct parley_model *m = &v->m;

	mutex_init(&m->lock);
	spin_lock_init(&m->irq_lock);
	INIT_WORK(&m->config_work, parley_config_work);
	INIT_WORK(&m->recover_work, parley_recover_work);
	INIT_WORK(&m->unbind_work, parley_unbind_work);
	ratelimit_state_init(&m->recover_limit, 60 * HZ, 5);
	/* What it refuses is said by us, with the reason. */
	ratelimit_set_flags(&m->recover_limit, RATELIMIT_MSG_ON_RELEASE);
	m->phase = PARLEY_IDLE;
}

/**
 * parley_model_exit() - the mirror of init: no work of the model's runs any more
 * @v: device, off the bus
 */
void parley_model_exit(struct parley_vdev *v)
{
	parley_model_cancel(v, &v->m.recover_work);
	parley_model_cancel(v, &v->m.unbind_work);
}

int __init parley_recover_init(void)
{
	/* A disk that holds the swap waits for it: it has a thread of its own. */
	parley_wq = alloc_workqueue("parley", WQ_MEM_RECLAIM | WQ_PERCPU, 0);
	return parley_wq ? 0 : -ENOMEM;
}

void parley_recover_exit(void)
{
	destroy_workqueue(parley_wq);
}
