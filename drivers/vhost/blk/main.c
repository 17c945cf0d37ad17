// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost blk: a virtio block device for a guest, from a block device or a file
 * of the host.  See Documentation/vhost-blk.rst; the parts are in blk.h.
 */
#include <linux/file.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <parley/export.h>
#include <parley/version.h>
#include <uapi/linux/virtio_ids.h>
#include "blk.h"

/* Tags the block layer fetches at once; it knows no more itself. */
#define VHB_PLUG		32u

/**
 * struct vhb_vq - what vhost blk keeps for a running ring
 * @polled: requests whose bio is polled for; of who serves the ring
 */
struct vhb_vq {
	struct list_head polled;
};

static int vhb_open(struct parley_vhost *dev)
{
	struct vhb *blk = parley_vhost_priv(dev);

	blk->dev = dev;
	vhb_cache_forget(blk);
	return 0;
}

static void vhb_release(struct parley_vhost *dev)
{
	struct vhb *blk = parley_vhost_priv(dev);

	vhb_backend_drop(blk);
}

static int vhb_ready(struct parley_vhost *dev)
{
	struct vhb *blk = parley_vhost_priv(dev);

	if (blk->be)
		return 0;
	vhb_say(blk, "no back end: PARLEY_BLK_SET_BACKEND comes before the rings\n");
	return -ENODEV;
}

/**
 * parley_vhost_blk_attach() - give a device its back end, or take it away
 * @dev: the device
 * @file: a block device or regular file; the caller keeps its reference.  NULL
 *	takes the back end away.
 * @flags: PARLEY_BLK_*
 * @serial: VIRTIO_BLK_ID_BYTES bytes, padded with zeroes
 *
 * Context: may sleep; dev->mutex held, or the device is not shared yet.
 * Return: 0; -EBUSY while a ring runs; else see vhb_backend_set().
 */
VISIBLE_IF_KUNIT
int parley_vhost_blk_attach(struct parley_vhost *dev, struct file *file,
			    u32 flags, const u8 *serial)
{
	struct vhb *blk = parley_vhost_priv(dev);

	if (parley_vhost_running(dev))
		return -EBUSY;
	if (file)
		return vhb_backend_set(blk, file, flags, serial);
	vhb_backend_drop(blk);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_vhost_blk_attach);

static long vhb_set_backend(struct parley_vhost *dev, void __user *arg)
{
	struct parley_blk_backend b;
	struct file *file = NULL;
	int err;

	if (copy_from_user(&b, arg, sizeof(b)))
		return -EFAULT;
	if (b.pad || b.flags & ~VHB_FLAGS ||
	    (b.flags & PARLEY_BLK_512 && b.flags & PARLEY_BLK_4096))
		return -EINVAL;
	if (b.fd != -1) {
		/* The one look-up: a second could find another file. */
		file = fget(b.fd);
		if (!file)
			return -EBADF;
	}
	err = parley_vhost_blk_attach(dev, file, b.flags, b.serial);
	if (file)
		fput(file);
	return err;
}

/**
 * parley_vhost_blk_update_size() - ask the back end for its size
 * @dev: the device
 *
 * Tells the guest if it changed.
 *
 * Context: as parley_vhost_blk_attach(), but rings may run.
 * Return: 0, or -ENODEV without a back end.
 */
VISIBLE_IF_KUNIT int parley_vhost_blk_update_size(struct parley_vhost *dev)
{
	struct vhb *blk = parley_vhost_priv(dev);
	u64 before = blk->capacity;

	if (!blk->be)
		return -ENODEV;
	vhb_capacity_update(blk);
	if (blk->capacity != before) {
		blk->config_moved = true;
		parley_vhost_config_changed(dev);
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_vhost_blk_update_size);

static long vhb_set_cache(struct parley_vhost *dev, void __user *arg)
{
	u32 cache;

	if (copy_from_user(&cache, arg, sizeof(cache)))
		return -EFAULT;
	return parley_vhost_blk_set_cache(dev, cache);
}

static long vhb_get_cache(struct parley_vhost *dev, void __user *arg)
{
	u32 cache = parley_vhost_blk_get_cache(dev);

	return copy_to_user(arg, &cache, sizeof(cache)) ? -EFAULT : 0;
}

static long vhb_ioctl(struct parley_vhost *dev, unsigned int cmd,
		      void __user *arg)
{
	switch (cmd) {
	case PARLEY_BLK_SET_BACKEND:
		return vhb_set_backend(dev, arg);
	case PARLEY_BLK_UPDATE_SIZE:
		return parley_vhost_blk_update_size(dev);
	case PARLEY_BLK_SET_CACHE:
		return vhb_set_cache(dev, arg);
	case PARLEY_BLK_GET_CACHE:
		return vhb_get_cache(dev, arg);
	default:
		return -ENOIOCTLCMD;
	}
}

static int vhb_vq_start(struct parley_vhost_vq *vq)
{
	struct vhb *blk = parley_vhost_priv(parley_vhost_vq_dev(vq));
	struct vhb_vq *v = kzalloc(sizeof(*v), GFP_KERNEL_ACCOUNT);
	int err;

	if (!v)
		return -ENOMEM;
	err = vhb_cache_start(blk, vq);
	if (err) {
		kfree(v);
		return err;
	}
	INIT_LIST_HEAD(&v->polled);
	vhb_coarse_start(blk->be);
	parley_vhost_vq_set_priv(vq, v);
	return 0;
}

static void vhb_vq_stop(struct parley_vhost_vq *vq)
{
	struct vhb_vq *v = parley_vhost_vq_priv(vq);

	WARN_ON_ONCE(!list_empty(&v->polled));
	parley_vhost_vq_set_priv(vq, NULL);
	kfree(v);
}

static unsigned int vhb_submit(struct parley_vhost_vq *vq,
			       struct parley_vhost_req **reqs, unsigned int nr)
{
	struct vhb *blk = parley_vhost_priv(parley_vhost_vq_dev(vq));
	struct vhb_vq *v = parley_vhost_vq_priv(vq);
	enum vhb_started started = VHB_STARTED;
	unsigned int i, noio;
	struct blk_plug plug;

	/* With a loopback the memory we ask for may have to come by this ring. */
	noio = memalloc_noio_save();
	if (nr > 1) {
		blk_start_plug(&plug);
		/* So many are coming: the block layer takes their tags at once. */
		plug.nr_ios = min(nr, VHB_PLUG);
	}
	for (i = 0; i < nr && likely(started == VHB_STARTED); i++) {
		struct vhb_req *r = to_vhb_req(reqs[i]);

		r->blk = blk;
		r->poll_list = &v->polled;
		started = vhb_start(r);
	}
	if (nr > 1)
		blk_finish_plug(&plug);
	memalloc_noio_restore(noio);
	return i - (started == VHB_UNTAKEN);
}

static bool vhb_poll(struct parley_vhost_vq *vq)
{
	struct vhb_vq *v = parley_vhost_vq_priv(vq);

	return vhb_bdev_poll(&v->polled);
}

static const struct parley_vhost_queue_ops vhb_queue_ops = {
	.req_size	= sizeof(struct vhb_req),
	.pieces		= PARLEY_VHOST_PIECES,
	.max_in_flight	= VHB_IN_FLIGHT,
	.max_bytes	= VHB_RING_BYTES,
	.own_bytes	= VHB_STEP,
	.framing	= sizeof(struct virtio_blk_outhdr) + 1,
	.submit		= vhb_submit,
	.finish		= vhb_finish,
	.go_on		= vhb_go_on,
	.poll		= vhb_poll,
};

static const struct parley_vhost_queue_ops *vhb_queue(unsigned int index)
{
	return &vhb_queue_ops;
}

static struct parley_vhost_driver vhb_driver = {
	.name		= "blk",
	.owner		= THIS_MODULE,
	.device_id	= VIRTIO_ID_BLOCK,
	.priv_size	= sizeof(struct vhb),
	.queue		= vhb_queue,
	.max_queues	= VHB_QUEUES,
	.shared_bytes	= VHB_SHARED_BYTES,
	.config_size	= offsetof(struct virtio_blk_config, zoned),
	.open		= vhb_open,
	.release	= vhb_release,
	.device_features = vhb_device_features,
	.ready		= vhb_ready,
	.ioctl		= vhb_ioctl,
	.config_read	= vhb_config_read,
	.config_write	= vhb_config_write,
	.config_queues	= vhb_config_queues,
	.vq_start	= vhb_vq_start,
	.vq_stop	= vhb_vq_stop,
};

static int __init parley_vhost_blk_init(void)
{
	vhb_driver.features = vhb_features;
	return parley_vhost_register(&vhb_driver);
}

static void __exit parley_vhost_blk_exit(void)
{
	parley_vhost_unregister(&vhb_driver);
}

module_init(parley_vhost_blk_init);
module_exit(parley_vhost_blk_exit);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley host accelerator: block");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
