// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver of NVMe virtual functions.
 *
 * It takes nothing that it was not given: its table of ids is empty, so it binds a
 * function only if driver_override names it (or somebody wrote its ids to new_id).
 *
 * A function that is bound was handed out once, to see that it can be, and was taken
 * back; then it is offered to who wants functions.
 */
#include <linux/cleanup.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <parley/export.h>
#include <parley/version.h>
#include "vf.h"

#define PVF_NAME	"parley_nvme_vf"

/* An interrupt: the admin queue's, or one of as many as there are other queues. */
struct pvf_vector {
	struct parley_nvme_vf *vf;
	unsigned int nr;
};

/* A virtual function, as PCI has it; sysfs.c knows the first alone. */
struct pvf {
	struct parley_nvme_vf vf;
	struct pvf_vector vector[PARLEY_NVME_IO_QUEUES + 1];
	struct device_link *link;
};

static_assert(!offsetof(struct pvf, vf));

static struct pvf *pvf_of(struct device *dev)
{
	return dev_get_drvdata(dev);
}

static struct pci_dev *to_pdev(const struct pvf *p)
{
	return to_pci_dev(p->vf.n.dev);
}

/* --------------------------------------------------------- interrupts */

/* A message interrupt is nobody else's, and one too many does no harm. */
static irqreturn_t pvf_irq(int irq, void *cookie)
{
	struct pvf_vector *vector = cookie;

	parley_nvme_vf_interrupt(vector->vf, vector->nr);
	return IRQ_HANDLED;
}

static void pvf_irq_free(struct pvf *p, unsigned int nr)
{
	if (!parley_life_undo(&p->vf.life, PARLEY_LIFE_INTERRUPTS))
		return;
	while (nr--)
		pci_free_irq(to_pdev(p), nr, &p->vector[nr]);
	pci_free_irq_vectors(to_pdev(p));
}

static int pvf_irq_on(struct pvf *p)
{
	int err = parley_life_do(&p->vf.life, PARLEY_LIFE_INTERRUPTS), nr, i;

	if (err)
		return err;
	nr = pci_alloc_irq_vectors(to_pdev(p), 1, ARRAY_SIZE(p->vector), PCI_IRQ_MSIX);
	if (nr < 0) {
		pci_err(to_pdev(p), "has no MSI-X interrupt: not served (%d)\n", nr);
		parley_life_undo(&p->vf.life, PARLEY_LIFE_INTERRUPTS);
		return nr;
	}
	for (i = 0; i < nr; i++) {
		p->vector[i] = (struct pvf_vector) { &p->vf, i };
		err = pci_request_irq(to_pdev(p), i, pvf_irq, NULL, &p->vector[i],
				      PVF_NAME ":%d", i);
		if (err) {
			pvf_irq_free(p, i);
			return err;
		}
	}
	p->vf.vectors = nr;
	return 0;
}

/* --------------------------------------------------- bind and unbind */

static int pvf_acceptable(struct pci_dev *pdev)
{
	if (pdev->class == PCI_CLASS_STORAGE_EXPRESS && pdev->is_virtfn)
		return 0;
	pci_err(pdev, "is no NVMe virtual function\n");
	return -ENODEV;
}

/* That it can be handed out is seen by doing so. */
static int pvf_try(struct pvf *p)
{
	int err = pvf_irq_on(p);

	if (err)
		return err;
	err = parley_nvme_vf_up(&p->vf);
	if (err) {
		pvf_irq_free(p, p->vf.vectors);
		return err;
	}
	parley_nvme_vf_down(&p->vf);
	pci_info(to_pdev(p), "namespace %u, %llu blocks of %u bytes, %u queues, %u interrupts\n",
		 p->vf.nsid, p->vf.ns.blocks, p->vf.ns.block_size, p->vf.most_queues,
		 p->vf.vectors);
	return 0;
}

static int pvf_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct pvf *p;
	int err = pvf_acceptable(pdev);

	if (err)
		return err;
	p = kzalloc(sizeof(*p), GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	pci_set_drvdata(pdev, p);
	/* It wakes after the physical function, which brings it online again. */
	p->link = device_link_add(&pdev->dev, &pci_physfn(pdev)->dev, DL_FLAG_STATELESS);
	if (!p->link) {
		err = -ENOMEM;
		goto fail;
	}
	err = parley_nvme_pci_on(&p->vf.n, pdev, PVF_NAME);
	if (err)
		goto fail_link;
	err = parley_nvme_vf_init(&p->vf, &pdev->dev, &parley_nvme_pci_ops,
				  pci_resource_len(pdev, 0));
	if (err)
		goto fail_on;
	p->vf.family = pci_physfn(pdev);
	err = pvf_try(p);
	if (err)
		goto fail_init;
	parley_nvme_vf_bound(&p->vf);
	return 0;

fail_init:
	parley_nvme_vf_exit(&p->vf);
fail_on:
	parley_nvme_pci_off(&p->vf.n, pdev);
fail_link:
	device_link_del(p->link);
fail:
	kfree(p);
	return err;
}

static void pvf_remove(struct pci_dev *pdev)
{
	struct pvf *p = pci_get_drvdata(pdev);

	parley_nvme_vf_unbound(&p->vf);
	pvf_irq_free(p, p->vf.vectors);
	parley_nvme_vf_exit(&p->vf);
	parley_nvme_pci_off(&p->vf.n, pdev);
	device_link_del(p->link);
	kfree(p);
}

/* Whoever resets it or takes its power: what is in flight ends before, see again.c. */

static void pvf_shutdown(struct pci_dev *pdev)
{
	parley_nvme_vf_pause(&pvf_of(&pdev->dev)->vf, true);
}

static int pvf_suspend(struct device *dev)
{
	parley_nvme_vf_pause(&pvf_of(dev)->vf, true);
	return 0;
}

/* What does not work was said, and is to be seen in the file state. */
static int pvf_resume(struct device *dev)
{
	parley_nvme_vf_resume(&pvf_of(dev)->vf);
	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(pvf_pm, pvf_suspend, pvf_resume);

static void pvf_reset_prepare(struct pci_dev *pdev)
{
	parley_nvme_vf_pause(&pvf_of(&pdev->dev)->vf, true);
}

static void pvf_reset_done(struct pci_dev *pdev)
{
	parley_nvme_vf_resume(&pvf_of(&pdev->dev)->vf);
}

static const struct pci_error_handlers pvf_error_handlers = {
	.reset_prepare = pvf_reset_prepare,
	.reset_done = pvf_reset_done,
};

static struct pci_driver pvf_driver = {
	.name = PVF_NAME,
	.probe = pvf_probe,
	.remove = pvf_remove,
	.shutdown = pvf_shutdown,
	.err_handler = &pvf_error_handlers,
	.dev_groups = parley_nvme_vf_groups,
	.driver.pm = pm_sleep_ptr(&pvf_pm),
};
module_pci_driver(pvf_driver);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: NVMe virtual functions");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
