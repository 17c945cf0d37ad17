/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gate to the guest's memory: what is held, kept and taken away.  Its locks are in
 * mdev.h, its rules in Documentation/vfio-gate.rst.
 */
#ifndef _PARLEY_MDEV_GATE_H
#define _PARLEY_MDEV_GATE_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/vfio.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

struct parley_mdev_gate;
struct parley_mdev_leaving;

/**
 * enum parley_mdev_way - what a page is held for
 * @PARLEY_MDEV_OUT: the function reads it
 * @PARLEY_MDEV_IN: the function writes it
 * @PARLEY_MDEV_SHARED: the controller reads and writes it itself
 * @PARLEY_MDEV_WAYS: and no others; a power of 2
 */
enum parley_mdev_way {
	PARLEY_MDEV_OUT,
	PARLEY_MDEV_IN,
	PARLEY_MDEV_SHARED,
	PARLEY_MDEV_WAYS = 4,
};

/**
 * struct parley_mdev_gate_ops - the steps of the gate, each with what undoes it
 * @rw: copy from or to the guest's memory
 * @pin: keep a page of it where it is
 * @unpin: let go of it
 * @map: let the function reach a part of a page; not of one that is shared
 * @unmap: keep it from that: when this returns, it reaches it no more
 * @unshared: pages are taken away: when this returns, nobody uses them directly, who
 *	shared them or is about to; all of them if @last is U64_MAX
 * @watch: see to it that parley_mdev_gate_left() is called when the thread that takes
 *	memory away, which is this one, asks no more; an error: it does not come back
 * @abandon: end what the function does for the guest, for which pages are held
 *
 * @rw, @pin and @map return 0 or an error, @pin -ENOMEM if there is no memory or as much
 * of it is pinned as may be.  @unmap and @unshared take no lock of VFIO's; @unmap does not
 * sleep.
 */
struct parley_mdev_gate_ops {
	int (*rw)(struct parley_mdev_gate *g, u64 address, void *data, size_t len,
		  bool write);
	int (*pin)(struct parley_mdev_gate *g, u64 address, enum parley_mdev_way way,
		   struct page **page);
	void (*unpin)(struct parley_mdev_gate *g, u64 address);
	int (*map)(struct parley_mdev_gate *g, struct page *page, unsigned int offset,
		   enum parley_mdev_way way, dma_addr_t *dma);
	void (*unmap)(struct parley_mdev_gate *g, dma_addr_t dma,
		      enum parley_mdev_way way);
	void (*unshared)(struct parley_mdev_gate *g, u64 first, u64 last);
	int (*watch)(struct parley_mdev_gate *g, struct parley_mdev_leaving *l);
	void (*abandon)(struct parley_mdev_gate *g);
};

/*
 * Pages of a device that are held or kept, each way counted: 128 MiB of 4 KiB, more than
 * all commands together can hold.
 */
#define PARLEY_MDEV_PAGES	32768
/* Kept ones that go at once when no more may be pinned. */
#define PARLEY_MDEV_SHRINK	64
/* So many that are pinned after that, and one more may be kept. */
#define PARLEY_MDEV_GROW	64
/* How long taking memory away waits at a time, and how often not for ever. */
#define PARLEY_MDEV_UNMAP_MS	5000
#define PARLEY_MDEV_LATE	5

/* Of struct parley_mdev_page, @held: nobody holds it anew. */
#define PARLEY_MDEV_GOING	INT_MIN

/**
 * struct parley_mdev_page - a page of the guest's that is noted, for one way
 * @rcu: it is looked up without a lock
 * @node: in the list of those that are let go of
 * @key: which page, and which way
 * @held: by so many; PARLEY_MDEV_GOING
 * @used: since the hand came by
 * @mapped: the function reaches it
 * @sharers: of those who hold it, who have not been told that it goes
 * @dma: where the function finds it
 * @memory: what it is
 */
struct parley_mdev_page {
	struct rcu_head rcu;
	struct list_head node;
	unsigned long key;
	atomic_t held;
	bool used;
	bool mapped;
	unsigned int sharers;
	dma_addr_t dma;
	struct page *memory;
};

/**
 * struct parley_mdev_leaving - an area that is being taken away
 * @back: of @watch: called when who does so is back in user space
 * @node: in the list of these
 * @gate: whose it is
 * @who: the thread that does so, by which it is known, and nothing else
 * @first: the first page of the area that he asked for last
 * @last: its last page
 * @watched: @watch has it
 */
struct parley_mdev_leaving {
	struct callback_head back;
	struct list_head node;
	struct parley_mdev_gate *gate;
	const struct task_struct *who;
	u64 first;
	u64 last;
	bool watched;
};

/**
 * struct parley_mdev_gate_stats - what was counted since the device was opened
 * @hits: pages that were there
 * @misses: pages that had to be pinned
 * @evictions: kept ones that went to make room
 * @invalidations: kept or held ones that were taken away
 * @most: noted at a time
 */
struct parley_mdev_gate_stats {
	u64 hits;
	u64 misses;
	u64 evictions;
	u64 invalidations;
	unsigned int most;
};

/**
 * struct parley_mdev_gate - the way to the guest's memory
 * @ops: its steps
 * @vdev: the device, for VFIO
 * @dev: the function, for the DMA API
 * @serial: who comes through holds it; NULL in tests
 * @lock: guards the rest
 * @pages: struct parley_mdev_page of those that are noted, by key; looked up with RCU
 * @nr: how many these are
 * @room: how many may be kept
 * @most: how many may be held: PARLEY_MDEV_PAGES
 * @grown: pages that were pinned since there was more room
 * @hand: where the last one was that had to make room
 * @late: how often somebody waited for one to no avail since nothing was noted
 * @taking: those who take memory away, until they have told and unmapped
 * @leaving: struct parley_mdev_leaving, one of each thread at most
 * @going: pages that nobody holds and the function does not reach, to be unpinned
 * @work: does that
 * @wait: woken whenever a page is let go of
 * @stats: see there; @hits, @misses and @evictions are of who holds @serial
 */
struct parley_mdev_gate {
	const struct parley_mdev_gate_ops *ops;
	struct vfio_device *vdev;
	struct device *dev;
	struct mutex *serial;
	struct mutex lock;
	struct xarray pages;
	unsigned int nr;
	unsigned int room;
	unsigned int most;
	unsigned int grown;
	unsigned long hand;
	unsigned int late;
	unsigned int taking;
	struct list_head leaving;
	struct list_head going;
	struct work_struct work;
	wait_queue_head_t wait;
	struct parley_mdev_gate_stats stats;
};

/* gate.c */
void parley_mdev_gate_init(struct parley_mdev_gate *g,
			   const struct parley_mdev_gate_ops *ops);
void parley_mdev_gate_begin(struct parley_mdev_gate *g);
void parley_mdev_gate_end(struct parley_mdev_gate *g);
void parley_mdev_gate_exit(struct parley_mdev_gate *g);
int parley_mdev_gate_pin(struct parley_mdev_gate *g, u64 address, bool in,
			 dma_addr_t *dma);
void parley_mdev_gate_unpin(struct parley_mdev_gate *g, u64 address, bool in);
int parley_mdev_gate_share(struct parley_mdev_gate *g, u64 address, struct page **memory);
void parley_mdev_gate_unshare(struct parley_mdev_gate *g, u64 address);
void parley_mdev_gate_empty(struct parley_mdev_gate *g);
void parley_mdev_out_of_reach(struct parley_mdev_gate *g, struct parley_mdev_page *page);

/* gate_leave.c */
u64 parley_mdev_number(u64 address);
bool parley_mdev_leaves(struct parley_mdev_gate *g, u64 page);
void parley_mdev_gate_left(struct parley_mdev_leaving *l);
bool parley_mdev_gate_leave(struct parley_mdev_gate *g, u64 address, u64 len);

/* gate_vfio.c */
extern const struct parley_mdev_gate_ops parley_mdev_gate_vfio;

#endif /* _PARLEY_MDEV_GATE_H */
