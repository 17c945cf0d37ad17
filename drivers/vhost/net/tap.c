// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost net: what a tap, macvtap or ipvtap can do that a socket cannot.
 *
 * What is to be received lies in a ring of pointers, of which many are taken at a time:
 * one lock, and the length of each is known without asking.  recvmsg() then gets the
 * packet itself as its control message, and lets go of it whatever becomes of it.
 *
 * What is sent can be an array of buffers, each with a header in front that the tap
 * makes a packet of without copying it again.  Nothing of that counts against the
 * tap's sndbuf, so it is only done where that is no limit.
 */
#include <linux/if_tap.h>
#include <linux/if_vlan.h>
#include <linux/poll.h>
#include <linux/ptr_ring.h>
#include <linux/skbuff.h>
#include <net/sock.h>
#include <net/xdp.h>
#include <parley/compat_tun.h>
#include "net.h"

/**
 * vhn_tap_ring() - where a back end keeps what is to be received
 * @file: back end
 *
 * Context: any.
 * Return: a ring that is there as long as the file is; NULL if it is no tap, macvtap
 * or ipvtap.
 */
struct ptr_ring *vhn_tap_ring(struct file *file)
{
	struct ptr_ring *ring = tun_get_tx_ring(file);

	if (IS_ERR(ring))
		ring = tap_get_ptr_ring(file);
	return IS_ERR(ring) ? NULL : ring;
}

/**
 * vhn_tap_take() - take packets
 * @be: back end with a ring
 * @packets: filled
 * @nr: how many at most
 *
 * Context: process.
 * Return: how many; each is for vhn_socket_receive(), vhn_tap_drop() or
 * vhn_tap_untake().
 */
unsigned int vhn_tap_take(const struct vhn_backend *be, void **packets, unsigned int nr)
{
	unsigned int n;

	scoped_guard(spinlock, &be->ring->consumer_lock) {
		n = __ptr_ring_consume_batched(be->ring, packets, nr);
		/* Who waits for room in it. */
		if (n)
			tun_wake_queue(be->file, n);
	}
	return n;
}

/**
 * vhn_tap_untake() - packets are somebody else's to receive
 * @be: back end with a ring
 * @packets: what was taken
 * @nr: how many
 *
 * They are in front of the others again.  Those are lost for which the ring has no
 * room any more.
 *
 * Context: process.
 */
void vhn_tap_untake(const struct vhn_backend *be, void **packets, unsigned int nr)
{
	ptr_ring_unconsume(be->ring, packets, nr, tun_ptr_free);
}

/** vhn_tap_drop() - a packet that was taken is lost; any context */
void vhn_tap_drop(void *packet)
{
	tun_ptr_free(packet);
}

/** vhn_tap_len() - bytes of a packet that was taken, without a header */
u32 vhn_tap_len(void *packet)
{
	struct sk_buff *skb = packet;

	if (tun_is_xdp_frame(packet))
		return tun_ptr_to_xdp(packet)->len;
	return skb->len + (skb_vlan_tag_present(skb) ? VLAN_HLEN : 0);
}

/**
 * vhn_tap_sends_many() - may packets be sent as an array, now?
 * @be: any back end
 *
 * A tap whose interface is down refuses a packet, but not one of an array: who took the
 * interface down to cut the guest off would be mistaken.  It can be written to only
 * while the interface is up, so it is asked for that, once for each burst.
 *
 * Context: process.
 * Return: true if so; false: one by one.
 */
bool vhn_tap_sends_many(const struct vhn_backend *be)
{
	return be->ring && READ_ONCE(be->sock->sk->sk_sndbuf) == INT_MAX &&
	       vfs_poll(be->file, NULL) & EPOLLOUT;
}

/**
 * vhn_tap_layout() - where a packet goes in its buffer
 * @be: back end
 * @len: bytes of the packet, without a header
 * @layout: filled
 *
 * Return: false if such a buffer would be larger than a page: send it by itself.
 */
bool vhn_tap_layout(const struct vhn_backend *be, u32 len, struct vhn_layout *layout)
{
	u32 room = NET_IP_ALIGN + NET_SKB_PAD + VHN_HDR;

	/* For a program that puts something in front of it. */
	if (sock_flag(be->sock->sk, SOCK_XDP))
		room += XDP_PACKET_HEADROOM;
	layout->pad = SKB_DATA_ALIGN(room);
	layout->size = SKB_DATA_ALIGN(layout->pad + len) +
		       SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	return layout->size <= PAGE_SIZE;
}

/**
 * vhn_tap_pack() - a buffer is complete
 * @xdp: filled for vhn_tap_send()
 * @buf: of vhn_tap_layout()
 * @layout: so
 * @len: bytes of the packet at layout->pad
 * @hdr: its header, anywhere but at the beginning of @buf; NULL for none
 *
 * Context: any.
 */
void vhn_tap_pack(struct xdp_buff *xdp, void *buf, const struct vhn_layout *layout, u32 len,
		  const void *hdr)
{
	struct tun_xdp_hdr *head = buf;

	/* A tap that was told of a longer header finds zeroes behind ours. */
	memset(buf, 0, layout->pad - VHN_HDR);
	if (hdr)
		memcpy(&head->gso, hdr, sizeof(head->gso));
	parley_tun_room(head, layout->size);
	xdp_init_buff(xdp, layout->size, NULL);
	xdp_prepare_buff(xdp, buf, layout->pad, len, true);
}

/**
 * vhn_tap_send() - give packets to the back end
 * @be: back end for which vhn_tap_sends_many()
 * @xdp: packets
 * @nr: how many
 *
 * Context: process.
 * Return: 0: they are not the caller's any more, and what of them was no good, the
 * interface has counted; an error: there is no interface any more, and they are.
 */
int vhn_tap_send(const struct vhn_backend *be, struct xdp_buff *xdp, unsigned int nr)
{
	struct tun_msg_ctl ctl = { .type = TUN_MSG_PTR, .num = nr, .ptr = xdp };
	struct msghdr msg = {
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL,
		.msg_control = &ctl, .msg_controllen = sizeof(ctl),
	};
	int n = READ_ONCE(be->sock->ops)->sendmsg(be->sock, &msg, 0);

	return min(n, 0);
}
