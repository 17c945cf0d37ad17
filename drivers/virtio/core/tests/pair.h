/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the core's tests stand on: a driver queue and a device queue joined over
 * the same memory, and raw rings for tests that play one side by hand.
 *
 * The same files run under KUnit in the kernel and, with a small stand-in for
 * KUnit, in user space.
 */
#ifndef _PARLEY_CORE_TESTS_PAIR_H
#define _PARLEY_CORE_TESTS_PAIR_H

#include <kunit/test.h>
#include "../os.h"
#include "window.h"

#define PAIR_ARENA	65536u	/* bytes for buffers */
#define PAIR_SEGS	5u	/* segments of the longest random buffer */

#define PAIR_EVENT	BIT_ULL(VIRTIO_RING_F_EVENT_IDX)
#define PAIR_INDIRECT	BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)
#define PAIR_PACKED	BIT_ULL(VIRTIO_F_RING_PACKED)
#define PAIR_IN_ORDER	BIT_ULL(VIRTIO_F_IN_ORDER)
#define PAIR_DMA	BIT_ULL(VIRTIO_F_ACCESS_PLATFORM)
#define PAIR_DATA	BIT_ULL(VIRTIO_F_NOTIFICATION_DATA)

/* No feature: the device sees a window; with PAIR_DMA, behind the DMA API. */
#define PAIR_WINDOW	BIT_ULL(63)

/*
 * How the device may reach memory: every shape of ring is tried with each.  The
 * kernel's DMA API is its own; in user space it copies where a window is behind.
 */
#ifdef __KERNEL__
#define PAIR_MEMORY(name, features)					\
	{ name, (features) },						\
	{ name "-dma", (features) | PAIR_DMA },				\
	{ name "-window", (features) | PAIR_WINDOW }
#else
#define PAIR_MEMORY(name, features)					\
	{ name, (features) },						\
	{ name "-dma", (features) | PAIR_DMA },				\
	{ name "-bounced", (features) | PAIR_DMA | PAIR_WINDOW },	\
	{ name "-window", (features) | PAIR_WINDOW }
#endif

/*
 * struct pair - two queues over one ring
 * @drv: driver queue; its notify() counts in @kicks
 * @dev: device queue over the same ring, or NULL
 * @host: where the ring lies for us
 * @region: what @map has: all memory, at the addresses that the driver names
 * @arena: PAIR_ARENA bytes for buffers
 * @window: what the device sees, if that is not all memory
 * @meanwhile: if set, called, once, before a kick takes effect
 */
struct pair {
	struct kunit *test;
	u64 features;
	unsigned int size;
	struct parley_drvq *drv;
	struct parley_devq *dev;
	struct parley_vq_addr host;
	struct parley_region region;
	struct parley_memmap map;
	u8 *arena;
	unsigned int kicks;
	u32 kick_data;
	struct device *dma;
	struct window *window;
	void (*meanwhile)(struct pair *p);
};

/*
 * struct raw - a ring made by hand, served by a device queue
 *
 * The addresses that descriptors name are PAIR_BUS and on; the map has one
 * region of PAIR_ARENA bytes there, which is @arena.
 */
struct raw {
	struct kunit *test;
	bool packed;
	unsigned int size;
	struct vring_desc *desc;
	struct vring_packed_desc *pdesc;
	struct vring_avail *avail;
	struct vring_used *used;
	struct vring_packed_desc_event *drv_event;
	struct vring_packed_desc_event *dev_event;
	struct parley_devq *dev;
	struct parley_region region[3];
	struct parley_memmap map;
	u8 *arena;
};

#define PAIR_BUS	0x100001000ull	/* beyond 32 bits */
#define PAIR_END	(PAIR_BUS + PAIR_ARENA)

struct pair *parley_pair_open(struct kunit *test, u64 features, unsigned int size,
			      unsigned int indirect_segs);
struct pair *parley_pair_open_max(struct kunit *test, u64 features,
				  unsigned int size, unsigned int size_max,
				  unsigned int indirect_segs);
void parley_pair_reset(struct pair *p);
void parley_pair_new_device(struct pair *p);
u64 parley_pair_phys(const void *p);
void *parley_pair_virt(u64 addr);
void *parley_pair_host(const struct pair *p, u64 addr);
void *parley_pair_pages(struct kunit *test, size_t size);

struct raw *parley_raw_open(struct kunit *test, u64 features, unsigned int size);
void parley_raw_desc(struct raw *r, unsigned int at, u64 addr, u32 len, u16 flags,
		     u16 next);
void parley_raw_avail(struct raw *r, unsigned int n);
void parley_raw_reset(struct raw *r);

/* A small generator: the same numbers from the same seed, everywhere. */
struct rnd {
	u64 state;
};

static inline u32 rnd_next(struct rnd *r)
{
	r->state = r->state * 6364136223846793005ull + 1442695040888963407ull;
	return r->state >> 33;
}

/* From 0 below @n, which is not zero. */
static inline u32 rnd_below(struct rnd *r, u32 n)
{
	return rnd_next(r) % n;
}

#endif /* _PARLEY_CORE_TESTS_PAIR_H */
