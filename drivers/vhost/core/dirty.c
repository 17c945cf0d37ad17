// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device writes, told to the dirty log (log.c).
 *
 * Two things are written: buffers, and rings.  Buffers are logged when a request
 * ends, whatever its status, with all the bytes that it might have written: a read
 * that failed half-way has written some.  Rings are logged at each publication, with
 * the whole area that the device writes.  Both are known by host addresses, which
 * vh_mem_reverse() turns into the guest's, all aliases included.  A ring that stops
 * is logged once more: between publications its event fields are written as well,
 * and nobody needs those of a ring that goes on.
 *
 * A bit that cannot be set is an error that the VMM has to know of, since the
 * guest that it moves would be damaged: it is counted, said, and the error
 * eventfd of the ring is signalled.
 */
#include <linux/eventfd.h>
#include <linux/mm.h>

#include "dirty.h"
#include "state.h"

static int vh_dirty_host(struct parley_vhost *dev, u64 host, u64 len)
{
	return vh_log_host(&dev->log, &dev->owner, dev->mem, host, len);
}

/* A ring's area; if it is pinned, its pages need not lie side by side. */
static int vh_dirty_area(struct parley_vhost *dev, const struct vh_area *area,
			 u64 host, size_t len)
{
	size_t off, n;
	int err = 0;

	if (!area->kern)
		return vh_dirty_host(dev, host, len);
	off = offset_in_page(area->kern);
	for (; len; off += n, len -= n) {
		n = min(len, PAGE_SIZE - offset_in_page(off));
		err = vh_dirty_host(dev, area->uaddrs[off >> PAGE_SHIFT] +
				    offset_in_page(off), n) ?: err;
	}
	return err;
}

static void vh_log_end(struct parley_vhost_vq *vq, int err)
{
	struct parley_vhost *dev = vq->dev;

	if (!err) {
		if (dev->log.ctx)
			eventfd_signal(dev->log.ctx);
		return;
	}
	dev->log.errors++;
	vq_say(vq, "cannot log what was written (%d); a migration now would lose it\n",
	       err);
	if (vq->err)
		eventfd_signal(vq->err);
}

/**
 * vh_log_req() - log all guest memory that a request may have written
 * @req: it has ended; not yet published
 *
 * Context: under vq->mutex, with vq->logging; may sleep.
 */
void vh_log_req(struct parley_vhost_req *req)
{
	const struct parley_iov *iov = req->chain.iov + req->chain.n_out;
	struct parley_vhost *dev = req->vq->dev;
	unsigned int i;
	int err = 0;

	lockdep_assert_held(&req->vq->mutex);
	if (!parley_features_has(&dev->features, VHOST_F_LOG_ALL) || !req->chain.n_in)
		return;
	if (!dev->log.base) {
		vh_log_end(req->vq, -ENXIO);
		return;
	}
	smp_mb();	/* L1, pairs with the VMM's exchange of the bits */
	for (i = 0; i < req->chain.n_in; i++)
		err = vh_dirty_host(dev, iov[i].addr, iov[i].len) ?: err;
	vh_log_end(req->vq, err);
}

/**
 * vh_log_ring() - log the ring's memory that the device writes
 * @vq: ring, just published
 *
 * Of a split ring the used ring; of a packed one the descriptor ring and the
 * device's event suppression.  With a device IOMMU, the address that the VMM
 * gave for logging is none of the guest's and is ignored, as mainline does.
 *
 * Context: as vh_log_req().
 */
void vh_log_ring(struct parley_vhost_vq *vq)
{
	struct parley_vhost *dev = vq->dev;
	bool packed = vh_vq_packed(vq);
	size_t bytes[3];
	int err = 0;

	lockdep_assert_held(&vq->mutex);
	if (!dev->log.base) {
		vh_log_end(vq, -ENXIO);
		return;
	}
	parley_vq_sizes(vq->num, packed, bytes);
	smp_mb();	/* L1, pairs with the VMM's exchange of the bits */
	if (vq->log_ring && !dev->iotlb.on)
		err = vh_log_guest(&dev->log, &dev->owner, dev->mem, vq->log_addr, bytes[2]);
	if (parley_features_has(&dev->features, VHOST_F_LOG_ALL)) {
		err = vh_dirty_area(dev, &vq->device, vq->host.device, bytes[2]) ?: err;
		if (packed)
			err = vh_dirty_area(dev, &vq->desc, vq->host.desc, bytes[0]) ?: err;
	}
	vh_log_end(vq, err);
}
EXPORT_SYMBOL_IF_KUNIT(vh_log_ring);

/* ------------------------------------------------------------ set and unset */

/**
 * vh_log_set_base() - from now on log there
 * @dev: device
 * @base: user address of the bitmap; 0 for none
 *
 * Context: under dev->mutex.
 * Return: 0; -EFAULT for a bitmap that would leave user space.
 */
int vh_log_set_base(struct parley_vhost *dev, u64 base)
{
	lockdep_assert_held(&dev->mutex);
	if (!vh_log_fits(base, dev->mem))
		return -EFAULT;
	vh_dev_lock_vqs(dev);
	vh_log_pages_put(&dev->log, &dev->owner);
	dev->log.base = base;
	vh_dev_unlock_vqs(dev);
	return 0;
}

/**
 * vh_log_set_ctx() - tell this eventfd whenever something was logged
 * @dev: device
 * @fd: eventfd, or VHOST_FILE_UNBIND; the one before is released
 *
 * Context: under dev->mutex.
 * Return: 0, or -EBADF, -EINVAL for what is no eventfd.
 */
int vh_log_set_ctx(struct parley_vhost *dev, int fd)
{
	struct eventfd_ctx *ctx = NULL;

	lockdep_assert_held(&dev->mutex);
	if (fd != VHOST_FILE_UNBIND)
		ctx = eventfd_ctx_fdget(fd);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	vh_dev_lock_vqs(dev);
	swap(ctx, dev->log.ctx);
	vh_dev_unlock_vqs(dev);
	if (ctx)
		eventfd_ctx_put(ctx);
	return 0;
}

/** vh_log_release() - no log any more; no ring runs */
void vh_log_release(struct parley_vhost *dev)
{
	vh_log_pages_put(&dev->log, &dev->owner);
	dev->log.base = 0;
	if (dev->log.ctx)
		eventfd_ctx_put(dev->log.ctx);
	dev->log.ctx = NULL;
}
