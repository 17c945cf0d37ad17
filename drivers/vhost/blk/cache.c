// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost blk: does the guest flush, or does it rely on writes that are durable?
 *
 * A driver that negotiated CONFIG_WCE may turn the write cache off, and sends no
 * flush from then on.  Its VMM need not repeat that to whoever serves it next: after
 * a restart or on the other side of a migration.  To take such a guest for one that
 * flushes loses what was acknowledged; the other mistake costs time.  So the cache
 * counts as on only where that is known:
 *
 *	- the driver said so, to us or to who served it before (PARLEY_BLK_SET_CACHE);
 *	- or the driver is a new one, and the VMM read our configuration space before,
 *	  so that what the driver sees is what we do.
 *
 * A driver is a new one if its ring begins where rings begin and was never used.  A
 * ring of somebody's whom we did not serve says that the driver is older than that,
 * whatever the others look like; rings that we served ourselves say nothing.
 *
 * Documentation/vhost-blk.rst has the table of all cases, cache_kunit.c a test
 * for each row.  All under dev->mutex.
 */
#include "blk.h"

#define FLUSH		BIT_ULL(VIRTIO_BLK_F_FLUSH)
#define CONFIG_WCE	BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE)

/* What a new driver finds.  Spec 5.2.5.2: off for one that cannot flush. */
static u32 vhb_cache_default(const struct vhb *blk)
{
	u64 features = parley_vhost_features(blk->dev);

	if (!blk->be || !blk->be->limits.write_cache ||
	    (features & (CONFIG_WCE | FLUSH)) == CONFIG_WCE)
		return PARLEY_BLK_CACHE_THROUGH;
	return PARLEY_BLK_CACHE_BACK;
}

/*
 * Does a write complete only when it is durable?  Spec 5.2.6.2: with CONFIG_WCE it is
 * what the driver wrote last; without it, who does not know FLUSH gets write-through.
 */
static void vhb_cache_apply(struct vhb *blk)
{
	u64 features = parley_vhost_features(blk->dev);
	bool back = features & CONFIG_WCE ? blk->cache == PARLEY_BLK_CACHE_BACK :
					    features & FLUSH;

	/* Read by the rings, which see the change with some later request. */
	WRITE_ONCE(blk->stable, !back);
}

/* Another back end: nothing is known of the guest. */
void vhb_cache_forget(struct vhb *blk)
{
	blk->cache = PARLEY_BLK_CACHE_UNKNOWN;
	blk->cache_assumed = false;
	blk->cache_told = false;
	blk->cache_flushes = true;
	blk->config_moved = false;
	bitmap_zero(blk->ran, VHB_QUEUES);
}

/**
 * vhb_cache_read() - configuration field wce, for the VMM
 * @blk: device
 *
 * A VMM that reads the space when it was told of a change need not believe more of it
 * than what changed.
 *
 * Return: 1 for write-back, 0 for write-through.
 */
u8 vhb_cache_read(struct vhb *blk)
{
	blk->cache_told |= !blk->config_moved;
	if (blk->cache == PARLEY_BLK_CACHE_UNKNOWN)
		return vhb_cache_default(blk) == PARLEY_BLK_CACHE_BACK;
	return blk->cache == PARLEY_BLK_CACHE_BACK;
}

/*
 * Every write that the driver has been told of is durable from now on: those in flight
 * are flushed before they complete (vhb_rw_flushes()), those before here.
 */
static int vhb_cache_flush(const struct vhb *blk)
{
	/* A write whose end did not see blk->stable has ended before the flush begins. */
	smp_mb();
	return !blk->be || blk->be->read_only ? 0 : blk->be->ops->sync(blk->be);
}

/**
 * vhb_cache_start() - a ring is about to run
 * @blk: device
 * @vq: ring
 *
 * Return: 0; if other rings have run with a cache that there is not, what flushing it
 * says.
 */
int vhb_cache_start(struct vhb *blk, const struct parley_vhost_vq *vq)
{
	u64 features = parley_vhost_features(blk->dev);
	bool ours = __test_and_set_bit(parley_vhost_vq_index(vq), blk->ran);
	bool older = !ours && !parley_vhost_vq_is_new(vq), was = blk->stable;

	if (features & CONFIG_WCE) {
		if (blk->cache == PARLEY_BLK_CACHE_UNKNOWN) {
			blk->cache = blk->cache_told ? vhb_cache_default(blk) :
						       PARLEY_BLK_CACHE_THROUGH;
			blk->cache_assumed = true;
		}
		if (blk->cache_assumed && older)
			blk->cache = PARLEY_BLK_CACHE_THROUGH;
		/* A driver that cannot flush, after one that could, or after nobody. */
		if (blk->cache_flushes && !(features & FLUSH))
			blk->cache = PARLEY_BLK_CACHE_THROUGH;
		blk->cache_flushes = features & FLUSH;
	}
	vhb_cache_apply(blk);
	return blk->stable && !was && parley_vhost_running(blk->dev) ? vhb_cache_flush(blk) : 0;
}

/**
 * vhb_cache_write() - the driver turns the cache on or off
 * @blk: device
 * @wce: on
 *
 * When it is turned off, what the driver has been told of is durable before it is told
 * that it succeeded, and what it is told of later as well, though it may have been sent
 * before.  Spec 5.2.6.2 leaves the latter open.
 *
 * Return: 0; -EINVAL without CONFIG_WCE; what the back end says.
 */
int vhb_cache_write(struct vhb *blk, bool wce)
{
	if (!(parley_vhost_features(blk->dev) & CONFIG_WCE))
		return -EINVAL;
	blk->cache = wce ? PARLEY_BLK_CACHE_BACK : PARLEY_BLK_CACHE_THROUGH;
	blk->cache_assumed = false;
	vhb_cache_apply(blk);
	return wce ? 0 : vhb_cache_flush(blk);
}

/**
 * parley_vhost_blk_set_cache() - what who served this guest before knew
 * @dev: device
 * @cache: PARLEY_BLK_CACHE_*
 *
 * Context: dev->mutex held.
 * Return: 0; -EBUSY while a ring runs; -EINVAL.
 */
int parley_vhost_blk_set_cache(struct parley_vhost *dev, u32 cache)
{
	struct vhb *blk = parley_vhost_priv(dev);

	if (parley_vhost_running(dev))
		return -EBUSY;
	if (cache > PARLEY_BLK_CACHE_BACK)
		return -EINVAL;
	blk->cache = cache;
	blk->cache_assumed = false;
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_vhost_blk_set_cache);

/**
 * parley_vhost_blk_get_cache() - what who serves this guest next has to know
 * @dev: device
 *
 * Context: dev->mutex held.
 * Return: PARLEY_BLK_CACHE_*; known as soon as a ring has run whose driver may turn
 * the cache off.
 */
u32 parley_vhost_blk_get_cache(struct parley_vhost *dev)
{
	struct vhb *blk = parley_vhost_priv(dev);

	return blk->cache;
}
EXPORT_SYMBOL_IF_KUNIT(parley_vhost_blk_get_cache);
