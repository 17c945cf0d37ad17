/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside vhost net.  One noun for each file:
 *
 *	main.c		the device: driver table, its life, the VMM's own call
 *	backend.c	the back end of a ring: taken from a file descriptor, let go
 *	socket.c	what is asked of any of its kinds, and a packet that is dropped
 *	tap.c		what is asked of a tap: many packets at a time
 *	tx.c		rings on which the guest sends: submitted
 *	rx.c		rings on which it receives: pulled
 *
 * The rings come in pairs, as the specification numbers them (5.1.2): even ones
 * receive, odd ones send.  Each has a back end of its own, which for a pair is the
 * same file as a rule, and runs as long as it has one.
 *
 * The life of a packet:
 *
 *	sent	   submit(): checked, copied, and given to a tap with all others of the
 *		   burst; or given to the socket, which copies it before it returns;
 *		   done.  A socket that is full leaves it in the ring, and queues the
 *		   ring when it has room (EPOLLOUT).
 *	received   the socket queues the ring (EPOLLIN); work(): it is taken from the
 *		   tap with those behind it, or its length is asked for; buffers for
 *		   so many bytes are pulled, the socket fills them, and they are done
 *		   as one.
 *
 * So nothing is ever in flight outside submit() and work(), and a ring that is to
 * stop waits for one turn of these at most.  Packets that were taken from a tap and for
 * which there are no buffers yet go back to it then.
 *
 * Locking: the back ends change under dev->mutex while their ring does not run; what
 * a running ring has (struct vhn_vq) is its worker's.  Nothing here has a lock of its
 * own.
 */
#ifndef _PARLEY_VHOST_NET_H
#define _PARLEY_VHOST_NET_H

#include <kunit/visibility.h>
#include <linux/net.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <linux/vhost.h>
#include <net/xdp.h>
#include <parley/byteorder.h>
#include <parley/compat.h>
#include <parley/vhost.h>
#include <uapi/linux/virtio_net.h>

#define VHN_QUEUES	64u	/* 32 pairs */
#define VHN_USUAL_QUEUES 2u	/* QEMU has a device of ours for each pair */
/* With VERSION_1, without which no ring starts, there is no shorter one (5.1.6). */
#define VHN_HDR		((u32)sizeof(struct virtio_net_hdr_v1))
/* Bytes of a packet to be sent: 64 KiB in segments, and headers that go before them. */
#define VHN_PACKET	(SZ_64K + 64u)
#define VHN_PIECES	64u	/* descriptors of one packet that is sent, or of a buffer */
#define VHN_TX_IN_FLIGHT 32u	/* what one submit() gets, since all of it ends there */
#define VHN_RX_BUFFERS	128u	/* of one packet: 64 KiB in buffers of 512 bytes */
#define VHN_RX_PIECES	256u	/* of all of these */
/* Packets of one call of work(), which goes on if there are more. */
#define VHN_RX_TURN	32u
#define VHN_RX_TAKEN	32u	/* packets taken from a tap at a time */

struct ptr_ring;

/**
 * struct vhn_backend - what a ring sends to, or receives from
 * @file: as the VMM opened it, held; NULL for none
 * @sock: what is behind it
 * @ring: of a tap, where packets for us are; else NULL
 */
struct vhn_backend {
	struct file *file;
	struct socket *sock;
	struct ptr_ring *ring;
};

/**
 * struct vhn - a device
 * @dev: the library's
 * @backends: of each ring
 */
struct vhn {
	struct parley_vhost *dev;
	struct vhn_backend backends[VHN_QUEUES];
};

/**
 * struct vhn_rx_req - a buffer of the guest
 * @req: the library's part
 * @cost: bytes of a packet in it, without its header
 */
struct vhn_rx_req {
	struct parley_vhost_req req;
	u32 cost;
};

/**
 * struct vhn_rx - what a ring that receives has besides
 * @reqs: buffers of the packet that is received
 * @pieces: theirs
 * @taken: packets of a tap
 * @first: of these that is not received yet
 * @end: one past the last
 */
struct vhn_rx {
	struct parley_vhost_req *reqs[VHN_RX_BUFFERS];
	struct parley_iov pieces[VHN_RX_PIECES];
	void *taken[VHN_RX_TAKEN];
	unsigned int first;
	unsigned int end;
};

/**
 * struct vhn_tx - what a ring that sends to a tap has besides
 * @pages: where packets are copied to
 * @packets: of this submit() that the tap did not get yet
 * @nr: how many
 */
struct vhn_tx {
	struct page_frag_cache pages;
	struct xdp_buff packets[VHN_TX_IN_FLIGHT];
	unsigned int nr;
};

/**
 * struct vhn_layout - a buffer with a packet for a tap
 * @pad: where the packet begins
 * @size: bytes of the buffer
 */
struct vhn_layout {
	u32 pad;
	u32 size;
};

/**
 * struct vhn_vq - what a running ring has
 * @be: its back end
 * @bare: the back end's packets have no header: it is ours to take off and to put on
 *	(VHOST_NET_F_VIRTIO_NET_HDR)
 * @buffers: most buffers of one packet (VIRTIO_NET_F_MRG_RXBUF)
 * @full: the back end took no more, and is watched until it does
 * @dropped: packets that were lost here
 * @packets: that went through
 * @calls: how often the back end was called for these
 * @rx: of one that receives; NULL
 * @tx: of one that sends to a tap; NULL
 */
struct vhn_vq {
	struct vhn_backend be;
	bool bare;
	unsigned int buffers;
	bool full;
	u64 dropped;
	u64 packets;
	u64 calls;
	struct vhn_rx *rx;
	struct vhn_tx *tx;
};

/* "parley-net 3: " before every message, as the library does. */
#define vhn_say(dev, fmt, ...) \
	pr_err_ratelimited("parley-net %u: " fmt, parley_vhost_id(dev), ##__VA_ARGS__)
#define vhn_vq_say(vq, fmt, ...) \
	vhn_say(parley_vhost_vq_dev(vq), "queue %u: " fmt, parley_vhost_vq_index(vq), \
		##__VA_ARGS__)

/* Even rings receive. */
static inline bool vhn_receives(unsigned int index)
{
	return !(index % 2);
}

/* backend.c */
int vhn_backend_find(const struct vhn *net, unsigned int index, struct file *file,
		     struct vhn_backend *be);
void vhn_backend_set(struct vhn *net, unsigned int index, const struct vhn_backend *be);
void vhn_backends_drop(struct vhn *net);
int vhn_vq_start(struct parley_vhost_vq *vq);
void vhn_vq_stop(struct parley_vhost_vq *vq);

/* socket.c */
struct socket *vhn_socket(struct file *file);
int vhn_socket_peek(struct socket *sock);
int vhn_socket_send(struct socket *sock, struct msghdr *msg, size_t len);
int vhn_socket_receive(struct socket *sock, struct msghdr *msg, size_t len);
void vhn_socket_drop(struct socket *sock);

/* tap.c */
struct ptr_ring *vhn_tap_ring(struct file *file);
unsigned int vhn_tap_take(const struct vhn_backend *be, void **packets, unsigned int nr);
void vhn_tap_untake(const struct vhn_backend *be, void **packets, unsigned int nr);
void vhn_tap_drop(void *packet);
u32 vhn_tap_len(void *packet);
bool vhn_tap_sends_many(const struct vhn_backend *be);
bool vhn_tap_layout(const struct vhn_backend *be, u32 len, struct vhn_layout *layout);
void vhn_tap_pack(struct xdp_buff *xdp, void *buf, const struct vhn_layout *layout, u32 len,
		  const void *hdr);
int vhn_tap_send(const struct vhn_backend *be, struct xdp_buff *xdp, unsigned int nr);

/* tx.c, rx.c */
void vhn_rx_stop(struct vhn_vq *q);
extern const struct parley_vhost_queue_ops vhn_tx_ops;
extern const struct parley_vhost_queue_ops vhn_rx_ops;

/* For KUnit, which has no file descriptors. */
#if IS_ENABLED(CONFIG_KUNIT)
int parley_vhost_net_attach(struct parley_vhost *dev, unsigned int index, struct file *file);
#endif

#endif /* _PARLEY_VHOST_NET_H */
