/* SPDX-License-Identifier: GPL-2.0-only */
/* A device, and the registry of all; see dev.c. */
#ifndef _PARLEY_VHOST_DEV_H
#define _PARLEY_VHOST_DEV_H

#include <linux/mutex.h>
#include <linux/types.h>

struct parley_vhost;
struct parley_features;
struct parley_vhost_driver;
struct parley_vhost_vq;
struct vh_mem;

extern struct mutex parley_vhost_registry_lock;
/*
 * Who is told that a device is in the registry now, or is not any more.  Set before
 * there is any, and until there is none.
 */
extern void (*vh_dev_moved)(const struct parley_vhost *dev, bool there);

struct parley_vhost *vh_dev_create(const struct parley_vhost_driver *drv,
				   bool in_kernel);
void vh_dev_release(struct parley_vhost *dev);
int vh_dev_want_vqs(struct parley_vhost *dev, unsigned int nr);	/* under dev->mutex */
long vh_dev_set_owner(struct parley_vhost *dev);	/* the same */
long vh_dev_reset_owner(struct parley_vhost *dev);	/* the same */
long vh_dev_set_features(struct parley_vhost *dev, const struct parley_features *features);
void vh_dev_forget_features(struct parley_vhost *dev);
int vh_dev_set_mem(struct parley_vhost *dev, struct vh_mem *mem);

struct parley_vhost *vh_dev_get(u32 id);		/* NULL, or with a reference */
struct parley_vhost *vh_dev_next(u32 *id);		/* the first from *id on */
void vh_dev_put(struct parley_vhost *dev);

/* switch.c: while no device exists, and for each ring. */
int vh_switch_init(void);
void vh_switch_exit(void);
void vh_ask_init(struct parley_vhost_vq *vq);

#endif /* _PARLEY_VHOST_DEV_H */
