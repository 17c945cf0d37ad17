// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which functions can be given to a guest: rule 12 of Documentation/vfio-gate.rst.  What is
 * unmapped must be out of the function's reach at once, and what never was mapped as well.
 */
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <parley/compat.h>
#include "mdev.h"

static bool unsafe_iommu;
module_param(unsafe_iommu, bool, 0444);
MODULE_PARM_DESC(unsafe_iommu, "also give guests functions that no IOMMU keeps from memory of others, or not at once");

/**
 * parley_mdev_iommu_lack() - why an IOMMU does not keep a function from others' memory
 * @domain: what the function is in, or NULL
 *
 * Context: any.
 * Return: why, or NULL: it does so.
 */
const char *parley_mdev_iommu_lack(const struct iommu_domain *domain)
{
	if (!domain)
		return "there is no IOMMU";
	if (domain->type == IOMMU_DOMAIN_IDENTITY)
		return "its IOMMU lets it reach all memory (identity)";
	if (domain->type == IOMMU_DOMAIN_DMA_FQ)
		return "its IOMMU forgets late what it must not reach any more (DMA-FQ)";
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_iommu_lack);

/**
 * parley_mdev_iommu_check() - whether a function may be given to a guest
 * @dev: the function
 *
 * The log has the reason if it may not, and what can be done.
 *
 * Context: process context.
 * Return: 0 or -EPERM.
 */
int parley_mdev_iommu_check(struct device *dev)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);
	const char *lack = parley_mdev_iommu_lack(domain);

	if (!lack)
		return 0;
	if (unsafe_iommu) {
		dev_warn_ratelimited(dev, "%s: what it does to memory of others, nobody sees\n",
				     lack);
		return 0;
	}
	dev_err_ratelimited(dev, "%s: not given to a guest\n", lack);
	if (domain)
		dev_err_ratelimited(dev, "unbind it, echo DMA >/sys/bus/pci/devices/%s/iommu_group/type, and bind it again; or boot with iommu.strict=1 iommu.passthrough=0\n",
				    dev_name(dev));
	else
		dev_err_ratelimited(dev, "switch the IOMMU on (intel_iommu=on); or, if its firmware may reach all memory: modprobe parley_nvme_mdev unsafe_iommu=1\n");
	return -EPERM;
}
