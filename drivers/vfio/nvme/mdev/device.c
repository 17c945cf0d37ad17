// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device, as VFIO has it.
 *
 * The function is handed out when the device is opened, and taken back when it is
 * closed.  Each time there are a new controller and a new configuration space, and
 * nothing has gone through the gate: nothing of an earlier user is left.
 *
 * What holds the guest's memory, in the order in which it comes; when the device is
 * closed it goes in the reverse order:
 *
 *	function	taken
 *	gate		nothing went through
 *	controller	disabled, so it reaches for nothing
 */
#include <linux/cleanup.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <parley/compat.h>
#include "mdev.h"

static struct parley_mdev *to_parley_mdev(struct vfio_device *vdev)
{
	return container_of(vdev, struct parley_mdev, vdev);
}

/* -------------------------------------------------------- migration */

static struct file *parley_mdev_set_state(struct vfio_device *vdev,
					  enum vfio_device_mig_state state)
{
	struct parley_mdev *m = to_parley_mdev(vdev);
	struct file *file = parley_mdev_migration_set(&m->migration, state);

	/* What came may say so. */
	guard(mutex)(&m->mutex);
	parley_mdev_pin_disable(&m->irqs, parley_mdev_config_no_pin(&m->config));
	return file;
}

static int parley_mdev_get_state(struct vfio_device *vdev,
				 enum vfio_device_mig_state *state)
{
	struct parley_mdev *m = to_parley_mdev(vdev);

	guard(mutex)(&m->mutex);
	*state = m->migration.state;
	return 0;
}

/* It is not longer than that. */
static int parley_mdev_data_size(struct vfio_device *vdev, unsigned long *length)
{
	*length = PARLEY_STATE_MAX;
	return 0;
}

static const struct vfio_migration_ops parley_mdev_mig_ops = {
	.migration_set_state = parley_mdev_set_state,
	.migration_get_state = parley_mdev_get_state,
	.migration_get_data_size = parley_mdev_data_size,
};

/* --------------------------------------------------------------- life */

/* The first digits of its name: the same on any machine, and no other has it. */
static void parley_mdev_name(struct parley_mdev *m, const char *uuid)
{
	char *to = m->serial;

	memset(m->serial, 0, sizeof(m->serial));
	for (; *uuid && to < m->serial + sizeof(m->serial) - 1; uuid++)
		if (*uuid != '-')
			*to++ = *uuid;
}

static struct parley_mdev_parent *parley_mdev_parent_of(struct vfio_device *vdev)
{
	struct mdev_device *mdev = to_mdev_device(vdev->dev);

	return container_of(mdev->type->parent, struct parley_mdev_parent, parent);
}

static int parley_mdev_init(struct vfio_device *vdev)
{
	struct parley_mdev *m = to_parley_mdev(vdev);
	struct parley_mdev_parent *p = parley_mdev_parent_of(vdev);
	int err;

	m->kind = parley_mdev_kind_of(to_mdev_device(vdev->dev)->type);
	m->vf = p->vf;
	err = parley_mdev_limits_make(&m->limits, p->drive, m->kind->queues);
	if (err)
		return err;
	m->gate.vdev = vdev;
	m->gate.dev = m->vf->n.dev;
	m->gate.serial = &m->emu.mutex;
	err = parley_gate_init(&m->gate, &parley_gate_vfio, &parley_mdev_gate_user);
	if (err) {
		parley_mdev_limits_free(&m->limits);
		return err;
	}
	mutex_init(&m->mutex);
	parley_mdev_irqs_init(&m->irqs);
	parley_mdev_rings_init(&m->rings);
	parley_mdev_dirty_init(&m->dirty);
	m->migration = (struct parley_mdev_migration) {
		.vdev = vdev,
		.emu = &m->emu,
		.config = &m->config,
		.serial = m->serial,
		.mutex = &m->mutex,
		.state = VFIO_DEVICE_STATE_RUNNING,
	};
	vdev->migration_flags = PARLEY_MDEV_MIGRATION;
	vdev->mig_ops = &parley_mdev_mig_ops;
#if IS_ENABLED(CONFIG_IOMMUFD_DRIVER)
	vdev->log_ops = &parley_mdev_log_ops;
#endif
	return 0;
}

static void parley_mdev_release(struct vfio_device *vdev)
{
	struct parley_mdev *m = to_parley_mdev(vdev);

	parley_mdev_limits_free(&m->limits);
	parley_mdev_dirty_exit(&m->dirty);
	parley_gate_exit(&m->gate);
	parley_mdev_rings_exit(&m->rings);
	parley_mdev_irqs_exit(&m->irqs);
	mutex_destroy(&m->mutex);
}

/* What the guest sees of it is the function's own, whose disk it is. */
static void parley_mdev_begin(struct parley_mdev *m)
{
	struct pci_dev *pdev = to_pci_dev(m->vf->n.dev);
	struct parley_mdev_ids ids = {
		.vendor = pdev->vendor,
		.device = pdev->device,
		.subvendor = pdev->subsystem_vendor,
		.subdevice = pdev->subsystem_device,
	};

	guard(mutex)(&m->mutex);
	parley_mdev_irqs_begin(&m->irqs, m->emu.nr_queues + 1);
	parley_mdev_config_init(&m->config, &ids, m->emu.nr_queues + 1);
}

/* What this user may do from now on, whatever is chosen for others meanwhile. */
static struct parley_policy *parley_mdev_policy(struct vfio_device *vdev)
{
	struct parley_mdev_parent *p = parley_mdev_parent_of(vdev);
	struct mdev_type *type = to_mdev_device(vdev->dev)->type;

	return parley_policy_folder_take(p->policies,
					 container_of(type, struct parley_mdev_type, type) -
					 p->types.type);
}

static int parley_mdev_open(struct vfio_device *vdev)
{
	struct parley_mdev *m = to_parley_mdev(vdev);
	struct parley_emu_config config = {
		.serial = m->serial,
		.queues = m->kind->queues,
		.grid_us = m->kind->grid_us,
		.limits = m->limits.queue,
		.polled = m->kind->polled,
	};
	uuid_t tenant;
	int err;

	/*
	 * Its group may have got another domain since it was bound, and somebody may still
	 * take away what went through the gate.
	 */
	err = parley_mdev_iommu_check(m->vf->n.dev) ?: parley_gate_begin(&m->gate);
	if (err)
		return err;
	m->dirty.memcg = m->gate.memcg;
	/* Whoever has the device's name is the tenant whose data are there. */
	err = uuid_parse(dev_name(vdev->dev), &tenant) ?:
	      parley_nvme_vf_take(m->vf, &tenant);
	if (err)
		goto fail_gate;
	err = parley_nvme_vf_memory(m->vf);
	if (err)
		goto fail;
	config.policy = parley_mdev_policy(vdev);
	memset(&m->emu, 0, sizeof(m->emu));
	/* An earlier user's may have come from elsewhere; this one's is in names and the log. */
	parley_mdev_name(m, dev_name(vdev->dev));
	err = parley_emu_init(&m->emu, m->vf, &parley_mdev_emu_ops, &config);
	parley_policy_put(config.policy);
	if (err)
		goto fail_memory;
	parley_mdev_begin(m);
	return 0;

fail_memory:
	parley_life_undo(&m->vf->life, PARLEY_LIFE_MEMORY);
fail:
	parley_nvme_vf_give_back(m->vf);
fail_gate:
	m->dirty.memcg = NULL;
	parley_gate_end(&m->gate);
	return err;
}

static void parley_mdev_close(struct vfio_device *vdev)
{
	struct parley_mdev *m = to_parley_mdev(vdev);

	parley_mdev_rings_free(&m->rings);
	scoped_guard(mutex, &m->mutex)
		parley_mdev_migration_end(&m->migration);
	/* With the last command the last page goes. */
	parley_emu_exit(&m->emu);
	parley_mdev_dirty_stop(&m->dirty);
	m->dirty.memcg = NULL;
	parley_gate_end(&m->gate);
	parley_life_undo(&m->vf->life, PARLEY_LIFE_MEMORY);
	parley_mdev_irqs_free(&m->irqs);
	parley_nvme_vf_give_back(m->vf);
}

/* ------------------------------------------------- reads and writes */

/* One piece, see region.c. */
static void parley_mdev_read_piece(struct parley_mdev *m, unsigned int region, u64 at,
				   u8 *data, unsigned int size)
{
	if (region == VFIO_PCI_CONFIG_REGION_INDEX) {
		guard(mutex)(&m->mutex);
		parley_mdev_config_raise(&m->config, parley_mdev_pin_raised(&m->irqs));
		parley_mdev_config_read(&m->config, at, data, size);
	} else {
		parley_mdev_bar_read(&m->emu, at, data, size);
	}
}

static void parley_mdev_write_piece(struct parley_mdev *m, unsigned int region, u64 at,
				    const u8 *data, unsigned int size)
{
	if (region == VFIO_PCI_CONFIG_REGION_INDEX) {
		guard(mutex)(&m->mutex);
		if (parley_mdev_config_write(&m->config, at, data, size))
			parley_emu_reset(&m->emu);
		parley_mdev_pin_disable(&m->irqs, parley_mdev_config_no_pin(&m->config));
	} else {
		parley_mdev_bar_write(&m->emu, at, data, size);
	}
}

static int parley_mdev_piece_rw(struct parley_mdev *m, unsigned int region, u64 at,
				char __user *buf, unsigned int size, bool write)
{
	u8 data[sizeof(u64)];

	if (write && copy_from_user(data, buf, size))
		return -EFAULT;
	if (write)
		parley_mdev_write_piece(m, region, at, data, size);
	else
		parley_mdev_read_piece(m, region, at, data, size);
	return !write && copy_to_user(buf, data, size) ? -EFAULT : 0;
}

static ssize_t parley_mdev_rw(struct vfio_device *vdev, char __user *buf, size_t count,
			      loff_t *ppos, bool write)
{
	unsigned int region, size;
	size_t left, done;
	u64 at;
	int err;

	left = parley_mdev_access(*ppos, count, &region, &at);
	if (!left)
		return -EINVAL;
	for (done = 0; done < left; done += size) {
		size = parley_mdev_piece(at + done, left - done);
		err = parley_mdev_piece_rw(to_parley_mdev(vdev), region, at + done, buf + done,
					   size, write);
		if (err)
			return err;
		cond_resched();
	}
	*ppos += left;
	return left;
}

static ssize_t parley_mdev_read(struct vfio_device *vdev, char __user *buf, size_t count,
				loff_t *ppos)
{
	return parley_mdev_rw(vdev, buf, count, ppos, false);
}

static ssize_t parley_mdev_write(struct vfio_device *vdev, const char __user *buf,
				 size_t count, loff_t *ppos)
{
	return parley_mdev_rw(vdev, (char __user *)buf, count, ppos, true);
}

/* -------------------------------------------------------- questions */

static long parley_mdev_info(struct vfio_device_info __user *arg)
{
	struct vfio_device_info info = {};
	size_t minsz = offsetofend(struct vfio_device_info, num_irqs);

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = VFIO_PCI_NUM_REGIONS;
	info.num_irqs = VFIO_PCI_NUM_IRQS;
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static int parley_mdev_region(struct vfio_device *vdev, struct vfio_region_info *info,
			      struct vfio_info_cap *caps)
{
	if (info->index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	info->size = parley_mdev_region_size(info->index);
	info->offset = PARLEY_MDEV_OFFSET(info->index);
	info->flags = info->size ? VFIO_REGION_INFO_FLAG_READ |
				   VFIO_REGION_INFO_FLAG_WRITE : 0;
	return parley_mdev_bells_tell(to_parley_mdev(vdev), info, caps);
}

static long parley_mdev_irq(struct parley_mdev *m, struct vfio_irq_info __user *arg)
{
	struct vfio_irq_info info = {};
	size_t minsz = offsetofend(struct vfio_irq_info, count);

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	/* There is no error that the hardware would tell of, see irqs.c. */
	if (info.argsz < minsz || info.index >= VFIO_PCI_NUM_IRQS ||
	    info.index == VFIO_PCI_ERR_IRQ_INDEX)
		return -EINVAL;
	info.count = parley_mdev_irqs_count(info.index, m->irqs.vectors);
	info.flags = parley_mdev_irqs_flags(info.index);
	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static long parley_mdev_set_irqs(struct parley_mdev *m, struct vfio_irq_set __user *arg)
{
	size_t minsz = offsetofend(struct vfio_irq_set, count), size;
	void *data __free(kfree) = NULL;
	struct vfio_irq_set set;
	int err;

	if (copy_from_user(&set, arg, minsz))
		return -EFAULT;
	err = parley_mdev_irqs_check(&set, m->irqs.vectors, &size);
	if (err)
		return err;
	if (size)
		data = memdup_user(&arg->data, size);
	if (IS_ERR(data))
		return PTR_ERR(data);
	/* What the controller is told of it is of the last who changed it. */
	guard(mutex)(&m->mutex);
	err = parley_mdev_irqs_set(&m->irqs, &set, data);
	parley_emu_wire(&m->emu, parley_mdev_irqs_wired(&m->irqs));
	return err;
}

static long parley_mdev_reset(struct parley_mdev *m)
{
	guard(mutex)(&m->mutex);
	parley_mdev_config_reset(&m->config);
	parley_emu_reset(&m->emu);
	parley_mdev_pin_disable(&m->irqs, false);
	parley_mdev_migration_reset(&m->migration);
	return 0;
}

static long parley_mdev_ring(struct parley_mdev *m,
			     struct vfio_device_ioeventfd __user *arg)
{
	size_t minsz = offsetofend(struct vfio_device_ioeventfd, fd);
	struct vfio_device_ioeventfd io = {};

	if (copy_from_user(&io, arg, minsz))
		return -EFAULT;
	return io.argsz < minsz ? -EINVAL : parley_mdev_rings_set(&m->rings, &m->emu, &io);
}

static long parley_mdev_ioctl(struct vfio_device *vdev, unsigned int cmd,
			      unsigned long arg)
{
	struct parley_mdev *m = to_parley_mdev(vdev);
	void __user *at = (void __user *)arg;

	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return parley_mdev_info(at);
#ifdef PARLEY_COMPAT_REGION_INFO
	case VFIO_DEVICE_GET_REGION_INFO:
		return parley_compat_region_info(vdev, at, parley_mdev_region);
#endif
	case VFIO_DEVICE_GET_IRQ_INFO:
		return parley_mdev_irq(m, at);
	case VFIO_DEVICE_SET_IRQS:
		return parley_mdev_set_irqs(m, at);
	case VFIO_DEVICE_IOEVENTFD:
		return parley_mdev_ring(m, at);
	case VFIO_DEVICE_RESET:
		return parley_mdev_reset(m);
	default:
		return -ENOTTY;
	}
}

/* A write to a register is ours to see, each of them; but for doorbells, see bells.c. */
static int parley_mdev_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	return parley_mdev_bells_mmap(to_parley_mdev(vdev), vma);
}

/* --------------------------------------------- what others take away */

static void parley_mdev_request(struct vfio_device *vdev, unsigned int count)
{
	struct parley_mdev *m = to_parley_mdev(vdev);

	if (parley_mdev_irqs_request(&m->irqs)) {
		if (count && !(count % 10))
			dev_notice_ratelimited(vdev->dev, "its user was asked %u times to leave it\n",
					       count + 1);
	} else if (!count) {
		dev_notice_ratelimited(vdev->dev, "is waited for: end the program that uses it\n");
	}
}

/*
 * Of an area the older container asks again, while it keeps its locks from others no longer
 * than we wait.  Of all there is, as when another address space takes the place of this one,
 * nobody asks again, and IOMMUFD holds no lock meanwhile.
 */
static void parley_mdev_dma_unmap(struct vfio_device *vdev, u64 iova, u64 length)
{
	bool all = !iova && length >= ULONG_MAX;

	while (!parley_gate_leave(&to_parley_mdev(vdev)->gate, iova, length)) {
		dev_warn_ratelimited(vdev->dev, "memory that is taken away is still used after %u s, which is waited for\n",
				     PARLEY_GATE_UNMAP_MS / 1000);
		if (!all)
			break;
	}
}

const struct vfio_device_ops parley_mdev_vfio_ops = {
	.name = "parley-nvme-mdev",
	.init = parley_mdev_init,
	.release = parley_mdev_release,
	.bind_iommufd = vfio_iommufd_emulated_bind,
	.unbind_iommufd = vfio_iommufd_emulated_unbind,
	.attach_ioas = vfio_iommufd_emulated_attach_ioas,
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,
	.open_device = parley_mdev_open,
	.close_device = parley_mdev_close,
	.read = parley_mdev_read,
	.write = parley_mdev_write,
	.ioctl = parley_mdev_ioctl,
#ifndef PARLEY_COMPAT_REGION_INFO
	.get_region_info_caps = parley_mdev_region,
#endif
	.mmap = parley_mdev_mmap,
	.request = parley_mdev_request,
	.dma_unmap = parley_mdev_dma_unmap,
};
