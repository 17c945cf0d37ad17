// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost net: the back end of a ring, from the file that the VMM opened to letting go.
 */
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include "net.h"

/**
 * vhn_backend_find() - what may be a ring's back end
 * @net: device
 * @index: ring
 * @file: a tap, macvtap, ipvtap or packet socket; NULL for none
 * @be: filled, with a reference to @file of its own, for vhn_backend_set()
 *
 * Context: any.
 * Return: 0; -ENOTSOCK for another kind of file, with a message.
 */
int vhn_backend_find(const struct vhn *net, unsigned int index, struct file *file,
		     struct vhn_backend *be)
{
	*be = (struct vhn_backend){};
	if (!file)
		return 0;
	be->sock = vhn_socket(file);
	if (!be->sock) {
		vhn_say(net->dev, "queue %u: back end: neither a tap nor a raw packet socket\n",
			index);
		return -ENOTSOCK;
	}
	be->ring = vhn_tap_ring(file);
	be->file = get_file(file);
	return 0;
}

/**
 * vhn_backend_set() - have a ring's packets go another way from now on
 * @net: device; the ring does not run
 * @index: ring
 * @be: its new back end, which may be none; the old one is let go of
 *
 * Context: dev->mutex; may sleep.
 */
void vhn_backend_set(struct vhn *net, unsigned int index, const struct vhn_backend *be)
{
	struct file *old = net->backends[index].file;

	net->backends[index] = *be;
	if (old)
		fput(old);
}

/** vhn_backends_drop() - let go of all; no ring runs, else as vhn_backend_set() */
void vhn_backends_drop(struct vhn *net)
{
	const struct vhn_backend none = {};
	unsigned int i;

	for (i = 0; i < VHN_QUEUES; i++)
		vhn_backend_set(net, i, &none);
}

static void vhn_vq_free(struct vhn_vq *q)
{
	if (q->tx)
		page_frag_cache_drain(&q->tx->pages);
	kvfree(q->tx);
	kvfree(q->rx);
	kfree(q);
}

static struct vhn_vq *vhn_vq_alloc(bool receives, bool tap)
{
	struct vhn_vq *q = kzalloc(sizeof(*q), GFP_KERNEL_ACCOUNT);

	if (!q)
		return NULL;
	if (receives)
		q->rx = kvzalloc(sizeof(*q->rx), GFP_KERNEL_ACCOUNT);
	else if (tap)
		q->tx = kvzalloc(sizeof(*q->tx), GFP_KERNEL_ACCOUNT);
	if (q->rx || q->tx || (!receives && !tap))
		return q;
	kfree(q);
	return NULL;
}

/**
 * vhn_vq_start() - a ring is about to run: it hears of its back end
 * @vq: ring
 *
 * Context: dev->mutex; may sleep.
 * Return: 0; -ENODEV without a back end, with a message; -ENOMEM; what
 * parley_vhost_vq_watch() says.
 */
int vhn_vq_start(struct parley_vhost_vq *vq)
{
	struct parley_vhost *dev = parley_vhost_vq_dev(vq);
	unsigned int index = parley_vhost_vq_index(vq);
	const struct vhn *net = parley_vhost_priv(dev);
	bool receives = vhn_receives(index);
	struct vhn_vq *q;
	int err;

	if (!net->backends[index].file) {
		vhn_vq_say(vq, "no back end: VHOST_NET_SET_BACKEND starts it\n");
		return -ENODEV;
	}
	q = vhn_vq_alloc(receives, net->backends[index].ring);
	if (!q)
		return -ENOMEM;
	q->be = net->backends[index];
	q->bare = parley_vhost_has(dev, VHOST_NET_F_VIRTIO_NET_HDR);
	q->buffers = parley_vhost_has(dev, VIRTIO_NET_F_MRG_RXBUF) ? VHN_RX_BUFFERS : 1;
	/* Where it sends, it waits for room only when there is none. */
	err = receives ? parley_vhost_vq_watch(vq, q->be.file, EPOLLIN) : 0;
	if (err) {
		vhn_vq_free(q);
		return err;
	}
	parley_vhost_vq_set_priv(vq, q);
	return 0;
}

/** vhn_vq_stop() - its mirror; nothing is in flight */
void vhn_vq_stop(struct parley_vhost_vq *vq)
{
	struct vhn_vq *q = parley_vhost_vq_priv(vq);

	parley_vhost_vq_unwatch(vq);
	parley_vhost_vq_set_priv(vq, NULL);
	if (q->rx)
		vhn_rx_stop(q);
	if (q->dropped)
		pr_info_ratelimited("parley-net %u: queue %u: %llu packets were dropped\n",
				    parley_vhost_id(parley_vhost_vq_dev(vq)),
				    parley_vhost_vq_index(vq), q->dropped);
	vhn_vq_free(q);
}
