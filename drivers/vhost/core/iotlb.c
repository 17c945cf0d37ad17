// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device IOMMU (VIRTIO_F_ACCESS_PLATFORM): the driver's addresses are I/O
 * addresses, and the VMM, which emulates the IOMMU, knows what is behind them.
 *
 *	ring needs a translation	MISS ------> read() by the VMM
 *	ring waits			UPDATE <---- write(), here for every ring
 *	the guest unmaps		INVALIDATE <- write(): gone when it returns
 *
 * Each ring has its own table, see tlb.c.
 *
 * An INVALIDATE takes translations away from requests to come, and returns when
 * those in flight that had one of them are over: a guest that confines a driver
 * of its user space with its IOMMU, and unmaps, may give the page to another
 * process at once.  An UPDATE that says something else than before does the same.
 * If a ring's own pages are hit, the ring is emptied and waits until they are
 * back, see vh_vq_suspend().
 */
#include <linux/sched/signal.h>
#include <linux/uio.h>

#include "devq.h"
#include "iotlb.h"
#include "req.h"
#include "ring.h"
#include "runq.h"
#include "serve.h"
#include "state.h"
#include "tlb.h"
#include "vq.h"

/* Nothing is in flight. */
void vh_iotlb_forget(struct parley_vhost_vq *vq, const struct parley_region *gone,
		     const struct vh_mem *mem)
{
	lockdep_assert_held(&vq->mutex);
	vh_tlb_forget(vq->tlb, gone, mem);
}

/* -------------------------------------------------------- the VMM's words */

/* A ring's pages may be elsewhere now: it has to find them again. */
static bool vh_iotlb_moves(const struct parley_vhost_vq *vq,
			   const struct parley_region *r)
{
	return vq->devq && vh_vq_covers(vq, r->start, r->start + (r->size - 1)) &&
	       vh_tlb_moves(vq->tlb, r);
}

static void vh_iotlb_update(struct parley_vhost_vq *vq,
			    const struct parley_region *r)
{
	bool moves;

	scoped_guard(mutex, &vq->mutex) {
		moves = vh_iotlb_moves(vq, r);
		vh_tlb_set(vq->tlb, r);
		vh_vq_set_map(vq);
	}
	if (moves)
		vh_vq_suspend(vq);
	else
		vh_vq_queue(vq);
}

static void vh_iotlb_invalidate(struct parley_vhost_vq *vq, u64 addr, u64 last)
{
	bool hit;

	scoped_guard(mutex, &vq->mutex) {
		vh_tlb_cut(vq->tlb, addr, last, NULL);
		vh_vq_set_map(vq);
		hit = vq->devq && vh_vq_covers(vq, addr, last);
	}
	if (hit)
		vh_vq_suspend(vq);
}

static bool vh_iotlb_unused(const struct parley_vhost_vq *vq, const void *arg)
{
	return !vq->nr_awaited;
}

/* What was in flight with a translation that is no more has ended, of all rings. */
static int vh_iotlb_wait(struct parley_vhost *dev)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < dev->nr_vqs; i++)
		if (READ_ONCE(dev->vqs[i]->nr_awaited))
			err = vh_vq_wait(dev->vqs[i], vh_iotlb_unused, NULL, true);
	return err;
}

/* A translation: some access, to memory of the VMM. */
static int vh_iotlb_region(const struct vhost_iotlb_msg *m,
			   struct parley_region *r)
{
	if (!m->size || m->perm & ~VHOST_ACCESS_RW || !m->perm ||
	    m->iova + (m->size - 1) < m->iova)
		return -EINVAL;
	if (m->uaddr > ULONG_MAX || m->size > ULONG_MAX ||
	    !access_ok((void __user *)(unsigned long)m->uaddr, m->size))
		return -EFAULT;
	*r = (struct parley_region){
		.start = m->iova,
		.size = m->size,
		.host = m->uaddr,
		.perm = (m->perm & VHOST_ACCESS_RO ? PARLEY_MEM_READ : 0) |
			(m->perm & VHOST_ACCESS_WO ? PARLEY_MEM_WRITE : 0),
	};
	return 0;
}

static int vh_iotlb_message(struct parley_vhost *dev,
			    const struct vhost_iotlb_msg *m)
{
	struct parley_region r;
	unsigned int i;
	u64 last;
	int err;

	lockdep_assert_held(&dev->mutex);
	if (!dev->iotlb.on)
		return -EFAULT;
	switch (m->type) {
	case VHOST_IOTLB_UPDATE:
		err = vh_iotlb_region(m, &r);
		for (i = 0; !err && i < dev->nr_vqs; i++)
			vh_iotlb_update(dev->vqs[i], &r);
		return err ?: vh_iotlb_wait(dev);
	case VHOST_IOTLB_INVALIDATE:
		/* Only 2^64 bytes from 0 on need a size that is not one. */
		last = m->iova + (m->size - 1);
		if (last < m->iova || (!m->size && m->iova))
			return -EINVAL;
		for (i = 0; i < dev->nr_vqs; i++)
			vh_iotlb_invalidate(dev->vqs[i], m->iova, last);
		return vh_iotlb_wait(dev);
	default:
		return -EINVAL;
	}
}

/**
 * vh_iotlb_write() - the VMM writes one message to the device file
 * @dev: device
 * @from: a struct vhost_msg or struct vhost_msg_v2; its padding may be missing
 *
 * Context: takes dev->mutex; waits for requests in flight that had a translation
 * which goes, and for all if a ring's pages are hit.
 *
 * Return: bytes of the message; -EINVAL for what is none; -EFAULT for one that
 * cannot be obeyed, -EINTR if the caller is being killed; -EPERM.
 */
ssize_t vh_iotlb_write(struct parley_vhost *dev, struct iov_iter *from)
{
	struct vhost_iotlb_msg m;
	u32 head[2];	/* type; a hole, or the number of an address space */
	long err;

	BUILD_BUG_ON(offsetof(struct vhost_msg, iotlb) != sizeof(head));
	BUILD_BUG_ON(offsetof(struct vhost_msg_v2, iotlb) != sizeof(head));
	if (!copy_from_iter_full(head, sizeof(head), from) ||
	    !copy_from_iter_full(&m, sizeof(m), from) ||
	    (head[0] != VHOST_IOTLB_MSG && head[0] != VHOST_IOTLB_MSG_V2))
		return -EINVAL;
	guard(mutex)(&dev->mutex);
	err = vh_dev_check_owner(dev);
	if (err)
		return err;
	err = vh_iotlb_message(dev, &m);
	if (err)
		return err == -EINTR ? err : -EFAULT;
	return head[0] == VHOST_IOTLB_MSG ? sizeof(struct vhost_msg) :
	       sizeof(struct vhost_msg_v2);
}
EXPORT_SYMBOL_IF_KUNIT(vh_iotlb_write);

/* ---------------------------------------------------------- on and off */

/* Requests in flight with a translation that has ended are awaited. */
static void vh_iotlb_ended(void *priv, u64 host, u64 last)
{
	vh_reqs_await(priv, host, last);
}

int vh_iotlb_alloc_vq(struct parley_vhost_vq *vq)
{
	vq->tlb = vh_tlb_alloc(&vq->dev->iotlb);
	if (!vq->tlb)
		return -ENOMEM;
	vq->tlb->ended = vh_iotlb_ended;
	vq->tlb->priv = vq;
	return 0;
}

/**
 * vh_iotlb_enable() - the driver accepted a device IOMMU, or did not
 * @dev: device of which no ring runs, under dev->mutex
 * @on: use it; translations of an earlier time are forgotten
 *
 * Return: 0 or -ENOMEM.
 */
int vh_iotlb_enable(struct parley_vhost *dev, bool on)
{
	unsigned int i;
	int err = 0;

	lockdep_assert_held(&dev->mutex);
	for (i = 0; i < dev->nr_vqs; i++) {
		guard(mutex)(&dev->vqs[i]->mutex);
		vh_tlb_free(dev->vqs[i]->tlb);
		dev->vqs[i]->tlb = NULL;
		if (on && !err)
			err = vh_iotlb_alloc_vq(dev->vqs[i]);
	}
	vh_iotlb_switch(&dev->iotlb, on && !err);
	return err;
}

void vh_iotlb_release(struct parley_vhost *dev)
{
	vh_iotlb_enable(dev, false);
}
