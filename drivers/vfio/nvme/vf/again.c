// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function that forgot everything is handed out anew, under a user that keeps it.
 *
 * Two kinds of events make it forget, and what its user sees of them differs:
 *
 *  - Those that are announced, a reset by its file reset and a suspend of the
 *    machine.  The controller is shut down before, so what it had in a write cache is
 *    at rest; then it forgets; then it is made from nothing as ever.  What was in
 *    flight ends with -ENETDOWN, and its user submits it again: nothing is lost that
 *    it was told is done.
 *  - All others: a reset of the physical function, power that somebody takes by hand,
 *    a controller that fails or breaks the rules.  What was in a write cache may be
 *    lost, which nobody may pass over in silence.  The controller is DEAD or GONE, and
 *    what was in flight ends with the error of that.  It is made anew when its user asks
 *    for it, who has told his own user by then.
 *
 * What it is afterwards must be what it was, for a user who does not look: the same
 * namespace, of the same size, and as many queues.  If it is not, it stays OFF, and the
 * user finds it lost.
 */
#include <linux/device.h>
#include <parley/export.h>
#include "vf.h"

/* What a user relies on who goes on with what he knows. */
struct pvf_shape {
	u32 nsid;
	struct parley_nvme_ns ns;
	struct parley_nvme_id id;
	unsigned int nr_queues;
	u16 slots;
};

static void pvf_shape(struct parley_nvme_vf *vf, struct pvf_shape *shape)
{
	lockdep_assert_held(&vf->n.mutex);
	/* Compared as a whole, with what is between its members. */
	memset(shape, 0, sizeof(*shape));
	shape->nsid = vf->nsid;
	shape->ns.blocks = vf->ns.blocks;
	shape->ns.block_size = vf->ns.block_size;
	memcpy(&shape->id, &vf->n.id, sizeof(shape->id));
	/* A reset may be what new firmware waited for. */
	memset(shape->id.firmware, 0, sizeof(shape->id.firmware));
	shape->nr_queues = vf->nr_queues;
	shape->slots = vf->queue[0].slots;
}

/* From nothing; what is left of before is undone first. */
static int pvf_again(struct parley_nvme_vf *vf)
{
	lockdep_assert_held(&vf->n.mutex);
	parley_nvme_vf_undo(vf);
	return parley_nvme_vf_make(vf);
}

static int pvf_same_again(struct parley_nvme_vf *vf)
{
	struct pvf_shape was, is;
	int err;

	pvf_shape(vf, &was);
	err = pvf_again(vf);
	if (err)
		return err;
	pvf_shape(vf, &is);
	if (!memcmp(&was, &is, sizeof(was)))
		return 0;
	parley_nvme_vf_undo(vf);
	return -ESTALE;
}

/**
 * parley_nvme_vf_pause() - the function will be reset, or lose its power
 * @vf: the function, in any state
 * @shutdown: let its controller bring its data to rest first
 *
 * Ends what is in flight.  It is of no use any more until parley_nvme_vf_resume(), or
 * until it was taken back and handed out anew.
 *
 * Context: process context; device lock held by the caller; sleeps.
 */
void parley_nvme_vf_pause(struct parley_nvme_vf *vf, bool shutdown)
{
	/* Who has no power is not looked at. */
	cancel_delayed_work_sync(&vf->watch);
	guard(mutex)(&vf->n.mutex);
	/*
	 * Before anything ends for it, see parley_nvme_vf_lost().  One that has failed
	 * already is not brought back in silence.
	 */
	scoped_guard(spinlock_irqsave, &vf->told)
		if (vf->out && READ_ONCE(vf->n.state) == PARLEY_NVME_LIVE)
			WRITE_ONCE(vf->paused, true);
	parley_nvme_vf_forget(vf);
	parley_nvme_stop(&vf->n, shutdown);
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_vf_pause);

/* Its user goes on; whether there is none who wants to. */
static bool pvf_go_on(struct parley_nvme_vf *vf)
{
	bool abandoned = false;

	scoped_guard(spinlock_irqsave, &vf->told) {
		abandoned = vf->abandoned;
		WRITE_ONCE(vf->paused, false);
		WRITE_ONCE(vf->abandoned, false);
	}
	return abandoned;
}

static void pvf_tell(struct parley_nvme_vf *vf)
{
	scoped_guard(spinlock_irqsave, &vf->told)
		if (vf->back)
			vf->back(vf->back_data);
}

/**
 * parley_nvme_vf_resume() - it was reset, or has its power back
 * @vf: the function; if it is not paused there is nothing to do
 *
 * Context: process context; device lock held by the caller; sleeps.
 * Return: 0; -ESTALE: it is not what it was; or as parley_nvme_vf_up().  The user is
 *	told either way.
 */
int parley_nvme_vf_resume(struct parley_nvme_vf *vf)
{
	int err;

	guard(mutex)(&vf->n.mutex);
	if (!vf->paused)
		return 0;
	err = pvf_same_again(vf);
	if (err)
		dev_err_ratelimited(vf->n.dev, "cannot be handed out anew after a reset or a suspend (%d): its user has no disk until he resets his controller\n",
				    err);
	/* He may have gone before he heard of it, and must not wait for it now. */
	if (pvf_go_on(vf))
		parley_nvme_abandon(&vf->n);
	pvf_tell(vf);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_vf_resume);

/**
 * parley_nvme_vf_tell() - whom to tell when it is back, or lost
 * @vf: the function, taken
 * @back: called then, and when it is abandoned before; must not sleep.  NULL: nobody, and
 *	nobody is being told any more
 * @data: for @back
 *
 * Context: any.
 */
void parley_nvme_vf_tell(struct parley_nvme_vf *vf, void (*back)(void *data), void *data)
{
	scoped_guard(spinlock_irqsave, &vf->told) {
		vf->back = back;
		vf->back_data = data;
	}
}
PARLEY_EXPORT(parley_nvme_vf_tell);

/**
 * parley_nvme_vf_lost() - whether a command that ended with -ENETDOWN was in vain
 * @vf: the function, taken
 *
 * Context: any.
 * Return: true: it does not come back by itself; false: it is back, or will be and
 *	who has called parley_nvme_vf_tell() is told.
 */
bool parley_nvme_vf_lost(struct parley_nvme_vf *vf)
{
	bool lost = false;

	/* Who pauses it does so with the lock, and only then is it OFF. */
	scoped_guard(spinlock_irqsave, &vf->told)
		lost = !vf->paused && READ_ONCE(vf->n.state) != PARLEY_NVME_LIVE;
	return lost;
}
PARLEY_EXPORT(parley_nvme_vf_lost);

/**
 * parley_nvme_vf_anew() - make a function anew that failed
 * @vf: the function, with nothing in flight
 *
 * Context: process context; device lock not held; sleeps.
 * Return: 0: it is LIVE; -ENODEV: it goes; or as parley_nvme_vf_up().
 */
int parley_nvme_vf_anew(struct parley_nvme_vf *vf)
{
	int err = 0;

	if (!parley_nvme_vf_lock(vf))
		return -ENODEV;
	scoped_guard(mutex, &vf->n.mutex) {
		if (READ_ONCE(vf->n.state) != PARLEY_NVME_LIVE)
			err = pvf_again(vf);
	}
	device_unlock(vf->n.dev);
	return err;
}
