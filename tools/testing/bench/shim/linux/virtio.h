/* SPDX-License-Identifier: GPL-2.0-only */
/* Declares what virtio_ring.c exports and tools/virtio's own stub leaves out. */
#ifndef _BENCH_VIRTIO_H
#define _BENCH_VIRTIO_H

#include_next <linux/virtio.h>

dma_addr_t virtqueue_get_desc_addr(const struct virtqueue *vq);
dma_addr_t virtqueue_get_avail_addr(const struct virtqueue *vq);
dma_addr_t virtqueue_get_used_addr(const struct virtqueue *vq);
bool virtqueue_kick_prepare(struct virtqueue *vq);
bool virtqueue_notify(struct virtqueue *vq);
#ifndef MAINLINE_PREMAPPED_CALL
int virtqueue_set_dma_premapped(struct virtqueue *vq);
#endif

#endif
