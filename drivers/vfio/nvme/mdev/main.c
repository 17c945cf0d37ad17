// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mediated devices: each function that our driver has can be one.
 *
 * A function is a parent as long as it is bound.  The device is made, opened and
 * closed any number of times, by one user at a time; it is gone, and its user with
 * it, before the function goes.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <parley/export.h>
#include <parley/version.h>
#include "mdev.h"

#define PARLEY_MDEV_NAME	"parley_nvme_mdev"

/* ------------------------------------------------------------ devices */

static int parley_mdev_probe(struct mdev_device *mdev)
{
	struct parley_mdev *m;
	int err;

	m = vfio_alloc_device(parley_mdev, vdev, &mdev->dev, &parley_mdev_vfio_ops);
	if (IS_ERR(m))
		return PTR_ERR(m);
	err = vfio_register_emulated_iommu_dev(&m->vdev);
	if (err) {
		vfio_put_device(&m->vdev);
		return err;
	}
	dev_set_drvdata(&mdev->dev, m);
	return 0;
}

static void parley_mdev_remove(struct mdev_device *mdev)
{
	struct parley_mdev *m = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&m->vdev);
	vfio_put_device(&m->vdev);
}

static ssize_t parley_mdev_description(struct mdev_type *type, char *buf)
{
	return sysfs_emit(buf, "an NVMe disk: %s\n", parley_mdev_kind_of(type)->text);
}

static struct mdev_driver parley_mdev_driver = {
	.device_api = VFIO_DEVICE_API_PCI_STRING,
	.max_instances = 1,
	.probe = parley_mdev_probe,
	.remove = parley_mdev_remove,
	.show_description = parley_mdev_description,
	.driver = {
		.name = PARLEY_MDEV_NAME,
		.owner = THIS_MODULE,
		.mod_name = KBUILD_MODNAME,
		.dev_groups = parley_mdev_groups,
	},
};

/* ------------------------------------------------------------ parents */

/* Each type has the default policy until another one is written. */
static int parley_mdev_policies(struct parley_mdev_parent *p)
{
	const char *names[PARLEY_MDEV_TYPES];
	unsigned int i;

	for (i = 0; i < p->types.nr; i++)
		names[i] = p->types.list[i]->sysfs_name;
	p->policies = parley_policy_folder_add(&p->vf->n.dev->kobj, &parley_emu_language,
					       parley_emu_default_policy, names,
					       p->types.nr);
	return PTR_ERR_OR_ZERO(p->policies);
}

static int parley_mdev_register(struct parley_mdev_parent *p)
{
	struct device *dev = p->vf->n.dev;
	int err = parley_mdev_policies(p);

	if (err)
		return err;
	err = mdev_register_parent(&p->parent, dev, &parley_mdev_driver, p->types.list,
				   p->types.nr);
	if (err)
		parley_policy_folder_remove(p->policies);
	return err;
}

static int parley_mdev_add(struct parley_nvme_vf *vf)
{
	int err = parley_mdev_iommu_check(vf->n.dev);
	struct parley_mdev_parent *p;

	if (err)
		return err;
	p = kzalloc(sizeof(*p), GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	p->vf = vf;
	p->drive = parley_mdev_drive_get(&pci_physfn(to_pci_dev(vf->n.dev))->dev);
	if (!p->drive) {
		kfree(p);
		return -ENOMEM;
	}
	parley_mdev_types_fill(&p->types, vf->most_queues);
	err = parley_mdev_register(p);
	if (err) {
		dev_err(vf->n.dev, "cannot be a mediated device (%d)\n", err);
		parley_mdev_drive_put(p->drive);
		kfree(p);
		return err;
	}
	vf->user_data = p;
	return 0;
}

static void parley_mdev_leave(struct parley_nvme_vf *vf)
{
	struct parley_mdev_parent *p = vf->user_data;

	vf->user_data = NULL;
	mdev_unregister_parent(&p->parent);
	parley_policy_folder_remove(p->policies);
	parley_mdev_drive_put(p->drive);
	kfree(p);
}

static const struct parley_nvme_vf_user parley_mdev_user = {
	.add = parley_mdev_add,
	.remove = parley_mdev_leave,
};

/* ------------------------------------------------------------- module */

static int __init parley_mdev_start(void)
{
	int err = mdev_register_driver(&parley_mdev_driver);

	if (err)
		return err;
	err = parley_nvme_vf_user_register(&parley_mdev_user);
	if (err)
		mdev_unregister_driver(&parley_mdev_driver);
	return err;
}
module_init(parley_mdev_start);

static void __exit parley_mdev_stop(void)
{
	parley_nvme_vf_user_unregister(&parley_mdev_user);
	mdev_unregister_driver(&parley_mdev_driver);
}
module_exit(parley_mdev_stop);

PARLEY_IMPORT;
MODULE_IMPORT_NS("IOMMUFD");
MODULE_DESCRIPTION("Parley: NVMe virtual functions as mediated devices");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
