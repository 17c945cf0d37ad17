// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM on x86: the record into which the host writes what it stole.
 *
 * The kernel has registered one for each processor and does not say where, but the
 * register by which it did so can be read.  The host writes it before the processor runs
 * again, so what was stolen is known at once.  Nothing is registered here.
 */
#include <linux/cc_platform.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/errno.h>
#include <linux/io.h>
#include <linux/kvm_para.h>
#include <linux/mm.h>
#include <asm/barrier.h>
#include <asm/msr.h>

#include "steal.h"

/* Looks at a record that the host is writing; it does so while we do not run. */
#define KVM_TRIES	16

/*
 * struct steal_record - of a processor
 * @st: where the host writes; NULL until the processor was online
 * @last: what was read there, for when the host does not end writing
 */
static DEFINE_PER_CPU(struct steal_record {
	const struct kvm_steal_time *st;
	u64 last;
}, steal_record);

static enum cpuhp_state kvm_online_state;

/* On that processor.  Not to find a record is no reason to stay offline. */
static int kvm_online(unsigned int cpu)
{
	u32 low, high;
	u64 at;

	if (rdmsr_safe(MSR_KVM_STEAL_TIME, &low, &high) || !(low & KVM_MSR_ENABLED))
		return 0;
	at = ((u64)high << 32 | low) & KVM_STEAL_VALID_BITS;
	if (pfn_valid(PHYS_PFN(at)))
		WRITE_ONCE(per_cpu(steal_record, cpu).st, phys_to_virt(at));
	return 0;
}

static u64 kvm_read(int cpu)
{
	struct steal_record *record = per_cpu_ptr(&steal_record, cpu);
	const struct kvm_steal_time *st = READ_ONCE(record->st);
	u32 version;
	u64 steal;
	int i;

	for (i = 0; st && i < KVM_TRIES; i++) {
		version = READ_ONCE(st->version);
		/* Pairs with the host's, which writes version, record, version. */
		virt_rmb();
		steal = READ_ONCE(st->steal);
		/* The same, from behind. */
		virt_rmb();
		if (!(version & 1) && version == READ_ONCE(st->version)) {
			record->last = steal;
			break;
		}
	}
	return record->last;
}

static int kvm_start(void)
{
	int state;

	/* The record may be shared memory there, which this address of it is not. */
	if (!kvm_para_available() || cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT))
		return -ENODEV;
	state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "parley/steal:online", kvm_online,
				  NULL);
	if (state < 0)
		return state;
	kvm_online_state = state;
	if (per_cpu(steal_record, cpumask_first(cpu_online_mask)).st)
		return 0;
	cpuhp_remove_state(state);
	return -ENODEV;
}

static void kvm_stop(void)
{
	cpuhp_remove_state(kvm_online_state);
}

const struct parley_steal_source parley_steal_kvm = {
	.name = "kvm",
	.start = kvm_start,
	.stop = kvm_stop,
	.read = kvm_read,
};
