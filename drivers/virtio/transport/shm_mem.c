// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory that a device in shared memory sees, and all that it sees: rings and
 * tables lie there, and buffers are copied there and back.
 *
 * What there is to know of a copy is kept outside: nothing that the device writes is
 * ever an address or a length of ours.
 */
#include <linux/bitmap.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "shm.h"

/* The first of @run slots in a row, which are taken; or @pool->nr. */
static unsigned int parley_shm_take(struct parley_shm_pool *pool, unsigned int run,
				    unsigned int align)
{
	unsigned int at;

	parley_qlock_assert_held(&pool->lock);
	at = bitmap_find_next_zero_area(pool->busy, pool->nr, pool->next, run,
					align - 1);
	if (at >= pool->nr)
		at = bitmap_find_next_zero_area(pool->busy, pool->nr, 0, run,
						align - 1);
	if (at >= pool->nr)
		return pool->nr;
	bitmap_set(pool->busy, at, run);
	pool->next = at + run;
	return at;
}

static unsigned int parley_shm_slots(size_t len)
{
	return DIV_ROUND_UP(len, PARLEY_SHM_SLOT);
}

static unsigned int parley_shm_slot_of(const struct parley_shm_pool *pool, u64 addr)
{
	return (addr - pool->addr) / PARLEY_SHM_SLOT;
}

static u8 *parley_shm_at(const struct parley_shm_pool *pool, u64 addr)
{
	return pool->base + (addr - pool->addr);
}

static void *parley_shm_alloc(const struct parley_mem *mem, size_t size, u64 *addr,
			      gfp_t gfp)
{
	struct parley_shm_pool *pool = mem->priv;
	unsigned int half = pool->nr / 2, run, at;
	void *virt;

	if (size > (size_t)half * PARLEY_SHM_SLOT)
		return NULL;
	run = parley_shm_slots(PAGE_ALIGN(size));
	scoped_guard(parley_qlock_irqsave, &pool->lock) {
		if (run > half || pool->areas > half - run)
			return NULL;
		at = parley_shm_take(pool, run, PAGE_SIZE / PARLEY_SHM_SLOT);
		if (at == pool->nr)
			return NULL;
		pool->areas += run;
	}
	*addr = pool->addr + (u64)at * PARLEY_SHM_SLOT;
	virt = parley_shm_at(pool, *addr);
	memset(virt, 0, (size_t)run * PARLEY_SHM_SLOT);
	return virt;
}

static void parley_shm_free(const struct parley_mem *mem, size_t size, void *virt,
			    u64 addr)
{
	struct parley_shm_pool *pool = mem->priv;
	unsigned int run = parley_shm_slots(PAGE_ALIGN(size));

	scoped_guard(parley_qlock_irqsave, &pool->lock) {
		bitmap_clear(pool->busy, parley_shm_slot_of(pool, addr), run);
		pool->areas -= run;
	}
}

/* Page by page, since they need not be neighbours for the kernel. */
static void parley_shm_copy(u64 phys, u8 *at, u32 len, bool out)
{
	while (len) {
		u32 off = offset_in_page(phys);
		u32 n = min_t(u32, len, PAGE_SIZE - off);
		struct page *page = pfn_to_page(PHYS_PFN(phys));

		if (out)
			memcpy_to_page(page, off, at, n);
		else
			memcpy_from_page(at, page, off, n);
		phys += n;
		at += n;
		len -= n;
	}
}

/*
 * What the device is to write is copied as well: it may write less, and what it left
 * alone has to be what it was, not what somebody else's copy left in the slot.
 */
static int parley_shm_map(const struct parley_mem *mem, u64 phys, u32 len, bool write,
			  u64 *addr)
{
	struct parley_shm_pool *pool = mem->priv;
	unsigned int at;

	if (unlikely(!len || !pfn_valid(PHYS_PFN(phys)) ||
		     !pfn_valid(PHYS_PFN(phys + len - 1))))
		return -EINVAL;
	scoped_guard(parley_qlock_irqsave, &pool->lock)
		at = parley_shm_take(pool, parley_shm_slots(len), 1);
	if (at == pool->nr)
		return -ENOMEM;
	pool->phys[at] = phys;
	*addr = pool->addr + (u64)at * PARLEY_SHM_SLOT;
	parley_shm_copy(phys, parley_shm_at(pool, *addr), len, false);
	return 0;
}

static void parley_shm_unmap(const struct parley_mem *mem, u64 addr, u32 len,
			     bool write)
{
	struct parley_shm_pool *pool = mem->priv;
	unsigned int at = parley_shm_slot_of(pool, addr);

	if (write)
		parley_shm_copy(pool->phys[at], parley_shm_at(pool, addr), len, true);
	scoped_guard(parley_qlock_irqsave, &pool->lock)
		bitmap_clear(pool->busy, at, parley_shm_slots(len));
}

static void parley_shm_sync_for_cpu(const struct parley_mem *mem, u64 addr, u32 len,
				    bool write)
{
	struct parley_shm_pool *pool = mem->priv;

	if (write)
		parley_shm_copy(pool->phys[parley_shm_slot_of(pool, addr)],
				parley_shm_at(pool, addr), len, true);
}

static void parley_shm_sync_for_device(const struct parley_mem *mem, u64 addr,
				       u32 len, bool write)
{
	struct parley_shm_pool *pool = mem->priv;

	if (!write)
		parley_shm_copy(pool->phys[parley_shm_slot_of(pool, addr)],
				parley_shm_at(pool, addr), len, false);
}

const struct parley_mem_ops parley_shm_mem_ops = {
	.alloc = parley_shm_alloc,
	.free = parley_shm_free,
	.map = parley_shm_map,
	.unmap = parley_shm_unmap,
	.sync_for_cpu = parley_shm_sync_for_cpu,
	.sync_for_device = parley_shm_sync_for_device,
};

/**
 * parley_shm_pool_init() - make a pool of memory
 * @pool: filled in
 * @base: the memory, beginning a page
 * @addr: where the device finds it, beginning a page
 * @len: bytes
 *
 * Context: may sleep.
 * Return: 0; -EINVAL if that is too little; -ENOMEM.
 */
int parley_shm_pool_init(struct parley_shm_pool *pool, u8 *base, u64 addr, u64 len)
{
	u64 nr = len / PARLEY_SHM_SLOT;

	if (nr > INT_MAX || nr < 256 * (PAGE_SIZE / PARLEY_SHM_SLOT))
		return -EINVAL;
	*pool = (struct parley_shm_pool) { .base = base, .addr = addr, .nr = nr };
	/* All processors, whatever their queues. */
	parley_qlock_init(&pool->lock, true);
	pool->busy = kvcalloc(BITS_TO_LONGS(nr), sizeof(long), GFP_KERNEL);
	pool->phys = kvcalloc(nr, sizeof(*pool->phys), GFP_KERNEL);
	if (pool->busy && pool->phys)
		return 0;
	parley_shm_pool_exit(pool);
	return -ENOMEM;
}

/**
 * parley_shm_pool_exit() - its mirror
 * @pool: nothing of it is in use; also one that was never made
 */
void parley_shm_pool_exit(struct parley_shm_pool *pool)
{
	kvfree(pool->busy);
	kvfree(pool->phys);
	parley_qlock_destroy(&pool->lock);
	pool->busy = NULL;
	pool->phys = NULL;
}

/**
 * parley_shm_pool_max() - the longest buffer that is to be mapped
 * @pool: the pool
 *
 * So short that a request of 128 of them always finds room when nothing else does.
 *
 * Return: bytes, a power of two, at least a page.
 */
size_t parley_shm_pool_max(const struct parley_shm_pool *pool)
{
	return rounddown_pow_of_two((size_t)pool->nr / 256 * PARLEY_SHM_SLOT);
}
