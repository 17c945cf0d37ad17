// SPDX-License-Identifier: GPL-2.0-only
/* A hostile driver against the device role. */
#include "hostile.h"
#include "user_ring.h"

#define SIZE	8u
#define PIECES	4u	/* pieces that a chain may have here */
#define D_NEXT	VRING_DESC_F_NEXT
#define D_WRITE	VRING_DESC_F_WRITE
#define D_TABLE	VRING_DESC_F_INDIRECT
#define CANARY	0x5a5a5a5aul

struct victim {
	struct raw *r;
	struct parley_chain chains[SIZE + 1];
	struct parley_iov iov[SIZE + 1][PIECES + 1];
};

static struct victim *victim_open(struct kunit *test, u64 more)
{
	struct victim *v = kunit_kzalloc(test, sizeof(*v), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, v);
	v->r = raw_open(test, hostile_features(test) | more, SIZE);
	return v;
}

static int victim_take(struct victim *v, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i <= SIZE; i++) {
		v->chains[i] = (struct parley_chain){ .iov = v->iov[i], .max = PIECES };
		v->iov[i][PIECES].len = CANARY;
	}
	v->chains[nr].id = 0xbeef;
	return parley_devq_take(v->r->dev, v->chains, nr);
}

static void victim_complete(struct kunit *test, struct victim *v, unsigned int i)
{
	v->chains[i].written = v->chains[i].len_in;
	KUNIT_EXPECT_EQ(test, parley_devq_complete(v->r->dev, &v->chains[i], 1), 0);
}

/* The queue is broken by what take is about to see, and stays so. */
static void expect_broken(struct kunit *test, struct victim *v)
{
	struct parley_devq *q = v->r->dev;
	u64 buffers = parley_devq_stats(q)->buffers;
	u64 errors = parley_devq_stats(q)->errors;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, victim_take(v, 1), -EIO);
	KUNIT_EXPECT_TRUE(test, parley_devq_broken(q));
	KUNIT_EXPECT_EQ(test, parley_devq_stats(q)->buffers, buffers);
	KUNIT_EXPECT_NE(test, parley_devq_stats(q)->errors, errors);
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(q), 0u);
	for (i = 0; i <= SIZE; i++)
		KUNIT_EXPECT_EQ(test, v->iov[i][PIECES].len, (size_t)CANARY);
	KUNIT_EXPECT_EQ(test, victim_take(v, 1), -EIO);
}

/* Used entry @i, whose chain is @id. */
static void expect_used(struct kunit *test, struct victim *v, unsigned int i,
			unsigned int id, u32 len)
{
	struct raw *r = v->r;

	if (r->packed) {
		KUNIT_EXPECT_EQ(test, le16_to_cpu(r->pdesc[i].id), id);
		KUNIT_EXPECT_EQ(test, le32_to_cpu(r->pdesc[i].len), len);
	} else {
		KUNIT_EXPECT_EQ(test, vr32_to_cpu(r->used->ring[i].id), id);
		KUNIT_EXPECT_EQ(test, vr32_to_cpu(r->used->ring[i].len), len);
	}
}

/* Write entry @at of an indirect table at arena offset @off. */
static void table_desc(struct victim *v, u32 off, unsigned int at, u64 addr,
		       u32 len, u16 flags, u16 next)
{
	if (v->r->packed) {
		struct vring_packed_desc *d = (void *)(v->r->arena + off);

		d[at] = (struct vring_packed_desc){
			.addr = cpu_to_le64(addr), .len = cpu_to_le32(len),
			.flags = cpu_to_le16(flags & ~D_NEXT) };
	} else {
		struct vring_desc *d = (void *)(v->r->arena + off);

		d[at] = (struct vring_desc){
			.addr = cpu_to_vr64(addr), .len = cpu_to_vr32(len),
			.flags = cpu_to_vr16(flags), .next = cpu_to_vr16(next) };
	}
}

/* A chain, a table or a buffer of more pieces than the owner has room for. */
static void bad_01_more_pieces_than_room(struct kunit *test)
{
	struct victim *v = victim_open(test, PAIR_INDIRECT);
	struct raw *r = v->r;
	unsigned int i;

	for (i = 0; i <= PIECES; i++)
		raw_desc(r, i, PAIR_BUS + 64 * i, 64, i < PIECES ? D_NEXT : 0, i + 1);
	raw_avail(r, 1);
	expect_broken(test, v);

	raw_reset(r);
	for (i = 0; i <= PIECES; i++)
		table_desc(v, 4096, i, PAIR_BUS, 8, i < PIECES ? D_NEXT : 0, i + 1);
	raw_desc(r, 0, PAIR_BUS + 4096, (PIECES + 1) * 16, D_TABLE, 0);
	raw_avail(r, 1);
	expect_broken(test, v);

	/* One descriptor over three regions, and room for two pieces only. */
	raw_reset(r);
	for (i = 0; i < 3; i++)
		r->region[i] = (struct parley_region){
			PAIR_BUS + 16 * i, 16, (unsigned long)r->arena + 64 * i,
			PARLEY_MEM_READ };
	r->map.nr = 3;
	parley_devq_set_map(r->dev, &r->map);
	raw_desc(r, 0, PAIR_BUS, 48, 0, 0);
	raw_avail(r, 1);
	victim_take(v, 0);
	v->chains[0].max = 2;
	v->iov[0][2].len = CANARY;
	KUNIT_EXPECT_EQ(test, parley_devq_take(r->dev, v->chains, 1), -EIO);
	KUNIT_EXPECT_EQ(test, v->iov[0][2].len, (size_t)CANARY);
}

/* More chains are there than were asked for. */
static void bad_02_more_chains_than_room(struct kunit *test)
{
	struct victim *v = victim_open(test, 0);
	unsigned int i;

	for (i = 0; i < 4; i++)
		raw_desc(v->r, i, PAIR_BUS, 64, 0, 0);
	raw_avail(v->r, 4);
	KUNIT_EXPECT_EQ(test, victim_take(v, 2), 2);
	KUNIT_EXPECT_EQ(test, v->chains[2].id, 0xbeef);
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(v->r->dev), 2u);
}

/* Nobody says to have written more than the chain holds. */
static void bad_03_written_more_than_room(struct kunit *test)
{
	struct victim *v = victim_open(test, 0);

	raw_desc(v->r, 0, PAIR_BUS, 64, D_WRITE, 0);
	raw_avail(v->r, 1);
	KUNIT_ASSERT_EQ(test, victim_take(v, 1), 1);
	v->chains[0].written = 65;
	KUNIT_EXPECT_EQ(test, parley_devq_complete(v->r->dev, v->chains, 1), -EINVAL);
	KUNIT_EXPECT_FALSE(test, parley_devq_publish(v->r->dev));
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(v->r->dev), 1u);
	victim_complete(test, v, 0);
	KUNIT_EXPECT_TRUE(test, parley_devq_publish(v->r->dev));
	expect_used(test, v, 0, 0, 64);
}

static int miss_again(struct parley_memmap *map, u64 addr, u64 len, u32 perm)
{
	return -EAGAIN;
}

/* An error is never counted as chains. */
static void bad_04_error_is_no_count(struct kunit *test)
{
	struct victim *v = victim_open(test, 0);
	struct raw *r = v->r;

	r->map.miss = miss_again;
	raw_desc(r, 0, PAIR_BUS, 64, 0, 0);
	raw_desc(r, 1, 0x1000, 64, 0, 0);
	raw_avail(r, 2);
	KUNIT_EXPECT_EQ(test, victim_take(v, 4), 1);
	KUNIT_EXPECT_EQ(test, victim_take(v, 4), -EAGAIN);
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(r->dev), 1u);
	KUNIT_EXPECT_EQ(test, parley_devq_stats(r->dev)->buffers, 1ull);
	KUNIT_EXPECT_FALSE(test, parley_devq_broken(r->dev));
	r->region[0].start = 0x1000;
	parley_devq_set_map(r->dev, &r->map);
	KUNIT_EXPECT_EQ(test, victim_take(v, 4), 1);
	KUNIT_EXPECT_EQ(test, v->chains[0].id, 1);

	parley_devq_break(r->dev, NULL);
	KUNIT_EXPECT_EQ(test, victim_take(v, 4), -EIO);
	KUNIT_EXPECT_EQ(test, parley_devq_peek(r->dev), 0u);
	KUNIT_EXPECT_EQ(test, parley_devq_complete(r->dev, v->chains, 1), -EIO);
	KUNIT_EXPECT_FALSE(test, parley_devq_publish(r->dev));
	KUNIT_EXPECT_EQ(test, parley_devq_stats(r->dev)->buffers, 2ull);
}

/* Buffers that cross from one region into the next, or into nothing. */
static void bad_05_crosses_regions(struct kunit *test)
{
	struct victim *v = victim_open(test, 0);
	struct raw *r = v->r;

	r->region[0] = (struct parley_region){
		PAIR_BUS, 4096, (unsigned long)r->arena + 8192,
		PARLEY_MEM_READ | PARLEY_MEM_WRITE };
	r->region[1] = (struct parley_region){
		PAIR_BUS + 4096, 4096, (unsigned long)r->arena, PARLEY_MEM_READ };
	r->map.nr = 2;
	KUNIT_EXPECT_EQ(test, parley_memmap_check(&r->map), 0);
	parley_devq_set_map(r->dev, &r->map);

	raw_desc(r, 0, PAIR_BUS + 4000, 200, 0, 0);
	raw_avail(r, 1);
	KUNIT_ASSERT_EQ(test, victim_take(v, 1), 1);
	KUNIT_EXPECT_EQ(test, v->chains[0].n_out, 2);
	KUNIT_EXPECT_EQ(test, v->chains[0].len_out, 200u);
	KUNIT_EXPECT_PTR_EQ(test, v->iov[0][0].kern, (void *)(r->arena + 8192 + 4000));
	KUNIT_EXPECT_EQ(test, v->iov[0][0].len, (size_t)96);
	KUNIT_EXPECT_PTR_EQ(test, v->iov[0][1].kern, (void *)r->arena);
	KUNIT_EXPECT_EQ(test, v->iov[0][1].len, (size_t)104);

	/* The second region is not to be written to. */
	raw_reset(r);
	raw_desc(r, 0, PAIR_BUS + 4000, 200, D_WRITE, 0);
	raw_avail(r, 1);
	expect_broken(test, v);

	/* A hole between the two. */
	raw_reset(r);
	r->region[1].start++;
	parley_devq_set_map(r->dev, &r->map);
	raw_desc(r, 0, PAIR_BUS + 4000, 200, 0, 0);
	raw_avail(r, 1);
	expect_broken(test, v);
}

/* Chains and tables that never end, of pieces or of nothing. */
static void bad_06_endless_chain(struct kunit *test)
{
	struct victim *v = victim_open(test, PAIR_INDIRECT);
	struct raw *r = v->r;
	unsigned int len, i;

	for (len = 0; len <= 8; len += 8) {
		raw_reset(r);
		for (i = 0; i < SIZE; i++)
			raw_desc(r, i, PAIR_BUS, len, D_NEXT, (i + 1) % 2);
		raw_avail(r, 1);
		expect_broken(test, v);
	}
	if (r->packed)
		return;
	raw_reset(r);
	table_desc(v, 4096, 0, PAIR_BUS, 0, D_NEXT, 1);
	table_desc(v, 4096, 1, PAIR_BUS, 0, D_NEXT, 0);
	raw_desc(r, 0, PAIR_BUS + 4096, 32, D_TABLE, 0);
	raw_avail(r, 1);
	expect_broken(test, v);
}

/* An empty piece is no piece: an iterator would stand still on it. */
static void bad_07_empty_descriptor(struct kunit *test)
{
	struct victim *v = victim_open(test, 0);
	struct raw *r = v->r;

	raw_desc(r, 0, PAIR_BUS, 0, D_NEXT, 1);
	raw_desc(r, 1, PAIR_BUS, 10, D_NEXT, 2);
	raw_desc(r, 2, PAIR_BUS, 0, D_WRITE, 0);
	raw_desc(r, 3, PAIR_BUS, 0, D_WRITE, 0);
	raw_avail(r, 1);
	if (!r->packed) {
		r->avail->ring[1] = cpu_to_vr16(3);
		r->avail->idx = cpu_to_vr16(2);
	}
	KUNIT_ASSERT_EQ(test, victim_take(v, 2), 2);
	KUNIT_EXPECT_EQ(test, v->chains[0].n_out, 1);
	KUNIT_EXPECT_EQ(test, v->chains[0].n_in, 0);
	KUNIT_EXPECT_EQ(test, v->iov[0][0].len, (size_t)10);
	KUNIT_EXPECT_EQ(test, v->chains[1].n_out, 0);
	KUNIT_EXPECT_EQ(test, v->chains[1].n_in, 0);
	victim_complete(test, v, 0);
	victim_complete(test, v, 1);
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(r->dev), 0u);

	raw_reset(r);
	raw_desc(r, 0, PAIR_BUS, 0, D_WRITE, 0);
	raw_avail(r, 1);
	KUNIT_ASSERT_EQ(test, victim_take(v, 1), 1);
	KUNIT_EXPECT_EQ(test, v->chains[0].n_out, 0);
	KUNIT_EXPECT_EQ(test, v->chains[0].n_in, 0);
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
		user_ring_open(test, &u, hostile_features(test));
		c.written = 0;
		KUNIT_ASSERT_EQ(test, parley_devq_take(u.dev, &c, 1), 1);
		if (!late)
			user_ring_revoke(test, &u);
		KUNIT_EXPECT_EQ(test, parley_devq_complete(u.dev, &c, 1),
				late ? 0 : -EFAULT);
		if (late)
			user_ring_revoke(test, &u);
		KUNIT_EXPECT_FALSE(test, parley_devq_publish(u.dev));
		KUNIT_EXPECT_TRUE(test, parley_devq_broken(u.dev));
		KUNIT_EXPECT_EQ(test, parley_devq_complete(u.dev, &c, 1), -EIO);
		KUNIT_EXPECT_EQ(test, parley_devq_in_flight(u.dev), late ? 0u : 1u);
		KUNIT_EXPECT_EQ(test, parley_devq_stats(u.dev)->notified, 0ull);
		user_ring_close(&u);
	}
}

/* A ring that cannot be read at all breaks; it does not look empty for ever. */
static void bad_13_ring_unreadable(struct kunit *test)
{
	struct user_ring u = {};
	struct parley_iov iov[1];
	struct parley_chain c = { .iov = iov, .max = 1 };

	user_ring_open(test, &u, hostile_features(test));
	user_ring_revoke_all(test, &u);
	KUNIT_EXPECT_EQ(test, parley_devq_take(u.dev, &c, 1), -EFAULT);
	KUNIT_EXPECT_TRUE(test, parley_devq_broken(u.dev));
	user_ring_close(&u);
}

/* In order, chains that were put back come again, and then in their turn. */
static void bad_14_untake_rewinds(struct kunit *test)
{
	struct victim *v = victim_open(test, 0);
	struct raw *r = v->r;
	u16 id[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		raw_desc(r, i, PAIR_BUS + i, 1 + i, D_WRITE, 0);
	raw_avail(r, 3);
	KUNIT_ASSERT_EQ(test, victim_take(v, 3), 3);
	for (i = 0; i < 3; i++)
		id[i] = v->chains[i].id;
	KUNIT_EXPECT_EQ(test, parley_devq_untake(r->dev, v->chains, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, parley_devq_untake(r->dev, v->chains + 1, 2), 0);
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(r->dev), 1u);
	victim_complete(test, v, 0);
	KUNIT_ASSERT_EQ(test, victim_take(v, 3), 2);
	KUNIT_EXPECT_EQ(test, v->chains[0].id, id[1]);
	KUNIT_EXPECT_EQ(test, v->chains[1].id, id[2]);
	victim_complete(test, v, 0);
	victim_complete(test, v, 1);
	KUNIT_EXPECT_EQ(test, parley_devq_untake(r->dev, v->chains + 1, 1), -EINVAL);
	KUNIT_EXPECT_TRUE(test, parley_devq_publish(r->dev));
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(r->dev), 0u);
	if (!(hostile_features(test) & PAIR_IN_ORDER)) {
		for (i = 0; i < 3; i++)
			expect_used(test, v, i, i, 1 + i);
		return;
	}

	/* One that waits for its turn, complete, is not to be put back. */
	raw_reset(r);
	for (i = 0; i < 2; i++)
		raw_desc(r, i, PAIR_BUS + i, 8, D_WRITE, 0);
	raw_avail(r, 2);
	KUNIT_ASSERT_EQ(test, victim_take(v, 2), 2);
	victim_complete(test, v, 1);
	KUNIT_EXPECT_EQ(test, parley_devq_untake(r->dev, v->chains + 1, 1), -EINVAL);
}

/* What was published is not published again, nor after a reset. */
static void bad_15_counts_are_cleared(struct kunit *test)
{
	struct victim *v = victim_open(test, 0);
	struct raw *r = v->r;
	unsigned int i;

	for (i = 0; i < 2; i++)
		raw_desc(r, i, PAIR_BUS, 8, D_WRITE, 0);
	raw_avail(r, 2);
	KUNIT_ASSERT_EQ(test, victim_take(v, 2), 2);
	victim_complete(test, v, 0);
	KUNIT_EXPECT_TRUE(test, parley_devq_publish(r->dev));
	KUNIT_EXPECT_FALSE(test, parley_devq_publish(r->dev));
	victim_complete(test, v, 1);
	KUNIT_EXPECT_EQ(test, parley_devq_stats(r->dev)->publishes, 1ull);
	raw_reset(r);
	KUNIT_EXPECT_FALSE(test, parley_devq_publish(r->dev));
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(r->dev), 0u);

	/* In order, the second chain done before the reset is not done after. */
	for (i = 0; i < 2; i++)
		raw_desc(r, i, PAIR_BUS, 8, D_WRITE, 0);
	raw_avail(r, 2);
	KUNIT_ASSERT_EQ(test, victim_take(v, 2), 2);
	victim_complete(test, v, 1);
	raw_reset(r);
	for (i = 0; i < 2; i++)
		raw_desc(r, i, PAIR_BUS, 8, D_WRITE, 0);
	raw_avail(r, 2);
	KUNIT_ASSERT_EQ(test, victim_take(v, 2), 2);
	victim_complete(test, v, 0);
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(r->dev), 1u);
}

/* Sizes and addresses that no ring has. */
static void bad_19_sizes_and_addresses(struct kunit *test)
{
	static const unsigned int sizes[] = { 0, 32769, 65536, 0x80000008, ~0u };
	struct raw *r = raw_open(test, hostile_features(test), SIZE);
	struct parley_devq_config cfg = {
		.name = "bad", .map = &r->map,
		.features = hostile_features(test) | BIT_ULL(VIRTIO_F_VERSION_1),
		.addr = { (unsigned long)r->desc, (unsigned long)r->avail,
			  (unsigned long)r->used },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		cfg.size = sizes[i];
		KUNIT_EXPECT_EQ(test, PTR_ERR(parley_devq_create(&cfg)), -EINVAL);
	}
	cfg.size = SIZE;
	for (i = 0; i < 3; i++) {
		u64 *addr = i == 0 ? &cfg.addr.desc :
			    i == 1 ? &cfg.addr.driver : &cfg.addr.device;

		*addr += 1;
		KUNIT_EXPECT_EQ(test, PTR_ERR(parley_devq_create(&cfg)), -EINVAL);
		*addr = 0;
		KUNIT_EXPECT_EQ(test, PTR_ERR(parley_devq_create(&cfg)), -EINVAL);
		*addr = (unsigned long)(i == 0 ? (void *)r->desc :
					i == 1 ? (void *)r->avail : (void *)r->used);
	}
}

/* Never more chains with us than the ring has descriptors. */
static void bad_20_more_outstanding_than_ring(struct kunit *test)
{
	struct victim *v = victim_open(test, 0);
	struct raw *r = v->r;
	unsigned int i;

	for (i = 0; i < SIZE; i++)
		raw_desc(r, i, PAIR_BUS, 8, 0, 0);
	raw_avail(r, SIZE);
	KUNIT_ASSERT_EQ(test, victim_take(v, SIZE), (int)SIZE);
	if (r->packed) {
		for (i = 0; i < SIZE; i++)
			r->pdesc[i].flags = cpu_to_le16(1 << VRING_PACKED_DESC_F_USED);
		KUNIT_EXPECT_EQ(test, parley_devq_peek(r->dev), 0u);
		KUNIT_EXPECT_EQ(test, victim_take(v, 1), 0);
	} else {
		raw_avail(r, SIZE + 1);
		KUNIT_EXPECT_EQ(test, victim_take(v, 1), -EIO);
	}
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(r->dev), SIZE);

	raw_reset(r);
	if (r->packed) {
		/* A chain that runs on into slots that are with us already. */
		for (i = 0; i < SIZE; i++)
			raw_desc(r, i, PAIR_BUS, 8, i == SIZE - 1 ? D_NEXT : 0, 0);
		KUNIT_ASSERT_EQ(test, victim_take(v, SIZE), (int)SIZE - 1);
		KUNIT_EXPECT_EQ(test, victim_take(v, 1), -EIO);
		KUNIT_EXPECT_EQ(test, parley_devq_in_flight(r->dev), SIZE - 1);
		return;
	}
	raw_avail(r, SIZE + 1);
	KUNIT_EXPECT_EQ(test, victim_take(v, SIZE), -EIO);

	/* All but one are with us, and two more turn up. */
	raw_reset(r);
	raw_avail(r, SIZE - 1);
	KUNIT_ASSERT_EQ(test, victim_take(v, SIZE), (int)SIZE - 1);
	raw_avail(r, SIZE + 1);
	KUNIT_EXPECT_EQ(test, victim_take(v, SIZE), -EIO);
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(r->dev), SIZE - 1);
}

/* An empty piece is not looked up; an empty or odd region is no region. */
static void bad_31_empty_is_not_mapped(struct kunit *test)
{
	struct victim *v = victim_open(test, 0);
	struct raw *r = v->r;
	struct parley_region two[2] = {
		{ 0x1000, 0x1000, 0x1000, PARLEY_MEM_READ },
		{ 0x2000, 0x1000, 0x1000, PARLEY_MEM_READ } };
	struct parley_memmap map = { .nr = 2, .regions = two };

	raw_desc(r, 0, 0xdead0000, 0, D_NEXT, 1);
	raw_desc(r, 1, PAIR_BUS, 8, 0, 0);
	raw_avail(r, 1);
	KUNIT_ASSERT_EQ(test, victim_take(v, 1), 1);
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
	struct victim *v = victim_open(test, PAIR_INDIRECT);
	struct raw *r = v->r;
	int i;

	raw_desc(r, 0, (u32)PAIR_BUS, 8, 0, 0);
	raw_avail(r, 1);
	expect_broken(test, v);
	if (r->packed)
		return;

	raw_reset(r);
	raw_desc(r, 0, PAIR_BUS, 8, 0, 0);
	raw_avail(r, 1);
	r->avail->ring[0] = cpu_to_vr16(SIZE);
	expect_broken(test, v);

	raw_reset(r);
	raw_desc(r, 0, PAIR_BUS, 8, D_NEXT, SIZE + 1);
	raw_desc(r, 1, PAIR_BUS, 8, 0, 0);
	raw_avail(r, 1);
	expect_broken(test, v);

	raw_reset(r);
	table_desc(v, 4096, 0, PAIR_BUS, 8, D_NEXT, 2);
	table_desc(v, 4096, 2, PAIR_BUS, 8, 0, 0);
	raw_desc(r, 0, PAIR_BUS + 4096, 32, D_TABLE, 0);
	raw_avail(r, 1);
	expect_broken(test, v);

	/* Two are seen and one is taken; then the driver takes both back. */
	raw_reset(r);
	raw_desc(r, 0, PAIR_BUS, 8, 0, 0);
	raw_desc(r, 1, PAIR_BUS, 8, 0, 0);
	raw_avail(r, 2);
	KUNIT_EXPECT_EQ(test, victim_take(v, 1), 1);
	r->avail->idx = cpu_to_vr16(1);
	i = victim_take(v, 4);
	KUNIT_EXPECT_TRUE(test, i == 1 || i == -EIO);

	/* The index is 16 bits wide and goes round; that is no jump. */
	raw_reset(r);
	r->used->idx = cpu_to_vr16(0xffff);
	KUNIT_ASSERT_EQ(test, parley_devq_load(r->dev, 0xffff), 0);
	raw_desc(r, 0, PAIR_BUS, 8, 0, 0);
	raw_desc(r, 7, PAIR_BUS, 8, 0, 0);
	r->avail->ring[7] = cpu_to_vr16(7);
	r->avail->ring[0] = cpu_to_vr16(0);
	r->avail->idx = cpu_to_vr16(1);
	KUNIT_EXPECT_EQ(test, victim_take(v, 4), 2);
	KUNIT_EXPECT_EQ(test, v->chains[0].id, 7);
	KUNIT_EXPECT_EQ(test, v->chains[1].id, 0);
}

/* What was taken does not change with what the driver writes afterwards. */
static void bad_36_changed_after_take(struct kunit *test)
{
	struct victim *v = victim_open(test, 0);
	struct raw *r = v->r;

	raw_desc(r, 0, PAIR_BUS, 8, D_NEXT | D_WRITE, 1);
	raw_desc(r, 1, PAIR_BUS + 64, 8, D_WRITE, 0);
	raw_avail(r, 1);
	KUNIT_ASSERT_EQ(test, victim_take(v, 1), 1);
	memset(r->desc, 0xff, SIZE * sizeof(*r->desc));
	memset(r->avail->ring, 0xff, SIZE * 2);
	KUNIT_EXPECT_EQ(test, v->chains[0].len_in, 16u);
	KUNIT_EXPECT_PTR_EQ(test, v->iov[0][1].kern, (void *)(r->arena + 64));
	victim_complete(test, v, 0);
	KUNIT_EXPECT_TRUE(test, parley_devq_publish(r->dev));
	expect_used(test, v, 0, r->packed ? 1 : 0, 16);
	KUNIT_EXPECT_FALSE(test, parley_devq_broken(r->dev));
}

/* Lengths beyond the memory, over 4 GiB, and tables that are none. */
static void bad_37_length_is_checked(struct kunit *test)
{
	static const struct { u64 addr; u32 len; u16 flags; } bad[] = {
		{ PAIR_BUS + PAIR_ARENA - 8, 9, 0 },
		{ PAIR_BUS - 1, 8, 0 },
		{ PAIR_BUS, ~0u, 0 },
		{ ~0ull - 7, 8, D_WRITE },
		{ ~0ull - 7, 9, D_WRITE },
		{ PAIR_BUS, 0, D_TABLE },
		{ PAIR_BUS, 15, D_TABLE },
		{ PAIR_BUS, 24, D_TABLE },
		{ PAIR_BUS + PAIR_ARENA, 16, D_TABLE },
		{ PAIR_BUS + PAIR_ARENA - 8, 16, D_TABLE },
		{ PAIR_BUS, 16, D_TABLE | D_NEXT },
	};
	struct victim *v = victim_open(test, PAIR_INDIRECT);
	struct raw *r = v->r;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		raw_reset(r);
		raw_desc(r, 0, bad[i].addr, bad[i].len, bad[i].flags, 1);
		raw_desc(r, 1, PAIR_BUS, 8, 0, 0);
		raw_avail(r, 1);
		expect_broken(test, v);
	}

	/* Over the end of the address space and on from its beginning. */
	raw_reset(r);
	r->region[0] = (struct parley_region){ 0, 4096, (unsigned long)r->arena,
		PARLEY_MEM_READ };
	r->region[1] = (struct parley_region){ ~0ull - 4095, 4096,
		(unsigned long)r->arena + 4096, PARLEY_MEM_READ };
	r->map.nr = 2;
	KUNIT_EXPECT_EQ(test, parley_memmap_check(&r->map), 0);
	parley_devq_set_map(r->dev, &r->map);
	raw_desc(r, 0, ~0ull - 7, 16, 0, 0);
	raw_avail(r, 1);
	expect_broken(test, v);
	raw_reset(r);
	raw_desc(r, 0, ~0ull - 7, 8, 0, 0);
	raw_avail(r, 1);
	KUNIT_EXPECT_EQ(test, victim_take(v, 1), 1);
	r->region[0] = (struct parley_region){ PAIR_BUS, PAIR_ARENA,
		(unsigned long)r->arena, PARLEY_MEM_READ | PARLEY_MEM_WRITE };
	r->map.nr = 1;
	parley_devq_set_map(r->dev, &r->map);

	/* A table inside a table. */
	raw_reset(r);
	table_desc(v, 4096, 0, PAIR_BUS + 4096, 16, D_TABLE, 0);
	raw_desc(r, 0, PAIR_BUS + 4096, 16, D_TABLE, 0);
	raw_avail(r, 1);
	expect_broken(test, v);

	/* Two pieces that sum up to more than 32 bits; nothing touches them. */
	raw_reset(r);
	r->region[0] = (struct parley_region){ 0, 1ull << 40, 1ull << 40,
		PARLEY_MEM_READ | PARLEY_MEM_WRITE };
	parley_devq_set_map(r->dev, &r->map);
	raw_desc(r, 0, PAIR_BUS, ~0u, D_NEXT | D_WRITE, 1);
	raw_desc(r, 1, PAIR_BUS, 9, D_WRITE, 0);
	raw_avail(r, 1);
	expect_broken(test, v);
}

/* A table, where none was negotiated. */
static void bad_37_table_not_negotiated(struct kunit *test)
{
	struct victim *v = victim_open(test, 0);

	if (hostile_features(test) & PAIR_INDIRECT)
		return;
	table_desc(v, 4096, 0, PAIR_BUS, 8, 0, 0);
	raw_desc(v->r, 0, PAIR_BUS + 4096, 16, D_TABLE, 0);
	raw_avail(v->r, 1);
	expect_broken(test, v);
}

/* A header in pieces, and pieces in the wrong order. */
static void bad_38_header_in_pieces(struct kunit *test)
{
	struct victim *v = victim_open(test, 0);
	struct raw *r = v->r;

	raw_desc(r, 0, PAIR_BUS, 1, D_NEXT, 1);
	raw_desc(r, 1, PAIR_BUS + 100, 7, D_NEXT, 2);
	raw_desc(r, 2, PAIR_BUS + 200, 8, D_NEXT, 3);
	raw_desc(r, 3, PAIR_BUS + 300, 32, D_WRITE, 0);
	raw_avail(r, 1);
	KUNIT_ASSERT_EQ(test, victim_take(v, 1), 1);
	KUNIT_EXPECT_EQ(test, v->chains[0].n_out, 3);
	KUNIT_EXPECT_EQ(test, v->chains[0].len_out, 16u);
	KUNIT_EXPECT_EQ(test, v->chains[0].n_in, 1);
	KUNIT_EXPECT_EQ(test, v->chains[0].len_in, 32u);

	raw_reset(r);
	raw_desc(r, 0, PAIR_BUS, 16, D_NEXT | D_WRITE, 1);
	raw_desc(r, 1, PAIR_BUS, 16, 0, 0);
	raw_avail(r, 1);
	expect_broken(test, v);
}

/* Kicks without chains, and every event that a driver can ask for. */
static void bad_50_storm(struct kunit *test)
{
	struct victim *v = victim_open(test, 0);
	struct raw *r = v->r;
	unsigned int i;

	for (i = 0; i < 10000; i++) {
		parley_devq_count_kick(r->dev);
		KUNIT_ASSERT_EQ(test, victim_take(v, SIZE), 0);
		KUNIT_ASSERT_TRUE(test, parley_devq_arm(r->dev));
	}
	KUNIT_EXPECT_EQ(test, parley_devq_stats(r->dev)->interrupts, 10000ull);
	KUNIT_EXPECT_EQ(test, parley_devq_stats(r->dev)->publishes, 0ull);
	for (i = 0; i < 65536; i += 7) {
		raw_reset(r);
		raw_desc(r, 0, PAIR_BUS, 8, 0, 0);
		raw_avail(r, 1);
		if (r->packed) {
			r->drv_event->off_wrap = cpu_to_le16(i);
			r->drv_event->flags = cpu_to_le16(i % 4);
		} else {
			r->avail->ring[SIZE] = cpu_to_vr16(i);
		}
		KUNIT_ASSERT_EQ(test, victim_take(v, 1), 1);
		victim_complete(test, v, 0);
		parley_devq_publish(r->dev);
		KUNIT_ASSERT_FALSE(test, parley_devq_broken(r->dev));
	}
}

HOSTILE_CASES(hostile_cases);
KUNIT_ARRAY_PARAM(hostile, hostile_cases, hostile_desc);

#define BAD(fn)	KUNIT_CASE_PARAM(fn, hostile_gen_params)

static struct kunit_case hostile_driver_cases[] = {
	BAD(bad_01_more_pieces_than_room),
	BAD(bad_02_more_chains_than_room),
	BAD(bad_03_written_more_than_room),
	BAD(bad_04_error_is_no_count),
	BAD(bad_05_crosses_regions),
	BAD(bad_06_endless_chain),
	BAD(bad_07_empty_descriptor),
	BAD(bad_13_used_ring_unwritable),
	BAD(bad_13_ring_unreadable),
	BAD(bad_14_untake_rewinds),
	BAD(bad_15_counts_are_cleared),
	BAD(bad_19_sizes_and_addresses),
	BAD(bad_20_more_outstanding_than_ring),
	BAD(bad_31_empty_is_not_mapped),
	BAD(bad_32_low_bits_only),
	BAD(bad_36_changed_after_take),
	BAD(bad_37_length_is_checked),
	BAD(bad_37_table_not_negotiated),
	BAD(bad_38_header_in_pieces),
	BAD(bad_50_storm),
	{}
};

static struct kunit_suite hostile_driver_suite = {
	.name = "parley_hostile_driver",
	.test_cases = hostile_driver_cases,
};

kunit_test_suites(&hostile_driver_suite);
