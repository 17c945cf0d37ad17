// SPDX-License-Identifier: GPL-2.0-only
/*
 * The areas of a ring: how large, where, and how we get there.  Mostly they are
 * pinned and mapped, see pin.c for why; where that is refused, they are reached
 * through user addresses.
 */
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ring.h"
#include "state.h"

/* How rings are reached, for measuring and testing one way against the other. */
VISIBLE_IF_KUNIT int vh_ring_access = VH_RING_PIN;
EXPORT_SYMBOL_IF_KUNIT(vh_ring_access);

static const char * const vq_access_names[] = {
	[VH_RING_PIN] = "pin",
	[VH_RING_USER] = "user",
	NULL
};

static int vh_vq_access_set(const char *val, const struct kernel_param *kp)
{
	int n = sysfs_match_string(vq_access_names, val);

	if (n < 0)
		return n;
	WRITE_ONCE(vh_ring_access, n);
	return 0;
}

static int vh_vq_access_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n", vq_access_names[READ_ONCE(vh_ring_access)]);
}

static const struct kernel_param_ops vq_access_ops = {
	.set = vh_vq_access_set,
	.get = vh_vq_access_get,
};
module_param_cb(ring_access, &vq_access_ops, NULL, 0644);
MODULE_PARM_DESC(ring_access,
		 "pin: map the pages of a ring where that is allowed (default); user: access them in the owner's memory");

static bool vh_vq_hits(u64 area, size_t len, u64 addr, u64 last)
{
	return area <= last && addr <= area + (len - 1);
}

/* Does addr..last touch an area of the ring?  In the VMM's terms. */
bool vh_vq_covers(const struct parley_vhost_vq *vq, u64 addr, u64 last)
{
	size_t bytes[3];

	parley_vq_sizes(vq->num, vh_vq_packed(vq), bytes);
	return vh_vq_hits(vq->addr.desc, bytes[0], addr, last) ||
	       vh_vq_hits(vq->addr.driver, bytes[1], addr, last) ||
	       vh_vq_hits(vq->addr.device, bytes[2], addr, last);
}

bool vh_vq_loses(const struct parley_vhost_vq *vq, const struct parley_region *gone,
		 const struct vh_mem *mem)
{
	size_t bytes[3];

	if (vq->dev->iotlb.on || vq->joined || !vq->addr_set ||
	    !vh_vq_covers(vq, gone->host, gone->host + (gone->size - 1)))
		return false;
	parley_vq_sizes(vq->num, vh_vq_packed(vq), bytes);
	return !vh_mem_shows(mem, vq->addr.desc, bytes[0]) ||
	       !vh_mem_shows(mem, vq->addr.driver, bytes[1]) ||
	       !vh_mem_shows(mem, vq->addr.device, bytes[2]);
}

/* Let go of the areas; none may be pinned. */
void vh_ring_unpin(struct parley_vhost_vq *vq)
{
	vh_area_unpin(&vq->desc);
	vh_area_unpin(&vq->driver);
	vh_area_unpin(&vq->device);
}

static int vh_vq_pin_iova(struct parley_vhost_vq *vq, struct vh_area *area,
			  u64 iova, size_t len, u32 perm)
{
	unsigned int nr = DIV_ROUND_UP(offset_in_page(iova) + len, PAGE_SIZE);
	u64 *pages = kvmalloc_array(nr, sizeof(*pages), GFP_KERNEL);
	int err;

	if (!pages)
		return -ENOMEM;
	err = vh_tlb_pages(vq->tlb, iova, len, perm, pages) ?:
	      vh_area_pin_pages(area, &vq->dev->owner, pages, nr, offset_in_page(iova));
	if (err)
		kvfree(pages);
	return err;
}

static int vh_vq_pin_area(struct parley_vhost_vq *vq, struct vh_area *area,
			  u64 addr, size_t len, u32 perm)
{
	if (vq->dev->iotlb.on)
		return vh_vq_pin_iova(vq, area, addr, len, perm);
	return vh_area_pin(area, &vq->dev->owner, addr, len);
}

static int vh_vq_pin(struct parley_vhost_vq *vq)
{
	bool packed = vh_vq_packed(vq);
	size_t bytes[3];
	int err;

	parley_vq_sizes(vq->num, packed, bytes);
	err = vh_vq_pin_area(vq, &vq->desc, vq->addr.desc, bytes[0],
			     PARLEY_MEM_READ | (packed ? PARLEY_MEM_WRITE : 0)) ?:
	      vh_vq_pin_area(vq, &vq->driver, vq->addr.driver, bytes[1],
			     PARLEY_MEM_READ) ?:
	      vh_vq_pin_area(vq, &vq->device, vq->addr.device, bytes[2],
			     PARLEY_MEM_WRITE);
	if (err)
		vh_ring_unpin(vq);
	return err;
}

/**
 * vh_ring_find() - find the areas, and say where they are for the core
 * @vq: ring, under vq->mutex; its space is set
 * @at: addresses in that space
 *
 * Without a device IOMMU there is always a way; with one the pages need not lie
 * side by side in the VMM's memory, so only a mapping of ours shows the ring in
 * one piece.
 *
 * Return: 0; with a device IOMMU -EAGAIN after the VMM was asked, or why the
 * pages cannot be pinned.
 */
int vh_ring_find(struct parley_vhost_vq *vq, struct parley_vq_addr *at)
{
	bool iommu = vq->dev->iotlb.on;
	int err = -EPERM;

	vq->host = vq->addr;
	if (iommu || READ_ONCE(vh_ring_access) == VH_RING_PIN)
		err = vh_vq_pin(vq);
	if (!err) {
		vq->space = PARLEY_SPACE_KERNEL;
		at->desc = (unsigned long)vq->desc.kern;
		at->driver = (unsigned long)vq->driver.kern;
		at->device = (unsigned long)vq->device.kern;
		return 0;
	}
	if (iommu)
		return err;
	vq->space = PARLEY_SPACE_USER;
	*at = vq->addr;
	return 0;
}

/* Bytes of an area, from wherever it is. */
static bool vh_ring_copy(const struct vh_area *area, u64 user, size_t off, void *buf,
			 size_t len)
{
	if (!area->kern)
		return !copy_from_user(buf, u64_to_user_ptr(user + off), len);
	memcpy(buf, area->kern + off, len);
	return true;
}

/*
 * Untouched is a slot that was cleared, or made available in the first lap.  A device
 * marks what it used with both flags in one lap, and with neither in the next.
 */
static bool vh_ring_slot_used(const struct vring_packed_desc *desc)
{
	u16 flags = le16_to_cpu(desc->flags);

	return flags & BIT(VRING_PACKED_DESC_F_USED) ||
	       (!(flags & BIT(VRING_PACKED_DESC_F_AVAIL)) &&
		(flags || desc->addr || desc->len || desc->id));
}

/* Did a device leave anything here? */
static bool vh_ring_has_used(const struct parley_vhost_vq *vq, unsigned int i)
{
	struct vring_packed_desc desc;
	struct vring_used_elem used;

	if (vh_vq_packed(vq))
		return !vh_ring_copy(&vq->desc, vq->addr.desc, i * sizeof(desc), &desc,
				     sizeof(desc)) ||
		       vh_ring_slot_used(&desc);
	return !vh_ring_copy(&vq->device, vq->addr.device,
			     offsetof(struct vring_used, ring) + i * sizeof(used), &used,
			     sizeof(used)) ||
	       used.id || used.len;
}

/**
 * vh_ring_is_unused() - does the ring look as if no device had ever served it?
 * @vq: ring that was found
 *
 * Drivers clear a ring before they give it to a device, and each request leaves
 * something.  What cannot be read counts as used.
 *
 * Context: the owner's memory is current; the ring does not run yet.
 * Return: true if so.
 */
bool vh_ring_is_unused(const struct parley_vhost_vq *vq)
{
	unsigned int i;

	for (i = 0; i < vq->num; i++)
		if (vh_ring_has_used(vq, i))
			return false;
	return true;
}
