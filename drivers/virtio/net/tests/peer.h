/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A network device for tests, on the loopback transport, and a guest's side of it.
 *
 * The device writes down what is sent and what it is told, receives what a test has
 * it receive, and lies when it is told to.  The guest's side sends packets through the
 * stack's own way and writes down what comes.  Every byte of a packet follows from its
 * seed, so that one which ended up elsewhere is seen.
 */
#ifndef _PARLEY_NET_PEER_H
#define _PARLEY_NET_PEER_H

#include <kunit/test.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/spinlock.h>
#include <parley/loopback.h>
#include <parley/transport.h>
#include "../net.h"

/* For experiments: nobody else has a handler for it. */
#define PEER_ETHERTYPE	0x88b5
#define PEER_RING	64
#define PEER_PAIRS	4
#define PEER_TOLD	128
#define PEER_DATA	320
#define PEER_SEGS	64
#define PEER_PIECES	32
#define PEER_HDR	sizeof(struct virtio_net_hdr_v1)

#define B(name)		BIT_ULL(VIRTIO_NET_F_##name)
#define PEER_CTRL							\
	(B(CTRL_VQ) | B(CTRL_RX) | B(CTRL_VLAN) | B(CTRL_MAC_ADDR) |	\
	 B(CTRL_GUEST_OFFLOADS) | B(MQ) | B(STATUS) | B(GUEST_ANNOUNCE))
#define PEER_OFFLOADS							\
	(B(CSUM) | B(HOST_TSO4) | B(HOST_TSO6) | B(HOST_ECN) | B(HOST_USO) | \
	 B(GUEST_CSUM) | B(GUEST_TSO4) | B(GUEST_TSO6) | B(GUEST_ECN) |	\
	 B(GUEST_USO4) | B(GUEST_USO6))
#define PEER_ALL	(B(MAC) | B(MTU) | B(MRG_RXBUF) | PEER_CTRL | PEER_OFFLOADS)

/* Formats of rings, as a parameter. */
struct peer_format {
	const char *name;
	u64 features;
	unsigned int ring;
};

#ifdef PARLEY_COMPAT_KUNIT_GEN
#define peer_format_gen(test, prev, desc)	peer_format_gen(prev, desc)
#endif
const void *peer_format_gen(struct kunit *test, const void *prev, char *desc);

/**
 * struct peer_frame - a packet that came, on either side
 * @node: in a list
 * @hdr: its header; on the guest's side what the stack was told, as a header
 * @queue: where it came
 * @hash: of it, on the guest's side
 * @l4: that is of its ports too
 * @meta: bytes that a program left before it, on the guest's side
 * @len: of @data
 * @data: the packet
 */
struct peer_frame {
	struct list_head node;
	struct virtio_net_hdr_v1 hdr;
	unsigned int queue;
	u32 hash;
	bool l4;
	unsigned int meta;
	u32 len;
	u8 data[];
};

/* What the device was told over the control queue. */
struct peer_told {
	u8 class;
	u8 cmd;
	u32 len;
	u8 data[PEER_DATA];
};

/**
 * struct peer_queue - a queue of the device
 * @lock: serialises the verbs
 * @lq: between start and stop
 * @slot: packed ring, for lies: where the next used descriptor goes
 * @wrap: packed ring, for lies: the wrap counter there
 */
struct peer_queue {
	struct mutex lock;	/* of all of it */
	struct parley_loopback_queue *lq;
	u16 slot;
	bool wrap;
};

/**
 * struct peer - the device and the guest's side
 * @lb: the device
 * @pd: what the guest sees of it
 * @net: the front-end
 * @dev: the interface
 * @config: of the device
 * @q: its queues
 * @ctrl: index of the control queue
 * @deaf: it takes nothing that is sent
 * @mute: it answers no command
 * @refuse: it refuses commands of this class; -1: none
 * @obey: but for so many, which it takes before
 * @once: and only one of them
 * @hash: what it says the hash of the next packets is
 * @kind: of that (VIRTIO_NET_HASH_REPORT_*)
 * @last: where the last packet that the guest receives was written, piece by piece
 * @nr_last: pieces of that
 * @early: told of fewer pairs than the stack sends by, so often
 * @resets: seen
 * @lock: of the lists, and of what it was told
 * @sent: what the guest sent
 * @came: what the guest received
 * @told: what the device was told
 * @nr_told: how often
 * @tap: sees what the guest receives
 */
struct peer {
	struct parley_loopback *lb;
	struct parley_device *pd;
	struct parley_net *net;
	struct net_device *dev;
	struct virtio_net_config config;
	struct peer_queue q[2 * PEER_PAIRS + 1];
	unsigned int ctrl;
	bool deaf;
	bool mute;
	int refuse;
	int obey;
	bool once;
	u32 hash;
	u16 kind;
	struct parley_iov last[PEER_PIECES];
	unsigned int nr_last;
	atomic_t early;
	atomic_t resets;
	spinlock_t lock;	/* see above */
	struct list_head sent;
	struct list_head came;
	struct peer_told told[PEER_TOLD];
	unsigned int nr_told;
	struct packet_type tap;
};

/**
 * struct peer_lie - how a packet is received that is not as it should be
 * @num_buffers: what the header says; -1: the truth
 * @withhold: so many of the last buffers are never completed
 * @cut: so many bytes of the first buffer are said to be written; 0: the truth
 */
struct peer_lie {
	int num_buffers;
	unsigned int withhold;
	u32 cut;
};

#define PEER_HONEST	((struct peer_lie){ .num_buffers = -1 })

/* peer.c: the device */
int peer_create(struct peer *p, u64 features, unsigned int pairs, unsigned int ring);
void peer_destroy(struct peer *p);
int peer_receive(struct peer *p, unsigned int pair, const struct virtio_net_hdr_v1 *hdr,
		 const void *data, u32 len, const struct peer_lie *lie);
int peer_overrun(struct peer *p, unsigned int pair);
int peer_look_at_buffers(struct peer *p, unsigned int pair, unsigned int *dirty);
void peer_serve(struct peer *p);
void peer_set_config(struct peer *p);
unsigned int peer_times_told(struct peer *p, u8 class, u8 cmd, struct peer_told *last);
void peer_forget_told(struct peer *p);

/* wire.c: the guest's side, and what tests have in common */
struct peer *peer_new(struct kunit *test, u64 features, unsigned int pairs);
struct peer *peer_new_with(struct kunit *test, u64 features, unsigned int pairs,
			   struct virtio_net_config config);
void peer_end(struct kunit *test, struct peer *p);
int peer_up(struct peer *p, bool up);
void peer_fill(u8 *data, u32 len, u32 seed);
bool peer_matches(const struct peer_frame *f, u32 len, u32 seed);
struct sk_buff *peer_skb(struct peer *p, u32 len, u32 seed, unsigned int headroom,
			 unsigned int frags);
int peer_transmit(struct peer *p, u32 len, u32 seed);
struct peer_frame *peer_next(struct peer *p, struct list_head *list);
struct peer_frame *peer_wait(struct kunit *test, struct peer *p, struct list_head *list);
bool peer_nothing(struct peer *p, struct list_head *list);
int peer_both_ways(struct kunit *test, struct peer *p, u32 len, u32 seed);
int peer_receive_seed(struct peer *p, unsigned int pair, u32 len, u32 seed,
		      const struct peer_lie *lie);
bool peer_works_again(struct kunit *test, struct peer *p);
struct rtnl_link_stats64 peer_stats(struct peer *p);
void peer_load_start(struct kunit *test, struct peer *p);
void peer_load_stop(void);
unsigned int peer_in_flight(struct peer *p);
unsigned int peer_free_slots(struct peer *p);
void peer_fill_ring(struct kunit *test, struct peer *p);
void peer_fill_ring_of(struct kunit *test, struct peer *p, unsigned int pair);
int peer_set_pairs(struct peer *p, unsigned int pairs);
void peer_listen_again(struct peer *p);

/* prog.c: a program, and what it does with a packet; one test runs at a time */
extern u32 (*peer_judge)(struct xdp_buff *xdp);
extern atomic_t peer_judged;
struct bpf_prog *peer_prog(struct kunit *test, bool frags);
int peer_attach(struct peer *p, struct bpf_prog *prog);
struct peer *peer_with(struct kunit *test, u64 features, u32 (*judges)(struct xdp_buff *),
		       struct bpf_prog **prog);

#endif /* _PARLEY_NET_PEER_H */
