// SPDX-License-Identifier: GPL-2.0-only
/*
 * Features: what a device offers, and what VMM and driver agreed upon.
 *
 * A set of them is wider than the 64 bits that VHOST_SET_FEATURES knows
 * (VHOST_SET_FEATURES_ARRAY).  Those of the ring and of vhost are all among these.
 */
#include "dev.h"
#include "devq.h"
#include "iotlb.h"
#include "state.h"

/* What the library adds to the features of every accelerator. */
#define DEV_FEATURES							\
	(BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_RING_PACKED) |	\
	 BIT_ULL(VIRTIO_F_IN_ORDER) | BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |	\
	 BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC))

/* And where it is a VMM that talks to us. */
#define DEV_FEATURES_VMM						\
	(BIT_ULL(VHOST_F_LOG_ALL) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM))

/**
 * parley_vhost_offered() - the features that this device offers now
 * @dev: device
 * @offered: filled with VIRTIO_F_*, VHOST_F_* and those of the device type
 *
 * Context: under dev->mutex, if the accelerator decides by its back end.
 */
void parley_vhost_offered(struct parley_vhost *dev, struct parley_features *offered)
{
	const struct parley_vhost_driver *drv = dev->drv;
	u64 ours = DEV_FEATURES | (dev->in_kernel ? 0 : DEV_FEATURES_VMM);

	parley_features_set(offered, drv->features, drv->features_high);
	if (drv->device_features)
		drv->device_features(dev, offered);
	parley_features_set(offered, parley_features_low(offered) | ours,
			    parley_features_high(offered));
}
PARLEY_EXPORT(parley_vhost_offered);

/* Is more than the dirty log another? */
static bool vh_dev_features_differ(const struct parley_vhost *dev,
				   const struct parley_features *features)
{
	struct parley_features one = dev->features, other = *features;

	parley_features_drop(&one, VHOST_F_LOG_ALL);
	parley_features_drop(&other, VHOST_F_LOG_ALL);
	return !parley_features_equal(&one, &other);
}

/**
 * vh_dev_set_features() - what VMM and driver agreed upon
 * @dev: device, under dev->mutex
 * @features: all of them
 *
 * VHOST_F_LOG_ALL may change while rings run: so begins a migration.
 *
 * Return: 0; -EOPNOTSUPP for bits that are not offered; -EBUSY for a change
 * while a ring runs; -EFAULT for a log that does not fit; -ENOMEM.
 */
long vh_dev_set_features(struct parley_vhost *dev, const struct parley_features *features)
{
	bool differ = vh_dev_features_differ(dev, features);
	bool iommu = parley_features_has(features, VIRTIO_F_ACCESS_PLATFORM);
	struct parley_features offered;
	unsigned int i;
	int err;

	lockdep_assert_held(&dev->mutex);
	parley_vhost_offered(dev, &offered);
	if (!parley_features_within(features, &offered))
		return -EOPNOTSUPP;
	if (differ && parley_vhost_running(dev))
		return -EBUSY;
	if (parley_features_has(features, VHOST_F_LOG_ALL) &&
	    !vh_log_fits(dev->log.base, dev->mem))
		return -EFAULT;
	if (iommu != parley_vhost_has(dev, VIRTIO_F_ACCESS_PLATFORM)) {
		err = vh_iotlb_enable(dev, iommu);
		if (err)
			return err;
	}
	vh_dev_lock_vqs(dev);
	dev->features = *features;
	for (i = 0; i < dev->nr_vqs; i++)
		vh_vq_update_log(dev->vqs[i]);
	vh_dev_unlock_vqs(dev);
	if (differ && dev->drv->features_changed)
		dev->drv->features_changed(dev);
	return 0;
}

/**
 * parley_vhost_set_features() - the same for a loopback
 * @dev: device
 * @features: all of them
 *
 * Context: may sleep; takes dev->mutex.
 * Return: as vh_dev_set_features().
 */
int parley_vhost_set_features(struct parley_vhost *dev,
			      const struct parley_features *features)
{
	guard(mutex)(&dev->mutex);
	return vh_dev_set_features(dev, features);
}
PARLEY_EXPORT(parley_vhost_set_features);

/* Nobody has agreed upon any; no ring runs. */
void vh_dev_forget_features(struct parley_vhost *dev)
{
	const struct parley_features none = {};
	bool differ = vh_dev_features_differ(dev, &none);

	dev->features = none;
	if (differ && dev->drv->features_changed)
		dev->drv->features_changed(dev);
}

/* ---------------------------------------------------- small questions */

/** parley_vhost_features() - what was agreed upon, bits 0 to 63 */
u64 parley_vhost_features(const struct parley_vhost *dev)
{
	return parley_features_low(&dev->features);
}
PARLEY_EXPORT(parley_vhost_features);

/** parley_vhost_has() - was this feature agreed upon? */
bool parley_vhost_has(const struct parley_vhost *dev, unsigned int bit)
{
	return parley_features_has(&dev->features, bit);
}
PARLEY_EXPORT(parley_vhost_has);
