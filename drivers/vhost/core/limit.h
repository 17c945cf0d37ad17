/* SPDX-License-Identifier: GPL-2.0-only */
/* Limits of back ends, devices and rings; see limit.c. */
#ifndef _PARLEY_VHOST_LIMIT_H
#define _PARLEY_VHOST_LIMIT_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <parley/limits.h>
#include <parley/vhost.h>

/* Of a name, the end included: a serial number and more. */
#define VH_NAME_SIZE	64
/*
 * Devices that are open, and closed ones for which something is kept; and as many back
 * ends.  Each queue has some 600 bytes of nodes, on its opener's account.
 */
#define VH_DEVICES_MAX	4096

/**
 * struct vh_backend - what devices serve
 * @entry: in the list of all, by @id
 * @id: its number
 * @dev: as in struct parley_vhost_backend
 * @ino: the same
 * @generation: the same
 * @path: the same
 * @root: its limits
 * @devices: of devices that serve it, and of closed ones
 */
struct vh_backend {
	struct list_head entry;
	u32 id;
	dev_t dev;
	u64 ino;
	u32 generation;
	char *path;
	struct parley_limit *root;
	struct list_head devices;
};

/**
 * struct vh_limits - the limits of a device
 * @entry: in backend->devices, if it has a back end
 * @backend: what it serves, or served last
 * @name: of the device there, maybe empty
 * @place: grows in backend->devices
 * @dev: whose they are; NULL: kept for one that is closed
 * @alone: above @device, as long as there is no back end
 * @device: of the whole device
 * @max_queues: most rings of such a device
 * @nr_queues: how many have limits: those of its device, or of an earlier one
 * @queue: theirs
 */
struct vh_limits {
	struct list_head entry;
	struct vh_backend *backend;
	char name[VH_NAME_SIZE];
	u32 place;
	struct parley_vhost *dev;
	struct parley_limit *alone;
	struct parley_limit *device;
	unsigned int max_queues;
	unsigned int nr_queues;
	struct parley_limit *queue[] __counted_by(max_queues);
};

extern struct mutex vh_limit_lock;
#if IS_ENABLED(CONFIG_KUNIT)
extern unsigned int vh_devices_max;
#endif

int vh_limit_open(struct parley_vhost *dev);
void vh_limit_close(struct parley_vhost *dev);
/* It gets its rings: these, with limits of their own, as soon as there are some. */
int vh_limit_rings(struct parley_vhost *dev, struct parley_vhost_vq **vqs, unsigned int nr);
void vh_limit_exit(void);
bool vh_limit_is_set(struct parley_limit *limit);
/* All under vh_limit_lock. */
struct vh_backend *vh_backend_next(u32 id);
void vh_backend_put(struct vh_backend *b);
unsigned int vh_backend_forget(struct vh_backend *b, const char *name);

#endif /* _PARLEY_VHOST_LIMIT_H */
