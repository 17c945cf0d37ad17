// SPDX-License-Identifier: GPL-2.0-only
/* A hostile driver against the device role: chains, and how many. */
#include "prey.h"

/* A chain, a table or a buffer of more pieces than the owner has room for. */
static void bad_01_more_pieces_than_room(struct kunit *test)
{
	struct prey *v = parley_prey_open(test, PAIR_INDIRECT);
	struct raw *r = v->r;
	unsigned int i;

	for (i = 0; i <= PIECES; i++)
		parley_raw_desc(r, i, PAIR_BUS + 64 * i, 64, i < PIECES ? D_NEXT : 0, i + 1);
	parley_raw_avail(r, 1);
	parley_prey_is_broken(test, v);

	parley_raw_reset(r);
	for (i = 0; i <= PIECES; i++)
		parley_prey_table(v, 4096, i, PAIR_BUS, 8, i < PIECES ? D_NEXT : 0, i + 1);
	parley_raw_desc(r, 0, PAIR_BUS + 4096, (PIECES + 1) * 16, D_TABLE, 0);
	parley_raw_avail(r, 1);
	parley_prey_is_broken(test, v);

	/* One descriptor over three regions, and room for two pieces only. */
	parley_raw_reset(r);
	for (i = 0; i < 3; i++)
		r->region[i] = (struct parley_region){
			PAIR_BUS + 16 * i, 16, (unsigned long)r->arena + 64 * i,
			PARLEY_MEM_READ };
	r->map.nr = 3;
	parley_devq_set_map(r->dev, &r->map);
	parley_raw_desc(r, 0, PAIR_BUS, 48, 0, 0);
	parley_raw_avail(r, 1);
	parley_prey_take(v, 0);
	v->chains[0].max = 2;
	v->iov[0][2].len = CANARY;
	KUNIT_EXPECT_EQ(test, parley_devq_take(r->dev, v->chains, 1), -EIO);
	KUNIT_EXPECT_EQ(test, v->iov[0][2].len, (size_t)CANARY);
}

/* More chains are there than were asked for. */
static void bad_02_more_chains_than_room(struct kunit *test)
{
	struct prey *v = parley_prey_open(test, 0);
	unsigned int i;

	for (i = 0; i < 4; i++)
		parley_raw_desc(v->r, i, PAIR_BUS, 64, 0, 0);
	parley_raw_avail(v->r, 4);
	KUNIT_EXPECT_EQ(test, parley_prey_take(v, 2), 2);
	KUNIT_EXPECT_EQ(test, v->chains[2].id, 0xbeef);
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(v->r->dev), 2u);
}

/* Nobody says to have written more than the chain holds. */
static void bad_03_written_more_than_room(struct kunit *test)
{
	struct prey *v = parley_prey_open(test, 0);

	parley_raw_desc(v->r, 0, PAIR_BUS, 64, D_WRITE, 0);
	parley_raw_avail(v->r, 1);
	KUNIT_ASSERT_EQ(test, parley_prey_take(v, 1), 1);
	v->chains[0].written = 65;
	KUNIT_EXPECT_EQ(test, parley_devq_complete(v->r->dev, v->chains, 1), -EINVAL);
	KUNIT_EXPECT_FALSE(test, parley_devq_publish(v->r->dev));
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(v->r->dev), 1u);
	parley_prey_complete(test, v, 0);
	KUNIT_EXPECT_TRUE(test, parley_devq_publish(v->r->dev));
	parley_prey_used(test, v, 0, 0, 64);
}

static int miss_again(struct parley_memmap *map, u64 addr, u64 len, u32 perm)
{
	return -EAGAIN;
}

/* An error is never counted as chains. */
static void bad_04_error_is_no_count(struct kunit *test)
{
	struct prey *v = parley_prey_open(test, 0);
	struct raw *r = v->r;

	r->map.miss = miss_again;
	parley_raw_desc(r, 0, PAIR_BUS, 64, 0, 0);
	parley_raw_desc(r, 1, 0x1000, 64, 0, 0);
	parley_raw_avail(r, 2);
	KUNIT_EXPECT_EQ(test, parley_prey_take(v, 4), 1);
	KUNIT_EXPECT_EQ(test, parley_prey_take(v, 4), -EAGAIN);
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(r->dev), 1u);
	KUNIT_EXPECT_EQ(test, parley_devq_stats(r->dev)->buffers, 1ull);
	KUNIT_EXPECT_FALSE(test, parley_devq_broken(r->dev));
	r->region[0].start = 0x1000;
	parley_devq_set_map(r->dev, &r->map);
	KUNIT_EXPECT_EQ(test, parley_prey_take(v, 4), 1);
	KUNIT_EXPECT_EQ(test, v->chains[0].id, 1);

	parley_devq_break(r->dev, NULL);
	KUNIT_EXPECT_EQ(test, parley_prey_take(v, 4), -EIO);
	KUNIT_EXPECT_FALSE(test, parley_devq_peek(r->dev));
	KUNIT_EXPECT_EQ(test, parley_devq_complete(r->dev, v->chains, 1), -EIO);
	KUNIT_EXPECT_FALSE(test, parley_devq_publish(r->dev));
	KUNIT_EXPECT_EQ(test, parley_devq_stats(r->dev)->buffers, 2ull);
}

/* Chains and tables that never end, of pieces or of nothing. */
static void bad_06_endless_chain(struct kunit *test)
{
	struct prey *v = parley_prey_open(test, PAIR_INDIRECT);
	struct raw *r = v->r;
	unsigned int len, i;

	for (len = 0; len <= 8; len += 8) {
		parley_raw_reset(r);
		for (i = 0; i < SIZE; i++)
			parley_raw_desc(r, i, PAIR_BUS, len, D_NEXT, (i + 1) % 2);
		parley_raw_avail(r, 1);
		parley_prey_is_broken(test, v);
	}
	if (r->packed)
		return;
	parley_raw_reset(r);
	parley_prey_table(v, 4096, 0, PAIR_BUS, 0, D_NEXT, 1);
	parley_prey_table(v, 4096, 1, PAIR_BUS, 0, D_NEXT, 0);
	parley_raw_desc(r, 0, PAIR_BUS + 4096, 32, D_TABLE, 0);
	parley_raw_avail(r, 1);
	parley_prey_is_broken(test, v);
}

/* An empty piece is no piece: an iterator would stand still on it. */
static void bad_07_empty_descriptor(struct kunit *test)
{
	struct prey *v = parley_prey_open(test, 0);
	struct raw *r = v->r;

	parley_raw_desc(r, 0, PAIR_BUS, 0, D_NEXT, 1);
	parley_raw_desc(r, 1, PAIR_BUS, 10, D_NEXT, 2);
	parley_raw_desc(r, 2, PAIR_BUS, 0, D_WRITE, 0);
	parley_raw_desc(r, 3, PAIR_BUS, 0, D_WRITE, 0);
	parley_raw_avail(r, 1);
	if (!r->packed) {
		r->avail->ring[1] = cpu_to_vr16(3);
		r->avail->idx = cpu_to_vr16(2);
	}
	KUNIT_ASSERT_EQ(test, parley_prey_take(v, 2), 2);
	KUNIT_EXPECT_EQ(test, v->chains[0].n_out, 1);
	KUNIT_EXPECT_EQ(test, v->chains[0].n_in, 0);
	KUNIT_EXPECT_EQ(test, v->iov[0][0].len, (size_t)10);
	KUNIT_EXPECT_EQ(test, v->chains[1].n_out, 0);
	KUNIT_EXPECT_EQ(test, v->chains[1].n_in, 0);
	parley_prey_complete(test, v, 0);
	parley_prey_complete(test, v, 1);
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(r->dev), 0u);

	parley_raw_reset(r);
	parley_raw_desc(r, 0, PAIR_BUS, 0, D_WRITE, 0);
	parley_raw_avail(r, 1);
	KUNIT_ASSERT_EQ(test, parley_prey_take(v, 1), 1);
	KUNIT_EXPECT_EQ(test, v->chains[0].n_out, 0);
	KUNIT_EXPECT_EQ(test, v->chains[0].n_in, 0);
}

/* As many empty descriptors as a chain may have pieces cost nobody anything. */
static void bad_07_empty_descriptors(struct kunit *test)
{
	struct prey *v = parley_prey_open(test, PAIR_INDIRECT);
	struct raw *r = v->r;
	unsigned int i, n, table;

	for (table = 0; table < 2; table++)
		for (n = PIECES - 1; n <= PIECES + 1; n++) {
			unsigned int last = n + PIECES - 1;

			parley_raw_reset(r);
			for (i = 0; i <= last; i++) {
				u16 flags = i < last ? D_NEXT : 0;
				u32 len = i < n ? 0 : 8;

				if (table)
					parley_prey_table(v, 4096, i, PAIR_BUS, len,
							  flags, i + 1);
				else if (last < SIZE)
					parley_raw_desc(r, i, PAIR_BUS, len, flags, i + 1);
			}
			if (table)
				parley_raw_desc(r, 0, PAIR_BUS + 4096, (last + 1) * 16,
						D_TABLE, 0);
			else if (last >= SIZE)
				continue;
			parley_raw_avail(r, 1);
			if (n > PIECES) {
				parley_prey_is_broken(test, v);
				continue;
			}
			KUNIT_ASSERT_EQ(test, parley_prey_take(v, 1), 1);
			KUNIT_EXPECT_EQ(test, v->chains[0].n_out, PIECES);
			KUNIT_EXPECT_EQ(test, v->chains[0].reads, last + 1 + table);
		}

	/* Nothing but empty ones, as many as the ring has. */
	parley_raw_reset(r);
	for (i = 0; i < SIZE; i++)
		parley_raw_desc(r, i, PAIR_BUS, 0, i < SIZE - 1 ? D_NEXT : 0, i + 1);
	parley_raw_avail(r, 1);
	parley_prey_is_broken(test, v);
}

/* In order, chains that were put back come again, and then in their turn. */
static void bad_14_untake_rewinds(struct kunit *test)
{
	struct prey *v = parley_prey_open(test, 0);
	struct raw *r = v->r;
	u16 id[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		parley_raw_desc(r, i, PAIR_BUS + i, 1 + i, D_WRITE, 0);
	parley_raw_avail(r, 3);
	KUNIT_ASSERT_EQ(test, parley_prey_take(v, 3), 3);
	for (i = 0; i < 3; i++)
		id[i] = v->chains[i].id;
	KUNIT_EXPECT_EQ(test, parley_devq_untake(r->dev, v->chains, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, parley_devq_untake(r->dev, v->chains + 1, 2), 0);
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(r->dev), 1u);
	parley_prey_complete(test, v, 0);
	KUNIT_ASSERT_EQ(test, parley_prey_take(v, 3), 2);
	KUNIT_EXPECT_EQ(test, v->chains[0].id, id[1]);
	KUNIT_EXPECT_EQ(test, v->chains[1].id, id[2]);
	parley_prey_complete(test, v, 0);
	parley_prey_complete(test, v, 1);
	KUNIT_EXPECT_EQ(test, parley_devq_untake(r->dev, v->chains + 1, 1), -EINVAL);
	KUNIT_EXPECT_TRUE(test, parley_devq_publish(r->dev));
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(r->dev), 0u);
	if (!(hostile_features(test) & PAIR_IN_ORDER))
		for (i = 0; i < 3; i++)
			parley_prey_used(test, v, i, i, 1 + i);
}

/* A complete chain is not put back, nor is one before it; those after it are. */
static void bad_14_untake_completed(struct kunit *test)
{
	struct prey *v = parley_prey_open(test, 0);
	struct raw *r = v->r;
	struct parley_chain chains[4];
	unsigned int i, done;

	for (done = 0; done < 4; done++) {
		parley_raw_reset(r);
		for (i = 0; i < 4; i++)
			parley_raw_desc(r, i, PAIR_BUS + i, 8, D_WRITE, 0);
		parley_raw_avail(r, 4);
		KUNIT_ASSERT_EQ(test, parley_prey_take(v, 4), 4);
		memcpy(chains, v->chains, sizeof(chains));
		parley_prey_complete(test, v, done);
		for (i = 0; i <= done; i++)
			KUNIT_EXPECT_EQ(test, parley_devq_untake(r->dev, chains + i, 4 - i),
					-EINVAL);
		KUNIT_EXPECT_EQ(test, parley_devq_untake(r->dev, chains + i, 4 - i), 0);
		/* They come again, and can be put back again. */
		KUNIT_ASSERT_EQ(test, parley_prey_take(v, 4), (int)(4 - i));
		KUNIT_EXPECT_EQ(test, parley_devq_untake(r->dev, v->chains, 4 - i), 0);
		KUNIT_EXPECT_EQ(test, parley_devq_untake(r->dev, chains + done, 1), -EINVAL);
	}
}

/* What was published is not published again, nor after a reset. */
static void bad_15_counts_are_cleared(struct kunit *test)
{
	struct prey *v = parley_prey_open(test, 0);
	struct raw *r = v->r;
	unsigned int i;

	for (i = 0; i < 2; i++)
		parley_raw_desc(r, i, PAIR_BUS, 8, D_WRITE, 0);
	parley_raw_avail(r, 2);
	KUNIT_ASSERT_EQ(test, parley_prey_take(v, 2), 2);
	parley_prey_complete(test, v, 0);
	KUNIT_EXPECT_TRUE(test, parley_devq_publish(r->dev));
	KUNIT_EXPECT_FALSE(test, parley_devq_publish(r->dev));
	parley_prey_complete(test, v, 1);
	KUNIT_EXPECT_EQ(test, parley_devq_stats(r->dev)->publishes, 1ull);
	parley_raw_reset(r);
	KUNIT_EXPECT_FALSE(test, parley_devq_publish(r->dev));
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(r->dev), 0u);

	/* In order, the second chain done before the reset is not done after. */
	for (i = 0; i < 2; i++)
		parley_raw_desc(r, i, PAIR_BUS, 8, D_WRITE, 0);
	parley_raw_avail(r, 2);
	KUNIT_ASSERT_EQ(test, parley_prey_take(v, 2), 2);
	parley_prey_complete(test, v, 1);
	parley_raw_reset(r);
	for (i = 0; i < 2; i++)
		parley_raw_desc(r, i, PAIR_BUS, 8, D_WRITE, 0);
	parley_raw_avail(r, 2);
	KUNIT_ASSERT_EQ(test, parley_prey_take(v, 2), 2);
	parley_prey_complete(test, v, 0);
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(r->dev), 1u);
}

/* Sizes and addresses that no ring has. */
static void bad_19_sizes_and_addresses(struct kunit *test)
{
	static const unsigned int sizes[] = { 0, 32769, 65536, 0x80000008, ~0u };
	struct raw *r = parley_raw_open(test, hostile_features(test), SIZE);
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
	struct prey *v = parley_prey_open(test, 0);
	struct raw *r = v->r;
	unsigned int i;

	for (i = 0; i < SIZE; i++)
		parley_raw_desc(r, i, PAIR_BUS, 8, 0, 0);
	parley_raw_avail(r, SIZE);
	KUNIT_ASSERT_EQ(test, parley_prey_take(v, SIZE), (int)SIZE);
	if (r->packed) {
		for (i = 0; i < SIZE; i++)
			r->pdesc[i].flags = cpu_to_le16(1 << VRING_PACKED_DESC_F_USED);
		KUNIT_EXPECT_FALSE(test, parley_devq_peek(r->dev));
		KUNIT_EXPECT_EQ(test, parley_prey_take(v, 1), 0);
	} else {
		parley_raw_avail(r, SIZE + 1);
		KUNIT_EXPECT_EQ(test, parley_prey_take(v, 1), -EIO);
	}
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(r->dev), SIZE);

	parley_raw_reset(r);
	if (r->packed) {
		/* A chain that runs on into slots that are with us already. */
		for (i = 0; i < SIZE; i++)
			parley_raw_desc(r, i, PAIR_BUS, 8, i == SIZE - 1 ? D_NEXT : 0, 0);
		KUNIT_ASSERT_EQ(test, parley_prey_take(v, SIZE), (int)SIZE - 1);
		KUNIT_EXPECT_EQ(test, parley_prey_take(v, 1), -EIO);
		KUNIT_EXPECT_EQ(test, parley_devq_in_flight(r->dev), SIZE - 1);
		return;
	}
	parley_raw_avail(r, SIZE + 1);
	KUNIT_EXPECT_EQ(test, parley_prey_take(v, SIZE), -EIO);

	/* All but one are with us, and two more turn up. */
	parley_raw_reset(r);
	parley_raw_avail(r, SIZE - 1);
	KUNIT_ASSERT_EQ(test, parley_prey_take(v, SIZE), (int)SIZE - 1);
	parley_raw_avail(r, SIZE + 1);
	KUNIT_EXPECT_EQ(test, parley_prey_take(v, SIZE), -EIO);
	KUNIT_EXPECT_EQ(test, parley_devq_in_flight(r->dev), SIZE - 1);
}

/* What was taken does not change with what the driver writes afterwards. */
static void bad_36_changed_after_take(struct kunit *test)
{
	struct prey *v = parley_prey_open(test, 0);
	struct raw *r = v->r;

	parley_raw_desc(r, 0, PAIR_BUS, 8, D_NEXT | D_WRITE, 1);
	parley_raw_desc(r, 1, PAIR_BUS + 64, 8, D_WRITE, 0);
	parley_raw_avail(r, 1);
	KUNIT_ASSERT_EQ(test, parley_prey_take(v, 1), 1);
	memset(r->desc, 0xff, SIZE * sizeof(*r->desc));
	memset(r->avail->ring, 0xff, SIZE * 2);
	KUNIT_EXPECT_EQ(test, v->chains[0].len_in, 16u);
	KUNIT_EXPECT_PTR_EQ(test, v->iov[0][1].kern, (void *)(r->arena + 64));
	parley_prey_complete(test, v, 0);
	KUNIT_EXPECT_TRUE(test, parley_devq_publish(r->dev));
	parley_prey_used(test, v, 0, r->packed ? 1 : 0, 16);
	KUNIT_EXPECT_FALSE(test, parley_devq_broken(r->dev));
}

/* A header in pieces, and pieces in the wrong order. */
static void bad_38_header_in_pieces(struct kunit *test)
{
	struct prey *v = parley_prey_open(test, 0);
	struct raw *r = v->r;

	parley_raw_desc(r, 0, PAIR_BUS, 1, D_NEXT, 1);
	parley_raw_desc(r, 1, PAIR_BUS + 100, 7, D_NEXT, 2);
	parley_raw_desc(r, 2, PAIR_BUS + 200, 8, D_NEXT, 3);
	parley_raw_desc(r, 3, PAIR_BUS + 300, 32, D_WRITE, 0);
	parley_raw_avail(r, 1);
	KUNIT_ASSERT_EQ(test, parley_prey_take(v, 1), 1);
	KUNIT_EXPECT_EQ(test, v->chains[0].n_out, 3);
	KUNIT_EXPECT_EQ(test, v->chains[0].len_out, 16u);
	KUNIT_EXPECT_EQ(test, v->chains[0].n_in, 1);
	KUNIT_EXPECT_EQ(test, v->chains[0].len_in, 32u);

	parley_raw_reset(r);
	parley_raw_desc(r, 0, PAIR_BUS, 16, D_NEXT | D_WRITE, 1);
	parley_raw_desc(r, 1, PAIR_BUS, 16, 0, 0);
	parley_raw_avail(r, 1);
	parley_prey_is_broken(test, v);
}

/* Kicks without chains, and every event that a driver can ask for. */
static void bad_50_storm(struct kunit *test)
{
	struct prey *v = parley_prey_open(test, 0);
	struct raw *r = v->r;
	unsigned int i;

	for (i = 0; i < 10000; i++) {
		parley_devq_count_kick(r->dev);
		KUNIT_ASSERT_EQ(test, parley_prey_take(v, SIZE), 0);
		KUNIT_ASSERT_TRUE(test, parley_devq_arm(r->dev));
	}
	KUNIT_EXPECT_EQ(test, parley_devq_stats(r->dev)->interrupts, 10000ull);
	KUNIT_EXPECT_EQ(test, parley_devq_stats(r->dev)->publishes, 0ull);
	for (i = 0; i < 65536; i += 7) {
		parley_raw_reset(r);
		parley_raw_desc(r, 0, PAIR_BUS, 8, 0, 0);
		parley_raw_avail(r, 1);
		if (r->packed) {
			r->drv_event->off_wrap = cpu_to_le16(i);
			r->drv_event->flags = cpu_to_le16(i % 4);
		} else {
			r->avail->ring[SIZE] = cpu_to_vr16(i);
		}
		KUNIT_ASSERT_EQ(test, parley_prey_take(v, 1), 1);
		parley_prey_complete(test, v, 0);
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
	BAD(bad_06_endless_chain),
	BAD(bad_07_empty_descriptor),
	BAD(bad_07_empty_descriptors),
	BAD(bad_14_untake_rewinds),
	BAD(bad_14_untake_completed),
	BAD(bad_15_counts_are_cleared),
	BAD(bad_19_sizes_and_addresses),
	BAD(bad_20_more_outstanding_than_ring),
	BAD(bad_36_changed_after_take),
	BAD(bad_38_header_in_pieces),
	BAD(bad_50_storm),
	{}
};

static struct kunit_suite hostile_driver_suite = {
	.name = "parley_hostile_driver",
	.test_cases = hostile_driver_cases,
};

kunit_test_suites(&hostile_driver_suite);
