/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the two fuzz targets share: the input as a row of small decisions, and
 * an invariant that ends the program.
 *
 * Coverage finds its way better through structured steps than through a blob of
 * memory: most steps write what a peer might well write, some write anything.
 */
#ifndef _PARLEY_FUZZ_H
#define _PARLEY_FUZZ_H

#include <parley/virtqueue.h>

#define EVENT		BIT_ULL(VIRTIO_RING_F_EVENT_IDX)
#define INDIRECT	BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)
#define PACKED		BIT_ULL(VIRTIO_F_RING_PACKED)
#define IN_ORDER	BIT_ULL(VIRTIO_F_IN_ORDER)

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define must(cond) do {							\
	if (!(cond)) {							\
		fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__,	\
			__LINE__, #cond);				\
		abort();						\
	}								\
} while (0)

struct input {
	const u8 *at;
	size_t left;
};

static inline bool more(const struct input *in)
{
	return in->left;
}

/* Zero once the input is used up. */
static inline u8 next8(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->at++;
}

static inline u16 next16(struct input *in)
{
	u16 hi = next8(in);

	return hi << 8 | next8(in);
}

static inline u32 next32(struct input *in)
{
	u32 hi = next16(in);

	return hi << 16 | next16(in);
}

/* Write some bytes of the input somewhere into @mem. */
static inline void scribble(struct input *in, void *mem, size_t size)
{
	size_t at = next16(in) % size, n = 1 + next8(in) % 16;

	while (n-- && at < size)
		((u8 *)mem)[at++] = next8(in);
}

static inline u64 fuzz_features(u8 choice)
{
	return BIT_ULL(VIRTIO_F_VERSION_1) |
	       (choice & 1 ? PACKED : 0) | (choice & 2 ? EVENT : 0) |
	       (choice & 4 ? INDIRECT : 0) | (choice & 8 ? IN_ORDER : 0);
}

/* Sizes 1 to 16; only powers of two for the split format. */
static inline unsigned int fuzz_size(u64 features, u8 choice)
{
	return features & PACKED ? 1 + choice % 16 : 1u << choice % 5;
}

#endif /* _PARLEY_FUZZ_H */
