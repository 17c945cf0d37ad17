// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device configuration (spec 2.5): bounded, consistent reads, and the
 * interrupt that says that it changed.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/string.h>
#include <parley/export.h>
#include "guest.h"

/*
 * A device that changes its configuration while it is read is read again.  One
 * that never stops is hostile or broken, and must not hold the caller forever.
 */
#define PARLEY_CONFIG_TRIES	32

static int parley_config_bounds(struct parley_device *pd, unsigned int offset,
				unsigned int len)
{
	unsigned int total = pd->ops->config_len(pd);

	if (parley_device_gone(pd))
		return -ENODEV;
	/* In this order, for offset + len may wrap. */
	if (offset > total || len > total - offset)
		return -EINVAL;
	return 0;
}

/**
 * parley_config_read() - read device configuration consistently
 * @pd: the device
 * @offset: where, in bytes
 * @buf: raw bytes, multi-byte fields little-endian; zeroed on error
 * @len: how many bytes
 *
 * A length of 1, 2, 4 or 8 at an aligned offset is one field and is read with
 * its natural width; anything else is read byte by byte.
 *
 * Context: may sleep.
 * Return: 0; -EINVAL beyond the device's configuration; -ENODEV if the device
 * is gone; -EIO if it never leaves its configuration alone (spec 2.5.1).
 */
int parley_config_read(struct parley_device *pd, unsigned int offset,
		       void *buf, unsigned int len)
{
	int err = parley_config_bounds(pd, offset, len);
	unsigned int i;
	u32 before;

	might_sleep();
	if (err)
		goto clear;
	for (i = 0; i < PARLEY_CONFIG_TRIES; i++) {
		if (i)
			fsleep(20);
		before = pd->ops->generation(pd);
		pd->ops->config_read(pd, offset, buf, len);
		if (pd->ops->generation(pd) == before)
			return 0;
	}
	err = -EIO;
	dev_err_ratelimited(&pd->dev,
			    "configuration at %u changed during each of %u reads\n",
			    offset, PARLEY_CONFIG_TRIES);
clear:
	memset(buf, 0, len);
	return err;
}
PARLEY_EXPORT(parley_config_read);

/**
 * parley_config_write() - write device configuration
 * @pd: the device
 * @offset: where, in bytes
 * @buf: raw bytes, multi-byte fields little-endian
 * @len: how many bytes; widths as in parley_config_read()
 *
 * Context: process context.
 * Return: 0; -EINVAL beyond the device's configuration; -ENODEV.
 */
int parley_config_write(struct parley_device *pd, unsigned int offset,
			const void *buf, unsigned int len)
{
	int err = parley_config_bounds(pd, offset, len);

	if (!err)
		pd->ops->config_write(pd, offset, buf, len);
	return err;
}
PARLEY_EXPORT(parley_config_write);

/**
 * parley_config_arm() - pass configuration interrupts on
 * @pd: the device
 *
 * One that came since the front-end read its configuration is made up for.
 */
void parley_config_arm(struct parley_device *pd)
{
	unsigned long flags;

	spin_lock_irqsave(&pd->config_lock, flags);
	pd->config_armed = !pd->gone;
	if (pd->config_armed && pd->config_missed)
		queue_work(system_freezable_wq, &pd->config_work);
	pd->config_missed = false;
	spin_unlock_irqrestore(&pd->config_lock, flags);
}

/**
 * parley_config_disarm() - no config_changed() from here on
 * @pd: the device
 *
 * Context: may sleep; not from config_changed(), for which it waits.
 */
void parley_config_disarm(struct parley_device *pd)
{
	unsigned long flags;

	spin_lock_irqsave(&pd->config_lock, flags);
	pd->config_armed = false;
	spin_unlock_irqrestore(&pd->config_lock, flags);
	cancel_work_sync(&pd->config_work);
}

/**
 * parley_device_config_interrupt() - the transport took a configuration
 *	interrupt
 * @pd: the device
 *
 * Context: any.
 */
void parley_device_config_interrupt(struct parley_device *pd)
{
	unsigned long flags;

	spin_lock_irqsave(&pd->config_lock, flags);
	if (pd->config_armed)
		queue_work(system_freezable_wq, &pd->config_work);
	else
		pd->config_missed = true;
	spin_unlock_irqrestore(&pd->config_lock, flags);
}
PARLEY_EXPORT(parley_device_config_interrupt);

void parley_config_work(struct work_struct *work)
{
	struct parley_device *pd =
		container_of(work, struct parley_device, config_work);
	struct parley_driver *drv = parley_driver_of(pd);

	/* Removal waits for this work before the driver changes. */
	if (!drv || !parley_device_alive(pd))
		return;
	if (pd->ops->get_status(pd) & VIRTIO_CONFIG_S_NEEDS_RESET)
		parley_recover_schedule(pd);
	else if (drv->config_changed)
		drv->config_changed(pd);
}
