/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a device reaches the memory of its driver.  A queue of the driver role is
 * given one of three providers:
 *
 *	direct	the device uses physical addresses as they are (spec 6.1)
 *	DMA API	addresses are the kernel's to make: an IOMMU, bounce buffers, or
 *		nothing in between (VIRTIO_F_ACCESS_PLATFORM)
 *	window	a transport's own: the device sees a window of memory and nothing
 *		else, so rings and tables lie in it, and so do buffers, or copies
 *
 * The first two are known to the core and cost no indirect call.
 *
 * A buffer that is mapped belongs to the device: what the driver writes to it
 * between map and unmap may never be seen, and what the device writes need not
 * be there before unmap.  Who must look in between calls sync.
 */
#ifndef _PARLEY_MEMORY_H
#define _PARLEY_MEMORY_H

#include <parley/types.h>

struct device;
struct parley_mem;

/**
 * struct parley_mem_ops - what a provider of memory does
 * @alloc: @size bytes that both sides see at any time, zeroed, beginning a page
 *	and sharing none with anything else; *@addr is where the device finds
 *	them.  NULL if there are none.  May sleep.
 * @free: give them back
 * @map: let the device reach @len bytes at @phys, which it reads, or writes if
 *	@write; *@addr is where it finds them.  0, -ENOMEM or -EINVAL.  Called in
 *	the context of parley_drvq_put(), also with interrupts off.
 * @unmap: the mirror; what the device wrote is in memory afterwards
 * @sync_for_cpu: what the device wrote is in memory, the buffer stays mapped
 * @sync_for_device: what is in memory is seen by the device
 */
struct parley_mem_ops {
	void *(*alloc)(const struct parley_mem *mem, size_t size, u64 *addr,
		       gfp_t gfp);
	void (*free)(const struct parley_mem *mem, size_t size, void *virt,
		     u64 addr);
	int (*map)(const struct parley_mem *mem, u64 phys, u32 len, bool write,
		   u64 *addr);
	void (*unmap)(const struct parley_mem *mem, u64 addr, u32 len, bool write);
	void (*sync_for_cpu)(const struct parley_mem *mem, u64 addr, u32 len,
			     bool write);
	void (*sync_for_device)(const struct parley_mem *mem, u64 addr, u32 len,
				bool write);
};

/**
 * struct parley_mem - one device's way to its driver's memory
 * @ops: the provider; NULL: direct
 * @dev: for the DMA API: the device that does it
 * @priv: the provider's own
 */
struct parley_mem {
	const struct parley_mem_ops *ops;
	struct device *dev;
	void *priv;
};

/* The DMA API, for @dev of the structure that it stands in. */
extern const struct parley_mem_ops parley_mem_dma;

void *parley_mem_alloc(const struct parley_mem *mem, size_t size, u64 *addr,
		       gfp_t gfp);
void parley_mem_free(const struct parley_mem *mem, size_t size, void *virt,
		     u64 addr);
int parley_mem_map(const struct parley_mem *mem, u64 phys, u32 len, bool write,
		   u64 *addr);
void parley_mem_unmap(const struct parley_mem *mem, u64 addr, u32 len, bool write);
void parley_mem_sync_for_cpu(const struct parley_mem *mem, u64 addr, u32 len,
			     bool write);
void parley_mem_sync_for_device(const struct parley_mem *mem, u64 addr, u32 len,
				bool write);

#endif /* _PARLEY_MEMORY_H */
