// SPDX-License-Identifier: GPL-2.0-only
/* Limits of devices and back ends: kept, shared, and bound to what they were set for. */
#include <linux/delay.h>
#include "../dev.h"
#include "../limit.h"
#include "toy.h"

#define NONE	((struct parley_rate){})
#define RATE(...) ((struct parley_rate){ __VA_ARGS__ })

static void limit_to(struct kunit *test, struct parley_limit *l, struct parley_rate ops,
		     struct parley_rate bytes)
{
	struct parley_limits cfg = { .ops = ops, .bytes = bytes };

	KUNIT_ASSERT_EQ(test, parley_limit_set(l, &cfg, ktime_get_ns()), 0);
}

static const struct parley_vhost_backend disk = { .dev = 1, .path = "/disk", .name = "a" };

static u64 kept_rate(struct parley_vhost *dev)
{
	struct parley_limits cfg;

	parley_limit_get(dev->limits->device, &cfg);
	return cfg.ops.rate;
}

static void kept_forget(struct kunit *test, unsigned int nr)
{
	struct vh_backend *b;

	guard(mutex)(&vh_limit_lock);
	for (b = vh_backend_next(0); b; b = vh_backend_next(b->id + 1))
		if (!strcmp(b->path, "/disk"))
			break;
	KUNIT_ASSERT_EQ(test, !!b, !!nr);
	if (b)
		KUNIT_EXPECT_EQ(test, vh_backend_forget(b, NULL), nr);
}

/* A device that comes again finds its limits and debts; others do not. */
static void limits_are_kept(struct kunit *test)
{
	struct parley_vhost_backend what = disk;
	struct toy *toy = toy_open(test);
	struct toy_ring *r;
	u32 id;

	KUNIT_ASSERT_EQ(test, parley_vhost_set_backend(toy->dev, &what), 0);
	KUNIT_EXPECT_EQ(test, kept_rate(toy->dev), 0);
	id = toy->dev->limits->backend->id;
	limit_to(test, toy->dev->limits->device, RATE(1000), NONE);
	limit_to(test, toy->dev->limits->queue[0], NONE, RATE(1000, 100));
	r = toy_ring_open(test, toy, 0, TOY_EVENT, 64);
	toy->charge = BIT_ULL(40);
	toy_send(r, 1);
	KUNIT_ASSERT_TRUE(test, toy_wait(r, 1));
	toy_ring_close(r);
	toy_close(toy);

	/* Of another name, or another back end: nothing. */
	toy = toy_open(test);
	what.name = "b";
	KUNIT_ASSERT_EQ(test, parley_vhost_set_backend(toy->dev, &what), 0);
	KUNIT_EXPECT_EQ(test, kept_rate(toy->dev), 0);
	KUNIT_EXPECT_EQ(test, toy->dev->limits->backend->id, id);
	what = disk;
	what.ino = 5;
	KUNIT_ASSERT_EQ(test, parley_vhost_set_backend(toy->dev, &what), 0);
	KUNIT_EXPECT_EQ(test, kept_rate(toy->dev), 0);
	KUNIT_EXPECT_NE(test, toy->dev->limits->backend->id, id);
	/* The same: all, with the debt. */
	KUNIT_ASSERT_EQ(test, parley_vhost_set_backend(toy->dev, &disk), 0);
	KUNIT_EXPECT_EQ(test, kept_rate(toy->dev), 1000);
	KUNIT_EXPECT_EQ(test, toy->dev->limits->backend->id, id);
	r = toy_ring_open(test, toy, 0, TOY_EVENT, 64);
	toy_send(r, 1);
	msleep(50);
	KUNIT_EXPECT_EQ(test, toy_reap(r), 0);
	toy_ring_close(r);
	toy_close(toy);
	kept_forget(test, 1);
	/* And with it the back end. */
	kept_forget(test, 0);
}

/* A limit of the back end is for all devices that serve it. */
static void limits_are_shared(struct kunit *test)
{
	struct parley_limits cfg = { .ops = { 1000, 10 } };
	struct toy *one = toy_open(test), *two = toy_open(test);
	struct toy_ring *r1 = toy_ring_open(test, one, 0, TOY_EVENT, 1024), *r2;
	u64 start = ktime_get_ns();

	toy_ring_leave(r1);
	KUNIT_ASSERT_EQ(test, parley_vhost_set_backend(one->dev, &disk), 0);
	KUNIT_ASSERT_EQ(test, parley_vhost_set_backend(two->dev, &disk), 0);
	KUNIT_ASSERT_PTR_EQ(test, one->dev->limits->backend, two->dev->limits->backend);
	KUNIT_ASSERT_EQ(test, parley_limit_set(one->dev->limits->backend->root, &cfg, start), 0);
	toy_ring_join(r1);
	r2 = toy_ring_open(test, two, 0, TOY_EVENT, 1024);
	toy_send(r1, 150);
	toy_send(r2, 150);
	KUNIT_ASSERT_TRUE(test, toy_wait(r1, 150));
	KUNIT_ASSERT_TRUE(test, toy_wait(r2, 150));
	KUNIT_EXPECT_GE(test, ktime_get_ns() - start, 290 * NSEC_PER_MSEC);
	/* It stays with the disk when nobody serves it. */
	toy_ring_close(r1);
	toy_ring_close(r2);
	toy_close(one);
	toy_close(two);
	one = toy_open(test);
	KUNIT_ASSERT_EQ(test, parley_vhost_set_backend(one->dev, &disk), 0);
	parley_limit_get(one->dev->limits->backend->root, &cfg);
	KUNIT_EXPECT_EQ(test, cfg.ops.rate, 1000);
	limit_to(test, one->dev->limits->backend->root, NONE, NONE);
	toy_close(one);
	kept_forget(test, 0);
}

/* Its owner cannot bring a device out of its limits by calling it something else. */
static void limits_are_not_shed(struct kunit *test)
{
	struct parley_vhost_backend other = disk;
	struct toy *toy = toy_open(test);
	unsigned int i;

	other.name = "b";
	KUNIT_ASSERT_EQ(test, parley_vhost_set_backend(toy->dev, &disk), 0);
	for (i = 0; i < 2; i++) {
		struct parley_vhost *dev = toy->dev;
		struct parley_limit *l = i ? dev->limits->queue[3] : dev->limits->device;

		limit_to(test, l, RATE(1000), NONE);
		KUNIT_EXPECT_EQ(test, parley_vhost_set_backend(dev, &other), -EACCES);
		KUNIT_EXPECT_STREQ(test, dev->limits->name, "a");
		/* Nor by serving something else in between. */
		other.ino = 7;
		KUNIT_EXPECT_EQ(test, parley_vhost_set_backend(dev, &other), -EACCES);
		other.name = "a";
		KUNIT_EXPECT_EQ(test, parley_vhost_set_backend(dev, &other), -EACCES);
		KUNIT_EXPECT_STREQ(test, dev->limits->backend->path, "/disk");
		/* What it is, it may say as often as it likes. */
		KUNIT_EXPECT_EQ(test, parley_vhost_set_backend(dev, &disk), 0);
		KUNIT_EXPECT_TRUE(test, vh_limit_is_set(l));
		/* Without a limit it may be anything. */
		limit_to(test, l, NONE, NONE);
		other = disk;
		other.name = "b";
		KUNIT_EXPECT_EQ(test, parley_vhost_set_backend(dev, &other), 0);
		KUNIT_EXPECT_STREQ(test, dev->limits->name, "b");
		KUNIT_EXPECT_EQ(test, parley_vhost_set_backend(dev, &disk), 0);
	}
	toy_close(toy);
	kept_forget(test, 0);
}

/* A name more or less does not change what is owed. */
static void debts_are_not_shed(struct kunit *test)
{
	struct parley_limits cfg = { .bytes = { 1000, 1000 } };
	struct parley_vhost_backend other = disk;
	struct toy *toy = toy_open(test);
	struct toy_ring *r;

	KUNIT_ASSERT_EQ(test, parley_vhost_set_backend(toy->dev, &disk), 0);
	KUNIT_ASSERT_EQ(test, parley_limit_set(toy->dev->limits->backend->root, &cfg,
					       ktime_get_ns()), 0);
	r = toy_ring_open(test, toy, 0, TOY_EVENT, 64);
	toy->charge = BIT_ULL(40);
	toy_send(r, 1);
	KUNIT_ASSERT_TRUE(test, toy_wait(r, 1));
	toy_ring_leave(r);
	other.name = "b";
	KUNIT_ASSERT_EQ(test, parley_vhost_set_backend(toy->dev, &other), 0);
	toy_ring_join(r);
	toy_send(r, 1);
	msleep(50);
	KUNIT_EXPECT_EQ(test, toy_reap(r), 0);
	limit_to(test, toy->dev->limits->backend->root, NONE, NONE);
	KUNIT_EXPECT_TRUE(test, toy_wait(r, 2));
	toy_ring_close(r);
	toy_close(toy);
	kept_forget(test, 0);
}

static void restore_max(void *unused)
{
	vh_devices_max = VH_DEVICES_MAX;
}

static int open_one(struct parley_vhost **dev)
{
	*dev = parley_vhost_open("kunit-toy");
	return PTR_ERR_OR_ZERO(*dev);
}

/* So many devices, open or kept, and one more is one too many. */
static void devices_are_so_many(struct kunit *test)
{
	struct toy *toy = toy_open(test);
	struct parley_vhost *two, *three;

	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, restore_max, NULL), 0);
	KUNIT_ASSERT_EQ(test, parley_vhost_set_backend(toy->dev, &disk), 0);
	vh_devices_max = 2;
	KUNIT_ASSERT_EQ(test, open_one(&two), 0);
	KUNIT_EXPECT_EQ(test, open_one(&three), -ENFILE);
	parley_vhost_close(two);
	KUNIT_ASSERT_EQ(test, open_one(&two), 0);
	/* Kept, it counts. */
	limit_to(test, two->limits->device, RATE(1000), NONE);
	KUNIT_ASSERT_EQ(test, parley_vhost_set_backend(two, &disk), 0);
	parley_vhost_close(two);
	KUNIT_EXPECT_EQ(test, open_one(&two), -ENFILE);
	kept_forget(test, 1);
	KUNIT_ASSERT_EQ(test, open_one(&two), 0);
	parley_vhost_close(two);
}

/* And so many back ends: those that nobody serves, but are limited. */
static void back_ends_are_so_many(struct kunit *test)
{
	struct parley_vhost_backend other = disk;
	struct toy *toy = toy_open(test);
	struct parley_limit *root;

	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, restore_max, NULL), 0);
	KUNIT_ASSERT_EQ(test, parley_vhost_set_backend(toy->dev, &disk), 0);
	root = toy->dev->limits->backend->root;
	limit_to(test, root, RATE(1000), NONE);
	vh_devices_max = 2;
	other.ino = 1;
	KUNIT_EXPECT_EQ(test, parley_vhost_set_backend(toy->dev, &other), 0);
	other.ino = 2;
	KUNIT_EXPECT_EQ(test, parley_vhost_set_backend(toy->dev, &other), -ENFILE);
	KUNIT_EXPECT_EQ(test, parley_vhost_set_backend(toy->dev, &disk), 0);
	KUNIT_EXPECT_PTR_EQ(test, toy->dev->limits->backend->root, root);
	KUNIT_EXPECT_EQ(test, parley_vhost_set_backend(toy->dev, &other), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_set_backend(toy->dev, &disk), 0);
	limit_to(test, root, NONE, NONE);
}

/* ------------------------------------------------------------------- rings */

static void bare_close(void *dev)
{
	parley_vhost_close(dev);
}

/* A toy's device without a toy, with @nr rings; @nr 0: as many as there may be. */
static struct parley_vhost *bare_open(struct kunit *test, unsigned int nr)
{
	struct parley_vhost *dev = parley_vhost_open("kunit-toy");

	KUNIT_ASSERT_FALSE(test, IS_ERR(dev));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, bare_close, dev), 0);
	guard(mutex)(&dev->mutex);
	if (nr)
		KUNIT_ASSERT_EQ(test, vh_dev_want_vqs(dev, nr), 0);
	return dev;
}

static int bare_want(struct parley_vhost *dev, unsigned int nr)
{
	guard(mutex)(&dev->mutex);
	return vh_dev_want_vqs(dev, nr);
}

/* Rings are made when somebody owns the device, so many as he said, and stay. */
static void rings_are_what_was_asked_for(struct kunit *test)
{
	struct parley_vhost_vq *second;
	struct parley_vhost *dev;

	toy_open(test);
	dev = bare_open(test, 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_nr_queues(dev), TOY_QUEUES);
	KUNIT_EXPECT_NULL(test, parley_vhost_get_vq(dev, 0));
	KUNIT_EXPECT_EQ(test, bare_want(dev, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, bare_want(dev, TOY_QUEUES + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, bare_want(dev, TOY_QUEUES), 0);
	KUNIT_EXPECT_EQ(test, bare_want(dev, 2), 0);
	KUNIT_EXPECT_EQ(test, parley_vhost_nr_queues(dev), 2);
	KUNIT_EXPECT_EQ(test, dev->limits->nr_queues, 0);

	KUNIT_ASSERT_EQ(test, parley_vhost_set_owner(dev), 0);
	second = parley_vhost_get_vq(dev, 1);
	KUNIT_EXPECT_NOT_NULL(test, second);
	KUNIT_EXPECT_NULL(test, parley_vhost_get_vq(dev, 2));
	KUNIT_EXPECT_EQ(test, dev->limits->nr_queues, 2);
	KUNIT_EXPECT_EQ(test, bare_want(dev, 3), -EBUSY);
	KUNIT_EXPECT_EQ(test, bare_want(dev, 2), 0);
	scoped_guard(mutex, &dev->mutex)
		KUNIT_EXPECT_EQ(test, vh_dev_reset_owner(dev), 0);
	KUNIT_EXPECT_EQ(test, bare_want(dev, 1), -EBUSY);
	KUNIT_ASSERT_EQ(test, parley_vhost_set_owner(dev), 0);
	KUNIT_EXPECT_PTR_EQ(test, parley_vhost_get_vq(dev, 1), second);
}

static bool ring_is_limited(struct parley_vhost *dev, unsigned int index)
{
	struct parley_vhost_vq *vq = parley_vhost_get_vq(dev, index);

	return vq->limit == dev->limits->queue[index] && vh_limit_is_set(vq->limit);
}

/* What was kept for two rings does for one, and for four. */
static void limits_are_kept_for_other_rings(struct kunit *test)
{
	static const unsigned int rings[] = { 2, 1, 4, 2, TOY_QUEUES };
	struct parley_vhost *dev;
	unsigned int i, n;

	toy_open(test);
	for (i = 0; i < ARRAY_SIZE(rings); i++) {
		dev = bare_open(test, rings[i]);
		/* Who is owned first has rings when it gets what was kept. */
		if (i % 2)
			KUNIT_ASSERT_EQ(test, parley_vhost_set_owner(dev), 0);
		KUNIT_ASSERT_EQ(test, parley_vhost_set_backend(dev, &disk), 0);
		if (!(i % 2))
			KUNIT_ASSERT_EQ(test, parley_vhost_set_owner(dev), 0);
		if (!i)
			limit_to(test, dev->vqs[0]->limit, RATE(1000), NONE);
		for (n = 0; n < rings[i]; n++)
			KUNIT_EXPECT_EQ(test, ring_is_limited(dev, n), !n);
		kunit_release_action(test, bare_close, dev);
	}
	kept_forget(test, 1);
	kept_forget(test, 0);
}

static struct kunit_case limit_cases[] = {
	KUNIT_CASE(limits_are_kept),
	KUNIT_CASE(limits_are_shared),
	KUNIT_CASE(limits_are_not_shed),
	KUNIT_CASE(debts_are_not_shed),
	KUNIT_CASE(devices_are_so_many),
	KUNIT_CASE(back_ends_are_so_many),
	KUNIT_CASE(rings_are_what_was_asked_for),
	KUNIT_CASE(limits_are_kept_for_other_rings),
	{}
};

static struct kunit_suite limit_suite = {
	.name = "parley_vhost_limit",
	.test_cases = limit_cases,
};

kunit_test_suite(limit_suite);
