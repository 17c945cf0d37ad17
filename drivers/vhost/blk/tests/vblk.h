/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A driver for tests of vhost blk: one ring, with requests of any shape.
 *
 * What the driver sends lies in one flat buffer for each direction; a shape says
 * how that is cut into descriptors.
 */
#ifndef _PARLEY_VHOST_TEST_VBLK_H
#define _PARLEY_VHOST_TEST_VBLK_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <parley/vhost.h>
#include <parley/virtqueue.h>
#include <uapi/linux/virtio_blk.h>
#include <uapi/linux/virtio_ring.h>
#include "../blk.h"
#include "ram.h"

#define VBLK_RING	512
#define VBLK_BUF	SZ_1M	/* for each direction */
#define VBLK_HDR	sizeof(struct virtio_blk_outhdr)
#define VBLK_POISON	0xa5
#define VBLK_SERIAL	"parley-vhost-blk-tst"

/**
 * enum vblk_shape - how a request is cut
 * @VBLK_WHOLE: one descriptor for each direction
 * @VBLK_PARTS: header, data, status: what all drivers do
 * @VBLK_BYTES: header and status byte by byte, data in the middle of pages
 * @VBLK_ODD: pieces of 1, 2, 3 ... times 77 bytes
 * @VBLK_PAGES: header, data in pieces of a page, status
 * @VBLK_SHAPES: how many there are
 */
enum vblk_shape {
	VBLK_WHOLE,
	VBLK_PARTS,
	VBLK_BYTES,
	VBLK_ODD,
	VBLK_PAGES,
	VBLK_SHAPES,
};

/**
 * struct vblk - the driver, its ring and the device
 * @test: the test
 * @ram: back end, or NULL
 * @file: back end: the file given to the device
 * @dev: the device
 * @vq: its first ring
 * @drv: the driver's end of the ring
 * @devq: the device's end
 * @region: all memory, at its physical address
 * @map: of it
 * @out: what the driver sends
 * @in: what it receives
 * @skew: the buffers' data is so far from a block's boundary
 * @called: the device wants us to look
 * @len: used length of the last request
 * @joined: the ring runs
 */
struct vblk {
	struct kunit *test;
	struct ram *ram;
	struct file *file;
	struct parley_vhost *dev;
	struct parley_vhost_vq *vq;
	struct parley_drvq *drv;
	struct parley_devq *devq;
	struct parley_region region;
	struct parley_memmap map;
	u8 *out;
	u8 *in;
	unsigned int skew;
	struct completion called;
	u32 len;
	bool joined;
};

/* The ring's format, as a parameter of a test. */
struct vblk_ring {
	const char *name;
	u64 features;
};

#ifdef PARLEY_COMPAT_KUNIT_GEN
#define vblk_ring_gen(test, prev, desc)	vblk_ring_gen(prev, desc)
#endif
const void *vblk_ring_gen(struct kunit *test, const void *prev, char *desc);

struct vblk *vblk_open(struct kunit *test, u64 ring_features, struct ram *ram,
		       struct file *file, u32 flags);
struct vblk *vblk_ram(struct kunit *test, unsigned int block);
u64 vblk_offered(struct vblk *v);
int vblk_run(struct vblk *v, u64 features);
void vblk_stop(struct vblk *v);
int vblk_join(struct vblk *v);

/* What is sent, and what was received: see vblk_do(). */
void vblk_header(struct vblk *v, u32 type, u64 sector);
u8 *vblk_data(struct vblk *v);
u8 *vblk_in(struct vblk *v);
int vblk_put(struct vblk *v, enum vblk_shape shape, size_t out, size_t in,
	     void *cookie);
void *vblk_wait(struct vblk *v);
int vblk_do(struct vblk *v, enum vblk_shape shape, size_t out, size_t in);

int vblk_write(struct vblk *v, enum vblk_shape shape, u64 sector, u32 len,
	       u32 seed);
int vblk_read(struct vblk *v, enum vblk_shape shape, u64 sector, u32 len);
int vblk_simple(struct vblk *v, u32 type);
int vblk_clear(struct vblk *v, u32 type, u64 sector, u32 nr, u32 flags);
void vblk_pattern(u8 *buf, u64 pos, size_t len, u32 seed);
bool vblk_matches(const u8 *buf, u64 pos, size_t len, u32 seed);

#endif /* _PARLEY_VHOST_TEST_VBLK_H */
