// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a disk keeps through a recovery (its cache mode, its size, the requests in
 * flight, the rings), what a recovery needs (no memory), and what happens when
 * only an interrupt is lost.
 */
#include <linux/delay.h>
#include <linux/slab.h>
#include <parley/transport.h>
#include "disk.h"
#include "mock_blk.h"
#include "mock_priv.h"
#include "tester.h"

#define BURST		8
/* Longer than anybody waits here: what ends before that had an interrupt. */
#define NO_TIMEOUT	(600 * HZ)

#define SPLIT	(BIT_ULL(VIRTIO_RING_F_EVENT_IDX) | \
		 BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC))
#define PACKED	(SPLIT | BIT_ULL(VIRTIO_F_RING_PACKED))

static int recover_case_init(struct kunit *test)
{
	disk_io_free_all();
	return 0;
}

static void recover_suite_exit(struct kunit_suite *suite)
{
	disk_io_free_all();
}

static struct parley_vdev *vdev_of(struct disk *d)
{
	return to_parley_vdev(d->pd);
}

static sector_t spot(unsigned int n)
{
	/* With gaps, or they would be one request. */
	return (sector_t)n * 2 * DISK_IO_SECTORS;
}

/* Writes that the device has, and does not answer. */
static void hold_burst(struct kunit *test, struct disk *d,
		       struct disk_io **io, u32 seed)
{
	unsigned int i;

	WRITE_ONCE(d->mock->hold, true);
	for (i = 0; i < BURST; i++) {
		io[i] = disk_io_start(test, d, REQ_OP_WRITE, spot(i), seed + i);
		KUNIT_ASSERT_NOT_NULL(test, io[i]);
	}
	for (i = 0; i < 10000 && atomic_read(&d->mock->held) < BURST; i++)
		fsleep(1000);
	KUNIT_ASSERT_EQ(test, BURST, atomic_read(&d->mock->held));
}

/* Each ends once, with @err; those that succeeded are on the disk. */
static void burst_ends(struct kunit *test, struct disk *d,
		       struct disk_io **io, u32 seed, int err)
{
	unsigned int i;

	for (i = 0; i < BURST; i++) {
		KUNIT_EXPECT_EQ(test, err, disk_io_wait(io[i]));
		KUNIT_EXPECT_EQ(test, 1, atomic_read(&io[i]->ends));
		if (!err)
			KUNIT_EXPECT_TRUE(test, disk_store_matches(d, spot(i),
								   seed + i));
	}
}

static int freeze(struct disk *d)
{
	return parley_device_freeze(vdev_of(d), PARLEY_HOLD_SLEEP);
}

static int restore(struct disk *d)
{
	return parley_device_restore(vdev_of(d), PARLEY_HOLD_SLEEP);
}

/* Cache mode and size */

/* As "echo MODE >/sys/block/DISK/cache_type" does. */
static ssize_t set_cache(struct disk *d, const char *mode)
{
	struct device *dev = disk_to_dev(d->bdev->bd_disk);
	const struct attribute_group **group;
	struct attribute **attr;

	for (group = dev->groups; *group; group++) {
		for (attr = (*group)->attrs; *attr; attr++) {
			struct device_attribute *da =
				container_of(*attr, struct device_attribute, attr);

			if (!strcmp((*attr)->name, "cache_type"))
				return da->store(dev, da, mode, strlen(mode));
		}
	}
	return -ENOENT;
}

static const struct parley_mock_ops *disk_ops;
static struct disk *watched;
static bool known;

static void watch_config_write(struct parley_mock *mock, unsigned int offset,
			       const void *buf, unsigned int len)
{
	known = bdev_write_cache(watched->bdev);
	disk_ops->config_write(mock, offset, buf, len);
}

/* A write that ends between the two would be taken for durable. */
static void a_cache_is_known_as_long_as_it_is_there(struct kunit *test)
{
	struct disk *d = disk_new(test, SPLIT, 1);
	struct parley_mock_ops watching = *d->mock->ops;

	disk_ops = d->mock->ops;
	watching.config_write = watch_config_write;
	watched = d;
	WRITE_ONCE(d->mock->ops, &watching);
	known = false;
	KUNIT_EXPECT_GT(test, set_cache(d, "write through"), (ssize_t)0);
	KUNIT_EXPECT_TRUE(test, known);
	KUNIT_EXPECT_FALSE(test, bdev_write_cache(d->bdev));
	known = false;
	KUNIT_EXPECT_GT(test, set_cache(d, "write back"), (ssize_t)0);
	KUNIT_EXPECT_TRUE(test, known);
	KUNIT_EXPECT_TRUE(test, bdev_write_cache(d->bdev));
	KUNIT_EXPECT_EQ(test, 1, d->blk->config.wce);
	WRITE_ONCE(d->mock->ops, disk_ops);
}

static void sleeps(struct kunit *test, struct disk *d)
{
	KUNIT_ASSERT_EQ(test, 0, freeze(d));
	WRITE_ONCE(d->mock->hold, false);
	KUNIT_ASSERT_EQ(test, 0, restore(d));
}

static void asks_for_reset(struct kunit *test, struct disk *d)
{
	parley_loopback_needs_reset(d->mock->lb);
	WRITE_ONCE(d->mock->hold, false);
}

static void breaks_a_queue(struct kunit *test, struct disk *d)
{
	WRITE_ONCE(d->mock->lie, PARLEY_MOCK_ID_RANGE);
	WRITE_ONCE(d->mock->hold, false);
	parley_mock_release(d->mock);
	WRITE_ONCE(d->mock->lie, PARLEY_MOCK_HONEST);
}

struct blow {
	const char *name;
	void (*strike)(struct kunit *test, struct disk *d);
	u64 ring;
	int err;	/* of what is in flight */
};

static const struct blow blows[] = {
	{ "split, suspend", sleeps, SPLIT, 0 },
	{ "packed, suspend", sleeps, PACKED, 0 },
	{ "split, asks for a reset", asks_for_reset, SPLIT, 0 },
	{ "packed, asks for a reset", asks_for_reset, PACKED, 0 },
	{ "split, broken queue", breaks_a_queue, SPLIT, -EIO },
	{ "packed, broken queue", breaks_a_queue, PACKED, -EIO },
};

static void blow_desc(const struct blow *b, char *desc)
{
	strscpy(desc, b->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(blow, blows, blow_desc);

/* A reset of the disk turns its cache on, and no write may meet it. */
static void write_through_survives(struct kunit *test)
{
	const struct blow *b = test->param_value;
	struct disk *d = disk_new(test, b->ring, 2);
	struct disk_io *io[BURST];
	int resets;

	KUNIT_EXPECT_TRUE(test, bdev_write_cache(d->bdev));
	KUNIT_ASSERT_GT(test, set_cache(d, "write through"), (ssize_t)0);
	KUNIT_EXPECT_FALSE(test, bdev_write_cache(d->bdev));
	hold_burst(test, d, io, 1);
	resets = atomic_read(&d->mock->resets);
	b->strike(test, d);
	burst_ends(test, d, io, 1, b->err);
	KUNIT_EXPECT_EQ(test, 0, disk_write_read(test, d, spot(20), 3));
	KUNIT_EXPECT_GT(test, atomic_read(&d->mock->resets), resets);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&d->blk->volatile_writes));
	KUNIT_EXPECT_EQ(test, 0, d->blk->config.wce);
	KUNIT_EXPECT_FALSE(test, bdev_write_cache(d->bdev));
}

static void so_does_write_back(struct kunit *test)
{
	struct disk *d = disk_new(test, SPLIT, 1);

	WRITE_ONCE(d->blk->wce_first, 0);
	sleeps(test, d);
	KUNIT_EXPECT_EQ(test, 1, d->blk->config.wce);
	KUNIT_EXPECT_TRUE(test, bdev_write_cache(d->bdev));
	KUNIT_EXPECT_EQ(test, 0, disk_write_read(test, d, 0, 3));
}

/* Rather no disk than one that forgets what it has acknowledged. */
static void a_cache_that_cannot_be_turned_off_is_fatal(struct kunit *test)
{
	struct disk *d = disk_new(test, SPLIT, 2);
	struct disk_io *io[BURST], *late;

	KUNIT_ASSERT_GT(test, set_cache(d, "write through"), (ssize_t)0);
	hold_burst(test, d, io, 1);
	KUNIT_ASSERT_EQ(test, 0, freeze(d));
	WRITE_ONCE(d->mock->hold, false);
	WRITE_ONCE(d->blk->stubborn, true);
	KUNIT_EXPECT_EQ(test, -ENODEV, restore(d));
	burst_ends(test, d, io, 1, -EIO);
	late = disk_io_start(test, d, REQ_OP_WRITE, 0, 3);
	KUNIT_ASSERT_NOT_NULL(test, late);
	KUNIT_EXPECT_NE(test, 0, disk_io_wait(late));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&d->blk->volatile_writes));
}

static void a_size_that_changed_in_its_sleep_is_noticed(struct kunit *test)
{
	struct disk *d = disk_new(test, SPLIT, 1);
	unsigned int ms;

	KUNIT_ASSERT_EQ(test, 0, freeze(d));
	/* Nobody listens to the interrupt of this. */
	parley_mock_blk_resize(d->blk, DISK_SECTORS / 2);
	msleep(20);
	KUNIT_EXPECT_EQ(test, (sector_t)DISK_SECTORS, bdev_nr_sectors(d->bdev));
	KUNIT_ASSERT_EQ(test, 0, restore(d));
	for (ms = 0; ms < 10000; ms++) {
		if (bdev_nr_sectors(d->bdev) == DISK_SECTORS / 2)
			break;
		fsleep(1000);
	}
	KUNIT_EXPECT_EQ(test, (sector_t)DISK_SECTORS / 2,
			bdev_nr_sectors(d->bdev));
	KUNIT_EXPECT_EQ(test, 0, disk_write_read(test, d, spot(1), 2));
}

/* No memory */

static const struct parley_transport_ops *real_ops;

/*
 * The device lies in this kernel, too, and makes its half of a queue anew.  One of
 * a hypervisor's has memory of its own for that.
 */
static int spared_queue_enable(struct parley_queue *queue,
			       const struct parley_vq_addr *addr,
			       unsigned int size)
{
	int err;

	tester_fault_all(false);
	err = real_ops->queue_enable(queue, addr, size);
	tester_fault_all(true);
	return err;
}

static bool memory_is_short(void)
{
	void *p = kmalloc(16, GFP_KERNEL);

	kfree(p);
	return !p;
}

static void a_recovery_needs_no_memory(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	static struct parley_transport_ops spared;
	unsigned int size[2], i;
	struct disk_io *io[BURST];
	int frozen, restored;
	struct disk *d;
	bool is_short;

	if (!tester_faults_ready())
		kunit_skip(test, "no FAULT_INJECTION_DEBUG_FS, FAILSLAB, FAIL_PAGE_ALLOC");
	d = disk_new(test, ring->features, 2);
	for (i = 0; i < 2; i++)
		size[i] = parley_drvq_size(d->pd->queues[i].vq);
	KUNIT_ASSERT_GT(test, set_cache(d, "write through"), (ssize_t)0);
	hold_burst(test, d, io, 1);
	real_ops = vdev_of(d)->ops;
	spared = *real_ops;
	spared.queue_enable = spared_queue_enable;
	vdev_of(d)->ops = &spared;

	tester_fault_all(true);
	is_short = memory_is_short();
	frozen = freeze(d);
	WRITE_ONCE(d->mock->hold, false);
	restored = restore(d);
	is_short &= memory_is_short();
	tester_fault_all(false);

	vdev_of(d)->ops = real_ops;
	KUNIT_EXPECT_TRUE(test, is_short);
	KUNIT_EXPECT_EQ(test, 0, frozen);
	KUNIT_EXPECT_EQ(test, 0, restored);
	burst_ends(test, d, io, 1, 0);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, size[i],
				parley_drvq_size(d->pd->queues[i].vq));
	KUNIT_EXPECT_EQ(test, 0, disk_write_read(test, d, spot(20), 3));
}

static unsigned int half_queue_size(struct parley_device *pd,
				    unsigned int index)
{
	return real_ops->queue_size(pd, index) / 2;
}

/* A request that fitted before would not fit any more. */
static void a_ring_never_shrinks(struct kunit *test)
{
	static struct parley_transport_ops shrunk;
	struct disk *d = disk_new(test, SPLIT, 1);
	struct disk_io *io[BURST];
	unsigned int i;

	hold_burst(test, d, io, 1);
	real_ops = vdev_of(d)->ops;
	shrunk = *real_ops;
	shrunk.queue_size = half_queue_size;
	KUNIT_ASSERT_EQ(test, 0, freeze(d));
	WRITE_ONCE(d->mock->hold, false);
	vdev_of(d)->ops = &shrunk;
	KUNIT_EXPECT_EQ(test, -ENODEV, restore(d));
	burst_ends(test, d, io, 1, -EIO);
	/* It is let go of; until then the operations are in use. */
	for (i = 0; i < 10000 && READ_ONCE(d->pd->dev.driver); i++)
		fsleep(1000);
	KUNIT_EXPECT_NULL(test, d->pd->dev.driver);
	vdev_of(d)->ops = real_ops;
}

/* Faults and holds at once */

static bool is_stopped(struct disk *d)
{
	return READ_ONCE(vdev_of(d)->m.phase) == PARLEY_STOPPED &&
	       !vdev_of(d)->ops->get_status(d->pd);
}

/*
 * The device broke the rules just before the suspend, which finds it out.  The
 * recovery that follows has to wait for the resume.
 */
static void a_fault_does_not_wake_a_sleeper(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct disk *d = disk_new(test, ring->features, 2);
	struct disk_io *io[BURST];
	int resets;

	hold_burst(test, d, io, 1);
	atomic_set(&d->mock->lose, INT_MAX);
	breaks_a_queue(test, d);
	KUNIT_ASSERT_EQ(test, 0, freeze(d));
	atomic_set(&d->mock->lose, 0);
	resets = atomic_read(&d->mock->resets);
	burst_ends(test, d, io, 1, -EIO);
	msleep(100);
	KUNIT_EXPECT_TRUE(test, is_stopped(d));
	KUNIT_EXPECT_EQ(test, resets, atomic_read(&d->mock->resets));
	KUNIT_ASSERT_EQ(test, 0, restore(d));
	KUNIT_EXPECT_EQ(test, 0, disk_write_read(test, d, spot(20), 3));

	/* And is over then: what the next suspend finds is kept. */
	hold_burst(test, d, io, 11);
	sleeps(test, d);
	burst_ends(test, d, io, 11, 0);
}

/* What parley_fault() does, which nobody but the model calls. */
static void leave_fault(struct disk *d)
{
	struct parley_vdev *v = vdev_of(d);

	set_bit(PARLEY_FAULT_BROKEN, &v->m.faults);
	get_device(&d->pd->dev);
	if (!queue_work(system_percpu_wq, &v->m.recover_work))
		put_device(&d->pd->dev);
}

/* One that was found before the suspend, and marked after it. */
static void a_late_fault_fails_nothing_that_is_kept(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct disk *d = disk_new(test, ring->features, 2);
	struct disk_io *io[BURST];
	unsigned int i;

	hold_burst(test, d, io, 1);
	KUNIT_ASSERT_EQ(test, 0, freeze(d));
	leave_fault(d);
	flush_work(&vdev_of(d)->m.recover_work);
	KUNIT_EXPECT_TRUE(test, is_stopped(d));
	for (i = 0; i < BURST; i++)
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&io[i]->ends));
	sleeps(test, d);
	burst_ends(test, d, io, 1, 0);
	hold_burst(test, d, io, 11);
	sleeps(test, d);
	burst_ends(test, d, io, 11, 0);
}

/* Lost interrupts */

static void set_timeout(struct disk *d, unsigned int timeout)
{
	blk_queue_rq_timeout(bdev_get_queue(d->bdev), timeout);
}

/* A request whose interrupt is lost for good would hold up the end of the test. */
static void fetch_the_lost(struct disk *d)
{
	parley_queue_poll(&d->pd->queues[0], UINT_MAX, NULL);
}

static void a_lost_interrupt_costs_one_time_out(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct disk *d = disk_new(test, ring->features, 1);
	struct disk_io *io;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		set_timeout(d, HZ / 2);
		atomic_set(&d->mock->lose, 1);
		io = disk_io_start(test, d, REQ_OP_WRITE, spot(i), i);
		KUNIT_ASSERT_NOT_NULL(test, io);
		KUNIT_EXPECT_EQ(test, 0, disk_io_wait(io));
		KUNIT_EXPECT_EQ(test, 0, atomic_read(&d->mock->lose));
		/* Those that follow have their interrupts. */
		set_timeout(d, NO_TIMEOUT);
		KUNIT_EXPECT_EQ(test, 0, disk_write_read(test, d, spot(i), 9));
		fetch_the_lost(d);
	}
}

/* Whoever waits too long looks, and then the interrupt comes. */
static void an_interrupt_may_come_too_late(struct kunit *test)
{
	const struct tester_ring *ring = test->param_value;
	struct disk *d = disk_new(test, ring->features, 1);
	struct parley_queue *queue = &d->pd->queues[0];
	struct disk_io *io;
	unsigned int i;
	u64 spurious;

	set_timeout(d, NO_TIMEOUT);
	atomic_set(&d->mock->lose, 1);
	io = disk_io_start(test, d, REQ_OP_WRITE, 0, 1);
	KUNIT_ASSERT_NOT_NULL(test, io);
	for (i = 0; i < 10000 && atomic_read(&d->mock->lose); i++)
		fsleep(1000);
	/* This is what the block layer's time-out does first. */
	KUNIT_EXPECT_EQ(test, 1u, parley_queue_poll(queue, UINT_MAX, NULL));
	KUNIT_EXPECT_EQ(test, 0, disk_io_wait(io));
	spurious = READ_ONCE(queue->spurious);
	parley_loopback_call(d->mock->queues[0]->lq);
	for (i = 0; i < 10000 && READ_ONCE(queue->spurious) == spurious; i++)
		fsleep(1000);
	KUNIT_EXPECT_EQ(test, spurious + 1, READ_ONCE(queue->spurious));
	KUNIT_EXPECT_EQ(test, 0, disk_write_read(test, d, spot(1), 2));
	fetch_the_lost(d);
}

static struct kunit_case recover_cases[] = {
	KUNIT_CASE(a_cache_is_known_as_long_as_it_is_there),
	KUNIT_CASE_PARAM(write_through_survives, blow_gen_params),
	KUNIT_CASE(so_does_write_back),
	KUNIT_CASE(a_cache_that_cannot_be_turned_off_is_fatal),
	KUNIT_CASE(a_size_that_changed_in_its_sleep_is_noticed),
	KUNIT_CASE_PARAM(a_recovery_needs_no_memory, tester_format_gen),
	KUNIT_CASE(a_ring_never_shrinks),
	KUNIT_CASE_PARAM(a_fault_does_not_wake_a_sleeper, tester_format_gen),
	KUNIT_CASE_PARAM(a_late_fault_fails_nothing_that_is_kept,
			 tester_format_gen),
	KUNIT_CASE_PARAM(a_lost_interrupt_costs_one_time_out,
			 tester_format_gen),
	KUNIT_CASE_PARAM(an_interrupt_may_come_too_late, tester_format_gen),
	{}
};

static struct kunit_suite recover_suite = {
	.name = "parley_mock_disk_recovery",
	.suite_exit = recover_suite_exit,
	.init = recover_case_init,
	.test_cases = recover_cases,
};

kunit_test_suite(recover_suite);
