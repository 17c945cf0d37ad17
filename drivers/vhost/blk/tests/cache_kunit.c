// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost blk: whether writes are durable when they complete, for every case in which
 * a ring starts: one test for each row of the table in Documentation/vhost-blk.rst.
 */
#include <linux/delay.h>
#include "../../core/state.h"
#include "../../core/tests/until.h"
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

/* ------------------------------------------------- turned off under way */

static void put_write(struct vblk *v, u32 len)
{
	vblk_header(v, VIRTIO_BLK_T_OUT, 0);
	KUNIT_ASSERT_EQ(v->test, 0, vblk_put(v, VBLK_PARTS, VBLK_HDR + len, 1, v));
}

/*
 * Two writes are with the disk when the cache is turned off: one is told of before the
 * answer, so it is covered by the flush; the other later, so it has one of its own.
 */
static void what_is_in_flight_is_durable(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	struct ram *ram = v->ram;

	KUNIT_ASSERT_EQ(test, OK, vblk_write(v, VBLK_PARTS, 0, 512, 1));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&ram->flushes));
	WRITE_ONCE(ram->end, RAM_HELD);
	put_write(v, 4096);
	KUNIT_ASSERT_TRUE(test, vh_until(ram_waiting(ram) == 1));
	WRITE_ONCE(ram->end, RAM_NOW);
	KUNIT_EXPECT_EQ(test, 0, set_wce(v, 0));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&ram->flushes));
	/* Its own flush is held: the driver is not told before that has ended. */
	WRITE_ONCE(ram->end, RAM_HELD);
	ram_release(ram);
	KUNIT_EXPECT_TRUE(test, vh_until(atomic_read(&ram->flushes) == 2));
	msleep(20);
	KUNIT_EXPECT_EQ(test, 1, vh_vq_in_flight(v->vq));
	WRITE_ONCE(ram->end, RAM_NOW);
	ram_release(ram);
	KUNIT_EXPECT_PTR_EQ(test, vblk_wait(v), v);
	KUNIT_EXPECT_EQ(test, OK, vblk_in(v)[0]);
	KUNIT_EXPECT_EQ(test, 2, atomic_read(&ram->flushes));
	/* From now on they are durable by themselves. */
	KUNIT_EXPECT_TRUE(test, durable(v));
	KUNIT_EXPECT_EQ(test, 2, atomic_read(&ram->flushes));
	/* Reads have nothing to flush. */
	WRITE_ONCE(ram->end, RAM_HELD);
	KUNIT_EXPECT_EQ(test, 0, set_wce(v, 1));
	vblk_header(v, VIRTIO_BLK_T_IN, 0);
	KUNIT_ASSERT_EQ(test, 0, vblk_put(v, VBLK_PARTS, VBLK_HDR, 513, v));
	KUNIT_ASSERT_TRUE(test, vh_until(ram_waiting(ram) == 1));
	WRITE_ONCE(ram->end, RAM_NOW);
	KUNIT_EXPECT_EQ(test, 0, set_wce(v, 0));
	ram_release(ram);
	KUNIT_EXPECT_PTR_EQ(test, vblk_wait(v), v);
	KUNIT_EXPECT_EQ(test, 3, atomic_read(&ram->flushes));
}

/* A write whose flush fails was not made durable, and says so. */
static void what_cannot_be_flushed_fails(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	struct ram *ram = v->ram;

	WRITE_ONCE(ram->end, RAM_HELD);
	put_write(v, 4096);
	KUNIT_ASSERT_TRUE(test, vh_until(ram_waiting(ram) == 1));
	WRITE_ONCE(ram->end, RAM_NOW);
	KUNIT_EXPECT_EQ(test, 0, set_wce(v, 0));
	WRITE_ONCE(ram->bad_flush, true);
	ram_release(ram);
	KUNIT_EXPECT_PTR_EQ(test, vblk_wait(v), v);
	KUNIT_EXPECT_EQ(test, VIRTIO_BLK_S_IOERR, vblk_in(v)[0]);
	/* And who turns it off when nothing can be flushed is told as well. */
	KUNIT_EXPECT_EQ(test, 0, set_wce(v, 1));
	KUNIT_EXPECT_EQ(test, -EIO, set_wce(v, 0));
	KUNIT_EXPECT_EQ(test, 0, wce_of(v));
}

/* An older ring tells that there was no cache after all: what ran so far is flushed. */
static void an_older_ring_flushes_the_others(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	struct vblk *older = kunit_kzalloc(test, sizeof(*older), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, older);
	KUNIT_EXPECT_FALSE(test, durable(v));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&v->ram->flushes));
	*older = *v;
	older->map.regions = &older->region;
	older->joined = false;
	older->drv = NULL;
	older->devq = NULL;
	init_completion(&older->called);
	older->vq = parley_vhost_get_vq(v->dev, 1);
	older->vq->base_set = true;
	older->vq->base = OLDER;
	KUNIT_EXPECT_EQ(test, 0, vblk_run(older, BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&v->ram->flushes));
	KUNIT_EXPECT_TRUE(test, durable(v));
	vblk_stop(older);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(a_ring_starts, row_gen_params),
	KUNIT_CASE(the_driver_has_the_last_word),
	KUNIT_CASE(our_own_rings_are_not_older),
	KUNIT_CASE(one_older_ring_is_enough),
	KUNIT_CASE(a_resize_tells_nothing),
	KUNIT_CASE(another_back_end_is_another_guest),
	KUNIT_CASE(what_is_kept_is_said_in_time),
	KUNIT_CASE(what_is_in_flight_is_durable),
	KUNIT_CASE(what_cannot_be_flushed_fails),
	KUNIT_CASE(an_older_ring_flushes_the_others),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_vhost_blk_cache",
	.test_cases = cases,
};

kunit_test_suite(suite);
