// SPDX-License-Identifier: GPL-2.0-only
/*
 * The attributes of a virtual function, below parley/ in its folder.  Only root writes
 * them.
 */
#include <linux/cleanup.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include "vf.h"

/* A function that is on its way back is waited for so many milliseconds. */
#define PVF_SETTLE_MS	2000

static struct parley_nvme_vf *pvf_of(struct device *dev)
{
	return dev_get_drvdata(dev);
}

static ssize_t state_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", parley_nvme_state_name(&pvf_of(dev)->n));
}
static DEVICE_ATTR_RO(state);

static ssize_t namespace_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	struct parley_nvme_vf *vf = pvf_of(dev);
	ssize_t len;

	/* Whoever has it waits for the function. */
	if (mutex_lock_interruptible(&vf->n.mutex))
		return -EINTR;
	len = sysfs_emit(buf, "%u %llu %u\n", vf->nsid, vf->ns.blocks, vf->ns.block_size);
	mutex_unlock(&vf->n.mutex);
	return len;
}
static DEVICE_ATTR_RO(namespace);

static ssize_t interrupts_show(struct device *dev, struct device_attribute *attr,
			       char *buf)
{
	return sysfs_emit(buf, "%u\n", pvf_of(dev)->vectors);
}
static DEVICE_ATTR_RO(interrupts);

/* ------------------------------------------------- whose data there are */

static ssize_t owner_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	uuid_t tenant;

	switch (parley_nvme_space_owner(pvf_of(dev), &tenant)) {
	case PARLEY_NVME_NOBODY:
		return sysfs_emit(buf, "none\n");
	case PARLEY_NVME_TENANT:
		return sysfs_emit(buf, "%pUb\n", &tenant);
	default:
		return sysfs_emit(buf, "unknown\n");
	}
}

/*
 * Whoever had it may have ended a moment ago: it is not his any more, and about to be here.
 * No longer than that, since who unbinds it waits for us, and it for him.
 */
static struct parley_nvme_vf *pvf_settled(struct device *dev)
{
	parley_nvme_errand_settle(pvf_of(dev), PVF_SETTLE_MS);
	return pvf_of(dev);
}

static ssize_t owner_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	return parley_nvme_space_say(pvf_settled(dev), buf) ?: count;
}
static DEVICE_ATTR_RW(owner);

static ssize_t next_tenant_show(struct device *dev, struct device_attribute *attr,
				char *buf)
{
	return sysfs_emit(buf, "%s\n",
			  parley_nvme_way_names[READ_ONCE(pvf_of(dev)->next_tenant)]);
}

static ssize_t next_tenant_store(struct device *dev, struct device_attribute *attr,
				 const char *buf, size_t count)
{
	int way = sysfs_match_string(parley_nvme_way_names, buf);

	if (way < 0)
		return way;
	WRITE_ONCE(pvf_of(dev)->next_tenant, way);
	return count;
}
static DEVICE_ATTR_RW(next_tenant);

static ssize_t copy_of_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct parley_nvme_original original;

	parley_nvme_space_original(pvf_of(dev), &original);
	if (!original.nsid)
		return sysfs_emit(buf, "none\n");
	return sysfs_emit(buf, "%u %s\n", original.nsid, original.serial);
}

static ssize_t copy_of_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t count)
{
	return parley_nvme_space_copied(pvf_settled(dev), buf) ?: count;
}
static DEVICE_ATTR_RW(copy_of);

static const char *const pvf_erase_names[] = {
	[PARLEY_NVME_ERASE_NEVER] = "never",
	[PARLEY_NVME_ERASE_RUNS] = "runs",
	[PARLEY_NVME_ERASE_DONE] = "done",
	[PARLEY_NVME_ERASE_FAILED] = "failed",
};

static ssize_t erase_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct parley_nvme_erase *erase = &pvf_of(dev)->erase;
	enum parley_nvme_erasing state = READ_ONCE(erase->state);

	if (state == PARLEY_NVME_ERASE_NEVER)
		return sysfs_emit(buf, "%s\n", pvf_erase_names[state]);
	return sysfs_emit(buf, "%s %s %s %llu %llu %d\n", pvf_erase_names[state],
			  parley_nvme_way_names[READ_ONCE(erase->way)],
			  READ_ONCE(erase->pass), READ_ONCE(erase->done),
			  pvf_of(dev)->ns.blocks, READ_ONCE(erase->err));
}

static ssize_t erase_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	struct parley_nvme_vf *vf = pvf_of(dev);
	int way;

	if (sysfs_streq(buf, "stop")) {
		parley_nvme_erase_stop(vf);
		return count;
	}
	way = sysfs_match_string(parley_nvme_way_names, buf);
	if (way < 0)
		return way;
	return parley_nvme_erase_start(pvf_settled(dev), way) ?: count;
}
static DEVICE_ATTR_RW(erase);

static struct attribute *pvf_attrs[] = {
	&dev_attr_state.attr,
	&dev_attr_namespace.attr,
	&dev_attr_interrupts.attr,
	&dev_attr_owner.attr,
	&dev_attr_copy_of.attr,
	&dev_attr_next_tenant.attr,
	&dev_attr_erase.attr,
	NULL
};

static const struct attribute_group pvf_group = {
	.name = "parley",
	.attrs = pvf_attrs,
};

const struct attribute_group *parley_nvme_vf_groups[] = { &pvf_group, NULL };
