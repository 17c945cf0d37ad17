// SPDX-License-Identifier: GPL-2.0-only
/* vhost blk and its limits: what requests cost, and what is shared and kept. */
#include <linux/delay.h>
#include <linux/slab.h>
#include <parley/export.h>
#include "../../core/limit.h"
#include "../../core/state.h"
#include "vblk.h"

#define OK	VIRTIO_BLK_S_OK
#define RATE	((u64)SZ_512K)
#define SLACK	(1500 * NSEC_PER_MSEC)	/* of a machine that is busy */
#define SMALL	4096u	/* a burst */

static void bytes_to(struct kunit *test, struct parley_limit *l, u64 rate, u64 burst)
{
	struct parley_limits cfg = { .bytes = { rate, burst } };

	KUNIT_ASSERT_EQ(test, parley_limit_set(l, &cfg, ktime_get_ns()), 0);
}

/* How long a request that costs no bytes waits for those before it. */
static u64 waits(struct kunit *test, struct vblk *v)
{
	u64 start = ktime_get_ns();

	KUNIT_EXPECT_EQ(test, OK, vblk_simple(v, VIRTIO_BLK_T_FLUSH));
	return ktime_get_ns() - start;
}

/* Ranges of 16 bytes cost what they name, not what they are. */
static void clearing_costs_what_it_clears(struct kunit *test)
{
	static const struct {
		u32 type;
		u32 flags;
		u32 part;
	} ways[] = {
		{ VIRTIO_BLK_T_WRITE_ZEROES, 0, 1 },
		{ VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP, 1 },
		{ VIRTIO_BLK_T_SECURE_ERASE, 0, 1 },
		{ VIRTIO_BLK_T_DISCARD, 0, VHB_DISCARD_WEIGHT },
	};
	const u32 bytes = SZ_1M;
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	unsigned int i;
	u64 took, due;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		bytes_to(test, v->vq->limit, 0, 0);
		bytes_to(test, v->vq->limit, RATE, SMALL);
		KUNIT_ASSERT_EQ(test, OK, vblk_clear(v, ways[i].type, 0,
						     bytes >> SECTOR_SHIFT, ways[i].flags));
		took = waits(test, v);
		due = div_u64((u64)(bytes / ways[i].part) * NSEC_PER_SEC, RATE);
		KUNIT_EXPECT_LE_MSG(test, took, due + SLACK, "way %u", i);
		/* The burst, and what came while the request was under way. */
		if (ways[i].part == 1)
			KUNIT_EXPECT_GE_MSG(test, took, due / 2, "way %u", i);
	}
	/* A request that is refused clears nothing, and owes nothing. */
	KUNIT_EXPECT_NE(test, OK, vblk_clear(v, VIRTIO_BLK_T_WRITE_ZEROES, RAM_SECTORS,
					 8 * bytes >> SECTOR_SHIFT, 0));
	KUNIT_EXPECT_LE(test, waits(test, v), SLACK);
}

/* Data costs itself, to the byte; header and status cost nothing. */
static void data_costs_itself(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);

	bytes_to(test, v->vq->limit, 1, 3 * 4096);
	KUNIT_EXPECT_EQ(test, OK, vblk_write(v, VBLK_BYTES, 0, 4096, 1));
	KUNIT_EXPECT_EQ(test, OK, vblk_read(v, VBLK_PARTS, 0, 8192));
	KUNIT_EXPECT_EQ(test, OK, vblk_simple(v, VIRTIO_BLK_T_FLUSH));
	KUNIT_EXPECT_FALSE(test, parley_limit_waiting(v->vq->limit));
	vblk_header(v, VIRTIO_BLK_T_IN, 0);
	KUNIT_ASSERT_EQ(test, 0, vblk_put(v, VBLK_PARTS, VBLK_HDR, 513, v));
	msleep(100);
	KUNIT_EXPECT_EQ(test, vh_vq_in_flight(v->vq), 0);
	KUNIT_EXPECT_TRUE(test, parley_limit_waiting(v->vq->limit));
	bytes_to(test, v->vq->limit, 0, 0);
	KUNIT_EXPECT_PTR_EQ(test, vblk_wait(v), v);
}

/* The disk is known by its number, and the device by its serial. */
static void the_back_end_is_told(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	struct vh_backend *b;

	guard(mutex)(&vh_limit_lock);
	b = v->dev->limits->backend;
	KUNIT_ASSERT_NOT_NULL(test, b);
	KUNIT_EXPECT_EQ(test, b->dev, v->ram->disk->part0->bd_dev);
	KUNIT_EXPECT_EQ(test, b->ino, 0);
	KUNIT_EXPECT_STREQ(test, v->dev->limits->name, VBLK_SERIAL);
}

static struct kunit_case blk_limits_cases[] = {
	KUNIT_CASE_SLOW(clearing_costs_what_it_clears),
	KUNIT_CASE(data_costs_itself),
	KUNIT_CASE(the_back_end_is_told),
	{}
};

static struct kunit_suite blk_limits_suite = {
	.name = "parley_vhost_blk_limits",
	.test_cases = blk_limits_cases,
};

kunit_test_suite(blk_limits_suite);
