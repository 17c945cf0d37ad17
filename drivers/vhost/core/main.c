// SPDX-License-Identifier: GPL-2.0-only
/*
 * The library as a module: accelerators come and go here, and each has its
 * character device.
 *
 * An open file holds the accelerator's module (the file operations are its own
 * copy, with its owner), and so does every device, for longer.  An accelerator
 * holds this module, since it uses its symbols.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <parley/version.h>

#include "dev.h"
#include "ioctl.h"
#include "iotlb.h"
#include "limit.h"
#include "netlink.h"
#include "pool.h"
#include "state.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/**
 * struct vh_driver - a registered accelerator
 * @drv: as it registered
 * @misc: its character device
 * @fops: with its module as owner
 * @name: of the device node
 * @entry: in the list of all
 */
struct vh_driver {
	const struct parley_vhost_driver *drv;
	struct miscdevice misc;
	struct file_operations fops;
	char name[32];
	struct list_head entry;
};

/* Under parley_vhost_registry_lock. */
static LIST_HEAD(drivers);

/* -------------------------------------------------------- character device */

static int vh_fop_open(struct inode *inode, struct file *file)
{
	struct vh_driver *d = container_of(file->private_data, struct vh_driver,
					   misc);
	struct parley_vhost *dev = vh_dev_create(d->drv, false);

	if (IS_ERR(dev))
		return PTR_ERR(dev);
	file->private_data = dev;
	return 0;
}

static int vh_fop_release(struct inode *inode, struct file *file)
{
	vh_dev_release(file->private_data);
	return 0;
}

static long vh_fop_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return vh_ioctl(file->private_data, cmd, arg);
}

static ssize_t vh_fop_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct parley_vhost *dev = iocb->ki_filp->private_data;

	return vh_iotlb_read(&dev->iotlb, to,
			     iocb->ki_filp->f_flags & O_NONBLOCK ||
			     iocb->ki_flags & IOCB_NOWAIT);
}

static ssize_t vh_fop_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return vh_iotlb_write(iocb->ki_filp->private_data, from);
}

static __poll_t vh_fop_poll(struct file *file, poll_table *wait)
{
	struct parley_vhost *dev = file->private_data;

	return vh_iotlb_poll(&dev->iotlb, file, wait);
}

/* What the file is, by the kernel's word: for who finds it in a process' hands. */
static void vh_fop_show_fdinfo(struct seq_file *m, struct file *file)
{
	const struct parley_vhost *dev = file->private_data;

	seq_printf(m, "parley-vhost:\t%s %u\n", dev->drv->name, parley_vhost_id(dev));
}

static const struct file_operations dev_fops = {
	.open = vh_fop_open,
	.release = vh_fop_release,
	.unlocked_ioctl = vh_fop_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.read_iter = vh_fop_read_iter,
	.write_iter = vh_fop_write_iter,
	.poll = vh_fop_poll,
	.show_fdinfo = vh_fop_show_fdinfo,
	.llseek = noop_llseek,
};

/**
 * parley_vhost_from_file() - the device behind an open file
 * @file: any file
 *
 * Return: the device, valid as long as the file; NULL if it is none of ours.
 */
struct parley_vhost *parley_vhost_from_file(struct file *file)
{
	return file->f_op->unlocked_ioctl == vh_fop_ioctl ? file->private_data :
	       NULL;
}
PARLEY_EXPORT(parley_vhost_from_file);

/* ------------------------------------------------------------ accelerators */

static struct vh_driver *vh_accelerator_find(const char *name)
{
	struct vh_driver *d;

	lockdep_assert_held(&parley_vhost_registry_lock);
	list_for_each_entry(d, &drivers, entry)
		if (!strcmp(d->drv->name, name))
			return d;
	return NULL;
}

static bool vh_queue_sane(const struct parley_vhost_queue_ops *ops)
{
	if (!ops || !ops->max_in_flight || !ops->pieces ||
	    ops->pieces > PARLEY_VHOST_PIECES ||
	    ops->req_size < sizeof(struct parley_vhost_req))
		return false;
	/* What is pulled has no steps, and nothing of it is taken unasked. */
	return ops->submit || (ops->work && !ops->go_on && !ops->poll && !ops->max_bytes);
}

static bool vh_accelerator_sane(const struct parley_vhost_driver *drv)
{
	unsigned int i;

	if (!drv->name || !drv->queue || !drv->max_queues ||
	    drv->usual_queues > drv->max_queues ||
	    (drv->config_size && !drv->config_read))
		return false;
	for (i = 0; i < drv->max_queues; i++)
		if (!vh_queue_sane(drv->queue(i)))
			return false;
	return true;
}

/**
 * parley_vhost_register() - here is an accelerator
 * @drv: what it is; must stay until parley_vhost_unregister()
 *
 * Makes /dev/parley-NAME.  Context: may sleep.
 *
 * Return: 0; -EINVAL for one that is incomplete; -EEXIST if there is one of
 * that name; -ENOMEM or what misc_register() says.
 */
int parley_vhost_register(const struct parley_vhost_driver *drv)
{
	struct vh_driver *d;
	int err;

	if (!vh_accelerator_sane(drv))
		return -EINVAL;
	d = kzalloc(sizeof(*d), GFP_KERNEL);
	if (!d)
		return -ENOMEM;
	d->drv = drv;
	d->fops = dev_fops;
	d->fops.owner = drv->owner;
	snprintf(d->name, sizeof(d->name), "parley-%s", drv->name);
	d->misc.minor = MISC_DYNAMIC_MINOR;
	d->misc.name = d->name;
	d->misc.fops = &d->fops;
	d->misc.mode = 0600;
	scoped_guard(mutex, &parley_vhost_registry_lock) {
		if (vh_accelerator_find(drv->name)) {
			kfree(d);
			return -EEXIST;
		}
		list_add_tail(&d->entry, &drivers);
	}
	err = misc_register(&d->misc);
	if (err) {
		scoped_guard(mutex, &parley_vhost_registry_lock)
			list_del(&d->entry);
		kfree(d);
	}
	return err;
}
PARLEY_EXPORT(parley_vhost_register);

/**
 * parley_vhost_unregister() - it goes
 * @drv: registered accelerator of which no device exists: each holds its
 *	module
 */
void parley_vhost_unregister(const struct parley_vhost_driver *drv)
{
	struct vh_driver *d;

	scoped_guard(mutex, &parley_vhost_registry_lock) {
		d = vh_accelerator_find(drv->name);
		if (WARN_ON_ONCE(!d || d->drv != drv))
			return;
		list_del(&d->entry);
	}
	misc_deregister(&d->misc);
	kfree(d);
}
PARLEY_EXPORT(parley_vhost_unregister);

/**
 * parley_vhost_open() - a device for the kernel itself
 * @name: of the accelerator
 *
 * Context: may sleep.
 *
 * Return: the device, to be closed with parley_vhost_close();
 * ERR_PTR(-ENODEV) if there is no such accelerator; what its open() says.
 */
struct parley_vhost *parley_vhost_open(const char *name)
{
	const struct parley_vhost_driver *drv;
	struct parley_vhost *dev;
	struct vh_driver *d;

	scoped_guard(mutex, &parley_vhost_registry_lock) {
		d = vh_accelerator_find(name);
		if (!d || !try_module_get(d->drv->owner))
			return ERR_PTR(-ENODEV);
		drv = d->drv;
	}
	dev = vh_dev_create(drv, true);
	module_put(drv->owner);
	return dev;
}
PARLEY_EXPORT(parley_vhost_open);

/**
 * parley_vhost_close() - end a device from parley_vhost_open()
 * @dev: device; lent rings must have left
 *
 * Context: may sleep, until requests in flight are finished.
 */
void parley_vhost_close(struct parley_vhost *dev)
{
	vh_dev_release(dev);
}
PARLEY_EXPORT(parley_vhost_close);

/* ----------------------------------------------------------------- module */

static int __init parley_vhost_init(void)
{
	int err = vh_switch_init();

	if (err)
		return err;
	err = vh_pools_init();
	if (err)
		goto switches;
	err = vh_netlink_init();
	if (err)
		goto pools;
	return 0;
pools:
	vh_pools_exit();
switches:
	vh_switch_exit();
	return err;
}

static void __exit parley_vhost_exit(void)
{
	vh_netlink_exit();
	vh_switch_exit();
	vh_pools_exit();
	vh_limit_exit();
	/* Workers and requests may be on their way to be freed. */
	rcu_barrier();
}

module_init(parley_vhost_init);
module_exit(parley_vhost_exit);

MODULE_DESCRIPTION("Parley host accelerators: the vhost library");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
PARLEY_IMPORT;
