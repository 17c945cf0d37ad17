// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stolen time as KVM on x86 tells it.
 *
 * KVM writes it into a record of each virtual processor, in the guest's memory, before
 * the processor goes on.  The kernel has registered these records and a second one
 * cannot be, nor is the kernel's way to read them exported.  But where a processor's
 * record is stands in its MSR, which may be read, and what it looks like is KVM's ABI.
 *
 * The kernel's own account (/proc/stat, which a module could read) is no substitute. It
 * is made by the tick, and on an idle processor when it wakes up: later than a timer
 * that ran out while the processor was away, which would fire.
 */
#include <linux/cc_platform.h>
#include <linux/compiler.h>
#include <linux/io.h>
#include <linux/kvm_para.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/pfn.h>
#include <asm/barrier.h>
#include <asm/msr.h>
#include <parley/compat.h>

#include "hv.h"

/* The host may be away in the midst of an update; it is no reason to wait for it. */
#define KVM_STEAL_TRIES	16

static DEFINE_PER_CPU(const struct kvm_steal_time *, hv_kvm_record);

/*
 * With "no-steal-acc" the kernel registers nothing.  The memory of an encrypted guest
 * would have to be mapped in another way.  Once found, a record stays where it is, for
 * it is a variable of the kernel's.
 */
void parley_hv_kvm_tell(int cpu)
{
	u32 low, high;
	u64 where;

	if (cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT) ||
	    rdmsr_safe(MSR_KVM_STEAL_TIME, &low, &high))
		return;
	where = (u64)high << 32 | low;
	if (!(where & KVM_MSR_ENABLED) || !pfn_valid(PHYS_PFN(where)))
		return;
	WRITE_ONCE(per_cpu(hv_kvm_record, cpu), phys_to_virt(where & KVM_STEAL_VALID_BITS));
}

/*
 * V1, V2: the number lies between two equal and even versions; the partners are the
 * host's barriers around its update.  Where that does not come about, the number is
 * taken as it is: it is written and read as one, and what matters is checked later.
 */
bool parley_hv_kvm_stolen(int cpu, u64 *ns)
{
	const struct kvm_steal_time *record = READ_ONCE(per_cpu(hv_kvm_record, cpu));
	unsigned int tries;
	u32 version;

	if (!record)
		return false;
	for (tries = 0; tries < KVM_STEAL_TRIES; tries++) {
		version = READ_ONCE(record->version);
		virt_rmb();	/* V1 */
		*ns = READ_ONCE(record->steal);
		virt_rmb();	/* V2 */
		if (!(version & 1) && READ_ONCE(record->version) == version)
			break;
	}
	return true;
}
