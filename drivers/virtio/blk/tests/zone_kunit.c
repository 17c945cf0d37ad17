// SPDX-License-Identifier: GPL-2.0-only
/*
 * A host-managed disk: the driver, the block layer's handling of zones above
 * it, and a model of the zones below it, which may lie.
 */
#include <kunit/test.h>
#include <linux/bio.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <parley/transport.h>
#include "../../transport/tests/mock.h"
#include "../../transport/tests/mock_zone.h"
#include "../blk.h"

#ifdef CONFIG_BLK_DEV_ZONED

/* So many zones that a report of all of them takes several requests. */
#define ZONE		64
#define CAP		48
#define CONVENTIONAL	3
#define SECTORS		(64 * ZONE + 24)
#define ZONES		65
#define PAGE_SECTORS_4K	(SZ_4K >> SECTOR_SHIFT)
#define PATIENCE	(20 * HZ)

static const struct parley_mock_zone_config zones_sane = {
	.size = ZONE,
	.capacity = CAP,
	.conventional = CONVENTIONAL,
	.max_open = 2,
	.max_active = 3,
	.max_append = 16,
};

/* One test at a time runs, so its disk may be global. */
static struct {
	struct parley_mock_blk *disk;
	struct parley_mock *mock;
	struct parley_device *pd;
	struct parley_blk *blk;
	struct block_device *bdev;
	struct parley_mock_zones *zones;
	u8 *buf;
} t;

static const u64 formats[] = {
	BIT_ULL(VIRTIO_RING_F_EVENT_IDX) | BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC),
	BIT_ULL(VIRTIO_F_RING_PACKED),
};

static void format_name(const u64 *f, char *name)
{
	strscpy(name, *f & BIT_ULL(VIRTIO_F_RING_PACKED) ? "packed" : "split",
		KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(format, formats, format_name);

static void disk_end(void *unused)
{
	parley_mock_blk_destroy(t.disk);
}

/* Room for 63 zones in a report. */
static void small_segments(struct virtio_blk_config *c)
{
	c->size_max = __cpu_to_virtio32(true, SZ_4K);
	c->seg_max = __cpu_to_virtio32(true, 1);
}

static bool disk_make(struct kunit *test, u64 ring,
		      const struct parley_mock_zone_config *zoned)
{
	struct parley_mock_blk_config cfg = {
		.sectors = SECTORS,
		.queues = 2,
		.queue_size = 16,
		.features = PARLEY_MOCK_ZONED_FEATURES | ring,
		.zoned = zoned,
		.tweak = small_segments,
	};

	memset(&t, 0, sizeof(t));
	t.buf = kunit_kzalloc(test, SZ_64K, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t.buf);
	t.disk = parley_mock_blk_create(&cfg);
	KUNIT_ASSERT_FALSE(test, IS_ERR(t.disk));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, disk_end, NULL));
	t.mock = parley_mock_blk_mock(t.disk);
	t.zones = parley_mock_blk_zones(t.disk);
	t.pd = parley_loopback_device(t.mock->lb);
	if (!t.pd->dev.driver)
		return false;
	t.blk = t.pd->priv;
	t.bdev = t.blk->disk->part0;
	return true;
}

static void disk_of(struct kunit *test)
{
	const u64 *ring = test->param_value;

	KUNIT_ASSERT_TRUE(test, disk_make(test, ring ? *ring : formats[0],
					  &zones_sane));
}

static sector_t start_of(unsigned int zone)
{
	return (sector_t)zone * ZONE;
}

/* 4 KiB at a sector; of an append, @sector becomes where it went. */
static int io(enum req_op op, sector_t *sector, u8 byte)
{
	struct bio_vec bv;
	struct bio bio;
	int err;

	if (op != REQ_OP_READ)
		memset(t.buf, byte, SZ_4K);
	bio_init(&bio, t.bdev, &bv, 1, op | REQ_SYNC);
	bio.bi_iter.bi_sector = *sector;
	__bio_add_page(&bio, virt_to_page(t.buf), SZ_4K, offset_in_page(t.buf));
	err = submit_bio_wait(&bio);
	*sector = bio.bi_iter.bi_sector;
	bio_uninit(&bio);
	return err;
}

static int write_at(sector_t sector, u8 byte)
{
	return io(REQ_OP_WRITE, &sector, byte);
}

static bool stored(sector_t sector, u8 byte)
{
	return !memchr_inv(parley_mock_blk_data(t.disk) +
			   (sector << SECTOR_SHIFT), byte, SZ_4K);
}

static int manage(enum req_op op, unsigned int zone)
{
	return blkdev_zone_mgmt(t.bdev, op, start_of(zone), ZONE);
}

static u8 state_of(unsigned int zone)
{
	guard(mutex)(&t.zones->lock);
	return t.zones->zone[zone].state;
}

static u64 wp_of(unsigned int zone)
{
	guard(mutex)(&t.zones->lock);
	return t.zones->zone[zone].wp;
}

static void lie(enum parley_mock_zone_lie lie)
{
	guard(mutex)(&t.zones->lock);
	t.zones->cfg.lie = lie;
}

static int keep_zone(struct blk_zone *zone, unsigned int idx, void *data)
{
	struct blk_zone *all = data;

	all[idx] = *zone;
	return 0;
}

static int report(struct kunit *test, unsigned int from, unsigned int nr,
		  struct blk_zone **all)
{
	*all = kunit_kcalloc(test, ZONES, sizeof(**all), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, *all);
	return blkdev_report_zones(t.bdev, start_of(from), nr, keep_zone, *all);
}

/* ----------------------------------------------------------- honest disks */

static void the_block_layer_knows_the_limits(struct kunit *test)
{
	disk_of(test);
	KUNIT_EXPECT_TRUE(test, bdev_is_zoned(t.bdev));
	KUNIT_EXPECT_EQ(test, ZONE, bdev_zone_sectors(t.bdev));
	KUNIT_EXPECT_EQ(test, ZONES, bdev_nr_zones(t.bdev));
	KUNIT_EXPECT_EQ(test, 2, bdev_max_open_zones(t.bdev));
	KUNIT_EXPECT_EQ(test, 3, bdev_max_active_zones(t.bdev));
	/* Of the device's 16 sectors a request has room for 8. */
	KUNIT_EXPECT_LE(test, bdev_max_zone_append_sectors(t.bdev), 16);
	KUNIT_EXPECT_GE(test, bdev_max_zone_append_sectors(t.bdev),
			PAGE_SECTORS_4K);
	KUNIT_EXPECT_EQ(test, MOCK_ZONE_GRAIN,
			bdev_zone_write_granularity(t.bdev));
	KUNIT_EXPECT_EQ(test, 0, bdev_max_discard_sectors(t.bdev));
}

static void zones_are_reported_as_they_are(struct kunit *test)
{
	unsigned int before, i;
	struct blk_zone *all;

	disk_of(test);
	KUNIT_ASSERT_EQ(test, 0, write_at(start_of(5), 1));
	KUNIT_ASSERT_EQ(test, 0, manage(REQ_OP_ZONE_OPEN, 7));
	KUNIT_ASSERT_EQ(test, 0, manage(REQ_OP_ZONE_FINISH, 9));
	scoped_guard(mutex, &t.zones->lock) {
		t.zones->zone[11].state = VIRTIO_BLK_ZS_OFFLINE;
		t.zones->zone[12].state = VIRTIO_BLK_ZS_RDONLY;
	}
	before = parley_mock_blk_count(t.disk, VIRTIO_BLK_T_ZONE_REPORT);
	KUNIT_ASSERT_EQ(test, ZONES, report(test, 0, ZONES, &all));
	KUNIT_EXPECT_EQ(test, before + 2,
			parley_mock_blk_count(t.disk, VIRTIO_BLK_T_ZONE_REPORT));
	for (i = 0; i < ZONES; i++) {
		bool conv = i < CONVENTIONAL;

		KUNIT_EXPECT_EQ(test, start_of(i), all[i].start);
		KUNIT_EXPECT_EQ(test, i < ZONES - 1 ? ZONE : 24, all[i].len);
		KUNIT_EXPECT_EQ(test, i == ZONES - 1 ? 24 : conv ? ZONE : CAP,
				all[i].capacity);
		KUNIT_EXPECT_EQ(test, conv ? BLK_ZONE_TYPE_CONVENTIONAL :
				BLK_ZONE_TYPE_SEQWRITE_REQ, all[i].type);
		KUNIT_EXPECT_EQ(test, state_of(i), all[i].cond);
		if (i == 5 || i == 7)
			KUNIT_EXPECT_EQ(test, wp_of(i), all[i].wp);
	}
	KUNIT_EXPECT_EQ(test, BLK_ZONE_COND_IMP_OPEN, all[5].cond);
	KUNIT_EXPECT_EQ(test, BLK_ZONE_COND_EXP_OPEN, all[7].cond);
	KUNIT_EXPECT_EQ(test, BLK_ZONE_COND_FULL, all[9].cond);
	/* A part, from the middle of a zone on. */
	KUNIT_ASSERT_EQ(test, 2, report(test, 63, 10, &all));
	KUNIT_EXPECT_EQ(test, start_of(63), all[0].start);
	KUNIT_EXPECT_EQ(test, start_of(64), all[1].start);
	KUNIT_EXPECT_EQ(test, 1, report(test, 4, 1, &all));
}

static void sequential_writes_fill_a_zone(struct kunit *test)
{
	sector_t at = start_of(4);
	unsigned int i;

	disk_of(test);
	for (i = 0; i < CAP / PAGE_SECTORS_4K; i++, at += PAGE_SECTORS_4K) {
		KUNIT_EXPECT_EQ(test, at, wp_of(4));
		KUNIT_EXPECT_EQ(test, 0, write_at(at, 0x10 + i));
		KUNIT_EXPECT_TRUE(test, stored(at, 0x10 + i));
		KUNIT_ASSERT_EQ(test, 0, io(REQ_OP_READ, &(sector_t){ at }, 0));
		KUNIT_EXPECT_EQ(test, 0x10 + i, t.buf[SZ_4K - 1]);
	}
	KUNIT_EXPECT_EQ(test, VIRTIO_BLK_ZS_FULL, state_of(4));
	/* Beyond the capacity there is nothing to write to. */
	KUNIT_EXPECT_EQ(test, -EIO, write_at(at, 1));
	/* Conventional zones take writes anywhere. */
	KUNIT_EXPECT_EQ(test, 0, write_at(start_of(1) + 16, 7));
	KUNIT_EXPECT_EQ(test, 0, write_at(start_of(1), 8));
	KUNIT_EXPECT_TRUE(test, stored(start_of(1) + 16, 7));
}

static void appends_say_where_they_went(struct kunit *test, u32 type)
{
	sector_t at;
	unsigned int i;

	for (i = 0; i < CAP / PAGE_SECTORS_4K; i++) {
		at = start_of(6);
		KUNIT_ASSERT_EQ(test, 0, io(REQ_OP_ZONE_APPEND, &at, 0x20 + i));
		KUNIT_EXPECT_EQ(test, start_of(6) + i * PAGE_SECTORS_4K, at);
		KUNIT_EXPECT_TRUE(test, stored(at, 0x20 + i));
	}
	KUNIT_EXPECT_EQ(test, CAP / PAGE_SECTORS_4K,
			parley_mock_blk_count(t.disk, type));
	at = start_of(6);
	KUNIT_EXPECT_EQ(test, -EIO, io(REQ_OP_ZONE_APPEND, &at, 1));
}

static void an_append_returns_its_sector(struct kunit *test)
{
	disk_of(test);
	appends_say_where_they_went(test, VIRTIO_BLK_T_ZONE_APPEND);
}

static void without_appends_they_become_writes(struct kunit *test)
{
	struct parley_mock_zone_config cfg = zones_sane;

	cfg.max_append = 0;
	KUNIT_ASSERT_TRUE(test, disk_make(test, formats[0], &cfg));
	appends_say_where_they_went(test, VIRTIO_BLK_T_OUT);
}

static void an_unaligned_write_is_an_error(struct kunit *test)
{
	unsigned int before;
	struct blk_zone *all;

	disk_of(test);
	KUNIT_ASSERT_EQ(test, 0, write_at(start_of(4), 1));
	/* Behind the back of the block layer, which would stop it. */
	scoped_guard(mutex, &t.zones->lock)
		t.zones->zone[4].wp += PAGE_SECTORS_4K;
	before = parley_mock_blk_count(t.disk, VIRTIO_BLK_T_OUT);
	KUNIT_EXPECT_EQ(test, -EIO, write_at(start_of(4) + PAGE_SECTORS_4K, 2));
	KUNIT_EXPECT_EQ(test, before + 1,
			parley_mock_blk_count(t.disk, VIRTIO_BLK_T_OUT));
	KUNIT_EXPECT_TRUE(test, stored(start_of(4) + PAGE_SECTORS_4K, 0));
	/* A report says where it stands; then all is well. */
	KUNIT_ASSERT_EQ(test, ZONES, report(test, 0, ZONES, &all));
	KUNIT_EXPECT_EQ(test, start_of(4) + 2 * PAGE_SECTORS_4K, all[4].wp);
	KUNIT_EXPECT_EQ(test, 0, write_at(start_of(4) + 2 * PAGE_SECTORS_4K, 3));
}

static void each_status_has_its_errno(struct kunit *test)
{
	static const struct {
		u8 status;
		int err;
	} of[] = {
		{ VIRTIO_BLK_S_ZONE_INVALID_CMD, -EIO },
		{ VIRTIO_BLK_S_ZONE_UNALIGNED_WP, -EIO },
		{ VIRTIO_BLK_S_ZONE_OPEN_RESOURCE, -ETOOMANYREFS },
		{ VIRTIO_BLK_S_ZONE_ACTIVE_RESOURCE, -EOVERFLOW },
	};
	unsigned int i;

	disk_of(test);
	for (i = 0; i < ARRAY_SIZE(of); i++) {
		parley_mock_blk_fail(t.disk, 0, ZONE, of[i].status);
		KUNIT_EXPECT_EQ(test, of[i].err, write_at(0, 1));
	}
	parley_mock_blk_fail(t.disk, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, 0, write_at(0, 1));
}

static void commands_change_the_state(struct kunit *test)
{
	disk_of(test);
	KUNIT_EXPECT_EQ(test, 0, manage(REQ_OP_ZONE_OPEN, 5));
	KUNIT_EXPECT_EQ(test, VIRTIO_BLK_ZS_EOPEN, state_of(5));
	KUNIT_EXPECT_EQ(test, 0, write_at(start_of(5), 1));
	KUNIT_EXPECT_EQ(test, 0, manage(REQ_OP_ZONE_CLOSE, 5));
	KUNIT_EXPECT_EQ(test, VIRTIO_BLK_ZS_CLOSED, state_of(5));
	KUNIT_EXPECT_EQ(test, 0, manage(REQ_OP_ZONE_FINISH, 5));
	KUNIT_EXPECT_EQ(test, VIRTIO_BLK_ZS_FULL, state_of(5));
	KUNIT_EXPECT_EQ(test, -EIO, write_at(start_of(5) + PAGE_SECTORS_4K, 1));
	KUNIT_EXPECT_EQ(test, 0, manage(REQ_OP_ZONE_RESET, 5));
	KUNIT_EXPECT_EQ(test, VIRTIO_BLK_ZS_EMPTY, state_of(5));
	KUNIT_EXPECT_EQ(test, start_of(5), wp_of(5));
	KUNIT_EXPECT_TRUE(test, stored(start_of(5), 0));
	KUNIT_EXPECT_EQ(test, 0, write_at(start_of(5), 2));
	KUNIT_EXPECT_EQ(test, 0, manage(REQ_OP_ZONE_FINISH, 8));

	/* All of them at once is one command. */
	KUNIT_EXPECT_EQ(test, 0, blkdev_zone_mgmt(t.bdev, REQ_OP_ZONE_RESET, 0,
						  SECTORS));
	KUNIT_EXPECT_EQ(test, 1,
			parley_mock_blk_count(t.disk,
					      VIRTIO_BLK_T_ZONE_RESET_ALL));
	KUNIT_EXPECT_EQ(test, VIRTIO_BLK_ZS_EMPTY, state_of(5));
	KUNIT_EXPECT_EQ(test, VIRTIO_BLK_ZS_EMPTY, state_of(8));
	KUNIT_EXPECT_EQ(test, 0, write_at(start_of(8), 3));
}

static void resources_run_out(struct kunit *test)
{
	disk_of(test);
	KUNIT_EXPECT_EQ(test, 0, manage(REQ_OP_ZONE_OPEN, 5));
	KUNIT_EXPECT_EQ(test, 0, manage(REQ_OP_ZONE_OPEN, 6));
	KUNIT_EXPECT_EQ(test, -ETOOMANYREFS, manage(REQ_OP_ZONE_OPEN, 7));
	KUNIT_EXPECT_EQ(test, -ETOOMANYREFS, write_at(start_of(7), 1));
	KUNIT_EXPECT_EQ(test, 0, write_at(start_of(5), 1));
	KUNIT_EXPECT_EQ(test, 0, manage(REQ_OP_ZONE_CLOSE, 5));
	KUNIT_EXPECT_EQ(test, 0, manage(REQ_OP_ZONE_OPEN, 7));
	/* Two are open, one is closed: all three active ones. */
	KUNIT_EXPECT_EQ(test, -EOVERFLOW, manage(REQ_OP_ZONE_OPEN, 8));
	KUNIT_EXPECT_EQ(test, 0, manage(REQ_OP_ZONE_FINISH, 5));
	KUNIT_EXPECT_EQ(test, -ETOOMANYREFS, manage(REQ_OP_ZONE_OPEN, 8));
}

/* ---------------------------------------------------------------- suspend */

static void flying_end(struct bio *bio)
{
	complete(bio->bi_private);
}

/* A write that the device keeps while the machine goes to sleep. */
static void suspend_with_a_write(struct kunit *test, int want)
{
	struct completion done;
	struct blk_zone *all;
	struct bio_vec bv;
	struct bio bio;

	init_completion(&done);
	memset(t.buf, 9, SZ_4K);
	bio_init(&bio, t.bdev, &bv, 1, REQ_OP_WRITE | REQ_SYNC);
	bio.bi_iter.bi_sector = start_of(4);
	bio.bi_end_io = flying_end;
	bio.bi_private = &done;
	__bio_add_page(&bio, virt_to_page(t.buf), SZ_4K, offset_in_page(t.buf));
	submit_bio(&bio);
	KUNIT_EXPECT_EQ(test, 0, parley_device_freeze(to_parley_vdev(t.pd),
						      PARLEY_HOLD_SLEEP));
	WRITE_ONCE(t.mock->hold, false);
	WRITE_ONCE(t.mock->delay_us, 0);
	KUNIT_EXPECT_EQ(test, 0, parley_device_restore(to_parley_vdev(t.pd),
						       PARLEY_HOLD_SLEEP));
	KUNIT_ASSERT_NE(test, 0, wait_for_completion_timeout(&done, PATIENCE));
	KUNIT_EXPECT_EQ(test, want, blk_status_to_errno(bio.bi_status));
	bio_uninit(&bio);
	KUNIT_EXPECT_EQ(test, want ? start_of(4) : start_of(4) + PAGE_SECTORS_4K,
			wp_of(4));
	/* Either way the zone goes on where it stands. */
	KUNIT_ASSERT_EQ(test, ZONES, report(test, 0, ZONES, &all));
	KUNIT_EXPECT_EQ(test, 0, write_at(wp_of(4), 2));
}

static void a_suspend_waits_for_writes(struct kunit *test)
{
	disk_of(test);
	WRITE_ONCE(t.mock->delay_us, 100 * USEC_PER_MSEC);
	suspend_with_a_write(test, 0);
}

static void but_not_forever(struct kunit *test)
{
	disk_of(test);
	WRITE_ONCE(t.mock->hold, true);
	suspend_with_a_write(test, -EIO);
}

/* The configuration changes, and the device keeps the report that is asked for. */
static void change_and_hold_report(struct kunit *test)
{
	unsigned long end = jiffies + PATIENCE;

	disk_of(test);
	WRITE_ONCE(t.mock->hold, true);
	parley_loopback_config_changed(t.mock->lb);
	while (!atomic_read(&t.mock->held) && time_before(jiffies, end))
		fsleep(1000);
	KUNIT_ASSERT_EQ(test, 1, atomic_read(&t.mock->held));
}

static unsigned int reports(void)
{
	return parley_mock_blk_count(t.disk, VIRTIO_BLK_T_ZONE_REPORT);
}

/* All of it is asked for again, and answered: two reports for each look. */
static void report_is_repeated(struct kunit *test, unsigned int before)
{
	unsigned long end = jiffies + PATIENCE;
	struct blk_zone *all;

	while (reports() < before + 2 && time_before(jiffies, end))
		fsleep(1000);
	KUNIT_EXPECT_GE(test, reports(), before + 2);
	KUNIT_EXPECT_EQ(test, ZONES, report(test, 0, ZONES, &all));
	KUNIT_EXPECT_EQ(test, 0, write_at(start_of(4), 1));
}

static void a_suspend_interrupts_a_report(struct kunit *test)
{
	unsigned int before;

	change_and_hold_report(test);
	before = reports();
	KUNIT_ASSERT_EQ(test, 0, parley_device_freeze(to_parley_vdev(t.pd),
						      PARLEY_HOLD_SLEEP));
	WRITE_ONCE(t.mock->hold, false);
	KUNIT_EXPECT_EQ(test, before, reports());
	KUNIT_ASSERT_EQ(test, 0, parley_device_restore(to_parley_vdev(t.pd),
						       PARLEY_HOLD_SLEEP));
	report_is_repeated(test, before);
}

/* Whoever looks after the change waits; somebody else has to hear the wish. */
static void so_does_a_wish_for_a_reset(struct kunit *test)
{
	unsigned int before;
	int resets;

	change_and_hold_report(test);
	before = reports();
	resets = atomic_read(&t.mock->resets);
	parley_loopback_needs_reset(t.mock->lb);
	WRITE_ONCE(t.mock->hold, false);
	/* Before the report has taken too long, which would be looked into. */
	report_is_repeated(test, before);
	KUNIT_EXPECT_GT(test, atomic_read(&t.mock->resets), resets);
}

static void a_removal_ends_a_report(struct kunit *test)
{
	change_and_hold_report(test);
	parley_loopback_vanish(t.mock->lb);
	kunit_release_action(test, disk_end, NULL);

	/* In its sleep nobody else would answer it. */
	change_and_hold_report(test);
	KUNIT_ASSERT_EQ(test, 0, parley_device_freeze(to_parley_vdev(t.pd),
						      PARLEY_HOLD_SLEEP));
	kunit_release_action(test, disk_end, NULL);
}

/* ---------------------------------------------------------- hostile disks */

struct lie {
	const char *name;
	enum parley_mock_zone_lie lie;
	int err;	/* of a report; the number of zones if none */
};

static const struct lie lies[] = {
	/* The surplus is not looked at, so this one is harmless. */
	{ "more zones than asked for", MOCK_ZONE_COUNT, ZONES },
	{ "no zone", MOCK_ZONE_NONE, 0 },
	{ "unknown type", MOCK_ZONE_TYPE, -EIO },
	{ "unknown state", MOCK_ZONE_STATE, -EIO },
	{ "sequential without a pointer", MOCK_ZONE_MIXED, -EIO },
	{ "pointer in another zone", MOCK_ZONE_WP, -EIO },
	{ "capacity beyond the length", MOCK_ZONE_CAP, -EIO },
	{ "start where none is", MOCK_ZONE_START, -EIO },
	{ "a gap", MOCK_ZONE_GAP, -EIO },
	{ "the first zones again and again", MOCK_ZONE_AGAIN, -EIO },
};

static void lie_name(const struct lie *l, char *name)
{
	strscpy(name, l->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(lie, lies, lie_name);

static void bad_37_reports_are_not_believed(struct kunit *test)
{
	struct parley_mock_zone_config cfg = zones_sane;
	const struct lie *l = test->param_value;
	struct blk_zone *all;

	KUNIT_ASSERT_TRUE(test, disk_make(test, formats[0], &zones_sane));
	lie(l->lie);
	KUNIT_EXPECT_EQ(test, l->err, report(test, 0, ZONES, &all));
	lie(MOCK_ZONE_HONEST);
	KUNIT_EXPECT_EQ(test, ZONES, report(test, 0, ZONES, &all));
	KUNIT_EXPECT_EQ(test, 0, write_at(start_of(4), 1));
	kunit_release_action(test, disk_end, NULL);

	/* From the beginning: there is no disk, or one with zones that are. */
	cfg.lie = l->lie;
	KUNIT_EXPECT_EQ(test, l->err == ZONES,
			disk_make(test, formats[0], &cfg));
	if (l->err == ZONES)
		KUNIT_EXPECT_EQ(test, ZONES, bdev_nr_zones(t.bdev));
}

static void bad_44_append_beyond_its_zone(struct kunit *test)
{
	sector_t at = start_of(5);

	disk_of(test);
	lie(MOCK_ZONE_APPEND);
	KUNIT_EXPECT_EQ(test, -EIO, io(REQ_OP_ZONE_APPEND, &at, 1));
	lie(MOCK_ZONE_HONEST);
	at = start_of(5);
	KUNIT_EXPECT_EQ(test, 0, io(REQ_OP_ZONE_APPEND, &at, 2));
	/* The device did write the first one. */
	KUNIT_EXPECT_EQ(test, start_of(5) + PAGE_SECTORS_4K, at);
}

static struct kunit_case zone_cases[] = {
	KUNIT_CASE(the_block_layer_knows_the_limits),
	KUNIT_CASE_PARAM(zones_are_reported_as_they_are, format_gen_params),
	KUNIT_CASE_PARAM(sequential_writes_fill_a_zone, format_gen_params),
	KUNIT_CASE_PARAM(an_append_returns_its_sector, format_gen_params),
	KUNIT_CASE(without_appends_they_become_writes),
	KUNIT_CASE(an_unaligned_write_is_an_error),
	KUNIT_CASE(each_status_has_its_errno),
	KUNIT_CASE_PARAM(commands_change_the_state, format_gen_params),
	KUNIT_CASE(resources_run_out),
	KUNIT_CASE(a_suspend_waits_for_writes),
	KUNIT_CASE_SLOW(but_not_forever),
	KUNIT_CASE_SLOW(a_suspend_interrupts_a_report),
	KUNIT_CASE(so_does_a_wish_for_a_reset),
	KUNIT_CASE_SLOW(a_removal_ends_a_report),
	KUNIT_CASE_PARAM(bad_37_reports_are_not_believed, lie_gen_params),
	KUNIT_CASE(bad_44_append_beyond_its_zone),
	{}
};

static struct kunit_suite zone_suite = {
	.name = "parley_zones",
	.test_cases = zone_cases,
};

kunit_test_suite(zone_suite);

#endif /* CONFIG_BLK_DEV_ZONED */
