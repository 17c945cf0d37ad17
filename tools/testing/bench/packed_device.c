// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>
#include "bench.h"
#include "packed_device.h"

#define AVAIL	(1 << VRING_PACKED_DESC_F_AVAIL)
#define USED	(1 << VRING_PACKED_DESC_F_USED)

static bool offered(const struct packed_device *dev)
{
	uint16_t flags = READ_ONCE(dev->desc[dev->next].flags);

	return !!(flags & AVAIL) == dev->wrap && !!(flags & USED) != dev->wrap;
}

static void step(struct packed_device *dev)
{
	dev->unsignalled++;
	if (++dev->next == dev->size) {
		dev->next = 0;
		dev->wrap = !dev->wrap;
	}
}

unsigned int packed_device_serve(struct packed_device *dev, unsigned int max)
{
	unsigned int n;

	for (n = 0; n < max && offered(dev); n++) {
		struct vring_packed_desc *head = &dev->desc[dev->next];
		uint16_t flags = (dev->wrap ? AVAIL | USED : 0) |
				 VRING_DESC_F_WRITE;
		struct vring_packed_desc *d = head;

		/* Pairs with the driver's write barrier before its flags. */
		virt_rmb();
		step(dev);
		while (d->flags & VRING_DESC_F_NEXT) {
			d = &dev->desc[dev->next];
			step(dev);
		}
		head->id = d->id;
		head->len = dev->written;
		/* Pairs with the driver's read barrier after it saw the flags. */
		virt_wmb();
		WRITE_ONCE(head->flags, flags);
	}
	return n;
}

bool packed_device_need_irq(struct packed_device *dev)
{
	uint16_t done = dev->unsignalled, at, event;
	uint32_t word;

	dev->unsignalled = 0;
	/* The completions must be out before the driver's wish is read. */
	virt_mb();
	word = READ_ONCE(*(uint32_t *)dev->driver);
	if (word >> 16 != VRING_PACKED_EVENT_FLAG_DESC)
		return word >> 16 == VRING_PACKED_EVENT_FLAG_ENABLE;
	at = word & ~(1 << VRING_PACKED_EVENT_F_WRAP_CTR);
	event = at;
	if (!!(word & (1 << VRING_PACKED_EVENT_F_WRAP_CTR)) != dev->wrap)
		event -= dev->size;
	return vring_need_event(event, dev->next, dev->next - done);
}

void packed_device_listen(struct packed_device *dev, bool on)
{
	uint16_t flags = on ? VRING_PACKED_EVENT_FLAG_DESC :
			      VRING_PACKED_EVENT_FLAG_DISABLE;

	dev->device->off_wrap = dev->next |
				dev->wrap << VRING_PACKED_EVENT_F_WRAP_CTR;
	/* The driver reads both at once: never new flags with an old offset. */
	virt_wmb();
	WRITE_ONCE(dev->device->flags, flags);
	/* Pairs with the driver's full barrier before it reads the flags. */
	virt_mb();
}
