/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NVMe virtual functions as mediated devices: what VFIO and the emulated controller
 * have in common.
 *
 * The rooms, topmost first; a file knows those below its own.
 *
 *	main.c		functions become parents, and their devices come and go
 *	types.c		what types of devices there are
 *	sysfs.c		what is to be seen of a device
 *	device.c	a device, as VFIO has it
 *	reach.c		what its controller and its gate ask of it
 *	migrate.c	its states, as migration has them
 *	stream.c	how its state leaves it and comes to it
 *	dirty.c		which of the guest's memory it wrote
 *	bells.c		doorbells that the guest writes without leaving
 *	iommu.c		whether the function can be given to a guest
 *	limits.c	limits of disks, devices and queues
 *	irqs.c		interrupts
 *	pin.c		of these, the pin
 *	ring.c		doorbells that eventfds write
 *	listen.c	what hears an eventfd
 *	region.c	which part of the device an access is about
 *	config.c	configuration space
 *	../emu/		the controller
 *	../../gate/	the gate to the guest's memory
 *	../vf/		the function
 *
 * What VFIO hands in is user space's, which is hostile: it is read once, into memory
 * of ours, bounded and checked there.
 *
 * Locks, outermost first.
 *
 *	VFIO's		of the group and the device set, around opening and closing
 *	mutex		of struct parley_mdev: configuration space, resets, migration
 *	stream lock	what is on its way from or to another device
 *	rings lock	which doorbells eventfds write
 *	the emulator's	see controller.h; the gate and the interrupts are used with it held
 *	gate lock	what is held and what leaves; nothing but an allocation is
 *			waited for with it held
 *	irqs setup	who is told of interrupts changes, one at a time
 *	irqs lock	who is told, what is raised, masked and pending; a leaf
 *	limits lock	who makes and sets limits, and the list of disks; a leaf but for
 *			the limits' own
 *	dirty lock	what was written; a leaf
 *
 * User space's memory is reached with none of them held but the emulator's, which reaches
 * the guest's: who closes the device waits for each.
 *
 * VFIO takes memory away (dma_unmap) with locks of its own held, which pinning takes
 * as well: there only the gate lock is taken, see ../../gate/leave.c.
 */
#ifndef _PARLEY_NVME_MDEV_H
#define _PARLEY_NVME_MDEV_H

#include <kunit/visibility.h>
#include <linux/mdev.h>
#include <linux/mutex.h>
#include <linux/pci_regs.h>
#include <linux/poll.h>
#include <linux/vfio.h>
#include <linux/wait.h>
#include <parley/gate.h>
#include "../emu/controller.h"
#include "config.h"
#include "dirty.h"
#include "irqs.h"
#include "limits.h"
#include "migration.h"
#include "rings.h"

struct iommu_domain;

/* Rows of the table in types.c. */
#define PARLEY_MDEV_TYPES	8

/**
 * struct parley_mdev_kind - a type of devices: a row of the table in types.c
 * @name: behind the driver's name and a dash, it is that of the type in sysfs
 * @pretty: what people read
 * @text: what they can read of it
 * @queues: pairs of queues that the guest is offered; PARLEY_NVME_IO_QUEUES: all that
 *	the function has
 * @grid_us: how wide the guest's grid of time is; 0: it has none
 * @polled: a thread looks after it
 */
struct parley_mdev_kind {
	const char *name;
	const char *pretty;
	const char *text;
	unsigned int queues;
	unsigned int grid_us;
	bool polled;
};

/**
 * struct parley_mdev_type - a type of a function
 * @type: what the mdev core has of it
 * @kind: its row
 */
struct parley_mdev_type {
	struct mdev_type type;
	const struct parley_mdev_kind *kind;
};

/**
 * struct parley_mdev_types - the types of a function
 * @type: of each, what is known of it
 * @list: the same, as the mdev core wants them
 * @nr: how many there are
 */
struct parley_mdev_types {
	struct parley_mdev_type type[PARLEY_MDEV_TYPES];
	struct mdev_type *list[PARLEY_MDEV_TYPES];
	unsigned int nr;
};

/**
 * struct parley_mdev_parent - a function that can be a device
 * @parent: what the mdev core has of it
 * @types: those of its devices
 * @policies: of those who open a device of a type
 * @vf: the function
 * @drive: its disk's limits
 */
struct parley_mdev_parent {
	struct mdev_parent parent;
	struct parley_mdev_types types;
	struct parley_policy_folder *policies;
	struct parley_nvme_vf *vf;
	struct parley_mdev_drive *drive;
};

/**
 * struct parley_mdev - a device
 * @vdev: what VFIO has of it
 * @vf: the function; handed out while the device is open
 * @kind: what type of device it is
 * @mutex: see above
 * @config: configuration space
 * @irqs: interrupts
 * @rings: doorbells that eventfds write
 * @gate: the way to the guest's memory
 * @limits: what it may do
 * @serial: what the controller says is its serial number
 * @bells: the page of doorbells may be mapped
 * @emu: the controller; there while the device is open
 * @dirty: what was written of the guest's memory
 * @migration: what migration knows of it
 */
struct parley_mdev {
	struct vfio_device vdev;
	struct parley_nvme_vf *vf;
	const struct parley_mdev_kind *kind;
	struct mutex mutex;
	struct parley_mdev_config config;
	struct parley_mdev_irqs irqs;
	struct parley_mdev_rings rings;
	struct parley_gate gate;
	struct parley_mdev_limits limits;
	char serial[21];
	bool bells;
	struct parley_emu emu;
	struct parley_mdev_dirty dirty;
	struct parley_mdev_migration migration;
};

/* types.c */
void parley_mdev_types_fill(struct parley_mdev_types *t, unsigned int queues);
const struct parley_mdev_kind *parley_mdev_kind_of(struct mdev_type *type);

/* region.c */
u64 parley_mdev_region_size(unsigned int region);
size_t parley_mdev_access(u64 pos, size_t count, unsigned int *region, u64 *at);
unsigned int parley_mdev_piece(u64 at, size_t left);
void parley_mdev_bar_read(struct parley_emu *e, u32 at, u8 *data, unsigned int size);
void parley_mdev_bar_write(struct parley_emu *e, u32 at, const u8 *data,
			   unsigned int size);

/* bells.c */
int parley_mdev_bells_mmap(struct parley_mdev *m, struct vm_area_struct *vma);
void parley_mdev_bells_unmap(struct parley_mdev *m);
int parley_mdev_bells_tell(struct parley_mdev *m, struct vfio_region_info *info,
			   struct vfio_info_cap *caps);

/* iommu.c */
const char *parley_mdev_iommu_lack(const struct iommu_domain *domain);
int parley_mdev_iommu_check(struct device *dev);

/* sysfs.c */
extern const struct attribute_group *parley_mdev_groups[];

/* reach.c */
extern const struct parley_emu_ops parley_mdev_emu_ops;
extern const struct parley_gate_user parley_mdev_gate_user;

/* device.c */
extern const struct vfio_device_ops parley_mdev_vfio_ops;

#endif /* _PARLEY_NVME_MDEV_H */
