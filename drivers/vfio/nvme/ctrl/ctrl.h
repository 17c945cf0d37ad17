/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NVMe controllers: what drivers of physical and of virtual functions share.
 *
 * The rooms, topmost first; a file knows those below its own.
 *
 *	pci.c		how PCI reaches it
 *	ctrl.c		the controller's life
 *	identify.c	what it says of itself, checked
 *	admin.c		the admin queue and its commands
 *	queue.c		a pair of queues in memory
 *	nvme.h		what goes over the wire
 *
 * The hardware may lie or be gone at any time.  What it writes is read once and
 * checked once; every wait has an end; what breaks the rules makes the controller
 * DEAD, which takes memory from it and ends every waiter.
 *
 * Who has a function of a controller does not wait for it in person: a kill would have
 * to wait as well, as long as the controller likes.  See ../vf/errand.c.
 *
 * Locks, outermost first.
 *
 *	mutex		one at a time sends commands or starts and stops the
 *			controller: @id.
 *	lock		irq-safe spinlock, a leaf: the admin queue, its slots,
 *			changes of @state.
 */
#ifndef _PARLEY_NVME_CTRL_H
#define _PARLEY_NVME_CTRL_H

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
/*
 * Enabling, disabling and shutting down take as long as the controller says, within these;
 * times in its registers are in units.
 */
#define PARLEY_NVME_UNIT_MS		500
#define PARLEY_NVME_READY_MAX_MS	(255 * PARLEY_NVME_UNIT_MS)
#define PARLEY_NVME_SHUTDOWN_MIN_MS	5000
#define PARLEY_NVME_SHUTDOWN_MAX_MS	60000

struct parley_nvme;
struct pci_dev;

/**
 * enum parley_nvme_state - of the controller; the table is in ctrl.c
 * @PARLEY_NVME_OFF: disabled; reaches no memory
 * @PARLEY_NVME_LIVE: enabled; takes commands
 * @PARLEY_NVME_DEAD: broke the rules, failed or was abandoned; reaches no memory
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
 * @present: whether the bus finds the function, which may be asleep or lack its power
 * @reset: reset the whole function and keep its configuration; -ENOTTY if it has
 *	no such reset
 *
 * @alloc, @free, @present and @reset are called in process context.
 */
struct parley_nvme_ops {
	u32 (*read32)(struct parley_nvme *n, u32 reg);
	void (*write32)(struct parley_nvme *n, u32 reg, u32 value);
	void *(*alloc)(struct parley_nvme *n, size_t size, dma_addr_t *dma);
	void (*free)(struct parley_nvme *n, size_t size, void *memory,
		     dma_addr_t dma);
	void (*master)(struct parley_nvme *n, bool on);
	bool (*present)(struct parley_nvme *n);
	int (*reset)(struct parley_nvme *n);
};

/**
 * struct parley_nvme_queue - a submission queue and its completion queue
 * @sq: commands; never read back
 * @cq: answers
 * @sq_dma: address of @sq
 * @cq_dma: address of @cq
 * @id: number of both; 0 is the admin queue
 * @depth: entries of each
 * @sq_tail: where the next command goes
 * @sq_rung: the same, as the controller knows it
 * @cq_head: where the next answer comes
 * @phase: what marks it as new
 *
 * Whoever has the queue serialises what is done to it.
 */
struct parley_nvme_queue {
	struct nvme_command *sq;
	struct nvme_completion *cq;
	dma_addr_t sq_dma;
	dma_addr_t cq_dma;
	u16 id;
	u16 depth;
	u16 sq_tail;
	u16 sq_rung;
	u16 cq_head;
	u16 phase;
};

/**
 * struct parley_nvme_answer - an answer, in memory of ours
 * @cid: number of the command
 * @status: of the answer, without the phase
 * @result: its first word
 */
struct parley_nvme_answer {
	u16 cid;
	u16 status;
	u32 result;
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
 * @queue: the queue
 * @round: counts commands, for their numbers
 * @slot: the commands; the last is for one that aborts, that before it for events
 */
struct parley_nvme_admin {
	struct parley_nvme_queue queue;
	u16 round;
	struct parley_nvme_slot slot[PARLEY_NVME_SLOTS];
};

/**
 * struct parley_nvme_req - a command and what came of it
 * @cmd: the command, without number and address
 * @data: what goes with it, or NULL
 * @len: bytes of @data, a page at most
 * @out: @data goes to the controller; else it comes from there
 * @ms: time-out, or 0 for that of all
 * @status: what the controller answered, 0 is success
 * @result: the same, its first word
 */
struct parley_nvme_req {
	struct nvme_command cmd;
	void *data;
	size_t len;
	bool out;
	unsigned int ms;
	u16 status;
	u32 result;
};

/**
 * struct parley_nvme_id - what the controller said of itself
 * @cntlid: its number
 * @oacs: optional admin commands
 * @oncs: optional I/O commands
 * @oaes: optional events
 * @fna: what Format NVM is about
 * @nn: largest number of a namespace
 * @shutdown_ms: how long a shutdown may take
 * @transfer: most bytes of a command's data
 * @zeroes: most bytes of a Write Zeroes; this and what follows: parley_nvme_limits()
 * @verify: the same of a Verify
 * @ranges: most ranges of a Dataset Management
 * @range_blocks: most blocks of each
 * @ranges_blocks: most blocks of all of them
 * @vwc: it has a volatile write cache
 * @serial: serial number
 * @model: model
 * @firmware: revision of its firmware
 */
struct parley_nvme_id {
	u16 cntlid;
	u16 oacs;
	u16 oncs;
	u32 oaes;
	u8 fna;
	u32 nn;
	u32 shutdown_ms;
	u32 transfer;
	u32 zeroes;
	u32 verify;
	u32 ranges;
	u32 range_blocks;
	u64 ranges_blocks;
	bool vwc;
	char serial[21];
	char model[41];
	char firmware[9];
};

/**
 * struct parley_nvme_ns - a namespace, as it says of itself
 * @blocks: blocks
 * @block_size: bytes of one
 * @metadata: bytes beside it
 * @format: number of the format that these are of
 * @dlfeat: how it deallocates
 * @nguid: a name that no other namespace has, or zeroes
 * @eui64: the same, of another kind
 */
struct parley_nvme_ns {
	u64 blocks;
	u32 block_size;
	u16 metadata;
	u8 format;
	u8 dlfeat;
	u8 nguid[16];
	u8 eui64[8];
};

/**
 * struct parley_nvme - a controller
 * @dev: the device, for messages
 * @ops: how it is reached
 * @ended: called when it is not LIVE any more, for a reason that is an error
 *	number, and reaches no memory; whoever waits for a queue of the driver's
 *	own is to be ended.  Any context, no spinlock of ours held, maybe
 *	more than once.  NULL if there are no such queues
 * @abandoned: called when nobody waits for what it does any more; any context, no
 *	spinlock of ours held.  NULL if that is nothing to the driver
 * @event: called when the controller tells of an event; any context, @lock held.  NULL
 *	if it is not asked to
 * @regs: registers, where PCI has it
 * @bar: bytes of registers
 * @command_ms: time-out of a command
 * @abort_ms: time-out of one that aborts
 * @look_ms: how often who waits looks at the controller
 * @mutex: see above
 * @lock: see above
 * @state: see above
 * @stopping: it is OFF and may still reach memory; the same lock
 * @stride: distance of doorbells in bytes
 * @entries: most entries of a queue
 * @ready_ms: how long enabling and disabling may take
 * @cc: configuration as it was written, to enable
 * @version: of the specification that the controller follows
 * @id: what it said of itself
 * @admin: its admin queue
 * @commands: admin commands so far
 * @spent_ns: how long these took together
 */
struct parley_nvme {
	struct device *dev;
	const struct parley_nvme_ops *ops;
	void (*ended)(struct parley_nvme *n, int err);
	void (*abandoned)(struct parley_nvme *n);
	void (*event)(struct parley_nvme *n, u32 event);
	void __iomem *regs;
	size_t bar;
	unsigned int command_ms;
	unsigned int abort_ms;
	unsigned int look_ms;

	struct mutex mutex;
	spinlock_t lock;
	enum parley_nvme_state state;
	bool stopping;

	u32 stride;
	u32 entries;
	unsigned int ready_ms;
	u32 cc;
	u32 version;
	struct parley_nvme_id id;
	struct parley_nvme_admin admin;
	atomic64_t commands;
	atomic64_t spent_ns;
};

/* queue.c */
int parley_nvme_queue_alloc(struct parley_nvme *n, struct parley_nvme_queue *queue,
			    u16 id, u16 depth);
void parley_nvme_queue_free(struct parley_nvme *n, struct parley_nvme_queue *queue);
void parley_nvme_queue_clear(struct parley_nvme_queue *queue);
bool parley_nvme_queue_fits(struct parley_nvme *n, u16 id);
void parley_nvme_queue_put(struct parley_nvme_queue *queue, const struct nvme_command *cmd);
void parley_nvme_queue_ring(struct parley_nvme *n, struct parley_nvme_queue *queue);
bool parley_nvme_queue_look(struct parley_nvme_queue *queue,
			    struct parley_nvme_answer *answer, const char **fault);
void parley_nvme_queue_next(struct parley_nvme_queue *queue);
void parley_nvme_queue_taken(struct parley_nvme *n, struct parley_nvme_queue *queue);

/* admin.c */
int parley_nvme_admin_alloc(struct parley_nvme *n);
void parley_nvme_admin_free(struct parley_nvme *n);
void parley_nvme_admin_clear(struct parley_nvme *n);
int parley_nvme_state_error(enum parley_nvme_state state);
void parley_nvme_set_state(struct parley_nvme *n, enum parley_nvme_state state);
void parley_nvme_fail(struct parley_nvme *n, enum parley_nvme_state state,
		      const char *why);
void parley_nvme_abandon(struct parley_nvme *n);
bool parley_nvme_reap(struct parley_nvme *n);
void parley_nvme_look(struct parley_nvme *n);
int parley_nvme_admin(struct parley_nvme *n, struct parley_nvme_req *req);
int parley_nvme_ask_event(struct parley_nvme *n);

/* identify.c */
int parley_nvme_identify(struct parley_nvme *n, u8 cns, u32 nsid, u16 cntlid,
			 void *data);
int parley_nvme_log(struct parley_nvme *n, u8 page, void *data, size_t len);
int parley_nvme_learn(struct parley_nvme *n);
int parley_nvme_limits(struct parley_nvme *n);
int parley_nvme_list(struct parley_nvme *n, u8 cns, u32 *nsid, unsigned int max);
int parley_nvme_measure(struct parley_nvme *n, u8 cns, u32 nsid,
			struct parley_nvme_ns *ns);

/* ctrl.c */
int parley_nvme_init(struct parley_nvme *n, struct device *dev,
		     const struct parley_nvme_ops *ops, size_t bar);
void parley_nvme_exit(struct parley_nvme *n);
int parley_nvme_start(struct parley_nvme *n);
void parley_nvme_stop(struct parley_nvme *n, bool shutdown);
const char *parley_nvme_state_name(struct parley_nvme *n);

/* pci.c */
extern const struct parley_nvme_ops parley_nvme_pci_ops;
int parley_nvme_pci_on(struct parley_nvme *n, struct pci_dev *pdev, const char *name);
void parley_nvme_pci_off(struct parley_nvme *n, struct pci_dev *pdev);

#endif /* _PARLEY_NVME_CTRL_H */
