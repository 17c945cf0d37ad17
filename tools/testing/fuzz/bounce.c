// SPDX-License-Identifier: GPL-2.0-only
/* Mappings that are copies: see bounce.h. */
#include "bounce.h"
#include "fuzz.h"

unsigned int fuzz_bounced;

/* Before each copy: whose it is. */
struct copy {
	void *buffer;
	u32 len;
	bool write;
	u8 bytes[];
};

static void *bounce_alloc(const struct parley_mem *m, size_t size, u64 *addr,
			  gfp_t gfp)
{
	void *virt;

	size = PAGE_ALIGN(size);
	virt = parley_user_fail() ? NULL : aligned_alloc(PAGE_SIZE, size);
	if (!virt)
		return NULL;
	memset(virt, 0, size);
	*addr = (uintptr_t)virt;
	fuzz_bounced++;
	return virt;
}

static void bounce_free(const struct parley_mem *m, size_t size, void *virt,
			u64 addr)
{
	free(virt);
	fuzz_bounced--;
}

static struct copy *copy_of(u64 addr, u32 len, bool write)
{
	struct copy *c = (void *)(uintptr_t)(addr - offsetof(struct copy, bytes));

	must(c->len == len && c->write == write);
	return c;
}

static int bounce_map(const struct parley_mem *m, u64 phys, u32 len, bool write,
		      u64 *addr)
{
	struct copy *c = parley_user_fail() ? NULL : malloc(sizeof(*c) + len);

	if (!c)
		return -ENOMEM;
	*c = (struct copy){ (void *)(uintptr_t)phys, len, write };
	if (write)
		memset(c->bytes, 0x6b, len);
	else
		memcpy(c->bytes, c->buffer, len);
	*addr = (uintptr_t)c->bytes;
	fuzz_bounced++;
	return 0;
}

static void bounce_sync_for_cpu(const struct parley_mem *m, u64 addr, u32 len,
				bool write)
{
	struct copy *c = copy_of(addr, len, write);

	if (write)
		memcpy(c->buffer, c->bytes, len);
}

static void bounce_sync_for_device(const struct parley_mem *m, u64 addr, u32 len,
				   bool write)
{
	struct copy *c = copy_of(addr, len, write);

	if (!write)
		memcpy(c->bytes, c->buffer, len);
}

static void bounce_unmap(const struct parley_mem *m, u64 addr, u32 len, bool write)
{
	bounce_sync_for_cpu(m, addr, len, write);
	free(copy_of(addr, len, write));
	fuzz_bounced--;
}

static const struct parley_mem_ops bounce_ops = {
	.alloc = bounce_alloc,
	.free = bounce_free,
	.map = bounce_map,
	.unmap = bounce_unmap,
	.sync_for_cpu = bounce_sync_for_cpu,
	.sync_for_device = bounce_sync_for_device,
};

const struct parley_mem fuzz_bounce = { .ops = &bounce_ops };
