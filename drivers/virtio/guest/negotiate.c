// SPDX-License-Identifier: GPL-2.0-only
/*
 * Features: what the device offers, what the front-end understands, and what
 * the ring may use (spec 2.2, 3.1.1, 6).
 */
#include <linux/moduleparam.h>
#include <linux/string.h>
#include <linux/virtio_anchor.h>
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

static u64 parley_ring_wanted(const struct parley_vdev *v)
{
	u64 wanted = PARLEY_FEATURES_MUST;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(parley_ring_features); i++)
		wanted |= BIT_ULL(parley_ring_features[i].bit);
	if (!v->ops->queue_disable)
		wanted &= ~BIT_ULL(VIRTIO_F_RING_RESET);
	return wanted & ~READ_ONCE(parley_ring_off);
}

static void parley_status_add(struct parley_vdev *v, u8 bits)
{
	v->m.status |= bits;
	v->ops->set_status(&v->pd, v->m.status);
}

/**
 * parley_status_reset() - reset the device, and forget what was written to it
 * @v: the device
 *
 * Context: may sleep.
 * Return: 0, or why the transport says that it is not reset.
 */
int parley_status_reset(struct parley_vdev *v)
{
	v->m.status = 0;
	return v->ops->reset(&v->pd);
}

/*
 * Does the platform hide memory from its host, as SEV, TDX and secure execution
 * do?  It tells the kernel's own virtio drivers so, by one of their functions.
 * (Xen's grants decide for each device with another one, which needs a device of
 * those drivers: we cannot ask it.)
 */
static bool parley_memory_is_hidden(void)
{
#ifdef CONFIG_VIRTIO_ANCHOR
	return READ_ONCE(virtio_check_mem_acc_cb) ==
	       virtio_require_restricted_mem_acc;
#else
	return false;
#endif
}

/* A device that reads memory as the host sees it would find it enciphered. */
static bool parley_reaches_memory(struct parley_vdev *v)
{
	return parley_features_has(&v->m.offered, VIRTIO_F_ACCESS_PLATFORM) ||
	       v->ops->local || !parley_memory_is_hidden();
}

/* Spec 3.1.1, steps 1 to 3, and the reading half of step 4. */
static int parley_greet(struct parley_vdev *v)
{
	struct parley_device *pd = &v->pd;
	int err;

	if (parley_device_gone(pd))
		return -ENODEV;
	err = parley_status_reset(v);
	if (err) {
		dev_err(&pd->dev,
			"device does not finish a reset (%d); it stays unused, unplug it or reset its function\n",
			err);
		return err;
	}
	parley_status_add(v, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	parley_status_add(v, VIRTIO_CONFIG_S_DRIVER);
	v->ops->get_features(pd, &v->m.offered);
	if (v->ops->get_status(pd) == PARLEY_STATUS_GONE) {
		dev_err(&pd->dev, "device does not answer\n");
		return -ENODEV;
	}
	if (!parley_features_has(&v->m.offered, VIRTIO_F_VERSION_1)) {
		dev_err(&pd->dev,
			"device offers no VIRTIO_F_VERSION_1 (offered bits %*pbl): legacy devices are not served, turn the legacy mode off (QEMU: disable-legacy=on)\n",
			PARLEY_FEATURE_BITS, v->m.offered.bits);
		return -ENODEV;
	}
	if (!parley_reaches_memory(v)) {
		dev_err(&pd->dev,
			"this machine hides its memory from the host, and the device offers no VIRTIO_F_ACCESS_PLATFORM (offered bits %*pbl): turn it on (QEMU: iommu_platform=on)\n",
			PARLEY_FEATURE_BITS, v->m.offered.bits);
		return -ENODEV;
	}
	return 0;
}

/* The writing half of step 4, steps 5 and 6. */
static int parley_settle(struct parley_vdev *v)
{
	int err = v->ops->set_features(&v->pd, &v->pd.features);
	u8 status;

	if (err)
		return err;
	parley_status_add(v, VIRTIO_CONFIG_S_FEATURES_OK);
	status = v->ops->get_status(&v->pd);
	if (status == PARLEY_STATUS_GONE)
		return -ENODEV;
	if (!(status & VIRTIO_CONFIG_S_FEATURES_OK)) {
		dev_err(&v->pd.dev,
			"device refuses feature bits %*pbl of its own offer %*pbl (status %#x)\n",
			PARLEY_FEATURE_BITS, v->pd.features.bits,
			PARLEY_FEATURE_BITS, v->m.offered.bits, status);
		return -EPROTO;
	}
	return 0;
}

/* What the front-end knows, the device has and the configuration allows. */
static void parley_features_own(struct parley_vdev *v,
				struct parley_features *own)
{
	struct parley_driver *drv = parley_driver_of(v);
	struct parley_features checked;
	unsigned int i;

	parley_features_set(own, 0, 0);
	for (i = 0; i < drv->nr_features; i++)
		parley_features_add(own, drv->features[i]);
	parley_features_mask(own, &v->m.offered);
	if (!drv->check)
		return;
	checked = *own;
	drv->check(&v->pd, &checked);
	parley_features_mask(own, &checked);
}

/**
 * parley_negotiate() - reset the device and agree on features with it
 * @v: the device; its driver is set
 *
 * Context: may sleep; under the device lock.
 * Return: 0; -ENODEV for a device that is gone, legacy, or cannot reach our
 * memory; -ETIMEDOUT if it never finishes its reset; -EPROTO if it takes back what it offered.
 */
int parley_negotiate(struct parley_vdev *v)
{
	struct parley_features own, ring;
	int err = parley_greet(v);

	if (err)
		return err;
	parley_features_own(v, &own);
	parley_features_set(&ring, parley_ring_wanted(v), 0);
	parley_features_mask(&ring, &v->m.offered);
	bitmap_or(v->pd.features.bits, own.bits, ring.bits, PARLEY_FEATURE_BITS);
	err = parley_settle(v);
	if (!err)
		parley_phase_set(v, PARLEY_AGREED);
	return err;
}

/**
 * parley_negotiate_again() - agree on the features that were in use before
 * @v: the device
 *
 * What the front-end told its upper layers rests on these features, so that a
 * device that came back with fewer is not usable.
 *
 * Context: may sleep; under the model's lock.
 * Return: as parley_negotiate().
 */
int parley_negotiate_again(struct parley_vdev *v)
{
	struct parley_features lost;
	int err = parley_greet(v);

	if (err)
		return err;
	if (bitmap_andnot(lost.bits, v->pd.features.bits, v->m.offered.bits,
			  PARLEY_FEATURE_BITS)) {
		dev_err(&v->pd.dev, "device came back without feature bits %*pbl\n",
			PARLEY_FEATURE_BITS, lost.bits);
		return -EPROTO;
	}
	return parley_settle(v);
}

/**
 * parley_give_up() - tell the device that it will not be driven
 * @v: the device
 *
 * Context: may sleep.
 */
void parley_give_up(struct parley_vdev *v)
{
	parley_device_close(&v->pd);
	parley_queues_drop(v);
	parley_features_set(&v->pd.features, 0, 0);
	if (!parley_device_gone(&v->pd))
		parley_status_add(v, VIRTIO_CONFIG_S_FAILED);
}

/**
 * parley_go_live() - let the device run
 * @v: the device; its queues are enabled
 *
 * Sets DRIVER_OK (spec 3.1.1, step 8); of a device that is gone nobody hears it.
 */
void parley_go_live(struct parley_vdev *v)
{
	parley_phase_set(v, PARLEY_LIVE);
	parley_status_add(v, VIRTIO_CONFIG_S_DRIVER_OK);
	parley_kicks_on(v);
	parley_config_arm(v);
}

/**
 * parley_device_ready() - let the device run
 * @pd: the device; its queues are made
 *
 * Interrupts reach the front-end from here on, some perhaps before this returns,
 * and recovery may call stop() and start().  What was published before is kicked
 * now.  The model calls it after probe() if the front-end did not.
 *
 * Context: may sleep; from probe().
 */
void parley_device_ready(struct parley_device *pd)
{
	struct parley_vdev *v = to_parley_vdev(pd);

	scoped_guard(mutex, &v->m.lock) {
		if (v->m.phase != PARLEY_AGREED)
			return;
		parley_go_live(v);
	}
	parley_model_look(v);
}
PARLEY_EXPORT(parley_device_ready);
