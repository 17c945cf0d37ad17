// SPDX-License-Identifier: GPL-2.0-only
/* A hostile driver against the device role: addresses, lengths, numbers. */
#include "prey.h"
#include "user_ring.h"

/* Buffers that cross from one region into the next, or into nothing. */
static void bad_05_crosses_regions(struct kunit *test)
{
	struct prey *v = parley_prey_open(test, 0);
	struct raw *r = v->r;

	r->region[0] = (struct parley_region){
		PAIR_BUS, 4096, (unsigned long)r->arena + 8192,
		PARLEY_MEM_READ | PARLEY_MEM_WRITE };
	r->region[1] = (struct parley_region){
		PAIR_BUS + 4096, 4096, (unsigned long)r->arena, PARLEY_MEM_READ };
	r->map.nr = 2;
	KUNIT_EXPECT_EQ(test, parley_memmap_check(&r->map), 0);
	parley_devq_set_map(r->dev, &r->map);

	parley_raw_desc(r, 0, PAIR_BUS + 4000, 200, 0, 0);
	parley_raw_avail(r, 1);
	KUNIT_ASSERT_EQ(test, parley_prey_take(v, 1), 1);
	KUNIT_EXPECT_EQ(test, v->chains[0].n_out, 2);
	KUNIT_EXPECT_EQ(test, v->chains[0].len_out, 200u);
	KUNIT_EXPECT_PTR_EQ(test, v->iov[0][0].kern, (void *)(r->arena + 8192 + 4000));
	KUNIT_EXPECT_EQ(test, v->iov[0][0].len, (size_t)96);
	KUNIT_EXPECT_PTR_EQ(test, v->iov[0][1].kern, (void *)r->arena);
	KUNIT_EXPECT_EQ(test, v->iov[0][1].len, (size_t)104);

	/* The second region is not to be written to. */
	parley_raw_reset(r);
	parley_raw_desc(r, 0, PAIR_BUS + 4000, 200, D_WRITE, 0);
	parley_raw_avail(r, 1);
	parley_prey_is_broken(test, v);

	/* A hole between the two. */
	parley_raw_reset(r);
	r->region[1].start++;
	parley_devq_set_map(r->dev, &r->map);
	parley_raw_desc(r, 0, PAIR_BUS + 4000, 200, 0, 0);
	parley_raw_avail(r, 1);
	parley_prey_is_broken(test, v);
}

/* A used entry or index that cannot be written is not counted as written. */
static void bad_13_used_ring_unwritable(struct kunit *test)
{
	struct user_ring u = {};
	struct parley_iov iov[1];
	struct parley_chain c = { .iov = iov, .max = 1 };
	unsigned int late;

	/* late: the ring goes away after complete, before publish */
	for (late = 0; late < 2; late++) {
		parley_user_ring_open(test, &u, hostile_features(test));
		c.written = 0;
		KUNIT_ASSERT_EQ(test, parley_devq_take(u.dev, &c, 1), 1);
		if (!late)
			parley_user_ring_revoke(test, &u);
		KUNIT_EXPECT_EQ(test, parley_devq_complete(u.dev, &c, 1),
				late ? 0 : -EFAULT);
		if (late)
			parley_user_ring_revoke(test, &u);
		KUNIT_EXPECT_FALSE(test, parley_devq_publish(u.dev));
		KUNIT_EXPECT_TRUE(test, parley_devq_broken(u.dev));
		KUNIT_EXPECT_EQ(test, parley_devq_complete(u.dev, &c, 1), -EIO);
		KUNIT_EXPECT_EQ(test, parley_devq_in_flight(u.dev), late ? 0u : 1u);
		KUNIT_EXPECT_EQ(test, parley_devq_stats(u.dev)->notified, 0ull);
		parley_user_ring_close(&u);
	}
}

/* A ring that cannot be read at all breaks; it does not look empty for ever. */
static void bad_13_ring_unreadable(struct kunit *test)
{
	struct user_ring u = {};
	struct parley_iov iov[1];
	struct parley_chain c = { .iov = iov, .max = 1 };

	parley_user_ring_open(test, &u, hostile_features(test));
	parley_user_ring_revoke_all(test, &u);
	KUNIT_EXPECT_EQ(test, parley_devq_take(u.dev, &c, 1), -EFAULT);
	KUNIT_EXPECT_TRUE(test, parley_devq_broken(u.dev));
	parley_user_ring_close(&u);
}

/* An empty piece is not looked up; an empty or odd region is no region. */
static void bad_31_empty_is_not_mapped(struct kunit *test)
{
	struct prey *v = parley_prey_open(test, 0);
	struct raw *r = v->r;
	struct parley_region two[2] = {
		{ 0x1000, 0x1000, 0x1000, PARLEY_MEM_READ },
		{ 0x2000, 0x1000, 0x1000, PARLEY_MEM_READ } };
	struct parley_memmap map = { .nr = 2, .regions = two };

	parley_raw_desc(r, 0, 0xdead0000, 0, D_NEXT, 1);
	parley_raw_desc(r, 1, PAIR_BUS, 8, 0, 0);
	parley_raw_avail(r, 1);
	KUNIT_ASSERT_EQ(test, parley_prey_take(v, 1), 1);
	KUNIT_EXPECT_EQ(test, v->chains[0].n_out, 1);
	KUNIT_EXPECT_PTR_EQ(test, v->iov[0][0].kern, (void *)r->arena);

	KUNIT_EXPECT_EQ(test, parley_memmap_check(&map), 0);
	two[0].size = 0;
	two[0].start = 0;
	two[0].host = 0;
	KUNIT_EXPECT_EQ(test, parley_memmap_check(&map), -EINVAL);
	two[0] = (struct parley_region){ 0x1000, 0x1000, 0x1000, PARLEY_MEM_READ };
	KUNIT_EXPECT_EQ(test, parley_memmap_check(&map), 0);
	two[1].size = 0;
	KUNIT_EXPECT_EQ(test, parley_memmap_check(&map), -EINVAL);
	two[1].size = -0x2000ull;
	KUNIT_EXPECT_EQ(test, parley_memmap_check(&map), 0);
	two[1].size++;
	KUNIT_EXPECT_EQ(test, parley_memmap_check(&map), -EINVAL);
	two[1].size = 0x1000;
	two[1].host = -0xfffull;
	KUNIT_EXPECT_EQ(test, parley_memmap_check(&map), -EINVAL);
	two[1].host = 0x1000;
	two[1].start = 0x1fff;
	KUNIT_EXPECT_EQ(test, parley_memmap_check(&map), -EINVAL);
	two[1].start = 0x100;
	two[1].size = 0x10;
	KUNIT_EXPECT_EQ(test, parley_memmap_check(&map), -EINVAL);
}

/* Heads, links and addresses that are right in their low bits only. */
static void bad_32_low_bits_only(struct kunit *test)
{
	struct prey *v = parley_prey_open(test, PAIR_INDIRECT);
	struct raw *r = v->r;
	int i;

	parley_raw_desc(r, 0, PAIR_BUS & U32_MAX, 8, 0, 0);
	parley_raw_avail(r, 1);
	parley_prey_is_broken(test, v);
	if (r->packed)
		return;

	parley_raw_reset(r);
	parley_raw_desc(r, 0, PAIR_BUS, 8, 0, 0);
	parley_raw_avail(r, 1);
	r->avail->ring[0] = cpu_to_vr16(SIZE);
	parley_prey_is_broken(test, v);

	parley_raw_reset(r);
	parley_raw_desc(r, 0, PAIR_BUS, 8, D_NEXT, SIZE + 1);
	parley_raw_desc(r, 1, PAIR_BUS, 8, 0, 0);
	parley_raw_avail(r, 1);
	parley_prey_is_broken(test, v);

	parley_raw_reset(r);
	parley_prey_table(v, 4096, 0, PAIR_BUS, 8, D_NEXT, 2);
	parley_prey_table(v, 4096, 2, PAIR_BUS, 8, 0, 0);
	parley_raw_desc(r, 0, PAIR_BUS + 4096, 32, D_TABLE, 0);
	parley_raw_avail(r, 1);
	parley_prey_is_broken(test, v);

	/* Two are seen and one is taken; then the driver takes both back. */
	parley_raw_reset(r);
	parley_raw_desc(r, 0, PAIR_BUS, 8, 0, 0);
	parley_raw_desc(r, 1, PAIR_BUS, 8, 0, 0);
	parley_raw_avail(r, 2);
	KUNIT_EXPECT_EQ(test, parley_prey_take(v, 1), 1);
	r->avail->idx = cpu_to_vr16(1);
	i = parley_prey_take(v, 4);
	KUNIT_EXPECT_TRUE(test, i == 1 || i == -EIO);

	/* The index is 16 bits wide and goes round; that is no jump. */
	parley_raw_reset(r);
	r->used->idx = cpu_to_vr16(0xffff);
	KUNIT_ASSERT_EQ(test, parley_devq_load(r->dev, 0xffff), 0);
	parley_raw_desc(r, 0, PAIR_BUS, 8, 0, 0);
	parley_raw_desc(r, 7, PAIR_BUS, 8, 0, 0);
	r->avail->ring[7] = cpu_to_vr16(7);
	r->avail->ring[0] = cpu_to_vr16(0);
	r->avail->idx = cpu_to_vr16(1);
	KUNIT_EXPECT_EQ(test, parley_prey_take(v, 4), 2);
	KUNIT_EXPECT_EQ(test, v->chains[0].id, 7);
	KUNIT_EXPECT_EQ(test, v->chains[1].id, 0);
}

/* Lengths beyond the memory, over 4 GiB, and tables that are none. */
static void bad_37_length_is_checked(struct kunit *test)
{
	static const struct { u64 addr; u32 len; u16 flags; } bad[] = {
		{ PAIR_END - 8, 9, 0 },
		{ PAIR_BUS - 1, 8, 0 },
		{ PAIR_BUS, ~0u, 0 },
		{ ~0ull - 7, 8, D_WRITE },
		{ ~0ull - 7, 9, D_WRITE },
		{ PAIR_BUS, 0, D_TABLE },
		{ PAIR_BUS, 15, D_TABLE },
		{ PAIR_BUS, 24, D_TABLE },
		{ PAIR_END, 16, D_TABLE },
		{ PAIR_END - 8, 16, D_TABLE },
		{ PAIR_BUS, 16, D_TABLE | D_NEXT },
	};
	struct prey *v = parley_prey_open(test, PAIR_INDIRECT);
	struct raw *r = v->r;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		parley_raw_reset(r);
		parley_raw_desc(r, 0, bad[i].addr, bad[i].len, bad[i].flags, 1);
		parley_raw_desc(r, 1, PAIR_BUS, 8, 0, 0);
		parley_raw_avail(r, 1);
		parley_prey_is_broken(test, v);
	}

	/* Over the end of the address space and on from its beginning. */
	parley_raw_reset(r);
	r->region[0] = (struct parley_region){ 0, 4096, (unsigned long)r->arena,
		PARLEY_MEM_READ };
	r->region[1] = (struct parley_region){ ~0ull - 4095, 4096,
		(unsigned long)r->arena + 4096, PARLEY_MEM_READ };
	r->map.nr = 2;
	KUNIT_EXPECT_EQ(test, parley_memmap_check(&r->map), 0);
	parley_devq_set_map(r->dev, &r->map);
	parley_raw_desc(r, 0, ~0ull - 7, 16, 0, 0);
	parley_raw_avail(r, 1);
	parley_prey_is_broken(test, v);
	parley_raw_reset(r);
	parley_raw_desc(r, 0, ~0ull - 7, 8, 0, 0);
	parley_raw_avail(r, 1);
	KUNIT_EXPECT_EQ(test, parley_prey_take(v, 1), 1);
	r->region[0] = (struct parley_region){ PAIR_BUS, PAIR_ARENA,
		(unsigned long)r->arena, PARLEY_MEM_READ | PARLEY_MEM_WRITE };
	r->map.nr = 1;
	parley_devq_set_map(r->dev, &r->map);

	/* A table inside a table; in the packed format that flag says nothing. */
	parley_raw_reset(r);
	parley_prey_table(v, 4096, 0, PAIR_BUS + 4096, 16, D_TABLE, 0);
	parley_raw_desc(r, 0, PAIR_BUS + 4096, 16, D_TABLE, 0);
	parley_raw_avail(r, 1);
	if (!r->packed)
		parley_prey_is_broken(test, v);

	/* Two pieces that sum up to more than 32 bits; nothing touches them. */
	parley_raw_reset(r);
	r->region[0] = (struct parley_region){ 0, 1ull << 40, 1ull << 40,
		PARLEY_MEM_READ | PARLEY_MEM_WRITE };
	parley_devq_set_map(r->dev, &r->map);
	parley_raw_desc(r, 0, PAIR_BUS, ~0u, D_NEXT | D_WRITE, 1);
	parley_raw_desc(r, 1, PAIR_BUS, 9, D_WRITE, 0);
	parley_raw_avail(r, 1);
	parley_prey_is_broken(test, v);
}

/* A table, where none was negotiated. */
static void bad_37_table_not_negotiated(struct kunit *test)
{
	struct prey *v = parley_prey_open(test, 0);

	if (hostile_features(test) & PAIR_INDIRECT)
		return;
	parley_prey_table(v, 4096, 0, PAIR_BUS, 8, 0, 0);
	parley_raw_desc(v->r, 0, PAIR_BUS + 4096, 16, D_TABLE, 0);
	parley_raw_avail(v->r, 1);
	parley_prey_is_broken(test, v);
}

HOSTILE_CASES(hostile_cases);
KUNIT_ARRAY_PARAM(hostile, hostile_cases, hostile_desc);

#define BAD(fn)	KUNIT_CASE_PARAM(fn, hostile_gen_params)

static struct kunit_case hostile_memory_cases[] = {
	BAD(bad_05_crosses_regions),
	BAD(bad_13_used_ring_unwritable),
	BAD(bad_13_ring_unreadable),
	BAD(bad_31_empty_is_not_mapped),
	BAD(bad_32_low_bits_only),
	BAD(bad_37_length_is_checked),
	BAD(bad_37_table_not_negotiated),
	{}
};

static struct kunit_suite hostile_memory_suite = {
	.name = "parley_hostile_memory",
	.test_cases = hostile_memory_cases,
};

kunit_test_suites(&hostile_memory_suite);
