// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/parley_sched/steal: what was stolen, a row for each processor, and
 * what came of the effective timers there.
 */
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "hv.h"
#include "steal.h"

static void steal_row(struct seq_file *s, int cpu)
{
	const struct parley_eff_counts *timers = per_cpu_ptr(&parley_eff_counts, cpu);
	struct parley_steal of = parley_steal_copy(cpu);

	seq_printf(s, "%4d %15llu %15llu %13llu %9llu %9llu %12llu %9llu %9llu %9llu\n", cpu,
		   of.stolen, of.mono - of.stolen, of.longest, of.times, of.backwards,
		   of.excess, READ_ONCE(timers->fired), READ_ONCE(timers->rearmed),
		   READ_ONCE(timers->limited));
}

static int parley_steal_show(struct seq_file *s, void *unused)
{
	int cpu;

	seq_printf(s, "hypervisor %s stolen time %s\n", parley_hv.ops->name,
		   parley_steal_known() ? "told" : "unknown");
	seq_printf(s, "%4s %15s %15s %13s %9s %9s %12s %9s %9s %9s\n", "cpu", "stolen/ns",
		   "effective/ns", "longest/ns", "times", "backwards", "excess/ns", "fired",
		   "rearmed", "limited");
	for_each_online_cpu(cpu)
		steal_row(s, cpu);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(parley_steal);

void parley_steal_debugfs_init(struct dentry *dir)
{
	debugfs_create_file("steal", 0400, dir, NULL, &parley_steal_fops);
}
