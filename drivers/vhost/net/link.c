// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost net: the interface that a back end belongs to, which is what limits of back ends
 * are set for.
 *
 * A macvtap's is known, a packet socket says it, and a tap tells it only to whoever asks
 * for what procfs shows of its descriptor.
 */
#include <linux/if_packet.h>
#include <linux/if_tap.h>
#include <linux/if_tun.h>
#include <linux/netdevice.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include "net.h"

/* As procfs says it: a line with a key and a name. */
#define VHN_LINK_KEY	"iff:\t"

static struct net_device *vhn_link_tun(const struct vhn_backend *be)
{
	char buf[sizeof(VHN_LINK_KEY) + IFNAMSIZ + 1] = {};
	struct seq_file m = { .buf = buf, .size = sizeof(buf) };

	if (!be->file->f_op->show_fdinfo)
		return NULL;
	be->file->f_op->show_fdinfo(&m, be->file);
	if (seq_has_overflowed(&m) || !str_has_prefix(buf, VHN_LINK_KEY))
		return NULL;
	return dev_get_by_name(sock_net(be->sock->sk),
			       strim(buf + strlen(VHN_LINK_KEY)));
}

static struct net_device *vhn_link_tap(const struct vhn_backend *be)
{
	struct tap_queue *q = container_of(be->sock, struct tap_queue, sock);
	struct tap_dev *tap;
	struct net_device *dev;

	guard(rcu)();
	tap = rcu_dereference(q->tap);
	dev = tap ? tap->dev : NULL;
	if (dev)
		dev_hold(dev);
	return dev;
}

static struct net_device *vhn_link_packet(const struct vhn_backend *be)
{
	const struct proto_ops *ops = READ_ONCE(be->sock->ops);
	struct sockaddr_storage addr = {};
	struct sockaddr_ll *ll = (struct sockaddr_ll *)&addr;

	if (!ops->getname || ops->getname(be->sock, (struct sockaddr *)&addr, 0) < 0)
		return NULL;
	return dev_get_by_index(sock_net(be->sock->sk), ll->sll_ifindex);
}

/* Held; NULL if it has none, or none any more. */
static struct net_device *vhn_link(const struct vhn_backend *be)
{
	if (!be->ring)
		return vhn_link_packet(be);
	return IS_ERR(tun_get_socket(be->file)) ? vhn_link_tap(be) : vhn_link_tun(be);
}

/* Numbers of interfaces are those of their namespace. */
static u64 vhn_link_number(const struct net_device *dev)
{
	return (u64)dev_net(dev)->ns.inum << 32 | dev->ifindex;
}

static int vhn_link_set(struct vhn *net, unsigned int index, const struct net_device *dev)
{
	struct parley_vhost_backend what = {
		.ino = vhn_link_number(dev), .path = dev->name, .name = "",
	};
	int err;

	if (net->link == what.ino)
		return 0;
	/* Else what one ring sends would be on the account of another's interface. */
	if (net->link && parley_vhost_running(net->dev)) {
		vhn_say(net->dev, "queue %u: back end: rings that run have another interface\n",
			index);
		return -EBUSY;
	}
	if (parley_vhost_running(net->dev))
		return 0;
	err = parley_vhost_set_backend(net->dev, &what);
	if (!err)
		net->link = what.ino;
	return err;
}

/**
 * vhn_link_tell() - have a device below the limits of its back end
 * @net: device
 * @index: of the ring
 * @be: what it shall have
 *
 * One that has no interface changes nothing.
 *
 * Context: dev->mutex; may sleep.
 * Return: 0; -EBUSY if another ring runs and has another interface, with a message;
 * what parley_vhost_set_backend() says.
 */
int vhn_link_tell(struct vhn *net, unsigned int index, const struct vhn_backend *be)
{
	struct net_device *dev = be->file ? vhn_link(be) : NULL;
	int err;

	if (!dev)
		return 0;
	err = vhn_link_set(net, index, dev);
	dev_put(dev);
	return err;
}
