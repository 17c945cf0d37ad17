/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The gate of a mediated device to its guest's memory: what the device's hardware is to
 * reach is checked, pinned and mapped, and when VFIO takes it away, it is out of reach
 * first.  The rules: Documentation/vfio-gate.rst.
 *
 * It knows no kind of device.  Its owner embeds struct parley_gate, says who VFIO and the
 * DMA API know it as, and calls
 *
 *	parley_gate_init() ... _exit()		with the device
 *	parley_gate_begin() ... _end()		when it is opened and closed
 *	parley_gate_pin() ... _unpin()		for what the hardware reads or writes
 *	parley_gate_share() ... _unshare()	for pages that the owner uses himself
 *	parley_gate_leave()			from VFIO's dma_unmap
 *
 * All but the last with a mutex of the owner's held, @serial; the last without, and with
 * VFIO's locks.  gate->lock is inside of all of these, and nothing but an allocation is
 * waited for with it held.
 */
#ifndef _PARLEY_GATE_H
#define _PARLEY_GATE_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

struct device;
struct mem_cgroup;
struct page;
struct vfio_device;
struct parley_gate;
struct parley_gate_leaving;
struct parley_gate_unpinner;

/* What is pinned and mapped at a time, in bytes. */
#define PARLEY_GATE_PAGE	SZ_4K

/*
 * Pages of a device that are held or kept, each way counted: 128 MiB of 4 KiB, more than
 * all commands together can hold.
 */
#define PARLEY_GATE_PAGES	32768
/*
 * How long taking memory away waits at a time, and how often somebody asks for the same until
 * it waits for ever.
 */
#define PARLEY_GATE_UNMAP_MS	5000
#define PARLEY_GATE_LATE	5

/**
 * enum parley_gate_way - what a page is held for
 * @PARLEY_GATE_OUT: the function reads it
 * @PARLEY_GATE_IN: the function writes it
 * @PARLEY_GATE_SHARED: the controller reads and writes it itself
 * @PARLEY_GATE_WAYS: and no others; a power of 2
 */
enum parley_gate_way {
	PARLEY_GATE_OUT,
	PARLEY_GATE_IN,
	PARLEY_GATE_SHARED,
	PARLEY_GATE_WAYS = 4,
};

/**
 * struct parley_gate_ops - the steps of the gate, each with what undoes it
 * @rw: copy from or to the guest's memory
 * @pin: keep a page of it where it is
 * @unpin: let go of it
 * @map: let the function reach a part of a page; not of one that is shared
 * @unmap: keep it from that: when this returns, it reaches it no more
 * @watch: see to it that parley_gate_left() is called when the thread that takes
 *	memory away, which is this one, asks no more; an error: it does not come back
 *
 * @rw, @pin and @map return 0 or an error, @pin -ENOMEM if there is no memory or as much
 * of it is pinned as may be.  @unmap takes no lock of VFIO's and does not sleep.
 */
struct parley_gate_ops {
	int (*rw)(struct parley_gate *g, u64 address, void *data, size_t len,
		  bool write);
	int (*pin)(struct parley_gate *g, u64 address, enum parley_gate_way way,
		   struct page **page);
	void (*unpin)(struct parley_gate *g, u64 address);
	int (*map)(struct parley_gate *g, struct page *page, unsigned int offset,
		   enum parley_gate_way way, dma_addr_t *dma);
	void (*unmap)(struct parley_gate *g, dma_addr_t dma,
		      enum parley_gate_way way);
	int (*watch)(struct parley_gate *g, struct parley_gate_leaving *l);
};

/**
 * struct parley_gate_user - what the gate asks of who comes through it
 * @unshared: pages are taken away: when this returns, nobody uses them directly, who
 *	shared them or is about to; all of them if @last is U64_MAX
 * @abandon: end what the function does for the guest, for which pages are held
 *
 * Context of both: process context, with locks of VFIO's held that pinning takes; may
 * sleep.
 */
struct parley_gate_user {
	void (*unshared)(struct parley_gate *g, u64 first, u64 last);
	void (*abandon)(struct parley_gate *g);
};

/**
 * struct parley_gate_stats - what was counted since the device was opened
 * @hits: pages that were there
 * @misses: pages that had to be pinned
 * @evictions: kept ones that went to make room
 * @invalidations: kept or held ones that were taken away
 * @most: noted at a time
 */
struct parley_gate_stats {
	u64 hits;
	u64 misses;
	u64 evictions;
	u64 invalidations;
	unsigned int most;
};

/**
 * struct parley_gate - the way to the guest's memory
 * @ops: its steps
 * @user: who comes through
 * @vdev: the device, for VFIO
 * @dev: the function, for the DMA API
 * @serial: who comes through holds it; NULL in tests
 * @lock: guards the rest
 * @pages: struct parley_gate_page of those that are noted, by key; looked up with RCU
 * @memcg: whose memory they are; NULL: the kernel's
 * @nr: how many these are
 * @room: how many may be kept
 * @most: how many may be held: PARLEY_GATE_PAGES
 * @grown: pages that were pinned since there was more room
 * @refused: how often VFIO refused to pin one for want of memory, in one second
 * @refused_at: when that began, in jiffies
 * @limit: how many were pinned then
 * @hand: where the last one was that had to make room
 * @unmap_ms: how long taking memory away waits at a time: PARLEY_GATE_UNMAP_MS
 * @taking: those who take memory away, until they have told and unmapped
 * @leaving: struct parley_gate_leaving, one of each thread at most
 * @spare: one that is of no thread, or NULL
 * @going: pages that nobody holds and the function does not reach, to be unpinned
 * @queue: where that is done
 * @unpinner: by these
 * @turn: whose turn it is
 * @crowd: those who took memory away and have waited for long: all unpinners are needed
 * @wait: woken whenever a page is let go of, or somebody asks no more
 * @stats: see there; @hits, @misses and @evictions are of who holds @serial
 */
struct parley_gate {
	const struct parley_gate_ops *ops;
	const struct parley_gate_user *user;
	struct vfio_device *vdev;
	struct device *dev;
	struct mutex *serial;
	struct mutex lock;
	struct xarray pages;
	struct mem_cgroup *memcg;
	unsigned int nr;
	unsigned int room;
	unsigned int most;
	unsigned int grown;
	unsigned int refused;
	u64 refused_at;
	unsigned int limit;
	unsigned long hand;
	unsigned int unmap_ms;
	unsigned int taking;
	struct list_head leaving;
	struct parley_gate_leaving *spare;
	struct list_head going;
	struct workqueue_struct *queue;
	struct parley_gate_unpinner *unpinner;
	unsigned int turn;
	unsigned int crowd;
	wait_queue_head_t wait;
	struct parley_gate_stats stats;
};

int parley_gate_init(struct parley_gate *g, const struct parley_gate_ops *ops,
		     const struct parley_gate_user *user);
int parley_gate_begin(struct parley_gate *g);
void parley_gate_end(struct parley_gate *g);
void parley_gate_exit(struct parley_gate *g);
int parley_gate_pin(struct parley_gate *g, u64 address, bool in, dma_addr_t *dma);
void parley_gate_unpin(struct parley_gate *g, u64 address, bool in);
int parley_gate_share(struct parley_gate *g, u64 address, struct page **memory);
void parley_gate_unshare(struct parley_gate *g, u64 address);
void parley_gate_empty(struct parley_gate *g);
bool parley_gate_leave(struct parley_gate *g, u64 address, u64 len);
void parley_gate_left(struct parley_gate_leaving *l);

/* The steps as VFIO and the DMA API have them. */
extern const struct parley_gate_ops parley_gate_vfio;

#endif /* _PARLEY_GATE_H */
