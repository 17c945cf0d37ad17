// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost net: what the guest sends.
 *
 * A back end that knows the header (a tap with IFF_VNET_HDR) gets it with the packet,
 * and checks what it says: offsets of checksums, sizes of segments.  Nothing of it is
 * looked at here, so there is nothing that the guest could change in between.  For one
 * that does not, the header is left out.
 */
#include "net.h"

static struct vhn_vq *vhn_tx_of(const struct parley_vhost_req *req)
{
	return parley_vhost_vq_priv(req->vq);
}

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

static unsigned int vhn_tx_submit(struct parley_vhost_vq *vq, struct parley_vhost_req **reqs,
				  unsigned int nr)
{
	struct vhn_vq *q = vhn_tx_of(reqs[0]);
	unsigned int i;

	for (i = 0; i < nr && likely(vhn_tx_one(q, reqs[i])); i++)
		;
	/* It has room by now, and so will not tell. */
	if (unlikely(i < nr) && vhn_socket_has_room(q->be.file))
		parley_vhost_vq_wake(vq);
	return i;
}

/* There is room again: what was left is submitted anew, which is all there is to do. */
static bool vhn_tx_work(struct parley_vhost_vq *vq)
{
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
