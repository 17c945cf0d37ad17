// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/parley-loopback: a vhost device becomes a device of this very kernel.
 *
 * It is what a VMM is to a guest: it offers the features, shows the
 * configuration, and lends the vhost device the queues that the front-end makes.
 * No request passes through this file:
 *
 *	front-end -> loopback transport -> queue <- vhost worker -> accelerator
 *
 * Lifetime: an open file of ours holds the vhost device's file, so the device
 * outlives what is joined to it; closing ours ends the guest device first.  A
 * process that dies takes the vhost worker with it, which may be before us; then
 * nobody serves the queues any more and the guest device ends as if it had been
 * pulled out.
 *
 * Locking: lbf->mutex makes a file join once.  It is held around the creation
 * of the device, so outside the transport's mutex, which is outside the vhost
 * library's dev->mutex.  The library reports changes of the configuration under
 * dev->mutex, so they are looked at in a work item.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <parley/export.h>
#include <parley/loopback.h>
#include <parley/version.h>
#include <uapi/linux/virtio_config.h>
#include "loopback.h"

/**
 * struct vl_queue - one queue
 * @vq: of the vhost device
 * @joined: it serves the transport's queue; changed where kick() and
 *	queue_stop() are serialised
 */
struct vl_queue {
	struct parley_vhost_vq *vq;
	bool joined;
};

/**
 * struct parley_vhost_loopback - a vhost device and the device made of it
 * @dev: the vhost device; the caller of create keeps it
 * @lb: the guest device; set once, under @config_lock
 * @work: the configuration changed
 * @config: buffer for it, used by one at a time under @config_lock
 * @config_lock: see there
 * @config_size: its size
 * @nr_queues: queues
 * @queues: each of them
 */
struct parley_vhost_loopback {
	struct parley_vhost *dev;
	struct parley_loopback *lb;
	struct work_struct work;
	void *config;
	struct mutex config_lock;
	unsigned int config_size;
	unsigned int nr_queues;
	struct vl_queue queues[] __counted_by(nr_queues);
};

static struct parley_vhost_loopback *vl_of(struct parley_loopback *lb)
{
	return parley_loopback_priv(lb);
}

/* ---------------------------------------------------------- configuration */

/*
 * The accelerator offers as many queues as it can have; how many there are is
 * for whoever makes the device to say, as a VMM does.
 */
static int vl_config_fetch(struct parley_vhost_loopback *vl)
{
	const struct parley_vhost_driver *drv = parley_vhost_driver(vl->dev);
	int err = parley_vhost_config(vl->dev, vl->config);

	lockdep_assert_held(&vl->config_lock);
	if (!err && drv->config_queues)
		drv->config_queues(vl->config, vl->nr_queues);
	return err;
}

static void vl_config_work(struct work_struct *work)
{
	struct parley_vhost_loopback *vl =
		container_of(work, struct parley_vhost_loopback, work);

	scoped_guard(mutex, &vl->config_lock) {
		if (!vl->lb || vl_config_fetch(vl))
			return;
		parley_loopback_config_update(vl->lb, 0, vl->config,
					      vl->config_size);
	}
	parley_loopback_config_changed(vl->lb);
}

/* Under dev->mutex of the vhost device. */
static void vl_config_changed(void *priv)
{
	struct parley_vhost_loopback *vl = priv;

	schedule_work(&vl->work);
}

static void vl_config_write(struct parley_loopback *lb, unsigned int offset,
			    const void *buf, unsigned int len)
{
	struct parley_vhost_loopback *vl = vl_of(lb);

	if (parley_vhost_config_set(vl->dev, offset, buf, len))
		return;
	guard(mutex)(&vl->config_lock);
	if (!vl_config_fetch(vl))
		parley_loopback_config_update(lb, 0, vl->config,
					      vl->config_size);
}

/* ------------------------------------------------------------------ queues */

static void vl_call(void *priv)
{
	parley_loopback_call(priv);
}

static int vl_queue_join(struct parley_loopback_queue *queue)
{
	struct vl_queue *q = &vl_of(queue->lb)->queues[queue->index];
	struct parley_vhost_ring ring = {
		.vq = queue->vq,
		.call = vl_call,
		.priv = queue,
	};
	int err = parley_vhost_vq_join(q->vq, &ring);

	q->joined = !err;
	return err;
}

/*
 * The first kick comes unasked at DRIVER_OK, which is when the queue may be
 * used; from then on it is the vhost worker's.
 */
static void vl_kick(struct parley_loopback_queue *queue)
{
	struct vl_queue *q = &vl_of(queue->lb)->queues[queue->index];
	int err;

	if (likely(q->joined)) {
		parley_vhost_vq_wake(q->vq);
		return;
	}
	err = vl_queue_join(queue);
	if (!err)
		return;
	pr_err_ratelimited("parley-loopback: queue %u of vhost device %u cannot start (%d); close and join again\n",
			   queue->index, parley_vhost_id(vl_of(queue->lb)->dev),
			   err);
	parley_loopback_needs_reset(queue->lb);
}

static void vl_queue_stop(struct parley_loopback_queue *queue)
{
	struct vl_queue *q = &vl_of(queue->lb)->queues[queue->index];

	if (!q->joined)
		return;
	parley_vhost_vq_leave(q->vq);
	q->joined = false;
}

/* Features are the vhost device's to refuse. */
static u8 vl_status(struct parley_loopback *lb, u8 status)
{
	struct parley_features features;

	if (status & VIRTIO_CONFIG_S_DRIVER_OK ||
	    !(status & VIRTIO_CONFIG_S_FEATURES_OK))
		return status;
	parley_features_set(&features, parley_loopback_features(lb), 0);
	if (parley_vhost_set_features(vl_of(lb)->dev, &features))
		status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	return status;
}

static const struct parley_loopback_ops vl_ops = {
	.status		= vl_status,
	.config_write	= vl_config_write,
	.queue_stop	= vl_queue_stop,
	.kick		= vl_kick,
};

/* -------------------------------------------------------------------- life */

static int vl_check(struct parley_vhost *dev,
		    const struct parley_loopback_join *join)
{
	if (join->pad || !join->nr_queues ||
	    join->nr_queues > parley_vhost_nr_queues(dev))
		return -EINVAL;
	/* Nobody owned it yet. */
	if (!parley_vhost_get_vq(dev, join->nr_queues - 1))
		return -EPERM;
	if (!join->queue_size || join->queue_size > PARLEY_VQ_SIZE_MAX)
		return -EINVAL;
	/* The log and the IOMMU are a VMM's; here is no memory table. */
	return join->features & (BIT_ULL(VHOST_F_LOG_ALL) |
				 BIT_ULL(VIRTIO_F_ACCESS_PLATFORM)) ?
	       -EINVAL : 0;
}

static struct parley_vhost_loopback *
vl_alloc(struct parley_vhost *dev, const struct parley_loopback_join *join)
{
	const struct parley_vhost_driver *drv = parley_vhost_driver(dev);
	struct parley_vhost_loopback *vl;
	unsigned int i;

	vl = kzalloc(struct_size(vl, queues, join->nr_queues),
		     GFP_KERNEL_ACCOUNT);
	if (!vl)
		return NULL;
	vl->nr_queues = join->nr_queues;
	vl->dev = dev;
	vl->config_size = drv->config_size;
	mutex_init(&vl->config_lock);
	INIT_WORK(&vl->work, vl_config_work);
	for (i = 0; i < vl->nr_queues; i++)
		vl->queues[i].vq = parley_vhost_get_vq(dev, i);
	vl->config = kzalloc(vl->config_size, GFP_KERNEL_ACCOUNT);
	if (vl->config)
		return vl;
	kfree(vl);
	return NULL;
}

static void vl_free(struct parley_vhost_loopback *vl)
{
	kfree(vl->config);
	kfree(vl);
}

static int vl_make_device(struct parley_vhost_loopback *vl,
			  const struct parley_loopback_join *join)
{
	struct parley_loopback_config cfg = {
		.id.device = parley_vhost_driver(vl->dev)->device_id,
		.features = join->features,
		.config = vl->config,
		.config_len = vl->config_size,
		.nr_queues = vl->nr_queues,
		.queue_size = join->queue_size,
		.ops = &vl_ops,
		.priv = vl,
	};
	struct parley_loopback *lb;

	lb = parley_loopback_create(&cfg);
	if (IS_ERR(lb))
		return PTR_ERR(lb);
	scoped_guard(mutex, &vl->config_lock)
		vl->lb = lb;
	/* For what changed meanwhile. */
	schedule_work(&vl->work);
	return 0;
}

/**
 * parley_vhost_loopback_create() - make a device of this kernel out of a vhost one
 * @dev: the vhost device, with its owner and what its accelerator needs (a back
 *	end); the caller keeps it until destroy
 * @join: how; its file descriptor is not looked at
 *
 * A front-end that is loaded is probed before this returns.
 *
 * Context: may sleep.
 * Return: it, or an error pointer: -EINVAL for numbers that make no sense and
 * features that are a VMM's; -EOPNOTSUPP for those that the vhost device does not
 * offer; -EBUSY if it is in use already; -ENOMEM; what the vhost device says.
 */
VISIBLE_IF_KUNIT struct parley_vhost_loopback *
parley_vhost_loopback_create(struct parley_vhost *dev,
			     const struct parley_loopback_join *join)
{
	struct parley_vhost_loopback *vl;
	struct parley_features features;
	int err;

	err = vl_check(dev, join);
	if (err)
		return ERR_PTR(err);
	vl = vl_alloc(dev, join);
	if (!vl)
		return ERR_PTR(-ENOMEM);
	/* Only one can listen, so only one device is made of it. */
	err = parley_vhost_on_config_change(dev, vl_config_changed, vl);
	if (err)
		goto free;
	/* May it be offered?  Asked so, because the back end may change now. */
	parley_features_set(&features, join->features | BIT_ULL(VIRTIO_F_VERSION_1), 0);
	err = parley_vhost_set_features(dev, &features);
	if (!err) {
		guard(mutex)(&vl->config_lock);
		err = vl_config_fetch(vl);
	}
	if (!err)
		err = vl_make_device(vl, join);
	if (!err)
		return vl;
	parley_vhost_on_config_change(dev, NULL, NULL);
	cancel_work_sync(&vl->work);
free:
	vl_free(vl);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_IF_KUNIT(parley_vhost_loopback_create);

/**
 * parley_vhost_loopback_destroy() - end the device
 * @vl: it
 * @answers: its queues are still served, so the front-end may write back what
 *	it holds; else it is gone at once
 *
 * Context: may sleep.
 */
VISIBLE_IF_KUNIT
void parley_vhost_loopback_destroy(struct parley_vhost_loopback *vl,
				   bool answers)
{
	parley_vhost_on_config_change(vl->dev, NULL, NULL);
	cancel_work_sync(&vl->work);
	if (!answers)
		parley_loopback_vanish(vl->lb);
	parley_loopback_destroy(vl->lb);
	vl_free(vl);
}
EXPORT_SYMBOL_IF_KUNIT(parley_vhost_loopback_destroy);

#if IS_ENABLED(CONFIG_KUNIT)
struct parley_loopback *
parley_vhost_loopback_device(struct parley_vhost_loopback *vl)
{
	return vl->lb;
}
EXPORT_SYMBOL_IF_KUNIT(parley_vhost_loopback_device);
#endif

/* -------------------------------------------------------------------- file */

/**
 * struct lb_file - an open file of /dev/parley-loopback
 * @mutex: protects the rest
 * @vhost: file of the vhost device, once joined
 * @vl: what was made of it
 */
struct lb_file {
	struct mutex mutex;
	struct file *vhost;
	struct parley_vhost_loopback *vl;
};

static int vl_open(struct inode *inode, struct file *file)
{
	struct lb_file *lbf = kzalloc(sizeof(*lbf), GFP_KERNEL_ACCOUNT);

	if (!lbf)
		return -ENOMEM;
	mutex_init(&lbf->mutex);
	file->private_data = lbf;
	return nonseekable_open(inode, file);
}

static int vl_release(struct inode *inode, struct file *file)
{
	struct lb_file *lbf = file->private_data;

	if (lbf->vl)
		parley_vhost_loopback_destroy(lbf->vl,
					      !(current->flags & PF_EXITING));
	if (lbf->vhost)
		fput(lbf->vhost);
	mutex_destroy(&lbf->mutex);
	kfree(lbf);
	return 0;
}

static long vl_join(struct lb_file *lbf, void __user *arg)
{
	struct parley_vhost_loopback *vl;
	struct parley_loopback_join join;
	struct parley_vhost *dev;
	struct file *file;

	if (copy_from_user(&join, arg, sizeof(join)))
		return -EFAULT;
	guard(mutex)(&lbf->mutex);
	if (lbf->vl)
		return -EBUSY;
	/* The one look-up: what is checked is what is used. */
	file = fget(join.fd);
	if (!file)
		return -EBADF;
	dev = parley_vhost_from_file(file);
	if (IS_ERR_OR_NULL(dev)) {
		fput(file);
		return -EINVAL;
	}
	vl = parley_vhost_loopback_create(dev, &join);
	if (IS_ERR(vl)) {
		fput(file);
		return PTR_ERR(vl);
	}
	lbf->vhost = file;
	lbf->vl = vl;
	return 0;
}

static long vl_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	if (cmd == PARLEY_LOOPBACK_JOIN)
		return vl_join(file->private_data, (void __user *)arg);
	return -ENOIOCTLCMD;
}

static const struct file_operations lb_fops = {
	.owner		= THIS_MODULE,
	.open		= vl_open,
	.release	= vl_release,
	.unlocked_ioctl	= vl_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

static struct miscdevice lb_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "parley-loopback",
	.fops	= &lb_fops,
	.mode	= 0600,
};
module_misc_device(lb_misc);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: accelerators of the host for this very kernel");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
