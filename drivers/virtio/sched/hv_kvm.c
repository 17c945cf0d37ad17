// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM on x86, by the hypercalls that it has had for long; each only where CPUID
 * offers it.  That a virtual processor is preempted stands in its steal time record,
 * which the kernel has registered and reads for us.
 */
#include <linux/compiler.h>
#include <linux/irqflags.h>
#include <linux/kvm_para.h>
#include <linux/sched.h>
#include <asm/smp.h>
/* For cpuid_base_hypervisor(): the header that has it moved, this one needs it too. */
#include <asm/xen/hypervisor.h>
#include <parley/compat.h>

#include "hv.h"

static int hv_kvm_probe(void)
{
	u32 features;
	int can = 0;

	/* With processors of its own, a guest's holders are never preempted. */
	if (!kvm_para_available() || kvm_para_has_hint(KVM_HINTS_REALTIME))
		return -ENODEV;
	features = cpuid_eax(cpuid_base_hypervisor(KVM_SIGNATURE, 0) | KVM_CPUID_FEATURES);
	if (features & BIT(KVM_FEATURE_STEAL_TIME))
		can |= PARLEY_HV_SEES | PARLEY_HV_STEAL;
	if (features & BIT(KVM_FEATURE_PV_SCHED_YIELD))
		can |= PARLEY_HV_YIELD;
	if (features & BIT(KVM_FEATURE_PV_UNHALT))
		can |= PARLEY_HV_HALT;
	return can;
}

static bool hv_kvm_preempted(int cpu)
{
	return vcpu_is_preempted(cpu);
}

static void hv_kvm_yield(int cpu)
{
	kvm_hypercall1(KVM_HC_SCHED_YIELD, cpu_physical_id(cpu));
}

/*
 * With interrupts off nothing but a kick ends the halt.  With interrupts on they end
 * it too, and one that comes between the look and the halt must not be served before
 * it: its handler may wait for a lock of its own and take the kick that was for us.
 * So the look is made with interrupts off, and safe_halt() lets them in when it
 * sleeps, not earlier.  KVM keeps a kick for a processor that is not asleep yet.
 */
static void hv_kvm_halt(const u32 *word, u32 value)
{
	bool irqs = !irqs_disabled();

	if (irqs)
		local_irq_disable();
	if (READ_ONCE(*word) != value) {
		if (irqs)
			local_irq_enable();
		return;
	}
	if (irqs)
		safe_halt();
	else
		halt();
}

static void hv_kvm_kick(int cpu)
{
	kvm_hypercall2(KVM_HC_KICK_CPU, 0, cpu_physical_id(cpu));
}

const struct parley_hv_ops parley_hv_kvm = {
	.name = "kvm",
	.probe = hv_kvm_probe,
	.preempted = hv_kvm_preempted,
	.yield = hv_kvm_yield,
	.halt = hv_kvm_halt,
	.kick = hv_kvm_kick,
	.tell = parley_hv_kvm_tell,
	.stolen = parley_hv_kvm_stolen,
};
