// SPDX-License-Identifier: GPL-2.0-only
/*
 * The header of a packet (spec 5.1.6), both ways.
 *
 * What the device says of a packet is copied once to private memory, and all of it is
 * checked here before anything is made of it; then the kernel's own reading of such
 * headers has a look at it too, since that knows the protocols.  After these two the
 * numbers are in range of the packet.  That the packet has many segments is marked as
 * not to be trusted, so that the stack counts them itself.
 */
#include <linux/virtio_net.h>
#include <net/udp.h>
#include "net.h"

/* What has to be negotiated before a device may send a packet of a type (5.1.6.4.1). */
static bool parley_net_gso_agreed(u8 type, u64 features)
{
	switch (type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return features & BIT_ULL(VIRTIO_NET_F_GUEST_TSO4);
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return features & BIT_ULL(VIRTIO_NET_F_GUEST_TSO6);
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return features & (BIT_ULL(VIRTIO_NET_F_GUEST_USO4) |
				   BIT_ULL(VIRTIO_NET_F_GUEST_USO6));
	default:
		return false;
	}
}

/* Of a packet that is to be cut: its type, and where its payload begins. */
static int parley_net_hdr_check_gso(const struct virtio_net_hdr_v1 *hdr, u32 len,
				    u64 features)
{
	const u8 type = hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
	const bool tcp = type != VIRTIO_NET_HDR_GSO_UDP_L4;
	const u32 size = vr16_to_cpu(hdr->gso_size);
	u32 payload = vr16_to_cpu(hdr->csum_start);

	if (!parley_net_gso_agreed(type, features))
		return -EINVAL;
	if (hdr->gso_type & VIRTIO_NET_HDR_GSO_ECN &&
	    !(tcp && features & BIT_ULL(VIRTIO_NET_F_GUEST_ECN)))
		return -EINVAL;
	/* The device must set it, or nobody knows where the payload begins. */
	if (!(hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return -EINVAL;
	if (vr16_to_cpu(hdr->csum_offset) != (tcp ? offsetof(struct tcphdr, check) :
						    offsetof(struct udphdr, check)))
		return -EINVAL;
	payload += tcp ? sizeof(struct tcphdr) : sizeof(struct udphdr);
	/* All ones has a meaning of its own inside the kernel. */
	return payload <= len && size && size != GSO_BY_FRAGS ? 0 : -EINVAL;
}

/**
 * parley_net_hdr_check() - does a packet's header make sense?
 * @hdr: private copy of what the device wrote
 * @len: bytes of the packet, without the header
 * @features: negotiated
 *
 * The number of buffers is not looked at.
 *
 * Return: 0 or -EINVAL.
 */
int parley_net_hdr_check(const struct virtio_net_hdr_v1 *hdr, u32 len, u64 features)
{
	if (len < ETH_HLEN || len > PARLEY_NET_LEN_MAX)
		return -EINVAL;
	if (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		u32 start = vr16_to_cpu(hdr->csum_start);
		u32 field = start + vr16_to_cpu(hdr->csum_offset);

		if (!(features & BIT_ULL(VIRTIO_NET_F_GUEST_CSUM)))
			return -EINVAL;
		if (start < ETH_HLEN || field + sizeof(__sum16) > len)
			return -EINVAL;
	}
	if (hdr->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return 0;
	return parley_net_hdr_check_gso(hdr, len, features);
}
EXPORT_SYMBOL_IF_KUNIT(parley_net_hdr_check);

/**
 * parley_net_hdr_apply() - tell the stack what a packet's header says
 * @skb: whole packet, which begins with its Ethernet header
 * @hdr: private copy of what the device wrote
 * @features: negotiated
 *
 * Return: 0; -EINVAL if the header contradicts itself or the packet.
 */
int parley_net_hdr_apply(struct sk_buff *skb, const struct virtio_net_hdr_v1 *hdr,
			 u64 features)
{
	int err = parley_net_hdr_check(hdr, skb->len, features);

	if (err)
		return err;
	if (hdr->flags & VIRTIO_NET_HDR_F_DATA_VALID &&
	    features & BIT_ULL(VIRTIO_NET_F_GUEST_CSUM))
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	return virtio_net_hdr_to_skb(skb, (const struct virtio_net_hdr *)hdr, true);
}
EXPORT_SYMBOL_IF_KUNIT(parley_net_hdr_apply);

/* The exact length of the headers, which VIRTIO_NET_F_GUEST_HDRLEN promises. */
static u16 parley_net_hdr_len(const struct sk_buff *skb)
{
	if (skb_shinfo(skb)->gso_type & SKB_GSO_UDP_L4)
		return skb_transport_offset(skb) + sizeof(struct udphdr);
	return skb_tcp_all_headers(skb);
}

/**
 * parley_net_hdr_make() - the header of a packet to send
 * @skb: packet
 * @at: where, all of it is filled
 * @len: bytes of it, with what belongs to a hash
 *
 * Return: 0; -EINVAL for a packet that was not offered to take.
 */
int parley_net_hdr_make(const struct sk_buff *skb, void *at, unsigned int len)
{
	struct virtio_net_hdr_v1 *hdr = at;
	int err;

	/* Not all is what the kernel fills; the rest has to be 0 of the driver (5.1.6.2). */
	memset(at, 0, len);
	err = virtio_net_hdr_from_skb(skb, (struct virtio_net_hdr *)hdr, true, false, 0);
	if (!err && hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		hdr->hdr_len = cpu_to_vr16(parley_net_hdr_len(skb));
	return err;
}
