// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/parley_sched_device/vcpus: what the host says of our processors, what
 * we say of them, and what became of requests.  And counters, which has what the host counts
 * of them, a row for each; it asks the host.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "device.h"

static struct dentry *psd_dir;

static void psd_show_cpu(struct seq_file *s, int cpu)
{
	struct parley_sched_view v;
	struct psd_yield *y;
	struct psd *psd;

	if (parley_sched_view(cpu, &v))
		return;
	guard(preempt)();
	psd = READ_ONCE(parley_psd_one);
	if (!psd || cpu >= psd->nr)
		return;
	y = &psd->yields[cpu];
	seq_printf(s, "%4d %5u %7u %15llu %15llu %12llu %#18llx %8llu %8llu %8llu %8llu %8llu\n",
		   cpu, v.state, v.changes, v.ran_ns, v.stolen_ns, v.boosted_ns,
		   le64_to_cpu(READ_ONCE(psd_said(psd, cpu)->word)), y->sent, y->skipped,
		   atomic64_read(&y->ok), atomic64_read(&y->needless),
		   atomic64_read(&y->refused));
}

static int psd_vcpus_show(struct seq_file *s, void *unused)
{
	int cpu;

	seq_printf(s, "%4s %5s %7s %15s %15s %12s %18s %8s %8s %8s %8s %8s\n", "cpu", "state",
		   "changes", "ran/ns", "stolen/ns", "boosted/ns", "said", "sent", "skipped",
		   "ok", "needless", "refused");
	for_each_possible_cpu(cpu)
		psd_show_cpu(s, cpu);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(psd_vcpus);

static const char *psd_count_name(u32 what)
{
	static const char *const names[] = {
		[PARLEY_SCHED_PMC_NONE] = "nothing",
		[PARLEY_SCHED_PMC_CYCLES] = "cycles",
		[PARLEY_SCHED_PMC_INSTRUCTIONS] = "instructions",
		[PARLEY_SCHED_PMC_CACHE_REFS] = "cache-references",
		[PARLEY_SCHED_PMC_CACHE_MISSES] = "cache-misses",
		[PARLEY_SCHED_PMC_BRANCHES] = "branches",
		[PARLEY_SCHED_PMC_BRANCH_MISSES] = "branch-misses",
	};

	return what < ARRAY_SIZE(names) ? names[what] : "unknown";
}

static void psd_show_counters(struct seq_file *s, int cpu, const struct parley_sched_counted *c)
{
	const struct parley_sched_pmc *k;

	for (k = c->counter; k < c->counter + le32_to_cpu(c->nr); k++)
		seq_printf(s, "%4d %-16s %20llu %16llu %16llu\n", cpu,
			   psd_count_name(le32_to_cpu(k->what)), le64_to_cpu(k->value),
			   le64_to_cpu(k->enabled_ns), le64_to_cpu(k->running_ns));
}

static int psd_counters_show(struct seq_file *s, void *unused)
{
	struct parley_sched_counted c;
	int cpu, err;

	seq_printf(s, "%4s %-16s %20s %16s %16s\n", "cpu", "what", "value", "enabled/ns",
		   "running/ns");
	for_each_online_cpu(cpu) {
		err = parley_sched_count(cpu, &c);
		if (err)
			return err;
		psd_show_counters(s, cpu, &c);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(psd_counters);

/** parley_psd_show_init() - make the view; without debugfs there is none */
void parley_psd_show_init(void)
{
	psd_dir = debugfs_create_dir("parley_sched_device", NULL);
	debugfs_create_file("vcpus", 0400, psd_dir, NULL, &psd_vcpus_fops);
	debugfs_create_file("counters", 0400, psd_dir, NULL, &psd_counters_fops);
}

/** parley_psd_show_exit() - the mirror of parley_psd_show_init() */
void parley_psd_show_exit(void)
{
	debugfs_remove(psd_dir);
}
