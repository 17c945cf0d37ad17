// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gate to the guest's memory.
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
 * They are undone in the reverse order, when a step fails and when the function is
 * done.  Commands that use a page in the same direction share its mapping, and each of
 * them has pinned it.  So what the function reaches is pinned, and what is pinned is noted: who
 * sees no note in an area can be sure that the function reaches nothing there.
 *
 * VFIO takes memory away from the guest at any time.  It does so with locks held that
 * pinning and unpinning take as well, so whoever is told may only wait for commands
 * to end, and not for the emulator, which may wait for VFIO:
 *
 *  - The area is marked first: a page in it is not noted any more.  (IOMMUFD refuses to
 *    pin such pages, the older container does not.)
 *  - Then it waits until no page in it is noted.  The function answers, or is taken
 *    from memory, within the time-out of a command.
 *  - The older container looks, with its lock taken again, whether somebody holds a
 *    page of the area, and after having been told ten times to no avail it stops the
 *    machine (BUG_ON).  Whoever pins the same page again in between, as a guest can
 *    make us do, must not win that race ten times.  So the mark stays for a while, and
 *    each time that VFIO asks again for the same area, for twice as long: another
 *    device of the guest's may be asked after us, and take its time.
 *  - Two who take memory away at the same time keep the lock that unpinning takes from
 *    everybody while one of them is here: that is the older container's.  Therefore
 *    the wait ends after PARLEY_MDEV_UNMAP_MS, and they go round once more.  It does
 *    so a few times, not as often as stops the machine; then it is without end, and a
 *    VMM that goes on in this way has hung itself.
 *
 * That costs nobody anything who waits for his commands before he takes their memory
 * away, because VFIO tells us only of an area in which a page is held.
 */
#include <linux/cleanup.h>
#include <linux/dma-mapping.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <parley/compat.h>
#include "mdev.h"

/* -------------------------------------------------------------- notes */

static u64 parley_mdev_number(u64 address)
{
	return address / PARLEY_NVME_PAGE;
}

/* What is known of a page, from now on; NULL: there is no memory for that. */
static struct parley_mdev_page *parley_mdev_page_make(struct parley_mdev_gate *g, u64 nr)
{
	struct parley_mdev_page *page = kzalloc(sizeof(*page), GFP_KERNEL);

	lockdep_assert_held(&g->lock);
	if (page && xa_err(xa_store(&g->pages, nr, page, GFP_KERNEL))) {
		kfree(page);
		return NULL;
	}
	return page;
}

static struct parley_mdev_page *parley_mdev_note(struct parley_mdev_gate *g, u64 nr)
{
	struct parley_mdev_page *page;

	lockdep_assert_held(&g->lock);
	if (g->pinned == g->most)
		return ERR_PTR(-ENOSPC);
	page = xa_load(&g->pages, nr) ?: parley_mdev_page_make(g, nr);
	if (!page)
		return ERR_PTR(-ENOMEM);
	page->held++;
	g->pinned++;
	return page;
}

static void parley_mdev_forget(struct parley_mdev_gate *g, u64 nr,
			       struct parley_mdev_page *page)
{
	scoped_guard(mutex, &g->lock) {
		if (!--g->pinned)
			WRITE_ONCE(g->late, 0);
		if (!--page->held) {
			xa_erase(&g->pages, nr);
			kfree(page);
		}
	}
	wake_up(&g->wait);
}

static bool parley_mdev_free(struct parley_mdev_gate *g, u64 first, u64 last)
{
	unsigned long at = first;

	return !xa_find(&g->pages, &at, last, XA_PRESENT);
}

/* ----------------------------------------------------- what leaves */

/* Whether a page is in an area that is marked. */
static bool parley_mdev_leaves(struct parley_mdev_gate *g, u64 page)
{
	struct parley_mdev_leaving *l;

	lockdep_assert_held(&g->lock);
	for (l = g->leaving; l < g->leaving + PARLEY_MDEV_LEAVING; l++)
		if (page >= l->first && page <= l->last &&
		    (l->busy || time_before64(get_jiffies_64(), l->until)))
			return true;
	return false;
}

/* Where an area is kept: where it was, or in place of the oldest; NULL: nowhere. */
static struct parley_mdev_leaving *parley_mdev_place(struct parley_mdev_gate *g,
						     u64 first, u64 last)
{
	struct parley_mdev_leaving *l, *oldest = NULL;

	lockdep_assert_held(&g->lock);
	for (l = g->leaving; l < g->leaving + PARLEY_MDEV_LEAVING; l++) {
		if (l->busy)
			continue;
		if (l->first == first && l->last == last)
			return l;
		if (!oldest || time_before64(l->until, oldest->until))
			oldest = l;
	}
	return oldest;
}

static struct parley_mdev_leaving *parley_mdev_mark(struct parley_mdev_gate *g,
						    u64 first, u64 last)
{
	u64 since = get_jiffies_64() - msecs_to_jiffies(PARLEY_MDEV_REMEMBER_MS);
	struct parley_mdev_leaving *l;
	bool again;

	guard(mutex)(&g->lock);
	l = parley_mdev_place(g, first, last);
	if (!l)
		return NULL;
	again = l->first == first && l->last == last && time_after64(l->until, since);
	*l = (struct parley_mdev_leaving) {
		.first = first,
		.last = last,
		.again = again ? min(l->again + 1, PARLEY_MDEV_DOUBLINGS) : 0,
		.busy = true,
	};
	return l;
}

static void parley_mdev_settle(struct parley_mdev_gate *g, struct parley_mdev_leaving *l)
{
	guard(mutex)(&g->lock);
	l->until = get_jiffies_64() + msecs_to_jiffies(PARLEY_MDEV_SETTLE_MS << l->again);
	l->busy = false;
}

/* ----------------------------------------------------------- the gate */

static struct parley_mdev_page *parley_mdev_enter(struct parley_mdev_gate *g, u64 nr)
{
	guard(mutex)(&g->lock);
	return parley_mdev_leaves(g, nr) ? ERR_PTR(-EBUSY) : parley_mdev_note(g, nr);
}

/* The first command that uses a page so maps it, the last one unmaps it. */
static int parley_mdev_map(struct parley_mdev_gate *g, struct parley_mdev_page *page,
			   struct page *memory, unsigned int offset, bool in)
{
	int err = 0;

	if (!page->mapped[in])
		err = g->ops->map(g, memory, offset, in, &page->dma[in]);
	page->mapped[in] += !err;
	return err;
}

static void parley_mdev_unmap(struct parley_mdev_gate *g, struct parley_mdev_page *page,
			      bool in)
{
	if (!--page->mapped[in])
		g->ops->unmap(g, page->dma[in], in);
}

static int parley_mdev_hold(struct parley_mdev_gate *g, struct parley_mdev_page *page,
			    u64 address, bool in)
{
	struct page *memory;
	int err = g->ops->pin(g, address, in, &memory);

	if (err)
		return err;
	err = parley_mdev_map(g, page, memory, offset_in_page(address), in);
	if (err)
		g->ops->unpin(g, address);
	return err;
}

/**
 * parley_mdev_gate_pin() - hold a page and let the function reach it
 * @g: the gate
 * @address: the guest's; begins 4 KiB
 * @in: the function writes there; else it reads
 * @dma: where the function finds it
 *
 * Who pins and unpins serialises that.
 *
 * Context: process context; may sleep.
 * Return: 0, or
 *	-ENOSPC		too many are held
 *	-EBUSY		it is taken away, or just was
 *	or an error of VFIO's or the DMA API's, and nothing is held.
 */
int parley_mdev_gate_pin(struct parley_mdev_gate *g, u64 address, bool in,
			 dma_addr_t *dma)
{
	u64 nr = parley_mdev_number(address);
	struct parley_mdev_page *page;
	int err;

	if (nr != (unsigned long)nr)
		return -EINVAL;
	page = parley_mdev_enter(g, nr);
	if (IS_ERR(page))
		return PTR_ERR(page);
	err = parley_mdev_hold(g, page, address, in);
	if (err)
		parley_mdev_forget(g, nr, page);
	else
		*dma = page->dma[in];
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_gate_pin);

/**
 * parley_mdev_gate_unpin() - the mirror of parley_mdev_gate_pin()
 * @g: the gate
 * @address: the same
 * @in: the same
 *
 * Context: process context; may sleep.
 */
void parley_mdev_gate_unpin(struct parley_mdev_gate *g, u64 address, bool in)
{
	u64 nr = parley_mdev_number(address);
	struct parley_mdev_page *page = xa_load(&g->pages, nr);

	parley_mdev_unmap(g, page, in);
	g->ops->unpin(g, address);
	parley_mdev_forget(g, nr, page);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_gate_unpin);

static bool parley_mdev_wait(struct parley_mdev_gate *g, u64 first, u64 last)
{
	if (READ_ONCE(g->late) >= PARLEY_MDEV_LATE) {
		wait_event(g->wait, parley_mdev_free(g, first, last));
		return true;
	}
	if (wait_event_timeout(g->wait, parley_mdev_free(g, first, last),
			       msecs_to_jiffies(PARLEY_MDEV_UNMAP_MS)))
		return true;
	guard(mutex)(&g->lock);
	WRITE_ONCE(g->late, g->late + 1);
	return false;
}

/**
 * parley_mdev_gate_leave() - an area is taken away: wait until none of it is held
 * @g: the gate
 * @address: the guest's
 * @len: bytes
 *
 * Context: process context; sleeps, PARLEY_MDEV_UNMAP_MS at most, if it was not too
 *	often to no avail.
 * Return: whether none of it is held.
 */
bool parley_mdev_gate_leave(struct parley_mdev_gate *g, u64 address, u64 len)
{
	u64 first = parley_mdev_number(address);
	u64 last = parley_mdev_number(len ? address + (len - 1) : address);
	struct parley_mdev_leaving *l = parley_mdev_mark(g, first, last);
	bool gone = parley_mdev_wait(g, first, last);

	if (l)
		parley_mdev_settle(g, l);
	return gone;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_gate_leave);

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
	struct parley_mdev_leaving *l;

	guard(mutex)(&g->lock);
	for (l = g->leaving; l < g->leaving + PARLEY_MDEV_LEAVING; l++)
		if (!l->busy)
			/* No area. */
			*l = (struct parley_mdev_leaving) {
				.first = 1,
				.until = get_jiffies_64(),
			};
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_gate_begin);

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
	g->most = PARLEY_MDEV_PINS;
	mutex_init(&g->lock);
	xa_init(&g->pages);
	init_waitqueue_head(&g->wait);
	parley_mdev_gate_begin(g);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_gate_init);

/**
 * parley_mdev_gate_exit() - the mirror of parley_mdev_gate_init()
 * @g: the gate, through which nobody goes any more
 *
 * Context: process context.
 */
void parley_mdev_gate_exit(struct parley_mdev_gate *g)
{
	WARN_ON_ONCE(g->pinned || !xa_empty(&g->pages));
	xa_destroy(&g->pages);
	mutex_destroy(&g->lock);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_gate_exit);

/* ------------------------------------------ the steps, as VFIO has them */

static int parley_mdev_vfio_rw(struct parley_mdev_gate *g, u64 address, void *data,
			       size_t len, bool write)
{
	return vfio_dma_rw(g->vdev, address, data, len, write);
}

/* VFIO knows pages of this machine's size. */
static int parley_mdev_vfio_pin(struct parley_mdev_gate *g, u64 address, bool in,
				struct page **page)
{
	int nr = vfio_pin_pages(g->vdev, ALIGN_DOWN(address, PAGE_SIZE), 1,
				in ? IOMMU_WRITE : IOMMU_READ, page);

	return nr == 1 ? 0 : nr ?: -EFAULT;
}

static void parley_mdev_vfio_unpin(struct parley_mdev_gate *g, u64 address)
{
	vfio_unpin_pages(g->vdev, ALIGN_DOWN(address, PAGE_SIZE), 1);
}

static enum dma_data_direction parley_mdev_direction(bool in)
{
	return in ? DMA_FROM_DEVICE : DMA_TO_DEVICE;
}

/*
 * The guest uses the page meanwhile, and maybe another command does: the function must
 * reach the page itself, and no copy of it, and caches must have nothing to do with it.
 */
static int parley_mdev_vfio_map(struct parley_mdev_gate *g, struct page *page,
				unsigned int offset, bool in, dma_addr_t *dma)
{
	*dma = dma_map_page_attrs(g->dev, page, offset, PARLEY_NVME_PAGE,
				  parley_mdev_direction(in), DMA_ATTR_REQUIRE_COHERENT);
	if (!dma_mapping_error(g->dev, *dma))
		return 0;
	dev_warn_ratelimited(g->dev, "cannot reach a guest's memory: there is no address left, or it is not coherent, or swiotlb is forced\n");
	return -EIO;
}

static void parley_mdev_vfio_unmap(struct parley_mdev_gate *g, dma_addr_t dma, bool in)
{
	dma_unmap_page_attrs(g->dev, dma, PARLEY_NVME_PAGE, parley_mdev_direction(in),
			     DMA_ATTR_REQUIRE_COHERENT);
}

const struct parley_mdev_gate_ops parley_mdev_gate_vfio = {
	.rw = parley_mdev_vfio_rw,
	.pin = parley_mdev_vfio_pin,
	.unpin = parley_mdev_vfio_unpin,
	.map = parley_mdev_vfio_map,
	.unmap = parley_mdev_vfio_unmap,
};
