// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost blk: what it is for.  A driver of ours, the core's two roles, the vhost
 * library with its worker, and a disk in memory or a file.
 */
#include <linux/delay.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>
#include <parley/export.h>
#include "../../core/runq.h"
#include "../../core/tests/until.h"
#include "vblk.h"

#define OK	VIRTIO_BLK_S_OK
#define IOERR	VIRTIO_BLK_S_IOERR
#define UNSUPP	VIRTIO_BLK_S_UNSUPP

static bool on_disk(struct vblk *v, u64 sector, size_t len, u32 seed)
{
	u64 pos = sector << SECTOR_SHIFT;

	return vblk_matches(v->ram->data + pos, pos, len, seed);
}

static bool received(struct vblk *v, u64 sector, size_t len, u32 seed)
{
	return vblk_matches(vblk_in(v), sector << SECTOR_SHIFT, len, seed);
}

/* -------------------------------------------------------- reads and writes */

static void every_shape(struct kunit *test, struct vblk *v, u32 len)
{
	unsigned int shape;

	for (shape = 0; shape < VBLK_SHAPES; shape++) {
		u64 sector = 16 * shape;

		KUNIT_ASSERT_EQ(test, OK, vblk_write(v, shape, sector, len, shape));
		KUNIT_EXPECT_EQ(test, 1, v->len);
		if (v->ram)
			KUNIT_EXPECT_TRUE(test, on_disk(v, sector, len, shape));
		KUNIT_ASSERT_EQ(test, OK, vblk_read(v, shape, sector, len));
		KUNIT_EXPECT_EQ(test, len + 1, v->len);
		KUNIT_EXPECT_TRUE(test, received(v, sector, len, shape));
	}
}

static void data_of_any_shape(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	static const u32 lens[] = { 512, 5120, 36864, 200704 };
	static const unsigned int skews[] = { 0, 1, 512, 3000 };
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(lens); i++)
		for (k = 0; k < ARRAY_SIZE(skews); k++) {
			v->skew = skews[k];
			every_shape(test, v, lens[i]);
		}
}

static void data_that_ends_in_an_interrupt(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);

	v->ram->end = RAM_LATER;
	every_shape(test, v, 512);
	every_shape(test, v, 200704);
	v->skew = 100;
	every_shape(test, v, 200704);
	KUNIT_EXPECT_EQ(test, OK, vblk_simple(v, VIRTIO_BLK_T_FLUSH));
}

static void blocks_of_4096(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, 4096);

	every_shape(test, v, 8192);
	/* Half a block, and a block beside its place. */
	KUNIT_EXPECT_EQ(test, IOERR, vblk_read(v, VBLK_PARTS, 0, 2048));
	KUNIT_EXPECT_EQ(test, IOERR, vblk_read(v, VBLK_PARTS, 1, 4096));
}

#define BURST	64

static void many_at_once(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	unsigned long seen[BITS_TO_LONGS(BURST)] = {};
	unsigned int i;
	void *cookie;

	KUNIT_ASSERT_EQ(test, OK, vblk_write(v, VBLK_PARTS, 0, 512, 1));
	WRITE_ONCE(v->ram->end, RAM_HELD);
	vblk_header(v, VIRTIO_BLK_T_IN, 0);
	for (i = 0; i < BURST; i++)
		KUNIT_ASSERT_EQ(test, 0, vblk_put(v, VBLK_PARTS, VBLK_HDR, 513,
						  (void *)(i + 1ul)));
	for (i = 0; i < 2000 && ram_waiting(v->ram) < BURST; i++)
		usleep_range(1000, 2000);
	KUNIT_EXPECT_EQ(test, BURST, ram_waiting(v->ram));
	/* In another order than they came. */
	ram_release(v->ram);
	for (i = 0; i < BURST; i++) {
		cookie = vblk_wait(v);
		KUNIT_ASSERT_NOT_NULL(test, cookie);
		KUNIT_EXPECT_FALSE(test, __test_and_set_bit((unsigned long)cookie - 1,
							    seen));
		KUNIT_EXPECT_EQ(test, 513, v->len);
	}
	KUNIT_EXPECT_TRUE(test, received(v, 0, 512, 1));
	WRITE_ONCE(v->ram->end, RAM_NOW);
}

static void nothing_is_moved_where_nothing_is_asked(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);

	KUNIT_EXPECT_EQ(test, OK, vblk_write(v, VBLK_PARTS, 0, 0, 0));
	KUNIT_EXPECT_EQ(test, OK, vblk_read(v, VBLK_PARTS, 0, 0));
	KUNIT_EXPECT_EQ(test, 1, v->len);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(ram_count(v->ram, REQ_OP_READ)));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(ram_count(v->ram, REQ_OP_WRITE)));
}

/* ------------------------------------------------------ the other requests */

static void flush_reaches_the_disk(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);

	KUNIT_EXPECT_EQ(test, OK, vblk_simple(v, VIRTIO_BLK_T_FLUSH));
	KUNIT_EXPECT_EQ(test, 1, v->len);
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&v->ram->flushes));
}

static void identity(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	unsigned int len;

	for (len = 0; len <= 24; len++) {
		vblk_header(v, VIRTIO_BLK_T_GET_ID, 0);
		KUNIT_EXPECT_EQ(test, OK, vblk_do(v, len & 1 ? VBLK_WHOLE : VBLK_ODD,
						  VBLK_HDR, len + 1));
		KUNIT_EXPECT_MEMEQ(test, vblk_in(v), VBLK_SERIAL, min(len, 20u));
		/* What lies between was not written, so it is not counted. */
		KUNIT_EXPECT_EQ(test, len <= 20 ? len + 1 : 20, v->len);
	}
}

static void the_ways_to_clear(struct kunit *test)
{
	static const struct {
		u32 type;
		u32 flags;
		u8 byte;
		enum req_op op;
	} ways[] = {
		{ VIRTIO_BLK_T_DISCARD, 0, 0, REQ_OP_DISCARD },
		{ VIRTIO_BLK_T_WRITE_ZEROES, 0, 0, REQ_OP_WRITE_ZEROES },
		{ VIRTIO_BLK_T_WRITE_ZEROES, VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP, 0,
		  REQ_OP_WRITE_ZEROES },
		{ VIRTIO_BLK_T_SECURE_ERASE, 0, 0xee, REQ_OP_SECURE_ERASE },
	};
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		atomic_set(ram_count(v->ram, ways[i].op), 0);
		KUNIT_ASSERT_EQ(test, OK, vblk_write(v, VBLK_PARTS, 0, 16384, i));
		KUNIT_EXPECT_EQ(test, OK, vblk_clear(v, ways[i].type, 8, 8,
						     ways[i].flags));
		KUNIT_EXPECT_EQ(test, 1, v->len);
		KUNIT_EXPECT_EQ_MSG(test, 1,
				    atomic_read(ram_count(v->ram, ways[i].op)),
				    "way %u", i);
		/* That range, and not a byte beside it. */
		KUNIT_EXPECT_TRUE(test, on_disk(v, 0, 4096, i));
		KUNIT_EXPECT_NULL(test, memchr_inv(v->ram->data + 4096,
						   ways[i].byte, 4096));
		KUNIT_EXPECT_TRUE(test, on_disk(v, 16, 8192, i));
	}
}

static void several_ranges(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	struct virtio_blk_discard_write_zeroes r[VHB_RANGES] = {};
	unsigned int i;

	KUNIT_ASSERT_EQ(test, OK, vblk_write(v, VBLK_PARTS, 0, 65536, 7));
	/* Every other sector, and one range in between that is empty. */
	for (i = 0; i < VHB_RANGES; i++) {
		r[i].sector = cpu_to_le64(2 * i);
		r[i].num_sectors = cpu_to_le32(i != 5);
	}
	vblk_header(v, VIRTIO_BLK_T_WRITE_ZEROES, 0);
	memcpy(vblk_data(v), r, sizeof(r));
	KUNIT_EXPECT_EQ(test, OK, vblk_do(v, VBLK_ODD, VBLK_HDR + sizeof(r), 1));
	for (i = 0; i < 2 * VHB_RANGES; i++)
		KUNIT_EXPECT_EQ(test, i & 1 || i == 10, on_disk(v, i, 512, 7));
}

/* --------------------------------------------------------------- the cache */

static void a_cache_that_is_off_makes_writes_durable(struct kunit *test)
{
	unsigned int where = offsetof(struct virtio_blk_config, wce);
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	u8 wce = 0;

	KUNIT_ASSERT_EQ(test, OK, vblk_write(v, VBLK_PARTS, 0, 512, 1));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&v->ram->fua));
	KUNIT_ASSERT_EQ(test, 0,
			parley_vhost_config_set(v->dev, where, &wce, 1));
	/* What was in the cache is durable, and what comes will be. */
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&v->ram->flushes));
	KUNIT_ASSERT_EQ(test, OK, vblk_write(v, VBLK_PARTS, 0, 200704, 2));
	KUNIT_EXPECT_EQ(test, atomic_read(ram_count(v->ram, REQ_OP_WRITE)) - 1,
			atomic_read(&v->ram->fua));
	v->skew = 1;
	atomic_set(&v->ram->fua, 0);
	KUNIT_ASSERT_EQ(test, OK, vblk_write(v, VBLK_PARTS, 0, 512, 2));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&v->ram->fua));
	KUNIT_EXPECT_EQ(test, OK, vblk_clear(v, VIRTIO_BLK_T_WRITE_ZEROES, 0, 1, 0));
	KUNIT_EXPECT_EQ(test, 2, atomic_read(&v->ram->flushes));
}

/* Spec 5.2.6.2: who cannot flush gets what needs no flush. */
static void no_flush_feature_means_write_through(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);

	vblk_stop(v);
	KUNIT_ASSERT_EQ(test, 0, vblk_run(v, BIT_ULL(VIRTIO_BLK_F_FLUSH) |
					  BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE)));
	KUNIT_ASSERT_EQ(test, OK, vblk_write(v, VBLK_PARTS, 0, 512, 1));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&v->ram->fua));
}

/* ------------------------------------------------- polling of the back end */

/* Requests that end by polling only, and how many of them were. */
static void requests_are_polled_for(struct kunit *test)
{
	const struct vblk_ring *ring = test->param_value;
	struct ram *ram = ram_create(SECTOR_SIZE, BLK_OPEN_READ | BLK_OPEN_WRITE);
	struct vblk *v;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, ram);
	v = vblk_open(test, ring->features, ram, NULL, PARLEY_BLK_POLL);
	WRITE_ONCE(ram->end, RAM_POLLED);
	for (i = 0; i < 20; i++) {
		KUNIT_ASSERT_EQ(test, OK, vblk_write(v, VBLK_PARTS, 8 * i, 4096, i));
		KUNIT_EXPECT_TRUE(test, on_disk(v, 8 * i, 4096, i));
	}
	KUNIT_EXPECT_EQ(test, 20, atomic_read(&ram->polled));
	KUNIT_EXPECT_GE(test, atomic_read(&ram->polls), 20);
	/* Many at once: one look may end them all, none is left behind. */
	vblk_header(v, VIRTIO_BLK_T_IN, 0);
	for (i = 0; i < BURST; i++)
		KUNIT_ASSERT_EQ(test, 0, vblk_put(v, VBLK_PARTS, VBLK_HDR, 513,
						  (void *)(i + 1ul)));
	for (i = 0; i < BURST; i++)
		KUNIT_ASSERT_NOT_NULL(test, vblk_wait(v));
	KUNIT_EXPECT_EQ(test, 20 + BURST, atomic_read(&ram->polled));
	/* What takes several bios, and what moves no data, ends by itself. */
	KUNIT_EXPECT_EQ(test, OK, vblk_write(v, VBLK_PARTS, 0, 200704, 1));
	KUNIT_EXPECT_EQ(test, OK, vblk_simple(v, VIRTIO_BLK_T_FLUSH));
	KUNIT_EXPECT_EQ(test, 20 + BURST, atomic_read(&ram->polled));
}

static void nothing_is_polled_for_unless_asked(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);

	v->ram->end = RAM_POLLED;
	every_shape(test, v, 512);
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&v->ram->polled));
	KUNIT_EXPECT_EQ(test, 0, atomic_read(&v->ram->polls));
}

/* The block layer polls for no bio that it cut: nor do we, and the worker sleeps. */
static void a_bio_that_is_cut_is_not_polled_for(struct kunit *test)
{
	struct ram *ram = ram_create(SECTOR_SIZE, BLK_OPEN_READ | BLK_OPEN_WRITE);
	struct vh_worker *w;
	struct vblk *v;

	KUNIT_ASSERT_NOT_NULL(test, ram);
	ram->disk->queue->limits.max_sectors = 8;
	ram->splits = true;
	v = vblk_open(test, 0, ram, NULL, PARLEY_BLK_POLL);
	w = rcu_dereference_raw(v->vq->worker);
	WRITE_ONCE(ram->end, RAM_HELD);
	vblk_header(v, VIRTIO_BLK_T_IN, 0);
	KUNIT_ASSERT_EQ(test, 0, vblk_put(v, VBLK_PARTS, VBLK_HDR, 8193, v));
	KUNIT_EXPECT_TRUE(test, vh_until(ram_waiting(ram) == 2));
	KUNIT_EXPECT_TRUE(test, vh_until(READ_ONCE(w->sleeping)));
	ram_release(ram);
	KUNIT_EXPECT_PTR_EQ(test, v, vblk_wait(v));
	KUNIT_EXPECT_EQ(test, OK, vblk_in(v)[8192]);
	/* What is not cut is polled for, with one that is before it. */
	WRITE_ONCE(ram->end, RAM_POLLED);
	KUNIT_ASSERT_EQ(test, 0, vblk_put(v, VBLK_PARTS, VBLK_HDR, 8193, v));
	KUNIT_ASSERT_EQ(test, 0, vblk_put(v, VBLK_PARTS, VBLK_HDR, 4097, v));
	KUNIT_EXPECT_PTR_EQ(test, v, vblk_wait(v));
	KUNIT_EXPECT_PTR_EQ(test, v, vblk_wait(v));
	KUNIT_EXPECT_EQ(test, 1, atomic_read(&ram->polled));
}

/* ----------------------------------------------------------- configuration */

static void config_of(struct vblk *v, struct virtio_blk_config *cfg)
{
	memset(cfg, 0xaa, sizeof(*cfg));
	KUNIT_ASSERT_EQ(v->test, 0, parley_vhost_config(v->dev, cfg));
}

static void the_configuration_is_the_disks(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	struct virtio_blk_config cfg;

	config_of(v, &cfg);
	KUNIT_EXPECT_EQ(test, RAM_SECTORS, __virtio64_to_cpu(true, cfg.capacity));
	KUNIT_EXPECT_EQ(test, 512, __virtio32_to_cpu(true, cfg.blk_size));
	KUNIT_EXPECT_EQ(test, 3, cfg.physical_block_exp);
	KUNIT_EXPECT_EQ(test, VHB_SEGS, __virtio32_to_cpu(true, cfg.seg_max));
	/* A chain may not be longer than a ring, and QEMU's have 128. */
	KUNIT_EXPECT_LE(test, __virtio32_to_cpu(true, cfg.seg_max) + 2, 128);
	KUNIT_EXPECT_EQ(test, 1, cfg.wce);
	KUNIT_EXPECT_EQ(test, VHB_RANGES,
			__virtio32_to_cpu(true, cfg.max_discard_seg));
	KUNIT_EXPECT_NE(test, 0, __virtio32_to_cpu(true, cfg.max_secure_erase_sectors));
}

static void changed(void *priv)
{
	complete(priv);
}

static void a_new_size_is_told(struct kunit *test)
{
	struct vblk *v = vblk_ram(test, SECTOR_SIZE);
	DECLARE_COMPLETION_ONSTACK(told);
	struct virtio_blk_config cfg;

	KUNIT_ASSERT_EQ(test, 0, parley_vhost_on_config_change(v->dev, changed,
							       &told));
	set_capacity(v->ram->disk, RAM_SECTORS / 2 + 1);
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_blk_update_size(v->dev));
	KUNIT_EXPECT_TRUE(test, try_wait_for_completion(&told));
	KUNIT_ASSERT_EQ(test, 0, parley_vhost_blk_update_size(v->dev));
	/* Only of what changed. */
	KUNIT_EXPECT_FALSE(test, try_wait_for_completion(&told));
	config_of(v, &cfg);
	KUNIT_EXPECT_EQ(test, RAM_SECTORS / 2 + 1,
			__virtio64_to_cpu(true, cfg.capacity));
	KUNIT_EXPECT_EQ(test, OK, vblk_read(v, VBLK_PARTS, RAM_SECTORS / 2, 512));
	KUNIT_EXPECT_EQ(test, IOERR, vblk_read(v, VBLK_PARTS, RAM_SECTORS / 2, 1024));
	parley_vhost_on_config_change(v->dev, NULL, NULL);
}

/* ------------------------------------------------------------------- files */

static void file_put(void *file)
{
	fput(file);
}

/* A file in memory; @direct makes us use IOCB_DIRECT, which it then takes. */
static struct vblk *vblk_file(struct kunit *test, bool direct)
{
	const struct vblk_ring *ring = test->param_value;
	struct file *file = shmem_file_setup("parley-test", RAM_BYTES, EMPTY_VMA_FLAGS);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, file_put, file));
	if (direct)
		file->f_mode |= FMODE_CAN_ODIRECT;
	return vblk_open(test, ring->features, NULL, file, 0);
}

/* @zeroes: we write them, which a file in memory cannot do by itself without a hole */
static void a_file(struct kunit *test, bool direct, bool zeroes)
{
	struct vblk *v = vblk_file(test, direct);
	u32 end;

	every_shape(test, v, 512);
	every_shape(test, v, 200704);
	v->skew = 1;
	every_shape(test, v, 200704);
	KUNIT_EXPECT_EQ(test, OK, vblk_simple(v, VIRTIO_BLK_T_FLUSH));
	v->skew = 0;
	KUNIT_ASSERT_EQ(test, OK, vblk_write(v, VBLK_PARTS, 0, 8192, 3));
	KUNIT_EXPECT_EQ(test, OK, vblk_clear(v, VIRTIO_BLK_T_DISCARD, 0, 8, 0));
	KUNIT_EXPECT_EQ(test, OK, vblk_clear(v, VIRTIO_BLK_T_WRITE_ZEROES, 8, 2,
					     VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP));
	KUNIT_EXPECT_EQ(test, zeroes ? OK : UNSUPP,
			vblk_clear(v, VIRTIO_BLK_T_WRITE_ZEROES, 10, 1, 0));
	/* Nobody can erase a file for good. */
	KUNIT_EXPECT_EQ(test, UNSUPP,
			vblk_clear(v, VIRTIO_BLK_T_SECURE_ERASE, 11, 1, 0));
	KUNIT_ASSERT_EQ(test, OK, vblk_read(v, VBLK_PARTS, 0, 8192));
	end = (zeroes ? 11 : 10) * SECTOR_SIZE;
	KUNIT_EXPECT_NULL(test, memchr_inv(vblk_in(v), 0, end));
	KUNIT_EXPECT_TRUE(test, vblk_matches(vblk_in(v) + end, end, 8192 - end, 3));
}

static void a_file_through_the_page_cache(struct kunit *test)
{
	a_file(test, false, false);
}

static void a_file_directly(struct kunit *test)
{
	a_file(test, true, false);
}

static void writes_no_zeroes(void *arg)
{
	vhb_zero_by_writing = false;
}

static void a_file_whose_zeroes_are_written(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, writes_no_zeroes, NULL));
	vhb_zero_by_writing = true;
	a_file(test, true, true);
}

/* The file shrank and nobody told us: zeroes, and not what lay in memory. */
static void beyond_the_end(struct kunit *test, bool direct)
{
	struct vblk *v = vblk_file(test, direct);
	struct inode *inode = file_inode(v->file);

	KUNIT_ASSERT_EQ(test, OK, vblk_write(v, VBLK_PARTS, 0, 16384, 3));
	i_size_write(inode, 1000);
	KUNIT_ASSERT_EQ(test, OK, vblk_read(v, VBLK_PARTS, 0, 16384));
	KUNIT_EXPECT_EQ(test, 16385, v->len);
	KUNIT_EXPECT_TRUE(test, received(v, 0, 1000, 3));
	KUNIT_EXPECT_NULL(test, memchr_inv(vblk_in(v) + 1000, 0, 16384 - 1000));
	i_size_write(inode, RAM_BYTES);
}

static void beyond_the_end_of_a_file_are_zeroes(struct kunit *test)
{
	beyond_the_end(test, false);
	beyond_the_end(test, true);
}

static void a_disk_has_the_threads_that_it_uses(struct kunit *test)
{
	struct ram *ram = ram_create(SECTOR_SIZE, BLK_OPEN_READ);
	struct vhb *blk;

	KUNIT_ASSERT_NOT_NULL(test, ram);
	blk = parley_vhost_priv(vblk_open(test, 0, ram, NULL, 0)->dev);
	KUNIT_EXPECT_NULL(test, blk->be->admin);
	KUNIT_EXPECT_NULL(test, blk->be->io);
	blk = parley_vhost_priv(vblk_ram(test, SECTOR_SIZE)->dev);
	KUNIT_EXPECT_NOT_NULL(test, blk->be->admin);
	KUNIT_EXPECT_NULL(test, blk->be->io);
	blk = parley_vhost_priv(vblk_file(test, true)->dev);
	KUNIT_EXPECT_NOT_NULL(test, blk->be->admin);
	KUNIT_EXPECT_NOT_NULL(test, blk->be->io);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(data_of_any_shape, vblk_ring_gen),
	KUNIT_CASE_PARAM(data_that_ends_in_an_interrupt, vblk_ring_gen),
	KUNIT_CASE(blocks_of_4096),
	KUNIT_CASE_PARAM(many_at_once, vblk_ring_gen),
	KUNIT_CASE(nothing_is_moved_where_nothing_is_asked),
	KUNIT_CASE_PARAM(flush_reaches_the_disk, vblk_ring_gen),
	KUNIT_CASE_PARAM(identity, vblk_ring_gen),
	KUNIT_CASE_PARAM(the_ways_to_clear, vblk_ring_gen),
	KUNIT_CASE(several_ranges),
	KUNIT_CASE(a_cache_that_is_off_makes_writes_durable),
	KUNIT_CASE(no_flush_feature_means_write_through),
	KUNIT_CASE_PARAM(requests_are_polled_for, vblk_ring_gen),
	KUNIT_CASE(nothing_is_polled_for_unless_asked),
	KUNIT_CASE(a_bio_that_is_cut_is_not_polled_for),
	KUNIT_CASE(the_configuration_is_the_disks),
	KUNIT_CASE(a_new_size_is_told),
	KUNIT_CASE_PARAM(a_file_through_the_page_cache, vblk_ring_gen),
	KUNIT_CASE_PARAM(a_file_directly, vblk_ring_gen),
	KUNIT_CASE_PARAM(a_file_whose_zeroes_are_written, vblk_ring_gen),
	KUNIT_CASE_PARAM(beyond_the_end_of_a_file_are_zeroes, vblk_ring_gen),
	KUNIT_CASE_PARAM(a_disk_has_the_threads_that_it_uses, vblk_ring_gen),
	{}
};

static struct kunit_suite suite = {
	.name = "parley_vhost_blk",
	.test_cases = cases,
};

kunit_test_suite(suite);

PARLEY_IMPORT;
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_DESCRIPTION("Parley KUnit suites: vhost blk");
MODULE_LICENSE("GPL");
