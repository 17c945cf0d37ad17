// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of the guest's that the controller reads and writes itself, all the time: copying
 * each word through VFIO would cost more than the rest of a command.
 *
 * They may be taken away at any time, by somebody who does not wait for the controller's
 * mutex: see parley_emu_unshared().  Therefore whoever uses one asks for it each time, and
 * does so under rcu_read_lock():
 *
 *	guard(rcu)();
 *	at = parley_emu_shared(s);
 *	if (at)
 *		value = READ_ONCE(*at);
 *
 * What the guest writes there is to be read once, as all that it writes.
 */
#include <linux/cleanup.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <parley/export.h>
#include "rooms.h"

/**
 * parley_emu_share() - use a page of the guest's directly
 * @e: the controller
 * @s: what is known of it, not shared
 * @address: the guest's; begins a page
 *
 * Context: process context; @e->mutex held; may sleep.
 * Return: 0, or an error, and nothing is shared.
 */
int parley_emu_share(struct parley_emu *e, struct parley_emu_share *s, u64 address)
{
	void *at = NULL;
	int err;

	lockdep_assert_held(&e->mutex);
	/*
	 * Who took it away before is through with it when he lets go of the lock; who takes
	 * it away from now on finds it before it is shared, and not too late.
	 */
	scoped_guard(spinlock, &e->share_lock) {
		s->address = address;
		s->at = NULL;
		s->there = true;
		list_add(&s->node, &e->shares);
	}
	err = e->ops->share(e, address, &at);
	scoped_guard(spinlock, &e->share_lock) {
		if (!err && s->there)
			WRITE_ONCE(s->at, at);
		else
			list_del_init(&s->node);
		s->there = s->at;
	}
	if (err || s->at)
		return err;
	e->ops->unshare(e, address);
	return -EBUSY;
}
EXPORT_SYMBOL_IF_KUNIT(parley_emu_share);

/**
 * parley_emu_unshare() - the mirror of parley_emu_share() and parley_emu_want()
 * @e: the controller
 * @s: what is shared; or not: then this does nothing
 *
 * Nobody uses it, as whoever does has the mutex, but for a timer, which is stopped before
 * (parley_emu_linger_end()).
 *
 * Context: process context; @e->mutex held; may sleep.
 */
void parley_emu_unshare(struct parley_emu *e, struct parley_emu_share *s)
{
	bool there;

	lockdep_assert_held(&e->mutex);
	s->wanted = false;
	scoped_guard(spinlock, &e->share_lock) {
		there = s->there;
		s->there = false;
		WRITE_ONCE(s->at, NULL);
		if (there)
			list_del_init(&s->node);
	}
	if (there)
		e->ops->unshare(e, s->address);
}
EXPORT_SYMBOL_IF_KUNIT(parley_emu_unshare);

/**
 * parley_emu_want() - use a page directly whenever it can be
 * @e: the controller
 * @s: what is known of it, not shared
 * @address: the guest's; begins a page
 *
 * It is shared by and by; when it was taken away and is given again, too.
 *
 * Context: process context; @e->mutex held.
 */
void parley_emu_want(struct parley_emu *e, struct parley_emu_share *s, u64 address)
{
	lockdep_assert_held(&e->mutex);
	s->address = address;
	s->wanted = true;
	e->pages.again = jiffies;
}

static void pne_try(struct parley_emu *e, struct parley_emu_share *s)
{
	if (s->wanted && !parley_emu_shared(s))
		parley_emu_share(e, s, s->address);
}

/**
 * parley_emu_share_wanted() - share what can be, of what is wanted and is not shared
 * @e: the controller
 *
 * Context: process context; @e->mutex held; may sleep.
 */
void parley_emu_share_wanted(struct parley_emu *e)
{
	struct parley_emu_pages *p = &e->pages;
	unsigned int page;
	u16 id;

	lockdep_assert_held(&e->mutex);
	if (time_before(jiffies, p->again))
		return;
	p->again = jiffies + msecs_to_jiffies(PARLEY_EMU_SHARE_MS);
	pne_try(e, &p->bells);
	pne_try(e, &p->events);
	for (id = 0; id <= e->nr_queues; id++) {
		for (page = 0; page < PARLEY_EMU_SQ_PAGES; page++)
			pne_try(e, &p->sq[id][page]);
		pne_try(e, &p->cq[id]);
	}
}

/**
 * parley_emu_unshared() - pages are taken away from the guest
 * @e: the controller
 * @first: address of the first byte
 * @last: of the last byte
 *
 * When this returns, none of them is used directly, nor will be.  Those whose pages they
 * were see that parley_emu_shared() is NULL, and need not give them back.
 *
 * Context: process context; with any lock of VFIO's held, and without @e->mutex, which
 *	whoever waits for these may have; sleeps.
 */
void parley_emu_unshared(struct parley_emu *e, u64 first, u64 last)
{
	struct parley_emu_share *s, *next;

	scoped_guard(spinlock, &e->share_lock)
		list_for_each_entry_safe(s, next, &e->shares, node) {
			if (s->address > last || s->address + (PARLEY_NVME_PAGE - 1) < first)
				continue;
			s->there = false;
			WRITE_ONCE(s->at, NULL);
			list_del_init(&s->node);
		}
	synchronize_rcu();
}
PARLEY_EXPORT(parley_emu_unshared);
