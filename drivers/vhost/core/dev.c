// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device: one open file of /dev/parley-NAME, or what parley_vhost_open() made.
 *
 * It is bound to the memory of the process that calls VHOST_SET_OWNER; other
 * processes that have the file may not change it from then on.  Its workers are
 * threads of that process.
 *
 * The registry gives each device a number, for netlink and for messages.  A
 * look-up takes a reference, which keeps the memory of the device and the module
 * of its accelerator, not the device alive: after its file was released it is
 * dead, and holds nothing more.
 */
#include <linux/slab.h>
#include <linux/xarray.h>

#include "config.h"
#include "dev.h"
#include "devq.h"
#include "dirty.h"
#include "iotlb.h"
#include "limit.h"
#include "pool.h"
#include "ring.h"
#include "state.h"
#include "vq.h"
#include "worker.h"

DEFINE_MUTEX(parley_vhost_registry_lock);
void (*vh_dev_moved)(const struct parley_vhost *dev, bool there);
static DEFINE_XARRAY_ALLOC1(registry);

/* ------------------------------------------------------------- registry */

/**
 * vh_dev_get() - find a device by its number
 * @id: number
 *
 * Return: the device with a reference for vh_dev_put(), or NULL.
 */
struct parley_vhost *vh_dev_get(u32 id)
{
	struct parley_vhost *dev;

	guard(mutex)(&parley_vhost_registry_lock);
	dev = xa_load(&registry, id);
	if (dev)
		kref_get(&dev->ref);
	return dev;
}
EXPORT_SYMBOL_IF_KUNIT(vh_dev_get);

/**
 * vh_dev_next() - the first device with at least this number
 * @id: where to begin; its number afterwards
 *
 * Return: as vh_dev_get().
 */
struct parley_vhost *vh_dev_next(u32 *id)
{
	struct parley_vhost *dev;
	unsigned long at = *id;

	guard(mutex)(&parley_vhost_registry_lock);
	dev = xa_find(&registry, &at, U32_MAX, XA_PRESENT);
	if (dev) {
		kref_get(&dev->ref);
		*id = at;
	}
	return dev;
}

/* Rings that nobody could name yet, some of them not there, or cannot any more. */
static void vh_dev_free_vqs(struct parley_vhost_vq **vqs, unsigned int nr)
{
	while (nr--) {
		if (!vqs[nr])
			continue;
		vh_vq_release(vqs[nr]);
		/* Whoever ended its last request may still be in parley_vhost_req_done(). */
		kfree_rcu(vqs[nr], rcu);
	}
	kfree(vqs);
}

static void vh_dev_free(struct kref *ref)
{
	struct parley_vhost *dev = container_of(ref, struct parley_vhost, ref);
	struct module *owner = dev->drv->owner;

	vh_limit_close(dev);
	vh_dev_free_vqs(dev->vqs, dev->nr_vqs);
	kvfree(dev->priv);
	xa_destroy(&dev->workers);
	kfree(dev);
	module_put(owner);
}

/** vh_dev_put() - let go of a device; may sleep */
void vh_dev_put(struct parley_vhost *dev)
{
	kref_put(&dev->ref, vh_dev_free);
}
EXPORT_SYMBOL_IF_KUNIT(vh_dev_put);

/* ------------------------------------------------------ made and released */

/* Reserves a number; look-ups find nothing under it yet. */
static int vh_dev_number(struct parley_vhost *dev)
{
	guard(mutex)(&parley_vhost_registry_lock);
	return xa_alloc(&registry, &dev->id, XA_ZERO_ENTRY,
			XA_LIMIT(1, INT_MAX), GFP_KERNEL);
}

static void vh_dev_unnumber(struct parley_vhost *dev)
{
	guard(mutex)(&parley_vhost_registry_lock);
	xa_erase(&registry, dev->id);
}

/**
 * vh_dev_create() - make a device
 * @drv: its accelerator, which cannot be unregistered during the call
 * @in_kernel: there is no VMM
 *
 * Return: the device, to be released with vh_dev_release(); ERR_PTR(-ENOMEM),
 * -ENFILE if there are too many, -ENODEV if the accelerator is going, or what its
 * open() says.
 */
struct parley_vhost *vh_dev_create(const struct parley_vhost_driver *drv,
				   bool in_kernel)
{
	struct parley_vhost *dev;
	int err = -ENOMEM;

	if (!try_module_get(drv->owner))
		return ERR_PTR(-ENODEV);
	dev = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);
	if (!dev) {
		module_put(drv->owner);
		return ERR_PTR(-ENOMEM);
	}
	dev->drv = drv;
	kref_init(&dev->ref);
	mutex_init(&dev->mutex);
	spin_lock_init(&dev->config_lock);
	xa_init_flags(&dev->workers, XA_FLAGS_ALLOC);
	vh_iotlb_init(&dev->iotlb);
	vh_log_init(&dev->log);
	dev->in_kernel = in_kernel;
	dev->fork_owner = VHOST_FORK_OWNER_TASK;
	dev->priv = kvzalloc(max(drv->priv_size, 1), GFP_KERNEL_ACCOUNT);
	if (!dev->priv)
		goto put;
	err = vh_limit_open(dev) ?: vh_dev_number(dev);
	if (err)
		goto put;
	snprintf(dev->label, sizeof(dev->label), "%s-%u", drv->name, dev->id);
	if (drv->open) {
		scoped_guard(mutex, &dev->mutex)
			err = drv->open(dev);
		if (err)
			goto unnumber;
	}
	scoped_guard(mutex, &parley_vhost_registry_lock)
		xa_store(&registry, dev->id, dev, GFP_KERNEL);
	if (vh_dev_moved)
		vh_dev_moved(dev, true);
	return dev;
unnumber:
	vh_dev_unnumber(dev);
put:
	vh_dev_put(dev);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_IF_KUNIT(vh_dev_create);

static void vh_dev_stop(struct parley_vhost *dev)
{
	unsigned int i;

	for (i = 0; i < dev->nr_vqs; i++)
		parley_vhost_vq_stop(dev->vqs[i]);
}

/* Files that the accelerator left to us; the device may be remembered for longer. */
static void vh_dev_unwatch(struct parley_vhost *dev)
{
	unsigned int i;

	for (i = 0; i < dev->nr_vqs; i++)
		parley_vhost_vq_unwatch(dev->vqs[i]);
}

/* Nothing that an owner gave us remains. */
static void vh_dev_disown(struct parley_vhost *dev)
{
	unsigned int i;

	vh_dev_stop(dev);
	vh_workers_destroy(dev);
	for (i = 0; i < dev->nr_vqs; i++)
		vh_vq_reset(dev->vqs[i]);
	vh_iotlb_release(dev);
	vh_log_release(dev);
	/* Under the mutexes, for who asks about the device by its number. */
	vh_dev_set_mem(dev, NULL);
	vh_config_call_set(dev, VHOST_FILE_UNBIND);
	vh_dev_forget_features(dev);
	dev->backend_features = 0;
	vh_pool_disown(dev);
	vh_owner_drop(&dev->owner);
}

/**
 * vh_dev_release() - the file is released
 * @dev: device; nobody uses it any more, but for references by number
 *
 * It keeps its number until the last request has ended: an operator who looks for
 * what a process that does not end waits for finds it.
 *
 * Context: any mm, or none; waits for requests in flight.
 */
void vh_dev_release(struct parley_vhost *dev)
{
	scoped_guard(mutex, &dev->mutex) {
		dev->dead = true;
		vh_dev_disown(dev);
		if (dev->drv->release)
			dev->drv->release(dev);
		vh_dev_unwatch(dev);
		vh_limit_close(dev);
	}
	vh_dev_unnumber(dev);
	if (vh_dev_moved)
		vh_dev_moved(dev, false);
	vh_dev_put(dev);
}
EXPORT_SYMBOL_IF_KUNIT(vh_dev_release);

/* ------------------------------------------------------------------ rings */

static int vh_dev_alloc_vq(struct parley_vhost *dev, struct parley_vhost_vq **vqs,
			   unsigned int index)
{
	struct parley_vhost_vq *vq = kzalloc(sizeof(*vq), GFP_KERNEL_ACCOUNT);

	if (!vq)
		return -ENOMEM;
	vh_vq_init(vq, dev, index);
	vh_ask_init(vq);
	vqs[index] = vq;
	/* What was agreed upon before. */
	return dev->iotlb.on ? vh_iotlb_alloc_vq(vq) : 0;
}

/*
 * A ring and the limits of one are some 2 KiB, so a device has none until somebody
 * uses it, and no more than that one says.  They stay until the device goes, for who
 * found them by netlink.
 */
static int vh_dev_make_vqs(struct parley_vhost *dev)
{
	unsigned int i, nr = vh_dev_max_vqs(dev);
	struct parley_vhost_vq **vqs;
	int err = 0;

	lockdep_assert_held(&dev->mutex);
	if (dev->nr_vqs)
		return 0;
	vqs = kcalloc(nr, sizeof(*vqs), GFP_KERNEL_ACCOUNT);
	if (!vqs)
		return -ENOMEM;
	for (i = 0; i < nr && !err; i++)
		err = vh_dev_alloc_vq(dev, vqs, i);
	err = err ?: vh_limit_rings(dev, vqs, nr);
	if (err)
		vh_dev_free_vqs(vqs, nr);
	return err;
}

/**
 * vh_dev_want_vqs() - how many rings a device shall have
 * @dev: device, under dev->mutex
 * @nr: how many
 *
 * Return: 0; -EINVAL for none, or more than its kind may have; -EBUSY if it has others.
 */
int vh_dev_want_vqs(struct parley_vhost *dev, unsigned int nr)
{
	lockdep_assert_held(&dev->mutex);
	if (!nr || nr > dev->drv->max_queues)
		return -EINVAL;
	if (dev->nr_vqs && dev->nr_vqs != nr)
		return -EBUSY;
	WRITE_ONCE(dev->want_vqs, nr);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vh_dev_want_vqs);

/* ------------------------------------------------------------------ owner */

/**
 * vh_dev_set_owner() - the caller's memory is the guest's
 * @dev: device without an owner, under dev->mutex
 *
 * Return: 0; -EBUSY if there is one; -ENOMEM; what making a worker says.
 */
long vh_dev_set_owner(struct parley_vhost *dev)
{
	struct vh_worker *worker;
	unsigned int i;
	int err;

	lockdep_assert_held(&dev->mutex);
	if (dev->owned)
		return -EBUSY;
	err = vh_dev_make_vqs(dev);
	if (err)
		return err;
	if (!dev->in_kernel)
		vh_owner_take(&dev->owner);
	dev->owner_pid = task_tgid_nr(current);
	worker = vh_worker_create(dev);
	if (IS_ERR(worker)) {
		vh_owner_drop(&dev->owner);
		return PTR_ERR(worker);
	}
	for (i = 0; i < dev->nr_vqs; i++)
		vh_worker_attach(dev->vqs[i], worker);
	smp_store_release(&dev->owned, true);	/* pairs with vh_pool_attach() */
	return 0;
}

/**
 * vh_dev_reset_owner() - as if the file had just been opened
 * @dev: device, under dev->mutex
 *
 * The accelerator's own settings stay.
 *
 * Return: 0.
 */
long vh_dev_reset_owner(struct parley_vhost *dev)
{
	lockdep_assert_held(&dev->mutex);
	vh_dev_disown(dev);
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vh_dev_reset_owner);

/**
 * parley_vhost_set_owner() - take a device of the kernel's own into use
 * @dev: from parley_vhost_open()
 *
 * Context: may sleep; takes dev->mutex.
 * Return: as VHOST_SET_OWNER.
 */
int parley_vhost_set_owner(struct parley_vhost *dev)
{
	guard(mutex)(&dev->mutex);
	return vh_dev_set_owner(dev);
}
PARLEY_EXPORT(parley_vhost_set_owner);

/* --------------------------------------------------------------- memory */

/* Nothing is in flight that knows an address of this region: forget it as well. */
static void vh_dev_forget_region(struct parley_vhost *dev, const struct parley_region *gone,
				 const struct vh_mem *mem)
{
	unsigned int i;

	for (i = 0; i < dev->nr_vqs; i++) {
		struct parley_vhost_vq *vq = dev->vqs[i];

		if (dev->iotlb.on)
			vh_iotlb_forget(vq, gone, mem);
		else if (vh_vq_loses(vq, gone, mem))
			vh_vq_break(vq, "the VMM took its memory away");
	}
}

/* Every ring stands still, or nothing goes and all may run. */
static void vh_dev_swap_mem(struct parley_vhost *dev, struct vh_mem *mem)
{
	struct vh_mem *old = dev->mem;
	unsigned int i, at;

	vh_dev_lock_vqs(dev);
	if (old)
		for_each_set_bit(at, old->gone, old->map.nr)
			vh_dev_forget_region(dev, &old->map.regions[at], mem);
	swap(dev->mem, mem);
	WRITE_ONCE(dev->nr_regions, dev->mem ? dev->mem->map.nr : 0);
	for (i = 0; i < dev->nr_vqs; i++)
		vh_vq_set_map(dev->vqs[i]);
	vh_dev_unlock_vqs(dev);
	vh_mem_free(mem);
}

/**
 * vh_dev_set_mem() - replace the memory table
 * @dev: device, under dev->mutex
 * @mem: the new one, or NULL; the device's from now on, if this succeeds
 *
 * Memory that comes along disturbs nobody.  If memory goes, the rings are held
 * meanwhile: when this returns, no request, translation or ring uses what is not
 * in @mem, and the VMM may unmap it.
 *
 * Context: sleeps; as long as the back end takes if memory goes.
 * Return: 0; -EFAULT if the dirty log does not reach that far; -EINTR if the
 * caller is being killed: the old table stays.
 */
int vh_dev_set_mem(struct parley_vhost *dev, struct vh_mem *mem)
{
	unsigned int i;
	bool goes;
	int err = 0;

	lockdep_assert_held(&dev->mutex);
	if (!vh_log_fits(dev->log.base, mem))
		return -EFAULT;
	/* Found once, and before any ring's mutex is taken. */
	goes = vh_mem_find_gone(dev->mem, mem);
	for (i = 0; goes && !err && i < dev->nr_vqs; i++)
		err = vh_vq_hold(dev->vqs[i]);
	if (!err)
		vh_dev_swap_mem(dev, mem);
	for (i = 0; goes && i < dev->nr_vqs; i++)
		vh_vq_let_go(dev->vqs[i]);
	return err;
}
