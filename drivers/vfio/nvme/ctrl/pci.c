// SPDX-License-Identifier: GPL-2.0-only
/* How controllers are reached by PCI. */
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/pci.h>
#include <parley/export.h>
#include "ctrl.h"

static u32 pnc_pci_read32(struct parley_nvme *n, u32 reg)
{
	return readl(n->regs + reg);
}

static void pnc_pci_write32(struct parley_nvme *n, u32 reg, u32 value)
{
	writel(value, n->regs + reg);
}

static void *pnc_pci_alloc(struct parley_nvme *n, size_t size, dma_addr_t *dma)
{
	return dma_alloc_coherent(n->dev, size, dma, GFP_KERNEL);
}

static void pnc_pci_free(struct parley_nvme *n, size_t size, void *memory, dma_addr_t dma)
{
	dma_free_coherent(n->dev, size, memory, dma);
}

static void pnc_pci_master(struct parley_nvme *n, bool on)
{
	if (on)
		pci_set_master(to_pci_dev(n->dev));
	else
		pci_clear_master(to_pci_dev(n->dev));
}

/*
 * What was written to a virtual function is lost if the physical one is reset, and PCI
 * writes only the latter's again.  Its registers are to be there before it is saved: so
 * are its interrupts then, when it is restored.
 */
static void pnc_pci_reappear(struct pci_dev *pdev)
{
	u16 command;

	pci_read_config_word(pdev, PCI_COMMAND, &command);
	if (!(command & PCI_COMMAND_MEMORY))
		pci_write_config_word(pdev, PCI_COMMAND, command | PCI_COMMAND_MEMORY);
}

/* What PCI waits for after a reset, for a minute if it does not come. */
static bool pnc_pci_present(struct parley_nvme *n)
{
	u32 command;

	pci_read_config_dword(to_pci_dev(n->dev), PCI_COMMAND, &command);
	return !PCI_POSSIBLE_ERROR(command);
}

/* The device lock is held by who calls. */
static int pnc_pci_reset(struct parley_nvme *n)
{
	struct pci_dev *pdev = to_pci_dev(n->dev);
	int err;

	err = pcie_reset_flr(pdev, PCI_RESET_PROBE);
	if (err)
		return err;
	pnc_pci_reappear(pdev);
	pci_save_state(pdev);
	err = pcie_reset_flr(pdev, PCI_RESET_DO_RESET);
	pci_restore_state(pdev);
	return err;
}

const struct parley_nvme_ops parley_nvme_pci_ops = {
	.read32 = pnc_pci_read32,
	.write32 = pnc_pci_write32,
	.alloc = pnc_pci_alloc,
	.free = pnc_pci_free,
	.master = pnc_pci_master,
	.present = pnc_pci_present,
	.reset = pnc_pci_reset,
};
PARLEY_EXPORT(parley_nvme_pci_ops);

static int pnc_map(struct parley_nvme *n, struct pci_dev *pdev, const char *name)
{
	int err = pci_request_mem_regions(pdev, name);

	if (err)
		return err;
	n->regs = pci_ioremap_bar(pdev, 0);
	if (!n->regs)
		pci_release_mem_regions(pdev);
	return n->regs ? 0 : -ENOMEM;
}

/**
 * parley_nvme_pci_on() - registers that can be reached
 * @n: the controller, zeroed
 * @pdev: its function, which reaches no memory from now on
 * @name: whose its registers are
 *
 * Context: process context; device lock held by the caller; may sleep.
 * Return: 0 or an error.
 */
int parley_nvme_pci_on(struct parley_nvme *n, struct pci_dev *pdev, const char *name)
{
	int err = pci_enable_device_mem(pdev);

	if (err)
		return err;
	/* Whoever had it may have left it at work: it is disabled first. */
	pci_clear_master(pdev);
	err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (!err)
		err = pnc_map(n, pdev, name);
	if (err)
		pci_disable_device(pdev);
	return err;
}
PARLEY_EXPORT(parley_nvme_pci_on);

/**
 * parley_nvme_pci_off() - the mirror of parley_nvme_pci_on()
 * @n: the controller
 * @pdev: its function
 *
 * Context: process context; device lock held by the caller; may sleep.
 */
void parley_nvme_pci_off(struct parley_nvme *n, struct pci_dev *pdev)
{
	iounmap(n->regs);
	pci_release_mem_regions(pdev);
	pci_disable_device(pdev);
}
PARLEY_EXPORT(parley_nvme_pci_off);
