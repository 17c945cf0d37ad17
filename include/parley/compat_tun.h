/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * As compat.h, for who speaks to a tap.
 *
 * Not told apart by version: stable kernels may take these over, and a guess that is
 * wrong would have a tap read the length of a buffer where there is none.
 */
#ifndef _PARLEY_COMPAT_TUN_H
#define _PARLEY_COMPAT_TUN_H

#include <linux/if_tun.h>

/*
 * What goes before a packet of a batch had the buffer's length as well, which is in
 * xdp_buff.frame_sz now.  Where the kernel has the structure though we believe that it
 * has none, or the other way round, this does not compile.
 */
#ifdef TUN_F_UDP_TUNNEL_GSO
struct tun_xdp_hdr {
	struct virtio_net_hdr gso;
};

static inline void parley_tun_room(struct tun_xdp_hdr *hdr, unsigned int bytes)
{
}
#else
static inline void parley_tun_room(struct tun_xdp_hdr *hdr, unsigned int bytes)
{
	hdr->buflen = bytes;
}
#endif

/* A tap's queue was never stopped by one that is full. */
#ifndef IFF_BACKPRESSURE
static inline void tun_wake_queue(struct file *file, int consumed)
{
}
#endif

#endif /* _PARLEY_COMPAT_TUN_H */
