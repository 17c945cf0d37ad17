/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An NVMe physical function in memory, which can be told to misbehave, and which
 * notes when its driver does.
 */
#ifndef _PARLEY_NVME_FAKE_H
#define _PARLEY_NVME_FAKE_H

#include <kunit/test.h>
#include <linux/workqueue.h>
#include "../pf.h"

#define FAKE_BAR		0x2000
#define FAKE_CNTLID		7
#define FAKE_VFS		4
#define FAKE_NAMESPACES		4
#define FAKE_LENT		(2 + PARLEY_NVME_SLOTS)
/* For what is expected to take too long, and for what is not. */
#define FAKE_SHORT_MS		60
#define FAKE_LONG_MS		120000

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

struct fake;

/* A secondary controller. */
struct fake_vf {
	u16 have[PARLEY_NVME_KINDS];
	bool online;
};

struct fake_ns {
	u64 blocks;
	u16 attached_to;	/* a controller, or 0 */
	u8 format;
};

/* Memory that the driver gave it to reach. */
struct fake_lent {
	void *memory;
	size_t size;
};

struct fake {
	struct parley_nvme n;
	struct kunit *test;
	struct device *dev;
	size_t bar;
	spinlock_t lock;	/* of all below, inside of the driver's */
	struct work_struct work;
	bool inited;

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
	bool dead;		/* CSTS.CFS */
	bool stopped;		/* not ready, although it should be */
	bool fails_enabled;	/* a fatal fault when it is enabled */
	bool stays_ready;	/* does not obey when it is disabled */
	bool no_shutdown;
	unsigned int enable_ms;

	/* the bus */
	bool master;
	bool no_flr;
	bool no_vfs;		/* they cannot be enabled */
	bool reset_fails;
	unsigned int resets;
	unsigned int shutdowns;
	unsigned int released;
	unsigned int alloc_left;	/* allocations that succeed */
	struct fake_lent lent[FAKE_LENT];

	/* the queue */
	u16 sq_head;
	u16 sq_tail;
	u16 cq_tail;
	u16 phase;
	u16 kept[PARLEY_NVME_SLOTS];	/* not answered */
	unsigned int nr_kept;

	/* lies: of the command with that number, from 1; 0: of all */
	enum fake_lie lie;
	unsigned int lie_at;
	unsigned int commands;
	bool never_aborts;
	void (*mangle)(struct fake *f, u8 cns, void *data);

	/* what it is */
	u16 oacs;
	u32 total[PARLEY_NVME_KINDS];
	u16 primary[PARLEY_NVME_KINDS];
	u16 pending[PARLEY_NVME_KINDS];
	u16 fixed;
	u16 most;
	u16 grain;
	struct fake_vf vf[FAKE_VFS];
	unsigned int nr_vfs;
	bool forgets_online;	/* says yes and does nothing */
	bool keeps_primary;
	struct fake_ns ns[FAKE_NAMESPACES];

	const char *complaint;	/* the first thing that the driver did wrong */
};

/* A function as a test likes it: honest, disabled, with four virtual functions. */
struct fake *fake_new(struct kunit *test);
/* The same, initialised and started. */
struct fake *fake_live(struct kunit *test);
int fake_start(struct fake *f);
/* Somebody else resets the function, as by its file reset. */
void fake_reset(struct fake *f);
int fake_recover(struct fake *f);
/* Be honest again. */
void fake_truth(struct fake *f);
void fake_arm(struct fake *f, enum fake_lie lie, unsigned int at);
/* Nothing is left of virtual functions, and the primary has what it had. */
void fake_expect_clean(struct fake *f);
void fake_complain(struct fake *f, const char *what);
void *fake_reach(struct fake *f, u64 address, size_t size);
/* fake_admin.c */
void fake_run(struct work_struct *work);

#endif /* _PARLEY_NVME_FAKE_H */
