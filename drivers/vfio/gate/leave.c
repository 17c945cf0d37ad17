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
 *    the wait ends after PARLEY_GATE_UNMAP_MS, and they go round once more, and in
 *    between unpin.c has its turn.  Nobody comes to hold pages anew meanwhile, which
 *    would wait for that lock, too, and let nobody go who has done with his.  They go
 *    round a few times, not as often as stops the machine, however many gates
 *    there are in the container; then the wait is without end, and a VMM that goes on
 *    in this way has hung itself.
 */
#include <linux/cleanup.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
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
 * Return: whether it is; or whether any has to wait for one that is.
 */
bool parley_gate_leaves(struct parley_gate *g, u64 page)
{
	struct parley_gate_leaving *l;

	lockdep_assert_held(&g->lock);
	list_for_each_entry(l, &g->leaving, node)
		if ((page >= l->first && page <= l->last) ||
		    (l->crowd && !list_empty(&l->late)))
			return true;
	return false;
}

/*
 * The mark of who is asking, who may have one: there is no going on without.  One of a gate is
 * there from the beginning; others are allocated, for which VFIO's locks are held longer.
 */
static struct parley_gate_leaving *pg_leaver(struct parley_gate *g)
{
	struct parley_gate_leaving *l;

	scoped_guard(mutex, &g->lock) {
		list_for_each_entry(l, &g->leaving, node)
			if (l->who == current)
				return l;
		l = g->spare;
		g->spare = NULL;
	}
	if (!l)
		l = kmalloc(sizeof(*l), GFP_KERNEL | __GFP_NOFAIL);
	parley_gate_mark(l, g);
	return l;
}

/**
 * parley_gate_mark() - the mark of who is asking, for nothing yet
 * @l: it
 * @g: the gate
 *
 * Context: process context.
 */
void parley_gate_mark(struct parley_gate_leaving *l, struct parley_gate *g)
{
	*l = (struct parley_gate_leaving) { .gate = g, .who = current };
	INIT_LIST_HEAD(&l->node);
	INIT_LIST_HEAD(&l->late);
}
EXPORT_SYMBOL_IF_KUNIT(parley_gate_mark);

/*
 * Those who were told that something is held still.  VFIO counts how often it asks, whichever
 * of its devices are late then: so it is counted here, for all gates.
 */
static DEFINE_SPINLOCK(pg_late_lock);
static LIST_HEAD(pg_late);

/* How often the same was asked for in a row, whichever gate was late. */
static unsigned int pg_asked(const struct parley_gate_leaving *l)
{
	const struct parley_gate_leaving *other;
	unsigned int asked = l->asked;

	scoped_guard(spinlock, &pg_late_lock) {
		list_for_each_entry(other, &pg_late, late)
			if (other->who == l->who && other->first == l->first &&
			    other->last == l->last)
				asked = max(asked, other->asked);
	}
	return asked;
}

static void pg_is_late(struct parley_gate_leaving *l)
{
	/* They are to wait for what his return lets go of, before he does himself. */
	scoped_guard(mutex, &l->gate->lock)
		parley_gate_crowd(l->gate, 0);
	scoped_guard(spinlock, &pg_late_lock)
		if (list_empty(&l->late))
			list_add(&l->late, &pg_late);
}

static void pg_is_late_no_more(struct parley_gate_leaving *l)
{
	scoped_guard(spinlock, &pg_late_lock)
		list_del_init(&l->late);
}

/* Nobody needs to hurry for him. */
static void pg_got(struct parley_gate_leaving *l)
{
	lockdep_assert_held(&l->gate->lock);
	if (l->crowd)
		parley_gate_crowd(l->gate, -1);
	l->crowd = false;
}

/**
 * parley_gate_left() - who took memory away asks no more
 * @l: his mark, which is gone
 *
 * Context: process context; may sleep.
 */
void parley_gate_left(struct parley_gate_leaving *l)
{
	struct parley_gate *g = l->gate;

	pg_is_late_no_more(l);
	scoped_guard(mutex, &g->lock) {
		pg_got(l);
		list_del_init(&l->node);
		swap(g->spare, l);
	}
	wake_up(&g->wait);
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

/* Rule 8: VFIO holds locks that unpinning takes; whoever else does that has none. */
static void pg_hand_over(struct parley_gate *g, struct list_head *kept)
{
	scoped_guard(mutex, &g->lock) {
		parley_gate_go(g, kept);
		WRITE_ONCE(g->taking, g->taking - 1);
	}
	wake_up(&g->wait);
}

static void pg_ask(struct parley_gate_leaving *l, u64 first, u64 last)
{
	if (l->first != first || l->last != last) {
		pg_got(l);
		pg_is_late_no_more(l);
		l->asked = 0;
	}
	l->first = first;
	l->last = last;
	l->asked++;
	if (list_empty(&l->node))
		list_add(&l->node, &l->gate->leaving);
}

static void pg_begin_to_leave(struct parley_gate *g, struct parley_gate_leaving *l,
			      u64 first, u64 last)
{
	struct parley_gate_page *page;
	bool shared;
	LIST_HEAD(kept);

	scoped_guard(mutex, &g->lock) {
		WRITE_ONCE(g->taking, g->taking + 1);
		pg_ask(l, first, last);
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

/* Whether none of it is held, within some jiffies. */
static bool pg_gone_in(struct parley_gate_leaving *l, long most)
{
	struct parley_gate *g = l->gate;
	long left = wait_event_killable_timeout(g->wait, pg_free(g, l->first, l->last), most);

	if (left >= 0)
		return left;
	/* He is being killed: nor does he want to know what becomes of what holds it. */
	g->user->abandon(g);
	return wait_event_timeout(g->wait, pg_free(g, l->first, l->last), most);
}

static void pg_waits_for_long(struct parley_gate_leaving *l)
{
	guard(mutex)(&l->gate->lock);
	if (!l->crowd)
		parley_gate_crowd(l->gate, 1);
	l->crowd = true;
}

static bool pg_wait(struct parley_gate_leaving *l)
{
	long most = msecs_to_jiffies(l->gate->unmap_ms), soon = most / PARLEY_GATE_LONG;

	if (pg_gone_in(l, soon))
		return true;
	pg_waits_for_long(l);
	return pg_gone_in(l, pg_asked(l) > PARLEY_GATE_LATE ? MAX_SCHEDULE_TIMEOUT :
			     most - soon);
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
 * Context: process context; sleeps, @g->unmap_ms at most, if he has not asked
 *	too often for the same.
 * Return: whether none of it is held.
 */
bool parley_gate_leave(struct parley_gate *g, u64 address, u64 len)
{
	u64 first = parley_gate_number(address);
	u64 last = parley_gate_number(len ? address + (len - 1) : address);
	struct parley_gate_leaving *l = pg_leaver(g);
	bool gone;

	pg_begin_to_leave(g, l, first, last);
	gone = pg_wait(l);
	if (!gone)
		pg_is_late(l);
	else
		scoped_guard(mutex, &g->lock)
			pg_got(l);
	if (!l->watched)
		l->watched = !g->ops->watch(g, l);
	/* Who does not come back is at his end, and asks once. */
	if (!l->watched)
		parley_gate_left(l);
	return gone;
}
PARLEY_EXPORT(parley_gate_leave);
