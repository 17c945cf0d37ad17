// SPDX-License-Identifier: GPL-2.0-only
/*
 * The providers of memory that the core knows, direct and DMA API, and the
 * verbs over any of them.
 *
 * What is allocated is zeroed and shares its pages with nothing else, so that
 * the device sees no stale data of ours.
 */
#include "memory.h"

#ifdef __KERNEL__

static void *vq_dma_mem_alloc(const struct parley_mem *m, size_t size, u64 *addr,
			      gfp_t gfp)
{
	dma_addr_t bus;
	void *virt = dma_alloc_coherent(m->dev, PAGE_ALIGN(size), &bus,
					gfp | __GFP_NOWARN);

	*addr = bus;
	return virt;
}

static void vq_dma_mem_free(const struct parley_mem *m, size_t size, void *virt,
			    u64 addr)
{
	dma_free_coherent(m->dev, PAGE_ALIGN(size), virt, addr);
}

static void vq_dma_mem_sync_for_cpu(const struct parley_mem *m, u64 addr, u32 len,
				    bool write)
{
	dma_sync_single_for_cpu(m->dev, addr, len, vq_dma_dir(write));
}

static void vq_dma_mem_sync_for_device(const struct parley_mem *m, u64 addr,
				       u32 len, bool write)
{
	dma_sync_single_for_device(m->dev, addr, len, vq_dma_dir(write));
}

static void *vq_direct_alloc(size_t size, u64 *addr, gfp_t gfp)
{
	void *virt = alloc_pages_exact(PAGE_ALIGN(size),
				       gfp | __GFP_ZERO | __GFP_NOWARN);

	if (virt)
		*addr = virt_to_phys(virt);
	return virt;
}

static void vq_direct_free(size_t size, void *virt)
{
	free_pages_exact(virt, PAGE_ALIGN(size));
}

#else /* user space */

static void *vq_direct_alloc(size_t size, u64 *addr, gfp_t gfp)
{
	void *virt;

	size = PAGE_ALIGN(size);
	virt = parley_user_fail() ? NULL : aligned_alloc(PAGE_SIZE, size);
	if (!virt)
		return NULL;
	memset(virt, 0, size);
	*addr = (uintptr_t)virt;
	return virt;
}

static void vq_direct_free(size_t size, void *virt)
{
	free(virt);
}

static void *vq_dma_mem_alloc(const struct parley_mem *m, size_t size, u64 *addr,
			      gfp_t gfp)
{
	const struct parley_mem *dma = parley_user_dma(m->dev);

	return dma ? dma->ops->alloc(dma, size, addr, gfp)
		   : vq_direct_alloc(size, addr, gfp);
}

static void vq_dma_mem_free(const struct parley_mem *m, size_t size, void *virt,
			    u64 addr)
{
	const struct parley_mem *dma = parley_user_dma(m->dev);

	if (dma)
		dma->ops->free(dma, size, virt, addr);
	else
		vq_direct_free(size, virt);
}

static void vq_dma_mem_sync_for_cpu(const struct parley_mem *m, u64 addr, u32 len,
				    bool write)
{
	const struct parley_mem *dma = parley_user_dma(m->dev);

	if (dma)
		dma->ops->sync_for_cpu(dma, addr, len, write);
}

static void vq_dma_mem_sync_for_device(const struct parley_mem *m, u64 addr,
				       u32 len, bool write)
{
	const struct parley_mem *dma = parley_user_dma(m->dev);

	if (dma)
		dma->ops->sync_for_device(dma, addr, len, write);
}

#endif

static int vq_dma_mem_map(const struct parley_mem *m, u64 phys, u32 len, bool write,
			  u64 *addr)
{
	return vq_dma_map(m, phys, len, write, addr);
}

static void vq_dma_mem_unmap(const struct parley_mem *m, u64 addr, u32 len,
			     bool write)
{
	vq_dma_unmap(m, addr, len, write);
}

const struct parley_mem_ops parley_mem_dma = {
	.alloc = vq_dma_mem_alloc,
	.free = vq_dma_mem_free,
	.map = vq_dma_mem_map,
	.unmap = vq_dma_mem_unmap,
	.sync_for_cpu = vq_dma_mem_sync_for_cpu,
	.sync_for_device = vq_dma_mem_sync_for_device,
};
PARLEY_EXPORT(parley_mem_dma);

/**
 * parley_mem_alloc() - memory that driver and device see at any time
 * @mem: how the device reaches memory
 * @size: bytes
 * @addr: where the device finds it
 * @gfp: how to allocate; it may sleep
 *
 * For what lives as long as the device does: rings, tables, and buffers that
 * are given to it premapped (PARLEY_BUF_PREMAPPED) again and again.
 *
 * Return: the memory, zeroed, beginning a page; or NULL.
 */
void *parley_mem_alloc(const struct parley_mem *mem, size_t size, u64 *addr,
		       gfp_t gfp)
{
	return mem->ops ? mem->ops->alloc(mem, size, addr, gfp)
			: vq_direct_alloc(size, addr, gfp);
}
PARLEY_EXPORT(parley_mem_alloc);

/**
 * parley_mem_free() - give memory back
 * @mem: as for parley_mem_alloc()
 * @size: as for parley_mem_alloc()
 * @virt: what it returned; NULL is fine
 * @addr: what it filled in
 */
void parley_mem_free(const struct parley_mem *mem, size_t size, void *virt,
		     u64 addr)
{
	if (!virt)
		return;
	if (mem->ops)
		mem->ops->free(mem, size, virt, addr);
	else
		vq_direct_free(size, virt);
}
PARLEY_EXPORT(parley_mem_free);

/**
 * parley_mem_map() - give a buffer to the device
 * @mem: how the device reaches memory
 * @phys: physical address of the buffer
 * @len: its bytes
 * @write: the device writes it; else it reads it
 * @addr: where the device finds it
 *
 * From here to parley_mem_unmap() it is the device's: see the head of
 * parley/memory.h.  Context: any.
 *
 * Return: 0, -ENOMEM or, for what is no memory, -EINVAL.
 */
int parley_mem_map(const struct parley_mem *mem, u64 phys, u32 len, bool write,
		   u64 *addr)
{
	if (mem->ops)
		return vq_map(mem, phys, len, write, addr);
	*addr = phys;
	return 0;
}
PARLEY_EXPORT(parley_mem_map);

/**
 * parley_mem_unmap() - take a buffer back from the device
 * @mem: as for parley_mem_map()
 * @addr: what it filled in
 * @len: as for parley_mem_map()
 * @write: as for parley_mem_map()
 *
 * Context: any.
 */
void parley_mem_unmap(const struct parley_mem *mem, u64 addr, u32 len, bool write)
{
	if (mem->ops)
		vq_unmap(mem, addr, len, write);
}
PARLEY_EXPORT(parley_mem_unmap);

/**
 * parley_mem_sync_for_cpu() - see what the device wrote so far
 * @mem: as for parley_mem_map()
 * @addr: of the bytes, within what is mapped
 * @len: how many
 * @write: as for parley_mem_map()
 *
 * The buffer stays mapped.  Context: any.
 */
void parley_mem_sync_for_cpu(const struct parley_mem *mem, u64 addr, u32 len,
			     bool write)
{
	if (mem->ops)
		mem->ops->sync_for_cpu(mem, addr, len, write);
}
PARLEY_EXPORT(parley_mem_sync_for_cpu);

/**
 * parley_mem_sync_for_device() - show the device what was written meanwhile
 * @mem: as for parley_mem_map()
 * @addr: of the bytes, within what is mapped
 * @len: how many
 * @write: as for parley_mem_map()
 *
 * Context: any.
 */
void parley_mem_sync_for_device(const struct parley_mem *mem, u64 addr, u32 len,
				bool write)
{
	if (mem->ops)
		mem->ops->sync_for_device(mem, addr, len, write);
}
PARLEY_EXPORT(parley_mem_sync_for_device);
