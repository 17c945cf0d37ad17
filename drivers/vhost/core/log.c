// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log of live migration: a bitmap in the VMM's memory, one bit for
 * each 4 KiB of guest memory, bit n % 8 of byte n / 8.
 *
 * Two things are written by a device: buffers, and rings.  Buffers are logged
 * when a request ends, whatever its status, with all the bytes that it might
 * have written: a read that failed half-way has written some.  Rings are logged
 * at each publication, with the whole area that the device writes.  Both are
 * known by host addresses, which vh_mem_reverse() turns into the guest's, all
 * aliases included.  A ring that stops is logged once more: between publications
 * its event fields are written as well, and nobody needs those of a ring that
 * goes on.
 *
 * The order is the point of it.  The VMM takes bits away with an atomic
 * exchange and copies the pages after that; we write the page, then set its
 * bit.  A bit that is seen set already needs no write: the full barrier between
 * page and look (L1) pairs with the VMM's exchange, so the page is copied after
 * what we wrote.
 *
 * Pages of the bitmap are pinned when they are first needed and kept until the
 * log is taken away.  Where they cannot be (RLIMIT_MEMLOCK, a file), each bit
 * pins its page for a moment.
 *
 * A bit that cannot be set is an error that the VMM has to know of, since the
 * guest that it moves would be damaged: it is counted, said, and the error
 * eventfd of the ring is signalled.
 */
#include <linux/eventfd.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include "priv.h"

/* Bits of one page of the bitmap. */
#define LOG_BITS	(PAGE_SIZE * 8)

/* How many pinned pages are kept, beside the limit of the process. */
#define LOG_PAGES_MAX	SZ_1M

void vh_log_init(struct parley_vhost *dev)
{
	mutex_init(&dev->log.lock);
	xa_init(&dev->log.pages);
}

/**
 * vh_log_fits() - can a bitmap at @base hold a bit for all of @mem?
 * @base: user address; 0 for no log, which holds everything
 * @mem: memory table, may be NULL
 *
 * Nothing is known of the bitmap's size but that the VMM has to make it large
 * enough, so every address that could be written to must be one of user space.
 *
 * Return: false if some of it would lie beyond.
 */
bool vh_log_fits(u64 base, const struct vh_mem *mem)
{
	u64 bytes = DIV_ROUND_UP_ULL(vh_mem_top(mem), VHOST_PAGE_SIZE * 8ull);

	return !base || (base <= ULONG_MAX - bytes &&
			 access_ok((void __user *)(unsigned long)base, bytes));
}

/* ------------------------------------------------------- pages of the map */

static void vh_log_page_put(struct parley_vhost *dev, struct page *page)
{
	unpin_user_pages_dirty_lock(&page, 1, true);
	account_locked_vm(dev->mm, 1, false);
}

/* The pinned page with that number, or NULL: it cannot be kept. */
static struct page *vh_log_page(struct parley_vhost *dev, unsigned long nr,
				u64 uaddr)
{
	struct vh_log *log = &dev->log;
	struct page *page = xa_load(&log->pages, nr);

	if (page || current->mm != dev->mm)
		return page;
	guard(mutex)(&log->lock);
	page = xa_load(&log->pages, nr);
	if (page)
		return page;
	if (log->nr_pages >= LOG_PAGES_MAX ||
	    vh_owner_lock_pages(dev, 1))
		return NULL;
	if (pin_user_pages_fast(uaddr, 1, FOLL_WRITE | FOLL_LONGTERM,
				&page) != 1) {
		account_locked_vm(dev->mm, 1, false);
		return NULL;
	}
	if (xa_err(xa_store(&log->pages, nr, page, GFP_KERNEL))) {
		vh_log_page_put(dev, page);
		return NULL;
	}
	log->nr_pages++;
	return page;
}

static void vh_log_pages_put(struct parley_vhost *dev)
{
	struct page *page;
	unsigned long nr;

	xa_for_each(&dev->log.pages, nr, page)
		vh_log_page_put(dev, page);
	xa_destroy(&dev->log.pages);
	dev->log.nr_pages = 0;
}

/* Set bits from..to-1 of a page of the bitmap. */
static void vh_log_set(struct page *page, unsigned int from, unsigned int to)
{
	void *map = kmap_local_page(page);
	unsigned int bit;

	for (bit = from; bit < to; bit++)
		if (!test_bit_le(bit, map))
			set_bit_le(bit, map);
	kunmap_local(map);
}

/**
 * struct log_spot - bits of a page of the bitmap that is not kept
 * @mm: whose page
 * @uaddr: where
 * @from: first bit
 * @to: one past the last bit
 */
struct log_spot {
	struct mm_struct *mm;
	u64 uaddr;
	unsigned int from;
	unsigned int to;
};

static int vh_log_set_spot(void *arg)
{
	const struct log_spot *s = arg;
	struct page *page;
	long n;

	mmap_read_lock(s->mm);
	n = pin_user_pages_remote(s->mm, s->uaddr, 1, FOLL_WRITE, &page, NULL);
	mmap_read_unlock(s->mm);
	if (n != 1)
		return -EFAULT;
	vh_log_set(page, s->from, s->to);
	unpin_user_pages_dirty_lock(&page, 1, true);
	return 0;
}

/*
 * The same without keeping the page; the mm may be another's.  Who is being
 * killed gets no page that is not there, but the guest lives on, and its
 * migration, too.
 */
static int vh_log_set_once(struct parley_vhost *dev, u64 uaddr, unsigned int from,
			   unsigned int to)
{
	struct log_spot s = {
		.mm = dev->mm, .uaddr = uaddr, .from = from, .to = to,
	};
	int err;

	if (!mmget_not_zero(s.mm))
		return -EFAULT;
	err = vh_log_set_spot(&s);
	mmput(s.mm);
	if (err && fatal_signal_pending(current))
		err = vh_in_owner_mm(dev, vh_log_set_spot, &s);
	return err;
}

/*
 * Bits from..to-1 of the whole bitmap.  The bitmap may begin inside a page, so
 * its bits are counted from the start of that page.
 */
static int vh_log_bits(struct parley_vhost *dev, u64 from, u64 to)
{
	u64 base = dev->log.base, shift = offset_in_page(base) * 8ull;
	u64 first = base & PAGE_MASK;

	for (from += shift, to += shift; from < to; ) {
		u64 nr = from / LOG_BITS, start = nr * LOG_BITS;
		u64 end = min(to, start + LOG_BITS);
		u64 uaddr = first + nr * PAGE_SIZE;
		struct page *page = vh_log_page(dev, nr, uaddr);
		int err = 0;

		if (page)
			vh_log_set(page, from - start, end - start);
		else
			err = vh_log_set_once(dev, uaddr, from - start,
					      end - start);
		if (err)
			return err;
		from = end;
	}
	return 0;
}

/* ------------------------------------------------- what the device wrote */

/* A guest range; never beyond the memory table, whose bits were checked. */
static int vh_log_guest(void *arg, u64 guest, u64 len)
{
	struct parley_vhost *dev = arg;
	u64 end;

	if (!len)
		return 0;
	if (check_add_overflow(guest, len, &end) || end > vh_mem_top(dev->mem))
		return -EFAULT;
	return vh_log_bits(dev, guest / VHOST_PAGE_SIZE,
			   (end - 1) / VHOST_PAGE_SIZE + 1);
}

static int vh_log_host(struct parley_vhost *dev, u64 host, u64 len)
{
	return vh_mem_reverse(dev->mem, host, len, vh_log_guest, dev);
}

/* A ring's area; if it is pinned, its pages need not lie side by side. */
static int vh_log_area(struct parley_vhost *dev, const struct vh_area *area,
		       u64 host, size_t len)
{
	size_t off, n;
	int err = 0;

	if (!area->kern)
		return vh_log_host(dev, host, len);
	off = offset_in_page(area->kern);
	for (; len; off += n, len -= n) {
		n = min(len, PAGE_SIZE - offset_in_page(off));
		err = vh_log_host(dev, area->uaddrs[off >> PAGE_SHIFT] +
				  offset_in_page(off), n) ?: err;
	}
	return err;
}

static void vh_log_end(struct parley_vhost_vq *vq, int err)
{
	struct parley_vhost *dev = vq->dev;

	if (!err) {
		if (dev->log.ctx)
			eventfd_signal(dev->log.ctx);
		return;
	}
	dev->log.errors++;
	vq_say(vq, "cannot log what was written (%d); a migration now would lose it\n",
	       err);
	if (vq->err)
		eventfd_signal(vq->err);
}

/**
 * vh_log_req() - log all guest memory that a request may have written
 * @req: it has ended; not yet published
 *
 * Context: under vq->mutex, with vq->logging; may sleep.
 */
void vh_log_req(struct parley_vhost_req *req)
{
	const struct parley_iov *iov = req->chain.iov + req->chain.n_out;
	struct parley_vhost *dev = req->vq->dev;
	unsigned int i;
	int err = 0;

	lockdep_assert_held(&req->vq->mutex);
	if (!parley_features_has(&dev->features, VHOST_F_LOG_ALL) || !req->chain.n_in)
		return;
	if (!dev->log.base) {
		vh_log_end(req->vq, -ENXIO);
		return;
	}
	smp_mb();	/* L1, pairs with the VMM's exchange of the bits */
	for (i = 0; i < req->chain.n_in; i++)
		err = vh_log_host(dev, iov[i].addr, iov[i].len) ?: err;
	vh_log_end(req->vq, err);
}

/**
 * vh_log_ring() - log the ring's memory that the device writes
 * @vq: ring, just published
 *
 * Of a split ring the used ring; of a packed one the descriptor ring and the
 * device's event suppression.  With a device IOMMU, the address that the VMM
 * gave for logging is none of the guest's and is ignored, as mainline does.
 *
 * Context: as vh_log_req().
 */
void vh_log_ring(struct parley_vhost_vq *vq)
{
	struct parley_vhost *dev = vq->dev;
	bool packed = vh_vq_packed(vq);
	size_t bytes[3];
	int err = 0;

	lockdep_assert_held(&vq->mutex);
	if (!dev->log.base) {
		vh_log_end(vq, -ENXIO);
		return;
	}
	parley_vq_sizes(vq->num, packed, bytes);
	smp_mb();	/* L1, pairs with the VMM's exchange of the bits */
	if (vq->log_ring && !dev->iotlb.on)
		err = vh_log_guest(dev, vq->log_addr, bytes[2]);
	if (parley_features_has(&dev->features, VHOST_F_LOG_ALL)) {
		err = vh_log_area(dev, &vq->device, vq->host.device, bytes[2]) ?: err;
		if (packed)
			err = vh_log_area(dev, &vq->desc, vq->host.desc, bytes[0]) ?: err;
	}
	vh_log_end(vq, err);
}
EXPORT_SYMBOL_IF_KUNIT(vh_log_ring);

/* ------------------------------------------------------------ set and unset */

/**
 * vh_log_set_base() - from now on log there
 * @dev: device
 * @base: user address of the bitmap; 0 for none
 *
 * Context: under dev->mutex.
 * Return: 0; -EFAULT for a bitmap that would leave user space.
 */
int vh_log_set_base(struct parley_vhost *dev, u64 base)
{
	lockdep_assert_held(&dev->mutex);
	if (!vh_log_fits(base, dev->mem))
		return -EFAULT;
	vh_dev_lock_vqs(dev);
	vh_log_pages_put(dev);
	dev->log.base = base;
	vh_dev_unlock_vqs(dev);
	return 0;
}

/**
 * vh_log_set_ctx() - tell this eventfd whenever something was logged
 * @dev: device
 * @fd: eventfd, or VHOST_FILE_UNBIND; the one before is released
 *
 * Context: under dev->mutex.
 * Return: 0, or -EBADF, -EINVAL for what is no eventfd.
 */
int vh_log_set_ctx(struct parley_vhost *dev, int fd)
{
	struct eventfd_ctx *ctx = NULL;

	lockdep_assert_held(&dev->mutex);
	if (fd != VHOST_FILE_UNBIND)
		ctx = eventfd_ctx_fdget(fd);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	vh_dev_lock_vqs(dev);
	swap(ctx, dev->log.ctx);
	vh_dev_unlock_vqs(dev);
	if (ctx)
		eventfd_ctx_put(ctx);
	return 0;
}

/** vh_log_release() - no log any more; no ring runs */
void vh_log_release(struct parley_vhost *dev)
{
	vh_log_pages_put(dev);
	dev->log.base = 0;
	if (dev->log.ctx)
		eventfd_ctx_put(dev->log.ctx);
	dev->log.ctx = NULL;
}
