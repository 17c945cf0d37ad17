// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gate to the guest's memory: who unpins what nobody may unpin himself.  Rules:
 * Documentation/vfio-gate.rst.
 *
 * It is done by one, page after page, as long as nobody minds.  But in the older container
 * two threads may keep the lock that it takes for each page (iommu->lock) from everybody:
 * one has it and waits for the other (device_list_lock), which waits for our pages.  When
 * the other one gives up for a moment, so as to ask again, those are served that wait by
 * then, and he himself comes after them.  One alone who unpins would get hold of one page
 * then, and there are few such moments.  So when somebody was waited for long enough there
 * is a crowd, each of which has a page; and nobody else waits in VFIO for what the crowd
 * can do.
 */
#include <linux/cleanup.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <parley/compat.h>
#include "page.h"

/* One of the crowd. */
struct parley_gate_unpinner {
	struct work_struct work;
	struct parley_gate *gate;
};

static struct parley_gate_page *pg_next_going(struct parley_gate *g)
{
	struct parley_gate_page *page;

	guard(mutex)(&g->lock);
	page = list_first_entry_or_null(&g->going, struct parley_gate_page, node);
	if (page)
		list_del(&page->node);
	return page;
}

static void pg_unpin(struct work_struct *work)
{
	struct parley_gate *g = container_of(work, struct parley_gate_unpinner, work)->gate;
	struct parley_gate_page *page;

	while ((page = pg_next_going(g))) {
		parley_gate_undo(g, page);
		cond_resched();
	}
}

/* One that is at work comes again, and may find nothing. */
static void pg_call(struct parley_gate *g, size_t pages)
{
	lockdep_assert_held(&g->lock);
	for (pages = min_t(size_t, pages, PARLEY_GATE_UNPINNERS); pages; pages--)
		queue_work(g->queue, &g->unpinner[g->turn++ % PARLEY_GATE_UNPINNERS].work);
}

/**
 * parley_gate_go() - pages are unpinned by somebody else
 * @g: the gate
 * @pages: those, which nobody holds, nor will, and the function does not reach
 *
 * Context: process context; @g->lock held.
 */
void parley_gate_go(struct parley_gate *g, struct list_head *pages)
{
	lockdep_assert_held(&g->lock);
	if (!list_empty(pages))
		pg_call(g, g->crowd ? list_count_nodes(pages) : 1);
	list_splice_tail_init(pages, &g->going);
}

/**
 * parley_gate_crowd() - somebody has waited for long
 * @g: the gate
 * @more: how many more have, than before
 *
 * Context: process context; @g->lock held.
 */
void parley_gate_crowd(struct parley_gate *g, int more)
{
	lockdep_assert_held(&g->lock);
	WRITE_ONCE(g->crowd, g->crowd + more);
	if (g->crowd)
		pg_call(g, list_count_nodes(&g->going));
}

/**
 * parley_gate_unpinned() - wait until all that went is unpinned
 * @g: the gate
 *
 * Context: process context; sleeps.
 */
void parley_gate_unpinned(struct parley_gate *g)
{
	flush_workqueue(g->queue);
}

/**
 * parley_gate_hire() - there are some who unpin
 * @g: the gate
 *
 * Context: process context; may sleep.
 * Return: 0 or -ENOMEM.
 */
int parley_gate_hire(struct parley_gate *g)
{
	unsigned int i;

	g->unpinner = kvcalloc(PARLEY_GATE_UNPINNERS, sizeof(*g->unpinner), GFP_KERNEL);
	if (!g->unpinner)
		return -ENOMEM;
	for (i = 0; i < PARLEY_GATE_UNPINNERS; i++) {
		INIT_WORK(&g->unpinner[i].work, pg_unpin);
		g->unpinner[i].gate = g;
	}
	/* Its own: those of other gates wait for other containers. */
	g->queue = alloc_workqueue("parley_gate", WQ_UNBOUND, PARLEY_GATE_UNPINNERS);
	if (g->queue)
		return 0;
	kvfree(g->unpinner);
	return -ENOMEM;
}

/**
 * parley_gate_fire() - the mirror of parley_gate_hire()
 * @g: the gate
 *
 * Context: process context; sleeps.
 */
void parley_gate_fire(struct parley_gate *g)
{
	destroy_workqueue(g->queue);
	kvfree(g->unpinner);
}
