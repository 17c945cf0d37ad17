// SPDX-License-Identifier: GPL-2.0-only
/*
 * The attributes of a physical function, below parley/ in its folder.  Only root
 * writes them; who reads waits for a command or a reset that is under way.  What sends
 * commands only root reads: others would keep the controller, and all that wait for it.
 */
#include <linux/cleanup.h>
#include <linux/math64.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/time64.h>
#include "pf.h"

static struct parley_nvme_pf *pnv_of(struct device *dev)
{
	return dev_get_drvdata(dev);
}

static ssize_t state_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", parley_nvme_state_name(&pnv_of(dev)->n));
}
static DEVICE_ATTR_RO(state);

static ssize_t pnv_show_text(struct device *dev, const char *text, char *buf)
{
	guard(mutex)(&pnv_of(dev)->n.mutex);
	return sysfs_emit(buf, "%s\n", text);
}

static ssize_t serial_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return pnv_show_text(dev, pnv_of(dev)->n.id.serial, buf);
}
static DEVICE_ATTR_RO(serial);

static ssize_t model_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return pnv_show_text(dev, pnv_of(dev)->n.id.model, buf);
}
static DEVICE_ATTR_RO(model);

static ssize_t firmware_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return pnv_show_text(dev, pnv_of(dev)->n.id.firmware, buf);
}
static DEVICE_ATTR_RO(firmware);

static ssize_t pnv_show_pool(struct device *dev, enum parley_nvme_kind kind, char *buf)
{
	struct parley_nvme_pf *pf = pnv_of(dev);
	struct parley_nvme_pool *pool = &pf->pool[kind];

	guard(mutex)(&pf->n.mutex);
	return sysfs_emit(buf, "%u %u %u\n", pool->total, pool->mine, pool->most);
}

static ssize_t queues_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return pnv_show_pool(dev, PARLEY_NVME_QUEUES, buf);
}
static DEVICE_ATTR_RO(queues);

static ssize_t interrupts_show(struct device *dev, struct device_attribute *attr,
			       char *buf)
{
	return pnv_show_pool(dev, PARLEY_NVME_INTERRUPTS, buf);
}
static DEVICE_ATTR_RO(interrupts);

static ssize_t vfs_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct parley_nvme_pf *pf = pnv_of(dev);
	struct parley_nvme_secondary *vf;
	ssize_t len = 0;

	guard(mutex)(&pf->n.mutex);
	for (vf = pf->vf; vf < pf->vf + pf->nr_secondaries; vf++)
		len += sysfs_emit_at(buf, len, "%u %u %s %u %u\n", vf->number, vf->cntlid,
				     vf->online ? "online" : "offline",
				     vf->have[PARLEY_NVME_QUEUES],
				     vf->have[PARLEY_NVME_INTERRUPTS]);
	return len;
}
static DEVICE_ATTR_RO(vfs);

static ssize_t pnv_show_list(struct device *dev, char *buf,
			     ssize_t (*list)(struct parley_nvme_pf *pf, char *buf))
{
	struct parley_nvme_pf *pf = pnv_of(dev);

	guard(mutex)(&pf->n.mutex);
	return list(pf, buf);
}

static ssize_t namespaces_show(struct device *dev, struct device_attribute *attr,
			       char *buf)
{
	return pnv_show_list(dev, buf, parley_pf_list_sizes);
}
static DEVICE_ATTR_ADMIN_RO(namespaces);

static ssize_t attachments_show(struct device *dev, struct device_attribute *attr,
				char *buf)
{
	return pnv_show_list(dev, buf, parley_pf_list_holders);
}
static DEVICE_ATTR_ADMIN_RO(attachments);

static ssize_t formats_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return pnv_show_list(dev, buf, parley_pf_list_formats);
}
static DEVICE_ATTR_ADMIN_RO(formats);

static ssize_t capacity_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return pnv_show_list(dev, buf, parley_pf_list_capacity);
}
static DEVICE_ATTR_ADMIN_RO(capacity);

static ssize_t commands_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct parley_nvme *n = &pnv_of(dev)->n;

	return sysfs_emit(buf, "%lld %lld\n", (s64)atomic64_read(&n->commands),
			  div_s64(atomic64_read(&n->spent_ns), NSEC_PER_USEC));
}
static DEVICE_ATTR_RO(commands);

static ssize_t events_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct parley_nvme_pf *pf = pnv_of(dev);

	return sysfs_emit(buf, "%u %#x\n", READ_ONCE(pf->events), READ_ONCE(pf->event));
}
static DEVICE_ATTR_RO(events);

/* ------------------------------------------------- one guest at a time */

static ssize_t on_demand_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct parley_nvme_pf *pf = pnv_of(dev);

	guard(mutex)(&pf->n.mutex);
	return sysfs_emit(buf, "%u\n", pf->on_demand);
}

static ssize_t on_demand_store(struct device *dev, struct device_attribute *attr,
			       const char *buf, size_t count)
{
	struct parley_nvme_pf *pf = pnv_of(dev);
	bool on;

	if (kstrtobool(buf, &on))
		return -EINVAL;
	guard(mutex)(&pf->n.mutex);
	if (pf->nr_vfs)
		return -EBUSY;
	pf->on_demand = on;
	return count;
}
static DEVICE_ATTR_RW(on_demand);

static ssize_t birth_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	struct parley_nvme_pf *pf = pnv_of(dev);
	unsigned int number;
	u64 blocks = 0;
	u8 format = 0;
	u32 nsid = 0;
	int err;

	if (sscanf(buf, "%u new %llu %hhu", &number, &blocks, &format) < 2 &&
	    (sscanf(buf, "%u %u", &number, &nsid) != 2 || !nsid))
		return -EINVAL;
	guard(mutex)(&pf->n.mutex);
	err = parley_pf_birth(pf, number, blocks, format, &nsid);
	if (err)
		return err;
	dev_info(dev, "virtual function %u has namespace %u\n", number, nsid);
	return count;
}
static DEVICE_ATTR_WO(birth);

static ssize_t death_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	struct parley_nvme_pf *pf = pnv_of(dev);
	char what[8] = "";
	unsigned int number;
	u32 nsid;
	int err;

	if (sscanf(buf, "%u %u %7s", &number, &nsid, what) < 2 ||
	    (*what && strcmp(what, "delete")))
		return -EINVAL;
	guard(mutex)(&pf->n.mutex);
	err = parley_pf_death(pf, number, nsid, *what);
	return err ?: count;
}
static DEVICE_ATTR_WO(death);

static ssize_t ns_create_store(struct device *dev, struct device_attribute *attr,
			       const char *buf, size_t count)
{
	struct parley_nvme_pf *pf = pnv_of(dev);
	u8 format = 0;
	u64 blocks;
	u32 nsid;
	int err;

	if (sscanf(buf, "%llu %hhu", &blocks, &format) < 1)
		return -EINVAL;
	guard(mutex)(&pf->n.mutex);
	err = parley_pf_ns_create(pf, blocks, format, &nsid);
	if (err)
		return err;
	dev_info(dev, "namespace %u was created\n", nsid);
	return count;
}
static DEVICE_ATTR_WO(ns_create);

static ssize_t ns_delete_store(struct device *dev, struct device_attribute *attr,
			       const char *buf, size_t count)
{
	struct parley_nvme_pf *pf = pnv_of(dev);
	u32 nsid;
	int err;

	if (kstrtou32(buf, 0, &nsid))
		return -EINVAL;
	guard(mutex)(&pf->n.mutex);
	err = parley_pf_ns_delete(pf, nsid);
	return err ?: count;
}
static DEVICE_ATTR_WO(ns_delete);

/* Without the mutex: it takes it, and lets go of it while the controller works. */
static ssize_t ns_format_store(struct device *dev, struct device_attribute *attr,
			       const char *buf, size_t count)
{
	u32 nsid;

	if (kstrtou32(buf, 0, &nsid))
		return -EINVAL;
	return parley_pf_ns_format(pnv_of(dev), nsid) ?: count;
}
static DEVICE_ATTR_WO(ns_format);

static ssize_t pnv_attach_store(struct device *dev, const char *buf, size_t count,
				bool attach)
{
	struct parley_nvme_pf *pf = pnv_of(dev);
	unsigned int number;
	u32 nsid;
	int err;

	if (sscanf(buf, "%u %u", &nsid, &number) != 2)
		return -EINVAL;
	guard(mutex)(&pf->n.mutex);
	err = parley_pf_ns_attach(pf, nsid, number, attach);
	return err ?: count;
}

static ssize_t ns_attach_store(struct device *dev, struct device_attribute *attr,
			       const char *buf, size_t count)
{
	return pnv_attach_store(dev, buf, count, true);
}
static DEVICE_ATTR_WO(ns_attach);

static ssize_t ns_detach_store(struct device *dev, struct device_attribute *attr,
			       const char *buf, size_t count)
{
	return pnv_attach_store(dev, buf, count, false);
}
static DEVICE_ATTR_WO(ns_detach);

static struct attribute *pnv_attrs[] = {
	&dev_attr_state.attr,
	&dev_attr_serial.attr,
	&dev_attr_model.attr,
	&dev_attr_firmware.attr,
	&dev_attr_queues.attr,
	&dev_attr_interrupts.attr,
	&dev_attr_vfs.attr,
	&dev_attr_namespaces.attr,
	&dev_attr_attachments.attr,
	&dev_attr_formats.attr,
	&dev_attr_capacity.attr,
	&dev_attr_commands.attr,
	&dev_attr_events.attr,
	&dev_attr_on_demand.attr,
	&dev_attr_birth.attr,
	&dev_attr_death.attr,
	&dev_attr_ns_create.attr,
	&dev_attr_ns_delete.attr,
	&dev_attr_ns_format.attr,
	&dev_attr_ns_attach.attr,
	&dev_attr_ns_detach.attr,
	NULL
};

static const struct attribute_group pnv_group = {
	.name = "parley",
	.attrs = pnv_attrs,
};

const struct attribute_group *parley_nvme_groups[] = { &pnv_group, NULL };
