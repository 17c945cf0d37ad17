/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mapping as the verbs of the driver role do it: the DMA API is known here and
 * costs a predicted branch, a window costs an indirect call.  A direct queue
 * does not come here at all.
 */
#ifndef _PARLEY_CORE_MEMORY_H
#define _PARLEY_CORE_MEMORY_H

#include "os.h"

#ifdef __KERNEL__

static __always_inline enum dma_data_direction vq_dma_dir(bool write)
{
	return write ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
}

static __always_inline int vq_dma_map(const struct parley_mem *m, u64 phys,
				      u32 len, bool write, u64 *addr)
{
	dma_addr_t bus;

	if (unlikely(!pfn_valid(PHYS_PFN(phys))))
		return -EINVAL;
	bus = dma_map_page(m->dev, pfn_to_page(PHYS_PFN(phys)),
			   offset_in_page(phys), len, vq_dma_dir(write));
	if (unlikely(dma_mapping_error(m->dev, bus)))
		return -ENOMEM;
	*addr = bus;
	return 0;
}

static __always_inline void vq_dma_unmap(const struct parley_mem *m, u64 addr,
					 u32 len, bool write)
{
	dma_unmap_page(m->dev, addr, len, vq_dma_dir(write));
}

#else /* user space: calls, as the kernel's are */

u64 parley_user_dma_map(struct device *dev, u64 phys, u32 len, bool write);
void parley_user_dma_unmap(struct device *dev, u64 addr, u32 len, bool write);

static __always_inline int vq_dma_map(const struct parley_mem *m, u64 phys,
				      u32 len, bool write, u64 *addr)
{
	*addr = parley_user_dma_map(m->dev, phys, len, write);
	return unlikely(*addr == PARLEY_USER_UNMAPPED) ? -ENOMEM : 0;
}

static __always_inline void vq_dma_unmap(const struct parley_mem *m, u64 addr,
					 u32 len, bool write)
{
	parley_user_dma_unmap(m->dev, addr, len, write);
}

#endif

/* Of a queue that is not direct. */
static __always_inline int vq_map(const struct parley_mem *m, u64 phys, u32 len,
				  bool write, u64 *addr)
{
	if (likely(m->ops == &parley_mem_dma))
		return vq_dma_map(m, phys, len, write, addr);
	return m->ops->map(m, phys, len, write, addr);
}

static __always_inline void vq_unmap(const struct parley_mem *m, u64 addr,
				     u32 len, bool write)
{
	if (likely(m->ops == &parley_mem_dma))
		vq_dma_unmap(m, addr, len, write);
	else
		m->ops->unmap(m, addr, len, write);
}

#endif /* _PARLEY_CORE_MEMORY_H */
