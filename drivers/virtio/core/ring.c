// SPDX-License-Identifier: GPL-2.0-only
/* What the two roles share: the description of a ring, and its end. */
#include "ring.h"

/* Does the format allow the size?  Spec 2.7: a power of two; 2.8: any; to 32768. */
bool parley_ring_size_ok(unsigned int size, bool packed)
{
	if (!size || size > PARLEY_VQ_SIZE_MAX)
		return false;
	return packed || is_power_of_2(size);
}

/**
 * parley_ring_init() - check a queue's description and enter it
 * @r: to be filled; zeroed memory
 * @d: the description
 *
 * Return: 0; -EINVAL for a size that the format does not allow, or for a legacy
 * device.
 */
int parley_ring_init(struct vq_ring *r, const struct vq_ring_desc *d)
{
	bool packed = d->features & BIT_ULL(VIRTIO_F_RING_PACKED);

	if (!(d->features & BIT_ULL(VIRTIO_F_VERSION_1)))
		return -EINVAL;
	if (!parley_ring_size_ok(d->size, packed))
		return -EINVAL;

	r->num = d->size;
	r->packed = packed;
	r->event = d->features & BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	r->indirect = d->features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
	r->in_order = d->features & BIT_ULL(VIRTIO_F_IN_ORDER);
	r->weak = !(d->features & BIT_ULL(VIRTIO_F_ORDER_PLATFORM));
	snprintf(r->name, sizeof(r->name), "%s", d->name ? : "queue");
	r->index = d->index;
	r->features = d->features;
	r->dev = d->dev;
	r->lock = d->lock;
	return 0;
}

/**
 * parley_ring_break() - the peer broke the rules: stop, and say why
 * @r: the ring
 * @fmt: what it did
 *
 * Only the first reason is said, and one queue says only one between resets,
 * so a hostile peer cannot flood the log.  Any context.
 */
void parley_ring_break(struct vq_ring *r, const char *fmt, ...)
{
	char why[96];
	va_list ap;

	r->stats.errors++;
	if (READ_ONCE(r->broken))
		return;
	WRITE_ONCE(r->broken, true);
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	vq_log(r->dev, "queue %u (%s) is broken: %s; reset the device to use it again\n",
	       r->index, r->name, why);
	if (r->on_break)
		r->on_break(r);
}

/**
 * parley_ring_stop() - the owner gives the ring up
 * @r: the ring
 * @why: said once, as an error; NULL: nothing is wrong
 *
 * Any context.
 */
void parley_ring_stop(struct vq_ring *r, const char *why)
{
	if (why)
		parley_ring_break(r, "%s", why);
	else
		WRITE_ONCE(r->broken, true);
}
