/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NVMe physical function: what its files share.
 *
 * The rooms, topmost first; a file knows those below its own.
 *
 *	main.c		the PCI driver; registers and memory as PCI has them
 *	sysfs.c		the attributes of the function
 *	list.c		what there is, as text: namespaces, formats, room
 *	birth.c		one virtual function and its namespace, for one guest
 *	sriov.c		virtual functions come and go, with all that they need
 *	format.c	a namespace is erased by the controller
 *	event.c		what the controller tells by itself
 *	virt.c, ns.c	virtualization management; namespaces
 *	identify.c	what the controller says of its resources, checked
 *	../ctrl/	the controller
 *
 * Locks, outermost first; the last two are the controller's.
 *
 *	device lock	of the PCI function, by the driver core: probe, remove,
 *			reset, suspend, sriov_configure().  Who makes or drops
 *			virtual functions holds it: @nr_vfs, @share, @taken.
 *	mutex		one at a time sends commands or starts and stops the
 *			controller: @pool, @vf, @nr_secondaries, @up, @going,
 *			@formatting, @lent.
 *	lock		irq-safe spinlock, a leaf.
 *
 * @mutex is not held while virtual functions appear or disappear: then their
 * drivers are bound and unbound, and those may want something of this one.
 */
#ifndef _PARLEY_NVME_PF_H
#define _PARLEY_NVME_PF_H

#include <kunit/visibility.h>
#include <linux/bitmap.h>
#include <linux/workqueue.h>
#include "../ctrl/ctrl.h"

/* A controller is of use with its admin queue, and one for I/O. */
#define PARLEY_NVME_VF_QUEUES_MIN	2
#define PARLEY_NVME_VF_INTERRUPTS_MIN	1
/* This driver has an admin queue with an interrupt, and no other. */
#define PARLEY_NVME_OWN_MIN		1
/* A format may take so long, in milliseconds. */
#define PARLEY_NVME_FORMAT_MS		(10 * 60 * 1000)
/* A controller that tells of events without end is heard so often, in milliseconds. */
#define PARLEY_NVME_EVENT_MS		100

struct parley_nvme_pf;

/**
 * struct parley_nvme_pf_ops - how the bus makes virtual functions
 * @owner: a module that stays as long as there are some: they are somebody's disks
 * @vfs_enable: make so many appear; there are none yet
 * @vfs_release: take their drivers from them
 * @vfs_disable: make them disappear
 * @vf_bound: whether one of them has a driver
 *
 * All are called in process context.
 */
struct parley_nvme_pf_ops {
	struct module *owner;
	int (*vfs_enable)(struct parley_nvme_pf *pf, unsigned int nr);
	void (*vfs_release)(struct parley_nvme_pf *pf);
	void (*vfs_disable)(struct parley_nvme_pf *pf);
	bool (*vf_bound)(struct parley_nvme_pf *pf, unsigned int number);
};

/**
 * struct parley_nvme_pool - flexible resources of a kind
 * @total: all of them
 * @mine: of these, the primary's
 * @fixed: what the primary has beside them
 * @most: most for a virtual function
 * @grain: they are given in multiples of this, at least 1
 */
struct parley_nvme_pool {
	u32 total;
	u16 mine;
	u16 fixed;
	u16 most;
	u16 grain;
};

/**
 * struct parley_nvme_secondary - a secondary controller
 * @cntlid: its number
 * @number: that of its virtual function, from 1
 * @have: resources that it has
 * @online: it works
 */
struct parley_nvme_secondary {
	u16 cntlid;
	u16 number;
	u16 have[PARLEY_NVME_KINDS];
	bool online;
};

/**
 * struct parley_nvme_pf - a physical function
 * @n: its controller
 * @ops: how virtual functions are made
 * @virt: NULL if it can have virtual functions, else why not
 * @pool: flexible resources
 * @vf: secondary controllers
 * @nr_secondaries: how many
 * @nr_vfs: virtual functions that are enabled
 * @share: what each of them gets
 * @on_demand: they get it one by one; else all of them at once
 * @up: numbers of those that have it, or are to have it again after a reset
 * @going: they are being taken away
 * @taken: flexible resources that the primary had before we took them
 * @took: @taken has something
 * @formatting: a namespace that is being formatted, or 0
 * @lent: one that the primary was given for that, and has still, or 0
 * @format: the number of its format of blocks
 * @format_work: has it formatted
 * @formatted: it is over
 * @format_err: how that ended
 * @event: what the controller told of last
 * @events: how often it did
 * @event_work: sees to that
 */
struct parley_nvme_pf {
	struct parley_nvme n;
	const struct parley_nvme_pf_ops *ops;

	const char *virt;
	struct parley_nvme_pool pool[PARLEY_NVME_KINDS];
	struct parley_nvme_secondary vf[PARLEY_NVME_SECONDARIES_MAX];
	unsigned int nr_secondaries;

	unsigned int nr_vfs;
	u16 share[PARLEY_NVME_KINDS];
	bool on_demand;
	DECLARE_BITMAP(up, PARLEY_NVME_SECONDARIES_MAX + 1);
	bool going;
	u16 taken[PARLEY_NVME_KINDS];
	bool took;
	u32 formatting;
	u32 lent;
	u8 format;
	struct work_struct format_work;
	struct completion formatted;
	int format_err;

	u32 event;
	unsigned int events;
	struct delayed_work event_work;
};

/* identify.c */
int parley_pf_learn_virt(struct parley_nvme_pf *pf);

/* virt.c */
struct parley_nvme_secondary *parley_pf_secondary_find(struct parley_nvme_pf *pf,
						       unsigned int number);
int parley_pf_primary(struct parley_nvme_pf *pf, enum parley_nvme_kind kind, u16 nr);
int parley_pf_assign(struct parley_nvme_pf *pf, const struct parley_nvme_secondary *vf,
		     enum parley_nvme_kind kind, u16 nr);
int parley_pf_online(struct parley_nvme_pf *pf, const struct parley_nvme_secondary *vf);
int parley_pf_offline(struct parley_nvme_pf *pf, const struct parley_nvme_secondary *vf);

/* list.c */
ssize_t parley_pf_list_sizes(struct parley_nvme_pf *pf, char *buf);
ssize_t parley_pf_list_holders(struct parley_nvme_pf *pf, char *buf);
ssize_t parley_pf_list_formats(struct parley_nvme_pf *pf, char *buf);
ssize_t parley_pf_list_capacity(struct parley_nvme_pf *pf, char *buf);

/* ns.c */
u8 parley_pf_ns_cns(const struct parley_nvme_pf *pf);
int parley_pf_ns_list(struct parley_nvme_pf *pf, u32 *nsid, unsigned int max);
int parley_pf_ns_identify(struct parley_nvme_pf *pf, u32 nsid,
			  struct parley_nvme_ns *ns);
int parley_pf_ns_holders(struct parley_nvme_pf *pf, u32 nsid, unsigned long *holders);
int parley_pf_ns_create(struct parley_nvme_pf *pf, u64 blocks, u8 format, u32 *nsid);
int parley_pf_ns_delete(struct parley_nvme_pf *pf, u32 nsid);
int parley_pf_ns_attach(struct parley_nvme_pf *pf, u32 nsid, unsigned int number,
			bool attach);

/* format.c */
int parley_pf_ns_format(struct parley_nvme_pf *pf, u32 nsid);
void parley_pf_format_init(struct parley_nvme_pf *pf);
void parley_pf_format_exit(struct parley_nvme_pf *pf);
int parley_pf_format_take_back(struct parley_nvme_pf *pf);

/* event.c */
void parley_pf_event_init(struct parley_nvme_pf *pf);
int parley_pf_event_on(struct parley_nvme_pf *pf);
void parley_pf_event_off(struct parley_nvme_pf *pf);

/* sriov.c */
int parley_pf_init(struct parley_nvme_pf *pf, struct device *dev,
		   const struct parley_nvme_ops *ops,
		   const struct parley_nvme_pf_ops *pf_ops, size_t bar);
int parley_pf_share(struct parley_nvme_pf *pf, unsigned int nr, u16 *share);
int parley_pf_vfs_up(struct parley_nvme_pf *pf, unsigned int nr);
void parley_pf_vfs_down(struct parley_nvme_pf *pf);
void parley_pf_pause(struct parley_nvme_pf *pf, bool shutdown);
int parley_pf_go_on(struct parley_nvme_pf *pf);
void parley_pf_down(struct parley_nvme_pf *pf);
int parley_pf_vf_equip(struct parley_nvme_pf *pf, unsigned int number);
int parley_pf_vf_strip(struct parley_nvme_pf *pf, unsigned int number);

/* birth.c */
int parley_pf_birth(struct parley_nvme_pf *pf, unsigned int number, u64 blocks,
		    u8 format, u32 *nsid);
int parley_pf_death(struct parley_nvme_pf *pf, unsigned int number, u32 nsid,
		    bool delete);

/* sysfs.c */
extern const struct attribute_group *parley_nvme_groups[];

#endif /* _PARLEY_NVME_PF_H */
