/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest of the emulated controller: some memory, a naive driver, and below it the
 * fake function.
 */
#ifndef _PARLEY_EMU_GUEST_H
#define _PARLEY_EMU_GUEST_H

#include "../../vf/tests/fake_vf.h"
#include "../rooms.h"

#define GUEST_PAGES	48
/* Where its memory begins: nothing else is memory. */
#define GUEST_BASE	0x7f0000000ULL
#define GUEST_DEPTH	32

/* Where things are in it, in pages. */
enum {
	GUEST_ASQ, GUEST_ACQ, GUEST_SQ, GUEST_CQ, GUEST_LIST, GUEST_LIST2,
	GUEST_BELLS, GUEST_EVENTS, GUEST_DATA,
};

#define GUEST_AT(page)	(GUEST_BASE + (u64)(page) * PARLEY_NVME_PAGE)

/* A pair of queues, as the guest's driver has them. */
struct guest_queue {
	u16 id;
	u64 sq;
	u64 cq;
	u16 tail;
	u16 head;
	u16 phase;
};

struct guest {
	struct fake_vf *f;
	struct parley_emu e;
	struct kunit *test;
	u8 *memory;
	unsigned int pins[GUEST_PAGES];
	unsigned int shared[GUEST_PAGES];
	bool share_taken;		/* what is shared is taken away at once */
	bool hidden[GUEST_PAGES];	/* it is memory no longer */
	unsigned int leaves;		/* so often a page is just being taken away */
	unsigned int interrupts[PARLEY_EMU_QUEUES];
	bool raised;			/* its interrupt line */
	struct guest_queue queue[2];
	u16 cid;
	u32 nsid;		/* what it calls its namespace */
	bool shadow;			/* of queues for I/O, as Linux has it */
	bool shadow_admin;		/* and of admin queues */
	unsigned int rings;		/* registers of doorbells written */
	spinlock_t lock;		/* of who touches mapped doorbells */
	bool maps;			/* it has them mapped */
	unsigned int slow_us;		/* between a fault and the write */
	bool mapped;			/* they are there */
	unsigned int faults;		/* they were not */
	u64 now;			/* for who has limits */
	bool gone;			/* and its controller */
};

/*
 * With its controller disabled; the same, of a function with all optional commands;
 * enabled; and with a pair of queues for I/O.
 * What it may do is the text in the test's private data, or the default.
 */
struct guest *guest_new(struct kunit *test);
/* The first, as its configuration says; with so many pairs of queues for I/O at most. */
struct guest *guest_like(struct kunit *test, const struct parley_emu_config *config);
struct guest *guest_with(struct kunit *test, unsigned int queues);
struct guest *guest_rich(struct kunit *test);
struct guest *guest_rich_like(struct kunit *test, const struct parley_emu_config *config);
/* The first, of which a thread looks after. */
struct guest *guest_polled(struct kunit *test);
struct guest *guest_enabled(struct kunit *test);
struct guest *guest_ready(struct kunit *test);
/* Make the pair of queues; enable it before. */
void guest_queues(struct guest *g);
void guest_begin(struct guest *g);
int guest_enable(struct guest *g);
/* Put reads, of the first block to one page after the other; the same, which the function keeps. */
void guest_put_reads(struct guest *g, unsigned int nr);
void guest_keep(struct guest *g, unsigned int nr);
/* Until something is as it should be; whether it is. */
bool guest_sees(const unsigned int *what, unsigned int value);
/* Until its controller reports a fatal fault, which comes after the answer; whether it does. */
bool guest_failed(struct guest *g);
/* Until everything is seen to, and the controller's worker sleeps. */
void guest_rest(struct guest *g);
/* Its memory, from a page on. */
void *guest_at(struct guest *g, unsigned int page);
/* Put a command, and ring; its number. */
u16 guest_put(struct guest *g, unsigned int nr, struct nvme_command *cmd);
/* Wait for an answer; its status, or U16_MAX if there is none. */
u16 guest_take(struct guest *g, unsigned int nr, struct nvme_completion *cqe);
/* Both. */
u16 guest_do(struct guest *g, unsigned int nr, struct nvme_command *cmd);
/* Get Features or Set Features; its status, and what it says. */
u16 guest_feature(struct guest *g, u8 opcode, u32 fid, u32 value, u32 *result);
/* A read or a write with its data from an address on, in memory that follows. */
u16 guest_rw(struct guest *g, u8 opcode, u64 block, u32 blocks, u64 address);
/* Doorbell Buffer Config, and what its driver does from then on. */
u16 guest_shadow(struct guest *g);
void guest_doorbell(struct guest *g, u16 id, bool cq, u32 value);
/* Pages are memory no longer, and whoever shares them is told. */
void guest_take_away(struct guest *g, unsigned int page, unsigned int nr);
/* The guest is elsewhere: its memory, what its driver knows, and its disk. */
void guest_move(struct guest *from, struct guest *to);
/* Whoever ran it is gone, and it with him. */
void guest_leave(struct guest *g);
/* Nothing of its memory is held for a command; nor for its queues and doorbells. */
void guest_expect_idle(struct guest *g);
void guest_expect_free(struct guest *g);

#endif /* _PARLEY_EMU_GUEST_H */
