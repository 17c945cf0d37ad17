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

u64 bench_dma_map(u64 addr, size_t len, int dir);
void bench_dma_unmap(u64 bus, size_t len, int dir);

#undef dma_alloc_coherent
#undef dma_free_coherent
#define dma_alloc_coherent(d, s, hp, f) ({				\
	void *__p = alloc_pages_exact(s, f);				\
	*(hp) = (uintptr_t)__p;						\
	__p;								\
})
#define dma_free_coherent(d, s, p, h)	free_pages_exact(p, s)

#undef dma_map_page
#undef dma_map_page_attrs
#undef dma_map_single
#undef dma_map_single_attrs
#undef dma_mapping_error
#define dma_map_page_attrs(d, p, o, s, dir, a) ({			\
	(void)(d);							\
	(void)(a);							\
	(dma_addr_t)bench_dma_map(page_to_phys(p) + (o), s, dir);	\
})
#define dma_map_page(d, p, o, s, dir)	dma_map_page_attrs(d, p, o, s, dir, 0)
#define dma_map_single_attrs(d, p, s, dir, a)				\
	dma_map_page_attrs(d, virt_to_page(p), offset_in_page(p), s, dir, a)
#define dma_map_single(d, p, s, dir)	dma_map_single_attrs(d, p, s, dir, 0)
#define dma_mapping_error(d, bus)	((bus) == ~(dma_addr_t)0)

#undef dma_unmap_page
#undef dma_unmap_page_attrs
#undef dma_unmap_single
#undef dma_unmap_single_attrs
#define dma_unmap_page_attrs(d, bus, s, dir, a) do {			\
	(void)(d);							\
	(void)(a);							\
	bench_dma_unmap(bus, s, dir);					\
} while (0)
#define dma_unmap_page(d, bus, s, dir)	dma_unmap_page_attrs(d, bus, s, dir, 0)
#define dma_unmap_single_attrs		dma_unmap_page_attrs
#define dma_unmap_single		dma_unmap_page

#undef sg_dma_address
#undef sg_dma_len
#define sg_dma_address(sg)	((sg)->dma_address)
#define sg_dma_len(sg)		((sg)->length)

#endif
