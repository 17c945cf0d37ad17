/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A trivial packed device to run mainline's packed driver against: vringh has
 * no packed format. It trusts the driver wholly and checks nothing, so it is
 * the cheapest peer that mainline's driver can meet, and its own cost is no
 * yardstick for a device role.
 */
#ifndef _BENCH_PACKED_DEVICE_H
#define _BENCH_PACKED_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/virtio_ring.h>

struct packed_device {
	struct vring_packed_desc *desc;
	struct vring_packed_desc_event *driver, *device;
	uint16_t size;
	uint16_t next;
	bool wrap;
	uint16_t unsignalled;	/* descriptors completed since the last check */
	uint32_t written;	/* into each request */
};

unsigned int packed_device_serve(struct packed_device *dev, unsigned int max);
bool packed_device_need_irq(struct packed_device *dev);
void packed_device_listen(struct packed_device *dev, bool on);

#endif
