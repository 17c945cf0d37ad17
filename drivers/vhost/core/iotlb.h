/* SPDX-License-Identifier: GPL-2.0-only */
/* A device IOMMU: on, off, and what the VMM says; see iotlb.c. */
#ifndef _PARLEY_VHOST_IOTLB_H
#define _PARLEY_VHOST_IOTLB_H

#include <linux/types.h>

struct iov_iter;
struct parley_region;
struct parley_vhost;
struct parley_vhost_vq;
struct vh_mem;

/* Under dev->mutex, while no ring runs. */
int vh_iotlb_enable(struct parley_vhost *dev, bool on);
void vh_iotlb_release(struct parley_vhost *dev);
/* Translations of a ring, where they are on. */
int vh_iotlb_alloc_vq(struct parley_vhost_vq *vq);
/* Takes dev->mutex. */
ssize_t vh_iotlb_write(struct parley_vhost *dev, struct iov_iter *from);
/* Translations to @gone end, unless @mem still shows where they lead; vq->mutex. */
void vh_iotlb_forget(struct parley_vhost_vq *vq, const struct parley_region *gone,
		     const struct vh_mem *mem);

#endif /* _PARLEY_VHOST_IOTLB_H */
