// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mediated controllers come and go, by two files of their class.
 *
 * What is added is ours until it is removed, whether or not somebody has it open: in
 * between nobody else speaks to the real controller.
 */
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/kstrtox.h>
#include <linux/module.h>
#include <linux/string.h>
#include <parley/compat.h>
#include <parley/export.h>
#include <parley/version.h>
#include "device.h"

#define PH_NAME		"parley_hci"
/* Numbers of real controllers that can be mediated. */
#define PH_CONTROLLERS	64

/* Guards the list, that a number is there once, and that there are no more to come. */
static DEFINE_MUTEX(ph_lock);
static LIST_HEAD(ph_devs);
static bool ph_ending;
static dev_t ph_first;

/* ---------------------------------------------------------- attributes */

static ssize_t controller_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct parley_hci_dev *d = container_of(dev, struct parley_hci_dev, dev);

	return sysfs_emit(buf, "hci%u\n", d->index);
}
static DEVICE_ATTR_RO(controller);

static ssize_t state_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct parley_hci_dev *d = container_of(dev, struct parley_hci_dev, dev);
	const char *state = "free";

	guard(mutex)(&d->lock);
	if (d->lost)
		state = "lost";
	else if (d->open)
		state = d->broken ? "broken" : "open";
	return sysfs_emit(buf, "%s\n", state);
}
static DEVICE_ATTR_RO(state);

static ssize_t counts_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	static const char *const name[PARLEY_HCI_COUNTS] = {
		[PARLEY_HCI_MALFORMED_DOWN] = "malformed_from_guest",
		[PARLEY_HCI_MALFORMED_UP] = "malformed_from_controller",
		[PARLEY_HCI_STRAY] = "without_link",
		[PARLEY_HCI_CUTS] = "links_cut",
		[PARLEY_HCI_TOO_MANY] = "links_too_many",
		[PARLEY_HCI_NO_ROOM] = "without_room",
	};
	struct parley_hci_dev *d = container_of(dev, struct parley_hci_dev, dev);
	unsigned int i;
	int len = 0;

	guard(mutex)(&d->lock);
	for (i = 0; i < PARLEY_HCI_COUNTS; i++)
		len += sysfs_emit_at(buf, len, "%s %llu\n", name[i], d->hci->count[i]);
	return len;
}
static DEVICE_ATTR_RO(counts);

static struct attribute *ph_attrs[] = {
	&dev_attr_controller.attr,
	&dev_attr_state.attr,
	&dev_attr_counts.attr,
	NULL
};
ATTRIBUTE_GROUPS(ph);

/* -------------------------------------------------------------- devices */

static ssize_t add_store(const struct class *class, const struct class_attribute *attr,
			 const char *buf, size_t count);
static ssize_t remove_store(const struct class *class, const struct class_attribute *attr,
			    const char *buf, size_t count);

static CLASS_ATTR_WO(add);
static CLASS_ATTR_WO(remove);

static struct attribute *ph_class_attrs[] = {
	&class_attr_add.attr,
	&class_attr_remove.attr,
	NULL
};
ATTRIBUTE_GROUPS(ph_class);

static const struct class ph_class = {
	.name = PH_NAME,
	.class_groups = ph_class_groups,
};

static void ph_free(struct device *dev)
{
	parley_hci_dev_free(container_of(dev, struct parley_hci_dev, dev));
}

/* What has no device yet; the mirror is put_device(). */
static struct parley_hci_dev *ph_new(u16 index)
{
	struct parley_hci_dev *d = parley_hci_dev_new(&parley_hci_lower_ops);

	if (!d)
		return NULL;
	device_initialize(&d->dev);
	d->dev.class = &ph_class;
	d->dev.groups = ph_groups;
	d->dev.release = ph_free;
	d->dev.devt = MKDEV(MAJOR(ph_first), MINOR(ph_first) + index);
	cdev_init(&d->cdev, &parley_hci_fops);
	d->cdev.owner = THIS_MODULE;
	d->hci->name = PH_NAME;
	return d;
}

/* What can be opened appears last: who does finds everything there. */
static int ph_appear(struct parley_hci_dev *d)
{
	static const char *const types[] = { "hci" };
	int err = dev_set_name(&d->dev, PH_NAME "%u", d->index);

	if (err)
		return err;
	d->hci->name = dev_name(&d->dev);
	err = device_add(&d->dev);
	if (err)
		return err;
	d->folder = parley_policy_folder_add(&d->dev.kobj, &parley_hci_language,
					     parley_hci_policy, types, ARRAY_SIZE(types));
	if (IS_ERR(d->folder)) {
		err = PTR_ERR(d->folder);
		goto del;
	}
	cdev_set_parent(&d->cdev, &d->dev.kobj);
	err = cdev_add(&d->cdev, d->dev.devt, 1);
	if (!err)
		return 0;
	parley_policy_folder_remove(d->folder);
del:
	device_del(&d->dev);
	return err;
}

static int ph_add(u16 index)
{
	struct parley_hci_dev *d;
	int err;

	lockdep_assert_held(&ph_lock);
	if (ph_ending)
		return -ENODEV;
	list_for_each_entry(d, &ph_devs, node)
		if (d->index == index)
			return -EEXIST;
	d = ph_new(index);
	if (!d)
		return -ENOMEM;
	err = parley_hci_dev_have(d, index);
	if (err)
		goto put;
	err = ph_appear(d);
	if (err)
		goto close;
	list_add_tail(&d->node, &ph_devs);
	return 0;
close:
	parley_hci_dev_let_go(d);
put:
	put_device(&d->dev);
	return err;
}

static void ph_remove(struct parley_hci_dev *d)
{
	lockdep_assert_held(&ph_lock);
	list_del(&d->node);
	cdev_del(&d->cdev);
	parley_policy_folder_remove(d->folder);
	device_del(&d->dev);
	parley_hci_dev_let_go(d);
	put_device(&d->dev);
}

/* After this nobody can open it; false if somebody has. */
static bool ph_retire(struct parley_hci_dev *d)
{
	guard(mutex)(&d->lock);
	if (d->open)
		return false;
	WRITE_ONCE(d->lost, true);
	return true;
}

/* --------------------------------------------------------------- files */

/* "hci0" and so on, and nothing else. */
static int ph_index(const char *buf, u16 *index)
{
	char name[16];
	int err;

	if (strscpy(name, buf, sizeof(name)) < 0)
		return -EINVAL;
	if (strncmp(strim(name), "hci", 3))
		return -EINVAL;
	err = kstrtou16(strim(name) + 3, 10, index);
	return err ?: *index < PH_CONTROLLERS ? 0 : -ERANGE;
}

static ssize_t add_store(const struct class *class, const struct class_attribute *attr,
			 const char *buf, size_t count)
{
	u16 index;
	int err = ph_index(buf, &index);

	if (err)
		return err;
	guard(mutex)(&ph_lock);
	err = ph_add(index);
	return err ?: count;
}

static ssize_t remove_store(const struct class *class, const struct class_attribute *attr,
			    const char *buf, size_t count)
{
	struct parley_hci_dev *d;
	u16 index;
	int err = ph_index(buf, &index);

	if (err)
		return err;
	guard(mutex)(&ph_lock);
	list_for_each_entry(d, &ph_devs, node) {
		if (d->index != index)
			continue;
		if (!ph_retire(d))
			return -EBUSY;
		ph_remove(d);
		return count;
	}
	return -ENODEV;
}

/* -------------------------------------------------------------- module */

static int __init ph_start(void)
{
	int err = alloc_chrdev_region(&ph_first, 0, PH_CONTROLLERS, PH_NAME);

	if (err)
		return err;
	err = class_register(&ph_class);
	if (err)
		unregister_chrdev_region(ph_first, PH_CONTROLLERS);
	return err;
}
module_init(ph_start);

/* Whoever has one open has the module.  The files are there until the class is gone. */
static void __exit ph_stop(void)
{
	struct parley_hci_dev *d, *next;

	scoped_guard(mutex, &ph_lock) {
		ph_ending = true;
		list_for_each_entry_safe(d, next, &ph_devs, node) {
			ph_retire(d);
			ph_remove(d);
		}
	}
	class_unregister(&ph_class);
	unregister_chrdev_region(ph_first, PH_CONTROLLERS);
}
module_exit(ph_stop);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley: Bluetooth controllers for guests, which pair securely or not at all");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
