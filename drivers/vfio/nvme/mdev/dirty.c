// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages of the guest's memory the device wrote, for whoever copies that memory
 * while the guest runs.
 *
 * There are two who write: the function, to pages that are held for it, and the
 * emulator, who posts answers.  A page is marked when it has been written: by the
 * function, when its command is over and the page is let go of.  So nobody copies it
 * between the mark and the write; who copies it while it is being written is told of
 * it later.  And when the device is stopped nothing is held, and all marks are made:
 * the report after that is the last.
 *
 * Marks are bits, in chunks that are made as they are needed: user space says which
 * ranges it wants to know of, of any size, and only memory that the guest has can be
 * written.  There is a bound on chunks all the same.  Where one would be needed beyond
 * it, or cannot be had, every page counts as written from then on: slow, and right.  They
 * are charged to who opened the device, whoever makes them for him.
 */
#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/interval_tree.h>
#include <linux/iova_bitmap.h>
#include <linux/minmax.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include "mdev.h"

/**
 * parley_mdev_dirty_init() - nobody wants to know
 * @d: zeroed
 *
 * Context: process context.
 */
void parley_mdev_dirty_init(struct parley_mdev_dirty *d)
{
	mutex_init(&d->lock);
	xa_init_flags(&d->chunks, XA_FLAGS_ACCOUNT);
	d->most = PARLEY_MDEV_DIRTY_CHUNKS;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_dirty_init);

/**
 * parley_mdev_dirty_exit() - the mirror of parley_mdev_dirty_init()
 * @d: the marks
 *
 * Context: process context.
 */
void parley_mdev_dirty_exit(struct parley_mdev_dirty *d)
{
	parley_mdev_dirty_stop(d);
	xa_destroy(&d->chunks);
	mutex_destroy(&d->lock);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_dirty_exit);

/**
 * parley_mdev_dirty_start() - from now on pages are marked
 * @d: the marks
 * @first: from this address
 * @last: to this one
 *
 * Context: process context; may sleep.
 * Return: 0, or -EBUSY: they are already.
 */
int parley_mdev_dirty_start(struct parley_mdev_dirty *d, u64 first, u64 last)
{
	guard(mutex)(&d->lock);
	if (d->on)
		return -EBUSY;
	d->first = first / PARLEY_NVME_PAGE;
	d->last = last / PARLEY_NVME_PAGE;
	d->all = false;
	WRITE_ONCE(d->on, true);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_dirty_start);

/**
 * parley_mdev_dirty_stop() - nobody wants to know any more
 * @d: the marks
 *
 * Context: process context; may sleep.
 */
void parley_mdev_dirty_stop(struct parley_mdev_dirty *d)
{
	unsigned long *bits;
	unsigned long nr;

	guard(mutex)(&d->lock);
	WRITE_ONCE(d->on, false);
	xa_for_each(&d->chunks, nr, bits) {
		xa_erase(&d->chunks, nr);
		bitmap_free(bits);
	}
	d->nr = 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_dirty_stop);

/* The marks of a chunk, made if there are none yet. */
static unsigned long *parley_mdev_chunk(struct parley_mdev_dirty *d, unsigned long nr)
{
	unsigned long *bits = xa_load(&d->chunks, nr);
	struct mem_cgroup *old;

	lockdep_assert_held(&d->lock);
	if (bits || d->nr == d->most)
		return bits;
	old = set_active_memcg(d->memcg);
	bits = bitmap_zalloc(PARLEY_MDEV_DIRTY_PAGES, GFP_KERNEL_ACCOUNT);
	if (bits && xa_err(xa_store(&d->chunks, nr, bits, GFP_KERNEL_ACCOUNT))) {
		bitmap_free(bits);
		bits = NULL;
	}
	set_active_memcg(old);
	d->nr += !!bits;
	return bits;
}

static void parley_mdev_mark_page(struct parley_mdev_dirty *d, u64 page)
{
	unsigned long *bits;

	if (page < d->first || page > d->last || d->all)
		return;
	bits = parley_mdev_chunk(d, page / PARLEY_MDEV_DIRTY_PAGES);
	if (bits)
		__set_bit(page % PARLEY_MDEV_DIRTY_PAGES, bits);
	else
		d->all = true;
}

/**
 * parley_mdev_dirty_mark() - some of the guest's memory was written
 * @d: the marks
 * @address: the guest's, from where
 * @len: bytes, not 0
 *
 * Context: process context; may sleep.
 */
void parley_mdev_dirty_mark(struct parley_mdev_dirty *d, u64 address, size_t len)
{
	u64 page = address / PARLEY_NVME_PAGE, last;

	/* Who begins to want to know now copies all memory after that. */
	if (!READ_ONCE(d->on))
		return;
	last = (address + len - 1) / PARLEY_NVME_PAGE;
	guard(mutex)(&d->lock);
	for (; d->on && page <= last; page++)
		parley_mdev_mark_page(d, page);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_dirty_mark);

/**
 * parley_mdev_dirty_wrote() - some of the guest's memory was to be written through VFIO
 * @d: the marks
 * @address: the guest's, from where
 * @len: bytes, not 0
 * @err: how that ended
 *
 * Where there is no memory nothing was written, and nothing is marked: there is much of
 * that, and a guest could fill all marks with it.  Where there is some (-EFAULT), a part may
 * have been.
 *
 * Context: process context; may sleep.
 */
void parley_mdev_dirty_wrote(struct parley_mdev_dirty *d, u64 address, size_t len, int err)
{
	if (!err || err == -EFAULT)
		parley_mdev_dirty_mark(d, address, len);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_dirty_wrote);

/**
 * struct parley_mdev_ask - a question for marks
 * @first: the first byte that is asked for
 * @last: the last one
 * @tell: called for each part of a page
 * @arg: goes with it
 */
struct parley_mdev_ask {
	u64 first;
	u64 last;
	parley_mdev_dirty_fn *tell;
	void *arg;
};

/* Marks of a chunk, the first of them for the page @first. */
struct parley_mdev_marks {
	u64 first;
	DECLARE_BITMAP(bits, PARLEY_MDEV_DIRTY_PAGES);
};

/* Those that are asked for go over; a page stays marked if not all of it is. */
static void parley_mdev_take_chunk(const struct parley_mdev_ask *ask, unsigned long *bits,
				   struct parley_mdev_marks *marks)
{
	u64 from = max(marks->first, ask->first / PARLEY_NVME_PAGE), page;
	u64 to = min(marks->first + PARLEY_MDEV_DIRTY_PAGES - 1, ask->last / PARLEY_NVME_PAGE);
	unsigned long bit = from - marks->first;

	bitmap_zero(marks->bits, PARLEY_MDEV_DIRTY_PAGES);
	for_each_set_bit_from(bit, bits, to - marks->first + 1) {
		page = (marks->first + bit) * PARLEY_NVME_PAGE;
		__set_bit(bit, marks->bits);
		if (ask->first <= page && ask->last >= page + PARLEY_NVME_PAGE - 1)
			__clear_bit(bit, bits);
	}
}

/* The next chunk that has some, from @nr on; else -ENOENT, or 1: all pages are. */
static int parley_mdev_take(struct parley_mdev_dirty *d, const struct parley_mdev_ask *ask,
			    unsigned long nr, struct parley_mdev_marks *marks)
{
	unsigned long last = ask->last / PARLEY_NVME_PAGE / PARLEY_MDEV_DIRTY_PAGES;
	unsigned long *bits;

	guard(mutex)(&d->lock);
	if (!d->on)
		return -EINVAL;
	if (d->all)
		return 1;
	bits = xa_find(&d->chunks, &nr, last, XA_PRESENT);
	if (!bits)
		return -ENOENT;
	marks->first = (u64)nr * PARLEY_MDEV_DIRTY_PAGES;
	parley_mdev_take_chunk(ask, bits, marks);
	return 0;
}

static void parley_mdev_tell(const struct parley_mdev_ask *ask,
			     const struct parley_mdev_marks *marks)
{
	unsigned long bit;
	u64 from, to;

	for_each_set_bit(bit, marks->bits, PARLEY_MDEV_DIRTY_PAGES) {
		from = (marks->first + bit) * PARLEY_NVME_PAGE;
		to = min(from + PARLEY_NVME_PAGE - 1, ask->last);
		from = max(from, ask->first);
		ask->tell(ask->arg, from, to - from + 1);
	}
}

/**
 * parley_mdev_dirty_report() - which pages were written, and forget that they were
 * @d: the marks
 * @first: the first address that is asked for
 * @last: the last one
 * @tell: called with each part of one
 * @arg: goes with it
 *
 * What is marked meanwhile is told of now, or the next time.  @tell may take as long as it
 * likes: nobody waits for it who marks.
 *
 * Context: process context; may sleep.
 * Return: 0, or -EINVAL: pages are not marked; or -ENOMEM.
 */
int parley_mdev_dirty_report(struct parley_mdev_dirty *d, u64 first, u64 last,
			     parley_mdev_dirty_fn *tell, void *arg)
{
	const struct parley_mdev_ask ask = {
		.first = first,
		.last = last,
		.tell = tell,
		.arg = arg,
	};
	struct parley_mdev_marks *marks __free(kfree) = kmalloc(sizeof(*marks), GFP_KERNEL);
	unsigned long nr = first / PARLEY_NVME_PAGE / PARLEY_MDEV_DIRTY_PAGES;
	int err;

	if (!marks)
		return -ENOMEM;
	for (;;) {
		err = parley_mdev_take(d, &ask, nr, marks);
		if (err)
			break;
		parley_mdev_tell(&ask, marks);
		nr = marks->first / PARLEY_MDEV_DIRTY_PAGES + 1;
	}
	if (err == 1)
		tell(arg, first, last - first + 1);
	return err < 0 && err != -ENOENT ? err : 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_dirty_report);

/* ------------------------------------------------- as VFIO asks for it */

/*
 * User space hands in a bitmap, and only kernels with this option can write there
 * (drivers/iommu/iommufd/iova_bitmap.c).  On others a device that says that it knows
 * what it wrote could not tell, and QEMU's migration would fail: there VFIO's older
 * container counts each page that was held, or written by the emulator, as written.
 */
#if IS_ENABLED(CONFIG_IOMMUFD_DRIVER)

static struct parley_mdev_dirty *to_dirty(struct vfio_device *vdev)
{
	return &container_of(vdev, struct parley_mdev, vdev)->dirty;
}

/* Of several ranges all that is between them, too: nothing is told that is not asked for. */
static int parley_mdev_log_start(struct vfio_device *vdev, struct rb_root_cached *ranges,
				 u32 nnodes, u64 *page_size)
{
	struct interval_tree_node *node = interval_tree_iter_first(ranges, 0, ULONG_MAX);
	u64 first = U64_MAX, last = 0;

	for (; node; node = interval_tree_iter_next(node, 0, ULONG_MAX)) {
		first = min_t(u64, first, node->start);
		last = max_t(u64, last, node->last);
	}
	*page_size = PARLEY_NVME_PAGE;
	return parley_mdev_dirty_start(to_dirty(vdev), first, last);
}

static int parley_mdev_log_stop(struct vfio_device *vdev)
{
	parley_mdev_dirty_stop(to_dirty(vdev));
	return 0;
}

static void parley_mdev_log_tell(void *bitmap, u64 address, u64 len)
{
	iova_bitmap_set(bitmap, address, len);
}

static int parley_mdev_log_read(struct vfio_device *vdev, unsigned long iova,
				unsigned long length, struct iova_bitmap *dirty)
{
	if (!length)
		return 0;
	return parley_mdev_dirty_report(to_dirty(vdev), iova, iova + (length - 1),
					parley_mdev_log_tell, dirty);
}

const struct vfio_log_ops parley_mdev_log_ops = {
	.log_start = parley_mdev_log_start,
	.log_stop = parley_mdev_log_stop,
	.log_read_and_clear = parley_mdev_log_read,
};

#endif
