// SPDX-License-Identifier: GPL-2.0-only
/* The device role's contract: making a queue, and the verbs over both formats. */
#include "ring.h"
#include "trace.h"

/* Spec 2.7: 16, 2 and 4 bytes; spec 2.8: 16, 4 and 4. */
static bool devq_aligned(const struct vq_ring *r, const struct parley_vq_addr *a)
{
	return a->desc && a->driver && a->device &&
	       IS_ALIGNED(a->desc, VRING_DESC_ALIGN_SIZE) &&
	       IS_ALIGNED(a->driver, r->packed ? 4 : VRING_AVAIL_ALIGN_SIZE) &&
	       IS_ALIGNED(a->device, VRING_USED_ALIGN_SIZE);
}

/* User access skips this check later, so it is done once, for every area. */
static bool devq_accessible(const struct vq_ring *r, const struct parley_vq_addr *a)
{
	size_t bytes[3];

	parley_vq_sizes(r->num, r->packed, bytes);
	return access_ok((void __user *)(unsigned long)a->desc, bytes[0]) &&
	       access_ok((void __user *)(unsigned long)a->driver, bytes[1]) &&
	       access_ok((void __user *)(unsigned long)a->device, bytes[2]);
}

/**
 * parley_devq_create() - make a device queue over a driver's ring
 * @cfg: what it shall be; copied
 *
 * The ring memory and the map stay the owner's.  Kicks are armed, as they are
 * in a ring that nobody has touched; a ring that was served before wants
 * parley_devq_load().  May sleep.
 *
 * Return: the queue; ERR_PTR(-EINVAL) for a size that the format does not
 * allow, misaligned areas, or a missing VIRTIO_F_VERSION_1;
 * ERR_PTR(-EFAULT) for user addresses that are none; ERR_PTR(-ENOMEM).
 */
struct parley_devq *parley_devq_create(const struct parley_devq_config *cfg)
{
	struct parley_devq *q;
	int err;

	q = kzalloc(sizeof(*q), GFP_KERNEL);
	if (!q)
		return ERR_PTR(-ENOMEM);
	err = parley_ring_init(&q->ring, &(struct vq_ring_desc){
				.name = cfg->name, .index = cfg->index,
				.size = cfg->size, .features = cfg->features,
				.dev = cfg->dev, .lock = cfg->lock });
	if (err)
		goto fail;
	err = -EINVAL;
	if (!devq_aligned(&q->ring, &cfg->addr))
		goto fail;
	q->again = cfg->again;
	q->space = cfg->space;
	q->map_space = cfg->map_space;
	err = -EFAULT;
	if (q->space == PARLEY_SPACE_USER && !devq_accessible(&q->ring, &cfg->addr))
		goto fail;
	q->ring.desc = (void *)(unsigned long)cfg->addr.desc;
	q->ring.avail = (void *)(unsigned long)cfg->addr.driver;
	q->ring.used = (void *)(unsigned long)cfg->addr.device;
	parley_devq_set_map(q, cfg->map);
	if (q->ring.in_order) {
		unsigned int nr = roundup_pow_of_two(q->ring.num);

		err = -ENOMEM;
		q->order_mask = nr - 1;
		q->order = kvcalloc(nr, sizeof(*q->order), GFP_KERNEL);
		if (!q->order)
			goto fail;
	}
	vq_by_format(q, dev_init);
	parley_debugfs_add_devq(q);
	return q;
fail:
	kfree(q);
	return ERR_PTR(err);
}
PARLEY_EXPORT(parley_devq_create);

/**
 * parley_devq_destroy() - give a device queue back
 * @q: queue; NULL is fine.  Chains in flight are forgotten.
 *
 * The ring memory is not touched.  May sleep.
 */
void parley_devq_destroy(struct parley_devq *q)
{
	if (!q)
		return;
	parley_debugfs_remove(&q->ring);
	kvfree(q->order);
	kfree(q);
}
PARLEY_EXPORT(parley_devq_destroy);

/**
 * parley_devq_peek() - is a chain available?
 * @q: queue
 *
 * How many there are is not said: a packed ring tells that only to who reads
 * all of them.  Context: as take.
 *
 * Return: true if take would find one; false for none or a broken queue.
 */
bool parley_devq_peek(struct parley_devq *q)
{
	vq_assert_held(q->ring.lock);
	return likely(!q->ring.broken) && vq_by_format(q, dev_peek);
}
PARLEY_EXPORT(parley_devq_peek);

/**
 * parley_devq_take() - fetch, check and translate chains
 * @q: queue
 * @chains: room for them, each with its iov and max
 * @nr: how many at most
 *
 * Every descriptor is read once.  Those of zero length are dropped.  What the
 * specification reserves is ignored: other flags than those that say something,
 * and in a table of the packed format all but VRING_DESC_F_WRITE.  What a
 * hostile driver may try breaks the queue: heads and links outside the ring,
 * loops, chains longer than the ring, of more pieces or of more empty
 * descriptors than @chains->max, links outside a table, tables of odd size or
 * inside tables, readable after writable, addresses outside the map, more
 * chains than descriptors.
 *
 * Context: under the owner's lock; sleeps if ring or tables lie in user space,
 * whose mm must be current, or if the map's miss() does.
 *
 * Return: chains taken; for none 0, -EAGAIN (the map cannot tell yet; nothing
 * was consumed), -EIO or -EFAULT (broken).
 */
int parley_devq_take(struct parley_devq *q, struct parley_chain *chains,
		     unsigned int nr)
{
	int n;

	vq_assert_held(q->ring.lock);
	if (unlikely(q->ring.broken))
		return -EIO;
	n = vq_by_format(q, dev_take, chains, nr);
	trace_parley_take(&q->ring, n);
	return n;
}
PARLEY_EXPORT(parley_devq_take);

/**
 * parley_devq_untake() - put chains back as if they had not been taken
 * @q: queue
 * @chains: the last @nr chains that were taken, in that order
 * @nr: how many
 *
 * Context: under the owner's lock; does not touch the ring.
 *
 * Return: 0; -EINVAL if they are not the last ones, or if one of them, or one
 * that was taken later, was completed.
 */
int parley_devq_untake(struct parley_devq *q, const struct parley_chain *chains,
		       unsigned int nr)
{
	vq_assert_held(q->ring.lock);
	return vq_by_format(q, dev_untake, chains, nr);
}
PARLEY_EXPORT(parley_devq_untake);

/**
 * parley_devq_complete() - write used entries, not yet visible
 * @q: queue
 * @chains: chains that were taken, each with its written, in any order
 * @nr: how many
 *
 * With VIRTIO_F_IN_ORDER, chains wait inside the core until those before them
 * are complete.  Context: under the owner's lock; sleeps if the ring lies in
 * user space.
 *
 * Return: 0; -EINVAL if there are more than are in flight, or if one says it
 * wrote more than it holds (the chains before that one are complete); -EFAULT if
 * the ring cannot be written, -EIO if the queue is broken.
 */
int parley_devq_complete(struct parley_devq *q,
			 const struct parley_chain *chains, unsigned int nr)
{
	vq_assert_held(q->ring.lock);
	if (unlikely(q->ring.broken))
		return -EIO;
	return vq_by_format(q, dev_complete, chains, nr);
}
PARLEY_EXPORT(parley_devq_complete);

/**
 * parley_devq_publish() - make what was completed visible to the driver
 * @q: queue
 *
 * One barrier and one index (spec 2.7.8, 2.8.22) for the whole burst.
 * Context: as complete.
 *
 * Return: true if the driver wants a call.
 */
bool parley_devq_publish(struct parley_devq *q)
{
	vq_assert_held(q->ring.lock);
	if (unlikely(q->ring.broken || !q->pub_count))
		return false;
	return vq_by_format(q, dev_publish);
}
PARLEY_EXPORT(parley_devq_publish);

/**
 * parley_devq_arm() - ask for a kick
 * @q: queue
 *
 * Context: as complete.
 *
 * Return: true if armed; false if chains are available already, for which no
 * kick will come: take them and arm again.
 */
bool parley_devq_arm(struct parley_devq *q)
{
	vq_assert_held(q->ring.lock);
	return unlikely(q->ring.broken) || vq_by_format(q, dev_arm);
}
PARLEY_EXPORT(parley_devq_arm);

/**
 * parley_devq_disarm() - ask for no kicks
 * @q: queue
 *
 * A hint: one may come all the same.  Context: as complete.
 */
void parley_devq_disarm(struct parley_devq *q)
{
	vq_assert_held(q->ring.lock);
	if (likely(!q->ring.broken))
		vq_by_format(q, dev_disarm);
}
PARLEY_EXPORT(parley_devq_disarm);

/**
 * parley_devq_save() - where another device would go on
 * @q: queue with nothing in flight and nothing unpublished
 * @base: as VHOST_GET_VRING_BASE hands out: split, the available index;
 *	packed, available slot and wrap counter (bits 0-15), used slot and wrap
 *	counter (bits 16-31)
 *
 * Return: 0, or -EBUSY.
 */
int parley_devq_save(const struct parley_devq *q, u32 *base)
{
	vq_assert_held(q->ring.lock);
	return vq_by_format(q, dev_save, base);
}
PARLEY_EXPORT(parley_devq_save);

/**
 * parley_devq_load() - go on where another device stopped
 * @q: queue with nothing in flight
 * @base: as saved, or as VHOST_SET_VRING_BASE was given
 *
 * Context: as complete.  Kicks are armed.
 *
 * Return: 0; -EBUSY; -EINVAL for a base that the ring does not have; -EFAULT.
 */
int parley_devq_load(struct parley_devq *q, u32 base)
{
	vq_assert_held(q->ring.lock);
	return vq_by_format(q, dev_load, base);
}
PARLEY_EXPORT(parley_devq_load);

/**
 * parley_devq_reset() - forget everything, as after a reset by the driver
 * @q: queue; chains in flight are forgotten
 *
 * Context: under the owner's lock.
 * Return: 0.
 */
int parley_devq_reset(struct parley_devq *q)
{
	vq_assert_held(q->ring.lock);
	if (q->order)
		memset(q->order, 0, (q->order_mask + 1) * sizeof(*q->order));
	vq_by_format(q, dev_init);
	WRITE_ONCE(q->ring.broken, false);
	return 0;
}
PARLEY_EXPORT(parley_devq_reset);

/**
 * parley_devq_set_map() - from now on translate with this map
 * @q: queue
 * @map: checked with parley_memmap_check(); NULL translates nothing
 *
 * Also to be called after the current map was changed, since the queue keeps
 * what it looked up last.  Under the owner's lock.
 */
void parley_devq_set_map(struct parley_devq *q, struct parley_memmap *map)
{
	q->map = map;
	q->hit = &parley_region_none;
}
PARLEY_EXPORT(parley_devq_set_map);

/**
 * parley_devq_break() - stop using the queue, for the owner's reason
 * @q: queue
 * @why: said once; NULL says nothing
 *
 * Context: any.
 */
void parley_devq_break(struct parley_devq *q, const char *why)
{
	parley_ring_stop(&q->ring, why);
}
PARLEY_EXPORT(parley_devq_break);

/** parley_devq_broken() - did either side break the queue?  Any context. */
bool parley_devq_broken(const struct parley_devq *q)
{
	return READ_ONCE(q->ring.broken);
}
PARLEY_EXPORT(parley_devq_broken);

/** parley_devq_size() - descriptors in the ring */
unsigned int parley_devq_size(const struct parley_devq *q)
{
	return q->ring.num;
}
PARLEY_EXPORT(parley_devq_size);

/** parley_devq_in_flight() - chains taken and not yet used */
unsigned int parley_devq_in_flight(const struct parley_devq *q)
{
	return READ_ONCE(q->in_flight);
}
PARLEY_EXPORT(parley_devq_in_flight);

/** parley_devq_count_kick() - the owner was kicked for this queue */
void parley_devq_count_kick(struct parley_devq *q)
{
	q->ring.stats.interrupts++;
}
PARLEY_EXPORT(parley_devq_count_kick);

/** parley_devq_stats() - counters since the queue was made; any time */
const struct parley_vq_stats *parley_devq_stats(const struct parley_devq *q)
{
	return &q->ring.stats;
}
PARLEY_EXPORT(parley_devq_stats);
