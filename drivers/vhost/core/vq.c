// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a ring.
 *
 * A ring is idle until the VMM has said everything about it: how many
 * descriptors, where, from which position, with which eventfds.  Starting it
 * pins its pages, makes the core's queue over them and gathers the requests.
 * From then on its worker serves it, under vq->mutex, as long as the state is
 * "running": so whoever changes the state under vq->mutex has ended the
 * service.
 *
 * Stopping takes nothing more from the ring and waits for what is in flight,
 * reaping and publishing by itself: with nothing in flight, a position says
 * everything about a ring, and another process or host can go on there.  The
 * wait is without vq->mutex, and needs no worker, since the worker may be what
 * is going away.
 *
 * A worker that is being killed does the same for its rings as long as it has
 * the memory of the owner (vh_vq_kill()); dev->mutex may be held by somebody who
 * waits for just that.  The ring then stays "stopping", without a core queue,
 * until the file is released.
 *
 * While the VMM takes memory away, a ring is held (vh_vq_hold()): nothing is taken,
 * and what is in flight ends, so that nobody knows an address of that memory.
 *
 * With a device IOMMU a running ring may have no core queue either: the VMM has
 * not told where its pages are, or took that back (vh_vq_suspend()).  Its base
 * is kept, and vh_vq_ready() makes the queue anew.
 *
 *  state      queue    from       by
 *  ========== ======== ========== ============================================
 *  idle       none     (made)
 *                      stopping,  parley_vhost_vq_stop(), after everything was
 *                      broken     published and freed
 *  running    yes (*)  idle       parley_vhost_vq_start(), _vq_join()
 *                      stopping   vh_vq_let_go()
 *  stopping   yes/none running    parley_vhost_vq_stop(), vh_vq_kill(),
 *                                 vh_vq_hold()
 *  broken     yes/none running,   vh_vq_break(): the driver's fault, or its
 *                      stopping   memory's; nothing is published any more
 *
 *  (*) none while a device IOMMU hides its pages
 */
#include "devq.h"
#include "notify.h"
#include "req.h"
#include "runq.h"
#include "serve.h"
#include "state.h"
#include "trace.h"
#include "vq.h"

/* --------------------------------------------------------------- running */

static int vh_vq_may_start(struct parley_vhost_vq *vq)
{
	struct parley_vhost *dev = vq->dev;
	struct parley_features offered;

	if (dev->dead || !dev->owned)
		return -EPERM;
	parley_vhost_offered(dev, &offered);
	if (!parley_features_has(&dev->features, VIRTIO_F_VERSION_1) ||
	    !parley_features_within(&dev->features, &offered)) {
		vq_say(vq, "features %*pbl: not all are offered, or no VERSION_1\n",
		       PARLEY_FEATURE_BITS, dev->features.bits);
		return -EINVAL;
	}
	return dev->drv->ready ? dev->drv->ready(dev) : 0;
}

static int vh_vq_is_set_up(struct parley_vhost_vq *vq)
{
	const char *what = NULL;

	if (!vq->num)
		what = "VHOST_SET_VRING_NUM";
	else if (!vq->addr_set)
		what = "VHOST_SET_VRING_ADDR";
	else if (!vq->dev->mem && !vq->dev->iotlb.on)
		what = "VHOST_SET_MEM_TABLE";
	else if (!vq->kick.file && !vq->poll.max_us)
		what = "VHOST_SET_VRING_KICK or _BUSYLOOP_TIMEOUT";
	if (!what)
		return 0;
	vq_say(vq, "cannot start before %s\n", what);
	return -EINVAL;
}

/* Requests and the accelerator's part; the ring is still idle. */
static int vh_vq_prepare(struct parley_vhost_vq *vq)
{
	const struct parley_vhost_driver *drv = vq->dev->drv;
	int err = vh_reqs_alloc(vq);

	vh_serve_prepare(vq);
	if (!err && drv->vq_start) {
		err = drv->vq_start(vq);
		if (err)
			vh_reqs_free(vq);
	}
	return err;
}

static void vh_vq_run(struct parley_vhost_vq *vq)
{
	scoped_guard(mutex, &vq->mutex) {
		vh_vq_update_log(vq);
		vq->state = VH_VQ_RUNNING;
		vh_kick_start(vq);
	}
	trace_parley_vhost_state(vq);
	/* There may be buffers for which nobody kicked, or not us. */
	vh_vq_queue(vq);
}

/**
 * parley_vhost_vq_start() - let a ring run
 * @vq: ring; one that runs already is fine
 *
 * Context: under dev->mutex, with the owner's mm; may sleep.
 *
 * Return: 0; -EPERM without an owner; -EINVAL if the VMM has not set all that
 * is needed, or the core refuses it; -EBUSY for a ring that is broken (stop it
 * first); -ENOMEM; -EFAULT; what the accelerator's ready() or vq_start() say.
 */
int parley_vhost_vq_start(struct parley_vhost_vq *vq)
{
	int err;

	lockdep_assert_held(&vq->dev->mutex);
	if (vq->state == VH_VQ_RUNNING)
		return 0;
	if (vq->state != VH_VQ_IDLE)
		return -EBUSY;
	err = vh_vq_may_start(vq) ?: vh_vq_is_set_up(vq);
	if (err)
		return err;
	scoped_guard(mutex, &vq->mutex)
		err = vh_vq_open(vq);
	/* With a device IOMMU, vh_vq_ready() will try again. */
	if (err && !(err == -EAGAIN && vq->dev->iotlb.on))
		return err;
	err = vh_vq_prepare(vq);
	if (err) {
		guard(mutex)(&vq->mutex);
		vh_vq_close(vq);
		return err;
	}
	vh_vq_run(vq);
	return 0;
}
PARLEY_EXPORT(parley_vhost_vq_start);

/* -------------------------------------------------------------- stopping */

/* Nothing is taken any more, and all that was taken is finished. */
static void vh_vq_quiesce(struct parley_vhost_vq *vq)
{
	scoped_guard(mutex, &vq->mutex) {
		if (vq->state == VH_VQ_IDLE)
			return;
		if (vq->state == VH_VQ_RUNNING)
			vq->state = VH_VQ_STOPPING;
		vh_kick_stop(vq);
	}
	vh_vq_unqueue(vq);
	vh_vq_drain(vq, false);
	guard(mutex)(&vq->mutex);
	/*
	 * A killed worker is without dev->mutex: who has it, another process with the
	 * same memory, may have stopped the ring meanwhile, and started it again.
	 */
	if (vq->state == VH_VQ_IDLE || vq->state == VH_VQ_RUNNING || !vh_vq_is_empty(vq))
		return;
	vh_limit_idle(vq);
	vh_call_flush(vq);
	vh_vq_close(vq);
}

static int vh_vq_quiesce_fn(void *arg)
{
	vh_vq_quiesce(arg);
	return 0;
}

/*
 * Publishing and logging may touch the owner's memory.  Who stops the ring may
 * be somebody else (the last user of the file in another process), or may have
 * no memory any more (a process that exits): then a kernel thread borrows it.
 */
static void vh_vq_quiesce_in_mm(struct parley_vhost_vq *vq)
{
	struct mm_struct *mm = vq->dev->owner.mm;

	if (!mm || current->mm == mm) {
		vh_vq_quiesce(vq);
		return;
	}
	if (vh_in_owner_mm(&vq->dev->owner, vh_vq_quiesce_fn, vq) != -ESRCH)
		return;
	scoped_guard(mutex, &vq->mutex)
		if (vq->devq && vq->space == PARLEY_SPACE_USER && !vq->joined)
			vh_vq_break(vq, "the memory of its owner is gone");
	vh_vq_quiesce(vq);
}

/**
 * parley_vhost_vq_stop() - let a ring run no more
 * @vq: ring in any state
 *
 * Waits for every request in flight, and publishes it unless the ring is
 * broken.
 *
 * Context: under dev->mutex, not in a worker; sleeps as long as the back end
 * takes.
 */
void parley_vhost_vq_stop(struct parley_vhost_vq *vq)
{
	const struct parley_vhost_driver *drv = vq->dev->drv;

	lockdep_assert_held(&vq->dev->mutex);
	if (vq->state == VH_VQ_IDLE)
		return;
	vh_vq_quiesce_in_mm(vq);
	if (drv->vq_stop)
		drv->vq_stop(vq);
	vh_reqs_free(vq);
	scoped_guard(mutex, &vq->mutex)
		vq->state = VH_VQ_IDLE;
	trace_parley_vhost_state(vq);
}
PARLEY_EXPORT(parley_vhost_vq_stop);

void vh_vq_kill(struct parley_vhost_vq *vq)
{
	vh_vq_quiesce(vq);
}
EXPORT_SYMBOL_IF_KUNIT(vh_vq_kill);

/* See vq.h.  Broken rings may have requests in flight as well. */
int vh_vq_hold(struct parley_vhost_vq *vq)
{
	int err;

	lockdep_assert_held(&vq->dev->mutex);
	scoped_guard(mutex, &vq->mutex) {
		if (vq->state == VH_VQ_IDLE)
			return 0;
		vq->held = vq->state == VH_VQ_RUNNING;
		if (vq->held)
			vq->state = VH_VQ_STOPPING;
		vh_kick_stop(vq);
	}
	vh_vq_unqueue(vq);
	err = vh_vq_drain(vq, true);
	if (err || !vq->dev->iotlb.on)
		return err;
	guard(mutex)(&vq->mutex);
	vh_call_flush(vq);
	vh_vq_close(vq);
	return 0;
}

void vh_vq_let_go(struct parley_vhost_vq *vq)
{
	lockdep_assert_held(&vq->dev->mutex);
	scoped_guard(mutex, &vq->mutex) {
		bool held = vq->held;

		vq->held = false;
		/* It may have broken, or a killed worker have closed it for good. */
		if (!held || vq->state != VH_VQ_STOPPING ||
		    (!vq->devq && !vq->dev->iotlb.on))
			return;
		vq->state = VH_VQ_RUNNING;
		vh_kick_start(vq);
	}
	vh_vq_queue(vq);
}

void vh_vq_suspend(struct parley_vhost_vq *vq)
{
	vh_vq_hold(vq);
	vh_vq_let_go(vq);
}

/* --------------------------------------------------------- lent rings */

/**
 * parley_vhost_vq_join() - serve a ring that is somebody else's
 * @vq: idle ring
 * @ring: the lent queue, copied; its buffers lie in kernel space
 *
 * The lender serialises nothing with us: from now until leave all verbs of the
 * queue are ours, under vq->mutex.  It tells of kicks with
 * parley_vhost_vq_wake().
 *
 * Context: may sleep; takes dev->mutex.
 * Return: as parley_vhost_vq_start(); -EINVAL also with a device IOMMU.
 */
int parley_vhost_vq_join(struct parley_vhost_vq *vq,
			 const struct parley_vhost_ring *ring)
{
	int err;

	guard(mutex)(&vq->dev->mutex);
	if (vq->state != VH_VQ_IDLE)
		return -EBUSY;
	err = vh_vq_may_start(vq);
	if (err)
		return err;
	/* It would close the lent queue, and open one of the VMM's in its place. */
	if (vq->dev->iotlb.on) {
		vq_say(vq, "cannot serve a lent ring behind a device IOMMU\n");
		return -EINVAL;
	}
	scoped_guard(mutex, &vq->mutex) {
		vq->ring = *ring;
		vq->joined = true;
		vq->num = parley_devq_size(ring->vq);
		vq->space = PARLEY_SPACE_KERNEL;
		vq->devq = ring->vq;
	}
	err = vh_vq_prepare(vq);
	if (err) {
		guard(mutex)(&vq->mutex);
		vq->devq = NULL;
		vq->joined = false;
		return err;
	}
	vh_vq_run(vq);
	return 0;
}
PARLEY_EXPORT(parley_vhost_vq_join);

/**
 * parley_vhost_vq_leave() - give a lent ring back
 * @vq: joined ring
 *
 * Context: may sleep; takes dev->mutex.  When it returns, the queue, the calls
 * and the driver's memory are not touched any more.
 */
void parley_vhost_vq_leave(struct parley_vhost_vq *vq)
{
	guard(mutex)(&vq->dev->mutex);
	if (!vq->joined)
		return;
	parley_vhost_vq_stop(vq);
	guard(mutex)(&vq->mutex);
	vq->joined = false;
	vq->num = 0;
	vq->base_set = false;
	vq->ring = (struct parley_vhost_ring){};
}
PARLEY_EXPORT(parley_vhost_vq_leave);

/* ------------------------------------------------------- made and freed */

void vh_vq_init(struct parley_vhost_vq *vq, struct parley_vhost *dev,
		unsigned int index)
{
	vq->dev = dev;
	vq->index = index;
	vq->ops = dev->drv->queue(index);
	mutex_init(&vq->mutex);
	INIT_LIST_HEAD(&vq->entry);
	INIT_LIST_HEAD(&vq->pulled);
	vq->lane = VH_LANE_NORMAL;
	vq->poll.budget = VH_POLL_BUDGET;
	vh_notify_init(vq);
	vh_serve_init(vq);
}

/* The ring is idle and has no worker; forget all that its owner set. */
void vh_vq_reset(struct parley_vhost_vq *vq)
{
	guard(mutex)(&vq->mutex);
	vh_kick_set(vq, VHOST_FILE_UNBIND);
	vh_call_set(vq, VHOST_FILE_UNBIND);
	vh_err_set(vq, VHOST_FILE_UNBIND);
	vh_area_unpin(&vq->keep);
	vq->num = 0;
	vq->addr_set = false;
	vq->base = 0;
	vq->base_set = false;
	vq->log_ring = false;
	vq->log_addr = 0;
	vq->logging = false;
	vq->poll.max_us = 0;
}

void vh_vq_release(struct parley_vhost_vq *vq)
{
	vh_vq_reset(vq);
	vh_serve_release(vq);
	vh_notify_release(vq);
	parley_vhost_vq_unwatch(vq);
	vh_tlb_free(vq->tlb);
}
