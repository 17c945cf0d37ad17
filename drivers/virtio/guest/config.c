// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device configuration (spec 2.5): bounded, consistent reads, and the
 * interrupt that says that it changed.  Shared-memory regions (spec 2.10).
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

/* May these bytes be accessed now?  While it is reset, nothing there is true. */
static int parley_config_may(struct parley_vdev *v, unsigned int offset,
			     unsigned int len)
{
	unsigned int total = v->ops->config_len(&v->pd);

	if (parley_device_gone(&v->pd))
		return -ENODEV;
	if (READ_ONCE(v->m.phase) == PARLEY_STOPPED)
		return -EAGAIN;
	/* In this order, for offset + len may wrap. */
	if (offset > total || len > total - offset)
		return -EINVAL;
	return 0;
}

/* Until two looks agree; what was read across a reset is void. */
static int parley_config_read_quiet(struct parley_vdev *v, unsigned int offset,
				    void *buf, unsigned int len)
{
	u32 epoch, now, before;
	unsigned int i;

	if (!parley_model_awake(v, &epoch))
		return -EAGAIN;
	for (i = 0; i < PARLEY_CONFIG_TRIES; i++) {
		if (i)
			fsleep(20);
		before = v->ops->generation(&v->pd);
		v->ops->config_read(&v->pd, offset, buf, len);
		if (v->ops->generation(&v->pd) == before)
			return parley_model_awake(v, &now) && now == epoch ? 0 : -EAGAIN;
	}
	dev_err_ratelimited(&v->pd.dev,
			    "configuration at %u changed during each of %u reads\n",
			    offset, PARLEY_CONFIG_TRIES);
	return -EIO;
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
 * is gone; -EAGAIN while it is stopped, config_changed() is called afterwards;
 * -EIO if it never leaves its configuration alone (spec 2.5.1).
 */
int parley_config_read(struct parley_device *pd, unsigned int offset,
		       void *buf, unsigned int len)
{
	struct parley_vdev *v = to_parley_vdev(pd);
	int err = parley_config_may(v, offset, len);

	might_sleep();
	if (!err)
		err = parley_config_read_quiet(v, offset, buf, len);
	if (err)
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
 * A device that is reset forgets it: what is to last is written by reapply().
 *
 * Context: process context.
 * Return: 0; -EINVAL beyond the device's configuration; -ENODEV; -EAGAIN while
 * the device is stopped, reapply() is called afterwards.
 */
int parley_config_write(struct parley_device *pd, unsigned int offset,
			const void *buf, unsigned int len)
{
	struct parley_vdev *v = to_parley_vdev(pd);
	int err = parley_config_may(v, offset, len);

	if (!err)
		v->ops->config_write(pd, offset, buf, len);
	return err;
}
PARLEY_EXPORT(parley_config_write);

/**
 * parley_device_shm() - where a shared-memory region of the device lies
 * @pd: the device, negotiated
 * @id: number of the region, from the chapter of the device's type
 * @shm: filled
 *
 * The region is the device's own memory: whoever maps it decides with which
 * caching (spec 2.10), and trusts nothing that he reads there.
 *
 * Context: may sleep.
 * Return: 0; -ENOENT if there is no such region, or the transport has none;
 * -EINVAL if the device says what cannot be; -ENODEV if it is gone.
 */
int parley_device_shm(struct parley_device *pd, u8 id, struct parley_shm *shm)
{
	struct parley_vdev *v = to_parley_vdev(pd);
	struct parley_shm found = {};
	int err;

	if (parley_device_gone(pd))
		return -ENODEV;
	err = v->ops->shm ? v->ops->shm(pd, id, &found) : -ENOENT;
	if (err)
		return err;
	if (!found.len || found.len - 1 > U64_MAX - found.addr)
		return -EINVAL;
	*shm = found;
	return 0;
}
PARLEY_EXPORT(parley_device_shm);

/**
 * parley_config_arm() - pass configuration interrupts on
 * @v: the device
 *
 * One that came since the front-end read its configuration is made up for.
 */
void parley_config_arm(struct parley_vdev *v)
{
	struct parley_model *m = &v->m;

	scoped_guard(spinlock_irqsave, &m->irq_lock) {
		m->config_armed = !v->pd.gone && !m->config_over;
		if (m->config_armed && m->config_missed)
			queue_work(system_freezable_wq, &m->config_work);
		m->config_missed = false;
	}
}

/**
 * parley_config_disarm() - no new config_changed() from here on
 * @v: the device
 *
 * One that is running is not waited for: it may itself be waiting for the
 * device, which is being stopped.
 */
void parley_config_disarm(struct parley_vdev *v)
{
	scoped_guard(spinlock_irqsave, &v->m.irq_lock) {
		v->m.config_armed = false;
		v->m.config_missed = false;
	}
}

/**
 * parley_config_end() - no config_changed() any more for this front-end
 * @v: the device
 *
 * One that is running is waited for.  A recovery that goes live meanwhile or
 * afterwards finds it over, and does not pass anything on.
 *
 * Context: may sleep; not under the model's lock, which the work takes.
 */
void parley_config_end(struct parley_vdev *v)
{
	scoped_guard(spinlock_irqsave, &v->m.irq_lock)
		v->m.config_over = true;
	parley_config_disarm(v);
	cancel_work_sync(&v->m.config_work);
}

/**
 * parley_device_config_interrupt() - the transport took a configuration
 *	interrupt
 * @v: the device
 *
 * Context: any.
 */
void parley_device_config_interrupt(struct parley_vdev *v)
{
	scoped_guard(spinlock_irqsave, &v->m.irq_lock) {
		if (v->m.config_armed) {
			queue_work(system_freezable_wq, &v->m.config_work);
			parley_model_listen(v);
		} else {
			v->m.config_missed = true;
		}
	}
}
PARLEY_EXPORT(parley_device_config_interrupt);

void parley_config_work(struct work_struct *work)
{
	struct parley_vdev *v =
		container_of(work, struct parley_vdev, m.config_work);
	struct parley_driver *drv = parley_driver_of(v);
	bool well;

	/* Under the lock, or a wish that is being granted would be heard twice. */
	scoped_guard(mutex, &v->m.lock)
		well = parley_device_check(&v->pd);
	/* Removal waits for this work before the driver changes. */
	if (well && drv && drv->config_changed)
		drv->config_changed(&v->pd);
}
