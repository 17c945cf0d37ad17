/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the gate: what is known of a page, and of who takes pages away.
 *
 *	gate.c		what is held, and kept
 *	leave.c		what is taken away
 *	unpin.c		what is unpinned by somebody else
 *	vfio.c		the steps, as VFIO and the DMA API have them
 */
#ifndef _PARLEY_GATE_PAGE_H
#define _PARLEY_GATE_PAGE_H

#include <kunit/visibility.h>
#include <linux/task_work.h>
#include <parley/export.h>
#include <parley/gate.h>

/* Kept ones that go at once when no more may be pinned. */
#define PARLEY_GATE_SHRINK	64
/* So many that are pinned after that, and one more may be kept, after some time. */
#define PARLEY_GATE_GROW	64
#define PARLEY_GATE_GROW_MS	10000
/*
 * VFIO writes a line into the log whenever it refuses.  So often in a second it is asked for
 * more than it refused, and so often for anything.
 */
#define PARLEY_GATE_REFUSALS	4
#define PARLEY_GATE_LINES	8
/*
 * Who takes memory away calls for all of these, after this part of the time for which he
 * waits.
 */
#define PARLEY_GATE_UNPINNERS	256
#define PARLEY_GATE_LONG	25
/* Who opens the device waits so long for who still takes memory of the last one's away. */
#define PARLEY_GATE_BEGIN_MS	1000

/* Of struct parley_gate_page, @held: nobody holds it anew. */
#define PARLEY_GATE_GOING	INT_MIN

/**
 * struct parley_gate_page - a page of the guest's that is noted, for one way
 * @rcu: it is looked up without a lock, also when it is forgotten
 * @node: in the list of those that are let go of, before that
 * @key: which page, and which way
 * @held: by so many; PARLEY_GATE_GOING
 * @used: since the hand came by
 * @mapped: the function reaches it
 * @sharers: of those who hold it, who have not been told that it goes
 * @dma: where the function finds it
 * @memory: what it is
 */
struct parley_gate_page {
	union {
		struct rcu_head rcu;
		struct list_head node;
	};
	unsigned long key;
	atomic_t held;
	bool used;
	bool mapped;
	unsigned int sharers;
	dma_addr_t dma;
	struct page *memory;
};

/* There may be PARLEY_GATE_PAGES of them. */
static_assert(sizeof(struct parley_gate_page) <= 64);

/**
 * struct parley_gate_leaving - an area that is being taken away
 * @back: of @watch: called when who does so is back in user space
 * @node: in the list of these
 * @gate: whose it is
 * @who: the thread that does so, by which it is known, and nothing else
 * @first: the first page of the area that he asked for last
 * @last: its last page
 * @asked: how often he did in a row
 * @late: in the list of those who were told that it is held still, of all gates
 * @crowd: he was waited for long
 * @watched: @watch has it
 * @owner: of the device's driver; @watch keeps it loaded
 */
struct parley_gate_leaving {
	struct callback_head back;
	struct list_head node;
	struct parley_gate *gate;
	const struct task_struct *who;
	u64 first;
	u64 last;
	unsigned int asked;
	struct list_head late;
	bool crowd;
	bool watched;
	struct module *owner;
};

/* gate.c */
void parley_gate_out_of_reach(struct parley_gate *g, struct parley_gate_page *page);
void parley_gate_undo(struct parley_gate *g, struct parley_gate_page *page);

/* unpin.c */
void parley_gate_go(struct parley_gate *g, struct list_head *pages);
void parley_gate_crowd(struct parley_gate *g, int more);
void parley_gate_unpinned(struct parley_gate *g);
int parley_gate_hire(struct parley_gate *g);
void parley_gate_fire(struct parley_gate *g);

/* leave.c */
u64 parley_gate_number(u64 address);
void parley_gate_mark(struct parley_gate_leaving *l, struct parley_gate *g);
bool parley_gate_leaves(struct parley_gate *g, u64 page);

#endif /* _PARLEY_GATE_PAGE_H */
