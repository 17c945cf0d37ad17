/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Doorbells that eventfds write.
 */
#ifndef _PARLEY_NVME_MDEV_RINGS_H
#define _PARLEY_NVME_MDEV_RINGS_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/vfio.h>

struct parley_emu;

/* Doorbells and values that eventfds write: as many as VFIO has for PCI. */
#define PARLEY_MDEV_RINGERS	1000

/**
 * struct parley_mdev_rings - doorbells that eventfds write
 * @lock: guards the rest
 * @ringers: struct parley_mdev_ringer
 * @nr: how many there are
 */
struct parley_mdev_rings {
	struct mutex lock;
	struct list_head ringers;
	unsigned int nr;
};

int parley_mdev_rings_check(const struct vfio_device_ioeventfd *io, u32 *at);
int parley_mdev_rings_set(struct parley_mdev_rings *r, struct parley_emu *e,
			  const struct vfio_device_ioeventfd *io);
void parley_mdev_rings_init(struct parley_mdev_rings *r);
void parley_mdev_rings_free(struct parley_mdev_rings *r);
void parley_mdev_rings_exit(struct parley_mdev_rings *r);

#endif /* _PARLEY_NVME_MDEV_RINGS_H */
