/* SPDX-License-Identifier: GPL-2.0-only */
/* Configuration space; see config.c. */
#ifndef _PARLEY_VHOST_CONFIG_H
#define _PARLEY_VHOST_CONFIG_H

#include <linux/types.h>

struct parley_vhost;

/* Is off..off + len inside, and may it be written?  0 or an error for the VMM. */
int vh_config_range(const struct parley_vhost *dev, u32 off, u32 len);
int vh_config_writable(const struct parley_vhost *dev, u32 off, u32 len);
/* Both under dev->mutex; the first for all of it, drv->config_size bytes. */
int vh_config_read(struct parley_vhost *dev, void *config);
int vh_config_write(struct parley_vhost *dev, u32 off, const void *buf, u32 len);
int vh_config_call_set(struct parley_vhost *dev, int fd);

#endif /* _PARLEY_VHOST_CONFIG_H */
