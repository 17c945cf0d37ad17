/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An NVMe controller in memory, which can be told to misbehave, and which notes when
 * its driver does.  The tests of every driver of controllers are built with it; what
 * only one of them needs it adds through struct fake_more.
 */
#ifndef _PARLEY_NVME_FAKE_H
#define _PARLEY_NVME_FAKE_H

#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/workqueue.h>
#include "../ctrl.h"

#define FAKE_BAR		0x2000
#define FAKE_CNTLID		7
#define FAKE_NAMESPACES		4
#define FAKE_QUEUES		4	/* with the admin queue */
#define FAKE_ENTRIES		1024
#define FAKE_LENT		64
#define FAKE_KEPT		64
/* What a started driver has: the admin queue, and pages for its commands. */
#define FAKE_ADMIN_LENT		(2 + PARLEY_NVME_SLOTS)
/* For what is expected to take too long, and for what is not. */
#define FAKE_SHORT_MS		60
#define FAKE_LONG_MS		120000
#define FAKE_LOOK_MS		10	/* instead of PARLEY_NVME_LOOK_MS */

/* What becomes of a command. */
enum fake_lie {
	FAKE_HONEST,
	FAKE_REFUSES,		/* with an error of its own */
	FAKE_UNKNOWN,		/* as an opcode that it does not know */
	FAKE_SILENT,		/* no answer, until it is aborted */
	FAKE_NO_INTERRUPT,
	FAKE_WRONG_CID,
	FAKE_FOREIGN_QUEUE,
	FAKE_BAD_HEAD,
	FAKE_STALE_PHASE,
	FAKE_TWICE,
	FAKE_DIES,		/* with a fatal fault */
	FAKE_STOPS,		/* not ready any more */
	FAKE_VANISHES,
};

/* An answer of an admin command that the fake does not know. */
#define FAKE_REFUSED		NVME_SC_INVALID_FIELD

struct fake;

/**
 * struct fake_more - what a controller of a certain kind has beside
 * @identify: fill in @data for a structure that the fake does not know; any may be
 *	NULL
 * @execute: an admin command that the fake does not know
 * @io: a command of another queue
 * @reset: the controller was reset, or with @whole the function
 * @interrupt: the driver is told that there are answers
 */
struct fake_more {
	u16 (*identify)(struct fake *f, u8 cns, void *data);
	u16 (*execute)(struct fake *f, const struct nvme_command *cmd, void *data,
		       u32 *result);
	u16 (*io)(struct fake *f, const struct nvme_command *cmd);
	void (*reset)(struct fake *f, bool whole);
	void (*interrupt)(struct fake *f);
};

struct fake_ns {
	u64 blocks;
	u16 attached_to;	/* a controller, or 0 */
	u8 format;
	u8 name;		/* of NGUID, its first byte */
	unsigned int formats;
};

/* Memory that the driver gave it to reach. */
struct fake_lent {
	void *memory;
	size_t size;
};

/* A pair of queues. */
struct fake_queue {
	bool cq_there;
	bool sq_there;
	u64 sq;
	u64 cq;
	u16 depth;
	u16 vector;
	u16 sq_head;
	u16 sq_tail;
	u16 cq_tail;
	u16 phase;
};

struct fake_kept {
	u16 queue;
	u16 cid;
};

struct fake {
	struct parley_nvme *n;
	const struct fake_more *more;
	struct kunit *test;
	char name[32];
	struct device *dev;
	size_t bar;
	spinlock_t lock;	/* of all below, inside of the driver's */
	struct work_struct work;

	/* registers */
	u64 cap;
	u32 version;
	u32 crto;
	u32 cc;
	u32 aqa;
	u64 asq;
	u64 acq;
	unsigned long ready_at;
	bool gone;
	bool asleep;			/* the bus finds it all the same, and a reset wakes it */
	bool dead;		/* CSTS.CFS */
	bool stopped;		/* not ready, although it should be */
	bool fails_enabled;	/* a fatal fault when it is enabled */
	bool stays_ready;	/* does not obey when it is disabled */
	bool no_shutdown;
	unsigned int enable_ms;

	/* the bus */
	bool master;
	bool no_flr;
	bool reset_fails;
	unsigned int resets;
	unsigned int shutdowns;
	unsigned int alloc_left;	/* allocations that succeed */
	struct fake_lent lent[FAKE_LENT];

	/* the queues */
	struct fake_queue queue[FAKE_QUEUES];
	unsigned int allowed;		/* pairs for I/O */
	struct fake_kept kept[FAKE_KEPT];	/* not answered */
	unsigned int nr_kept;

	/* lies: of the command with that number, from 1; 0: of all */
	enum fake_lie lie;
	unsigned int lie_at;
	unsigned int commands;
	bool counts_events;
	bool never_aborts;
	void (*mangle)(struct fake *f, u8 cns, void *data);

	/* events */
	bool asked;			/* it may tell of one */
	u16 asked_by;
	u32 told_of;			/* which it was asked to tell of */

	/* what it is */
	u32 oaes;
	u8 fna;
	u16 oacs;
	u16 oncs;
	u8 dlfeat;
	const struct nvme_id_ctrl_nvm *limits;	/* NULL: it does not know these */
	struct fake_ns ns[FAKE_NAMESPACES];

	/* every opcode that it was ever given: of admin commands, and of others */
	DECLARE_BITMAP(given[2], 256);

	const char *complaint;	/* the first thing that the driver did wrong */
};

extern const struct parley_nvme_ops fake_ops;

/* A controller as a test likes it, honest and disabled; @n is its driver's. */
void fake_init(struct fake *f, struct kunit *test, struct parley_nvme *n,
	       const struct fake_more *more);
/* When the driver has let go of it: nothing may be left, and nothing was wrong. */
void fake_end(struct fake *f);
/* Somebody else resets the function, as by its file reset. */
void fake_reset(struct fake *f);
/* Be honest again. */
void fake_truth(struct fake *f);
void fake_arm(struct fake *f, enum fake_lie lie, unsigned int at);
/* Let it reach memory, which is not the driver's own; and not any more. */
bool fake_lend(struct fake *f, void *memory, size_t size, dma_addr_t *dma);
bool fake_take_back(struct fake *f, size_t size, dma_addr_t dma);
/* How much memory it has. */
unsigned int fake_lent(struct fake *f);
void fake_complain(struct fake *f, const char *what);
void *fake_reach(struct fake *f, u64 address, size_t size);
/* fake_admin.c */
/* It tells of an event, if it may; whether it may. */
bool fake_event(struct fake *f, u32 event);
/* It answers what it kept. */
void fake_release(struct fake *f);
void fake_run(struct work_struct *work);

#endif /* _PARLEY_NVME_FAKE_H */
