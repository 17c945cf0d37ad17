// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clock of a tree: looks at who waits, not too often.  The kernel's alone;
 * tests that bring a clock of their own look by themselves.
 */
#include <linux/ktime.h>
#include <linux/module.h>
#include <parley/version.h>
#include "tree.h"

static enum hrtimer_restart limit_timer_fn(struct hrtimer *timer)
{
	struct limit_tree *tree = container_of(timer, struct limit_tree, timer.timer);
	u64 now = ktime_get_ns();
	unsigned long flags;

	spin_lock_irqsave(&tree->lock, flags);
	tree->timer.armed = false;
	parley_limit_run(tree, now);
	parley_limit_timer_arm(tree, now);
	spin_unlock_irqrestore(&tree->lock, flags);
	return HRTIMER_NORESTART;
}

/** parley_limit_timer_init() - before anybody waits */
void parley_limit_timer_init(struct limit_tree *tree)
{
	hrtimer_setup(&tree->timer.timer, limit_timer_fn, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_SOFT);
}

/** parley_limit_timer_end() - nobody waits any more; may sleep */
void parley_limit_timer_end(struct limit_tree *tree)
{
	hrtimer_cancel(&tree->timer.timer);
}

/**
 * parley_limit_timer_arm() - look again in time for who waits
 * @tree: tree, locked, after parley_limit_run()
 * @now: as there
 */
void parley_limit_timer_arm(struct limit_tree *tree, u64 now)
{
	struct limit_timer *t = &tree->timer;
	u64 wait, due;

	lockdep_assert_held(&tree->lock);
	if (t->manual || !tree->root->queued)
		return;
	/* As early as it gets: spare us the look at everybody who waits. */
	if (t->armed && t->due <= now + tree->pause)
		return;
	wait = parley_limit_next(tree, now);
	due = now + clamp(wait, tree->pause, (u64)KTIME_MAX / 2);
	/* Too early does no harm. */
	if (t->armed && t->due <= due)
		return;
	t->armed = true;
	t->due = due;
	hrtimer_start(&t->timer, ns_to_ktime(due), HRTIMER_MODE_ABS_SOFT);
}

MODULE_DESCRIPTION("Parley: limits and guarantees, a tree of token buckets");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
