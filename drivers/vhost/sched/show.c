// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/parley_vhost_sched/vms: a row for each guest, and one for each of its
 * vCPUs that has a thread.  Nothing is stopped for a look.
 */
#include <linux/debugfs.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "sched.h"

static struct dentry *vhs_dir;

static const char *vhs_state_name(u32 state)
{
	static const char *const names[] = {
		[PARLEY_SCHED_UNKNOWN] = "unknown",
		[PARLEY_SCHED_RUNNING] = "running",
		[PARLEY_SCHED_PREEMPTED] = "preempted",
		[PARLEY_SCHED_ASLEEP] = "asleep",
		[PARLEY_SCHED_GONE] = "gone",
	};

	return names[state];
}

static void vhs_show_vcpu(struct seq_file *s, struct vhs_vcpu *vcpu)
{
	u64 hints = vhs_record_hints(vcpu), ran = vhs_record_ran(vcpu);

	/* Of slightly different moments. */
	seq_printf(s, "  vcpu %u tid %d %s ran %llu stolen %llu boosted %llu nice %d node %d hints %#llx\n",
		   vcpu->index, task_pid_nr(vcpu->task), vhs_state_name(READ_ONCE(vcpu->state)),
		   ran, READ_ONCE(vcpu->stolen), READ_ONCE(vcpu->spent),
		   task_nice(vcpu->task), vhs_place_node(vcpu), hints);
}

static void vhs_show_vm(struct seq_file *s, struct vhs *vm)
{
	struct parley_sched_counts c;
	struct vhs_vcpu *vcpu;

	parley_vhost_sched_counts(vm->dev, &c);
	guard(mutex)(&vm->placing);
	guard(vhs_boost)(&vm->boost);
	seq_printf(s, "dev %u vcpus %u budget %u of %u us requests %llu boosts %llu needless %llu refused %llu bad %llu boosted %llu ns\n",
		   parley_vhost_id(vm->dev), vm->nr, vm->budget_us, vm->period_us, c.requests,
		   c.boosts, c.needless, c.refused, c.bad, c.boosted_ns);
	for (vcpu = vm->vcpus; vcpu < vm->vcpus + vm->nr; vcpu++)
		if (vcpu->task)
			vhs_show_vcpu(s, vcpu);
}

static int vhs_vms_show(struct seq_file *s, void *unused)
{
	struct vhs *vm;

	guard(mutex)(&vhs_all_lock);
	list_for_each_entry(vm, &vhs_all, all)
		vhs_show_vm(s, vm);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(vhs_vms);

/** vhs_show_init() - make the view; without debugfs there is none */
void vhs_show_init(void)
{
	vhs_dir = debugfs_create_dir("parley_vhost_sched", NULL);
	debugfs_create_file("vms", 0400, vhs_dir, NULL, &vhs_vms_fops);
}

/** vhs_show_exit() - the mirror of vhs_show_init() */
void vhs_show_exit(void)
{
	debugfs_remove(vhs_dir);
}
