// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bus "parley": devices that a transport found meet front-ends here.
 *
 * It is a bus of its own beside the kernel's "virtio", so that both can exist
 * in one running system and a device belongs to one of them at a time.
 */
#include <linux/idr.h>
#include <linux/init.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <parley/export.h>
#include <parley/version.h>
#include "guest.h"

static DEFINE_IDA(parley_numbers);

static bool parley_id_matches(const struct virtio_device_id *want,
			      const struct virtio_device_id *have)
{
	if (want->device != have->device && want->device != VIRTIO_DEV_ANY_ID)
		return false;
	return want->vendor == VIRTIO_DEV_ANY_ID ||
	       want->vendor == have->vendor;
}

static int parley_bus_match(struct device *dev, const struct device_driver *drv)
{
	const struct parley_device *pd = to_parley_device(dev);
	const struct virtio_device_id *id;

	for (id = to_parley_driver(drv)->ids; id->device; id++)
		if (parley_id_matches(id, &pd->id))
			return 1;
	return 0;
}

static int parley_bus_uevent(const struct device *dev,
			     struct kobj_uevent_env *env)
{
	const struct parley_device *pd = to_parley_device(dev);

	return add_uevent_var(env, "MODALIAS=parley:d%08Xv%08X",
			      pd->id.device, pd->id.vendor);
}

static int parley_bus_probe(struct device *dev)
{
	struct parley_vdev *v = to_parley_vdev(to_parley_device(dev));
	int err;

	/* Somebody resets it, or it sleeps.  Holds change under this device lock. */
	if (READ_ONCE(v->m.holds))
		return -EPROBE_DEFER;
	parley_model_open(v);
	err = parley_negotiate(v);
	if (err)
		goto give_up;
	err = parley_driver_of(v)->probe(&v->pd);
	if (err)
		goto give_up;
	parley_device_ready(&v->pd);
	return 0;

give_up:
	parley_give_up(v);
	return err;
}

static void parley_bus_remove(struct device *dev)
{
	struct parley_vdev *v = to_parley_vdev(to_parley_device(dev));

	parley_model_abandon(v);
	/* The front-end frees what config_changed() looks at. */
	parley_config_end(v);
	parley_driver_of(v)->remove(&v->pd);
	parley_device_close(&v->pd);
	parley_queues_drop(v);
	parley_features_set(&v->pd.features, 0, 0);
}

const struct bus_type parley_bus = {
	.name = "parley",
	.match = parley_bus_match,
	.uevent = parley_bus_uevent,
	.probe = parley_bus_probe,
	.remove = parley_bus_remove,
	.dev_groups = parley_device_groups,
};

/**
 * parley_driver_register_owner() - make a front-end known
 * @drv: the front-end; probe, remove and ids are required
 * @owner: its module, which the macro parley_driver_register() adds
 *
 * Context: may sleep; its probe() may be called before this returns.
 * Return: 0; -EINVAL without what is required, or if there is only one of stop
 * and start; another error.
 */
int parley_driver_register_owner(struct parley_driver *drv,
				 struct module *owner)
{
	if (!drv->probe || !drv->remove || !drv->ids ||
	    !drv->stop != !drv->start)
		return -EINVAL;
	drv->driver.bus = &parley_bus;
	drv->driver.owner = owner;
	return driver_register(&drv->driver);
}
PARLEY_EXPORT(parley_driver_register_owner);

/**
 * parley_driver_unregister() - take a front-end back
 * @drv: the front-end; its remove() is called for every device it has
 */
void parley_driver_unregister(struct parley_driver *drv)
{
	driver_unregister(&drv->driver);
}
PARLEY_EXPORT(parley_driver_unregister);

/**
 * parley_device_register() - put a device on the bus
 * @v: zeroed, with id, ops and dev.release filled by the transport
 * @parent: the transport's device
 *
 * A front-end may be bound before this returns.
 *
 * Context: may sleep.
 * Return: 0 or an error; after either, the memory of @v belongs to its reference
 * count: a transport answers an error with put_device(&v->pd.dev).
 */
int parley_device_register(struct parley_vdev *v, struct device *parent)
{
	struct parley_device *pd = &v->pd;
	int err;

	parley_model_init(v);
	pd->dev.bus = &parley_bus;
	pd->dev.parent = parent;
	device_initialize(&pd->dev);
	pd->number = ida_alloc(&parley_numbers, GFP_KERNEL);
	if (pd->number < 0)
		return pd->number;
	err = dev_set_name(&pd->dev, "parley%d", pd->number);
	if (err)
		goto free_number;
	/* Whoever had the device before must not go on using memory. */
	err = parley_status_reset(v);
	if (err) {
		dev_err(parent, "device does not finish a reset (%d)\n", err);
		goto free_number;
	}
	err = device_add(&pd->dev);
	if (err)
		goto free_number;
	return 0;

free_number:
	ida_free(&parley_numbers, pd->number);
	return err;
}
PARLEY_EXPORT(parley_device_register);

/**
 * parley_device_unregister() - take a device off the bus
 * @v: the device; freed by its release() once nobody refers to it, which may
 *	be before this returns
 *
 * Context: may sleep; must not hold the device lock.
 */
void parley_device_unregister(struct parley_vdev *v)
{
	int number = v->pd.number;

	device_del(&v->pd.dev);
	/* They hold references, and the transport's code is in use by them. */
	parley_model_exit(v);
	put_device(&v->pd.dev);
	ida_free(&parley_numbers, number);
}
PARLEY_EXPORT(parley_device_unregister);

/**
 * parley_device_free() - release() for a device at the start of its transport's
 *	object, which came from kmalloc
 * @dev: the device in it
 *
 * An open disk may keep the device longer than its transport's module stays
 * loaded; this module stays as long as a front-end does.
 */
void parley_device_free(struct device *dev)
{
	kfree(to_parley_vdev(to_parley_device(dev)));
}
PARLEY_EXPORT(parley_device_free);

static int __init parley_bus_init(void)
{
	int err = parley_recover_init();

	if (err)
		return err;
	err = bus_register(&parley_bus);
	if (err)
		parley_recover_exit();
	return err;
}
subsys_initcall(parley_bus_init);

static void __exit parley_bus_exit(void)
{
	bus_unregister(&parley_bus);
	parley_recover_exit();
	ida_destroy(&parley_numbers);
}
module_exit(parley_bus_exit);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: guest bus and device model");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
