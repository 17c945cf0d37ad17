// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost blk against a hostile driver, a broken back end and a careless VMM.
 * bad_NN_: see Documentation/testing.rst.
 */
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/kthread.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include "vblk.h"

#define OK	VIRTIO_BLK_S_OK
#define IOERR	VIRTIO_BLK_S_IOERR
#define UNSUPP	VIRTIO_BLK_S_UNSUPP

static bool until(struct ram *ram, unsigned int waiting)
{
	unsigned int i;

	for (i = 0; i < 5000 && ram_waiting(ram) != waiting; i++)
		usleep_range(1000, 2000);
	return ram_waiting(ram) == waiting;
}

/* The device is as good as new. */
static void expect_sound(struct kunit *test, struct vblk *v)
{
	KUNIT_EXPECT_EQ(test, OK, vblk_write(v, VBLK_PARTS, 64, 4096, 99));
	KUNIT_EXPECT_EQ(test, OK, vblk_read(v, VBLK_PARTS, 64, 4096));
	KUNIT_EXPECT_TRUE(test, vblk_matches(vblk_in(v), 64 * 512, 4096, 99));
}

/* What a read that failed has left in the buffers must not look like data. */
static void bad_08_a_failed_read_counts_nothing(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	unsigned int skew;

	v->ram->bad_start = 100;
	v->ram->bad_nr = 1;
	v->ram->bad_status = BLK_STS_MEDIUM;
	for (skew = 0; skew < 2; skew++) {
		v->skew = skew;
		KUNIT_EXPECT_EQ(test, IOERR, vblk_read(v, VBLK_PARTS, 100, 512));
		KUNIT_EXPECT_EQ(test, 0, v->len);
		/* Half-way, in one bio, in a later one, in a later step. */
		KUNIT_EXPECT_EQ(test, IOERR, vblk_read(v, VBLK_PARTS, 96, 4096));
		KUNIT_EXPECT_EQ(test, 0, v->len);
		KUNIT_EXPECT_EQ(test, IOERR, vblk_read(v, VBLK_PARTS, 0, 524288));
		KUNIT_EXPECT_EQ(test, 0, v->len);
		KUNIT_EXPECT_EQ(test, IOERR, vblk_read(v, VBLK_PARTS, RAM_SECTORS,
						       512));
		KUNIT_EXPECT_EQ(test, 0, v->len);
		/* A write has its status only, which was written. */
		KUNIT_EXPECT_EQ(test, IOERR, vblk_write(v, VBLK_PARTS, 100, 512, 0));
		KUNIT_EXPECT_EQ(test, 1, v->len);
	}
	expect_sound(test, v);
}

/* The file that was checked is the file that is used, and it is let go. */
static void bad_10_the_back_end_is_held_once(struct kunit *test)
{
	struct file *file = shmem_file_setup("parley-test", RAM_BYTES, EMPTY_VMA_FLAGS);
	struct parley_vhost *dev = parley_vhost_open("blk");
	struct vhb *blk;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	blk = parley_vhost_priv(dev);
	KUNIT_EXPECT_EQ(test, 0, parley_vhost_blk_attach(dev, file, 0, VBLK_SERIAL));
	KUNIT_EXPECT_EQ(test, 2, file_count(file));
	KUNIT_EXPECT_PTR_EQ(test, file, blk->be->file);
	/* Again, in place of itself. */
	KUNIT_EXPECT_EQ(test, 0, parley_vhost_blk_attach(dev, file, 0, VBLK_SERIAL));
	KUNIT_EXPECT_EQ(test, 2, file_count(file));
	KUNIT_EXPECT_EQ(test, 0, parley_vhost_blk_attach(dev, NULL, 0, NULL));
	KUNIT_EXPECT_EQ(test, 1, file_count(file));
	KUNIT_EXPECT_EQ(test, -ENODEV, parley_vhost_blk_update_size(dev));
	KUNIT_EXPECT_EQ(test, 0, parley_vhost_blk_attach(dev, file, 0, VBLK_SERIAL));
	parley_vhost_close(dev);
	KUNIT_EXPECT_EQ(test, 1, file_count(file));
	fput(file);
}

/* A driver that sends more than the device may take finds it waiting. */
static void bad_20_requests_in_flight_are_bounded(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	unsigned int i, sent = 0;

	v->ram->end = RAM_HELD;
	vblk_header(v, VIRTIO_BLK_T_IN, 0);
	while (sent < VHB_IN_FLIGHT + 100 &&
	       !vblk_put(v, VBLK_WHOLE, VBLK_HDR, 513, v))
		sent++;
	/* A ring without indirect tables has no room for more. */
	KUNIT_ASSERT_GE(test, sent, VHB_IN_FLIGHT);
	KUNIT_EXPECT_TRUE(test, until(v->ram, VHB_IN_FLIGHT));
	msleep(50);
	KUNIT_EXPECT_EQ(test, VHB_IN_FLIGHT, ram_waiting(v->ram));
	/* And they go on when there is room, to the last one. */
	WRITE_ONCE(v->ram->end, RAM_LATER);
	ram_release(v->ram);
	for (i = 0; i < sent; i++)
		KUNIT_ASSERT_PTR_EQ(test, v, vblk_wait(v));
}

static void bad_30_no_byte_of_the_configuration_is_ours(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	struct virtio_blk_config cfg;

	memset(&cfg, VBLK_POISON, sizeof(cfg));
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_config(v->dev, &cfg));
	KUNIT_EXPECT_EQ(test, 0, (__force u32)cfg.size_max);
	KUNIT_EXPECT_NULL(test, memchr_inv(&cfg.geometry, 0, sizeof(cfg.geometry)));
	KUNIT_EXPECT_EQ(test, 0, cfg.unused);
	KUNIT_EXPECT_NULL(test, memchr_inv(cfg.unused1, 0, sizeof(cfg.unused1)));
	/* And not one beyond. */
	KUNIT_EXPECT_NULL(test, memchr_inv(&cfg.zoned, VBLK_POISON,
					   sizeof(cfg.zoned)));
}

/* The header is ours from the moment that it was checked. */
static void bad_36_a_header_that_changes_in_flight(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);

	KUNIT_ASSERT_EQ(test, OK, vblk_write(v, VBLK_PARTS, 8, 4096, 1));
	v->ram->end = RAM_HELD;
	vblk_header(v, VIRTIO_BLK_T_IN, 8);
	/* Bounced, so that something is done after the medium answered. */
	v->skew = 0;
	KUNIT_ASSERT_EQ(test, 0, vblk_put(v, VBLK_ODD, VBLK_HDR, 4097, v));
	KUNIT_ASSERT_TRUE(test, until(v->ram, 1));
	vblk_header(v, VIRTIO_BLK_T_OUT, ~0ull);
	WRITE_ONCE(v->ram->end, RAM_NOW);
	ram_release(v->ram);
	KUNIT_ASSERT_PTR_EQ(test, v, vblk_wait(v));
	KUNIT_EXPECT_EQ(test, OK, vblk_in(v)[4096]);
	KUNIT_EXPECT_EQ(test, 4097, v->len);
	KUNIT_EXPECT_TRUE(test, vblk_matches(vblk_in(v), 8 * 512, 4096, 1));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(ram_count(v->ram, REQ_OP_WRITE)));
}

static void bad_37_places_beyond_the_disk(struct kunit *test)
{
	static const u64 sectors[] = {
		RAM_SECTORS, RAM_SECTORS - 1, RAM_SECTORS + 1, 1ull << 32,
		1ull << 54, (1ull << 55) - 1, 1ull << 55, ~0ull >> 9, ~0ull - 1,
		~0ull,
	};
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sectors); i++) {
		KUNIT_EXPECT_EQ(test, IOERR,
				vblk_read(v, VBLK_PARTS, sectors[i], 1024));
		KUNIT_EXPECT_EQ(test, IOERR,
				vblk_write(v, VBLK_PARTS, sectors[i], 1024, 0));
		KUNIT_EXPECT_EQ(test, IOERR,
				vblk_clear(v, VIRTIO_BLK_T_DISCARD, sectors[i], 2, 0));
		KUNIT_EXPECT_EQ(test, IOERR,
				vblk_clear(v, VIRTIO_BLK_T_WRITE_ZEROES, sectors[i],
					   ~0u, 0));
	}
	KUNIT_EXPECT_EQ(test, IOERR, vblk_clear(v, VIRTIO_BLK_T_SECURE_ERASE, 0,
						~0u, 0));
	KUNIT_EXPECT_EQ(test, OK, vblk_read(v, VBLK_PARTS, RAM_SECTORS - 2, 1024));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(ram_count(v->ram, REQ_OP_READ)));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(ram_count(v->ram, REQ_OP_WRITE)));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(ram_count(v->ram, REQ_OP_DISCARD)));
	expect_sound(test, v);
}

static void bad_37_lengths_that_are_no_sectors(struct kunit *test)
{
	static const u32 lens[] = { 1, 15, 511, 513, 4095, 4097 };
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		KUNIT_EXPECT_EQ(test, IOERR, vblk_read(v, VBLK_PARTS, 0, lens[i]));
		KUNIT_EXPECT_EQ(test, IOERR, vblk_write(v, VBLK_PARTS, 0, lens[i], 0));
	}
	KUNIT_EXPECT_EQ(test, 0, atomic_read(ram_count(v->ram, REQ_OP_WRITE)));
	expect_sound(test, v);
}

static void bad_37_ranges_that_are_none(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	size_t size = sizeof(struct virtio_blk_discard_write_zeroes);
	unsigned int i;
	size_t len;

	/* No range, half of one, and one too many. */
	for (i = 0; i < 3; i++) {
		len = i == 0 ? 0 : i == 1 ? size + 8 : size * (VHB_RANGES + 1);
		vblk_header(v, VIRTIO_BLK_T_DISCARD, 0);
		memset(vblk_data(v), 0, len);
		KUNIT_EXPECT_EQ(test, IOERR,
				vblk_do(v, VBLK_PARTS, VBLK_HDR + len, 1));
	}
	/* Flags that are reserved, each for its request. */
	KUNIT_EXPECT_EQ(test, UNSUPP, vblk_clear(v, VIRTIO_BLK_T_DISCARD, 0, 1, 1));
	KUNIT_EXPECT_EQ(test, UNSUPP,
			vblk_clear(v, VIRTIO_BLK_T_SECURE_ERASE, 0, 1, 1));
	KUNIT_EXPECT_EQ(test, UNSUPP,
			vblk_clear(v, VIRTIO_BLK_T_WRITE_ZEROES, 0, 1, 2));
	KUNIT_EXPECT_EQ(test, UNSUPP,
			vblk_clear(v, VIRTIO_BLK_T_WRITE_ZEROES, 0, 1, ~0u));
	/* A good range before a bad one is not obeyed either. */
	vblk_clear(v, VIRTIO_BLK_T_DISCARD, 0, 1, 0);
	memcpy(vblk_data(v) + size, vblk_data(v), size);
	memset(vblk_data(v) + size, 0xff, 8);
	vblk_header(v, VIRTIO_BLK_T_DISCARD, 0);
	KUNIT_EXPECT_EQ(test, IOERR,
			vblk_do(v, VBLK_PARTS, VBLK_HDR + 2 * size, 1));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(ram_count(v->ram, REQ_OP_DISCARD)));
	expect_sound(test, v);
}

static void bad_38_headers_in_pieces_and_short_ones(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	unsigned int shape;
	size_t len;

	for (shape = 0; shape < VBLK_SHAPES; shape++) {
		for (len = 1; len < VBLK_HDR; len++) {
			vblk_header(v, VIRTIO_BLK_T_OUT, 0);
			KUNIT_EXPECT_EQ(test, IOERR, vblk_do(v, shape, len, 1));
			KUNIT_EXPECT_EQ(test, 1, v->len);
		}
		/* No header at all, but room for a kilobyte and a status. */
		KUNIT_EXPECT_EQ(test, IOERR, vblk_do(v, shape, 0, 1025));
		KUNIT_EXPECT_EQ(test, 0, v->len);
		/* No status: nothing can be said, and nothing is done. */
		vblk_header(v, VIRTIO_BLK_T_OUT, 0);
		KUNIT_EXPECT_EQ(test, 0, vblk_do(v, shape, VBLK_HDR + 512, 0));
		KUNIT_EXPECT_EQ(test, 0, v->len);
	}
	KUNIT_EXPECT_EQ(test, 0, atomic_read(ram_count(v->ram, REQ_OP_WRITE)));
	expect_sound(test, v);
}

struct stopper {
	struct vblk *v;
	struct completion stopped;
};

static int stopper_run(void *arg)
{
	struct stopper *s = arg;

	parley_vhost_vq_leave(s->v->vq);
	complete(&s->stopped);
	return 0;
}

/* The ring goes while the disk has its requests: it waits for them. */
static void bad_43_a_ring_is_stopped_with_bios_in_flight(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	struct stopper s = { .v = v };
	struct task_struct *task;
	unsigned int i;

	init_completion(&s.stopped);
	v->ram->end = RAM_HELD;
	vblk_header(v, VIRTIO_BLK_T_IN, 0);
	for (i = 0; i < 8; i++)
		KUNIT_ASSERT_EQ(test, 0, vblk_put(v, i & 1 ? VBLK_ODD : VBLK_PAGES,
						  VBLK_HDR, 200705, v));
	/* The bounced ones go in several steps; the first is with the disk. */
	KUNIT_EXPECT_TRUE(test, until(v->ram, 8));
	task = kthread_run(stopper_run, &s, "parley-stopper");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	KUNIT_EXPECT_EQ(test, 0, wait_for_completion_timeout(&s.stopped, HZ / 5));
	WRITE_ONCE(v->ram->end, RAM_LATER);
	ram_release(v->ram);
	/* For good: @s must not go before. */
	wait_for_completion(&s.stopped);
	v->joined = false;
	KUNIT_EXPECT_EQ(test, 0, ram_waiting(v->ram));
	for (i = 0; i < 8; i++)
		KUNIT_EXPECT_PTR_EQ(test, v, vblk_wait(v));
}

/* Types of the specification that we do not offer, and such as it has not. */
static void unknown_requests_are_unsupported(struct kunit *test)
{
	static const u32 types[] = { 2, 3, 5, 7, 9, 10, 12, 15, 16, 18, 22, 24, 26,
				     0x80000000, 0xffffffff };
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		KUNIT_EXPECT_EQ(test, UNSUPP, vblk_simple(v, types[i]));
		vblk_header(v, types[i], 0);
		KUNIT_EXPECT_EQ(test, UNSUPP, vblk_do(v, VBLK_ODD, VBLK_HDR + 512,
						      513));
		KUNIT_EXPECT_EQ(test, 0, v->len);
	}
	expect_sound(test, v);
}

/* What was not negotiated is not there. */
static void requests_without_their_feature_are_unsupported(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);

	vblk_stop(v);
	KUNIT_ASSERT_EQ(test, 0, vblk_run(v, BIT_ULL(VIRTIO_BLK_F_DISCARD) |
					  BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES) |
					  BIT_ULL(VIRTIO_BLK_F_SECURE_ERASE)));
	KUNIT_EXPECT_EQ(test, UNSUPP, vblk_clear(v, VIRTIO_BLK_T_DISCARD, 0, 1, 0));
	KUNIT_EXPECT_EQ(test, UNSUPP,
			vblk_clear(v, VIRTIO_BLK_T_WRITE_ZEROES, 0, 1, 0));
	KUNIT_EXPECT_EQ(test, UNSUPP,
			vblk_clear(v, VIRTIO_BLK_T_SECURE_ERASE, 0, 1, 0));
}

static void expect_read_only(struct kunit *test, struct vblk *v)
{
	KUNIT_EXPECT_TRUE(test, vblk_offered(v) &
			  BIT_ULL(VIRTIO_BLK_F_RO));
	KUNIT_EXPECT_EQ(test, IOERR, vblk_write(v, VBLK_PARTS, 0, 512, 1));
	KUNIT_EXPECT_NE(test, OK, vblk_clear(v, VIRTIO_BLK_T_DISCARD, 0, 1, 0));
	KUNIT_EXPECT_NE(test, OK, vblk_clear(v, VIRTIO_BLK_T_WRITE_ZEROES, 0, 1, 0));
	KUNIT_EXPECT_EQ(test, OK, vblk_read(v, VBLK_PARTS, 0, 512));
	KUNIT_EXPECT_EQ(test, OK, vblk_simple(v, VIRTIO_BLK_T_FLUSH));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(ram_count(v->ram, REQ_OP_WRITE)));
}

static void a_read_only_disk_stays_as_it_is(struct kunit *test)
{
	struct ram *ram = ram_create(SECTOR_SIZE, BLK_OPEN_READ);

	KUNIT_ASSERT_NOT_NULL(test, ram);
	expect_read_only(test, vblk_open(test, 0, ram, NULL, 0));
	ram = ram_create(SECTOR_SIZE, BLK_OPEN_READ | BLK_OPEN_WRITE);
	KUNIT_ASSERT_NOT_NULL(test, ram);
	expect_read_only(test, vblk_open(test, 0, ram, NULL,
					 PARLEY_BLK_READ_ONLY));
}

static void errors_of_the_disk_are_told(struct kunit *test)
{
	static const struct {
		blk_status_t from;
		u8 to;
	} errors[] = {
		{ BLK_STS_IOERR, IOERR }, { BLK_STS_NOSPC, IOERR },
		{ BLK_STS_NOTSUPP, UNSUPP }, { BLK_STS_TIMEOUT, IOERR },
		{ BLK_STS_OFFLINE, IOERR }, { BLK_STS_RESOURCE, IOERR },
		{ BLK_STS_INVAL, IOERR },
	};
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	unsigned int i;

	v->ram->bad_start = 8;
	v->ram->bad_nr = 8;
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		v->ram->bad_status = errors[i].from;
		KUNIT_EXPECT_EQ(test, errors[i].to,
				vblk_read(v, VBLK_PARTS, 0, 8192));
		KUNIT_EXPECT_EQ(test, errors[i].to,
				vblk_write(v, VBLK_PARTS, 0, 8192, 0));
		KUNIT_EXPECT_EQ(test, errors[i].to,
				vblk_clear(v, VIRTIO_BLK_T_WRITE_ZEROES, 8, 8, 0));
	}
	v->ram->bad_nr = 0;
	expect_sound(test, v);
}

/* Pulled out with requests in flight: errors, and no hang. */
static void the_disk_is_pulled_out(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);

	v->ram->end = RAM_HELD;
	vblk_header(v, VIRTIO_BLK_T_IN, 0);
	KUNIT_ASSERT_EQ(test, 0, vblk_put(v, VBLK_PARTS, VBLK_HDR, 4097, v));
	KUNIT_ASSERT_TRUE(test, until(v->ram, 1));
	WRITE_ONCE(v->ram->end, RAM_NOW);
	ram_pull(v->ram);
	KUNIT_ASSERT_PTR_EQ(test, v, vblk_wait(v));
	KUNIT_EXPECT_EQ(test, IOERR, vblk_read(v, VBLK_PARTS, 0, 4096));
	KUNIT_EXPECT_EQ(test, 0, v->len);
	KUNIT_EXPECT_EQ(test, IOERR, vblk_read(v, VBLK_ODD, 0, 200704));
	KUNIT_EXPECT_EQ(test, IOERR, vblk_write(v, VBLK_PARTS, 0, 4096, 0));
	KUNIT_EXPECT_NE(test, OK, vblk_clear(v, VIRTIO_BLK_T_DISCARD, 0, 1, 0));
}

static void files_that_are_no_back_end(struct kunit *test)
{
	struct parley_vhost *dev = parley_vhost_open("blk");
	struct file *file = shmem_file_setup("parley-test", 4096, EMPTY_VMA_FLAGS);
	struct file *other = filp_open("/", O_RDONLY | O_DIRECTORY, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, other);
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_vhost_blk_attach(dev, other, 0,
							       VBLK_SERIAL));
	fput(other);
	file->f_flags |= O_APPEND;
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_vhost_blk_attach(dev, file, 0,
							       VBLK_SERIAL));
	file->f_flags &= ~O_APPEND;
	file->f_mode &= ~FMODE_READ;
	KUNIT_EXPECT_EQ(test, -EBADF, parley_vhost_blk_attach(dev, file, 0,
							      VBLK_SERIAL));
	file->f_mode |= FMODE_READ;
	KUNIT_EXPECT_EQ(test, 1, file_count(file));
	fput(file);
	parley_vhost_close(dev);
}

static void the_back_end_stays_while_a_ring_runs(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);

	KUNIT_EXPECT_EQ(test, -EBUSY, parley_vhost_blk_attach(v->dev, NULL, 0, NULL));
	KUNIT_EXPECT_EQ(test, -EBUSY, parley_vhost_blk_attach(v->dev, v->file, 0,
							      VBLK_SERIAL));
	expect_sound(test, v);
	vblk_stop(v);
	KUNIT_EXPECT_EQ(test, 0, parley_vhost_blk_attach(v->dev, NULL, 0, NULL));
	/* And without one no ring runs. */
	KUNIT_EXPECT_EQ(test, -ENODEV, vblk_run(v, 0));
	vblk_stop(v);
}

static void only_the_cache_can_be_configured(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	unsigned int off, wce = offsetof(struct virtio_blk_config, wce);
	u8 bytes[8] = { 2 };

	for (off = 0; off < offsetof(struct virtio_blk_config, zoned); off++)
		KUNIT_EXPECT_EQ(test, -EINVAL,
				parley_vhost_config_set(v->dev, off, bytes, 1));
	bytes[0] = 1;
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_vhost_config_set(v->dev, wce, bytes, 2));
	KUNIT_EXPECT_EQ(test, -EINVAL, parley_vhost_config_set(v->dev, wce - 1, bytes,
							       4));
	KUNIT_EXPECT_EQ(test, 0, parley_vhost_config_set(v->dev, wce, bytes, 1));
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(bad_08_a_failed_read_counts_nothing, vblk_ring_gen),
	KUNIT_CASE(bad_10_the_back_end_is_held_once),
	KUNIT_CASE_PARAM(bad_20_requests_in_flight_are_bounded, vblk_ring_gen),
	KUNIT_CASE(bad_30_no_byte_of_the_configuration_is_ours),
	KUNIT_CASE_PARAM(bad_36_a_header_that_changes_in_flight, vblk_ring_gen),
	KUNIT_CASE(bad_37_places_beyond_the_disk),
	KUNIT_CASE(bad_37_lengths_that_are_no_sectors),
	KUNIT_CASE(bad_37_ranges_that_are_none),
	KUNIT_CASE_PARAM(bad_38_headers_in_pieces_and_short_ones, vblk_ring_gen),
	KUNIT_CASE_PARAM(bad_43_a_ring_is_stopped_with_bios_in_flight,
			 vblk_ring_gen),
	KUNIT_CASE(unknown_requests_are_unsupported),
	KUNIT_CASE(requests_without_their_feature_are_unsupported),
	KUNIT_CASE(a_read_only_disk_stays_as_it_is),
	KUNIT_CASE(errors_of_the_disk_are_told),
	KUNIT_CASE(the_disk_is_pulled_out),
	KUNIT_CASE(files_that_are_no_back_end),
	KUNIT_CASE(the_back_end_stays_while_a_ring_runs),
	KUNIT_CASE(only_the_cache_can_be_configured),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_vhost_blk_bad",
	.test_cases = cases,
};

kunit_test_suite(suite);
