/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A small network device and its guest, in one kernel: the second accelerator.
 *
 * Queue 0 receives: it is pulled.  Queue 1 sends.  The wire is a pair of sockets that
 * keep packets apart, so what the guest sends arrives at the other end
 * (net_wire_get()), and what is put there (net_wire_put()) is received; with @echo, it
 * is what was sent.  A packet has a header in front of it, of which only the number of
 * buffers is used.
 */
#ifndef _PARLEY_VHOST_TESTS_NET_H
#define _PARLEY_VHOST_TESTS_NET_H

#include <linux/net.h>
#include <uapi/linux/virtio_net.h>
#include "../runq.h"
#include "toy.h"

#define NET_RX		0u
#define NET_TX		1u
#define NET_IN_FLIGHT	32u
#define NET_BUFFERS	8u	/* most of one packet */
#define NET_PACKET	1024u	/* most bytes of one, without its header */
#define NET_HDR		((u32)sizeof(struct virtio_net_hdr_mrg_rxbuf))

/**
 * struct nic - the device
 * @test: the test
 * @dev: the library's
 * @ours: end of the wire that the device has
 * @theirs: the other end
 * @file: that of @ours, which is watched
 * @echo: what is sent is received, without the wire
 * @keep: buffers that work() takes and fills later, when net_fill() says so
 * @stays: work() stays where it is, when it has kept all, until @go, and after each
 *	packet; then it is called again
 * @go: see @stays
 * @lock: protects @kept, @nr_kept
 * @kept: such buffers
 * @nr_kept: how many
 * @dropped: packets that no number of buffers holds
 * @works: calls of work() for the ring that receives
 * @ended: the wire has come to its end
 * @packet: one on its way; of who works
 */
struct nic {
	struct kunit *test;
	struct parley_vhost *dev;
	struct socket *ours;
	struct socket *theirs;
	struct file *file;
	bool echo;
	unsigned int keep;
	bool stays;
	struct completion go;
	spinlock_t lock;	/* see above */
	struct list_head kept;
	unsigned int nr_kept;
	unsigned int dropped;
	unsigned int works;
	bool ended;
	u8 packet[NET_PACKET];
};

/**
 * struct net_ring - one ring of the guest
 * @r: both sides
 * @mem: buffers
 * @size: bytes of each
 * @nr: how many
 * @free: those not in flight
 * @nr_free: how many
 */
struct net_ring {
	struct toy_ring r;
	u8 *mem;
	unsigned int size;
	unsigned int nr;
	u16 free[64];
	unsigned int nr_free;
};

struct nic *net_open(struct kunit *test);
void net_close(struct nic *net);	/* the test's end does it as well */
/* A ring of @num descriptors, of which each buffer has one. */
struct net_ring *net_ring_open(struct nic *net, unsigned int index, u64 features,
			       unsigned int num, unsigned int size);
void net_ring_close(struct net_ring *g);	/* and this */

void net_wire_put(struct nic *net, const void *data, size_t len);
int net_wire_get(struct nic *net, void *data, size_t len);	/* bytes, or an error */
/* Have @nr buffers kept, of those that there are. */
void net_keep(struct nic *net, unsigned int nr);
/* Fill the @at-th of those that are kept, with @byte. */
void net_fill(struct nic *net, unsigned int at, u8 byte);

/* @nr buffers for the device to fill; was a kick wanted? */
bool net_post(struct net_ring *g, unsigned int nr);
/* One packet to send. */
void net_send(struct net_ring *g, const void *data, size_t len);
/* The next packet in @data, its bytes; negative: none within some seconds. */
int net_receive(struct net_ring *g, void *data);
/* Buffers that came back from sending. */
unsigned int net_sent(struct net_ring *g);
struct vh_worker *net_worker(struct nic *net);
/* The worker has nothing to do, and sleeps. */
bool net_rests(struct nic *net);

#endif /* _PARLEY_VHOST_TESTS_NET_H */
