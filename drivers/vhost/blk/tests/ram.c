// SPDX-License-Identifier: GPL-2.0-only
/* See ram.h. */
#include <linux/highmem.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "ram.h"

#define RAM_DELAY_NS	50000
#define RAM_NS_PER_BYTE	10	/* of a slow one */

static u8 *ram_at(struct ram *ram, sector_t sector)
{
	return ram->data + (((u64)sector << SECTOR_SHIFT) & (RAM_BYTES - 1));
}

static void ram_copy(struct ram *ram, struct bio *bio)
{
	struct bvec_iter iter;
	struct bio_vec vec;

	bio_for_each_segment(vec, bio, iter) {
		u8 *at = ram_at(ram, iter.bi_sector);

		if (op_is_write(bio_op(bio)))
			memcpy_from_bvec(at, &vec);
		else
			memcpy_to_bvec(&vec, at);
	}
}

/* An erased sector is told from one that was zeroed. */
static void ram_clear(struct ram *ram, struct bio *bio, u8 byte)
{
	u8 *at = ram_at(ram, bio->bi_iter.bi_sector);

	memset(at, byte, min_t(size_t, bio->bi_iter.bi_size,
			       ram->data + RAM_BYTES - at));
}

static bool ram_bad(const struct ram *ram, const struct bio *bio)
{
	u64 start = bio->bi_iter.bi_sector;

	return ram->bad_nr && bio_sectors(bio) &&
	       start < ram->bad_start + ram->bad_nr &&
	       ram->bad_start < start + bio_sectors(bio);
}

static void ram_serve(struct ram *ram, struct bio *bio)
{
	if (bio->bi_opf & REQ_PREFLUSH)
		atomic_inc(&ram->flushes);
	if (bio->bi_opf & REQ_FUA)
		atomic_inc(&ram->fua);
	if (bio->bi_opf & REQ_POLLED)
		atomic_inc(&ram->polled);
	if (bio_sectors(bio)) {
		atomic_inc(ram_count(ram, bio_op(bio)));
		WRITE_ONCE(ram->ioprio, bio->bi_ioprio);
	}
	if (bio->bi_opf & REQ_PREFLUSH && READ_ONCE(ram->bad_flush)) {
		bio->bi_status = BLK_STS_IOERR;
		return;
	}
	if (ram_bad(ram, bio)) {
		bio->bi_status = ram->bad_status;
		return;
	}
	switch (bio_op(bio)) {
	case REQ_OP_READ:
	case REQ_OP_WRITE:
		atomic64_add(bio->bi_iter.bi_size, &ram->bytes);
		ram_copy(ram, bio);
		break;
	case REQ_OP_DISCARD:
	case REQ_OP_WRITE_ZEROES:
		ram_clear(ram, bio, 0);
		break;
	case REQ_OP_SECURE_ERASE:
		ram_clear(ram, bio, 0xee);
		break;
	case REQ_OP_FLUSH:
		break;
	default:
		bio->bi_status = BLK_STS_NOTSUPP;
	}
}

/* Under ram->lock: the first of those that wait is begun. */
static void ram_slow_next(struct ram *ram)
{
	struct bio *bio = bio_list_peek(&ram->waiting);

	/* A discard takes no longer for being large. */
	if (bio)
		hrtimer_start(&ram->timer, bio_op(bio) == REQ_OP_DISCARD ? NSEC_PER_MSEC :
			      (u64)bio->bi_iter.bi_size * RAM_NS_PER_BYTE,
			      HRTIMER_MODE_REL_SOFT);
}

static void ram_wait(struct ram *ram, struct bio *bio, enum ram_end end)
{
	scoped_guard(spinlock_irqsave, &ram->lock) {
		bio_list_add(&ram->waiting, bio);
		ram->bytes_waiting += bio->bi_iter.bi_size;
		if (!ram->nr_waiting++ && end == RAM_SLOW)
			ram_slow_next(ram);
	}
}

static void ram_submit_bio(struct bio *bio)
{
	struct ram *ram = bio->bi_bdev->bd_disk->private_data;
	enum ram_end end = READ_ONCE(ram->end);

	if (ram->splits)
		bio = bio_split_to_limits(bio);
	if (!bio)
		return;
	ram_serve(ram, bio);
	if (end == RAM_NOW || (end == RAM_POLLED && !(bio->bi_opf & REQ_POLLED))) {
		bio_endio(bio);
		return;
	}
	/* Any other cookie than none: there is something to poll for. */
	if (end == RAM_POLLED)
		WRITE_ONCE(bio->bi_cookie, ~BLK_QC_T_NONE);
	ram_wait(ram, bio, end);
	if (end == RAM_LATER)
		hrtimer_start(&ram->timer, RAM_DELAY_NS, HRTIMER_MODE_REL_SOFT);
}

/* End all that wait, the last one first. */
void ram_release(struct ram *ram)
{
	struct bio_list bios = BIO_EMPTY_LIST;
	struct bio *bio;

	scoped_guard(spinlock_irqsave, &ram->lock) {
		while ((bio = bio_list_pop(&ram->waiting)))
			bio_list_add_head(&bios, bio);
		ram->nr_waiting = 0;
		ram->bytes_waiting = 0;
	}
	while ((bio = bio_list_pop(&bios)))
		bio_endio(bio);
}

unsigned int ram_waiting(struct ram *ram)
{
	unsigned int nr;

	scoped_guard(spinlock_irqsave, &ram->lock)
		nr = ram->nr_waiting;
	return nr;
}

u64 ram_bytes_waiting(struct ram *ram)
{
	u64 bytes;

	scoped_guard(spinlock_irqsave, &ram->lock)
		bytes = ram->bytes_waiting;
	return bytes;
}

/* End the first that waits, and begin the next. */
static void ram_slow_end(struct ram *ram)
{
	struct bio *bio;

	scoped_guard(spinlock_irqsave, &ram->lock) {
		bio = bio_list_pop(&ram->waiting);
		if (bio) {
			ram->nr_waiting--;
			ram->bytes_waiting -= bio->bi_iter.bi_size;
		}
	}
	if (!bio)
		return;
	bio_endio(bio);
	scoped_guard(spinlock_irqsave, &ram->lock)
		if (!hrtimer_is_queued(&ram->timer))
			ram_slow_next(ram);
}

static enum hrtimer_restart ram_timer(struct hrtimer *timer)
{
	struct ram *ram = container_of(timer, struct ram, timer);

	if (READ_ONCE(ram->end) == RAM_SLOW)
		ram_slow_end(ram);
	else
		ram_release(ram);
	return HRTIMER_NORESTART;
}

/* Once is not enough: whoever polls has to come again. */
static int ram_poll_bio(struct bio *bio, struct io_comp_batch *iob,
			unsigned int flags)
{
	struct ram *ram = bio->bi_bdev->bd_disk->private_data;

	if (atomic_inc_return(&ram->polls) % 3 == 0)
		ram_release(ram);
	return 0;
}

static const struct block_device_operations ram_fops = {
	.owner		= THIS_MODULE,
	.submit_bio	= ram_submit_bio,
	.poll_bio	= ram_poll_bio,
};

static struct gendisk *ram_disk(struct ram *ram, unsigned int block)
{
	struct queue_limits lim = {
		.logical_block_size = block,
		.physical_block_size = 4096,
		.max_hw_discard_sectors = UINT_MAX,
		.max_write_zeroes_sectors = UINT_MAX,
		.max_secure_erase_sectors = UINT_MAX,
		.discard_granularity = block,
		.features = BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA | BLK_FEAT_POLL,
	};
	static atomic_t number;
	struct gendisk *disk;

	disk = blk_alloc_disk(&lim, NUMA_NO_NODE);
	if (IS_ERR(disk))
		return disk;
	snprintf(disk->disk_name, DISK_NAME_LEN, "parley-test%d",
		 atomic_inc_return(&number));
	disk->fops = &ram_fops;
	disk->private_data = ram;
	disk->flags |= GENHD_FL_NO_PART;
	set_capacity(disk, RAM_SECTORS);
	return disk;
}

/**
 * ram_create() - make a disk and open it
 * @block: its logical block size
 * @mode: how to open it
 *
 * Return: the disk, or NULL.
 */
struct ram *ram_create(unsigned int block, blk_mode_t mode)
{
	struct ram *ram = kzalloc(sizeof(*ram), GFP_KERNEL);

	if (!ram)
		return NULL;
	spin_lock_init(&ram->lock);
	hrtimer_setup(&ram->timer, ram_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_SOFT);
	/* A page more, for data that begins inside the last one. */
	ram->data = vzalloc(RAM_BYTES + PAGE_SIZE);
	if (!ram->data)
		goto free;
	ram->disk = ram_disk(ram, block);
	if (IS_ERR(ram->disk))
		goto free_data;
	if (add_disk(ram->disk))
		goto put;
	ram->file = bdev_file_open_by_dev(disk_devt(ram->disk), mode, NULL,
					  NULL);
	if (!IS_ERR(ram->file))
		return ram;
	del_gendisk(ram->disk);
put:
	put_disk(ram->disk);
free_data:
	vfree(ram->data);
free:
	kfree(ram);
	return NULL;
}

/* Surprise removal: what waits fails, what comes fails. */
void ram_pull(struct ram *ram)
{
	blk_mark_disk_dead(ram->disk);
	ram_release(ram);
	del_gendisk(ram->disk);
}

void ram_destroy(struct ram *ram)
{
	hrtimer_cancel(&ram->timer);
	ram_release(ram);
	if (disk_live(ram->disk))
		del_gendisk(ram->disk);
	bdev_fput(ram->file);
	put_disk(ram->disk);
	vfree(ram->data);
	kfree(ram);
}
