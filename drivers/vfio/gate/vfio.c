// SPDX-License-Identifier: GPL-2.0-only
/*
 * The steps of the gate, as VFIO and the DMA API have them.
 */
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/vfio.h>
#include <parley/compat.h>
#include "page.h"

/*
 * VFIO takes whoever has no memory of his own for a kernel's thread, and complains if it is
 * none: a program at its end, which closes its files after its memory.
 */
static int pg_vfio_rw(struct parley_gate *g, u64 address, void *data, size_t len,
		      bool write)
{
	if (!current->mm && !(current->flags & PF_KTHREAD))
		return -EFAULT;
	return vfio_dma_rw(g->vdev, address, data, len, write);
}

/* VFIO knows pages of this machine's size. */
static int pg_vfio_pin(struct parley_gate *g, u64 address, enum parley_gate_way way,
		       struct page **page)
{
	static const int use[] = {
		[PARLEY_GATE_OUT] = IOMMU_READ,
		[PARLEY_GATE_IN] = IOMMU_WRITE,
		[PARLEY_GATE_SHARED] = IOMMU_READ | IOMMU_WRITE,
	};
	int nr = vfio_pin_pages(g->vdev, ALIGN_DOWN(address, PAGE_SIZE), 1, use[way], page);

	return nr == 1 ? 0 : nr ?: -EFAULT;
}

static void pg_vfio_unpin(struct parley_gate *g, u64 address)
{
	vfio_unpin_pages(g->vdev, ALIGN_DOWN(address, PAGE_SIZE), 1);
}

static enum dma_data_direction pg_direction(enum parley_gate_way way)
{
	return way == PARLEY_GATE_IN ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
}

/*
 * The guest uses the page meanwhile, and maybe another command does: the function must
 * reach the page itself, and no copy of it, and caches must have nothing to do with it.
 */
static int pg_vfio_map(struct parley_gate *g, struct page *page, unsigned int offset,
		       enum parley_gate_way way, dma_addr_t *dma)
{
	*dma = dma_map_page_attrs(g->dev, page, offset, PARLEY_GATE_PAGE,
				  pg_direction(way), DMA_ATTR_REQUIRE_COHERENT);
	if (!dma_mapping_error(g->dev, *dma))
		return 0;
	dev_warn_ratelimited(g->dev, "cannot reach a guest's memory: there is no address left, or it is not coherent, or swiotlb is forced\n");
	return -EIO;
}

static void pg_vfio_unmap(struct parley_gate *g, dma_addr_t dma, enum parley_gate_way way)
{
	dma_unmap_page_attrs(g->dev, dma, PARLEY_GATE_PAGE, pg_direction(way),
			     DMA_ATTR_REQUIRE_COHERENT);
}

static void pg_vfio_back(struct callback_head *back)
{
	struct parley_gate_leaving *l = container_of(back, struct parley_gate_leaving, back);
	struct vfio_device *vdev = l->gate->vdev;
	struct module *owner = l->owner;

	parley_gate_left(l);
	put_device(&vdev->device);
	/* It may have released the device just now. */
	module_put(owner);
	/* Who unloads us waits for the rest of this, see gate.c. */
	module_put(THIS_MODULE);
}

/*
 * On its way to user space; the device may be closed and removed before that, and its
 * driver unloaded.  A kernel's thread, which may be who puts a file last, has no such way.
 */
static int pg_vfio_watch(struct parley_gate *g, struct parley_gate_leaving *l)
{
	int err;

	if (current->flags & PF_KTHREAD)
		return -ESRCH;
	init_task_work(&l->back, pg_vfio_back);
	l->owner = g->vdev->dev->driver->owner;
	get_device(&g->vdev->device);
	__module_get(l->owner);
	__module_get(THIS_MODULE);
	err = task_work_add(current, &l->back, TWA_RESUME);
	if (!err)
		return 0;
	/* VFIO, who asks, has all of them. */
	module_put(THIS_MODULE);
	module_put(l->owner);
	put_device(&g->vdev->device);
	return err;
}

const struct parley_gate_ops parley_gate_vfio = {
	.rw = pg_vfio_rw,
	.pin = pg_vfio_pin,
	.unpin = pg_vfio_unpin,
	.map = pg_vfio_map,
	.unmap = pg_vfio_unmap,
	.watch = pg_vfio_watch,
};
PARLEY_EXPORT(parley_gate_vfio);
