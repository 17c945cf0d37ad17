// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who runs the guest waits for the controller's mutex, and whoever has that for the
 * function: until it has answered, which a guest can make take its time.  When who runs
 * the guest is being killed nobody wants these answers any more, and he must not stay
 * for them: he holds the guest's memory, and locks of VFIO's.  So the function is taken
 * from memory, which ends all that it has, and made anew for the next one (../vf/).
 */
#include <linux/delay.h>
#include <linux/sched/signal.h>
#include "rooms.h"

/* Who cannot have the mutex tries again after so many milliseconds. */
#define PNE_LOCK_MS	1

/**
 * parley_emu_lock() - take the controller's mutex, for who runs the guest
 * @e: the controller
 *
 * Context: process context; sleeps, no longer than the guest's memory takes if it is being
 *	killed.
 */
void parley_emu_lock(struct parley_emu *e)
{
	if (!mutex_lock_killable(&e->mutex))
		return;
	while (!mutex_trylock(&e->mutex)) {
		if (READ_ONCE(e->draining))
			parley_nvme_abandon(&e->vf->n);
		msleep(PNE_LOCK_MS);
	}
}

/**
 * parley_emu_await() - wait until a command has ended
 * @e: the controller, of which commands are in flight
 *
 * Context: process context; @e->mutex held; sleeps.
 */
void parley_emu_await(struct parley_emu *e)
{
	bool over;

	lockdep_assert_held(&e->mutex);
	over = wait_event_killable(e->wait, !llist_empty(&e->ended) || READ_ONCE(e->left));
	if (!llist_empty(&e->ended))
		return;
	if (over || READ_ONCE(e->left))
		parley_nvme_abandon(&e->vf->n);
	wait_event(e->wait, !llist_empty(&e->ended));
}
