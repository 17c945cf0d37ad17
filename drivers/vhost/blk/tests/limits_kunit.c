// SPDX-License-Identifier: GPL-2.0-only
/* vhost blk and its limits: what requests cost, and what is shared and kept. */
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <parley/export.h>
#include "../../core/limit.h"
#include "../../core/state.h"
#include "../../core/tests/until.h"
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

/* ------------------------------------------------------ left and taken again */

#define PIECES	17u	/* of a MiB: more than a ring's bound */
#define LARGE	((u64)PIECES * VBLK_BUF)
#define MUCH	(16 * LARGE)

struct large {
	struct virtio_blk_outhdr hdr;
	u8 status;
	struct parley_seg segs[PIECES + 2];
};

static void put_large(struct kunit *test, struct vblk *v, struct large *l)
{
	struct parley_buf buf = { .segs = l->segs, .cookie = v, .n_out = 1, .n_in = PIECES + 1 };
	unsigned int i;

	set_capacity(v->ram->disk, LARGE >> SECTOR_SHIFT);
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_blk_update_size(v->dev));
	l->segs[0] = (struct parley_seg){ virt_to_phys(&l->hdr), sizeof(l->hdr) };
	for (i = 0; i < PIECES; i++)
		l->segs[i + 1] = (struct parley_seg){ virt_to_phys(v->in), VBLK_BUF };
	l->segs[PIECES + 1] = (struct parley_seg){ virt_to_phys(&l->status), 1 };
	KUNIT_ASSERT_EQ(test, 0, parley_drvq_submit(v->drv, &buf, GFP_KERNEL));
}

static void put_zeroes(struct kunit *test, struct vblk *v)
{
	struct virtio_blk_discard_write_zeroes range = {
		.num_sectors = cpu_to_le32(LARGE >> SECTOR_SHIFT),
	};

	vblk_header(v, VIRTIO_BLK_T_WRITE_ZEROES, 0);
	memcpy(vblk_data(v), &range, sizeof(range));
	KUNIT_ASSERT_EQ(test, 0, vblk_put(v, VBLK_PARTS, VBLK_HDR + sizeof(range), 1, v));
}

/* Once the ring stops, the disk does what it was given. */
static int go_on(void *arg)
{
	struct vblk *v = arg;

	vh_until(READ_ONCE(v->vq->state) == VH_VQ_STOPPING);
	WRITE_ONCE(v->ram->end, RAM_NOW);
	ram_release(v->ram);
	while (!kthread_should_stop())
		usleep_range(1000, 2000);
	return 0;
}

/* Stop it with a step at the disk, and let another finish it. */
static void stop_between_steps(struct kunit *test, struct vblk *v)
{
	struct task_struct *disk;

	KUNIT_ASSERT_TRUE(test, vh_until(ram_waiting(v->ram)));
	disk = kthread_run(go_on, v, "blk-limits-disk");
	KUNIT_ASSERT_FALSE(test, IS_ERR(disk));
	parley_vhost_vq_leave(v->vq);
	v->joined = false;
	kthread_stop(disk);
	KUNIT_ASSERT_EQ(test, 0, vblk_join(v));
	KUNIT_ASSERT_PTR_EQ(test, vblk_wait(v), v);
}

/* So much is left of MUCH, but for some seconds' tokens. */
static void expect_paid(struct kunit *test, struct vblk *v, u64 paid)
{
	const u64 most = MUCH - paid, more = 64;

	KUNIT_EXPECT_EQ(test, parley_limit_admit(v->vq->limit, ktime_get_ns(), &most, 1), 1);
	KUNIT_EXPECT_EQ(test, parley_limit_admit(v->vq->limit, ktime_get_ns(), &more, 1), 0);
	bytes_to(test, v->vq->limit, 0, 0);
}

/* What is left at a stop pays for the steps that were done, and no more. */
static void what_is_left_pays_for_its_steps(struct kunit *test)
{
	const u64 range = sizeof(struct virtio_blk_discard_write_zeroes);
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	struct large *l = kunit_kzalloc(test, sizeof(*l), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, l);
	WRITE_ONCE(v->ram->end, RAM_HELD);
	bytes_to(test, v->vq->limit, 1, MUCH);
	put_large(test, v, l);
	stop_between_steps(test, v);
	expect_paid(test, v, LARGE + VHB_STEP);

	/* The step that was at the disk; its ranges are payload as well. */
	WRITE_ONCE(v->ram->end, RAM_HELD);
	bytes_to(test, v->vq->limit, 1, MUCH);
	put_zeroes(test, v);
	stop_between_steps(test, v);
	expect_paid(test, v, LARGE + VHB_CLEAR_STEP + 2 * range);
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
	KUNIT_CASE(what_is_left_pays_for_its_steps),
	KUNIT_CASE(the_back_end_is_told),
	{}
};

static struct kunit_suite blk_limits_suite = {
	.name = "parley_vhost_blk_limits",
	.test_cases = blk_limits_cases,
};

kunit_test_suite(blk_limits_suite);
