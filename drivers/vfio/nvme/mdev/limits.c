// SPDX-License-Identifier: GPL-2.0-only
/*
 * Limits and guarantees of devices: a tree for each disk,
 *
 *	drive		all functions of a disk that are bound, whoever has them
 *	  device	a mediated device, from its creation to its removal
 *	    queue	a pair of its queues for I/O
 *
 * as a text that is read and written line by line, one line a node:
 *
 *	device ops=20000 ops_burst=100 ops_guaranteed=0 bytes=300000000 ...
 *
 * What is not named stays as it is; "off" takes all of the node's away.
 */
#include <linux/cleanup.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include "mdev.h"

/* Who makes, moves and configures nodes; and the list of disks. */
static DEFINE_MUTEX(parley_mdev_limits_lock);
static LIST_HEAD(parley_mdev_drives);

static const char * const parley_mdev_limit_names[] = {
	"ops", "ops_burst", "ops_guaranteed", "bytes", "bytes_burst", "bytes_guaranteed",
};

static u64 *parley_mdev_limit_value(struct parley_limits *cfg, unsigned int nr)
{
	u64 *const value[] = {
		&cfg->ops.rate, &cfg->ops.burst, &cfg->ops_guaranteed,
		&cfg->bytes.rate, &cfg->bytes.burst, &cfg->bytes_guaranteed,
	};

	static_assert(ARRAY_SIZE(value) == ARRAY_SIZE(parley_mdev_limit_names));
	return value[nr];
}

/* -------------------------------------------------------------- disks */

static struct parley_mdev_drive *parley_mdev_drive_find(const struct device *disk)
{
	struct parley_mdev_drive *drive;

	lockdep_assert_held(&parley_mdev_limits_lock);
	list_for_each_entry(drive, &parley_mdev_drives, node)
		if (drive->disk == disk)
			return drive;
	return NULL;
}

static struct parley_mdev_drive *parley_mdev_drive_make(const struct device *disk)
{
	struct parley_mdev_drive *drive = kzalloc(sizeof(*drive), GFP_KERNEL);

	lockdep_assert_held(&parley_mdev_limits_lock);
	if (!drive)
		return NULL;
	drive->root = parley_limit_create(NULL);
	if (!drive->root) {
		kfree(drive);
		return NULL;
	}
	drive->disk = disk;
	list_add(&drive->node, &parley_mdev_drives);
	return drive;
}

/**
 * parley_mdev_drive_get() - the limits of a disk
 * @disk: its physical function, there until parley_mdev_drive_put()
 *
 * Context: process context; may sleep.
 * Return: these, or NULL: no memory.
 */
struct parley_mdev_drive *parley_mdev_drive_get(const struct device *disk)
{
	struct parley_mdev_drive *drive;

	guard(mutex)(&parley_mdev_limits_lock);
	drive = parley_mdev_drive_find(disk) ?: parley_mdev_drive_make(disk);
	if (drive)
		drive->users++;
	return drive;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_drive_get);

static void parley_mdev_drive_drop(struct parley_mdev_drive *drive)
{
	lockdep_assert_held(&parley_mdev_limits_lock);
	if (--drive->users)
		return;
	list_del(&drive->node);
	parley_limit_destroy(drive->root);
	kfree(drive);
}

/**
 * parley_mdev_drive_put() - the mirror of parley_mdev_drive_get()
 * @drive: what that returned
 *
 * With the last one, what was set for the disk is forgotten.
 *
 * Context: process context; may sleep.
 */
void parley_mdev_drive_put(struct parley_mdev_drive *drive)
{
	guard(mutex)(&parley_mdev_limits_lock);
	parley_mdev_drive_drop(drive);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_drive_put);

/* ------------------------------------------------------------ devices */

static void parley_mdev_limits_undo(struct parley_mdev_limits *l)
{
	lockdep_assert_held(&parley_mdev_limits_lock);
	while (l->nr)
		parley_limit_destroy(l->queue[--l->nr]);
	parley_limit_destroy(l->device);
	parley_mdev_drive_drop(l->drive);
}

/**
 * parley_mdev_limits_make() - a device below its disk, without a limit
 * @l: zeroed
 * @drive: the disk's
 * @queues: pairs of queues
 *
 * Context: process context; may sleep.
 * Return: 0 or -ENOMEM.
 */
int parley_mdev_limits_make(struct parley_mdev_limits *l, struct parley_mdev_drive *drive,
			    unsigned int queues)
{
	guard(mutex)(&parley_mdev_limits_lock);
	l->device = parley_limit_create(drive->root);
	if (!l->device)
		return -ENOMEM;
	l->drive = drive;
	drive->users++;
	for (; l->nr < queues; l->nr++) {
		l->queue[l->nr] = parley_limit_create(l->device);
		if (!l->queue[l->nr]) {
			parley_mdev_limits_undo(l);
			return -ENOMEM;
		}
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_limits_make);

/**
 * parley_mdev_limits_free() - the mirror of parley_mdev_limits_make()
 * @l: limits that nobody uses
 *
 * Context: process context; may sleep.
 */
void parley_mdev_limits_free(struct parley_mdev_limits *l)
{
	guard(mutex)(&parley_mdev_limits_lock);
	parley_mdev_limits_undo(l);
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_limits_free);

/* --------------------------------------------------------------- text */

static int parley_mdev_limit_show(struct parley_limit *limit, char *buf, int at)
{
	struct parley_limits cfg;
	unsigned int i;
	int len = 0;

	parley_limit_get(limit, &cfg);
	for (i = 0; i < ARRAY_SIZE(parley_mdev_limit_names); i++)
		len += sysfs_emit_at(buf, at + len, " %s=%llu", parley_mdev_limit_names[i],
				     *parley_mdev_limit_value(&cfg, i));
	return len + sysfs_emit_at(buf, at + len, "\n");
}

/**
 * parley_mdev_limits_show() - all limits of a device, and of its disk
 * @l: these
 * @buf: a page, for the text
 *
 * Context: process context; may sleep.
 * Return: bytes.
 */
int parley_mdev_limits_show(struct parley_mdev_limits *l, char *buf)
{
	unsigned int i;
	int at;

	guard(mutex)(&parley_mdev_limits_lock);
	at = sysfs_emit(buf, "drive");
	at += parley_mdev_limit_show(l->drive->root, buf, at);
	at += sysfs_emit_at(buf, at, "device");
	at += parley_mdev_limit_show(l->device, buf, at);
	for (i = 0; i < l->nr; i++) {
		at += sysfs_emit_at(buf, at, "queue %u", i + 1);
		at += parley_mdev_limit_show(l->queue[i], buf, at);
	}
	return at;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_limits_show);

/**
 * parley_mdev_limits_throttled() - how often each made a command wait
 * @l: limits
 * @buf: a page, for the text
 *
 * Context: process context; may sleep.
 * Return: bytes.
 */
int parley_mdev_limits_throttled(struct parley_mdev_limits *l, char *buf)
{
	unsigned int i;
	int at;

	at = sysfs_emit(buf, "drive %llu\ndevice %llu\n",
			READ_ONCE(l->drive->root->throttled),
			READ_ONCE(l->device->throttled));
	for (i = 0; i < l->nr; i++)
		at += sysfs_emit_at(buf, at, "queue %u %llu\n", i + 1,
				    READ_ONCE(l->queue[i]->throttled));
	return at;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_limits_throttled);

/* The next word of a text; NULL: there is none. */
static char *parley_mdev_word(char **text)
{
	char *word;

	do {
		word = strsep(text, " \t\n");
	} while (word && !*word);
	return word;
}

static struct parley_limit *parley_mdev_limit_named(struct parley_mdev_limits *l,
						    char **text)
{
	char *word = parley_mdev_word(text);
	unsigned int nr;

	if (!word)
		return NULL;
	if (!strcmp(word, "drive"))
		return l->drive->root;
	if (!strcmp(word, "device"))
		return l->device;
	if (strcmp(word, "queue"))
		return NULL;
	word = parley_mdev_word(text);
	if (!word || kstrtouint(word, 10, &nr) || !nr || nr > l->nr)
		return NULL;
	return l->queue[nr - 1];
}

/* A rate without a burst has one chosen for it. */
static void parley_mdev_limit_bursts(struct parley_limits *cfg, unsigned long named)
{
	const unsigned long rate = 1, burst = 2, kind = 3;

	static_assert(ARRAY_SIZE(parley_mdev_limit_names) == 6);
	if (named & rate && !(named & burst))
		cfg->ops.burst = 0;
	if (named & rate << kind && !(named & burst << kind))
		cfg->bytes.burst = 0;
}

/* @named has a bit for each value that was. */
static int parley_mdev_limit_word(struct parley_limits *cfg, char *word,
				  unsigned long *named)
{
	char *name = strsep(&word, "=");
	int nr;

	if (!word) {
		if (strcmp(name, "off"))
			return -EINVAL;
		*cfg = (struct parley_limits) {};
		return 0;
	}
	nr = match_string(parley_mdev_limit_names, ARRAY_SIZE(parley_mdev_limit_names), name);
	if (nr < 0)
		return nr;
	*named |= BIT(nr);
	return kstrtou64(word, 10, parley_mdev_limit_value(cfg, nr));
}

static int parley_mdev_limits_line(struct parley_mdev_limits *l, char *line)
{
	struct parley_limit *limit = parley_mdev_limit_named(l, &line);
	unsigned long named = 0;
	struct parley_limits cfg;
	char *word;
	int err;

	if (!limit)
		return -EINVAL;
	parley_limit_get(limit, &cfg);
	while ((word = parley_mdev_word(&line))) {
		err = parley_mdev_limit_word(&cfg, word, &named);
		if (err)
			return err;
	}
	parley_mdev_limit_bursts(&cfg, named);
	return parley_limit_set(limit, &cfg, ktime_get_ns());
}

/**
 * parley_mdev_limits_set() - set some
 * @l: limits
 * @text: lines, as parley_mdev_limits_show() has them
 *
 * They are set one after the other, until one is wrong.
 *
 * Context: process context; may sleep.
 * Return: 0; -EINVAL: that is no line, or no number; or as parley_limit_set().
 */
int parley_mdev_limits_set(struct parley_mdev_limits *l, const char *text)
{
	char *copy __free(kfree) = kstrdup(text, GFP_KERNEL);
	char *rest = copy, *line;
	int err = 0;

	if (!copy)
		return -ENOMEM;
	guard(mutex)(&parley_mdev_limits_lock);
	while (!err && (line = strsep(&rest, "\n")))
		if (*skip_spaces(line))
			err = parley_mdev_limits_line(l, line);
	return err;
}
EXPORT_SYMBOL_IF_KUNIT(parley_mdev_limits_set);
