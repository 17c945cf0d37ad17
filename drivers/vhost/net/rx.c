// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost net: what the guest receives.
 *
 * A packet is taken from the back end when there are buffers for it, and not before:
 * until then it waits in the back end's queue, which drops what is too much, or among
 * those that were taken from a tap together.  The
 * header is the back end's, or ours with nothing in it; how many buffers a packet took
 * is ours in either case (spec 5.1.6.4).
 */
#include "net.h"

/* The next packet that was taken from a tap; NULL: the tap has none. */
static void *vhn_rx_taken(struct vhn_vq *q)
{
	struct vhn_rx *rx = q->rx;

	if (rx->first == rx->end) {
		q->calls++;
		rx->first = 0;
		rx->end = vhn_tap_take(&q->be, rx->taken, VHN_RX_TAKEN);
	}
	return rx->end ? rx->taken[rx->first] : NULL;
}

/* How long is the next packet?  0 for none. */
static int vhn_rx_peek(struct vhn_vq *q)
{
	void *packet;

	if (!q->be.ring) {
		q->calls++;
		return vhn_socket_peek(q->be.sock);
	}
	packet = vhn_rx_taken(q);
	return packet ? vhn_tap_len(packet) : 0;
}

/* It is lost. */
static void vhn_rx_drop(struct vhn_vq *q)
{
	struct vhn_rx *rx = q->rx;

	q->dropped++;
	if (q->be.ring)
		vhn_tap_drop(rx->taken[rx->first++]);
	else
		vhn_socket_drop(q->be.sock);
}

/**
 * vhn_rx_stop() - a ring stops: what was not received is left for whoever goes on
 * @q: what it has
 *
 * Context: process; nobody works at the ring.
 */
void vhn_rx_stop(struct vhn_vq *q)
{
	struct vhn_rx *rx = q->rx;

	if (rx->first < rx->end)
		vhn_tap_untake(&q->be, rx->taken + rx->first, rx->end - rx->first);
	rx->first = 0;
	rx->end = 0;
}

/* Are the buffers such as a driver has to post, the first one with room for a header? */
static bool vhn_rx_sane(const struct vhn_vq *q, unsigned int nr)
{
	unsigned int i;

	if (q->rx->reqs[0]->chain.len_in < VHN_HDR)
		return false;
	for (i = 0; i < nr; i++)
		if (q->rx->reqs[i]->chain.n_out || !q->rx->reqs[i]->chain.len_in)
			return false;
	return true;
}

/* Where @len bytes go; false: not all of them go into these buffers. */
static bool vhn_rx_room(const struct vhn_vq *q, unsigned int nr, u32 len,
			struct iov_iter *iter)
{
	return vhn_rx_sane(q, nr) &&
	       parley_vhost_reqs_iter(q->rx->reqs, nr, len, q->rx->pieces, VHN_RX_PIECES,
				      iter) &&
	       iov_iter_count(iter) == len;
}

/*
 * What came of an attempt.  Buffers that go back come again when work() has returned,
 * and nothing may be taken before that: they would be filled after later ones.
 */
enum vhn_rx_end {
	VHN_RX_DONE,	/* there may be more */
	VHN_RX_BACK,	/* the same, but first its buffers have to go back */
	VHN_RX_IDLE,	/* there is none, or no room for it; who brings it will say so */
};

static enum vhn_rx_end vhn_rx_give_back(const struct vhn_vq *q, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		parley_vhost_req_untake(q->rx->reqs[i]);
	return VHN_RX_BACK;
}

/* @len bytes, header included, over the buffers; the last one has the rest. */
static void vhn_rx_done(const struct vhn_vq *q, unsigned int nr, u32 len)
{
	u32 skip = VHN_HDR, n;
	unsigned int i;

	for (i = 0; i < nr; i++, skip = 0) {
		struct parley_vhost_req *req = q->rx->reqs[i];

		n = min(len, req->chain.len_in);
		req->chain.written = n;
		container_of(req, struct vhn_rx_req, req)->cost = n - skip;
		len -= n;
	}
	parley_vhost_reqs_done(q->rx->reqs, nr);
}

/* What the back end does not say of the header; false if it cannot be written. */
static bool vhn_rx_header(const struct vhn_vq *q, unsigned int nr)
{
	struct virtio_net_hdr_v1 hdr = { .num_buffers = cpu_to_vr16(nr) };
	size_t off = q->bare ? 0 : offsetof(typeof(hdr), num_buffers);
	size_t len = sizeof(hdr) - off;

	return parley_vhost_req_write(q->rx->reqs[0], off, (u8 *)&hdr + off, len) == len;
}

/*
 * The packet; its header, if the back end has none, is ours.  False: it is lost, or
 * somebody else has taken it, and the buffers are as before.
 */
static bool vhn_rx_fill(struct vhn_vq *q, unsigned int nr, struct msghdr *msg)
{
	u32 len;

	if (q->bare)
		iov_iter_advance(&msg->msg_iter, VHN_HDR);
	len = iov_iter_count(&msg->msg_iter);
	/* From here on it is the tap's again, even if this fails. */
	if (q->be.ring)
		msg->msg_control = q->rx->taken[q->rx->first++];
	q->calls++;
	/* Another length: it is not the one that was looked at, or has another header. */
	if (vhn_socket_receive(q->be.sock, msg, len) != (int)len)
		return false;
	return vhn_rx_header(q, nr);
}

/* A packet of @len bytes without its header, for which @nr buffers are large enough. */
static enum vhn_rx_end vhn_rx_packet(struct vhn_vq *q, unsigned int nr, u32 len)
{
	struct msghdr msg = {};

	if (unlikely(!vhn_rx_room(q, nr, VHN_HDR + len, &msg.msg_iter))) {
		vhn_rx_drop(q);
		return vhn_rx_give_back(q, nr);
	}
	if (likely(vhn_rx_fill(q, nr, &msg))) {
		vhn_rx_done(q, nr, VHN_HDR + len);
		q->packets++;
		return VHN_RX_DONE;
	}
	q->dropped++;
	return vhn_rx_give_back(q, nr);
}

static enum vhn_rx_end vhn_rx_one(struct parley_vhost_vq *vq, struct vhn_vq *q)
{
	int len = vhn_rx_peek(q), nr;

	if (len <= 0)
		return VHN_RX_IDLE;
	nr = parley_vhost_pull(vq, q->rx->reqs, q->buffers, (u64)VHN_HDR + len);
	if (!nr)
		return VHN_RX_IDLE;
	if (likely(nr > 0))
		return vhn_rx_packet(q, nr, len);
	vhn_rx_drop(q);
	return VHN_RX_DONE;
}

static bool vhn_rx_work(struct parley_vhost_vq *vq)
{
	struct vhn_vq *q = parley_vhost_vq_priv(vq);
	enum vhn_rx_end end = VHN_RX_DONE;
	unsigned int i;

	for (i = 0; i < VHN_RX_TURN && likely(end == VHN_RX_DONE); i++)
		end = vhn_rx_one(vq, q);
	return end != VHN_RX_IDLE;
}

/* A back end that has gone is ready for ever, and has no packet. */
static bool vhn_rx_pending(struct parley_vhost_vq *vq)
{
	const struct vhn_vq *q = parley_vhost_vq_priv(vq);

	return q->rx->first < q->rx->end || vhn_socket_peek(q->be.sock) > 0;
}

static u64 vhn_rx_cost(const struct parley_vhost_req *req)
{
	return container_of(req, struct vhn_rx_req, req)->cost;
}

const struct parley_vhost_queue_ops vhn_rx_ops = {
	.req_size	= sizeof(struct vhn_rx_req),
	.pieces		= VHN_PIECES,
	.max_in_flight	= VHN_RX_BUFFERS,
	.framing	= VHN_HDR,
	.work		= vhn_rx_work,
	.pending	= vhn_rx_pending,
	.cost		= vhn_rx_cost,
};
