// SPDX-License-Identifier: GPL-2.0-only
/* The memory table: what is refused, what is found, and the way back. */
#include <linux/prandom.h>
#include "vmm.h"

#define REGION(g, s, u) \
	{ .guest_phys_addr = (g), .memory_size = (s), .userspace_addr = (u) }

/* Regions in any order are sorted. */
static void memory_is_sorted(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct vhost_memory_region r[] = {
		REGION(0x3000, 0x1000, v->user + 0x5000),
		REGION(0x0000, 0x2000, v->user + 0x9000),
		REGION(0x2000, 0x1000, v->user + 0x1000),
	};
	const struct vh_mem *m;

	KUNIT_ASSERT_EQ(test, vmm_mem(v, r, 3), 0);
	m = v->dev->mem;
	KUNIT_EXPECT_EQ(test, m->map.nr, 3);
	KUNIT_EXPECT_EQ(test, parley_memmap_check(&m->map), 0);
	KUNIT_EXPECT_EQ(test, m->map.regions[0].host, v->user + 0x9000);
	KUNIT_EXPECT_EQ(test, m->map.regions[2].host, v->user + 0x5000);
	KUNIT_EXPECT_EQ(test, m->by_host[0].start, 0x2000);
	KUNIT_EXPECT_EQ(test, m->by_host[2].start, 0x0000);
	KUNIT_EXPECT_EQ(test, vh_mem_top(m), 0x4000);
	KUNIT_EXPECT_EQ(test, vh_mem_top(NULL), 0);
}

/* What cannot be memory is refused, and the table before it stays. */
static void memory_refuses(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	u64 u = v->user;
	const struct {
		struct vhost_memory_region r[2];
		long err;
	} bad[] = {
		{ { REGION(0, 0, u), REGION(0x1000, 0x1000, u) }, -EINVAL },
		{ { REGION(0, 0x2000, u), REGION(0x1000, 0x1000, u) }, -EINVAL },
		{ { REGION(0, 0x800, u), REGION(0x1000, 0x1000, u) }, -EINVAL },
		{ { REGION(8, 0x1000, u), REGION(0x2000, 0x1000, u) }, -EINVAL },
		{ { REGION(0, 0x1000, u + 8), REGION(0x1000, 0x1000, u) },
		  -EINVAL },
		{ { REGION(-0x1000ull, 0x1000, u), REGION(0, 0x1000, u) },
		  -EINVAL },
		{ { REGION(-0x1000ull, 0x2000, u), REGION(0x8000, 0x1000, u) },
		  -EINVAL },
		{ { REGION(0, 0x1000, PAGE_OFFSET), REGION(0x1000, 0x1000, u) },
		  -EFAULT },
		{ { REGION(0, 0x1000, -0x1000ull), REGION(0x1000, 0x1000, u) },
		  -EFAULT },
		{ { REGION(0, BIT_ULL(62), u), REGION(BIT_ULL(63), 0x1000, u) },
		  -EFAULT },
	};
	struct vhost_memory head = { .padding = 1 };
	const struct vh_mem *before;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, vmm_mem(v, bad[0].r + 1, 1), 0);
	before = v->dev->mem;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		KUNIT_EXPECT_EQ_MSG(test, vmm_mem(v, bad[i].r, 2), bad[i].err,
				    "table %u", i);
		KUNIT_EXPECT_PTR_EQ(test, v->dev->mem, before);
	}
	vmm_poke(v, VMM_ARGS, &head, sizeof(head));
	KUNIT_EXPECT_EQ(test, vmm_call_at(v, VHOST_SET_MEM_TABLE, VMM_ARGS),
			-EOPNOTSUPP);
	head = (struct vhost_memory){ .nregions = VH_REGIONS_MAX + 1 };
	vmm_poke(v, VMM_ARGS, &head, sizeof(head));
	KUNIT_EXPECT_EQ(test, vmm_call_at(v, VHOST_SET_MEM_TABLE, VMM_ARGS),
			-E2BIG);
	/* The table runs out of the VMM's memory. */
	KUNIT_EXPECT_EQ(test, vmm_call_at(v, VHOST_SET_MEM_TABLE, VMM_SIZE - 4),
			-EFAULT);
	KUNIT_EXPECT_PTR_EQ(test, v->dev->mem, before);
}

/* A buffer over two regions is two pieces, each where its region is. */
static void bad_05_buffer_over_two_regions(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct vhost_memory_region r[] = {
		REGION(0, SZ_2M, v->user + VMM_GUEST),
		/* One page is swapped against the next, so they do not join. */
		REGION(SZ_2M, SZ_4K, v->user + VMM_GUEST + SZ_2M + SZ_4K),
		REGION(SZ_2M + SZ_4K, SZ_4K, v->user + VMM_GUEST + SZ_2M),
	};
	struct vmm_piece p = { SZ_2M + SZ_4K - 16, 32, true };
	u8 low[32] = {}, high[32] = {};

	vmm_start(v, 0);
	KUNIT_ASSERT_EQ(test, vmm_mem(v, r, 3), 0);
	vmm_send(v, &p, 1);
	KUNIT_ASSERT_TRUE(test, vmm_wait(v));
	vmm_peek(v, VMM_GUEST + SZ_2M, low, 32);
	vmm_peek(v, VMM_GUEST + SZ_2M + SZ_8K - 16, high, 16);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(low, VMM_BYTE, 16), NULL);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(low + 16, 0, 16), NULL);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(high, VMM_BYTE, 16), NULL);
}

/* A buffer that leaves the last region breaks the ring, and writes nothing. */
static void bad_05_buffer_leaves_region(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct vmm_piece p = { VMM_MEM - 16, 32, true };
	u8 end[32];

	vmm_start(v, 0);
	vmm_send(v, &p, 1);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(vmm_vq(v)->state) ==
					  VH_VQ_BROKEN));
	vmm_peek(v, VMM_GUEST + VMM_MEM - 16, end, 32);
	KUNIT_EXPECT_PTR_EQ(test, memchr_inv(end, 0, 32), NULL);
	/* It can be used again after a stop. */
	KUNIT_EXPECT_EQ(test, vmm_state(v, VHOST_VDPA_SET_VRING_ENABLE, 0, 1),
			-EBUSY);
	KUNIT_EXPECT_EQ(test, vmm_state(v, VHOST_VDPA_SET_VRING_ENABLE, 0, 0),
			0);
	KUNIT_EXPECT_EQ(test, vmm_vq(v)->state, VH_VQ_IDLE);
}

/* --------------------------------------------------------- the way back */

#define PAGES	64u	/* of the guest, and of the host in these tests */

struct seen {
	u8 guest[PAGES];
	unsigned int calls;
};

static int see(void *arg, u64 guest, u64 len)
{
	struct seen *s = arg;
	u64 at;

	s->calls++;
	for (at = guest; at < guest + len; at++)
		s->guest[at >> 12]++;
	return 0;
}

/*
 * Random tables, with aliases and gaps, against a walk over every byte.  Host
 * pages are numbers from 0 on: nothing is accessed.
 */
static void reverse_against_oracle(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct rnd_state rnd;
	unsigned int round;

	prandom_seed_state(&rnd, 23);
	for (round = 0; round < 300; round++) {
		struct vhost_memory_region r[8];
		unsigned int nr = 1 + prandom_u32_state(&rnd) % 8, i, g = 0;
		struct seen want = {}, have = {};
		u64 host, len, at;
		bool gap = false;
		int err;

		for (i = 0; i < nr; i++) {
			unsigned int pages = 1 + prandom_u32_state(&rnd) % 6;
			unsigned int h = prandom_u32_state(&rnd) % 16;

			g += prandom_u32_state(&rnd) % 2;
			r[i] = (struct vhost_memory_region)
				REGION(g << 12, pages << 12, v->user + (h << 12));
			g += pages;
		}
		KUNIT_ASSERT_EQ(test, vmm_mem(v, r, nr), 0);
		host = v->user + prandom_u32_state(&rnd) % (20 << 12);
		len = prandom_u32_state(&rnd) % (6 << 12);
		for (at = host; at < host + len; at++) {
			bool hit = false;

			for (i = 0; i < nr; i++) {
				u64 off = at - r[i].userspace_addr;

				if (at < r[i].userspace_addr ||
				    off >= r[i].memory_size)
					continue;
				hit = true;
				want.guest[(r[i].guest_phys_addr + off) >> 12]++;
			}
			if (!hit) {
				gap = true;
				break;
			}
		}
		err = vh_mem_reverse(v->dev->mem, host, len, see, &have);
		KUNIT_ASSERT_EQ_MSG(test, err, gap ? -EFAULT : 0, "round %u", round);
		if (!gap)
			KUNIT_ASSERT_MEMEQ(test, have.guest, want.guest, PAGES);
	}
}

/* A range that wraps is nobody's, an empty one is nothing. */
static void reverse_edges(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct vhost_memory_region r[] = { REGION(0, 0x1000, v->user) };
	struct seen s = {};

	KUNIT_ASSERT_EQ(test, vmm_mem(v, r, 1), 0);
	KUNIT_EXPECT_EQ(test, vh_mem_reverse(v->dev->mem, v->user, 0, see, &s),
			0);
	KUNIT_EXPECT_EQ(test, vh_mem_reverse(v->dev->mem, v->user, U64_MAX, see,
					     &s), -EFAULT);
	KUNIT_EXPECT_EQ(test, vh_mem_reverse(v->dev->mem, v->user - 1, 2, see,
					     &s), -EFAULT);
	/* With a device IOMMU there need not be a table. */
	KUNIT_EXPECT_EQ(test, vh_mem_reverse(NULL, v->user, 1, see, &s),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, s.calls, 0);
}

static struct kunit_case memory_cases[] = {
	KUNIT_CASE(memory_is_sorted),
	KUNIT_CASE(memory_refuses),
	KUNIT_CASE(bad_05_buffer_over_two_regions),
	KUNIT_CASE(bad_05_buffer_leaves_region),
	KUNIT_CASE(reverse_against_oracle),
	KUNIT_CASE(reverse_edges),
	{}
};

static struct kunit_suite memory_suite = {
	.name = "parley_vhost_memory",
	.test_cases = memory_cases,
};
kunit_test_suite(memory_suite);

MODULE_DESCRIPTION("KUnit tests of Parley's vhost library as a VMM sees it");
MODULE_LICENSE("GPL");
PARLEY_IMPORT;
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
