// SPDX-License-Identifier: GPL-2.0-only
/*
 * The core's queue of a ring: made over its areas when the ring starts, closed when
 * it stops, broken when its driver is; and the state that is kept for a successor.
 * When all that happens: see vq.c.
 */
#include <linux/eventfd.h>
#include <linux/sched.h>

#include "devq.h"
#include "dirty.h"
#include "ring.h"
#include "runq.h"
#include "state.h"
#include "trace.h"

/* For the successor: the position first, then that it is valid. */
static void vh_vq_keep(struct parley_vhost_vq *vq, u32 state)
{
	struct parley_vhost_kept *kept = vq->keep.kern;

	if (!kept)
		return;
	if (state == PARLEY_VHOST_KEPT_STOPPED)
		WRITE_ONCE(kept->base, cpu_to_le32(vq->base));
	/* Pairs with whoever reads the state before the base. */
	smp_store_release(&kept->state, cpu_to_le32(state));
}

static struct parley_memmap *vh_vq_map(struct parley_vhost_vq *vq)
{
	struct parley_vhost *dev = vq->dev;

	if (dev->iotlb.on)
		return &vq->tlb->map;
	return dev->mem ? &dev->mem->map : NULL;
}

/* A ring that nobody has served yet; of a packed one both wrap counters are 1. */
static u32 vh_vq_first_base(const struct parley_vhost_vq *vq)
{
	return vh_vq_packed(vq) ? 1u << 31 | 1u << 15 : 0;
}

/**
 * parley_vhost_vq_is_new() - has nobody ever served this ring?
 * @vq: ring that is about to run
 *
 * Not so where somebody did, or where that cannot be seen.  A lent ring is what its
 * lender made of it, and counts as new.
 *
 * Context: in vq_start().
 * Return: true if so.
 */
bool parley_vhost_vq_is_new(const struct parley_vhost_vq *vq)
{
	if (vq->base_set && vq->base != vh_vq_first_base(vq))
		return false;
	/* A ring gets there again, in the course of time. */
	return vq->joined || (vq->devq && vh_ring_is_unused(vq));
}
PARLEY_EXPORT(parley_vhost_vq_is_new);

int vh_vq_open(struct parley_vhost_vq *vq)
{
	struct parley_devq_config cfg = {
		.name = vq->dev->label,
		.index = vq->index,
		.size = vq->num,
		.features = parley_vhost_features(vq->dev),
		.map_space = PARLEY_SPACE_USER,
		.map = vh_vq_map(vq),
		.again = vh_access_again,
		.lock = PARLEY_LOCK_MAP(&vq->mutex),
	};
	struct parley_devq *q;
	int err;

	lockdep_assert_held(&vq->mutex);
	err = vh_ring_find(vq, &cfg.addr);
	if (err)
		return err;
	cfg.space = vq->space;
	q = parley_devq_create(&cfg);
	if (IS_ERR(q)) {
		vh_ring_unpin(vq);
		return PTR_ERR(q);
	}
	err = parley_devq_load(q, vq->base_set ? vq->base : vh_vq_first_base(vq));
	if (err) {
		vq_say(vq, "cannot go on at base %#x (%d)\n", vq->base, err);
		parley_devq_destroy(q);
		vh_ring_unpin(vq);
		return err;
	}
	vq->devq = q;
	vh_vq_keep(vq, PARLEY_VHOST_KEPT_RUNNING);
	return 0;
}

/* Nothing is in flight; keep the position if there is one. */
void vh_vq_close(struct parley_vhost_vq *vq)
{
	bool ok;

	lockdep_assert_held(&vq->mutex);
	if (!vq->devq)
		return;
	ok = vq->state != VH_VQ_BROKEN && !parley_devq_broken(vq->devq) &&
	     !parley_devq_save(vq->devq, &vq->base);
	vq->base_set |= ok;
	/* Arming kicks wrote to the ring since it was last logged. */
	if (vq->logging)
		vh_log_ring(vq);
	vh_vq_keep(vq, ok ? PARLEY_VHOST_KEPT_STOPPED : PARLEY_VHOST_KEPT_BROKEN);
	if (!vq->joined)
		parley_devq_destroy(vq->devq);
	vq->devq = NULL;
	vh_ring_unpin(vq);
}

/* The memory table or the translations of a ring changed. */
void vh_vq_set_map(struct parley_vhost_vq *vq)
{
	lockdep_assert_held(&vq->mutex);
	if (vq->devq && !vq->joined)
		parley_devq_set_map(vq->devq, vh_vq_map(vq));
}

void vh_vq_update_log(struct parley_vhost_vq *vq)
{
	lockdep_assert_held(&vq->mutex);
	vq->logging = !vq->joined && !vq->dev->in_kernel &&
		      (vq->log_ring ||
		       parley_features_has(&vq->dev->features, VHOST_F_LOG_ALL));
}

/* See devq.h. */
bool vh_vq_ready(struct parley_vhost_vq *vq)
{
	int err;

	lockdep_assert_held(&vq->mutex);
	if (likely(vq->devq))
		return true;
	/* A ring that is being stopped was closed for good. */
	if (!vq->dev->iotlb.on || vq->state != VH_VQ_RUNNING)
		return false;
	err = vh_vq_open(vq);
	/* Being killed is no fault of the ring. */
	if (err && err != -EAGAIN && err != -EINTR)
		vh_vq_break(vq, "its pages cannot be reached");
	return !err;
}

/**
 * vh_vq_break() - the ring cannot go on
 * @vq: ring
 * @why: said once; NULL if somebody else said it
 *
 * Context: under vq->mutex.
 */
void vh_vq_break(struct parley_vhost_vq *vq, const char *why)
{
	lockdep_assert_held(&vq->mutex);
	if (vq->state != VH_VQ_RUNNING && vq->state != VH_VQ_STOPPING)
		return;
	vq->state = VH_VQ_BROKEN;
	vq->stats.errors++;
	vh_limit_idle(vq);
	if (why)
		vq_say(vq, "broken: %s; stop and start the ring to use it again\n",
		       why);
	if (vq->devq)
		parley_devq_break(vq->devq, NULL);
	if (vq->err)
		eventfd_signal(vq->err);
	trace_parley_vhost_state(vq);
}
EXPORT_SYMBOL_IF_KUNIT(vh_vq_break);

/**
 * parley_vhost_vq_error() - the driver violated what the accelerator expects
 * @vq: ring
 * @why: said once
 *
 * Context: in submit(), go_on() or work(); takes vq->mutex.
 */
void parley_vhost_vq_error(struct parley_vhost_vq *vq, const char *why)
{
	guard(mutex)(&vq->mutex);
	vh_vq_break(vq, why);
}
PARLEY_EXPORT(parley_vhost_vq_error);

/**
 * vh_vq_set_keep() - keep the state of a ring there for a successor
 * @vq: idle ring, under vq->mutex
 * @uaddr: user address of a struct parley_vhost_kept; 0 for nowhere
 *
 * Return: 0; -EINVAL if it is not 8-byte aligned; -ENOMEM, -EFAULT if it cannot
 * be pinned.
 */
int vh_vq_set_keep(struct parley_vhost_vq *vq, u64 uaddr)
{
	lockdep_assert_held(&vq->mutex);
	if (!IS_ALIGNED(uaddr, sizeof(u64)))
		return -EINVAL;
	vh_area_unpin(&vq->keep);
	if (!uaddr)
		return 0;
	return vh_area_pin(&vq->keep, &vq->dev->owner, uaddr, sizeof(struct parley_vhost_kept));
}
