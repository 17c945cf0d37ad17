// SPDX-License-Identifier: GPL-2.0-only
/*
 * vhost sched: the host's side of the paravirtual scheduling device.  See
 * Documentation/sched.rst and sched-abi.rst; the parts are in sched.h.
 */
#include <linux/capability.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <parley/export.h>
#include <parley/version.h>

#define CREATE_TRACE_POINTS
#include "trace.h"

#include "sched.h"

struct workqueue_struct *vhs_wq;
struct kthread_worker *vhs_ender;
/* Of the list; outside vm->boost. */
DEFINE_MUTEX(vhs_all_lock);
LIST_HEAD(vhs_all);

static void vhs_budget_apply(struct vhs *vm, u32 budget_us, u32 period_us)
{
	guard(vhs_boost)(&vm->boost);
	vm->budget_us = budget_us;
	vm->period_us = period_us;
	vhs_budget_set(&vm->budget, (u64)budget_us * NSEC_PER_USEC,
		       (u64)period_us * NSEC_PER_USEC, ktime_get_ns());
}

static int vhs_open(struct parley_vhost *dev)
{
	struct vhs *vm = parley_vhost_priv(dev);

	vm->dev = dev;
	rt_mutex_init(&vm->boost);
	mutex_init(&vm->counting);
	mutex_init(&vm->placing);
	vhs_clock_init(vm);
	vhs_budget_apply(vm, VHS_BUDGET_US, VHS_PERIOD_US);
	guard(mutex)(&vhs_all_lock);
	list_add_tail(&vm->all, &vhs_all);
	return 0;
}

static void vhs_release(struct parley_vhost *dev)
{
	struct vhs *vm = parley_vhost_priv(dev);

	scoped_guard(mutex, &vhs_all_lock)
		list_del(&vm->all);
	scoped_guard(vhs_boost, &vm->boost)
		vm->closing = true;
	vhs_vcpus_forget(vm, 0, vm->nr);
	vhs_boost_close(vm);
	vhs_place_free(vm);
	vhs_clock_exit(vm);
	kvfree(vm->vcpus);
	vm->vcpus = NULL;
	vm->nr = 0;
}

static int vhs_ready(struct parley_vhost *dev)
{
	struct vhs *vm = parley_vhost_priv(dev);

	if (vm->nr)
		return 0;
	pr_err_ratelimited("parley-sched %u: no vCPUs: PARLEY_SCHED_SET_NR_VCPUS comes before the rings\n",
			   parley_vhost_id(dev));
	return -ENODEV;
}

/* ------------------------------------------------------- the VMM's own calls */

/**
 * parley_vhost_sched_set_nr() - say how many vCPUs there are
 * @dev: device
 * @nr: of them
 *
 * Context: sleeps; dev->mutex held, or the device is not shared yet.
 * Return: 0; -EINVAL for none or too many; -EBUSY if it was said before; -ENOMEM.
 */
VISIBLE_IF_KUNIT int parley_vhost_sched_set_nr(struct parley_vhost *dev, u32 nr)
{
	struct vhs *vm = parley_vhost_priv(dev);
	struct vhs_vcpu *vcpus;
	unsigned int i;

	if (!nr || nr > PARLEY_SCHED_VCPUS_MAX)
		return -EINVAL;
	if (vm->nr)
		return -EBUSY;
	vcpus = kvcalloc(nr, sizeof(*vcpus), GFP_KERNEL_ACCOUNT);
	if (!vcpus)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		vcpus[i].vm = vm;
		vcpus[i].index = i;
		raw_spin_lock_init(&vcpus[i].lock);
		vhs_boost_init(&vcpus[i]);
		vhs_nice_init(&vcpus[i]);
	}
	scoped_guard(vhs_boost, &vm->boost) {
		vm->vcpus = vcpus;
		vm->nr = nr;
	}
	parley_vhost_config_changed(dev);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_vhost_sched_set_nr);

/**
 * parley_vhost_sched_set_budget() - say how much time requests may give
 * @dev: device
 * @b: so much
 *
 * Context: as parley_vhost_sched_set_nr().
 * Return: 0; -EINVAL for what is out of bounds; -EPERM for more than anybody may have.
 */
VISIBLE_IF_KUNIT
int parley_vhost_sched_set_budget(struct parley_vhost *dev,
				  const struct parley_sched_budget *b)
{
	if (b->period_us < VHS_PERIOD_MIN_US || b->period_us > VHS_PERIOD_MAX_US ||
	    b->budget_us > b->period_us / VHS_BUDGET_PART)
		return -EINVAL;
	if ((u64)b->budget_us * VHS_PERIOD_US > (u64)VHS_BUDGET_US * b->period_us &&
	    !capable(CAP_SYS_NICE))
		return -EPERM;
	vhs_budget_apply(parley_vhost_priv(dev), b->budget_us, b->period_us);
	parley_vhost_config_changed(dev);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_vhost_sched_set_budget);

/**
 * parley_vhost_sched_set_steps() - say how far hints may move nice values
 * @dev: device
 * @s: so far
 *
 * Context: as parley_vhost_sched_set_nr().
 * Return: as parley_vhost_sched_set_budget().
 */
VISIBLE_IF_KUNIT
int parley_vhost_sched_set_steps(struct parley_vhost *dev,
				 const struct parley_sched_steps *s)
{
	struct vhs *vm = parley_vhost_priv(dev);

	if (s->down > VHS_STEPS_MAX || s->up > VHS_STEPS_MAX)
		return -EINVAL;
	if (s->down && !capable(CAP_SYS_NICE))
		return -EPERM;
	scoped_guard(vhs_boost, &vm->boost) {
		WRITE_ONCE(vm->steps.down, s->down);
		WRITE_ONCE(vm->steps.up, s->up);
	}
	vhs_steps_start();
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_vhost_sched_set_steps);

/**
 * parley_vhost_sched_set_pmcs() - say what is to be counted of each vCPU
 * @dev: device
 * @c: that
 *
 * Context: as parley_vhost_sched_set_nr().
 * Return: as PARLEY_SCHED_SET_PMCS.
 */
VISIBLE_IF_KUNIT
int parley_vhost_sched_set_pmcs(struct parley_vhost *dev,
				const struct parley_sched_pmcs *c)
{
	return vhs_count_set(parley_vhost_priv(dev), c);
}
EXPORT_SYMBOL_IF_KUNIT(parley_vhost_sched_set_pmcs);

/** parley_vhost_sched_counts() - what was asked of @dev and what came of it, into @c */
void parley_vhost_sched_counts(struct parley_vhost *dev, struct parley_sched_counts *c)
{
	const struct vhs *vm = parley_vhost_priv(dev);

	*c = (struct parley_sched_counts){
		.requests = atomic64_read(&vm->counts.requests),
		.boosts = atomic64_read(&vm->counts.boosts),
		.needless = atomic64_read(&vm->counts.needless),
		.refused = atomic64_read(&vm->counts.refused),
		.bad = atomic64_read(&vm->counts.bad),
		.boosted_ns = atomic64_read(&vm->counts.boosted_ns),
		.areas = atomic64_read(&vm->counts.areas),
		.areas_refused = atomic64_read(&vm->counts.areas_refused),
	};
}
EXPORT_SYMBOL_IF_KUNIT(parley_vhost_sched_counts);

/** parley_vhost_sched_load() - what the guest of @dev says of its vCPUs, into @l */
VISIBLE_IF_KUNIT
void parley_vhost_sched_load(struct parley_vhost *dev, struct parley_sched_load *l)
{
	vhs_load(parley_vhost_priv(dev), l);
}
EXPORT_SYMBOL_IF_KUNIT(parley_vhost_sched_load);

static long vhs_ioctl_nr(struct parley_vhost *dev, void __user *arg)
{
	u32 nr;

	if (copy_from_user(&nr, arg, sizeof(nr)))
		return -EFAULT;
	return parley_vhost_sched_set_nr(dev, nr);
}

static long vhs_ioctl_vcpu(struct parley_vhost *dev, void __user *arg)
{
	struct parley_sched_vcpu v;

	if (copy_from_user(&v, arg, sizeof(v)))
		return -EFAULT;
	return parley_vhost_sched_set_tid(dev, v.index, v.tid);
}

static long vhs_ioctl_budget(struct parley_vhost *dev, void __user *arg)
{
	struct parley_sched_budget b;

	if (copy_from_user(&b, arg, sizeof(b)))
		return -EFAULT;
	return parley_vhost_sched_set_budget(dev, &b);
}

static long vhs_ioctl_steps(struct parley_vhost *dev, void __user *arg)
{
	struct parley_sched_steps s;

	if (copy_from_user(&s, arg, sizeof(s)))
		return -EFAULT;
	return parley_vhost_sched_set_steps(dev, &s);
}

static long vhs_ioctl_pmcs(struct parley_vhost *dev, void __user *arg)
{
	struct parley_sched_pmcs c;

	if (copy_from_user(&c, arg, sizeof(c)))
		return -EFAULT;
	return parley_vhost_sched_set_pmcs(dev, &c);
}

static long vhs_ioctl_nodes(struct parley_vhost *dev, void __user *arg)
{
	struct parley_sched_nodes n;
	int err;

	if (copy_from_user(&n, arg, sizeof(n)))
		return -EFAULT;
	err = vhs_place_set(parley_vhost_priv(dev), &n);
	if (!err)
		vhs_steps_start();
	return err;
}

static long vhs_ioctl_counts(struct parley_vhost *dev, void __user *arg)
{
	struct parley_sched_counts c;

	parley_vhost_sched_counts(dev, &c);
	return copy_to_user(arg, &c, sizeof(c)) ? -EFAULT : 0;
}

static long vhs_ioctl_load(struct parley_vhost *dev, void __user *arg)
{
	struct parley_sched_load l;

	parley_vhost_sched_load(dev, &l);
	return copy_to_user(arg, &l, sizeof(l)) ? -EFAULT : 0;
}

static long vhs_ioctl(struct parley_vhost *dev, unsigned int cmd, void __user *arg)
{
	switch (cmd) {
	case PARLEY_SCHED_SET_NR_VCPUS:
		return vhs_ioctl_nr(dev, arg);
	case PARLEY_SCHED_SET_VCPU:
		return vhs_ioctl_vcpu(dev, arg);
	case PARLEY_SCHED_SET_BUDGET:
		return vhs_ioctl_budget(dev, arg);
	case PARLEY_SCHED_SET_STEPS:
		return vhs_ioctl_steps(dev, arg);
	case PARLEY_SCHED_SET_PMCS:
		return vhs_ioctl_pmcs(dev, arg);
	case PARLEY_SCHED_SET_NODES:
		return vhs_ioctl_nodes(dev, arg);
	case PARLEY_SCHED_GET_COUNTS:
		return vhs_ioctl_counts(dev, arg);
	case PARLEY_SCHED_GET_LOAD:
		return vhs_ioctl_load(dev, arg);
	default:
		return vhs_clock_ioctl(dev, cmd, arg);
	}
}

static void vhs_config_read(struct parley_vhost *dev, void *config)
{
	const struct vhs *vm = parley_vhost_priv(dev);
	struct parley_sched_config cfg = {
		.version_min = cpu_to_le16(PARLEY_SCHED_VERSION),
		.version_max = cpu_to_le16(PARLEY_SCHED_VERSION),
		.nr_vcpus = cpu_to_le32(vm->nr),
		.budget_us = cpu_to_le32(vm->budget_us),
		.period_us = cpu_to_le32(vm->period_us),
	};

	memcpy(config, &cfg, sizeof(cfg));
}

static const struct parley_vhost_queue_ops *vhs_queue(unsigned int index)
{
	return index == PARLEY_SCHED_QUEUE_AREAS ? &vhs_area_ops : &vhs_request_ops;
}

static const struct parley_vhost_driver vhs_driver = {
	.name		= "sched",
	.owner		= THIS_MODULE,
	.device_id	= PARLEY_SCHED_DEVICE_ID,
	.features	= BIT_ULL(PARLEY_SCHED_F_YIELD) | BIT_ULL(PARLEY_SCHED_F_HINTS) |
			  BIT_ULL(PARLEY_SCHED_F_CLOCK) | BIT_ULL(PARLEY_SCHED_F_COUNT),
	.priv_size	= sizeof(struct vhs),
	.queue		= vhs_queue,
	.max_queues	= 2,
	.config_size	= sizeof(struct parley_sched_config),
	.open		= vhs_open,
	.release	= vhs_release,
	.ready		= vhs_ready,
	.ioctl		= vhs_ioctl,
	/* What may be asked depends on who asks, and on nobody's memory. */
	.ioctl_anybody	= true,
	.config_read	= vhs_config_read,
};

static int __init parley_vhost_sched_init(void)
{
	int err = -ENOMEM;

	vhs_wq = alloc_workqueue("parley_vhost_sched", WQ_UNBOUND | WQ_HIGHPRI, 0);
	if (!vhs_wq)
		return -ENOMEM;
	vhs_ender = kthread_run_worker(0, "parley_vhost_sched");
	if (IS_ERR(vhs_ender)) {
		err = PTR_ERR(vhs_ender);
		goto no_ender;
	}
	/* It changes a nice value, and waits for nobody who runs in its place meanwhile. */
	sched_set_fifo(vhs_ender->task);
	err = parley_vhost_register(&vhs_driver);
	if (err)
		goto no_driver;
	vhs_show_init();
	return 0;

no_driver:
	kthread_destroy_worker(vhs_ender);
no_ender:
	destroy_workqueue(vhs_wq);
	return err;
}

static void __exit parley_vhost_sched_exit(void)
{
	vhs_show_exit();
	parley_vhost_unregister(&vhs_driver);
	vhs_steps_stop();
	vhs_probe_exit();
	kthread_destroy_worker(vhs_ender);
	destroy_workqueue(vhs_wq);
}

module_init(parley_vhost_sched_init);
module_exit(parley_vhost_sched_exit);

PARLEY_IMPORT;
MODULE_DESCRIPTION("Parley host accelerator: scheduling of vCPUs");
MODULE_VERSION(PARLEY_VERSION);
MODULE_LICENSE("GPL");
