// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver of NVMe physical functions, and how PCI reaches them.
 *
 * It takes nothing that it was not given: its table of ids is empty, so it binds a
 * function only if driver_override names it (or somebody wrote its ids to new_id).
 */
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <parley/export.h>
#include <parley/version.h>
#include "pf.h"

#define PNV_NAME	"parley_nvme_pf"

/* A physical function, as PCI has it. */
struct pnv {
	struct parley_nvme n;
	struct pci_dev *pdev;
	void __iomem *regs;
};

static struct pnv *to_pnv(struct parley_nvme *n)
{
	return container_of(n, struct pnv, n);
}

/* ------------------------------------------------ how it is reached */

static u32 pnv_pci_read32(struct parley_nvme *n, u32 reg)
{
	return readl(to_pnv(n)->regs + reg);
}

static void pnv_pci_write32(struct parley_nvme *n, u32 reg, u32 value)
{
	writel(value, to_pnv(n)->regs + reg);
}

static void *pnv_pci_alloc(struct parley_nvme *n, size_t size, dma_addr_t *dma)
{
	return dma_alloc_coherent(n->dev, size, dma, GFP_KERNEL);
}

static void pnv_pci_free(struct parley_nvme *n, size_t size, void *memory,
			 dma_addr_t dma)
{
	dma_free_coherent(n->dev, size, memory, dma);
}

static void pnv_pci_master(struct parley_nvme *n, bool on)
{
	if (on)
		pci_set_master(to_pnv(n)->pdev);
	else
		pci_clear_master(to_pnv(n)->pdev);
}

static int pnv_pci_reset(struct parley_nvme *n)
{
	struct pci_dev *pdev = to_pnv(n)->pdev;
	int err;

	err = pcie_reset_flr(pdev, PCI_RESET_PROBE);
	if (err)
		return err;
	pci_save_state(pdev);
	err = pcie_reset_flr(pdev, PCI_RESET_DO_RESET);
	pci_restore_state(pdev);
	return err;
}

static int pnv_pci_vfs_enable(struct parley_nvme *n, unsigned int nr)
{
	return pci_enable_sriov(to_pnv(n)->pdev, nr);
}

static void pnv_pci_vfs_release(struct parley_nvme *n)
{
	struct pci_dev *pdev = to_pnv(n)->pdev, *vf = NULL;

	while ((vf = pci_get_device(pdev->vendor, PCI_ANY_ID, vf)))
		if (vf->is_virtfn && pci_physfn(vf) == pdev)
			device_release_driver(&vf->dev);
}

static void pnv_pci_vfs_disable(struct parley_nvme *n)
{
	pci_disable_sriov(to_pnv(n)->pdev);
}

static const struct parley_nvme_ops pnv_pci_ops = {
	.read32 = pnv_pci_read32,
	.write32 = pnv_pci_write32,
	.alloc = pnv_pci_alloc,
	.free = pnv_pci_free,
	.master = pnv_pci_master,
	.reset = pnv_pci_reset,
	.vfs_enable = pnv_pci_vfs_enable,
	.vfs_release = pnv_pci_vfs_release,
	.vfs_disable = pnv_pci_vfs_disable,
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

static int pnv_map(struct pnv *p)
{
	struct pci_dev *pdev = p->pdev;
	int err = pci_request_mem_regions(pdev, PNV_NAME);

	if (err)
		return err;
	p->regs = pci_ioremap_bar(pdev, 0);
	if (!p->regs)
		pci_release_mem_regions(pdev);
	return p->regs ? 0 : -ENOMEM;
}

static void pnv_unmap(struct pnv *p)
{
	iounmap(p->regs);
	pci_release_mem_regions(p->pdev);
}

static int pnv_on(struct pnv *p)
{
	int err = pci_enable_device_mem(p->pdev);

	if (err)
		return err;
	/* Whoever had it may have left it at work: it is disabled first. */
	pci_clear_master(p->pdev);
	err = dma_set_mask_and_coherent(&p->pdev->dev, DMA_BIT_MASK(64));
	if (!err)
		err = pnv_map(p);
	if (err)
		pci_disable_device(p->pdev);
	return err;
}

static void pnv_off(struct pnv *p)
{
	pnv_unmap(p);
	pci_disable_device(p->pdev);
}

static int pnv_irq_on(struct pnv *p)
{
	int err = pci_alloc_irq_vectors(p->pdev, 1, 1, PCI_IRQ_MSIX);

	if (err < 0) {
		pci_err(p->pdev, "has no MSI-X interrupt: not served (%d)\n", err);
		return err;
	}
	err = pci_request_irq(p->pdev, 0, pnv_irq, NULL, &p->n, PNV_NAME);
	if (err)
		pci_free_irq_vectors(p->pdev);
	return err;
}

static void pnv_irq_off(struct pnv *p)
{
	pci_free_irq(p->pdev, 0, &p->n);
	pci_free_irq_vectors(p->pdev);
}

static int pnv_begin(struct pnv *p)
{
	int err = pnv_irq_on(p);

	if (err)
		return err;
	err = parley_nvme_go_on(&p->n);
	if (err) {
		parley_nvme_pause(&p->n, false);
		pnv_irq_off(p);
	}
	return err;
}

static int pnv_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct pnv *p;
	int err = pnv_acceptable(pdev);

	if (err)
		return err;
	p = kzalloc(sizeof(*p), GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	p->pdev = pdev;
	pci_set_drvdata(pdev, &p->n);
	err = pnv_on(p);
	if (err)
		goto fail;
	err = parley_nvme_init(&p->n, &pdev->dev, &pnv_pci_ops, pci_resource_len(pdev, 0));
	if (err)
		goto fail_on;
	err = pnv_begin(p);
	if (err)
		goto fail_init;
	/* What an error recovery goes back to. */
	pci_save_state(pdev);
	pci_info(pdev, "%s, serial %s: %s\n", p->n.id.model, p->n.id.serial,
		 p->n.virt ?: "can have virtual functions");
	return 0;

fail_init:
	parley_nvme_exit(&p->n);
fail_on:
	pnv_off(p);
fail:
	kfree(p);
	return err;
}

static struct pnv *pnv_get(struct pci_dev *pdev)
{
	return to_pnv(pci_get_drvdata(pdev));
}

static void pnv_remove(struct pci_dev *pdev)
{
	struct pnv *p = pnv_get(pdev);

	/* Pulled without asking: nobody may wait for it. */
	if (!pci_device_is_present(pdev))
		parley_nvme_fail(&p->n, PARLEY_NVME_GONE, "was pulled out");
	parley_nvme_down(&p->n);
	pnv_irq_off(p);
	parley_nvme_exit(&p->n);
	pnv_off(p);
	kfree(p);
}

static void pnv_shutdown(struct pci_dev *pdev)
{
	parley_nvme_pause(&pnv_get(pdev)->n, true);
}

static int pnv_sriov_configure(struct pci_dev *pdev, int nr)
{
	struct parley_nvme *n = &pnv_get(pdev)->n;
	int err = 0;

	if (nr)
		err = parley_nvme_vfs_up(n, nr);
	else
		parley_nvme_vfs_down(n);
	return err ?: nr;
}

/* ------------------------------------- suspend, resets, errors of the bus */

static int pnv_suspend(struct device *dev)
{
	parley_nvme_pause(&pnv_get(to_pci_dev(dev))->n, true);
	return 0;
}

static int pnv_resume(struct device *dev)
{
	return parley_nvme_go_on(&pnv_get(to_pci_dev(dev))->n);
}

static DEFINE_SIMPLE_DEV_PM_OPS(pnv_pm, pnv_suspend, pnv_resume);

static void pnv_reset_prepare(struct pci_dev *pdev)
{
	parley_nvme_pause(&pnv_get(pdev)->n, false);
}

static void pnv_reset_done(struct pci_dev *pdev)
{
	/* What did not work was said, and is to be seen in the file state. */
	parley_nvme_go_on(&pnv_get(pdev)->n);
}

static pci_ers_result_t pnv_error_detected(struct pci_dev *pdev,
					   pci_channel_state_t state)
{
	struct parley_nvme *n = &pnv_get(pdev)->n;

	if (state == pci_channel_io_normal)
		return PCI_ERS_RESULT_CAN_RECOVER;
	if (state == pci_channel_io_perm_failure) {
		parley_nvme_fail(n, PARLEY_NVME_GONE, "is cut off the bus");
		return PCI_ERS_RESULT_DISCONNECT;
	}
	parley_nvme_pause(n, false);
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t pnv_slot_reset(struct pci_dev *pdev)
{
	pci_restore_state(pdev);
	pci_save_state(pdev);
	/* Saved while it worked. */
	pci_clear_master(pdev);
	return parley_nvme_go_on(&pnv_get(pdev)->n) ? PCI_ERS_RESULT_DISCONNECT :
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
