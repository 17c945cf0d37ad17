// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/parley_steal/cpus: a row for each processor, and the mean; and
 * /sys/kernel/debug/parley_steal/timers: what timers did, of all together.
 */
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "steal.h"

static struct dentry *steal_dir;

static void steal_show(struct seq_file *s, int cpu, u64 refused, u64 backwards)
{
	struct parley_steal now;

	parley_steal_read(cpu, &now);
	seq_printf(s, " %18llu %18llu %18llu %15llu %9llu\n", now.mono, now.stolen,
		   now.clock, refused, backwards);
}

static int parley_steal_cpus_show(struct seq_file *s, void *unused)
{
	struct steal_cpu *c;
	int cpu;

	seq_printf(s, "source %s grain %llu\n", raw_cpu_ptr(&parley_steal_cpu)->source->name,
		   parley_steal_grain());
	seq_printf(s, "%4s %18s %18s %18s %15s %9s\n", "cpu", "monotonic/ns", "stolen/ns",
		   "clock/ns", "refused/ns", "backwards");
	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(&parley_steal_cpu, cpu);
		seq_printf(s, "%4d", cpu);
		steal_show(s, cpu, READ_ONCE(c->sum.refused), READ_ONCE(c->backwards));
	}
	seq_printf(s, "%4s", "all");
	steal_show(s, PARLEY_STEAL_ALL, 0, 0);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(parley_steal_cpus);

static int parley_steal_timers_show(struct seq_file *s, void *unused)
{
	const struct steal_counts *c = &parley_steal_counts;

	seq_printf(s, "fired %lld\n", atomic64_read(&c->fired));
	seq_printf(s, "held %lld\n", atomic64_read(&c->held));
	seq_printf(s, "rearmed %lld\n", atomic64_read(&c->rearmed));
	seq_printf(s, "settled %lld\n", atomic64_read(&c->settled));
	seq_printf(s, "cut %lld\n", atomic64_read(&c->cut));
	seq_printf(s, "nudged %lld\n", atomic64_read(&c->nudged));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(parley_steal_timers);

void parley_steal_view_init(void)
{
	steal_dir = debugfs_create_dir("parley_steal", NULL);
	debugfs_create_file("cpus", 0400, steal_dir, NULL, &parley_steal_cpus_fops);
	debugfs_create_file("timers", 0400, steal_dir, NULL, &parley_steal_timers_fops);
}

void parley_steal_view_exit(void)
{
	debugfs_remove(steal_dir);
}
