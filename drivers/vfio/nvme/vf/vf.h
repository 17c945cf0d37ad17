/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * NVMe virtual function: what its files share.
 *
 * The rooms, topmost first; a file knows those below its own.
 *
 *	main.c		the PCI driver
 *	sysfs.c		the attributes
 *	user.c		whom it is offered to
 *	erase.c		what a tenant wrote is erased
 *	errand.c	where it is to be, and who brings it there
 *	again.c		handed out anew, if it forgot everything
 *	vf.c		handed out and taken back
 *	space.c		namespaces, and whose data they have
 *	io.c		its queues and what is in flight there
 *	command.c	which commands there are, and what is right of them
 *	life.c		what must be there before what
 *	../ctrl/	the controller
 *
 * Only what has a row in command.c can be submitted, about blocks of one namespace:
 * there is no way to send another command to an I/O queue.
 *
 * Locks, outermost first; the middle ones are the controller's.
 *
 *	device lock	of the PCI function, by the driver core: probe, remove,
 *			reset, suspend.  Who hands out and takes back holds it,
 *			or is waited for by who holds it (vf.c).
 *	users		who is offered functions; @offered (user.c)
 *	list		of functions that are bound (user.c)
 *	mutex		@nsid, @ns, @nr_queues, @out, and changes of @paused; held while
 *			queues come and go, which takes as long as the function likes:
 *			who runs a guest does not take it.
 *	spaces		whose data namespaces have, and who uses them; short
 *			(space.c)
 *	lock		of the controller, irq-safe spinlock.
 *	queue lock	of struct parley_nvme_io_queue, irq-safe spinlock: all of
 *			it.  Neither of the two spinlocks is held when the other
 *			is taken.
 *
 *	life		what is there of its life, a leaf
 *	errand lock	where it is, and where it is to be, a leaf
 *	told		irq-safe spinlock: changes of @paused and @abandoned, and @back, which
 *			is called with it held
 *
 * Who submits sees to it that nobody takes the function back meanwhile.
 */
#ifndef _PARLEY_NVME_VF_H
#define _PARLEY_NVME_VF_H

#include <kunit/visibility.h>
#include <linux/list.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/uuid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include "../ctrl/ctrl.h"

/* Commands in flight in a queue, which has twice as many entries: see ctrl.h. */
#define PARLEY_NVME_IO_SLOTS		64
#define PARLEY_NVME_IO_DEPTH		(2 * PARLEY_NVME_IO_SLOTS)
/* Pairs of queues. */
#define PARLEY_NVME_IO_QUEUES		8
/* A command that takes longer never comes. */
#define PARLEY_NVME_IO_MS		30000

/* Erasing: commands under way at a time, and how much one of them is about. */
#define PARLEY_NVME_ERASE_BATCH		8
#define PARLEY_NVME_ERASE_PAGES		31	/* and one for their list */
#define PARLEY_NVME_ERASE_ZEROES	SZ_2M
#define PARLEY_NVME_ERASE_RANGE		SZ_64M

struct parley_nvme_io;

/**
 * enum parley_life_step - what there is of a function; what needs what is in life.c
 * @PARLEY_LIFE_DOMAIN: its registers can be reached, and what it reaches the IOMMU says
 * @PARLEY_LIFE_INTERRUPTS: it has interrupts, and there is who takes them
 * @PARLEY_LIFE_PRESENT: it is offered to users
 * @PARLEY_LIFE_ENABLED: its controller is enabled, or being so
 * @PARLEY_LIFE_QUEUES: it has queues for I/O
 * @PARLEY_LIFE_MEMORY: a guest's memory may be held for it
 * @PARLEY_LIFE_STEPS: how many there are
 */
enum parley_life_step {
	PARLEY_LIFE_DOMAIN,
	PARLEY_LIFE_INTERRUPTS,
	PARLEY_LIFE_PRESENT,
	PARLEY_LIFE_ENABLED,
	PARLEY_LIFE_QUEUES,
	PARLEY_LIFE_MEMORY,
	PARLEY_LIFE_STEPS,
};

/**
 * struct parley_life - of a function
 * @lock: guards the rest
 * @there: a bit for each step that is there
 */
struct parley_life {
	spinlock_t lock;
	unsigned long there;
};

/**
 * typedef parley_nvme_done - a command is over
 * @io: the command, which is the caller's again
 * @err: 0: the controller answered; else an error number, and there is no answer:
 *	the controller reaches no memory any more
 * @status: what it answered, 0 is success
 *
 * Context: any; must not submit.
 */
typedef void parley_nvme_done(struct parley_nvme_io *io, int err, u16 status);

/**
 * enum parley_nvme_about - what a command is about
 * @PARLEY_NVME_ALL: all of the namespace
 * @PARLEY_NVME_BLOCKS: blocks that follow each other
 * @PARLEY_NVME_RANGES: several such ranges
 */
enum parley_nvme_about {
	PARLEY_NVME_ALL,
	PARLEY_NVME_BLOCKS,
	PARLEY_NVME_RANGES,
};

/**
 * struct parley_nvme_verb - a command that a function may be sent
 * @opcode: its number
 * @oncs: the bit of ONCS that a function which has it has set; 0: each has it
 * @about: what it is about
 * @data: the blocks' data go with it
 * @in: the function writes them to memory
 * @control: bits that may be set beside it
 * @most: most bytes that it may be about: a u32 of struct parley_nvme_id, by offset
 */
struct parley_nvme_verb {
	u8 opcode;
	u16 oncs;
	enum parley_nvme_about about;
	bool data;
	bool in;
	u16 control;
	size_t most;
};

/**
 * struct parley_nvme_io - a command for an I/O queue
 * @opcode: one that has a row in command.c
 * @control: as that says
 * @block: the first
 * @blocks: how many, 0 if it is not about blocks
 * @nr_ranges: how many ranges, 0 if it is not about ranges
 * @range: these, where nobody changes them, at @prp1
 * @prp1: where the data is
 * @prp2: the same
 * @done: called when it is over
 * @status: of the room's, while it is being ended
 * @next: the same
 */
struct parley_nvme_io {
	u8 opcode;
	u16 control;
	u64 block;
	u32 blocks;
	u16 nr_ranges;
	const struct nvme_dsm_range *range;
	dma_addr_t prp1;
	dma_addr_t prp2;
	parley_nvme_done *done;
	u16 status;
	struct parley_nvme_io *next;
};

/**
 * struct parley_nvme_io_slot - a command in flight
 * @io: what it is, NULL if the slot is free
 * @cid: its number: the slot, and a count that tells it from earlier ones
 * @end: when it is late, in jiffies
 */
struct parley_nvme_io_slot {
	struct parley_nvme_io *io;
	u16 cid;
	unsigned long end;
};

/**
 * struct parley_nvme_io_queue - a pair of queues and what is in flight there
 * @lock: see above
 * @queue: the queues
 * @round: counts commands, for their numbers
 * @slots: how many commands may be in flight; 0 while the controller does not know
 *	the queues
 * @taken: a bit for each slot that has a command
 * @slot: the commands
 */
struct parley_nvme_io_queue {
	spinlock_t lock;
	struct parley_nvme_queue queue;
	u16 round;
	u16 slots;
	u64 taken;
	struct parley_nvme_io_slot slot[PARLEY_NVME_IO_SLOTS];
};

/**
 * enum parley_nvme_owner - whose data a namespace has
 * @PARLEY_NVME_UNKNOWN: somebody's
 * @PARLEY_NVME_NOBODY: nobody's: it was erased
 * @PARLEY_NVME_TENANT: a tenant's, who is known
 */
enum parley_nvme_owner {
	PARLEY_NVME_UNKNOWN,
	PARLEY_NVME_NOBODY,
	PARLEY_NVME_TENANT,
};

/**
 * struct parley_nvme_original - what a namespace is a copy of
 * @nsid: its number; 0: of nothing
 * @serial: its drive's serial number
 */
struct parley_nvme_original {
	u32 nsid;
	char serial[sizeof_field(struct parley_nvme_id, serial)];
};

/**
 * struct parley_nvme_space - a namespace, for all functions that reach it
 * @list: of all; the lock is space.c's, for the rest, too
 * @family: the disk
 * @nsid: its number there
 * @ns: what it said of itself
 * @functions: how many have it
 * @users: of these, how many are handed out
 * @erasing: it is being erased
 * @owner: whose data it has
 * @tenant: the tenant
 * @original: what root says that they are a copy of
 */
struct parley_nvme_space {
	struct list_head list;
	const void *family;
	u32 nsid;
	struct parley_nvme_ns ns;
	unsigned int functions;
	unsigned int users;
	bool erasing;
	enum parley_nvme_owner owner;
	uuid_t tenant;
	struct parley_nvme_original original;
};

/**
 * enum parley_nvme_way - what is done about data of another tenant
 * @PARLEY_NVME_REFUSE: nothing: whoever comes is refused
 * @PARLEY_NVME_KEEP: nothing: whoever comes has them
 * @PARLEY_NVME_ZERO: zeroes are written
 * @PARLEY_NVME_DEALLOCATE: they are deallocated, and what can be read after that is
 *	written over
 * @PARLEY_NVME_WAYS: how many there are
 */
enum parley_nvme_way {
	PARLEY_NVME_REFUSE,
	PARLEY_NVME_KEEP,
	PARLEY_NVME_ZERO,
	PARLEY_NVME_DEALLOCATE,
	PARLEY_NVME_WAYS
};

/**
 * enum parley_nvme_erasing - how far erasing is
 * @PARLEY_NVME_ERASE_NEVER: it was not begun since the function was bound
 * @PARLEY_NVME_ERASE_RUNS: it is under way
 * @PARLEY_NVME_ERASE_DONE: it has ended well
 * @PARLEY_NVME_ERASE_FAILED: it has not
 */
enum parley_nvme_erasing {
	PARLEY_NVME_ERASE_NEVER,
	PARLEY_NVME_ERASE_RUNS,
	PARLEY_NVME_ERASE_DONE,
	PARLEY_NVME_ERASE_FAILED,
};

/**
 * struct parley_nvme_erase - erasing, by one function
 * @work: does it
 * @wait: for its end
 * @state: how far it is
 * @way: how
 * @pass: what it does now, for people
 * @done: blocks that it has got to
 * @mended: blocks that had to be written over
 * @stop: it is to end
 * @err: why it failed
 */
struct parley_nvme_erase {
	struct work_struct work;
	wait_queue_head_t wait;
	enum parley_nvme_erasing state;
	enum parley_nvme_way way;
	const char *pass;
	u64 done;
	u64 mended;
	bool stop;
	int err;
};

/**
 * enum parley_nvme_place - where a function is
 * @PARLEY_NVME_HOME: no tenant has it
 * @PARLEY_NVME_OUT: a tenant has it
 */
enum parley_nvme_place {
	PARLEY_NVME_HOME,
	PARLEY_NVME_OUT,
};

/**
 * struct parley_nvme_errand - what a function is brought on its way by; see errand.c
 * @work: does that
 * @wait: for its end
 * @lock: guards the rest
 * @wanted: where the function is to be
 * @is: where it is
 * @anew: it is to be made anew where it is, if it failed
 * @orphan: nobody else gives up the claim on it
 * @busy: there is something to do, or it was done and nobody has been told
 * @tenant: who is to have it
 * @err: what came of it
 */
struct parley_nvme_errand {
	struct work_struct work;
	wait_queue_head_t wait;
	spinlock_t lock;
	enum parley_nvme_place wanted;
	enum parley_nvme_place is;
	bool anew;
	bool orphan;
	bool busy;
	uuid_t tenant;
	int err;
};

/**
 * struct parley_nvme_vf - a virtual function
 * @n: its controller
 * @vectors: interrupts that it has; set before it is handed out
 * @io_ms: time-out of a command
 * @life: what is there of its life
 * @nsid: its namespace
 * @ns: how large that is
 * @nr_queues: pairs of queues that it has
 * @most_queues: the same, when it was handed out last
 * @queue: these; the number of the first is 1
 * @watch: looks now and then, while it is handed out
 * @out: it is handed out
 * @paused: it is, and will be handed out anew by who reset it or took its power
 * @abandoned: it is paused, and who has it does not wait for that
 * @told: see above
 * @back: told when that is over, or is not waited for; NULL: nobody is
 * @back_data: for @back
 * @family: what all functions of its disk have in common
 * @space: its namespace as others know it, NULL until it was handed out once
 * @busy: somebody has the function for himself: a tenant, or who erases
 * @entered: a tenant has the namespace
 * @next_tenant: what is done when another tenant comes
 * @erase: see there
 * @errand: see there
 * @bound: in the list of those that are bound
 * @leaving: its driver goes, and waits for the user
 * @offered: the user has been offered it
 * @user_data: the user's
 */
struct parley_nvme_vf {
	struct parley_nvme n;
	unsigned int vectors;
	unsigned int io_ms;
	struct parley_life life;
	u32 nsid;
	struct parley_nvme_ns ns;
	unsigned int nr_queues;
	unsigned int most_queues;
	struct parley_nvme_io_queue queue[PARLEY_NVME_IO_QUEUES];
	struct delayed_work watch;
	bool out;
	bool paused;
	bool abandoned;
	spinlock_t told;
	void (*back)(void *data);
	void *back_data;
	const void *family;
	struct parley_nvme_space *space;
	bool busy;
	bool entered;
	enum parley_nvme_way next_tenant;
	struct parley_nvme_erase erase;
	struct parley_nvme_errand errand;
	struct list_head bound;
	bool leaving;
	bool offered;
	void *user_data;
};

/**
 * struct parley_nvme_vf_user - whom functions are offered to
 * @add: a function can be taken from now on; an error: it is not wanted
 * @remove: it goes; when this returns it was given back, and nobody has it any more.
 *	Who has it is to call parley_nvme_vf_give_back() as ever
 */
struct parley_nvme_vf_user {
	int (*add)(struct parley_nvme_vf *vf);
	void (*remove)(struct parley_nvme_vf *vf);
};

/* command.c */
const struct parley_nvme_verb *parley_nvme_verb(struct parley_nvme_vf *vf, u8 opcode);
u16 parley_nvme_verb_control(struct parley_nvme_vf *vf,
			     const struct parley_nvme_verb *verb);
bool parley_nvme_verb_fits(struct parley_nvme_vf *vf, const struct parley_nvme_io *io);

/* Most bytes that a command on blocks may be about. */
static inline u32 parley_nvme_verb_most(const struct parley_nvme_vf *vf,
					const struct parley_nvme_verb *verb)
{
	return *(const u32 *)((const char *)&vf->n.id + verb->most);
}

/* io.c */
void parley_nvme_io_init(struct parley_nvme_vf *vf);
int parley_nvme_io_open(struct parley_nvme_vf *vf);
void parley_nvme_io_close(struct parley_nvme_vf *vf);
void parley_nvme_io_free(struct parley_nvme_vf *vf);
void parley_nvme_io_end(struct parley_nvme_vf *vf, int err);
bool parley_nvme_io_late(struct parley_nvme_vf *vf);
bool parley_nvme_io_reap(struct parley_nvme_vf *vf, unsigned int vector);
int parley_nvme_io_put(struct parley_nvme_vf *vf, unsigned int nr, struct parley_nvme_io *io);
void parley_nvme_io_ring(struct parley_nvme_vf *vf, unsigned int nr);
int parley_nvme_io_submit(struct parley_nvme_vf *vf, unsigned int nr,
			  struct parley_nvme_io *io);

/* life.c */
bool parley_life_can_do(unsigned long there, enum parley_life_step step);
bool parley_life_can_undo(unsigned long there, enum parley_life_step step);
int parley_life_do(struct parley_life *life, enum parley_life_step step);
bool parley_life_undo(struct parley_life *life, enum parley_life_step step);
bool parley_life_has(struct parley_life *life, enum parley_life_step step);

/* space.c */
int parley_nvme_space_learn(struct parley_nvme_vf *vf);
void parley_nvme_space_forget(struct parley_nvme_vf *vf);
int parley_nvme_space_claim(struct parley_nvme_vf *vf);
void parley_nvme_space_unclaim(struct parley_nvme_vf *vf);
void parley_nvme_space_ended(struct parley_nvme_vf *vf, enum parley_nvme_erasing how);
void parley_nvme_space_go(struct parley_nvme_vf *vf);
int parley_nvme_space_enter(struct parley_nvme_vf *vf, const uuid_t *tenant);
void parley_nvme_space_leave(struct parley_nvme_vf *vf);
int parley_nvme_space_erase(struct parley_nvme_vf *vf);
void parley_nvme_space_erased(struct parley_nvme_vf *vf, bool clean);
int parley_nvme_space_say(struct parley_nvme_vf *vf, const char *text);
enum parley_nvme_owner parley_nvme_space_owner(struct parley_nvme_vf *vf, uuid_t *tenant);
int parley_nvme_space_copied(struct parley_nvme_vf *vf, const char *text);
void parley_nvme_space_original(struct parley_nvme_vf *vf,
				struct parley_nvme_original *original);

/* erase.c */
extern const char *const parley_nvme_way_names[PARLEY_NVME_WAYS];
void parley_nvme_erase_init(struct parley_nvme_vf *vf);
int parley_nvme_erase_start(struct parley_nvme_vf *vf, enum parley_nvme_way way);
void parley_nvme_erase_stop(struct parley_nvme_vf *vf);
int parley_nvme_erase_wait(struct parley_nvme_vf *vf);

/* errand.c */
void parley_nvme_errand_init(struct parley_nvme_vf *vf);
void parley_nvme_errand_end(struct parley_nvme_vf *vf);
int parley_nvme_errand_claim(struct parley_nvme_vf *vf);
int parley_nvme_errand_out(struct parley_nvme_vf *vf, const uuid_t *tenant);
void parley_nvme_errand_settle(struct parley_nvme_vf *vf, unsigned int ms);
int parley_nvme_vf_renew(struct parley_nvme_vf *vf);
void parley_nvme_vf_give_back(struct parley_nvme_vf *vf);

/* vf.c */
void parley_nvme_vf_interrupt(struct parley_nvme_vf *vf, unsigned int vector);
int parley_nvme_vf_init(struct parley_nvme_vf *vf, struct device *dev,
			const struct parley_nvme_ops *ops, size_t bar);
void parley_nvme_vf_exit(struct parley_nvme_vf *vf);
int parley_nvme_vf_up(struct parley_nvme_vf *vf);
void parley_nvme_vf_down(struct parley_nvme_vf *vf);
int parley_nvme_vf_make(struct parley_nvme_vf *vf);
void parley_nvme_vf_forget(struct parley_nvme_vf *vf);
bool parley_nvme_vf_undo(struct parley_nvme_vf *vf);
bool parley_nvme_vf_lock(struct parley_nvme_vf *vf);
int parley_nvme_vf_lock_killable(struct parley_nvme_vf *vf);
int parley_nvme_vf_hand_out(struct parley_nvme_vf *vf);
void parley_nvme_vf_take_back(struct parley_nvme_vf *vf);

/* again.c */
void parley_nvme_vf_pause(struct parley_nvme_vf *vf, bool shutdown);
int parley_nvme_vf_resume(struct parley_nvme_vf *vf);
void parley_nvme_vf_tell(struct parley_nvme_vf *vf, void (*back)(void *data), void *data);
bool parley_nvme_vf_lost(struct parley_nvme_vf *vf);
int parley_nvme_vf_anew(struct parley_nvme_vf *vf);

/* user.c */
int parley_nvme_vf_user_register(const struct parley_nvme_vf_user *user);
void parley_nvme_vf_user_unregister(const struct parley_nvme_vf_user *user);
#if IS_ENABLED(CONFIG_KUNIT)
const struct parley_nvme_vf_user *
parley_nvme_vf_user_swap(const struct parley_nvme_vf_user *user);
#endif
void parley_nvme_vf_bound(struct parley_nvme_vf *vf);
void parley_nvme_vf_unbound(struct parley_nvme_vf *vf);
int parley_nvme_vf_take(struct parley_nvme_vf *vf, const uuid_t *tenant);
int parley_nvme_vf_memory(struct parley_nvme_vf *vf);

/* sysfs.c */
extern const struct attribute_group *parley_nvme_vf_groups[];

#endif /* _PARLEY_NVME_VF_H */
