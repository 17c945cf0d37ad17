/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Completes tools/virtio's DMA API: there mapping is an expression that costs
 * nothing, coherent memory is as malloc() leaves it, and a scatterlist has no
 * bus address. Here it costs the call that it costs in a kernel.
 */
#ifndef _BENCH_DMA_MAPPING_H
#define _BENCH_DMA_MAPPING_H

#include_next <linux/dma-mapping.h>
#include <linux/kernel.h>

struct device;

u64 bench_dma_map(u64 addr, size_t len, int dir);
void bench_dma_unmap(u64 bus, size_t len, int dir);

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

#undef dma_map_page_attrs
static inline dma_addr_t dma_map_page_attrs(struct device *dev, struct page *p,
					    size_t offset, size_t size, int dir,
					    unsigned long attrs)
{
	return bench_dma_map(page_to_phys(p) + offset, size, dir);
}

#undef dma_map_page
static inline dma_addr_t dma_map_page(struct device *dev, struct page *p,
				      size_t offset, size_t size, int dir)
{
	return dma_map_page_attrs(dev, p, offset, size, dir, 0);
}

#undef dma_map_single_attrs
static inline dma_addr_t dma_map_single_attrs(struct device *dev, void *p,
					      size_t size, int dir,
					      unsigned long attrs)
{
	return dma_map_page_attrs(dev, virt_to_page(p), offset_in_page(p), size,
				  dir, attrs);
}

#undef dma_map_single
static inline dma_addr_t dma_map_single(struct device *dev, void *p,
					size_t size, int dir)
{
	return dma_map_single_attrs(dev, p, size, dir, 0);
}

#undef dma_mapping_error
static inline int dma_mapping_error(struct device *dev, dma_addr_t bus)
{
	return bus == ~(dma_addr_t)0;
}

#undef dma_unmap_page_attrs
static inline void dma_unmap_page_attrs(struct device *dev, dma_addr_t bus,
					size_t size, int dir,
					unsigned long attrs)
{
	bench_dma_unmap(bus, size, dir);
}

#undef dma_unmap_page
static inline void dma_unmap_page(struct device *dev, dma_addr_t bus,
				  size_t size, int dir)
{
	bench_dma_unmap(bus, size, dir);
}

#undef dma_unmap_single_attrs
#define dma_unmap_single_attrs	dma_unmap_page_attrs
#undef dma_unmap_single
#define dma_unmap_single	dma_unmap_page

#undef sg_dma_address
#define sg_dma_address(sg)	((sg)->dma_address)
#undef sg_dma_len
#define sg_dma_len(sg)		((sg)->length)

#endif
