// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/parley_sched/locks: what waiting for locks cost, a row for each
 * processor that waited or woke somebody, and their sum.  Nothing is stopped for a
 * look: numbers may be of slightly different moments.
 */
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/minmax.h>
#include <linux/seq_file.h>
#include <kunit/visibility.h>

#include "hv.h"
#include "pvlock.h"
#include "steal.h"

DEFINE_PER_CPU(struct parley_pvl_counts, parley_pvl_counts);

static struct dentry *pvl_dir;

static void pvl_add(struct parley_pvl_counts *sum, const struct parley_pvl_counts *c)
{
	sum->contended += READ_ONCE(c->contended);
	sum->spins += READ_ONCE(c->spins);
	sum->yields += READ_ONCE(c->yields);
	sum->halts += READ_ONCE(c->halts);
	sum->spurious += READ_ONCE(c->spurious);
	sum->kicks += READ_ONCE(c->kicks);
	sum->unqueued += READ_ONCE(c->unqueued);
	sum->longest = max(sum->longest, READ_ONCE(c->longest));
}

/* Of all processors. */
void parley_pvl_sum(struct parley_pvl_counts *sum)
{
	int cpu;

	*sum = (struct parley_pvl_counts){};
	for_each_possible_cpu(cpu)
		pvl_add(sum, per_cpu_ptr(&parley_pvl_counts, cpu));
}
EXPORT_SYMBOL_IF_KUNIT(parley_pvl_sum);

static void pvl_show(struct seq_file *s, const struct parley_pvl_counts *c)
{
	seq_printf(s, " %11llu %13llu %9llu %9llu %9llu %9llu %9llu %12llu\n",
		   c->contended, c->spins, c->yields, c->halts, c->spurious, c->kicks,
		   c->unqueued, c->longest);
}

static int parley_pvl_locks_show(struct seq_file *s, void *unused)
{
	struct parley_pvl_counts one, sum;
	int cpu;

	seq_printf(s, "hypervisor %s\n", parley_hv.ops->name);
	seq_printf(s, "%4s %11s %13s %9s %9s %9s %9s %9s %12s\n", "cpu", "contended",
		   "spins", "yields", "halts", "spurious", "kicks", "unqueued",
		   "longest/ns");
	for_each_possible_cpu(cpu) {
		one = (struct parley_pvl_counts){};
		pvl_add(&one, per_cpu_ptr(&parley_pvl_counts, cpu));
		if (!one.contended && !one.kicks)
			continue;
		seq_printf(s, "%4d", cpu);
		pvl_show(s, &one);
	}
	parley_pvl_sum(&sum);
	seq_printf(s, "%4s", "all");
	pvl_show(s, &sum);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(parley_pvl_locks);

void parley_pvl_debugfs_init(void)
{
	pvl_dir = debugfs_create_dir("parley_sched", NULL);
	debugfs_create_file("locks", 0400, pvl_dir, NULL, &parley_pvl_locks_fops);
	parley_steal_debugfs_init(pvl_dir);
}

void parley_pvl_debugfs_exit(void)
{
	debugfs_remove(pvl_dir);
}
