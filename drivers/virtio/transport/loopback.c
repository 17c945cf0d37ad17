// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loopback transport: making and ending a device, and what an
 * implementation tells its driver beside completions.  The contract is in
 * include/parley/loopback.h, the rules on locks in loopback_priv.h.
 */
#include <linux/idr.h>
#include <linux/pm.h>
#include <linux/slab.h>
#include <parley/version.h>
#include <uapi/linux/virtio_config.h>
#include "loopback_priv.h"

/* A bus address or a physical function is nothing that we could offer. */
#define LB_FEATURES_REFUSED	(BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) | \
				 BIT_ULL(VIRTIO_F_ORDER_PLATFORM) | \
				 BIT_ULL(VIRTIO_F_SR_IOV))

static DEFINE_IDA(lb_numbers);

static void lb_config_irq(struct irq_work *work)
{
	struct parley_loopback *lb =
		container_of(work, struct parley_loopback, config_call);

	parley_device_config_interrupt(&lb->vdev);
}

/* When this returns the driver's configuration interrupt does not run. */
void parley_lb_config_calls_off(struct parley_loopback *lb)
{
	scoped_guard(spinlock_irqsave, &lb->lock)
		lb->config_calls = false;
	irq_work_sync(&lb->config_call);
}

static int lb_suspend(struct device *dev)
{
	struct parley_loopback *lb = container_of(dev, struct parley_loopback,
						  host);
	int err;

	if (READ_ONCE(lb->gone))
		return 0;
	err = parley_device_freeze(&lb->vdev, PARLEY_HOLD_SLEEP);
	lb->frozen = !err;
	return err;
}

static int lb_resume(struct device *dev)
{
	struct parley_loopback *lb = container_of(dev, struct parley_loopback,
						  host);

	if (!lb->frozen)
		return 0;
	lb->frozen = false;
	return parley_device_restore(&lb->vdev, PARLEY_HOLD_SLEEP);
}

static DEFINE_SIMPLE_DEV_PM_OPS(lb_pm, lb_suspend, lb_resume);

static const struct device_type lb_host_type = {
	.name = "parley-loopback",
	.pm = pm_sleep_ptr(&lb_pm),
};

static void lb_host_release(struct device *dev)
{
	struct parley_loopback *lb = container_of(dev, struct parley_loopback,
						  host);

	if (lb->wq)
		destroy_workqueue(lb->wq);
	if (lb->number >= 0)
		ida_free(&lb_numbers, lb->number);
	kfree(lb->config);
	kfree(lb);
	/* Whoever kept the device kept this function. */
	module_put(THIS_MODULE);
}

/* The guest device lives inside the object whose last reference this drops. */
static void lb_guest_release(struct device *dev)
{
	struct parley_device *pd = to_parley_device(dev);

	put_device(&pd_to_lb(pd)->host);
}

static int lb_config_check(const struct parley_loopback_config *cfg)
{
	if (!cfg->ops || !cfg->ops->kick || !cfg->id.device)
		return -EINVAL;
	if (!cfg->nr_queues || cfg->nr_queues > U16_MAX)
		return -EINVAL;
	if (!cfg->queue_size || cfg->queue_size > PARLEY_VQ_SIZE_MAX)
		return -EINVAL;
	if (cfg->features & LB_FEATURES_REFUSED)
		return -EINVAL;
	return cfg->config_len && !cfg->config ? -EINVAL : 0;
}

static int lb_init(struct parley_loopback *lb,
		   const struct parley_loopback_config *cfg)
{
	unsigned int i;
	int err;

	lb->number = ida_alloc(&lb_numbers, GFP_KERNEL);
	if (lb->number < 0)
		return lb->number;
	err = dev_set_name(&lb->host, "parley-loopback%d", lb->number);
	if (err)
		return err;
	if (cfg->config_len) {
		lb->config = kmemdup(cfg->config, cfg->config_len, GFP_KERNEL);
		if (!lb->config)
			return -ENOMEM;
		lb->config_len = cfg->config_len;
	}
	/*
	 * Unbound, so that a device does not compete with its driver for one
	 * processor; reclaim, because a file system may write through it.
	 */
	lb->wq = alloc_workqueue("parley-lb%d", WQ_UNBOUND | WQ_MEM_RECLAIM, 0,
				 lb->number);
	if (!lb->wq)
		return -ENOMEM;
	for (i = 0; i < lb->nr_queues; i++)
		parley_lb_queue_init(lb, i);
	return 0;
}

static struct parley_loopback *
lb_alloc(const struct parley_loopback_config *cfg)
{
	struct parley_loopback *lb;

	lb = kzalloc(struct_size(lb, queues, cfg->nr_queues), GFP_KERNEL);
	if (!lb)
		return NULL;
	__module_get(THIS_MODULE);
	lb->nr_queues = cfg->nr_queues;
	lb->number = -1;
	lb->ops = cfg->ops;
	lb->priv = cfg->priv;
	lb->queue_size = cfg->queue_size;
	parley_features_set(&lb->features, cfg->features, cfg->features_high);
	parley_features_add(&lb->features, VIRTIO_F_VERSION_1);
	mutex_init(&lb->mutex);
	spin_lock_init(&lb->lock);
	/* As in parley_lb_queue_init(). */
	init_irq_work(&lb->config_call, lb_config_irq);
	device_initialize(&lb->host);
	lb->host.type = &lb_host_type;
	lb->host.release = lb_host_release;
	lb->vdev.pd.id = cfg->id;
	lb->vdev.ops = &parley_loopback_transport;
	lb->vdev.pd.dev.release = lb_guest_release;
	return lb;
}

/**
 * parley_loopback_create() - make a device and let a front-end find it
 * @cfg: what it is; needed only during the call, but for the operations
 *
 * A front-end that is loaded is probed before this returns; whether it accepted
 * the device is to be seen on the guest bus, and no error of this function.
 *
 * Context: may sleep; operations of @cfg are called.
 * Return: the device, or an error pointer: -EINVAL for a configuration that
 * makes no sense, -ENOMEM.
 */
struct parley_loopback *
parley_loopback_create(const struct parley_loopback_config *cfg)
{
	struct parley_loopback *lb;
	int err;

	err = lb_config_check(cfg);
	if (err)
		return ERR_PTR(err);
	lb = lb_alloc(cfg);
	if (!lb)
		return ERR_PTR(-ENOMEM);
	err = lb_init(lb, cfg);
	if (err)
		goto put;
	err = device_add(&lb->host);
	if (err)
		goto put;
	/* Dropped by lb_guest_release(). */
	get_device(&lb->host);
	err = parley_device_register(&lb->vdev, &lb->host);
	if (err)
		goto put_guest;
	return lb;

put_guest:
	put_device(&lb->vdev.pd.dev);
	device_del(&lb->host);
put:
	put_device(&lb->host);
	return ERR_PTR(err);
}
PARLEY_EXPORT(parley_loopback_create);

/**
 * parley_loopback_destroy() - end a device
 * @lb: the device
 *
 * The front-end is unbound first, with a device that still answers, unless
 * parley_loopback_vanish() was called.
 *
 * Context: may sleep; not from an operation of the device.
 */
void parley_loopback_destroy(struct parley_loopback *lb)
{
	get_device(&lb->host);
	parley_device_unregister(&lb->vdev);
	scoped_guard(mutex, &lb->mutex) {
		parley_lb_config_calls_off(lb);
		parley_lb_queues_stop(lb);
		WRITE_ONCE(lb->ops, NULL);
	}
	destroy_workqueue(no_free_ptr(lb->wq));
	device_del(&lb->host);
	put_device(&lb->host);
	put_device(&lb->host);
}
PARLEY_EXPORT(parley_loopback_destroy);

void *parley_loopback_priv(const struct parley_loopback *lb)
{
	return lb->priv;
}
PARLEY_EXPORT(parley_loopback_priv);

/**
 * parley_loopback_features() - what the driver accepted
 * @lb: the device
 *
 * Return: the first 64 feature bits; constant while a queue is started.
 */
u64 parley_loopback_features(const struct parley_loopback *lb)
{
	return parley_features_low(&lb->accepted);
}
PARLEY_EXPORT(parley_loopback_features);

/**
 * parley_loopback_device() - the device as the guest sees it
 * @lb: the device
 *
 * Return: the guest device, valid until parley_loopback_destroy().
 */
struct parley_device *parley_loopback_device(struct parley_loopback *lb)
{
	return &lb->vdev.pd;
}
PARLEY_EXPORT(parley_loopback_device);

/**
 * parley_loopback_config_update() - change bytes of the configuration
 * @lb: the device
 * @offset: first byte
 * @buf: the new bytes
 * @len: how many; what goes beyond the end is ignored
 *
 * The change is atomic for the driver and counts as a new generation (spec
 * 2.5).  It is not announced; see parley_loopback_config_changed().
 *
 * Context: any.
 */
void parley_loopback_config_update(struct parley_loopback *lb,
				   unsigned int offset, const void *buf,
				   unsigned int len)
{
	if (offset >= lb->config_len)
		return;
	len = min(len, lb->config_len - offset);
	scoped_guard(spinlock_irqsave, &lb->lock) {
		memcpy(lb->config + offset, buf, len);
		WRITE_ONCE(lb->generation, lb->generation + 1);
	}
}
PARLEY_EXPORT(parley_loopback_config_update);

/**
 * parley_loopback_config_changed() - raise a configuration interrupt
 * @lb: the device
 *
 * Dropped unless the driver has said DRIVER_OK (spec 2.3).
 *
 * Context: any.
 */
void parley_loopback_config_changed(struct parley_loopback *lb)
{
	scoped_guard(spinlock_irqsave, &lb->lock) {
		if (lb->config_calls)
			irq_work_queue(&lb->config_call);
	}
}
PARLEY_EXPORT(parley_loopback_config_changed);

/**
 * parley_loopback_needs_reset() - tell the driver that the device gave up
 * @lb: the device
 *
 * Sets DEVICE_NEEDS_RESET and, after DRIVER_OK, raises a configuration
 * interrupt (spec 2.1.2).
 *
 * Context: any.
 */
void parley_loopback_needs_reset(struct parley_loopback *lb)
{
	scoped_guard(spinlock_irqsave, &lb->lock)
		WRITE_ONCE(lb->status,
			   lb->status | VIRTIO_CONFIG_S_NEEDS_RESET);
	parley_loopback_config_changed(lb);
}
PARLEY_EXPORT(parley_loopback_needs_reset);

/**
 * parley_loopback_vanish() - surprise removal
 * @lb: the device
 *
 * From now on the device reads as all ones, takes no kick, and answers nothing.
 * Queues are stopped.  parley_loopback_destroy() is still to be called.
 *
 * Context: may sleep; not from an operation of the device.
 */
void parley_loopback_vanish(struct parley_loopback *lb)
{
	scoped_guard(spinlock_irqsave, &lb->lock)
		WRITE_ONCE(lb->gone, true);
	scoped_guard(mutex, &lb->mutex) {
		parley_lb_config_calls_off(lb);
		parley_lb_queues_stop(lb);
	}
	parley_device_surprise(&lb->vdev);
}
PARLEY_EXPORT(parley_loopback_vanish);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley loopback transport: guest devices implemented in this kernel");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
