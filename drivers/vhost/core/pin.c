// SPDX-License-Identifier: GPL-2.0-only
/*
 * An area of user memory that we hold: pinned, accounted, mapped.
 *
 * A ring is looked at for every burst, and its fields are a few bytes here and
 * there.  Through user addresses each of them costs a checked access (STAC and
 * CLAC, and the mm to be borrowed); through a mapping of our own it is a load.
 *
 * Why this shows the same memory as the guest sees, whatever happens to it:
 *
 * fork		a page that is pinned is copied for the child at once, so the
 *		parent, whose memory the guest's is, keeps the one that we map
 * ballooning	MADV_DONTNEED of a ring page would leave us with a page that
 *		nobody else sees.  A driver that gives its own ring to the
 *		balloon has broken its ring in any case; we read only what it
 *		left there.  Nothing of the host is reached.
 * swap, compaction, migration between nodes
 *		do not touch pinned pages; FOLL_LONGTERM moves them out of
 *		movable memory first, so that hot-unplug of host memory does not
 *		wait for us
 * hot-plug of guest memory
 *		comes with a new memory table and does not move what was there;
 *		a VMM that moves a ring stops it first
 * mm exit	the pages stay until the ring is stopped.  Memory that outlives
 *		the process (a memfd) sees what we write after its end: so the
 *		requests of a killed process are finished properly.
 * file systems	FOLL_LONGTERM refuses pages of files whose dirtying a file
 *		system wants to know of.  Then, and where RLIMIT_MEMLOCK does
 *		not allow it, the ring is reached through user addresses.
 *
 * Caches: the mapping is one more alias.  The architectures that we are built
 * for (those with HAVE_KVM) have caches that are coherent between aliases.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/vmalloc.h>

#include "owner.h"
#include "pin.h"

/* Pages that lie side by side are pinned together. */
static int vh_area_pin_each(struct vh_area *area, const u64 *uaddrs)
{
	unsigned int done, run;
	int n;

	for (done = 0; done < area->nr; done += n) {
		for (run = 1; done + run < area->nr; run++)
			if (uaddrs[done + run] != uaddrs[done] +
			    (u64)run * PAGE_SIZE)
				break;
		n = pin_user_pages_fast(uaddrs[done], run,
					FOLL_WRITE | FOLL_LONGTERM,
					area->pages + done);
		if (n <= 0) {
			unpin_user_pages(area->pages, done);
			return n ?: -EFAULT;
		}
	}
	return 0;
}

/**
 * vh_area_pin_pages() - pin pages that need not lie side by side
 * @area: empty
 * @owner: whose mm is current
 * @uaddrs: user address of each page; from kvmalloc(), and the area's if this
 *	succeeds
 * @nr: number of pages, at least 1
 * @off: byte of the first page where the area begins
 *
 * Context: may sleep; takes mmap_lock.
 *
 * Return: 0; -ENOMEM if RLIMIT_MEMLOCK does not allow it or memory is short;
 * -EFAULT or another error of pin_user_pages_fast() for pages that cannot be
 * pinned.
 */
int vh_area_pin_pages(struct vh_area *area, struct vh_owner *owner, u64 *uaddrs,
		      unsigned int nr, unsigned int off)
{
	void *map;
	int err;

	area->pages = kvmalloc_array(nr, sizeof(*area->pages), GFP_KERNEL);
	if (!area->pages)
		return -ENOMEM;
	area->nr = nr;
	area->mm = owner->mm;
	err = vh_owner_lock_pages(owner, nr);
	if (err)
		goto free;
	err = vh_area_pin_each(area, uaddrs);
	if (err)
		goto unaccount;
	err = -ENOMEM;
	map = vmap(area->pages, nr, VM_MAP, PAGE_KERNEL);
	if (!map)
		goto unpin;
	mmgrab(area->mm);
	area->uaddrs = uaddrs;
	area->kern = map + off;
	return 0;
unpin:
	unpin_user_pages(area->pages, nr);
unaccount:
	account_locked_vm(area->mm, nr, false);
free:
	kvfree(area->pages);
	*area = (struct vh_area){};
	return err;
}

/**
 * vh_area_pin() - pin a range of user memory
 * @area: empty
 * @owner: whose mm is current
 * @uaddr: where
 * @len: bytes, at least 1
 *
 * Return: as vh_area_pin_pages(); -EFAULT also for a range that wraps.
 */
int vh_area_pin(struct vh_area *area, struct vh_owner *owner, u64 uaddr, size_t len)
{
	u64 first = uaddr & PAGE_MASK, *uaddrs;
	unsigned int nr, i;
	int err;

	if (uaddr > ULONG_MAX - len)
		return -EFAULT;
	nr = ((uaddr + len - 1) >> PAGE_SHIFT) - (uaddr >> PAGE_SHIFT) + 1;
	uaddrs = kvmalloc_array(nr, sizeof(*uaddrs), GFP_KERNEL);
	if (!uaddrs)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		uaddrs[i] = first + (u64)i * PAGE_SIZE;
	err = vh_area_pin_pages(area, owner, uaddrs, nr, offset_in_page(uaddr));
	if (err)
		kvfree(uaddrs);
	return err;
}

/**
 * vh_area_unpin() - let go of an area
 * @area: pinned, or empty; empty afterwards
 *
 * Context: may sleep; any mm, also after the owner's is gone.
 */
void vh_area_unpin(struct vh_area *area)
{
	if (!area->kern)
		return;
	vunmap((void *)((unsigned long)area->kern & PAGE_MASK));
	unpin_user_pages_dirty_lock(area->pages, area->nr, true);
	account_locked_vm(area->mm, area->nr, false);
	mmdrop(area->mm);
	kvfree(area->pages);
	kvfree(area->uaddrs);
	*area = (struct vh_area){};
}
