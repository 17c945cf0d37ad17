// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration space: its bytes, and who is told that they changed.
 */
#include <linux/eventfd.h>

#include "config.h"
#include "state.h"

/* ------------------------------------------------------------ its bytes */

/* Zeroed: what the accelerator leaves out shows nothing of ours. */
int vh_config_read(struct parley_vhost *dev, void *config)
{
	lockdep_assert_held(&dev->mutex);
	if (!dev->drv->config_size)
		return -EINVAL;
	memset(config, 0, dev->drv->config_size);
	dev->drv->config_read(dev, config);
	return 0;
}

/* Is off..off + len inside?  Written so that nothing can wrap. */
int vh_config_range(const struct parley_vhost *dev, u32 off, u32 len)
{
	u32 size = dev->drv->config_size;

	if (!len || off > size)
		return -EINVAL;
	return len > size - off ? -E2BIG : 0;
}

/* May off..off + len be written at all? */
int vh_config_writable(const struct parley_vhost *dev, u32 off, u32 len)
{
	int err = vh_config_range(dev, off, len);

	return err || dev->drv->config_write ? err : -EOPNOTSUPP;
}

int vh_config_write(struct parley_vhost *dev, u32 off, const void *buf, u32 len)
{
	int err = vh_config_writable(dev, off, len);

	lockdep_assert_held(&dev->mutex);
	return err ?: dev->drv->config_write(dev, off, buf, len);
}

/* ------------------------------------------------------ of the loopback */

/**
 * parley_vhost_config() - read the whole configuration space
 * @dev: device
 * @config: the accelerator's config_size bytes
 *
 * Context: may sleep; takes dev->mutex.
 * Return: 0; -EINVAL if the accelerator has none.
 */
int parley_vhost_config(struct parley_vhost *dev, void *config)
{
	guard(mutex)(&dev->mutex);
	return vh_config_read(dev, config);
}
PARLEY_EXPORT(parley_vhost_config);

/**
 * parley_vhost_config_set() - write to the configuration space
 * @dev: device
 * @off: first byte
 * @buf: bytes
 * @len: how many
 *
 * Context: may sleep; takes dev->mutex.
 * Return: 0; -EINVAL, -E2BIG outside the space; -EOPNOTSUPP if nothing may be
 * written; what the accelerator says.
 */
int parley_vhost_config_set(struct parley_vhost *dev, unsigned int off,
			    const void *buf, unsigned int len)
{
	guard(mutex)(&dev->mutex);
	return vh_config_write(dev, off, buf, len);
}
PARLEY_EXPORT(parley_vhost_config_set);

/**
 * parley_vhost_on_config_change() - be told of changes, in place of an eventfd
 * @dev: device
 * @changed: called in any context, under a spinlock; NULL to be told no more,
 *	after which no call is running
 * @priv: for @changed
 *
 * Return: 0; -EBUSY if somebody else is told.
 */
int parley_vhost_on_config_change(struct parley_vhost *dev,
				  void (*changed)(void *priv), void *priv)
{
	int err = 0;

	scoped_guard(spinlock_irqsave, &dev->config_lock) {
		if (changed && dev->config_changed) {
			err = -EBUSY;
		} else {
			dev->config_changed = changed;
			dev->config_priv = priv;
		}
	}
	return err;
}
PARLEY_EXPORT(parley_vhost_on_config_change);

/**
 * parley_vhost_config_changed() - the configuration is another now
 * @dev: device
 *
 * Context: any.
 */
void parley_vhost_config_changed(struct parley_vhost *dev)
{
	scoped_guard(spinlock_irqsave, &dev->config_lock) {
		if (dev->config_call)
			eventfd_signal(dev->config_call);
		if (dev->config_changed)
			dev->config_changed(dev->config_priv);
	}
}
PARLEY_EXPORT(parley_vhost_config_changed);

/**
 * vh_config_call_set() - tell this eventfd of changes
 * @dev: device
 * @fd: eventfd, or VHOST_FILE_UNBIND; the one before is released
 *
 * Return: 0, or -EBADF, -EINVAL for what is no eventfd.
 */
int vh_config_call_set(struct parley_vhost *dev, int fd)
{
	struct eventfd_ctx *ctx = NULL;

	if (fd != VHOST_FILE_UNBIND)
		ctx = eventfd_ctx_fdget(fd);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	scoped_guard(spinlock_irqsave, &dev->config_lock)
		swap(ctx, dev->config_call);
	if (ctx)
		eventfd_ctx_put(ctx);
	return 0;
}
