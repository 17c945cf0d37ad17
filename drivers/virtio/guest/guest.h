/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the guest model share among themselves.
 */
#ifndef _PARLEY_GUEST_H
#define _PARLEY_GUEST_H

#include <parley/device.h>

/* What a register reads as when nothing answers behind the bus. */
#define PARLEY_STATUS_GONE	0xff

/* bus.c */
extern const struct bus_type parley_bus;

/* negotiate.c */
int parley_negotiate(struct parley_device *pd);
int parley_negotiate_again(struct parley_device *pd);
void parley_give_up(struct parley_device *pd);
int parley_ring_off_set(const char *val, u64 *off);

/* config.c */
void parley_config_arm(struct parley_device *pd);
void parley_config_disarm(struct parley_device *pd);
void parley_config_work(struct work_struct *work);

/* queue.c */
void parley_device_cut_off(struct parley_device *pd, const char *why);

/* pm.c */
void parley_recover_work(struct work_struct *work);
void parley_recover_schedule(struct parley_device *pd);

/* sysfs.c */
extern const struct attribute_group *parley_device_groups[];
int parley_queue_sysfs_add(struct parley_queue *queue);
void parley_queue_sysfs_del(struct parley_queue *queue);

static inline struct parley_driver *parley_driver_of(struct parley_device *pd)
{
	return pd->dev.driver ? to_parley_driver(pd->dev.driver) : NULL;
}

#endif /* _PARLEY_GUEST_H */
