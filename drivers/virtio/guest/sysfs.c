// SPDX-License-Identifier: GPL-2.0-only
/*
 * What /sys/bus/parley/devices/parleyN shows: the device, and a directory with
 * the statistics of each queue.
 */
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <uapi/linux/virtio_config.h>
#include "guest.h"

static ssize_t device_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "0x%04x\n", to_parley_device(dev)->id.device);
}
static DEVICE_ATTR_RO(device);

static ssize_t vendor_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	return sysfs_emit(buf, "0x%04x\n", to_parley_device(dev)->id.vendor);
}
static DEVICE_ATTR_RO(vendor);

static ssize_t status_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct parley_vdev *v = to_parley_vdev(to_parley_device(dev));
	u8 status = PARLEY_STATUS_GONE;

	if (!parley_device_gone(&v->pd))
		status = v->ops->get_status(&v->pd);
	return sysfs_emit(buf, "0x%02x\n", status);
}
static DEVICE_ATTR_RO(status);

/*
 * One character for each bit, the lowest first: 64 of them, and more only where
 * the device has more.
 */
static ssize_t parley_bits_show(struct device *dev,
				const struct parley_features *set, char *buf)
{
	struct parley_vdev *v = to_parley_vdev(to_parley_device(dev));
	unsigned int i, nr = 64;

	if (parley_features_high(&v->m.offered))
		nr = PARLEY_FEATURE_BITS;
	for (i = 0; i < nr; i++)
		buf[i] = parley_features_has(set, i) ? '1' : '0';
	buf[nr] = '\n';
	return nr + 1;
}

static ssize_t features_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return parley_bits_show(dev, &to_parley_device(dev)->features, buf);
}
static DEVICE_ATTR_RO(features);

static ssize_t offered_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	return parley_bits_show(dev, &to_parley_vdev(to_parley_device(dev))->m.offered,
				buf);
}
static DEVICE_ATTR_RO(offered);

static ssize_t modalias_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	struct parley_device *pd = to_parley_device(dev);

	return sysfs_emit(buf, "parley:d%08Xv%08X\n", pd->id.device,
			  pd->id.vendor);
}
static DEVICE_ATTR_RO(modalias);

static ssize_t transport_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	return sysfs_emit(buf, "%s\n", to_parley_vdev(to_parley_device(dev))->ops->name);
}
static DEVICE_ATTR_RO(transport);

static ssize_t spurious_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "%llu\n", to_parley_vdev(to_parley_device(dev))->m.spurious);
}
static DEVICE_ATTR_RO(spurious);

static struct attribute *parley_device_attrs[] = {
	&dev_attr_device.attr,
	&dev_attr_vendor.attr,
	&dev_attr_status.attr,
	&dev_attr_features.attr,
	&dev_attr_offered.attr,
	&dev_attr_modalias.attr,
	&dev_attr_transport.attr,
	&dev_attr_spurious.attr,
	NULL,
};

static const struct attribute_group parley_device_group = {
	.attrs = parley_device_attrs,
};

const struct attribute_group *parley_device_groups[] = {
	&parley_device_group,
	NULL,
};

/* ---------------------------------------------------- parleyN/queueN/ */

/*
 * The directory outlives nothing: deleting it waits for readers, and it is
 * deleted before the queue.
 */
struct parley_queue_dir {
	struct kobject kobj;
	struct parley_queue *queue;
};

struct parley_queue_attr {
	struct attribute attr;
	ssize_t (*show)(struct parley_queue *queue, char *buf);
};

static ssize_t parley_queue_dir_show(struct kobject *kobj,
				     struct attribute *attr, char *buf)
{
	struct parley_queue_dir *dir =
		container_of(kobj, struct parley_queue_dir, kobj);
	struct parley_queue_attr *qattr =
		container_of(attr, struct parley_queue_attr, attr);

	return qattr->show(dir->queue, buf);
}

static const struct sysfs_ops parley_queue_dir_ops = {
	.show = parley_queue_dir_show,
};

static void parley_queue_dir_release(struct kobject *kobj)
{
	kfree(container_of(kobj, struct parley_queue_dir, kobj));
}

#define PARLEY_QUEUE_ATTR(_name, fmt, value)				\
static ssize_t queue_##_name##_show(struct parley_queue *queue,		\
				    char *buf)				\
{									\
	return sysfs_emit(buf, fmt "\n", value);			\
}									\
static struct parley_queue_attr queue_attr_##_name = {			\
	.attr = { .name = #_name, .mode = 0444 },			\
	.show = queue_##_name##_show,					\
}

/* Read without the queue's lock: a snapshot of counters that only grow. */
#define PARLEY_QUEUE_STAT(_name)					\
	PARLEY_QUEUE_ATTR(_name, "%llu",				\
			  READ_ONCE(parley_drvq_stats(queue->vq)->_name))

PARLEY_QUEUE_ATTR(name, "%s", queue->spec.name);
PARLEY_QUEUE_ATTR(size, "%u", parley_drvq_size(queue->vq));
PARLEY_QUEUE_ATTR(format, "%s",
		  parley_has_feature(queue->dev, VIRTIO_F_RING_PACKED) ?
		  "packed" : "split");
PARLEY_QUEUE_ATTR(vector, "%d", queue->vector);
PARLEY_QUEUE_ATTR(lock, "%s",
		  parley_qlock_is_pv(&queue->lock) ? "pvlock" : "spinlock");
PARLEY_QUEUE_ATTR(spurious, "%llu", READ_ONCE(queue->spurious));
PARLEY_QUEUE_ATTR(broken, "%d", parley_drvq_broken(queue->vq));
PARLEY_QUEUE_STAT(buffers);
PARLEY_QUEUE_STAT(completed);
PARLEY_QUEUE_STAT(publishes);
PARLEY_QUEUE_STAT(notified);
PARLEY_QUEUE_STAT(suppressed);
PARLEY_QUEUE_STAT(interrupts);
PARLEY_QUEUE_STAT(errors);

static struct attribute *parley_queue_attrs[] = {
	&queue_attr_name.attr,
	&queue_attr_size.attr,
	&queue_attr_format.attr,
	&queue_attr_vector.attr,
	&queue_attr_lock.attr,
	&queue_attr_spurious.attr,
	&queue_attr_broken.attr,
	&queue_attr_buffers.attr,
	&queue_attr_completed.attr,
	&queue_attr_publishes.attr,
	&queue_attr_notified.attr,
	&queue_attr_suppressed.attr,
	&queue_attr_interrupts.attr,
	&queue_attr_errors.attr,
	NULL,
};
ATTRIBUTE_GROUPS(parley_queue);

static const struct kobj_type parley_queue_dir_type = {
	.sysfs_ops = &parley_queue_dir_ops,
	.release = parley_queue_dir_release,
	.default_groups = parley_queue_groups,
};

/**
 * parley_queue_sysfs_add() - show a queue in sysfs
 * @queue: the queue, complete
 *
 * Return: 0 or an error.
 */
int parley_queue_sysfs_add(struct parley_queue *queue)
{
	struct parley_queue_dir *dir = kzalloc(sizeof(*dir), GFP_KERNEL);
	int err;

	if (!dir)
		return -ENOMEM;
	dir->queue = queue;
	err = kobject_init_and_add(&dir->kobj, &parley_queue_dir_type,
				   &queue->dev->dev.kobj, "queue%u",
				   queue->index);
	if (err) {
		kobject_put(&dir->kobj);
		return err;
	}
	queue->kobj = &dir->kobj;
	return 0;
}

/**
 * parley_queue_sysfs_del() - the mirror of add; readers are done afterwards
 * @queue: the queue; need not have been added
 */
void parley_queue_sysfs_del(struct parley_queue *queue)
{
	if (!queue->kobj)
		return;
	kobject_del(queue->kobj);
	kobject_put(queue->kobj);
	queue->kobj = NULL;
}
