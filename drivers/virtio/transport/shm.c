// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shared-memory transport (Documentation/shm.rst): the driver of QEMU's function
 * ivshmem-doorbell, behind which a program of the host's serves a virtio device.
 *
 * Such a function may be anything, so this driver takes only what was given to it:
 * one whose driver_override names it.
 */
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <parley/export.h>
#include <parley/version.h>
#include "shm.h"

#define PARLEY_SHM_NAME		"parley_shm"
#define PARLEY_SHM_DEVICE	0x1110	/* ivshmem */
#define PARLEY_SHM_BAR_REGS	0
#define PARLEY_SHM_BAR_MEMORY	2

/*
 * The memory is RAM of the host's, and a processor may cache it, whatever firmware
 * said of the place where it lies.
 */
static int parley_shm_map_bars(struct parley_shmem *sh)
{
	struct pci_dev *pdev = sh->pdev;
	int nr = pci_msix_vec_count(pdev);

	sh->len = pci_resource_len(pdev, PARLEY_SHM_BAR_MEMORY);
	if (nr < 2 || sh->len < PARLEY_SHM_HEADER ||
	    pci_resource_len(pdev, PARLEY_SHM_BAR_REGS) < PARLEY_SHM_REGISTERS) {
		pci_err(pdev, "two vectors or more, and memory, are needed (QEMU: ivshmem-doorbell,vectors=)\n");
		return -ENODEV;
	}
	sh->nr_vectors = nr;
	sh->regs = pci_iomap(pdev, PARLEY_SHM_BAR_REGS, 0);
	sh->h = memremap(pci_resource_start(pdev, PARLEY_SHM_BAR_MEMORY), sh->len,
			 MEMREMAP_WB);
	return sh->regs && sh->h ? 0 : -ENOMEM;
}

static int parley_shm_make_pool(struct parley_shmem *sh)
{
	u64 at = ALIGN((u64)sh->header, PAGE_SIZE);
	u8 *base = (u8 *)sh->h + at;

	if (at >= sh->len)
		return -EINVAL;
	sh->mem = (struct parley_mem) {
		.ops = &parley_shm_mem_ops, .priv = &sh->pool,
	};
	return parley_shm_pool_init(&sh->pool, base, at, sh->len - at);
}

/* Undoes as much as was done. */
static void parley_shm_close(struct parley_shmem *sh)
{
	parley_shm_pool_exit(&sh->pool);
	if (sh->h)
		memunmap(sh->h);
	if (sh->regs)
		pci_iounmap(sh->pdev, sh->regs);
	sh->h = NULL;
	sh->regs = NULL;
	pci_clear_master(sh->pdev);
	pci_release_regions(sh->pdev);
	pci_disable_device(sh->pdev);
}

static int parley_shm_open(struct parley_shmem *sh)
{
	struct pci_dev *pdev = sh->pdev;
	int err = pci_enable_device(pdev);

	if (err)
		return err;
	err = pci_request_regions(pdev, PARLEY_SHM_NAME);
	if (err) {
		pci_disable_device(pdev);
		return err;
	}
	err = parley_shm_map_bars(sh);
	if (!err) {
		err = parley_shm_learn(sh);
		if (err)
			pci_err(pdev, "no device in its memory that this driver knows (%d)\n",
				err);
	}
	if (!err)
		err = parley_shm_make_pool(sh);
	if (err)
		parley_shm_close(sh);
	else
		/* For its interrupts; it reaches no memory but its own. */
		pci_set_master(pdev);
	return err;
}

static int parley_shm_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct parley_shmem *sh = kzalloc(sizeof(*sh), GFP_KERNEL);
	int err;

	if (!sh)
		return -ENOMEM;
	sh->pdev = pdev;
	err = parley_shm_open(sh);
	if (err) {
		kfree(sh);
		return err;
	}
	BUILD_BUG_ON(offsetof(struct parley_shmem, vdev));
	sh->vdev.ops = &parley_shm_ops;
	sh->vdev.pd.dev.release = parley_device_free;
	pci_set_drvdata(pdev, sh);
	err = parley_device_register(&sh->vdev, &pdev->dev);
	if (err) {
		parley_shm_close(sh);
		put_device(&sh->vdev.pd.dev);
	}
	return err;
}

static void parley_shm_remove(struct pci_dev *pdev)
{
	struct parley_shmem *sh = pci_get_drvdata(pdev);
	struct device *dev = get_device(&sh->vdev.pd.dev);

	/* Pulled without asking: nothing may wait for it any more. */
	if (!pci_device_is_present(pdev))
		parley_device_surprise(&sh->vdev);
	parley_device_unregister(&sh->vdev);
	parley_shm_close(sh);
	put_device(dev);
}

static void parley_shm_shutdown(struct pci_dev *pdev)
{
	struct parley_shmem *sh = pci_get_drvdata(pdev);

	parley_device_shutdown(&sh->vdev);
}

static int parley_shm_suspend(struct device *dev)
{
	struct parley_shmem *sh = dev_get_drvdata(dev);

	return parley_device_freeze(&sh->vdev, PARLEY_HOLD_SLEEP);
}

static int parley_shm_resume(struct device *dev)
{
	struct parley_shmem *sh = dev_get_drvdata(dev);

	return parley_device_restore(&sh->vdev, PARLEY_HOLD_SLEEP);
}

static DEFINE_SIMPLE_DEV_PM_OPS(parley_shm_pm, parley_shm_suspend,
				parley_shm_resume);

/* As parley_pci_ids: matches what its driver_override gives us, and nothing else. */
static const struct pci_device_id parley_shm_ids[] = {
	{ PCI_DEVICE_DRIVER_OVERRIDE(PCI_VENDOR_ID_REDHAT_QUMRANET,
				     PARLEY_SHM_DEVICE, true) },
	{ }
};

static struct pci_driver parley_shm_driver = {
	.name = PARLEY_SHM_NAME,
	.id_table = parley_shm_ids,
	.probe = parley_shm_probe,
	.remove = parley_shm_remove,
	.shutdown = parley_shm_shutdown,
	.driver.pm = pm_sleep_ptr(&parley_shm_pm),
};
module_pci_driver(parley_shm_driver);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: virtio over shared memory (ivshmem-doorbell)");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
