/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests of virtio-blk.  A request is two streams of bytes, what the device
 * reads (header, data) and what it writes (data, status), each cut into pieces
 * anywhere in the guest's memory.
 */
#ifndef _VMM_BLKREQ_H
#define _VMM_BLKREQ_H

#include "guest.h"
#include "ring.h"

#define SECTOR		512u
#define REQ_BYTES_MAX	(64u << 10)	/* data of one request */
#define REQ_SEGS_MAX	260u
#define REQ_ARENA	(256u << 10)	/* where its pieces lie */
#define REQ_HEADER	16u

/* How the streams are cut. */
enum shape {
	SHAPE_PLAIN,	/* header, data, status: as any driver does */
	SHAPE_PAGES,	/* data in pages, each on its own */
	SHAPE_RANDOM,	/* anywhere, any length */
	SHAPE_TINY,	/* as many pieces as the ring takes */
	SHAPE_ONE,	/* one piece each way */
	SHAPES,
};

/**
 * struct breq - a request
 * @g: whose memory
 * @type: VIRTIO_BLK_T_*
 * @sector: where
 * @bytes: data
 * @skew: where in a page the data begins, in the shapes that put it on its own
 * @data: what is written, or what was read
 * @status: VIRTIO_BLK_S_*, once completed; STATUS_NONE before
 * @used: bytes the device says it wrote
 * @busy: in flight
 * @arena: its memory
 * @mem: the same, for us
 * @segs: its pieces, @n_out and then @n_in
 * @host: the same, for us
 * @at: where the next piece goes
 * @priv: the caller's
 */
struct breq {
	struct guest *g;
	u32 type;
	u64 sector;
	u32 bytes;
	u32 skew;
	u8 *data;
	u8 status;
	u32 used;
	bool busy;
	u64 arena;
	u8 *mem;
	struct parley_seg segs[REQ_SEGS_MAX];
	u8 *host[REQ_SEGS_MAX];
	unsigned int n_out, n_in;
	u32 at;
	u64 priv;
};

#define STATUS_NONE	0xee	/* the device wrote none */
#define CANARY		0xc5	/* between pieces */

struct breq *breq_new(struct guest *g);
void breq_free(struct breq *r);
/* Does the device write the data of this type?  Read it?  Neither. */
bool breq_in(u32 type);
bool breq_out(u32 type);
/* Lay the request out; @longest: pieces that the ring takes. */
void breq_build(struct breq *r, enum shape shape, unsigned int longest,
		struct rng *rng);
int breq_put(struct queue *q, struct breq *r);	/* not published yet */
void breq_publish(struct queue *q);
/* Requests completed, at most max; each is checked. */
unsigned int breq_reap(struct queue *q, struct breq **done, unsigned int max);
/* One that is built, to its status. */
u8 breq_answer(struct queue *q, struct breq *r);
/* One request from build to status. */
u8 breq_run(struct queue *q, struct breq *r, enum shape shape, struct rng *rng);
/* The same with a request of its own: data of a read lands in @data. */
u8 blk_do(struct queue *q, struct guest *g, u32 type, u64 sector, void *data,
	  u32 bytes);

#endif /* _VMM_BLKREQ_H */
