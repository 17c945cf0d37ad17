// SPDX-License-Identifier: GPL-2.0-only
/*
 * What mainline has for vDPA devices only: configuration space, and enabling a ring,
 * with its numbers, structures and errors.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "config.h"
#include "ioctl.h"

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
	a->u32 = vh_dev_max_vqs(t->dev);
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
