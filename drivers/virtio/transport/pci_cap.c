// SPDX-License-Identifier: GPL-2.0-only
/*
 * The virtio capabilities of a PCI function (spec 4.1.4): where its registers
 * lie.
 *
 * The capability list is the device's word, so it is walked by our own bounded
 * walker: a list that loops, or a structure that does not fit its BAR, refuses
 * the device.  Each field is read once, checked, and only then used to map; the
 * kernel's vp_modern library works on the result.
 */
#include "pci.h"

/* 192 bytes for capabilities of at least 4 bytes each. */
#define PARLEY_PCI_CAPS_MAX	48

/* One virtio capability, read once. */
struct parley_pci_cap {
	u8 pos;
	u8 len;
	u8 type;
	u8 bar;
	u8 id;
	u64 offset;
	u64 length;
};

static u32 parley_pci_cap_u32(struct pci_dev *pdev, unsigned int pos)
{
	u32 val = 0;

	pci_read_config_dword(pdev, pos, &val);
	return val;
}

static void parley_pci_cap_read(struct pci_dev *pdev, u8 pos,
				struct parley_pci_cap *cap)
{
	u32 head = parley_pci_cap_u32(pdev, pos);
	u32 place = parley_pci_cap_u32(pdev, pos + VIRTIO_PCI_CAP_BAR);

	/* Bytes in the order of struct virtio_pci_cap. */
	cap->pos = pos;
	cap->len = head >> 16;
	cap->type = head >> 24;
	cap->bar = place;
	cap->id = place >> 8;
	cap->offset = parley_pci_cap_u32(pdev, pos + VIRTIO_PCI_CAP_OFFSET);
	cap->length = parley_pci_cap_u32(pdev, pos + VIRTIO_PCI_CAP_LENGTH);
	if (cap->type != VIRTIO_PCI_CAP_SHARED_MEMORY_CFG ||
	    cap->len < sizeof(struct virtio_pci_cap64))
		return;
	cap->offset |= (u64)parley_pci_cap_u32(pdev, pos +
			offsetof(struct virtio_pci_cap64, offset_hi)) << 32;
	cap->length |= (u64)parley_pci_cap_u32(pdev, pos +
			offsetof(struct virtio_pci_cap64, length_hi)) << 32;
}

/*
 * Find the first usable capability of a type (and an id, for shared memory).
 * 0, -ENOENT, or -EINVAL for a list that does not end.
 */
static int parley_pci_cap_find(struct pci_dev *pdev, u8 type, int id,
			       struct parley_pci_cap *cap)
{
	unsigned int i;
	u16 head;
	u8 pos;

	pci_read_config_byte(pdev, PCI_CAPABILITY_LIST, &pos);
	for (i = 0; i < PARLEY_PCI_CAPS_MAX; i++) {
		pos &= ~3;
		if (pos < PCI_STD_HEADER_SIZEOF)
			return -ENOENT;
		pci_read_config_word(pdev, pos, &head);
		if (head == 0xffff)
			return -ENOENT;
		if ((head & 0xff) == PCI_CAP_ID_VNDR &&
		    pos <= PCI_CFG_SPACE_SIZE - sizeof(struct virtio_pci_cap)) {
			parley_pci_cap_read(pdev, pos, cap);
			/* Other BAR numbers are reserved: skip them (4.1.4). */
			if (cap->type == type && cap->bar < PCI_STD_NUM_BARS &&
			    (id < 0 || cap->id == id))
				return 0;
		}
		pos = head >> 8;
	}
	pci_err(pdev, "capability list does not end: device refused\n");
	return -EINVAL;
}

/* Does the structure lie in its BAR? */
static int parley_pci_cap_check(struct pci_dev *pdev,
				const struct parley_pci_cap *cap,
				u64 min_length, unsigned int align)
{
	u64 size = pci_resource_len(pdev, cap->bar);

	if (cap->offset <= size && cap->length <= size - cap->offset &&
	    cap->length >= min_length && IS_ALIGNED(cap->offset, align))
		return 0;
	pci_err(pdev, "capability %u at %#x: %#llx bytes at %#llx do not fit BAR %u of %#llx bytes: device refused\n",
		cap->type, cap->pos, cap->length, cap->offset, cap->bar, size);
	return -EINVAL;
}

/* A structure to map; the BAR is requested the first time it is met. */
static void __iomem *parley_pci_map_one(struct parley_pci *pp, u8 type,
					u64 min_length, unsigned int align,
					struct parley_pci_cap *cap)
{
	struct pci_dev *pdev = pp->pdev;
	void __iomem *p;
	int err;

	err = parley_pci_cap_find(pdev, type, -1, cap);
	if (err)
		return IOMEM_ERR_PTR(err);
	err = parley_pci_cap_check(pdev, cap, min_length, align);
	if (err)
		return IOMEM_ERR_PTR(err);
	if (!(pp->mdev.modern_bars & BIT(cap->bar))) {
		err = pci_request_region(pdev, cap->bar, "parley_pci");
		if (err)
			return IOMEM_ERR_PTR(err);
		pp->mdev.modern_bars |= BIT(cap->bar);
	}
	p = pci_iomap_range(pdev, cap->bar, cap->offset, cap->length);
	return p ? p : IOMEM_ERR_PTR(-ENOMEM);
}

static int parley_pci_map_common(struct parley_pci *pp)
{
	struct virtio_pci_modern_device *mdev = &pp->mdev;
	struct parley_pci_cap cap;
	void __iomem *p;

	p = parley_pci_map_one(pp, VIRTIO_PCI_CAP_COMMON_CFG,
			       sizeof(struct virtio_pci_common_cfg), 4, &cap);
	if (IS_ERR(p))
		return PTR_ERR(p);
	mdev->common = p;
	mdev->common_len = cap.length;
	p = parley_pci_map_one(pp, VIRTIO_PCI_CAP_ISR_CFG, 1, 1, &cap);
	if (IS_ERR(p))
		return PTR_ERR(p);
	mdev->isr = p;
	return 0;
}

static int parley_pci_map_notify(struct parley_pci *pp)
{
	struct virtio_pci_modern_device *mdev = &pp->mdev;
	struct parley_pci_cap cap;
	void __iomem *p;

	p = parley_pci_map_one(pp, VIRTIO_PCI_CAP_NOTIFY_CFG, 2, 2, &cap);
	if (IS_ERR(p))
		return PTR_ERR(p);
	mdev->notify_base = p;
	mdev->notify_len = cap.length;
	mdev->notify_pa = pci_resource_start(pp->pdev, cap.bar) + cap.offset;
	if (cap.len < sizeof(struct virtio_pci_notify_cap)) {
		pci_err(pp->pdev, "notification capability is too short: device refused\n");
		return -EINVAL;
	}
	mdev->notify_offset_multiplier =
		parley_pci_cap_u32(pp->pdev,
				   cap.pos + VIRTIO_PCI_NOTIFY_CAP_MULT);
	return 0;
}

/* Only devices with a configuration of their own have this one. */
static int parley_pci_map_config(struct parley_pci *pp)
{
	struct parley_pci_cap cap;
	void __iomem *p;

	p = parley_pci_map_one(pp, VIRTIO_PCI_CAP_DEVICE_CFG, 0, 4, &cap);
	if (IS_ERR(p))
		return PTR_ERR(p) == -ENOENT ? 0 : PTR_ERR(p);
	pp->mdev.device = p;
	pp->mdev.device_len = cap.length;
	return 0;
}

/**
 * parley_pci_map() - find and map the registers of a function
 * @pp: the function, enabled
 *
 * Return: 0; -ENOENT for a legacy device, which has no such capabilities;
 * -EINVAL for one that lies about them; another error.
 */
int parley_pci_map(struct parley_pci *pp)
{
	int err = parley_pci_map_common(pp);

	if (!err)
		err = parley_pci_map_notify(pp);
	if (!err)
		err = parley_pci_map_config(pp);
	if (err)
		parley_pci_unmap(pp);
	return err;
}

/**
 * parley_pci_unmap() - the mirror of map, also of one that failed half-way
 * @pp: the function
 */
void parley_pci_unmap(struct parley_pci *pp)
{
	struct virtio_pci_modern_device *mdev = &pp->mdev;

	if (mdev->device)
		pci_iounmap(pp->pdev, mdev->device);
	if (mdev->notify_base)
		pci_iounmap(pp->pdev, mdev->notify_base);
	if (mdev->isr)
		pci_iounmap(pp->pdev, mdev->isr);
	if (mdev->common)
		pci_iounmap(pp->pdev, mdev->common);
	pci_release_selected_regions(pp->pdev, mdev->modern_bars);
}

/**
 * parley_pci_shm() - look a shared-memory region up (spec 4.1.4.7)
 * @pd: the device
 * @id: which
 * @shm: where it lies
 *
 * Return: 0; -ENOENT if there is none of this id; -EINVAL if it does not fit
 * its BAR.
 */
int parley_pci_shm(struct parley_device *pd, u8 id, struct parley_shm *shm)
{
	struct pci_dev *pdev = to_parley_pci(pd)->pdev;
	struct parley_pci_cap cap;
	int err;

	err = parley_pci_cap_find(pdev, VIRTIO_PCI_CAP_SHARED_MEMORY_CFG, id,
				  &cap);
	if (err)
		return err;
	err = parley_pci_cap_check(pdev, &cap, 1, 1);
	if (err)
		return err;
	shm->addr = pci_resource_start(pdev, cap.bar) + cap.offset;
	shm->len = cap.length;
	return 0;
}
