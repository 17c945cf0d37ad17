// SPDX-License-Identifier: GPL-2.0-only
/* The driver role's contract: making a queue, and the verbs over both formats. */
#include "ring.h"
#include "trace.h"

static void drvq_free(struct parley_drvq *q)
{
	int i;

	for (i = 0; i < 3; i++)
		parley_mem_free(&q->mem, q->area[i].size, q->area[i].mem,
				q->area[i].bus);
	parley_shadow_destroy(q);
	kfree(q);
}

/*
 * Each area has pages of its own: what the driver writes and what the device
 * writes never share a cache line.  They do for the largest ring.
 */
static int drvq_alloc_areas(struct parley_drvq *q)
{
	size_t size[3];
	int i;

	parley_vq_sizes(q->num_max, q->ring.packed, size);
	for (i = 0; i < 3; i++) {
		struct vq_area *a = &q->area[i];

		a->size = PAGE_ALIGN(size[i]);
		a->mem = parley_mem_alloc(&q->mem, a->size, &a->bus, GFP_KERNEL);
		if (!a->mem)
			return -ENOMEM;
	}
	q->ring.desc = q->area[0].mem;
	q->ring.avail = q->area[1].mem;
	q->ring.used = q->area[2].mem;
	return 0;
}

static void drvq_on_break(struct vq_ring *r)
{
	struct parley_drvq *q = container_of(r, struct parley_drvq, ring);

	q->broken(q);
}

/**
 * parley_drvq_create() - make a driver queue and its ring
 * @cfg: what it shall be; copied
 *
 * The ring is ready for the device to be told of it, see parley_drvq_addr();
 * interrupts are armed.  May sleep.
 *
 * Return: the queue; ERR_PTR(-EINVAL) if the format does not allow the sizes,
 * or VIRTIO_F_VERSION_1 or a DMA device is missing; ERR_PTR(-ENOMEM).
 */
struct parley_drvq *parley_drvq_create(const struct parley_drvq_config *cfg)
{
	struct parley_drvq *q;
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
	q->notify = cfg->notify;
	q->notify_data = cfg->features & BIT_ULL(VIRTIO_F_NOTIFICATION_DATA);
	q->broken = cfg->broken;
	q->ring.on_break = cfg->broken ? drvq_on_break : NULL;
	q->priv = cfg->priv;
	if (cfg->mem)
		q->mem = *cfg->mem;
	else if (cfg->features & BIT_ULL(VIRTIO_F_ACCESS_PLATFORM))
		q->mem = (struct parley_mem){ &parley_mem_dma, cfg->dev };
	q->map = q->mem.ops;
	if (q->mem.ops == &parley_mem_dma && !q->mem.dev)
		goto fail;
	if (cfg->size_max && (cfg->size_max < cfg->size ||
			      !parley_ring_size_ok(cfg->size_max, q->ring.packed)))
		goto fail;
	q->num_max = cfg->size_max ? : cfg->size;
	err = parley_shadow_create(q, cfg->indirect_segs);
	if (err)
		goto fail;
	err = drvq_alloc_areas(q);
	if (err)
		goto fail;
	vq_by_format(q, drv_init);
	parley_debugfs_add_drvq(q);
	return q;
fail:
	drvq_free(q);
	return ERR_PTR(err);
}
PARLEY_EXPORT(parley_drvq_create);

/**
 * parley_drvq_destroy() - give a driver queue back
 * @q: queue, detached, that the device no longer knows of; NULL is fine
 *
 * May sleep.  No verb may run or be called afterwards.
 */
void parley_drvq_destroy(struct parley_drvq *q)
{
	if (!q)
		return;
	parley_debugfs_remove(&q->ring);
	WARN_ON_ONCE(vq_in_flight(q));
	drvq_free(q);
}
PARLEY_EXPORT(parley_drvq_destroy);

/**
 * parley_drvq_put() - write buffers into the ring, not yet visible
 * @q: queue
 * @bufs: buffers, in order
 * @nr: how many
 * @gfp: for tables and mappings that are not kept ready
 *
 * Context: any, under the owner's lock; sleeps only if @gfp does.
 *
 * Return: buffers put, less than @nr if one did not fit or failed; for none,
 * -ENOSPC (reap and try again), -ENOMEM, -EINVAL (no segments, an empty
 * segment, more than the ring's size, over 4 GiB, no cookie) or -EIO (broken).
 */
int parley_drvq_put(struct parley_drvq *q, const struct parley_buf *bufs,
		    unsigned int nr, gfp_t gfp)
{
	vq_assert_held(q->ring.lock);
	if (unlikely(q->ring.broken))
		return -EIO;
	return vq_by_format(q, drv_put, bufs, nr, gfp);
}
PARLEY_EXPORT(parley_drvq_put);

/**
 * parley_drvq_publish() - make what was put visible to the device
 * @q: queue
 *
 * One barrier and one index (spec 2.7.13, 2.8.21) for the whole burst.  Nothing
 * put: nothing done.  Context: any, under the owner's lock.
 *
 * Return: true if the device wants a kick; call parley_drvq_kick() then, which
 * may be after the owner's lock was dropped.
 */
bool parley_drvq_publish(struct parley_drvq *q)
{
	vq_assert_held(q->ring.lock);
	if (unlikely(q->ring.broken || q->seq_pub == q->seq_put))
		return false;
	return vq_by_format(q, drv_publish);
}
PARLEY_EXPORT(parley_drvq_publish);

/**
 * parley_drvq_kick() - tell the device, by the owner's notify()
 * @q: queue
 *
 * Context: any; need not be under the owner's lock.
 *
 * Return: false if the device is gone; the queue is broken then.
 */
bool parley_drvq_kick(struct parley_drvq *q)
{
	if (unlikely(READ_ONCE(q->ring.broken)))
		return false;
	return vq_by_format(q, drv_kick);
}
PARLEY_EXPORT(parley_drvq_kick);

/**
 * parley_drvq_submit() - put one buffer, publish it and kick if asked
 * @q: queue
 * @buf: the buffer
 * @gfp: for an indirect table or a mapping that is not kept ready
 *
 * What was put before is published with it.  Context: any, under the owner's
 * lock.
 *
 * Return: 0, or what parley_drvq_put() returns for no buffer put; nothing was
 * published then.
 */
int parley_drvq_submit(struct parley_drvq *q, const struct parley_buf *buf,
		       gfp_t gfp)
{
	vq_assert_held(q->ring.lock);
	if (unlikely(q->ring.broken))
		return -EIO;
	return vq_by_format(q, drv_submit, buf, gfp);
}
PARLEY_EXPORT(parley_drvq_submit);

/**
 * parley_drvq_reap() - collect completions
 * @q: queue
 * @done: room for them
 * @max: of so many
 *
 * Buffers are unmapped and the owner's again.  An id that is not in flight or a
 * length beyond the buffer breaks the queue.  Context: any, under the owner's
 * lock.
 *
 * Return: how many; less than @max means that there are no more for now, or
 * that the queue is broken.
 */
unsigned int parley_drvq_reap(struct parley_drvq *q, struct parley_done *done,
			      unsigned int max)
{
	unsigned int n;

	vq_assert_held(q->ring.lock);
	if (unlikely(q->ring.broken))
		return 0;
	n = vq_by_format(q, drv_reap, done, max);
	trace_parley_reap(&q->ring, n);
	return n;
}
PARLEY_EXPORT(parley_drvq_reap);

/**
 * parley_drvq_arm() - ask for an interrupt
 * @q: queue
 * @after: not before so many further completions (with VIRTIO_RING_F_EVENT_IDX;
 *	the packed ring counts descriptors); 0: at the next one.  Never more than
 *	what is in flight.
 *
 * Context: any, under the owner's lock.
 *
 * Return: true if armed; false if completions are there already, for which no
 * interrupt will come: reap them and arm again.
 */
bool parley_drvq_arm(struct parley_drvq *q, unsigned int after)
{
	vq_assert_held(q->ring.lock);
	if (unlikely(q->ring.broken))
		return true;
	return vq_by_format(q, drv_arm, after);
}
PARLEY_EXPORT(parley_drvq_arm);

/**
 * parley_drvq_disarm() - ask for no interrupts
 * @q: queue
 *
 * A hint: one may come all the same.  Of a disarm and an arm at the same time
 * either may win, so who disarms sees to it that somebody reaps and arms
 * afterwards: an interrupt handler disarms, and starts who does.
 *
 * Context: any; need not be under the owner's lock.
 */
void parley_drvq_disarm(struct parley_drvq *q)
{
	if (likely(!READ_ONCE(q->ring.broken)))
		vq_by_format(q, drv_disarm);
}
PARLEY_EXPORT(parley_drvq_disarm);

/**
 * parley_drvq_pending() - is there anything to reap?
 * @q: queue
 *
 * Context: any; without the owner's lock the answer may be old.
 * Return: true if there is, never on a broken queue.
 */
bool parley_drvq_pending(const struct parley_drvq *q)
{
	return !READ_ONCE(q->ring.broken) && vq_by_format(q, drv_pending);
}
PARLEY_EXPORT(parley_drvq_pending);

/**
 * parley_drvq_detach() - take back a buffer that the device will not complete
 * @q: queue that the device no longer looks at: reset, gone or never started
 *
 * The buffer is unmapped.  Call until it returns NULL, then destroy or reset
 * the queue; put and reap return nothing meanwhile.  Context: any, under the
 * owner's lock.
 *
 * Return: a cookie, in no particular order, or NULL.
 */
void *parley_drvq_detach(struct parley_drvq *q)
{
	unsigned int id;

	vq_assert_held(q->ring.lock);
	WRITE_ONCE(q->ring.broken, true);
	if (!vq_in_flight(q))
		return NULL;
	for (id = q->detached; id < q->ring.num; id++) {
		struct vq_shadow *sh = &q->shadow[id];
		void *cookie = sh->cookie;

		if (!cookie)
			continue;
		if (sh->kind & VQ_ONE)
			parley_mem_unmap(&q->mem, sh->bus, sh->len, sh->len_in);
		if (sh->kind & (VQ_MAPS | VQ_EXTRA))
			parley_shadow_release(q, &q->extra[id]);
		sh->cookie = NULL;
		q->seq_done++;
		q->detached = id + 1;
		return cookie;
	}
	return NULL;
}
PARLEY_EXPORT(parley_drvq_detach);

/**
 * parley_drvq_resize() - start over with another number of descriptors
 * @q: queue that was detached, and that the device has reset (spec 2.6.1)
 * @size: descriptors, at most parley_drvq_size_max(), as the format allows
 *
 * The ring is empty and zeroed, the queue no longer broken.  Its addresses are
 * the same; the owner tells the device again.  Everything was allocated for the
 * largest size when the queue was made: nothing is here.  Context: any, under
 * the owner's lock.
 *
 * Return: 0; -EBUSY if buffers are still in flight, -EINVAL for the size, and
 * nothing has changed then.
 */
int parley_drvq_resize(struct parley_drvq *q, unsigned int size)
{
	int i;

	vq_assert_held(q->ring.lock);
	if (vq_in_flight(q))
		return -EBUSY;
	if (size > q->num_max || !parley_ring_size_ok(size, q->ring.packed))
		return -EINVAL;
	q->ring.num = size;
	for (i = 0; i < 3; i++)
		memset(q->area[i].mem, 0, q->area[i].size);
	parley_shadow_init(q);
	vq_by_format(q, drv_init);
	q->detached = 0;
	WRITE_ONCE(q->ring.broken, false);
	return 0;
}
PARLEY_EXPORT(parley_drvq_resize);

/**
 * parley_drvq_reset() - start over, with as many descriptors as before
 * @q: queue that was detached, and that the device has reset (spec 2.6.1)
 *
 * As parley_drvq_resize().
 *
 * Return: 0, or -EBUSY if buffers are still in flight.
 */
int parley_drvq_reset(struct parley_drvq *q)
{
	return parley_drvq_resize(q, q->ring.num);
}
PARLEY_EXPORT(parley_drvq_reset);

/**
 * parley_drvq_break() - stop using the queue, for the owner's reason
 * @q: queue
 * @why: said once; NULL says nothing (a device that was taken out)
 *
 * Context: any.
 */
void parley_drvq_break(struct parley_drvq *q, const char *why)
{
	parley_ring_stop(&q->ring, why);
}
PARLEY_EXPORT(parley_drvq_break);

/** parley_drvq_broken() - did either side break the queue?  Any context. */
bool parley_drvq_broken(const struct parley_drvq *q)
{
	return READ_ONCE(q->ring.broken);
}
PARLEY_EXPORT(parley_drvq_broken);

/** parley_drvq_size() - descriptors in the ring */
unsigned int parley_drvq_size(const struct parley_drvq *q)
{
	return q->ring.num;
}
PARLEY_EXPORT(parley_drvq_size);

/** parley_drvq_size_max() - descriptors that parley_drvq_resize() may be asked for */
unsigned int parley_drvq_size_max(const struct parley_drvq *q)
{
	return q->num_max;
}
PARLEY_EXPORT(parley_drvq_size_max);

/**
 * parley_drvq_free() - descriptors that are free now
 * @q: queue
 *
 * Those of buffers that were detached are not, before the queue is reset.
 *
 * Context: any.
 * Return: how many.
 */
unsigned int parley_drvq_free(const struct parley_drvq *q)
{
	return READ_ONCE(q->free);
}
PARLEY_EXPORT(parley_drvq_free);

/**
 * parley_drvq_notify_data() - what a kick says (spec 2.9)
 * @q: queue
 *
 * Return: the queue's index; with VIRTIO_F_NOTIFICATION_DATA also the next
 * available position in the upper half.
 */
u32 parley_drvq_notify_data(const struct parley_drvq *q)
{
	return q->notify_data ? vq_by_format(q, drv_notify_data) : q->ring.index;
}
PARLEY_EXPORT(parley_drvq_notify_data);

/** parley_drvq_priv() - the owner's pointer, from the configuration */
void *parley_drvq_priv(const struct parley_drvq *q)
{
	return q->priv;
}
PARLEY_EXPORT(parley_drvq_priv);

/** parley_drvq_mem() - how the device reaches memory; lives as long as the queue */
const struct parley_mem *parley_drvq_mem(const struct parley_drvq *q)
{
	return &q->mem;
}
PARLEY_EXPORT(parley_drvq_mem);

/**
 * parley_drvq_addr() - where the device finds the ring
 * @q: queue
 * @addr: filled with bus addresses
 */
void parley_drvq_addr(const struct parley_drvq *q, struct parley_vq_addr *addr)
{
	addr->desc = q->area[0].bus;
	addr->driver = q->area[1].bus;
	addr->device = q->area[2].bus;
}
PARLEY_EXPORT(parley_drvq_addr);

/** parley_drvq_count_interrupt() - the owner was interrupted for this queue */
void parley_drvq_count_interrupt(struct parley_drvq *q)
{
	q->ring.stats.interrupts++;
}
PARLEY_EXPORT(parley_drvq_count_interrupt);

/** parley_drvq_stats() - counters since the queue was made; any time */
const struct parley_vq_stats *parley_drvq_stats(const struct parley_drvq *q)
{
	return &q->ring.stats;
}
PARLEY_EXPORT(parley_drvq_stats);
