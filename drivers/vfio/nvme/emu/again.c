// SPDX-License-Identifier: GPL-2.0-only
/*
 * The function forgot everything, and the guest is to see nothing of that, or a
 * controller that failed and works again once it is reset.
 *
 * Which of the two it is depends on whether the function was told before (see
 * ../vf/again.c).  If it was, what it had under way is parked: its pages stay held,
 * and when the function is back it is submitted again.  That is right since the guest
 * has not been told that any of it is over.  A read, a write or a flush has the same
 * effect whether it is done once or twice.  And if two that are under way at a time
 * are about the same blocks, no order of them was promised.
 *
 * Parked commands are answered as aborted when the guest does not want them any more:
 * it deletes their queue, shuts its controller down, or resets it.  So nobody waits
 * for the function who can do without it.
 *
 * When who runs the guest is gone, or is being killed, they end at once (parley_nvme_abandon()):
 * whoever resets the function may wait for it long.
 *
 * If it does not come back, or was not told before, they end with an error, and the
 * controller reports a fatal fault.  A guest that resets its controller then has the
 * function made anew.
 */
#include "rooms.h"

/**
 * parley_emu_park() - the function forgot a command, or may have
 * @e: the controller
 * @req: the command
 * @err: how it ended, or why it could not be submitted
 *
 * Context: process context; @e->mutex held.
 * Return: whether it is parked; else it is over.
 */
bool parley_emu_park(struct parley_emu *e, struct parley_emu_req *req, int err)
{
	lockdep_assert_held(&e->mutex);
	if (err != -ENETDOWN)
		return false;
	req->parked = true;
	e->nr_parked++;
	return true;
}

static void pne_unpark(struct parley_emu *e, struct parley_emu_req *req, int err, u16 status)
{
	req->parked = false;
	e->nr_parked--;
	req->err = err;
	req->status = status;
}

static void pne_again(struct parley_emu *e, struct parley_emu_req *req)
{
	int err;

	/* Before the function has it: then it may be over at any time. */
	pne_unpark(e, req, 0, 0);
	err = parley_nvme_io_submit(e->vf, req->sq - 1, &req->io);
	if (!err)
		return;
	if (!parley_nvme_vf_lost(e->vf) && parley_emu_park(e, req, err))
		return;
	req->err = err;
	parley_emu_end(e, req);
}

static void pne_drop(struct parley_emu *e, struct parley_emu_lane *lane)
{
	struct parley_emu_req *req;

	for (req = lane->req; req < lane->req + lane->nr; req++) {
		if (!req->parked)
			continue;
		pne_unpark(e, req, 0, NVME_SC_ABORT_QUEUE);
		parley_emu_end(e, req);
	}
}

/**
 * parley_emu_again() - submit again what the function forgot, if it is back
 * @e: the controller
 *
 * Context: process context; @e->mutex held; may sleep.
 * Return: whether there was anything to do.
 */
bool parley_emu_again(struct parley_emu *e)
{
	struct parley_emu_lane *lane;
	struct parley_emu_req *req;

	lockdep_assert_held(&e->mutex);
	if (!e->nr_parked)
		return false;
	/* Who resumes it tells us, or who does not wait for that. */
	if (READ_ONCE(e->vf->abandoned)) {
		for (lane = e->lane; lane < e->lane + e->nr_queues; lane++)
			pne_drop(e, lane);
		return true;
	}
	if (READ_ONCE(e->vf->paused))
		return false;
	for (lane = e->lane; lane < e->lane + e->nr_queues; lane++)
		for (req = lane->req; req < lane->req + lane->nr; req++)
			if (req->parked)
				pne_again(e, req);
	return true;
}

/**
 * parley_emu_drop() - what the function forgot of a queue is aborted
 * @e: the controller
 * @sq: the queue
 *
 * Context: process context; @e->mutex held; may sleep.
 */
void parley_emu_drop(struct parley_emu *e, u16 sq)
{
	lockdep_assert_held(&e->mutex);
	if (e->nr_parked && sq)
		pne_drop(e, &e->lane[sq - 1]);
}

/* It may be another than it was; what there is memory for must fit. */
static bool pne_fits(struct parley_emu *e)
{
	unsigned int i;

	if (e->vf->nr_queues < e->nr_queues)
		return false;
	for (i = 0; i < e->nr_queues; i++)
		if (e->vf->queue[i].slots < e->lane[i].nr)
			return false;
	return true;
}

/**
 * parley_emu_disk() - a disk for a controller that is being enabled
 * @e: the controller, disabled
 *
 * Context: process context; @e->mutex held; sleeps as long as the function needs to be
 *	made anew, if it was lost, and not when it is being killed.
 * Return: whether there is one.
 */
bool parley_emu_disk(struct parley_emu *e)
{
	int err;

	lockdep_assert_held(&e->mutex);
	err = parley_nvme_vf_renew(e->vf);
	/* What its guest sees then is what it would see of the function: nothing. */
	WRITE_ONCE(e->gone, err == -ENODEV);
	return !err && pne_fits(e);
}
