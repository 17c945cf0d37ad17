// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is to be seen of a device, below parley/ in its folder.
 */
#include <linux/sysfs.h>
#include "mdev.h"

static struct parley_mdev *parley_mdev_from_dev(struct device *dev)
{
	return dev_get_drvdata(dev);
}

static ssize_t gate_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	const struct parley_gate *g = &parley_mdev_from_dev(dev)->gate;

	return sysfs_emit(buf,
			  "hits %llu\nmisses %llu\nevictions %llu\ninvalidations %llu\npages %u\nmost %u\nroom %u\n",
			  READ_ONCE(g->stats.hits), READ_ONCE(g->stats.misses),
			  READ_ONCE(g->stats.evictions), READ_ONCE(g->stats.invalidations),
			  READ_ONCE(g->nr), READ_ONCE(g->stats.most), READ_ONCE(g->room));
}
static DEVICE_ATTR_RO(gate);

static ssize_t limits_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return parley_mdev_limits_show(&parley_mdev_from_dev(dev)->limits, buf);
}

static ssize_t limits_store(struct device *dev, struct device_attribute *attr,
			    const char *buf, size_t count)
{
	return parley_mdev_limits_set(&parley_mdev_from_dev(dev)->limits, buf) ?: count;
}
static DEVICE_ATTR_RW(limits);

static ssize_t throttled_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return parley_mdev_limits_throttled(&parley_mdev_from_dev(dev)->limits, buf);
}
static DEVICE_ATTR_RO(throttled);

static ssize_t migration_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return parley_mdev_migration_show(&parley_mdev_from_dev(dev)->migration, buf);
}
static DEVICE_ATTR_RO(migration);

static struct attribute *parley_mdev_attrs[] = {
	&dev_attr_gate.attr,
	&dev_attr_limits.attr,
	&dev_attr_migration.attr,
	&dev_attr_throttled.attr,
	NULL
};

static const struct attribute_group parley_mdev_group = {
	.name = "parley",
	.attrs = parley_mdev_attrs,
};

const struct attribute_group *parley_mdev_groups[] = { &parley_mdev_group, NULL };
