// SPDX-License-Identifier: GPL-2.0-only
/*
 * A grid of time, for guests that are not to read from their own latencies what their
 * neighbours do with the disk.
 *
 * With a grid nothing happens but at its points, which are the same distance apart for
 * as long as the controller is there.  At each: what the function has answered by then
 * is posted, and the guest is interrupted; then what it asked for since is begun.  So
 * a command is begun at one point and over at a later one, and all that the guest can
 * read from it is how many points lie between.  That is one, as long as the function
 * needs less than the grid is wide; how much less is not to be seen.
 *
 * A command must not be begun when the guest likes.  If it could say when, it would
 * say so just before a point, and read from the answer whether the function needed
 * more than the rest of the time.
 *
 * Whoever waits for the function with its guest looking, in a reset, when a queue is
 * deleted, waits for the next point as well.
 *
 * The timer is armed when there is something to do at the next point, and not else.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <parley/compat.h>
#include "rooms.h"

/**
 * parley_emu_grid_after() - the first point behind a time
 * @base: a point
 * @period: how far apart they are, in nanoseconds, not 0
 * @now: the time, not before @base
 *
 * Context: any.
 * Return: the point, later than @now.
 */
u64 parley_emu_grid_after(u64 base, u64 period, u64 now)
{
	return base + (div64_u64(now - base, period) + 1) * period;
}
EXPORT_SYMBOL_IF_KUNIT(parley_emu_grid_after);

static u64 pne_next(struct parley_emu_grid *grid)
{
	return parley_emu_grid_after(grid->base, grid->period, ktime_get_ns());
}

/**
 * parley_emu_grid_tick() - a point
 * @e: the controller
 *
 * Context: any.
 */
void parley_emu_grid_tick(struct parley_emu *e)
{
	WRITE_ONCE(e->grid.due, true);
	kthread_queue_work(e->worker, &e->work);
}
EXPORT_SYMBOL_IF_KUNIT(parley_emu_grid_tick);

static enum hrtimer_restart pne_tick(struct hrtimer *timer)
{
	parley_emu_grid_tick(container_of(timer, struct parley_emu, grid.timer));
	return HRTIMER_NORESTART;
}

/**
 * parley_emu_grid_init() - a grid, if there is to be one
 * @e: the controller, with its configuration
 *
 * Context: process context.
 */
void parley_emu_grid_init(struct parley_emu *e)
{
	struct parley_emu_grid *grid = &e->grid;

	grid->period = min(e->config.grid_us, PARLEY_EMU_GRID_MAX_US) * (u64)NSEC_PER_USEC;
	grid->base = ktime_get_ns();
	hrtimer_setup(&grid->timer, pne_tick, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
}

/**
 * parley_emu_grid_exit() - the mirror of parley_emu_grid_init()
 * @e: the controller, whose work nobody queues any more but the grid
 *
 * Context: process context; sleeps.
 */
void parley_emu_grid_exit(struct parley_emu *e)
{
	/* Who looks at it now does not arm it any more. */
	WRITE_ONCE(e->grid.over, true);
	kthread_cancel_work_sync(&e->work);
	hrtimer_cancel(&e->grid.timer);
}

/**
 * parley_emu_grid_arm() - there is something to do at the next point
 * @e: the controller
 *
 * Context: process context.
 */
void parley_emu_grid_arm(struct parley_emu *e)
{
	struct parley_emu_grid *grid = &e->grid;

	if (!grid->period || READ_ONCE(grid->over) || hrtimer_is_queued(&grid->timer))
		return;
	hrtimer_start(&grid->timer, ns_to_ktime(pne_next(grid)), HRTIMER_MODE_ABS);
}

/**
 * parley_emu_grid_due() - whether something may happen now
 * @e: the controller
 *
 * Context: process context; one at a time.
 * Return: true if there is no grid, or this is a point; else there will be one.
 */
bool parley_emu_grid_due(struct parley_emu *e)
{
	if (!e->grid.period || xchg(&e->grid.due, false))
		return true;
	parley_emu_grid_arm(e);
	return false;
}

/**
 * parley_emu_grid_wait() - wait for the next point, if there is a grid
 * @e: the controller
 *
 * For who has waited for the function.
 *
 * Context: process context; sleeps, no longer than the grid is wide.
 */
void parley_emu_grid_wait(struct parley_emu *e)
{
	ktime_t until;

	if (!e->grid.period || READ_ONCE(e->left))
		return;
	until = ns_to_ktime(pne_next(&e->grid));
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule_hrtimeout(&until, HRTIMER_MODE_ABS);
	__set_current_state(TASK_RUNNING);
}
