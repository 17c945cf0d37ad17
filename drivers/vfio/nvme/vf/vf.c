// SPDX-License-Identifier: GPL-2.0-only
/*
 * A virtual function is handed out and taken back.
 *
 * Nothing of an earlier life is relied upon, and nothing is left for a later one:
 * the whole function is reset before it is handed out and after it was taken back.
 * On the way up, each step needs the one before; whatever fails, the way down undoes
 * all there is:
 *
 *	step		undone by
 *	reset		(a reset)
 *	start		stop, which ends what is in flight
 *	namespace
 *	limits
 *	queues		forgotten by the controller; freed when it has stopped
 *	watch		cancelled, first of all
 *
 * While it is handed out, somebody looks at it now and then: a controller that
 * failed, went away or keeps a command is found by that, and so is an answer whose
 * interrupt was lost.  What becomes of it when somebody else resets it is in again.c.
 */
#include <linux/delay.h>
#include <linux/sched/signal.h>
#include "vf.h"

/* Who cannot have the lock tries again after so many milliseconds. */
#define PVF_LOCK_MS	5

/**
 * parley_nvme_vf_interrupt() - the controller may have answered
 * @vf: the function
 * @vector: which interrupt
 *
 * Context: any.
 */
void parley_nvme_vf_interrupt(struct parley_nvme_vf *vf, unsigned int vector)
{
	if (!vector)
		parley_nvme_reap(&vf->n);
	parley_nvme_io_reap(vf, vector);
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_vf_interrupt);

static void pvf_ended(struct parley_nvme *n, int err)
{
	parley_nvme_io_end(container_of(n, struct parley_nvme_vf, n), err);
}

/* Who resets it may take his time, and nobody waits for that. */
static void pvf_abandoned(struct parley_nvme *n)
{
	struct parley_nvme_vf *vf = container_of(n, struct parley_nvme_vf, n);

	scoped_guard(spinlock_irqsave, &vf->told) {
		if (!vf->paused)
			break;
		WRITE_ONCE(vf->abandoned, true);
		if (vf->back)
			vf->back(vf->back_data);
	}
}

static void pvf_watch(struct work_struct *work)
{
	struct parley_nvme_vf *vf = container_of(to_delayed_work(work),
						 struct parley_nvme_vf, watch);
	unsigned int vector;

	for (vector = 0; vector < vf->vectors; vector++)
		parley_nvme_io_reap(vf, vector);
	parley_nvme_look(&vf->n);
	if (parley_nvme_io_late(vf))
		parley_nvme_fail(&vf->n, PARLEY_NVME_DEAD, "keeps a command");
	if (READ_ONCE(vf->n.state) == PARLEY_NVME_LIVE)
		schedule_delayed_work(&vf->watch, msecs_to_jiffies(vf->n.look_ms));
}

/**
 * parley_nvme_vf_init() - a function that is not handed out
 * @vf: zeroed
 * @dev: the device, for messages
 * @ops: how it is reached
 * @bar: bytes of registers
 *
 * Context: process context; may sleep.
 * Return: as parley_nvme_init().
 */
int parley_nvme_vf_init(struct parley_nvme_vf *vf, struct device *dev,
			const struct parley_nvme_ops *ops, size_t bar)
{
	int err;

	vf->n.ended = pvf_ended;
	vf->n.abandoned = pvf_abandoned;
	vf->family = dev;
	vf->vectors = 1;
	vf->io_ms = PARLEY_NVME_IO_MS;
	parley_nvme_io_init(vf);
	parley_nvme_erase_init(vf);
	parley_nvme_errand_init(vf);
	spin_lock_init(&vf->told);
	INIT_DELAYED_WORK(&vf->watch, pvf_watch);
	spin_lock_init(&vf->life.lock);
	err = parley_life_do(&vf->life, PARLEY_LIFE_DOMAIN);
	if (!err)
		err = parley_nvme_init(&vf->n, dev, ops, bar);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_vf_init);

/**
 * parley_nvme_vf_exit() - the mirror of parley_nvme_vf_init()
 * @vf: the function, taken back
 *
 * Context: process context; may sleep.
 */
void parley_nvme_vf_exit(struct parley_nvme_vf *vf)
{
	parley_nvme_space_forget(vf);
	if (parley_life_undo(&vf->life, PARLEY_LIFE_DOMAIN))
		parley_nvme_exit(&vf->n);
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_vf_exit);

static int pvf_reset(struct parley_nvme_vf *vf)
{
	int err = -ENODEV;

	/* One that is not there would be waited for, with locks that others want. */
	if (vf->n.ops->present(&vf->n))
		err = vf->n.ops->reset(&vf->n);
	if (err)
		dev_err_ratelimited(vf->n.dev, "cannot be reset (%d): it is not handed out any more\n",
				    err);
	return err;
}

/* The one namespace that it has. */
static int pvf_learn(struct parley_nvme_vf *vf)
{
	u32 nsid[2];
	int nr = parley_nvme_list(&vf->n, NVME_ID_CNS_NS_ACTIVE_LIST, nsid,
				  ARRAY_SIZE(nsid));

	if (nr < 0)
		return nr;
	if (nr != 1) {
		dev_err_ratelimited(vf->n.dev, "has %s: attach one\n",
				    nr ? "several namespaces" : "no namespace");
		return -ENXIO;
	}
	vf->nsid = nsid[0];
	nr = parley_nvme_measure(&vf->n, NVME_ID_CNS_NS, vf->nsid, &vf->ns);
	if (!nr && vf->ns.metadata) {
		dev_err_ratelimited(vf->n.dev, "namespace %u has %u bytes of metadata with each block: not served\n",
				    vf->nsid, vf->ns.metadata);
		return -ENXIO;
	}
	return nr ?: parley_nvme_space_learn(vf);
}

/**
 * parley_nvme_vf_forget() - the controller is about to be stopped, and forgets all
 * @vf: the function, in any state
 *
 * Context: process context; the controller's mutex held.
 */
void parley_nvme_vf_forget(struct parley_nvme_vf *vf)
{
	lockdep_assert_held(&vf->n.mutex);
	if (parley_life_has(&vf->life, PARLEY_LIFE_QUEUES))
		parley_life_undo(&vf->life, PARLEY_LIFE_QUEUES);
	if (parley_life_has(&vf->life, PARLEY_LIFE_ENABLED))
		parley_life_undo(&vf->life, PARLEY_LIFE_ENABLED);
}

/**
 * parley_nvme_vf_undo() - all that parley_nvme_vf_make() did, in the reverse order
 * @vf: the function, in any state
 *
 * Context: process context; the controller's mutex held; sleeps.
 * Return: whether it is GONE.
 */
bool parley_nvme_vf_undo(struct parley_nvme_vf *vf)
{
	bool gone;

	lockdep_assert_held(&vf->n.mutex);
	parley_nvme_io_close(vf);
	gone = READ_ONCE(vf->n.state) == PARLEY_NVME_GONE;
	parley_nvme_vf_forget(vf);
	parley_nvme_stop(&vf->n, true);
	parley_nvme_io_free(vf);
	return gone;
}

/**
 * parley_nvme_vf_make() - make it from nothing
 * @vf: the function, with nothing left to undo
 *
 * Context: process context; device lock and the controller's mutex held; sleeps.
 * Return: as parley_nvme_vf_up().
 */
int parley_nvme_vf_make(struct parley_nvme_vf *vf)
{
	int err;

	lockdep_assert_held(&vf->n.mutex);
	err = pvf_reset(vf);
	if (err)
		return err;
	err = parley_life_do(&vf->life, PARLEY_LIFE_ENABLED);
	if (!err)
		err = parley_nvme_start(&vf->n);
	if (!err)
		err = pvf_learn(vf);
	if (!err)
		err = parley_nvme_limits(&vf->n);
	if (!err)
		err = parley_life_do(&vf->life, PARLEY_LIFE_QUEUES);
	if (!err)
		err = parley_nvme_io_open(vf);
	if (err)
		parley_nvme_vf_undo(vf);
	else
		schedule_delayed_work(&vf->watch, msecs_to_jiffies(vf->n.look_ms));
	return err;
}

/**
 * parley_nvme_vf_up() - hand it out
 * @vf: the function, not handed out
 *
 * Context: process context; device lock held by the caller; sleeps as long as the
 *	controller says that it needs.
 * Return: 0 and LIVE; or OFF and
 *	-ENOTTY		it cannot be reset
 *	-ENODEV		it is not there
 *	-ENXIO		it has not one namespace, or one that is not served
 *	-EPROTO		what it says of its namespace cannot be
 *	-ESTALE		it is not the namespace that its user was given
 *	-ENOSPC		it can have no I/O queues
 *	or what parley_nvme_start() returns.
 */
int parley_nvme_vf_up(struct parley_nvme_vf *vf)
{
	int err;

	guard(mutex)(&vf->n.mutex);
	err = parley_nvme_vf_make(vf);
	vf->out = !err;
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_vf_up);

/**
 * parley_nvme_vf_down() - take it back
 * @vf: the function, in any state, to which nobody submits any more
 *
 * When it returns, all commands have ended.
 *
 * Context: process context; device lock held by the caller; sleeps.
 */
void parley_nvme_vf_down(struct parley_nvme_vf *vf)
{
	cancel_delayed_work_sync(&vf->watch);
	guard(mutex)(&vf->n.mutex);
	vf->out = false;
	scoped_guard(spinlock_irqsave, &vf->told) {
		WRITE_ONCE(vf->paused, false);
		WRITE_ONCE(vf->abandoned, false);
	}
	/* What it knows of its user is not for the next.  Who is gone knows nothing. */
	if (!parley_nvme_vf_undo(vf))
		pvf_reset(vf);
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_vf_down);

/**
 * parley_nvme_vf_lock() - take the device lock, if it can be
 * @vf: the function
 *
 * Handing out and taking back want the device lock.  Whoever removes the function holds
 * it, and waits until it was taken back: so the lock cannot just be taken.  Once
 * @leaving is set, whoever holds it is the one who waits, and will hold it until then:
 * he holds it in our place.
 *
 * Context: process context, of a work: it sleeps as long as somebody has the lock.
 * Return: whether it was taken: else who waits for us has it.
 */
bool parley_nvme_vf_lock(struct parley_nvme_vf *vf)
{
	while (!device_trylock(vf->n.dev)) {
		if (READ_ONCE(vf->leaving))
			return false;
		msleep(PVF_LOCK_MS);
	}
	return true;
}

/**
 * parley_nvme_vf_lock_killable() - the same, for who has the function for a guest
 * @vf: the function
 *
 * Context: process context; sleeps, until it is killed.
 * Return: 0: it was taken; -ENODEV: the function goes; -EINTR.
 */
int parley_nvme_vf_lock_killable(struct parley_nvme_vf *vf)
{
	while (!device_trylock(vf->n.dev)) {
		if (READ_ONCE(vf->leaving))
			return -ENODEV;
		if (fatal_signal_pending(current))
			return -EINTR;
		msleep(PVF_LOCK_MS);
	}
	return 0;
}

/**
 * parley_nvme_vf_hand_out() - hand it out, for somebody without the device lock
 * @vf: the function, claimed
 *
 * Context: process context; device lock not held; sleeps.
 * Return: as parley_nvme_vf_up(), or -ENODEV: it goes.
 */
int parley_nvme_vf_hand_out(struct parley_nvme_vf *vf)
{
	int err;

	if (!parley_nvme_vf_lock(vf))
		return -ENODEV;
	err = parley_nvme_vf_up(vf);
	device_unlock(vf->n.dev);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_vf_hand_out);

/**
 * parley_nvme_vf_take_back() - the mirror of parley_nvme_vf_hand_out()
 * @vf: the function, to which nobody submits any more
 *
 * Context: process context; device lock not held; sleeps.
 */
void parley_nvme_vf_take_back(struct parley_nvme_vf *vf)
{
	bool locked = parley_nvme_vf_lock(vf);

	parley_nvme_vf_down(vf);
	if (locked)
		device_unlock(vf->n.dev);
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_vf_take_back);
