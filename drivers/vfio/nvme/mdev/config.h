/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Configuration space.
 */
#ifndef _PARLEY_NVME_MDEV_CONFIG_H
#define _PARLEY_NVME_MDEV_CONFIG_H

#include <linux/types.h>
#include "places.h"

/**
 * struct parley_mdev_ids - what the device says it is
 * @vendor: who made it
 * @device: what it is
 * @subvendor: the same of the board
 * @subdevice: the same of the board
 */
struct parley_mdev_ids {
	u16 vendor;
	u16 device;
	u16 subvendor;
	u16 subdevice;
};

/**
 * struct parley_mdev_config - a configuration space
 * @ids: what the device says it is
 * @vectors: of its MSI-X table
 * @byte: as it is read
 * @mask: what may be written of that
 */
struct parley_mdev_config {
	struct parley_mdev_ids ids;
	unsigned int vectors;
	u8 byte[PARLEY_MDEV_HEADER];
	u8 mask[PARLEY_MDEV_HEADER];
};

void parley_mdev_config_init(struct parley_mdev_config *c,
			     const struct parley_mdev_ids *ids, unsigned int vectors);
void parley_mdev_config_reset(struct parley_mdev_config *c);
void parley_mdev_config_read(const struct parley_mdev_config *c, unsigned int at,
			     u8 *data, size_t len);
void parley_mdev_config_raise(struct parley_mdev_config *c, bool raised);
bool parley_mdev_config_no_pin(const struct parley_mdev_config *c);
bool parley_mdev_config_write(struct parley_mdev_config *c, unsigned int at,
			      const u8 *data, size_t len);

bool parley_mdev_config_fits(const struct parley_mdev_config *c, const u8 *byte);
void parley_mdev_config_load(struct parley_mdev_config *c, const u8 *byte);

#endif /* _PARLEY_NVME_MDEV_CONFIG_H */
