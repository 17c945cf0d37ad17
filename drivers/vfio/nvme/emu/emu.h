/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An emulated NVMe controller, as a guest sees it: one namespace, which is that of a
 * virtual function.  It knows neither VFIO nor PCI: how the guest's memory is reached
 * and how the guest is interrupted, its user says.
 *
 * The rooms, topmost first; a file knows those below its own.
 *
 *	regs.c		registers, and the controller's life
 *	grid.c		a grid of time, if there is to be one
 *	poll.c		a thread that looks, instead of being called
 *	run.c		commands are fetched, answers are posted
 *	linger.c	for a while after that the guest need not ring
 *	mediate.c	which of them may be: the policy is asked
 *	language.c	what can be asked for; default.c: what may be if nobody says
 *	admin.c		admin commands: all are answered here, none is passed on
 *	identify.c	what the controller says of itself
 *	log.c		log pages
 *	event.c		what the guest is told without a question
 *	keep.c		whether it still lives
 *	again.c		what the function forgot is submitted again
 *	io.c		commands for the virtual function
 *	ranges.c	the guest's lists of ranges
 *	prp.c		the guest's lists of pages, and data that are copied
 *	lock.c		who waits for whom, and not for long
 *	state.c		the controller stops, and its state becomes bytes (state.h)
 *	section.c	what these are made of
 *	queue.c		the guest's queues
 *	shadow.c	their doorbells
 *	share.c		pages that both the guest and the controller use
 *	limit.c		what may be fetched now
 *	../vf/		the virtual function
 *
 * The guest is hostile, and so is whoever runs it.  What they write is read once,
 * into memory that they cannot reach, and checked there.  A command that is wrong has
 * an answer that says so; a doorbell that is wrong makes the controller report a
 * fatal fault (CSTS.CFS) and do nothing until it is reset.
 *
 * Locks, outermost first.
 *
 *	mutex		everything but what follows.  Held while the guest's memory
 *			is reached and while commands are waited for; each of these
 *			ends within the time-out of a command of the function.  Who
 *			runs the guest takes it by parley_emu_lock(), and does not
 *			wait for commands when he is being killed.
 *	doorbells	are written without a lock by whoever is told of a write, or by
 *			the guest itself, and read once for each look at a queue.
 *	ended		commands that the function has answered: an llist, filled
 *			in any context, emptied with the mutex held.
 *	share_lock	which pages are shared: a leaf.  Who takes memory away has
 *			locks of VFIO's, for which somebody with the mutex may wait.
 */
#ifndef _PARLEY_NVME_EMU_H
#define _PARLEY_NVME_EMU_H

#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <parley/policy.h>
#include "../vf/vf.h"

/* Of the specification. */
#define PARLEY_EMU_VERSION		NVME_VS(1, 4, 0)
/* Pairs of queues, with that of admin commands. */
#define PARLEY_EMU_QUEUES		(PARLEY_NVME_IO_QUEUES + 1)
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
#define PARLEY_EMU_LINGER_MOST_US	2000ULL
#define PARLEY_EMU_LINGER_LEAST_US	5ULL
/* Doorbells that could not be used directly are tried again after so many milliseconds. */
#define PARLEY_EMU_SHARE_MS		100
/* A command that waits for its memory is looked at again after so many milliseconds. */
#define PARLEY_EMU_WAIT_MS		10
/* A polling thread looks for so long at most, and for an eighth at least, or not at all. */
#define PARLEY_EMU_POLL_MAX_US		200U
#define PARLEY_EMU_POLL_STEPS		8
/* So much of the time that passes may be spent in vain. */
#define PARLEY_EMU_POLL_PERCENT		20
/* As nice as it is to others. */
#define PARLEY_EMU_POLL_NICE		1
/* Commands of a queue that are fetched before the next one's turn. */
#define PARLEY_EMU_TURN			64

/* The widest grid of time: who waits for a point waits no longer. */
#define PARLEY_EMU_GRID_MAX_US		1000000u

/* What is deallocated costs such a part of its bytes, for the limits. */
#define PARLEY_EMU_RANGE_PART		64

/* Registers, and doorbells right behind them, in a region of this size. */
#define PARLEY_EMU_BAR			0x2000

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
 *	when it touches them next, parley_emu_kick() is called.  Without the mutex; NULL
 *	if they never are
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

/**
 * struct parley_emu_share - a page of the guest's that is used directly
 * @node: in the list of these
 * @address: the guest's
 * @there: it is in the list
 * @at: where it is; NULL: it is not shared, or was taken away
 */
struct parley_emu_share {
	struct list_head node;
	u64 address;
	bool there;
	void *at;
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
	unsigned long until;
};

/**
 * struct parley_emu_req - a command that the function has
 * @e: the controller
 * @io: the command, for the function
 * @node: in the list of those that are answered
 * @err: how it ended
 * @status: the same
 * @busy: it is in use
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
	bool busy;
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
 * @lists: memory of their lists
 * @lists_dma: where the function finds it
 */
struct parley_emu_lane {
	struct parley_emu_req *req;
	unsigned int nr;
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
 * @most_us: how long it looks at most, in microseconds
 * @us: how long it looks; this and what follows is the thread's own
 * @credit: how long it may do so in vain, in nanoseconds
 * @credited: when that was reckoned
 */
struct parley_emu_poll {
	struct task_struct *task;
	wait_queue_head_t wait;
	bool kicked;
	u32 most_us;
	u32 us;
	u64 credit;
	u64 credited;
};

/**
 * struct parley_emu_shadow - doorbells in the guest's memory
 * @on: there are some
 * @bells: where
 * @events: where it finds which it need not ring
 * @share: the two, used directly where that can be
 * @again: when that is tried again, in jiffies
 * @moved: bits of those whose register counts no more
 * @first: what they were first
 * @event: what was written to @events
 * @seen: what was read from @bells last
 */
struct parley_emu_shadow {
	bool on;
	u64 bells;
	u64 events;
	struct parley_emu_share share[2];
	unsigned long again;
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
 * @lane: of each pair of queues of the function
 * @draining: commands are waited for
 * @nr_parked: commands that the function forgot
 * @ended: see above
 * @wait: woken whenever something comes there
 * @grid: when it does
 * @linger: what looks at the shadows
 * @wait_over: a command that waits for its memory is looked at again
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
	struct parley_emu_lane lane[PARLEY_NVME_IO_QUEUES];
	bool draining;
	unsigned int nr_parked;
	struct llist_head ended;
	wait_queue_head_t wait;
	struct parley_emu_grid grid;
	struct parley_emu_linger linger;
	struct delayed_work wait_over;
	struct work_struct work;
	struct parley_emu_poll poll;
	struct parley_limit *limit[PARLEY_NVME_IO_QUEUES];
	spinlock_t share_lock;
	struct list_head shares;
	bool stopped;
	bool left;
	bool gone;
};

/**
 * enum parley_emu_event - what a guest is told without a question
 * @PARLEY_EMU_LOST: the function behind its disk is lost
 * @PARLEY_EMU_WARM: its temperature is on the wrong side of the guest's threshold
 * @PARLEY_EMU_EVENT_KINDS: how many there are
 */
enum parley_emu_event {
	PARLEY_EMU_LOST,
	PARLEY_EMU_WARM,
	PARLEY_EMU_EVENT_KINDS
};

/* An answer to a command that is over at once. */
#define PARLEY_EMU_LATER	0xffff		/* it is not over */
#define PARLEY_EMU_WAIT		0xfffe		/* it has not begun */
#define PARLEY_EMU_NO(status)	((status) | NVME_STATUS_DNR)

/* limit.c */
void parley_emu_limits_on(struct parley_emu *e);
void parley_emu_limits_off(struct parley_emu *e);
bool parley_emu_waits(struct parley_emu *e, u16 sq);
bool parley_emu_admit(struct parley_emu *e, u16 sq, const struct nvme_command *cmd);
void parley_emu_charge(struct parley_emu *e, u16 sq, u64 bytes);
void parley_emu_refund(struct parley_emu *e, u16 sq);
void parley_emu_unpay(struct parley_emu *e, u16 sq);
void parley_emu_asks_no_more(struct parley_emu *e, u16 sq);

/* share.c */
int parley_emu_share(struct parley_emu *e, struct parley_emu_share *s, u64 address);
void parley_emu_unshare(struct parley_emu *e, struct parley_emu_share *s);
void parley_emu_unshared(struct parley_emu *e, u64 first, u64 last);

/* Where it is, or NULL; under rcu_read_lock(), and asked for each time. */
static inline void *parley_emu_shared(const struct parley_emu_share *s)
{
	return READ_ONCE(s->at);
}

/* shadow.c */
u32 parley_emu_bell(struct parley_emu *e, u16 id, bool cq);
u32 parley_emu_bell_taken(struct parley_emu *e, u16 id);
void parley_emu_shadow_queue(struct parley_emu *e, u16 id, bool cq);
u16 parley_emu_shadow_set(struct parley_emu *e, const struct nvme_dbbuf *cmd);
void parley_emu_shadow_off(struct parley_emu *e);
void parley_emu_shadow_share(struct parley_emu *e);
void parley_emu_shadow_seen(struct parley_emu *e, u16 id);
bool parley_emu_shadow_arm(struct parley_emu *e);
bool parley_emu_shadow_moved(struct parley_emu *e);

/* queue.c */
bool parley_emu_area(u64 base, u64 size);
void parley_emu_fault(struct parley_emu *e, const char *why);
u16 parley_emu_sq_make(struct parley_emu *e, u16 id, u64 base, u32 size, u16 cq);
u16 parley_emu_cq_make(struct parley_emu *e, u16 id, u64 base, u32 size, u16 vector,
		       bool interrupts);
bool parley_emu_room(struct parley_emu *e, u16 id);
bool parley_emu_fetch(struct parley_emu *e, u16 id, struct nvme_command *cmd);
void parley_emu_unfetch(struct parley_emu *e, u16 id);
void parley_emu_post(struct parley_emu *e, u16 sq, u16 cid, u16 status, u32 result);
void parley_emu_interrupts(struct parley_emu *e);
void parley_emu_line(struct parley_emu *e);

/*
 * Whether there is no need to look at a queue for I/O, as whatever is there has to wait: the
 * function has all that it can have or is away, or the next one waits for its memory.
 */
static inline bool parley_emu_barred(const struct parley_emu *e, u16 id)
{
	const struct parley_emu_sq *sq = &e->sq[id];

	return id && (sq->flying == e->lane[id - 1].nr || READ_ONCE(e->vf->paused) ||
		      (sq->waits && time_before(jiffies, sq->until)));
}

/* prp.c */
u16 parley_emu_prp(struct parley_emu *e, const struct nvme_command *cmd, u32 len,
		   u64 *page, unsigned int *nr);
u16 parley_emu_give(struct parley_emu *e, const struct nvme_command *cmd,
		    const void *data, u32 len);
u16 parley_emu_get(struct parley_emu *e, const struct nvme_command *cmd, void *data,
		   u32 len);

/* ranges.c */
u16 parley_emu_ranges(struct parley_emu *e, struct parley_emu_req *req,
		      const struct nvme_command *cmd);
bool parley_emu_ranges_next(struct parley_emu *e, struct parley_emu_req *req);
void parley_emu_ranges_free(struct parley_emu_req *req);

/* io.c */
int parley_emu_lanes_make(struct parley_emu *e);
void parley_emu_lanes_free(struct parley_emu *e);
void parley_emu_end(struct parley_emu *e, struct parley_emu_req *req);
bool parley_emu_reap(struct parley_emu *e);
bool parley_emu_drain(struct parley_emu *e, u16 sq);
u32 parley_emu_most(struct parley_emu *e);
u16 parley_emu_io(struct parley_emu *e, u16 sq, const struct nvme_command *cmd);

/* again.c */
bool parley_emu_park(struct parley_emu *e, struct parley_emu_req *req, int err);
bool parley_emu_again(struct parley_emu *e);
void parley_emu_drop(struct parley_emu *e, u16 sq);
bool parley_emu_disk(struct parley_emu *e);

/* identify.c */
u16 parley_emu_identify(struct parley_emu *e, const struct nvme_command *cmd);

/* log.c */
u16 parley_emu_log(struct parley_emu *e, const struct nvme_command *cmd);
int parley_emu_says(struct parley_emu *e, u32 *says);

/* language.c, default.c */
extern const struct parley_policy_language parley_emu_language;
extern const char parley_emu_default_policy[];

/* mediate.c */
int parley_emu_mediate_init(struct parley_emu *e);
void parley_emu_mediate_exit(struct parley_emu *e);
u16 parley_emu_mediate(struct parley_emu *e, u16 sq, const struct nvme_command *cmd);
bool parley_emu_offers(struct parley_emu *e, u8 opcode);
bool parley_emu_offers_admin(struct parley_emu *e, u8 opcode, u8 field);
bool parley_emu_could(struct parley_emu *e, u8 opcode, u8 field);
u16 parley_emu_oncs(struct parley_emu *e);

/* event.c */
void parley_emu_events(struct parley_emu *e);
void parley_emu_happens(struct parley_emu *e, enum parley_emu_event kind);
void parley_emu_events_read(struct parley_emu *e, u8 log);
u16 parley_emu_event(struct parley_emu *e, u16 cid);
u32 parley_emu_abort(struct parley_emu *e, const struct nvme_abort_cmd *cmd);
u8 parley_emu_warnings(struct parley_emu *e);
void parley_emu_warn(struct parley_emu *e);

/* keep.c */
void parley_emu_keep_init(struct parley_emu *e);
void parley_emu_keep(struct parley_emu *e);
void parley_emu_keep_set(struct parley_emu *e, u32 ms);

/* admin.c */
bool parley_emu_is_kept(u32 fid);
u16 parley_emu_admin(struct parley_emu *e, const struct nvme_command *cmd, u32 *result);

/* grid.c */
u64 parley_emu_grid_after(u64 base, u64 period, u64 now);
void parley_emu_grid_tick(struct parley_emu *e);
void parley_emu_grid_init(struct parley_emu *e);
void parley_emu_grid_exit(struct parley_emu *e);
void parley_emu_grid_arm(struct parley_emu *e);
bool parley_emu_grid_due(struct parley_emu *e);
void parley_emu_grid_wait(struct parley_emu *e);

/* lock.c */
void parley_emu_lock(struct parley_emu *e);
void parley_emu_await(struct parley_emu *e);

DEFINE_GUARD(parley_emu, struct parley_emu *, parley_emu_lock(_T), mutex_unlock(&_T->mutex))

/* linger.c */
#if IS_ENABLED(CONFIG_KUNIT)
u64 parley_emu_linger_next(const struct parley_emu_linger *l, u64 passed);
void parley_emu_linger_found(struct parley_emu_linger *l, u64 passed);
#endif
void parley_emu_linger_did(struct parley_emu *e, unsigned int fetched);
bool parley_emu_lingers(struct parley_emu *e);
void parley_emu_linger_init(struct parley_emu *e);
void parley_emu_linger_exit(struct parley_emu *e);

/* run.c */
bool parley_emu_round(struct parley_emu *e);
void parley_emu_run(struct parley_emu *e);

/* poll.c */
#if IS_ENABLED(CONFIG_KUNIT)
void parley_emu_poll_learn(struct parley_emu_poll *p, bool hit);
u64 parley_emu_poll_time(struct parley_emu_poll *p, u64 now);
void parley_emu_poll_vain(struct parley_emu_poll *p, u64 ns);
#endif
void parley_emu_kick(struct parley_emu *e);
int parley_emu_poll_start(struct parley_emu *e);
void parley_emu_poll_stop(struct parley_emu *e);

/* regs.c */
int parley_emu_init(struct parley_emu *e, struct parley_nvme_vf *vf,
		    const struct parley_emu_ops *ops,
		    const struct parley_emu_config *config);
void parley_emu_exit(struct parley_emu *e);
bool parley_emu_can(struct parley_emu *e, u32 cc);
void parley_emu_reset(struct parley_emu *e);
void parley_emu_wire(struct parley_emu *e, bool wired);
struct page *parley_emu_bells(struct parley_emu *e);
u32 parley_emu_read32(struct parley_emu *e, u32 reg);
void parley_emu_write32(struct parley_emu *e, u32 reg, u32 value);
void parley_emu_ring(struct parley_emu *e, u32 reg, u32 value);

#endif /* _PARLEY_NVME_EMU_H */
