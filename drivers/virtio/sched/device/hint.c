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
 * Who waits for a lock says it of its holder (PARLEY_SCHED_H_HOLDER), when it has found
 * that one preempted; the holder's own timer takes that back.
 */
#include <linux/cpu.h>
#include <linux/jiffies.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/stat.h>

#include "device.h"

#define PSD_HINT_PERIOD	max(HZ / 100, 1)

/**
 * struct psd_hint - of one processor
 * @timer: pinned to it
 * @psd: device
 * @changes: of what was said
 */
struct psd_hint {
	struct timer_list timer;
	struct psd *psd;
	u16 changes;
};

static u64 psd_hint_runnable(void)
{
	if (is_idle_task(current))
		return 0;
	return single_task_running() ? 1 : 2;
}

static void psd_hint_look(struct timer_list *timer)
{
	struct psd_hint *hint = container_of(timer, struct psd_hint, timer);
	struct parley_sched_guest_record *r;
	u64 before, word = psd_hint_runnable();
	int cpu = smp_processor_id();

	/* That of a processor that went away is another one's now. */
	if (cpu >= hint->psd->nr)
		return;
	r = psd_said(hint->psd, cpu);
	before = le64_to_cpu(READ_ONCE(r->word));
	if ((before & (PARLEY_SCHED_H_RUNNABLE | PARLEY_SCHED_H_HOLDER)) != word) {
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
