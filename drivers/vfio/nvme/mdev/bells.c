// SPDX-License-Identifier: GPL-2.0-only
/*
 * Doorbells that a guest writes without leaving: a page of memory in the place of the
 * registers, of devices that are polled.
 *
 * While the thread that polls sleeps nobody sees what is written there, so then the page
 * is not mapped.  Who touches it next comes here, and wakes the thread, which leaves it
 * there for a while.
 *
 * All the same the thread may be done and take the page away before whoever touched it
 * has looked for it.  A processor just comes again.  KVM looks once, and then gives its
 * guest up, unless the memory's lock was let go meanwhile: then it looks as often as it
 * takes.  So it is let go.
 */
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include "mdev.h"

#define PARLEY_MDEV_BELLS	(PARLEY_MDEV_OFFSET(VFIO_PCI_BAR0_REGION_INDEX) + NVME_REG_DBS)

static bool parley_mdev_may_let_go(struct vm_fault *vmf)
{
	return fault_flag_allow_retry_first(vmf->flags) &&
	       !(vmf->flags & FAULT_FLAG_RETRY_NOWAIT);
}

static vm_fault_t parley_mdev_bells_fault(struct vm_fault *vmf)
{
	struct parley_mdev *m = vmf->vma->vm_private_data;
	struct page *page = parley_emu_bells(&m->emu);
	vm_fault_t ret;

	if (!page)
		return VM_FAULT_SIGBUS;
	ret = vmf_insert_pfn(vmf->vma, vmf->address, page_to_pfn(page));
	/*
	 * Only now: who takes it away in between finds it when the thread, which is woken
	 * next, sleeps again.
	 */
	WRITE_ONCE(m->bells, true);
	parley_emu_touched(&m->emu);
	if (ret != VM_FAULT_NOPAGE || !parley_mdev_may_let_go(vmf))
		return ret;
	/* Of the area or of all memory: whichever who calls has taken. */
	release_fault_lock(vmf);
	return VM_FAULT_RETRY;
}

static const struct vm_operations_struct parley_mdev_bells_ops = {
	.fault = parley_mdev_bells_fault,
};

/**
 * parley_mdev_bells_mmap() - the user maps something
 * @m: the device
 * @vma: what, and where
 *
 * Context: process context; the user's memory locked.
 * Return: 0, or -EINVAL if it is not the page of doorbells, or there is none.
 */
int parley_mdev_bells_mmap(struct parley_mdev *m, struct vm_area_struct *vma)
{
	if (!parley_emu_bells(&m->emu) || !(vma->vm_flags & VM_SHARED) ||
	    (u64)vma->vm_pgoff << PAGE_SHIFT != PARLEY_MDEV_BELLS ||
	    vma->vm_end - vma->vm_start != PAGE_SIZE)
		return -EINVAL;
	vma->vm_private_data = m;
	vma->vm_ops = &parley_mdev_bells_ops;
	/* Nobody's but the device's, which is there as long as its file is. */
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}

/**
 * parley_mdev_bells_unmap() - take it away, until somebody touches it
 * @m: the device
 *
 * Context: process context; no lock held; may sleep.
 */
void parley_mdev_bells_unmap(struct parley_mdev *m)
{
	if (xchg(&m->bells, false))
		unmap_mapping_range(m->vdev.inode->i_mapping, PARLEY_MDEV_BELLS, PAGE_SIZE,
				    true);
}

/**
 * parley_mdev_bells_tell() - say which part of the registers can be mapped
 * @m: the device
 * @info: what is said of them
 * @caps: where that goes
 *
 * Context: process context; may sleep.
 * Return: 0 or -ENOMEM.
 */
int parley_mdev_bells_tell(struct parley_mdev *m, struct vfio_region_info *info,
			   struct vfio_info_cap *caps)
{
	DEFINE_RAW_FLEX(struct vfio_region_info_cap_sparse_mmap, sparse, areas, 1);

	if (info->index != VFIO_PCI_BAR0_REGION_INDEX || !parley_emu_bells(&m->emu))
		return 0;
	sparse->header.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP;
	sparse->header.version = 1;
	sparse->nr_areas = 1;
	sparse->areas[0].offset = NVME_REG_DBS;
	sparse->areas[0].size = PAGE_SIZE;
	info->flags |= VFIO_REGION_INFO_FLAG_MMAP;
	return vfio_info_add_capability(caps, &sparse->header,
					struct_size(sparse, areas, 1));
}
