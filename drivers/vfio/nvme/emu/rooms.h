/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the rooms of an emulated controller have of each other.
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
 *	entries.c	what is in them
 *	shadow.c	their doorbells
 *	share.c		pages that both the guest and the controller use
 *	limit.c		what may be fetched now
 *	../vf/		the virtual function
 */
#ifndef _PARLEY_NVME_ROOMS_H
#define _PARLEY_NVME_ROOMS_H

#include <linux/cleanup.h>
#include <linux/jiffies.h>
#include <linux/rcupdate.h>
#include "controller.h"

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
void parley_emu_want(struct parley_emu *e, struct parley_emu_share *s, u64 address);
void parley_emu_share_wanted(struct parley_emu *e);

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
void parley_emu_shadow_seen(struct parley_emu *e, u16 id);
bool parley_emu_shadow_arm(struct parley_emu *e);
bool parley_emu_shadow_moved(struct parley_emu *e);

/* entries.c */
void parley_emu_sq_pages(struct parley_emu *e, u16 id);
void parley_emu_sq_no_pages(struct parley_emu *e, u16 id);
void parley_emu_cq_page(struct parley_emu *e, u16 id);
void parley_emu_cq_no_page(struct parley_emu *e, u16 id);
int parley_emu_entry_read(struct parley_emu *e, u16 sq, struct nvme_command *cmd);
int parley_emu_entry_write(struct parley_emu *e, u16 cq, const struct nvme_completion *cqe);

/* queue.c */
bool parley_emu_area(u64 base, u64 size);
void parley_emu_fault(struct parley_emu *e, const char *why);
u16 parley_emu_sq_make(struct parley_emu *e, u16 id, u64 base, u32 size, u16 cq);
u16 parley_emu_cq_make(struct parley_emu *e, u16 id, u64 base, u32 size, u16 vector,
		       bool interrupts);
bool parley_emu_room(struct parley_emu *e, u16 id);
bool parley_emu_fetch(struct parley_emu *e, u16 id, struct nvme_command *cmd);
void parley_emu_unfetch(struct parley_emu *e, u16 id, const struct nvme_command *cmd);
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
void parley_emu_linger_end(struct parley_emu *e);
void parley_emu_linger_init(struct parley_emu *e);

/* run.c */
bool parley_emu_round(struct parley_emu *e);
void parley_emu_run(struct parley_emu *e);

/* poll.c */
#if IS_ENABLED(CONFIG_KUNIT)
void parley_emu_poll_learn(struct parley_emu_poll *p, bool hit);
u64 parley_emu_poll_time(struct parley_emu_poll *p, u64 now);
void parley_emu_poll_vain(struct parley_emu_poll *p, u64 ns);
#endif
int parley_emu_poll_start(struct parley_emu *e);
void parley_emu_poll_stop(struct parley_emu *e);

/* regs.c */
void parley_emu_clear(struct parley_emu *e);
bool parley_emu_can(struct parley_emu *e, u32 cc);

#endif /* _PARLEY_NVME_ROOMS_H */
