/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kinds of devices that the kernel serves, and what is different about each: a file of
 * its own for a kind, and a row of the table.  All else is one for all of them, which are
 * called disks where it does not matter what they are.
 *
 * Functions that may fail return NULL, or what is wrong, for people; those that are
 * optional may be missing.
 */
#ifndef BRIDGE_KIND_H
#define BRIDGE_KIND_H

#include <stdbool.h>
#include <stdint.h>

struct conn;
struct device;
struct disk_options;

enum kind_id {
	KIND_BLK,
	KIND_SCHED,
	KINDS,
};

/**
 * struct kind - one of them
 * @word: what begins a line of the configuration file, and is an option
 * @name: for people
 * @node: the kernel's device
 * @missing: what to say if it is not there
 * @type: virtio type
 * @complete: look at the options that belong together, and set what follows from them
 * @open: what takes the privileges that we began with; the device is open
 * @set_up: the device has an owner, and is to know what it serves
 * @features: drop from what is offered what this device cannot do, learn what else there is
 * @config: optional: mend a copy of the configuration space
 * @write: optional: the guest writes to it; 0 or -errno.  Without this, the kernel decides
 * @started: optional: a ring was started
 * @resize: optional: its size may be another; 0 or -errno
 * @doubts: optional: does it look as if it were served in a wrong way?
 */
struct kind {
	const char *word;
	const char *name;
	const char *node;
	const char *missing;
	uint32_t type;
	const char *(*complete)(struct disk_options *o);
	const char *(*open)(struct conn *c);
	const char *(*set_up)(struct conn *c);
	const char *(*features)(struct conn *c);
	void (*config)(struct conn *c, uint8_t *bytes);
	int (*write)(struct conn *c, const uint8_t *bytes, uint32_t off, uint32_t len);
	void (*started)(struct device *d);
	int (*resize)(struct conn *c);
	const char *(*doubts)(struct conn *c);
};

extern const struct kind *const kind_table[KINDS];

#endif
