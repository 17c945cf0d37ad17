// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost blk: a regular file as back end, by kiocbs.
 *
 * Direct I/O over the guest's own pages, asynchronous, wherever the file system
 * takes it.  What it does not take (another alignment, a file system without
 * it) goes by way of our pages through the page cache, on a workqueue, so that
 * a ring never waits for the medium.
 */
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/log2.h>
#include <linux/stat.h>
#include "blk.h"

/* What alignment does direct I/O need?  Asked, or guessed from the device. */
static void vhb_file_alignment(struct vhb_backend *be)
{
	struct super_block *sb = file_inode(be->file)->i_sb;
	u32 mem = SECTOR_SIZE, len = SECTOR_SIZE;
	struct kstat st;

	be->direct = be->file->f_mode & FMODE_CAN_ODIRECT;
	if (sb->s_bdev) {
		len = bdev_logical_block_size(sb->s_bdev);
		mem = bdev_dma_alignment(sb->s_bdev) + 1;
	}
	if (!vfs_getattr(&be->file->f_path, &st, STATX_DIOALIGN,
			 AT_STATX_DONT_SYNC) && st.result_mask & STATX_DIOALIGN) {
		/* Zero: not for this file. */
		be->direct = be->direct && st.dio_offset_align;
		mem = st.dio_mem_align;
		len = st.dio_offset_align;
	}
	if (!is_power_of_2(mem) || !is_power_of_2(len))
		be->direct = false;
	be->mem_mask = be->direct ? mem - 1 : 0;
	be->len_mask = be->direct ? max_t(u32, len, SECTOR_SIZE) - 1 : 0;
}

static int vhb_file_limits(struct vhb_backend *be)
{
	struct inode *inode = file_inode(be->file);
	struct vhb_limits *lim = &be->limits;

	vhb_file_alignment(be);
	be->flags = be->file->f_iocb_flags & (IOCB_DSYNC | IOCB_SYNC);
	/* Every file can be read and written so; a disk image may need it. */
	lim->block = SECTOR_SIZE;
	lim->physical = clamp_t(u32, max_t(u32, be->len_mask + 1,
					   i_blocksize(inode)),
				SECTOR_SIZE, SZ_1M);
	lim->io_min = lim->physical;
	lim->write_cache = !(be->flags & IOCB_DSYNC);
	if (be->file->f_op->fallocate) {
		lim->discard = VHB_RANGE_SECTORS;
		lim->discard_align = lim->physical >> SECTOR_SHIFT;
		/*
		 * Not every file system can zero a range, and none says so unless it is
		 * asked to: then the guest is told, and writes zeroes itself.
		 */
		lim->zeroes = VHB_RANGE_SECTORS;
		lim->may_unmap = true;
	}
	return 0;
}

static u64 vhb_file_size(const struct vhb_backend *be)
{
	return i_size_read(file_inode(be->file));
}

/* Any context. */
static void vhb_file_done(struct kiocb *iocb, long ret)
{
	struct vhb_req *r = container_of(iocb, struct vhb_req, iocb);

	r->result = ret;
	parley_vhost_req_done(&r->req);
}

/* Only after -EIOCBQUEUED, when the superblock is still held for a write. */
static void vhb_file_complete(struct kiocb *iocb, long ret)
{
	if (iocb->ki_flags & IOCB_WRITE)
		kiocb_end_write(iocb);
	vhb_file_done(iocb, ret);
}

static void vhb_file_go(struct vhb_req *r, struct iov_iter *iter)
{
	struct file *file = r->iocb.ki_filp;
	ssize_t ret;

	if (r->write)
		ret = vfs_iocb_iter_write(file, &r->iocb, iter);
	else
		ret = vfs_iocb_iter_read(file, &r->iocb, iter);
	if (ret != -EIOCBQUEUED)
		vhb_file_done(&r->iocb, ret);
}

static void vhb_buffered_work(struct work_struct *work)
{
	struct vhb_req *r = container_of(work, struct vhb_req, work);
	struct parley_vhost *dev = r->blk->dev;
	struct parley_vhost_as was;
	struct iov_iter iter;

	parley_vhost_as_owner(dev, &was);
	vhb_bounce_iter(r, &iter);
	vhb_file_go(r, &iter);
	parley_vhost_as_before(&was);
}

static void vhb_file_rw(struct vhb_req *r, struct iov_iter *iter, u64 pos)
{
	struct vhb_backend *be = r->blk->be;

	r->iocb = (struct kiocb) {
		.ki_filp = be->file,
		.ki_pos = pos,
		.ki_flags = be->flags,
		.ki_ioprio = r->ioprio,
	};
	if (r->write) {
		r->iocb.ki_flags |= IOCB_WRITE | (READ_ONCE(r->blk->stable) ? IOCB_DSYNC : 0);
		r->plain |= !(r->iocb.ki_flags & IOCB_DSYNC);
	}
	if (unlikely(r->buffered)) {
		INIT_WORK(&r->work, vhb_buffered_work);
		queue_work(be->io, &r->work);
		return;
	}
	r->iocb.ki_flags |= IOCB_DIRECT;
	r->iocb.ki_complete = vhb_file_complete;
	vhb_file_go(r, iter);
}

static int vhb_file_sync(const struct vhb_backend *be)
{
	return vfs_fsync(be->file, 1);
}

/* For a file system that cannot do it by itself (tmpfs, NFS before 4.2), if asked. */
static int vhb_file_write_zeroes(const struct vhb_backend *be, u64 pos, u64 len)
{
	struct bio_vec vecs[VHB_VECS];
	struct iov_iter iter;
	loff_t at = pos;
	unsigned int i;
	ssize_t n;

	for (i = 0; i < VHB_VECS; i++)
		bvec_set_page(&vecs[i], ZERO_PAGE(0), PAGE_SIZE, 0);
	while (len) {
		iov_iter_bvec(&iter, ITER_SOURCE, vecs, VHB_VECS,
			      min(len, ARRAY_SIZE(vecs) * PAGE_SIZE));
		n = vfs_iter_write(be->file, &iter, &at, 0);
		if (n <= 0)
			return n ?: -EIO;
		len -= n;
		cond_resched();
	}
	return 0;
}

static int vhb_file_clear(const struct vhb_backend *be, enum vhb_clear how, u64 pos,
			  u64 len)
{
	int mode = FALLOC_FL_KEEP_SIZE, err;

	switch (how) {
	case VHB_DISCARD:
	case VHB_ZERO_UNMAP:
		mode |= FALLOC_FL_PUNCH_HOLE;
		break;
	case VHB_ZERO:
		mode |= FALLOC_FL_ZERO_RANGE;
		break;
	case VHB_ERASE:
		return -EOPNOTSUPP;
	}
	err = vfs_fallocate(be->file, mode, pos, len);
	if (err == -EOPNOTSUPP && how != VHB_DISCARD && be->writes_zeroes)
		err = vhb_file_write_zeroes(be, pos, len);
	return err;
}

const struct vhb_ops vhb_file_ops = {
	.limits	= vhb_file_limits,
	.size	= vhb_file_size,
	.rw	= vhb_file_rw,
	.flush	= vhb_admin_flush,
	.sync	= vhb_file_sync,
	.clear	= vhb_file_clear,
};

/*
 * A block device with blocks larger than the guest's: its page cache knows the rest
 * of a block that is written in part.  All goes through it, since direct I/O beside it
 * would leave old pages there, and nothing stays dirty in it: neither a flush nor a
 * stop has more to write than what is in flight, and another host sees it all.  No
 * discard and the like, which know nothing of the cache.
 */
static int vhb_coarse_limits(struct vhb_backend *be)
{
	struct block_device *bdev = be->coarse;
	struct vhb_limits *lim = &be->limits;

	be->flags = IOCB_DSYNC;
	lim->block = SECTOR_SIZE;
	lim->physical = bdev_physical_block_size(bdev);
	lim->align = max(bdev_alignment_offset(bdev), 0);
	lim->io_min = bdev_io_min(bdev);
	lim->io_opt = bdev_io_opt(bdev);
	return 0;
}

static u64 vhb_coarse_size(const struct vhb_backend *be)
{
	return bdev_nr_bytes(be->coarse);
}

static int vhb_coarse_clear(const struct vhb_backend *be, enum vhb_clear how, u64 pos,
			    u64 len)
{
	return -EOPNOTSUPP;
}

/*
 * Before a ring runs: what was read ahead while another host had the disk (by who
 * looks for partitions, say) is not what is there now.
 */
void vhb_coarse_start(const struct vhb_backend *be)
{
	if (be->coarse)
		invalidate_bdev(be->coarse);
}

const struct vhb_ops vhb_coarse_ops = {
	.limits	= vhb_coarse_limits,
	.size	= vhb_coarse_size,
	.rw	= vhb_file_rw,
	.flush	= vhb_admin_flush,
	.sync	= vhb_file_sync,
	.clear	= vhb_coarse_clear,
};
