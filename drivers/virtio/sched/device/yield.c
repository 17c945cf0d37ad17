// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests to run another vCPU, from where locks are waited for: any context but an NMI,
 * with interrupts on or off.
 *
 * So nothing is allocated, nobody is waited for, and no lock is: if the queue is in use,
 * or the last request of this processor is under way, there is none.  That is a bound,
 * too: no processor has more than one.
 */
#include <linux/bitops.h>
#include <linux/io.h>
#include <linux/slab.h>
#include <kunit/visibility.h>
#include <parley/export.h>

#include "device.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static int psd_yield_send(struct psd *psd, struct psd_yield *y)
{
	struct parley_seg segs[] = {
		{ virt_to_phys(&y->request), sizeof(y->request) },
		{ virt_to_phys(&y->reply), sizeof(y->reply) },
	};
	struct parley_buf buf = { .segs = segs, .n_out = 1, .n_in = 1, .cookie = y };
	unsigned long flags;
	int err;

	if (!parley_qlock_trylock_irqsave(&psd->requests->lock, &flags))
		return -EAGAIN;
	err = parley_drvq_submit(psd->requests->vq, &buf, GFP_ATOMIC);
	parley_qlock_unlock_irqrestore(&psd->requests->lock, flags);
	return err;
}

/**
 * parley_psd_ask() - have the host run another processor
 * @psd: device
 * @op: PARLEY_SCHED_OP_YIELD: rather than this one; or PARLEY_SCHED_OP_BOOST
 * @cpu: the other one
 *
 * Context: preemption off; any but an NMI.
 */
void parley_psd_ask(struct psd *psd, u16 op, int cpu)
{
	int self = smp_processor_id();
	struct psd_yield *y = &psd->yields[self];

	if (cpu >= psd->nr || self >= psd->nr)
		return;
	/* An interrupt may come here as well, and finds it busy. */
	if (test_and_set_bit_lock(0, &y->busy)) {
		y->skipped++;
		return;
	}
	y->request = (struct parley_sched_request){
		.op = cpu_to_le16(op),
		.vcpu = cpu_to_le32(self),
		.target = cpu_to_le32(cpu),
	};
	if (psd_yield_send(psd, y)) {
		y->skipped++;
		clear_bit_unlock(0, &y->busy);
		return;
	}
	y->sent++;
	if (op == PARLEY_SCHED_OP_YIELD)
		trace_parley_sched_yield(cpu);
	else
		trace_parley_sched_boost(cpu);
}

/**
 * parley_psd_yield() - have the host run the holder of a lock rather than this processor
 * @psd: device
 * @cpu: the holder's
 *
 * Context: preemption off; any but an NMI.
 */
void parley_psd_yield(struct psd *psd, int cpu)
{
	if (cpu >= psd->nr)
		return;
	parley_psd_hint_holder(psd, cpu);
	parley_psd_ask(psd, PARLEY_SCHED_OP_YIELD, cpu);
}
EXPORT_SYMBOL_IF_KUNIT(parley_psd_yield);

/**
 * parley_sched_boost() - ask the host to run a processor, if it is preempted
 * @cpu: it
 *
 * For who knows that something urgent waits there.  The host does it within a budget, or not.
 *
 * Context: any but an NMI, and not under the scheduler's locks.
 */
void parley_sched_boost(int cpu)
{
	struct psd *psd;

	guard(preempt)();
	psd = READ_ONCE(parley_psd_one);
	if (psd && parley_has_feature(psd->pd, PARLEY_SCHED_F_YIELD) && cpu < psd->nr &&
	    parley_sched_state(psd_record(psd, cpu)) == PARLEY_SCHED_PREEMPTED)
		parley_psd_ask(psd, PARLEY_SCHED_OP_BOOST, cpu);
}
PARLEY_EXPORT(parley_sched_boost);

static void psd_yield_count(struct psd_yield *y, u32 status)
{
	if (status == PARLEY_SCHED_S_OK)
		atomic64_inc(&y->ok);
	else if (status == PARLEY_SCHED_S_NEEDLESS)
		atomic64_inc(&y->needless);
	else
		atomic64_inc(&y->refused);
}

/**
 * parley_psd_yield_end() - a request has come back
 * @y: it
 * @len: bytes that were written; 0 if it was not answered: it is of a moment that has
 *	passed, and not repeated
 *
 * Context: any.
 */
void parley_psd_yield_end(struct psd_yield *y, u32 len)
{
	if (len == sizeof(y->reply))
		psd_yield_count(y, le32_to_cpu(READ_ONCE(y->reply.status)));
	clear_bit_unlock(0, &y->busy);
}

/** parley_psd_yield_init() - memory for requests; 0 or -ENOMEM */
int parley_psd_yield_init(struct psd *psd)
{
	/* Not per-CPU memory, which need not be where a device finds it. */
	psd->yields = kcalloc(nr_cpu_ids, sizeof(*psd->yields), GFP_KERNEL);
	return psd->yields ? 0 : -ENOMEM;
}

/** parley_psd_yield_exit() - the mirror; none is under way */
void parley_psd_yield_exit(struct psd *psd)
{
	kfree(psd->yields);
}
