// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost net: a network device for a guest, from a tap, a macvtap or a packet socket of
 * the host.  See Documentation/vhost-net.rst; the parts are in net.h.
 */
#include <linux/file.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>
#include <parley/export.h>
#include <parley/version.h>
#include <uapi/linux/virtio_ids.h>
#include "net.h"

static int vhn_open(struct parley_vhost *dev)
{
	struct vhn *net = parley_vhost_priv(dev);

	net->dev = dev;
	return 0;
}

static void vhn_release(struct parley_vhost *dev)
{
	vhn_backends_drop(parley_vhost_priv(dev));
}

/* What an owner handed over goes with him: then there are none. */
static void vhn_features_changed(struct parley_vhost *dev)
{
	if (!parley_vhost_features(dev))
		vhn_backends_drop(parley_vhost_priv(dev));
}

/**
 * parley_vhost_net_attach() - give a ring its back end, or take it away
 * @dev: the device
 * @index: of the ring
 * @file: as vhn_backend_find(); the caller keeps its reference
 *
 * The ring is stopped first, and stays so.  If this fails, it is left alone.
 *
 * Context: may sleep; dev->mutex held.
 * Return: 0; -ENOBUFS for a ring that there is not; else as vhn_backend_find().
 */
VISIBLE_IF_KUNIT
int parley_vhost_net_attach(struct parley_vhost *dev, unsigned int index, struct file *file)
{
	u32 nr = parley_vhost_nr_queues(dev);
	struct vhn *net = parley_vhost_priv(dev);
	struct vhn_backend be;
	int err;

	if (index >= nr)
		return -ENOBUFS;
	index = array_index_nospec(index, nr);
	err = vhn_backend_find(net, index, file, &be);
	if (err)
		return err;
	parley_vhost_vq_stop(parley_vhost_get_vq(dev, index));
	vhn_backend_set(net, index, &be);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_vhost_net_attach);

/* A ring runs as long as it has a back end, so it has none if it cannot start. */
static int vhn_attach_and_start(struct parley_vhost *dev, unsigned int index,
				struct file *file)
{
	int err = parley_vhost_net_attach(dev, index, file);

	if (err || !file)
		return err;
	err = parley_vhost_vq_start(parley_vhost_get_vq(dev, index));
	if (err)
		parley_vhost_net_attach(dev, index, NULL);
	return err;
}

static long vhn_set_backend(struct parley_vhost *dev, void __user *arg)
{
	struct vhost_vring_file f;
	struct file *file = NULL;
	int err;

	if (copy_from_user(&f, arg, sizeof(f)))
		return -EFAULT;
	if (f.fd != VHOST_FILE_UNBIND) {
		/* The one look-up: a second could find another file. */
		file = fget(f.fd);
		if (!file)
			return -EBADF;
	}
	err = vhn_attach_and_start(dev, f.index, file);
	if (file)
		fput(file);
	return err;
}

static long vhn_ioctl(struct parley_vhost *dev, unsigned int cmd, void __user *arg)
{
	return cmd == VHOST_NET_SET_BACKEND ? vhn_set_backend(dev, arg) : -ENOIOCTLCMD;
}

static const struct parley_vhost_queue_ops *vhn_queue(unsigned int index)
{
	return vhn_receives(index) ? &vhn_rx_ops : &vhn_tx_ops;
}

static const struct parley_vhost_driver vhn_driver = {
	.name		= "net",
	.owner		= THIS_MODULE,
	.device_id	= VIRTIO_ID_NET,
	.features	= BIT_ULL(VIRTIO_NET_F_MRG_RXBUF) | BIT_ULL(VHOST_NET_F_VIRTIO_NET_HDR),
	.priv_size	= sizeof(struct vhn),
	.queue		= vhn_queue,
	.max_queues	= VHN_QUEUES,
	.usual_queues	= VHN_USUAL_QUEUES,
	.open		= vhn_open,
	.release	= vhn_release,
	.features_changed = vhn_features_changed,
	.ioctl		= vhn_ioctl,
	.vq_start	= vhn_vq_start,
	.vq_stop	= vhn_vq_stop,
};

static int __init parley_vhost_net_init(void)
{
	return parley_vhost_register(&vhn_driver);
}

static void __exit parley_vhost_net_exit(void)
{
	parley_vhost_unregister(&vhn_driver);
}

module_init(parley_vhost_net_init);
module_exit(parley_vhost_net_exit);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley host accelerator: network");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
