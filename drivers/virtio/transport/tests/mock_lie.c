// SPDX-License-Identifier: GPL-2.0-only
/*
 * Used entries that no honest device writes.
 *
 * The core's device role refuses to lie, so that the ring's memory is written
 * here directly.  After a lie the core's own idea of the ring is stale; a
 * driver that is worth its name has broken the queue by then.
 */
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include "mock_priv.h"

/* The bytes by which a lying length exceeds the truth. */
#define LIE_EXTRA	0x1000

void parley_mock_slot_advance(struct parley_mock_queue *mq, unsigned int n)
{
	unsigned int slot = mq->slot + n;

	if (slot >= mq->lq->size) {
		slot -= mq->lq->size;
		mq->wrap = !mq->wrap;
	}
	mq->slot = slot;
}

static void lie_split(struct parley_mock_queue *mq, u16 id, u32 len, u16 step)
{
	struct vring_used *used = (void *)(unsigned long)mq->lq->addr.device;
	u16 idx = le16_to_cpu((__force __le16)used->idx);
	vring_used_elem_t *e = &used->ring[idx & (mq->lq->size - 1)];

	e->id = (__force __virtio32)cpu_to_le32(id);
	e->len = (__force __virtio32)cpu_to_le32(len);
	/* Pairs with the driver's read barrier between index and entries. */
	smp_wmb();
	WRITE_ONCE(used->idx, (__force __virtio16)cpu_to_le16(idx + step));
}

static void lie_packed(struct parley_mock_queue *mq, u16 id, u32 len, u16 ndesc)
{
	struct vring_packed_desc *ring = (void *)(unsigned long)mq->lq->addr.desc;
	struct vring_packed_desc *d = &ring[mq->slot];
	u16 flags = VRING_DESC_F_WRITE;

	if (mq->wrap)
		flags |= BIT(VRING_PACKED_DESC_F_AVAIL) |
			 BIT(VRING_PACKED_DESC_F_USED);
	d->id = cpu_to_le16(id);
	d->len = cpu_to_le32(len);
	/* Pairs with the driver's read barrier between flags and the rest. */
	smp_wmb();
	WRITE_ONCE(d->flags, cpu_to_le16(flags));
	parley_mock_slot_advance(mq, ndesc);
}

/**
 * parley_mock_lie_complete() - complete a request as no device should
 * @mq: queue
 * @chain: the request
 * @lie: how
 */
void parley_mock_lie_complete(struct parley_mock_queue *mq,
			      const struct parley_chain *chain,
			      enum parley_mock_lie lie)
{
	bool packed = parley_loopback_features(mq->mock->lb) &
		      BIT_ULL(VIRTIO_F_RING_PACKED);
	unsigned int size = mq->lq->size, times = 1;
	u32 len = chain->written;
	u16 id = chain->id, step = 1;

	switch (lie) {
	case PARLEY_MOCK_LEN:
		len = chain->len_in + LIE_EXTRA;
		break;
	case PARLEY_MOCK_ID_RANGE:
		id = size;
		break;
	case PARLEY_MOCK_ID_FREE:
		id = (id + 1) % size;
		break;
	case PARLEY_MOCK_TWICE:
		times = 2;
		break;
	case PARLEY_MOCK_JUMP:
		/* A packed ring has no index: claim all of it instead. */
		step = size + 1;
		times = packed ? size : 1;
		break;
	default:
		break;
	}
	while (times--) {
		if (packed)
			lie_packed(mq, id, len,
				   lie == PARLEY_MOCK_JUMP ? 1 : chain->ndesc);
		else
			lie_split(mq, id, len, step);
	}
}

/* From the end of an area to the end of its page there is nothing of ours. */
static bool rest_of_page_clean(u64 addr, size_t len)
{
	u64 end = addr + len;

	return !memchr_inv((void *)(unsigned long)end, 0,
			   PAGE_ALIGN(end) - end);
}

/**
 * parley_mock_ring_clean() - was the ring handed over without stale data?
 * @lq: queue that starts
 * @features: negotiated
 *
 * Catalogue 49: pages that are shared with the device must not carry what was
 * in them before.  Looks at the used ring and at what follows the areas, which
 * no driver has a reason to write.
 *
 * Return: true if all of it is zero.
 */
bool parley_mock_ring_clean(const struct parley_loopback_queue *lq,
			    u64 features)
{
	size_t desc = lq->size * sizeof(struct vring_desc);
	size_t event = sizeof(struct vring_packed_desc_event);
	size_t used = sizeof(u16) * 3 + lq->size * sizeof(struct vring_used_elem);

	if (!rest_of_page_clean(lq->addr.desc, desc))
		return false;
	if (features & BIT_ULL(VIRTIO_F_RING_PACKED))
		return rest_of_page_clean(lq->addr.driver, event) &&
		       rest_of_page_clean(lq->addr.device, event);
	return rest_of_page_clean(lq->addr.driver, sizeof(u16) * (3 + lq->size)) &&
	       !memchr_inv((void *)(unsigned long)lq->addr.device, 0, used) &&
	       rest_of_page_clean(lq->addr.device, used);
}
