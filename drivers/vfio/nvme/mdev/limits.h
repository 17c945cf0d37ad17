/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits of disks, devices and queues.
 */
#ifndef _PARLEY_NVME_MDEV_LIMITS_H
#define _PARLEY_NVME_MDEV_LIMITS_H

#include <linux/list.h>
#include <parley/limits.h>
#include "../vf/vf.h"

struct device;

/**
 * struct parley_mdev_drive - a disk, whose functions share limits
 * @node: in the list of these
 * @disk: its physical function
 * @root: of its tree
 * @users: functions and devices
 */
struct parley_mdev_drive {
	struct list_head node;
	const struct device *disk;
	struct parley_limit *root;
	unsigned int users;
};

/**
 * struct parley_mdev_limits - a device's
 * @drive: the disk's
 * @device: below that
 * @queue: below that, one for each pair of queues for I/O
 * @nr: how many there are
 */
struct parley_mdev_limits {
	struct parley_mdev_drive *drive;
	struct parley_limit *device;
	struct parley_limit *queue[PARLEY_NVME_IO_QUEUES];
	unsigned int nr;
};

struct parley_mdev_drive *parley_mdev_drive_get(const struct device *disk);
void parley_mdev_drive_put(struct parley_mdev_drive *drive);
int parley_mdev_limits_make(struct parley_mdev_limits *l, struct parley_mdev_drive *drive,
			    unsigned int queues);
void parley_mdev_limits_free(struct parley_mdev_limits *l);
int parley_mdev_limits_show(struct parley_mdev_limits *l, char *buf);
int parley_mdev_limits_throttled(struct parley_mdev_limits *l, char *buf);
int parley_mdev_limits_set(struct parley_mdev_limits *l, const char *text);

#endif /* _PARLEY_NVME_MDEV_LIMITS_H */
