// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost blk: whether writes are durable when they complete, for every case in which
 * a ring starts: one test for each row of the table in Documentation/vhost-blk.rst.
 */
#include "../../core/state.h"
#include "vblk.h"

#define OK	VIRTIO_BLK_S_OK
#define FLUSH	BIT_ULL(VIRTIO_BLK_F_FLUSH)
#define WCE	BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE)

#define UNKNOWN	PARLEY_BLK_CACHE_UNKNOWN
#define THROUGH	PARLEY_BLK_CACHE_THROUGH
#define BACK	PARLEY_BLK_CACHE_BACK

#define OLDER	7	/* a base that a ring has which was served before */

/**
 * struct row - a case
 * @name: of it
 * @knows: FLUSH, WCE: what the driver negotiated
 * @told: the VMM read the configuration of this device
 * @older: the ring was served before, by somebody else
 * @kept: what he left
 * @uncached: the back end has no cache
 * @durable: what is to come of it
 */
struct row {
	const char *name;
	u64 knows;
	bool told;
	bool older;
	u32 kept;
	bool uncached;
	bool durable;
};

static const struct row rows[] = {
	{ "knows neither", 0, true, false, UNKNOWN, false, true },
	{ "knows neither, older", 0, false, true, BACK, false, true },
	{ "flushes only", FLUSH, true, false, UNKNOWN, false, false },
	{ "flushes only, older", FLUSH, false, true, UNKNOWN, false, false },
	{ "cannot flush, new", WCE, true, false, UNKNOWN, false, true },
	{ "cannot flush, older", WCE, true, true, UNKNOWN, false, true },
	{ "cannot flush, kept", WCE, true, true, BACK, false, true },
	{ "new", FLUSH | WCE, true, false, UNKNOWN, false, false },
	{ "new, no cache", FLUSH | WCE, true, false, UNKNOWN, true, true },
	{ "new, not told", FLUSH | WCE, false, false, UNKNOWN, false, true },
	{ "older", FLUSH | WCE, true, true, UNKNOWN, false, true },
	{ "older, not told", FLUSH | WCE, false, true, UNKNOWN, false, true },
	{ "older, kept through", FLUSH | WCE, true, true, THROUGH, false, true },
	{ "older, kept back", FLUSH | WCE, false, true, BACK, false, false },
	{ "unused, kept through", FLUSH | WCE, true, false, THROUGH, false, true },
	{ "unused, kept back", FLUSH | WCE, false, false, BACK, false, false },
};

static void row_desc(const struct row *r, char *desc)
{
	strscpy(desc, r->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(row, rows, row_desc);

static struct vhb *vhb_of(struct vblk *v)
{
	return parley_vhost_priv(v->dev);
}

/* Is a write durable when it completes? */
static bool durable(struct vblk *v)
{
	atomic_set(&v->ram->fua, 0);
	KUNIT_EXPECT_EQ(v->test, OK, vblk_write(v, VBLK_PARTS, 0, 512, 1));
	/* The block layer leaves FUA out where there is no cache. */
	if (vhb_of(v)->be->limits.write_cache)
		KUNIT_EXPECT_EQ(v->test, vhb_of(v)->stable,
				atomic_read(&v->ram->fua) == 1);
	return vhb_of(v)->stable;
}

static u8 wce_of(struct vblk *v)
{
	struct virtio_blk_config cfg;

	KUNIT_EXPECT_EQ(v->test, 0, parley_vhost_config(v->dev, &cfg));
	return cfg.wce;
}

static int set_wce(struct vblk *v, u8 wce)
{
	return parley_vhost_config_set(v->dev, offsetof(struct virtio_blk_config, wce),
				       &wce, 1);
}

/* Another process: the same disk on a device of which nothing is known. */
static void anew(struct vblk *v)
{
	vblk_stop(v);
	KUNIT_ASSERT_EQ(v->test, 0, parley_vhost_blk_attach(v->dev, v->file, 0,
							    VBLK_SERIAL));
}

/* The ring begins there; a driver with these features. */
static void run(struct vblk *v, u64 knows, bool older)
{
	v->vq->base_set = older;
	v->vq->base = OLDER;
	KUNIT_ASSERT_EQ(v->test, 0, vblk_run(v, (FLUSH | WCE) & ~knows));
}

static void a_ring_starts(struct kunit *test)
{
	const struct row *row = test->param_value;
	struct ram *ram = ram_create(SECTOR_SIZE, BLK_OPEN_READ | BLK_OPEN_WRITE);
	struct vblk *v;

	KUNIT_ASSERT_NOT_NULL(test, ram);
	v = vblk_open(test, 0, ram, NULL, 0);
	anew(v);
	if (row->uncached)
		vhb_of(v)->be->limits.write_cache = false;
	if (row->told)
		KUNIT_EXPECT_EQ(test, !row->uncached, wce_of(v));
	KUNIT_EXPECT_EQ(test, 0, parley_vhost_blk_set_cache(v->dev, row->kept));
	run(v, row->knows, row->older);
	KUNIT_EXPECT_EQ(test, row->durable, durable(v));
	if (!(row->knows & WCE))
		return;
	/* What the driver reads, and what a successor is told, is what we do. */
	KUNIT_EXPECT_EQ(test, !row->durable, wce_of(v));
	KUNIT_EXPECT_EQ(test, row->durable ? THROUGH : BACK,
			parley_vhost_blk_get_cache(v->dev));
}

static void the_driver_has_the_last_word(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);

	KUNIT_EXPECT_FALSE(test, durable(v));
	KUNIT_EXPECT_EQ(test, 0, set_wce(v, 0));
	KUNIT_EXPECT_TRUE(test, durable(v));
	KUNIT_EXPECT_EQ(test, THROUGH, parley_vhost_blk_get_cache(v->dev));
	/* A pause, and a new driver, which sees what the one before set. */
	vblk_stop(v);
	run(v, FLUSH | WCE, true);
	KUNIT_EXPECT_TRUE(test, durable(v));
	vblk_stop(v);
	run(v, FLUSH | WCE, false);
	KUNIT_EXPECT_TRUE(test, durable(v));
	KUNIT_EXPECT_EQ(test, 0, wce_of(v));
	KUNIT_EXPECT_EQ(test, 0, set_wce(v, 1));
	KUNIT_EXPECT_FALSE(test, durable(v));
	KUNIT_EXPECT_EQ(test, BACK, parley_vhost_blk_get_cache(v->dev));
	/* One who cannot flush begins without a cache, whoever was before. */
	vblk_stop(v);
	run(v, WCE, false);
	KUNIT_EXPECT_TRUE(test, durable(v));
	/* But may want it. */
	KUNIT_EXPECT_EQ(test, 0, set_wce(v, 1));
	KUNIT_EXPECT_FALSE(test, durable(v));
	vblk_stop(v);
	run(v, WCE, true);
	KUNIT_EXPECT_FALSE(test, durable(v));
	/* Without the feature there is nothing to say. */
	vblk_stop(v);
	run(v, FLUSH, false);
	KUNIT_EXPECT_EQ(test, -EINVAL, set_wce(v, 0));
}

/* Stopped and started again here: as it was. */
static void our_own_rings_are_not_older(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);

	KUNIT_EXPECT_FALSE(test, durable(v));
	vblk_stop(v);
	run(v, FLUSH | WCE, true);
	KUNIT_EXPECT_FALSE(test, durable(v));
}

/* A ring that was never used says little: a second one tells the truth. */
static void one_older_ring_is_enough(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);

	KUNIT_EXPECT_FALSE(test, durable(v));
	vblk_stop(v);
	v->vq = parley_vhost_get_vq(v->dev, 1);
	run(v, FLUSH | WCE, true);
	KUNIT_EXPECT_TRUE(test, durable(v));
	KUNIT_EXPECT_EQ(test, THROUGH, parley_vhost_blk_get_cache(v->dev));
	/* Unless it is known. */
	anew(v);
	KUNIT_EXPECT_EQ(test, 0, parley_vhost_blk_set_cache(v->dev, BACK));
	run(v, FLUSH | WCE, true);
	KUNIT_EXPECT_FALSE(test, durable(v));
}

/* Told of a new size, a VMM reads the space, and takes the size. */
static void a_resize_tells_nothing(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);

	anew(v);
	set_capacity(v->ram->disk, RAM_SECTORS / 2);
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_blk_update_size(v->dev));
	wce_of(v);
	run(v, FLUSH | WCE, false);
	KUNIT_EXPECT_TRUE(test, durable(v));
}

static void another_back_end_is_another_guest(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);

	KUNIT_EXPECT_FALSE(test, durable(v));
	anew(v);
	KUNIT_EXPECT_EQ(test, UNKNOWN, parley_vhost_blk_get_cache(v->dev));
	run(v, FLUSH | WCE, true);
	KUNIT_EXPECT_TRUE(test, durable(v));
}

static void what_is_kept_is_said_in_time(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);

	KUNIT_EXPECT_EQ(test, -EBUSY, parley_vhost_blk_set_cache(v->dev, THROUGH));
	vblk_stop(v);
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_vhost_blk_set_cache(v->dev, BACK + 1));
	KUNIT_EXPECT_EQ(test, BACK, parley_vhost_blk_get_cache(v->dev));
	KUNIT_EXPECT_EQ(test, 0, parley_vhost_blk_set_cache(v->dev, THROUGH));
	run(v, FLUSH | WCE, false);
	KUNIT_EXPECT_TRUE(test, durable(v));
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(a_ring_starts, row_gen_params),
	KUNIT_CASE(the_driver_has_the_last_word),
	KUNIT_CASE(our_own_rings_are_not_older),
	KUNIT_CASE(one_older_ring_is_enough),
	KUNIT_CASE(a_resize_tells_nothing),
	KUNIT_CASE(another_back_end_is_another_guest),
	KUNIT_CASE(what_is_kept_is_said_in_time),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_vhost_blk_cache",
	.test_cases = cases,
};

kunit_test_suite(suite);
