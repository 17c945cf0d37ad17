// SPDX-License-Identifier: GPL-2.0-only
/* A ring in user memory. */
#include "user_ring.h"

#define AREA	4096ul
#define SIZE	4u

#ifdef __KERNEL__

#include <linux/mman.h>

static unsigned long user_alloc(struct kunit *test)
{
	unsigned long mem = kunit_vm_mmap(test, NULL, 0, 3 * AREA,
					  PROT_READ | PROT_WRITE,
					  MAP_ANONYMOUS | MAP_PRIVATE, 0);

	KUNIT_ASSERT_NE(test, mem, 0ul);
	return mem;
}

static void user_write(struct kunit *test, unsigned long to, const void *from,
		       size_t n)
{
	KUNIT_ASSERT_EQ(test, copy_to_user((void __user *)to, from, n), 0ul);
}

static void user_revoke(struct kunit *test, unsigned long at, size_t n)
{
	KUNIT_ASSERT_EQ(test, vm_munmap(at, n), 0);
}

static void user_free(void)
{
}

#else

static unsigned long user_alloc(struct kunit *test)
{
	return (unsigned long)parley_pair_pages(test, 3 * AREA);
}

static void user_write(struct kunit *test, unsigned long to, const void *from,
		       size_t n)
{
	memcpy((void *)to, from, n);
}

static void user_revoke(struct kunit *test, unsigned long at, size_t n)
{
	parley_user_fault_start = at;
	parley_user_fault_end = at + n;
}

static void user_free(void)
{
	parley_user_fault_start = 0;
	parley_user_fault_end = 0;
}

#endif

/* Descriptor 0 is available: 8 bytes to write, at PAIR_BUS. */
static void user_fill(struct kunit *test, struct user_ring *u)
{
	struct vring_packed_desc p = {
		.addr = cpu_to_le64(PAIR_BUS), .len = cpu_to_le32(8),
		.flags = cpu_to_le16(VRING_DESC_F_WRITE |
				     1 << VRING_PACKED_DESC_F_AVAIL) };
	struct vring_desc d = {
		.addr = cpu_to_vr64(PAIR_BUS), .len = cpu_to_vr32(8),
		.flags = cpu_to_vr16(VRING_DESC_F_WRITE) };
	struct vring_avail a = { .idx = cpu_to_vr16(1) };

	if (u->packed) {
		user_write(test, u->mem, &p, sizeof(p));
		return;
	}
	user_write(test, u->mem, &d, sizeof(d));
	user_write(test, u->mem + AREA, &a, sizeof(a));
}

void parley_user_ring_open(struct kunit *test, struct user_ring *u, u64 features)
{
	struct parley_devq_config cfg = {
		.name = "test-user", .size = SIZE, .space = PARLEY_SPACE_USER,
		.features = features | BIT_ULL(VIRTIO_F_VERSION_1),
		.map = &u->map,
	};

	u->packed = features & PAIR_PACKED;
	u->mem = user_alloc(test);
	user_fill(test, u);
	u->region = (struct parley_region){ PAIR_BUS, 4096, 4096,
					    PARLEY_MEM_READ | PARLEY_MEM_WRITE };
	u->map = (struct parley_memmap){ .nr = 1, .regions = &u->region };
	cfg.addr.desc = u->mem;
	cfg.addr.driver = u->mem + AREA;
	cfg.addr.device = u->mem + 2 * AREA;
	u->dev = parley_devq_create(&cfg);
	KUNIT_ASSERT_FALSE(test, IS_ERR(u->dev));
}

/* What the device writes: the used ring, or the descriptors. */
void parley_user_ring_revoke(struct kunit *test, struct user_ring *u)
{
	user_revoke(test, u->packed ? u->mem : u->mem + 2 * AREA, AREA);
}

void parley_user_ring_revoke_all(struct kunit *test, struct user_ring *u)
{
	user_revoke(test, u->mem, 2 * AREA);
}

void parley_user_ring_close(struct user_ring *u)
{
	parley_devq_destroy(u->dev);
	u->dev = NULL;
	user_free();
}
