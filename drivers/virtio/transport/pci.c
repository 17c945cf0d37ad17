// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modern PCI transport (spec 4.1): the driver of the functions.
 *
 * Stock kernels have virtio-pci built in and bound before any module is loaded.
 * This driver therefore never takes what it was not given: it binds a function
 * whose driver_override names it (see takeover.rst), or, where "claim" is
 * set, every virtio function that is free.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <parley/export.h>
#include <parley/version.h>
#include "pci.h"

#define PARLEY_PCI_NAME		"parley_pci"

static bool parley_pci_claim;
module_param_named(claim, parley_pci_claim, bool, 0444);
MODULE_PARM_DESC(claim, "bind every virtio PCI function that has no driver, as for root disks");

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

/* The kernel counts; we are one of that count, or none. */
static int parley_pci_on(struct parley_pci *pp)
{
	int err = pp->on ? 0 : pci_enable_device(pp->pdev);

	pp->on = !err;
	return err;
}

static void parley_pci_off(struct parley_pci *pp)
{
	if (pp->on)
		pci_disable_device(pp->pdev);
	pp->on = false;
}

static int parley_pci_enable(struct parley_pci *pp)
{
	int err = parley_pci_on(pp);

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
		parley_pci_off(pp);
	return err;
}

static void parley_pci_disable(struct parley_pci *pp)
{
	parley_pci_unmap(pp);
	parley_pci_off(pp);
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
	err = parley_pci_identify(pdev, &pp->vdev.pd.id);
	if (!err)
		err = parley_pci_enable(pp);
	if (err) {
		kfree(pp);
		return err;
	}

	BUILD_BUG_ON(offsetof(struct parley_pci, vdev));
	pp->vdev.ops = &parley_pci_ops;
	pp->vdev.pd.dev.release = parley_device_free;
	pci_set_drvdata(pdev, pp);
	/* Whoever had it may have left it at work: its reset comes first. */
	pci_clear_master(pdev);
	err = parley_device_register(&pp->vdev, &pdev->dev);
	if (err) {
		parley_pci_disable(pp);
		put_device(&pp->vdev.pd.dev);
		return err;
	}
	/* What an error recovery goes back to. */
	pci_save_state(pdev);
	return 0;
}

static void parley_pci_remove(struct pci_dev *pdev)
{
	struct parley_pci *pp = pci_get_drvdata(pdev);
	struct device *dev = get_device(&pp->vdev.pd.dev);

	/* Pulled without asking: nothing may wait for it any more. */
	if (!pci_device_is_present(pdev))
		parley_device_surprise(&pp->vdev);
	parley_device_unregister(&pp->vdev);
	parley_pci_disable(pp);
	put_device(dev);
}

static void parley_pci_shutdown(struct pci_dev *pdev)
{
	struct parley_pci *pp = pci_get_drvdata(pdev);

	parley_device_shutdown(&pp->vdev);
	pci_clear_master(pdev);
}

/*
 * The device was reset and interrupts nobody; until its hold ends, its registers
 * may not be there.  Vectors come and go under the device lock.
 */
static void parley_pci_quiet(struct parley_pci *pp, enum parley_hold why)
{
	set_bit(why, &pp->quiet);
	scoped_guard(device, &pp->vdev.pd.dev)
		parley_pci_synchronize(pp);
}

/* ------------------------------------------------- suspend and resume */

static int parley_pci_suspend(struct device *dev)
{
	struct pci_dev *pdev = to_pci_dev(dev);
	struct parley_pci *pp = pci_get_drvdata(pdev);
	int err = parley_device_freeze(&pp->vdev, PARLEY_HOLD_SLEEP);

	if (err)
		return err;
	parley_pci_quiet(pp, PARLEY_HOLD_SLEEP);
	parley_pci_off(pp);
	return 0;
}

static int parley_pci_resume(struct device *dev)
{
	struct pci_dev *pdev = to_pci_dev(dev);
	struct parley_pci *pp = pci_get_drvdata(pdev);
	int err = parley_pci_on(pp);

	if (err) {
		pci_err(pdev, "cannot be enabled after suspend (%d)\n", err);
		parley_device_surprise(&pp->vdev);
	} else {
		clear_bit(PARLEY_HOLD_SLEEP, &pp->quiet);
	}
	/* Also if it is gone: then its front-end is let go. */
	return parley_device_restore(&pp->vdev, PARLEY_HOLD_SLEEP);
}

static DEFINE_SIMPLE_DEV_PM_OPS(parley_pci_pm, parley_pci_suspend,
				parley_pci_resume);

/* ------------------------- function-level reset, errors of the bus */

static void parley_pci_reset_prepare(struct pci_dev *pdev)
{
	struct parley_pci *pp = pci_get_drvdata(pdev);

	/* It cannot be refused: what cannot be kept fails. */
	if (parley_device_freeze(&pp->vdev, PARLEY_HOLD_RESET))
		parley_device_shutdown(&pp->vdev);
	parley_pci_quiet(pp, PARLEY_HOLD_RESET);
}

static void parley_pci_reset_done(struct pci_dev *pdev)
{
	struct parley_pci *pp = pci_get_drvdata(pdev);

	clear_bit(PARLEY_HOLD_RESET, &pp->quiet);
	parley_device_restore(&pp->vdev, PARLEY_HOLD_RESET);
}

static pci_ers_result_t parley_pci_error_detected(struct pci_dev *pdev,
						  pci_channel_state_t state)
{
	struct parley_pci *pp = pci_get_drvdata(pdev);

	if (state == pci_channel_io_normal)
		return PCI_ERS_RESULT_CAN_RECOVER;
	if (state == pci_channel_io_perm_failure ||
	    parley_device_freeze(&pp->vdev, PARLEY_HOLD_RESET)) {
		parley_device_surprise(&pp->vdev);
		return PCI_ERS_RESULT_DISCONNECT;
	}
	parley_pci_quiet(pp, PARLEY_HOLD_RESET);
	parley_pci_off(pp);
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t parley_pci_slot_reset(struct pci_dev *pdev)
{
	struct parley_pci *pp = pci_get_drvdata(pdev);
	int err;

	pci_restore_state(pdev);
	pci_save_state(pdev);
	/* Saved while it worked.  One that was not stopped goes on. */
	if (!pp->on)
		pci_clear_master(pdev);
	err = parley_pci_on(pp);
	if (err) {
		pci_err(pdev, "cannot be enabled after a slot reset (%d)\n",
			err);
		/* Nobody calls resume() then, and what is held waits for it. */
		parley_device_surprise(&pp->vdev);
		return PCI_ERS_RESULT_DISCONNECT;
	}
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
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
