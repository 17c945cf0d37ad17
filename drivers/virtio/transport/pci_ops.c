// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCI transport's operations: registers of the common configuration, the
 * device's own configuration, queues and their notifications.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include "pci.h"

/* A device that takes longer than this for a reset does not do it at all. */
#define PARLEY_PCI_RESET_MS	5000

static u8 parley_pci_get_status(struct parley_device *pd)
{
	struct parley_pci *pp = to_parley_pci(pd);

	/* sysfs asks at any time; it was reset before. */
	return READ_ONCE(pp->quiet) ? 0 : vp_modern_get_status(&pp->mdev);
}

static void parley_pci_set_status(struct parley_device *pd, u8 status)
{
	vp_modern_set_status(&to_parley_pci(pd)->mdev, status);
}

static int parley_pci_wait_reset(struct parley_pci *pp)
{
	unsigned long end = jiffies + msecs_to_jiffies(PARLEY_PCI_RESET_MS);
	u8 status;

	vp_modern_set_status(&pp->mdev, 0);
	/* Most are done by the first read, which also flushes the write. */
	while ((status = vp_modern_get_status(&pp->mdev))) {
		if (status == PARLEY_STATUS_GONE)
			return -ENODEV;
		if (time_after(jiffies, end))
			return -ETIMEDOUT;
		fsleep(1000);
	}
	return 0;
}

static int parley_pci_reset(struct parley_device *pd)
{
	struct parley_pci *pp = to_parley_pci(pd);
	int err = parley_pci_wait_reset(pp);

	/*
	 * A device that may still be at work must not reach memory.  Nobody but
	 * this lets it: mastering is off whenever a reset has yet to come.
	 */
	if (err)
		pci_clear_master(pp->pdev);
	else if (!pp->pdev->is_busmaster)
		pci_set_master(pp->pdev);
	parley_pci_synchronize(pp);
	return err;
}

static bool parley_pci_can_reset_queue(const struct parley_pci *pp)
{
	return pp->mdev.common_len >=
	       offsetofend(struct virtio_pci_modern_common_cfg, queue_reset);
}

/* 32 at a time; of those that a device does not know it shows zeroes. */
static void parley_pci_get_features(struct parley_device *pd,
				    struct parley_features *offered)
{
	struct parley_pci *pp = to_parley_pci(pd);
	struct virtio_pci_common_cfg __iomem *cfg = pp->mdev.common;
	unsigned int i;

	for (i = 0; i < PARLEY_FEATURE_BITS / 32; i++) {
		vp_iowrite32(i, &cfg->device_feature_select);
		bitmap_write(offered->bits, vp_ioread32(&cfg->device_feature),
			     32 * i, 32);
	}
	/* Offered, but without the register for it. */
	if (!parley_pci_can_reset_queue(pp))
		parley_features_drop(offered, VIRTIO_F_RING_RESET);
}

/* A device that offered none beyond the first 64 may not know where to write. */
static int parley_pci_set_features(struct parley_device *pd,
				   const struct parley_features *accepted)
{
	struct virtio_pci_common_cfg __iomem *cfg =
		to_parley_pci(pd)->mdev.common;
	unsigned int i, words = 2;

	if (parley_features_high(accepted))
		words = PARLEY_FEATURE_BITS / 32;
	for (i = 0; i < words; i++) {
		vp_iowrite32(i, &cfg->guest_feature_select);
		vp_iowrite32(bitmap_read(accepted->bits, 32 * i, 32),
			     &cfg->guest_feature);
	}
	return 0;
}

static unsigned int parley_pci_config_len(struct parley_device *pd)
{
	return to_parley_pci(pd)->mdev.device_len;
}

static u32 parley_pci_generation(struct parley_device *pd)
{
	return vp_modern_generation(&to_parley_pci(pd)->mdev);
}

/* The width of one access at @offset, with @len bytes to go (spec 4.1.3.1). */
static unsigned int parley_pci_width(unsigned int offset, unsigned int len)
{
	if (len % 4 == 0 && len <= 8 && IS_ALIGNED(offset, 4))
		return 4;
	if (len == 2 && IS_ALIGNED(offset, 2))
		return 2;
	return 1;
}

static void parley_pci_config_read(struct parley_device *pd,
				   unsigned int offset, void *buf,
				   unsigned int len)
{
	void __iomem *from = to_parley_pci(pd)->mdev.device + offset;
	unsigned int width = parley_pci_width(offset, len);
	unsigned int i;

	for (i = 0; i < len; i += width) {
		__le32 v32;
		__le16 v16;
		u8 v8;

		if (width == 4) {
			v32 = cpu_to_le32(ioread32(from + i));
			memcpy(buf + i, &v32, sizeof(v32));
		} else if (width == 2) {
			v16 = cpu_to_le16(ioread16(from + i));
			memcpy(buf + i, &v16, sizeof(v16));
		} else {
			v8 = ioread8(from + i);
			memcpy(buf + i, &v8, sizeof(v8));
		}
	}
}

static void parley_pci_config_write(struct parley_device *pd,
				    unsigned int offset, const void *buf,
				    unsigned int len)
{
	void __iomem *to = to_parley_pci(pd)->mdev.device + offset;
	unsigned int width = parley_pci_width(offset, len);
	unsigned int i;

	for (i = 0; i < len; i += width) {
		__le32 v32;
		__le16 v16;

		if (width == 4) {
			memcpy(&v32, buf + i, sizeof(v32));
			iowrite32(le32_to_cpu(v32), to + i);
		} else if (width == 2) {
			memcpy(&v16, buf + i, sizeof(v16));
			iowrite16(le16_to_cpu(v16), to + i);
		} else {
			iowrite8(*(const u8 *)(buf + i), to + i);
		}
	}
}

static unsigned int parley_pci_queue_size(struct parley_device *pd,
					  unsigned int index)
{
	struct virtio_pci_modern_device *mdev = &to_parley_pci(pd)->mdev;

	if (index >= vp_modern_get_num_queues(mdev))
		return 0;
	return vp_modern_get_queue_size(mdev, index);
}

/* Spec 4.1.4.4: an offset of the device's, so within what is mapped or not at all. */
static int parley_pci_find_notify(struct parley_queue *queue)
{
	struct virtio_pci_modern_device *mdev =
		&to_parley_pci(queue->dev)->mdev;
	unsigned int width =
		parley_has_feature(queue->dev, VIRTIO_F_NOTIFICATION_DATA) ?
		4 : 2;
	u64 offset;

	vp_iowrite16(queue->index, &mdev->common->queue_select);
	offset = vp_ioread16(&mdev->common->queue_notify_off);
	offset *= mdev->notify_offset_multiplier;
	if (offset + width > mdev->notify_len ||
	    !IS_ALIGNED(mdev->notify_pa + offset, width)) {
		dev_err(&queue->dev->dev,
			"queue %u (%s): bad notification offset %#llx in %#zx bytes\n",
			queue->index, queue->spec.name, offset,
			mdev->notify_len);
		return -EINVAL;
	}
	queue->notify = mdev->notify_base + offset;
	return 0;
}

static int parley_pci_queue_enable(struct parley_queue *queue,
				   const struct parley_vq_addr *addr,
				   unsigned int size)
{
	struct virtio_pci_modern_device *mdev =
		&to_parley_pci(queue->dev)->mdev;
	int err;

	if (vp_modern_get_queue_enable(mdev, queue->index))
		return -EBUSY;
	err = parley_pci_find_notify(queue);
	if (err)
		return err;
	err = parley_pci_queue_vector(queue);
	if (err)
		return err;
	vp_modern_set_queue_size(mdev, queue->index, size);
	vp_modern_queue_address(mdev, queue->index, addr->desc, addr->driver,
				addr->device);
	vp_modern_set_queue_enable(mdev, queue->index, true);
	return 0;
}

/* Both registers of a queue reset are clear (spec 4.1.4.3.1). */
static bool parley_pci_queue_is_reset(struct virtio_pci_modern_device *mdev,
				      unsigned int index)
{
	return !vp_modern_get_queue_reset(mdev, index) &&
	       !vp_modern_get_queue_enable(mdev, index);
}

static int parley_pci_queue_disable(struct parley_queue *queue)
{
	struct parley_pci *pp = to_parley_pci(queue->dev);
	struct virtio_pci_modern_common_cfg __iomem *common =
		(void __iomem *)pp->mdev.common;
	unsigned long end = jiffies + msecs_to_jiffies(PARLEY_PCI_RESET_MS);
	int err = 0;

	vp_iowrite16(queue->index, &common->cfg.queue_select);
	vp_iowrite16(1, &common->queue_reset);
	while (!parley_pci_queue_is_reset(&pp->mdev, queue->index)) {
		if (time_after(jiffies, end)) {
			err = -ETIMEDOUT;
			break;
		}
		fsleep(1000);
	}
	parley_pci_synchronize(pp);
	return err;
}

static bool parley_pci_notify(struct parley_queue *queue, u32 data)
{
	if (parley_has_feature(queue->dev, VIRTIO_F_NOTIFICATION_DATA))
		iowrite32(data, queue->notify);
	else
		iowrite16(queue->index, queue->notify);
	return true;
}

static struct device *parley_pci_dma_dev(struct parley_device *pd)
{
	return &to_parley_pci(pd)->pdev->dev;
}

const struct parley_transport_ops parley_pci_ops = {
	.name = "pci",
	.get_status = parley_pci_get_status,
	.set_status = parley_pci_set_status,
	.reset = parley_pci_reset,
	.get_features = parley_pci_get_features,
	.set_features = parley_pci_set_features,
	.config_read = parley_pci_config_read,
	.config_write = parley_pci_config_write,
	.config_len = parley_pci_config_len,
	.generation = parley_pci_generation,
	.vectors_alloc = parley_pci_vectors_alloc,
	.vectors_free = parley_pci_vectors_free,
	.vectors_again = parley_pci_vectors_again,
	.queue_size = parley_pci_queue_size,
	.queue_enable = parley_pci_queue_enable,
	.queue_disable = parley_pci_queue_disable,
	.notify = parley_pci_notify,
	.queue_affinity = parley_pci_affinity,
	.queue_set_affinity = parley_pci_set_affinity,
	.queue_irq = parley_pci_irq,
	.shm = parley_pci_shm,
	.dma_dev = parley_pci_dma_dev,
};
