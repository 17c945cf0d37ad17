// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation fails once, in making queues and in putting buffers: the
 * caller gets -ENOMEM or a way round, and the leak checker finds nothing.
 */
#include "../../../drivers/virtio/core/tests/pair.h"

#define SIZE	16u
#define LONG	10u	/* segments; no mappings are kept ready for so many */

struct alloc_case {
	const char *name;
	u64 features;
};

static const struct alloc_case alloc_cases[] = {
	PAIR_MEMORY("split", 0),
	PAIR_MEMORY("packed", PAIR_PACKED),
	PAIR_MEMORY("split-inorder", PAIR_IN_ORDER),
	PAIR_MEMORY("packed-inorder", PAIR_PACKED | PAIR_IN_ORDER),
	PAIR_MEMORY("split-indirect", PAIR_INDIRECT),
	PAIR_MEMORY("packed-indirect", PAIR_PACKED | PAIR_INDIRECT),
};

static void alloc_desc(const struct alloc_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(alloc, alloc_cases, alloc_desc);

static u64 alloc_features(struct kunit *test)
{
	return ((const struct alloc_case *)test->param_value)->features;
}

static void alloc_create(struct kunit *test)
{
	u64 features = alloc_features(test);
	struct pair *p = parley_pair_open(test, features, SIZE, 4);
	struct parley_drvq_config drv = {
		.name = "alloc", .size = SIZE, .features = p->features,
		.dev = p->dma, .indirect_segs = 4,
		.mem = p->window && !p->dma ? &p->window->mem : NULL };
	struct parley_devq_config dev = {
		.name = "alloc", .size = SIZE, .features = p->features,
		.addr = p->host, .map = &p->map };
	struct parley_drvq *q;
	struct parley_devq *d;
	int n, left;

	for (n = 1; n < 100; n++) {
		parley_user_fail_nth = n;
		q = parley_drvq_create(&drv);
		left = parley_user_fail_nth;
		parley_user_fail_nth = 0;
		if (left)
			break;
		KUNIT_ASSERT_EQ(test, PTR_ERR(q), -ENOMEM);
	}
	KUNIT_EXPECT_LT(test, 4, n);	/* the queue, its ids, three areas */
	KUNIT_ASSERT_FALSE(test, IS_ERR(q));
	parley_drvq_destroy(q);

	for (n = 1; n < 100; n++) {
		parley_user_fail_nth = n;
		d = parley_devq_create(&dev);
		left = parley_user_fail_nth;
		parley_user_fail_nth = 0;
		if (left)
			break;
		KUNIT_ASSERT_EQ(test, PTR_ERR(d), -ENOMEM);
	}
	KUNIT_EXPECT_EQ(test, n, features & PAIR_IN_ORDER ? 3 : 2);
	KUNIT_ASSERT_FALSE(test, IS_ERR(d));
	parley_devq_destroy(d);
}

/* Whatever is in the ring goes through the device and comes back. */
static void pass_through(struct kunit *test, struct pair *p, void *cookie)
{
	struct parley_iov iov[LONG];
	struct parley_chain c = { .iov = iov, .max = LONG };
	struct parley_done done;

	parley_drvq_publish(p->drv);
	KUNIT_ASSERT_EQ(test, parley_devq_take(p->dev, &c, 1), 1);
	KUNIT_EXPECT_EQ(test, c.n_out, 2);
	KUNIT_EXPECT_EQ(test, c.n_in, LONG - 2);
	c.written = c.len_in;
	KUNIT_ASSERT_EQ(test, parley_devq_complete(p->dev, &c, 1), 0);
	parley_devq_publish(p->dev);
	KUNIT_ASSERT_EQ(test, parley_drvq_reap(p->drv, &done, 1), 1u);
	KUNIT_EXPECT_PTR_EQ(test, done.cookie, cookie);
	KUNIT_EXPECT_EQ(test, parley_drvq_free(p->drv), SIZE);
}

/* No tables or mappings are kept ready, so that each put needs memory. */
static void alloc_put(struct kunit *test)
{
	u64 features = alloc_features(test);
	struct pair *p = parley_pair_open(test, features, SIZE, 0);
	struct parley_seg segs[LONG];
	struct parley_buf buf = { .segs = segs, .n_out = 2, .n_in = LONG - 2, .cookie = p };
	unsigned int failed = 0, direct = 0;
	int n, i, ret, left;

	for (i = 0; i < (int)LONG; i++)
		segs[i] = (struct parley_seg){ parley_pair_phys(p->arena + 64 * i), 64 };
	for (n = 1; n < 100; n++) {
		parley_user_fail_nth = n;
		ret = parley_drvq_put(p->drv, &buf, 1, GFP_KERNEL);
		left = parley_user_fail_nth;
		parley_user_fail_nth = 0;
		if (ret == 1) {
			/* Without a table, the chain takes as many descriptors. */
			direct += !left && parley_drvq_free(p->drv) == SIZE - LONG;
			pass_through(test, p, p);
		} else {
			KUNIT_ASSERT_EQ(test, ret, -ENOMEM);
			KUNIT_ASSERT_EQ(test, parley_drvq_free(p->drv), SIZE);
			failed++;
		}
		if (left)
			break;
	}
	KUNIT_EXPECT_EQ(test, !!failed, !!(features & (PAIR_DMA | PAIR_WINDOW)));
	KUNIT_EXPECT_EQ(test, !!direct, !!(features & PAIR_INDIRECT));
}

/* Tables and direct chains side by side, as memory comes and goes. */
static void alloc_mixed(struct kunit *test)
{
	u64 features = alloc_features(test);
	struct pair *p = parley_pair_open(test, features, SIZE, 0);
	struct parley_seg segs[4];
	struct parley_buf buf = { .segs = segs, .n_out = 2, .n_in = 2 };
	struct rnd rnd = { .state = 1 };
	struct parley_iov iov[SIZE][4];
	struct parley_chain c[SIZE];
	struct parley_done done[SIZE];
	unsigned long cookie = 0, expect = 0;
	unsigned int i, round;
	int n;

	for (i = 0; i < 4; i++)
		segs[i] = (struct parley_seg){ parley_pair_phys(p->arena + 64 * i), 64 };
	for (round = 0; round < 3000; round++) {
		for (i = 0; i < 3; i++) {
			parley_user_fail_nth = rnd_below(&rnd, 8);
			buf.cookie = (void *)(cookie + 1);
			if (parley_drvq_put(p->drv, &buf, 1, GFP_KERNEL) == 1)
				cookie++;
			parley_user_fail_nth = 0;
		}
		parley_drvq_publish(p->drv);
		for (i = 0; i < SIZE; i++)
			c[i] = (struct parley_chain){ .iov = iov[i], .max = 4 };
		n = parley_devq_take(p->dev, c, SIZE);
		KUNIT_ASSERT_EQ(test, n, (int)(cookie - expect));
		for (i = 0; i < n; i++)
			c[i].written = i;
		KUNIT_ASSERT_EQ(test, parley_devq_complete(p->dev, c, n), 0);
		parley_devq_publish(p->dev);
		KUNIT_ASSERT_EQ(test, parley_drvq_reap(p->drv, done, SIZE), (unsigned int)n);
		for (i = 0; i < n; i++) {
			KUNIT_ASSERT_EQ(test, (unsigned long)done[i].cookie, ++expect);
			KUNIT_ASSERT_EQ(test, done[i].len, i);
		}
		KUNIT_ASSERT_EQ(test, parley_drvq_free(p->drv), SIZE);
	}
	KUNIT_EXPECT_LT(test, 1000ul, expect);
}

/* Recovery, and another size, when there is no memory to be had. */
static void alloc_reset(struct kunit *test)
{
	struct pair *p = parley_pair_open_max(test, alloc_features(test), SIZE / 2,
					      SIZE, 4);
	struct parley_seg segs[4];
	struct parley_buf buf = { .segs = segs, .n_out = 2, .n_in = 2, .cookie = p };
	unsigned int i;

	for (i = 0; i < 4; i++)
		segs[i] = (struct parley_seg){ parley_pair_phys(p->arena + 64 * i), 64 };
	for (i = 0; i < 4; i++) {
		KUNIT_ASSERT_EQ(test, parley_drvq_put(p->drv, &buf, 1, GFP_KERNEL), 1);
		parley_user_fail_nth = 1;
		while (parley_drvq_detach(p->drv))
			;
		KUNIT_EXPECT_EQ(test, parley_drvq_reset(p->drv), 0);
		KUNIT_EXPECT_EQ(test, parley_drvq_resize(p->drv, i % 2 ? SIZE / 2 : SIZE), 0);
		KUNIT_EXPECT_EQ(test, parley_user_fail_nth, 1);	/* nobody asked */
		parley_user_fail_nth = 0;
	}
}

static struct kunit_case alloc_test_cases[] = {
	KUNIT_CASE_PARAM(alloc_create, alloc_gen_params),
	KUNIT_CASE_PARAM(alloc_put, alloc_gen_params),
	KUNIT_CASE_PARAM(alloc_mixed, alloc_gen_params),
	KUNIT_CASE_PARAM(alloc_reset, alloc_gen_params),
	{}
};

static struct kunit_suite alloc_suite = {
	.name = "parley_alloc",
	.test_cases = alloc_test_cases,
};

kunit_test_suites(&alloc_suite);
