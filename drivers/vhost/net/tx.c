// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost net: what the guest sends.
 *
 * A back end that knows the header (a tap with IFF_VNET_HDR) gets it with the packet,
 * and checks what it says: offsets of checksums, sizes of segments.  Nothing of it is
 * looked at here, so there is nothing that the guest could change in between.  For one
 * that does not, the header is left out.
 *
 * A tap gets small packets of a burst in one call, in copies that become its packets.
 */
#include <linux/if_ether.h>
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

/* A buffer of ours with the packet, and what it says of it; NULL: it cannot be read. */
static void *vhn_tx_copy(const struct vhn_vq *q, struct parley_vhost_req *req, void *buf,
			 const struct vhn_layout *layout)
{
	size_t skip = q->bare ? VHN_HDR : 0, len = req->chain.len_out - skip;
	void *to = buf + layout->pad - VHN_HDR + skip;

	return parley_vhost_req_read(req, skip, to, len) == len ? to : NULL;
}

/*
 * Put by for the tap, which gets all of the burst at once.  -ENOBUFS: it has to go by
 * itself.  The header is read here once, and the tap checks what was read.
 */
static int vhn_tx_gather(struct vhn_vq *q, struct parley_vhost_req *req)
{
	u32 len = req->chain.len_out - VHN_HDR;
	struct vhn_tx *tx = q->tx;
	struct vhn_layout layout;
	void *buf, *hdr;

	if (len < ETH_HLEN || !vhn_tap_layout(&q->be, len, &layout))
		return -ENOBUFS;
	/* The guest sends, so its owner pays. */
	buf = page_frag_alloc_align(&tx->pages, layout.size, GFP_KERNEL_ACCOUNT,
				    SMP_CACHE_BYTES);
	if (unlikely(!buf))
		return -ENOBUFS;
	hdr = vhn_tx_copy(q, req, buf, &layout);
	if (unlikely(!hdr)) {
		page_frag_free(buf);
		return -EFAULT;
	}
	vhn_tap_pack(&tx->packets[tx->nr++], buf, &layout, len, q->bare ? NULL : hdr);
	return 0;
}

/* What was put by. */
static void vhn_tx_flush(struct vhn_vq *q)
{
	struct vhn_tx *tx = q->tx;
	unsigned int i;

	if (!tx || !tx->nr)
		return;
	q->calls++;
	if (unlikely(vhn_tap_send(&q->be, tx->packets, tx->nr))) {
		for (i = 0; i < tx->nr; i++)
			page_frag_free(tx->packets[i].data_hard_start);
		q->dropped += tx->nr;
	}
	tx->nr = 0;
}

static int vhn_tx_packet(struct vhn_vq *q, struct parley_vhost_req *req, bool many)
{
	int n;

	if (unlikely(!vhn_tx_sane(req)))
		return -EINVAL;
	n = many ? vhn_tx_gather(q, req) : -ENOBUFS;
	if (likely(n != -ENOBUFS))
		return n;
	/* Nothing overtakes what came before it. */
	vhn_tx_flush(q);
	q->calls++;
	return vhn_tx_send(q, req);
}

/* False: the back end is full, and the packet stays where it is. */
static bool vhn_tx_one(struct vhn_vq *q, struct parley_vhost_req *req, bool many)
{
	int n = vhn_tx_packet(q, req, many);

	if (unlikely(n == -EAGAIN))
		return false;
	/* As on any wire: an interface that is down, or a header that makes no sense. */
	if (unlikely(n < 0))
		q->dropped++;
	else
		q->packets++;
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
	bool many = vhn_tap_sends_many(&q->be);
	unsigned int i;

	for (i = 0; i < nr && likely(vhn_tx_one(q, reqs[i], many)); i++)
		;
	vhn_tx_flush(q);
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
