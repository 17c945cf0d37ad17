// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is said of a vCPU to its guest, and what the guest says of it.
 *
 * A record is written under vcpu->lock, so by one at a time, and from our own numbers:
 * the guest can write to it as well, so nothing is ever read back.  State and number of
 * changes are one word, which is valid whenever it is read.  The rest is between two
 * increments of the sequence number.
 *
 * The guest's record is one word too: read once, and whatever it says is a number within
 * its bits.
 */
#include <asm/barrier.h>
#include <linux/compiler.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>

#include "sched.h"

/* Under vcpu->lock. */
static void vhs_record_publish(struct vhs_vcpu *vcpu)
{
	struct parley_sched_host_record *out = vcpu->out;
	u64 word = vcpu->state | (u64)vcpu->changes << PARLEY_SCHED_W_CHANGES;

	lockdep_assert_held(&vcpu->lock);
	if (!out)
		return;
	if (vcpu->boosted)
		word |= PARLEY_SCHED_W_BOOSTED;
	WRITE_ONCE(out->seq, cpu_to_le32(++vcpu->seq));
	/* Pairs with the second virt_rmb() of the reader, parley_sched_read(). */
	virt_wmb();
	WRITE_ONCE(out->word, cpu_to_le64(word));
	WRITE_ONCE(out->stolen_ns, cpu_to_le64(vcpu->stolen));
	WRITE_ONCE(out->ran_ns, cpu_to_le64(vcpu->ran));
	WRITE_ONCE(out->boosted_ns, cpu_to_le64(vcpu->spent));
	WRITE_ONCE(out->stamp_ns, cpu_to_le64(vcpu->since));
	/* Pairs with the first virt_rmb() of the reader. */
	virt_wmb();
	WRITE_ONCE(out->seq, cpu_to_le32(++vcpu->seq));
}

/* Under vcpu->lock: what is to be counted when one state becomes another. */
static void vhs_record_account(struct vhs_vcpu *vcpu, u32 state, u64 delay)
{
	u64 now = ktime_get_mono_fast_ns();
	/* Where a thread that waited less took another's place, the base is below zero. */
	s64 stolen = delay - vcpu->base;

	if (vcpu->state == PARLEY_SCHED_RUNNING && now > vcpu->since)
		vcpu->ran += now - vcpu->since;
	/* That of a thread that is about to run is estimated, see vhs_probe_in(). */
	if (stolen > 0)
		vcpu->stolen = max_t(u64, vcpu->stolen, stolen);
	vcpu->changes += state != vcpu->state;
	WRITE_ONCE(vcpu->state, state);
	vcpu->since = now;
}

static u32 vhs_record_state_of(const struct task_struct *task)
{
	if (READ_ONCE(task->exit_state))
		return PARLEY_SCHED_GONE;
	/* Also one that is about to leave its processor, which the probe may have missed. */
	if (!task_is_running(task))
		return PARLEY_SCHED_ASLEEP;
	return READ_ONCE(task->on_cpu) ? PARLEY_SCHED_RUNNING : PARLEY_SCHED_PREEMPTED;
}

/**
 * vhs_record_begin() - a vCPU has a thread now
 * @vcpu: it, whose thread is in the hash
 * @task: its thread
 *
 * What is found out here may be over already; it is as of the next switch at the latest.
 */
void vhs_record_begin(struct vhs_vcpu *vcpu, const struct task_struct *task)
{
	u64 delay = READ_ONCE(task->sched_info.run_delay);

	scoped_guard(raw_spinlock_irqsave, &vcpu->lock) {
		/* Of another thread before it was stolen, too. */
		vcpu->base = delay - vcpu->stolen;
		vhs_record_account(vcpu, vhs_record_state_of(task), delay);
		vhs_record_publish(vcpu);
	}
}

/** vhs_record_end() - a vCPU has no thread any more */
void vhs_record_end(struct vhs_vcpu *vcpu)
{
	vhs_record_state(vcpu, PARLEY_SCHED_UNKNOWN, 0);
}

/**
 * vhs_record_state() - the scheduler did something with a vCPU
 * @vcpu: it
 * @state: PARLEY_SCHED_*
 * @delay: time that its thread has waited for a processor, so far
 *
 * Context: also under the scheduler's locks.
 */
void vhs_record_state(struct vhs_vcpu *vcpu, u32 state, u64 delay)
{
	scoped_guard(raw_spinlock_irqsave, &vcpu->lock) {
		vhs_record_account(vcpu, state, delay);
		vhs_record_publish(vcpu);
	}
}
EXPORT_SYMBOL_IF_KUNIT(vhs_record_state);

/**
 * vhs_record_boosted() - it has time of the budget, or no more
 * @vcpu: the vCPU
 * @boosted: has it?
 * @spent: nanoseconds that were charged for it just now
 */
void vhs_record_boosted(struct vhs_vcpu *vcpu, bool boosted, u64 spent)
{
	scoped_guard(raw_spinlock_irqsave, &vcpu->lock) {
		vhs_record_account(vcpu, vcpu->state, 0);
		vcpu->boosted = boosted;
		vcpu->spent += spent;
		vhs_record_publish(vcpu);
	}
}

/**
 * vhs_record_share() - the guest shares a record, or does not any more
 * @vcpu: the vCPU
 * @out: what it reads; NULL for none
 * @in: what it writes; NULL for none
 *
 * When this returns, nobody uses what was shared before.
 */
void vhs_record_share(struct vhs_vcpu *vcpu, struct parley_sched_host_record *out,
		      const struct parley_sched_guest_record *in)
{
	scoped_guard(raw_spinlock_irqsave, &vcpu->lock) {
		vcpu->out = out;
		vcpu->in = in;
		vhs_record_publish(vcpu);
	}
}

/** vhs_record_hints() - what the guest says of a vCPU; 0 is nothing */
u64 vhs_record_hints(struct vhs_vcpu *vcpu)
{
	u64 word = 0;

	scoped_guard(raw_spinlock_irqsave, &vcpu->lock)
		if (vcpu->in)
			word = le64_to_cpu(READ_ONCE(vcpu->in->word));
	return word;
}

/** vhs_record_ran() - for how long has it run up to now? */
u64 vhs_record_ran(struct vhs_vcpu *vcpu)
{
	u64 now, ran;

	scoped_guard(raw_spinlock_irqsave, &vcpu->lock) {
		now = ktime_get_mono_fast_ns();
		ran = vcpu->ran;
		if (vcpu->state == PARLEY_SCHED_RUNNING && now > vcpu->since)
			ran += now - vcpu->since;
	}
	return ran;
}
EXPORT_SYMBOL_IF_KUNIT(vhs_record_ran);
