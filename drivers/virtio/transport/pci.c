// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modern PCI transport (spec 4.1).
 *
 * Stock kernels have virtio-pci built in and bound before any module is loaded.
 * This driver therefore never takes what it was not given: it binds a function
 * whose driver_override names it (see takeover.rst), or, where "claim" is
 * set, every virtio function that is free.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <parley/export.h>
#include "pci.h"

#define PARLEY_PCI_NAME		"parley_pci"

/* What reads as all ones does not answer. */
#define PARLEY_PCI_STATUS_GONE	0xff

/* A device that takes longer than this for a reset does not do it at all. */
#define PARLEY_PCI_RESET_MS	5000

static bool parley_pci_claim;
module_param_named(claim, parley_pci_claim, bool, 0444);
MODULE_PARM_DESC(claim, "bind every virtio PCI function that has no driver, as for root disks");

static u8 parley_pci_get_status(struct parley_device *pd)
{
	return vp_modern_get_status(&to_parley_pci(pd)->mdev);
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
		if (status == PARLEY_PCI_STATUS_GONE)
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

	/* A device that may still be at work must not reach memory. */
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

static u64 parley_pci_get_features(struct parley_device *pd)
{
	struct parley_pci *pp = to_parley_pci(pd);
	u64 features = vp_modern_get_features(&pp->mdev);

	/* Offered, but without the register for it. */
	if (!parley_pci_can_reset_queue(pp))
		features &= ~BIT_ULL(VIRTIO_F_RING_RESET);
	return features;
}

static int parley_pci_set_features(struct parley_device *pd, u64 features)
{
	vp_modern_set_features(&to_parley_pci(pd)->mdev, features);
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

static const struct parley_transport_ops parley_pci_ops = {
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
	.queue_size = parley_pci_queue_size,
	.queue_enable = parley_pci_queue_enable,
	.queue_disable = parley_pci_queue_disable,
	.notify = parley_pci_notify,
	.queue_affinity = parley_pci_affinity,
	.shm = parley_pci_shm,
	.dma_dev = parley_pci_dma_dev,
};

/*
 * The virtio type: modern functions have it in their device id, transitional
 * ones in the subsystem's (spec 4.1.2).
 */
static int parley_pci_identify(struct pci_dev *pdev,
			       struct virtio_device_id *id)
{
	if (pdev->device < 0x1000 || pdev->device > 0x107f)
		return -ENODEV;
	id->device = pdev->device < 0x1040 ? pdev->subsystem_device :
					     pdev->device - 0x1040;
	id->vendor = pdev->subsystem_vendor;
	return id->device ? 0 : -ENODEV;
}

/* How a function came to us: which of our two table entries matched. */
enum parley_pci_match {
	PARLEY_PCI_MATCH_FREE,
	PARLEY_PCI_MATCH_OVERRIDE,
};

static int parley_pci_enable(struct parley_pci *pp)
{
	int err = pci_enable_device(pp->pdev);

	if (err)
		return err;
	err = dma_set_mask_and_coherent(&pp->pdev->dev, DMA_BIT_MASK(64));
	if (err)
		err = dma_set_mask_and_coherent(&pp->pdev->dev,
						DMA_BIT_MASK(32));
	if (!err)
		err = parley_pci_map(pp);
	if (err == -ENOENT) {
		pci_err(pp->pdev, "no modern virtio capabilities: legacy devices are not served\n");
		err = -ENODEV;
	}
	if (err)
		pci_disable_device(pp->pdev);
	return err;
}

static void parley_pci_disable(struct parley_pci *pp)
{
	parley_pci_unmap(pp);
	pci_disable_device(pp->pdev);
}

static int parley_pci_probe(struct pci_dev *pdev,
			    const struct pci_device_id *id)
{
	struct parley_pci *pp;
	int err;

	if (id->driver_data != PARLEY_PCI_MATCH_OVERRIDE && !parley_pci_claim)
		return -ENODEV;
	pp = kzalloc(sizeof(*pp), GFP_KERNEL);
	if (!pp)
		return -ENOMEM;
	pp->pdev = pdev;
	pp->mdev.pci_dev = pdev;
	err = parley_pci_identify(pdev, &pp->pd.id);
	if (!err)
		err = parley_pci_enable(pp);
	if (err) {
		kfree(pp);
		return err;
	}

	BUILD_BUG_ON(offsetof(struct parley_pci, pd));
	pp->pd.ops = &parley_pci_ops;
	pp->pd.dev.release = parley_device_free;
	pci_set_drvdata(pdev, pp);
	pci_set_master(pdev);
	err = parley_device_register(&pp->pd, &pdev->dev);
	if (err) {
		parley_pci_disable(pp);
		put_device(&pp->pd.dev);
		return err;
	}
	/* What an error recovery goes back to. */
	pci_save_state(pdev);
	return 0;
}

static void parley_pci_remove(struct pci_dev *pdev)
{
	struct parley_pci *pp = pci_get_drvdata(pdev);
	struct device *dev = get_device(&pp->pd.dev);

	/* Pulled without asking: nothing may wait for it any more. */
	if (!pci_device_is_present(pdev))
		parley_device_surprise(&pp->pd);
	parley_device_unregister(&pp->pd);
	parley_pci_disable(pp);
	put_device(dev);
}

static void parley_pci_shutdown(struct pci_dev *pdev)
{
	struct parley_pci *pp = pci_get_drvdata(pdev);

	parley_device_shutdown(&pp->pd);
	pci_clear_master(pdev);
}

/* ------------------------------------------------- suspend and resume */

static int parley_pci_suspend(struct device *dev)
{
	struct pci_dev *pdev = to_pci_dev(dev);
	struct parley_pci *pp = pci_get_drvdata(pdev);
	int err = parley_device_freeze(&pp->pd);

	if (!err)
		pci_disable_device(pdev);
	return err;
}

static int parley_pci_resume(struct device *dev)
{
	struct pci_dev *pdev = to_pci_dev(dev);
	struct parley_pci *pp = pci_get_drvdata(pdev);
	int err = pci_enable_device(pdev);

	if (err) {
		pci_err(pdev, "cannot be enabled after suspend (%d)\n", err);
		parley_device_surprise(&pp->pd);
	} else {
		pci_set_master(pdev);
	}
	/* Also if it is gone: then its front-end is let go. */
	return parley_device_restore(&pp->pd);
}

static DEFINE_SIMPLE_DEV_PM_OPS(parley_pci_pm, parley_pci_suspend,
				parley_pci_resume);

/* ------------------------- function-level reset, errors of the bus */

static void parley_pci_reset_prepare(struct pci_dev *pdev)
{
	struct parley_pci *pp = pci_get_drvdata(pdev);

	/* It cannot be refused: what cannot be kept fails. */
	if (parley_device_freeze(&pp->pd))
		parley_device_shutdown(&pp->pd);
}

static void parley_pci_reset_done(struct pci_dev *pdev)
{
	struct parley_pci *pp = pci_get_drvdata(pdev);

	parley_device_restore(&pp->pd);
}

static pci_ers_result_t parley_pci_error_detected(struct pci_dev *pdev,
						  pci_channel_state_t state)
{
	struct parley_pci *pp = pci_get_drvdata(pdev);

	if (state == pci_channel_io_normal)
		return PCI_ERS_RESULT_CAN_RECOVER;
	if (state == pci_channel_io_perm_failure ||
	    parley_device_freeze(&pp->pd)) {
		parley_device_surprise(&pp->pd);
		return PCI_ERS_RESULT_DISCONNECT;
	}
	pci_disable_device(pdev);
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t parley_pci_slot_reset(struct pci_dev *pdev)
{
	int err;

	pci_restore_state(pdev);
	pci_save_state(pdev);
	err = pci_enable_device(pdev);
	if (err) {
		pci_err(pdev, "cannot be enabled after a slot reset (%d)\n",
			err);
		return PCI_ERS_RESULT_DISCONNECT;
	}
	pci_set_master(pdev);
	return PCI_ERS_RESULT_RECOVERED;
}

/* Does nothing unless error_detected() froze the device. */
static void parley_pci_error_resume(struct pci_dev *pdev)
{
	parley_pci_reset_done(pdev);
}

static const struct pci_error_handlers parley_pci_error_handlers = {
	.error_detected = parley_pci_error_detected,
	.slot_reset = parley_pci_slot_reset,
	.resume = parley_pci_error_resume,
	.reset_prepare = parley_pci_reset_prepare,
	.reset_done = parley_pci_reset_done,
};

/*
 * The first entry matches only a function whose driver_override names us.  No
 * module alias comes of this table, on purpose: a hot-plugged device must not
 * load a driver that would not take it.
 */
static const struct pci_device_id parley_pci_ids[] = {
	{ PCI_DEVICE_DRIVER_OVERRIDE(PCI_VENDOR_ID_REDHAT_QUMRANET, PCI_ANY_ID,
				     true),
	  .driver_data = PARLEY_PCI_MATCH_OVERRIDE },
	{ PCI_DEVICE(PCI_VENDOR_ID_REDHAT_QUMRANET, PCI_ANY_ID),
	  .driver_data = PARLEY_PCI_MATCH_FREE },
	{ }
};

static struct pci_driver parley_pci_driver = {
	.name = PARLEY_PCI_NAME,
	.id_table = parley_pci_ids,
	.probe = parley_pci_probe,
	.remove = parley_pci_remove,
	.shutdown = parley_pci_shutdown,
	.err_handler = &parley_pci_error_handlers,
	.driver.pm = pm_sleep_ptr(&parley_pci_pm),
};
module_pci_driver(parley_pci_driver);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: modern virtio over PCI");
MODULE_LICENSE("GPL");
