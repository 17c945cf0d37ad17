// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of the driver role that the device sees: ring areas, ready indirect
 * tables, and the mappings of buffers.
 *
 * With a dma_dev (VIRTIO_F_ACCESS_PLATFORM) everything goes through the DMA
 * API; without one the device uses physical addresses as they are (spec 6.1).
 * Memory is zeroed and shared with nothing else on its page, so that the
 * device sees no stale data of ours.
 */
#include "ring.h"

#ifdef __KERNEL__

int parley_area_alloc(struct vq_area *a, size_t size, struct device *dma_dev)
{
	a->size = PAGE_ALIGN(size);
	if (dma_dev) {
		dma_addr_t bus;

		a->mem = dma_alloc_coherent(dma_dev, a->size, &bus,
					    GFP_KERNEL | __GFP_NOWARN);
		a->bus = bus;
	} else {
		a->mem = alloc_pages_exact(a->size, GFP_KERNEL | __GFP_ZERO |
					   __GFP_NOWARN);
		if (a->mem)
			a->bus = virt_to_phys(a->mem);
	}
	return a->mem ? 0 : -ENOMEM;
}

void parley_area_free(struct vq_area *a, struct device *dma_dev)
{
	if (!a->mem)
		return;
	if (dma_dev)
		dma_free_coherent(dma_dev, a->size, a->mem, a->bus);
	else
		free_pages_exact(a->mem, a->size);
	a->mem = NULL;
}

u64 parley_area_phys(const void *p)
{
	return virt_to_phys((void *)p);
}

static enum dma_data_direction dma_dir(bool write)
{
	return write ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
}

/* Turns the physical address in seg into a bus address. */
int parley_area_map(struct parley_seg *seg, struct device *dma_dev, bool write)
{
	dma_addr_t bus;

	if (!pfn_valid(PHYS_PFN(seg->addr)))
		return -EINVAL;
	bus = dma_map_page(dma_dev, pfn_to_page(PHYS_PFN(seg->addr)),
			   offset_in_page(seg->addr), seg->len, dma_dir(write));
	if (dma_mapping_error(dma_dev, bus))
		return -ENOMEM;
	seg->addr = bus;
	return 0;
}

void parley_area_unmap(const struct parley_seg *seg, struct device *dma_dev,
		       bool write)
{
	dma_unmap_page(dma_dev, seg->addr, seg->len, dma_dir(write));
}

#else /* user space: one address space, and nothing to map */

#define AREA_ALIGN	4096ul

int parley_area_alloc(struct vq_area *a, size_t size, struct device *dma_dev)
{
	(void)dma_dev;
	a->size = (size + AREA_ALIGN - 1) & ~(AREA_ALIGN - 1);
	a->mem = parley_user_fail() ? NULL : aligned_alloc(AREA_ALIGN, a->size);
	if (!a->mem)
		return -ENOMEM;
	memset(a->mem, 0, a->size);
	a->bus = (uintptr_t)a->mem;
	return 0;
}

void parley_area_free(struct vq_area *a, struct device *dma_dev)
{
	(void)dma_dev;
	free(a->mem);
	a->mem = NULL;
}

u64 parley_area_phys(const void *p)
{
	return (uintptr_t)p;
}

int parley_area_map(struct parley_seg *seg, struct device *dma_dev, bool write)
{
	(void)seg;
	(void)dma_dev;
	(void)write;
	return parley_user_fail() ? -ENOMEM : 0;
}

void parley_area_unmap(const struct parley_seg *seg, struct device *dma_dev,
		       bool write)
{
	(void)seg;
	(void)dma_dev;
	(void)write;
}

#endif
