// SPDX-License-Identifier: GPL-2.0-only
/* Two queues over one ring, and rings made by hand. */
#include "pair.h"

#ifdef __KERNEL__

#include <kunit/device.h>

u64 parley_pair_phys(const void *p)
{
	return virt_to_phys((void *)p);
}

void *parley_pair_virt(u64 addr)
{
	return phys_to_virt(addr);
}

static void pages_free(void *mem)
{
	kfree(mem);
}

/* Contiguous and aligned to its size, up to a page. */
void *parley_pair_pages(struct kunit *test, size_t size)
{
	void *mem = kzalloc(PAGE_ALIGN(size), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, mem);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pages_free, mem), 0);
	return mem;
}

static struct device *pair_device(struct kunit *test)
{
	static atomic_t number;
	struct device *dev;
	char *name;

	name = kunit_kzalloc(test, 32, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, name);
	snprintf(name, 32, "parley-kunit%d", atomic_inc_return(&number));
	dev = kunit_device_register(test, name);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	dev->dma_mask = &dev->coherent_dma_mask;
	KUNIT_ASSERT_EQ(test, dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64)), 0);
	return dev;
}

#else

u64 parley_pair_phys(const void *p)
{
	return (uintptr_t)p;
}

void *parley_pair_virt(u64 addr)
{
	return (void *)(uintptr_t)addr;
}

static void pages_free(void *mem)
{
	free(mem);
}

void *parley_pair_pages(struct kunit *test, size_t size)
{
	void *mem;

	size = (size + 4095) & ~4095ul;
	mem = aligned_alloc(4096, size);
	KUNIT_ASSERT_NOT_NULL(test, mem);
	memset(mem, 0, size);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pages_free, mem), 0);
	return mem;
}

static struct device *pair_device(struct kunit *test)
{
	struct device *dev = kunit_kzalloc(test, sizeof(*dev), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, dev);
	return dev;
}

#endif

static bool pair_notify(struct parley_drvq *q, u32 data)
{
	struct pair *p = parley_drvq_priv(q);
	void (*meanwhile)(struct pair *p) = p->meanwhile;

	p->meanwhile = NULL;
	if (meanwhile)
		meanwhile(p);
	p->kicks++;
	p->kick_data = data;
	return true;
}

static void pair_close(void *priv)
{
	struct pair *p = priv;

	parley_devq_destroy(p->dev);
	if (!p->drv)
		return;
	while (parley_drvq_detach(p->drv))
		;
	parley_drvq_destroy(p->drv);
}

/* Our address of what the device finds at @addr. */
void *parley_pair_host(const struct pair *p, u64 addr)
{
	return p->window ? parley_window_virt(p->window, addr) : parley_pair_virt(addr);
}

/* Room for the rings and tables of two queues, and for buffers. */
static void pair_open_window(struct pair *p, unsigned int size, unsigned int segs)
{
	size_t ring = size * (sizeof(struct vring_desc) +
				 sizeof(struct vring_used_elem) + 2);
	size_t tables = 2 * size * segs * sizeof(struct vring_desc);

	p->window = parley_window_open(p->test, 2 * (ring + tables) + 4 * PAIR_ARENA);
#ifndef __KERNEL__
	if (p->dma)
		p->dma->dma = &p->window->mem;
#endif
}

/* What the device sees: everything the processor reaches, or the window. */
static void pair_map(struct pair *p)
{
	p->region = (struct parley_region){
		.size = 1ull << 46, .host = (unsigned long)parley_pair_virt(0),
		.perm = PARLEY_MEM_READ | PARLEY_MEM_WRITE,
	};
#ifndef __KERNEL__
	p->region.size = 1ull << 47;
#endif
	if (p->window) {
		p->region.start = WINDOW_BUS;
		p->region.size = p->window->size;
		p->region.host = (unsigned long)p->window->base;
	}
	p->map = (struct parley_memmap){ .nr = 1, .regions = &p->region };
	KUNIT_ASSERT_EQ(p->test, parley_memmap_check(&p->map), 0);
}

/* Another device queue over the same ring, as if another device took over. */
void parley_pair_new_device(struct pair *p)
{
	struct parley_devq_config cfg = {
		.name = "test-dev", .index = 3, .size = p->size,
		.features = p->features, .addr = p->host, .map = &p->map,
	};

	parley_devq_destroy(p->dev);
	p->dev = NULL;
	p->dev = parley_devq_create(&cfg);
	if (IS_ERR(p->dev)) {
		long err = PTR_ERR(p->dev);

		p->dev = NULL;
		KUNIT_FAIL(p->test, "no device queue: %ld", err);
	}
}

struct pair *parley_pair_open_max(struct kunit *test, u64 features,
				  unsigned int size, unsigned int size_max,
				  unsigned int indirect_segs)
{
	struct pair *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	struct parley_drvq_config cfg = {
		.name = "test-drv", .index = 3, .size = size, .size_max = size_max,
		.indirect_segs = indirect_segs, .notify = pair_notify,
	};
	struct parley_drvq *q;

	KUNIT_ASSERT_NOT_NULL(test, p);
	p->test = test;
	p->features = (features & ~PAIR_WINDOW) | BIT_ULL(VIRTIO_F_VERSION_1);
	p->size = size;
	p->arena = parley_pair_pages(test, PAIR_ARENA);
	if (features & PAIR_DMA)
		p->dma = pair_device(test);
	if (features & PAIR_WINDOW)
		pair_open_window(p, max(size, size_max), indirect_segs);
	if (p->window && !p->dma)
		cfg.mem = &p->window->mem;
	cfg.features = p->features;
	cfg.dev = p->dma;
	cfg.priv = p;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pair_close, p), 0);
	q = parley_drvq_create(&cfg);
	KUNIT_ASSERT_FALSE(test, IS_ERR(q));
	p->drv = q;

	pair_map(p);
	parley_drvq_addr(q, &p->host);
	p->host.desc = (unsigned long)parley_pair_host(p, p->host.desc);
	p->host.driver = (unsigned long)parley_pair_host(p, p->host.driver);
	p->host.device = (unsigned long)parley_pair_host(p, p->host.device);
	parley_pair_new_device(p);
	KUNIT_ASSERT_NOT_NULL(test, p->dev);
	return p;
}

struct pair *parley_pair_open(struct kunit *test, u64 features, unsigned int size,
			      unsigned int indirect_segs)
{
	return parley_pair_open_max(test, features, size, 0, indirect_segs);
}

/* Both sides start over; whatever was in flight is gone. */
void parley_pair_reset(struct pair *p)
{
	while (parley_drvq_detach(p->drv))
		;
	KUNIT_EXPECT_EQ(p->test, parley_drvq_reset(p->drv), 0);
	KUNIT_EXPECT_EQ(p->test, parley_devq_reset(p->dev), 0);
}

/* ----------------------------------------------------------------- by hand */

static void raw_close(void *priv)
{
	struct raw *r = priv;

	parley_devq_destroy(r->dev);
}

struct raw *parley_raw_open(struct kunit *test, u64 features, unsigned int size)
{
	struct raw *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct parley_devq_config cfg = {
		.name = "test-raw", .size = size,
		.features = features | BIT_ULL(VIRTIO_F_VERSION_1),
	};
	struct parley_devq *q;
	void *mem;

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->test = test;
	r->packed = features & PAIR_PACKED;
	r->size = size;
	r->arena = parley_pair_pages(test, PAIR_ARENA);
	mem = parley_pair_pages(test, size * sizeof(struct vring_desc));
	r->desc = mem;
	r->pdesc = mem;
	mem = parley_pair_pages(test, 2 * size + 6);
	r->avail = mem;
	r->drv_event = mem;
	mem = parley_pair_pages(test, size * sizeof(struct vring_used_elem) + 6);
	r->used = mem;
	r->dev_event = mem;

	r->region[0] = (struct parley_region){
		.start = PAIR_BUS, .size = PAIR_ARENA,
		.host = (unsigned long)r->arena,
		.perm = PARLEY_MEM_READ | PARLEY_MEM_WRITE,
	};
	r->map = (struct parley_memmap){ .nr = 1, .regions = r->region };
	cfg.addr.desc = (unsigned long)r->desc;
	cfg.addr.driver = (unsigned long)r->avail;
	cfg.addr.device = (unsigned long)r->used;
	cfg.map = &r->map;
	q = parley_devq_create(&cfg);
	KUNIT_ASSERT_FALSE(test, IS_ERR(q));
	r->dev = q;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, raw_close, r), 0);
	return r;
}

/*
 * Write descriptor @at, for the ring's first lap.  @next is the link of the
 * split format; the packed one has the id @at there.
 */
void parley_raw_desc(struct raw *r, unsigned int at, u64 addr, u32 len, u16 flags,
		     u16 next)
{
	if (r->packed) {
		struct vring_packed_desc *d = &r->pdesc[at];

		d->addr = cpu_to_le64(addr);
		d->len = cpu_to_le32(len);
		d->id = cpu_to_le16(at);
		d->flags = cpu_to_le16(flags | 1 << VRING_PACKED_DESC_F_AVAIL);
	} else {
		struct vring_desc *d = &r->desc[at];

		d->addr = cpu_to_vr64(addr);
		d->len = cpu_to_vr32(len);
		d->flags = cpu_to_vr16(flags);
		d->next = cpu_to_vr16(next);
	}
}

/* Make heads 0 .. @n-1 available, round and round; packed descriptors are so by themselves. */
void parley_raw_avail(struct raw *r, unsigned int n)
{
	unsigned int i;

	if (r->packed)
		return;
	for (i = 0; i < n; i++)
		r->avail->ring[i & (r->size - 1)] = cpu_to_vr16(i & (r->size - 1));
	WRITE_ONCE(r->avail->idx, cpu_to_vr16(n));
}

/* A clean ring and a device queue that is whole again. */
void parley_raw_reset(struct raw *r)
{
	memset(r->desc, 0, r->size * sizeof(*r->desc));
	memset(r->avail, 0, 2 * r->size + 6);
	memset(r->used, 0, r->size * sizeof(struct vring_used_elem) + 6);
	KUNIT_EXPECT_EQ(r->test, parley_devq_reset(r->dev), 0);
}
