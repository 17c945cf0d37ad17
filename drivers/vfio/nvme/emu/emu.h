/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An emulated NVMe controller, as a guest sees it: one namespace, which is that of a
 * virtual function.  It knows neither VFIO nor PCI: how the guest's memory is reached
 * and how the guest is interrupted, its user says.
 *
 * The guest is hostile, and so is whoever runs it.  What they write is read once,
 * into memory that they cannot reach, and checked there.  A command that is wrong has
 * an answer that says so; a doorbell that is wrong makes the controller report a
 * fatal fault (CSTS.CFS) and do nothing until it is reset.
 *
 * What its user needs of it is here and, for migration, in state.h; what it consists of
 * is in controller.h, and what its rooms have of each other in rooms.h.
 */
#ifndef _PARLEY_NVME_EMU_H
#define _PARLEY_NVME_EMU_H

#include <kunit/visibility.h>
#include <linux/types.h>
#include <parley/policy.h>
#include "../vf/vf.h"

/* Of the specification. */
#define PARLEY_EMU_VERSION		NVME_VS(1, 4, 0)
/* Pairs of queues, with that of admin commands. */
#define PARLEY_EMU_QUEUES		(PARLEY_NVME_IO_QUEUES + 1)
/* Registers, and doorbells right behind them, in a region of this size. */
#define PARLEY_EMU_BAR			0x2000

/* The widest grid of time: who waits for a point waits no longer. */
#define PARLEY_EMU_GRID_MAX_US		1000000u

struct page;
struct parley_emu;
struct parley_limit;

/**
 * struct parley_emu_config - what its user wants of a controller
 * @serial: what it says is its serial number; there as long as the controller
 * @queues: most pairs of queues for I/O that it has, at least 1; it has no more than
 *	the function
 * @polled: a thread of its own looks after it
 * @policy: what the guest may do, or NULL for the default; a reference of it is kept
 * @grid_us: how wide its grid of time is, PARLEY_EMU_GRID_MAX_US at most; 0: it has none
 * @limits: a leaf for each of these, which nobody else asks, there as long as the
 *	controller; or NULL
 * @now: the clock of these; NULL: the machine's
 */
struct parley_emu_config {
	const char *serial;
	unsigned int queues;
	bool polled;
	struct parley_policy *policy;
	unsigned int grid_us;
	struct parley_limit *const *limits;
	u64 (*now)(struct parley_emu *e);
};

/**
 * struct parley_emu_ops - how the guest is reached
 * @read: copy from its memory
 * @write: copy to its memory
 * @pin: hold a page of its memory and let the function reach it; @in: the function
 *	writes there
 * @unpin: let go of it
 * @share: keep a page of it where it is, to be read and written directly; @at: where
 * @unshare: let go of it; if it was taken away meanwhile, this does nothing
 * @wrote: something was written directly, of what is shared; NULL: nobody wants to know
 * @rest: nothing of its memory is held, and nothing needs to be kept for later; NULL if
 *	nothing is
 * @interrupt: interrupt the guest by a message
 * @line: raise its interrupt line, or lower it; called when that changes
 * @unmap: if the guest has its doorbells mapped (parley_emu_bells()), take them from it:
 *	when it touches them next, parley_emu_touched() is called.  Without the mutex;
 *	NULL if they never are
 *
 * All are called in process context and may sleep, with the controller's mutex held.
 * Addresses are the guest's, of any value; what is not its memory is an error, and so is
 * what is being taken away from it: that is -EBUSY of @pin, and the command waits in its
 * queue until it is known what is there then.  Whoever takes it away waits for @unpin: each page
 * that is held is let go of within the time-out of a command of the function.  Before he
 * takes away what is shared he calls parley_emu_unshared().
 */
struct parley_emu_ops {
	int (*read)(struct parley_emu *e, u64 address, void *data, size_t len);
	int (*write)(struct parley_emu *e, u64 address, const void *data, size_t len);
	int (*pin)(struct parley_emu *e, u64 address, bool in, dma_addr_t *dma);
	void (*unpin)(struct parley_emu *e, u64 address, bool in, dma_addr_t dma);
	int (*share)(struct parley_emu *e, u64 address, void **at);
	void (*unshare)(struct parley_emu *e, u64 address);
	void (*wrote)(struct parley_emu *e, u64 address, size_t len);
	void (*rest)(struct parley_emu *e);
	void (*interrupt)(struct parley_emu *e, unsigned int vector);
	void (*line)(struct parley_emu *e, bool raised);
	void (*unmap)(struct parley_emu *e);
};

extern const struct parley_policy_language parley_emu_language;
extern const char parley_emu_default_policy[];

int parley_emu_init(struct parley_emu *e, struct parley_nvme_vf *vf,
		    const struct parley_emu_ops *ops,
		    const struct parley_emu_config *config);
void parley_emu_exit(struct parley_emu *e);
void parley_emu_reset(struct parley_emu *e);
void parley_emu_wire(struct parley_emu *e, bool wired);
struct page *parley_emu_bells(struct parley_emu *e);
u32 parley_emu_read32(struct parley_emu *e, u32 reg);
void parley_emu_write32(struct parley_emu *e, u32 reg, u32 value);
void parley_emu_ring(struct parley_emu *e, u32 reg, u32 value);
void parley_emu_kick(struct parley_emu *e);
void parley_emu_touched(struct parley_emu *e);
void parley_emu_unshared(struct parley_emu *e, u64 first, u64 last);

#endif /* _PARLEY_NVME_EMU_H */
