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

#else /* user space */

static __always_inline int vq_dma_map(const struct parley_mem *m, u64 phys,
				      u32 len, bool write, u64 *addr)
{
	const struct parley_mem *dma = parley_user_dma(m->dev);

	*addr = phys;
	return unlikely(dma) ? dma->ops->map(dma, phys, len, write, addr) : 0;
}

static __always_inline void vq_dma_unmap(const struct parley_mem *m, u64 addr,
					 u32 len, bool write)
{
	const struct parley_mem *dma = parley_user_dma(m->dev);

	if (unlikely(dma))
		dma->ops->unmap(dma, addr, len, write);
}

#endif

/* Of a queue that is not direct. */
static __always_inline int vq_map(const struct parley_mem *m, u64 phys, u32 len,
				  bool write, u64 *addr)
{
	u64 seen;
	int err;

	if (likely(m->ops == &parley_mem_dma))
		return vq_dma_map(m, phys, len, write, addr);
	/* So that the caller's may stay in a register. */
	err = m->ops->map(m, phys, len, write, &seen);
	if (likely(!err))
		*addr = seen;
	return err;
}

static __always_inline void vq_unmap(const struct parley_mem *m, u64 addr,
				     u32 len, bool write)
{
	if (likely(m->ops == &parley_mem_dma))
		vq_dma_unmap(m, addr, len, write);
	else
		m->ops->unmap(m, addr, len, write);
}

/* @n segments of which the device read the first @n_out. */
static __always_inline void vq_unmap_all(const struct parley_mem *m,
					 const struct parley_seg *map,
					 u32 n_out, u32 n)
{
	u32 i;

	if (likely(m->ops == &parley_mem_dma))
		for (i = 0; i < n; i++)
			vq_dma_unmap(m, map[i].addr, map[i].len, i >= n_out);
	else
		for (i = 0; i < n; i++)
			m->ops->unmap(m, map[i].addr, map[i].len, i >= n_out);
}

#endif /* _PARLEY_CORE_MEMORY_H */
