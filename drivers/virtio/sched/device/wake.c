// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that somebody waits for, on processors that do not run.
 *
 * A thread of a real-time class that is woken on a processor of which the host says that it
 * is preempted would wait for the host's other guests.  So the host is asked to run it
 * (BOOST), within the budget.  That takes a look at each wake-up of the kernel, so it is
 * done only where the module's parameter says so.
 *
 * The look is from a tracepoint, under the scheduler's locks, and from where the thread is
 * woken: sched_waking, since sched_wakeup may come when the processor runs again.  Where it
 * will run is not decided yet then, so it is where it ran last that is asked for.  The
 * request is sent by an irq_work of the same processor, which is where the next one would
 * have to wait as well: what is woken meanwhile is not asked for.
 */
#include <linux/irq_work.h>
#include <linux/moduleparam.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "device.h"

static bool urgent;
module_param(urgent, bool, 0444);
MODULE_PARM_DESC(urgent,
		 "Ask the host to run a processor on which a real-time thread is woken while it is preempted (default: no)");

#define PSD_NOBODY	(-1)

/**
 * struct psd_wake - of one processor
 * @work: sends the request
 * @cpu: for which, or PSD_NOBODY
 */
struct psd_wake {
	struct irq_work work;
	int cpu;
};

static DEFINE_PER_CPU(struct psd_wake, psd_wakes);
static struct tracepoint *psd_wake_tp;

static void psd_wake_send(struct irq_work *work)
{
	struct psd_wake *w = container_of(work, struct psd_wake, work);
	int cpu = xchg(&w->cpu, PSD_NOBODY);

	if (cpu != PSD_NOBODY)
		parley_sched_boost(cpu);
}

static bool psd_wake_is_urgent(const struct task_struct *task)
{
	return task->policy == SCHED_FIFO || task->policy == SCHED_RR ||
	       task->policy == SCHED_DEADLINE;
}

static void psd_wake_probe(void *unused, struct task_struct *task)
{
	int cpu = task_cpu(task);
	struct psd_wake *w;
	struct psd *psd;

	if (likely(!psd_wake_is_urgent(task)))
		return;
	guard(preempt)();
	psd = READ_ONCE(parley_psd_one);
	if (!psd || cpu >= psd->nr || cpu == smp_processor_id() ||
	    parley_sched_state(psd_record(psd, cpu)) != PARLEY_SCHED_PREEMPTED)
		return;
	w = this_cpu_ptr(&psd_wakes);
	if (cmpxchg(&w->cpu, PSD_NOBODY, cpu) == PSD_NOBODY)
		irq_work_queue(&w->work);
}

/* It is not exported by name. */
static void psd_wake_find(struct tracepoint *tp, void *found)
{
	if (!strcmp(tp->name, "sched_waking"))
		*(struct tracepoint **)found = tp;
}

/** parley_psd_wake_init() - begin to look; 0, or -EOPNOTSUPP or -ENOMEM where it is wanted */
int parley_psd_wake_init(void)
{
	struct psd_wake *w;
	int cpu, err;

	if (!urgent)
		return 0;
	for_each_possible_cpu(cpu) {
		w = per_cpu_ptr(&psd_wakes, cpu);
		init_irq_work(&w->work, psd_wake_send);
		w->cpu = PSD_NOBODY;
	}
	for_each_kernel_tracepoint(psd_wake_find, &psd_wake_tp);
	if (!psd_wake_tp)
		return -EOPNOTSUPP;
	err = tracepoint_probe_register(psd_wake_tp, psd_wake_probe, NULL);
	if (err)
		psd_wake_tp = NULL;
	return err;
}

/** parley_psd_wake_exit() - the mirror */
void parley_psd_wake_exit(void)
{
	int cpu;

	if (!psd_wake_tp)
		return;
	tracepoint_probe_unregister(psd_wake_tp, psd_wake_probe, NULL);
	tracepoint_synchronize_unregister();
	for_each_possible_cpu(cpu)
		irq_work_sync(&per_cpu_ptr(&psd_wakes, cpu)->work);
}
