// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gate to the guest's memory: what VFIO takes away.  Rules: Documentation/vfio-gate.rst.
 *
 * It does so at any time, and with locks held that pinning and unpinning take as well.  So
 * whoever is told unpins nothing himself, and may only wait for commands to end and for our
 * work, and not for the emulator, which may wait for VFIO:
 *
 *  - The area is marked first: a page in it is not noted any more.  (IOMMUFD refuses to
 *    pin such pages, the older container does not.)  With the same lock held, all pages
 *    that are noted there are made GOING: nobody holds them anew.
 *  - Those that nobody holds are out of the function's reach at once.  Our work unpins them.
 *  - Who uses pages directly is told, and does so no more when he has answered.
 *  - Then it waits until no page in the area is noted.  The function answers, or is taken
 *    from memory, within the time-out of a command; or at once, if who asks is being
 *    killed, since he holds locks that others want.
 *  - The older container looks, with its lock taken again, whether somebody holds a
 *    page of the area, and after having been told ten times to no avail it stops the
 *    machine (BUG_ON).  Whoever pins the same page again in between, as a guest can
 *    make us do, must not win that race once.  So the mark stays until the thread that
 *    takes memory away is back in user space, however long others were asked after us:
 *    it asks no more then, and one that asks for another area is through with this one.
 *    And no longer: other memory at the same address is used at once, as guests do that
 *    have an IOMMU of their own.  A command that meets a mark waits in its queue.
 *  - Two who take memory away at the same time keep the lock that unpinning takes from
 *    everybody while one of them is here: that is the older container's.  Therefore
 *    the wait ends after PARLEY_GATE_UNMAP_MS, and they go round once more.  It does
 *    so a few times, not as often as stops the machine; then it is without end, and a
 *    VMM that goes on in this way has hung itself.
 */
#include <linux/cleanup.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <parley/compat.h>
#include "page.h"

/**
 * parley_gate_number() - which page it is
 * @address: the guest's
 *
 * Context: any.
 * Return: its number.
 */
u64 parley_gate_number(u64 address)
{
	return address / PARLEY_GATE_PAGE;
}

/* ------------------------------------------------------------- marks */

/**
 * parley_gate_leaves() - whether a page is in an area that is marked
 * @g: the gate
 * @page: its number
 *
 * Context: process context; @g->lock held.
 * Return: whether it is.
 */
bool parley_gate_leaves(struct parley_gate *g, u64 page)
{
	struct parley_gate_leaving *l;

	lockdep_assert_held(&g->lock);
	list_for_each_entry(l, &g->leaving, node)
		if (page >= l->first && page <= l->last)
			return true;
	return false;
}

/* The mark of who is asking, who may have one: there is no going on without. */
static struct parley_gate_leaving *pg_leaver(struct parley_gate *g)
{
	struct parley_gate_leaving *l;

	scoped_guard(mutex, &g->lock)
		list_for_each_entry(l, &g->leaving, node)
			if (l->who == current)
				return l;
	l = kzalloc(sizeof(*l), GFP_KERNEL | __GFP_NOFAIL);
	INIT_LIST_HEAD(&l->node);
	l->gate = g;
	l->who = current;
	return l;
}

/**
 * parley_gate_left() - who took memory away asks no more
 * @l: his mark, which is gone
 *
 * Context: process context; may sleep.
 */
void parley_gate_left(struct parley_gate_leaving *l)
{
	scoped_guard(mutex, &l->gate->lock)
		list_del_init(&l->node);
	wake_up(&l->gate->wait);
	kfree(l);
}
PARLEY_EXPORT(parley_gate_left);

/* -------------------------------------------------- what is noted there */

static unsigned long pg_from(u64 first)
{
	return min_t(u64, first, ULONG_MAX / PARLEY_GATE_WAYS) * PARLEY_GATE_WAYS;
}

static unsigned long pg_to(u64 last)
{
	return pg_from(last) + PARLEY_GATE_WAYS - 1;
}

static bool pg_free(struct parley_gate *g, u64 first, u64 last)
{
	unsigned long at = pg_from(first);

	return !xa_find(&g->pages, &at, pg_to(last), XA_PRESENT);
}

/* Nobody holds them anew.  Those that nobody holds at all are put into a list. */
static bool pg_shut(struct parley_gate *g, u64 first, u64 last, struct list_head *kept)
{
	struct parley_gate_page *page;
	bool shared = false;
	unsigned long key;
	int was;

	lockdep_assert_held(&g->lock);
	xa_for_each_range(&g->pages, key, page, pg_from(first),
			  pg_to(last)) {
		was = atomic_fetch_or(PARLEY_GATE_GOING, &page->held);
		g->stats.invalidations += was >= 0;
		if (!was)
			list_add_tail(&page->node, kept);
		shared |= page->sharers;
	}
	return shared;
}

/* Nobody uses them any more: they are not held for that. */
static void pg_drop(struct parley_gate *g, u64 first, u64 last, struct list_head *kept)
{
	struct parley_gate_page *page;
	unsigned long key;

	lockdep_assert_held(&g->lock);
	xa_for_each_range(&g->pages, key, page, pg_from(first),
			  pg_to(last)) {
		if (page->sharers &&
		    atomic_sub_return(page->sharers, &page->held) == PARLEY_GATE_GOING)
			list_add_tail(&page->node, kept);
		page->sharers = 0;
	}
}

/* Whoever shared them has answered: they are held no more for that. */
static void pg_tell(struct parley_gate *g, u64 first, u64 last, struct list_head *kept)
{
	g->user->unshared(g, first * PARLEY_GATE_PAGE,
			 last * PARLEY_GATE_PAGE + (PARLEY_GATE_PAGE - 1));
	guard(mutex)(&g->lock);
	pg_drop(g, first, last, kept);
}

/* Rule 8: VFIO holds locks that unpinning takes; the work does not. */
static void pg_hand_over(struct parley_gate *g, struct list_head *kept)
{
	scoped_guard(mutex, &g->lock) {
		if (!list_empty(kept))
			queue_work(system_dfl_wq, &g->work);
		list_splice_tail(kept, &g->going);
		WRITE_ONCE(g->taking, g->taking - 1);
	}
	wake_up(&g->wait);
}

static void pg_begin_to_leave(struct parley_gate *g, struct parley_gate_leaving *l,
			      u64 first, u64 last)
{
	struct parley_gate_page *page;
	bool shared;
	LIST_HEAD(kept);

	scoped_guard(mutex, &g->lock) {
		WRITE_ONCE(g->taking, g->taking + 1);
		l->first = first;
		l->last = last;
		if (list_empty(&l->node))
			list_add(&l->node, &g->leaving);
		shared = pg_shut(g, first, last, &kept);
	}
	/* Rule 7: however long the rest takes. */
	list_for_each_entry(page, &kept, node) {
		parley_gate_out_of_reach(g, page);
		cond_resched();
	}
	if (shared)
		pg_tell(g, first, last, &kept);
	pg_hand_over(g, &kept);
}

/* How long, in jiffies; less than 0: who asks is being killed. */
static long pg_wait_for(struct parley_gate *g, u64 first, u64 last)
{
	bool late = READ_ONCE(g->late) >= PARLEY_GATE_LATE;
	long most = late ? MAX_SCHEDULE_TIMEOUT : msecs_to_jiffies(PARLEY_GATE_UNMAP_MS), left;

	left = wait_event_killable_timeout(g->wait, pg_free(g, first, last), most);
	if (left >= 0)
		return left;
	/* Nor does he want to know what becomes of the commands that hold it. */
	g->user->abandon(g);
	return wait_event_timeout(g->wait, pg_free(g, first, last), most);
}

static bool pg_wait(struct parley_gate *g, u64 first, u64 last)
{
	if (pg_wait_for(g, first, last))
		return true;
	guard(mutex)(&g->lock);
	WRITE_ONCE(g->late, g->late + 1);
	return false;
}

/**
 * parley_gate_leave() - an area is taken away: wait until none of it is held
 * @g: the gate
 * @address: the guest's
 * @len: bytes
 *
 * What nobody holds the function does not reach any more in any case, and who uses pages
 * directly does not do so any more.
 *
 * Context: process context; sleeps, PARLEY_GATE_UNMAP_MS at most, if it was not too
 *	often to no avail.
 * Return: whether none of it is held.
 */
bool parley_gate_leave(struct parley_gate *g, u64 address, u64 len)
{
	u64 first = parley_gate_number(address);
	u64 last = parley_gate_number(len ? address + (len - 1) : address);
	struct parley_gate_leaving *l = pg_leaver(g);
	bool gone;

	pg_begin_to_leave(g, l, first, last);
	gone = pg_wait(g, first, last);
	if (!l->watched)
		l->watched = !g->ops->watch(g, l);
	/* Who does not come back is at his end, and asks once. */
	if (!l->watched)
		parley_gate_left(l);
	return gone;
}
PARLEY_EXPORT(parley_gate_leave);
