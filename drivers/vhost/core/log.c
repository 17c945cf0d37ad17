// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log of live migration: a bitmap in the VMM's memory, one bit for
 * each 4 KiB of guest memory, bit n % 8 of byte n / 8.
 *
 * What is logged, and when: see dirty.c.
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
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include "log.h"
#include "memory.h"
#include "owner.h"

/* Bits of one page of the bitmap. */
#define LOG_BITS	(PAGE_SIZE * 8)

/* How many pinned pages are kept, beside the limit of the process. */
#define LOG_PAGES_MAX	SZ_1M

void vh_log_init(struct vh_log *log)
{
	mutex_init(&log->lock);
	xa_init(&log->pages);
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

static void vh_log_page_put(const struct vh_owner *owner, struct page *page)
{
	unpin_user_pages_dirty_lock(&page, 1, true);
	account_locked_vm(owner->mm, 1, false);
}

/* The pinned page with that number, or NULL: it cannot be kept. */
static struct page *vh_log_page(struct vh_log *log, struct vh_owner *owner,
				unsigned long nr, u64 uaddr)
{
	struct page *page = xa_load(&log->pages, nr);

	if (page || current->mm != owner->mm)
		return page;
	guard(mutex)(&log->lock);
	page = xa_load(&log->pages, nr);
	if (page)
		return page;
	if (log->nr_pages >= LOG_PAGES_MAX || vh_owner_lock_pages(owner, 1))
		return NULL;
	if (pin_user_pages_fast(uaddr, 1, FOLL_WRITE | FOLL_LONGTERM,
				&page) != 1) {
		account_locked_vm(owner->mm, 1, false);
		return NULL;
	}
	if (xa_err(xa_store(&log->pages, nr, page, GFP_KERNEL))) {
		vh_log_page_put(owner, page);
		return NULL;
	}
	log->nr_pages++;
	return page;
}

/** vh_log_pages_put() - let go of the bitmap's pages; every vq->mutex, or no ring runs */
void vh_log_pages_put(struct vh_log *log, const struct vh_owner *owner)
{
	struct page *page;
	unsigned long nr;

	xa_for_each(&log->pages, nr, page)
		vh_log_page_put(owner, page);
	xa_destroy(&log->pages);
	log->nr_pages = 0;
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
static int vh_log_set_once(struct vh_owner *owner, u64 uaddr, unsigned int from,
			   unsigned int to)
{
	struct log_spot s = {
		.mm = owner->mm, .uaddr = uaddr, .from = from, .to = to,
	};
	int err;

	if (!mmget_not_zero(s.mm))
		return -EFAULT;
	err = vh_log_set_spot(&s);
	mmput(s.mm);
	if (err && fatal_signal_pending(current))
		err = vh_in_owner_mm(owner, vh_log_set_spot, &s);
	return err;
}

/*
 * Bits from..to-1 of the whole bitmap.  The bitmap may begin inside a page, so
 * its bits are counted from the start of that page.
 */
static int vh_log_bits(struct vh_log *log, struct vh_owner *owner, u64 from, u64 to)
{
	u64 base = log->base, shift = offset_in_page(base) * 8ull;
	u64 first = base & PAGE_MASK;

	for (from += shift, to += shift; from < to; ) {
		u64 nr = from / LOG_BITS, start = nr * LOG_BITS;
		u64 end = min(to, start + LOG_BITS);
		u64 uaddr = first + nr * PAGE_SIZE;
		struct page *page = vh_log_page(log, owner, nr, uaddr);
		int err = 0;

		if (page)
			vh_log_set(page, from - start, end - start);
		else
			err = vh_log_set_once(owner, uaddr, from - start,
					      end - start);
		if (err)
			return err;
		from = end;
	}
	return 0;
}

/* ------------------------------------------------------ ranges of memory */

/**
 * vh_log_guest() - log a range of guest memory
 * @log: log with a bitmap
 * @owner: in whose memory it lies
 * @mem: memory table; the bits of what it shows were checked
 * @guest: the guest's address
 * @len: bytes; zero is nothing
 *
 * Context: under vq->mutex; may sleep.
 * Return: 0; -EFAULT beyond the table, or if a bit cannot be set.
 */
int vh_log_guest(struct vh_log *log, struct vh_owner *owner, const struct vh_mem *mem,
		 u64 guest, u64 len)
{
	u64 end;

	if (!len)
		return 0;
	if (check_add_overflow(guest, len, &end) || end > vh_mem_top(mem))
		return -EFAULT;
	return vh_log_bits(log, owner, guest / VHOST_PAGE_SIZE,
			   (end - 1) / VHOST_PAGE_SIZE + 1);
}

struct log_where {
	struct vh_log *log;
	struct vh_owner *owner;
	const struct vh_mem *mem;
};

static int vh_log_alias(void *arg, u64 guest, u64 len)
{
	const struct log_where *w = arg;

	return vh_log_guest(w->log, w->owner, w->mem, guest, len);
}

/** vh_log_host() - the same for a range by the VMM's address, all aliases of it */
int vh_log_host(struct vh_log *log, struct vh_owner *owner, const struct vh_mem *mem,
		u64 host, u64 len)
{
	struct log_where w = { .log = log, .owner = owner, .mem = mem };

	return vh_mem_reverse(mem, host, len, vh_log_alias, &w);
}
