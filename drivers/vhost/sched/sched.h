/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside vhost sched.  One noun for each file:
 *
 *	main.c		the device: driver table, its life, the VMM's own calls
 *	thread.c	threads of vCPUs: found, allowed, registered
 *	quota.c		how many there may be, and of whom
 *	probe.c		what the scheduler does with them
 *	record.c	what is said of a vCPU to the guest, and what the guest says
 *	area.c		queue 1: areas that guests share
 *	request.c	queue 0: requests
 *	boost.c		time for a vCPU by request
 *	budget.c	how much of it
 *	nice.c		nice values of threads, and that children have none of ours
 *	clock.c		the clock that the guest is fed
 *	step.c		nice values that follow the guest's hints
 *	place.c		vCPUs near the memory that they use
 *	load.c		what a guest says of its vCPUs, as one
 *	count.c		performance counters of the guest alone
 *	show.c		a view for operators
 *
 * Locking:
 *	dev->mutex	the VMM's calls
 *	vm->counting (mutex)	counters of vCPUs; what is counted
 *	vm->placing (mutex)	where vCPUs may run, and where their memory is
 *	clk->lock (mutex)	the clock; in this place, with nothing inside
 *	vhs_threads_lock (mutex)	which thread is which vCPU, and whose
 *	vm->boost (rt_mutex)	who has time of the budget; nice values.  Who ends a boost
 *			waits for nobody whom that boost keeps from running: nothing below
 *			this lock sleeps
 *	vcpu->lock (raw spinlock, interrupts off)	a vCPU's record; taken under
 *			the scheduler's run queue lock, so nothing is woken under it
 * in this order.  The hash of threads is read under RCU.
 */
#ifndef _PARLEY_VHOST_SCHED_H
#define _PARLEY_VHOST_SCHED_H

#include <kunit/visibility.h>
#include <linux/cleanup.h>
#include <linux/hrtimer.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/rtmutex.h>
#include <linux/spinlock.h>
#include <linux/uidgid.h>
#include <linux/workqueue.h>
#include <parley/compat.h>
#include <parley/vhost.h>
#include <uapi/linux/parley_sched.h>

struct perf_event;
struct perf_event_attr;
struct task_struct;
struct vhs;
struct vhs_place;
struct vhs_user;

/* Bounds of what a VMM may ask for, and what it has otherwise. */
#define VHS_BUDGET_US		2000u
#define VHS_PERIOD_US		500000u
#define VHS_PERIOD_MIN_US	10000u
#define VHS_PERIOD_MAX_US	10000000u
#define VHS_BUDGET_PART		2	/* no more than one half */
#define VHS_STEPS_MAX		10u	/* of nice values, by hints */

/* One boost: no less is given, no more at once, and no longer is it tried. */
#define VHS_GRANT_MIN_NS	(100 * NSEC_PER_USEC)
#define VHS_GRANT_NS		(500 * NSEC_PER_USEC)
#define VHS_BOOST_NS		(20 * NSEC_PER_MSEC)
#define VHS_BOOST_STEPS		15	/* of nice values */

/* Threads of vCPUs on this host, of users as their parts, and of one of these. */
#define VHS_THREADS_MAX		8192
#define VHS_THREADS_USERS	4096
#define VHS_THREADS_USER	1024

/* Parts of a period in which it is known what was spent. */
#define VHS_SLOTS		16

/**
 * struct vhs_budget - time spent in the last period
 * @limit: nanoseconds that may be
 * @slot_ns: length of a slot
 * @slot: number of the newest slot, counted from time 0
 * @debt: overdrawn, and not in a slot yet
 * @spent: in that slot and those before it, by number modulo VHS_SLOTS + 1
 * @held: given, and not spent yet
 */
struct vhs_budget {
	u64 limit;
	u64 slot_ns;
	u64 slot;
	u64 spent[VHS_SLOTS + 1];
	u64 debt;
	u64 held;
};

/**
 * struct vhs_counted - what was counted
 * @value: so much
 * @enabled: nanoseconds for which it was to be
 * @running: and was
 */
struct vhs_counted {
	u64 value;
	u64 enabled;
	u64 running;
};

/**
 * struct vhs_vcpu - a virtual processor
 * @vm: its guest
 * @index: its number
 * @node: in the hash of threads, while it has one
 * @task: its thread, held, or NULL; changes under @vm->boost
 * @leaves: but not for long; under @vm->boost
 * @user: of whose part that is, or NULL; under vhs_threads_lock
 * @lock: protects what follows, up to @boosted
 * @out: its record, while the guest shares one
 * @in: and what the guest says
 * @state: PARLEY_SCHED_*
 * @changes: of it
 * @since: when it got into that, by ktime_get_mono_fast_ns()
 * @seq: of its record
 * @base: the thread's run delay that is none of the guest's affair
 * @stolen: nanoseconds
 * @ran: nanoseconds, up to @since
 * @spent: nanoseconds of the budget
 * @boosted: it has time of the budget
 * @grant: so much of it; the rest under vm->boost
 * @ran_before: what it had run when it got it
 * @until: when it ends at the latest
 * @nice: of its thread when we do not move it; like the two that follow, written under
 *	vm->boost, and read by who inherits
 * @nice_set: what we set last
 * @moved: we did
 * @step: by which hints have moved it
 * @known_since: when its thread was registered
 * @timer: looks whether the grant is used up
 * @end: ends it
 * @wish: has the holder of a lock boosted that was preempted
 * @bred: the kernel has made a worker for its thread
 * @workers: looks for it
 * @help: does it
 * @place: where it is; under vm->placing
 * @event: counters of its thread; this and the next under vm->counting
 * @past: what those of its former threads had counted
 */
struct vhs_vcpu {
	struct vhs *vm;
	unsigned int index;
	struct hlist_node node;
	struct task_struct *task;
	bool leaves;
	struct vhs_user *user;

	raw_spinlock_t lock;	/* see above */
	struct parley_sched_host_record *out;
	const struct parley_sched_guest_record *in;
	u32 state;
	u32 changes;
	u64 since;
	u32 seq;
	u64 base;
	u64 stolen;
	u64 ran;
	u64 spent;
	bool boosted;

	u64 grant;
	u64 ran_before;
	u64 until;
	int nice;
	int nice_set;
	bool moved;
	int step;
	u64 known_since;
	struct hrtimer timer;
	struct kthread_work end;
	struct irq_work wish;
	struct irq_work bred;
	struct work_struct workers;
	struct work_struct help;

	struct vhs_place *place;
	struct perf_event *event[PARLEY_SCHED_PMCS];
	struct vhs_counted past[PARLEY_SCHED_PMCS];
};

/**
 * struct vhs_line - nanoseconds by a counter
 * @counter: from here on
 * @ns: it shows this there
 * @error: so far it was from what it follows, when it began
 * @mult: nanoseconds of a turn, times 2^@shift
 * @shift: see @mult
 * @own: what the kernel knows of the counter: @mult at first, and never far from it
 * @rate: what it has turned out to be
 */
struct vhs_line {
	u64 counter;
	u64 ns;
	u64 error;
	u32 mult;
	u32 shift;
	u32 own;
	u32 rate;
};

/**
 * struct vhs_clock - the clock that a guest is fed
 * @lock: protects all of it
 * @out: the record, while the guest shares one
 * @seq: of it, even
 * @epoch: of the line
 * @started: there is an @offset
 * @offset: what makes CLOCK_MONOTONIC the guest's
 * @of: what makes our counter the guest's
 * @line: what was published
 * @again: publishes the next one
 */
struct vhs_clock {
	struct mutex lock;	/* see above */
	struct parley_sched_host_clock *out;
	u32 seq;
	u32 epoch;
	bool started;
	u64 offset;
	struct parley_sched_counter of;
	struct vhs_line line;
	struct delayed_work again;
};

/**
 * struct vhs_area - memory that the guest shares
 * @req: the request that it came with, or NULL; of who serves the queue
 * @in: what the guest writes there
 * @out: and what it reads
 */
struct vhs_area {
	struct parley_vhost_req *req;
	struct parley_vhost_area in;
	struct parley_vhost_area out;
};

/* By kind, less one. */
#define VHS_AREAS	PARLEY_SCHED_AREA_CLOCK

/**
 * struct vhs - the vCPUs of a guest
 * @dev: its device
 * @all: in the list of all, for operators and steps; under vhs_all_lock
 * @nr: vCPUs; set once
 * @vcpus: @nr of them
 * @counting: see above
 * @counters: what is counted of each vCPU
 * @placing: see above
 * @nodes: where its memory is
 * @place_next: the vCPU whose turn it is to be moved
 * @boost: see above
 * @budget: under @boost
 * @budget_us: as it was set
 * @period_us: as it was set
 * @steps: how far hints go; under @boost
 * @dry_until: no hint is followed before that: there was one just now, or there is nothing
 *	in @budget
 * @closing: nothing begins any more; under @boost
 * @areas: what is shared, one of a kind
 * @clock: the clock that the guest is fed
 * @counts: what was asked for and what came of it
 */
struct vhs {
	struct parley_vhost *dev;
	struct list_head all;
	unsigned int nr;
	struct vhs_vcpu *vcpus;

	struct mutex counting;	/* see above */
	struct parley_sched_pmcs counters;

	struct mutex placing;	/* see above */
	struct parley_sched_nodes nodes;
	unsigned int place_next;

	struct rt_mutex boost;	/* see above */
	struct vhs_budget budget;
	u32 budget_us;
	u32 period_us;
	struct parley_sched_steps steps;
	u64 dry_until;
	bool closing;

	struct vhs_area areas[VHS_AREAS];
	struct vhs_clock clock;

	struct {
		atomic64_t requests;
		atomic64_t boosts;
		atomic64_t needless;
		atomic64_t refused;
		atomic64_t bad;
		atomic64_t boosted_ns;
		atomic64_t areas;
		atomic64_t areas_refused;
	} counts;
};

DEFINE_GUARD(vhs_boost, struct rt_mutex *, rt_mutex_lock(_T), rt_mutex_unlock(_T))

extern struct workqueue_struct *vhs_wq;
extern struct kthread_worker *vhs_ender;
extern struct mutex vhs_all_lock;
extern struct mutex vhs_threads_lock;
extern struct list_head vhs_all;

/* What a VMM's calls do, for KUnit. */
#if IS_ENABLED(CONFIG_KUNIT)
int parley_vhost_sched_set_nr(struct parley_vhost *dev, u32 nr);
int parley_vhost_sched_set_budget(struct parley_vhost *dev,
				  const struct parley_sched_budget *b);
int parley_vhost_sched_set_steps(struct parley_vhost *dev,
				 const struct parley_sched_steps *s);
int parley_vhost_sched_set_task(struct parley_vhost *dev, u32 index,
				struct task_struct *task);
int parley_vhost_sched_set_pmcs(struct parley_vhost *dev,
				const struct parley_sched_pmcs *c);
void parley_vhost_sched_load(struct parley_vhost *dev, struct parley_sched_load *l);
int vhs_count_attr(u32 what, struct perf_event_attr *attr);
int vhs_count_try(u32 what);
bool vhs_quota_beyond(void);
const struct cpumask *vhs_place_cpus(int node);
int parley_vhost_sched_get_clock(struct parley_vhost *dev, struct parley_sched_clock *c);
int parley_vhost_sched_set_clock(struct parley_vhost *dev,
				 const struct parley_sched_clock *c);
int parley_vhost_sched_set_counter(struct parley_vhost *dev,
				   const struct parley_sched_counter *of);
#endif

/* main.c */
void parley_vhost_sched_counts(struct parley_vhost *dev, struct parley_sched_counts *c);

/* thread.c */
int parley_vhost_sched_set_tid(struct parley_vhost *dev, u32 index, pid_t tid);
struct vhs_vcpu *vhs_vcpu_of(const struct task_struct *task);	/* under RCU */
void vhs_vcpus_forget(struct vhs *vm, unsigned int from, unsigned int nr);

/* probe.c */
struct vhs_user *vhs_quota_get(kuid_t id);
void vhs_quota_put(struct vhs_user *user);
int vhs_probe_get(void);
void vhs_probe_put(void);
void vhs_probe_exit(void);

/* record.c */
void vhs_record_begin(struct vhs_vcpu *vcpu, const struct task_struct *task);
void vhs_record_end(struct vhs_vcpu *vcpu);
void vhs_record_state(struct vhs_vcpu *vcpu, u32 state, u64 delay);
void vhs_record_boosted(struct vhs_vcpu *vcpu, bool boosted, u64 spent);
void vhs_record_share(struct vhs_vcpu *vcpu, struct parley_sched_host_record *out,
		      const struct parley_sched_guest_record *in);
u64 vhs_record_hints(struct vhs_vcpu *vcpu);
u64 vhs_record_ran(struct vhs_vcpu *vcpu);

/* area.c */
extern const struct parley_vhost_queue_ops vhs_area_ops;

/* request.c */
extern const struct parley_vhost_queue_ops vhs_request_ops;

/* budget.c */
void vhs_budget_set(struct vhs_budget *b, u64 limit, u64 period, u64 now);
u64 vhs_budget_hold(struct vhs_budget *b, u64 now, u64 least, u64 most);
void vhs_budget_spend(struct vhs_budget *b, u64 now, u64 held, u64 spent);

/* boost.c */
void vhs_boost_init(struct vhs_vcpu *vcpu);
u32 vhs_boost(struct vhs_vcpu *vcpu, struct task_struct **task);
void vhs_boost_wish(struct vhs_vcpu *vcpu);
void vhs_boost_stop(struct vhs_vcpu *vcpu);
void vhs_boost_close(struct vhs *vm);

/* nice.c */
void vhs_nice_init(struct vhs_vcpu *vcpu);
void vhs_nice_begin(struct vhs_vcpu *vcpu);
void vhs_nice_apply(struct vhs_vcpu *vcpu);
void vhs_nice_child(struct vhs_vcpu *vcpu, struct task_struct *child);
void vhs_nice_worker(struct vhs_vcpu *vcpu, const struct task_struct *worker);
void vhs_nice_settle(struct vhs *vm, unsigned int from, unsigned int nr);

/* clock.c */
bool vhs_line_begin(struct vhs_line *line, u64 counter, u64 ns, u64 hz);
bool vhs_line_follow(struct vhs_line *line, u64 counter, u64 ns);
bool vhs_clock_share(struct vhs *vm, struct parley_sched_host_clock *out);
long vhs_clock_ioctl(struct parley_vhost *dev, unsigned int cmd, void __user *arg);
void vhs_clock_init(struct vhs *vm);
void vhs_clock_exit(struct vhs *vm);

/* step.c */
int vhs_step_of(u64 hints, const struct parley_sched_steps *steps);
void vhs_steps_start(void);
void vhs_steps_stop(void);

/* place.c */
bool vhs_place_look(struct vhs *vm);
int vhs_place_set(struct vhs *vm, const struct parley_sched_nodes *n);
void vhs_place_end(struct vhs_vcpu *vcpu);
int vhs_place_node(const struct vhs_vcpu *vcpu);
void vhs_place_free(struct vhs *vm);

/* load.c */
void vhs_load(struct vhs *vm, struct parley_sched_load *l);

/* count.c */
#ifdef CONFIG_PERF_EVENTS
int vhs_count_begin(struct vhs_vcpu *vcpu);
void vhs_count_end(struct vhs_vcpu *vcpu);
int vhs_count_set(struct vhs *vm, const struct parley_sched_pmcs *c);
u32 vhs_count_read(struct vhs *vm, u32 index, struct parley_sched_counted *reply);
#else
static inline int vhs_count_begin(struct vhs_vcpu *vcpu)
{
	return 0;
}

static inline void vhs_count_end(struct vhs_vcpu *vcpu)
{
}

static inline int vhs_count_set(struct vhs *vm, const struct parley_sched_pmcs *c)
{
	return c->nr ? -EOPNOTSUPP : 0;
}

static inline u32 vhs_count_read(struct vhs *vm, u32 index, struct parley_sched_counted *reply)
{
	return PARLEY_SCHED_S_OK;
}
#endif

/* show.c */
void vhs_show_init(void);
void vhs_show_exit(void);

#endif /* _PARLEY_VHOST_SCHED_H */
