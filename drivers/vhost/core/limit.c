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

static LIST_HEAD(backends);
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

static struct vh_limits *vh_limits_alloc(const struct parley_vhost *dev)
{
	unsigned int nr = dev->drv->max_queues;
	struct vh_limits *l = kzalloc(struct_size(l, queue, nr), GFP_KERNEL);

	if (!l)
		return NULL;
	INIT_LIST_HEAD(&l->entry);
	l->alone = parley_limit_create(NULL);
	l->device = l->alone ? parley_limit_create(l->alone) : NULL;
	for (; l->device && l->nr_queues < nr; l->nr_queues++) {
		l->queue[l->nr_queues] = parley_limit_create(l->device);
		if (!l->queue[l->nr_queues])
			break;
	}
	if (l->nr_queues == nr)
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

/* The device's from now on; its rings do not run. */
static void vh_limits_use(struct parley_vhost *dev, struct vh_limits *l)
{
	unsigned int i;

	lockdep_assert_held(&vh_limit_lock);
	l->dev = dev;
	dev->limits = l;
	for (i = 0; i < l->nr_queues; i++) {
		dev->vqs[i]->limit = l->queue[i];
		parley_limit_user(l->queue[i], vh_limit_wake, dev->vqs[i]);
	}
}

/* And not any more: nobody waits. */
static void vh_limits_unuse(struct vh_limits *l)
{
	unsigned int i;

	lockdep_assert_held(&vh_limit_lock);
	for (i = 0; i < l->nr_queues; i++) {
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
	struct vh_backend *b = kzalloc(sizeof(*b), GFP_KERNEL);

	if (!b)
		return NULL;
	b->dev = what->dev;
	b->ino = what->ino;
	b->generation = what->generation;
	INIT_LIST_HEAD(&b->devices);
	b->path = kstrdup(what->path, GFP_KERNEL);
	b->root = parley_limit_create(NULL);
	if (!b->path || !b->root) {
		parley_limit_destroy(b->root);
		kfree(b->path);
		kfree(b);
		return NULL;
	}
	b->id = ++last_id;
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
					 unsigned int nr_queues)
{
	struct vh_limits *l;

	list_for_each_entry(l, &b->devices, entry)
		if (!l->dev && l->nr_queues == nr_queues && !strcmp(l->name, name))
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
	if (b)
		vh_backend_put(b);
}

/* ------------------------------------------------------------------- verbs */

/**
 * vh_limit_open() - a device that is made gets nodes
 * @dev: device
 *
 * Return: 0 or -ENOMEM.
 */
int vh_limit_open(struct parley_vhost *dev)
{
	struct vh_limits *l = vh_limits_alloc(dev);

	if (!l)
		return -ENOMEM;
	guard(mutex)(&vh_limit_lock);
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

/* Nodes that are in no back end's tree yet go into this one's. */
static void vh_limits_enter(struct vh_limits *l, struct vh_backend *b,
			    const char *name)
{
	strscpy(l->name, name, sizeof(l->name));
	l->backend = b;
	l->place = ++last_place;
	list_add_tail(&l->entry, &b->devices);
	if (parley_limit_move(l->device, b->root, ktime_get_ns()))
		dev_say(l->dev, "what was guaranteed to it cannot be had of %s: not any more\n",
			b->path);
}

/* Returns @fresh if it did not need them. */
static struct vh_limits *vh_limit_attach(struct parley_vhost *dev, struct vh_backend *b,
					 const char *name, struct vh_limits *fresh)
{
	struct vh_limits *l = dev->limits, *kept;

	lockdep_assert_held(&vh_limit_lock);
	if (l->backend == b && !strcmp(l->name, name))
		return fresh;
	kept = vh_backend_kept(b, name, l->nr_queues);
	/* Settings that were made before it had a back end are meant for this one. */
	if (!l->backend && (!kept || vh_limits_are_set(l))) {
		if (kept)
			vh_backend_drop(b, name);
		vh_limits_enter(l, b, name);
		return fresh;
	}
	vh_limits_unuse(l);
	if (kept) {
		vh_limits_use(dev, kept);
	} else {
		vh_limits_use(dev, fresh);
		vh_limits_enter(fresh, b, name);
		fresh = NULL;
	}
	/* Last: it may have been the only one of this very back end. */
	vh_limits_keep(l);
	return fresh;
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
 * Context: may sleep.
 * Return: 0 or -ENOMEM; nothing has changed then.
 */
int parley_vhost_set_backend(struct parley_vhost *dev,
			     const struct parley_vhost_backend *what)
{
	struct vh_limits *fresh = vh_limits_alloc(dev);
	struct vh_backend *b;

	if (!fresh)
		return -ENOMEM;
	guard(mutex)(&vh_limit_lock);
	b = vh_backend_find(what);
	if (b)
		fresh = vh_limit_attach(dev, b, what->name, fresh);
	if (fresh)
		vh_limits_free(fresh);
	return b ? 0 : -ENOMEM;
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
