/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Migration: states (migrate.c), and how they leave and come (stream.c).
 */
#ifndef _PARLEY_NVME_MDEV_MIGRATION_H
#define _PARLEY_NVME_MDEV_MIGRATION_H

#include <linux/mutex.h>
#include <linux/vfio.h>
#include "../emu/state.h"
#include "config.h"

struct parley_emu;

/* Of VFIO's second protocol. */
#define PARLEY_MDEV_MIGRATION	(VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P | \
				 VFIO_MIGRATION_PRE_COPY)

/**
 * struct parley_mdev_who - what must be the same on both sides
 * @device: what it is on its bus
 * @disk: what is behind it
 */
struct parley_mdev_who {
	struct parley_state_device device;
	struct parley_state_disk disk;
};

/**
 * struct parley_mdev_stream - a state on its way
 * @lock: guards the rest
 * @who: the device
 * @over: the device has left it
 * @more: there is more to come
 * @refused: what is wrong with it, or NULL
 * @out: how much has come
 * @pos: how much of that was read
 * @data: the state
 */
struct parley_mdev_stream {
	struct mutex lock;
	struct parley_mdev_who who;
	bool over;
	bool more;
	const char *refused;
	struct parley_state_out out;
	size_t pos;
	u8 data[PARLEY_STATE_MAX];
};

/**
 * struct parley_mdev_migration - what migration knows of a device
 * @vdev: for VFIO
 * @emu: its controller
 * @config: its configuration space
 * @serial: its controller's serial number, with room for PARLEY_STATE_NAME_LEN and a 0
 * @mutex: guards the rest, and @config
 * @state: of migration
 * @file: of the stream, or NULL
 * @refused: why a state that was to be resumed was not, the last time; or NULL
 */
struct parley_mdev_migration {
	struct vfio_device *vdev;
	struct parley_emu *emu;
	struct parley_mdev_config *config;
	char *serial;
	struct mutex *mutex;
	enum vfio_device_mig_state state;
	struct file *file;
	const char *refused;
};

/* stream.c */
int parley_mdev_who_check(const struct parley_mdev_who *own,
			  const struct parley_state_part *part, const char **why);
int parley_mdev_stream_left(struct parley_mdev_stream *s, u64 *left);
struct file *parley_mdev_stream_open(const struct parley_mdev_who *who, bool in);
void parley_mdev_stream_close(struct file *file);

/* migrate.c */
struct file *parley_mdev_migration_set(struct parley_mdev_migration *g,
				       enum vfio_device_mig_state state);
void parley_mdev_migration_reset(struct parley_mdev_migration *g);
void parley_mdev_migration_end(struct parley_mdev_migration *g);
ssize_t parley_mdev_migration_show(struct parley_mdev_migration *g, char *buf);

#endif /* _PARLEY_NVME_MDEV_MIGRATION_H */
