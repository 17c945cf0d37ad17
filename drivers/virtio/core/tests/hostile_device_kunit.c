// SPDX-License-Identifier: GPL-2.0-only
/* A hostile device against the driver role. */
#include "hostile.h"

#define SIZE	8u
#define BUF	16u	/* bytes of a segment */
#define CANARY	((void *)0x5a5a5a5aul)

/* Driver queue whose used entries are written by hand. */
struct victim {
	struct pair *p;
	struct parley_seg segs[2];
	struct parley_done done[SIZE + 1];
	unsigned int pos;	/* of the next used entry, first lap only */
	int cookie[SIZE];
};

static struct victim *victim_open(struct kunit *test)
{
	struct victim *v = kunit_kzalloc(test, sizeof(*v), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, v);
	v->p = parley_pair_open(test, hostile_features(test), SIZE, 4);
	v->segs[0] = (struct parley_seg){ parley_pair_phys(v->p->arena), BUF };
	v->segs[1] = (struct parley_seg){ parley_pair_phys(v->p->arena + 64), BUF };
	return v;
}

static void victim_reset(struct kunit *test, struct victim *v)
{
	parley_pair_reset(v->p);
	v->pos = 0;
	KUNIT_EXPECT_FALSE(test, parley_drvq_broken(v->p->drv));
}

/* Put and publish the buffer whose cookie is @n; ids are given out from 0. */
static void victim_put(struct kunit *test, struct victim *v, unsigned int n,
		       u16 n_out, u16 n_in)
{
	struct parley_buf buf = { .segs = v->segs, .n_out = n_out, .n_in = n_in,
				  .cookie = &v->cookie[n] };

	KUNIT_ASSERT_EQ(test, parley_drvq_put(v->p->drv, &buf, 1, GFP_KERNEL), 1);
	parley_drvq_publish(v->p->drv);
}

/*
 * The device says: buffer @id is used, @len bytes were written; a packed one
 * says the latter in the flags as well, if @flags do.
 */
static void use_flags(struct victim *v, u32 id, u32 len, unsigned int slots,
		      u16 flags)
{
	struct vring_used *used = (void *)(unsigned long)v->p->host.device;
	struct vring_packed_desc *d = (void *)(unsigned long)v->p->host.desc;

	if (hostile_features(v->p->test) & PAIR_PACKED) {
		d += v->pos;
		d->id = cpu_to_le16(id);
		d->len = cpu_to_le32(len);
		WRITE_ONCE(d->flags, cpu_to_le16(1 << VRING_PACKED_DESC_F_AVAIL |
						 1 << VRING_PACKED_DESC_F_USED | flags));
		v->pos += slots;
	} else {
		used->ring[v->pos % SIZE].id = cpu_to_vr32(id);
		used->ring[v->pos % SIZE].len = cpu_to_vr32(len);
		v->pos++;
		WRITE_ONCE(used->idx, cpu_to_vr16(v->pos));
	}
}

static void use(struct victim *v, u32 id, u32 len, unsigned int slots)
{
	use_flags(v, id, len, slots, VRING_DESC_F_WRITE);
}

static unsigned int victim_reap(struct victim *v, unsigned int max)
{
	unsigned int i;

	for (i = 0; i <= SIZE; i++)
		v->done[i].cookie = CANARY;
	return parley_drvq_reap(v->p->drv, v->done, max);
}

/* Nothing more is reaped, and @left cookies come back from detach, each once. */
static void expect_broken(struct kunit *test, struct victim *v, unsigned int left)
{
	struct parley_drvq *q = v->p->drv;
	struct parley_buf buf = { .segs = v->segs, .n_out = 1, .cookie = v };
	unsigned int seen = 0, n = 0;
	int *c;

	KUNIT_EXPECT_EQ(test, victim_reap(v, SIZE), 0u);
	KUNIT_EXPECT_TRUE(test, parley_drvq_broken(q));
	KUNIT_EXPECT_NE(test, parley_drvq_stats(q)->errors, 0ull);
	KUNIT_EXPECT_EQ(test, parley_drvq_put(q, &buf, 1, GFP_KERNEL), -EIO);
	KUNIT_EXPECT_FALSE(test, parley_drvq_publish(q));
	KUNIT_EXPECT_FALSE(test, parley_drvq_pending(q));
	KUNIT_EXPECT_FALSE(test, parley_drvq_kick(q));
	while ((c = parley_drvq_detach(q))) {
		KUNIT_EXPECT_EQ(test, seen & 1u << (c - v->cookie), 0u);
		seen |= 1u << (c - v->cookie);
		n++;
	}
	KUNIT_EXPECT_EQ(test, n, left);
}

/* More is used than the caller has room for. */
static void bad_02_more_used_than_room(struct kunit *test)
{
	struct victim *v = victim_open(test);
	unsigned int i;

	for (i = 0; i < 4; i++)
		victim_put(test, v, i, 0, 1);
	for (i = 0; i < 4; i++)
		use(v, i, BUF, 1);
	KUNIT_EXPECT_EQ(test, victim_reap(v, 2), 2u);
	KUNIT_EXPECT_PTR_EQ(test, v->done[2].cookie, CANARY);
	KUNIT_EXPECT_EQ(test, victim_reap(v, SIZE), 2u);
}

/* A length that is negative as a signed number. */
static void bad_04_negative_length(struct kunit *test)
{
	static const u32 bad[] = { ~0u, 0x80000000, 0xffff0000 };
	struct victim *v = victim_open(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		victim_put(test, v, 0, 0, 1);
		use(v, 0, bad[i], 1);
		expect_broken(test, v, 1);
		victim_reset(test, v);
	}
}

/* The used index runs away, or an in-order batch does. */
static void bad_06_used_runs_away(struct kunit *test)
{
	struct victim *v = victim_open(test);
	struct vring_used *used = (void *)(unsigned long)v->p->host.device;
	struct parley_buf buf = { .segs = v->segs, .n_in = 1, .cookie = v->cookie };
	unsigned int i;

	if (hostile_features(test) & PAIR_PACKED) {
		/* Nothing is in flight, and a descriptor claims to be used. */
		use(v, 0, BUF, 1);
		expect_broken(test, v, 0);
		return;
	}
	for (i = 0; i < 3; i++)
		victim_put(test, v, i, 0, 1);
	for (i = 0; i < 4; i++)
		use(v, i, BUF, 1);
	expect_broken(test, v, 3);

	victim_reset(test, v);
	for (i = 0; i < 3; i++)
		victim_put(test, v, i, 0, 1);
	used->idx = cpu_to_vr16(0xffff);
	expect_broken(test, v, 3);

	/* What was put and not published may not be used either. */
	victim_reset(test, v);
	victim_put(test, v, 1, 0, 1);
	KUNIT_ASSERT_EQ(test, parley_drvq_put(v->p->drv, &buf, 1, GFP_KERNEL), 1);
	use(v, 0, BUF, 1);
	use(v, 1, BUF, 1);
	expect_broken(test, v, 2);
}

/* In order: the one entry of a batch names a chain beyond the used index. */
static void bad_06_batch_runs_away(struct kunit *test)
{
	struct victim *v = victim_open(test);
	unsigned int i;

	if (!(hostile_features(test) & PAIR_IN_ORDER))
		return;
	for (i = 0; i < 4; i++)
		victim_put(test, v, i, 0, 1);
	if (hostile_features(test) & PAIR_PACKED) {
		/* There the id is all there is to say how far it goes. */
		use(v, 3, 5, 4);
		KUNIT_EXPECT_EQ(test, victim_reap(v, SIZE), 4u);
		KUNIT_EXPECT_EQ(test, v->done[0].len, BUF);
		KUNIT_EXPECT_EQ(test, v->done[3].len, 5u);
		KUNIT_EXPECT_FALSE(test, parley_drvq_broken(v->p->drv));
		return;
	}
	use(v, 3, BUF, 1);
	use(v, 3, BUF, 1);
	KUNIT_EXPECT_EQ(test, victim_reap(v, SIZE), 2u);
	expect_broken(test, v, 2);
}

/* Put is refused as long as the ring is full, whatever the device says. */
static void bad_20_more_in_flight_than_ring(struct kunit *test)
{
	struct victim *v = victim_open(test);
	struct parley_buf buf = { .segs = v->segs, .n_in = 1, .cookie = v };
	unsigned int i;

	for (i = 0; i < SIZE; i++)
		victim_put(test, v, i, 0, 1);
	memset((void *)(unsigned long)v->p->host.desc, 0, SIZE * 16);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, parley_drvq_put(v->p->drv, &buf, 1, GFP_KERNEL),
				-ENOSPC);
	KUNIT_EXPECT_EQ(test, parley_drvq_free(v->p->drv), 0u);
}

/* Ids that are right in their low bits only, and ids outside the ring. */
static void bad_32_id_out_of_ring(struct kunit *test)
{
	static const u32 bad[] = { SIZE, SIZE + 1, 0xffff, 0x10000, 0x80000000, ~0u };
	struct victim *v = victim_open(test);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		/* A packed ring's ids have 16 bits: 0x10000 cannot be said. */
		if (hostile_features(test) & PAIR_PACKED && bad[i] > 0xffff)
			continue;
		victim_put(test, v, 0, 0, 1);
		use(v, bad[i], BUF, 1);
		expect_broken(test, v, 1);
		victim_reset(test, v);
	}
}

/* Ids that are not in flight: used twice, of a chain's middle, not published. */
static void bad_36_id_not_in_flight(struct kunit *test)
{
	struct victim *v = victim_open(test);
	struct parley_buf buf = { .segs = v->segs, .n_in = 1, .cookie = v->cookie };
	bool tail = !(hostile_features(test) & PAIR_INDIRECT);

	victim_put(test, v, 0, 0, 1);
	victim_put(test, v, 1, 0, 1);
	use(v, 0, BUF, 1);
	KUNIT_EXPECT_EQ(test, victim_reap(v, SIZE), 1u);
	use(v, 0, BUF, 1);
	expect_broken(test, v, 1);

	victim_reset(test, v);
	victim_put(test, v, 0, 0, 1);
	use(v, 5, BUF, 1);
	expect_broken(test, v, 1);

	victim_reset(test, v);
	victim_put(test, v, 0, 1, 1);
	if (tail) {
		use(v, 1, BUF, 2);
		expect_broken(test, v, 1);
	}

	/* Put but not published. */
	victim_reset(test, v);
	victim_put(test, v, 1, 0, 1);
	KUNIT_ASSERT_EQ(test, parley_drvq_put(v->p->drv, &buf, 1, GFP_KERNEL), 1);
	use(v, 1, BUF, 1);
	expect_broken(test, v, 2);
}

/* A chain that stays while many others come and go is still in flight. */
static void bad_36_old_chain_is_in_flight(struct kunit *test)
{
	struct victim *v = victim_open(test);
	struct parley_buf buf = { .segs = v->segs, .n_in = 1, .cookie = v };
	unsigned int i;

	if (hostile_features(test) & (PAIR_PACKED | PAIR_IN_ORDER))
		return;	/* use() knows one lap, and order keeps no old ones */
	victim_put(test, v, 0, 0, 1);
	for (i = 0; i < 5 * SIZE; i++) {
		victim_put(test, v, 1, 0, 1);
		/* The other ids go round. */
		use(v, 1 + i % (SIZE - 1), BUF, 1);
		KUNIT_ASSERT_EQ(test, victim_reap(v, SIZE), 1u);
	}
	KUNIT_ASSERT_EQ(test, parley_drvq_put(v->p->drv, &buf, 1, GFP_KERNEL), 1);
	use(v, 0, BUF, 1);
	KUNIT_EXPECT_EQ(test, victim_reap(v, SIZE), 1u);
	KUNIT_EXPECT_PTR_EQ(test, v->done[0].cookie, (void *)&v->cookie[0]);
}

/* Private state does not follow what the device writes into the ring. */
static void bad_36_descriptors_scribbled(struct kunit *test)
{
	struct victim *v = victim_open(test);
	unsigned int i, round;
	unsigned int n = hostile_features(test) & PAIR_INDIRECT ? SIZE : SIZE / 2;
	unsigned int slots = SIZE / n;

	if (hostile_features(test) & PAIR_PACKED)
		return;	/* there, descriptors are the device's to overwrite */
	for (round = 0; round < 4; round++) {
		for (i = 0; i < n; i++)
			victim_put(test, v, i, 1, 1);
		KUNIT_EXPECT_EQ(test, parley_drvq_free(v->p->drv), SIZE - n * slots);
		for (i = 0; i < n; i++) {
			struct vring_avail *avail =
				(void *)(unsigned long)v->p->host.driver;

			use(v, vr16_to_cpu(avail->ring[(round * n + i) % SIZE]),
			    BUF, slots);
		}
		memset((void *)(unsigned long)v->p->host.desc, 0xff, SIZE * 16);
		KUNIT_ASSERT_EQ(test, victim_reap(v, SIZE), n);
		for (i = 0; i < n; i++)
			KUNIT_EXPECT_PTR_EQ(test, v->done[i].cookie,
					    (void *)&v->cookie[i]);
		KUNIT_EXPECT_EQ(test, parley_drvq_free(v->p->drv), SIZE);
	}
	KUNIT_EXPECT_FALSE(test, parley_drvq_broken(v->p->drv));
}

/* The device cannot have written more than it was given to write. */
static void bad_44_length_beyond_buffer(struct kunit *test)
{
	struct victim *v = victim_open(test);

	victim_put(test, v, 0, 0, 1);
	use(v, 0, BUF, 1);
	KUNIT_EXPECT_EQ(test, victim_reap(v, SIZE), 1u);
	KUNIT_EXPECT_EQ(test, v->done[0].len, BUF);

	victim_reset(test, v);
	victim_put(test, v, 0, 0, 1);
	use(v, 0, BUF + 1, 1);
	expect_broken(test, v, 1);

	/* Readable bytes do not count. */
	victim_reset(test, v);
	victim_put(test, v, 0, 1, 1);
	use(v, 0, BUF + 1, 2);
	expect_broken(test, v, 1);
}

/* Of what it only read, the device may say what it likes. */
static void good_44_length_of_what_was_read(struct kunit *test)
{
	static const u32 len[] = { 0, 1, BUF, 2 * BUF, 0x80000000, ~0u };
	struct victim *v = victim_open(test);
	unsigned int i, n;

	for (i = 0; i < 2 * ARRAY_SIZE(len); i++) {
		for (n = 1; n <= 2; n++) {
			victim_put(test, v, 0, n, 0);
			use_flags(v, 0, len[i / 2], n, i % 2 ? VRING_DESC_F_WRITE : 0);
			KUNIT_EXPECT_EQ(test, victim_reap(v, SIZE), 1u);
			KUNIT_EXPECT_EQ(test, v->done[0].len, 0u);
			KUNIT_EXPECT_EQ(test, v->done[0].len_in, 0u);
			KUNIT_EXPECT_FALSE(test, parley_drvq_broken(v->p->drv));
			victim_reset(test, v);
		}
	}
}

/*
 * A packed used descriptor that does not say that anything was written has no
 * length; but QEMU's have one without saying so.  What else its flags have is
 * reserved.
 */
static void good_44_length_without_write(struct kunit *test)
{
	static const struct { u32 len, want; } cases[] = {
		{ 0, 0 }, { 5, 5 }, { BUF, BUF }, { BUF + 1, 0 }, { ~0u, 0 },
	};
	struct victim *v = victim_open(test);
	unsigned int i, k;

	if (!(hostile_features(test) & PAIR_PACKED))
		return;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		for (k = 0; k < 2; k++) {
			victim_put(test, v, 0, 0, 1);
			use_flags(v, 0, cases[i].len, 1, k * (0x7f7f & ~VRING_DESC_F_WRITE));
			KUNIT_EXPECT_EQ(test, victim_reap(v, SIZE), 1u);
			KUNIT_EXPECT_EQ(test, v->done[0].len, cases[i].want);
			KUNIT_EXPECT_EQ(test, v->done[0].len_in, BUF);
			victim_reset(test, v);
		}
	}
}

static void bad_45_length_beyond_all_pieces(struct kunit *test)
{
	struct victim *v = victim_open(test);
	u32 len;

	for (len = 0; len <= 2 * BUF; len += BUF) {
		victim_put(test, v, 0, 0, 2);
		use(v, 0, len, 2);
		KUNIT_EXPECT_EQ(test, victim_reap(v, SIZE), 1u);
		KUNIT_EXPECT_EQ(test, v->done[0].len, len);
		victim_reset(test, v);
	}
	victim_put(test, v, 0, 0, 2);
	use(v, 0, 2 * BUF + 1, 2);
	expect_broken(test, v, 1);
}

/* Buffers that no device may be given are refused, and nothing changes. */
static void bad_46_buffer_refused(struct kunit *test)
{
	struct victim *v = victim_open(test);
	struct parley_seg segs[SIZE + 1];
	static const struct { u16 n_out, n_in; u32 len; bool cookie; } bad[] = {
		{ SIZE + 1, 0, BUF, true },
		{ 0, SIZE + 1, BUF, true },
		{ 5, SIZE - 4, BUF, true },
		{ 0xffff, 0xffff, BUF, true },
		{ 0x8000, 0x8000, BUF, true },
		{ 0, 0, BUF, true },
		{ 1, 0, 0, true },
		{ 1, 1, 0, true },
		{ 2, SIZE - 3, 0, true },
		{ 1, 0, BUF, false },
		{ 1, 1, BUF, false },
		{ 1, 1, ~0u, true },
		{ 0, 2, 0x80000000, true },
	};
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct parley_buf buf = {
			.segs = segs, .n_out = bad[i].n_out, .n_in = bad[i].n_in,
			.cookie = bad[i].cookie ? v : NULL };

		for (k = 0; k <= SIZE; k++)
			segs[k] = (struct parley_seg){ v->segs[0].addr, bad[i].len };
		KUNIT_EXPECT_EQ(test, parley_drvq_put(v->p->drv, &buf, 1, GFP_KERNEL),
				-EINVAL);
		KUNIT_EXPECT_EQ(test, parley_drvq_free(v->p->drv), SIZE);
		KUNIT_EXPECT_FALSE(test, parley_drvq_publish(v->p->drv));
	}
	/* The longest that there may be, with a table or without. */
	victim_put(test, v, 0, 1, 1);
	KUNIT_EXPECT_FALSE(test, parley_drvq_broken(v->p->drv));
}

/* Shared memory starts out empty, and no pointer of ours ever lies in it. */
static void bad_49_nothing_of_ours_is_shared(struct kunit *test)
{
	struct victim *v = victim_open(test);
	const u64 *area[3] = {
		(void *)(unsigned long)v->p->host.desc,
		(void *)(unsigned long)v->p->host.driver,
		(void *)(unsigned long)v->p->host.device };
	unsigned int i, k;

	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, (unsigned long)area[i] % 4096, 0ul);
		for (k = 0; k < 4096 / 8; k++)
			KUNIT_ASSERT_EQ(test, area[i][k], 0ull);
	}
	for (i = 0; i < 4; i++)
		victim_put(test, v, i, 1, 1);
	for (i = 0; i < 3; i++)
		for (k = 0; k < 4096 / 8; k++)
			KUNIT_ASSERT_FALSE(test, area[i][k] >= (unsigned long)v &&
					   area[i][k] < (unsigned long)(v + 1));
	for (i = 0; i < 3; i++)
		memset((void *)area[i], 0xff, 4096);
	victim_reset(test, v);
	for (i = 0; i < 3; i++)
		for (k = 0; k < 4096 / 8; k++)
			KUNIT_ASSERT_EQ(test, area[i][k], 0ull);
}

/* Interrupts without completions, and every event that a device can ask for. */
static void bad_50_storm(struct kunit *test)
{
	struct victim *v = victim_open(test);
	struct vring_used *used = (void *)(unsigned long)v->p->host.device;
	struct vring_packed_desc_event *ev = (void *)used;
	bool packed = hostile_features(test) & PAIR_PACKED;
	unsigned int i;

	victim_put(test, v, 0, 0, 1);
	for (i = 0; i < 10000; i++) {
		parley_drvq_count_interrupt(v->p->drv);
		KUNIT_ASSERT_EQ(test, victim_reap(v, SIZE), 0u);
		KUNIT_ASSERT_TRUE(test, parley_drvq_arm(v->p->drv, 0));
	}
	KUNIT_EXPECT_EQ(test, parley_drvq_stats(v->p->drv)->interrupts, 10000ull);
	KUNIT_EXPECT_EQ(test, parley_drvq_stats(v->p->drv)->completed, 0ull);

	for (i = 0; i < 65536; i += 7) {
		struct parley_buf buf = { .segs = v->segs, .n_in = 1, .cookie = v };

		victim_reset(test, v);
		if (packed) {
			ev->off_wrap = cpu_to_le16(i);
			ev->flags = cpu_to_le16(i % 4 | (i & 0xfffc));
		} else {
			used->ring[SIZE].id = cpu_to_vr32(i);
			used->flags = cpu_to_vr16(i);
		}
		KUNIT_ASSERT_EQ(test, parley_drvq_put(v->p->drv, &buf, 1, GFP_KERNEL), 1);
		parley_drvq_publish(v->p->drv);
		KUNIT_ASSERT_FALSE(test, parley_drvq_broken(v->p->drv));
		use(v, 0, BUF, 1);
		KUNIT_ASSERT_EQ(test, victim_reap(v, SIZE), 1u);
	}
}

HOSTILE_MEMORY_CASES(hostile_cases);
KUNIT_ARRAY_PARAM(hostile, hostile_cases, hostile_desc);

#define BAD(fn)	KUNIT_CASE_PARAM(fn, hostile_gen_params)

static struct kunit_case hostile_device_cases[] = {
	BAD(bad_02_more_used_than_room),
	BAD(bad_04_negative_length),
	BAD(bad_06_used_runs_away),
	BAD(bad_06_batch_runs_away),
	BAD(bad_20_more_in_flight_than_ring),
	BAD(bad_32_id_out_of_ring),
	BAD(bad_36_id_not_in_flight),
	BAD(bad_36_old_chain_is_in_flight),
	BAD(bad_36_descriptors_scribbled),
	BAD(bad_44_length_beyond_buffer),
	BAD(good_44_length_of_what_was_read),
	BAD(good_44_length_without_write),
	BAD(bad_45_length_beyond_all_pieces),
	BAD(bad_46_buffer_refused),
	BAD(bad_49_nothing_of_ours_is_shared),
	BAD(bad_50_storm),
	{}
};

static struct kunit_suite hostile_device_suite = {
	.name = "parley_hostile_device",
	.test_cases = hostile_device_cases,
};

kunit_test_suites(&hostile_device_suite);
