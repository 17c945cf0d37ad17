/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Completes tools/virtio's DMA API, in which mapping is an expression that
 * costs nothing, in mainline's favour: coherent memory is aligned and zeroed
 * as the kernel's is, and a scatterlist has the bus address that its owner
 * wrote there.
 */
#ifndef _BENCH_DMA_MAPPING_H
#define _BENCH_DMA_MAPPING_H

#include_next <linux/dma-mapping.h>
#include <linux/kernel.h>

struct device;

#undef dma_alloc_coherent
static inline void *dma_alloc_coherent(struct device *dev, size_t size,
				       dma_addr_t *bus, gfp_t gfp)
{
	void *p = alloc_pages_exact(size, gfp);

	*bus = (uintptr_t)p;
	return p;
}

#undef dma_free_coherent
static inline void dma_free_coherent(struct device *dev, size_t size, void *p,
				     dma_addr_t bus)
{
	free_pages_exact(p, size);
}

#undef sg_dma_address
#define sg_dma_address(sg)	((sg)->dma_address)
#undef sg_dma_len
#define sg_dma_len(sg)		((sg)->length)

#endif
