// SPDX-License-Identifier: GPL-2.0-only
/*
 * See disk.h.
 */
#include <linux/slab.h>
#include <parley/device.h>
#include "disk.h"

#define DISK_TIMEOUT	(30 * HZ)

/* They may end after the test did, and are freed when the next one begins. */
static LIST_HEAD(ios);

static u32 pattern(u64 at, u32 seed)
{
	return (u32)(at * 2654435761u) ^ (seed * 40503u + 1);
}

static int take_disk(struct device *dev, void *devt)
{
	if (!dev->class || strcmp(dev->class->name, "block"))
		return 0;
	*(dev_t *)devt = dev->devt;
	return 1;
}

/* The block device on a mock, if its front-end made one. */
bool disk_find(struct parley_mock *mock, dev_t *devt)
{
	struct parley_device *pd = parley_loopback_device(mock->lb);

	return device_for_each_child(&pd->dev, devt, take_disk);
}

static void disk_close(void *arg)
{
	struct disk *d = arg;

	if (!IS_ERR_OR_NULL(d->file))
		bdev_fput(d->file);
	if (!IS_ERR_OR_NULL(d->blk))
		parley_mock_blk_destroy(d->blk);
	kfree(d);
}

/* A disk with its front-end; goes with the test at the latest. */
struct disk *disk_new_of(struct kunit *test,
			 const struct parley_mock_blk_config *cfg)
{
	struct disk *d = kzalloc(sizeof(*d), GFP_KERNEL);
	dev_t devt;

	KUNIT_ASSERT_NOT_NULL(test, d);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, disk_close, d));
	d->blk = parley_mock_blk_create(cfg);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, d->blk);
	d->mock = parley_mock_blk_mock(d->blk);
	d->pd = parley_loopback_device(d->mock->lb);
	KUNIT_ASSERT_TRUE_MSG(test, disk_find(d->mock, &devt),
			      "no disk: is parley_blk loaded?");
	d->file = bdev_file_open_by_dev(devt, BLK_OPEN_READ | BLK_OPEN_WRITE,
					NULL, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, d->file);
	d->bdev = file_bdev(d->file);
	return d;
}

struct disk *disk_new(struct kunit *test, u64 features, unsigned int queues)
{
	struct parley_mock_blk_config cfg = {
		.sectors = DISK_SECTORS,
		.queues = queues,
		.queue_size = DISK_QUEUE_SIZE,
		.features = features | PARLEY_MOCK_BLK_FEATURES,
	};

	return disk_new_of(test, &cfg);
}

/* Destroy the device now, with the block device still open. */
void disk_end(struct kunit *test, struct disk *d)
{
	parley_mock_blk_destroy(d->blk);
	d->blk = NULL;
	d->mock = NULL;
	d->pd = NULL;
}

static void fill(struct disk_io *io, u32 seed)
{
	unsigned int page, i;

	for (page = 0; page < DISK_IO_PAGES; page++) {
		u32 *words = page_address(io->vec[page].bv_page);
		u64 at = ((u64)io->sector << SECTOR_SHIFT) + page * PAGE_SIZE;

		for (i = 0; i < PAGE_SIZE / 4; i++)
			words[i] = pattern(at + 4 * i, seed);
	}
}

static void disk_io_end(struct bio *bio)
{
	struct disk_io *io = container_of(bio, struct disk_io, bio);

	atomic_inc(&io->ends);
	complete_all(&io->done);
}

static void disk_io_free(struct disk_io *io)
{
	unsigned int i;

	for (i = 0; i < DISK_IO_PAGES; i++)
		if (io->vec[i].bv_page)
			__free_page(io->vec[i].bv_page);
	kfree(io);
}

static struct disk_io *disk_io_alloc(struct block_device *bdev, blk_opf_t op,
				     sector_t sector)
{
	struct disk_io *io = kzalloc(sizeof(*io), GFP_KERNEL);
	unsigned int i;

	if (!io)
		return NULL;
	init_completion(&io->done);
	io->sector = sector;
	bio_init(&io->bio, bdev, io->vec, DISK_IO_PAGES, op);
	io->bio.bi_iter.bi_sector = sector;
	io->bio.bi_end_io = disk_io_end;
	for (i = 0; i < DISK_IO_PAGES; i++) {
		struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

		if (!page) {
			disk_io_free(io);
			return NULL;
		}
		__bio_add_page(&io->bio, page, PAGE_SIZE, 0);
	}
	return io;
}

/* The bio of disk_io_start(), not yet submitted. */
struct disk_io *disk_io_prepare(struct disk *d, blk_opf_t op, sector_t sector,
				u32 seed)
{
	struct disk_io *io = disk_io_alloc(d->bdev, op, sector);

	if (!io)
		return NULL;
	list_add(&io->node, &ios);
	if (op_is_write(op))
		fill(io, seed);
	return io;
}

/**
 * disk_io_start() - submit a bio of DISK_IO_BYTES
 * @test: test
 * @d: disk
 * @op: REQ_OP_READ or REQ_OP_WRITE, and flags
 * @sector: where
 * @seed: of what is written
 *
 * Return: the bio, which the harness frees; NULL if there is no memory.
 */
struct disk_io *disk_io_start(struct kunit *test, struct disk *d,
			      blk_opf_t op, sector_t sector, u32 seed)
{
	struct disk_io *io = disk_io_prepare(d, op, sector, seed);

	if (io)
		submit_bio(&io->bio);
	return io;
}

/* Return: 0, the error of the bio, or -ETIMEDOUT if it never ended. */
int disk_io_wait(struct disk_io *io)
{
	if (!wait_for_completion_timeout(&io->done, DISK_TIMEOUT))
		return -ETIMEDOUT;
	return blk_status_to_errno(io->bio.bi_status);
}

void disk_io_free_all(void)
{
	struct disk_io *io, *next;

	list_for_each_entry_safe(io, next, &ios, node)
		disk_io_free(io);
	INIT_LIST_HEAD(&ios);
}

static bool matches(const u32 *words, u64 at, size_t bytes, u32 seed)
{
	size_t i;

	for (i = 0; i < bytes / 4; i++)
		if (words[i] != pattern(at + 4 * i, seed))
			return false;
	return true;
}

/* Is this what was written there with this seed? */
bool disk_io_matches(struct disk_io *io, u32 seed)
{
	unsigned int i;

	for (i = 0; i < DISK_IO_PAGES; i++)
		if (!matches(page_address(io->vec[i].bv_page),
			     ((u64)io->sector << SECTOR_SHIFT) + i * PAGE_SIZE,
			     PAGE_SIZE, seed))
			return false;
	return true;
}

/* Has the disk itself what was written there? */
bool disk_store_matches(struct disk *d, sector_t sector, u32 seed)
{
	u64 at = (u64)sector << SECTOR_SHIFT;

	return matches(parley_mock_blk_data(d->blk) + at, at, DISK_IO_BYTES,
		       seed);
}

/**
 * disk_write_read() - write, look at the disk, and read back
 * @test: test
 * @d: disk
 * @sector: where
 * @seed: of what is written
 *
 * Return: 0; -EILSEQ if data is wrong; another error.
 */
int disk_write_read(struct kunit *test, struct disk *d, sector_t sector,
		    u32 seed)
{
	struct disk_io *io;
	int err;

	io = disk_io_start(test, d, REQ_OP_WRITE, sector, seed);
	if (!io)
		return -ENOMEM;
	err = disk_io_wait(io);
	if (err)
		return err;
	if (!disk_store_matches(d, sector, seed))
		return -EILSEQ;
	io = disk_io_start(test, d, REQ_OP_READ, sector, seed);
	if (!io)
		return -ENOMEM;
	err = disk_io_wait(io);
	if (err)
		return err;
	return disk_io_matches(io, seed) ? 0 : -EILSEQ;
}

static int long_io(struct disk *d, struct page *page, blk_opf_t op,
		   sector_t sector)
{
	struct bio_vec vec;
	struct bio bio;

	bio_init(&bio, d->bdev, &vec, 1, op);
	bio.bi_iter.bi_sector = sector;
	__bio_add_page(&bio, page, DISK_LONG_BYTES, 0);
	return submit_bio_wait(&bio);
}

/**
 * disk_write_read_long() - the same with one piece of contiguous memory
 * @d: disk
 * @sector: where
 * @seed: of what is written
 *
 * Return: as disk_write_read().
 */
int disk_write_read_long(struct disk *d, sector_t sector, u32 seed)
{
	u64 at = (u64)sector << SECTOR_SHIFT;
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP,
					get_order(DISK_LONG_BYTES));
	u32 *words;
	size_t i;
	int err;

	if (!page)
		return -ENOMEM;
	words = page_address(page);
	for (i = 0; i < DISK_LONG_BYTES / 4; i++)
		words[i] = pattern(at + 4 * i, seed);
	err = long_io(d, page, REQ_OP_WRITE, sector);
	if (!err && !matches(parley_mock_blk_data(d->blk) + at, at,
			     DISK_LONG_BYTES, seed))
		err = -EILSEQ;
	memset(words, 0, DISK_LONG_BYTES);
	if (!err)
		err = long_io(d, page, REQ_OP_READ, sector);
	if (!err && !matches(words, at, DISK_LONG_BYTES, seed))
		err = -EILSEQ;
	__free_pages(page, get_order(DISK_LONG_BYTES));
	return err;
}
