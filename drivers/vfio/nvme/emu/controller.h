/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an emulated controller consists of, and what bounds it.
 *
 * Locks, outermost first.
 *
 *	mutex		everything but what follows.  Held while the guest's memory
 *			is reached and while commands are waited for; each of these
 *			ends within the time-out of a command of the function.  Who
 *			runs the guest takes it by parley_emu_lock(), and does not
 *			wait for commands, nor for a function that is made anew, when
 *			he is being killed.
 *	doorbells	are written without a lock by whoever is told of a write, or by
 *			the guest itself, and read once for each look at a queue.
 *	ended		commands that the function has answered: an llist, filled
 *			in any context, emptied with the mutex held.
 *	share_lock	which pages are shared: a leaf.  Who takes memory away has
 *			locks of VFIO's, for which somebody with the mutex may wait.
 */
#ifndef _PARLEY_NVME_CONTROLLER_H
#define _PARLEY_NVME_CONTROLLER_H

#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "emu.h"

/* Doorbells of all of them. */
#define PARLEY_EMU_BELLS		(2 * PARLEY_EMU_QUEUES)
/* Entries of the largest queue. */
#define PARLEY_EMU_ENTRIES		256
/* A command's data: a power of two of pages, and one more if it does not begin one. */
#define PARLEY_EMU_MDTS			5
#define PARLEY_EMU_PAGES		((1 << PARLEY_EMU_MDTS) + 1)
/* The list for the function: of pages, all but the first, or of ranges. */
#define PARLEY_EMU_LIST			512
/* Asynchronous events that may be waited for. */
#define PARLEY_EMU_EVENTS		4
/* What a guest that is to keep its controller alive may say, in 100 ms. */
#define PARLEY_EMU_KAS			10
/* How warm its disk is. */
#define PARLEY_EMU_KELVIN		300
/* Features that are kept as they are written, by number. */
#define PARLEY_EMU_FEATURES		12
/*
 * A guest with so many commands at a time need not ring for a while after the last thing
 * that was done; it is looked at after so long at first, if no more is known of it.
 */
#define PARLEY_EMU_BUSY			4
#define PARLEY_EMU_LINGER_US		2000u
#define PARLEY_EMU_LINGER_MAX_US	100000u
#define PARLEY_EMU_LINGER_LEAST_US	5ULL
/* Pages of the largest queues of commands, and of answers there is one. */
#define PARLEY_EMU_SQ_PAGES \
	(PARLEY_EMU_ENTRIES * sizeof(struct nvme_command) / PARLEY_NVME_PAGE)
/* What could not be used directly is tried again after so many milliseconds. */
#define PARLEY_EMU_SHARE_MS		100
/* A command that waits for its memory is looked at again after so many milliseconds. */
#define PARLEY_EMU_WAIT_MS		10
/*
 * A polling thread looks for so long at most, if nobody says otherwise, and for an eighth at
 * least, or not at all; and for that long after the guest has touched doorbells.
 */
#define PARLEY_EMU_POLL_US		200u
#define PARLEY_EMU_POLL_MAX_US		100000u
#define PARLEY_EMU_POLL_STEPS		8
/* So much of the time that passes may be spent in vain. */
#define PARLEY_EMU_POLL_PERCENT		20
/* As nice as it is to others. */
#define PARLEY_EMU_POLL_NICE		1
/* Commands of a queue that are fetched before the next one's turn. */
#define PARLEY_EMU_TURN			64

/* The function is told of so many at a time, or of the rest when a turn is over. */
#define PARLEY_EMU_TOLD			16

/* What is deallocated costs such a part of its bytes, for the limits. */
#define PARLEY_EMU_RANGE_PART		64

/**
 * struct parley_emu_share - a page of the guest's that is used directly
 * @node: in the list of these
 * @address: the guest's
 * @wanted: it is to be shared whenever it can be
 * @there: it is in the list
 * @at: where it is; NULL: it is not shared, or was taken away
 */
struct parley_emu_share {
	struct list_head node;
	u64 address;
	bool wanted;
	bool there;
	void *at;
};

/**
 * struct parley_emu_pages - those that are, if they can be
 * @bells: shadow doorbells
 * @events: indexes of these
 * @sq: submission queues
 * @cq: completion queues
 * @again: when those that could not be are tried again, in jiffies
 */
struct parley_emu_pages {
	struct parley_emu_share bells;
	struct parley_emu_share events;
	struct parley_emu_share sq[PARLEY_EMU_QUEUES][PARLEY_EMU_SQ_PAGES];
	struct parley_emu_share cq[PARLEY_EMU_QUEUES];
	unsigned long again;
};

/**
 * struct parley_emu_cq - a completion queue of the guest
 * @there: it exists
 * @base: where it is
 * @size: entries
 * @tail: where the next answer goes
 * @phase: what marks it as new
 * @owed: entries that commands in flight will take
 * @vector: its interrupt
 * @interrupts: the guest wants them
 * @told: there are answers that it was not interrupted for
 * @seen: what the guest has read, as it said last
 * @full: there was no room for an answer
 * @users: submission queues that answer here
 */
struct parley_emu_cq {
	bool there;
	u64 base;
	u16 size;
	u16 tail;
	u16 phase;
	u16 owed;
	u16 vector;
	bool interrupts;
	bool told;
	u16 seen;
	bool full;
	u16 users;
};

/**
 * struct parley_emu_sq - a submission queue of the guest
 * @there: it exists
 * @base: where it is
 * @size: entries
 * @head: the next command
 * @cq: where its answers go
 * @flying: commands that the function has
 * @paid: bytes that the last one that was fetched paid for
 * @waits: its next command is about memory that is being taken away
 * @waiting: that command
 * @until: it is not looked at before that, in jiffies
 */
struct parley_emu_sq {
	bool there;
	u64 base;
	u16 size;
	u16 head;
	u16 cq;
	u16 flying;
	u64 paid;
	bool waits;
	struct nvme_command waiting;
	unsigned long until;
};

/**
 * struct parley_emu_req - a command that the function has
 * @e: the controller
 * @io: the command, for the function
 * @node: in the list of those that are answered
 * @err: how it ended
 * @status: the same
 * @next: of those that are in no use, see struct parley_emu_lane
 * @parked: the function forgot it
 * @sq: whose it is
 * @cid: the guest's number for it
 * @in: the function writes to the guest's memory
 * @nr_pages: pages that are held
 * @page: the guest's addresses of these
 * @dma: the function's
 * @list: the list of the function: pages, of all but the first, or ranges
 * @list_dma: where it finds that
 * @range: the guest's ranges, a copy, or NULL
 * @ranges_done: of these, how many the function was given
 * @ranges_left: how many it will be given
 */
struct parley_emu_req {
	struct parley_emu *e;
	struct parley_nvme_io io;
	struct llist_node node;
	int err;
	u16 status;
	struct parley_emu_req *next;
	bool parked;
	u16 sq;
	u16 cid;
	bool in;
	unsigned int nr_pages;
	u64 page[PARLEY_EMU_PAGES];
	dma_addr_t dma[PARLEY_EMU_PAGES];
	__le64 *list;
	dma_addr_t list_dma;
	struct nvme_dsm_range *range;
	unsigned int ranges_done;
	unsigned int ranges_left;
};

/**
 * struct parley_emu_lane - what a pair of queues of the function has
 * @req: commands, as many as may be in flight there
 * @nr: how many
 * @free: those in no use, the last used first
 * @lists: memory of their lists
 * @lists_dma: where the function finds it
 */
struct parley_emu_lane {
	struct parley_emu_req *req;
	unsigned int nr;
	struct parley_emu_req *free;
	void *lists;
	dma_addr_t lists_dma;
};

/**
 * struct parley_emu_grid - a grid of time
 * @period: how wide it is, in nanoseconds; 0: there is none
 * @base: one of its points
 * @timer: the next, if there is something to do
 * @due: this is one
 * @over: there will be none any more
 */
struct parley_emu_grid {
	u64 period;
	u64 base;
	struct hrtimer timer;
	bool due;
	bool over;
};

/**
 * struct parley_emu_linger - the guest is looked at for a while
 * @timer: looks
 * @lingers: it is to
 * @since: when something was done, in nanoseconds
 * @most_ns: how long after that it is looked at
 * @first_ns: when it is looked at first
 * @fetched: commands since it had to ring
 */
struct parley_emu_linger {
	struct hrtimer timer;
	bool lingers;
	u64 since;
	u64 most_ns;
	u64 first_ns;
	unsigned int fetched;
};

/**
 * struct parley_emu_poll - a thread that polls
 * @task: it, or NULL
 * @wait: where it sleeps
 * @kicked: there is something to see to
 * @touched: the guest is about to write doorbells that are mapped
 * @most_us: how long it looks at most, in microseconds
 * @us: how long it looks; this and what follows is the thread's own
 * @credit: how long it may do so in vain, in nanoseconds
 * @credited: when that was reckoned
 * @stay: it looks until then, for the sake of who has touched doorbells
 */
struct parley_emu_poll {
	struct task_struct *task;
	wait_queue_head_t wait;
	bool kicked;
	bool touched;
	u32 most_us;
	u32 us;
	u64 credit;
	u64 credited;
	u64 stay;
};

/**
 * struct parley_emu_shadow - doorbells in the guest's memory
 * @on: there are some
 * @bells: where
 * @events: where it finds which it need not ring
 * @moved: bits of those whose register counts no more
 * @first: what they were first
 * @event: what was written to @events
 * @seen: what was read from @bells last
 */
struct parley_emu_shadow {
	bool on;
	u64 bells;
	u64 events;
	u32 moved;
	u32 first[PARLEY_EMU_BELLS];
	u32 event[PARLEY_EMU_BELLS];
	u32 seen[PARLEY_EMU_BELLS];
};

/**
 * struct parley_emu - an emulated controller
 * @vf: whose disk it has; handed out
 * @ops: how the guest is reached
 * @config: what its user wants of it
 * @nr_queues: pairs of queues for I/O that it has
 * @policy: what the guest may do
 * @nsid: the number of its namespace, for the guest
 * @cntlid: its own
 * @first: the first of the function's blocks that is the guest's
 * @blocks: how many are
 * @mutex: see above
 * @cc: configuration
 * @csts: status
 * @masked: of the line: a bit for each vector that does not raise it
 * @wired: somebody looks at the line
 * @raised: it is raised
 * @aqa: sizes of the admin queues
 * @asq: where they are
 * @acq: the same
 * @feature: as written
 * @event: numbers of commands that wait for an event
 * @nr_events: how many
 * @events_due: kinds of events that there are, bits of enum parley_emu_event
 * @events_told: kinds that were told, and not read of yet
 * @kato: within so many milliseconds the guest says that it lives; 0: it does not
 * @keep_until: the end of these
 * @keep: looks whether it did
 * @sq: submission queues, by number
 * @cq: completion queues
 * @doorbell: as written; two for each number, as in the registers; a page
 * @shadow: those in the guest's memory
 * @pages: the guest's memory that is used directly
 * @lane: of each pair of queues of the function
 * @draining: commands are waited for
 * @nr_parked: commands that the function forgot
 * @ended: see above
 * @wait: woken whenever something comes there
 * @grid: when it does
 * @linger: what looks at the shadows
 * @wait_over: a command that waits for its memory is looked at again
 * @worker: in the cgroup of who opened it, or NULL if @poll is
 * @work: sees to the queues
 * @poll: does that instead
 * @limit: limits of queues for I/O, or NULL
 * @share_lock: see above
 * @shares: struct parley_emu_share of what is shared, or about to be
 * @stopped: nothing is fetched, and nobody is interrupted
 * @left: the same, and nothing is waited for: its user has gone
 * @gone: the function was not there when it was enabled: registers are all ones
 */
struct parley_emu {
	struct parley_nvme_vf *vf;
	const struct parley_emu_ops *ops;
	struct parley_emu_config config;
	unsigned int nr_queues;
	struct parley_policy *policy;
	u32 nsid;
	u16 cntlid;
	u64 first;
	u64 blocks;
	struct mutex mutex;
	u32 cc;
	u32 csts;
	u32 masked;
	bool wired;
	bool raised;
	u32 aqa;
	u64 asq;
	u64 acq;
	u32 feature[PARLEY_EMU_FEATURES];
	u16 event[PARLEY_EMU_EVENTS];
	unsigned int nr_events;
	unsigned int events_due;
	unsigned int events_told;
	u32 kato;
	unsigned long keep_until;
	struct delayed_work keep;
	struct parley_emu_sq sq[PARLEY_EMU_QUEUES];
	struct parley_emu_cq cq[PARLEY_EMU_QUEUES];
	u32 *doorbell;
	struct parley_emu_shadow shadow;
	struct parley_emu_pages pages;
	struct parley_emu_lane lane[PARLEY_NVME_IO_QUEUES];
	bool draining;
	unsigned int nr_parked;
	struct llist_head ended;
	wait_queue_head_t wait;
	struct parley_emu_grid grid;
	struct parley_emu_linger linger;
	struct delayed_work wait_over;
	struct kthread_worker *worker;
	struct kthread_work work;
	struct parley_emu_poll poll;
	struct parley_limit *limit[PARLEY_NVME_IO_QUEUES];
	spinlock_t share_lock;
	struct list_head shares;
	bool stopped;
	bool left;
	bool gone;
};

#endif /* _PARLEY_NVME_CONTROLLER_H */
