// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gate to the guest's memory.  Documentation/vfio-gate.rst has its rules, with their
 * numbers, and why they are so.
 *
 * What the processor copies goes through VFIO, which knows what is the guest's and
 * what of it may be written.  What the function is to reach is held first.  The
 * steps, each of which needs the one before:
 *
 *	step	does					undone by
 *	note	the page counts as held, if it does	forget, and wake who waits
 *		not leave				for it
 *	pin	VFIO keeps it where it is, if it is	unpin
 *		the guest's and may be used so
 *	map	the function's IOMMU lets it reach	unmap
 *		4 KiB of it, in one direction
 *
 * They are undone in the reverse order.  So what the function reaches is pinned, and what
 * is pinned is noted: who sees no note in an area can be sure that the function reaches
 * nothing there.
 *
 * A page is noted for each way in which it is used, apart: it is pinned for that, and
 * mapped for that.  When nobody holds it any more, it stays as it is, for the next one, to
 * whom it costs a look; until it is in the way of others, or is taken away (gate_leave.c).
 *
 *	@held			the page is
 *	n			held by so many
 *	0			kept
 *	GOING + n		on its way out, for which it waits for so many
 *	GOING			nobody's but his who made it so: he undoes the steps
 *
 * Out of GOING nothing leads back, and who holds a page anew sees to it in the same
 * instruction that it is not GOING.
 */
#include <linux/cleanup.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <parley/compat.h>
#include "mdev.h"

/* All commands together can hold no more, so none is refused for want of room. */
static_assert(PARLEY_NVME_IO_QUEUES * PARLEY_NVME_IO_SLOTS * PARLEY_EMU_PAGES <
	      PARLEY_MDEV_PAGES);

/* -------------------------------------------------------------- notes */

static enum parley_mdev_way parley_mdev_way(const struct parley_mdev_page *page)
{
	return page->key % PARLEY_MDEV_WAYS;
}

static u64 parley_mdev_address(const struct parley_mdev_page *page)
{
	return (u64)(page->key / PARLEY_MDEV_WAYS) * PARLEY_NVME_PAGE;
}

static unsigned long parley_mdev_key(u64 address, enum parley_mdev_way way)
{
	return parley_mdev_number(address) * PARLEY_MDEV_WAYS + way;
}

/* What is known of a page, from now on; NULL: there is no memory for that. */
static struct parley_mdev_page *parley_mdev_note(struct parley_mdev_gate *g,
						 unsigned long key)
{
	struct parley_mdev_page *page = kzalloc(sizeof(*page), GFP_KERNEL);

	lockdep_assert_held(&g->lock);
	if (!page)
		return ERR_PTR(-ENOMEM);
	page->key = key;
	atomic_set(&page->held, 1);
	if (xa_err(xa_store(&g->pages, key, page, GFP_KERNEL))) {
		kfree(page);
		return ERR_PTR(-ENOMEM);
	}
	g->nr++;
	g->stats.most = max(g->stats.most, g->nr);
	return page;
}

static void parley_mdev_forget(struct parley_mdev_gate *g, struct parley_mdev_page *page)
{
	WARN_ON_ONCE(page->mapped || page->sharers);
	scoped_guard(mutex, &g->lock) {
		WARN_ON_ONCE(xa_erase(&g->pages, page->key) != page);
		if (!--g->nr)
			WRITE_ONCE(g->late, 0);
	}
	kfree_rcu(page, rcu);
	wake_up(&g->wait);
}

/* ----------------------------------------------------- how it goes */

/* If nobody holds it, nobody will any more, and it is the caller's to undo. */
static bool parley_mdev_claim(struct parley_mdev_page *page)
{
	return !atomic_cmpxchg(&page->held, 0, PARLEY_MDEV_GOING);
}

/**
 * parley_mdev_out_of_reach() - the function reaches a page no more
 * @g: the gate
 * @page: nobody holds it, nor will
 *
 * Context: process context.
 */
void parley_mdev_out_of_reach(struct parley_mdev_gate *g, struct parley_mdev_page *page)
{
	WARN_ON_ONCE(atomic_read(&page->held) != PARLEY_MDEV_GOING);
	if (page->mapped)
		g->ops->unmap(g, page->dma, parley_mdev_way(page));
	page->mapped = false;
}

static void parley_mdev_undo(struct parley_mdev_gate *g, struct parley_mdev_page *page)
{
	parley_mdev_out_of_reach(g, page);
	g->ops->unpin(g, parley_mdev_address(page));
	parley_mdev_forget(g, page);
}

static void parley_mdev_let_go(struct parley_mdev_gate *g, struct parley_mdev_page *page)
{
	int left = atomic_dec_return(&page->held);

	/* Who had held nothing. */
	WARN_ON_ONCE(left == -1 || left == INT_MAX);
	if (left == PARLEY_MDEV_GOING)
		parley_mdev_undo(g, page);
}

static void parley_mdev_work(struct work_struct *work)
{
	struct parley_mdev_gate *g = container_of(work, struct parley_mdev_gate, work);
	struct parley_mdev_page *page, *next;
	LIST_HEAD(going);

	scoped_guard(mutex, &g->lock)
		list_splice_init(&g->going, &going);
	list_for_each_entry_safe(page, next, &going, node)
		parley_mdev_undo(g, page);
}

/* ------------------------------------------------ who makes room */

static struct parley_mdev_page *parley_mdev_next(struct parley_mdev_gate *g)
{
	struct parley_mdev_page *page;

	page = xa_find_after(&g->pages, &g->hand, ULONG_MAX, XA_PRESENT);
	if (page)
		return page;
	g->hand = 0;
	return xa_find(&g->pages, &g->hand, ULONG_MAX, XA_PRESENT);
}

/*
 * One that is kept and was not used since the hand came by, which goes round; NULL: all
 * are held.  In two rounds there is one, if there is any.
 */
static struct parley_mdev_page *parley_mdev_victim(struct parley_mdev_gate *g)
{
	unsigned int looks = 2 * g->nr + 1;
	struct parley_mdev_page *page;

	lockdep_assert_held(&g->lock);
	while (looks--) {
		page = parley_mdev_next(g);
		if (!page)
			return NULL;
		if (page->used)
			page->used = false;
		else if (parley_mdev_claim(page))
			return page;
	}
	return NULL;
}

static bool parley_mdev_evict(struct parley_mdev_gate *g)
{
	struct parley_mdev_page *page;

	scoped_guard(mutex, &g->lock)
		page = parley_mdev_victim(g);
	if (!page)
		return false;
	g->stats.evictions++;
	parley_mdev_undo(g, page);
	return true;
}

/*
 * As much is pinned as may be: of this guest's, or of all that its VMM has.  So some of
 * what is only kept goes, and no more is kept than is left then, until there was room for
 * some time: see parley_mdev_grow().
 */
static bool parley_mdev_shrink(struct parley_mdev_gate *g)
{
	unsigned int nr = 0;

	while (nr < PARLEY_MDEV_SHRINK && parley_mdev_evict(g))
		nr++;
	guard(mutex)(&g->lock);
	if (nr)
		g->room = g->nr;
	g->grown = 0;
	return nr;
}

/* One more was pinned, and nobody said that this is too much. */
static void parley_mdev_grow(struct parley_mdev_gate *g)
{
	guard(mutex)(&g->lock);
	if (g->room >= g->most || ++g->grown < PARLEY_MDEV_GROW)
		return;
	g->room++;
	g->grown = 0;
}

/* ----------------------------------------------------- how it comes */

/*
 * Rule 4: it is looked for and held without a lock.  Whoever takes it away may forget it
 * meanwhile, so the memory stays (RCU) until this is over.
 */
static struct parley_mdev_page *parley_mdev_hit(struct parley_mdev_gate *g,
						unsigned long key)
{
	struct parley_mdev_page *page;

	guard(rcu)();
	page = xa_load(&g->pages, key);
	if (!page || !atomic_inc_unless_negative(&page->held))
		return NULL;
	page->used = true;
	g->stats.hits++;
	return page;
}

static struct parley_mdev_page *parley_mdev_enter(struct parley_mdev_gate *g,
						  unsigned long key)
{
	bool kept = true;

	for (;;) {
		scoped_guard(mutex, &g->lock) {
			/* Rule 5: the mark is seen, or whoever made it sees the note. */
			if (parley_mdev_leaves(g, key / PARLEY_MDEV_WAYS) ||
			    xa_load(&g->pages, key))
				return ERR_PTR(-EBUSY);
			if (g->nr < (kept ? g->room : g->most))
				return parley_mdev_note(g, key);
		}
		if (parley_mdev_evict(g))
			continue;
		if (!kept)
			return ERR_PTR(-ENOSPC);
		/* Nothing is only kept, and what is held has room of its own. */
		kept = false;
	}
}

static int parley_mdev_hold(struct parley_mdev_gate *g, struct parley_mdev_page *page,
			    u64 address)
{
	enum parley_mdev_way way = parley_mdev_way(page);
	int err;

	do {
		err = g->ops->pin(g, address, way, &page->memory);
	} while (err == -ENOMEM && parley_mdev_shrink(g));
	if (!err)
		parley_mdev_grow(g);
	if (err || way == PARLEY_MDEV_SHARED)
		return err;
	err = g->ops->map(g, page->memory, offset_in_page(address), way, &page->dma);
	if (err)
		g->ops->unpin(g, address);
	page->mapped = !err;
	return err;
}

/* Held, whether it was there or not. */
static struct parley_mdev_page *parley_mdev_get(struct parley_mdev_gate *g, u64 address,
						enum parley_mdev_way way)
{
	unsigned long key = parley_mdev_key(address, way);
	struct parley_mdev_page *page;
	int err;

	if (g->serial)
		lockdep_assert_held(g->serial);
	if (parley_mdev_number(address) > ULONG_MAX / PARLEY_MDEV_WAYS)
		return ERR_PTR(-EINVAL);
	page = parley_mdev_hit(g, key);
	if (page)
		return page;
	g->stats.misses++;
	page = parley_mdev_enter(g, key);
	if (IS_ERR(page))
		return page;
	err = parley_mdev_hold(g, page, address);
	if (!err)
		return page;
	parley_mdev_forget(g, page);
	return ERR_PTR(err);
}

/* ----------------------------------------------------------- the gate */

/**
 * parley_mdev_gate_pin() - hold a page and let the function reach it
 * @g: the gate
 * @address: the guest's; begins 4 KiB
 * @in: the function writes there; else it reads
 * @dma: where the function finds it
 *
 * Context: process context; @g->serial held; may sleep.
 * Return: 0, or
 *	-ENOSPC		too many are held
 *	-EBUSY		it is being taken away: later it can be said what it is
 *	or an error of VFIO's or the DMA API's, and nothing is held.
 */
int parley_mdev_gate_pin(struct parley_mdev_gate *g, u64 address, bool in,
			 dma_addr_t *dma)
{
	struct parley_mdev_page *page;

	page = parley_mdev_get(g, address, in ? PARLEY_MDEV_IN : PARLEY_MDEV_OUT);
	if (IS_ERR(page))
		return PTR_ERR(page);
	*dma = page->dma;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_gate_pin);

/**
 * parley_mdev_gate_unpin() - the mirror of parley_mdev_gate_pin()
 * @g: the gate
 * @address: the same
 * @in: the same
 *
 * Context: process context; @g->serial held; may sleep.
 */
void parley_mdev_gate_unpin(struct parley_mdev_gate *g, u64 address, bool in)
{
	unsigned long key = parley_mdev_key(address, in ? PARLEY_MDEV_IN : PARLEY_MDEV_OUT);
	struct parley_mdev_page *page = xa_load(&g->pages, key);

	if (!WARN_ON_ONCE(!page))
		parley_mdev_let_go(g, page);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_gate_unpin);

/**
 * parley_mdev_gate_share() - hold a page to read and write it directly
 * @g: the gate
 * @address: the guest's; begins 4 KiB
 * @memory: what it is
 *
 * It is the caller's until he gives it back or was told that it is taken away (@unshared),
 * which may be before this returns.
 *
 * Context: process context; @g->serial held; may sleep.
 * Return: as parley_mdev_gate_pin().
 */
int parley_mdev_gate_share(struct parley_mdev_gate *g, u64 address, struct page **memory)
{
	struct parley_mdev_page *page = parley_mdev_get(g, address, PARLEY_MDEV_SHARED);
	bool going;

	if (IS_ERR(page))
		return PTR_ERR(page);
	*memory = page->memory;
	scoped_guard(mutex, &g->lock) {
		/* Rule 9: whoever takes it away from now on sees that it is shared. */
		going = atomic_read(&page->held) < 0;
		page->sharers += !going;
	}
	if (going)
		parley_mdev_let_go(g, page);
	return going ? -EBUSY : 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_gate_share);

/**
 * parley_mdev_gate_unshare() - the mirror of parley_mdev_gate_share()
 * @g: the gate
 * @address: the same; it does no harm if it was taken away meanwhile
 *
 * Context: process context; @g->serial held; may sleep.
 */
void parley_mdev_gate_unshare(struct parley_mdev_gate *g, u64 address)
{
	struct parley_mdev_page *page;

	scoped_guard(mutex, &g->lock) {
		page = xa_load(&g->pages, parley_mdev_key(address, PARLEY_MDEV_SHARED));
		if (page && page->sharers)
			page->sharers--;
		else
			page = NULL;
	}
	if (page)
		parley_mdev_let_go(g, page);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_gate_unshare);

/**
 * parley_mdev_gate_empty() - what is only kept goes
 * @g: the gate
 *
 * Context: process context; @g->serial held, or nobody comes through; may sleep.
 */
void parley_mdev_gate_empty(struct parley_mdev_gate *g)
{
	struct parley_mdev_page *page, *next;
	unsigned long key;
	LIST_HEAD(going);

	scoped_guard(mutex, &g->lock)
		xa_for_each(&g->pages, key, page)
			if (parley_mdev_claim(page))
				list_add_tail(&page->node, &going);
	list_for_each_entry_safe(page, next, &going, node)
		parley_mdev_undo(g, page);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_gate_empty);

/**
 * parley_mdev_gate_begin() - another guest
 * @g: the gate, through which nobody goes
 *
 * What was taken away from the one before does not concern it.
 *
 * Context: process context; may sleep.
 */
void parley_mdev_gate_begin(struct parley_mdev_gate *g)
{
	struct parley_mdev_leaving *l, *next;

	guard(mutex)(&g->lock);
	g->room = PARLEY_MDEV_PAGES;
	g->most = PARLEY_MDEV_PAGES;
	g->grown = 0;
	g->stats = (struct parley_mdev_gate_stats) {};
	list_for_each_entry_safe(l, next, &g->leaving, node)
		list_del_init(&l->node);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_gate_begin);

/**
 * parley_mdev_gate_end() - the mirror of parley_mdev_gate_begin()
 * @g: the gate, through which nobody goes any more, and nobody holds anything
 *
 * Context: process context; may sleep.
 */
void parley_mdev_gate_end(struct parley_mdev_gate *g)
{
	parley_mdev_gate_empty(g);
	/* Who takes memory away meanwhile has ours, and may be about to hand it over. */
	wait_event(g->wait, !READ_ONCE(g->taking));
	flush_work(&g->work);
	WARN_ON_ONCE(g->nr);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_gate_end);

/**
 * parley_mdev_gate_init() - a gate that nothing went through
 * @g: zeroed, but for what its steps need
 * @ops: its steps
 *
 * Context: process context.
 */
void parley_mdev_gate_init(struct parley_mdev_gate *g,
			   const struct parley_mdev_gate_ops *ops)
{
	g->ops = ops;
	mutex_init(&g->lock);
	xa_init(&g->pages);
	INIT_LIST_HEAD(&g->leaving);
	INIT_LIST_HEAD(&g->going);
	INIT_WORK(&g->work, parley_mdev_work);
	init_waitqueue_head(&g->wait);
	parley_mdev_gate_begin(g);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_gate_init);

/**
 * parley_mdev_gate_exit() - the mirror of parley_mdev_gate_init()
 * @g: the gate, after parley_mdev_gate_end()
 *
 * Context: process context.
 */
void parley_mdev_gate_exit(struct parley_mdev_gate *g)
{
	WARN_ON_ONCE(g->nr || !xa_empty(&g->pages) || !list_empty(&g->leaving));
	xa_destroy(&g->pages);
	mutex_destroy(&g->lock);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_gate_exit);
