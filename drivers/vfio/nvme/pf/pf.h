/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NVMe physical function: what its files share.
 *
 * The rooms, topmost first; a file knows those below its own.
 *
 *	main.c		the PCI driver; registers and memory as PCI has them
 *	sysfs.c		the attributes of the function
 *	sriov.c		virtual functions come and go, with all that they need
 *	virt.c, ns.c	virtualization management; namespaces
 *	ctrl.c		the controller's life
 *	identify.c	what the controller says of itself, checked
 *	admin.c		the admin queue and its commands
 *	nvme.h		what goes over the wire
 *
 * The hardware may lie or be gone at any time.  What it writes is read once and
 * checked once; every wait has an end; what breaks the rules makes the controller
 * DEAD, which takes memory from it and ends every waiter.
 *
 * Locks, outermost first.
 *
 *	device lock	of the PCI function, by the driver core: probe, remove,
 *			reset, suspend, sriov_configure().  Who makes or drops
 *			virtual functions holds it: @nr_vfs, @share, @taken.
 *	mutex		one at a time sends commands or starts and stops the
 *			controller: @id, @pool, @vf, @nr_secondaries.
 *	lock		irq-safe spinlock, a leaf: the queue, the slots, changes of
 *			@state.
 *
 * @mutex is not held while virtual functions appear or disappear: then their
 * drivers are bound and unbound, and those may want something of this one.
 */
#ifndef _PARLEY_NVME_PF_H
#define _PARLEY_NVME_PF_H

#include <kunit/visibility.h>
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include "nvme.h"

/*
 * Commands that may be in flight.  The queue has twice as many entries: who put
 * one in never finds it full, and an entry comes round again only after the
 * controller has taken it.
 */
#define PARLEY_NVME_SLOTS		8
#define PARLEY_NVME_DEPTH		(2 * PARLEY_NVME_SLOTS)

/* Time-outs of a command and of one that aborts it, in milliseconds. */
#define PARLEY_NVME_COMMAND_MS		60000
#define PARLEY_NVME_ABORT_MS		5000
/* Who waits looks at the controller so often: a dead one does not interrupt. */
#define PARLEY_NVME_LOOK_MS		250
/* Shutting down takes as long as the controller says, within these. */
#define PARLEY_NVME_SHUTDOWN_MIN_MS	5000
#define PARLEY_NVME_SHUTDOWN_MAX_MS	60000

/* A controller is of use with its admin queue, and one for I/O. */
#define PARLEY_NVME_VF_QUEUES_MIN	2
#define PARLEY_NVME_VF_INTERRUPTS_MIN	1
/* This driver has an admin queue with an interrupt, and no other. */
#define PARLEY_NVME_OWN_MIN		1

struct parley_nvme;

/**
 * enum parley_nvme_state - of the controller; the table is in ctrl.c
 * @PARLEY_NVME_OFF: disabled; reaches no memory
 * @PARLEY_NVME_LIVE: enabled; takes commands
 * @PARLEY_NVME_DEAD: broke the rules or failed; reaches no memory
 * @PARLEY_NVME_GONE: does not answer on the bus
 */
enum parley_nvme_state {
	PARLEY_NVME_OFF,
	PARLEY_NVME_LIVE,
	PARLEY_NVME_DEAD,
	PARLEY_NVME_GONE,
};

/**
 * struct parley_nvme_ops - how the function is reached
 * @read32: read a register; all ones if the function is gone
 * @write32: write a register; what was written to memory before is seen first
 * @alloc: zeroed memory that both sides see, or NULL
 * @free: give it back
 * @master: let the function reach memory, or take that from it; any context
 * @reset: reset the whole function and keep its configuration; -ENOTTY if it has
 *	no such reset
 * @vfs_enable: make so many virtual functions appear; there are none yet
 * @vfs_release: take their drivers from them
 * @vfs_disable: make them disappear
 *
 * All but the first two and @master are called in process context.
 */
struct parley_nvme_ops {
	u32 (*read32)(struct parley_nvme *n, u32 reg);
	void (*write32)(struct parley_nvme *n, u32 reg, u32 value);
	void *(*alloc)(struct parley_nvme *n, size_t size, dma_addr_t *dma);
	void (*free)(struct parley_nvme *n, size_t size, void *memory,
		     dma_addr_t dma);
	void (*master)(struct parley_nvme *n, bool on);
	int (*reset)(struct parley_nvme *n);
	int (*vfs_enable)(struct parley_nvme *n, unsigned int nr);
	void (*vfs_release)(struct parley_nvme *n);
	void (*vfs_disable)(struct parley_nvme *n);
};

/**
 * struct parley_nvme_slot - a command in flight
 * @done: it was answered, or the controller is DEAD or GONE
 * @page: memory for its data, which is this slot's only
 * @dma: address of @page
 * @cid: its number: the slot, and a count that tells it from earlier ones
 * @busy: somebody has the slot
 * @sent: an answer is awaited
 * @err: why there will be none
 * @status: of the answer, without the phase
 * @result: of the answer
 */
struct parley_nvme_slot {
	struct completion done;
	void *page;
	dma_addr_t dma;
	u16 cid;
	bool busy;
	bool sent;
	int err;
	u16 status;
	u32 result;
};

/**
 * struct parley_nvme_admin - the admin queue
 * @sq: commands; never read back
 * @cq: answers
 * @sq_dma: address of @sq
 * @cq_dma: address of @cq
 * @sq_tail: where the next command goes
 * @cq_head: where the next answer comes
 * @phase: what marks it as new
 * @round: counts commands, for their numbers
 * @slot: the commands; the last is for one that aborts
 */
struct parley_nvme_admin {
	struct nvme_command *sq;
	struct nvme_completion *cq;
	dma_addr_t sq_dma;
	dma_addr_t cq_dma;
	u16 sq_tail;
	u16 cq_head;
	u16 phase;
	u16 round;
	struct parley_nvme_slot slot[PARLEY_NVME_SLOTS];
};

/**
 * struct parley_nvme_req - a command and what came of it
 * @cmd: the command, without number and address
 * @data: what goes with it, or NULL
 * @len: bytes of @data, a page at most
 * @out: @data goes to the controller; else it comes from there
 * @status: what the controller answered, 0 is success
 * @result: the same, its first word
 */
struct parley_nvme_req {
	struct nvme_command cmd;
	void *data;
	size_t len;
	bool out;
	u16 status;
	u32 result;
};

/**
 * struct parley_nvme_id - what the controller said of itself
 * @cntlid: its number
 * @oacs: optional admin commands
 * @nn: largest number of a namespace
 * @shutdown_ms: how long a shutdown may take
 * @serial: serial number
 * @model: model
 * @firmware: revision of its firmware
 */
struct parley_nvme_id {
	u16 cntlid;
	u16 oacs;
	u32 nn;
	u32 shutdown_ms;
	char serial[21];
	char model[41];
	char firmware[9];
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
 * struct parley_nvme_vf - a secondary controller
 * @cntlid: its number
 * @number: that of its virtual function, from 1
 * @have: resources that it has
 * @online: it works
 */
struct parley_nvme_vf {
	u16 cntlid;
	u16 number;
	u16 have[PARLEY_NVME_KINDS];
	bool online;
};

/**
 * struct parley_nvme - a physical function
 * @dev: the device, for messages
 * @ops: how it is reached
 * @bar: bytes of registers
 * @command_ms: time-out of a command
 * @abort_ms: time-out of one that aborts
 * @mutex: see above
 * @lock: see above
 * @state: see above
 * @stride: distance of doorbells in bytes
 * @ready_ms: how long enabling and disabling may take
 * @cc: configuration as it was written, to enable
 * @version: of the specification that the controller follows
 * @id: what it said of itself
 * @admin: its admin queue
 * @virt: NULL if it can have virtual functions, else why not
 * @pool: flexible resources
 * @vf: secondary controllers
 * @nr_secondaries: how many
 * @nr_vfs: virtual functions that are enabled
 * @share: what each of them gets
 * @taken: flexible resources that the primary had before we took them
 * @took: @taken has something
 */
struct parley_nvme {
	struct device *dev;
	const struct parley_nvme_ops *ops;
	size_t bar;
	unsigned int command_ms;
	unsigned int abort_ms;

	struct mutex mutex;
	spinlock_t lock;
	enum parley_nvme_state state;

	u32 stride;
	unsigned int ready_ms;
	u32 cc;
	u32 version;
	struct parley_nvme_id id;
	struct parley_nvme_admin admin;

	const char *virt;
	struct parley_nvme_pool pool[PARLEY_NVME_KINDS];
	struct parley_nvme_vf vf[PARLEY_NVME_SECONDARIES_MAX];
	unsigned int nr_secondaries;

	unsigned int nr_vfs;
	u16 share[PARLEY_NVME_KINDS];
	u16 taken[PARLEY_NVME_KINDS];
	bool took;
};

/* admin.c */
int parley_nvme_admin_alloc(struct parley_nvme *n);
void parley_nvme_admin_free(struct parley_nvme *n);
void parley_nvme_admin_clear(struct parley_nvme *n);
void parley_nvme_set_state(struct parley_nvme *n, enum parley_nvme_state state);
void parley_nvme_fail(struct parley_nvme *n, enum parley_nvme_state state,
		      const char *why);
bool parley_nvme_reap(struct parley_nvme *n);
int parley_nvme_admin(struct parley_nvme *n, struct parley_nvme_req *req);

/* identify.c */
int parley_nvme_identify(struct parley_nvme *n, u8 cns, u32 nsid, u16 cntlid,
			 void *data);
int parley_nvme_learn(struct parley_nvme *n);
int parley_nvme_learn_virt(struct parley_nvme *n);

/* ctrl.c */
int parley_nvme_init(struct parley_nvme *n, struct device *dev,
		     const struct parley_nvme_ops *ops, size_t bar);
void parley_nvme_exit(struct parley_nvme *n);
int parley_nvme_start(struct parley_nvme *n);
void parley_nvme_stop(struct parley_nvme *n, bool shutdown);

/* virt.c */
struct parley_nvme_vf *parley_nvme_vf_find(struct parley_nvme *n,
					   unsigned int number);
int parley_nvme_primary(struct parley_nvme *n, enum parley_nvme_kind kind, u16 nr);
int parley_nvme_assign(struct parley_nvme *n, const struct parley_nvme_vf *vf,
		       enum parley_nvme_kind kind, u16 nr);
int parley_nvme_online(struct parley_nvme *n, const struct parley_nvme_vf *vf);
int parley_nvme_offline(struct parley_nvme *n, const struct parley_nvme_vf *vf);

/* ns.c */
struct parley_nvme_ns {
	u64 blocks;
	u32 block_size;
};

int parley_nvme_ns_list(struct parley_nvme *n, u32 *nsid, unsigned int max);
int parley_nvme_ns_identify(struct parley_nvme *n, u32 nsid,
			    struct parley_nvme_ns *ns);
int parley_nvme_ns_create(struct parley_nvme *n, u64 blocks, u8 format, u32 *nsid);
int parley_nvme_ns_delete(struct parley_nvme *n, u32 nsid);
int parley_nvme_ns_attach(struct parley_nvme *n, u32 nsid, unsigned int number,
			  bool attach);

/* sriov.c */
int parley_nvme_share(struct parley_nvme *n, unsigned int nr, u16 *share);
int parley_nvme_vfs_up(struct parley_nvme *n, unsigned int nr);
void parley_nvme_vfs_down(struct parley_nvme *n);
void parley_nvme_pause(struct parley_nvme *n, bool shutdown);
int parley_nvme_go_on(struct parley_nvme *n);
void parley_nvme_down(struct parley_nvme *n);

/* sysfs.c */
extern const struct attribute_group *parley_nvme_groups[];

#endif /* _PARLEY_NVME_PF_H */
