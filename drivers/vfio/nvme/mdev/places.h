/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where things are in a mediated device.
 */
#ifndef _PARLEY_NVME_MDEV_PLACES_H
#define _PARLEY_NVME_MDEV_PLACES_H

#include "../emu/emu.h"

/* BAR 0: registers and doorbells; the MSI-X table and its pending bits; a power of 2. */
#define PARLEY_MDEV_TABLE	PARLEY_EMU_BAR
#define PARLEY_MDEV_PBA		(PARLEY_MDEV_TABLE + 0x1000)
#define PARLEY_MDEV_BAR		(PARLEY_MDEV_PBA + 0x1000)

/* Vectors: one for the admin queue, and one for each pair of queues. */
#define PARLEY_MDEV_VECTORS	PARLEY_EMU_QUEUES

/* Configuration space; what is behind the first part reads as zeroes. */
#define PARLEY_MDEV_CONFIG	4096
#define PARLEY_MDEV_HEADER	256

/* Capabilities. */
#define PARLEY_MDEV_PM		0x40
#define PARLEY_MDEV_MSIX	0x50
#define PARLEY_MDEV_EXP		0x60

/* Where a region is in the file of the device. */
#define PARLEY_MDEV_SHIFT	40
#define PARLEY_MDEV_OFFSET(region)	((u64)(region) << PARLEY_MDEV_SHIFT)

#endif /* _PARLEY_NVME_MDEV_PLACES_H */
