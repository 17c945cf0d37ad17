// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost blk: the back end, from the file that the VMM opened to letting go.
 */
#include <linux/file.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include "blk.h"

/* At once, of one disk: the rest waits, and the rings do not. */
#define VHB_ADMIN_ACTIVE	4
#define VHB_IO_ACTIVE		16

static int vhb_backend_bdev(struct vhb *blk, struct vhb_backend *be, u32 flags)
{
	struct block_device *bdev = I_BDEV(be->file->f_mapping->host);

	if (bdev_is_zoned(bdev)) {
		vhb_say(blk, "a zoned block device cannot be a back end\n");
		return -EOPNOTSUPP;
	}
	if (flags & PARLEY_BLK_512 && bdev_logical_block_size(bdev) > SECTOR_SIZE) {
		be->coarse = bdev;
		be->ops = &vhb_coarse_ops;
	} else {
		be->bdev = bdev;
		be->ops = &vhb_bdev_ops;
	}
	return 0;
}

/* What kind of file is it?  Refused with a reason that a user can act on. */
static int vhb_backend_kind(struct vhb *blk, struct vhb_backend *be, u32 flags)
{
	struct inode *inode = file_inode(be->file);

	if (S_ISBLK(inode->i_mode))
		return vhb_backend_bdev(blk, be, flags);
	if (S_ISREG(inode->i_mode)) {
		be->ops = &vhb_file_ops;
		if (be->file->f_op->read_iter && !IS_SWAPFILE(inode))
			return 0;
	}
	vhb_say(blk, "back end: neither a block device nor a regular file\n");
	return -EINVAL;
}

static int vhb_backend_mode(struct vhb *blk, struct vhb_backend *be, u32 flags)
{
	struct block_device *bdev = be->bdev ?: be->coarse;
	fmode_t mode = be->file->f_mode;

	if (!(mode & FMODE_READ)) {
		vhb_say(blk, "back end is not open for reading\n");
		return -EBADF;
	}
	if (be->file->f_flags & O_APPEND) {
		vhb_say(blk, "back end is open for appending\n");
		return -EINVAL;
	}
	be->read_only = !(mode & FMODE_WRITE) || flags & PARLEY_BLK_READ_ONLY ||
			(bdev && bdev_read_only(bdev));
	be->poll = be->bdev && flags & PARLEY_BLK_POLL &&
		   bdev_get_queue(be->bdev)->limits.features & BLK_FEAT_POLL;
	return 0;
}

/*
 * Blocks larger than the back end's own, if the VMM wants them, and nothing that is
 * no whole number of them.
 */
static void vhb_backend_block(struct vhb_limits *lim, u32 flags)
{
	u32 sectors;

	if (flags & PARLEY_BLK_4096)
		lim->block = max_t(u32, lim->block, SZ_4K);
	sectors = lim->block >> SECTOR_SHIFT;
	lim->physical = max(lim->physical, lim->block);
	lim->discard_align = max(lim->discard_align, sectors);
	lim->erase_align = max(lim->erase_align, sectors);
	lim->discard = rounddown(lim->discard, lim->discard_align);
	lim->zeroes = rounddown(lim->zeroes, sectors);
	lim->erase = rounddown(lim->erase, lim->erase_align);
}

static int vhb_backend_limits(struct vhb *blk, struct vhb_backend *be, u32 flags)
{
	int err = be->ops->limits(be);

	if (err)
		vhb_say(blk, "back end: blocks of %u bytes are larger than a page\n",
			be->limits.block);
	else
		vhb_backend_block(&be->limits, flags);
	return err;
}

/*
 * Bios go past the page cache of a block device.  What others wrote through it
 * before must be on the medium, and what it keeps must not be found later.
 */
static int vhb_backend_cache_drop(struct vhb_backend *be)
{
	int err;

	if (!be->bdev)
		return 0;
	err = sync_blockdev(be->bdev);
	invalidate_bdev(be->bdev);
	return err;
}

static void vhb_backend_free(struct vhb_backend *be)
{
	if (be->io)
		destroy_workqueue(be->io);
	if (be->admin)
		destroy_workqueue(be->admin);
	kfree(be);
}

/*
 * Each has a thread of its own that waits for hard times, since the guest's disk may
 * be what the host swaps to; so only where it is used.
 */
static int vhb_backend_queues(struct vhb *blk, struct vhb_backend *be)
{
	const struct vhb_limits *lim = &be->limits;
	u32 id = parley_vhost_id(blk->dev);
	bool clears = !be->read_only && (lim->discard || lim->zeroes || lim->erase);

	if (be->bdev && !clears)
		return 0;
	be->admin = alloc_workqueue("parley-blk%u-admin", WQ_UNBOUND | WQ_MEM_RECLAIM,
				    VHB_ADMIN_ACTIVE, id);
	if (!be->admin)
		return -ENOMEM;
	if (be->bdev)
		return 0;
	be->io = alloc_workqueue("parley-blk%u-io", WQ_UNBOUND | WQ_MEM_RECLAIM,
				 VHB_IO_ACTIVE, id);
	return be->io ? 0 : -ENOMEM;
}

/* Devices that serve the same share its limits; the serial tells them apart. */
static int vhb_backend_tell(struct vhb *blk, struct vhb_backend *be)
{
	const struct inode *inode = file_inode(be->file);
	const struct block_device *bdev = be->bdev ?: be->coarse;
	char name[VIRTIO_BLK_ID_BYTES + 1] = {};
	struct parley_vhost_backend what = {
		.dev = bdev ? bdev->bd_dev : inode->i_sb->s_dev,
		.ino = bdev ? 0 : inode->i_ino,
		.generation = bdev ? 0 : inode->i_generation,
		.name = name,
	};
	char *buf = kmalloc(PATH_MAX, GFP_KERNEL);
	int err;

	if (!buf)
		return -ENOMEM;
	memcpy(name, be->serial, sizeof(be->serial));
	what.path = file_path(be->file, buf, PATH_MAX);
	if (IS_ERR(what.path))
		what.path = "?";
	err = parley_vhost_set_backend(blk->dev, &what);
	kfree(buf);
	return err;
}

/**
 * vhb_capacity_update() - ask the back end for its size
 * @blk: device with a back end
 *
 * Rings may run: requests see the old size or the new one.
 */
void vhb_capacity_update(struct vhb *blk)
{
	struct vhb_backend *be = blk->be;
	u64 bytes = round_down(be->ops->size(be), be->limits.block);

	WRITE_ONCE(blk->capacity, bytes >> SECTOR_SHIFT);
}

/**
 * vhb_backend_set() - serve a file from now on
 * @blk: device; no ring runs
 * @file: block device or regular file; gets a reference of ours
 * @flags: PARLEY_BLK_*
 * @serial: VIRTIO_BLK_ID_BYTES bytes
 *
 * The old back end stays if this fails.
 *
 * Context: may sleep.
 * Return: 0; -EINVAL, -EBADF or -EOPNOTSUPP for a file that cannot be one, with
 * a message; -ENOMEM; an error of writing the page cache back.
 */
int vhb_backend_set(struct vhb *blk, struct file *file, u32 flags,
		    const u8 *serial)
{
	struct vhb_backend *be = kzalloc(sizeof(*be), GFP_KERNEL_ACCOUNT);
	int err;

	if (!be)
		return -ENOMEM;
	be->file = file;
	memcpy(be->serial, serial, sizeof(be->serial));
	be->writes_zeroes = READ_ONCE(vhb_zero_by_writing);
	err = vhb_backend_kind(blk, be, flags);
	if (!err)
		err = vhb_backend_mode(blk, be, flags);
	if (!err)
		err = vhb_backend_limits(blk, be, flags);
	if (!err)
		err = vhb_backend_queues(blk, be);
	if (!err)
		err = vhb_backend_cache_drop(be);
	if (!err)
		err = vhb_backend_tell(blk, be);
	if (err) {
		vhb_backend_free(be);
		return err;
	}
	get_file(file);
	vhb_backend_drop(blk);
	blk->be = be;
	vhb_cache_forget(blk);
	vhb_capacity_update(blk);
	return 0;
}

/* No ring runs; may sleep. */
void vhb_backend_drop(struct vhb *blk)
{
	struct vhb_backend *be = blk->be;

	if (!be)
		return;
	blk->be = NULL;
	WRITE_ONCE(blk->capacity, 0);
	if (be->bdev)
		invalidate_bdev(be->bdev);
	fput(be->file);
	vhb_backend_free(be);
}
