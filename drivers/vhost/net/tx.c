// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost net: what the guest sends.
 *
 * A back end that knows the header (a tap with IFF_VNET_HDR) gets it with the packet,
 * and checks what it says: offsets of checksums, sizes of segments.  Nothing of it is
 * looked at here, so there is nothing that the guest could change in between.  For one
 * that does not, the header is left out.
 */
#include <linux/poll.h>
#include "net.h"

/* A header, at least a byte of a packet, and nothing for us to write. */
static bool vhn_tx_sane(const struct parley_vhost_req *req)
{
	const struct parley_chain *c = &req->chain;

	return !c->n_in && c->len_out > VHN_HDR && c->len_out - VHN_HDR <= VHN_PACKET;
}

/* Bytes that were sent; -EAGAIN: not now; another error: never. */
static int vhn_tx_send(const struct vhn_vq *q, struct parley_vhost_req *req)
{
	size_t skip = q->bare ? VHN_HDR : 0, len = req->chain.len_out - skip;
	struct msghdr msg = {};

	parley_vhost_req_iter(req, ITER_SOURCE, skip, len, &msg.msg_iter);
	/* The guest's memory is out of reach. */
	if (unlikely(iov_iter_count(&msg.msg_iter) != len))
		return -EFAULT;
	return vhn_socket_send(q->be.sock, &msg, len);
}

/* False: the back end is full, and the packet stays where it is. */
static bool vhn_tx_one(struct vhn_vq *q, struct parley_vhost_req *req)
{
	int n = vhn_tx_sane(req) ? vhn_tx_send(q, req) : -EINVAL;

	if (unlikely(n == -EAGAIN))
		return false;
	/* As on any wire: an interface that is down, or a header that makes no sense. */
	if (unlikely(n < 0))
		q->dropped++;
	parley_vhost_req_done(req);
	return true;
}

/*
 * Only while it is full: a packet socket tells of room whenever a packet has left.  A
 * tap does not, but to who has asked since.  If there is some by now, we are told at once.
 */
static void vhn_tx_wait(struct parley_vhost_vq *vq, struct vhn_vq *q)
{
	q->full = true;
	if (parley_vhost_vq_watch(vq, q->be.file, EPOLLOUT))
		parley_vhost_vq_error(vq, "the back end is full, and cannot be waited for");
}

static unsigned int vhn_tx_submit(struct parley_vhost_vq *vq, struct parley_vhost_req **reqs,
				  unsigned int nr)
{
	struct vhn_vq *q = parley_vhost_vq_priv(vq);
	unsigned int i;

	for (i = 0; i < nr && likely(vhn_tx_one(q, reqs[i])); i++)
		;
	if (unlikely(i < nr))
		vhn_tx_wait(vq, q);
	return i;
}

/* There may be room again: what was left is submitted anew after this. */
static bool vhn_tx_work(struct parley_vhost_vq *vq)
{
	struct vhn_vq *q = parley_vhost_vq_priv(vq);

	if (unlikely(q->full)) {
		q->full = false;
		parley_vhost_vq_unwatch(vq);
	}
	return false;
}

const struct parley_vhost_queue_ops vhn_tx_ops = {
	.req_size	= sizeof(struct parley_vhost_req),
	.pieces		= VHN_PIECES,
	.max_in_flight	= VHN_TX_IN_FLIGHT,
	.framing	= VHN_HDR,
	.submit		= vhn_tx_submit,
	.work		= vhn_tx_work,
};
