/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A back end of the test's own, and a guest, for tests of vhost net.
 *
 * The back end is a socket that looks like a raw packet socket: it keeps what is sent
 * to it, and has what the test puts there to be received.  Like a tap it puts a header
 * before that, unless told not to, and knows the length of the next packet; or its
 * packets lie where those of a packet socket do.
 *
 * The guest has ring 0, which receives, and ring 1, which sends.
 */
#ifndef _PARLEY_VHOST_NET_TESTS_WIRE_H
#define _PARLEY_VHOST_NET_TESTS_WIRE_H

#include <kunit/test.h>
#include <linux/skbuff.h>
#include <net/sock.h>
#include <parley/virtqueue.h>
#include <uapi/linux/virtio_ring.h>
#include "../../core/state.h"
#include "../../core/tests/until.h"
#include "../net.h"

#define WIRE_RX		0u
#define WIRE_TX		1u
#define WIRE_RING	256u
#define WIRE_PIECES	(VHN_PIECES + 1)
#define WIRE_POISON	0xa5
/* What the back end's header says, all over. */
#define WIRE_HEADER	0x11

/* A packet on its way. */
struct wire_frame {
	struct list_head node;
	u32 len;
	int more;
	u8 data[];
};

/* A buffer of the guest, in one piece or several. */
struct wire_buf {
	u32 size;
	u32 len;
	u8 data[];
};

/**
 * struct wire - device, back end and guest
 * @test: the test
 * @dev: the library's
 * @features: that were agreed upon
 * @sock: the back end
 * @file: it
 * @lock: protects the lists and @room
 * @sent: what was sent
 * @coming: what is to be received
 * @room: packets that can be sent; negative for any number
 * @err: what sending says; 0: it works
 * @sends: how often it was tried
 * @hdr: bytes of its header
 * @asked: somebody found no room by poll(), and is to be told; as a tap has it, nobody
 *	else is
 * @more: bytes that packets which are put have more than is said
 * @cut: writes of a packet that were not complete
 * @wrong: its packets cannot be received
 * @plain: the guest's headers say nothing
 * @rings: of the guest
 * @region: all memory of this kernel, where the guest's lies
 * @map: with that region alone
 */
struct wire {
	struct kunit *test;
	struct parley_vhost *dev;
	u64 features;
	struct socket *sock;
	struct file *file;
	spinlock_t lock;	/* see above */
	struct list_head sent;
	struct list_head coming;
	int room;
	int err;
	unsigned int sends;
	u32 hdr;
	bool asked;
	int more;
	unsigned int cut;
	bool wrong;
	bool plain;
	struct wire_ring {
		struct wire *wire;
		struct parley_vhost_vq *vq;
		struct parley_drvq *drv;
		struct parley_devq *dev;
		bool joined;
		atomic_t calls;
	} rings[2];
	struct parley_region region;
	struct parley_memmap map;
};

struct wire *wire_open(struct kunit *test, u64 features);
/* Its packets lie in the socket's own queue; before wire_run(). */
void wire_as_packet_socket(struct wire *w);
/* Back ends for both rings, which run from now on. */
void wire_run(struct wire *w);
void wire_stop(struct wire *w);
int wire_attach(struct wire *w, unsigned int index, struct file *file);
void wire_join(struct wire *w, unsigned int index);
void wire_leave(struct wire *w, unsigned int index);

/* Bytes that depend on their place and on @seed; are these such, from that place on? */
void wire_make(u8 *data, u32 len, u8 seed);
bool wire_is(const u8 *data, u32 from, u32 len, u8 seed);

/* Of the back end: @len bytes that depend on @seed arrive, or were sent. */
void wire_put(struct wire *w, u32 len, u8 seed);
void wire_put_tagged(struct wire *w, u32 len, u8 seed);
void wire_expect_sent(struct wire *w, u32 len, u8 seed);
unsigned int wire_nr_sent(struct wire *w);
unsigned int wire_nr_coming(struct wire *w);
void wire_make_room(struct wire *w, int room);

/* Of the guest: a buffer of one piece to receive into; one chain with such pieces. */
void wire_post(struct wire *w, u32 size);
void wire_chain(struct wire *w, unsigned int index, const u32 *out, unsigned int n_out,
		const u32 *in, unsigned int n_in, u8 seed);
/* A packet of @len bytes, its header in a piece of its own. */
void wire_send(struct wire *w, u32 len, u8 seed);
/* The next buffer that comes back, for kfree(); NULL: none within seconds. */
struct wire_buf *wire_next(struct wire *w, unsigned int index);
/* One comes back, with so many bytes written. */
void wire_expect_back(struct wire *w, unsigned int index, u32 len);
/* A packet arrives over @nr buffers. */
void wire_expect_packet(struct wire *w, u32 len, u8 seed, unsigned int nr);
/* None does, now. */
void wire_expect_nothing(struct wire *w, unsigned int index);
u64 wire_dropped(struct wire *w, unsigned int index);

#endif /* _PARLEY_VHOST_NET_TESTS_WIRE_H */
