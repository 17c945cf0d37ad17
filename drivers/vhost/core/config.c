// SPDX-License-Identifier: GPL-2.0-only
/*
 * Configuration space, and what mainline has for vDPA devices only: with its
 * numbers, structures and errors.
 */
#include <linux/eventfd.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "ioctl.h"

/* ------------------------------------------------------------ its bytes */

/* Zeroed: what the accelerator leaves out shows nothing of ours. */
static int vh_config_read(struct parley_vhost *dev, void *config)
{
	lockdep_assert_held(&dev->mutex);
	if (!dev->drv->config_size)
		return -EINVAL;
	memset(config, 0, dev->drv->config_size);
	dev->drv->config_read(dev, config);
	return 0;
}

/* Is off..off + len inside?  Written so that nothing can wrap. */
static int vh_config_range(const struct parley_vhost *dev, u32 off, u32 len)
{
	u32 size = dev->drv->config_size;

	if (!len || off > size)
		return -EINVAL;
	return len > size - off ? -E2BIG : 0;
}

/* May off..off + len be written at all? */
static int vh_config_writable(const struct parley_vhost *dev, u32 off, u32 len)
{
	int err = vh_config_range(dev, off, len);

	return err || dev->drv->config_write ? err : -EOPNOTSUPP;
}

static int vh_config_write(struct parley_vhost *dev, u32 off, const void *buf,
			   u32 len)
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

/* ----------------------------------------------------------- of the VMM */

static long vh_get_device_id(const struct vh_target *t, union vh_arg *a)
{
	a->u32 = t->dev->drv->device_id;
	return 0;
}

static void __user *vh_config_user(const struct vh_target *t)
{
	return t->user + offsetof(struct vhost_vdpa_config, buf);
}

static long vh_get_config(const struct vh_target *t, union vh_arg *a)
{
	u8 *config __free(kfree) = NULL;
	u32 off = a->config.off, len = a->config.len;
	int err = vh_config_range(t->dev, off, len);

	if (err)
		return err;
	config = kmalloc(t->dev->drv->config_size, GFP_KERNEL);
	if (!config)
		return -ENOMEM;
	err = vh_config_read(t->dev, config);
	if (err)
		return err;
	return copy_to_user(vh_config_user(t), config + off, len) ? -EFAULT : 0;
}

static long vh_set_config(const struct vh_target *t, union vh_arg *a)
{
	u8 *buf __free(kfree) = NULL;
	u32 off = a->config.off, len = a->config.len;
	/* Before memory is allocated for so much. */
	int err = vh_config_writable(t->dev, off, len);

	if (err)
		return err;
	buf = kmalloc(len, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	if (copy_from_user(buf, vh_config_user(t), len))
		return -EFAULT;
	return vh_config_write(t->dev, off, buf, len);
}

static long vh_get_config_size(const struct vh_target *t, union vh_arg *a)
{
	a->u32 = t->dev->drv->config_size;
	return 0;
}

static long vh_set_config_call(const struct vh_target *t, union vh_arg *a)
{
	return vh_config_call_set(t->dev, a->fd);
}

static long vh_get_vqs_count(const struct vh_target *t, union vh_arg *a)
{
	a->u32 = t->dev->drv->max_queues;
	return 0;
}

static long vh_get_vring_num(const struct vh_target *t, union vh_arg *a)
{
	a->u16 = PARLEY_VQ_SIZE_MAX;
	return 0;
}

static long vh_set_vring_enable(const struct vh_target *t, union vh_arg *a)
{
	if (t->vq->joined)
		return -EBUSY;
	switch (a->state.num) {
	case 0:
		parley_vhost_vq_stop(t->vq);
		return 0;
	case 1:
		return parley_vhost_vq_start(t->vq);
	default:
		return -EINVAL;
	}
}

const struct vh_call vh_config_calls[] = {
	{ VHOST_VDPA_GET_DEVICE_ID, VH_OUT | VH_ANYBODY, vh_get_device_id },
	{ VHOST_VDPA_GET_CONFIG, VH_IN | VH_ANYBODY, vh_get_config },
	{ VHOST_VDPA_SET_CONFIG, VH_IN, vh_set_config },
	{ VHOST_VDPA_GET_CONFIG_SIZE, VH_OUT | VH_ANYBODY, vh_get_config_size },
	{ VHOST_VDPA_SET_CONFIG_CALL, VH_IN, vh_set_config_call },
	{ VHOST_VDPA_GET_VQS_COUNT, VH_OUT | VH_ANYBODY, vh_get_vqs_count },
	{ VHOST_VDPA_GET_VRING_NUM, VH_OUT | VH_ANYBODY, vh_get_vring_num },
	{ VHOST_VDPA_SET_VRING_ENABLE, VH_IN | VH_RING, vh_set_vring_enable },
};

const unsigned int vh_config_calls_nr = ARRAY_SIZE(vh_config_calls);
