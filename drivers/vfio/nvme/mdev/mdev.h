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
 *	the emulator's	see emu.h; the gate and the interrupts are used with it held
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
#include <linux/xarray.h>
#include <parley/gate.h>
#include <parley/limits.h>
#include "../emu/emu.h"
#include "../emu/state.h"
#include "listen.h"

struct iommu_domain;

/* ------------------------------------------------------ where things are */

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

/* --------------------------------------------------- configuration space */

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

/* ------------------------------------------------------------ interrupts */

/**
 * struct parley_mdev_pin - the interrupt pin
 * @to: who is told, or NULL
 * @raised: the controller has something to tell
 * @masked: he was told, or does not want to be
 * @disabled: the guest does not
 * @unmask: an eventfd that unmasks it; guarded by the setup lock
 * @unmasking: does so
 */
struct parley_mdev_pin {
	struct eventfd_ctx *to;
	bool raised;
	bool masked;
	bool disabled;
	struct parley_mdev_listener unmask;
	struct work_struct unmasking;
};

/**
 * struct parley_mdev_irqs - who is told of interrupts
 * @signal: how somebody is told
 * @setup: see above
 * @lock: guards the rest
 * @vectors: how many there are of MSI-X
 * @msix: of each, or NULL
 * @masked: a bit for each that is not told of
 * @pending: a bit for each that would have been told of meanwhile
 * @pin: the pin
 * @request: who is told that the device should be left, or NULL
 */
struct parley_mdev_irqs {
	void (*signal)(struct eventfd_ctx *to);
	struct mutex setup;
	struct mutex lock;
	unsigned int vectors;
	struct eventfd_ctx *msix[PARLEY_MDEV_VECTORS];
	unsigned long masked;
	unsigned long pending;
	struct parley_mdev_pin pin;
	struct eventfd_ctx *request;
};

/* ------------------------------------------------------------- doorbells */

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

/* ----------------------------------------------------------------- types */

/* Rows of the table in types.c. */
#define PARLEY_MDEV_TYPES	8

/**
 * struct parley_mdev_kind - a type of devices: a row of the table in types.c
 * @name: behind the driver's name and a dash, it is that of the type in sysfs
 * @pretty: what people read
 * @queues: pairs of queues that the guest is offered; PARLEY_NVME_IO_QUEUES: all that
 *	the function has
 * @grid_us: how wide the guest's grid of time is; 0: it has none
 * @polled: a thread looks after it
 */
struct parley_mdev_kind {
	const char *name;
	const char *pretty;
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

/* ----------------------------------------------------------------- limits */

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

/* --------------------------------------------------------- what it wrote */

/* Pages whose marks are in one piece, and how many pieces there are at most: 1 TiB. */
#define PARLEY_MDEV_DIRTY_PAGES		4096u
#define PARLEY_MDEV_DIRTY_CHUNKS	65536

/* Some of one page, or more of all of them, was written. */
typedef void parley_mdev_dirty_fn(void *arg, u64 address, u64 len);

/**
 * struct parley_mdev_dirty - pages that were written
 * @lock: guards the rest
 * @on: somebody wants to know
 * @all: there was no room for a mark: all of them count as written
 * @first: the first page that matters
 * @last: the last one
 * @chunks: marks, by number of the first page
 * @nr: how many of these
 * @most: how many there may be
 */
struct parley_mdev_dirty {
	struct mutex lock;
	bool on;
	bool all;
	u64 first;
	u64 last;
	struct xarray chunks;
	unsigned int nr;
	unsigned int most;
};

/* ------------------------------------------------------------- migration */

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

/* -------------------------------------------------------------- the rest */

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

/* config.c */
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

/* irqs.c */
u32 parley_mdev_irqs_flags(unsigned int index);
unsigned int parley_mdev_irqs_count(unsigned int index, unsigned int vectors);
int parley_mdev_irqs_check(const struct vfio_irq_set *set, unsigned int vectors,
			   size_t *size);
int parley_mdev_irqs_set(struct parley_mdev_irqs *irqs, const struct vfio_irq_set *set,
			 const void *data);
void parley_mdev_irqs_init(struct parley_mdev_irqs *irqs);
void parley_mdev_irqs_begin(struct parley_mdev_irqs *irqs, unsigned int vectors);
void parley_mdev_irqs_exit(struct parley_mdev_irqs *irqs);
void parley_mdev_irqs_free(struct parley_mdev_irqs *irqs);
void parley_mdev_irqs_tell(struct parley_mdev_irqs *irqs, unsigned int vector);
bool parley_mdev_irqs_wired(struct parley_mdev_irqs *irqs);
bool parley_mdev_irqs_request(struct parley_mdev_irqs *irqs);

/* pin.c */
void parley_mdev_pin_init(struct parley_mdev_pin *pin);
void parley_mdev_pin_raise(struct parley_mdev_irqs *irqs, bool raised);
bool parley_mdev_pin_raised(struct parley_mdev_irqs *irqs);
void parley_mdev_pin_disable(struct parley_mdev_irqs *irqs, bool disabled);
void parley_mdev_pin_mask(struct parley_mdev_irqs *irqs, bool masked);
void parley_mdev_pin_forget(struct parley_mdev_irqs *irqs);
int parley_mdev_pin_heed(struct parley_mdev_irqs *irqs, s32 fd);

/* ring.c */
int parley_mdev_rings_check(const struct vfio_device_ioeventfd *io, u32 *at);
int parley_mdev_rings_set(struct parley_mdev_rings *r, struct parley_emu *e,
			  const struct vfio_device_ioeventfd *io);
void parley_mdev_rings_init(struct parley_mdev_rings *r);
void parley_mdev_rings_free(struct parley_mdev_rings *r);
void parley_mdev_rings_exit(struct parley_mdev_rings *r);

/* limits.c */
struct parley_mdev_drive *parley_mdev_drive_get(const struct device *disk);
void parley_mdev_drive_put(struct parley_mdev_drive *drive);
int parley_mdev_limits_make(struct parley_mdev_limits *l, struct parley_mdev_drive *drive,
			    unsigned int queues);
void parley_mdev_limits_free(struct parley_mdev_limits *l);
int parley_mdev_limits_show(struct parley_mdev_limits *l, char *buf);
int parley_mdev_limits_throttled(struct parley_mdev_limits *l, char *buf);
int parley_mdev_limits_set(struct parley_mdev_limits *l, const char *text);

/* iommu.c */
const char *parley_mdev_iommu_lack(const struct iommu_domain *domain);
int parley_mdev_iommu_check(struct device *dev);

/* sysfs.c */
extern const struct attribute_group *parley_mdev_groups[];

/* dirty.c */
#if IS_ENABLED(CONFIG_IOMMUFD_DRIVER)
extern const struct vfio_log_ops parley_mdev_log_ops;
#endif
void parley_mdev_dirty_init(struct parley_mdev_dirty *d);
void parley_mdev_dirty_exit(struct parley_mdev_dirty *d);
int parley_mdev_dirty_start(struct parley_mdev_dirty *d, u64 first, u64 last);
void parley_mdev_dirty_stop(struct parley_mdev_dirty *d);
void parley_mdev_dirty_mark(struct parley_mdev_dirty *d, u64 address, size_t len);
int parley_mdev_dirty_report(struct parley_mdev_dirty *d, u64 first, u64 last,
			     parley_mdev_dirty_fn *tell, void *arg);

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

/* reach.c */
extern const struct parley_emu_ops parley_mdev_emu_ops;
extern const struct parley_gate_user parley_mdev_gate_user;

/* device.c */
extern const struct vfio_device_ops parley_mdev_vfio_ops;

#endif /* _PARLEY_NVME_MDEV_H */
