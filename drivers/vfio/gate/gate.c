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
 * whom it costs a look; until it is in the way of others, or is taken away (leave.c).
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
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/memcontrol.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <parley/compat.h>
#include <parley/version.h>
#include "page.h"

/* -------------------------------------------------------------- notes */

static enum parley_gate_way pg_way(const struct parley_gate_page *page)
{
	return page->key % PARLEY_GATE_WAYS;
}

static u64 pg_address(const struct parley_gate_page *page)
{
	return (u64)(page->key / PARLEY_GATE_WAYS) * PARLEY_GATE_PAGE;
}

static unsigned long pg_key(u64 address, enum parley_gate_way way)
{
	return parley_gate_number(address) * PARLEY_GATE_WAYS + way;
}

static struct parley_gate_page *pg_write(struct parley_gate *g, unsigned long key)
{
	struct parley_gate_page *page = kzalloc(sizeof(*page), GFP_KERNEL_ACCOUNT);

	if (!page)
		return NULL;
	page->key = key;
	atomic_set(&page->held, 1);
	if (!xa_err(xa_store(&g->pages, key, page, GFP_KERNEL_ACCOUNT)))
		return page;
	kfree(page);
	return NULL;
}

/*
 * What is known of a page, from now on, if there is memory for that: of who opened the device,
 * whoever does this for him.
 */
static struct parley_gate_page *pg_note(struct parley_gate *g, unsigned long key)
{
	struct mem_cgroup *old = set_active_memcg(g->memcg);
	struct parley_gate_page *page = pg_write(g, key);

	set_active_memcg(old);
	lockdep_assert_held(&g->lock);
	if (!page)
		return ERR_PTR(-ENOMEM);
	g->nr++;
	g->stats.most = max(g->stats.most, g->nr);
	return page;
}

static void pg_forget(struct parley_gate *g, struct parley_gate_page *page)
{
	WARN_ON_ONCE(page->mapped || page->sharers);
	scoped_guard(mutex, &g->lock) {
		/* Who waits sees it go by its key, and counts what is left then. */
		g->nr--;
		WARN_ON_ONCE(xa_erase(&g->pages, page->key) != page);
	}
	kfree_rcu(page, rcu);
	wake_up(&g->wait);
}

/* ----------------------------------------------------- how it goes */

/* If nobody holds it, nobody will any more, and it is the caller's to undo. */
static bool pg_claim(struct parley_gate_page *page)
{
	return !atomic_cmpxchg(&page->held, 0, PARLEY_GATE_GOING);
}

/**
 * parley_gate_out_of_reach() - the function reaches a page no more
 * @g: the gate
 * @page: nobody holds it, nor will
 *
 * Context: process context.
 */
void parley_gate_out_of_reach(struct parley_gate *g, struct parley_gate_page *page)
{
	WARN_ON_ONCE(atomic_read(&page->held) != PARLEY_GATE_GOING);
	if (page->mapped)
		g->ops->unmap(g, page->dma, pg_way(page));
	page->mapped = false;
}

/**
 * parley_gate_undo() - a page goes
 * @g: the gate
 * @page: nobody holds it, nor will
 *
 * Context: process context; without VFIO's locks; sleeps.
 */
void parley_gate_undo(struct parley_gate *g, struct parley_gate_page *page)
{
	parley_gate_out_of_reach(g, page);
	g->ops->unpin(g, pg_address(page));
	pg_forget(g, page);
}

/* As above, but nobody is waited for whom somebody else may wait for, see unpin.c. */
static void pg_undo(struct parley_gate *g, struct parley_gate_page *page)
{
	LIST_HEAD(pages);

	if (!READ_ONCE(g->crowd)) {
		parley_gate_undo(g, page);
		return;
	}
	parley_gate_out_of_reach(g, page);
	list_add(&page->node, &pages);
	guard(mutex)(&g->lock);
	parley_gate_go(g, &pages);
}

static void pg_let_go(struct parley_gate *g, struct parley_gate_page *page)
{
	int left = atomic_dec_return(&page->held);

	/* Who had held nothing. */
	WARN_ON_ONCE(left == -1 || left == INT_MAX);
	if (left == PARLEY_GATE_GOING)
		pg_undo(g, page);
}

/* ------------------------------------------------ who makes room */

static struct parley_gate_page *pg_next(struct parley_gate *g)
{
	struct parley_gate_page *page;

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
static struct parley_gate_page *pg_victim(struct parley_gate *g)
{
	unsigned int looks = 2 * g->nr + 1;
	struct parley_gate_page *page;

	lockdep_assert_held(&g->lock);
	while (looks--) {
		page = pg_next(g);
		if (!page)
			return NULL;
		if (page->used)
			page->used = false;
		else if (pg_claim(page))
			return page;
	}
	return NULL;
}

static bool pg_evict(struct parley_gate *g)
{
	struct parley_gate_page *page;

	scoped_guard(mutex, &g->lock)
		page = pg_victim(g);
	if (!page)
		return false;
	g->stats.evictions++;
	parley_gate_undo(g, page);
	return true;
}

/*
 * As much is pinned as may be: of this guest's, or of all that its VMM has.  So some of
 * what is only kept goes, twice as much each time, and no more is kept than is left then,
 * until there was room for some time: see pg_grow().
 */
static bool pg_shrink(struct parley_gate *g, unsigned int most)
{
	unsigned int nr = 0;

	while (nr < most && pg_evict(g))
		nr++;
	guard(mutex)(&g->lock);
	if (nr)
		g->room = g->nr;
	g->grown = 0;
	return nr;
}

/* How long ago VFIO refused to pin a page. */
static u64 pg_since(struct parley_gate *g)
{
	return get_jiffies_64() - g->refused_at;
}

/* The page that it refuses is noted. */
static void pg_refused(struct parley_gate *g)
{
	guard(mutex)(&g->lock);
	if (pg_since(g) >= HZ) {
		g->refused_at = get_jiffies_64();
		g->refused = 0;
	}
	g->refused++;
	g->limit = g->nr - 1;
}

/*
 * More need not be asked for, since VFIO would refuse; and a guest chooses how often that
 * would be.
 */
static unsigned int pg_limit(struct parley_gate *g)
{
	lockdep_assert_held(&g->lock);
	if (g->refused < PARLEY_GATE_REFUSALS || pg_since(g) >= HZ)
		return UINT_MAX;
	return g->refused < PARLEY_GATE_LINES ? g->limit : 0;
}

/* One more was pinned, and nobody said that this is too much. */
static void pg_grow(struct parley_gate *g)
{
	guard(mutex)(&g->lock);
	if (g->room >= g->most || ++g->grown < PARLEY_GATE_GROW ||
	    pg_since(g) < msecs_to_jiffies(PARLEY_GATE_GROW_MS))
		return;
	g->room++;
	g->grown = 0;
}

/* ----------------------------------------------------- how it comes */

/*
 * Rule 4: it is looked for and held without a lock.  Whoever takes it away may forget it
 * meanwhile, so the memory stays (RCU) until this is over.
 */
static struct parley_gate_page *pg_hit(struct parley_gate *g, unsigned long key)
{
	struct parley_gate_page *page;

	guard(rcu)();
	page = xa_load(&g->pages, key);
	if (!page || !atomic_inc_unless_negative(&page->held))
		return NULL;
	page->used = true;
	g->stats.hits++;
	return page;
}

static struct parley_gate_page *pg_enter(struct parley_gate *g, unsigned long key)
{
	unsigned int limit;
	bool kept = true;

	for (;;) {
		scoped_guard(mutex, &g->lock) {
			/* Rule 5: the mark is seen, or whoever made it sees the note. */
			if (parley_gate_leaves(g, key / PARLEY_GATE_WAYS) ||
			    xa_load(&g->pages, key))
				return ERR_PTR(-EBUSY);
			limit = pg_limit(g);
			if (!limit)
				return ERR_PTR(-ENOMEM);
			if (g->nr < min(limit, kept ? g->room : g->most))
				return pg_note(g, key);
		}
		if (pg_evict(g))
			continue;
		if (!kept)
			return ERR_PTR(limit < g->most ? -ENOMEM : -ENOSPC);
		/* Nothing is only kept, and what is held has room of its own. */
		kept = false;
	}
}

static int pg_hold(struct parley_gate *g, struct parley_gate_page *page, u64 address)
{
	unsigned int shrink = PARLEY_GATE_SHRINK;
	enum parley_gate_way way = pg_way(page);
	int err;

	while ((err = g->ops->pin(g, address, way, &page->memory)) == -ENOMEM) {
		pg_refused(g);
		if (!pg_shrink(g, shrink))
			break;
		shrink *= 2;
	}
	if (!err)
		pg_grow(g);
	if (err || way == PARLEY_GATE_SHARED)
		return err;
	err = g->ops->map(g, page->memory, offset_in_page(address), way, &page->dma);
	if (err)
		g->ops->unpin(g, address);
	page->mapped = !err;
	return err;
}

/* Held, whether it was there or not. */
static struct parley_gate_page *pg_get(struct parley_gate *g, u64 address,
				       enum parley_gate_way way)
{
	unsigned long key = pg_key(address, way);
	struct parley_gate_page *page;
	int err;

	if (g->serial)
		lockdep_assert_held(g->serial);
	if (parley_gate_number(address) > ULONG_MAX / PARLEY_GATE_WAYS)
		return ERR_PTR(-EINVAL);
	page = pg_hit(g, key);
	if (page)
		return page;
	g->stats.misses++;
	page = pg_enter(g, key);
	if (IS_ERR(page))
		return page;
	err = pg_hold(g, page, address);
	if (!err)
		return page;
	pg_forget(g, page);
	return ERR_PTR(err);
}

/* ----------------------------------------------------------- the gate */

/**
 * parley_gate_pin() - hold a page and let the function reach it
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
int parley_gate_pin(struct parley_gate *g, u64 address, bool in, dma_addr_t *dma)
{
	struct parley_gate_page *page;

	page = pg_get(g, address, in ? PARLEY_GATE_IN : PARLEY_GATE_OUT);
	if (IS_ERR(page))
		return PTR_ERR(page);
	*dma = page->dma;
	return 0;
}
PARLEY_EXPORT(parley_gate_pin);

/**
 * parley_gate_unpin() - the mirror of parley_gate_pin()
 * @g: the gate
 * @address: the same
 * @in: the same
 *
 * Context: process context; @g->serial held; may sleep.
 */
void parley_gate_unpin(struct parley_gate *g, u64 address, bool in)
{
	unsigned long key = pg_key(address, in ? PARLEY_GATE_IN : PARLEY_GATE_OUT);
	struct parley_gate_page *page = xa_load(&g->pages, key);

	if (!WARN_ON_ONCE(!page))
		pg_let_go(g, page);
}
PARLEY_EXPORT(parley_gate_unpin);

/**
 * parley_gate_share() - hold a page to read and write it directly
 * @g: the gate
 * @address: the guest's; begins 4 KiB
 * @memory: what it is
 *
 * It is the caller's until he gives it back or was told that it is taken away (@unshared),
 * which may be before this returns.
 *
 * Context: process context; @g->serial held; may sleep.
 * Return: as parley_gate_pin().
 */
int parley_gate_share(struct parley_gate *g, u64 address, struct page **memory)
{
	struct parley_gate_page *page = pg_get(g, address, PARLEY_GATE_SHARED);
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
		pg_let_go(g, page);
	return going ? -EBUSY : 0;
}
PARLEY_EXPORT(parley_gate_share);

/**
 * parley_gate_unshare() - the mirror of parley_gate_share()
 * @g: the gate
 * @address: the same; it does no harm if it was taken away meanwhile
 *
 * Context: process context; @g->serial held; may sleep.
 */
void parley_gate_unshare(struct parley_gate *g, u64 address)
{
	struct parley_gate_page *page;

	scoped_guard(mutex, &g->lock) {
		page = xa_load(&g->pages, pg_key(address, PARLEY_GATE_SHARED));
		if (page && page->sharers)
			page->sharers--;
		else
			page = NULL;
	}
	if (page)
		pg_let_go(g, page);
}
PARLEY_EXPORT(parley_gate_unshare);

/**
 * parley_gate_empty() - what is only kept goes
 * @g: the gate
 *
 * Context: process context; @g->serial held, or nobody comes through; may sleep.
 */
void parley_gate_empty(struct parley_gate *g)
{
	struct parley_gate_page *page, *next;
	unsigned long key;
	LIST_HEAD(going);

	scoped_guard(mutex, &g->lock)
		xa_for_each(&g->pages, key, page)
			if (pg_claim(page))
				list_add_tail(&page->node, &going);
	list_for_each_entry_safe(page, next, &going, node)
		pg_undo(g, page);
}
PARLEY_EXPORT(parley_gate_empty);

static void pg_anew(struct parley_gate *g)
{
	guard(mutex)(&g->lock);
	g->room = PARLEY_GATE_PAGES;
	g->most = PARLEY_GATE_PAGES;
	g->grown = 0;
	g->refused = 0;
	g->stats = (struct parley_gate_stats) {};
}

/**
 * parley_gate_begin() - another guest
 * @g: the gate, through which nobody goes
 *
 * Whoever took memory away from the one before, and may ask for it again, is waited for: it
 * may be the container that the new one has, and ask after what is pinned now.
 *
 * Context: process context; sleeps, PARLEY_GATE_BEGIN_MS at most.
 * Return: 0, -EBUSY if somebody does not come back, or -ERESTARTSYS if who waits is being
 *	killed.
 */
int parley_gate_begin(struct parley_gate *g)
{
	long left = wait_event_killable_timeout(g->wait, list_empty(&g->leaving),
						msecs_to_jiffies(PARLEY_GATE_BEGIN_MS));

	if (left <= 0)
		return left ?: -EBUSY;
	pg_anew(g);
	g->memcg = current->mm ? get_mem_cgroup_from_mm(current->mm) : NULL;
	return 0;
}
PARLEY_EXPORT(parley_gate_begin);

/**
 * parley_gate_end() - the mirror of parley_gate_begin()
 * @g: the gate, through which nobody goes any more, and nobody holds anything
 *
 * Context: process context; may sleep.
 */
void parley_gate_end(struct parley_gate *g)
{
	parley_gate_empty(g);
	/* Who takes memory away meanwhile has ours, and may be about to hand it over. */
	wait_event(g->wait, !READ_ONCE(g->taking));
	parley_gate_unpinned(g);
	WARN_ON_ONCE(g->nr);
	mem_cgroup_put(g->memcg);
	g->memcg = NULL;
}
PARLEY_EXPORT(parley_gate_end);

/**
 * parley_gate_init() - a gate that nothing went through
 * @g: zeroed, but for what its steps need
 * @ops: its steps
 * @user: who comes through
 *
 * Context: process context; may sleep.
 * Return: 0 or -ENOMEM.
 */
int parley_gate_init(struct parley_gate *g, const struct parley_gate_ops *ops,
		     const struct parley_gate_user *user)
{
	g->spare = kmalloc(sizeof(*g->spare), GFP_KERNEL);
	if (!g->spare || parley_gate_hire(g)) {
		kfree(g->spare);
		return -ENOMEM;
	}
	g->ops = ops;
	g->user = user;
	mutex_init(&g->lock);
	xa_init_flags(&g->pages, XA_FLAGS_ACCOUNT);
	INIT_LIST_HEAD(&g->leaving);
	INIT_LIST_HEAD(&g->going);
	init_waitqueue_head(&g->wait);
	g->unmap_ms = PARLEY_GATE_UNMAP_MS;
	pg_anew(g);
	return 0;
}
PARLEY_EXPORT(parley_gate_init);

/**
 * parley_gate_exit() - the mirror of parley_gate_init()
 * @g: the gate, after parley_gate_end()
 *
 * Context: process context.
 */
void parley_gate_exit(struct parley_gate *g)
{
	WARN_ON_ONCE(g->nr || !list_empty(&g->leaving));
	/* Where memory was short there may be nodes without notes. */
	xa_destroy(&g->pages);
	parley_gate_fire(g);
	kfree(g->spare);
	mutex_destroy(&g->lock);
}
PARLEY_EXPORT(parley_gate_exit);

static int __init pg_start(void)
{
	return 0;
}
module_init(pg_start);

static void __exit pg_stop(void)
{
	/* Who came back to user space by way of vfio.c has left this code. */
	synchronize_rcu_tasks();
}
module_exit(pg_stop);

MODULE_DESCRIPTION("Parley: gates of mediated devices to their guests' memory");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
