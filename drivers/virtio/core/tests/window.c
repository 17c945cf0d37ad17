// SPDX-License-Identifier: GPL-2.0-only
/* All that a device sees: see window.h. */
#include "pair.h"
#include "window.h"

#ifdef __KERNEL__
#include <linux/vmalloc.h>

#define window_fail()	false

/* At no physical address of its own: nobody may turn it into one. */
static u8 *window_pages(struct kunit *test, size_t size)
{
	u8 *mem = vzalloc(size);

	KUNIT_ASSERT_NOT_NULL(test, mem);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, (void (*)(void *))vfree, mem), 0);
	return mem;
}

#else

#define window_fail()	parley_user_fail()
#define window_pages	parley_pair_pages

#endif

/* The first of @run slots in a row that are free, and now are not; or @w->nr. */
static unsigned int window_take(struct window *w, unsigned int run, unsigned int align)
{
	unsigned int tries, at = w->next, i;

	for (tries = 0; tries <= w->nr; tries += i + 1, at += i + 1) {
		at = (at + align - 1) / align * align;
		if (at + run > w->nr)
			at = 0;
		for (i = 0; i < run && !w->slots[at + i].busy; i++)
			;
		if (i < run)
			continue;
		for (i = 0; i < run; i++)
			w->slots[at + i] = (struct window_slot){ .busy = true };
		w->slots[at].run = run;
		w->next = at + run;
		return at;
	}
	return w->nr;
}

/* The row that begins at @addr; NULL, and a failure, if none does. */
static struct window_slot *window_row(struct window *w, u64 addr, size_t len)
{
	u64 at = (addr - WINDOW_BUS) / WINDOW_SLOT;

	if (addr < WINDOW_BUS || addr % WINDOW_SLOT || at >= w->nr ||
	    !w->slots[at].run || w->slots[at].len != len) {
		KUNIT_FAIL(w->test, "no row of %zu bytes at %llx", len,
			   (unsigned long long)addr);
		return NULL;
	}
	return &w->slots[at];
}

static void window_drop(struct window *w, struct window_slot *row)
{
	unsigned int run = row->run, i;

	memset(w->base + (row - w->slots) * WINDOW_SLOT, WINDOW_POISON,
	       run * WINDOW_SLOT);
	for (i = 0; i < run; i++)
		row[i] = (struct window_slot){};
}

static void *window_alloc(const struct parley_mem *m, size_t size, u64 *addr,
			  gfp_t gfp)
{
	struct window *w = m->priv;
	unsigned int at = w->nr;
	void *virt;

	if (!window_fail())
		at = window_take(w, (size + 4095) / 4096 * 4096 / WINDOW_SLOT,
				 4096 / WINDOW_SLOT);
	if (at == w->nr)
		return NULL;
	w->slots[at].len = size;
	w->areas++;
	virt = w->base + at * WINDOW_SLOT;
	memset(virt, 0, w->slots[at].run * WINDOW_SLOT);
	*addr = WINDOW_BUS + at * WINDOW_SLOT;
	return virt;
}

static void window_free(const struct parley_mem *m, size_t size, void *virt,
			u64 addr)
{
	struct window *w = m->priv;
	struct window_slot *row = window_row(w, addr, size);

	if (!row)
		return;
	KUNIT_EXPECT_FALSE(w->test, row->mapping);
	KUNIT_EXPECT_PTR_EQ(w->test, virt, parley_window_virt(w, addr));
	window_drop(w, row);
	w->areas--;
}

/* A slot of poison after each: what reads or writes beyond its end shows. */
static int window_map(const struct parley_mem *m, u64 phys, u32 len, bool write,
		      u64 *addr)
{
	struct window *w = m->priv;
	unsigned int at = w->nr;

	if (len < w->size && !window_fail())
		at = window_take(w, (len + WINDOW_SLOT - 1) / WINDOW_SLOT + 1, 1);
	if (at == w->nr)
		return -ENOMEM;
	w->slots[at].phys = phys;
	w->slots[at].len = len;
	w->slots[at].write = write;
	w->slots[at].mapping = true;
	w->maps++;
	if (!write)
		memcpy(w->base + at * WINDOW_SLOT, parley_pair_virt(phys), len);
	*addr = WINDOW_BUS + at * WINDOW_SLOT;
	return 0;
}

static void window_unmap(const struct parley_mem *m, u64 addr, u32 len, bool write)
{
	struct window *w = m->priv;
	struct window_slot *row = window_row(w, addr, len);
	u8 *at = w->base + (addr - WINDOW_BUS);
	u32 i;

	if (!row)
		return;
	KUNIT_EXPECT_TRUE(w->test, row->mapping);
	KUNIT_EXPECT_EQ(w->test, row->write, write);
	for (i = len; i < row->run * WINDOW_SLOT; i++)
		KUNIT_EXPECT_EQ(w->test, at[i], WINDOW_POISON);
	if (write)
		memcpy(parley_pair_virt(row->phys), at, len);
	window_drop(w, row);
	w->maps--;
}

static void window_sync_for_cpu(const struct parley_mem *m, u64 addr, u32 len,
				bool write)
{
	struct window *w = m->priv;
	struct window_slot *row = window_row(w, addr, len);

	if (row && write)
		memcpy(parley_pair_virt(row->phys), w->base + (addr - WINDOW_BUS),
		       len);
}

static void window_sync_for_device(const struct parley_mem *m, u64 addr, u32 len,
				   bool write)
{
	struct window *w = m->priv;
	struct window_slot *row = window_row(w, addr, len);

	if (row && !write)
		memcpy(w->base + (addr - WINDOW_BUS), parley_pair_virt(row->phys),
		       len);
}

static const struct parley_mem_ops window_ops = {
	.alloc = window_alloc,
	.free = window_free,
	.map = window_map,
	.unmap = window_unmap,
	.sync_for_cpu = window_sync_for_cpu,
	.sync_for_device = window_sync_for_device,
};

/* Our address of a place in it. */
void *parley_window_virt(const struct window *w, u64 addr)
{
	return w->base + (addr - WINDOW_BUS);
}

/* Nothing may be left in it. */
static void window_close(void *priv)
{
	struct window *w = priv;

	KUNIT_EXPECT_EQ(w->test, w->maps, 0u);
	KUNIT_EXPECT_EQ(w->test, w->areas, 0u);
}

struct window *parley_window_open(struct kunit *test, size_t size)
{
	struct window *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->test = test;
	w->size = (size + 4095) / 4096 * 4096;
	w->nr = w->size / WINDOW_SLOT;
	w->base = window_pages(test, w->size);
	w->slots = (void *)window_pages(test, w->nr * sizeof(*w->slots));
	memset(w->base, WINDOW_POISON, w->size);
	w->mem = (struct parley_mem){ .ops = &window_ops, .priv = w };
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, window_close, w), 0);
	return w;
}
