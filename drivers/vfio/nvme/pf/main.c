// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver of NVMe physical functions, and how PCI reaches them.
 *
 * It takes nothing that it was not given: its table of ids is empty, so it binds a
 * function only if driver_override names it (or somebody wrote its ids to new_id).
 */
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <parley/export.h>
#include <parley/version.h>
#include "pf.h"

#define PNV_NAME	"parley_nvme_pf"

static struct pci_dev *to_pdev(struct parley_nvme_pf *pf)
{
	return to_pci_dev(pf->n.dev);
}

/* ------------------------------------------------ how it is reached */

static int pnv_pci_vfs_enable(struct parley_nvme_pf *pf, unsigned int nr)
{
	return pci_enable_sriov(to_pdev(pf), nr);
}

static void pnv_pci_vfs_release(struct parley_nvme_pf *pf)
{
	struct pci_dev *pdev = to_pdev(pf), *vf = NULL;

	while ((vf = pci_get_device(pdev->vendor, PCI_ANY_ID, vf)))
		if (vf->is_virtfn && pci_physfn(vf) == pdev)
			device_release_driver(&vf->dev);
}

static void pnv_pci_vfs_disable(struct parley_nvme_pf *pf)
{
	pci_disable_sriov(to_pdev(pf));
}

static bool pnv_pci_vf_bound(struct parley_nvme_pf *pf, unsigned int number)
{
	struct pci_dev *pdev = to_pdev(pf), *vf = NULL;
	bool bound = false;

	while ((vf = pci_get_device(pdev->vendor, PCI_ANY_ID, vf)))
		if (vf->is_virtfn && pci_physfn(vf) == pdev &&
		    pci_iov_vf_id(vf) == number - 1)
			bound = READ_ONCE(vf->dev.driver);
	return bound;
}

static const struct parley_nvme_pf_ops pnv_pci_pf_ops = {
	.owner = THIS_MODULE,
	.vfs_enable = pnv_pci_vfs_enable,
	.vfs_release = pnv_pci_vfs_release,
	.vfs_disable = pnv_pci_vfs_disable,
	.vf_bound = pnv_pci_vf_bound,
};

/* A message interrupt is nobody else's, and one too many does no harm. */
static irqreturn_t pnv_irq(int irq, void *cookie)
{
	parley_nvme_reap(cookie);
	return IRQ_HANDLED;
}

/* --------------------------------------------------- bind and unbind */

static int pnv_acceptable(struct pci_dev *pdev)
{
	if (pdev->class != PCI_CLASS_STORAGE_EXPRESS || pdev->is_virtfn) {
		pci_err(pdev, "is no NVMe physical function\n");
		return -ENODEV;
	}
	if (pci_num_vf(pdev)) {
		pci_err(pdev, "has virtual functions of another driver: write 0 to sriov_numvfs before it is unbound from that\n");
		return -EBUSY;
	}
	return 0;
}

static int pnv_irq_on(struct parley_nvme_pf *pf)
{
	int err = pci_alloc_irq_vectors(to_pdev(pf), 1, 1, PCI_IRQ_MSIX);

	if (err < 0) {
		pci_err(to_pdev(pf), "has no MSI-X interrupt: not served (%d)\n", err);
		return err;
	}
	err = pci_request_irq(to_pdev(pf), 0, pnv_irq, NULL, &pf->n, PNV_NAME);
	if (err)
		pci_free_irq_vectors(to_pdev(pf));
	return err;
}

static void pnv_irq_off(struct parley_nvme_pf *pf)
{
	pci_free_irq(to_pdev(pf), 0, &pf->n);
	pci_free_irq_vectors(to_pdev(pf));
}

static int pnv_begin(struct parley_nvme_pf *pf)
{
	int err = pnv_irq_on(pf);

	if (err)
		return err;
	err = parley_pf_go_on(pf);
	if (err) {
		parley_pf_pause(pf, false);
		pnv_irq_off(pf);
	}
	return err;
}

static int pnv_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct parley_nvme_pf *pf;
	int err = pnv_acceptable(pdev);

	if (err)
		return err;
	pf = kzalloc(sizeof(*pf), GFP_KERNEL);
	if (!pf)
		return -ENOMEM;
	pci_set_drvdata(pdev, pf);
	err = parley_nvme_pci_on(&pf->n, pdev, PNV_NAME);
	if (err)
		goto fail;
	err = parley_pf_init(pf, &pdev->dev, &parley_nvme_pci_ops, &pnv_pci_pf_ops,
			     pci_resource_len(pdev, 0));
	if (err)
		goto fail_on;
	err = pnv_begin(pf);
	if (err)
		goto fail_init;
	/* What an error recovery goes back to. */
	pci_save_state(pdev);
	pci_info(pdev, "%s, serial %s: %s\n", pf->n.id.model, pf->n.id.serial,
		 pf->virt ?: "can have virtual functions");
	return 0;

fail_init:
	parley_nvme_exit(&pf->n);
fail_on:
	parley_nvme_pci_off(&pf->n, pdev);
fail:
	kfree(pf);
	return err;
}

static struct parley_nvme_pf *pnv_get(struct pci_dev *pdev)
{
	return pci_get_drvdata(pdev);
}

static void pnv_remove(struct pci_dev *pdev)
{
	struct parley_nvme_pf *pf = pnv_get(pdev);

	/* Pulled without asking: nobody may wait for it. */
	if (!pci_device_is_present(pdev))
		parley_nvme_fail(&pf->n, PARLEY_NVME_GONE, "was pulled out");
	parley_pf_down(pf);
	pnv_irq_off(pf);
	parley_nvme_exit(&pf->n);
	parley_nvme_pci_off(&pf->n, pdev);
	kfree(pf);
}

static void pnv_shutdown(struct pci_dev *pdev)
{
	parley_pf_pause(pnv_get(pdev), true);
}

static int pnv_sriov_configure(struct pci_dev *pdev, int nr)
{
	struct parley_nvme_pf *pf = pnv_get(pdev);
	int err = 0;

	if (nr)
		err = parley_pf_vfs_up(pf, nr);
	else
		parley_pf_vfs_down(pf);
	return err ?: nr;
}

/* ------------------------------------- suspend, resets, errors of the bus */

static int pnv_suspend(struct device *dev)
{
	parley_pf_pause(pnv_get(to_pci_dev(dev)), true);
	return 0;
}

static int pnv_resume(struct device *dev)
{
	return parley_pf_go_on(pnv_get(to_pci_dev(dev)));
}

static DEFINE_SIMPLE_DEV_PM_OPS(pnv_pm, pnv_suspend, pnv_resume);

static void pnv_reset_prepare(struct pci_dev *pdev)
{
	parley_pf_pause(pnv_get(pdev), false);
}

static void pnv_reset_done(struct pci_dev *pdev)
{
	/* What did not work was said, and is to be seen in the file state. */
	parley_pf_go_on(pnv_get(pdev));
}

static pci_ers_result_t pnv_error_detected(struct pci_dev *pdev,
					   pci_channel_state_t state)
{
	struct parley_nvme_pf *pf = pnv_get(pdev);

	if (state == pci_channel_io_normal)
		return PCI_ERS_RESULT_CAN_RECOVER;
	if (state == pci_channel_io_perm_failure) {
		parley_nvme_fail(&pf->n, PARLEY_NVME_GONE, "is cut off the bus");
		return PCI_ERS_RESULT_DISCONNECT;
	}
	parley_pf_pause(pf, false);
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t pnv_slot_reset(struct pci_dev *pdev)
{
	pci_restore_state(pdev);
	pci_save_state(pdev);
	/* Saved while it worked. */
	pci_clear_master(pdev);
	return parley_pf_go_on(pnv_get(pdev)) ? PCI_ERS_RESULT_DISCONNECT :
						      PCI_ERS_RESULT_RECOVERED;
}

static const struct pci_error_handlers pnv_error_handlers = {
	.error_detected = pnv_error_detected,
	.slot_reset = pnv_slot_reset,
	.reset_prepare = pnv_reset_prepare,
	.reset_done = pnv_reset_done,
};

static struct pci_driver pnv_driver = {
	.name = PNV_NAME,
	.probe = pnv_probe,
	.remove = pnv_remove,
	.shutdown = pnv_shutdown,
	.sriov_configure = pnv_sriov_configure,
	.err_handler = &pnv_error_handlers,
	.dev_groups = parley_nvme_groups,
	.driver.pm = pm_sleep_ptr(&pnv_pm),
};
module_pci_driver(pnv_driver);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: NVMe physical functions and their virtual functions");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
