// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits of back ends, devices and rings, and how they are kept.
 *
 *	back end	root of a tree; found by what it is, so all devices that
 *			serve the same disk or file are below it
 *	device		below the back end that it was given last; before that,
 *			below a root of its own
 *	ring		a leaf
 *
 * What is set stays when a device is closed: its nodes remain in the tree, under
 * the name that the device had (its serial number), and the next device of that
 * name and back end gets them, with what is owed.  So a VMM or a bridge that
 * connects again finds its limits, and a guarantee is not given away meanwhile.
 * They go when they are forgotten, or with this module.
 *
 * Locking: vh_limit_lock, inside dev->mutex and vq->mutex, protects everything
 * here, and which nodes a device has.  A ring that runs has its own for good.
 */
#include <linux/slab.h>
#include "limit.h"
#include "runq.h"
#include "state.h"

DEFINE_MUTEX(vh_limit_lock);
EXPORT_SYMBOL_IF_KUNIT(vh_limit_lock);

VISIBLE_IF_KUNIT unsigned int vh_devices_max = VH_DEVICES_MAX;
EXPORT_SYMBOL_IF_KUNIT(vh_devices_max);

static LIST_HEAD(backends);
static unsigned int nr_backends;
static unsigned int nr_devices;	/* open, or kept */
static u32 last_id;
static u32 last_place;

/* --------------------------------------------------------------- one device */

static void vh_limit_wake(void *vq)
{
	vh_vq_queue(vq);
}

static void vh_limits_free(struct vh_limits *l)
{
	unsigned int i;

	for (i = 0; i < l->nr_queues; i++)
		parley_limit_destroy(l->queue[i]);
	parley_limit_destroy(l->device);
	parley_limit_destroy(l->alone);
	kfree(l);
}

/* At least so many rings have limits. */
static int vh_limits_grow(struct vh_limits *l, unsigned int nr)
{
	for (; l->nr_queues < nr; l->nr_queues++) {
		l->queue[l->nr_queues] = parley_limit_create(l->device);
		if (!l->queue[l->nr_queues])
			return -ENOMEM;
	}
	return 0;
}

static struct vh_limits *vh_limits_alloc(const struct parley_vhost *dev)
{
	unsigned int max = dev->drv->max_queues;
	struct vh_limits *l = kzalloc(struct_size(l, queue, max), GFP_KERNEL_ACCOUNT);

	if (!l)
		return NULL;
	l->max_queues = max;
	INIT_LIST_HEAD(&l->entry);
	l->alone = parley_limit_create(NULL);
	l->device = l->alone ? parley_limit_create(l->alone) : NULL;
	if (l->device)
		return l;
	vh_limits_free(l);
	return NULL;
}

/** vh_limit_is_set() - a limit or a guarantee of a node's own */
bool vh_limit_is_set(struct parley_limit *limit)
{
	struct parley_limits cfg;

	parley_limit_get(limit, &cfg);
	return cfg.ops.rate || cfg.bytes.rate || cfg.ops_guaranteed ||
	       cfg.bytes_guaranteed;
}
EXPORT_SYMBOL_IF_KUNIT(vh_limit_is_set);

static bool vh_limits_are_set(const struct vh_limits *l)
{
	unsigned int i;

	for (i = 0; i < l->nr_queues; i++)
		if (vh_limit_is_set(l->queue[i]))
			return true;
	return vh_limit_is_set(l->device);
}

static void vh_limits_bind(struct parley_limit *limit, struct parley_vhost_vq *vq)
{
	vq->limit = limit;
	parley_limit_user(limit, vh_limit_wake, vq);
}

/* The device's from now on; its rings do not run, and each has one. */
static void vh_limits_use(struct parley_vhost *dev, struct vh_limits *l)
{
	unsigned int i;

	lockdep_assert_held(&vh_limit_lock);
	l->dev = dev;
	dev->limits = l;
	for (i = 0; i < dev->nr_vqs; i++)
		vh_limits_bind(l->queue[i], dev->vqs[i]);
}

/* And not any more: nobody waits. */
static void vh_limits_unuse(struct vh_limits *l)
{
	unsigned int i;

	lockdep_assert_held(&vh_limit_lock);
	for (i = 0; i < l->dev->nr_vqs; i++) {
		parley_limit_idle(l->queue[i], ktime_get_ns());
		parley_limit_user(l->queue[i], NULL, NULL);
		l->dev->vqs[i]->limit = NULL;
	}
	l->dev->limits = NULL;
	l->dev = NULL;
}

/* ---------------------------------------------------------------- back ends */

static void vh_backend_free(struct vh_backend *b)
{
	list_del(&b->entry);
	nr_backends--;
	parley_limit_destroy(b->root);
	kfree(b->path);
	kfree(b);
}

/**
 * vh_backend_put() - it goes, unless somebody serves it or something is set there
 * @b: back end; may be gone afterwards
 *
 * Context: vh_limit_lock.
 */
void vh_backend_put(struct vh_backend *b)
{
	if (list_empty(&b->devices) && !vh_limit_is_set(b->root))
		vh_backend_free(b);
}

static bool vh_backend_is(const struct vh_backend *b,
			  const struct parley_vhost_backend *what)
{
	return b->dev == what->dev && b->ino == what->ino &&
	       b->generation == what->generation;
}

static struct vh_backend *vh_backend_make(const struct parley_vhost_backend *what)
{
	struct vh_backend *b;

	if (nr_backends >= vh_devices_max)
		return ERR_PTR(-ENFILE);
	b = kzalloc(sizeof(*b), GFP_KERNEL_ACCOUNT);
	if (!b)
		return ERR_PTR(-ENOMEM);
	b->dev = what->dev;
	b->ino = what->ino;
	b->generation = what->generation;
	INIT_LIST_HEAD(&b->devices);
	b->path = kstrdup(what->path, GFP_KERNEL_ACCOUNT);
	b->root = parley_limit_create(NULL);
	if (!b->path || !b->root) {
		parley_limit_destroy(b->root);
		kfree(b->path);
		kfree(b);
		return ERR_PTR(-ENOMEM);
	}
	b->id = ++last_id;
	nr_backends++;
	list_add_tail(&b->entry, &backends);
	return b;
}

static struct vh_backend *vh_backend_find(const struct parley_vhost_backend *what)
{
	struct vh_backend *b;

	list_for_each_entry(b, &backends, entry)
		if (vh_backend_is(b, what))
			return b;
	return vh_backend_make(what);
}

/**
 * vh_backend_next() - the first back end with at least this number
 * @id: number
 *
 * Context: vh_limit_lock.
 * Return: the back end, valid as long as the lock is held; or NULL.
 */
struct vh_backend *vh_backend_next(u32 id)
{
	struct vh_backend *b;

	lockdep_assert_held(&vh_limit_lock);
	/* Numbers only grow, and are never used again. */
	list_for_each_entry(b, &backends, entry)
		if (b->id >= id)
			return b;
	return NULL;
}
EXPORT_SYMBOL_IF_KUNIT(vh_backend_next);

/* What was kept for a device of that name; or NULL. */
static struct vh_limits *vh_backend_kept(struct vh_backend *b, const char *name,
					 unsigned int max_queues)
{
	struct vh_limits *l;

	list_for_each_entry(l, &b->devices, entry)
		if (!l->dev && l->max_queues == max_queues && !strcmp(l->name, name))
			return l;
	return NULL;
}

/* What is kept for closed devices of that name, or of any. */
static unsigned int vh_backend_drop(struct vh_backend *b, const char *name)
{
	struct vh_limits *l, *next;
	unsigned int n = 0;

	list_for_each_entry_safe(l, next, &b->devices, entry) {
		if (l->dev || (name && strcmp(l->name, name)))
			continue;
		list_del(&l->entry);
		vh_limits_free(l);
		nr_devices--;
		n++;
	}
	return n;
}

/* Nobody uses them: kept, if anything is set. */
static void vh_limits_keep(struct vh_limits *l)
{
	struct vh_backend *b = l->backend;

	if (b && vh_limits_are_set(l))
		return;
	list_del_init(&l->entry);
	vh_limits_free(l);
	nr_devices--;
	if (b)
		vh_backend_put(b);
}

/* ------------------------------------------------------------------- verbs */

/**
 * vh_limit_open() - a device that is made gets nodes
 * @dev: device
 *
 * Return: 0; -ENFILE if there are VH_DEVICES_MAX, open or kept; -ENOMEM.
 */
int vh_limit_open(struct parley_vhost *dev)
{
	struct vh_limits *l;

	guard(mutex)(&vh_limit_lock);
	if (nr_devices >= vh_devices_max)
		return -ENFILE;
	l = vh_limits_alloc(dev);
	if (!l)
		return -ENOMEM;
	nr_devices++;
	vh_limits_use(dev, l);
	return 0;
}

/** vh_limit_close() - its mirror; no ring runs, nothing is in flight */
void vh_limit_close(struct parley_vhost *dev)
{
	struct vh_limits *l;

	guard(mutex)(&vh_limit_lock);
	l = dev->limits;
	if (!l)
		return;
	vh_limits_unuse(l);
	vh_limits_keep(l);
}

/**
 * vh_limit_rings() - a device gets its rings
 * @dev: device without rings, under dev->mutex
 * @vqs: its rings, if this succeeds
 * @nr: how many, at most those of its kind
 *
 * Return: 0 or -ENOMEM.
 */
int vh_limit_rings(struct parley_vhost *dev, struct parley_vhost_vq **vqs, unsigned int nr)
{
	unsigned int i;

	lockdep_assert_held(&dev->mutex);
	guard(mutex)(&vh_limit_lock);
	if (vh_limits_grow(dev->limits, nr))
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		vh_limits_bind(dev->limits->queue[i], vqs[i]);
	dev->vqs = vqs;
	/* Pairs with vh_dev_nr_vqs(). */
	smp_store_release(&dev->nr_vqs, nr);
	return 0;
}

/* Nodes for which nothing was kept go into this back end's tree, as they are. */
static void vh_limits_enter(struct vh_limits *l, struct vh_backend *b, const char *name)
{
	struct vh_backend *old = l->backend;

	strscpy(l->name, name, sizeof(l->name));
	l->place = ++last_place;
	if (old == b)
		return;
	l->backend = b;
	list_move_tail(&l->entry, &b->devices);
	if (parley_limit_move(l->device, b->root, ktime_get_ns()))
		dev_say(l->dev, "what was guaranteed to it cannot be had of %s: not any more\n",
			b->path);
	if (old)
		vh_backend_put(old);
}

static int vh_limit_attach(struct parley_vhost *dev, struct vh_backend *b, const char *name)
{
	struct vh_limits *l = dev->limits, *kept;

	lockdep_assert_held(&vh_limit_lock);
	if (l->backend == b && !strcmp(l->name, name))
		return 0;
	if (l->backend && vh_limits_are_set(l)) {
		dev_say(dev, "limits are set for it as \"%s\" of %s: take them off first\n",
			l->name, l->backend->path);
		return -EACCES;
	}
	kept = vh_backend_kept(b, name, l->max_queues);
	/* Settings that were made before it had a back end are meant for this one. */
	if (kept && vh_limits_are_set(l)) {
		vh_backend_drop(b, name);
		kept = NULL;
	}
	if (!kept) {
		vh_limits_enter(l, b, name);
		return 0;
	}
	if (vh_limits_grow(kept, dev->nr_vqs))
		return -ENOMEM;
	vh_limits_unuse(l);
	vh_limits_use(dev, kept);
	vh_limits_keep(l);
	return 0;
}

/**
 * parley_vhost_set_backend() - what a device serves
 * @dev: device of which no ring runs; under dev->mutex, or not shared yet
 * @what: disk or file; copied
 *
 * From now on the device is below the limits of that back end, and has those that
 * were set for a device of its name there.  It stays so until another back end
 * is set, or the device is closed.
 *
 * While something is set for the device itself, it stays what it was set for: its
 * owner cannot come out of a limit under another name.
 *
 * Context: may sleep.
 * Return: 0; -EACCES for another back end or name while limits are set; -ENFILE if
 * there are VH_DEVICES_MAX back ends; -ENOMEM.  Nothing has changed then.
 */
int parley_vhost_set_backend(struct parley_vhost *dev,
			     const struct parley_vhost_backend *what)
{
	char name[VH_NAME_SIZE];
	struct vh_backend *b;
	int err;

	strscpy(name, what->name, sizeof(name));
	guard(mutex)(&vh_limit_lock);
	b = vh_backend_find(what);
	if (IS_ERR(b))
		return PTR_ERR(b);
	err = vh_limit_attach(dev, b, name);
	/* It may have been made for this. */
	if (err)
		vh_backend_put(b);
	return err;
}
PARLEY_EXPORT(parley_vhost_set_backend);

/**
 * vh_backend_forget() - what is kept for closed devices goes
 * @b: back end; may be gone afterwards
 * @name: of those; NULL for all
 *
 * Context: vh_limit_lock.
 * Return: how many.
 */
unsigned int vh_backend_forget(struct vh_backend *b, const char *name)
{
	unsigned int n;

	lockdep_assert_held(&vh_limit_lock);
	n = vh_backend_drop(b, name);
	vh_backend_put(b);
	return n;
}
EXPORT_SYMBOL_IF_KUNIT(vh_backend_forget);

/** vh_limit_exit() - the end of the module, and of all that was kept */
void vh_limit_exit(void)
{
	struct vh_backend *b, *next;

	guard(mutex)(&vh_limit_lock);
	list_for_each_entry_safe(b, next, &backends, entry) {
		vh_backend_drop(b, NULL);
		vh_backend_free(b);
	}
}
