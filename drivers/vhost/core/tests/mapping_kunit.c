// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that the VMM takes away while requests use it.  When VHOST_SET_MEM_TABLE
 * returns the VMM unmaps it, and may map another guest's in its place: here the
 * test wipes it instead, and nothing may be written there after.
 */
#include <linux/prandom.h>
#include <linux/sched/signal.h>
#include "../devq.h"
#include "../ring.h"
#include "vmm.h"

#define REGION(g, s, u) \
	{ .guest_phys_addr = (g), .memory_size = (s), .userspace_addr = (u) }

#define DATA	SZ_2M	/* where requests write; the ring is below */
#define LEN	64u

/* A ring that runs, with one request in flight that will write at DATA. */
static struct vmm *vmm_in_flight(struct kunit *test, u64 features)
{
	struct vmm *v = vmm_open(test);

	vmm_start(v, features);
	v->late = true;
	v->hold = true;
	vmm_send(v, &(struct vmm_piece){ DATA, LEN, true }, 1);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(v->nr_held) == 1));
	return v;
}

static bool is_all(struct vmm *v, unsigned long at, u8 byte)
{
	u8 buf[LEN];

	vmm_peek(v, at, buf, sizeof(buf));
	return !memchr_inv(buf, byte, sizeof(buf));
}

static void wipe(struct vmm *v, unsigned long at)
{
	u8 buf[LEN] = {};

	vmm_poke(v, at, buf, sizeof(buf));
}

static void send_and_wait(struct vmm *v, u64 at)
{
	vmm_send(v, &(struct vmm_piece){ at, LEN, true }, 1);
	KUNIT_EXPECT_TRUE(v->test, vmm_wait(v));
	KUNIT_EXPECT_TRUE(v->test, is_all(v, VMM_GUEST + at, VMM_BYTE));
}

/* A region goes: what is in flight ends, and is published, before the call does. */
static void region_goes_in_flight(struct kunit *test)
{
	struct vmm *v = vmm_in_flight(test, 0);
	struct vhost_memory_region low = REGION(0, DATA, v->user + VMM_GUEST);
	struct vmm_later later;

	vmm_release_later(v, &later);
	KUNIT_EXPECT_EQ(test, vmm_mem(v, &low, 1), 0);
	KUNIT_EXPECT_EQ(test, vh_vq_in_flight(vmm_vq(v)), 0);
	KUNIT_EXPECT_TRUE(test, is_all(v, VMM_GUEST + DATA, VMM_BYTE));
	wipe(v, VMM_GUEST + DATA);
	vmm_release_wait(&later);
	KUNIT_EXPECT_TRUE(test, vmm_wait(v));
	KUNIT_EXPECT_TRUE(test, is_all(v, VMM_GUEST + DATA, 0));
	/* The ring goes on, as far as its memory does. */
	KUNIT_EXPECT_EQ(test, vmm_vq(v)->state, VH_VQ_RUNNING);
	send_and_wait(v, SZ_64K);
	vmm_send(v, &(struct vmm_piece){ DATA, LEN, true }, 1);
	KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(vmm_vq(v)->state) == VH_VQ_BROKEN));
	KUNIT_EXPECT_TRUE(test, is_all(v, VMM_GUEST + DATA, 0));
}

/* A region moves in the VMM: what was in flight is logged where it was. */
static void region_moves_in_flight(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	u64 base = v->user + VMM_LOG;
	struct vhost_memory_region moved[] = {
		REGION(0, DATA, v->user + VMM_GUEST),
		REGION(DATA, SZ_1M, v->user + VMM_GUEST + DATA + SZ_1M),
	};
	struct vmm_later later;
	u8 bits;

	KUNIT_ASSERT_EQ(test, vmm_call(v, VHOST_SET_LOG_BASE, &base), 0);
	vmm_start(v, BIT_ULL(VHOST_F_LOG_ALL));
	v->late = true;
	v->hold = true;
	vmm_send(v, &(struct vmm_piece){ DATA, LEN, true }, 1);
	KUNIT_ASSERT_TRUE(test, vh_until(READ_ONCE(v->nr_held) == 1));
	vmm_release_later(v, &later);
	KUNIT_EXPECT_EQ(test, vmm_mem(v, moved, 2), 0);
	vmm_release_wait(&later);
	KUNIT_EXPECT_TRUE(test, is_all(v, VMM_GUEST + DATA, VMM_BYTE));
	KUNIT_EXPECT_TRUE(test, is_all(v, VMM_GUEST + DATA + SZ_1M, 0));
	vmm_peek(v, VMM_LOG + DATA / VHOST_PAGE_SIZE / 8, &bits, 1);
	KUNIT_EXPECT_EQ(test, bits & 1, 1);
	KUNIT_EXPECT_EQ(test, v->dev->log.errors, 0);
	/* The next one goes to the new place. */
	vmm_send(v, &(struct vmm_piece){ DATA, LEN, true }, 1);
	KUNIT_EXPECT_TRUE(test, vmm_wait(v));
	KUNIT_EXPECT_TRUE(test, is_all(v, VMM_GUEST + DATA + SZ_1M, VMM_BYTE));
}

/* A ring that broke has requests in flight as well. */
static void broken_ring(struct kunit *test)
{
	struct vmm *v = vmm_in_flight(test, 0);
	struct vhost_memory_region low = REGION(0, DATA, v->user + VMM_GUEST);
	struct vmm_later later;

	scoped_guard(mutex, &vmm_vq(v)->mutex)
		vh_vq_break(vmm_vq(v), "a test");
	vmm_release_later(v, &later);
	KUNIT_EXPECT_EQ(test, vmm_mem(v, &low, 1), 0);
	KUNIT_EXPECT_EQ(test, vh_vq_in_flight(vmm_vq(v)), 0);
	wipe(v, VMM_GUEST + DATA);
	vmm_release_wait(&later);
	KUNIT_EXPECT_TRUE(test, is_all(v, VMM_GUEST + DATA, 0));
	KUNIT_EXPECT_EQ(test, vmm_vq(v)->state, VH_VQ_BROKEN);
}

/* What keeps its place may be joined, cut, and joined by more: nobody waits. */
static void what_stays_waits_for_nothing(struct kunit *test)
{
	struct vmm *v = vmm_in_flight(test, 0);
	struct vhost_memory_region cut[] = {
		REGION(0, DATA, v->user + VMM_GUEST),
		REGION(DATA, VMM_MEM - DATA, v->user + VMM_GUEST + DATA),
		REGION(SZ_16M, SZ_4K, v->user + VMM_ARGS),
	};
	struct vhost_memory_region joined[] = {
		REGION(0, VMM_MEM, v->user + VMM_GUEST),
		REGION(SZ_16M, SZ_4K, v->user + VMM_ARGS),
	};

	/* Each would wait for ever. */
	KUNIT_EXPECT_EQ(test, vmm_mem(v, cut, 3), 0);
	KUNIT_EXPECT_EQ(test, vmm_mem(v, joined, 2), 0);
	KUNIT_EXPECT_EQ(test, v->nr_held, 1);
	vmm_release(v);
	KUNIT_EXPECT_TRUE(test, vmm_wait(v));
	KUNIT_EXPECT_TRUE(test, is_all(v, VMM_GUEST + DATA, VMM_BYTE));
}

/* The memory of a ring goes from under it, however it is reached. */
static void ring_memory_goes(struct kunit *test)
{
	const bool how[] = { VH_RING_PIN, VH_RING_USER };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(how); i++) {
		struct vmm *v = vmm_open(test);
		struct vhost_memory_region high =
			REGION(DATA, DATA, v->user + VMM_GUEST + DATA);

		vh_ring_access = how[i];
		vmm_start(v, 0);
		vh_ring_access = VH_RING_PIN;
		KUNIT_EXPECT_EQ(test, vmm_mem(v, &high, 1), 0);
		KUNIT_EXPECT_EQ(test, vmm_vq(v)->state, VH_VQ_BROKEN);
		KUNIT_EXPECT_EQ(test, vmm_vq(v)->stats.errors, 1);
		vmm_close(v);
	}
}

/* Who is being killed waits for nobody, and has changed nothing. */
static void killed_while_waiting(struct kunit *test)
{
	struct vmm *v = vmm_in_flight(test, 0);
	struct vhost_memory_region low = REGION(0, DATA, v->user + VMM_GUEST);
	const struct vh_mem *before = v->dev->mem;
	long err;

	sigaddset(&current->pending.signal, SIGKILL);
	set_thread_flag(TIF_SIGPENDING);
	err = vmm_mem(v, &low, 1);
	sigdelset(&current->pending.signal, SIGKILL);
	clear_thread_flag(TIF_SIGPENDING);
	KUNIT_EXPECT_EQ(test, err, -EINTR);
	KUNIT_EXPECT_PTR_EQ(test, v->dev->mem, before);
	KUNIT_EXPECT_EQ(test, vmm_vq(v)->state, VH_VQ_RUNNING);
	vmm_release(v);
	KUNIT_EXPECT_TRUE(test, vmm_wait(v));
	send_and_wait(v, DATA + SZ_4K);
}

/* ------------------------------------------------------------ what goes */

#define PAGES	32u

static void random_table(struct rnd_state *rnd, struct vmm *v,
			 struct vhost_memory_region *r, unsigned int *nr)
{
	unsigned int page = 0;

	for (*nr = 0; page < PAGES; (*nr)++) {
		unsigned int pages = 1 + prandom_u32_state(rnd) % 6;
		/* Mostly where it always is, so that much stays. */
		unsigned int host = prandom_u32_state(rnd) % 4 ? page : 3;

		page += prandom_u32_state(rnd) % 2;
		pages = min(pages, PAGES + 6 - page);
		r[*nr] = (struct vhost_memory_region)
			REGION((u64)page << 12, (u64)pages << 12,
			       v->user + ((u64)(host == 3 ? 3 : page) << 12));
		page += pages;
	}
}

/* The VMM's address of a guest page by a table, 0 for none. */
static u64 host_of(const struct vhost_memory_region *r, unsigned int nr, u64 page)
{
	u64 addr = page << 12;

	for (; nr--; r++)
		if (addr >= r->guest_phys_addr &&
		    addr - r->guest_phys_addr < r->memory_size)
			return r->userspace_addr + (addr - r->guest_phys_addr);
	return 0;
}

/* Random tables one after the other; a region goes if any page of it does. */
static void gone_against_oracle(struct kunit *test)
{
	struct vmm *v = vmm_open(test);
	struct vhost_memory_region *was, *is;
	unsigned int nr_was, nr_is, round, i;
	struct rnd_state rnd;

	was = kunit_kcalloc(test, PAGES, sizeof(*was), GFP_KERNEL);
	is = kunit_kcalloc(test, PAGES, sizeof(*is), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, was);
	KUNIT_ASSERT_NOT_NULL(test, is);
	prandom_seed_state(&rnd, 60);
	random_table(&rnd, v, was, &nr_was);
	for (round = 0; round < 500; round++) {
		struct vh_mem *old, *new;
		unsigned int at = 0;

		random_table(&rnd, v, is, &nr_is);
		KUNIT_ASSERT_EQ(test, vmm_mem(v, was, nr_was), 0);
		old = v->dev->mem;
		v->dev->mem = NULL;
		KUNIT_ASSERT_EQ(test, vmm_mem(v, is, nr_is), 0);
		new = v->dev->mem;
		for (i = 0; i < nr_was; i++) {
			u64 page = was[i].guest_phys_addr >> 12, n;
			const struct parley_region *gone = NULL;
			unsigned int from = i;
			bool want = false;

			for (n = 0; n < was[i].memory_size >> 12; n++)
				want |= host_of(is, nr_is, page + n) !=
					host_of(was, nr_was, page + n);
			gone = vh_mem_next_gone(old, new, &from);
			KUNIT_ASSERT_EQ_MSG(test, want, gone && from == i + 1,
					    "round %u, region %u", round, i);
		}
		KUNIT_EXPECT_PTR_EQ(test, vh_mem_next_gone(new, new, &at), NULL);
		at = 0;
		KUNIT_EXPECT_NOT_NULL(test, vh_mem_next_gone(new, NULL, &at));
		at = 0;
		KUNIT_EXPECT_PTR_EQ(test, vh_mem_next_gone(NULL, new, &at), NULL);
		kvfree(old);
		memcpy(was, is, nr_is * sizeof(*is));
		nr_was = nr_is;
	}
}

static struct kunit_case mapping_cases[] = {
	KUNIT_CASE(region_goes_in_flight),
	KUNIT_CASE(region_moves_in_flight),
	KUNIT_CASE(broken_ring),
	KUNIT_CASE(what_stays_waits_for_nothing),
	KUNIT_CASE(ring_memory_goes),
	KUNIT_CASE(killed_while_waiting),
	KUNIT_CASE(gone_against_oracle),
	{}
};

static struct kunit_suite mapping_suite = {
	.name = "parley_vhost_mapping",
	.test_cases = mapping_cases,
};
kunit_test_suite(mapping_suite);
