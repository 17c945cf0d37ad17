// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest with several commands at a time takes their answers and puts the next ones soon
 * after.  If it had to ring for these it would leave once for each batch, so for a while
 * after the last thing that was done nobody is asked to ring (shadow.c): a timer looks at
 * the shadows, and wakes the worker if one of them moved.
 *
 * The looks are each a quarter further from the last thing that was done than the one
 * before, so what the guest puts waits no longer than a quarter of the time that it took
 * to put it.  The first look comes a little before the time at which the guest was found
 * to have put something the last time.  When the while is over, queues are armed, and the
 * guest rings.
 *
 * One that has a single command at a time is to ring at once: for it a look more or less
 * is as dear as an exit, and each is a wait.
 *
 * Who lingers has a timer that is queued, or is looking:
 *
 *	lingers		set with the mutex held, before the timer is started; the timer
 *			reads it after that, as it is run after that
 *	over		found by the timer, which wakes the worker; the worker finds the
 *			same, as time goes only forward, and arms
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <parley/compat.h>
#include "rooms.h"

static unsigned int pne_most_us = PARLEY_EMU_LINGER_US;
module_param_named(linger_us, pne_most_us, uint, 0644);
MODULE_PARM_DESC(linger_us, "So many microseconds after the last thing that was done a busy guest need not ring, of devices opened from now on (0: it is to ring at once)");

/* A look comes at the time of the last one, and a part of it. */
#define PNE_FURTHER(ns)		((ns) + (ns) / 4)
/* The first look comes at such a part of the time that the guest took. */
#define PNE_BEFORE(ns)		((ns) - (ns) / 4)

/**
 * parley_emu_linger_next() - when to look next
 * @l: what is known of the guest
 * @passed: nanoseconds since something was done
 *
 * Context: any.
 * Return: nanoseconds since something was done, later than @passed.
 */
VISIBLE_IF_KUNIT u64 parley_emu_linger_next(const struct parley_emu_linger *l, u64 passed)
{
	return max(PNE_FURTHER(passed), READ_ONCE(l->first_ns));
}
EXPORT_SYMBOL_IF_KUNIT(parley_emu_linger_next);

/**
 * parley_emu_linger_found() - a look found something
 * @l: what is known of the guest
 * @passed: nanoseconds since something was done
 *
 * Context: of whoever looks.
 */
VISIBLE_IF_KUNIT void parley_emu_linger_found(struct parley_emu_linger *l, u64 passed)
{
	const u64 least = PARLEY_EMU_LINGER_LEAST_US * NSEC_PER_USEC;

	WRITE_ONCE(l->first_ns, min(max(PNE_BEFORE(passed), least), l->most_ns));
}
EXPORT_SYMBOL_IF_KUNIT(parley_emu_linger_found);

static u64 pne_passed(const struct parley_emu_linger *l)
{
	u64 since = READ_ONCE(l->since), now = ktime_get_ns();

	return now > since ? now - since : 0;
}

static void pne_look_again(struct parley_emu_linger *l, u64 passed)
{
	u64 next = parley_emu_linger_next(l, passed);

	hrtimer_start(&l->timer, ns_to_ktime(READ_ONCE(l->since) + next), HRTIMER_MODE_ABS);
}

static enum hrtimer_restart pne_look(struct hrtimer *timer)
{
	struct parley_emu *e = container_of(timer, struct parley_emu, linger.timer);
	struct parley_emu_linger *l = &e->linger;
	u64 passed = pne_passed(l);

	if (!READ_ONCE(l->lingers))
		return HRTIMER_NORESTART;
	if (parley_emu_shadow_moved(e)) {
		parley_emu_linger_found(l, passed);
		parley_emu_kick(e);
	} else if (passed >= l->most_ns) {
		parley_emu_kick(e);
	} else {
		/* By itself, as the worker may have started it meanwhile. */
		pne_look_again(l, passed);
	}
	return HRTIMER_NORESTART;
}

/* Who polls looks anyway, and who has a grid does at its points. */
static bool pne_can(struct parley_emu *e)
{
	return e->shadow.on && parley_emu_shared(&e->pages.bells) && !e->stopped &&
	       !e->poll.task && !e->grid.period;
}

/**
 * parley_emu_linger_did() - something was done
 * @e: the controller
 * @fetched: so many commands, if any
 *
 * Context: process context; @e->mutex held.
 */
void parley_emu_linger_did(struct parley_emu *e, unsigned int fetched)
{
	struct parley_emu_linger *l = &e->linger;

	lockdep_assert_held(&e->mutex);
	if (!pne_can(e))
		return;
	WRITE_ONCE(l->since, ktime_get_ns());
	l->fetched += fetched;
}

/* Several at a time, or the function has several. */
static bool pne_busy(struct parley_emu *e)
{
	u16 id;

	if (e->linger.fetched >= PARLEY_EMU_BUSY)
		return true;
	for (id = 1; id <= e->nr_queues; id++)
		if (e->sq[id].flying >= PARLEY_EMU_BUSY)
			return true;
	return false;
}

/**
 * parley_emu_lingers() - there is nothing to do: whether the guest is looked at all the same
 * @e: the controller
 *
 * Context: process context; @e->mutex held.
 * Return: true if it will be; else its shadows are to be armed.
 */
bool parley_emu_lingers(struct parley_emu *e)
{
	struct parley_emu_linger *l = &e->linger;
	u64 passed;

	lockdep_assert_held(&e->mutex);
	if (pne_can(e) && pne_busy(e)) {
		passed = pne_passed(l);
		if (passed < l->most_ns) {
			WRITE_ONCE(l->lingers, true);
			pne_look_again(l, passed);
			return true;
		}
	}
	l->fetched = 0;
	WRITE_ONCE(l->lingers, false);
	return false;
}

/**
 * parley_emu_linger_end() - the guest has no shadows any more
 * @e: the controller
 *
 * When this returns, nobody looks at them but who has the mutex; nor will a timer, before
 * there are some again.
 *
 * Context: process context; @e->mutex held; may sleep.
 */
void parley_emu_linger_end(struct parley_emu *e)
{
	lockdep_assert_held(&e->mutex);
	WRITE_ONCE(e->linger.lingers, false);
	hrtimer_cancel(&e->linger.timer);
}

/**
 * parley_emu_linger_init() - nobody lingers yet
 * @e: the controller
 *
 * Context: process context.
 */
void parley_emu_linger_init(struct parley_emu *e)
{
	struct parley_emu_linger *l = &e->linger;

	l->most_ns = min(READ_ONCE(pne_most_us), PARLEY_EMU_LINGER_MAX_US) * (u64)NSEC_PER_USEC;
	l->first_ns = PARLEY_EMU_LINGER_LEAST_US * NSEC_PER_USEC;
	hrtimer_setup(&l->timer, pne_look, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
}
