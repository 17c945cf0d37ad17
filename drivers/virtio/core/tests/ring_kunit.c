// SPDX-License-Identifier: GPL-2.0-only
/* One test body over format x role x features. */
#include "oracle.h"

struct ring_case {
	const char *name;
	u64 features;
};

static const struct ring_case ring_cases[] = {
	PAIR_MEMORY("split", 0),
	PAIR_MEMORY("packed", PAIR_PACKED),
	PAIR_MEMORY("split-event", PAIR_EVENT),
	PAIR_MEMORY("packed-event", PAIR_PACKED | PAIR_EVENT),
	PAIR_MEMORY("split-indirect", PAIR_INDIRECT),
	PAIR_MEMORY("packed-indirect", PAIR_PACKED | PAIR_INDIRECT),
	PAIR_MEMORY("split-event-indirect-data", PAIR_EVENT | PAIR_INDIRECT | PAIR_DATA),
	PAIR_MEMORY("packed-event-indirect-data",
		    PAIR_PACKED | PAIR_EVENT | PAIR_INDIRECT | PAIR_DATA),
	PAIR_MEMORY("split-inorder-data", PAIR_IN_ORDER | PAIR_DATA),
	PAIR_MEMORY("packed-inorder-data", PAIR_PACKED | PAIR_IN_ORDER | PAIR_DATA),
	PAIR_MEMORY("split-event-inorder", PAIR_EVENT | PAIR_IN_ORDER),
	PAIR_MEMORY("packed-event-inorder", PAIR_PACKED | PAIR_EVENT | PAIR_IN_ORDER),
	PAIR_MEMORY("split-event-indirect-inorder",
		    PAIR_EVENT | PAIR_INDIRECT | PAIR_IN_ORDER),
	PAIR_MEMORY("packed-event-indirect-inorder",
		    PAIR_PACKED | PAIR_EVENT | PAIR_INDIRECT | PAIR_IN_ORDER),
};

static void ring_case_desc(const struct ring_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(ring, ring_cases, ring_case_desc);

static const unsigned int walk_sizes[] = { 1, 2, 3, 4, 7, 16, 33, 64 };

static const unsigned int sweep_sizes[] = {
	1, 2, 3, 127, 256, 32767, 32768
};

static bool size_fits(const struct ring_case *c, unsigned int size)
{
	return c->features & PAIR_PACKED || is_power_of_2(size);
}

#ifdef __KERNEL__
#define WALK	1000u	/* steps; under emulation, with every checker on */
#else
#define WALK	4000u
#endif

static void walk(struct kunit *test, const struct ring_case *c,
		 unsigned int size, unsigned int segs, u64 seed)
{
	struct oracle *o = parley_oracle_open(test, parley_pair_open(test, c->features, size, segs),
				       seed);
	unsigned int i;

	for (i = 0; i < WALK; i++)
		parley_oracle_step(o);
	parley_oracle_drain(o);
	if (test->status == KUNIT_FAILURE)
		kunit_info(test, "size %u, %u ready table entries, seed %llu",
			   size, segs, (unsigned long long)seed);
}

/* Ready indirect tables for none, some and all of the buffers. */
static void ring_random(struct kunit *test)
{
	const struct ring_case *c = test->param_value;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(walk_sizes); i++) {
		if (!size_fits(c, walk_sizes[i]))
			continue;
		walk(test, c, walk_sizes[i], 0, i + 1);
		walk(test, c, walk_sizes[i], 3, i + 101);
		walk(test, c, walk_sizes[i], PAIR_SEGS, i + 201);
	}
}

/* ------------------------------------------------------------------- sweep */

struct sweep {
	struct pair *p;
	struct parley_chain *chains;
	struct parley_iov *iov;
	struct parley_done *done;
	struct parley_buf *bufs;
	struct parley_seg seg;
	unsigned long next, expect;
};

static void *sweep_array(struct kunit *test, size_t n, size_t size)
{
	return parley_pair_pages(test, n * size);
}

/* One lap or less: all in, all out backwards, every cookie where it belongs. */
static void sweep_round(struct kunit *test, struct sweep *s, unsigned int nr,
			bool in_order)
{
	struct pair *p = s->p;
	unsigned int i;

	for (i = 0; i < nr; i++)
		s->bufs[i] = (struct parley_buf){
			.segs = &s->seg, .n_in = 1, .flags = PARLEY_BUF_PREMAPPED,
			.cookie = (void *)(s->next + i + 1) };
	KUNIT_ASSERT_EQ(test, parley_drvq_put(p->drv, s->bufs, nr, GFP_ATOMIC), (int)nr);
	KUNIT_ASSERT_TRUE(test, parley_drvq_publish(p->drv));
	KUNIT_ASSERT_EQ(test, parley_drvq_free(p->drv), p->size - nr);
	KUNIT_ASSERT_FALSE(test, parley_devq_arm(p->dev));

	for (i = 0; i < nr; i++)
		s->chains[i] = (struct parley_chain){ .iov = &s->iov[i], .max = 1 };
	KUNIT_ASSERT_EQ(test, parley_devq_take(p->dev, s->chains, nr), (int)nr);
	KUNIT_ASSERT_FALSE(test, parley_devq_peek(p->dev));
	for (i = 0; i < nr; i++) {
		unsigned int k = nr - 1 - i;

		s->chains[k].written = (s->next + k) % (s->seg.len + 1);
		KUNIT_ASSERT_EQ(test, parley_devq_complete(p->dev, &s->chains[k], 1), 0);
	}
	KUNIT_ASSERT_TRUE(test, parley_devq_publish(p->dev));
	KUNIT_ASSERT_TRUE(test, parley_devq_arm(p->dev));
	KUNIT_ASSERT_FALSE(test, parley_drvq_arm(p->drv, 0));

	KUNIT_ASSERT_EQ(test, parley_drvq_reap(p->drv, s->done, nr), nr);
	for (i = 0; i < nr; i++) {
		unsigned long k = s->next + (in_order ? i : nr - 1 - i);

		KUNIT_ASSERT_EQ(test, (unsigned long)s->done[i].cookie, k + 1);
		KUNIT_ASSERT_EQ(test, (unsigned long)s->done[i].len,
				k % (s->seg.len + 1));
	}
	KUNIT_ASSERT_TRUE(test, parley_drvq_arm(p->drv, 0));
	KUNIT_ASSERT_FALSE(test, parley_drvq_pending(p->drv));
	s->next += nr;
}

/* Beyond every wrap-around: ring size, wrap counter, 16-bit index. */
static void sweep(struct kunit *test, const struct ring_case *c, unsigned int size)
{
	struct sweep s = { .p = parley_pair_open(test, c->features, size, 0) };
	const struct parley_mem *mem = parley_drvq_mem(s.p->drv);
	struct rnd rnd = { .state = size };

	s.chains = sweep_array(test, size, sizeof(*s.chains));
	s.iov = sweep_array(test, size, sizeof(*s.iov));
	s.done = sweep_array(test, size, sizeof(*s.done));
	s.bufs = sweep_array(test, size, sizeof(*s.bufs));
	s.seg.len = 6;
	KUNIT_ASSERT_EQ(test, parley_mem_map(mem, parley_pair_phys(s.p->arena),
					     s.seg.len, true, &s.seg.addr), 0);
	while (s.next < 65536 + 3 * size)
		sweep_round(test, &s, rnd_below(&rnd, 2) ? size :
			    1 + rnd_below(&rnd, size),
			    c->features & PAIR_IN_ORDER);
	parley_mem_unmap(mem, s.seg.addr, s.seg.len, true);
}

static void ring_wrap(struct kunit *test)
{
	const struct ring_case *c = test->param_value;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sweep_sizes); i++)
		if (size_fits(c, sweep_sizes[i]))
			sweep(test, c, sweep_sizes[i]);
}

/* ---------------------------------------------------------------- one by one */

/* Sizes that a format does not have, and a legacy device. */
static void ring_sizes(struct kunit *test)
{
	const struct ring_case *c = test->param_value;
	static const unsigned int bad[] = { 0, 32769, 65536, 0x80000001, ~0u };
	struct parley_drvq_config cfg = {
		.name = "test", .features = c->features | BIT_ULL(VIRTIO_F_VERSION_1),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		cfg.size = bad[i];
		KUNIT_EXPECT_EQ(test, PTR_ERR(parley_drvq_create(&cfg)), -EINVAL);
	}
	if (!(c->features & PAIR_PACKED)) {
		cfg.size = 3;
		KUNIT_EXPECT_EQ(test, PTR_ERR(parley_drvq_create(&cfg)), -EINVAL);
	}
	cfg.size = 4;
	cfg.size_max = 2;
	KUNIT_EXPECT_EQ(test, PTR_ERR(parley_drvq_create(&cfg)), -EINVAL);
	cfg.size_max = 65536;
	KUNIT_EXPECT_EQ(test, PTR_ERR(parley_drvq_create(&cfg)), -EINVAL);
	cfg.size_max = 0;
	cfg.features &= ~BIT_ULL(VIRTIO_F_VERSION_1);
	KUNIT_EXPECT_EQ(test, PTR_ERR(parley_drvq_create(&cfg)), -EINVAL);
}

/* A batch is all or nothing to the peer, and so is what comes back. */
static void ring_batch(struct kunit *test)
{
	const struct ring_case *c = test->param_value;
	struct pair *p = parley_pair_open(test, c->features, 8, 4);
	struct parley_seg segs[3] = {
		{ parley_pair_phys(p->arena), 16 }, { parley_pair_phys(p->arena + 64), 32 },
		{ parley_pair_phys(p->arena + 128), 32 } };
	struct parley_buf bufs[3] = {
		{ .segs = segs, .n_out = 1, .n_in = 1, .cookie = &bufs[0] },
		{ .segs = segs, .n_out = 1, .cookie = &bufs[1] },
		{ .segs = segs + 2, .n_in = 1, .cookie = &bufs[2] },
	};
	struct parley_iov iov[3][2];
	struct parley_chain chains[3] = {
		{ .iov = iov[0], .max = 2 }, { .iov = iov[1], .max = 2 },
		{ .iov = iov[2], .max = 2 } };
	struct parley_done done[3];
	unsigned int i;

	KUNIT_ASSERT_EQ(test, parley_drvq_put(p->drv, bufs, 3, GFP_KERNEL), 3);
	KUNIT_EXPECT_FALSE(test, parley_devq_peek(p->dev));
	KUNIT_EXPECT_EQ(test, parley_devq_take(p->dev, chains, 3), 0);
	KUNIT_EXPECT_TRUE(test, parley_drvq_publish(p->drv));
	KUNIT_EXPECT_FALSE(test, parley_drvq_publish(p->drv));
	KUNIT_ASSERT_EQ(test, parley_devq_take(p->dev, chains, 3), 3);
	for (i = 0; i < 3; i++)
		chains[i].written = chains[i].len_in;
	KUNIT_ASSERT_EQ(test, parley_devq_complete(p->dev, chains, 3), 0);
	KUNIT_EXPECT_FALSE(test, parley_drvq_pending(p->drv));
	KUNIT_EXPECT_EQ(test, parley_drvq_reap(p->drv, done, 3), 0u);
	KUNIT_EXPECT_TRUE(test, parley_devq_publish(p->dev));
	KUNIT_EXPECT_FALSE(test, parley_devq_publish(p->dev));
	KUNIT_ASSERT_EQ(test, parley_drvq_reap(p->drv, done, 3), 3u);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_PTR_EQ(test, done[i].cookie, (void *)&bufs[i]);
}

/*
 * A buffer that turns out to be none at its last segment, before a good one and
 * after it, wherever in the ring: the device sees the good ones alone.
 */
static void ring_refused(struct kunit *test)
{
	const struct ring_case *c = test->param_value;
	struct pair *p = parley_pair_open(test, c->features, 8, 4);
	struct parley_seg segs[5] = {
		{ parley_pair_phys(p->arena), 16 }, { parley_pair_phys(p->arena + 64), 16 },
		{ parley_pair_phys(p->arena + 128), 0 },
		{ parley_pair_phys(p->arena + 192), 32 },
		{ parley_pair_phys(p->arena + 256), 32 } };
	struct parley_buf bad = { .segs = segs, .n_out = 1, .n_in = 2, .cookie = p };
	struct parley_buf good[2] = {
		{ .segs = segs + 3, .n_in = 1, .cookie = &good[0] },
		{ .segs = segs + 4, .n_in = 1, .cookie = &good[1] } };
	unsigned int round, i;

	for (round = 0; round < 24; round++) {
		struct parley_iov iov[4][2];
		struct parley_chain chains[4];
		struct parley_done done[4];

		for (i = 0; i < 4; i++)
			chains[i] = (struct parley_chain){ .iov = iov[i], .max = 2 };
		for (i = 0; i < 2; i++) {
			KUNIT_ASSERT_EQ(test, parley_drvq_put(p->drv, &bad, 1, GFP_KERNEL),
					-EINVAL);
			KUNIT_ASSERT_EQ(test, parley_drvq_put(p->drv, &good[i], 1, GFP_KERNEL),
					1);
		}
		KUNIT_ASSERT_EQ(test, parley_drvq_put(p->drv, &bad, 1, GFP_KERNEL), -EINVAL);
		KUNIT_ASSERT_EQ(test, parley_drvq_free(p->drv), 6u);
		KUNIT_ASSERT_TRUE(test, parley_drvq_publish(p->drv));
		KUNIT_ASSERT_EQ(test, parley_devq_take(p->dev, chains, 4), 2);
		for (i = 0; i < 2; i++) {
			KUNIT_ASSERT_EQ(test, (unsigned int)chains[i].n_in, 1u);
			chains[i].written = 32;
		}
		KUNIT_ASSERT_EQ(test, parley_devq_complete(p->dev, chains, 2), 0);
		KUNIT_ASSERT_TRUE(test, parley_devq_publish(p->dev));
		KUNIT_ASSERT_EQ(test, parley_drvq_reap(p->drv, done, 4), 2u);
		for (i = 0; i < 2; i++)
			KUNIT_ASSERT_PTR_EQ(test, done[i].cookie, (void *)&good[i]);
		/* The next round begins elsewhere, and is asked to say so. */
		KUNIT_ASSERT_TRUE(test, parley_devq_arm(p->dev));
		KUNIT_ASSERT_TRUE(test, parley_drvq_arm(p->drv, 0));
	}
}

/* The convenience on top of the verbs, and what it does on a dead device. */
static bool notify_gone(struct parley_drvq *q, u32 data)
{
	return false;
}

static void ring_submit(struct kunit *test)
{
	const struct ring_case *c = test->param_value;
	struct pair *p = parley_pair_open(test, c->features, 2, 0);
	struct parley_seg seg = { parley_pair_phys(p->arena), 16 };
	struct parley_buf buf = { .segs = &seg, .n_out = 1, .cookie = p };
	struct parley_drvq_config cfg = {
		.name = "gone", .size = 2, .features = p->features,
		.mem = parley_drvq_mem(p->drv), .notify = notify_gone,
	};
	struct parley_drvq *q;

	KUNIT_EXPECT_EQ(test, parley_drvq_submit(p->drv, &buf, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, p->kicks, 1u);
	KUNIT_EXPECT_EQ(test, parley_drvq_submit(p->drv, &buf, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, parley_drvq_submit(p->drv, &buf, GFP_KERNEL), -ENOSPC);
	KUNIT_EXPECT_FALSE(test, parley_drvq_broken(p->drv));

	q = parley_drvq_create(&cfg);
	KUNIT_ASSERT_FALSE(test, IS_ERR(q));
	KUNIT_EXPECT_EQ(test, parley_drvq_submit(q, &buf, GFP_KERNEL), 0);
	KUNIT_EXPECT_TRUE(test, parley_drvq_broken(q));
	KUNIT_EXPECT_EQ(test, parley_drvq_submit(q, &buf, GFP_KERNEL), -EIO);
	KUNIT_EXPECT_PTR_EQ(test, parley_drvq_detach(q), (void *)p);
	KUNIT_EXPECT_NULL(test, parley_drvq_detach(q));
	parley_drvq_destroy(q);
}

/* What the device has is expected in order; it is completed and reaped. */
static void serve_lengths(struct kunit *test, struct pair *p, const u32 *len,
			  unsigned int nr)
{
	struct parley_iov iov[PAIR_SEGS];
	struct parley_chain chain = { .iov = iov, .max = PAIR_SEGS };
	struct parley_done done;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		KUNIT_ASSERT_EQ(test, parley_devq_take(p->dev, &chain, 1), 1);
		KUNIT_EXPECT_EQ(test, chain.len_in, len[i]);
		chain.written = len[i];
		KUNIT_ASSERT_EQ(test, parley_devq_complete(p->dev, &chain, 1), 0);
		parley_devq_publish(p->dev);
		KUNIT_ASSERT_EQ(test, parley_drvq_reap(p->drv, &done, 1), 1u);
		KUNIT_EXPECT_EQ(test, done.len, len[i]);
	}
	KUNIT_EXPECT_EQ(test, parley_devq_take(p->dev, &chain, 1), 0);
}

/* One buffer after what was put before, of several segments, or a wrong one. */
static void ring_submit_mixed(struct kunit *test)
{
	const struct ring_case *c = test->param_value;
	struct pair *p = parley_pair_open(test, c->features, 8, 4);
	u64 at = parley_pair_phys(p->arena);
	struct parley_seg segs[4] = {
		{ at, 16 }, { at + 64, 32 }, { at + 128, 8 }, { at + 192, 0 },
	};
	struct parley_buf one = { .segs = segs, .n_in = 1, .cookie = p };
	struct parley_buf two = { .segs = segs + 1, .n_in = 1, .cookie = p };
	struct parley_buf last = { .segs = segs + 2, .n_in = 1, .cookie = p };
	struct parley_buf three = { .segs = segs, .n_in = 3, .cookie = p };
	struct parley_buf empty = { .segs = segs + 3, .n_in = 1, .cookie = p };
	struct parley_buf nobody = { .segs = segs, .n_in = 1 };
	const struct parley_vq_stats *stats = parley_drvq_stats(p->drv);
	unsigned int i, before;

	for (i = 0; i < 20; i++) {
		KUNIT_ASSERT_EQ(test, parley_drvq_submit(p->drv, &one, GFP_KERNEL), 0);
		serve_lengths(test, p, (u32 []){ 16 }, 1);
		/* Put and not published: a submission takes it along. */
		KUNIT_ASSERT_EQ(test, parley_drvq_put(p->drv, &two, 1, GFP_KERNEL), 1);
		KUNIT_ASSERT_EQ(test, parley_drvq_put(p->drv, &one, 1, GFP_KERNEL), 1);
		KUNIT_ASSERT_EQ(test, parley_drvq_submit(p->drv, &last, GFP_KERNEL), 0);
		serve_lengths(test, p, (u32 []){ 32, 16, 8 }, 3);
		KUNIT_ASSERT_EQ(test, parley_drvq_submit(p->drv, &three, GFP_KERNEL), 0);
		serve_lengths(test, p, (u32 []){ 56 }, 1);
	}
	KUNIT_EXPECT_EQ(test, stats->buffers, 100u);
	KUNIT_EXPECT_EQ(test, stats->publishes, 60u);
	KUNIT_EXPECT_EQ(test, stats->notified, (u64)p->kicks);
	before = p->kicks;
	KUNIT_EXPECT_EQ(test, parley_drvq_submit(p->drv, &empty, GFP_KERNEL), -EINVAL);
	KUNIT_EXPECT_EQ(test, parley_drvq_submit(p->drv, &nobody, GFP_KERNEL), -EINVAL);
	KUNIT_EXPECT_EQ(test, p->kicks, before);
	KUNIT_EXPECT_EQ(test, stats->publishes, 60u);
	KUNIT_EXPECT_EQ(test, parley_drvq_free(p->drv), 8u);
	serve_lengths(test, p, NULL, 0);
}

/* Buffers that are mapped at the same time share no cache line. */
#define APART	256

/* Another processor publishes and kicks before the first one's kick is made. */
static void kick_between(struct pair *p)
{
	unsigned int nth = parley_drvq_size(p->drv) - parley_drvq_free(p->drv);
	struct parley_seg seg = { parley_pair_phys(p->arena + nth * APART), 16 };
	struct parley_buf buf = { .segs = &seg, .n_in = 1, .cookie = p };

	KUNIT_EXPECT_EQ(p->test, parley_drvq_put(p->drv, &buf, 1, GFP_ATOMIC), 1);
	parley_drvq_publish(p->drv);
	KUNIT_EXPECT_TRUE(p->test, parley_drvq_kick(p->drv));
}

/* Of kicks that race, the last one says where the ring stands. */
static void ring_kicks_race(struct kunit *test)
{
	const struct ring_case *c = test->param_value;
	struct pair *p = parley_pair_open(test, c->features, 8, 0);
	unsigned int i;

	if (!(c->features & PAIR_DATA))
		return;
	for (i = 0; i < 3; i++) {
		p->meanwhile = kick_between;
		kick_between(p);
		KUNIT_EXPECT_EQ(test, p->kick_data, 3 | (2 * i + 2 +
				(c->features & PAIR_PACKED ? 0x8000u : 0)) << 16);
		KUNIT_EXPECT_EQ(test, p->kicks, 2 * i + 2);
	}
}

/*
 * A disarm raced with an arm, and its write came last: the device has its word,
 * and the driver believes that interrupts are on.  The next arm must ask anew.
 */
static void ring_disarm_races(struct kunit *test)
{
	const struct ring_case *c = test->param_value;
	struct pair *p = parley_pair_open(test, c->features, 4, 0);
	struct vring_packed_desc_event *event = (void *)(unsigned long)p->host.driver;
	struct vring_avail *avail = (void *)(unsigned long)p->host.driver;
	struct parley_seg seg = { parley_pair_phys(p->arena), 16 };
	struct parley_buf buf = { .segs = &seg, .n_in = 1, .cookie = p };
	struct parley_iov iov;
	struct parley_chain chain = { .iov = &iov, .max = 1 };

	KUNIT_EXPECT_TRUE(test, parley_drvq_arm(p->drv, 0));
	if (c->features & PAIR_PACKED)
		event->flags = cpu_to_le16(VRING_PACKED_EVENT_FLAG_DISABLE);
	else
		avail->flags = cpu_to_vr16(VRING_AVAIL_F_NO_INTERRUPT);
	KUNIT_EXPECT_TRUE(test, parley_drvq_arm(p->drv, 0));
	KUNIT_ASSERT_EQ(test, parley_drvq_submit(p->drv, &buf, GFP_KERNEL), 0);
	KUNIT_ASSERT_EQ(test, parley_devq_take(p->dev, &chain, 1), 1);
	chain.written = 0;
	KUNIT_ASSERT_EQ(test, parley_devq_complete(p->dev, &chain, 1), 0);
	KUNIT_EXPECT_TRUE(test, parley_devq_publish(p->dev));
}

/* Smaller and larger again, within what was allocated, and as good as new. */
static void ring_resize(struct kunit *test)
{
	const struct ring_case *c = test->param_value;
	static const unsigned int sizes[] = { 4, 16, 1, 8, 2, 16 };
	static const unsigned int odd[] = { 5, 13, 1, 7, 3, 16 };
	bool packed = c->features & PAIR_PACKED;
	struct pair *p = parley_pair_open_max(test, c->features, 4, 16, 3);
	struct parley_seg seg = { parley_pair_phys(p->arena), 16 };
	struct parley_buf buf = { .segs = &seg, .n_in = 1, .cookie = p };
	struct parley_vq_addr before, after;
	unsigned int i, k;

	parley_drvq_addr(p->drv, &before);
	KUNIT_EXPECT_EQ(test, parley_drvq_size_max(p->drv), 16u);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct oracle *o;

		p->size = packed ? odd[i] : sizes[i];
		KUNIT_EXPECT_EQ(test, parley_drvq_resize(p->drv, 0), -EINVAL);
		KUNIT_EXPECT_EQ(test, parley_drvq_resize(p->drv, 17), -EINVAL);
		KUNIT_EXPECT_EQ(test, parley_drvq_resize(p->drv, 32), -EINVAL);
		KUNIT_EXPECT_EQ(test, parley_drvq_resize(p->drv, 3), packed ? 0 : -EINVAL);
		KUNIT_ASSERT_EQ(test, parley_drvq_resize(p->drv, p->size), 0);
		KUNIT_EXPECT_EQ(test, parley_drvq_size(p->drv), p->size);
		parley_drvq_addr(p->drv, &after);
		KUNIT_EXPECT_EQ(test, memcmp(&before, &after, sizeof(before)), 0);
		parley_pair_new_device(p);
		o = parley_oracle_open(test, p, i);
		for (k = 0; k < 300; k++)
			parley_oracle_step(o);
		parley_oracle_drain(o);
		for (k = 0; k < p->size; k++) {
			seg.addr = parley_pair_phys(p->arena + k * APART);
			KUNIT_ASSERT_EQ(test, parley_drvq_put(p->drv, &buf, 1, GFP_KERNEL), 1);
		}
		KUNIT_EXPECT_EQ(test, parley_drvq_put(p->drv, &buf, 1, GFP_KERNEL), -ENOSPC);
		KUNIT_EXPECT_EQ(test, parley_drvq_resize(p->drv, 1), -EBUSY);
		while (parley_drvq_detach(p->drv))
			;
		KUNIT_EXPECT_TRUE(test, parley_drvq_broken(p->drv));
	}
}

/* A chain of @n segments is refused, however it is put. */
static void expect_too_long(struct kunit *test, struct pair *p,
			    struct parley_buf *buf, unsigned int n)
{
	struct parley_buf bufs[2] = { *buf, *buf };

	bufs[0].n_in = 1;
	bufs[1].n_in = n;
	buf->n_in = n;
	KUNIT_EXPECT_EQ(test, parley_drvq_put(p->drv, buf, 1, GFP_KERNEL), -EINVAL);
	KUNIT_EXPECT_EQ(test, parley_drvq_submit(p->drv, buf, GFP_KERNEL), -EINVAL);
	KUNIT_EXPECT_EQ(test, parley_drvq_free(p->drv), p->size);
	KUNIT_EXPECT_EQ(test, parley_drvq_put(p->drv, bufs, 2, GFP_KERNEL), 1);
	while (parley_drvq_detach(p->drv))
		;
}

/* Not longer than the ring (spec 2.7.5.3.1), though a table that is ready would be. */
static void ring_too_long(struct kunit *test)
{
	const struct ring_case *c = test->param_value;
	struct pair *p = parley_pair_open_max(test, c->features, 4, 16, 8);
	struct parley_seg segs[6];
	struct parley_buf buf = { .segs = segs, .cookie = p };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(segs); i++)
		segs[i] = (struct parley_seg){ parley_pair_phys(p->arena + i * APART), 16 };
	expect_too_long(test, p, &buf, 5);
	/* And so after every resize, up and down. */
	for (p->size = 16; p->size >= 4; p->size /= 4) {
		KUNIT_ASSERT_EQ(test, parley_drvq_resize(p->drv, p->size), 0);
		if (p->size == 4)
			expect_too_long(test, p, &buf, 6);
		KUNIT_ASSERT_EQ(test, parley_drvq_resize(p->drv, p->size), 0);
		buf.n_in = min(p->size, 6u);
		KUNIT_EXPECT_EQ(test, parley_drvq_submit(p->drv, &buf, GFP_KERNEL), 0);
		while (parley_drvq_detach(p->drv))
			;
	}
}

/* A base from elsewhere: what QEMU hands over, and what no ring has. */
static void ring_base(struct kunit *test)
{
	const struct ring_case *c = test->param_value;
	struct pair *p = parley_pair_open(test, c->features, 4, 0);
	u32 base = 0;

	if (c->features & PAIR_PACKED) {
		KUNIT_EXPECT_EQ(test, parley_devq_save(p->dev, &base), 0);
		KUNIT_EXPECT_EQ(test, base, 0x80008000u);
		KUNIT_EXPECT_EQ(test, parley_devq_load(p->dev, 0x00020002), 0);
		KUNIT_EXPECT_EQ(test, parley_devq_save(p->dev, &base), 0);
		KUNIT_EXPECT_EQ(test, base, 0x00020002u);
		KUNIT_EXPECT_EQ(test, parley_devq_load(p->dev, 0x80048004), -EINVAL);
		KUNIT_EXPECT_EQ(test, parley_devq_load(p->dev, 0x80008004), -EINVAL);
		KUNIT_EXPECT_EQ(test, parley_devq_load(p->dev, 0x80048000), -EINVAL);
	} else {
		struct vring_used *used = (void *)(unsigned long)p->host.device;

		KUNIT_EXPECT_EQ(test, parley_devq_save(p->dev, &base), 0);
		KUNIT_EXPECT_EQ(test, base, 0u);
		used->idx = cpu_to_vr16(0xffff);
		KUNIT_EXPECT_EQ(test, parley_devq_load(p->dev, 0xffff), 0);
		KUNIT_EXPECT_EQ(test, parley_devq_save(p->dev, &base), 0);
		KUNIT_EXPECT_EQ(test, base, 0xffffu);
		KUNIT_EXPECT_EQ(test, parley_devq_load(p->dev, 3), 0);
		KUNIT_EXPECT_EQ(test, parley_devq_load(p->dev, 4), -EINVAL);
		KUNIT_EXPECT_EQ(test, parley_devq_load(p->dev, 0xfffe), -EINVAL);
		KUNIT_EXPECT_EQ(test, parley_devq_load(p->dev, 0x10000), -EINVAL);
	}
}

static struct kunit_case ring_test_cases[] = {
	KUNIT_CASE_PARAM(ring_sizes, ring_gen_params),
	KUNIT_CASE_PARAM(ring_batch, ring_gen_params),
	KUNIT_CASE_PARAM(ring_refused, ring_gen_params),
	KUNIT_CASE_PARAM(ring_submit, ring_gen_params),
	KUNIT_CASE_PARAM(ring_submit_mixed, ring_gen_params),
	KUNIT_CASE_PARAM(ring_kicks_race, ring_gen_params),
	KUNIT_CASE_PARAM(ring_disarm_races, ring_gen_params),
	KUNIT_CASE_PARAM(ring_resize, ring_gen_params),
	KUNIT_CASE_PARAM(ring_too_long, ring_gen_params),
	KUNIT_CASE_PARAM(ring_base, ring_gen_params),
	KUNIT_CASE_PARAM(ring_random, ring_gen_params),
	KUNIT_CASE_PARAM(ring_wrap, ring_gen_params),
	{}
};

static struct kunit_suite ring_suite = {
	.name = "parley_ring",
	.test_cases = ring_test_cases,
};

kunit_test_suites(&ring_suite);

MODULE_DESCRIPTION("Tests of the virtqueue core");
MODULE_LICENSE("GPL");
PARLEY_IMPORT;
