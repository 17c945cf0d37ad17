// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a function is to be, and who brings it there.
 *
 * Handing it out, taking it back and making it anew wait for the hardware, which may lie and
 * take minutes.  Who has it for a guest must be able to end at any time, within a moment.  So
 * a work does all that, and who asked for it waits for the work as long as nobody kills him.
 * Who leaves says so, and the function goes on: it is brought back by itself.
 *
 *	wanted	is	what the work does
 *	OUT	HOME	hands it out, and lets the tenant in; if that fails HOME is wanted
 *	OUT	OUT	makes it anew, if somebody asked for that
 *	HOME	OUT	takes it back, and the tenant leaves
 *	HOME	HOME	gives up the claim, if nobody else does
 *
 * It does so until there is nothing to do.  The claim (space.c) is his who asks that it be
 * handed out, as long as he waits, and of who has it then.  It is the work's when he leaves or
 * gives the function back, so it is nobody else's until it is home, and whoever wants it next
 * waits for that.
 *
 * While the machine sleeps there is no such work: it has ended before, and nothing begins.
 * Who unbinds the function holds the device lock, as does who resets it or takes its power, and
 * the work waits for the lock unless it is waited for (parley_nvme_vf_lock()).
 */
#include <linux/cleanup.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <parley/export.h>
#include "vf.h"

enum pvf_step {
	PVF_REST,
	PVF_OUT,
	PVF_ANEW,
	PVF_BACK,
	PVF_UNCLAIM,
	PVF_STEPS
};

/* --------------------------------------------------------- the work */

static int pvf_out(struct parley_nvme_vf *vf)
{
	int err = parley_nvme_vf_hand_out(vf);

	if (err)
		return err;
	err = parley_nvme_space_enter(vf, &vf->errand.tenant);
	if (err)
		parley_nvme_vf_take_back(vf);
	return err;
}

static int pvf_back(struct parley_nvme_vf *vf)
{
	parley_nvme_vf_take_back(vf);
	parley_nvme_space_leave(vf);
	return 0;
}

static int pvf_unclaim(struct parley_nvme_vf *vf)
{
	parley_nvme_space_unclaim(vf);
	return 0;
}

static int (*const pvf_steps[PVF_STEPS])(struct parley_nvme_vf *vf) = {
	[PVF_OUT] = pvf_out,
	[PVF_ANEW] = parley_nvme_vf_anew,
	[PVF_BACK] = pvf_back,
	[PVF_UNCLAIM] = pvf_unclaim,
};

static enum pvf_step pvf_next(const struct parley_nvme_errand *d)
{
	lockdep_assert_held(&d->lock);
	if (d->wanted != d->is)
		return d->wanted == PARLEY_NVME_OUT ? PVF_OUT : PVF_BACK;
	if (d->anew)
		return PVF_ANEW;
	return d->orphan ? PVF_UNCLAIM : PVF_REST;
}

/* What is done by that is asked for no longer: somebody may ask for it again meanwhile. */
static enum pvf_step pvf_begin(struct parley_nvme_errand *d)
{
	enum pvf_step step = PVF_REST;

	scoped_guard(spinlock, &d->lock) {
		step = pvf_next(d);
		if (step == PVF_ANEW)
			d->anew = false;
		else if (step == PVF_UNCLAIM)
			d->orphan = false;
		else if (step == PVF_REST)
			d->busy = false;
	}
	return step;
}

static void pvf_end(struct parley_nvme_errand *d, enum pvf_step step, int err)
{
	scoped_guard(spinlock, &d->lock) {
		if (step == PVF_BACK)
			d->is = PARLEY_NVME_HOME;
		else if (step == PVF_OUT && !err)
			d->is = PARLEY_NVME_OUT;
		else if (step == PVF_OUT)
			d->wanted = PARLEY_NVME_HOME;
		d->err = err;
	}
}

static void pvf_run(struct parley_nvme_vf *vf)
{
	struct parley_nvme_errand *d = &vf->errand;
	enum pvf_step step;

	while ((step = pvf_begin(d)) != PVF_REST) {
		pvf_end(d, step, pvf_steps[step](vf));
		wake_up_all(&d->wait);
	}
	wake_up_all(&d->wait);
}

static void pvf_work(struct work_struct *work)
{
	pvf_run(container_of(work, struct parley_nvme_vf, errand.work));
}

/**
 * parley_nvme_errand_init() - the function is at home
 * @vf: the function, zeroed
 *
 * Context: process context.
 */
void parley_nvme_errand_init(struct parley_nvme_vf *vf)
{
	INIT_WORK(&vf->errand.work, pvf_work);
	init_waitqueue_head(&vf->errand.wait);
	spin_lock_init(&vf->errand.lock);
}

/**
 * parley_nvme_errand_end() - whatever is to be done is done when this returns
 * @vf: the function, for which nobody asks any more
 *
 * Context: process context; sleeps.
 */
void parley_nvme_errand_end(struct parley_nvme_vf *vf)
{
	/* A machine that is about to wake may do no work yet, and wait for us. */
	cancel_work_sync(&vf->errand.work);
	pvf_run(vf);
}
EXPORT_SYMBOL_IF_KUNIT(parley_nvme_errand_end);

/* ------------------------------------------------------- who asks */

/* The work must not be at it while the function sleeps. */
static void pvf_go(struct parley_nvme_vf *vf)
{
	queue_work(system_freezable_wq, &vf->errand.work);
}

static bool pvf_over(struct parley_nvme_errand *d)
{
	bool over = false;

	scoped_guard(spinlock, &d->lock)
		over = !d->busy;
	return over;
}

/* It is not on its way back, or nobody wants it to be any more. */
static bool pvf_settled(struct parley_nvme_errand *d)
{
	bool settled = false;

	scoped_guard(spinlock, &d->lock)
		settled = d->wanted == PARLEY_NVME_OUT ||
			  (d->is == PARLEY_NVME_HOME && !d->busy);
	return settled;
}

/**
 * parley_nvme_errand_claim() - as parley_nvme_space_claim(), of one on its way back as well
 * @vf: the function
 *
 * Context: process context; sleeps, until it is killed.
 * Return: as parley_nvme_space_claim(), or -EINTR.
 */
int parley_nvme_errand_claim(struct parley_nvme_vf *vf)
{
	struct parley_nvme_errand *d = &vf->errand;
	bool settled;
	int err;

	for (;;) {
		/* Before the claim: it may be given up between the two. */
		settled = pvf_settled(d);
		err = parley_nvme_space_claim(vf);
		if (err != -EBUSY || settled)
			return err;
		if (wait_event_killable(d->wait, pvf_settled(d)))
			return -EINTR;
	}
}

/**
 * parley_nvme_errand_settle() - wait a while for one that is on its way back
 * @vf: the function
 * @ms: no longer than so many milliseconds
 *
 * Context: process context; sleeps, until it is killed.
 */
void parley_nvme_errand_settle(struct parley_nvme_vf *vf, unsigned int ms)
{
	struct parley_nvme_errand *d = &vf->errand;

	wait_event_killable_timeout(d->wait, pvf_settled(d), msecs_to_jiffies(ms));
}

/**
 * parley_nvme_errand_out() - have a function handed out
 * @vf: the function, claimed; whatever fails, the claim is given up
 * @tenant: for whom
 *
 * Context: process context; device lock not held; sleeps, until it is killed.
 * Return: as parley_nvme_vf_take(), but erases nothing.
 */
int parley_nvme_errand_out(struct parley_nvme_vf *vf, const uuid_t *tenant)
{
	struct parley_nvme_errand *d = &vf->errand;
	bool killed;
	int err = 0;

	scoped_guard(spinlock, &d->lock) {
		d->tenant = *tenant;
		d->wanted = PARLEY_NVME_OUT;
		d->busy = true;
	}
	pvf_go(vf);
	killed = wait_event_killable(d->wait, pvf_over(d));
	scoped_guard(spinlock, &d->lock) {
		if (killed && d->busy) {
			d->wanted = PARLEY_NVME_HOME;
			d->orphan = true;
			return -EINTR;
		}
		err = d->err;
	}
	if (err)
		parley_nvme_space_unclaim(vf);
	return err;
}

/**
 * parley_nvme_vf_renew() - have a function again that failed
 * @vf: the function, taken, with nothing in flight
 *
 * It may be another than it was: its user looks.
 *
 * Context: process context; device lock not held; sleeps, until it is killed.
 * Return: 0: it is LIVE; -ENODEV: it goes; -EINTR: who asks is being killed, and may give it
 *	back as ever; or as parley_nvme_vf_up().
 */
int parley_nvme_vf_renew(struct parley_nvme_vf *vf)
{
	struct parley_nvme_errand *d = &vf->errand;
	bool there = false;
	int err = 0;

	scoped_guard(spinlock, &d->lock) {
		/* One that is LIVE on its way has no queues yet. */
		there = !d->busy && !READ_ONCE(vf->paused) &&
			READ_ONCE(vf->n.state) == PARLEY_NVME_LIVE;
		d->anew |= !there;
		d->busy |= !there;
	}
	if (there)
		return 0;
	pvf_go(vf);
	if (wait_event_killable(d->wait, pvf_over(d)))
		return -EINTR;
	scoped_guard(spinlock, &d->lock)
		err = d->err;
	return err;
}
PARLEY_EXPORT(parley_nvme_vf_renew);

/**
 * parley_nvme_vf_give_back() - the mirror of parley_nvme_vf_take()
 * @vf: the function, to which nobody submits any more
 *
 * Who is at his end does not wait for it, nor does a worker that closes files: it has others
 * to close.
 *
 * Context: process context; device lock not held; sleeps, until it is killed.
 */
void parley_nvme_vf_give_back(struct parley_nvme_vf *vf)
{
	struct parley_nvme_errand *d = &vf->errand;

	scoped_guard(spinlock, &d->lock) {
		d->wanted = PARLEY_NVME_HOME;
		d->anew = false;
		d->orphan = true;
		d->busy = true;
	}
	pvf_go(vf);
	if (!(current->flags & (PF_EXITING | PF_WQ_WORKER)))
		wait_event_killable(d->wait, pvf_settled(d));
}
PARLEY_EXPORT(parley_nvme_vf_give_back);
