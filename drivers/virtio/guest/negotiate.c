// SPDX-License-Identifier: GPL-2.0-only
/*
 * Features: what the device offers, what the front-end understands, and what
 * the ring may use (spec 2.2, 3.1.1, 6).
 */
#include <linux/moduleparam.h>
#include <linux/string.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ring.h>
#include <parley/export.h>
#include "guest.h"

/*
 * The two platform features are conditions of the machine, not options of the
 * ring: whoever drops them reads or writes the wrong memory.
 */
#define PARLEY_FEATURES_MUST	(BIT_ULL(VIRTIO_F_VERSION_1) |		\
				 BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) |	\
				 BIT_ULL(VIRTIO_F_ORDER_PLATFORM))

static const struct {
	const char *name;
	unsigned int bit;
} parley_ring_features[] = {
	{ "packed", VIRTIO_F_RING_PACKED },
	{ "event", VIRTIO_RING_F_EVENT_IDX },
	{ "indirect", VIRTIO_RING_F_INDIRECT_DESC },
	{ "in_order", VIRTIO_F_IN_ORDER },
	{ "notification_data", VIRTIO_F_NOTIFICATION_DATA },
	{ "reset", VIRTIO_F_RING_RESET },
};

static u64 parley_ring_off;

static u64 parley_ring_feature(const char *name, size_t len)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(parley_ring_features); i++)
		if (strlen(parley_ring_features[i].name) == len &&
		    !strncmp(parley_ring_features[i].name, name, len))
			return BIT_ULL(parley_ring_features[i].bit);
	return 0;
}

/**
 * parley_ring_off_set() - read a list of ring features
 * @val: names separated by commas, a newline at the end is ignored
 * @off: the feature bits they name
 *
 * Return: 0, or -EINVAL for a name that is not known; @off is untouched then.
 */
int parley_ring_off_set(const char *val, u64 *off)
{
	u64 bits = 0;

	while (*val && *val != '\n') {
		size_t len = strcspn(val, ",\n");
		u64 bit = parley_ring_feature(val, len);

		if (!bit)
			return -EINVAL;
		bits |= bit;
		val += len;
		if (*val == ',')
			val++;
	}
	*off = bits;
	return 0;
}

static int parley_ring_off_param_set(const char *val,
				     const struct kernel_param *kp)
{
	return parley_ring_off_set(val, kp->arg);
}

static int parley_ring_off_param_get(char *buf, const struct kernel_param *kp)
{
	u64 off = *(u64 *)kp->arg;
	const char *comma = "";
	unsigned int i;
	int len = 0;

	for (i = 0; i < ARRAY_SIZE(parley_ring_features); i++) {
		if (!(off & BIT_ULL(parley_ring_features[i].bit)))
			continue;
		len += sysfs_emit_at(buf, len, "%s%s", comma,
				     parley_ring_features[i].name);
		comma = ",";
	}
	return len + sysfs_emit_at(buf, len, "\n");
}

static const struct kernel_param_ops parley_ring_off_ops = {
	.set = parley_ring_off_param_set,
	.get = parley_ring_off_param_get,
};
module_param_cb(ring_off, &parley_ring_off_ops, &parley_ring_off, 0644);
MODULE_PARM_DESC(ring_off, "ring features not to use with devices bound from now on, for tests and comparisons: packed,event,indirect,in_order,notification_data,reset");

static u64 parley_ring_wanted(const struct parley_device *pd)
{
	u64 wanted = PARLEY_FEATURES_MUST;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(parley_ring_features); i++)
		wanted |= BIT_ULL(parley_ring_features[i].bit);
	if (!pd->ops->queue_disable)
		wanted &= ~BIT_ULL(VIRTIO_F_RING_RESET);
	return wanted & ~READ_ONCE(parley_ring_off);
}

static void parley_status_add(struct parley_device *pd, u8 bits)
{
	pd->status |= bits;
	pd->ops->set_status(pd, pd->status);
}

/* Spec 3.1.1, steps 1 to 3, and the reading half of step 4. */
static int parley_greet(struct parley_device *pd)
{
	int err;

	if (parley_device_gone(pd))
		return -ENODEV;
	err = pd->ops->reset(pd);
	if (err) {
		dev_err(&pd->dev,
			"device does not finish a reset (%d); it stays unused, unplug it or reset its function\n",
			err);
		return err;
	}
	pd->status = 0;
	parley_status_add(pd, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	parley_status_add(pd, VIRTIO_CONFIG_S_DRIVER);
	pd->offered = pd->ops->get_features(pd);
	if (pd->ops->get_status(pd) == PARLEY_STATUS_GONE) {
		dev_err(&pd->dev, "device does not answer\n");
		return -ENODEV;
	}
	if (!(pd->offered & BIT_ULL(VIRTIO_F_VERSION_1))) {
		dev_err(&pd->dev,
			"device offers no VIRTIO_F_VERSION_1 (offered %#llx): legacy devices are not served, turn the legacy mode off (QEMU: disable-legacy=on)\n",
			pd->offered);
		return -ENODEV;
	}
	return 0;
}

/* The writing half of step 4, steps 5 and 6. */
static int parley_settle(struct parley_device *pd)
{
	int err = pd->ops->set_features(pd, pd->features);
	u8 status;

	if (err)
		return err;
	parley_status_add(pd, VIRTIO_CONFIG_S_FEATURES_OK);
	status = pd->ops->get_status(pd);
	if (status == PARLEY_STATUS_GONE)
		return -ENODEV;
	if (!(status & VIRTIO_CONFIG_S_FEATURES_OK)) {
		dev_err(&pd->dev,
			"device refuses features %#llx of its own offer %#llx (status %#x)\n",
			pd->features, pd->offered, status);
		return -EPROTO;
	}
	WRITE_ONCE(pd->state, PARLEY_NEGOTIATED);
	return 0;
}

/**
 * parley_negotiate() - reset the device and agree on features with it
 * @pd: the device; its driver is set
 *
 * Context: may sleep; under the device lock.
 * Return: 0; -ENODEV for a device that is gone or legacy; -ETIMEDOUT if it
 * never finishes its reset; -EPROTO if it takes back what it offered.
 */
int parley_negotiate(struct parley_device *pd)
{
	struct parley_driver *drv = parley_driver_of(pd);
	u64 own = drv->features;
	int err = parley_greet(pd);

	if (err)
		return err;
	own &= pd->offered;
	if (drv->check)
		own &= drv->check(pd, own);
	pd->features = own | (parley_ring_wanted(pd) & pd->offered);
	return parley_settle(pd);
}

/**
 * parley_negotiate_again() - agree on the features that were in use before
 * @pd: the device
 *
 * What the front-end told its upper layers rests on these features, so that a
 * device that came back with fewer is not usable.
 *
 * Context: may sleep; under the device lock.
 * Return: as parley_negotiate().
 */
int parley_negotiate_again(struct parley_device *pd)
{
	u64 lost;
	int err = parley_greet(pd);

	if (err)
		return err;
	lost = pd->features & ~pd->offered;
	if (lost) {
		dev_err(&pd->dev, "device came back without features %#llx\n",
			lost);
		return -EPROTO;
	}
	return parley_settle(pd);
}

/**
 * parley_give_up() - tell the device that it will not be driven
 * @pd: the device
 */
void parley_give_up(struct parley_device *pd)
{
	parley_device_quiesce(pd);
	pd->features = 0;
	if (!parley_device_gone(pd))
		pd->ops->set_status(pd, VIRTIO_CONFIG_S_FAILED);
}

/**
 * parley_device_ready() - let the device run
 * @pd: the device; its queues are made
 *
 * Sets DRIVER_OK (spec 3.1.1, step 8).  Interrupts reach the front-end from
 * here on, some perhaps before this returns.  Nothing may be kicked before.
 * The model calls it after probe() and restore() if the front-end did not.
 */
void parley_device_ready(struct parley_device *pd)
{
	unsigned long flags;
	bool go;

	spin_lock_irqsave(&pd->config_lock, flags);
	go = pd->state == PARLEY_NEGOTIATED && !pd->gone;
	if (go)
		WRITE_ONCE(pd->state, PARLEY_LIVE);
	spin_unlock_irqrestore(&pd->config_lock, flags);
	if (!go)
		return;
	parley_status_add(pd, VIRTIO_CONFIG_S_DRIVER_OK);
	parley_config_arm(pd);
}
PARLEY_EXPORT(parley_device_ready);
