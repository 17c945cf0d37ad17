/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside the front-end of the scheduling device.  One noun for each file:
 *
 *	main.c		the device: its life, its queues
 *	area.c		the memory that it shares with the host
 *	request.c	requests that come back: whose they are
 *	yield.c		those to run another processor, one at a time of each
 *	wake.c		and when a thread is woken that somebody waits for
 *	count.c		those for counters, one at a time
 *	clock.c		the area with the host's clock, and who reads it
 *	hint.c		what a processor says of itself
 *	hv.c		the device as a hypervisor for locks
 *	show.c		a view for people
 *
 * vCPU n of the device is the kernel's processor n.  There is one device at a time.
 */
#ifndef _PARLEY_SCHED_DEVICE_H
#define _PARLEY_SCHED_DEVICE_H

#include <linux/completion.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include <parley/device.h>
#include <parley/sched.h>

/**
 * struct psd_yield - a request of one processor
 * @busy: the device has it, or may have; a bit of one word, changed atomically
 * @request: what the device reads
 * @reply: and writes, on a cache line of its own
 * @sent: requests
 * @skipped: that were not sent, because the last one was under way or the queue in use
 * @ok: that helped
 * @needless: whose target did not need it
 * @refused: for which the budget had nothing left, or that the device did not like
 */
struct psd_yield {
	unsigned long busy;
	struct parley_sched_request request ____cacheline_aligned;
	struct parley_sched_reply reply ____cacheline_aligned;
	u64 sent ____cacheline_aligned;
	u64 skipped;
	atomic64_t ok;
	atomic64_t needless;
	atomic64_t refused;
};

/**
 * struct psd_count - the request for counters; under parley_psd_one_lock
 * @away: the device has it, and nobody waits for it
 * @request: what the device reads
 * @reply: and writes, on cache lines of its own
 * @len: bytes that it wrote
 * @done: it has come back
 */
struct psd_count {
	bool away;
	struct parley_sched_request request ____cacheline_aligned;
	struct parley_sched_counted reply ____cacheline_aligned;
	u32 len ____cacheline_aligned;
	struct completion done;
};

/**
 * struct psd_area - memory that is shared with the host
 * @psd: device
 * @kind: PARLEY_SCHED_AREA_*
 * @nr: records in each piece
 * @bytes: of each piece
 * @says: what we write: a header, and records
 * @reads: and what the host writes
 * @says_addr: where the device finds it
 * @reads_addr: the same
 * @put: the device has them, or may have
 * @put_at: since then, in jiffies
 * @refused: it does not want them; said once
 * @again: has them put again; a host may give them back without end
 */
struct psd_area {
	struct psd *psd;
	u16 kind;
	u32 nr;
	size_t bytes;
	void *says;
	void *reads;
	u64 says_addr;
	u64 reads_addr;
	atomic_t put;
	unsigned long put_at;
	bool refused;
	struct delayed_work again;
};

/**
 * struct psd - the device
 * @pd: of the model
 * @requests: queue 0
 * @areas: queue 1
 * @nr: vCPUs
 * @vcpus: what is said of them
 * @clock: the host's clock; empty if it has none
 * @yields: one for each possible processor
 * @count: another request
 * @hints: a timer for each possible processor
 */
struct psd {
	struct parley_device *pd;
	struct parley_queue *requests;
	struct parley_queue *areas;
	unsigned int nr;
	struct psd_area vcpus;
	struct psd_area clock;
	struct psd_yield *yields;
	struct psd_count *count;
	struct psd_hint __percpu *hints;
};

/* The one device; read with preemption off, or with the lock, which who changes it has. */
extern struct psd *parley_psd_one;
extern struct mutex parley_psd_one_lock;

static inline struct parley_sched_host_record *psd_record(const struct psd *psd, int cpu)
{
	return (struct parley_sched_host_record *)psd->vcpus.reads + 1 + cpu;
}

static inline struct parley_sched_guest_record *psd_said(const struct psd *psd, int cpu)
{
	return (struct parley_sched_guest_record *)psd->vcpus.says + 1 + cpu;
}

/* area.c */
int parley_psd_area_init(struct psd_area *area, struct psd *psd, u16 kind, u32 nr);
void parley_psd_area_exit(struct psd_area *area);
void parley_psd_area_put(struct psd_area *area);
u32 parley_psd_area_status(const struct psd_area *area);
void parley_psd_area_complete(struct parley_queue *queue, const struct parley_done *done,
			      unsigned int nr, void *ctx);
void parley_psd_area_give_back(struct parley_queue *queue, void *cookie, enum parley_fate fate);

/* clock.c */
int parley_psd_clock_init(struct psd *psd);
void parley_psd_clock_show_up(struct psd *psd);
void parley_psd_clock_hide(struct psd *psd);

/* yield.c */
int parley_psd_yield_init(struct psd *psd);
void parley_psd_yield_exit(struct psd *psd);
void parley_psd_ask(struct psd *psd, u16 op, int cpu);
void parley_psd_yield(struct psd *psd, int cpu);
void parley_psd_yield_end(struct psd_yield *y, u32 len);

/* wake.c */
#ifdef CONFIG_TRACEPOINTS
int parley_psd_wake_init(void);
void parley_psd_wake_exit(void);
#else
static inline int parley_psd_wake_init(void)
{
	return 0;
}

static inline void parley_psd_wake_exit(void)
{
}
#endif

/* count.c */
int parley_psd_count_init(struct psd *psd);
void parley_psd_count_exit(struct psd *psd);
void parley_psd_count_end(struct psd *psd, u32 len);

/* request.c */
void parley_psd_request_complete(struct parley_queue *queue, const struct parley_done *done,
				 unsigned int nr, void *ctx);
void parley_psd_request_give_back(struct parley_queue *queue, void *cookie,
				  enum parley_fate fate);

/* hint.c */
int parley_psd_hint_init(struct psd *psd);
void parley_psd_hint_start(struct psd *psd);
void parley_psd_hint_exit(struct psd *psd);
void parley_psd_hint_holder(struct psd *psd, int cpu);
#if IS_ENABLED(CONFIG_KUNIT)
int parley_psd_node_vote(int *node, u16 *votes, int seen);
#endif

/* hv.c */
void parley_psd_hv_lend(struct psd *psd);
void parley_psd_hv_withdraw(struct psd *psd);

/* show.c */
void parley_psd_show_init(void);
void parley_psd_show_exit(void);

#endif /* _PARLEY_SCHED_DEVICE_H */
