/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A window of memory, all that a device sees: a provider of memory that copies.
 * Mapping a buffer for the device to read copies it into the window, unmapping
 * one that the device wrote copies it out, and in between neither side sees what
 * the other writes.  Whatever belongs to nobody is poison.
 *
 * As it is, it is a transport's window; behind a device's DMA API, in user space,
 * it is what bounce buffers are in a kernel.
 */
#ifndef _PARLEY_CORE_TESTS_WINDOW_H
#define _PARLEY_CORE_TESTS_WINDOW_H

#include <kunit/test.h>
#include "../os.h"

#define WINDOW_BUS	0x7654321000000ull	/* where the device sees it */
#define WINDOW_SLOT	64u
#define WINDOW_POISON	0x6b

/* A row of slots in use begins with its first one's. */
struct window_slot {
	u64 phys;	/* a mapping's buffer */
	u32 len;
	u32 run;	/* slots in this row; 0: not the first of one */
	bool busy;
	bool mapping;
	bool write;
};

/*
 * struct window - the window
 * @mem: the provider; rings, tables and buffers of a queue with it are in here
 * @base: @size bytes, for us
 * @maps: mappings that were not undone
 * @areas: allocations that were not freed
 */
struct window {
	struct kunit *test;
	struct parley_mem mem;
	u8 *base;
	size_t size;
	struct window_slot *slots;
	unsigned int nr, next;
	unsigned int maps, areas;
};

struct window *parley_window_open(struct kunit *test, size_t size);
void *parley_window_virt(const struct window *w, u64 addr);

#endif /* _PARLEY_CORE_TESTS_WINDOW_H */
