// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a processor says of itself.
 *
 * A module cannot see the length of a run queue.  What it can see, of the processor that
 * it runs on, is whether it is idle and whether a single task is there
 * (single_task_running()); so what is said is 0, 1, or 2 for more.  It is looked up a
 * hundred times a second by a timer of that processor which wakes nobody who is idle: an
 * idle processor halts, and the host sees that by itself.
 *
 * How urgent it is, the policy of the task says that the timer interrupts.  The node is that
 * on which the kernel has seen this processor's tasks use most memory (NUMA balancing), if
 * it was the same one for a while; a kernel that does not look, or has not seen enough, says
 * none: where a processor is plugged in says nothing of the memory that it uses.
 *
 * Who waits for a lock says it of its holder (PARLEY_SCHED_H_HOLDER), when it has found
 * that one preempted; the holder's own timer takes that back.
 */
#include <kunit/visibility.h>
#include <linux/bits.h>
#include <linux/cpu.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/numa.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>

#include "device.h"

#define PSD_HINT_PERIOD	max(HZ / 100, 1)
/* Looks that count for a node, and of these so many more for it than against it. */
#define PSD_NODE_VOTES	32
#define PSD_NODE_ENOUGH	8

/**
 * struct psd_hint - of one processor
 * @timer: pinned to it
 * @psd: device
 * @changes: of what was said
 * @votes: by so many looks more it was @node than another one
 * @node: of which that is true
 */
struct psd_hint {
	struct timer_list timer;
	struct psd *psd;
	u16 changes;
	u16 votes;
	int node;
};

static u64 psd_hint_runnable(void)
{
	return single_task_running() ? 1 : 2;
}

static u64 psd_hint_urgency(void)
{
	switch (current->policy) {
	case SCHED_FIFO:
	case SCHED_RR:
	case SCHED_DEADLINE:
		return PARLEY_SCHED_U_URGENT;
	case SCHED_IDLE:
		return PARLEY_SCHED_U_IDLE;
	default:
		return PARLEY_SCHED_U_NORMAL;
	}
}

/**
 * parley_psd_node_vote() - one look more at where the memory is
 * @node: majority so far
 * @votes: by so many looks
 * @seen: the node that was seen; -1 for none
 *
 * Return: the node if it is one to speak of, or -1.
 */
VISIBLE_IF_KUNIT int parley_psd_node_vote(int *node, u16 *votes, int seen)
{
	if (seen == *node) {
		*votes = min_t(u16, *votes + 1, PSD_NODE_VOTES);
	} else if (*votes) {
		--*votes;
	} else {
		*node = seen;
		*votes = 1;
	}
	return *votes >= PSD_NODE_ENOUGH ? *node : -1;
}
EXPORT_SYMBOL_IF_KUNIT(parley_psd_node_vote);

static int psd_hint_node_seen(void)
{
#ifdef CONFIG_NUMA_BALANCING
	return current->numa_preferred_nid;
#else
	return NUMA_NO_NODE;
#endif
}

/* An idle processor uses no memory, and its votes stay. */
static u64 psd_hint_word(struct psd_hint *hint)
{
	int node;

	if (is_idle_task(current))
		return 0;
	node = parley_psd_node_vote(&hint->node, &hint->votes, psd_hint_node_seen());
	return psd_hint_runnable() | psd_hint_urgency() << PARLEY_SCHED_H_URGENCY |
	       (u64)(node + 1) << PARLEY_SCHED_H_NODE;
}

static void psd_hint_look(struct timer_list *timer)
{
	struct psd_hint *hint = container_of(timer, struct psd_hint, timer);
	struct parley_sched_guest_record *r;
	u64 before, word = psd_hint_word(hint);
	int cpu = smp_processor_id();

	/* That of a processor that went away is another one's now. */
	if (cpu >= hint->psd->nr)
		return;
	r = psd_said(hint->psd, cpu);
	before = le64_to_cpu(READ_ONCE(r->word));
	if ((before & GENMASK_ULL(PARLEY_SCHED_H_CHANGES - 1, 0)) != word) {
		hint->changes++;
		word |= (u64)hint->changes << PARLEY_SCHED_H_CHANGES;
		WRITE_ONCE(r->word, cpu_to_le64(word));
	}
	mod_timer(timer, jiffies + PSD_HINT_PERIOD);
}

/**
 * parley_psd_hint_holder() - a processor holds a lock that others wait for
 * @psd: device
 * @cpu: the processor, a vCPU of the device's
 *
 * Context: any.
 */
void parley_psd_hint_holder(struct psd *psd, int cpu)
{
	struct parley_sched_guest_record *r = psd_said(psd, cpu);
	__le64 before = READ_ONCE(r->word);

	/* One try: it is a hint, and who changes it meanwhile is there, and runs. */
	if (!(before & cpu_to_le64(PARLEY_SCHED_H_HOLDER)))
		cmpxchg(&r->word, before, before | cpu_to_le64(PARLEY_SCHED_H_HOLDER));
}

/* Processors that are not there yet say nothing. */
static bool psd_hint_speaks(const struct psd *psd, int cpu)
{
	return cpu < psd->nr && cpu_online(cpu);
}

/** parley_psd_hint_init() - memory for the timers; 0 or -ENOMEM */
int parley_psd_hint_init(struct psd *psd)
{
	struct psd_hint *hint;
	int cpu;

	psd->hints = alloc_percpu(struct psd_hint);
	if (!psd->hints)
		return -ENOMEM;
	for_each_possible_cpu(cpu) {
		hint = per_cpu_ptr(psd->hints, cpu);
		hint->psd = psd;
		hint->node = NUMA_NO_NODE;
		timer_setup(&hint->timer, psd_hint_look, TIMER_PINNED | TIMER_DEFERRABLE);
	}
	return 0;
}

/** parley_psd_hint_start() - processors begin to speak, if the host listens */
void parley_psd_hint_start(struct psd *psd)
{
	struct psd_hint *hint;
	int cpu;

	if (!parley_has_feature(psd->pd, PARLEY_SCHED_F_HINTS))
		return;
	guard(cpus_read_lock)();
	for_each_possible_cpu(cpu) {
		hint = per_cpu_ptr(psd->hints, cpu);
		if (!psd_hint_speaks(psd, cpu))
			continue;
		hint->timer.expires = jiffies + PSD_HINT_PERIOD;
		add_timer_on(&hint->timer, cpu);
	}
}

/** parley_psd_hint_exit() - the mirror of parley_psd_hint_init(), whether started or not */
void parley_psd_hint_exit(struct psd *psd)
{
	int cpu;

	if (!psd->hints)
		return;
	for_each_possible_cpu(cpu)
		timer_shutdown_sync(&per_cpu_ptr(psd->hints, cpu)->timer);
	free_percpu(psd->hints);
}
