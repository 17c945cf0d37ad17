/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A gate whose steps are only noted, and an IOMMU that knows what may be reached: it sees
 * to the rules of Documentation/vfio-gate.rst at each step, whoever makes it.
 */
#ifndef _PARLEY_GATE_FAKE_H
#define _PARLEY_GATE_FAKE_H

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>
#include "../page.h"

#define AT(nr)		((u64)(nr) * PARLEY_GATE_PAGE)
/* Enough for whoever waits to have begun to. */
#define BEGUN_MS	50
/* Pages of the guest's that there are. */
#define FAKE_PAGES	2048

/* Threads that take memory away at a time. */
#define FAKE_LEAVERS	4

enum step { PIN, MAP, UNMAP, UNPIN, STEPS };

/* A page of the guest's: which memory it is, and what was done to it. */
struct fake_page {
	unsigned int memory;
	int pins;
	int maps[PARLEY_GATE_WAYS];
	bool told;
	int told_pins;			/* what pins were left then */
};

struct fake_gate {
	struct parley_gate g;
	struct kunit *test;
	struct mutex lock;
	struct mutex container;		/* of VFIO: pins and unpins, and who asks at first */
	struct mutex devices;		/* of VFIO: whoever waits for an answer */
	enum step step[64];
	unsigned int nr;
	unsigned int fails_in;		/* this step fails; 0: none */
	int err;			/* so */
	int most;			/* so many pins may be; 0: any; -1: none */
	unsigned int refused;		/* so often there were as many, a line in the log each */
	unsigned int slow_ms;		/* so long it takes who shares a page to answer */
	int pins;
	int maps;
	struct fake_page page[FAKE_PAGES];
	struct fake_page last;		/* the last page of all */
	bool abandoned;			/* the function does nothing any more */
	struct task_struct *leaver;	/* holds VFIO's locks */
	struct parley_gate_leaving *left[FAKE_LEAVERS];	/* who may ask again */
};

struct fake_gate *gate_new(struct kunit *test);
int pin_way(struct fake_gate *f, unsigned int nr, bool in, dma_addr_t *dma);
int pin(struct fake_gate *f, unsigned int nr);
void unpin(struct fake_gate *f, unsigned int nr);
/* Ask for pages, as VFIO does, who may ask again; and be through with that. */
bool ask(struct fake_gate *f, unsigned int first, unsigned int nr);
void back(struct fake_gate *f);
/* Since somebody was refused. */
void passes(struct fake_gate *f, unsigned int ms);
/* Both: they are taken away. */
bool leave(struct fake_gate *f, unsigned int first, unsigned int nr);
/* As leave(), and there is other memory in their place, which may be held at once. */
void replace(struct fake_gate *f, unsigned int first, unsigned int nr);
/* Whether the function reaches what is the guest's page now. */
bool fake_reaches(struct fake_gate *f, dma_addr_t dma);

/* Who takes memory away meanwhile. */
struct leaver {
	struct work_struct work;
	struct completion done;
	struct fake_gate *f;
	unsigned int first;
	unsigned int nr;
	bool gone;
};

void leaver_begin(struct leaver *l, struct fake_gate *f, unsigned int first,
		  unsigned int nr);
void leaver_end(struct leaver *l);

/*
 * Who takes memory away as the older container does: he asks until nothing is pinned there,
 * and keeps one lock from others while he waits for the other.
 */
struct stubborn {
	struct work_struct work;
	struct completion done;
	struct fake_gate *f;
	struct fake_gate *other;	/* of the same container; or NULL */
	bool both;			/* it is there already */
	unsigned int first;
	unsigned int nr;
	unsigned int asked;
	bool gave_up;			/* else all would stand still */
};

void stubborn_begin(struct stubborn *s, struct fake_gate *f, struct fake_gate *other,
		    unsigned int first, unsigned int nr);
void stubborn_end(struct stubborn *s);

#endif /* _PARLEY_GATE_FAKE_H */
