/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The core's barriers, by name.  Each pairs with one on the other side:
 *
 *	D1 driver, publish: descriptors before the index (or first flags)
 *	D2 device, take:    the index (or flags) before descriptors
 *
 *	U1 device, publish: used entries before the index (or first flags)
 *	U2 driver, reap:    the index (or flags) before used entries
 *
 *	F1 driver, publish: the index before reading the device's event field
 *	F4 device, arm:     the event field before reading the index again
 *
 *	F3 device, publish: the index before reading the driver's event field
 *	F2 driver, arm:     the event field before reading the index again
 *
 * D and U order two writes against two reads; F orders a write against a read
 * on both sides, and so needs the full barrier: without either half, both may
 * miss the other's write, and a notification is lost for ever.
 *
 * The light ones are those for memory that a device shares, whether the peer is
 * a processor or hardware: they cost no more than what orders processors, and
 * one kind is enough.  The full one costs, so a peer that is a processor gets
 * what orders processors (virt_mb: also on a kernel built for one), and only
 * with VIRTIO_F_ORDER_PLATFORM the platform's (spec 6.4).
 */
#ifndef _PARLEY_CORE_BARRIER_H
#define _PARLEY_CORE_BARRIER_H

#include "ring.h"

#define vq_wmb()	dma_wmb()
#define vq_rmb()	dma_rmb()

static __always_inline void vq_mb(const struct vq_ring *r)
{
	if (likely(r->weak))
		virt_mb();
	else
		mb();
}

#endif /* _PARLEY_CORE_BARRIER_H */
